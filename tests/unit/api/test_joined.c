/* SPDX-License-Identifier: Apache-2.0 */
/* Networks that are joined give what each gives alone, from a fit to a model that is opened. */
#include "fk_test.h"

#include "base/file.h"
#include "base/mem.h"
#include "benchmark/bench.h"
#include "fit/networks.h"
#include "network.h"
#include "run/runner.h"

#include <math.h>

#define RESNET "resnet18"
#define LITE "efficientnet_lite0"
enum { W = 64, H = 32, IMAGES = 3 };

typedef struct fixture {
    const char *folder;
    char sample[4200], resnet[4200], lite[4200], both[8500];
} fixture;

static fixture f;

static int set_up(void **state)
{
    static const char *const resnet_taps[] = {"layer1", "layer2"}, *const lite_taps[] = {"stride4",
                                                                                         "stride8"};
    fleck_synth_settings synth = test_synth_defaults();
    fleck_error err = {0};

    (void)state;
    f.folder = test_folder();
    snprintf(f.sample, sizeof f.sample, "%s/sample", f.folder);
    snprintf(f.resnet, sizeof f.resnet, "%s/resnet.safetensors", f.folder);
    snprintf(f.lite, sizeof f.lite, "%s/lite.safetensors", f.folder);
    snprintf(f.both, sizeof f.both, "%s,%s", f.resnet, f.lite);
    write_weights(f.resnet, RESNET, resnet_taps, true);
    write_weights(f.lite, LITE, lite_taps, true);
    synth.width = synth.height = 64;
    synth.train = 12;
    synth.good = 2;
    synth.defective = 1;
    if (fleck_synth(f.sample, &synth, &err) == FLECK_OK)
        return 0;
    printf("set up: %s\n", err.message);
    return 1;
}

static int tear_down(void **state)
{
    (void)state;
    return test_remove(f.folder);
}

static fleck_settings settings(const char *method, const char *backbone, const char *taps)
{
    fleck_settings s = fk_fit_defaults();

    s.method = method;
    s.backbone = backbone;
    s.weights = strchr(backbone, '+') != NULL   ? f.both
                : strcmp(backbone, RESNET) == 0 ? f.resnet
                                                : f.lite;
    s.taps = taps;
    s.normalisation = "own"; /* another for each of the two */
    s.width = s.crop_width = W;
    s.height = s.crop_height = H;
    s.threads = 2;
    return s;
}

/* A planned model, and the embeddings of IMAGES inputs. */
typedef struct embedded {
    fk_model model;
    fk_runner runner;
    fk_embedding of[IMAGES];
} embedded;

static void embed_again(embedded *e)
{
    const uint8_t *inputs[IMAGES];
    uint8_t *pixels = make_image(H * IMAGES, W);

    for (int i = 0; i < IMAGES; i++)
        inputs[i] = pixels + (size_t)i * H * W * 3;
    assert_ok(fk_runner_embed(&e->runner, IMAGES, inputs, e->of, err));
    free(pixels);
}

static void embed(embedded *e, const fleck_settings *s)
{
    *e = (embedded){.runner = {0}};
    assert_ok(fk_fit_plan(&e->model, s, err));
    assert_ok(fk_runner_open(&e->runner, &e->model, IMAGES, err));
    for (int i = 0; i < IMAGES; i++)
        assert_ok(fk_embedding_init(&e->of[i], &e->model.shape, err));
    embed_again(e);
}

static void drop(embedded *e)
{
    for (int i = 0; i < IMAGES; i++)
        fk_embedding_free(&e->of[i]);
    fk_runner_close(&e->runner);
    fk_model_free(&e->model);
}

static void assert_level(const fk_level *a, const fk_level *b)
{
    assert_true(a->height == b->height && a->width == b->width && a->dim == b->dim);
    assert_memory_equal(a->data, b->data, (size_t)(a->height * a->width * a->dim) * sizeof(float));
}

