/* SPDX-License-Identifier: Apache-2.0 */
/* The benchmark: several runs over every category of a data set, and the results from which reports
 * are made. */
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

/* A method with its network and options.  Texts are owned by the list of runs. */
typedef struct fk_bench_run {
    char *name;         /* "spade@wide_resnet50_2:k=10" */
    fleck_settings fit; /* all settings of the fit */
    bool shaped;        /* its width and height follow from the images of each category */
    /* Digests of the files that the networks' weights come from, separated by spaces; "" before
     * fk_bench_run_sum(). */
    char weights[FK_MODEL_NETS * FK_DIGEST_TEXT];
} fk_bench_run;

/* Valid when zeroed; owned. */
typedef struct fk_bench_runs {
    fk_bench_run *items;
    int n;
    fk_names text;        /* the texts that settings of items point to */
    const char **options; /* [n_options] lists of options, one after another, each ended by NULL */
} fk_bench_runs;

/* Make the runs of s: each text METHOD[@BACKBONE][:NAME=VALUE,...] of s->runs, on each of
 * s->backbones if it names no backbone, and those of the preset.  FLECK_E_OPTION: a text is wrong;
 * the message says which and why. */
fleck_status fk_bench_runs_read(fk_bench_runs *out, const fleck_bench_settings *s,
                                fleck_error *err) FLECK_MUST_CHECK;
void fk_bench_runs_free(fk_bench_runs *r);
/* Length of the first option in a run's options.  A part without '=' belongs to the value before
 * it, as in "taps=a,b". */
size_t fk_bench_pair_length(const char *options);

/* ---- Networks shared by runs (feeds.c) ---- */

/* Valid when zeroed; owned. */
typedef struct fk_bench_feeds {
    int n, n_runs;
    fk_feed *feeds; /* [n] */
    /* [n_runs] models that are planned, not fitted; they hold the weights that the networks read */
    fk_model *owners;
    int (*of_run)[FK_MODEL_NETS]; /* [n_runs] index of the feed of each network of a run */
} fk_bench_feeds;

/* Open the networks of all runs.  Runs that differ in method, options and joined networks only
 * share one. */
fleck_status fk_bench_feeds_open(fk_bench_feeds *out, const fk_bench_runs *runs, fk_pool *pool,
                                 fleck_error *err) FLECK_MUST_CHECK;
void fk_bench_feeds_close(fk_bench_feeds *f);

/* ---- Inputs that decide the figures (files.c) ---- */

/* A file as it was when the results were computed. */
typedef struct fk_bench_file {
    char *path; /* below the category's folder, see fk_utf8_escape() */
    fk_stamp stamp;
    /* Time of the last change of bytes or properties, in nanoseconds since 1970; 0 if it was so
     * recent that a later change could have the same time. */
    int64_t changed;
    char digest[FK_DIGEST_TEXT]; /* of its bytes; "" if it could not be read */
} fk_bench_file;

/* Valid when zeroed; owned. */
typedef struct fk_bench_files {
    fk_bench_file *items;
    int64_t count;
} fk_bench_files;

void fk_bench_files_free(fk_bench_files *f);
/* Find the digests of the files of all samples, train first; each sample's image, ground truth and
 * mask in this order.  Files that are in `known` with the same stamp and time of change are not
 * read again.  The others are read, in parallel on the pool. */
fleck_status fk_bench_files_look(fk_bench_files *out, const fk_samples *train,
                                 const fk_samples *test, const char *folder,
                                 const fk_bench_files *known, fk_pool *pool,
                                 fleck_error *err) FLECK_MUST_CHECK;
/* The checksum of the names, contents and labels of the files that fk_bench_files_look() found for
 * these samples. */
fleck_status fk_bench_files_sum(char out[FK_SHA256_TEXT], const fk_bench_files *f,
                                const fk_samples *train, const fk_samples *test,
                                fleck_error *err) FLECK_MUST_CHECK;
/* The checksum of everything that decides the figures of a run: `files` is the checksum of the
 * files, m the run's planned model.  The run's name is not part of it. */
fleck_status fk_bench_run_sum(char out[FK_SHA256_TEXT], const char *files,
                              const fleck_bench_settings *s, fk_bench_run *run, const fk_model *m,
                              fleck_error *err) FLECK_MUST_CHECK;

/* ---- Results (result.c) ---- */

/* Most pictures of a run: the defective images with the highest, the median and the lowest score,
 * and the good image with the highest score, or two if both are rejected. */
#define FK_BENCH_PANELS 5

typedef enum fk_bench_rank {
    FK_BENCH_HIGHEST,
    FK_BENCH_MEDIAN,
    FK_BENCH_LOWEST,
    FK_BENCH_HIGHEST_GOOD,
    FK_BENCH_RANKS
} fk_bench_rank;

typedef struct fk_bench_panel {
    int64_t image; /* index into the run's images */
    fk_bench_rank rank;
} fk_bench_panel;

typedef struct fk_bench_image {
    char *path; /* relative to the category's folder */
    char *type; /* of defect, or "good" */
    bool defective;
    double score;
} fk_bench_image;

void fk_bench_images_free(fk_bench_image *images, int64_t n);
/* Read a list "scores", as in the JSON of `fleck bench` and `fleck eval`. */
fleck_status fk_bench_images_read(fk_bench_image **out, int64_t *n, const fk_json *list,
                                  fleck_error *err) FLECK_MUST_CHECK;

