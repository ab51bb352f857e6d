/* SPDX-License-Identifier: Apache-2.0 */
/* MH-PatchCore: nearest of a small bank of patches, by Mahalanobis distance.
 *
 * With mean m, and variances l_1 >= l_2 >= .. and principal components v_1, v_2, .. of all patches,
 * the first d of which hold `variance` of the variance, a patch x becomes
 *
 *   y_j = v_j'(x - m)    z_j = y_j / sqrt((1 - a) l_j + a t)    t = (l_1 + .. + l_d) / d
 *
 * a is the shrinkage.  The authors project, take the covariance S of the y in a further pass,
 * shrink it, S' = (1 - a) S + a tr(S)/d I, factor S' = L L' and let z = L^-1 y.  With the
 * components of one covariance S is diag(l), so S' is diagonal and its Cholesky factor is the
 * square root above: one pass and no solve.  Euclid's distance of two z is Mahalanobis' of the x.
 *
 * The bank.  The authors merge and reduce it block by block, in a space that changes while images
 * come, so that it depends on their order.  Here a sample of all patches is kept that no order has
 * a part in (reservoir.h), CANDIDATES times the bank; in the end, in the final z, the bank is
 * chosen from it as PatchCore's is (coreset.h).  What that changes is measured in
 * docs/methods/mhpatchcore.md.
 *
 * A patch's distance s is that to the nearest z of the bank.  Of the patch with the largest s* and
 * its nearest b*, the image's score is, with b* and the others of the K of the bank nearest to b*
 * as B,
 *
 *   (1 - exp(s*) / sum over b in B of exp(|z* - b|)) s*
 *
 * (Roth et al. 2022, eq. 7): less where b* is like the rest of the bank. */
#include "method/methods.h"
#include "method/patchcore/coreset.h"
#include "method/patchcore/refill.h"
#include "method/pca/pca.h"
#include "method/patchcore/reservoir.h"
#include "base/carve.h"
#include "base/mem.h"
#include "map/map.h"
#include "linalg/linalg.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Positions of one piece of scoring. */
#define PIECE 64
#define MAX_NEIGHBOURS 64
/* Patches that the bank is chosen from, for each that it has. */
#define CANDIDATES 8

typedef struct mhpc {
    fk_embed_shape shape;
    fk_map_size map;
    double variance, shrinkage;
    int64_t bank_room, neighbours; /* --bank, --neighbours */
    int64_t images;
    fk_pca pca;
    fk_reservoir sample;
    /* Made by finish; n_bank 0 before: */
    int64_t n_bank, d;      /* B, components */
    const float *bank;      /* [B, D] patches as they were */
    const int64_t *source;  /* [B] image of each, in order of learning */
    const float *mean;      /* [D] */
    const float *whitening; /* [d, D] rows v_j / sqrt(shrunk l_j) */
    fk_bank whitened;       /* [B, d] */
    float *own_bank, *own_whitening;
    int64_t *own_source;
    fk_refill refill;      /* of the whitened bank; empty where nobody told its parts */
    const fk_parts *parts; /* borrowed until finish */
} mhpc;

static const fk_option OPTIONS[] = {
    FK_METHOD_PATCH_OPTIONS(4096),
    {.name = "variance",
     .kind = FK_OPTION_REAL,
     .initial = "0.99",
     .min = 0.01,
     .max = 1,
     .help =
         "part of the patches' variance that the principal components hold (0.99 in the paper)"},
    {.name = "shrinkage",
     .kind = FK_OPTION_REAL,
     .initial = "0.07",
     .min = 0,
     .max = 1,
     .help = "how far the components' variances move to their mean before whitening (0.07 in the "
             "paper; 1: plain distance among the components)"},
    {.name = "bank",
     .kind = FK_OPTION_INT,
     .initial = "1000",
     .min = 1,
     .max = 20000,
     .help = "patches that are kept in the model (1000 in the paper)"},
    {.name = "neighbours",
     .kind = FK_OPTION_INT,
     .initial = "9",
     .min = 0,
     .max = MAX_NEIGHBOURS,
     .after_fit = true,
     .help =
         "patches of the bank that the image's score is weighted by (9 in the paper); 0 or 1: the "
         "largest distance itself"},
    {0}};

