/* SPDX-License-Identifier: Apache-2.0 */
/* The folder in which a test makes its files. */
#ifndef DATASET_ROOT_H
#define DATASET_ROOT_H

#include "fk_test.h"

static char root[4096];

/* "root/part"; static storage of 8 paths, used in turn. */
static inline const char *in_root(const char *part)
{
    static char paths[8][8192];
    static int turn;
    char *out = paths[turn++ % 8];

    snprintf(out, sizeof paths[0], "%s/%s", root, part);
    return out;
}

#endif
