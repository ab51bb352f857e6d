/* SPDX-License-Identifier: Apache-2.0 */
/* A benchmark's tables: figures of merit beside published ones, defect types, costs, conditions. */
#include "base/machine.h"
#include "base/mem.h"
#include "base/number.h"
#include "metric/metric.h"
#include "benchmark/report/report.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Published columns beside a run, at most. */
#define BESIDE 2

const char *const fk_bench_limits[] = {
    "Few images: a category has a few dozen good test images, so one image more or less on the "
    "wrong side changes a ROC-AUC by some tenths of a per cent. The intervals show this effect "
    "only.",
    "One seed: random choices (PaDiM's channels, the first points of a coreset) were drawn once.",
    "F1-max uses the threshold that suits the test labels best, which a threshold chosen "
    "beforehand does not reach. ROC-AUC, AP and PRO use no threshold.",
    "Options as given: fleck chose none of them here. Options chosen by figures of the same test "
    "images, as most published settings were, give figures that are too good for new images.",
    "The study does not state its K on the vision transformer: 10 in the preset \"report\" is "
    "fleck's choice. MH-PatchCore's paper has only averages over all of MVTec AD, and for other "
    "weights; its runs have no published figures beside them.",
    "Published figures come from other programs, with other resizing, other weights of the same "
    "network, other smoothing. A difference of a few tenths says nothing about the method. "
    "Figures of papers were taken from secondary texts.",
    "Intervals of pixel figures resample whole images, with scores merged into some thousand "
    "bins: their ends are accurate to a tenth of a per cent.",
    "Pixel figures are at the size of the network's input if the protocol is \"paper\"; a defect "
    "smaller than a few pixels there hardly counts.",
    "Times are of this machine in this state. Decoding and network passes that several runs share "
    "were done once, but are counted for each run as if it ran alone; the wall time is the real "
    "one. Peak memory includes what is kept for other runs.",
    NULL};

/* ---- Figures ---- */

typedef struct figure {
    const char *title, *words, *key; /* key: in the published table */
} figure;

static const figure figures[FK_BENCH_FIGURES] = {
    [FK_BENCH_PIXEL_AUROC] = {"Table 1. Pixel ROC-AUC", "pixel ROC-AUC", "pixel_auroc"},
    [FK_BENCH_IMAGE_AUROC] = {"Table 2. Image ROC-AUC", "image ROC-AUC", "image_auroc"},
    [FK_BENCH_PRO] = {"Table 3. PRO", "PRO", "pro"},
    [FK_BENCH_PIXEL_AP] = {"Table 4. Pixel average precision", "pixel average precision",
                           "pixel_ap"},
    [FK_BENCH_IMAGE_AP] = {"Table 5. Image average precision", "image average precision",
                           "image_ap"},
    [FK_BENCH_PIXEL_F1] = {"Table 6. Pixel F1-max", "pixel F1-max", "pixel_f1max"},
    [FK_BENCH_IMAGE_F1] = {"Table 7. Image F1-max", "image F1-max", "image_f1max"}};

const char *fk_bench_figure_key(fk_bench_figure which)
{
    return figures[which].key;
}

/* ---- Sections ---- */

static void drop_last(fk_bench_sections *s)
{
    fk_bench_section *last = &s->items[--s->count];

    fk_free(last->title);
    fk_free(last->note);
    fk_table_free(&last->table);
}

void fk_bench_sections_free(fk_bench_sections *s)
{
    while (s->count > 0)
        drop_last(s);
    fk_free(s->items);
    *s = (fk_bench_sections){0};
}

/* Add an empty section; *out is valid until the next one is added. */
static fleck_status add_section(fk_bench_sections *s, fk_bench_section **out, const char *title,
                                const char *note, int64_t columns, fleck_error *err)
{
    fk_bench_section section = {.table.columns = columns};
    fleck_status st;

    FK_DO(fk_strdup(&section.title, title, err));
    if (note != NULL)
        FK_DO(fk_strdup(&section.note, note, err));
    if (s->count == s->room) {
        FK_DO(fk_grow((void **)&s->items, s->room, s->room + 16, sizeof *s->items, err));
        s->room += 16;
    }
    s->items[s->count] = section;
    *out = &s->items[s->count++];
    return FLECK_OK;
done:
    fk_free(section.title);
    fk_free(section.note);
    return st;
}

