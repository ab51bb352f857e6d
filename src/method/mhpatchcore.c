/* MH-PatchCore: nearest of a small bank of patches, by Mahalanobis distance.
 *
 * With mean m, and variances l_1 >= l_2 >= .. and principal components v_1, v_2, .. of all patches, the
 * first d of which hold `variance` of the variance, a patch x becomes
 *
 *   y_j = v_j'(x - m)    z_j = y_j / sqrt((1 - a) l_j + a t)    t = (l_1 + .. + l_d) / d
 *
 * a is the shrinkage.  The authors project, take the covariance S of the y in a further pass, shrink it,
 * S' = (1 - a) S + a tr(S)/d I, factor S' = L L' and let z = L^-1 y.  With the components of one
 * covariance S is diag(l), so S' is diagonal and its Cholesky factor is the square root above: one pass
 * and no solve.  Euclid's distance of two z is Mahalanobis' of the x.
 *
 * The bank is merged and reduced block by block (reduced.c).  The final z is known at the end only and
 * images are seen once, so blocks are measured in the z of the images so far, made anew when there are 1,
 * 4, 16, .. of them.  The bank keeps the x, which serve learning on, and the final z.
 *
 * A patch's distance s is that to the nearest z of the bank.  Of the patch with the largest s* and its
 * nearest b*, the image's score is, with b* and the others of the K of the bank nearest to b* as B,
 *
 *   (1 - exp(s*) / sum over b in B of exp(|z* - b|)) s*
 *
 * (Roth et al. 2022, eq. 7): less where b* is like the rest of the bank. */
#include "method/methods.h"
#include "method/folds.h"
#include "method/reduced.h"
#include "base/mem.h"
#include "features/map.h"
#include "linalg/linalg.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Positions of one piece of scoring, and rows of the bank of one piece of projecting. */
#define PIECE 64
#define MAX_NEIGHBOURS 64

/* Where distances are measured: as all patches say, or all but a fold's. */
typedef struct space {
    fk_metric metric; /* its whitening has rows v_j / sqrt(shrunk l_j) */
    float *own_mean, *own_whitening;
    int64_t n;     /* patches of the bank, 0: not made */
    float *z;      /* [n, d] the bank whitened, without the fold's patches */
    float *length; /* [n] squared length of each */
} space;

typedef struct mhpc {
    fk_embed_shape shape;
    fk_map_size map;
    double variance, shrinkage;
    int64_t bank_room, neighbours; /* --bank, --neighbours */
    int64_t images;
    fk_folds folds;
    fk_reduced few;        /* what becomes the bank; empty in a loaded state until it learns on */
    space choice;          /* where those are measured; d 0: not yet */
    int64_t next;          /* number of images at which that is made anew */
    int64_t n_bank;        /* B; 0 before finish */
    const float *bank;     /* [B, D] patches as they were */
    const int64_t *source; /* [B] image of each, in order of learning */
    float *own_bank;
    int64_t *own_source;
    space all;            /* of the whole bank; made by finish */
    space rest[FK_FOLDS]; /* without each fold; made by prepare_exclude */
} mhpc;

static const fk_option OPTIONS[] = {
    {.name = "patch",
     .kind = FK_OPTION_INT,
     .initial = "3",
     .min = 1,
     .max = 15,
     .help = "side of the neighbourhood that a patch takes in, odd (3 in PatchCore)"},
    {.name = "pretrain-dim",
     .kind = FK_OPTION_INT,
     .initial = "1024",
     .min = 1,
     .max = 4096,
     .help = "numbers that each tap's neighbourhood is pooled to (1024 in PatchCore)"},
    {.name = "target-dim",
     .kind = FK_OPTION_INT,
     .initial = "1024",
     .min = 1,
     .max = 4096,
     .help = "width of the joined embedding (1024 in PatchCore)"},
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
     .help = "patches that are kept in the model (1000 in the paper); learning takes 4 bytes for "
             "each pair of them"},
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

