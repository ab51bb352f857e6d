/* One position's Gaussian: moments from images, their merging, and the factor of the covariance. */
#ifndef FK_GAUSS_MOMENTS_H
#define FK_GAUSS_MOMENTS_H

#include "base/error.h"
#include "tensor/tensor.h"

/* Images that go through a triangle together: their numbers fill the registers of AVX2. */
#define FK_MOMENTS_GROUP 8
/* Rows of triangles and columns of images begin at multiples of it: lines of the cache. */
#define FK_MOMENTS_WIDE 8

/* Moments of one position, borrowed from whoever keeps them. */
typedef struct fk_moments {
    int64_t dim;
    int64_t n;    /* images */
    float *shift; /* [dim] sums are about it */
    double *sum;  /* [dim] sum of x - shift */
    /* sum of (x - shift)(x - shift)', lower triangle row by row, each row filled up to a multiple
     * of FK_MOMENTS_WIDE with numbers that say nothing; 64-byte aligned */
    double *triangle;
} fk_moments;

/* What covariances are made of: S = (1 - share) C / (N - 1) + ridge I.  The paper's have the share
 * 0 and the ridge epsilon. */
typedef struct fk_shrinkage {
    double share, ridge;
} fk_shrinkage;

/* The most that a share can be: from less of C, learning could not go on. */
#define FK_MOST_SHRUNK 0.9

/* T = dim (dim + 1) / 2, the numbers of a factor. */
int64_t fk_moments_size(int64_t dim);
/* n doubles in whole lines of the cache. */
static inline int64_t fk_moments_lines(int64_t n)
{
    return (n + FK_MOMENTS_WIDE - 1) / FK_MOMENTS_WIDE * FK_MOMENTS_WIDE;
}

/* Doubles of a triangle of moments, and of the scratch of fk_moments_add(). */
int64_t fk_moments_room(int64_t dim);
int64_t fk_moments_scratch(int64_t dim);
/* Where row i of a triangle of moments begins: each FK_MOMENTS_WIDE rows have one length. */
static inline int64_t fk_moments_row(int64_t i)
{
    int64_t whole = i / FK_MOMENTS_WIDE, rest = i % FK_MOMENTS_WIDE;

    return (whole * FK_MOMENTS_WIDE / 2 + rest) * (whole + 1) * FK_MOMENTS_WIDE;
}

/* Learn n images in order: x is images[k] + offset [dim].  y is scratch, 64-byte aligned.
 * The same bytes however images are cut into calls.  m.n is not used.
 * Cost: dim^2 / 2 double multiply-adds an image. */
void fk_moments_add(fk_moments m, const float *const *images, int64_t n, int64_t offset, double *y);

/* a becomes the moments of a's and b's images, about a's shift, or b's where a has none; means [2,
 * dim] is scratch. */
void fk_moments_merge(fk_moments a, fk_moments b, double *means);

/* The share that m asks for by itself, and the mean mu of its variances; m.n >= 2; square [dim,
 * dim] is scratch. */
void fk_moments_ask(fk_moments m, double *square, double *share, double *mu);

/* mean [dim], and factor [T] L with S = L L' (ridge I of fewer than 2 images), lower triangle
 * column by column, rounded to type (FK_F32 or FK_BF16); square [dim, dim] is scratch.  False where
 * S is not positive definite.  Cost: dim^3 / 6 multiply-adds. */
bool fk_moments_factor(fk_moments m, fk_shrinkage s, double *square, float *mean, fk_dtype type,
                       void *factor) FLECK_MUST_CHECK;

/* The triangle again, from a factor about the mean, which is the shift then: sum must be zero; room
 * [dim] is scratch.  Cost: dim^3 / 6 multiply-adds. */
void fk_moments_back(fk_moments m, fk_dtype type, const void *factor, float *room, fk_shrinkage s);

#endif
