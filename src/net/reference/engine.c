/* SPDX-License-Identifier: Apache-2.0 */
/* The reference engine: computes each operation by its definition, one node after the other.
 *
 * The tests compare the fast engines with it, so it is written to be read.  The output of a
 * convolution is
 *
 *   out[o][y][x] = bias[o] + sum over i, ky, kx of
 *                  weight[o][i][ky][kx] * in[i][y * stride + ky - pad_top][x * stride + kx -
 * pad_left]
 *
 * with zeros outside the input and i running over the input channels of o's group.  Sums run in
 * double in the order i, ky, kx, and are rounded to float once, so that an output is within half a
 * unit in the last place of the exact value for its float inputs.  A whole row of outputs is
 * computed together, which does not change the order within a sum. */
#include "base/mem.h"
#include "net/engine.h"
#include "net/reference/tokens.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define IN_A_BUFFER (-1)

typedef struct reference {
    fk_net_plan plan;
    int *slot; /* [n_ops] the scratch that holds the node's value, or IN_A_BUFFER */
    int n_slots;
    int64_t slot_size; /* elements */
} reference;

typedef struct session {
    const reference *engine;
    float **value; /* [n_ops], into buffers or scratch */
    float *scratch;
    double *row; /* [most columns or tokens of an output] */
} session;

/* ---- Operations: in [C, H, W] -> out [out_channels, out_height, out_width] ---- */

/* Add one element of the kernel to a row of sums: row[x] += w * in[x * stride + shift]. */
static void sweep(double *row, int64_t out_width, const float *in, int64_t width, int64_t stride,
                  int64_t shift, double w)
{
    int64_t first = shift < 0 ? (-shift + stride - 1) / stride : 0;
    int64_t end = width - shift > 0 ? (width - shift + stride - 1) / stride : 0;

    if (end > out_width)
        end = out_width;
    if (stride == 1) {
        for (int64_t x = first; x < end; x++)
            row[x] += w * (double)in[x + shift];
        return;
    }
    for (int64_t x = first; x < end; x++)
        row[x] += w * (double)in[x * stride + shift];
}

/* Compute the sums of output row y of channel o in row. */
static void conv_row(double *row, const fk_op *op, const fk_op *from, const float *in,
                     const float *weight, int64_t o, int64_t y)
{
    int64_t per_group = from->out_channels / op->groups;
    int64_t first = o / (op->channels / op->groups) * per_group;
    const float *w = weight + o * per_group * op->kernel * op->kernel;

    for (int64_t i = 0; i < per_group; i++)
        for (int64_t ky = 0; ky < op->kernel; ky++) {
            int64_t line = y * op->stride + ky - op->pad_top;
            const float *source = in + ((first + i) * from->out_height + line) * from->out_width;

            for (int64_t kx = 0; kx < op->kernel; kx++, w++)
                if (line >= 0 && line < from->out_height)
                    sweep(row, op->out_width, source, from->out_width, op->stride,
                          kx - op->pad_left, (double)*w);
        }
}

static void conv(float *out, const fk_op *op, const fk_op *from, const float *in,
                 const float *weight, const float *bias, double *row)
{
    for (int64_t o = 0; o < op->channels; o++)
        for (int64_t y = 0; y < op->out_height; y++) {
            for (int64_t x = 0; x < op->out_width; x++)
                row[x] = (double)bias[o];
            conv_row(row, op, from, in, weight, o, y);
            for (int64_t x = 0; x < op->out_width; x++)
                *out++ = (float)row[x];
        }
}

/* Maximum of the window at y, x; positions outside the plane do not count. */
static float window_max(const float *plane, const fk_op *op, const fk_op *from, int64_t y,
                        int64_t x)
{
    float most = -INFINITY;

    for (int64_t ky = 0; ky < op->kernel; ky++)
        for (int64_t kx = 0; kx < op->kernel; kx++) {
            int64_t line = y * op->stride + ky - op->pad_top;
            int64_t column = x * op->stride + kx - op->pad_left;

            if (line >= 0 && line < from->out_height && column >= 0 && column < from->out_width &&
                plane[line * from->out_width + column] > most)
                most = plane[line * from->out_width + column];
        }
    return most;
}

static void maxpool(float *out, const fk_op *op, const fk_op *from, const float *in)
{
    for (int64_t c = 0; c < op->channels; c++)
        for (int64_t y = 0; y < op->out_height; y++)
            for (int64_t x = 0; x < op->out_width; x++)
                *out++ = window_max(in + c * from->out_height * from->out_width, op, from, y, x);
}

