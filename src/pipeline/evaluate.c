/* Evaluation: test images through a model into metrics. */
#include "pipeline/evaluate.h"
#include "base/clock.h"
#include "base/mem.h"
#include "pipeline/place.h"
#include "pipeline/predict.h"
#include "pipeline/testset.h"

#include <stdio.h>

typedef struct one {
    fleck_result result;
    fleck_error error;
    double metrics; /* seconds spent on mask and map */
} one;

typedef struct evaluation {
    fk_runner *runner;
    const fleck_eval_settings *settings;
    fk_testset tests;
    int64_t done;
    one *block;
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

static fleck_status evaluate_one(void *ctx, int64_t item, int worker, fleck_error *err)
{
    evaluation *e = ctx;
    one *o = &e->block[item];
    int64_t i = e->done + item;
    double start;

    (void)err; /* a bad image is counted, it does not end the evaluation */
    *o = (one){0};
    if (fk_predict_masked(e->runner, worker, false, e->tests.samples.items[i].path,
                          e->tests.samples.items[i].ignore, e->settings->keep_image, &o->result,
                          &o->error) != FLECK_OK)
        return FLECK_OK;
    start = fk_clock_seconds();
    if (count_map(e, i, &o->result, &o->error) != FLECK_OK)
        fk_result_free(&o->result);
    o->metrics = fk_clock_seconds() - start;
    return FLECK_OK;
}

/* Take one image's outcome into the report and hand it to the caller. */
static fleck_status take(evaluation *e, const one *o, int64_t i, fleck_report *out,
                         fleck_error *err)
{
    const fleck_eval_settings *s = e->settings;
    const fleck_result *r = &o->result;
    bool bad = o->error.status != FLECK_OK;
    fleck_status st = FLECK_OK;

    out->seconds.metrics += o->metrics;
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
        st = s->on_result(s->on_result_ctx, i, bad ? NULL : r, bad ? &o->error : NULL);
    if (st != FLECK_OK)
        return fk_error_set(err, st, "stopped at image %lld", (long long)i + 1);
    return FLECK_OK;
}

static fleck_status score_all(evaluation *e, int64_t block, fleck_report *out, fleck_error *err)
{
    const fleck_eval_settings *s = e->settings;
    int64_t n = e->tests.samples.count;
    fleck_status st = FLECK_OK;

    while (e->done < n) {
        int64_t count = n - e->done < block ? n - e->done : block;

        FK_DO(fk_pool_run(e->runner->pool, count, evaluate_one, e, err));
        for (int64_t i = 0; i < count; i++) {
            FK_DO(take(e, &e->block[i], e->done + i, out, err));
            fk_result_free(&e->block[i].result);
        }
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
    int64_t block = 4 * (int64_t)r->threads;
    double start = fk_clock_seconds(), begin;
    fleck_status st;

    FK_DO(start_report(out, path, err));
    FK_DO(fk_testset_open(&e.tests, path, err));
    e.tests.bins = bins;
    for (int64_t i = 0; s->on_file != NULL && i < e.tests.samples.count; i++) {
        const fk_sample *f = &e.tests.samples.items[i];

        s->on_file(s->on_file_ctx, i, f->path, f->mask, f->defective, f->defect);
    }
    FK_DO(FK_CALLOC(&e.block, block, err));
    FK_DO(score_all(&e, block, out, err));
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
    for (int64_t i = 0; e.block != NULL && i < block; i++)
        fk_result_free(&e.block[i].result);
    fk_free(e.block);
    fk_testset_free(&e.tests);
    return st;
}
