/* SPDX-License-Identifier: Apache-2.0 */
/* SPADE's scoring: the nearest learned images, the image's score, and one map of all taps.
 *
 *     score = 1/K sum over the K nearest g of |f_q - f_g|^2        f: global features; k-image
 *     map   = 1/kappa sum over the kappa nearest of |F_q[p] - F|^2   F: among the features that the
 *                                                                   K nearest images (k-pixel) have
 *                                                                   within a radius of p
 *
 * Cohen and Hoshen 2020, sections 3.2 and 3.3.  All distances are squared, as there.  With masks,
 * features that usable.c excludes are ignored; if fewer than kappa remain, the mean is over these.
 */
#include "method/spade/spade.h"
#include "base/mem.h"
#include "map/map.h"
#include "linalg/linalg.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* The arrays of one score, in the caller's scratch. */
typedef struct layout {
    double *distances; /* [N] of the global feature */
    double *nearest;   /* [K] squared distances, K the larger of k-image and k-pixel */
    int64_t *images;   /* [K] */
    double *values;    /* [P, kappa] for the largest grid */
    int64_t *indices;
    fk_spade_axis *axes; /* [levels, H + W] */
    float *grid;         /* [P] */
    float *enlarged;     /* [map], for the mean of several */
    uint8_t *usable;     /* where there are flags: [k-pixel, P] */
    int64_t *available;  /* [P] */
    uint8_t *bare;       /* [positions of all levels] */
    fk_spade_room room;
} layout;

/* K of n images; asked 0: the paper's number. */
static int64_t neighbours(int64_t asked, int64_t n)
{
    return fk_spade_least(asked > 0 ? asked : FK_SPADE_USUAL_K, n);
}

static int group_count(const fk_spade *s)
{
    return s->concat ? 1 : s->shape.n_levels;
}

/* Levels and grid of group i of the taps. */
static void set_group(fk_spade_query *q, const fk_spade *s, int i)
{
    q->spade = s;
    q->first = s->concat ? 0 : i;
    q->count = s->concat ? s->shape.n_levels : 1;
    q->height = q->width = 0;
    for (int t = 0; t < q->count; t++) {
        q->height = fk_spade_most(q->height, fk_spade_level(q, t)->height);
        q->width = fk_spade_most(q->width, fk_spade_level(q, t)->width);
    }
}

static void lay_out(layout *l, const fk_spade *s, fk_carver *c)
{
    int64_t k = fk_spade_most(neighbours(s->asked_image, s->n), neighbours(s->asked_pixel, s->n));
    int64_t cells = 0, axes = 0;
    size_t shared = 0, worker = 0;

    for (int i = 0; i < group_count(s); i++) {
        fk_spade_query q = {.kappa = s->kappa};
        size_t a, b;

        set_group(&q, s, i);
        if (fk_spade_reaches_all(s, q.height, q.width))
            fk_spade_all_room(&q, &a, &b);
        else if (s->radius > 0)
            fk_spade_near_room(&q, &a, &b);
        else
            fk_spade_same_room(&q, &a, &b);
        shared = a > shared ? a : shared;
        worker = b > worker ? b : worker;
        cells = fk_spade_most(cells, q.height * q.width);
        axes = fk_spade_most(axes, q.count * (q.height + q.width));
    }
    FK_CARVE(c, l->distances, s->n);
    FK_CARVE(c, l->nearest, k);
    FK_CARVE(c, l->images, k);
    FK_CARVE(c, l->values, cells * s->kappa);
    FK_CARVE(c, l->indices, cells * s->kappa);
    FK_CARVE(c, l->axes, axes);
    FK_CARVE(c, l->grid, cells);
    FK_CARVE(c, l->enlarged, s->map.height * s->map.width);
    l->usable = l->bare = NULL;
    l->available = NULL;
    if (s->flags != NULL) {
        FK_CARVE(c, l->usable, neighbours(s->asked_pixel, s->n) * cells);
        FK_CARVE(c, l->available, cells);
        FK_CARVE(c, l->bare, fk_spade_positions(s, s->shape.n_levels));
    }
    FK_CARVE(c, l->room.shared, (int64_t)shared);
    l->room.worker_size = c->used;
    FK_CARVE(c, l->room.first, (int64_t)worker);
    l->room.worker_size = c->used - l->room.worker_size;
    l->room.others = NULL;
}

size_t fk_spade_scratch_size(const void *state)
{
    layout l;
    fk_carver c = {0};

    lay_out(&l, state, &c);
    return c.used;
}

/* Find the k nearest learned images that are not in `exclude`; returns their number, which is less
 * than k if too few remain or the model's global features are not finite. */
