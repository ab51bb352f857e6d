/* SPDX-License-Identifier: Apache-2.0 */
/* PaDiM: a Gaussian per position of the joined, reduced taps (Defard et al. 2020). */
#include "method/methods.h"
#include "base/carve.h"
#include "base/mem.h"
#include "map/map.h"
#include "gauss/learn.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Positions that a thread scores at a time. */
#define PIECE 64
/* Most images of a fold: memory grows with their square, time with their cube. */
#define FOLD_MOST 256
/* Fewer images are scored one by one, since fk_gauss_distance_many() always computes eight. */
#define LEAST_TOGETHER 4

typedef struct padim {
    fk_embed_shape shape;
    fk_map_size map;
    fk_learner learner;
    fk_gauss gauss; /* if finished: the result of the learner, which is empty then */
    bool finished;
    int64_t radius; /* of the neighbourhood whose Gaussians a position may match */
} padim;

static const fk_option OPTIONS[] = {
    {.name = "reduce",
     .kind = FK_OPTION_CHOICE,
     .initial = "random",
     .choices = "random|list:|orthogonal|none",
     .help = "how the joined taps are reduced: to channels drawn at random or listed in a file "
             "(list:FILE, one index a line), by a random orthogonal projection, or not at all"},
    {.name = "dims",
     .kind = FK_OPTION_INT,
     .initial = "0",
     .min = 0,
     .max = 65536,
     .help =
         "width after the reduction; 0: 550 if the taps have more than 1000 channels in all, else "
         "100 (the paper's numbers for WRN50-2 and ResNet-18)"},
    {.name = "seed",
     .kind = FK_OPTION_INT,
     .initial = "1024",
     .min = 0,
     .max = 9007199254740991.0,
     .help = "seed of the random channels (drawn as Python does) or projection"},
    {.name = "epsilon",
     .kind = FK_OPTION_REAL,
     .initial = "0.01",
     .min = 1e-9,
     .max = 1e9,
     .help = "added to every variance, so that few images give an invertible covariance"},
    {.name = "covariance",
     .kind = FK_OPTION_CHOICE,
     .initial = "shrunk",
     .absent = "paper",
     .choices = "shrunk|paper",
     .help = "covariance of each position: shrunk towards a multiple of the identity by the amount "
             "that the images suggest (OAS), or the paper's, where epsilon alone makes up for few "
             "images"},
    {.name = "factors",
     .kind = FK_OPTION_CHOICE,
     .initial = "f32",
     .choices = "f32|bf16",
     .help = "type of the stored factors: bf16 halves the model and changes distances a little"},
    {.name = "neighbourhood",
     .kind = FK_OPTION_INT,
     .initial = "0",
     .min = 0,
     .max = 8,
     .after_fit = true,
     .help = "compare a position with the Gaussians up to r positions away and use the smallest "
             "distance, for parts that may be shifted; costs (2 r + 1)^2 times as much"},
    {0}};

static fleck_status padim_embed(fk_embed_spec *out, const fk_options *o, int n_taps,
                                const fk_tap_info *taps, fleck_error *err)
{
    int64_t width = 0;

    *out = (fk_embed_spec){.mode = FK_EMBED_JOINED, .global = "none"};
    for (int t = 0; t < n_taps; t++)
        width += taps[t].channels;
    return fk_embed_reduce(out, fk_options_text(o, "reduce"), fk_options_int(o, "dims"),
                           (uint64_t)fk_options_int(o, "seed"), width, err);
}

static fk_dtype factor_type(const fk_options *o)
{
    return strcmp(fk_options_text(o, "factors"), "bf16") == 0 ? FK_BF16 : FK_F32;
}

static bool shrinks(const fk_options *o)
{
    return strcmp(fk_options_text(o, "covariance"), "shrunk") == 0;
}

static int64_t positions(const padim *s)
{
    return s->shape.levels[0].height * s->shape.levels[0].width;
}

