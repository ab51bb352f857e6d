/* SPDX-License-Identifier: Apache-2.0 */
/* Planning a fit: from settings to a model that has learned nothing yet. */
#include "base/digest.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/pool.h"
#include "net/onnx.h"
#include "view/area.h"
#include "fit/fit.h"
#include "fit/settings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIN_SIDE 32
#define WHOLE_STRIDE 32
#define MAX_ONNX_BYTES ((size_t)1 << 31)

static const float imagenet_mean[3] = {0.485f, 0.456f, 0.406f};
static const float imagenet_scale[3] = {0.229f, 0.224f, 0.225f};

fleck_status fk_pick_engine(fk_model *m, const char *name, fleck_error *err)
{
    char meant[FK_MEANT];

    if (name == NULL) {
        m->runs_on = fk_engine_fastest(m->arch, m->precision);
        return FLECK_OK;
    }
    if (!fk_engine_parse(name, &m->runs_on))
        return fk_error_set(err, FLECK_E_OPTION,
                            "engine: expected native, openvino or reference, got \"%s\"%s", name,
                            fk_nearest_choice(meant, "native|openvino|reference", name));
    if (!fk_engine_built(m->runs_on))
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "this fleck was built without %s", name);
    return FLECK_OK;
}

/* The sides of the network's input should be multiples of this: the stride of its last stage, or
 * the patch size if all taps have the same stride. */
static int64_t input_multiple(const fk_arch *arch)
{
    for (int i = 1; arch != NULL && arch->default_taps[i] != NULL; i++)
        if (arch->strides[i] != arch->strides[0])
            return WHOLE_STRIDE;
    return arch != NULL && arch->default_taps[0] != NULL ? arch->strides[0] : WHOLE_STRIDE;
}

/* side rounded to a multiple of m, at least MIN_SIDE. */
static int64_t to_multiple(double side, int64_t m)
{
    int64_t least = (MIN_SIDE + m - 1) / m * m, n = llround(side / (double)m) * m;

    return n > least ? n : least;
}

/* Most images whose headers are read for the size of all. */
#define SHAPED 1024
/* The number of pixels may differ from the wanted one by these factors. */
#define LEAST_PIXELS 0.7
#define MOST_PIXELS 1.35

static int ascending(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;

    return (a > b) - (a < b);
}

/* width / height of images spread evenly over all n, in ascending order. */
static fleck_status shapes_of(double shapes[SHAPED], int64_t *known, const char *const *files,
                              int64_t n, int64_t max_pixels, fleck_error *err)
{
    fk_image_settings settings = {.max_pixels = max_pixels};
    int64_t count = n < SHAPED ? n : SHAPED;

    *known = 0;
    for (int64_t i = 0; i < count; i++) {
        fk_image_notes notes = {0};
        fleck_status st = fk_image_check(files[i * n / count], &settings, &notes, NULL, err);

        if (st == FLECK_OK)
            shapes[(*known)++] = (double)notes.width / (double)notes.height;
        else if (i == count - 1 && *known == 0)
            return st;
    }
    qsort(shapes, (size_t)*known, sizeof *shapes, ascending);
    return FLECK_OK;
}

/* Choose sides that are multiples of m and have about this shape and this number of pixels.  A
 * shape that differs by a tenth is as bad as a number of pixels that differs by a half. */
static void sides_of(int64_t *width, int64_t *height, double shape, double pixels, int64_t m)
{
    double best = INFINITY;

    *width = to_multiple(sqrt(pixels * shape), m);
    *height = to_multiple(sqrt(pixels / shape), m);
    for (int64_t h = m; (double)(h * h) * shape <= 4.0 * pixels; h += m)
        for (int64_t w = m; (double)(w * h) <= MOST_PIXELS * pixels; w += m) {
            double area = (double)(w * h) / pixels, off;

            if (area < LEAST_PIXELS || w < MIN_SIDE || h < MIN_SIDE)
                continue;
            off = fabs(log((double)w / (double)h / shape)) + 0.2 * fabs(log(area));
            if (off < best) {
                best = off;
                *width = w;
                *height = h;
            }
        }
}

