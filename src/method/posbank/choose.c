/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing the banks, and those that a fit without some images would choose.
 *
 * Each position by itself: with candidates x[0] .. x[n-1] in order of images, the first is chosen,
 * and then always the one farthest from those that are (greedy k-center; of equally far ones the
 * first), until there are K = max(least, floor(fraction n)) or all others equal a chosen one:
 *
 *     c[0] = 0,   c[k] = argmax over i of min over j < k of |x[i] - x[c[j]]|
 *
 * Without the images of a part the same rule gives another choice.  Where none of c[0] .. c[k-1] is
 * of the part, its first k are the same, since only candidates are gone that were not the farthest.
 * So only parts with a chosen candidate need a choice of their own, and only from the first such
 * candidate on.  There are at most K of them at a position, however many images there are.
 * Distances are kept in a table, since the choices share them.
 *
 * Cost of a position: about 1.5 K n D multiply-adds for distances, K^2 n / 2 comparisons. */
#include "method/posbank/posbank.h"
#include "base/mem.h"
#include "linalg/linalg.h"

#include <math.h>
#include <string.h>

int64_t fk_posbank_size(const fk_posbank *s, int64_t n)
{
    int64_t share = (int64_t)floor(s->fraction * (double)n);

    share = share > s->least ? share : s->least;
    return share < n ? share : n;
}

void fk_banks_free(fk_banks *b)
{
    fk_free(b->begin);
    fk_free(b->rows);
    fk_free(b->image);
    *b = (fk_banks){0};
}

void fk_exclusions_free(fk_exclusions *e, int64_t positions)
{
    for (int64_t p = 0; e->others != NULL && p < positions; p++) {
        fk_free(e->others[p].banks);
        fk_free(e->others[p].lists);
    }
    fk_free(e->others);
    for (int t = 0; t < FK_PARTITIONS; t++)
        fk_free(e->part[t]);
    *e = (fk_exclusions){0};
}

/* ---- One position ---- */

/* What a thread needs for a position; [most] each, most being the largest number of candidates. */
typedef struct desk {
    int64_t *chosen, *other; /* candidates of the position, by number there */
    float *nearest;          /* squared distance to the nearest chosen one */
    uint8_t *out;            /* 1: left out, or chosen */
    float **rows;            /* rows of the table, NULL: not there yet */
    float *table;            /* [table_rows, most] */
    int64_t table_rows, used;
} desk;

typedef struct choosing {
    fk_posbank *s;
    int64_t *first;   /* [P + 1] */
    int64_t *sorted;  /* [n] candidates in order of positions, then of images */
    int64_t *sizes;   /* [P] of the banks */
    int64_t **chosen; /* [P] candidates of the banks */
    desk *desks;
    int64_t most;
} choosing;

static void desk_free(desk *d)
{
    fk_free(d->chosen);
    fk_free(d->other);
    fk_free(d->nearest);
    fk_free(d->out);
    fk_free(d->rows);
    fk_free(d->table);
}

static fleck_status desk_make(desk *d, int64_t most, int64_t rows, fleck_error *err)
{
    int64_t values;
    fleck_status st;

    if (!fk_mul_fits(rows, most, &values))
        return fk_error_set(err, FLECK_E_NOMEM, "posbank: a table of distances does not fit");
    d->table_rows = rows;
    FK_DO(FK_ALLOC(&d->chosen, most, err));
    FK_DO(FK_ALLOC(&d->other, most, err));
    FK_DO(FK_ALLOC(&d->nearest, most, err));
    FK_DO(FK_ALLOC(&d->out, most, err));
    FK_DO(FK_CALLOC(&d->rows, most, err));
    FK_DO(FK_ALLOC(&d->table, values, err));
done:
    return st;
}

/* A position's candidates. */
typedef struct place {
    const fk_posbank *s;
    const int64_t *candidates; /* [n] */
    int64_t n;
} place;

static int32_t image_of(const place *at, int64_t i)
{
    return at->s->all.image[at->candidates[i]];
}

/* Squared distances of candidate i to all others.  When the table is full it is emptied. */
static const float *distances(desk *d, const place *at, int64_t i)
{
    int64_t dim = at->s->shape.levels[0].dim;
    const float *rows = at->s->all.rows, *x = rows + at->candidates[i] * dim;

    if (d->rows[i] != NULL)
        return d->rows[i];
    if (d->used == d->table_rows) {
        memset(d->rows, 0, (size_t)at->n * sizeof(float *));
        d->used = 0;
    }
    d->rows[i] = d->table + d->used++ * at->n;
    for (int64_t j = 0; j < at->n; j++)
        d->rows[i][j] = (float)fk_linalg_distance2(x, rows + at->candidates[j] * dim, dim);
    return d->rows[i];
}

/* The farthest candidate that is not out; -1: none, or all others equal a chosen one. */
static int64_t farthest(const desk *d, int64_t n)
{
    int64_t best = -1;

    for (int64_t i = 0; i < n; i++)
        if (d->out[i] == 0 && d->nearest[i] > (best < 0 ? 0.0f : d->nearest[best]))
            best = i;
    return best;
}

