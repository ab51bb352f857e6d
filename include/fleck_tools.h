/* fleck's tools: evaluation, benchmarks, panels, samples, lists of images and outputs, for programs
 * that do what the command-line tool does.  Contracts are as in fleck.h. */
#ifndef FLECK_TOOLS_H
#define FLECK_TOOLS_H

#include "fleck.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Outputs ----------------------------------------------------------------------- */

/* Every file is written whole or not at all: it has no name before it is whole, so that nothing is
 * left of one that was begun, however the process ends.  A link is followed, an existing file's
 * mode kept. */

/* Whether path could be written now, asked without a trace: a folder that is missing or closed, a
 * device, a folder in its place, a file that may not be written. */
FLECK_API fleck_status fleck_output_check(const char *path, fleck_error *err) FLECK_MUST_CHECK;

/* What a page of results begins with, so that it is known for one. */
#define FLECK_PAGE_HEAD "<!doctype html>\n<!-- fleck predict -->\n"

typedef enum fleck_output_kind {
    FLECK_OUTPUT_MODEL,
    FLECK_OUTPUT_PICTURE, /* a heat map or panel */
    FLECK_OUTPUT_MAP,     /* .tiff or .npy */
    FLECK_OUTPUT_SCORES,  /* CSV of fleck eval --scores */
    FLECK_OUTPUT_RESULTS, /* of fleck predict --csv */
    FLECK_OUTPUT_REGIONS, /* the second of these */
    FLECK_OUTPUT_PAGE,    /* of fleck predict --html: begins with FLECK_PAGE_HEAD */
    FLECK_OUTPUT_COPY     /* of image: has its bytes */
} fleck_output_kind;
/* Whether writing path destroys nothing: nothing is there, or an empty file, or what fleck wrote of
 * this kind, of this image (NULL: any).  any: whatever is there may go, but the image itself.
 *   FLECK_E_STATE  something else is there, or the image itself */
FLECK_API fleck_status fleck_output_replace(const char *path, fleck_output_kind kind,
                                            const char *image, bool any,
                                            fleck_error *err) FLECK_MUST_CHECK;

/* A name below an output folder for what is made of image, ending in `ending` (".png"): the image's
 * path as it is given, "." and doubled slashes left out, "%up" for "..", "%root" in front of an
 * absolute one, "%25" for a "%" that begins a part.  Two paths have two names, whatever else is
 * written; parts that would be longer than a name can be end in a sum.  Free with fleck_free(). */
FLECK_API fleck_status fleck_output_name(char **out, const char *image, const char *ending,
                                         fleck_error *err) FLECK_MUST_CHECK;

/* Copy a file, whole or not at all, whatever its size.
 *   FLECK_E_STATE  both are one file
 *   FLECK_E_IO     `from` changed meanwhile; as fleck_output_check() of `to` */
FLECK_API fleck_status fleck_file_copy(const char *from, const char *to,
                                       fleck_error *err) FLECK_MUST_CHECK;

/* Write a whole file in one go. */
FLECK_API fleck_status fleck_file_write(const char *path, const void *bytes, size_t size,
                                        fleck_error *err) FLECK_MUST_CHECK;

/* ---- Evaluation -------------------------------------------------------------------- */

typedef enum fleck_protocol {
    FLECK_PROTOCOL_PAPER,   /* at the crop's size; masks resized nearest and cropped */
    FLECK_PROTOCOL_ORIGINAL /* at each image's own size */
} fleck_protocol;

typedef struct fleck_ranking {
    double auroc, ap, f1max, f1max_threshold; /* NaN where a class is empty */
} fleck_ranking;

typedef struct fleck_report {
    int64_t train, good, defective; /* images; train 0 where unknown */
    int64_t failed;                 /* images that could not be read, left out of every figure */
    fleck_ranking image;
    bool has_pixel; /* masks were there */
    fleck_ranking pixel;
    double pro; /* area under PRO up to FPR 0.3, divided by 0.3 */
    /* F1 of the pixels that pictures outline; pixel.f1max is what one threshold for all images
     * could reach. NaN without masks, pixel threshold or (maps from files) model */
    double outline_f1;
    int64_t regions;                                         /* 8-connected defects in all masks */
    int64_t above_threshold_good, above_threshold_defective; /* verdicts at the model's threshold */
    fleck_times seconds;
    char category[256];
    /* Why figures of images, of pixels are NaN or not there; "" where they are. */
    char image_undefined[128], pixel_undefined[128];
    int64_t passed;        /* images in the test folders that are not among the above ... */
    char passed_text[256]; /* ... and which: "5 in sub/ (--recursive), 1 WebP" */
} fleck_report;

