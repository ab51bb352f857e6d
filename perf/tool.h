/* SPDX-License-Identifier: Apache-2.0 */
/* Running build/fleck as a user does. */
#ifndef BENCH_TOOL_H
#define BENCH_TOOL_H

#include "bench.h"

/* Path of the tool that was built beside the benchmarks; static storage. */
const char *bench_tool(void);

/* `fleck fit data -o model` with PaDiM, d=100; n threads, 0: all.  Ends the program on failure. */
bench_usage bench_tool_fit(const char *data, const char *model, const char *backbone,
                           const char *weights, int threads);

#endif
