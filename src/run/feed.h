/* A feed: images decoded, and passed through one network, once for all runners that need them. */
#ifndef FK_RUN_FEED_H
#define FK_RUN_FEED_H

#include "base/blobs.h"
#include "base/pool.h"
#include "image/image.h"
#include "net/net.h"

/* One compiled network with the taps of several models, and what was seen so far.  Valid when
 * zeroed; see fk_feed_close(). */
typedef struct fk_feed {
    fk_pool *pool; /* borrowed */
    fk_net *net;
    int lanes;
    fk_net_session **sessions; /* one a thread */
    uint8_t **records;         /* one a thread: room for the taps of one image */
    int64_t record_bytes;
    char key[FK_BLOBS_NAME];         /* tells this feed's taps from another's in the same blobs */
    fk_blobs *blobs;                 /* borrowed; NULL: nothing is kept */
    _Atomic int64_t decoded, passed; /* images decoded and network passes made, not found again */
} fk_feed;

/* Compile the network.  key is any text that no other network with the same blobs has.  pool is
 * borrowed. */
fleck_status fk_feed_open(fk_feed *out, const fk_net_source *source,
                          const fk_net_settings *settings, const char *key, fk_pool *pool,
                          fleck_error *err) FLECK_MUST_CHECK;
void fk_feed_close(fk_feed *f);

/* The image at path, RGB with EXIF applied: from the blobs where they hold it, else decoded.
 * *seconds is what decoding took, whenever that was.  notes are those of an image that is
 * decoded now, and else zero. */
fleck_status fk_feed_decode(fk_feed *f, const char *path, const fk_image_settings *settings,
                            fk_image *out, fk_image_notes *notes, double *seconds,
                            fleck_error *err) FLECK_MUST_CHECK;

/* The taps [net's taps] and pooled output of an input, as fk_net_view() gives them, borrowed until
 * the lane's next call:
 * from the blobs where the very same pixels were passed before, else by running the network on
 * `pool` as fk_net_run_together() does.  *seconds is what that took, whenever it was. */
fleck_status fk_feed_run(fk_feed *f, int lane, const uint8_t *rgb, int64_t pixels, fk_pool *pool,
                         const float **taps, const float **pooled, double *seconds,
                         fleck_error *err) FLECK_MUST_CHECK;

#endif
