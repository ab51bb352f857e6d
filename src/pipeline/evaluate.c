/* Evaluation: test images through a model into metrics. */
#include "pipeline/evaluate.h"
#include "base/clock.h"
#include "base/mem.h"
#include "pipeline/place.h"
#include "pipeline/predict.h"
#include "pipeline/tally.h"

#include <stdio.h>

typedef struct one {
    fleck_result result;
    fleck_error error;
    fk_image mask;
    float *full; /* map at the image's own size, for the original protocol */
} one;

typedef struct evaluation {
    fk_runner *runner;
    const fleck_eval_settings *settings;
    fk_tally tally;
    int64_t done;
    one *block;
} evaluation;

static void one_free(one *o)
{
    fk_result_free(&o->result);
    fk_image_free(&o->mask);
    fk_free(o->full);
    *o = (one){0};
}

/* Score sample number i and bring map and mask to one size. */
static fleck_status score_one(evaluation *e, one *o, int64_t i, int worker, fleck_error *err)
{
    const fk_preprocess *p = &e->runner->model->pre;
    const fk_sample *sample = &e->tally.samples.items[i];
    fleck_result *r = &o->result;
    bool original = e->settings->protocol == FLECK_PROTOCOL_ORIGINAL;
    fleck_status st;

    FK_DO(fk_predict_file(e->runner, worker, false, sample->path, e->settings->keep_image, r, err));
    FK_DO(fk_tally_mask(&e->tally, i, original ? NULL : p, r->image_width, r->image_height,
                        &o->mask, err));
    if (original && e->tally.has_masks) {
        FK_DO(FK_ALLOC(&o->full, r->image_width * r->image_height, err));
        fk_place_map(o->full, r->image_height, r->image_width, r->map, p);
    }
done:
    return st;
}

static fleck_status evaluate_one(void *ctx, int64_t item, int worker, fleck_error *err)
{
    evaluation *e = ctx;
    one *o = &e->block[item];

    (void)err; /* a bad image is counted, it does not end the evaluation */
    if (score_one(e, o, e->done + item, worker, &o->error) != FLECK_OK)
        fk_result_free(&o->result);
    return FLECK_OK;
}

/* Take one image's outcome into the tally and hand it to the caller. */
static fleck_status take(evaluation *e, one *o, int64_t i, fleck_report *out, fleck_error *err)
{
    const fleck_eval_settings *s = e->settings;
    const fleck_result *r = &o->result;
    bool bad = o->error.status != FLECK_OK;
    fleck_status st = FLECK_OK;

    if (bad) {
        out->failed++;
    } else {
        bool full = o->full != NULL;

        FK_DO(fk_tally_add(&e->tally, i, r->score, full ? o->full : r->map,
                           full ? r->image_height : r->map_height,
                           full ? r->image_width : r->map_width, &o->mask, err));
        if (r->defective && e->tally.samples.items[i].defective)
            out->above_threshold_defective++;
        else if (r->defective)
            out->above_threshold_good++;
    }
    if (s->on_result != NULL)
        FK_DO(s->on_result(s->on_result_ctx, i, bad ? NULL : r, bad ? &o->error : NULL));
done:
    return st;
}

static fleck_status score_all(evaluation *e, int64_t block, fleck_report *out, fleck_error *err)
{
    const fleck_eval_settings *s = e->settings;
    int64_t n = e->tally.samples.count;
    fleck_status st = FLECK_OK;

    while (e->done < n) {
        int64_t count = n - e->done < block ? n - e->done : block;

        FK_DO(fk_pool_run(e->runner->pool, count, evaluate_one, e, err));
        for (int64_t i = 0; i < count; i++) {
            double start = fk_clock_seconds();

            FK_DO(take(e, &e->block[i], e->done + i, out, err));
            out->seconds.metrics += fk_clock_seconds() - start;
            one_free(&e->block[i]);
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
                         fleck_report *out, fleck_error *err)
{
    evaluation e = {.runner = r, .settings = s};
    int64_t block = 4 * (int64_t)r->threads;
    double start = fk_clock_seconds(), begin;
    fleck_status st;

    FK_DO(start_report(out, path, err));
    FK_DO(fk_tally_open(&e.tally, path, err));
    for (int64_t i = 0; s->on_file != NULL && i < e.tally.samples.count; i++) {
        const fk_sample *f = &e.tally.samples.items[i];

        s->on_file(s->on_file_ctx, i, f->path, f->mask, f->defective, f->defect);
    }
    FK_DO(FK_CALLOC(&e.block, block, err));
    FK_DO(score_all(&e, block, out, err));
    if (e.tally.n == 0)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: none of the %lld test images could be scored", path,
                (long long)out->failed);
    begin = fk_clock_seconds();
    FK_DO(fk_tally_finish(&e.tally, s->pro_limit, r->pool, out, err));
    out->seconds.metrics += fk_clock_seconds() - begin;
    out->train = r->model->method->count(r->model->state);
    fk_runner_times(r, &out->seconds);
    out->seconds.total = fk_clock_seconds() - start;
done:
    for (int64_t i = 0; e.block != NULL && i < block; i++)
        one_free(&e.block[i]);
    fk_free(e.block);
    fk_tally_free(&e.tally);
    return st;
}
