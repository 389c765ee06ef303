/* formats/diffusion_table: the forms of FSL's text that occur, what is refused, and writing. */
#include "tests/shared/testing.h"
#include "tests/shared/nifti_files.h"
#include "formats/diffusion_table.h"

#include <math.h>
#include <unistd.h>

static siren_status parse(const char *bval, const char *bvec, siren_diffusion_table *out) {
    return siren_diffusion_table_parse("a.bval", (const uint8_t *)bval, bval ? strlen(bval) : 0, "a.bvec",
                                       (const uint8_t *)bvec, bvec ? strlen(bvec) : 0, out);
}

static void layouts_of_text_do_not_matter(void **state) {
    (void)state;
    static const char *const bval[] = {"0 1000 2e3\n",
                                       "0 1000 2000",
                                       "\xef\xbb\xbf"
                                       "0, 1000, 2000",
                                       "# b-values\n0;1000;2000; # s/mm^2\n",
                                       "0\t1000  2000 \r\n",
                                       "\n  0 1000 2000.0\n\n",
                                       "0\n1000\n2000\n",
                                       "0\r1000\r2000\r"};
    static const char *const bvec[] = {"0 1 0\n0 0 -0.6\n0 0 .8\n", "0 1 0\r\n0 0 -6e-1\r\n0 0 0.8\r\n",
                                       "0\t1\t0 \n0\t0\t-0.6 \n\n 0 0 +0.8"};
    for (size_t i = 0; i < sizeof bval / sizeof *bval; i++)
        for (size_t j = 0; j < sizeof bvec / sizeof *bvec; j++) {
            siren_diffusion_table g;
            assert_siren_ok(parse(bval[i], bvec[j], &g));
            assert_int_equal(g.n_volumes, 3);
            assert_true(g.bval[0] == 0 && g.bval[1] == 1000 && g.bval[2] == 2000);
            assert_true(g.bvec[0][0] == 0 && g.bvec[1][0] == 1 && g.bvec[2][1] == -0.6 &&
                        g.bvec[2][2] == 0.8);
            siren_diffusion_table_free(&g);
        }
    siren_diffusion_table g;
    assert_siren_ok(parse("5 6", NULL, &g));
    assert_true(g.n_volumes == 2 && g.bval[1] == 6 && !g.bvec);
    siren_diffusion_table_free(&g);
    assert_siren_ok(parse(NULL, "1\n0\n0", &g));
    assert_true(g.n_volumes == 1 && g.bvec[0][0] == 1 && !g.bval);
    siren_diffusion_table_free(&g);
    siren_diffusion_table_free(NULL);
    assert_int_equal(parse(NULL, NULL, &g), SIREN_USAGE);
}

static unsigned n_warnings;
static char warning[SIREN_MESSAGE_BYTES];

static void keep_warning(void *user, siren_log_level level, const char *text) {
    (void)user;
    n_warnings += level == SIREN_LOG_WARNING;
    snprintf(warning, sizeof warning, "%s", text);
}

static void directions_may_stand_in_columns(void **state) {
    (void)state;
    static const char *const columns[] = {
        "0 0 0\n1 0 0\n0 -0.6 0.8\n0 0 1\n",
        "\xef\xbb\xbf# x y z\r\n0,0,0\r\n1,0,0\r\n0,-0.6,.8 # oblique\r\n0,0,1",
        "nan;NaN;-nan\n1; 0; 0;\n0; -6e-1; 0.8\n\n#\n0; 0; 1"};
    siren_set_log(keep_warning, NULL);
    siren_diffusion_table g;
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        assert_siren_ok(parse(i % 2 ? "0 1 2 3" : NULL, columns[i], &g));
        assert_int_equal(g.n_volumes, 4);
        assert_true(g.bvec[0][0] == 0 && g.bvec[0][2] == 0 && g.bvec[1][0] == 1 && g.bvec[2][1] == -0.6 &&
                    g.bvec[2][2] == 0.8 && g.bvec[3][2] == 1);
        siren_diffusion_table_free(&g);
    }
    assert_siren_ok(parse(NULL, "0.6 0 0.8", &g)); /* of one volume */
    assert_true(g.n_volumes == 1 && g.bvec[0][2] == 0.8);
    siren_diffusion_table_free(&g);
    assert_siren_ok(parse("0 9 9", "0 0.6 0\n0 0 1\n0 0.8 0\n", &g)); /* their lengths speak for FSL's form */
    assert_true(g.bvec[1][0] == 0.6 && g.bvec[1][2] == 0.8 && g.bvec[2][1] == 1);
    siren_diffusion_table_free(&g);
    assert_int_equal(n_warnings, 0);
    assert_siren_ok(parse("9 9 9", "0 1 0\n0 0 1\n1 0 0\n", &g)); /* nothing does */
    assert_true(g.bvec[0][2] == 1 && g.bvec[1][0] == 1 && g.bvec[2][1] == 1);
    siren_diffusion_table_free(&g);
    assert_true(n_warnings == 1 && strstr(warning, "a.bvec: has 3 lines of 3"));
    siren_set_log(NULL, NULL);
}

