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

/* An archive taken apart into its bodies, which may be exchanged, and put together again. */
enum { FORGE_MOST_BODIES = 96, FORGE_SECTION_BYTES = 40, FORGE_RECORD_BYTES = 56 };
typedef struct {
    uint8_t entry[FORGE_RECORD_BYTES]; /* as in table or index; offset and stored bytes are written anew */
    const uint8_t *bytes;              /* as stored; borrowed */
    size_t n_bytes;
} forged_body;
typedef struct {
    uint8_t prefix[32], end[8];
    size_t n_sections, n_records;
    forged_body bodies[FORGE_MOST_BODIES]; /* sections, then records */
} forged_archive;
/* False where `bytes` have not the structure of an archive of at most FORGE_MOST_BODIES bodies. */
bool archive_take_apart(const uint8_t *bytes, size_t n_bytes, forged_archive *out);
/* Bodies back to back, with their checksums. The length; 0 where that is more than `most`. */
size_t archive_put_together(const forged_archive *parts, uint8_t *out, size_t most);
/* What `body` (a record where `record`) holds, unpacked where it is packed; yours to free(). NULL where it does not
 * unpack, or into more than `most`. */
uint8_t *forged_body_content(const forged_body *body, bool record, size_t most, size_t *n_content);
/* Gives `body` another content, packed where it was packed. It is borrowed from `*stored`, yours to free(). */
void forged_body_refill(forged_body *body, bool record, const uint8_t *content, size_t n_content,
                        uint8_t **stored);

/* Opens `path` and reads all of it. `*n_good` parts (sections and records) were read well. The first failure
 * is returned. */
siren_status archive_read_all(const char *path, size_t *n_good);

#endif
