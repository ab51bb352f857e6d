/* SPDX-License-Identifier: Apache-2.0 */
/* OpenVINO IR version 11 as text: a list of layers with typed ports, and the edges between them.
 *
 * A node of the graph becomes one layer or several: a convolution becomes four, constant weight,
 * convolution, constant bias [1, C, 1, 1], addition.  The input ports of a layer are numbered from
 * 0 and its output port has the next number, so an edge needs the producer's layer and number of
 * inputs.  Tokens are [1, T, D].  Shapes and axes that a layer reads as an input are constants too:
 * they are stored in the plan's constants, each list once. */
#include "net/openvino/ir.h"
#include "base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

typedef struct port {
    int layer, number;
    int64_t shape[5];
    int ndim;
    bool whole; /* I64 in place of FP32 */
} port;

typedef struct writer {
    fk_text layers, edges;
    int n_layers;
    port *value; /* [n_ops] the output of each node */
    const fk_net_plan *plan;
    int n_constants; /* of plan->constants in use */
    fleck_error *err;
} writer;

static fleck_status add_dims(writer *w, const port *p)
{
    fleck_status st = FLECK_OK;

    for (int i = 0; i < p->ndim; i++)
        FK_DO(fk_text_printf(&w->layers, w->err, "<dim>%lld</dim>", (long long)p->shape[i]));
done:
    return st;
}

/* "64,3,7,7" */
static fleck_status add_shape(writer *w, const port *p)
{
    fleck_status st = FLECK_OK;

    for (int i = 0; i < p->ndim; i++)
        FK_DO(
            fk_text_printf(&w->layers, w->err, "%s%lld", i > 0 ? "," : "", (long long)p->shape[i]));
done:
    return st;
}

/* Begin a layer: <layer ...>, up to its <data>. */
static fleck_status begin_layer_of(writer *w, const char *opset, const char *type, port *out)
{
    out->layer = w->n_layers++;
    return fk_text_printf(&w->layers, w->err,
                          "<layer id=\"%d\" name=\"n%d\" type=\"%s\" version=\"%s\">", out->layer,
                          out->layer, type, opset);
}

static fleck_status begin_layer(writer *w, const char *type, port *out)
{
    return begin_layer_of(w, "opset1", type, out);
}

/* End a layer with its ports.  name is that of the output tensor, or NULL. */
static fleck_status end_layer(writer *w, const port *const *inputs, int n, port *out,
                              const char *name)
{
    fleck_status st = FLECK_OK;

    out->number = n;
    if (n > 0)
        FK_DO(fk_text_printf(&w->layers, w->err, "<input>"));
    for (int i = 0; i < n; i++) {
        FK_DO(fk_text_printf(&w->layers, w->err, "<port id=\"%d\" precision=\"%s\">", i,
                             inputs[i]->whole ? "I64" : "FP32"));
        FK_DO(add_dims(w, inputs[i]));
        FK_DO(fk_text_printf(&w->layers, w->err, "</port>"));
        FK_DO(fk_text_printf(&w->edges, w->err,
                             "<edge from-layer=\"%d\" from-port=\"%d\" to-layer=\"%d\" "
                             "to-port=\"%d\"/>\n",
                             inputs[i]->layer, inputs[i]->number, out->layer, i));
    }
    if (n > 0)
        FK_DO(fk_text_printf(&w->layers, w->err, "</input>"));
    if (out->ndim > 0) {
        FK_DO(fk_text_printf(&w->layers, w->err, "<output><port id=\"%d\" precision=\"%s\"", n,
                             out->whole ? "I64" : "FP32"));
        if (name != NULL)
            FK_DO(fk_text_printf(&w->layers, w->err, " names=\"%s\"", name));
        FK_DO(fk_text_printf(&w->layers, w->err, ">"));
        FK_DO(add_dims(w, out));
        FK_DO(fk_text_printf(&w->layers, w->err, "</port></output>"));
    }
    FK_DO(fk_text_printf(&w->layers, w->err, "</layer>\n"));
done:
    return st;
}

