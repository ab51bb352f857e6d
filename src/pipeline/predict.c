/* Scoring images: one, or many on all threads with results in order. */
#include "pipeline/predict.h"
#include "base/mem.h"

#include <math.h>

void fk_result_free(fleck_result *r)
{
    fk_free(r->map);
    fk_free(r->image);
    *r = (fleck_result){0};
}

fleck_status fk_predict_image(fk_runner *r, int lane, bool alone, fk_image *original,
                              const char *mask, bool keep, fleck_result *out, fleck_error *err)
{
    const fk_model *m = r->model;
    fk_map_size size = fk_preprocess_canvas(&m->pre, original->width, original->height);
    fk_canvas canvas = {0};
    fleck_status st;

    *out = (fleck_result){.threshold = fk_model_threshold(m),
                          .map_width = size.width,
                          .map_height = size.height,
                          .image_width = original->width,
                          .image_height = original->height};
    FK_DO(fk_runner_prepare(r, lane, original, mask, &canvas, err));
    FK_DO(FK_ALLOC(&out->map, out->map_width * out->map_height, err));
    FK_DO(fk_runner_score_canvas(r, lane, &canvas, FK_NONE, alone, out->map, &out->score, err));
    out->defective = out->score > out->threshold; /* false where the threshold is NaN */
    if (keep) {
        out->image = original->data;
        original->data = NULL;
    }
done:
    fk_canvas_free(&canvas);
    if (st != FLECK_OK)
        fk_result_free(out);
    return st;
}

fleck_status fk_predict_masked(fk_runner *r, int lane, bool alone, const char *path,
                               const char *mask, bool keep, fleck_result *out, fleck_error *err)
{
    fk_image original = {0};
    fleck_status st;

    *out = (fleck_result){0};
    FK_DO(fk_runner_decode(r, lane, path, &original, err));
    st = fk_predict_image(r, lane, alone, &original, mask, keep, out, err);
    if (st != FLECK_OK)
        fk_error_context(err, "%s", path);
done:
    fk_image_free(&original);
    return st;
}

fleck_status fk_predict_file(fk_runner *r, int lane, bool alone, const char *path, bool keep,
                             fleck_result *out, fleck_error *err)
{
    return fk_predict_masked(r, lane, alone, path, NULL, keep, out, err);
}

typedef struct batch {
    fk_runner *runner;
    const char *const *files;
    bool keep;
    int64_t done;
    fleck_result *results; /* [block] */
    fleck_error *errors;   /* [block] */
} batch;

static fleck_status predict_one(void *ctx, int64_t item, int worker, fleck_error *err)
{
    batch *b = ctx;

    (void)err; /* a bad file is its own result, not the batch's failure */
    b->errors[item] = (fleck_error){0};
    (void)!fk_predict_file(b->runner, worker, false, b->files[b->done + item], b->keep,
                           &b->results[item], &b->errors[item]);
    return FLECK_OK;
}

fleck_status fk_predict_files(fk_runner *r, const char *const *files, int64_t n, bool keep,
                              fleck_on_result *on_result, void *ctx, fleck_error *err)
{
    int64_t block = 4 * (int64_t)r->threads;
    batch b = {.runner = r, .files = files, .keep = keep};
    fleck_status st;

    FK_DO(FK_CALLOC(&b.results, block, err));
    FK_DO(FK_CALLOC(&b.errors, block, err));
    while (b.done < n) {
        int64_t count = n - b.done < block ? n - b.done : block;

        FK_DO(fk_pool_run(r->pool, count, predict_one, &b, err));
        for (int64_t i = 0; i < count; i++) {
            bool bad = b.errors[i].status != FLECK_OK;

            st = on_result(ctx, b.done + i, bad ? NULL : &b.results[i], bad ? &b.errors[i] : NULL);
            if (st != FLECK_OK)
                FK_FAIL(err, st, "stopped at image %lld of %lld", (long long)(b.done + i + 1),
                        (long long)n);
            fk_result_free(&b.results[i]);
        }
        b.done += count;
    }
done:
    for (int64_t i = 0; b.results != NULL && i < block; i++)
        fk_result_free(&b.results[i]);
    fk_free(b.results);
    fk_free(b.errors);
    return st;
}
