/* SPDX-License-Identifier: Apache-2.0 */
/* A source: the images of a fit or a prediction, from files, from memory or from a function of the
 * caller. */
#ifndef FK_RUN_SOURCE_H
#define FK_RUN_SOURCE_H

#include "dataset/dataset.h"
#include "run/runner.h"

#include <pthread.h>

/* Settings that list the images which this library can read; good and recursive as in
 * fk_dataset_how. */
fk_dataset_how fk_source_how(const char *good, bool recursive, fk_warn warn);

/* All pointers are borrowed.  It must not be moved between init and free. */
typedef struct fk_source {
    int64_t n;
    const char *const *files;   /* [n], or NULL */
    const char *const *masks;   /* NULL, or [n] files of the images' own masks, NULL: no mask */
    const fk_digest *contents;  /* [n] digests of the files, or NULL */
    const fleck_pixels *pixels; /* [n] images in memory, or NULL */
    const fleck_pixels *const *pixel_masks; /* NULL, or [n] masks of these, NULL: no mask */
    bool borrow;                            /* pixels may be viewed instead of copied */
    const void *bytes;                      /* [size] of one image file in memory, or NULL */
    size_t size;
    const char *name;       /* of these bytes, for messages */
    fleck_next_image *next; /* of a source that has neither files nor pixels */
    void *ctx;
    /* For a function, guarded by lock: expected is the index of the image that is read next. */
    pthread_mutex_t lock;
    pthread_cond_t advanced;
    int64_t expected;
    bool stopped;
} fk_source;

void fk_source_init_files(fk_source *out, const char *const *files, int64_t n);
void fk_source_init_pixels(fk_source *out, const fleck_pixels *pixels,
                           const fleck_pixels *const *masks, int64_t n);
void fk_source_init_bytes(fk_source *out, const void *bytes, size_t size, const char *name);
void fk_source_init_stream(fk_source *out, fleck_next_image *next, void *ctx, int64_t n);
void fk_source_free(fk_source *s);

/* Read image i as RGB.  A function is called for its images in order: image i waits until all
 * images before it have been read, on any thread.  A caller that skips an image must therefore stop
 * the source.  After the last image, any image may be read again.  If the function fails, its
 * status is returned, and later calls return FLECK_E_CANCELLED without calling it.  Messages name
 * the image.  If *borrowed is set, out is a view of the caller's pixels and must not be freed. */
fleck_status fk_source_read(fk_source *s, fk_runner *r, int lane, int64_t i, fk_image *out,
                            bool *borrowed, fleck_error *err) FLECK_MUST_CHECK;

/* Set out to the mask in memory of image i, which has this size; out stays empty if there is
 * none. */
fleck_status fk_source_mask(const fk_source *s, int64_t i, int64_t width, int64_t height,
                            fk_image *out, fleck_error *err) FLECK_MUST_CHECK;

/* After a failure: end all waiting; a function is not called again. */
void fk_source_stop(fk_source *s);

/* Put the name of image i in front of err's message. */
void fk_source_context(const fk_source *s, int64_t i, fleck_error *err);

#endif
