/* Learning Gaussians whose moments do not fit memory: images wait, positions go through in bands.
 *
 * P triangles of doubles are twice the model.  The images of a class are often less: N D floats a
 * position against D^2 / 2 doubles, so they are kept (features/store.h), and moments exist only for
 * the positions being worked on, from all images in order: the same sums in the same order as when
 * every image is added at once to all positions, hence the same bytes.
 *
 *   finish   band by band: moments of the band, then its means and factors
 *   fold     when the images have outgrown the triangles: moments so far go to a file, band by
 *            band, and the images are forgotten; the file is what later ones are added to
 *   merge    band by band: the moments of both, merged, to the file
 *
 * Where masks keep images from positions, each waiting image has a bit for each position. */
#include "gauss/spill.h"
#include "base/mem.h"
#include "base/scratch.h"
#include "base/str.h"
#include "base/spool.h"
#include "gauss/factor.h"
#include "gauss/position.h"

#include <assert.h>
#include <string.h>

#define MAX_BAND 16
#define MIN_PIECE 8
#define MAX_PIECE 64
#define MIN_FOLD 64
/* Without a limit: what may be had beyond means and factors before bands are worth their while, and
 * what they then get. */
#define FREE_BYTES (INT64_C(200) << 20)
#define WORK_BYTES (INT64_C(32) << 20)

struct fk_gauss_spill {
    char *folder;
    int64_t kept;        /* bytes of images that may stay in memory */
    int64_t band, piece; /* positions, and images, that a thread holds at once */
    int64_t fold;        /* images that are folded into moments in the file */
    fk_spool *images;    /* NULL, or those that moments or factors lack */
    uint8_t *skips;      /* NULL, or [fold, ceil(P / 8)] bits: 1 where one of them is not learned */
    fk_scratch moments;  /* [P, T] doubles, where open */
    const void *factor;  /* or [P, T], whose means are the shift; or NULL */
    void *own_factor;    /* what has to be freed of it */
};

/* ---- Limits ---- */

