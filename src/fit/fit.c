/* SPDX-License-Identifier: Apache-2.0 */
/* Fitting.  The method learns one block of embeddings after another, and finishes.  Then held-out
 * images are scored, which gives the threshold (held_out.c).
 *
 * The blocks come from the front end (run/front.h).  Their size depends only on the size of an
 * embedding and on whether memory is limited, so the model does not depend on the number of
 * threads.
 *
 * With tiles few images are decoded at a time, and blocks consist of their tiles.  So apart from
 * the images themselves, memory does not depend on their size. */
#include "fit/fitting.h"
#include "view/area.h"
#include "base/clock.h"
#include "base/mem.h"

#include <string.h>

/* Bytes of the embeddings of a block; a third of it if memory is limited. */
#define BLOCK_BYTES (INT64_C(64) << 20)
#define TILED_IMAGES 2 /* decoded at a time */

static fleck_status fitting_init(fk_fitting *f, const fleck_settings *s, fleck_error *err)
{
    int64_t bytes = fk_embed_shape_floats(&f->model->shape) * (int64_t)sizeof(float) + 1;
    int64_t part = s->max_memory > 0 ? 3 : 1, block = BLOCK_BYTES / part / bytes;
    fleck_status st = FLECK_OK;

    block = block > FK_FIT_BLOCK / part ? FK_FIT_BLOCK / part : block < 2 ? 2 : block;
    f->tiled = f->model->pre.tile > 0;
    f->source->masks = s->masks;
    if (f->source->contents != NULL && (f->model->method->flags & FK_METHOD_ORDERED) != 0)
        FK_DO(fk_fit_sort_contents(f, &f->order, err));
    f->front = (fk_front){.runner = f->runner,
                          .source = f->source,
                          .order = f->order,
                          .room = f->tiled ? TILED_IMAGES : block,
                          .block = block,
                          .to_learn = true};
    FK_DO(fk_front_open(&f->front, err));
    FK_DO(fk_held_out_init(f, s, err));
done:
    return st;
}

static void fitting_free(fk_fitting *f)
{
    fk_front_close(&f->front);
    fk_held_out_free(&f->held);
    fk_shown_free(&f->shown);
    fk_mask_notes_free(&f->notes);
    fk_free(f->order);
}

/* Copy the network's input of a piece of held-out image k into the model if it is one of the check
 * images. */
static fleck_status store_check(fk_model *m, const fk_canvas *c, int64_t tile, int64_t k,
                                fleck_error *err)
{
    int64_t bytes = fk_fit_input_pixels(m) * 3;
    uint8_t *to;
    fleck_status st = FLECK_OK;

    if (k >= FK_MODEL_CHECKS)
        goto done;
    if (m->checks == NULL)
        FK_DO(FK_CALLOC(&m->checks, bytes * FK_MODEL_CHECKS, err));
    to = m->checks + k * bytes;
    if (fk_canvas_piece(c, tile, to) != to)
        memcpy(to, c->pixels.data, (size_t)bytes);
    m->n_checks++;
done:
    return st;
}

/* Learn a block of n pieces, and tell the method their folds. */
static fleck_status learn_block(fk_fitting *f, int64_t n, fleck_error *err)
{
    const fk_method *m = f->model->method;
    const fk_front *front = &f->front;
    const fk_embedding *block[FK_FIT_BLOCK];
    fleck_status st = FLECK_OK;

    for (int64_t i = 0; i < n; i++)
        block[i] = &f->runner->embeddings[i];
    for (int64_t first = 0, last; first < n; first = last) {
        int64_t item = front->pieces[first].item;

        last = m->fold != NULL ? first + 1 : n;
        while (last < n && front->pieces[last].item == item)
            last++;
        if (m->fold != NULL)
            fk_held_out_fold(f, fk_front_image(front, item));
        FK_DO(m->add(f->model->state, block + first, last - first, f->runner->pool, err));
    }
done:
    return st;
}

