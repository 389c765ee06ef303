/* The gnuplot scripts of tools/figures/panels/. */
#ifndef SIREN_TOOLS_PANELS_H
#define SIREN_TOOLS_PANELS_H

#include "host/embedded.h"

extern const siren_embedded_file siren_panel_scripts[];
extern const size_t siren_n_panel_scripts;

#endif