/* A test image; valid during the call that it is given to. */
typedef struct fleck_sample {
    const char *path, *mask; /* mask NULL: none */
    const char *type;        /* of defect, as its folder is called; "good" */
    bool defective;
} fleck_sample;

/* As fleck_on_result, of test image i. */
typedef fleck_status fleck_on_sample(void *ctx, int64_t i, const fleck_sample *sample,
                                     const fleck_result *result, const fleck_error *error);

typedef struct fleck_eval_settings {
    fleck_protocol protocol;
    double pro_limit;           /* 0.3 */
    fleck_on_sample *on_result; /* NULL: none; sees every image */
    void *on_result_ctx;
    bool keep_image; /* for on_result */
    fleck_progress *progress;
    void *progress_ctx;
    fleck_warning *warning; /* NULL: none */
    void *warning_ctx;
    const char
        *output; /* a file that is to be written of the results: where it is an image or mask of the
                           data, FLECK_E_STATE before any work; NULL: none */
    const char
        *scratch; /* folder for temporary files without a name, where the pixels of maps wait for
                            the figures beyond 64 MiB of them; NULL: they wait in memory */
    const char *good; /* name of the folder in test with the good images, or several with commas,
                         "none" where there is none; NULL: good, ok, normal, pass, ...
                         (docs/reference/formats.md) */
    bool recursive;   /* sub-folders of the types' folders are searched as well */
} fleck_eval_settings;
FLECK_API fleck_eval_settings fleck_eval_defaults(void);

/* Score the test images of path (MVTec layout or CSV) and measure. */
FLECK_API fleck_status fleck_evaluate(fleck_model *model, const char *path,
                                      const fleck_eval_settings *settings, fleck_report *out,
                                      fleck_error *err) FLECK_MUST_CHECK;

typedef struct fleck_metrics_settings {
    fleck_protocol protocol;
    int64_t width, height;           /* PAPER: masks are resized (nearest) to this: 256 x 256 */
    int64_t crop_width, crop_height; /* then cropped to this: 224 x 224; 0: not cropped */
    double pro_limit;                /* 0.3 */
    int threads;                     /* 0: one for each processor */
    fleck_progress *progress;        /* NULL: none */
    void *progress_ctx;
    fleck_warning *warning; /* NULL: none */
    void *warning_ctx;
    const char *scratch; /* as in fleck_eval_settings */
    const char *good;    /* as in fleck_eval_settings */
    bool recursive;      /* as in fleck_eval_settings */
    int64_t max_pixels;  /* of an image: a larger one is refused; 0: 2^28 */
} fleck_metrics_settings;
FLECK_API fleck_metrics_settings fleck_metrics_defaults(void);

/* Measure maps that some tool wrote: maps_dir/<type>/<stem>.tiff|.tif|.npy, with or without a
 * folder test/ in between, <stem> with or without the image's own ending, or a name that
 * fleck_output_name() gives; for every test image of path.  With protocol ORIGINAL a map has its
 * image's own size, with PAPER the crop's.  The score of an image is the maximum of its map. */
FLECK_API fleck_status fleck_metrics(const char *maps_dir, const char *path,
                                     const fleck_metrics_settings *settings, fleck_report *out,
                                     fleck_error *err) FLECK_MUST_CHECK;

/* ---- Benchmarks -------------------------------------------------------------------- */

/* Where a benchmark stands when a run begins: run i_run of n_runs (from 0) on category i_category
 * of n_categories.  seconds_left, for all that is still to do, is an estimate; NaN before the first
 * run has ended. */
