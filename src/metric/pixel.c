/* SPDX-License-Identifier: Apache-2.0 */
/* Pixel metrics: ROC-AUC, average precision, F1-max and PRO over all pixels of many images.
 *
 * For each distinct score v of a defective pixel, all four figures need the number of good pixels
 * above v and equal to v (ranking.c and pro.c say why), and the regions of the defective pixels
 * with that score.  Few pixels are defective, so:
 *
 *   add     for each image, turns scores into keys of the same order (keys.h).  Pixels whose keys
 *           have the same upper half, a bin, are stored together, unsorted: a good pixel as the
 *           lower half of its key, a defective one as key << 32 | region.
 *   finish  see pixel_finish.c
 *
 * Memory between adds: 2 bytes for each good pixel and 8 for each defective one, up to a budget;
 * further pixels go to a temporary file. */
#include "metric/pixel.h"
#include "base/mem.h"
#include "base/str.h"
#include "metric/keys.h"
#include "metric/tally.h"

#include <float.h>
#include <math.h>

fleck_status fk_pixel_metric_open(fk_pixel_metric **out, fleck_error *err)
{
    fleck_status st = FK_CALLOC(out, 1, err);

    if (st == FLECK_OK)
        pthread_mutex_init(&(*out)->lock, NULL);
    return st;
}

fleck_status fk_pixel_metric_spill(fk_pixel_metric *m, const char *folder, int64_t budget,
                                   fleck_error *err)
{
    m->budget = budget;
    return fk_strdup(&m->folder, folder, err);
}

static void image_free(fk_pixel_image *im)
{
    if (im == NULL)
        return;
    fk_free(im->bins);
    fk_free(im->good);
    fk_free(im->defective);
    fk_free(im->areas);
    fk_free(im);
}

void fk_pixel_metric_close(fk_pixel_metric **m)
{
    fk_pixel_image *im;

    if (m == NULL || *m == NULL)
        return;
    im = atomic_load(&(*m)->images);
    while (im != NULL) {
        fk_pixel_image *next = im->next;

        image_free(im);
        im = next;
    }
    fk_scratch_close(&(*m)->scratch);
    pthread_mutex_destroy(&(*m)->lock);
    fk_free((*m)->folder);
    fk_free(*m);
    *m = NULL;
}

/* ---- Adding ---- */

/* The state of adding an image. */
typedef struct adding {
    const float *map;
    const uint8_t *mask, *left_out;
    int64_t height, width, count; /* count: pixels */
    uint32_t lowest;              /* smallest upper half of a key */
    int64_t n;                    /* range of upper halves */
    uint32_t (*places)[2];        /* [n] number of good and defective pixels; later the index of the
                                     next one */
    int32_t *labels;              /* [count] regions of the mask; NULL without a defective pixel */
} adding;

/* Refuse a map that is not finite, and find the range of its keys. */
static fleck_status check_map(adding *a, fleck_error *err)
{
    uint32_t lowest = UINT32_MAX, highest = 0;
    int64_t first = 0, bad = 0;

    for (int64_t i = 0; i < a->count; i++) {
        uint32_t key = fk_key_from_f32(a->map[i]);

        lowest = key < lowest ? key : lowest;
        highest = key > highest ? key : highest;
    }
    a->lowest = lowest >> 16;
    a->n = (int64_t)(highest >> 16) - a->lowest + 1;
    if (lowest >= fk_key_from_f32(-FLT_MAX) && highest <= fk_key_from_f32(FLT_MAX))
        return FLECK_OK;
    for (int64_t i = a->count - 1; i >= 0; i--) {
        if (isfinite(a->map[i]))
            continue;
        first = i;
        bad++;
    }
    return fk_error_set(err, FLECK_E_FORMAT,
                        "map: expected finite values, got %s at row %lld, column %lld%s",
                        isnan(a->map[first]) ? "NaN" : "infinity", (long long)(first / a->width),
                        (long long)(first % a->width), bad > 1 ? " and elsewhere" : "");
}

static bool counts(const adding *a, int64_t i)
{
    return a->left_out == NULL || a->left_out[i] == 0;
}

/* Count the pixels of each bin, and lay out the bins. */
static fleck_status make_bins(fk_pixel_image *im, adding *a, fleck_error *err)
{
    fk_pixel_bin *bin;
    fleck_status st;

    FK_DO(fk_calloc((void **)&a->places, a->n, sizeof *a->places, err));
    for (int64_t i = 0; i < a->count; i++)
        if (counts(a, i))
            a->places[(fk_key_from_f32(a->map[i]) >> 16) - a->lowest]
                     [a->mask != NULL && a->mask[i] != 0]++;
    for (int64_t k = 0; k < a->n; k++)
        im->n_bins += a->places[k][0] > 0 || a->places[k][1] > 0;
    FK_DO(FK_CALLOC(&im->bins, im->n_bins + 1, err));
    bin = im->bins;
    for (int64_t k = 0; k < a->n; k++) {
        uint32_t good = a->places[k][0], defective = a->places[k][1];

        a->places[k][0] = bin->good;
        a->places[k][1] = bin->defective;
        if (good == 0 && defective == 0)
            continue;
        bin->upper = a->lowest + (uint32_t)k;
        bin[1] = (fk_pixel_bin){0, bin->good + good, bin->defective + defective};
        bin++;
    }
    im->n_good = bin->good;
    im->n_defective = bin->defective;
done:
    return st;
}

