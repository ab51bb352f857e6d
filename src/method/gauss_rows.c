/* A Gaussian per position from few wide images: what is kept is the images.
 *
 * Of N images with D numbers, N well below D, a covariance has rank N - 1, and its factor says in
 * D (D + 1) / 2 numbers what the deviations Y [N, D] from the mean say in N D.  With c = epsilon (N - 1),
 *
 *     S = Y' Y / (N - 1) + epsilon I
 *     S^-1 = (I - Y' (Y Y' + c I)^-1 Y) / epsilon                                 (Woodbury 1950)
 *
 * and d2 = v' S^-1 v is the least value of a ridge regression of v on the images (Hoerl and Kennard 1970):
 *
 *     epsilon d2 = min over b of |v - Y' b|^2 + c |b|^2,   at b = (Y Y' + c I)^-1 Y v
 *
 * Both terms are sums of squares, so nothing cancels, as it would in v'v - |..|^2; and since b is where the
 * value is least, an error of b counts by its square only: b is found in floats, the value is summed
 * in doubles.  z = ((v - Y' b) / sqrt(epsilon), sqrt(N - 1) b) has |z|^2 = d2, and z1' z2 = v1' S^-1 v2.
 *
 * With C C' = Y Y' + c I and M = C^-1, b = M' (M Y v).  M is kept beside the images, the rows of both filled
 * up to lines of the cache with zeros: N D + N^2 / 2 floats a position and a little more.  In all that is
 * less than a factor up to about N = 0.4 D, and learning costs N^2 D / 2 + N^3 / 3 multiply-adds in place of
 * N D^2 / 2 + D^3 / 6: a quarter for 209 images of 550 numbers.
 *
 * Rounding.  M's floats move M Y v by about 2^-24 |M| |Y v|, |M| <= 1 / sqrt(c), and the value by its
 * square: N (2^-24 L / c)^2 of the value of an image that was learned, which are the smallest, L being the
 * squared length of the longest deviation.  Where L / c exceeds MOST_RATIO, images are not kept.
 *
 * While images are learned rows are about a shift, 0 at first; finished they are about the mean, and the mean is
 * the shift of what is learned then. */
#include "method/gauss_rows.h"
#include "base/mem.h"
#include "linalg/linalg.h"
#include "linalg/product.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* For 1e-6 of a distance's square at 209 images. */
#define MOST_RATIO 1000.0
#define PAGE 4096

int64_t fk_rows_most(const fk_gauss *g)
{
    int64_t triangle = fk_moments_size(g->dim), n = 0;

    if (g->type != FK_F32 || g->n_pos * triangle < g->keep_from)
        return 0;
    while (n < g->dim && (n + 1) * fk_rows_width(g->dim) + fk_rows_inverse_size(n + 1) < triangle)
        n++;
    return n;
}

bool fk_rows_take(const fk_gauss *g, int64_t more, bool masked)
{
    return !masked && g->counts == NULL && (g->n == 0 || g->own_rows != NULL) &&
           g->n + more <= fk_rows_most(g);
}

void fk_rows_free(fk_gauss *g)
{
    fk_free(g->own_rows);
    fk_free(g->own_inverse);
    g->own_rows = NULL;
    g->rows = NULL;
    g->own_inverse = NULL;
    g->inverse = NULL;
    g->stride = 0;
}

static float *own_row(const fk_gauss *g, int64_t p, int64_t i)
{
    return g->own_rows + p * g->stride + i * fk_rows_width(g->dim);
}

/* ---- Learning ---- */

typedef struct rows_job {
    const fk_gauss *g;
    const float *const *from; /* images to keep, or */
    float *const *to;         /* to give back */
    int64_t first, n;
} rows_job;

/* About the shift. */
static void keep_row(const fk_gauss *g, int64_t p, float *row, const float *x)
{
    int64_t dim = g->dim;

    memcpy(row, x, (size_t)dim * sizeof *row);
    memset(row + dim, 0, (size_t)(fk_rows_width(dim) - dim) * sizeof *row);
    for (int64_t j = 0; g->shift != NULL && j < dim; j++)
        row[j] -= g->shift[p * dim + j];
}

static void give_row(const fk_gauss *g, int64_t p, const float *row, float *x)
{
    for (int64_t j = 0; j < g->dim; j++)
        x[j] = g->shift != NULL ? row[j] + g->shift[p * g->dim + j] : row[j];
}

static fleck_status move_band(void *ctx, int64_t band, int worker, fleck_error *err)
{
    const rows_job *job = ctx;
    const fk_gauss *g = job->g;

    (void)worker;
    (void)err;
    for (int64_t p = band * FK_GAUSS_BAND; p < fk_gauss_band_end(g, band); p++)
        for (int64_t i = 0; i < job->n; i++) {
            float *row = own_row(g, p, job->first + i);

            if (job->from != NULL)
                keep_row(g, p, row, job->from[i] + p * g->dim);
            else
                give_row(g, p, row, job->to[i] + p * g->dim);
        }
    return FLECK_OK;
}

