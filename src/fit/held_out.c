/* SPDX-License-Identifier: Apache-2.0 */
/* Scores of held-out good images: each without itself, and without all of its session.
 *
 * Without itself means without its duplicates too; such scores are those of new parts from the same
 * sessions.  Sessions (a day, a folder, a run of neighbours) are divided into folds, and each fold
 * is left out as a whole; such scores are those of parts from a new session.  Embeddings are stored
 * for this, in memory or in a temporary file.  With tiles they would be too large, so the images
 * are read again. */
#include "fit/fitting.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "dataset/session.h"
#include "map/map.h"
#include "metric/metric.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of stored embeddings that stay in memory if there is a folder for temporary files. */
#define STORE_BYTES (INT64_C(128) << 20)
/* Most bytes of a fold whose images are scored together.  Larger folds are not scored so. */
#define FOLD_BYTES (INT64_C(512) << 20)
/* Images that are scored at a time. */
#define BLOCK 16
/* Most pixels of all maps that the pixel threshold and the colours are computed from. */
#define SAMPLE (INT64_C(1) << 20)
/* Images with maps, for methods with FK_METHOD_DEAR_MAPS. */
#define DEAR_MAPS 32

/* ---- Choosing images ---- */

static fleck_status find_sessions(fk_fitting *f, const fleck_settings *s, fleck_error *err)
{
    fk_held_out *h = &f->held;
    int32_t *session = NULL, *fold = NULL;
    int64_t count = 0;
    fk_session_kind kind = FK_SESSION_AUTO;
    fleck_status st;

    if (s->groups != NULL)
        (void)fk_session_parse(s->groups, &kind);
    FK_DO(FK_ALLOC(&session, f->n, err));
    FK_DO(FK_ALLOC(&fold, f->n, err));
    FK_DO(fk_sessions_find(session, &count, &kind, f->source->files, f->n, kind, FK_FOLDS, err));
    h->folds = fk_sessions_fold(fold, session, f->n, count, FK_FOLDS);
    h->sessions = fk_session_name(kind);
    for (int64_t i = 0; i < f->n; i++)
        h->good[i].fold = fold[i];
done:
    fk_free(session);
    fk_free(fold);
    return st;
}

fleck_status fk_held_out_init(fk_fitting *f, const fleck_settings *s, fleck_error *err)
{
    fk_held_out *h = &f->held;
    int64_t floats = fk_embed_shape_floats(&f->model->shape);
    bool excludes = (f->model->method->flags & FK_METHOD_EXCLUDES) != 0;
    fleck_status st = FLECK_OK;

    if (s->calibrate == 0 || !excludes || f->n < 3)
        return FLECK_OK;
    h->n = s->calibrate < f->n ? s->calibrate : f->n;
    h->all = f->n;
    FK_DO(FK_CALLOC(&h->good, f->n, err));
    FK_DO(FK_CALLOC(&h->images, h->n, err));
    FK_DO(FK_CALLOC(&h->stored, h->n, err));
    FK_DO(FK_CALLOC(&h->canvases, h->n, err));
    for (int64_t k = 0; k < h->n; k++)
        h->images[k] = (2 * k + 1) * f->n / (2 * h->n);
    FK_DO(find_sessions(f, s, err));
    FK_DO(fk_twins_of_files(f, err));
    fk_twins_deal_out(f);
    if (f->tiled)
        goto done;
    if (f->model->shape.n_levels > 1 || f->model->shape.global_dim > 0)
        FK_DO(FK_ALLOC(&h->packed, floats, err));
    FK_DO(fk_spool_open(&h->store, 1, floats, s->scratch != NULL ? STORE_BYTES : INT64_MAX,
                        s->scratch, err));
done:
    return st;
}

void fk_held_out_free(fk_held_out *h)
{
    for (int64_t i = 0; h->good != NULL && i < h->all; i++)
        fk_free(h->good[i].traits);
    for (int64_t k = 0; h->canvases != NULL && k < h->n; k++)
        fk_canvas_free(&h->canvases[k]);
    fk_free(h->good);
    fk_free(h->images);
    fk_free(h->stored);
    fk_free(h->canvases);
    fk_free(h->rank);
    fk_free(h->alone);
    fk_free(h->session);
    fk_free(h->packed);
    fk_spool_close(&h->store);
}

