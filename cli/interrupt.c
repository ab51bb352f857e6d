/* SPDX-License-Identifier: Apache-2.0 */
/* Ctrl-C and SIGTERM: the running call stops and cleans up, then the process ends by the signal. */
#define _GNU_SOURCE
#include "cli.h"

#include <signal.h>

static volatile sig_atomic_t caught;

static void catch (int number)
{
    caught = number; /* with SA_RESETHAND a second signal ends the process at once */
}

void interrupt_begin(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction act = {.sa_handler = catch, .sa_flags = (int)SA_RESETHAND}, old;

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            (void)sigaction(numbers[i], &act, NULL);
}

bool interrupted(void)
{
    return caught != 0;
}

void interrupt_forget(void)
{
    caught = 0;
}

void interrupt_end(void)
{
    if (caught == 0)
        return;
    fflush(NULL);
    signal(caught, SIG_DFL);
    raise(caught);
}
