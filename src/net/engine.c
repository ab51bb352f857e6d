/* SPDX-License-Identifier: Apache-2.0 */
/* What all engines share: names of engines and precisions, what this build and this processor
 * support, and the outputs of a graph. */
#include "net/engine.h"
#include "base/nearest.h"
#include "net/native/kernels.h"

#include <stdio.h>
#include <string.h>

static const char *const engine_names[] = {"openvino", "reference", "native"};
static const char *const precision_names[] = {"f32", "bf16", "f16"};

const char *fk_engine_name(fk_engine engine)
{
    return engine_names[engine];
}

bool fk_engine_parse(const char *name, fk_engine *out)
{
    for (int i = 0; i < FK_ENGINE_COUNT; i++)
        if (strcmp(name, engine_names[i]) == 0) {
            *out = (fk_engine)i;
            return true;
        }
    return false;
}

bool fk_engine_built(fk_engine engine)
{
#ifdef FLECK_WITH_OPENVINO
    (void)engine;
    return true;
#else
    return engine != FK_ENGINE_OPENVINO;
#endif
}

fk_engine fk_engine_fastest(const fk_arch *arch, fk_precision precision)
{
    bool runs = arch != NULL && arch->dense && precision == FK_PRECISION_F32;

    if (runs && (fk_kernels_pick() != &fk_kernels_plain || !fk_engine_built(FK_ENGINE_OPENVINO)))
        return FK_ENGINE_NATIVE;
    return fk_engine_built(FK_ENGINE_OPENVINO) ? FK_ENGINE_OPENVINO : FK_ENGINE_REFERENCE;
}

const char *fk_precision_name(fk_precision precision)
{
    return precision_names[precision];
}

/* Every processor with AMX-BF16 has AVX512-BF16 too, so one check is enough. */
static bool has_fast_bf16(void)
{
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    return __builtin_cpu_supports("avx512bf16");
#else
    return false;
#endif
}

bool fk_precision_parse(const char *name, fk_precision *out)
{
    for (int i = 0; i < 3; i++)
        if (strcmp(name, precision_names[i]) == 0) {
            *out = (fk_precision)i;
            return true;
        }
    if (strcmp(name, "auto") != 0)
        return false;
    *out = has_fast_bf16() ? FK_PRECISION_BF16 : FK_PRECISION_F32;
    return true;
}

fleck_status fk_precision_named(fk_precision *out, const char *name, fleck_error *err)
{
    char meant[FK_MEANT];

    if (fk_precision_parse(name, out))
        return FLECK_OK;
    return fk_error_set(err, FLECK_E_OPTION,
                        "precision: expected f32, bf16, f16 or auto, got \"%s\"%s", name,
                        fk_nearest_choice(meant, "f32|bf16|f16|auto", name));
}

void fk_engine_graph_outputs(const fk_graph *g, fk_net_outputs *outputs)
{
    *outputs = (fk_net_outputs){.n_taps = g->n_taps};
    for (int i = 0; i < g->n_taps; i++) {
        const fk_op *op = &g->ops[g->taps[i].node];

        memcpy(outputs->taps[i].name, g->taps[i].name, sizeof outputs->taps[i].name);
        outputs->taps[i].channels = op->out_channels;
        outputs->taps[i].height = op->out_height;
        outputs->taps[i].width = op->out_width;
    }
    if (g->pool_node >= 0)
        outputs->pool_dim = g->ops[g->pool_node].out_channels;
}
