#include "lab/experiment/setting_json.h"

siren_status siren_setting_read(const siren_setting *s, siren_value value, siren_settings *out) {
    const uint64_t most = s->maximum < 0x1p64 ? (uint64_t)s->maximum : UINT64_MAX;
    const char *text = NULL;
    uint64_t integer = 0;
    double real = 0;
    if (s->type == SIREN_SETTING_FLOAT) {
        SIREN_TRY(siren_value_number(value, s->minimum, s->maximum, &real));
        *(float *)((char *)out + s->offset) = (float)real;
    } else if (siren_setting_is_number(s)) {
        SIREN_TRY(siren_value_integer(value, (uint64_t)s->minimum, most, &integer));
        siren_setting_put_integer(s, integer, out);
    } else {
        SIREN_TRY(siren_value_string(value, &text));
        if (siren_setting_parse(s, s->key, text, out) != SIREN_OK)
            return siren_value_refuse(value, "give %s", s->values);
    }
    return SIREN_OK;
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
