/* SPDX-License-Identifier: Apache-2.0 */
/* fleck: learn what good parts look like, then find and outline defects.
 *
 * Public interface.  Everything here is prefixed fleck_; nothing else is exported. */
#ifndef FLECK_H
#define FLECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define FLECK_MUST_CHECK __attribute__((warn_unused_result))
#define FLECK_API __attribute__((visibility("default")))
#define FLECK_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define FLECK_MUST_CHECK
#define FLECK_API
#define FLECK_PRINTF(f, a)
#endif

/* ---- Version ----------------------------------------------------------------------- */

/* The version of this header; fleck_version() returns that of the library in use.  Before 1.0, a
 * new minor version may change types and functions; it then has another library name and symbol
 * version (libfleck.so.0.1, FLECK_0.1).  From 1.0 on, only a new major version does. */
#define FLECK_VERSION "0.1.0"
#define FLECK_VERSION_MAJOR 0
#define FLECK_VERSION_MINOR 1
#define FLECK_VERSION_PATCH 0
/* The version as a number, for comparisons: 0.1.0 is 100. */
#define FLECK_VERSION_NUMBER                                                                       \
    (FLECK_VERSION_MAJOR * 10000 + FLECK_VERSION_MINOR * 100 + FLECK_VERSION_PATCH)

/* ---- Status and message ------------------------------------------------------------ */

/* Why a call failed.  Zero is success; the values are stable across versions. */
typedef enum fleck_status {
    FLECK_OK = 0,
    /* Out of memory, or a size overflows. */
    FLECK_E_NOMEM = 1,
    /* The system refused to read or write a file. */
    FLECK_E_IO = 2,
    /* The bytes of a file are not what its format demands. */
    FLECK_E_FORMAT = 3,
    /* Valid, but of a kind that fleck does not read or run. */
    FLECK_E_UNSUPPORTED = 4,
    /* The sizes of two things do not match. */
    FLECK_E_SHAPE = 5,
    /* An option or argument is unknown or out of range. */
    FLECK_E_OPTION = 6,
    /* The call came too early or too late. */
    FLECK_E_STATE = 7,
    /* A file, name, weight or image does not exist. */
    FLECK_E_NOTFOUND = 8,
    /* Larger than a stated limit. */
    FLECK_E_LIMIT = 9,
    /* The network runtime failed. */
    FLECK_E_ENGINE = 10,
    /* The caller asked to stop. */
    FLECK_E_CANCELLED = 11,
    /* A download failed. */
    FLECK_E_NETWORK = 12,
    /* A file's checksum differs from the expected one. */
    FLECK_E_CHECKSUM = 13
} fleck_status;

#define FLECK_ERROR_SIZE 1024

/* A status with its message.  The caller owns it; it is valid when zeroed ({0}, in C++ {}).  Every
 * fallible function takes a pointer to one as its last argument, or NULL if the message is not
 * wanted.  The message names the file, what was expected and what was found. */
typedef struct fleck_error {
    fleck_status status;
    char message[FLECK_ERROR_SIZE];
} fleck_error;

/* The library's own FLECK_VERSION.  Static text. */
FLECK_API const char *fleck_version(void);
/* The name of a status, such as "format".  Static text. */
FLECK_API const char *fleck_status_name(fleck_status status);
/* A file's name as valid UTF-8, for JSON and web pages; free it with fleck_free().  Each byte that
 * is not part of valid UTF-8, and each byte of U+FFFD, becomes U+FFFD and two hexadecimal digits,
 * so different names stay different.  NULL if name is NULL or memory runs out. */
FLECK_API char *fleck_utf8_name(const char *name);
/* Free text or an array returned by a function below; NULL is allowed. */
FLECK_API void fleck_free(void *block);

/* ---- Contracts --------------------------------------------------------------------- */

/* Arguments.  Every function returns FLECK_E_OPTION for a pointer that must not be NULL, a negative
 * count, or a choice that does not exist.  NULL settings mean the defaults.  Any call that
 * allocates may return FLECK_E_NOMEM.  Comments do not repeat these two statuses; they list the
 * others.  After a failure an output is NULL or empty.
 *
 * Structs.  A program built with an older header runs with a newer library of the same major
 * version (before 1.0, of the same minor version):
 *   - A handle (fleck_model, fleck_settings, ...) is opaque.
 *   - A settings struct begins with its size.  fleck_..._defaults(settings, sizeof *settings)
 *     writes it, and the defaults.  New members are added at the end; the library uses defaults
 *     for members that a program does not know.
 *   - A struct that fleck returns by its address (fleck_result, fleck_report, fleck_model_info)
 *     may get new members at the end.  A program reads it in place and does not copy it.
 *   - All other structs never change: fleck_error, fleck_times, fleck_held_out, fleck_pixels,
 *     fleck_point, fleck_region, fleck_ranking, fleck_panel_column.
 *
 * Threads.  Calls on different handles may run at the same time.  On one handle, calls that take it
 * as const may run at the same time; of the calls that take it as non-const, only one may run at a
 * time.  Several threads score on one model with a scorer each (fleck_scorer_open()).
 *
 * The process.  The first fit or the first opened model sets OpenBLAS to one thread, for the whole
 * process and permanently.  A handle's threads do not survive fork(): a child process must not use
 * handles of its parent, not even to close them.  It may open its own if the parent had not opened
 * any before.  The library does not print, exit, or change the locale or signal handlers.  Only
 * downloads read the environment: the variables that name proxies. */

/* ---- Methods, options and backbones ------------------------------------------------ */

typedef enum fleck_option_kind {
    FLECK_OPTION_INT,
    FLECK_OPTION_REAL,
    /* Words separated by '|'; a text follows a word that ends in ':'. */
    FLECK_OPTION_CHOICE,
    FLECK_OPTION_TEXT
} fleck_option_kind;

/* One option of a method: its name, such as "k-image", its default as text, the range of a number,
 * and the words of a FLECK_OPTION_CHOICE.  All text is static. */
