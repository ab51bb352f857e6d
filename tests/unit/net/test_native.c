/* SPDX-License-Identifier: Apache-2.0 */
/* The native engine: its inner loops and Winograd's tiles against their definitions, and networks
 * of odd shapes against the reference engine. */
#include "fk_test.h"

#include "base/pool.h"
#include "graph/arch_tables.h"
#include "net/native/plan.h"
#include "unit/net/run_one.h"
#include "unit/net/seeded.h"

#define UNIT 0x1p-24 /* half a unit in the last place of 1 */

/* The kinds of fast inner loops; which of them there are depends on the processor. */
typedef const fk_kernels *kind(void);
static kind *const kinds[] = {fk_kernels_avx2, fk_kernels_avx512};
static const char *const kind_names[] = {"AVX2", "AVX-512"};
enum { KINDS = 2 };

/* Check plain C and each kind that this processor has. */
static void hold_each(void (*check)(const fk_kernels *k), const char *test)
{
    check(&fk_kernels_plain);
    for (int i = 0; i < KINDS; i++) {
        const fk_kernels *k = kinds[i]();

        if (k != NULL)
            check(k);
        else
            printf("skipped: %s needs %s\n", test, kind_names[i]);
    }
}

/* Number i of a seed's, -1 to 1. */
static float drawn(uint64_t seed, int64_t i)
{
    return (float)(fk_prng_hash(seed + (uint64_t)i) >> 40) * 0x1p-23f - 1.0f;
}

static void fill(float *out, int64_t n, uint64_t seed)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = drawn(seed, i);
}

/* ---- Inner loops ---- */

/* What follows a sum. */
static float finished(float sum, const float *bias, const float *other, bool relu)
{
    float v = bias != NULL ? sum + *bias : sum;

    if (other != NULL)
        v += *other;
    return relu && !(v > 0) ? 0 : v;
}

static void check_finish(const fk_kernels *k)
{
    float sum[5 * FK_LANES], bias[FK_LANES], more[5 * FK_LANES], got[5 * FK_LANES];
    float *to[5];
    const float *other[5];

    fill(sum, 5 * FK_LANES, 4);
    fill(bias, FK_LANES, 5);
    fill(more, 5 * FK_LANES, 6);
    for (int r = 0; r < 5; r++) {
        to[r] = got + (4 - r) * FK_LANES;
        other[r] = more + r * FK_LANES;
    }
    for (int way = 0; way < 4; way++) {
        k->finish(to, sum, 5, bias, way & 1 ? other : NULL, way >= 2);
        for (int i = 0; i < 5 * FK_LANES; i++)
            assert_true(to[i / FK_LANES][i % FK_LANES] ==
                        finished(sum[i], &bias[i % FK_LANES], way & 1 ? &more[i] : NULL, way >= 2));
    }
}

static void sums_are_finished_to_the_bit(void **state)
{
    (void)state;
    hold_each(check_finish, __func__);
}

static void check_window_max(const fk_kernels *k)
{
    float in[7 * 5 * FK_LANES], got[FK_LANES];

    fill(in, 7 * 5 * FK_LANES, 7);
    for (int64_t h = 1; h <= 3; h++)
        for (int64_t w = 1; w <= 3; w++) {
            k->window_max(got, in, 5 * FK_LANES, h, w);
            for (int o = 0; o < FK_LANES; o++) {
                float most = -INFINITY;

                for (int64_t i = 0; i < h * w; i++)
                    most = fmaxf(most, in[(i / w * 5 + i % w) * FK_LANES + o]);
                assert_true(got[o] == most);
            }
        }
}

static void the_greatest_of_a_window_is_found(void **state)
{
    (void)state;
    hold_each(check_window_max, __func__);
}

enum { TILE_POINT = 3 * FK_LANES, TILE_LINE = 9 * FK_LANES };

/* Each value is a sum of at most 36 terms of at most 6.25 in two passes: 1e-5 is far below what a
 * wrong coefficient would do and above what contraction to FMA does. */
static void check_transforms(const fk_kernels *k)
{
    float in[FK_TILE_POINTS * TILE_LINE], got[FK_TILE_POINTS * TILE_POINT],
        wanted[FK_TILE_POINTS * TILE_POINT];

    fill(in, FK_TILE_POINTS * TILE_LINE, 8);
    memset(got, 0, sizeof got);
    memset(wanted, 0, sizeof wanted);
    k->tile_in(got, TILE_POINT, in, TILE_LINE);
    fk_kernels_plain.tile_in(wanted, TILE_POINT, in, TILE_LINE);
    for (int i = 0; i < FK_TILE_POINTS * TILE_POINT; i++)
        assert_true(fabsf(got[i] - wanted[i]) < 1e-5f);
    assert_true(wanted[FK_LANES] == 0); /* between the points nothing is written */
}

