/* SPDX-License-Identifier: Apache-2.0 */
/* Scoring: from embeddings to maps and image scores. */
#ifndef FK_RUN_SCORE_H
#define FK_RUN_SCORE_H

#include "run/front.h"

/* An image or a tile, and its map and score.  Valid when zeroed; all pointers are borrowed. */
typedef struct fk_scoring {
    const fk_embedding *embedding;
    fk_span exclude;         /* as in fk_method.score */
    const uint8_t *left_out; /* NULL, or [size] 255 in the ignored region; the map is 0 there */
    fk_map_size size;        /* of the map */
    float *map;              /* [size]; NULL: no map is wanted, nor a score from it */
    double score;
} fk_scoring;

/* Smoothed maps and scores of n images that are not tiled.  It uses all threads, so nothing else
 * may run on the runner.  It sets the sizes.  Messages do not name the image. */
fleck_status fk_score_many(fk_runner *r, fk_scoring *images, int64_t n,
                           fleck_error *err) FLECK_MUST_CHECK;
/* Score of one embedding without an ignored region, as of a check image. */
fleck_status fk_score_check(fk_runner *r, const fk_embedding *e, double *score,
                            fleck_error *err) FLECK_MUST_CHECK;
/* As fk_score_many(), for all learned images of one fold, as if none of them had been learned: see
 * fk_method.score_fold. */
fleck_status fk_score_fold(fk_runner *r, fk_scoring *images, int64_t n,
                           fleck_error *err) FLECK_MUST_CHECK;
/* Embed the group of f block by block and score it: images [times, f->n], of which map and exclude
 * are set; each image is scored `times` times.  The maps of tiles are blended and then smoothed.
 * If the method has scores of its own, an image gets the highest score of its tiles.  Images with
 * an error are skipped; images may get an error here too. */
fleck_status fk_score_group(fk_front *f, fk_scoring *images, int times,
                            fleck_error *err) FLECK_MUST_CHECK;

#endif