/* SPADE's embedding has each tap as a level of its own, and the global pool. */
static void compare_with_alone(const char *engine)
{
    fleck_settings a = settings("spade", RESNET, NULL), b = settings("spade", LITE, NULL),
                   both = settings("spade", RESNET "+" LITE, NULL);
    embedded alone[2], joined;

    a.engine = b.engine = both.engine = engine;
    embed(&alone[0], &a);
    embed(&alone[1], &b);
    embed(&joined, &both);
    assert_int_equal(joined.model.n_taps, 6);
    for (int i = 0; i < IMAGES; i++) {
        const fk_embedding *e = &joined.of[i];
        int64_t first = 0;
        int level = 0;

        for (int k = 0; k < 2; k++) {
            const fk_embedding *one = &alone[k].of[i];

            for (int t = 0; t < one->n_levels; t++)
                assert_level(&e->levels[level++], &one->levels[t]);
            assert_memory_equal(e->global + first, one->global,
                                (size_t)one->global_dim * sizeof(float));
            first += one->global_dim;
        }
        assert_int_equal(level, e->n_levels);
        assert_int_equal(first, e->global_dim);
    }
    drop(&alone[0]);
    drop(&alone[1]);
    drop(&joined);
}

static void taps_and_pools_are_those_of_each_network_alone(void **state)
{
    (void)state;
    compare_with_alone("reference");
    compare_with_alone(NULL); /* native and, in builds that have it, OpenVINO side by side */
    if (fk_engine_built(FK_ENGINE_OPENVINO))
        compare_with_alone("openvino");
}

/* PaDiM reads few channels, of taps in any order; networks may leave out the others. */
static void channels_that_are_read_are_those_of_whole_taps(void **state)
{
    static const char *const few[] = {"dims=9", NULL}, *const all[] = {"reduce=none", NULL};
    static const char taps[] = "layer2," LITE "/stride4,layer1,stride8";
    fleck_settings s = settings("padim", RESNET "+" LITE, taps);
    embedded read, whole;

    (void)state;
    s.options = few;
    embed(&read, &s);
    s.options = all;
    embed(&whole, &s);
    assert_string_equal(read.model.taps[0].name, RESNET "/layer2");
    assert_string_equal(read.model.taps[1].name, LITE "/stride4");
    assert_string_equal(read.model.taps[2].name, RESNET "/layer1");
    assert_string_equal(read.model.taps[3].name, LITE "/stride8");
    assert_int_equal(read.of[0].levels[0].dim, 9);
    for (int i = 0; i < IMAGES; i++) {
        const fk_level *x = &read.of[i].levels[0], *y = &whole.of[i].levels[0];

        assert_true(x->height == y->height && x->width == y->width);
        for (int64_t p = 0; p < x->height * x->width; p++)
            for (int64_t d = 0; d < x->dim; d++)
                assert_true(x->data[p * x->dim + d] ==
                            y->data[p * y->dim + read.model.embed.channels[d]]);
    }
    drop(&read);
    drop(&whole);
}

/* Embedded once with the gains of a plan, which are 1, and again with others. */
static void gains_scale_taps_and_pools_of_their_network(void **state)
{
    fleck_settings s = settings("spade", LITE "+" RESNET, "stride4,layer1");
    char weights[8500];
    embedded plain, scaled;

    (void)state;
    snprintf(weights, sizeof weights, "%s,%s", f.lite, f.resnet);
    s.weights = weights;
    embed(&plain, &s);
    assert_true(plain.model.nets[0].gain == 1.0f && plain.model.nets[1].gain == 1.0f);
    embed(&scaled, &s);
    scaled.model.nets[0].gain = 4.0f;
    scaled.model.nets[1].gain = 0.5f;
    embed_again(&scaled);
    for (int i = 0; i < IMAGES; i++)
        for (int k = 0; k < 2; k++) {
            const fk_level *x = &plain.of[i].levels[k], *y = &scaled.of[i].levels[k];
            const int64_t dim = k == 0 ? 1280 : 512;
            const float gain = k == 0 ? 4.0f : 0.5f, *a = plain.of[i].global,
                        *b = scaled.of[i].global;

            for (int64_t j = 0; j < x->height * x->width * x->dim; j++)
                assert_true(y->data[j] == x->data[j] * gain);
            for (int64_t j = 0; j < dim; j++)
                assert_true(b[k * 1280 + j] == a[k * 1280 + j] * gain);
        }
    drop(&plain);
    drop(&scaled);
}

