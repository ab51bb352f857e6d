/* Sorted keys, packed into a byte or two each: how the good pixels of one image wait for finish. */
#ifndef FK_METRIC_RUN_H
#define FK_METRIC_RUN_H

#include "base/scratch.h"

/* A place to start reading: the key before it, and where its bytes begin. */
typedef struct fk_run_mark {
    uint32_t key, offset;
} fk_run_mark;

/* Keys that do not fall, each stored as its difference from the one before, in groups of 7 bits,
 * lowest first, with the top bit set where more follow.  Valid when zeroed. */
typedef struct fk_run {
    int64_t count, size;
    uint8_t *bytes;     /* [size]; NULL where they are in a file */
    fk_run_mark *marks; /* marks[j] stands before key j * FK_RUN_STRIDE */
    int64_t n_marks;
} fk_run;

#define FK_RUN_STRIDE 1024

/* Pack count < 2^31 sorted keys.  Neighbouring values of a map differ little in their bits: 1.3
 * bytes a pixel on maps of 900 x 900. */
fleck_status fk_run_pack(fk_run *out, const uint32_t *keys, int64_t count,
                         fleck_error *err) FLECK_MUST_CHECK;
void fk_run_free(fk_run *run);

/* Count the run's keys between values.
 *
 *   values   [b] rising, no two alike
 *   a < b    the part of values that is asked for
 *   counts   [2 * b], of which elements 2*a..2*b-1 are added to: counts[2*i] is raised by the
 *            number of keys between values[i-1] and values[i] (below values[0] for i == 0),
 *            counts[2*i+1] by the number of keys equal to values[i]
 *
 * Parts that do not overlap may be counted at the same time.  Cost: the keys of the part, each
 * with a step through values that takes the logarithm of the distance. */
void fk_run_count(const fk_run *run, const uint32_t *values, int64_t a, int64_t b,
                  uint32_t *counts);
/* The same of a run whose bytes are in a file at offset, of which only the part is read. */
fleck_status fk_run_count_file(const fk_run *run, const fk_scratch *file, int64_t offset,
                               const uint32_t *values, int64_t a, int64_t b, uint32_t *counts,
                               fleck_error *err) FLECK_MUST_CHECK;

#endif