static fleck_status add_constant(writer *w, const void *data, port *out)
{
    int64_t bytes = (int64_t)(out->whole ? sizeof(int64_t) : sizeof(float));
    fleck_status st;

    for (int i = 0; i < out->ndim; i++)
        bytes *= out->shape[i]; /* no overflow: the tensor exists */
    FK_DO(begin_layer(w, "Const", out));
    FK_DO(fk_text_printf(&w->layers, w->err, "<data element_type=\"%s\" shape=\"",
                         out->whole ? "i64" : "f32"));
    FK_DO(add_shape(w, out));
    FK_DO(fk_text_printf(&w->layers, w->err, "\" offset=\"%lld\" size=\"%lld\"/>",
                         (long long)((const uint8_t *)data - w->plan->blob), (long long)bytes));
    FK_DO(end_layer(w, NULL, 0, out, NULL));
done:
    return st;
}

static fleck_status add_window_data(writer *w, const fk_op *op, const char *more)
{
    return fk_text_printf(&w->layers, w->err,
                          "<data strides=\"%lld,%lld\" pads_begin=\"%lld,%lld\" "
                          "pads_end=\"%lld,%lld\" auto_pad=\"explicit\" %s/>",
                          (long long)op->stride, (long long)op->stride, (long long)op->pad_top,
                          (long long)op->pad_left, (long long)op->pad_bottom,
                          (long long)op->pad_right, more);
}

/* out = a + b ("Add") or a times b ("Multiply"), whose shapes broadcast to out's. */
static fleck_status add_arithmetic(writer *w, const char *type, const port *a, const port *b,
                                   port *out, const char *name)
{
    const port *inputs[] = {a, b};
    fleck_status st;

    FK_DO(begin_layer(w, type, out));
    FK_DO(fk_text_printf(&w->layers, w->err, "<data auto_broadcast=\"numpy\"/>"));
    FK_DO(end_layer(w, inputs, 2, out, name));
done:
    return st;
}

static fleck_status add_concat(writer *w, const port *a, const port *b, port *out, const char *name)
{
    const port *inputs[] = {a, b};
    fleck_status st;

    FK_DO(begin_layer(w, "Concat", out));
    FK_DO(fk_text_printf(&w->layers, w->err, "<data axis=\"1\"/>"));
    FK_DO(end_layer(w, inputs, 2, out, name));
done:
    return st;
}

static fleck_status add_affine(writer *w, int node, port *out, const char *name)
{
    const fk_op *op = &w->plan->graph->ops[node];
    port weight = {.shape = {1, op->channels, 1, 1}, .ndim = 4}, bias = weight, product = *out;
    fleck_status st;

    FK_DO(add_constant(w, w->plan->weights[node], &weight));
    FK_DO(add_arithmetic(w, "Multiply", &w->value[op->input[0]], &weight, &product, NULL));
    FK_DO(add_constant(w, w->plan->biases[node], &bias));
    FK_DO(add_arithmetic(w, "Add", &product, &bias, out, name));
done:
    return st;
}

/* Weight [Cout, Cin/groups, k, k]; with groups the same numbers as [groups, Cout/groups, ...]. */
static fleck_status add_conv(writer *w, int node, port *out, const char *name)
{
    const fk_op *op = &w->plan->graph->ops[node];
    const port *in = &w->value[op->input[0]];
    int64_t from = in->shape[1] / op->groups, k = op->kernel;
    port weight = {.shape = {op->channels, from, k, k}, .ndim = 4};
    port bias = {.shape = {1, op->channels, 1, 1}, .ndim = 4};
    port product = *out;
    const port *inputs[] = {in, &weight};
    fleck_status st;

    if (op->groups > 1)
        weight = (port){.shape = {op->groups, op->channels / op->groups, from, k, k}, .ndim = 5};
    FK_DO(add_constant(w, w->plan->weights[node], &weight));
    FK_DO(begin_layer(w, op->groups > 1 ? "GroupConvolution" : "Convolution", &product));
    FK_DO(add_window_data(w, op, "dilations=\"1,1\""));
    FK_DO(end_layer(w, inputs, 2, &product, NULL));
    FK_DO(add_constant(w, w->plan->biases[node], &bias));
    FK_DO(add_arithmetic(w, "Add", &product, &bias, out, name));
done:
    return st;
}

static fleck_status add_input(writer *w, port *out)
{
    fleck_status st;

    FK_DO(begin_layer(w, "Parameter", out));
    FK_DO(fk_text_printf(&w->layers, w->err, "<data element_type=\"f32\" shape=\""));
    FK_DO(add_shape(w, out));
    FK_DO(fk_text_printf(&w->layers, w->err, "\"/>"));
    FK_DO(end_layer(w, NULL, 0, out, NULL));
done:
    return st;
}

