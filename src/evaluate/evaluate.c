/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation: metrics of test images that a model scores. */
#include "evaluate/evaluate.h"
#include "base/clock.h"
#include "base/mem.h"
#include "dataset/good.h"
#include "run/batch.h"
#include "view/place.h"
#include "run/regions.h"
#include "evaluate/testset.h"

#include <stdio.h>
#include <string.h>

typedef struct evaluation {
    fk_runner *runner;
    const fleck_eval_settings *settings;
    fk_testset tests;
    int64_t done;
    fk_source source;
    fk_batch batch;
    unsigned *kinds;             /* [batch] kinds of its ground truth, see fk_mask_load() */
    double *seconds;             /* [batch] time of counting its map */
    const char **files, **masks; /* [test images] masks: of ignored regions */
    int64_t learned;             /* images that the model has learned, as far as it knows */
    const char *first_learned;
} evaluation;

fleck_eval_settings fk_evaluate_defaults(void)
{
    return (fleck_eval_settings){.protocol = FLECK_PROTOCOL_PAPER, .pro_limit = 0.3};
}

/* Set *out to what the canvas leaves out but for the background that was found in it: its pixels
 * count, with the map's 0.  *own is empty, or what out has to be freed by. */
static fleck_status without_background(fk_image *out, fk_image *own, const fk_image *left_out,
                                       const uint8_t *background, fleck_error *err)
{
    fleck_status st;

    *own = (fk_image){0};
    *out = *left_out;
    if (background == NULL || left_out->data == NULL)
        return FLECK_OK;
    FK_DO(fk_image_init(own, left_out->width, left_out->height, 1, err));
    for (int64_t i = 0; i < own->width * own->height; i++)
        own->data[i] = background[i] == 0 ? left_out->data[i] : 0;
    *out = *own;
done:
    return st;
}

/* Bring map and ground truth of an image to one size and count them.  *fatal: the error is not that
 * of the image. */
static fleck_status count_map(evaluation *e, int64_t item, const fleck_result *r,
                              const fk_image *truth, bool *fatal, fleck_error *err)
{
    int64_t i = e->done + item;
    const fk_preprocess *p = &e->runner->model->pre;
    bool original = e->settings->protocol == FLECK_PROTOCOL_ORIGINAL;
    fk_image placed = {0}, own = {0}, left_out = {0};
    const fk_image *mask = original ? truth : &placed;
    const fk_canvas *canvas = &e->batch.front.canvases[item];
    const float *map = r->map;
    int64_t height = r->map_height, width = r->map_width;
    float *full = NULL;
    double level;
    fleck_status st;

    if (!original && truth->data != NULL)
        FK_DO(fk_place_mask(&placed, truth, p, err));
    if (original) {
        FK_DO(fk_left_out(&own, e->runner->model, &canvas->whole, r->image_width, r->image_height,
                          err));
        left_out = own;
        FK_DO(FK_ALLOC(&full, r->image_width * r->image_height, err));
        fk_place_map(full, r->image_height, r->image_width, r->map, p);
        map = full;
        height = r->image_height;
        width = r->image_width;
    } else {
        FK_DO(without_background(&left_out, &own, &canvas->left_out, r->background, err));
    }
    FK_DO(fk_result_level(&level, e->runner->model, r, err));
    *fatal = true;
    FK_DO(fk_testset_add_map(&e->tests, i, map, height, width, mask, &left_out, err));
    *fatal = false;
    fk_testset_add_outline(&e->tests, level, map, height * width, mask, &left_out);
done:
    fk_image_free(&placed);
    fk_image_free(&own);
    fk_free(full);
    return st;
}

/* Bytes that counting needs beside the result, at the measured size: map, ground truth, ignored
 * region, and those of fk_pixel_metric_add(). */
static int64_t counting_bytes(const evaluation *e, const fleck_result *r)
{
    if (e->settings->protocol == FLECK_PROTOCOL_ORIGINAL)
        return r->image_width * r->image_height * 18;
    return r->image_width * r->image_height * 2 + r->map_width * r->map_height * 14;
}

