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
 * The bank is a farthest-first traversal, in z, of the patches that a reservoir of bounded size kept
 * (reservoir.c): z is known at the end only, images are seen once.  The bank keeps the x, which serve
 * learning on, and the z.
 *
 * A patch's distance s is that to the nearest z of the bank.  Of the patch with the largest s* and its
 * nearest b*, the image's score is, with b* and the others of the K of the bank nearest to b* as B,
 *
 *   (1 - exp(s*) / sum over b in B of exp(|z* - b|)) s*
 *
 * (Roth et al. 2022, eq. 7): less where b* is like the rest of the bank. */
#include "method/methods.h"
#include "method/farthest.h"
#include "method/pca.h"
#include "method/reservoir.h"
#include "base/mem.h"
#include "features/map.h"
#include "linalg/linalg.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Positions of one piece of scoring, and rows of the bank of one piece of projecting. */
#define PIECE 64
#define MAX_NEIGHBOURS 64

typedef struct mhpc {
    fk_embed_shape shape;
    fk_map_size map;
    double variance, shrinkage;
    int64_t bank_room, neighbours; /* --bank, --neighbours */
    int64_t images;
    fk_pca pca;
    fk_reservoir sample;    /* empty in a loaded state until it learns on */
    bool has_sample;        /* false in a loaded state */
    int64_t d, n_bank;      /* n_bank 0 before finish */
    const float *whitening; /* [d, D] rows v_j / sqrt(shrunk l_j) */
    const float *bank;      /* [B, D] patches as they were */
    const int64_t *source;  /* [B] image of each, in order of learning */
    float *own_whitening, *own_bank;
    int64_t *own_source;
    float *z;      /* [B, d] the bank whitened */
    float *length; /* [B] squared length of each */
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
     .max = 100000,
     .help = "patches that are kept in the model (1000 in the paper)"},
    {.name = "sample",
     .kind = FK_OPTION_INT,
     .initial = "16384",
     .min = 1,
     .max = 1000000,
     .help =
         "patches kept while learning, drawn from all, that the bank is chosen from; at least as "
         "many as the bank has"},
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

/* Drop what finish() made. */
static void unfinish(mhpc *s)
{
    fk_free(s->own_whitening);
    fk_free(s->own_bank);
    fk_free(s->own_source);
    fk_free(s->z);
    fk_free(s->length);
    s->own_whitening = s->own_bank = s->z = s->length = NULL;
    s->own_source = NULL;
    s->whitening = s->bank = NULL;
    s->source = NULL;
    s->d = s->n_bank = 0;
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
    int64_t sample = fk_options_int(o, "sample"), bank = fk_options_int(o, "bank");
    fleck_status st;

    *state = NULL;
    FK_DO(fk_embed_shape_single(shape, "mhpatchcore", err));
    FK_DO(FK_CALLOC(&s, 1, err));
    s->shape = *shape;
    s->map = map;
    s->variance = fk_options_real(o, "variance");
    s->shrinkage = fk_options_real(o, "shrinkage");
    s->bank_room = bank;
    s->neighbours = fk_options_int(o, "neighbours");
    fk_reservoir_init(&s->sample, shape->levels[0].dim, sample > bank ? sample : bank);
    s->has_sample = true;
    FK_DO(fk_pca_init(&s->pca, shape->levels[0].dim, err));
    *state = s;
    s = NULL;
done:
    mhpc_free(s);
    return st;
}

/* ---- Learning ---- */

/* A loaded state goes on from its bank, which a sample always keeps. */
static fleck_status open_sample(mhpc *s, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    if (s->has_sample)
        return FLECK_OK;
    for (int64_t i = 0; i < s->n_bank; i++)
        FK_DO(fk_reservoir_offer(&s->sample, s->bank + i * s->pca.dim,
                                 (fk_kept){.image = s->source[i], .position = i}, err));
    s->has_sample = true;
done:
    if (st != FLECK_OK)
        fk_reservoir_free(&s->sample);
    return st;
}

