/* SPDX-License-Identifier: Apache-2.0 */
/* The inner loops of Pillow's resampling in plain C. */
#include "image/resize/pillow.h"

#define HALF (1 << (FK_WEIGHT_BITS - 1))

/* Columns that are summed at a time, so that their sums stay in the L1 cache. */
#define BLOCK 512

static inline uint8_t clip(int32_t sum)
{
    int32_t v = sum >> FK_WEIGHT_BITS;

    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void row_grey(uint8_t *out, const uint8_t *row, const fk_taps *taps)
{
    for (int64_t x = 0; x < taps->n; x++) {
        const uint8_t *p = row + taps->first[x];
        const int32_t *w = taps->weights + x * taps->room;
        int32_t sum = HALF;

        for (int64_t j = 0; j < taps->count[x]; j++)
            sum += p[j] * w[j];
        out[x] = clip(sum);
    }
}

/* Four vector lanes for three channels: the fourth is not used. */
static void row_rgb(uint8_t *out, const uint8_t *row, const fk_taps *taps)
{
    for (int64_t x = 0; x < taps->n; x++) {
        const uint8_t *p = row + 3 * taps->first[x];
        const int32_t *w = taps->weights + x * taps->room;
        int32_t sum[4] = {HALF, HALF, HALF, HALF};

        for (int64_t j = 0; j < taps->count[x]; j++, p += 3)
            for (int c = 0; c < 4; c++)
                sum[c] += p[c] * w[j];
        for (int c = 0; c < 3; c++)
            out[3 * x + c] = clip(sum[c]);
    }
}

static void rows_grey(uint8_t *const *out, const uint8_t *const *row, const fk_taps *taps)
{
    for (int r = 0; r < FK_ROWS; r++)
        row_grey(out[r], row[r], taps);
}

static void rows_rgb(uint8_t *const *out, const uint8_t *const *row, const fk_taps *taps)
{
    for (int r = 0; r < FK_ROWS; r++)
        row_rgb(out[r], row[r], taps);
}

static void columns(uint8_t *out, const fk_ring *ring, const fk_taps *taps, int64_t i)
{
    int32_t sum[BLOCK];

    for (int64_t x0 = 0; x0 < ring->bytes; x0 += BLOCK) {
        int64_t n = ring->bytes - x0 < BLOCK ? ring->bytes - x0 : BLOCK;

        for (int64_t x = 0; x < n; x++)
            sum[x] = HALF;
        for (int64_t j = 0; j < taps->count[i]; j++) {
            const uint8_t *row = ring->data + (taps->first[i] + j) % ring->rows * ring->bytes + x0;
            int32_t weight = taps->weights[i * taps->room + j];

            for (int64_t x = 0; x < n; x++)
                sum[x] += row[x] * weight;
        }
        for (int64_t x = 0; x < n; x++)
            out[x0 + x] = clip(sum[x]);
    }
}

const fk_resize_kernels fk_resize_plain = {rows_grey, rows_rgb, columns};
