/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs: building with shape inference, and pruning to the taps that are used. */
#include "graph/graph.h"
#include "base/mem.h"
#include "base/str.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void fk_graph_free(fk_graph *g)
{
    fk_free(g->ops);
    *g = (fk_graph){.pool_node = -1};
}

int64_t fk_graph_largest(const fk_graph *g)
{
    int64_t largest = 0;

    for (int i = 0; i < g->n_ops; i++) {
        int64_t n = g->ops[i].out_channels * g->ops[i].out_height * g->ops[i].out_width;

        if (n > largest)
            largest = n;
    }
    return largest;
}

fleck_status fk_graph_feeds(const fk_graph *g, int from, int to, bool *out, fleck_error *err)
{
    bool *reached;
    fleck_status st;

    assert(from >= 0 && from < g->n_ops && to >= 0 && to < g->n_ops);
    *out = false;
    FK_DO(FK_CALLOC(&reached, g->n_ops, err));
    reached[from] = true;
    for (int i = from + 1; i <= to; i++)
        for (int k = 0; k < 2; k++)
            if (g->ops[i].input[k] >= 0 && reached[g->ops[i].input[k]])
                reached[i] = true;
    *out = reached[to];
    fk_free(reached);
done:
    return st;
}

/* ---- Tensors ---- */

int fk_graph_tensors(fk_op_tensor out[FK_OP_TENSORS], const fk_graph *g, int node)
{
    const fk_op *op = &g->ops[node];
    const int64_t from = op->input[0] >= 0 ? g->ops[op->input[0]].out_channels : 0;
    const fk_positions *p = &op->positions;
    fk_op_tensor bias = {op->weight, "bias", 1, {op->out_channels}};
    int n = 1;

    switch (op->kind) {
    case FK_OP_CONV:
        out[0] = (fk_op_tensor){
            op->weight, "weight", 4, {op->channels, from / op->groups, op->kernel, op->kernel}};
        break;
    case FK_OP_LINEAR:
        out[0] = (fk_op_tensor){op->weight, "weight", 2, {op->channels, from}};
        break;
    case FK_OP_LAYERNORM:
    case FK_OP_AFFINE:
        out[0] = (fk_op_tensor){op->weight, "weight", 1, {op->channels}};
        break;
    case FK_OP_TOKENS:
        out[0] = (fk_op_tensor){"cls_token", "", 3, {1, 1, op->channels}};
        if (p->grid > 0)
            out[n++] = (fk_op_tensor){"pos_embed", "", 3, {1, 1 + p->grid * p->grid, op->channels}};
        if (p->registers > 0)
            out[n++] = (fk_op_tensor){"register_tokens", "", 3, {1, p->registers, op->channels}};
        return n;
    default:
        return 0;
    }
    out[1] = bias;
    return 2;
}

bool fk_graph_repeats(const fk_graph *g, int node)
{
    for (int i = 1; i < node; i++)
        if (g->ops[node].weight[0] != '\0' && strcmp(g->ops[i].weight, g->ops[node].weight) == 0)
            return true;
    return false;
}

void fk_op_tensor_name(char out[FK_TENSOR_NAME_SIZE], const char *prefix, const fk_op_tensor *t)
{
    int length = snprintf(out, FK_TENSOR_NAME_SIZE, "%s%s%s%s", prefix, t->owner,
                          t->part[0] != '\0' ? "." : "", t->part);

    assert(length > 0 && length < FK_TENSOR_NAME_SIZE);
    (void)length;
}

/* ---- Pruning ---- */

static int find_tap(const fk_graph *g, const char *name)
{
    for (int i = 0; i < g->n_taps; i++)
        if (strcmp(g->taps[i].name, name) == 0)
            return i;
    return -1;
}

