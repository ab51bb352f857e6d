/* Matrix products, over CBLAS. */
#include "linalg/linalg.h"

#include <assert.h>
#include <limits.h>

#include <cblas.h>

/* OpenBLAS has it, other libraries need not: a weak name is NULL where there is none. */
#pragma weak openblas_set_num_threads
#ifndef OPENBLAS_VERSION
extern void openblas_set_num_threads(int threads);
#endif

void fk_linalg_single_threaded(void)
{
    if (openblas_set_num_threads != NULL)
        openblas_set_num_threads(1);
}

static int size(int64_t n)
{
    assert(n >= 0 && n <= INT_MAX);
    return (int)n;
}

void fk_linalg_multiply_nt(float *c, int64_t ldc, const float *a, int64_t lda, const float *b,
                           int64_t ldb, int64_t n, int64_t m, int64_t d, float alpha, float beta)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, size(n), size(m), size(d), alpha, a,
                size(lda), b, size(ldb), beta, c, size(ldc));
}

void fk_linalg_multiply_nn(float *c, int64_t ldc, const float *a, int64_t lda, const float *b,
                           int64_t ldb, int64_t n, int64_t m, int64_t d, float alpha, float beta)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size(n), size(m), size(d), alpha, a,
                size(lda), b, size(ldb), beta, c, size(ldc));
}

void fk_linalg_multiply_tn(float *c, int64_t ldc, const float *a, int64_t lda, const float *b,
                           int64_t ldb, int64_t n, int64_t m, int64_t d, float beta)
{
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, size(n), size(m), size(d), 1.0f, a,
                size(lda), b, size(ldb), beta, c, size(ldc));
}

void fk_linalg_multiply_tn_double(double *c, int64_t ldc, const double *a, int64_t lda,
                                  const double *b, int64_t ldb, int64_t n, int64_t m, int64_t d,
                                  double beta)
{
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, size(n), size(m), size(d), 1.0, a,
                size(lda), b, size(ldb), beta, c, size(ldc));
}
