/* SPDX-License-Identifier: Apache-2.0 */
/* Planning a fit: from settings to a model that has learned nothing yet. */
#include "base/mem.h"
#include "view/area.h"
#include "fit/fit.h"
#include "fit/networks.h"
#include "fit/settings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIN_SIDE 32

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
    int64_t m = fk_networks_multiple(s->backbone), known = 1;
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
    int64_t most = largest_tile(width, height, fk_networks_multiple(m->backbone));

    return m->pre.tile > most ? refuse_tile(m->pre.tile, most, width, height, err) : FLECK_OK;
}

fleck_status fk_fit_check_tiles(const fleck_settings *s, const char *const *files, int64_t n,
                                fleck_error *err)
{
    int64_t m = fk_networks_multiple(s->backbone), largest = 0, width = 0, height = 0;

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

    *out = (fk_model){.method = fk_method_find(s->method)};
    if (out->method == NULL)
        FK_FAIL(err, FLECK_E_UNSUPPORTED, "only what is built in can be outlined");
    FK_DO(fk_networks_outline(out, like, err));
    plan_tiles(&out->pre, s);
    FK_DO(plan_size(&out->pre, s, out->method->resize, err));
    FK_DO(fk_networks_taps(out, s->taps, err));
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
    fleck_status st;

    *m = (fk_model){0};
    fk_calibration_init(&m->calibration);
    FK_DO(fk_method_named(&m->method, s->method, err));
    m->sigma = s->sigma;
    FK_DO(fk_pooling_parse(&m->pooling, s->pool != NULL ? s->pool : "method", err));
    m->fitted_pooling = m->pooling;
    FK_DO(fk_strdup(&m->version, FLECK_VERSION, err));
    FK_DO(fk_precision_named(&m->precision, s->precision, err));
    FK_DO(fk_networks_open(m, s, err));
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
    FK_DO(fk_networks_taps(m, s->taps, err));
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
