/* Pixel metrics: ROC-AUC, average precision, F1-max and PRO over all pixels of many images.
 *
 * All four figures need, for each distinct score v of a defective pixel, how many good pixels lie
 * above v and how many equal it (ranking.c and pro.c say why), and which regions the defective
 * pixels of that score belong to.  Few pixels are defective, so:
 *
 *   add     per image: scores become keys of the same order (keys.h).  Good pixels are sorted
 *           and packed (run.h); defective pixels are kept as key << 32 | region.
 *   finish  the defective pixels of all images are sorted; `values` are their distinct keys,
 * rising. Every packed run is counted into the gaps between values, in pieces of `values` that
 *           threads take.  One walk down the values then adds everything up.
 *
 * Counts are integers, each piece owns its counters, and the sums that are not integers run in one
 * order: neither threads nor the order of the images can change a bit.
 *
 * Memory between adds: about 1.3 bytes a good pixel and 8 a defective one.  finish takes for each
 * defective pixel 16 bytes while it sorts, then 8 and another 12 for each distinct value. */
#include "base/mem.h"
#include "metric/keys.h"
#include "metric/metric.h"
#include "metric/pro.h"
#include "metric/run.h"
#include "metric/tally.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>

/* One image. */
typedef struct image {
    struct image *next;
    fk_run good;
    int64_t n_defective, n_regions;
    uint64_t *defective; /* key << 32 | region, regions from 0 */
    int64_t *areas;      /* [n_regions] */
} image;

struct fk_pixel_metric {
    _Atomic(image *) images; /* newest first; adds may run at the same time */
    _Atomic int64_t pixels;
};

/* Totals, and the distinct scores of defective pixels with the good pixels around them. */
typedef struct survey {
    int64_t good, n_defective, n_regions;
    uint64_t *defective; /* [n_defective] rising by key, regions numbered through */
    fk_pro_region *regions;
    int64_t n_values;
    uint32_t *values; /* [n_values] */
    uint32_t *counts; /* [2 * n_values], see fk_run_count() */
    /* The pieces that threads take: piece j is values cuts[j]..cuts[j+1]-1. */
    const image *images;
    int64_t n_pieces;
    int64_t cuts[65];
} survey;

#define MAX_PIECES 64

fleck_status fk_pixel_metric_open(fk_pixel_metric **out, fleck_error *err)
{
    return FK_CALLOC(out, 1, err);
}

static void image_free(image *im)
{
    if (im == NULL)
        return;
    fk_run_free(&im->good);
    fk_free(im->defective);
    fk_free(im->areas);
    fk_free(im);
}

void fk_pixel_metric_close(fk_pixel_metric **m)
{
    image *im;

    if (m == NULL || *m == NULL)
        return;
    im = atomic_load(&(*m)->images);
    while (im != NULL) {
        image *next = im->next;

        image_free(im);
        im = next;
    }
    fk_free(*m);
    *m = NULL;
}

/* Refuse what has no place in a ranking. */
static fleck_status check_map(const float *map, int64_t height, int64_t width, fleck_error *err)
{
    int64_t count = height * width, bad = 0;

    for (int64_t i = 0; i < count; i++)
        bad += !isfinite(map[i]);
    if (bad == 0)
        return FLECK_OK;
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(map[i]))
            return fk_error_set(err, FLECK_E_FORMAT,
                                "map: expected finite values, got %s at row %lld, column %lld%s",
                                isnan(map[i]) ? "NaN" : "infinity", (long long)(i / width),
                                (long long)(i % width), bad > 1 ? " and elsewhere" : "");
    return FLECK_OK;
}

/* Number the regions that have a pixel left, and note each defective pixel's key and region. */
static fleck_status collect_defective(image *im, const float *map, const uint8_t *mask,
                                      const uint8_t *left_out, int64_t height, int64_t width,
                                      fleck_error *err)
{
    int64_t count = height * width, n = 0, found = 0;
    int32_t *labels = NULL;
    int64_t *numbers = NULL; /* of the regions, from 1 */
    fleck_status st;

    FK_DO(FK_ALLOC(&labels, count, err));
    FK_DO(fk_components(labels, &im->n_regions, mask, height, width, err));
    FK_DO(FK_ALLOC(&im->defective, im->n_defective, err));
    FK_DO(FK_CALLOC(&im->areas, im->n_regions, err));
    FK_DO(FK_CALLOC(&numbers, im->n_regions, err));
    for (int64_t i = 0; i < count; i++) {
        int64_t *number;

        if (labels[i] == 0 || (left_out != NULL && left_out[i] != 0))
            continue;
        number = &numbers[labels[i] - 1];
        if (*number == 0)
            *number = ++found;
        im->areas[*number - 1]++;
        im->defective[n++] = (uint64_t)fk_key_from_f32(map[i]) << 32 | (uint32_t)(*number - 1);
    }
    im->n_regions = found;
    st = FLECK_OK;
done:
    fk_free(labels);
    fk_free(numbers);
    return st;
}

