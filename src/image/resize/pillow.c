/* SPDX-License-Identifier: Apache-2.0 */
/* Bilinear, bicubic and Lanczos resampling, bit-identical to Pillow's.
 *
 * Along one axis of size n_in that becomes n_out, with scale = n_in / n_out, output sample i lies
 * at
 *
 *     center = (i + 1/2) * scale
 *
 * of the input.  The filter h, which is 0 beyond its radius r (1, 2 or 3), is stretched by the
 * factor max(scale, 1), so that a reduction averages over all input samples.  With this factor
 * called stretch, the weights are
 *
 *     w[j] = h((j + first - center + 1/2) / stretch),        divided by their sum,
 *
 * for the input samples first + j from first = int(center - r * stretch + 1/2), at least 0, up to
 * but not including int(center + r * stretch + 1/2), at most n_in.  They are computed in double and
 * stored as integers with 22 fractional bits, rounded to nearest, halves away from 0.  This leaves
 * 8 bits of an int32_t for the sample and 2 for partial sums of weights outside [0, 1], so a pass
 * is exact:
 *
 *     out[i] = clip((sum of in[first + j] * w[j] + 2^21) >> 22)          to [0, 255].
 *
 * One axis is filtered and rounded to 8 bits, then the result along the other axis; an axis that
 * keeps its size is not filtered.  The rows are filtered first, except that Pillow since version
 * 13.0 begins with the columns if more than twice as many rows as columns fall away, to save work.
 * Pillow up to 12.1 always begins with the rows (so do 12.2 and 12.3, except for images a hundred
 * times as high as wide).  Of 235 real images resized to 256x256, 124 differ between the two
 * orders: a fifth of their pixels, by at most 1 bilinear, 9 bicubic and 13 Lanczos, where the first
 * pass clips.  Images that are square or wider than high are the same in all versions.
 *
 * Integer sums do not depend on the order, so vectors give the same bytes (x86/avx2.c). */
#include "image/resize/pillow.h"

#include "base/mem.h"
#include "image/resize/resize.h"

#include <assert.h>
#include <math.h>
#include <string.h>

typedef double kernel(double x);

