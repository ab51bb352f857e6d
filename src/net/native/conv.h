/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions of the native engine: activations in blocks of channels, and weights packed once. */
#ifndef FK_NET_NATIVE_CONV_H
#define FK_NET_NATIVE_CONV_H

#include "graph/graph.h"
#include "net/native/kernels.h"

static inline int64_t fk_ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* The layout of an activation [C, H, W]: `block` adjacent channels, and each such block a plane
 * padded with zeros, so that convolutions need no case for borders:
 *
 *   channel c at y, x: base[c / block * plane + origin + y * line + x * block + c % block]
 *
 * block is FK_LANES, and the last block is padded; for an input it is the 3 channels. */
typedef struct fk_blocked {
    int64_t channels, height, width, block, blocks;
    int64_t top, bottom, left, right; /* rows and columns of zeros */
    int64_t line, plane, origin, count;
} fk_blocked;

/* Index of block 0 at y, x from base. */
static inline int64_t fk_blocked_at(const fk_blocked *b, int64_t y, int64_t x)
{
    return b->origin + y * b->line + x * b->block;
}

/* Fill in blocks, line, plane, origin and count. */
void fk_blocked_finish(fk_blocked *b);

/* One convolution with what follows it: out = relu(conv(in) + bias + other); relu and other are
 * optional. The caller fills in the first part and zeroes the rest; see fk_conv_init(). */
typedef struct fk_conv {
    const fk_kernels *kernels;
    fk_op op;
    fk_blocked in, out, other; /* other: layout of the addend */
    bool adds, relu;
    /* Filled in by fk_conv_init(). */
    bool winograd;
    float *weight, *bias; /* packed */
    int64_t weight_bytes;
    int64_t *offset; /* [n_runs], see fk_product; not for Winograd */
    int64_t n_runs, length;
    int64_t rows, row_blocks; /* positions or tiles, and the number of their blocks */
    int64_t size, across;     /* Winograd: outputs of a tile each way, tiles in a row */
    int64_t scratch;          /* floats of scratch for a piece */
} fk_conv;

/* Fold a convolution of stride 2 into one of stride 1 with half the kernel, on an input [4 C, H /
 * 2, W / 2] whose positions hold the pixels of two rows and two columns, channel (y % 2 * 2 + x %
 * 2) * C + c.  False if the folded one would not run with Winograd's tiles, or if 4 C channels do
 * not fit into a block. */
bool fk_conv_fold(fk_op *out, const fk_op *op, int64_t channels);
/* Rearrange weight [K, C, k, k] of op as out [K, 4 C, k', k'] of folded. */
void fk_conv_fold_weight(float *out, const fk_op *folded, const float *weight, const fk_op *op,
                         int64_t channels);
/* Widen the padding of `in` to what op reads beyond its borders. */
void fk_conv_surround(fk_blocked *in, const fk_op *op);

/* Pack weight [K, C, k, k] and bias [K].  FLECK_E_NOMEM. */
fleck_status fk_conv_init(fk_conv *c, const float *weight, const float *bias,
                          fleck_error *err) FLECK_MUST_CHECK;
void fk_conv_free(fk_conv *c);

/* Compute piece `item` of c->row_blocks * n_groups: a block of rows in one of n_groups groups of
 * output channels, 1 <= n_groups <= c->out.blocks.  Pieces write different outputs, and neither
 * their number nor their order changes a bit.  Each thread has a scratch [c->scratch]. */
void fk_conv_run(const fk_conv *c, int64_t item, int64_t n_groups, const float *in,
                 const float *other, float *out, float *scratch);

/* ---- Between conv.c and winograd.c ---- */

/* A piece: n rows from first on, output blocks first_out to end_out - 1. */
typedef struct fk_piece {
    int64_t first, n, first_out, end_out;
} fk_piece;

/* Outputs of a tile of op each way. */
int64_t fk_tile_size(const fk_op *op);
/* Group the tiles into blocks; sets rows, row_blocks and scratch. */
void fk_winograd_plan(fk_conv *c);
/* weight [K, C, k, k] -> c->weight [K / FK_LANES][FK_TILE_POINTS][C][FK_LANES]. */
void fk_winograd_pack(fk_conv *c, const float *weight);
void fk_winograd_run(const fk_conv *c, const fk_piece *p, const float *in, const float *other,
                     float *out, float *scratch);

#endif
