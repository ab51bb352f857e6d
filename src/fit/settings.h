/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of a fit.  One table has their defaults, checks and flags of the command line with
 * help, and says which of them a run of a benchmark may set. */
#ifndef FK_FIT_SETTINGS_H
#define FK_FIT_SETTINGS_H

#include "base/option.h"

/* The settings of a fit, which programs reach by name (fleck_settings_set()).  Text and lists are
 * borrowed, but for those in `owned`. */
struct fleck_settings {
    const char *method;
    const char *backbone;    /* built-in name, several joined as "a+b", or the path of an .onnx file
                             whose outputs are the taps */
    const char *home;        /* folder of installed weights; may be NULL where `weights` is given */
    const char *shared_home; /* NULL, or where weights are read that home does not have */
    const char *weights;   /* NULL, or a weight file to use in place of the installed one; of joined
                            networks one each, separated by commas, "" for the installed one */
    const char *engine;    /* NULL: the fastest */
    const char *precision; /* recorded in the model */
    const char *taps; /* names separated by commas, of joined networks NETWORK/TAP; NULL: those of
                         the backbone that the method uses */
    const char *normalisation; /* "imagenet": ImageNet's mean and deviation; "own": the network's;
                                   "auto": what the network's row says */
    int threads;               /* 0: one for each processor */
    /* Images are resized to width x height; where these are 0 to about `pixels` (0: 65536, of 256 x
     * 256) in the shape of most good images, square for a stream's, with sides that are
     * multiples of the network's stride; or with tiles not at all.  Then they are cropped; 0:
     * not. */
    int64_t width, height, pixels, crop_width, crop_height;
    /* 0, or in place of width and height the longer side; both become multiples of the network's
     * stride, as near as may be to the shape of most images. */
    int64_t long_side;
    int64_t tile;     /* 0, or cut what that leaves into tiles of this side */
    double overlap;   /* share of a tile that neighbours share at least */
    const char *mask; /* NULL, or the file of a mask for all images */
    const char *const *ignore, *const *only; /* areas beside it; NULL, or ended by NULL */
    const char *const *masks; /* NULL, or [n_masks] mask files of the images' own, NULL for none */
    const char *resize;       /* NULL: method's */
    double sigma;             /* smoothing of the map, in pixels of the crop; 0: none */
    const char *pool;         /* NULL or "method": what the method does; recorded in the model */
    int64_t calibrate;        /* most good images that are held out; 0: none */
    double false_alarms;      /* share of such good parts that the threshold may reject */
    const char *groups;       /* NULL or "auto": what the images' names give */
    const char *const *options; /* NULL, or method options "name=value", ended by NULL */
    int64_t max_memory;         /* bytes that the process may take; 0: no limit */
    const char *scratch;        /* folder for temporary files without names; NULL: none are made */
    fleck_progress *progress;   /* NULL: none */
    void *progress_ctx;
    fleck_warning *warning; /* NULL: none */
    void *warning_ctx;
    const char *good;   /* names of folders in train, separated by commas; NULL: the usual */
    bool recursive;     /* folders are searched with all below them */
    bool skip_bad;      /* images that cannot be read are left out.  All are decoded first */
    const char *window; /* of 16-bit samples, "LO,HI"; NULL or "auto" */
    int64_t rotate;     /* copies of each good image at angles over the full circle; 0, 1: none */
    const char *foreground; /* NULL or "none", or "auto": what the part fills counts alone */
    const char *background; /* "R,G,B" under transparent pixels; NULL: ImageNet's mean */
    int64_t max_pixels;     /* of an image: a larger one is refused; 0: FK_IMAGE_MAX_PIXELS */
    const char *output;     /* NULL, or the path that the model will be written to */
    uint64_t given;         /* rows that were set by name */
    int64_t n_masks;        /* 0: unknown */
    void *owned[64];        /* by row: what a handle's member points to; NULL: nothing of its own */
};

/* Where a setting is legal beside `fleck fit`. */
enum { FK_IN_BENCH = 1, FK_IN_RUN = 2 };

typedef struct fk_setting {
    fk_option option;    /* initial NULL: 0 or NULL, and help says what that means */
    size_t offset, size; /* of its member of fleck_settings, of SIZE of two */
    const char *value;   /* its placeholder in help; NULL: that follows from the option */
    const char *group;   /* heading in help; "": the common ones; NULL: of programs alone */
    int where;           /* FK_IN_BENCH, FK_IN_RUN */
    char letter;         /* 'm' for -m, 0: none */
    bool list;           /* TEXT: any number of them, ended by NULL */
    bool gaps;           /* of which some may be NULL */
    bool filled;         /* CHOICE, TEXT: NULL is not legal */
    const char *instead; /* two settings that exclude it: "size,crop" */
    const char *with;    /* a setting that must not be 0 if this one is given */
} fk_setting;

/* The table; the last row has name NULL. */
extern const fk_setting fk_settings[];

fleck_settings fk_fit_defaults(void);

/* The row of the setting called name, or NULL. */
const fk_setting *fk_setting_find(const char *name);
/* Set the setting called name from text, which is borrowed.
 *   FLECK_E_OPTION       no such setting, or an illegal value; *s is unchanged
 *   FLECK_E_UNSUPPORTED  a list */
fleck_status fk_fit_set(fleck_settings *s, const char *name, const char *text,
                        fleck_error *err) FLECK_MUST_CHECK;
/* The same of a copy that *s owns. */
fleck_status fk_fit_set_copy(fleck_settings *s, const char *name, const char *text,
                             fleck_error *err) FLECK_MUST_CHECK;
/* Set a list by a copy of texts [n] that *s owns.  FLECK_E_UNSUPPORTED: name is no list. */
fleck_status fk_fit_set_list(fleck_settings *s, const char *name, const char *const *texts,
                             int64_t n, fleck_error *err) FLECK_MUST_CHECK;
/* The text of the setting called name, NULL: it has none.  fk_free(*out). */
fleck_status fk_fit_get(const fleck_settings *s, const char *name, char **out,
                        fleck_error *err) FLECK_MUST_CHECK;
/* Free what *s owns. */
void fk_fit_settings_free(fleck_settings *s);
/* Whether the setting called name, which exists, was set by fk_fit_set(). */
bool fk_fit_given(const fleck_settings *s, const char *name);

/* Check all of s against the table, then fk_fit_check_given().  FLECK_E_OPTION names the
 * setting. */
fleck_status fk_fit_check(const fleck_settings *s, fleck_error *err) FLECK_MUST_CHECK;
/* Check that the given settings do not exclude each other. */
fleck_status fk_fit_check_given(const fleck_settings *s, fleck_error *err) FLECK_MUST_CHECK;

#endif
