/* SPDX-License-Identifier: Apache-2.0 */
/* The benchmark: several runs over every category of a data set, and what its reports are made
 * from. */
#ifndef FK_BENCHMARK_BENCH_H
#define FK_BENCHMARK_BENCH_H

#include "fleck_tools.h"
#include "base/digest.h"
#include "base/sha256.h"
#include "dataset/dataset.h"
#include "metric/bins.h"
#include "run/feed.h"
#include "fit/fit.h"

/* ---- Runs (runs.c) ---- */

/* One method with its network and options.  Text is owned by the list. */
typedef struct fk_bench_run {
    char *name;                   /* "spade@wide_resnet50_2:k=10" */
    fleck_settings fit;           /* whole */
    bool shaped;                  /* its width and height follow from the images of each category */
    char weights[FK_DIGEST_TEXT]; /* of the file that the network's weights come from; "" before
                                     fk_bench_run_sum() */
} fk_bench_run;

/* Valid when zeroed; owned. */
typedef struct fk_bench_runs {
    fk_bench_run *items;
    int n;
    fk_names text;        /* what items' settings point to */
    const char **options; /* [n_options] lists of options one behind another, each ended by NULL */
} fk_bench_runs;

/* The runs that s names: METHOD[@BACKBONE][:NAME=VALUE,...] each, on each of s->backbones where a
 * run names none of its own, and those of the preset.  FLECK_E_OPTION says what is wrong with
 * which. */
fleck_status fk_bench_runs_read(fk_bench_runs *out, const fleck_bench_settings *s,
                                fleck_error *err) FLECK_MUST_CHECK;
void fk_bench_runs_free(fk_bench_runs *r);
/* Length of the first of a run's options.  A part without '=' belongs to the value before it:
 * "taps=a,b". */
size_t fk_bench_pair_length(const char *options);

/* ---- Networks shared by runs (feeds.c) ---- */

/* Valid when zeroed; owned. */
typedef struct fk_bench_feeds {
    int n, n_runs;
    fk_feed *feeds; /* [n] */
    fk_model
        *owners; /* [n_runs] described, not fitted; they hold the weights that the networks read */
    int *of_run; /* [n_runs] which feed a run takes */
} fk_bench_feeds;

/* Open one network for all runs that differ in method and options only. */
fleck_status fk_bench_feeds_open(fk_bench_feeds *out, const fk_bench_runs *runs, fk_pool *pool,
                                 fleck_error *err) FLECK_MUST_CHECK;
void fk_bench_feeds_close(fk_bench_feeds *f);

/* ---- What decides the figures (files.c, bench.c) ---- */

/* A file as it was when its results were made. */
typedef struct fk_bench_file {
    char *path; /* below the category's folder, see fk_utf8_escape() */
    fk_stamp stamp;
    int64_t
        changed; /* nanoseconds since 1970 of the last change of bytes or properties; 0 where it was
                        so recent that a later one could have the same time */
    char digest[FK_DIGEST_TEXT]; /* of its bytes; "" where it could not be read */
} fk_bench_file;

/* Valid when zeroed; owned. */
typedef struct fk_bench_files {
    fk_bench_file *items;
    int64_t count;
} fk_bench_files;

void fk_bench_files_free(fk_bench_files *f);
/* The digest of the file at path, "" on failure. */
fleck_status fk_bench_file_digest(char out[FK_DIGEST_TEXT], const char *path,
                                  fleck_error *err) FLECK_MUST_CHECK;
/* Images and masks of the samples, those of train first, each sample's image, mask and ignore mask
 * in this order.  Files that are in `known` with the same stamp and time of change are not read
 * again; all others are, on the pool. */
fleck_status fk_bench_files_look(fk_bench_files *out, const fk_samples *train,
                                 const fk_samples *test, const char *folder,
                                 const fk_bench_files *known, fk_pool *pool,
                                 fleck_error *err) FLECK_MUST_CHECK;
/* The sum over names, contents and labels of what fk_bench_files_look() found for these samples. */
fleck_status fk_bench_files_sum(char out[FK_SHA256_TEXT], const fk_bench_files *f,
                                const fk_samples *train, const fk_samples *test,
                                fleck_error *err) FLECK_MUST_CHECK;
/* The sum over everything that decides the figures of a run on files whose sum is `files`; m is its
 * described model.  The run's name is not part of it. */
fleck_status fk_bench_run_sum(char out[FK_SHA256_TEXT], const char *files,
                              const fleck_bench_settings *s, fk_bench_run *run, const fk_model *m,
                              fleck_error *err) FLECK_MUST_CHECK;

/* ---- Results (result.c) ---- */

/* Pictures of a run: of defective images the highest, the median and the lowest score, of good
 * ones the two highest. */
#define FK_BENCH_PANELS 5

typedef enum fk_bench_rank {
    FK_BENCH_HIGHEST,
    FK_BENCH_MEDIAN,
    FK_BENCH_LOWEST,
    FK_BENCH_HIGHEST_GOOD,
    FK_BENCH_RANKS
} fk_bench_rank;

typedef struct fk_bench_panel {
    int64_t image; /* of the run's */
    fk_bench_rank rank;
} fk_bench_panel;

typedef struct fk_bench_image {
    char *path; /* below the category's folder */
    char *type; /* of defect, or "good" */
    bool defective;
    double score;
} fk_bench_image;

void fk_bench_images_free(fk_bench_image *images, int64_t n);
/* Of a list "scores", as the JSON of bench and of `fleck eval` has it. */
fleck_status fk_bench_images_read(fk_bench_image **out, int64_t *n, const fk_json *list,
                                  fleck_error *err) FLECK_MUST_CHECK;