/* Add a figure and its difference from the published one: "97.25 (-0.35)", or "97.25" if none was
 * published; "-" if v does not exist. */
static fleck_status add_value(fk_table *t, double v, double published, fleck_error *err)
{
    if (isnan(v))
        return fk_table_add(t, err, "-");
    if (isnan(published))
        return fk_table_add(t, err, "%.2f", v);
    return fk_table_add(t, err, "%.2f (%+.2f)", v, v - published);
}

/* The published columns beside each run that have this figure for any of the categories. */
typedef struct beside {
    fk_published_column columns[BESIDE];
    int n;
} beside;

static beside find_beside(const fk_published *p, const fk_bench_book *book, int run,
                          fk_bench_figure which)
{
    fk_published_column all[FK_PUBLISHED_COLUMNS];
    int n = fk_published_beside(p, &book->categories[0].runs[run], all);
    beside b = {.n = 0};

    for (int k = 0; k < n && b.n < BESIDE; k++) {
        bool any = false;

        for (int64_t c = 0; c < book->n; c++)
            any |= !isnan(
                fk_published_value(p, &all[k], figures[which].key, book->categories[c].name));
        if (any)
            b.columns[b.n++] = all[k];
    }
    return b;
}

/* Add the head: the names of the runs, and of the published columns beside each. */
static fleck_status add_head(fk_table *t, const beside *b, const fk_names *labels, fleck_error *err)
{
    fleck_status st;

    FK_DO(fk_table_add(t, err, "category"));
    for (int i = 0; i < labels->count; i++) {
        FK_DO(fk_table_add(t, err, "%s", labels->items[i]));
        for (int k = 0; k < b[i].n; k++)
            FK_DO(fk_table_add(t, err, "%s%s%s", b[i].columns[k].source,
                               b[i].columns[k].setting[0] != '\0' ? ", " : "",
                               b[i].columns[k].setting));
    }
done:
    return st;
}

/* The best figure of the category; NaN if there is none, or only one run. */
static double best_of(const fk_bench_category *c, fk_bench_figure which)
{
    double best = NAN;

    for (int i = 0; c->n > 1 && i < c->n; i++)
        best = fmax(best, fk_bench_value(&c->runs[i], which));
    return best;
}

static fleck_status mark_best(fk_table *t, double v, double best, fleck_error *err)
{
    return fk_bench_as_good(v, best) ? fk_table_mark(t, err) : FLECK_OK;
}

/* Add a row to the table, and to the means. */
static fleck_status add_row(fk_table *t, const fk_bench_category *c, const fk_published *p,
                            const beside *b, fk_bench_figure which, fk_bench_mean *ours,
                            fk_bench_mean (*theirs)[BESIDE], fk_bench_mean (*differences)[BESIDE],
                            fleck_error *err)
{
    fleck_status st;

    FK_DO(fk_table_add(t, err, "%s", c->name));
    for (int i = 0; i < c->n; i++) {
        const fk_bench_result *r = &c->runs[i];
        double v = fk_bench_value(r, which), low, high;

        fk_bench_mean_add(&ours[i], v);
        if (fk_bench_interval(r, which, &low, &high))
            FK_DO(fk_table_add(t, err, "%.2f [%.1f, %.1f]", v, low, high));
        else
            FK_DO(add_value(t, v, NAN, err));
        FK_DO(mark_best(t, v, best_of(c, which), err));
        for (int k = 0; k < b[i].n; k++) {
            double published = fk_published_value(p, &b[i].columns[k], figures[which].key, c->name);

            fk_bench_mean_add(&theirs[i][k], published);
            fk_bench_mean_add(&differences[i][k], v - published);
            if (isnan(published))
                FK_DO(fk_table_add(t, err, "-"));
            else
                FK_DO(fk_table_add(t, err, "%.1f (%+.2f)", published, v - published));
        }
    }
done:
    return st;
}

