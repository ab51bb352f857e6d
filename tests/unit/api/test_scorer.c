/* SPDX-License-Identifier: Apache-2.0 */
/* Threads with a scorer each, side by side on one model. */
#include "fk_test.h"

#include "fleck_tools.h"
#include "network.h"

#include <pthread.h>

enum { THREADS = 8, IMAGES = 6, ROUNDS = 3, W = 64, H = 48 };

static uint8_t pixels[IMAGES][W * H * 3];
static fleck_pixels image[IMAGES];
static fleck_result *wanted[IMAGES];
static fleck_model *model;

static int set_up(void **state)
{
    fleck_settings s = fk_fit_defaults();
    const char *files[IMAGES];
    static char paths[IMAGES][4200];

    (void)state;
    for (int i = 0; i < IMAGES; i++) {
        FILE *file;

        for (uint32_t k = 0; k < W * H * 3; k++)
            pixels[i][k] = (uint8_t)(((k + 1) * 2654435761u + (uint32_t)i * 40503u) >> 21);
        image[i] = (fleck_pixels){pixels[i], W, H, W * 3, FLECK_RGB8};
        snprintf(paths[i], sizeof paths[i], "%s/scorer%d.ppm", test_folder(), i);
        file = fopen(paths[i], "wb");
        assert_non_null(file);
        fprintf(file, "P6 %d %d 255\n", W, H);
        assert_int_equal(fwrite(pixels[i], 1, sizeof pixels[i], file), sizeof pixels[i]);
        fclose(file);
        files[i] = paths[i];
    }
    use_network(&s);
    s.method = "patchcore";
    s.width = s.crop_width = W;
    s.height = s.crop_height = H;
    s.threads = 1;
    assert_ok(fleck_fit_files(&model, files, IMAGES, &s, NULL, err));
    for (int i = 0; i < IMAGES; i++) {
        assert_ok(fleck_score_pixels(model, &image[i], NULL, false, &wanted[i], err));
        remove(paths[i]);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < IMAGES; i++)
        fleck_result_free(&wanted[i]);
    fleck_model_close(&model);
    return 0;
}

static bool same_map(const float *a, const float *b)
{
    for (int k = 0; k < W * H; k++)
        if (a[k] != b[k])
            return false;
    return true;
}

/* NULL, or what went wrong: cmocka's own checks may not run in another thread. */
static void *score_all(void *ctx)
{
    fleck_scorer *s = NULL;
    const char *wrong = NULL;

    (void)ctx;
    if (fleck_scorer_open(&s, model, NULL) != FLECK_OK)
        return "open";
    for (int round = 0; round < ROUNDS && wrong == NULL; round++)
        for (int i = 0; i < IMAGES && wrong == NULL; i++) {
            fleck_result *r = NULL;

            if (fleck_scorer_pixels(s, &image[i], NULL, false, &r, NULL) != FLECK_OK)
                wrong = "score";
            else if (r->score != wanted[i]->score || !same_map(r->map, wanted[i]->map))
                wrong = "another result";
            fleck_result_free(&r);
        }
    fleck_scorer_close(&s);
    return (void *)wrong;
}

static void threads_score_side_by_side_with_the_same_bytes(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, score_all, NULL), 0);
    for (int i = 0; i < THREADS; i++) {
        void *wrong;

        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        if (wrong != NULL)
            fail_msg("%s", (const char *)wrong);
    }
}

static void the_model_may_score_beside_its_scorers(void **state)
{
    pthread_t thread;
    void *wrong;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, score_all, NULL), 0);
    for (int i = 0; i < IMAGES; i++) {
        fleck_result *r = NULL;

        assert_ok(fleck_score_pixels(model, &image[i], NULL, false, &r, err));
        assert_true(r->score == wanted[i]->score);
        fleck_result_free(&r);
    }
    assert_int_equal(pthread_join(thread, &wrong), 0);
    assert_null(wrong);
}

static void an_image_on_several_threads_has_the_same_bytes(void **state)
{
    static const int threads[] = {2, 1, 3, 3, 1, 2};
    fleck_scorer *s = NULL;

    (void)state;
    assert_ok(fleck_scorer_open(&s, model, err));
    for (int i = 0; i < IMAGES; i++) {
        fleck_result *r = NULL;

        assert_ok(fleck_scorer_set_threads(s, threads[i], err));
        assert_ok(fleck_scorer_pixels(s, &image[i], NULL, false, &r, err));
        assert_true(r->score == wanted[i]->score && same_map(r->map, wanted[i]->map));
        fleck_result_free(&r);
    }
    assert_refused(fleck_scorer_set_threads(s, 0, err), FLECK_E_OPTION, "1 or more, got 0");
    assert_refused(fleck_scorer_set_threads(s, 100000, err), FLECK_E_OPTION, "got 100000");
    assert_ok(fleck_scorer_set_threads(s, 3, err)); /* closed with its threads */
    fleck_scorer_close(&s);
}

static void a_file_is_scored_as_the_model_does(void **state)
{
    fleck_scorer *s = NULL;
    fleck_result *r = NULL;

    (void)state;
    assert_ok(fleck_scorer_open(&s, model, err));
    assert_refused(fleck_scorer_file(s, "/nowhere.png", false, &r, err), FLECK_E_NOTFOUND,
                   "nowhere.png");
    assert_null(r);
    fleck_scorer_close(&s);
    fleck_scorer_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_score_side_by_side_with_the_same_bytes),
        cmocka_unit_test(the_model_may_score_beside_its_scorers),
        cmocka_unit_test(an_image_on_several_threads_has_the_same_bytes),
        cmocka_unit_test(a_file_is_scored_as_the_model_does),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
