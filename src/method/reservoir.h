/* A sample of bounded size of all patches that images showed, drawn without a seed. */
#ifndef FK_METHOD_RESERVOIR_H
#define FK_METHOD_RESERVOIR_H

#include "features/embed.h"

/* Where a kept patch comes from. */
typedef struct fk_kept {
    uint64_t priority; /* the lowest are kept; 0 always is */
    int64_t image, position;
    int64_t row; /* of data */
} fk_kept;

/* At most `room` patches of D numbers.  Valid when zeroed; owned. */
typedef struct fk_reservoir {
    int64_t dim, room, n;
    int64_t reserved; /* rows that data and heap have memory for */
    fk_kept *heap;    /* [n], highest priority first */
    float *data;      /* [n, D] */
} fk_reservoir;

void fk_reservoir_init(fk_reservoir *r, int64_t dim, int64_t room);
void fk_reservoir_free(fk_reservoir *r);

/* Offer the patches of one image, but those that level->valid leaves out.  A patch's priority is a
 * hash of the image's numbers and of its position: what is kept of a set of images does not depend
 * on how they were cut into calls or states.  On failure r is unchanged. */
fleck_status fk_reservoir_add(fk_reservoir *r, const fk_level *level, int64_t image,
                              fleck_error *err) FLECK_MUST_CHECK;
/* Offer one patch [D]. */
fleck_status fk_reservoir_offer(fk_reservoir *r, const float *patch, fk_kept from,
                                fleck_error *err) FLECK_MUST_CHECK;
/* Take what other keeps, its images counted from `images` on; other becomes empty.  Dim and room are
 * equal (asserted). */
fleck_status fk_reservoir_merge(fk_reservoir *r, fk_reservoir *other, int64_t images,
                                fleck_error *err) FLECK_MUST_CHECK;
/* Bytes that it takes at most, sorting included, when so many patches have been offered. */
int64_t fk_reservoir_bytes(const fk_reservoir *r, int64_t offered);
/* Put heap and data in order of image and position; more may be offered afterwards. */
fleck_status fk_reservoir_sort(fk_reservoir *r, fleck_error *err) FLECK_MUST_CHECK;

#endif
