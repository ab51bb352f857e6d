/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a network: weights are checked against the graph and given to an engine; sessions and
 * runs. */
#include "net/net.h"
#include "base/mem.h"
#include "net/engine.h"
#include "net/position.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct fk_net {
    const fk_engine_table *table;
    void *engine;
    fk_graph graph;
    const float **weights, **biases; /* [n_ops] views of the weight file or of packed */
    float *tokens;                   /* weights of FK_OP_TOKENS, computed from the file's */
    float *angles;                   /* of every FK_OP_ATTENTION with rotary positions */
    float *packed;                   /* a copy of all weights if they are not in one block */
    fk_net_outputs outputs;
    int64_t height, width;
    float normalised[3][256]; /* for each channel's 256 values */
};

struct fk_net_session {
    const fk_net *net;
    void *session;
    fk_net_buffers buffers;
};

/* ---- Weights ---- */

/* The output that needs the op at node: "tap layer4", or the pool. */
static fleck_status needed_by(char *out, size_t size, const fk_graph *g, int node, fleck_error *err)
{
    fleck_status st = FLECK_OK;
    bool feeds;

    for (int i = 0; i < g->n_taps; i++) {
        FK_DO(fk_graph_feeds(g, node, g->taps[i].node, &feeds, err));
        if (feeds) {
            snprintf(out, size, "tap %s", g->taps[i].name);
            return FLECK_OK;
        }
    }
    snprintf(out, size, "the global average pool");
done:
    return st;
}

/* Get a view of a tensor of the op at node, and check it. */
static fleck_status find_tensor(const float **out, const fk_net_source *source, const fk_graph *g,
                                int node, const fk_op_tensor *wanted, fleck_error *err)
{
    char name[FK_TENSOR_NAME_SIZE], needs[FK_NAME_SIZE + 32];
    fk_tensor t;
    fleck_status st;

    fk_op_tensor_name(name, source->prefix, wanted);
    if (!fk_st_has(source->weights, name)) {
        FK_DO(needed_by(needs, sizeof needs, g, node, err));
        FK_FAIL(err, FLECK_E_NOTFOUND,
                "%s: there is no tensor %s, which %s needs: the file ends before that stage or is "
                "of another network",
                source->name, name, needs);
    }
    FK_DO(fk_st_get_checked(source->weights, name, FK_F32, wanted->ndim, wanted->shape, &t, err));
    if (!fk_tensor_finite(&t))
        FK_FAIL(err, FLECK_E_FORMAT, "%s: tensor %s: a number that is infinite or none",
                fk_st_name(source->weights), name);
    *out = t.data;
done:
    return st;
}

static int64_t weight_count(const fk_graph *g, int node)
{
    fk_op_tensor tensors[FK_OP_TENSORS];
    int64_t count = 1;

    if (g->ops[node].kind == FK_OP_TOKENS)
        return g->ops[node].out_height * g->ops[node].out_channels;
    if (g->ops[node].kind == FK_OP_ATTENTION)
        return 2 * g->ops[node].out_height * (g->ops[node].channels / g->ops[node].heads);
    fk_graph_tensors(tensors, g, node);
    for (int i = 0; i < tensors[0].ndim; i++)
        count *= tensors[0].shape[i]; /* no overflow: the tensor exists */
    return count;
}

/* Compute the [T, D] of FK_OP_TOKENS from the file's tensors. */
static fleck_status make_tokens(fk_net *net, int node, const float *const *found, fleck_error *err)
{
    const fk_op *op = &net->graph.ops[node], *map = &net->graph.ops[op->input[0]];
    const int64_t dim = op->out_channels, n_registers = op->positions.registers;
    const float *class_token = found[0], *table = op->positions.grid > 0 ? found[1] : NULL;
    const float *registers = n_registers == 0 ? NULL : table != NULL ? found[2] : found[1];
    int64_t count;
    fleck_status st;

    if (!fk_mul_fits(op->out_height, dim, &count))
        FK_FAIL(err, FLECK_E_NOMEM, "position embedding: too large");
    assert(class_token != NULL);
    FK_DO(FK_CALLOC(&net->tokens, count, err));
    memcpy(net->tokens, class_token, (size_t)dim * sizeof *class_token);
    if (registers != NULL)
        memcpy(net->tokens + dim, registers, (size_t)(n_registers * dim) * sizeof *registers);
    if (table != NULL) {
        for (int64_t d = 0; d < dim; d++)
            net->tokens[d] += table[d]; /* the table begins with the class token's position */
        FK_DO(fk_position_resample(net->tokens + op->skip * dim, map->out_height, map->out_width,
                                   table + dim, op->positions.grid, dim, op->positions.resample,
                                   err));
    }
    net->weights[node] = net->tokens;
done:
    return st;
}

