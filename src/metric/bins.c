/* SPDX-License-Identifier: Apache-2.0 */
/* Histograms of pixel scores, one per image.
 *
 * pixel.c gives exact figures of all pixels together.  A bootstrap over images, and figures of a
 * subset, need the counts of each image at every threshold.  Let g[i][k] and d[i][k] be the numbers
 * of good and defective pixels of image i in bin k, and w[i] the number of times that image i
 * counts.  With G[k] = sum_i w[i] g[i][k], D[k] likewise and below[k] = G[0] + ... + G[k-1],
 *
 *     AUROC = sum_k D[k] (below[k] + G[k] / 2) / (sum D  sum G),
 *
 * which is exact if the scores in each bin are equal, and also if good and defective scores have
 * the same distribution within it.  Otherwise the error of a bin is at most D[k] G[k] / 2.
 *
 * The bins of an image are narrow and at fixed places, so that each image can be counted when it
 * comes.  For resampling they are merged into at most 1025 wide bins: from the lowest up, a bin is
 * closed when it holds 1/512 of either class. */
#include "metric/bins.h"
#include "base/mem.h"
#include "metric/keys.h"

#include <math.h>
#include <string.h>

#define DROPPED_BITS 12

void fk_bins_free(fk_bins *b)
{
    fk_free(b->keys);
    fk_free(b->good);
    fk_free(b->defective);
    *b = (fk_bins){0};
}

static bool counts(const uint8_t *left_out, int64_t i)
{
    return left_out == NULL || left_out[i] == 0;
}

static uint32_t bin_of(float score)
{
    return fk_key_from_f32(score) >> DROPPED_BITS;
}

/* Copy the bins that are not empty from counters [size] ([0] good, [1] defective), whose first bin
 * is `lowest`. */
static fleck_status copy_nonempty(fk_bins *out, const uint32_t (*counters)[2], int64_t size,
                                  uint32_t lowest, fleck_error *err)
{
    int64_t n = 0;
    fleck_status st;

    for (int64_t k = 0; k < size; k++)
        n += counters[k][0] + (uint64_t)counters[k][1] > 0;
    FK_DO(FK_ALLOC(&out->keys, n, err));
    FK_DO(FK_ALLOC(&out->good, n, err));
    FK_DO(FK_ALLOC(&out->defective, n, err));
    for (int64_t k = 0; k < size; k++) {
        if (counters[k][0] + (uint64_t)counters[k][1] == 0)
            continue;
        out->keys[out->n] = lowest + (uint32_t)k;
        out->good[out->n] = counters[k][0];
        out->defective[out->n++] = counters[k][1];
    }
done:
    return st;
}

fleck_status fk_bins_make(fk_bins *out, const float *map, const uint8_t *mask,
                          const uint8_t *left_out, int64_t count, fleck_error *err)
{
    uint32_t lowest = UINT32_MAX, highest = 0, (*counters)[2] = NULL;
    int64_t size;
    fleck_status st;

    *out = (fk_bins){0};
    for (int64_t i = 0; i < count; i++) {
        uint32_t k = bin_of(map[i]);

        if (!counts(left_out, i))
            continue;
        lowest = k < lowest ? k : lowest;
        highest = k > highest ? k : highest;
    }
    if (lowest > highest) /* no pixel counts */
        return FLECK_OK;
    size = (int64_t)highest - lowest + 1;
    FK_DO(fk_calloc((void **)&counters, size, sizeof *counters, err));
    for (int64_t i = 0; i < count; i++)
        if (counts(left_out, i))
            counters[bin_of(map[i]) - lowest][mask != NULL && mask[i] != 0]++;
    FK_DO(copy_nonempty(out, (const uint32_t(*)[2])counters, size, lowest, err));
done:
    fk_free(counters);
    if (st != FLECK_OK)
        fk_bins_free(out);
    return st;
}

/* ---- The table ---- */

