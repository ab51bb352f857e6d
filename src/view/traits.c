/* SPDX-License-Identifier: Apache-2.0 */
/* Traits of a photo, by which it is compared with the learned photos. */
#include "view/traits.h"
#include "base/clones.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

/* Compute the means of FK_CELLS x FK_CELLS cells; columns [3 width] is scratch. */
FK_CLONES static void find_cells(uint8_t *out, const fk_image *pixels, int32_t *columns)
{
    int64_t height = pixels->height, width = pixels->width;

    for (int64_t row = 0; row < FK_CELLS; row++) {
        int64_t y0 = row * height / FK_CELLS, y1 = (row + 1) * height / FK_CELLS;

        memset(columns, 0, (size_t)(3 * width) * sizeof *columns);
        for (int64_t y = y0; y < y1; y++)
            for (int64_t i = 0; i < 3 * width; i++)
                columns[i] += pixels->data[3 * y * width + i];
        for (int64_t column = 0; column < FK_CELLS; column++) {
            int64_t x0 = column * width / FK_CELLS, x1 = (column + 1) * width / FK_CELLS;
            int64_t sum[3] = {0}, n = (y1 - y0) * (x1 - x0);

            for (int64_t x = x0; x < x1; x++)
                for (int c = 0; c < 3; c++)
                    sum[c] += columns[3 * x + c];
            for (int c = 0; c < 3; c++)
                *out++ = (uint8_t)(n > 0 ? (sum[c] + n / 2) / n : 0);
        }
    }
}

/* Sums over the pixels outside the ignored region. */
typedef struct sums {
    int64_t n, sum, squares;               /* of the luma */
    int64_t edges, edge_sum, edge_squares; /* of its Laplacian */
} sums;

FK_CLONES static void find_luma(int32_t *out, const fk_image *pixels, int64_t y)
{
    const uint8_t *p = pixels->data + y * pixels->width * 3;

    for (int64_t x = 0; x < pixels->width; x++)
        out[x] = (77 * p[3 * x] + 150 * p[3 * x + 1] + 29 * p[3 * x + 2] + 128) >> 8;
}

/* Columns whose sums fit 32 bits. */
#define COLUMNS 1024

FK_CLONES static void add_row(sums *s, const int32_t *row, const uint8_t *left_out, int64_t width)
{
    for (int64_t first = 0; first < width; first += COLUMNS) {
        int64_t end = first + COLUMNS < width ? first + COLUMNS : width;
        int32_t sum = 0, squares = 0, n = 0;

        for (int64_t x = first; x < end; x++) {
            int32_t counts = left_out == NULL || left_out[x] == 0;

            sum += counts * row[x];
            squares += counts * row[x] * row[x];
            n += counts;
        }
        s->n += n;
        s->sum += sum;
        s->squares += squares;
    }
}

/* Whether one of the five pixels at x is in the ignored region. */
static bool touches(const uint8_t *left_out, int64_t x, int64_t width)
{
    return (left_out[x] | left_out[x - 1] | left_out[x + 1] | left_out[x - width] |
            left_out[x + width]) != 0;
}

/* Add the Laplacian of the middle one of three rows. */
FK_CLONES static void add_edges(sums *s, int32_t *const rows[3], const uint8_t *left_out,
                                int64_t width)
{
    const int32_t *above = rows[0], *row = rows[1], *below = rows[2];

    for (int64_t first = 1; first < width - 1; first += COLUMNS) {
        int64_t end = first + COLUMNS < width - 1 ? first + COLUMNS : width - 1;
        int32_t sum = 0, squares = 0, n = 0;

        for (int64_t x = first; x < end; x++) {
            int32_t counts = left_out == NULL || !touches(left_out, x, width);
            int32_t d = counts * (4 * row[x] - row[x - 1] - row[x + 1] - above[x] - below[x]);

            sum += d;
            squares += d * d;
            n += counts;
        }
        s->edges += n;
        s->edge_sum += sum;
        s->edge_squares += squares;
    }
}

static double variance(int64_t n, int64_t sum, int64_t squares)
{
    double mean = (double)sum / (double)n;

    return fmax((double)squares / (double)n - mean * mean, 0.0);
}

static void find_numbers(double out[FK_TRAIT_NUMBERS], const sums *s)
{
    double around = variance(s->n, s->sum, s->squares);

    for (int i = 0; i < FK_TRAIT_NUMBERS; i++)
        out[i] = NAN;
    if (s->n == 0 || s->edges == 0)
        return;
    out[FK_TRAIT_BRIGHTNESS] = (double)s->sum / (double)s->n;
    out[FK_TRAIT_CONTRAST] = log1p(sqrt(around));
    out[FK_TRAIT_SHARPNESS] =
        log1p(variance(s->edges, s->edge_sum, s->edge_squares)) - log1p(around);
}

fleck_status fk_traits_find(fk_traits *out, const fk_image *pixels, const fk_image *left_out,
                            int64_t width, int64_t height, fleck_error *err)
{
    int64_t w = pixels->width;
    int32_t *luma = NULL, *rows[3];
    sums s = {0};
    fleck_status st;

    *out = (fk_traits){.width = width, .height = height};
    FK_DO(FK_ALLOC(&luma, 3 * w, err));
    find_cells(out->cells, pixels, luma);
    for (int i = 0; i < 3; i++)
        rows[i] = luma + i * w;
    for (int64_t y = 0; y < pixels->height; y++) {
        const uint8_t *mask = left_out->data != NULL ? left_out->data + y * w : NULL;
        int32_t *oldest = rows[0];

        rows[0] = rows[1];
        rows[1] = rows[2];
        rows[2] = oldest;
        find_luma(rows[2], pixels, y);
        add_row(&s, rows[2], mask, w);
        if (y >= 2)
            add_edges(&s, rows, mask != NULL ? mask - w : NULL, w);
    }
    find_numbers(out->numbers, &s);
done:
    fk_free(luma);
    return st;
}
