/* SPDX-License-Identifier: Apache-2.0 */
/* PatchCore's state, and what the method's files share. */
#ifndef FK_METHOD_PATCHCORE_PATCHCORE_H
#define FK_METHOD_PATCHCORE_PATCHCORE_H

#include "method/patchcore/refill.h"

/* Patches that wait for the choice of the bank. */
typedef struct fk_chunk {
    int64_t n;
    float *rows;     /* [n, D] */
    int64_t *images; /* [n] */
} fk_chunk;

typedef struct fk_patchcore {
    fk_embed_shape shape;
    fk_map_size map;
    double fraction;
    int64_t least;      /* patches of the bank, where there are so many */
    double spare;       /* a full block keeps this many times that */
    int64_t projection; /* width in which the bank is chosen; 0: as it is */
    uint64_t seed;
    int64_t reweight;
    int64_t n;         /* images learned */
    int64_t seen;      /* their patches */
    int64_t block;     /* images that `pending` may hold */
    int64_t n_pending; /* images that it holds */
    int64_t expected;  /* images that will be learned in all, 0 where nobody has said */
    int64_t reserved;  /* images that `pending` has memory for */
    fk_chunk pending;  /* the last images' patches, all of them */
    fk_chunk *chunks;  /* [n_chunks] of earlier blocks of images, what was kept of each */
    int64_t n_chunks, room;
    fk_bank bank;          /* of the last finish */
    fk_refill refill;      /* of the bank; empty where nobody told its parts */
    const fk_parts *parts; /* borrowed until finish */
    bool finished;
} fk_patchcore;

/* Keep the patches of one image.  Where the pending block is full, what is to be kept of it is
 * chosen first. */
fleck_status fk_patchcore_take(fk_patchcore *s, const float *rows, const uint8_t *valid, int64_t n,
                               int64_t image, fk_pool *pool, fleck_error *err) FLECK_MUST_CHECK;
/* Take other's patches behind s's; other becomes empty. */
fleck_status fk_patchcore_join(fk_patchcore *s, fk_patchcore *other,
                               fleck_error *err) FLECK_MUST_CHECK;
/* Choose the bank from the bank that was, the chunks and the pending patches, which are then gone.
 * There is at least one patch. */
fleck_status fk_patchcore_choose(fk_patchcore *s, fk_pool *pool, fleck_error *err) FLECK_MUST_CHECK;

/* Bytes that learning so many images takes: the state, and the scratch of add and finish. */
int64_t fk_patchcore_bytes(const fk_patchcore *s, int64_t images);

/* The projection that the bank is chosen in: *w [projection, D], which the caller frees, and rows
 * [n, D] in it to out [n, projection].  s->projection is above 0. */
fleck_status fk_patchcore_projection(float **w, const fk_patchcore *s,
                                     fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_patchcore_project(float *out, const fk_patchcore *s, const float *w,
                                  const float *rows, int64_t n, fk_pool *pool,
                                  fleck_error *err) FLECK_MUST_CHECK;

/* Free what was learned. */
void fk_patchcore_clear(fk_patchcore *s);

/* The method's score and scratch_size. */
size_t fk_patchcore_scratch_size(const void *state);
fleck_status fk_patchcore_score(const void *state, const fk_embedding *e, fk_span exclude,
                                void *scratch, fk_pool *pool, float *map, double *score,
                                fleck_error *err) FLECK_MUST_CHECK;

#endif
