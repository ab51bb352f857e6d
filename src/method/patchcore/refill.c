/* SPDX-License-Identifier: Apache-2.0 */
/* What comes into a bank in place of images that are left out.
 *
 * A bank is fitted anew without an image for far less than a fit costs: greedy k-center (coreset.h)
 * leaves a bank M whose points x all have
 *
 *     min over m in M of |x - m| <= r
 *
 * Without the features of a part P of the images this fails only for points that features of P
 * alone are within r of.  One pass over all points finds them.  For each part the choice goes on
 * among those of other parts, farthest first, until all are within r again.  So the bank without P
 * covers the other parts' points as finely as M covers all.
 *
 * Each learned image is then scored without its own part, and the same pass finds how far its
 * points are from M without that. */
#include "method/patchcore/refill.h"
#include "base/carve.h"
#include "base/mem.h"
#include "linalg/linalg.h"
#include "method/patchcore/near.h"

#include <math.h>
#include <string.h>

static void fill_free(fk_fill *f)
{
    for (int64_t p = 0; f->banks != NULL && p < f->parts; p++)
        fk_bank_free(&f->banks[p]);
    fk_free(f->banks);
    fk_free(f->part);
    fk_free(f->begin);
    fk_free(f->index);
    fk_free(f->rows);
    fk_free(f->near);
    *f = (fk_fill){0};
}

void fk_refill_free(fk_refill *l)
{
    for (int i = 0; i < FK_PARTITIONS; i++)
        fill_free(&l->fills[i]);
    fk_free(l->first);
    fk_free(l->count);
    *l = (fk_refill){0};
}

double fk_refill_bytes(int64_t n, int64_t k, int64_t d)
{
    return (double)n * (24.0 + 12.0 * FK_PARTITIONS) + (double)k * (double)(8 * d + 168);
}

/* What the parts of one partition are filled from. */
typedef struct filling {
    const float *x; /* [n, d] */
    int64_t n, d;
    double radius;
    int64_t parts;
    const int32_t *part;   /* [images] */
    const int64_t *images; /* [n] */
    fk_near near;          /* [n] */
    int64_t *begin;        /* [parts + 1] of `loose` */
    int64_t *loose;        /* points that another part alone covers, by that part */
    int64_t **found;       /* [parts] of them, those that come in; owned */
    int64_t *count;        /* [parts] */
} filling;

/* The points of one part's `loose` that are farther than the radius from what there is. */
typedef struct left {
    int64_t n, d;
    int64_t *index; /* [n] */
    float *rows;    /* [n, d] */
    double *far;    /* [n] distance to the bank without the part, and to what has come in */
    double *apart;  /* [n] squared distances to the last one */
} left;

static void left_free(left *l)
{
    fk_free(l->index);
    fk_free(l->rows);
    fk_free(l->far);
    fk_free(l->apart);
}

static fleck_status left_init(left *l, const filling *f, int64_t part, fleck_error *err)
{
    const int64_t *loose = f->loose + f->begin[part];
    fleck_status st;

    *l = (left){.n = f->begin[part + 1] - f->begin[part], .d = f->d};
    FK_DO(FK_ALLOC(&l->index, l->n, err));
    FK_DO(FK_ALLOC(&l->rows, l->n * l->d, err));
    FK_DO(FK_ALLOC(&l->far, l->n, err));
    FK_DO(FK_ALLOC(&l->apart, l->n, err));
    for (int64_t i = 0; i < l->n; i++) {
        l->index[i] = loose[i];
        l->far[i] = (double)f->near.other[loose[i]];
        memcpy(l->rows + i * l->d, f->x + loose[i] * l->d, (size_t)l->d * sizeof *l->rows);
    }
done:
    return st;
}

/* Compare what is left with the last one that has come in, and drop what is covered. */
static void cover(left *l, int64_t last, double radius)
{
    int64_t n = 0;

    fk_linalg_distances2(l->apart, l->rows + last * l->d, l->rows, l->n, l->d);
    for (int64_t i = 0; i < l->n; i++) {
        double far = fmin(l->far[i], sqrt(l->apart[i]));

        if (!(far > radius))
            continue;
        l->far[n] = far;
        l->index[n] = l->index[i];
        if (n < i)
            memcpy(l->rows + n * l->d, l->rows + i * l->d, (size_t)l->d * sizeof *l->rows);
        n++;
    }
    l->n = n;
}

