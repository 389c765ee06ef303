/* The .siren container: sections and one independent record per block, each with length and checksum. What the bytes
 * of a section mean is the business of engine/codec; the container is specified in docs/archive-format.md. */
#ifndef SIREN_FORMATS_ARCHIVE_H
#define SIREN_FORMATS_ARCHIVE_H

#include "host/base.h"

#define SIREN_ARCHIVE_VERSION 1

/* Kinds of section. A reader ignores kinds it does not know when their OPTIONAL bit is set and refuses the archive
 * otherwise. */
typedef enum {
    SIREN_SECTION_HEADER = 1,     /* original NIfTI header and extensions, byte for byte */
    SIREN_SECTION_GEOMETRY = 2,   /* what blocks there are */
    SIREN_SECTION_NETWORK = 3,    /* the list of layers */
    SIREN_SECTION_WEIGHTS = 4,    /* how parameters are stored */
    SIREN_SECTION_ATTACHMENT = 5 | 0x100, /* one file beside the image: name, then its bytes */
    SIREN_SECTION_PROVENANCE = 6 | 0x100  /* UTF-8 "key=value\n" lines */
} siren_section_kind;
#define SIREN_SECTION_OPTIONAL 0x100

/* What the index says of a record, readable without touching the record. */
typedef struct {
    uint32_t block;          /* number of the block within the volume (slice z) */
    uint64_t decoded_crc;    /* CRC-64 of the decoded block: (n_volumes, n_points) stored values, little-endian */
    double mse;              /* of the exact decode, on targets scaled to [0,1] */
    uint64_t offset, bytes;  /* the packed record in the file: set by the writer */
    uint64_t unpacked_bytes; /* after unpacking: set by the writer */
    uint64_t crc;            /* CRC-64 of the packed record: set by the writer */
} siren_index_entry;

typedef struct siren_archive_writer siren_archive_writer;

/* Nothing appears under `path` before commit. */
siren_status siren_archive_writer_open(const char *path, bool overwrite, siren_archive_writer **out);
/* `packed`: LZMA the section (headers, attachments). */
siren_status siren_archive_writer_section(siren_archive_writer *writer, uint32_t kind, const void *bytes, size_t n_bytes, bool packed);
/* Packs and appends a record; records may come in any order of blocks, the index is sorted. */
siren_status siren_archive_writer_record(siren_archive_writer *writer, const siren_index_entry *entry, const void *bytes, size_t n_bytes);
/* Writes index and trailer, makes the file appear and frees the writer whatever the result. `*n_bytes` (may be NULL)
 * receives the archive's size. */
siren_status siren_archive_writer_commit(siren_archive_writer *writer, uint64_t *n_bytes);
void siren_archive_writer_discard(siren_archive_writer *writer);

typedef struct siren_archive siren_archive;

/* Opens and checks magic, version, trailer, section table and index (structure, order, bounds against the file's size,
 * checksums); records are checked when read. No allocation exceeds what the file's size justifies. */
siren_status siren_archive_open(const char *path, siren_archive **out);
void siren_archive_close(siren_archive *archive);
const char *siren_archive_path(const siren_archive *archive);
uint64_t siren_archive_bytes(const siren_archive *archive);
/* The nth section of `kind`, unpacked and borrowed until close; CORRUPT where a required one is missing, and
 * *bytes = NULL with OK where kind is optional and there is no nth. */
siren_status siren_archive_section(siren_archive *archive, uint32_t kind, size_t nth, const uint8_t **bytes, size_t *n_bytes);
size_t siren_archive_n_records(const siren_archive *archive);
/* Borrowed, sorted by block. */
const siren_index_entry *siren_archive_index(const siren_archive *archive);
/* Reads, checks and unpacks the nth record. `*bytes` is yours to free(). */
siren_status siren_archive_record(const siren_archive *archive, size_t nth, uint8_t **bytes, size_t *n_bytes);

#endif