static fleck_status padim_new(padim **out, const fk_options *o, const fk_embed_shape *shape,
                              fk_map_size map, double epsilon, fleck_error *err)
{
    padim *s = NULL;
    fleck_status st;

    FK_DO(fk_embed_shape_single(shape, "padim", err));
    FK_DO(FK_CALLOC(&s, 1, err));
    *s = (padim){.shape = *shape, .map = map, .radius = fk_options_int(o, "neighbourhood")};
    FK_DO(fk_learner_init(&s->learner, positions(s), shape->levels[0].dim, epsilon, err));
    s->learner.type = factor_type(o);
    s->learner.shrinks = shrinks(o);
    *out = s;
    s = NULL;
done:
    fk_free(s);
    return st;
}

static void padim_free(void *state)
{
    padim *s = state;

    if (s == NULL)
        return;
    fk_learner_free(&s->learner);
    fk_gauss_free(&s->gauss);
    fk_free(s);
}

static fleck_status padim_begin(void **state, const fk_options *o, const fk_embed_shape *shape,
                                fk_map_size map, fleck_error *err)
{
    padim *s = NULL;
    fleck_status st = padim_new(&s, o, shape, map, fk_options_real(o, "epsilon"), err);

    *state = s;
    return st;
}

static fleck_status padim_limit(void *state, const fk_memory *m, int64_t *least, fleck_error *err)
{
    padim *s = state;
    fleck_status st = fk_learner_limit(&s->learner, m->bytes, m->folder, m->threads, least, err);

    if (st != FLECK_OK)
        fk_error_context(err, "padim");
    return st;
}

/* If s is finished, continue learning from its Gaussians. */
static fleck_status open_learner(padim *s, fleck_error *err)
{
    fleck_status st = s->finished ? fk_learner_resume(&s->learner, &s->gauss, err) : FLECK_OK;

    s->finished = s->finished && st != FLECK_OK;
    return st;
}

static fleck_status padim_add(void *state, const fk_embedding *const *images, int64_t n,
                              fk_pool *pool, fleck_error *err)
{
    padim *s = state;
    const float **data = NULL;
    const uint8_t **flags = NULL;
    fleck_status st;

    FK_DO(fk_embeddings_check(images, n, &s->shape, pool, err));
    FK_DO(FK_ALLOC(&data, n, err));
    FK_DO(FK_ALLOC(&flags, n, err));
    for (int64_t i = 0; i < n; i++) {
        data[i] = images[i]->levels[0].data;
        flags[i] = images[i]->levels[0].valid;
    }
    if (n > 0)
        FK_DO(open_learner(s, err));
    FK_DO(fk_learner_add(&s->learner, data, flags, n, pool, err));
done:
    fk_free(data);
    fk_free(flags);
    if (st != FLECK_OK)
        fk_error_context(err, "padim");
    return st;
}

static fleck_status padim_merge(void *state, void *other, fleck_error *err)
{
    padim *a = state, *b = other;
    fleck_status st;

    FK_DO(open_learner(a, err));
    FK_DO(open_learner(b, err));
    FK_DO(fk_learner_merge(&a->learner, &b->learner, err));
done:
    if (st != FLECK_OK)
        fk_error_context(err, "padim");
    return st;
}

static fleck_status padim_finish(void *state, fk_pool *pool, fleck_error *err)
{
    padim *s = state;
    fleck_status st;

    if (s->finished)
        return FLECK_OK;
    st = fk_learner_finish(&s->learner, &s->gauss, pool, err);
    s->finished = st == FLECK_OK;
    if (st != FLECK_OK)
        fk_error_context(err, "padim");
    return st;
}

/* ---- Scoring ---- */

typedef struct score_job {
    const padim *state;
    const float *emb;
    int64_t left_out;     /* copies of the image that are left out */
    const uint8_t *flags; /* where they were learned */
    double *tmp;          /* [pieces, room] */
    float *distance;      /* [P] */
    float *table; /* with a radius: [P, places] distances of the features around each position */
} score_job;

static int64_t piece_count(const padim *s)
{
    return (positions(s) + PIECE - 1) / PIECE;
}

