/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a .fleck file: a safetensors file whose metadata holds one JSON text,
 * docs/reference/formats.md. */
#include "base/mem.h"
#include "model/model.h"

#include <math.h>
#include <stdio.h>

static fleck_status no_json(fleck_error *err)
{
    return fk_error_set(err, FLECK_E_NOMEM, "the model's description could not be made");
}

static bool put_triple(fk_json *object, const char *key, const float v[3])
{
    fk_json *array = fk_json_array();

    for (int i = 0; i < 3; i++)
        if (!fk_json_push_real(array, (double)v[i]))
            return false;
    return fk_json_put(object, key, array);
}

/* Write what decides how the pixels of a file become 8 bits. */
static bool put_pixels(fk_json *p, const fk_preprocess *pre)
{
    fk_json *window = pre->high > 0 ? fk_json_array() : NULL;
    fk_json *background = pre->blend ? fk_json_array() : NULL;
    bool ok = (window != NULL) == (pre->high > 0) && (background != NULL) == pre->blend;

    if (ok && window != NULL)
        ok = fk_json_push_int(window, pre->low) && fk_json_push_int(window, pre->high);
    for (int i = 0; ok && background != NULL && i < 3; i++)
        ok = fk_json_push_int(background, pre->background[i]);
    if (window != NULL)
        ok = fk_json_put(p, "window", window) && ok;
    if (background != NULL)
        ok = fk_json_put(p, "background", background) && ok;
    return ok;
}

static bool put_preprocess(fk_json *object, const fk_model *m)
{
    fk_json *p = fk_json_object();

    return fk_json_put(object, "preprocess", p) && fk_json_put_int(p, "width", m->pre.width) &&
           fk_json_put_int(p, "height", m->pre.height) &&
           fk_json_put_int(p, "crop_width", m->pre.crop_width) &&
           fk_json_put_int(p, "crop_height", m->pre.crop_height) &&
           (m->pre.tile == 0 || (fk_json_put_int(p, "tile", m->pre.tile) &&
                                 fk_json_put_int(p, "overlap", m->pre.overlap) &&
                                 fk_json_put_int(p, "images", m->images))) &&
           (m->pre.turns <= 1 || fk_json_put_int(p, "rotations", m->pre.turns)) &&
           fk_json_put_string(p, "resize", m->pre.resize) &&
           put_triple(p, "mean", m->nets[0].mean) && put_triple(p, "scale", m->nets[0].scale) &&
           put_pixels(p, &m->pre);
}

static bool put_network(fk_json *object, const fk_model *m)
{
    fk_json *taps = fk_json_array();

    if (!fk_json_put(object, "taps", taps))
        return false;
    for (int i = 0; i < m->n_taps; i++) {
        const fk_tap_info *t = &m->taps[i];
        fk_json *tap = fk_json_object();

        if (!fk_json_push(taps, tap) || !fk_json_put_string(tap, "name", t->name) ||
            !fk_json_put_int(tap, "channels", t->channels) ||
            !fk_json_put_int(tap, "height", t->height) || !fk_json_put_int(tap, "width", t->width))
            return false;
    }
    return fk_json_put_int(object, "pool_dim", m->pool_dim) &&
           fk_json_put_string(object, "backbone", m->backbone) &&
           fk_json_put_bool(object, "onnx", m->nets[0].arch == NULL) &&
           fk_json_put_string(object, "precision", fk_precision_name(m->precision)) &&
           fk_json_put_string(object, "engine", m->engine);
}

/* Write the size of the photo in whose pixels areas are given. */
static bool put_photo(fk_json *object, const fk_model *m)
{
    fk_json *photo = m->photo[0] > 0 ? fk_json_array() : NULL;

    if (m->photo[0] == 0)
        return true;
    return fk_json_push_int(photo, m->photo[0]) && fk_json_push_int(photo, m->photo[1]) &&
           fk_json_put(object, "photo", photo);
}

/* Write the source of a network's weights. */
static bool put_weights(fk_json *object, const fk_model_net *net)
{
    fk_json *weights;

    if (net->digest == NULL)
        return true;
    weights = fk_json_object();
    return fk_json_put(object, "weights", weights) &&
           fk_json_put_string(weights, "source", net->source) &&
           fk_json_put_string(weights, "digest", net->digest);
}

