/* SPDX-License-Identifier: Apache-2.0 */
/* ONNX models: their outputs as taps, checked against PyTorch, and every model that does not fit.
 * tests/golden/net_onnx.py made the models and the figures. */
#include "fk_test.h"

#include "base/file.h"
#include "golden/net_onnx_golden.h"
#include "net/onnx.h"
#include "unit/net/run_one.h"

#define need_openvino()                                                                            \
    if (!fk_engine_built(FK_ENGINE_OPENVINO)) {                                                    \
        printf("skipped: %s needs OpenVINO\n", __func__);                                          \
        skip();                                                                                    \
    }

static void map_model(fk_contents *m, const char *name)
{
    char part[128];

    snprintf(part, sizeof part, "tests/golden/net/%s.onnx", name);
    assert_ok(fk_contents_read(m, test_path("FLECK_TEST_SOURCE", part), 0, err));
}

static fk_net_settings onnx_settings(int64_t height, int64_t width)
{
    return settings_of(fk_arch_find("resnet18"), FK_ENGINE_OPENVINO, height, width);
}

static fk_net_source onnx_source(const fk_contents *m, const char *name)
{
    return (fk_net_source){.onnx = m->data, .onnx_size = m->size, .name = name};
}

/* float32 of another summation order, one or two layers deep: 2e-7 measured. */
static void check_output(const golden_net *g, const golden_output *o, const float *got)
{
    int64_t count = o->channels * o->height * o->width;
    char name[128];
    float found[GOLDEN_SAMPLES], wanted[GOLDEN_SAMPLES];

    snprintf(name, sizeof name, "%s/%s", g->name, o->name);
    for (uint64_t i = 0; i < GOLDEN_SAMPLES; i++) {
        found[i] = got[fk_prng_hash(name_hash(name) + i) % (uint64_t)count];
        wanted[i] = (float)o->samples[i];
    }
    printf("%s: relative error %.2g\n", name, relative_error(found, wanted, GOLDEN_SAMPLES));
    assert_true(relative_error(found, wanted, GOLDEN_SAMPLES) < 2e-6);
}

static void check_model(const char *name, const golden_net *g)
{
    fk_net_settings s = onnx_settings(g->height, g->width);
    uint8_t *rgb = make_image(g->height, g->width);
    const float *taps[FK_MAX_TAPS], *pool;
    fk_contents m;
    fk_net_source source;
    fk_net *net;
    fk_net_session *session;

    map_model(&m, name);
    source = onnx_source(&m, name);
    s.pool = true;
    assert_ok(fk_net_open(&net, &source, &s, err));
    assert_int_equal(fk_net_tap_count(net), 2);
    assert_int_equal(fk_net_pool_dim(net), 6);
    assert_ok(fk_net_session_open(&session, net, err));
    assert_ok(run_one(session, rgb, taps, &pool, err));
    for (int i = 0; i < 2; i++) {
        const golden_output *o = &g->outputs[i];

        assert_string_equal(fk_net_tap(net, i)->name, o->name);
        assert_int_equal(fk_net_tap(net, i)->channels, o->channels);
        assert_int_equal(fk_net_tap(net, i)->height, o->height);
        assert_int_equal(fk_net_tap(net, i)->width, o->width);
        check_output(g, o, taps[i]);
    }
    check_output(g, &g->outputs[2], pool);
    fk_net_session_close(&session);
    fk_net_close(&net);
    fk_contents_free(&m);
    free(rgb);
}

static void outputs_agree_with_pytorch_largest_map_first(void **state)
{
    (void)state;
    need_openvino();
    check_model("open", &golden_onnx[0]);  /* [N, 6, 1, 1] as the global output */
    check_model("fixed", &golden_onnx[0]); /* [1, 6] as the global output */
}

static void an_open_model_takes_any_input_size(void **state)
{
    (void)state;
    need_openvino();
    check_model("open", &golden_onnx[1]);
}

