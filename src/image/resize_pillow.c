/* Bilinear, bicubic and Lanczos resampling, equal to Pillow's to the last bit.
 *
 * Along one axis of size n_in that becomes n_out, with scale = n_in / n_out, output sample i lies
 * at
 *
 *     center = (i + 1/2) * scale
 *
 * of the input.  The filter h, which is 0 beyond its radius r (1, 2 or 3), is stretched by
 * stretch = max(scale, 1), so that a reduction averages over all that it leaves out.  The weights
 * are
 *
 *     w[j] = h((j + first - center + 1/2) / stretch),        divided by their sum,
 *
 * for the input samples first + j from first = int(center - r * stretch + 1/2), at least 0, to
 * before int(center + r * stretch + 1/2), at most n_in.  They are computed in double and kept as
 * integers of 22 fractional bits, rounded to nearest, halves away from 0: 8 bits for the sample and
 * 2 for weights whose sum leaves [0, 1] are left of an int32_t.  A pass is then exact:
 *
 *     out[i] = clip((sum of in[first + j] * w[j] + 2^21) >> 22)          to [0, 255].
 *
 * One axis is filtered and rounded to 8 bits, then the other of that; an axis that keeps its size
 * is left out, not filtered.  The first pass is along the rows, except that since version 13.0
 * Pillow starts with the columns where more than twice as many rows as columns fall away, to save
 * work. Earlier versions then differ from 13.0, and from this, by a rounding here and there.
 *
 * The integer sums may be taken in any order, so the compiler may use vectors. */
#include "base/mem.h"
#include "image/resize.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define WEIGHT_BITS 22
#define HALF (1 << (WEIGHT_BITS - 1))

/* Columns that are summed at a time; their sums stay in the first cache. */
#define BLOCK 512

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

/* The weights of one axis: output i takes count[i] samples from first[i] on. */
typedef struct axis {
    int64_t n, room;
    int64_t *first, *count; /* [n] */
    int32_t *weights;       /* [n, room] */
} axis;

static void axis_free(axis *a)
{
    fk_free(a->first);
    fk_free(a->count);
    fk_free(a->weights);
    *a = (axis){0};
}

/* The weights of one output sample; exact is room for them before rounding. */
static void fill_weights(axis *a, int64_t i, int64_t n_in, kernel *h, double radius, double *exact)
{
    double scale = (double)n_in / (double)a->n, stretch = scale < 1.0 ? 1.0 : scale;
    double center = ((double)i + 0.5) * scale, inverse = 1.0 / stretch, sum = 0.0;
    double from = center - radius * stretch + 0.5;
    int64_t first = from < 0.0 ? 0 : (int64_t)from;
    int64_t end = (int64_t)(center + radius * stretch + 0.5);
    int64_t count = (end < n_in ? end : n_in) - first;
    int32_t *w = a->weights + i * a->room;

    for (int64_t j = 0; j < count; j++) {
        exact[j] = h(((double)(j + first) - center + 0.5) * inverse);
        sum += exact[j];
    }
    for (int64_t j = 0; j < count; j++) {
        double v = (sum != 0.0 ? exact[j] / sum : exact[j]) * (1 << WEIGHT_BITS);

        w[j] = (int32_t)(v < 0.0 ? v - 0.5 : v + 0.5);
    }
    a->first[i] = first;
    a->count[i] = count;
}

static fleck_status axis_init(axis *a, int64_t n_in, int64_t n_out, fk_filter filter,
                              fleck_error *err)
{
    static kernel *const kernels[] = {[FK_FILTER_BILINEAR] = bilinear,
                                      [FK_FILTER_BICUBIC] = bicubic,
                                      [FK_FILTER_LANCZOS] = lanczos};
    static const double radii[] = {
        [FK_FILTER_BILINEAR] = 1.0, [FK_FILTER_BICUBIC] = 2.0, [FK_FILTER_LANCZOS] = 3.0};
    double stretch = n_in > n_out ? (double)n_in / (double)n_out : 1.0;
    double *exact = NULL;
    int64_t cells;
    fleck_status st;

    a->n = n_out;
    a->room = (int64_t)ceil(radii[filter] * stretch) * 2 + 1;
    if (!fk_mul_fits(a->n, a->room, &cells))
        FK_FAIL(err, FLECK_E_NOMEM, "too many weights");
    FK_DO(FK_ALLOC(&a->first, n_out, err));
    FK_DO(FK_ALLOC(&a->count, n_out, err));
    FK_DO(FK_ALLOC(&a->weights, cells, err));
    FK_DO(FK_ALLOC(&exact, a->room, err));
    for (int64_t i = 0; i < n_out; i++)
        fill_weights(a, i, n_in, kernels[filter], radii[filter], exact);
done:
    fk_free(exact);
    return st;
}

