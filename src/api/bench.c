/* fleck.h: benchmarks. */
#include "pipeline/bench.h"

fleck_bench_settings fleck_bench_defaults(void)
{
    return (fleck_bench_settings){.fit = fleck_fit_defaults(),
                                  .protocol = FLECK_PROTOCOL_PAPER,
                                  .pro_limit = 0.3,
                                  .resamples = 2000,
                                  .seed = 1,
                                  .memory = INT64_C(1) << 30};
}

fleck_status fleck_bench(const char *root, const char *out, const fleck_bench_settings *settings,
                         fleck_bench_summary *summary, fleck_error *err)
{
    return fk_bench(root, out, settings, summary, err);
}