static int64_t positions(const mhpc *s)
{
    return s->shape.levels[0].height * s->shape.levels[0].width;
}

/* Drop what finish() made. */
static void unfinish(mhpc *s)
{
    fk_bank_free(&s->whitened);
    fk_refill_free(&s->refill);
    fk_free(s->own_bank);
    fk_free(s->own_source);
    fk_free(s->own_whitening);
    s->own_bank = s->own_whitening = NULL;
    s->own_source = NULL;
    s->bank = s->mean = s->whitening = NULL;
    s->source = NULL;
    s->n_bank = s->d = 0;
}

static void mhpc_free(void *state)
{
    mhpc *s = state;

    if (s == NULL)
        return;
    unfinish(s);
    fk_pca_free(&s->pca);
    fk_reservoir_free(&s->sample);
    fk_free(s);
}

static fleck_status mhpc_begin(void **state, const fk_options *o, const fk_embed_shape *shape,
                               fk_map_size map, fleck_error *err)
{
    mhpc *s = NULL;
    fleck_status st;

    *state = NULL;
    FK_DO(fk_embed_shape_single(shape, "mhpatchcore", err));
    FK_DO(FK_CALLOC(&s, 1, err));
    s->shape = *shape;
    s->map = map;
    s->variance = fk_options_real(o, "variance");
    s->shrinkage = fk_options_real(o, "shrinkage");
    s->bank_room = fk_options_int(o, "bank");
    s->neighbours = fk_options_int(o, "neighbours");
    fk_reservoir_init(&s->sample, shape->levels[0].dim, CANDIDATES * s->bank_room);
    FK_DO(fk_pca_init(&s->pca, shape->levels[0].dim, err));
    *state = s;
    s = NULL;
done:
    mhpc_free(s);
    return st;
}

/* ---- Whitening ---- */

typedef struct whiten_job {
    const mhpc *state;
    const float *x;
    float *z, *centred; /* [n, d], [n, D] */
    int64_t n;
} whiten_job;

static fleck_status whiten_piece(void *ctx, int64_t piece, int worker, fleck_error *err)
{
    const whiten_job *job = ctx;
    const mhpc *s = job->state;
    int64_t first = piece * PIECE, n = job->n - first, dim = s->pca.dim;

    (void)worker;
    (void)err;
    n = n < PIECE ? n : PIECE;
    fk_pca_centre(s->mean, dim, job->centred + first * dim, job->x + first * dim, n);
    fk_linalg_multiply_nt(job->z + first * s->d, s->d, job->centred + first * dim, dim,
                          s->whitening, dim, n, s->d, dim, 1.0f, 0.0f);
    return FLECK_OK;
}

/* z [n, d] of patches x [n, D]; centred [n, D] is scratch. */
static fleck_status whiten(const mhpc *s, float *z, float *centred, const float *x, int64_t n,
                           fk_pool *pool, fleck_error *err)
{
    whiten_job job = {s, x, z, centred, n};

    return fk_pool_run(pool, (n + PIECE - 1) / PIECE, whiten_piece, &job, err);
}

/* The same, *z owned by the caller. */
static fleck_status whiten_new(const mhpc *s, float **z, const float *x, int64_t n, fk_pool *pool,
                               fleck_error *err)
{
    float *centred = NULL, *made = NULL;
    fleck_status st;

    *z = NULL;
    FK_DO(FK_ALLOC(&made, n * s->d, err));
    FK_DO(FK_ALLOC(&centred, n * s->pca.dim, err));
    FK_DO(whiten(s, made, centred, x, n, pool, err));
    *z = made;
    made = NULL;
done:
    fk_free(made);
    fk_free(centred);
    return st;
}