static inline uint8_t clip(int32_t sum)
{
    int32_t v = sum >> WEIGHT_BITS;

    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void filter_row_grey(uint8_t *out, const uint8_t *row, const axis *a)
{
    for (int64_t x = 0; x < a->n; x++) {
        const uint8_t *p = row + a->first[x];
        const int32_t *w = a->weights + x * a->room;
        int32_t sum = HALF;

        for (int64_t j = 0; j < a->count[x]; j++)
            sum += p[j] * w[j];
        out[x] = clip(sum);
    }
}

/* Four lanes for three channels: the fourth sums what comes next in the row and is dropped, so row
 * has a byte of room behind its end. */
static void filter_row_rgb(uint8_t *out, const uint8_t *row, const axis *a)
{
    for (int64_t x = 0; x < a->n; x++) {
        const uint8_t *p = row + 3 * a->first[x];
        const int32_t *w = a->weights + x * a->room;
        int32_t sum[4] = {HALF, HALF, HALF, HALF};

        for (int64_t j = 0; j < a->count[x]; j++, p += 3)
            for (int c = 0; c < 4; c++)
                sum[c] += p[c] * w[j];
        for (int c = 0; c < 3; c++)
            out[3 * x + c] = clip(sum[c]);
    }
}

/* Rows that wait for the column pass: row y lies at data + y % rows * bytes. */
typedef struct ring {
    const uint8_t *data;
    int64_t rows, bytes;
} ring;

/* One output row: the weighted sum of count rows of the ring from first on. */
static void filter_columns(uint8_t *out, const ring *r, int64_t first, int64_t count,
                           const int32_t *w)
{
    int32_t sum[BLOCK];

    for (int64_t x0 = 0; x0 < r->bytes; x0 += BLOCK) {
        int64_t n = r->bytes - x0 < BLOCK ? r->bytes - x0 : BLOCK;

        for (int64_t x = 0; x < n; x++)
            sum[x] = HALF;
        for (int64_t j = 0; j < count; j++) {
            const uint8_t *row = r->data + (first + j) % r->rows * r->bytes + x0;
            int32_t weight = w[j];

            for (int64_t x = 0; x < n; x++)
                sum[x] += row[x] * weight;
        }
        for (int64_t x = 0; x < n; x++)
            out[x0 + x] = clip(sum[x]);
    }
}

/* One row along itself; padded has a byte of room behind the row. */
static void filter_row(uint8_t *out, const uint8_t *row, const axis *a, int channels,
                       uint8_t *padded, int64_t bytes)
{
    if (channels == 1) {
        filter_row_grey(out, row, a);
        return;
    }
    if (row != padded)
        memcpy(padded, row, (size_t)bytes);
    filter_row_rgb(out, padded, a);
}

/* Rows, then columns: filtered rows go into a ring just large enough for one output row. */
static fleck_status rows_then_columns(fk_image *out, const ring *in, const axis *ax, const axis *ay,
                                      uint8_t *padded, fleck_error *err)
{
    ring r = {NULL, ay->room, out->width * out->channels};
    uint8_t *data = NULL;
    int64_t ready = ay->first[0];
    fleck_status st;

    FK_DO(FK_ALLOC(&data, r.rows * r.bytes, err));
    r.data = data;
    for (int64_t y = 0; y < out->height; y++) {
        for (; ready < ay->first[y] + ay->count[y]; ready++)
            filter_row(data + ready % r.rows * r.bytes, in->data + ready * in->bytes, ax,
                       out->channels, padded, in->bytes);
        filter_columns(out->data + y * r.bytes, &r, ay->first[y], ay->count[y],
                       ay->weights + y * ay->room);
    }
done:
    fk_free(data);
    return st;
}

static void columns_then_rows(fk_image *out, const ring *in, const axis *ax, const axis *ay,
                              uint8_t *padded)
{
    for (int64_t y = 0; y < out->height; y++) {
        filter_columns(padded, in, ay->first[y], ay->count[y], ay->weights + y * ay->room);
        filter_row(out->data + y * out->width * out->channels, padded, ax, out->channels, padded,
                   in->bytes);
    }
}

fleck_status fk_resize_pillow(fk_image *out, const fk_image *src, fk_filter filter,
                              fleck_error *err)
{
    int64_t fewer_rows = src->height - out->height, fewer_columns = src->width - out->width;
    int64_t bytes = out->width * out->channels;
    ring in = {src->data, src->height, src->width * src->channels};
    axis ax = {0}, ay = {0};
    uint8_t *padded = NULL;
    fleck_status st = FLECK_OK;

    assert(filter == FK_FILTER_BILINEAR || filter == FK_FILTER_BICUBIC ||
           filter == FK_FILTER_LANCZOS);
    if (fewer_columns != 0) {
        FK_DO(axis_init(&ax, src->width, out->width, filter, err));
        FK_DO(FK_CALLOC(&padded, in.bytes + 1, err));
    }
    if (fewer_rows != 0)
        FK_DO(axis_init(&ay, src->height, out->height, filter, err));
    if (fewer_rows == 0)
        for (int64_t y = 0; y < out->height; y++)
            filter_row(out->data + y * bytes, in.data + y * in.bytes, &ax, out->channels, padded,
                       in.bytes);
    else if (fewer_columns == 0)
        for (int64_t y = 0; y < out->height; y++)
            filter_columns(out->data + y * bytes, &in, ay.first[y], ay.count[y],
                           ay.weights + y * ay.room);
    else if (fewer_rows > 0 && fewer_rows > 2 * fewer_columns)
        columns_then_rows(out, &in, &ax, &ay, padded);
    else
        FK_DO(rows_then_columns(out, &in, &ax, &ay, padded, err));
done:
    fk_free(padded);
    axis_free(&ax);
    axis_free(&ay);
    return st;
}
