#include "engine/predictive/lattice.h"

#include <string.h>

bool siren_lattice_shape(size_t nx, size_t ny, size_t nz, size_t n_volumes, siren_lattice *out) {
    size_t stride, rows, plane, volume, all;
    if (!siren_add(nx, 2 * SIREN_LATTICE_BORDER, &stride) ||
        !siren_add(ny, 2 * SIREN_LATTICE_BORDER, &rows) || !siren_mul(stride, rows, &plane) ||
        !siren_mul(plane, nz, &volume) || !siren_mul(volume, n_volumes, &all) ||
        all > PTRDIFF_MAX / sizeof(int32_t))
        return false;
    *out = (siren_lattice){.nx = nx,
                           .ny = ny,
                           .nz = nz,
                           .n_volumes = n_volumes,
                           .stride = (ptrdiff_t)stride,
                           .plane = (ptrdiff_t)plane,
                           .volume = (ptrdiff_t)volume};
    return true;
}

void siren_lattice_begin_plane(siren_lattice *lattice, size_t volume, size_t z, size_t like) {
    int32_t *first = lattice->values + siren_lattice_at(lattice, volume, z, 0) - SIREN_LATTICE_BORDER;
    size_t n_bytes = (size_t)lattice->stride * sizeof *first;
    const int32_t *above = lattice->values + siren_lattice_at(lattice, like, z, 0) - SIREN_LATTICE_BORDER;
    for (int i = 1; i <= SIREN_LATTICE_BORDER; i++) {
        if (like == volume)
            memset(first - i * lattice->stride, 0, n_bytes);
        else
            memcpy(first - i * lattice->stride, above, n_bytes);
    }
}

void siren_lattice_end_plane(siren_lattice *lattice, size_t volume, size_t z) {
    int32_t *last =
        lattice->values + siren_lattice_at(lattice, volume, z, lattice->ny - 1) - SIREN_LATTICE_BORDER;
    for (int i = 1; i <= SIREN_LATTICE_BORDER; i++)
        memcpy(last + i * lattice->stride, last, (size_t)lattice->stride * sizeof *last);
}

void siren_lattice_fill_borders(siren_lattice *lattice, size_t volume) {
    for (size_t z = 0; z < lattice->nz; z++) {
        siren_lattice_begin_plane(lattice, volume, z, volume ? volume - 1 : 0);
        for (size_t y = 0; y < lattice->ny; y++) {
            int32_t *row = lattice->values + siren_lattice_at(lattice, volume, z, y);
            siren_lattice_begin_row(row, lattice->stride);
            for (size_t x = 0; (lattice->inside || lattice->absent) && x < lattice->nx; x++)
                if (!siren_lattice_has(lattice, volume, z, y, x))
                    row[x] = siren_lattice_between(row + x, lattice->stride);
            siren_lattice_end_row(row, lattice->nx);
        }
        siren_lattice_end_plane(lattice, volume, z);
    }
}
