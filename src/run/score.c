/* SPDX-License-Identifier: Apache-2.0 */
/* Scoring: from embeddings to maps and image scores.
 *
 *     embedding -> map     by the method; many at once if it has score_many
 *     tiles -> map         blended in a fixed order, on any number of threads
 *     map -> score         the map is smoothed, then pooled unless the method has its own score */
#include "run/score.h"
#include "base/clock.h"
#include "base/mem.h"
#include "map/map.h"
#include "metric/metric.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* ---- Embeddings to maps ---- */

typedef struct job {
    fk_runner *runner;
    fk_scoring *images;
    fk_pool *pool;       /* for a single image, else NULL */
    fleck_error *errors; /* NULL, or errors of each image; images with an error are skipped */
} job;

static fleck_status map_one(void *ctx, int64_t item, int worker, fleck_error *err)
{
    const job *j = ctx;
    const fk_model *m = j->runner->model;
    fk_lane *l = &j->runner->lanes[worker];
    fk_scoring *s = &j->images[item];
    double start = fk_clock_seconds();
    fleck_status st = FLECK_OK;

    if (l->method_scratch == NULL)
        FK_DO(fk_alloc(&l->method_scratch, (int64_t)m->method->scratch_size(m->state), 1, err));
    FK_DO(m->method->score(m->state, s->embedding, s->exclude, l->method_scratch, j->pool, s->map,
                           &s->score, err));
done:
    l->score += fk_clock_seconds() - start;
    return st;
}

/* Arguments of fk_method.score_many. */
typedef struct many {
    const fk_embedding **embeddings;
    fk_span *exclude;
    float **maps;
    bool all; /* all maps are wanted */
} many;

static void many_free(many *m)
{
    fk_free(m->embeddings);
    fk_free(m->exclude);
    fk_free(m->maps);
}

static fleck_status many_make(many *m, const fk_scoring *images, int64_t n, fleck_error *err)
{
    fleck_status st;

    *m = (many){.all = true};
    FK_DO(FK_ALLOC(&m->embeddings, n, err));
    FK_DO(FK_ALLOC(&m->exclude, n, err));
    FK_DO(FK_ALLOC(&m->maps, n, err));
    for (int64_t i = 0; i < n; i++) {
        m->embeddings[i] = images[i].embedding;
        m->exclude[i] = images[i].exclude;
        m->maps[i] = images[i].map;
        m->all = m->all && images[i].map != NULL;
    }
done:
    return st;
}

/* Maps of the method, not yet smoothed, and its own scores. */
static fleck_status map_many(fk_runner *r, fk_scoring *images, int64_t n, fleck_error *err)
{
    const fk_method *method = r->model->method;
    job j = {.runner = r, .images = images, .pool = n == 1 ? r->pool : NULL};
    double start = fk_clock_seconds();
    many m = {0};
    fleck_status st = FLECK_OK;

    if (method->score_many != NULL && n > 1)
        FK_DO(many_make(&m, images, n, err));
    if (!m.all) {
        st = fk_pool_run(r->pool, n, map_one, &j, err);
        goto done;
    }
    FK_DO(method->score_many(r->model->state, n, m.embeddings, m.exclude, r->pool, m.maps, err));
    r->lanes[0].score += (fk_clock_seconds() - start) * r->threads;
done:
    many_free(&m);
    return st;
}

/* ---- Maps to scores ---- */

/* Allocate scratch to smooth and pool a map of this size. */
static fleck_status grow_scratch(const fk_model *m, fk_lane *lane, fk_map_size size,
                                 fleck_error *err)
{
    int64_t room = fk_map_gaussian_scratch(size.height, size.width, m->sigma);
    int64_t top_room = m->pooling.kind == FK_POOLING_TOP ? size.height * size.width : 0;
    fleck_status st = FLECK_OK;

    if (room > lane->map_room) {
        fk_free(lane->map_scratch);
        lane->map_room = 0;
        FK_DO(FK_ALLOC(&lane->map_scratch, room, err));
        lane->map_room = room;
    }
    if (top_room > lane->top_room) {
        fk_free(lane->top);
        lane->top_room = 0;
        FK_DO(FK_ALLOC(&lane->top, top_room, err));
        lane->top_room = top_room;
    }
done:
    return st;
}

/* Smooth the map outside the ignored region, and set it to 0 inside:
 *
 *     map = G(w map) / G(w)      G: the Gaussian, w: 0 in the ignored region, else 1
 *
 * so that values of the ignored region have no influence, and values near it do not become
 * lower. */
