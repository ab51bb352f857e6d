/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions of 3 x 3 or 4 x 4 with stride 1, by Winograd's tiles; kernels.c has the mathematics.
 *
 * A piece of work is a block of n tiles.  Their inputs are transformed once into
 *
 *   v [points][n][C]           C channels, up to whole blocks
 *
 * and then, for one or more blocks of FK_LANES output channels at once, multiplied point by point
 * with
 *
 *   weight [points][C][FK_LANES]   into   m [points][n][FK_LANES]
 *
 * from which the outputs are transformed back.  n is such that v and m stay in the L2 cache, if
 * that leaves enough rows for the products.  The transformed weights, four times the filters, are
 * read once for each block of tiles.  In the last stages they are most of the memory traffic, so
 * each product prefetches its share of the next point's weights.
 *
 * Cost: 36 C K multiply-adds a tile of 16 outputs (of 9 with 4 x 4) instead of 144 C K, and
 * transforms of 36 * (4 C + 4 K) operations. */
#include "net/native/conv.h"

#include <string.h>

/* Floats of v: half of an L2 cache of 512 KB. */
#define CACHE_FLOATS 65536
/* Tiles of a block: fewer would read the weights too often, more gain nothing. */
#define LEAST_TILES 24
#define MOST_TILES 48

int64_t fk_tile_size(const fk_op *op)
{
    return FK_TILE_IN + 1 - op->kernel;
}

/* The tables of all points would be a power of two apart and share a few sets of the L1 cache.  One
 * cache line more for each spreads them. */
static int64_t point_size(int64_t n, int64_t channels)
{
    return n * channels + FK_LANES;
}

void fk_winograd_plan(fk_conv *c)
{
    int64_t inputs = c->in.blocks * FK_LANES;
    int64_t tiles;

    c->size = fk_tile_size(&c->op);
    tiles = CACHE_FLOATS / (FK_TILE_POINTS * inputs) / c->kernels->product->rows *
            c->kernels->product->rows;
    c->across = fk_ceil_div(c->op.out_width, c->size);
    tiles = tiles < LEAST_TILES ? LEAST_TILES : tiles > MOST_TILES ? MOST_TILES : tiles;
    c->rows = fk_ceil_div(c->op.out_height, c->size) * c->across;
    c->row_blocks = fk_ceil_div(c->rows, tiles);
    tiles = fk_ceil_div(c->rows, c->row_blocks);
    c->scratch =
        FK_TILE_POINTS * (point_size(tiles, inputs) + FK_PANELS * point_size(tiles, FK_LANES)) +
        FK_TILE_OUT * FK_TILE_OUT * FK_LANES;
}

void fk_winograd_pack(fk_conv *c, const float *weight)
{
    int64_t inputs = c->in.blocks * FK_LANES, taps = c->op.kernel * c->op.kernel;

    for (int64_t ob = 0; ob < c->out.blocks; ob++)
        for (int64_t i = 0; i < inputs; i++) {
            float g[FK_TILE_KERNEL * FK_TILE_KERNEL * FK_LANES] = {0};

            for (int64_t l = 0; l < FK_LANES && i < c->in.channels; l++) {
                int64_t o = ob * FK_LANES + l;

                for (int64_t tap = 0; tap < taps && o < c->op.channels; tap++)
                    g[tap * FK_LANES + l] = weight[(o * c->in.channels + i) * taps + tap];
            }
            fk_tile_weight(c->weight + (ob * FK_TILE_POINTS * inputs + i) * FK_LANES,
                           inputs * FK_LANES, g, (int)c->op.kernel);
        }
}

/* The first output of a tile. */
typedef struct corner {
    int64_t y, x;
} corner;

static corner corner_of(const fk_conv *c, int64_t tile)
{
    return (corner){tile / c->across * c->size, tile % c->across * c->size};
}

/* Step to the next tile.  A division for each would take as long as a transform. */
static void step(corner *at, const fk_conv *c)
{
    at->x += c->size;
    if (at->x >= c->across * c->size) {
        at->x = 0;
        at->y += c->size;
    }
}

static void transform_in(const fk_conv *c, const fk_piece *p, const float *in, float *v,
                         int64_t point)
{
    int64_t inputs = c->in.blocks * FK_LANES;
    corner at = corner_of(c, p->first);

    for (int64_t t = 0; t < p->n; t++, step(&at, c)) {
        const float *from = in + fk_blocked_at(&c->in, at.y - c->op.pad_top, at.x - c->op.pad_left);

        for (int64_t b = 0; b < c->in.blocks; b++)
            c->kernels->tile_in(v + t * inputs + b * FK_LANES, point, from + b * c->in.plane,
                                c->in.line);
    }
}

/* Multiply v with the weights of n_panels output blocks from o on, into as many m, one after the
 * other. */
