/* Pixel metrics: the figures, from the pixels that pixel.c has sorted image by image.
 *
 * The keys are cut into ranges that hold at most ROOM defective pixels each, most often a single
 * one, and these are walked through from the highest down:
 *
 *   the defective pixels of a range, from all images, are sorted; `values` are their distinct keys;
 *   every packed run of good pixels is counted into the gaps between values, in pieces of `values`
 *   that threads take;
 *   one walk down the values then adds everything up.
 *
 * A single key that more than ROOM defective pixels share needs no sorting: it is its own range,
 * and its pixels pass by a block at a time.
 *
 * Counts are integers, each piece owns its counters, and the sums that are not integers run in one
 * order, down the distinct keys: neither threads, ranges nor the order of the images can change a
 * bit.
 *
 * Memory: for each defective pixel of a range 16 bytes while it sorts, then 8 and another 12 for
 * each distinct value; 32 for each region. */
#include "base/mem.h"
#include "metric/keys.h"
#include "metric/pixel.h"
#include "metric/pro.h"
#include "metric/tally.h"

#include <assert.h>
#include <math.h>

#define ROOM (INT64_C(2) << 20)
#define BLOCK 4096 /* defective pixels read from a file at a time */
#define MAX_PIECES 64
#define HALF 65536 /* values of either half of a key */

void fk_pixel_metric_set_room(fk_pixel_metric *m, int64_t pixels)
{
    m->room = pixels;
}

typedef struct survey {
    fk_pixel_metric *metric;
    fk_pixel_image *images;
    int64_t room; /* defective pixels of a range */
    int64_t good, n_defective, n_regions;
    fk_pro_region *regions;
    fk_tally tally;
    fk_pro pro;
    int64_t above; /* good pixels above the range at hand */
    uint64_t block[BLOCK];
    /* The range at hand: keys lo..hi. */
    uint32_t lo, hi;
    int64_t n;           /* its defective pixels */
    uint64_t *defective; /* [n] rising by key, regions numbered through; NULL where all have lo */
    int64_t first, n_values;
    uint32_t
        *values; /* [n_values] the distinct keys from `first` on; before it lo - 1, and hi behind
                         them where they do not end with it */
    uint32_t *counts; /* [2 * n_values], see fk_run_count() */
    /* The pieces that threads take: piece j is values cuts[j]..cuts[j+1]-1. */
    int64_t n_pieces;
    int64_t cuts[MAX_PIECES + 1];
} survey;

