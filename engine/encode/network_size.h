/* Networks as large as a target wants them. Layers are as set, 5 by SOAP unless told otherwise (docs/fitting.md,
 * Shapes), and the rate goes by the width that is tried (siren_settings_widen). The width follows from the bytes that a
 * trained and packed network really takes: one block, or as many as the device trains at once, is trained for a few
 * epochs, by which its bytes hardly change any more. */
#ifndef SIREN_ENGINE_ENCODE_NETWORK_SIZE_H
#define SIREN_ENGINE_ENCODE_NETWORK_SIZE_H

#include "engine/encode/encoder.h"

/* What is to be sized. Everything is borrowed. */
typedef struct {
    siren_device *device;
    const siren_series *series;
    const siren_layout *layout;     /* grid, mask, weight_bits; its network is not looked at */
    const siren_scaling *limits;    /* (n_volumes) of the survey; NULL: none */
    const siren_settings *settings; /* no choice left open but the width */
    size_t n_other_bytes;           /* of the archive beside records and their places in the index */
    size_t memory_limit;            /* of an encoder */
    /* Bits will be taken from the weights until the bytes are those wanted: networks get a unit more than has room or,
     * where bits may be added as well, the width that is nearest. */
    bool filled, nearest;
    siren_record_budget budget; /* of a network; n_bytes 0: weights have all their bits */
    /* By which a record packs otherwise when it is trained to the end; 0: as after few epochs. */
    double longer;
    siren_progress_fn progress;
    void *user;
} siren_network_sizing;

/* One width tried. */
typedef struct {
    uint32_t width;
    size_t n_bytes;      /* of the archive, as the blocks that were trained tell */
    double seconds;      /* to train and encode all blocks for settings->epochs */
    double psnr;         /* mean of the blocks that were trained; infinite where all of them are constant */
    double packed;       /* bytes of a record as stored over those before packing */
    double record_bytes; /* of siren_network_widest() alone: packed, of a network */
    size_t n_networks;   /* blocks that are not constant */
} siren_network_trial;

/* Trains some blocks in the middle for `epochs`, twice where `timed`, as the first time pays for building kernels. */
siren_status siren_network_try(const siren_network_sizing *sizing, uint32_t width, size_t epochs, bool timed,
                               siren_network_trial *out);

/* Blocks in which some volume varies, which are those with a network, and the packed records of all others (NULL: not
 * wanted). */
siren_status siren_network_count(const siren_network_sizing *sizing, size_t *n_networks,
                                 size_t *n_constant_bytes);

/* How many epochs tell bytes and speed. */
size_t siren_network_short_epochs(const siren_settings *settings);

/* The widest networks whose archive takes at most `most_bytes`, or a unit more where the sizing says so, with a trial
 * of nearly or just that width. BOUND where those of one unit take more. */
siren_status siren_network_widest(const siren_network_sizing *sizing, size_t most_bytes, bool timed,
                                  siren_network_trial *out);

/* Bits and taper of the weights, 6 to 9 and 0 to 2, that serve best at equal bytes: fewer lose accuracy and leave bytes
 * for width. The block in the middle is trained to the end and encoded with each. `*packed`: of it, as in a trial.
 * Both stay as they are where that block is constant. */
siren_status siren_network_choose_weights(const siren_network_sizing *sizing, uint32_t width,
                                          siren_settings *chosen, double *packed);

/* The narrowest networks of which some blocks, trained to the end, have a mean PSNR of at least `psnr`. BOUND, with
 * what was reached, where an archive of no more than `most_bytes` has less. */
siren_status siren_network_narrowest(const siren_network_sizing *sizing, double psnr, size_t most_bytes,
                                     siren_network_trial *out);

#endif
