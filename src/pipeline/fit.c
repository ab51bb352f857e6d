/* Fitting: images in blocks through network and method, then calibration by leaving out an image, or
 * its fold.
 *
 * Images of a block are decoded by all threads, pass the network as many at once as there are
 * threads, and the method then learns the block in order.  The blocks' size depends on nothing but the embedding's, so the model does not depend on
 * the number of threads.
 *
 * With tiles a few images are decoded at a time and their tiles are what fills the blocks, so that
 * memory does not depend on an image's size but for the image itself.  Those that calibrate are then
 * read again, since their tiles' embeddings would not fit. */
#include "pipeline/fit.h"
#include "base/clock.h"
#include "base/mem.h"
#include "features/map.h"
#include "metric/metric.h"
#include "pipeline/mask.h"
#include "pipeline/shown.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Embeddings of a block; a third of them where memory is limited. */
#define BLOCK_BYTES (INT64_C(64) << 20)
#define MAX_BLOCK 48
#define CALIBRATION_BYTES (INT64_C(128) << 20)
#define MIN_CALIBRATION 8
#define MAX_MAPS_BESIDE_SCORES 8
#define TILED_IMAGES 2     /* decoded at a time */
#define TILED_SAMPLE 65536 /* values of a large map that the colour scale rests on */

typedef struct fitting {
    fk_model *model;
    fk_runner *runner;
    fk_source *source;
    fk_watch *watch;
    const char *const *masks; /* [n] of the images' own masks, NULL entries for none; or NULL */
    bool tiled;
    int64_t n, done, block;
    int64_t *order;           /* [n] images as they are learned; NULL: in their own order */
    int64_t group;            /* images decoded at a time */
    fk_embedding *embeddings; /* [block] */
    fk_canvas *canvases;      /* [group] */
    struct piece {
        int64_t item, tile; /* canvas, and piece of it */
    } * pieces;             /* [block] what the embeddings are of */
    fk_shown shown;
    fk_mask_notes notes; /* of the images' own masks */
    int64_t odd;         /* images of another size than the file of the model's mask ... */
    int64_t odd_size[2]; /* ... and the first one's */
    int64_t learned;     /* embeddings so far */
    int64_t n_kept;      /* images for calibration */
    int64_t *kept;       /* [n_kept] their indices */
    fk_span *spans;      /* [n_kept] what they were learned as */
    fk_embedding *kept_embeddings; /* unless tiled */
    fk_image *kept_left_out;       /* likewise */
    int64_t n_maps;     /* how many of them get a map too, the first of each n_kept / n_maps */
    int64_t map_room;   /* values kept of a map */
    float *maps;        /* [n_maps, map_room] those of pixels that count, in front */
    int64_t *map_count; /* [n_maps] how many these are */
    double *peaks;      /* [n_maps] highest values */
    double *scores;     /* [n_kept] */
} fitting;

/* Of the network's input. */
static int64_t input_pixels(const fk_model *m)
{
    fk_map_size size = fk_preprocess_input(&m->pre);

    return size.height * size.width;
}

/* What an image is learned by: its contents.  Equal ones may take any turn, unless masks of their own tell
 * them apart; theirs is that of their numbers. */
typedef struct keyed {
    fk_digest content;
    int64_t image;
} keyed;

static int by_content(const void *x, const void *y)
{
    const keyed *a = x, *b = y;
    int difference = memcmp(&a->content, &b->content, sizeof a->content);

    if (difference != 0)
        return difference;
    return a->image < b->image ? -1 : 1;
}

/* The order of contents, where the method's result depends on one. */
static fleck_status choose_order(fitting *f, fleck_error *err)
{
    keyed *keys = NULL;
    fleck_status st = FLECK_OK;

    if (f->source->contents == NULL || (f->model->method->flags & FK_METHOD_ORDERED) == 0)
        return FLECK_OK;
    FK_DO(FK_ALLOC(&keys, f->n, err));
    FK_DO(FK_ALLOC(&f->order, f->n, err));
    for (int64_t i = 0; i < f->n; i++)
        keys[i] = (keyed){f->source->contents[i], i};
    qsort(keys, (size_t)f->n, sizeof *keys, by_content);
    for (int64_t i = 0; i < f->n; i++)
        f->order[i] = keys[i].image;
done:
    fk_free(keys);
    return st;
}

/* The image that is item of the group. */
static int64_t image_at(const fitting *f, int64_t item)
{
    return f->order != NULL ? f->order[f->done + item] : f->done + item;
}