typedef struct fleck_bench_place {
    const char *category, *run;
    int64_t i_category, n_categories;
    int i_run, n_runs;
    double seconds_left;
} fleck_bench_place;

/* Several methods, networks and options over every category of a data set.  Start from
 * fleck_bench_defaults(). */
typedef struct fleck_bench_settings {
    /* "METHOD[@BACKBONE][:NAME=VALUE,...]", ended by NULL; names are the method's options and
     * those of fleck_fit_setting() that say `run`; k sets SPADE's k-image and k-pixel */
    const char *const *runs;
    const char *const *backbones;  /* for runs that name none; NULL: fit.backbone */
    const char *preset;            /* further runs: "report", "papers"; NULL: none */
    const char *const *categories; /* names of those wanted; NULL: all */
    fleck_fit_settings fit;        /* what the runs share; its method and options are not used */
    fleck_protocol protocol;
    double pro_limit;  /* 0.3 */
    int64_t resamples; /* of the bootstrap: 2000 */
    uint64_t seed;     /* of the bootstrap: 1 */
    int64_t memory;    /* bytes of images and features kept in memory, beyond it in a file: 1 GiB */
    const char *command; /* written into the report; NULL: none */
    /* Told of each category when it is done: reused says that it was done before, error why it
     * failed (NULL: it did not). */
    void (*on_category)(void *ctx, const char *category, bool reused, const fleck_error *error);
    void *on_category_ctx;
    /* Told before each run that is computed; NULL: nobody. */
    void (*on_run)(void *ctx, const fleck_bench_place *place);
    void *on_run_ctx;
} fleck_bench_settings;
FLECK_API fleck_bench_settings fleck_bench_defaults(void);

typedef struct fleck_bench_summary {
    int64_t categories, reused, failed; /* found; done before; not done */
    int64_t unread;                     /* test images that could not be scored, over all runs */
    char *text;                         /* the tables, for a terminal; fleck_free() */
    int64_t runs_computed, runs_reused; /* of categories that did not fail */
    int64_t runs_failed;                /* likewise: they have no figures */
} fleck_bench_summary;

/* Do every run on every category (MVTec layout) below root, and write into the folder out:
 * CATEGORY.json for each, and from these report.md, report.csv and report.html.  A run of a
 * category that is done is not done again while the bytes of its images, masks and weights, its
 * settings and fleck's version are the same; other runs may come and go.  Each image is decoded
 * once, and passed once through each network for each preprocessing, whatever the number of runs.
 *
 * A run that fails on a category has no figures there: it is counted, and told to fit.warning.  A
 * category that fails as a whole is counted, told to on_category, and left out of the report; the
 * call succeeds.
 *   FLECK_E_OPTION    a run, preset or category that is not there; no run; two runs that are the
 *                     same
 *   FLECK_E_NOTFOUND  no category below root; weights that are not installed
 *   FLECK_E_STATE     out holds files, but no earlier benchmark; another benchmark writes into
 *                     it */
FLECK_API fleck_status fleck_bench(const char *root, const char *out,
                                   const fleck_bench_settings *settings,
                                   fleck_bench_summary *summary, fleck_error *err) FLECK_MUST_CHECK;

typedef struct fleck_compare_settings {
    int64_t resamples;        /* of the bootstrap: 10000 */
    uint64_t seed;            /* 1 */
    double level;             /* of the interval: 0.95 */
    fleck_progress *progress; /* NULL: none */
    void *progress_ctx;
} fleck_compare_settings;
FLECK_API fleck_compare_settings fleck_compare_defaults(void);

/* Two runs' image ROC-AUCs on the same images. */
typedef struct fleck_comparison {
    int64_t good, defective;
    double a, b, difference; /* b - a */
    double low,
        high; /* interval of the difference, by a paired bootstrap of the images, good and defective
                                apart */
    double bootstrap_p; /* two-sided: that they do not differ */
    double se, z,
        p; /* DeLong, DeLong and Clarke-Pearson 1988: standard error, its quotient, two-sided p */
} fleck_comparison;