static fleck_status add_avgpool_data(writer *w, int64_t height, int64_t width, int64_t stride)
{
    return fk_text_printf(&w->layers, w->err,
                          "<data kernel=\"%lld,%lld\" strides=\"%lld,%lld\" pads_begin=\"0,0\" "
                          "pads_end=\"0,0\" exclude-pad=\"true\" rounding_type=\"floor\" "
                          "auto_pad=\"explicit\"/>",
                          (long long)height, (long long)width, (long long)stride,
                          (long long)stride);
}

/* An operation of one input; its kind decides the attributes. */
static fleck_status add_unary(writer *w, const fk_op *op, port *out, const char *name)
{
    const port *in = &w->value[op->input[0]];
    const char *type = op->kind == FK_OP_RELU      ? "ReLU"
                       : op->kind == FK_OP_RELU6   ? "Clamp"
                       : op->kind == FK_OP_MAXPOOL ? "MaxPool"
                                                   : "AvgPool";
    char kernel[96];
    fleck_status st;

    FK_DO(begin_layer(w, type, out));
    if (op->kind == FK_OP_RELU6)
        FK_DO(fk_text_printf(&w->layers, w->err, "<data min=\"0\" max=\"6\"/>"));
    if (op->kind == FK_OP_MAXPOOL) {
        snprintf(kernel, sizeof kernel, "kernel=\"%lld,%lld\" rounding_type=\"floor\"",
                 (long long)op->kernel, (long long)op->kernel);
        FK_DO(add_window_data(w, op, kernel));
    }
    if (op->kind == FK_OP_GLOBAL_AVGPOOL) /* a window as large as the plane */
        FK_DO(add_avgpool_data(w, in->shape[2], in->shape[3], 1));
    if (op->kind == FK_OP_AVGPOOL)
        FK_DO(add_avgpool_data(w, op->kernel, op->kernel, op->stride));
    FK_DO(end_layer(w, &in, 1, out, name));
done:
    return st;
}

/* ---- Tokens ---- */

/* A constant list of n numbers. */
static fleck_status add_list(writer *w, const int64_t *list, int n, port *out)
{
    const size_t bytes = (size_t)n * sizeof *list;
    int at = 0;

    while (at + n <= w->n_constants && memcmp(w->plan->constants + at, list, bytes) != 0)
        at++;
    if (at + n > w->n_constants) {
        at = w->n_constants;
        assert(at + n <= FK_NET_CONSTANTS);
        memcpy(w->plan->constants + at, list, bytes);
        w->n_constants += n;
    }
    *out = (port){.shape = {n}, .ndim = 1, .whole = true};
    return add_constant(w, w->plan->constants + at, out);
}

/* Reshape in to out's shape. */
static fleck_status add_reshape(writer *w, const port *in, port *out, const char *name)
{
    port shape;
    const port *inputs[] = {in, &shape};
    fleck_status st;

    FK_DO(add_list(w, out->shape, out->ndim, &shape));
    FK_DO(begin_layer(w, "Reshape", out));
    FK_DO(fk_text_printf(&w->layers, w->err, "<data special_zero=\"false\"/>"));
    FK_DO(end_layer(w, inputs, 2, out, name));
done:
    return st;
}

/* Transpose: axis i of out is axis order[i] of in, which has n axes. */
static fleck_status add_transpose(writer *w, const port *in, const int64_t *order, int n, port *out)
{
    port list;
    const port *inputs[] = {in, &list};
    fleck_status st;

    assert(in->ndim == n);
    *out = (port){.ndim = n};
    for (int i = 0; i < n; i++)
        out->shape[i] = in->shape[order[i]];
    FK_DO(add_list(w, order, n, &list));
    FK_DO(begin_layer(w, "Transpose", out));
    FK_DO(end_layer(w, inputs, 2, out, NULL));
done:
    return st;
}

/* The constant's first rows, then the map's positions as rows with the constant's other rows
 * added. */
