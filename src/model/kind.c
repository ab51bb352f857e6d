/* SPDX-License-Identifier: Apache-2.0 */
/* The kind of photos that a model has learned: their shape, light, sharpness and look.
 *
 * A look does not depend on the light.  For a small picture v [cells, 3] with the means m of its
 * channels,
 *
 *     u = (v - m) / s      s^2: mean of (v - m)^2, s no less than DARKEST
 *     d(a, b)^2 = mean of (u_a - u_b)^2
 *
 * d^2 is 2 (1 - correlation): d is 0 for the same picture in other light, and about 1.4 for
 * pictures that have nothing in common.  Looks are chosen by greedy k-center (Gonzalez 1985), so
 * that pictures of a burst count once. */
#include "model/kind.h"
#include "base/clones.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

#define FEWEST_RANGE 5 /* images that a range or a distance takes */
#define FEWEST_LOOKS 8
#define SAMPLE 1024 /* of images that looks are chosen from */
#define ASPECT_MARGIN 0.03
#define SPREADS 3.0
#define FACTOR 1.25
#define LEAST_DISTANCE 0.3
#define DARKEST 4.0

/* A few photos span less than all photos of their kind, so their margins are wider. */
static double widened(double margin, int64_t n)
{
    return margin * (1.0 + 5.0 / (double)n);
}

/* The least margin of a range: levels, and parts. */
static const double least[FK_TRAIT_NUMBERS] = {3.0, 0.05, 0.1};
static const char *const names[FK_TRAIT_NUMBERS] = {"brightness", "contrast", "sharpness"};

void fk_kind_free(fk_kind *k)
{
    fk_free(k->cells);
    fk_free(k->looks);
    *k = (fk_kind){0};
}

/* ---- Looks ---- */

static void even_light(float *out, const uint8_t *cells)
{
    double mean[3] = {0.0}, square = 0.0, scale;
    const int n = FK_CELLS * FK_CELLS;

    for (int i = 0; i < FK_CELLS_BYTES; i++)
        mean[i % 3] += cells[i] / (double)n;
    for (int i = 0; i < FK_CELLS_BYTES; i++)
        square += (cells[i] - mean[i % 3]) * (cells[i] - mean[i % 3]);
    scale = 1.0 / fmax(sqrt(square / FK_CELLS_BYTES), DARKEST);
    for (int i = 0; i < FK_CELLS_BYTES; i++)
        out[i] = (float)((cells[i] - mean[i % 3]) * scale);
}

FK_CLONES static double distance(const float *a, const float *b)
{
    double sums[8] = {0.0}, sum = 0.0; /* eight independent sums, so that additions overlap */

    for (int i = 0; i < FK_CELLS_BYTES; i++) {
        double d = (double)a[i] - (double)b[i];

        sums[i % 8] += d * d;
    }
    for (int i = 0; i < 8; i++)
        sum += sums[i];
    return sqrt(sum / FK_CELLS_BYTES);
}

static fleck_status make_looks(fk_kind *k, fleck_error *err)
{
    fleck_status st;

    FK_DO(FK_ALLOC(&k->looks, k->n_looks * FK_CELLS_BYTES, err));
    for (int64_t i = 0; i < k->n_looks; i++)
        even_light(k->looks + i * FK_CELLS_BYTES, k->cells + i * FK_CELLS_BYTES);
done:
    return st;
}

/* One of the images that looks are chosen from. */
typedef struct candidate {
    const fk_traits *traits;
    double near;  /* distance of the nearest look so far */
    double other; /* in the end: distance of the nearest look but itself */
    bool chosen;
} candidate;

/* The candidate that is farthest from all looks so far. */
static int64_t farthest(const candidate *c, int64_t n)
{
    int64_t best = 0;

    for (int64_t i = 1; i < n; i++)
        if (c[i].near > c[best].near)
            best = i;
    return best;
}

/* Choose looks of n candidates, whose u [n] are given, and set the distance. */
static void choose(fk_kind *k, candidate *c, int64_t n, const float *u)
{
    double most = 0.0;

    for (k->n_looks = 0; k->n_looks < FK_LOOKS && k->n_looks < n; k->n_looks++) {
        int64_t next = farthest(c, n);

        if (c[next].near == 0.0)
            break; /* all others equal a look */
        c[next].chosen = true;
        memcpy(k->cells + k->n_looks * FK_CELLS_BYTES, c[next].traits->cells, FK_CELLS_BYTES);
        for (int64_t i = 0; i < n; i++) {
            double d = distance(u + i * FK_CELLS_BYTES, u + next * FK_CELLS_BYTES);

            c[i].near = fmin(c[i].near, d);
            c[i].other = i != next ? fmin(c[i].other, d) : c[i].other;
        }
    }
    for (int64_t i = 0; i < n; i++)
        most = isfinite(c[i].other) ? fmax(most, c[i].other) : most;
    k->distance = fmax(widened(FACTOR, n) * most, LEAST_DISTANCE);
}

