/* A model's threshold against fits that never saw the images it rests on. */
#include "fk_test.h"

#include "net/net.h"

#include <math.h>

/* As many of a fit's folds have images: 10 in 8 folds, of which two have two. */
enum { IMAGES = 10, FOLDS = 8 };

static char network[4200], files[IMAGES][4200];

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
    snprintf(network, sizeof network, "%s",
             test_path("FLECK_TEST_SOURCE", "tests/golden/net/open.onnx"));
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
static fleck_fit_settings settings(const char *method, int64_t tile)
{
    static const char *const subspace[] = {"variance=0.8", NULL};
    static const char *const mhpatchcore[] = {"variance=0.8", "pretrain-dim=6", "target-dim=6",
                                              "bank=20000", NULL};
    fleck_fit_settings s = fleck_fit_defaults();

    s.backbone = network;
    s.method = method;
    s.options = strcmp(method, "subspace") == 0 ? subspace : mhpatchcore;
    s.width = s.crop_width = tile > 0 ? 0 : 64;
    s.height = s.crop_height = tile > 0 ? 0 : 48;
    s.tile = tile;
    s.threads = 2;
    return s;
}

/* The highest score of an image of this fold to a fit without it. */
static double held_out(const fleck_fit_settings *s, int fold)
{
    const char *others[IMAGES];
    int64_t n = 0;
    double highest = 0.0;
    fleck_fit_settings without = *s;
    fleck_model *m = NULL;

    without.calibrate = 0;
    for (int i = 0; i < IMAGES; i++)
        if (i * FOLDS / IMAGES != fold)
            others[n++] = files[i];
    assert_ok(fleck_fit_files(&m, others, n, &without, NULL, err));
    for (int i = 0; i < IMAGES; i++)
        if (i * FOLDS / IMAGES == fold) {
            fleck_result r;

            assert_ok(fleck_score_file(m, files[i], false, &r, err));
            highest = fmax(highest, r.score);
            fleck_result_free(&r);
        }
    fleck_model_close(&m);
    return highest;
}

/* The threshold, which rests on every image, is the highest of all folds' scores; moments are rounded to
 * float, and scores are some 0.1. */
static void check_threshold(const char *method, int64_t tile)
{
    fleck_fit_settings s = settings(method, tile);
    const char *all[IMAGES];
    fleck_model *m = NULL;
    double highest = 0.0;

    for (int i = 0; i < IMAGES; i++)
        all[i] = files[i];
    assert_ok(fleck_fit_files(&m, all, IMAGES, &s, NULL, err));
    assert_int_equal(fleck_model_describe(m).calibrated, IMAGES);
    for (int fold = 0; fold < FOLDS; fold++)
        highest = fmax(highest, held_out(&s, fold));
    assert_true(highest > 0.0);
    assert_true(fabs(fleck_model_describe(m).threshold - highest) < 1e-4 * highest);
    fleck_model_close(&m);
}

static void a_threshold_is_what_images_score_to_a_fit_without_their_fold(void **state)
{
    (void)state;
    check_threshold("subspace", 0);
    check_threshold("mhpatchcore", 0);
}

/* Images at their own sizes: the first has four times the pixels, so folds cannot be parts of the tiles. */
static void all_tiles_of_an_image_are_of_one_fold(void **state)
{
    (void)state;
    check_threshold("subspace", 32);
    check_threshold("mhpatchcore", 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_threshold_is_what_images_score_to_a_fit_without_their_fold),
        cmocka_unit_test(all_tiles_of_an_image_are_of_one_fold),
    };

    onnx_or_skip();
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