/* Put each pixel into its bin, and number the regions that have a pixel. */
static fleck_status fill_bins(fk_pixel_image *im, const adding *a, fleck_error *err)
{
    int64_t *numbers = NULL, found = 0; /* new numbers of the regions, from 1 */
    fleck_status st;

    FK_DO(FK_ALLOC(&im->good, im->n_good, err));
    FK_DO(FK_ALLOC(&im->defective, im->n_defective, err));
    FK_DO(FK_CALLOC(&im->areas, im->n_regions, err));
    FK_DO(FK_CALLOC(&numbers, im->n_regions, err));
    for (int64_t i = 0; i < a->count; i++) {
        uint32_t key = fk_key_from_f32(a->map[i]), *place = a->places[(key >> 16) - a->lowest];
        int64_t *number;

        if (!counts(a, i))
            continue;
        if (a->labels == NULL || a->labels[i] == 0) {
            im->good[place[0]++] = (uint16_t)key;
            continue;
        }
        number = &numbers[a->labels[i] - 1];
        if (*number == 0)
            *number = ++found;
        im->areas[*number - 1]++;
        im->defective[place[1]++] = (uint64_t)key << 32 | (uint32_t)(*number - 1);
    }
    im->n_regions = found;
done:
    fk_free(numbers);
    return st;
}

static fleck_status collect(fk_pixel_image *im, adding *a, fleck_error *err)
{
    fleck_status st;

    FK_DO(check_map(a, err));
    FK_DO(make_bins(im, a, err));
    if (im->n_defective > 0) {
        FK_DO(FK_ALLOC(&a->labels, a->count, err));
        FK_DO(fk_components(a->labels, &im->n_regions, a->mask, a->height, a->width, err));
    }
    FK_DO(fill_bins(im, a, err));
done:
    fk_free(a->places);
    fk_free(a->labels);
    return st;
}

/* Reserve `size` bytes in the file, which is created when it is first needed. */
static fleck_status reserve(fk_pixel_metric *m, int64_t size, int64_t *offset, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    pthread_mutex_lock(&m->lock);
    if (m->scratch.folder == NULL)
        st = fk_scratch_open(&m->scratch, m->folder, err);
    *offset = m->file;
    if (st == FLECK_OK)
        m->file += size;
    pthread_mutex_unlock(&m->lock);
    return st;
}

/* Leave the image's pixels in memory, or move them to the file if they exceed the budget. */
static fleck_status store_pixels(fk_pixel_metric *m, fk_pixel_image *im, fleck_error *err)
{
    int64_t words = im->n_defective * (int64_t)sizeof *im->defective;
    int64_t halves = im->n_good * (int64_t)sizeof *im->good, size = words + halves, offset;
    fleck_status st;

    if (m->folder == NULL || atomic_fetch_add(&m->memory, size) + size <= m->budget)
        return FLECK_OK;
    atomic_fetch_sub(&m->memory, size);
    FK_DO(reserve(m, size, &offset, err));
    if (words > 0)
        FK_DO(fk_scratch_write(&m->scratch, im->defective, words, offset, err));
    if (halves > 0)
        FK_DO(fk_scratch_write(&m->scratch, im->good, halves, offset + words, err));
    im->in_file = true;
    im->offset = offset;
    fk_free(im->defective);
    fk_free(im->good);
    im->defective = NULL;
    im->good = NULL;
done:
    return st;
}

fleck_status fk_pixel_metric_add(fk_pixel_metric *m, const float *map, const uint8_t *mask,
                                 const uint8_t *left_out, int64_t height, int64_t width,
                                 fleck_error *err)
{
    adding a = {.map = map, .mask = mask, .left_out = left_out, .height = height, .width = width};
    fk_pixel_image *im = NULL;
    int64_t left, pixels;
    fleck_status st;

    if (height < 1 || width < 1)
        FK_FAIL(err, FLECK_E_SHAPE, "map: expected at least one pixel, got %lld x %lld",
                (long long)width, (long long)height);
    if (!fk_mul_fits(height, width, &a.count) || a.count >= INT32_MAX)
        FK_FAIL(err, FLECK_E_LIMIT, "map of %lld x %lld pixels: the limit is %d", (long long)width,
                (long long)height, INT32_MAX - 1);
    FK_DO(FK_CALLOC(&im, 1, err));
    FK_DO(collect(im, &a, err));
    FK_DO(store_pixels(m, im, err));
    left = im->n_good + im->n_defective;
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