/* Mean and whitening of all that was learned. */
static fleck_status make_whitening(mhpc *s, fleck_error *err)
{
    double *vectors = NULL, *values = NULL, mean = 0.0;
    int64_t d, dim = s->pca.dim;
    fleck_status st;

    FK_DO(fk_pca_components(&s->pca, s->variance, &vectors, &values, &d, err));
    FK_DO(FK_ALLOC(&s->own_whitening, d * dim, err));
    for (int64_t i = 0; i < d; i++)
        mean += values[i] / (double)d;
    for (int64_t i = 0; i < d; i++) {
        double scale = 1.0 / sqrt((1.0 - s->shrinkage) * values[i] + s->shrinkage * mean);

        for (int64_t j = 0; j < dim; j++)
            s->own_whitening[i * dim + j] = (float)(vectors[i * dim + j] * scale);
    }
    s->whitening = s->own_whitening;
    s->mean = s->pca.saved_mean;
    s->d = d;
done:
    fk_free(vectors);
    fk_free(values);
    return st;
}

/* ---- Learning ---- */

/* A loaded state goes on from its bank. */
static fleck_status open_sample(mhpc *s, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    if (s->sample.n > 0 || s->n_bank == 0)
        return FLECK_OK;
    for (int64_t i = 0; i < s->n_bank; i++)
        FK_DO(fk_reservoir_offer(&s->sample, s->bank + i * s->pca.dim, NULL, 1, s->source[i], err));
done:
    if (st != FLECK_OK)
        fk_reservoir_free(&s->sample);
    return st;
}

static fleck_status mhpc_add(void *state, const fk_embedding *const *images, int64_t n,
                             fk_pool *pool, fleck_error *err)
{
    mhpc *s = state;
    fleck_status st;

    FK_DO(fk_embeddings_check(images, n, &s->shape, pool, err));
    FK_DO(open_sample(s, err));
    for (int64_t i = 0; i < n; i++) {
        const fk_level *level = &images[i]->levels[0];

        FK_DO(fk_pca_add(&s->pca, level, pool, err));
        unfinish(s);
        FK_DO(fk_reservoir_offer(&s->sample, level->data, level->valid, positions(s), s->images++,
                                 err));
    }
done:
    if (st != FLECK_OK)
        fk_error_context(err, "mhpatchcore");
    return st;
}

static fleck_status mhpc_merge(void *state, void *other, fleck_error *err)
{
    mhpc *a = state, *b = other;
    fleck_status st;

    if (a->pca.dim != b->pca.dim || a->bank_room != b->bank_room)
        FK_FAIL(err, FLECK_E_SHAPE,
                "mhpatchcore: states to merge must be of patches of one width and banks of one "
                "size, got %lld and %lld, and %lld and %lld",
                (long long)a->pca.dim, (long long)b->pca.dim, (long long)a->bank_room,
                (long long)b->bank_room);
    FK_DO(open_sample(a, err));
    FK_DO(open_sample(b, err));
    FK_DO(fk_reservoir_join(&a->sample, &b->sample, a->images, err));
    FK_DO(fk_pca_merge(&a->pca, &b->pca, err));
    a->images += b->images;
    b->images = 0;
    fk_reservoir_free(&b->sample);
    unfinish(a);
    unfinish(b);
done:
    return st;
}

static fleck_status mhpc_limit(void *state, const fk_memory *m, int64_t *least, fleck_error *err)
{
    mhpc *s = state;
    int64_t dim = s->pca.dim, row = dim * (int64_t)sizeof(float), places = positions(s);
    int64_t few = s->sample.room;
    int64_t learning = dim * dim * 16 + 2 * places * row + fk_reservoir_bytes(dim, few);
    int64_t choosing = dim * dim * 32 + fk_reservoir_bytes(dim, few) / 2 + 2 * few * row +
                       s->bank_room * (2 * row + 16) +
                       (int64_t)fk_coreset_bytes(few, s->bank_room, dim);

    return fk_method_needs("mhpatchcore", m, learning > choosing ? learning : choosing, least, err);
}