static fleck_model *fitted(const char *method)
{
    fleck_settings s = settings(method, RESNET "+" LITE, "layer1,layer2,stride4,stride8");
    fleck_model *m = NULL;

    s.height = s.crop_height = 64;
    assert_ok(fleck_fit(&m, f.sample, &s, NULL, err));
    return m;
}

/* The map of a test image. */
static fleck_result *scored(fleck_model *m)
{
    char image[4300];
    fleck_result *r = NULL;

    snprintf(image, sizeof image, "%s/test/good/000.png", f.sample);
    assert_ok(fleck_score_file(m, image, true, &r, err));
    return r;
}

static void a_model_carries_both_networks(void **state)
{
    static const char *const methods[] = {"padim", "spade", "subspace", "patchcore", "mhpatchcore"};

    (void)state;
    for (int i = 0; i < 5; i++) {
        fleck_model *m = fitted(methods[i]), *opened = NULL;
        fleck_result *a = scored(m), *b;
        void *bytes = NULL, *again = NULL;
        size_t size, size_again;
        double difference;

        assert_ok(fleck_model_save_memory(m, &bytes, &size, NULL, NULL, err));
        fleck_model_close(&m);
        assert_ok(fleck_model_open_memory(&opened, bytes, size, NULL, err));
        assert_ok(fleck_model_verify(opened, 0.0, &difference, err));
        b = scored(opened);
        assert_true(a->score == b->score);
        assert_memory_equal(a->map, b->map, sizeof *a->map * 64 * 64);
        assert_ok(fleck_model_save_memory(opened, &again, &size_again, NULL, NULL, err));
        assert_true(size == size_again && memcmp(bytes, again, size) == 0);
        fleck_result_free(&a);
        fleck_result_free(&b);
        fleck_model_close(&opened);
        fleck_free(bytes);
        fleck_free(again);
    }
}

/* Write ResNet-18's weights with a first convolution that is 64 times as large. */
static void write_loud(const char *path)
{
    const int64_t n = 64 * 3 * 7 * 7 + 64; /* conv1, the first tensors of the file */
    fk_contents file = {0};
    uint8_t *bytes;
    uint64_t header;
    FILE *out = fopen(path, "wb");

    assert_non_null(out);
    assert_ok(fk_contents_read(&file, f.resnet, 0, err));
    bytes = malloc(file.size);
    assert_non_null(bytes);
    memcpy(bytes, file.data, file.size);
    memcpy(&header, bytes, sizeof header);
    for (int64_t i = 0; i < n; i++) {
        uint8_t *at = bytes + 8 + header + (size_t)i * sizeof(float);
        float value;

        memcpy(&value, at, sizeof value);
        value *= 64.0f;
        memcpy(at, &value, sizeof value);
    }
    assert_int_equal(fwrite(bytes, 1, file.size, out), file.size);
    assert_int_equal(fclose(out), 0);
    free(bytes);
    fk_contents_free(&file);
}

/* The gain of the second network; that of the first is 1. */
static float gain_of(const char *backbone, const char *first, const char *second)
{
    fleck_settings s = settings("subspace", backbone, "layer2,stride4");
    fleck_model *m = NULL;
    char weights[8500];
    float gain;

    snprintf(weights, sizeof weights, "%s,%s", first, second);
    s.weights = weights;
    assert_ok(fleck_fit(&m, f.sample, &s, NULL, err));
    assert_true(fleck_model_network(m, 0)->gain == 1.0f);
    gain = fleck_model_network(m, 1)->gain;
    fleck_model_close(&m);
    return gain;
}

/* ReLUs let the loud network's taps be about 64 times as large. */
static void gains_balance_the_networks_in_powers_of_two(void **state)
{
    char loud[4300];
    float plain, quiet, inverse;
    int exponent;

    (void)state;
    snprintf(loud, sizeof loud, "%s/loud.safetensors", f.folder);
    write_loud(loud);
    plain = gain_of(LITE "+" RESNET, f.lite, f.resnet);
    quiet = gain_of(LITE "+" RESNET, f.lite, loud);
    inverse = gain_of(RESNET "+" LITE, loud, f.lite);
    assert_true(quiet >= plain / 128.0f && quiet <= plain / 32.0f);
    assert_true(frexpf(quiet, &exponent) == 0.5f);
    assert_true(quiet * inverse == 1.0f);
}

