/* SPDX-License-Identifier: Apache-2.0 */
/* Duplicates among the good images: the same file, or nearly the same picture.  They are held out
 * together. */
#include "fit/fitting.h"
#include "base/clones.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A look is 16 x 16 means of a photo (fk_traits.cells).  Images are twins if their looks differ by
 * less than TWIN_PART of the median distance to the nearest image, and by less than TWIN_LEVELS
 * grey levels of a look whose deviation is CONTRAST. */
#define TWIN_PART 0.25
#define TWIN_LEVELS 2.0
#define CONTRAST 64
/* A look with less deviation is compared as it is, since scaling it would only amplify rounding. */
#define FLAT 4.0
/* Looks are rounded to 1 / LEVEL of a grey level. */
#define LEVEL 8

void fk_twins_deal_out(fk_fitting *f)
{
    fk_held_out *h = &f->held;
    int32_t next = 0;
    bool several = false;

    for (int64_t i = 0; i < f->n; i++) {
        int64_t image = f->order != NULL ? f->order[i] : i;

        if (h->good[image].twin == image)
            h->good[image].deal_index = next++;
    }
    for (int64_t i = 0; i < f->n; i++) {
        h->good[i].deal_index = h->good[h->good[i].twin].deal_index;
        several |= h->good[i].fold != h->good[0].fold;
    }
    if (!several) /* twins have moved to the fold of the first */
        h->folds = 1;
}

fleck_status fk_twins_of_files(fk_fitting *f, fleck_error *err)
{
    fk_held_out *h = &f->held;
    int64_t *order = NULL;
    fleck_status st = FLECK_OK;

    for (int64_t i = 0; i < f->n; i++)
        h->good[i].twin = (int32_t)i;
    if (f->source->contents == NULL)
        return FLECK_OK;
    FK_DO(fk_fit_sort_contents(f, &order, err));
    for (int64_t i = 1; i < f->n; i++)
        if (memcmp(&f->source->contents[order[i]], &f->source->contents[order[i - 1]],
                   sizeof(fk_digest)) == 0) {
            fk_good *twin = &h->good[order[i]], *first = &h->good[order[i - 1]];

            twin->twin = first->twin;
            twin->fold = first->fold;
            h->exact++;
        }
done:
    fk_free(order);
    return st;
}

/* Scale a look to mean 0 and deviation CONTRAST, so that brighter or darker copies of a photo are
 * equal.  The numbers fit int16_t, since none of n values is more than sqrt(n) deviations from
 * their mean. */
static void normalise_look(int16_t *out, const uint8_t *cells)
{
    const double n = FK_CELLS_BYTES;
    double mean = 0.0, square = 0.0, scale = LEVEL;

    for (int i = 0; i < FK_CELLS_BYTES; i++)
        mean += cells[i] / n;
    for (int i = 0; i < FK_CELLS_BYTES; i++)
        square += (cells[i] - mean) * (cells[i] - mean) / n;
    if (square < FLAT * FLAT)
        mean = 0.0;
    else
        scale *= CONTRAST / sqrt(square);
    for (int i = 0; i < FK_CELLS_BYTES; i++)
        out[i] = (int16_t)lrint((cells[i] - mean) * scale);
}

/* Mean squared difference of two looks in grey levels, or INFINITY if it exceeds `most`. */
FK_CLONES static double difference(const int16_t *a, const int16_t *b, double most)
{
    const int row = 3 * FK_CELLS;
    const double unit = (double)FK_CELLS_BYTES * LEVEL * LEVEL;
    double limit = most * unit;
    int64_t sum = 0;

    for (int first = 0; first < FK_CELLS_BYTES; first += row) {
        for (int i = first; i < first + row; i++) {
            int64_t d = (int64_t)a[i] - (int64_t)b[i];

            sum += d * d;
        }
        if ((double)sum > limit)
            return INFINITY;
    }
    return (double)sum / unit;
}

static int ascending(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;

    return (a > b) - (a < b);
}

/* For each image that is no twin, find the nearest other image that is no twin, and their mean
 * squared difference. */
static void find_nearest(double *nearest, int32_t *to, const fk_fitting *f, const int16_t *looks)
{
    const fk_good *good = f->held.good;

    for (int64_t i = 0; i < f->n; i++) {
        nearest[i] = INFINITY;
        to[i] = -1;
        for (int64_t j = 0; good[i].twin == i && j < f->n; j++) {
            double d;

            if (j == i || good[j].twin != j)
                continue;
            d = difference(looks + i * FK_CELLS_BYTES, looks + j * FK_CELLS_BYTES, nearest[i]);
            if (d < nearest[i]) {
                nearest[i] = d;
                to[i] = (int32_t)j;
            }
        }
    }
}

fleck_status fk_twins_of_looks(fk_fitting *f, fleck_error *err)
{
    fk_held_out *h = &f->held;
    double *nearest = NULL, *sorted = NULL, limit;
    int16_t *looks = NULL;
    int32_t *to = NULL;
    int64_t n = 0;
    fleck_status st;

    FK_DO(FK_ALLOC(&nearest, f->n, err));
    FK_DO(FK_ALLOC(&sorted, f->n, err));
    FK_DO(FK_ALLOC(&looks, f->n * FK_CELLS_BYTES, err));
    FK_DO(FK_ALLOC(&to, f->n, err));
    for (int64_t i = 0; i < f->n; i++)
        normalise_look(looks + i * FK_CELLS_BYTES, h->good[i].traits->cells);
    find_nearest(nearest, to, f, looks);
    for (int64_t i = 0; i < f->n; i++)
        if (h->good[i].twin == i)
            sorted[n++] = sqrt(nearest[i]);
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    limit = fmin(TWIN_PART * sorted[n / 2], TWIN_LEVELS);
    for (int64_t i = 0; i < f->n; i++)
        if (to[i] >= 0 && to[i] < i && (sqrt(nearest[i]) < limit || nearest[i] == 0.0)) {
            h->good[i].twin = h->good[to[i]].twin;
            h->near++;
        }
    for (int64_t i = 0; i < f->n; i++) { /* the twin of an image may have become a twin itself */
        h->good[i].twin = h->good[h->good[i].twin].twin;
        h->good[i].fold = h->good[h->good[i].twin].fold;
    }
done:
    fk_free(nearest);
    fk_free(sorted);
    fk_free(looks);
    fk_free(to);
    return st;
}

void fk_twins_say(const fk_fitting *f)
{
    const fk_held_out *h = &f->held;
    int64_t i = 0, twins = h->exact + h->near;

    if (twins == 0)
        return;
    while (h->good[i].twin == i)
        i++;
    if (f->source->files == NULL)
        fk_warn_say(
            f->runner->warn,
            "%lld of %lld images %s like others, as image %lld is like %d: they are held out "
            "together and count once",
            (long long)twins, (long long)f->n, twins == 1 ? "is" : "are", (long long)i,
            (int)h->good[i].twin);
    else
        fk_warn_say(
            f->runner->warn,
            "%lld of %lld images %s like others (%lld the very same file), as %s is like %s: "
            "they are held out together and count once",
            (long long)twins, (long long)f->n, twins == 1 ? "is" : "are", (long long)h->exact,
            f->source->files[i], f->source->files[h->good[i].twin]);
}

bool fk_twins_all(const fk_fitting *f)
{
    for (int64_t i = 0; i < f->n; i++)
        if (f->held.good[i].twin != f->held.good[0].twin)
            return false;
    return true;
}
