/* Few patches that stand for all that were seen: merged block by block, reduced each time. */
#ifndef FK_METHOD_REDUCED_H
#define FK_METHOD_REDUCED_H

#include "base/pool.h"
#include "features/embed.h"

/* Patches that join at a time, at most. */
#define FK_REDUCED_BLOCK 256

/* Where distances are measured: between the z [d] = whitening [d, D] (x - mean [D]) of patches x. */
typedef struct fk_metric {
    int64_t d;
    const float *mean, *whitening;
} fk_metric;

/* At most `room` patches of D numbers, in slots of which some are empty.  Valid when zeroed; owned.
 *
 * Memory: 4 D bytes a patch until there are more than room; then with S = room + FK_REDUCED_BLOCK
 * 8 S D + 4 S^2 bytes and a little, 17 MB for a room of 1000 at D = 1024. */
typedef struct fk_reduced {
    int64_t dim, room, slots, n; /* D; n patches are kept */
    int64_t reserved;            /* slots that rows and image have memory for */
    int64_t d;                   /* of the z */
    float *rows;                 /* [slots, D] patches as they were */
    int64_t *image;              /* [slots] where they come from; -1: empty */
    float *z;                    /* [slots, d]; NULL before the first choice, like the next two */
    float *length;               /* [slots] squared length of z */
    int32_t *between;            /* [slots, slots] squared distances: the bits of floats >= 0, which
                                    are in the same order as their values */
} fk_reduced;

void fk_reduced_init(fk_reduced *r, int64_t dim, int64_t room);
/* Empty again, and without memory. */
void fk_reduced_free(fk_reduced *r);

/* From now on distances are measured so.  Cost: S D d + S^2 d multiply-adds. */
fleck_status fk_reduced_measure(fk_reduced *r, const fk_metric *m, fk_pool *pool,
                                fleck_error *err) FLECK_MUST_CHECK;

/* Join an image's patches, but those that level->valid leaves out, in blocks of like size.  Where more
 * than `room` come together, that many are chosen: the one farthest from their mean, then each time
 * the one farthest from all chosen (Gonzalez 1985); of equals that of the lower slot.  m is the
 * metric of the last measure.  The same bytes on any pool.
 *
 * On failure what was kept is as it was, and some of the image's blocks may have joined.
 * Cost of a block of b patches: b D d + b S d multiply-adds and room S comparisons. */
fleck_status fk_reduced_add(fk_reduced *r, const fk_metric *m, const fk_level *level, int64_t image,
                            fk_pool *pool, fleck_error *err) FLECK_MUST_CHECK;
/* Join n patches x [n, D] that images [n] showed, their numbers counted from `first` on. */
fleck_status fk_reduced_join(fk_reduced *r, const fk_metric *m, const float *x,
                             const int64_t *images, int64_t first, int64_t n, fk_pool *pool,
                             fleck_error *err) FLECK_MUST_CHECK;

/* The kept patches side by side: x [n, D] and images [n], in the order of their slots. */
void fk_reduced_copy(const fk_reduced *r, float *x, int64_t *images);
/* Bytes that it takes at most when so many patches have been offered, joining included. */
int64_t fk_reduced_bytes(int64_t dim, int64_t room, int64_t offered, int threads);

#endif
