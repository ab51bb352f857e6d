/* SPDX-License-Identifier: Apache-2.0 */
/* The native engine's plan of a graph: operations joined into steps, and the memory of values. */
#ifndef FK_NET_NATIVE_PLAN_H
#define FK_NET_NATIVE_PLAN_H

#include "net/native/conv.h"

/* A convolution with the addition and the ReLU after it, or a pool. */
typedef struct fk_step {
    fk_op_kind kind; /* FK_OP_CONV, FK_OP_MAXPOOL or FK_OP_GLOBAL_AVGPOOL */
    int op;          /* node of the operation itself */
    int node;        /* node whose value the step computes */
    int in, other;   /* nodes it reads; other: the addend, -1 for none */
    bool relu;
} fk_step;

/* The channels of a tap that are read, in ascending order. */
typedef struct fk_native_tap {
    int64_t *channels, n;
} fk_native_tap;

/* Valid when zeroed; see fk_native_plan_free(). */
typedef struct fk_native_plan {
    fk_step *steps;
    int n_steps;
    bool folds;   /* the input is folded for the one step that reads it, see fk_conv_fold() */
    fk_op folded; /* that step's convolution */
    fk_native_tap taps[FK_MAX_TAPS];
    fk_blocked *layout; /* [n_ops] of the nodes that steps read or compute */
    int64_t *place;     /* [n_ops] offset of the value in a session's memory, in floats */
    int64_t memory;     /* floats of a session, zero at first; the padding of values stays zero */
} fk_native_plan;

/* reads: see fk_net_settings.  FLECK_E_UNSUPPORTED: an operation that the engine lacks (the message
 * names it); FLECK_E_NOMEM. */
fleck_status fk_native_plan_init(fk_native_plan *out, const fk_graph *g, const bool *reads,
                                 const char *name, fleck_error *err) FLECK_MUST_CHECK;
void fk_native_plan_free(fk_native_plan *p);
/* The convolution or pool of a step. */
const fk_op *fk_native_op(const fk_native_plan *p, const fk_graph *g, const fk_step *s);

#endif
