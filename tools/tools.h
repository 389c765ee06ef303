/* The subcommands of sirencl, and what several of them share. Each takes its own name as argv[0]. */
#ifndef SIREN_TOOLS_TOOLS_H
#define SIREN_TOOLS_TOOLS_H

#include "formats/anonymise.h"
#include "formats/config.h"
#include "host/staging.h"
#include "tools/common/command_line.h"
#include "tools/common/command_map.h"
#include "tools/common/terminal.h"

#define X(name, help) siren_status siren_tool_##name(int argc, char **argv);
SIREN_TOOL_MAP(X, X)
#undef X

#define SIREN_DEVICE_HELP                                                                                    \
    "cpu, gpu, PLATFORM:INDEX or part of a name, see 'sirencl devices';\nelse $SIRENCL_DEVICE, else the "    \
    "first GPU, else the first device"
#define SIREN_HOST_OPENCL_DEVICE_HELP SIREN_DEVICE_HELP ";\n'host' decodes without OpenCL"

#define SIREN_MEMORY_HELP                                                                                    \
    "refuse what needs more, e.g. 16G; else half of the memory:\nphysical, or the control group's"

/* Opens the device of --device for decoding: *out is NULL for "host". Where none was asked for by name, all that fails
 * of OpenCL leads to the host with a warning: no device, no building, another result, a driver that crashes or hangs,
 * for which the command goes on in a child process (tools/common/driver_guard.h). Call it before there are threads or
 * unfinished outputs. The device is open until the process ends: closing it would let a driver fail once more. */
siren_status siren_tool_open_decoder(const char *choice, siren_device **out);
/* siren_device_open() and siren_devices_open(), after a child process (tools/common/driver_guard.h) has done the same,
 * and the self-test where the device is to `train`: DEVICE where a driver took that one along. Drivers that came
 * through and are still the same are not tried again. What drivers print meanwhile goes to standard error. No threads
 * may have been started. */
siren_status siren_tool_open_device(const char *choice, bool train, siren_device **out);
siren_status siren_tool_open_devices(const char *choice, bool train, siren_device ***out, size_t *n_devices);
/* The same without opening any: what siren_device_list() and siren_devices_visit() do is safe then. */
siren_status siren_tool_try_drivers(void);
/* Makes a device ready to train: its tuning, and the self-test where it has not passed it yet. A device that fails is
 * refused unless `allow_failed`; then nothing is tested, and a warning tells so. */
siren_status siren_tool_prepare_trainer(siren_device *device, bool allow_failed);
#define SIREN_ALLOW_FAILED_HELP "train on a device that fails the self-test, or has not passed it"
/* Lets the device's matrix units train, with a warning where it has none that can be used. */
siren_status siren_tool_use_matrix_units(siren_device *device);
#define SIREN_MATRIX_HELP                                                                                    \
    "train with the GPU's matrix units where it has known ones: products\nof tf32 operands"
/* Lets `gemm` multiply in training on the device: "auto", "own" or "clblast"; NULL is auto. USAGE for others, and for
 * clblast where matrix units are asked for, too. */
siren_status siren_tool_use_gemm(siren_device *device, const char *gemm, bool matrix_units);
#define SIREN_GEMM_HELP                                                                                      \
    "who multiplies matrices in training: own (kernels), clblast, or\nauto: whoever was quicker in "         \
    "'sirencl tune', else own"
/* The mask of --mask: where that is "auto", `made` holds one of `image` as a file, with the tables given or beside it,
 * until siren_tool_mask_free(), and `*mask` becomes its path. */
typedef struct {
    siren_staging *staging;
    char *path;
} siren_tool_mask;
siren_status siren_tool_make_mask(const char *image, const char *bval, const char *bvec, const char **mask,
                                  siren_tool_mask *made);
void siren_tool_mask_free(siren_tool_mask *made);
#define SIREN_MASK_AUTO_HELP "; auto: made by MRtrix3's dwi2mask"
/* A line below the scaled PSNR of an archive. */
#define SIREN_SCALED_PSNR_NOTE                                                                               \
    "               each volume of a block on a range of its own; 'compare' has one peak for all\n"
#define SIREN_RECURSIVE_HELP "take a folder's name for those of the files in it and below\n(also -r)"
/* Prints a document to stdout. */
siren_status siren_tool_print_json(const siren_json *json);

/* Half of the physical memory, or of what the control group of the process may have: the default of --memory. */
size_t siren_tool_memory(void);

#endif
