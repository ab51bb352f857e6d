/* SPDX-License-Identifier: Apache-2.0 */
/* A batch: images that are embedded and scored together, and their results. */
#ifndef FK_RUN_BATCH_H
#define FK_RUN_BATCH_H

#include "base/gate.h"
#include "run/result.h"
#include "run/score.h"

/* Memory of a batch, whatever the size of its images: its canvases, maps and kept images.  One
 * image for each thread is allowed in any case. */
#define FK_BATCH_BYTES (INT64_C(160) << 20)
/* Memory of fleck_on_scored calls that run at the same time, as estimated in predict.c. */
#define FK_BATCH_GATE (INT64_C(400) << 20)

/* Valid when zeroed; owned, see fk_batch_close().  Runner and source are borrowed. */
typedef struct fk_batch {
    fk_front front;        /* its group are the images of the last run */
    bool keep;             /* results get the pixels of their image */
    fk_gate gate;          /* limits calls of fleck_on_scored to FK_BATCH_GATE bytes */
    fleck_result *results; /* [front.room] of the last run's images */
} fk_batch;

/* A run has at most `most` images, fewer if the embedding is large or threads are few.  Results do
 * not depend on their number. */
fleck_status fk_batch_open(fk_batch *b, fk_runner *r, fk_source *source, int64_t most, bool keep,
                           fleck_error *err) FLECK_MUST_CHECK;
void fk_batch_close(fk_batch *b);

/* Free the last run's results and score the source's images from `first` on; b->front.n is their
 * number.  An image that cannot be scored has an error in b->front.errors, which names it; the call
 * does not fail for that. */
fleck_status fk_batch_run(fk_batch *b, int64_t first, fleck_error *err) FLECK_MUST_CHECK;

#endif