static fleck_status learn_looks(fk_kind *k, const fk_traits *const *traits, int64_t n,
                                fleck_error *err)
{
    int64_t count = n < SAMPLE ? n : SAMPLE;
    candidate *c = NULL;
    float *u = NULL;
    fleck_status st;

    k->distance = INFINITY;
    if (n < FEWEST_LOOKS)
        return FLECK_OK;
    FK_DO(FK_ALLOC(&c, count, err));
    FK_DO(FK_ALLOC(&u, count * FK_CELLS_BYTES, err));
    FK_DO(FK_ALLOC(&k->cells, FK_LOOKS * FK_CELLS_BYTES, err));
    for (int64_t i = 0; i < count; i++) {
        c[i] = (candidate){traits[i * n / count], INFINITY, INFINITY, false};
        even_light(u + i * FK_CELLS_BYTES, c[i].traits->cells);
    }
    choose(k, c, count, u);
    FK_DO(make_looks(k, err));
done:
    fk_free(c);
    fk_free(u);
    return st;
}

double fk_kind_distance(const fk_kind *k, const fk_traits *t)
{
    float u[FK_CELLS_BYTES];
    double nearest = INFINITY;

    if (k->n_looks == 0)
        return 0.0;
    even_light(u, t->cells);
    for (int64_t i = 0; i < k->n_looks; i++)
        nearest = fmin(nearest, distance(u, k->looks + i * FK_CELLS_BYTES));
    return nearest;
}

/* ---- Ranges ---- */

static void learn_range(double out[2], const fk_traits *const *traits, int64_t n, int which)
{
    double low = INFINITY, high = -INFINITY, sum = 0.0, squares = 0.0, margin;
    int64_t count = 0;

    for (int64_t i = 0; i < n; i++) {
        double v = traits[i]->numbers[which];

        if (isnan(v))
            continue;
        low = fmin(low, v);
        high = fmax(high, v);
        sum += v;
        count++;
    }
    for (int64_t i = 0; i < n; i++) {
        double d = traits[i]->numbers[which] - sum / (double)count;

        squares += isnan(d) ? 0.0 : d * d;
    }
    out[0] = -INFINITY;
    out[1] = INFINITY;
    if (count < FEWEST_RANGE)
        return;
    margin = fmax(widened(SPREADS, count) * sqrt(squares / (double)(count - 1)), least[which]);
    out[0] = low - margin;
    out[1] = high + margin;
}

static void learn_sizes(fk_kind *k, const fk_traits *const *traits, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const fk_traits *t = traits[i];
        double aspect = (double)t->width / (double)t->height;
        bool first = i == 0;

        k->width[0] = first || t->width < k->width[0] ? t->width : k->width[0];
        k->width[1] = first || t->width > k->width[1] ? t->width : k->width[1];
        k->height[0] = first || t->height < k->height[0] ? t->height : k->height[0];
        k->height[1] = first || t->height > k->height[1] ? t->height : k->height[1];
        k->aspect[0] = first ? aspect : fmin(k->aspect[0], aspect);
        k->aspect[1] = first ? aspect : fmax(k->aspect[1], aspect);
    }
}

fleck_status fk_kind_learn(fk_kind *k, const fk_traits *const *traits, int64_t n, fleck_error *err)
{
    fleck_status st;

    *k = (fk_kind){.images = n};
    learn_sizes(k, traits, n);
    for (int which = 0; which < FK_TRAIT_NUMBERS; which++)
        learn_range(k->numbers[which], traits, n, which);
    FK_DO(learn_looks(k, traits, n, err));
done:
    if (st != FLECK_OK)
        fk_kind_free(k);
    return st;
}

unsigned fk_kind_compare(const fk_kind *k, const fk_traits *t)
{
    static const unsigned bits[FK_TRAIT_NUMBERS] = {FLECK_UNLIKE_LIGHT, FLECK_UNLIKE_LIGHT,
                                                    FLECK_UNLIKE_SHARPNESS};
    double aspect = (double)t->width / (double)t->height;
    unsigned out = 0;

    if (k->images == 0)
        return 0;
    if (aspect < k->aspect[0] * (1.0 - ASPECT_MARGIN) ||
        aspect > k->aspect[1] * (1.0 + ASPECT_MARGIN))
        return FLECK_UNLIKE_SHAPE; /* it is stretched, so nothing else is comparable */
    for (int which = 0; which < FK_TRAIT_NUMBERS; which++)
        if (t->numbers[which] < k->numbers[which][0] || t->numbers[which] > k->numbers[which][1])
            out |= bits[which];
    if (fk_kind_distance(k, t) > k->distance)
        out |= FLECK_UNLIKE_PART;
    return out;
}

/* ---- In a file ---- */