/* The defective pixels of one type of defect, ranked against the good pixels of all test images. */
typedef struct fk_bench_type {
    char *name;
    double auroc; /* NaN if a class is empty */
} fk_bench_type;

/* The result of a run on a category. */
typedef struct fk_bench_result {
    char *settings; /* fk_bench_run_sum(); results are reused if it is the same */
    char *error;    /* NULL, or why the run failed: its figures are NaN and it has no images */
    int n_panels;
    fk_bench_panel panels[FK_BENCH_PANELS]; /* see fk_bench_panel_path() */
    char *name, *method, *backbone, *precision, *engine, *options, *taps, *resize;
    int64_t width, height, crop_width, crop_height; /* 0: each image keeps its own size */
    int64_t tile, overlap;                          /* 0: not tiled */
    fleck_report report;
    double threshold; /* the model's, for image scores; NaN: none */
    double low, high; /* bootstrap interval of the image ROC-AUC */
    int64_t n;
    fk_bench_image *images;       /* [n] images that could be scored */
    double pixel_low, pixel_high; /* interval of the pixel ROC-AUC, by resampling images */
    int64_t n_curve;              /* up to FK_BIN_CURVE */
    fk_curve_point *curve;        /* [n_curve] of the pixels; at the last point all of them are
                                     positive */
    int64_t n_types;
    fk_bench_type *types; /* [n_types] */
} fk_bench_result;

/* One category.  Valid when zeroed; owned. */
typedef struct fk_bench_category {
    char *name;
    int64_t images;
    /* Number of decodings of images and of masks, and of network passes, in the last call that
     * computed a run. */
    int64_t decoded, masks, passed;
    int n_networks;
    fk_bench_files files;
    int n;
    fk_bench_result *runs;  /* [n] */
    int n_reused, n_failed; /* in this call; not written to the file */
} fk_bench_category;

void fk_bench_category_free(fk_bench_category *c);
void fk_bench_result_free(fk_bench_result *r);
/* Scores and labels [*n] of all images, or, if type is not NULL, of the good images and the
 * defective ones of this type.  The caller frees both, whatever the status. */
fleck_status fk_bench_scores(double **scores, uint8_t **labels, int64_t *n,
                             const fk_bench_result *r, const char *type,
                             fleck_error *err) FLECK_MUST_CHECK;
/* Set every figure to NaN. */
void fk_bench_no_figures(fk_bench_result *r);
/* The path of the run's panel k: out/panels/CATEGORY-SETTINGS-NUMBER.png, where SETTINGS are the
 * first digits of the run's checksum.  out NULL: the relative path that reports use.  Free with
 * fk_free(). */
fleck_status fk_bench_panel_path(char **path, const char *out, const char *category,
                                 const fk_bench_result *r, int k,
                                 fleck_error *err) FLECK_MUST_CHECK;
/* Write a category as JSON, atomically, and read it (docs/reference/formats.md).  Runs without a
 * name are not computed yet and are not written. */
fleck_status fk_bench_category_write(const fk_bench_category *c, const char *path,
                                     fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_bench_category_read(fk_bench_category *out, const char *path,
                                    fleck_error *err) FLECK_MUST_CHECK;
/* Read it from bytes (also for fuzzing); name is for messages. */
fleck_status fk_bench_category_parse(fk_bench_category *out, const char *bytes, size_t size,
                                     const char *name, fleck_error *err) FLECK_MUST_CHECK;

/* ---- One category (category.c) ---- */

/* The progress of a benchmark. */
typedef struct fk_bench_place {
    int64_t category, categories;
    double start;            /* of the whole benchmark, in seconds */
    int64_t computed, cells; /* runs of categories: computed in this call; all */
    int64_t passed;          /* finished, computed or not */
} fk_bench_place;

/* The images of a category, listed once.  Valid when zeroed; owned. */
typedef struct fk_bench_data {
    char *path; /* its folder */
    fk_samples train, test;
    const char **files; /* [n_files] paths of the images of train that are learned */
    int64_t n_files;
    fleck_error error; /* why listing the category failed; status FLECK_OK: it succeeded */
} fk_bench_data;

/* Compute all runs on the category.  Temporary files and pictures go below folder out, and the
 * results are written to file after each run.  Runs that are in `known`, the results of an earlier
 * call, are moved from there.  If a run fails, the fit's warning function is told, and the run has
 * no figures; if all runs fail, the category fails. */
fleck_status fk_bench_category_run(fk_bench_category *c, fk_bench_category *known,
                                   fk_bench_data *data, const char *out, const char *file,
                                   fk_bench_runs *runs, fk_bench_feeds *feeds,
                                   const fleck_bench_settings *s, fk_bench_place *place,
                                   fleck_error *err) FLECK_MUST_CHECK;

/* ---- Reports (report/) ---- */

/* The contents of the reports: all finished categories, in order. */
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

/* ---- The whole benchmark (bench.c) ---- */

fleck_status fk_bench(const char *root, const char *out, const fleck_bench_settings *s,
                      fleck_bench_summary *summary, fleck_error *err) FLECK_MUST_CHECK;

#endif
