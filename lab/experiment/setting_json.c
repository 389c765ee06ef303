#include "lab/experiment/setting_json.h"

#include "engine/archive/parameters.h"
#include "engine/model/network.h"

siren_status siren_setting_read(const siren_setting *s, siren_value value, siren_settings *out) {
    const char *names[16], *text = NULL;
    size_t n = 0, number = 0;
    uint64_t integer = 0;
    double real = 0;
    switch (s->type) {
    case SIREN_SETTING_MODEL:
        while (n < 16 && siren_model_name(n)) names[n] = siren_model_name(n), n++;
        SIREN_RETURN_IF_FAILED(siren_value_choice(value, names, n, &number));
        out->model = names[number];
        return SIREN_OK;
    case SIREN_SETTING_WEIGHTS:
        SIREN_RETURN_IF_FAILED(siren_value_string(value, &text));
        if (siren_weights_parse(text, &out->weight_bits)) return SIREN_OK;
        return siren_value_refuse(value, "give float32, or int%d to int%d", SIREN_MIN_WEIGHT_BITS,
                                  SIREN_MAX_WEIGHT_BITS);
    case SIREN_SETTING_FLOAT:
        SIREN_RETURN_IF_FAILED(siren_value_number(value, s->minimum, s->maximum, &real));
        *(float *)((char *)out + s->offset) = (float)real;
        return SIREN_OK;
    default:
        SIREN_RETURN_IF_FAILED(siren_value_integer(
            value, (uint64_t)s->minimum, s->maximum < 0x1p64 ? (uint64_t)s->maximum : UINT64_MAX, &integer));
        siren_setting_put_integer(s, integer, out);
        return SIREN_OK;
    }
}

void siren_setting_write(const siren_setting *s, const siren_settings *settings, siren_json *json) {
    char text[SIREN_SETTING_CHARS];
    if (s->type == SIREN_SETTING_FLOAT)
        siren_json_float(json, s->key, *(const float *)((const char *)settings + s->offset));
    else if (siren_setting_is_number(s))
        siren_json_integer(json, s->key, siren_setting_get_integer(s, settings));
    else
        siren_json_string(json, s->key, siren_setting_format(s, settings, text));
}
