/* SPDX-License-Identifier: Apache-2.0 */
/* The native engine: graphs of dense convolutions in f32, with fewer multiplications.
 *
 *   input [3, H, W] -> positions of 3 channels -> steps on blocks of FK_LANES channels
 *                   -> taps [C, h, w] and pool [G]
 *
 * Each step is a convolution with what follows it (plan.c).  Convolutions of 3 x 3 with stride 1,
 * and the folded first one, run with Winograd's tiles (winograd.c), the others as products of
 * positions (conv.c).  In a run that has all threads, these share the pieces of each step.  The
 * outputs of a piece depend neither on other pieces nor on the thread, so the bytes are the same
 * for any number of threads.  Between processors with and without AVX2 they differ in the last
 * bits; AVX-512 gives the bytes of AVX2. */
#include "base/mem.h"
#include "net/engine.h"
#include "net/native/plan.h"

#include <string.h>

/* Least number of pieces for each thread, so that threads do not wait long for a late one. */
#define PIECES_A_THREAD 4

typedef struct native {
    fk_net_plan net;
    const fk_kernels *kernels;
    fk_native_plan plan;
    fk_conv *convs;  /* [n_steps], zeroed for other steps */
    int64_t scratch; /* floats of scratch for a thread */
    float **alone;   /* [n_alone] scratch for each thread of a run that has several */
    int n_alone;
} native;

typedef struct session {
    native *engine; /* changed only by a run that has all threads */
    const fk_net_buffers *buffers;
    float *memory; /* of all values */
    float *scratch;
} session;

/* ---- Opening ---- */

static void native_close(void *handle)
{
    native *n = handle;

    if (n == NULL)
        return;
    for (int i = 0; n->convs != NULL && i < n->plan.n_steps; i++)
        fk_conv_free(&n->convs[i]);
    for (int i = 0; i < n->n_alone; i++)
        fk_free(n->alone[i]);
    fk_free(n->convs);
    fk_free(n->alone);
    fk_native_plan_free(&n->plan);
    fk_free(n);
}

/* Prepare step n_steps - 1 - item.  The last steps have most weights, so they begin first. */
static fleck_status prepare_conv(void *ctx, int64_t item, int worker, fleck_error *err)
{
    native *n = ctx;
    int64_t i = n->plan.n_steps - 1 - item;
    const fk_graph *g = n->net.graph;
    const fk_step *s = &n->plan.steps[i];
    const float *weight = n->net.weights[s->op];
    fk_conv *c = &n->convs[i];
    float *own = NULL;
    fleck_status st;

    (void)worker;
    if (s->kind != FK_OP_CONV)
        return FLECK_OK;
    c->kernels = n->kernels;
    c->op = *fk_native_op(&n->plan, g, s);
    c->in = n->plan.layout[s->in];
    c->out = n->plan.layout[s->node];
    c->adds = s->other >= 0;
    c->relu = s->relu;
    if (c->adds)
        c->other = n->plan.layout[s->other];
    if (n->plan.folds && s->in == 0) {
        FK_DO(FK_ALLOC(&own, c->op.channels * c->in.channels * c->op.kernel * c->op.kernel, err));
        fk_conv_fold_weight(own, &c->op, weight, &g->ops[s->op], g->ops[0].out_channels);
        weight = own;
    }
    FK_DO(fk_conv_init(c, weight, n->net.biases[s->op], err));
done:
    fk_free(own);
    return st;
}

/* Transforming and packing the weights takes most of the time of opening, so all threads do it. */
static fleck_status prepare_convs(native *n, fleck_error *err)
{
    fk_pool *pool = NULL;
    fleck_status st;

    FK_DO(FK_CALLOC(&n->convs, n->plan.n_steps, err));
    FK_DO(fk_pool_open(&pool, n->net.threads, err));
    FK_DO(fk_pool_run(pool, n->plan.n_steps, prepare_conv, n, err));
    for (int i = 0; i < n->plan.n_steps; i++)
        n->scratch = n->convs[i].scratch > n->scratch ? n->convs[i].scratch : n->scratch;
done:
    fk_pool_close(&pool);
    return st;
}

/* Have scratch for this many threads. */
static fleck_status grow_scratch(native *n, int threads, fleck_error *err)
{
    float **more = NULL;
    fleck_status st = FLECK_OK;

    if (threads <= n->n_alone)
        return FLECK_OK;
    FK_DO(FK_CALLOC(&more, threads, err));
    if (n->n_alone > 0)
        memcpy(more, n->alone, (size_t)n->n_alone * sizeof(float *));
    fk_free(n->alone);
    n->alone = more;
    for (; n->n_alone < threads; n->n_alone++)
        FK_DO(FK_ALLOC(&n->alone[n->n_alone], n->scratch, err));
done:
    return st;
}

