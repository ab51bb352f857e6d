/* SPDX-License-Identifier: Apache-2.0 */
/* The front end of fit and prediction: from images to embeddings.
 *
 * All threads finish one phase before the next begins.  If each thread processed an image from
 * start to end, the threads would be in different layers of the network, and each would load the
 * weights from memory by itself, which is slower. */
#include "run/front.h"
#include "base/clock.h"
#include "base/mem.h"

#include <assert.h>
#include <stdatomic.h>

/* Images are decoded at the same time up to this many bytes.  A single image may be larger. */
#define DECODING_BYTES (INT64_C(768) << 20)
/* Above this size a group may have fewer images than there are threads. */
#define HUGE_BYTES (INT64_C(1) << 30)

/* Pixels of a piece that is made: a tile, or a rotated copy. */
static int64_t made_pixels(const fk_front *f)
{
    const fk_preprocess *p = &f->runner->model->pre;
    fk_map_size size = fk_preprocess_input(p);

    return p->tile > 0 || (f->to_learn && p->turns > 1) ? size.height * size.width : 0;
}

fleck_status fk_front_open(fk_front *f, fleck_error *err)
{
    int64_t threads = f->runner->threads;
    fleck_status st;

    fk_gate_init(&f->decoding, DECODING_BYTES);
    FK_DO(FK_CALLOC(&f->canvases, f->room, err));
    FK_DO(FK_CALLOC(&f->errors, f->room, err));
    FK_DO(FK_CALLOC(&f->pieces, f->block, err));
    FK_DO(FK_ALLOC(&f->inputs, threads, err));
    FK_DO(FK_ALLOC(&f->tiles, threads * made_pixels(f) * 3 + 1, err));
done:
    if (st != FLECK_OK)
        fk_front_close(f);
    return st;
}

void fk_front_close(fk_front *f)
{
    if (f->runner == NULL)
        return;
    fk_front_shorten(f, 0);
    fk_gate_free(&f->decoding);
    fk_runner_trim(f->runner, f->runner->threads);
    fk_free(f->canvases);
    fk_free(f->errors);
    fk_free(f->pieces);
    fk_free(f->inputs);
    fk_free(f->tiles);
    *f = (fk_front){0};
}

void fk_front_shorten(fk_front *f, int64_t n)
{
    for (int64_t i = n; i < f->n; i++)
        fk_canvas_free(&f->canvases[i]);
    f->n = n;
}

int64_t fk_front_image(const fk_front *f, int64_t item)
{
    return f->order != NULL ? f->order[f->first + item] : f->first + item;
}

/* ---- Images to canvases ---- */

static int64_t bytes_of(const fk_image *im)
{
    return im->data != NULL ? im->width * im->height * im->channels : 0;
}

/* Bytes that the canvas will need for its background, and to leave it out. */
static int64_t background_bytes(const fk_front *f, const fk_canvas *c)
{
    return f->runner->model->foreground.dim > 0 ? 2 * c->pixels.width * c->pixels.height : 0;
}

/* Whether image `item` may join the group.  The budget does not limit the first images, one for
 * each thread, unless they are huge. */
static bool has_room(fk_front *f, int64_t item)
{
    int64_t taken = atomic_load(&f->taken);

    return f->budget == 0 || item == 0 || taken < f->budget ||
           (item < f->runner->threads && taken < HUGE_BYTES);
}

static fleck_status make_canvas(fk_front *f, int64_t item, int worker, fleck_error *err)
{
    fk_source *s = f->source;
    int64_t i = fk_front_image(f, item);
    fk_canvas *c = &f->canvases[item];
    const char *path = s->masks != NULL ? s->masks[i] : NULL;
    fk_image original = {0}, mask = {0};
    unsigned kinds = 0;
    bool borrowed = false;
    double start;
    fleck_status st;

    FK_DO(fk_source_read(s, f->runner, worker, i, &original, &borrowed, err)); /* names the image */
    if (path != NULL)
        st = fk_runner_mask(f->runner, worker, path, NULL, original.width, original.height, &mask,
                            &kinds, err);
    else
        st = fk_source_mask(s, i, original.width, original.height, &mask, err);
    start = fk_clock_seconds();
    if (st == FLECK_OK)
        st = fk_canvas_make(c, f->runner->model, &original, mask.data != NULL ? &mask : NULL, err);
    c->turns = f->to_learn ? f->runner->model->pre.turns : 0;
    f->runner->lanes[worker].decode += fk_clock_seconds() - start;
    c->kinds = kinds;
    if (st == FLECK_OK && f->whole_masks) {
        c->whole = mask;
        mask = (fk_image){0};
    }
    if (st == FLECK_OK && f->took != NULL)
        st = f->took(f->ctx, item, &original, err);
    if (st != FLECK_OK)
        fk_source_context(s, i, err);
    atomic_fetch_add(&f->taken, bytes_of(&c->pixels) + bytes_of(&c->left_out) + bytes_of(&c->own) +
                                    bytes_of(&c->whole) + background_bytes(f, c));
done:
    if (!borrowed)
        fk_image_free(&original);
    fk_image_free(&mask);
    if (st != FLECK_OK)
        fk_source_stop(s);
    return st;
}

