/* Which of several names was meant by a misspelt one. */
#ifndef FK_BASE_NEAREST_H
#define FK_BASE_NEAREST_H

#include "fleck.h"

#define FK_MEANT 96

/* The nearest name so far.  Start from {.word = ..}. */
typedef struct fk_nearest {
    const char *word; /* as it was written */
    const char *best; /* NULL: none is near */
    int distance;     /* of best */
} fk_nearest;

/* name is the best where it differs from word by few letters (left out, added, replaced, or two
 * swapped), and by fewer than all before. */
void fk_nearest_offer(fk_nearest *n, const char *name);

/* "; did you mean PREFIXname?" or "" in out, which is returned. */
const char *fk_nearest_text(const fk_nearest *n, const char *prefix, char out[FK_MEANT]);

/* The same of a fixed list in one go: choices are separated by '|'. */
const char *fk_nearest_choice(char out[FK_MEANT], const char *choices, const char *word);

#endif
