/* Photos that are not like those that the model has learned: counted, and said once. */
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
    int64_t scored,
        high;      /* photos whose score tells of the camera, and those above nearly all learned */
    unsigned told; /* kinds that have been said */
    bool told_high;
} fk_unlike;

/* A result of m, in the order of files.  score_counts: the part is not known to be defective. */
void fk_unlike_add(fk_unlike *u, const fk_model *m, const fleck_result *r, bool score_counts);
/* Warn of what was added, each kind once. */
void fk_unlike_tell(fk_unlike *u, fk_warn warn);

#endif
