/* The .siren container: sections and one independent record per block, each with length and checksum. What
 * the bytes of a section mean is the business of engine/archive/record; the container is specified in
 * docs/archive-format.md. */
#ifndef SIREN_FORMATS_ARCHIVE_H
#define SIREN_FORMATS_ARCHIVE_H

#include "host/base.h"

#define SIREN_ARCHIVE_VERSION 1
#define SIREN_ARCHIVE_MAX_UNPACKED ((uint64_t)1 << 30) /* bytes of a section or record after unpacking */

/* Kinds of section. A reader ignores kinds it does not know when their OPTIONAL bit is set and refuses the
 * archive otherwise. All but attachments occur once. */
typedef enum {
    SIREN_SECTION_HEADER = 1,   /* original NIfTI header and extensions, byte for byte */
    SIREN_SECTION_GEOMETRY = 2, /* what blocks there are */
    SIREN_SECTION_NETWORK = 3,  /* the list of layers */
    SIREN_SECTION_WEIGHTS = 4,  /* how parameters are stored */
    SIREN_SECTION_BASIS = 9,    /* what the records of a transform share */
    SIREN_SECTION_ERROR = 12,   /* the largest error of a stored value; records end with corrections */
    SIREN_SECTION_PART = 16,    /* which part of an archive this is; absent: all of it */
    SIREN_SECTION_CONTEXT =
        13,                    /* the network that expects the values of a predictive archive; absent: none */
    SIREN_SECTION_LEVELS = 17, /* the network that expects the levels of a transform archive; absent: none */
    SIREN_SECTION_RESTORATION = 19, /* the network that restores a transform archive's pixels; absent: none */
    SIREN_SECTION_CODING = 8,       /* how records stand for voxels, where no networks do */
    SIREN_SECTION_MASK = 7,         /* voxels that the networks stand for; absent: all of them */
    SIREN_SECTION_ACQUISITION = 18, /* coordinates of volumes; absent: volumes are outputs */
    SIREN_SECTION_ATTACHMENT = 5 | 0x100, /* one file beside the image: name, then its bytes */
    SIREN_SECTION_TAIL = 10 | 0x100,      /* what followed the voxels in the file */
    SIREN_SECTION_APART = 11 | 0x100,     /* how many finite voxels the records keep apart; absent: none */
    SIREN_SECTION_PROVENANCE = 6 | 0x100  /* UTF-8 "key=value\n" lines */
} siren_section_kind;
#define SIREN_SECTION_OPTIONAL 0x100

/* "HEADER"; NULL for a kind that this version does not know. */
const char *siren_section_name(uint32_t kind);

/* What the section table says of a section. */
typedef struct {
    uint32_t kind;
    bool packed;
    uint64_t offset, bytes;  /* as stored in the file */
    uint64_t unpacked_bytes; /* equal to bytes when not packed */
    uint64_t crc;            /* CRC-64 of the stored bytes */
} siren_section_entry;

/* What the index says of a record, readable without touching the record. */
typedef struct {
    uint32_t block; /* number of the block; of a slice its z */
    uint64_t
        decoded_crc; /* CRC-64 of the decoded block: (n_volumes, n_points) stored values, little-endian */
    double mse;      /* of the exact decode, on targets scaled to [0,1]; finite, not negative */
    uint64_t offset, bytes;  /* the packed record in the file: set by the writer */
    uint64_t unpacked_bytes; /* after unpacking: set by the writer */
    uint64_t crc;            /* CRC-64 of the packed record: set by the writer */
    bool plain;              /* stored as it is, not packed; */
    bool coded;              /* by the range coder: the engine makes unpacked_bytes of what is stored */
} siren_index_entry;

/* Writing. One thread at a time. A failure of section or record spoils the archive: commit then fails too. */
typedef struct siren_archive_writer siren_archive_writer;

/* Nothing appears under `path` before commit. `path` NULL: in memory. */
siren_status siren_archive_writer_open(const char *path, bool overwrite, siren_archive_writer **out);
/* `packed`: LZMA the section (headers, attachments) if that makes it smaller. USAGE for a second section of a
 * kind that occurs once, UNSUPPORTED for more than SIREN_ARCHIVE_MAX_UNPACKED bytes, SYSTEM. */
siren_status siren_archive_writer_section(siren_archive_writer *writer, uint32_t kind, const void *bytes,
                                          size_t n_bytes, bool packed);
/* How many there are so far. */
size_t siren_archive_writer_n_sections(const siren_archive_writer *writer);
/* Packs and appends a record; records may come in any order of blocks, the index is sorted. Of `entry` it
 * takes block, decoded_crc and mse. */
