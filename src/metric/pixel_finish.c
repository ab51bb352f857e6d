/* SPDX-License-Identifier: Apache-2.0 */
/* Pixel metrics: the figures, from the pixels that pixel.c has put into bins image by image.
 *
 * The bins that hold defective pixels are processed from the highest down.  For each bin, over the
 * pixels of all images:
 *
 *   1. a bit set marks the lower halves of the defective keys.  In ascending order they are the
 *      bin's `values`; `first` is the index of the first value of each 16 halves.
 *   2. good and defective pixels are counted at these values, and good ones also between them.
 *   3. the counts are summed from the highest value down, and a last pass over the defective pixels
 *      updates their regions.
 *
 * Good pixels in bins without a defective one only add to a total. Threads do steps 1 and 2 for
 * several bins at a time; step 3 follows in order.
 *
 * Counts are integers, each bin has its own counters, and the sums that are not integers are taken
 * in a fixed order, down the distinct keys.  So the result does not depend on the number of threads
 * or the order of the images.
 *
 * Memory: about 16 bytes for each distinct value of AT_ONCE bins, 32 for each region, and 1 MiB. */
#include "base/mem.h"
#include "metric/keys.h"
#include "metric/pixel.h"
#include "metric/pro.h"
#include "metric/tally.h"

#include <math.h>
#include <string.h>

#define AT_ONCE 16 /* bins processed in parallel */
#define SLOT 16    /* values per word of the bit set */
#define SLOTS (FK_PIXEL_BINS / SLOT)
#define BLOCK 32768 /* bytes read from a file at a time */

/* One bin with the pixels of all images. */
typedef struct bin {
    uint32_t upper;
    int64_t above; /* good pixels above it */
    int64_t n;     /* distinct values of its defective pixels */
    uint16_t marked[SLOTS];
    uint32_t first[SLOTS];                /* index of the first value in a slot or above it */
    uint32_t values[FK_PIXEL_BINS + 1];   /* [n], then one above all of them */
    uint32_t here[FK_PIXEL_BINS];         /* [n] defective pixels */
    uint32_t good[2 * FK_PIXEL_BINS + 1]; /* [2 n + 1] good pixels: below value k at 2 k, at it at 2
                                             k + 1 */
    uint64_t block[BLOCK / sizeof(uint64_t)];
} bin;

typedef struct survey {
    fk_pixel_metric *metric;
    fk_pixel_image *images;
    int64_t good, n_defective, n_regions;
    fk_pro_region *regions;
    fk_tally tally;
    fk_pro pro;
    int64_t (*totals)[2]; /* [FK_PIXEL_BINS] of good and defective pixels */
    bin *bins;            /* [AT_ONCE] */
} survey;

/* ---- Passes over a bin's pixels ---- */

/* Called with n good or n defective pixels of one image. */
typedef void visit_fn(survey *s, bin *b, const fk_pixel_image *im, const void *pixels, int64_t n);