/* The whitened bank: z is taken over. */
static fleck_status measure_bank(mhpc *s, float *z, int64_t n, fleck_error *err)
{
    s->whitened = (fk_bank){.n = n, .dim = s->d, .rows = z, .images = s->source, .own_rows = z};
    return fk_bank_measure(&s->whitened, err);
}

/* What comes into the bank where parts of the images are left out; all [sample.n, d] are
 * whitened. */
static fleck_status fill_bank(mhpc *s, const float *all, const int64_t *near, const int64_t *chosen,
                              int64_t n, double radius, fk_pool *pool, fleck_error *err)
{
    fleck_status st;

    FK_DO(fk_refill_find(&s->refill, s->parts, all, s->sample.n, s->d, s->sample.images, near,
                         chosen, n, radius, false, pool, err));
    for (int k = 0; k < FK_PARTITIONS; k++) {
        fk_fill *f = &s->refill.fills[k];
        float *rows;

        if (f->index == NULL)
            continue;
        FK_DO(FK_ALLOC(&rows, (f->n + 1) * s->d, err));
        for (int64_t i = 0; i < f->n; i++)
            memcpy(rows + i * s->d, all + f->index[i] * s->d, (size_t)s->d * sizeof *all);
        FK_DO(fk_refill_take(f, rows, s->d, err));
    }
done:
    return st;
}

/* The bank of the sample: patches and images, and what they are when whitened. */
static fleck_status choose_bank(mhpc *s, fk_pool *pool, fleck_error *err)
{
    int64_t dim = s->pca.dim, n = 0, *chosen = NULL, *near = NULL;
    int64_t room = s->bank_room < s->sample.n ? s->bank_room : s->sample.n;
    float *all = NULL, *z = NULL;
    double radius;
    fleck_status st;

    FK_DO(whiten_new(s, &all, s->sample.rows, s->sample.n, pool, err));
    FK_DO(FK_ALLOC(&chosen, room, err));
    FK_DO(FK_ALLOC(&near, s->sample.n, err));
    FK_DO(fk_coreset_choose(chosen, &n, &radius, near, room, all, s->sample.n, s->d, 0, pool, err));
    FK_DO(FK_ALLOC(&s->own_bank, n * dim, err));
    FK_DO(FK_ALLOC(&s->own_source, n, err));
    FK_DO(FK_ALLOC(&z, n * s->d, err));
    for (int64_t i = 0; i < n; i++) {
        memcpy(s->own_bank + i * dim, s->sample.rows + chosen[i] * dim, (size_t)dim * sizeof *z);
        memcpy(z + i * s->d, all + chosen[i] * s->d, (size_t)s->d * sizeof *z);
        s->own_source[i] = s->sample.images[chosen[i]];
    }
    s->bank = s->own_bank;
    s->source = s->own_source;
    st = measure_bank(s, z, n, err);
    z = NULL;
    FK_DO(st);
    s->n_bank = n;
    if (s->parts != NULL && n < s->sample.n)
        FK_DO(fill_bank(s, all, near, chosen, n, radius, pool, err));
done:
    fk_free(all);
    fk_free(z);
    fk_free(chosen);
    fk_free(near);
    return st;
}

static void mhpc_part(void *state, const fk_parts *parts)
{
    ((mhpc *)state)->parts = parts;
}

static fleck_status mhpc_finish(void *state, fk_pool *pool, fleck_error *err)
{
    mhpc *s = state;
    fleck_status st;

    if (s->n_bank > 0)
        return FLECK_OK;
    FK_DO(make_whitening(s, err));
    FK_DO(fk_reservoir_settle(&s->sample, err));
    FK_DO(choose_bank(s, pool, err));
done:
    s->parts = NULL;
    if (st != FLECK_OK) {
        unfinish(s);
        fk_error_context(err, "mhpatchcore");
    }
    return st;
}

static int64_t mhpc_count(const void *state)
{
    return ((const mhpc *)state)->images;
}

/* ---- Scoring ---- */