static fleck_status read_one(void *ctx, int64_t item, int worker, fleck_error *err)
{
    fk_front *f = ctx;
    const char *const *files = f->source->files;
    int64_t bytes = 0;
    fleck_status st = FLECK_OK;

    if (files != NULL && f->room > 1 && f->runner->threads > 1)
        bytes = fk_image_peek_bytes(files[fk_front_image(f, item)]);
    fk_gate_enter(&f->decoding, bytes, worker == 0 ? fk_pool_watch(f->runner->pool) : NULL);
    if (has_room(f, item))
        st = make_canvas(f, item, worker, f->each ? &f->errors[item] : err);
    fk_gate_leave(&f->decoding, bytes);
    return f->each ? FLECK_OK : st;
}

fleck_status fk_front_read(fk_front *f, int64_t first, int64_t n, fleck_error *err)
{
    fleck_status st;

    assert(n >= 1 && n <= f->room);
    fk_front_shorten(f, 0);
    f->first = first;
    f->n = n;
    f->next = (fk_piece){0, 0};
    atomic_store(&f->taken, 0);
    for (int64_t i = 0; i < n; i++)
        f->errors[i] = (fleck_error){0};
    FK_DO(fk_pool_run(f->runner->pool, n, read_one, f, err));
    for (n = 0; n < f->n; n++)
        if (f->canvases[n].pixels.data == NULL && f->errors[n].status == FLECK_OK)
            break; /* has_room() refused it */
    fk_front_shorten(f, n);
done:
    return st;
}

/* ---- Canvases to embeddings ---- */

/* List the pieces of the next block; returns their number. */
static int64_t next_pieces(fk_front *f)
{
    int64_t n = 0;

    while (n < f->block && f->next.item < f->n) {
        if (f->errors[f->next.item].status != FLECK_OK ||
            f->next.tile == fk_canvas_pieces(&f->canvases[f->next.item])) {
            f->next = (fk_piece){f->next.item + 1, 0};
        } else {
            f->pieces[n++] = f->next;
            f->next.tile++;
        }
    }
    return n;
}

/* Pieces that go through the network together. */
typedef struct passing {
    fk_front *front;
    int64_t first;
} passing;

static fleck_status flag_one(void *ctx, int64_t k, int worker, fleck_error *err)
{
    const passing *p = ctx;
    const fk_front *f = p->front;
    const fk_piece *piece = &f->pieces[p->first + k];

    fk_canvas *c = &f->canvases[piece->item];
    fk_embedding *e = &f->runner->embeddings[p->first + k];
    fleck_status st = FLECK_OK;

    (void)worker;
    if (f->runner->model->foreground.dim > 0)
        FK_DO(fk_canvas_find_background(c, &f->runner->model->foreground, e, err));
    st = fk_canvas_flag(e, c, piece->tile, f->to_learn, err);
done:
    return st;
}

/* Embed n pieces from `first` on, at most one for each thread. */
static fleck_status embed_pieces(fk_front *f, int64_t first, int64_t n, fleck_error *err)
{
    int64_t pixels = made_pixels(f);
    passing p = {f, first};
    bool masked = f->runner->model->foreground.dim > 0;
    fleck_status st;

    for (int64_t k = 0; k < n; k++) {
        const fk_piece *piece = &f->pieces[first + k];
        const fk_canvas *c = &f->canvases[piece->item];

        masked = masked || c->left_out.data != NULL || c->turns > 1;
        f->inputs[k] = fk_canvas_piece(c, piece->tile, f->tiles + k * pixels * 3);
    }
    FK_DO(fk_runner_embed(f->runner, n, f->inputs, f->runner->embeddings + first, err));
    if (masked)
        FK_DO(fk_pool_run(f->runner->pool, n, flag_one, &p, err));
done:
    return st;
}

/* Record the error `why` for the images of n pieces, unless they have one. */
static void record_error(fk_front *f, int64_t first, int64_t n, const fleck_error *why)
{
    for (int64_t k = first; k < first + n; k++) {
        fleck_error *own = &f->errors[f->pieces[k].item];

        if (own->status != FLECK_OK)
            continue;
        *own = *why;
        fk_source_context(f->source, fk_front_image(f, f->pieces[k].item), own);
    }
}

/* Embed the block's *n pieces; after an error *n is the number of those before it. */
static fleck_status embed_block(fk_front *f, int64_t *n, fleck_error *err)
{
    fleck_status st;

    FK_DO(fk_runner_embeddings(f->runner, *n, err));
    for (int64_t first = 0, count; first < *n; first += count) {
        fleck_error why = {0};

        count = *n - first < f->runner->threads ? *n - first : f->runner->threads;
        st = embed_pieces(f, first, count, &why);
        if (st == FLECK_OK)
            continue;
        if (!f->each)
            fk_source_context(f->source, fk_front_image(f, f->pieces[first].item), &why);
        if (st == FLECK_E_CANCELLED || !f->each)
            FK_FAIL(err, st, "%s", why.message);
        record_error(f, first, count, &why);
        f->next = f->pieces[first]; /* its image has an error now and is skipped */
        *n = first;
        st = FLECK_OK;
    }
done:
    return st;
}

fleck_status fk_front_block(fk_front *f, int64_t *n, fleck_error *err)
{
    fleck_status st;

    do {
        *n = next_pieces(f);
        FK_DO(embed_block(f, n, err));
    } while (*n == 0 && f->next.item < f->n);
done:
    return st;
}