static void named_outputs_come_in_the_order_asked_for(void **state)
{
    fk_net_settings s = onnx_settings(64, 48);
    fk_contents m;
    fk_net_source source;
    fk_net *net;

    (void)state;
    need_openvino();
    map_model(&m, "fixed");
    source = onnx_source(&m, "fixed.onnx");
    s.taps[0] = "coarse";
    s.taps[1] = "fine";
    assert_ok(fk_net_open(&net, &source, &s, err));
    assert_int_equal(fk_net_tap_count(net), 2);
    assert_string_equal(fk_net_tap(net, 0)->name, "coarse");
    assert_string_equal(fk_net_tap(net, 1)->name, "fine");
    assert_int_equal(fk_net_pool_dim(net), 0);
    fk_net_close(&net);
    s.taps[1] = "feature"; /* an output, but no map */
    assert_refused(fk_net_open(&net, &source, &s, err), FLECK_E_OPTION,
                   "fixed.onnx: tap must be one of the outputs fine, coarse; got \"feature\"");
    fk_contents_free(&m);
}

/* The identity shows the input, and an output keeps the name that the model gave it. */
static void normalisation_equals_torchvision_to_the_last_bit(void **state)
{
    const uint64_t wanted[] = {GOLDEN_NORMALISED_IMAGENET, GOLDEN_NORMALISED_LITE};
    const char *const archs[] = {"resnet18", "efficientnet_lite0"};
    uint8_t rgb[32 * 32 * 3];
    const float *taps[FK_MAX_TAPS];
    fk_contents m;
    fk_net_source source;

    (void)state;
    need_openvino();
    map_model(&m, "identity");
    source = onnx_source(&m, "identity.onnx");
    for (int i = 0; i < 32 * 32 * 3; i++)
        rgb[i] = (uint8_t)(i / 3);
    for (int k = 0; k < 2; k++) {
        fk_net_settings s = settings_of(fk_arch_find(archs[k]), FK_ENGINE_OPENVINO, 32, 32);
        uint64_t h = UINT64_C(0xCBF29CE484222325);
        const uint8_t *bytes;
        fk_net *net;
        fk_net_session *session;

        assert_ok(fk_net_open(&net, &source, &s, err));
        assert_string_equal(fk_net_tap(net, 0)->name, "same");
        assert_ok(fk_net_session_open(&session, net, err));
        assert_ok(run_one(session, rgb, taps, NULL, err));
        bytes = (const uint8_t *)taps[0];
        for (size_t i = 0; i < 3 * 32 * 32 * sizeof(float); i++)
            h = (h ^ bytes[i]) * UINT64_C(0x100000001B3);
        assert_true(h == wanted[k]);
        fk_net_session_close(&session);
        fk_net_close(&net);
    }
    fk_contents_free(&m);
}

static void models_that_do_not_fit_are_refused_with_the_reason(void **state)
{
    const struct {
        const char *name;
        fleck_status status;
        const char *part;
    } models[] = {
        {"maps", FLECK_E_NOTFOUND, "maps: there is no global output"},
        {"two_globals", FLECK_E_UNSUPPORTED,
         "expected one global output, found global and feature"},
        {"vector", FLECK_E_UNSUPPORTED, "no output is a map"},
        {"two_inputs", FLECK_E_UNSUPPORTED, "one input, it has 2"},
        {"channels_last", FLECK_E_SHAPE, "is [1, 64, 48, 3], it must take [1, 3, 64, 48]"},
        {"half", FLECK_E_UNSUPPORTED, "must be float32"},
        {"rank3", FLECK_E_UNSUPPORTED,
         "output flat must be float32 [1, C, h, w] or [1, G], it is "
         "[6, 16, 12]"},
        {"long_name", FLECK_E_LIMIT, "more than 47 characters"},
    };
    fk_net_settings s = onnx_settings(64, 48);
    fk_contents m;
    fk_net_source source;
    fk_net *net;

    (void)state;
    need_openvino();
    s.pool = true;
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        map_model(&m, models[i].name);
        source = onnx_source(&m, models[i].name);
        assert_refused(fk_net_open(&net, &source, &s, err), models[i].status, models[i].part);
        assert_null(net);
        fk_contents_free(&m);
    }
    map_model(&m, "fixed");
    source = onnx_source(&m, "fixed");
    s.height = 63;
    assert_refused(fk_net_open(&net, &source, &s, err), FLECK_E_SHAPE,
                   "is [1, 3, 64, 48], it must take [1, 3, 63, 48]");
    fk_contents_free(&m);
}

