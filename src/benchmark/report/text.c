/* SPDX-License-Identifier: Apache-2.0 */
/* A benchmark's report for a terminal and as Markdown. */
#include "base/mem.h"
#include "benchmark/report/report.h"

#include <ctype.h>
#include <string.h>

static fleck_status add_failed(fk_text *out, const fk_bench_book *b, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    for (int i = 0; i < b->n_failed; i++) {
        if (i == 0)
            FK_DO(fk_text_printf(out, err, "What failed and has no figures:\n\n"));
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
    char *sentence = NULL;
    fleck_status st;

    FK_DO(fk_bench_sections_make(&s, b, false, err));
    if (b->n > 0) {
        FK_DO(fk_bench_sentence(&sentence, b, err));
        FK_DO(fk_text_printf(out, err, "%s\n\n", sentence));
    }
    for (int64_t i = 0; i < s.count; i++) {
        FK_DO(fk_text_printf(out, err, "%s\n", s.items[i].title));
        if (s.items[i].note != NULL)
            FK_DO(fk_text_printf(out, err, "%s\n", s.items[i].note));
        FK_DO(fk_table_text(out, &s.items[i].table, err));
        FK_DO(fk_text_printf(out, err, "\n"));
    }
    FK_DO(add_failed(out, b, err));
done:
    fk_free(sentence);
    fk_bench_sections_free(&s);
    return st;
}

/* Add a path, escaped for the target of a link. */
static fleck_status add_address(fk_text *out, const char *path, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    for (const unsigned char *p = (const unsigned char *)path; *p != '\0' && st == FLECK_OK; p++)
        st = isalnum(*p) || strchr("/-_.", *p) != NULL ? fk_text_printf(out, err, "%c", *p)
                                                       : fk_text_printf(out, err, "%%%02X", *p);
    return st;
}

static fleck_status add_panel(fk_text *out, const char *category, const fk_bench_result *r, int k,
                              fleck_error *err)
{
    char *path = NULL, *caption = NULL;
    fleck_status st;

    FK_DO(fk_bench_panel_path(&path, NULL, category, r, k, err));
    FK_DO(fk_bench_caption(&caption, r, k, err));
    FK_DO(fk_text_printf(out, err, "%s\n\n![Photo%s and heat map of %s](", caption,
                         r->report.has_pixel ? ", ground truth" : "",
                         r->images[r->panels[k].image].path));
    FK_DO(add_address(out, path, err));
    FK_DO(fk_text_printf(out, err, ")\n\n"));
done:
    fk_free(path);
    fk_free(caption);
    return st;
}

static fleck_status add_panels(fk_text *out, const fk_bench_book *b, fleck_error *err)
{
    fk_names labels = {0};
    fleck_status st;

    FK_DO(fk_bench_labels(&labels, b, err));
    FK_DO(fk_text_printf(out, err,
                         "## Cases\n\nThe defective images that a run gives its highest, its "
                         "median and its lowest score, and the good ones that it gives its "
                         "highest.\n\n"));
    for (int64_t c = 0; c < b->n; c++) {
        for (int i = 0; i < b->categories[c].n; i++) {
            const fk_bench_result *r = &b->categories[c].runs[i];

            if (r->n_panels > 0)
                FK_DO(fk_text_printf(out, err, "### %s: %s\n\n", b->categories[c].name,
                                     labels.items[i]));
            for (int k = 0; k < r->n_panels; k++)
                FK_DO(add_panel(out, b->categories[c].name, r, k, err));
        }
    }
done:
    fk_names_free(&labels);
    return st;
}

fleck_status fk_bench_markdown(fk_text *out, const fk_bench_book *b, fleck_error *err)
{
    fk_bench_sections s = {0};
    char *sentence = NULL;
    fleck_status st;

    FK_DO(fk_bench_sections_make(&s, b, true, err));
    FK_DO(fk_bench_sentence(&sentence, b, err));
    FK_DO(fk_text_printf(out, err,
                         "# Benchmark\n\n%s\n\nIn bold: the best of its row or column. In square "
                         "brackets: the 95 %% interval. Beside a figure, where there is one: the "
                         "published figure, and in brackets how much fleck's is above it.\n\n",
                         sentence));
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
    fk_free(sentence);
    fk_bench_sections_free(&s);
    return st;
}