/* Write what joined networks do not share; for a single network the description itself has it. */
static bool put_nets(fk_json *object, const fk_model *m)
{
    fk_json *nets;

    if (m->n_nets == 1)
        return put_weights(object, &m->nets[0]);
    nets = fk_json_array();
    if (!fk_json_put(object, "networks", nets))
        return false;
    for (int k = 0; k < m->n_nets; k++) {
        const fk_model_net *net = &m->nets[k];
        fk_json *j = fk_json_object();

        if (!fk_json_push(nets, j) || !fk_json_put_string(j, "name", fk_model_net_name(m, k)) ||
            !put_weights(j, net) || !put_triple(j, "mean", net->mean) ||
            !put_triple(j, "scale", net->scale) || !fk_json_put_real(j, "gain", (double)net->gain))
            return false;
    }
    return true;
}

static bool put_checks(fk_json *object, const fk_model *m)
{
    fk_json *scores;

    if (m->n_checks == 0)
        return true;
    scores = fk_json_array();
    if (!fk_json_put(object, "check_scores", scores))
        return false;
    for (int i = 0; i < m->n_checks; i++)
        if (!fk_json_push_real(scores, m->check_scores[i]))
            return false;
    return true;
}

/* The first version that has all that the model needs. */
static int format_of(const fk_model *m)
{
    if (m->foreground.dim > 0)
        return FK_MODEL_FORMAT_FOREGROUND;
    if (m->pre.high > 0 || m->transparent)
        return FK_MODEL_FORMAT_PIXELS;
    if (m->pre.tile > 0 || m->mask != NULL || m->own_masks)
        return FK_MODEL_FORMAT_SHAPE;
    return FK_MODEL_FORMAT;
}

/* Make the description.  Embedding and method add theirs, and their tensors to w. */
static fleck_status describe(fk_json **out, const fk_model *m, fk_st_writer *w, fleck_error *err)
{
    fk_json *object = fk_json_object(), *options = NULL, *embed = fk_json_object(),
            *state = fk_json_object();
    char pooling[FK_POOLING_TEXT];
    fleck_status st = FLECK_OK;

    *out = NULL;
    if (!fk_json_put_int(object, "format", format_of(m)) ||
        !fk_json_put_string(object, "fleck", m->version) ||
        !fk_json_put_string(object, "category", m->category) ||
        !fk_json_put_string(object, "checksum", FK_MODEL_CHECKSUM) || !put_nets(object, m) ||
        !put_network(object, m) || !put_preprocess(object, m) ||
        !fk_json_put_real(object, "sigma", m->sigma) ||
        (m->unseen > 0.0 && !fk_json_put_real(object, "unseen", m->unseen)) ||
        !put_photo(object, m) ||
        !fk_json_put_string(object, "pool", fk_pooling_text(pooling, m->fitted_pooling)) ||
        !fk_json_put_string(object, "method", m->method->name) || !put_checks(object, m)) {
        st = no_json(err);
        goto done;
    }
    FK_DO(fk_calibration_save(&m->calibration, w, object, err));
    FK_DO(fk_kind_save(&m->kind, w, object, err));
    FK_DO(fk_foreground_save(&m->foreground, w, object, err));
    FK_DO(fk_options_to_json(&options, &m->options, err));
    FK_DO(fk_embed_spec_save(&m->embed, w, embed, err));
    FK_DO(m->method->save(m->state, w, state, err));
    if (!fk_json_put(object, "options", options)) {
        options = NULL;
        st = no_json(err);
        goto done;
    }
    options = NULL;
    if (!fk_json_put(object, "embedding", embed)) {
        embed = NULL;
        st = no_json(err);
        goto done;
    }
    embed = NULL;
    if (!fk_json_put(object, "state", state))
        st = no_json(err);
    state = NULL;
done:
    fk_json_free(&options);
    fk_json_free(&embed);
    fk_json_free(&state);
    if (st == FLECK_OK)
        *out = object;
    else
        fk_json_free(&object);
    return st;
}

/* Add one tensor of network k.  Its prefix is that of fk_model_net_prefix(), whatever its prefix in
 * the file that it is read from. */
static fleck_status add_weight(fk_st_writer *w, const fk_model *m, int k,
                               const fk_op_tensor *tensor, fleck_error *err)
{
    char from[FK_TENSOR_NAME_SIZE], to[FK_TENSOR_NAME_SIZE], prefix[FK_NET_PREFIX];
    fk_tensor t;
    fleck_status st;

    fk_model_net_prefix(prefix, m, k);
    fk_op_tensor_name(from, m->nets[k].prefix, tensor);
    fk_op_tensor_name(to, prefix, tensor);
    FK_DO(fk_st_get(fk_model_net_file(m, k), from, &t, err));
    FK_DO(fk_st_writer_add(w, to, &t, err));
done:
    return st;
}

