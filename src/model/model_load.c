/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a .fleck file: every field of its description is checked before it is used. */
#include "base/mem.h"
#include "model/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_PHOTO (INT64_C(1) << 30)
#define MAX_SIDE 16384

static fleck_status missing(const char *key, const char *expected, fleck_error *err)
{
    return fk_error_set(err, FLECK_E_FORMAT,
                        "the model's description lacks \"%s\" (%s), or it is of another kind", key,
                        expected);
}

static fleck_status get_text(char **out, const fk_json *object, const char *key, fleck_error *err)
{
    const char *text = fk_json_get_string(object, key);

    if (text == NULL)
        return missing(key, "text", err);
    return fk_strdup(out, text, err);
}

static fleck_status get_real(double *out, const fk_json *object, const char *key, fleck_error *err)
{
    if (!fk_json_get_real(object, key, out) || !isfinite(*out))
        return missing(key, "a number", err);
    return FLECK_OK;
}

static fleck_status get_side(int64_t *out, const fk_json *object, const char *key, fleck_error *err)
{
    if (!fk_json_get_int(object, key, out) || *out < 1 || *out > MAX_SIDE)
        return missing(key, "an integer from 1 to 16384", err);
    return FLECK_OK;
}

static fleck_status get_triple(float out[3], const fk_json *object, const char *key,
                               fleck_error *err)
{
    const fk_json *array = fk_json_get(object, key);

    for (int i = 0; i < 3; i++) {
        double v;

        if (!fk_json_is_array(array) || fk_json_count(array) != 3 ||
            !fk_json_as_real(fk_json_at(array, i), &v))
            return missing(key, "three numbers", err);
        out[i] = (float)v;
    }
    return FLECK_OK;
}

/* Size, crop and tiles; with tiles the size may be 0x0. */
static fleck_status read_shape(fk_model *m, const fk_json *j, fleck_error *err)
{
    fk_preprocess *p = &m->pre;
    int64_t width = -1, height = -1;
    fleck_status st;

    if (fk_json_get(j, "tile") != NULL) {
        FK_DO(get_side(&p->tile, j, "tile", err));
        if (!fk_json_get_int(j, "overlap", &p->overlap) || p->overlap < 0 || p->overlap >= p->tile)
            FK_FAIL(err, FLECK_E_FORMAT, "overlap: expected 0 to less than the tile's side %lld",
                    (long long)p->tile);
        if (!fk_json_get_int(j, "images", &m->images) || m->images < 1)
            FK_FAIL(err, FLECK_E_FORMAT, "images: expected a positive integer beside the tiles");
        if (fk_json_get_int(j, "width", &width) && fk_json_get_int(j, "height", &height) &&
            width == 0 && height == 0)
            return FLECK_OK;
    }
    FK_DO(get_side(&p->width, j, "width", err));
    FK_DO(get_side(&p->height, j, "height", err));
    FK_DO(get_side(&p->crop_width, j, "crop_width", err));
    FK_DO(get_side(&p->crop_height, j, "crop_height", err));
done:
    return st;
}

/* Element i of an array of n integers from 0 to most; -1 if the array or the element is not so. */
static int64_t element(const fk_json *array, int64_t n, int64_t i, int64_t most)
{
    int64_t v;

    if (!fk_json_is_array(array) || fk_json_count(array) != n ||
        !fk_json_as_int(fk_json_at(array, i), &v) || v < 0 || v > most)
        return -1;
    return v;
}

/* Models of earlier versions have neither window nor background. */
static fleck_status read_pixels(fk_preprocess *p, const fk_json *j, fleck_error *err)
{
    const fk_json *window = fk_json_get(j, "window"), *background = fk_json_get(j, "background");

    if (window != NULL) {
        int64_t low = element(window, 2, 0, 65534), high = element(window, 2, 1, 65535);

        if (low < 0 || high <= low)
            return missing("window", "two integers that rise, from 0 to 65535", err);
        p->low = (uint32_t)low;
        p->high = (uint32_t)high;
    }
    p->blend = background != NULL;
    for (int i = 0; p->blend && i < 3; i++) {
        int64_t v = element(background, 3, i, 255);

        if (v < 0)
            return missing("background", "three integers from 0 to 255", err);
        p->background[i] = (uint8_t)v;
    }
    return FLECK_OK;
}