/* Collect what say_masks() will say about image i of the group. */
static fleck_status inspect_masks(fk_fitting *f, int64_t i, fleck_error *err)
{
    const fk_canvas *c = &f->front.canvases[i];
    const char *const *masks = f->source->masks;
    const int64_t *size = f->model->mask_file;
    int64_t image = fk_front_image(&f->front, i);
    fleck_status st;

    if (image == 0) {
        f->model->photo[0] = c->width;
        f->model->photo[1] = c->height;
    }
    FK_DO(fk_shown_add(&f->shown, c, err));
    if (masks != NULL && masks[image] != NULL)
        FK_DO(fk_mask_note(&f->notes, c->kinds, masks[image], err));
    if (size[0] > 0 && (c->width != size[0] || c->height != size[1]) && f->odd++ == 0) {
        f->odd_size[0] = c->width;
        f->odd_size[1] = c->height;
    }
done:
    return st;
}

/* Warn that not all images have the size of the model's mask. */
static void say_odd(const fk_fitting *f, const fk_areas *areas)
{
    const int64_t *size = f->model->mask_file;
    const char *shape = fk_areas_shape(areas);

    fk_warn_say(
        f->runner->warn,
        "%s %s: %s%lldx%lld, but %lld of %lld images are not (the first is %lldx%lld): "
        "it is stretched over each%s",
        shape != NULL ? "area" : "mask", shape != NULL ? shape : fk_areas_text(areas, 0),
        shape != NULL ? "in pixels of " : "", (long long)size[0], (long long)size[1],
        (long long)f->odd, (long long)f->n, (long long)f->odd_size[0], (long long)f->odd_size[1],
        size[0] * f->odd_size[1] != size[1] * f->odd_size[0] ? ", which has another shape" : "");
}

/* Warn of oddities of the model's areas and of the images' own masks. */
static fleck_status say_masks(fk_fitting *f, const fleck_settings *s, fleck_error *err)
{
    const fk_areas areas = {.mask = s->mask, .ignore = s->ignore, .only = s->only};
    fleck_status st = FLECK_OK;

    if (f->odd > 0)
        say_odd(f, &areas);
    fk_areas_say_sizes(&areas, f->model->areas, f->model->mask_file[0], f->model->mask_file[1],
                       f->runner->warn);
    for (int64_t i = 0; i < fk_areas_count(&areas); i++)
        FK_DO(fk_mask_note(&f->notes, f->model->areas[i].kinds, fk_areas_text(&areas, i), err));
    st = fk_mask_say(&f->notes, f->runner->warn, err);
done:
    return st;
}

/* Store what held-out scores and check images will need of piece `slot` of the block. */
static fleck_status store_piece(fk_fitting *f, int64_t slot, fleck_error *err)
{
    const fk_piece *p = &f->front.pieces[slot];
    fk_canvas *c = &f->front.canvases[p->item];
    int64_t image = fk_front_image(&f->front, p->item), k = fk_held_out_index(f, image);
    fleck_status st = FLECK_OK;

    if (k >= 0 && p->tile == (f->tiled ? fk_canvas_pieces(c) / 2 : 0))
        FK_DO(store_check(f->model, c, p->tile, k, err));
    FK_DO(fk_held_out_add(f, image, f->learned + slot, p->tile, c, &f->runner->embeddings[slot],
                          err));
done:
    return st;
}

/* Read the group of images from `first` on, and inspect them. */
static fleck_status read_group(fk_fitting *f, int64_t first, fleck_error *err)
{
    fk_front *front = &f->front;
    int64_t left = f->n - first;
    fleck_status st;

    FK_DO(fk_front_read(front, first, left < front->room ? left : front->room, err));
    /* Files were checked before; the images of a stream are known only now. */
    if (f->tiled && first == 0 && f->source->files == NULL)
        FK_DO(fk_fit_check_tile(f->model, front->canvases[0].pixels.width,
                                front->canvases[0].pixels.height, err));
    for (int64_t i = 0; i < front->n; i++)
        FK_DO(inspect_masks(f, i, err));
done:
    return st;
}

/* Limit the method's memory once the network has run, since then its memory is known.  The native
 * engine has its own copy of the weights, so the model's are freed. */
static fleck_status limit(fk_fitting *f, const fleck_settings *s, fleck_error *err)
{
    int64_t pieces = fk_canvas_pieces(&f->front.canvases[0]);

    for (int k = 0; k < f->model->n_nets; k++)
        if (f->model->nets[k].weights != NULL && f->model->nets[k].runs_on == FK_ENGINE_NATIVE)
            fk_st_release(f->model->nets[k].weights);
    return fk_fit_limit(f->model, s, f->n * pieces, f->runner->threads, fk_held_out_bytes(f), err);
}

