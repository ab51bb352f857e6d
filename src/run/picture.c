/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of results: heat over the image, and panels. */
#include "run/picture.h"
#include "base/mem.h"
#include "map/map.h"
#include "metric/region.h"
#include "view/mask.h"
#include "run/output.h"
#include "view/place.h"
#include "run/predict.h"
#include "run/regions.h"
#include "render/render.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The model's scale, or the map's own range if the model was not calibrated.  Only in that case do
 * pictures have different scales. */
static fk_scale scale_of(const fk_model *m, const float *map, int64_t n)
{
    fk_scale s = {m->calibration.low, m->calibration.high};
    float lowest, highest;

    if (m->calibration.images > 0 && s.high > s.low)
        return s;
    fk_map_range(map, n, &lowest, &highest);
    return (fk_scale){(double)lowest, (double)highest};
}

/* The kept image of r; borrowed. */
static fleck_status view_of(fk_image *out, const fleck_result *r, fleck_error *err)
{
    *out = (fk_image){
        .width = r->image_width, .height = r->image_height, .channels = 3, .data = r->image};
    if (r->image == NULL)
        return fk_error_set(err, FLECK_E_STATE,
                            "a picture needs the image: ask for it to be kept when scoring");
    return FLECK_OK;
}

/* Add the background that was found in r's image to left_out, of the image's size. */
static fleck_status add_background(fk_image *left_out, const fk_model *m, const fleck_result *r,
                                   fleck_error *err)
{
    int64_t n = left_out->width * left_out->height;
    uint8_t *whole = NULL;
    fleck_status st;

    FK_DO(FK_ALLOC(&whole, n, err));
    fk_place_mask_back(whole, left_out->height, left_out->width, r->background, &m->pre);
    for (int64_t i = 0; i < n; i++)
        left_out->data[i] |= whole[i];
done:
    fk_free(whole);
    return st;
}

/* Hatch the model's ignored regions, the background, and what lies outside the crop. */
static fleck_status hatch(fk_image *picture, const fk_model *m, const fleck_result *r,
                          fleck_error *err)
{
    fk_image left_out = {0};
    fleck_status st;

    FK_DO(fk_left_out(&left_out, m, NULL, picture->width, picture->height, err));
    if (left_out.data == NULL && (fk_place_outside_share(&m->pre) > 0.0 || r->background != NULL))
        FK_DO(fk_image_init(&left_out, picture->width, picture->height, 1, err));
    if (r->background != NULL)
        FK_DO(add_background(&left_out, m, r, err));
    if (left_out.data != NULL) {
        fk_place_outside(left_out.data, picture->height, picture->width, &m->pre);
        fk_render_hatch(picture, left_out.data);
    }
done:
    fk_image_free(&left_out);
    return st;
}

fleck_status fk_picture_overlay(fk_image *out, const fk_model *m, const fleck_result *r,
                                fleck_error *err)
{
    fk_image view;
    float *full = NULL;
    double level;
    fleck_status st;

    *out = (fk_image){0};
    FK_DO(view_of(&view, r, err));
    FK_DO(fk_result_level(&level, m, r, err));
    FK_DO(FK_ALLOC(&full, view.width * view.height, err));
    FK_DO(fk_result_full_map(full, m, r, err));
    FK_DO(fk_render_overlay(out, &view, full, scale_of(m, full, view.width * view.height), level,
                            err));
    FK_DO(hatch(out, m, r, err));
done:
    if (st != FLECK_OK)
        fk_image_free(out);
    fk_free(full);
    return st;
}

/* The parts of a sheet. */
typedef struct drawing {
    fk_image view, picture; /* the image, borrowed, and the drawing over it */
    float *map;
    uint8_t *kept;
    fk_scale scale;
    fleck_regions regions;
} drawing;

static void drawing_free(drawing *d)
{
    fk_image_free(&d->picture);
    fk_free(d->map);
    fk_free(d->kept);
    fk_regions_free(&d->regions);
}

