/* SPDX-License-Identifier: Apache-2.0 */
/* Draws the images of the sample category, pixel by pixel. */
#include "synth/scene.h"
#include "synth/synth.h"

#include "base/mem.h"
#include "synth/noise.h"

#define SMALLEST 64

static const char *const names[FK_SYNTH_KINDS] = {"scratch", "dent", "stain", "crack",
                                                  "missing_hole"};

int fk_synth_defects(void)
{
    return FK_SYNTH_KINDS;
}

const char *fk_synth_defect_name(int i)
{
    return names[i];
}

/* Light on the sensor: lamp, lens (darker towards the corners), and the noise of each pixel. */
static void expose(uint8_t *rgb, const fk_synth_part *p, int64_t x, int64_t y,
                   const fk_synth_surface *s, const double colour[3])
{
    double side = (double)(p->width > p->height ? p->width : p->height);
    double across = ((double)x + 0.5 - 0.5 * (double)p->width) / side;
    double down = ((double)y + 0.5 - 0.5 * (double)p->height) / side;
    double light = s->level * p->gain * (1 + p->slope_x * across + p->slope_y * down) *
                   (1 - 0.16 * (across * across + down * down));
    double grain[4];

    fk_synth_grain(grain, p->texture, x, y);
    for (int c = 0; c < 3; c++) {
        double tint = p->bench[c] + s->metal * (p->metal[c] - p->bench[c]);
        double v = light * tint * colour[c] + 1.8 * grain[3] + 0.7 * grain[c] + 0.5;

        rgb[c] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
}

void fk_synth_paint(uint8_t *rgb, uint8_t *mask, const fk_synth_part *p, const fk_synth_defect *d)
{
    for (int64_t y = 0; y < p->height; y++) {
        for (int64_t x = 0; x < p->width; x++) {
            double dx = ((double)x + 0.5 - p->centre_x) / p->scale;
            double dy = ((double)y + 0.5 - p->centre_y) / p->scale;
            double u = p->cosine * dx + p->sine * dy, v = p->cosine * dy - p->sine * dx;
            double colour[3] = {1, 1, 1};
            fk_synth_surface s = fk_synth_shade(p, u, v, -1);
            bool hit = d != NULL && fk_synth_damage(d, p, u, v, &s, colour);

            expose(rgb + 3 * (y * p->width + x), p, x, y, &s, colour);
            if (mask != NULL)
                mask[y * p->width + x] = hit ? 255 : 0;
        }
    }
}

fleck_status fk_synth_check(const fk_synth_settings *s, fleck_error *err)
{
    int64_t counts[3] = {s->train, s->good, s->defective};

    if (s->width < SMALLEST || s->height < SMALLEST || s->width > FK_IMAGE_MAX_SIDE ||
        s->height > FK_IMAGE_MAX_SIDE || s->width * s->height > FK_IMAGE_MAX_PIXELS)
        return fk_error_set(err, FLECK_E_OPTION,
                            "synth: images must have sides of %d to %d pixels and at most %lld "
                            "pixels, got %lldx%lld",
                            SMALLEST, FK_IMAGE_MAX_SIDE, (long long)FK_IMAGE_MAX_PIXELS,
                            (long long)s->width, (long long)s->height);
    for (int i = 0; i < 3; i++) {
        if (counts[i] < 0 || counts[i] > FK_SYNTH_MOST)
            return fk_error_set(err, FLECK_E_OPTION,
                                "synth: numbers of images must be 0 to %d, got %lld", FK_SYNTH_MOST,
                                (long long)counts[i]);
    }
    return FLECK_OK;
}

fleck_status fk_synth_draw(fk_image *out, fk_image *mask, const fk_synth_settings *s, int stream,
                           int64_t index, fleck_error *err)
{
    fk_image im = {0}, spots = {0};
    fk_synth_part part;
    fk_synth_defect defect;
    fk_prng g;
    bool damaged = stream >= 2;
    fleck_status st;

    *out = (fk_image){0};
    if (mask != NULL)
        *mask = (fk_image){0};
    FK_DO(fk_synth_check(s, err));
    if (stream < 0 || stream >= 2 + FK_SYNTH_KINDS || index < 0)
        FK_FAIL(err, FLECK_E_OPTION,
                "synth: expected a stream of 0 to %d and an index from 0, got %d and %lld",
                1 + FK_SYNTH_KINDS, stream, (long long)index);
    FK_DO(fk_image_init(&im, s->width, s->height, 3, err));
    if (mask != NULL)
        FK_DO(fk_image_init(&spots, s->width, s->height, 1, err));
    fk_synth_seed(&g, s->seed, stream, index);
    fk_synth_vary(&part, s->width, s->height, &g);
    if (damaged)
        fk_synth_plan(&defect, &part, (fk_synth_kind)(stream - 2), &g);
    fk_synth_paint(im.data, spots.data, &part, damaged ? &defect : NULL);
    *out = im;
    im = (fk_image){0};
    if (mask != NULL)
        *mask = spots;
    spots = (fk_image){0};
done:
    fk_image_free(&im);
    fk_image_free(&spots);
    return st;
}

void fk_synth_seed(fk_prng *g, uint64_t seed, int stream, int64_t index)
{
    fk_prng_seed(g, fk_prng_hash(fk_prng_hash(seed) + (uint64_t)stream) + (uint64_t)index);
}
