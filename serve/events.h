/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events to every client that listens. */
#ifndef FLECK_SERVE_EVENTS_H
#define FLECK_SERVE_EVENTS_H

#include "http.h"

typedef struct sv_events sv_events;

sv_events *sv_events_open(void);
/* End all streams; later calls do nothing. */
void sv_events_end(sv_events *e);
void sv_events_close(sv_events *e);
/* Send an event to all listeners: kind is "job", "inspection", "product" or "model".  Borrows
 * data.  A listener that is too slow misses events, and is told so by an event "missed". */
void sv_events_send(sv_events *e, const char *kind, json_t *data);
/* Send all listeners a comment, so that closed connections are noticed. */
void sv_events_heartbeat(sv_events *e);
/* GET /api/v1/events */
void sv_events_listen(sv_request *r);

#endif