static void an_unweighted_volume_needs_no_direction(void **state) {
    (void)state;
    siren_diffusion_table g;
    assert_siren_ok(
        parse("5 1000 0", "nan 1 NaN\nnan 0 -nan\nNAN 0 nan\n", &g)); /* b = 5: as scanners write it */
    for (size_t axis = 0; axis < 3; axis++) assert_true(g.bvec[0][axis] == 0 && g.bvec[2][axis] == 0);
    assert_true(g.bvec[1][0] == 1);
    siren_diffusion_table_free(&g);
    assert_siren_ok(parse(NULL, "nan\nnan\nnan\n", &g));
    assert_true(g.n_volumes == 1 && g.bvec[0][0] == 0);
    siren_diffusion_table_free(&g);
}

static void wrong_text_is_refused_with_a_reason(void **state) {
    (void)state;
    static const struct {
        const char *bval, *bvec, *said;
    } cases[] = {
        {"0 1000", "0 1 0\n0 0 1\n0 0 0\n", "3 directions, but a.bval has 2"},
        {"0 1000 x", NULL, "\"x\" on line 1"},
        {"0 1000.5.", NULL, "\"1000.5.\" on line 1"},
        {"# b\r\n\r\n0 1000x", NULL, "\"1000x\" on line 3"},
        {"0 1000\n# b\n5", NULL, "line 3 has 1 value"},
        {"# no table", NULL, "no numbers"},
        {"% b\n0 1000\n", NULL, "\"%\" on line 1"}, /* MRtrix3, numpy and dipy refuse it, too (e2e_beside) */
        {"0 1000 % b\n", NULL, "\"%\" on line 1"},
        {"0 1000\n%b\n", NULL, "\"%b\" on line 2"},
        {"\xef\xbb", NULL, "no finite number"},
        {"\xff\xfe"
         "0",
         NULL, "no finite number"}, /* UTF-16 */
        {NULL, "0 nan\n0 0\n0 0\n", "direction of volume 1 is \"nan\""},
        {"0 1000", "0 nan\n0 nan\n0 nan\n", "direction of volume 1 is \"nan\""},
        {NULL, "0 nano\n0 0\n0 0\n", "\"nano\""},
        {NULL, "0 inf\n0 0\n0 0\n", "\"inf\""},
        {"0 nan", NULL, "\"nan\""},
        {"inf", NULL, "\"inf\""},
        {"0 1e999", NULL, "\"1e999\""},
        {"0 1\x01", NULL, "\"1?\""},
        {"0 -5", NULL, "volume 1 is -5"},
        {"", NULL, "no numbers"},
        {" \r\n\t\n", NULL, "no numbers"},
        {"1 2\n3 4\n", NULL, "2 lines of 2"},
        {NULL, "0 1\n0 0 1\n0 0 0\n", "line 2 has 3 values"},
        {NULL, "0 0\n1 0\n0 1\n0 0\n", "three columns"},
        {NULL, "0 0\n0 1\n", "three lines"},
        {"123456789012345678901234567890123456789012345678901234567890123456789", NULL, "no finite number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        siren_diffusion_table g = {.n_volumes = 77};
        assert_int_equal(parse(cases[i].bval, cases[i].bvec, &g), SIREN_CORRUPT);
        if (!strstr(siren_message(), cases[i].said))
            fail_msg("\"%s\" lacks \"%s\"", siren_message(), cases[i].said);
        assert_int_equal(g.n_volumes, 77);
    }
    /* A zero byte is no blank: texts have a length, not an end mark. */
    siren_diffusion_table g;
    assert_int_equal(siren_diffusion_table_parse("a", (const uint8_t *)"1 2\0 3", 6, "b", NULL, 0, &g),
                     SIREN_CORRUPT);
}

static siren_status write_gradients(const char *base, bool overwrite,
                                    const siren_diffusion_table *gradients) {
    siren_output *bval = NULL, *bvec = NULL;
    SIREN_TRY(siren_diffusion_table_open(base, overwrite, gradients, &bval, &bvec));
    SIREN_TRY(siren_output_commit(bval));
    return siren_output_commit(bvec);
}

static void what_was_written_is_read_again(void **state) {
    (void)state;
    double bval[4] = {0, 1000, 1995.5, 1e-3};
    double bvec[4][3] = {{0, -0.0, 0},
                         {1, 0, 0},
                         {0.57735026918962584, -0.57735026918962584, 0.1},
                         {1.0 / 3, 2.0 / 3, -1e-17}};
    const siren_diffusion_table written = {4, bval, bvec};
    const char *base = scratch_path("dwi.nii.gz");
    assert_siren_ok(write_gradients(base, false, &written));
    size_t n_bval, n_bvec;
    uint8_t *bval_text = file_get(scratch_path("dwi.bval"), &n_bval),
            *bvec_text = file_get(scratch_path("dwi.bvec"), &n_bvec);
    assert_int_equal(n_bval, strlen("0 1000 1995.5 0.001\n"));
    assert_memory_equal(bval_text, "0 1000 1995.5 0.001\n", n_bval);
    assert_true(n_bvec > 40 && memcmp(bvec_text, "0 1 0.57735026918962", 20) == 0);
    assert_memory_equal(memchr(bvec_text, '\n', n_bvec), "\n0 0 -0.577", 11); /* no negative zero */
    siren_diffusion_table g;
    assert_siren_ok(siren_diffusion_table_parse("x", bval_text, n_bval, "y", bvec_text, n_bvec, &g));
    assert_int_equal(g.n_volumes, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_true(g.bval[i] == bval[i]);
        for (size_t k = 0; k < 3; k++) assert_true(g.bvec[i][k] == bvec[i][k]);
    }
    siren_diffusion_table_free(&g);
    free(bval_text);
    free(bvec_text);
    assert_int_equal(write_gradients(base, false, &written), SIREN_USAGE);
    assert_siren_ok(write_gradients(base, true, &written));
}

/* A file in the way of the second one must not leave the first one behind. */
static void a_refusal_writes_neither(void **state) {
    (void)state;
    double bval[1] = {0}, bvec[1][3] = {{0, 0, 0}};
    siren_diffusion_table g = {1, bval, bvec};
    file_put(scratch_path("way.bvec"), "mine", 4);
    assert_int_equal(write_gradients(scratch_path("way"), false, &g), SIREN_USAGE);
    assert_false(file_exists(scratch_path("way.bval")));
    bval[0] = NAN;
    assert_int_equal(write_gradients(scratch_path("nan"), false, &g), SIREN_USAGE);
    assert_false(file_exists(scratch_path("nan.bval")));
}

static void the_locale_does_not_matter(void **state) {
    (void)state;
    use_comma_locale();
    siren_diffusion_table g;
    siren_status status = parse("0 1.5", NULL, &g);
    double value = status == SIREN_OK ? g.bval[1] : 0;
    if (status == SIREN_OK) siren_diffusion_table_free(&g);
    setlocale(LC_ALL, "C");
    assert_true(value == 1.5);
}

static void siblings_lose_the_image_suffix(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"d/dwi.nii.gz", ".bval", "d/dwi.bval"},
        {"dwi.nii", ".json", "dwi.json"},
        {"d/DWI.NII.GZ", ".bval", "d/DWI.bval"},
        {"dwi.Nii", ".bval", "dwi.bval"},
        {"a.b/c.siren", "_fa.nii.gz", "a.b/c_fa.nii.gz"},
        {"d/dwi", ".bvec", "d/dwi.bvec"},
        {"d/.nii", ".bval", "d/.nii.bval"},
        {"x.gz", ".bval", "x.gz.bval"},
        {"", ".bval", ".bval"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *path = NULL;
        assert_siren_ok(siren_sibling_path(cases[i][0], cases[i][1], &path));
        assert_string_equal(path, cases[i][2]);
        free(path);
    }
}

