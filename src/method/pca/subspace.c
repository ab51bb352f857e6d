/* SPDX-License-Identifier: Apache-2.0 */
/* Subspace: scores a patch by the part that the principal components of good patches do not
 * explain.
 *
 * Let m be the mean and V [K, D] the first K principal components of all patches of the good images
 * (those with a share of `variance` of the variance).  The score of a patch x is its squared
 * reconstruction error
 *
 *   c = x - m    r = c - V' V c    score = r'r
 *
 * r is computed and then squared: c'c - (Vc)'(Vc) would lose digits, since the components have all
 * but a hundredth of c'c.  With W [D - K, D], all further components, r is W' W c too, so r'r is
 * |W c|^2.  That is used if it takes fewer multiply-adds, D - K < 2 K.  All positions have the same
 * subspace, so the model is small, and the part may be anywhere in the photo.  The image's score is
 * the mean of the highest hundredth of its patches' scores. */
#include "method/methods.h"
#include "method/pca/folds.h"
#include "base/carve.h"
#include "base/mem.h"
#include "map/map.h"
#include "linalg/linalg.h"

#include <assert.h>
#include <stdlib.h>

/* Positions that a thread scores at a time. */
#define PIECE 64
/* Tensor of W; that of V is method.components. */
#define FURTHER "method.further"

/* Mean and components of all patches, or of all without a fold. */
typedef struct basis {
    int64_t count; /* of the rows of components; 0: not computed */
    bool further;  /* components are W, else V */
    const float *mean;
    const float *components;          /* [count, D] */
    float *own_mean, *own_components; /* the same if owned */
} basis;

typedef struct subspace {
    fk_embed_shape shape;
    fk_map_size map;
    double variance, top; /* --variance; --top as a share */
    int64_t images;
    fk_folds folds;
    basis all;            /* made by finish */
    basis rest[FK_PARTS]; /* without each fold; made by prepare_exclude */
} subspace;

static const fk_option OPTIONS[] = {
    {.name = "variance",
     .kind = FK_OPTION_REAL,
     .initial = "0.99",
     .min = 0.01,
     .max = 1,
     .help = "fraction of the patches' variance that the components explain (0.99 in SubspaceAD)"},
    {.name = "top",
     .kind = FK_OPTION_REAL,
     .initial = "1",
     .min = 0,
     .max = 100,
     .after_fit = true,
     .help = "the image's score is the mean of its highest patches, this percentage of all (1 in "
             "SubspaceAD); 0: the highest patch alone"},
    {0}};

static fleck_status subspace_embed(fk_embed_spec *out, const fk_options *o, int n_taps,
                                   const fk_tap_info *taps, fleck_error *err)
{
    (void)o;
    (void)n_taps;
    (void)taps;
    (void)err;
    *out = (fk_embed_spec){.mode = FK_EMBED_JOINED, .global = "none"};
    return FLECK_OK;
}

static int64_t positions(const subspace *s)
{
    return s->shape.levels[0].height * s->shape.levels[0].width;
}

static void basis_free(basis *b)
{
    fk_free(b->own_mean);
    fk_free(b->own_components);
    *b = (basis){0};
}

static void free_rests(subspace *s)
{
    for (int k = 0; k < FK_PARTS; k++)
        basis_free(&s->rest[k]);
}

static void unfinish(subspace *s)
{
    basis_free(&s->all);
    free_rests(s);
}

static void subspace_free(void *state)
{
    subspace *s = state;

    if (s == NULL)
        return;
    unfinish(s);
    fk_folds_free(&s->folds);
    fk_free(s);
}

static fleck_status subspace_begin(void **state, const fk_options *o, const fk_embed_shape *shape,
                                   fk_map_size map, fleck_error *err)
{
    subspace *s = NULL;
    fleck_status st;

    *state = NULL;
    FK_DO(fk_embed_shape_single(shape, "subspace", err));
    FK_DO(FK_CALLOC(&s, 1, err));
    s->shape = *shape;
    s->map = map;
    s->variance = fk_options_real(o, "variance");
    s->top = fk_options_real(o, "top") / 100.0;
    FK_DO(fk_folds_init(&s->folds, shape->levels[0].dim, err));
    *state = s;
    s = NULL;
done:
    subspace_free(s);
    return st;
}