static int64_t find_images(const layout *l, const fk_spade *s, const fk_embedding *e,
                           fk_span exclude, int64_t k)
{
    fk_linalg_distances2(l->distances, e->global, s->global, s->n, s->shape.global_dim);
    for (int64_t i = 0; i < k; i++) {
        l->nearest[i] = INFINITY;
        l->images[i] = -1;
    }
    for (int64_t i = 0; i < s->n; i++)
        if (!fk_span_has(exclude, i))
            fk_linalg_smallest(l->nearest, l->images, k, l->distances[i], i);
    while (k > 0 && l->images[k - 1] < 0)
        k--;
    return k;
}

static void set_axes(fk_spade_query *q, const layout *l)
{
    fk_spade_axis *at = l->axes;

    for (int t = 0; t < q->count; t++) {
        const fk_level *level = fk_spade_level(q, t);

        q->rows[t] = at;
        for (int64_t y = 0; y < q->height; y++, at++)
            fk_map_source(y, q->height, level->height, &at->first, &at->second, &at->weight);
        q->columns[t] = at;
        for (int64_t x = 0; x < q->width; x++, at++)
            fk_map_source(x, q->width, level->width, &at->first, &at->second, &at->weight);
    }
}

static fleck_status group_map(float *map, const layout *l, fk_spade_query *q, fk_pool *pool,
                              fleck_error *err)
{
    const fk_spade *s = q->spade;
    int64_t n = q->height * q->width * q->kappa;
    fleck_status st;

    set_axes(q, l);
    q->nearest = l->values;
    q->indices = l->indices;
    q->usable = l->usable;
    q->available = l->available;
    if (s->flags != NULL)
        fk_spade_find_usable(q, l->bare);
    for (int64_t i = 0; i < n; i++) {
        l->values[i] = INFINITY;
        l->indices[i] = -1;
    }
    if (fk_spade_reaches_all(s, q->height, q->width))
        FK_DO(fk_spade_all(q, &l->room, pool, l->grid, err));
    else if (s->radius > 0)
        FK_DO(fk_spade_near(q, &l->room, pool, l->grid, err));
    else
        FK_DO(fk_spade_same(q, &l->room, pool, l->grid, err));
    if (!fk_embed_finite(l->grid, q->height * q->width))
        FK_FAIL(err, FLECK_E_FORMAT, "spade: the model's features are not finite");
    fk_map_resize_bilinear(map, s->map.height, s->map.width, l->grid, q->height, q->width);
done:
    return st;
}

static fleck_status make_map(float *map, const layout *l, const fk_spade *s, const fk_embedding *e,
                             int64_t k, fk_pool *pool, fleck_error *err)
{
    int64_t pixels = s->map.height * s->map.width;
    int groups = group_count(s);
    fleck_status st = FLECK_OK;

    for (int i = 0; i < groups; i++) {
        fk_spade_query q = {.image = e, .gallery = l->images, .n_gallery = k};

        set_group(&q, s, i);
        q.kappa = fk_spade_least(s->kappa, k * fk_spade_reach(s, q.height, q.width));
        FK_DO(group_map(i == 0 ? map : l->enlarged, l, &q, pool, err));
        for (int64_t p = 0; i > 0 && p < pixels; p++)
            map[p] += l->enlarged[p];
    }
    for (int64_t p = 0; groups > 1 && p < pixels; p++)
        map[p] /= (float)groups;
done:
    return st;
}

fleck_status fk_spade_score(const void *state, const fk_embedding *e, fk_span exclude,
                            void *scratch, fk_pool *pool, float *map, double *score,
                            fleck_error *err)
{
    const fk_spade *s = state;
    int64_t k_image = neighbours(s->asked_image, s->n), k_pixel = neighbours(s->asked_pixel, s->n);
    int64_t found, others = fk_pool_threads(pool) - 1;
    layout l;
    char *heap = NULL;
    fk_carver c = {.base = scratch};
    fleck_status st;

    if (!s->finished)
        FK_FAIL(err, FLECK_E_STATE, "spade: finish the fit before scoring");
    if (exclude.count > 0 && exclude.count >= s->n)
        FK_FAIL(err, FLECK_E_STATE, "spade: leaving one image out needs another, there is none");
    assert(exclude.first + exclude.count <= s->n);
    FK_DO(fk_embedding_check(e, &s->shape, err));
    lay_out(&l, s, &c);
    if (others > 0 && map != NULL)
        FK_DO(fk_alloc((void **)&heap, others, l.room.worker_size, err));
    l.room.others = heap;
    found = find_images(&l, s, e, exclude, fk_spade_most(k_image, k_pixel));
    if (found == 0)
        FK_FAIL(err, FLECK_E_FORMAT, "spade: the model's global features are not finite");
    if (score != NULL) {
        double sum = 0.0;

        for (int64_t i = 0; i < fk_spade_least(k_image, found); i++)
            sum += l.nearest[i];
        *score = sum / (double)fk_spade_least(k_image, found);
    }
    if (map != NULL)
        FK_DO(make_map(map, &l, s, e, fk_spade_least(k_pixel, found), pool, err));
done:
    fk_free(heap);
    return st;
}
