/* SPDX-License-Identifier: Apache-2.0 */
/* Cholesky factors, eigenvectors and orthonormal bases, by the LAPACK inside OpenBLAS. */
#include "linalg/linalg.h"
#include "base/mem.h"
#include "linalg/buffers.h"

#include <assert.h>
#include <limits.h>
#include <math.h>

/* Fortran: arguments are addresses, and the lengths of texts follow them.  LAPACKE would call the
 * same functions, but loading it took a tenth of the time in which fleck starts. */
extern void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t);
extern void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda,
                    double *w, double *work, const int *lwork, int *iwork, const int *liwork,
                    int *info, size_t, size_t);
extern void dgeqrf_(const int *m, const int *n, double *a, const int *lda, double *tau,
                    double *work, const int *lwork, int *info);
extern void dorgqr_(const int *m, const int *n, const int *k, double *a, const int *lda,
                    const double *tau, double *work, const int *lwork, int *info);

static int size(int64_t n)
{
    assert(n >= 0 && n <= INT_MAX);
    return (int)n;
}

bool fk_linalg_cholesky(double *a, int64_t n)
{
    const int rows = size(n);
    int info;

    fk_linalg_enter();
    dpotrf_("L", &rows, a, &rows, &info, 1);
    fk_linalg_leave();
    if (info != 0)
        return false;
    /* NaN passes the pivot test of some libraries. */
    for (int64_t j = 0; j < n; j++)
        if (!(a[j * n + j] > 0.0) || isinf(a[j * n + j]))
            return false;
    return true;
}

/* Choose the sign of v [n] so that its largest entry is positive. */
static void fix_sign(double *v, int64_t n)
{
    int64_t largest = 0;

    for (int64_t i = 1; i < n; i++)
        if (fabs(v[i]) > fabs(v[largest]))
            largest = i;
    for (int64_t i = 0; i < n && v[largest] < 0.0; i++)
        if (i != largest)
            v[i] = -v[i];
    v[largest] = fabs(v[largest]);
}

fleck_status fk_linalg_eigen(double *a, int64_t n, double *values, fleck_error *err)
{
    const int rows = size(n), ask = -1;
    double *work = NULL, room;
    int *integers = NULL, work_room, integer_room, info;
    fleck_status st;

    FK_DO(fk_linalg_begin(err));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++)
            if (!isfinite(a[i * n + j]))
                FK_FAIL(err, FLECK_E_STATE, "a matrix of covariances is not finite");
    /* LAPACK's columns are rows here, so the lower triangle is LAPACK's upper one. */
    dsyevd_("V", "U", &rows, a, &rows, values, &room, &ask, &integer_room, &ask, &info, 1, 1);
    assert(info == 0);
    work_room = (int)room;
    FK_DO(FK_ALLOC(&work, work_room, err));
    FK_DO(FK_ALLOC(&integers, integer_room, err));
    fk_linalg_enter();
    dsyevd_("V", "U", &rows, a, &rows, values, work, &work_room, integers, &integer_room, &info, 1,
            1);
    fk_linalg_leave();
    if (info != 0)
        FK_FAIL(err, FLECK_E_STATE, "the eigenvectors of a matrix of covariances did not converge");
    for (int64_t i = 0; i < n; i++)
        fix_sign(a + i * n, n);
done:
    fk_free(work);
    fk_free(integers);
    return st;
}

/* Make the columns of a [n rows, k], stored column by column, orthonormal. */
static fleck_status orthonormalise(double *a, int64_t n, int64_t k, fleck_error *err)
{
    const int rows = size(n), columns = size(k), ask = -1;
    double *tau = NULL, *sign = NULL, *work = NULL, room[2];
    int info[2], work_room;
    fleck_status st;

    FK_DO(FK_ALLOC(&tau, k, err));
    FK_DO(FK_ALLOC(&sign, k, err));
    dgeqrf_(&rows, &columns, a, &rows, tau, &room[0], &ask, &info[0]);
    dorgqr_(&rows, &columns, &columns, a, &rows, tau, &room[1], &ask, &info[1]);
    assert(info[0] == 0 && info[1] == 0);
    work_room = (int)fmax(room[0], room[1]);
    FK_DO(FK_ALLOC(&work, work_room, err));
    fk_linalg_enter();
    dgeqrf_(&rows, &columns, a, &rows, tau, work, &work_room, &info[0]);
    for (int64_t j = 0; j < k; j++)
        sign[j] = a[j * n + j] < 0.0 ? -1.0 : 1.0;
    dorgqr_(&rows, &columns, &columns, a, &rows, tau, work, &work_room, &info[1]);
    fk_linalg_leave();
    for (int64_t j = 0; j < k; j++)
        for (int64_t i = 0; i < n; i++)
            a[j * n + i] *= sign[j];
    /* The arguments are legal, and a QR of finite numbers exists. */
    assert(info[0] == 0 && info[1] == 0);
done:
    fk_free(tau);
    fk_free(sign);
    fk_free(work);
    return st;
}

fleck_status fk_linalg_orthonormal(float *out, int64_t n, int64_t k, uint64_t seed,
                                   fleck_error *err)
{
    double *a = NULL;
    int64_t count;
    fk_prng g;
    fleck_status st;

    assert(k >= 1 && k <= n);
    if (!fk_mul_fits(n, k, &count))
        return fk_error_set(err, FLECK_E_NOMEM, "a projection of %lld x %lld does not fit",
                            (long long)n, (long long)k);
    FK_DO(fk_linalg_begin(err));
    FK_DO(FK_ALLOC(&a, count, err));
    fk_prng_seed(&g, seed);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < k; j++)
            a[j * n + i] = fk_prng_normal(&g);
    FK_DO(orthonormalise(a, n, k, err));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < k; j++)
            out[i * k + j] = (float)a[j * n + i];
done:
    fk_free(a);
    return st;
}
