/* SPDX-License-Identifier: Apache-2.0 */
/* A benchmark's report as one self-contained HTML page: tables, charts and pictures. */
#include "base/file.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/utf8.h"
#include "metric/metric.h"
#include "benchmark/report/report.h"
#include "render/chart.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_PICTURE ((size_t)64 << 20)

static const char page_head[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<style>\n"
    ":root{color-scheme:light dark;--bg:#fff;--fg:#1c2127;--soft:#57606a;--line:#d8dde3;"
    "--tint:#f3f5f7;--link:#0a58a8}\n"
    "@media (prefers-color-scheme:dark){:root{--bg:#14171a;--fg:#e4e7ea;--soft:#9aa4af;"
    "--line:#3a4149;--tint:#1f242a;--link:#7ab8f5}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,sans-serif}\n"
    "a{color:var(--link)}\nh1{font-size:1.6em;margin:.2em 0 .4em;overflow-wrap:anywhere}\n"
    "h2{font-size:1.25em;margin:2em 0 .5em;overflow-wrap:anywhere}\n"
    "h3{font-size:1.05em;margin:1.4em 0 .4em}\np{max-width:46em}\n"
    ".page{max-width:84em;margin:0 auto;padding:1em}\n.lead{font-size:1.15em;margin:.4em 0 1em}\n"
    ".note,figcaption{color:var(--soft);font-size:.9em}\n"
    ".note{margin:.4em 0}\n"
    ".split{display:flex;flex-wrap:wrap;gap:1em 2.5em;align-items:flex-start}\n"
    ".split>*{min-width:0;max-width:100%;flex:1 1 30em}\n.split>.dots{flex:0 1 360px}\n"
    ".dots .legend{display:block}\n"
    ".chart text{paint-order:stroke;stroke:var(--bg);stroke-width:3px;stroke-linejoin:round}\n"
    "figure{margin:0;min-width:0}\n"
    "svg,img{display:block;max-width:100%;height:auto}\n"
    ".charts{display:flex;flex-wrap:wrap;align-items:flex-end;gap:1.2em 2em;margin:1em 0}\n"
    ".charts figcaption{max-width:21em;min-height:1.5em}\n"
    ".chart figcaption{color:inherit;font-weight:600}\n"
    ".legend{list-style:none;display:flex;flex-wrap:wrap;gap:.2em 1.4em;margin:.5em 0;padding:0;"
    "font-size:.9em}\n"
    ".legend li{display:flex;align-items:center;gap:.4em}.legend svg{flex:none}"
    "details{margin:.6em 0}\n"
    ".pictures{display:grid;gap:1.2em;margin:.6em 0 1.4em;"
    "grid-template-columns:repeat(auto-fill,minmax(min(100%,24em),1fr))}\n"
    ".pictures img{width:100%;border:1px solid var(--line)}\n"
    "figcaption{overflow-wrap:anywhere}\nfigcaption b{color:var(--fg)}\n"
    "main,header{overflow-wrap:break-word}\n"
    "summary{cursor:pointer;font-weight:600;overflow-wrap:anywhere}\n"
    ".wide{overflow-x:auto;margin:.6em 0 1.4em;max-width:100%;border:1px solid var(--line);"
    "width:fit-content}\n"
    "table{border-collapse:separate;border-spacing:0;font-size:.9em;"
    "font-variant-numeric:tabular-nums}\n"
    "th,td{padding:.3em .7em;border-bottom:1px solid var(--line);text-align:right;"
    "vertical-align:top;background:var(--bg);white-space:nowrap}\n"
    "tbody tr:last-child>*{border-bottom:0}\n"
    "thead th{background:var(--tint);white-space:normal;vertical-align:bottom;max-width:16em}\n"
    "th:first-child{position:sticky;left:0;z-index:1;text-align:left;white-space:normal;"
    "min-width:11em;max-width:20em;overflow-wrap:anywhere;border-right:1px solid var(--line)}\n"
    "tbody th{font-weight:500}\n"
    ".words,.long{text-align:left}\ntd.long{white-space:normal;min-width:16em;max-width:44em;"
    "overflow-wrap:break-word}\n"
    "tbody tr:hover>*{background:var(--tint)}\n"
    "nav{font-size:.9em;overflow-wrap:anywhere}\nnav h2{margin:1.5em 0 .3em;font-size:1em}\n"
    "nav ul{list-style:none;margin:0;padding:0}\nnav a{display:block;padding:.15em 0}\n"
    "@media (max-width:40em){th,td{padding:.3em .5em}th:first-child{min-width:8em;max-width:10em}"
    "td.long{min-width:10em}}\n"
    "@media (min-width:64em){.jump{display:none}"
    ".page{display:grid;grid-template-columns:13em minmax(0,1fr);"
    "grid-template-areas:\"nav result\" \"nav rest\";column-gap:2.5em;padding:1.5em}\n"
    "header{grid-area:result}main{grid-area:rest}nav{grid-area:nav;position:sticky;top:1em;"
    "align-self:start;max-height:calc(100vh - 2em);overflow-y:auto}nav h2{margin-top:.5em}}\n"
    "</style>\n";

static fleck_status tagged(fk_text *out, const char *tag, const char *text, fleck_error *err)
{
    size_t name = strcspn(tag, " ");
    fleck_status st;

    FK_DO(fk_text_printf(out, err, "<%s>", tag));
    FK_DO(fk_html_text(out, text, err));
    FK_DO(fk_text_printf(out, err, "</%.*s>\n", (int)name, tag));
done:
    return st;
}

/* ---- Charts ---- */

/* The rates of a curve, for charts.  Valid when zeroed; owned. */
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

/* Compute the rates at n points; at the last point all items are positive.  At the first point none
 * is, so the precision there is undefined, and that of the second point is used. */
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

    FK_DO(fk_bench_scores(&scores, &labels, &n, r, NULL, err));
    FK_DO(FK_ALLOC(&points, n + 1, err));
    FK_DO(FK_ALLOC(&c->good, n, err));
    FK_DO(FK_ALLOC(&c->defective, n, err));
    for (int64_t i = 0; i < n; i++)
        *(labels[i] != 0 ? &c->defective[c->n_defective++] : &c->good[c->n_good++]) = scores[i];
    FK_DO(fk_metric_curve(points, &n, scores, labels, n, err));
    FK_DO(rates_make(&c->images, points, n, err));
    if (r->n_curve > 0)
        FK_DO(rates_make(&c->pixels, r->curve, r->n_curve, err));
done:
    fk_free(points);
    fk_free(scores);
    fk_free(labels);
    return st;
}