/* Alone, and with a bias, another value, both and ReLU, as after a product; what lies between a
 * tile's lines stays. */
static void check_tile_out(const fk_kernels *k)
{
    enum { LINE = (FK_TILE_OUT + 1) * FK_LANES };
    float in[FK_TILE_POINTS * TILE_LINE], bias[FK_LANES], other[FK_TILE_OUT * LINE];
    float got[FK_TILE_OUT * LINE], alone[FK_TILE_OUT * LINE];

    fill(in, FK_TILE_POINTS * TILE_LINE, 8);
    fill(bias, FK_LANES, 14);
    fill(other, FK_TILE_OUT * LINE, 15);
    for (int way = 0; way < 8; way++) {
        int size = 4 - way / 4;
        fk_tile t = {.size = size, .out = alone, .line = LINE, .in = in, .point = TILE_LINE};

        fill(got, FK_TILE_OUT * LINE, 13);
        k->tile_out(&t);
        t.out = got;
        t.bias = bias;
        t.other = way % 4 % 2 == 1 ? other : NULL;
        t.other_line = LINE;
        t.relu = way % 4 >= 2;
        k->tile_out(&t);
        for (int i = 0; i < FK_TILE_OUT * LINE; i++)
            if (i % LINE >= size * FK_LANES || i / LINE >= size)
                assert_true(got[i] == drawn(13, i));
            else
                assert_true(got[i] == finished(alone[i], &bias[i % FK_LANES],
                                               t.other != NULL ? &other[i] : NULL, t.relu));
    }
}

static void tiles_are_finished_as_sums_are(void **state)
{
    (void)state;
    hold_each(check_tile_out, __func__);
}

static void transforms_of_tiles_agree_with_plain_c(void **state)
{
    (void)state;
    hold_each(check_transforms, __func__);
}

/* Wide and narrow vectors do the same operations on each element. */
static void avx512_gives_the_bytes_of_avx2(void **state)
{
    static float in[FK_TILE_POINTS * TILE_LINE], tile[2][FK_TILE_POINTS * TILE_POINT];
    float bias[FK_LANES];

    (void)state;
    if (fk_kernels_avx512() == NULL || fk_kernels_avx2() == NULL) {
        printf("skipped: %s needs AVX-512\n", __func__);
        skip();
    }
    fill(bias, FK_LANES, 11);
    fill(in, FK_TILE_POINTS * TILE_LINE, 12);
    for (int size = 4; size >= 3; size--) {
        for (int i = 0; i < KINDS; i++)
            kinds[i]()->tile_in(tile[i], TILE_POINT, in, TILE_LINE);
        assert_memory_equal(tile[0], tile[1], sizeof tile[0]);
        for (int i = 0; i < KINDS; i++)
            kinds[i]()->tile_out(&(fk_tile){.size = size,
                                            .out = tile[i],
                                            .line = size * FK_LANES,
                                            .in = in,
                                            .point = TILE_LINE,
                                            .bias = bias,
                                            .other = in,
                                            .other_line = TILE_LINE,
                                            .relu = true});
        assert_memory_equal(tile[0], tile[1], sizeof tile[0]);
    }
}

/* A tile of one channel through all three transforms is the convolution it stands for.  Values are
 * up to 16, transforms enlarge them up to 40 times: 4e-5 is 2^-24 of that, ten times over. */
static void check_tile(const fk_kernels *k, int kernel)
{
    float d[FK_TILE_POINTS * FK_LANES], g[16 * FK_LANES], u[FK_TILE_POINTS * FK_LANES],
        v[FK_TILE_POINTS * FK_LANES], y[FK_TILE_OUT * FK_TILE_OUT * FK_LANES];
    int size = FK_TILE_IN + 1 - kernel;

    fill(d, FK_TILE_POINTS * FK_LANES, 9);
    fill(g, 16 * FK_LANES, 10);
    fk_tile_weight(u, FK_LANES, g, kernel);
    k->tile_in(v, FK_LANES, d, FK_TILE_IN * FK_LANES);
    for (int i = 0; i < FK_TILE_POINTS * FK_LANES; i++)
        v[i] *= u[i];
    k->tile_out(
        &(fk_tile){.size = size, .out = y, .line = size * FK_LANES, .in = v, .point = FK_LANES});
    for (int r = 0; r < size; r++)
        for (int c = 0; c < size; c++)
            for (int o = 0; o < FK_LANES; o++) {
                double sum = 0;

                for (int tap = 0; tap < kernel * kernel; tap++)
                    sum +=
                        (double)g[tap * FK_LANES + o] *
                        (double)
                            d[((r + tap / kernel) * FK_TILE_IN + c + tap % kernel) * FK_LANES + o];
                assert_true(fabs(sum - (double)y[(r * size + c) * FK_LANES + o]) < 4e-5);
            }
}

