/* SPDX-License-Identifier: Apache-2.0 */
/* Gaussians learned within a limit of memory: the same bytes as without. */
#include "unit/method/gauss_data.h"

#include <signal.h>
#include <sys/resource.h>

typedef struct data {
    float *images[N];
    const float *views[N];
} data;

static data make_data(void)
{
    data d;

    for (int i = 0; i < N; i++) {
        d.images[i] = gauss_image(i);
        d.views[i] = d.images[i];
    }
    return d;
}

static void free_data(data *d)
{
    for (int i = 0; i < N; i++)
        fk_free(d->images[i]);
}

static void assert_same_factors(const gaussians *a, const gaussians *b)
{
    assert_int_equal(gauss_count(a), gauss_count(b));
    assert_memory_equal(a->made.mean, b->made.mean, P * D * sizeof(float));
    assert_memory_equal(a->made.factor, b->made.factor, P * T * sizeof(float));
}

static void bands_give_the_bytes_of_learning_in_memory(void **state)
{
    const int64_t more[] = {0, 5000, 30000}; /* narrow bands, wider ones, and images in memory */
    const int counts[] = {2, 9, 63, 64, 65, N};
    const char *folder = test_folder();
    data d = make_data();
    fk_pool *pool = NULL;

    (void)state;
    assert_ok(fk_pool_open(&pool, 4, err));
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        gaussians want = empty(FK_F32);

        assert_ok(gauss_add(&want, d.views, NULL, counts[c], NULL, err));
        assert_ok(gauss_finish(&want, NULL, err));
        for (size_t m = 0; m < sizeof more / sizeof *more; m++) {
            gaussians g = limited(folder, more[m], FK_F32);

            for (int i = 0; i < counts[c]; i += 7)
                assert_ok(gauss_add(&g, d.views + i, NULL, i + 7 < counts[c] ? 7 : counts[c] - i,
                                    m == 0 ? NULL : pool, err));
            assert_ok(gauss_finish(&g, m == 1 ? NULL : pool, err));
            assert_same_factors(&want, &g);
            gauss_free(&g);
        }
        gauss_free(&want);
    }
    fk_pool_close(&pool);
    free_data(&d);
    assert_nothing_left(folder);
}

static void learning_goes_on_after_finish_with_the_same_bytes(void **state)
{
    const char *folder = test_folder();
    data d = make_data();
    gaussians want = empty(FK_F32), g = limited(folder, 0, FK_F32);

    (void)state;
    assert_ok(gauss_add(&want, d.views, NULL, 40, NULL, err));
    assert_ok(gauss_finish(&want, NULL, err));
    assert_ok(gauss_add(&g, d.views, NULL, 40, NULL, err));
    for (int begin = 40; begin < N; begin += 90) { /* 40 .. 129 with a flush, 130 .. 149 without */
        int64_t n = begin + 90 < N ? 90 : N - begin;

        assert_ok(gauss_finish(&g, NULL, err));
        assert_non_null(g.made.factor);
        assert_ok(gauss_add(&g, d.views + begin, NULL, n, NULL, err));
        assert_null(g.made.factor); /* learning again: nothing may be scored */
        assert_ok(gauss_finish(&want, NULL, err));
        assert_ok(gauss_add(&want, d.views + begin, NULL, n, NULL, err));
    }
    assert_ok(gauss_finish(&g, NULL, err));
    assert_ok(gauss_finish(&want, NULL, err));
    assert_same_factors(&want, &g);
    gauss_free(&g);
    gauss_free(&want);
    free_data(&d);
    assert_nothing_left(folder);
}