static fleck_status add_average(fk_table *t, const beside *b, int runs, const fk_bench_mean *ours,
                                fk_bench_mean (*theirs)[BESIDE],
                                fk_bench_mean (*differences)[BESIDE], fleck_error *err)
{
    double best = NAN;
    fleck_status st;

    for (int i = 0; runs > 1 && i < runs; i++)
        best = fmax(best, fk_bench_mean_of(&ours[i]));
    FK_DO(fk_table_add(t, err, "average"));
    for (int i = 0; i < runs; i++) {
        FK_DO(add_value(t, fk_bench_mean_of(&ours[i]), NAN, err));
        FK_DO(mark_best(t, fk_bench_mean_of(&ours[i]), best, err));
        for (int k = 0; k < b[i].n; k++)
            FK_DO(fk_table_add(t, err, "%.2f (%+.2f)", fk_bench_mean_of(&theirs[i][k]),
                               fk_bench_mean_of(&differences[i][k])));
    }
done:
    return st;
}

static fleck_status figure_section(fk_bench_sections *s, const fk_bench_book *book,
                                   const fk_names *labels, const fk_published *p,
                                   fk_bench_figure which, fleck_error *err)
{
    int runs = book->categories[0].n;
    fk_bench_section *section;
    beside *b = NULL;
    fk_bench_mean *ours = NULL, (*theirs)[BESIDE] = NULL, (*differences)[BESIDE] = NULL;
    int64_t columns = 1;
    bool any = false;
    char title[160], limit[64] = "";
    fleck_status st;

    FK_DO(FK_CALLOC(&b, runs, err));
    FK_DO(FK_CALLOC(&ours, runs, err));
    FK_DO(fk_calloc((void **)&theirs, runs, sizeof *theirs, err));
    FK_DO(fk_calloc((void **)&differences, runs, sizeof *differences, err));
    for (int i = 0; i < runs; i++) {
        b[i] = find_beside(p, book, i, which);
        columns += 1 + b[i].n;
    }
    if (which == FK_BENCH_PRO)
        fk_format(limit, sizeof limit, " to a false-positive rate of %g",
                  book->settings->pro_limit);
    fk_format(title, sizeof title, "%s%s, per cent", figures[which].title, limit);
    FK_DO(add_section(s, &section, title, NULL, columns, err));
    FK_DO(add_head(&section->table, b, labels, err));
    for (int64_t c = 0; c < book->n; c++)
        FK_DO(add_row(&section->table, &book->categories[c], p, b, which, ours, theirs, differences,
                      err));
    if (book->n > 1)
        FK_DO(add_average(&section->table, b, runs, ours, theirs, differences, err));
    for (int i = 0; i < runs; i++)
        any |= ours[i].n > 0;
    if (!any)
        drop_last(s); /* without masks there are no pixel figures */
done:
    fk_free(b);
    fk_free(ours);
    fk_free(theirs);
    fk_free(differences);
    return st;
}

/* ---- Outcome ---- */

static const fk_bench_figure main_figures[] = {FK_BENCH_IMAGE_AUROC, FK_BENCH_PIXEL_AUROC,
                                               FK_BENCH_PRO};

enum { MAIN_FIGURES = 3 };

/* The number of main figures that exist: without masks only the first. */
static int count_main(const fk_bench_book *book)
{
    for (int64_t c = 0; c < book->n; c++)
        for (int i = 0; i < book->categories[c].n; i++)
            if (book->categories[c].runs[i].report.has_pixel)
                return MAIN_FIGURES;
    return 1;
}

/* Add "25 of 32", or "-" without a threshold. */
static fleck_status add_share(fk_table *t, const fk_bench_verdicts *v, int64_t n, int64_t of,
                              fleck_error *err)
{
    if (v->categories == 0)
        return fk_table_add(t, err, "-");
    return fk_table_add(t, err, "%lld of %lld", (long long)n, (long long)of);
}

