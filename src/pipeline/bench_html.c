/* A benchmark's report as one HTML page that needs nothing beside it: tables, charts and pictures. */
#include "base/file.h"
#include "base/mem.h"
#include "metric/metric.h"
#include "pipeline/bench_report.h"
#include "render/chart.h"

#include <stdio.h>

#define MAX_PICTURE ((size_t)64 << 20)

static const char page_head[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n<title>fleck "
    "benchmark</title>\n<style>\n"
    "body{font:15px/1.45 sans-serif;margin:2em auto;max-width:76em;padding:0 1em;color:#222}\n"
    "table{border-collapse:collapse;margin:.6em 0 1.4em;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:.2em .7em;border-bottom:1px solid #ddd;text-align:right;vertical-align:top}\n"
    "th:first-child,td:first-child{text-align:left}\nth{border-bottom:2px solid #888}\n"
    "td{white-space:nowrap}td.long{white-space:normal;min-width:18em;max-width:44em;overflow-wrap:"
    "anywhere;text-"
    "align:left}\n.wide{overflow-x:auto}\n"
    "tr:hover td{background:#f4f4f4}\nimg{max-width:100%}\nfigure{margin:1em 0}\n"
    "figcaption{font-size:.9em;color:#555}\n.charts{display:flex;flex-wrap:wrap;gap:.5em}\n"
    "</style>\n</head>\n<body>\n";

static fleck_status tagged(fk_text *out, const char *tag, const char *text, fleck_error *err)
{
    fleck_status st;

    FK_DO(fk_text_printf(out, err, "<%s>", tag));
    FK_DO(fk_html_text(out, text, err));
    FK_DO(fk_text_printf(out, err, "</%s>\n", tag));
done:
    return st;
}

/* ---- Charts ---- */

/* A curve as charts take it.  Valid when zeroed; owned. */
typedef struct rates {
    int64_t n;
    double *alarm_rate, *found_rate, *precision; /* [n] */
} rates;

static void rates_free(rates *r)
{
    fk_free(r->alarm_rate);
    fk_free(r->found_rate);
    fk_free(r->precision);
    *r = (rates){0};
}

/* Rates at n points, of which the last calls everything; precision begins where something is called defective, with
 * its first value. */
static fleck_status rates_make(rates *r, const fk_curve_point *points, int64_t n, fleck_error *err)
{
    fleck_status st;

    FK_DO(FK_ALLOC(&r->alarm_rate, n, err));
    FK_DO(FK_ALLOC(&r->found_rate, n, err));
    FK_DO(FK_ALLOC(&r->precision, n, err));
    r->n = n;
    for (int64_t i = 0; i < n; i++) {
        const fk_curve_point *p = &points[i == 0 && n > 1 ? 1 : i];

        r->alarm_rate[i] = (double)points[i].alarms / (double)points[n - 1].alarms;
        r->found_rate[i] = (double)points[i].found / (double)points[n - 1].found;
        r->precision[i] = (double)p->found / (double)(p->found + p->alarms);
    }
done:
    return st;
}

/* One run's scores and curves.  Valid when zeroed; owned. */
typedef struct curves {
    double *good, *defective;
    int64_t n_good, n_defective;
    rates images, pixels; /* pixels: n 0 without masks */
} curves;

static void curves_free(curves *c)
{
    fk_free(c->good);
    fk_free(c->defective);
    rates_free(&c->images);
    rates_free(&c->pixels);
    *c = (curves){0};
}

static fleck_status curves_make(curves *c, const fk_bench_result *r, fleck_error *err)
{
    fk_curve_point *points = NULL;
    double *scores = NULL;
    uint8_t *labels = NULL;
    int64_t n;
    fleck_status st;

    FK_DO(FK_ALLOC(&scores, r->n, err));
    FK_DO(FK_ALLOC(&labels, r->n, err));
    FK_DO(FK_ALLOC(&points, r->n + 1, err));
    FK_DO(FK_ALLOC(&c->good, r->n, err));
    FK_DO(FK_ALLOC(&c->defective, r->n, err));
    for (int64_t i = 0; i < r->n; i++) {
        scores[i] = r->images[i].score;
        labels[i] = r->images[i].defective;
        if (r->images[i].defective)
            c->defective[c->n_defective++] = scores[i];
        else
            c->good[c->n_good++] = scores[i];
    }
    FK_DO(fk_metric_curve(points, &n, scores, labels, r->n, err));
    FK_DO(rates_make(&c->images, points, n, err));
    if (r->n_curve > 0)
        FK_DO(rates_make(&c->pixels, r->curve, r->n_curve, err));
done:
    fk_free(points);
    fk_free(scores);
    fk_free(labels);
    return st;
}

/* ROC and precision-recall charts of all runs' images or pixels. */
static fleck_status draw_curves(fk_text *out, const fk_bench_category *c, const curves *list,
                                bool pixels, fk_chart_series *series, fleck_error *err)
{
    const char *of = pixels ? "Pixels" : "Images";
    int n = 0;
    char title[64];
    fleck_status st;

    for (int i = 0; i < c->n; i++) {
        const rates *r = pixels ? &list[i].pixels : &list[i].images;

        if (r->n > 0)
            series[n++] = (fk_chart_series){c->runs[i].name, r->n, r->alarm_rate, r->found_rate};
    }
    snprintf(title, sizeof title, "%s: ROC", of);
    FK_DO(fk_chart_curves(out, title, "false-positive rate", "true-positive rate", series, n, err));
    n = 0;
    for (int i = 0; i < c->n; i++) {
        const rates *r = pixels ? &list[i].pixels : &list[i].images;

        if (r->n > 0)
            series[n++] = (fk_chart_series){c->runs[i].name, r->n, r->found_rate, r->precision};
    }
    snprintf(title, sizeof title, "%s: precision and recall", of);
    FK_DO(fk_chart_curves(out, title, "recall", "precision", series, n, err));
done:
    return st;
}

static fleck_status draw(fk_text *out, const fk_bench_category *c, const curves *list,
                         fk_chart_series *series, fleck_error *err)
{
    bool pixels = false;
    char title[96];
    fleck_status st;

    for (int i = 0; i < c->n; i++)
        pixels |= list[i].pixels.n > 0;
    FK_DO(fk_text_printf(out, err, "<div class=\"charts\">\n"));
    FK_DO(draw_curves(out, c, list, false, series, err));
    if (pixels)
        FK_DO(draw_curves(out, c, list, true, series, err));
    for (int i = 0; i < c->n; i++) {
        if (c->runs[i].n == 0)
            continue;
        snprintf(title, sizeof title, "Scores of run %d", i + 1);
        FK_DO(fk_chart_histogram(out, title, list[i].good, list[i].n_good, list[i].defective,
                                 list[i].n_defective, err));
    }
    FK_DO(fk_text_printf(out, err, "</div>\n"));
done:
    return st;
}

static fleck_status add_charts(fk_text *out, const fk_bench_category *c, fleck_error *err)
{
    curves *list = NULL;
    fk_chart_series *series = NULL;
    fleck_status st;

    FK_DO(FK_CALLOC(&list, c->n, err));
    FK_DO(FK_CALLOC(&series, c->n, err));
    for (int i = 0; i < c->n; i++)
        if (c->runs[i].n > 0)
            FK_DO(curves_make(&list[i], &c->runs[i], err));
    FK_DO(draw(out, c, list, series, err));
done:
    for (int i = 0; list != NULL && i < c->n; i++)
        curves_free(&list[i]);
    fk_free(list);
    fk_free(series);
    return st;
}

/* ---- Pictures ---- */

/* A panel, if it is still there: whoever removed it keeps the rest of the report. */
static fleck_status add_panel(fk_text *out, const fk_bench_book *b, const fk_bench_category *c,
                              const fk_bench_result *r, int k, fleck_error *err)
{
    fk_contents file = {0};
    char *path = NULL;
    fleck_status st;

    FK_DO(fk_bench_panel_path(&path, b->out, c->name, r, k, err));
    if (fk_contents_read(&file, path, MAX_PICTURE, NULL) != FLECK_OK)
        goto done;
    FK_DO(fk_text_printf(out, err, "<figure><img alt=\"\" src=\"data:image/png;base64,"));
    FK_DO(fk_html_base64(out, file.data, file.size, err));
    FK_DO(fk_text_printf(out, err, "\">"));
    FK_DO(tagged(out, "figcaption", r->panels[k], err));
    FK_DO(fk_text_printf(out, err, "</figure>\n"));
done:
    fk_contents_free(&file);
    fk_free(path);
    return st;
}

static fleck_status add_sections(fk_text *out, const fk_bench_book *b, fleck_error *err)
{
    fk_bench_sections s = {0};
    fleck_status st;

    FK_DO(fk_bench_sections_make(&s, b, true, err));
    for (int64_t i = 0; i < s.count; i++) {
        FK_DO(tagged(out, "h2", s.items[i].title, err));
        if (s.items[i].note != NULL)
            FK_DO(tagged(out, "p", s.items[i].note, err));
        FK_DO(fk_text_printf(out, err, "<div class=\"wide\">\n"));
        FK_DO(fk_table_html(out, &s.items[i].table, err));
        FK_DO(fk_text_printf(out, err, "</div>\n"));
    }
done:
    fk_bench_sections_free(&s);
    return st;
}

fleck_status fk_bench_html(fk_text *out, const fk_bench_book *b, fleck_error *err)
{
    fleck_status st;

    FK_DO(fk_text_add(out, page_head, (int64_t)sizeof page_head - 1, err));
    FK_DO(tagged(out, "h1", "Benchmark", err));
    FK_DO(tagged(out, "p",
                 "Beside each figure: the published one, and in brackets how much fleck's is above "
                 "it. In square "
                 "brackets: the 95 % interval.",
                 err));
    for (int i = 0; i < b->n_failed; i++) {
        FK_DO(tagged(out, "p", "This failed and has no figures:", err));
        FK_DO(tagged(out, "pre", b->failed[i], err));
    }
    FK_DO(add_sections(out, b, err));
    for (int64_t c = 0; c < b->n; c++) {
        FK_DO(tagged(out, "h2", b->categories[c].name, err));
        FK_DO(add_charts(out, &b->categories[c], err));
        for (int i = 0; i < b->categories[c].n; i++)
            for (int k = 0; k < b->categories[c].runs[i].n_panels; k++)
                FK_DO(add_panel(out, b, &b->categories[c], &b->categories[c].runs[i], k, err));
    }
    FK_DO(tagged(out, "h2", "Limits", err));
    FK_DO(fk_text_printf(out, err, "<ul>\n"));
    for (int i = 0; fk_bench_limits[i] != NULL; i++)
        FK_DO(tagged(out, "li", fk_bench_limits[i], err));
    FK_DO(fk_text_printf(out, err, "</ul>\n</body>\n</html>\n"));
done:
    return st;
}
