/* SPDX-License-Identifier: Apache-2.0 */
/* fleck.h: benchmarks and comparisons. */
#include "api/check.h"
#include "base/mem.h"
#include "benchmark/compare.h"

#include <string.h>

static const fleck_bench_settings bench_defaults = {.protocol = FLECK_PROTOCOL_PAPER,
                                                    .pro_limit = 0.3,
                                                    .resamples = 2000,
                                                    .seed = 1,
                                                    .memory = INT64_C(1) << 30};
static const fleck_compare_settings compare_defaults = {
    .resamples = 10000, .seed = 1, .level = 0.95};

void fleck_bench_defaults(fleck_bench_settings *settings, size_t size)
{
    fk_hand_defaults(settings, size, &bench_defaults, sizeof bench_defaults);
}

/* Refuse lists without an entry. */
static fleck_status check_lists(const fleck_bench_settings *s, fleck_error *err)
{
    const char *const *const lists[] = {s->backbones, s->categories};
    static const char *const names[] = {"backbones", "categories"};

    for (int i = 0; i < 2; i++)
        if (lists[i] != NULL && lists[i][0] == NULL)
            return fk_error_set(err, FLECK_E_OPTION,
                                "fleck_bench: %s: expected a name first, got NULL", names[i]);
    if ((s->runs == NULL || s->runs[0] == NULL) && s->preset == NULL)
        return fk_error_set(err, FLECK_E_OPTION, "fleck_bench: expected a run or a preset");
    return FLECK_OK;
}

/* Copy the summary and its text into one block. */
static fleck_status hand_summary(fleck_bench_summary **out, const fleck_bench_summary *s,
                                 fleck_error *err)
{
    const char *text = s->text != NULL ? s->text : "";
    size_t size = strlen(text) + 1;
    fleck_status st;

    FK_DO(fk_alloc((void **)out, (int64_t)(sizeof **out + size), 1, err));
    **out = *s;
    (*out)->text = memcpy(*out + 1, text, size);
done:
    return st;
}

fleck_status fleck_bench(const char *root, const char *out, const fleck_bench_settings *settings,
                         fleck_bench_summary **summary, fleck_error *err)
{
    fleck_settings fit = fk_fit_defaults();
    fleck_bench_settings s = bench_defaults;
    fleck_bench_summary found = {0};
    fleck_status st;

    FK_NEED(summary);
    *summary = NULL;
    FK_NEED(root);
    FK_NEED(out);
    FK_TAKE(&s, settings);
    if (s.fit == NULL)
        s.fit = &fit;
    FK_DO(check_lists(&s, err));
    FK_DO(fk_check_measure(s.protocol, s.pro_limit, __func__, err));
    FK_DO(fk_bench(root, out, &s, &found, err));
    st = hand_summary(summary, &found, err);
done:
    fk_free((char *)found.text);
    return st;
}

void fleck_compare_defaults(fleck_compare_settings *settings, size_t size)
{
    fk_hand_defaults(settings, size, &compare_defaults, sizeof compare_defaults);
}

fleck_status fleck_compare(const char *a, const char *a_run, const char *b, const char *b_run,
                           const fleck_compare_settings *settings, fleck_comparison **out,
                           fleck_error *err)
{
    fleck_compare_settings s = compare_defaults;
    fk_run_scores first = {0}, second = {0};
    fleck_status st;

    FK_NEED(out);
    *out = NULL;
    FK_NEED(a);
    FK_NEED(b);
    FK_TAKE(&s, settings);
    FK_DO(fk_run_scores_read(&first, a, a_run, err));
    FK_DO(fk_run_scores_read(&second, b, b_run, err));
    FK_DO(FK_CALLOC(out, 1, err));
    st = fk_compare(*out, &first, &second, &s, err);
    if (st != FLECK_OK) {
        fk_free(*out);
        *out = NULL;
    }
done:
    fk_run_scores_free(&first);
    fk_run_scores_free(&second);
    return st;
}