static fleck_status add_verdicts(fk_table *t, const fk_bench_verdicts *v, fleck_error *err)
{
    fleck_status st;

    FK_DO(add_share(t, v, v->found, v->defective, err));
    FK_DO(add_share(t, v, v->rejected, v->good, err));
done:
    return st;
}

/* Add the heads: image ROC-AUC and verdicts, which all data have, then the pixel figures. */
static fleck_status add_heads(fk_table *t, int shown, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    for (int k = 0; k < shown; k++) {
        FK_DO(fk_table_add(t, err, "%s", figures[main_figures[k]].words));
        if (k == 0)
            FK_DO(fk_table_add_texts(t, err, "found", "rejected", NULL));
    }
done:
    return st;
}

/* A row for each run: averages over the categories, and the sums of its verdicts. */
static fleck_status glance_section(fk_bench_sections *s, const fk_bench_book *book,
                                   const fk_names *labels, fleck_error *err)
{
    int shown = count_main(book);
    double best[MAIN_FIGURES] = {NAN, NAN, NAN};
    char note[256];
    fk_bench_section *section;
    fk_table *t;
    fleck_status st;

    fk_format(note, sizeof note,
              "%s. Found: defective test images above the threshold that each model takes from its "
              "good images alone; rejected: good test images above it.",
              book->n > 1 ? "Averages over the categories, per cent" : "Per cent");
    FK_DO(add_section(s, &section, "What came out", note, 3 + shown, err));
    t = &section->table;
    FK_DO(fk_table_add(t, err, "run"));
    FK_DO(add_heads(t, shown, err));
    assert(shown <= MAIN_FIGURES);
    for (int i = 0; labels->count > 1 && i < labels->count; i++)
        for (int k = 0; k < shown; k++) {
            fk_bench_mean m = fk_bench_average(book, i, main_figures[k]);

            best[k] = fmax(best[k], fk_bench_mean_of(&m));
        }
    for (int i = 0; i < labels->count; i++) {
        fk_bench_verdicts v = fk_bench_verdicts_of(book, i);

        FK_DO(fk_table_add(t, err, "%s", labels->items[i]));
        for (int k = 0; k < shown; k++) {
            fk_bench_mean m = fk_bench_average(book, i, main_figures[k]);

            FK_DO(add_value(t, fk_bench_mean_of(&m), NAN, err));
            FK_DO(mark_best(t, fk_bench_mean_of(&m), best[k], err));
            if (k == 0)
                FK_DO(add_verdicts(t, &v, err));
        }
    }
done:
    return st;
}

/* Add a row to the results of each category, named by the run (0), the category (1), or both
 * (2). */
static fleck_status add_result(fk_table *t, const fk_bench_book *book, const fk_bench_category *c,
                               int named, int run, const char *label, const fk_published *p,
                               int shown, fleck_error *err)
{
    const fk_bench_result *r = &c->runs[run];
    fk_bench_verdicts v = {0};
    fleck_status st;

    fk_bench_verdicts_add(&v, r);
    FK_DO(fk_table_add(t, err, "%s%s%s", named > 0 ? c->name : "", named == 2 ? ": " : "",
                       named != 1 ? label : ""));
    for (int k = 0; k < shown; k++) {
        fk_bench_figure which = main_figures[k];
        beside b = find_beside(p, book, run, which);
        double value = fk_bench_value(r, which);

        FK_DO(add_value(t, value,
                        b.n > 0 ? fk_published_value(p, &b.columns[0], figures[which].key, c->name)
                                : NAN,
                        err));
        FK_DO(mark_best(t, value, best_of(c, which), err));
        if (k == 0)
            FK_DO(add_verdicts(t, &v, err));
    }
    FK_DO(isnan(r->threshold) ? fk_table_add(t, err, "-")
                              : fk_table_add(t, err, "%.4g", r->threshold));
done:
    return st;
}

