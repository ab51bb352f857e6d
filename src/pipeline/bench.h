/* The benchmark: several runs over every category of a data set, and what its reports are made from. */
#ifndef FK_PIPELINE_BENCH_H
#define FK_PIPELINE_BENCH_H

#include "metric/bins.h"
#include "pipeline/feed.h"
#include "pipeline/fit.h"

/* ---- Runs (bench_runs.c) ---- */

/* One method with its network and options.  Text is owned by the list. */
typedef struct fk_bench_run {
    char *name;             /* "spade@wide_resnet50_2:k=10" */
    fleck_fit_settings fit; /* whole */
} fk_bench_run;

/* Valid when zeroed; owned. */
typedef struct fk_bench_runs {
    fk_bench_run *items;
    int n;
    fk_names text;        /* what items' settings point to */
    const char **options; /* [n_options] lists of options one behind another, each ended by NULL */
} fk_bench_runs;

/* The runs that s names: METHOD[@BACKBONE][:NAME=VALUE,...] each, on each of s->backbones where a run names
 * none of its own, and those of the preset.  FLECK_E_OPTION says what is wrong with which. */
fleck_status fk_bench_runs_read(fk_bench_runs *out, const fleck_bench_settings *s,
                                fleck_error *err) FLECK_MUST_CHECK;
void fk_bench_runs_free(fk_bench_runs *r);

/* ---- Networks shared by runs (bench_feeds.c) ---- */

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

/* ---- Results (bench_result.c) ---- */

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
    char *name, *method, *backbone, *precision, *engine, *options, *taps, *resize;
    int64_t width, height, crop_width, crop_height; /* 0: each image keeps its own size */
    int64_t tile, overlap;                          /* 0: the crop passes whole */
    fleck_report report;
    double low, high; /* bootstrap interval of the image ROC-AUC */
    int64_t n;
    fk_bench_image *images;       /* [n] that could be scored */
    double pixel_low, pixel_high; /* of the pixel ROC-AUC, over draws of images */
    int64_t n_curve;              /* up to FK_BIN_CURVE */
    fk_curve_point *curve;        /* [n_curve] of the pixels; the last calls all of them */
    int64_t n_types;
    fk_bench_type *types; /* [n_types] */
} fk_bench_result;

#define FK_BENCH_PANELS 3

/* One category.  Valid when zeroed; owned. */
typedef struct fk_bench_category {
    char *name, *settings;           /* settings: SHA-256 of everything that decides the figures */
    int64_t images, decoded, passed; /* images; decodings and network passes that were made */
    int n_networks;
    int n_panels;
    char *panels[FK_BENCH_PANELS]; /* captions; the picture is panels/NAME-NUMBER.png */
    int n;
    fk_bench_result *runs; /* [n] */
} fk_bench_category;

void fk_bench_category_free(fk_bench_category *c);
/* Write as JSON, whole or not at all; and back (docs/FORMATS.md). */
fleck_status fk_bench_category_write(const fk_bench_category *c, const char *path,
                                     fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_bench_category_read(fk_bench_category *out, const char *path,
                                    fleck_error *err) FLECK_MUST_CHECK;
/* The same from bytes (fuzzing); name stands in messages. */
fleck_status fk_bench_category_parse(fk_bench_category *out, const char *bytes, size_t size,
                                     const char *name, fleck_error *err) FLECK_MUST_CHECK;

/* ---- One category (bench_category.c) ---- */

/* Do all runs on the category at path; spill and pictures go below folder out. */
fleck_status fk_bench_category_run(fk_bench_category *c, const char *path, const char *out,
                                   const fk_bench_runs *runs, fk_bench_feeds *feeds,
                                   const fleck_bench_settings *s,
                                   fleck_error *err) FLECK_MUST_CHECK;

/* ---- Reports (bench_tables.c, bench_html.c) ---- */

/* All finished categories, in order. */
typedef struct fk_bench_book {
    const char *root, *out, *command; /* command may be NULL */
    int64_t n;
    const fk_bench_category *categories;
    int n_failed;
    char *const *failed; /* "category: why" */
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