typedef struct fleck_option {
    const char *name;
    fleck_option_kind kind;
    const char *initial;
    double min, max;
    const char *choices;
    /* The option may be changed when a fitted model is opened. */
    bool after_fit;
    const char *help;
} fleck_option;

/* A method: its name, a title of one line, its paper, and its default resize filter. */
typedef struct fleck_method_info {
    const char *name, *title, *reference, *resize;
} fleck_method_info;
FLECK_API int fleck_method_count(void);
/* Method i, 0 <= i < fleck_method_count(); NULL for other i.  Static. */
FLECK_API const fleck_method_info *fleck_method_at(int i);
/* Option j of the method called name; NULL past the end.  Static. */
FLECK_API const fleck_option *fleck_method_option(const char *name, int j);

/* A backbone: name, title, source of its weights, official weight file (NULL: none). */
typedef struct fleck_backbone_info {
    const char *name, *title, *source, *file;
    /* fleck_weights_fetch() can download the weights. */
    bool fetchable;
    /* Licence of the weights. */
    const char *licence;
    /* Published digits of the SHA-256 of the file that is fetched, 8 or all 64; NULL: none are
     * published, so that the first download decides. */
    const char *checksum;
} fleck_backbone_info;
FLECK_API int fleck_backbone_count(void);
/* Backbone i, 0 <= i < fleck_backbone_count(); NULL for other i.  Static. */
FLECK_API const fleck_backbone_info *fleck_backbone_at(int i);

/* ---- Progress and warnings --------------------------------------------------------- */

/* A function that is told of progress, about ten times a second, on the thread that called fleck:
 * `done` of `total` steps (0: unknown) of a stage are done.  Steps are images in the stages "fit",
 * "thresholds", "predict", "eval" and "metrics", and bytes in "fetch", "read" and "write".  Other
 * stages, such as "coreset", "covariance", "folds", "pixel figures", "bootstrap", "import" and
 * "list", have steps of their own; later versions may add stages.  A stage may occur several times.
 * Return false to cancel the call: it fails with FLECK_E_CANCELLED, and leaves no output.  The
 * function must not call fleck with the same model. */
typedef bool fleck_progress(void *ctx, const char *stage, int64_t done, int64_t total);

/* A function that is told of warnings, on the thread that called fleck: something was skipped, or
 * looks wrong but does not stop the call.  The message is one line for a person and names the files
 * concerned; it is valid during the call only. */
typedef void fleck_warning(void *ctx, const char *message);

/* ---- Pixels ------------------------------------------------------------------------ */

/* The samples of a pixel, in their order in memory.  16-bit samples are uint16_t in the machine's
 * byte order, and need no alignment. */
typedef enum fleck_pixel_format {
    FLECK_RGB8 = 0,
    FLECK_BGR8 = 1,
    FLECK_RGBA8 = 2,
    FLECK_BGRA8 = 3,
    FLECK_GREY8 = 4,
    FLECK_RGB16 = 5,
    FLECK_BGR16 = 6,
    FLECK_RGBA16 = 7,
    FLECK_BGRA16 = 8,
    FLECK_GREY16 = 9
} fleck_pixel_format;

/* An image in memory: [height, width] pixels, rows row_bytes apart.  It is learned and scored like
 * a file with the same samples: the model's window maps 16-bit samples to 8 bits, and transparent
 * pixels are blended over the model's background.  Alpha is not premultiplied.  Calls borrow the
 * pixels until they return; RGB8 without gaps between rows is not copied. */
typedef struct fleck_pixels {
    const void *data;
    int64_t width, height;
    size_t row_bytes;
    fleck_pixel_format format;
} fleck_pixels;

/* ---- Weights ----------------------------------------------------------------------- */

/* Weights are stored as home/weights/NAME.safetensors.  The caller chooses the folder `home`.  The
 * command-line tool uses $FLECK_HOME or the XDG data folder; it also reads from PREFIX/share/fleck,
 * where `make install` puts the weights of the default backbone. */

typedef struct fleck_weights_info {
    bool installed, complete;
    int64_t bytes;
    char path[1024];
    /* Name of the file that the weights were imported from, and its SHA-256. */
    char source[256];
    char sha256[65];
    /* Licence of the weights: the one that the file names, else the backbone's; "": unknown. */
    char licence[256];
} fleck_weights_info;
/* Find the stored weights of the backbone called name; fleck_free(*out).
 *   FLECK_E_OPTION  no such backbone
 *   FLECK_E_IO, FLECK_E_FORMAT  the file exists, but cannot be read */
FLECK_API fleck_status fleck_weights_find(fleck_weights_info **out, const char *home,
                                          const char *name, fleck_error *err) FLECK_MUST_CHECK;

typedef struct fleck_model fleck_model;

/* ---- Settings of a fit ------------------------------------------------------------- */

/* The settings of a fit, or of the fits of a benchmark, by name.  A new handle holds the defaults.
 * Texts are copied, and fits only read the settings, so one handle serves any number of fits. */
typedef struct fleck_settings fleck_settings;

FLECK_API fleck_status fleck_settings_create(fleck_settings **out,
                                             fleck_error *err) FLECK_MUST_CHECK;
FLECK_API void fleck_settings_free(fleck_settings **settings);

/* Set the setting called name to a text, for example "tiles" to "224".  fleck_setting_at() lists
 * the settings that are also flags of `fleck fit` (docs/reference/command-line.md).  Programs have
 * these in addition:
 *
 *   home         folder of installed weights; a fit needs it, or the setting `weights`
 *   shared-home  folder to read weights from that home does not have
 *   scratch      folder for temporary files, which have no names and never outlive the process;
 *                without it no temporary files are made
 *   output       path that the model will be written to.  If it is one of the images, masks or
 *                other files of the call, or belongs to its data set, the fit fails with
 *                FLECK_E_STATE before any work
 *
 * The fit refuses settings that exclude each other, such as "size" and "long-side".
 *   FLECK_E_OPTION       no such setting, or an invalid value; the setting is unchanged
 *   FLECK_E_UNSUPPORTED  the setting is a list */
