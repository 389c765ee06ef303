/* Which kernels a device gets, by made-up facts: family, tile, and what a driver's limits leave. */
#include "engine/kernels/configured.h"
#include "host/opencl/opencl.h"
#include "tests/shared/testing.h"

static siren_device made_up(bool is_cpu, bool is_gpu, unsigned vector_width, bool has_fma,
                            uint64_t local_bytes, size_t max_work_group) {
    siren_device device = {.facts = {.name = "made-up",
                                     .is_cpu = is_cpu,
                                     .is_gpu = is_gpu,
                                     .vector_width = vector_width,
                                     .has_fma = has_fma,
                                     .compute_units = 8,
                                     .clock_mhz = 1000,
                                     .local_bytes = local_bytes,
                                     .global_bytes = (uint64_t)4 << 30,
                                     .max_allocation_bytes = (uint64_t)1 << 30,
                                     .max_work_group = max_work_group}};
    device.facts.family = siren_family_for(&device.facts);
    return device;
}

static void families(void **state) {
    (void)state;
    const struct {
        bool is_cpu, is_gpu;
        unsigned vector_width;
        siren_family family;
    } devices[] = {
        {true, false, 16, SIREN_FAMILY_CHAIN},  /* PoCL with AVX-512, Intel's CPU runtime */
        {true, false, 8, SIREN_FAMILY_CHAIN},   /* PoCL with AVX2 */
        {true, false, 4, SIREN_FAMILY_CHAIN},   /* PoCL on ARM */
        {true, false, 1, SIREN_FAMILY_LAYER},   /* llvmpipe */
        {false, true, 1, SIREN_FAMILY_LAYER},   /* GPUs */
        {false, true, 16, SIREN_FAMILY_LAYER},  /* whatever they like */
        {true, true, 1, SIREN_FAMILY_CHAIN},    /* Oclgrind */
        {false, false, 16, SIREN_FAMILY_LAYER}, /* accelerators */
    };
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
        siren_device device =
            made_up(devices[i].is_cpu, devices[i].is_gpu, devices[i].vector_width, true, 1 << 16, 1024);
        assert_int_equal(device.facts.family, devices[i].family);
    }
}

/* The largest tile that a device has room for, work-items and local memory both. */
static void tiles(void **state) {
    (void)state;
    const struct {
        uint64_t local_bytes;
        size_t max_work_group, items, side;
    } devices[] = {{65536, 1024, 256, 128}, {32768, 256, 256, 128}, {32768, 255, 128, 0},
                   {32768, 128, 128, 0},    {16384, 256, 128, 0},   {32768, 64, 64, 64},
                   {8192, 256, 16, 16},     {32768, 16, 16, 16}};
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
        for (int has_fma = 0; has_fma < 2; has_fma++) {
            siren_device device =
                made_up(false, true, 1, has_fma, devices[i].local_bytes, devices[i].max_work_group);
            siren_configuration chosen = siren_configuration_default(&device);
            siren_layer_tile tile;
            assert_true(siren_layer_tile_fits(&device, &chosen, 128, &tile));
            assert_int_equal(tile.items, devices[i].items);
            if (devices[i].side)
                assert_int_equal(tile.tile_m * tile.tile_n, devices[i].side * devices[i].side);
        }
    siren_device none = made_up(false, true, 1, true, 32768, 8);
    siren_configuration smallest = siren_configuration_default(&none);
    siren_layer_tile tile;
    assert_false(siren_layer_tile_fits(&none, &smallest, 128, &tile));
}

static void lanes(void **state) {
    (void)state;
    siren_device wide = made_up(true, false, 16, true, 32768, 256),
                 narrow = made_up(true, false, 4, false, 32768, 256);
    assert_int_equal(siren_configuration_default(&wide).lanes, 16);
    assert_int_equal(siren_configuration_default(&narrow).lanes, 8);
}

static void loops(void **state) {
    (void)state;
    siren_device device = made_up(true, false, 1, false, 32768, 256);
    siren_network network;
    assert_int_equal(siren_network_from_model("siren-2d", 1, 16, 5000, 30.0f, &network), SIREN_OK);
    assert_int_equal(siren_loops_fit(&device, &network, SIZE_MAX), SIREN_OK);
    device.facts.loop_limit = 65535;
    assert_int_equal(siren_loops_fit(&device, &network, 65534), SIREN_OK);
    assert_int_equal(siren_loops_fit(&device, &network, 65535), SIREN_UNSUPPORTED);
    assert_non_null(strstr(siren_message(), "5000 outputs"));
    assert_non_null(strstr(siren_message(), "--device"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(families), cmocka_unit_test(tiles),
                                       cmocka_unit_test(lanes), cmocka_unit_test(loops)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
