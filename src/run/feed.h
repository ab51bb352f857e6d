/* SPDX-License-Identifier: Apache-2.0 */
/* A feed decodes images and masks, and runs one network.  With a store (blobs) it keeps images,
 * masks and taps, so that each is decoded or passed once for all runners of the feed. */
#ifndef FK_RUN_FEED_H
#define FK_RUN_FEED_H

#include "base/blobs.h"
#include "base/pool.h"
#include "image/image.h"
#include "net/net.h"
#include "view/mask.h"

/* Valid when zeroed; see fk_feed_close(). */
typedef struct fk_feed {
    fk_pool *pool; /* borrowed */
    fk_net_source source;
    fk_net_settings settings;  /* what they point to is borrowed */
    fk_net *net;               /* NULL while it rests */
    int lanes;                 /* most inputs of a run: the threads of the pool, or fewer */
    fk_net_session **sessions; /* [lanes] */
    uint8_t **records;         /* [lanes] with blobs: the taps of one input, as they are stored */
    int64_t record_bytes;
    char key[FK_BLOBS_NAME]; /* distinguishes feeds that share blobs */
    fk_blobs *blobs;         /* borrowed; NULL: nothing is stored */
    /* Images, masks and network inputs that were not in the blobs. */
    _Atomic int64_t decoded, masks, passed;
} fk_feed;

/* Compile the network.  key: any text that is different for each network with the same blobs. */
fleck_status fk_feed_open(fk_feed *out, const fk_net_source *source,
                          const fk_net_settings *settings, const char *key, fk_pool *pool,
                          fleck_error *err) FLECK_MUST_CHECK;
void fk_feed_close(fk_feed *f);
/* Free the network; compile it again if it was freed. */
void fk_feed_rest(fk_feed *f);
fleck_status fk_feed_wake(fk_feed *f, fleck_error *err) FLECK_MUST_CHECK;

/* The image at path, RGB with EXIF applied, from the blobs or decoded.  *seconds is the time of
 * decoding, also if it was done before.  notes are zero for an image from the blobs. */
fleck_status fk_feed_decode(fk_feed *f, const char *path, const fk_image_settings *settings,
                            fk_image *out, fk_image_notes *notes, double *seconds,
                            fleck_error *err) FLECK_MUST_CHECK;

/* The same of a mask: fk_mask_load(). */
fleck_status fk_feed_mask(fk_feed *f, const char *path, const char *image, int64_t width,
                          int64_t height, fk_image *out, unsigned *kinds, double *seconds,
                          fleck_error *err) FLECK_MUST_CHECK;

/* Run the network, which must not rest, on n inputs, n <= lanes, with all threads of the pool.
 * Taps of pixels that were passed before come from the blobs.  *seconds is the time of all threads
 * together, also if that was before. */
fleck_status fk_feed_run(fk_feed *f, int64_t n, const uint8_t *const *rgb, double *seconds,
                         fleck_error *err) FLECK_MUST_CHECK;
/* The taps [net's taps] and pooled output of input i of the last run, as of fk_net_view(), borrowed
 * until the next run. */
void fk_feed_view(const fk_feed *f, int i, const float **taps, const float **pooled);

#endif
