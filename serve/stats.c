/* SPDX-License-Identifier: Apache-2.0 */
/* Counters and latencies of the running service. */
#include "stats.h"

#include <stdlib.h>
#include <string.h>

const char *const sv_stage_names[SV_STAGES] = {"receive", "wait",   "store",
                                               "score",   "commit", "total"};

void sv_stats_init(sv_stats *s)
{
    memset(s, 0, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
}

void sv_stats_add(sv_stats *s, const double ms[SV_STAGES], const char *verdict)
{
    pthread_mutex_lock(&s->lock);
    for (int k = 0; k < SV_STAGES; k++)
        s->times[k][s->n % SV_KEPT_TIMES] = ms[k];
    s->n++;
    if (strcmp(verdict, "good") == 0)
        s->good++;
    else if (strcmp(verdict, "defective") == 0)
        s->defective++;
    else if (strcmp(verdict, "none") == 0)
        s->none++;
    else
        s->failed++;
    pthread_mutex_unlock(&s->lock);
}

void sv_stats_count(sv_stats *s, int64_t *counter)
{
    pthread_mutex_lock(&s->lock);
    (*counter)++;
    pthread_mutex_unlock(&s->lock);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

json_t *sv_stats_latency(sv_stats *s)
{
    static double sorted[SV_STAGES][SV_KEPT_TIMES];
    static pthread_mutex_t only = PTHREAD_MUTEX_INITIALIZER;
    json_t *out = json_object();
    size_t n;

    pthread_mutex_lock(&only);
    pthread_mutex_lock(&s->lock);
    n = (size_t)(s->n < SV_KEPT_TIMES ? s->n : SV_KEPT_TIMES);
    memcpy(sorted, s->times, sizeof sorted);
    pthread_mutex_unlock(&s->lock);
    for (int k = 0; k < SV_STAGES && n > 0; k++) {
        qsort(sorted[k], n, sizeof(double), by_value);
        json_object_set_new(out, sv_stage_names[k],
                            json_pack("{s:f, s:f, s:f}", "p50", sorted[k][(n - 1) / 2], "p95",
                                      sorted[k][(n - 1) * 95 / 100], "p99",
                                      sorted[k][(n - 1) * 99 / 100]));
    }
    pthread_mutex_unlock(&only);
    return out;
}
