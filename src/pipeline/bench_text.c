/* A benchmark's report for a terminal and as Markdown. */
#include "pipeline/bench_report.h"

static fleck_status add_failed(fk_text *out, const fk_bench_book *b, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    for (int i = 0; i < b->n_failed; i++) {
        if (i == 0)
            FK_DO(fk_text_printf(out, err, "Categories that failed and are in no table:\n\n"));
        FK_DO(fk_text_printf(out, err, "* %s\n", b->failed[i]));
    }
    if (b->n_failed > 0)
        FK_DO(fk_text_printf(out, err, "\n"));
done:
    return st;
}

fleck_status fk_bench_text(fk_text *out, const fk_bench_book *b, fleck_error *err)
{
    fk_bench_sections s = {0};
    fleck_status st;

    FK_DO(fk_bench_sections_make(&s, b, false, err));
    for (int64_t i = 0; i < s.count; i++) {
        FK_DO(fk_text_printf(out, err, "%s\n", s.items[i].title));
        if (s.items[i].note != NULL)
            FK_DO(fk_text_printf(out, err, "%s\n", s.items[i].note));
        FK_DO(fk_table_text(out, &s.items[i].table, err));
        FK_DO(fk_text_printf(out, err, "\n"));
    }
    FK_DO(add_failed(out, b, err));
done:
    fk_bench_sections_free(&s);
    return st;
}

static fleck_status add_panels(fk_text *out, const fk_bench_book *b, fleck_error *err)
{
    fleck_status st;

    FK_DO(fk_text_printf(
        out, err,
        "## Cases\n\nThe defective images that the first run gives its highest, its median "
        "and its lowest score.\n\n"));
    for (int64_t c = 0; c < b->n; c++)
        for (int k = 0; k < b->categories[c].n_panels; k++)
            FK_DO(fk_text_printf(out, err, "%s %s\n\n![%s](panels/%s-%d.png)\n\n",
                                 b->categories[c].name, b->categories[c].panels[k],
                                 b->categories[c].panels[k], b->categories[c].name, k + 1));
done:
    return st;
}

fleck_status fk_bench_markdown(fk_text *out, const fk_bench_book *b, fleck_error *err)
{
    fk_bench_sections s = {0};
    fleck_status st;

    FK_DO(fk_bench_sections_make(&s, b, true, err));
    FK_DO(fk_text_printf(
        out, err,
        "# Benchmark\n\nBeside each figure: the published one, and in brackets how much "
        "fleck's is above it. In square brackets: the 95 %% interval.\n\n"));
    FK_DO(add_failed(out, b, err));
    for (int64_t i = 0; i < s.count; i++) {
        FK_DO(fk_text_printf(out, err, "## %s\n\n", s.items[i].title));
        if (s.items[i].note != NULL)
            FK_DO(fk_text_printf(out, err, "%s\n\n", s.items[i].note));
        FK_DO(fk_table_markdown(out, &s.items[i].table, err));
        FK_DO(fk_text_printf(out, err, "\n"));
    }
    FK_DO(add_panels(out, b, err));
    FK_DO(fk_text_printf(out, err, "## Limits\n\n"));
    for (int i = 0; fk_bench_limits[i] != NULL; i++)
        FK_DO(fk_text_printf(out, err, "* %s\n", fk_bench_limits[i]));
done:
    fk_bench_sections_free(&s);
    return st;
}
