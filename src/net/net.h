/* SPDX-License-Identifier: Apache-2.0 */
/* Running a network: weights and graph are compiled once for an input size, and run by many
 * threads. */
#ifndef FK_NET_NET_H
#define FK_NET_NET_H

#include "base/pool.h"
#include "graph/arch.h"
#include "tensor/safetensors.h"

typedef enum fk_engine { FK_ENGINE_OPENVINO, FK_ENGINE_REFERENCE, FK_ENGINE_NATIVE } fk_engine;
#define FK_ENGINE_COUNT 3
typedef enum fk_precision { FK_PRECISION_F32, FK_PRECISION_BF16, FK_PRECISION_F16 } fk_precision;

const char *fk_engine_name(fk_engine engine);
bool fk_engine_parse(const char *name, fk_engine *out);
/* The default engine of a network (arch NULL: an ONNX model): native for dense networks in f32 on
 * processors with AVX2 or AVX-512, where it was measured to be the fastest; else OpenVINO; in
 * builds without OpenVINO an engine that can run the network. */
fk_engine fk_engine_fastest(const fk_arch *arch, fk_precision precision);
/* Whether this build contains the engine. */
bool fk_engine_built(fk_engine engine);
/* Bytes for a version's text. */
#define FK_ENGINE_VERSION_SIZE 128
/* Write "OpenVINO 2026.4.1-22982-..." or "fleck reference" into buffer, truncated if it does not
 * fit.  Returns buffer. */
const char *fk_engine_version(fk_engine engine, char *buffer, size_t size);

const char *fk_precision_name(fk_precision precision);
/* "f32", "bf16", "f16", or "auto": the fastest on this processor without emulation, bf16 if it has
 * AVX512-BF16 (as every processor with AMX-BF16), else f32.  OpenVINO's own choice has no part in
 * it.  False for any other word, which leaves *out. */
bool fk_precision_parse(const char *name, fk_precision *out);
/* The same for a caller's word: FLECK_E_OPTION lists the precisions and the nearest one. */
fleck_status fk_precision_named(fk_precision *out, const char *name,
                                fleck_error *err) FLECK_MUST_CHECK;

/* The source of a network: a built-in architecture with weights, or a user's ONNX model.  The
 * model's outputs are the taps: each is float32 [1, C, h, w], the largest h * w first, equal sizes
 * in the model's order.  One output [1, G] or [1, G, 1, 1] is the global feature. */
typedef struct fk_net_source {
    const fk_arch *arch;         /* NULL for ONNX */
    const fk_st_reader *weights; /* of arch; must outlive the net, which reads them in place */
    const char *prefix;          /* before each tensor's name there; "" or "backbone." */
    const void *onnx;            /* bytes of the .onnx file; must outlive the net */
    size_t onnx_size;
    const char *name; /* for messages: the weight file or .onnx path */
} fk_net_source;

typedef struct fk_net_settings {
    fk_engine engine;
    fk_precision precision;
    int threads;                   /* sessions that run at once */
    int64_t height, width;         /* of the input */
    float mean[3], scale[3];       /* (u8/255 - mean) / scale, each step rounded to float */
    const char *taps[FK_MAX_TAPS]; /* in this order, NULL-terminated; none: the architecture's
                                      default taps, or all of an ONNX model */
    bool pool;                     /* the global average pool (or global output) too */
    /* NULL, or [channels of all taps, in order]: false for a channel that is not read.  An engine
     * may leave it out and give zeros.  Only if taps are named.  Borrowed until the net is open. */
    const bool *reads;
} fk_net_settings;

typedef struct fk_net fk_net;
typedef struct fk_net_session fk_net_session;

/* Check the shapes of all weights that the taps need, and compile.  source and settings are copied;
 * what they point to stays the caller's.
 *
 * Cost: OpenVINO takes some 0.1 s and the memory of the weights once more; the native engine 0.03
 * s, and four times the memory of the weights of 3 x 3 convolutions, once that of others; the
 * reference engine nothing.  Errors, with *out NULL; messages name the file:
 *   FLECK_E_NOTFOUND     a tensor that the file lacks (says which tap or pool needs it); the pool
 *                        of an ONNX model that has no global output
 *   FLECK_E_SHAPE        a tensor of another shape; an input size that the network cannot have
 *   FLECK_E_OPTION       an unknown tap (says which there are), a scale of 0, threads below 1
 *   FLECK_E_UNSUPPORTED  an engine that this build lacks, a precision that this processor lacks
 *                        (OpenVINO would compute in another), outputs of another kind, ONNX with
 *                        another engine than OpenVINO, a network that the native one lacks
 *                        operations for
 *   FLECK_E_FORMAT       bytes that OpenVINO cannot read as an ONNX model
 *   FLECK_E_LIMIT        more than FK_MAX_TAPS outputs, a name that does not fit fk_tap_info
 *   FLECK_E_ENGINE       the runtime failed
 *   FLECK_E_NOMEM */
fleck_status fk_net_open(fk_net **out, const fk_net_source *source, const fk_net_settings *settings,
                         fleck_error *err) FLECK_MUST_CHECK;
void fk_net_close(fk_net **net);
/* Check shapes of all weights that the wanted taps need, as fk_net_open() does, and no more. */
fleck_status fk_net_check(const fk_net_source *source, const fk_net_settings *settings,
                          fleck_error *err) FLECK_MUST_CHECK;

int fk_net_tap_count(const fk_net *net);
const fk_tap_info *fk_net_tap(const fk_net *net, int i);
/* Width of the global feature; 0 if settings.pool was false. */
int64_t fk_net_pool_dim(const fk_net *net);

/* Each thread has a session of its own; the net must outlive it.  More sessions than
 * settings.threads are legal, but wait for each other. */
fleck_status fk_net_session_open(fk_net_session **out, fk_net *net,
                                 fleck_error *err) FLECK_MUST_CHECK;
void fk_net_session_close(fk_net_session **session);

/* Run n images, rgb [H, W, 3] u8, each in a session of its own, on all of `threads`; no other run
 * of the net may be under way.  With threads NULL they run on the calling thread, beside other
 * runs.  The native engine runs each convolution on all images together, so that its weights are
 * read from memory once; the other engines run each image on one thread.  The bytes are the same on
 * any thread, for any n and any number of threads.
 * FLECK_E_ENGINE. */
fleck_status fk_net_run_together(fk_net_session *const *sessions, const uint8_t *const *rgb,
                                 int64_t n, fk_pool *threads, fleck_error *err) FLECK_MUST_CHECK;
/* The results of the session's last run: taps[i] becomes a view [C, h, w] f32 and *pool one of [G]
 * (pool may be NULL; *pool is NULL if settings.pool was false).  Both are borrowed from the session
 * until its next run. */
void fk_net_view(const fk_net_session *session, const float **taps, const float **pool);

#endif