static const fk_pixel_bin *find_bin(const fk_pixel_image *im, uint32_t upper)
{
    int64_t lo = 0, hi = im->n_bins;

    while (lo < hi) {
        int64_t middle = lo + (hi - lo) / 2;

        if (im->bins[middle].upper < upper)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo < im->n_bins && im->bins[lo].upper == upper ? &im->bins[lo] : NULL;
}

/* Call visit() with all good or all defective pixels of the bin, image by image; pixels in the file
 * are read in blocks. */
static fleck_status pass(survey *s, bin *b, bool defective, visit_fn *visit, fleck_error *err)
{
    const int64_t width = defective ? sizeof *s->images->defective : sizeof *s->images->good;
    const int64_t most = BLOCK / width;
    fleck_status st = FLECK_OK;

    for (const fk_pixel_image *im = s->images; im != NULL; im = im->next) {
        const fk_pixel_bin *at = find_bin(im, b->upper);
        const void *memory = defective ? (const void *)im->defective : im->good;
        int64_t offset = im->offset, from, to;

        if (at == NULL)
            continue;
        from = defective ? at->defective : at->good;
        to = defective ? at[1].defective : at[1].good;
        if (!defective)
            offset += im->n_defective * (int64_t)sizeof *im->defective;
        if (!im->in_file && from < to)
            visit(s, b, im, (const char *)memory + from * width, to - from);
        for (int64_t n; im->in_file && from < to; from += n) {
            n = to - from < most ? to - from : most;
            FK_DO(fk_scratch_read(&s->metric->scratch, b->block, n * width, offset + from * width,
                                  err));
            visit(s, b, im, b->block, n);
        }
    }
done:
    return st;
}

static uint32_t lower_half(uint64_t word)
{
    return (uint32_t)(word >> 32) % FK_PIXEL_BINS;
}

/* The index of the first value that is not less than `value`. */
static uint32_t index_of(const bin *b, uint32_t value)
{
    uint32_t i = b->first[value / SLOT];

    while (b->values[i] < value)
        i++;
    return i;
}

static void mark_values(survey *s, bin *b, const fk_pixel_image *im, const void *pixels, int64_t n)
{
    const uint64_t *words = pixels;

    (void)s;
    (void)im;
    for (int64_t i = 0; i < n; i++)
        b->marked[lower_half(words[i]) / SLOT] |= (uint16_t)(1u << lower_half(words[i]) % SLOT);
}

static void count_defective(survey *s, bin *b, const fk_pixel_image *im, const void *pixels,
                            int64_t n)
{
    const uint64_t *words = pixels;

    (void)s;
    (void)im;
    for (int64_t i = 0; i < n; i++)
        b->here[index_of(b, lower_half(words[i]))]++;
}

static void count_good(survey *s, bin *b, const fk_pixel_image *im, const void *pixels, int64_t n)
{
    const uint16_t *halves = pixels;

    (void)s;
    (void)im;
    for (int64_t i = 0; i < n; i++) {
        uint32_t k = index_of(b, halves[i]);

        b->good[2 * k + (b->values[k] == halves[i])]++;
    }
}

/* Update the regions; good[2 k] is now the number of good pixels above value k. */
static void add_regions(survey *s, bin *b, const fk_pixel_image *im, const void *pixels, int64_t n)
{
    const uint64_t *words = pixels;

    for (int64_t i = 0; i < n; i++) {
        fk_pro_region *region = &s->regions[im->first_region + (int64_t)(uint32_t)words[i]];
        const uint32_t *good = &b->good[2 * index_of(b, lower_half(words[i]))];
        fk_pro_place place = fk_pro_begin_score(&s->pro, good[0], good[1]);

        region->inside += place == FK_PRO_INSIDE;
        region->edge += place == FK_PRO_EDGE;
        if (place == FK_PRO_INSIDE)
            region->twice_late += 2 * (int64_t)good[0] + good[1];
    }
}

/* ---- A bin ---- */

static void list_values(bin *b)
{
    b->n = 0;
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        b->first[slot] = (uint32_t)b->n;
        for (unsigned left = b->marked[slot]; left != 0; left &= left - 1)
            b->values[b->n++] = slot * SLOT + (uint32_t)__builtin_ctz(left);
    }
    b->values[b->n] = FK_PIXEL_BINS;
}

static fleck_status count_bin(void *ctx, int64_t item, int worker, fleck_error *err)
{
    survey *s = ctx;
    bin *b = &s->bins[item];
    fleck_status st;

    (void)worker;
    memset(b->marked, 0, sizeof b->marked);
    FK_DO(pass(s, b, true, mark_values, err));
    list_values(b);
    memset(b->here, 0, (size_t)b->n * sizeof *b->here);
    memset(b->good, 0, (size_t)(2 * b->n + 1) * sizeof *b->good);
    FK_DO(pass(s, b, true, count_defective, err));
    FK_DO(pass(s, b, false, count_good, err));
done:
    return st;
}

/* Sum over the distinct scores of the bin, from the highest down. */
static fleck_status add_up(survey *s, bin *b, fleck_error *err)
{
    int64_t above = b->above + b->good[2 * b->n];

    for (int64_t v = b->n - 1; v >= 0; v--) {
        const uint32_t below = b->good[2 * v], equal = b->good[2 * v + 1];
        const uint32_t key = b->upper * FK_PIXEL_BINS + b->values[v];

        fk_tally_add(&s->tally, (double)fk_f32_from_key(key), b->here[v], above, equal);
        b->good[2 * v] = (uint32_t)above; /* there are fewer than 2^32 pixels in all */
        above += (int64_t)equal + below;
    }
    if ((double)b->above >= s->pro.limit) /* the whole bin is beyond the limit */
        return FLECK_OK;
    return pass(s, b, true, add_regions, err);
}

