/* SPDX-License-Identifier: Apache-2.0 */
/* Learning the foreground before the method learns: a sample of the good images passes the network
 * first.  That is a small part of a fit, since the sample has 32 images at most. */
#include "fit/fitting.h"
#include "base/mem.h"

#include <string.h>

/* Images of the sample, and positions of each. */
#define IMAGES 32
#define POSITIONS 256
/* Most bytes of the sample's features. */
#define BYTES (INT64_C(64) << 20)

typedef struct sample {
    int64_t n, room, dim;
    int64_t step; /* between the rows, and the columns, of a grid that are in it */
    float *features;
    uint8_t *places;
} sample;

static void sample_free(sample *s)
{
    fk_free(s->features);
    fk_free(s->places);
}

/* The level that the foreground is seen on: the last, which means most. */
static const fk_level *level_of(const fk_embed_shape *shape)
{
    return &shape->levels[shape->n_levels - 1];
}

static fleck_status sample_make(sample *s, const fk_embed_shape *shape, int64_t images,
                                fleck_error *err)
{
    const fk_level *level = level_of(shape);
    int64_t row = level->dim * (int64_t)sizeof(float), most = BYTES / row / images;
    int64_t rows, columns;
    fleck_status st;

    most = most > POSITIONS ? POSITIONS : most < 16 ? 16 : most;
    *s = (sample){.step = 0, .dim = level->dim};
    do {
        s->step++;
        rows = (level->height - 1) / s->step + 1;
        columns = (level->width - 1) / s->step + 1;
    } while (rows * columns > most);
    /* the last row and column are in it too, since they are the border */
    s->room = images * (rows + 1) * (columns + 1);
    FK_DO(FK_ALLOC(&s->features, s->room * s->dim, err));
    FK_DO(FK_ALLOC(&s->places, s->room, err));
done:
    return st;
}

/* The next row or column after i of n. */
static int64_t after(const sample *s, int64_t i, int64_t n)
{
    return i + s->step >= n && i < n - 1 ? n - 1 : i + s->step;
}

static void sample_add(sample *s, const fk_level *level)
{
    for (int64_t y = 0; y < level->height; y = after(s, y, level->height))
        for (int64_t x = 0; x < level->width; x = after(s, x, level->width)) {
            int64_t p = y * level->width + x;

            if (level->valid != NULL && level->valid[p] != 1)
                continue;
            memcpy(s->features + s->n * s->dim, level->data + p * s->dim,
                   (size_t)s->dim * sizeof(float));
            s->places[s->n++] = (uint8_t)fk_foreground_place(y, x, level->height, level->width);
        }
}

/* Fill s from the images of `order` [n]. */
static fleck_status collect(sample *s, const fk_fitting *f, const int64_t *order, int64_t n,
                            fleck_error *err)
{
    fk_front front = {.runner = f->runner,
                      .source = f->source,
                      .order = order,
                      .room = f->front.room,
                      .block = f->front.block};
    int64_t pieces;
    fleck_status st;

    FK_DO(fk_front_open(&front, err));
    fk_watch_stage(f->watch, "foreground", n);
    for (int64_t first = 0; first < n; first += front.n) {
        int64_t left = n - first;

        FK_DO(fk_watch_tell(f->watch, first, err));
        FK_DO(fk_front_read(&front, first, left < front.room ? left : front.room, err));
        FK_DO(fk_front_block(&front, &pieces, err));
        while (pieces > 0) {
            for (int64_t i = 0; i < pieces; i++) {
                const fk_embedding *e = &f->runner->embeddings[i];

                sample_add(s, &e->levels[e->n_levels - 1]);
            }
            FK_DO(fk_front_block(&front, &pieces, err));
        }
    }
done:
    fk_front_close(&front);
    return st;
}

fleck_status fk_fit_find_foreground(fk_fitting *f, const fleck_settings *s, fleck_error *err)
{
    int64_t order[IMAGES], n = f->n < IMAGES ? f->n : IMAGES;
    fk_foreground_signs signs = {0};
    fk_foreground found = {0};
    sample all = {0};
    fleck_status st;

    if (s->foreground == NULL || strcmp(s->foreground, "auto") != 0)
        return FLECK_OK;
    if (f->source->files == NULL)
        return fk_error_set(err, FLECK_E_UNSUPPORTED,
                            "foreground: images that come one after another cannot be looked at "
                            "before they are learned");
    for (int64_t i = 0; i < n; i++)
        order[i] = (2 * i + 1) * f->n / (2 * n);
    FK_DO(sample_make(&all, &f->model->shape, n, err));
    FK_DO(collect(&all, f, order, n, err));
    if (all.n > 1)
        FK_DO(fk_foreground_learn(&found, all.features, all.places, all.n, all.dim, &signs, err));
    found.least = 1.0;
    f->model->foreground = found;
    if (found.dim == 0)
        fk_warn_say(f->runner->warn,
                    "foreground: the good photos show none that is clear, so whole photos count "
                    "(separation %.2f, expected %.2f; contrast of centre and border %.2f, expected "
                    "%.2f)",
                    signs.separation, FK_FOREGROUND_SEPARATION, signs.contrast,
                    FK_FOREGROUND_CONTRAST);
done:
    sample_free(&all);
    return st;
}

void fk_fit_measure_foreground(fk_fitting *f)
{
    fk_foreground *g = &f->model->foreground;

    for (int64_t i = 0; g->dim > 0 && i < f->front.n; i++) {
        const fk_canvas *c = &f->front.canvases[i];
        int64_t n = c->background.width * c->background.height, count = 0;

        for (int64_t p = 0; p < n; p++)
            count += c->background.data[p] != 0;
        g->share += (1.0 - (n > 0 ? (double)count / (double)n : 0.0)) / (double)f->n;
        g->least = c->above < g->least ? c->above : g->least;
    }
}
