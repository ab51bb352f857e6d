/* Networks up to their third tap: every engine and precision against products at full speed. */
#include "bench.h"
#include "samples.h"

#include "base/mem.h"
#include "base/pool.h"
#include "net/net.h"

#include <stdio.h>
#include <string.h>

#define SIDE 224

typedef struct job {
    fk_net *net;
    fk_net_session *sessions[64];
    fk_pool *pool;
    int threads;
    uint8_t *rgb;
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

static fleck_status run_item(void *ctx, int64_t item, int worker, fleck_error *err)
{
    job *j = ctx;
    const float *taps[FK_MAX_TAPS];

    (void)worker;
    return fk_net_run(j->sessions[item], j->rgb, taps, NULL, err);
}

static fleck_status run_all(void *ctx, fleck_error *err)
{
    job *j = ctx;

    return fk_pool_run(j->pool, j->threads, run_item, j, err);
}

static void time_engine(const fk_arch *arch, fk_engine engine, fk_precision precision, int threads)
{
    fk_st_reader *weights = NULL;
    fk_net_settings s = {.engine = engine,
                         .precision = precision,
                         .threads = threads,
                         .height = SIDE,
                         .width = SIDE};
    fk_net_source source = {.arch = arch, .prefix = "", .name = arch->name};
    job j = {.threads = threads};
    fleck_error err = {0};
    char name[96];
    bench_row row = {.name = name,
                     .threads = threads,
                     .items = threads,
                     .bound_of = "operations / sgemm peak (f32)"};

    memcpy(s.mean, arch->mean, sizeof s.mean);
    memcpy(s.scale, arch->scale, sizeof s.scale);
    snprintf(name, sizeof name, "%s %dx%d %s %s", arch->name, SIDE, SIDE, fk_engine_name(engine),
             fk_precision_name(precision));
    bench_must(fk_st_open(&weights, bench_weights(arch->name), &err), &err);
    source.weights = weights;
    if (fk_net_open(&j.net, &source, &s, &err) == FLECK_E_UNSUPPORTED) {
        bench_skipped(name, "a processor or build that has it");
        fk_st_close(&weights);
        return;
    }
    bench_must(j.net != NULL ? FLECK_OK : err.status, &err);
    row.bound = operations(arch) / bench_sgemm_peak(threads) * 1e3;
    bench_must(fk_pool_open(&j.pool, threads, &err), &err);
    bench_must(FK_ALLOC(&j.rgb, (int64_t)3 * SIDE * SIDE, &err), &err);
    for (int64_t i = 0; i < (int64_t)3 * SIDE * SIDE; i++)
        j.rgb[i] = (uint8_t)(i * 37 + (i >> 8));
    for (int i = 0; i < threads; i++)
        bench_must(fk_net_session_open(&j.sessions[i], j.net, &err), &err);
    bench_time(&row, run_all, &j);
    for (int i = 0; i < threads; i++)
        fk_net_session_close(&j.sessions[i]);
    fk_free(j.rgb);
    fk_pool_close(&j.pool);
    fk_net_close(&j.net);
    fk_st_close(&weights);
}

int main(void)
{
    static const char *const names[] = {"efficientnet_lite0", "resnet18", "wide_resnet50_2"};
    int threads = bench_threads() < 64 ? bench_threads() : 64;

    bench_begin("network");
    for (int i = 0; i < 3; i++) {
        const fk_arch *arch = fk_arch_find(names[i]);

        time_engine(arch, FK_ENGINE_OPENVINO, FK_PRECISION_F32, 1);
        if (threads > 1)
            time_engine(arch, FK_ENGINE_OPENVINO, FK_PRECISION_F32, threads);
        time_engine(arch, FK_ENGINE_OPENVINO, FK_PRECISION_BF16, threads);
        if (strcmp(names[i], "wide_resnet50_2") != 0)
            time_engine(arch, FK_ENGINE_REFERENCE, FK_PRECISION_F32, 1);
    }
    return bench_end();
}
