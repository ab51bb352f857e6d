/* Evaluation: test images through a model into metrics. */
#include "pipeline/evaluate.h"
#include "base/clock.h"
#include "base/mem.h"
#include "pipeline/batch.h"
#include "pipeline/place.h"
#include "pipeline/testset.h"

#include <stdio.h>

typedef struct evaluation {
    fk_runner *runner;
    const fleck_eval_settings *settings;
    fk_testset tests;
    int64_t done;
    fk_batch batch;
    double *seconds;             /* [batch] spent on mask and map */
    const char **files, **masks; /* [batch] */
} evaluation;

/* Bring map and mask of sample i to one size and count them. */
static fleck_status count_map(evaluation *e, int64_t i, const fleck_result *r, fleck_error *err)
{
    const fk_preprocess *p = &e->runner->model->pre;
    const char *ignore = e->tests.samples.items[i].ignore;
    bool original = e->settings->protocol == FLECK_PROTOCOL_ORIGINAL;
    fk_image mask = {0}, left_out = {0};
    float *full = NULL;
    fleck_status st;

    if (!e->tests.has_masks)
        return FLECK_OK;
    FK_DO(fk_testset_mask(&e->tests, i, original ? NULL : p, r->image_width, r->image_height, &mask,
                          err));
    FK_DO(fk_left_out(&left_out, e->runner->model, ignore, r->image_width, r->image_height,
                      !original, err));
    if (original) {
        FK_DO(FK_ALLOC(&full, r->image_width * r->image_height, err));
        fk_place_map(full, r->image_height, r->image_width, r->map, p);
    }
    FK_DO(fk_testset_add_map(&e->tests, i, original ? full : r->map,
                             original ? r->image_height : r->map_height,
                             original ? r->image_width : r->map_width, &mask, &left_out, err));
done:
    fk_image_free(&mask);
    fk_image_free(&left_out);
    fk_free(full);
    return st;
}

static fleck_status count_one(void *ctx, int64_t item, int worker, fleck_error *err)
{
    evaluation *e = ctx;
    double start = fk_clock_seconds();

    (void)worker;
    (void)err; /* a bad image is counted, it does not end the evaluation */
    e->seconds[item] = 0.0;
    if (e->batch.errors[item].status != FLECK_OK)
        return FLECK_OK;
    (void)!count_map(e, e->done + item, &e->batch.results[item], &e->batch.errors[item]);
    e->seconds[item] = fk_clock_seconds() - start;
    return FLECK_OK;
}

/* Take item's outcome, that of image i, into the report and hand it to the caller. */
static fleck_status take(evaluation *e, int64_t item, int64_t i, fleck_report *out,
                         fleck_error *err)
{
    const fleck_eval_settings *s = e->settings;
    const fleck_result *r = &e->batch.results[item];
    const fleck_error *error = &e->batch.errors[item];
    bool bad = error->status != FLECK_OK;
    fleck_status st = FLECK_OK;

    out->seconds.metrics += e->seconds[item];
    if (bad) {
        out->failed++;
    } else {
        fk_testset_add_score(&e->tests, i, r->score);
        if (r->defective && e->tests.samples.items[i].defective)
            out->above_threshold_defective++;
        else if (r->defective)
            out->above_threshold_good++;
    }
    if (s->on_result != NULL)
        st = s->on_result(s->on_result_ctx, i, bad ? NULL : r, bad ? error : NULL);
    if (st != FLECK_OK)
        return fk_error_set(err, st, "stopped at image %lld", (long long)i + 1);
    return FLECK_OK;
}

static fleck_status score_all(evaluation *e, fleck_report *out, fleck_error *err)
{
    const fleck_eval_settings *s = e->settings;
    int64_t n = e->tests.samples.count;
    fleck_status st = FLECK_OK;

    while (e->done < n) {
        int64_t count = n - e->done < e->batch.room ? n - e->done : e->batch.room;

        for (int64_t i = 0; i < count; i++) {
            e->files[i] = e->tests.samples.items[e->done + i].path;
            e->masks[i] = e->tests.samples.items[e->done + i].ignore;
        }
        FK_DO(fk_batch_run(&e->batch, count, e->files, e->masks, err));
        FK_DO(fk_pool_run(e->runner->pool, count, count_one, e, err));
        for (int64_t i = 0; i < count; i++)
            FK_DO(take(e, i, e->done + i, out, err));
        e->done += count;
        if (s->progress != NULL && !s->progress(s->progress_ctx, "eval", e->done, n))
            FK_FAIL(err, FLECK_E_CANCELLED, "stopped after %lld of %lld images", (long long)e->done,
                    (long long)n);
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

fleck_status fk_evaluate(fk_runner *r, const char *path, const fleck_eval_settings *s,
                         fk_bins *bins, fleck_report *out, fleck_error *err)
{
    evaluation e = {.runner = r, .settings = s};
    double start = fk_clock_seconds(), begin;
    fleck_status st;

    FK_DO(start_report(out, path, err));
    FK_DO(fk_testset_open(&e.tests, path, err));
    e.tests.bins = bins;
    for (int64_t i = 0; s->on_file != NULL && i < e.tests.samples.count; i++) {
        const fk_sample *f = &e.tests.samples.items[i];

        s->on_file(s->on_file_ctx, i, f->path, f->mask, f->defective, f->defect);
    }
    FK_DO(fk_batch_open(&e.batch, r, s->keep_image, err));
    FK_DO(FK_CALLOC(&e.seconds, e.batch.room, err));
    FK_DO(FK_ALLOC(&e.files, e.batch.room, err));
    FK_DO(FK_ALLOC(&e.masks, e.batch.room, err));
    FK_DO(score_all(&e, out, err));
    if (e.tests.n == 0)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: none of the %lld test images could be scored", path,
                (long long)out->failed);
    begin = fk_clock_seconds();
    FK_DO(fk_testset_finish(&e.tests, s->pro_limit, r->pool, out, err));
    out->seconds.metrics += fk_clock_seconds() - begin;
    out->train = fk_model_images(r->model);
    fk_runner_times(r, &out->seconds);
    out->seconds.total = fk_clock_seconds() - start;
done:
    fk_batch_close(&e.batch);
    fk_free(e.seconds);
    fk_free(e.files);
    fk_free(e.masks);
    fk_testset_free(&e.tests);
    return st;
}
