/* SPDX-License-Identifier: Apache-2.0 */
/* A runner: networks, threads and scratch of one model.  It must not be moved while it is open. */
#ifndef FK_RUN_RUNNER_H
#define FK_RUN_RUNNER_H

#include "base/warn.h"
#include "view/canvas.h"
#include "run/feed.h"
#include "run/unlike.h"

/* Odd pixels that a warning is about. */
enum { FK_ODD_TRANSPARENT, FK_ODD_DARK, FK_ODD_CLIPPED, FK_ODD_STARK, FK_ODD_KINDS };

/* Scratch and counters of one thread.  Scratch is allocated when it is first needed. */
typedef struct fk_lane {
    void *method_scratch;
    float *map_scratch;
    int64_t map_room; /* floats */
    float *top;       /* copy of a map to be reordered, if the model pools the highest values */
    int64_t top_room;
    double decode, network, score;     /* seconds */
    int64_t images, odd[FK_ODD_KINDS]; /* decoded images, and odd ones of each kind */
    char first[FK_ODD_KINDS][256];     /* path of the first odd one */
} fk_lane;

/* Valid when zeroed; owned, see fk_runner_close().  The model is borrowed. */
typedef struct fk_runner {
    const fk_model *model;
    fk_feed *feeds[FK_MODEL_NETS]; /* of each network: &own[k], or one that other runners use too */
    fk_feed own[FK_MODEL_NETS];
    bool *reads;   /* for the settings of own */
    fk_pool *pool; /* of the feeds */
    fk_pool *kept; /* NULL, or the runner's own pool while it uses another */
    int threads;
    /* [threads, scaled_room] of several networks: taps times the networks' gains, and their pools,
     * joined; NULL before the first, and while the runner rests */
    float *scaled;
    int64_t scaled_room;
    fk_lane *lanes;             /* [threads] */
    fk_embedding *embeddings;   /* [n_embeddings] buffers, reused by each block */
    int64_t n_embeddings, room; /* room: capacity of the array */
    fk_warn warn;
    int64_t max_pixels;      /* of an image; 0: FK_IMAGE_MAX_PIXELS */
    fk_unlike unlike;        /* scored photos that are unlike the learned ones */
    unsigned told;           /* bit k: fk_runner_tell() has warned of odd pixels of kind k */
    int tap_of[FK_MAX_TAPS]; /* index of each of the model's taps in its network */
} fk_runner;

/* Compile m's networks; threads 0: one for each processor.  FLECK_E_SHAPE: a network lacks a tap of
 * m, or the pooled output. */
fleck_status fk_runner_open(fk_runner *out, const fk_model *m, int threads,
                            fleck_error *err) FLECK_MUST_CHECK;
/* The same with networks that other models use too, feeds [m->n_nets] of one pool; the feeds are
 * borrowed. */
fleck_status fk_runner_open_on(fk_runner *out, const fk_model *m, fk_feed *const *feeds,
                               fleck_error *err) FLECK_MUST_CHECK;
void fk_runner_close(fk_runner *r);

/* Free the embeddings and the runner's own networks.  fk_runner_embed() compiles them again. */
void fk_runner_rest(fk_runner *r);

/* Use this pool from now on, NULL for the runner's own.  It may have more threads than the runner,
 * which share single images, if the runner has one thread and networks of its own.  It is borrowed.
 */
void fk_runner_share(fk_runner *r, fk_pool *pool);

/* How the model's images are decoded to 8 bits. */
fk_image_settings fk_runner_decoding(const fk_runner *r);
/* Add a result to the counts of fk_runner_tell(), see fk_unlike_add(). */
void fk_runner_scored(fk_runner *r, const fleck_result *result, bool score_counts);
/* Warn, once for each kind, of odd pixels that were decoded since the last call (transparent ones,
 * and 16-bit samples far from the model's window), and of photos unlike the learned ones.  No
 * thread may be running. */
void fk_runner_tell(fk_runner *r);
/* Number of images with transparent pixels decoded since the last call of fk_runner_tell(). */
int64_t fk_runner_transparent(const fk_runner *r);
/* Decode path (RGB, EXIF applied) into original. */
fleck_status fk_runner_decode(fk_runner *r, int lane, const char *path, fk_image *original,
                              fleck_error *err) FLECK_MUST_CHECK;
/* The same for the bytes of an image file; name is for messages. */
fleck_status fk_runner_decode_bytes(fk_runner *r, int lane, const void *bytes, size_t size,
                                    const char *name, fk_image *original,
                                    fleck_error *err) FLECK_MUST_CHECK;
/* Load a mask, as fk_mask_load(). */
fleck_status fk_runner_mask(fk_runner *r, int lane, const char *path, const char *image,
                            int64_t width, int64_t height, fk_image *mask, unsigned *kinds,
                            fleck_error *err) FLECK_MUST_CHECK;
/* Convert pixels in memory into original, see fk_image_of_pixels(). */
fleck_status fk_runner_pixels(fk_runner *r, int lane, const fleck_pixels *pixels, bool *borrowed,
                              fk_image *original, fleck_error *err) FLECK_MUST_CHECK;
/* Allocate embeddings until there are n. */
fleck_status fk_runner_embeddings(fk_runner *r, int64_t n, fleck_error *err) FLECK_MUST_CHECK;
/* Free the embeddings but the first n. */
void fk_runner_trim(fk_runner *r, int64_t n);
/* Run the networks on n inputs, n <= r->threads, and embed their taps.  It uses all threads, so
 * nothing else may run on r. */
fleck_status fk_runner_embed(fk_runner *r, int64_t n, const uint8_t *const *inputs,
                             fk_embedding *out, fleck_error *err) FLECK_MUST_CHECK;
/* Run the networks, none of which rests, on one input, and measure the spread of each: the root of
 * the mean, over its taps, of the mean variance of the channels that the model reads.  Feeds
 * neither count the pass nor store its taps.  spread [the model's networks]. */
fleck_status fk_runner_spread(fk_runner *r, const uint8_t *rgb, double *spread,
                              fleck_error *err) FLECK_MUST_CHECK;
/* Add the threads' times (decode, network, score) to t, and reset them. */
void fk_runner_times(fk_runner *r, fleck_times *t);

#endif
