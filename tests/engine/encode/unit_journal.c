/* A journal that is cut off or damaged anywhere loses the pieces concerned and no others; it is one process's, and
 * nobody else's file is touched. */
#include "tests/shared/testing.h"
#include "engine/encode/journal.h"
#include "tests/shared/nifti_files.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_PIECES = 5, MOST_BYTES = 4096 };
static const char facts[] = "image 4x4\nepochs 7\n", others[] = "image 4x4\nepochs 8\n";
static const size_t lengths[N_PIECES] = {1, 40, 0, 300, 17};
static const char *path;

/* The nth piece; the fourth is full of bytes that look like another journal's. */
static void make_piece(size_t nth, uint8_t *bytes) {
    for (size_t i = 0; i < lengths[nth]; i++)
        bytes[i] = nth == 3 ? (uint8_t) "\x8dpiece\r\n\1\0\0\0\0\0\0\0"[i % 16] : (uint8_t)(31 * nth + i);
}

static void add_piece(siren_journal *journal, size_t nth) {
    uint8_t bytes[512];
    make_piece(nth, bytes);
    assert_siren_ok(siren_journal_add(journal, bytes, lengths[nth]));
}

/* Which of the pieces are there, a bit each; anything else ends the test. */
static unsigned pieces_of(const siren_journal *journal) {
    unsigned found = 0;
    for (size_t i = 0; i < siren_journal_count(journal); i++) {
        uint8_t *bytes = NULL, wanted[512];
        size_t n_bytes, nth = 0;
        assert_siren_ok(siren_journal_read(journal, i, &bytes, &n_bytes));
        for (; nth < N_PIECES; nth++) {
            make_piece(nth, wanted);
            if (n_bytes == lengths[nth] && memcmp(bytes, wanted, n_bytes) == 0) break;
        }
        free(bytes);
        assert_true(nth < N_PIECES);
        found |= 1u << nth;
    }
    return found;
}

/* A file with all pieces; `ends` of each, and of the head before them. Returns its length. */
static size_t make_journal(uint8_t bytes[MOST_BYTES], size_t ends[N_PIECES + 1]) {
    siren_journal *journal = NULL;
    struct stat file;
    unlink(path);
    assert_siren_ok(siren_journal_open(path, facts, false, &journal));
    for (size_t nth = 0; nth <= N_PIECES; nth++) {
        assert_int_equal(stat(path, &file), 0);
        ends[nth] = (size_t)file.st_size;
        if (nth < N_PIECES) add_piece(journal, nth);
    }
    assert_siren_ok(siren_journal_flush(journal));
    siren_journal_close(journal, true);
    size_t n;
    uint8_t *whole = file_get(path, &n);
    assert_true(n <= MOST_BYTES && n == ends[N_PIECES]);
    memcpy(bytes, whole, n);
    free(whole);
    return n;
}

/* After any damage: what was found stays, and what is missing can be added again. */
static void mend(siren_journal *journal, unsigned found) {
    for (size_t nth = 0; nth < N_PIECES; nth++)
        if (!(found >> nth & 1)) add_piece(journal, nth);
    siren_journal_close(journal, true);
    assert_siren_ok(siren_journal_open(path, facts, false, &journal));
    assert_int_equal(pieces_of(journal), (1u << N_PIECES) - 1);
    siren_journal_close(journal, true);
}

static void a_file_cut_off_keeps_the_pieces_before(void **state) {
    (void)state;
    uint8_t bytes[MOST_BYTES];
    size_t ends[N_PIECES + 1], n = make_journal(bytes, ends);
    for (size_t cut = 0; cut <= n; cut++) {
        siren_journal *journal = NULL;
        unsigned wanted = 0;
        for (size_t nth = 0; nth < N_PIECES; nth++) wanted |= (unsigned)(ends[nth + 1] <= cut) << nth;
        file_put(path, bytes, cut);
        assert_siren_ok(siren_journal_open(path, facts, false, &journal));
        assert_int_equal(pieces_of(journal), wanted);
        mend(journal, wanted);
    }
}