static fleck_status results_section(fk_bench_sections *s, const fk_bench_book *book,
                                    const fk_names *labels, const fk_published *p, fleck_error *err)
{
    static const char *const heads[] = {"run", "category", "category: run"};
    int shown = count_main(book), named = labels->count == 1 ? 1 : book->n == 1 ? 0 : 2;
    bool published = false;
    fk_bench_section *section;
    fk_table *t;
    fleck_status st;

    for (int i = 0; i < labels->count; i++)
        for (int k = 0; k < shown; k++)
            published |= find_beside(p, book, i, main_figures[k]).n > 0;
    FK_DO(
        add_section(s, &section, "Results of each category, per cent",
                    published ? "In brackets: the difference to the first published figure." : NULL,
                    4 + shown, err));
    t = &section->table;
    FK_DO(fk_table_add(t, err, "%s", heads[named]));
    FK_DO(add_heads(t, shown, err));
    FK_DO(fk_table_add(t, err, "threshold"));
    for (int64_t c = 0; c < book->n; c++)
        for (int i = 0; i < labels->count; i++)
            FK_DO(add_result(t, book, &book->categories[c], named, i, labels->items[i], p, shown,
                             err));
done:
    return st;
}

/* ---- Runs ---- */

/* The first published column beside each run, for a terminal; no section if there is none. */
static fleck_status published_runs(fk_bench_sections *s, const fk_bench_book *book,
                                   const fk_names *labels, const fk_published *p, fleck_error *err)
{
    fk_published_column all[FK_PUBLISHED_COLUMNS];
    fk_bench_section *section;
    bool any = false;
    fleck_status st = FLECK_OK;

    for (int i = 0; i < labels->count; i++)
        any |= fk_published_beside(p, &book->categories[0].runs[i], all) > 0;
    if (!any)
        return FLECK_OK;
    FK_DO(add_section(s, &section, "Published beside each run", NULL, 2, err));
    FK_DO(fk_table_add(&section->table, err, "run"));
    FK_DO(fk_table_add(&section->table, err, "published"));
    for (int i = 0; i < labels->count; i++) {
        FK_DO(fk_table_add(&section->table, err, "%s", labels->items[i]));
        if (fk_published_beside(p, &book->categories[0].runs[i], all) > 0)
            FK_DO(fk_table_add(&section->table, err, "%s %s", all[0].source, all[0].setting));
        else
            FK_DO(fk_table_add(&section->table, err, "-"));
    }
done:
    return st;
}

/* Add "256x256, crop 224x224", or "the images' own, tiles 128x128 overlapping by 32". */
static fleck_status add_size(fk_table *t, const fk_bench_result *r, fleck_error *err)
{
    char size[96] = "the images' own", tiles[96] = "";

    if (r->width > 0)
        fk_format(size, sizeof size, "%lldx%lld, crop %lldx%lld", (long long)r->width,
                  (long long)r->height, (long long)r->crop_width, (long long)r->crop_height);
    if (r->tile > 0)
        fk_format(tiles, sizeof tiles, ", tiles %lldx%lld overlapping by %lld", (long long)r->tile,
                  (long long)r->tile, (long long)r->overlap);
    return fk_table_add(t, err, "%s%s", size, tiles);
}

/* All runs with all their options. */
static fleck_status runs_section(fk_bench_sections *s, const fk_bench_book *book,
                                 const fk_names *labels, fleck_error *err)
{
    fk_bench_section *section;
    char *options = NULL, *common = NULL, note[256];
    fk_table *t;
    fleck_status st;

    FK_DO(fk_bench_common(&common, book, err));
    fk_format(note, sizeof note, "All runs: %s.", common);
    FK_DO(add_section(s, &section, "Runs", common[0] != '\0' ? note : NULL, 7, err));
    t = &section->table;
    FK_DO(fk_table_add_texts(t, err, "run", "network", "precision", "taps", "size", "resize",
                             "options", NULL));
    for (int i = 0; i < labels->count; i++) {
        const fk_bench_result *r = &book->categories[0].runs[i];

        FK_DO(
            fk_table_add_texts(t, err, labels->items[i], r->backbone, r->precision, r->taps, NULL));
        FK_DO(add_size(t, r, err));
        FK_DO(fk_bench_options(&options, r->options, err));
        FK_DO(fk_table_add_texts(t, err, r->resize, options, NULL));
        fk_free(options);
        options = NULL;
    }
done:
    fk_free(options);
    fk_free(common);
    return st;
}