void fk_bin_table_free(fk_bin_table *t)
{
    fk_free(t->keys);
    fk_free(t->good);
    fk_free(t->defective);
    *t = (fk_bin_table){0};
}

/* Sort the bins of all images by key.  Elements are key << 32 | number; bins are numbered
 * consecutively through the images. */
static fleck_status sort_bins(uint64_t **out, const fk_bins *images, int64_t n, int64_t total,
                              fleck_error *err)
{
    uint64_t *keys = NULL, *scratch = NULL;
    int64_t number = 0;
    fleck_status st;

    if (total > UINT32_MAX)
        FK_FAIL(err, FLECK_E_LIMIT, "pixel scores: %lld bins, the limit is %lld", (long long)total,
                (long long)UINT32_MAX);
    FK_DO(FK_ALLOC(&keys, total, err));
    FK_DO(FK_ALLOC(&scratch, total, err));
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < images[i].n; k++, number++)
            keys[number] = (uint64_t)images[i].keys[k] << 32 | (uint64_t)number;
    *out = fk_keys_sort64(keys, scratch, total, 32);
    fk_free(*out == keys ? scratch : keys);
    return FLECK_OK;
done:
    fk_free(keys);
    fk_free(scratch);
    return st;
}

/* Merge narrow bins: write the index of the wide bin of each narrow one into wide [total], by
 * number, and the lowest key of each wide bin into the table. */
static void join_bins(fk_bin_table *t, uint32_t *wide, const uint64_t *sorted, const uint32_t *good,
                      const uint32_t *defective, int64_t total)
{
    int64_t all[2] = {0, 0}, in_bin[2] = {0, 0};

    for (int64_t i = 0; i < total; i++) {
        all[0] += good[i];
        all[1] += defective[i];
    }
    for (int64_t i = 0; i < total; i++) {
        uint32_t key = (uint32_t)(sorted[i] >> 32), number = (uint32_t)sorted[i];
        bool another = i == 0 || key != (uint32_t)(sorted[i - 1] >> 32);
        bool full = (all[0] > 0 && in_bin[0] * FK_BIN_PARTS >= all[0]) ||
                    (all[1] > 0 && in_bin[1] * FK_BIN_PARTS >= all[1]);

        if (i == 0 || (another && full)) {
            t->keys[t->n++] = key;
            in_bin[0] = in_bin[1] = 0;
        }
        in_bin[0] += good[number];
        in_bin[1] += defective[number];
        wide[number] = (uint32_t)(t->n - 1);
    }
}

/* Concatenate the counts of all images. */
static void flatten(uint32_t *good, uint32_t *defective, const fk_bins *images, int64_t n)
{
    int64_t at = 0;

    for (int64_t i = 0; i < n; i++) {
        if (images[i].n == 0)
            continue;
        memcpy(good + at, images[i].good, (size_t)images[i].n * sizeof *good);
        memcpy(defective + at, images[i].defective, (size_t)images[i].n * sizeof *defective);
        at += images[i].n;
    }
}

fleck_status fk_bin_table_make(fk_bin_table *out, const fk_bins *images, int64_t n,
                               fleck_error *err)
{
    uint32_t *good = NULL, *defective = NULL, *wide = NULL;
    uint64_t *sorted = NULL;
    int64_t total = 0, at = 0;
    fleck_status st;

    *out = (fk_bin_table){.images = n};
    for (int64_t i = 0; i < n; i++)
        total += images[i].n;
    FK_DO(FK_ALLOC(&good, total, err));
    FK_DO(FK_ALLOC(&defective, total, err));
    FK_DO(FK_ALLOC(&wide, total, err));
    FK_DO(FK_ALLOC(&out->keys, FK_BIN_WIDE, err));
    flatten(good, defective, images, n);
    FK_DO(sort_bins(&sorted, images, n, total, err));
    join_bins(out, wide, sorted, good, defective, total);
    FK_DO(fk_calloc((void **)&out->good, n * out->n, sizeof *out->good, err));
    FK_DO(fk_calloc((void **)&out->defective, n * out->n, sizeof *out->defective, err));
    for (int64_t i = 0; i < n; i++) {
        for (int64_t k = 0; k < images[i].n; k++, at++) {
            out->good[i * out->n + wide[at]] += images[i].good[k];
            out->defective[i * out->n + wide[at]] += images[i].defective[k];
        }
    }
done:
    fk_free(good);
    fk_free(defective);
    fk_free(wide);
    fk_free(sorted);
    if (st != FLECK_OK)
        fk_bin_table_free(out);
    return st;
}