/* Compute map, scale and regions; no regions if neither model nor settings have a threshold. */
static fleck_status measure(drawing *d, const fk_model *m, const fleck_result *r,
                            const fleck_region_settings *settings, fleck_error *err)
{
    const int64_t n = d->view.width * d->view.height;
    fleck_status st;

    FK_DO(FK_ALLOC(&d->map, n, err));
    if (isnan(settings->threshold) && isnan(m->calibration.pixel_threshold)) {
        d->regions.threshold = NAN;
        FK_DO(fk_result_full_map(d->map, m, r, err));
    } else {
        FK_DO(FK_ALLOC(&d->kept, n, err));
        FK_DO(fk_result_regions(&d->regions, d->map, d->kept, m, r, settings, err));
    }
    d->scale = scale_of(m, d->map, n);
done:
    return st;
}

/* Draw the image, its heat map unless only outlines are wanted, hatches, outlines and numbers. */
static fleck_status draw(drawing *d, const fk_model *m, const fleck_result *r, bool heat,
                         fleck_error *err)
{
    fleck_status st;

    if (heat)
        FK_DO(fk_render_overlay(&d->picture, &d->view, d->map, d->scale, NAN, err));
    else
        FK_DO(fk_image_of_pixels(&d->picture, NULL,
                                 &(fleck_pixels){d->view.data, d->view.width, d->view.height,
                                                 (size_t)d->view.width * 3, FLECK_RGB8},
                                 NULL, NULL, err));
    fk_free(d->map);
    d->map = NULL;
    FK_DO(hatch(&d->picture, m, r, err));
    if (d->kept != NULL)
        FK_DO(fk_render_outline(&d->picture, d->kept, err));
    fk_render_numbers(&d->picture, &d->regions);
done:
    return st;
}

/* Texts of the legend: score, limit and number of regions. */
typedef struct words {
    char score[40], limit[40], regions[40];
} words;

static fk_legend legend_of(words *w, const drawing *d, const fleck_result *r)
{
    static const uint8_t red[3] = {255, 128, 96}, green[3] = {120, 224, 144};
    fk_legend l = {.scale = d->scale, .threshold = d->regions.threshold, .regions = &d->regions};
    int n = 0;

    snprintf(w->score, sizeof w->score, "score %.4g", r->score);
    l.words[n++] = w->score;
    if (!isnan(r->threshold)) {
        snprintf(w->limit, sizeof w->limit, "limit %.4g", r->threshold);
        l.words[n++] = w->limit;
        l.colours[n] = r->defective ? red : green;
        l.words[n++] = r->defective ? "defective" : "good";
    }
    if (!isnan(d->regions.threshold)) {
        snprintf(w->regions, sizeof w->regions, "%lld region%s", (long long)d->regions.count,
                 d->regions.count == 1 ? "" : "s");
        l.words[n++] = w->regions;
    }
    return l;
}

fleck_status fk_picture_sheet(fk_image *out, const fk_model *m, const fleck_result *r,
                              const fleck_picture_settings *settings, bool with_legend,
                              fleck_error *err)
{
    const bool both = settings->kind == FLECK_PICTURE_SIDE_BY_SIDE;
    drawing d = {0};
    const fk_image *pictures[2] = {&d.picture};
    words w;
    fk_legend legend;
    fleck_status st;

    *out = (fk_image){0};
    FK_DO(view_of(&d.view, r, err));
    FK_DO(measure(&d, m, r, settings->regions, err));
    FK_DO(draw(&d, m, r, settings->kind != FLECK_PICTURE_OUTLINE, err));
    legend = legend_of(&w, &d, r);
    if (both) {
        pictures[0] = &d.view;
        pictures[1] = &d.picture;
    }
    FK_DO(fk_render_sheet(out, pictures, both ? 2 : 1, with_legend ? &legend : NULL, err));
done:
    drawing_free(&d);
    return st;
}