/* ---- Defect types ---- */

/* Image ROC-AUC of one type of defect against all good images, and the number of its images. */
static fleck_status type_auroc(const fk_bench_result *r, const char *type, double *auroc,
                               int64_t *count, fleck_error *err)
{
    fk_ranking ranking;
    double *scores = NULL;
    uint8_t *labels = NULL;
    int64_t n;
    fleck_status st;

    *count = 0;
    *auroc = NAN;
    FK_DO(fk_bench_scores(&scores, &labels, &n, r, type, err));
    for (int64_t i = 0; i < n; i++)
        *count += labels[i];
    FK_DO(fk_metric_ranking(&ranking, scores, labels, n, err));
    *auroc = 100.0 * ranking.auroc;
done:
    fk_free(scores);
    fk_free(labels);
    return st;
}

static double pixel_type_auroc(const fk_bench_result *r, const char *type)
{
    for (int64_t i = 0; i < r->n_types; i++)
        if (strcmp(r->types[i].name, type) == 0)
            return 100.0 * r->types[i].auroc;
    return NAN;
}

/* "98.20 / 97.31" */
static fleck_status add_type(fk_table *t, double image, double pixel, fleck_error *err)
{
    if (isnan(pixel))
        return add_value(t, image, NAN, err);
    return isnan(image) ? fk_table_add(t, err, "- / %.2f", pixel)
                        : fk_table_add(t, err, "%.2f / %.2f", image, pixel);
}

/* The first run of the category that has figures. */
static const fk_bench_result *first_good(const fk_bench_category *c)
{
    int i = 0;

    while (i < c->n - 1 && c->runs[i].error != NULL)
        i++;
    return &c->runs[i];
}

/* The types of a category, in the order of the images. */
static fleck_status list_types(fk_names *out, const fk_bench_category *c, fleck_error *err)
{
    const fk_bench_result *r = first_good(c);
    fleck_status st = FLECK_OK;

    for (int64_t i = 0; i < r->n; i++) {
        const fk_bench_image *im = &r->images[i];
        int64_t k = 0;

        while (k < out->count && strcmp(out->items[k], im->type) != 0)
            k++;
        if (im->defective && k == out->count)
            FK_DO(fk_names_add(out, im->type, err));
    }
done:
    return st;
}

static fleck_status types_section(fk_bench_sections *s, const fk_bench_book *book,
                                  const fk_names *labels, fleck_error *err)
{
    int runs = book->categories[0].n;
    fk_bench_section *section;
    fk_names types = {0};
    fleck_status st;

    FK_DO(add_section(s, &section, "ROC-AUC of each type of defect, per cent",
                      "Image ROC-AUC: the type's images against all good ones of the category. "
                      "After the slash, pixel ROC-AUC: its defective pixels against the good "
                      "pixels of all test images.",
                      2 + runs, err));
    FK_DO(fk_table_add_texts(&section->table, err, "category: type", "images", NULL));
    for (int i = 0; i < runs; i++)
        FK_DO(fk_table_add(&section->table, err, "%s", labels->items[i]));
    for (int64_t c = 0; c < book->n; c++) {
        FK_DO(list_types(&types, &book->categories[c], err));
        for (int64_t k = 0; k < types.count; k++) {
            const char *type = types.items[k];
            double auroc;
            int64_t count;

            FK_DO(fk_table_add(&section->table, err, "%s: %s", book->categories[c].name, type));
            FK_DO(type_auroc(first_good(&book->categories[c]), type, &auroc, &count, err));
            FK_DO(fk_table_add(&section->table, err, "%lld", (long long)count));
            for (int i = 0; i < runs; i++) {
                const fk_bench_result *r = &book->categories[c].runs[i];

                FK_DO(type_auroc(r, type, &auroc, &count, err));
                FK_DO(add_type(&section->table, auroc, pixel_type_auroc(r, type), err));
            }
        }
        fk_names_free(&types);
    }
done:
    fk_names_free(&types);
    return st;
}