bool fk_fit_shapes(const fleck_settings *s)
{
    return s->long_side != 0 || (s->width == 0 && s->height == 0 && s->tile == 0);
}

/* The size of a photo of this shape. */
static void size_of(fleck_settings *s, double shape, int64_t m)
{
    if (s->long_side != 0) {
        s->width = to_multiple((double)s->long_side * fmin(1.0, shape), m);
        s->height = to_multiple((double)s->long_side * fmin(1.0, 1.0 / shape), m);
    } else {
        sides_of(&s->width, &s->height, shape, (double)s->pixels, m);
    }
}

/* The size that most of the photos of these shapes have, of equal ones the narrowest.  One photo
 * more rarely changes it, where a median may cross from one size to the next. */
static void most_frequent_size(fleck_settings *s, const double *shapes, int64_t n, int64_t m)
{
    int64_t run = 0, longest = 0, width = 0, height = 0;

    for (int64_t i = 0; i < n; i++) {
        int64_t before[2] = {s->width, s->height};

        if (i == 0 || shapes[i] > shapes[i - 1])
            size_of(s, shapes[i], m);
        run = i > 0 && s->width == before[0] && s->height == before[1] ? run + 1 : 1;
        if (run > longest) {
            longest = run;
            width = s->width;
            height = s->height;
        }
    }
    s->width = width;
    s->height = height;
}

fleck_status fk_fit_shape(fleck_settings *s, const char *const *files, int64_t n, fleck_error *err)
{
    int64_t m = input_multiple(s->backbone != NULL ? fk_arch_find(s->backbone) : NULL), known = 1;
    double shapes[SHAPED] = {1.0};
    fleck_status st = FLECK_OK;

    if (s->long_side != 0 && files == NULL)
        return fk_error_set(
            err, FLECK_E_OPTION,
            "long side: the images of a stream have no shape beforehand; expected a "
            "width and a height");
    if (s->long_side == 0 && (s->crop_width > 0 || s->crop_height > 0))
        return fk_error_set(err, FLECK_E_OPTION,
                            "crop: expected a size to crop from, such as 256x256, got none");
    if (s->pixels == 0)
        s->pixels = fk_fit_defaults().pixels;
    if (files != NULL)
        FK_DO(shapes_of(shapes, &known, files, n, s->max_pixels, err));
    most_frequent_size(s, shapes, known, m);
    if (s->long_side != 0)
        s->crop_width = s->crop_height = 0;
done:
    return st;
}

/* The largest useful tile is the longer side, rounded up to the network's stride: the rest of a
 * larger tile would be reflections. */
static int64_t largest_tile(int64_t width, int64_t height, int64_t multiple)
{
    int64_t longer = width > height ? width : height;
    int64_t side = (longer + multiple - 1) / multiple * multiple;

    return side > MIN_SIDE ? side : MIN_SIDE;
}

static fleck_status refuse_tile(int64_t tile, int64_t most, int64_t width, int64_t height,
                                fleck_error *err)
{
    return fk_error_set(
        err, FLECK_E_OPTION,
        "tiles: %lld is larger than the picture of %lldx%lld, expected %lld at most",
        (long long)tile, (long long)width, (long long)height, (long long)most);
}

fleck_status fk_fit_check_tile(const fk_model *m, int64_t width, int64_t height, fleck_error *err)
{
    int64_t most = largest_tile(width, height, input_multiple(m->arch));

    return m->pre.tile > most ? refuse_tile(m->pre.tile, most, width, height, err) : FLECK_OK;
}