static fleck_status add_tokens(writer *w, int node, port *out)
{
    const fk_op *op = &w->plan->graph->ops[node];
    const int64_t dim = op->out_channels, positions = op->out_height - op->skip;
    const float *weight = w->plan->weights[node];
    port flat = {.shape = {1, dim, positions}, .ndim = 3}, rows;
    port front = {.shape = {1, op->skip, dim}, .ndim = 3};
    port place = {.shape = {1, positions, dim}, .ndim = 3}, sum = place;
    fleck_status st;

    FK_DO(add_reshape(w, &w->value[op->input[0]], &flat, NULL));
    FK_DO(add_transpose(w, &flat, (const int64_t[]){0, 2, 1}, 3, &rows));
    FK_DO(add_constant(w, weight + op->skip * dim, &place));
    FK_DO(add_arithmetic(w, "Add", &rows, &place, &sum, NULL));
    FK_DO(add_constant(w, weight, &front));
    FK_DO(add_concat(w, &front, &sum, out, NULL));
done:
    return st;
}

/* The map's positions as rows. */
static fleck_status add_rows(writer *w, const fk_op *op, port *out)
{
    port flat = {.shape = {1, op->out_channels, op->out_height}, .ndim = 3};
    fleck_status st;

    FK_DO(add_reshape(w, &w->value[op->input[0]], &flat, NULL));
    FK_DO(add_transpose(w, &flat, (const int64_t[]){0, 2, 1}, 3, out));
done:
    return st;
}

static fleck_status add_layernorm(writer *w, int node, port *out)
{
    const fk_op *op = &w->plan->graph->ops[node];
    port weight = {.shape = {1, 1, op->channels}, .ndim = 3}, bias = weight, axes;
    port unit = *out, scaled = *out;
    const port *norm[] = {&w->value[op->input[0]], &axes};
    fleck_status st;

    FK_DO(add_list(w, (const int64_t[]){2}, 1, &axes));
    FK_DO(begin_layer_of(w, "opset6", "MVN", &unit));
    FK_DO(fk_text_printf(&w->layers, w->err,
                         "<data eps=\"%.9g\" eps_mode=\"inside_sqrt\" "
                         "normalize_variance=\"true\"/>",
                         op->eps));
    FK_DO(end_layer(w, norm, 2, &unit, NULL));
    FK_DO(add_constant(w, w->plan->weights[node], &weight));
    FK_DO(add_arithmetic(w, "Multiply", &unit, &weight, &scaled, NULL));
    FK_DO(add_constant(w, w->plan->biases[node], &bias));
    FK_DO(add_arithmetic(w, "Add", &scaled, &bias, out, NULL));
done:
    return st;
}

static fleck_status add_linear(writer *w, int node, port *out)
{
    const fk_op *op = &w->plan->graph->ops[node];
    const port *in = &w->value[op->input[0]];
    port weight = {.shape = {op->channels, in->shape[2]}, .ndim = 2};
    port bias = {.shape = {1, 1, op->channels}, .ndim = 3}, product = *out;
    const port *inputs[] = {in, &weight};
    fleck_status st;

    FK_DO(add_constant(w, w->plan->weights[node], &weight));
    FK_DO(begin_layer(w, "MatMul", &product));
    FK_DO(fk_text_printf(&w->layers, w->err, "<data transpose_a=\"false\" transpose_b=\"true\"/>"));
    FK_DO(end_layer(w, inputs, 2, &product, NULL));
    FK_DO(add_constant(w, w->plan->biases[node], &bias));
    FK_DO(add_arithmetic(w, "Add", &product, &bias, out, NULL));
done:
    return st;
}

/* Part i of in [3, H, T, d], as [1, H, T, d]. */
static fleck_status add_part(writer *w, const port *in, int64_t i, port *out)
{
    port index, axis;
    const port *inputs[] = {in, &index, &axis};
    fleck_status st;

    *out = *in;
    out->shape[0] = 1;
    FK_DO(add_list(w, &i, 1, &index));
    FK_DO(add_list(w, (const int64_t[]){0}, 1, &axis));
    FK_DO(begin_layer_of(w, "opset8", "Gather", out));
    FK_DO(fk_text_printf(&w->layers, w->err, "<data batch_dims=\"0\"/>"));
    FK_DO(end_layer(w, inputs, 3, out, NULL));
done:
    return st;
}