/* What one thread works with: a band's triangles, a piece of its images, and scratch. */
static int64_t desk_bytes(const fk_gauss *g, int64_t band, int64_t piece)
{
    int64_t dim = g->dim;

    return 8 * (band * fk_moments_room(dim) + fk_moments_scratch(dim) + (dim + 1) * dim) +
           4 * piece * band * dim;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Images to fold at: where N D floats exceed D (D + 1) / 2 doubles. */
static int64_t fold_of(const fk_gauss *g)
{
    return most(MIN_FOLD, g->dim + 1);
}

/* Of a waiting image's bits. */
static int64_t skip_bytes(const fk_gauss *g)
{
    return (g->n_pos + 7) / 8;
}

/* Means, factors, shift and sums; counts and bits, should there be masks. */
static int64_t fixed_bytes(const fk_gauss *g)
{
    return g->n_pos * ((int64_t)fk_dtype_size(g->type) * fk_moments_size(g->dim) +
                       (4 + 4 + 8) * g->dim + (int64_t)sizeof *g->counts) +
           fold_of(g) * skip_bytes(g);
}

/* Share out what there is beyond the fixed bytes: wide bands first, images with the rest. */
static void share(fk_gauss_spill *s, const fk_gauss *g, int64_t rest, int threads)
{
    s->band = MAX_BAND < g->n_pos ? MAX_BAND : g->n_pos;
    s->piece = MAX_PIECE;
    while (s->band > 1 && threads * desk_bytes(g, s->band, s->piece) > rest)
        s->band--;
    while (s->piece > MIN_PIECE && threads * desk_bytes(g, s->band, s->piece) > rest)
        s->piece /= 2;
    s->kept = rest - threads * desk_bytes(g, s->band, s->piece);
}

fleck_status fk_gauss_limit(fk_gauss *g, int64_t bytes, const char *folder, int threads,
                            int64_t *least, fleck_error *err)
{
    int64_t fixed = fixed_bytes(g), scratch = threads * 8 * g->dim * g->dim;
    /* Factors come while moments go, but what is freed need not go back to the system. */
    int64_t plain = fixed + g->n_pos * 8 * fk_moments_room(g->dim) + scratch;
    int64_t banded = fixed + threads * desk_bytes(g, 1, MIN_PIECE);
    fk_gauss_spill *s = NULL;
    fleck_status st;

    assert(g->bands == NULL && g->spill == NULL && threads >= 1);
    *least = folder != NULL && banded < plain ? banded : plain;
    if (bytes == 0 && (folder == NULL || plain <= fixed + FREE_BYTES))
        return FLECK_OK;
    if (bytes == 0)
        bytes = fixed + most(WORK_BYTES, threads * desk_bytes(g, 1, MIN_PIECE));
    if (bytes < *least)
        return fk_error_set(err, FLECK_E_LIMIT,
                            "%lld Gaussians of %lld numbers need %lld bytes to be learned%s, %lld "
                            "are allowed",
                            (long long)g->n_pos, (long long)g->dim, (long long)*least,
                            folder != NULL ? "" : " without a folder for temporary files",
                            (long long)bytes);
    if (plain <= bytes)
        return FLECK_OK;
    FK_DO(FK_CALLOC(&s, 1, err));
    FK_DO(fk_strdup(&s->folder, folder, err));
    s->fold = fold_of(g);
    share(s, g, bytes - fixed, threads);
    g->spill = s;
    s = NULL;
done:
    fk_spill_free(&s);
    return st;
}

/* Waiting images and factors are in the moments, or not wanted. */
static void settle(fk_gauss_spill *s)
{
    fk_spool_close(&s->images);
    fk_free(s->skips);
    s->skips = NULL;
    fk_free(s->own_factor);
    s->own_factor = NULL;
    s->factor = NULL;
}

void fk_spill_clear(fk_gauss_spill *s)
{
    settle(s);
    fk_scratch_close(&s->moments);
}

void fk_spill_free(fk_gauss_spill **s)
{
    if (*s == NULL)
        return;
    fk_spill_clear(*s);
    fk_free((*s)->folder);
    fk_free(*s);
    *s = NULL;
}

/* ---- Waiting images ---- */

static int64_t waiting(const fk_gauss_spill *s)
{
    return s->images != NULL ? fk_spool_count(s->images) : 0;
}

/* Whether waiting image i is not learned at position p. */
static bool skips(const fk_gauss *g, int64_t i, int64_t p)
{
    const uint8_t *bits = g->spill->skips;

    return bits != NULL && (bits[i * skip_bytes(g) + p / 8] >> p % 8 & 1) != 0;
}

static fleck_status keep_flags(const fk_gauss *g, int64_t i, const uint8_t *flags, fleck_error *err)
{
    fk_gauss_spill *s = g->spill;
    fleck_status st = FLECK_OK;

    if (s->skips == NULL)
        FK_DO(FK_CALLOC(&s->skips, s->fold * skip_bytes(g), err));
    for (int64_t p = 0; p < g->n_pos; p++)
        if (!fk_gauss_learns(flags, p))
            s->skips[i * skip_bytes(g) + p / 8] |= (uint8_t)(1u << p % 8);
done:
    return st;
}

/* Images of position p in the file or the factors. */
static int64_t count_before(const fk_gauss *g, int64_t p)
{
    int64_t n = fk_gauss_count(g, p);

    for (int64_t i = 0; i < waiting(g->spill); i++)
        n -= !skips(g, i, p);
    return n;
}

/* Of n waiting images from `first` on those that position p learns; returns how many. */
static int64_t choose(const float **out, const float *const *views, const fk_gauss *g,
                      int64_t first, int64_t n, int64_t p)
{
    int64_t count = 0;

    for (int64_t i = 0; i < n; i++)
        if (!skips(g, first + i, p))
            out[count++] = views[i];
    return count;
}

/* ---- Bands ---- */

/* One thread's memory. */
typedef struct desk {
    double *triangles; /* [band, room of a triangle] */
    float *slices;     /* [piece, band, D] */
    double *columns;   /* scratch of fk_moments_add() */
    double *square;    /* [D + 1, D] */
} desk;

static void desk_free(desk *d)
{
    fk_free(d->triangles);
    fk_free(d->slices);
    fk_free(d->columns);
    fk_free(d->square);
    *d = (desk){0};
}

static fleck_status desk_init(desk *d, int64_t dim, int64_t band, int64_t piece, fleck_error *err)
{
    fleck_status st;

    *d = (desk){0};
    FK_DO(FK_ALLOC(&d->triangles, band * fk_moments_room(dim), err));
    FK_DO(FK_ALLOC(&d->slices, piece * band * dim, err));
    FK_DO(FK_ALLOC(&d->columns, fk_moments_scratch(dim), err));
    FK_DO(FK_ALLOC(&d->square, (dim + 1) * dim, err));
done:
    if (st != FLECK_OK)
        desk_free(d);
    return st;
}

/* Position p of g, whose triangle is on the desk of the band from `first` on. */
static fk_moments on_desk(const fk_gauss *g, const desk *d, int64_t first, int64_t p, int64_t n)
{
    return (fk_moments){.dim = g->dim,
                        .n = n,
                        .shift = g->shift + p * g->dim,
                        .sum = g->sum + p * g->dim,
                        .triangle = d->triangles + (p - first) * fk_moments_room(g->dim)};
}

/* What the waiting images are added to. */
static fleck_status fetch_before(const fk_gauss *g, int64_t first, int64_t last, desk *d,
                                 fleck_error *err)
{
    const fk_gauss_spill *s = g->spill;
    int64_t t = fk_moments_size(g->dim);
    int64_t bytes = fk_moments_room(g->dim) * (int64_t)sizeof(double);

    if (s->moments.folder != NULL)
        return fk_scratch_read(&s->moments, d->triangles, (last - first) * bytes, first * bytes,
                               err);
    if (s->factor == NULL)
        memset(d->triangles, 0, (size_t)((last - first) * bytes));
    for (int64_t p = first; s->factor != NULL && p < last; p++)
        fk_moments_back(on_desk(g, d, first, p, count_before(g, p)), g->type,
                        (const char *)s->factor + fk_factor_offset(g->type, t, p),
                        (float *)d->columns, fk_gauss_shrinkage(g));
    return FLECK_OK;
}

/* All of a learning g's moments of positions first .. last - 1 onto the desk, and its sums; to be
 * done once, since the images go into the sums. */
static fleck_status fetch(const fk_gauss *g, int64_t first, int64_t last, desk *d, fleck_error *err)
{
    const fk_gauss_spill *s = g->spill;
    int64_t t = fk_moments_room(g->dim), width = (last - first) * g->dim, count;
    const float *views[MAX_PIECE], *chosen[MAX_PIECE];
    fleck_status st;

    if (g->bands != NULL) {
        for (int64_t p = first; p < last; p++)
            memcpy(d->triangles + (p - first) * t, fk_gauss_position(g, p).triangle,
                   (size_t)t * sizeof(double));
        return FLECK_OK;
    }
    FK_DO(fetch_before(g, first, last, d, err));
    count = waiting(s);
    for (int64_t i = 0; i < count; i += s->piece) {
        int64_t n = count - i < s->piece ? count - i : s->piece;

        for (int64_t k = 0; k < n; k++) {
            views[k] = d->slices + k * width;
            FK_DO(fk_spool_read(s->images, i + k, first, last, d->slices + k * width, err));
        }
        for (int64_t p = first; p < last; p++)
            fk_moments_add(on_desk(g, d, first, p, 0), chosen, choose(chosen, views, g, i, n, p),
                           (p - first) * g->dim, d->columns);
    }
done:
    return st;
}

typedef struct walk {
    fk_gauss *g;
    fk_scratch *to; /* NULL: means and factors; else moments go there */
    desk *desks;    /* [threads] */
} walk;

static fleck_status walk_band(void *ctx, int64_t band, int worker, fleck_error *err)
{
    const walk *w = ctx;
    fk_gauss *g = w->g;
    desk *d = &w->desks[worker];
    int64_t first = band * g->spill->band, last = first + g->spill->band;
    int64_t bytes = fk_moments_room(g->dim) * (int64_t)sizeof(double);
    fleck_status st;

    last = last < g->n_pos ? last : g->n_pos;
    FK_DO(fetch(g, first, last, d, err));
    if (w->to != NULL)
        FK_DO(fk_scratch_write(w->to, d->triangles, (last - first) * bytes, first * bytes, err));
    for (int64_t p = first; w->to == NULL && p < last; p++)
        FK_DO(fk_gauss_factor(g, p, on_desk(g, d, first, p, fk_gauss_count(g, p)), d->square, err));
done:
    return st;
}

/* Bring all bands of g through. */
static fleck_status walk_all(fk_gauss *g, fk_scratch *to, fk_pool *pool, fleck_error *err)
{
    const fk_gauss_spill *s = g->spill;
    walk w = {.g = g, .to = to};
    int threads = fk_pool_threads(pool);
    fleck_status st;

    FK_DO(FK_CALLOC(&w.desks, threads, err));
    for (int i = 0; i < threads; i++)
        FK_DO(desk_init(&w.desks[i], g->dim, s->band, s->piece, err));
    FK_DO(fk_pool_run_stage(pool, to == NULL ? "covariance" : "temporary file",
                            (g->n_pos + s->band - 1) / s->band, walk_band, &w, err));
done:
    for (int i = 0; w.desks != NULL && i < threads; i++)
        desk_free(&w.desks[i]);
    fk_free(w.desks);
    return st;
}

typedef struct inquiry {
    fk_gauss *g;
    const fk_gauss_asked *asked;
    desk *desks; /* [threads] */
} inquiry;

static fleck_status ask_position(void *ctx, int64_t i, int worker, fleck_error *err)
{
    const inquiry *q = ctx;
    fk_gauss *g = q->g;
    desk *d = &q->desks[worker];
    int64_t p = q->asked->at[i];
    double *sum = g->sum + p * g->dim, *before = d->square + g->dim * g->dim;
    fleck_status st;

    /* The images go into the sums, and will again. */
    memcpy(before, sum, (size_t)g->dim * sizeof *sum);
    FK_DO(fetch(g, p, p + 1, d, err));
    fk_moments_ask(on_desk(g, d, p, p, fk_gauss_count(g, p)), d->square, &q->asked->share[i],
                   &q->asked->mu[i]);
    memcpy(sum, before, (size_t)g->dim * sizeof *sum);
done:
    return st;
}

fleck_status fk_spill_ask(fk_gauss *g, const fk_gauss_asked *asked, fk_pool *pool, fleck_error *err)
{
    inquiry q = {.g = g, .asked = asked};
    int threads = fk_pool_threads(pool);
    fleck_status st;

    FK_DO(FK_CALLOC(&q.desks, threads, err));
    for (int i = 0; i < threads; i++)
        FK_DO(desk_init(&q.desks[i], g->dim, 1, g->spill->piece, err));
    FK_DO(fk_pool_run(pool, asked->n, ask_position, &q, err));
done:
    for (int i = 0; q.desks != NULL && i < threads; i++)
        desk_free(&q.desks[i]);
    fk_free(q.desks);
    return st;
}

/* ---- Learning ---- */

static fleck_status fold(fk_gauss *g, fk_pool *pool, fleck_error *err)
{
    fk_gauss_spill *s = g->spill;
    fk_scratch made = {0};
    bool first = s->moments.folder == NULL;
    fleck_status st = FLECK_OK;

    if (first)
        FK_DO(fk_scratch_open(&made, s->folder, err));
    /* A band is read before it is written, by the same thread. */
    FK_DO(walk_all(g, first ? &made : &s->moments, pool, err));
    if (first) {
        s->moments = made;
        made = (fk_scratch){0};
    }
    settle(s);
done:
    fk_scratch_close(&made);
    return st;
}

static void free_sums(fk_gauss *g)
{
    fk_free(g->shift);
    fk_free(g->sum);
    g->shift = NULL;
    g->sum = NULL;
}

static fleck_status alloc_sums(fk_gauss *g, fleck_error *err)
{
    fleck_status st;

    FK_DO(FK_ALLOC(&g->shift, g->n_pos * g->dim, err));
    FK_DO(FK_CALLOC(&g->sum, g->n_pos * g->dim, err));
done:
    if (st != FLECK_OK)
        free_sums(g);
    return st;
}

fleck_status fk_spill_reopen(fk_gauss *g, fleck_error *err)
{
    fk_gauss_spill *s = g->spill;
    fleck_status st;

    FK_DO(alloc_sums(g, err));
    memcpy(g->shift, g->mean, (size_t)(g->n_pos * g->dim) * sizeof(float));
    s->factor = g->factor;
    s->own_factor = g->own_factor;
    fk_free(g->own_mean);
    g->own_mean = NULL;
    g->own_factor = NULL;
    g->mean = NULL;
    g->factor = NULL;
done:
    return st;
}

fleck_status fk_spill_add(fk_gauss *g, const float *const *images, const uint8_t *const *flags,
                          int64_t n, fk_pool *pool, fleck_error *err)
{
    fk_gauss_spill *s = g->spill;
    fleck_status st = FLECK_OK;

    if (g->shift == NULL)
        FK_DO(alloc_sums(g, err));
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *own = flags != NULL ? flags[i] : NULL;

        if (s->images == NULL)
            FK_DO(fk_spool_open(&s->images, g->n_pos, g->dim, s->kept, s->folder, err));
        if (own != NULL)
            FK_DO(keep_flags(g, waiting(s), own, err));
        FK_DO(fk_spool_append(s->images, images[i], err));
        fk_gauss_count_image(g, images[i], own);
        if (fk_spool_count(s->images) == s->fold)
            FK_DO(fold(g, pool, err));
    }
done:
    return st;
}

