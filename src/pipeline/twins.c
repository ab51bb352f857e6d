/* Duplicates among the good images: the same file, or nearly the same picture.  They are held out together. */
#include "pipeline/fit_run.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A duplicate differs from its twin by less than this part of what images usually differ from the nearest one, and
 * by less than so many grey levels. */
#define TWIN_PART 0.1
#define TWIN_LEVELS 2.0

void fk_twins_deal_out(fk_fitting *f)
{
    fk_held_out *h = &f->held;
    int32_t next = 0;
    bool several = false;

    for (int64_t i = 0; i < f->n; i++) {
        int64_t image = f->order != NULL ? f->order[i] : i;

        if (h->good[image].twin == image)
            h->good[image].turn = next++;
    }
    for (int64_t i = 0; i < f->n; i++) {
        h->good[i].turn = h->good[h->good[i].twin].turn;
        several |= h->good[i].fold != h->good[0].fold;
    }
    if (!several) /* twins have moved to the fold of the first */
        h->folds = 1;
}

/* Images whose files have the same bytes are twins of the first of them, and of its fold. */
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

/* Mean squared difference of two looks, INFINITY where it surely exceeds `most`. */
static double difference(const uint8_t *a, const uint8_t *b, double most)
{
    const int row = 3 * FK_CELLS;
    double limit = most * FK_CELLS_BYTES;
    int32_t sum = 0;

    for (int first = 0; first < FK_CELLS_BYTES; first += row) {
        for (int i = first; i < first + row; i++)
            sum += (a[i] - b[i]) * (a[i] - b[i]);
        if ((double)sum > limit)
            return INFINITY;
    }
    return (double)sum / FK_CELLS_BYTES;
}

static int ascending(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;

    return (a > b) - (a < b);
}

/* Where images of a set differ little from each other, as those of a video do, none is a duplicate for that. */
fleck_status fk_twins_of_looks(fk_fitting *f, fleck_error *err)
{
    fk_held_out *h = &f->held;
    double *nearest = NULL, *sorted = NULL, limit;
    int32_t *to = NULL;
    int64_t n = 0;
    fleck_status st;

    FK_DO(FK_ALLOC(&nearest, f->n, err));
    FK_DO(FK_ALLOC(&sorted, f->n, err));
    FK_DO(FK_ALLOC(&to, f->n, err));
    for (int64_t i = 0; i < f->n; i++) {
        nearest[i] = INFINITY;
        to[i] = -1;
        for (int64_t j = 0; h->good[i].twin == i && j < f->n; j++) {
            double d;

            if (j == i || h->good[j].twin != j)
                continue;
            d = difference(h->good[i].traits->cells, h->good[j].traits->cells, nearest[i]);
            if (d < nearest[i]) {
                nearest[i] = d;
                to[i] = (int32_t)j;
            }
        }
        if (h->good[i].twin == i)
            sorted[n++] = sqrt(nearest[i]);
    }
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    limit = fmin(TWIN_PART * sorted[n / 2], TWIN_LEVELS);
    for (int64_t i = 0; i < f->n; i++)
        if (to[i] >= 0 && to[i] < i && (sqrt(nearest[i]) < limit || nearest[i] == 0.0)) {
            h->good[i].twin = h->good[to[i]].twin;
            h->near++;
        }
    for (int64_t i = 0; i < f->n; i++) { /* twins of what has become a twin */
        h->good[i].twin = h->good[h->good[i].twin].twin;
        h->good[i].fold = h->good[h->good[i].twin].fold;
    }
done:
    fk_free(nearest);
    fk_free(sorted);
    fk_free(to);
    return st;
}

/* Say which images are there twice. */
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
            "%lld of %lld images are like others, as image %lld is like %d: they are held out "
            "together",
            (long long)twins, (long long)f->n, (long long)i, (int)h->good[i].twin);
    else
        fk_warn_say(
            f->runner->warn,
            "%lld of %lld images are like others (%lld the very same file), as %s is like %s: "
            "they are held out together",
            (long long)twins, (long long)f->n, (long long)h->exact, f->source->files[i],
            f->source->files[h->good[i].twin]);
}

bool fk_twins_all(const fk_fitting *f)
{
    for (int64_t i = 0; i < f->n; i++)
        if (f->held.good[i].twin != f->held.good[0].twin)
            return false;
    return true;
}
