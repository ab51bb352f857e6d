/* Gaussians of few wide images: the images in place of moments and factors. */
#ifndef FK_METHOD_GAUSS_ROWS_H
#define FK_METHOD_GAUSS_ROWS_H

#include "linalg/product.h"
#include "method/gauss.h"
#include "method/gauss_moments.h"

/* Numbers of a row of n: whole lines of the cache, zeros behind the n. */
static inline int64_t fk_rows_width(int64_t n)
{
    return fk_filled(n, FK_LANES);
}

/* Where row i of a position's inverse begins: rows are as wide as what they have up to the diagonal needs. */
static inline int64_t fk_rows_inverse_row(int64_t i)
{
    return fk_filled_row(i, FK_LANES);
}

/* Numbers of a position's inverse, of n images. */
static inline int64_t fk_rows_inverse_size(int64_t n)
{
    return fk_rows_inverse_row(n);
}

/* Most images that are kept so: as many as take less than factors do.  0: none. */
int64_t fk_rows_most(const fk_gauss *g);
/* Bytes that n images, the inverses and the scratch of `threads` threads take. */
int64_t fk_rows_bytes(const fk_gauss *g, int64_t n, int threads);
/* Whether g may keep `more` images, of which some are not learned everywhere if masked. */
bool fk_rows_take(const fk_gauss *g, int64_t more, bool masked);
fleck_status fk_rows_add(fk_gauss *g, const float *const *images, int64_t n, fk_pool *pool,
                         fleck_error *err) FLECK_MUST_CHECK;
/* Images first .. first + n - 1 of a g that keeps them, to images [n] of [P, D]; rounded to float about
 * the shift, where there is one. */
void fk_rows_images(const fk_gauss *g, int64_t first, int64_t n, float *const *images,
                    fk_pool *pool);
/* *exact: whether the images are good for distances; where not, g still keeps them, as after FLECK_E_NOMEM.  After
 * another failure g can only be emptied. */
fleck_status fk_rows_finish(fk_gauss *g, fk_pool *pool, bool *exact,
                            fleck_error *err) FLECK_MUST_CHECK;
/* A finished g keeps images again. */
fleck_status fk_rows_reopen(fk_gauss *g, fleck_error *err) FLECK_MUST_CHECK;
void fk_rows_free(fk_gauss *g);

/* Numbers of z. */
static inline int64_t fk_rows_z(const fk_gauss *g)
{
    return fk_rows_width(g->dim) + fk_rows_width(g->n);
}

/* v [fk_rows_z()], of which the first D are x - m, becomes z with |z|^2 = v' S^-1 v, and z1' z2 = v1' S^-1 v2 of
 * two; returns |z|^2.  room [fk_rows_room()]. */
double fk_rows_solve(const fk_gauss *g, int64_t p, double *v, float *room);
/* The same of n vectors, `apart` numbers from each other, |z|^2 to d2 [n]; the very bytes. */
void fk_rows_solve_many(const fk_gauss *g, int64_t p, int n, double *v, int64_t apart, double *d2,
                        float *room);
/* Floats for n vectors. */
int64_t fk_rows_room(const fk_gauss *g, int n);

/* ---- Between gauss_rows_score.c and the kinds of processors (gauss_rows_kernel.h) ---- */

/* One position's images, its inverse, and where vectors lie. */
typedef struct fk_rows_position {
    const float *y, *m;
    int64_t n, width; /* n rows of width numbers */
    double *v;
    float *x, *t, *b; /* v as floats, Y v, the regression's b */
    int64_t v_apart, x_apart, t_apart;
    const float *next; /* what memory is asked for meanwhile: the next position's images, */
    int64_t lines;     /* so many lines of the cache for each row that is subtracted */
} fk_rows_position;

/* v of n vectors becomes v - Y' b, and b is found. */
typedef void fk_rows_solve_fn(fk_rows_position s, int n);

/* NULL where the compiler or the processor lacks them. */
fk_rows_solve_fn *fk_rows_solve_avx2(void);
fk_rows_solve_fn *fk_rows_solve_avx512(void);

#endif