static void note(desk *d, const place *at, int64_t i)
{
    const float *row = distances(d, at, i);

    d->out[i] = 1;
    for (int64_t j = 0; j < at->n; j++)
        d->nearest[j] = row[j] < d->nearest[j] ? row[j] : d->nearest[j];
}

/* Choose up to `size` candidates that are not out, of which `known` are in list already; returns
 * their number. */
static int64_t choose(desk *d, const place *at, int64_t *list, int64_t known, int64_t size)
{
    int64_t k = 0, next = 0;

    for (int64_t j = 0; j < at->n; j++)
        d->nearest[j] = INFINITY;
    for (; k < known; k++)
        note(d, at, list[k]);
    while (k < size) {
        if (k == 0)
            while (next < at->n && d->out[next] != 0)
                next++;
        else
            next = farthest(d, at->n);
        if (next < 0 || next == at->n)
            break;
        list[k++] = next;
        note(d, at, next);
    }
    return k;
}

/* ---- Parts ---- */

/* Number of an image's part in partition t among all parts. */
static int32_t part_of(const fk_exclusions *e, int t, int32_t image)
{
    return (int32_t)(t == FK_SESSION ? e->n_parts[FK_ALONE] : 0) + e->part[t][image];
}

/* Add the bank that is chosen without a part. */
static fleck_status add_other(fk_others *o, int32_t part, const place *at, const int64_t *list,
                              int64_t size, fleck_error *err)
{
    int64_t begin = o->n > 0 ? o->banks[o->n - 1].begin + o->banks[o->n - 1].size : 0;
    fleck_status st;

    FK_DO(fk_grow((void **)&o->banks, o->n, o->n + 1, sizeof *o->banks, err));
    FK_DO(fk_grow((void **)&o->lists, begin, begin + size, sizeof *o->lists, err));
    for (int64_t k = 0; k < size; k++)
        o->lists[begin + k] = at->candidates[list[k]];
    o->banks[o->n++] = (fk_other_bank){part, (int32_t)size, begin};
done:
    return st;
}

/* Choose without part, which is of partition t, if its choice is not the beginning of `size`. */
static fleck_status choose_without(choosing *c, desk *d, const place *at, int64_t p, int t,
                                   int32_t part, int64_t size, fleck_error *err)
{
    fk_exclusions *e = &c->s->exclusions;
    int64_t same = 0, left = 0;

    while (same < size && part_of(e, t, image_of(at, d->chosen[same])) != part)
        same++;
    if (same == size)
        return FLECK_OK;
    for (int64_t i = 0; i < at->n; i++) {
        d->out[i] = part_of(e, t, image_of(at, i)) == part;
        left += d->out[i] == 0;
    }
    memcpy(d->other, d->chosen, (size_t)same * sizeof *d->other);
    left = fk_posbank_size(c->s, left);
    if (same > left)
        return FLECK_OK; /* it is the beginning */
    left = choose(d, at, d->other, same, left);
    return add_other(&e->others[p], part, at, d->other, left, err);
}

/* Choose without each part of partition t. */
static fleck_status choose_without_each(choosing *c, desk *d, const place *at, int64_t p, int t,
                                        int64_t size, fleck_error *err)
{
    const fk_exclusions *e = &c->s->exclusions;
    int32_t last = -1;
    fleck_status st = FLECK_OK;

    /* parts of chosen candidates in ascending order */
    for (;;) {
        int32_t next = INT32_MAX;

        for (int64_t k = 0; k < size; k++) {
            int32_t part = part_of(e, t, image_of(at, d->chosen[k]));

            next = part > last && part < next ? part : next;
        }
        if (next == INT32_MAX)
            return FLECK_OK;
        FK_DO(choose_without(c, d, at, p, t, next, size, err));
        last = next;
    }
done:
    return st;
}

static fleck_status choose_one(void *ctx, int64_t p, int worker, fleck_error *err)
{
    choosing *c = ctx;
    desk *d = &c->desks[worker];
    const place at = {c->s, c->sorted + c->first[p], c->first[p + 1] - c->first[p]};
    int64_t size;
    fleck_status st = FLECK_OK;

    memset(d->rows, 0, (size_t)at.n * sizeof(float *));
    memset(d->out, 0, (size_t)at.n);
    d->used = 0;
    size = choose(d, &at, d->chosen, 0, fk_posbank_size(c->s, at.n));
    c->sizes[p] = size;
    FK_DO(FK_ALLOC(&c->chosen[p], size, err));
    for (int64_t k = 0; k < size; k++)
        c->chosen[p][k] = at.candidates[d->chosen[k]];
    for (int t = 0; t < FK_PARTITIONS; t++)
        if (c->s->exclusions.n_parts[t] > 0)
            FK_DO(choose_without_each(c, d, &at, p, t, size, err));
done:
    return st;
}

/* ---- All positions ---- */

static void choosing_free(choosing *c, int threads)
{
    for (int i = 0; c->desks != NULL && i < threads; i++)
        desk_free(&c->desks[i]);
    for (int64_t p = 0; c->chosen != NULL && p < fk_posbank_positions(c->s); p++)
        fk_free(c->chosen[p]);
    fk_free(c->desks);
    fk_free(c->first);
    fk_free(c->sorted);
    fk_free(c->sizes);
    fk_free(c->chosen);
}

