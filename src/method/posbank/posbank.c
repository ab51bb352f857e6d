/* SPDX-License-Identifier: Apache-2.0 */
/* PosBank: the distance to the nearest of the features that good images have nearby (Weatherly and
 * Lin 2026, whose DINOSaur it follows). */
#include "method/posbank/posbank.h"
#include "base/mem.h"
#include "linalg/linalg.h"
#include "method/methods.h"

#include <string.h>

static const fk_option OPTIONS[] = {
    {.name = "coreset",
     .kind = FK_OPTION_REAL,
     .initial = "0.1",
     .min = 1e-6,
     .max = 1,
     .help = "share of a position's good features that its bank keeps, chosen by greedy k-center; "
             "1 keeps all"},
    {.name = "min-bank",
     .kind = FK_OPTION_INT,
     .initial = "20",
     .min = 1,
     .max = 1048576,
     .help = "features that the bank of a position keeps at least, where there are so many; 20 in "
             "the authors' code"},
    {.name = "radius",
     .kind = FK_OPTION_INT,
     .initial = "3",
     .min = 0,
     .max = 10000,
     .after_fit = true,
     .help = "banks of positions at most so many rows and columns away are searched; 0: of the "
             "same position only; 3 in the authors' code"},
    FK_METHOD_PATCH_OPTIONS(65536),
    {0}};

static void candidates_free(fk_candidates *c)
{
    fk_free(c->first);
    fk_free(c->rows);
    fk_free(c->position);
    fk_free(c->image);
    *c = (fk_candidates){0};
}

/* Free all that was learned. */
static void make_empty(fk_posbank *s)
{
    candidates_free(&s->all);
    fk_banks_free(&s->banks);
    fk_exclusions_free(&s->exclusions, fk_posbank_positions(s));
    s->n = 0;
    s->finished = s->loaded = false;
}

static void posbank_free(void *state)
{
    if (state != NULL)
        make_empty(state);
    fk_free(state);
}

static fleck_status posbank_begin(void **state, const fk_options *o, const fk_embed_shape *shape,
                                  fk_map_size map, fleck_error *err)
{
    fk_posbank *s = NULL;
    fleck_status st;

    *state = NULL;
    FK_DO(fk_embed_shape_single(shape, "posbank", err));
    FK_DO(FK_CALLOC(&s, 1, err));
    s->shape = *shape;
    s->map = map;
    s->fraction = fk_options_real(o, "coreset");
    s->least = fk_options_int(o, "min-bank");
    s->radius = fk_options_int(o, "radius");
    *state = s;
done:
    return st;
}

/* ---- Learning ---- */

/* Make room for `more` candidates.  It grows by half, so that the total cost of copying is
 * linear. */
static fleck_status reserve(fk_candidates *c, int64_t more, int64_t dim, fleck_error *err)
{
    int64_t room = c->n + c->n / 2, values;
    fk_candidates larger = {.n = c->n};
    fleck_status st = FLECK_OK;

    if (c->n + more <= c->room)
        return FLECK_OK;
    larger.room = room = room < c->n + more ? c->n + more : room;
    if (!fk_mul_fits(room, dim, &values))
        FK_FAIL(err, FLECK_E_NOMEM, "posbank: %lld features of %lld numbers do not fit",
                (long long)room, (long long)dim);
    FK_DO(FK_ALLOC(&larger.rows, values, err));
    FK_DO(FK_ALLOC(&larger.position, room, err));
    FK_DO(FK_ALLOC(&larger.image, room, err));
    if (c->n > 0) {
        memcpy(larger.rows, c->rows, (size_t)(c->n * dim) * sizeof(float));
        memcpy(larger.position, c->position, (size_t)c->n * sizeof(int32_t));
        memcpy(larger.image, c->image, (size_t)c->n * sizeof(int32_t));
    }
    candidates_free(c);
    *c = larger;
    larger = (fk_candidates){0};
done:
    candidates_free(&larger);
    return st;
}

static void append(fk_candidates *c, const float *row, int64_t dim, int64_t position, int64_t image)
{
    memcpy(c->rows + c->n * dim, row, (size_t)dim * sizeof(float));
    c->position[c->n] = (int32_t)position;
    c->image[c->n++] = (int32_t)image;
}

