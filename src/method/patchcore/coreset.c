/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing few points that lie near all of many: greedy k-center.
 *
 * Each step chooses the point with the largest distance and would compare it with all others. But a
 * distance only falls, and only the largest is asked for.  So dist[i] may be out of date: it is the
 * distance to the nearest of the first seen[i] chosen points, no less than the true one.  If the
 * largest of all such numbers is up to date, it is the largest distance.
 *
 * The points with the largest numbers are the front.  All of it is brought up to date at once, by
 * matrix products with the chosen points that each has not seen; then points are chosen from the
 * front, which alone is compared with them one by one, until its largest distance is less than the
 * largest number outside.  Members whose distances fall below that leave the front.  A point that
 * lies near a chosen one is not looked at again until distances are so small everywhere; most never
 * are.
 *
 *     |x - c|^2 = |x|^2 + |c|^2 - 2 x.c
 *
 * in float products only sorts out, see bank.c, and what it leaves is taken from the differences,
 * so the choice is the plain one's to the last index. */
#include "method/patchcore/coreset.h"
#include "base/mem.h"
#include "base/prng.h"
#include "linalg/linalg.h"
#include "method/patchcore/bounds.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define STARTS 10
#define MAX_FRONT 1024
#define LIST 16  /* fronts in the list that they are taken from */
#define PIECE 64 /* members of the front in one product */
#define TILE 256 /* chosen points in one product */
#define PANEL 16 /* rows that a packed matrix may begin at */
#define BAND 256 /* points of one piece of the beginning */

static double distance(const float *a, const float *b, int64_t d)
{
    return sqrt(fk_linalg_distance2(a, b, d));
}

typedef struct begin_job {
    const float *x;
    int64_t n, d, start[STARTS + 1];
    int count;
    double *dist;
} begin_job;

static fleck_status begin_band(void *ctx, int64_t piece, int worker, fleck_error *err)
{
    const begin_job *job = ctx;
    int64_t first = piece * BAND, last = first + BAND < job->n ? first + BAND : job->n, d = job->d;

    (void)worker;
    (void)err;
    for (int64_t i = first; i < last; i++) {
        double sum = 0.0;

        for (int k = 0; k < job->count; k++)
            sum += distance(job->x + i * d, job->x + job->start[k] * d, d);
        job->dist[i] = sum / job->count;
    }
    return FLECK_OK;
}

/* What a point of this squared length is drawn by. */
static uint64_t key_of(double length2, uint64_t seed)
{
    uint64_t bits;

    memcpy(&bits, &length2, sizeof bits);
    return fk_prng_hash(bits ^ fk_prng_hash(seed));
}

/* Mean distance of each point to the STARTS (or all n) points whose keys are smallest.  Of equal
 * keys the first point counts. */
static fleck_status begin_distances(double *dist, const float *x, int64_t n, int64_t d,
                                    const double *length2, uint64_t seed, fk_pool *pool,
                                    fleck_error *err)
{
    begin_job job = {.x = x, .n = n, .d = d, .dist = dist};
    uint64_t keys[STARTS + 1];

    for (int64_t i = 0; i < n; i++) {
        uint64_t key = key_of(length2[i], seed);
        int k = 0, to;

        while (k < job.count && keys[k] < key)
            k++;
        if (k < job.count && keys[k] == key)
            continue;
        for (to = job.count; to > k; to--) {
            keys[to] = keys[to - 1];
            job.start[to] = job.start[to - 1];
        }
        keys[k] = key;
        job.start[k] = i;
        job.count += job.count < STARTS;
    }
    return fk_pool_run(pool, (n + BAND - 1) / BAND, begin_band, &job, err);
}

fleck_status fk_coreset_choose_plain(int64_t *chosen, int64_t *count, double *radius, int64_t k,
                                     const float *x, int64_t n, int64_t d, uint64_t seed,
                                     fleck_error *err)
{
    double *dist = NULL, *length2 = NULL;
    fleck_status st;

    assert(1 <= k && k <= n && d >= 1);
    *count = 0;
    FK_DO(FK_ALLOC(&dist, n, err));
    FK_DO(FK_ALLOC(&length2, n, err));
    for (int64_t i = 0; i < n; i++)
        length2[i] = fk_linalg_length2(x + i * d, d);
    FK_DO(begin_distances(dist, x, n, d, length2, seed, NULL, err));
    while (*count < k) {
        int64_t p = 0;

        for (int64_t i = 1; i < n; i++)
            p = dist[i] > dist[p] ? i : p;
        if (*count > 0 && !(dist[p] > 0.0))
            break;
        chosen[(*count)++] = p;
        for (int64_t i = 0; i < n; i++)
            dist[i] = fmin(dist[i], distance(x + i * d, x + p * d, d));
    }
    *radius = 0.0;
    for (int64_t i = 0; i < n; i++)
        *radius = fmax(*radius, dist[i]);
done:
    fk_free(dist);
    fk_free(length2);
    return st;
}