/* Swap the halves of the last axis of in [1, H, T, d]: [H, T, 2, d / 2] with axis 2 reversed. */
static fleck_status add_swap(writer *w, const port *in, port *out)
{
    port apart = {.shape = {in->shape[1], in->shape[2], 2, in->shape[3] / 2}, .ndim = 4};
    port index, axis, turned = apart;
    const port *inputs[] = {&apart, &index, &axis};
    fleck_status st;

    FK_DO(add_reshape(w, in, &apart, NULL));
    FK_DO(add_list(w, (const int64_t[]){1, 0}, 2, &index));
    FK_DO(add_list(w, (const int64_t[]){2}, 1, &axis));
    FK_DO(begin_layer_of(w, "opset8", "Gather", &turned));
    FK_DO(fk_text_printf(&w->layers, w->err, "<data batch_dims=\"0\"/>"));
    FK_DO(end_layer(w, inputs, 3, &turned, NULL));
    *out = *in;
    FK_DO(add_reshape(w, &turned, out, NULL));
done:
    return st;
}

/* Rotate x [1, H, T, d] by angles [2, T, d] of fk_position_rotate(). */
static fleck_status add_rotation(writer *w, const float *angles, port *x)
{
    port cosines = {.shape = {1, 1, x->shape[2], x->shape[3]}, .ndim = 4}, sines = cosines;
    port swapped, straight = *x, crossed = *x, sum = *x;
    fleck_status st;

    FK_DO(add_constant(w, angles, &cosines));
    FK_DO(add_constant(w, angles + x->shape[2] * x->shape[3], &sines));
    FK_DO(add_swap(w, x, &swapped));
    FK_DO(add_arithmetic(w, "Multiply", x, &cosines, &straight, NULL));
    FK_DO(add_arithmetic(w, "Multiply", &swapped, &sines, &crossed, NULL));
    FK_DO(add_arithmetic(w, "Add", &straight, &crossed, &sum, NULL));
    *x = sum;
done:
    return st;
}

/* [1, T, 3 H d] -> [T, 3, H, d] -> [3, H, T, d] -> three of [1, H, T, d] -> [1, H, T, d] ->
 * back. */
static fleck_status add_attention(writer *w, int node, port *out)
{
    const fk_op *op = &w->plan->graph->ops[node];
    const int64_t n = op->out_height, dim = op->channels / op->heads;
    port apart = {.shape = {n, 3, op->heads, dim}, .ndim = 4}, heads, part[3];
    port mixed = {.shape = {1, op->heads, n, dim}, .ndim = 4}, rows;
    const port *inputs[] = {&part[0], &part[1], &part[2]};
    fleck_status st;

    FK_DO(add_reshape(w, &w->value[op->input[0]], &apart, NULL));
    FK_DO(add_transpose(w, &apart, (const int64_t[]){1, 2, 0, 3}, 4, &heads));
    for (int i = 0; i < 3; i++)
        FK_DO(add_part(w, &heads, i, &part[i]));
    for (int i = 0; i < 2 && w->plan->weights[node] != NULL; i++)
        FK_DO(add_rotation(w, w->plan->weights[node], &part[i]));
    FK_DO(begin_layer_of(w, "opset13", "ScaledDotProductAttention", &mixed));
    FK_DO(fk_text_printf(&w->layers, w->err, "<data causal=\"false\"/>"));
    FK_DO(end_layer(w, inputs, 3, &mixed, NULL));
    FK_DO(add_transpose(w, &mixed, (const int64_t[]){0, 2, 1, 3}, 4, &rows));
    FK_DO(add_reshape(w, &rows, out, NULL));
done:
    return st;
}

/* The tokens of an FK_OP_GRID. */
static fleck_status add_slice(writer *w, const fk_op *op, port *out)
{
    const int64_t end = op->skip + op->out_height * op->out_width;
    port start, stop, step, axes;
    const port *inputs[] = {&w->value[op->input[0]], &start, &stop, &step, &axes};
    fleck_status st;

    *out = (port){.shape = {1, end - op->skip, op->out_channels}, .ndim = 3};
    FK_DO(add_list(w, &op->skip, 1, &start));
    FK_DO(add_list(w, &end, 1, &stop));
    FK_DO(add_list(w, (const int64_t[]){1}, 1, &step));
    FK_DO(add_list(w, (const int64_t[]){1}, 1, &axes));
    FK_DO(begin_layer_of(w, "opset8", "Slice", out));
    FK_DO(end_layer(w, inputs, 5, out, NULL));
done:
    return st;
}

