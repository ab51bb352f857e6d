/* SPDX-License-Identifier: Apache-2.0 */
/* What fleck.h promises about fork(): a child of a process without handles may open its own, and a
 * process that forks goes on using the handles that it has. */
#include "fk_test.h"

#include "network.h"

#include <sys/wait.h>

enum { IMAGES = 5, W = 64, H = 48, THREADS = 3, FORKS = 4 };

typedef struct scored {
    double score;
    float map[W * H];
} scored;

static uint8_t pixels[IMAGES + 1][W * H * 3]; /* the last one is not learned */
static fleck_settings settings;
static char path[4200]; /* of the model */

static fleck_status next_image(void *ctx, int64_t i, fleck_pixels *out)
{
    (void)ctx;
    *out = (fleck_pixels){pixels[i], W, H, W * 3, FLECK_RGB8};
    return FLECK_OK;
}

static fleck_status score(scored *out, fleck_model *model, fleck_error *err)
{
    fleck_result *r = NULL;
    fleck_pixels image;
    fleck_status st = next_image(NULL, IMAGES, &image);

    if (st == FLECK_OK)
        st = fleck_score_pixels(model, &image, NULL, false, &r, err);
    if (st == FLECK_OK && (r->map_width != W || r->map_height != H))
        st = FLECK_E_SHAPE;
    if (st == FLECK_OK) {
        out->score = r->score;
        memcpy(out->map, r->map, sizeof out->map);
    }
    fleck_result_free(&r);
    return st;
}

static fleck_status open_model(fleck_model **model, fleck_error *err)
{
    fleck_run_settings run = test_run_defaults();

    run.threads = THREADS;
    return fleck_model_open(model, path, &run, err);
}

static fleck_status fit_and_score(scored *out, fleck_error *err)
{
    fleck_model *model = NULL;
    fleck_status st = fleck_fit_stream(&model, next_image, NULL, IMAGES, &settings, NULL, err);

    if (st == FLECK_OK)
        st = fleck_model_save(model, path, err);
    if (st == FLECK_OK)
        st = score(out, model, err);
    fleck_model_close(&model);
    return st;
}

static fleck_status open_and_score(scored *out, fleck_error *err)
{
    fleck_model *model = NULL;
    fleck_status st = open_model(&model, err);

    if (st == FLECK_OK)
        st = score(out, model, err);
    fleck_model_close(&model);
    return st;
}

/* Run `work` in a child and get its result.  cmocka's checks belong to the parent, so the child
 * prints its error and exits with the status. */
static void in_a_child(scored *out, fleck_status (*work)(scored *out, fleck_error *err))
{
    int ends[2], status;
    pid_t child;
    FILE *from;

    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        fleck_error err = {0};
        fleck_status st = work(out, &err);

        if (st != FLECK_OK)
            fprintf(stderr, "child: %s\n", err.message);
        else if (write(ends[1], out, sizeof *out) != (ssize_t)sizeof *out)
            st = FLECK_E_IO;
        _exit((int)st);
    }
    close(ends[1]);
    from = fdopen(ends[0], "rb");
    assert_non_null(from);
    assert_int_equal(fread(out, 1, sizeof *out, from), sizeof *out);
    fclose(from);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void assert_same(const scored *a, const scored *b)
{
    assert_true(a->score == b->score);
    assert_memory_equal(a->map, b->map, sizeof a->map);
}

static int set_up(void **state)
{
    (void)state;
    setenv("FLECK_TEST_SEEDED", "1", 1); /* fleck's own engine: OpenVINO promises nothing here */
    for (int i = 0; i <= IMAGES; i++)
        for (uint32_t k = 0; k < W * H * 3; k++)
            pixels[i][k] = (uint8_t)(((k + 1) * 2654435761u + (uint32_t)i * 40503u) >> 21);
    settings = fk_fit_defaults();
    settings.method = "patchcore";
    settings.width = settings.crop_width = W;
    settings.height = settings.crop_height = H;
    settings.threads = THREADS;
    use_network(&settings);
    snprintf(path, sizeof path, "%s/forked.fleck", test_folder());
    return 0;
}

/* Cases run in this order: this process opens its first handle in the last one. */
static scored wanted;

static void a_child_may_fit_if_its_parent_has_no_handles(void **state)
{
    (void)state;
    in_a_child(&wanted, fit_and_score);
    assert_true(wanted.score > 0.0);
}

static void a_later_child_opens_the_model_and_scores_the_same_bytes(void **state)
{
    scored found = {0};

    (void)state;
    in_a_child(&found, open_and_score);
    assert_same(&found, &wanted);
}

static void a_process_that_forks_scores_the_same_bytes_as_before(void **state)
{
    fleck_model *model = NULL;
    scored found = {0};

    (void)state;
    assert_ok(open_model(&model, err));
    for (int i = 0; i <= FORKS; i++) {
        int status;
        pid_t child;

        assert_ok(score(&found, model, err));
        assert_same(&found, &wanted);
        child = fork();
        assert_true(child >= 0);
        if (child == 0)
            _exit(0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    fleck_model_close(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_may_fit_if_its_parent_has_no_handles),
        cmocka_unit_test(a_later_child_opens_the_model_and_scores_the_same_bytes),
        cmocka_unit_test(a_process_that_forks_scores_the_same_bytes_as_before),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
