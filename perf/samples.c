/* SPDX-License-Identifier: Apache-2.0 */
/* Weights, images and embeddings made from seeds. */
#include "fleck_tools.h"
#include "../tests/defaults.h"
#include "samples.h"
#include "bench.h"

#include "base/mem.h"
#include "base/prng.h"
#include "net/net.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* count numbers of mean 0 and the given deviation. */
static float *drawn(int64_t count, double deviation, uint64_t seed)
{
    float *out = NULL;
    fleck_error err = {0};
    fk_prng g;

    fk_prng_seed(&g, seed);
    bench_must(FK_ALLOC(&out, count, &err), &err);
    for (int64_t i = 0; i < count; i++)
        out[i] = (float)((fk_prng_uniform(&g) - 0.5) * sqrt(12.0) * deviation);
    return out;
}

/* Add weight and bias of one convolution; they belong to blocks[0] and blocks[1]. */
static void add_conv(fk_st_writer *w, const fk_graph *g, const fk_op *op, uint64_t seed,
                     float **blocks)
{
    int64_t inputs = g->ops[op->input[0]].out_channels / op->groups;
    int64_t shape[4] = {op->channels, inputs, op->kernel, op->kernel};
    int64_t fan_in = inputs * op->kernel * op->kernel;
    char name[FK_NAME_SIZE + 8];
    fleck_error err = {0};

    /* Half of He's variance: sums of residual branches then grow slowly. */
    blocks[0] = drawn(op->channels * fan_in, sqrt(1.0 / (double)fan_in), seed);
    blocks[1] = drawn(op->channels, 0.1, seed + 1);
    snprintf(name, sizeof name, "%s.weight", op->weight);
    bench_must(fk_st_writer_add_data(w, name, FK_F32, 4, shape, blocks[0], &err), &err);
    snprintf(name, sizeof name, "%s.bias", op->weight);
    bench_must(fk_st_writer_add_data(w, name, FK_F32, 1, shape, blocks[1], &err), &err);
}

const char *bench_weights(const char *name)
{
    static char path[4200];
    const fk_arch *arch = fk_arch_find(name);
    fk_st_writer *w = NULL;
    float **blocks = NULL;
    fk_graph g = {0};
    fleck_error err = {0};

    snprintf(path, sizeof path, "%s/%s.safetensors", bench_folder(), name);
    bench_must(arch->describe(&g, 224, 224, &err), &err);
    bench_must(FK_CALLOC(&blocks, (int64_t)2 * g.n_ops, &err), &err);
    bench_must(fk_st_writer_open(&w, &err), &err);
    for (int i = 0; i < g.n_ops; i++)
        if (g.ops[i].kind == FK_OP_CONV)
            add_conv(w, &g, &g.ops[i], 2 * (uint64_t)i + 1, &blocks[(int64_t)2 * i]);
    bench_must(fk_st_writer_commit(&w, path, &err), &err);
    for (int i = 0; i < 2 * g.n_ops; i++)
        fk_free(blocks[i]);
    fk_free(blocks);
    fk_graph_free(&g);
    return path;
}

const char *bench_category(int64_t side, int64_t train, int64_t good, int64_t defective)
{
    static char path[4200];
    fleck_synth_settings s = test_synth_defaults();
    fleck_error err = {0};

    s.width = s.height = side;
    s.train = train;
    s.good = good;
    s.defective = defective;
    snprintf(path, sizeof path, "%s/parts%lld", bench_folder(), (long long)side);
    bench_must(fleck_synth(path, &s, &err), &err);
    return path;
}

void bench_embedding(fk_embedding *out, const fk_embed_shape *shape, uint64_t seed, double likeness)
{
    fleck_error err = {0};
    fk_prng g;

    fk_prng_seed(&g, seed);
    bench_must(fk_embedding_init(out, shape, &err), &err);
    for (int t = 0; t < shape->n_levels; t++) {
        const fk_level *l = &out->levels[t];

        for (int64_t p = 0; p < l->height * l->width; p++) {
            int64_t row = p / l->width, column = p % l->width;
            double y = (double)row / (double)l->height, x = (double)column / (double)l->width;

            for (int64_t c = 0; c < l->dim; c++) {
                double common =
                    0.5 + 0.5 * sin((double)(c % 13 + 1) * x + (double)(c % 7 + 1) * y + (double)c);

                l->data[p * l->dim + c] =
                    (float)(likeness * common + (1.0 - likeness) * fk_prng_uniform(&g));
            }
        }
    }
    for (int64_t c = 0; c < shape->global_dim; c++)
        out->global[c] = (float)fk_prng_uniform(&g);
}
