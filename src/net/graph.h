/* A network as data: a list of operations with shapes inferred once, and named taps. */
#ifndef FK_NET_GRAPH_H
#define FK_NET_GRAPH_H

#include "base/error.h"

#define FK_MAX_TAPS 8
#define FK_NAME_SIZE 48

typedef enum fk_op_kind {
    FK_OP_INPUT,   /* [3, H, W], normalised RGB */
    FK_OP_CONV,    /* weight [Cout, Cin/groups, kh, kw] and bias [Cout], by name */
    FK_OP_MAXPOOL, /* kernel, stride, padding (-inf) */
    FK_OP_RELU,
    FK_OP_RELU6,
    FK_OP_ADD,           /* two inputs of one shape */
    FK_OP_GLOBAL_AVGPOOL /* [C, H, W] -> [C] */
} fk_op_kind;

/* One operation; its output is node number = its place in the list. */
typedef struct fk_op {
    fk_op_kind kind;
    int input[2];
    char weight[FK_NAME_SIZE]; /* "layer1.0.conv1": reads layer1.0.conv1.weight and .bias */
    int64_t channels, kernel, stride, groups;
    int64_t pad_before, pad_after;               /* the same on both axes; before is top and left */
    int64_t out_channels, out_height, out_width; /* inferred; [C, 1, 1] after the pool */
} fk_op;

typedef struct fk_tap {
    char name[FK_NAME_SIZE]; /* "layer1" */
    int node;
    int64_t stride; /* pixels a position, for messages */
} fk_tap;

/* Valid when zeroed; ops owned. */
typedef struct fk_graph {
    fk_op *ops;
    int n_ops, room;
    int64_t height, width;    /* of the input */
    fk_tap taps[FK_MAX_TAPS]; /* all taps the architecture offers, in order of depth */
    int n_taps;
    int pool_node; /* the global average pool, -1 where there is none */
} fk_graph;

void fk_graph_free(fk_graph *g);
/* Drop every operation that none of the kept nodes needs, so that weights of absent stages are not
 * asked for.  tap_names lists the taps kept; want_pool keeps the pool. */
fleck_status fk_graph_prune(fk_graph *g, const char *const *tap_names, int n, bool want_pool,
                            fleck_error *err) FLECK_MUST_CHECK;

#endif
