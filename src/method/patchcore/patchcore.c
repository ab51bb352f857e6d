/* SPDX-License-Identifier: Apache-2.0 */
/* PatchCore: the distance to the nearest of a well-spread bank of good patches (Roth et al.
 * 2022). */
#include "method/patchcore/patchcore.h"
#include "base/mem.h"
#include "linalg/linalg.h"
#include "method/methods.h"

#include <string.h>

/* Of a block's patches this many times the bank's share are kept, see
 * docs/decisions/patchcore-blocks.md. */
#define SPARE 1

static const fk_option OPTIONS[] = {
    {.name = "coreset",
     .kind = FK_OPTION_REAL,
     .initial = "0.01",
     .min = 1e-6,
     .max = 1,
     .help = "share of the good patches that the bank keeps, chosen by greedy k-center; 0.1 and "
             "0.01 in the paper, 1 keeps all"},
    {.name = "min-bank",
     .kind = FK_OPTION_INT,
     .initial = "1000",
     .min = 0,
     .max = 1048576,
     .help =
         "patches that the bank keeps at least, where there are so many: a share of few photos' "
         "patches is too little; 0 in the paper"},
    {.name = "projection",
     .kind = FK_OPTION_INT,
     .initial = "128",
     .min = 0,
     .max = 65536,
     .help = "width of the random projection in which they are chosen, where patches have twice as "
             "many numbers (128 in the authors' code); 0: none"},
    FK_METHOD_PATCH_OPTIONS(65536),
    {.name = "reweight",
     .kind = FK_OPTION_INT,
     .initial = "0",
     .min = 0,
     .max = 1000,
     .after_fit = true,
     .help = "neighbours of the paper's equation 7, which lowers the score of patches whose "
             "neighbour lies among many (9 is usual); 0 or 1: the plain distance, as in the "
             "authors' code"},
    {.name = "block",
     .kind = FK_OPTION_INT,
     .initial = "672",
     .min = 1,
     .max = 1048576,
     .help = "MiB of patches that are held before they are reduced; where all fit, 219 images at "
             "224x224, the bank is the plain greedy choice's"},
    {.name = "seed",
     .kind = FK_OPTION_INT,
     .initial = "0",
     .min = 0,
     .max = 9007199254740991.0,
     .help = "seed of the projection and of the choice's first ten points"},
    {0}};

static int64_t positions(const fk_patchcore *s)
{
    return s->shape.levels[0].height * s->shape.levels[0].width;
}

static void patchcore_free(void *state)
{
    fk_patchcore *s = state;

    if (s == NULL)
        return;
    fk_patchcore_clear(s);
    fk_free(s);
}

static fleck_status patchcore_begin(void **state, const fk_options *o, const fk_embed_shape *shape,
                                    fk_map_size map, fleck_error *err)
{
    fk_patchcore *s = NULL;
    int64_t values;
    fleck_status st;

    *state = NULL;
    FK_DO(fk_embed_shape_single(shape, "patchcore", err));
    FK_DO(fk_linalg_begin(err));
    FK_DO(FK_CALLOC(&s, 1, err));
    s->shape = *shape;
    s->map = map;
    s->fraction = fk_options_real(o, "coreset");
    s->least = fk_options_int(o, "min-bank");
    s->spare = SPARE;
    s->projection = fk_options_int(o, "projection");
    s->seed = (uint64_t)fk_options_int(o, "seed");
    s->reweight = fk_options_int(o, "reweight");
    values = positions(s) * shape->levels[0].dim;
    s->block = (fk_options_int(o, "block") << 20) / (int64_t)sizeof(float) / values;
    s->block = s->block > 1 ? s->block : 1;
    *state = s;
done:
    return st;
}

/* Blocks of another size would give another bank, so there is no way around what they take. */
static fleck_status patchcore_limit(void *state, const fk_memory *m, int64_t *least,
                                    fleck_error *err)
{
    ((fk_patchcore *)state)->expected = m->images;
    *least = fk_patchcore_bytes(state, m->images);
    if (m->bytes > 0 && m->bytes < *least)
        return fk_error_set(err, FLECK_E_LIMIT,
                            "patchcore: blocks of patches, what is kept of them and the bank of "
                            "%lld images take %lld bytes, %lld are allowed",
                            (long long)m->images, (long long)*least, (long long)m->bytes);
    return FLECK_OK;
}