static fleck_status read_normalisation(fk_model_net *net, const fk_json *j, fleck_error *err)
{
    fleck_status st;

    FK_DO(get_triple(net->mean, j, "mean", err));
    FK_DO(get_triple(net->scale, j, "scale", err));
    for (int i = 0; i < 3; i++)
        if (!(net->scale[i] > 0.0f) || !isfinite(net->scale[i]) || !isfinite(net->mean[i]))
            FK_FAIL(err, FLECK_E_FORMAT, "normalisation: expected finite means and scales above 0");
done:
    return st;
}

/* Most rotated copies of an image. */
#define MAX_TURNS 360

static fleck_status read_preprocess(fk_model *m, const fk_json *object, fleck_error *err)
{
    fk_preprocess *p = &m->pre;
    const fk_json *j = fk_json_get(object, "preprocess");
    const char *resize = fk_json_get_string(j, "resize");
    fleck_status st;

    FK_DO(read_shape(m, j, err));
    FK_DO(read_normalisation(&m->nets[0], j, err));
    FK_DO(read_pixels(p, j, err));
    if (fk_json_get(j, "rotations") != NULL &&
        (!fk_json_get_int(j, "rotations", &p->turns) || p->turns < 1 || p->turns > MAX_TURNS))
        return missing("rotations", "a number from 1 to 360", err);
    if (resize == NULL || strlen(resize) >= sizeof p->resize)
        FK_FAIL(err, FLECK_E_FORMAT, "the model's preprocessing names no known resize filter");
    snprintf(p->resize, sizeof p->resize, "%s", resize);
    if (p->crop_width > p->width || p->crop_height > p->height)
        FK_FAIL(err, FLECK_E_FORMAT, "crop %lldx%lld is larger than the size %lldx%lld",
                (long long)p->crop_width, (long long)p->crop_height, (long long)p->width,
                (long long)p->height);
done:
    return st;
}

/* Models of earlier versions do not have it: their scores are the methods' own. */
static fleck_status read_pooling(fk_model *m, const fk_json *object, fleck_error *err)
{
    const char *text = fk_json_get_string(object, "pool");

    if (fk_json_get(object, "pool") != NULL &&
        (text == NULL || fk_pooling_parse(&m->fitted_pooling, text, NULL) != FLECK_OK))
        return missing("pool", "method, max or top:P", err);
    m->pooling = m->fitted_pooling;
    return FLECK_OK;
}

static fleck_status read_tap(fk_model *m, const fk_json *j, fleck_error *err)
{
    const char *name = fk_json_get_string(j, "name");
    fk_tap_info *info = &m->taps[m->n_taps];
    fleck_status st;

    if (name == NULL || strlen(name) >= FK_NAME_SIZE)
        return missing("taps", "objects with a name", err);
    FK_DO(get_side(&info->channels, j, "channels", err));
    FK_DO(get_side(&info->height, j, "height", err));
    FK_DO(get_side(&info->width, j, "width", err));
    snprintf(info->name, sizeof info->name, "%s", name);
    m->n_taps++;
done:
    return st;
}

static fleck_status read_taps(fk_model *m, const fk_json *object, fleck_error *err)
{
    const fk_json *taps = fk_json_get(object, "taps");
    int64_t n = fk_json_is_array(taps) ? fk_json_count(taps) : 0;
    fleck_status st = FLECK_OK;

    if (n < 1 || n > FK_MAX_TAPS)
        return missing("taps", "one to eight objects", err);
    for (int64_t i = 0; i < n && st == FLECK_OK; i++)
        st = read_tap(m, fk_json_at(taps, i), err);
    if (st == FLECK_OK && (!fk_json_get_int(object, "pool_dim", &m->pool_dim) || m->pool_dim < 0 ||
                           m->pool_dim > 1 << 20))
        st = missing("pool_dim", "an integer from 0", err);
    return st;
}

/* Read the source of a network's weights; models of earlier versions do not have it. */
static fleck_status read_weights(fk_model_net *net, const fk_json *object, fleck_error *err)
{
    const fk_json *weights = fk_json_get(object, "weights");
    fleck_status st = FLECK_OK;

    if (weights != NULL) {
        FK_DO(get_text(&net->source, weights, "source", err));
        FK_DO(get_text(&net->digest, weights, "digest", err));
    }
done:
    return st;
}