/* ---- All bins ---- */

static fleck_status process_bins(survey *s, fk_pool *pool, fleck_error *err)
{
    fk_watch *watch = fk_pool_watch(pool);
    int64_t above = 0, done = 0, all = 0, n;
    fleck_status st = FLECK_OK;

    for (int64_t k = 0; k < FK_PIXEL_BINS; k++)
        all += s->totals[k][1] > 0;
    fk_watch_stage(watch, "pixel figures", all);
    for (int64_t upper = FK_PIXEL_BINS - 1; done < all; done += n) {
        for (n = 0; n < AT_ONCE && n < all - done; upper--) {
            if (s->totals[upper][1] > 0) {
                s->bins[n].upper = (uint32_t)upper;
                s->bins[n++].above = above;
            }
            above += s->totals[upper][0];
        }
        FK_DO(fk_pool_run(pool, n, count_bin, s, err));
        for (int64_t i = 0; i < n; i++)
            FK_DO(add_up(s, &s->bins[i], err));
        FK_DO(fk_watch_step(watch, done + n, err));
    }
done:
    return st;
}

/* Compute the totals, and number the regions of all images consecutively. */
static void begin(survey *s)
{
    for (fk_pixel_image *im = s->images; im != NULL; im = im->next) {
        im->first_region = s->n_regions;
        s->n_defective += im->n_defective;
        s->n_regions += im->n_regions;
    }
    s->good = atomic_load(&s->metric->pixels) - s->n_defective;
    s->tally.defective = s->n_defective;
    s->tally.good = s->good;
}

static fleck_status survey_all(survey *s, double limit, double *pro, fk_pool *pool,
                               fleck_error *err)
{
    fleck_status st;

    FK_DO(FK_CALLOC(&s->regions, s->n_regions, err));
    FK_DO(FK_ALLOC(&s->bins, AT_ONCE, err));
    FK_DO(fk_calloc((void **)&s->totals, FK_PIXEL_BINS, sizeof *s->totals, err));
    for (const fk_pixel_image *im = s->images; im != NULL; im = im->next) {
        for (int64_t r = 0; r < im->n_regions; r++)
            s->regions[im->first_region + r].area = im->areas[r];
        for (const fk_pixel_bin *b = im->bins; b < im->bins + im->n_bins; b++) {
            s->totals[b->upper][0] += b[1].good - b->good;
            s->totals[b->upper][1] += b[1].defective - b->defective;
        }
    }
    s->pro.limit = limit * (double)s->good;
    FK_DO(process_bins(s, pool, err));
    FK_DO(fk_pro_finish(&s->pro, s->regions, s->n_regions, pro, err));
done:
    fk_free(s->regions);
    fk_free(s->bins);
    fk_free(s->totals);
    return st;
}

fleck_status fk_pixel_metric_finish(fk_pixel_metric *m, double limit, fk_pool *pool,
                                    fk_pixel_result *out, fleck_error *err)
{
    fk_pixel_result result = {.pro = NAN};
    survey s = {.metric = m, .images = atomic_load(&m->images)};
    fk_tally nothing = {0};
    fleck_status st = FLECK_OK;

    *out = (fk_pixel_result){.pro = NAN};
    fk_tally_finish(&nothing, &out->ranking);
    if (!(limit > 0.0 && limit <= 1.0))
        FK_FAIL(err, FLECK_E_OPTION, "pro limit: expected a rate in (0, 1], got %g", limit);
    begin(&s);
    if (s.n_defective > 0 && s.good > 0)
        FK_DO(survey_all(&s, limit, &result.pro, pool, err));
    result.pixels = atomic_load(&m->pixels);
    result.defective_pixels = s.n_defective;
    result.regions = s.n_regions;
    fk_tally_finish(&s.tally, &result.ranking);
    *out = result;
done:
    return st;
}
