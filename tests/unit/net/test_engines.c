/* SPDX-License-Identifier: Apache-2.0 */
/* Engines against each other, on any number of threads, and what opening a network refuses. */
#include "fk_test.h"

#include <pthread.h>

#include "net/openvino/ir.h"
#include "unit/net/run_one.h"
#include "unit/net/seeded.h"

#define SIDE 64

static void open_net(fk_net **net, const seeded_file *f, const char *arch, const char *prefix,
                     const fk_net_settings *s)
{
    fk_net_source source = {.arch = fk_arch_find(arch),
                            .weights = f->reader,
                            .prefix = prefix,
                            .name = fk_st_name(f->reader)};

    assert_ok(fk_net_open(net, &source, s, err));
}

/* Elements of tap i. */
static int64_t tap_count(const fk_net *net, int i)
{
    const fk_tap_info *t = fk_net_tap(net, i);

    return t->channels * t->height * t->width;
}

#define need_openvino()                                                                            \
    if (!fk_engine_built(FK_ENGINE_OPENVINO)) {                                                    \
        printf("skipped: %s needs OpenVINO\n", __func__);                                          \
        skip();                                                                                    \
    }

/* ---- Names ---- */

static void names_of_engines_and_precisions_read_back(void **state)
{
    fk_engine engine = FK_ENGINE_OPENVINO;
    fk_precision precision = FK_PRECISION_F32;
    char version[FK_ENGINE_VERSION_SIZE];

    (void)state;
    assert_true(fk_engine_parse("reference", &engine));
    assert_int_equal(engine, FK_ENGINE_REFERENCE);
    assert_string_equal(fk_engine_name(engine), "reference");
    assert_true(fk_engine_parse(fk_engine_name(FK_ENGINE_OPENVINO), &engine));
    assert_int_equal(engine, FK_ENGINE_OPENVINO);
    assert_false(fk_engine_parse("tensorrt", &engine));
    assert_int_equal(engine, FK_ENGINE_OPENVINO);
    assert_true(fk_engine_parse("native", &engine));
    assert_int_equal(engine, FK_ENGINE_NATIVE);
    assert_true(fk_engine_built(FK_ENGINE_NATIVE));
    assert_string_equal(fk_engine_version(FK_ENGINE_NATIVE, version, sizeof version),
                        "fleck native");
    engine = FK_ENGINE_OPENVINO;
    for (int i = 0; i < 3; i++) {
        assert_true(fk_precision_parse(fk_precision_name((fk_precision)i), &precision));
        assert_int_equal(precision, i);
    }
    assert_false(fk_precision_parse("fp32", &precision));
    assert_true(fk_precision_parse("auto", &precision));
    assert_true(precision == FK_PRECISION_F32 || precision == FK_PRECISION_BF16);
    assert_true(fk_engine_built(FK_ENGINE_REFERENCE));
    assert_string_equal(fk_engine_version(FK_ENGINE_REFERENCE, version, sizeof version),
                        "fleck reference");
    assert_non_null(strstr(fk_engine_version(FK_ENGINE_OPENVINO, version, sizeof version),
                           fk_engine_built(FK_ENGINE_OPENVINO) ? "OpenVINO 20" : "not in"));
}

/* ---- Agreement ---- */

/* A net on seeded weights after one run. */
typedef struct ran {
    fk_net *net;
    fk_net_session *session;
    const float *taps[FK_MAX_TAPS], *pool;
} ran;

static void run_seeded(ran *r, const fk_arch *a, const seeded_file *f, fk_engine engine,
                       int64_t height, int64_t width)
{
    fk_net_settings s = settings_of(a, engine, height, width);
    uint8_t *rgb = make_image(height, width);

    s.pool = true;
    open_net(&r->net, f, a->name, "", &s);
    assert_ok(fk_net_session_open(&r->session, r->net, err));
    assert_ok(run_one(r->session, rgb, r->taps, &r->pool, err));
    assert_int_equal(fk_net_tap_count(r->net), 3);
    free(rgb);
}