static fleck_status mhpc_embed(fk_embed_spec *out, const fk_options *o, int n_taps,
                               const fk_tap_info *taps, fleck_error *err)
{
    (void)n_taps;
    (void)taps;
    return fk_embed_patches(out, fk_options_int(o, "patch"), fk_options_int(o, "pretrain-dim"),
                            fk_options_int(o, "target-dim"), err);
}

static int64_t positions(const mhpc *s)
{
    return s->shape.levels[0].height * s->shape.levels[0].width;
}

static void space_free(space *v)
{
    fk_free(v->own_mean);
    fk_free(v->own_whitening);
    fk_free(v->z);
    fk_free(v->length);
    *v = (space){0};
}

static void free_rests(mhpc *s)
{
    for (int k = 0; k < FK_FOLDS; k++)
        space_free(&s->rest[k]);
}

/* Drop what finish() and prepare_exclude() made. */
static void unfinish(mhpc *s)
{
    space_free(&s->all);
    free_rests(s);
    fk_free(s->own_bank);
    fk_free(s->own_source);
    s->own_bank = NULL;
    s->own_source = NULL;
    s->bank = NULL;
    s->source = NULL;
    s->n_bank = 0;
}

static void mhpc_free(void *state)
{
    mhpc *s = state;

    if (s == NULL)
        return;
    unfinish(s);
    fk_folds_free(&s->folds);
    fk_reduced_free(&s->few);
    space_free(&s->choice);
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
    s->next = 1;
    fk_reduced_init(&s->few, shape->levels[0].dim, s->bank_room);
    FK_DO(fk_folds_init(&s->folds, shape->levels[0].dim, err));
    *state = s;
    s = NULL;
done:
    mhpc_free(s);
    return st;
}

/* ---- Whitening ---- */

/* z [n, d] of patches x [n, D]; centred [n, D] is scratch. */
static void whiten(const space *v, int64_t dim, float *z, float *centred, const float *x, int64_t n)
{
    fk_pca_centre(v->metric.mean, dim, centred, x, n);
    fk_linalg_multiply_nt(z, v->metric.d, centred, dim, v->metric.whitening, dim, n, v->metric.d,
                          dim, 1.0f, 0.0f);
}

typedef struct whiten_job {
    const space *space;
    const float *x;
    float *z, *centred;
    int64_t n, dim;
} whiten_job;

static fleck_status whiten_piece(void *ctx, int64_t piece, int worker, fleck_error *err)
{
    const whiten_job *job = ctx;
    int64_t first = piece * PIECE, n = job->n - first, dim = job->dim;

    (void)err;
    whiten(job->space, dim, job->z + first * job->space->metric.d,
           job->centred + worker * PIECE * dim, job->x + first * dim, n < PIECE ? n : PIECE);
    return FLECK_OK;
}

/* *z [n, d], owned by the caller, of patches x [n, D]. */
static fleck_status whiten_all(const space *v, int64_t dim, float **z, const float *x, int64_t n,
                               fk_pool *pool, fleck_error *err)
{
    whiten_job job = {.space = v, .x = x, .n = n, .dim = dim};
    fleck_status st;

    *z = NULL;
    FK_DO(FK_ALLOC(&job.z, n * v->metric.d, err)); /* less than x */
    FK_DO(FK_ALLOC(&job.centred, fk_pool_threads(pool) * PIECE * dim, err));
    FK_DO(fk_pool_run(pool, (n + PIECE - 1) / PIECE, whiten_piece, &job, err));
    *z = job.z;
    job.z = NULL;
done:
    fk_free(job.z);
    fk_free(job.centred);
    return st;
}

/* The whitening from the d components. */
static fleck_status make_whitening(const mhpc *s, space *v, const double *vectors,
                                   const double *values, int64_t d, fleck_error *err)
{
    int64_t dim = s->folds.all.dim;
    double mean = 0.0;
    fleck_status st;

    FK_DO(FK_ALLOC(&v->own_whitening, d * dim, err));
    for (int64_t i = 0; i < d; i++)
        mean += values[i] / (double)d;
    for (int64_t i = 0; i < d; i++) {
        double scale = 1.0 / sqrt((1.0 - s->shrinkage) * values[i] + s->shrinkage * mean);

        for (int64_t j = 0; j < dim; j++)
            v->own_whitening[i * dim + j] = (float)(vectors[i * dim + j] * scale);
    }
    v->metric.whitening = v->own_whitening;
    v->metric.d = d;
done:
    return st;
}

