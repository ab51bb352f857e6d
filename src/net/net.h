/* Running a network: weights plus graph, compiled once for an input size, run by many threads. */
#ifndef FK_NET_NET_H
#define FK_NET_NET_H

#include "net/arch.h"
#include "tensor/safetensors.h"

typedef enum fk_engine { FK_ENGINE_OPENVINO, FK_ENGINE_REFERENCE } fk_engine;
typedef enum fk_precision { FK_PRECISION_F32, FK_PRECISION_BF16, FK_PRECISION_F16 } fk_precision;

const char *fk_engine_name(fk_engine engine);
bool fk_engine_parse(const char *name, fk_engine *out);
/* Whether this build contains the engine. */
bool fk_engine_built(fk_engine engine);
/* "OpenVINO 2026.4.1-..." or "fleck reference"; static text. */
const char *fk_engine_version(fk_engine engine);

const char *fk_precision_name(fk_precision precision);
/* "f32", "bf16", "f16"; "auto" resolves to what this processor runs fastest without software
 * emulation: bf16 with AMX-BF16 or AVX512-BF16, else f32.  Never depends on the runtime's choice.
 */
bool fk_precision_parse(const char *name, fk_precision *out);

typedef struct fk_tap_info {
    char name[FK_NAME_SIZE];
    int64_t channels, height, width;
} fk_tap_info;

/* Where the network comes from: a built-in architecture with weights, or a user's ONNX model whose
 * outputs are the taps (each [1, C, h, w], largest first; a [1, G] or [1, G, 1, 1] output is taken
 * as the global feature). */
typedef struct fk_net_source {
    const fk_arch *arch;         /* NULL for ONNX */
    const fk_st_reader *weights; /* of arch; must outlive the net */
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
    float mean[3], scale[3];       /* (u8/255 - mean) / scale, inside the compiled graph */
    const char *taps[FK_MAX_TAPS]; /* wanted, NULL-terminated; NULL first: all (ONNX) */
    bool pool;                     /* also the global average pool (or global output) */
} fk_net_settings;

typedef struct fk_net fk_net;
typedef struct fk_net_session fk_net_session;

/* Check shapes of all weights that the wanted taps need and compile.  A weight that the file lacks
 * is FLECK_E_NOTFOUND and says file, tensor and which tap or pool needs it. */
fleck_status fk_net_open(fk_net **out, const fk_net_source *source, const fk_net_settings *settings,
                         fleck_error *err) FLECK_MUST_CHECK;
void fk_net_close(fk_net **net);

int fk_net_tap_count(const fk_net *net);
const fk_tap_info *fk_net_tap(const fk_net *net, int i);
/* Width of the global feature; 0 where settings.pool was false. */
int64_t fk_net_pool_dim(const fk_net *net);

/* One session a thread; the net must outlive it. */
fleck_status fk_net_session_open(fk_net_session **out, fk_net *net,
                                 fleck_error *err) FLECK_MUST_CHECK;
void fk_net_session_close(fk_net_session **session);

/* Run one image, rgb [H, W, 3] u8.  taps[i] becomes a view [C, h, w] f32 and *pool one of [G] (pool
 * may be NULL), both borrowed from the session until its next run.  The same bytes on any thread.
 */
fleck_status fk_net_run(fk_net_session *session, const uint8_t *rgb, const float **taps,
                        const float **pool, fleck_error *err) FLECK_MUST_CHECK;

#endif
