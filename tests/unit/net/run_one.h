/* SPDX-License-Identifier: Apache-2.0 */
/* One image through a network, and networks that cannot be opened for want of memory. */
#ifndef FK_TESTS_NET_RUN_ONE_H
#define FK_TESTS_NET_RUN_ONE_H

#include "fk_test.h"

#include "base/mem.h"
#include "net/net.h"

static inline fleck_status run_one(fk_net_session *session, const uint8_t *rgb, const float **taps,
                                   const float **pool, fleck_error *error)
{
    fleck_status st = fk_net_run_together(&session, &rgb, 1, NULL, error);

    fk_net_view(session, taps, pool);
    return st;
}

/* Opening a network and a session makes more than `least` allocations; if any of them fails, that
 * is reported. */
static inline void assert_opening_may_fail(const fk_net_source *source, const fk_net_settings *s,
                                           int64_t least)
{
    fleck_status st;
    int64_t n = 0;

    do {
        fk_net *net = NULL;
        fk_net_session *session = NULL;

        fk_mem_fail_at(++n);
        st = fk_net_open(&net, source, s, NULL);
        if (st == FLECK_OK)
            st = fk_net_session_open(&session, net, NULL);
        fk_mem_fail_at(0);
        fk_net_session_close(&session);
        fk_net_close(&net);
        if (st != FLECK_OK)
            assert_int_equal(st, FLECK_E_NOMEM);
    } while (st != FLECK_OK);
    assert_true(n > least + 1);
}

#endif