/* ---- Learning ---- */

static fleck_status subspace_limit(void *state, const fk_memory *m, int64_t *least,
                                   fleck_error *err)
{
    subspace *s = state;
    int64_t dim = s->folds.all.dim, components = dim * dim * (int64_t)sizeof(float); /* at most */

    return fk_folds_limit(&s->folds, "subspace", m, positions(s), (1 + FK_PARTS) * components,
                          least, err);
}

static void subspace_fold(void *state, int alone, int session)
{
    subspace *s = state;

    fk_folds_set(&s->folds, alone, session);
}

static fleck_status subspace_add(void *state, const fk_embedding *const *images, int64_t n,
                                 fk_pool *pool, fleck_error *err)
{
    subspace *s = state;
    fleck_status st = FLECK_OK;

    FK_DO(fk_embeddings_check(images, n, &s->shape, pool, err));
    for (int64_t i = 0; i < n; i++) {
        FK_DO(fk_folds_add(&s->folds, &images[i]->levels[0], pool, err));
        s->images++;
        unfinish(s);
    }
done:
    if (st != FLECK_OK)
        fk_error_context(err, "subspace");
    return st;
}

static fleck_status subspace_merge(void *state, void *other, fleck_error *err)
{
    subspace *a = state, *b = other;
    fleck_status st;

    if (a->folds.all.dim != b->folds.all.dim)
        FK_FAIL(err, FLECK_E_SHAPE,
                "subspace: states to merge must be of patches of one width, got %lld and %lld",
                (long long)a->folds.all.dim, (long long)b->folds.all.dim);
    FK_DO(fk_folds_merge(&a->folds, &b->folds, err));
    a->images += b->images;
    b->images = 0;
    unfinish(a);
    unfinish(b);
done:
    return st;
}

/* Set a basis's components to the first K of vectors [D, D] or to all others, rounded. */
static fleck_status round_components(basis *b, const double *vectors, int64_t k, int64_t dim,
                                     fleck_error *err)
{
    bool further = k < dim && dim - k < 2 * k;
    int64_t count = further ? dim - k : k, first = further ? k * dim : 0;
    fleck_status st;

    FK_DO(FK_ALLOC(&b->own_components, count * dim, err));
    for (int64_t i = 0; i < count * dim; i++)
        b->own_components[i] = (float)vectors[first + i];
    b->components = b->own_components;
    b->count = count;
    b->further = further;
done:
    return st;
}

static fleck_status subspace_finish(void *state, fk_pool *pool, fleck_error *err)
{
    subspace *s = state;
    fk_pca *pca = &s->folds.all;
    double *vectors = NULL, *values = NULL;
    int64_t count;
    fleck_status st;

    (void)pool;
    if (s->all.count > 0)
        return FLECK_OK;
    FK_DO(fk_folds_close(&s->folds, err));
    FK_DO(fk_pca_components(pca, s->variance, &vectors, &values, &count, err));
    FK_DO(round_components(&s->all, vectors, count, pca->dim, err));
    s->all.mean = pca->saved_mean;
done:
    fk_free(vectors);
    fk_free(values);
    if (st != FLECK_OK)
        fk_error_context(err, "subspace");
    return st;
}

/* Compute the basis without fold `fold`. */
static fleck_status make_rest(void *ctx, int64_t fold, int worker, fleck_error *err)
{
    subspace *s = ctx;
    basis *b = &s->rest[fold];
    double *vectors = NULL, *values = NULL;
    int64_t count;
    fleck_status st;

    (void)worker;
    FK_DO(fk_folds_rest(&s->folds, (int)fold, s->variance, &b->own_mean, &vectors, &values, &count,
                        err));
    FK_DO(round_components(b, vectors, count, s->folds.all.dim, err));
    b->mean = b->own_mean;
done:
    fk_free(vectors);
    fk_free(values);
    return st;
}

static fleck_status subspace_prepare_exclude(void *state, fk_pool *pool, fleck_error *err)
{
    subspace *s = state;
    fleck_status st;

    free_rests(s);
    if (s->all.count == 0)
        FK_FAIL(err, FLECK_E_STATE, "finish the fit before preparing it");
    FK_DO(fk_folds_run(&s->folds, pool, make_rest, s, err));
done:
    if (st != FLECK_OK) {
        free_rests(s);
        fk_error_context(err, "subspace");
    }
    return st;
}

