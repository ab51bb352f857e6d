/* SPDX-License-Identifier: Apache-2.0 */
/* PatchCore's bank: blocks of images are reduced, and what is left of all is reduced again.
 *
 * All patches of N images need not be held at once.  The patches of a block of images that is full
 * are reduced by greedy k-center (coreset.h) to `spare` times the share that the bank will keep; at
 * the end the bank is chosen from what is left of all blocks and the last one's patches.  With r(A,
 * B) the distance of the farthest point of A from its nearest of B, for all patches X, the kept
 * ones Y and the bank M
 *
 *     r(X, M) <= r(X, Y) + r(Y, M)
 *
 * The first term is smaller where more is kept, but then the second is larger, and their sum is
 * what counts:
 * of 1 to 4 shares, one gave the least in the projection (docs/speed/log); there the second term
 * almost vanishes.  Where everything fits one block, M is what the greedy choice on everything
 * gives.  Memory: one block, spare + 1 banks, and about a tenth of them for the projection.
 *
 * Distances for the choice are those of x W, W [D, projection] standard normal over
 * sqrt(projection), which keeps them to about 1 / sqrt(2 projection) (Johnson and
 * Lindenstrauss). */
#include "base/mem.h"
#include "base/prng.h"
#include "linalg/linalg.h"
#include "method/patchcore/coreset.h"
#include "method/patchcore/patchcore.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PIECE 256 /* patches of one product */

static void chunk_free(fk_chunk *c)
{
    fk_free(c->rows);
    fk_free(c->images);
    *c = (fk_chunk){0};
}

static fleck_status chunk_init(fk_chunk *c, int64_t room, int64_t dim, fleck_error *err)
{
    int64_t count;
    fleck_status st;

    *c = (fk_chunk){0};
    if (!fk_mul_fits(room, dim, &count))
        FK_FAIL(err, FLECK_E_NOMEM, "%lld patches of %lld values do not fit", (long long)room,
                (long long)dim);
    FK_DO(FK_ALLOC(&c->rows, count, err));
    FK_DO(FK_ALLOC(&c->images, room, err));
done:
    if (st != FLECK_OK)
        chunk_free(c);
    return st;
}

static void chunk_put(fk_chunk *c, int64_t dim, const float *row, int64_t image)
{
    memcpy(c->rows + c->n * dim, row, (size_t)dim * sizeof *row);
    c->images[c->n++] = image;
}

static void drop_chunks(fk_patchcore *s)
{
    for (int64_t i = 0; i < s->n_chunks; i++)
        chunk_free(&s->chunks[i]);
    fk_free(s->chunks);
    s->chunks = NULL;
    s->n_chunks = s->room = 0;
    chunk_free(&s->pending);
    s->n_pending = s->reserved = 0;
}

void fk_patchcore_clear(fk_patchcore *s)
{
    drop_chunks(s);
    fk_bank_free(&s->bank);
    fk_refill_free(&s->refill);
    s->n = s->seen = 0;
    s->finished = false;
}

/* ---- Choosing ---- */

typedef struct project_job {
    const float *rows, *w;
    float *out;
    int64_t n, dim, width;
} project_job;

static fleck_status project_piece(void *ctx, int64_t piece, int worker, fleck_error *err)
{
    const project_job *job = ctx;
    int64_t first = piece * PIECE, n = job->n - first < PIECE ? job->n - first : PIECE;

    (void)worker;
    (void)err;
    fk_linalg_multiply_nt(job->out + first * job->width, job->width, job->rows + first * job->dim,
                          job->dim, job->w, job->dim, n, job->width, job->dim, 1.0f, 0.0f);
    return FLECK_OK;
}