static fleck_status count_one(void *ctx, int64_t item, int worker, fleck_error *err)
{
    evaluation *e = ctx;
    const fleck_result *r = &e->batch.results[item];
    fleck_error *own = &e->batch.front.errors[item];
    const char *path = fk_testset_truth(&e->tests, e->done + item);
    int64_t bytes = counting_bytes(e, r);
    fk_image truth = {0};
    bool fatal = false;
    double start;
    fleck_status st = FLECK_OK;

    /* A bad image does not end the evaluation; the report counts it. */
    e->seconds[item] = 0.0;
    e->kinds[item] = 0;
    if (own->status != FLECK_OK || !e->tests.samples->has_masks)
        return FLECK_OK;
    fk_gate_enter(&e->batch.gate, bytes, worker == 0 ? fk_pool_watch(e->runner->pool) : NULL);
    if (path != NULL)
        st = fk_runner_mask(e->runner, worker, path, r->path, r->image_width, r->image_height,
                            &truth, &e->kinds[item], own);
    start = fk_clock_seconds();
    if (st == FLECK_OK)
        st = count_map(e, item, r, &truth, &fatal, own);
    e->seconds[item] = fk_clock_seconds() - start;
    fk_image_free(&truth);
    fk_gate_leave(&e->batch.gate, bytes);
    if (fatal && (st == FLECK_E_IO || st == FLECK_E_NOTFOUND))
        return fk_error_set(err, st, "%s", own->message);
    return FLECK_OK;
}

/* Count images again, one by one, that failed for want of memory.  If one fails again, the
 * evaluation fails. */
static fleck_status count_again(evaluation *e, int64_t count, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    for (int64_t i = 0; i < count && st == FLECK_OK; i++) {
        if (e->batch.front.errors[i].status != FLECK_E_NOMEM)
            continue;
        e->batch.front.errors[i] = (fleck_error){0};
        st = count_one(e, i, 0, err);
        if (e->batch.front.errors[i].status == FLECK_E_NOMEM)
            st = fk_error_set(err, FLECK_E_NOMEM, "%s", e->batch.front.errors[i].message);
    }
    return st;
}

/* Count an image whose look is that of a learned one, to the last bit.  A model keeps the looks of
 * 64 images at most, so there may be more. */
static void count_learned(evaluation *e, const fk_traits *traits, const char *path)
{
    const fk_kind *kind = &e->runner->model->kind;

    if (kind->n_looks == 0 || fk_kind_distance(kind, traits) > 0.0)
        return;
    if (e->learned++ == 0)
        e->first_learned = path;
}

static void say_learned(const evaluation *e)
{
    if (e->learned > 0)
        fk_warn_say((fk_warn){e->settings->warning, e->settings->warning_ctx},
                    "%lld or more of %lld test images are images that the model has learned (the "
                    "first: %s): figures of these are too good",
                    (long long)e->learned, (long long)e->tests.samples->count, e->first_learned);
}

/* Add the outcome of item, which is image i, to the report, and call the caller's function. */
static fleck_status report_one(evaluation *e, int64_t item, int64_t i, fleck_report *out,
                               fleck_error *err)
{
    const fleck_eval_settings *s = e->settings;
    const fleck_result *r = &e->batch.results[item];
    const fleck_error *error = &e->batch.front.errors[item];
    const fk_sample *f = &e->tests.samples->items[i];
    const fleck_sample sample = {f->path, f->mask, f->defect, f->defective};
    bool bad = error->status != FLECK_OK;
    fleck_status st = FLECK_OK;

    out->seconds.metrics += e->seconds[item];
    if (bad) {
        out->failed++;
    } else {
        const fk_canvas *c = &e->batch.front.canvases[item];

        FK_DO(fk_testset_note(&e->tests, i, e->kinds[item], c->kinds, err));
        count_learned(e, c->traits, f->path);
        fk_testset_add_score(&e->tests, i, r->score);
        fk_runner_scored(e->runner, r, !f->defective);
        if (r->defective && f->defective)
            out->above_threshold_defective++;
        else if (r->defective)
            out->above_threshold_good++;
    }
    if (s->on_result != NULL)
        st = s->on_result(s->on_result_ctx, i, &sample, bad ? NULL : r, bad ? error : NULL);
    if (st != FLECK_OK)
        return fk_error_set(err, st, "stopped at image %lld", (long long)i + 1);
done:
    return st;
}

static fleck_status score_all(evaluation *e, fleck_report *out, fleck_error *err)
{
    fk_watch *watch = fk_pool_watch(e->runner->pool);
    int64_t n = e->tests.samples->count, count;
    fleck_status st = FLECK_OK;

    fk_watch_stage(watch, "eval", n);
    for (; e->done < n; e->done += count) {
        FK_DO(fk_batch_run(&e->batch, e->done, err));
        count = e->batch.front.n;
        FK_DO(fk_pool_run(e->runner->pool, count, count_one, e, err));
        FK_DO(count_again(e, count, err));
        for (int64_t i = 0; i < count; i++)
            FK_DO(report_one(e, i, e->done + i, out, err));
        FK_DO(fk_watch_tell(watch, e->done + count, err));
    }
done:
    return st;
}

