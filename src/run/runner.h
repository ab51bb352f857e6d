/* A runner: one model's network, threads and scratch; takes images to embeddings and maps.  Not to
 * be moved while it is open. */
#ifndef FK_RUN_RUNNER_H
#define FK_RUN_RUNNER_H

#include "base/gate.h"
#include "base/warn.h"
#include "view/canvas.h"
#include "run/feed.h"
#include "run/unlike.h"

typedef struct fk_lane fk_lane;

/* Valid when zeroed; owned, see fk_runner_close().  The model is borrowed. */
typedef struct fk_runner {
    const fk_model *model;
    int threads;
    fk_pool *pool;
    fk_net *net;
    fk_lane *lanes; /* one a thread: session, embedding, scratch and clocks */
    fk_feed *feed;  /* NULL, or where images and taps come from; then pool and net are its own */
    fk_warn warn;
    int64_t max_pixels;      /* of an image; 0: FK_IMAGE_MAX_PIXELS */
    fk_unlike unlike;        /* photos scored that are unlike the learned ones, without a feed */
    unsigned told;           /* kinds of odd pixels that fk_runner_tell() has told of */
    fk_gate decoding;        /* for images while they are decoded and resized */
    int tap_of[FK_MAX_TAPS]; /* with a feed: where the model's taps are among the network's */
} fk_runner;

/* Open threads lanes; the network rests. */
fleck_status fk_runner_open_resting(fk_runner *out, const fk_model *m, int threads,
                                    fleck_error *err) FLECK_MUST_CHECK;
/* The same, with m's network compiled.  Its taps must be those m says. */
fleck_status fk_runner_open(fk_runner *out, const fk_model *m, int threads,
                            fleck_error *err) FLECK_MUST_CHECK;
/* The same on a network that other models use as well; feed is borrowed.  FLECK_E_SHAPE: it lacks
 * one of m's taps, or the pool. */
fleck_status fk_runner_open_on(fk_runner *out, const fk_model *m, fk_feed *feed,
                               fleck_error *err) FLECK_MUST_CHECK;
void fk_runner_close(fk_runner *r);

/* Give the network's memory back until fk_runner_wake(), which compiles it again, or finds it
 * awake.  In between nothing can be embedded, only scored.  With a feed both do nothing. */
void fk_runner_rest(fk_runner *r);
fleck_status fk_runner_wake(fk_runner *r, fleck_error *err) FLECK_MUST_CHECK;

/* Make the lanes ready to score; m's state is finished. */
fleck_status fk_runner_ready(fk_runner *r, fleck_error *err) FLECK_MUST_CHECK;

/* Wait until there is memory for the image at path to be decoded: one of an unusual size goes
 * alone.  Returns what fk_runner_leave() is to be called with when the decoded image is gone, or
 * kept. */
int64_t fk_runner_enter(fk_runner *r, int lane, const char *path);
void fk_runner_leave(fk_runner *r, int64_t bytes);
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
/* Bring it to the model's canvas; mask: NULL or the file of its own mask, see fk_canvas_make(). */
fleck_status fk_runner_prepare(fk_runner *r, int lane, const fk_image *original, const char *mask,
                               fk_canvas *out, fleck_error *err) FLECK_MUST_CHECK;
/* The same with a mask in memory, or NULL. */
fleck_status fk_runner_prepare_masked(fk_runner *r, int lane, const fk_image *original,
                                      const fk_image *mask, fk_canvas *out,
                                      fleck_error *err) FLECK_MUST_CHECK;
/* Network and embedding of one input; out was made for the model's shape, or is NULL for the lane's
 * own.  pool: the runner's, where nothing else runs on it, or NULL; here and below. */
fleck_status fk_runner_embed(fk_runner *r, int lane, const uint8_t *input, fk_pool *pool,
                             fk_embedding *out, fleck_error *err) FLECK_MUST_CHECK;
/* The same of n inputs at once, at most r->threads, on all threads: nothing else is running. */
fleck_status fk_runner_embed_many(fk_runner *r, int64_t n, const uint8_t *const *inputs,
                                  fk_embedding *const *out, fleck_error *err) FLECK_MUST_CHECK;
/* Network and embedding of piece i of a canvas, with flags where the canvas is masked. */
fleck_status fk_runner_embed_piece(fk_runner *r, int lane, const fk_canvas *c, int64_t i,
                                   bool to_learn, fk_pool *pool, fk_embedding *out,
                                   fleck_error *err) FLECK_MUST_CHECK;
/* Map (smoothed, of the network's input) and score of e, NULL for the lane's own embedding; exclude
 * as in fk_method.score.  left_out: NULL or [the input] 255 where a mask leaves out; the map is 0
 * there. */
fleck_status fk_runner_score(fk_runner *r, int lane, const fk_embedding *e, fk_span exclude,
                             fk_pool *pool, const uint8_t *left_out, float *map, double *score,
                             fleck_error *err) FLECK_MUST_CHECK;
/* The same of n images at once on all threads: nothing else is running.  Entries of maps may be
 * NULL; left_out is [n] of what the above takes.  A message does not say which image it is
 * about. */
fleck_status fk_runner_score_many(fk_runner *r, int64_t n, const fk_embedding *const *e,
                                  const fk_span *exclude, const uint8_t *const *left_out,
                                  float *const *maps, double *scores,
                                  fleck_error *err) FLECK_MUST_CHECK;
/* The same of images that are all that was learned of a fold, without it: see
 * fk_method.score_fold. */
fleck_status fk_runner_score_fold(fk_runner *r, int64_t n, const fk_embedding *const *e,
                                  const uint8_t *const *left_out, float *const *maps,
                                  double *scores, fleck_error *err) FLECK_MUST_CHECK;
/* Network, embedding, map [the canvas] and score of a whole canvas.  With tiles the maps are
 * blended and then smoothed; a score that is the method's own is the highest tile's. */
fleck_status fk_runner_score_canvas(fk_runner *r, int lane, const fk_canvas *c, fk_span exclude,
                                    fk_pool *pool, float *map, double *score,
                                    fleck_error *err) FLECK_MUST_CHECK;

/* Add the lanes' clocks to t (decode, network, score) and set them to zero. */
void fk_runner_times(fk_runner *r, fleck_times *t);

#endif