fleck_status fk_fit_check_tiles(const fleck_settings *s, const char *const *files, int64_t n,
                                fleck_error *err)
{
    int64_t m = input_multiple(fk_arch_find(s->backbone)), largest = 0, width = 0, height = 0;

    if (s->tile <= MIN_SIDE || s->width > 0)
        return FLECK_OK;
    /* Usually the first image is large enough.  Bad files are skipped: the fit reports them. */
    for (int64_t i = 0; i < n; i++) {
        fk_image_settings size = {.max_pixels = s->max_pixels};
        fk_image image = {0};
        int64_t side;

        if (fk_image_load_with(&image, files[i], FK_IMAGE_RGB, &size, NULL, NULL) != FLECK_OK)
            return FLECK_OK;
        side = largest_tile(image.width, image.height, m);
        if (side > largest) {
            largest = side;
            width = image.width;
            height = image.height;
        }
        fk_image_free(&image);
        if (s->tile <= largest)
            return FLECK_OK;
    }
    return refuse_tile(s->tile, largest, width, height, err);
}

static void plan_tiles(fk_preprocess *p, const fleck_settings *s)
{
    p->tile = s->tile;
    p->overlap = llround(s->overlap * (double)s->tile);
}

static fleck_status plan_size(fk_preprocess *p, const fleck_settings *s, const char *fallback,
                              fleck_error *err)
{
    snprintf(p->resize, sizeof p->resize, "%s", s->resize != NULL ? s->resize : fallback);
    if (p->tile > 0 && s->width == 0 && s->height == 0) {
        if (s->crop_width > 0 || s->crop_height > 0)
            return fk_error_set(err, FLECK_E_OPTION,
                                "crop: images that keep their own size are not cropped");
        return FLECK_OK;
    }
    p->width = s->width;
    p->height = s->height;
    p->crop_width = s->crop_width > 0 ? s->crop_width : s->width;
    p->crop_height = s->crop_height > 0 ? s->crop_height : s->height;
    if (p->crop_width > p->width || p->crop_height > p->height)
        return fk_error_set(err, FLECK_E_OPTION,
                            "crop: expected at most the size %lldx%lld, got %lldx%lld",
                            (long long)p->width, (long long)p->height, (long long)p->crop_width,
                            (long long)p->crop_height);
    return FLECK_OK;
}

fleck_status fk_fit_areas(fk_model *m, const fleck_settings *s, int64_t width, int64_t height,
                          fleck_error *err)
{
    fk_areas areas = {s->mask, s->ignore, s->only, width, height};
    fleck_status st;

    fk_free(m->areas);
    m->areas = NULL;
    FK_DO(FK_CALLOC(&m->areas, fk_areas_count(&areas), err));
    FK_DO(fk_areas_place(m, &areas, false, m->areas, m->mask_file, err));
done:
    return st;
}

static void plan_normalisation(fk_model *m, const char *name)
{
    bool own = strcmp(name, "own") == 0;

    for (int i = 0; i < 3; i++) {
        m->pre.mean[i] = own && m->arch != NULL ? m->arch->mean[i] : imagenet_mean[i];
        m->pre.scale[i] = own && m->arch != NULL ? m->arch->scale[i] : imagenet_scale[i];
    }
}

static int threads_of(const fleck_settings *s)
{
    return s->threads > 0 ? s->threads : fk_pool_processors();
}

/* A weight file of the caller must be folded safetensors, as `fleck weights add` stores them. */
static fleck_status open_weights(fk_model *m, const fleck_settings *s, fleck_error *err)
{
    const char *home;
    fleck_status st;

    if (s->weights == NULL && s->home == NULL && s->shared_home == NULL)
        return fk_error_set(err, FLECK_E_OPTION,
                            "backbone %s: neither a weight file nor a folder of weights was given",
                            m->arch->name);
    if (s->weights == NULL) {
        st = fk_weights_home(&home, s->home, s->shared_home, m->arch->name, err);
        return st != FLECK_OK ? st
                              : fk_weights_open(&m->weights, home, m->arch, threads_of(s), err);
    }
    st = fk_st_open_with(&m->weights, s->weights, threads_of(s), NULL, err);
    if (st == FLECK_E_FORMAT)
        fk_error_context(err, "weights (torch files go through `fleck weights add` first)");
    if (st == FLECK_OK)
        st = fk_st_check_finite(m->weights, err);
    return st;
}

