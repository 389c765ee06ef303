/* formats/archive against damaged and lying archives: each is refused with one sentence, and nothing else
 * happens. With an argument it writes the sample archive there, as a seed for tests/fuzz. */
#include "tests/shared/testing.h"
#include "formats/archive.h"
#include "formats/little_endian.h"
#include "formats/pack.h"
#include "host/file.h"
#include "host/rng.h"
#include "tests/shared/archive_forge.h"

#include <fcntl.h>
#include <math.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "hostile_archive-XXXXXX";
static char path[64]; /* open as `file`, rewritten in place for each case */
static int file;
static char made[64];   /* what a writer commits */
static uint8_t *sample; /* (n_sample) */
static size_t n_sample;
static uint8_t *forged; /* (n_sample + 1000) a copy to spoil */
/* Where the parts of the sample stand. */
static size_t trailer, section_table, record_index;

static void put_file(const uint8_t *bytes, size_t n_bytes) {
    assert_int_equal(pwrite(file, bytes, n_bytes, 0), n_bytes);
    assert_int_equal(ftruncate(file, (off_t)n_bytes), 0);
}

static int make_sample(void **state) {
    (void)state;
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/a.siren", folder);
    snprintf(made, sizeof made, "%s/b.siren", folder);
    if (archive_sample_write(path) != SIREN_OK ||
        siren_file_read(path, 100000, &sample, &n_sample) != SIREN_OK)
        return -1;
    forged = malloc(n_sample + 1000);
    file = open(path, O_RDWR);
    if (!forged || file < 0) return -1;
    trailer = n_sample - 56;
    section_table = (size_t)siren_get_u64(sample + trailer);
    record_index = section_table + 40 * SAMPLE_SECTIONS;
    return record_index + 56 * SAMPLE_RECORDS == trailer ? 0 : -1;
}

static int remove_sample(void **state) {
    (void)state;
    free(sample);
    free(forged);
    close(file);
    unlink(path);
    unlink(made);
    return rmdir(folder);
}

/* Opening must fail and say `word`. */
static void expect_refused(const char *name, siren_status expected, const char *word) {
    siren_archive *untouched = (siren_archive *)sample, *archive = untouched;
    siren_status status = siren_archive_open(name, &archive);
    if (status != expected)
        fail_msg("%s instead of %s (%s)", siren_status_name(status), siren_status_name(expected), word);
    assert_ptr_equal(archive, untouched);
    if (!strstr(siren_message(), word)) fail_msg("\"%s\" lacks \"%s\"", siren_message(), word);
    assert_ptr_equal(strstr(siren_message(), name), siren_message());
}

static void expect_bytes_refused(const uint8_t *bytes, size_t n_bytes, siren_status expected,
                                 const char *word) {
    put_file(bytes, n_bytes);
    expect_refused(path, expected, word);
}

static void sample_is_sound(void **state) {
    (void)state;
    size_t n_good;
    put_file(sample, n_sample);
    assert_siren_ok(archive_read_all(path, &n_good));
    assert_int_equal(n_good, SAMPLE_SECTIONS + SAMPLE_RECORDS);
    /* Repairing what is right changes nothing, so the forger and the format agree. */
    memcpy(forged, sample, n_sample);
    archive_repair(forged, n_sample, true);
    assert_memory_equal(forged, sample, n_sample);
}

static void every_truncation_is_detected(void **state) {
    (void)state;
    for (size_t n = 0; n < n_sample; n++)
        expect_bytes_refused(sample, n, SIREN_CORRUPT, n ? "truncated" : "empty");
}