static void close_ran(ran *r)
{
    fk_net_session_close(&r->session);
    fk_net_close(&r->net);
}

/* Whole tensors: float sums in two orders, 1.5e-6 measured with AVX2; see test_golden.c. */
static void check_agreement(const fk_arch *a, const seeded_file *f)
{
    const int64_t height = a->multiple == 14 ? 56 : 48, width = a->multiple == 14 ? 42 : 32;
    const fk_engine fast[] = {FK_ENGINE_OPENVINO, FK_ENGINE_NATIVE};
    ran wanted;

    run_seeded(&wanted, a, f, FK_ENGINE_REFERENCE, height, width);
    for (int k = 0; k < 2; k++) {
        ran got;

        if (!fk_engine_built(fast[k]) || (fast[k] == FK_ENGINE_NATIVE && !a->dense))
            continue;
        run_seeded(&got, a, f, fast[k], height, width);
        for (int i = 0; i < 3; i++) {
            int64_t n = tap_count(wanted.net, i);
            double error = relative_error(got.taps[i], wanted.taps[i], n);

            assert_int_equal(tap_count(got.net, i), n);
            printf("%s %s %s: relative error %.2g\n", fk_engine_name(fast[k]), a->name,
                   fk_net_tap(got.net, i)->name, error);
            assert_true(error < 1e-5);
        }
        assert_true(relative_error(got.pool, wanted.pool, fk_net_pool_dim(wanted.net)) < 1e-5);
        close_ran(&got);
    }
    close_ran(&wanted);
}

/* One of each kind: the others are made of the same operations, and test_golden.c and test_vit.c
 * hold them against PyTorch. */
static void engines_agree_on_whole_tensors_of_every_kind_of_network(void **state)
{
    const char *const kinds[] = {"efficientnet_lite0", "resnet18", "resnet50", "dinov2_vits14"};

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        seeded_file f;

        open_seeded(&f, kinds[i], "", 0);
        check_agreement(fk_arch_find(kinds[i]), &f);
        close_seeded(&f);
    }
}

/* bf16 has 8 bits of significand: half a unit is 2^-9 = 0.002, and 17 layers of roundings add up
 * like a random walk to some 0.01.  f16 has 11 bits, an eighth of that. */
static void a_precision_runs_close_to_f32_or_is_refused(void **state)
{
    const double limits[] = {[FK_PRECISION_BF16] = 5e-2, [FK_PRECISION_F16] = 1e-2};
    const fk_arch *a = fk_arch_find("resnet18");
    uint8_t *rgb = make_image(SIDE, SIDE);
    const float *exact[FK_MAX_TAPS], *taps[FK_MAX_TAPS];
    fk_net_settings s = settings_of(a, FK_ENGINE_OPENVINO, SIDE, SIDE);
    seeded_file f;
    fk_net *net, *other;
    fk_net_session *session, *second;

    (void)state;
    need_openvino();
    open_seeded(&f, "resnet18", "", 0);
    open_net(&net, &f, "resnet18", "", &s);
    assert_ok(fk_net_session_open(&session, net, err));
    assert_ok(run_one(session, rgb, exact, NULL, err));
    for (int p = FK_PRECISION_BF16; p <= FK_PRECISION_F16; p++) {
        fk_net_source source = {.arch = a, .weights = f.reader, .prefix = "", .name = "seeded"};
        fleck_error error = {0};

        s.precision = (fk_precision)p;
        if (fk_net_open(&other, &source, &s, &error) != FLECK_OK) {
            assert_int_equal(error.status, FLECK_E_UNSUPPORTED);
            assert_non_null(strstr(error.message, fk_precision_name(s.precision)));
            assert_null(other);
            printf("refused: %s\n", error.message);
            continue;
        }
        assert_ok(fk_net_session_open(&second, other, err));
        assert_ok(run_one(second, rgb, taps, NULL, err));
        for (int i = 0; i < 3; i++) {
            double off = relative_error(taps[i], exact[i], tap_count(net, i));

            printf("%s %s: relative error %.2g\n", fk_precision_name(s.precision),
                   fk_net_tap(net, i)->name, off);
            assert_true(off > 0 && off < limits[p]);
        }
        fk_net_session_close(&second);
        fk_net_close(&other);
    }
    fk_net_session_close(&session);
    fk_net_close(&net);
    close_seeded(&f);
    free(rgb);
}

