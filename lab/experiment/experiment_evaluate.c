/* What an experiment file says of evaluations. */
#include "lab/experiment/experiment_parts.h"

static const char *const beside_names[SIREN_N_BESIDE] = {"bval", "bvec", "wm", "gm", "csf"};

const char *siren_beside_name(siren_beside file) { return beside_names[file]; }

siren_status siren_experiment_beside(const char *file, siren_value input, siren_experiment_input *out) {
    static const char *const keys[] = {"bval", "bvec", "tissues"};
    siren_value tissues = siren_value_member(input, "tissues");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (siren_value_exists(siren_value_member(input, "phantom")) &&
            siren_value_exists(siren_value_member(input, keys[i])))
            return siren_value_refuse(siren_value_member(input, keys[i]),
                                      "leave it out: a phantom comes with its own");
    if (siren_value_exists(tissues))
        SIREN_TRY(
            siren_value_keys(tissues, beside_names + SIREN_BESIDE_WM, SIREN_N_BESIDE - SIREN_BESIDE_WM));
    for (siren_beside i = 0; i < SIREN_N_BESIDE; i++) {
        siren_value path = siren_value_member(i < SIREN_BESIDE_WM ? input : tissues, beside_names[i]);
        if (siren_value_exists(path)) SIREN_TRY(siren_value_path(file, path, &out->beside[i]));
    }
    if (!out->beside[SIREN_BESIDE_BVAL] != !out->beside[SIREN_BESIDE_BVEC])
        return siren_value_fail(input, "has only one of bval and bvec: give both, or none");
    return SIREN_OK;
}

siren_status siren_experiment_check_axes(siren_value value, const siren_experiment *x) {
    bool turned = false;
    for (size_t i = 0; i < x->n_trials; i++) turned = turned || x->trials[i].settings.axis != SIREN_AXIS_Z;
    for (size_t i = 0; i < x->n_baselines; i++) turned = turned || x->baselines[i].axis != SIREN_AXIS_Z;
    if (!turned) return SIREN_OK;
    return siren_value_fail(value, "needs slices along z: leave it out, or the axis of the blocks");
}

siren_status siren_experiment_evaluate(siren_value root, siren_experiment *x) {
    static const char *const keys[] = {"tissues", "diffusion", "fod"};
    siren_experiment_evaluation evaluation = {.wanted = true, .tissues = true, .diffusion = true};
    siren_value value = siren_value_member(root, "evaluate"), outputs = siren_value_member(root, "outputs");
    if (!siren_value_exists(value)) return SIREN_OK;
    SIREN_TRY(siren_value_keys(value, keys, sizeof keys / sizeof *keys));
    SIREN_TRY(siren_value_bool(siren_value_member(value, "tissues"), &evaluation.tissues));
    SIREN_TRY(siren_value_bool(siren_value_member(value, "diffusion"), &evaluation.diffusion));
    SIREN_TRY(siren_value_bool(siren_value_member(value, "fod"), &evaluation.fod));
    if (!x->keep_archives)
        return siren_value_refuse(siren_value_member(outputs, "archives"),
                                  "leave it out: evaluations decode archives");
    if (evaluation.fod && !evaluation.diffusion)
        return siren_value_refuse(siren_value_member(value, "fod"),
                                  "leave it out: no diffusion metrics are wanted");
    SIREN_TRY(siren_experiment_check_axes(value, x));
    x->keep_restored = true;
    x->evaluation = evaluation;
    return SIREN_OK;
}