/* ---- Figures ---- */

/* sums [n] += weight * counts [n] */
static void add_counts(int64_t *sums, const int64_t *image_counts, int64_t weight, int64_t n)
{
    for (int64_t k = 0; weight != 0 && k < n; k++)
        sums[k] += weight * image_counts[k];
}

static double auroc_of(const int64_t *good, const int64_t *defective, int64_t n)
{
    double below = 0.0, all = 0.0, wins = 0.0;

    for (int64_t k = 0; k < n; k++) {
        wins += (double)defective[k] * (below + (double)good[k] / 2.0);
        below += (double)good[k];
        all += (double)defective[k];
    }
    return below > 0.0 && all > 0.0 ? wins / (below * all) : NAN;
}

double fk_bin_table_auroc(const fk_bin_table *t, const uint8_t *chosen)
{
    int64_t good[FK_BIN_WIDE] = {0}, defective[FK_BIN_WIDE] = {0};

    for (int64_t i = 0; i < t->images; i++) {
        add_counts(good, t->good + i * t->n, 1, t->n);
        add_counts(defective, t->defective + i * t->n, chosen == NULL || chosen[i] != 0, t->n);
    }
    return auroc_of(good, defective, t->n);
}

static double weighted_auroc(void *ctx, const int32_t *weights)
{
    const fk_bin_table *t = ctx;
    int64_t good[FK_BIN_WIDE] = {0}, defective[FK_BIN_WIDE] = {0};

    for (int64_t i = 0; i < t->images; i++) {
        add_counts(good, t->good + i * t->n, weights[i], t->n);
        add_counts(defective, t->defective + i * t->n, weights[i], t->n);
    }
    return auroc_of(good, defective, t->n);
}

fleck_status fk_bin_table_interval(fk_interval *out, const fk_bin_table *t, const uint8_t *labels,
                                   const fk_bootstrap *how, fleck_error *err)
{
    fk_bin_table table = *t; /* a shallow copy that is not const */

    return fk_bootstrap_statistic(out, labels, t->images, how, weighted_auroc, &table, err);
}

int64_t fk_bin_table_curve(fk_curve_point out[FK_BIN_CURVE], const fk_bin_table *t)
{
    int64_t good[FK_BIN_WIDE] = {0}, defective[FK_BIN_WIDE] = {0};
    int64_t all_good = 0, all_defective = 0, n = 0;
    fk_curve_point now = {.threshold = INFINITY};

    for (int64_t i = 0; i < t->images; i++) {
        add_counts(good, t->good + i * t->n, 1, t->n);
        add_counts(defective, t->defective + i * t->n, 1, t->n);
    }
    for (int64_t k = 0; k < t->n; k++) {
        all_good += good[k];
        all_defective += defective[k];
    }
    out[n++] = now;
    for (int64_t k = t->n - 1; k >= 0; k--) {
        const fk_curve_point *last = &out[n - 1];

        now.threshold = (double)fk_f32_from_key(t->keys[k] << DROPPED_BITS);
        now.found += defective[k];
        now.alarms += good[k];
        if (k == 0 || (all_good > 0 && (now.alarms - last->alarms) * FK_BIN_STEPS >= all_good) ||
            (all_defective > 0 && (now.found - last->found) * FK_BIN_STEPS >= all_defective))
            out[n++] = now;
    }
    return n;
}
