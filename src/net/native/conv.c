/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions of the native engine, as products of packed weights with positions.
 *
 * For each block of input channels and each row ky of the kernel the inputs of an output position
 * are one run of k * block floats: the columns kx of a row are adjacent, and so are the channels of
 * a column.  The runs begin at the same offsets from a position's first input, for all positions.
 * So a convolution with any kernel and stride is one product of rows, given by their addresses,
 * with weights packed in the same order.  Nothing is copied first. */
#include "net/native/conv.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>

/* Positions that share a pass over the weights: their inputs, some 100 KB, stay in the L2 cache. */
#define BLOCK_ROWS 48

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- Layout ---- */

void fk_blocked_finish(fk_blocked *b)
{
    b->blocks = fk_ceil_div(b->channels, b->block);
    b->line = (b->left + b->width + b->right) * b->block;
    b->plane = (b->top + b->height + b->bottom) * b->line;
    b->origin = b->top * b->line + b->left * b->block;
    b->count = b->blocks * b->plane;
}

/* Whether a convolution that reads `in` runs with Winograd's tiles. */
static bool runs_in_tiles(const fk_op *op, const fk_blocked *in)
{
    return op->stride == 1 && (op->kernel == 3 || op->kernel == 4) && in->block == FK_LANES;
}

void fk_conv_surround(fk_blocked *in, const fk_op *op)
{
    int64_t rows = op->out_height, columns = op->out_width;

    /* The last tiles can extend beyond the output. */
    if (runs_in_tiles(op, in)) {
        rows = fk_ceil_div(rows, fk_tile_size(op)) * fk_tile_size(op);
        columns = fk_ceil_div(columns, fk_tile_size(op)) * fk_tile_size(op);
    }
    in->top = most(in->top, op->pad_top);
    in->left = most(in->left, op->pad_left);
    in->bottom = most(in->bottom, (rows - 1) * op->stride + op->kernel - op->pad_top - in->height);
    in->right = most(in->right, (columns - 1) * op->stride + op->kernel - op->pad_left - in->width);
}

/* ---- Folding ---- */

/* Output y reads rows 2 y - pad + k.  If pad is odd they begin in the middle of a pair; then the
 * row before them is read too, with weight 0. */
static int64_t before(int64_t pad)
{
    return pad % 2;
}

bool fk_conv_fold(fk_op *out, const fk_op *op, int64_t channels)
{
    int64_t kernel = fk_ceil_div(op->kernel + most(before(op->pad_top), before(op->pad_left)), 2);

    if (op->stride != 2 || op->groups != 1 || kernel < 3 || kernel > FK_TILE_KERNEL ||
        4 * channels > FK_LANES)
        return false;
    *out = *op;
    out->kernel = kernel;
    out->stride = 1;
    out->pad_top = fk_ceil_div(op->pad_top, 2);
    out->pad_left = fk_ceil_div(op->pad_left, 2);
    return true;
}

/* Tap k of `kernel`, or -1 for a row or column that only the folded convolution reads. */
static int64_t tap_of(int64_t folded, int64_t phase, int64_t pad, int64_t kernel)
{
    int64_t k = 2 * folded + phase - before(pad);

    return k < kernel ? k : -1;
}

void fk_conv_fold_weight(float *out, const fk_op *folded, const float *weight, const fk_op *op,
                         int64_t channels)
{
    for (int64_t o = 0; o < op->channels; o++)
        for (int64_t i = 0; i < 4 * channels; i++)
            for (int64_t y = 0; y < folded->kernel; y++)
                for (int64_t x = 0; x < folded->kernel; x++, out++) {
                    int64_t ky = tap_of(y, i / (2 * channels), op->pad_top, op->kernel);
                    int64_t kx = tap_of(x, i / channels % 2, op->pad_left, op->kernel);

                    *out = ky < 0 || kx < 0
                               ? 0
                               : weight[((o * channels + i % channels) * op->kernel + ky) *
                                            op->kernel +
                                        kx];
                }
}

/* ---- Packing ---- */

/* weight [K, C, k, k] -> [K / FK_LANES][C / block][ky][kx][block][FK_LANES], padded with zeros to
 * whole blocks. */
static void pack(fk_conv *c, const float *weight)
{
    int64_t taps = c->op.kernel * c->op.kernel, inputs = c->in.channels, block = c->in.block;

    memset(c->weight, 0,
           (size_t)(c->out.blocks * c->n_runs * c->length * FK_LANES) * sizeof *c->weight);
    for (int64_t o = 0; o < c->op.channels; o++) {
        float *to = c->weight + o / FK_LANES * c->n_runs * c->length * FK_LANES + o % FK_LANES;

        for (int64_t i = 0; i < inputs; i++)
            for (int64_t tap = 0; tap < taps; tap++)
                to[((i / block * taps + tap) * block + i % block) * FK_LANES] =
                    weight[(o * inputs + i) * taps + tap];
    }
    for (int64_t s = 0; s < c->n_runs; s++)
        c->offset[s] = s / c->op.kernel * c->in.plane + s % c->op.kernel * c->in.line;
}