FLECK_API fleck_status fleck_settings_set(fleck_settings *settings, const char *name,
                                          const char *text, fleck_error *err) FLECK_MUST_CHECK;
/* Set a list of n texts; it replaces the list set before:
 *
 *   options  options of the method, "name=value"
 *   ignore   areas to ignore in every image: "x,y,w,h", or a polygon "x,y x,y x,y ...", in pixels
 *            of the first image, scaled to images of other sizes; or the path of a mask file, whose
 *            white pixels are ignored
 *   only     areas as above; everything outside all of them is ignored
 *   masks    for fleck_fit_files() and fleck_fit_stream(): the path of each image's own mask file,
 *            whose white pixels are not learned, or NULL for none
 *
 *   FLECK_E_OPTION       no such setting; a text is NULL, except for masks
 *   FLECK_E_UNSUPPORTED  the setting is not a list */
FLECK_API fleck_status fleck_settings_set_list(fleck_settings *settings, const char *name,
                                               const char *const *texts, int64_t n,
                                               fleck_error *err) FLECK_MUST_CHECK;
/* Get the value of a setting, as a text that fleck_settings_set() accepts; fleck_free(*text).
 * *text is NULL if it has no value.  Statuses of fleck_settings_set(). */
FLECK_API fleck_status fleck_settings_get(const fleck_settings *settings, const char *name,
                                          char **text, fleck_error *err) FLECK_MUST_CHECK;
/* Set the functions that calls with these settings tell of progress and of warnings; NULL: none. */
FLECK_API void fleck_settings_set_progress(fleck_settings *settings, fleck_progress *progress,
                                           void *ctx);
FLECK_API void fleck_settings_set_warning(fleck_settings *settings, fleck_warning *warning,
                                          void *ctx);

/* A setting.  All text is static. */
typedef struct fleck_setting {
    /* Its name: the tool's flag without its dashes, such as "long-side". */
    const char *name;
    /* The form of its value: "N", "f32|bf16|f16|auto"; NULL: it is "true" or "false". */
    const char *value;
    /* The default; NULL: the help text says it. */
    const char *initial;
    /* Heading of its group; "": the common settings, which come first. */
    const char *group;
    const char *help;
    /* The letter of a short flag, 'm' for -m; 0: none. */
    char letter;
    /* It is set by fleck_settings_set_list(). */
    bool list;
    /* A benchmark accepts it for all runs; for a single run. */
    bool bench, run;
} fleck_setting;
/* Number i of the settings that are flags; NULL past the end.  Static. */
FLECK_API const fleck_setting *fleck_setting_at(int i);

/* Check what does not depend on the images: that there are the method, the networks and their
 * weights, that options belong to the method, and that settings fit together.  Statuses of
 * fleck_fit_files(). */
FLECK_API fleck_status fleck_settings_check(const fleck_settings *settings,
                                            fleck_error *err) FLECK_MUST_CHECK;

/* ---- Fitting ----------------------------------------------------------------------- */

/* The time that a call took. */
typedef struct fleck_times {
    /* Seconds of the stages, summed over threads; total: wall-clock seconds of the call. */
    double decode, network, score, metrics, total;
    /* Peak resident memory of the process so far, in MiB. */
    double peak_rss_mib;
    int threads;
} fleck_times;

/* Learn from the good images of path: a category in MVTec AD layout (path/train/good), a flat
 * folder of good images, or a CSV file with columns path,label,mask (docs/reference/formats.md).
 * times may be NULL.  If an image cannot be read, the fit fails and names it, unless "skip-bad" is
 * set.
 *   FLECK_E_OPTION       settings that exclude each other; an option that the method does not have
 *   FLECK_E_NOTFOUND     no such path, no good image in it, or the weights are not installed
 *   FLECK_E_IO, FLECK_E_FORMAT, FLECK_E_UNSUPPORTED  an image, mask or weight file cannot be read
 *   FLECK_E_SHAPE        a mask differs in size from its image; weights of another network
 *   FLECK_E_LIMIT        "max-memory" is too little (the message says how much is needed), or an
 *                        image is too large
 *   FLECK_E_STATE        "output" is one of the files that are read
 *   FLECK_E_ENGINE       the network cannot be run
 *   FLECK_E_CANCELLED    progress returned false */
FLECK_API fleck_status fleck_fit(fleck_model **out, const char *path,
                                 const fleck_settings *settings, fleck_times *times,
                                 fleck_error *err) FLECK_MUST_CHECK;
/* The same from n image files.  Consecutive images are assumed to be neighbours in time, which
 * influences the threshold; mhpatchcore's state does not depend on the order.  Statuses of
 * fleck_fit(). */
FLECK_API fleck_status fleck_fit_files(fleck_model **out, const char *const *files, int64_t n,
                                       const fleck_settings *settings, fleck_times *times,
                                       fleck_error *err) FLECK_MUST_CHECK;

/* A function that provides image i of a stream: it fills *out, which is zeroed.  The function owns
 * the pixels; they must not change until it is called again or the fit ends.  Return a status other
 * than FLECK_OK to stop the fit. */
typedef fleck_status fleck_next_image(void *ctx, int64_t i, fleck_pixels *out);
/* The same from n images that the function next provides, for example from a camera.  Only a few of
 * them are in memory at a time.  The model has the same numbers as one fitted from files with these
 * pixels, whose names do not tell groups, with two exceptions: "window" auto means the full 16-bit
 * range, and mhpatchcore learns the images in the order of the stream (files in an order that
 * depends on their bytes).
 *
 * next is called for i = 0, 1, ... n - 1 in this order, one call at a time, but on any of the fit's
 * threads; the other threads compute meanwhile.  n must be known, because the images for
 * calibration are spread over all images.  With tiles, next is called again for each image used for
 * calibration, after the last image and in any order.  If a source cannot provide an image twice,
 * set "calibrate" to 0.
 *   FLECK_E_OPTION  "long-side" is set: it needs the shape of the first image beforehand
 *   else            the status that next returned; a fault of its pixels (the message has i); and
 *                   statuses of fleck_fit() */