/* The angles of an attention with rotary positions: the same for all of a network. */
static fleck_status make_angles(fk_net *net, int node, fleck_error *err)
{
    const fk_op *op = &net->graph.ops[node];
    const int64_t dim = op->channels / op->heads;
    int64_t count;
    fleck_status st = FLECK_OK;

    if (net->angles == NULL) {
        if (!fk_mul_fits(2 * op->out_height, dim, &count))
            FK_FAIL(err, FLECK_E_NOMEM, "position embedding: too large");
        FK_DO(FK_ALLOC(&net->angles, count, err));
        fk_position_rotate(net->angles, &op->rotary, dim);
    }
    net->weights[node] = net->angles;
done:
    return st;
}

static fleck_status find_weights(fk_net *net, const fk_net_source *source, fleck_error *err)
{
    const fk_graph *g = &net->graph;
    fleck_status st;

    FK_DO(FK_CALLOC(&net->weights, g->n_ops, err));
    FK_DO(FK_CALLOC(&net->biases, g->n_ops, err));
    for (int i = 0; i < g->n_ops; i++) {
        fk_op_tensor tensors[FK_OP_TENSORS];
        const float *found[FK_OP_TENSORS] = {NULL};
        int n = fk_graph_tensors(tensors, g, i);

        for (int k = 0; k < n; k++)
            FK_DO(find_tensor(&found[k], source, g, i, &tensors[k], err));
        if (g->ops[i].kind == FK_OP_TOKENS) {
            FK_DO(make_tokens(net, i, found, err));
        } else if (g->ops[i].rotary.height > 0) {
            FK_DO(make_angles(net, i, err));
        } else {
            net->weights[i] = found[0];
            net->biases[i] = found[1];
        }
    }
done:
    return st;
}

/* Widen [begin, end) to contain n floats at p. */
static void widen(uintptr_t *begin, uintptr_t *end, const float *p, int64_t n)
{
    uintptr_t first = (uintptr_t)p, last = first + (uintptr_t)n * sizeof *p;

    if (p == NULL)
        return;
    *begin = first < *begin ? first : *begin;
    *end = last > *end ? last : *end;
}

/* Set blob to the bytes from the first to the last weight. */
static void cover(const fk_net *net, fk_net_plan *plan)
{
    uintptr_t begin = UINTPTR_MAX, end = 0;

    for (int i = 0; i < net->graph.n_ops; i++) {
        if (net->weights[i] == NULL)
            continue;
        widen(&begin, &end, net->weights[i], weight_count(&net->graph, i));
        widen(&begin, &end, net->biases[i], net->graph.ops[i].channels);
    }
    plan->blob = (const uint8_t *)begin;
    plan->blob_size = (int64_t)(end - begin);
}

/* Copy n floats to *next, point *view there, and advance *next; nothing if *view is NULL. */
static void append(float **next, const float **view, int64_t n)
{
    if (*view == NULL)
        return;
    memcpy(*next, *view, (size_t)n * sizeof **next);
    *view = *next;
    *next += n;
}