static fleck_status start_report(fleck_report *out, const char *path, fleck_error *err)
{
    char *name = NULL;
    fleck_status st = fk_dataset_name(&name, path, err);

    *out = (fleck_report){0};
    if (st == FLECK_OK)
        snprintf(out->category, sizeof out->category, "%s", name);
    fk_free(name);
    return st;
}

/* Whether a model's name is that of a data set.  Models of a flat folder have no such name. */
static bool is_category(const char *name)
{
    return name != NULL && name[0] != '\0' && strcmp(name, "train") != 0 && !fk_good_name(name);
}

/* Warn of odd images through the evaluation's function, if it has one. */
static void warn_odd(fk_runner *r, const fleck_eval_settings *s, const char *path,
                     const char *category)
{
    fk_warn before = r->warn;
    const char *learned = r->model->category;

    if (s->warning != NULL)
        r->warn = (fk_warn){s->warning, s->warning_ctx};
    if (fk_path_is_folder(path) && is_category(learned) && strcmp(learned, category) != 0)
        fk_warn_say(r->warn, "the model has learned \"%s\", these are images of \"%s\"", learned,
                    category);
    fk_runner_tell(r);
    r->warn = before;
}

static fleck_status evaluation_init(evaluation *e, const fk_samples *samples, fleck_error *err)
{
    const fleck_eval_settings *s = e->settings;
    fleck_status st;

    FK_DO(fk_testset_open(&e->tests, samples, s->scratch, (fk_warn){s->warning, s->warning_ctx},
                          err));
    FK_DO(FK_ALLOC(&e->files, samples->count, err));
    FK_DO(FK_ALLOC(&e->masks, samples->count, err));
    for (int64_t i = 0; i < samples->count; i++) {
        e->files[i] = samples->items[i].path;
        e->masks[i] = samples->items[i].ignore;
    }
    e->source.files = e->files;
    e->source.masks = e->masks;
    FK_DO(fk_batch_open(&e->batch, e->runner, &e->source, samples->count, s->keep_image, err));
    e->batch.front.whole_masks = s->protocol == FLECK_PROTOCOL_ORIGINAL;
    FK_DO(FK_CALLOC(&e->seconds, e->batch.front.room, err));
    FK_DO(FK_CALLOC(&e->kinds, e->batch.front.room, err));
done:
    return st;
}

static void evaluation_free(evaluation *e)
{
    fk_batch_close(&e->batch);
    fk_source_free(&e->source);
    fk_free(e->seconds);
    fk_free(e->kinds);
    fk_free(e->files);
    fk_free(e->masks);
    fk_testset_free(&e->tests);
}

fleck_status fk_evaluate(fk_runner *r, const char *path, const fk_samples *samples,
                         const fleck_eval_settings *s, fk_bins *bins, fleck_report *out,
                         fleck_error *err)
{
    fk_watch watch = {.call = s->progress, .ctx = s->progress_ctx};
    fk_watch *before = fk_pool_watch(r->pool);
    evaluation e = {.runner = r, .settings = s};
    double start = fk_clock_seconds(), begin;
    fleck_status st;

    fk_source_init_files(&e.source, NULL, samples->count);
    if (s->progress != NULL)
        fk_pool_set_watch(r->pool, &watch);
    FK_DO(start_report(out, path, err));
    FK_DO(evaluation_init(&e, samples, err));
    e.tests.bins = bins;
    FK_DO(score_all(&e, out, err));
    warn_odd(r, s, path, out->category);
    say_learned(&e);
    if (e.tests.n == 0)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: no test image of %lld could be scored", path,
                (long long)out->failed);
    begin = fk_clock_seconds();
    FK_DO(fk_testset_finish(&e.tests, s->pro_limit, r->pool, out, err));
    out->seconds.metrics += fk_clock_seconds() - begin;
    out->train = fk_model_images(r->model);
    fk_runner_times(r, &out->seconds);
    out->seconds.total = fk_clock_seconds() - start;
done:
    fk_pool_set_watch(r->pool, before);
    evaluation_free(&e);
    return st;
}
