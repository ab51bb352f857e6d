/* Choosing few points that lie near all of many: greedy k-center.
 *
 * Each step chooses the point p with the largest distance and would compare it with all others.
 * With c(x) the chosen point nearest to x and D(x) = |x - c(x)|, the triangle inequality gives
 *
 *     |x - p| >= |c(x) - p| - D(x)
 *
 * so that x keeps its distance where |c(x) - p| >= 2 D(x).  The points are therefore kept in one
 * list for each chosen point, with the list's largest D, its radius: a list with
 * |c - p| >= 2 radius is passed over as a whole, and in the others the points with
 * |c - p| >= 2 D(x) are.  Since p is nowhere nearer than D(p) to a chosen point, a list with
 * 2 radius <= D(p) does not even need |c - p|.  The lists' radii also tell the next p without looking at
 * the points.
 *
 * Before it has a chosen point nearer than the mean distance to the first ten, a point has no
 * c(x); those are one more list, which is always looked at and soon is empty.
 *
 * Distances carry a relative error below 1e-6 each.  The comparisons leave 1e-5, so what is passed
 * over is certain to keep its distance, and the choice is the plain one's to the last index. */
#include "method/coreset.h"
#include "base/mem.h"
#include "base/prng.h"
#include "linalg/linalg.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define STARTS 10
#define MARGIN (1.0 + 1e-5)

static double distance(const float *a, const float *b, int64_t d)
{
    return sqrt(fk_linalg_distance2(a, b, d));
}

/* Mean distance of each point to STARTS (or all n) points drawn without repetition. */
static void begin_distances(double *dist, const float *x, int64_t n, int64_t d, uint64_t seed)
{
    int64_t start[STARTS];
    int count = n < STARTS ? (int)n : STARTS, drawn = 0;
    fk_prng g;

    fk_prng_seed(&g, seed);
    while (drawn < count) {
        int k = 0;

        start[drawn] = fk_prng_below(&g, n);
        while (start[k] != start[drawn])
            k++;
        drawn += k == drawn;
    }
    for (int64_t i = 0; i < n; i++) {
        double sum = 0.0;

        for (int k = 0; k < count; k++)
            sum += distance(x + i * d, x + start[k] * d, d);
        dist[i] = sum / count;
    }
}

fleck_status fk_coreset_choose_plain(int64_t *chosen, int64_t *count, int64_t k, const float *x,
                                     int64_t n, int64_t d, uint64_t seed, fleck_error *err)
{
    double *dist = NULL;
    fleck_status st;

    assert(1 <= k && k <= n && d >= 1);
    *count = 0;
    FK_DO(FK_ALLOC(&dist, n, err));
    begin_distances(dist, x, n, d, seed);
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
done:
    fk_free(dist);
    return st;
}

/* The points of one chosen point.  An empty list has radius -1. */
typedef struct list {
    int64_t first, farthest; /* indices of points, -1: none */
    double radius;
} list;

typedef struct search {
    const float *x;
    int64_t n, d, n_lists;
    double *dist;   /* [n] */
    int64_t *next;  /* [n] the next point of the same list, -1 at its end */
    list *lists;    /* [1 + k]; list 0 holds the points without a chosen one */
    float *centres; /* [1 + k, d]; row 0 is not used */
} search;

static void push(search *s, list *l, int64_t i)
{
    double far = s->dist[i];

    s->next[i] = l->first;
    l->first = i;
    if (far > l->radius || (far == l->radius && i < l->farthest)) {
        l->radius = far;
        l->farthest = i;
    }
}

static void search_free(search *s)
{
    fk_free(s->dist);
    fk_free(s->next);
    fk_free(s->lists);
    fk_free(s->centres);
}

static fleck_status search_init(search *s, int64_t k, uint64_t seed, fleck_error *err)
{
    int64_t size;
    fleck_status st;

    if (!fk_mul_fits(k + 1, s->d, &size))
        return fk_error_set(err, FLECK_E_NOMEM, "%lld points of %lld values do not fit",
                            (long long)k, (long long)s->d);
    FK_DO(FK_ALLOC(&s->dist, s->n, err));
    FK_DO(FK_ALLOC(&s->next, s->n, err));
    FK_DO(FK_ALLOC(&s->lists, k + 1, err));
    FK_DO(FK_ALLOC(&s->centres, size, err));
    begin_distances(s->dist, s->x, s->n, s->d, seed);
    s->n_lists = 1;
    s->lists[0] = (list){-1, -1, -1.0};
    for (int64_t i = s->n - 1; i >= 0; i--)
        push(s, &s->lists[0], i);
done:
    return st;
}

/* Move the points of list `from` that are nearer to point p than to their own to list `to`. between
 * is the distance of p to from's chosen point, 0 where it has none. */
static void take_nearer(search *s, list *from, list *to, int64_t p, double between)
{
    list kept = {-1, -1, -1.0};

    for (int64_t i = from->first, after; i >= 0; i = after) {
        double far = INFINITY;

        after = s->next[i];
        if (between < 2.0 * s->dist[i] * MARGIN)
            far = distance(s->x + i * s->d, s->x + p * s->d, s->d);
        if (far < s->dist[i]) {
            s->dist[i] = far;
            push(s, to, i);
        } else {
            push(s, &kept, i);
        }
    }
    *from = kept;
}

/* The list that holds the point with the largest distance. */
static const list *widest(const search *s)
{
    const list *best = &s->lists[0];

    for (int64_t j = 1; j < s->n_lists; j++) {
        const list *l = &s->lists[j];

        if (l->radius > best->radius || (l->radius == best->radius && l->farthest < best->farthest))
            best = l;
    }
    return best;
}

/* Give point p a list of its own. */
static void choose(search *s, int64_t p)
{
    list *to = &s->lists[s->n_lists];
    double reach = s->dist[p];
    const float *row = s->x + p * s->d;

    *to = (list){-1, -1, -1.0};
    memcpy(s->centres + s->n_lists * s->d, row, (size_t)s->d * sizeof *row);
    if (s->lists[0].first >= 0)
        take_nearer(s, &s->lists[0], to, p, 0.0);
    for (int64_t j = 1; j < s->n_lists; j++) {
        list *l = &s->lists[j];
        double between;

        if (l->radius < 0.0 || 2.0 * l->radius * MARGIN <= reach)
            continue;
        between = distance(s->centres + j * s->d, row, s->d);
        if (between < 2.0 * l->radius * MARGIN)
            take_nearer(s, l, to, p, between);
    }
    s->n_lists++;
}

fleck_status fk_coreset_choose(int64_t *chosen, int64_t *count, int64_t k, const float *x,
                               int64_t n, int64_t d, uint64_t seed, fleck_error *err)
{
    search s = {.x = x, .n = n, .d = d};
    fleck_status st;

    assert(1 <= k && k <= n && d >= 1);
    *count = 0;
    FK_DO(search_init(&s, k, seed, err));
    while (*count < k) {
        const list *far = widest(&s);

        if (*count > 0 && !(far->radius > 0.0))
            break;
        chosen[(*count)++] = far->farthest;
        choose(&s, far->farthest);
    }
done:
    search_free(&s);
    return st;
}
