/* SPDX-License-Identifier: Apache-2.0 */
/* The model in memory: ownership, and what its network is built from. */
#include "model/model.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

void fk_model_free(fk_model *m)
{
    if (m->method != NULL && m->state != NULL)
        m->method->free(m->state);
    fk_calibration_free(&m->calibration);
    fk_kind_free(&m->kind);
    fk_options_free(&m->options);
    fk_embed_spec_free(&m->embed);
    fk_foreground_free(&m->foreground);
    fk_free(m->backbone);
    fk_free(m->weights_source);
    fk_free(m->weights_digest);
    fk_free(m->engine);
    fk_free(m->category);
    fk_free(m->version);
    fk_free(m->checks);
    fk_free(m->mask);
    fk_free(m->areas);
    fk_free(m->more);
    fk_contents_free(&m->onnx_file);
    fk_st_close(&m->weights); /* last: the state may be views into it */
    *m = (fk_model){0};
}

fk_map_size fk_preprocess_input(const fk_preprocess *p)
{
    if (p->tile > 0)
        return (fk_map_size){p->tile, p->tile};
    return (fk_map_size){p->crop_height, p->crop_width};
}

fk_map_size fk_preprocess_canvas(const fk_preprocess *p, int64_t width, int64_t height)
{
    if (p->width == 0)
        return (fk_map_size){height, width};
    return (fk_map_size){p->crop_height, p->crop_width};
}

int64_t fk_model_images(const fk_model *m)
{
    return m->pre.tile > 0 ? m->images
                           : m->method->count(m->state) / (m->pre.turns > 1 ? m->pre.turns : 1);
}

fk_net_source fk_model_source(const fk_model *m)
{
    return (fk_net_source){.arch = m->arch,
                           .weights = m->arch != NULL ? m->weights : NULL,
                           .prefix = m->prefix,
                           .onnx = m->onnx,
                           .onnx_size = m->onnx_size,
                           .name = m->weights != NULL ? fk_st_name(m->weights) : m->backbone};
}

fk_net_settings fk_model_net_settings(const fk_model *m, int threads)
{
    fk_map_size input = fk_preprocess_input(&m->pre);
    fk_net_settings s = {.engine = m->runs_on,
                         .precision = m->precision,
                         .threads = threads,
                         .height = input.height,
                         .width = input.width,
                         .pool = strcmp(m->embed.global, "pool") == 0};

    for (int i = 0; i < 3; i++) {
        s.mean[i] = m->pre.mean[i];
        s.scale[i] = m->pre.scale[i];
    }
    for (int i = 0; i < m->n_taps; i++)
        s.taps[i] = m->taps[i].name;
    return s;
}

bool fk_model_scores_maps(const fk_model *m)
{
    return m->pooling.kind != FK_POOLING_METHOD || m->method->score_kind == FK_SCORE_MAP_MAX;
}

double fk_model_threshold(const fk_model *m)
{
    return fk_pooling_same(m->pooling, m->fitted_pooling) ? m->calibration.threshold : (double)NAN;
}
