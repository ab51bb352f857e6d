/* SPDX-License-Identifier: Apache-2.0 */
/* A gate: limits the bytes that pieces of work use at the same time. */
#ifndef FK_BASE_GATE_H
#define FK_BASE_GATE_H

#include "base/watch.h"

#include <pthread.h>

/* Not to be moved between init and free. */
typedef struct fk_gate {
    pthread_mutex_t lock;
    pthread_cond_t left;
    int64_t budget, taken; /* bytes */
    int inside;
} fk_gate;

void fk_gate_init(fk_gate *g, int64_t budget);
void fk_gate_free(fk_gate *g);

/* Wait until `bytes` more fit into the budget or no other piece is inside, and enter.  watch: NULL,
 * or, on the thread that called fleck, the watch to check meanwhile. */
void fk_gate_enter(fk_gate *g, int64_t bytes, fk_watch *watch);
/* Leave.  What large pieces have freed is given back to the system; the C library would keep it for
 * each thread. */
void fk_gate_leave(fk_gate *g, int64_t bytes);

#endif
