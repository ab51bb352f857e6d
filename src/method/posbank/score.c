/* SPDX-License-Identifier: Apache-2.0 */
/* PosBank's score: distances to the nearest feature of the banks nearby.
 *
 *     N(p) = { j : |row(j) - row(p)| <= r and |column(j) - column(p)| <= r }, cut at the borders
 *     d(p) = min over j in N(p), m in bank(j) of |x[p] - m|,   score = max over p of d(p)
 *
 * d is 0 where no good image shows any position of N(p); so such places pass.
 *
 * Distances are computed from differences, so a score without a part, whose banks are listed by
 * candidates, is bit for bit that of a fit without it.  Cost: P (2 r + 1)^2 K D multiply-adds. */
#include "method/posbank/posbank.h"
#include "base/carve.h"
#include "linalg/linalg.h"
#include "map/map.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* What is left out of a score. */
typedef struct absence {
    fk_span span;
    bool any;
    int32_t part;   /* -1: parts were not announced, so the span's features are passed over */
    int64_t *count; /* [P] candidates that are left out; only with a part */
} absence;

/* One call's scratch. */
typedef struct layout {
    float *distance; /* [P] */
    int64_t *count;  /* [P] */
} layout;

typedef struct job {
    const fk_posbank *s;
    const fk_level *level;
    const absence *without;
    float *distance;
} job;

static size_t lay_out(layout *l, const fk_posbank *s, void *base)
{
    fk_carver c = {.base = base};

    FK_CARVE(&c, l->distance, fk_posbank_positions(s));
    FK_CARVE(&c, l->count, fk_posbank_positions(s));
    return c.used;
}

size_t fk_posbank_scratch_size(const void *state)
{
    layout l;

    return lay_out(&l, state, NULL);
}

/* Squared distance of the nearest row so far; rows is their number. */
typedef struct nearest {
    double distance2;
    int64_t rows;
} nearest;

static void compare(nearest *best, const float *x, const float *row, int64_t dim)
{
    double d = fk_linalg_distance2(x, row, dim);

    best->distance2 = d < best->distance2 ? d : best->distance2;
    best->rows++;
}

/* The bank of a position without a part; NULL: it is the beginning of the whole bank. */
static const fk_other_bank *other_bank(const fk_others *o, int32_t part)
{
    int64_t low = 0, high = o->n;

    /* parts of FK_ALONE, in ascending order, come before those of FK_SESSION, which are larger */
    while (low < high) {
        int64_t middle = (low + high) / 2;

        if (o->banks[middle].part < part)
            low = middle + 1;
        else
            high = middle;
    }
    return low < o->n && o->banks[low].part == part ? &o->banks[low] : NULL;
}