/* ---- All published figures ---- */

static fleck_status published_section(fk_bench_sections *s, const fk_bench_book *book,
                                      const fk_names *labels, const fk_published *p,
                                      fleck_error *err)
{
    fk_bench_section *section;
    fleck_status st;

    FK_DO(add_section(s, &section, "Published averages over these categories, per cent",
                      "Every published table with the run's method, network and setting, over "
                      "those of the categories "
                      "above that it has.",
                      7, err));
    FK_DO(fk_table_add_texts(&section->table, err, "run", "source", "setting", "figure",
                             "categories", "published", "fleck", NULL));
    for (int i = 0; i < book->categories[0].n; i++) {
        fk_published_column all[FK_PUBLISHED_COLUMNS];
        int n = fk_published_beside(p, &book->categories[0].runs[i], all);

        for (int k = 0; k < n * FK_BENCH_FIGURES; k++) {
            const fk_published_column *column = &all[k / FK_BENCH_FIGURES];
            fk_bench_figure which = (fk_bench_figure)(k % FK_BENCH_FIGURES);
            fk_bench_mean ours = {0}, theirs = {0};

            for (int64_t c = 0; c < book->n; c++) {
                double v =
                    fk_published_value(p, column, figures[which].key, book->categories[c].name);

                fk_bench_mean_add(&theirs, v);
                if (!isnan(v))
                    fk_bench_mean_add(&ours, fk_bench_value(&book->categories[c].runs[i], which));
            }
            if (theirs.n == 0)
                continue;
            FK_DO(fk_table_add_texts(&section->table, err, labels->items[i], column->source,
                                     column->setting, figures[which].words, NULL));
            FK_DO(fk_table_add(&section->table, err, "%lld", (long long)theirs.n));
            FK_DO(fk_table_add(&section->table, err, "%.2f", fk_bench_mean_of(&theirs)));
            FK_DO(add_value(&section->table, fk_bench_mean_of(&ours), fk_bench_mean_of(&theirs),
                            err));
        }
    }
    if (section->table.cells.count == section->table.columns)
        drop_last(s); /* none was published */
done:
    return st;
}

/* ---- Cost and conditions ---- */

static fleck_status cost_section(fk_bench_sections *s, const fk_bench_book *book,
                                 const fk_names *labels, fleck_error *err)
{
    fk_bench_section *section;
    fleck_status st;

    FK_DO(add_section(
        s, &section, "Cost of each run, all categories",
        "Seconds of stages are summed over threads; peak memory is the largest of any category.", 8,
        err));
    FK_DO(fk_table_add_texts(&section->table, err, "run", "images", "decode s", "network s",
                             "method s", "metrics s", "wall s", "peak MiB", NULL));
    for (int i = 0; i < book->categories[0].n; i++) {
        double stages[5] = {0}, peak = 0.0;
        int64_t images = 0;

        for (int64_t c = 0; c < book->n; c++) {
            const fleck_times *t = &book->categories[c].runs[i].report.seconds;
            const double one[5] = {t->decode, t->network, t->score, t->metrics, t->total};

            for (int k = 0; k < 5; k++)
                stages[k] += one[k];
            peak = fmax(peak, t->peak_rss_mib);
            images += book->categories[c].images;
        }
        FK_DO(fk_table_add(&section->table, err, "%s", labels->items[i]));
        FK_DO(fk_table_add(&section->table, err, "%lld", (long long)images));
        for (int k = 0; k < 5; k++)
            FK_DO(fk_table_add(&section->table, err, "%.1f", stages[k]));
        FK_DO(fk_table_add(&section->table, err, "%.0f", peak));
    }
done:
    return st;
}