static void every_flip_is_detected(void **state) {
    (void)state;
    const uint8_t patterns[] = {1, 2, 4, 8, 16, 32, 64, 128, 0xff, 0x55, 0xaa};
    size_t n_opened = 0;
    memcpy(forged, sample, n_sample);
    for (size_t at = 0; at < n_sample; at++)
        for (size_t p = 0; p < sizeof patterns; p++) {
            size_t n_good;
            forged[at] ^= patterns[p];
            put_file(forged, n_sample);
            siren_status status = archive_read_all(path, &n_good);
            if (status != SIREN_CORRUPT)
                fail_msg("byte %zu xor 0x%x: %s", at, (unsigned)patterns[p], siren_status_name(status));
            /* Damage to a body leaves all the others readable; damage elsewhere is found on opening. */
            bool in_body = at >= 32 && at < section_table;
            assert_int_equal(n_good, in_body ? SAMPLE_SECTIONS + SAMPLE_RECORDS - 1 : 0);
            if (in_body)
                assert_true(strstr(siren_message(), "section ") || strstr(siren_message(), "block "));
            n_opened += in_body;
            forged[at] ^= patterns[p];
        }
    assert_int_equal(n_opened, (section_table - 32) * sizeof patterns);
}

static void every_append_is_detected(void **state) {
    (void)state;
    memcpy(forged, sample, n_sample);
    memset(forged + n_sample, 0, 1000);
    for (size_t more = 1; more < 1000; more += 37)
        expect_bytes_refused(forged, n_sample + more, SIREN_CORRUPT, "behind the archive's end");
    /* Its own trailer once more, and a second archive behind the first. */
    memcpy(forged + n_sample, sample + trailer, 56);
    expect_bytes_refused(forged, n_sample + 56, SIREN_CORRUPT, "behind the archive's end");
    siren_put_u64(forged + 16, n_sample + 56);
    siren_put_u64(forged + 24, siren_crc64(0, forged, 24));
    expect_bytes_refused(forged, n_sample + 56, SIREN_CORRUPT, "last 56 bytes");
    archive_repair(forged, n_sample + 56, false);
    expect_bytes_refused(forged, n_sample + 56, SIREN_CORRUPT, "do not fit");
}

static void other_files(void **state) {
    (void)state;
    expect_bytes_refused((const uint8_t *)"n+1 and so on, not ours at all, but long enough", 47,
                         SIREN_CORRUPT, "not a sirencl archive");
    expect_bytes_refused((const uint8_t *)"x", 1, SIREN_CORRUPT, "not a sirencl archive");
    expect_bytes_refused(sample, 0, SIREN_CORRUPT, "empty");

    /* Line ends translated, eighth bits stripped. */
    size_t n = 0;
    for (size_t i = 0; i < n_sample; i++)
        if (!(sample[i] == '\r' && sample[i + 1] == '\n')) forged[n++] = sample[i];
    expect_bytes_refused(forged, n, SIREN_CORRUPT, "text mode");
    for (size_t i = 0; i < n_sample; i++) forged[i] = sample[i] & 0x7f;
    expect_bytes_refused(forged, n_sample, SIREN_CORRUPT, "text mode");

    memcpy(forged, sample, n_sample);
    siren_put_u32(forged + 8, 2);
    siren_put_u64(forged + 24, siren_crc64(0, forged, 24)); /* the trailer of version 2 may look different */
    expect_bytes_refused(forged, n_sample, SIREN_UNSUPPORTED, "format version 2");
    assert_non_null(strstr(siren_message(), "install a newer sirencl"));
    siren_put_u32(forged + 8, 0);
    archive_repair(forged, n_sample, false);
    expect_bytes_refused(forged, n_sample, SIREN_CORRUPT, "version 0");
    siren_put_u32(forged + 8, 1);
    siren_put_u32(forged + 12, 4);
    archive_repair(forged, n_sample, false);
    expect_bytes_refused(forged, n_sample, SIREN_UNSUPPORTED, "features 0x4");

    siren_archive *archive = NULL;
    assert_int_equal(siren_archive_open(folder, &archive), SIREN_USAGE);
    assert_int_equal(siren_archive_open("/nonexistent/a.siren", &archive), SIREN_SYSTEM);
    assert_int_equal(mkfifo(made, 0600), 0);
    expect_refused(made, SIREN_USAGE, "regular file");
    unlink(made);
    assert_null(archive);
}

