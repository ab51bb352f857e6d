/* SPDX-License-Identifier: Apache-2.0 */
/* A canvas: an image as the model sees it: resized, cropped, masked, whole or in tiles.
 *
 * Ignored regions are painted with the mean colour of the network's input, which normalisation
 * turns into zero.  So pixels inside change no bit of a score or map, except those that resizing
 * mixed with pixels outside.  Regions that were added when the model was opened are not painted:
 * good images did not have such edges, so these would look like defects. */
#include "view/canvas.h"
#include "base/mem.h"
#include "map/map.h"
#include "view/place.h"
#include "view/rotate.h"
#include "view/traits.h"

#include <math.h>
#include <string.h>

void fk_canvas_free(fk_canvas *c)
{
    fk_image_free(&c->pixels);
    fk_image_free(&c->left_out);
    fk_image_free(&c->own);
    fk_image_free(&c->whole);
    fk_image_free(&c->background);
    fk_free(c->traits);
    *c = (fk_canvas){0};
}

/* ---- Masks ---- */

/* The mask of m's fit, or (more) with the regions added when m was opened; empty: none. */
static fk_image mask_of(const fk_model *m, bool more)
{
    return more && m->more != NULL ? (fk_image){m->more_width, m->more_height, 1, m->more}
                                   : (fk_image){m->mask_width, m->mask_height, 1, m->mask};
}

/* The same for an image of this size, at the image's size or (canvas) its canvas's. */
static fleck_status models_mask(fk_image *out, const fk_model *m, bool more, int64_t width,
                                int64_t height, bool canvas, fleck_error *err)
{
    fk_image mask = mask_of(m, more);
    fleck_status st;

    if (m->pre.width == 0)
        return fk_image_resize(out, &mask, width, height, FK_FILTER_NEAREST, err);
    if (canvas)
        return fk_image_resize(out, &mask, mask.width, mask.height, FK_FILTER_NEAREST, err);
    st = fk_image_init(out, width, height, 1, err);
    if (st == FLECK_OK)
        fk_place_mask_back(out->data, height, width, mask.data, &m->pre);
    return st;
}

/* Add what, which is empty or has out's size, to out. */
static void unite(fk_image *out, const fk_image *what)
{
    for (int64_t i = 0; i < what->width * what->height; i++)
        out->data[i] |= what->data[i];
}

/* Set out to the union of the model's mask (see mask_of()) and own, which may be empty. */
static fleck_status leave_out(fk_image *out, const fk_model *m, bool more, const fk_image *own,
                              int64_t width, int64_t height, bool canvas, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    *out = (fk_image){0};
    if (mask_of(m, more).data != NULL)
        FK_DO(models_mask(out, m, more, width, height, canvas, err));
    else if (own->data != NULL)
        FK_DO(fk_image_init(out, own->width, own->height, 1, err));
    if (own->data != NULL)
        unite(out, own);
done:
    return st;
}

fleck_status fk_left_out(fk_image *out, const fk_model *m, const fk_image *own, int64_t width,
                         int64_t height, fleck_error *err)
{
    const fk_image none = {0};
    fleck_status st = leave_out(out, m, true, own != NULL ? own : &none, width, height, false, err);

    if (st != FLECK_OK)
        fk_image_free(out);
    return st;
}

/* ---- Making ---- */

static void paint(fk_image *pixels, const fk_image *left_out, const float mean[3])
{
    uint8_t colour[3];

    for (int c = 0; c < 3; c++)
        colour[c] = (uint8_t)lrint(fmin(fmax(255.0 * (double)mean[c], 0.0), 255.0));
    for (int64_t i = 0; i < left_out->width * left_out->height; i++)
        if (left_out->data[i] != 0)
            memcpy(pixels->data + 3 * i, colour, 3);
}

/* Resize and crop the image, or copy it. */
static fleck_status fit_pixels(fk_image *out, const fk_preprocess *p, const fk_image *original,
                               fleck_error *err)
{
    fk_filter filter;

    if (!fk_filter_parse(p->resize, &filter))
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "resize filter \"%s\" is not known",
                            p->resize);
    if (p->width == 0)
        return fk_image_resize(out, original, original->width, original->height, filter, err);
    return fk_image_resize_centre(out, original, p->width, p->height, p->crop_width, p->crop_height,
                                  filter, err);
}

fleck_status fk_canvas_make(fk_canvas *out, const fk_model *m, const fk_image *original,
                            const fk_image *own, fleck_error *err)
{
    const fk_preprocess *p = &m->pre;
    int64_t width = original->width, height = original->height;
    fleck_status st;

    *out = (fk_canvas){.tiled = p->tile > 0, .width = width, .height = height};
    FK_DO(fit_pixels(&out->pixels, p, original, err));
    if (own != NULL)
        FK_DO(fk_place_mask(&out->own, own, p, err));
    FK_DO(leave_out(&out->left_out, m, false, &out->own, width, height, true, err));
    if (out->left_out.data != NULL)
        paint(&out->pixels, &out->left_out, m->nets[0].mean);
    FK_DO(FK_ALLOC(&out->traits, 1, err));
    FK_DO(fk_traits_find(out->traits, &out->pixels, &out->left_out, width, height, err));
    if (m->more != NULL) {
        fk_image_free(&out->left_out);
        FK_DO(leave_out(&out->left_out, m, true, &out->own, width, height, true, err));
    }
    out->tiles = (fk_tiles){out->pixels.height, out->pixels.width, 0, 1, 1};
    if (out->tiled)
        out->tiles = fk_tiles_of(out->pixels.height, out->pixels.width, p->tile, p->overlap);
done:
    if (st != FLECK_OK)
        fk_canvas_free(out);
    return st;
}

/* ---- Background ---- */