/* A type of defect's pixels against the good pixels of all test images. */
typedef struct fk_bench_type {
    char *name;
    double auroc; /* NaN where a class is empty */
} fk_bench_type;

/* One run on one category. */
typedef struct fk_bench_result {
    char *settings; /* fk_bench_run_sum(); results are reused where it is the same */
    char *error;    /* NULL, or why it failed: it has no figures, which are NaN, and no images */
    int n_panels;
    fk_bench_panel panels[FK_BENCH_PANELS]; /* see fk_bench_panel_path() */
    char *name, *method, *backbone, *precision, *engine, *options, *taps, *resize;
    int64_t width, height, crop_width, crop_height; /* 0: each image keeps its own size */
    int64_t tile, overlap;                          /* 0: the crop passes whole */
    fleck_report report;
    double threshold; /* the model's, of image scores; NaN where it has none */
    double low, high; /* bootstrap interval of the image ROC-AUC */
    int64_t n;
    fk_bench_image *images;       /* [n] that could be scored */
    double pixel_low, pixel_high; /* of the pixel ROC-AUC, over draws of images */
    int64_t n_curve;              /* up to FK_BIN_CURVE */
    fk_curve_point *curve;        /* [n_curve] of the pixels; the last calls all of them */
    int64_t n_types;
    fk_bench_type *types; /* [n_types] */
} fk_bench_result;

/* One category.  Valid when zeroed; owned. */
typedef struct fk_bench_category {
    char *name;
    int64_t images;
    int64_t decoded, masks, passed; /* decodings of images and of masks, and network passes, that
                                       were made when something was computed last */
    int n_networks;
    fk_bench_files files;
    int n;
    fk_bench_result *runs;  /* [n] */
    int n_reused, n_failed; /* of this call; not written */
} fk_bench_category;

void fk_bench_category_free(fk_bench_category *c);
void fk_bench_result_free(fk_bench_result *r);
/* Scores and labels [*n] of the images: of all, or (type not NULL) without defective ones of
 * another type.  To be freed whatever the status. */
fleck_status fk_bench_scores(double **scores, uint8_t **labels, int64_t *n,
                             const fk_bench_result *r, const char *type,
                             fleck_error *err) FLECK_MUST_CHECK;
/* Set every figure to NaN. */
void fk_bench_no_figures(fk_bench_result *r);
/* out/panels/CATEGORY-SETTINGS-NUMBER.png of the run's panel k, SETTINGS being the first digits of
 * the run's; free with fk_free().  NULL out: relative, as the reports have it. */
fleck_status fk_bench_panel_path(char **path, const char *out, const char *category,
                                 const fk_bench_result *r, int k,
                                 fleck_error *err) FLECK_MUST_CHECK;
/* Write as JSON, whole or not at all; and back (docs/reference/formats.md).  Runs without a name
 * are not there yet and are left out. */
fleck_status fk_bench_category_write(const fk_bench_category *c, const char *path,
                                     fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_bench_category_read(fk_bench_category *out, const char *path,
                                    fleck_error *err) FLECK_MUST_CHECK;
/* The same from bytes (fuzzing); name stands in messages. */
fleck_status fk_bench_category_parse(fk_bench_category *out, const char *bytes, size_t size,
                                     const char *name, fleck_error *err) FLECK_MUST_CHECK;

/* ---- One category (category.c) ---- */

/* Where a benchmark stands, for whoever waits. */
typedef struct fk_bench_place {
    int64_t category, categories;
    double start;            /* of the whole benchmark */
    int64_t computed, cells; /* runs of categories: computed so far; all */
    int64_t passed;          /* behind us, computed or not */
} fk_bench_place;

/* The images of a category, listed once.  Valid when zeroed; owned. */
typedef struct fk_bench_data {
    char *path; /* its folder */
    fk_samples train, test;
    const char **files; /* [n_files] paths of those of train that are learned */
    int64_t n_files;
    fleck_error error; /* why it could not be listed as a whole; status FLECK_OK where it could */
} fk_bench_data;

/* Do all runs on the category; spill and pictures go below folder out, and the results into
 * file after each run.  Runs that `known`, what an earlier call left, has are taken from it.  A run
 * that fails is told to the fit's warning function and costs its own result; where all fail the
 * category does. */
fleck_status fk_bench_category_run(fk_bench_category *c, fk_bench_category *known,
                                   fk_bench_data *data, const char *out, const char *file,
                                   fk_bench_runs *runs, fk_bench_feeds *feeds,
                                   const fleck_bench_settings *s, fk_bench_place *place,
                                   fleck_error *err) FLECK_MUST_CHECK;

/* ---- Reports (report/) ---- */

/* All finished categories, in order. */
typedef struct fk_bench_book {
    const char *root, *out, *command; /* command may be NULL */
    int64_t n;
    const fk_bench_category *categories;
    int n_failed;
    char *const *failed; /* "category: why", "category: run: why" */
    const fleck_bench_settings *settings;
    double seconds; /* of the whole call */
} fk_bench_book;

fleck_status fk_bench_text(fk_text *out, const fk_bench_book *b, fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_bench_markdown(fk_text *out, const fk_bench_book *b,
                               fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_bench_csv(fk_text *out, const fk_bench_book *b, fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_bench_html(fk_text *out, const fk_bench_book *b, fleck_error *err) FLECK_MUST_CHECK;

/* ---- All of it (bench.c) ---- */

fleck_status fk_bench(const char *root, const char *out, const fleck_bench_settings *s,
                      fleck_bench_summary *summary, fleck_error *err) FLECK_MUST_CHECK;

#endif
