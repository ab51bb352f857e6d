/* SPDX-License-Identifier: Apache-2.0 */
/* The model: backbone, preprocessing, embedding, method state and calibration; one file deploys. */
#ifndef FK_MODEL_MODEL_H
#define FK_MODEL_MODEL_H

#include "base/file.h"
#include "features/foreground.h"
#include "method/method.h"
#include "model/calibration.h"
#include "model/kind.h"
#include "map/pooling.h"
#include "net/net.h"
#include "weights/weights.h"

/* Versions of the .fleck layout.  A model is written in the first one that has all it needs, so
 * that an older fleck refuses what it does not know: the second has tiles and masks, the fourth
 * a window and transparent images, the fifth a foreground.  The third had PaDiM's images in
 * place of factors; it is refused, as are larger ones. */
#define FK_MODEL_FORMAT 1
#define FK_MODEL_FORMAT_SHAPE 2
#define FK_MODEL_FORMAT_ROWS 3
#define FK_MODEL_FORMAT_PIXELS 4
#define FK_MODEL_FORMAT_FOREGROUND 5

/* The kind of checksum that a model's description names, so that a missing checksum is noticed. */
#define FK_MODEL_CHECKSUM "xxh3-128"

/* Most images a model keeps to check itself on another machine. */
#define FK_MODEL_CHECKS 2

/* From a decoded image to the network's input, docs/internals/numerics.md. */
typedef struct fk_preprocess {
    int64_t width, height; /* size after resizing; 0: images keep their own size (tiles only) */
    int64_t crop_width, crop_height; /* centre crop; equal to the above if nothing is cropped */
    int64_t tile;    /* side of the square tiles that pass the network; 0: the crop passes whole */
    int64_t turns;   /* learned rotated copies of each good image; 0: only the image itself */
    int64_t overlap; /* least overlap of neighbouring tiles in pixels, < tile */
    char resize[16]; /* filter's name */
    uint32_t low, high; /* window of wide samples, see fk_image_settings; high 0: all of 16 bits */
    bool blend; /* transparent pixels show the background; models of earlier versions show what
                           is hidden there */
    uint8_t background[3];
} fk_preprocess;

/* Most networks whose taps a model joins. */
#define FK_MODEL_NETS 4
/* Bytes for the prefix of a network's tensors. */
#define FK_NET_PREFIX (FK_NAME_SIZE + 16)

/* One network of a model.  Valid when zeroed; the model owns what it points to. */
typedef struct fk_model_net {
    const fk_arch *arch;   /* NULL for ONNX */
    fk_st_reader *weights; /* the weight file while fitting; NULL: the model's own file */
    char *source;          /* name of the file that the weights, or the ONNX model, come from */
    char *digest;          /* of that file: "sha256:..." or "xxh3-128:..."; both NULL if unknown */
    char prefix[FK_NET_PREFIX]; /* of tensor names there */
    fk_contents onnx_file;      /* while fitting */
    const void *onnx;           /* bytes, NULL for an architecture */
    size_t onnx_size;
    float mean[3], scale[3]; /* of the input's normalisation */
    float gain;              /* what its taps and its pool are multiplied by, a power of two; 1 for
                                a single network */
    fk_engine runs_on;       /* in this process, see fk_pick_engine(); not written */
} fk_model_net;

/* What warnings need of one of the areas that a mask was made of. */
typedef struct fk_area_note {
    unsigned kinds;        /* of a mask file, see fk_mask_load() */
    int64_t width, height; /* of a mask file; 0 of another area */
} fk_area_note;

