/* A network's stored parameters through the range coder, both ways (docs/range-coder.md, chapter 4): mixed models by
 * layer, row, column and neighbours. What is read is the bytes that siren_rounded_write() and siren_float32_write()
 * make, bit for bit. */
#ifndef SIREN_ENGINE_ARCHIVE_CODED_PARAMETERS_H
#define SIREN_ENGINE_ARCHIVE_CODED_PARAMETERS_H

#include "engine/coding/range_coder.h"
#include "engine/model/network.h"

/* `bytes`: siren_quantised_bytes(). SYSTEM when out of memory. */
siren_status siren_parameters_put(siren_range_encoder *encoder, const siren_network *network,
                                  unsigned weight_bits, const uint8_t *bytes);
/* The inverse, into `bytes`. What a hostile stream gives may be no parameters: siren_dequantise() checks it. Stops soon
 * after the stream has ended. */
siren_status siren_parameters_get(siren_range_decoder *decoder, const siren_network *network,
                                  unsigned weight_bits, uint8_t *bytes);

#endif