static fleck_status refuse_tap(const fk_graph *g, const char *name, fleck_error *err)
{
    fk_text known = {0};
    fleck_status st = FLECK_OK;

    for (int i = 0; i < g->n_taps; i++)
        FK_DO(fk_text_printf(&known, err, "%s%s", i > 0 ? ", " : "", g->taps[i].name));
    st = fk_error_set(err, FLECK_E_OPTION, "tap must be one of %s, got \"%s\"",
                      known.data != NULL ? known.data : "none", name);
done:
    fk_text_free(&known);
    return st;
}

/* The kept taps in the order of their names. */
static fleck_status choose_taps(fk_tap *out, const fk_graph *g, const char *const *names, int n,
                                fleck_error *err)
{
    if (n > FK_MAX_TAPS)
        return fk_error_set(err, FLECK_E_OPTION, "at most %d taps, got %d", FK_MAX_TAPS, n);
    for (int i = 0; i < n; i++) {
        int k = find_tap(g, names[i]);

        if (k < 0)
            return refuse_tap(g, names[i], err);
        for (int j = 0; j < i; j++)
            if (strcmp(names[j], names[i]) == 0)
                return fk_error_set(err, FLECK_E_OPTION, "tap \"%s\" is named twice", names[i]);
        out[i] = g->taps[k];
    }
    return FLECK_OK;
}

/* Move the ops with keep set to the front and write the new number of each old node. */
static void compact(fk_graph *g, const bool *keep, int *number)
{
    int n = 0;

    for (int i = 0; i < g->n_ops; i++) {
        fk_op op = g->ops[i];

        if (!keep[i])
            continue;
        for (int k = 0; k < 2; k++)
            if (op.input[k] >= 0)
                op.input[k] = number[op.input[k]];
        number[i] = n;
        g->ops[n++] = op;
    }
    g->n_ops = n;
}

fleck_status fk_graph_prune(fk_graph *g, const char *const *tap_names, int n, bool want_pool,
                            fleck_error *err)
{
    fk_tap taps[FK_MAX_TAPS] = {0};
    bool *keep = NULL;
    int *number = NULL;
    fleck_status st;

    FK_DO(choose_taps(taps, g, tap_names, n, err));
    if (want_pool && g->pool_node < 0)
        FK_FAIL(err, FLECK_E_NOTFOUND, "the network has no global pool");
    FK_DO(FK_CALLOC(&keep, g->n_ops, err));
    FK_DO(FK_CALLOC(&number, g->n_ops, err));
    keep[0] = true;
    for (int i = 0; i < n; i++)
        keep[taps[i].node] = true;
    if (want_pool)
        keep[g->pool_node] = true;
    /* Inputs come before the operations that use them, so one pass from the end marks all that
     * is needed. */
    for (int i = g->n_ops - 1; i > 0; i--)
        for (int k = 0; k < 2; k++)
            if (keep[i] && g->ops[i].input[k] >= 0)
                keep[g->ops[i].input[k]] = true;
    compact(g, keep, number);
    for (int i = 0; i < n; i++) {
        g->taps[i] = taps[i];
        g->taps[i].node = number[taps[i].node];
    }
    g->n_taps = n;
    g->pool_node = want_pool ? number[g->pool_node] : -1;
done:
    fk_free(keep);
    fk_free(number);
    return st;
}

/* ---- Building ---- */

fk_window fk_window_even(int64_t kernel, int64_t stride, int64_t pad)
{
    return (fk_window){kernel, stride, pad, pad, pad, pad};
}

/* Padding that gives ceil(size / stride) positions.  The last one begins at (positions - 1) *
 * stride and covers kernel rows. */
static int64_t same_padding(int64_t size, int64_t kernel, int64_t stride)
{
    int64_t positions = (size + stride - 1) / stride;
    int64_t missing = (positions - 1) * stride + kernel - size;

    return missing > 0 ? missing : 0;
}

fk_window fk_window_same(const fk_builder *b, int input, int64_t kernel, int64_t stride)
{
    fk_window w = {.kernel = kernel, .stride = stride};
    int64_t rows, columns;

    if (b->status != FLECK_OK)
        return w;
    rows = same_padding(b->graph->ops[input].out_height, kernel, stride);
    columns = same_padding(b->graph->ops[input].out_width, kernel, stride);
    w.top = rows / 2;
    w.bottom = rows - w.top;
    w.left = columns / 2;
    w.right = columns - w.left;
    return w;
}

