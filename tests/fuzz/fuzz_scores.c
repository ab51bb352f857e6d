/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the readers of results: what `fleck compare` takes, and a benchmark's category. */
#include "fuzz.h"

#include "benchmark/compare.h"

#include <math.h>
#include <string.h>

static void compare(const char *text, size_t size)
{
    fk_run_scores s;
    fleck_error error = {0};

    if (fk_run_scores_parse(&s, text, size, "input", NULL, &error) == FLECK_OK) {
        for (int64_t i = 0; i < s.n; i++) {
            fuzz_check(s.images[i].path != NULL);
            fuzz_check(isfinite(s.images[i].score));
            fuzz_check(i == 0 || strcmp(s.images[i - 1].path, s.images[i].path) < 0);
        }
    } else {
        fuzz_check(s.images == NULL && error.message[0] != '\0');
    }
    fk_run_scores_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = size > 0 ? (const char *)data : "";
    fk_bench_category c;
    fleck_error error = {0};

    compare(text, size);
    if (fk_bench_category_parse(&c, text, size, "input", &error) == FLECK_OK)
        fuzz_check(c.name != NULL && c.n >= 1 && c.runs[0].n_panels <= FK_BENCH_PANELS);
    else
        fuzz_check(c.runs == NULL && c.name == NULL && error.message[0] != '\0');
    fk_bench_category_free(&c);
    return 0;
}