/* Draw the ROC and precision-recall charts of all runs, for images or for pixels. */
static fleck_status draw_curves(fk_text *out, const fk_bench_category *c, const fk_names *labels,
                                const curves *list, bool pixels, fk_chart_series *series,
                                fleck_error *err)
{
    static const char *const titles[2][2] = {{"Images: ROC", "Images: precision and recall"},
                                             {"Pixels: ROC", "Pixels: precision and recall"}};
    fleck_status st = FLECK_OK;

    for (int k = 0; k < 2; k++) {
        int n = 0;

        for (int i = 0; i < c->n; i++) {
            const rates *r = pixels ? &list[i].pixels : &list[i].images;

            if (r->n > 0)
                series[n++] = (fk_chart_series){labels->items[i], i, r->n,
                                                k == 0 ? r->alarm_rate : r->found_rate,
                                                k == 0 ? r->found_rate : r->precision};
        }
        FK_DO(fk_chart_curves(out, titles[pixels][k], k == 0 ? "false-positive rate" : "recall",
                              k == 0 ? "true-positive rate" : "precision", series, n, err));
    }
done:
    return st;
}

static fleck_status draw(fk_text *out, const fk_bench_category *c, const fk_names *labels,
                         const curves *list, fk_chart_series *series, fleck_error *err)
{
    bool pixels = false;
    fleck_status st;

    for (int i = 0; i < c->n; i++)
        pixels |= list[i].pixels.n > 0;
    FK_DO(fk_chart_legend(out, (const char *const *)labels->items, c->n, err));
    FK_DO(fk_text_printf(out, err, "<div class=\"charts\">\n"));
    FK_DO(draw_curves(out, c, labels, list, false, series, err));
    if (pixels)
        FK_DO(draw_curves(out, c, labels, list, true, series, err));
    FK_DO(fk_text_printf(out, err,
                         "</div>\n<h3>Scores of the test images</h3>\n"
                         "<div class=\"charts\">\n"));
    for (int i = 0; i < c->n; i++)
        if (c->runs[i].n > 0)
            FK_DO(fk_chart_histogram(out, labels->items[i], list[i].good, list[i].n_good,
                                     list[i].defective, list[i].n_defective, c->runs[i].threshold,
                                     err));
    FK_DO(fk_text_printf(out, err, "</div>\n"));
done:
    return st;
}