fleck_status fk_conv_init(fk_conv *c, const float *weight, const float *bias, fleck_error *err)
{
    int64_t k = c->op.kernel, outs = c->out.blocks * FK_LANES, taps;
    fleck_status st;

    c->winograd = runs_in_tiles(&c->op, &c->in);
    if (c->winograd)
        fk_winograd_plan(c);
    taps = c->winograd ? FK_TILE_POINTS : k * k;
    c->n_runs = c->in.blocks * k;
    c->length = k * c->in.block;
    /* At most four times the weights, which are in memory already: no product overflows. */
    c->weight_bytes = taps * c->in.blocks * c->in.block * outs * (int64_t)sizeof *c->weight;
    FK_DO(fk_alloc_large((void **)&c->weight, c->weight_bytes, err));
    FK_DO(FK_ALLOC(&c->offset, c->n_runs, err));
    FK_DO(FK_CALLOC(&c->bias, outs, err));
    memcpy(c->bias, bias, (size_t)c->op.channels * sizeof *bias);
    if (c->winograd) {
        fk_winograd_pack(c, weight);
    } else {
        pack(c, weight);
        c->rows = c->op.out_height * c->op.out_width;
        c->row_blocks = fk_ceil_div(c->rows, BLOCK_ROWS);
        c->scratch = FK_PANELS * BLOCK_ROWS * FK_LANES;
    }
done:
    return st;
}

void fk_conv_free(fk_conv *c)
{
    fk_free_large(c->weight, c->weight_bytes);
    fk_free(c->offset);
    fk_free(c->bias);
    c->weight = c->bias = NULL;
    c->offset = NULL;
}

/* ---- Running ---- */

/* The addresses of a piece's positions. */
typedef struct places {
    const float *in[BLOCK_ROWS], *other[BLOCK_ROWS];
    float *out[BLOCK_ROWS];
} places;

static void find_places(places *at, const fk_conv *c, const fk_piece *p, const float *in,
                        const float *other, float *out)
{
    const fk_op *op = &c->op;
    int64_t y = p->first / op->out_width, x = p->first % op->out_width;

    for (int64_t r = 0; r < p->n; r++) {
        at->in[r] =
            in + fk_blocked_at(&c->in, y * op->stride - op->pad_top, x * op->stride - op->pad_left);
        at->out[r] = out + p->first_out * c->out.plane + fk_blocked_at(&c->out, y, x);
        if (c->adds)
            at->other[r] = other + p->first_out * c->other.plane + fk_blocked_at(&c->other, y, x);
        if (++x == op->out_width) {
            x = 0;
            y++;
        }
    }
}

/* Step to the next block of output channels. */
static void advance(places *at, const fk_conv *c, int64_t n)
{
    for (int64_t r = 0; r < n; r++)
        at->out[r] += c->out.plane;
    for (int64_t r = 0; r < n && c->adds; r++)
        at->other[r] += c->other.plane;
}

/* Compute the sums of the piece's rows for n_panels blocks of output channels from o on. */
static void multiply(const fk_conv *c, const places *at, int64_t n, int64_t o, int n_panels,
                     float *sums)
{
    int64_t groups = fk_ceil_div(n, c->kernels->product->rows),
            panel = c->n_runs * c->length * FK_LANES;
    fk_product of = {.out_panel = n * FK_LANES,
                     .offset = c->offset,
                     .n_runs = c->n_runs,
                     .length = c->length,
                     .weight = c->weight + o * panel,
                     .weight_panel = panel,
                     .n_panels = n_panels,
                     .next = c->weight};

    for (int64_t g = 0; g < groups; g++) {
        int64_t r = g * n / groups;

        of.out = sums + r * FK_LANES;
        of.row = at->in + r;
        of.n_rows = (int)((g + 1) * n / groups - r);
        c->kernels->product->run(&of);
    }
}

static void run_direct(const fk_conv *c, const fk_piece *p, const float *in, const float *other,
                       float *out, float *sums)
{
    places at;

    find_places(&at, c, p, in, other, out);
    for (int64_t o = p->first_out; o < p->end_out; o += c->kernels->product->panels) {
        int64_t panels = least(p->end_out - o, c->kernels->product->panels);

        multiply(c, &at, p->n, o, (int)panels, sums);
        for (int64_t i = 0; i < panels; i++) {
            c->kernels->finish(at.out, sums + i * p->n * FK_LANES, p->n,
                               c->bias + (o + i) * FK_LANES, c->adds ? at.other : NULL, c->relu);
            advance(&at, c, p->n);
        }
    }
}

void fk_conv_run(const fk_conv *c, int64_t item, int64_t n_groups, const float *in,
                 const float *other, float *out, float *scratch)
{
    int64_t block = item / n_groups, group = item % n_groups;
    fk_piece p = {.first = block * c->rows / c->row_blocks,
                  .first_out = group * c->out.blocks / n_groups,
                  .end_out = (group + 1) * c->out.blocks / n_groups};

    assert(block < c->row_blocks && n_groups <= c->out.blocks);
    p.n = (block + 1) * c->rows / c->row_blocks - p.first;
    if (c->winograd)
        fk_winograd_run(c, &p, in, other, out, scratch);
    else
        run_direct(c, &p, in, other, out, scratch);
}
