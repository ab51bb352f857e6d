/* SPDX-License-Identifier: Apache-2.0 */
/* The Gaussian of one position: moments of images, merging, and the factor of the covariance. */
#ifndef FK_GAUSS_MOMENTS_H
#define FK_GAUSS_MOMENTS_H

#include "base/error.h"
#include "tensor/tensor.h"

/* Images that are added to a triangle together: their numbers fill the registers of AVX2. */
#define FK_MOMENTS_GROUP 8
/* Doubles of a cache line.  Rows of triangles and columns of images begin at multiples of it. */
#define FK_MOMENTS_WIDE 8

/* Moments of one position; the arrays are borrowed. */
typedef struct fk_moments {
    int64_t dim;
    int64_t n;    /* images */
    float *shift; /* [dim] moments are about it */
    double *sum;  /* [dim] sum of x - shift */
    /* sum of (x - shift)(x - shift)', lower triangle row by row; rows are padded with undefined
     * numbers to a multiple of FK_MOMENTS_WIDE; 64-byte aligned */
    double *triangle;
} fk_moments;

/* The covariance is S = (1 - share) C / (N - 1) + ridge I; in the paper share is 0 and ridge is
 * epsilon. */
typedef struct fk_shrinkage {
    double share, ridge;
} fk_shrinkage;

/* The largest share.  With less of C, learning could not continue from a factor. */
#define FK_MOST_SHRUNK 0.9

/* T = dim (dim + 1) / 2, the numbers of a factor. */
int64_t fk_moments_size(int64_t dim);
/* n, rounded up to whole cache lines of doubles. */
static inline int64_t fk_moments_lines(int64_t n)
{
    return (n + FK_MOMENTS_WIDE - 1) / FK_MOMENTS_WIDE * FK_MOMENTS_WIDE;
}

/* Doubles of a triangle of moments (room), and of the scratch of fk_moments_add(). */
int64_t fk_moments_room(int64_t dim);
int64_t fk_moments_scratch(int64_t dim);
/* Offset of row i of a triangle of moments; groups of FK_MOMENTS_WIDE rows have the same length. */
static inline int64_t fk_moments_row(int64_t i)
{
    int64_t whole = i / FK_MOMENTS_WIDE, rest = i % FK_MOMENTS_WIDE;

    return (whole * FK_MOMENTS_WIDE / 2 + rest) * (whole + 1) * FK_MOMENTS_WIDE;
}

/* Learn n images in order: x is images[k] + offset [dim].  y is scratch, 64-byte aligned.  The
 * bytes do not depend on how images are divided into calls.  m.n is not used.
 * Cost: dim^2 / 2 double multiply-adds for each image. */
void fk_moments_add(fk_moments m, const float *const *images, int64_t n, int64_t offset, double *y);

/* Add b's images to a, about a's shift, or about b's if a has no images; means [2, dim] is
 * scratch. */
void fk_moments_merge(fk_moments a, fk_moments b, double *means);

/* The share that is best for m by itself, and the mean mu of its variances; m.n >= 2; square [dim,
 * dim] is scratch. */
void fk_moments_ask(fk_moments m, double *square, double *share, double *mu);

/* Compute mean [dim] and factor [T]: L with S = L L' (S = ridge I for fewer than 2 images), lower
 * triangle column by column, rounded to type (FK_F32 or FK_BF16); square [dim, dim] is scratch.
 * False: S is not positive definite.  Cost: dim^3 / 6 multiply-adds. */
bool fk_moments_factor(fk_moments m, fk_shrinkage s, double *square, float *mean, fk_dtype type,
                       void *factor) FLECK_MUST_CHECK;

/* Recover the triangle from a factor.  The shift is the mean, and sum must be zero; scratch [dim].
 * Cost: dim^3 / 6 multiply-adds. */
void fk_moments_back(fk_moments m, fk_dtype type, const void *factor, float *scratch,
                     fk_shrinkage s);

#endif
