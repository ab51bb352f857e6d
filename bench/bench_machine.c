/* The machine: what copying and matrix products reach, which the bounds of all other rows rest on. */
#include "bench.h"

int main(void)
{
    int threads = bench_threads();

    bench_begin("machine");
    for (int t = 1; t <= threads; t = t < threads && t * 2 > threads ? threads : t * 2) {
        bench_figure("copy bandwidth, read + written", t, "GB/s", bench_copy_bandwidth(t) * 1e-9);
        bench_figure("sgemm 1024 x 1024 x 1024", t, "GFLOP/s", bench_sgemm_peak(t) * 1e-9);
    }
    return bench_end();
}
