#include "host/rng.h"

#include <math.h>

siren_philox_block siren_philox(siren_philox_block counter, uint32_t key0, uint32_t key1) {
    for (int round = 0; round < 10; round++) {
        uint64_t product0 = (uint64_t)0xD2511F53u * counter.word[0];
        uint64_t product1 = (uint64_t)0xCD9E8D57u * counter.word[2];
        counter =
            (siren_philox_block){{(uint32_t)(product1 >> 32) ^ counter.word[1] ^ key0, (uint32_t)product1,
                                  (uint32_t)(product0 >> 32) ^ counter.word[3] ^ key1, (uint32_t)product0}};
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return counter;
}

static siren_philox_block draw(siren_rng rng, uint64_t group) {
    siren_philox_block counter = {{(uint32_t)group, (uint32_t)(group >> 32), rng.layer, rng.block}};
    return siren_philox(counter, (uint32_t)rng.seed, (uint32_t)(rng.seed >> 32));
}

float siren_rng_uniform(siren_rng rng, uint64_t index) {
    return (float)(draw(rng, index / 4).word[index % 4] >> 8) * 0x1p-24f;
}

double siren_rng_normal(siren_rng rng, uint64_t index) {
    siren_philox_block bits = draw(rng, index);
    double radius = sqrt(-2.0 * log(((double)bits.word[0] + 0.5) * 0x1p-32));
    return radius * cos(6.283185307179586 * ((double)bits.word[1] + 0.5) * 0x1p-32);
}