static fleck_status patchcore_add(void *state, const fk_embedding *const *images, int64_t n,
                                  fk_pool *pool, fleck_error *err)
{
    fk_patchcore *s = state;
    fleck_status st = FLECK_OK;

    FK_DO(fk_embeddings_check(images, n, &s->shape, pool, err));
    for (int64_t i = 0; i < n; i++) {
        FK_DO(fk_patchcore_take(s, images[i]->levels[0].data, images[i]->levels[0].valid,
                                positions(s), s->n, pool, err));
        s->n++;
    }
done:
    if (st != FLECK_OK)
        fk_error_context(err, "patchcore");
    return st;
}

static fleck_status patchcore_merge(void *state, void *other, fleck_error *err)
{
    fk_patchcore *a = state, *b = other;
    const fk_level *x = &a->shape.levels[0], *y = &b->shape.levels[0];

    if (x->height != y->height || x->width != y->width || x->dim != y->dim)
        return fk_error_set(err, FLECK_E_SHAPE,
                            "patchcore: states to merge must be of embeddings of one shape");
    return fk_patchcore_join(a, b, err);
}

static void patchcore_part(void *state, const fk_parts *parts)
{
    ((fk_patchcore *)state)->parts = parts;
}

static fleck_status patchcore_finish(void *state, fk_pool *pool, fleck_error *err)
{
    fk_patchcore *s = state;
    fleck_status st = FLECK_OK;

    if (s->finished)
        return FLECK_OK;
    if (s->seen < 1)
        FK_FAIL(err, FLECK_E_STATE,
                "patchcore needs at least 1 good image with a place that is not masked, got %lld "
                "images",
                (long long)s->n);
    FK_DO(fk_patchcore_choose(s, pool, err));
    s->finished = true;
done:
    return st;
}

static int64_t patchcore_count(const void *state)
{
    return ((const fk_patchcore *)state)->n;
}

/* ---- Saving and loading ---- */

static fleck_status patchcore_save(const void *state, fk_st_writer *w, fk_json *meta,
                                   fleck_error *err)
{
    const fk_patchcore *s = state;
    const fk_bank *b = &s->bank;
    fleck_status st;

    if (!s->finished)
        FK_FAIL(err, FLECK_E_STATE, "patchcore: finish the fit before saving");
    if (!fk_json_put_int(meta, "images", s->n) || !fk_json_put_int(meta, "patches", s->seen))
        FK_FAIL(err, FLECK_E_NOMEM, "patchcore: the state could not be written as JSON");
    FK_DO(fk_st_writer_add_data(w, "method.bank", FK_F32, 2, (int64_t[]){b->n, b->dim}, b->rows,
                                err));
    FK_DO(fk_st_writer_add_data(w, "method.images", FK_I64, 1, (int64_t[]){b->n}, b->images, err));
    if (b->width > 0) {
        FK_DO(fk_st_writer_add_data(w, "method.turn", FK_F32, 2, (int64_t[]){b->width, b->dim},
                                    b->turn, err));
        FK_DO(fk_st_writer_add_data(w, "method.centre", FK_F32, 1, (int64_t[]){b->dim}, b->centre,
                                    err));
    }
done:
    return st;
}