static fleck_status add_charts(fk_text *out, const fk_bench_category *c, const fk_names *labels,
                               fleck_error *err)
{
    curves *list = NULL;
    fk_chart_series *series = NULL;
    fleck_status st;

    FK_DO(FK_CALLOC(&list, c->n, err));
    FK_DO(FK_CALLOC(&series, c->n, err));
    for (int i = 0; i < c->n; i++)
        if (c->runs[i].n > 0)
            FK_DO(curves_make(&list[i], &c->runs[i], err));
    FK_DO(draw(out, c, labels, list, series, err));
done:
    for (int i = 0; list != NULL && i < c->n; i++)
        curves_free(&list[i]);
    fk_free(list);
    fk_free(series);
    return st;
}

/* The run with the category's highest image ROC-AUC; -1: no run has one. */
static int best_of(const fk_bench_category *c)
{
    double best = NAN;
    int found = -1;

    for (int i = 0; i < c->n; i++) {
        double v = fk_bench_value(&c->runs[i], FK_BENCH_IMAGE_AUROC);

        if (!isnan(v) && !(v <= best)) {
            best = v;
            found = i;
        }
    }
    return found;
}

/* "95.0 %, found 12/16, rejected 1/8" of the best run of a category. */
static void note_of(char note[96], const fk_bench_category *c, int best)
{
    fk_bench_verdicts v = {0};

    note[0] = '\0';
    if (best < 0)
        return;
    fk_bench_verdicts_add(&v, &c->runs[best]);
    if (v.categories == 0)
        fk_format(note, 96, "%.1f %%", fk_bench_value(&c->runs[best], FK_BENCH_IMAGE_AUROC));
    else
        fk_format(note, 96, "%.1f %%, found %lld/%lld, rejected %lld/%lld",
                  fk_bench_value(&c->runs[best], FK_BENCH_IMAGE_AUROC), (long long)v.found,
                  (long long)v.defective, (long long)v.rejected, (long long)v.good);
}

/* Draw the image ROC-AUC of all runs, in a row for each category. */
static fleck_status add_dots(fk_text *out, const fk_bench_book *b, const fk_names *labels,
                             fleck_error *err)
{
    int n = (int)labels->count;
    fk_chart_row *rows = NULL;
    double *values = NULL;
    char(*notes)[96] = NULL;
    fleck_status st;

    FK_DO(FK_CALLOC(&rows, b->n, err));
    FK_DO(FK_CALLOC(&values, b->n * n, err));
    FK_DO(fk_calloc((void **)&notes, b->n, sizeof *notes, err));
    for (int64_t c = 0; c < b->n; c++) {
        int best = best_of(&b->categories[c]);

        note_of(notes[c], &b->categories[c], best);
        for (int i = 0; i < n; i++)
            values[c * n + i] = fk_bench_value(&b->categories[c].runs[i], FK_BENCH_IMAGE_AUROC);
        rows[c] =
            (fk_chart_row){b->categories[c].name, notes[c], &values[c * n], n > 1 ? best : -1};
    }
    FK_DO(fk_text_printf(out, err, "<div class=\"dots\">\n"));
    FK_DO(fk_chart_dots(out, "Image ROC-AUC, per cent", rows, b->n,
                        (const char *const *)labels->items, n, err));
    FK_DO(fk_chart_legend(out, (const char *const *)labels->items, n, err));
    if (n > 1)
        FK_DO(tagged(out, "p class=\"note\"",
                     "In a ring: the best of the category, to which the numbers belong.", err));
    FK_DO(fk_text_printf(out, err, "</div>\n"));
done:
    fk_free(rows);
    fk_free(values);
    fk_free(notes);
    return st;
}

/* ---- Pictures ---- */