/* Read what joined networks do not share. */
static fleck_status read_nets(fk_model *m, const fk_json *object, fleck_error *err)
{
    const fk_json *nets = fk_json_get(object, "networks");
    fleck_status st = FLECK_OK;

    m->nets[0].gain = 1.0f;
    if (m->n_nets == 1)
        return read_weights(&m->nets[0], object, err);
    if (!fk_json_is_array(nets) || fk_json_count(nets) != m->n_nets)
        return missing("networks", "an object for each of the networks", err);
    for (int k = 0; k < m->n_nets; k++) {
        double gain = 1.0;

        FK_DO(read_weights(&m->nets[k], fk_json_at(nets, k), err));
        FK_DO(read_normalisation(&m->nets[k], fk_json_at(nets, k), err));
        FK_DO(get_real(&gain, fk_json_at(nets, k), "gain", err));
        m->nets[k].gain = (float)gain;
        if (!(gain > 0.0) || !(m->nets[k].gain > 0.0f) || !isfinite(m->nets[k].gain))
            FK_FAIL(err, FLECK_E_FORMAT, "gain: expected a number above 0");
    }
done:
    return st;
}

static fleck_status read_onnx(fk_model *m, fleck_error *err)
{
    int64_t any = -1;
    fk_tensor t;
    fleck_status st;

    FK_DO(fk_st_get_checked(m->file, "backbone.onnx", FK_U8, 1, &any, &t, err));
    m->n_nets = 1;
    m->nets[0].onnx = t.data;
    m->nets[0].onnx_size = (size_t)t.shape[0];
done:
    return st;
}

static fleck_status read_archs(fk_model *m, fleck_error *err)
{
    const fk_arch *archs[FK_MODEL_NETS];

    if (fk_model_archs(archs, &m->n_nets, m->backbone, NULL) != FLECK_OK)
        return fk_error_set(err, FLECK_E_UNSUPPORTED,
                            "the model's backbone is \"%s\", which this fleck does not have",
                            m->backbone);
    for (int k = 0; k < m->n_nets; k++)
        m->nets[k].arch = archs[k];
    for (int k = 0; k < m->n_nets; k++)
        fk_model_net_prefix(m->nets[k].prefix, m, k);
    return FLECK_OK;
}

static fleck_status read_network(fk_model *m, const fk_json *object, fleck_error *err)
{
    const char *precision = fk_json_get_string(object, "precision");
    bool onnx = false;
    fleck_status st;

    FK_DO(get_text(&m->backbone, object, "backbone", err));
    FK_DO(get_text(&m->engine, object, "engine", err));
    FK_DO(read_taps(m, object, err));
    if (precision == NULL || strcmp(precision, "auto") == 0 ||
        !fk_precision_parse(precision, &m->precision))
        FK_FAIL(err, FLECK_E_FORMAT, "precision: expected f32, bf16 or f16, found \"%s\"",
                precision != NULL ? precision : "nothing");
    if (!fk_json_get_bool(object, "onnx", &onnx)) {
        st = missing("onnx", "true or false", err);
        goto done;
    }
    FK_DO(onnx ? read_onnx(m, err) : read_archs(m, err));
    FK_DO(read_nets(m, object, err));
done:
    return st;
}

/* Find the network of tap i of joined networks by its name. */
static fleck_status place_tap(fk_model *m, int i, fleck_error *err)
{
    const char *name = m->taps[i].name;

    for (int k = 0; k < m->n_nets; k++) {
        size_t n = strlen(fk_model_net_name(m, k));

        if (strncmp(name, fk_model_net_name(m, k), n) == 0 && name[n] == '/') {
            m->tap_net[i] = k;
            return FLECK_OK;
        }
    }
    return fk_error_set(err, FLECK_E_FORMAT, "tap \"%s\" is of no network of %s", name,
                        m->backbone);
}