/* Number of positions of a neighbourhood. */
static int64_t places(const padim *s)
{
    return (2 * s->radius + 1) * (2 * s->radius + 1);
}

/* Lay job's arrays out in block, or with NULL only count; returns the bytes. */
static size_t lay_out(score_job *job, const padim *s, void *block)
{
    fk_carver c = {.base = block};

    FK_CARVE(&c, job->tmp, piece_count(s) * fk_gauss_room(&s->gauss, s->radius));
    FK_CARVE(&c, job->distance, positions(s));
    FK_CARVE(&c, job->table, s->radius > 0 ? positions(s) * places(s) : 0);
    return c.used;
}

static size_t padim_scratch_size(const void *state)
{
    score_job job;

    return lay_out(&job, state, NULL);
}

static fk_gauss_window window_of(const padim *s)
{
    return (fk_gauss_window){s->shape.levels[0].height, s->shape.levels[0].width, s->radius};
}

static fleck_status score_piece(void *ctx, int64_t piece, int worker, fleck_error *err)
{
    const score_job *job = ctx;
    const fk_gauss *g = &job->state->gauss;
    int64_t last = (piece + 1) * PIECE < g->n_pos ? (piece + 1) * PIECE : g->n_pos;
    double *tmp = job->tmp + piece * fk_gauss_room(g, job->state->radius);

    (void)worker;
    (void)err;
    if (job->state->radius == 0)
        fk_gauss_distance(g, job->emb, piece * PIECE, last, job->left_out, job->flags, tmp,
                          job->distance);
    else
        fk_gauss_distance_near(g, job->emb, window_of(job->state), piece * PIECE, last,
                               job->left_out, job->flags, tmp, job->table);
    return FLECK_OK;
}

/* Set each position's distance to the least of its feature from the Gaussians of its neighbourhood;
 * 0 if its own Gaussian is not judged, since it is not known what is normal there.  NaN is kept. */
static void find_least(const score_job *job)
{
    const fk_gauss_window w = window_of(job->state);
    int64_t side = 2 * w.radius + 1;

    for (int64_t q = 0; q < w.height * w.width; q++) {
        float least = fk_counts_judge(job->state->gauss.images, q) ? INFINITY : 0.0f;

        for (int64_t k = 0; k < side * side; k++) {
            int64_t y = q / w.width - (k / side - w.radius),
                    x = q % w.width - (k % side - w.radius);
            float d;

            if (y < 0 || y >= w.height || x < 0 || x >= w.width)
                continue;
            d = job->table[(y * w.width + x) * side * side + k];
            least = d < least || isnan(d) ? d : least; /* NaN stays: no d is less */
        }
        job->distance[q] = least;
    }
}

static fleck_status check_score(const padim *s, const fk_embedding *e, fk_span exclude,
                                fleck_error *err)
{
    if (!s->finished)
        return fk_error_set(err, FLECK_E_STATE, "padim: finish the fit before scoring");
    if (exclude.count > 0 && s->gauss.images.n < 3)
        return fk_error_set(err, FLECK_E_STATE,
                            "padim: leaving one image out needs 3 of them, there are %lld",
                            (long long)s->gauss.images.n);
    assert(exclude.first + exclude.count <= s->gauss.images.n);
    return fk_embedding_check(e, &s->shape, err);
}

/* Number of copies of the image that are left out. */
static int64_t copies_of(fk_span exclude)
{
    return exclude.count == 0 ? 0 : exclude.copies > 1 ? exclude.copies : 1;
}

/* Enlarge distances [P] to a map. */
static fleck_status enlarge(const padim *s, const float *distance, float *map, fleck_error *err)
{
    const fk_level *grid = &s->shape.levels[0];

    if (!fk_embed_finite(distance, positions(s)))
        return fk_error_set(err, FLECK_E_FORMAT,
                            "padim: the model's Gaussians hold numbers that are no factor");
    fk_map_resize_bilinear(map, s->map.height, s->map.width, distance, grid->height, grid->width);
    return FLECK_OK;
}