FLECK_API fleck_status fleck_fit_stream(fleck_model **out, fleck_next_image *next, void *ctx,
                                        int64_t n, const fleck_settings *settings,
                                        fleck_times *times, fleck_error *err) FLECK_MUST_CHECK;

/* Write the model to one safetensors file that holds everything needed to score.  The file appears
 * atomically.  path may be the file that the model was opened from; that file has then changed, see
 * fleck_model_open().
 *   FLECK_E_IO      the file cannot be written
 *   FLECK_E_FORMAT  the model has a number that is NaN or infinite
 *   FLECK_E_STATE   the weight file that the model was fitted with has changed */
FLECK_API fleck_status fleck_model_save(const fleck_model *model, const char *path,
                                        fleck_error *err) FLECK_MUST_CHECK;
/* The same with progress (may be NULL), in bytes of stage "write".  Also FLECK_E_CANCELLED. */
FLECK_API fleck_status fleck_model_save_with(const fleck_model *model, const char *path,
                                             fleck_progress *progress, void *progress_ctx,
                                             fleck_error *err) FLECK_MUST_CHECK;
/* Write the bytes of such a file to memory; fleck_free(*bytes). */
FLECK_API fleck_status fleck_model_save_memory(const fleck_model *model, void **bytes, size_t *size,
                                               fleck_progress *progress, void *progress_ctx,
                                               fleck_error *err) FLECK_MUST_CHECK;

/* ---- Opening ----------------------------------------------------------------------- */

typedef struct fleck_run_settings {
    /* Written by fleck_run_defaults().  The defaults of the members below are 0 and NULL. */
    size_t size;
    /* Number of threads; 0: one for each processor. */
    int threads;
    /* "native", "openvino" or "reference"; NULL: the fastest one. */
    const char *engine;
    /* "f32", "bf16", "f16" or "auto"; NULL: the precision that the model was fitted with. */
    const char *precision;
    /* "method", "max" or "top:P"; NULL: the pooling that the model was fitted with.  With another
     * pooling the model has no threshold. */
    const char *pool;
    /* NULL, or after_fit options "name=value", ended by NULL. */
    const char *const *options;
    /* Told of warnings by every call on the model; NULL: none. */
    fleck_warning *warning;
    void *warning_ctx;
    /* Progress of opening, and of calls on the model that have no function; NULL: none. */
    fleck_progress *progress;
    void *progress_ctx;
    /* Larger images, in pixels, are refused; 0: 2^28. */
    int64_t max_pixels;
    /* NULL, or areas as in fleck_settings_set_list(), ended by NULL, in pixels of the first good
     * image.  They are ignored in addition to the model's own ignored regions; fleck_model_save()
     * does not write them. */
    const char *const *ignore, *const *only;
    /* Compile the network in the first call that needs it, instead of when the model is opened: for
     * programs that only describe a model or change its threshold. */
    bool rest;
} fleck_run_settings;
FLECK_API void fleck_run_defaults(fleck_run_settings *settings, size_t size);

/* Open a model for scoring.  The whole file is read into memory, and its checksum is verified.
 *
 * Replace a model file by renaming another file over it, as fleck_model_save() and
 * fleck_model_install() do; never write into it.  If path later names a file other than the one
 * opened (by device, inode, size or time of change), calls that score with the model fail with
 * FLECK_E_STATE: "the model file has changed since it was opened; open it again".  If the file is
 * deleted, the model still works, because all of it is in memory.
 *   FLECK_E_NOTFOUND, FLECK_E_IO  the file cannot be opened or read
 *   FLECK_E_FORMAT       the file is not a model, or is damaged
 *   FLECK_E_CHECKSUM     the file is damaged: its checksum is wrong or missing
 *   FLECK_E_UNSUPPORTED  a version, method or network that this fleck does not have
 *   FLECK_E_SHAPE        parts of the model do not match
 *   FLECK_E_OPTION       settings that the model does not accept
 *   FLECK_E_ENGINE       the network cannot be run
 *   FLECK_E_CANCELLED    progress returned false */
FLECK_API fleck_status fleck_model_open(fleck_model **out, const char *path,
                                        const fleck_run_settings *settings,
                                        fleck_error *err) FLECK_MUST_CHECK;
/* The same from the bytes of a model file, which are copied; messages say "model in memory". */
FLECK_API fleck_status fleck_model_open_memory(fleck_model **out, const void *bytes, size_t size,
                                               const fleck_run_settings *settings,
                                               fleck_error *err) FLECK_MUST_CHECK;
FLECK_API void fleck_model_close(fleck_model **model);

