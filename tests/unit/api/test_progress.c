/* SPDX-License-Identifier: Apache-2.0 */
/* Progress: every stage of every call is reported, and each of its reports can stop the call.
 * Each stop is a fit or the like, so images are few and small. */
#include "fk_test.h"

#include "base/watch.h"
#include "network.h"

static char folder[4096], sample[4200];

static fleck_settings settings(const char *method, int64_t tile)
{
    static const char *const none[] = {NULL}, *const dims[] = {"dims=3", NULL},
                             *const half[] = {"coreset=0.5", "min-bank=0", NULL},
                             *const layer[] = {"global=layer2", NULL};
    fleck_settings s = fk_fit_defaults();

    s.method = method;
    use_network(&s);
    s.width = s.crop_width = 48;
    s.height = s.crop_height = 32;
    s.tile = tile;
    s.options = strcmp(method, "padim") == 0       ? dims
                : strcmp(method, "patchcore") == 0 ? half
                                                   : none;
    s.threads = 2;
    if (strcmp(method, "spade") == 0 && !network_is_onnx()) {
        /* Opening all of ResNet-18 takes seconds under the thread sanitizer. */
        s.weights = network_file(false);
        s.options = layer;
    }
    return s;
}

static int set_up(void **state)
{
    fleck_synth_settings synth = test_synth_defaults();
    fleck_error err = {0};

    (void)state;
    snprintf(folder, sizeof folder, "%s", test_folder());
    snprintf(sample, sizeof sample, "%s/sample", folder);
    synth.width = synth.height = 64;
    synth.train = 4;
    synth.good = 2;
    synth.defective = 1;
    fk_watch_set_interval(0.0);
    return fleck_synth(sample, &synth, &err) != FLECK_OK;
}

static int tear_down(void **state)
{
    char command[4200];

    (void)state;
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command); /* NOLINT: a folder that this program made */
}

/* Counts the calls of each stage.  Stops at call `at` of stage `stop`; NULL: never. */
typedef struct listener {
    const char *stop;
    int64_t at;
    bool stopped;
    int n_stages;
    struct {
        const char *name;
        int64_t calls;
    } stages[16];
} listener;

static int find(const listener *l, const char *stage)
{
    int i = 0;

    while (i < l->n_stages && strcmp(l->stages[i].name, stage) != 0)
        i++;
    return i;
}

static bool listen(void *ctx, const char *stage, int64_t done, int64_t total)
{
    listener *l = ctx;
    int i = find(l, stage);

    if (!(done >= 0 && (total == 0 || done <= total)) || l->stopped || i == 16)
        abort(); /* told out of range, or after it was stopped */
    if (i == l->n_stages)
        l->stages[l->n_stages++].name = stage;
    l->stages[i].calls++;
    l->stopped = l->stop != NULL && strcmp(stage, l->stop) == 0 && l->stages[i].calls == l->at;
    return !l->stopped;
}

/* A call of the library that reports to a listener. */
typedef fleck_status long_call(void *ctx, listener *l, fleck_error *err);

static void stop_at(long_call *call, void *ctx, const char *stage, int64_t at)
{
    listener l = {.stop = stage, .at = at};
    fleck_error error = {0};
    fleck_status st = call(ctx, &l, &error);

    /* How often it is told depends on which thread is how quick. */
    if (!l.stopped)
        assert_int_equal(st, FLECK_OK);
    else if (st != FLECK_E_CANCELLED || strstr(error.message, stage) == NULL ||
             strstr(error.message, "stopped") == NULL)
        fail_msg("%s, call %lld: status %d, %s", stage, (long long)at, (int)st, error.message);
}

/* Stop the call at the first, a middle and the last report of each stage; `stages` are among
 * them. */
static void stop_everywhere(long_call *call, void *ctx, const char *const *stages)
{
    listener all = {0};

    assert_ok(call(ctx, &all, err));
    for (; *stages != NULL; stages++)
        if (find(&all, *stages) == all.n_stages)
            fail_msg("stage \"%s\" is missing", *stages);
    for (int i = 0; i < all.n_stages; i++) {
        int64_t n = all.stages[i].calls;

        stop_at(call, ctx, all.stages[i].name, 1);
        if (n > 2)
            stop_at(call, ctx, all.stages[i].name, (n + 1) / 2);
        if (n > 1)
            stop_at(call, ctx, all.stages[i].name, n);
    }
}

