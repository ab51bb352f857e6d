/* SPDX-License-Identifier: Apache-2.0 */
/* The machine: what copying and matrix products reach, which the bounds of all other rows rest on,
 * and how steadily it gives it. */
#include "bench.h"
#include "linalg/linalg.h"

/* 3 matrices of 147 KB lie in the second cache; a product takes about a fifth of a millisecond. */
enum { SIDE = 192, PRODUCTS = 10 };

static float a[SIDE * SIDE], b[SIDE * SIDE], c[SIDE * SIDE];

static fleck_status multiply(void *ctx, fleck_error *err)
{
    (void)ctx;
    (void)err;
    for (int i = 0; i < PRODUCTS; i++)
        fk_linalg_multiply_nt(c, SIDE, a, SIDE, b, SIDE, SIDE, SIDE, SIDE, 1.0f, 0.0f);
    return FLECK_OK;
}

/* Work without memory or system calls always takes the same time on a processor of one's own. Where
 * the host lends the core's other hardware thread to somebody, the median is far above the least,
 * and no account of stolen time shows it. */
static void steadiness(void)
{
    bench_row row = {
        .name = "sgemm 192 x 192 x 192, in the cache", .threads = 1, .items = PRODUCTS};
    bench_run runs[BENCH_MAX_RUNS];
    double least = 0.0, median;

    for (int i = 0; i < SIDE * SIDE; i++)
        a[i] = b[i] = 0.5f;
    for (int i = 0; i < BENCH_MAX_RUNS; i++) {
        runs[i] = bench_once(multiply, NULL, PRODUCTS);
        least = i == 0 || runs[i].wall < least ? runs[i].wall : least;
    }
    median = bench_times(&row, runs, BENCH_MAX_RUNS);
    bench_figure("the same: median / least", 1, "", median / least);
}

int main(void)
{
    int threads = bench_threads();

    bench_begin("machine");
    for (int t = 1; t <= threads; t = t < threads && t * 2 > threads ? threads : t * 2) {
        bench_figure("copy bandwidth, read + written", t, "GB/s", bench_copy_bandwidth(t) * 1e-9);
        bench_figure("sgemm 1024 x 1024 x 1024", t, "GFLOP/s", bench_sgemm_peak(t) * 1e-9);
    }
    steadiness();
    return bench_end();
}
