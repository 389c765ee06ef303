/* host/digest: what sha256sum prints. */
#include "tests/shared/testing.h"
#include "host/digest.h"
#include "tests/shared/nifti_files.h"

#include <sys/stat.h>

/* The examples of FIPS 180-4's first edition, with the empty message. */
static const struct {
    const char *text, *hex;
} known[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void known_answers(void **state) {
    (void)state;
    char hex[SIREN_DIGEST_CHARS];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        siren_digest_bytes(known[i].text, strlen(known[i].text), hex);
        assert_string_equal(hex, known[i].hex);
    }
}

/* However the bytes are cut, in a file or not; the file is longer than what is read at once. */
static void pieces_and_files_agree_with_sha256sum(void **state) {
    (void)state;
    enum { BYTES = 200003 };
    uint8_t *bytes = malloc(BYTES);
    for (size_t i = 0; i < BYTES; i++) bytes[i] = (uint8_t)(i * i >> 3);
    char whole[SIREN_DIGEST_CHARS], pieces[SIREN_DIGEST_CHARS], file[SIREN_DIGEST_CHARS], command[600];
    siren_digest digest;
    siren_digest_bytes(bytes, BYTES, whole);
    siren_digest_begin(&digest);
    for (size_t at = 0, n = 0; at < BYTES; at += n, n = (n + 29) % 1000)
        siren_digest_add(&digest, bytes + at, n < BYTES - at ? n : BYTES - at);
    siren_digest_end(&digest, pieces);
    assert_string_equal(pieces, whole);

    file_put(scratch_path("bytes"), bytes, BYTES);
    assert_siren_ok(siren_digest_file(scratch_path("bytes"), file));
    assert_string_equal(file, whole);
    snprintf(command, sizeof command, "sha256sum %s", scratch_path("bytes"));
    FILE *oracle = popen(command, "r");
    assert_non_null(oracle);
    assert_int_equal(fscanf(oracle, "%64s", pieces), 1);
    pclose(oracle);
    assert_string_equal(pieces, whole);
    free(bytes);
}

static void what_is_no_file_is_refused(void **state) {
    (void)state;
    char hex[SIREN_DIGEST_CHARS] = "untouched";
    assert_int_equal(siren_digest_file(scratch_path("missing"), hex), SIREN_SYSTEM);
    assert_int_equal(siren_digest_file(scratch_folder(), hex), SIREN_USAGE);
    assert_int_equal(mkfifo(scratch_path("fifo"), 0600), 0);
    assert_int_equal(siren_digest_file(scratch_path("fifo"), hex), SIREN_USAGE);
    assert_string_equal(hex, "untouched");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(pieces_and_files_agree_with_sha256sum),
        cmocka_unit_test(what_is_no_file_is_refused),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
