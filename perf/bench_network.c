/* SPDX-License-Identifier: Apache-2.0 */
/* Networks up to their default taps, engines in alternation, and layers of the native engine with
 * and without its fast inner loops; against products at full speed. */
#include "bench.h"
#include "samples.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/pool.h"
#include "net/native/conv.h"
#include "net/net.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SIDE 224
#define MAX_THREADS 64
#define BOUND_OF "operations / sgemm peak (f32)"

/* Runs of each of those that alternate: so many, or fewer once they have taken long together. */
#define WARM_UPS 2
#define MOST_RUNS 30
#define LEAST_RUNS 10
#define ENOUGH_SECONDS 6.0

/* Float operations a second of a product, of one thread and of all. */
static double peak_of_one, peak_of_all;

/* ---- In alternation ---- */

/* One of those that take turns. */
typedef struct turn {
    bench_row row;
    char name[96];
    bench_fn *fn;
    void *ctx;
    bench_run runs[MOST_RUNS];
} turn;

/* Time n of them, one run each in turn, so that what else the machine does strikes all alike.  The
 * least time is a row of its own: on a machine that others use it says more than the median. */
static void alternate(turn *turns, int n)
{
    double start;
    int done = 0;

    for (int i = 0; i < n * WARM_UPS; i++)
        bench_once(turns[i % n].fn, turns[i % n].ctx, 1);
    start = fk_clock_seconds();
    for (; done < MOST_RUNS; done++) {
        if (done >= LEAST_RUNS && fk_clock_seconds() - start > ENOUGH_SECONDS)
            break;
        for (int i = 0; i < n; i++)
            turns[i].runs[done] = bench_once(turns[i].fn, turns[i].ctx, (double)turns[i].row.items);
    }
    for (int i = 0; i < n; i++) {
        char least[sizeof turns->name + 8];
        double wall = INFINITY;

        for (int k = 0; k < done; k++)
            wall = fmin(wall, turns[i].runs[k].wall);
        turns[i].row.name = turns[i].name;
        bench_times(&turns[i].row, turns[i].runs, done);
        snprintf(least, sizeof least, "%.*s, least", (int)sizeof turns->name - 1, turns[i].name);
        bench_figure(least, turns[i].row.threads, "ms", wall);
    }
}

/* ---- Networks ---- */

typedef struct job {
    const fk_arch *arch;
    fk_engine engine;
    fk_precision precision;
    fk_net *net;
    fk_net_session *sessions[MAX_THREADS];
    fk_pool *pool;
    int threads;
    const uint8_t *rgb;
} job;

/* Float operations of the convolutions that the default taps need. */
static double operations(const fk_arch *arch)
{
    fk_graph g = {0};
    fleck_error err = {0};
    double sum = 0;
    int n = 0;

    while (arch->default_taps[n] != NULL)
        n++;
    bench_must(arch->describe(&g, SIDE, SIDE, &err), &err);
    bench_must(fk_graph_prune(&g, arch->default_taps, n, false, &err), &err);
    for (int i = 0; i < g.n_ops; i++) {
        const fk_op *op = &g.ops[i];

        if (op->kind == FK_OP_CONV) {
            int64_t inputs = g.ops[op->input[0]].out_channels / op->groups;

            sum += 2.0 * (double)(op->out_channels * op->out_height * op->out_width) *
                   (double)(inputs * op->kernel * op->kernel);
        }
    }
    fk_graph_free(&g);
    return sum;
}

/* One image on one thread. */
static fleck_status run_one(void *ctx, fleck_error *err)
{
    const job *j = ctx;

    return fk_net_run_together(j->sessions, &j->rgb, 1, NULL, err);
}

/* One image on all threads, if the engine can. */
static fleck_status run_alone(void *ctx, fleck_error *err)
{
    const job *j = ctx;

    return fk_net_run_together(j->sessions, &j->rgb, 1, j->pool, err);
}

static fleck_status run_item(void *ctx, int64_t item, int worker, fleck_error *err)
{
    const job *j = ctx;

    (void)worker;
    return fk_net_run_together(&j->sessions[item], &j->rgb, 1, NULL, err);
}

/* An image a thread, side by side. */
static fleck_status run_beside(void *ctx, fleck_error *err)
{
    const job *j = ctx;

    return fk_pool_run(j->pool, j->threads, run_item, ctx, err);
}

/* The same, step by step together. */
static fleck_status run_together(void *ctx, fleck_error *err)
{
    const job *j = ctx;
    const uint8_t *rgb[MAX_THREADS];

    for (int i = 0; i < j->threads; i++)
        rgb[i] = j->rgb;
    return fk_net_run_together(j->sessions, rgb, j->threads, j->pool, err);
}

