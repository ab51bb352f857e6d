/* A batch: images that go through front and method together, and their results. */
#ifndef FK_RUN_BATCH_H
#define FK_RUN_BATCH_H

#include "base/gate.h"
#include "run/result.h"
#include "run/score.h"

/* Bytes that a batch may take while it scores, whatever its images' sizes, beside one image a
 * thread: what its images leave, and what work on them takes. */
#define FK_BATCH_BYTES (INT64_C(160) << 20)
#define FK_BATCH_GATE (INT64_C(400) << 20)

/* Valid when zeroed; owned, see fk_batch_close().  Runner and source are borrowed. */
typedef struct fk_batch {
    fk_front front;        /* the last run's files are its group */
    bool keep;             /* results get their original image */
    fk_gate gate;          /* for work on large images after a run, FK_BATCH_GATE bytes */
    fleck_result *results; /* [front.room] of the last run's images */
} fk_batch;

/* At most `most` images a run; fewer follow from the threads and the embedding's size.  Results do
 * not depend on it. */
fleck_status fk_batch_open(fk_batch *b, fk_runner *r, fk_source *source, int64_t most, bool keep,
                           fleck_error *err) FLECK_MUST_CHECK;
void fk_batch_close(fk_batch *b);

/* Score the source's images from `first` on, as many as a run takes: b->front.n.  One that cannot
 * be scored has its own error there, which names it; it is not the run's failure.  What the last
 * run gave is freed. */
fleck_status fk_batch_run(fk_batch *b, int64_t first, fleck_error *err) FLECK_MUST_CHECK;

#endif