static fleck_status fill_part(void *ctx, int64_t part, int worker, fleck_error *err)
{
    filling *f = ctx;
    left l = {0};
    fleck_status st = FLECK_OK;

    (void)worker;
    if (f->begin[part + 1] == f->begin[part])
        return FLECK_OK;
    FK_DO(left_init(&l, f, part, err));
    FK_DO(FK_ALLOC(&f->found[part], l.n, err));
    while (l.n > 0) {
        int64_t p = 0;

        for (int64_t i = 1; i < l.n; i++)
            p = l.far[i] > l.far[p] ? i : p;
        if (!(l.far[p] > f->radius))
            break;
        f->found[part][f->count[part]++] = l.index[p];
        cover(&l, p, f->radius);
    }
done:
    left_free(&l);
    return st;
}

/* The part that alone covers point i, where it is not its own; else -1. */
static int64_t loose_of(const filling *f, int64_t i)
{
    int32_t lone = f->near.lone[i];

    return lone == f->part[f->images[i]] ? -1 : lone;
}

/* Sort the points by the part that alone covers them. */
static void sort_loose(filling *f)
{
    int64_t *begin = f->begin, p;

    for (int64_t i = 0; i < f->n; i++)
        if ((p = loose_of(f, i)) >= 0)
            begin[p + 1]++;
    for (p = 0; p < f->parts; p++)
        begin[p + 1] += begin[p];
    for (int64_t i = 0; i < f->n; i++)
        if ((p = loose_of(f, i)) >= 0)
            f->loose[begin[p]++] = i;
    for (p = f->parts; p > 0; p--)
        begin[p] = begin[p - 1];
    begin[0] = 0;
}

/* Join what the parts found. */
static fleck_status join(fk_fill *out, const filling *f, fleck_error *err)
{
    int64_t n = 0;
    fleck_status st;

    FK_DO(FK_ALLOC(&out->begin, f->parts + 1, err));
    for (int64_t p = 0; p < f->parts; p++) {
        out->begin[p] = n;
        n += f->count[p];
    }
    out->begin[f->parts] = out->n = n;
    FK_DO(FK_ALLOC(&out->index, n + 1, err));
    for (int64_t p = 0; p < f->parts; p++)
        if (f->count[p] > 0)
            memcpy(out->index + out->begin[p], f->found[p],
                   (size_t)f->count[p] * sizeof *out->index);
done:
    return st;
}

static fleck_status fill_partition(fk_fill *out, filling *f, int64_t n_images, fk_pool *pool,
                                   fleck_error *err)
{
    fleck_status st;

    FK_DO(FK_CALLOC(&f->begin, f->parts + 1, err));
    FK_DO(FK_ALLOC(&f->loose, f->n, err));
    FK_DO(FK_CALLOC(&f->found, f->parts, err));
    FK_DO(FK_CALLOC(&f->count, f->parts, err));
    sort_loose(f);
    FK_DO(fk_pool_run(pool, f->parts, fill_part, f, err));
    FK_DO(join(out, f, err));
    FK_DO(FK_ALLOC(&out->part, n_images, err));
    memcpy(out->part, f->part, (size_t)n_images * sizeof *out->part);
    out->images = n_images;
    out->parts = f->parts;
done:
    for (int64_t p = 0; f->found != NULL && p < f->parts; p++)
        fk_free(f->found[p]);
    fk_free(f->found);
    fk_free(f->count);
    fk_free(f->begin);
    fk_free(f->loose);
    return st;
}

/* The chosen points as a bank. */
static fleck_status bank_of(fk_bank *b, const float *x, int64_t d, const int64_t *images,
                            const int64_t *chosen, int64_t k, fleck_error *err)
{
    fleck_status st;

    *b = (fk_bank){.n = k, .dim = d};
    FK_DO(FK_ALLOC(&b->own_rows, k * d, err));
    FK_DO(FK_ALLOC(&b->own_images, k, err));
    for (int64_t i = 0; i < k; i++) {
        memcpy(b->own_rows + i * d, x + chosen[i] * d, (size_t)d * sizeof *x);
        b->own_images[i] = images[chosen[i]];
    }
    b->rows = b->own_rows;
    b->images = b->own_images;
    FK_DO(fk_bank_measure(b, err));
done:
    return st;
}