/* The candidates of a loaded state are what its banks hold, in order of images. */
static fleck_status reopen(fk_posbank *s, fleck_error *err)
{
    const fk_banks *b = &s->banks;
    int64_t n_positions = fk_posbank_positions(s), dim = s->shape.levels[0].dim;
    int64_t *at = NULL; /* [images + 1] */
    fleck_status st = FLECK_OK;

    if (!s->loaded)
        return FLECK_OK;
    FK_DO(FK_CALLOC(&at, s->n + 2, err));
    FK_DO(reserve(&s->all, b->begin[n_positions], dim, err));
    for (int64_t i = 0; i < b->begin[n_positions]; i++)
        at[b->image[i] + 2]++;
    for (int64_t i = 2; i < s->n + 2; i++)
        at[i] += at[i - 1];
    s->all.n = b->begin[n_positions];
    for (int64_t p = 0; p < n_positions; p++)
        for (int64_t i = b->begin[p]; i < b->begin[p + 1]; i++) {
            fk_candidates one = s->all;

            one.n = at[b->image[i] + 1]++;
            append(&one, b->rows + i * dim, dim, p, b->image[i]);
        }
    s->loaded = false;
done:
    fk_free(at);
    return st;
}

static fleck_status posbank_add(void *state, const fk_embedding *const *images, int64_t n,
                                fk_pool *pool, fleck_error *err)
{
    fk_posbank *s = state;
    int64_t n_positions = fk_posbank_positions(s), dim = s->shape.levels[0].dim;
    fleck_status st;

    FK_DO(fk_embeddings_check(images, n, &s->shape, pool, err));
    if (s->n + n > INT32_MAX || n_positions > INT32_MAX)
        FK_FAIL(err, FLECK_E_LIMIT, "expected at most %d images and positions", INT32_MAX);
    FK_DO(reopen(s, err));
    FK_DO(reserve(&s->all, n * n_positions, dim, err));
    for (int64_t i = 0; i < n; i++) {
        const fk_level *level = &images[i]->levels[0];

        for (int64_t p = 0; p < n_positions; p++)
            if (level->valid == NULL || level->valid[p] == 1)
                append(&s->all, level->data + p * dim, dim, p, s->n);
        s->n++;
    }
    s->finished = false;
done:
    if (st != FLECK_OK)
        fk_error_context(err, "posbank");
    return st;
}

static fleck_status posbank_merge(void *state, void *other, fleck_error *err)
{
    fk_posbank *a = state, *b = other;
    const fk_level *x = &a->shape.levels[0], *y = &b->shape.levels[0];
    fleck_status st;

    if (x->height != y->height || x->width != y->width || x->dim != y->dim)
        FK_FAIL(err, FLECK_E_SHAPE, "posbank: states to merge must be of embeddings of one shape");
    FK_DO(reopen(a, err));
    FK_DO(reopen(b, err));
    FK_DO(reserve(&a->all, b->all.n, x->dim, err));
    for (int64_t i = 0; i < b->all.n; i++)
        append(&a->all, b->all.rows + i * x->dim, x->dim, b->all.position[i],
               a->n + b->all.image[i]);
    a->n += b->n;
    a->finished = false;
    make_empty(b);
done:
    return st;
}

static void posbank_part(void *state, const fk_parts *parts)
{
    ((fk_posbank *)state)->parts = parts;
}

static fleck_status posbank_finish(void *state, fk_pool *pool, fleck_error *err)
{
    fk_posbank *s = state;
    fleck_status st = FLECK_OK;

    if (s->finished)
        goto done;
    if (s->all.n < 1)
        FK_FAIL(err, FLECK_E_STATE,
                "posbank needs at least 1 good image with a place that is not masked, got %lld "
                "images",
                (long long)s->n);
    FK_DO(fk_posbank_choose(s, pool, err));
    s->finished = true;
done:
    s->parts = NULL;
    return st;
}

static int64_t posbank_count(const void *state)
{
    return ((const fk_posbank *)state)->n;
}

/* ---- Saving and loading ---- */

static fleck_status posbank_save(const void *state, fk_st_writer *w, fk_json *meta,
                                 fleck_error *err)
{
    const fk_posbank *s = state;
    const fk_banks *b = &s->banks;
    int64_t n_positions = fk_posbank_positions(s), n;
    fleck_status st;

    if (!s->finished)
        FK_FAIL(err, FLECK_E_STATE, "posbank: finish the fit before saving");
    n = b->begin[n_positions];
    if (!fk_json_put_int(meta, "images", s->n))
        FK_FAIL(err, FLECK_E_NOMEM, "posbank: the state could not be written as JSON");
    FK_DO(fk_st_writer_add_data(w, "method.begin", FK_I64, 1, (int64_t[]){n_positions + 1},
                                b->begin, err));
    FK_DO(fk_st_writer_add_data(w, "method.bank", FK_F32, 2, (int64_t[]){n, s->shape.levels[0].dim},
                                b->rows, err));
    FK_DO(fk_st_writer_add_data(w, "method.images", FK_I32, 1, &n, b->image, err));
done:
    return st;
}