static int64_t subspace_count(const void *state)
{
    return ((const subspace *)state)->images;
}

/* ---- Scoring ---- */

typedef struct score_job {
    const subspace *state;
    const basis *basis;
    const float *patches; /* [P, D] */
    float *rest;          /* [P, D] centred patches, then r */
    float *inside;        /* [P, count] V c or W c */
    float *error;         /* [P] */
    float *sorted;        /* [P] */
} score_job;

/* Lay job's arrays for `count` components out in block, or with NULL only count; returns the
 * bytes. */
static size_t lay_out(score_job *job, const subspace *s, int64_t count, void *block)
{
    fk_carver c = {.base = block};

    FK_CARVE(&c, job->rest, positions(s) * s->folds.all.dim);
    FK_CARVE(&c, job->inside, positions(s) * count);
    FK_CARVE(&c, job->error, positions(s));
    FK_CARVE(&c, job->sorted, positions(s));
    return c.used;
}

static size_t subspace_scratch_size(const void *state)
{
    const subspace *s = state;
    int64_t count = s->all.count;
    score_job job;

    for (int k = 0; k < FK_PARTS; k++)
        count = s->rest[k].count > count ? s->rest[k].count : count;
    return lay_out(&job, s, count, NULL);
}

static fleck_status score_piece(void *ctx, int64_t piece, int worker, fleck_error *err)
{
    const score_job *job = ctx;
    const basis *b = job->basis;
    int64_t dim = job->state->folds.all.dim, first = piece * PIECE;
    int64_t n = positions(job->state) - first;
    float *rest = job->rest + first * dim, *inside = job->inside + first * b->count;

    (void)worker;
    (void)err;
    n = n < PIECE ? n : PIECE;
    fk_pca_centre(b->mean, dim, rest, job->patches + first * dim, n);
    fk_linalg_multiply_nt(inside, b->count, rest, dim, b->components, dim, n, b->count, dim, 1.0f,
                          0.0f);
    if (!b->further)
        fk_linalg_multiply_nn(rest, dim, inside, b->count, b->components, dim, n, dim, b->count,
                              -1.0f, 1.0f);
    for (int64_t i = 0; i < n; i++)
        job->error[first + i] =
            (float)(b->further ? fk_linalg_length2(inside + i * b->count, b->count)
                               : fk_linalg_length2(rest + i * dim, dim));
    return FLECK_OK;
}

static int descending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x < y) - (x > y);
}

/* Mean of the highest share of the errors, at least one, outside the ignored region; 0: all is
 * ignored. */
static double mean_of_top(const score_job *job, const uint8_t *valid)
{
    int64_t n = 0, count;
    double sum = 0.0;

    for (int64_t p = 0; p < positions(job->state); p++)
        if (valid == NULL || valid[p] != 0)
            job->sorted[n++] = job->error[p];
    if (n == 0)
        return 0.0;
    qsort(job->sorted, (size_t)n, sizeof *job->sorted, descending);
    count = (int64_t)(job->state->top * (double)n);
    count = count > 1 ? count : 1;
    for (int64_t i = 0; i < count; i++)
        sum += (double)job->sorted[i];
    return sum / (double)count;
}

/* The basis that an image is scored with; NULL: it was not computed. */
static const basis *basis_for(const subspace *s, fk_span exclude)
{
    int fold = exclude.count > 0 ? fk_folds_of(&s->folds, exclude) : -1;
    const basis *b = exclude.count <= 0 ? &s->all : fold >= 0 ? &s->rest[fold] : NULL;

    return b != NULL && b->count > 0 ? b : NULL;
}

