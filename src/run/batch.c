/* SPDX-License-Identifier: Apache-2.0 */
/* A batch: images that are embedded and scored together, and their results.
 *
 *   images -> canvases, embeddings   front.c
 *          -> maps, scores           score.c
 *
 * Without tiles a batch is one block, since some methods read their state once for many images.
 * With tiles a block has one tile for each thread, so that memory does not grow with the size of
 * the images. */
#include "run/batch.h"
#include "base/mem.h"

#include <stdatomic.h>

/* Most images of a run for each thread, and most bytes of their embeddings. */
#define IMAGES_A_THREAD 8
#define EMBEDDING_BYTES (INT64_C(112) << 20)

/* Begin the result of an image while its original pixels are there. */
static fleck_status begin_result(void *ctx, int64_t item, fk_image *original, fleck_error *err)
{
    fk_batch *b = ctx;
    fk_front *f = &b->front;
    fleck_result *r = &b->results[item];
    int64_t bytes;
    fleck_status st = FLECK_OK;

    fk_result_start(r, f->runner->model, original);
    bytes = r->map_width * r->map_height * (int64_t)sizeof *r->map;
    if (f->source->files != NULL)
        FK_DO(fk_strdup(&r->path, f->source->files[fk_front_image(f, item)], err));
    r->unlike = fk_kind_compare(&f->runner->model->kind, f->canvases[item].traits);
    FK_DO(FK_ALLOC(&r->map, r->map_width * r->map_height, err));
    if (b->keep) {
        fk_result_keep(r, original);
        bytes += r->image_width * r->image_height * 3;
    }
    atomic_fetch_add(&f->taken, bytes);
done:
    return st;
}

fleck_status fk_batch_open(fk_batch *b, fk_runner *r, fk_source *source, int64_t most, bool keep,
                           fleck_error *err)
{
    int64_t bytes = fk_embed_shape_floats(&r->model->shape) * (int64_t)sizeof(float) + 1;
    int64_t fit = EMBEDDING_BYTES / bytes, room = IMAGES_A_THREAD * (int64_t)r->threads;
    fleck_status st;

    fit = fit < r->threads ? r->threads : fit;
    room = r->model->pre.tile == 0 && room > fit ? fit : room;
    room = room < most ? room : most;
    *b = (fk_batch){.keep = keep};
    fk_gate_init(&b->gate, FK_BATCH_GATE);
    b->front = (fk_front){.runner = r,
                          .source = source,
                          .room = room,
                          .block = r->model->pre.tile == 0 ? room : r->threads,
                          .budget = FK_BATCH_BYTES,
                          .each = true,
                          .took = begin_result,
                          .ctx = b};
    FK_DO(fk_front_open(&b->front, err));
    FK_DO(FK_CALLOC(&b->results, room, err));
done:
    if (st != FLECK_OK)
        fk_batch_close(b);
    return st;
}

/* Free the images and results of the last run but the first n. */
static void shorten(fk_batch *b, int64_t n)
{
    for (int64_t i = n; b->results != NULL && i < b->front.room; i++)
        fk_result_free(&b->results[i]);
    fk_front_shorten(&b->front, n);
}

void fk_batch_close(fk_batch *b)
{
    if (b->gate.budget == 0)
        return;
    shorten(b, 0);
    fk_gate_free(&b->gate);
    fk_front_close(&b->front);
    fk_free(b->results);
    *b = (fk_batch){0};
}

/* Score n images, or fewer if the budget does not suffice. */
static fleck_status run_once(fk_batch *b, int64_t first, int64_t n, fleck_error *err)
{
    fk_front *f = &b->front;
    fk_scoring *images = NULL;
    fleck_status st;

    shorten(b, 0);
    FK_DO(fk_front_read(f, first, n, err));
    FK_DO(FK_CALLOC(&images, f->n, err));
    for (int64_t i = 0; i < f->n; i++)
        images[i] = (fk_scoring){.exclude = FK_NONE, .map = b->results[i].map};
    FK_DO(fk_score_group(f, images, 1, err));
    for (int64_t i = 0; i < f->n; i++) {
        b->results[i].score = images[i].score;
        b->results[i].background = f->canvases[i].background.data; /* moved */
        f->canvases[i].background = (fk_image){0};
        if (f->errors[i].status == FLECK_OK)
            fk_result_judge(&b->results[i], f->runner->model);
        else
            fk_result_free(&b->results[i]);
    }
done:
    fk_free(images);
    return st;
}

/* The first image that failed for want of memory, or the number of all. */
static int64_t first_out_of_memory(const fk_front *f)
{
    int64_t i = 0;

    while (i < f->n && f->errors[i].status != FLECK_E_NOMEM)
        i++;
    return i;
}

fleck_status fk_batch_run(fk_batch *b, int64_t first, fleck_error *err)
{
    fk_front *f = &b->front;
    int64_t left = f->source->n - first, good;
    fleck_status st;

    FK_DO(run_once(b, first, left < f->room ? left : f->room, err));
    good = first_out_of_memory(f);
    if (good == f->n)
        goto done;
    /* Memory does not suffice for so many images at once: later runs have fewer. */
    f->budget /= 2;
    if (good == 0 && f->n > 1) {
        shorten(b, 0);
        fk_mem_trim();
        FK_DO(run_once(b, first, 1, err));
        good = first_out_of_memory(f);
    }
    if (good == 0)
        FK_FAIL(err, FLECK_E_NOMEM, "%s", f->errors[0].message);
    shorten(b, good);
done:
    return st;
}