/* Compare x with position j's bank without what is left out. */
static void search_without(nearest *best, const fk_posbank *s, const absence *a, const float *x,
                           int64_t j)
{
    const fk_banks *b = &s->banks;
    int64_t dim = s->shape.levels[0].dim, n = b->begin[j + 1] - b->begin[j];
    const fk_others *others;
    const fk_other_bank *other;

    if (a->part < 0) {
        for (int64_t i = b->begin[j]; i < b->begin[j + 1]; i++)
            if (!fk_span_has(a->span, b->image[i]))
                compare(best, x, b->rows + i * dim, dim);
        return;
    }
    others = &s->exclusions.others[j];
    other = other_bank(others, a->part);
    if (other != NULL) {
        for (int64_t k = 0; k < other->size; k++)
            compare(best, x, s->all.rows + others->lists[other->begin + k] * dim, dim);
        return;
    }
    if (a->count[j] > 0) {
        int64_t size = fk_posbank_size(s, others->candidates - a->count[j]);

        n = size < n ? size : n;
    }
    for (int64_t i = b->begin[j]; i < b->begin[j] + n; i++)
        compare(best, x, b->rows + i * dim, dim);
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* d(p) */
static float search(const job *w, int64_t p)
{
    const fk_posbank *s = w->s;
    int64_t height = w->level->height, width = w->level->width, dim = w->level->dim;
    int64_t y = p / width, x = p % width;
    int64_t top = y > s->radius ? y - s->radius : 0, left = x > s->radius ? x - s->radius : 0;
    const float *ours = w->level->data + p * dim;
    nearest best = {INFINITY, 0};

    for (int64_t j = top; j <= smaller(y + s->radius, height - 1); j++) {
        int64_t first = j * width + left, last = j * width + smaller(x + s->radius, width - 1);

        if (w->without->any) {
            for (int64_t i = first; i <= last; i++)
                search_without(&best, s, w->without, ours, i);
            continue;
        }
        for (int64_t i = s->banks.begin[first]; i < s->banks.begin[last + 1]; i++)
            compare(&best, ours, s->banks.rows + i * dim, dim);
    }
    return best.rows > 0 ? (float)sqrt(best.distance2) : 0.0f;
}

static fleck_status search_row(void *ctx, int64_t y, int worker, fleck_error *err)
{
    const job *w = ctx;

    (void)worker;
    (void)err;
    for (int64_t p = y * w->level->width; p < (y + 1) * w->level->width; p++)
        w->distance[p] = search(w, p);
    return FLECK_OK;
}

/* What `exclude` leaves out. */
static absence absence_of(const fk_posbank *s, fk_span exclude, int64_t *count)
{
    const fk_exclusions *e = &s->exclusions;
    int t = exclude.fold ? FK_SESSION : FK_ALONE;
    absence a = {.span = exclude, .any = exclude.count > 0, .part = -1, .count = count};
    int64_t image = exclude.rank != NULL ? exclude.at : exclude.first;

    if (!a.any || e->n_parts[t] == 0)
        return a;
    a.part = (int32_t)(t == FK_SESSION ? e->n_parts[FK_ALONE] : 0) + e->part[t][image];
    memset(count, 0, (size_t)fk_posbank_positions(s) * sizeof *count);
    for (int64_t i = 0; i < s->n; i++)
        for (int64_t k = s->all.first[i];
             e->part[t][i] == e->part[t][image] && k < s->all.first[i + 1]; k++)
            count[s->all.position[k]]++;
    return a;
}

/* Whether anything is left to compare with. */
static bool anything_left(const fk_posbank *s, const absence *a)
{
    const fk_banks *b = &s->banks;

    if (!a->any)
        return true;
    if (a->part >= 0) {
        for (int64_t p = 0; p < fk_posbank_positions(s); p++)
            if (s->exclusions.others[p].candidates > a->count[p])
                return true;
        return false;
    }
    for (int64_t i = 0; i < b->begin[fk_posbank_positions(s)]; i++)
        if (!fk_span_has(a->span, b->image[i]))
            return true;
    return false;
}

fleck_status fk_posbank_score(const void *state, const fk_embedding *e, fk_span exclude,
                              void *scratch, fk_pool *pool, float *map, double *score,
                              fleck_error *err)
{
    const fk_posbank *s = state;
    const fk_level *grid = &e->levels[0];
    int64_t n_positions = fk_posbank_positions(s);
    layout l;
    absence without;
    job w;
    double worst = 0.0;
    fleck_status st;

    if (!s->finished)
        FK_FAIL(err, FLECK_E_STATE, "posbank: finish the fit before scoring");
    assert(exclude.first + exclude.count <= s->n);
    FK_DO(fk_embedding_check(e, &s->shape, err));
    lay_out(&l, s, scratch);
    without = absence_of(s, exclude, l.count);
    if (!anything_left(s, &without))
        FK_FAIL(err, FLECK_E_STATE, "posbank: leaving one image out needs another, there is none");
    w = (job){s, grid, &without, l.distance};
    FK_DO(fk_pool_run(pool, grid->height, search_row, &w, err));
    if (!fk_embed_finite(l.distance, n_positions))
        FK_FAIL(err, FLECK_E_ENGINE, "posbank: distances are too large for float numbers");
    for (int64_t p = 0; p < n_positions; p++)
        if ((grid->valid == NULL || grid->valid[p] != 0) && (double)l.distance[p] > worst)
            worst = (double)l.distance[p];
    if (score != NULL)
        *score = worst;
    if (map != NULL)
        fk_map_resize_bilinear(map, s->map.height, s->map.width, l.distance, grid->height,
                               grid->width);
done:
    return st;
}