/* Set the name and digest of the file that m's weights come from. */
static fleck_status name_weights(fk_model *m, const fleck_settings *s, fleck_error *err)
{
    const char *source = NULL, *sum = NULL;
    char text[FK_DIGEST_TEXT];
    fk_digest one;
    fleck_status st;

    if (m->arch != NULL) {
        source = fk_st_metadata(m->weights, FK_WEIGHTS_KEY_SOURCE);
        sum = fk_st_metadata(m->weights, FK_WEIGHTS_KEY_SHA256);
    }
    if (source != NULL && sum != NULL) {
        FK_DO(fk_strdup(&m->weights_source, source, err));
        FK_DO(fk_asprintf(&m->weights_digest, err, "sha256:%s", sum));
        return FLECK_OK;
    }
    one = fk_digest_block(m->onnx, m->onnx_size); /* an ONNX model is one block */
    fk_digest_text(text, one);
    FK_DO(fk_path_base(&m->weights_source, m->arch != NULL ? s->weights : s->backbone, err));
    FK_DO(fk_asprintf(&m->weights_digest, err, "xxh3-128:%s",
                      m->arch != NULL ? fk_st_digest(m->weights) : text));
done:
    return st;
}

static fleck_status plan_backbone(fk_model *m, const fleck_settings *s, fleck_error *err)
{
    char meant[FK_MEANT];
    fleck_status st;

    m->prefix = "";
    m->arch = fk_arch_find(s->backbone);
    if (m->arch != NULL) {
        FK_DO(fk_strdup(&m->backbone, s->backbone, err));
        FK_DO(open_weights(m, s, err));
    } else if (fk_ends_with(s->backbone, ".onnx")) {
        FK_DO(fk_path_base(&m->backbone, s->backbone, err));
        FK_DO(fk_contents_read(&m->onnx_file, s->backbone, MAX_ONNX_BYTES, err));
        if (m->onnx_file.size == 0)
            FK_FAIL(err, FLECK_E_FORMAT, "%s: expected an ONNX model, found an empty file",
                    s->backbone);
        m->onnx = m->onnx_file.data;
        m->onnx_size = m->onnx_file.size;
        FK_DO(fk_onnx_check_finite(m->onnx, m->onnx_size, s->backbone, err));
    } else {
        FK_FAIL(err, FLECK_E_OPTION,
                "backbone: \"%s\" is neither built in (`fleck weights list` names them) nor a "
                ".onnx file%s",
                s->backbone, fk_arch_meant(meant, s->backbone));
    }
    FK_DO(name_weights(m, s, err));
done:
    return st;
}

/* Add the tap called name[0..length). */
static fleck_status add_tap(fk_model *m, const char *name, size_t length, fleck_error *err)
{
    if (m->n_taps == FK_MAX_TAPS || length == 0 || length >= FK_NAME_SIZE)
        return fk_error_set(err, FLECK_E_OPTION,
                            "taps: expected at most %d names separated by commas", FK_MAX_TAPS);
    snprintf(m->taps[m->n_taps++].name, FK_NAME_SIZE, "%.*s", (int)length, name);
    return FLECK_OK;
}

/* Add the taps that text names, or with NULL those of the architecture that the method uses. */
static fleck_status name_taps(fk_model *m, const char *text, fleck_error *err)
{
    const char *const *usual = m->arch != NULL ? m->arch->default_taps : NULL;
    int n_usual = 0;
    fleck_status st = FLECK_OK;

    if (text == NULL) {
        while (usual != NULL && n_usual < FK_MAX_TAPS && usual[n_usual] != NULL)
            n_usual++;
        for (int i = n_usual > m->method->skip_taps ? m->method->skip_taps : 0;
             usual != NULL && i < n_usual && st == FLECK_OK; i++)
            st = add_tap(m, usual[i], strlen(usual[i]), err);
        return st;
    }
    for (const char *p = text; st == FLECK_OK; p++) {
        size_t n = strcspn(p, ",");

        st = add_tap(m, p, n, err);
        p += n;
        if (*p == '\0')
            break;
    }
    return st;
}

