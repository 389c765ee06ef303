/* What several subcommands share. */
#include "tools/tools.h"

#include "engine/calls.h"
#ifndef SIREN_WITHOUT_OPENCL
#include "engine/encode/brain_mask.h"
#endif
#include "host/cgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

siren_status siren_tool_make_mask(const char *image, const char *bval, const char *bvec, const char **mask,
                                  siren_tool_mask *made) {
    if (!*mask || strcmp(*mask, SIREN_MASK_AUTO) != 0) return SIREN_OK;
#ifdef SIREN_WITHOUT_OPENCL
    (void)image, (void)bval, (void)bvec, (void)made;
    return siren_fail(SIREN_UNSUPPORTED,
                      "this sirencl was built without what makes masks; give a mask's file");
#else
    SIREN_TRY(siren_staging_open(NULL, NULL, 0, true, &made->staging));
    SIREN_TRY(
        siren_brain_mask_make(image, bval, bvec, made->staging, siren_terminal_progress, NULL, &made->path));
    *mask = made->path;
    return SIREN_OK;
#endif
}

void siren_tool_mask_free(siren_tool_mask *made) {
    siren_staging_discard(made->staging);
    free(made->path);
}

siren_status siren_tool_print_json(const siren_json *json) {
    SIREN_FREE_AT_END char *text = NULL;
    SIREN_TRY(siren_json_text(json, &text));
    fputs(text, stdout);
    return SIREN_OK;
}

size_t siren_tool_memory(void) {
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    size_t bytes;
    if (pages <= 0 || page <= 0 || !siren_mul((size_t)pages, (size_t)page, &bytes)) bytes = (size_t)8 << 30;
    const uint64_t limit = siren_cgroup_read("").memory_bytes;
    return (limit < bytes ? (size_t)limit : bytes) / 2;
}
