/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting the lists called "scores" out of JSON text before it is parsed. */
#ifndef FK_BENCHMARK_SCORES_TEXT_H
#define FK_BENCHMARK_SCORES_TEXT_H

#include "base/str.h"
#include "benchmark/bench.h"

/* The range of a list's entries in the text, without its brackets. */
typedef struct fk_scores_span {
    size_t begin, end;
} fk_scores_span;

/* Valid when zeroed; owned.  The text it was made from is borrowed. */
typedef struct fk_scores_text {
    const char *bytes;
    fk_text rest; /* the text with each list replaced by its number, from 0; line numbers stay */
    fk_scores_span *lists;
    int64_t n, room;
} fk_scores_text;

/* Cut the lists out.  Text that is not JSON stays invalid. */
fleck_status fk_scores_text_make(fk_scores_text *out, const char *bytes, size_t size,
                                 fleck_error *err) FLECK_MUST_CHECK;
void fk_scores_text_free(fk_scores_text *t);

/* Read the paths, labels and scores, not the types, of list `list`, some entries at a time.
 * Besides the result this takes a few megabytes of memory, whatever the list's length. */
fleck_status fk_scores_text_read(const fk_scores_text *t, int64_t list, const char *name,
                                 fk_bench_image **out, int64_t *n,
                                 fleck_error *err) FLECK_MUST_CHECK;

#endif