/* Add a panel, unless its file is missing.  heading (may be NULL) comes before its caption. */
static fleck_status add_panel(fk_text *out, const fk_bench_book *b, const fk_bench_category *c,
                              const fk_bench_result *r, int k, const char *heading,
                              fleck_error *err)
{
    const fk_bench_image *im = &r->images[r->panels[k].image];
    fk_contents file = {0};
    char *path = NULL, *caption = NULL;
    fleck_status st;

    FK_DO(fk_bench_panel_path(&path, b->out, c->name, r, k, err));
    if (fk_contents_read(&file, path, MAX_PICTURE, NULL) != FLECK_OK)
        goto done;
    FK_DO(fk_text_printf(out, err, "<figure><img alt=\"Photo%s and heat map of ",
                         r->report.has_pixel ? ", ground truth" : ""));
    FK_DO(fk_html_add(out, err, "", im->path, ": ", fk_bench_verdict(r, r->panels[k].image),
                      "\" src=\"data:image/png;base64,", NULL));
    FK_DO(fk_html_base64(out, file.data, file.size, err));
    FK_DO(fk_text_printf(out, err, "\"><figcaption>"));
    if (heading != NULL)
        FK_DO(fk_text_printf(out, err, "<b>%s</b><br>", heading));
    if (heading != NULL && b->n > 1)
        FK_DO(fk_html_add(out, err, "", c->name, ", ", NULL));
    FK_DO(fk_bench_caption(&caption, r, k, err));
    FK_DO(fk_html_add(out, err, "", caption, "</figcaption></figure>\n", NULL));
done:
    fk_contents_free(&file);
    fk_free(caption);
    fk_free(path);
    return st;
}

/* A panel of a run in one of the categories. */
typedef struct pick {
    int64_t category;
    int panel; /* -1: none */
    double height;
} pick;

/* The panel of a defective (or good) image with the highest (sign 1) or lowest (-1) score of all
 * categories.  Scores are divided by the model's threshold, if there is one, to be comparable. */
static pick pick_panel(const fk_bench_book *b, int run, bool good, double sign)
{
    pick p = {.panel = -1};

    for (int64_t c = 0; c < b->n; c++) {
        const fk_bench_result *r = &b->categories[c].runs[run];

        for (int k = 0; k < r->n_panels; k++) {
            double score = r->images[r->panels[k].image].score;
            double height = r->threshold > 0.0 ? score / r->threshold : score;

            if ((r->panels[k].rank == FK_BENCH_HIGHEST_GOOD) == good &&
                (p.panel < 0 || sign * height > sign * p.height))
                p = (pick){c, k, height};
        }
    }
    return p;
}

static fleck_status add_pick(fk_text *out, const fk_bench_book *b, int run, const pick *p,
                             const char *above, const char *below, fleck_error *err)
{
    const fk_bench_category *c = &b->categories[p->category];
    const fk_bench_result *r;
    char heading[64];

    if (p->panel < 0)
        return FLECK_OK;
    r = &c->runs[run];
    fk_format(heading, sizeof heading, "%s",
              r->images[r->panels[p->panel].image].score > r->threshold ? above : below);
    return add_panel(out, b, c, r, p->panel, heading, err);
}

/* Add the best and worst pictures of the best run. */
static fleck_status add_picks(fk_text *out, const fk_bench_book *b, const fk_names *labels, int run,
                              fleck_error *err)
{
    pick found = pick_panel(b, run, false, 1.0), missed = pick_panel(b, run, false, -1.0);
    pick good = pick_panel(b, run, true, 1.0);
    fleck_status st;

    FK_DO(fk_html_add(out, err, "<h2>Best and worst pictures of ", labels->items[run],
                      "</h2>\n<div class=\"pictures\">\n", NULL));
    FK_DO(add_pick(out, b, run, &found, "Clearest defect", "Clearest defect", err));
    if (missed.category != found.category || missed.panel != found.panel)
        FK_DO(add_pick(out, b, run, &missed, "Faintest defect, found", "Faintest defect, missed",
                       err));
    FK_DO(
        add_pick(out, b, run, &good, "Good part, rejected", "Good part nearest to rejection", err));
    FK_DO(fk_text_printf(out, err, "</div>\n"));
done:
    return st;
}

/* ---- The page ---- */

static fleck_status add_table(fk_text *out, const fk_bench_section *s, fleck_error *err)
{
    fleck_status st;

    if (s->note != NULL)
        FK_DO(tagged(out, "p class=\"note\"", s->note, err));
    FK_DO(fk_html_add(out, err, "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"",
                      s->title, "\">\n", NULL));
    FK_DO(fk_table_html(out, &s->table, err));
    FK_DO(fk_text_printf(out, err, "</div>\n"));
done:
    return st;
}