static fleck_status learn(fk_fitting *f, const fleck_settings *s, fleck_times *t, fleck_error *err)
{
    fk_front *front = &f->front;
    int64_t first = 0, n;
    fleck_status st;

    FK_DO(fk_fit_find_foreground(f, s, err));
    for (; first < f->n; first += front->n) {
        fk_watch_stage(f->watch, "fit", f->n); /* the method may have begun a stage of its own */
        FK_DO(fk_watch_tell(f->watch, first, err));
        FK_DO(read_group(f, first, err));
        FK_DO(fk_front_block(front, &n, err));
        if (first == 0)
            FK_DO(limit(f, s, err));
        while (n > 0) {
            double start = fk_clock_seconds();

            FK_DO(learn_block(f, n, err));
            t->score += fk_clock_seconds() - start;
            for (int64_t i = 0; i < n; i++)
                FK_DO(store_piece(f, i, err));
            f->learned += n;
            FK_DO(fk_front_block(front, &n, err));
        }
        fk_fit_measure_foreground(f);
    }
    fk_watch_stage(f->watch, "fit", f->n);
    FK_DO(fk_watch_tell(f->watch, f->n, err));
    f->model->images = f->n;
    f->model->n_checks = f->held.n < FK_MODEL_CHECKS ? (int)f->held.n : FK_MODEL_CHECKS;
    f->model->transparent = fk_runner_transparent(f->runner) > 0;
    f->model->own_masks = f->shown.masked > 0;
    f->model->unseen = fk_shown_unseen(&f->shown, f->model->pre.width > 0 ? f->model->mask : NULL);
done:
    return st;
}

/* Score the check images as new images without masks, as later runs of the model do to check
 * themselves. */
static fleck_status score_checks(fk_fitting *f, fleck_error *err)
{
    fk_model *m = f->model;
    fk_runner *r = f->runner;
    fleck_status st;

    fk_watch_stage(f->watch, "check images", m->n_checks);
    FK_DO(fk_runner_embeddings(r, 1, err));
    for (int i = 0; i < m->n_checks; i++) {
        const uint8_t *pixels = m->checks + i * fk_fit_input_pixels(m) * 3;

        if (f->tiled)
            FK_DO(fk_runner_embed(r, 1, &pixels, r->embeddings, err));
        else
            FK_DO(fk_held_out_embedding(f, i, r->embeddings, err));
        FK_DO(fk_score_check(r, r->embeddings, &m->check_scores[i], err));
    }
done:
    return st;
}

fleck_status fk_fit_run(fk_model *m, fk_runner *r, fk_source *source, const fleck_settings *s,
                        fleck_times *times, fleck_error *err)
{
    fk_watch watch = {.call = s->progress, .ctx = s->progress_ctx};
    fk_watch *before = fk_pool_set_watch(r->pool, &watch);
    fk_fitting f = {.model = m, .runner = r, .source = source, .watch = &watch, .n = source->n};
    double start = fk_clock_seconds(), begin;
    fleck_status st;

    *times = (fleck_times){0};
    FK_DO(fitting_init(&f, s, err));
    FK_DO(fk_fit_balance(&f, err));
    FK_DO(learn(&f, s, times, err));
    FK_DO(say_masks(&f, s, err));
    fk_front_close(&f.front); /* frees memory, since finishing needs much */
    if (!f.tiled)             /* the embeddings of held-out images are stored */
        fk_runner_rest(r);
    begin = fk_clock_seconds();
    fk_watch_stage(&watch, "finish", 0);
    FK_DO(fk_watch_tell(&watch, 0, err));
    FK_DO(fk_held_out_part(&f, err));
    FK_DO(m->method->finish(m->state, r->pool, err));
    if (f.held.n > 0 && m->method->prepare_exclude != NULL)
        FK_DO(m->method->prepare_exclude(m->state, r->pool, err));
    times->score += fk_clock_seconds() - begin;
    FK_DO(fk_held_out_score(&f, err));
    FK_DO(fk_twins_count_once(&f, err));
    if (m->calibration.images > 0)
        fk_calibration_set_rate(&m->calibration, s->false_alarms);
    FK_DO(score_checks(&f, err));
    fk_runner_times(r, times);
    times->total = fk_clock_seconds() - start;
done:
    fk_pool_set_watch(r->pool, before);
    fitting_free(&f);
    return st;
}