/* Solving images[k] = image for k gives one candidate. */
int64_t fk_held_out_index(const fk_fitting *f, int64_t image)
{
    const fk_held_out *h = &f->held;
    int64_t k = h->n > 0 ? (2 * image * h->n + f->n - 1) / (2 * f->n) : -1;

    return k >= 0 && k < h->n && h->images[k] == image ? k : -1;
}

void fk_held_out_fold(const fk_fitting *f, int64_t image)
{
    const fk_held_out *h = &f->held;
    int alone = (int)(image % FK_FOLDS), session = alone;

    if (h->n > 0) {
        alone = h->good[image].deal_index % FK_FOLDS;
        session = h->folds > 1 ? h->good[image].fold : alone;
    }
    f->model->method->fold(f->model->state, alone, session);
}

/* Number of images of the largest fold. */
static int64_t largest_fold(const fk_fitting *f)
{
    int64_t count[FK_FOLDS] = {0}, most = 0;

    for (int64_t i = 0; i < f->n; i++) {
        int64_t n = ++count[f->held.good[i].fold];

        most = n > most ? n : most;
    }
    return most;
}

/* Bytes of one image of a fold that is scored together: embedding and map. */
static int64_t fold_row(const fk_fitting *f)
{
    return (fk_embed_shape_floats(&f->model->shape) + fk_fit_input_pixels(f->model)) *
           (int64_t)sizeof(float);
}

/* Whether folds are scored together, which needs all images of each. */
static bool folds_together(const fk_fitting *f)
{
    const fk_held_out *h = &f->held;
    const fk_method *m = f->model->method;
    int64_t most;

    if (m->score_fold == NULL || f->tiled || h->folds < 2 || h->n < f->n ||
        !fk_model_scores_maps(f->model))
        return false;
    most = largest_fold(f);
    return most <= m->fold_most(f->model->state) && f->n - most >= 2 &&
           most * fold_row(f) <= FOLD_BYTES;
}

int64_t fk_held_out_bytes(const fk_fitting *f)
{
    int64_t row = fk_embed_shape_floats(&f->model->shape) * (int64_t)sizeof(float);
    int64_t stored = f->held.n * row, maps = BLOCK * fk_fit_input_pixels(f->model);

    if (f->held.n == 0)
        return 0;
    stored = stored < STORE_BYTES ? stored : STORE_BYTES;
    if (folds_together(f))
        stored += largest_fold(f) * fold_row(f);
    return (f->tiled ? 0 : stored + BLOCK * row) + (maps + 3 * SAMPLE) * (int64_t)sizeof(float);
}

/* ---- While images are learned ---- */

static void pack(float *to, const fk_embedding *e)
{
    for (int k = 0; k < e->n_levels; k++) {
        int64_t n = e->levels[k].height * e->levels[k].width * e->levels[k].dim;

        memcpy(to, e->levels[k].data, (size_t)n * sizeof *to);
        to += n;
    }
    if (e->global_dim > 0)
        memcpy(to, e->global, (size_t)e->global_dim * sizeof *to);
}

static void unpack(fk_embedding *e, const float *from)
{
    for (int k = 0; k < e->n_levels; k++) {
        int64_t n = e->levels[k].height * e->levels[k].width * e->levels[k].dim;

        memcpy(e->levels[k].data, from, (size_t)n * sizeof *from);
        from += n;
    }
    if (e->global_dim > 0)
        memcpy(e->global, from, (size_t)e->global_dim * sizeof *from);
}

static fleck_status copy_mask(fk_image *to, const fk_image *from, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    *to = (fk_image){0};
    if (from->data == NULL)
        return FLECK_OK;
    FK_DO(FK_ALLOC(&to->data, from->width * from->height, err));
    memcpy(to->data, from->data, (size_t)(from->width * from->height));
    to->width = from->width;
    to->height = from->height;
    to->channels = 1;
done:
    return st;
}

static fleck_status store(fk_fitting *f, int64_t k, const fk_canvas *c, const fk_embedding *e,
                          fleck_error *err)
{
    fk_held_out *h = &f->held;
    fk_canvas *kept = &h->canvases[k];
    fleck_status st;

    if (h->packed != NULL)
        pack(h->packed, e);
    h->stored[k] = fk_spool_count(h->store);
    FK_DO(fk_spool_append(h->store, h->packed != NULL ? h->packed : e->levels[0].data, err));
    *kept = *c; /* without pixels */
    kept->pixels = kept->left_out = kept->own = kept->background = (fk_image){0};
    kept->traits = NULL;
    FK_DO(copy_mask(&kept->left_out, &c->left_out, err));
    FK_DO(copy_mask(&kept->own, &c->own, err));
done:
    return st;
}

