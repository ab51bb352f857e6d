/* Opening a network: weights checked against the graph, handed to an engine; sessions and runs. */
#include "net/net.h"
#include "base/mem.h"
#include "net/engine.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct fk_net {
    const fk_engine_table *table;
    void *engine;
    fk_graph graph;
    const float **weights, **biases; /* [n_ops], views of the weight file or of packed */
    float *packed;                   /* a copy of the weights, where the file scatters them */
    fk_net_outputs outputs;
    int64_t height, width;
    float normalised[3][256]; /* of each channel's 256 values */
};

struct fk_net_session {
    const fk_net *net;
    void *session;
    fk_net_buffers buffers;
};

/* ---- Weights ---- */

/* What needs the op at node: "tap layer4", or the pool. */
static fleck_status who_needs(char *out, size_t size, const fk_graph *g, int node, fleck_error *err)
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

/* A view of prefix + op's name + part, checked. */
static fleck_status find_weight(const float **out, const fk_net_source *source, const fk_graph *g,
                                int node, const char *part, int ndim, const int64_t *shape,
                                fleck_error *err)
{
    char name[256], needs[FK_NAME_SIZE + 32];
    fk_tensor t;
    fleck_status st;
    int length = snprintf(name, sizeof name, "%s%s.%s", source->prefix, g->ops[node].weight, part);

    assert(length > 0 && (size_t)length < sizeof name);
    if (!fk_st_has(source->weights, name)) {
        FK_DO(who_needs(needs, sizeof needs, g, node, err));
        FK_FAIL(err, FLECK_E_NOTFOUND,
                "%s: there is no tensor %s, which %s needs: the file ends before that stage or is "
                "of another network",
                source->name, name, needs);
    }
    FK_DO(fk_st_get_checked(source->weights, name, FK_F32, ndim, shape, &t, err));
    *out = t.data;
done:
    return st;
}

static int64_t weight_count(const fk_graph *g, int node)
{
    const fk_op *op = &g->ops[node];

    return op->channels * (g->ops[op->input[0]].out_channels / op->groups) * op->kernel *
           op->kernel;
}

static fleck_status find_weights(fk_net *net, const fk_net_source *source, fleck_error *err)
{
    const fk_graph *g = &net->graph;
    fleck_status st;

    FK_DO(FK_CALLOC(&net->weights, g->n_ops, err));
    FK_DO(FK_CALLOC(&net->biases, g->n_ops, err));
    for (int i = 0; i < g->n_ops; i++) {
        const fk_op *op = &g->ops[i];

        if (op->kind != FK_OP_CONV)
            continue;
        int64_t shape[4] = {op->channels, g->ops[op->input[0]].out_channels / op->groups,
                            op->kernel, op->kernel};

        FK_DO(find_weight(&net->weights[i], source, g, i, "weight", 4, shape, err));
        FK_DO(find_weight(&net->biases[i], source, g, i, "bias", 1, shape, err));
    }
done:
    return st;
}

/* The bytes from the first to the last weight. */
static void cover(const fk_net *net, fk_net_plan *plan)
{
    uintptr_t begin = UINTPTR_MAX, end = 0;

    for (int i = 0; i < net->graph.n_ops; i++) {
        uintptr_t w = (uintptr_t)net->weights[i], b = (uintptr_t)net->biases[i];
        uintptr_t w_end, b_end;

        if (net->weights[i] == NULL)
            continue;
        w_end = w + (uintptr_t)weight_count(&net->graph, i) * sizeof(float);
        b_end = b + (uintptr_t)net->graph.ops[i].channels * sizeof(float);
        begin = w < begin ? w : begin;
        begin = b < begin ? b : begin;
        end = w_end > end ? w_end : end;
        end = b_end > end ? b_end : end;
    }
    plan->blob = (const uint8_t *)begin;
    plan->blob_size = (int64_t)(end - begin);
}