static void a_tile_is_a_convolution_of_three_by_three_or_four_by_four(void **state)
{
    (void)state;
    for (int kernel = 3; kernel <= 4; kernel++) {
        check_tile(&fk_kernels_plain, kernel);
        for (int i = 0; i < KINDS; i++)
            if (kinds[i]() != NULL)
                check_tile(kinds[i](), kernel);
    }
}

/* ---- Networks of odd shapes ---- */

/* Channels that fill no block, kernels of 1, 3, 5 and 7, strides of 1 to 4, uneven padding, a
 * residual from before the last step, a tap that is read on, down to planes of one position. */
static fleck_status describe_odd(fk_graph *out, int64_t height, int64_t width, fleck_error *err)
{
    fk_builder b = fk_build_begin(out, height, width, err);
    int x, y, z;

    x = fk_build_relu(&b, fk_build_conv(&b, 0, "stem", fk_window_even(7, 2, 3), 5, 1));
    x = fk_build_maxpool(&b, x, fk_window_even(3, 2, 1));
    y = fk_build_conv(&b, x, "a", fk_window_even(3, 1, 1), 20, 1);
    z = fk_build_conv(&b, x, "b", fk_window_even(1, 1, 0), 20, 1);
    x = fk_build_relu(&b, fk_build_add(&b, y, z));
    fk_build_tap(&b, x, "one", 4);
    y = fk_build_relu(&b, fk_build_conv(&b, x, "c", (fk_window){3, 1, 1, 1, 1, 1}, 40, 1));
    y = fk_build_conv(&b, y, "d", fk_window_even(3, 1, 1), 20, 1);
    x = fk_build_add(&b, y, x); /* no ReLU */
    y = fk_build_relu(&b, fk_build_conv(&b, x, "e", (fk_window){5, 2, 1, 2, 1, 2}, 33, 1));
    x = fk_build_conv(&b, x, "i", (fk_window){3, 2, 0, 1, 0, 1}, 33, 1);
    y = fk_build_add(&b, y, x);
    y = fk_build_conv(&b, y, "f", fk_window_even(3, 1, 0), 16, 1); /* no padding, no ReLU */
    fk_build_tap(&b, y, "two", 8);
    z = fk_build_conv(&b, y, "g", fk_window_even(3, 4, 1), 7, 1);
    z = fk_build_relu(&b, fk_build_conv(&b, z, "h", fk_window_even(3, 1, 1), 3, 1));
    fk_build_tap(&b, z, "three", 32);
    fk_build_pool(&b, z);
    return fk_build_finish(&b);
}

static const fk_arch odd = {.name = "odd",
                            .title = "of the tests",
                            .default_taps = {"one", "two", "three"},
                            .strides = {4, 8, 32},
                            .scale = {1, 1, 1},
                            .describe = describe_odd,
                            .norm_of = fk_norm_of_resnet,
                            .dense = true};

/* One net opened on seeded weights, with one session. */
typedef struct opened {
    fk_net *net;
    fk_net_session *session;
    const float *taps[FK_MAX_TAPS], *pool;
} opened;

static void open_with(opened *o, const fk_arch *arch, const seeded_file *f,
                      const fk_net_settings *s)
{
    fk_net_source source = {.arch = arch, .weights = f->reader, .prefix = "", .name = "seeded"};

    assert_ok(fk_net_open(&o->net, &source, s, err));
    assert_ok(fk_net_session_open(&o->session, o->net, err));
}

static void open_on(opened *o, const fk_arch *arch, const seeded_file *f, fk_engine engine,
                    int threads, int64_t height, int64_t width)
{
    fk_net_settings s = settings_of(arch, engine, height, width);

    s.threads = threads;
    s.pool = true;
    open_with(o, arch, f, &s);
}

static void close_opened(opened *o)
{
    fk_net_session_close(&o->session);
    fk_net_close(&o->net);
}

