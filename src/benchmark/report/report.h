/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by all forms of a benchmark's report: figures, sections (a title, a note and a table), and
 * sentences. */
#ifndef FK_BENCHMARK_REPORT_REPORT_H
#define FK_BENCHMARK_REPORT_REPORT_H

#include "benchmark/bench.h"
#include "benchmark/published.h"
#include "render/table.h"

/* ---- Figures (figures.c; fk_bench_figure_key() in tables.c) ---- */

typedef enum fk_bench_figure {
    FK_BENCH_PIXEL_AUROC,
    FK_BENCH_IMAGE_AUROC,
    FK_BENCH_PRO,
    FK_BENCH_PIXEL_AP,
    FK_BENCH_IMAGE_AP,
    FK_BENCH_PIXEL_F1,
    FK_BENCH_IMAGE_F1,
    FK_BENCH_FIGURES
} fk_bench_figure;

/* A figure of a result, in per cent; NaN if it does not exist. */
double fk_bench_value(const fk_bench_result *r, fk_bench_figure which);
/* The interval of a figure, in per cent; false if it has none. */
bool fk_bench_interval(const fk_bench_result *r, fk_bench_figure which, double *low, double *high);
/* The key of a figure in the published table, such as "image_auroc". */
const char *fk_bench_figure_key(fk_bench_figure which);
/* Whether v is as good as best when both are rounded to two decimals. */
bool fk_bench_as_good(double v, double best);

/* A mean over the values that exist. */
typedef struct fk_bench_mean {
    double sum;
    int64_t n;
} fk_bench_mean;

void fk_bench_mean_add(fk_bench_mean *m, double v);
double fk_bench_mean_of(const fk_bench_mean *m);
/* The mean of a figure of one run over all categories. */
fk_bench_mean fk_bench_average(const fk_bench_book *book, int run, fk_bench_figure which);

/* ---- Sections ---- */

typedef struct fk_bench_section {
    char *title, *note; /* note may be NULL */
    fk_table table;
} fk_bench_section;

/* Valid when zeroed; owned. */
typedef struct fk_bench_sections {
    fk_bench_section *items;
    int64_t count, room;
} fk_bench_sections;

void fk_bench_sections_free(fk_bench_sections *s);

/* Make all sections of book: the averages of each run, the results of each category, then the
 * others.  wide: add tables of published figures, of defect types and of conditions. */
fleck_status fk_bench_sections_make(fk_bench_sections *out, const fk_bench_book *book, bool wide,
                                    fleck_error *err) FLECK_MUST_CHECK;

/* The limits of the figures, in plain words; ended by NULL. */
extern const char *const fk_bench_limits[];

/* ---- Words (words.c) ---- */

/* The names of runs in reports, such as "spade, resnet18, k 10, radius 0", without the options that
 * all runs have.  Those of the first category are used for all; empty if there is no category. */
fleck_status fk_bench_labels(fk_names *out, const fk_bench_book *book,
                             fleck_error *err) FLECK_MUST_CHECK;
/* The options that all runs have, which labels leave out: "size 256, crop 224"; "" if there are
 * none, or only one run. */
fleck_status fk_bench_common(char **out, const fk_bench_book *book,
                             fleck_error *err) FLECK_MUST_CHECK;
/* The text of a JSON object of options: "k-image 10, radius 0". */
fleck_status fk_bench_options(char **out, const char *json, fleck_error *err) FLECK_MUST_CHECK;
/* The run with the highest mean image ROC-AUC among those that have it in the most categories, and
 * the first of these if several are equal; -1: no run has one. */
int fk_bench_best(const fk_bench_book *book);

/* The verdicts of one run at its models' thresholds, over the categories with a threshold. */
typedef struct fk_bench_verdicts {
    int64_t categories, found, defective, rejected, good;
} fk_bench_verdicts;

fk_bench_verdicts fk_bench_verdicts_of(const fk_bench_book *book, int run);
void fk_bench_verdicts_add(fk_bench_verdicts *v, const fk_bench_result *r);

/* The outcome in a few sentences. */
fleck_status fk_bench_sentence(char **out, const fk_bench_book *book,
                               fleck_error *err) FLECK_MUST_CHECK;
/* The verdict of an image of r: "defective, found", "good, rejected", ...; without a threshold
 * "defective" or "good". */
const char *fk_bench_verdict(const fk_bench_result *r, int64_t image);
/* The caption of panel k: "test/dent/003.png: defective, missed.  Score 1.05, threshold 1.2,
 * ...". */
fleck_status fk_bench_caption(char **out, const fk_bench_result *r, int k,
                              fleck_error *err) FLECK_MUST_CHECK;

#endif
