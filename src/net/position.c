/* SPDX-License-Identifier: Apache-2.0 */
/* Position embeddings resampled by cubic convolution, as torch's interpolate() does it, and rotary
 * embeddings.
 *
 * Along one axis of `grid` table entries, output i of n has the coordinate
 *
 *   corners   c = i (grid - 1) / (n - 1), 0 where n is 1
 *   offset    c = (i + 1/2) s - 1/2 with s = grid / (n + 0.1): DINOv2's first code uses a
 *             scale factor of (n + 0.1) / grid, so that rounding cannot lose a position
 *   smooth    c = (i + 1/2) s - 1/2 with s = grid / n
 *
 * and is a weighted sum of the entries j around it, with Keys' kernel of the distance t = |j - c|
 *
 *   k(t) = (a + 2) t^3 - (a + 3) t^2 + 1           t < 1
 *          a t^3 - 5 a t^2 + 8 a t - 4 a       1 <= t < 2
 *
 * With corners and offset a = -3/4, and entries beyond an end are equal to the one at the end.
 * With smooth (antialias of Pillow and torch) a = -1/2, distances are divided by max(s, 1), entries
 * beyond an end do not count, and the weights are divided by their sum.
 *
 * The weights of an axis form a matrix [n, grid], most of it zero.  The embedding is
 *
 *   out[y][x] = sum over i, j of rows[y][i] columns[x][j] table[i][j].
 *
 * Rotary embeddings are DINOv3's.  A patch in row y of h has the coordinate u = 2 (y + 1/2) / h -
 * 1, its column likewise v.  With q = dim / 4 there are q periods p_i = 100^(i / q), and 2 q angles
 *
 *   a_i = 2 pi u / p_i,   a_(q + i) = 2 pi v / p_i.
 *
 * Each rotates the pair of numbers j = i and j = i + dim / 2 of a query or key. */
#include "net/position.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

#define ROTARY_BASE 100.0

static double kernel(double t, double a)
{
    t = fabs(t);
    if (t < 1)
        return ((a + 2) * t - (a + 3)) * t * t + 1;
    return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

/* Weights of output i of n, in row [grid]. */
static void weigh_plain(double *row, int64_t grid, int64_t i, int64_t n, fk_resample how)
{
    double corners = n > 1 ? (double)i * (double)(grid - 1) / (double)(n - 1) : 0;
    double step = (double)grid / ((double)n + 0.1);
    double c = how == FK_CUBIC_CORNERS ? corners : ((double)i + 0.5) * step - 0.5;
    int64_t first = (int64_t)floor(c) - 1;

    for (int64_t j = first; j < first + 4; j++) {
        int64_t inside = j < 0 ? 0 : j > grid - 1 ? grid - 1 : j;

        row[inside] += kernel((double)j - c, -0.75);
    }
}

static void weigh_smooth(double *row, int64_t grid, int64_t i, int64_t n)
{
    double step = (double)grid / (double)n, wide = step > 1 ? step : 1, sum = 0;
    double c = ((double)i + 0.5) * step - 0.5;

    for (int64_t j = 0; j < grid; j++) {
        row[j] = kernel(((double)j - c) / wide, -0.5);
        sum += row[j];
    }
    for (int64_t j = 0; j < grid; j++)
        row[j] /= sum;
}

/* [n, grid] */
static fleck_status axis_weights(double **out, int64_t grid, int64_t n, fk_resample how,
                                 fleck_error *err)
{
    int64_t count;
    fleck_status st;

    if (!fk_mul_fits(n, grid, &count))
        return fk_error_set(err, FLECK_E_NOMEM, "position embedding: too large");
    FK_DO(FK_CALLOC(out, count, err));
    for (int64_t i = 0; i < n; i++)
        if (how == FK_CUBIC_SMOOTH)
            weigh_smooth(*out + i * grid, grid, i, n);
        else
            weigh_plain(*out + i * grid, grid, i, n, how);
done:
    return st;
}

/* sum [dim] += the table's entries with the weights of one position. */
static void add_entries(double *sum, const double *row, const double *column, const float *table,
                        int64_t grid, int64_t dim)
{
    for (int64_t i = 0; i < grid; i++) {
        if (row[i] == 0)
            continue;
        for (int64_t j = 0; j < grid; j++) {
            const float *entry = table + (i * grid + j) * dim;
            double w = row[i] * column[j];

            if (column[j] == 0)
                continue;
            for (int64_t d = 0; d < dim; d++)
                sum[d] += w * (double)entry[d];
        }
    }
}

fleck_status fk_position_resample(float *out, int64_t height, int64_t width, const float *table,
                                  int64_t grid, int64_t dim, fk_resample how, fleck_error *err)
{
    double *rows = NULL, *columns = NULL, *sum = NULL;
    fleck_status st = FLECK_OK;

    if (height == grid && width == grid) {
        memcpy(out, table, (size_t)(grid * grid * dim) * sizeof *out);
        goto done;
    }
    FK_DO(axis_weights(&rows, grid, height, how, err));
    FK_DO(axis_weights(&columns, grid, width, how, err));
    FK_DO(FK_ALLOC(&sum, dim, err));
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            float *to = out + (y * width + x) * dim;

            memset(sum, 0, (size_t)dim * sizeof *sum);
            add_entries(sum, rows + y * grid, columns + x * grid, table, grid, dim);
            for (int64_t d = 0; d < dim; d++)
                to[d] = (float)sum[d];
        }
done:
    fk_free(rows);
    fk_free(columns);
    fk_free(sum);
    return st;
}

/* The angles of one patch, its cosines and sines, in rows of dim. */
static void rotate_patch(float *cosines, float *sines, const double coordinate[2], int64_t dim)
{
    const int64_t quarter = dim / 4, half = dim / 2;

    for (int64_t i = 0; i < half; i++) {
        double period = pow(ROTARY_BASE, (double)(i % quarter) / (double)quarter);
        double angle = 2 * acos(-1.0) * coordinate[i / quarter] / period;

        cosines[i] = cosines[i + half] = (float)cos(angle);
        sines[i] = (float)-sin(angle);
        sines[i + half] = (float)sin(angle);
    }
}

void fk_position_rotate(float *out, const fk_rotary *r, int64_t dim)
{
    float *cosines = out, *sines = out + (r->skip + r->height * r->width) * dim;

    for (int64_t i = 0; i < r->skip * dim; i++) {
        *cosines++ = 1;
        *sines++ = 0;
    }
    for (int64_t y = 0; y < r->height; y++)
        for (int64_t x = 0; x < r->width; x++, cosines += dim, sines += dim) {
            const double coordinate[2] = {2 * ((double)y + 0.5) / (double)r->height - 1,
                                          2 * ((double)x + 0.5) / (double)r->width - 1};

            rotate_patch(cosines, sines, coordinate, dim);
        }
}