/* An unsigned number of 4 or 8 bytes put at `at`, checksums right. */
typedef struct {
    size_t at;
    int bytes;
    uint64_t value;
    siren_status expected;
    const char *word;
} lie;

static void sizes_that_lie(void **state) {
    (void)state;
    const uint64_t huge = UINT64_MAX, wrap40 = UINT64_MAX / 40 + 1 + SAMPLE_SECTIONS,
                   wrap56 = UINT64_MAX / 56 + 1;
    const size_t header = section_table, geometry = header + 40, future = header + 80,
                 provenance = header + 160;
    const size_t record = record_index, second = record + 56, third = record + 112;
    const uint64_t stored = siren_get_u64(sample + record + 16),
                   header_stored = siren_get_u64(sample + header + 16);
    const double not_a_number = (double)NAN, infinite = (double)INFINITY, negative = -1e-9;
    uint64_t nan_bits, infinite_bits, negative_bits;
    memcpy(&nan_bits, &not_a_number, 8);
    memcpy(&infinite_bits, &infinite, 8);
    memcpy(&negative_bits, &negative, 8);
    const lie lies[] = {
        /* prefix */
        {16, 8, huge, SIREN_CORRUPT, "truncated"},
        {16, 8, 0, SIREN_CORRUPT, "behind the archive's end"},
        {16, 8, n_sample - 1, SIREN_CORRUPT, "behind the archive's end"},
        /* trailer */
        {trailer, 8, 0, SIREN_CORRUPT, "do not fit"},
        {trailer, 8, 31, SIREN_CORRUPT, "do not fit"},
        {trailer, 8, huge, SIREN_CORRUPT, "do not fit"},
        {trailer, 8, trailer + 1, SIREN_CORRUPT, "do not fit"},
        {trailer, 8, trailer, SIREN_CORRUPT, "do not fit"},
        {trailer, 8, section_table + 40, SIREN_CORRUPT, "do not fit"},
        {trailer + 8, 8, huge, SIREN_CORRUPT, "do not fit"},
        {trailer + 8, 8, wrap40, SIREN_CORRUPT, "do not fit"},
        {trailer + 8, 8, (uint64_t)1 << 60, SIREN_CORRUPT, "do not fit"},
        {trailer + 8, 8, SAMPLE_SECTIONS - 1, SIREN_CORRUPT, "do not fit"},
        {trailer + 16, 8, huge, SIREN_CORRUPT, "do not fit"},
        {trailer + 16, 8, wrap56, SIREN_CORRUPT, "do not fit"},
        {trailer + 16, 8, SAMPLE_RECORDS + 1, SIREN_CORRUPT, "do not fit"},
        {trailer + 16, 8, 0, SIREN_CORRUPT, "do not fit"},
        /* kinds and flags */
        {geometry, 4, SIREN_SECTION_HEADER, SIREN_CORRUPT, "section HEADER twice"},
        {future, 4, SIREN_SECTION_PROVENANCE, SIREN_CORRUPT, "section PROVENANCE twice"},
        {future, 4, 0xff, SIREN_UNSUPPORTED, "section 0xff"},
        {future, 4, 0, SIREN_UNSUPPORTED, "section 0x0"},
        {header + 4, 4, 3, SIREN_UNSUPPORTED, "flags 0x3"},
        {record + 4, 4, 2, SIREN_UNSUPPORTED, "flags 0x2"},
        {record + 4, 4, 1, SIREN_CORRUPT, "which cannot be"}, /* plain: as many bytes as are stored */
        /* places */
        {header + 8, 8, 0, SIREN_CORRUPT, "outside"},
        {header + 8, 8, huge, SIREN_CORRUPT, "outside"},
        {header + 8, 8, section_table + 1, SIREN_CORRUPT, "outside"},
        {header + 8, 8, section_table, SIREN_CORRUPT, "section HEADER"},
        {header + 8, 8, 33, SIREN_CORRUPT, "leave a gap at byte 32"},
        {header + 16, 8, header_stored - 1, SIREN_CORRUPT, "leave a gap"},
        {header + 16, 8, header_stored + 1, SIREN_CORRUPT, "overlap"},
        {header + 16, 8, huge, SIREN_CORRUPT, "outside"},
        {record + 8, 8, siren_get_u64(sample + second + 8), SIREN_CORRUPT, "leave a gap"},
        {record + 16, 8, stored + 1, SIREN_CORRUPT, "overlap"},
        {third + 16, 8, huge - 1, SIREN_CORRUPT, "block 9"},
        /* sizes after unpacking */
        {header + 24, 8, (uint64_t)1 << 60, SIREN_CORRUPT, "more than the limit"},
        {header + 24, 8, header_stored * SIREN_PACK_MAX_RATIO + 1, SIREN_CORRUPT, "which cannot be"},
        {geometry + 24, 8, 17, SIREN_CORRUPT, "which cannot be"},
        {geometry + 24, 8, 0, SIREN_CORRUPT, "which cannot be"},
        {provenance + 24, 8, huge, SIREN_CORRUPT, "section PROVENANCE"},
        {record + 24, 8, huge, SIREN_CORRUPT, "block 2"},
        {record + 24, 8, ((uint64_t)1 << 30) + 1, SIREN_CORRUPT, "more than the limit"},
        {record + 24, 8, stored * SIREN_PACK_MAX_RATIO + 1, SIREN_CORRUPT, "which cannot be"},
        /* order of blocks, errors */
        {second, 4, 2, SIREN_CORRUPT, "behind block 2"},
        {second, 4, 10, SIREN_CORRUPT, "block 9 behind block 10"},
        {record, 4, UINT32_MAX, SIREN_CORRUPT, "block 4 behind block 4294967295"},
        {record + 48, 8, nan_bits, SIREN_CORRUPT, "mean squared error"},
        {record + 48, 8, infinite_bits, SIREN_CORRUPT, "mean squared error"},
        {third + 48, 8, negative_bits, SIREN_CORRUPT, "block 9"},
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        memcpy(forged, sample, n_sample);
        if (lies[i].bytes == 4)
            siren_put_u32(forged + lies[i].at, (uint32_t)lies[i].value);
        else
            siren_put_u64(forged + lies[i].at, lies[i].value);
        archive_repair(forged, n_sample, false);
        put_file(forged, n_sample);
        siren_archive *archive = NULL;
        siren_status status = siren_archive_open(path, &archive);
        if (status != lies[i].expected || !strstr(siren_message(), lies[i].word))
            fail_msg("lie %zu: %s \"%s\" instead of %s \"%s\"", i, siren_status_name(status), siren_message(),
                     siren_status_name(lies[i].expected), lies[i].word);
    }
}