static fleck_status native_open(void **out, const fk_net_plan *net, fk_net_outputs *outputs,
                                fleck_error *err)
{
    native *n = NULL;
    fleck_status st;

    *out = NULL;
    if (net->graph == NULL)
        FK_FAIL(err, FLECK_E_UNSUPPORTED,
                "%s: the native engine runs built-in networks, not ONNX models", net->name);
    if (net->precision != FK_PRECISION_F32)
        FK_FAIL(err, FLECK_E_UNSUPPORTED, "the native engine runs in f32, not in %s",
                fk_precision_name(net->precision));
    FK_DO(FK_CALLOC(&n, 1, err));
    n->net = *net;
    n->kernels = fk_kernels_pick();
    FK_DO(fk_native_plan_init(&n->plan, net->graph, net->reads, net->name, err));
    FK_DO(prepare_convs(n, err));
    if (net->threads > 1)
        FK_DO(grow_scratch(n, net->threads, err));
    fk_engine_graph_outputs(net->graph, outputs);
    *out = n;
    n = NULL;
done:
    native_close(n);
    return st;
}

static int64_t memory_bytes(const native *n)
{
    return n->plan.memory * (int64_t)sizeof(float);
}

static void native_session_close(void *handle)
{
    session *s = handle;

    if (s == NULL)
        return;
    fk_free_large(s->memory, memory_bytes(s->engine));
    fk_free(s->scratch);
    fk_free(s);
}

static fleck_status native_session_open(void **out, void *engine, const fk_net_buffers *buffers,
                                        fleck_error *err)
{
    native *n = engine;
    session *s = NULL;
    fleck_status st;

    *out = NULL;
    FK_DO(FK_CALLOC(&s, 1, err));
    s->engine = n;
    s->buffers = buffers;
    FK_DO(fk_calloc_large((void **)&s->memory, memory_bytes(n), err));
    FK_DO(FK_ALLOC(&s->scratch, n->scratch, err));
    *out = s;
    s = NULL;
done:
    native_session_close(s);
    return st;
}

/* ---- Borders: pixels and [C, H, W], and blocks ---- */

static void put_pixel(float *to, const uint8_t *rgb, const float (*normalised)[256])
{
    for (int c = 0; c < 3; c++)
        to[c] = normalised[c][rgb[c]];
}

static void pack_input(float *out, const fk_native_plan *plan, const uint8_t *rgb,
                       const fk_net_plan *net)
{
    const fk_blocked *b = &plan->layout[0];

    for (int64_t y = 0; y < net->height; y++) {
        if (plan->folds) {
            float *to = out + fk_blocked_at(b, y / 2, 0) + y % 2 * 6;

            for (int64_t x = 0; x < net->width; x++, rgb += 3)
                put_pixel(to + x / 2 * b->block + x % 2 * 3, rgb, net->normalised);
        } else {
            float *to = out + fk_blocked_at(b, y, 0);

            for (int64_t x = 0; x < net->width; x++, rgb += 3)
                put_pixel(to + x * b->block, rgb, net->normalised);
        }
    }
}

/* Copy the channels of block b that are read to out [C, H, W]. */
static void unpack(float *out, const fk_native_tap *tap, const fk_blocked *l, const float *value,
                   int64_t b)
{
    int64_t first = 0, n = 0;
    const int64_t *channels;
    float *to[FK_LANES];

    while (first < tap->n && tap->channels[first] / FK_LANES < b)
        first++;
    channels = tap->channels + first;
    for (; first + n < tap->n && channels[n] / FK_LANES == b; n++)
        to[n] = out + channels[n] * l->height * l->width;
    for (int64_t y = 0; n > 0 && y < l->height; y++) {
        const float *from = value + b * l->plane + fk_blocked_at(l, y, 0);

        for (int64_t x = 0; x < l->width; x++, from += FK_LANES)
            for (int64_t i = 0; i < n; i++)
                *to[i]++ = from[channels[i] % FK_LANES];
    }
}

/* ---- Pools ---- */

/* The part [*first, *end) of op's window at an output position that lies inside 0..size. */
static void clip(const fk_op *op, int64_t position, int64_t pad, int64_t size, int64_t *first,
                 int64_t *end)
{
    *first = position * op->stride - pad;
    *end = *first + op->kernel < size ? *first + op->kernel : size;
    *first = *first > 0 ? *first : 0;
}

/* Max pool of channel block b. */
static void maxpool(const native *n, const fk_step *s, int64_t b, const float *in, float *out)
{
    const fk_op *op = &n->net.graph->ops[s->op];
    const fk_blocked *from = &n->plan.layout[s->in], *to = &n->plan.layout[s->node];
    int64_t top, bottom, left, right;

    for (int64_t y = 0; y < to->height; y++) {
        clip(op, y, op->pad_top, from->height, &top, &bottom);
        for (int64_t x = 0; x < to->width; x++) {
            clip(op, x, op->pad_left, from->width, &left, &right);
            n->kernels->window_max(out + b * to->plane + fk_blocked_at(to, y, x),
                                   in + b * from->plane + fk_blocked_at(from, top, left),
                                   from->line, bottom - top, right - left);
        }
    }
}