/* Of each point the row of the bank that is near. */
static fleck_status rows_of(int64_t **rows, const int64_t *near, int64_t n, const int64_t *chosen,
                            int64_t k, fleck_error *err)
{
    int64_t *row = NULL;
    fleck_status st;

    FK_DO(FK_ALLOC(&row, n, err));
    FK_DO(FK_ALLOC(rows, n, err));
    for (int64_t i = 0; i < k; i++)
        row[chosen[i]] = i;
    for (int64_t i = 0; i < n; i++)
        (*rows)[i] = row[near[i]];
done:
    fk_free(row);
    return st;
}

/* Where each image's points begin, and how many it has. */
static fleck_status find_images(fk_refill *out, const int64_t *images, int64_t n, int64_t n_images,
                                fleck_error *err)
{
    fleck_status st;

    FK_DO(FK_CALLOC(&out->first, n_images, err));
    FK_DO(FK_CALLOC(&out->count, n_images, err));
    for (int64_t i = n - 1; i >= 0; i--) {
        out->first[images[i]] = i;
        out->count[images[i]]++;
    }
done:
    return st;
}

static void near_free(fk_near *n)
{
    fk_free(n->own);
    fk_free(n->other);
    fk_free(n->lone);
}

fleck_status fk_refill_find(fk_refill *out, const fk_parts *parts, const float *x, int64_t n,
                            int64_t d, const int64_t *images, const int64_t *near_to,
                            const int64_t *chosen, int64_t k, double radius, bool keep,
                            fk_pool *pool, fleck_error *err)
{
    fk_near near[FK_PARTITIONS] = {{0}};
    int64_t *rows = NULL;
    fk_bank bank = {0};
    fleck_status st;

    *out = (fk_refill){0};
    FK_DO(bank_of(&bank, x, d, images, chosen, k, err));
    if (keep)
        FK_DO(find_images(out, images, n, parts->images, err));
    for (int i = 0; i < FK_PARTITIONS; i++) {
        if (parts->count[i] == 0)
            continue;
        FK_DO(FK_ALLOC(&near[i].own, n, err));
        FK_DO(FK_ALLOC(&near[i].other, n, err));
        FK_DO(FK_ALLOC(&near[i].lone, n, err));
    }
    FK_DO(rows_of(&rows, near_to, n, chosen, k, err));
    FK_DO(fk_near_find(&bank, x, n, parts, images, rows, radius, near, pool, err));
    for (int i = 0; i < FK_PARTITIONS; i++) {
        filling f = {.x = x,
                     .n = n,
                     .d = d,
                     .radius = radius,
                     .parts = parts->count[i],
                     .part = parts->part[i],
                     .images = images,
                     .near = near[i]};

        if (parts->count[i] == 0)
            continue;
        FK_DO(fill_partition(&out->fills[i], &f, parts->images, pool, err));
        if (keep) {
            out->fills[i].near = near[i].own;
            near[i].own = NULL;
        }
    }
done:
    for (int i = 0; i < FK_PARTITIONS; i++)
        near_free(&near[i]);
    fk_free(rows);
    fk_bank_free(&bank);
    if (st != FLECK_OK)
        fk_refill_free(out);
    return st;
}

/* The banks' images are any numbers, since no search of them leaves something out. */
fleck_status fk_refill_take(fk_fill *f, float *rows, int64_t dim, fleck_error *err)
{
    fleck_status st;

    f->rows = rows;
    f->dim = dim;
    FK_DO(FK_CALLOC(&f->banks, f->parts, err));
    for (int64_t p = 0; p < f->parts; p++) {
        f->banks[p] = (fk_bank){.n = f->begin[p + 1] - f->begin[p],
                                .dim = dim,
                                .rows = rows + f->begin[p] * dim,
                                .images = f->index + f->begin[p]};
        if (f->banks[p].n > 0)
            FK_DO(fk_bank_measure(&f->banks[p], err));
    }
done:
    return st;
}

/* Which part is left out with `exclude`, -1 where nothing is known of it. */
static int64_t part_of(const fk_fill *f, fk_span exclude)
{
    int64_t image = exclude.rank != NULL ? exclude.at : exclude.first;

    if (exclude.count == 0 || f->banks == NULL || image < 0 || image >= f->images)
        return -1;
    return f->part[image];
}

/* The features [*n, dim] that come in where `exclude` is left out; none for FK_NONE, and where
 * nothing was found. */
static const float *rows_in(const fk_refill *l, fk_span exclude, int64_t *n)
{
    const fk_fill *f = &l->fills[exclude.fold ? FK_SESSION : FK_ALONE];
    int64_t part = part_of(f, exclude);

    *n = part < 0 ? 0 : f->banks[part].n;
    return *n > 0 ? f->banks[part].rows : NULL;
}

