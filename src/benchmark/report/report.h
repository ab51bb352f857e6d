/* SPDX-License-Identifier: Apache-2.0 */
/* What all forms of a benchmark's report are made of: words, and sections of a title, a note and a
 * table. */
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

/* Per cent; NaN where it does not exist. */
double fk_bench_value(const fk_bench_result *r, fk_bench_figure which);
/* The interval of a figure, per cent; false where it has none. */
bool fk_bench_interval(const fk_bench_result *r, fk_bench_figure which, double *low, double *high);
/* "image_auroc". */
const char *fk_bench_figure_key(fk_bench_figure which);
/* Whether v is as good as best when both have two decimals. */
bool fk_bench_as_good(double v, double best);

/* A mean over the values that exist. */
typedef struct fk_bench_mean {
    double sum;
    int64_t n;
} fk_bench_mean;

void fk_bench_mean_add(fk_bench_mean *m, double v);
double fk_bench_mean_of(const fk_bench_mean *m);
/* A figure of one run, over all categories. */
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
/* Another section, empty; *out is borrowed until the next one. */
fleck_status fk_bench_section_add(fk_bench_sections *s, fk_bench_section **out, const char *title,
                                  const char *note, int64_t columns,
                                  fleck_error *err) FLECK_MUST_CHECK;

/* All sections of book: the averages of each run, the results of each category, then the others.
 * wide: published figures have tables of their own, and there are defect types and conditions. */
fleck_status fk_bench_sections_make(fk_bench_sections *out, const fk_bench_book *book, bool wide,
                                    fleck_error *err) FLECK_MUST_CHECK;

/* What the figures do not show, in plain words; NULL behind the last. */
extern const char *const fk_bench_limits[];

/* ---- Words (words.c) ---- */

/* What runs are called in reports: "spade, resnet18, k 10, radius 0", without what all of them
 * have.  Those of the first category stand for all; empty where there is none. */
fleck_status fk_bench_labels(fk_names *out, const fk_bench_book *book,
                             fleck_error *err) FLECK_MUST_CHECK;
/* The options that all runs have and labels leave out: "size 256, crop 224"; "" where there are
 * none or one run. */
fleck_status fk_bench_common(char **out, const fk_bench_book *book,
                             fleck_error *err) FLECK_MUST_CHECK;
/* "k-image 10, radius 0" of an object of options. */
fleck_status fk_bench_options(char **out, const char *json, fleck_error *err) FLECK_MUST_CHECK;
/* The run with the highest mean image ROC-AUC of those that have it in most categories, the first
 * of equals; -1 where none has any. */
int fk_bench_best(const fk_bench_book *book);

/* Verdicts of one run at its models' thresholds, over the categories that have one. */
typedef struct fk_bench_verdicts {
    int64_t categories, found, defective, rejected, good;
} fk_bench_verdicts;

fk_bench_verdicts fk_bench_verdicts_of(const fk_bench_book *book, int run);
void fk_bench_verdicts_add(fk_bench_verdicts *v, const fk_bench_result *r);

/* What came out, in a few sentences. */
fleck_status fk_bench_sentence(char **out, const fk_bench_book *book,
                               fleck_error *err) FLECK_MUST_CHECK;
/* "defective, found", "good, rejected", .. of an image of r; without a threshold what it is. */
const char *fk_bench_verdict(const fk_bench_result *r, int64_t image);
/* "test/dent/003.png: defective, missed. Score 1.05, threshold 1.2; ..." of panel k. */
fleck_status fk_bench_caption(char **out, const fk_bench_result *r, int k,
                              fleck_error *err) FLECK_MUST_CHECK;

#endif