/* Factors that belong to somebody else, a mapped model say, are added to as one's own are. */
static void factors_of_a_file_are_added_to_and_left_alone(void **state)
{
    const char *folder = test_folder();
    data d = make_data();
    gaussians file = empty(FK_F32), want, g;
    float *before = NULL;
    int64_t least;

    (void)state;
    assert_ok(gauss_add(&file, d.views, NULL, 40, NULL, err));
    assert_ok(gauss_finish(&file, NULL, err));
    assert_ok(FK_ALLOC(&before, P * T, err));
    memcpy(before, file.made.factor, P * T * sizeof(float));
    want = g = empty(FK_F32);
    want.made = g.made = file.made;
    want.made.own_mean = g.made.own_mean = NULL;
    want.made.own_factor = g.made.own_factor = NULL;
    assert_refused(fk_learner_limit(&g.learner, 1, folder, 1, &least, err), FLECK_E_LIMIT, "need");
    assert_ok(fk_learner_limit(&g.learner, least, folder, 1, &least, err));
    assert_ok(gauss_add(&g, d.views + 40, NULL, 30, NULL, err));
    assert_ok(gauss_add(&want, d.views + 40, NULL, 30, NULL, err));
    assert_ok(gauss_finish(&g, NULL, err));
    assert_ok(gauss_finish(&want, NULL, err));
    assert_same_factors(&want, &g);
    assert_memory_equal(before, file.made.factor, P * T * sizeof(float));
    fk_free(before);
    gauss_free(&g);
    gauss_free(&want);
    gauss_free(&file);
    free_data(&d);
    assert_nothing_left(folder);
}

/* What a part of a merge is: learned from images begin .. end - 1, `with` a limit, finished or
 * not. */
static gaussians part(const data *d, int begin, int end, const char *with, bool finished)
{
    gaussians g = with != NULL ? limited(with, 0, FK_F32) : empty(FK_F32);

    assert_ok(gauss_add(&g, d->views + begin, NULL, end - begin, NULL, err));
    if (finished)
        assert_ok(gauss_finish(&g, NULL, err));
    return g;
}

static void merging_gives_the_bytes_of_merging_in_memory(void **state)
{
    const char *folder = test_folder();
    data d = make_data();

    (void)state;
    for (int kind = 0; kind < 16; kind++) { /* which part has a limit, and is finished */
        bool finished_a = kind & 4, finished_b = kind & 8;
        gaussians want = part(&d, 0, 70, NULL, finished_a), b = part(&d, 70, 90, NULL, finished_b);
        gaussians g = part(&d, 0, 70, kind & 1 ? folder : NULL, finished_a);
        gaussians h = part(&d, 70, 90, kind & 2 ? folder : NULL, finished_b);

        assert_ok(gauss_merge(&want, &b, err));
        assert_ok(gauss_merge(&g, &h, err));
        assert_int_equal(gauss_count(&h), 0);
        assert_ok(gauss_add(&want, d.views + 90, NULL, 7, NULL, err));
        assert_ok(gauss_add(&g, d.views + 90, NULL, 7, NULL, err));
        assert_ok(gauss_finish(&want, NULL, err));
        assert_ok(gauss_finish(&g, NULL, err));
        assert_same_factors(&want, &g);
        gauss_free(&want);
        gauss_free(&b);
        gauss_free(&g);
        gauss_free(&h);
    }
    free_data(&d);
    assert_nothing_left(folder);
}

static void merging_with_an_empty_one_takes_over_what_there_is(void **state)
{
    const char *folder = test_folder();
    data d = make_data();
    gaussians want = part(&d, 0, 20, NULL, true), none = limited(folder, 0, FK_F32);
    gaussians full = part(&d, 0, 20, folder, false), other = limited(folder, 0, FK_F32);

    (void)state;
    assert_ok(gauss_merge(&full, &none, err));
    assert_ok(gauss_merge(&other, &full, err));
    assert_int_equal(gauss_count(&full), 0);
    assert_ok(gauss_finish(&other, NULL, err));
    assert_same_factors(&want, &other);
    gauss_free(&want);
    gauss_free(&none);
    gauss_free(&full);
    gauss_free(&other);
    free_data(&d);
    assert_nothing_left(folder);
}