/* Copy the weights one after the other, after the engine's own constants. */
static fleck_status pack(fk_net *net, fk_net_plan *plan, fleck_error *err)
{
    const int64_t constants = FK_NET_CONSTANTS * (int64_t)(sizeof *plan->constants / sizeof(float));
    const fk_graph *g = &net->graph;
    int64_t count = constants;
    const float *angles = NULL; /* in the block, where all nodes share them */
    float *next;
    fleck_status st;

    for (int i = 0; i < g->n_ops; i++)
        if (net->weights[i] != NULL)
            count += weight_count(g, i) + (net->biases[i] != NULL ? g->ops[i].channels : 0);
    FK_DO(FK_ALLOC(&net->packed, count, err));
    memset(net->packed, 0, (size_t)constants * sizeof *net->packed);
    plan->constants = (int64_t *)(void *)net->packed;
    next = net->packed + constants;
    for (int i = 0; i < g->n_ops; i++) {
        if (net->weights[i] == NULL)
            continue;
        if (g->ops[i].kind == FK_OP_ATTENTION && angles != NULL) {
            net->weights[i] = angles;
            continue;
        }
        append(&next, &net->weights[i], weight_count(g, i));
        append(&next, &net->biases[i], g->ops[i].channels);
        if (g->ops[i].kind == FK_OP_ATTENTION)
            angles = net->weights[i];
    }
    count = next - net->packed;
    plan->blob = (const uint8_t *)net->packed;
    plan->blob_size = count * (int64_t)sizeof *net->packed;
    fk_free(net->tokens);
    fk_free(net->angles);
    net->tokens = net->angles = NULL;
done:
    return st;
}

static bool has_tokens(const fk_graph *g)
{
    for (int i = 0; i < g->n_ops; i++)
        if (g->ops[i].tokens)
            return true;
    return false;
}

/* An engine may need all weights in one block.  The file's data is one block and is used in place.
 * But misaligned tensors are copied by the reader, and those of FK_OP_TOKENS are computed here, so
 * these may be anywhere; and operations on tokens need constants of the engine's own. */
static fleck_status place_weights(fk_net *net, const fk_st_reader *reader, fk_net_plan *plan,
                                  fleck_error *err)
{
    int64_t file_bytes = 0;
    fleck_status st = FLECK_OK;

    for (int64_t i = 0; i < fk_st_count(reader); i++) {
        fk_tensor t;

        FK_DO(fk_st_get(reader, fk_st_tensor_name(reader, i), &t, err));
        file_bytes += fk_tensor_count(&t) * (int64_t)fk_dtype_size(t.dtype);
    }
    cover(net, plan);
    if (has_tokens(&net->graph) || plan->blob_size > file_bytes)
        FK_DO(pack(net, plan, err));
    plan->weights = net->weights;
    plan->biases = net->biases;
done:
    return st;
}

/* ---- Opening ---- */

static const fk_engine_table *table_of(fk_engine engine)
{
    if (engine == FK_ENGINE_REFERENCE)
        return &fk_engine_reference;
    if (engine == FK_ENGINE_NATIVE)
        return &fk_engine_native;
#ifdef FLECK_WITH_OPENVINO
    if (engine == FK_ENGINE_OPENVINO)
        return &fk_engine_openvino;
#endif
    return NULL;
}

const char *fk_engine_version(fk_engine engine, char *buffer, size_t size)
{
    snprintf(buffer, size, "%s",
             engine == FK_ENGINE_REFERENCE ? "fleck reference"
             : engine == FK_ENGINE_NATIVE  ? "fleck native"
                                           : "OpenVINO (not in this build)");
#ifdef FLECK_WITH_OPENVINO
    if (engine == FK_ENGINE_OPENVINO)
        fk_openvino_version(buffer, size);
#endif
    return buffer;
}

/* All engines normalise by this table, so normalisation is the same to the last bit everywhere:
 * torchvision's ToTensor and Normalize, each step rounded to float. */
static fleck_status fill_normalised(fk_net *net, const fk_net_settings *s, fleck_error *err)
{
    for (int c = 0; c < 3; c++) {
        if (!isfinite(s->mean[c]) || !isfinite(s->scale[c]) || s->scale[c] == 0)
            return fk_error_set(err, FLECK_E_OPTION,
                                "normalisation of channel %d must be finite with a scale that is "
                                "not 0, got mean %g, scale %g",
                                c, (double)s->mean[c], (double)s->scale[c]);
        for (int v = 0; v < 256; v++) {
            float unit = (float)v / 255.0f, centred = unit - s->mean[c];

            net->normalised[c][v] = centred / s->scale[c];
        }
    }
    return FLECK_OK;
}

