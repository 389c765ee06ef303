/* The settings of a compression and of an experiment's trials, one row each. Defaults, command line, --help, experiment
 * files, comparison, names and identities of trials, provenance, schema and page of keys go by the rows
 * (docs/experiments.md). */
#ifndef SIREN_ENGINE_SETTINGS_H
#define SIREN_ENGINE_SETTINGS_H

#include "engine/calls.h"

#define SIREN_MAX_SETTINGS 32 /* as many as siren_settings.given has bits */
/* Values of the model's row that name no network: in experiments they need a target. */
#define SIREN_MODEL_AUTO "auto"
#define SIREN_MODEL_TRANSFORM "transform"
#define SIREN_MODEL_PREDICTIVE "predictive"
#define SIREN_LEAST_MINIBATCH 500 /* points; the setting's help tells it */
#define SIREN_SETTING_CHARS 128   /* what a value or a range needs as text at most */

/* What the field holds. All but the last three are one value in experiment files, or a list of them in a grid; the last
 * three stand there in the object "blocks". */
typedef enum {
    SIREN_SETTING_MODEL,   /* const char *, static: a name of engine/model/network.h */
    SIREN_SETTING_WEIGHTS, /* unsigned: bits, or SIREN_FLOAT32_WEIGHTS */
    SIREN_SETTING_CHOICE,  /* an enum whose values are the numbers of `names` */
    SIREN_SETTING_UINT32,
    SIREN_SETTING_SIZE,
    SIREN_SETTING_UINT64,
    SIREN_SETTING_FLOAT,
    SIREN_SETTING_BLOCKS, /* siren_block_kind, and `patch` beside it */
    SIREN_SETTING_AXIS,
    SIREN_SETTING_SPAN
} siren_setting_type;

/* What trials that differ in a setting may share in a sweep. */
typedef enum {
    SIREN_SHARE_NOTHING,
    SIREN_SHARE_BATCH,     /* their networks may be trained side by side */
    SIREN_SHARE_TRAINING,  /* they are trained once */
    SIREN_SHARE_BY_NETWORK /* what their networks allow, which tell the setting */
} siren_setting_share;

/* Flags. NAMED: its value is in every trial's name, not only where that of the whole experiment is another. LATE: at
 * its default, or what was done before it came, it is not in identities and provenance, so that those from then stay.
 * IN_LAYERS: identities tell it in the list of layers. */
enum { SIREN_SETTING_NAMED = 1, SIREN_SETTING_LATE = 2, SIREN_SETTING_IN_LAYERS = 4 };

typedef struct {
    const char *key;      /* "points_per_epoch" */
    const char *option;   /* of compress, without the dashes; NULL: of experiments alone */
    const char *argument; /* how --help calls the value: "N" */
    siren_setting_type type;
    size_t offset;           /* of the field in siren_settings */
    double minimum, maximum; /* of a number */
    double least_option;     /* in the place of the minimum on command lines; 0: the same */
    const char *values;      /* of what is no number: "x, y or z" */
    const char *const
        *names; /* of a choice: its values, NULL past the last; `unset` is the first if it has one */
    const char *values_option; /* in their place on command lines; NULL: the same */
    const char *standard;      /* the default */
    const char
        *before; /* of a LATE one: the value that it stands for where nothing is told; NULL: the default */
    const char *unset; /* what a field of 0 is called, if it is no value but leaves a choice open; or NULL */
    const char *unit,
        *help; /* "steps", of a number, or NULL; "of the optimiser": together what it is, without a full stop */
    const char *provenance; /* key among an archive's provenance; NULL: its network or records tell it */
    siren_setting_share share;
    const char *suffix; /* before the value in a trial's name; NULL: the name's head tells it */
    unsigned flags;
} siren_setting;

/* The rows in the order of identities; NULL past the last. */
const siren_setting *siren_setting_at(size_t i);
/* Whether it is one value in experiment files. */
static inline bool siren_setting_is_value(const siren_setting *setting) {
    return setting->type < SIREN_SETTING_BLOCKS;
}
/* The row of a key or option; NULL where there is none. */
const siren_setting *siren_setting_find(const char *key);

/* Whether a setting was given as text, and no choice left open by it. */
bool siren_setting_is_given(const siren_settings *settings, const char *key);
/* Sets the field in `settings` (a siren_settings) from text. USAGE names `what` ("--epochs"), text and range. */
siren_status siren_setting_parse(const siren_setting *setting, const char *what, const char *text,
                                 void *settings);
/* The field as siren_setting_parse() reads it. Returns `out`. */
char *siren_setting_format(const siren_setting *setting, const void *settings, char out[SIREN_SETTING_CHARS]);
/* What values there are: "1 to 32". Returns `out`. */
char *siren_setting_range(const siren_setting *setting, char out[SIREN_SETTING_CHARS]);

/* Whether the field is one number; a whole one of any width. */
bool siren_setting_is_number(const siren_setting *setting);
uint64_t siren_setting_get_integer(const siren_setting *setting, const void *settings);
void siren_setting_put_integer(const siren_setting *setting, uint64_t value, void *settings);

/* Order of the field's values; 0 for equal ones. */
int siren_setting_compare(const siren_setting *setting, const siren_settings *a, const siren_settings *b);
void siren_setting_copy(const siren_setting *setting, const siren_settings *from, siren_settings *to);
/* Whether it came late and is at what was done before: then identities and provenance leave it out. */
bool siren_setting_is_untold(const siren_setting *setting, const siren_settings *settings);

/* The same of all settings in which trials that share more than `most` may not differ, SIREN_SHARE_TRAINING: of all,
 * but those that networks tell. */
int siren_settings_compare(const siren_settings *a, const siren_settings *b, siren_setting_share most);

/* The published setting of the 2-D networks; nothing is given. */
siren_settings siren_settings_defaults(void);
/* USAGE names a number that is out of its range, as `what`, its option or key. Those of the network are left to it. */
siren_status siren_settings_check(const siren_settings *settings);
/* Makes the choices left open for networks of `n_inputs` coordinates of a voxel, those of siren-nd being as its blocks
 * have them: rate, its schedule, and kind of blocks. */
void siren_settings_resolve(siren_settings *settings, uint32_t n_inputs);
/* Whether the rate goes by the width, where none is given. */
bool siren_settings_rate_by_width(const siren_settings *settings);
/* Gives networks that are as large as a target wants them their width, and the rate that goes by it where none was
 * given. */
void siren_settings_widen(siren_settings *settings, uint32_t width);

/* One value of a command line; a span is "a:b", "a:", ":b" or "a" (one), counted from 0, b not included, never empty.
 * USAGE names `what`. */
siren_status siren_parse_real(const char *what, const char *text, double minimum, double maximum,
                              double *out);
siren_status siren_parse_span(const char *what, const char *text, siren_span *out);
/* "X,Y,Z", or with another separator: three whole numbers and nothing else. */
bool siren_parse_three(const char *text, char separator, size_t out[3]);
/* "1500000", "512M", "16G" (powers of 1024). */
siren_status siren_parse_bytes(const char *what, const char *text, double minimum, double maximum,
                               size_t *out);

#endif