static void close_job(job *j)
{
    for (int i = 0; i < j->threads; i++)
        fk_net_session_close(&j->sessions[i]);
    fk_net_close(&j->net);
}

/* Open the net and its sessions, and say what memory they have taken after a first run: the
 * engine's own weights, values and code.  False, and a line, where this machine lacks it. */
static bool open_job(job *j, const fk_st_reader *weights)
{
    fk_net_settings s = {.engine = j->engine,
                         .precision = j->precision,
                         .threads = j->threads,
                         .height = SIDE,
                         .width = SIDE};
    fk_net_source source = {
        .arch = j->arch, .weights = weights, .prefix = "", .name = j->arch->name};
    double before = bench_resident_mib();
    fleck_error err = {0};
    char name[96];

    memcpy(s.mean, j->arch->mean, sizeof s.mean);
    memcpy(s.scale, j->arch->scale, sizeof s.scale);
    snprintf(name, sizeof name, "%s %s %s, open", j->arch->name, fk_engine_name(j->engine),
             fk_precision_name(j->precision));
    if (fk_net_open(&j->net, &source, &s, &err) == FLECK_E_UNSUPPORTED) {
        bench_skipped(name, "a processor or build that has it");
        return false;
    }
    bench_must(j->net != NULL ? FLECK_OK : err.status, &err);
    for (int i = 0; i < j->threads; i++)
        bench_must(fk_net_session_open(&j->sessions[i], j->net, &err), &err);
    bench_must(run_beside(j, &err), &err);
    bench_figure(name, j->threads, "MiB", bench_resident_mib() - before);
    return true;
}

/* One way to run the jobs, in alternation. */
static void time_way(job *jobs, int n, const char *way, bench_fn *fn, int threads, int64_t items)
{
    double bound = operations(jobs[0].arch) / (threads > 1 ? peak_of_all : peak_of_one) * 1e3;
    turn turns[FK_ENGINE_COUNT] = {0};

    for (int i = 0; i < n; i++) {
        turns[i].row =
            (bench_row){.threads = threads, .items = items, .bound = bound, .bound_of = BOUND_OF};
        turns[i].fn = fn;
        turns[i].ctx = &jobs[i];
        snprintf(turns[i].name, sizeof turns[i].name, "%s %dx%d %s %s%s", jobs[i].arch->name, SIDE,
                 SIDE, fk_engine_name(jobs[i].engine), fk_precision_name(jobs[i].precision), way);
    }
    alternate(turns, n);
}

/* reference: the reference engine too, which takes seconds. */
static void time_network(const char *name, bool reference, fk_pool *pool, const uint8_t *rgb)
{
    const fk_arch *arch = fk_arch_find(name);
    int threads = fk_pool_threads(pool), n = 0;
    fk_st_reader *weights = NULL;
    fleck_error err = {0};
    job jobs[2], base = {.arch = arch, .pool = pool, .threads = threads, .rgb = rgb};

    bench_must(fk_st_open(&weights, bench_weights(name), &err), &err);
    for (int i = 0; i < 2; i++) {
        jobs[n] = base;
        jobs[n].engine = i == 0 ? FK_ENGINE_OPENVINO : FK_ENGINE_NATIVE;
        n += open_job(&jobs[n], weights);
    }
    if (n > 0)
        time_way(jobs, n, "", run_one, 1, 1);
    if (n > 0 && threads > 1) {
        time_way(jobs, n, ", one image", run_alone, threads, 1);
        time_way(jobs, n, "", run_beside, threads, threads);
        time_way(jobs, n, ", together", run_together, threads, threads);
    }
    for (int i = 0; i < n; i++)
        close_job(&jobs[i]);
    base.engine = FK_ENGINE_OPENVINO;
    base.precision = FK_PRECISION_BF16;
    if (open_job(&base, weights)) {
        time_way(&base, 1, "", run_beside, threads, threads);
        close_job(&base);
    }
    base.engine = FK_ENGINE_REFERENCE;
    base.precision = FK_PRECISION_F32;
    base.threads = 1;
    if (reference && open_job(&base, weights)) {
        char title[96];
        bench_row row = {.name = title,
                         .threads = 1,
                         .bound = operations(arch) / peak_of_one * 1e3,
                         .bound_of = BOUND_OF};

        snprintf(title, sizeof title, "%s %dx%d reference f32", name, SIDE, SIDE);
        bench_time(&row, run_one, &base);
        close_job(&base);
    }
    fk_st_close(&weights);
}