/* Add the sections from first on. */
static fleck_status add_sections(fk_text *out, const fk_bench_sections *s, int64_t first,
                                 int64_t end, fleck_error *err)
{
    char tag[32];
    fleck_status st = FLECK_OK;

    for (int64_t i = first; i < end && i < s->count; i++) {
        fk_format(tag, sizeof tag, "h2 id=\"t%lld\"", (long long)i);
        FK_DO(tagged(out, tag, s->items[i].title, err));
        FK_DO(add_table(out, &s->items[i], err));
    }
done:
    return st;
}

static fleck_status add_category(fk_text *out, const fk_bench_book *b, int64_t i,
                                 const fk_names *labels, fleck_error *err)
{
    const fk_bench_category *c = &b->categories[i];
    const fleck_report *r = NULL;
    char tag[32];
    fleck_status st;

    for (int k = 0; r == NULL && k < c->n; k++)
        if (c->runs[k].error == NULL)
            r = &c->runs[k].report;
    fk_format(tag, sizeof tag, "h2 id=\"c%lld\"", (long long)i);
    FK_DO(tagged(out, tag, c->name, err));
    if (r != NULL)
        FK_DO(
            fk_text_printf(out, err,
                           "<p>%lld good image%s to learn from; %lld good and %lld defective test "
                           "images.</p>\n",
                           (long long)r->train, r->train == 1 ? "" : "s", (long long)r->good,
                           (long long)r->defective));
    FK_DO(add_charts(out, c, labels, err));
    FK_DO(fk_text_printf(out, err, "<h3>Pictures</h3>\n"));
    for (int k = 0; k < c->n; k++) {
        if (c->runs[k].n_panels == 0)
            continue;
        FK_DO(fk_html_add(out, err, "<details open>\n<summary>", labels->items[k],
                          "</summary>\n<div class=\"pictures\">\n", NULL));
        for (int p = 0; p < c->runs[k].n_panels; p++)
            FK_DO(add_panel(out, b, c, &c->runs[k], p, NULL, err));
        FK_DO(fk_text_printf(out, err, "</div>\n</details>\n"));
    }
done:
    return st;
}

/* Add a link to a category or a table, with its title without the unit. */
static fleck_status add_link(fk_text *out, char kind, int64_t i, const char *title,
                             fleck_error *err)
{
    const char *unit = strstr(title, ", per cent");
    char *words = NULL;
    fleck_status st;

    FK_DO(fk_text_printf(out, err, "<li><a href=\"#%c%lld\">", kind, (long long)i));
    FK_DO(fk_asprintf(&words, err, "%.*s", (int)(unit != NULL ? unit - title : (long)strlen(title)),
                      title));
    FK_DO(fk_html_add(out, err, "", words, "</a></li>\n", NULL));
done:
    fk_free(words);
    return st;
}

/* Add the table of contents, in the page's order. */
static fleck_status add_contents(fk_text *out, const fk_bench_book *b, const fk_bench_sections *s,
                                 fleck_error *err)
{
    fleck_status st;

    FK_DO(fk_text_printf(out, err,
                         "<nav id=\"contents\" aria-label=\"Contents\">\n<h2>Contents</h2>\n<ul>\n"
                         "<li><a href=\"#top\">What came out</a></li>\n"));
    for (int64_t i = 1; i < s->count && i < 2; i++)
        FK_DO(add_link(out, 't', i, s->items[i].title, err));
    for (int64_t c = 0; c < b->n; c++)
        FK_DO(add_link(out, 'c', c, b->categories[c].name, err));
    for (int64_t i = 2; i < s->count; i++)
        FK_DO(add_link(out, 't', i, s->items[i].title, err));
    FK_DO(fk_text_printf(out, err, "<li><a href=\"#limits\">Limits</a></li>\n</ul>\n</nav>\n"));
done:
    return st;
}

