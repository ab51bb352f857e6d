/* A batch: files that go through decoding, network and method together, phase by phase. */
#ifndef FK_RUN_BATCH_H
#define FK_RUN_BATCH_H

#include "base/gate.h"
#include "run/result.h"
#include "run/runner.h"

/* Bytes that a batch may take while it scores, whatever its images' sizes, beside one image a
 * thread:
 * what its files leave, and what work on them takes. */
#define FK_BATCH_BYTES (INT64_C(160) << 20)
#define FK_BATCH_GATE (INT64_C(400) << 20)

/* Valid when zeroed; owned, see fk_batch_close().  The runner is borrowed. */
typedef struct fk_batch {
    fk_runner *runner;
    bool keep;                /* results get their original image */
    int64_t room, n;          /* most files of a run; those of the last */
    int64_t budget;           /* bytes that canvases, maps and originals of a run should take */
    _Atomic int64_t taken;    /* that those of the last run do */
    fk_gate gate;             /* for work on large images after a run, FK_BATCH_GATE bytes */
    fk_canvas *canvases;      /* [room] */
    fk_embedding *embeddings; /* [room]; NULL with tiles */
    fleck_result *results;    /* [room] of the last run's files */
    fleck_error *errors;      /* [room] status FLECK_OK where there is a result */
} fk_batch;

/* Its size follows the threads and the embedding's size; results do not depend on it. */
fleck_status fk_batch_open(fk_batch *b, fk_runner *r, bool keep, fleck_error *err) FLECK_MUST_CHECK;
void fk_batch_close(fk_batch *b);

/* Score n files, at most b->room; masks: NULL, or [n] of the files of the images' own masks, NULL
 * for none.  A file that cannot be scored is its own error, which names it, not the run's failure.
 * What the last run gave is freed. */
fleck_status fk_batch_run(fk_batch *b, int64_t n, const char *const *files,
                          const char *const *masks, fleck_error *err) FLECK_MUST_CHECK;

#endif