static fleck_status fit(void *ctx, listener *l, fleck_error *err)
{
    fleck_settings s = *(const fleck_settings *)ctx;
    fleck_model *m = NULL;
    fleck_status st;

    s.progress = listen;
    s.progress_ctx = l;
    st = fleck_fit(&m, sample, &s, NULL, err);
    if ((st == FLECK_OK) != (m != NULL))
        fail_msg("status %d, but a model %s there", (int)st, m != NULL ? "is" : "is not");
    fleck_model_close(&m);
    return st;
}

static void every_stage_of_a_fit_can_be_stopped(void **state)
{
    static const struct {
        const char *method, *stages[5];
    } cases[] = {{"padim", {"fit", "covariance", "thresholds", "check images", NULL}},
                 {"spade", {"fit", "thresholds", NULL}},
                 {"patchcore", {"fit", "coreset", "thresholds", NULL}},
                 {"mhpatchcore", {"fit", "coreset", "thresholds", NULL}},
                 {"subspace", {"fit", "folds", "thresholds", NULL}}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int64_t tile = 0; tile <= 32; tile += 32) {
            fleck_settings s = settings(cases[i].method, tile);

            stop_everywhere(fit, &s, cases[i].stages);
        }
}

static fleck_status evaluate(void *ctx, listener *l, fleck_error *err)
{
    fleck_eval_settings s = test_eval_defaults();
    fleck_report *report = NULL;
    fleck_status st;

    s.progress = listen;
    s.progress_ctx = l;
    st = fleck_evaluate(ctx, sample, &s, &report, err);
    fleck_free(report);
    return st;
}

typedef struct opened {
    const char *path;
    fleck_status (*call)(fleck_model *m, fleck_error *err);
} opened;

/* The listener is that of the model. */
static fleck_status with_model(void *ctx, listener *l, fleck_error *err)
{
    const opened *o = ctx;
    fleck_run_settings s = test_run_defaults();
    fleck_model *m = NULL;
    fleck_status st;

    s.progress = listen;
    s.progress_ctx = l;
    st = fleck_model_open(&m, o->path, &s, err);
    if (st == FLECK_OK)
        st = o->call(m, err);
    fleck_model_close(&m);
    return st;
}

static fleck_status verify(fleck_model *m, fleck_error *err)
{
    double difference;

    return fleck_model_verify(m, 0.0, &difference, err);
}

static fleck_status ignore(void *ctx, int64_t i, const fleck_result *result,
                           const fleck_error *error)
{
    (void)ctx;
    (void)i;
    (void)result;
    return error == NULL ? FLECK_OK : error->status;
}

static fleck_status score(fleck_model *m, fleck_error *err)
{
    char path[4300];
    const char *files[3] = {path, path, path};

    snprintf(path, sizeof path, "%s/test/good/000.png", sample);
    return fleck_score_files(m, files, 3, true, ignore, NULL, err);
}

static fleck_status score_alone(void *ctx, listener *l, fleck_error *err)
{
    char path[4300];
    fleck_scorer *s = NULL;
    fleck_result *r = NULL;
    fleck_status st = fleck_scorer_open(&s, ctx, err);

    snprintf(path, sizeof path, "%s/test/good/000.png", sample);
    fleck_scorer_set_progress(s, listen, l);
    if (st == FLECK_OK)
        st = fleck_scorer_file(s, path, true, &r, err);
    if ((st == FLECK_OK) != (r != NULL))
        fail_msg("status %d, but a result %s there", (int)st, r != NULL ? "is" : "is not");
    fleck_result_free(&r);
    fleck_scorer_close(&s);
    return st;
}

static fleck_status panel(fleck_model *m, fleck_error *err)
{
    fleck_panel_column column = {m, "one"};
    char path[4300], out[4300];

    snprintf(path, sizeof path, "%s/test/good/000.png", sample);
    snprintf(out, sizeof out, "%s/panel.png", folder);
    return fleck_panel(out, path, NULL, &column, 1, 64, err);
}

static fleck_status save(void *ctx, listener *l, fleck_error *err)
{
    char path[4300];
    fleck_status st;

    snprintf(path, sizeof path, "%s/saved.fleck", folder);
    st = fleck_model_save_with(ctx, path, listen, l, err);
    if ((st == FLECK_OK) != (access(path, F_OK) == 0))
        fail_msg("status %d, but a file %s there", (int)st, st == FLECK_OK ? "is not" : "is");
    if (st == FLECK_OK)
        unlink(path);
    return st;
}