/* ---- Threads ---- */

#define RUNS 4

typedef struct job {
    fk_net_session *session;
    const uint8_t *rgb;
    const float *wanted[3];
    int64_t counts[3];
    bool same;
} job;

static void *run_job(void *context)
{
    job *j = context;

    j->same = true;
    for (int n = 0; n < RUNS; n++) {
        const float *taps[FK_MAX_TAPS];

        if (run_one(j->session, j->rgb, taps, NULL, NULL) != FLECK_OK)
            j->same = false;
        for (int i = 0; i < 3 && j->same; i++)
            j->same = memcmp(taps[i], j->wanted[i], (size_t)j->counts[i] * sizeof(float)) == 0;
    }
    return NULL;
}

/* Run n sessions at once on a net for `threads` and compare with what one session gave. */
static void check_threads(const seeded_file *f, const char *arch, const fk_net_settings *base,
                          int threads, int n, const job *wanted)
{
    fk_net_settings s = *base;
    fk_net *net;
    job jobs[8];
    pthread_t ids[8];

    s.threads = threads;
    open_net(&net, f, arch, "", &s);
    for (int i = 0; i < n; i++) {
        jobs[i] = *wanted;
        assert_ok(fk_net_session_open(&jobs[i].session, net, err));
    }
    for (int i = 0; i < n; i++)
        assert_int_equal(pthread_create(&ids[i], NULL, run_job, &jobs[i]), 0);
    for (int i = 0; i < n; i++)
        pthread_join(ids[i], NULL);
    for (int i = 0; i < n; i++) {
        assert_true(jobs[i].same);
        fk_net_session_close(&jobs[i].session);
    }
    fk_net_close(&net);
}

static void check_engine_threads(fk_engine engine, const char *arch)
{
    fk_net_settings s = settings_of(fk_arch_find(arch), engine, 64, 48);
    uint8_t *rgb = make_image(64, 48);
    job wanted = {.rgb = rgb};
    seeded_file f;
    fk_net *net;
    fk_net_session *session;

    open_seeded(&f, arch, "", 0);
    open_net(&net, &f, arch, "", &s);
    assert_ok(fk_net_session_open(&session, net, err));
    assert_ok(run_one(session, rgb, wanted.wanted, NULL, err));
    for (int i = 0; i < 3; i++)
        wanted.counts[i] = tap_count(net, i);
    check_threads(&f, arch, &s, 1, 1, &wanted);
    check_threads(&f, arch, &s, 5, 5, &wanted);
    check_threads(&f, arch, &s, 2, 4, &wanted); /* more sessions than threads wait for each other */
    fk_net_session_close(&session);
    fk_net_close(&net);
    close_seeded(&f);
    free(rgb);
}

static void openvino_gives_the_same_bytes_on_any_number_of_threads(void **state)
{
    (void)state;
    need_openvino();
    check_engine_threads(FK_ENGINE_OPENVINO, "efficientnet_lite0");
}

static void the_reference_gives_the_same_bytes_on_any_number_of_threads(void **state)
{
    (void)state;
    check_engine_threads(FK_ENGINE_REFERENCE, "efficientnet_lite0");
}

static void the_native_engine_gives_the_same_bytes_on_any_number_of_threads(void **state)
{
    (void)state;
    check_engine_threads(FK_ENGINE_NATIVE, "resnet18");
}

/* ---- Taps and weights ---- */

