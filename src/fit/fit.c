/* Fitting: images in blocks through network and method, then the scores of all while held out.
 *
 * Images of a block are decoded by all threads, pass the network as many at once as there are
 * threads, and the method then learns the block in order.  The blocks' size depends on nothing but
 * the embedding's, so the model does not depend on the number of threads.
 *
 * With tiles a few images are decoded at a time and their tiles are what fills the blocks, so that
 * memory does not depend on an image's size but for the image itself.  Scores of held-out images
 * are the matter of held_out.c. */
#include "fit/fitting.h"
#include "view/area.h"
#include "base/clock.h"
#include "base/mem.h"

#include <string.h>

/* Embeddings of a block; a third of them where memory is limited. */
#define BLOCK_BYTES (INT64_C(64) << 20)
#define TILED_IMAGES 2 /* decoded at a time */

/* The image that is item of the group. */
static int64_t image_at(const fk_fitting *f, int64_t item)
{
    return f->order != NULL ? f->order[f->done + item] : f->done + item;
}

static fleck_status fitting_init(fk_fitting *f, const fleck_fit_settings *s, fleck_error *err)
{
    int64_t bytes = fk_embed_shape_floats(&f->model->shape) * (int64_t)sizeof(float) + 1;
    int64_t part = s->max_memory > 0 ? 3 : 1;
    fleck_status st = FLECK_OK;

    f->block = BLOCK_BYTES / part / bytes;
    f->block = f->block > FK_FIT_BLOCK / part ? FK_FIT_BLOCK / part : f->block < 2 ? 2 : f->block;
    f->tiled = f->model->pre.tile > 0;
    f->group = f->tiled ? TILED_IMAGES : f->block;
    if (f->source->contents != NULL && (f->model->method->flags & FK_METHOD_ORDERED) != 0)
        FK_DO(fk_fit_sort_contents(f, &f->order, err));
    FK_DO(FK_CALLOC(&f->embeddings, f->block, err));
    FK_DO(FK_CALLOC(&f->canvases, f->group, err));
    FK_DO(FK_CALLOC(&f->pieces, f->block, err));
    for (int64_t i = 0; i < f->block; i++)
        FK_DO(fk_embedding_init(&f->embeddings[i], &f->model->shape, err));
    FK_DO(fk_held_out_init(f, s, err));
done:
    return st;
}

/* The block has been learned: its memory is for what comes. */
static void block_free(fk_fitting *f)
{
    for (int64_t i = 0; f->embeddings != NULL && i < f->block; i++)
        fk_embedding_free(&f->embeddings[i]);
    for (int64_t i = 0; f->canvases != NULL && i < f->group; i++)
        fk_canvas_free(&f->canvases[i]);
}

static void fitting_free(fk_fitting *f)
{
    block_free(f);
    fk_held_out_free(&f->held);
    fk_shown_free(&f->shown);
    fk_mask_notes_free(&f->notes);
    fk_free(f->order);
    fk_free(f->embeddings);
    fk_free(f->canvases);
    fk_free(f->pieces);
}

/* Item of the group: its canvas. */
static fleck_status read_one(void *ctx, int64_t item, int worker, fleck_error *err)
{
    fk_fitting *f = ctx;
    fleck_status st;

    fk_canvas_free(&f->canvases[item]);
    st = fk_fit_read_canvas(f, image_at(f, item), worker, &f->canvases[item], err);
    if (st != FLECK_OK)
        fk_source_stop(f->source);
    return st;
}

/* The embeddings of the group's canvases, each a single piece; as many as there are threads pass
 * the network together. */
static fleck_status embed_group(fk_fitting *f, int64_t count, fleck_error *err)
{
    const uint8_t *inputs[FK_FIT_BLOCK];
    fk_embedding *out[FK_FIT_BLOCK];
    fleck_status st = FLECK_OK;

    for (int64_t first = 0, n; first < count; first += n) {
        n = count - first < f->runner->threads ? count - first : f->runner->threads;
        for (int64_t i = 0; i < n; i++) {
            inputs[i] = f->canvases[first + i].pixels.data;
            out[i] = &f->embeddings[first + i];
        }
        st = fk_runner_embed_many(f->runner, n, inputs, out, err);
        for (int64_t i = 0; i < n && st == FLECK_OK; i++)
            st = fk_canvas_flag(out[i], &f->canvases[first + i], 0, true, err);
        if (st != FLECK_OK) {
            fk_source_context(f->source, image_at(f, first), err);
            break;
        }
    }
    return st;
}

