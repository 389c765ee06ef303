#include "tools/common/compress_options.h"

#include "tools/tools.h"

#include <stdio.h>
#include <string.h>

siren_wanted siren_wanted_defaults(void) {
    siren_wanted wanted = {.made = siren_compress_defaults()};
    wanted.made.memory_limit = siren_tool_memory();
    return wanted;
}

size_t siren_wanted_options(siren_wanted *wanted, const siren_option *own, size_t n_own, siren_option *out) {
    const char **targets = wanted->targets;
    const siren_option shared[] = {
        SIREN_FLAG("lossless", "keep every bit, without networks", &wanted->lossless),
        SIREN_TEXT("max-error", "E", "no stored value off by more than E, or than E% of their range",
                   &targets[SIREN_TARGET_MAX_ERROR]),
        SIREN_TEXT("ratio", "R", "a file of at most a part in R of the stored voxels",
                   &targets[SIREN_TARGET_RATIO]),
        SIREN_TEXT("size", "BYTES", "a file of at most so many bytes, e.g. 2M", &targets[SIREN_TARGET_SIZE]),
        SIREN_TEXT("psnr", "DB", "a mean PSNR of the slices of at least DB", &targets[SIREN_TARGET_PSNR]),
        SIREN_TEXT("noise", "Q",
                   "a root mean square error of at most Q times the noise, whose\nsigma is estimated for "
                   "each volume",
                   &targets[SIREN_TARGET_NOISE]),
        SIREN_TEXT(
            "mask", "FILE",
            "train on and store only voxels that are not 0 in this 3-D\nimage, the others become a constant; "
            "auto: by MRtrix3's dwi2mask",
            &wanted->made.mask),
        {"memory", "BYTES",
         "bytes for series, training and decoding on host and\ndevice together, e.g. 16G; else half of "
         "the memory:\nphysical, or the control group's",
         SIREN_OPTION_BYTES, &wanted->made.memory_limit, 0x1p20, 0x1p62},
    };
    const size_t n_shared = sizeof shared / sizeof *shared;
    size_t n = siren_setting_options(&wanted->made.settings, out);
    memcpy(out + n, shared, sizeof shared);
    memcpy(out + n + n_shared, own, n_own * sizeof *own);
    return n + n_shared + n_own;
}

siren_status siren_wanted_read(siren_wanted *wanted) {
    siren_target met = wanted->lossless ? SIREN_TARGET_LOSSLESS : SIREN_TARGET_NONE;
    char what[32];
    for (siren_target target = SIREN_TARGET_MAX_ERROR; target <= SIREN_TARGET_NOISE; target++) {
        if (!wanted->targets[target]) continue;
        if (met != SIREN_TARGET_NONE)
            return siren_fail(
                SIREN_USAGE, "--%s and --%s are both targets, of which one can be met; leave out one of them",
                siren_target_name(met), siren_target_name(target));
        met = target;
    }
    if (met == SIREN_TARGET_NONE) return SIREN_OK;
    snprintf(what, sizeof what, "--%s", siren_target_name(met));
    return siren_target_parse(met, what, wanted->lossless ? "true" : wanted->targets[met], &wanted->made);
}
