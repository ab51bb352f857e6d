/* SPDX-License-Identifier: Apache-2.0 */
/* The inner loops of Pillow's resampling: plain C, and AVX2 where the machine has it. */
#ifndef FK_IMAGE_RESIZE_PILLOW_H
#define FK_IMAGE_RESIZE_PILLOW_H

#include "image/resize/resize.h"

/* Weights are integers with this many fractional bits. */
#define FK_WEIGHT_BITS 22

/* Each weight is also stored as two 16-bit halves: weight = high * 2^12 + low, |low| <= 2^11. */
#define FK_WEIGHT_LOW 12

/* Padding bytes after a row, so that kernels may read beyond its end; their weights are 0. */
#define FK_ROW_SLACK 16

/* The weights of one axis: output i is the sum over count[i] input samples from first[i] on, with
 * the weights from index i * room on.  room is a multiple of 8 above all counts; weights from index
 * i * room + count[i] on are 0. */
typedef struct fk_taps {
    int64_t n, room;
    int64_t *first, *count; /* [n] */
    int32_t *weights;       /* [n, room] */
    int16_t *high, *low;    /* [n, room] */
} fk_taps;

/* A ring buffer of rows for the column pass: row y lies at data + y % rows * bytes. */
typedef struct fk_ring {
    const uint8_t *data;
    int64_t rows, bytes;
} fk_ring;

/* Rows that are filtered together, as they share their weights; they may be the same row. */
#define FK_ROWS 2

/* rows_grey and rows_rgb filter FK_ROWS rows of 1 or 3 channels horizontally, into taps->n pixels
 * each.  columns computes output row i of the column pass, of ring->bytes bytes. */
typedef struct fk_resize_kernels {
    void (*rows_grey)(uint8_t *const *out, const uint8_t *const *row, const fk_taps *taps);
    void (*rows_rgb)(uint8_t *const *out, const uint8_t *const *row, const fk_taps *taps);
    void (*columns)(uint8_t *out, const fk_ring *ring, const fk_taps *taps, int64_t i);
} fk_resize_kernels;

extern const fk_resize_kernels fk_resize_plain;
/* NULL if the compiler or the processor lacks AVX2. */
const fk_resize_kernels *fk_resize_avx2(void);

/* fk_resize_pillow() with these kernels; all kernels give the same bytes. */
fleck_status fk_resize_pillow_by(const fk_resize_kernels *by, fk_image *out, const fk_image *src,
                                 const fk_part *part, fk_filter filter,
                                 fleck_error *err) FLECK_MUST_CHECK;

#endif