typedef struct search {
    const float *x;
    int64_t n, d, count; /* count: points chosen */
    double *dist;        /* [n] distance to the nearest of the first seen[i] chosen points */
    double *length2;     /* [n] squared lengths */
    int64_t *seen;       /* [n] */
    const int64_t *chosen;
    int64_t *near;  /* NULL, or [n] the chosen point that dist is to; -1: none */
    int64_t *order; /* [n] all points; the highest ranking come first */
    int64_t n_list; /* the first ones, which outranked all others when they were listed */
    float *centres; /* [k, d] chosen points, and of their squared lengths what is surely there */
    float *lengths; /* [k] */
    float *packed;  /* the centres as fk_linalg_pack() has them */
    int64_t n_front, max_front;
    int64_t *front;  /* [max_front] */
    float *rows;     /* [max_front, d] */
    double *apart;   /* [max_front] */
    float *products; /* [max_front in pieces, TILE] */
} search;

static int64_t front_size(int64_t n)
{
    int64_t size = n / 32;

    return size < 16 ? 16 : size > MAX_FRONT ? MAX_FRONT : size;
}

static int64_t pieces_of(int64_t n)
{
    return (n + PIECE - 1) / PIECE;
}

size_t fk_coreset_bytes(int64_t n, int64_t k, int64_t d)
{
    double front = (double)front_size(n);
    double size = (double)n * 32.0 + (double)k * (double)(2 * d + 1) * 4.0 +
                  front * (16.0 + 4.0 * (double)d) +
                  (double)pieces_of(front_size(n)) * PIECE * TILE * 4.0;

    return size < 9e18 ? (size_t)size : (size_t)INT64_MAX;
}

static void search_free(search *s)
{
    fk_free(s->dist);
    fk_free(s->length2);
    fk_free(s->seen);
    fk_free(s->order);
    fk_free(s->centres);
    fk_free(s->packed);
    fk_free(s->lengths);
    fk_free(s->front);
    fk_free(s->rows);
    fk_free(s->apart);
    fk_free(s->products);
}

static fleck_status search_init(search *s, int64_t k, uint64_t seed, fk_pool *pool,
                                fleck_error *err)
{
    int64_t size;
    fleck_status st;

    if (!fk_mul_fits(k, s->d, &size))
        return fk_error_set(err, FLECK_E_NOMEM, "%lld points of %lld values do not fit",
                            (long long)k, (long long)s->d);
    s->max_front = front_size(s->n);
    FK_DO(FK_ALLOC(&s->dist, s->n, err));
    FK_DO(FK_ALLOC(&s->length2, s->n, err));
    FK_DO(FK_CALLOC(&s->seen, s->n, err));
    FK_DO(FK_ALLOC(&s->order, s->n, err));
    FK_DO(FK_ALLOC(&s->centres, size, err));
    FK_DO(FK_ALLOC(&s->lengths, k, err));
    FK_DO(FK_CALLOC(&s->packed, fk_linalg_packed_size(k, s->d), err));
    FK_DO(FK_ALLOC(&s->front, s->max_front, err));
    FK_DO(FK_ALLOC(&s->rows, s->max_front * s->d, err));
    FK_DO(FK_ALLOC(&s->apart, s->max_front, err));
    FK_DO(FK_ALLOC(&s->products, pieces_of(s->max_front) * PIECE * TILE, err));
    for (int64_t i = 0; i < s->n; i++) {
        s->length2[i] = fk_linalg_length2(s->x + i * s->d, s->d);
        s->order[i] = i;
        if (s->near != NULL)
            s->near[i] = -1;
    }
    FK_DO(begin_distances(s->dist, s->x, s->n, s->d, s->length2, seed, pool, err));
done:
    return st;
}

/* ---- The front ---- */