static fleck_status describe(fk_net *net, const fk_net_source *source, const fk_net_settings *s,
                             fleck_error *err)
{
    const char *const *taps = s->taps[0] != NULL ? s->taps : source->arch->default_taps;
    int n = 0;
    fleck_status st;

    while (n < FK_MAX_TAPS && taps[n] != NULL)
        n++;
    st = source->arch->describe(&net->graph, s->height, s->width, err);
    if (st == FLECK_OK)
        st = fk_graph_prune(&net->graph, taps, n, s->pool, err);
    if (st != FLECK_OK)
        fk_error_context(err, "%s", source->arch->name);
    return st;
}

fleck_status fk_net_check(const fk_net_source *source, const fk_net_settings *s, fleck_error *err)
{
    fk_net *net = NULL;
    fleck_status st;

    FK_DO(FK_CALLOC(&net, 1, err));
    if (source->arch != NULL) {
        FK_DO(describe(net, source, s, err));
        FK_DO(find_weights(net, source, err));
    }
done:
    fk_net_close(&net);
    return st;
}

fleck_status fk_net_open(fk_net **out, const fk_net_source *source, const fk_net_settings *s,
                         fleck_error *err)
{
    fk_net *net = NULL;
    fk_net_plan plan = {.onnx = source->onnx,
                        .onnx_size = source->onnx_size,
                        .taps = s->taps,
                        .reads = s->reads,
                        .pool = s->pool,
                        .name = source->name,
                        .precision = s->precision,
                        .threads = s->threads,
                        .height = s->height,
                        .width = s->width};
    fleck_status st;

    assert(source->arch == NULL || source->onnx == NULL);
    *out = NULL;
    if (s->threads < 1)
        FK_FAIL(err, FLECK_E_OPTION, "threads must be at least 1, got %d", s->threads);
    FK_DO(FK_CALLOC(&net, 1, err));
    net->height = s->height;
    net->width = s->width;
    net->table = table_of(s->engine);
    if (net->table == NULL)
        FK_FAIL(err, FLECK_E_UNSUPPORTED, "this fleck was built without the engine %s",
                fk_engine_name(s->engine));
    FK_DO(fill_normalised(net, s, err));
    plan.normalised = (const float(*)[256])net->normalised;
    if (source->arch != NULL) {
        FK_DO(describe(net, source, s, err));
        FK_DO(find_weights(net, source, err));
        FK_DO(place_weights(net, source->weights, &plan, err));
        plan.graph = &net->graph;
    }
    FK_DO(net->table->open(&net->engine, &plan, &net->outputs, err));
    *out = net;
    net = NULL;
done:
    fk_net_close(&net);
    return st;
}

void fk_net_close(fk_net **handle)
{
    fk_net *net = handle != NULL ? *handle : NULL;

    if (net == NULL)
        return;
    if (net->engine != NULL)
        net->table->close(net->engine);
    fk_graph_free(&net->graph);
    fk_free(net->weights);
    fk_free(net->biases);
    fk_free(net->tokens);
    fk_free(net->angles);
    fk_free(net->packed);
    fk_free(net);
    *handle = NULL;
}

int fk_net_tap_count(const fk_net *net)
{
    return net->outputs.n_taps;
}

const fk_tap_info *fk_net_tap(const fk_net *net, int i)
{
    assert(i >= 0 && i < net->outputs.n_taps);
    return &net->outputs.taps[i];
}

int64_t fk_net_pool_dim(const fk_net *net)
{
    return net->outputs.pool_dim;
}

/* ---- Running ---- */