static fleck_status conditions_section(fk_bench_sections *s, const fk_bench_book *book,
                                       fleck_error *err)
{
    const fk_bench_category *first = &book->categories[0];
    char text[FK_MACHINE_TEXT];
    int64_t images = 0, decoded = 0, passed = 0;
    fk_bench_section *section;
    fk_table *t;
    fleck_status st;

    for (int64_t c = 0; c < book->n; c++) {
        images += book->categories[c].images;
        decoded += book->categories[c].decoded;
        passed += book->categories[c].passed;
    }
    FK_DO(add_section(s, &section, "Conditions", NULL, 2, err));
    t = &section->table;
    FK_DO(fk_table_add_texts(t, err, "what", "value", NULL));
    if (book->command != NULL)
        FK_DO(fk_table_add_texts(t, err, "command", book->command, NULL));
    FK_DO(fk_table_add_texts(t, err, "data", book->root, "fleck", FLECK_VERSION, "compiler",
                             __VERSION__, "engine", first->runs[0].engine, "precision",
                             first->runs[0].precision, "processor", fk_machine_processor(text),
                             NULL));
    FK_DO(fk_table_add_texts(t, err, "system", fk_machine_system(text), "threads", NULL));
    FK_DO(fk_table_add(t, err, "%d", first->runs[0].report.seconds.threads));
    FK_DO(fk_table_add_texts(
        t, err, "protocol", book->settings->protocol == FLECK_PROTOCOL_PAPER ? "paper" : "original",
        "PRO limit", NULL));
    FK_DO(fk_table_add(t, err, "%g", book->settings->pro_limit));
    FK_DO(fk_table_add(t, err, "bootstrap of images, good and defective apart, also for pixels"));
    FK_DO(fk_table_add(
        t, err, "95 %%, %lld resample%s, seed %llu", (long long)book->settings->resamples,
        book->settings->resamples == 1 ? "" : "s", (unsigned long long)book->settings->seed));
    FK_DO(fk_table_add(t, err, "decoding"));
    FK_DO(fk_table_add(t, err, "%lld image%s, %lld decoded", (long long)images,
                       images == 1 ? "" : "s", (long long)decoded));
    FK_DO(fk_table_add(t, err, "network"));
    FK_DO(fk_table_add(t, err, "%lld pass%s, %d network%s, %d run%s", (long long)passed,
                       passed == 1 ? "" : "es", first->n_networks,
                       first->n_networks == 1 ? "" : "s", first->n, first->n == 1 ? "" : "s"));
    FK_DO(fk_table_add(t, err, "wall time of this call"));
    FK_DO(fk_table_add(t, err, "%.1f s", book->seconds));
done:
    return st;
}

fleck_status fk_bench_sections_make(fk_bench_sections *out, const fk_bench_book *book, bool wide,
                                    fleck_error *err)
{
    fk_published p = {0};
    fk_names labels = {0};
    fleck_status st;

    *out = (fk_bench_sections){0};
    if (book->n == 0)
        return FLECK_OK;
    FK_DO(fk_published_read(&p, fk_published_csv, "published_mvtec.csv", err));
    FK_DO(fk_bench_labels(&labels, book, err));
    FK_DO(glance_section(out, book, &labels, err));
    FK_DO(results_section(out, book, &labels, &p, err));
    FK_DO(wide ? runs_section(out, book, &labels, err)
               : published_runs(out, book, &labels, &p, err));
    for (int which = 0; wide && which < FK_BENCH_FIGURES; which++)
        FK_DO(figure_section(out, book, &labels, &p, (fk_bench_figure)which, err));
    if (wide) {
        FK_DO(types_section(out, book, &labels, err));
        FK_DO(published_section(out, book, &labels, &p, err));
    }
    FK_DO(cost_section(out, book, &labels, err));
    if (wide)
        FK_DO(conditions_section(out, book, err));
done:
    fk_names_free(&labels);
    fk_published_free(&p);
    if (st != FLECK_OK)
        fk_bench_sections_free(out);
    return st;
}