fleck_status fk_patchcore_projection(float **w, const fk_patchcore *s, fleck_error *err)
{
    int64_t size = s->projection * s->shape.levels[0].dim;
    double scale = 1.0 / sqrt((double)s->projection);
    fk_prng g;
    fleck_status st;

    FK_DO(FK_ALLOC(w, size, err));
    fk_prng_seed(&g, s->seed);
    for (int64_t i = 0; i < size; i++)
        (*w)[i] = (float)(fk_prng_normal(&g) * scale);
done:
    return st;
}

fleck_status fk_patchcore_project(float *out, const fk_patchcore *s, const float *w,
                                  const float *rows, int64_t n, fk_pool *pool, fleck_error *err)
{
    project_job job = {rows, w, out, n, s->shape.levels[0].dim, s->projection};

    return fk_pool_run(pool, (n + PIECE - 1) / PIECE, project_piece, &job, err);
}

/* Is the choice made in a projection?  One that keeps more than half of the numbers costs more than
 * it saves. */
static bool is_narrow(const fk_patchcore *s)
{
    return s->projection > 0 && 2 * s->projection <= s->shape.levels[0].dim;
}

static int compare_indices(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* What comes into the bank of `chosen` points where parts of the images are left out. */
static fleck_status fill(fk_refill *out, const fk_patchcore *s, const float *points, int64_t total,
                         int64_t width, const fk_chunk *parts, int64_t n_parts, const int64_t *near,
                         const int64_t *chosen, int64_t count, double radius, fk_pool *pool,
                         fleck_error *err)
{
    int64_t *images = NULL, at = 0;
    fleck_status st;

    FK_DO(FK_ALLOC(&images, total, err));
    for (int64_t i = 0; i < n_parts; at += parts[i].n, i++)
        memcpy(images + at, parts[i].images, (size_t)parts[i].n * sizeof *images);
    FK_DO(fk_refill_find(out, s->parts, points, total, width, images, near, chosen, count, radius,
                         !is_narrow(s), pool, err));
done:
    fk_free(images);
    return st;
}

/* Indices of at most k of the parts' total rows, rising; *chosen is owned by the caller.  out NULL,
 * or what comes in where parts of the images are left out. */
static fleck_status choose_rows(int64_t **chosen, int64_t *count, fk_refill *out, int64_t k,
                                const fk_patchcore *s, const fk_chunk *parts, int64_t n_parts,
                                fk_pool *pool, fleck_error *err)
{
    int64_t dim = s->shape.levels[0].dim, total = 0, at = 0, size;
    int64_t width = is_narrow(s) ? s->projection : dim, *near = NULL;
    float *w = NULL, *room = NULL;
    const float *points = parts[0].rows;
    bool as_they_are = n_parts == 1 && !is_narrow(s);
    double radius;
    fleck_status st;

    *chosen = NULL;
    for (int64_t i = 0; i < n_parts; i++)
        total += parts[i].n;
    if (!fk_mul_fits(total, width, &size))
        FK_FAIL(err, FLECK_E_NOMEM, "%lld patches of %lld values do not fit", (long long)total,
                (long long)width);
    FK_DO(FK_ALLOC(chosen, k, err));
    if (is_narrow(s))
        FK_DO(fk_patchcore_projection(&w, s, err));
    if (!as_they_are) {
        FK_DO(FK_ALLOC(&room, size, err));
        points = room;
    }
    for (int64_t i = 0; !as_they_are && i < n_parts; at += parts[i].n, i++) {
        float *to = room + at * width;

        if (w != NULL)
            FK_DO(fk_patchcore_project(to, s, w, parts[i].rows, parts[i].n, pool, err));
        else
            memcpy(to, parts[i].rows, (size_t)(parts[i].n * dim) * sizeof *to);
    }
    if (out != NULL)
        FK_DO(FK_ALLOC(&near, total, err));
    FK_DO(fk_coreset_choose(*chosen, count, &radius, near, k, points, total, width, s->seed, pool,
                            err));
    qsort(*chosen, (size_t)*count, sizeof **chosen, compare_indices);
    if (out != NULL)
        FK_DO(fill(out, s, points, total, width, parts, n_parts, near, *chosen, *count, radius,
                   pool, err));
done:
    fk_free(w);
    fk_free(room);
    fk_free(near);
    if (st != FLECK_OK) {
        fk_free(*chosen);
        *chosen = NULL;
    }
    return st;
}

/* Copy the rows of the points that come in. */
static fleck_status copy_fills(fk_refill *l, int64_t dim, const fk_chunk *parts, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    for (int k = 0; k < FK_PARTITIONS; k++) {
        fk_fill *f = &l->fills[k];
        float *rows;

        if (f->index == NULL)
            continue;
        FK_DO(FK_ALLOC(&rows, (f->n + 1) * dim, err));
        for (int64_t i = 0; i < f->n; i++) {
            const fk_chunk *c = parts;
            int64_t row = f->index[i];

            for (; row >= c->n; c++)
                row -= c->n;
            memcpy(rows + i * dim, c->rows + row * dim, (size_t)dim * sizeof *rows);
        }
        FK_DO(fk_refill_take(f, rows, dim, err));
    }
done:
    return st;
}

/* A new chunk of at most k of the parts' rows.  refill NULL, or what comes in where parts of the
 * images are left out. */
static fleck_status reduce(fk_chunk *out, fk_refill *refill, int64_t k, const fk_patchcore *s,
                           const fk_chunk *parts, int64_t n_parts, fk_pool *pool, fleck_error *err)
{
    int64_t dim = s->shape.levels[0].dim, total = 0, count = 0, first = 0, next = 0;
    int64_t *chosen = NULL;
    fleck_status st = FLECK_OK;

    *out = (fk_chunk){0};
    for (int64_t i = 0; i < n_parts; i++)
        total += parts[i].n;
    count = k < total ? k : total;
    if (k < total)
        FK_DO(choose_rows(&chosen, &count, refill, k, s, parts, n_parts, pool, err));
    FK_DO(chunk_init(out, count, dim, err));
    for (int64_t i = 0; i < n_parts; first += parts[i].n, i++) {
        for (; next < count; next++) {
            int64_t row = (chosen != NULL ? chosen[next] : next) - first;

            if (row >= parts[i].n)
                break;
            chunk_put(out, dim, parts[i].rows + row * dim, parts[i].images[row]);
        }
    }
    if (refill != NULL)
        FK_DO(copy_fills(refill, dim, parts, err));
done:
    fk_free(chosen);
    return st;
}

/* Patches that are kept of n: `share` of them, but no fewer than s->least where there are so
 * many. */
static int64_t kept_of(const fk_patchcore *s, double share, int64_t n)
{
    int64_t k = (int64_t)(share * (double)n);

    k = k < s->least ? s->least : k;
    return k < 1 ? 1 : k > n ? n : k;
}

/* ---- Memory ---- */

/* What choosing k of n patches takes beside them, which lie in one chunk or in several. */
static double choice_bytes(const fk_patchcore *s, int64_t n, int64_t k, bool several)
{
    int64_t dim = s->shape.levels[0].dim, width = is_narrow(s) ? s->projection : dim;

    if (k >= n)
        return 0.0;
    return (is_narrow(s) || several ? 4.0 * (double)width * (double)(n + dim) : 0.0) +
           8.0 * (double)(n + k) +
           fmax((double)fk_coreset_bytes(n, k, width),
                8.0 * (double)n + fk_refill_bytes(n, k, width));
}

int64_t fk_patchcore_bytes(const fk_patchcore *s, int64_t images)
{
    int64_t dim = s->shape.levels[0].dim;
    int64_t places = s->shape.levels[0].height * s->shape.levels[0].width;
    int64_t blocks = images > 0 ? (images - 1) / s->block : 0, rest = images - blocks * s->block;
    int64_t block = s->block * places, kept = kept_of(s, s->spare * s->fraction, block);
    int64_t total = blocks * kept + rest * places, k = kept_of(s, s->fraction, images * places);
    double row = 4.0 * (double)dim + 8.0;
    double pending = row * (double)(blocks > 0 ? block : rest * places);
    double last = fmax(choice_bytes(s, block, kept, false), (row + 8.0) * (double)kept);
    double fills = 4.0 * (double)dim * (double)k; /* about one for each that leaves */
    double end = fmax(choice_bytes(s, total, k, blocks > 0 || s->bank.n > 0),
                      (row + 8.0) * (double)k + (double)fk_bank_turn_bytes(k, dim)) +
                 fills;
    double bytes = pending + row * (double)(blocks * kept) + end;

    if (blocks > 0)
        bytes = fmax(bytes, pending + row * (double)((blocks - 1) * kept) + last);
    return bytes < 9e18 ? (int64_t)bytes : INT64_MAX;
}

/* ---- Learning ---- */

static fleck_status make_room(fk_patchcore *s, int64_t more, fleck_error *err)
{
    int64_t room = s->n_chunks + more + s->n_chunks / 2;
    void *chunks = s->chunks;
    fleck_status st;

    if (s->n_chunks + more <= s->room)
        return FLECK_OK;
    if (chunks == NULL)
        st = FK_ALLOC(&s->chunks, room, err);
    else if ((st = fk_grow(&chunks, s->room, room, sizeof *s->chunks, err)) == FLECK_OK)
        s->chunks = chunks;
    if (st == FLECK_OK)
        s->room = room;
    return st;
}

/* What is kept of the full pending block becomes a chunk. */
static fleck_status flush(fk_patchcore *s, fk_pool *pool, fleck_error *err)
{
    int64_t k = kept_of(s, s->spare * s->fraction, s->pending.n);
    fk_chunk kept;
    fleck_status st;

    FK_DO(make_room(s, 1, err));
    if (s->pending.n > 0) {
        FK_DO(reduce(&kept, NULL, k, s, &s->pending, 1, pool, err));
        s->chunks[s->n_chunks++] = kept;
    }
    s->pending.n = 0;
    s->n_pending = 0;
done:
    return st;
}

/* Memory for so many pending images, at most a block: as many as are expected at first, then a
 * block. */
static fleck_status reserve(fk_patchcore *s, int64_t images, fleck_error *err)
{
    int64_t dim = s->shape.levels[0].dim, wanted = s->block;
    int64_t places = s->shape.levels[0].height * s->shape.levels[0].width;
    fk_chunk more;
    fleck_status st;

    if (images <= s->reserved)
        return FLECK_OK;
    if (images <= s->expected && s->expected < s->block)
        wanted = s->expected;
    FK_DO(chunk_init(&more, wanted * places, dim, err));
    for (int64_t i = 0; i < s->pending.n; i++)
        chunk_put(&more, dim, s->pending.rows + i * dim, s->pending.images[i]);
    chunk_free(&s->pending);
    s->pending = more;
    s->reserved = wanted;
done:
    return st;
}

fleck_status fk_patchcore_take(fk_patchcore *s, const float *rows, const uint8_t *valid, int64_t n,
                               int64_t image, fk_pool *pool, fleck_error *err)
{
    int64_t dim = s->shape.levels[0].dim, before;
    fleck_status st = FLECK_OK;

    if (s->n_pending == s->block)
        FK_DO(flush(s, pool, err));
    before = s->pending.n;
    FK_DO(reserve(s, s->n_pending + 1, err));
    for (int64_t p = 0; p < n; p++)
        if (valid == NULL || valid[p] != 0)
            chunk_put(&s->pending, dim, rows + p * dim, image);
    s->seen += s->pending.n - before;
    s->n_pending++;
    s->finished = false;
done:
    return st;
}

/* The bank as a chunk, which owns its memory: taken over, or copied where it is a view. */
static fleck_status bank_chunk(fk_chunk *out, fk_bank *b, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    if (b->own_rows != NULL) {
        *out = (fk_chunk){b->n, b->own_rows, b->own_images};
        b->own_rows = NULL;
        b->own_images = NULL;
    } else {
        FK_DO(chunk_init(out, b->n, b->dim, err));
        for (int64_t i = 0; i < b->n; i++)
            chunk_put(out, b->dim, b->rows + i * b->dim, b->images[i]);
    }
done:
    return st;
}

/* Append chunk c, of images that are `shift` further on here. */
static void append(fk_patchcore *s, fk_chunk *c, int64_t shift)
{
    for (int64_t i = 0; i < c->n; i++)
        c->images[i] += shift;
    s->chunks[s->n_chunks++] = *c;
    *c = (fk_chunk){0};
}

fleck_status fk_patchcore_join(fk_patchcore *s, fk_patchcore *other, fleck_error *err)
{
    fk_chunk *pending = &other->pending, bank = {0};
    bool joins = s->pending.rows != NULL && s->n_pending + other->n_pending <= s->block;
    fleck_status st = FLECK_OK;

    if (other->n == 0)
        return FLECK_OK;
    FK_DO(make_room(s, other->n_chunks + 2, err));
    if (joins)
        FK_DO(reserve(s, s->n_pending + other->n_pending, err));
    if (other->bank.n > 0)
        FK_DO(bank_chunk(&bank, &other->bank, err));
    /* Nothing fails from here on. */
    if (joins) {
        for (int64_t i = 0; i < pending->n; i++)
            chunk_put(&s->pending, s->shape.levels[0].dim,
                      pending->rows + i * s->shape.levels[0].dim, pending->images[i] + s->n);
        s->n_pending += other->n_pending;
        chunk_free(pending);
    }
    if (bank.n > 0)
        append(s, &bank, s->n);
    for (int64_t i = 0; i < other->n_chunks; i++)
        append(s, &other->chunks[i], s->n);
    if (pending->rows != NULL && pending->n > 0)
        append(s, pending, s->n);
    s->n += other->n;
    s->seen += other->seen;
    s->finished = false;
    fk_patchcore_clear(other);
done:
    return st;
}

fleck_status fk_patchcore_choose(fk_patchcore *s, fk_pool *pool, fleck_error *err)
{
    int64_t n_parts = 0;
    fk_chunk *parts = NULL, kept = {0};
    fk_bank bank = {.dim = s->shape.levels[0].dim};
    fk_refill refill = {0};
    fleck_status st;

    FK_DO(FK_ALLOC(&parts, s->n_chunks + 2, err));
    if (s->bank.n > 0) /* only read from here on */
        parts[n_parts++] = (fk_chunk){s->bank.n, (float *)s->bank.rows, (int64_t *)s->bank.images};
    for (int64_t i = 0; i < s->n_chunks; i++)
        parts[n_parts++] = s->chunks[i];
    if (s->pending.n > 0)
        parts[n_parts++] = s->pending;
    FK_DO(reduce(&kept, s->parts != NULL ? &refill : NULL, kept_of(s, s->fraction, s->seen), s,
                 parts, n_parts, pool, err));
    bank.n = kept.n;
    bank.rows = bank.own_rows = kept.rows;
    bank.images = bank.own_images = kept.images;
    kept = (fk_chunk){0};
    FK_DO(fk_bank_turn(&bank, pool, err));
    FK_DO(fk_bank_measure(&bank, err));
    fk_bank_free(&s->bank);
    s->bank = bank;
    bank = (fk_bank){0};
    fk_refill_free(&s->refill);
    s->refill = refill;
    refill = (fk_refill){0};
    drop_chunks(s);
done:
    s->parts = NULL;
    fk_refill_free(&refill);
    fk_free(parts);
    chunk_free(&kept);
    fk_bank_free(&bank);
    return st;
}