/* Sizes that are possible but wrong are found when the body is unpacked. */
static void wrong_unpacked_size_is_found_on_reading(void **state) {
    (void)state;
    const uint64_t sizes[] = {0, 59, 61, 8192};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n_good;
        memcpy(forged, sample, n_sample);
        siren_put_u64(forged + record_index + 24, sizes[i]);
        archive_repair(forged, n_sample, false);
        put_file(forged, n_sample);
        assert_int_equal(archive_read_all(path, &n_good), SIREN_CORRUPT);
        assert_int_equal(n_good, SAMPLE_SECTIONS + SAMPLE_RECORDS - 1);
        assert_non_null(strstr(siren_message(), "block 2"));
        assert_non_null(strstr(siren_message(), "announced"));
    }
}

/* 64 MiB of zeros packed into 10 kB, announced as `announced` bytes. */
static void bombs_are_refused(void **state) {
    (void)state;
    const size_t n_zeros = (size_t)64 << 20;
    uint8_t *zeros = calloc(n_zeros, 1), *bomb, *record = NULL;
    siren_archive_writer *writer;
    siren_archive *archive;
    siren_index_entry entry = {.block = 6, .mse = 0};
    size_t n_bomb, n;
    assert_non_null(zeros);
    assert_siren_ok(siren_pack(zeros, n_zeros, &bomb, &n_bomb));
    free(zeros);
    const size_t modest[] = {1, 1000, n_zeros - 1};
    for (size_t i = 0; i < 3; i++) {
        assert_siren_ok(siren_archive_writer_open(made, true, &writer));
        assert_siren_ok(siren_archive_writer_packed_record(writer, &entry, bomb, n_bomb, modest[i]));
        assert_siren_ok(siren_archive_writer_commit(writer, NULL));
        assert_siren_ok(siren_archive_open(made, &archive));
        assert_int_equal(siren_archive_record(archive, 0, &record, &n), SIREN_CORRUPT);
        assert_null(record);
        assert_non_null(strstr(siren_message(), "block 6: unpacks to more than the announced"));
        siren_archive_close(archive);
    }
    assert_siren_ok(siren_archive_writer_open(made, true, &writer));
    assert_siren_ok(siren_archive_writer_packed_record(writer, &entry, bomb, n_bomb, (size_t)1 << 30));
    assert_siren_ok(siren_archive_writer_commit(writer, NULL));
    expect_refused(made, SIREN_CORRUPT, "which cannot be");
    free(bomb);
}