static int64_t tap_floats(const fk_net *net, int i)
{
    const fk_tap_info *t = fk_net_tap(net, i);

    return t->channels * t->height * t->width;
}

/* Greatest difference relative to the greatest value. */
static double worst_error(const float *a, const float *b, int64_t n)
{
    double difference = 0, size = 0;

    for (int64_t i = 0; i < n; i++) {
        difference = fmax(difference, fabs((double)a[i] - (double)b[i]));
        size = fmax(size, fabs((double)b[i]));
    }
    return size > 0 ? difference / size : difference;
}

/* The contract of docs/internals/numerics.md: 1e-5 of a tap's greatest value; 2e-6 measured. */
static void networks_of_odd_shapes_agree_with_the_reference(void **state)
{
    const int64_t sizes[][2] = {{32, 32}, {33, 47}, {50, 32}, {61, 83}, {96, 33}};
    seeded_file f;

    (void)state;
    open_seeded_arch(&f, &odd, "", 0);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t *rgb = make_image(sizes[i][0], sizes[i][1]);
        opened native, reference;

        open_on(&native, &odd, &f, FK_ENGINE_NATIVE, 1, sizes[i][0], sizes[i][1]);
        open_on(&reference, &odd, &f, FK_ENGINE_REFERENCE, 1, sizes[i][0], sizes[i][1]);
        assert_ok(run_one(reference.session, rgb, reference.taps, &reference.pool, err));
        for (int again = 0; again < 2; again++) { /* zeros around values have stayed zeros */
            assert_ok(run_one(native.session, rgb, native.taps, &native.pool, err));
            for (int t = 0; t < 3; t++) {
                int64_t n = tap_floats(reference.net, t);

                assert_int_equal(tap_floats(native.net, t), n);
                assert_true(worst_error(native.taps[t], reference.taps[t], n) < 1e-5);
            }
            assert_int_equal(fk_net_pool_dim(native.net), 3);
            assert_true(worst_error(native.pool, reference.pool, 3) < 1e-5);
        }
        close_opened(&native);
        close_opened(&reference);
        free(rgb);
    }
    close_seeded(&f);
}

/* Of the last steps there are fewer pieces than threads: output channels are split as well.  odd
 * has fewer blocks of them than five threads, ResNet-18 more than three. */
static void check_alone(const fk_arch *a, int first, int step)
{
    uint8_t *rgb = make_image(72, 50);
    opened one;
    seeded_file f;

    open_seeded_arch(&f, a, "", 0);
    open_on(&one, a, &f, FK_ENGINE_NATIVE, 1, 72, 50);
    assert_ok(run_one(one.session, rgb, one.taps, &one.pool, err));
    for (int threads = first; threads <= 5; threads += step) {
        opened many;
        fk_pool *pool;

        assert_ok(fk_pool_open(&pool, threads, err));
        open_on(&many, a, &f, FK_ENGINE_NATIVE, threads, 72, 50);
        assert_ok(fk_net_run_together(&many.session, (const uint8_t *const[]){rgb}, 1, pool, err));
        fk_net_view(many.session, many.taps, &many.pool);
        for (int t = 0; t < 3; t++)
            assert_memory_equal(many.taps[t], one.taps[t],
                                (size_t)tap_floats(one.net, t) * sizeof(float));
        assert_memory_equal(many.pool, one.pool, (size_t)fk_net_pool_dim(one.net) * sizeof(float));
        close_opened(&many);
        fk_pool_close(&pool);
    }
    close_opened(&one);
    close_seeded(&f);
    free(rgb);
}

static void an_image_alone_gives_the_same_bytes_on_any_number_of_threads(void **state)
{
    (void)state;
    check_alone(&odd, 1, 1);
    check_alone(fk_arch_find("resnet18"), 3, 3);
}