static void the_reference_engine_refuses_onnx(void **state)
{
    fk_net_settings s = onnx_settings(64, 48);
    fk_contents m;
    fk_net_source source;
    fk_net *net;

    (void)state;
    map_model(&m, "fixed");
    source = onnx_source(&m, "fixed.onnx");
    s.engine = FK_ENGINE_REFERENCE;
    assert_refused(fk_net_open(&net, &source, &s, err), FLECK_E_UNSUPPORTED,
                   "fixed.onnx: the reference engine");
    fk_contents_free(&m);
}

static void bytes_that_are_no_model_are_refused(void **state)
{
    static const uint8_t no_graph[] = {8, 7}, no_outputs[] = {8, 7, 58, 2, 8, 1},
                         no_name[] = {58, 4, 98, 2, 8, 1}, nul[] = {58, 5, 98, 3, 10, 1, 0},
                         long_varint[] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1},
                         beyond[] = {58, 200, 1, 0};
    const struct {
        const uint8_t *bytes;
        size_t size;
        const char *part;
    } cases[] = {
        {no_graph, 0, "empty"},
        {(const uint8_t *)"<?xml version=\"1.0\"?>", 21, "no protocol buffer"},
        {no_graph, sizeof no_graph, "no graph"},
        {no_outputs, sizeof no_outputs, "no outputs"},
        {no_name, sizeof no_name, "output 0 has no proper name"},
        {nul, sizeof nul, "output 0 has no proper name"},
        {long_varint, sizeof long_varint, "no protocol buffer"},
        {beyond, sizeof beyond, "cut short"},
    };
    fk_names names;
    fk_contents m;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_refused(fk_onnx_output_names(&names, cases[i].bytes, cases[i].size, "file", err),
                       FLECK_E_FORMAT, cases[i].part);
        assert_null(names.items);
    }
    /* Every cut of a model is refused but the one that leaves off whole fields behind the graph. */
    map_model(&m, "fixed");
    for (size_t size = 0; size + 16 < m.size; size++) {
        assert_refused(fk_onnx_output_names(&names, m.data, size, "cut.onnx", err), FLECK_E_FORMAT,
                       "cut.onnx: not an ONNX model");
    }
    assert_ok(fk_onnx_output_names(&names, m.data, m.size, "fixed", err));
    assert_int_equal(names.count, 3);
    assert_string_equal(names.items[0], "fine");
    assert_string_equal(names.items[2], "feature");
    fk_names_free(&names);
    fk_contents_free(&m);
}

static void a_damaged_model_is_an_error_that_names_the_file(void **state)
{
    fk_net_settings s = onnx_settings(64, 48);
    fk_contents m;
    fk_net_source source;
    uint8_t *bytes;
    fk_net *net;

    (void)state;
    need_openvino();
    map_model(&m, "fixed");
    bytes = malloc(m.size);
    assert_non_null(bytes);
    memcpy(bytes, m.data, m.size);
    for (size_t i = 0; i + 4 < m.size; i++)
        if (memcmp(bytes + i, "Relu", 4) == 0)
            memcpy(bytes + i, "Rule", 4);
    source = (fk_net_source){.onnx = bytes, .onnx_size = m.size, .name = "rule.onnx"};
    assert_refused(fk_net_open(&net, &source, &s, err), FLECK_E_FORMAT,
                   "rule.onnx: OpenVINO could not read this as an ONNX model");
    free(bytes);
    fk_contents_free(&m);
}