/* One call's memory, laid out in the caller's scratch. */
typedef struct layout {
    char *search, *weigh;
    float *z, *centred; /* [P, d], [P, D] */
    float *distance;    /* [P] */
    int64_t *nearest;   /* [P] of the bank */
} layout;

static size_t lay_out(layout *l, const mhpc *s, void *base)
{
    fk_carver c = {.base = base};
    int64_t n = positions(s);

    FK_CARVE(&c, l->search, (int64_t)fk_bank_scratch_size(&s->whitened, n));
    FK_CARVE(&c, l->weigh, (int64_t)fk_refill_score_scratch_size(&s->whitened, s->neighbours));
    FK_CARVE(&c, l->z, n * s->d);
    FK_CARVE(&c, l->centred, n * s->pca.dim);
    FK_CARVE(&c, l->distance, n);
    FK_CARVE(&c, l->nearest, n);
    return c.used;
}

static size_t mhpc_scratch_size(const void *state)
{
    layout l;

    return lay_out(&l, state, NULL);
}

static fleck_status not_finite(const mhpc *s, fk_span exclude, fleck_error *err)
{
    for (int64_t i = 0; i < s->n_bank; i++)
        if (!fk_span_has(exclude, s->source[i]))
            return fk_error_set(err, FLECK_E_FORMAT,
                                "mhpatchcore: the model's numbers are not finite");
    return fk_error_set(err, FLECK_E_STATE,
                        "mhpatchcore: leaving images out needs patches of others in the bank");
}

static fleck_status mhpc_score(const void *state, const fk_embedding *e, fk_span exclude,
                               void *scratch, fk_pool *pool, float *map, double *score,
                               fleck_error *err)
{
    const mhpc *s = state;
    const fk_level *grid = &s->shape.levels[0];
    int64_t n = positions(s);
    layout l = {0};
    fleck_status st;

    if (s->n_bank == 0)
        FK_FAIL(err, FLECK_E_STATE, "mhpatchcore: finish the fit before scoring");
    FK_DO(fk_embedding_check(e, &s->shape, err));
    lay_out(&l, s, scratch);
    FK_DO(whiten(s, l.z, l.centred, e->levels[0].data, n, pool, err));
    FK_DO(
        fk_bank_nearest(&s->whitened, l.z, n, exclude, l.search, pool, l.distance, l.nearest, err));
    FK_DO(fk_refill_nearer(&s->refill, exclude, l.z, n, s->n_bank, l.search, pool, l.distance,
                           l.nearest, err));
    if (!fk_embed_finite(l.distance, n))
        FK_DO(not_finite(s, exclude, err));
    if (score != NULL)
        *score = fk_refill_score(&s->refill, &s->whitened, exclude, l.z, l.distance, l.nearest,
                                 e->levels[0].valid, positions(s), s->neighbours, l.weigh);
    if (map != NULL)
        fk_map_resize_bilinear(map, s->map.height, s->map.width, l.distance, grid->height,
                               grid->width);
done:
    return st;
}

/* ---- Saving and loading ---- */

static fleck_status mhpc_save(const void *state, fk_st_writer *w, fk_json *meta, fleck_error *err)
{
    const mhpc *s = state;
    int64_t dim = s->pca.dim;
    fleck_status st;

    if (s->n_bank == 0)
        FK_FAIL(err, FLECK_E_STATE, "mhpatchcore: finish the fit before saving");
    if (!fk_json_put_int(meta, "images", s->images))
        FK_FAIL(err, FLECK_E_NOMEM, "mhpatchcore: the state could not be written as JSON");
    FK_DO(fk_pca_save(&s->pca, w, meta, err));
    FK_DO(fk_st_writer_add_data(w, "method.whitening", FK_F32, 2, (int64_t[]){s->d, dim},
                                s->whitening, err));
    FK_DO(fk_st_writer_add_data(w, "method.bank", FK_F32, 2, (int64_t[]){s->n_bank, dim}, s->bank,
                                err));
    FK_DO(fk_st_writer_add_data(w, "method.source", FK_I64, 1, (int64_t[]){s->n_bank}, s->source,
                                err));
done:
    return st;
}

