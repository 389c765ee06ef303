#include "formats/archive.h"
#include "formats/archive_layout.h"
#include "formats/little_endian.h"
#include "formats/original.h"
#include "formats/pack.h"
#include "host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What every sentence about damage ends with. */
#define AGAIN "copy or download it again, or restore it from a backup"
#define MAX_STORED (SIREN_ARCHIVE_MAX_UNPACKED + ((uint64_t)1 << 20))

struct siren_archive {
    char *path;
    int fd;                /* -1 in memory: */
    const uint8_t *memory; /* (bytes), borrowed */
    uint64_t bytes;
    uint64_t table; /* offset of the section table: the end of the bodies */
    siren_section_entry *sections;
    size_t n_sections;
    uint8_t **contents; /* (n_sections) unpacked when first asked for */
    siren_index_entry *records;
    size_t n_records;
    bool coded; /* records may be coded */
};

const char *siren_section_name(uint32_t kind) {
    switch (kind) {
    case SIREN_SECTION_HEADER:
        return "HEADER";
    case SIREN_SECTION_GEOMETRY:
        return "GEOMETRY";
    case SIREN_SECTION_NETWORK:
        return "NETWORK";
    case SIREN_SECTION_WEIGHTS:
        return "WEIGHTS";
    case SIREN_SECTION_BASIS:
        return "BASIS";
    case SIREN_SECTION_ERROR:
        return "ERROR";
    case SIREN_SECTION_PART:
        return "PART";
    case SIREN_SECTION_CONTEXT:
        return "CONTEXT";
    case SIREN_SECTION_LEVELS:
        return "LEVELS";
    case SIREN_SECTION_RESTORATION:
        return "RESTORATION";
    case SIREN_SECTION_CODING:
        return "CODING";
    case SIREN_SECTION_MASK:
        return "MASK";
    case SIREN_SECTION_ACQUISITION:
        return "ACQUISITION";
    case SIREN_SECTION_ATTACHMENT:
        return "ATTACHMENT";
    case SIREN_SECTION_TAIL:
        return "TAIL";
    case SIREN_SECTION_APART:
        return "APART";
    case SIREN_SECTION_PROVENANCE:
        return "PROVENANCE";
    }
    return NULL;
}

