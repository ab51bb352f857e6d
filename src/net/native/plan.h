/* A graph as the native engine runs it: operations joined into steps, and where values lie. */
#ifndef FK_NET_NATIVE_PLAN_H
#define FK_NET_NATIVE_PLAN_H

#include "net/native/conv.h"

/* A convolution with the addition and the ReLU behind it, or a pool. */
typedef struct fk_step {
    fk_op_kind kind; /* FK_OP_CONV, FK_OP_MAXPOOL or FK_OP_GLOBAL_AVGPOOL */
    int op;          /* node of the operation itself */
    int node;        /* node whose value the step gives */
    int in, other;   /* nodes it reads; other: what is added, -1 where nothing is */
    bool relu;
} fk_step;

/* The channels read of a tap, ascending. */
typedef struct fk_native_tap {
    int64_t *channels, n;
} fk_native_tap;

/* Valid when zeroed; see fk_native_plan_free(). */
typedef struct fk_native_plan {
    fk_step *steps;
    int n_steps;
    bool folds;   /* the input lies folded, see fk_conv_fold(), for the one step that reads it */
    fk_op folded; /* what that step then is */
    fk_native_tap taps[FK_MAX_TAPS];
    fk_blocked *layout; /* [n_ops] of the nodes that steps read or give */
    int64_t *place;     /* [n_ops] where in a session's memory the value begins, in floats */
    int64_t memory;     /* floats of a session, zero at first: what lies around values stays zero */
} fk_native_plan;

/* reads: see fk_net_settings.  FLECK_E_UNSUPPORTED: an operation that the engine lacks (the message
 * names it); FLECK_E_NOMEM. */
fleck_status fk_native_plan_init(fk_native_plan *out, const fk_graph *g, const bool *reads,
                                 const char *name, fleck_error *err) FLECK_MUST_CHECK;
void fk_native_plan_free(fk_native_plan *p);
/* The convolution or pool that a step runs. */
const fk_op *fk_native_op(const fk_native_plan *p, const fk_graph *g, const fk_step *s);

#endif
