/* SPDX-License-Identifier: Apache-2.0 */
/* The memory limit of a fit's method, from that of the whole fit. */
#include "base/clock.h"
#include "fit/fit.h"

/* For tables, messages and freed memory that the allocator keeps. */
#define SLACK_BYTES (INT64_C(16) << 20)
#define MIB ((double)(1 << 20))

fleck_status fk_fit_limit(fk_model *m, const fleck_settings *s, int64_t images, int threads,
                          int64_t later, fleck_error *err)
{
    fk_memory memory = {.folder = s->scratch, .images = images, .threads = threads};
    int64_t others, least = 0;
    fleck_status st;

    others = fk_clock_rss_bytes() + later + SLACK_BYTES;
    if (m->method->limit == NULL && s->max_memory > 0)
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "max memory: %s keeps to no limit",
                            m->method->name);
    if (m->method->limit == NULL)
        return FLECK_OK;
    if (s->max_memory > 0)
        memory.bytes = s->max_memory > others ? s->max_memory - others : 1;
    st = m->method->limit(m->state, &memory, &least, err);
    if (st == FLECK_E_LIMIT && s->max_memory > 0) {
        /* The user set the limit of the whole fit, so the message is about that. */
        fk_error_set(
            err, st,
            "max memory: %.0f MiB are allowed, this fit needs %.0f, of which %s takes %.0f",
            (double)s->max_memory / MIB, (double)(others + least) / MIB + 1.0, m->method->name,
            (double)least / MIB);
        fk_fit_advise(err, m, s, images, threads, others, least, s->max_memory);
    }
    return st;
}
