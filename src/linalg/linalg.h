/* SPDX-License-Identifier: Apache-2.0 */
/* Linear algebra: matrix products, squared distances, the smallest of many, Cholesky, eigenvectors,
 * orthonormal bases.
 *
 * Matrices are row-major.  No function starts threads, and none allocates unless its comment says
 * so. */
#ifndef FK_LINALG_LINALG_H
#define FK_LINALG_LINALG_H

#include "base/error.h"
#include "tensor/tensor.h"
#include "base/prng.h"

/* Make OpenBLAS run in the calling thread only, from now on and for the whole process: fleck has
 * threads of its own, and sums must not depend on their number.  With another BLAS this does
 * nothing.  It is cheap and may be called any number of times. */
void fk_linalg_single_threaded(void);

/* The same, and make sure that the BLAS has memory for at least one call (buffers.c).  To be called
 * when a method's state or a projection is begun, before any product.
 *   FLECK_E_NOMEM  the process cannot get the 128 MiB of addresses that the BLAS reserves */
fleck_status fk_linalg_begin(fleck_error *err) FLECK_MUST_CHECK;

/* c = alpha a b' + beta c.
 *
 *   a [n, d] with rows lda apart, b [m, d] with rows ldb apart, c [n, m] with rows ldc apart
 *
 * Sums are float, in the BLAS's order.  Sizes are below 2^31.  Cost: n m d multiply-adds. */
void fk_linalg_multiply_nt(float *c, int64_t ldc, const float *a, int64_t lda, const float *b,
                           int64_t ldb, int64_t n, int64_t m, int64_t d, float alpha, float beta);

/* A matrix b [m, d] packed for many products with it; the BLAS would pack it anew in each product.
 * It has panels of FK_LANES rows, [ceil(m / 16)][d][16], padded with zeros after the last row.  On
 * processors with neither AVX2 nor AVX-512 it is b itself.  fk_linalg_packed_size() gives its
 * number of floats.  fk_linalg_pack() packs the rows first ..  last - 1; first is a multiple of 16,
 * and last too or m; these rows begin at b, ld apart. */
int64_t fk_linalg_packed_size(int64_t m, int64_t d);
void fk_linalg_pack(float *packed, const float *b, int64_t ld, int64_t first, int64_t last,
                    int64_t d);

/* c = alpha a b' + beta c, as fk_linalg_multiply_nt, with b packed and aligned to 64 bytes.  beta
 * is 0 or 1 (asserted).  If b is in panels a sum runs over d in order, so the bytes are the same
 * however a is cut into pieces. */
void fk_linalg_multiply_packed(float *c, int64_t ldc, const float *a, int64_t lda,
                               const float *packed, int64_t n, int64_t m, int64_t d, float alpha,
                               float beta);

/* c = alpha a b + beta c.
 *
 *   a [n, d] with rows lda apart, b [d, m] with rows ldb apart, c [n, m] with rows ldc apart */
void fk_linalg_multiply_nn(float *c, int64_t ldc, const float *a, int64_t lda, const float *b,
                           int64_t ldb, int64_t n, int64_t m, int64_t d, float alpha, float beta);

/* c = a' b + beta c.
 *
 *   a [d, n] with rows lda apart, b [d, m] with rows ldb apart, c [n, m] with rows ldc apart */
void fk_linalg_multiply_tn(float *c, int64_t ldc, const float *a, int64_t lda, const float *b,
                           int64_t ldb, int64_t n, int64_t m, int64_t d, float beta);

/* The same in double.  b may be a. */
void fk_linalg_multiply_tn_double(double *c, int64_t ldc, const double *a, int64_t lda,
                                  const double *b, int64_t ldb, int64_t n, int64_t m, int64_t d,
                                  double beta);

/* Squared Euclidean distance of a [d] and b [d], from differences: nothing cancels, and it is
 * exactly 0 for equal vectors.  Float sums over at most 16 numbers are added in double: the
 * relative error is below 1e-6, typically 1e-7.  The bytes are the same on every machine. */
double fk_linalg_distance2(const float *a, const float *b, int64_t d);