/* A description of a model. */
typedef struct fleck_model_info {
    /* backbone: the name of the network, or the names of several whose taps are joined, "a+b".
     * taps: names separated by commas. */
    const char *method, *backbone, *precision, *engine, *resize, *category, *fleck_version, *taps;
    /* The method's options, as a JSON object. */
    const char *options;
    /* How the score of an image is computed: "method", "max" or "top:P". */
    const char *pool;
    /* Number of images learned. */
    int64_t images;
    /* Number of images in the fit's data that were not learned: unreadable, in sub-folders, or of
     * formats that are not read; 0 for a model that was opened. */
    int64_t skipped;
    /* Images are resized to this size; 0: they keep their own. */
    int64_t width, height;
    /* Size of the centre crop; equal to width and height if nothing is cropped. */
    int64_t crop_width, crop_height;
    /* Side and overlap of tiles in pixels; tile 0: not tiled. */
    int64_t tile, overlap;
    /* Fraction of every image that is ignored, by the model's areas or those it was opened with. */
    double left_out;
    /* Fraction of every image outside the crop, which is never examined. */
    double outside;
    /* Size of the first good image, in whose pixels areas are given; 0: unknown. */
    int64_t photo_width, photo_height;
    /* Fraction of the picture visible in fewer than 3 good images, because masks hide it in the
     * others.  Defects there may be missed.  0 if the images differ in size. */
    double unseen;
    /* Normalisation of the (first) network's input. */
    float mean[3], scale[3];
    /* Standard deviation of the map's smoothing, in pixels. */
    double sigma;
    /* Threshold of image scores; NaN: none. */
    double threshold;
    /* Threshold of maps; NaN: none.  See pixels_set. */
    double pixel_threshold;
    /* Map values of the coldest and the hottest colour of heat maps. */
    double scale_low, scale_high;
    /* Number of held-out images on which the thresholds are based. */
    int64_t calibrated;
    /* The rate of false alarms asked for; NaN if a person or labels set the threshold. */
    double false_alarms;
    /* "rate", "maximum" (too few images for the rate), "set", "labels", "holdout", or "none" (too
     * few images for a verdict). */
    const char *threshold_rule;
    /* How groups of images taken together were found: "folder", "day", "prefix" or "runs"; "" if
     * there are no scores held out by group. */
    const char *groups;
    /* Number of folds of these groups; each was held out as a whole. */
    int64_t n_groups;
    /* Number of positions, and of features at each, in the first level of the embedding. */
    int64_t patches, dim;
    /* XXH3-128 of the file (docs/reference/formats.md), verified when it was opened; "" if the
     * model was not opened, or its version has no checksum. */
    const char *checksum;
    /* Name of the file that the weights of the (first) network come from; "": unknown. */
    const char *weights;
    /* Digest of that file, "sha256:..." or "xxh3-128:..."; "": unknown. */
    const char *weights_digest;
    /* The 16-bit samples that become 0 and 255; 0 and 65535 are the full range. */
    int window_low, window_high;
    /* Transparent pixels are blended over the background, which is RGB. */
    bool blend;
    unsigned char background[3];
    /* Mean share of the good images that the part fills, which alone counts; 1: no foreground. */
    double foreground;
    /* Angles at which each good image was learned; 1: as it is alone. */
    int64_t rotations;
    /* Regions are the pixels above pixel_threshold; else each photo has a level of its own. */
    bool pixels_set;
} fleck_model_info;
/* Describe a model; NULL for NULL.  The model owns the struct and its texts, which are valid until
 * it is closed.  Numbers change when its threshold is changed. */
FLECK_API const fleck_model_info *fleck_model_describe(const fleck_model *model);

/* ---- Thresholds -------------------------------------------------------------------- */

/* The held-out scores of a good image that the model has learned.  The model owns the text. */
typedef struct fleck_held_out {
    /* Name of its file, as valid UTF-8; NULL for an image of a stream. */
    const char *name;
    /* Its score with only this image and its duplicates, which count as one image, left out. */
    double alone;
    /* Its score with all images of its group left out; NaN if unknown. */
    double group;
    /* Number of its group, 0 to n_groups - 1. */
    int group_number;
} fleck_held_out;
/* Get held-out image i, 0 <= i < fleck_model_describe(model)->calibrated.  False for other i, and
 * if the model's version stored no held-out scores. */
FLECK_API bool fleck_model_held_out(const fleck_model *model, int64_t i, fleck_held_out *out);

/* The threshold that a new good part, if it is like the learned ones, exceeds with a probability of
 * at most `rate`: the ceil((n + 1) (1 - rate))-th smallest of the n scores held out alone
 * (conformal prediction, Vovk, Gammerman and Shafer 2005).  *supported (may be NULL) says whether n
 * is large enough for the rate, n >= 1 / rate - 1; if not, the threshold is the largest score.
 *   FLECK_E_OPTION  rate is not between 0 and 1
 *   FLECK_E_STATE   the model has no held-out scores */
FLECK_API fleck_status fleck_model_threshold_at(const fleck_model *model, double rate,
                                                double *threshold, bool *supported,
                                                fleck_error *err) FLECK_MUST_CHECK;
/* The same for the caller's own scores [n], n >= 1, of good images that the model has not learned.
 *   FLECK_E_OPTION  no score, or a score that is not finite; rate is not between 0 and 1 */
FLECK_API fleck_status fleck_threshold_of(const double *scores, int64_t n, double rate,
                                          double *threshold, bool *supported,
                                          fleck_error *err) FLECK_MUST_CHECK;
/* Set the model's threshold to fleck_model_threshold_at() of this rate; fleck_model_save() writes
 * it.  With fewer than 10 held-out scores the threshold is NaN, and there are no verdicts.
 * Statuses of fleck_model_threshold_at(). */
FLECK_API fleck_status fleck_model_set_false_alarms(fleck_model *model, double rate,
                                                    fleck_error *err) FLECK_MUST_CHECK;
/* Set the model's threshold to a number above 0.  rule, which is stored with it, says where the
 * number comes from: "labels": labelled images; "holdout": scores of good images that were not
 * learned; "set": anything else.
 *   FLECK_E_OPTION  another rule; a number that is not above 0, or not finite
 *   FLECK_E_STATE   the model was fitted without held-out images */
FLECK_API fleck_status fleck_model_set_threshold(fleck_model *model, double threshold,
                                                 const char *rule,
                                                 fleck_error *err) FLECK_MUST_CHECK;

/* Set the level of the model's regions: pixels of the map above it are in regions, in all photos.
 * NaN: each photo's own level again, see fleck_result_regions().
 *   FLECK_E_OPTION  the level is infinite
 *   FLECK_E_STATE   the model was fitted without held-out images */
FLECK_API fleck_status fleck_model_set_pixel_threshold(fleck_model *model, double level,
                                                       fleck_error *err) FLECK_MUST_CHECK;

/* ---- Scoring ----------------------------------------------------------------------- */

/* The respects in which a photo differs from all learned photos, as bits; in quotes, their names in
 * the JSON of `fleck predict --json`. */