static fleck_status make_room(fk_graph *g, fleck_error *err)
{
    int room = g->room > 0 ? 2 * g->room : 64;
    void *block = g->ops;
    fleck_status st;

    if (g->n_ops < g->room)
        return FLECK_OK;
    st = fk_grow(&block, g->room, room, sizeof *g->ops, err);
    if (st == FLECK_OK) {
        g->ops = block;
        g->room = room;
    }
    return st;
}

static int add_op(fk_builder *b, fk_op op)
{
    fk_graph *g = b->graph;

    if (b->status == FLECK_OK)
        b->status = make_room(g, b->err);
    if (b->status != FLECK_OK)
        return 0;
    assert(op.input[0] < g->n_ops && op.input[1] < g->n_ops);
    g->ops[g->n_ops] = op;
    return g->n_ops++;
}

/* An operation on one node that keeps the shape. */
static int add_unary(fk_builder *b, fk_op_kind kind, int input)
{
    fk_op op = {.kind = kind, .input = {input, -1}};

    if (b->status != FLECK_OK)
        return 0;
    op.channels = op.out_channels = b->graph->ops[input].out_channels;
    op.out_height = b->graph->ops[input].out_height;
    op.out_width = b->graph->ops[input].out_width;
    op.tokens = b->graph->ops[input].tokens;
    return add_op(b, op);
}

static void set_weight(fk_op *op, const char *weight)
{
    size_t length = strlen(weight);

    assert(length < sizeof op->weight);
    memcpy(op->weight, weight, length + 1);
}

/* An operation that moves window w over `input`. */
static int add_window(fk_builder *b, fk_op op, int input, fk_window w)
{
    const fk_op *in = &b->graph->ops[input];
    int64_t height = in->out_height + w.top + w.bottom, width = in->out_width + w.left + w.right;

    assert(w.stride > 0 && w.kernel > 0 && height >= w.kernel && width >= w.kernel);
    op.input[0] = input;
    op.input[1] = -1;
    op.kernel = w.kernel;
    op.stride = w.stride;
    op.pad_top = w.top;
    op.pad_bottom = w.bottom;
    op.pad_left = w.left;
    op.pad_right = w.right;
    op.out_channels = op.channels;
    op.out_height = (height - w.kernel) / w.stride + 1;
    op.out_width = (width - w.kernel) / w.stride + 1;
    return add_op(b, op);
}

fk_builder fk_build_begin(fk_graph *g, int64_t height, int64_t width, fleck_error *err)
{
    fk_builder b = {.graph = g, .status = FLECK_OK, .err = err};
    fk_op input = {.kind = FK_OP_INPUT,
                   .input = {-1, -1},
                   .channels = 3,
                   .out_channels = 3,
                   .out_height = height,
                   .out_width = width};

    *g = (fk_graph){.height = height, .width = width, .pool_node = -1};
    if (height < FK_INPUT_MIN || width < FK_INPUT_MIN || height > FK_INPUT_MAX ||
        width > FK_INPUT_MAX)
        b.status =
            fk_error_set(err, FLECK_E_SHAPE,
                         "network input must be %d to %d pixels high and wide, got %lldx%lld "
                         "(width x height)",
                         FK_INPUT_MIN, FK_INPUT_MAX, (long long)width, (long long)height);
    add_op(&b, input);
    return b;
}

int fk_build_conv(fk_builder *b, int input, const char *weight, fk_window w, int64_t channels,
                  int64_t groups)
{
    fk_op op = {.kind = FK_OP_CONV, .channels = channels, .groups = groups};

    if (b->status != FLECK_OK)
        return 0;
    assert(groups > 0 && channels % groups == 0);
    assert(b->graph->ops[input].out_channels % groups == 0);
    set_weight(&op, weight);
    return add_window(b, op, input, w);
}

