/* Decodes a case of `unit_predictive write`, in the folder that it stands in, on whatever machine: values to the file
 * `decoded`, little-endian. Compiled by e2e_elsewhere.sh for machines that are not this one. */
#include "engine/predictive/predictive.h"
#include "formats/series.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t read_file(const char *name, uint8_t **out) {
    FILE *file = fopen(name, "rb");
    if (!file) exit(3);
    fseek(file, 0, SEEK_END);
    long n = ftell(file);
    rewind(file);
    *out = calloc((size_t)n + 1, 1);
    if (!*out || fread(*out, 1, (size_t)n, file) != (size_t)n) exit(3);
    fclose(file);
    return (size_t)n;
}

int main(void) {
    static siren_context_network network;
    uint8_t *mask, *bytes, *section;
    char type[16];
    siren_predictive_plan plan = {.network = NULL};
    FILE *file = fopen("plan", "r");
    if (!file ||
        fscanf(file, "%15s %zu %zu %zu %zu", type, &plan.nx, &plan.ny, &plan.nz, &plan.n_volumes) != 5)
        return 3;
    fclose(file);
    for (int code = 0; code < 2048; code++)
        if (siren_datatype_size((siren_datatype)code) &&
            strcmp(siren_datatype_name((siren_datatype)code), type) == 0)
            plan.datatype = (siren_datatype)code;
    size_t n_bytes = read_file("bytes", &bytes), n_section = read_file("network", &section),
           size = siren_datatype_size(plan.datatype), n = plan.nx * plan.ny * plan.nz * plan.n_volumes;
    read_file("mask", &mask);
    plan.inside = mask;
    if (n_section) {
        if (siren_context_decode("the network", SIREN_CONTEXT_OF_VOXELS, section, n_section, &network) !=
            SIREN_OK)
            return 1;
        plan.network = &network;
    }
    uint8_t *voxels = calloc(n, size);
    if (siren_predictive_decode(&plan, "the case", bytes, n_bytes, voxels) != SIREN_OK) {
        fprintf(stderr, "%s\n", siren_message());
        return 1;
    }
    const uint16_t one = 1;
    if (*(const uint8_t *)&one == 0) /* a big-endian machine */
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < size / 2; k++) {
                uint8_t *value = voxels + i * size, byte = value[k];
                value[k] = value[size - 1 - k];
                value[size - 1 - k] = byte;
            }
    file = fopen("decoded", "wb");
    if (!file || fwrite(voxels, size, n, file) != n || fclose(file) != 0) return 3;
    printf("%zu-bit %s-endian\n", 8 * sizeof(void *), *(const uint8_t *)&one ? "little" : "big");
    return 0;
}