/* Mean and whitening of all that was learned so far. */
static fleck_status make_space(mhpc *s, space *v, fleck_error *err)
{
    double *vectors = NULL, *values = NULL;
    int64_t d, dim = s->folds.all.dim;
    fleck_status st;

    FK_DO(fk_pca_components(&s->folds.all, s->variance, &vectors, &values, &d, err));
    FK_DO(make_whitening(s, v, vectors, values, d, err));
    FK_DO(FK_ALLOC(&v->own_mean, dim, err));
    memcpy(v->own_mean, s->folds.all.saved_mean, (size_t)dim * sizeof *v->own_mean);
    v->metric.mean = v->own_mean;
done:
    fk_free(vectors);
    fk_free(values);
    return st;
}

/* Patches as they are: for the first ones, where they are all equal. */
static fleck_status make_plain_space(const mhpc *s, space *v, fleck_error *err)
{
    int64_t dim = s->folds.all.dim;
    fleck_status st;

    FK_DO(FK_CALLOC(&v->own_mean, dim, err));
    FK_DO(FK_CALLOC(&v->own_whitening, dim * dim, err));
    for (int64_t i = 0; i < dim; i++)
        v->own_whitening[i * dim + i] = 1.0f;
    v->metric = (fk_metric){dim, v->own_mean, v->own_whitening};
done:
    return st;
}

/* Measure what is kept in made, which becomes the choice. */
static fleck_status measure_in(mhpc *s, space *made, fk_pool *pool, fleck_error *err)
{
    fleck_status st;

    FK_DO(fk_reduced_measure(&s->few, &made->metric, pool, err));
    space_free(&s->choice);
    s->choice = *made;
    *made = (space){0};
done:
    return st;
}

/* Measure what is kept as the images so far say. */
static fleck_status measure_anew(mhpc *s, fk_pool *pool, fleck_error *err)
{
    space made = {0};
    fleck_status st = make_space(s, &made, err);

    if (st == FLECK_E_STATE) { /* they say nothing yet */
        space_free(&made);
        if (s->choice.metric.d > 0)
            return FLECK_OK;
        st = make_plain_space(s, &made, err);
    }
    FK_DO(st);
    FK_DO(measure_in(s, &made, pool, err));
done:
    space_free(&made);
    return st;
}

/* ---- Learning ---- */

static void mhpc_fold(void *state, int fold)
{
    mhpc *s = state;

    fk_folds_set(&s->folds, fold);
}

/* The choice was made with so many images, or is as good as that. */
static void set_next(mhpc *s, int64_t images)
{
    while (s->next <= images)
        s->next *= 4;
}

/* A loaded state goes on from its bank, in the space that it was saved with. */
static fleck_status open_few(mhpc *s, fk_pool *pool, fleck_error *err)
{
    int64_t dim = s->folds.all.dim, d = s->all.metric.d;
    space made = {0};
    fleck_status st = FLECK_OK;

    if (s->choice.metric.d > 0 || s->n_bank == 0)
        return FLECK_OK;
    FK_DO(FK_ALLOC(&made.own_mean, dim, err));
    FK_DO(FK_ALLOC(&made.own_whitening, d * dim, err));
    memcpy(made.own_mean, s->all.metric.mean, (size_t)dim * sizeof *made.own_mean);
    memcpy(made.own_whitening, s->all.metric.whitening,
           (size_t)(d * dim) * sizeof *made.own_whitening);
    made.metric = (fk_metric){d, made.own_mean, made.own_whitening};
    FK_DO(measure_in(s, &made, pool, err));
    FK_DO(fk_reduced_join(&s->few, &s->choice.metric, s->bank, s->source, 0, s->n_bank, pool, err));
    set_next(s, s->images);
done:
    space_free(&made);
    if (st != FLECK_OK) {
        fk_reduced_free(&s->few);
        space_free(&s->choice);
    }
    return st;
}

