/* Running a network: weights plus graph, compiled once for an input size, run by many threads. */
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
/* The engine to take for a network (arch NULL: an ONNX model) where the caller has none in mind:
 * the native one for dense networks in f32 where it was measured to be the fastest, on processors
 * with AVX2 or AVX-512; else OpenVINO; in builds without that what can run the network. */
fk_engine fk_engine_fastest(const fk_arch *arch, fk_precision precision);
/* Whether this build contains the engine. */
bool fk_engine_built(fk_engine engine);
/* Most bytes of a version's text. */
#define FK_ENGINE_VERSION_SIZE 128
/* "OpenVINO 2026.4.1-22982-..." or "fleck reference" into buffer, which is also returned; cut where
 * it does not fit. */
const char *fk_engine_version(fk_engine engine, char *buffer, size_t size);

const char *fk_precision_name(fk_precision precision);
/* "f32", "bf16", "f16"; "auto" resolves to what this processor runs fastest without software
 * emulation: bf16 where it has AVX512-BF16 (every processor with AMX-BF16 does), else f32.  Never
 * depends on the runtime's choice.  False, with *out untouched, for any other word. */
bool fk_precision_parse(const char *name, fk_precision *out);
/* The same of what a caller wrote: FLECK_E_OPTION says what there is, and what was meant. */
fleck_status fk_precision_named(fk_precision *out, const char *name,
                                fleck_error *err) FLECK_MUST_CHECK;

/* Where the network comes from: a built-in architecture with weights, or a user's ONNX model whose
 * outputs are the taps (each float32 [1, C, h, w], largest h * w first, equal sizes in the model's
 * order; one [1, G] or [1, G, 1, 1] output is taken as the global feature). */
typedef struct fk_net_source {
    const fk_arch *arch;         /* NULL for ONNX */
    const fk_st_reader *weights; /* of arch; must outlive the net, which reads them in place */
    const char *prefix;          /* in front of each tensor name there; "" or "backbone." */
    const void *onnx;            /* bytes of the .onnx file; must outlive the net */
    size_t onnx_size;
    const char *name; /* for messages: the weight file or .onnx path */
} fk_net_source;

typedef struct fk_net_settings {
    fk_engine engine;
    fk_precision precision;
    int threads;                   /* sessions that run at once; each runs on one thread */
    int64_t height, width;         /* of the input */
    float mean[3], scale[3];       /* (u8/255 - mean) / scale, each step rounded to float */
    const char *taps[FK_MAX_TAPS]; /* wanted, in this order; NULL-terminated where fewer.  NULL
                                      first: the architecture's default taps, or all of ONNX's */
    bool pool;                     /* also the global average pool (or global output) */
    /* NULL, or [channels of all taps, in order]: false where nobody reads that channel.  An engine
     * may leave it out, and gives zeros then.  Of use where taps are named.  Borrowed until the net
     * is open. */
    const bool *reads;
} fk_net_settings;

typedef struct fk_net fk_net;
typedef struct fk_net_session fk_net_session;

/* Check shapes of all weights that the wanted taps need and compile.  source and settings are
 * copied; what they point to by contract stays the caller's.
 *
 * Cost: some 0.1 s and the weights once more with OpenVINO; with the native engine 0.03 s and four
 * times the weights of 3 x 3 convolutions, once those of others; nothing with the reference engine.
 * Errors, with *out NULL; messages name the file:
 *   FLECK_E_NOTFOUND     a tensor that the file lacks (says which tap or pool needs it); the pool
 *                        of an ONNX model that has no global output
 *   FLECK_E_SHAPE        a tensor of another shape; an input size that the network cannot take
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
/* Width of the global feature; 0 where settings.pool was false. */
int64_t fk_net_pool_dim(const fk_net *net);

/* One session a thread; the net must outlive it.  More sessions than settings.threads are legal;
 * they wait for each other. */
fleck_status fk_net_session_open(fk_net_session **out, fk_net *net,
                                 fleck_error *err) FLECK_MUST_CHECK;
void fk_net_session_close(fk_net_session **session);

/* Run n images, rgb [H, W, 3] u8, each in a session of its own, on all of `threads`, at most
 * settings.threads: no other run of the net is under way then.  threads NULL: on the caller's,
 * beside others.  The native engine takes them through each convolution together, so that its
 * weights are fetched from memory once; with the others each image has one thread.  The same bytes
 * on any thread, for any n and any settings.threads.  FLECK_E_ENGINE. */
fleck_status fk_net_run_together(fk_net_session *const *sessions, const uint8_t *const *rgb,
                                 int64_t n, fk_pool *threads, fleck_error *err) FLECK_MUST_CHECK;
/* What the session's last run gave: taps[i] becomes a view [C, h, w] f32 and *pool one of [G] (pool
 * may be NULL;
 * *pool is NULL where settings.pool was false), both borrowed from the session until its next
 * run. */
void fk_net_view(const fk_net_session *session, const float **taps, const float **pool);

#endif