/* Set background to the pixels whose position is not shown and that left_out does not have. */
static int64_t mark_background(fk_canvas *c, const fk_level *level, const uint8_t *shown)
{
    fk_image *im = &c->background;
    int64_t count = 0;

    for (int64_t y = 0; y < im->height; y++) {
        const uint8_t *row = shown + y * level->height / im->height * level->width;

        for (int64_t x = 0; x < im->width; x++) {
            int64_t i = y * im->width + x;
            bool out = c->left_out.data != NULL && c->left_out.data[i] != 0;

            im->data[i] = row[x * level->width / im->width] == 0 && !out ? 255 : 0;
            count += im->data[i] != 0;
        }
    }
    return count;
}

fleck_status fk_canvas_find_background(fk_canvas *c, const fk_foreground *g, const fk_embedding *e,
                                       fleck_error *err)
{
    const fk_level *level = &e->levels[e->n_levels - 1];
    int64_t width = c->pixels.width, height = c->pixels.height;
    uint8_t *shown = NULL;
    fleck_status st;

    FK_DO(FK_ALLOC(&shown, level->height * level->width, err));
    FK_DO(fk_foreground_find(shown, &c->above, g, level, err));
    if (g->share > 0.0 && c->above < g->least / 2.0)
        goto done;
    FK_DO(fk_image_init(&c->background, width, height, 1, err));
    if (mark_background(c, level, shown) == 0) {
        fk_image_free(&c->background);
        goto done;
    }
    if (c->left_out.data == NULL)
        FK_DO(fk_image_init(&c->left_out, width, height, 1, err));
    unite(&c->left_out, &c->background);
done:
    fk_free(shown);
    return st;
}

/* ---- Pieces ---- */

int64_t fk_canvas_pieces(const fk_canvas *c)
{
    return c->tiles.rows * c->tiles.columns * (c->turns > 1 ? c->turns : 1);
}

const uint8_t *fk_canvas_piece(const fk_canvas *c, int64_t i, uint8_t *room)
{
    if (!c->tiled && i == 0)
        return c->pixels.data;
    if (c->tiled)
        fk_tile_cut(room, &c->pixels, &c->tiles, i);
    else
        fk_rotate_pixels(room, &c->pixels, i, c->turns);
    return room;
}

/* Set to `flag` the flags of positions whose value spreads to an ignored pixel of the piece or
 * (free) to one that is not ignored.  Flags that are 0 change only with free. */
static void mark(fk_level *level, const fk_image *piece, bool free, uint8_t flag)
{
    for (int64_t y = 0; y < piece->height; y++) {
        int64_t rows[2];
        double down;

        fk_map_source(y, piece->height, level->height, &rows[0], &rows[1], &down);
        for (int64_t x = 0; x < piece->width; x++) {
            int64_t columns[2];
            double right;

            if ((piece->data[y * piece->width + x] == 0) != free)
                continue;
            fk_map_source(x, piece->width, level->width, &columns[0], &columns[1], &right);
            for (int i = 0; i < (down > 0.0 ? 2 : 1); i++)
                for (int j = 0; j < (right > 0.0 ? 2 : 1); j++) {
                    uint8_t *at = &level->valid[rows[i] * level->width + columns[j]];

                    *at = free || *at != 0 ? flag : 0;
                }
        }
    }
}

/* Piece i of a mask: a view, or a copy in room. */
static fk_image mask_piece(const fk_canvas *c, const fk_image *mask, int64_t i, uint8_t *room)
{
    if (!c->tiled)
        return *mask;
    fk_tile_cut(room, mask, &c->tiles, i);
    return (fk_image){c->tiles.tile, c->tiles.tile, 1, room};
}

/* The same as fk_canvas_flag() of a rotated copy.  What came from outside the image is not learned,
 * nor is what lies beside it: no image has such edges. */
static fleck_status flag_rotated(fk_embedding *e, const fk_canvas *c, int64_t i, fleck_error *err)
{
    fk_image piece = {c->pixels.width, c->pixels.height, 1, NULL};
    fleck_status st;

    FK_DO(FK_ALLOC(&piece.data, piece.width * piece.height, err));
    for (int k = 0; k < e->n_levels; k++) {
        fk_level *level = &e->levels[k];

        FK_DO(FK_CALLOC(&level->valid, level->height * level->width, err));
        fk_rotate_mask(piece.data, &c->left_out, piece.height, piece.width, i, c->turns);
        mark(level, &piece, true, 1);
        fk_rotate_mask(piece.data, &c->own, piece.height, piece.width, i, c->turns);
        mark(level, &piece, false, 0);
    }
done:
    fk_free(piece.data);
    return st;
}

fleck_status fk_canvas_flag(fk_embedding *e, const fk_canvas *c, int64_t i, bool to_learn,
                            fleck_error *err)
{
    uint8_t *room = NULL;
    fleck_status st = FLECK_OK;

    fk_embedding_unflag(e);
    if (i > 0 && !c->tiled)
        return flag_rotated(e, c, i, err);
    if (c->left_out.data == NULL)
        return FLECK_OK;
    if (c->tiled)
        FK_DO(FK_ALLOC(&room, c->tiles.tile * c->tiles.tile, err));
    for (int k = 0; k < e->n_levels; k++) {
        fk_level *level = &e->levels[k];
        fk_image piece = mask_piece(c, &c->left_out, i, room);

        FK_DO(FK_CALLOC(&level->valid, level->height * level->width, err));
        mark(level, &piece, true, 1);
        if (c->own.data == NULL)
            continue;
        piece = mask_piece(c, &c->own, i, room);
        mark(level, &piece, false, to_learn ? 0 : FK_SCORED_ONLY);
    }
done:
    fk_free(room);
    return st;
}