/* Three images, of which no thread may see another's values. */
static void images_together_give_the_bytes_of_each(void **state)
{
    const fk_arch *arch = fk_arch_find("resnet18");
    const uint8_t *rgb[3];
    opened one;
    seeded_file f;

    (void)state;
    open_seeded_arch(&f, arch, "", 0);
    open_on(&one, arch, &f, FK_ENGINE_NATIVE, 1, 72, 50);
    for (int i = 0; i < 3; i++) {
        uint8_t *image = make_image(72, 50);

        for (int64_t k = 0; k < 72 * 50 * 3; k++)
            image[k] = (uint8_t)(image[k] + i * k);
        rgb[i] = image;
    }
    for (int threads = 1; threads <= 4; threads++) {
        opened many;
        fk_net_session *sessions[3];
        fk_pool *pool;

        assert_ok(fk_pool_open(&pool, threads, err));
        open_on(&many, arch, &f, FK_ENGINE_NATIVE, threads, 72, 50);
        for (int i = 0; i < 3; i++)
            assert_ok(fk_net_session_open(&sessions[i], many.net, err));
        assert_ok(fk_net_run_together(sessions, rgb, 3, threads > 1 ? pool : NULL, err));
        for (int i = 0; i < 3; i++) {
            assert_ok(run_one(one.session, rgb[i], one.taps, &one.pool, err));
            fk_net_view(sessions[i], many.taps, &many.pool);
            for (int t = 0; t < 3; t++)
                assert_memory_equal(many.taps[t], one.taps[t],
                                    (size_t)tap_floats(one.net, t) * sizeof(float));
            assert_memory_equal(many.pool, one.pool,
                                (size_t)fk_net_pool_dim(one.net) * sizeof(float));
        }
        for (int i = 0; i < 3; i++)
            fk_net_session_close(&sessions[i]);
        close_opened(&many);
        fk_pool_close(&pool);
    }
    for (int i = 0; i < 3; i++)
        free((void *)(uintptr_t)rgb[i]);
    close_opened(&one);
    close_seeded(&f);
}

/* ---- Channels that are read ---- */

/* Of each tap so many channels of a hundred are read. */
static void check_reading(const fk_arch *arch, const seeded_file *f, const int64_t percent[3])
{
    fk_net_settings s = settings_of(arch, FK_ENGINE_NATIVE, 72, 50);
    uint8_t *rgb = make_image(72, 50);
    bool reads[4096];
    int64_t n_reads = 0;
    opened all, some;

    s.threads = 1;
    open_with(&all, arch, f, &s);
    for (int t = 0; t < 3; t++)
        for (int64_t c = 0; c < fk_net_tap(all.net, t)->channels; c++) {
            assert_true(n_reads < (int64_t)(sizeof reads / sizeof reads[0]));
            reads[n_reads] = (int64_t)(fk_prng_hash((uint64_t)n_reads) % 100) < percent[t];
            n_reads++;
        }
    s.reads = reads;
    open_with(&some, arch, f, &s);
    assert_ok(run_one(all.session, rgb, all.taps, NULL, err));
    n_reads = 0;
    for (int again = 0; again < 2; again++) {
        const bool *read = reads;

        assert_ok(run_one(some.session, rgb, some.taps, NULL, err));
        for (int t = 0; t < 3; t++) {
            const fk_tap_info *info = fk_net_tap(some.net, t);
            int64_t plane = info->height * info->width;

            for (int64_t c = 0; c < info->channels; c++, read++) {
                const float *got = some.taps[t] + c * plane, *wanted = all.taps[t] + c * plane;

                if (*read)
                    assert_memory_equal(got, wanted, (size_t)plane * sizeof *got);
                for (int64_t i = 0; i < plane && !*read; i++)
                    assert_true(got[i] == 0);
                n_reads += *read;
            }
        }
    }
    assert_true(n_reads > 0);
    close_opened(&all);
    close_opened(&some);
    free(rgb);
}

static void channels_that_nobody_reads_are_left_out_and_change_no_other(void **state)
{
    static const int64_t percents[][3] = {{30, 30, 30}, {0, 100, 90}, {100, 50, 0}};
    const fk_arch *archs[] = {&odd, fk_arch_find("resnet18"), fk_arch_find("wide_resnet50_2")};

    (void)state;
    for (int a = 0; a < 3; a++) {
        seeded_file f;

        open_seeded_arch(&f, archs[a], "", 0);
        for (int i = 0; i < 3; i++)
            check_reading(archs[a], &f, percents[i]);
        close_seeded(&f);
    }
}

/* ---- What it runs ---- */

/* Opened with weights, each dense one is held against PyTorch in test_golden.c. */
static void it_can_plan_the_dense_architectures_and_no_others(void **state)
{
    (void)state;
    for (int i = 0; i < fk_arch_count(); i++) {
        const fk_arch *a = fk_arch_at(i);
        fk_native_plan plan;
        fk_graph g;

        assert_ok(a->describe(&g, 224, 224, err));
        if (a->dense) {
            assert_ok(fk_native_plan_init(&plan, &g, NULL, a->name, err));
            assert_true(plan.n_steps > 0);
        } else {
            assert_refused(fk_native_plan_init(&plan, &g, NULL, a->name, err), FLECK_E_UNSUPPORTED,
                           "the native engine runs dense convolutions");
            assert_null(plan.steps);
        }
        fk_native_plan_free(&plan);
        fk_graph_free(&g);
    }
}

