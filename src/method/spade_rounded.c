/* SPADE, gallery of all positions: lower bounds of distances by products rounded to bf16.
 *
 * With q and g the features of two positions over the levels on the common grid, q~ and g~ the same rounded,
 *
 *     |q - g|^2 = |q|^2 + |g|^2 - 2 q g,     |q g - q~ g~| <= |q| |g - g~| + |q - q~| |g~|
 *
 * so that with |g~| <= |g| + |g - g~| and a margin for the roundings of sums
 *
 *     |q - g|^2 >= |q|^2 + |g|^2 - 2 q~ g~ - (|q| + |q - q~|) 2 |g - g~| - |q - q~| 2 |g|
 *
 * Twice as many such products go through at once, and the distances of the few pairs whose bound is low enough
 * are taken from their differences: nothing is found that is not nearest. */
#include "method/spade_rounded.h"
#include "base/clones.h"
#include "linalg/linalg.h"

#include <math.h>

/* For the roundings of lengths and of what is lost, in float. */
#define MARGIN 1.0001

static int64_t positions(const fk_spade_query *q)
{
    return q->height * q->width;
}

int64_t fk_spade_rounded_floats(const fk_spade_query *q, int t)
{
    if (!fk_linalg_rounds() || !fk_spade_direct(q, t))
        return 0;
    return fk_linalg_rounded_size(positions(q), fk_spade_level(q, t)->dim) / 2;
}

int64_t fk_spade_rounded_strip(int64_t rows, int64_t dim)
{
    return fk_linalg_rounds() ? rows * fk_linalg_rounded_width(dim) / 2 : 0;
}

void fk_spade_rounded_carve(fk_spade_rounded *out, const fk_spade_query *q, char *base,
                            size_t *used)
{
    *out = (fk_spade_rounded){0};
    if (!fk_linalg_rounds())
        return;
    for (int t = 0; t < q->count; t++) {
        int64_t width = fk_linalg_rounded_width(fk_spade_level(q, t)->dim);

        if (!fk_spade_direct(q, t))
            continue;
        out->ours[t] = fk_spade_carve(base, used, positions(q) * width, sizeof(uint16_t));
        out->lost[t] = fk_spade_carve(base, used, positions(q), sizeof(float));
    }
    out->ours_lost = fk_spade_carve(base, used, positions(q), sizeof(float));
    out->theirs_lost = fk_spade_carve(base, used, positions(q), sizeof(float));
    out->theirs_length = fk_spade_carve(base, used, positions(q), sizeof(float));
}

/* out [P] = scale times the length of what is lost over all levels on the grid. */
static void add_lost(float *out, const fk_spade_rounded *r, const fk_spade_query *q, double scale)
{
    for (int64_t p = 0; p < positions(q); p++) {
        double sum = 0;

        for (int t = 0; t < q->count; t++)
            if (fk_spade_direct(q, t))
                sum += (double)r->lost[t][p];
        out[p] = (float)(scale * MARGIN * sqrt(sum));
    }
}

void fk_spade_rounded_query(const fk_spade_rounded *r, const fk_spade_query *q)
{
    for (int t = 0; t < q->count; t++) {
        int64_t dim = fk_spade_level(q, t)->dim;

        if (fk_spade_direct(q, t))
            fk_linalg_round_rows(r->ours[t], r->lost[t], fk_spade_query_data(q, t), dim,
                                 positions(q), dim);
    }
    add_lost(r->ours_lost, r, q, 1);
}

void fk_spade_rounded_pack(const fk_spade_rounded *r, const fk_spade_query *q, int t, float *packed,
                           float *strip, const float *data, int64_t first, int64_t last)
{
    int64_t dim = fk_spade_level(q, t)->dim;
    uint16_t *rows = (uint16_t *)(void *)strip;

    fk_linalg_round_rows(rows, r->lost[t] + first, data, dim, last - first, dim);
    fk_linalg_pack_rounded((uint16_t *)(void *)packed, rows, first, last, dim);
}

void fk_spade_rounded_measure(const fk_spade_rounded *r, const fk_spade_query *q,
                              const float *norms)
{
    add_lost(r->theirs_lost, r, q, 2);
    for (int64_t j = 0; j < positions(q); j++)
        r->theirs_length[j] = (float)(2 * MARGIN * sqrt((double)norms[j]));
}

/* pairs [n] += norms - a lost - b length. */
FK_CLONES static void lower(float *restrict pairs, const float *norms, const float *lost, float a,
                            const float *length, float b, int64_t n)
{
    for (int64_t j = 0; j < n; j++)
        pairs[j] += norms[j] - (a * lost[j] + b * length[j]);
}

void fk_spade_rounded_bound(const fk_spade_rounded *r, const fk_spade_query *q, float *pairs,
                            float *const *packed, const float *ours, const float *norms, int64_t p,
                            int64_t count)
{
    int64_t n = positions(q), terms = 0;

    for (int t = 0; t < q->count; t++) {
        int64_t dim = fk_spade_level(q, t)->dim;

        if (!fk_spade_direct(q, t))
            continue;
        terms += fk_linalg_rounded_width(dim);
        fk_linalg_multiply_rounded(pairs, n, r->ours[t] + p * fk_linalg_rounded_width(dim),
                                   (const uint16_t *)(void *)packed[t], count, n, dim, -2.0f, 1.0f);
    }
    for (int64_t k = 0; k < count; k++) {
        double length = MARGIN * sqrt((double)ours[p + k]);
        double lost = (double)r->ours_lost[p + k] + length * (double)terms * 0x1p-24;

        lower(pairs + k * n, norms, r->theirs_lost, (float)(MARGIN * (length + lost)),
              r->theirs_length, (float)(MARGIN * lost), n);
    }
}