/* The larger number first; of equal ones the lower index. */
static bool outranks(const search *s, int64_t a, int64_t b)
{
    return s->dist[a] > s->dist[b] || (s->dist[a] == s->dist[b] && a < b);
}

static void swap(int64_t *a, int64_t *b)
{
    int64_t t = *a;

    *a = *b;
    *b = t;
}

/* Of the first n points of the order, put that of rank m where it belongs, and the m that outrank
 * it before (Hoare's selection). */
static void select_rank(search *s, int64_t n, int64_t m)
{
    int64_t low = 0, high = n - 1, *o = s->order;

    while (low < high) {
        int64_t middle = low + (high - low) / 2, pivot, i = low, j = high;

        if (outranks(s, o[middle], o[low]))
            swap(&o[middle], &o[low]);
        if (outranks(s, o[high], o[low]))
            swap(&o[high], &o[low]);
        if (outranks(s, o[high], o[middle]))
            swap(&o[high], &o[middle]);
        pivot = o[middle];
        while (i <= j) {
            while (outranks(s, o[i], pivot))
                i++;
            while (outranks(s, pivot, o[j]))
                j--;
            if (i <= j)
                swap(&o[i++], &o[j--]);
        }
        if (m <= j)
            high = j;
        else if (m >= i)
            low = i;
        else
            break;
    }
}

static float limit_of(const search *s, int64_t p)
{
    return (float)(s->dist[p] * s->dist[p] * FK_MARGIN - fk_sure_share(s->d) * s->length2[p]);
}

/* Compare point p with chosen points first .. first + m - 1 where it has not seen them. */
static void compare_tile(search *s, int64_t p, const float *products, int64_t first, int64_t m)
{
    int64_t skip = s->seen[p] > first ? s->seen[p] - first : 0, n;
    const float *lengths = s->lengths + first;
    float limit = limit_of(s, p);
    int32_t near[TILE];

    if (skip >= m)
        return;
    n = fk_linalg_nearer(near, lengths + skip, products + skip, m - skip, limit);
    for (int64_t k = 0; k < n; k++) {
        int64_t j = skip + near[k];
        double far;

        if (!(lengths[j] - 2.0f * products[j] < limit))
            continue;
        far = distance(s->x + p * s->d, s->centres + (first + j) * s->d, s->d);
        if (far < s->dist[p]) {
            s->dist[p] = far;
            if (s->near != NULL)
                s->near[p] = s->chosen[first + j];
            limit = limit_of(s, p);
        }
    }
}

static fleck_status refresh_piece(void *ctx, int64_t piece, int worker, fleck_error *err)
{
    search *s = ctx;
    int64_t first = piece * PIECE, d = s->d;
    int64_t n = s->n_front - first < PIECE ? s->n_front - first : PIECE;
    const int64_t *member = s->front + first;
    float *rows = s->rows + first * d, *products = s->products + first * TILE;

    (void)worker;
    (void)err;
    for (int64_t i = 0; i < n; i++)
        memcpy(rows + i * d, s->x + member[i] * d, (size_t)d * sizeof *rows);
    /* A few that were seen come again, so that panels are whole. */
    for (int64_t at = s->seen[member[0]] / PANEL * PANEL; at < s->count; at += TILE) {
        int64_t m = s->count - at < TILE ? s->count - at : TILE;

        fk_linalg_multiply_packed(products, TILE, rows, d, s->packed + at * d, n, m, d, 1.0f, 0.0f);
        for (int64_t i = 0; i < n; i++)
            compare_tile(s, member[i], products + i * TILE, at, m);
    }
    for (int64_t i = 0; i < n; i++)
        s->seen[member[i]] = s->count;
    return FLECK_OK;
}

/* Sort the front by what its members have seen, so that pieces share products. */
static void sort_front(const search *s, int64_t begin, int64_t end)
{
    int64_t *f = s->front;

    while (begin < end) {
        int64_t pivot = s->seen[f[begin + (end - begin) / 2]], i = begin, j = end;

        while (i <= j) {
            while (s->seen[f[i]] < pivot)
                i++;
            while (s->seen[f[j]] > pivot)
                j--;
            if (i <= j)
                swap(&f[i++], &f[j--]);
        }
        if (j - begin < end - i) {
            sort_front(s, begin, j);
            begin = i;
        } else {
            sort_front(s, i, end);
            end = j;
        }
    }
}