/* Sort and pack the good pixels' keys. */
static fleck_status collect_good(image *im, const float *map, const uint8_t *mask,
                                 const uint8_t *left_out, int64_t count, int64_t n_good,
                                 fleck_error *err)
{
    int64_t n = 0;
    uint32_t *keys = NULL, *spare = NULL;
    fleck_status st;

    FK_DO(FK_ALLOC(&keys, n_good, err));
    FK_DO(FK_ALLOC(&spare, n_good, err));
    if (mask == NULL && left_out == NULL)
        for (; n < count; n++)
            keys[n] = fk_key_from_f32(map[n]);
    else
        for (int64_t i = 0; i < count; i++)
            if ((mask == NULL || mask[i] == 0) && (left_out == NULL || left_out[i] == 0))
                keys[n++] = fk_key_from_f32(map[i]);
    FK_DO(fk_run_pack(&im->good, fk_keys_sort32(keys, spare, n_good), n_good, err));
done:
    fk_free(keys);
    fk_free(spare);
    return st;
}

fleck_status fk_pixel_metric_add(fk_pixel_metric *m, const float *map, const uint8_t *mask,
                                 int64_t height, int64_t width, fleck_error *err)
{
    return fk_pixel_metric_add_part(m, map, mask, NULL, height, width, err);
}

fleck_status fk_pixel_metric_add_part(fk_pixel_metric *m, const float *map, const uint8_t *mask,
                                      const uint8_t *left_out, int64_t height, int64_t width,
                                      fleck_error *err)
{
    image *im = NULL;
    int64_t count, left, pixels;
    fleck_status st;

    if (height < 1 || width < 1)
        FK_FAIL(err, FLECK_E_SHAPE, "map: expected at least one pixel, got %lld x %lld",
                (long long)width, (long long)height);
    if (!fk_mul_fits(height, width, &count) || count >= INT32_MAX)
        FK_FAIL(err, FLECK_E_LIMIT, "map of %lld x %lld pixels: the limit is %d", (long long)width,
                (long long)height, INT32_MAX - 1);
    FK_DO(check_map(map, height, width, err));
    FK_DO(FK_CALLOC(&im, 1, err));
    left = count;
    for (int64_t i = 0; left_out != NULL && i < count; i++)
        left -= left_out[i] != 0;
    for (int64_t i = 0; mask != NULL && i < count; i++)
        im->n_defective += mask[i] != 0 && (left_out == NULL || left_out[i] == 0);
    if (im->n_defective > 0)
        FK_DO(collect_defective(im, map, mask, left_out, height, width, err));
    FK_DO(collect_good(im, map, mask, left_out, count, left - im->n_defective, err));
    pixels = atomic_fetch_add(&m->pixels, left);
    if (pixels + left > FK_TALLY_LIMIT) {
        atomic_fetch_sub(&m->pixels, left);
        FK_FAIL(err, FLECK_E_LIMIT, "pixel metrics: more than %lld pixels",
                (long long)FK_TALLY_LIMIT);
    }
    im->next = atomic_load(&m->images);
    while (!atomic_compare_exchange_weak(&m->images, &im->next, im))
        ;
    return FLECK_OK;
done:
    image_free(im);
    return st;
}

/* Gather the defective pixels of all images, regions numbered through, and sort them by key. */
static fleck_status gather_defective(survey *s, fleck_error *err)
{
    uint64_t *keys = NULL, *spare = NULL;
    int64_t n = 0, first_region = 0;
    fleck_status st;

    FK_DO(FK_ALLOC(&keys, s->n_defective, err));
    FK_DO(FK_ALLOC(&spare, s->n_defective, err));
    FK_DO(FK_CALLOC(&s->regions, s->n_regions, err));
    for (const image *im = s->images; im != NULL; im = im->next) {
        for (int64_t i = 0; i < im->n_defective; i++)
            keys[n++] = im->defective[i] + (uint64_t)first_region;
        for (int64_t r = 0; r < im->n_regions; r++)
            s->regions[first_region++].area = im->areas[r];
    }
    s->defective = fk_keys_sort64(keys, spare, n, 32);
    fk_free(s->defective == keys ? spare : keys);
    return FLECK_OK;
done:
    fk_free(keys);
    fk_free(spare);
    return st;
}

/* The distinct keys among the sorted defective pixels. */
static fleck_status find_values(survey *s, fleck_error *err)
{
    int64_t n = 0;
    fleck_status st;

    for (int64_t i = 0; i < s->n_defective; i++)
        n += i == 0 || s->defective[i] >> 32 != s->defective[i - 1] >> 32;
    FK_DO(FK_ALLOC(&s->values, n, err));
    FK_DO(FK_CALLOC(&s->counts, 2 * n, err));
    for (int64_t i = 0; i < s->n_defective; i++)
        if (i == 0 || s->defective[i] >> 32 != s->defective[i - 1] >> 32)
            s->values[s->n_values++] = (uint32_t)(s->defective[i] >> 32);
done:
    return st;
}

