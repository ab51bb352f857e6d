/* SPDX-License-Identifier: Apache-2.0 */
/* A network as data: a list of operations with shapes inferred once, and named taps. */
#ifndef FK_GRAPH_GRAPH_H
#define FK_GRAPH_GRAPH_H

#include "base/error.h"

#define FK_MAX_TAPS 8    /* of a network in use */
#define FK_GRAPH_TAPS 32 /* of an architecture */
#define FK_NAME_SIZE 48
/* Least and greatest height and width of an input. */
#define FK_INPUT_MIN 32
#define FK_INPUT_MAX 16384

typedef enum fk_op_kind {
    FK_OP_INPUT,   /* [3, H, W], normalised RGB */
    FK_OP_CONV,    /* weight [Cout, Cin/groups, kh, kw] and bias [Cout], by name; zero padding */
    FK_OP_MAXPOOL, /* kernel, stride, padding (-inf) */
    FK_OP_RELU,
    FK_OP_RELU6,          /* min(max(x, 0), 6) */
    FK_OP_ADD,            /* two inputs of one shape */
    FK_OP_GLOBAL_AVGPOOL, /* [C, H, W] -> [C, 1, 1] */
    FK_OP_AVGPOOL,        /* kernel and stride, no padding */
    FK_OP_CONCAT,         /* two inputs, the second's channels (of tokens: the tokens) behind */
    FK_OP_AFFINE,         /* each channel times weight [C] plus bias [C]: a batch norm */
    /* Transformers: tokens [T, D] are rows, not channels first. */
    FK_OP_TOKENS,    /* map [D, h, w] -> [T, D]: class token, registers, one token a position */
    FK_OP_ROWS,      /* map [D, h, w] -> [h w, D] */
    FK_OP_LAYERNORM, /* each token to mean 0 and variance 1, then times weight [D] plus bias [D] */
    FK_OP_LINEAR,    /* each token times weight [Dout, D] transposed, plus bias [Dout] */
    FK_OP_GELU,      /* x (1 + erf(x / sqrt 2)) / 2 */
    FK_OP_ATTENTION, /* [T, 3 D], queries, keys and values side by side -> [T, D] */
    FK_OP_GRID       /* the tokens from `skip` on -> map [D, h, w] */
} fk_op_kind;

/* How a table of positions is resampled to another grid; see net/position.h. */
typedef enum fk_resample {
    FK_CUBIC_CORNERS, /* bicubic, the corners of both grids coincide */
    FK_CUBIC_OFFSET,  /* bicubic, with the step of a grid that is 0.1 positions larger */
    FK_CUBIC_SMOOTH   /* bicubic, with a wider kernel if the grid shrinks */
} fk_resample;

/* What FK_OP_TOKENS puts before the positions' tokens and adds to them. */
typedef struct fk_positions {
    int64_t registers; /* tokens between the class token and those of the positions */
    int64_t grid;      /* the table of positions in the weight file is grid x grid; 0: no table */
    fk_resample resample;
} fk_positions;

/* A map of height x width tokens, after skip others, whose queries and keys FK_OP_ATTENTION rotates
 * by their places; see net/position.h.  Height 0: none are. */
typedef struct fk_rotary {
    int64_t skip, height, width;
} fk_rotary;

/* One operation.  Its output is the node with the operation's index in the list. */
typedef struct fk_op {
    fk_op_kind kind;
    int input[2];              /* nodes, all before this one; -1: none */
    char weight[FK_NAME_SIZE]; /* "layer1.0.conv1": reads layer1.0.conv1.weight and .bias */
    int64_t channels, kernel, stride, groups; /* channels: of the output; kernel is square */
    int64_t pad_top, pad_bottom, pad_left, pad_right;
    int64_t out_channels, out_height, out_width; /* inferred */
    bool tokens; /* the output is [out_height, out_channels], T and D; out_width is 1 */
    int64_t heads, skip;
    fk_positions positions;
    fk_rotary rotary;
    double eps; /* added to the variance by a layer normalisation */
} fk_op;

typedef struct fk_tap {
    char name[FK_NAME_SIZE]; /* "layer1" */
    int node;
    int64_t stride; /* pixels from one position to the next, for messages */
} fk_tap;

/* Valid when zeroed; ops owned. */
typedef struct fk_graph {
    fk_op *ops;
    int n_ops, room;
    int64_t height, width;      /* of the input */
    fk_tap taps[FK_GRAPH_TAPS]; /* all taps the architecture offers, in order of depth */
    int n_taps;
    int pool_node; /* the global feature [C, 1, 1], -1: none */
} fk_graph;

void fk_graph_free(fk_graph *g);

/* Drop every operation that no kept node needs, so that the weights of dropped stages are not read.
 * The n taps in tap_names are kept, and g->taps then lists them in this order; want_pool keeps the
 * pool.  The numbers of the nodes change.
 *
 * Errors, with *g as it was:
 *   FLECK_E_OPTION    a tap that g lacks (the message lists those it has), a name twice, more than
 *                     FK_MAX_TAPS names
 *   FLECK_E_NOTFOUND  want_pool, and g has no pool
 *   FLECK_E_NOMEM */
