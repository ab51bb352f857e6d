/* Lower bounds of SPADE's distances by products rounded to bf16, where the processor has them. */
#ifndef FK_METHOD_SPADE_ROUNDED_H
#define FK_METHOD_SPADE_ROUNDED_H

#include "method/spade.h"

/* Of the levels on the common grid; all NULL where there are no such products. */
typedef struct fk_spade_rounded {
    uint16_t *ours[FK_MAX_TAPS]; /* [P, width] the query's features, rounded */
    float *lost
        [FK_MAX_TAPS]; /* [P] squared lengths of what rounding took from the last that were rounded */
    float *ours_lost;     /* [P] |q - q~| */
    float *theirs_lost;   /* [P] 2 |g - g~|, of a gallery image */
    float *theirs_length; /* [P] 2 |g| */
} fk_spade_rounded;

/* Floats that level t of a gallery image takes, packed; 0 where it is not. */
int64_t fk_spade_rounded_floats(const fk_spade_query *q, int t);
/* Floats of scratch for packing so many rows of dim numbers. */
int64_t fk_spade_rounded_strip(int64_t rows, int64_t dim);
void fk_spade_rounded_carve(fk_spade_rounded *out, const fk_spade_query *q, char *base,
                            size_t *used);

/* Round the query, before any gallery image. */
void fk_spade_rounded_query(const fk_spade_rounded *r, const fk_spade_query *q);
/* Round rows first .. last - 1 of a gallery image's level t, which begin at data, and pack them; first is a multiple of
 * 16. */
void fk_spade_rounded_pack(const fk_spade_rounded *r, const fk_spade_query *q, int t, float *packed,
                           float *strip, const float *data, int64_t first, int64_t last);
/* When all its rows are: norms [P] are the squared lengths of its features over the levels on the grid. */
void fk_spade_rounded_measure(const fk_spade_rounded *r, const fk_spade_query *q,
                              const float *norms);

/* Add to pairs [count, P] of the query's positions from p on, squared distances over the other levels less |q|^2 of
 * them, a lower bound of the same over the levels on the grid.  ours [P]: squared lengths as norms. */
void fk_spade_rounded_bound(const fk_spade_rounded *r, const fk_spade_query *q, float *pairs,
                            float *const *packed, const float *ours, const float *norms, int64_t p,
                            int64_t count);

#endif
