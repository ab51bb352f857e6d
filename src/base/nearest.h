/* SPDX-License-Identifier: Apache-2.0 */
/* Which of several names a misspelt one means. */
#ifndef FK_BASE_NEAREST_H
#define FK_BASE_NEAREST_H

#include "fleck.h"

#define FK_MEANT 96

/* The nearest name so far.  Begin with {.word = ...}. */
typedef struct fk_nearest {
    const char *word; /* as it was written */
    const char *best; /* NULL: none is near */
    int distance;     /* of best */
} fk_nearest;

/* Make name the best if it differs from word by few letters (left out, added, replaced, or two
 * swapped), and by fewer than the best so far. */
void fk_nearest_offer(fk_nearest *n, const char *name);

/* "; did you mean PREFIXname?"  or "" in out.  Returns out. */
const char *fk_nearest_text(const fk_nearest *n, const char *prefix, char out[FK_MEANT]);

/* The same for a fixed list of choices, separated by '|'. */
const char *fk_nearest_choice(char out[FK_MEANT], const char *choices, const char *word);

#endif