static fleck_status smooth_around(const fk_scoring *s, double sigma, float *scratch,
                                  fleck_error *err)
{
    int64_t n = s->size.height * s->size.width;
    float *map = s->map, *weight = NULL;
    fleck_status st;

    FK_DO(FK_ALLOC(&weight, n, err));
    for (int64_t i = 0; i < n; i++) {
        weight[i] = s->left_out[i] != 0 ? 0.0f : 1.0f;
        map[i] = s->left_out[i] != 0 ? 0.0f : map[i];
    }
    fk_map_gaussian(map, s->size.height, s->size.width, sigma, scratch);
    fk_map_gaussian(weight, s->size.height, s->size.width, sigma, scratch);
    for (int64_t i = 0; i < n; i++)
        map[i] = s->left_out[i] != 0 ? 0.0f : map[i] / weight[i];
done:
    fk_free(weight);
    return st;
}

/* The image's score from its smoothed map without the ignored region. */
static double pool_map(const fk_model *m, const fk_lane *l, const fk_scoring *s)
{
    int64_t n = s->size.height * s->size.width, count = 0;
    float lowest, highest;

    if (m->pooling.kind == FK_POOLING_TOP) {
        for (int64_t i = 0; i < n; i++)
            if (s->left_out == NULL || s->left_out[i] == 0)
                l->top[count++] = s->map[i];
        return count > 0 ? fk_top_mean(l->top, count, fk_pooling_count(m->pooling, count)) : 0.0;
    }
    fk_map_range(s->map, n, &lowest, &highest);
    return (double)highest;
}

/* Smooth a map, and pool it to the image's score unless the method has its own. */
static fleck_status finish(fk_runner *r, int worker, fk_scoring *s, fleck_error *err)
{
    const fk_model *m = r->model;
    fk_lane *l = &r->lanes[worker];
    double start = fk_clock_seconds();
    fleck_status st;

    FK_DO(grow_scratch(m, l, s->size, err));
    if (s->left_out != NULL)
        FK_DO(smooth_around(s, m->sigma, l->map_scratch, err));
    else
        fk_map_gaussian(s->map, s->size.height, s->size.width, m->sigma, l->map_scratch);
    if (fk_model_scores_maps(m))
        s->score = pool_map(m, l, s);
done:
    l->score += fk_clock_seconds() - start;
    return st;
}

static fleck_status finish_one(void *ctx, int64_t item, int worker, fleck_error *err)
{
    const job *j = ctx;
    fleck_error *own = j->errors != NULL ? &j->errors[item] : err;
    fleck_status st = FLECK_OK;

    if (j->images[item].map != NULL && (j->errors == NULL || own->status == FLECK_OK))
        st = finish(j->runner, worker, &j->images[item], own);
    return j->errors != NULL ? FLECK_OK : st;
}

/* Smooth and pool the maps of images that are not tiled. */
static fleck_status finish_many(fk_runner *r, fk_scoring *images, int64_t n, fleck_error *err)
{
    job j = {.runner = r, .images = images};

    for (int64_t i = 0; i < n; i++)
        images[i].size = fk_preprocess_input(&r->model->pre);
    return fk_pool_run(r->pool, n, finish_one, &j, err);
}

fleck_status fk_score_many(fk_runner *r, fk_scoring *images, int64_t n, fleck_error *err)
{
    fleck_status st = map_many(r, images, n, err);

    return st == FLECK_OK ? finish_many(r, images, n, err) : st;
}

fleck_status fk_score_check(fk_runner *r, const fk_embedding *e, double *score, fleck_error *err)
{
    fk_map_size size = fk_preprocess_input(&r->model->pre);
    fk_scoring image = {.embedding = e, .exclude = FK_NONE};
    fleck_status st = FLECK_OK;

    if (fk_model_scores_maps(r->model))
        FK_DO(FK_ALLOC(&image.map, size.height * size.width, err));
    FK_DO(fk_score_many(r, &image, 1, err));
    *score = image.score;
done:
    fk_free(image.map);
    return st;
}

fleck_status fk_score_fold(fk_runner *r, fk_scoring *images, int64_t n, fleck_error *err)
{
    double start = fk_clock_seconds();
    many m;
    fleck_status st;

    FK_DO(many_make(&m, images, n, err));
    FK_DO(r->model->method->score_fold(r->model->state, n, m.embeddings, r->pool, m.maps, err));
    r->lanes[0].score += (fk_clock_seconds() - start) * r->threads;
    FK_DO(finish_many(r, images, n, err));
done:
    many_free(&m);
    return st;
}

