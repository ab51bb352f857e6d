/* SPDX-License-Identifier: Apache-2.0 */
/* Images a second of N scorers on one model against N processes with a model each: MODEL IMAGE
 * N. */
#include "fleck.h"
#include "../tests/defaults.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 64 };

static const char *path, *image;
static double seconds;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Images scored in the time that all measure, after one to warm up. */
static long score(const fleck_model *model)
{
    fleck_scorer *s = NULL;
    long n = -1;
    double end = 0.0;

    if (fleck_scorer_open(&s, model, NULL) != FLECK_OK)
        return -1;
    do {
        fleck_result *r = NULL;

        if (fleck_scorer_file(s, image, false, &r, NULL) != FLECK_OK)
            break;
        fleck_result_free(&r);
        if (n++ < 0)
            end = now() + seconds;
    } while (now() < end);
    fleck_scorer_close(&s);
    return n;
}

static fleck_model *open_model(void)
{
    fleck_run_settings settings = test_run_defaults();
    fleck_model *model = NULL;

    settings.threads = 1;
    return fleck_model_open(&model, path, &settings, NULL) == FLECK_OK ? model : NULL;
}

static void *thread_main(void *model)
{
    return (void *)score(model);
}

/* Images a second of n threads, below 0 where one failed. */
static double threads(int n)
{
    fleck_model *model = open_model();
    pthread_t thread[MOST];
    long sum = 0;

    for (int i = 0; i < n; i++)
        if (pthread_create(&thread[i], NULL, thread_main, model) != 0)
            exit(1);
    for (int i = 0; i < n; i++) {
        void *found;

        pthread_join(thread[i], &found);
        sum += (long)found;
    }
    fleck_model_close(&model);
    return (double)sum / seconds;
}

/* The same of n processes; before this one has opened anything. */
static double processes(int n)
{
    int ends[2];
    long sum = 0, found;

    if (pipe(ends) != 0)
        exit(1);
    for (int i = 0; i < n; i++)
        if (fork() == 0) {
            found = score(open_model());
            _exit(write(ends[1], &found, sizeof found) == (ssize_t)sizeof found ? 0 : 1);
        }
    for (int i = 0; i < n; i++)
        if (read(ends[0], &found, sizeof found) == (ssize_t)sizeof found)
            sum += found;
    while (wait(NULL) > 0)
        ;
    return (double)sum / seconds;
}

int main(int argc, char **argv)
{
    int n = argc == 4 ? (int)strtol(argv[3], NULL, 10) : 0;
    double apart, together;

    if (n < 1 || n > MOST) {
        fprintf(stderr, "usage: bench_scorers MODEL IMAGE N\n");
        return 2;
    }
    path = argv[1];
    image = argv[2];
    seconds = 5.0;
    apart = processes(n);
    together = threads(n);
    printf("%d processes %.1f images/s, %d scorers %.1f images/s, ratio %.3f\n", n, apart, n,
           together, together / apart);
    return 0;
}
