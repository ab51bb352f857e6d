/* SPDX-License-Identifier: Apache-2.0 */
/* Area resampling, bit-identical to OpenCV's INTER_AREA on 8-bit grey and RGB.
 *
 * If size s becomes n along an axis, OpenCV computes inverse = n / s and scale = 1 / inverse, both
 * rounded to double, and uses one of three methods:
 *
 * 1. Both scales are whole (to DBL_EPSILON): the mean of a block of kx * ky samples,
 *        round(sum * (1 / (kx * ky)))              in float, halves to even;
 *    for 2 x 2 in integers, (sum + 2) >> 2, halves up.
 *
 * 2. Both scales are at least 1: cell i of an axis covers [i * scale, (i + 1) * scale) of the
 *    input.  The weight of sample j is the part of the cell that it fills, as a float; parts of at
 *    most 1/1000 sample are left out.  Rows are summed first,
 *        row[x] = sum over j of in[j] * wx[j],     out[x] = round(sum over k of wy[k] * row_k[x]),
 *    all in float, each product rounded before it is added, in the order of the samples.  The
 *    result depends on this order, so vectors run across columns and channels, never along the sum.
 *
 * 3. An axis grows: both axes are linear between two neighbours, with weights that reproduce
 *    blocks.  Along an axis
 *        j = floor(i * scale),    f = (i + 1) - (j + 1) * inverse,
 *        f = f > 0 ? f - floor(f) : 0,
 *    where f is rounded to float before it is compared, and f = 0 at the last sample.  Weights
 *    1 - f and f have 11 bits, rounded to nearest, halves to even.  With row values d,
 *        d = in[j] * a0 + in[j+1] * a1,
 *        out = (((b0 * (d0 >> 4)) >> 16) + ((b1 * (d1 >> 4)) >> 16) + 2) >> 2. */
#include "base/mem.h"
#include "image/resize/resize.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* ---- The scale of an axis, as OpenCV computes it ---- */

typedef struct axis {
    int64_t in, out;
    double inverse, scale;
    int64_t whole; /* the scale if it is a whole number, else 0 */
} axis;

static axis axis_of(int64_t in, int64_t out)
{
    axis a = {.in = in, .out = out, .inverse = (double)out / (double)in};

    a.scale = 1.0 / a.inverse;
    if (fabs(a.scale - rint(a.scale)) < DBL_EPSILON)
        a.whole = (int64_t)rint(a.scale);
    return a;
}

/* Round a float of [0, 2^22) to the nearest integer, halves to even, and clip to 255: adding 1.5 *
 * 2^23 leaves no bits for a fraction.  Unlike lrintf(), the compiler can vectorise this. */
static inline uint8_t round_to_u8(float v)
{
    float moved = v + 12582912.0f;
    int32_t bits;

    memcpy(&bits, &moved, sizeof bits);
    bits -= 0x4b400000;
    return (uint8_t)(bits > 255 ? 255 : bits);
}

/* ---- 1. Whole blocks ---- */

static void mean_2x2(fk_image *out, const fk_image *src)
{
    int64_t c = src->channels, row = src->width * c;

    for (int64_t y = 0; y < out->height; y++) {
        const uint8_t *p = src->data + 2 * y * row;
        uint8_t *q = out->data + y * out->width * c;

        for (int64_t x = 0; x < out->width; x++, p += 2 * c)
            for (int64_t k = 0; k < c; k++)
                *q++ = (uint8_t)((p[k] + p[k + c] + p[row + k] + p[row + k + c] + 2) >> 2);
    }
}

static fleck_status mean_blocks(fk_image *out, const fk_image *src, int64_t kx, int64_t ky,
                                fleck_error *err)
{
    int64_t c = src->channels, row = src->width * c;
    float weight = 1.0f / (float)(kx * ky);
    int32_t *sums = NULL; /* sums over ky rows, for each column and channel of the input */
    fleck_status st;

    FK_DO(FK_ALLOC(&sums, row, err));
    for (int64_t y = 0; y < out->height; y++) {
        uint8_t *q = out->data + y * out->width * c;

        memset(sums, 0, (size_t)row * sizeof *sums);
        for (int64_t j = 0; j < ky; j++) {
            const uint8_t *p = src->data + (y * ky + j) * row;

            for (int64_t x = 0; x < row; x++)
                sums[x] += p[x];
        }
        for (int64_t x = 0; x < out->width; x++)
            for (int64_t k = 0; k < c; k++) {
                const int32_t *p = sums + x * kx * c + k;
                int64_t sum = 0; /* 64 bits, because one block may be a whole large image */

                for (int64_t j = 0; j < kx; j++)
                    sum += p[j * c];
                *q++ = round_to_u8((float)sum * weight);
            }
    }
done:
    fk_free(sums);
    return st;
}

/* ---- 2. Cells of any size ---- */

