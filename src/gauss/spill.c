/* SPDX-License-Identifier: Apache-2.0 */
/* Learning Gaussians whose moments do not fit memory: images are stored, and one band of positions
 * is processed after another.
 *
 * P triangles of doubles have twice the size of the model.  The images of a class are often
 * smaller: N D floats for each position, where a triangle has D^2 / 2 doubles.  So the images are
 * stored (base/spool.h), and moments exist only for the current bands.  They are summed over all
 * images in the same order as in memory, hence with the same bytes.
 *
 *   finish   band by band: compute moments, then means and factors
 *   flush    when the images outgrow the triangles: write their moments to a file, band by band,
 *            and free the images; later images are added to the file
 *   merge    band by band: merge the moments of both learners and write them to the file
 *
 * If masks hide positions, each waiting image has a bit for each position. */
#include "gauss/learn.h"
#include "base/mem.h"
#include "base/str.h"
#include "gauss/factor.h"

#include <assert.h>
#include <string.h>

#define MAX_BAND 16
#define MIN_PIECE 8
#define MAX_PIECE 64
#define MIN_WAITING 64
/* Without a limit: learn in memory if that needs at most FREE_BYTES beyond means and factors, else
 * with WORK_BYTES beyond these. */
#define FREE_BYTES (INT64_C(200) << 20)
#define WORK_BYTES (INT64_C(32) << 20)

/* ---- Limits ---- */