fleck_status fk_spill_merge(fk_gauss *g, fk_gauss *other, fleck_error *err)
{
    fk_gauss_spill *a = g->spill, *b = other->spill;
    int64_t bytes = fk_moments_room(g->dim) * (int64_t)sizeof(double);
    int64_t band = a == NULL ? b->band : b == NULL || a->band < b->band ? a->band : b->band;
    int64_t piece = most(a != NULL ? a->piece : 0, b != NULL ? b->piece : 0);
    bool to_file = g->bands == NULL;
    desk mine = {0}, theirs = {0};
    fleck_status st;

    assert(a != NULL || !to_file);
    FK_DO(desk_init(&mine, g->dim, band, piece, err));
    FK_DO(desk_init(&theirs, g->dim, band, piece, err));
    if (to_file && a->moments.folder == NULL && (a->images != NULL || a->factor != NULL))
        FK_DO(fold(g, NULL, err)); /* so that there is a file to merge in */
    for (int64_t first = 0; first < g->n_pos; first += band) {
        int64_t last = first + band < g->n_pos ? first + band : g->n_pos;

        FK_DO(fetch(g, first, last, &mine, err));
        FK_DO(fetch(other, first, last, &theirs, err));
        for (int64_t p = first; p < last; p++) {
            fk_moments m = on_desk(g, &mine, first, p, fk_gauss_count(g, p));

            fk_moments_merge(m, on_desk(other, &theirs, first, p, fk_gauss_count(other, p)),
                             mine.square);
            if (!to_file)
                memcpy(fk_gauss_position(g, p).triangle, m.triangle, (size_t)bytes);
        }
        if (to_file)
            FK_DO(fk_scratch_write(&a->moments, mine.triangles, (last - first) * bytes,
                                   first * bytes, err));
    }
    fk_gauss_merge_counts(g, other);
    if (to_file)
        settle(a);
done:
    desk_free(&mine);
    desk_free(&theirs);
    return st;
}

fleck_status fk_spill_finish(fk_gauss *g, fk_pool *pool, fleck_error *err)
{
    fk_gauss_spill *s = g->spill;
    fleck_status st;

    FK_DO(FK_ALLOC(&g->own_mean, g->n_pos * g->dim, err));
    if (s->own_factor != NULL) { /* each position reads its own factor before it writes it */
        g->own_factor = s->own_factor;
        s->own_factor = NULL;
    } else {
        FK_DO(fk_alloc(&g->own_factor, g->n_pos * fk_moments_size(g->dim), fk_dtype_size(g->type),
                       err));
    }
    FK_DO(walk_all(g, NULL, pool, err));
    fk_spill_clear(s);
    free_sums(g);
    g->mean = g->own_mean;
    g->factor = g->own_factor;
done:
    return st;
}
