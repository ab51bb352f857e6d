/* SPDX-License-Identifier: Apache-2.0 */
/* Pooling: how an image's score is computed from its map, if not by the method's own rule. */
#ifndef FK_MAP_POOLING_H
#define FK_MAP_POOLING_H

#include "base/error.h"

typedef enum fk_pooling_kind {
    FK_POOLING_METHOD, /* the method's own rule */
    FK_POOLING_MAX,    /* the final map's maximum */
    FK_POOLING_TOP     /* the mean of its highest pixels */
} fk_pooling_kind;

/* Valid when zeroed. */
typedef struct fk_pooling {
    fk_pooling_kind kind;
    double percent; /* of the pixels, in (0, 100], for TOP */
} fk_pooling;

/* "method", "max" or "top:P".  FLECK_E_OPTION says what was expected; *out is METHOD then. */
fleck_status fk_pooling_parse(fk_pooling *out, const char *text, fleck_error *err) FLECK_MUST_CHECK;

/* The canonical text of p, which parses to p. */
#define FK_POOLING_TEXT 48
const char *fk_pooling_text(char buffer[FK_POOLING_TEXT], fk_pooling p);

bool fk_pooling_same(fk_pooling a, fk_pooling b);

/* Number of pixels of n > 0 that TOP averages: P n / 100 rounded half up, at least 1. */
int64_t fk_pooling_count(fk_pooling p, int64_t n);

#endif
