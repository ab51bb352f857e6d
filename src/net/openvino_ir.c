/* OpenVINO IR version 11 as text: a list of layers with typed ports, and the edges between them.
 *
 * A node of the graph becomes one layer, but for a convolution, which becomes four: constant
 * weight, convolution, constant bias [1, C, 1, 1], addition.  The input ports of a layer are
 * numbered from 0 and its output port has the next number, so an edge needs the producer's layer
 * and number of inputs. */
#include "net/openvino_ir.h"
#include "base/mem.h"

#include <stdio.h>

typedef struct port {
    int layer, number;
    int64_t shape[5];
    int ndim;
} port;

typedef struct writer {
    fk_text layers, edges;
    int n_layers;
    port *value; /* [n_ops] where each node's value comes out */
    const fk_net_plan *plan;
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

/* <layer ...>, up to where its <data> goes. */
static fleck_status begin_layer(writer *w, const char *type, port *out)
{
    out->layer = w->n_layers++;
    return fk_text_printf(&w->layers, w->err,
                          "<layer id=\"%d\" name=\"n%d\" type=\"%s\" version=\"opset1\">",
                          out->layer, out->layer, type);
}

/* The ports and </layer>; name is the output tensor's, or NULL. */
static fleck_status end_layer(writer *w, const port *const *inputs, int n, port *out,
                              const char *name)
{
    fleck_status st = FLECK_OK;

    out->number = n;
    if (n > 0)
        FK_DO(fk_text_printf(&w->layers, w->err, "<input>"));
    for (int i = 0; i < n; i++) {
        FK_DO(fk_text_printf(&w->layers, w->err, "<port id=\"%d\" precision=\"FP32\">", i));
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
        FK_DO(fk_text_printf(&w->layers, w->err, "<output><port id=\"%d\" precision=\"FP32\"", n));
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

static fleck_status add_constant(writer *w, const float *data, port *out)
{
    int64_t bytes = (int64_t)sizeof *data;
    fleck_status st;

    for (int i = 0; i < out->ndim; i++)
        bytes *= out->shape[i]; /* fits: the tensor exists */
    FK_DO(begin_layer(w, "Const", out));
    FK_DO(fk_text_printf(&w->layers, w->err, "<data element_type=\"f32\" shape=\""));
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

static fleck_status add_sum(writer *w, const port *a, const port *b, port *out, const char *name)
{
    const port *inputs[] = {a, b};
    fleck_status st;

    FK_DO(begin_layer(w, "Add", out));
    FK_DO(fk_text_printf(&w->layers, w->err, "<data auto_broadcast=\"numpy\"/>"));
    FK_DO(end_layer(w, inputs, 2, out, name));
done:
    return st;
}

/* Weight [Cout, Cin/groups, k, k]; grouped, the same numbers as [groups, Cout/groups, ...]. */
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
    FK_DO(add_sum(w, &product, &bias, out, name));
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

/* The average over a window as large as the plane. */
static fleck_status add_avgpool_data(writer *w, const port *in)
{
    return fk_text_printf(&w->layers, w->err,
                          "<data kernel=\"%lld,%lld\" strides=\"1,1\" pads_begin=\"0,0\" "
                          "pads_end=\"0,0\" exclude-pad=\"true\" rounding_type=\"floor\" "
                          "auto_pad=\"explicit\"/>",
                          (long long)in->shape[2], (long long)in->shape[3]);
}

/* An operation of one input; its attributes by kind. */
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
    if (op->kind == FK_OP_GLOBAL_AVGPOOL)
        FK_DO(add_avgpool_data(w, in));
    FK_DO(end_layer(w, &in, 1, out, name));
done:
    return st;
}

/* The tensor name of a node that is given out, into room; NULL for any other. */
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
    switch (op->kind) {
    case FK_OP_INPUT:
        return add_input(w, out);
    case FK_OP_CONV:
        return add_conv(w, node, out, name);
    case FK_OP_ADD:
        return add_sum(w, &w->value[op->input[0]], &w->value[op->input[1]], out, name);
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
