/* SPDX-License-Identifier: Apache-2.0 */
/* A model's threshold against fits that never saw the images it rests on. */
#include "fk_test.h"

#include "network.h"

#include <math.h>

/* Runs of two images. */
enum { IMAGES = 10, FOLDS = 5 };

static char files[IMAGES][4200];

/* Noise, the more of it the later the image; the first image is larger than the others. */
static void write_picture(int image)
{
    int width = image == 0 ? 128 : 64, height = image == 0 ? 96 : 48;
    FILE *file;

    snprintf(files[image], sizeof files[image], "%s/%d.ppm", test_folder(), image);
    file = fopen(files[image], "wb");
    assert_non_null(file);
    fprintf(file, "P6 %d %d 255\n", width, height);
    for (uint32_t i = 0; i < (uint32_t)(width * height * 3); i++) {
        uint32_t noise = ((i + 1) * 2654435761u) ^ ((uint32_t)image * 40503u + (i >> 4) * 7919u);

        fputc((int)(60 + 10 * image + (int)((noise >> 9) % (uint32_t)(40 + 10 * image))) & 255,
              file);
    }
    fclose(file);
}

static int set_up(void **state)
{
    (void)state;
    for (int i = 0; i < IMAGES; i++)
        write_picture(i);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < IMAGES; i++)
        remove(files[i]);
    return 0;
}

/* Every patch fits MH-PatchCore's bank, so that its choice does not depend on what a fold had. */
static fleck_settings settings(const char *method, int64_t tile)
{
    static const char *const subspace[] = {"variance=0.8", NULL};
    static const char *const mhpatchcore[] = {"variance=0.8", "pretrain-dim=6", "target-dim=6",
                                              "bank=20000", NULL};
    fleck_settings s = fk_fit_defaults();

    use_network(&s);
    s.method = method;
    s.options = strcmp(method, "subspace") == 0  ? subspace
                : strcmp(method, "posbank") == 0 ? NULL
                                                 : mhpatchcore;
    s.width = s.crop_width = tile > 0 ? 0 : 64;
    s.height = s.crop_height = tile > 0 ? 0 : 48;
    s.tile = tile;
    s.threads = 2;
    return s;
}

/* The scores of all images to fits without their fold. */
static void held_out(const fleck_settings *s, double scores[IMAGES])
{
    fleck_settings without = *s;

    without.calibrate = 0;
    for (int fold = 0; fold < FOLDS; fold++) {
        const char *others[IMAGES];
        int64_t n = 0;
        fleck_model *m = NULL;

        for (int i = 0; i < IMAGES; i++)
            if (i * FOLDS / IMAGES != fold)
                others[n++] = files[i];
        assert_ok(fleck_fit_files(&m, others, n, &without, NULL, err));
        for (int i = 0; i < IMAGES; i++)
            if (i * FOLDS / IMAGES == fold) {
                fleck_result *r = NULL;

                assert_ok(fleck_score_file(m, files[i], false, &r, err));
                scores[i] = r->score;
                fleck_result_free(&r);
            }
        fleck_model_close(&m);
    }
}

static fleck_model *fit_all(const fleck_settings *s)
{
    const char *all[IMAGES];
    fleck_model *m = NULL;

    for (int i = 0; i < IMAGES; i++)
        all[i] = files[i];
    assert_ok(fleck_fit_files(&m, all, IMAGES, s, NULL, err));
    assert_int_equal(fleck_model_describe(m)->calibrated, IMAGES);
    return m;
}

/* Scores by group are those of fits without the group; moments are rounded to float, and scores are
 * some 0.1.  These images have no dates nor folders: groups are runs of neighbours. */
static void check_groups(const char *method, int64_t tile, int64_t rotate)
{
    fleck_settings s = settings(method, tile);
    fleck_model *m;
    double want[IMAGES];

    s.rotate = rotate;
    m = fit_all(&s);
    assert_int_equal(fleck_model_describe(m)->images, IMAGES);
    assert_int_equal(fleck_model_describe(m)->rotations, rotate);
    assert_string_equal(fleck_model_describe(m)->groups, "runs");
    held_out(&s, want);
    for (int i = 0; i < IMAGES; i++) {
        fleck_held_out found;

        assert_true(fleck_model_held_out(m, i, &found));
        assert_int_equal(found.group_number, i * FOLDS / IMAGES);
        assert_true(fabs(found.group - want[i]) < 1e-4 * want[i]);
    }
    assert_false(fleck_model_held_out(m, IMAGES, &(fleck_held_out){0}));
    fleck_model_close(&m);
}

static void a_score_by_group_is_that_of_a_fit_without_the_group(void **state)
{
    (void)state;
    check_groups("subspace", 0, 1);
    check_groups("posbank", 0, 1);
}