static fleck_status fitting_init(fitting *f, const fleck_fit_settings *s, fleck_error *err)
{
    int64_t bytes = fk_embed_shape_floats(&f->model->shape) * (int64_t)sizeof(float) + 1;
    int64_t room = CALIBRATION_BYTES / bytes, calibrate = s->calibrate;
    int64_t part = s->max_memory > 0 ? 3 : 1;
    fleck_status st = FLECK_OK;

    f->block = BLOCK_BYTES / part / bytes;
    f->block = f->block > MAX_BLOCK / part ? MAX_BLOCK / part : f->block < 2 ? 2 : f->block;
    f->tiled = f->model->pre.tile > 0;
    f->group = f->tiled ? TILED_IMAGES : f->block;
    FK_DO(choose_order(f, err));
    FK_DO(FK_CALLOC(&f->embeddings, f->block, err));
    FK_DO(FK_CALLOC(&f->canvases, f->group, err));
    FK_DO(FK_CALLOC(&f->pieces, f->block, err));
    for (int64_t i = 0; i < f->block; i++)
        FK_DO(fk_embedding_init(&f->embeddings[i], &f->model->shape, err));
    if (calibrate == 0 || (f->model->method->flags & FK_METHOD_EXCLUDES) == 0 || f->n < 3)
        return FLECK_OK;
    room = room < MIN_CALIBRATION ? MIN_CALIBRATION : room;
    f->n_kept = calibrate < f->n ? calibrate : f->n;
    f->n_kept = f->n_kept < room || f->tiled ? f->n_kept : room;
    FK_DO(FK_CALLOC(&f->kept, f->n_kept, err));
    FK_DO(FK_CALLOC(&f->spans, f->n_kept, err));
    FK_DO(FK_CALLOC(&f->kept_embeddings, f->n_kept, err));
    FK_DO(FK_CALLOC(&f->kept_left_out, f->n_kept, err));
    for (int64_t k = 0; k < f->n_kept; k++)
        f->kept[k] = (2 * k + 1) * f->n / (2 * f->n_kept); /* spread evenly over the images */
done:
    return st;
}

/* The block has been learned: its memory is for what comes. */
static void block_free(fitting *f)
{
    for (int64_t i = 0; f->embeddings != NULL && i < f->block; i++)
        fk_embedding_free(&f->embeddings[i]);
    for (int64_t i = 0; f->canvases != NULL && i < f->group; i++)
        fk_canvas_free(&f->canvases[i]);
}

static void fitting_free(fitting *f)
{
    block_free(f);
    for (int64_t k = 0; f->kept_embeddings != NULL && k < f->n_kept; k++)
        fk_embedding_free(&f->kept_embeddings[k]);
    for (int64_t k = 0; f->kept_left_out != NULL && k < f->n_kept; k++)
        fk_image_free(&f->kept_left_out[k]);
    fk_shown_free(&f->shown);
    fk_mask_notes_free(&f->notes);
    fk_free(f->order);
    fk_free(f->embeddings);
    fk_free(f->canvases);
    fk_free(f->pieces);
    fk_free(f->kept);
    fk_free(f->spans);
    fk_free(f->kept_embeddings);
    fk_free(f->kept_left_out);
    fk_free(f->maps);
    fk_free(f->map_count);
    fk_free(f->peaks);
    fk_free(f->scores);
}

/* Read image number i onto a fresh canvas. */
static fleck_status read_canvas(fitting *f, int64_t i, int worker, fk_canvas *out, fleck_error *err)
{
    fk_image original = {0};
    int64_t room = 0;
    fleck_status st;

    *out = (fk_canvas){0};
    if (f->source->files != NULL)
        room = fk_runner_enter(f->runner, worker, f->source->files[i]);
    FK_DO(fk_source_read(f->source, f->runner, worker, i, &original, err)); /* names the image */
    st = fk_runner_prepare(f->runner, worker, &original, f->masks != NULL ? f->masks[i] : NULL, out,
                           err);
    if (st != FLECK_OK)
        fk_source_context(f->source, i, err);
done:
    fk_image_free(&original);
    if (f->source->files != NULL)
        fk_runner_leave(f->runner, room);
    return st;
}