/* Row i of bank b or, behind these, of `more`. */
static const float *row_of(const fk_bank *b, const float *more, int64_t i)
{
    return i < b->n ? b->rows + i * b->dim : more + (i - b->n) * b->dim;
}

typedef struct weighing {
    double *values, *nearest; /* [b->n], [neighbours] */
    int64_t *indices;         /* [neighbours] */
} weighing;

static size_t lay_out(weighing *w, const fk_bank *b, int64_t neighbours, void *base)
{
    fk_carver c = {.base = base};

    FK_CARVE(&c, w->values, neighbours > 1 ? b->n : 0);
    FK_CARVE(&c, w->nearest, neighbours);
    FK_CARVE(&c, w->indices, neighbours);
    return c.used;
}

size_t fk_refill_score_scratch_size(const fk_bank *b, int64_t neighbours)
{
    weighing w;

    return lay_out(&w, b, neighbours, NULL);
}

/* The factor of s* for feature x, whose nearest is `row`.  The quotient is computed as
 * 1 / sum of exp(|x - m| - |x - m*|), which does not overflow, since m* is the nearest. */
static double weigh(const fk_refill *l, const fk_bank *b, fk_span exclude, const float *x,
                    int64_t row, int64_t neighbours, void *scratch)
{
    int64_t n_more;
    const float *more = rows_in(l, exclude, &n_more), *at = row_of(b, more, row);
    double distance = sqrt(fk_linalg_distance2(x, at, b->dim)), sum = 0.0;
    weighing w;

    lay_out(&w, b, neighbours, scratch);
    fk_linalg_distances2(w.values, at, b->rows, b->n, b->dim);
    for (int64_t i = 0; i < neighbours; i++) {
        w.nearest[i] = INFINITY;
        w.indices[i] = -1;
    }
    for (int64_t i = 0; i < b->n; i++)
        if (!fk_span_has(exclude, b->images[i]))
            fk_linalg_smallest(w.nearest, w.indices, neighbours, w.values[i], i);
    for (int64_t i = 0; i < n_more; i++)
        fk_linalg_smallest(w.nearest, w.indices, neighbours,
                           fk_linalg_distance2(at, more + i * b->dim, b->dim), b->n + i);
    if (w.indices[1] < 0) /* nothing to weigh by */
        return 1.0;
    for (int64_t i = 0; i < neighbours && w.indices[i] >= 0; i++)
        sum += exp(sqrt(fk_linalg_distance2(x, row_of(b, more, w.indices[i]), b->dim)) - distance);
    return fmax(0.0, 1.0 - 1.0 / sum);
}

double fk_refill_score(const fk_refill *l, const fk_bank *b, fk_span exclude, const float *x,
                       const float *distance, const int64_t *index, const uint8_t *valid, int64_t n,
                       int64_t neighbours, void *scratch)
{
    int64_t worst = -1;
    double score;

    for (int64_t i = 0; i < n; i++)
        if ((valid == NULL || valid[i] != 0) && (worst < 0 || distance[i] > distance[worst]))
            worst = i;
    if (worst < 0)
        return 0.0;
    score = (double)distance[worst];
    if (neighbours > 1)
        score *= weigh(l, b, exclude, x + worst * b->dim, index[worst], neighbours, scratch);
    return score;
}

fleck_status fk_refill_nearer(const fk_refill *l, fk_span exclude, const float *x, int64_t n,
                              int64_t shift, void *scratch, fk_pool *pool, float *distance,
                              int64_t *index, fleck_error *err)
{
    const fk_fill *f = &l->fills[exclude.fold ? FK_SESSION : FK_ALONE];
    int64_t part = part_of(f, exclude);

    if (part < 0 || f->banks[part].n == 0)
        return FLECK_OK;
    return fk_bank_nearer(&f->banks[part], x, n, shift, scratch, pool, distance, index, err);
}

bool fk_refill_near(const fk_refill *l, fk_span exclude, float *distance, int64_t n)
{
    const fk_fill *f = &l->fills[exclude.fold ? FK_SESSION : FK_ALONE];

    if (!exclude.learned || f->near == NULL || part_of(f, exclude) < 0 || l->count[exclude.at] != n)
        return false;
    memcpy(distance, f->near + l->first[exclude.at], (size_t)n * sizeof *distance);
    return true;
}