/* Index of the first value above key. */
static int64_t first_above(const survey *s, uint32_t key)
{
    int64_t lo = -1, hi = s->n_values;

    while (hi - lo > 1) {
        int64_t middle = lo + (hi - lo) / 2;

        if (s->values[middle] <= key)
            lo = middle;
        else
            hi = middle;
    }
    return hi;
}

/* Cut the values into pieces of about as many good pixels each; the runs' marks are an even sample
 * of these. */
static fleck_status cut_pieces(survey *s, fleck_error *err)
{
    uint32_t *sample = NULL, *spare = NULL;
    const uint32_t *sorted;
    int64_t n = 0, room = 0;
    fleck_status st;

    for (const image *im = s->images; im != NULL; im = im->next)
        room += im->good.n_marks;
    FK_DO(FK_ALLOC(&sample, room, err));
    FK_DO(FK_ALLOC(&spare, room, err));
    for (const image *im = s->images; im != NULL; im = im->next)
        for (int64_t j = 0; j < im->good.n_marks; j++)
            sample[n++] = im->good.marks[j].key;
    sorted = fk_keys_sort32(sample, spare, n);
    for (int64_t j = 1; j < MAX_PIECES; j++) {
        int64_t cut = n > 0 ? first_above(s, sorted[n * j / MAX_PIECES]) : 0;

        if (cut > s->cuts[s->n_pieces] && cut < s->n_values)
            s->cuts[++s->n_pieces] = cut;
    }
    s->cuts[++s->n_pieces] = s->n_values;
    st = FLECK_OK;
done:
    fk_free(sample);
    fk_free(spare);
    return st;
}

static fleck_status count_piece(void *ctx, int64_t piece, int worker, fleck_error *err)
{
    survey *s = ctx;

    (void)worker;
    (void)err;
    for (const image *im = s->images; im != NULL; im = im->next)
        fk_run_count(&im->good, s->values, s->cuts[piece], s->cuts[piece + 1], s->counts);
    return FLECK_OK;
}

/* Walk down the distinct scores. */
static void add_up(survey *s, fk_tally *tally, fk_pro *pro)
{
    int64_t counted = 0; /* good pixels up to the largest value */
    int64_t end = s->n_defective, above;

    for (int64_t i = 0; i < 2 * s->n_values; i++)
        counted += s->counts[i];
    above = s->good - counted;
    for (int64_t v = s->n_values - 1; v >= 0; v--) {
        int64_t equal = s->counts[2 * v + 1], begin = end;
        fk_pro_place place = fk_pro_begin_score(pro, above, equal);

        while (begin > 0 && (uint32_t)(s->defective[begin - 1] >> 32) == s->values[v])
            begin--;
        fk_tally_add(tally, (double)fk_f32_from_key(s->values[v]), end - begin, above, equal);
        for (int64_t i = begin; i < end && place != FK_PRO_OUTSIDE; i++) {
            fk_pro_region *region = &s->regions[(uint32_t)s->defective[i]];

            if (place == FK_PRO_INSIDE) {
                region->inside++;
                region->twice_late += 2 * above + equal;
            } else {
                region->edge++;
            }
        }
        above += equal + s->counts[2 * v];
        end = begin;
    }
    assert(end == 0);
}

fleck_status fk_pixel_metric_finish(fk_pixel_metric *m, double limit, fk_pool *pool,
                                    fk_pixel_result *out, fleck_error *err)
{
    survey s = {.images = atomic_load(&m->images)};
    fk_pixel_result result = {.pixels = atomic_load(&m->pixels), .pro = NAN};
    fk_tally tally = {0};
    fleck_status st;

    *out = (fk_pixel_result){.pro = NAN};
    fk_tally_finish(&tally, &out->ranking);
    if (!(limit > 0.0 && limit <= 1.0))
        FK_FAIL(err, FLECK_E_OPTION, "pro limit: expected a rate in (0, 1], got %g", limit);
    for (const image *im = s.images; im != NULL; im = im->next) {
        s.n_defective += im->n_defective;
        s.n_regions += im->n_regions;
    }
    s.good = result.pixels - s.n_defective;
    result.defective_pixels = s.n_defective;
    result.regions = s.n_regions;
    tally.defective = s.n_defective;
    tally.good = s.good;
    if (s.n_defective > 0 && s.good > 0) {
        fk_pro pro = {.limit = limit * (double)s.good};

        FK_DO(gather_defective(&s, err));
        FK_DO(find_values(&s, err));
        FK_DO(cut_pieces(&s, err));
        FK_DO(fk_pool_run(pool, s.n_pieces, count_piece, &s, err));
        add_up(&s, &tally, &pro);
        FK_DO(fk_pro_finish(&pro, s.regions, s.n_regions, &result.pro, err));
    }
    fk_tally_finish(&tally, &result.ranking);
    *out = result;
    st = FLECK_OK;
done:
    fk_free(s.defective);
    fk_free(s.regions);
    fk_free(s.values);
    fk_free(s.counts);
    return st;
}