/* Item of the group: its canvas. */
static fleck_status read_one(void *ctx, int64_t item, int worker, fleck_error *err)
{
    fitting *f = ctx;
    fleck_status st;

    fk_canvas_free(&f->canvases[item]);
    st = read_canvas(f, image_at(f, item), worker, &f->canvases[item], err);
    if (st != FLECK_OK)
        fk_source_stop(f->source);
    return st;
}

/* The embeddings of the group's canvases, each a single piece; as many as there are threads pass the
 * network together. */
static fleck_status embed_group(fitting *f, int64_t count, fleck_error *err)
{
    const uint8_t *inputs[MAX_BLOCK];
    fk_embedding *out[MAX_BLOCK];
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
    fitting *f = ctx;
    const struct piece *p = &f->pieces[slot];
    fleck_status st = fk_runner_embed_piece(f->runner, worker, &f->canvases[p->item], p->tile, true,
                                            false, &f->embeddings[slot], err);

    if (st != FLECK_OK)
        fk_source_context(f->source, image_at(f, p->item), err);
    return st;
}

/* The pieces behind `last`, as many as fit a block; returns how many. */
static int64_t next_pieces(fitting *f, int64_t count, struct piece last)
{
    int64_t n = 0;

    for (; n < f->block; n++) {
        last.tile++;
        if (last.tile == fk_canvas_pieces(&f->canvases[last.item]))
            last = (struct piece){last.item + 1, 0};
        if (last.item == count)
            break;
        f->pieces[n] = last;
    }
    return n;
}