/* Copy the weights one behind the other. */
static fleck_status pack(fk_net *net, fleck_error *err)
{
    const fk_graph *g = &net->graph;
    int64_t count = 0;
    float *next;
    fleck_status st;

    for (int i = 0; i < g->n_ops; i++)
        if (net->weights[i] != NULL)
            count += weight_count(g, i) + g->ops[i].channels;
    FK_DO(FK_ALLOC(&net->packed, count, err));
    next = net->packed;
    for (int i = 0; i < g->n_ops; i++) {
        int64_t n;

        if (net->weights[i] == NULL)
            continue;
        n = weight_count(g, i);
        memcpy(next, net->weights[i], (size_t)n * sizeof *next);
        net->weights[i] = next;
        next += n;
        n = g->ops[i].channels;
        memcpy(next, net->biases[i], (size_t)n * sizeof *next);
        net->biases[i] = next;
        next += n;
    }
done:
    return st;
}

/* An engine may want all weights in one block.  The file's data is one, and is used in place; but
 * the reader copies tensors that lie at odd addresses, and those may be anywhere. */
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
    if (plan->blob_size > file_bytes) {
        FK_DO(pack(net, err));
        cover(net, plan);
    }
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
#ifdef FLECK_WITH_OPENVINO
    if (engine == FK_ENGINE_OPENVINO)
        return &fk_engine_openvino;
#endif
    return NULL;
}

void fk_engine_graph_outputs(const fk_graph *g, fk_net_outputs *outputs)
{
    *outputs = (fk_net_outputs){.n_taps = g->n_taps};
    for (int i = 0; i < g->n_taps; i++) {
        const fk_op *op = &g->ops[g->taps[i].node];

        memcpy(outputs->taps[i].name, g->taps[i].name, sizeof outputs->taps[i].name);
        outputs->taps[i].channels = op->out_channels;
        outputs->taps[i].height = op->out_height;
        outputs->taps[i].width = op->out_width;
    }
    if (g->pool_node >= 0)
        outputs->pool_dim = g->ops[g->pool_node].out_channels;
}

/* Both engines get their input from this table, so normalisation is the same to the last bit
 * everywhere: torchvision's ToTensor and Normalize, each step rounded to float. */
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

fleck_status fk_net_open(fk_net **out, const fk_net_source *source, const fk_net_settings *s,
                         fleck_error *err)
{
    fk_net *net = NULL;
    fk_net_plan plan = {.onnx = source->onnx,
                        .onnx_size = source->onnx_size,
                        .taps = s->taps,
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
    fleck_status st;

    FK_DO(FK_ALLOC(&b->input, 3 * net->height * net->width, err));
    for (int i = 0; i < o->n_taps; i++) {
        const fk_tap_info *t = &o->taps[i];

        FK_DO(FK_ALLOC(&b->taps[i], t->channels * t->height * t->width, err));
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

/* rgb [H, W, 3] -> out [3, H, W]. */
static void normalise(float *out, const fk_net *net, const uint8_t *rgb)
{
    int64_t pixels = net->height * net->width;
    float *red = out, *green = out + pixels, *blue = out + 2 * pixels;

    for (int64_t i = 0; i < pixels; i++, rgb += 3) {
        red[i] = net->normalised[0][rgb[0]];
        green[i] = net->normalised[1][rgb[1]];
        blue[i] = net->normalised[2][rgb[2]];
    }
}

fleck_status fk_net_run(fk_net_session *s, const uint8_t *rgb, const float **taps,
                        const float **pool, fleck_error *err)
{
    fleck_status st;

    for (int i = 0; i < s->net->outputs.n_taps; i++)
        taps[i] = NULL;
    if (pool != NULL)
        *pool = NULL;
    normalise(s->buffers.input, s->net, rgb);
    FK_DO(s->net->table->run(s->session, err));
    for (int i = 0; i < s->net->outputs.n_taps; i++)
        taps[i] = s->buffers.taps[i];
    if (pool != NULL)
        *pool = s->buffers.pool;
done:
    return st;
}