/* ---- Layers of the native engine ---- */

typedef struct layer {
    fk_conv conv;
    const float *in;
    float *out, *scratch;
} layer;

static fleck_status run_layer(void *ctx, fleck_error *err)
{
    const layer *l = ctx;

    (void)err;
    for (int64_t i = 0; i < l->conv.row_blocks; i++)
        fk_conv_run(&l->conv, i, 1, l->in, NULL, l->out, l->scratch);
    return FLECK_OK;
}

static float *drawn(int64_t n)
{
    float *out = NULL;
    fleck_error err = {0};

    bench_must(FK_ALLOC(&out, n, &err), &err);
    for (int64_t i = 0; i < n; i++)
        out[i] = (float)(i * 37 % 101 - 50) * 0.01f;
    return out;
}

/* kernel x kernel, of this stride, from side x side; fast against plain inner loops. */
static void time_layer(int64_t inputs, int64_t side, int64_t outputs, int64_t kernel,
                       int64_t stride)
{
    int64_t to = side / stride;
    fk_conv c = {.kernels = fk_kernels_pick(), .relu = true};
    layer layers[2];
    turn turns[2] = {0};
    fleck_error err = {0};
    float *weight = drawn(outputs * inputs * kernel * kernel), *in, *out, *scratch = NULL;

    c.op = (fk_op){.kind = FK_OP_CONV,
                   .groups = 1,
                   .channels = outputs,
                   .kernel = kernel,
                   .stride = stride,
                   .pad_top = kernel / 2,
                   .pad_left = kernel / 2,
                   .out_channels = outputs,
                   .out_height = to,
                   .out_width = to};
    c.in = (fk_blocked){.channels = inputs, .height = side, .width = side, .block = FK_LANES};
    c.out = (fk_blocked){.channels = outputs, .height = to, .width = to, .block = FK_LANES};
    fk_conv_surround(&c.in, &c.op);
    fk_blocked_finish(&c.in);
    fk_blocked_finish(&c.out);
    in = drawn(c.in.count);
    out = drawn(c.out.count);
    bench_must(fk_conv_init(&c, weight, weight, &err), &err);
    bench_must(FK_ALLOC(&scratch, c.scratch, &err), &err);
    for (int i = 0; i < 2; i++) {
        layers[i] = (layer){.conv = c, .in = in, .out = out, .scratch = scratch};
        if (i == 1)
            layers[i].conv.kernels = &fk_kernels_plain;
        turns[i].row = (bench_row){.threads = 1, .items = 1, .bound_of = BOUND_OF};
        turns[i].row.bound =
            2e3 * (double)(outputs * to * to) * (double)(inputs * kernel * kernel) / peak_of_one;
        turns[i].fn = run_layer;
        turns[i].ctx = &layers[i];
        snprintf(turns[i].name, sizeof turns[i].name, "%s %dx%d/%d %d to %d at %dx%d, %s",
                 c.winograd ? "Winograd" : "product", (int)kernel, (int)kernel, (int)stride,
                 (int)inputs, (int)outputs, (int)to, (int)to, layers[i].conv.kernels->name);
    }
    alternate(turns, fk_kernels_pick() != &fk_kernels_plain ? 2 : 1);
    fk_conv_free(&c);
    fk_free(weight);
    fk_free(in);
    fk_free(out);
    fk_free(scratch);
}

int main(void)
{
    static const char *const names[] = {"efficientnet_lite0", "resnet18", "resnet50",
                                        "wide_resnet50_2"};
    int threads = bench_threads() < MAX_THREADS ? bench_threads() : MAX_THREADS;
    uint8_t rgb[3 * SIDE * SIDE];
    fk_pool *pool = NULL;
    fleck_error err = {0};

    bench_begin("network");
    peak_of_one = bench_sgemm_peak(1);
    peak_of_all = threads > 1 ? bench_sgemm_peak(threads) : peak_of_one;
    for (int i = 0; i < 3 * SIDE * SIDE; i++)
        rgb[i] = (uint8_t)(i * 37 + (i >> 8));
    bench_must(fk_pool_open(&pool, threads, &err), &err);
    time_layer(64, 56, 64, 3, 1);
    time_layer(128, 28, 128, 3, 1);
    time_layer(256, 14, 256, 3, 1);
    time_layer(64, 56, 128, 3, 2);
    time_layer(256, 56, 128, 1, 1);
    for (int i = 0; i < 4; i++)
        time_network(names[i], i < 2, pool, rgb);
    fk_pool_close(&pool);
    return bench_end();
}