/* Bytes of one desk. */
static int64_t desk_bytes(const fk_learner *l, int64_t band, int64_t piece)
{
    int64_t dim = l->dim;

    return 8 * (band * fk_moments_room(dim) + fk_moments_scratch(dim) + (dim + 1) * dim) +
           4 * piece * band * dim;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Number of waiting images that are flushed, where N D floats exceed D (D + 1) / 2 doubles. */
static int64_t most_waiting(const fk_learner *l)
{
    return most(MIN_WAITING, l->dim + 1);
}

/* Bytes of the bits of a waiting image. */
static int64_t skip_bytes(const fk_learner *l)
{
    return (l->n_pos + 7) / 8;
}

/* Bytes of means, factors, shift and sums, and of the counts and bits that masks need. */
static int64_t fixed_bytes(const fk_learner *l)
{
    return l->n_pos * ((int64_t)fk_dtype_size(l->type) * fk_moments_size(l->dim) +
                       (4 + 4 + 8) * l->dim + (int64_t)sizeof *l->images.at) +
           most_waiting(l) * skip_bytes(l);
}

/* Divide the bytes that remain: wide bands first, then waiting images. */
static void divide(fk_spill *s, const fk_learner *l, int64_t rest, int threads)
{
    s->band = MAX_BAND < l->n_pos ? MAX_BAND : l->n_pos;
    s->piece = MAX_PIECE;
    while (s->band > 1 && threads * desk_bytes(l, s->band, s->piece) > rest)
        s->band--;
    while (s->piece > MIN_PIECE && threads * desk_bytes(l, s->band, s->piece) > rest)
        s->piece /= 2;
    s->kept = rest - threads * desk_bytes(l, s->band, s->piece);
}

fleck_status fk_learner_limit(fk_learner *l, int64_t bytes, const char *folder, int threads,
                              int64_t *least, fleck_error *err)
{
    int64_t fixed = fixed_bytes(l), scratch = threads * 8 * l->dim * l->dim;
    /* Moments are freed while factors are made, but the allocator may keep that memory. */
    int64_t plain = fixed + l->n_pos * 8 * fk_moments_room(l->dim) + scratch;
    int64_t banded = fixed + threads * desk_bytes(l, 1, MIN_PIECE);
    fk_spill *s = &l->spill;
    fleck_status st;

    assert(l->images.n == 0 && !l->spills && threads >= 1);
    *least = folder != NULL && banded < plain ? banded : plain;
    if (bytes == 0 && (folder == NULL || plain <= fixed + FREE_BYTES))
        return FLECK_OK;
    if (bytes == 0)
        bytes = fixed + most(WORK_BYTES, threads * desk_bytes(l, 1, MIN_PIECE));
    if (bytes < *least)
        return fk_error_set(err, FLECK_E_LIMIT,
                            "%lld Gaussians of %lld numbers need %lld bytes to be learned%s, %lld "
                            "are allowed",
                            (long long)l->n_pos, (long long)l->dim, (long long)*least,
                            folder != NULL ? "" : " without a folder for temporary files",
                            (long long)bytes);
    if (plain <= bytes)
        return FLECK_OK;
    FK_DO(fk_strdup(&s->folder, folder, err));
    s->most_waiting = most_waiting(l);
    divide(s, l, bytes - fixed, threads);
    l->spills = true;
done:
    return st;
}

/* ---- Waiting images ---- */

void fk_spill_settle(fk_spill *s)
{
    fk_spool_close(&s->images);
    fk_free(s->skips);
    s->skips = NULL;
    fk_gauss_free(&s->base);
}

void fk_spill_clear(fk_spill *s)
{
    fk_spill_settle(s);
    fk_scratch_close(&s->moments);
}

static int64_t waiting(const fk_spill *s)
{
    return s->images != NULL ? fk_spool_count(s->images) : 0;
}

/* Whether waiting image i is not learned at position p. */
static bool skips(const fk_learner *l, int64_t i, int64_t p)
{
    const uint8_t *bits = l->spill.skips;

    return bits != NULL && (bits[i * skip_bytes(l) + p / 8] >> p % 8 & 1) != 0;
}

static fleck_status store_flags(fk_learner *l, int64_t i, const uint8_t *flags, fleck_error *err)
{
    fk_spill *s = &l->spill;
    fleck_status st = FLECK_OK;

    if (s->skips == NULL)
        FK_DO(FK_CALLOC(&s->skips, s->most_waiting * skip_bytes(l), err));
    for (int64_t p = 0; p < l->n_pos; p++)
        if (!fk_gauss_learns(flags, p))
            s->skips[i * skip_bytes(l) + p / 8] |= (uint8_t)(1u << p % 8);
done:
    return st;
}

fleck_status fk_spill_keep(fk_learner *l, const float *image, const uint8_t *flags,
                           fleck_error *err)
{
    fk_spill *s = &l->spill;
    fleck_status st = FLECK_OK;

    if (s->images == NULL)
        FK_DO(fk_spool_open(&s->images, l->n_pos, l->dim, s->kept, s->folder, err));
    if (flags != NULL)
        FK_DO(store_flags(l, waiting(s), flags, err));
    FK_DO(fk_spool_append(s->images, image, err));
done:
    return st;
}

/* Number of images at position p that the file or the factors hold. */
static int64_t count_before(const fk_learner *l, int64_t p)
{
    int64_t n = fk_counts_at(l->images, p);

    for (int64_t i = 0; i < waiting(&l->spill); i++)
        n -= !skips(l, i, p);
    return n;
}

/* List the views of those of n waiting images from `first` on that position p learns; returns their
 * number. */
static int64_t choose(const float **out, const float *const *views, const fk_learner *l,
                      int64_t first, int64_t n, int64_t p)
{
    int64_t count = 0;

    for (int64_t i = 0; i < n; i++)
        if (!skips(l, first + i, p))
            out[count++] = views[i];
    return count;
}

/* ---- Desks ---- */

void fk_desks_close(fk_desk **desks, int n)
{
    for (int i = 0; *desks != NULL && i < n; i++) {
        fk_free((*desks)[i].triangles);
        fk_free((*desks)[i].slices);
        fk_free((*desks)[i].columns);
        fk_free((*desks)[i].square);
    }
    fk_free(*desks);
    *desks = NULL;
}

fleck_status fk_desks_open(fk_desk **out, int n, int64_t dim, int64_t band, int64_t piece,
                           fleck_error *err)
{
    fleck_status st;

    FK_DO(FK_CALLOC(out, n, err));
    for (int i = 0; i < n; i++) {
        fk_desk *d = &(*out)[i];

        FK_DO(FK_ALLOC(&d->triangles, band * fk_moments_room(dim), err));
        FK_DO(FK_ALLOC(&d->slices, piece * band * dim, err));
        FK_DO(FK_ALLOC(&d->columns, fk_moments_scratch(dim), err));
        FK_DO(FK_ALLOC(&d->square, (dim + 1) * dim, err));
    }
done:
    if (st != FLECK_OK)
        fk_desks_close(out, n);
    return st;
}

fk_moments fk_spill_position(const fk_learner *l, const fk_desk *d, int64_t first, int64_t p)
{
    return fk_learner_position(l, p, d->triangles + (p - first) * fk_moments_room(l->dim));
}

/* Set the desk's triangles to the moments of earlier images. */
static fleck_status fetch_before(const fk_learner *l, int64_t first, int64_t last, const fk_desk *d,
                                 fleck_error *err)
{
    const fk_spill *s = &l->spill;
    const fk_gauss *base = &s->base;
    int64_t bytes = fk_moments_room(l->dim) * (int64_t)sizeof(double);

    if (s->moments.folder != NULL)
        return fk_scratch_read(&s->moments, d->triangles, (last - first) * bytes, first * bytes,
                               err);
    if (base->factor == NULL)
        memset(d->triangles, 0, (size_t)((last - first) * bytes));
    for (int64_t p = first; base->factor != NULL && p < last; p++) {
        fk_moments m = fk_spill_position(l, d, first, p);

        m.n = count_before(l, p);
        fk_moments_back(m, l->type,
                        (const char *)base->factor +
                            fk_factor_offset(l->type, fk_moments_size(l->dim), p),
                        (float *)d->columns, base->shrinkage);
    }
    return FLECK_OK;
}

fleck_status fk_spill_fetch(const fk_learner *l, int64_t first, int64_t last, const fk_desk *d,
                            fleck_error *err)
{
    const fk_spill *s = &l->spill;
    int64_t width = (last - first) * l->dim, count = waiting(s);
    const float *views[MAX_PIECE], *chosen[MAX_PIECE];
    fleck_status st;

    FK_DO(fetch_before(l, first, last, d, err));
    for (int64_t i = 0; i < count; i += s->piece) {
        int64_t n = count - i < s->piece ? count - i : s->piece;

        for (int64_t k = 0; k < n; k++) {
            views[k] = d->slices + k * width;
            FK_DO(fk_spool_read(s->images, i + k, first, last, d->slices + k * width, err));
        }
        for (int64_t p = first; p < last; p++)
            fk_moments_add(fk_spill_position(l, d, first, p), chosen,
                           choose(chosen, views, l, i, n, p), (p - first) * l->dim, d->columns);
    }
done:
    return st;
}

fleck_status fk_spill_put(const fk_scratch *file, int64_t dim, int64_t first, int64_t last,
                          const fk_desk *d, fleck_error *err)
{
    int64_t bytes = fk_moments_room(dim) * (int64_t)sizeof(double);

    return fk_scratch_write(file, d->triangles, (last - first) * bytes, first * bytes, err);
}
