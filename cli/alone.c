/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the BLAS from starting threads when the tool is loaded.
 *
 * OpenBLAS starts one thread for each processor before main begins.  Each reserves 128 MiB of
 * address space, and one that gets none tries again for ever, so that the process never ends.
 * fleck has its own threads and does not use these.  OpenBLAS counts the processors in the
 * process's affinity mask, so the mask has one processor until all libraries are loaded. */
#define _GNU_SOURCE
#include "cli.h"

#include <sched.h>

#if defined(__linux__) && defined(__GLIBC__)

static cpu_set_t allowed;
static bool narrowed;

static void narrow(void)
{
    cpu_set_t one;

    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return;
    CPU_ZERO(&one);
    for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &allowed))
            CPU_SET(i, &one);
    narrowed = sched_setaffinity(0, sizeof one, &one) == 0;
}

/* The loader calls the functions in this section before it initialises libraries. */
__attribute__((section(".preinit_array"),
               used)) static void (*const before_libraries)(void) = narrow;

void use_all_processors(void)
{
    if (narrowed)
        (void)sched_setaffinity(0, sizeof allowed, &allowed);
}

#else

void use_all_processors(void)
{
}

#endif
