/* A source: where images come from, files or a function of the caller. */
#ifndef FK_RUN_SOURCE_H
#define FK_RUN_SOURCE_H

#include "dataset/dataset.h"
#include "run/runner.h"

#include <pthread.h>

/* How a data set is listed whose images this library reads; good and recursive as in
 * fk_dataset_how. */
fk_dataset_how fk_source_how(const char *good, bool recursive, fk_warn warn);

/* What it names is borrowed.  Not to be moved between init and free. */
typedef struct fk_source {
    int64_t n;
    const char *const *files;  /* [n], or NULL: `next` gives the pixels */
    const char *const *masks;  /* [n] of the images' own masks, NULL entries for none; or NULL */
    const fk_digest *contents; /* [n] digests of the files, or NULL */
    const fk_image *drawn;     /* NULL, or the mask of a function's only image */
    bool lasting;              /* a function's pixels stay until the source is freed */
    fleck_next_image *next;
    void *ctx;
    /* Of a function: whose turn it is, guarded by lock. */
    pthread_mutex_t lock;
    pthread_cond_t turn_came;
    int64_t turn;
    bool stopped;
} fk_source;

void fk_source_init_files(fk_source *out, const char *const *files, int64_t n);
void fk_source_init_stream(fk_source *out, fleck_next_image *next, void *ctx, int64_t n);
void fk_source_free(fk_source *s);

/* Image i, RGB.  Callers on several threads get a function's images in the order of i: each waits
 * until those below have been asked for, so who leaves one out must stop the source.  Once the last
 * has been read, any may be read again.  What the function returns other than FLECK_OK is the
 * status of the call; from then on all are FLECK_E_CANCELLED, without another call of the function.
 * Messages name the image.  *borrowed: out is a view of lasting
 * pixels, not to be freed. */
fleck_status fk_source_read(fk_source *s, fk_runner *r, int lane, int64_t i, fk_image *out,
                            bool *borrowed, fleck_error *err) FLECK_MUST_CHECK;

/* Let no more be read, and nobody wait: the fit has failed. */
void fk_source_stop(fk_source *s);

/* Put the name of image i in front of err's message. */
void fk_source_context(const fk_source *s, int64_t i, fleck_error *err);

#endif