enum fleck_unlike {
    /* "shape": the ratio of width to height differs by more than 3 %. */
    FLECK_UNLIKE_SHAPE = 1,
    /* "light": brighter, darker, or of another contrast. */
    FLECK_UNLIKE_LIGHT = 2,
    /* "sharpness": sharper or more blurred. */
    FLECK_UNLIKE_SHARPNESS = 4,
    /* "part": it shows something else, or the part at another place. */
    FLECK_UNLIKE_PART = 8
};

/* The result of scoring one image. */
typedef struct fleck_result {
    /* Higher means more defective; not scaled or clamped. */
    double score;
    /* The model's threshold; NaN: none. */
    double threshold;
    /* Whether score > threshold. */
    bool defective;
    /* score / threshold, comparable between models: above 1 is defective; NaN: no threshold. */
    double ratio;
    /* Fraction of the held-out good images that score lower; NaN if there are none. */
    double above;
    /* Size of the crop, or of the image if images keep their own size. */
    int64_t map_width, map_height;
    /* [map_height, map_width] smoothed anomaly map; 0 in ignored regions. */
    float *map;
    /* Size of the image with its EXIF orientation applied. */
    int64_t image_width, image_height;
    /* [image_height, image_width, 3] RGB; NULL unless keep_image was true. */
    uint8_t *image;
    /* Path of the file; NULL if pixels were scored. */
    char *path;
    /* Bits of fleck_unlike; 0 if the model's version cannot tell.  Each kind is also reported once,
     * as a warning at the end of a call. */
    unsigned unlike;
    /* [map_height, map_width] 255 where the background is ignored; NULL: all of it counts. */
    unsigned char *background;
} fleck_result;
FLECK_API void fleck_result_free(fleck_result **result);

/* Score one file, with all threads of the model.  keep_image: store the pixels in the result.
 *   FLECK_E_NOTFOUND, FLECK_E_IO, FLECK_E_FORMAT, FLECK_E_UNSUPPORTED  the file cannot be read
 *   FLECK_E_LIMIT      the image is too large
 *   FLECK_E_STATE      the model's file has changed: see fleck_model_open()
 *   FLECK_E_ENGINE     the network cannot be run
 *   FLECK_E_CANCELLED  progress returned false */
FLECK_API fleck_status fleck_score_file(fleck_model *model, const char *path, bool keep_image,
                                        fleck_result **out, fleck_error *err) FLECK_MUST_CHECK;
/* The same for pixels in memory.  mask: NULL, or FLECK_GREY8 of the image's size; values of 128 and
 * above are ignored in this image, in addition to the model's ignored regions, and the map is 0
 * there.
 *   FLECK_E_SHAPE   row_bytes is less than a row of pixels takes; the mask has another size
 *   FLECK_E_FORMAT  no pixel */
FLECK_API fleck_status fleck_score_pixels(fleck_model *model, const fleck_pixels *pixels,
                                          const fleck_pixels *mask, bool keep_image,
                                          fleck_result **out, fleck_error *err) FLECK_MUST_CHECK;

/* A scorer lets one thread score by itself.  Several threads, each with a scorer of its own, score
 * on one model at the same time, without locks, and get the numbers of fleck_score_file().  A
 * scorer serves one call at a time, and compiles the network for itself.
 *
 * The model must outlive its scorers.  While they are open it must not be changed, as by
 * fleck_model_set_threshold(); other calls on it may run at the same time.  Scorers give no
 * warnings: check `unlike` of the result. */
typedef struct fleck_scorer fleck_scorer;
/* FLECK_E_STATE and FLECK_E_ENGINE as fleck_score_file(). */
FLECK_API fleck_status fleck_scorer_open(fleck_scorer **out, const fleck_model *model,
                                         fleck_error *err) FLECK_MUST_CHECK;
FLECK_API void fleck_scorer_close(fleck_scorer **scorer);
/* A function that its calls tell, from the thread that makes them; NULL: none. */
FLECK_API void fleck_scorer_set_progress(fleck_scorer *scorer, fleck_progress *progress, void *ctx);
/* Compute each image on this many threads (default 1), which is quicker where processors are idle.
 * The results have the same bytes.  OpenVINO runs a network on one thread all the same.
 *   FLECK_E_OPTION  threads below 1 */
FLECK_API fleck_status fleck_scorer_set_threads(fleck_scorer *scorer, int threads,
                                                fleck_error *err) FLECK_MUST_CHECK;
/* As fleck_score_file() and fleck_score_pixels(). */
FLECK_API fleck_status fleck_scorer_file(fleck_scorer *scorer, const char *path, bool keep_image,
                                         fleck_result **out, fleck_error *err) FLECK_MUST_CHECK;
/* The same for the bytes of an image file in memory; name is for messages. */
FLECK_API fleck_status fleck_scorer_bytes(fleck_scorer *scorer, const void *bytes, size_t size,
                                          const char *name, bool keep_image, fleck_result **out,
                                          fleck_error *err) FLECK_MUST_CHECK;
FLECK_API fleck_status fleck_scorer_pixels(fleck_scorer *scorer, const fleck_pixels *pixels,
                                           const fleck_pixels *mask, bool keep_image,
                                           fleck_result **out, fleck_error *err) FLECK_MUST_CHECK;

/* Called for each file, in their order, on the thread that called fleck.  If file i could not be
 * scored, result is NULL and error says why.  Both are valid during the call only.  Return a status
 * other than FLECK_OK to stop. */
typedef fleck_status fleck_on_result(void *ctx, int64_t i, const fleck_result *result,
                                     const fleck_error *error);
/* Called for each result, on any thread, in any order and for several results at the same time, but
 * before fleck_on_result for the same file.  It is meant for work that takes time, such as writing
 * pictures.  The result is valid during the call only. */
typedef void fleck_on_scored(void *ctx, int64_t i, const fleck_result *result);
/* Score n files on all threads.  A bad file does not stop the others.
 *   FLECK_E_STATE, FLECK_E_ENGINE, FLECK_E_CANCELLED  as fleck_score_file()
 *   else  the status that on_result returned */
