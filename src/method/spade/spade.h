/* SPDX-License-Identifier: Apache-2.0 */
/* SPADE's state, and declarations that the files of its scoring share; internal to this folder. */
#ifndef FK_METHOD_SPADE_SPADE_H
#define FK_METHOD_SPADE_SPADE_H

#include "base/carve.h"
#include "method/method.h"

/* Nearest images in the paper, the default of K. */
#define FK_SPADE_USUAL_K 50
/* Radius that means all positions. */
#define FK_SPADE_EVERYWHERE (-1)

/* The features of N learned images: all levels and a global feature of each. */
typedef struct fk_spade {
    fk_embed_shape shape;
    fk_map_size map;
    int64_t n, room;                  /* images; capacity of the owned arrays in images */
    const float *levels[FK_MAX_TAPS]; /* [N, h, w, C] each */
    const float *global;              /* [N, G] */
    float *own_levels[FK_MAX_TAPS];   /* the same if owned; NULL: levels are views of a file */
    float *own_global;
    const uint8_t *flags; /* NULL, or [N, positions of all levels]: 0 where an image's `valid` is */
    uint8_t *own_flags;
    int64_t asked_image, asked_pixel; /* --k-image and --k-pixel, 0: FK_SPADE_USUAL_K */
    int64_t kappa;
    int64_t radius; /* of the window that is searched, or FK_SPADE_EVERYWHERE */
    bool concat;    /* fusion: one distance of joined taps, not the mean of the taps' maps */
    bool finished;
} fk_spade;

/* The source of an output row or column, see fk_map_source(). */
typedef struct fk_spade_axis {
    int64_t first, second;
    double weight;
} fk_spade_axis;

/* One map: a query image is compared with a gallery, over a group of levels on a common grid. */
typedef struct fk_spade_query {
    const fk_spade *spade;
    const fk_embedding *image;
    const int64_t *gallery; /* [n_gallery] learned images, nearest first */
    int64_t n_gallery, kappa;
    int first, count;      /* levels first .. first + count - 1, joined */
    int64_t height, width; /* the common grid: that of the largest; others are enlarged to it */
    fk_spade_axis *rows[FK_MAX_TAPS], *columns[FK_MAX_TAPS]; /* [height], [width] for each level */
    double *nearest;                                         /* [height * width, kappa] */
    int64_t *indices;                                        /* the same */
    /* With masks, else NULL (usable.c): */
    uint8_t *usable;    /* [n_gallery, height * width] whether a feature may be found */
    int64_t *available; /* [height * width] number of nearest features, at most kappa */
} fk_spade_query;

/* Scratch of one query: a part that all workers share, and a part for each of them. */
typedef struct fk_spade_room {
    char *shared, *first, *others; /* shared; worker 0's part; those of workers 1, 2, .. */
    size_t worker_size;
} fk_spade_room;

static inline char *fk_spade_worker(const fk_spade_room *room, int worker)
{
    return worker == 0 ? room->first : room->others + (size_t)(worker - 1) * room->worker_size;
}

/* Whether level t of the query's group has the common grid. */
static inline bool fk_spade_direct(const fk_spade_query *q, int t)
{
    const fk_level *level = &q->spade->shape.levels[q->first + t];

    return level->height == q->height && level->width == q->width;
}

/* Level t of the query's group: its shape, the query's data, a learned image's data. */
static inline const fk_level *fk_spade_level(const fk_spade_query *q, int t)
{
    return &q->spade->shape.levels[q->first + t];
}

static inline const float *fk_spade_query_data(const fk_spade_query *q, int t)
{
    return q->image->levels[q->first + t].data;
}

static inline const float *fk_spade_image_data(const fk_spade_query *q, int t, int64_t image)
{
    const fk_level *level = fk_spade_level(q, t);

    return q->spade->levels[q->first + t] + image * level->height * level->width * level->dim;
}

/* Number of positions of the first n levels of one image. */
static inline int64_t fk_spade_positions(const fk_spade *s, int n)
{
    int64_t sum = 0;

    for (int i = 0; i < n; i++)
        sum += s->shape.levels[i].height * s->shape.levels[i].width;
    return sum;
}

