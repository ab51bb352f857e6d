/* SPDX-License-Identifier: Apache-2.0 */
/* Regions: the connected parts of a map above a threshold, measured and outlined.
 *
 * Outlines are found by contour following along the pixels' edges, with the region on the right,
 * which is clockwise since y points down.  The outline starts at the top left corner of the
 * region's first pixel in raster order and goes right.  None of the three other pixels at that
 * corner belongs to the region, so the outline passes the corner only once, and ends there.  At
 * each corner two pixels lie ahead, one on the left and one on the right:
 *
 *   left belongs to the region    turn left
 *   only right does               go straight on
 *   neither does                  turn right
 *
 * Where two pixels of the region touch diagonally, left belongs to the region and right does not:
 * the outline goes over to the other pixel, as regions are 8-connected.  So it follows one
 * 4-connected part of the background, the one at the top edge of the first pixel, which is outside;
 * holes are not outlined. */
#include "metric/region.h"
#include "base/mem.h"
#include "metric/metric.h"

#include <stdlib.h>
#include <string.h>

/* A region while it is measured. */
typedef struct found {
    fleck_region r;
    int64_t sum_x, sum_y, first; /* first: index of its first pixel */
    double sum;
    int32_t label;
} found;

/* The state of all steps. */
typedef struct search {
    const float *map;
    int64_t height, width;
    int32_t *labels; /* [height, width], 0 for background */
    int64_t n;       /* number of labels */
    int32_t *index;  /* [n] index in `all` of each label's region; -1: too small */
    found *all;      /* [count] */
    int64_t count;
} search;

/* Label the components above the threshold. */
static fleck_status label(search *s, double threshold, fleck_error *err)
{
    int64_t count;
    uint8_t *mask = NULL;
    fleck_status st;

    if (!fk_mul_fits(s->height, s->width, &count) || count >= INT32_MAX)
        FK_FAIL(err, FLECK_E_LIMIT, "map of %lld x %lld pixels: the limit is %d",
                (long long)s->width, (long long)s->height, INT32_MAX - 1);
    FK_DO(FK_ALLOC(&mask, count, err));
    FK_DO(FK_ALLOC(&s->labels, count, err));
    for (int64_t i = 0; i < count; i++)
        mask[i] = (double)s->map[i] > threshold;
    FK_DO(fk_components(s->labels, &s->n, mask, s->height, s->width, err));
done:
    fk_free(mask);
    return st;
}

/* Assign an index in s->all to each region that is large enough. */
static fleck_status choose(search *s, const fleck_region_settings *settings, fleck_error *err)
{
    const int64_t pixels = s->height * s->width;
    fleck_status st;

    FK_DO(FK_CALLOC(&s->index, s->n, err));
    for (int64_t i = 0; i < pixels; i++)
        if (s->labels[i] != 0)
            s->index[s->labels[i] - 1]++;
    for (int64_t i = 0; i < s->n; i++) {
        int32_t area = s->index[i];
        bool small = area < settings->min_area ||
                     100.0 * (double)area < settings->min_percent * (double)pixels;

        s->index[i] = small ? -1 : (int32_t)s->count++;
    }
    FK_DO(FK_CALLOC(&s->all, s->count, err));
done:
    return st;
}

static void add_pixel(found *f, int64_t x, int64_t y, double value)
{
    fleck_region *r = &f->r;

    if (r->area == 0) {
        r->x = x;
        r->y = y;
    }
    if (r->area == 0 || value > r->peak) {
        r->peak = value;
        r->peak_x = x;
        r->peak_y = y;
    }
    if (x < r->x) {
        r->width += r->x - x;
        r->x = x;
    }
    if (x >= r->x + r->width)
        r->width = x - r->x + 1;
    r->height = y - r->y + 1;
    r->area++;
    f->sum_x += x;
    f->sum_y += y;
    f->sum += value;
}