fleck_status fk_held_out_add(fk_fitting *f, int64_t image, int64_t embedding, int64_t tile,
                             fk_canvas *c, fk_embedding *e, fleck_error *err)
{
    fk_held_out *h = &f->held;
    int64_t k = fk_held_out_index(f, image);
    fleck_status st = FLECK_OK;

    if (h->n == 0)
        return FLECK_OK;
    if (tile == 0) {
        h->good[image].first = embedding;
        h->good[image].pieces = fk_canvas_pieces(c);
        h->good[image].traits = c->traits; /* moved */
        c->traits = NULL;
    }
    if (k >= 0 && !f->tiled && tile == 0) /* not rotated */
        FK_DO(store(f, k, c, e, err));
done:
    return st;
}

/* ---- What a score leaves out ---- */

typedef struct ranked {
    int32_t fold, twin;
    int64_t image;
} ranked;

static int by_fold(const void *x, const void *y)
{
    const ranked *a = x, *b = y;

    if (a->fold != b->fold)
        return a->fold < b->fold ? -1 : 1;
    if (a->twin != b->twin)
        return a->twin < b->twin ? -1 : 1;
    return (a->image > b->image) - (a->image < b->image);
}

/* Rank embeddings so that folds are contiguous, and within them twins. */
static fleck_status rank_all(fk_fitting *f, fleck_error *err)
{
    fk_held_out *h = &f->held;
    ranked *sorted = NULL;
    int32_t next = 0;
    fleck_status st;

    FK_DO(FK_ALLOC(&h->rank, f->learned, err));
    FK_DO(FK_ALLOC(&sorted, f->n, err));
    for (int64_t i = 0; i < f->n; i++)
        sorted[i] = (ranked){h->good[i].fold, h->good[i].twin, i};
    qsort(sorted, (size_t)f->n, sizeof *sorted, by_fold);
    for (int64_t i = 0; i < f->n; i++) {
        const fk_good *g = &h->good[sorted[i].image];

        for (int64_t k = 0; k < g->pieces; k++)
            h->rank[g->first + k] = next++;
    }
done:
    fk_free(sorted);
    return st;
}

/* The span that is left out when image is scored: its twins, or its fold. */
static fk_span span_of(const fk_fitting *f, int64_t image, bool fold)
{
    const fk_held_out *h = &f->held;
    const fk_good *me = &h->good[image];
    fk_span span = {
        .first = INT64_MAX, .rank = h->rank, .at = me->first, .fold = fold, .learned = !f->tiled};

    for (int64_t i = 0; i < f->n; i++) {
        const fk_good *g = &h->good[i];

        span.copies += g->twin == me->twin;
        if (fold ? g->fold != me->fold : g->twin != me->twin)
            continue;
        span.count += g->pieces;
        if (h->rank[g->first] < span.first)
            span.first = h->rank[g->first];
    }
    return span;
}

/* ---- Scores ---- */

/* Scores of held-out images, and a sample of their maps. */
typedef struct scores {
    fk_fitting *f;
    double *alone, *group; /* [n] without the image itself, and without its fold */
    float *values;         /* [SAMPLE] sampled pixels of the maps */
    int64_t count;         /* of values */
    int64_t n_maps;        /* images whose maps are sampled */
} scores;

static int64_t gcd(int64_t a, int64_t b)
{
    return b == 0 ? a : gcd(b, a % b);
}

/* The step between sampled pixels of a map, so that all maps fit values.  It has no common factor
 * with the width, so that samples spread over all columns. */
static int64_t step_of(const scores *s, int64_t width, int64_t height)
{
    int64_t share = SAMPLE / (s->n_maps > 0 ? s->n_maps : 1), pixels = width * height;
    int64_t step = (pixels + share - 1) / (share > 0 ? share : 1);

    step = step > 0 ? step : 1;
    while (gcd(step, width) != 1)
        step++;
    return step;
}

/* Whether the map of held-out image k is sampled.  All are, except duplicates of an image that is
 * held out too, and some where maps are expensive. */
static bool is_sampled(const scores *s, int64_t k)
{
    const fk_held_out *h = &s->f->held;
    int64_t n = h->n, step = n / s->n_maps, image = h->images[k], twin = h->good[image].twin;

    if (twin != image && fk_held_out_index(s->f, twin) >= 0)
        return false;
    return k % step == 0 && k / step < s->n_maps;
}

