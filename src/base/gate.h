/* A gate: large pieces of work pass a few at a time, as many as memory is meant for. */
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

/* Wait until `bytes` more fit the budget or nobody is inside, and go in.  watch: NULL, or on the
 * thread that called fleck the one to look at meanwhile. */
void fk_gate_enter(fk_gate *g, int64_t bytes, fk_watch *watch);
/* Go out.  What large pieces freed is given back to the system, which the C library else keeps for
 * each thread. */
void fk_gate_leave(fk_gate *g, int64_t bytes);

#endif
