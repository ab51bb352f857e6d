/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products, by CBLAS. */
#include "linalg/linalg.h"
#include "linalg/buffers.h"

#include <assert.h>
#include <limits.h>

#include <cblas.h>

static int size(int64_t n)
{
    assert(n >= 0 && n <= INT_MAX);
    return (int)n;
}

void fk_linalg_multiply_nt(float *c, int64_t ldc, const float *a, int64_t lda, const float *b,
                           int64_t ldb, int64_t n, int64_t m, int64_t d, float alpha, float beta)
{
    fk_linalg_enter();
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, size(n), size(m), size(d), alpha, a,
                size(lda), b, size(ldb), beta, c, size(ldc));
    fk_linalg_leave();
}

void fk_linalg_multiply_nn(float *c, int64_t ldc, const float *a, int64_t lda, const float *b,
                           int64_t ldb, int64_t n, int64_t m, int64_t d, float alpha, float beta)
{
    fk_linalg_enter();
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size(n), size(m), size(d), alpha, a,
                size(lda), b, size(ldb), beta, c, size(ldc));
    fk_linalg_leave();
}

void fk_linalg_multiply_tn(float *c, int64_t ldc, const float *a, int64_t lda, const float *b,
                           int64_t ldb, int64_t n, int64_t m, int64_t d, float beta)
{
    fk_linalg_enter();
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, size(n), size(m), size(d), 1.0f, a,
                size(lda), b, size(ldb), beta, c, size(ldc));
    fk_linalg_leave();
}

void fk_linalg_multiply_tn_double(double *c, int64_t ldc, const double *a, int64_t lda,
                                  const double *b, int64_t ldb, int64_t n, int64_t m, int64_t d,
                                  double beta)
{
    fk_linalg_enter();
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, size(n), size(m), size(d), 1.0, a,
                size(lda), b, size(ldb), beta, c, size(ldc));
    fk_linalg_leave();
}