static void running_out_of_memory_is_reported_wherever_it_happens(void **state)
{
    fk_net_settings s = onnx_settings(64, 48);
    fk_contents m;
    fk_net_source source;

    (void)state;
    need_openvino();
    map_model(&m, "fixed");
    source = onnx_source(&m, "fixed.onnx");
    s.pool = true;
    assert_opening_may_fail(&source, &s, 8);
    fk_contents_free(&m);
}

/* A field of a protocol buffer behind the n bytes of to: key, length below 128, bytes. */
static size_t put(uint8_t *to, size_t n, int number, const void *bytes, size_t size)
{
    to[n++] = (uint8_t)(number << 3 | 2);
    to[n++] = (uint8_t)size;
    memcpy(to + n, bytes, size);
    return n + size;
}

/* A model of one initialiser "w" of that type whose numbers stand in that field. */
static fleck_status check_one(int type, int field, const void *bytes, size_t size, fleck_error *err)
{
    uint8_t tensor[128] = {2 << 3, (uint8_t)type}, graph[128], model[128];
    size_t n = put(tensor, 2, field, bytes, size);

    n = put(tensor, n, 8, "w", 1); /* the name may come last */
    n = put(graph, 0, 5, tensor, n);
    n = put(model, 0, 7, graph, n);
    return fk_onnx_check_finite(model, n, "m.onnx", err);
}

static void initialisers_that_are_no_numbers_are_refused_by_name(void **state)
{
    static const float floats[] = {1, NAN, 2}, wide[] = {INFINITY};
    static const double doubles[] = {1, -INFINITY};
    static const uint16_t half[] = {0x3c00, 0x7c00}, brain[] = {0x3f80, 0xff80};
    static const uint8_t varints[] = {0x80, 0x78, 0x80, 0xf8, 0x01}; /* 0x3c00, 0x7c00 */
    static const struct {
        int type, field;
        const void *bytes;
        size_t good, bad; /* bytes that are numbers, and with those that are none */
    } cases[] = {{1, 9, floats, 4, 12},   {1, 4, floats, 4, 12},    {1, 9, wide, 0, 4},
                 {11, 9, doubles, 8, 16}, {11, 10, doubles, 8, 16}, {10, 9, half, 2, 4},
                 {16, 9, brain, 2, 4},    {10, 5, varints, 2, 5}};
    fk_contents m;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_ok(check_one(cases[i].type, cases[i].field, cases[i].bytes, cases[i].good, err));
        assert_refused(check_one(cases[i].type, cases[i].field, cases[i].bytes, cases[i].bad, err),
                       FLECK_E_FORMAT, "m.onnx: tensor w: a number that is infinite or none");
    }
    assert_ok(check_one(7, 9, doubles, sizeof doubles, err)); /* integers */
    map_model(&m, "fixed");
    assert_ok(fk_onnx_check_finite(m.data, m.size, "fixed.onnx", err));
    for (size_t n = 0; n < m.size; n += 97) /* cut short: another's business */
        (void)!fk_onnx_check_finite(m.data, n, "fixed.onnx", NULL);
    fk_contents_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_agree_with_pytorch_largest_map_first),
        cmocka_unit_test(an_open_model_takes_any_input_size),
        cmocka_unit_test(named_outputs_come_in_the_order_asked_for),
        cmocka_unit_test(normalisation_equals_torchvision_to_the_last_bit),
        cmocka_unit_test(models_that_do_not_fit_are_refused_with_the_reason),
        cmocka_unit_test(the_reference_engine_refuses_onnx),
        cmocka_unit_test(bytes_that_are_no_model_are_refused),
        cmocka_unit_test(a_damaged_model_is_an_error_that_names_the_file),
        cmocka_unit_test(running_out_of_memory_is_reported_wherever_it_happens),
        cmocka_unit_test(initialisers_that_are_no_numbers_are_refused_by_name),
    };

    return cmocka_run_group_tests_name("onnx", tests, NULL, NULL);
}
