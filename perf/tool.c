/* SPDX-License-Identifier: Apache-2.0 */
/* Running build/fleck as a user does. */
#include "tool.h"

#include <stdio.h>

const char *bench_tool(void)
{
    static char path[4200];

    snprintf(path, sizeof path, "%s", bench_path("FLECK_TEST_BUILD", "cli/fleck"));
    return path;
}

bench_usage bench_tool_fit(const char *data, const char *model, const char *backbone,
                           const char *weights, int threads)
{
    char count[16];
    const char *const argv[] = {bench_tool(), "fit",    data,        "-o",    model,
                                "--backbone", backbone, "--weights", weights, "-t",
                                count,        "--dims", "100",       NULL};
    bench_usage usage = {0};
    fleck_error err = {0};

    snprintf(count, sizeof count, "%d", threads);
    bench_must(bench_spawn(&usage, argv, &err), &err);
    return usage;
}
