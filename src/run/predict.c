/* SPDX-License-Identifier: Apache-2.0 */
/* Scoring images: one, or many on all threads with results in order. */
#include "run/predict.h"
#include "base/mem.h"
#include "run/batch.h"

fleck_status fk_predict(fk_runner *r, fk_source *source, bool keep, fleck_result *out,
                        fleck_error *err)
{
    fk_batch b = {0};
    const fleck_error *own;
    fleck_status st;

    *out = (fleck_result){0};
    source->borrow = !keep;
    FK_DO(fk_batch_open(&b, r, source, 1, keep, err));
    FK_DO(fk_batch_run(&b, 0, err));
    own = &b.front.errors[0];
    if (own->status != FLECK_OK)
        FK_FAIL(err, own->status, "%s", own->message);
    *out = b.results[0];
    b.results[0] = (fleck_result){0};
done:
    fk_batch_close(&b);
    return st;
}

fleck_status fk_predict_file(fk_runner *r, const char *path, bool keep, fleck_result *out,
                             fleck_error *err)
{
    fk_source source;
    fleck_status st;

    fk_source_init_files(&source, &path, 1);
    st = fk_predict(r, &source, keep, out, err);
    fk_source_free(&source);
    return st;
}

/* Most bytes for each pixel of an image while its picture is written: map, regions and labels, or
 * regions, picture and a sheet of two pictures. */
#define PICTURE_BYTES 10

/* Calls of fleck_on_scored, in any order. */
typedef struct scored_job {
    fk_batch *batch;
    int64_t first; /* file */
    fleck_on_scored *on_scored;
    void *ctx;
} scored_job;

static fleck_status call_on_scored(void *ctx, int64_t i, int worker, fleck_error *err)
{
    const scored_job *j = ctx;
    const fleck_result *r = &j->batch->results[i];
    int64_t bytes = r->image_width * r->image_height * PICTURE_BYTES;

    (void)err;
    if (j->batch->front.errors[i].status != FLECK_OK)
        return FLECK_OK;
    fk_gate_enter(&j->batch->gate, bytes,
                  worker == 0 ? fk_pool_watch(j->batch->front.runner->pool) : NULL);
    j->on_scored(j->ctx, j->first + i, r);
    fk_gate_leave(&j->batch->gate, bytes);
    return FLECK_OK;
}

fleck_status fk_predict_all(fk_runner *r, fk_source *source, bool keep, fleck_on_scored *on_scored,
                            fleck_on_result *on_result, void *ctx, fleck_error *err)
{
    int64_t n = source->n;
    scored_job job = {.on_scored = on_scored, .ctx = ctx};
    fk_batch b = {0};
    fleck_status st;

    source->borrow = !keep;
    FK_DO(fk_batch_open(&b, r, source, n, keep, err));
    for (int64_t done = 0, count; done < n; done += count) {
        FK_DO(fk_batch_run(&b, done, err));
        count = b.front.n;
        job.batch = &b;
        job.first = done;
        if (on_scored != NULL)
            FK_DO(fk_pool_run(r->pool, count, call_on_scored, &job, err));
        for (int64_t i = 0; i < count; i++) {
            const fleck_error *error = &b.front.errors[i];
            bool bad = error->status != FLECK_OK;

            if (!bad)
                fk_runner_scored(r, &b.results[i], true);
            st = on_result(ctx, done + i, bad ? NULL : &b.results[i], bad ? error : NULL);
            if (st != FLECK_OK)
                FK_FAIL(err, st, "stopped at image %lld of %lld", (long long)(done + i + 1),
                        (long long)n);
        }
        FK_DO(fk_watch_tell(fk_pool_watch(r->pool), done + count, err));
    }
    fk_runner_tell(r);
done:
    fk_batch_close(&b);
    return st;
}