/* Whether position p of the gallery's image k may be found. */
static inline bool fk_spade_usable(const fk_spade_query *q, int64_t k, int64_t p)
{
    return q->usable == NULL || q->usable[k * q->height * q->width + p] != 0;
}

/* Most rows of a band: the part of the grid that a thread processes at a time. */
#define FK_SPADE_BAND 8

/* Number of bands of q's grid; it is even, so that two threads get the same number. */
static inline int64_t fk_spade_bands(const fk_spade_query *q)
{
    int64_t n = (q->height + FK_SPADE_BAND - 1) / FK_SPADE_BAND;

    return n + n % 2;
}

/* The first row of a band, which is the end of the band before it. */
static inline int64_t fk_spade_band_begin(const fk_spade_query *q, int64_t band)
{
    return band * q->height / fk_spade_bands(q);
}

static inline int64_t fk_spade_least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t fk_spade_most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Number of positions in the window of a grid's corner, the smallest window. */
static inline int64_t fk_spade_reach(const fk_spade *s, int64_t height, int64_t width)
{
    int64_t r = s->radius;

    if (r == FK_SPADE_EVERYWHERE)
        return height * width;
    return fk_spade_least(r + 1, height) * fk_spade_least(r + 1, width);
}

/* Whether every window is the whole grid. */
static inline bool fk_spade_reaches_all(const fk_spade *s, int64_t height, int64_t width)
{
    return fk_spade_reach(s, height, width) == height * width;
}

/* Number of the entries from nearest[p * kappa] on that are valid. */
static inline int64_t fk_spade_available(const fk_spade_query *q, int64_t p)
{
    return q->available == NULL ? q->kappa : q->available[p];
}

/* Mean of n numbers, 0 if there are none. */
static inline float fk_spade_mean(double sum, int64_t n)
{
    return n > 0 ? (float)(sum / (double)n) : 0.0f;
}

/* Set positions begin .. end - 1 of grid to the mean of their kappa nearest squared distances. */
static inline void fk_spade_average(const fk_spade_query *q, float *grid, int64_t begin,
                                    int64_t end)
{
    for (int64_t p = begin; p < end; p++) {
        int64_t n = fk_spade_available(q, p);
        double sum = 0.0;

        for (int64_t i = 0; i < n; i++)
            sum += q->nearest[p * q->kappa + i];
        grid[p] = fk_spade_mean(sum, n);
    }
}

/* The three searches: at the same position, within a radius, at all positions.  The caller sets
 * rows, columns, nearest (INFINITY) and indices (-1).
 *   _room          bytes of shared scratch and of each worker's scratch
 *   _same_nearest  insert the gallery's features of the same position into the nearest
 *   _same, _near, _all  fill grid [height * width] with the mean of the squared distances of each
 *                  position's joined feature to its kappa nearest */
void fk_spade_same_room(const fk_spade_query *q, size_t *shared, size_t *worker);
void fk_spade_near_room(const fk_spade_query *q, size_t *shared, size_t *worker);
void fk_spade_all_room(const fk_spade_query *q, size_t *shared, size_t *worker);
fleck_status fk_spade_same_nearest(const fk_spade_query *q, const fk_spade_room *room,
                                   fk_pool *pool, fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_spade_same(const fk_spade_query *q, const fk_spade_room *room, fk_pool *pool,
                           float *grid, fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_spade_near(const fk_spade_query *q, const fk_spade_room *room, fk_pool *pool,
                           float *grid, fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_spade_all(const fk_spade_query *q, const fk_spade_room *room, fk_pool *pool,
                          float *grid, fleck_error *err) FLECK_MUST_CHECK;

/* Fill usable and available if there are flags.  bare: scratch [positions of all levels]. */
void fk_spade_find_usable(const fk_spade_query *q, uint8_t *bare);

/* The method's score and scratch_size. */
size_t fk_spade_scratch_size(const void *state);
fleck_status fk_spade_score(const void *state, const fk_embedding *e, fk_span exclude,
                            void *scratch, fk_pool *pool, float *map, double *score,
                            fleck_error *err) FLECK_MUST_CHECK;

#endif