/* Record the score of held-out image k, and sample its map; fold: the score without its fold. */
static void record_score(scores *s, int64_t k, const fk_scoring *image, bool fold)
{
    int64_t step = step_of(s, image->size.width, image->size.height);

    (fold ? s->group : s->alone)[k] = image->score;
    if (fold || image->map == NULL || !is_sampled(s, k))
        return;
    for (int64_t i = 0; i < image->size.width * image->size.height && s->count < SAMPLE; i += step)
        if (image->left_out == NULL || image->left_out[i] == 0)
            s->values[s->count++] = image->map[i];
}

/* Load the embedding of held-out image k. */
static fleck_status load_one(fk_fitting *f, int64_t k, fk_embedding *e, fleck_error *err)
{
    fk_held_out *h = &f->held;
    float *to = h->packed != NULL ? h->packed : e->levels[0].data;
    fleck_status st;

    FK_DO(fk_spool_read(h->store, h->stored[k], 0, 1, to, err));
    if (h->packed != NULL)
        unpack(e, h->packed);
    st = fk_canvas_flag(e, &h->canvases[k], 0, false, err);
done:
    return st;
}

/* Held-out images whose embeddings were loaded into those of the runner. */
typedef struct loaded {
    int64_t n;
    fk_scoring *images; /* [n] */
    float *maps;        /* [most, the input's pixels] */
} loaded;

static fleck_status loaded_make(loaded *l, const fk_fitting *f, int64_t most, fleck_error *err)
{
    fleck_status st;

    FK_DO(fk_runner_embeddings(f->runner, most, err));
    FK_DO(FK_ALLOC(&l->images, most, err));
    FK_DO(FK_ALLOC(&l->maps, most * fk_fit_input_pixels(f->model), err));
done:
    return st;
}

static void loaded_free(loaded *l, const fk_fitting *f)
{
    fk_runner_trim(f->runner, f->runner->threads);
    fk_free(l->images);
    fk_free(l->maps);
}

/* Load held-out image k as the next one of l. */
static fleck_status load(loaded *l, fk_fitting *f, int64_t k, fleck_error *err)
{
    int64_t i = l->n++;
    fk_embedding *e = &f->runner->embeddings[i];

    l->images[i] = (fk_scoring){.embedding = e,
                                .left_out = f->held.canvases[k].left_out.data,
                                .map = l->maps + i * fk_fit_input_pixels(f->model)};
    return load_one(f, k, e, err);
}

/* Score the loaded images, which are those from held-out image k on, without their twins or
 * (fold) without their folds. */
static fleck_status score_loaded(scores *s, loaded *l, int64_t k, bool fold, fleck_error *err)
{
    fk_fitting *f = s->f;
    bool pooled = fk_model_scores_maps(f->model);
    fleck_status st;

    for (int64_t i = 0; i < l->n; i++) {
        bool wanted = pooled || (!fold && is_sampled(s, k + i));

        l->images[i].exclude = span_of(f, f->held.images[k + i], fold);
        l->images[i].map = wanted ? l->maps + i * fk_fit_input_pixels(f->model) : NULL;
    }
    FK_DO(fk_score_many(f->runner, l->images, l->n, err));
    for (int64_t i = 0; i < l->n; i++)
        record_score(s, k + i, &l->images[i], fold);
done:
    return st;
}

/* Score all held-out images whose embeddings are stored. */
static fleck_status score_stored(scores *s, bool by_fold, fleck_error *err)
{
    fk_fitting *f = s->f;
    int64_t n = f->held.n, told = 0;
    loaded l = {0};
    fleck_status st;

    FK_DO(loaded_make(&l, f, BLOCK, err));
    fk_watch_stage(f->watch, "thresholds", n * (by_fold ? 2 : 1));
    for (int64_t k = 0; k < n; k += l.n) {
        l.n = 0;
        while (l.n < BLOCK && k + l.n < n)
            FK_DO(load(&l, f, k + l.n, err));
        for (int fold = 0; fold < (by_fold ? 2 : 1); fold++) {
            FK_DO(score_loaded(s, &l, k, fold > 0, err));
            told += l.n;
            FK_DO(fk_watch_tell(f->watch, told, err));
        }
    }
done:
    loaded_free(&l, f);
    return st;
}

