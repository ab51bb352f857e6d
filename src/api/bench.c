/* fleck.h: benchmarks and comparisons. */
#include "api/check.h"
#include "benchmark/compare.h"

fleck_bench_settings fleck_bench_defaults(void)
{
    return (fleck_bench_settings){.fit = fleck_fit_defaults(),
                                  .protocol = FLECK_PROTOCOL_PAPER,
                                  .pro_limit = 0.3,
                                  .resamples = 2000,
                                  .seed = 1,
                                  .memory = INT64_C(1) << 30};
}

/* A list that is given says something: its first entry is no NULL. */
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
    if (s->fit.backbone == NULL)
        return fk_error_set(err, FLECK_E_OPTION, "fleck_bench: fit.backbone must not be NULL");
    return FLECK_OK;
}

fleck_status fleck_bench(const char *root, const char *out, const fleck_bench_settings *settings,
                         fleck_bench_summary *summary, fleck_error *err)
{
    fleck_bench_settings s = settings != NULL ? *settings : fleck_bench_defaults();
    fleck_status st;

    FK_NEED(summary);
    *summary = (fleck_bench_summary){0};
    FK_NEED(root);
    FK_NEED(out);
    FK_DO(check_lists(&s, err));
    FK_DO(fk_check_measure(s.protocol, s.pro_limit, __func__, err));
    st = fk_bench(root, out, &s, summary, err);
done:
    return st;
}

fleck_compare_settings fleck_compare_defaults(void)
{
    return (fleck_compare_settings){.resamples = 10000, .seed = 1, .level = 0.95};
}

fleck_status fleck_compare(const char *a, const char *a_run, const char *b, const char *b_run,
                           const fleck_compare_settings *settings, fleck_comparison *out,
                           fleck_error *err)
{
    fleck_compare_settings s = settings != NULL ? *settings : fleck_compare_defaults();
    fk_run_scores first = {0}, second = {0};
    fleck_status st;

    FK_NEED(out);
    *out = (fleck_comparison){0};
    FK_NEED(a);
    FK_NEED(b);
    FK_DO(fk_run_scores_read(&first, a, a_run, err));
    FK_DO(fk_run_scores_read(&second, b, b_run, err));
    FK_DO(fk_compare(out, &first, &second, &s, err));
done:
    fk_run_scores_free(&first);
    fk_run_scores_free(&second);
    return st;
}