/* Add only the weights that the taps of network k need: a model with early taps has no late
 * stages. */
static fleck_status add_net(fk_st_writer *w, const fk_model *m, int k, fleck_error *err)
{
    const fk_model_net *net = &m->nets[k];
    fk_graph g = {0};
    fk_net_settings s = fk_model_net_settings(m, k, 1);
    int n_taps = 0;
    fleck_status st;

    if (net->arch == NULL) {
        int64_t size = (int64_t)net->onnx_size;

        return fk_st_writer_add_data(w, "backbone.onnx", FK_U8, 1, &size, net->onnx, err);
    }
    while (n_taps < FK_MAX_TAPS && s.taps[n_taps] != NULL)
        n_taps++;
    FK_DO(net->arch->describe(&g, s.height, s.width, err));
    FK_DO(fk_graph_prune(&g, s.taps, n_taps, s.pool, err));
    for (int i = 0; i < g.n_ops; i++) {
        fk_op_tensor tensors[FK_OP_TENSORS];
        int n = fk_graph_repeats(&g, i) ? 0 : fk_graph_tensors(tensors, &g, i);

        for (int t = 0; t < n; t++)
            FK_DO(add_weight(w, m, k, &tensors[t], err));
    }
done:
    fk_graph_free(&g);
    return st;
}

/* Refuse a fit that went wrong: all that it learned, and its thresholds, must be finite. */
static fleck_status check_numbers(const fk_model *m, fleck_error *err)
{
    const fk_calibration *c = &m->calibration;

    if (c->images > 0 && !((isfinite(c->threshold) || c->rule == FK_THRESHOLD_NONE) &&
                           isfinite(c->pixel_threshold) && isfinite(c->low) && isfinite(c->high)))
        return fk_error_set(err, FLECK_E_FORMAT, "a threshold that is infinite or none");
    for (int i = 0; i < m->n_checks; i++)
        if (!isfinite(m->check_scores[i]))
            return fk_error_set(err, FLECK_E_FORMAT,
                                "check image %d: a score that is infinite or none", i + 1);
    return FLECK_OK;
}

/* Save to path, or, if that is NULL, into *bytes [*size]. */
static fleck_status save(const fk_model *m, const char *path, uint8_t **bytes, size_t *size,
                         fk_watch *watch, fleck_error *err)
{
    fk_st_writer *w = NULL;
    fk_json *object = NULL;
    char *text = NULL;
    fleck_status st;

    FK_DO(fk_model_restore(m, err));
    FK_DO(fk_st_writer_open(&w, err));
    FK_DO(fk_st_writer_checksum(w, err));
    for (int k = 0; k < m->n_nets; k++)
        FK_DO(add_net(w, m, k, err));
    FK_DO(check_numbers(m, err));
    FK_DO(describe(&object, m, w, err));
    FK_DO(fk_st_writer_check_finite(w, err));
    FK_DO(fk_json_dump(&text, object, 0, err));
    FK_DO(fk_st_writer_metadata(w, "format", "fleck", err));
    FK_DO(fk_st_writer_metadata(w, "fleck", text, err));
    if (m->n_checks > 0) {
        fk_map_size input = fk_preprocess_input(&m->pre);
        int64_t shape[4] = {m->n_checks, input.height, input.width, 3};

        FK_DO(fk_st_writer_add_data(w, "check.images", FK_U8, 4, shape, m->checks, err));
    }
    if (m->mask != NULL)
        FK_DO(fk_st_writer_add_data(w, "mask", FK_U8, 2, (int64_t[]){m->mask_height, m->mask_width},
                                    m->mask, err));
    fk_st_writer_watch(w, watch);
    st = path != NULL ? fk_st_writer_commit(&w, path, err)
                      : fk_st_writer_commit_memory(&w, bytes, size, err);
done:
    if (st == FLECK_E_FORMAT)
        fk_error_context(err, "%s is not written", path != NULL ? path : "the model");
    fk_st_writer_abort(&w);
    fk_json_free(&object);
    fk_free(text);
    return st;
}

fleck_status fk_model_save(const fk_model *m, const char *path, fk_watch *watch, fleck_error *err)
{
    return save(m, path, NULL, NULL, watch, err);
}

fleck_status fk_model_save_memory(const fk_model *m, uint8_t **bytes, size_t *size, fk_watch *watch,
                                  fleck_error *err)
{
    *bytes = NULL;
    *size = 0;
    return save(m, NULL, bytes, size, watch, err);
}
