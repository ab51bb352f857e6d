/* Pixel metrics: ROC-AUC, average precision, F1-max and PRO over all pixels of many images.
 *
 * All four figures need, for each distinct score v of a defective pixel, how many good pixels lie
 * above v and how many equal it (ranking.c and pro.c say why), and which regions the defective
 * pixels of that score belong to.  Few pixels are defective, so:
 *
 *   add     per image: scores become keys of the same order (keys.h).  Good pixels are sorted
 *           and packed (run.h); defective pixels are kept as key << 32 | region, sorted by key.
 *   finish  see pixel_finish.c
 *
 * Memory between adds: about 1.3 bytes a good pixel and 8 a defective one, up to a budget; what
 * comes then goes to a temporary file. */
#include "metric/pixel.h"
#include "base/mem.h"
#include "base/str.h"
#include "metric/keys.h"
#include "metric/tally.h"

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
    fk_run_free(&im->good);
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

/* Number the regions that have a pixel left, and note each defective pixel's key and region, sorted
 * by key. */
static fleck_status collect_defective(fk_pixel_image *im, const float *map, const uint8_t *mask,
                                      const uint8_t *left_out, int64_t height, int64_t width,
                                      fleck_error *err)
{
    int64_t count = height * width, n = 0, found = 0;
    int32_t *labels = NULL;
    int64_t *numbers = NULL; /* of the regions, from 1 */
    uint64_t *keys = NULL, *spare = NULL;
    fleck_status st;

    FK_DO(FK_ALLOC(&labels, count, err));
    FK_DO(fk_components(labels, &im->n_regions, mask, height, width, err));
    FK_DO(FK_ALLOC(&keys, im->n_defective, err));
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
        keys[n++] = (uint64_t)fk_key_from_f32(map[i]) << 32 | (uint32_t)(*number - 1);
    }
    im->n_regions = found;
    fk_free(labels);
    labels = NULL;
    FK_DO(FK_ALLOC(&spare, n, err));
    im->defective = fk_keys_sort64(keys, spare, n, 32);
    if (im->defective == keys)
        keys = NULL;
    else
        spare = NULL;
done:
    fk_free(labels);
    fk_free(numbers);
    fk_free(keys);
    fk_free(spare);
    return st;
}

/* Sort and pack the good pixels' keys. */
static fleck_status collect_good(fk_pixel_image *im, const float *map, const uint8_t *mask,
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

/* A place for `size` bytes in the file, which is made when it is first needed. */
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

/* Leave the image's pixels in memory, or beyond the budget move them to the file. */
static fleck_status keep(fk_pixel_metric *m, fk_pixel_image *im, fleck_error *err)
{
    int64_t words = im->n_defective * (int64_t)sizeof *im->defective;
    int64_t size = words + im->good.size, offset;
    fleck_status st;

    if (m->folder == NULL || atomic_fetch_add(&m->memory, size) + size <= m->budget)
        return FLECK_OK;
    atomic_fetch_sub(&m->memory, size);
    FK_DO(reserve(m, size, &offset, err));
    if (words > 0)
        FK_DO(fk_scratch_write(&m->scratch, im->defective, words, offset, err));
    FK_DO(fk_scratch_write(&m->scratch, im->good.bytes, im->good.size, offset + words, err));
    im->in_file = true;
    im->offset = offset;
    fk_free(im->defective);
    fk_free(im->good.bytes);
    im->defective = NULL;
    im->good.bytes = NULL;
done:
    return st;
}

fleck_status fk_pixel_metric_add(fk_pixel_metric *m, const float *map, const uint8_t *mask,
                                 const uint8_t *left_out, int64_t height, int64_t width,
                                 fleck_error *err)
{
    fk_pixel_image *im = NULL;
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
    FK_DO(keep(m, im, err));
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