int fk_build_maxpool(fk_builder *b, int input, fk_window w)
{
    fk_op op = {.kind = FK_OP_MAXPOOL};

    if (b->status != FLECK_OK)
        return 0;
    op.channels = b->graph->ops[input].out_channels;
    return add_window(b, op, input, w);
}

int fk_build_avgpool(fk_builder *b, int input, int64_t kernel, int64_t stride)
{
    fk_op op = {.kind = FK_OP_AVGPOOL};

    if (b->status != FLECK_OK)
        return 0;
    op.channels = b->graph->ops[input].out_channels;
    return add_window(b, op, input, fk_window_even(kernel, stride, 0));
}

int fk_build_relu(fk_builder *b, int input)
{
    return add_unary(b, FK_OP_RELU, input);
}

int fk_build_relu6(fk_builder *b, int input)
{
    return add_unary(b, FK_OP_RELU6, input);
}

int fk_build_add(fk_builder *b, int input, int other)
{
    int node = add_unary(b, FK_OP_ADD, input);
    const fk_op *x, *y;

    if (b->status != FLECK_OK)
        return 0;
    x = &b->graph->ops[input];
    y = &b->graph->ops[other];
    assert(x->out_channels == y->out_channels && x->out_height == y->out_height &&
           x->out_width == y->out_width && x->tokens == y->tokens);
    (void)x, (void)y;
    b->graph->ops[node].input[1] = other;
    return node;
}

int fk_build_concat(fk_builder *b, int input, int other)
{
    int node = add_unary(b, FK_OP_CONCAT, input);
    const fk_op *x, *y;
    fk_op *op;

    if (b->status != FLECK_OK)
        return 0;
    x = &b->graph->ops[input];
    y = &b->graph->ops[other];
    op = &b->graph->ops[node];
    assert(x->tokens == y->tokens && x->out_width == y->out_width);
    assert(x->tokens ? x->out_channels == y->out_channels : x->out_height == y->out_height);
    op->input[1] = other;
    if (x->tokens)
        op->out_height += y->out_height;
    else
        op->channels = op->out_channels = x->out_channels + y->out_channels;
    return node;
}

int fk_build_affine(fk_builder *b, int input, const char *weight)
{
    int node = add_unary(b, FK_OP_AFFINE, input);

    if (b->status != FLECK_OK)
        return 0;
    assert(!b->graph->ops[node].tokens);
    set_weight(&b->graph->ops[node], weight);
    return node;
}

int fk_build_pool(fk_builder *b, int input)
{
    int node = add_unary(b, FK_OP_GLOBAL_AVGPOOL, input);

    if (b->status != FLECK_OK)
        return 0;
    b->graph->ops[node].out_height = b->graph->ops[node].out_width = 1;
    b->graph->pool_node = node;
    return node;
}

int fk_build_tokens(fk_builder *b, int input, const fk_positions *positions)
{
    int node = add_unary(b, FK_OP_TOKENS, input);
    fk_op *op;

    if (b->status != FLECK_OK)
        return 0;
    op = &b->graph->ops[node];
    assert(!op->tokens);
    op->tokens = true;
    op->positions = *positions;
    op->skip = 1 + positions->registers;
    op->out_height = op->skip + op->out_height * op->out_width;
    op->out_width = 1;
    return node;
}

int fk_build_rows(fk_builder *b, int input)
{
    int node = add_unary(b, FK_OP_ROWS, input);
    fk_op *op;

    if (b->status != FLECK_OK)
        return 0;
    op = &b->graph->ops[node];
    assert(!op->tokens);
    op->tokens = true;
    op->out_height *= op->out_width;
    op->out_width = 1;
    return node;
}

int fk_build_layernorm(fk_builder *b, int input, const char *weight, double eps)
{
    int node = add_unary(b, FK_OP_LAYERNORM, input);

    if (b->status != FLECK_OK)
        return 0;
    assert(b->graph->ops[node].tokens);
    set_weight(&b->graph->ops[node], weight);
    b->graph->ops[node].eps = eps;
    return node;
}

