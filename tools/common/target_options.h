/* The options of compress and plan that say what is to be reached. */
#ifndef SIREN_TOOLS_TARGET_OPTIONS_H
#define SIREN_TOOLS_TARGET_OPTIONS_H

#include "engine/options.h"
#include "tools/common/command_line.h"

typedef struct {
    bool lossless;
    const char *of[SIREN_TARGET_NOISE + 1]; /* values as they were given; NULL: not */
} siren_target_options;

#define SIREN_TARGET_OPTIONS(t)                                                                              \
    SIREN_FLAG("lossless", "keep every bit, without networks", &(t).lossless),                               \
        SIREN_TEXT("max-error", "E", "no stored value off by more than E, or than E% of their range",        \
                   &(t).of[SIREN_TARGET_MAX_ERROR]),                                                         \
        SIREN_TEXT("ratio", "R", "a file of at most a part in R of the stored voxels",                       \
                   &(t).of[SIREN_TARGET_RATIO]),                                                             \
        SIREN_TEXT("size", "BYTES", "a file of at most so many bytes, e.g. 2M", &(t).of[SIREN_TARGET_SIZE]), \
        SIREN_TEXT("psnr", "DB", "a mean PSNR of the slices of at least DB", &(t).of[SIREN_TARGET_PSNR]),    \
        SIREN_TEXT("noise", "Q",                                                                             \
                   "a root mean square error of at most Q times the noise, whose\nsigma is estimated for "   \
                   "each volume",                                                                            \
                   &(t).of[SIREN_TARGET_NOISE])

/* Sets the target that was asked for. USAGE for two of them, or what is none. */
siren_status siren_target_options_read(const siren_target_options *targets, siren_compress_options *out);
#endif