/* Coarse coordinates of the bank, where the file has them. */
static fleck_status load_turn(fk_bank *b, const fk_st_reader *r, fleck_error *err)
{
    fk_tensor turn, centre;
    fleck_status st = FLECK_OK;

    if (!fk_st_has(r, "method.turn"))
        return FLECK_OK;
    FK_DO(fk_st_get_checked(r, "method.turn", FK_F32, 2, (int64_t[]){-1, b->dim}, &turn, err));
    FK_DO(fk_st_get_checked(r, "method.centre", FK_F32, 1, (int64_t[]){b->dim}, &centre, err));
    if (turn.shape[0] < 1 || turn.shape[0] > b->dim)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: method.turn: expected 1 to %lld rows, found %lld",
                fk_st_name(r), (long long)b->dim, (long long)turn.shape[0]);
    if (!fk_embed_finite(turn.data, turn.shape[0] * b->dim) ||
        !fk_embed_finite(centre.data, b->dim))
        FK_FAIL(err, FLECK_E_FORMAT,
                "%s: method.turn or method.centre holds numbers that are not finite",
                fk_st_name(r));
    b->width = turn.shape[0];
    b->turn = turn.data;
    b->centre = centre.data;
done:
    return st;
}

static fleck_status patchcore_load(void **state, const fk_options *o, const fk_embed_shape *shape,
                                   fk_map_size map, const fk_st_reader *r, const fk_json *meta,
                                   fleck_error *err)
{
    void *made = NULL;
    fk_patchcore *s;
    fk_tensor rows, images;
    fleck_status st;

    *state = NULL;
    FK_DO(patchcore_begin(&made, o, shape, map, err));
    s = made;
    if (!fk_json_get_int(meta, "images", &s->n) || !fk_json_get_int(meta, "patches", &s->seen) ||
        s->n < 1 || s->seen < 1)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: patchcore: images or patches is missing or below 1",
                fk_st_name(r));
    FK_DO(fk_st_get_checked(r, "method.bank", FK_F32, 2, (int64_t[]){-1, shape->levels[0].dim},
                            &rows, err));
    FK_DO(
        fk_st_get_checked(r, "method.images", FK_I64, 1, (int64_t[]){rows.shape[0]}, &images, err));
    s->bank = (fk_bank){
        .n = rows.shape[0], .dim = shape->levels[0].dim, .rows = rows.data, .images = images.data};
    if (s->bank.n < 1 || s->bank.n > s->seen)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: method.bank: expected 1 to %lld patches, found %lld",
                fk_st_name(r), (long long)s->seen, (long long)s->bank.n);
    for (int64_t i = 0; i < s->bank.n; i++)
        if (s->bank.images[i] < 0 || s->bank.images[i] >= s->n)
            FK_FAIL(err, FLECK_E_FORMAT, "%s: method.images: expected 0 to %lld, found %lld",
                    fk_st_name(r), (long long)s->n - 1, (long long)s->bank.images[i]);
    if (!fk_embed_finite(s->bank.rows, s->bank.n * s->bank.dim))
        FK_FAIL(err, FLECK_E_FORMAT, "%s: method.bank holds numbers that are not finite",
                fk_st_name(r));
    FK_DO(load_turn(&s->bank, r, err));
    FK_DO(fk_bank_measure(&s->bank, err));
    s->finished = true;
    *state = s;
    made = NULL;
done:
    patchcore_free(made);
    return st;
}

const fk_method fk_method_patchcore = {.name = "patchcore",
                                       .title = "PatchCore: the nearest of a bank of good patches",
                                       .reference =
                                           "Roth, Pemula, Zepeda, Schoelkopf, Brox and Gehler: "
                                           "Towards Total Recall in Industrial Anomaly Detection, "
                                           "arXiv 2106.08265, 2022",
                                       .options = OPTIONS,
                                       .score_kind = FK_SCORE_GLOBAL,
                                       .flags = FK_METHOD_EXCLUDES | FK_METHOD_EXCLUDES_FOLDS,
                                       .resize = "bilinear",
                                       .skip_taps = 1,
                                       .embed = fk_method_embed_patches,
                                       .begin = patchcore_begin,
                                       .limit = patchcore_limit,
                                       .add = patchcore_add,
                                       .merge = patchcore_merge,
                                       .part = patchcore_part,
                                       .finish = patchcore_finish,
                                       .scratch_size = fk_patchcore_scratch_size,
                                       .score = fk_patchcore_score,
                                       .count = patchcore_count,
                                       .save = patchcore_save,
                                       .load = patchcore_load,
                                       .free = patchcore_free};
