/* SPDX-License-Identifier: Apache-2.0 */
/* assert_near: two numbers and how far apart they may be, all in double. */
#ifndef LINALG_NEAR_H
#define LINALG_NEAR_H

#include <math.h>

#include "fk_test.h"

/* Evaluates got and want once; NaN is near nothing. */
#define assert_near(got, want, tolerance)                                                          \
    do {                                                                                           \
        double near_got = (double)(got), near_want = (double)(want);                               \
        if (!(fabs(near_got - near_want) <= (double)(tolerance)))                                  \
            fail_msg("%s: expected %.17g, got %.17g, which is %g away", #got, near_want, near_got, \
                     fabs(near_got - near_want));                                                  \
    } while (0)

#endif
