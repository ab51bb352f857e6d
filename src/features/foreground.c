/* SPDX-License-Identifier: Apache-2.0 */
/* Foreground: the positions of a photo that show the part, not what it lies on.
 *
 * After AnomalyDINO (Damm, Laszkiewicz, Lederer and Fischer 2025, section 3.3): the first principal
 * component of a photo's features often tells a part from its background.  There each photo has
 * components of its own and a fixed threshold; here one axis and one threshold are learned from a
 * sample of all good photos, so that a defect cannot turn the axis.
 *
 * With features x, their mean m and first component a, the coordinates are t = a'(x - m).
 *
 *   axis       power iteration, a <- sum of (a'(x - m)) (x - m), divided by its length
 *   threshold  Otsu 1979: sorted t are cut into two sides so that the variance between the sides,
 *              w0 w1 (m0 - m1)^2, is largest; w are the sides' shares, and m their means
 *   sign       the paper takes the side that fills the centre; here the side whose share of the
 *              centre exceeds its share of the border most is the foreground
 *   clear      the variance between the sides is at least 3/4 of all, as of two values or of a
 *              uniform distribution (a normal one has 2/pi), and the shares of centre and border
 *              differ by half.  A texture fills centre and border alike
 *   find       t above the threshold, then dilated by one position and closed, as in the paper;
 *              then background that does not touch the photo's border is foreground too, so that no
 *              face of a part is left out for its colour */
#include "features/foreground.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ITERATIONS 100
/* Iteration ends when the axis moves less. */
#define STILL 1e-10

void fk_foreground_free(fk_foreground *f)
{
    fk_free(f->axis);
    *f = (fk_foreground){0};
}

int fk_foreground_place(int64_t y, int64_t x, int64_t height, int64_t width)
{
    if (y == 0 || x == 0 || y == height - 1 || x == width - 1)
        return FK_PLACE_BORDER;
    if (5 * y >= height && 5 * y < 4 * height && 5 * x >= width && 5 * x < 4 * width)
        return FK_PLACE_CENTRE;
    return FK_PLACE_BETWEEN;
}

/* ---- Axis ---- */

/* The scratch of a search, [dim] each but for t. */
typedef struct search {
    double *mean, *axis, *next;
    double *t; /* [n] coordinates */
} search;

static void search_free(search *s)
{
    fk_free(s->mean);
    fk_free(s->axis);
    fk_free(s->next);
    fk_free(s->t);
}

static fleck_status search_make(search *s, const float *x, int64_t n, int64_t dim, fleck_error *err)
{
    fleck_status st;

    FK_DO(FK_CALLOC(&s->mean, dim, err));
    FK_DO(FK_ALLOC(&s->axis, dim, err));
    FK_DO(FK_ALLOC(&s->next, dim, err));
    FK_DO(FK_ALLOC(&s->t, n, err));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < dim; j++)
            s->mean[j] += (double)x[i * dim + j];
    for (int64_t j = 0; j < dim; j++) {
        s->mean[j] /= (double)n;
        s->axis[j] = 1.0 / sqrt((double)dim);
    }
done:
    return st;
}

/* Set t from the axis. */
static void project(search *s, const float *x, int64_t n, int64_t dim)
{
    double offset = 0.0;

    for (int64_t j = 0; j < dim; j++)
        offset += s->axis[j] * s->mean[j];
    for (int64_t i = 0; i < n; i++) {
        double sum = 0.0;

        for (int64_t j = 0; j < dim; j++)
            sum += s->axis[j] * (double)x[i * dim + j];
        s->t[i] = sum - offset;
    }
}

/* One step of the power iteration from t; returns how far the axis moved, 0 if nothing varies. */
static double turn(search *s, const float *x, int64_t n, int64_t dim)
{
    double length = 0.0, moved = 0.0;

    for (int64_t j = 0; j < dim; j++)
        s->next[j] = 0.0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < dim; j++)
            s->next[j] += s->t[i] * ((double)x[i * dim + j] - s->mean[j]);
    for (int64_t j = 0; j < dim; j++)
        length += s->next[j] * s->next[j];
    length = sqrt(length);
    for (int64_t j = 0; length > 0.0 && j < dim; j++) {
        double to = s->next[j] / length;

        moved += (to - s->axis[j]) * (to - s->axis[j]);
        s->axis[j] = to;
    }
    return sqrt(moved);
}

