/* In the place of host/opencl, engine/kernels and engine/care where there is no OpenCL: no device can be opened. */
#include "engine/calls.h"
#include "engine/decode/device_decoder.h"
#include "host/opencl/device.h"

static siren_status no_device(void) {
    return siren_fail(SIREN_NO_DEVICE,
                      "this sirencl was built without OpenCL; decode on the host (--device host)");
}

siren_status siren_device_decoder_create(siren_device *device, const siren_network *network, size_t n_points,
                                         const float *coordinates, siren_device_decoder **out) {
    (void)device, (void)network, (void)n_points, (void)coordinates, (void)out;
    return no_device();
}

siren_status siren_device_decoder_run(siren_device_decoder *decoder, const float *params, float *y) {
    (void)decoder, (void)params, (void)y;
    return no_device();
}

siren_status siren_device_decoder_move(siren_device_decoder *decoder, size_t n_points,
                                       const float *coordinates) {
    (void)decoder, (void)n_points, (void)coordinates;
    return no_device();
}

bool siren_device_replace(siren_device *device) {
    (void)device;
    return false;
}

bool siren_device_is_replaced(const siren_device *device) {
    (void)device;
    return false;
}

void siren_device_decoder_free(siren_device_decoder *decoder) { (void)decoder; }

siren_status siren_device_open(const char *choice, siren_device **out) {
    (void)choice, (void)out;
    return no_device();
}

void siren_device_close(siren_device *device) { (void)device; }

const char *siren_device_name(const siren_device *device) {
    (void)device;
    return "the host";
}

void siren_tune_load(siren_device *device) { (void)device; }
