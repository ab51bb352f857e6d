/* Convolutions of the native engine: activations in blocks of channels, weights packed once. */
#ifndef FK_NET_NATIVE_CONV_H
#define FK_NET_NATIVE_CONV_H

#include "graph/graph.h"
#include "net/native/kernels.h"

static inline int64_t fk_ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* Where an activation [C, H, W] lies: `block` channels side by side, each such block a plane with
 * zeros around it, so that no convolution has to look for borders:
 *
 *   channel c at y, x: base[c / block * plane + origin + y * line + x * block + c % block]
 *
 * block is FK_LANES, with unused channels up to a whole block, or for an input its 3 channels. */
typedef struct fk_blocked {
    int64_t channels, height, width, block, blocks;
    int64_t top, bottom, left, right; /* rows and columns of zeros */
    int64_t line, plane, origin, count;
} fk_blocked;

/* Where block 0 of y, x lies in a value at base. */
static inline int64_t fk_blocked_at(const fk_blocked *b, int64_t y, int64_t x)
{
    return b->origin + y * b->line + x * b->block;
}

/* Fill in blocks, line, plane, origin and count. */
void fk_blocked_finish(fk_blocked *b);

/* One convolution with what follows it: out = relu(conv(in) + bias + other), the last two where
 * asked for.  Zeroed but for the caller's first part; see fk_conv_init(). */
typedef struct fk_conv {
    const fk_kernels *kernels;
    fk_op op;
    fk_blocked in, out, other; /* other: of what is added */
    bool adds, relu;
    /* Filled in by fk_conv_init(). */
    bool winograd;
    float *weight, *bias; /* packed */
    int64_t *offset;      /* [n_runs], see fk_product_fn; not used by Winograd */
    int64_t n_runs, length;
    int64_t rows, row_blocks; /* positions or tiles, and the pieces they are cut into */
    int64_t size, across;     /* Winograd's: outputs each way of a tile, tiles in a row */
    int64_t scratch;          /* floats that a thread needs for a piece */
} fk_conv;

/* Whether a convolution that reads `in` goes through Winograd's tiles. */
bool fk_conv_winograd(const fk_op *op, const fk_blocked *in);

/* A convolution of stride 2 is one of stride 1 with half the kernel on an input [4 C, H / 2, W / 2]
 * whose position holds the pixels of two rows and two columns, channel (y % 2 * 2 + x % 2) * C + c.
 * Sets out to that convolution, which goes through Winograd's tiles; false where it would not, or
 * where 4 C channels do not fit a block. */
bool fk_conv_fold(fk_op *out, const fk_op *op, int64_t channels);
/* weight [K, C, k, k] of op into out [K, 4 C, k', k'] of folded. */
void fk_conv_fold_weight(float *out, const fk_op *folded, const float *weight, const fk_op *op,
                         int64_t channels);
/* Widen the zeros around `in` to what op reads beyond its borders. */
void fk_conv_surround(fk_blocked *in, const fk_op *op);

/* Pack weight [K, C, k, k] and bias [K].  FLECK_E_NOMEM. */
fleck_status fk_conv_init(fk_conv *c, const float *weight, const float *bias,
                          fleck_error *err) FLECK_MUST_CHECK;
void fk_conv_free(fk_conv *c);

/* Compute piece `item` of c->row_blocks * n_groups: a block of rows in one of n_groups groups of
 * output channels, 1 <= n_groups <= c->out.blocks.  Pieces write different outputs, and neither
 * their number nor their order changes a bit.  scratch [c->scratch] is the thread's. */
void fk_conv_run(const fk_conv *c, int64_t item, int64_t n_groups, const float *in,
                 const float *other, float *out, float *scratch);

/* ---- Between native_conv.c and native_winograd.c ---- */

/* A piece: n rows from the first, output blocks from first_out up to end_out. */
typedef struct fk_piece {
    int64_t first, n, first_out, end_out;
} fk_piece;

/* Outputs each way of a tile of op. */
int64_t fk_tile_size(const fk_op *op);
/* Cut the tiles into pieces; sets rows, row_blocks and scratch. */
void fk_winograd_plan(fk_conv *c);
/* weight [K, C, k, k] -> c->weight [K / FK_LANES][FK_TILE_POINTS][C][FK_LANES]. */
void fk_winograd_pack(fk_conv *c, const float *weight);
void fk_winograd_run(const fk_conv *c, const fk_piece *p, const float *in, const float *other,
                     float *out, float *scratch);

#endif
