/* A runner: one model's network, threads and scratch; takes images to embeddings and maps.  Not to
 * be moved while it is open. */
#ifndef FK_RUN_RUNNER_H
#define FK_RUN_RUNNER_H

#include "base/warn.h"
#include "view/canvas.h"
#include "run/feed.h"
#include "run/unlike.h"

/* What may be odd about an image's pixels. */
enum { FK_ODD_TRANSPARENT, FK_ODD_DARK, FK_ODD_CLIPPED, FK_ODD_KINDS };

/* What a thread has of its own.  Scratch is made when it is first needed. */
typedef struct fk_lane {
    void *method_scratch;
    float *map_scratch;
    int64_t map_room; /* floats */
    float *top;       /* a copy of the map that may be reordered, where the model pools its top */
    int64_t top_room;
    double decode, network, score;     /* seconds */
    int64_t images, odd[FK_ODD_KINDS]; /* decoded; of these, odd ones of each kind */
    char first[FK_ODD_KINDS][256];     /* path of the first */
} fk_lane;

/* Valid when zeroed; owned, see fk_runner_close().  The model is borrowed. */
typedef struct fk_runner {
    const fk_model *model;
    fk_feed *feed; /* where images and taps come from: its own, or others use it as well */
    fk_feed own;
    bool *reads;   /* of own's settings */
    fk_pool *pool; /* of the feed */
    int threads;
    fk_lane *lanes;             /* one a thread: scratch and clocks */
    fk_embedding *embeddings;   /* [n_embeddings] for who embeds next */
    int64_t n_embeddings, room; /* room: of the list */
    fk_warn warn;
    int64_t max_pixels;      /* of an image; 0: FK_IMAGE_MAX_PIXELS */
    fk_unlike unlike;        /* photos scored that are unlike the learned ones */
    unsigned told;           /* kinds of odd pixels that fk_runner_tell() has told of */
    int tap_of[FK_MAX_TAPS]; /* where the model's taps are among the network's */
} fk_runner;

/* Compile m's network and open threads lanes; 0: one a processor.  Its taps must be those m says:
 * FLECK_E_SHAPE where one of them, or the pool, is not there. */
fleck_status fk_runner_open(fk_runner *out, const fk_model *m, int threads,
                            fleck_error *err) FLECK_MUST_CHECK;
/* The same on a network that other models use as well; feed is borrowed. */
fleck_status fk_runner_open_on(fk_runner *out, const fk_model *m, fk_feed *feed,
                               fleck_error *err) FLECK_MUST_CHECK;
void fk_runner_close(fk_runner *r);

/* Give the memory of embeddings and of a network of its own back until something is embedded, which
 * compiles it again. */
void fk_runner_rest(fk_runner *r);

/* How images become 8 bits for the model. */
fk_image_settings fk_runner_decoding(const fk_runner *r);
/* Note a result for fk_runner_tell(), see fk_unlike_add(). */
void fk_runner_scored(fk_runner *r, const fleck_result *result, bool score_counts);
/* Warn, once for each kind, of what was odd about the pixels decoded since the last call:
 * transparent ones, and samples of 16 bits that are far from the model's window, and of photos
 * unlike the learned ones.  Nothing is running. */
void fk_runner_tell(fk_runner *r);
/* Images with transparent pixels that were decoded since the last call of fk_runner_tell(). */
int64_t fk_runner_transparent(const fk_runner *r);
/* Decode path (RGB, EXIF applied) into original. */
fleck_status fk_runner_decode(fk_runner *r, int lane, const char *path, fk_image *original,
                              fleck_error *err) FLECK_MUST_CHECK;
/* The same of pixels in memory, see fk_image_of_pixels(). */
fleck_status fk_runner_pixels(fk_runner *r, int lane, const fleck_pixels *pixels, bool *borrowed,
                              fk_image *original, fleck_error *err) FLECK_MUST_CHECK;
/* Have at least n embeddings of the model's shape. */
fleck_status fk_runner_embeddings(fk_runner *r, int64_t n, fleck_error *err) FLECK_MUST_CHECK;
/* Free those behind the first n. */
void fk_runner_spare(fk_runner *r, int64_t n);
/* Network and embeddings of n inputs at once, at most r->threads, on all threads: nothing else is
 * running. */
fleck_status fk_runner_embed(fk_runner *r, int64_t n, const uint8_t *const *inputs,
                             fk_embedding *out, fleck_error *err) FLECK_MUST_CHECK;
/* Add the lanes' clocks to t (decode, network, score) and set them to zero. */
void fk_runner_times(fk_runner *r, fleck_times *t);

#endif