/* Networks of a runner's own may leave out channels; shared ones do not. */
static void assert_same_spread(const fk_bench_run *run, fk_bench_feeds *feeds, const int *of_run)
{
    fk_feed *const shared[] = {&feeds->feeds[of_run[0]], &feeds->feeds[of_run[1]]};
    double a[2], b[2];
    uint8_t *pixels = make_image(H, W);
    fk_model m;
    fk_runner own, on;

    assert_ok(fk_fit_plan(&m, &run->fit, err));
    assert_ok(fk_runner_open(&own, &m, 1, err));
    assert_ok(fk_runner_open_on(&on, &m, shared, err));
    assert_ok(fk_runner_spread(&own, pixels, a, err));
    assert_ok(fk_runner_spread(&on, pixels, b, err));
    assert_true(a[0] > 0.0 && a[1] > 0.0 && a[0] == b[0] && a[1] == b[1]);
    fk_runner_close(&own);
    fk_runner_close(&on);
    fk_model_free(&m);
    free(pixels);
}

static void a_model_names_both_networks(void **state)
{
    fleck_model *m = fitted("padim");
    const fleck_model_info *info = fleck_model_describe(m);
    const fleck_network_info *a = fleck_model_network(m, 0), *b = fleck_model_network(m, 1);

    (void)state;
    assert_string_equal(info->backbone, RESNET "+" LITE);
    assert_string_equal(info->taps,
                        RESNET "/layer1," RESNET "/layer2," LITE "/stride4," LITE "/stride8");
    assert_string_equal(a->name, RESNET);
    assert_string_equal(a->weights, "resnet.safetensors");
    assert_string_equal(b->name, LITE);
    assert_string_equal(b->weights, "lite.safetensors");
    assert_string_not_equal(a->weights_digest, b->weights_digest);
    assert_true(a->mean[0] == 0.485f && b->mean[0] == 127 / 255.0f);
    assert_true(a->scale[2] == 0.225f && b->scale[2] == 128 / 255.0f);
    assert_null(fleck_model_network(m, 2));
    fleck_model_close(&m);
}

/* The model with the first `from` of its bytes replaced by `to`, of one length. */
static void refuse_changed(const uint8_t *bytes, size_t size, const char *from, const char *to,
                           fleck_status status, const char *part)
{
    uint8_t *copy = malloc(size), *at = NULL;
    size_t n = strlen(from);
    fk_model m;

    assert_int_equal(n, strlen(to));
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    for (size_t i = 0; i + n < size && at == NULL; i++)
        at = memcmp(copy + i, from, n) == 0 ? copy + i : NULL;
    assert_non_null(at);
    if (at != NULL) /* for the analyzer */
        memcpy(at, to, n);
    assert_refused(fk_model_load_bytes(&m, copy, size, "changed", err), status, part);
    assert_true(m.file == NULL && m.n_nets == 0);
    free(copy);
}

static void a_damaged_model_is_refused(void **state)
{
    fleck_model *m = fitted("padim");
    void *bytes = NULL;
    size_t size;

    (void)state;
    assert_ok(fleck_model_save_memory(m, &bytes, &size, NULL, NULL, err));
    fleck_model_close(&m);
    refuse_changed(bytes, size, RESNET "+" LITE,
                   RESNET "+"
                          "efficientnet_lite9",
                   FLECK_E_UNSUPPORTED, "which this fleck does not have");
    refuse_changed(bytes, size, RESNET "+" LITE,
                   RESNET "+"
                          "efficientnet_lite1",
                   FLECK_E_FORMAT, "of no network");
    refuse_changed(bytes, size, RESNET "/layer1", "resnet19/layer1", FLECK_E_FORMAT,
                   "of no network");
    refuse_changed(bytes, size, RESNET "/layer1", RESNET "/layer7", FLECK_E_FORMAT,
                   RESNET " has no tap");
    refuse_changed(bytes, size, "networks", "netw0rks", FLECK_E_FORMAT, "\"networks\"");
    refuse_changed(bytes, size, "\"gain", "\"pain", FLECK_E_FORMAT, "\"gain\"");
    fleck_free(bytes);
}

