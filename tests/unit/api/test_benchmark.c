/* SPDX-License-Identifier: Apache-2.0 */
/* fleck_bench() and fleck_compare() on a tiny network: interrupted, gone on, on other threads,
 * compared. */
#include "fk_test.h"

#include "network.h"

typedef struct fixture {
    char folder[4096], root[4200];
} fixture;

static fixture f;

static int set_up(void **state)
{
    fleck_synth_settings synth = test_synth_defaults();
    fleck_error err = {0};

    (void)state;
    snprintf(f.folder, sizeof f.folder, "%s", test_folder());
    snprintf(f.root, sizeof f.root, "%s/root", f.folder);
    synth.width = synth.height = 64;
    synth.train = 5;
    synth.good = 3;
    synth.defective = 1;
    for (int i = 0; i < 2; i++) {
        char path[4300];

        snprintf(path, sizeof path, "%s/%s", f.root, i == 0 ? "first" : "second");
        synth.seed = (uint64_t)i + 1;
        if (fleck_synth(path, &synth, &err) != FLECK_OK) {
            printf("set up: %s\n", err.message);
            return 1;
        }
    }
    return 0;
}

static int tear_down(void **state)
{
    char command[4200];

    (void)state;
    snprintf(command, sizeof command, "rm -r '%s'", f.folder);
    return system(command); /* NOLINT: a folder that this program made */
}

static fleck_settings fit; /* that settings() has */

static fleck_bench_settings settings(int threads)
{
    static const char *const runs[] = {"padim:dims=3", "spade:k=2,radius=0", NULL};
    fleck_bench_settings s = test_bench_defaults();

    s.runs = runs;
    fit = fk_fit_defaults();
    fit.method = "spade"; /* whose network has all that the others need */
    use_network(&fit);
    fit.width = fit.crop_width = 64;
    fit.height = fit.crop_height = 48;
    fit.threads = threads;
    s.fit = &fit;
    s.resamples = 50;
    s.memory = 100000; /* most of it goes through the file */
    return s;
}

/* Figures are in front of the costs, which differ from call to call. */
static void keep_figures(char *text)
{
    char *costs = strstr(text, "Cost of each run");

    assert_non_null(costs);
    *costs = '\0';
}

typedef struct seen {
    int done, reused;
} seen;

static void on_category(void *ctx, const char *category, bool reused, const fleck_error *error)
{
    seen *s = ctx;

    assert_null(error);
    assert_true(strcmp(category, "first") == 0 || strcmp(category, "second") == 0);
    s->done++;
    s->reused += reused;
}

static bool stop_in_the_second(void *ctx, const char *stage, int64_t done, int64_t total)
{
    (void)stage;
    (void)done;
    (void)total;
    return ((seen *)ctx)->done == 0;
}

static void an_interrupted_benchmark_goes_on_and_ends_as_an_uninterrupted_one(void **state)
{
    fleck_bench_settings s = settings(2);
    fleck_bench_summary *whole = NULL, *rest = NULL;
    char out[4300], other[4300];
    seen first = {0}, again = {0};

    (void)state;
    snprintf(out, sizeof out, "%s/interrupted", f.folder);
    snprintf(other, sizeof other, "%s/whole", f.folder);
    s.on_category = on_category;
    s.on_category_ctx = fit.progress_ctx = &first;
    fit.progress = stop_in_the_second;
    assert_refused(fleck_bench(f.root, out, &s, &rest, err), FLECK_E_CANCELLED, "second");
    assert_int_equal(first.done, 1);
    assert_null(rest);
    fit.progress = NULL;
    s.on_category_ctx = &again;
    assert_ok(fleck_bench(f.root, out, &s, &rest, err));
    assert_true(again.done == 2 && again.reused == 1);
    assert_true(rest->categories == 2 && rest->reused == 1 && rest->failed == 0 &&
                rest->unread == 0);
    s = settings(1); /* and on one thread */
    assert_ok(fleck_bench(f.root, other, &s, &whole, err));
    assert_int_equal(whole->reused, 0);
    keep_figures((char *)rest->text);
    keep_figures((char *)whole->text);
    assert_string_equal(rest->text, whole->text);
    assert_non_null(strstr(whole->text, "Results of each category"));
    fleck_free(rest);
    fleck_free(whole);
}

/* Uses what the test before left. */
static void runs_of_a_benchmark_can_be_compared(void **state)
{
    fleck_comparison *c = NULL, *back = NULL;
    char file[4300];

    (void)state;
    snprintf(file, sizeof file, "%s/whole/first.json", f.folder);
    assert_ok(fleck_compare(file, "1", file, "2", NULL, &c, err));
    assert_ok(fleck_compare(file, "2", file, "1", NULL, &back, err));
    assert_true(c->good == 3 && c->defective == 5);
    assert_true(c->a == back->b && c->b == back->a && c->difference == -back->difference &&
                c->p == back->p);
    assert_true(c->low <= c->difference && c->difference <= c->high);
    fleck_free(c);
    fleck_free(back);
    assert_refused(fleck_compare(file, NULL, file, "1", NULL, &c, err), FLECK_E_OPTION, "padim@");
    assert_refused(fleck_compare(f.root, NULL, file, "1", NULL, &c, err), FLECK_E_FORMAT,
                   "regular file");
}

static void what_cannot_be_run_is_refused_before_anything_is_written(void **state)
{
    static const char *const bad[] = {"nosuch", NULL};
    fleck_bench_settings s = settings(1);
    fleck_bench_summary *summary = NULL;
    char out[4300];

    (void)state;
    snprintf(out, sizeof out, "%s/new", f.folder);
    s.runs = bad;
    assert_refused(fleck_bench(f.root, out, &s, &summary, err), FLECK_E_OPTION, "nosuch");
    s = settings(1);
    s.resamples = 0;
    assert_refused(fleck_bench(f.root, out, &s, &summary, err), FLECK_E_OPTION, "resamples");
    s = settings(1);
    assert_refused(fleck_bench(f.folder, f.root, &s, &summary, err), FLECK_E_NOTFOUND, "MVTec");
    assert_refused(fleck_bench(f.root, f.root, &s, &summary, err), FLECK_E_STATE, "first");
    assert_int_not_equal(access(out, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_interrupted_benchmark_goes_on_and_ends_as_an_uninterrupted_one),
        cmocka_unit_test(runs_of_a_benchmark_can_be_compared),
        cmocka_unit_test(what_cannot_be_run_is_refused_before_anything_is_written)};

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
