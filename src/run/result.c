/* SPDX-License-Identifier: Apache-2.0 */
/* The result of one image. */
#include "run/result.h"
#include "base/mem.h"
#include "view/canvas.h"
#include "view/place.h"

#include <math.h>

void fk_result_free(fleck_result *r)
{
    if (r == NULL)
        return;
    fk_free(r->map);
    fk_free(r->image);
    fk_free(r->path);
    fk_free(r->background);
    *r = (fleck_result){0};
}

void fk_result_start(fleck_result *out, const fk_model *m, const fk_image *original)
{
    fk_map_size size = fk_preprocess_canvas(&m->pre, original->width, original->height);

    *out = (fleck_result){.threshold = fk_model_threshold(m),
                          .map_width = size.width,
                          .map_height = size.height,
                          .image_width = original->width,
                          .image_height = original->height};
}

void fk_result_judge(fleck_result *r, const fk_model *m)
{
    const fk_calibration *c = &m->calibration;

    r->defective = r->score > r->threshold; /* false where the threshold is NaN */
    r->ratio = r->score / r->threshold;
    r->above = c->alone != NULL && !isnan(r->threshold)
                   ? fk_share_below(c->alone, c->images, r->score)
                   : (double)NAN;
}

void fk_result_keep(fleck_result *out, fk_image *original)
{
    out->image = original->data;
    original->data = NULL;
}

fleck_status fk_result_full_map(float *out, const fk_model *m, const fleck_result *r,
                                fleck_error *err)
{
    fk_image left_out = {0};
    fleck_status st;

    FK_DO(fk_left_out(&left_out, m, NULL, r->image_width, r->image_height, err));
    fk_place_map(out, r->image_height, r->image_width, r->map, &m->pre);
    for (int64_t i = 0; left_out.data != NULL && i < r->image_width * r->image_height; i++)
        out[i] = left_out.data[i] != 0 ? 0.0f : out[i];
done:
    fk_image_free(&left_out);
    return st;
}