/* Set the shapes of the taps, from the architecture's graph or the compiled ONNX model. */
static fleck_status shape_taps(fk_model *m, fleck_error *err)
{
    fk_map_size input = fk_preprocess_input(&m->pre);
    fk_graph g = {0};
    fk_net *net = NULL;
    fleck_status st;

    if (m->arch == NULL) {
        fk_net_source source = fk_model_source(m);
        fk_net_settings settings = fk_model_net_settings(m, 1);

        settings.pool = true; /* a method may want the global output, if there is one */
        st = fk_net_open(&net, &source, &settings, err);
        settings.pool = false;
        if (st == FLECK_E_NOTFOUND)
            st = fk_net_open(&net, &source, &settings, err);
        if (st != FLECK_OK)
            goto done;
        m->n_taps = fk_net_tap_count(net);
        for (int i = 0; i < m->n_taps; i++)
            m->taps[i] = *fk_net_tap(net, i);
        m->pool_dim = fk_net_pool_dim(net);
        goto done;
    }
    FK_DO(m->arch->describe(&g, input.height, input.width, err));
    if (g.pool_node >= 0)
        m->pool_dim = g.ops[g.pool_node].out_channels;
    for (int i = 0; i < m->n_taps; i++) {
        int k = 0;
        fk_text names = {0};
        fk_nearest near = {.word = m->taps[i].name};
        char meant[FK_MEANT];

        while (k < g.n_taps && strcmp(g.taps[k].name, m->taps[i].name) != 0)
            k++;
        if (k == g.n_taps) {
            for (k = 0; k < g.n_taps; k++)
                fk_nearest_offer(&near, g.taps[k].name);
            for (k = 0; k < g.n_taps; k++)
                if (fk_text_printf(&names, err, "%s%s", k > 0 ? ", " : "", g.taps[k].name) !=
                    FLECK_OK)
                    break;
            st = fk_error_set(err, FLECK_E_OPTION, "taps: backbone %s has %s, not \"%s\"%s",
                              m->backbone, names.data != NULL ? names.data : "none",
                              m->taps[i].name, fk_nearest_text(&near, "", meant));
            fk_text_free(&names);
            goto done;
        }
        m->taps[i].channels = g.ops[g.taps[k].node].out_channels;
        m->taps[i].height = g.ops[g.taps[k].node].out_height;
        m->taps[i].width = g.ops[g.taps[k].node].out_width;
    }
done:
    fk_net_close(&net);
    fk_graph_free(&g);
    return st;
}

static fleck_status plan_method(fk_model *m, const fleck_settings *s, fleck_error *err)
{
    fleck_status st;

    FK_DO(fk_options_init(&m->options, m->method->options, err));
    for (int i = 0; s->options != NULL && s->options[i] != NULL; i++)
        FK_DO(fk_method_set(m->method, &m->options, s->options[i], false, err));
    FK_DO(m->method->embed(&m->embed, &m->options, m->n_taps, m->taps, err));
    FK_DO(fk_embed_shape_of(&m->shape, &m->embed, m->n_taps, m->taps, m->pool_dim, err));
done:
    return st;
}

fleck_status fk_fit_outline(fk_model *out, const fk_model *like, const fleck_settings *s,
                            fleck_error *err)
{
    fleck_status st;

    *out = (fk_model){.arch = like->arch, .method = fk_method_find(s->method)};
    if (out->arch == NULL || out->method == NULL)
        FK_FAIL(err, FLECK_E_UNSUPPORTED, "only what is built in can be outlined");
    FK_DO(fk_strdup(&out->backbone, like->backbone, err));
    plan_tiles(&out->pre, s);
    FK_DO(plan_size(&out->pre, s, out->method->resize, err));
    FK_DO(name_taps(out, s->taps, err));
    FK_DO(shape_taps(out, err));
    FK_DO(plan_method(out, s, err));
done:
    if (st != FLECK_OK)
        fk_model_free(out);
    return st;
}