static void multiply(const fk_conv *c, int64_t o, int n_panels, int64_t n, const float *v, float *m)
{
    static const int64_t start = 0;
    int64_t inputs = c->in.blocks * FK_LANES, groups = fk_ceil_div(n, c->kernels->product->rows);
    int64_t panel = inputs * FK_LANES; /* weights of one point */
    int64_t first[MOST_TILES + 1], share = panel / groups;
    bool last = o + n_panels == c->out.blocks;
    const float *row[FK_ROWS];
    fk_product p = {.out_panel = FK_TILE_POINTS * point_size(n, FK_LANES),
                    .row = row,
                    .offset = &start,
                    .n_runs = 1,
                    .length = c->in.channels, /* the rest of the last block is zero */
                    .weight_panel = FK_TILE_POINTS * panel,
                    .n_panels = n_panels,
                    .stride = FK_LANES / groups};

    for (int64_t g = 0; g <= groups; g++)
        first[g] = g * n / groups;
    for (int64_t i = 0; i < FK_TILE_POINTS; i++) {
        int64_t ahead = last && i + 1 == FK_TILE_POINTS ? 0 : panel;

        p.weight = c->weight + (o * FK_TILE_POINTS + i) * panel;
        for (int64_t g = 0; g < groups; g++) {
            const float *from = v + i * point_size(n, inputs) + first[g] * inputs;

            p.n_rows = (int)(first[g + 1] - first[g]);
            for (int64_t k = 0; k < p.n_rows; k++)
                row[k] = from + k * inputs;
            p.out = m + i * point_size(n, FK_LANES) + first[g] * FK_LANES;
            p.next = p.weight + ahead + g * share;
            c->kernels->product->run(&p);
        }
    }
}

/* Copy the part of a tile that lies inside the output from the whole tile in square. */
static void put_part(const fk_conv *c, const fk_tile *tile, int64_t height, int64_t width,
                     const float *square)
{
    for (int64_t i = 0; i < height; i++) {
        float *to[FK_TILE_OUT];
        const float *add[FK_TILE_OUT];

        for (int64_t j = 0; j < width; j++) {
            to[j] = tile->out + i * tile->line + j * FK_LANES;
            if (c->adds)
                add[j] = tile->other + i * tile->other_line + j * FK_LANES;
        }
        c->kernels->finish(to, square + i * FK_TILE_OUT * FK_LANES, width, tile->bias,
                           c->adds ? add : NULL, c->relu);
    }
}

static void transform_out(const fk_conv *c, corner at, int64_t o, const float *m, int64_t point,
                          const float *other, float *out, float *square)
{
    int64_t size = c->size, height = c->op.out_height - at.y, width = c->op.out_width - at.x;
    fk_tile tile = {.size = (int)size,
                    .out = out + o * c->out.plane + fk_blocked_at(&c->out, at.y, at.x),
                    .line = c->out.line,
                    .in = m,
                    .point = point,
                    .bias = c->bias + o * FK_LANES,
                    .relu = c->relu};

    if (c->adds) {
        tile.other = other + o * c->other.plane + fk_blocked_at(&c->other, at.y, at.x);
        tile.other_line = c->other.line;
    }
    if (height >= size && width >= size) {
        c->kernels->tile_out(&tile);
    } else {
        fk_tile whole = {.size = (int)size,
                         .out = square,
                         .line = FK_TILE_OUT * FK_LANES,
                         .in = m,
                         .point = point};

        c->kernels->tile_out(&whole);
        put_part(c, &tile, height < size ? height : size, width < size ? width : size, square);
    }
}

void fk_winograd_run(const fk_conv *c, const fk_piece *p, const float *in, const float *other,
                     float *out, float *scratch)
{
    int64_t v_point = point_size(p->n, c->in.blocks * FK_LANES);
    int64_t m_point = point_size(p->n, FK_LANES);
    float *v = scratch, *m = v + FK_TILE_POINTS * v_point;
    float *square = m + FK_PANELS * FK_TILE_POINTS * m_point;

    transform_in(c, p, in, v, v_point);
    for (int64_t o = p->first_out; o < p->end_out; o += c->kernels->product->panels) {
        int64_t panels = p->end_out - o < c->kernels->product->panels ? p->end_out - o
                                                                      : c->kernels->product->panels;

        multiply(c, o, (int)panels, p->n, v, m);
        for (int64_t i = 0; i < panels; i++) {
            const float *sums = m + i * FK_TILE_POINTS * m_point;
            corner at = corner_of(c, p->first);

            for (int64_t t = 0; t < p->n; t++, step(&at, c))
                transform_out(c, at, o + i, sums + t * FK_LANES, m_point, other, out, square);
        }
    }
}