static fleck_status add_one(mhpc *s, const fk_level *level, fk_pool *pool, fleck_error *err)
{
    fleck_status st;

    FK_DO(fk_folds_add(&s->folds, level, pool, err));
    unfinish(s);
    if (s->images + 1 >= s->next && s->folds.all.n > 0) {
        FK_DO(measure_anew(s, pool, err));
        set_next(s, s->images + 1);
    }
    if (s->choice.metric.d > 0)
        FK_DO(fk_reduced_add(&s->few, &s->choice.metric, level, s->images, pool, err));
    s->images++;
done:
    return st;
}

static fleck_status mhpc_add(void *state, const fk_embedding *const *images, int64_t n,
                             fk_pool *pool, fleck_error *err)
{
    mhpc *s = state;
    fleck_status st = FLECK_OK;

    FK_DO(fk_embeddings_check(images, n, &s->shape, pool, err));
    FK_DO(open_few(s, pool, err));
    for (int64_t i = 0; i < n; i++)
        FK_DO(add_one(s, &images[i]->levels[0], pool, err));
done:
    if (st != FLECK_OK)
        fk_error_context(err, "mhpatchcore");
    return st;
}

/* Join what other keeps to what s keeps, both measured as the images of both say. */
static fleck_status join_few(mhpc *s, const mhpc *other, fleck_error *err)
{
    int64_t n = other->few.n, *images = NULL;
    float *x = NULL;
    fleck_status st = FLECK_OK;

    if (s->folds.all.n == 0)
        return FLECK_OK;
    FK_DO(measure_anew(s, NULL, err));
    FK_DO(FK_ALLOC(&x, n * s->folds.all.dim, err));
    FK_DO(FK_ALLOC(&images, n, err));
    fk_reduced_copy(&other->few, x, images);
    FK_DO(fk_reduced_join(&s->few, &s->choice.metric, x, images, s->images, n, NULL, err));
done:
    fk_free(x);
    fk_free(images);
    return st;
}

static fleck_status mhpc_merge(void *state, void *other, fleck_error *err)
{
    mhpc *a = state, *b = other;
    fleck_status st;

    if (a->folds.all.dim != b->folds.all.dim || a->bank_room != b->bank_room)
        FK_FAIL(err, FLECK_E_SHAPE,
                "mhpatchcore: states to merge must be of patches of one width and banks of one "
                "size, got %lld and %lld, and %lld and %lld",
                (long long)a->folds.all.dim, (long long)b->folds.all.dim, (long long)a->bank_room,
                (long long)b->bank_room);
    FK_DO(open_few(a, NULL, err));
    FK_DO(open_few(b, NULL, err));
    FK_DO(fk_folds_merge(&a->folds, &b->folds, err));
    FK_DO(join_few(a, b, err));
    a->images += b->images;
    set_next(a, a->images);
    b->images = 0;
    b->next = 1;
    fk_reduced_free(&b->few);
    space_free(&b->choice);
    unfinish(a);
    unfinish(b);
done:
    return st;
}

/* Squared lengths of z [n, d], which makes the space whole. */
static fleck_status measure_bank(space *v, int64_t n, fleck_error *err)
{
    fleck_status st;

    FK_DO(FK_ALLOC(&v->length, n, err));
    for (int64_t i = 0; i < n; i++)
        v->length[i] = (float)fk_linalg_length2(v->z + i * v->metric.d, v->metric.d);
    v->n = n;
done:
    return st;
}

/* Moments, what becomes the bank and where it is measured while learning; then the bank, and for all and
 * without each fold the whitening and the bank whitened. */
static fleck_status mhpc_limit(void *state, const fk_memory *m, int64_t *least, fleck_error *err)
{
    mhpc *s = state;
    int64_t dim = s->folds.all.dim, row = dim * (int64_t)sizeof(float), places = positions(s);
    int64_t offered =
        m->images > 0 && places <= INT64_MAX / m->images ? m->images * places : INT64_MAX;
    int64_t later = (2 + FK_FOLDS) * (dim * row + s->bank_room * (row + (int64_t)sizeof(float))) +
                    s->bank_room * (row + 16) + m->threads * PIECE * row;

    return fk_folds_limit(&s->folds, "mhpatchcore", m, places,
                          fk_reduced_bytes(dim, s->bank_room, offered, m->threads) + later, least,
                          err);
}

