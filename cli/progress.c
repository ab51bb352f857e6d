/* SPDX-License-Identifier: Apache-2.0 */
/* Progress on a terminal: steps done, speed, and time left. */
#include "cli.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

double progress_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

progress progress_begin(void)
{
    interrupt_begin();
    return (progress){.shown = isatty(STDERR_FILENO) == 1, .start = progress_seconds()};
}

/* The unit of a stage's steps. */
static const char *unit_of(const char *stage)
{
    static const char *const images[] = {"fit",  "thresholds", "check images", "predict",
                                         "eval", "metrics",    "verify"};

    for (size_t i = 0; i < sizeof images / sizeof images[0]; i++)
        if (strcmp(stage, images[i]) == 0)
            return "images";
    return strcmp(stage, "fetch") == 0 || strcmp(stage, "write") == 0 ? "bytes" : "steps";
}

/* Begin to measure the speed of a new stage, or of the same stage again. */
static void follow_stage(progress *p, const char *stage, int64_t done, double t)
{
    if (strcmp(p->stage, stage) != 0 || done < p->done) {
        snprintf(p->stage, sizeof p->stage, "%s", stage);
        p->begun = done;
        if (p->done > 0 || p->begun > 0) /* else it has run since the beginning */
            p->start = t;
        p->last = 0.0;
    }
    p->done = done;
}

static void draw(const progress *p, const char *stage, int64_t total, double seconds)
{
    const char *unit = unit_of(stage);
    double rate = seconds > 0.0 ? (double)(p->done - p->begun) / seconds : 0.0;
    double left = rate > 0.0 ? (double)(total - p->done) / rate : -1.0;

    fprintf(stderr, "\r%s%s", p->prefix, stage);
    if (strcmp(unit, "bytes") == 0)
        fprintf(stderr, " %.1f of %.1f MB, %.1f MB/s", (double)p->done * 1e-6, (double)total * 1e-6,
                rate * 1e-6);
    else if (total > 0)
        fprintf(stderr, " %lld/%lld", (long long)p->done, (long long)total);
    if (strcmp(unit, "images") == 0 && rate > 0.0)
        fprintf(stderr, ", %.1f images/s", rate);
    if (total > 0 && left >= 0.0)
        fprintf(stderr, ", %.0f s left", left);
    else if (total == 0)
        fprintf(stderr, ", %.0f s", seconds);
    fputs("\033[K", stderr);
    fflush(stderr);
}

bool progress_show(void *ctx, const char *stage, int64_t done, int64_t total)
{
    progress *p = ctx;
    double t = progress_seconds();

    if (interrupted())
        return false;
    if (!p->shown)
        return true;
    follow_stage(p, stage, done, t);
    if (t - p->last < 0.1 && done != total)
        return true;
    p->last = t;
    p->drawn = true;
    draw(p, stage, total, t - p->start);
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
    print_warning(message);
}
