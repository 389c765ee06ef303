#include "engine/train/optimiser.h"

siren_adam_options siren_adam_options_of(const siren_settings *settings) {
    bool soap = settings->optimiser == SIREN_OPTIMISER_SOAP;
    return (siren_adam_options){
        .rate = settings->rate,
        .beta1 = settings->beta1 > 0 ? settings->beta1 : SIREN_ADAM_BETA1,
        .beta2 = settings->beta2 > 0 ? settings->beta2 : soap ? SIREN_SOAP_BETA2 : SIREN_ADAM_BETA2,
        .epsilon = SIREN_ADAM_EPSILON};
}

size_t siren_soap_refresh_of(const siren_settings *settings) {
    return settings->refresh ? settings->refresh : SIREN_SOAP_REFRESH;
}
