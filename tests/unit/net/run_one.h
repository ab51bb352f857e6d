/* SPDX-License-Identifier: Apache-2.0 */
/* One image through a network. */
#ifndef FK_TESTS_NET_RUN_ONE_H
#define FK_TESTS_NET_RUN_ONE_H

#include "net/net.h"

static inline fleck_status run_one(fk_net_session *session, const uint8_t *rgb, const float **taps,
                                   const float **pool, fleck_error *error)
{
    fleck_status st = fk_net_run_together(&session, &rgb, 1, NULL, error);

    fk_net_view(session, taps, pool);
    return st;
}

#endif