static void it_refuses_other_networks_and_precisions(void **state)
{
    const fk_arch *lite = fk_arch_find("efficientnet_lite0");
    fk_net_source source = {.arch = lite, .prefix = "", .name = "seeded"};
    fk_net_settings s = settings_of(lite, FK_ENGINE_NATIVE, 64, 64);
    seeded_file f;
    fk_net *net;

    (void)state;
    open_seeded(&f, lite->name, "", 0);
    source.weights = f.reader;
    assert_refused(fk_net_open(&net, &source, &s, err), FLECK_E_UNSUPPORTED,
                   "seeded: the native engine runs dense convolutions");
    assert_null(net);
    close_seeded(&f);
    open_seeded_arch(&f, &odd, "", 0);
    source.arch = &odd;
    source.weights = f.reader;
    s.precision = FK_PRECISION_BF16;
    assert_refused(fk_net_open(&net, &source, &s, err), FLECK_E_UNSUPPORTED, "f32, not in bf16");
    assert_null(net);
    close_seeded(&f);
}

static void it_is_the_fastest_only_where_it_runs_the_network(void **state)
{
    fk_engine other =
        fk_engine_built(FK_ENGINE_OPENVINO) ? FK_ENGINE_OPENVINO : FK_ENGINE_REFERENCE;

    (void)state;
    assert_int_equal(fk_engine_fastest(NULL, FK_PRECISION_F32), other);
    assert_int_equal(fk_engine_fastest(fk_arch_find("efficientnet_lite0"), FK_PRECISION_F32),
                     other);
    assert_int_equal(fk_engine_fastest(fk_arch_find("resnet18"), FK_PRECISION_BF16), other);
    if (other == FK_ENGINE_REFERENCE)
        other = FK_ENGINE_NATIVE;
    if (other == FK_ENGINE_NATIVE)
        assert_int_equal(fk_engine_fastest(fk_arch_find("resnet18"), FK_PRECISION_F32), other);
    /* Alike but for the weights: what one has natively, the others have as well. */
    assert_int_equal(fk_engine_fastest(fk_arch_find("resnet50"), FK_PRECISION_F32),
                     fk_engine_fastest(fk_arch_find("resnet18"), FK_PRECISION_F32));
    assert_int_equal(fk_engine_fastest(fk_arch_find("wide_resnet50_2"), FK_PRECISION_F32),
                     fk_engine_fastest(fk_arch_find("resnet18"), FK_PRECISION_F32));
}

static void running_out_of_memory_is_reported_wherever_it_happens(void **state)
{
    fk_net_source source = {.arch = &odd, .prefix = "", .name = "seeded"};
    fk_net_settings s = settings_of(&odd, FK_ENGINE_NATIVE, 32, 32);
    seeded_file f;

    (void)state;
    open_seeded_arch(&f, &odd, "", 0);
    source.weights = f.reader;
    s.threads = 2;
    assert_opening_may_fail(&source, &s, 30);
    close_seeded(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_finished_to_the_bit),
        cmocka_unit_test(the_greatest_of_a_window_is_found),
        cmocka_unit_test(transforms_of_tiles_agree_with_plain_c),
        cmocka_unit_test(tiles_are_finished_as_sums_are),
        cmocka_unit_test(avx512_gives_the_bytes_of_avx2),
        cmocka_unit_test(a_tile_is_a_convolution_of_three_by_three_or_four_by_four),
        cmocka_unit_test(networks_of_odd_shapes_agree_with_the_reference),
        cmocka_unit_test(an_image_alone_gives_the_same_bytes_on_any_number_of_threads),
        cmocka_unit_test(images_together_give_the_bytes_of_each),
        cmocka_unit_test(channels_that_nobody_reads_are_left_out_and_change_no_other),
        cmocka_unit_test(it_can_plan_the_dense_architectures_and_no_others),
        cmocka_unit_test(it_refuses_other_networks_and_precisions),
        cmocka_unit_test(it_is_the_fastest_only_where_it_runs_the_network),
        cmocka_unit_test(running_out_of_memory_is_reported_wherever_it_happens),
    };

    return cmocka_run_group_tests_name("native", tests, NULL, NULL);
}