fleck_status fk_rows_add(fk_gauss *g, const float *const *images, int64_t n, fk_pool *pool,
                         fleck_error *err)
{
    rows_job job = {.g = g, .from = images, .first = g->n, .n = n};
    fleck_status st;

    if (g->own_rows == NULL) {
        g->stride = fk_rows_most(g) * fk_rows_width(g->dim);
        FK_DO(FK_ALLOC(&g->own_rows, g->n_pos * g->stride, err));
    }
    FK_DO(fk_pool_run(pool, fk_gauss_bands(g), move_band, &job, err));
    g->n += n;
done:
    return st;
}

void fk_rows_images(const fk_gauss *g, int64_t first, int64_t n, float *const *images,
                    fk_pool *pool)
{
    rows_job job = {.g = g, .to = images, .first = first, .n = n};
    fleck_status st = fk_pool_run(pool, fk_gauss_bands(g), move_band, &job, NULL);

    assert(st == FLECK_OK);
    (void)st;
}

/* ---- Finishing ---- */

typedef struct finish_job {
    fk_gauss *g;
    double *longest; /* [bands] squared length of the longest deviation */
    /* Scratch of each worker: */
    double *sums;   /* [D] */
    double *square; /* [N, N] */
    float *packed;  /* the deviations, packed */
    float *gram;    /* [N, N] */
} finish_job;

/* The mean of position p, rounded, and the squared length of the longest deviation from it. */
static double find_mean(const fk_gauss *g, int64_t p, double *sum)
{
    float *mean = g->own_mean + p * g->dim;
    const float *shift = g->shift != NULL ? g->shift + p * g->dim : NULL;
    double longest = 0.0;

    memset(sum, 0, (size_t)g->dim * sizeof *sum);
    for (int64_t i = 0; i < g->n; i++) {
        const float *row = own_row(g, p, i);

        for (int64_t j = 0; j < g->dim; j++)
            sum[j] += (double)row[j];
    }
    for (int64_t j = 0; j < g->dim; j++)
        mean[j] = (float)(sum[j] / (double)g->n + (shift != NULL ? (double)shift[j] : 0.0));
    for (int64_t i = 0; i < g->n; i++) {
        const float *row = own_row(g, p, i);
        double length = 0.0;

        for (int64_t j = 0; j < g->dim; j++) {
            double y = (double)row[j] - sum[j] / (double)g->n;

            length += y * y;
        }
        longest = length > longest || isnan(length) ? length : longest;
    }
    return longest;
}

static fleck_status mean_band(void *ctx, int64_t band, int worker, fleck_error *err)
{
    const finish_job *job = ctx;
    const fk_gauss *g = job->g;

    (void)err;
    job->longest[band] = 0.0;
    for (int64_t p = band * FK_GAUSS_BAND; p < fk_gauss_band_end(g, band); p++) {
        double longest = find_mean(g, p, job->sums + worker * g->dim);

        if (longest > job->longest[band] || isnan(longest))
            job->longest[band] = longest;
    }
    return FLECK_OK;
}

int64_t fk_rows_bytes(const fk_gauss *g, int64_t n, int threads)
{
    int64_t numbers = n * fk_rows_width(g->dim) + fk_rows_inverse_size(n) + g->dim;
    int64_t scratch = 8 * (g->dim + n * n) + 4 * (fk_linalg_packed_size(n, g->dim) + n * n);

    /* A position's images begin and end within pages of the system. */
    return g->n_pos * (numbers * (int64_t)sizeof(float) + PAGE) + threads * scratch;
}

/* Rows about the mean. */
static void centre(const fk_gauss *g, int64_t p)
{
    const float *mean = g->own_mean + p * g->dim;
    const float *shift = g->shift != NULL ? g->shift + p * g->dim : NULL;

    for (int64_t i = 0; i < g->n; i++) {
        float *row = own_row(g, p, i);

        for (int64_t j = 0; j < g->dim; j++)
            row[j] = (float)((double)row[j] + (shift != NULL ? (double)shift[j] : 0.0) -
                             (double)mean[j]);
    }
}

/* Y Y' into gram, below and on the diagonal. */
static void multiply(const fk_gauss *g, int64_t p, float *packed, float *gram)
{
    const int64_t step = FK_PANELS * FK_LANES;
    const float *y = own_row(g, p, 0);
    int64_t width = fk_rows_width(g->dim);

    fk_linalg_pack(packed, y, width, 0, g->n, g->dim);
    for (int64_t j = 0; j < g->n; j += step)
        fk_linalg_multiply_packed(gram + j * g->n + j, g->n, y + j * width, width,
                                  packed + j * g->dim, g->n - j, g->n - j < step ? g->n - j : step,
                                  g->dim, 1.0f, 0.0f);
}