/* Sort the candidates by position; those of one stay in order of images. */
static fleck_status sort(choosing *c, fleck_error *err)
{
    const fk_candidates *all = &c->s->all;
    int64_t n_positions = fk_posbank_positions(c->s), sum = 0;
    int64_t *next = NULL;
    fleck_status st;

    FK_DO(FK_CALLOC(&c->first, n_positions + 1, err));
    FK_DO(FK_ALLOC(&c->sorted, all->n, err));
    FK_DO(FK_ALLOC(&next, n_positions, err));
    for (int64_t i = 0; i < all->n; i++)
        c->first[all->position[i]]++;
    for (int64_t p = 0; p <= n_positions; p++) {
        int64_t count = c->first[p];

        c->most = count > c->most ? count : c->most;
        c->first[p] = sum;
        if (p < n_positions)
            next[p] = sum;
        sum += count;
    }
    for (int64_t i = 0; i < all->n; i++)
        c->sorted[next[all->position[i]]++] = i;
done:
    fk_free(next);
    return st;
}

/* Number the candidates of each image. */
static fleck_status index_images(fk_posbank *s, fleck_error *err)
{
    fk_candidates *all = &s->all;
    int64_t i = 0;
    fleck_status st;

    fk_free(all->first);
    all->first = NULL;
    FK_DO(FK_ALLOC(&all->first, s->n + 1, err));
    for (int64_t image = 0; image < s->n; image++) {
        all->first[image] = i;
        while (i < all->n && all->image[i] == image)
            i++;
    }
    all->first[s->n] = all->n;
done:
    return st;
}

/* Copy the announced parts. */
static fleck_status copy_parts(const choosing *c, fleck_error *err)
{
    fk_posbank *s = c->s;
    fk_exclusions *e = &s->exclusions;
    int64_t n = fk_posbank_positions(s);
    fleck_status st = FLECK_OK;

    fk_exclusions_free(e, n);
    if (s->parts == NULL)
        return FLECK_OK;
    FK_DO(FK_CALLOC(&e->others, n, err));
    for (int64_t p = 0; p < n; p++)
        e->others[p].candidates = c->first[p + 1] - c->first[p];
    for (int t = 0; t < FK_PARTITIONS; t++) {
        if (s->parts->count[t] == 0)
            continue;
        FK_DO(FK_ALLOC(&e->part[t], s->n, err));
        memcpy(e->part[t], s->parts->part[t], (size_t)s->n * sizeof *e->part[t]);
        e->n_parts[t] = s->parts->count[t];
    }
done:
    return st;
}

/* Gather the chosen candidates. */
static fleck_status gather(choosing *c, fleck_error *err)
{
    fk_posbank *s = c->s;
    int64_t n_positions = fk_posbank_positions(s), dim = s->shape.levels[0].dim, sum = 0;
    fk_banks b = {0};
    fleck_status st;

    FK_DO(FK_ALLOC(&b.begin, n_positions + 1, err));
    for (int64_t p = 0; p < n_positions; p++) {
        b.begin[p] = sum;
        sum += c->sizes[p];
    }
    b.begin[n_positions] = sum;
    FK_DO(FK_ALLOC(&b.rows, sum * dim, err));
    FK_DO(FK_ALLOC(&b.image, sum, err));
    for (int64_t p = 0; p < n_positions; p++)
        for (int64_t k = 0; k < c->sizes[p]; k++) {
            int64_t from = c->chosen[p][k], to = b.begin[p] + k;

            memcpy(b.rows + to * dim, s->all.rows + from * dim, (size_t)dim * sizeof *b.rows);
            b.image[to] = s->all.image[from];
        }
    fk_banks_free(&s->banks);
    s->banks = b;
    b = (fk_banks){0};
done:
    fk_banks_free(&b);
    return st;
}

fleck_status fk_posbank_choose(fk_posbank *s, fk_pool *pool, fleck_error *err)
{
    int threads = fk_pool_threads(pool);
    int64_t n_positions = fk_posbank_positions(s);
    choosing c = {.s = s};
    fleck_status st;

    FK_DO(sort(&c, err));
    FK_DO(index_images(s, err));
    FK_DO(copy_parts(&c, err));
    FK_DO(FK_CALLOC(&c.desks, threads, err));
    FK_DO(FK_CALLOC(&c.sizes, n_positions, err));
    FK_DO(FK_CALLOC(&c.chosen, n_positions, err));
    for (int i = 0; i < threads; i++) {
        int64_t rows = 4 * fk_posbank_size(s, c.most) + 1;

        FK_DO(desk_make(&c.desks[i], c.most, rows < c.most ? rows : c.most, err));
    }
    FK_DO(fk_pool_run(pool, n_positions, choose_one, &c, err));
    FK_DO(gather(&c, err));
done:
    choosing_free(&c, threads);
    if (st != FLECK_OK)
        fk_exclusions_free(&s->exclusions, n_positions);
    return st;
}