static void measure(search *s, uint8_t *kept)
{
    for (int64_t y = 0, i = 0; y < s->height; y++) {
        for (int64_t x = 0; x < s->width; x++, i++) {
            int32_t label = s->labels[i];
            int64_t k = label != 0 ? s->index[label - 1] : -1;

            if (kept != NULL)
                kept[i] = k >= 0;
            if (k < 0)
                continue;
            if (s->all[k].r.area == 0) {
                s->all[k].first = i;
                s->all[k].label = label;
            }
            add_pixel(&s->all[k], x, y, (double)s->map[i]);
        }
    }
    for (int64_t k = 0; k < s->count; k++) {
        found *f = &s->all[k];

        f->r.centroid_x = (double)f->sum_x / (double)f->r.area;
        f->r.centroid_y = (double)f->sum_y / (double)f->r.area;
        f->r.mean = f->sum / (double)f->r.area;
    }
}

/* The highest peak first; equal peaks in raster order of the first pixels. */
static int by_peak(const void *a, const void *b)
{
    const found *p = a, *q = b;

    if (p->r.peak != q->r.peak)
        return p->r.peak > q->r.peak ? -1 : 1;
    return p->first < q->first ? -1 : p->first > q->first;
}

static bool is_part(const search *s, int32_t label, int64_t x, int64_t y)
{
    return x >= 0 && y >= 0 && x < s->width && y < s->height &&
           s->labels[y * s->width + x] == label;
}

/* Follow the outline of f, write its corners unless out is NULL, and return their number. */
static int64_t trace(const search *s, const found *f, fleck_point *out)
{
    /* Directions: right, down, left, up.  The pixel ahead on the right of corner (x, y) is at (x,
     * y) + right. */
    static const int step[4][2] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};
    static const int right[4][2] = {{0, 0}, {-1, 0}, {-1, -1}, {0, -1}};
    const int64_t x0 = f->first % s->width, y0 = f->first / s->width;
    int64_t x = x0, y = y0, n = 0;
    int direction = 3; /* up: the outline arrives along the left edge of the first pixel */

    do {
        const int *r = right[direction], *l = right[(direction + 3) % 4];
        int turn = 0;

        if (is_part(s, f->label, x + l[0], y + l[1]))
            turn = 3;
        else if (!is_part(s, f->label, x + r[0], y + r[1]))
            turn = 1;
        if (turn != 0 && out != NULL)
            out[n] = (fleck_point){(int32_t)x, (int32_t)y};
        n += turn != 0;
        direction = (direction + turn) % 4;
        x += step[direction][0];
        y += step[direction][1];
    } while (x != x0 || y != y0);
    return n;
}

/* Write the list of regions and their outlines. */
static fleck_status write_list(fleck_regions *out, const search *s, fleck_error *err)
{
    int64_t points = 0;
    fleck_status st;

    FK_DO(FK_ALLOC(&out->list, s->count, err));
    for (int64_t k = 0; k < s->count; k++) {
        s->all[k].r.outline_count = trace(s, &s->all[k], NULL);
        points += s->all[k].r.outline_count;
    }
    FK_DO(FK_ALLOC(&out->points, points, err));
    points = 0;
    for (int64_t k = 0; k < s->count; k++) {
        out->list[k] = s->all[k].r;
        out->list[k].outline = out->points + points;
        points += trace(s, &s->all[k], out->points + points);
    }
    out->count = s->count;
done:
    return st;
}

fleck_status fk_regions_find(fleck_regions *out, uint8_t *kept, const float *map, int64_t height,
                             int64_t width, const fleck_region_settings *settings, fleck_error *err)
{
    search s = {.map = map, .height = height, .width = width};
    fleck_status st;

    *out = (fleck_regions){.width = width, .height = height, .threshold = settings->threshold};
    FK_DO(label(&s, settings->threshold, err));
    FK_DO(choose(&s, settings, err));
    measure(&s, kept);
    if (s.count > 1)
        qsort(s.all, (size_t)s.count, sizeof *s.all, by_peak);
    out->smaller = s.n - s.count;
    FK_DO(write_list(out, &s, err));
done:
    fk_free(s.labels);
    fk_free(s.index);
    fk_free(s.all);
    if (st != FLECK_OK)
        fk_regions_free(out);
    return st;
}

void fk_regions_free(fleck_regions *r)
{
    if (r == NULL)
        return;
    fk_free(r->list);
    fk_free(r->points);
    *r = (fleck_regions){0};
}
