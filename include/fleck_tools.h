/* SPDX-License-Identifier: Apache-2.0 */
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
 * device, a folder in its place, a file that may not be written.
 *   FLECK_E_NOTFOUND  there is no such folder
 *   FLECK_E_IO        it could not be written */
FLECK_API fleck_status fleck_output_check(const char *path, fleck_error *err) FLECK_MUST_CHECK;

/* What a page of results begins with, so that it is known for one. */
#define FLECK_PAGE_HEAD "<!doctype html>\n<!-- fleck predict -->\n"

typedef enum fleck_output_kind {
    FLECK_OUTPUT_MODEL,
    /* A heat map or panel. */
    FLECK_OUTPUT_PICTURE,
    /* .tiff or .npy */
    FLECK_OUTPUT_MAP,
    /* CSV of fleck eval --scores. */
    FLECK_OUTPUT_SCORES,
    /* Of fleck predict --csv, and the second file of these. */
    FLECK_OUTPUT_RESULTS,
    FLECK_OUTPUT_REGIONS,
    /* Of fleck predict --html: begins with FLECK_PAGE_HEAD. */
    FLECK_OUTPUT_PAGE,
    /* Of image: has its bytes. */
    FLECK_OUTPUT_COPY
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
 * written; parts that would be longer than a name can be end in a sum.  fleck_free(*out). */
FLECK_API fleck_status fleck_output_name(char **out, const char *image, const char *ending,
                                         fleck_error *err) FLECK_MUST_CHECK;

/* Copy a file, whole or not at all, whatever its size.
 *   FLECK_E_STATE  both are one file
 *   FLECK_E_IO     `from` changed meanwhile; as fleck_output_check() of `to` */
FLECK_API fleck_status fleck_file_copy(const char *from, const char *to,
                                       fleck_error *err) FLECK_MUST_CHECK;
/* The same, telling of bytes in stage "write"; progress may be NULL.  FLECK_E_CANCELLED as well. */
FLECK_API fleck_status fleck_file_copy_with(const char *from, const char *to,
                                            fleck_progress *progress, void *progress_ctx,
                                            fleck_error *err) FLECK_MUST_CHECK;

/* Write a whole file in one go.
 *   FLECK_E_NOTFOUND, FLECK_E_IO  as fleck_output_check() */
FLECK_API fleck_status fleck_file_write(const char *path, const void *bytes, size_t size,
                                        fleck_error *err) FLECK_MUST_CHECK;

/* ---- Evaluation -------------------------------------------------------------------- */

typedef enum fleck_protocol {
    /* At the crop's size; masks are resized nearest and cropped. */
    FLECK_PROTOCOL_PAPER,
    /* At each image's own size. */
    FLECK_PROTOCOL_ORIGINAL
} fleck_protocol;

/* NaN where a class is empty. */
typedef struct fleck_ranking {
    double auroc, ap, f1max, f1max_threshold;
} fleck_ranking;

/* What an evaluation measured. */
typedef struct fleck_report {
    /* Images; train 0 where unknown. */
    int64_t train, good, defective;
    /* Images that could not be read, left out of every figure. */
    int64_t failed;
    fleck_ranking image;
    /* Masks were there. */
    bool has_pixel;
    fleck_ranking pixel;
    /* Area under PRO up to FPR 0.3, divided by 0.3. */
    double pro;
    /* F1 of the pixels that pictures outline; pixel.f1max is what one threshold for all images
     * could reach.  NaN without masks, pixel threshold or (maps from files) model. */
    double outline_f1;
    /* 8-connected defects in all masks. */
    int64_t regions;
    /* Verdicts at the model's threshold. */
    int64_t above_threshold_good, above_threshold_defective;
    fleck_times seconds;
    char category[256];
    /* Why figures of images, of pixels are NaN or not there; "" where they are. */
    char image_undefined[128], pixel_undefined[128];
    /* Images in the test folders that are not among the above, and which they are: "5 in sub/
     * (--recursive), 1 WebP". */
    int64_t passed;
    char passed_text[256];
} fleck_report;

/* A test image; valid during the call that it is given to. */
typedef struct fleck_sample {
    /* mask NULL: none. */
    const char *path, *mask;
    /* Of defect, as its folder is called; "good". */
    const char *type;
    bool defective;
} fleck_sample;

/* As fleck_on_result, of test image i. */
typedef fleck_status fleck_on_sample(void *ctx, int64_t i, const fleck_sample *sample,
                                     const fleck_result *result, const fleck_error *error);

typedef struct fleck_eval_settings {
    /* As fleck_eval_defaults() wrote it. */
    size_t size;
    /* FLECK_PROTOCOL_PAPER */
    fleck_protocol protocol;
    /* 0.3 */
    double pro_limit;
    /* Sees every image, which has its pixels where keep_image says so; NULL: none. */
    fleck_on_sample *on_result;
    void *on_result_ctx;
    bool keep_image;
    /* NULL: none. */
    fleck_progress *progress;
    void *progress_ctx;
    fleck_warning *warning;
    void *warning_ctx;
    /* A file that is to be written of the results: where it is an image or mask of the data,
     * FLECK_E_STATE before any work; NULL: none. */
    const char *output;
    /* Folder for temporary files without a name, where the pixels of maps wait for the figures
     * beyond 64 MiB of them; NULL: they wait in memory. */
    const char *scratch;
    /* Name of the folder in test with the good images, or several with commas, "none" where there
     * is none; NULL: good, ok, normal, pass, ... (docs/reference/formats.md) */
    const char *good;
    /* Sub-folders of the types' folders are searched as well. */
    bool recursive;
} fleck_eval_settings;
/* Write the defaults; size is sizeof *settings. */
FLECK_API void fleck_eval_defaults(fleck_eval_settings *settings, size_t size);

/* Score the test images of path (MVTec layout or CSV) and measure.  fleck_free(*out).
 *   FLECK_E_NOTFOUND  no such path, or no test image in it
 *   FLECK_E_IO, FLECK_E_FORMAT  the list of images, or a mask, cannot be read; an image that
 *                     cannot is counted in `failed`
 *   FLECK_E_SHAPE     a mask of another size than its image
 *   FLECK_E_STATE     output is an image or mask; the model's file has changed
 *   FLECK_E_CANCELLED progress or on_result said so; other statuses that on_result returns */
FLECK_API fleck_status fleck_evaluate(fleck_model *model, const char *path,
                                      const fleck_eval_settings *settings, fleck_report **out,
                                      fleck_error *err) FLECK_MUST_CHECK;

typedef struct fleck_metrics_settings {
    /* As fleck_metrics_defaults() wrote it. */
    size_t size;
    /* FLECK_PROTOCOL_ORIGINAL */
    fleck_protocol protocol;
    /* PAPER: masks are resized (nearest) to this: 256 x 256. */
    int64_t width, height;
    /* Then cropped to this: 224 x 224; 0: not cropped. */
    int64_t crop_width, crop_height;
    /* 0.3 */
    double pro_limit;
    /* 0: one for each processor. */
    int threads;
    /* NULL: none. */
    fleck_progress *progress;
    void *progress_ctx;
    fleck_warning *warning;
    void *warning_ctx;
    /* As in fleck_eval_settings. */
    const char *scratch;
    const char *good;
    bool recursive;
    /* Of an image: a larger one is refused; 0: 2^28. */
    int64_t max_pixels;
} fleck_metrics_settings;
/* Write the defaults; size is sizeof *settings. */
FLECK_API void fleck_metrics_defaults(fleck_metrics_settings *settings, size_t size);

/* Measure maps that some tool wrote: maps_dir/<type>/<stem>.tiff|.tif|.npy, with or without a
 * folder test/ in between, <stem> with or without the image's own ending, or a name that
 * fleck_output_name() gives; for every test image of path.  With protocol ORIGINAL a map has its
 * image's own size, with PAPER the crop's.  The score of an image is the maximum of its map.
 *   FLECK_E_NOTFOUND  no such path, no test image in it, or an image without a map
 *   FLECK_E_IO, FLECK_E_FORMAT, FLECK_E_UNSUPPORTED  a map or mask cannot be read
 *   FLECK_E_SHAPE     a map or mask of another size
 *   FLECK_E_CANCELLED progress said so
 * fleck_free(*out). */
FLECK_API fleck_status fleck_metrics(const char *maps_dir, const char *path,
                                     const fleck_metrics_settings *settings, fleck_report **out,
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

/* Several methods, networks and options over every category of a data set. */
typedef struct fleck_bench_settings {
    /* As fleck_bench_defaults() wrote it. */
    size_t size;
    /* "METHOD[@BACKBONE][:NAME=VALUE,...]", ended by NULL; names are the method's options and those
     * of fleck_setting_at() that say `run`; k sets SPADE's k-image and k-pixel. */
    const char *const *runs;
    /* For runs that name none; NULL: that of fit. */
    const char *const *backbones;
    /* Further runs: "report", "papers"; NULL: none. */
    const char *preset;
    /* Names of those wanted; NULL: all. */
    const char *const *categories;
    /* What the runs share, and progress and warnings of the whole; its method and options are not
     * used.  NULL: the defaults. */
    const fleck_settings *fit;
    /* FLECK_PROTOCOL_PAPER */
    fleck_protocol protocol;
    /* 0.3 */
    double pro_limit;
    /* Of the bootstrap: 2000 from seed 1. */
    int64_t resamples;
    uint64_t seed;
    /* Bytes of images and features kept in memory, beyond it in a file: 1 GiB. */
    int64_t memory;
    /* Written into the report; NULL: none. */
    const char *command;
    /* Told of each category when it is done: reused says that it was done before, error why it
     * failed (NULL: it did not). */
    void (*on_category)(void *ctx, const char *category, bool reused, const fleck_error *error);
    void *on_category_ctx;
    /* Told before each run that is computed; NULL: nobody. */
    void (*on_run)(void *ctx, const fleck_bench_place *place);
    void *on_run_ctx;
} fleck_bench_settings;
/* Write the defaults; size is sizeof *settings. */
FLECK_API void fleck_bench_defaults(fleck_bench_settings *settings, size_t size);

typedef struct fleck_bench_summary {
    /* Found; done before; not done. */
    int64_t categories, reused, failed;
    /* Test images that could not be scored, over all runs. */
    int64_t unread;
    /* The tables, for a terminal. */
    const char *text;
    /* Of categories that did not fail; runs_failed have no figures. */
    int64_t runs_computed, runs_reused, runs_failed;
} fleck_bench_summary;

/* Do every run on every category (MVTec layout) below root, and write into the folder out:
 * CATEGORY.json for each, and from these report.md, report.csv and report.html.  A run of a
 * category that is done is not done again while the bytes of its images, masks and weights, its
 * settings and fleck's version are the same; other runs may come and go.  Each image is decoded
 * once, and passed once through each network for each preprocessing, whatever the number of runs.
 *
 * A run that fails on a category has no figures there: it is counted, and told to fit's warning
 * function.  A category that fails as a whole is counted, told to on_category, and left out of the
 * report; the call succeeds.  fleck_free(*summary).
 *   FLECK_E_OPTION    a run, preset or category that is not there; no run; two runs that are the
 *                     same
 *   FLECK_E_NOTFOUND  no category below root; weights that are not installed
 *   FLECK_E_STATE     out holds files, but no earlier benchmark; another benchmark writes into it
 *   FLECK_E_IO        the system refuses to read root or to write into out
 *   FLECK_E_CANCELLED progress said so */
FLECK_API fleck_status fleck_bench(const char *root, const char *out,
                                   const fleck_bench_settings *settings,
                                   fleck_bench_summary **summary,
                                   fleck_error *err) FLECK_MUST_CHECK;

typedef struct fleck_compare_settings {
    /* As fleck_compare_defaults() wrote it. */
    size_t size;
    /* Of the bootstrap: 10000 from seed 1. */
    int64_t resamples;
    uint64_t seed;
    /* Of the interval: 0.95. */
    double level;
    /* NULL: none. */
    fleck_progress *progress;
    void *progress_ctx;
} fleck_compare_settings;
/* Write the defaults; size is sizeof *settings. */
FLECK_API void fleck_compare_defaults(fleck_compare_settings *settings, size_t size);

/* Two runs' image ROC-AUCs on the same images. */
typedef struct fleck_comparison {
    int64_t good, defective;
    /* difference is b - a. */
    double a, b, difference;
    /* Interval of the difference, by a paired bootstrap of the images, good and defective apart. */
    double low, high;
    /* Two-sided: that they do not differ. */
    double bootstrap_p;
    /* DeLong, DeLong and Clarke-Pearson 1988: standard error, its quotient, two-sided p. */
    double se, z, p;
} fleck_comparison;

/* Compare the scores in two files that `fleck eval --json` or `fleck bench` wrote.  a_run and
 * b_run: name or number of a benchmark's run; NULL where the file has one only.  fleck_free(*out).
 *   FLECK_E_OPTION  no such run; says which there are
 *   FLECK_E_SHAPE   the images differ; names the first that is in one only, or has two labels
 *   FLECK_E_FORMAT  not such a file; fewer than two good or two defective images
 *   FLECK_E_NOTFOUND, FLECK_E_IO  a file cannot be read
 *   FLECK_E_CANCELLED  progress said so */
FLECK_API fleck_status fleck_compare(const char *a, const char *a_run, const char *b,
                                     const char *b_run, const fleck_compare_settings *settings,
                                     fleck_comparison **out, fleck_error *err) FLECK_MUST_CHECK;

/* ---- Pictures and samples ---------------------------------------------------------- */

/* One column of a panel beside image and ground truth: a model and its caption. */
typedef struct fleck_panel_column {
    fleck_model *model;
    const char *caption;
} fleck_panel_column;
/* Write a PNG, which says that fleck drew it: image | ground truth | heat map of each model,
 * captions below, each picture tile pixels high.  mask NULL: the ground truth column says
 * "none".  Progress is that of the models.
 *   FLECK_E_SHAPE      the mask is of another size
 *   FLECK_E_STATE      out_path is the image or the mask; a model's file has changed
 *   FLECK_E_IO         out_path cannot be written
 *   else               as fleck_score_file() */
FLECK_API fleck_status fleck_panel(const char *out_path, const char *image, const char *mask,
                                   const fleck_panel_column *columns, int n, int64_t tile,
                                   fleck_error *err) FLECK_MUST_CHECK;

typedef struct fleck_synth_settings {
    /* As fleck_synth_defaults() wrote it. */
    size_t size;
    /* 256 x 256 */
    int64_t width, height;
    /* 60, 20, and 10 for each type of defect. */
    int64_t train, good, defective;
    /* 1 */
    uint64_t seed;
    /* Told of images; NULL: none. */
    fleck_progress *progress;
    void *progress_ctx;
} fleck_synth_settings;
/* Write the defaults; size is sizeof *settings. */
FLECK_API void fleck_synth_defaults(fleck_synth_settings *settings, size_t size);
/* Write a deterministic, licence-free sample category in MVTec AD layout under folder.
 *   FLECK_E_OPTION  a size or number out of range; folder is neither new nor empty
 *   FLECK_E_IO      it cannot be made or written into
 *   FLECK_E_CANCELLED  progress said so; the images so far stay */
FLECK_API fleck_status fleck_synth(const char *folder, const fleck_synth_settings *settings,
                                   fleck_error *err) FLECK_MUST_CHECK;

/* ---- Lists of images --------------------------------------------------------------- */

/* Image files found in folders, and what was passed over there. */
typedef struct fleck_images fleck_images;

/* An empty list.  recursive: folders are searched with all below them. */
FLECK_API fleck_status fleck_images_open(fleck_images **out, bool recursive,
                                         fleck_error *err) FLECK_MUST_CHECK;
FLECK_API void fleck_images_close(fleck_images **images);
/* A function that fleck_images_add() tells of entries of folders, in stage "list"; NULL: none. */
FLECK_API void fleck_images_set_progress(fleck_images *images, fleck_progress *progress, void *ctx);
/* Folder is written into: no later fleck_images_add() searches it.  It may be absent. */
FLECK_API fleck_status fleck_images_leave_out(fleck_images *images, const char *folder,
                                              fleck_error *err) FLECK_MUST_CHECK;
/* Add a file, whatever it is, or the images of a folder in natural order of their names.  A file
 * whose name ends in .png .jpg .jpeg .jpe .jfif .tif .tiff .bmp .dib .pnm .pgm .ppm or .pbm is an
 * image; of another its first bytes decide.  A link that leads nowhere and a file that cannot be
 * opened stay in the list: scoring them says why they fail.  Each folder is searched once, however
 * many links lead to it.
 *   FLECK_E_NOTFOUND  the folder holds no image; says what it holds
 *   FLECK_E_IO        the folder cannot be listed
 *   FLECK_E_CANCELLED progress said so; what was found so far stays in the list */
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