static fleck_status add_grid(writer *w, const fk_op *op, port *out, const char *name)
{
    port rows = w->value[op->input[0]], turned;
    fleck_status st;

    if (rows.shape[1] != op->out_height * op->out_width)
        FK_DO(add_slice(w, op, &rows));
    FK_DO(add_transpose(w, &rows, (const int64_t[]){0, 2, 1}, 3, &turned));
    FK_DO(add_reshape(w, &turned, out, name));
done:
    return st;
}

static fleck_status add_gelu(writer *w, const fk_op *op, port *out)
{
    const port *in = &w->value[op->input[0]];
    fleck_status st;

    FK_DO(begin_layer_of(w, "opset7", "Gelu", out));
    FK_DO(fk_text_printf(&w->layers, w->err, "<data approximation_mode=\"ERF\"/>"));
    FK_DO(end_layer(w, &in, 1, out, NULL));
done:
    return st;
}

/* ---- The network ---- */

/* The tensor name of a node that is an output, in room; NULL for any other. */
static const char *output_name(char *room, size_t size, const fk_graph *g, int node)
{
    if (node == g->pool_node)
        return FK_IR_POOL;
    for (int i = 0; i < g->n_taps; i++)
        if (g->taps[i].node == node) {
            snprintf(room, size, FK_IR_TAP, i);
            return room;
        }
    return NULL;
}

static fleck_status add_node(writer *w, int node)
{
    const fk_op *op = &w->plan->graph->ops[node];
    port *out = &w->value[node];
    char room[32];
    const char *name = output_name(room, sizeof room, w->plan->graph, node);

    *out = (port){.shape = {1, op->out_channels, op->out_height, op->out_width}, .ndim = 4};
    if (op->tokens)
        *out = (port){.shape = {1, op->out_height, op->out_channels}, .ndim = 3};
    /* Taps and the global feature are maps, so tokens never have a name. */
    assert(name == NULL || !op->tokens);
    switch (op->kind) {
    case FK_OP_INPUT:
        return add_input(w, out);
    case FK_OP_CONV:
        return add_conv(w, node, out, name);
    case FK_OP_ADD:
        return add_arithmetic(w, "Add", &w->value[op->input[0]], &w->value[op->input[1]], out,
                              name);
    case FK_OP_CONCAT:
        return add_concat(w, &w->value[op->input[0]], &w->value[op->input[1]], out, name);
    case FK_OP_AFFINE:
        return add_affine(w, node, out, name);
    case FK_OP_TOKENS:
        return add_tokens(w, node, out);
    case FK_OP_ROWS:
        return add_rows(w, op, out);
    case FK_OP_LAYERNORM:
        return add_layernorm(w, node, out);
    case FK_OP_LINEAR:
        return add_linear(w, node, out);
    case FK_OP_GELU:
        return add_gelu(w, op, out);
    case FK_OP_ATTENTION:
        return add_attention(w, node, out);
    case FK_OP_GRID:
        return add_grid(w, op, out, name);
    default:
        return add_unary(w, op, out, name);
    }
}

static fleck_status add_result(writer *w, int node)
{
    const port *in = &w->value[node];
    port none = {0};
    fleck_status st;

    FK_DO(begin_layer(w, "Result", &none));
    FK_DO(end_layer(w, &in, 1, &none, NULL));
done:
    return st;
}

fleck_status fk_openvino_ir(fk_text *out, const fk_net_plan *plan, fleck_error *err)
{
    const fk_graph *g = plan->graph;
    writer w = {.plan = plan, .err = err};
    fleck_status st;

    FK_DO(FK_CALLOC(&w.value, g->n_ops, err));
    for (int i = 0; i < g->n_ops; i++)
        FK_DO(add_node(&w, i));
    for (int i = 0; i < g->n_taps; i++)
        FK_DO(add_result(&w, g->taps[i].node));
    if (g->pool_node >= 0)
        FK_DO(add_result(&w, g->pool_node));
    FK_DO(fk_text_printf(
        out, err, "<?xml version=\"1.0\"?>\n<net name=\"fleck\" version=\"11\">\n<layers>\n"));
    FK_DO(fk_text_add(out, w.layers.data, w.layers.length, err));
    FK_DO(fk_text_printf(out, err, "</layers>\n<edges>\n"));
    FK_DO(fk_text_add(out, w.edges.data, w.edges.length, err));
    FK_DO(fk_text_printf(out, err, "</edges>\n</net>\n"));
done:
    fk_free(w.value);
    fk_text_free(&w.layers);
    fk_text_free(&w.edges);
    return st;
}