/* Set aside the network's input of a piece of kept image k, where that is to be a check image. */
static fleck_status keep_check(fk_model *m, const fk_canvas *c, int64_t tile, int64_t k,
                               fleck_error *err)
{
    int64_t bytes = input_pixels(m) * 3;
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

/* Memory that is taken while and after the method learns: what calibration keeps, and its maps with
 * the copy that their quantile makes. */
static int64_t later_bytes(const fitting *f)
{
    if (f->tiled)
        return f->n_kept * (int64_t)sizeof(float) * 2 * TILED_SAMPLE;
    return f->n_kept * (int64_t)sizeof(float) *
           (fk_embed_shape_floats(&f->model->shape) + 2 * input_pixels(f->model));
}

/* Set aside what calibration and checks need of kept image k, piece `slot` of the block being one of
 * its.  An embedding moves: a fresh one takes its place. */
static fleck_status keep(fitting *f, int64_t slot, int64_t k, fleck_error *err)
{
    const struct piece *p = &f->pieces[slot];
    fk_canvas *c = &f->canvases[p->item];
    int64_t pieces = fk_canvas_pieces(c);
    fleck_status st = FLECK_OK;

    if (p->tile == 0)
        f->spans[k] = (fk_span){f->learned + slot, pieces};
    if (p->tile == pieces / 2)
        FK_DO(keep_check(f->model, c, p->tile, k, err));
    if (f->tiled)
        goto done;
    FK_DO(fk_canvas_flag(&f->embeddings[slot], c, 0, false, err));
    f->kept_embeddings[k] = f->embeddings[slot];
    f->embeddings[slot] = (fk_embedding){0};
    f->kept_left_out[k] = c->left_out;
    c->left_out = (fk_image){0};
    FK_DO(fk_embedding_init(&f->embeddings[slot], &f->model->shape, err));
done:
    return st;
}

/* Fold of an image of the group: an eighth of all images, in a row of their own order. */
static int fold_of(const fitting *f, int64_t item)
{
    return (int)(image_at(f, item) * FK_FOLDS / f->n);
}

/* Which of the kept ones image is, -1 for none.  kept[k] = image solved for k leaves one that may be. */
static int64_t kept_as(const fitting *f, int64_t image)
{
    int64_t k = (2 * image * f->n_kept + f->n - 1) / (2 * f->n);

    return k < f->n_kept && f->kept[k] == image ? k : -1;
}

/* Learn a block of n pieces, each of its image's fold. */
static fleck_status learn_block(fitting *f, int64_t n, fleck_error *err)
{
    const fk_method *m = f->model->method;
    const fk_embedding *block[MAX_BLOCK];
    fleck_status st = FLECK_OK;

    for (int64_t i = 0; i < n; i++)
        block[i] = &f->embeddings[i];
    for (int64_t first = 0, last; first < n; first = last) {
        int fold = fold_of(f, f->pieces[first].item);

        last = m->fold != NULL ? first + 1 : n;
        while (last < n && fold_of(f, f->pieces[last].item) == fold)
            last++;
        if (m->fold != NULL)
            m->fold(f->model->state, fold);
        FK_DO(m->add(f->model->state, block + first, last - first, f->runner->pool, err));
    }
done:
    return st;
}

/* Note what is to be said of the masks of item i of the group. */
static fleck_status look_at_masks(fitting *f, int64_t i, fleck_error *err)
{
    const fk_canvas *c = &f->canvases[i];
    const int64_t *size = f->model->mask_file;
    fleck_status st;

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

/* Say what is odd about the mask of all images, and about those of single ones. */
static fleck_status say_masks(fitting *f, const char *path, fleck_error *err)
{
    const fk_model *m = f->model;
    fleck_status st = FLECK_OK;

    if (path != NULL)
        FK_DO(fk_mask_note(&f->notes, m->mask_kinds, path, err));
    if (f->odd > 0)
        fk_warn_say(f->runner->warn,
                    "mask %s: %lldx%lld, but %lld of %lld images are not (the first is %lldx%lld): "
                    "it is stretched over each%s",
                    path, (long long)m->mask_file[0], (long long)m->mask_file[1], (long long)f->odd,
                    (long long)f->n, (long long)f->odd_size[0], (long long)f->odd_size[1],
                    m->mask_file[0] * f->odd_size[1] != m->mask_file[1] * f->odd_size[0]
                        ? ", which has another shape"
                        : "");
    st = fk_mask_say(&f->notes, f->runner->warn, err);
done:
    return st;
}

/* Learn a group of `count` images, block by block of their pieces. */
static fleck_status learn_group(fitting *f, int64_t count, const fleck_fit_settings *s,
                                fleck_times *t, fleck_error *err)
{
    struct piece last = {0, -1};
    int64_t n;
    fleck_status st;

    FK_DO(fk_pool_run(f->runner->pool, count, read_one, f, err));
    /* The images of a stream are known only now; as files they have been looked at. */
    if (f->tiled && f->done == 0 && f->source->files == NULL)
        FK_DO(fk_fit_check_tile(f->model, f->canvases[0].pixels.width, f->canvases[0].pixels.height,
                                err));
    for (int64_t i = 0; i < count; i++)
        FK_DO(look_at_masks(f, i, err));
    if (!f->tiled)
        FK_DO(embed_group(f, count, err));
    while ((n = next_pieces(f, count, last)) > 0) {
        double start;

        if (f->tiled)
            FK_DO(fk_pool_run(f->runner->pool, n, embed_tile, f, err));
        if (f->learned == 0 && f->model->weights != NULL && f->runner->feed == NULL &&
            f->runner->engine == FK_ENGINE_NATIVE)
            fk_st_release(f->model->weights); /* the engine has its own */
        if (f->learned == 0)                  /* the network has run: what it takes is known */
            FK_DO(fk_fit_limit(f->model, s, f->n * fk_canvas_pieces(&f->canvases[0]),
                               f->runner->threads, later_bytes(f), err));
        start = fk_clock_seconds();
        FK_DO(learn_block(f, n, err));
        t->score += fk_clock_seconds() - start;
        last = f->pieces[n - 1];
        for (int64_t i = 0; i < n; i++) {
            int64_t k = kept_as(f, image_at(f, f->pieces[i].item));

            if (k >= 0)
                FK_DO(keep(f, i, k, err));
        }
        f->learned += n;
    }
done:
    return st;
}

static fleck_status learn(fitting *f, const fleck_fit_settings *s, fleck_times *t, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    for (f->done = 0; f->done < f->n;) {
        int64_t count = f->n - f->done < f->group ? f->n - f->done : f->group;

        fk_watch_stage(f->watch, "fit", f->n); /* the method may have told of its own */
        f->watch->done = f->done;
        FK_DO(learn_group(f, count, s, t, err));
        f->done += count;
        fk_watch_stage(f->watch, "fit", f->n);
        FK_DO(fk_watch_tell(f->watch, f->done, err));
    }
    f->model->images = f->n;
    f->model->n_checks = f->n_kept < FK_MODEL_CHECKS ? (int)f->n_kept : FK_MODEL_CHECKS;
    f->model->transparent = fk_runner_transparent(f->runner) > 0;
    f->model->own_masks = f->shown.masked > 0;
    f->model->unseen = fk_shown_unseen(&f->shown, f->model->pre.width > 0 ? f->model->mask : NULL);
done:
    return st;
}

/* Keep the values of map m that count, of a large map every so many. */
static void take_map(fitting *f, int64_t m, const float *map, int64_t n, const uint8_t *left_out)
{
    int64_t step = f->tiled ? (n + TILED_SAMPLE - 1) / TILED_SAMPLE : 1;
    float *to = f->maps + m * f->map_room, lowest, highest;

    if (map == to && left_out == NULL) { /* all of it counts, and lies where it belongs */
        fk_map_range(map, n, &lowest, &highest);
        f->peaks[m] = fmax(f->peaks[m], (double)highest);
        f->map_count[m] = n;
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        if (left_out != NULL && left_out[i] != 0)
            continue;
        f->peaks[m] = fmax(f->peaks[m], (double)map[i]);
        if (i % step == 0)
            to[f->map_count[m]++] = map[i];
    }
}

/* The map that kept image k gets, or -1.  Where a method scores images without it (SPADE), maps are
 * dear and a few of them tell the scale. */
static int64_t map_of(const fitting *f, int64_t k)
{
    int64_t step = f->n_kept / f->n_maps;

    return k % step == 0 && k / step < f->n_maps ? k / step : -1;
}

/* Kept image k. */
static fleck_status calibrate_tiled(void *ctx, int64_t k, int worker, fleck_error *err)
{
    fitting *f = ctx;
    int64_t m = map_of(f, k);
    fk_canvas c = {0};
    float *map = NULL;
    fleck_status st;

    FK_DO(read_canvas(f, f->kept[k], worker, &c, err));
    FK_DO(FK_ALLOC(&map, c.tiles.height * c.tiles.width, err));
    st = fk_runner_score_canvas(f->runner, worker, &c, f->spans[k], false, map, &f->scores[k], err);
    if (st != FLECK_OK) {
        fk_source_context(f->source, f->kept[k], err);
        goto done;
    }
    if (m >= 0)
        take_map(f, m, map, c.tiles.height * c.tiles.width, c.left_out.data);
done:
    fk_canvas_free(&c);
    fk_free(map);
    return st;
}

/* Kept images first .. first + n - 1 at once, n <= MAX_BLOCK. */
static fleck_status calibrate_block(fitting *f, int64_t first, int64_t n, fleck_error *err)
{
    const fk_embedding *embeddings[MAX_BLOCK];
    const uint8_t *left_out[MAX_BLOCK];
    float *maps[MAX_BLOCK];
    fleck_status st;

    for (int64_t i = 0; i < n; i++) {
        int64_t m = map_of(f, first + i);

        embeddings[i] = &f->kept_embeddings[first + i];
        left_out[i] = f->kept_left_out[first + i].data;
        maps[i] = m >= 0 ? f->maps + m * f->map_room : NULL;
    }
    st = fk_runner_score_many(f->runner, n, embeddings, f->spans + first, left_out, maps,
                              f->scores + first, err);
    for (int64_t i = 0; i < n && st == FLECK_OK; i++)
        if (maps[i] != NULL)
            take_map(f, map_of(f, first + i), maps[i], f->map_room, left_out[i]);
    return st;
}

static fleck_status calibrate_all(fitting *f, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    if (f->tiled)
        return fk_pool_run_stage(f->runner->pool, "thresholds", f->n_kept, calibrate_tiled, f, err);
    fk_watch_stage(f->watch, "thresholds", f->n_kept);
    for (int64_t k = 0, n; k < f->n_kept; k += n) {
        n = f->n_kept - k < MAX_BLOCK ? f->n_kept - k : MAX_BLOCK;
        FK_DO(calibrate_block(f, k, n, err));
        FK_DO(fk_watch_tell(f->watch, k + n, err));
    }
done:
    return st;
}

/* The values of all maps side by side; returns how many. */
static int64_t gather_maps(fitting *f)
{
    int64_t n = 0;

    for (int64_t m = 0; m < f->n_maps; m++) {
        memmove(f->maps + n, f->maps + m * f->map_room, (size_t)f->map_count[m] * sizeof *f->maps);
        n += f->map_count[m];
    }
    return n;
}

/* Threshold: the highest score that a good image got when it was left out, so that of a new good
 * image's score exceeding it the chance is about 1 / (n + 1), whatever the scores' distribution
 * (conformal prediction). */
static fleck_status calibrate(fitting *f, fleck_error *err)
{
    fk_calibration *c = &f->model->calibration;
    int64_t values;
    fleck_status st = FLECK_OK;

    if (f->n_kept == 0)
        return FLECK_OK;
    f->n_maps = f->n_kept;
    if (!fk_model_scores_maps(f->model) && f->n_maps > MAX_MAPS_BESIDE_SCORES)
        f->n_maps = MAX_MAPS_BESIDE_SCORES;
    f->map_room = f->tiled ? TILED_SAMPLE : input_pixels(f->model);
    FK_DO(FK_ALLOC(&f->maps, f->n_maps * f->map_room, err));
    FK_DO(FK_CALLOC(&f->map_count, f->n_maps, err));
    FK_DO(FK_CALLOC(&f->peaks, f->n_maps, err));
    FK_DO(FK_ALLOC(&f->scores, f->n_kept, err));
    FK_DO(calibrate_all(f, err));
    values = gather_maps(f);
    if (values == 0)
        FK_FAIL(err, FLECK_E_OPTION, "the masks leave nothing of the images to learn from");
    *c = (fk_calibration){.images = f->n_kept, .threshold = f->scores[0]};
    for (int64_t k = 1; k < f->n_kept; k++)
        c->threshold = fmax(c->threshold, f->scores[k]);
    for (int64_t m = 0; m < f->n_maps; m++)
        c->pixel_threshold = fmax(c->pixel_threshold, f->peaks[m]);
    c->low = fk_quantile(f->maps, values, 0.5);
    c->high = c->low + 2.0 * (c->pixel_threshold - c->low);
done:
    return st;
}

/* Scores of the check images, as any later run of the model must find them: new, and nothing masked.
 * Unless tiled they are the first of the kept ones. */
static fleck_status score_checks(fitting *f, fleck_error *err)
{
    fk_model *m = f->model;
    bool needs_map = fk_model_scores_maps(m);
    float *map = NULL;
    fleck_status st;

    fk_watch_stage(f->watch, "check images", m->n_checks);
    FK_DO(FK_ALLOC(&map, input_pixels(m), err));
    for (int i = 0; i < m->n_checks; i++) {
        fk_embedding *kept = f->tiled ? NULL : &f->kept_embeddings[i];

        if (kept == NULL)
            FK_DO(fk_runner_embed(f->runner, 0, m->checks + i * input_pixels(m) * 3, true, NULL,
                                  err));
        else
            fk_embedding_unflag(kept);
        FK_DO(fk_runner_score(f->runner, 0, kept, FK_NONE, true, NULL, needs_map ? map : NULL,
                              &m->check_scores[i], err));
    }
done:
    fk_free(map);
    return st;
}

fleck_status fk_fit_run(fk_model *m, fk_runner *r, fk_source *source, const fleck_fit_settings *s,
                        fleck_times *times, fleck_error *err)
{
    fk_watch watch = {.call = s->progress, .ctx = s->progress_ctx};
    fk_watch *before = fk_pool_set_watch(r->pool, &watch);
    fitting f = {.model = m,
                 .runner = r,
                 .source = source,
                 .watch = &watch,
                 .masks = s->masks,
                 .n = source->n};
    double start = fk_clock_seconds(), begin;
    fleck_status st;

    *times = (fleck_times){0};
    if (s->calibrate < 0)
        FK_FAIL(err, FLECK_E_OPTION, "calibrate: expected 0 or more images, got %lld",
                (long long)s->calibrate);
    FK_DO(fitting_init(&f, s, err));
    FK_DO(learn(&f, s, times, err));
    FK_DO(say_masks(&f, s->mask, err));
    block_free(&f);
    if (!f.tiled) /* all embeddings that are still needed are kept; finishing takes much memory */
        fk_runner_rest(r);
    begin = fk_clock_seconds();
    fk_watch_stage(&watch, "finish", 0);
    FK_DO(fk_watch_tell(&watch, 0, err));
    FK_DO(m->method->finish(m->state, r->pool, err));
    if (f.n_kept > 0 && m->method->prepare_exclude != NULL)
        FK_DO(m->method->prepare_exclude(m->state, r->pool, err));
    times->score += fk_clock_seconds() - begin;
    FK_DO(fk_runner_ready(r, err));
    FK_DO(calibrate(&f, err));
    FK_DO(score_checks(&f, err));
    fk_runner_times(r, times);
    times->total = fk_clock_seconds() - start;
done:
    fk_pool_set_watch(r->pool, before);
    fitting_free(&f);
    return st;
}
