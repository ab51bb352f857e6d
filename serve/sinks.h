/* SPDX-License-Identifier: Apache-2.0 */
/* Sinks send inspections to files, programs and other machines.
 *
 * Each sink reads committed inspections from the database on a thread of its own, in their order,
 * and stores the id of the last one that was delivered.  The database is its queue: no sink holds
 * up an inspection, and after a restart each goes on where it stopped.  What was sent shortly
 * before a kill is sent again. */
#ifndef FLECK_SERVE_SINKS_H
#define FLECK_SERVE_SINKS_H

#include "db.h"

struct sv_server;
typedef struct sv_sinks sv_sinks;

/* Read the configuration and start its sinks. */
sv_sinks *sv_sinks_open(struct sv_server *s, fleck_error *err);
/* Send what waits, for a few seconds at most, then end. */
void sv_sinks_close(sv_sinks *all);
/* Inspections were committed: sinks read them. */
void sv_sinks_wake(sv_sinks *all);
/* [{name, kind, state, problem, waiting, sent, failed, dropped}] */
json_t *sv_sinks_describe(sv_sinks *all);
/* [{name, built, needs}] */
json_t *sv_sink_kinds(void);

#endif
