/* The gnuplot scripts of tools/figures/plots/. */
#ifndef SIREN_TOOLS_PLOTS_H
#define SIREN_TOOLS_PLOTS_H

#include "host/embedded.h"

extern const siren_embedded_file siren_plot_scripts[];
extern const size_t siren_n_plot_scripts;

#endif
