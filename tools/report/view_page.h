/* One result as a page: facts, sizes, pictures, fidelity. */
#ifndef SIREN_TOOLS_VIEW_PAGE_H
#define SIREN_TOOLS_VIEW_PAGE_H

#include "lab/picture/montage.h"

/* What the page shows. The files' names are those that the user gave. */
typedef struct {
    const char *command; /* that wrote it: "view" */
    siren_montage_options montage;
    const char *page;
    bool overwrite;
} siren_view_options;

/* Makes the page, self-contained, without scripts; nothing appears under its name but the whole page, and
 * nothing but a page is replaced. Other errors as of siren_montage_make(). `device` NULL decodes on the host.
 * `options->montage.folder` is not looked at. */
siren_status siren_view_page_write(siren_device *device, const siren_view_options *options,
                                   siren_progress_fn progress, void *user);

#endif
