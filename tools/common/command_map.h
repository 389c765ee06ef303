/* The subcommands of sirencl, one row each: dispatch, help, man pages and completion go by them. */
#ifndef SIREN_TOOLS_COMMAND_MAP_H
#define SIREN_TOOLS_COMMAND_MAP_H

/* name, line of `sirencl --help`; Y: those that need OpenCL */
#define SIREN_TOOL_MAP(X, Y)                                                                                 \
    Y(compress, "a NIfTI series into an archive")                                                            \
    Y(plan, "what compress would make of a series by each model: size, PSNR, time")                          \
    X(decompress, "an archive, or a part of it, into a NIfTI series")                                        \
    X(info, "what an archive holds: size, ratio, PSNR, network")                                             \
    Y(join, "the archives of parts of a compression into one")                                               \
    X(verify, "every checksum of an archive, and that each block decodes to the recorded bits")              \
    X(compare, "two NIfTI series: MSE, PSNR, maximal and relative error")                                    \
    Y(evaluate, "what a result has kept: intensities, SSIM, diffusion metrics through MRtrix3")              \
    Y(panel, "a slice of several results beside the original: values, relative error, SSIM")                 \
    Y(glyphs, "the diffusion in a slice of several results: colours, tensors, fibre orientations")           \
    Y(view, "an archive as one HTML page to look at, beside its original where that is given")               \
    Y(sweep, "every trial of an experiment file, into a run folder")                                         \
    Y(devices, "the OpenCL devices and what sirencl makes of them")                                          \
    Y(selftest, "known answers of every kernel on a device")                                                 \
    Y(bench, "a device's multiply-add peak, and training and decoding as shares of it")                      \
    Y(tune, "the quickest configuration of a device's kernels, for all commands from then on")               \
    Y(report, "the run of a sweep as one HTML page with figures and tables")                                 \
    Y(phantom, "a brain-like diffusion MRI series to try things on")

#endif