/* ---- Groups of the front end ---- */

/* A block of pieces and their maps. */
typedef struct block {
    fk_front *front;
    int64_t side;       /* of a tile; 0: images are not tiled */
    fk_scoring *pieces; /* [front->block] */
    float *tiles;       /* [front->block, side, side] */
    double *shares;     /* [2, side] scratch of fk_tile_blend() */
} block;

static fleck_status block_make(block *b, fk_front *f, fleck_error *err)
{
    fleck_status st;

    *b = (block){.front = f, .side = f->runner->model->pre.tile};
    FK_DO(FK_ALLOC(&b->pieces, f->block, err));
    FK_DO(FK_ALLOC(&b->tiles, f->block * b->side * b->side + 1, err));
    FK_DO(FK_ALLOC(&b->shares, 2 * b->side + 1, err));
done:
    return st;
}

static void block_free(block *b)
{
    fk_free(b->pieces);
    fk_free(b->tiles);
    fk_free(b->shares);
}

/* Maps of the block's n pieces. */
static fleck_status map_block(block *b, const fk_scoring *images, int64_t n, fleck_error *err)
{
    fk_front *f = b->front;
    fleck_error why = {0};
    fleck_status st;

    for (int64_t k = 0; k < n; k++) {
        b->pieces[k] = images[f->pieces[k].item];
        b->pieces[k].embedding = &f->runner->embeddings[k];
        if (b->side > 0)
            b->pieces[k].map = b->tiles + k * b->side * b->side;
    }
    st = map_many(f->runner, b->pieces, n, &why);
    if (st == FLECK_OK)
        return FLECK_OK;
    if (st == FLECK_E_CANCELLED || !f->each)
        return fk_error_set(err, st, "%s", why.message);
    for (int64_t k = 0; k < n; k++) { /* find the images that fail, one by one */
        fleck_error *own = &f->errors[f->pieces[k].item];

        if (own->status == FLECK_OK && map_many(f->runner, &b->pieces[k], 1, own) != FLECK_OK)
            fk_source_context(f->source, fk_front_image(f, f->pieces[k].item), own);
    }
    return FLECK_OK;
}

/* Add the maps and scores of the block's n pieces to those of their images. */
static void join_block(const block *b, fk_scoring *images, int64_t n)
{
    const fk_front *f = b->front;

    for (int64_t k = 0; k < n; k++) {
        const fk_piece *p = &f->pieces[k];
        fk_scoring *s = &images[p->item];

        if (f->errors[p->item].status != FLECK_OK)
            continue;
        if (b->side > 0)
            fk_tile_blend(s->map, &f->canvases[p->item].tiles, p->tile, b->pieces[k].map,
                          b->shares);
        s->score = p->tile == 0 ? b->pieces[k].score : fmax(s->score, b->pieces[k].score);
    }
}

/* Set sizes from the canvases, and maps of tiled images to 0. */
static void init_group(const fk_front *f, fk_scoring *images)
{
    for (int64_t i = 0; i < f->n; i++) {
        const fk_canvas *c = &f->canvases[i];

        images[i].size = (fk_map_size){c->tiles.height, c->tiles.width};
        if (c->tiled && images[i].map != NULL)
            memset(images[i].map, 0,
                   (size_t)(c->tiles.height * c->tiles.width) * sizeof *images[i].map);
    }
}

fleck_status fk_score_group(fk_front *f, fk_scoring *images, int times, fleck_error *err)
{
    job j = {.runner = f->runner, .images = images, .errors = f->each ? f->errors : NULL};
    block b;
    int64_t n;
    fleck_status st;

    assert(times == 1 || !f->each);
    FK_DO(block_make(&b, f, err));
    for (int t = 0; t < times; t++)
        init_group(f, images + t * f->n);
    FK_DO(fk_front_block(f, &n, err));
    while (n > 0) {
        for (int t = 0; t < times; t++) {
            FK_DO(map_block(&b, images + t * f->n, n, err));
            join_block(&b, images + t * f->n, n);
        }
        FK_DO(fk_front_block(f, &n, err));
    }
    for (int64_t i = 0; i < f->n * times; i++) /* with the background, which is known now */
        images[i].left_out = f->canvases[i % f->n].left_out.data;
    FK_DO(fk_pool_run(f->runner->pool, f->n * times, finish_one, &j, err));
done:
    block_free(&b);
    return st;
}
