/* SPDX-License-Identifier: Apache-2.0 */
/* Counters and latencies of the running service. */
#ifndef FLECK_SERVE_STATS_H
#define FLECK_SERVE_STATS_H

#include <jansson.h>
#include <pthread.h>
#include <stdint.h>

enum { SV_KEPT_TIMES = 1024 };

/* The stages of an inspection. */
typedef enum sv_stage {
    SV_RECEIVE, /* header read, until the whole body is there */
    SV_WAIT,    /* in the queue */
    SV_STORE,   /* picture written, while the image is scored */
    SV_SCORE,   /* decoded, through the network, scored, regions found */
    SV_COMMIT,  /* in the database */
    SV_TOTAL,
    SV_STAGES
} sv_stage;
extern const char *const sv_stage_names[SV_STAGES];

typedef struct sv_stats {
    pthread_mutex_t lock;
    double times[SV_STAGES][SV_KEPT_TIMES]; /* milliseconds, the last ones */
    int64_t n;                              /* inspections with times */
    int64_t good, defective, none, failed, refused, dropped;
} sv_stats;

void sv_stats_init(sv_stats *s);
void sv_stats_add(sv_stats *s, const double ms[SV_STAGES], const char *verdict);
void sv_stats_count(sv_stats *s, int64_t *counter);
/* {stage: {p50, p95, p99}} in milliseconds of the last inspections. */
json_t *sv_stats_latency(sv_stats *s);

#endif
