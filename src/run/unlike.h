/* SPDX-License-Identifier: Apache-2.0 */
/* Counts scored photos that are unlike the learned ones, and warns of them once. */
#ifndef FK_RUN_UNLIKE_H
#define FK_RUN_UNLIKE_H

#include "base/warn.h"
#include "model/model.h"

/* Bits of fleck_unlike. */
#define FK_UNLIKE_KINDS 4

/* Valid when zeroed. */
typedef struct fk_unlike {
    int64_t photos, count[FK_UNLIKE_KINDS]; /* since the last fk_unlike_tell() */
    char first[FK_UNLIKE_KINDS][256];       /* path of the first */
    int64_t scored, high; /* photos that count, and those with a score above nearly all learned */
    unsigned told;        /* bit k: a warning of kind k has been given */
    bool told_high;
} fk_unlike;

/* Add a result of m; results come in the order of the files.  score_counts: whether the score is
 * counted; false if the part is known to be defective. */
void fk_unlike_add(fk_unlike *u, const fk_model *m, const fleck_result *r, bool score_counts);
/* Warn of what was counted, once for each kind. */
void fk_unlike_tell(fk_unlike *u, fk_warn warn);

#endif
