/* SPDX-License-Identifier: Apache-2.0 */
/* Squared distances, inner products of neighbours, and the smallest of many.
 *
 * All sums of products here have one order: sixteen float sums run side by side over at most 16
 * blocks of 16 numbers, and are then added to sixteen double sums.  The numbers after the last
 * block are added to double sums directly.  The order is written out, so that compilers can
 * vectorise it without reordering anything. */
#include "linalg/linalg.h"
#include "base/clones.h"

#include <math.h>

#define LANES 16
#define WIDE 32 /* numbers that are compared together if few of them count */
#define BLOCKS 16

FK_INLINE double add_lanes(const double *lanes)
{
    double s[4];

    for (int i = 0; i < 4; i++)
        s[i] = (lanes[i] + lanes[i + 4]) + (lanes[i + 8] + lanes[i + 12]);
    return (s[0] + s[1]) + (s[2] + s[3]);
}

FK_INLINE double distance2(const float *a, const float *b, int64_t d)
{
    double lanes[LANES] = {0.0};
    int64_t k = 0;

    while (k + LANES <= d) {
        int64_t end = d - k < LANES * BLOCKS ? d - (d - k) % LANES : k + LANES * BLOCKS;
        float part[LANES] = {0.0f};

        for (; k < end; k += LANES) {
            for (int i = 0; i < LANES; i++) {
                float x = a[k + i] - b[k + i];

                part[i] += x * x;
            }
        }
        for (int i = 0; i < LANES; i++)
            lanes[i] += (double)part[i];
    }
    for (; k < d; k++) {
        double x = (double)a[k] - (double)b[k];

        lanes[k % LANES] += x * x;
    }
    return add_lanes(lanes);
}

FK_CLONES double fk_linalg_distance2(const float *a, const float *b, int64_t d)
{
    return distance2(a, b, d);
}

FK_CLONES void fk_linalg_distances2(double *out, const float *query, const float *rows, int64_t n,
                                    int64_t d)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = distance2(query, rows + i * d, d);
}

FK_CLONES double fk_linalg_length2(const float *a, int64_t d)
{
    double lanes[LANES] = {0.0};
    int64_t k = 0;

    while (k + LANES <= d) {
        int64_t end = d - k < LANES * BLOCKS ? d - (d - k) % LANES : k + LANES * BLOCKS;
        float part[LANES] = {0.0f};

        for (; k < end; k += LANES)
            for (int i = 0; i < LANES; i++)
                part[i] += a[k + i] * a[k + i];
        for (int i = 0; i < LANES; i++)
            lanes[i] += (double)part[i];
    }
    for (; k < d; k++)
        lanes[k % LANES] += (double)a[k] * (double)a[k];
    return add_lanes(lanes);
}

FK_INLINE bool any_below(const float *length2, const float *products, float limit)
{
    int32_t any = 0;

    for (int i = 0; i < WIDE; i++)
        any |= length2[i] - 2.0f * products[i] < limit;
    return any != 0;
}

FK_CLONES int64_t fk_linalg_nearer(int32_t *out, const float *length2, const float *products,
                                   int64_t n, float limit)
{
    int64_t count = 0;

    for (int64_t k = 0; k < n; k += WIDE) {
        int64_t end = k + WIDE < n ? k + WIDE : n;

        if (end - k == WIDE && !any_below(length2 + k, products + k, limit))
            continue;
        for (int64_t i = k; i < end; i++)
            if (length2[i] - 2.0f * products[i] < limit)
                out[count++] = (int32_t)i;
    }
    return count;
}