siren_status siren_archive_writer_record(siren_archive_writer *writer, const siren_index_entry *entry,
                                         const void *bytes, size_t n_bytes);
/* The same for a record that siren_pack() made of `unpacked_bytes` bytes: threads can pack while one of them
 * appends. Where `entry->plain`, it is stored as it is; where `entry->coded`, siren_record_code() made it. */
siren_status siren_archive_writer_packed_record(siren_archive_writer *writer, const siren_index_entry *entry,
                                                const uint8_t *packed, size_t n_packed,
                                                size_t unpacked_bytes);
/* Writes index and trailer, after which nothing can be added. `*unfinished` is a path under which the archive can be
 * read before it appears; lives as long as the writer. USAGE for a block that was written twice. */
siren_status siren_archive_writer_finish(siren_archive_writer *writer, const char **unfinished);
/* Finishes the archive unless that was done, makes the file appear and frees the writer whatever the result. `*n_bytes`
 * (may be NULL) receives the archive's size. */
siren_status siren_archive_writer_commit(siren_archive_writer *writer, uint64_t *n_bytes);
/* The same in memory: `*bytes` is yours to free(). */
siren_status siren_archive_writer_take(siren_archive_writer *writer, uint8_t **bytes, size_t *n_bytes);
/* Leaves nothing behind and frees the writer. NULL is allowed. */
void siren_archive_writer_discard(siren_archive_writer *writer);
SIREN_POINTER_RELEASE(siren_archive_writer, siren_archive_writer_discard)

/* Whether a file begins as an archive does: what may be replaced by another archive. False where it cannot be read. */
bool siren_archive_recognise(const char *path);

/* Reading. */
typedef struct siren_archive siren_archive;

/* Opens and checks magic, version, trailer, section table and index (structure, order, bounds against the
 * file's size, checksums); sections and records are checked when read. No allocation exceeds what the file's
 * size justifies. CORRUPT (not an archive, truncated, appended to, damaged) or UNSUPPORTED (newer). `*out` is
 * yours: siren_archive_close(). */
siren_status siren_archive_open(const char *path, siren_archive **out);
/* The same for bytes in memory, borrowed until siren_archive_close(). */
siren_status siren_archive_open_memory(const void *bytes, size_t n_bytes, siren_archive **out);
/* NULL is allowed. */
void siren_archive_close(siren_archive *archive);
SIREN_POINTER_RELEASE(siren_archive, siren_archive_close)
const char *siren_archive_path(const siren_archive *archive);
uint64_t siren_archive_bytes(const siren_archive *archive);

/* The section table, borrowed, in the file's order; unknown optional kinds included. */
size_t siren_archive_n_sections(const siren_archive *archive);
const siren_section_entry *siren_archive_sections(const siren_archive *archive);
/* Checks and unpacks the section at `position` of the table; borrowed until close. CORRUPT where damaged, and
 * the other sections and records stay readable. Sections are read once and kept: one thread at a time. */
siren_status siren_archive_section_at(siren_archive *archive, size_t position, const uint8_t **bytes,
                                      size_t *n_bytes);
/* The same for the nth section of `kind`; CORRUPT where a required one is missing, and *bytes = NULL,
 * *n_bytes = 0 with OK where kind is optional and there is no nth. */
siren_status siren_archive_section(siren_archive *archive, uint32_t kind, size_t nth, const uint8_t **bytes,
                                   size_t *n_bytes);

/* Checks the section without giving it out. Of a kind that this version does not know, the checksum alone: nobody reads
 * what it unpacks to, which may be a thousand times the file. */
siren_status siren_archive_section_check(siren_archive *archive, size_t position);

/* Whether there is a section of `kind`. */
bool siren_archive_has_section(const siren_archive *archive, uint32_t kind);

size_t siren_archive_n_records(const siren_archive *archive);
/* Borrowed, sorted by block. */
const siren_index_entry *siren_archive_index(const siren_archive *archive);
/* Reads, checks and unpacks the nth record; a coded one as it is stored. `*bytes` is yours to free(). CORRUPT where
 * damaged; the others stay readable. Several threads may do this at once. */
siren_status siren_archive_record(const siren_archive *archive, size_t nth, uint8_t **bytes, size_t *n_bytes);
/* The same as it is stored, whose checksum was compared: what siren_archive_writer_packed_record() takes, with the
 * record's entry. */
siren_status siren_archive_stored_record(const siren_archive *archive, size_t nth, uint8_t **bytes,
                                         size_t *n_bytes);

#endif