FLECK_API fleck_status fleck_score_files(fleck_model *model, const char *const *files, int64_t n,
                                         bool keep_image, fleck_on_result *on_result, void *ctx,
                                         fleck_error *err) FLECK_MUST_CHECK;
/* The same with on_scored, which may be NULL.  If on_result stops the run, on_scored may already
 * have been called for later files. */
FLECK_API fleck_status fleck_score_files_with(fleck_model *model, const char *const *files,
                                              int64_t n, bool keep_image,
                                              fleck_on_scored *on_scored,
                                              fleck_on_result *on_result, void *ctx,
                                              fleck_error *err) FLECK_MUST_CHECK;

/* Score n images in memory, as fleck_score_pixels() does each.  masks: NULL, or n masks as that
 * function takes them, NULL for an image without one.  What is wrong with an image or its mask is
 * the error of that image; the others are scored. */
FLECK_API fleck_status fleck_score_batch(fleck_model *model, const fleck_pixels *pixels,
                                         const fleck_pixels *const *masks, int64_t n,
                                         bool keep_image, fleck_on_scored *on_scored,
                                         fleck_on_result *on_result, void *ctx,
                                         fleck_error *err) FLECK_MUST_CHECK;

/* Resample the result's map to the image's own size, into map [image_height, image_width]: bilinear
 * inside the crop, the map's lowest value outside it, and 0 in the model's ignored region.
 *   FLECK_E_SHAPE  the result is not one of this model's */
FLECK_API fleck_status fleck_result_full_map(const fleck_model *model, const fleck_result *result,
                                             float *map, fleck_error *err) FLECK_MUST_CHECK;
/* Write the map as float32 .tiff or .npy, depending on the path's ending, at the image's own size
 * (full) or the crop's.  The file notes that fleck wrote it, and for which image.
 *   FLECK_E_OPTION  another ending
 *   FLECK_E_SHAPE   the result is not one of this model's
 *   FLECK_E_STATE   path is the scored file itself
 *   FLECK_E_IO      the file cannot be written */
FLECK_API fleck_status fleck_result_save_map(const fleck_model *model, const fleck_result *result,
                                             const char *path, bool full,
                                             fleck_error *err) FLECK_MUST_CHECK;

/* ---- Regions ----------------------------------------------------------------------- */

/* A corner of an outline, between pixels: pixel (x, y) covers x to x + 1 and y to y + 1. */
typedef struct fleck_point {
    int32_t x, y;
} fleck_point;

/* A connected region of pixels above a threshold; pixels that touch at sides or corners are
 * connected.  Coordinates of pixels are integers from 0 on, x to the right, y down. */
typedef struct fleck_region {
    /* Bounding box: its first pixel and its size. */
    int64_t x, y, width, height;
    /* Number of pixels. */
    int64_t area;
    /* Mean of the coordinates of its pixels. */
    double centroid_x, centroid_y;
    /* Highest value and mean value of the map in the region. */
    double peak, mean;
    /* Pixel with the highest value; the first one in raster order if there are several. */
    int64_t peak_x, peak_y;
    /* [outline_count] corners of its outer edge, clockwise, from the top left corner of its first
     * pixel; at each corner the direction changes.  Holes are not outlined. */
    const fleck_point *outline;
    int64_t outline_count;
} fleck_region;

/* Regions of a map. */
typedef struct fleck_regions {
    /* [count], the highest peak first; equal peaks in raster order of the first pixels. */
    fleck_region *list;
    int64_t count;
    /* Number of regions that are not in the list because they are too small. */
    int64_t smaller;
    /* Size of the map. */
    int64_t width, height;
    /* Pixels above this value are in regions. */
    double threshold;
    /* The points of all outlines. */
    fleck_point *points;
} fleck_regions;
FLECK_API void fleck_regions_free(fleck_regions **regions);

typedef struct fleck_region_settings {
    /* Written by fleck_region_defaults(). */
    size_t size;
    /* Pixels of the map above this value are in regions.  Default: NaN, which means the pixels that
     * stand out from the photo's own background. */
    double threshold;
    /* Regions with fewer pixels are not listed.  Default: 0. */
    int64_t min_area;
    /* The same in per cent of the image, 0 to 100.  Default: 0. */
    double min_percent;
} fleck_region_settings;
FLECK_API void fleck_region_defaults(fleck_region_settings *settings, size_t size);

/* Find the regions of a map [height, width], such as one of fleck_result_full_map().  settings must
 * have a threshold.  Pixels that are NaN belong to no region.
 *
 * Cost: linear in the number of pixels, and 5 bytes of memory for each.
 *   FLECK_E_OPTION  no pixel; the threshold is NaN; a minimum area is below 0
 *   FLECK_E_LIMIT   2^31 - 1 pixels or more */
FLECK_API fleck_status fleck_regions_find(fleck_regions **out, const float *map, int64_t width,
                                          int64_t height, const fleck_region_settings *settings,
                                          fleck_error *err) FLECK_MUST_CHECK;
/* Find the regions of a result at its image's own size.  settings NULL: all regions that stand out
 * from the photo's own background.  The level of these, (*out)->threshold, is found for each photo
 * by itself, see docs/internals/numerics.md.  If a minimum area is to decide, a part is defective
 * if result->defective is true and the list is not empty.
 *   FLECK_E_SHAPE  the result is not one of this model's
 *   FLECK_E_STATE  neither the settings nor the model have a threshold
 *   FLECK_E_LIMIT  2^31 - 1 pixels or more */
FLECK_API fleck_status fleck_result_regions(const fleck_model *model, const fleck_result *result,
                                            const fleck_region_settings *settings,
                                            fleck_regions **out, fleck_error *err) FLECK_MUST_CHECK;

/* ---- Pictures of results ----------------------------------------------------------- */

typedef enum fleck_picture_kind {
    /* The heat map over the image, on the model's colour scale. */
    FLECK_PICTURE_HEAT,
    /* The image without a heat map. */
    FLECK_PICTURE_OUTLINE,
    /* The unchanged image with the heat map to its right, or below very wide images. */
    FLECK_PICTURE_SIDE_BY_SIDE
} fleck_picture_kind;