static fleck_status padim_score(const void *state, const fk_embedding *e, fk_span exclude,
                                void *scratch, fk_pool *pool, float *map, double *score,
                                fleck_error *err)
{
    const padim *s = state;
    score_job job = {.state = s, .left_out = copies_of(exclude)};
    fleck_status st;

    (void)score;
    FK_DO(check_score(s, e, exclude, err));
    if (map == NULL)
        return FLECK_OK;
    job.emb = e->levels[0].data;
    job.flags = e->levels[0].valid;
    lay_out(&job, s, scratch);
    FK_DO(fk_pool_run(pool, piece_count(s), score_piece, &job, err));
    if (s->radius > 0)
        find_least(&job);
    st = enlarge(s, job.distance, map, err);
done:
    return st;
}

/* Images that are scored together. */
typedef struct many_job {
    const padim *state;
    int64_t n;
    bool fold;             /* they are a fold that is left out; else left_out says what is */
    int64_t *left_out;     /* [n] */
    const float **emb;     /* [n] */
    const uint8_t **flags; /* [n] */
    float **distance;      /* [n] rows [P] of distances */
    float *distances;      /* [n, P] */
    double *tmp;           /* [workers, room] */
    float *const *maps;
} many_job;

/* Doubles of one worker's tmp. */
static int64_t many_room(const many_job *job)
{
    const fk_gauss *g = &job->state->gauss;

    return job->fold ? fk_gauss_fold_room(g, job->n) : fk_gauss_many_room(g);
}

static size_t lay_out_many(many_job *job, int threads, void *block)
{
    fk_carver c = {.base = block};

    FK_CARVE(&c, job->left_out, job->n);
    FK_CARVE(&c, job->emb, job->n);
    FK_CARVE(&c, job->flags, job->n);
    FK_CARVE(&c, job->distance, job->n);
    FK_CARVE(&c, job->distances, job->n * positions(job->state));
    FK_CARVE(&c, job->tmp, threads * many_room(job));
    return c.used;
}

static fleck_status many_piece(void *ctx, int64_t piece, int worker, fleck_error *err)
{
    const many_job *job = ctx;
    const fk_gauss *g = &job->state->gauss;
    int64_t first = piece * PIECE, last = first + PIECE < g->n_pos ? first + PIECE : g->n_pos;
    double *tmp = job->tmp + worker * many_room(job);

    (void)err;
    if (job->fold)
        fk_gauss_distance_fold(g, job->n, job->emb, job->flags, first, last, tmp, job->distance);
    else
        fk_gauss_distance_many(g, (int)job->n, job->emb, first, last, job->left_out, job->flags,
                               tmp, job->distance);
    return FLECK_OK;
}

static fleck_status enlarge_one(void *ctx, int64_t item, int worker, fleck_error *err)
{
    const many_job *job = ctx;

    (void)worker;
    return enlarge(job->state, job->distance[item], job->maps[item], err);
}

/* Score n <= FK_GAUSS_IMAGES images with one pass over the factors, or (exclude NULL) a fold. */
static fleck_status score_together(const padim *s, int64_t n, const fk_embedding *const *e,
                                   const fk_span *exclude, fk_pool *pool, float *const *maps,
                                   fleck_error *err)
{
    many_job job = {.state = s, .n = n, .fold = exclude == NULL, .maps = maps};
    int threads = fk_pool_threads(pool);
    char *block = NULL;
    fleck_status st;

    FK_DO(FK_ALLOC(&block, (int64_t)lay_out_many(&job, threads, NULL), err));
    lay_out_many(&job, threads, block);
    for (int64_t i = 0; i < n; i++) {
        const fk_span span = job.fold ? FK_NONE : exclude[i];

        FK_DO(check_score(s, e[i], span, err));
        job.emb[i] = e[i]->levels[0].data;
        job.flags[i] = e[i]->levels[0].valid;
        job.left_out[i] = copies_of(span);
        job.distance[i] = job.distances + i * positions(s);
    }
    FK_DO(fk_pool_run(pool, n > 0 ? piece_count(s) : 0, many_piece, &job, err));
    FK_DO(fk_pool_run(pool, n, enlarge_one, &job, err));
done:
    fk_free(block);
    return st;
}

