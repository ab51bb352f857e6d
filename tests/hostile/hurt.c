/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a command, sends it a signal after some time, and says how it ended.
 *
 *   hurt SIGNAL MS COMMAND...      SIGNAL: its number, or 0 for none
 *
 * The exit status is the command's; 100 + N where signal N ended it; 99 where it hung, which is a
 * minute after the signal.  A shell cannot do this: it starts what runs in the background with
 * SIGINT ignored. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 60000

static void pause_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};

    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        continue;
}

static void run(char **command)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    execvp(command[0], command);
    perror(command[0]);
    _exit(98);
}

/* Wait up to ms milliseconds for the end of child. */
static int ended(pid_t child, int *how, long ms)
{
    for (long i = 0; i < ms; i += 5) {
        if (waitpid(child, how, WNOHANG) == child)
            return 1;
        pause_ms(5);
    }
    return 0;
}

int main(int argc, char **argv)
{
    int how = 0, number;
    pid_t child;

    if (argc < 4) {
        fprintf(stderr, "usage: hurt SIGNAL MS COMMAND...\n");
        return 98;
    }
    number = (int)strtol(argv[1], NULL, 10);
    child = fork();
    if (child < 0) {
        perror("hurt");
        return 98;
    }
    if (child == 0)
        run(argv + 3);
    if (number != 0) {
        pause_ms(strtol(argv[2], NULL, 10));
        kill(child, number);
    }
    if (!ended(child, &how, PATIENCE_MS)) {
        kill(child, SIGKILL);
        waitpid(child, &how, 0);
        return 99;
    }
    return WIFSIGNALED(how) ? 100 + WTERMSIG(how) : WEXITSTATUS(how);
}