/* The stored taps of network k must be the architecture's at the model's size. */
static fleck_status check_taps_of(const fk_model *m, int k, fleck_error *err)
{
    fk_map_size input = fk_preprocess_input(&m->pre);
    const char *network = fk_model_net_name(m, k);
    fk_graph g = {0};
    int count = 0;
    fleck_status st;

    FK_DO(m->nets[k].arch->describe(&g, input.height, input.width, err));
    for (int i = 0; i < m->n_taps; i++) {
        const fk_tap_info *t = &m->taps[i];
        const char *name = fk_model_tap_name(m, i);
        const fk_op *op;
        int at = 0;

        if (m->tap_net[i] != k)
            continue;
        count++;
        while (at < g.n_taps && strcmp(g.taps[at].name, name) != 0)
            at++;
        if (at == g.n_taps)
            FK_FAIL(err, FLECK_E_FORMAT, "backbone %s has no tap \"%s\"", network, name);
        op = &g.ops[g.taps[at].node];
        if (op->out_channels != t->channels || op->out_height != t->height ||
            op->out_width != t->width)
            FK_FAIL(err, FLECK_E_SHAPE,
                    "tap %s of %s is [%lld, %lld, %lld], the model says "
                    "[%lld, %lld, %lld]",
                    name, network, (long long)op->out_channels, (long long)op->out_height,
                    (long long)op->out_width, (long long)t->channels, (long long)t->height,
                    (long long)t->width);
    }
    if (count == 0)
        FK_FAIL(err, FLECK_E_FORMAT, "the model uses no tap of its network %s", network);
done:
    fk_graph_free(&g);
    return st;
}

/* An ONNX model's taps are checked when the network is compiled. */
static fleck_status check_taps(fk_model *m, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    if (m->nets[0].arch == NULL)
        return FLECK_OK;
    for (int i = 0; m->n_nets > 1 && i < m->n_taps; i++)
        FK_DO(place_tap(m, i, err));
    for (int k = 0; k < m->n_nets; k++)
        FK_DO(check_taps_of(m, k, err));
done:
    return st;
}

static fleck_status read_method(fk_model *m, const fk_json *object, const char *const *overrides,
                                fleck_error *err)
{
    const char *name = fk_json_get_string(object, "method");
    fk_map_size map = fk_preprocess_input(&m->pre);
    fleck_status st;

    if (name == NULL)
        return missing("method", "text", err);
    m->method = fk_method_find(name);
    if (m->method == NULL)
        return fk_error_set(err, FLECK_E_UNSUPPORTED,
                            "the model's method is \"%s\", which this fleck does not have", name);
    FK_DO(fk_options_init(&m->options, m->method->options, err));
    st = fk_options_from_json(&m->options, fk_json_get(object, "options"), err);
    if (st != FLECK_OK) {
        fk_error_context(err, "the model's options of %s", name);
        if (st == FLECK_E_OPTION)
            st = FLECK_E_FORMAT; /* the file is wrong, not an option */
        if (err != NULL)
            err->status = st;
        goto done;
    }
    for (int i = 0; overrides != NULL && overrides[i] != NULL; i++)
        FK_DO(fk_method_set(m->method, &m->options, overrides[i], true, err));
    FK_DO(fk_embed_spec_load(&m->embed, m->file, fk_json_get(object, "embedding"), err));
    FK_DO(fk_embed_shape_of(&m->shape, &m->embed, m->n_taps, m->taps, m->pool_dim, err));
    FK_DO(m->method->load(&m->state, &m->options, &m->shape, map, m->file,
                          fk_json_get(object, "state"), err));
done:
    return st;
}

/* Whether the file should have a checksum. */
static fleck_status read_checksum(fk_model *m, const fk_json *object, fleck_error *err)
{
    const char *checksum = fk_json_get_string(object, "checksum");

    if (checksum != NULL && strcmp(checksum, FK_MODEL_CHECKSUM) != 0)
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "checksum: expected %s, found \"%s\"",
                            FK_MODEL_CHECKSUM, checksum);
    m->checksum = checksum != NULL;
    return FLECK_OK;
}

/* The reader has compared a checksum that is there. */
static fleck_status check_checksum(const fk_model *m, fleck_error *err)
{
    if (m->checksum && !fk_st_has_checksum(m->file))
        return fk_error_set(err, FLECK_E_CHECKSUM, "damaged: its checksum is gone");
    return FLECK_OK;
}