static fleck_status padim_score_many(const void *state, int64_t n, const fk_embedding *const *e,
                                     const fk_span *exclude, fk_pool *pool, float *const *maps,
                                     fleck_error *err)
{
    const padim *s = state;
    char *scratch = NULL;
    int64_t i = 0;
    fleck_status st;

    FK_DO(FK_ALLOC(&scratch, (int64_t)padim_scratch_size(state), err));
    while (i < n) {
        int64_t count = n - i < FK_GAUSS_IMAGES ? n - i : FK_GAUSS_IMAGES;

        if (s->radius > 0 || count < LEAST_TOGETHER) {
            FK_DO(padim_score(state, e[i], exclude[i], scratch, pool, maps[i], NULL, err));
            count = 1;
        } else {
            FK_DO(score_together(s, count, e + i, exclude + i, pool, maps + i, err));
        }
        i += count;
    }
done:
    fk_free(scratch);
    return st;
}

/* Folds with a neighbourhood are not implemented: they would need features of other positions. */
static int64_t padim_fold_most(const void *state)
{
    return ((const padim *)state)->radius == 0 ? FOLD_MOST : 0;
}

static fleck_status padim_score_fold(const void *state, int64_t n, const fk_embedding *const *e,
                                     fk_pool *pool, float *const *maps, fleck_error *err)
{
    assert(n <= padim_fold_most(state));
    return score_together(state, n, e, NULL, pool, maps, err);
}

static int64_t padim_count(const void *state)
{
    const padim *s = state;

    return s->finished ? s->gauss.images.n : s->learner.images.n;
}

/* ---- Saving and loading ---- */

static fleck_status padim_save(const void *state, fk_st_writer *w, fk_json *meta, fleck_error *err)
{
    const padim *s = state;
    const fk_gauss *g = &s->gauss;
    fleck_status st;

    if (!s->finished)
        FK_FAIL(err, FLECK_E_STATE, "padim: finish the fit before saving");
    if (!fk_json_put_int(meta, "images", g->images.n) ||
        !fk_json_put_real(meta, "epsilon", s->learner.epsilon) ||
        (s->learner.shrinks && (!fk_json_put_real(meta, "share", g->shrinkage.share) ||
                                !fk_json_put_real(meta, "ridge", g->shrinkage.ridge))))
        FK_FAIL(err, FLECK_E_NOMEM, "padim: the state could not be written as JSON");
    FK_DO(fk_st_writer_add_data(w, "method.mean", FK_F32, 2, (int64_t[]){g->n_pos, g->dim}, g->mean,
                                err));
    FK_DO(fk_st_writer_add_data(w, "method.factor", g->type, 2,
                                (int64_t[]){g->n_pos, fk_moments_size(g->dim)}, g->factor, err));
    if (g->images.at != NULL)
        FK_DO(fk_st_writer_add_data(w, "method.counts", FK_I64, 1, (int64_t[]){g->n_pos},
                                    g->images.at, err));
done:
    return st;
}

/* Load share and ridge of the covariances. */
static fleck_status load_shrinkage(fk_shrinkage *s, const fk_st_reader *r, const fk_json *meta,
                                   fleck_error *err)
{
    if (!fk_json_get_real(meta, "share", &s->share) ||
        !fk_json_get_real(meta, "ridge", &s->ridge) ||
        !(s->share >= 0.0 && s->share <= FK_MOST_SHRUNK && s->ridge > 0.0))
        return fk_error_set(err, FLECK_E_FORMAT,
                            "%s: padim: share (0 to %g) or ridge (above 0) is missing or out of "
                            "range",
                            fk_st_name(r), FK_MOST_SHRUNK);
    return FLECK_OK;
}

