/* Fitting: images in blocks through network and method, then calibration by leaving one out.
 *
 * Images of a block are decoded and embedded by all threads; the method then learns the block in
 * order.  The blocks' size depends on nothing but the embedding's, so the model does not depend on
 * the number of threads. */
#include "pipeline/fit.h"
#include "base/clock.h"
#include "base/mem.h"
#include "metric/metric.h"

#include <math.h>
#include <string.h>

#define BLOCK_BYTES (INT64_C(32) << 20)
#define MAX_BLOCK 16
#define CALIBRATION_BYTES (INT64_C(128) << 20)
#define MIN_CALIBRATION 8
#define MAX_MAPS_BESIDE_SCORES 8

typedef struct fitting {
    fk_model *model;
    fk_runner *runner;
    const char *const *files;
    int64_t n, done, block;
    fk_embedding *embeddings; /* [block] */
    fk_image *inputs;         /* [block], kept until it is known whether they serve as checks */
    int64_t n_kept;           /* images for calibration */
    int64_t *kept;            /* [n_kept] their indices */
    fk_embedding *kept_embeddings;
    int64_t n_maps; /* how many of them get a map too, the first of each n_kept / n_maps */
    float *maps;    /* [n_maps, crop_height * crop_width] */
    double *scores; /* [n_kept] */
} fitting;

static int64_t embedding_floats(const fk_embed_shape *s)
{
    int64_t n = s->global_dim;

    for (int i = 0; i < s->n_levels; i++)
        n += s->levels[i].height * s->levels[i].width * s->levels[i].dim;
    return n;
}

static int64_t map_pixels(const fk_model *m)
{
    return m->pre.crop_height * m->pre.crop_width;
}

static fleck_status fitting_init(fitting *f, int64_t calibrate, fleck_error *err)
{
    int64_t bytes = embedding_floats(&f->model->shape) * (int64_t)sizeof(float) + 1;
    int64_t room = CALIBRATION_BYTES / bytes;
    fleck_status st = FLECK_OK;

    f->block = BLOCK_BYTES / bytes;
    f->block = f->block < 2 ? 2 : f->block > MAX_BLOCK ? MAX_BLOCK : f->block;
    FK_DO(FK_CALLOC(&f->embeddings, f->block, err));
    FK_DO(FK_CALLOC(&f->inputs, f->block, err));
    for (int64_t i = 0; i < f->block; i++)
        FK_DO(fk_embedding_init(&f->embeddings[i], &f->model->shape, err));
    if (calibrate == 0 || (f->model->method->flags & FK_METHOD_EXCLUDES) == 0 || f->n < 3)
        return FLECK_OK;
    room = room < MIN_CALIBRATION ? MIN_CALIBRATION : room;
    f->n_kept = calibrate < f->n ? calibrate : f->n;
    f->n_kept = f->n_kept < room ? f->n_kept : room;
    FK_DO(FK_CALLOC(&f->kept, f->n_kept, err));
    FK_DO(FK_CALLOC(&f->kept_embeddings, f->n_kept, err));
    for (int64_t k = 0; k < f->n_kept; k++)
        f->kept[k] = (2 * k + 1) * f->n / (2 * f->n_kept); /* spread evenly over the files */
done:
    return st;
}

/* The block has been learned: its memory is for what comes. */
static void block_free(fitting *f)
{
    for (int64_t i = 0; f->embeddings != NULL && i < f->block; i++)
        fk_embedding_free(&f->embeddings[i]);
    for (int64_t i = 0; f->inputs != NULL && i < f->block; i++)
        fk_image_free(&f->inputs[i]);
}

static void fitting_free(fitting *f)
{
    block_free(f);
    for (int64_t k = 0; f->kept_embeddings != NULL && k < f->n_kept; k++)
        fk_embedding_free(&f->kept_embeddings[k]);
    fk_free(f->embeddings);
    fk_free(f->inputs);
    fk_free(f->kept);
    fk_free(f->kept_embeddings);
    fk_free(f->maps);
    fk_free(f->scores);
}

static fleck_status embed_one(void *ctx, int64_t item, int worker, fleck_error *err)
{
    fitting *f = ctx;
    const char *path = f->files[f->done + item];
    fk_image original = {0};
    fleck_status st;

    fk_image_free(&f->inputs[item]);
    FK_DO(fk_runner_decode(f->runner, worker, path, &original, err));
    st = fk_runner_prepare(f->runner, worker, &original, &f->inputs[item], err);
    if (st == FLECK_OK)
        st = fk_runner_embed(f->runner, worker, f->inputs[item].data, false, &f->embeddings[item],
                             err);
    if (st != FLECK_OK)
        fk_error_context(err, "%s", path);
done:
    fk_image_free(&original);
    return st;
}

/* Set aside what calibration and checks need of image number i, at place `slot` of the block.  The
 * embedding moves: a fresh one takes its place. */
static fleck_status keep(fitting *f, int64_t slot, int64_t k, fleck_error *err)
{
    fk_model *m = f->model;
    int64_t bytes = map_pixels(m) * 3;
    fleck_status st = FLECK_OK;

    f->kept_embeddings[k] = f->embeddings[slot];
    f->embeddings[slot] = (fk_embedding){0};
    FK_DO(fk_embedding_init(&f->embeddings[slot], &m->shape, err));
    if (m->n_checks == FK_MODEL_CHECKS)
        goto done;
    if (m->checks == NULL)
        FK_DO(FK_CALLOC(&m->checks, bytes * FK_MODEL_CHECKS, err));
    memcpy(m->checks + m->n_checks * bytes, f->inputs[slot].data, (size_t)bytes);
    m->n_checks++;
done:
    return st;
}