static void a_damaged_byte_costs_one_piece(void **state) {
    (void)state;
    uint8_t bytes[MOST_BYTES];
    size_t ends[N_PIECES + 1], n = make_journal(bytes, ends);
    for (size_t at = 0; at < n; at++) {
        siren_journal *journal = NULL;
        unsigned wanted = (1u << N_PIECES) - 1;
        for (size_t nth = 0; nth < N_PIECES; nth++)
            if (at >= ends[nth] && at < ends[nth + 1]) wanted &= ~(1u << nth);
        bytes[at] ^= (uint8_t)(1u << at % 8);
        file_put(path, bytes, n);
        bytes[at] ^= (uint8_t)(1u << at % 8);
        assert_siren_ok(siren_journal_open(path, facts, false, &journal));
        assert_int_equal(pieces_of(journal), wanted);
        mend(journal, wanted);
    }
}

/* Bytes missing, added or zeroed at random, as file systems leave them. */
static void torn_writes_cost_the_pieces_they_touch(void **state) {
    (void)state;
    uint8_t bytes[MOST_BYTES], torn[2 * MOST_BYTES];
    size_t ends[N_PIECES + 1], n = make_journal(bytes, ends);
    srand(1);
    for (int round = 0; round < 1000; round++) {
        siren_journal *journal = NULL;
        size_t from = (size_t)rand() % n, length = (size_t)rand() % (n - from), n_torn = n;
        unsigned least = 0;
        for (size_t nth = 0; nth < N_PIECES; nth++)
            least |= (unsigned)(ends[nth + 1] <= from || ends[nth] >= from + length) << nth;
        memcpy(torn, bytes, n);
        if (round % 3 == 0) memset(torn + from, 0, length);
        if (round % 3 == 1) memmove(torn + from, bytes + from + length, (n_torn = n - length) - from);
        if (round % 3 == 2) {
            memmove(torn + from + length, bytes + from, n - from);
            memset(torn + from, round, length);
            n_torn = n + length;
            least = 0;
            for (size_t nth = 0; nth < N_PIECES; nth++)
                least |= (unsigned)(ends[nth + 1] <= from || ends[nth] >= from) << nth;
        }
        file_put(path, torn, n_torn);
        siren_status status = siren_journal_open(path, facts, false, &journal);
        if (status == SIREN_UNSUPPORTED) { /* its beginning is gone, and nothing in it was left */
            assert_true(least == 0 && from < 18);
            continue;
        }
        assert_siren_ok(status);
        unsigned found = pieces_of(journal);
        assert_int_equal(found & least, least);
        mend(journal, found);
    }
}

static void other_facts_are_refused_until_dropped(void **state) {
    (void)state;
    uint8_t bytes[MOST_BYTES];
    siren_journal *journal = NULL;
    size_t ends[N_PIECES + 1], n = make_journal(bytes, ends), m;
    assert_int_equal(siren_journal_open(path, others, false, &journal), SIREN_USAGE);
    assert_non_null(strstr(siren_message(), "'epochs 7' instead of 'epochs 8'"));
    uint8_t *after = file_get(path, &m);
    assert_true(m == n && memcmp(after, bytes, n) == 0);
    free(after);
    bytes[ends[1] - 1] ^= 1; /* damaged as well: not one piece may go */
    for (size_t nth = 1; nth < N_PIECES; nth++) bytes[ends[nth]] ^= 1;
    file_put(path, bytes, n);
    assert_int_equal(siren_journal_open(path, others, false, &journal), SIREN_USAGE);
    assert_siren_ok(siren_journal_open(path, others, true, &journal));
    assert_int_equal(siren_journal_count(journal), 0);
    siren_journal_close(journal, true); /* without pieces it goes */
    assert_false(file_exists(path));
}

/* Nothing that steers a terminal is shown of a file of other facts, and bytes beyond ASCII compare as they are. */
static void what_is_shown_steers_no_terminal(void **state) {
    (void)state;
    static const char strange[] = "image \xc3\xa9\nepochs \x9b\x1b[2J\n",
                      ours[] = "image \xc3\xa9\nepochs 8\n";
    siren_journal *journal = NULL;
    assert_siren_ok(siren_journal_open(path, strange, true, &journal));
    add_piece(journal, 1);
    siren_journal_close(journal, true);
    assert_int_equal(siren_journal_open(path, ours, false, &journal), SIREN_USAGE);
    assert_non_null(strstr(siren_message(), "with 'epochs   [2J' instead of 'epochs 8'"));
    unlink(path);
}