static fleck_status mhpc_finish(void *state, fk_pool *pool, fleck_error *err)
{
    mhpc *s = state;
    int64_t n = s->few.n, dim = s->folds.all.dim;
    fleck_status st;

    if (s->n_bank > 0)
        return FLECK_OK;
    FK_DO(fk_folds_close(&s->folds, err));
    FK_DO(make_space(s, &s->all, err));
    FK_DO(FK_ALLOC(&s->own_bank, n * dim, err));
    FK_DO(FK_ALLOC(&s->own_source, n, err));
    fk_reduced_copy(&s->few, s->own_bank, s->own_source);
    s->bank = s->own_bank;
    s->source = s->own_source;
    FK_DO(whiten_all(&s->all, dim, &s->all.z, s->bank, n, pool, err));
    FK_DO(measure_bank(&s->all, n, err));
    s->n_bank = n;
done:
    if (st != FLECK_OK) {
        unfinish(s);
        fk_error_context(err, "mhpatchcore");
    }
    return st;
}

/* The whitened bank of a space without a fold, a piece at a time: FLECK_E_STATE where nothing is left. */
static fleck_status whiten_rest(const mhpc *s, space *v, int fold, fleck_error *err)
{
    int64_t dim = s->folds.all.dim, n = 0, done = 0, waiting = 0;
    float *centred = NULL;
    fleck_status st;

    for (int64_t i = 0; i < s->n_bank; i++)
        n += fk_folds_of(&s->folds, (fk_span){s->source[i], 1}) != fold;
    if (n == 0)
        FK_FAIL(err, FLECK_E_STATE, "leaving images out needs patches of others in the bank");
    FK_DO(FK_ALLOC(&centred, PIECE * dim, err));
    FK_DO(FK_ALLOC(&v->z, n * v->metric.d, err));
    for (int64_t i = 0; i < s->n_bank; i++) {
        if (fk_folds_of(&s->folds, (fk_span){s->source[i], 1}) == fold)
            continue;
        fk_pca_centre(v->metric.mean, dim, centred + waiting++ * dim, s->bank + i * dim, 1);
        if (waiting < PIECE && done + waiting < n)
            continue;
        fk_linalg_multiply_nt(v->z + done * v->metric.d, v->metric.d, centred, dim,
                              v->metric.whitening, dim, waiting, v->metric.d, dim, 1.0f, 0.0f);
        done += waiting;
        waiting = 0;
    }
    FK_DO(measure_bank(v, n, err));
done:
    fk_free(centred);
    return st;
}

/* Fold `fold`: the space without it. */
static fleck_status make_rest(void *ctx, int64_t fold, int worker, fleck_error *err)
{
    mhpc *s = ctx;
    space *v = &s->rest[fold];
    double *vectors = NULL, *values = NULL;
    int64_t d;
    fleck_status st;

    (void)worker;
    FK_DO(
        fk_folds_rest(&s->folds, (int)fold, s->variance, &v->own_mean, &vectors, &values, &d, err));
    v->metric.mean = v->own_mean;
    FK_DO(make_whitening(s, v, vectors, values, d, err));
    FK_DO(whiten_rest(s, v, (int)fold, err));
done:
    fk_free(vectors);
    fk_free(values);
    return st;
}

static fleck_status mhpc_prepare_exclude(void *state, fk_pool *pool, fleck_error *err)
{
    mhpc *s = state;
    fleck_status st;

    free_rests(s);
    if (s->n_bank == 0)
        FK_FAIL(err, FLECK_E_STATE, "finish the fit before preparing it");
    FK_DO(fk_folds_run(&s->folds, pool, make_rest, s, err));
done:
    if (st != FLECK_OK) {
        free_rests(s);
        fk_error_context(err, "mhpatchcore");
    }
    return st;
}

static int64_t mhpc_count(const void *state)
{
    return ((const mhpc *)state)->images;
}