static uint32_t key_of(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

/* ---- Defective pixels, from the highest down ---- */

/* The highest of an image's first *left pixels whose key is at least lo, at most BLOCK of them,
 * into *out [*n]; *n is 0 where there are none.  *left becomes what is before them. */
static fleck_status next_block(survey *s, const fk_pixel_image *im, uint32_t lo, int64_t *left,
                               const uint64_t **out, int64_t *n, fleck_error *err)
{
    int64_t count = *left < BLOCK ? *left : BLOCK, skip = 0;
    const uint64_t *words = s->block;
    fleck_status st = FLECK_OK;

    *n = 0;
    if (count == 0)
        return FLECK_OK;
    if (im->in_file)
        st = fk_scratch_read(&s->metric->scratch, s->block, count * (int64_t)sizeof *words,
                             im->offset + (*left - count) * (int64_t)sizeof *words, err);
    else
        words = im->defective + (*left - count);
    if (st != FLECK_OK)
        return st;
    while (skip < count && key_of(words[skip]) < lo)
        skip++;
    *out = words + skip;
    *n = count - skip;
    *left -= *n;
    return FLECK_OK;
}

/* Sort the range's pixels of all images by key. */
static fleck_status gather_defective(survey *s, fleck_error *err)
{
    uint64_t *keys = NULL, *spare = NULL;
    const uint64_t *words;
    int64_t at = 0, n;
    fleck_status st;

    FK_DO(FK_ALLOC(&keys, s->n, err));
    FK_DO(FK_ALLOC(&spare, s->n, err));
    for (fk_pixel_image *im = s->images; im != NULL; im = im->next) {
        do {
            FK_DO(next_block(s, im, s->lo, &im->left, &words, &n, err));
            for (int64_t i = 0; i < n; i++)
                keys[at++] = words[i] + (uint64_t)im->first_region;
        } while (n > 0);
    }
    assert(at == s->n);
    s->defective = fk_keys_sort64(keys, spare, at, 32);
    fk_free(s->defective == keys ? spare : keys);
    return FLECK_OK;
done:
    fk_free(keys);
    fk_free(spare);
    return st;
}

/* ---- Good pixels ---- */

/* The distinct keys of the range, with its ends. */
static fleck_status find_values(survey *s, fleck_error *err)
{
    int64_t n = s->defective == NULL;
    fleck_status st;

    s->first = s->lo > 0;
    for (int64_t i = 0; s->defective != NULL && i < s->n; i++)
        n += i == 0 || key_of(s->defective[i]) != key_of(s->defective[i - 1]);
    FK_DO(FK_ALLOC(&s->values, n + 2, err));
    FK_DO(FK_CALLOC(&s->counts, 2 * (n + 2), err));
    s->n_values = s->first;
    s->values[0] = s->lo - 1;
    if (s->defective == NULL)
        s->values[s->n_values++] = s->lo;
    for (int64_t i = 0; s->defective != NULL && i < s->n; i++)
        if (i == 0 || key_of(s->defective[i]) != key_of(s->defective[i - 1]))
            s->values[s->n_values++] = key_of(s->defective[i]);
    if (s->values[s->n_values - 1] != s->hi)
        s->values[s->n_values++] = s->hi;
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
    int64_t n = 0, most = 0;
    fleck_status st;

    for (const fk_pixel_image *im = s->images; im != NULL; im = im->next)
        most += im->good.n_marks;
    FK_DO(FK_ALLOC(&sample, most, err));
    FK_DO(FK_ALLOC(&spare, most, err));
    for (const fk_pixel_image *im = s->images; im != NULL; im = im->next)
        for (int64_t j = 0; j < im->good.n_marks; j++)
            if (im->good.marks[j].key >= s->lo && im->good.marks[j].key <= s->hi)
                sample[n++] = im->good.marks[j].key;
    sorted = fk_keys_sort32(sample, spare, n);
    s->n_pieces = 0;
    s->cuts[0] = s->first;
    for (int64_t j = 1; j < MAX_PIECES; j++) {
        int64_t cut = n > 0 ? first_above(s, sorted[n * j / MAX_PIECES]) : 0;

        if (cut > s->cuts[s->n_pieces] && cut < s->n_values)
            s->cuts[++s->n_pieces] = cut;
    }
    s->cuts[++s->n_pieces] = s->n_values;
done:
    fk_free(sample);
    fk_free(spare);
    return st;
}

static fleck_status count_piece(void *ctx, int64_t piece, int worker, fleck_error *err)
{
    survey *s = ctx;
    int64_t a = s->cuts[piece], b = s->cuts[piece + 1];
    fleck_status st = FLECK_OK;

    (void)worker;
    for (const fk_pixel_image *im = s->images; im != NULL && st == FLECK_OK; im = im->next) {
        if (im->in_file)
            st = fk_run_count_file(&im->good, &s->metric->scratch,
                                   im->offset + im->n_defective * (int64_t)sizeof *im->defective,
                                   s->values, a, b, s->counts, err);
        else
            fk_run_count(&im->good, s->values, a, b, s->counts);
    }
    return st;
}

/* ---- Adding up ---- */

/* n pixels of one score, regions numbered through from first_region. */
static void add_regions(survey *s, fk_pro_place place, const uint64_t *words, int64_t n,
                        int64_t first_region, int64_t equal)
{
    for (int64_t i = 0; i < n && place != FK_PRO_OUTSIDE; i++) {
        fk_pro_region *region = &s->regions[(int64_t)(uint32_t)words[i] + first_region];

        if (place == FK_PRO_INSIDE) {
            region->inside++;
            region->twice_late += 2 * s->above + equal;
        } else {
            region->edge++;
        }
    }
}

/* The defective pixels of a range, which all have its lowest key. */
static fleck_status add_single(survey *s, int64_t equal, fleck_error *err)
{
    fk_pro_place place = fk_pro_begin_score(&s->pro, s->above, equal);
    const uint64_t *words;
    int64_t n;
    fleck_status st = FLECK_OK;

    fk_tally_add(&s->tally, (double)fk_f32_from_key(s->lo), s->n, s->above, equal);
    for (fk_pixel_image *im = s->images; im != NULL; im = im->next) {
        do {
            FK_DO(next_block(s, im, s->lo, &im->left, &words, &n, err));
            add_regions(s, place, words, n, im->first_region, equal);
        } while (n > 0);
    }
done:
    return st;
}

/* Walk down the distinct scores of the range. */
static fleck_status add_up(survey *s, fleck_error *err)
{
    int64_t end = s->defective != NULL ? s->n : 0;
    fleck_status st = FLECK_OK;

    for (int64_t v = s->n_values - 1; v >= s->first; v--) {
        int64_t equal = s->counts[2 * v + 1], begin = end;

        while (begin > 0 && key_of(s->defective[begin - 1]) == s->values[v])
            begin--;
        if (s->defective == NULL && s->values[v] == s->lo) {
            FK_DO(add_single(s, equal, err));
        } else if (begin < end) { /* else it is the end of the range */
            fk_pro_place place = fk_pro_begin_score(&s->pro, s->above, equal);

            fk_tally_add(&s->tally, (double)fk_f32_from_key(s->values[v]), end - begin, s->above,
                         equal);
            add_regions(s, place, s->defective + begin, end - begin, 0, equal);
        }
        s->above += equal + s->counts[2 * v];
        end = begin;
    }
    assert(end == 0);
done:
    return st;
}

static void range_free(survey *s)
{
    fk_free(s->defective);
    fk_free(s->values);
    fk_free(s->counts);
    s->defective = NULL;
    s->values = s->counts = NULL;
}

/* The range of keys lo up to where the last ended, with n > 0 defective pixels; single: all have
 * key lo. */
static fleck_status take_range(survey *s, uint32_t lo, int64_t n, bool single, fk_pool *pool,
                               fleck_error *err)
{
    fleck_status st = FLECK_OK;

    s->lo = lo;
    s->n = n;
    if (!single)
        FK_DO(gather_defective(s, err));
    FK_DO(find_values(s, err));
    FK_DO(cut_pieces(s, err));
    FK_DO(fk_pool_run_stage(pool, "pixel figures", s->n_pieces, count_piece, s, err));
    FK_DO(add_up(s, err));
    s->hi = lo - 1; /* not used after lo 0 */
done:
    range_free(s);
    return st;
}

/* ---- Ranges ---- */

/* Count the pixels that are left by the upper half of their key, or (within >= 0) those with this
 * upper half by the lower one. */
static fleck_status count_halves(survey *s, int64_t *counts, int64_t within, fleck_error *err)
{
    uint32_t lo = within >= 0 ? (uint32_t)within << 16 : 0;
    const uint64_t *words;
    int64_t n;
    fleck_status st = FLECK_OK;

    for (int64_t i = 0; i < HALF; i++)
        counts[i] = 0;
    for (const fk_pixel_image *im = s->images; im != NULL; im = im->next) {
        int64_t left = im->left;

        do {
            FK_DO(next_block(s, im, lo, &left, &words, &n, err));
            for (int64_t i = 0; i < n; i++)
                counts[within >= 0 ? key_of(words[i]) & (HALF - 1) : key_of(words[i]) >> 16]++;
        } while (n > 0);
    }
done:
    return st;
}

/* Walk down the places of one half of the keys, each of counts [HALF] pixels.  inner [HALF] serves
 * to divide what is too much for a range; NULL where a place is a single key. */
static fleck_status take_places(survey *s, const int64_t *counts, int64_t *inner, uint32_t base,
                                fk_pool *pool, fleck_error *err)
{
    int shift = inner != NULL ? 16 : 0;
    int64_t n = 0;
    fleck_status st = FLECK_OK;

    for (int64_t i = HALF - 1; i >= 0; i--) {
        uint32_t lo = base + ((uint32_t)i << shift);

        if (n > 0 && n + counts[i] > s->room) {
            FK_DO(take_range(s, lo + (1u << shift), n, false, pool, err));
            n = 0;
        }
        if (counts[i] <= s->room) {
            n += counts[i];
        } else if (inner != NULL) {
            FK_DO(count_halves(s, inner, i, err));
            FK_DO(take_places(s, inner, NULL, lo, pool, err));
        } else {
            FK_DO(take_range(s, lo, counts[i], true, pool, err));
        }
    }
    if (n > 0)
        FK_DO(take_range(s, base, n, false, pool, err));
done:
    return st;
}

static fleck_status take_all(survey *s, fk_pool *pool, fleck_error *err)
{
    int64_t *counts = NULL, *inner = NULL;
    fleck_status st;

    s->hi = UINT32_MAX;
    if (s->n_defective <= s->room)
        return take_range(s, 0, s->n_defective, false, pool, err);
    FK_DO(FK_ALLOC(&counts, HALF, err));
    FK_DO(FK_ALLOC(&inner, HALF, err));
    FK_DO(count_halves(s, counts, -1, err));
    FK_DO(take_places(s, counts, inner, 0, pool, err));
done:
    fk_free(counts);
    fk_free(inner);
    return st;
}

/* ---- All of it ---- */

/* Totals; regions are numbered through. */
static void begin(survey *s)
{
    for (fk_pixel_image *im = s->images; im != NULL; im = im->next) {
        im->first_region = s->n_regions;
        im->left = im->n_defective;
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
    for (const fk_pixel_image *im = s->images; im != NULL; im = im->next)
        for (int64_t r = 0; r < im->n_regions; r++)
            s->regions[im->first_region + r].area = im->areas[r];
    s->pro.limit = limit * (double)s->good;
    FK_DO(take_all(s, pool, err));
    FK_DO(fk_pro_finish(&s->pro, s->regions, s->n_regions, pro, err));
done:
    fk_free(s->regions);
    return st;
}

fleck_status fk_pixel_metric_finish(fk_pixel_metric *m, double limit, fk_pool *pool,
                                    fk_pixel_result *out, fleck_error *err)
{
    fk_pixel_result result = {.pro = NAN};
    fk_tally nothing = {0};
    survey *s = NULL;
    fleck_status st;

    *out = (fk_pixel_result){.pro = NAN};
    fk_tally_finish(&nothing, &out->ranking);
    if (!(limit > 0.0 && limit <= 1.0))
        FK_FAIL(err, FLECK_E_OPTION, "pro limit: expected a rate in (0, 1], got %g", limit);
    FK_DO(FK_CALLOC(&s, 1, err));
    s->metric = m;
    s->room = m->room > 0 ? m->room : ROOM;
    s->images = atomic_load(&m->images);
    begin(s);
    if (s->n_defective > 0 && s->good > 0)
        FK_DO(survey_all(s, limit, &result.pro, pool, err));
    result.pixels = atomic_load(&m->pixels);
    result.defective_pixels = s->n_defective;
    result.regions = s->n_regions;
    fk_tally_finish(&s->tally, &result.ranking);
    *out = result;
done:
    fk_free(s);
    return st;
}
