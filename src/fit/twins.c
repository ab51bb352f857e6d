/* Duplicates among the good images: the same file, or nearly the same picture.  They are held out together, and
 * count once: a rank among scores that say the same thing twice is no rank among parts. */
#include "fit/fitting.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A duplicate differs from its twin by less than this part of what images usually differ from the nearest one, and
 * by less than so many grey levels of a look whose deviation is CONTRAST. */
#define TWIN_PART 0.25
#define TWIN_LEVELS 2.0
#define CONTRAST 64
/* A look of less deviation is compared as it is: without its light rounding alone would be left. */
#define FLAT 4.0
/* Parts of a level that looks are rounded to. */
#define LEVEL 8

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

/* A look of even light, so that a photo is like a brighter copy of itself: of mean 0, deviation CONTRAST.  The
 * farthest of n values from the mean is sqrt(n) deviations away at most, which LEVEL still lets fit. */
static void even_light(int16_t *out, const uint8_t *cells)
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

/* Mean squared difference of two looks in levels, INFINITY where it surely exceeds `most`. */
static double difference(const int16_t *a, const int16_t *b, double most)
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

/* Of each image that is no twin the nearest one that is none either, and its mean squared difference. */
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

/* Where images of a set differ little from each other, as those of a video do, none is a duplicate for that. */
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
        even_light(looks + i * FK_CELLS_BYTES, h->good[i].traits->cells);
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
    for (int64_t i = 0; i < f->n; i++) { /* twins of what has become a twin */
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

/* ---- Once ---- */

/* Duplicates that are scored together; all images are held out, so that their numbers are those of scores. */
typedef struct alike {
    int64_t n;
    int64_t *images;           /* [n] */
    fk_embedding *embeddings;  /* [n] */
    const fk_embedding **view; /* [n] */
    const uint8_t **left_out;  /* [n] */
    float **maps;              /* [n] */
    double *scores;            /* [n] */
} alike;

static void alike_free(alike *a)
{
    for (int64_t i = 0; i < a->n; i++) {
        if (a->embeddings != NULL)
            fk_embedding_free(&a->embeddings[i]);
        if (a->maps != NULL)
            fk_free(a->maps[i]);
    }
    fk_free(a->images);
    fk_free(a->embeddings);
    fk_free(a->view);
    fk_free(a->left_out);
    fk_free(a->maps);
    fk_free(a->scores);
}

/* The n duplicates of image `first`. */
static fleck_status alike_init(alike *a, fk_fitting *f, int32_t first, int64_t n, fleck_error *err)
{
    fk_held_out *h = &f->held;
    int64_t k = 0;
    fleck_status st;

    *a = (alike){.n = n};
    FK_DO(FK_ALLOC(&a->images, n, err));
    FK_DO(FK_CALLOC(&a->embeddings, n, err));
    FK_DO(FK_ALLOC(&a->view, n, err));
    FK_DO(FK_ALLOC(&a->left_out, n, err));
    FK_DO(FK_CALLOC(&a->maps, n, err));
    FK_DO(FK_ALLOC(&a->scores, n, err));
    for (int64_t i = 0; i < f->n; i++) {
        if (h->good[i].twin != first)
            continue;
        FK_DO(fk_embedding_init(&a->embeddings[k], &f->model->shape, err));
        FK_DO(FK_ALLOC(&a->maps[k], fk_fit_input_pixels(f->model), err));
        FK_DO(fk_held_out_embedding(f, i, &a->embeddings[k], err));
        FK_DO(fk_canvas_flag(&a->embeddings[k], &h->canvases[i], 0, false, err));
        a->view[k] = &a->embeddings[k];
        a->left_out[k] = h->canvases[i].left_out.data;
        a->images[k++] = i;
    }
done:
    return st;
}

/* A method that takes an image out once for each of its duplicates takes out too much where they are not equal to
 * the last number, and scores are far too high where images are few.  If it can leave out several it does. */
static fleck_status score_near(fk_fitting *f, fleck_error *err)
{
    const fk_held_out *h = &f->held;
    const fk_method *m = f->model->method;
    int64_t most = m->score_fold != NULL ? m->fold_most(f->model->state) : 0;
    fleck_status st = FLECK_OK;

    if (h->near == 0 || f->tiled || h->n < f->n || !fk_model_scores_maps(f->model))
        return FLECK_OK;
    for (int64_t first = 0; first < f->n && st == FLECK_OK; first++) {
        int64_t n = 0;
        alike a;

        for (int64_t i = first; i < f->n; i++)
            n += h->good[i].twin == first;
        if (n < 2 || n > most || f->n - n < 2)
            continue;
        st = alike_init(&a, f, (int32_t)first, n, err);
        if (st == FLECK_OK)
            st = fk_runner_score_fold(f->runner, n, a.view, a.left_out, a.maps, a.scores, err);
        for (int64_t i = 0; i < n && st == FLECK_OK; i++)
            f->model->calibration.alone[a.images[i]] = a.scores[i];
        alike_free(&a);
    }
    return st;
}

fleck_status fk_twins_count_once(fk_fitting *f, double rate, fleck_error *err)
{
    const fk_held_out *h = &f->held;
    fk_calibration *c = &f->model->calibration;
    uint8_t *counted = NULL;
    int64_t n = 0;
    fleck_status st = FLECK_OK;

    if (c->images == 0 || h->exact + h->near == 0)
        return FLECK_OK;
    FK_DO(score_near(f, err));
    FK_DO(FK_CALLOC(&counted, f->n, err));
    for (int64_t k = 0; k < c->images; k++) {
        uint8_t *seen = &counted[h->good[h->images[k]].twin];

        if (*seen != 0) {
            if (c->names != NULL)
                fk_free(c->names[k]);
            continue;
        }
        *seen = 1;
        c->alone[n] = c->alone[k];
        if (c->group != NULL) {
            c->group[n] = c->group[k];
            c->fold[n] = c->fold[k];
        }
        if (c->names != NULL)
            c->names[n] = c->names[k];
        n++;
    }
    c->images = n;
    fk_calibration_set_rate(c, rate);
done:
    fk_free(counted);
    return st;
}