/* Random damage with all checksums right: only the checks of the content are left, and none may crash. */
static void repaired_damage_never_crashes(void **state) {
    (void)state;
    size_t n_refused = 0, n_good;
    const int n_trials = 10000;
    for (int trial = 0; trial < n_trials; trial++) {
        siren_rng rng = {11, (uint32_t)trial, 0};
        int n_changes = 1 + (int)(siren_rng_uniform(rng, 0) * 4);
        memcpy(forged, sample, n_sample);
        for (int i = 1; i <= n_changes; i++) {
            /* Half of the changes go to the tables. */
            uint64_t draw = 3 * (uint64_t)i;
            double low = siren_rng_uniform(rng, draw) < .5 ? 32 : (double)section_table;
            size_t at = (size_t)(low + siren_rng_uniform(rng, draw + 1) * ((double)n_sample - low));
            forged[at] = (uint8_t)(256 * siren_rng_uniform(rng, draw + 2));
        }
        archive_repair(forged, n_sample, true);
        put_file(forged, n_sample);
        n_refused += archive_read_all(path, &n_good) != SIREN_OK;
    }
    print_message("%zu of %d refused\n", n_refused, n_trials);
    assert_true(n_refused > 1000 && n_refused < (size_t)n_trials);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        if (archive_sample_write(argv[1]) == SIREN_OK) return 0;
        fprintf(stderr, "%s\n", siren_message());
        return 1;
    }
#ifndef SIREN_WITH_ASAN
    /* An outsized allocation fails, and gives SYSTEM instead of the expected status. */
    const struct rlimit memory = {(rlim_t)512 << 20, (rlim_t)512 << 20};
    setrlimit(RLIMIT_AS, &memory);
#endif
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sample_is_sound),
        cmocka_unit_test(every_truncation_is_detected),
        cmocka_unit_test(every_flip_is_detected),
        cmocka_unit_test(every_append_is_detected),
        cmocka_unit_test(other_files),
        cmocka_unit_test(sizes_that_lie),
        cmocka_unit_test(wrong_unpacked_size_is_found_on_reading),
        cmocka_unit_test(bombs_are_refused),
        cmocka_unit_test(repaired_damage_never_crashes),
    };
    return cmocka_run_group_tests(tests, make_sample, remove_sample);
}