/* Load the counts of positions, if the file has them; g's sizes are set. */
static fleck_status load_counts(fk_gauss *g, const fk_st_reader *r, fleck_error *err)
{
    fk_tensor t;
    const int64_t *counts;
    int64_t judged = 0;
    fleck_status st;

    if (!fk_st_has(r, "method.counts"))
        return FLECK_OK;
    FK_DO(fk_st_get_checked(r, "method.counts", FK_I64, 1, (int64_t[]){g->n_pos}, &t, err));
    counts = t.data;
    FK_DO(FK_ALLOC(&g->images.at, g->n_pos, err));
    for (int64_t p = 0; p < g->n_pos; p++) {
        if (counts[p] < 0 || counts[p] > g->images.n)
            FK_FAIL(err, FLECK_E_FORMAT,
                    "%s: padim: method.counts: expected 0 to %lld images, found %lld at position "
                    "%lld",
                    fk_st_name(r), (long long)g->images.n, (long long)counts[p], (long long)p);
        g->images.at[p] = counts[p];
        judged += fk_counts_judge(g->images, p);
    }
    if (judged == 0)
        FK_FAIL(err, FLECK_E_FORMAT,
                "%s: padim: method.counts leaves no position with the images that a Gaussian needs",
                fk_st_name(r));
done:
    return st;
}

static fleck_status padim_load(void **state, const fk_options *o, const fk_embed_shape *shape,
                               fk_map_size map, const fk_st_reader *r, const fk_json *meta,
                               fleck_error *err)
{
    padim *s = NULL;
    fk_tensor mean, factor;
    fk_gauss *g;
    int64_t n;
    double epsilon;
    fleck_status st;

    *state = NULL;
    if (!fk_json_get_int(meta, "images", &n) || n < 2 ||
        !fk_json_get_real(meta, "epsilon", &epsilon) || !(epsilon > 0.0))
        FK_FAIL(err, FLECK_E_FORMAT,
                "%s: padim: images (at least 2) or epsilon (above 0) is missing or out of range",
                fk_st_name(r));
    FK_DO(padim_new(&s, o, shape, map, epsilon, err));
    g = &s->gauss;
    *g = (fk_gauss){.n_pos = positions(s),
                    .dim = s->learner.dim,
                    .images.n = n,
                    .type = s->learner.type,
                    .shrinkage.ridge = epsilon};
    FK_DO(
        fk_st_get_checked(r, "method.mean", FK_F32, 2, (int64_t[]){g->n_pos, g->dim}, &mean, err));
    FK_DO(fk_st_get_checked(r, "method.factor", g->type, 2,
                            (int64_t[]){g->n_pos, fk_moments_size(g->dim)}, &factor, err));
    g->mean = mean.data;
    g->factor = factor.data;
    if (s->learner.shrinks)
        FK_DO(load_shrinkage(&g->shrinkage, r, meta, err));
    FK_DO(load_counts(g, r, err));
    s->finished = true;
    *state = s;
    s = NULL;
done:
    padim_free(s);
    return st;
}

const fk_method fk_method_padim = {.name = "padim",
                                   .title = "PaDiM: a Gaussian per position",
                                   .reference = "Defard, Setkov, Loesch and Audigier: PaDiM: a "
                                                "Patch Distribution Modeling Framework for Anomaly "
                                                "Detection and Localization, arXiv 2011.08785, "
                                                "2020",
                                   .options = OPTIONS,
                                   .score_kind = FK_SCORE_MAP_MAX,
                                   .flags = FK_METHOD_EXCLUDES,
                                   .resize = "bicubic",
                                   .embed = padim_embed,
                                   .begin = padim_begin,
                                   .limit = padim_limit,
                                   .add = padim_add,
                                   .merge = padim_merge,
                                   .finish = padim_finish,
                                   .scratch_size = padim_scratch_size,
                                   .score = padim_score,
                                   .score_many = padim_score_many,
                                   .fold_most = padim_fold_most,
                                   .score_fold = padim_score_fold,
                                   .count = padim_count,
                                   .save = padim_save,
                                   .load = padim_load,
                                   .free = padim_free};
