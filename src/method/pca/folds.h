/* Patches learned in folds: the components of everything, and of everything but one fold.
 *
 * Images are parted twice: into folds that are dealt out in turn, parts 0 to FK_FOLDS - 1, and into
 * folds of sessions, the parts behind them. */
#ifndef FK_METHOD_PCA_FOLDS_H
#define FK_METHOD_PCA_FOLDS_H

#include "method/method.h"
#include "method/pca/pca.h"

#define FK_PARTS (2 * FK_FOLDS)

/* What a fold's n patches have in common. */
typedef struct fk_part {
    int64_t images, n;
    double *mean;  /* [D] */
    float *moment; /* [D (D + 1) / 2] lower triangle, row by row; NULL before the first */
} fk_part;

/* Moments of all patches in double, as without folds and to the same bit, and each fold's beside
 * them, rounded to float.  Owned; made by fk_folds_init.
 *
 * Memory for D numbers: 8 D^2 bytes for all, 2 D^2 for each part, and 8 D^2 more while parts are
 * open.  Cost beside fk_pca_add's: 6 D^2 for each image of other parts than the one before it. */
typedef struct fk_folds {
    fk_pca all; /* of every fold, and of what was loaded */
    fk_part parts[FK_PARTS];
    uint8_t *of; /* [n, 2] parts of each embedding, or a number of no part for what was loaded */
    int64_t n, room; /* embeddings; how many `of` has room for */
    int64_t loaded;  /* embeddings in front of those, which are of no fold and not in `of` yet */
    int next[2];     /* parts of what is added, -1 where fk_folds_set was not called */
    int open[2];     /* parts that have not learned what `all` has; -1: none */
    fk_pca before;   /* what `all` was when that fold was opened */
    int lanes;       /* folds at a time that fk_folds_run may take */
} fk_folds;

/* Nothing learned.  FLECK_E_NOMEM where D^2 does not fit. */
fleck_status fk_folds_init(fk_folds *f, int64_t dim, fleck_error *err) FLECK_MUST_CHECK;
void fk_folds_free(fk_folds *f);
/* `all` was loaded, of so many embeddings. */
void fk_folds_loaded(fk_folds *f, int64_t images);

/* What is added from now on is of these folds, as in fk_method.fold. */
void fk_folds_set(fk_folds *f, int alone, int session);
/* Learn one embedding's patches as fk_pca_add() does.  On failure nothing has been learned. */
fleck_status fk_folds_add(fk_folds *f, const fk_level *level, fk_pool *pool,
                          fleck_error *err) FLECK_MUST_CHECK;
/* Take over what other learned, behind what f did; its embeddings keep their folds.  Other becomes
 * empty.  Dims are equal (asserted). */
fleck_status fk_folds_merge(fk_folds *f, fk_folds *other, fleck_error *err) FLECK_MUST_CHECK;
/* Bring the parts up to date and free what only adding needs.  More may be added afterwards. */
fleck_status fk_folds_close(fk_folds *f, fleck_error *err) FLECK_MUST_CHECK;

/* The part that stands for what a span leaves out, -1 where there is none. */
int fk_folds_of(const fk_folds *f, fk_span span);
/* Rounded mean [D] and components (see fk_pca_components) of all patches but those of a part; the
 * caller frees them.  Variances below a millionth of the largest may be the parts' rounding and are
 * left out.  f is closed, and some of its embeddings are of that part (asserted).
 *
 * FLECK_E_STATE where fewer than 2 patches are left, or all are equal.  Cost: about 9 D^3
 * multiply-adds in double.  Memory: 24 D^2 bytes. */
fleck_status fk_folds_rest(const fk_folds *f, int part, double variance, float **mean,
                           double **vectors, double **values, int64_t *count,
                           fleck_error *err) FLECK_MUST_CHECK;
/* Run fn for each part (its item) that has embeddings, at most `lanes` at a time. */
fleck_status fk_folds_run(const fk_folds *f, fk_pool *pool, fk_pool_fn *fn, void *ctx,
                          fleck_error *err) FLECK_MUST_CHECK;

/* The limit of a method that beside its folds takes `others` bytes for patches as many as an image
 * has:
 * as fk_method_needs(), and lanes as many as fit. */
fleck_status fk_folds_limit(fk_folds *f, const char *name, const fk_memory *m, int64_t patches,
                            int64_t others, int64_t *least, fleck_error *err) FLECK_MUST_CHECK;

#endif
