/* formats/archive: round trips, order, kinds of section, determinism, and what a failed writer leaves behind.
 */
#include "tests/shared/testing.h"
#include "formats/archive.h"
#include "formats/pack.h"
#include "host/rng.h"

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "unit_archive-XXXXXX";
static char path[64], other[64];

static int make_folder(void **state) {
    (void)state;
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/a.siren", folder);
    snprintf(other, sizeof other, "%s/b.siren", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    unlink(path);
    unlink(other);
    return rmdir(folder); /* fails if anything else was left */
}

static size_t files_in_folder(void) {
    size_t n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(dir);
    return n;
}

static void fill(uint8_t *bytes, size_t n_bytes, uint32_t key) {
    for (size_t i = 0; i < n_bytes; i++)
        bytes[i] = (uint8_t)(int)(20 * siren_rng_normal((siren_rng){3, key, 0}, i));
}

#define RECORD_BYTES 3000

static siren_status write_record(siren_archive_writer *writer, uint32_t block) {
    uint8_t bytes[RECORD_BYTES];
    fill(bytes, sizeof bytes, block);
    siren_index_entry entry = {
        .block = block, .decoded_crc = block * 0x0123456789abcdefull, .mse = block / 8.0};
    return siren_archive_writer_record(writer, &entry, bytes, sizeof bytes);
}

/* An archive with four required sections, two attachments (one empty), and the records `blocks`. */
static void write_archive(const char *name, const uint32_t *blocks, size_t n_blocks) {
    siren_archive_writer *writer;
    uint8_t header[352];
    uint64_t n_bytes = 0;
    struct stat facts;
    memset(header, 0, sizeof header);
    fill(header, 20, 9);
    assert_siren_ok(siren_archive_writer_open(name, true, &writer));
    assert_siren_ok(siren_archive_writer_section(writer, SIREN_SECTION_HEADER, header, sizeof header, true));
    assert_siren_ok(siren_archive_writer_section(writer, SIREN_SECTION_GEOMETRY, "geometry", 8, true));
    assert_siren_ok(siren_archive_writer_section(writer, SIREN_SECTION_ATTACHMENT, "", 0, true));
    for (size_t i = 0; i < n_blocks; i++) assert_siren_ok(write_record(writer, blocks[i]));
    assert_siren_ok(
        siren_archive_writer_section(writer, SIREN_SECTION_ATTACHMENT, ".bval 0 1000", 12, false));
    assert_siren_ok(siren_archive_writer_commit(writer, &n_bytes));
    assert_int_equal(stat(name, &facts), 0);
    assert_int_equal(facts.st_size, n_bytes);
}

static void read_back_in_any_order(void **state) {
    (void)state;
    const uint32_t blocks[] = {5, 0, UINT32_MAX, 3}, sorted[] = {0, 3, 5, UINT32_MAX};
    siren_archive *archive;
    const uint8_t *section;
    uint8_t *record, expected[RECORD_BYTES];
    size_t n;
    write_archive(path, blocks, 4);
    assert_siren_ok(siren_archive_open(path, &archive));
    assert_string_equal(siren_archive_path(archive), path);

    assert_int_equal(siren_archive_n_sections(archive), 4);
    assert_true(siren_archive_sections(archive)[0].packed);  /* mostly zeros */
    assert_false(siren_archive_sections(archive)[1].packed); /* packing would enlarge it */
    assert_siren_ok(siren_archive_section(archive, SIREN_SECTION_HEADER, 0, &section, &n));
    memset(expected, 0, sizeof expected);
    fill(expected, 20, 9);
    assert_int_equal(n, 352);
    assert_memory_equal(section, expected, 352);
    const uint8_t *first = section;
    assert_siren_ok(siren_archive_section(archive, SIREN_SECTION_HEADER, 0, &section, &n));
    assert_ptr_equal(section, first);
    assert_siren_ok(siren_archive_section(archive, SIREN_SECTION_ATTACHMENT, 0, &section, &n));
    assert_non_null(section);
    assert_int_equal(n, 0);
    assert_siren_ok(siren_archive_section(archive, SIREN_SECTION_ATTACHMENT, 1, &section, &n));
    assert_int_equal(n, 12);
    assert_memory_equal(section, ".bval 0 1000", 12);
    assert_siren_ok(siren_archive_section(archive, SIREN_SECTION_ATTACHMENT, 2, &section, &n));
    assert_null(section);
    assert_siren_ok(siren_archive_section(archive, SIREN_SECTION_PROVENANCE, 0, &section, &n));
    assert_null(section);
    assert_int_equal(siren_archive_section(archive, SIREN_SECTION_WEIGHTS, 0, &section, &n), SIREN_CORRUPT);
    assert_non_null(strstr(siren_message(), "no section WEIGHTS"));

    assert_int_equal(siren_archive_n_records(archive), 4);
    for (size_t i = 0; i < 4; i++) {
        const siren_index_entry *entry = &siren_archive_index(archive)[i];
        assert_int_equal(entry->block, sorted[i]);
        assert_true(entry->decoded_crc == sorted[i] * 0x0123456789abcdefull);
        assert_true(entry->mse == sorted[i] / 8.0);
        assert_siren_ok(siren_archive_record(archive, i, &record, &n));
        fill(expected, sizeof expected, sorted[i]);
        assert_int_equal(n, sizeof expected);
        assert_memory_equal(record, expected, sizeof expected);
        free(record);
    }
    assert_int_equal(siren_archive_record(archive, 4, &record, &n), SIREN_USAGE);
    siren_archive_close(archive);
}

static void empty_archive_is_one(void **state) {
    (void)state;
    siren_archive_writer *writer;
    siren_archive *archive;
    uint64_t n_bytes;
    assert_siren_ok(siren_archive_writer_open(path, true, &writer));
    assert_siren_ok(siren_archive_writer_commit(writer, &n_bytes));
    assert_int_equal(n_bytes, 32 + 56);
    assert_siren_ok(siren_archive_open(path, &archive));
    assert_int_equal(siren_archive_n_records(archive) + siren_archive_n_sections(archive), 0);
    assert_int_equal(siren_archive_bytes(archive), n_bytes);
    siren_archive_close(archive);
}

static uint8_t *slurp(const char *name, size_t *n_bytes) {
    FILE *file = fopen(name, "rb");
    assert_non_null(file);
    uint8_t *bytes = malloc(100000);
    assert_non_null(bytes);
    *n_bytes = fread(bytes, 1, 100000, file);
    fclose(file);
    return bytes;
}

static void same_calls_give_same_bytes(void **state) {
    (void)state;
    const uint32_t blocks[] = {2, 1, 7};
    size_t n_first, n_second;
    write_archive(path, blocks, 3);
    write_archive(other, blocks, 3);
    uint8_t *first = slurp(path, &n_first), *second = slurp(other, &n_second);
    assert_int_equal(n_first, n_second);
    assert_memory_equal(first, second, n_first);
    free(first);
    free(second);
}

static void packed_record_equals_record(void **state) {
    (void)state;
    siren_archive_writer *writer;
    uint8_t bytes[RECORD_BYTES], *packed;
    siren_index_entry entry = {.block = 4, .mse = 0.5};
    size_t n_packed, n_first, n_second;
    fill(bytes, sizeof bytes, 4);
    assert_siren_ok(siren_pack(bytes, sizeof bytes, &packed, &n_packed));
    assert_siren_ok(siren_archive_writer_open(path, true, &writer));
    assert_siren_ok(siren_archive_writer_packed_record(writer, &entry, packed, n_packed, sizeof bytes));
    assert_siren_ok(siren_archive_writer_commit(writer, NULL));
    assert_siren_ok(siren_archive_writer_open(other, true, &writer));
    assert_siren_ok(siren_archive_writer_record(writer, &entry, bytes, sizeof bytes));
    assert_siren_ok(siren_archive_writer_commit(writer, NULL));
    uint8_t *first = slurp(path, &n_first), *second = slurp(other, &n_second);
    assert_int_equal(n_first, n_second);
    assert_memory_equal(first, second, n_first);
    free(packed);
    free(first);
    free(second);
}

static void unknown_kinds(void **state) {
    (void)state;
    siren_archive_writer *writer;
    siren_archive *archive = NULL;
    const uint8_t *section;
    size_t n;
    assert_siren_ok(siren_archive_writer_open(path, true, &writer));
    assert_siren_ok(siren_archive_writer_section(writer, 0x17f, "future", 6, false));
    assert_siren_ok(siren_archive_writer_section(writer, 0x17f, "future", 6, false));
    assert_siren_ok(siren_archive_writer_commit(writer, NULL));
    assert_siren_ok(siren_archive_open(path, &archive));
    assert_siren_ok(siren_archive_section_at(archive, 1, &section, &n));
    assert_memory_equal(section, "future", 6);
    assert_int_equal(siren_archive_section_at(archive, 2, &section, &n), SIREN_USAGE);
    assert_siren_ok(siren_archive_section_check(archive, 0));
    siren_archive_close(archive);
    archive = NULL;

    assert_siren_ok(siren_archive_writer_open(path, true, &writer));
    assert_siren_ok(siren_archive_writer_section(writer, 0x7f, "future", 6, false));
    assert_siren_ok(siren_archive_writer_commit(writer, NULL));
    assert_int_equal(siren_archive_open(path, &archive), SIREN_UNSUPPORTED);
    assert_null(archive);
    assert_non_null(strstr(siren_message(), "0x7f"));
    assert_non_null(strstr(siren_message(), "newer sirencl"));
}

/* Nobody reads them, so that they cost what they take in the file; damage is found nevertheless. */
static void unknown_kinds_are_checked_as_they_are_stored(void **state) {
    (void)state;
    const size_t n_zeros = (size_t)128 << 20;
    struct rusage before, after;
    siren_archive_writer *writer;
    siren_archive *archive = NULL;
    uint8_t *zeros = NULL, *bytes = NULL;
    size_t n_bytes;
    assert_siren_ok(siren_allocate(&zeros, n_zeros, 1, "zeros"));
    assert_siren_ok(siren_archive_writer_open(NULL, false, &writer));
    assert_siren_ok(siren_archive_writer_section(writer, 0x17f, zeros, n_zeros, true));
    assert_siren_ok(siren_archive_writer_section(writer, 0x17e, zeros, n_zeros, true));
    free(zeros);
    assert_siren_ok(siren_archive_writer_take(writer, &bytes, &n_bytes));
    assert_true(n_bytes < n_zeros / 1000);
    assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
    assert_siren_ok(siren_archive_open_memory(bytes, n_bytes, &archive));
    for (size_t i = 0; i < 2; i++) assert_siren_ok(siren_archive_section_check(archive, i));
    assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
    assert_true(after.ru_maxrss - before.ru_maxrss < 1 << 10);
    bytes[siren_archive_sections(archive)[1].offset + 99] ^= 1;
    assert_siren_ok(siren_archive_section_check(archive, 0));
    assert_int_equal(siren_archive_section_check(archive, 1), SIREN_CORRUPT);
    siren_archive_close(archive);
    free(bytes);
}

static void writer_refuses_misuse_and_leaves_nothing(void **state) {
    (void)state;
    siren_archive_writer *writer;
    siren_index_entry entry = {.block = 1, .mse = NAN};
    unlink(path);
    unlink(other);

    assert_siren_ok(siren_archive_writer_open(path, false, &writer));
    assert_siren_ok(write_record(writer, 1));
    assert_siren_ok(write_record(writer, 1));
    assert_int_equal(siren_archive_writer_commit(writer, NULL), SIREN_USAGE);
    assert_non_null(strstr(siren_message(), "block 1"));

    assert_siren_ok(siren_archive_writer_open(path, false, &writer));
    assert_siren_ok(siren_archive_writer_section(writer, SIREN_SECTION_WEIGHTS, "w", 1, false));
    assert_int_equal(siren_archive_writer_section(writer, SIREN_SECTION_WEIGHTS, "w", 1, false), SIREN_USAGE);
    assert_int_equal(write_record(writer, 1), SIREN_USAGE); /* spoilt */
    assert_int_equal(siren_archive_writer_commit(writer, NULL), SIREN_USAGE);

    /* A finished archive can be read before it appears; nothing is added to it. */
    siren_archive *unfinished;
    const char *name;
    assert_siren_ok(siren_archive_writer_open(path, false, &writer));
    assert_siren_ok(write_record(writer, 1));
    assert_siren_ok(siren_archive_writer_finish(writer, &name));
    assert_siren_ok(siren_archive_open(name, &unfinished));
    assert_int_equal(siren_archive_n_records(unfinished), 1);
    siren_archive_close(unfinished);
    assert_int_equal(write_record(writer, 2), SIREN_USAGE);
    assert_int_equal(siren_archive_writer_commit(writer, NULL), SIREN_USAGE);

    assert_siren_ok(siren_archive_writer_open(path, false, &writer));
    assert_int_equal(siren_archive_writer_record(writer, &entry, "x", 1), SIREN_USAGE);
    siren_archive_writer_discard(writer);

    assert_siren_ok(siren_archive_writer_open(path, false, &writer));
    assert_int_equal(
        siren_archive_writer_section(writer, SIREN_SECTION_HEADER, "x", ((size_t)1 << 30) + 1, false),
        SIREN_UNSUPPORTED);
    siren_archive_writer_discard(writer);

    assert_siren_ok(siren_archive_writer_open(path, false, &writer));
    assert_siren_ok(write_record(writer, 1));
    siren_archive_writer_discard(writer);
    siren_archive_writer_discard(NULL);
    siren_archive_close(NULL);
    assert_int_equal(files_in_folder(), 0);
}

static void existing_file_is_kept(void **state) {
    (void)state;
    siren_archive_writer *writer;
    const uint32_t block = 3;
    siren_archive *archive;
    write_archive(path, &block, 1);
    assert_int_equal(siren_archive_writer_open(path, false, &writer), SIREN_USAGE);
    assert_siren_ok(siren_archive_writer_open(path, true, &writer));
    assert_siren_ok(write_record(writer, 9));
    siren_archive_writer_discard(writer);
    assert_siren_ok(siren_archive_open(path, &archive));
    assert_int_equal(siren_archive_index(archive)[0].block, 3);
    siren_archive_close(archive);
}

/* A disk that is full after `limit` bytes, for each limit in turn until the archive fits. */
static void full_disk_leaves_nothing(void **state) {
    (void)state;
    struct rlimit before, small;
    size_t failures = 0;
    bool fits = false;
    unlink(path);
    unlink(other);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    for (rlim_t limit = 0; !fits; limit += 61) {
        siren_archive_writer *writer = NULL;
        small = before;
        small.rlim_cur = limit;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        siren_status status = siren_archive_writer_open(path, false, &writer), later = SIREN_OK;
        if (status == SIREN_OK) {
            status = siren_archive_writer_section(writer, SIREN_SECTION_GEOMETRY, "geometry", 8, false);
            if (status == SIREN_OK) status = write_record(writer, 0);
            later = siren_archive_writer_commit(writer, NULL);
            if (status != SIREN_OK) assert_int_equal(later, SIREN_SYSTEM);
            if (status == SIREN_OK) status = later;
        }
        char message[256];
        snprintf(message, sizeof message, "%s", siren_message());
        setrlimit(RLIMIT_FSIZE, &before);
        fits = status == SIREN_OK;
        if (!fits) {
            assert_int_equal(status, SIREN_SYSTEM);
            assert_non_null(strstr(message, path));
            failures++;
        }
        assert_int_equal(files_in_folder(), fits ? 1 : 0);
    }
    signal(SIGXFSZ, handler);
    assert_true(failures > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_back_in_any_order),
        cmocka_unit_test(empty_archive_is_one),
        cmocka_unit_test(same_calls_give_same_bytes),
        cmocka_unit_test(packed_record_equals_record),
        cmocka_unit_test(unknown_kinds),
        cmocka_unit_test(unknown_kinds_are_checked_as_they_are_stored),
        cmocka_unit_test(writer_refuses_misuse_and_leaves_nothing),
        cmocka_unit_test(existing_file_is_kept),
        cmocka_unit_test(full_disk_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