/* Squared length of a [d], rounded as above. */
double fk_linalg_length2(const float *a, int64_t d);

/* Squared distances of one query [d] to n rows [n, d]; the same numbers as fk_linalg_distance2. */
void fk_linalg_distances2(double *out, const float *query, const float *rows, int64_t n, int64_t d);

/* Write the indices j of n vectors with length2[j] - 2 products[j] < limit to out [n], in ascending
 * order, and return their number.  length2 are the vectors' squared lengths and products their
 * inner products with another vector.  The comparison is in float, so limit must allow for
 * rounding. */
int64_t fk_linalg_nearer(int32_t *out, const float *length2, const float *products, int64_t n,
                         float limit);

/* Inner products that fk_linalg_cell_products() computes for each cell. */
enum { FK_CELL_SELF, FK_CELL_RIGHT, FK_CELL_DOWN, FK_CELL_ACROSS, FK_CELL_ANTI, FK_CELL_PRODUCTS };

/* Inner products of neighbours on a grid x [h, w, d].  For the cell at (y, x), with r its right
 * neighbour, b the one below it and c the one below r (beyond the border, the cell itself):
 *
 *   out [h * w, 5]   cell.cell, cell.r, cell.b, cell.c, r.b
 *
 * They give the squared length of any bilinear mixture of the four, see fk_linalg_cell_length2.
 * They are rounded as in fk_linalg_distance2.  Cost: 5 h w d multiply-adds. */
void fk_linalg_cell_products(double *out, const float *x, int64_t h, int64_t w, int64_t d);

/* Squared length of the mixture of the cells (y0, x0), (y0, x1), (y1, x0), (y1, x1) with weights
 * (1-fy)(1-fx), (1-fy)fx, fy(1-fx), fy fx; at least 0.  y1 is y0 or y0 + 1, x1 is x0 or x0 + 1.
 * products are those of fk_linalg_cell_products() for a grid of width w. */
double fk_linalg_cell_length2(const double *products, int64_t w, int64_t y0, int64_t y1, double fy,
                              int64_t x0, int64_t x1, double fx);

/* Expand n numbers from bf16 to float, exactly.  out and in do not overlap. */
void fk_linalg_expand(float *out, const uint16_t *in, int64_t n);

/* Insert (value, index) into the k smallest so far, which are in ascending order; both arrays [k]
 * are initially INFINITY and -1.  Of equal values the earlier one stays first.  NaN is never
 * inserted. */
void fk_linalg_smallest(double *values, int64_t *indices, int64_t k, double value, int64_t index);

/* Cholesky: the lower triangle of the symmetric a [n, n] becomes L with a = L L', column by column
 * (element (i, j), i >= j, at a[j * n + i]).  Elements above the diagonal are not touched.  False
 * if a is not positive definite or not finite.  LAPACK dpotrf, double. */
bool fk_linalg_cholesky(double *a, int64_t n) FLECK_MUST_CHECK;

/* Eigenvalues and eigenvectors of the symmetric a [n, n], of which only the lower triangle is read
 * (element (i, j), j <= i, at a[i * n + j]).  values [n] are in ascending order, and a's rows
 * become the eigenvectors in that order, of length 1, with the sign that makes the entry of largest
 * magnitude (the first of such) positive.  LAPACK dsyevd, double.  Allocates 2 n^2 numbers.
 * FLECK_E_STATE if a is not finite; a is undefined then.  Cost: about 9 n^3 multiply-adds. */
fleck_status fk_linalg_eigen(double *a, int64_t n, double *values,
                             fleck_error *err) FLECK_MUST_CHECK;

/* out [n, k] becomes k orthonormal columns that span those of a seeded n x k matrix of standard
 * normals, drawn row by row.  Each column has the sign that makes the triangular factor's diagonal
 * positive, so that the columns are uniformly distributed (Mezzadri 2007).  LAPACK dgeqrf and
 * dorgqr in double, rounded once.  1 <= k <= n (asserted).  Allocates. */
fleck_status fk_linalg_orthonormal(float *out, int64_t n, int64_t k, uint64_t seed,
                                   fleck_error *err) FLECK_MUST_CHECK;

#endif