static fleck_status mhpc_add(void *state, const fk_embedding *const *images, int64_t n,
                             fk_pool *pool, fleck_error *err)
{
    mhpc *s = state;
    fleck_status st = FLECK_OK;

    for (int64_t i = 0; i < n; i++)
        FK_DO(fk_embedding_check(images[i], &s->shape, err));
    FK_DO(open_sample(s, err));
    for (int64_t i = 0; i < n; i++) {
        FK_DO(fk_pca_add(&s->pca, &images[i]->levels[0], pool, err));
        FK_DO(fk_reservoir_add(&s->sample, &images[i]->levels[0], s->images, err));
        s->images++;
        unfinish(s);
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

    if (a->pca.dim != b->pca.dim || a->sample.room != b->sample.room)
        FK_FAIL(err, FLECK_E_SHAPE,
                "mhpatchcore: states to merge must be of patches of one width and samples of one "
                "size, got %lld and %lld, and %lld and %lld",
                (long long)a->pca.dim, (long long)b->pca.dim, (long long)a->sample.room,
                (long long)b->sample.room);
    FK_DO(open_sample(a, err));
    FK_DO(open_sample(b, err));
    FK_DO(fk_pca_merge(&a->pca, &b->pca, err));
    FK_DO(fk_reservoir_merge(&a->sample, &b->sample, a->images, err));
    a->images += b->images;
    b->images = 0;
    unfinish(a);
    unfinish(b);
done:
    return st;
}

/* z [n, d] of patches x [n, D]; centred [n, D] is scratch. */
static void whiten(const mhpc *s, float *z, float *centred, const float *x, int64_t n)
{
    fk_pca_centre(&s->pca, centred, x, n);
    fk_linalg_multiply_nt(z, s->d, centred, s->pca.dim, s->whitening, s->pca.dim, n, s->d,
                          s->pca.dim, 1.0f, 0.0f);
}

typedef struct whiten_job {
    const mhpc *state;
    const float *x;
    float *z, *centred;
    int64_t n;
} whiten_job;

static fleck_status whiten_piece(void *ctx, int64_t piece, int worker, fleck_error *err)
{
    const whiten_job *job = ctx;
    int64_t first = piece * PIECE, n = job->n - first, dim = job->state->pca.dim;

    (void)err;
    whiten(job->state, job->z + first * job->state->d, job->centred + worker * PIECE * dim,
           job->x + first * dim, n < PIECE ? n : PIECE);
    return FLECK_OK;
}

/* *z [n, d], owned by the caller, of patches x [n, D]. */
static fleck_status whiten_all(const mhpc *s, float **z, const float *x, int64_t n, fk_pool *pool,
                               fleck_error *err)
{
    whiten_job job = {.state = s, .x = x, .n = n};
    fleck_status st;

    *z = NULL;
    FK_DO(FK_ALLOC(&job.z, n * s->d, err)); /* less than x */
    FK_DO(FK_ALLOC(&job.centred, fk_pool_threads(pool) * PIECE * s->pca.dim, err));
    FK_DO(fk_pool_run(pool, (n + PIECE - 1) / PIECE, whiten_piece, &job, err));
    *z = job.z;
    job.z = NULL;
done:
    fk_free(job.z);
    fk_free(job.centred);
    return st;
}

static fleck_status make_whitening(mhpc *s, fleck_error *err)
{
    double *vectors = NULL, *values = NULL, mean = 0.0;
    fleck_status st;

    FK_DO(fk_pca_components(&s->pca, s->variance, &vectors, &values, &s->d, err));
    FK_DO(FK_ALLOC(&s->own_whitening, s->d * s->pca.dim, err));
    for (int64_t i = 0; i < s->d; i++)
        mean += values[i] / (double)s->d;
    for (int64_t i = 0; i < s->d; i++) {
        double scale = 1.0 / sqrt((1.0 - s->shrinkage) * values[i] + s->shrinkage * mean);

        for (int64_t j = 0; j < s->pca.dim; j++)
            s->own_whitening[i * s->pca.dim + j] = (float)(vectors[i * s->pca.dim + j] * scale);
    }
    s->whitening = s->own_whitening;
done:
    fk_free(vectors);
    fk_free(values);
    return st;
}

/* The whitened bank and its squared lengths. */
static fleck_status whiten_bank(mhpc *s, int64_t n, fk_pool *pool, fleck_error *err)
{
    fleck_status st;

    FK_DO(whiten_all(s, &s->z, s->bank, n, pool, err));
    FK_DO(FK_ALLOC(&s->length, n, err));
    for (int64_t i = 0; i < n; i++)
        s->length[i] = (float)fk_linalg_length2(s->z + i * s->d, s->d);
    s->n_bank = n;
done:
    return st;
}

/* Moments and sample while learning; then the sample whitened, which takes no more than sorting it did,
 * the whitening itself, and the bank twice. */
static fleck_status mhpc_limit(void *state, const fk_memory *m, int64_t *least, fleck_error *err)
{
    const mhpc *s = state;
    int64_t dim = s->pca.dim, places = positions(s), row = dim * (int64_t)sizeof(float);
    int64_t offered =
        m->images > 0 && places <= INT64_MAX / m->images ? m->images * places : INT64_MAX;
    int64_t later = dim * row + s->bank_room * (2 * row + 16) + m->threads * PIECE * row;

    return fk_method_needs(
        "mhpatchcore", m,
        fk_pca_bytes(dim, places) + fk_reservoir_bytes(&s->sample, offered) + later, least, err);
}

static fleck_status mhpc_finish(void *state, fk_pool *pool, fleck_error *err)
{
    mhpc *s = state;
    const fk_reservoir *sample = &s->sample;
    int64_t *chosen = NULL, n;
    float *z = NULL;
    fleck_status st = FLECK_OK;

    if (s->n_bank > 0)
        return FLECK_OK;
    FK_DO(make_whitening(s, err));
    FK_DO(fk_reservoir_sort(&s->sample, err));
    n = sample->n < s->bank_room ? sample->n : s->bank_room;
    FK_DO(whiten_all(s, &z, sample->data, sample->n, pool, err));
    FK_DO(FK_ALLOC(&chosen, n, err));
    FK_DO(fk_farthest_first(chosen, n, z, sample->n, s->d, pool, err));
    FK_DO(FK_ALLOC(&s->own_bank, n * s->pca.dim, err));
    FK_DO(FK_ALLOC(&s->own_source, n, err));
    for (int64_t i = 0; i < n; i++) {
        memcpy(s->own_bank + i * s->pca.dim, sample->data + chosen[i] * s->pca.dim,
               (size_t)s->pca.dim * sizeof(float));
        s->own_source[i] = sample->heap[chosen[i]].image;
    }
    s->bank = s->own_bank;
    s->source = s->own_source;
    FK_DO(whiten_bank(s, n, pool, err));
done:
    fk_free(chosen);
    fk_free(z);
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

typedef struct score_job {
    const mhpc *state;
    const float *patches; /* [P, D] */
    fk_span exclude;
    float *centred;   /* [P, D] */
    float *z;         /* [P, d] */
    float *products;  /* [P, B] */
    float *distance;  /* [P] */
    int64_t *nearest; /* [P] of the bank */
} score_job;

static size_t mhpc_scratch_size(const void *state)
{
    const mhpc *s = state;

    return (size_t)positions(s) *
           (sizeof(int64_t) + (size_t)(s->pca.dim + s->d + s->n_bank + 1) * sizeof(float));
}

/* The nearest of the bank by |b|^2 - 2 z'b, in float; its distance then by differences.  -1 where all
 * are left out or nothing is finite. */
static fleck_status score_piece(void *ctx, int64_t piece, int worker, fleck_error *err)
{
    const score_job *job = ctx;
    const mhpc *s = job->state;
    int64_t first = piece * PIECE, n = positions(s) - first, dim = s->pca.dim;
    float *z = job->z + first * s->d, *products = job->products + first * s->n_bank;

    (void)worker;
    (void)err;
    n = n < PIECE ? n : PIECE;
    whiten(s, z, job->centred + first * dim, job->patches + first * dim, n);
    fk_linalg_multiply_nt(products, s->n_bank, z, s->d, s->z, s->d, n, s->n_bank, s->d, -2.0f,
                          0.0f);
    for (int64_t i = 0; i < n; i++) {
        const float *row = products + i * s->n_bank;
        int64_t best = -1;

        for (int64_t b = 0; b < s->n_bank; b++)
            if ((best < 0 ? isfinite(row[b])
                          : row[b] + s->length[b] < row[best] + s->length[best]) &&
                !fk_span_has(job->exclude, s->source[b]))
                best = b;
        job->nearest[first + i] = best;
        job->distance[first + i] =
            best < 0 ? INFINITY
                     : (float)sqrt(fk_linalg_distance2(z + i * s->d, s->z + best * s->d, s->d));
    }
    return FLECK_OK;
}

/* Equation 7 for the patch with the largest distance. */
static double weigh(const score_job *job, int64_t p)
{
    const mhpc *s = job->state;
    const float *z = job->z + p * s->d, *best = s->z + job->nearest[p] * s->d;
    double values[MAX_NEIGHBOURS], sum = 0.0, distance = (double)job->distance[p];
    int64_t indices[MAX_NEIGHBOURS];

    if (s->neighbours < 2)
        return distance;
    for (int64_t k = 0; k < s->neighbours; k++) {
        values[k] = INFINITY;
        indices[k] = -1;
    }
    for (int64_t b = 0; b < s->n_bank; b++)
        if (b == job->nearest[p] || !fk_span_has(job->exclude, s->source[b]))
            fk_linalg_smallest(values, indices, s->neighbours,
                               fk_linalg_distance2(best, s->z + b * s->d, s->d), b);
    /* Over exp(s*): no other is nearer than the nearest but by rounding, so nothing overflows. */
    for (int64_t k = 0; k < s->neighbours && indices[k] >= 0; k++)
        sum += exp(sqrt(fk_linalg_distance2(z, s->z + indices[k] * s->d, s->d)) - distance);
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

static fleck_status mhpc_score(const void *state, const fk_embedding *e, fk_span exclude,
                               void *scratch, fk_pool *pool, float *map, double *score,
                               fleck_error *err)
{
    const mhpc *s = state;
    const fk_level *grid = &s->shape.levels[0];
    int64_t n = positions(s);
    score_job job = {.state = s, .exclude = exclude, .nearest = scratch};
    fleck_status st;

    if (s->n_bank == 0)
        FK_FAIL(err, FLECK_E_STATE, "mhpatchcore: finish the fit before scoring");
    FK_DO(fk_embedding_check(e, &s->shape, err));
    job.patches = e->levels[0].data;
    job.centred = (float *)(job.nearest + n);
    job.z = job.centred + n * s->pca.dim;
    job.products = job.z + n * s->d;
    job.distance = job.products + n * s->n_bank;
    FK_DO(fk_pool_run(pool, (n + PIECE - 1) / PIECE, score_piece, &job, err));
    if (!fk_embed_finite(job.distance, n))
        FK_FAIL(err, exclude.count > 0 ? FLECK_E_STATE : FLECK_E_FORMAT, "mhpatchcore: %s",
                exclude.count > 0 ? "leaving an image out needs patches of others in the bank"
                                  : "the model's numbers are not finite");
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
    if (whitening.shape[0] < 1 || whitening.shape[0] > dim || *n < 1 || *n > s->sample.room)
        FK_FAIL(err, FLECK_E_FORMAT,
                "%s: mhpatchcore: expected 1 to %lld components and a bank of 1 to %lld, got %lld "
                "and %lld",
                fk_st_name(r), (long long)dim, (long long)s->sample.room,
                (long long)whitening.shape[0], (long long)*n);
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
    FK_DO(whiten_bank(s, n, NULL, err));
    s->has_sample = false;
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
    .flags = FK_METHOD_EXCLUDES,
    .resize = "bilinear",
    .skip_taps = 1,
    .embed = mhpc_embed,
    .begin = mhpc_begin,
    .limit = mhpc_limit,
    .add = mhpc_add,
    .merge = mhpc_merge,
    .finish = mhpc_finish,
    .scratch_size = mhpc_scratch_size,
    .score = mhpc_score,
    .count = mhpc_count,
    .save = mhpc_save,
    .load = mhpc_load,
    .free = mhpc_free};
