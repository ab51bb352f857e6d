/* Progress on a terminal: what is done, how fast, how long still. */
#include "cli.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

progress progress_begin(void)
{
    return (progress){.shown = isatty(STDERR_FILENO) == 1, .start = now()};
}

bool progress_show(void *ctx, const char *stage, int64_t done, int64_t total)
{
    progress *p = ctx;
    double t = now(), rate;

    if (!p->shown || (t - p->last < 0.1 && done != total))
        return true;
    p->last = t;
    p->drawn = true;
    rate = t > p->start ? (double)done / (t - p->start) : 0.0;
    if (strcmp(stage, "fetch") == 0)
        fprintf(stderr, "\r%s %.1f of %.1f MB, %.1f MB/s\033[K", stage, (double)done * 1e-6,
                (double)total * 1e-6, rate * 1e-6);
    else
        fprintf(stderr, "\r%s %lld/%lld, %.1f images/s, %.0f s left\033[K", stage, (long long)done,
                (long long)total, rate, rate > 0.0 ? (double)(total - done) / rate : 0.0);
    fflush(stderr);
    return true;
}

void progress_end(progress *p)
{
    if (p->drawn)
        fputs("\r\033[K", stderr);
    p->drawn = false;
}

void show_warning(void *ctx, const char *message)
{
    if (ctx != NULL)
        progress_end(ctx);
    fprintf(stderr, "fleck: warning: %s\n", message);
}
