/* SPDX-License-Identifier: Apache-2.0 */
/* Random samples without replacement, with the same numbers as Python's random module. */
#ifndef FK_FEATURES_SAMPLE_H
#define FK_FEATURES_SAMPLE_H

#include "base/error.h"

/* out [k] = random.sample(range(n), k) after random.seed(seed) in CPython 3.  The usual PyTorch
 * code of PaDiM draws its channels this way (with seed 1024), so that a run can be compared with
 * published figures channel for channel.
 * 0 <= k <= n <= 2^31 (asserted). */
fleck_status fk_sample_python(int64_t *out, int64_t k, int64_t n, uint64_t seed,
                              fleck_error *err) FLECK_MUST_CHECK;

#endif