static fleck_status alloc_buffers(fk_net_buffers *b, const fk_net *net, fleck_error *err)
{
    const fk_net_outputs *o = &net->outputs;
    fleck_status st = FLECK_OK;

    if (!net->table->pixels)
        FK_DO(FK_ALLOC(&b->input, 3 * net->height * net->width, err));
    for (int i = 0; i < o->n_taps; i++) {
        const fk_tap_info *t = &o->taps[i];

        FK_DO(FK_CALLOC(&b->taps[i], t->channels * t->height * t->width, err));
    }
    if (o->pool_dim > 0)
        FK_DO(FK_ALLOC(&b->pool, o->pool_dim, err));
done:
    return st;
}

fleck_status fk_net_session_open(fk_net_session **out, fk_net *net, fleck_error *err)
{
    fk_net_session *s = NULL;
    fleck_status st;

    *out = NULL;
    FK_DO(FK_CALLOC(&s, 1, err));
    s->net = net;
    FK_DO(alloc_buffers(&s->buffers, net, err));
    FK_DO(net->table->session_open(&s->session, net->engine, &s->buffers, err));
    *out = s;
    s = NULL;
done:
    fk_net_session_close(&s);
    return st;
}

void fk_net_session_close(fk_net_session **handle)
{
    fk_net_session *s = handle != NULL ? *handle : NULL;

    if (s == NULL)
        return;
    if (s->session != NULL)
        s->net->table->session_close(s->session);
    fk_free(s->buffers.input);
    for (int i = 0; i < FK_MAX_TAPS; i++)
        fk_free(s->buffers.taps[i]);
    fk_free(s->buffers.pool);
    fk_free(s);
    *handle = NULL;
}

/* Give rgb [H, W, 3] to the session's engine, normalised as [3, H, W] unless it reads pixels. */
static void set_input(fk_net_session *s, const uint8_t *rgb)
{
    const fk_net *net = s->net;
    int64_t pixels = net->height * net->width;
    float *red, *green, *blue;

    s->buffers.rgb = rgb;
    if (net->table->pixels)
        return;
    red = s->buffers.input;
    green = red + pixels;
    blue = green + pixels;
    for (int64_t i = 0; i < pixels; i++, rgb += 3) {
        red[i] = net->normalised[0][rgb[0]];
        green[i] = net->normalised[1][rgb[1]];
        blue[i] = net->normalised[2][rgb[2]];
    }
}

void fk_net_view(const fk_net_session *s, const float **taps, const float **pool)
{
    for (int i = 0; i < s->net->outputs.n_taps; i++)
        taps[i] = s->buffers.taps[i];
    if (pool != NULL)
        *pool = s->buffers.pool;
}

typedef struct together {
    fk_net_session *const *sessions;
    const uint8_t *const *rgb;
} together;

static fleck_status set_input_of(void *ctx, int64_t item, int worker, fleck_error *err)
{
    const together *t = ctx;

    (void)worker;
    (void)err;
    set_input(t->sessions[item], t->rgb[item]);
    return FLECK_OK;
}

static fleck_status run_one(void *ctx, int64_t item, int worker, fleck_error *err)
{
    const together *t = ctx;

    (void)!set_input_of(ctx, item, worker, err);
    return t->sessions[item]->net->table->run(t->sessions[item]->session, err);
}

fleck_status fk_net_run_together(fk_net_session *const *sessions, const uint8_t *const *rgb,
                                 int64_t n, fk_pool *threads, fleck_error *err)
{
    const fk_engine_table *table;
    together t = {.sessions = sessions, .rgb = rgb};
    void **handles = NULL;
    fleck_status st = FLECK_OK;

    if (n == 0)
        return FLECK_OK;
    table = sessions[0]->net->table;
    if (table->run_together == NULL)
        return fk_pool_run(threads, n, run_one, &t, err);
    FK_DO(FK_ALLOC(&handles, n, err));
    for (int64_t i = 0; i < n; i++)
        handles[i] = sessions[i]->session;
    FK_DO(fk_pool_run(threads, n, set_input_of, &t, err));
    FK_DO(table->run_together(handles, n, threads, err));
done:
    fk_free(handles);
    return st;
}