static fleck_status plan(const fleck_settings *s, fleck_error *err)
{
    fk_model m;
    fleck_status st = fk_fit_describe(&m, s, err);

    fk_model_free(&m);
    return st;
}

static void what_cannot_be_joined_is_refused(void **state)
{
    static const struct {
        const char *backbone, *weights, *taps, *part;
    } cases[] = {
        {RESNET "+resnet19", NULL, NULL, "\"resnet19\" is not built in"},
        {RESNET "+" RESNET, NULL, NULL, "named twice"},
        {RESNET "+", NULL, NULL, "\"\" is not built in"},
        {RESNET "+net.onnx", NULL, NULL, "\"net.onnx\" is not built in"},
        {RESNET "+resnet50+vit_b_16+wide_resnet50_2+" LITE, NULL, NULL, "4 networks at most"},
        {RESNET "+" LITE, "one", NULL, "expected 2 files"},
        {RESNET "+" LITE, "one,two,three", NULL, "got 3"},
        {RESNET "+" LITE, NULL, "layer1", "expected some of " LITE},
        {RESNET "+" LITE, NULL, "layer1," RESNET "/stride4", RESNET "/layer1, " RESNET "/layer2"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fleck_settings s = settings("padim", cases[i].backbone, cases[i].taps);

        if (cases[i].weights != NULL)
            s.weights = cases[i].weights;
        assert_refused(plan(&s, err), FLECK_E_OPTION, cases[i].part);
    }
}

static void missing_weights_are_named(void **state)
{
    fleck_settings s = settings("padim", RESNET "+" LITE, NULL);
    char weights[4300];

    (void)state;
    snprintf(weights, sizeof weights, "%s,", f.resnet);
    s.weights = weights;
    assert_refused(plan(&s, err), FLECK_E_OPTION, "backbone " LITE);
    s.home = f.folder;
    assert_refused(plan(&s, err), FLECK_E_NOTFOUND, "the weights of " LITE " are not installed");
}

static void a_tap_that_two_networks_have_needs_a_network(void **state)
{
    fk_model m = {.n_nets = 2, .pre = {.crop_width = W, .crop_height = H}};

    (void)state;
    m.nets[0].arch = fk_arch_find(RESNET);
    m.nets[1].arch = fk_arch_find("resnet50");
    assert_ok(fk_strdup(&m.backbone, RESNET "+resnet50", err));
    assert_refused(fk_networks_taps(&m, "layer1,resnet50/layer2", err), FLECK_E_OPTION,
                   "several networks");
    m.n_taps = 0;
    assert_ok(fk_networks_taps(&m, "resnet50/layer1,resnet18/layer1", err));
    assert_true(m.tap_net[0] == 1 && m.taps[0].channels == 256);
    assert_true(m.tap_net[1] == 0 && m.taps[1].channels == 64);
    assert_string_equal(fk_model_tap_name(&m, 0), "layer1");
    fk_model_free(&m);
}

static void more_usual_taps_than_fit_are_refused(void **state)
{
    fk_model m = {.n_nets = 3, .pre = {.crop_width = W, .crop_height = H}};

    (void)state;
    m.method = fk_method_find("padim");
    m.nets[0].arch = fk_arch_find(RESNET);
    m.nets[1].arch = fk_arch_find("resnet50");
    m.nets[2].arch = fk_arch_find(LITE);
    assert_ok(fk_strdup(&m.backbone, RESNET "+resnet50+" LITE, err));
    assert_refused(fk_networks_taps(&m, NULL, err), FLECK_E_OPTION, "more than 8 usual taps");
    m.n_taps = 0;
    m.method = fk_method_find("patchcore");
    assert_ok(fk_networks_taps(&m, NULL, err));
    assert_int_equal(m.n_taps, 6);
    m.method = NULL;
    fk_model_free(&m);
}

static void sides_suit_all_networks(void **state)
{
    (void)state;
    assert_int_equal(fk_networks_multiple(NULL), 32);
    assert_int_equal(fk_networks_multiple("path/to/net.onnx"), 32);
    assert_int_equal(fk_networks_multiple(RESNET), 32);
    assert_int_equal(fk_networks_multiple("dinov2_vits14"), 14);
    assert_int_equal(fk_networks_multiple(RESNET "+" LITE), 32);
    assert_int_equal(fk_networks_multiple("vit_b_16+" RESNET), 32);
    assert_int_equal(fk_networks_multiple("dinov2_vits14+" RESNET), 14);
    assert_int_equal(fk_networks_multiple("dinov2_vits14+vit_b_16"), 112);
}

static void a_benchmark_opens_each_network_once(void **state)
{
    char texts[3][9000];
    const char *const runs[] = {texts[0], texts[1], texts[2], NULL};
    fleck_settings fit = settings("padim", RESNET, NULL);
    fleck_bench_settings s = {.fit = &fit, .runs = runs};
    fk_bench_runs read;
    fk_bench_feeds feeds;
    fk_pool *pool = NULL;

    (void)state;
    snprintf(texts[0], sizeof texts[0], "padim@" RESNET ":taps=layer1,weights=%s", f.resnet);
    snprintf(texts[1], sizeof texts[1], "padim@" LITE ":weights=%s", f.lite);
    snprintf(texts[2], sizeof texts[2],
             "padim@" LITE "+" RESNET ":taps=stride4,layer2,weights=%s,%s", f.lite, f.resnet);
    fit.weights = NULL;
    assert_ok(fk_bench_runs_read(&read, &s, err));
    assert_string_equal(read.items[2].name, "padim@" LITE "+" RESNET ":taps=stride4,layer2");
    assert_ok(fk_pool_open(&pool, 2, err));
    assert_ok(fk_bench_feeds_open(&feeds, &read, pool, err));
    assert_int_equal(feeds.n, 2);
    assert_true(feeds.of_run[0][0] == 0 && feeds.of_run[1][0] == 1);
    assert_true(feeds.of_run[2][0] == 1 && feeds.of_run[2][1] == 0);
    assert_int_equal(fk_net_tap_count(feeds.feeds[0].net), 2);
    assert_same_spread(&read.items[2], &feeds, feeds.of_run[2]);
    fk_bench_feeds_close(&feeds);
    fk_pool_close(&pool);
    fk_bench_runs_free(&read);
}

static void any_allocation_that_fails_is_an_error(void **state)
{
    fleck_settings s = settings("spade", RESNET "+" LITE, "layer1,stride4");
    bool through = false;

    (void)state;
    s.width = s.crop_width = 32;
    s.threads = 1;
    s.engine = "reference";
    for (int64_t n = 1; n < 100000 && !through; n += 1 + n / 4) {
        fleck_model *m = NULL;
        void *bytes = NULL;
        size_t size;
        fleck_error err = {0};
        fleck_status st;

        fk_mem_fail_at(n);
        st = fleck_fit(&m, f.sample, &s, NULL, &err);
        if (st == FLECK_OK)
            st = fleck_model_save_memory(m, &bytes, &size, NULL, NULL, &err);
        fleck_model_close(&m);
        if (st == FLECK_OK)
            st = fleck_model_open_memory(&m, bytes, size, NULL, &err);
        through = fk_mem_fail_at(0) < n;
        if (!through && st != FLECK_E_NOMEM)
            fail_msg("allocation %lld: status %d, %s", (long long)n, (int)st, err.message);
        assert_true(!through || st == FLECK_OK);
        fleck_model_close(&m);
        fleck_free(bytes);
    }
    assert_true(through);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taps_and_pools_are_those_of_each_network_alone),
        cmocka_unit_test(channels_that_are_read_are_those_of_whole_taps),
        cmocka_unit_test(gains_scale_taps_and_pools_of_their_network),
        cmocka_unit_test(gains_balance_the_networks_in_powers_of_two),
        cmocka_unit_test(a_model_carries_both_networks),
        cmocka_unit_test(a_model_names_both_networks),
        cmocka_unit_test(a_damaged_model_is_refused),
        cmocka_unit_test(what_cannot_be_joined_is_refused),
        cmocka_unit_test(missing_weights_are_named),
        cmocka_unit_test(a_tap_that_two_networks_have_needs_a_network),
        cmocka_unit_test(more_usual_taps_than_fit_are_refused),
        cmocka_unit_test(sides_suit_all_networks),
        cmocka_unit_test(a_benchmark_opens_each_network_once),
        cmocka_unit_test(any_allocation_that_fails_is_an_error),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
