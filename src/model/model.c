/* SPDX-License-Identifier: Apache-2.0 */
/* The model in memory: ownership, and what its networks are built from. */
#include "model/model.h"
#include "base/mem.h"

#include <math.h>
#include <stdio.h>
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
    fk_free(m->engine);
    fk_free(m->category);
    fk_free(m->version);
    fk_free(m->checks);
    fk_free(m->mask);
    fk_free(m->areas);
    fk_free(m->more);
    for (int k = 0; k < FK_MODEL_NETS; k++) {
        fk_free(m->nets[k].source);
        fk_free(m->nets[k].digest);
        fk_contents_free(&m->nets[k].onnx_file);
        fk_st_close(&m->nets[k].weights);
    }
    fk_st_close(&m->file); /* last: the state may be views into it */
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

/* The architecture called text[0..length), for a message about `all`. */
static fleck_status find_arch(const fk_arch **out, const char *text, size_t length, const char *all,
                              fleck_error *err)
{
    char name[FK_NAME_SIZE], meant[FK_MEANT];

    snprintf(name, sizeof name, "%.*s", (int)length, text);
    *out = fk_arch_find(name);
    if (*out != NULL)
        return FLECK_OK;
    return fk_error_set(err, FLECK_E_OPTION,
                        "backbone: %s: \"%s\" is not built in, as joined networks must be (`fleck "
                        "weights list` names them)%s",
                        all, name, fk_arch_meant(meant, name));
}

fleck_status fk_model_archs(const fk_arch *out[FK_MODEL_NETS], int *n, const char *text,
                            fleck_error *err)
{
    int count = 0;
    fleck_status st;

    *n = 0;
    for (const char *p = text;; p++) {
        size_t length = strcspn(p, "+");

        if (count == FK_MODEL_NETS)
            FK_FAIL(err, FLECK_E_OPTION, "backbone: %s: expected %d networks at most", text,
                    FK_MODEL_NETS);
        FK_DO(find_arch(&out[count], p, length, text, err));
        for (int k = 0; k < count; k++)
            if (out[k] == out[count])
                FK_FAIL(err, FLECK_E_OPTION, "backbone: %s: %s is named twice", text, out[k]->name);
        count++;
        p += length;
        if (*p == '\0')
            break;
    }
    *n = count;
done:
    return st;
}

const char *fk_model_net_name(const fk_model *m, int k)
{
    return m->nets[k].arch != NULL ? m->nets[k].arch->name : m->backbone;
}

const char *fk_model_tap_name(const fk_model *m, int i)
{
    const char *name = m->taps[i].name;

    return m->n_nets > 1 ? name + strlen(fk_model_net_name(m, m->tap_net[i])) + 1 : name;
}

void fk_model_net_prefix(char out[FK_NET_PREFIX], const fk_model *m, int k)
{
    if (m->n_nets > 1)
        snprintf(out, FK_NET_PREFIX, "backbone.%s.", fk_model_net_name(m, k));
    else
        snprintf(out, FK_NET_PREFIX, "backbone.");
}

fk_st_reader *fk_model_net_file(const fk_model *m, int k)
{
    return m->nets[k].weights != NULL ? m->nets[k].weights : m->file;
}

fk_net_source fk_model_source(const fk_model *m, int k)
{
    const fk_model_net *net = &m->nets[k];
    const fk_st_reader *file = fk_model_net_file(m, k);

    return (fk_net_source){.arch = net->arch,
                           .weights = net->arch != NULL ? file : NULL,
                           .prefix = net->prefix,
                           .onnx = net->onnx,
                           .onnx_size = net->onnx_size,
                           .name = file != NULL ? fk_st_name(file) : m->backbone};
}

fk_net_settings fk_model_net_settings(const fk_model *m, int k, int threads)
{
    const fk_model_net *net = &m->nets[k];
    fk_map_size input = fk_preprocess_input(&m->pre);
    fk_net_settings s = {.engine = net->runs_on,
                         .precision = m->precision,
                         .threads = threads,
                         .height = input.height,
                         .width = input.width,
                         .pool = strcmp(m->embed.global, "pool") == 0};
    int n = 0;

    for (int i = 0; i < 3; i++) {
        s.mean[i] = net->mean[i];
        s.scale[i] = net->scale[i];
    }
    for (int i = 0; i < m->n_taps; i++)
        if (m->tap_net[i] == k)
            s.taps[n++] = fk_model_tap_name(m, i);
    return s;
}

fleck_status fk_model_restore(const fk_model *m, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    for (int k = 0; k < m->n_nets; k++) {
        fk_st_reader *file = fk_model_net_file(m, k);

        if (file != NULL)
            FK_DO(fk_st_restore(file, err));
    }
done:
    return st;
}

bool fk_model_scores_maps(const fk_model *m)
{
    return m->pooling.kind != FK_POOLING_METHOD || m->method->score_kind == FK_SCORE_MAP_MAX;
}

double fk_model_threshold(const fk_model *m)
{
    return fk_pooling_same(m->pooling, m->fitted_pooling) ? m->calibration.threshold : (double)NAN;
}
