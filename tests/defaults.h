/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults of settings structs as values, for initialisers. */
#ifndef TEST_DEFAULTS_H
#define TEST_DEFAULTS_H

#include "fleck_tools.h"

#define TEST_DEFAULTS(kind)                                                                        \
    static inline fleck_##kind##_settings test_##kind##_defaults(void)                             \
    {                                                                                              \
        fleck_##kind##_settings s;                                                                 \
                                                                                                   \
        fleck_##kind##_defaults(&s, sizeof s);                                                     \
        return s;                                                                                  \
    }
TEST_DEFAULTS(run)
TEST_DEFAULTS(eval)
TEST_DEFAULTS(metrics)
TEST_DEFAULTS(bench)
TEST_DEFAULTS(compare)
TEST_DEFAULTS(synth)
TEST_DEFAULTS(region)
TEST_DEFAULTS(picture)

#endif
