/* SPDX-License-Identifier: Apache-2.0 */
/* A benchmark's figures as comma-separated values. */
#include "benchmark/report/report.h"

#include <math.h>

static fleck_status csv_row(fk_table *t, const fk_bench_category *c, const fk_bench_result *r,
                            const char *label, fk_bench_figure which,
                            const fk_published_column *column, double published, fleck_error *err)
{
    double v = fk_bench_value(r, which), low, high;
    fleck_status st;

    FK_DO(fk_table_add_texts(t, err, c->name, label, fk_bench_figure_key(which), NULL));
    FK_DO(fk_table_add(t, err, "%.4f", v));
    if (fk_bench_interval(r, which, &low, &high)) {
        FK_DO(fk_table_add(t, err, "%.4f", low));
        FK_DO(fk_table_add(t, err, "%.4f", high));
    } else {
        FK_DO(fk_table_add_texts(t, err, "", "", NULL));
    }
    if (column == NULL)
        return fk_table_add_texts(t, err, "", "", "", "", NULL);
    FK_DO(fk_table_add_texts(t, err, column->source, column->setting, NULL));
    FK_DO(fk_table_add(t, err, "%g", published));
    FK_DO(fk_table_add(t, err, "%.4f", v - published));
done:
    return st;
}

static fleck_status csv_run(fk_table *t, const fk_bench_category *c, const fk_bench_result *r,
                            const char *label, const fk_published *p, fleck_error *err)
{
    fk_published_column all[FK_PUBLISHED_COLUMNS];
    int n = fk_published_beside(p, r, all);
    fleck_status st = FLECK_OK;

    for (int which = 0; which < FK_BENCH_FIGURES; which++) {
        bool any = false;

        if (isnan(fk_bench_value(r, which)))
            continue;
        for (int k = 0; k < n; k++) {
            double published = fk_published_value(p, &all[k], fk_bench_figure_key(which), c->name);

            if (isnan(published))
                continue;
            any = true;
            FK_DO(csv_row(t, c, r, label, which, &all[k], published, err));
        }
        if (!any)
            FK_DO(csv_row(t, c, r, label, which, NULL, NAN, err));
    }
done:
    return st;
}

fleck_status fk_bench_csv(fk_text *out, const fk_bench_book *b, fleck_error *err)
{
    fk_table t = {.columns = 10};
    fk_published p = {0};
    fk_names labels = {0};
    fleck_status st;

    FK_DO(fk_published_read(&p, fk_published_csv, "published_mvtec.csv", err));
    FK_DO(fk_bench_labels(&labels, b, err));
    FK_DO(fk_table_add_texts(&t, err, "category", "run", "figure", "value", "low", "high", "source",
                             "setting", "published", "difference", NULL));
    for (int64_t c = 0; c < b->n; c++)
        for (int i = 0; i < b->categories[c].n; i++)
            FK_DO(csv_run(&t, &b->categories[c], &b->categories[c].runs[i], labels.items[i], &p,
                          err));
    FK_DO(fk_table_csv(out, &t, err));
done:
    fk_names_free(&labels);
    fk_published_free(&p);
    fk_table_free(&t);
    return st;
}
