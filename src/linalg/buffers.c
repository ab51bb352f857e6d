/* Calls of the BLAS wait for one another where memory is short.
 *
 * OpenBLAS takes one buffer of 128 MiB of addresses for each call that runs at the same time, and
 * keeps it for later calls.  Where it cannot have one, it asks again for ever: the call never
 * returns.  Therefore a call that needs one buffer more than there are first tries whether it would
 * fit.  Where it does not, the call waits until another has ended.  fk_linalg_begin() fails where
 * there is not even one. */
#include "linalg/buffers.h"
#include "base/mem.h"
#include "linalg/linalg.h"

#include <pthread.h>
#include <stdatomic.h>

/* OpenBLAS has it, other libraries need not: a weak name is NULL where there is none. */
#pragma weak openblas_set_num_threads
#pragma weak blas_memory_alloc
#pragma weak blas_memory_free
extern void openblas_set_num_threads(int threads);
extern void *blas_memory_alloc(int where);
extern void blas_memory_free(void *buffer);

/* OpenBLAS's buffer on every processor with 64-bit addresses, and what goes with it. */
#define BUFFER_BYTES ((size_t)129 << 20)

typedef struct gate {
    pthread_mutex_t lock;
    pthread_cond_t left;
    _Atomic int buffers; /* that the BLAS has or can have; grows under lock */
    _Atomic int running; /* calls */
    _Atomic int waiting; /* threads; changed under lock */
} gate;

/* One for the process, as the BLAS's buffers are. */
static gate *const blas =
    &(gate){.lock = PTHREAD_MUTEX_INITIALIZER, .left = PTHREAD_COND_INITIALIZER};

void fk_linalg_single_threaded(void)
{
    if (openblas_set_num_threads != NULL)
        openblas_set_num_threads(1);
}

/* Let the BLAS have one buffer more, where it fits.  Called under lock. */
static bool add_buffer(void)
{
    if (blas_memory_alloc != NULL && blas_memory_free != NULL) {
        if (!fk_addresses_left(BUFFER_BYTES))
            return false;
        blas_memory_free(blas_memory_alloc(0));
    }
    atomic_fetch_add(&blas->buffers, 1);
    return true;
}

fleck_status fk_linalg_begin(fleck_error *err)
{
    bool fits;

    fk_linalg_single_threaded();
    if (atomic_load(&blas->buffers) > 0)
        return FLECK_OK;
    pthread_mutex_lock(&blas->lock);
    fits = atomic_load(&blas->buffers) > 0 || add_buffer();
    pthread_mutex_unlock(&blas->lock);
    if (!fits)
        return fk_error_set(err, FLECK_E_NOMEM,
                            "out of memory: linear algebra reserves %zu bytes of addresses",
                            BUFFER_BYTES);
    return FLECK_OK;
}

static bool take(void)
{
    int now = atomic_load(&blas->running);

    while (now < atomic_load(&blas->buffers))
        if (atomic_compare_exchange_weak(&blas->running, &now, now + 1))
            return true;
    return false;
}

void fk_linalg_enter(void)
{
    if (take())
        return;
    pthread_mutex_lock(&blas->lock);
    atomic_fetch_add(&blas->waiting, 1);
    while (!take()) {
        /* Without any call that runs there is nothing to wait for. */
        if (!add_buffer() && atomic_load(&blas->running) > 0)
            pthread_cond_wait(&blas->left, &blas->lock);
        else if (atomic_load(&blas->buffers) == 0)
            atomic_fetch_add(&blas->buffers, 1);
    }
    atomic_fetch_sub(&blas->waiting, 1);
    pthread_mutex_unlock(&blas->lock);
}

void fk_linalg_leave(void)
{
    atomic_fetch_sub(&blas->running, 1);
    if (atomic_load(&blas->waiting) > 0) {
        pthread_mutex_lock(&blas->lock);
        pthread_cond_signal(&blas->left);
        pthread_mutex_unlock(&blas->lock);
    }
}