static void taps_come_in_the_order_asked_for(void **state)
{
    fk_net_settings s = settings_of(fk_arch_find("resnet18"), FK_ENGINE_REFERENCE, SIDE, 32);
    uint8_t *rgb = make_image(SIDE, 32);
    const float *taps[FK_MAX_TAPS], *again[FK_MAX_TAPS], *pool;
    seeded_file f;
    fk_net *net, *all;
    fk_net_session *session, *session_all;

    (void)state;
    open_seeded(&f, "resnet18", "", 0);
    open_net(&all, &f, "resnet18", "", &s);
    s.taps[0] = "layer3";
    s.taps[1] = "layer1";
    open_net(&net, &f, "resnet18", "", &s);
    assert_int_equal(fk_net_tap_count(all), 3);
    assert_int_equal(fk_net_tap_count(net), 2);
    assert_string_equal(fk_net_tap(net, 0)->name, "layer3");
    assert_string_equal(fk_net_tap(net, 1)->name, "layer1");
    assert_int_equal(fk_net_pool_dim(net), 0);
    assert_ok(fk_net_session_open(&session, net, err));
    assert_ok(fk_net_session_open(&session_all, all, err));
    assert_ok(run_one(session, rgb, taps, &pool, err));
    assert_null(pool);
    assert_ok(run_one(session_all, rgb, again, NULL, err));
    assert_memory_equal(taps[0], again[2], (size_t)tap_count(net, 0) * sizeof(float));
    assert_memory_equal(taps[1], again[0], (size_t)tap_count(net, 1) * sizeof(float));
    fk_net_session_close(&session);
    fk_net_session_close(&session_all);
    fk_net_close(&net);
    fk_net_close(&all);
    close_seeded(&f);
    free(rgb);
}

/* Weights at odd addresses are copied by the reader, each for itself, and packed by the net; those
 * of a model file have a prefix.  Neither changes a bit. */
static void where_weights_lie_changes_no_bit(void **state)
{
    const struct {
        const char *prefix;
        int pad;
    } ways[] = {{"", 0}, {"backbone.", 0}, {"", 1}, {"", 2}, {"backbone.", 4}};
    uint8_t *rgb = make_image(32, 32);
    const float *taps[FK_MAX_TAPS], *pool;
    float *first = NULL;

    (void)state;
    for (int k = 0; k < 2; k++) {
        if (!fk_engine_built((fk_engine)k))
            continue;
        for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
            fk_net_settings s =
                settings_of(fk_arch_find("efficientnet_lite0"), (fk_engine)k, 32, 32);
            size_t size;
            seeded_file f;
            fk_net *net;
            fk_net_session *session;

            s.pool = true;
            open_seeded(&f, "efficientnet_lite0", ways[i].prefix, ways[i].pad);
            open_net(&net, &f, "efficientnet_lite0", ways[i].prefix, &s);
            assert_ok(fk_net_session_open(&session, net, err));
            assert_ok(run_one(session, rgb, taps, &pool, err));
            size = (size_t)fk_net_pool_dim(net) * sizeof(float);
            if (i == 0) {
                first = malloc(size);
                assert_non_null(first);
                memcpy(first, pool, size);
            }
            assert_memory_equal(pool, first, size);
            fk_net_session_close(&session);
            fk_net_close(&net);
            close_seeded(&f);
        }
        free(first);
    }
    free(rgb);
}