static fleck_status invert_position(const finish_job *job, int64_t p, int worker, fleck_error *err)
{
    fk_gauss *g = job->g;
    double *square = job->square + worker * g->n * g->n;
    float *gram = job->gram + worker * g->n * g->n;
    float *inverse = g->own_inverse + p * fk_rows_inverse_size(g->n);
    double c = g->epsilon * ((double)g->n - 1.0);

    centre(g, p);
    multiply(g, p, job->packed + worker * fk_linalg_packed_size(g->n, g->dim), gram);
    for (int64_t i = 0; i < g->n; i++) {
        for (int64_t j = 0; j <= i; j++)
            square[j * g->n + i] = (double)gram[i * g->n + j];
        square[i * g->n + i] += c;
    }
    if (!fk_linalg_cholesky(square, g->n))
        return fk_error_set(err, FLECK_E_STATE,
                            "the covariance of position %lld of %lld is not positive definite; a "
                            "larger epsilon than %g would make it so",
                            (long long)p, (long long)g->n_pos, g->epsilon);
    fk_linalg_invert_lower(square, g->n);
    for (int64_t i = 0; i < g->n; i++, inverse += fk_rows_width(i))
        for (int64_t j = 0; j < fk_rows_width(i + 1); j++)
            inverse[j] = j <= i ? (float)square[j * g->n + i] : 0.0f;
    return FLECK_OK;
}

static fleck_status invert_band(void *ctx, int64_t band, int worker, fleck_error *err)
{
    const finish_job *job = ctx;
    fleck_status st = FLECK_OK;

    for (int64_t p = band * FK_GAUSS_BAND; p < fk_gauss_band_end(job->g, band); p++)
        FK_DO(invert_position(job, p, worker, err));
done:
    return st;
}

fleck_status fk_rows_finish(fk_gauss *g, fk_pool *pool, bool *exact, fleck_error *err)
{
    finish_job job = {.g = g};
    int threads = fk_pool_threads(pool);
    double most = MOST_RATIO * g->epsilon * ((double)g->n - 1.0);
    fleck_status st;

    *exact = true;
    FK_DO(FK_ALLOC(&job.longest, fk_gauss_bands(g), err));
    FK_DO(FK_ALLOC(&job.sums, threads * g->dim, err));
    FK_DO(FK_ALLOC(&job.square, threads * g->n * g->n, err));
    FK_DO(FK_ALLOC(&job.packed, threads * fk_linalg_packed_size(g->n, g->dim), err));
    FK_DO(FK_ALLOC(&job.gram, threads * g->n * g->n, err));
    FK_DO(FK_ALLOC(&g->own_mean, g->n_pos * g->dim, err));
    FK_DO(fk_pool_run(pool, fk_gauss_bands(g), mean_band, &job, err));
    for (int64_t band = 0; band < fk_gauss_bands(g); band++)
        *exact &= job.longest[band] <= most;
    if (*exact) {
        FK_DO(FK_ALLOC(&g->own_inverse, g->n_pos * fk_rows_inverse_size(g->n), err));
        FK_DO(fk_pool_run_stage(pool, "covariance", fk_gauss_bands(g), invert_band, &job, err));
        fk_free(g->shift);
        g->shift = NULL;
        g->mean = g->own_mean;
        g->rows = g->own_rows;
        g->inverse = g->own_inverse;
    }
done:
    if (st != FLECK_OK || !*exact) {
        fk_free(g->own_mean);
        g->own_mean = NULL;
        fk_free(g->own_inverse);
        g->own_inverse = NULL;
    }
    fk_free(job.longest);
    fk_free(job.sums);
    fk_free(job.square);
    fk_free(job.packed);
    fk_free(job.gram);
    return st;
}

fleck_status fk_rows_reopen(fk_gauss *g, fleck_error *err)
{
    int64_t width = fk_rows_width(g->dim);
    int64_t most = fk_rows_most(g) > g->n ? fk_rows_most(g) : g->n;
    float *shift = NULL, *rows = NULL;
    fleck_status st;

    FK_DO(FK_ALLOC(&shift, g->n_pos * g->dim, err));
    if (g->own_rows == NULL) {
        FK_DO(FK_ALLOC(&rows, g->n_pos * most * width, err));
        for (int64_t p = 0; p < g->n_pos; p++)
            memcpy(rows + p * most * width, g->rows + p * g->stride,
                   (size_t)(g->n * width) * sizeof *rows);
        g->own_rows = rows;
        g->stride = most * width;
    }
    memcpy(shift, g->mean, (size_t)(g->n_pos * g->dim) * sizeof *shift);
    g->shift = shift;
    shift = NULL;
    fk_free(g->own_mean);
    g->own_mean = NULL;
    g->mean = NULL;
    g->rows = NULL;
    fk_free(g->own_inverse);
    g->own_inverse = NULL;
    g->inverse = NULL;
done:
    fk_free(shift);
    return st;
}
