/* How the chain family lays out its work; shared by training and decoding. */
#ifndef SIREN_ENGINE_KERNELS_CHAIN_FORWARD_H
#define SIREN_ENGINE_KERNELS_CHAIN_FORWARD_H

#include "engine/kernels/configured.h"
#include "host/opencl/launch.h"

/* Build options of chain.cl, decode.cl and peak.cl. */
void siren_chain_options(const siren_configuration *configuration, char *out, size_t size);
/* Launches chain_pack: weights as strips; `backward` may be NULL. */
siren_status siren_chain_pack(siren_kernel *pack, const siren_network *network, size_t n_networks,
                              siren_buffer *forward, siren_buffer *backward, const siren_buffer *params,
                              const siren_buffer *table);

#endif