static void assert_neighbour(const char *image, const char *suffix, const char *found, bool of_folder) {
    char *path = NULL;
    bool shared = false;
    assert_siren_ok(siren_neighbour_find(scratch_path(image), suffix, &path, &shared));
    if (found)
        assert_string_equal(path, scratch_path(found));
    else
        assert_null(path);
    assert_int_equal(shared, of_folder);
    free(path);
}

/* Each name is looked for after the one that is made next. */
static void neighbours_go_by_several_names(void **state) {
    (void)state;
    assert_neighbour("n.nii.gz", ".bvec", NULL, false);
    file_put(scratch_path("bvecs"), "0", 1);
    assert_neighbour("n.nii.gz", ".bvec", "bvecs", true);
    assert_neighbour("n.nii.gz", ".bval", NULL, false);
    static const char *const names[] = {"n.BVECS", "n.bvecs", "n.BVEC"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        file_put(scratch_path(names[i]), "0", 1);
        assert_neighbour("n.NII.GZ", ".bvec", names[i], false);
    }
    assert_int_equal(symlink("not-there", scratch_path("n.bvec")), 0);
    assert_neighbour("n.nii", ".bvec", "n.bvec", false);
    file_put(scratch_path("json"), "{}", 2); /* is of no image */
    file_put(scratch_path("n.jsons"), "{}", 2);
    assert_neighbour("n.nii", ".json", NULL, false);
    file_put(scratch_path("n.JSON"), "{}", 2);
    assert_neighbour("n.nii", ".json", "n.JSON", false);
}

static int teardown(void **state) {
    (void)state;
    scratch_remove();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts_of_text_do_not_matter),
        cmocka_unit_test(directions_may_stand_in_columns),
        cmocka_unit_test(an_unweighted_volume_needs_no_direction),
        cmocka_unit_test(wrong_text_is_refused_with_a_reason),
        cmocka_unit_test(what_was_written_is_read_again),
        cmocka_unit_test(a_refusal_writes_neither),
        cmocka_unit_test(the_locale_does_not_matter),
        cmocka_unit_test(siblings_lose_the_image_suffix),
        cmocka_unit_test(neighbours_go_by_several_names),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
