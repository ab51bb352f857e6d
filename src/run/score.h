/* Scores: from embeddings to maps and image scores. */
#ifndef FK_RUN_SCORE_H
#define FK_RUN_SCORE_H

#include "run/front.h"

/* An image, or a tile of one, and what it gets.  Valid when zeroed; views. */
typedef struct fk_scoring {
    const fk_embedding *embedding;
    fk_span exclude;         /* as in fk_method.score */
    const uint8_t *left_out; /* NULL or [size] 255 where a mask leaves out; the map is 0 there */
    fk_map_size size;        /* of the map */
    float *map;              /* [size]; NULL: not wanted, and no score is taken from it */
    double score;
} fk_scoring;

/* Map, smoothed, and score of n images that are not tiled, on all threads: nothing else is running.
 * Sizes are set.  A message does not say which image it is about. */
fleck_status fk_score_many(fk_runner *r, fk_scoring *images, int64_t n,
                           fleck_error *err) FLECK_MUST_CHECK;
/* Score of one embedding alone, of which nothing is masked: a check image's. */
fleck_status fk_score_check(fk_runner *r, const fk_embedding *e, double *score,
                            fleck_error *err) FLECK_MUST_CHECK;
/* As fk_score_many(), of images that are all that was learned of a fold, without it: see
 * fk_method.score_fold. */
fleck_status fk_score_fold(fk_runner *r, fk_scoring *images, int64_t n,
                           fleck_error *err) FLECK_MUST_CHECK;
/* The same of all images of a front's group, which are embedded block by block: images
 * [times, f->n], of which map and exclude are set; each is scored `times` times.  With tiles the
 * maps are blended and then smoothed; a score that is the method's own is the highest tile's.
 * Images with an error are passed over; some may get theirs here. */
fleck_status fk_score_group(fk_front *f, fk_scoring *images, int times,
                            fleck_error *err) FLECK_MUST_CHECK;

#endif