fleck_status fk_held_out_score_together(fk_fitting *f, const int64_t *images, int64_t n,
                                        double *found, fleck_error *err)
{
    loaded l = {0};
    fleck_status st;

    FK_DO(loaded_make(&l, f, n, err));
    for (int64_t i = 0; i < n; i++)
        FK_DO(load(&l, f, images[i], err));
    FK_DO(fk_score_fold(f->runner, l.images, n, err));
    for (int64_t i = 0; i < n; i++)
        found[i] = l.images[i].score;
done:
    loaded_free(&l, f);
    return st;
}

static fleck_status score_whole_folds(scores *s, fleck_error *err)
{
    fk_fitting *f = s->f;
    fk_held_out *h = &f->held;
    int64_t *images = NULL;
    double *found = NULL;
    fleck_status st;

    FK_DO(FK_ALLOC(&images, f->n, err));
    FK_DO(FK_ALLOC(&found, f->n, err));
    for (int64_t fold = 0; fold < h->folds; fold++) {
        int64_t n = 0;

        for (int64_t i = 0; i < f->n; i++)
            if (h->good[i].fold == fold)
                images[n++] = i;
        FK_DO(fk_held_out_score_together(f, images, n, found, err));
        for (int64_t i = 0; i < n; i++)
            s->group[images[i]] = found[i];
    }
done:
    fk_free(images);
    fk_free(found);
    return st;
}

/* Read a group of held-out images again and score it: at most two, or one that is scored twice. */
static fleck_status score_read(scores *s, fk_front *front, fleck_error *err)
{
    fk_fitting *f = s->f;
    int times = f->held.by_fold ? 2 : 1;
    int64_t n = front->n;
    fk_scoring images[2] = {{0}};
    fleck_status st = FLECK_OK;

    for (int64_t i = 0; i < n * times; i++) {
        const fk_tiles *t = &front->canvases[i % n].tiles;

        images[i].exclude = span_of(f, fk_front_image(front, i % n), i >= n);
        FK_DO(FK_ALLOC(&images[i].map, t->height * t->width, err));
    }
    FK_DO(fk_score_group(front, images, times, err));
    for (int64_t i = 0; i < n * times; i++)
        record_score(s, front->first + i % n, &images[i], i >= n);
done:
    for (int i = 0; i < 2; i++)
        fk_free(images[i].map);
    return st;
}

/* Score all held-out images with tiles. */
static fleck_status score_all_read(scores *s, fleck_error *err)
{
    fk_fitting *f = s->f;
    fk_held_out *h = &f->held;
    fk_front front = {.runner = f->runner,
                      .source = f->source,
                      .order = h->images,
                      .room = h->by_fold || f->runner->threads == 1 ? 1 : 2,
                      .block = f->runner->threads};
    fleck_status st;

    fk_watch_stage(f->watch, "thresholds", h->n);
    FK_DO(fk_front_open(&front, err));
    for (int64_t k = 0; k < h->n; k += front.n) {
        FK_DO(fk_front_read(&front, k, h->n - k < front.room ? h->n - k : front.room, err));
        FK_DO(score_read(s, &front, err));
        FK_DO(fk_watch_tell(f->watch, k + front.n, err));
    }
done:
    fk_front_close(&front);
    return st;
}

/* Set the names of the held-out images, without the folders that all images have in common. */
static fleck_status name_all(fk_calibration *c, const fk_fitting *f, fleck_error *err)
{
    const char *const *files = f->source->files;
    size_t common = 0;
    fleck_status st = FLECK_OK;

    if (files == NULL)
        return FLECK_OK;
    for (size_t at = 0; files[0][at] != '\0'; at++) {
        for (int64_t i = 1; i < f->n; i++)
            if (strncmp(files[0], files[i], at + 1) != 0)
                goto found;
        if (files[0][at] == '/')
            common = at + 1;
    }
found:
    FK_DO(FK_CALLOC(&c->names, c->images, err));
    for (int64_t k = 0; k < c->images; k++)
        FK_DO(fk_utf8_escape(&c->names[k], files[f->held.images[k]] + common, err));
done:
    return st;
}

/* Move the scores into the model's calibration. */
static fleck_status calibrate(scores *s, fleck_error *err)
{
    fk_fitting *f = s->f;
    fk_held_out *h = &f->held;
    fk_calibration *c = &f->model->calibration;
    fleck_status st;

    fk_calibration_free(c);
    c->images = h->n;
    c->alone = s->alone;
    s->alone = NULL;
    FK_DO(name_all(c, f, err));
    if (s->f->held.by_fold) {
        c->group = s->group;
        s->group = NULL;
        c->folds = h->folds;
        FK_DO(fk_strdup(&c->sessions, h->sessions, err));
        FK_DO(FK_ALLOC(&c->fold, h->n, err));
        for (int64_t k = 0; k < h->n; k++)
            c->fold[k] = h->good[h->images[k]].fold;
    }
    FK_DO(fk_sort(s->values, s->count, err));
    FK_DO(fk_calibration_measure(c, s->values, s->count, err));
done:
    return st;
}