typedef struct fleck_picture_settings {
    /* Written by fleck_picture_defaults(). */
    size_t size;
    /* Default: FLECK_PICTURE_HEAT. */
    fleck_picture_kind kind;
    /* The regions to outline; none without a threshold.  Default: NULL, which means all that stand
     * out from the photo's own background. */
    const fleck_region_settings *regions;
} fleck_picture_settings;
FLECK_API void fleck_picture_defaults(fleck_picture_settings *settings, size_t size);

/* Write a PNG of the result's image, with its regions outlined and the first 99 of them numbered.
 * Pixels keep their coordinates.  A legend below the image has the score, threshold and verdict,
 * the number of regions, and a colour bar with marks at the outlines' level and the regions' peaks.
 * There is no legend if the image is too high for one.  Text chunks note that fleck drew the
 * picture, and of which file.
 *   FLECK_E_SHAPE   the result is not one of this model's
 *   FLECK_E_STATE   path is the scored file itself; the result has no image
 *   FLECK_E_LIMIT   two images side by side are wider than 65535 pixels
 *   FLECK_E_IO      the file cannot be written */
FLECK_API fleck_status fleck_result_save_picture_with(const fleck_model *model,
                                                      const fleck_result *result,
                                                      const fleck_picture_settings *settings,
                                                      const char *path,
                                                      fleck_error *err) FLECK_MUST_CHECK;
/* The same with the defaults: heat map, and regions that stand out from the background. */
FLECK_API fleck_status fleck_result_save_picture(const fleck_model *model,
                                                 const fleck_result *result, const char *path,
                                                 fleck_error *err) FLECK_MUST_CHECK;

/* The same picture as a JPEG in memory, for web pages: without the legend, and reduced so that no
 * side is longer than `most` pixels (0: not reduced).  fleck_free(*bytes).  May be called on any
 * thread.
 *   FLECK_E_SHAPE   the result is not one of this model's
 *   FLECK_E_STATE   the result has no image
 *   FLECK_E_LIMIT   two images side by side are wider than 65535 pixels */
FLECK_API fleck_status fleck_result_picture_jpeg(const fleck_model *model,
                                                 const fleck_result *result,
                                                 const fleck_picture_settings *settings,
                                                 int64_t most, unsigned char **bytes, size_t *size,
                                                 fleck_error *err) FLECK_MUST_CHECK;

/* ---- Photos to show ----------------------------------------------------------------- */

/* A photo with 8 bits a sample, as the default window and background give it.  Models decode photos
 * by their own settings. */
typedef struct fleck_photo {
    /* [height, width, 3] RGB. */
    unsigned char *data;
    int64_t width, height;
    /* Size of the photo itself, with its EXIF orientation applied. */
    int64_t full_width, full_height;
} fleck_photo;
FLECK_API void fleck_photo_free(fleck_photo **photo);
/* Decode a file, reduced so that no side is longer than `most` pixels (0: not reduced), by averages
 * over areas.
 *   FLECK_E_NOTFOUND, FLECK_E_IO, FLECK_E_FORMAT, FLECK_E_UNSUPPORTED  the file cannot be read
 *   FLECK_E_LIMIT  the photo is too large */
FLECK_API fleck_status fleck_photo_read(fleck_photo **out, const char *path, int64_t most,
                                        fleck_error *err) FLECK_MUST_CHECK;
/* Encode pixels as a JPEG of quality 85; fleck_free(*bytes).
 *   FLECK_E_SHAPE   row_bytes is less than a row of pixels takes
 *   FLECK_E_FORMAT  no pixel
 *   FLECK_E_LIMIT   a side is longer than 65535 pixels */
FLECK_API fleck_status fleck_pixels_jpeg(const fleck_pixels *pixels, unsigned char **bytes,
                                         size_t *size, fleck_error *err) FLECK_MUST_CHECK;
/* Write a file with these bytes, atomically.
 *   FLECK_E_NOTFOUND, FLECK_E_IO  there is no such folder, or it cannot be written to */
FLECK_API fleck_status fleck_file_write(const char *path, const void *bytes, size_t size,
                                        fleck_error *err) FLECK_MUST_CHECK;

/* ---- Lists of images --------------------------------------------------------------- */

/* A list of image files found in folders, and of the entries skipped there. */
typedef struct fleck_images fleck_images;
/* Make an empty list.  recursive: folders below searched folders are searched too. */
FLECK_API fleck_status fleck_images_open(fleck_images **out, bool recursive,
                                         fleck_error *err) FLECK_MUST_CHECK;
FLECK_API void fleck_images_close(fleck_images **images);
/* Add a file, whatever it is, or the images of a folder in natural order of their names.  In a
 * folder, a file is an image if its name ends in .png .jpg .jpeg .jpe .jfif .tif .tiff .bmp .dib
 * .pnm .pgm .ppm or .pbm; for other names the first bytes decide.  Dangling links and files that
 * cannot be opened are part of the list, so that scoring them reports the error.  Each folder is
 * searched once, however many links lead to it.
 *   FLECK_E_NOTFOUND   the folder holds no image; the message says what it holds
 *   FLECK_E_IO         the folder cannot be listed
 *   FLECK_E_CANCELLED  progress returned false; the list keeps what was found before */
FLECK_API fleck_status fleck_images_add(fleck_images *images, const char *path,
                                        fleck_error *err) FLECK_MUST_CHECK;
FLECK_API int64_t fleck_images_count(const fleck_images *images);
/* Path i, 0 <= i < count; NULL for other i.  Valid until the list changes. */
FLECK_API const char *fleck_images_path(const fleck_images *images, int64_t i);
/* The skipped entries: the number of images among them, and a text for a person, such as "5 in sub/
 * (--recursive), 1 WebP, 2 other files"; "" if nothing was skipped.  fleck_free(*text). */
FLECK_API fleck_status fleck_images_passed(const fleck_images *images, int64_t *count, char **text,
                                           fleck_error *err) FLECK_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
