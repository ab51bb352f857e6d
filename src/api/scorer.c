/* SPDX-License-Identifier: Apache-2.0 */
/* fleck.h: scoring on many threads. */
#include "api/check.h"
#include "api/handle.h"
#include "base/mem.h"

struct fleck_scorer {
    const fleck_model *model;
    fk_runner runner; /* with one thread; borrows the model */
    fk_pool *helpers; /* NULL, or the threads that share an image */
    fk_watch watch;   /* of the pools */
};

fleck_status fleck_scorer_open(fleck_scorer **out, const fleck_model *model, fleck_error *err)
{
    fleck_scorer *s = NULL;
    fleck_status st;

    FK_NEED(out);
    *out = NULL;
    FK_NEED(model);
    FK_DO(fk_handle_unchanged(model, err));
    FK_DO(FK_CALLOC(&s, 1, err));
    s->model = model;
    FK_DO(fk_runner_open(&s->runner, &model->model, 1, err));
    s->runner.max_pixels =
        model->runner.model != NULL ? model->runner.max_pixels : model->run.max_pixels;
    fk_pool_set_watch(s->runner.pool, &s->watch);
    *out = s;
    s = NULL;
done:
    fleck_scorer_close(&s);
    return st;
}

void fleck_scorer_close(fleck_scorer **scorer)
{
    if (scorer == NULL || *scorer == NULL)
        return;
    fk_runner_close(&(*scorer)->runner);
    fk_pool_close(&(*scorer)->helpers);
    fk_free(*scorer);
    *scorer = NULL;
}

fleck_status fleck_scorer_set_threads(fleck_scorer *scorer, int threads, fleck_error *err)
{
    fk_pool *pool = NULL;
    fleck_status st;

    FK_NEED(scorer);
    if (threads < 1)
        FK_FAIL(err, FLECK_E_OPTION, "%s: threads: expected 1 or more, got %d", __func__, threads);
    if (threads > 1 && fk_pool_threads(scorer->helpers) != threads) {
        FK_DO(fk_pool_open(&pool, threads, err));
        fk_pool_set_watch(pool, &scorer->watch);
        fk_runner_share(&scorer->runner, NULL);
        fk_pool_close(&scorer->helpers);
        scorer->helpers = pool;
    }
    fk_runner_share(&scorer->runner, threads > 1 ? scorer->helpers : NULL);
    st = FLECK_OK;
done:
    return st;
}

void fleck_scorer_set_progress(fleck_scorer *scorer, fleck_progress *progress, void *ctx)
{
    if (scorer != NULL)
        scorer->watch = (fk_watch){.call = progress, .ctx = ctx};
}

static fleck_status score(fleck_scorer *s, fk_source *source, bool keep_image, fleck_result **out,
                          fleck_error *err)
{
    fk_watch_begin(&s->watch, "predict", 1);
    return fk_score_new(s->model, &s->runner, source, keep_image, out, err);
}

fleck_status fleck_scorer_file(fleck_scorer *scorer, const char *path, bool keep_image,
                               fleck_result **out, fleck_error *err)
{
    fk_source source;

    FK_NEED(out);
    *out = NULL;
    FK_NEED(scorer);
    FK_NEED(path);
    fk_source_init_files(&source, &path, 1);
    return score(scorer, &source, keep_image, out, err);
}

fleck_status fleck_scorer_bytes(fleck_scorer *scorer, const void *bytes, size_t size,
                                const char *name, bool keep_image, fleck_result **out,
                                fleck_error *err)
{
    fk_source source;

    FK_NEED(out);
    *out = NULL;
    FK_NEED(scorer);
    FK_NEED(bytes);
    FK_NEED(name);
    fk_source_init_bytes(&source, bytes, size, name);
    return score(scorer, &source, keep_image, out, err);
}

fleck_status fleck_scorer_pixels(fleck_scorer *scorer, const fleck_pixels *pixels,
                                 const fleck_pixels *mask, bool keep_image, fleck_result **out,
                                 fleck_error *err)
{
    fk_source source;

    FK_NEED(out);
    *out = NULL;
    FK_NEED(scorer);
    FK_NEED(pixels);
    fk_source_init_pixels(&source, pixels, &mask, 1);
    return score(scorer, &source, keep_image, out, err);
}
