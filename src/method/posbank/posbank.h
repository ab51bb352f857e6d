/* SPDX-License-Identifier: Apache-2.0 */
/* PosBank's state, and what its files share; internal to this folder. */
#ifndef FK_METHOD_POSBANK_POSBANK_H
#define FK_METHOD_POSBANK_POSBANK_H

#include "method/method.h"

/* Features that may enter a bank, in order of their images and then of their positions. */
typedef struct fk_candidates {
    int64_t n, room;
    int64_t *first;    /* [images + 1] of each image; set by fk_posbank_choose() */
    float *rows;       /* [n, D] */
    int32_t *position; /* [n] */
    int32_t *image;    /* [n] */
} fk_candidates;

/* The banks of all positions: that of position p has the rows begin[p] .. begin[p + 1] - 1, in
 * order of choice. */
typedef struct fk_banks {
    int64_t *begin; /* [P + 1] */
    float *rows;    /* [begin[P], D] */
    int32_t *image; /* [begin[P]] image that a row is of */
} fk_banks;

/* The bank of a position without a part, if it is not the beginning of the whole bank. */
typedef struct fk_other_bank {
    int32_t part; /* those of FK_SESSION come after those of FK_ALONE */
    int32_t size;
    int64_t begin; /* its candidates are lists[begin .. begin + size - 1] */
} fk_other_bank;

/* All such banks of a position. */
typedef struct fk_others {
    int64_t candidates; /* of the position */
    int64_t n;
    fk_other_bank *banks; /* [n] in order of parts */
    int64_t *lists;       /* candidates of the banks, one bank after the other */
} fk_others;

/* Banks without each part that scores leave out. */
typedef struct fk_exclusions {
    int64_t n_parts[FK_PARTITIONS]; /* 0: the partition was not announced */
    int32_t *part[FK_PARTITIONS];   /* [images] */
    fk_others *others;              /* [P] */
} fk_exclusions;

typedef struct fk_posbank {
    fk_embed_shape shape;
    fk_map_size map;
    double fraction;
    int64_t least, radius;
    int64_t n; /* images */
    fk_candidates all;
    fk_banks banks;
    fk_exclusions exclusions;
    const fk_parts *parts; /* announced; NULL after finish */
    bool finished, loaded; /* loaded: all is empty, banks have what was learned */
} fk_posbank;

static inline int64_t fk_posbank_positions(const fk_posbank *s)
{
    return s->shape.levels[0].height * s->shape.levels[0].width;
}

/* Size of the bank of a position that n good images show. */
int64_t fk_posbank_size(const fk_posbank *s, int64_t n);

void fk_banks_free(fk_banks *b);
void fk_exclusions_free(fk_exclusions *e, int64_t positions);

/* Choose the banks from the candidates, and those without each announced part.  The same bytes on
 * any pool. */
fleck_status fk_posbank_choose(fk_posbank *s, fk_pool *pool, fleck_error *err) FLECK_MUST_CHECK;

/* The method's score and scratch_size. */
size_t fk_posbank_scratch_size(const void *state);
fleck_status fk_posbank_score(const void *state, const fk_embedding *e, fk_span exclude,
                              void *scratch, fk_pool *pool, float *map, double *score,
                              fleck_error *err) FLECK_MUST_CHECK;

#endif