static siren_status read_at(const siren_archive *archive, uint64_t offset, void *bytes, size_t n_bytes) {
    uint8_t *next = bytes;
    if (archive->memory) { /* every caller stays within archive->bytes */
        memcpy(bytes, archive->memory + offset, n_bytes);
        return SIREN_OK;
    }
    while (n_bytes > 0) {
        ssize_t n = pread(archive->fd, next, n_bytes, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return siren_fail(SIREN_SYSTEM, "%s: cannot be read: %s", archive->path, strerror(errno));
        if (n == 0)
            return siren_fail(SIREN_SYSTEM,
                              "%s: became shorter while it was read; try again when it is complete",
                              archive->path);
        next += n;
        offset += (uint64_t)n;
        n_bytes -= (size_t)n;
    }
    return SIREN_OK;
}

bool siren_archive_recognise(const char *path) {
    char mark[SIREN_MARK_BYTES];
    SIREN_AT_END(siren_close_at) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return fd >= 0 && read(fd, mark, sizeof mark) == sizeof mark &&
           memcmp(mark, SIREN_MAGIC, sizeof mark) == 0;
}

/* Magic, version and length: what can be said of a file before trusting its structure. */
static siren_status check_prefix(siren_archive *archive, uint8_t *prefix) {
    const char *path = archive->path;
    unsigned long long has = archive->bytes;
    size_t n = has < SIREN_PREFIX_BYTES ? (size_t)has : SIREN_PREFIX_BYTES;
    size_t n_magic = n < SIREN_MARK_BYTES ? n : SIREN_MARK_BYTES;
    if (has == 0) return siren_fail(SIREN_CORRUPT, "%s: is empty; " AGAIN, path);
    SIREN_TRY(read_at(archive, 0, prefix, n));
    if (memcmp(prefix, SIREN_MAGIC, n_magic) != 0) {
        if (n >= 4 && memcmp(prefix + 1, "SIR", 3) == 0)
            return siren_fail(SIREN_CORRUPT,
                              "%s: is damaged in its first 8 bytes, as a transfer in text mode does; copy it "
                              "again in binary mode",
                              path);
        const char *fetch = siren_pointer_fetch(prefix, n);
        if (fetch)
            return siren_fail(SIREN_CORRUPT, "%s: is a text that stands for the archive; get that first (%s)",
                              path, fetch);
        return siren_fail(SIREN_CORRUPT,
                          "%s: is not a sirencl archive; give a .siren file made by sirencl compress", path);
    }
    if (n < SIREN_PREFIX_BYTES)
        return siren_fail(SIREN_CORRUPT, "%s: is truncated to %llu byte%s; " AGAIN, path, has,
                          siren_plural(has));
    if (siren_get_u64(prefix + SIREN_PREFIX_CRC) != siren_crc64(0, prefix, SIREN_PREFIX_CRC))
        return siren_fail(SIREN_CORRUPT, "%s: is damaged in its first %d bytes; " AGAIN, path,
                          SIREN_PREFIX_BYTES);

    uint32_t version = siren_get_u32(prefix + SIREN_PREFIX_VERSION),
             features = siren_get_u32(prefix + SIREN_PREFIX_FEATURES);
    if (version > SIREN_ARCHIVE_VERSION)
        return siren_fail(SIREN_UNSUPPORTED,
                          "%s: has format version %lu, and this sirencl reads up to %d; install a newer "
                          "sirencl",
                          path, (unsigned long)version, SIREN_ARCHIVE_VERSION);
    if (version == 0)
        return siren_fail(SIREN_CORRUPT, "%s: has format version 0, which does not exist; " AGAIN, path);
    if (features & ~SIREN_FEATURE_CODED)
        return siren_fail(SIREN_UNSUPPORTED,
                          "%s: needs the features 0x%lx, which this sirencl does not know; install a newer "
                          "sirencl",
                          path, (unsigned long)(features & ~SIREN_FEATURE_CODED));
    archive->coded = features & SIREN_FEATURE_CODED;

    unsigned long long length = siren_get_u64(prefix + SIREN_PREFIX_LENGTH);
    if (has < length)
        return siren_fail(SIREN_CORRUPT, "%s: is truncated: it has %llu of %llu bytes; " AGAIN, path, has,
                          length);
    if (has > length)
        return siren_fail(
            SIREN_CORRUPT,
            "%s: has %llu byte%s behind the archive's end; keep its first %llu byte%s, or copy it again",
            path, has - length, siren_plural(has - length), length, siren_plural(length));
    return SIREN_OK;
}

/* Reads trailer, section table and index. `*tail` is yours to free(): the table, then the index. */
static siren_status read_tail(siren_archive *archive, const uint8_t *prefix, uint8_t **tail) {
    const char *path = archive->path;
    uint8_t trailer[SIREN_TRAILER_BYTES];
    SIREN_FREE_AT_END uint8_t *bytes = NULL;
    if (archive->bytes < SIREN_PREFIX_BYTES + SIREN_TRAILER_BYTES)
        return siren_fail(SIREN_CORRUPT, "%s: has %llu bytes, fewer than an empty archive; " AGAIN, path,
                          (unsigned long long)archive->bytes);
    uint64_t end = archive->bytes - SIREN_TRAILER_BYTES; /* of the index */
    SIREN_TRY(read_at(archive, end, trailer, sizeof trailer));
    uint64_t crc = siren_crc64(siren_crc64(0, prefix, SIREN_PREFIX_CRC), trailer, SIREN_TRAILER_CRC);
    if (memcmp(trailer + SIREN_TRAILER_END, SIREN_END_MARK, SIREN_MARK_BYTES) != 0 ||
        siren_get_u64(trailer + SIREN_TRAILER_CRC) != crc)
        return siren_fail(SIREN_CORRUPT, "%s: is damaged in its last %d bytes; " AGAIN, path,
                          SIREN_TRAILER_BYTES);

    uint64_t table = siren_get_u64(trailer + SIREN_TRAILER_TABLE);
    uint64_t n_sections = siren_get_u64(trailer + SIREN_TRAILER_SECTIONS);
    uint64_t n_records = siren_get_u64(trailer + SIREN_TRAILER_RECORDS);
    bool fits = table >= SIREN_PREFIX_BYTES && table <= end;
    uint64_t room = fits ? end - table : 0;
    /* After the divisions neither product nor their sum can overflow. */
    if (!fits || n_sections > room / SIREN_TABLE_BYTES || n_records > room / SIREN_INDEX_BYTES ||
        n_sections * SIREN_TABLE_BYTES + n_records * SIREN_INDEX_BYTES != room || room > SIZE_MAX)
        return siren_fail(
            SIREN_CORRUPT,
            "%s: its %llu section%s and %llu record%s do not fit between bytes %llu and %llu; " AGAIN, path,
            (unsigned long long)n_sections, siren_plural(n_sections), (unsigned long long)n_records,
            siren_plural(n_records), (unsigned long long)table, (unsigned long long)end);
    size_t sections_bytes = (size_t)n_sections * SIREN_TABLE_BYTES,
           index_bytes = (size_t)n_records * SIREN_INDEX_BYTES;
    SIREN_TRY(siren_allocate(&bytes, (size_t)room, 1, "the archive's index"));
    SIREN_TRY(read_at(archive, table, bytes, (size_t)room));
    if (siren_get_u64(trailer + SIREN_TRAILER_TABLE_CRC) != siren_crc64(0, bytes, sections_bytes))
        return siren_fail(SIREN_CORRUPT, "%s: its section table is damaged; " AGAIN, path);
    if (siren_get_u64(trailer + SIREN_TRAILER_INDEX_CRC) !=
        siren_crc64(0, bytes + sections_bytes, index_bytes))
        return siren_fail(SIREN_CORRUPT, "%s: its index of blocks is damaged; " AGAIN, path);
    archive->table = table;
    archive->n_sections = (size_t)n_sections;
    archive->n_records = (size_t)n_records;
    *tail = SIREN_TAKE(bytes);
    return SIREN_OK;
}

/* "section HEADER", "unknown section 0x1ff" or "block 7" */
typedef struct {
    char text[SIREN_SECTION_CHARS];
} part_name;

char *siren_section_title(uint32_t kind, char out[SIREN_SECTION_CHARS]) {
    const char *known = siren_section_name(kind);
    if (known)
        snprintf(out, SIREN_SECTION_CHARS, "section %s", known);
    else
        snprintf(out, SIREN_SECTION_CHARS, "unknown section 0x%lx", (unsigned long)kind);
    return out;
}

static part_name section_name(uint32_t kind) {
    part_name name;
    siren_section_title(kind, name.text);
    return name;
}

static part_name block_name(uint32_t block) {
    part_name name;
    snprintf(name.text, sizeof name.text, "block %lu", (unsigned long)block);
    return name;
}

/* Sizes and place of one body, before anything of its size is allocated. */
static siren_status check_body(const siren_archive *archive, part_name name, bool packed, uint64_t offset,
                               uint64_t stored, uint64_t unpacked) {
    if (offset < SIREN_PREFIX_BYTES || offset > archive->table || stored > archive->table - offset)
        return siren_fail(SIREN_CORRUPT,
                          "%s: %s claims %llu byte%s at %llu, outside of bytes %d to %llu; " AGAIN,
                          archive->path, name.text, (unsigned long long)stored, siren_plural(stored),
                          (unsigned long long)offset, SIREN_PREFIX_BYTES, (unsigned long long)archive->table);
    if (unpacked > SIREN_ARCHIVE_MAX_UNPACKED || stored > MAX_STORED)
        return siren_fail(SIREN_CORRUPT,
                          "%s: %s claims %llu bytes unpacked from %llu, more than the limit of %llu; " AGAIN,
                          archive->path, name.text, (unsigned long long)unpacked, (unsigned long long)stored,
                          (unsigned long long)SIREN_ARCHIVE_MAX_UNPACKED);
    if (packed ? unpacked > stored * SIREN_PACK_MAX_RATIO : unpacked != stored)
        return siren_fail(SIREN_CORRUPT,
                          "%s: %s claims %llu byte%s from %llu of the file, which cannot be; " AGAIN,
                          archive->path, name.text, (unsigned long long)unpacked, siren_plural(unpacked),
                          (unsigned long long)stored);
    return SIREN_OK;
}

static siren_status unknown_flags(const siren_archive *archive, part_name name, uint32_t flags) {
    return siren_fail(SIREN_UNSUPPORTED,
                      "%s: %s has the flags 0x%lx, which this sirencl does not know; install a newer sirencl",
                      archive->path, name.text, (unsigned long)flags);
}

static siren_status parse_sections(siren_archive *archive, const uint8_t *table) {
    bool seen[256] = {false}; /* of the known kinds that occur once */
    for (size_t i = 0; i < archive->n_sections; i++, table += SIREN_TABLE_BYTES) {
        uint32_t kind = siren_get_u32(table + SIREN_TABLE_KIND),
                 flags = siren_get_u32(table + SIREN_TABLE_FLAGS);
        siren_section_entry section = {.kind = kind,
                                       .packed = flags & SIREN_FLAG_PACKED,
                                       .offset = siren_get_u64(table + SIREN_TABLE_OFFSET),
                                       .bytes = siren_get_u64(table + SIREN_TABLE_STORED),
                                       .unpacked_bytes = siren_get_u64(table + SIREN_TABLE_UNPACKED),
                                       .crc = siren_get_u64(table + SIREN_TABLE_CRC)};
        bool known = siren_section_name(kind) != NULL;
        part_name name = section_name(kind);
        if (!known && !(kind & SIREN_SECTION_OPTIONAL))
            return siren_fail(SIREN_UNSUPPORTED,
                              "%s: has the section 0x%lx, which this sirencl does not know and cannot do "
                              "without; install a newer sirencl",
                              archive->path, (unsigned long)kind);
        if (flags & ~SIREN_FLAG_PACKED) return unknown_flags(archive, name, flags);
        if (known && kind != SIREN_SECTION_ATTACHMENT) {
            if (seen[kind & 0xff])
                return siren_fail(SIREN_CORRUPT, "%s: has its %s twice; " AGAIN, archive->path, name.text);
            seen[kind & 0xff] = true;
        }
        SIREN_TRY(
            check_body(archive, name, section.packed, section.offset, section.bytes, section.unpacked_bytes));
        archive->sections[i] = section;
    }
    return SIREN_OK;
}

static siren_status parse_index(siren_archive *archive, const uint8_t *index) {
    for (size_t i = 0; i < archive->n_records; i++, index += SIREN_INDEX_BYTES) {
        siren_index_entry record = {.block = siren_get_u32(index + SIREN_INDEX_BLOCK),
                                    .decoded_crc = siren_get_u64(index + SIREN_INDEX_DECODED_CRC),
                                    .mse = siren_get_f64(index + SIREN_INDEX_MSE),
                                    .offset = siren_get_u64(index + SIREN_INDEX_OFFSET),
                                    .bytes = siren_get_u64(index + SIREN_INDEX_STORED),
                                    .unpacked_bytes = siren_get_u64(index + SIREN_INDEX_UNPACKED),
                                    .crc = siren_get_u64(index + SIREN_INDEX_CRC)};
        uint32_t flags = siren_get_u32(index + SIREN_INDEX_FLAGS);
        part_name name = block_name(record.block);
        if (flags & ~(archive->coded ? SIREN_FLAG_PLAIN | SIREN_FLAG_CODED : SIREN_FLAG_PLAIN) ||
            flags == (SIREN_FLAG_PLAIN | SIREN_FLAG_CODED))
            return unknown_flags(archive, name, flags);
        record.plain = flags & SIREN_FLAG_PLAIN;
        record.coded = flags & SIREN_FLAG_CODED;
        if (i && record.block <= archive->records[i - 1].block)
            return siren_fail(SIREN_CORRUPT, "%s: its index has %s behind block %lu; " AGAIN, archive->path,
                              name.text, (unsigned long)archive->records[i - 1].block);
        if (!isfinite(record.mse) || record.mse < 0)
            return siren_fail(SIREN_CORRUPT, "%s: %s has the impossible mean squared error %g; " AGAIN,
                              archive->path, name.text, record.mse);
        SIREN_TRY(
            check_body(archive, name, !record.plain, record.offset, record.bytes, record.unpacked_bytes));
        archive->records[i] = record;
    }
    return SIREN_OK;
}

typedef struct {
    uint64_t offset, bytes;
} extent;

static int compare_extents(const void *a, const void *b) {
    const extent *x = a, *y = b;
    if (x->offset != y->offset) return x->offset > y->offset ? 1 : -1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

/* Bodies leave no gap, which no checksum would cover, and no overlap. */
static siren_status check_tiling(const siren_archive *archive) {
    SIREN_FREE_AT_END extent *extents = NULL;
    size_t n = archive->n_sections + archive->n_records;
    uint64_t next = SIREN_PREFIX_BYTES;
    SIREN_TRY(siren_allocate(&extents, n, sizeof *extents, "the archive's extents"));
    for (size_t i = 0; i < archive->n_sections; i++)
        extents[i] = (extent){archive->sections[i].offset, archive->sections[i].bytes};
    for (size_t i = 0; i < archive->n_records; i++)
        extents[archive->n_sections + i] = (extent){archive->records[i].offset, archive->records[i].bytes};
    qsort(extents, n, sizeof *extents, compare_extents);
    for (size_t i = 0; i <= n; i++) {
        uint64_t offset = i < n ? extents[i].offset : archive->table;
        if (offset != next)
            return siren_fail(SIREN_CORRUPT, "%s: its sections and records %s at byte %llu; " AGAIN,
                              archive->path, offset > next ? "leave a gap" : "overlap",
                              (unsigned long long)(offset > next ? next : offset));
        if (i < n) next += extents[i].bytes; /* at most the table's offset: checked for each body */
    }
    return SIREN_OK;
}

static siren_status create(const char *path, siren_archive **out) {
    SIREN_AT_END(siren_archive_close_at) siren_archive *archive = NULL;
    SIREN_TRY(siren_allocate(&archive, 1, sizeof *archive, "the archive"));
    archive->fd = -1;
    archive->path = strdup(path);
    if (!archive->path) return siren_fail(SIREN_SYSTEM, "out of memory: cannot open %s", path);
    *out = SIREN_TAKE(archive);
    return SIREN_OK;
}

/* Reads what the archive says of its parts. */
static siren_status open_parts(siren_archive *archive) {
    uint8_t prefix[SIREN_PREFIX_BYTES];
    SIREN_FREE_AT_END uint8_t *tail = NULL;
    SIREN_TRY(check_prefix(archive, prefix));
    SIREN_TRY(read_tail(archive, prefix, &tail));
    SIREN_TRY(siren_allocate(&archive->sections, archive->n_sections, sizeof *archive->sections,
                             "the section table"));
    SIREN_TRY(
        siren_allocate(&archive->contents, archive->n_sections, sizeof *archive->contents, "the sections"));
    SIREN_TRY(siren_allocate(&archive->records, archive->n_records, sizeof *archive->records, "the index"));
    SIREN_TRY(parse_sections(archive, tail));
    SIREN_TRY(parse_index(archive, tail + archive->n_sections * SIREN_TABLE_BYTES));
    return check_tiling(archive);
}

siren_status siren_archive_open(const char *path, siren_archive **out) {
    struct stat facts;
    SIREN_AT_END(siren_archive_close_at) siren_archive *archive = NULL;
    SIREN_TRY(create(path, &archive));
    archive->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block */
    if (archive->fd < 0) return siren_file_unopened(path);
    if (fstat(archive->fd, &facts) != 0)
        return siren_fail(SIREN_SYSTEM, "%s: cannot be opened: %s", path, strerror(errno));
    if (!S_ISREG(facts.st_mode))
        return siren_fail(SIREN_USAGE, "%s: is not a regular file; give the path of a .siren file", path);
    archive->bytes = (uint64_t)facts.st_size;
    SIREN_TRY(open_parts(archive));
    *out = SIREN_TAKE(archive);
    return SIREN_OK;
}

siren_status siren_archive_open_memory(const void *bytes, size_t n_bytes, siren_archive **out) {
    SIREN_AT_END(siren_archive_close_at) siren_archive *archive = NULL;
    SIREN_TRY(create(SIREN_ARCHIVE_IN_MEMORY, &archive));
    archive->memory = bytes;
    archive->bytes = n_bytes;
    SIREN_TRY(open_parts(archive));
    *out = SIREN_TAKE(archive);
    return SIREN_OK;
}

void siren_archive_close(siren_archive *archive) {
    if (!archive) return;
    if (archive->fd >= 0) close(archive->fd);
    for (size_t i = 0; archive->contents && i < archive->n_sections; i++) free(archive->contents[i]);
    free(archive->contents);
    free(archive->sections);
    free(archive->records);
    free(archive->path);
    free(archive);
}

const char *siren_archive_path(const siren_archive *archive) { return archive->path; }
uint64_t siren_archive_bytes(const siren_archive *archive) { return archive->bytes; }
size_t siren_archive_n_sections(const siren_archive *archive) { return archive->n_sections; }
const siren_section_entry *siren_archive_sections(const siren_archive *archive) { return archive->sections; }
bool siren_archive_has_section(const siren_archive *archive, uint32_t kind) {
    for (size_t i = 0; i < archive->n_sections; i++)
        if (archive->sections[i].kind == kind) return true;
    return false;
}

size_t siren_archive_n_records(const siren_archive *archive) { return archive->n_records; }
const siren_index_entry *siren_archive_index(const siren_archive *archive) { return archive->records; }

/* One body, whose sizes were checked on opening. `*bytes` is yours to free(). */
static siren_status read_body(const siren_archive *archive, part_name name, bool packed, uint64_t offset,
                              size_t n_stored, size_t n_unpacked, uint64_t crc, uint8_t **bytes) {
    SIREN_FREE_AT_END uint8_t *stored = NULL;
    SIREN_FREE_AT_END char *where = NULL;
    size_t n_where = strlen(archive->path) + sizeof name.text + 3;
    SIREN_TRY(siren_allocate(&where, n_where, 1, "a name"));
    snprintf(where, n_where, "%s: %s", archive->path, name.text);
    SIREN_TRY(siren_allocate(&stored, n_stored, 1, where));
    SIREN_TRY(read_at(archive, offset, stored, n_stored));
    if (siren_crc64(0, stored, n_stored) != crc)
        return siren_fail(SIREN_CORRUPT,
                          "%s is damaged (bytes %llu to %llu); the rest can be read; for this part, " AGAIN,
                          where, (unsigned long long)offset, (unsigned long long)(offset + n_stored));
    if (packed) return siren_unpack(where, stored, n_stored, n_unpacked, bytes);
    *bytes = SIREN_TAKE(stored);
    return SIREN_OK;
}

siren_status siren_archive_section_at(siren_archive *archive, size_t position, const uint8_t **bytes,
                                      size_t *n_bytes) {
    if (position >= archive->n_sections)
        return siren_fail(SIREN_USAGE, "%s: has no section at position %zu, only %zu", archive->path,
                          position, archive->n_sections);
    const siren_section_entry *section = &archive->sections[position];
    if (!archive->contents[position])
        SIREN_TRY(read_body(archive, section_name(section->kind), section->packed, section->offset,
                            (size_t)section->bytes, (size_t)section->unpacked_bytes, section->crc,
                            &archive->contents[position]));
    *bytes = archive->contents[position];
    *n_bytes = (size_t)section->unpacked_bytes;
    return SIREN_OK;
}

siren_status siren_archive_section_check(siren_archive *archive, size_t position) {
    const siren_section_entry *section = &archive->sections[position];
    const uint8_t *kept;
    size_t n_bytes;
    SIREN_FREE_AT_END uint8_t *stored = NULL;
    if (siren_section_name(section->kind))
        return siren_archive_section_at(archive, position, &kept, &n_bytes);
    return read_body(archive, section_name(section->kind), false, section->offset, (size_t)section->bytes,
                     (size_t)section->bytes, section->crc, &stored);
}

siren_status siren_archive_section(siren_archive *archive, uint32_t kind, size_t nth, const uint8_t **bytes,
                                   size_t *n_bytes) {
    for (size_t i = 0; i < archive->n_sections; i++)
        if (archive->sections[i].kind == kind && nth-- == 0)
            return siren_archive_section_at(archive, i, bytes, n_bytes);
    if (!(kind & SIREN_SECTION_OPTIONAL))
        return siren_fail(SIREN_CORRUPT, "%s: has no %s; make it again with sirencl compress", archive->path,
                          section_name(kind).text);
    *bytes = NULL;
    *n_bytes = 0;
    return SIREN_OK;
}

siren_status siren_archive_record(const siren_archive *archive, size_t nth, uint8_t **bytes,
                                  size_t *n_bytes) {
    if (nth >= archive->n_records)
        return siren_fail(SIREN_USAGE, "%s: has no record at position %zu, only %zu", archive->path, nth,
                          archive->n_records);
    const siren_index_entry *record = &archive->records[nth];
    bool packed = !record->plain && !record->coded;
    SIREN_TRY(read_body(archive, block_name(record->block), packed, record->offset, (size_t)record->bytes,
                        (size_t)record->unpacked_bytes, record->crc, bytes));
    *n_bytes = (size_t)(packed ? record->unpacked_bytes : record->bytes);
    return SIREN_OK;
}

siren_status siren_archive_stored_record(const siren_archive *archive, size_t nth, uint8_t **bytes,
                                         size_t *n_bytes) {
    const siren_index_entry *record = &archive->records[nth];
    SIREN_TRY(read_body(archive, block_name(record->block), false, record->offset, (size_t)record->bytes,
                        (size_t)record->unpacked_bytes, record->crc, bytes));
    *n_bytes = (size_t)record->bytes;
    return SIREN_OK;
}