static double bilinear(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

/* Keys' cubic with a = -1/2. */
static double bicubic(double x)
{
    const double a = -0.5;

    x = fabs(x);
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    if (x < 2.0)
        return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
    return 0.0;
}

static double sinc(double x)
{
    const double pi = 3.14159265358979323846;

    return x == 0.0 ? 1.0 : sin(x * pi) / (x * pi);
}

static double lanczos(double x)
{
    return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0;
}

static void taps_free(fk_taps *t)
{
    fk_free(t->first);
    fk_free(t->count);
    fk_free(t->weights);
    fk_free(t->high);
    fk_free(t->low);
    *t = (fk_taps){0};
}

/* Compute the weights of output sample i of t, which is sample `from` + i of the whole axis; exact
 * has room for the weights before rounding. */
static void fill_weights(fk_taps *t, int64_t i, int64_t from, int64_t n_in, int64_t n_out,
                         kernel *h, double radius, double *exact)
{
    double scale = (double)n_in / (double)n_out, stretch = scale < 1.0 ? 1.0 : scale;
    double center = ((double)(from + i) + 0.5) * scale, inverse = 1.0 / stretch, sum = 0.0;
    double begin = center - radius * stretch + 0.5;
    int64_t first = begin < 0.0 ? 0 : (int64_t)begin;
    int64_t end = (int64_t)(center + radius * stretch + 0.5);
    int64_t count = (end < n_in ? end : n_in) - first, at = i * t->room;

    for (int64_t j = 0; j < count; j++) {
        exact[j] = h(((double)(j + first) - center + 0.5) * inverse);
        sum += exact[j];
    }
    for (int64_t j = 0; j < count; j++) {
        double v = (sum != 0.0 ? exact[j] / sum : exact[j]) * (1 << FK_WEIGHT_BITS);
        int32_t w = (int32_t)(v < 0.0 ? v - 0.5 : v + 0.5);
        int32_t high = (w + (1 << (FK_WEIGHT_LOW - 1))) >> FK_WEIGHT_LOW;

        t->weights[at + j] = w;
        t->high[at + j] = (int16_t)high;
        t->low[at + j] = (int16_t)(w - high * (1 << FK_WEIGHT_LOW));
    }
    t->first[i] = first;
    t->count[i] = count;
}

/* The weights of output samples from to from + n - 1 of n_out. */
static fleck_status taps_init(fk_taps *t, int64_t n_in, int64_t n_out, int64_t from, int64_t n,
                              fk_filter filter, fleck_error *err)
{
    static kernel *const kernels[] = {[FK_FILTER_BILINEAR] = bilinear,
                                      [FK_FILTER_BICUBIC] = bicubic,
                                      [FK_FILTER_LANCZOS] = lanczos};
    static const double radii[] = {
        [FK_FILTER_BILINEAR] = 1.0, [FK_FILTER_BICUBIC] = 2.0, [FK_FILTER_LANCZOS] = 3.0};
    double stretch = n_in > n_out ? (double)n_in / (double)n_out : 1.0;
    int64_t most = (int64_t)ceil(radii[filter] * stretch) * 2 + 1;
    double *exact = NULL;
    fleck_status st;

    t->n = n;
    t->room = (most + 7) / 8 * 8; /* at most about 400000, so that n * room fits */
    FK_DO(FK_ALLOC(&t->first, n, err));
    FK_DO(FK_ALLOC(&t->count, n, err));
    FK_DO(FK_CALLOC(&t->weights, n * t->room, err));
    FK_DO(FK_CALLOC(&t->high, n * t->room, err));
    FK_DO(FK_CALLOC(&t->low, n * t->room, err));
    FK_DO(FK_ALLOC(&exact, t->room, err));
    for (int64_t i = 0; i < n; i++)
        fill_weights(t, i, from, n_in, n_out, kernels[filter], radii[filter], exact);
done:
    fk_free(exact);
    return st;
}

/* The state that the passes share. */
typedef struct job {
    const fk_resize_kernels *by;
    fk_image *out;
    fk_ring in;
    fk_taps along, down; /* rows and columns */
    uint8_t *padded;     /* room for FK_ROWS input rows, each with its padding */
} job;

static uint8_t *padded(const job *j, int64_t y)
{
    return j->padded + y % FK_ROWS * (j->in.bytes + FK_ROW_SLACK);
}

/* Row y of the input with readable bytes after it: the next row, or padding. */
static const uint8_t *with_slack(const job *j, int64_t y)
{
    const uint8_t *row = j->in.data + y * j->in.bytes;

    if (y + 1 < j->in.rows && j->in.bytes >= FK_ROW_SLACK)
        return row;
    return memcpy(padded(j, y), row, (size_t)j->in.bytes);
}

static void filter(const job *j, uint8_t *const *out, const uint8_t *const *row)
{
    (j->out->channels == 1 ? j->by->rows_grey : j->by->rows_rgb)(out, row, &j->along);
}

/* Filter input rows y and y + 1 (y twice if it is the last row) into their places in the ring. */
static void filter_rows(const job *j, uint8_t *ring, int64_t rows, int64_t y)
{
    int64_t next = y + 1 < j->in.rows ? y + 1 : y, bytes = j->out->width * j->out->channels;
    uint8_t *const out[FK_ROWS] = {ring + y % rows * bytes, ring + next % rows * bytes};
    const uint8_t *const row[FK_ROWS] = {with_slack(j, y), with_slack(j, next)};

    filter(j, out, row);
}

static void rows_only(const job *j)
{
    for (int64_t y = 0; y < j->out->height; y += FK_ROWS)
        filter_rows(j, j->out->data, j->out->height, y);
}

static void columns_only(const job *j, int64_t bytes)
{
    for (int64_t y = 0; y < j->out->height; y++)
        j->by->columns(j->out->data + y * bytes, &j->in, &j->down, y);
}

/* Filtered rows go into a ring buffer just large enough for one output row, plus one row. */
static fleck_status rows_then_columns(const job *j, int64_t bytes, fleck_error *err)
{
    fk_ring ring = {NULL, j->down.room, bytes};
    uint8_t *data = NULL;
    int64_t ready = j->down.first[0];
    fleck_status st;

    FK_DO(FK_ALLOC(&data, ring.rows * bytes, err));
    ring.data = data;
    for (int64_t y = 0; y < j->out->height; y++) {
        for (; ready < j->down.first[y] + j->down.count[y]; ready += FK_ROWS)
            filter_rows(j, data, ring.rows, ready);
        j->by->columns(j->out->data + y * bytes, &ring, &j->down, y);
    }
done:
    fk_free(data);
    return st;
}

static void columns_then_rows(const job *j, int64_t bytes)
{
    for (int64_t y = 0; y < j->out->height; y += FK_ROWS) {
        int64_t next = y + 1 < j->out->height ? y + 1 : y;
        uint8_t *const out[FK_ROWS] = {j->out->data + y * bytes, j->out->data + next * bytes};
        const uint8_t *const row[FK_ROWS] = {padded(j, y), padded(j, next)};

        j->by->columns(padded(j, y), &j->in, &j->down, y);
        j->by->columns(padded(j, next), &j->in, &j->down, next);
        filter(j, out, row);
    }
}

fleck_status fk_resize_pillow_by(const fk_resize_kernels *by, fk_image *out, const fk_image *src,
                                 const fk_part *part, fk_filter filter, fleck_error *err)
{
    int64_t fewer_rows = src->height - part->height, fewer_columns = src->width - part->width;
    int64_t bytes = out->width * out->channels;
    job j = {.by = by, .out = out, .in = {src->data, src->height, src->width * src->channels}};
    fleck_status st = FLECK_OK;

    assert(filter == FK_FILTER_BILINEAR || filter == FK_FILTER_BICUBIC ||
           filter == FK_FILTER_LANCZOS);
    assert(fewer_rows != 0 || fewer_columns != 0);
    assert((fewer_rows != 0 && fewer_columns != 0) ||
           (out->width == part->width && out->height == part->height));
    if (fewer_columns != 0) {
        FK_DO(taps_init(&j.along, src->width, part->width, part->x, out->width, filter, err));
        FK_DO(FK_CALLOC(&j.padded, FK_ROWS * (j.in.bytes + FK_ROW_SLACK), err));
    }
    if (fewer_rows != 0)
        FK_DO(taps_init(&j.down, src->height, part->height, part->y, out->height, filter, err));
    if (fewer_rows == 0)
        rows_only(&j);
    else if (fewer_columns == 0)
        columns_only(&j, bytes);
    else if (fewer_rows > 0 && fewer_rows > 2 * fewer_columns)
        columns_then_rows(&j, bytes);
    else
        FK_DO(rows_then_columns(&j, bytes, err));
done:
    fk_free(j.padded);
    taps_free(&j.along);
    taps_free(&j.down);
    return st;
}

fleck_status fk_resize_pillow(fk_image *out, const fk_image *src, const fk_part *part,
                              fk_filter filter, fleck_error *err)
{
    const fk_resize_kernels *by = fk_resize_avx2();

    if (by == NULL)
        by = &fk_resize_plain;
    return fk_resize_pillow_by(by, out, src, part, filter, err);
}