/* ---- Scoring ---- */

typedef struct score_job {
    const mhpc *state;
    const space *space;
    const float *patches; /* [P, D] */
    float *centred;       /* [P, D] */
    float *z;             /* [P, d] */
    float *products;      /* [P, n] */
    float *distance;      /* [P] */
    int64_t *nearest;     /* [P] of the space's bank */
} score_job;

/* Numbers of z and products that a patch takes in a space. */
static int64_t patch_floats(const space *v)
{
    return v->metric.d + v->n;
}

static size_t mhpc_scratch_size(const void *state)
{
    const mhpc *s = state;
    int64_t most = patch_floats(&s->all);

    for (int k = 0; k < FK_FOLDS; k++)
        most = patch_floats(&s->rest[k]) > most ? patch_floats(&s->rest[k]) : most;
    return (size_t)positions(s) *
           (sizeof(int64_t) + (size_t)(s->folds.all.dim + most + 1) * sizeof(float));
}

/* The nearest of the bank by |b|^2 - 2 z'b, in float; its distance then by differences.  -1 where
 * nothing is finite. */
static fleck_status score_piece(void *ctx, int64_t piece, int worker, fleck_error *err)
{
    const score_job *job = ctx;
    const space *v = job->space;
    int64_t first = piece * PIECE, n = positions(job->state) - first;
    int64_t dim = job->state->folds.all.dim;
    float *z = job->z + first * v->metric.d, *products = job->products + first * v->n;

    (void)worker;
    (void)err;
    n = n < PIECE ? n : PIECE;
    whiten(v, dim, z, job->centred + first * dim, job->patches + first * dim, n);
    fk_linalg_multiply_nt(products, v->n, z, v->metric.d, v->z, v->metric.d, n, v->n, v->metric.d,
                          -2.0f, 0.0f);
    for (int64_t i = 0; i < n; i++) {
        const float *row = products + i * v->n;
        int64_t best = -1;

        for (int64_t b = 0; b < v->n; b++)
            if (best < 0 ? isfinite(row[b]) : row[b] + v->length[b] < row[best] + v->length[best])
                best = b;
        job->nearest[first + i] = best;
        job->distance[first + i] =
            best < 0 ? INFINITY
                     : (float)sqrt(fk_linalg_distance2(z + i * v->metric.d,
                                                       v->z + best * v->metric.d, v->metric.d));
    }
    return FLECK_OK;
}

/* Equation 7 for the patch with the largest distance. */
static double weigh(const score_job *job, int64_t p)
{
    const space *v = job->space;
    const float *z = job->z + p * v->metric.d, *best = v->z + job->nearest[p] * v->metric.d;
    double values[MAX_NEIGHBOURS], sum = 0.0, distance = (double)job->distance[p];
    int64_t indices[MAX_NEIGHBOURS], neighbours = job->state->neighbours;

    if (neighbours < 2)
        return distance;
    for (int64_t k = 0; k < neighbours; k++) {
        values[k] = INFINITY;
        indices[k] = -1;
    }
    for (int64_t b = 0; b < v->n; b++)
        fk_linalg_smallest(values, indices, neighbours,
                           fk_linalg_distance2(best, v->z + b * v->metric.d, v->metric.d), b);
    /* Over exp(s*): no other is nearer than the nearest but by rounding, so nothing overflows. */
    for (int64_t k = 0; k < neighbours && indices[k] >= 0; k++)
        sum += exp(sqrt(fk_linalg_distance2(z, v->z + indices[k] * v->metric.d, v->metric.d)) -
                   distance);
    if (indices[1] < 0) /* nothing to weigh by */
        return distance;
    return fmax(0.0, (1.0 - 1.0 / sum) * distance);
}

static double image_score(const score_job *job, const uint8_t *valid)
{
    int64_t best = -1;

    for (int64_t p = 0; p < positions(job->state); p++)
        if ((valid == NULL || valid[p] != 0) &&
            (best < 0 || job->distance[p] > job->distance[best]))
            best = p;
    return best < 0 ? 0.0 : weigh(job, best);
}