/* ---- Threshold ---- */

static int ascending(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;

    return (a > b) - (a < b);
}

/* Otsu's threshold of sorted t; *separation is the share of the variance between the sides. */
static double cut(const double *sorted, int64_t n, double *separation)
{
    double sum = 0.0, squares = 0.0, below = 0.0, best = 0.0, threshold = 0.0;

    for (int64_t i = 0; i < n; i++) {
        sum += sorted[i];
        squares += sorted[i] * sorted[i];
    }
    for (int64_t i = 0; i + 1 < n; i++) {
        double left = (double)(i + 1), right = (double)(n - i - 1), apart, between;

        below += sorted[i];
        apart = (sum - below) / right - below / left;
        between = left * right / (double)n * apart * apart;
        if (between > best) {
            best = between;
            threshold = (sorted[i] + sorted[i + 1]) / 2.0;
        }
    }
    squares -= sum * sum / (double)n;
    *separation = squares > 0.0 ? best / squares : 0.0;
    return threshold;
}

/* Share of the centre above the threshold, less that of the border. */
static double contrast_of(const double *t, const uint8_t *places, int64_t n, double threshold)
{
    double count[3] = {0.0}, above[3] = {0.0};

    for (int64_t i = 0; i < n; i++) {
        count[places[i]] += 1.0;
        above[places[i]] += t[i] > threshold;
    }
    if (count[FK_PLACE_CENTRE] == 0.0 || count[FK_PLACE_BORDER] == 0.0)
        return 0.0;
    return above[FK_PLACE_CENTRE] / count[FK_PLACE_CENTRE] -
           above[FK_PLACE_BORDER] / count[FK_PLACE_BORDER];
}

/* Make the rule from the axis and a threshold of t. */
static fleck_status make_rule(fk_foreground *out, const search *s, int64_t dim, double threshold,
                              bool turned, fleck_error *err)
{
    double sign = turned ? -1.0 : 1.0, offset = 0.0;
    fleck_status st;

    FK_DO(FK_ALLOC(&out->axis, dim, err));
    out->dim = dim;
    for (int64_t j = 0; j < dim; j++) {
        out->axis[j] = (float)(sign * s->axis[j]);
        offset += s->axis[j] * s->mean[j];
    }
    out->threshold = sign * (threshold + offset);
done:
    return st;
}

fleck_status fk_foreground_learn(fk_foreground *out, const float *x, const uint8_t *places,
                                 int64_t n, int64_t dim, fk_foreground_signs *signs,
                                 fleck_error *err)
{
    fk_foreground_signs seen = {0};
    search s = {0};
    double *sorted = NULL, threshold;
    fleck_status st;

    *out = (fk_foreground){0};
    FK_DO(search_make(&s, x, n, dim, err));
    FK_DO(FK_ALLOC(&sorted, n, err));
    project(&s, x, n, dim);
    for (int i = 0; i < ITERATIONS && turn(&s, x, n, dim) > STILL; i++)
        project(&s, x, n, dim);
    project(&s, x, n, dim);
    memcpy(sorted, s.t, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    threshold = cut(sorted, n, &seen.separation);
    seen.contrast = contrast_of(s.t, places, n, threshold);
    if (seen.separation >= FK_FOREGROUND_SEPARATION &&
        fabs(seen.contrast) >= FK_FOREGROUND_CONTRAST)
        FK_DO(make_rule(out, &s, dim, threshold, seen.contrast < 0.0, err));
    seen.contrast = fabs(seen.contrast);
    if (signs != NULL)
        *signs = seen;
done:
    search_free(&s);
    fk_free(sorted);
    return st;
}

/* ---- Finding ---- */

/* Set out to 1 where one of the 3 x 3 positions around is `value` of in, else to 0; positions
 * outside do not count. */
static void spread(uint8_t *out, const uint8_t *in, int64_t height, int64_t width, uint8_t value)
{
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            bool found = false;

            for (int64_t j = y > 0 ? y - 1 : 0; j <= y + 1 && j < height; j++)
                for (int64_t i = x > 0 ? x - 1 : 0; i <= x + 1 && i < width; i++)
                    found = found || in[j * width + i] == value;
            out[y * width + x] = found;
        }
}

/* Set to 1 what is 0 in shown [height, width] and not connected, by edges, to a 0 of the border.
 * stack: scratch [height * width]. */
