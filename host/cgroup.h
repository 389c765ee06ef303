/* What the control groups of this process leave it of the machine, as batch systems and containers set it. */
#ifndef SIREN_HOST_CGROUP_H
#define SIREN_HOST_CGROUP_H

#include <stdint.h>

typedef struct {
    uint64_t memory_bytes; /* UINT64_MAX: no limit */
    unsigned processors;   /* a quota of processor time, in whole processors, rounded up; 0: no limit */
} siren_cgroup_limits;

/* The least limits of the process's groups and those above them, of versions 1 and 2. What cannot be read is no limit.
 * `root` is put before every path: "" for this machine. */
siren_cgroup_limits siren_cgroup_read(const char *root);

#endif