/* Where an image is scored, NULL where that was not made. */
static const space *space_for(const mhpc *s, fk_span exclude)
{
    int fold = exclude.count > 0 ? fk_folds_of(&s->folds, exclude) : -1;
    const space *v = exclude.count <= 0 ? &s->all : fold >= 0 ? &s->rest[fold] : NULL;

    return v != NULL && v->n > 0 ? v : NULL;
}

static fleck_status mhpc_score(const void *state, const fk_embedding *e, fk_span exclude,
                               void *scratch, fk_pool *pool, float *map, double *score,
                               fleck_error *err)
{
    const mhpc *s = state;
    const fk_level *grid = &s->shape.levels[0];
    int64_t n = positions(s);
    score_job job = {.state = s, .space = space_for(s, exclude), .nearest = scratch};
    fleck_status st;

    if (s->n_bank == 0)
        FK_FAIL(err, FLECK_E_STATE, "mhpatchcore: finish the fit before scoring");
    if (job.space == NULL)
        FK_FAIL(err, FLECK_E_STATE,
                "mhpatchcore: an image can be left out where it was learned, and the fit prepared "
                "for that, since the model was loaded or more was learned");
    FK_DO(fk_embedding_check(e, &s->shape, err));
    job.patches = e->levels[0].data;
    job.centred = (float *)(job.nearest + n);
    job.z = job.centred + n * s->folds.all.dim;
    job.products = job.z + n * job.space->metric.d;
    job.distance = job.products + n * job.space->n;
    FK_DO(fk_pool_run(pool, (n + PIECE - 1) / PIECE, score_piece, &job, err));
    if (!fk_embed_finite(job.distance, n))
        FK_FAIL(err, FLECK_E_FORMAT, "mhpatchcore: the model's numbers are not finite");
    if (score != NULL)
        *score = image_score(&job, e->levels[0].valid);
    if (map != NULL)
        fk_map_resize_bilinear(map, s->map.height, s->map.width, job.distance, grid->height,
                               grid->width);
done:
    return st;
}

/* ---- Saving and loading ---- */

static fleck_status mhpc_save(const void *state, fk_st_writer *w, fk_json *meta, fleck_error *err)
{
    const mhpc *s = state;
    int64_t dim = s->folds.all.dim;
    fleck_status st;

    if (s->n_bank == 0)
        FK_FAIL(err, FLECK_E_STATE, "mhpatchcore: finish the fit before saving");
    if (!fk_json_put_int(meta, "images", s->images))
        FK_FAIL(err, FLECK_E_NOMEM, "mhpatchcore: the state could not be written as JSON");
    FK_DO(fk_pca_save(&s->folds.all, w, meta, err));
    FK_DO(fk_st_writer_add_data(w, "method.whitening", FK_F32, 2, (int64_t[]){s->all.metric.d, dim},
                                s->all.metric.whitening, err));
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
    int64_t dim = s->folds.all.dim;
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
    s->all.metric.mean = s->folds.all.saved_mean;
    s->all.metric.whitening = whitening.data;
    s->all.metric.d = whitening.shape[0];
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
    FK_DO(fk_pca_load(&s->folds.all, shape->levels[0].dim, r, meta, err));
    FK_DO(view_tensors(s, r, &n, err));
    FK_DO(whiten_all(&s->all, s->folds.all.dim, &s->all.z, s->bank, n, NULL, err));
    FK_DO(measure_bank(&s->all, n, err));
    s->n_bank = n;
    fk_folds_loaded(&s->folds, s->images);
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
    .flags = FK_METHOD_EXCLUDES | FK_METHOD_ORDERED,
    .resize = "bilinear",
    .skip_taps = 1,
    .embed = mhpc_embed,
    .begin = mhpc_begin,
    .limit = mhpc_limit,
    .fold = mhpc_fold,
    .add = mhpc_add,
    .merge = mhpc_merge,
    .finish = mhpc_finish,
    .prepare_exclude = mhpc_prepare_exclude,
    .scratch_size = mhpc_scratch_size,
    .score = mhpc_score,
    .count = mhpc_count,
    .save = mhpc_save,
    .load = mhpc_load,
    .free = mhpc_free};
