/* SPDX-License-Identifier: Apache-2.0 */
/* The interface of an engine: functions on a plan, and on buffers that net.c owns. */
#ifndef FK_NET_ENGINE_H
#define FK_NET_ENGINE_H

#include "net/net.h"

/* Numbers of fk_net_plan.constants. */
#define FK_NET_CONSTANTS 128

/* What to run.  All of it is borrowed from the net, which outlives its engine. */
typedef struct fk_net_plan {
    const fk_graph *graph; /* pruned; NULL for an ONNX model */
    /* [n_ops], NULL for ops without weights.  For FK_OP_TOKENS weights is [T, D], the tokens before
     * the grid's, with the class token's position added, and the positions of the grid; biases is
     * NULL.  For FK_OP_ATTENTION with rotary positions weights is the [2, T, D / heads] of
     * fk_position_rotate(). */
    const float *const *weights, *const *biases;
    const uint8_t *blob; /* bytes that hold all weights and biases */
    int64_t *constants;  /* [FK_NET_CONSTANTS] in blob, for an engine's own constants; NULL if
                            weights are used in place, as only those of graphs without tokens are */
    int64_t blob_size;
    const void *onnx; /* if graph is NULL */
    size_t onnx_size;
    const bool *reads;       /* as in the settings; only while the engine opens */
    const char *const *taps; /* outputs of an ONNX model that are taps, NULL-terminated; none:
                                all */
    bool pool;
    const char *name; /* name of the file, for messages */
    fk_precision precision;
    int threads;
    int64_t height, width;
    const float (*normalised)[256]; /* [3] the normalised values of each channel */
} fk_net_plan;

typedef struct fk_net_outputs {
    fk_tap_info taps[FK_MAX_TAPS];
    int n_taps;
    int64_t pool_dim; /* 0: no pool */
} fk_net_outputs;

/* Memory of one session. */
typedef struct fk_net_buffers {
    float *input;             /* [3, H, W], normalised; NULL for an engine that reads pixels */
    const uint8_t *rgb;       /* [H, W, 3], for an engine that reads pixels */
    float *taps[FK_MAX_TAPS]; /* [C, h, w] each */
    float *pool;              /* [pool_dim], or NULL */
} fk_net_buffers;

typedef struct fk_engine_table {
    /* Check the plan, compile, and fill outputs. */
    fleck_status (*open)(void **out, const fk_net_plan *plan, fk_net_outputs *outputs,
                         fleck_error *err);
    void (*close)(void *engine);
    fleck_status (*session_open)(void **out, void *engine, const fk_net_buffers *buffers,
                                 fleck_error *err);
    void (*session_close)(void *session);
    /* Compute the other buffers from buffers.input or rgb; NULL if run_together is there. */
    fleck_status (*run)(void *session, fleck_error *err);
    /* The same for n sessions at once, on all threads of pool; NULL in an engine that runs one
     * image on one thread. */
    fleck_status (*run_together)(void *const *sessions, int64_t n, fk_pool *pool, fleck_error *err);
    bool pixels; /* normalises while it reads buffers.rgb */
} fk_engine_table;

extern const fk_engine_table fk_engine_reference, fk_engine_native;
#ifdef FLECK_WITH_OPENVINO
extern const fk_engine_table fk_engine_openvino;
/* "OpenVINO 2026.4.1-...", truncated to size. */
void fk_openvino_version(char *out, size_t size);
#endif

/* The outputs of a pruned graph. */
void fk_engine_graph_outputs(const fk_graph *g, fk_net_outputs *outputs);

#endif
