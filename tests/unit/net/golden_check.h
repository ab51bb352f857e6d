/* SPDX-License-Identifier: Apache-2.0 */
/* An engine's taps and pool against a golden network's. */
#ifndef NET_GOLDEN_CHECK_H
#define NET_GOLDEN_CHECK_H

#include "unit/net/run_one.h"
#include "unit/net/seeded.h"

/* The contract is 1e-4.  The golden figures are computed in double, so what is measured is the
 * engine's own rounding.  The reference rounds once per operation: 4.1e-7 at most here, and it is
 * the same on every machine.  OpenVINO sums in float, in blocks that depend on the
 * processor: 1.4e-6 with AVX2; other instruction sets sum in another order, hence the room. */
#define REFERENCE_TOLERANCE 1e-6
#define OPENVINO_TOLERANCE 1e-5

static inline void check_output(const golden_net *g, const golden_output *o, const float *got,
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

/* a: the architecture, that of g or a smaller one of its kind. */
static inline void check_engine(const golden_net *g, const fk_arch *a, const fk_st_reader *weights,
                                fk_engine engine)
{
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
    assert_ok(run_one(session, rgb, taps, &pool, err));
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

#endif
