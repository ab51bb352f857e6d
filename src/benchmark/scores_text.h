/* SPDX-License-Identifier: Apache-2.0 */
/* The lists called "scores" in JSON text, taken out before it is parsed: they are nearly all of
 * it. */
#ifndef FK_BENCHMARK_SCORES_TEXT_H
#define FK_BENCHMARK_SCORES_TEXT_H

#include "base/str.h"
#include "benchmark/bench.h"

/* Where the entries of a list lie in the text, without its brackets. */
typedef struct fk_scores_span {
    size_t begin, end;
} fk_scores_span;

/* Valid when zeroed; owned.  The text it was made from is borrowed. */
typedef struct fk_scores_text {
    const char *bytes;
    fk_text rest; /* the text with each list replaced by its number, from 0; lines stay lines */
    fk_scores_span *lists;
    int64_t n, room;
} fk_scores_text;

/* Cut the lists out.  What is no JSON comes out as something that is none either. */
fleck_status fk_scores_text_make(fk_scores_text *out, const char *bytes, size_t size,
                                 fleck_error *err) FLECK_MUST_CHECK;
void fk_scores_text_free(fk_scores_text *t);

/* Read list `list` some entries at a time; paths, labels and scores, no types.  Memory beside the
 * result: a few megabytes, whatever the list's length. */
fleck_status fk_scores_text_read(const fk_scores_text *t, int64_t list, const char *name,
                                 fk_bench_image **out, int64_t *n,
                                 fleck_error *err) FLECK_MUST_CHECK;

#endif