static void what_fits_is_learned_in_memory(void **state)
{
    gaussians g = empty(FK_F32);
    int64_t least, without;

    (void)state;
    assert_ok(fk_learner_limit(&g.learner, 0, ".", 2, &least, err)); /* far from 200 MiB */
    assert_false(g.learner.spills);
    assert_refused(fk_learner_limit(&g.learner, least - 1, ".", 2, &least, err), FLECK_E_LIMIT,
                   "need");
    assert_refused(fk_learner_limit(&g.learner, least, NULL, 2, &without, err), FLECK_E_LIMIT,
                   "without a folder");
    assert_true(without > least);
    assert_ok(fk_learner_limit(&g.learner, without, NULL, 2, &least, err));
    assert_false(g.learner.spills);
    gauss_free(&g);
    /* WRN50-2: moments of 3.8 GB beside factors of 1.9 GB */
    assert_ok(gauss_init(&g, 3136, 550, 0.01, err));
    assert_ok(fk_learner_limit(&g.learner, 0, NULL, 2, &least, err));
    assert_false(g.learner.spills);
    assert_ok(fk_learner_limit(&g.learner, 0, ".", 2, &least, err));
    assert_true(g.learner.spills);
    gauss_free(&g);
}

/* A limit on the size of files stands in for a full disk. */
static void a_full_disk_ends_learning_and_leaves_it_empty(void **state)
{
    const char *folder = test_folder();
    struct rlimit before, small;
    data d = make_data();
    gaussians g = limited(folder, 0, FK_F32);

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    small = (struct rlimit){.rlim_cur = 10 * P * D * 4, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_refused(gauss_add(&g, d.views, NULL, 11, NULL, err), FLECK_E_IO, folder);
    assert_int_equal(gauss_count(&g), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_ok(gauss_add(&g, d.views, NULL, 11, NULL, err)); /* it can be used again */
    assert_ok(gauss_finish(&g, NULL, err));
    assert_int_equal(gauss_count(&g), 11);
    gauss_free(&g);
    free_data(&d);
    assert_nothing_left(folder);
}

static fleck_status whole_life(const void *images, const char *folder)
{
    const data *d = images;
    gaussians a = empty(FK_F32), b = empty(FK_F32);
    int64_t least;
    fleck_status st;

    st = fk_learner_limit(&a.learner, 1, folder, 1, &least, NULL); /* tells the least */
    if (st == FLECK_E_LIMIT)
        st = fk_learner_limit(&a.learner, least, folder, 1, &least, NULL);
    if (st == FLECK_OK)
        st = fk_learner_limit(&b.learner, least, folder, 1, &least, NULL);
    if (st == FLECK_OK)
        st = gauss_add(&a, d->views, NULL, 70, NULL, NULL);
    if (st == FLECK_OK)
        st = gauss_finish(&a, NULL, NULL);
    if (st == FLECK_OK)
        st = gauss_add(&a, d->views + 70, NULL, 5, NULL, NULL);
    if (st == FLECK_OK)
        st = gauss_add(&b, d->views + 75, NULL, 5, NULL, NULL);
    if (st == FLECK_OK)
        st = gauss_merge(&a, &b, NULL);
    if (st == FLECK_OK)
        st = gauss_finish(&a, NULL, NULL);
    if (st == FLECK_OK)
        assert_int_equal(gauss_count(&a), 80);
    gauss_free(&a);
    gauss_free(&b);
    return st;
}

static void any_allocation_may_fail(void **state)
{
    data d = make_data();

    (void)state;
    assert_any_allocation_may_fail(whole_life, &d, 40);
    free_data(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bands_give_the_bytes_of_learning_in_memory),
        cmocka_unit_test(learning_goes_on_after_finish_with_the_same_bytes),
        cmocka_unit_test(factors_of_a_file_are_added_to_and_left_alone),
        cmocka_unit_test(merging_gives_the_bytes_of_merging_in_memory),
        cmocka_unit_test(merging_with_an_empty_one_takes_over_what_there_is),
        cmocka_unit_test(what_fits_is_learned_in_memory),
        cmocka_unit_test(a_full_disk_ends_learning_and_leaves_it_empty),
        cmocka_unit_test(any_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