/* Memory that is taken while and after the method learns: what calibration keeps, and its maps with
 * the copy that their quantile makes. */
static int64_t later_bytes(const fitting *f)
{
    return f->n_kept * (int64_t)sizeof(float) *
           (embedding_floats(&f->model->shape) + 2 * map_pixels(f->model));
}

static fleck_status learn(fitting *f, const fleck_fit_settings *s, fleck_times *t, fleck_error *err)
{
    const fk_embedding *block[MAX_BLOCK];
    int64_t next_kept = 0;
    fleck_status st = FLECK_OK;

    for (f->done = 0; f->done < f->n;) {
        int64_t count = f->n - f->done < f->block ? f->n - f->done : f->block;
        double start;

        FK_DO(fk_pool_run(f->runner->pool, count, embed_one, f, err));
        for (int64_t i = 0; i < count; i++)
            block[i] = &f->embeddings[i];
        if (f->done == 0) /* the network has run: what it takes is known */
            FK_DO(fk_fit_limit(f->model, s, f->n, f->runner->threads, later_bytes(f), err));
        start = fk_clock_seconds();
        FK_DO(f->model->method->add(f->model->state, block, count, f->runner->pool, err));
        t->score += fk_clock_seconds() - start;
        for (; next_kept < f->n_kept && f->kept[next_kept] < f->done + count; next_kept++)
            FK_DO(keep(f, f->kept[next_kept] - f->done, next_kept, err));
        f->done += count;
        if (s->progress != NULL && !s->progress(s->progress_ctx, "fit", f->done, f->n))
            FK_FAIL(err, FLECK_E_CANCELLED, "stopped after %lld of %lld images", (long long)f->done,
                    (long long)f->n);
    }
done:
    return st;
}

/* Item k < n_kept scores kept image k.  Where the score comes from the map, the map is kept too;
 * where a method scores images without it (SPADE), maps are dear and a few of them tell the scale.
 */
static fleck_status calibrate_one(void *ctx, int64_t k, int worker, fleck_error *err)
{
    fitting *f = ctx;
    int64_t step = f->n_kept / f->n_maps, m = k / step;
    bool has_map = k % step == 0 && m < f->n_maps;

    return fk_runner_score(f->runner, worker, &f->kept_embeddings[k], (fk_span){f->kept[k], 1},
                           false, has_map ? f->maps + m * map_pixels(f->model) : NULL,
                           &f->scores[k], err);
}

/* Threshold: the highest score that a good image got when it was left out, so that of a new good
 * image's score exceeding it the chance is about 1 / (n + 1), whatever the scores' distribution
 * (conformal prediction). */
static fleck_status calibrate(fitting *f, fleck_error *err)
{
    fk_calibration *c = &f->model->calibration;
    int64_t pixels = map_pixels(f->model);
    fleck_status st = FLECK_OK;

    if (f->n_kept == 0)
        return FLECK_OK;
    f->n_maps = f->n_kept;
    if (!fk_model_scores_maps(f->model) && f->n_maps > MAX_MAPS_BESIDE_SCORES)
        f->n_maps = MAX_MAPS_BESIDE_SCORES;
    FK_DO(FK_ALLOC(&f->maps, f->n_maps * pixels, err));
    FK_DO(FK_ALLOC(&f->scores, f->n_kept, err));
    FK_DO(fk_pool_run(f->runner->pool, f->n_kept, calibrate_one, f, err));
    *c = (fk_calibration){.images = f->n_kept, .threshold = f->scores[0]};
    for (int64_t k = 1; k < f->n_kept; k++)
        c->threshold = fmax(c->threshold, f->scores[k]);
    for (int64_t i = 0; i < f->n_maps * pixels; i++)
        c->pixel_threshold = fmax(c->pixel_threshold, (double)f->maps[i]);
    c->low = fk_quantile(f->maps, f->n_maps * pixels, 0.5);
    c->high = c->low + 2.0 * (c->pixel_threshold - c->low);
done:
    return st;
}

/* Scores of the check images, as any later run of the model must find them. */
static fleck_status score_checks(fitting *f, fleck_error *err)
{
    fk_model *m = f->model;
    bool needs_map = fk_model_scores_maps(m);
    fleck_status st = FLECK_OK;

    for (int i = 0; i < m->n_checks; i++) {
        FK_DO(fk_runner_embed(f->runner, 0, m->checks + i * map_pixels(m) * 3, true, NULL, err));
        FK_DO(fk_runner_score(f->runner, 0, NULL, FK_NONE, false, needs_map ? f->maps : NULL,
                              &m->check_scores[i], err));
    }
done:
    return st;
}

fleck_status fk_fit_run(fk_model *m, fk_runner *r, const char *const *files, int64_t n,
                        const fleck_fit_settings *s, fleck_times *times, fleck_error *err)
{
    fitting f = {.model = m, .runner = r, .files = files, .n = n};
    double start = fk_clock_seconds(), begin;
    fleck_status st;

    *times = (fleck_times){0};
    if (s->calibrate < 0)
        FK_FAIL(err, FLECK_E_OPTION, "calibrate: expected 0 or more images, got %lld",
                (long long)s->calibrate);
    FK_DO(fitting_init(&f, s->calibrate, err));
    FK_DO(learn(&f, s, times, err));
    block_free(&f);
    begin = fk_clock_seconds();
    FK_DO(m->method->finish(m->state, r->pool, err));
    times->score += fk_clock_seconds() - begin;
    FK_DO(fk_runner_ready(r, err));
    FK_DO(calibrate(&f, err));
    FK_DO(score_checks(&f, err));
    fk_runner_times(r, times);
    times->total = fk_clock_seconds() - start;
done:
    fitting_free(&f);
    return st;
}