/* Put those of the front first in the order, and the highest ranking of the others behind them.
 * Many fronts come from the same list: it serves as long as the first point behind it, which has
 * not changed, ranks lower. */
static void select_front(search *s)
{
    if (s->n_list > 0)
        select_rank(s, s->n_list, s->n_front);
    if (s->n_list == 0 || !outranks(s, s->order[s->n_front], s->order[s->n_list])) {
        s->n_list = LIST * s->n_front < s->n ? LIST * s->n_front : s->n - 1;
        select_rank(s, s->n, s->n_list);
        select_rank(s, s->n_list, s->n_front);
    }
}

/* A new front, up to date.  *outside is the highest ranking of the others, -1 if there are none. */
static fleck_status make_front(search *s, int64_t *outside, fk_pool *pool, fleck_error *err)
{
    s->n_front = s->max_front < s->n ? s->max_front : s->n;
    *outside = -1;
    if (s->n_front < s->n) {
        select_front(s);
        *outside = s->order[s->n_front];
    }
    memcpy(s->front, s->order, (size_t)s->n_front * sizeof *s->front);
    sort_front(s, 0, s->n_front - 1);
    return fk_pool_run(pool, pieces_of(s->n_front), refresh_piece, s, err);
}

/* Point p is chosen: it is a centre from here on, and the front is compared with it. */
static void choose(search *s, int64_t p, int64_t outside)
{
    float *centre = s->centres + s->count * s->d;
    int64_t panel;

    memcpy(centre, s->x + p * s->d, (size_t)s->d * sizeof *centre);
    s->lengths[s->count++] = (float)(fk_sure_share(s->d) * s->length2[p]);
    panel = (s->count - 1) / PANEL * PANEL;
    fk_linalg_pack(s->packed, s->centres + panel * s->d, s->d, panel, s->count, s->d);
    fk_linalg_distances2(s->apart, centre, s->rows, s->n_front, s->d);
    for (int64_t i = s->n_front - 1; i >= 0; i--) {
        int64_t member = s->front[i];
        double far = sqrt(s->apart[i]);

        if (far < s->dist[member]) {
            s->dist[member] = far;
            if (s->near != NULL)
                s->near[member] = p;
        }
        s->seen[member] = s->count;
        if (outside < 0 || outranks(s, member, outside))
            continue;
        s->n_front--; /* the last one, which was looked at, takes its place */
        s->front[i] = s->front[s->n_front];
        memmove(s->rows + i * s->d, s->rows + s->n_front * s->d, (size_t)s->d * sizeof *s->rows);
    }
}

/* The highest ranking of the front, -1 where `outside` outranks all. */
static int64_t first_of_front(const search *s, int64_t outside)
{
    int64_t best = outside;

    for (int64_t i = 0; i < s->n_front; i++)
        if (best < 0 || outranks(s, s->front[i], best))
            best = s->front[i];
    return best == outside ? -1 : best;
}

fleck_status fk_coreset_choose(int64_t *chosen, int64_t *count, double *radius, int64_t *near,
                               int64_t k, const float *x, int64_t n, int64_t d, uint64_t seed,
                               fk_pool *pool, fleck_error *err)
{
    search s = {.x = x, .n = n, .d = d, .chosen = chosen, .near = near};
    fk_watch *watch = fk_pool_watch(pool);
    int64_t outside, p;
    bool all_equal = false;
    fleck_status st;

    assert(1 <= k && k <= n && d >= 1);
    *count = 0;
    fk_watch_stage(watch, "coreset", k);
    FK_DO(search_init(&s, k, seed, pool, err));
    while (s.count < k && !all_equal) {
        FK_DO(make_front(&s, &outside, pool, err));
        while (s.count < k && (p = first_of_front(&s, outside)) >= 0) {
            all_equal = s.count > 0 && !(s.dist[p] > 0.0);
            if (all_equal)
                break;
            chosen[s.count] = p;
            choose(&s, p, outside);
            FK_DO(fk_watch_step(watch, s.count, err));
        }
    }
    *count = s.count;
    do { /* the farthest that is left */
        FK_DO(make_front(&s, &outside, pool, err));
        p = first_of_front(&s, outside);
    } while (p < 0);
    *radius = s.dist[p];
    for (int64_t i = 0; near != NULL && i < n; i++)
        near[i] = near[i] < 0 ? chosen[0] : near[i];
done:
    search_free(&s);
    return st;
}
