/* SPDX-License-Identifier: Apache-2.0 */
/* A source: the images of a fit or a prediction, from files or from a function of the caller. */
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
    const char *const *files;  /* [n], or NULL: `next` provides the pixels */
    const char *const *masks;  /* NULL, or [n] files of the images' own masks, NULL: no mask */
    const fk_digest *contents; /* [n] digests of the files, or NULL */
    const fk_image *drawn;     /* NULL, or the mask of a function's only image */
    bool lasting;              /* a function's pixels stay until the source is freed */
    fleck_next_image *next;
    void *ctx;
    /* For a function, guarded by lock: expected is the index of the image that is read next. */
    pthread_mutex_t lock;
    pthread_cond_t advanced;
    int64_t expected;
    bool stopped;
} fk_source;

void fk_source_init_files(fk_source *out, const char *const *files, int64_t n);
void fk_source_init_stream(fk_source *out, fleck_next_image *next, void *ctx, int64_t n);
void fk_source_free(fk_source *s);

/* Read image i as RGB.  A function is called for its images in order: image i waits until all
 * images before it have been read, on any thread.  A caller that skips an image must therefore stop
 * the source.  After the last image, any image may be read again.  If the function fails, its
 * status is returned, and later calls return FLECK_E_CANCELLED without calling it.  Messages name
 * the image.  If *borrowed is set, out is a view of lasting pixels and must not be freed. */
fleck_status fk_source_read(fk_source *s, fk_runner *r, int lane, int64_t i, fk_image *out,
                            bool *borrowed, fleck_error *err) FLECK_MUST_CHECK;

/* After a failure: end all waiting; a function is not called again. */
void fk_source_stop(fk_source *s);

/* Put the name of image i in front of err's message. */
void fk_source_context(const fk_source *s, int64_t i, fleck_error *err);

#endif