static bool put_pair(fk_json *object, const char *key, double a, double b)
{
    fk_json *pair;

    if (!isfinite(a) || !isfinite(b))
        return true;
    pair = fk_json_array();
    return fk_json_put(object, key, pair) && fk_json_push_real(pair, a) &&
           fk_json_push_real(pair, b);
}

static bool put_sizes(fk_json *object, const char *key, const int64_t v[2])
{
    fk_json *pair = fk_json_array();

    return fk_json_put(object, key, pair) && fk_json_push_int(pair, v[0]) &&
           fk_json_push_int(pair, v[1]);
}

fleck_status fk_kind_save(const fk_kind *k, fk_st_writer *w, fk_json *object, fleck_error *err)
{
    fk_json *p;
    bool ok;

    if (k->images == 0)
        return FLECK_OK;
    p = fk_json_object();
    ok = fk_json_put(object, "kind", p) && fk_json_put_int(p, "images", k->images) &&
         put_sizes(p, "width", k->width) && put_sizes(p, "height", k->height) &&
         put_pair(p, "aspect", k->aspect[0], k->aspect[1]);
    for (int which = 0; ok && which < FK_TRAIT_NUMBERS; which++)
        ok = put_pair(p, names[which], k->numbers[which][0], k->numbers[which][1]);
    if (ok && k->n_looks > 0)
        ok = fk_json_put_real(p, "distance", k->distance);
    if (!ok)
        return fk_error_set(err, FLECK_E_NOMEM, "the model's description could not be made");
    if (k->n_looks == 0)
        return FLECK_OK;
    return fk_st_writer_add_data(w, "kind.looks", FK_U8, 4,
                                 (int64_t[]){k->n_looks, FK_CELLS, FK_CELLS, 3}, k->cells, err);
}

/* Read a pair of ascending numbers; a missing pair means any number. */
static fleck_status get_pair(double out[2], const fk_json *p, const char *key, fleck_error *err)
{
    const fk_json *pair = fk_json_get(p, key);

    out[0] = -INFINITY;
    out[1] = INFINITY;
    if (pair == NULL)
        return FLECK_OK;
    for (int i = 0; i < 2; i++)
        if (fk_json_count(pair) != 2 || !fk_json_as_real(fk_json_at(pair, i), &out[i]) ||
            !isfinite(out[i]))
            return fk_error_set(err, FLECK_E_FORMAT, "kind: \"%s\" is not two numbers", key);
    return FLECK_OK;
}

static fleck_status get_sizes(fk_kind *k, const fk_json *p, fleck_error *err)
{
    double width[2], height[2];
    fleck_status st;

    FK_DO(get_pair(width, p, "width", err));
    FK_DO(get_pair(height, p, "height", err));
    FK_DO(get_pair(k->aspect, p, "aspect", err));
    for (int i = 0; i < 2; i++) {
        if (!(width[i] >= 1.0 && width[i] <= 1e9 && height[i] >= 1.0 && height[i] <= 1e9))
            FK_FAIL(err, FLECK_E_FORMAT, "kind: width and height are no sizes");
        k->width[i] = (int64_t)width[i];
        k->height[i] = (int64_t)height[i];
    }
done:
    return st;
}

fleck_status fk_kind_load(fk_kind *k, const fk_st_reader *r, const fk_json *object,
                          fleck_error *err)
{
    const fk_json *p = fk_json_get(object, "kind");
    fk_tensor t;
    fleck_status st;

    *k = (fk_kind){.distance = INFINITY};
    if (p == NULL)
        return FLECK_OK;
    if (!fk_json_get_int(p, "images", &k->images) || k->images < 1)
        FK_FAIL(err, FLECK_E_FORMAT, "kind: \"images\" is missing or not above 0");
    FK_DO(get_sizes(k, p, err));
    for (int which = 0; which < FK_TRAIT_NUMBERS; which++)
        FK_DO(get_pair(k->numbers[which], p, names[which], err));
    if (!fk_json_get_real(p, "distance", &k->distance))
        goto done;
    FK_DO(fk_st_get_checked(r, "kind.looks", FK_U8, 4, (int64_t[]){-1, FK_CELLS, FK_CELLS, 3}, &t,
                            err));
    if (t.shape[0] < 1 || t.shape[0] > FK_LOOKS)
        FK_FAIL(err, FLECK_E_FORMAT, "kind.looks: expected 1 to %d looks, found %lld", FK_LOOKS,
                (long long)t.shape[0]);
    k->n_looks = t.shape[0];
    FK_DO(FK_ALLOC(&k->cells, k->n_looks * FK_CELLS_BYTES, err));
    memcpy(k->cells, t.data, (size_t)(k->n_looks * FK_CELLS_BYTES));
    FK_DO(make_looks(k, err));
done:
    if (st != FLECK_OK)
        fk_kind_free(k);
    return st;
}
