/* SPDX-License-Identifier: Apache-2.0 */
/* A feed decodes an image and runs the network once, whoever asks, and changes no byte of any
 * result. */
#include "fk_test.h"

#include "base/mem.h"
#include "network.h"
#include "evaluate/evaluate.h"
#include "run/feed.h"
#include "fit/fit.h"

#define TRAIN 5
#define TEST 7 /* 2 good, 1 of each of 5 types of defect */

typedef struct fixture {
    char folder[4096], sample[4200];
    fk_samples train, test;
    const char *files[TRAIN];
} fixture;

static fixture f;

static int set_up(void **state)
{
    fleck_synth_settings synth = test_synth_defaults();
    fk_dataset_how how = fk_source_how(NULL, false, (fk_warn){0});
    fleck_error err = {0};

    (void)state;
    snprintf(f.folder, sizeof f.folder, "%s", test_folder());
    snprintf(f.sample, sizeof f.sample, "%s/sample", f.folder);
    synth.width = synth.height = 64;
    synth.train = TRAIN;
    synth.good = 2;
    synth.defective = 1;
    if (fleck_synth(f.sample, &synth, &err) != FLECK_OK ||
        fk_dataset_train(&f.train, f.sample, &how, &err) != FLECK_OK ||
        fk_dataset_test(&f.test, f.sample, &how, &err) != FLECK_OK) {
        printf("set up: %s\n", err.message);
        return 1;
    }
    for (int i = 0; i < TRAIN; i++)
        f.files[i] = f.train.items[i].path;
    return 0;
}

static int tear_down(void **state)
{
    char command[4200];

    (void)state;
    fk_samples_free(&f.train);
    fk_samples_free(&f.test);
    snprintf(command, sizeof command, "rm -r '%s'", f.folder);
    return system(command); /* NOLINT: a folder that this program made */
}

static fleck_settings settings(const char *method)
{
    static const char *const options[] = {"dims=3", NULL};
    fleck_settings s = fk_fit_defaults();

    s.method = "spade"; /* whose network has what the others need */
    use_network(&s);
    s.method = method;
    s.resize = "area";
    s.width = s.crop_width = 64;
    s.height = s.crop_height = 48;
    s.options = strcmp(method, "padim") == 0 ? options : NULL;
    s.threads = 2;
    return s;
}

typedef struct scores {
    double of[TEST];
    int64_t n;
} scores;

static fleck_status on_result(void *ctx, int64_t i, const fleck_sample *sample,
                              const fleck_result *r, const fleck_error *e)
{
    scores *s = ctx;

    (void)sample;
    assert_null(e);
    assert_true(i < TEST);
    s->of[i] = r->score;
    s->n++;
    return FLECK_OK;
}

/* Fit and evaluate, on a network of the runner's own or on the feed's. */
static void run(const char *method, fk_feed *feed, scores *out, fleck_report *report)
{
    fleck_settings s = settings(method);
    fleck_eval_settings e = test_eval_defaults();
    fk_model m;
    fk_runner r = {0};
    fk_source source;
    fleck_times times;

    *out = (scores){0};
    e.on_result = on_result;
    e.on_result_ctx = out;
    assert_ok(fk_fit_plan(&m, &s, err));
    if (feed == NULL)
        assert_ok(fk_runner_open(&r, &m, 2, err));
    else
        assert_ok(fk_runner_open_on(&r, &m, &feed, err));
    fk_source_init_files(&source, f.files, TRAIN);
    assert_ok(fk_fit_run(&m, &r, &source, &s, &times, err));
    fk_source_free(&source);
    assert_true(times.decode > 0.0 && times.network > 0.0);
    assert_true((r.feeds[0]->net == NULL) == (feed == NULL)); /* a network of its own rests */
    assert_ok(fk_evaluate(&r, f.sample, &f.test, &e, NULL, report, err));
    assert_int_equal(out->n, TEST);
    fk_runner_close(&r);
    fk_model_free(&m);
}

/* owner holds the bytes that the network reads. */
static void open_feed(fk_feed *feed, fk_pool **pool, fk_model *owner)
{
    fleck_settings s = settings("spade");
    fk_net_settings net;
    fk_net_source source;

    assert_ok(fk_fit_plan(owner, &s, err));
    assert_ok(fk_pool_open(pool, 2, err));
    source = fk_model_source(owner, 0);
    net = fk_model_net_settings(owner, 0, 2);
    net.pool = true;
    assert_ok(fk_feed_open(feed, &source, &net, "network", *pool, err));
}

static void two_methods_share_each_pass_and_score_as_alone(void **state)
{
    static const char *const methods[] = {"padim", "spade"};
    fk_feed feed;
    fk_model owner;
    fk_pool *pool;
    fk_blobs *blobs = NULL;

    (void)state;
    open_feed(&feed, &pool, &owner);
    /* A budget that holds a few images only: the rest goes through the file. */
    assert_ok(fk_blobs_open(&blobs, f.folder, 100000, err));
    feed.blobs = blobs;
    for (int i = 0; i < 2; i++) {
        scores alone, shared;
        fleck_report a, b;

        run(methods[i], NULL, &alone, &a);
        run(methods[i], &feed, &shared, &b);
        assert_memory_equal(alone.of, shared.of, sizeof alone.of);
        assert_true(a.pixel.auroc == b.pixel.auroc && a.pro == b.pro);
        assert_true(b.seconds.decode > 0.0 && b.seconds.network > 0.0);
        assert_int_equal(feed.decoded, TRAIN + TEST);
        assert_int_equal(feed.masks, TEST - 2);
        assert_int_equal(feed.passed, TRAIN + TEST);
    }
    fk_feed_close(&feed);
    fk_model_free(&owner);
    fk_blobs_close(&blobs);
    fk_pool_close(&pool);
}

static void a_feed_without_blobs_keeps_nothing(void **state)
{
    fk_feed feed;
    fk_model owner;
    fk_pool *pool;
    scores s;
    fleck_report r;

    (void)state;
    open_feed(&feed, &pool, &owner);
    run("padim", &feed, &s, &r);
    run("padim", &feed, &s, &r);
    /* The check images' embeddings were kept. */
    assert_int_equal(feed.decoded, 2 * (TRAIN + TEST));
    assert_int_equal(feed.masks, 2 * (TEST - 2));
    assert_int_equal(feed.passed, 2 * (TRAIN + TEST));
    fk_feed_close(&feed);
    fk_model_free(&owner);
    fk_pool_close(&pool);
}

static void a_model_of_other_taps_is_refused(void **state)
{
    fleck_settings s = settings("padim");
    fk_feed feed, *shared = &feed;
    fk_model owner;
    fk_pool *pool;
    fk_runner r;
    fk_model m;

    (void)state;
    open_feed(&feed, &pool, &owner);
    assert_ok(fk_fit_plan(&m, &s, err));
    m.taps[0].channels++;
    assert_refused(fk_runner_open_on(&r, &m, &shared, err), FLECK_E_SHAPE, m.taps[0].name);
    assert_null(r.lanes);
    fk_model_free(&m);
    fk_feed_close(&feed);
    fk_model_free(&owner);
    fk_pool_close(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_methods_share_each_pass_and_score_as_alone),
        cmocka_unit_test(a_feed_without_blobs_keeps_nothing),
        cmocka_unit_test(a_model_of_other_taps_is_refused)};

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