/* Cell i is the weighted sum of count[i] samples from first[i] on. */
typedef struct cells {
    int64_t *first, *count, *start; /* [out]; start: index of the cell's first weight */
    float *weights;
} cells;

static void cells_free(cells *k)
{
    fk_free(k->first);
    fk_free(k->count);
    fk_free(k->start);
    fk_free(k->weights);
    *k = (cells){0};
}

/* Compute the weights of the cell [from, to) and return their number.  w has room for all samples
 * that the cell touches. */
static int64_t fill_cell(float *w, int64_t *first, const axis *a, double from, double to)
{
    double size = fmin(a->scale, (double)a->in - from);
    int64_t inner = (int64_t)ceil(from), end = (int64_t)floor(to), n = 0;

    end = end < a->in - 1 ? end : a->in - 1;
    inner = inner < end ? inner : end;
    *first = inner;
    if ((double)inner - from > 1e-3) {
        *first = inner - 1;
        w[n++] = (float)(((double)inner - from) / size);
    }
    for (int64_t j = inner; j < end; j++)
        w[n++] = (float)(1.0 / size);
    if (to - (double)end > 1e-3)
        w[n++] = (float)(fmin(fmin(to - (double)end, 1.0), size) / size);
    return n;
}

static fleck_status cells_init(cells *k, const axis *a, fleck_error *err)
{
    int64_t used = 0;
    fleck_status st;

    FK_DO(FK_ALLOC(&k->first, a->out, err));
    FK_DO(FK_ALLOC(&k->count, a->out, err));
    FK_DO(FK_ALLOC(&k->start, a->out, err));
    /* Neighbours share at most one sample. */
    FK_DO(FK_ALLOC(&k->weights, 2 * a->in + 2 * a->out, err));
    for (int64_t i = 0; i < a->out; i++) {
        double from = (double)i * a->scale;

        k->start[i] = used;
        k->count[i] = fill_cell(k->weights + used, &k->first[i], a, from, from + a->scale);
        used += k->count[i];
    }
done:
    return st;
}

/* The sums along a row.  Its samples are already floats, so that each costs only a load, a product
 * and a sum. */
static void sum_row_grey(float *out, const float *row, const cells *k, int64_t n)
{
    for (int64_t x = 0; x < n; x++) {
        const float *p = row + k->first[x];
        const float *w = k->weights + k->start[x];
        float sum = 0.0f;

        for (int64_t j = 0; j < k->count[x]; j++)
            sum += p[j] * w[j];
        out[x] = sum;
    }
}

/* Four vector lanes for three channels: the next pixel overwrites the fourth, so out and row have
 * room for one value after their ends. */
static void sum_row_rgb(float *out, const float *row, const cells *k, int64_t n)
{
    for (int64_t x = 0; x < n; x++) {
        const float *p = row + 3 * k->first[x];
        const float *w = k->weights + k->start[x];
        float sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};

        for (int64_t j = 0; j < k->count[x]; j++, p += 3)
            for (int c = 0; c < 4; c++)
                sum[c] += p[c] * w[j];
        memcpy(out + 3 * x, sum, sizeof sum);
    }
}

typedef struct scratch {
    float *row, *sum; /* [out width * channels + 1] */
    float *samples;   /* an input row and one more value */
} scratch;

static void sum_row(scratch *s, const fk_image *src, int64_t y, const cells *kx, int64_t n)
{
    int64_t count = src->width * src->channels;
    const uint8_t *row = src->data + y * count;

    for (int64_t i = 0; i < count; i++)
        s->samples[i] = (float)row[i];
    if (src->channels == 1)
        sum_row_grey(s->row, s->samples, kx, n);
    else
        sum_row_rgb(s->row, s->samples, kx, n);
}

static void sum_cells(fk_image *out, const fk_image *src, const cells *kx, const cells *ky,
                      scratch *s)
{
    int64_t n = out->width * out->channels, ready = -1; /* the input row whose sums s->row holds */

    for (int64_t y = 0; y < out->height; y++) {
        uint8_t *q = out->data + y * n;

        for (int64_t j = 0; j < ky->count[y]; j++) {
            float w = ky->weights[ky->start[y] + j];

            /* The last row of a cell is often the first of the next. */
            if (ready != ky->first[y] + j) {
                ready = ky->first[y] + j;
                sum_row(s, src, ready, kx, out->width);
            }
            if (j == 0)
                for (int64_t x = 0; x < n; x++)
                    s->sum[x] = w * s->row[x];
            else
                for (int64_t x = 0; x < n; x++)
                    s->sum[x] += w * s->row[x];
        }
        for (int64_t x = 0; x < n; x++)
            q[x] = round_to_u8(s->sum[x]);
    }
}