/* An image is held out with all its rotated copies. */
static void a_score_leaves_out_rotated_copies(void **state)
{
    fleck_settings s = settings("posbank", 0), without;
    fleck_model *m;

    (void)state;
    check_groups("subspace", 0, 2);
    check_groups("posbank", 0, 4);
    s.rotate = 4;
    m = fit_all(&s);
    without = s;
    without.calibrate = 0;
    for (int i = 0; i < IMAGES; i += 4) {
        const char *others[IMAGES];
        fleck_model *less = NULL;
        fleck_result *r = NULL;
        fleck_held_out found;
        int64_t n = 0;

        for (int k = 0; k < IMAGES; k++)
            if (k != i)
                others[n++] = files[k];
        assert_ok(fleck_fit_files(&less, others, n, &without, NULL, err));
        assert_ok(fleck_score_file(less, files[i], false, &r, err));
        assert_true(fleck_model_held_out(m, i, &found));
        assert_true(found.alone == r->score);
        fleck_result_free(&r);
        fleck_model_close(&less);
    }
    fleck_model_close(&m);
    s.method = "padim";
    s.options = NULL;
    assert_refused(fleck_fit_files(&m, (const char *[]){files[1], files[2]}, 2, &s, NULL, err),
                   FLECK_E_UNSUPPORTED, "rotate: padim cannot hold out");
    s = settings("posbank", 64);
    s.rotate = 2;
    assert_refused(fleck_fit_files(&m, (const char *[]){files[1], files[2]}, 2, &s, NULL, err),
                   FLECK_E_OPTION, "rotate: rotated copies have neither tiles");
    s.rotate = 1;
    s.foreground = "auto";
    assert_refused(fleck_fit_files(&m, (const char *[]){files[1], files[2]}, 2, &s, NULL, err),
                   FLECK_E_OPTION, "foreground: it is not looked for in tiles");
}

/* 10 scores: the largest is exceeded by one part in 11, the second by two. */
static void a_threshold_is_the_conformal_quantile(void **state)
{
    fleck_settings s = settings("mhpatchcore", 0);
    fleck_model *m;
    double sorted[IMAGES], found;
    bool supported;

    (void)state;
    s.false_alarms = 0.1;
    m = fit_all(&s);
    for (int i = 0; i < IMAGES; i++) {
        fleck_held_out one;
        int k = i;

        assert_true(fleck_model_held_out(m, i, &one));
        for (; k > 0 && sorted[k - 1] > one.alone; k--)
            sorted[k] = sorted[k - 1];
        sorted[k] = one.alone;
    }
    assert_true(fleck_model_describe(m)->threshold == sorted[IMAGES - 1]);
    assert_string_equal(fleck_model_describe(m)->threshold_rule, "rate");
    assert_ok(fleck_model_threshold_at(m, 2.0 / 11, &found, &supported, err));
    assert_true(found == sorted[IMAGES - 2] && supported);
    assert_ok(fleck_model_threshold_at(m, 0.5, &found, &supported, err));
    assert_true(found == sorted[IMAGES / 2] && supported);
    assert_ok(fleck_model_threshold_at(m, 0.05, &found, &supported, err));
    assert_true(found == sorted[IMAGES - 1] && !supported);
    assert_ok(fleck_model_set_false_alarms(m, 0.05, err));
    assert_string_equal(fleck_model_describe(m)->threshold_rule, "maximum");
    assert_ok(fleck_model_set_threshold(m, 3.5, "set", err));
    assert_true(fleck_model_describe(m)->threshold == 3.5);
    assert_string_equal(fleck_model_describe(m)->threshold_rule, "set");
    assert_ok(fleck_threshold_of(sorted, IMAGES, 2.0 / 11, &found, &supported, err));
    assert_true(found == sorted[IMAGES - 2] && supported);
    assert_refused(fleck_threshold_of(sorted, 0, 0.1, &found, NULL, err), FLECK_E_OPTION,
                   "at least one score");
    assert_refused(fleck_threshold_of((double[]){1.0, NAN}, 2, 0.1, &found, NULL, err),
                   FLECK_E_OPTION, "score 1 is not finite");
    assert_ok(fleck_model_set_threshold(m, 4.5, "holdout", err));
    assert_string_equal(fleck_model_describe(m)->threshold_rule, "holdout");
    assert_int_equal(fleck_model_describe(m)->skipped, 0);
    assert_refused(fleck_model_set_false_alarms(m, 0.0, err), FLECK_E_OPTION, "between 0 and 1");
    assert_refused(fleck_model_set_threshold(m, NAN, "set", err), FLECK_E_OPTION, "finite");
    assert_refused(fleck_model_set_threshold(m, 0.0, "set", err), FLECK_E_OPTION, "above 0");
    assert_refused(fleck_model_set_threshold(m, 1.0, "rate", err), FLECK_E_OPTION,
                   "set, labels or holdout");
    fleck_model_close(&m);
}