/* Views of the tensors, checked against each other. */
static fleck_status view_tensors(mhpc *s, const fk_st_reader *r, int64_t *n, fleck_error *err)
{
    fk_tensor whitening, bank, source;
    int64_t dim = s->pca.dim;
    fleck_status st;

    FK_DO(
        fk_st_get_checked(r, "method.whitening", FK_F32, 2, (int64_t[]){-1, dim}, &whitening, err));
    FK_DO(fk_st_get_checked(r, "method.bank", FK_F32, 2, (int64_t[]){-1, dim}, &bank, err));
    *n = bank.shape[0];
    FK_DO(fk_st_get_checked(r, "method.source", FK_I64, 1, (int64_t[]){*n}, &source, err));
    if (whitening.shape[0] < 1 || whitening.shape[0] > dim || *n < 1 || *n > s->bank_room)
        FK_FAIL(err, FLECK_E_FORMAT,
                "%s: mhpatchcore: expected 1 to %lld components and a bank of 1 to %lld, got %lld "
                "and %lld",
                fk_st_name(r), (long long)dim, (long long)s->bank_room,
                (long long)whitening.shape[0], (long long)*n);
    s->mean = s->pca.saved_mean;
    s->whitening = whitening.data;
    s->d = whitening.shape[0];
    s->bank = bank.data;
    s->source = source.data;
    for (int64_t i = 0; i < *n; i++)
        if (s->source[i] < 0 || s->source[i] >= s->images)
            FK_FAIL(err, FLECK_E_FORMAT, "%s: mhpatchcore: method.source names image %lld of %lld",
                    fk_st_name(r), (long long)s->source[i], (long long)s->images);
done:
    return st;
}

static fleck_status mhpc_load(void **state, const fk_options *o, const fk_embed_shape *shape,
                              fk_map_size map, const fk_st_reader *r, const fk_json *meta,
                              fleck_error *err)
{
    void *made = NULL;
    float *z = NULL;
    mhpc *s;
    int64_t n;
    fleck_status st;

    *state = NULL;
    FK_DO(mhpc_begin(&made, o, shape, map, err));
    s = made;
    assert(s != NULL); /* begin succeeded */
    if (!fk_json_get_int(meta, "images", &s->images) || s->images < 1)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: mhpatchcore: images is missing or not at least 1",
                fk_st_name(r));
    FK_DO(fk_pca_load(&s->pca, shape->levels[0].dim, r, meta, err));
    FK_DO(view_tensors(s, r, &n, err));
    FK_DO(whiten_new(s, &z, s->bank, n, NULL, err));
    FK_DO(measure_bank(s, z, n, err));
    s->n_bank = n;
    *state = s;
    made = NULL;
done:
    mhpc_free(made);
    return st;
}

const fk_method fk_method_mhpatchcore = {
    .name = "mhpatchcore",
    .title = "MH-PatchCore: nearest of a small bank, by Mahalanobis distance",
    .reference = "Mahalanobis PatchCore: Covariance-Aware and Streaming-Compatible Industrial "
                 "Anomaly Detection, arXiv 2605.27748, 2026",
    .options = OPTIONS,
    .score_kind = FK_SCORE_GLOBAL,
    .flags = FK_METHOD_EXCLUDES | FK_METHOD_EXCLUDES_FOLDS | FK_METHOD_ORDERED,
    .resize = "bilinear",
    .skip_taps = 1,
    .embed = fk_method_embed_patches,
    .begin = mhpc_begin,
    .limit = mhpc_limit,
    .add = mhpc_add,
    .merge = mhpc_merge,
    .part = mhpc_part,
    .finish = mhpc_finish,
    .scratch_size = mhpc_scratch_size,
    .score = mhpc_score,
    .count = mhpc_count,
    .save = mhpc_save,
    .load = mhpc_load,
    .free = mhpc_free};