static fleck_status mean_cells(fk_image *out, const fk_image *src, const axis *ax, const axis *ay,
                               fleck_error *err)
{
    int64_t n = out->width * out->channels + 1;
    cells kx = {0}, ky = {0};
    scratch s = {0};
    fleck_status st;

    FK_DO(cells_init(&kx, ax, err));
    FK_DO(cells_init(&ky, ay, err));
    FK_DO(FK_ALLOC(&s.row, n, err));
    FK_DO(FK_ALLOC(&s.sum, n, err));
    FK_DO(FK_CALLOC(&s.samples, src->width * src->channels + 1, err));
    sum_cells(out, src, &kx, &ky, &s);
done:
    fk_free(s.row);
    fk_free(s.sum);
    fk_free(s.samples);
    cells_free(&kx);
    cells_free(&ky);
    return st;
}

/* ---- 3. Linear between neighbours ---- */

#define LINEAR_BITS 11

/* Output i lies between samples at[i] and at[i] + 1 (or the last sample twice); weights [out,
 * 2]. */
typedef struct links {
    int64_t *at;
    int32_t *weights;
} links;

static void links_free(links *l)
{
    fk_free(l->at);
    fk_free(l->weights);
    *l = (links){0};
}

static fleck_status links_init(links *l, const axis *a, fleck_error *err)
{
    fleck_status st;

    FK_DO(FK_ALLOC(&l->at, a->out, err));
    FK_DO(FK_ALLOC(&l->weights, 2 * a->out, err));
    for (int64_t i = 0; i < a->out; i++) {
        int64_t j = (int64_t)floor((double)i * a->scale);
        float f = (float)((double)(i + 1) - (double)(j + 1) * a->inverse);

        f = f <= 0.0f ? 0.0f : f - floorf(f);
        if (j >= a->in - 1) {
            j = a->in - 1;
            f = 0.0f;
        }
        l->at[i] = j;
        l->weights[2 * i] = (int32_t)rintf((1.0f - f) * (1 << LINEAR_BITS));
        l->weights[2 * i + 1] = (int32_t)rintf(f * (1 << LINEAR_BITS));
    }
done:
    return st;
}

static void link_row(int32_t *out, const uint8_t *row, const links *l, int64_t n, int64_t in,
                     int channels)
{
    for (int64_t x = 0; x < n; x++) {
        int64_t next = l->at[x] < in - 1 ? channels : 0;
        const uint8_t *p = row + l->at[x] * channels;

        for (int c = 0; c < channels; c++)
            *out++ = p[c] * l->weights[2 * x] + p[next + c] * l->weights[2 * x + 1];
    }
}

static void link_columns(uint8_t *out, const int32_t *row0, const int32_t *row1, const int32_t *b,
                         int64_t n)
{
    for (int64_t x = 0; x < n; x++) {
        int32_t v = ((b[0] * (row0[x] >> 4)) >> 16) + ((b[1] * (row1[x] >> 4)) >> 16);

        v = (v + 2) >> 2;
        out[x] = (uint8_t)(v > 255 ? 255 : v);
    }
}

static fleck_status link_all(fk_image *out, const fk_image *src, const axis *ax, const axis *ay,
                             fleck_error *err)
{
    int64_t n = out->width * out->channels, bytes = src->width * src->channels;
    int64_t held[2] = {-1, -1}; /* the input rows in rows[]; row y is at y % 2 */
    int32_t *rows[2] = {NULL, NULL};
    links lx = {0}, ly = {0};
    fleck_status st;

    FK_DO(links_init(&lx, ax, err));
    FK_DO(links_init(&ly, ay, err));
    FK_DO(FK_ALLOC(&rows[0], n, err));
    FK_DO(FK_ALLOC(&rows[1], n, err));
    for (int64_t y = 0; y < out->height; y++) {
        int64_t y0 = ly.at[y], y1 = y0 < src->height - 1 ? y0 + 1 : y0;

        for (int64_t k = y0; k <= y1; k++)
            if (held[k % 2] != k) {
                held[k % 2] = k;
                link_row(rows[k % 2], src->data + k * bytes, &lx, out->width, src->width,
                         src->channels);
            }
        link_columns(out->data + y * n, rows[y0 % 2], rows[y1 % 2], ly.weights + 2 * y, n);
    }
done:
    fk_free(rows[0]);
    fk_free(rows[1]);
    links_free(&lx);
    links_free(&ly);
    return st;
}

fleck_status fk_resize_area(fk_image *out, const fk_image *src, fleck_error *err)
{
    axis ax = axis_of(src->width, out->width), ay = axis_of(src->height, out->height);

    if (ax.scale < 1.0 || ay.scale < 1.0)
        return link_all(out, src, &ax, &ay, err);
    if (ax.whole == 0 || ay.whole == 0)
        return mean_cells(out, src, &ax, &ay, err);
    if (ax.whole != 2 || ay.whole != 2)
        return mean_blocks(out, src, ax.whole, ay.whole, err);
    mean_2x2(out, src);
    return FLECK_OK;
}