static void a_level_that_is_set_holds_for_all_photos_and_is_saved(void **state)
{
    fleck_settings s = settings("patchcore", 0);
    const char *all[IMAGES];
    fleck_model *m = NULL, *again = NULL;
    void *bytes = NULL;
    size_t size;
    double own;

    (void)state;
    s.options = NULL;
    for (int i = 0; i < IMAGES; i++)
        all[i] = files[i];
    assert_ok(fleck_fit_files(&m, all, IMAGES, &s, NULL, err));
    own = fleck_model_describe(m)->pixel_threshold;
    assert_false(fleck_model_describe(m)->pixels_set);
    assert_ok(fleck_model_set_pixel_threshold(m, 2.25, err));
    assert_ok(fleck_model_save_memory(m, &bytes, &size, NULL, NULL, err));
    assert_ok(fleck_model_open_memory(&again, bytes, size, NULL, err));
    assert_true(fleck_model_describe(again)->pixels_set);
    for (int i = 0; i < IMAGES; i++) {
        fleck_regions *regions = NULL;
        fleck_result *r = NULL;

        assert_ok(fleck_score_file(again, files[i], false, &r, err));
        assert_ok(fleck_result_regions(again, r, NULL, &regions, err));
        assert_true(regions->threshold == 2.25);
        fleck_regions_free(&regions);
        fleck_result_free(&r);
    }
    assert_ok(fleck_model_set_pixel_threshold(again, NAN, err));
    assert_false(fleck_model_describe(again)->pixels_set);
    assert_true(fleck_model_describe(again)->pixel_threshold == own);
    fleck_free(bytes);
    fleck_model_close(&again);
    fleck_model_close(&m);
}

/* Two pictures, one of which is there eight times: whichever is left out, the other is learned. */
static void duplicates_are_never_all_that_is_left_out(void **state)
{
    fleck_settings s = settings("patchcore", 0);
    const char *all[9];
    fleck_model *m = NULL;

    (void)state;
    s.options = NULL;
    for (int i = 0; i < 9; i++)
        all[i] = files[i < 8 ? 1 : 2];
    assert_ok(fleck_fit_files(&m, all, 9, &s, NULL, err));
    assert_int_equal(fleck_model_describe(m)->images, 9);
    assert_int_equal(fleck_model_describe(m)->calibrated, 2);
    for (int i = 0; i < 2; i++) {
        fleck_held_out found;

        assert_true(fleck_model_held_out(m, i, &found) && found.alone > 0.0);
    }
    fleck_model_close(&m);
}

/* Blocks of random grey, `light` per cent as bright. */
static void write_blocks(char *path, size_t size, int picture, int light)
{
    FILE *file;

    snprintf(path, size, "%s/blocks_%d_%d.pgm", test_folder(), picture, light);
    file = fopen(path, "wb");
    assert_non_null(file);
    fputs("P5 64 48 255\n", file);
    for (uint32_t i = 0; i < 64 * 48; i++) {
        uint32_t block = i / 64 / 4 * 16 + i % 64 / 4 + 1000 * (uint32_t)picture;
        uint32_t grey = 20 + ((block + 1) * 2654435761u >> 16) % 200;

        fputc((int)(grey * (uint32_t)light / 100), file);
    }
    fclose(file);
}

/* The same photo in a little more light says nothing new; another one in any light does. */
static void a_brighter_copy_counts_once(void **state)
{
    fleck_settings s = settings("subspace", 0);
    static char paths[IMAGES + 1][4200];
    const char *all[IMAGES + 1];
    fleck_model *m = NULL;
    fleck_held_out found;

    (void)state;
    for (int i = 0; i <= IMAGES; i++) {
        write_blocks(paths[i], sizeof paths[i], i % IMAGES, i < IMAGES ? 100 : 104);
        all[i] = paths[i];
    }
    assert_ok(fleck_fit_files(&m, all, IMAGES + 1, &s, NULL, err));
    assert_int_equal(fleck_model_describe(m)->images, IMAGES + 1);
    assert_int_equal(fleck_model_describe(m)->calibrated, IMAGES);
    assert_true(fleck_model_held_out(m, IMAGES - 1, &found));
    assert_non_null(strstr(found.name, "blocks_9_100"));
    fleck_model_close(&m);
    for (int i = 0; i <= IMAGES; i++)
        remove(paths[i]);
}

/* Images at their own sizes: the first has four times the pixels, so folds cannot be parts of the
 * tiles. */
static void all_tiles_of_an_image_are_of_one_fold(void **state)
{
    (void)state;
    check_groups("subspace", 32, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_score_by_group_is_that_of_a_fit_without_the_group),
        cmocka_unit_test(a_score_leaves_out_rotated_copies),
        cmocka_unit_test(a_threshold_is_the_conformal_quantile),
        cmocka_unit_test(a_level_that_is_set_holds_for_all_photos_and_is_saved),
        cmocka_unit_test(duplicates_are_never_all_that_is_left_out),
        cmocka_unit_test(a_brighter_copy_counts_once),
        cmocka_unit_test(all_tiles_of_an_image_are_of_one_fold),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