/* Compare the scores in two files that `fleck eval --json` or `fleck bench` wrote.  a_run and
 * b_run: name or number of a benchmark's run; NULL where the file has one only.  settings NULL: the
 * defaults.
 *   FLECK_E_OPTION  no such run; says which there are
 *   FLECK_E_SHAPE   the images differ; names the first that is in one only, or has two labels
 *   FLECK_E_FORMAT  not such a file; fewer than two good or two defective images */
FLECK_API fleck_status fleck_compare(const char *a, const char *a_run, const char *b,
                                     const char *b_run, const fleck_compare_settings *settings,
                                     fleck_comparison *out, fleck_error *err) FLECK_MUST_CHECK;

/* ---- Pictures and samples ---------------------------------------------------------- */

/* One column of a panel beside image and ground truth: a model and its caption. */
typedef struct fleck_panel_column {
    fleck_model *model;
    const char *caption;
} fleck_panel_column;
/* Write a PNG, which says that fleck drew it: image | ground truth | heat map of each model,
 * captions below, each picture tile pixels high.  mask NULL: the ground truth column says
 * "none". */
FLECK_API fleck_status fleck_panel(const char *out_path, const char *image, const char *mask,
                                   const fleck_panel_column *columns, int n, int64_t tile,
                                   fleck_error *err) FLECK_MUST_CHECK;

/* Write a deterministic, licence-free sample category in MVTec AD layout under folder. */
typedef struct fleck_synth_settings {
    int64_t width, height;          /* 256 x 256 */
    int64_t train, good, defective; /* 60, 20, and 10 for each type of defect */
    uint64_t seed;                  /* 1 */
} fleck_synth_settings;
FLECK_API fleck_synth_settings fleck_synth_defaults(void);
FLECK_API fleck_status fleck_synth(const char *folder, const fleck_synth_settings *settings,
                                   fleck_error *err) FLECK_MUST_CHECK;

/* ---- Lists of images --------------------------------------------------------------- */

/* Image files found in folders, and what was passed over there. */
typedef struct fleck_images fleck_images;

/* An empty list.  recursive: folders are searched with all below them. */
FLECK_API fleck_status fleck_images_open(fleck_images **out, bool recursive,
                                         fleck_error *err) FLECK_MUST_CHECK;
FLECK_API void fleck_images_close(fleck_images **images);
/* Folder is written into: no later fleck_images_add() searches it.  It may be absent. */
FLECK_API fleck_status fleck_images_leave_out(fleck_images *images, const char *folder,
                                              fleck_error *err) FLECK_MUST_CHECK;
/* Add a file, whatever it is, or the images of a folder in natural order of their names.  A file
 * whose name ends in .png .jpg .jpeg .jpe .jfif .tif .tiff .bmp .dib .pnm .pgm .ppm or .pbm is an
 * image; of another its first bytes decide.  A link that leads nowhere and a file that cannot be
 * opened stay in the list: scoring them says why they fail.  Each folder is searched once, however
 * many links lead to it.
 *   FLECK_E_NOTFOUND  the folder holds no image; says what it holds
 *   FLECK_E_IO        the folder cannot be listed */
FLECK_API fleck_status fleck_images_add(fleck_images *images, const char *path,
                                        fleck_error *err) FLECK_MUST_CHECK;
FLECK_API int64_t fleck_images_count(const fleck_images *images);
/* Path i, 0 <= i < count; NULL beyond.  Valid until the list changes. */
FLECK_API const char *fleck_images_path(const fleck_images *images, int64_t i);
/* Folders below the given ones that could not be listed, and a message for each: what lies in them
 * is missing in the list. */
FLECK_API int64_t fleck_images_broken_count(const fleck_images *images);
FLECK_API const char *fleck_images_broken(const fleck_images *images, int64_t i);
/* What was passed over: the number of images among it, and a line for a person, as
 * "5 in sub/ (--recursive), 1 WebP, 2 other files"; "" where nothing was.  fleck_free(*text). */
FLECK_API fleck_status fleck_images_passed(const fleck_images *images, int64_t *count, char **text,
                                           fleck_error *err) FLECK_MUST_CHECK;

/* Whether path's name ends as an image file that fleck reads. */
FLECK_API bool fleck_is_image_name(const char *path);

#ifdef __cplusplus
}
#endif
#endif