/* Set the model's kind of photos. */
static fleck_status learn_kind(fk_fitting *f, fleck_error *err)
{
    const fk_traits **traits = NULL;
    fleck_status st;

    FK_DO(FK_ALLOC(&traits, f->n, err));
    for (int64_t i = 0; i < f->n; i++)
        traits[i] = f->held.good[i].traits;
    FK_DO(fk_kind_learn(&f->model->kind, traits, f->n, err));
done:
    fk_free(traits);
    return st;
}

/* Number the parts that may be left out, and set those of each embedding. */
static fleck_status find_parts(fk_fitting *f, fleck_error *err)
{
    fk_held_out *h = &f->held;
    int32_t *number = NULL, next = 0;
    fleck_status st;

    FK_DO(FK_ALLOC(&number, f->n, err));
    FK_DO(FK_ALLOC(&h->alone, f->learned, err));
    FK_DO(FK_ALLOC(&h->session, f->learned, err));
    for (int64_t i = 0; i < f->n; i++)
        if (h->good[i].twin == i)
            number[i] = next++;
    for (int64_t i = 0; i < f->n; i++)
        for (int64_t k = 0; k < h->good[i].pieces; k++) {
            h->alone[h->good[i].first + k] = number[h->good[i].twin];
            h->session[h->good[i].first + k] = h->good[i].fold;
        }
    h->parts = (fk_parts){.images = f->learned,
                          .count = {next, h->by_fold ? h->folds : 0},
                          .part = {h->alone, h->session}};
done:
    fk_free(number);
    return st;
}

fleck_status fk_held_out_part(fk_fitting *f, fleck_error *err)
{
    fk_held_out *h = &f->held;
    const fk_method *m = f->model->method;
    fleck_status st = FLECK_OK;

    if (h->n == 0)
        return FLECK_OK;
    FK_DO(fk_twins_of_looks(f, err));
    FK_DO(learn_kind(f, err));
    FK_DO(rank_all(f, err));
    fk_twins_deal_out(f); /* more twins have been found */
    fk_twins_say(f);
    if (fk_twins_all(f)) {
        fk_warn_say(
            f->runner->warn,
            "all %lld images are alike: none can be held out, so that there is no threshold",
            (long long)f->n);
        h->n = 0;
        return FLECK_OK;
    }
    h->together = folds_together(f);
    h->by_fold = h->folds > 1 && ((m->flags & FK_METHOD_EXCLUDES_FOLDS) != 0 || h->together);
    FK_DO(find_parts(f, err));
    if (m->part != NULL)
        m->part(f->model->state, &h->parts);
done:
    return st;
}

fleck_status fk_held_out_score(fk_fitting *f, fleck_error *err)
{
    fk_held_out *h = &f->held;
    scores s = {.f = f};
    unsigned flags = f->model->method->flags;
    fleck_status st = FLECK_OK;

    if (h->n == 0)
        return FLECK_OK;
    s.n_maps = (flags & FK_METHOD_DEAR_MAPS) != 0 && h->n > DEAR_MAPS ? DEAR_MAPS : h->n;
    FK_DO(FK_ALLOC(&s.alone, h->n, err));
    FK_DO(FK_ALLOC(&s.group, h->n, err));
    FK_DO(FK_ALLOC(&s.values, SAMPLE, err));
    if (f->tiled)
        FK_DO(score_all_read(&s, err));
    else
        FK_DO(score_stored(&s, h->by_fold && !h->together, err));
    if (h->together)
        FK_DO(score_whole_folds(&s, err));
    if (s.count == 0)
        FK_FAIL(err, FLECK_E_OPTION, "the masks leave nothing of the images to learn from");
    FK_DO(calibrate(&s, err));
done:
    fk_free(s.alone);
    fk_free(s.group);
    fk_free(s.values);
    return st;
}

fleck_status fk_held_out_embedding(fk_fitting *f, int64_t k, fk_embedding *out, fleck_error *err)
{
    fleck_status st = load_one(f, k, out, err);

    fk_embedding_unflag(out);
    return st;
}
