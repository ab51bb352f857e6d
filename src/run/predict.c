/* Scoring images: one, or many on all threads with results in order. */
#include "run/predict.h"
#include "base/mem.h"
#include "run/batch.h"

#include <math.h>

fleck_status fk_predict_image(fk_runner *r, fk_image *original, const fk_image *mask, bool keep,
                              fleck_result *out, fleck_error *err)
{
    fk_canvas canvas = {0};
    fleck_status st;

    fk_result_start(out, r->model, original);
    FK_DO(fk_runner_prepare_masked(r, 0, original, mask, &canvas, err));
    out->unlike = fk_kind_compare(&r->model->kind, canvas.traits);
    FK_DO(FK_ALLOC(&out->map, out->map_width * out->map_height, err));
    FK_DO(fk_runner_score_canvas(r, 0, &canvas, FK_NONE, r->pool, out->map, &out->score, err));
    fk_result_judge(out, r->model);
    if (keep)
        fk_result_keep(out, original);
done:
    fk_canvas_free(&canvas);
    if (st != FLECK_OK)
        fk_result_free(out);
    return st;
}

fleck_status fk_predict_pixels(fk_runner *r, const fleck_pixels *pixels, const fleck_pixels *mask,
                               bool keep, fleck_result *out, fleck_error *err)
{
    fk_image image = {0}, drawn = {0};
    bool borrowed = false;
    fleck_status st;

    FK_DO(fk_runner_pixels(r, 0, pixels, keep ? NULL : &borrowed, &image, err));
    if (mask != NULL)
        FK_DO(fk_image_mask_of_pixels(&drawn, mask, image.width, image.height, err));
    FK_DO(fk_predict_image(r, &image, mask != NULL ? &drawn : NULL, keep, out, err));
done:
    if (!borrowed)
        fk_image_free(&image);
    fk_image_free(&drawn);
    return st;
}

fleck_status fk_predict_file(fk_runner *r, const char *path, bool keep, fleck_result *out,
                             fleck_error *err)
{
    fk_image original = {0};
    fleck_status st;

    *out = (fleck_result){0};
    FK_DO(fk_runner_decode(r, 0, path, &original, err));
    st = fk_predict_image(r, &original, NULL, keep, out, err);
    if (st != FLECK_OK)
        fk_error_context(err, "%s", path);
    else
        st = fk_strdup(&out->path, path, err);
done:
    if (st != FLECK_OK)
        fk_result_free(out);
    fk_image_free(&original);
    return st;
}

/* A pixel's share of what writing a picture takes at most: its regions' mask and labels beside the
 * map at the image's size, or mask, picture, and a sheet for two of these. */
#define PICTURE_BYTES 10

/* What becomes of a batch's results beside the order. */
typedef struct scored_job {
    fk_batch *batch;
    int64_t first; /* file */
    fleck_on_scored *on_scored;
    void *ctx;
} scored_job;

static fleck_status hand_over(void *ctx, int64_t i, int worker, fleck_error *err)
{
    const scored_job *j = ctx;
    const fleck_result *r = &j->batch->results[i];
    int64_t bytes = r->image_width * r->image_height * PICTURE_BYTES;

    (void)err;
    if (j->batch->errors[i].status != FLECK_OK)
        return FLECK_OK;
    fk_gate_enter(&j->batch->gate, bytes,
                  worker == 0 ? fk_pool_watch(j->batch->runner->pool) : NULL);
    j->on_scored(j->ctx, j->first + i, r);
    fk_gate_leave(&j->batch->gate, bytes);
    return FLECK_OK;
}

fleck_status fk_predict_files(fk_runner *r, const char *const *files, int64_t n, bool keep,
                              fleck_on_scored *on_scored, fleck_on_result *on_result, void *ctx,
                              fleck_error *err)
{
    scored_job job = {.on_scored = on_scored, .ctx = ctx};
    fk_batch b = {0};
    fleck_status st;

    FK_DO(fk_batch_open(&b, r, keep, err));
    for (int64_t done = 0, count; done < n; done += count) {
        FK_DO(fk_batch_run(&b, n - done < b.room ? n - done : b.room, files + done, NULL, err));
        count = b.n;
        job.batch = &b;
        job.first = done;
        if (on_scored != NULL)
            FK_DO(fk_pool_run(r->pool, count, hand_over, &job, err));
        for (int64_t i = 0; i < count; i++) {
            bool bad = b.errors[i].status != FLECK_OK;

            if (!bad)
                fk_runner_scored(r, &b.results[i], true);
            st = on_result(ctx, done + i, bad ? NULL : &b.results[i], bad ? &b.errors[i] : NULL);
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