static fleck_status subspace_score(const void *state, const fk_embedding *e, fk_span exclude,
                                   void *scratch, fk_pool *pool, float *map, double *score,
                                   fleck_error *err)
{
    const subspace *s = state;
    const fk_level *grid = &s->shape.levels[0];
    int64_t n = positions(s);
    score_job job = {.state = s, .basis = basis_for(s, exclude)};
    fleck_status st;

    if (s->all.count == 0)
        FK_FAIL(err, FLECK_E_STATE, "subspace: finish the fit before scoring");
    if (job.basis == NULL)
        FK_FAIL(err, FLECK_E_STATE,
                "subspace: an image can be left out where it was learned, and the fit prepared for "
                "that, since the model was loaded or more was learned");
    FK_DO(fk_embedding_check(e, &s->shape, err));
    job.patches = e->levels[0].data;
    lay_out(&job, s, job.basis->count, scratch);
    FK_DO(fk_pool_run(pool, (n + PIECE - 1) / PIECE, score_piece, &job, err));
    if (!fk_embed_finite(job.error, n))
        FK_FAIL(err, FLECK_E_FORMAT, "subspace: the model's components are not finite");
    if (score != NULL)
        *score = mean_of_top(&job, e->levels[0].valid);
    if (map != NULL)
        fk_map_resize_bilinear(map, s->map.height, s->map.width, job.error, grid->height,
                               grid->width);
done:
    return st;
}

/* ---- Saving and loading ---- */

static fleck_status subspace_save(const void *state, fk_st_writer *w, fk_json *meta,
                                  fleck_error *err)
{
    const subspace *s = state;
    fleck_status st;

    if (s->all.count == 0)
        FK_FAIL(err, FLECK_E_STATE, "subspace: finish the fit before saving");
    if (!fk_json_put_int(meta, "images", s->images))
        FK_FAIL(err, FLECK_E_NOMEM, "subspace: the state could not be written as JSON");
    FK_DO(fk_pca_save(&s->folds.all, w, meta, err));
    FK_DO(fk_st_writer_add_data(w, s->all.further ? FURTHER : "method.components", FK_F32, 2,
                                (int64_t[]){s->all.count, s->folds.all.dim}, s->all.components,
                                err));
done:
    return st;
}

static fleck_status subspace_load(void **state, const fk_options *o, const fk_embed_shape *shape,
                                  fk_map_size map, const fk_st_reader *r, const fk_json *meta,
                                  fleck_error *err)
{
    const char *name;
    void *made = NULL;
    subspace *s;
    fk_tensor t;
    fleck_status st;

    *state = NULL;
    FK_DO(subspace_begin(&made, o, shape, map, err));
    s = made;
    assert(s != NULL); /* begin succeeded */
    if (!fk_json_get_int(meta, "images", &s->images) || s->images < 1)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: subspace: images is missing or not at least 1",
                fk_st_name(r));
    FK_DO(fk_pca_load(&s->folds.all, shape->levels[0].dim, r, meta, err));
    s->all.further = fk_st_has(r, FURTHER);
    name = s->all.further ? FURTHER : "method.components";
    FK_DO(fk_st_get_checked(r, name, FK_F32, 2, (int64_t[]){-1, s->folds.all.dim}, &t, err));
    if (t.shape[0] < 1 || t.shape[0] > s->folds.all.dim)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: subspace: expected 1 to %lld components in %s, got %lld",
                fk_st_name(r), (long long)s->folds.all.dim, name, (long long)t.shape[0]);
    s->all.mean = s->folds.all.saved_mean;
    s->all.components = t.data;
    s->all.count = t.shape[0];
    fk_folds_loaded(&s->folds, s->images);
    *state = s;
    made = NULL;
done:
    subspace_free(made);
    return st;
}

const fk_method fk_method_subspace = {.name = "subspace",
                                      .title = "Subspace: what principal components leave over",
                                      .reference = "Lendering, Akdag and Bondarev: SubspaceAD: "
                                                   "Training-Free Few-Shot Anomaly Detection via "
                                                   "Subspace Modeling, arXiv 2602.23013, 2026",
                                      .options = OPTIONS,
                                      .score_kind = FK_SCORE_GLOBAL,
                                      .flags = FK_METHOD_EXCLUDES | FK_METHOD_EXCLUDES_FOLDS,
                                      .resize = "bicubic",
                                      .embed = subspace_embed,
                                      .begin = subspace_begin,
                                      .limit = subspace_limit,
                                      .fold = subspace_fold,
                                      .add = subspace_add,
                                      .merge = subspace_merge,
                                      .finish = subspace_finish,
                                      .prepare_exclude = subspace_prepare_exclude,
                                      .scratch_size = subspace_scratch_size,
                                      .score = subspace_score,
                                      .count = subspace_count,
                                      .save = subspace_save,
                                      .load = subspace_load,
                                      .free = subspace_free};