/* Copy what a file has of the banks, and check it. */
static fleck_status load_banks(fk_posbank *s, const fk_st_reader *r, fleck_error *err)
{
    int64_t n_positions = fk_posbank_positions(s), dim = s->shape.levels[0].dim, n;
    fk_banks *b = &s->banks;
    fk_tensor begin, rows, image;
    fleck_status st;

    FK_DO(fk_st_get_checked(r, "method.bank", FK_F32, 2, (int64_t[]){-1, dim}, &rows, err));
    n = rows.shape[0];
    FK_DO(fk_st_get_checked(r, "method.images", FK_I32, 1, &n, &image, err));
    FK_DO(
        fk_st_get_checked(r, "method.begin", FK_I64, 1, (int64_t[]){n_positions + 1}, &begin, err));
    FK_DO(FK_ALLOC(&b->begin, n_positions + 1, err));
    FK_DO(FK_ALLOC(&b->rows, n * dim, err));
    FK_DO(FK_ALLOC(&b->image, n, err));
    memcpy(b->begin, begin.data, (size_t)(n_positions + 1) * sizeof *b->begin);
    memcpy(b->rows, rows.data, (size_t)(n * dim) * sizeof *b->rows);
    memcpy(b->image, image.data, (size_t)n * sizeof *b->image);
    if (n < 1 || b->begin[0] != 0 || b->begin[n_positions] != n)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: method.begin: expected 0 to %lld, of 1 at least",
                fk_st_name(r), (long long)n);
    for (int64_t p = 0; p < n_positions; p++)
        if (b->begin[p + 1] < b->begin[p])
            FK_FAIL(err, FLECK_E_FORMAT, "%s: method.begin: expected numbers that rise",
                    fk_st_name(r));
    for (int64_t i = 0; i < n; i++)
        if (b->image[i] < 0 || b->image[i] >= s->n)
            FK_FAIL(err, FLECK_E_FORMAT, "%s: method.images: expected 0 to %lld, found %d",
                    fk_st_name(r), (long long)s->n - 1, b->image[i]);
    if (!fk_embed_finite(b->rows, n * dim))
        FK_FAIL(err, FLECK_E_FORMAT, "%s: method.bank holds numbers that are not finite",
                fk_st_name(r));
done:
    return st;
}

static fleck_status posbank_load(void **state, const fk_options *o, const fk_embed_shape *shape,
                                 fk_map_size map, const fk_st_reader *r, const fk_json *meta,
                                 fleck_error *err)
{
    void *made = NULL;
    fk_posbank *s;
    fleck_status st;

    *state = NULL;
    FK_DO(posbank_begin(&made, o, shape, map, err));
    s = made;
    if (!fk_json_get_int(meta, "images", &s->n) || s->n < 1 || s->n > INT32_MAX)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: posbank: images is missing or not from 1 to %d",
                fk_st_name(r), INT32_MAX);
    FK_DO(load_banks(s, r, err));
    s->finished = s->loaded = true;
    *state = s;
    made = NULL;
done:
    posbank_free(made);
    return st;
}

const fk_method fk_method_posbank = {
    .name = "posbank",
    .title = "PosBank: the nearest of good features nearby",
    .reference = "Weatherly and Lin: Rethinking Continual Anomaly "
                 "Detection on the Edge, arXiv 2605.24251, 2026 (DINOSaur)",
    .options = OPTIONS,
    .score_kind = FK_SCORE_GLOBAL,
    .flags = FK_METHOD_EXCLUDES | FK_METHOD_EXCLUDES_FOLDS | FK_METHOD_ORDERED,
    .resize = "bilinear",
    .skip_taps = 1,
    .embed = fk_method_embed_patches,
    .begin = posbank_begin,
    .add = posbank_add,
    .merge = posbank_merge,
    .part = posbank_part,
    .finish = posbank_finish,
    .scratch_size = fk_posbank_scratch_size,
    .score = fk_posbank_score,
    .count = posbank_count,
    .save = posbank_save,
    .load = posbank_load,
    .free = posbank_free};