fleck_status fk_graph_prune(fk_graph *g, const char *const *tap_names, int n, bool want_pool,
                            fleck_error *err) FLECK_MUST_CHECK;

/* Whether node `to` depends on node `from` (a node depends on itself).  FLECK_E_NOMEM. */
fleck_status fk_graph_feeds(const fk_graph *g, int from, int to, bool *out,
                            fleck_error *err) FLECK_MUST_CHECK;

/* One tensor of an operation in a weight file.  The graph owns the strings. */
#define FK_OP_TENSORS 3
typedef struct fk_op_tensor {
    const char *owner, *part; /* "conv1" and "weight"; part "": owner is the whole name */
    int ndim;
    int64_t shape[4];
} fk_op_tensor;

/* The tensors of node, 0 to FK_OP_TENSORS; returns their number.  A convolution, a linear layer, a
 * normalisation and FK_OP_AFFINE have weight and bias.  FK_OP_TOKENS has cls_token [1, 1, D], then,
 * if there is a table of positions, pos_embed [1, 1 + grid^2, D] and, if there are registers,
 * register_tokens [1, registers, D]. */
int fk_graph_tensors(fk_op_tensor out[FK_OP_TENSORS], const fk_graph *g, int node);
/* Whether an operation before node has the same tensors. */
bool fk_graph_repeats(const fk_graph *g, int node);
/* Bytes for any tensor's name with its prefix. */
#define FK_TENSOR_NAME_SIZE 128
/* prefix + owner + "." + part. */
void fk_op_tensor_name(char out[FK_TENSOR_NAME_SIZE], const char *prefix, const fk_op_tensor *t);

/* Number of elements of the largest node of g. */
int64_t fk_graph_largest(const fk_graph *g);

/* ---- Building: the description of an architecture ----
 *
 * Each call adds one operation, infers its shape and returns its node.  The first failure is kept
 * in the builder; later calls do nothing and return 0.  So a description is straight code that ends
 * with fk_build_finish(). */
typedef struct fk_builder {
    fk_graph *graph;
    fleck_status status;
    fleck_error *err;
} fk_builder;

/* A square window: kernel, stride, and padding on the four sides. */
typedef struct fk_window {
    int64_t kernel, stride, top, bottom, left, right;
} fk_window;

/* The same padding on all sides, as in PyTorch. */
fk_window fk_window_even(int64_t kernel, int64_t stride, int64_t pad);
/* TensorFlow's "SAME" padding for the size of `input`: ceil(size / stride) positions.  If the
 * number of padded rows or columns is odd, the larger half is at the bottom or right. */
fk_window fk_window_same(const fk_builder *b, int input, int64_t kernel, int64_t stride);

/* Begin an empty graph for an input of height x width; node 0 is the input.  A size outside
 * FK_INPUT_MIN to FK_INPUT_MAX is FLECK_E_SHAPE. */
fk_builder fk_build_begin(fk_graph *g, int64_t height, int64_t width, fleck_error *err);
int fk_build_conv(fk_builder *b, int input, const char *weight, fk_window w, int64_t channels,
                  int64_t groups);
int fk_build_maxpool(fk_builder *b, int input, fk_window w);
int fk_build_avgpool(fk_builder *b, int input, int64_t kernel, int64_t stride);
int fk_build_relu(fk_builder *b, int input);
int fk_build_relu6(fk_builder *b, int input);
int fk_build_add(fk_builder *b, int input, int other);
int fk_build_concat(fk_builder *b, int input, int other);
int fk_build_affine(fk_builder *b, int input, const char *weight);
/* Add a global average pool and make it the graph's global feature; returns its node. */
int fk_build_pool(fk_builder *b, int input);
int fk_build_tokens(fk_builder *b, int input, const fk_positions *positions);
int fk_build_rows(fk_builder *b, int input);
int fk_build_layernorm(fk_builder *b, int input, const char *weight, double eps);
int fk_build_linear(fk_builder *b, int input, const char *weight, int64_t channels);
int fk_build_gelu(fk_builder *b, int input);
int fk_build_attention(fk_builder *b, int input, int64_t heads, fk_rotary rotary);
/* The tokens skip to skip + height * width - 1 as a map. */
int fk_build_grid(fk_builder *b, int input, int64_t skip, int64_t height, int64_t width);
/* Make a node [C, 1, 1] the graph's global feature. */
void fk_build_global(fk_builder *b, int node);
/* Refuse an input whose sides are not multiples of `multiple`: FLECK_E_SHAPE, with the nearest
 * sizes that are. */
void fk_build_need_multiple(fk_builder *b, int64_t multiple);
/* Make a node a tap.  Taps are added in order of depth. */
void fk_build_tap(fk_builder *b, int node, const char *name, int64_t stride);
/* The status of all calls; on failure the graph is freed. */
fleck_status fk_build_finish(fk_builder *b) FLECK_MUST_CHECK;

/* A tap: features that a network gives at one scale, [channels, height, width]. */
typedef struct fk_tap_info {
    char name[FK_NAME_SIZE];
    int64_t channels, height, width;
} fk_tap_info;

#endif