static void global_avgpool(const fk_blocked *b, const float *in, float *out)
{
    for (int64_t c = 0; c < b->channels; c++) {
        const float *plane = in + c / FK_LANES * b->plane + c % FK_LANES;
        double sum = 0;

        for (int64_t y = 0; y < b->height; y++)
            for (int64_t x = 0; x < b->width; x++)
                sum += (double)plane[fk_blocked_at(b, y, x)];
        out[c] = (float)(sum / (double)(b->height * b->width));
    }
}

/* ---- Running ---- */

/* A step of several images.  Piece i is of image i % n_images, so that threads need the same
 * weights at about the same time. */
typedef struct step_job {
    const native *engine;
    void *const *sessions; /* [n_images] of session */
    int64_t n_images;
    int step;
    int64_t n_groups; /* groups of a convolution's output channels */
    int tap;          /* to unpack */
    bool shared;      /* threads share the images and have scratch of their own */
} step_job;

static fleck_status run_piece(void *ctx, int64_t item, int worker, fleck_error *err)
{
    const step_job *j = ctx;
    const native *n = j->engine;
    const fk_step *s = &n->plan.steps[j->step];
    const session *of = j->sessions[item % j->n_images];
    const float *in = of->memory + n->plan.place[s->in];
    float *out = of->memory + n->plan.place[s->node];
    int64_t piece = item / j->n_images;

    (void)err;
    if (s->kind == FK_OP_CONV)
        fk_conv_run(&n->convs[j->step], piece, j->n_groups, in,
                    s->other >= 0 ? of->memory + n->plan.place[s->other] : NULL, out,
                    j->shared ? n->alone[worker] : of->scratch);
    else if (s->kind == FK_OP_MAXPOOL)
        maxpool(n, s, piece, in, out);
    else
        global_avgpool(&n->plan.layout[s->in], in, of->buffers->pool);
    return FLECK_OK;
}

static fleck_status unpack_piece(void *ctx, int64_t item, int worker, fleck_error *err)
{
    const step_job *j = ctx;
    const native *n = j->engine;
    int node = n->plan.steps[j->step].node;
    const session *of = j->sessions[item % j->n_images];

    (void)worker;
    (void)err;
    unpack(of->buffers->taps[j->tap], &n->plan.taps[j->tap], &n->plan.layout[node],
           of->memory + n->plan.place[node], item / j->n_images);
    return FLECK_OK;
}

static fleck_status pack_piece(void *ctx, int64_t item, int worker, fleck_error *err)
{
    const step_job *j = ctx;
    const session *of = j->sessions[item];
    const fk_native_plan *plan = &j->engine->plan;

    (void)worker;
    (void)err;
    pack_input(of->memory + plan->place[0], plan, of->buffers->rgb, &j->engine->net);
    return FLECK_OK;
}

/* Number of pieces of an image.  If there are too few blocks of rows for the threads, the output
 * channels are split too. */
static int64_t count_pieces(step_job *j, int64_t threads)
{
    const fk_step *s = &j->engine->plan.steps[j->step];
    const fk_conv *c = &j->engine->convs[j->step];
    int64_t pieces = c->row_blocks * j->n_images;

    j->n_groups = 1;
    if (s->kind == FK_OP_MAXPOOL)
        return j->engine->plan.layout[s->node].blocks;
    if (s->kind != FK_OP_CONV)
        return 1;
    if (pieces < PIECES_A_THREAD * threads && pieces % threads != 0)
        j->n_groups = c->out.blocks < threads ? c->out.blocks : threads;
    return c->row_blocks * j->n_groups;
}

static fleck_status native_run(void *const *handles, int64_t n_images, fk_pool *pool,
                               fleck_error *err)
{
    native *n = ((const session *)handles[0])->engine;
    const fk_graph *g = n->net.graph;
    step_job j = {.engine = n, .sessions = handles, .n_images = n_images, .shared = pool != NULL};
    fleck_status st;

    if (pool != NULL)
        FK_DO(grow_scratch(n, fk_pool_threads(pool), err));
    FK_DO(fk_pool_run(pool, n_images, pack_piece, &j, err));
    for (j.step = 0; j.step < n->plan.n_steps; j.step++) {
        int node = n->plan.steps[j.step].node;

        FK_DO(fk_pool_run(pool, n_images * count_pieces(&j, fk_pool_threads(pool)), run_piece, &j,
                          err));
        for (j.tap = 0; j.tap < g->n_taps; j.tap++)
            if (g->taps[j.tap].node == node)
                FK_DO(fk_pool_run(pool, n_images * n->plan.layout[node].blocks, unpack_piece, &j,
                                  err));
    }
done:
    return st;
}

const fk_engine_table fk_engine_native = {.open = native_open,
                                          .close = native_close,
                                          .session_open = native_session_open,
                                          .session_close = native_session_close,
                                          .run_together = native_run,
                                          .pixels = true};