static fleck_status read_checks(fk_model *m, const fk_json *object, fleck_error *err)
{
    const fk_json *scores = fk_json_get(object, "check_scores");
    int64_t n = scores != NULL ? fk_json_count(scores) : 0;
    fk_map_size input = fk_preprocess_input(&m->pre);
    int64_t shape[4] = {n, input.height, input.width, 3};
    fk_tensor t;
    fleck_status st;

    if (n == 0)
        return FLECK_OK;
    if (n > FK_MODEL_CHECKS)
        return missing("check_scores", "at most two numbers", err);
    FK_DO(fk_st_get_checked(m->file, "check.images", FK_U8, 4, shape, &t, err));
    FK_DO(FK_ALLOC(&m->checks, fk_tensor_count(&t), err));
    memcpy(m->checks, t.data, (size_t)fk_tensor_count(&t));
    for (int64_t i = 0; i < n; i++)
        if (!fk_json_as_real(fk_json_at(scores, i), &m->check_scores[i])) {
            st = missing("check_scores", "numbers", err);
            goto done;
        }
    m->n_checks = (int)n;
done:
    return st;
}

/* Read the mask of all images, if there is one. */
static fleck_status read_mask(fk_model *m, fleck_error *err)
{
    int64_t shape[2] = {m->pre.width > 0 ? m->pre.crop_height : -1,
                        m->pre.width > 0 ? m->pre.crop_width : -1};
    fk_tensor t;
    fleck_status st;

    if (!fk_st_has(m->file, "mask"))
        return FLECK_OK;
    FK_DO(fk_st_get_checked(m->file, "mask", FK_U8, 2, shape, &t, err));
    FK_DO(FK_ALLOC(&m->mask, fk_tensor_count(&t), err));
    memcpy(m->mask, t.data, (size_t)fk_tensor_count(&t));
    m->mask_height = t.shape[0];
    m->mask_width = t.shape[1];
    if (fk_tensor_count(&t) < 1 || m->mask_width > MAX_SIDE || m->mask_height > MAX_SIDE)
        FK_FAIL(err, FLECK_E_FORMAT, "mask: expected 1 to %d pixels each way, found %lldx%lld",
                MAX_SIDE, (long long)m->mask_width, (long long)m->mask_height);
done:
    return st;
}

/* Read the size of the photo in whose pixels areas are given; models of earlier versions do not
 * have it. */
static fleck_status read_photo(fk_model *m, const fk_json *object, fleck_error *err)
{
    const fk_json *photo = fk_json_get(object, "photo");

    if (photo == NULL)
        return FLECK_OK;
    for (int i = 0; i < 2; i++)
        if (fk_json_count(photo) != 2 || !fk_json_as_int(fk_json_at(photo, i), &m->photo[i]) ||
            m->photo[i] < 1 || m->photo[i] > MAX_PHOTO)
            return missing("photo", "a width and a height", err);
    return FLECK_OK;
}

/* The name of something that an earlier version wrote and this one no longer reads; NULL if the
 * model has nothing of the kind. */
static const char *old_form(const fk_model *m, const fk_json *object, int64_t format)
{
    const char *factors = fk_json_get_string(fk_json_get(object, "options"), "factors");

    if (format == FK_MODEL_FORMAT_ROWS || fk_st_has(m->file, "method.rows"))
        return "PaDiM's images in place of factors";
    if (factors != NULL && strcmp(factors, "f16") == 0)
        return "PaDiM's factors in f16";
    return NULL;
}

static fleck_status check_format(const fk_model *m, const fk_json *object, int64_t format,
                                 fleck_error *err)
{
    const char *version = fk_json_get_string(object, "fleck"), *old = old_form(m, object, format);

    if (version == NULL)
        version = "unknown";
    if (format < FK_MODEL_FORMAT || format > FK_MODEL_FORMAT_FOREGROUND)
        return fk_error_set(err, FLECK_E_UNSUPPORTED,
                            "model format %lld; this fleck (%s) reads formats %d to %d: fit the "
                            "model again, or use the fleck that made it (%s)",
                            (long long)format, FLECK_VERSION, FK_MODEL_FORMAT,
                            FK_MODEL_FORMAT_FOREGROUND, version);
    if (old != NULL)
        return fk_error_set(err, FLECK_E_UNSUPPORTED,
                            "made by an earlier version (%s) in a form that is no longer read, %s: "
                            "fit the model again",
                            version, old);
    return FLECK_OK;
}