static void global_avgpool(float *out, const fk_op *from, const float *in)
{
    int64_t positions = from->out_height * from->out_width;

    for (int64_t c = 0; c < from->out_channels; c++) {
        double sum = 0;

        for (int64_t i = 0; i < positions; i++)
            sum += (double)*in++;
        out[c] = (float)(sum / (double)positions);
    }
}

/* Windows lie inside the plane. */
static void avgpool(float *out, const fk_op *op, const fk_op *from, const float *in)
{
    const int64_t k = op->kernel, width = from->out_width;

    for (int64_t c = 0; c < op->channels; c++, in += from->out_height * width)
        for (int64_t y = 0; y < op->out_height; y++)
            for (int64_t x = 0; x < op->out_width; x++) {
                const float *window = in + y * op->stride * width + x * op->stride;
                double sum = 0;

                for (int64_t i = 0; i < k * k; i++)
                    sum += (double)window[i / k * width + i % k];
                *out++ = (float)(sum / (double)(k * k));
            }
}

static void affine(float *out, const fk_op *op, const float *in, const float *weight,
                   const float *bias)
{
    const int64_t positions = op->out_height * op->out_width;

    for (int64_t i = 0; i < op->channels * positions; i++)
        out[i] =
            (float)((double)in[i] * (double)weight[i / positions] + (double)bias[i / positions]);
}

/* An operation whose output has the shape of its input, or the channels of two. */
static void run_elements(float *out, const fk_op *op, const float *in, const float *other,
                         int64_t n_in)
{
    int64_t n = op->out_channels * op->out_height * op->out_width;

    switch (op->kind) {
    case FK_OP_RELU:
        for (int64_t i = 0; i < n; i++)
            out[i] = in[i] > 0 ? in[i] : 0;
        break;
    case FK_OP_RELU6:
        for (int64_t i = 0; i < n; i++)
            out[i] = in[i] > 6 ? 6 : in[i] > 0 ? in[i] : 0;
        break;
    case FK_OP_ADD:
        for (int64_t i = 0; i < n; i++)
            out[i] = in[i] + other[i];
        break;
    default:
        assert(op->kind == FK_OP_CONCAT && other != NULL);
        memcpy(out, in, (size_t)n_in * sizeof *out);
        memcpy(out + n_in, other, (size_t)(n - n_in) * sizeof *out);
    }
}

static void run_op(const session *s, int node)
{
    const fk_net_plan *plan = &s->engine->plan;
    const fk_op *op = &plan->graph->ops[node], *from = &plan->graph->ops[op->input[0]];
    const float *in = s->value[op->input[0]];
    float *out = s->value[node];

    switch (op->kind) {
    case FK_OP_CONV:
        conv(out, op, from, in, plan->weights[node], plan->biases[node], s->row);
        break;
    case FK_OP_MAXPOOL:
        maxpool(out, op, from, in);
        break;
    case FK_OP_RELU:
    case FK_OP_RELU6:
    case FK_OP_ADD:
    case FK_OP_CONCAT:
        run_elements(out, op, in, op->input[1] >= 0 ? s->value[op->input[1]] : NULL,
                     from->out_channels * from->out_height * from->out_width);
        break;
    case FK_OP_AVGPOOL:
        avgpool(out, op, from, in);
        break;
    case FK_OP_AFFINE:
        affine(out, op, in, plan->weights[node], plan->biases[node]);
        break;
    case FK_OP_GLOBAL_AVGPOOL:
        global_avgpool(out, from, in);
        break;
    case FK_OP_INPUT:
        break;
    default:
        fk_reference_tokens(out, op, from, in, plan->weights[node], plan->biases[node], s->row);
    }
}

/* ---- Memory: a value's scratch is used again once no op reads it ---- */

/* The last op that reads each node. */
static void find_last_uses(const fk_graph *g, int *last)
{
    for (int i = 0; i < g->n_ops; i++) {
        last[i] = i;
        for (int k = 0; k < 2; k++)
            if (g->ops[i].input[k] >= 0)
                last[g->ops[i].input[k]] = i;
    }
}

static bool is_output(const fk_graph *g, int node)
{
    for (int i = 0; i < g->n_taps; i++)
        if (g->taps[i].node == node)
            return true;
    return node == g->pool_node || node == 0;
}

