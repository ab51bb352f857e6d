/* SPDX-License-Identifier: Apache-2.0 */
/* The native engine's plan of a graph: operations joined into steps, and the memory of values. */
#include "net/native/plan.h"
#include "base/mem.h"

#include <string.h>

void fk_native_plan_free(fk_native_plan *p)
{
    fk_free(p->steps);
    fk_free(p->layout);
    fk_free(p->place);
    for (int i = 0; i < FK_MAX_TAPS; i++)
        fk_free(p->taps[i].channels);
    *p = (fk_native_plan){0};
}

/* ---- Steps ---- */

/* Number of operations and outputs that read each node. */
static void count_uses(const fk_graph *g, int *uses)
{
    for (int i = 0; i < g->n_ops; i++)
        for (int k = 0; k < 2; k++)
            if (g->ops[i].input[k] >= 0)
                uses[g->ops[i].input[k]]++;
    for (int i = 0; i < g->n_taps; i++)
        uses[g->taps[i].node]++;
}

static fk_step *find_step(const fk_native_plan *p, int node)
{
    for (int i = 0; i < p->n_steps; i++)
        if (p->steps[i].node == node)
            return &p->steps[i];
    return NULL;
}

/* Join an addition or a ReLU with the convolution before it, if nothing else reads the
 * convolution's value.  For an addition this is the later one of its inputs, since the other one is
 * computed then. */
static bool join(fk_native_plan *p, const fk_graph *g, const int *uses, int node)
{
    const fk_op *op = &g->ops[node];
    int later = op->input[0] > op->input[1] ? op->input[0] : op->input[1];
    int earlier = op->input[0] > op->input[1] ? op->input[1] : op->input[0];
    fk_step *s = find_step(p, later);

    if (s == NULL || s->kind != FK_OP_CONV || s->relu || uses[later] != 1)
        return false;
    if (op->kind == FK_OP_ADD) {
        if (s->other >= 0 || g->ops[earlier].kind == FK_OP_INPUT)
            return false;
        s->other = earlier;
    }
    s->relu = op->kind == FK_OP_RELU;
    s->node = node;
    return true;
}

static bool add_node(fk_native_plan *p, const fk_graph *g, const int *uses, int node)
{
    const fk_op *op = &g->ops[node];

    switch (op->kind) {
    case FK_OP_INPUT:
        return true;
    case FK_OP_CONV:
        if (op->groups != 1)
            return false;
        break;
    case FK_OP_MAXPOOL:
    case FK_OP_GLOBAL_AVGPOOL:
        if (g->ops[op->input[0]].kind == FK_OP_INPUT)
            return false;
        break;
    case FK_OP_ADD:
    case FK_OP_RELU:
        return join(p, g, uses, node);
    default:
        return false;
    }
    p->steps[p->n_steps++] =
        (fk_step){.kind = op->kind, .op = node, .node = node, .in = op->input[0], .other = -1};
    return true;
}

/* ---- Taps ---- */

/* List the channels of every tap that are read. */
static fleck_status plan_taps(fk_native_plan *p, const fk_graph *g, const bool *reads,
                              fleck_error *err)
{
    fleck_status st = FLECK_OK;

    for (int i = 0; i < g->n_taps; i++) {
        int64_t channels = g->ops[g->taps[i].node].out_channels;
        fk_native_tap *t = &p->taps[i];

        FK_DO(FK_ALLOC(&t->channels, channels, err));
        for (int64_t c = 0; c < channels; c++)
            if (reads == NULL || reads[c])
                t->channels[t->n++] = c;
        reads = reads != NULL ? reads + channels : NULL;
    }
done:
    return st;
}

/* ---- Layouts and places ---- */

/* Fold the input if only one convolution reads it and can be folded. */
static void plan_fold(fk_native_plan *p, const fk_graph *g, const int *uses)
{
    for (int i = 0; i < p->n_steps; i++) {
        const fk_step *s = &p->steps[i];

        if (s->in == 0 && uses[0] == 1 && s->kind == FK_OP_CONV)
            p->folds = fk_conv_fold(&p->folded, &g->ops[s->op], g->ops[0].out_channels);
    }
}

