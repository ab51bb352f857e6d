/* SPDX-License-Identifier: Apache-2.0 */
/* The inner loops of Pillow's resampling: plain C, and AVX2 where the machine has it. */
#ifndef FK_IMAGE_RESIZE_PILLOW_H
#define FK_IMAGE_RESIZE_PILLOW_H

#include "image/resize/resize.h"

/* Weights are integers of this many fractional bits. */
#define FK_WEIGHT_BITS 22

/* A weight is also kept in two halves of 16 bits: weight = high * 2^12 + low, |low| <= 2^11. */
#define FK_WEIGHT_LOW 12

/* Bytes that a row has behind its end, so that kernels may read ahead; their weights are 0. */
#define FK_ROW_SLACK 16

/* The weights of one axis: output i takes count[i] input samples from first[i] on, with the weights
 * from i * room on.  room is a multiple of 8, and weights[count[i]] and what follows, at least one,
 * are 0. */
typedef struct fk_taps {
    int64_t n, room;
    int64_t *first, *count; /* [n] */
    int32_t *weights;       /* [n, room] */
    int16_t *high, *low;    /* [n, room] */
} fk_taps;

/* Rows that wait for the column pass: row y lies at data + y % rows * bytes. */
typedef struct fk_ring {
    const uint8_t *data;
    int64_t rows, bytes;
} fk_ring;

/* Rows that are filtered together, as they share their weights; some may be the same. */
#define FK_ROWS 2

/* rows_grey, rows_rgb: filter FK_ROWS rows, of 1 or 3 channels, along themselves into taps->n
 * pixels each.  columns: output row i of the column pass, all of the ring's bytes. */
typedef struct fk_resize_kernels {
    void (*rows_grey)(uint8_t *const *out, const uint8_t *const *row, const fk_taps *taps);
    void (*rows_rgb)(uint8_t *const *out, const uint8_t *const *row, const fk_taps *taps);
    void (*columns)(uint8_t *out, const fk_ring *ring, const fk_taps *taps, int64_t i);
} fk_resize_kernels;

extern const fk_resize_kernels fk_resize_plain;
/* NULL where the compiler or the processor lacks AVX2. */
const fk_resize_kernels *fk_resize_avx2(void);

/* fk_resize_pillow() by these kernels; all give the same bytes. */
fleck_status fk_resize_pillow_by(const fk_resize_kernels *by, fk_image *out, const fk_image *src,
                                 const fk_part *part, fk_filter filter,
                                 fleck_error *err) FLECK_MUST_CHECK;

#endif