int fk_build_linear(fk_builder *b, int input, const char *weight, int64_t channels)
{
    int node = add_unary(b, FK_OP_LINEAR, input);
    fk_op *op;

    if (b->status != FLECK_OK)
        return 0;
    op = &b->graph->ops[node];
    assert(op->tokens && channels > 0);
    set_weight(op, weight);
    op->channels = op->out_channels = channels;
    return node;
}

int fk_build_gelu(fk_builder *b, int input)
{
    return add_unary(b, FK_OP_GELU, input);
}

int fk_build_attention(fk_builder *b, int input, int64_t heads, fk_rotary rotary)
{
    int node = add_unary(b, FK_OP_ATTENTION, input);
    fk_op *op;

    if (b->status != FLECK_OK)
        return 0;
    op = &b->graph->ops[node];
    assert(op->tokens && heads > 0 && op->channels % (3 * heads) == 0);
    assert(rotary.height == 0 || (op->channels % (12 * heads) == 0 &&
                                  rotary.skip + rotary.height * rotary.width == op->out_height));
    op->heads = heads;
    op->rotary = rotary;
    op->channels = op->out_channels = op->channels / 3;
    return node;
}

int fk_build_grid(fk_builder *b, int input, int64_t skip, int64_t height, int64_t width)
{
    int node = add_unary(b, FK_OP_GRID, input);
    fk_op *op;

    if (b->status != FLECK_OK)
        return 0;
    op = &b->graph->ops[node];
    assert(op->tokens && skip >= 0 && skip + height * width <= op->out_height);
    op->tokens = false;
    op->skip = skip;
    op->out_height = height;
    op->out_width = width;
    return node;
}

void fk_build_global(fk_builder *b, int node)
{
    if (b->status != FLECK_OK)
        return;
    assert(b->graph->ops[node].out_height == 1 && b->graph->ops[node].out_width == 1);
    b->graph->pool_node = node;
}

/* The greatest multiple that is at most size, but at least the least one. */
static int64_t round_down(int64_t size, int64_t multiple)
{
    int64_t least = (FK_INPUT_MIN + multiple - 1) / multiple * multiple;

    return size < least ? least : size / multiple * multiple;
}

void fk_build_need_multiple(fk_builder *b, int64_t multiple)
{
    const fk_graph *g = b->graph;
    int64_t low_w, low_h, high_w, high_h;

    if (b->status != FLECK_OK || (g->height % multiple == 0 && g->width % multiple == 0))
        return;
    low_w = round_down(g->width, multiple);
    low_h = round_down(g->height, multiple);
    high_w = round_down(g->width + multiple - 1, multiple);
    high_h = round_down(g->height + multiple - 1, multiple);
    b->status =
        fk_error_set(b->err, FLECK_E_SHAPE,
                     "network input must be a multiple of %lld pixels high and wide, got "
                     "%lldx%lld (width x height); the nearest that are: %lldx%lld and "
                     "%lldx%lld",
                     (long long)multiple, (long long)g->width, (long long)g->height,
                     (long long)low_w, (long long)low_h, (long long)high_w, (long long)high_h);
}

void fk_build_tap(fk_builder *b, int node, const char *name, int64_t stride)
{
    fk_graph *g = b->graph;
    size_t length = strlen(name);
    fk_tap *tap;

    if (b->status != FLECK_OK)
        return;
    assert(g->n_taps < FK_GRAPH_TAPS && length < FK_NAME_SIZE && find_tap(g, name) < 0);
    tap = &g->taps[g->n_taps++];
    *tap = (fk_tap){.node = node, .stride = stride};
    memcpy(tap->name, name, length + 1);
}

fleck_status fk_build_finish(fk_builder *b)
{
    if (b->status != FLECK_OK)
        fk_graph_free(b->graph);
    return b->status;
}