const fk_op *fk_native_op(const fk_native_plan *p, const fk_graph *g, const fk_step *s)
{
    return p->folds && s->in == 0 ? &p->folded : &g->ops[s->op];
}

static void plan_layouts(fk_native_plan *p, const fk_graph *g)
{
    for (int i = 0; i < g->n_ops; i++) {
        const fk_op *op = &g->ops[i];

        p->layout[i] = (fk_blocked){.channels = op->out_channels,
                                    .height = op->out_height,
                                    .width = op->out_width,
                                    .block = op->kind == FK_OP_INPUT ? op->out_channels : FK_LANES};
    }
    if (p->folds)
        p->layout[0] = (fk_blocked){.channels = 4 * g->ops[0].out_channels,
                                    .height = fk_ceil_div(g->ops[0].out_height, 2),
                                    .width = fk_ceil_div(g->ops[0].out_width, 2),
                                    .block = FK_LANES};
    for (int i = 0; i < p->n_steps; i++)
        if (p->steps[i].kind == FK_OP_CONV)
            fk_conv_surround(&p->layout[p->steps[i].in], fk_native_op(p, g, &p->steps[i]));
    for (int i = 0; i < g->n_ops; i++)
        fk_blocked_finish(&p->layout[i]);
}

/* The last step that needs each node's value, or the step that computes it. */
static void find_last_uses(const fk_native_plan *p, int *last)
{
    for (int i = 0; i < p->n_steps; i++) {
        const fk_step *s = &p->steps[i];

        last[s->in] = last[s->node] = i;
        if (s->other >= 0)
            last[s->other] = i;
    }
}

/* A value's memory is used again once no step reads it, but only for a value of the same layout, so
 * that its padding stays zero and is not written again. */
static fleck_status plan_places(fk_native_plan *p, const fk_graph *g, fleck_error *err)
{
    int *last = NULL, *holder = NULL, n = 0;
    int64_t *begin = NULL;
    fleck_status st;

    FK_DO(FK_CALLOC(&last, g->n_ops, err));
    FK_DO(FK_CALLOC(&holder, g->n_ops, err));
    FK_DO(FK_CALLOC(&begin, g->n_ops, err));
    find_last_uses(p, last);
    for (int i = -1; i < p->n_steps; i++) {
        int node = i < 0 ? 0 : p->steps[i].node, k = 0;

        while (k < n && (last[holder[k]] >= i ||
                         memcmp(&p->layout[holder[k]], &p->layout[node], sizeof p->layout[0]) != 0))
            k++;
        if (k == n) {
            begin[n++] = p->memory;
            p->memory += fk_ceil_div(p->layout[node].count, FK_LANES) * FK_LANES;
        }
        holder[k] = node;
        p->place[node] = begin[k];
    }
done:
    fk_free(last);
    fk_free(holder);
    fk_free(begin);
    return st;
}

fleck_status fk_native_plan_init(fk_native_plan *out, const fk_graph *g, const bool *reads,
                                 const char *name, fleck_error *err)
{
    int *uses = NULL;
    fleck_status st;

    *out = (fk_native_plan){0};
    FK_DO(FK_CALLOC(&uses, g->n_ops, err));
    FK_DO(FK_CALLOC(&out->steps, g->n_ops, err));
    FK_DO(FK_CALLOC(&out->layout, g->n_ops, err));
    FK_DO(FK_CALLOC(&out->place, g->n_ops, err));
    count_uses(g, uses);
    for (int i = 0; i < g->n_ops; i++)
        if (!add_node(out, g, uses, i))
            FK_FAIL(err, FLECK_E_UNSUPPORTED,
                    "%s: the native engine runs dense convolutions with additions and ReLUs, and "
                    "pools; operation %d is another",
                    name, i);
    FK_DO(plan_taps(out, g, reads, err));
    plan_fold(out, g, uses);
    plan_layouts(out, g);
    FK_DO(plan_places(out, g, err));
done:
    fk_free(uses);
    if (st != FLECK_OK)
        fk_native_plan_free(out);
    return st;
}