static fleck_status embed_tile(void *ctx, int64_t slot, int worker, fleck_error *err)
{
    fk_fitting *f = ctx;
    const struct piece *p = &f->pieces[slot];
    fleck_status st = fk_runner_embed_piece(f->runner, worker, &f->canvases[p->item], p->tile, true,
                                            NULL, &f->embeddings[slot], err);

    if (st != FLECK_OK)
        fk_source_context(f->source, image_at(f, p->item), err);
    return st;
}

/* Set aside the network's input of a piece of kept image k, where that is to be a check image. */
static fleck_status keep_check(fk_model *m, const fk_canvas *c, int64_t tile, int64_t k,
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

/* Learn a block of n pieces, each of its image's folds. */
static fleck_status learn_block(fk_fitting *f, int64_t n, fleck_error *err)
{
    const fk_method *m = f->model->method;
    const fk_embedding *block[FK_FIT_BLOCK];
    fleck_status st = FLECK_OK;

    for (int64_t i = 0; i < n; i++)
        block[i] = &f->embeddings[i];
    for (int64_t first = 0, last; first < n; first = last) {
        int64_t item = f->pieces[first].item;

        last = m->fold != NULL ? first + 1 : n;
        while (last < n && f->pieces[last].item == item)
            last++;
        if (m->fold != NULL)
            fk_held_out_fold(f, image_at(f, item));
        FK_DO(m->add(f->model->state, block + first, last - first, f->runner->pool, err));
    }
done:
    return st;
}

/* Note what is to be said of the masks of item i of the group. */
static fleck_status look_at_masks(fk_fitting *f, int64_t i, fleck_error *err)
{
    const fk_canvas *c = &f->canvases[i];
    const int64_t *size = f->model->mask_file;
    fleck_status st;

    if (image_at(f, i) == 0) {
        f->model->photo[0] = c->width;
        f->model->photo[1] = c->height;
    }
    FK_DO(fk_shown_add(&f->shown, c, err));
    if (f->masks != NULL && f->masks[image_at(f, i)] != NULL)
        FK_DO(fk_mask_note(&f->notes, c->kinds, f->masks[image_at(f, i)], err));
    if (size[0] > 0 && (c->width != size[0] || c->height != size[1]) && f->odd++ == 0) {
        f->odd_size[0] = c->width;
        f->odd_size[1] = c->height;
    }
done:
    return st;
}

/* Say that not all images have the size that the model's mask was drawn at. */
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

/* Say what is odd about the areas of all images, and about the masks of single ones. */
static fleck_status say_masks(fk_fitting *f, const fleck_fit_settings *s, fleck_error *err)
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

/* Set aside what scores of held-out images and the check images need of piece `slot` of the
 * block. */
static fleck_status set_aside(fk_fitting *f, int64_t slot, fleck_error *err)
{
    const struct piece *p = &f->pieces[slot];
    fk_canvas *c = &f->canvases[p->item];
    int64_t image = image_at(f, p->item), k = fk_held_out_index(f, image);
    fleck_status st = FLECK_OK;

    if (k >= 0 && p->tile == fk_canvas_pieces(c) / 2)
        FK_DO(keep_check(f->model, c, p->tile, k, err));
    FK_DO(fk_held_out_add(f, image, f->learned + slot, p->tile, c, &f->embeddings[slot], err));
done:
    return st;
}

/* Read the next group of images; none: count becomes 0. */
static fleck_status next_group(fk_fitting *f, fleck_error *err)
{
    int64_t left;
    fleck_status st;

    f->done += f->count;
    left = f->n - f->done;
    f->count = left < f->group ? left : f->group;
    f->last = (struct piece){0, -1};
    fk_watch_stage(f->watch, "fit", f->n); /* the method may have told of its own */
    FK_DO(fk_watch_tell(f->watch, f->done, err));
    FK_DO(fk_pool_run(f->runner->pool, f->count, read_one, f, err));
    /* The images of a stream are known only now; as files they have been looked at. */
    if (f->tiled && f->done == 0 && f->source->files == NULL)
        FK_DO(fk_fit_check_tile(f->model, f->canvases[0].pixels.width, f->canvases[0].pixels.height,
                                err));
    for (int64_t i = 0; i < f->count; i++)
        FK_DO(look_at_masks(f, i, err));
    if (!f->tiled)
        FK_DO(embed_group(f, f->count, err));
done:
    return st;
}

/* The group's pieces behind the last, as many as fit a block; returns how many. */
static int64_t next_pieces(fk_fitting *f)
{
    int64_t n = 0;

    while (n < f->block && f->last.item < f->count) {
        f->last.tile++;
        if (f->last.tile == fk_canvas_pieces(&f->canvases[f->last.item]))
            f->last = (struct piece){f->last.item + 1, 0};
        if (f->last.item < f->count)
            f->pieces[n++] = f->last;
    }
    return n;
}

/* The embeddings of the next block, *n; 0 where all have been learned. */
static fleck_status next_block(fk_fitting *f, int64_t *n, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    *n = next_pieces(f);
    if (*n == 0) {
        FK_DO(next_group(f, err));
        *n = next_pieces(f);
    }
    if (f->tiled)
        st = fk_pool_run(f->runner->pool, *n, embed_tile, f, err);
done:
    return st;
}

static fleck_status learn(fk_fitting *f, const fleck_fit_settings *s, fleck_times *t,
                          fleck_error *err)
{
    int64_t n;
    fleck_status st;

    FK_DO(next_block(f, &n, err));
    /* The network has run: what it takes is known, and the native engine has weights of its own. */
    if (f->model->weights != NULL && f->runner->feed == NULL &&
        f->model->runs_on == FK_ENGINE_NATIVE)
        fk_st_release(f->model->weights);
    FK_DO(fk_fit_limit(f->model, s, f->n * fk_canvas_pieces(&f->canvases[0]), f->runner->threads,
                       fk_held_out_bytes(f), err));
    while (n > 0) {
        double start = fk_clock_seconds();

        FK_DO(learn_block(f, n, err));
        t->score += fk_clock_seconds() - start;
        for (int64_t i = 0; i < n; i++)
            FK_DO(set_aside(f, i, err));
        f->learned += n;
        FK_DO(next_block(f, &n, err));
    }
    f->model->images = f->n;
    f->model->n_checks = f->held.n < FK_MODEL_CHECKS ? (int)f->held.n : FK_MODEL_CHECKS;
    f->model->transparent = fk_runner_transparent(f->runner) > 0;
    f->model->own_masks = f->shown.masked > 0;
    f->model->unseen = fk_shown_unseen(&f->shown, f->model->pre.width > 0 ? f->model->mask : NULL);
done:
    return st;
}

/* Scores of the check images, as any later run of the model must find them: new, and nothing
 * masked. */
static fleck_status score_checks(fk_fitting *f, fleck_error *err)
{
    fk_model *m = f->model;
    int64_t pixels = fk_fit_input_pixels(m);
    fk_embedding kept = {0};
    float *map = NULL;
    fleck_status st;

    fk_watch_stage(f->watch, "check images", m->n_checks);
    FK_DO(FK_ALLOC(&map, pixels, err));
    FK_DO(fk_embedding_init(&kept, &m->shape, err));
    for (int i = 0; i < m->n_checks; i++) {
        if (f->tiled)
            FK_DO(fk_runner_embed(f->runner, 0, m->checks + i * pixels * 3, f->runner->pool, &kept,
                                  err));
        else
            FK_DO(fk_held_out_embedding(f, i, &kept, err));
        FK_DO(fk_runner_score(f->runner, 0, &kept, FK_NONE, f->runner->pool, NULL,
                              fk_model_scores_maps(m) ? map : NULL, &m->check_scores[i], err));
    }
done:
    fk_embedding_free(&kept);
    fk_free(map);
    return st;
}

fleck_status fk_fit_run(fk_model *m, fk_runner *r, fk_source *source, const fleck_fit_settings *s,
                        fleck_times *times, fleck_error *err)
{
    fk_watch watch = {.call = s->progress, .ctx = s->progress_ctx};
    fk_watch *before = fk_pool_set_watch(r->pool, &watch);
    fk_fitting f = {.model = m,
                    .runner = r,
                    .source = source,
                    .watch = &watch,
                    .masks = s->masks,
                    .n = source->n};
    double start = fk_clock_seconds(), begin;
    fleck_status st;

    *times = (fleck_times){0};
    FK_DO(fitting_init(&f, s, err));
    FK_DO(learn(&f, s, times, err));
    FK_DO(say_masks(&f, s, err));
    block_free(&f);
    if (!f.tiled) /* all embeddings that are still needed are kept; finishing takes much memory */
        fk_runner_rest(r);
    begin = fk_clock_seconds();
    fk_watch_stage(&watch, "finish", 0);
    FK_DO(fk_watch_tell(&watch, 0, err));
    FK_DO(fk_held_out_part(&f, err));
    FK_DO(m->method->finish(m->state, r->pool, err));
    if (f.held.n > 0 && m->method->prepare_exclude != NULL)
        FK_DO(m->method->prepare_exclude(m->state, r->pool, err));
    times->score += fk_clock_seconds() - begin;
    FK_DO(fk_runner_ready(r, err));
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