/* Inner products of a with itself, r, b and c, and of r with b. */
FK_INLINE void cell_products(double *out, const float *a, const float *r, const float *b,
                             const float *c, int64_t d)
{
    double lanes[FK_CELL_PRODUCTS][LANES] = {{0.0}};
    int64_t k = 0;

    while (k + LANES <= d) {
        int64_t end = d - k < LANES * BLOCKS ? d - (d - k) % LANES : k + LANES * BLOCKS;
        float self[LANES] = {0.0f}, right[LANES] = {0.0f}, down[LANES] = {0.0f};
        float across[LANES] = {0.0f}, anti[LANES] = {0.0f};

        for (; k < end; k += LANES) {
            for (int i = 0; i < LANES; i++) {
                self[i] += a[k + i] * a[k + i];
                right[i] += a[k + i] * r[k + i];
                down[i] += a[k + i] * b[k + i];
                across[i] += a[k + i] * c[k + i];
                anti[i] += r[k + i] * b[k + i];
            }
        }
        for (int i = 0; i < LANES; i++) {
            lanes[FK_CELL_SELF][i] += (double)self[i];
            lanes[FK_CELL_RIGHT][i] += (double)right[i];
            lanes[FK_CELL_DOWN][i] += (double)down[i];
            lanes[FK_CELL_ACROSS][i] += (double)across[i];
            lanes[FK_CELL_ANTI][i] += (double)anti[i];
        }
    }
    for (; k < d; k++) {
        lanes[FK_CELL_SELF][k % LANES] += (double)a[k] * (double)a[k];
        lanes[FK_CELL_RIGHT][k % LANES] += (double)a[k] * (double)r[k];
        lanes[FK_CELL_DOWN][k % LANES] += (double)a[k] * (double)b[k];
        lanes[FK_CELL_ACROSS][k % LANES] += (double)a[k] * (double)c[k];
        lanes[FK_CELL_ANTI][k % LANES] += (double)r[k] * (double)b[k];
    }
    for (int i = 0; i < FK_CELL_PRODUCTS; i++)
        out[i] = add_lanes(lanes[i]);
}

FK_CLONES void fk_linalg_cell_products(double *out, const float *x, int64_t h, int64_t w, int64_t d)
{
    for (int64_t i = 0; i < h; i++) {
        for (int64_t j = 0; j < w; j++) {
            const float *a = x + (i * w + j) * d;
            int64_t right = j + 1 < w ? d : 0, down = i + 1 < h ? w * d : 0;

            cell_products(out + (i * w + j) * FK_CELL_PRODUCTS, a, a + right, a + down,
                          a + right + down, d);
        }
    }
}

double fk_linalg_cell_length2(const double *products, int64_t w, int64_t y0, int64_t y1, double fy,
                              int64_t x0, int64_t x1, double fx)
{
    const double *a = products + (y0 * w + x0) * FK_CELL_PRODUCTS;
    const double *r = products + (y0 * w + x1) * FK_CELL_PRODUCTS;
    const double *b = products + (y1 * w + x0) * FK_CELL_PRODUCTS;
    const double *c = products + (y1 * w + x1) * FK_CELL_PRODUCTS;
    double top, bottom, between;

    /* If the neighbours along an axis coincide there is no mixture along it. */
    if (x1 == x0)
        fx = 0.0;
    if (y1 == y0)
        fy = 0.0;
    top = (1.0 - fx) * (1.0 - fx) * a[FK_CELL_SELF] + fx * fx * r[FK_CELL_SELF] +
          2.0 * fx * (1.0 - fx) * a[FK_CELL_RIGHT];
    bottom = (1.0 - fx) * (1.0 - fx) * b[FK_CELL_SELF] + fx * fx * c[FK_CELL_SELF] +
             2.0 * fx * (1.0 - fx) * b[FK_CELL_RIGHT];
    between = (1.0 - fx) * (1.0 - fx) * a[FK_CELL_DOWN] + fx * fx * r[FK_CELL_DOWN] +
              fx * (1.0 - fx) * (a[FK_CELL_ACROSS] + a[FK_CELL_ANTI]);
    return fmax(0.0,
                (1.0 - fy) * (1.0 - fy) * top + fy * fy * bottom + 2.0 * fy * (1.0 - fy) * between);
}

void fk_linalg_smallest(double *values, int64_t *indices, int64_t k, double value, int64_t index)
{
    int64_t at = k - 1;

    if (!(value < values[at]))
        return;
    for (; at > 0 && value < values[at - 1]; at--) {
        values[at] = values[at - 1];
        indices[at] = indices[at - 1];
    }
    values[at] = value;
    indices[at] = index;
}
