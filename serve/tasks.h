/* SPDX-License-Identifier: Apache-2.0 */
/* Threads for the requests of routes that are SV_SLOW. */
#ifndef FLECK_SERVE_TASKS_H
#define FLECK_SERVE_TASKS_H

#include "http.h"

typedef struct sv_tasks sv_tasks;

sv_tasks *sv_tasks_open(int threads, fleck_error *err);
/* Queue a suspended request to be handled and resumed.  False: too many wait, or the service is
 * stopping. */
bool sv_tasks_add(sv_tasks *t, sv_request *r);
/* Finish what was added; add nothing from now on. */
void sv_tasks_stop(sv_tasks *t);
void sv_tasks_close(sv_tasks *t);

#endif