static void a_missing_stage_is_named_with_what_needs_it(void **state)
{
    const fk_arch *a = fk_arch_find("resnet18");
    fk_net_settings s = settings_of(a, FK_ENGINE_REFERENCE, SIDE, SIDE);
    fk_net_source source = {.arch = a, .prefix = ""};
    fk_st_reader *weights;
    fk_net *net;

    (void)state;
    shared_or_skip(path, "weights/resnet18_imagenet_bnfolded.safetensors");
    assert_ok(fk_st_open(&weights, path, err));
    source.weights = weights;
    source.name = fk_st_name(weights);
    assert_ok(fk_net_open(&net, &source, &s, err));
    fk_net_close(&net);
    s.pool = true;
    assert_refused(fk_net_open(&net, &source, &s, err), FLECK_E_NOTFOUND,
                   "resnet18_imagenet_bnfolded.safetensors: there is no tensor "
                   "layer4.0.conv1.weight, which the global average pool needs");
    assert_null(net);
    s.pool = false;
    s.taps[0] = "layer2";
    s.taps[1] = "layer4";
    assert_refused(fk_net_open(&net, &source, &s, err), FLECK_E_NOTFOUND, "which tap layer4 needs");
    fk_st_close(&weights);
}

static void weights_of_another_network_are_refused(void **state)
{
    fk_net_settings s = settings_of(fk_arch_find("resnet18"), FK_ENGINE_REFERENCE, SIDE, SIDE);
    fk_net_source source = {.arch = fk_arch_find("resnet18"), .prefix = "", .name = "other.file"};
    seeded_file f;
    fk_net *net;

    (void)state;
    open_seeded(&f, "resnet50", "", 0);
    source.weights = f.reader;
    assert_refused(
        fk_net_open(&net, &source, &s, err), FLECK_E_SHAPE,
        "tensor layer1.0.conv1.weight: expected F32 [64, 64, 3, 3], found F32 [64, 64, 1, 1]");
    source.arch = fk_arch_find("efficientnet_lite0");
    assert_refused(fk_net_open(&net, &source, &s, err), FLECK_E_NOTFOUND,
                   "other.file: there is no tensor _conv_stem.weight, which tap stride4 needs");
    close_seeded(&f);
}

/* ---- Refusals ---- */

static void settings_out_of_range_are_refused(void **state)
{
    const fk_arch *a = fk_arch_find("efficientnet_lite0");
    const fk_net_settings good = settings_of(a, FK_ENGINE_REFERENCE, SIDE, SIDE);
    fk_net_source source = {.arch = a, .prefix = "", .name = "seeded"};
    fk_net_settings s = good;
    seeded_file f;
    fk_net *net;

    (void)state;
    open_seeded(&f, "efficientnet_lite0", "", 0);
    source.weights = f.reader;
    s.threads = 0;
    assert_refused(fk_net_open(&net, &source, &s, err), FLECK_E_OPTION, "threads");
    s = good;
    s.scale[1] = 0;
    assert_refused(fk_net_open(&net, &source, &s, err), FLECK_E_OPTION, "channel 1");
    s = good;
    s.mean[2] = NAN;
    assert_refused(fk_net_open(&net, &source, &s, err), FLECK_E_OPTION, "channel 2");
    s = good;
    s.height = 16;
    assert_refused(fk_net_open(&net, &source, &s, err), FLECK_E_SHAPE, "got 64x16");
    s = good;
    s.taps[0] = "layer1";
    assert_refused(fk_net_open(&net, &source, &s, err), FLECK_E_OPTION,
                   "efficientnet_lite0: tap must be one of stride4, stride8, stride16");
    s = good;
    s.precision = FK_PRECISION_BF16;
    assert_refused(fk_net_open(&net, &source, &s, err), FLECK_E_UNSUPPORTED, "f32, not in bf16");
    if (!fk_engine_built(FK_ENGINE_OPENVINO)) {
        s = good;
        s.engine = FK_ENGINE_OPENVINO;
        assert_refused(fk_net_open(&net, &source, &s, err), FLECK_E_UNSUPPORTED,
                       "built without the engine openvino");
    }
    assert_null(net);
    fk_net_close(&net);
    fk_net_close(NULL);
    fk_net_session_close(NULL);
    close_seeded(&f);
}

/* ---- Memory ---- */