static void fill_holes(uint8_t *shown, int64_t height, int64_t width, int64_t *stack)
{
    enum { OUTSIDE = 2 };
    int64_t n = height * width, depth = 0;

    for (int64_t p = 0; p < n; p++)
        if (shown[p] == 0 &&
            (p < width || p >= n - width || p % width == 0 || p % width == width - 1)) {
            shown[p] = OUTSIDE;
            stack[depth++] = p;
        }
    while (depth > 0) {
        int64_t p = stack[--depth];
        const int64_t next[4] = {p >= width ? p - width : p, p < n - width ? p + width : p,
                                 p % width > 0 ? p - 1 : p, p % width < width - 1 ? p + 1 : p};

        for (int i = 0; i < 4; i++)
            if (shown[next[i]] == 0) {
                shown[next[i]] = OUTSIDE;
                stack[depth++] = next[i];
            }
    }
    for (int64_t p = 0; p < n; p++)
        shown[p] = shown[p] != OUTSIDE;
}

fleck_status fk_foreground_find(uint8_t *shown, double *above, const fk_foreground *f,
                                const fk_level *level, fleck_error *err)
{
    int64_t n = level->height * level->width, count = 0;
    uint8_t *other = NULL;
    int64_t *stack = NULL;
    fleck_status st;

    *above = 0.0;
    FK_DO(FK_ALLOC(&other, n, err));
    FK_DO(FK_ALLOC(&stack, n, err));
    for (int64_t p = 0; p < n; p++) {
        const float *x = level->data + p * level->dim;
        double sum = 0.0;

        for (int64_t j = 0; j < level->dim; j++)
            sum += (double)f->axis[j] * (double)x[j];
        shown[p] = sum > f->threshold;
        count += shown[p];
    }
    *above = (double)count / (double)n;
    spread(other, shown, level->height, level->width, 1); /* dilated */
    spread(shown, other, level->height, level->width, 1); /* closed: dilated again */
    spread(other, shown, level->height, level->width, 0); /* and eroded */
    for (int64_t p = 0; p < n; p++)
        shown[p] = other[p] == 0;
    fill_holes(shown, level->height, level->width, stack);
done:
    fk_free(stack);
    fk_free(other);
    return st;
}

/* ---- Files ---- */

fleck_status fk_foreground_save(const fk_foreground *f, fk_st_writer *w, fk_json *meta,
                                fleck_error *err)
{
    fk_json *object;
    fleck_status st;

    if (f->dim == 0)
        return FLECK_OK;
    object = fk_json_object();
    if (!fk_json_put(meta, "foreground", object) ||
        !fk_json_put_real(object, "threshold", f->threshold) ||
        !fk_json_put_real(object, "share", f->share) ||
        !fk_json_put_real(object, "least", f->least))
        return fk_error_set(err, FLECK_E_NOMEM, "foreground: it could not be written as JSON");
    st = fk_st_writer_add_data(w, "foreground.axis", FK_F32, 1, &f->dim, f->axis, err);
    return st;
}

/* Read a number from `least` to `most`. */
static fleck_status read_number(double *out, const fk_json *meta, const char *key, double least,
                                double most, fleck_error *err)
{
    if (fk_json_get_real(meta, key, out) && *out >= least && *out <= most)
        return FLECK_OK;
    return fk_error_set(err, FLECK_E_FORMAT, "foreground: %s is missing or not from %g to %g", key,
                        least, most);
}

fleck_status fk_foreground_load(fk_foreground *out, int64_t dim, const fk_st_reader *r,
                                const fk_json *meta, fleck_error *err)
{
    fk_tensor t;
    fleck_status st;

    *out = (fk_foreground){0};
    if (meta == NULL)
        return FLECK_OK;
    FK_DO(read_number(&out->threshold, meta, "threshold", -1e30, 1e30, err));
    FK_DO(read_number(&out->share, meta, "share", 0.0, 1.0, err));
    FK_DO(read_number(&out->least, meta, "least", 0.0, 1.0, err));
    FK_DO(fk_st_get_checked(r, "foreground.axis", FK_F32, 1, &dim, &t, err));
    FK_DO(FK_ALLOC(&out->axis, dim, err));
    memcpy(out->axis, t.data, (size_t)dim * sizeof *out->axis);
    out->dim = dim;
done:
    if (st != FLECK_OK)
        fk_foreground_free(out);
    return st;
}