static fleck_status install(void *ctx, listener *l, fleck_error *err)
{
    char path[4300];
    fleck_status st;

    snprintf(path, sizeof path, "%s/installed.fleck", folder);
    st = fleck_model_install(ctx, path, listen, l, err);
    if ((st == FLECK_OK) != (access(path, F_OK) == 0))
        fail_msg("status %d, but a file %s there", (int)st, st == FLECK_OK ? "is not" : "is");
    if (st == FLECK_OK)
        unlink(path);
    return st;
}

/* Into a new folder each time. */
static fleck_status draw(void *ctx, listener *l, fleck_error *err)
{
    static int turn;
    fleck_synth_settings s = test_synth_defaults();
    char path[4300];

    (void)ctx;
    snprintf(path, sizeof path, "%s/drawn%d", folder, turn++);
    s.width = s.height = 64;
    s.train = 2;
    s.good = 1;
    s.defective = 1;
    s.progress = listen;
    s.progress_ctx = l;
    return fleck_synth(path, &s, err);
}

/* The file is ctx; what was there before a stop stays. */
static fleck_status add_weights(void *ctx, listener *l, fleck_error *err)
{
    bool complete = true;
    fleck_status st = fleck_weights_add_with(folder, "resnet18", ctx, &complete, listen, l, err);

    assert_false(complete); /* they end after layer2 */
    return st;
}

static fleck_status copy(void *ctx, listener *l, fleck_error *err)
{
    char path[4300];
    fleck_status st;

    snprintf(path, sizeof path, "%s/copy", folder);
    st = fleck_file_copy_with(ctx, path, listen, l, err);
    if ((st == FLECK_OK) != (access(path, F_OK) == 0))
        fail_msg("status %d, but a copy %s there", (int)st, st == FLECK_OK ? "is not" : "is");
    if (st == FLECK_OK)
        unlink(path);
    return st;
}

static fleck_status list(void *ctx, listener *l, fleck_error *err)
{
    fleck_images *images = NULL;
    fleck_status st = fleck_images_open(&images, true, err);

    fleck_images_set_progress(images, listen, l);
    if (st == FLECK_OK)
        st = fleck_images_add(images, ctx, err);
    fleck_images_close(&images);
    return st;
}

static void files_that_are_imported_copied_and_listed_can_be_stopped(void **state)
{
    char path[4300];

    (void)state;
    snprintf(path, sizeof path, "%s/part.safetensors", folder);
    write_network(path, false);
    stop_everywhere(add_weights, path, (const char *const[]){"import", "write", NULL});
    stop_everywhere(copy, path, (const char *const[]){"write", NULL});
    stop_everywhere(list, sample, (const char *const[]){"list", NULL});
}

static void a_sample_set_can_be_stopped(void **state)
{
    (void)state;
    stop_everywhere(draw, NULL, (const char *const[]){"synth", NULL});
}

static void what_is_done_with_a_model_can_be_stopped(void **state)
{
    static const char
        *const evaluation[] = {"eval", "pixel figures", NULL},
               *const writing[] = {"write", NULL}, *const checking[] = {"read", "verify", NULL},
               *const scoring[] = {"predict", NULL}, *const drawing[] = {"panel", NULL},
               *const copying[] = {"read", "write", NULL};
    fleck_settings s = settings("padim", 0);
    char path[4300];
    fleck_model *m = NULL;

    (void)state;
    snprintf(path, sizeof path, "%s/m.fleck", folder);
    assert_ok(fleck_fit(&m, sample, &s, NULL, err));
    stop_everywhere(evaluate, m, evaluation);
    stop_everywhere(save, m, writing);
    stop_everywhere(score_alone, m, scoring);
    assert_ok(fleck_model_save(m, path, err));
    fleck_model_close(&m);
    stop_everywhere(install, path, copying);
    stop_everywhere(with_model, &(opened){path, verify}, checking);
    stop_everywhere(with_model, &(opened){path, score}, scoring);
    stop_everywhere(with_model, &(opened){path, panel}, drawing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_stage_of_a_fit_can_be_stopped),
        cmocka_unit_test(a_sample_set_can_be_stopped),
        cmocka_unit_test(what_is_done_with_a_model_can_be_stopped),
        cmocka_unit_test(files_that_are_imported_copied_and_listed_can_be_stopped),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
