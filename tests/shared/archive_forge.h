/* A small sample archive, and archives that lie: bytes are changed by hand and the checksums put right
 * afterwards. Written from docs/archive-format.md, on purpose without formats/archive_layout.h. */
#ifndef SIREN_TESTS_ARCHIVE_FORGE_H
#define SIREN_TESTS_ARCHIVE_FORGE_H

#include "host/base.h"

/* Writes the sample: 5 sections (HEADER packed, GEOMETRY, an unknown optional kind, ATTACHMENT, PROVENANCE)
 * and the records of blocks 2, 4 and 9, the last one written first. */
siren_status archive_sample_write(const char *path);
#define SAMPLE_SECTIONS 5
#define SAMPLE_RECORDS 3

/* Puts the checksums right: of every body that lies within the file where `bodies`, then of section table and
 * index where the trailer places them within the file, of prefix and trailer. Nothing else is changed. Any
 * bytes are allowed. */
void archive_repair(uint8_t *bytes, size_t n_bytes, bool bodies);

/* Opens `path` and reads all of it. `*n_good` parts (sections and records) were read well. The first failure
 * is returned. */
siren_status archive_read_all(const char *path, size_t *n_good);

#endif