/* Add the failures and their reasons, collapsed if there are many. */
static fleck_status add_failed(fk_text *out, const fk_bench_book *b, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    if (b->n_failed == 0)
        return FLECK_OK;
    FK_DO(fk_text_printf(
        out, err, "<details%s>\n<summary>%d failed and %s no figures</summary>\n<ul>\n",
        b->n_failed <= 2 ? " open" : "", b->n_failed, b->n_failed == 1 ? "has" : "have"));
    for (int i = 0; i < b->n_failed; i++)
        FK_DO(tagged(out, "li", b->failed[i], err));
    FK_DO(fk_text_printf(out, err, "</ul>\n</details>\n"));
done:
    return st;
}

/* Add the first screen: the summary, the chart, the runs' averages, and pictures. */
static fleck_status add_first_screen(fk_text *out, const fk_bench_book *b,
                                     const fk_bench_sections *s, const fk_names *labels,
                                     fleck_error *err)
{
    int best = fk_bench_best(b);
    char *sentence = NULL;
    fleck_status st;

    FK_DO(fk_bench_sentence(&sentence, b, err));
    FK_DO(tagged(out, "p class=\"lead\"", sentence, err));
    FK_DO(add_failed(out, b, err));
    if (b->n == 0)
        goto done;
    FK_DO(fk_text_printf(out, err, "<div class=\"split\">\n"));
    if (best >= 0)
        FK_DO(add_dots(out, b, labels, err));
    FK_DO(fk_text_printf(out, err, "<div>\n"));
    FK_DO(add_table(out, &s->items[0], err));
    FK_DO(fk_text_printf(out, err, "</div>\n</div>\n"));
    if (best >= 0)
        FK_DO(add_picks(out, b, labels, best, err));
done:
    fk_free(sentence);
    return st;
}

/* Add title and heading, with the name of the data's folder. */
static fleck_status add_head(fk_text *out, const fk_bench_book *b, fleck_error *err)
{
    size_t end = strlen(b->root), begin;
    char *title = NULL, *valid = NULL;
    fleck_status st;

    while (end > 1 && b->root[end - 1] == '/')
        end--;
    for (begin = end; begin > 0 && b->root[begin - 1] != '/';)
        begin--;
    FK_DO(fk_asprintf(&title, err, "Benchmark of %.*s", (int)(end - begin), b->root + begin));
    FK_DO(fk_utf8_escape(&valid, title, err));
    FK_DO(fk_text_add(out, page_head, (int64_t)sizeof page_head - 1, err));
    FK_DO(tagged(out, "title", valid, err));
    FK_DO(fk_text_printf(out, err, "</head>\n<body>\n<div class=\"page\">\n<header id=\"top\">\n"));
    FK_DO(tagged(out, "h1", valid, err));
    FK_DO(fk_text_printf(out, err, "<a class=\"jump\" href=\"#contents\">Contents</a>\n"));
done:
    fk_free(title);
    fk_free(valid);
    return st;
}

fleck_status fk_bench_html(fk_text *out, const fk_bench_book *b, fleck_error *err)
{
    fk_bench_sections s = {0};
    fk_names labels = {0};
    fleck_status st;

    FK_DO(fk_bench_sections_make(&s, b, true, err));
    FK_DO(fk_bench_labels(&labels, b, err));
    FK_DO(add_head(out, b, err));
    FK_DO(add_first_screen(out, b, &s, &labels, err));
    FK_DO(fk_text_printf(out, err, "</header>\n"));
    FK_DO(add_contents(out, b, &s, err));
    FK_DO(fk_text_printf(out, err, "<main>\n"));
    FK_DO(add_sections(out, &s, 1, 2, err));
    for (int64_t c = 0; c < b->n; c++)
        FK_DO(add_category(out, b, c, &labels, err));
    FK_DO(tagged(out, "p class=\"note\"",
                 "In the tables: in bold the best; in square brackets the 95 % interval; beside a "
                 "figure, where there is one, the published figure, and in brackets how much "
                 "fleck's is above it.",
                 err));
    FK_DO(add_sections(out, &s, 2, s.count, err));
    FK_DO(fk_text_printf(out, err, "<h2 id=\"limits\">Limits</h2>\n<ul>\n"));
    for (int i = 0; fk_bench_limits[i] != NULL; i++)
        FK_DO(tagged(out, "li", fk_bench_limits[i], err));
    FK_DO(fk_text_printf(out, err, "</ul>\n</main>\n</div>\n</body>\n</html>\n"));
done:
    fk_names_free(&labels);
    fk_bench_sections_free(&s);
    return st;
}