/* Load all of the model from the opened reader m->file. */
static fleck_status load(fk_model *m, const char *const *overrides, fleck_error *err)
{
    const char *text = fk_st_metadata(m->file, "fleck");
    fk_json *object = NULL;
    int64_t format = 0;
    fleck_status st;

    if (text == NULL)
        return fk_error_set(
            err, FLECK_E_FORMAT,
            "a safetensors file, but not a fleck model: it has no \"fleck\" metadata");
    FK_DO(fk_json_parse(&object, text, strlen(text), "metadata \"fleck\"", err));
    if (!fk_json_get_int(object, "format", &format)) {
        st = missing("format", "an integer", err);
        goto done;
    }
    FK_DO(check_format(m, object, format, err));
    m->own_masks = format == FK_MODEL_FORMAT_SHAPE;    /* or something else needs this version */
    m->transparent = format == FK_MODEL_FORMAT_PIXELS; /* the same */
    FK_DO(get_text(&m->version, object, "fleck", err));
    FK_DO(get_text(&m->category, object, "category", err));
    FK_DO(read_checksum(m, object, err));
    FK_DO(get_real(&m->sigma, object, "sigma", err));
    if (m->sigma < 0.0 || m->sigma > 1000.0) {
        st = missing("sigma", "a number from 0 to 1000", err);
        goto done;
    }
    if (fk_json_get(object, "unseen") != NULL)
        FK_DO(get_real(&m->unseen, object, "unseen", err));
    if (m->unseen < 0.0 || m->unseen > 1.0) {
        st = missing("unseen", "a number from 0 to 1", err);
        goto done;
    }
    FK_DO(read_photo(m, object, err));
    FK_DO(read_preprocess(m, object, err));
    FK_DO(read_pooling(m, object, err));
    FK_DO(fk_calibration_load(&m->calibration, m->file, object, err));
    FK_DO(fk_kind_load(&m->kind, m->file, object, err));
    FK_DO(read_network(m, object, err));
    FK_DO(check_taps(m, err));
    FK_DO(read_method(m, object, overrides, err));
    FK_DO(fk_foreground_load(&m->foreground, m->shape.levels[m->shape.n_levels - 1].dim, m->file,
                             fk_json_get(object, "foreground"), err));
    FK_DO(read_checks(m, object, err));
    FK_DO(read_mask(m, err));
done:
    fk_json_free(&object);
    return st;
}

/* Load a model after the reader was opened with status st. */
static fleck_status load_opened(fk_model *out, fleck_status st, const char *path,
                                const char *const *overrides, fleck_error *err)
{
    if (st == FLECK_E_FORMAT)
        fk_error_context(err, "expected a fleck model");
    if (st != FLECK_OK)
        return st;
    st = load(out, overrides, err);
    if (st == FLECK_OK)
        st = check_checksum(out, err);
    if (st != FLECK_OK)
        fk_error_context(err, "%s", path);
    if (st != FLECK_OK)
        fk_model_free(out);
    return st;
}

fleck_status fk_model_load(fk_model *out, const char *path, int threads, fk_watch *watch,
                           const char *const *overrides, fleck_error *err)
{
    fleck_status st;

    *out = (fk_model){0};
    st = fk_st_open_with(&out->file, path, threads, watch, err);
    return load_opened(out, st, path, overrides, err);
}

fleck_status fk_model_load_memory(fk_model *out, const void *bytes, size_t size, const char *path,
                                  int threads, fk_watch *watch, const char *const *overrides,
                                  fleck_error *err)
{
    fleck_status st;

    *out = (fk_model){0};
    st = fk_st_open_copy(&out->file, bytes, size, path, threads, watch, err);
    return load_opened(out, st, path, overrides, err);
}

fleck_status fk_model_load_bytes(fk_model *out, const void *bytes, size_t size, const char *name,
                                 fleck_error *err)
{
    fleck_status st;

    *out = (fk_model){0};
    FK_DO(fk_st_open_bytes(&out->file, bytes, size, name, err));
    st = load(out, NULL, err);
    if (st != FLECK_OK)
        fk_error_context(err, "%s", name);
done:
    if (st != FLECK_OK)
        fk_model_free(out);
    return st;
}