fleck_status fk_picture_row(const char *out_path, const fk_image *image, const char *image_path,
                            const fk_image *truth, const fk_image *pictures,
                            const char *const *captions, int n, int64_t tile, fleck_error *err)
{
    const int first = truth != NULL ? 2 : 1; /* column of the first picture */
    char origin[FK_SHA256_TEXT];
    fk_image black = {0}, panel = {0};
    const fk_image *list[FK_PICTURE_COLUMNS + 2] = {image, truth};
    const char *texts[FK_PICTURE_COLUMNS + 2] = {"image", "ground truth"};
    fleck_status st;

    if (n < 1 || n > FK_PICTURE_COLUMNS)
        FK_FAIL(err, FLECK_E_OPTION, "panel: expected 1 to %d models, got %d", FK_PICTURE_COLUMNS,
                n);
    if (truth != NULL && truth->data == NULL) {
        FK_DO(fk_image_init(&black, image->width, image->height, 1, err));
        memset(black.data, 0, (size_t)(image->width * image->height));
        list[1] = &black;
        texts[1] = "ground truth: none";
    }
    for (int i = 0; i < n; i++) {
        list[first + i] = &pictures[i];
        texts[first + i] = captions[i];
    }
    FK_DO(fk_render_panel(&panel, list, texts, n + first, tile, err));
    fk_output_origin(origin, image_path);
    FK_DO(fk_image_save_picture(&panel, origin, out_path, err));
done:
    fk_image_free(&black);
    fk_image_free(&panel);
    return st;
}

fleck_status fk_picture_jpeg(uint8_t **bytes, size_t *size, const fk_model *m,
                             const fleck_result *r, const fleck_picture_settings *settings,
                             int64_t most, fleck_error *err)
{
    fk_image whole = {0}, smaller = {0};
    int64_t width, height;
    fleck_status st;

    *bytes = NULL;
    *size = 0;
    FK_DO(fk_picture_sheet(&whole, m, r, settings, false, err));
    width = whole.width;
    height = whole.height;
    if (most > 0 && (width > most || height > most)) {
        const int64_t longer = width > height ? width : height;

        width = (width * most + longer / 2) / longer;
        height = (height * most + longer / 2) / longer;
        FK_DO(fk_image_resize(&smaller, &whole, width > 0 ? width : 1, height > 0 ? height : 1,
                              FK_FILTER_AREA, err));
        fk_image_free(&whole);
    }
    FK_DO(fk_image_encode_jpeg(bytes, size, smaller.data != NULL ? &smaller : &whole, err));
done:
    fk_image_free(&whole);
    fk_image_free(&smaller);
    return st;
}

fleck_status fk_picture_panel(const char *out_path, const char *image, const char *mask,
                              const fk_picture_column *columns, int n, int64_t tile,
                              fleck_error *err)
{
    fk_image pictures[FK_PICTURE_COLUMNS] = {{0}}, original = {0}, truth = {0};
    const char *captions[FK_PICTURE_COLUMNS];
    fk_image_settings settings;
    fleck_result result = {0};
    unsigned kinds;
    fleck_status st;

    settings = fk_runner_decoding(columns[0].runner);
    FK_DO(fk_image_load_with(&original, image, FK_IMAGE_RGB, &settings, NULL, err));
    for (int i = 0; i < n && i < FK_PICTURE_COLUMNS; i++) {
        FK_DO(fk_predict_file(columns[i].runner, image, true, &result, err));
        FK_DO(fk_picture_overlay(&pictures[i], columns[i].runner->model, &result, err));
        fk_result_free(&result);
        captions[i] = columns[i].caption;
    }
    if (mask != NULL)
        FK_DO(fk_mask_load(&truth, &kinds, mask, image, original.width, original.height, err));
    FK_DO(fk_picture_row(out_path, &original, image, &truth, pictures, captions, n, tile, err));
done:
    fk_image_free(&truth);
    for (int i = 0; i < FK_PICTURE_COLUMNS; i++)
        fk_image_free(&pictures[i]);
    fk_image_free(&original);
    fk_result_free(&result);
    return st;
}
