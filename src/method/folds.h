/* Patches learned in folds: the components of everything, and of everything but one fold. */
#ifndef FK_METHOD_FOLDS_H
#define FK_METHOD_FOLDS_H

#include "method/method.h"
#include "method/pca.h"

/* What a fold's n patches have in common. */
typedef struct fk_part {
    int64_t images, n;
    double *mean;  /* [D] */
    float *moment; /* [D (D + 1) / 2] lower triangle, row by row; NULL before the first */
} fk_part;

/* Moments of all patches in double, as without folds and to the same bit, and each fold's beside them,
 * rounded to float.  Owned; made by fk_folds_init.
 *
 * Memory for D numbers: 8 D^2 bytes for all, 2 D^2 for each fold, and 8 D^2 more while a fold is open.
 * Cost beside fk_pca_add's: 3 D^2 a fold whose images are learned in a row, as much an image where folds
 * take turns. */
typedef struct fk_folds {
    fk_pca all; /* of every fold, and of what was loaded */
    fk_part parts[FK_FOLDS];
    uint8_t *of;     /* [n] fold of each embedding, or a number of no fold for what was loaded */
    int64_t n, room; /* embeddings; bytes that `of` has */
    int64_t loaded;  /* embeddings in front of those, which are of no fold and not in `of` yet */
    int next;        /* fold of what is added, -1 where fk_folds_set was not called */
    int open;        /* fold that has been learned by `all`, not by its part; -1: none */
    fk_pca before;   /* what `all` was when that fold was opened */
    int lanes;       /* folds at a time that fk_folds_run may take */
} fk_folds;

/* Nothing learned.  FLECK_E_NOMEM where D^2 does not fit. */
fleck_status fk_folds_init(fk_folds *f, int64_t dim, fleck_error *err) FLECK_MUST_CHECK;
void fk_folds_free(fk_folds *f);
/* `all` was loaded, of so many embeddings. */
void fk_folds_loaded(fk_folds *f, int64_t images);

/* What is added from now on is of this fold, 0 to FK_FOLDS - 1.  Where this was never called the i-th
 * embedding is of fold i % FK_FOLDS. */
void fk_folds_set(fk_folds *f, int fold);
/* Learn one embedding's patches as fk_pca_add() does.  On failure nothing has been learned. */
fleck_status fk_folds_add(fk_folds *f, const fk_level *level, fk_pool *pool,
                          fleck_error *err) FLECK_MUST_CHECK;
/* Take over what other learned, behind what f did; its embeddings keep their folds.  Other becomes
 * empty.  Dims are equal (asserted). */
fleck_status fk_folds_merge(fk_folds *f, fk_folds *other, fleck_error *err) FLECK_MUST_CHECK;
/* Bring the parts up to date and free what only adding needs.  More may be added afterwards. */
fleck_status fk_folds_close(fk_folds *f, fleck_error *err) FLECK_MUST_CHECK;

/* Fold of what was learned as this span, -1 where that is none. */
int fk_folds_of(const fk_folds *f, fk_span span);
/* Rounded mean [D] and components (see fk_pca_components) of all patches but those of a fold; the
 * caller frees them.  Variances below a millionth of the largest may be the parts' rounding and are
 * left out.  f is closed, and some of its embeddings are of that fold (asserted).
 *
 * FLECK_E_STATE where fewer than 2 patches are left, or all are equal.  Cost: about 9 D^3 multiply-adds
 * in double.  Memory: 24 D^2 bytes. */
fleck_status fk_folds_rest(const fk_folds *f, int fold, double variance, float **mean,
                           double **vectors, double **values, int64_t *count,
                           fleck_error *err) FLECK_MUST_CHECK;
/* Run fn for each fold (its item) that has embeddings, at most `lanes` at a time. */
fleck_status fk_folds_run(const fk_folds *f, fk_pool *pool, fk_pool_fn *fn, void *ctx,
                          fleck_error *err) FLECK_MUST_CHECK;

/* The limit of a method that beside its folds takes `others` bytes for patches as many as an image has:
 * as fk_method_needs(), and lanes as many as fit. */
fleck_status fk_folds_limit(fk_folds *f, const char *name, const fk_memory *m, int64_t patches,
                            int64_t others, int64_t *least, fleck_error *err) FLECK_MUST_CHECK;

#endif