static fleck_status open_and_run(const fk_net_source *source, const fk_net_settings *s,
                                 const uint8_t *rgb)
{
    fk_net *net = NULL;
    fk_net_session *session = NULL;
    const float *taps[FK_MAX_TAPS];
    fleck_status st = fk_net_open(&net, source, s, NULL);

    if (st == FLECK_OK)
        st = fk_net_session_open(&session, net, NULL);
    if (st == FLECK_OK)
        st = run_one(session, rgb, taps, NULL, NULL);
    fk_net_session_close(&session);
    fk_net_close(&net);
    return st;
}

static void running_out_of_memory_is_reported_wherever_it_happens(void **state)
{
    const fk_arch *a = fk_arch_find("efficientnet_lite0");
    fk_net_settings s = settings_of(a, FK_ENGINE_REFERENCE, 32, 32);
    fk_net_source source = {.arch = a, .prefix = "", .name = "seeded"};
    uint8_t *rgb = make_image(32, 32);
    seeded_file f;
    int64_t failures = 0;

    (void)state;
    open_seeded(&f, "efficientnet_lite0", "", 1); /* at odd addresses: packing allocates too */
    source.weights = f.reader;
    s.taps[0] = "stride4";
    for (;; failures++) {
        fleck_status st;

        fk_mem_fail_at(failures + 1);
        st = open_and_run(&source, &s, rgb);
        fk_mem_fail_at(0);
        if (st == FLECK_OK)
            break;
        assert_int_equal(st, FLECK_E_NOMEM);
    }
    assert_true(failures > 10);
    close_seeded(&f);
    free(rgb);
}

static void writing_ir_survives_lack_of_memory(void **state)
{
    const char *taps[] = {"stride4"};
    const float somewhere = 0, *weights[64];
    fk_net_plan plan = {.weights = weights,
                        .biases = weights,
                        .blob = (const uint8_t *)&somewhere,
                        .name = "seeded"};
    fk_graph g;
    int64_t failures = 0;

    (void)state;
    assert_ok(fk_arch_find("efficientnet_lite0")->describe(&g, 32, 32, err));
    assert_ok(fk_graph_prune(&g, taps, 1, false, err));
    assert_true(g.n_ops <= 64);
    for (int i = 0; i < 64; i++)
        weights[i] = &somewhere;
    plan.graph = &g;
    for (;; failures++) {
        fk_text ir = {0};
        fleck_status st;

        fk_mem_fail_at(failures + 1);
        st = fk_openvino_ir(&ir, &plan, NULL);
        fk_mem_fail_at(0);
        if (st == FLECK_OK) {
            assert_non_null(strstr(ir.data, "<net name=\"fleck\" version=\"11\">"));
            assert_non_null(strstr(ir.data, "names=\"tap0\""));
            assert_string_equal(ir.data + ir.length - 7, "</net>\n");
        }
        fk_text_free(&ir);
        if (st == FLECK_OK)
            break;
        assert_int_equal(st, FLECK_E_NOMEM);
    }
    assert_true(failures > 5);
    fk_graph_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_engines_and_precisions_read_back),
        cmocka_unit_test(engines_agree_on_whole_tensors_of_every_kind_of_network),
        cmocka_unit_test(a_precision_runs_close_to_f32_or_is_refused),
        cmocka_unit_test(openvino_gives_the_same_bytes_on_any_number_of_threads),
        cmocka_unit_test(the_native_engine_gives_the_same_bytes_on_any_number_of_threads),
        cmocka_unit_test(the_reference_gives_the_same_bytes_on_any_number_of_threads),
        cmocka_unit_test(taps_come_in_the_order_asked_for),
        cmocka_unit_test(where_weights_lie_changes_no_bit),
        cmocka_unit_test(a_missing_stage_is_named_with_what_needs_it),
        cmocka_unit_test(weights_of_another_network_are_refused),
        cmocka_unit_test(settings_out_of_range_are_refused),
        cmocka_unit_test(running_out_of_memory_is_reported_wherever_it_happens),
        cmocka_unit_test(writing_ir_survives_lack_of_memory),
    };

    return cmocka_run_group_tests_name("engines", tests, NULL, NULL);
}
