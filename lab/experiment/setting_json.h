/* Settings in experiment files. */
#ifndef SIREN_LAB_EXPERIMENT_SETTING_JSON_H
#define SIREN_LAB_EXPERIMENT_SETTING_JSON_H

#include "engine/settings.h"
#include "formats/config.h"

/* The field from an experiment file, and as a member of its JSON; not of the last three types. */
siren_status siren_setting_read(const siren_setting *setting, siren_value value, siren_settings *out);
void siren_setting_write(const siren_setting *setting, const siren_settings *settings, siren_json *json);

#endif