static fleck_status plan_slots(reference *r, fleck_error *err)
{
    const fk_graph *g = r->plan.graph;
    int *last = NULL;
    bool *taken = NULL;
    fleck_status st;

    FK_DO(FK_CALLOC(&last, g->n_ops, err));
    FK_DO(FK_CALLOC(&taken, g->n_ops, err));
    FK_DO(FK_CALLOC(&r->slot, g->n_ops, err));
    find_last_uses(g, last);
    for (int i = 0; i < g->n_ops; i++) {
        int slot = 0;

        r->slot[i] = IN_A_BUFFER;
        if (!is_output(g, i)) {
            while (taken[slot])
                slot++;
            taken[slot] = true;
            r->slot[i] = slot;
            if (slot >= r->n_slots)
                r->n_slots = slot + 1;
        }
        for (int k = 0; k < 2; k++) {
            int input = g->ops[i].input[k];

            if (input >= 0 && last[input] == i && r->slot[input] != IN_A_BUFFER)
                taken[r->slot[input]] = false;
        }
    }
    r->slot_size = fk_graph_largest(g);
done:
    fk_free(last);
    fk_free(taken);
    return st;
}

/* ---- The engine ---- */

static void reference_close(void *engine)
{
    reference *r = engine;

    if (r == NULL)
        return;
    fk_free(r->slot);
    fk_free(r);
}

static fleck_status reference_open(void **out, const fk_net_plan *plan, fk_net_outputs *outputs,
                                   fleck_error *err)
{
    reference *r = NULL;
    fleck_status st;

    *out = NULL;
    if (plan->graph == NULL)
        FK_FAIL(err, FLECK_E_UNSUPPORTED,
                "%s: the reference engine runs the built-in networks, not ONNX models", plan->name);
    if (plan->precision != FK_PRECISION_F32)
        FK_FAIL(err, FLECK_E_UNSUPPORTED, "the reference engine runs in f32, not in %s",
                fk_precision_name(plan->precision));
    FK_DO(FK_CALLOC(&r, 1, err));
    r->plan = *plan;
    FK_DO(plan_slots(r, err));
    fk_engine_graph_outputs(plan->graph, outputs);
    *out = r;
    r = NULL;
done:
    reference_close(r);
    return st;
}

static void reference_session_close(void *handle)
{
    session *s = handle;

    if (s == NULL)
        return;
    fk_free(s->value);
    fk_free(s->scratch);
    fk_free(s->row);
    fk_free(s);
}

/* Elements of session.row. */
static int64_t row_size(const fk_graph *g)
{
    int64_t size = g->width;

    for (int i = 0; i < g->n_ops; i++)
        if (g->ops[i].tokens && g->ops[i].out_height > size)
            size = g->ops[i].out_height;
    return size;
}

static fleck_status reference_session_open(void **out, void *engine, const fk_net_buffers *buffers,
                                           fleck_error *err)
{
    const reference *r = engine;
    const fk_graph *g = r->plan.graph;
    session *s = NULL;
    int64_t count;
    fleck_status st;

    *out = NULL;
    FK_DO(FK_CALLOC(&s, 1, err));
    s->engine = r;
    if (!fk_mul_fits(r->n_slots, r->slot_size, &count))
        FK_FAIL(err, FLECK_E_NOMEM, "%s: activations too large", r->plan.name);
    FK_DO(FK_ALLOC(&s->scratch, count, err));
    FK_DO(FK_ALLOC(&s->row, row_size(g), err));
    FK_DO(FK_CALLOC(&s->value, g->n_ops, err));
    for (int i = 0; i < g->n_ops; i++)
        if (r->slot[i] != IN_A_BUFFER)
            s->value[i] = s->scratch + r->slot[i] * r->slot_size;
    s->value[0] = buffers->input;
    for (int i = 0; i < g->n_taps; i++)
        s->value[g->taps[i].node] = buffers->taps[i];
    if (g->pool_node >= 0)
        s->value[g->pool_node] = buffers->pool;
    *out = s;
    s = NULL;
done:
    reference_session_close(s);
    return st;
}

static fleck_status reference_run(void *handle, fleck_error *err)
{
    const session *s = handle;

    (void)err;
    for (int i = 1; i < s->engine->plan.graph->n_ops; i++)
        run_op(s, i);
    return FLECK_OK;
}

const fk_engine_table fk_engine_reference = {.open = reference_open,
                                             .close = reference_close,
                                             .session_open = reference_session_open,
                                             .session_close = reference_session_close,
                                             .run = reference_run};
