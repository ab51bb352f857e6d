/* Linear algebra: products, squared distances, the smallest of many, Cholesky, orthonormal bases.
 *
 * Matrices are row-major.  No function here starts threads or allocates, unless it says so. */
#ifndef FK_LINALG_LINALG_H
#define FK_LINALG_LINALG_H

#include "base/error.h"
#include "tensor/tensor.h"
#include "base/prng.h"

/* Make OpenBLAS run in the calling thread only, from now on and for the whole process: fleck has
 * threads of its own, and sums must not depend on how many there are.  With another BLAS this does
 * nothing.  Cheap, any number of times. */
void fk_linalg_single_threaded(void);

/* The same, and make sure that the BLAS finds memory for one call at least (buffers.c).  To be
 * called where a method's state or a projection begins, before any product.
 *   FLECK_E_NOMEM  the process may not have the 128 MiB of addresses that the BLAS reserves */
fleck_status fk_linalg_begin(fleck_error *err) FLECK_MUST_CHECK;

/* c = alpha a b' + beta c.
 *
 *   a [n, d] with rows lda apart, b [m, d] with rows ldb apart, c [n, m] with rows ldc apart
 *
 * Float sums in the BLAS's order.  Sizes below 2^31.  Cost: n m d multiply-adds. */
void fk_linalg_multiply_nt(float *c, int64_t ldc, const float *a, int64_t lda, const float *b,
                           int64_t ldb, int64_t n, int64_t m, int64_t d, float alpha, float beta);

/* A matrix b [m, d] laid out for products of many pieces of a with it, where the BLAS would lay it
 * out anew in each: panels of FK_LANES rows, [ceil(m / 16)][d][16] with zeros after the last row;
 * where the processor has neither AVX2 nor AVX-512, b itself.  fk_linalg_packed_size: its floats.
 * fk_linalg_pack: panels of rows first .. last - 1, first a multiple of 16 and last too or m; rows
 * [.., d] of them, ld apart, begin at b. */
int64_t fk_linalg_packed_size(int64_t m, int64_t d);
void fk_linalg_pack(float *packed, const float *b, int64_t ld, int64_t first, int64_t last,
                    int64_t d);

/* c = alpha a b' + beta c, as fk_linalg_multiply_nt, with b packed, at a multiple of 64 bytes.
 * beta is 0 or 1 (asserted).  A sum runs over d in order; the same bytes however a is cut into
 * pieces, where b is in panels. */
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

/* Squared Euclidean distance of a [d] and b [d], by differences: no cancellation, and exactly 0 for
 * equal vectors.  Float sums over at most 16 numbers, double sums of those: relative error below
 * 1e-6, typically 1e-7.  The same bytes on every machine. */
double fk_linalg_distance2(const float *a, const float *b, int64_t d);

/* Squared length of a [d]; rounding as above. */
double fk_linalg_length2(const float *a, int64_t d);

/* Squared distances of one query [d] to n rows [n, d]; the same numbers as fk_linalg_distance2. */
void fk_linalg_distances2(double *out, const float *query, const float *rows, int64_t n, int64_t d);

/* Of n vectors with squared lengths length2 and inner products with another one, the indices of
 * those with length2[j] - 2 products[j] < limit, rising, to out [n].  Returns how many.  In float:
 * the caller leaves for rounding. */
int64_t fk_linalg_nearer(int32_t *out, const float *length2, const float *products, int64_t n,
                         float limit);

/* The five inner products that a cell of a grid has a part in, for fk_linalg_cell_products. */
enum { FK_CELL_SELF, FK_CELL_RIGHT, FK_CELL_DOWN, FK_CELL_ACROSS, FK_CELL_ANTI, FK_CELL_PRODUCTS };

/* Inner products of neighbours on a grid x [h, w, d].  For the cell at (y, x), with r its right
 * neighbour, b the one below and c the one below r (at the border, the cell itself in their place):
 *
 *   out [h * w, 5]   cell.cell, cell.r, cell.b, cell.c, r.b
 *
 * They give the squared length of any bilinear mixture of the four, see fk_linalg_cell_length2.
 * Rounding as in fk_linalg_distance2.  Cost: 5 h w d multiply-adds. */
void fk_linalg_cell_products(double *out, const float *x, int64_t h, int64_t w, int64_t d);

/* Squared length of the mixture of the cells (y0, x0), (y0, x1), (y1, x0), (y1, x1) with weights
 * (1-fy)(1-fx), (1-fy)fx, fy(1-fx), fy fx; at least 0.  y1 is y0 or y0 + 1, x1 alike.  products is
 * what fk_linalg_cell_products made of a grid of width w. */
double fk_linalg_cell_length2(const double *products, int64_t w, int64_t y0, int64_t y1, double fy,
                              int64_t x0, int64_t x1, double fx);

/* n numbers in bf16 as floats, exactly; out and in do not overlap. */
void fk_linalg_expand(float *out, const uint16_t *in, int64_t n);

/* Put (value, index) among the k smallest so far, which are sorted upwards; both arrays [k] begin
 * as INFINITY and -1.  Of equal values the one put first stays first.  NaN is never taken. */
void fk_linalg_smallest(double *values, int64_t *indices, int64_t k, double value, int64_t index);

/* Cholesky: the lower triangle of the symmetric a [n, n] becomes L with a = L L', column by column
 * (element (i, j), i >= j, at a[j * n + i]); what lies above the diagonal is not touched.  False
 * where a is not positive definite or not finite.  LAPACK dpotrf, double. */
bool fk_linalg_cholesky(double *a, int64_t n) FLECK_MUST_CHECK;

/* Eigenvalues and eigenvectors of the symmetric a [n, n], of which the lower triangle (element (i,
 * j), j <= i, at a[i * n + j]) is read: values [n] upwards, and a's rows become the eigenvectors in
 * that order, of length 1; of the two signs the one with which the entry of largest size (the first
 * of such) is positive.  LAPACK dsyevd, double.  Allocates 2 n^2 numbers.  FLECK_E_STATE where a is
 * not finite; a is lost then.  Cost: about 9 n^3 multiply-adds. */
fleck_status fk_linalg_eigen(double *a, int64_t n, double *values,
                             fleck_error *err) FLECK_MUST_CHECK;

/* out [n, k]: k orthonormal columns that span those of a seeded n x k matrix of standard normals,
 * drawn row by row; of the two signs of each column the one with which the triangular factor's
 * diagonal is positive, so that the columns are uniformly distributed (Mezzadri 2007).  LAPACK
 * dgeqrf and dorgqr in double, rounded once.  1 <= k <= n (asserted).  Allocates. */
fleck_status fk_linalg_orthonormal(float *out, int64_t n, int64_t k, uint64_t seed,
                                   fleck_error *err) FLECK_MUST_CHECK;

#endif