static fleck_status plan_background(fk_preprocess *p, const char *text, fleck_error *err)
{
    const char *at = text != NULL ? text : fk_fit_defaults().background;

    for (int i = 0; i < 3; i++) {
        char *end;
        unsigned long v = strtoul(at, &end, 10);

        if (*at < '0' || *at > '9' || v > 255 || *end != (i < 2 ? ',' : '\0'))
            return fk_error_set(err, FLECK_E_OPTION,
                                "background: expected R,G,B of 0 to 255 each, got \"%s\"", text);
        p->background[i] = (uint8_t)v;
        at = end + 1;
    }
    p->blend = true;
    return FLECK_OK;
}

/* Rotated copies are pieces of an image, as tiles are.  Held-out scores leave out all of them. */
static fleck_status plan_rotations(fk_model *m, const fleck_settings *s, fleck_error *err)
{
    bool found = s->foreground != NULL && strcmp(s->foreground, "auto") == 0;

    if (s->rotate <= 1)
        return FLECK_OK;
    if (m->pre.tile > 0 || found)
        return fk_error_set(err, FLECK_E_OPTION,
                            "rotate: rotated copies have neither tiles nor a foreground");
    if ((m->method->flags & FK_METHOD_EXCLUDES_FOLDS) == 0)
        return fk_error_set(err, FLECK_E_UNSUPPORTED,
                            "rotate: %s cannot hold out a photo with its rotated copies",
                            m->method->name);
    m->pre.turns = s->rotate;
    return FLECK_OK;
}

fleck_status fk_fit_describe(fk_model *m, const fleck_settings *s, fleck_error *err)
{
    char version[FK_ENGINE_VERSION_SIZE];
    fleck_status st;

    *m = (fk_model){0};
    fk_calibration_init(&m->calibration);
    FK_DO(fk_method_named(&m->method, s->method, err));
    m->sigma = s->sigma;
    FK_DO(fk_pooling_parse(&m->pooling, s->pool != NULL ? s->pool : "method", err));
    m->fitted_pooling = m->pooling;
    FK_DO(fk_strdup(&m->version, FLECK_VERSION, err));
    FK_DO(fk_precision_named(&m->precision, s->precision, err));
    FK_DO(plan_backbone(m, s, err));
    FK_DO(fk_pick_engine(m, s->engine, err));
    FK_DO(fk_strdup(&m->engine, fk_engine_version(m->runs_on, version, sizeof version), err));
    plan_tiles(&m->pre, s);
    if (m->pre.tile > 0 && s->foreground != NULL && strcmp(s->foreground, "auto") == 0)
        FK_FAIL(err, FLECK_E_OPTION, "foreground: it is not looked for in tiles");
    FK_DO(plan_rotations(m, s, err));
    FK_DO(plan_size(&m->pre, s, m->method->resize, err));
    if (m->pre.width > 0)
        FK_DO(fk_fit_check_tile(m, m->pre.crop_width, m->pre.crop_height, err));
    FK_DO(plan_background(&m->pre, s->background, err));
    if (s->ignore == NULL && s->only == NULL)
        FK_DO(fk_fit_areas(m, s, 0, 0, err));
    plan_normalisation(m, s->normalisation);
    FK_DO(name_taps(m, s->taps, err));
    FK_DO(shape_taps(m, err));
    FK_DO(plan_method(m, s, err));
done:
    if (st != FLECK_OK)
        fk_model_free(m);
    return st;
}

fleck_status fk_fit_plan(fk_model *m, const fleck_settings *s, fleck_error *err)
{
    fk_map_size map;
    fleck_status st;

    FK_DO(fk_fit_describe(m, s, err));
    map = fk_preprocess_input(&m->pre);
    FK_DO(m->method->begin(&m->state, &m->options, &m->shape, map, err));
done:
    if (st != FLECK_OK)
        fk_model_free(m);
    return st;
}
