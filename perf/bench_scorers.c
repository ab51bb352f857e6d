/* SPDX-License-Identifier: Apache-2.0 */
/* Images a second of N scorers on one model against N processes with a model each, and processor
 * time of an image, which other work on the machine disturbs less: MODEL IMAGE N. */
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

/* Images scored, and the processor seconds that they took. */
typedef struct sum {
    long images;
    double cpu;
} sum;

static double now(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* What is scored in the time that all measure, after one image to warm up. */
static sum score(const fleck_model *model)
{
    fleck_scorer *s = NULL;
    long n = -1;
    double end = 0.0, begin = 0.0;

    if (fleck_scorer_open(&s, model, NULL) != FLECK_OK)
        exit(1);
    do {
        fleck_result *r = NULL;

        if (fleck_scorer_file(s, image, false, &r, NULL) != FLECK_OK)
            exit(1);
        fleck_result_free(&r);
        if (n++ < 0) {
            end = now(CLOCK_MONOTONIC) + seconds;
            begin = now(CLOCK_THREAD_CPUTIME_ID);
        }
    } while (now(CLOCK_MONOTONIC) < end);
    begin = now(CLOCK_THREAD_CPUTIME_ID) - begin;
    fleck_scorer_close(&s);
    return (sum){n, begin};
}

static fleck_model *open_model(void)
{
    fleck_run_settings settings = test_run_defaults();
    fleck_model *model = NULL;

    settings.threads = 1;
    return fleck_model_open(&model, path, &settings, NULL) == FLECK_OK ? model : NULL;
}

/* A thread's model, and what it scored. */
typedef struct job {
    const fleck_model *model;
    sum found;
} job;

static void *thread_main(void *of)
{
    job *j = of;

    j->found = score(j->model);
    return NULL;
}

static sum threads(int n)
{
    fleck_model *model = open_model();
    pthread_t thread[MOST];
    job jobs[MOST];
    sum all = {0};

    for (int i = 0; i < n; i++) {
        jobs[i].model = model;
        if (pthread_create(&thread[i], NULL, thread_main, &jobs[i]) != 0)
            exit(1);
    }
    for (int i = 0; i < n; i++) {
        pthread_join(thread[i], NULL);
        all.images += jobs[i].found.images;
        all.cpu += jobs[i].found.cpu;
    }
    fleck_model_close(&model);
    return all;
}

/* The same of n processes; before this one has opened anything. */
static sum processes(int n)
{
    int ends[2];
    sum all = {0}, found;

    if (pipe(ends) != 0)
        exit(1);
    for (int i = 0; i < n; i++)
        if (fork() == 0) {
            found = score(open_model());
            _exit(write(ends[1], &found, sizeof found) == (ssize_t)sizeof found ? 0 : 1);
        }
    close(ends[1]);
    for (int i = 0; i < n; i++) {
        if (read(ends[0], &found, sizeof found) != (ssize_t)sizeof found)
            exit(1);
        all.images += found.images;
        all.cpu += found.cpu;
    }
    while (wait(NULL) > 0)
        ;
    return all;
}

static void print(const char *what, int n, sum s)
{
    printf("%d %s %.1f images/s, %.2f ms of processor time each; ", n, what,
           (double)s.images / seconds, 1e3 * s.cpu / (double)s.images);
}

int main(int argc, char **argv)
{
    int n = argc == 4 ? (int)strtol(argv[3], NULL, 10) : 0;
    sum apart, together;

    if (n < 1 || n > MOST) {
        fprintf(stderr, "usage: bench_scorers MODEL IMAGE N\n");
        return 2;
    }
    path = argv[1];
    image = argv[2];
    seconds = 5.0;
    apart = processes(n);
    together = threads(n);
    print("processes", n, apart);
    print("scorers", n, together);
    printf("ratio %.3f, of images a processor second %.3f\n",
           (double)together.images / (double)apart.images,
           (double)together.images / together.cpu * apart.cpu / (double)apart.images);
    return 0;
}
