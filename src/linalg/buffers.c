/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of the BLAS wait for one another if memory is short.
 *
 * OpenBLAS allocates a buffer of 128 MiB of addresses for each call that runs at the same time, and
 * keeps it for later calls.  If it cannot allocate a buffer, it retries for ever and the call never
 * returns.  So a call that needs one buffer more than there are first checks whether it would fit.
 * If not, the call waits until another has ended.  fk_linalg_begin() fails if not even one buffer
 * fits. */
#include "linalg/buffers.h"
#include "base/mem.h"
#include "linalg/linalg.h"

#include <pthread.h>
#include <stdatomic.h>

/* Only OpenBLAS has this function.  The weak symbol is NULL with other libraries. */
#pragma weak openblas_set_num_threads
#pragma weak blas_memory_alloc
#pragma weak blas_memory_free
extern void openblas_set_num_threads(int threads);
extern void *blas_memory_alloc(int where);
extern void blas_memory_free(void *buffer);

/* Size of OpenBLAS's buffer with 64-bit addresses, and a margin. */
#define BUFFER_BYTES ((size_t)129 << 20)

typedef struct gate {
    pthread_mutex_t lock;
    pthread_cond_t left;
    _Atomic int buffers; /* that the BLAS has or can allocate; grows under lock */
    _Atomic int running; /* calls */
    _Atomic int waiting; /* threads; changed under lock */
} gate;

/* One for the process, as there is one BLAS. */
static gate *const blas =
    &(gate){.lock = PTHREAD_MUTEX_INITIALIZER, .left = PTHREAD_COND_INITIALIZER};

void fk_linalg_single_threaded(void)
{
    if (openblas_set_num_threads != NULL)
        openblas_set_num_threads(1);
}

/* Let OpenBLAS allocate one buffer more, if it fits.  Called under lock. */
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

static bool try_enter(void)
{
    int now = atomic_load(&blas->running);

    while (now < atomic_load(&blas->buffers))
        if (atomic_compare_exchange_weak(&blas->running, &now, now + 1))
            return true;
    return false;
}

void fk_linalg_enter(void)
{
    if (try_enter())
        return;
    pthread_mutex_lock(&blas->lock);
    atomic_fetch_add(&blas->waiting, 1);
    while (!try_enter()) {
        /* If no call runs there is nothing to wait for. */
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
