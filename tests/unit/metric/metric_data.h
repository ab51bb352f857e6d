/* SPDX-License-Identifier: Apache-2.0 */
/* Data of the metric tests, from a hash that the golden script computes too. */
#ifndef FK_METRIC_DATA_H
#define FK_METRIC_DATA_H

#include "base/mem.h"
#include "base/prng.h"
#include "fk_test.h"
#include "metric/metric.h"

#include <math.h>

/* Element k of sequence `seed`; k < 2^32. */
static inline uint64_t data_hash(uint64_t seed, uint64_t k)
{
    return fk_prng_hash((seed << 32) + k);
}

/* Steps of 1/8 from -3 on: exact in float, and some are negative, some zero. */
static inline double data_score(uint64_t step)
{
    return (double)step / 8.0 - 3.0;
}

/* A block that must be there. */
static inline void *data_block(int64_t count, size_t size)
{
    void *block = NULL;

    assert_int_equal(fk_calloc(&block, count, size, NULL), FLECK_OK);
    return block;
}

/* Maps and masks of one category: [images, height, width] each. */
typedef struct data_set {
    int64_t images, height, width;
    float *maps;
    uint8_t *masks;
} data_set;

/* How to make a set.  percent: of cells of cell x cell pixels that are defective, in all but
 * every third image; shift: steps that a defect adds to the score. */
typedef struct data_recipe {
    uint64_t seed;
    int64_t images, height, width;
    uint64_t levels, percent, shift;
    int64_t cell;
} data_recipe;

static inline data_set data_make(const data_recipe *r)
{
    data_set d = {.images = r->images, .height = r->height, .width = r->width};
    int64_t i = 0;

    d.maps = data_block(d.images * d.height * d.width, sizeof *d.maps);
    d.masks = data_block(d.images * d.height * d.width, sizeof *d.masks);
    for (int64_t n = 0; n < d.images; n++)
        for (int64_t y = 0; y < d.height; y++)
            for (int64_t x = 0; x < d.width; x++, i++) {
                int64_t place = (n * 4096 + y / r->cell) * 4096 + x / r->cell;
                uint64_t step = data_hash(r->seed, (uint64_t)((n * 4096 + y) * 4096 + x) * 2 + 1);
                bool bad = n % 3 != 0 && data_hash(r->seed, (uint64_t)place * 2) % 100 < r->percent;

                d.masks[i] = bad;
                d.maps[i] = (float)data_score(step % r->levels + (bad ? r->shift : 0));
            }
    return d;
}

static inline void data_free(data_set *d)
{
    fk_free(d->maps);
    fk_free(d->masks);
}

/* The metrics of a set whose images are added in the order first, first + stride, ... (modulo the
 * number of images, to which stride must be coprime).  All-good masks go in as NULL at times. */
static inline fk_pixel_result data_measure(const data_set *d, double limit, fk_pool *pool,
                                           int64_t first, int64_t stride)
{
    int64_t size = d->height * d->width;
    fk_pixel_metric *m = NULL;
    fk_pixel_result result;

    assert_ok(fk_pixel_metric_open(&m, err));
    for (int64_t j = 0; j < d->images; j++) {
        int64_t n = (first + j * stride) % d->images;
        const uint8_t *mask = n % 6 == 0 ? NULL : d->masks + n * size;

        assert_ok(fk_pixel_metric_add(m, d->maps + n * size, mask, NULL, d->height, d->width, err));
    }
    assert_ok(fk_pixel_metric_finish(m, limit, pool, &result, err));
    fk_pixel_metric_close(&m);
    assert_null(m);
    return result;
}

/* Equal bit by bit, or both not a number. */
static inline void assert_same(double a, double b)
{
    if (!(a == b || (isnan(a) && isnan(b))))
        fail_msg("%.17g is not %.17g", a, b);
}

static inline void assert_near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%.17g is not %.17g within %g", a, b, tolerance);
}

static inline void assert_same_ranking(const fk_ranking *a, const fk_ranking *b)
{
    assert_same(a->auroc, b->auroc);
    assert_same(a->ap, b->ap);
    assert_same(a->f1max, b->f1max);
    assert_same(a->f1max_threshold, b->f1max_threshold);
}

static inline void assert_same_result(const fk_pixel_result *a, const fk_pixel_result *b)
{
    assert_same_ranking(&a->ranking, &b->ranking);
    assert_same(a->pro, b->pro);
    assert_int_equal(a->regions, b->regions);
    assert_int_equal(a->pixels, b->pixels);
    assert_int_equal(a->defective_pixels, b->defective_pixels);
}

#endif