/* Valid when zeroed; everything owned, see fk_model_free(). */
typedef struct fk_model {
    char *backbone; /* names of the networks, joined by '+', or the ONNX file's name */
    int n_nets;
    fk_model_net nets[FK_MODEL_NETS];
    fk_st_reader *file; /* of an opened model, which has the weights too; NULL while fitting */
    int n_taps;
    /* In the embedding's order; taps of joined networks are called NETWORK/TAP. */
    fk_tap_info taps[FK_MAX_TAPS];
    int tap_net[FK_MAX_TAPS]; /* network of each tap */
    int64_t pool_dim;
    fk_precision precision;
    char *engine; /* version text of the engines that it was fitted with */
    fk_preprocess pre;
    int64_t mask_width, mask_height;
    int64_t mask_file[2]; /* width and height at which a fit drew the mask; not stored */
    fk_area_note *areas;  /* of the areas that a fit drew the mask from; not stored */
    /* NULL, or [mask_height, mask_width] 255 where all images are ignored.  It has the size of the
     * crop, or, if images keep their own size, is scaled to each. */
    uint8_t *mask;
    int64_t more_width, more_height;
    /* NULL, or, of an opened model, the mask together with the areas that this opening ignores in
     * addition; not stored, and not painted. */
    uint8_t *more;
    int64_t
        photo[2]; /* width and height of the first good image, in whose pixels areas are given; 0
                         if unknown */
    bool transparent; /* some good image is: written as the fourth version */
    bool own_masks;   /* images had masks of their own: written as the second version */
    double unseen;    /* share of the picture that the images' own masks hid in nearly all images */
    fk_foreground foreground; /* rule for the part of an image that counts; dim 0: all of it */
    double sigma;
    fk_pooling pooling;        /* rule of image scores */
    fk_pooling fitted_pooling; /* rule when thresholds and check scores were made */
    fk_embed_spec embed;
    fk_embed_shape shape;
    const fk_method *method;
    fk_options options;
    void *state;
    int64_t images; /* learned; with tiles the method counts these */
    fk_calibration calibration;
    fk_kind kind; /* of photos learned */
    char *category;
    char *version; /* of the fleck that fitted it */
    bool checksum; /* whether its file has one */
    int n_checks;
    uint8_t *checks; /* [n_checks, the network's input, 3] */
    double check_scores[FK_MODEL_CHECKS];
} fk_model;

void fk_model_free(fk_model *m);

/* Whether an image's score is computed from its map, so that scoring needs the map. */
bool fk_model_scores_maps(const fk_model *m);
/* The threshold of image scores; NaN if the model was not calibrated, or was calibrated with
 * another rule of image scores. */
double fk_model_threshold(const fk_model *m);
/* Size of the network's input: of a tile, or of the crop. */
fk_map_size fk_preprocess_input(const fk_preprocess *p);
/* Size of the map of a width x height image: of the crop, or the image's own. */
fk_map_size fk_preprocess_canvas(const fk_preprocess *p, int64_t width, int64_t height);
/* Images learned. */
int64_t fk_model_images(const fk_model *m);

/* The built-in networks that text names: one, or several joined ones, "a+b".  FLECK_E_OPTION, with
 * *n 0: an unknown name, a name twice, more than FK_MODEL_NETS. */
fleck_status fk_model_archs(const fk_arch *out[FK_MODEL_NETS], int *n, const char *text,
                            fleck_error *err) FLECK_MUST_CHECK;
/* The name of network k. */
const char *fk_model_net_name(const fk_model *m, int k);
/* The name of tap i in its network. */
const char *fk_model_tap_name(const fk_model *m, int i);
/* The prefix of network k's tensors in a model's file: "backbone.", or "backbone.NETWORK." if
 * several are joined. */
void fk_model_net_prefix(char out[FK_NET_PREFIX], const fk_model *m, int k);
/* The file that network k's weights are read from; NULL for ONNX while fitting. */
fk_st_reader *fk_model_net_file(const fk_model *m, int k);
/* What network k is built from, borrowed from m. */
fk_net_source fk_model_source(const fk_model *m, int k);
/* Network k's settings: m's size, precision and engine, and those of m's taps that it has. */
fk_net_settings fk_model_net_settings(const fk_model *m, int k, int threads);
/* Read the weights again if their memory was freed. */
fleck_status fk_model_restore(const fk_model *m, fleck_error *err) FLECK_MUST_CHECK;

/* Write m, whole or not at all.  FLECK_E_FORMAT names the tensor if a number is infinite or NaN. */
fleck_status fk_model_save(const fk_model *m, const char *path, fk_watch *watch,
                           fleck_error *err) FLECK_MUST_CHECK;
/* The same bytes into memory, to be freed with fk_free(*bytes). */
fleck_status fk_model_save_memory(const fk_model *m, uint8_t **bytes, size_t *size, fk_watch *watch,
                                  fleck_error *err) FLECK_MUST_CHECK;

/* Open and check a model with so many threads.  watch is told of the bytes read.  overrides:
 * NULL, or "name=value" texts for options that may change after the fit, ended by NULL.  The
 * file is read as a whole, and tensors are views of its bytes. */
fleck_status fk_model_load(fk_model *out, const char *path, int threads, fk_watch *watch,
                           const char *const *overrides, fleck_error *err) FLECK_MUST_CHECK;
/* The same from a copy of bytes [size]; path is the name for messages. */
fleck_status fk_model_load_memory(fk_model *out, const void *bytes, size_t size, const char *path,
                                  int threads, fk_watch *watch, const char *const *overrides,
                                  fleck_error *err) FLECK_MUST_CHECK;
/* The same over bytes, whose checksum is not compared (for fuzzing); name is for messages. */
fleck_status fk_model_load_bytes(fk_model *out, const void *bytes, size_t size, const char *name,
                                 fleck_error *err) FLECK_MUST_CHECK;

#endif