/* Bytes that this process has read so far; 0 where the system does not tell. */
static unsigned long long bytes_read(void) {
    unsigned long long n = 0;
    FILE *file = fopen("/proc/self/io", "r");
    if (file && fscanf(file, "rchar: %llu", &n) != 1) n = 0;
    if (file) fclose(file);
    return n;
}

/* It was read 8192 times. */
static void a_file_of_marks_is_read_few_times(void **state) {
    (void)state;
    enum { LENGTH = 1 << 22 };
    siren_journal *journal = NULL;
    size_t n;
    unlink(path);
    assert_siren_ok(siren_journal_open(path, facts, false, &journal));
    add_piece(journal, 1);
    siren_journal_close(journal, true);
    SIREN_FREE_AT_END uint8_t *head = file_get(path, &n), *bytes = malloc(LENGTH);
    assert_non_null(bytes);
    for (size_t at = 0; at < LENGTH; at += 8) memcpy(bytes + at, "\x8dpiece\r\n", 8);
    memcpy(bytes, head, n);
    file_put(path, bytes, LENGTH);
    const unsigned long long before = bytes_read();
    assert_siren_ok(siren_journal_open(path, facts, false, &journal));
    assert_true(bytes_read() - before < 2 * LENGTH);
    assert_int_equal(pieces_of(journal), 1u << 1);
    siren_journal_close(journal, false);
}

static void what_is_no_journal_is_left_alone(void **state) {
    (void)state;
    siren_journal *journal = NULL;
    size_t n;
    for (int anew = 0; anew < 2; anew++) {
        file_put(path, "a letter", 8);
        assert_int_equal(siren_journal_open(path, facts, anew, &journal), SIREN_UNSUPPORTED);
        uint8_t *there = file_get(path, &n);
        assert_true(n == 8 && memcmp(there, "a letter", 8) == 0);
        free(there);
        unlink(path);
        assert_int_equal(symlink("elsewhere", path), 0);
        assert_int_equal(siren_journal_open(path, facts, anew, &journal), SIREN_UNSUPPORTED);
        unlink(path);
        assert_int_equal(mkfifo(path, 0666), 0);
        assert_int_equal(siren_journal_open(path, facts, anew, &journal), SIREN_UNSUPPORTED);
        unlink(path);
    }
    assert_int_equal(siren_journal_open(scratch_path("missing/j"), facts, false, &journal), SIREN_SYSTEM);
}

static void it_is_of_one_holder_that_lives(void **state) {
    (void)state;
    siren_journal *journal = NULL, *second = NULL;
    assert_siren_ok(siren_journal_open(path, facts, false, &journal));
    add_piece(journal, 1);
    for (int anew = 0; anew < 2; anew++) {
        char holder[64];
        assert_int_equal(siren_journal_open(path, facts, anew, &second), SIREN_USAGE);
        snprintf(holder, sizeof holder, "process %ld on ", (long)getpid());
        assert_non_null(strstr(siren_message(), holder));
    }
    siren_journal_close(journal, true);
    pid_t child = fork();
    if (child == 0) {
        if (siren_journal_open(path, facts, false, &journal) != SIREN_OK) _exit(1);
        add_piece(journal, 3);
        abort();
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_siren_ok(siren_journal_open(path, facts, false, &journal));
    assert_int_equal(pieces_of(journal), 1u << 1 | 1u << 3);
    siren_journal_close(journal, false);
    assert_false(file_exists(path));
}

int main(void) {
    path = scratch_path("j.part");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_cut_off_keeps_the_pieces_before),
        cmocka_unit_test(a_damaged_byte_costs_one_piece),
        cmocka_unit_test(torn_writes_cost_the_pieces_they_touch),
        cmocka_unit_test(other_facts_are_refused_until_dropped),
        cmocka_unit_test(what_is_shown_steers_no_terminal),
        cmocka_unit_test(a_file_of_marks_is_read_few_times),
        cmocka_unit_test(what_is_no_journal_is_left_alone),
        cmocka_unit_test(it_is_of_one_holder_that_lives),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
