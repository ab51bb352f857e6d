/* A feed: where images and taps come from: decoded, and passed through one network.  With a store
 * that happens once for all runners that need them. */
#ifndef FK_RUN_FEED_H
#define FK_RUN_FEED_H

#include "base/blobs.h"
#include "base/pool.h"
#include "image/image.h"
#include "net/net.h"

/* Valid when zeroed; see fk_feed_close(). */
typedef struct fk_feed {
    fk_pool *pool; /* borrowed */
    fk_net_source source;
    fk_net_settings settings; /* what they point to is borrowed */
    fk_net *net;              /* NULL while it rests */
    int lanes;
    fk_net_session **sessions; /* [lanes] */
    uint8_t **records;         /* [lanes] the taps of an image, where they are kept */
    int64_t record_bytes;
    char key[FK_BLOBS_NAME];         /* tells this feed's taps from another's in the same blobs */
    fk_blobs *blobs;                 /* borrowed; NULL: nothing is kept */
    _Atomic int64_t decoded, passed; /* images decoded and network passes made, not found again */
} fk_feed;

/* Compile the network.  key is any text that no other network with the same blobs has. */
fleck_status fk_feed_open(fk_feed *out, const fk_net_source *source,
                          const fk_net_settings *settings, const char *key, fk_pool *pool,
                          fleck_error *err) FLECK_MUST_CHECK;
void fk_feed_close(fk_feed *f);
/* Give the network's memory back, and compile it again where that has been done. */
void fk_feed_rest(fk_feed *f);
fleck_status fk_feed_wake(fk_feed *f, fleck_error *err) FLECK_MUST_CHECK;

/* The image at path, RGB with EXIF applied: from the blobs where they hold it, else decoded.
 * *seconds is what decoding took, whenever that was.  notes are those of an image that is
 * decoded now, and else zero. */
fleck_status fk_feed_decode(fk_feed *f, const char *path, const fk_image_settings *settings,
                            fk_image *out, fk_image_notes *notes, double *seconds,
                            fleck_error *err) FLECK_MUST_CHECK;

/* Pass n inputs, at most one a lane, through the network, which is awake, on all of the pool: from
 * the blobs where the very same pixels were passed before.  *seconds is what that took of all
 * threads, whenever it was. */
fleck_status fk_feed_run(fk_feed *f, int64_t n, const uint8_t *const *rgb, double *seconds,
                         fleck_error *err) FLECK_MUST_CHECK;
/* The taps [net's taps] and pooled output of input i of the last run, as fk_net_view() gives them,
 * borrowed until the next. */
void fk_feed_view(const fk_feed *f, int i, const float **taps, const float **pooled);

#endif
