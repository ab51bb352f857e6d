/* SPDX-License-Identifier: Apache-2.0 */
/* Timing, the machine's limits, and rows of the table and of the CSV. */
#define _GNU_SOURCE /* environ */
#include "bench.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/pool.h"
#include "linalg/linalg.h"
#include "net/net.h"

#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char *openblas_get_config(void) __attribute__((weak));

/* A run longer than this is long: 3 runs without warm-up. */
#define LONG_MS 2000.0
/* Short runs are repeated until they have taken this long, but not more often than
 * BENCH_MAX_RUNS. */
#define ENOUGH_MS 400.0
#define MIN_RUNS 10
#define LONG_RUNS 3
#define WARM_UPS 2

/* The program that runs, and what each of its rows ends in. */
static const char *program;
static char where[1200];
static char folder[4096];

static void read_processor(char *out, size_t size)
{
    FILE *f = fopen("/proc/cpuinfo", "r");
    char line[512], *colon;
    int family = -1, model = -1;

    snprintf(out, size, "unknown");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        colon = strchr(line, ':');
        if (colon == NULL)
            continue;
        if (strncmp(line, "model name", 10) == 0 && strcmp(out, "unknown") == 0)
            snprintf(out, size, "%s", colon + 2);
        else if (strncmp(line, "cpu family", 10) == 0 && family < 0)
            family = (int)strtol(colon + 1, NULL, 10);
        else if (strncmp(line, "model\t", 6) == 0 && model < 0)
            model = (int)strtol(colon + 1, NULL, 10);
    }
    if (f != NULL)
        fclose(f);
    /* Virtual machines shorten the name; family and model still tell the generation. */
    if (family >= 0)
        snprintf(out + strlen(out), size - strlen(out), " (family %d model %d)", family, model);
}

void bench_begin(const char *name)
{
    char processor[256], engine[FK_ENGINE_VERSION_SIZE];
    const char *revision = getenv("FLECK_BENCH_REVISION");
    FILE *out;
    const char *csv = getenv("FLECK_BENCH_CSV");

    program = name;
    fk_linalg_single_threaded();
    read_processor(processor, sizeof processor);
    fk_engine_version(fk_engine_built(FK_ENGINE_OPENVINO) ? FK_ENGINE_OPENVINO
                                                          : FK_ENGINE_REFERENCE,
                      engine, sizeof engine);
    snprintf(where, sizeof where, "\"%s\",%d,\"%s; %s; compiler %s\",%s", processor,
             fk_pool_processors(), engine,
             openblas_get_config != NULL ? openblas_get_config() : "another BLAS", __VERSION__,
             revision != NULL ? revision : "unknown");
    out = csv != NULL ? fopen(csv, "a") : NULL;
    if (out != NULL && ftell(out) == 0)
        fprintf(out, "bench,name,threads,n,median,p95,unit,cpu,bound,ratio,bound_of,processor,"
                     "processors,libraries,revision,load\n");
    if (out != NULL)
        fclose(out);
}

/* cpu: milliseconds of all threads for one item; 0: not a time. */
static void write_row(const bench_row *row, int n, const double *figures, double cpu,
                      const char *unit)
{
    const char *csv = getenv("FLECK_BENCH_CSV");
    FILE *out = csv != NULL ? fopen(csv, "a") : NULL;
    char bound[64] = "", ratio[64] = "", busy[64] = "";
    double load = 0;

    if (row->bound > 0) {
        snprintf(bound, sizeof bound, "%.4g", row->bound);
        snprintf(ratio, sizeof ratio, "%.3g", figures[0] / row->bound);
    }
    if (cpu > 0)
        snprintf(busy, sizeof busy, "%.4g", cpu);
    if (getloadavg(&load, 1) != 1)
        load = 0;
    printf("%-8s %-56s %2d %3d %9.4g %9.4g %-8s %9s %8s %6s %s\n", program, row->name, row->threads,
           n, figures[0], figures[1], unit, busy, bound, ratio,
           row->bound > 0 ? row->bound_of : "");
    fflush(stdout);
    if (out != NULL) {
        fprintf(out, "%s,\"%s\",%d,%d,%.6g,%.6g,%s,%s,%s,%s,\"%s\",%s,%.2f\n", program, row->name,
                row->threads, n, figures[0], figures[1], unit, busy, bound, ratio,
                row->bound > 0 ? row->bound_of : "", where, load);
        fclose(out);
    }
}

/* Processor seconds of all threads so far.  Other programs change them less than wall time. */
static double cpu_seconds(void)
{
    struct timespec t = {0};

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static double middle(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, compare);
    return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

double bench_times(const bench_row *row, bench_run *runs, int n)
{
    double wall[BENCH_MAX_RUNS], cpu[BENCH_MAX_RUNS], figures[2];

    for (int i = 0; i < n; i++) {
        wall[i] = runs[i].wall;
        cpu[i] = runs[i].cpu;
    }
    figures[0] = middle(wall, n);
    figures[1] = wall[(int)ceil(0.95 * n) - 1]; /* nearest rank: of 10 runs the slowest */
    write_row(row, n, figures, middle(cpu, n), "ms");
    return figures[0];
}

bench_run bench_once(bench_fn *fn, void *ctx, double items)
{
    fleck_error err = {0};
    double wall = fk_clock_seconds(), cpu = cpu_seconds();

    bench_must(fn(ctx, &err), &err);
    return (bench_run){(fk_clock_seconds() - wall) * 1e3 / items,
                       (cpu_seconds() - cpu) * 1e3 / items};
}

double bench_time(const bench_row *row, bench_fn *fn, void *ctx)
{
    bench_run runs[BENCH_MAX_RUNS];
    double items = row->items > 0 ? (double)row->items : 1.0, total = 0;
    bench_run first = bench_once(fn, ctx, items);
    bool is_long = first.wall * items > LONG_MS;
    int n = 0, wanted = is_long ? LONG_RUNS : MIN_RUNS;

    if (is_long)
        runs[n++] = first;
    for (int i = 1; i < WARM_UPS && !is_long; i++)
        bench_once(fn, ctx, items);
    while (n < wanted || (!is_long && n < BENCH_MAX_RUNS && total < ENOUGH_MS)) {
        runs[n] = bench_once(fn, ctx, items);
        total += runs[n++].wall * items;
    }
    return bench_times(row, runs, n);
}

void bench_figure(const char *name, int threads, const char *unit, double value)
{
    bench_row row = {.name = name, .threads = threads};
    double figures[2] = {value, value};

    write_row(&row, 1, figures, 0, unit);
}

void bench_skipped(const char *what, const char *needs)
{
    printf("%-9s skipped: %s needs %s\n", program, what, needs);
    fflush(stdout);
}

void bench_must(fleck_status st, const fleck_error *err)
{
    if (st == FLECK_OK)
        return;
    fprintf(stderr, "%s: %s\n", program, err->message);
    (void)bench_end();
    exit(1);
}

int bench_threads(void)
{
    return fk_pool_processors();
}

/* ---- The machine's limits ---- */

#define COPY_BYTES ((size_t)96 << 20)
#define PEAK_SIDE 1024
#define PEAK_TRIES 8

/* One block a thread: copied, or multiplied. */
typedef struct blocks {
    float *from[64], *to[64];
    int64_t count;
} blocks;

static fleck_status copy_block(void *ctx, int64_t item, int worker, fleck_error *err)
{
    blocks *b = ctx;

    (void)worker;
    (void)err;
    memcpy(b->to[item], b->from[item], (size_t)b->count * sizeof(float));
    return FLECK_OK;
}

static fleck_status multiply_block(void *ctx, int64_t item, int worker, fleck_error *err)
{
    blocks *b = ctx;
    int64_t n = PEAK_SIDE;

    (void)worker;
    (void)err;
    fk_linalg_multiply_nt(b->to[item], n, b->from[item], n, b->from[item] + n * n, n, n, n, n, 1.0f,
                          0.0f);
    return FLECK_OK;
}

/* Best seconds of fn on `threads` blocks of count floats at once.  The threads have equal work, so
 * that their processor time is the wall time of a machine that does nothing else. */
static double best_seconds(int threads, int64_t count, fk_pool_fn *fn)
{
    blocks b = {.count = count};
    fk_pool *pool = NULL;
    fleck_error err = {0};
    double best = INFINITY;

    if (threads > 64)
        threads = 64;
    bench_must(fk_pool_open(&pool, threads, &err), &err);
    for (int i = 0; i < threads; i++) {
        bench_must(FK_ALLOC(&b.from[i], count, &err), &err);
        bench_must(FK_ALLOC(&b.to[i], count, &err), &err);
        for (int64_t k = 0; k < count; k++)
            b.from[i][k] = b.to[i][k] = (float)(k & 15);
    }
    for (int i = 0; i < PEAK_TRIES; i++) {
        double start = cpu_seconds();

        bench_must(fk_pool_run(pool, threads, fn, &b, &err), &err);
        best = fmin(best, (cpu_seconds() - start) / threads);
    }
    for (int i = 0; i < threads; i++) {
        fk_free(b.from[i]);
        fk_free(b.to[i]);
    }
    fk_pool_close(&pool);
    return best;
}

double bench_copy_bandwidth(int threads)
{
    double seconds = best_seconds(threads, (int64_t)(COPY_BYTES / sizeof(float)), copy_block);

    return 2.0 * (double)COPY_BYTES * threads / seconds;
}

double bench_sgemm_peak(int threads)
{
    double n = PEAK_SIDE;

    return 2.0 * n * n * n * threads /
           best_seconds(threads, (int64_t)2 * PEAK_SIDE * PEAK_SIDE, multiply_block);
}

double bench_peak_mib(void)
{
    return fk_clock_peak_rss_mib();
}

double bench_resident_mib(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    char line[128] = "", *end = line;
    long pages = 0;

    if (f != NULL) {
        if (fgets(line, sizeof line, f) != NULL) {
            (void)strtol(line, &end, 10); /* total size; resident pages follow */
            pages = strtol(end, NULL, 10);
        }
        fclose(f);
    }
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576.0;
}

/* ---- Files and programs ---- */

const char *bench_path(const char *variable, const char *part)
{
    static char paths[8][4096];
    static int turn;
    const char *root = getenv(variable);
    char *out = paths[turn++ % 8];

    snprintf(out, sizeof paths[0], "%s/%s", root != NULL ? root : ".", part);
    return out;
}

const char *bench_shared(const char *what, const char *part)
{
    const char *path = bench_path("FLECK_TEST_SHARED", part);

    if (access(path, R_OK) == 0)
        return path;
    bench_skipped(what, part);
    return NULL;
}

const char *bench_folder(void)
{
    if (folder[0] == '\0') {
        snprintf(folder, sizeof folder, "%s", bench_path("FLECK_TEST_BUILD", "bench-XXXXXX"));
        if (mkdtemp(folder) == NULL) {
            perror(folder);
            exit(1);
        }
    }
    return folder;
}

int bench_end(void)
{
    const char *const argv[] = {"/bin/rm", "-rf", folder, NULL};
    bench_usage usage;
    fleck_error err = {0};

    if (folder[0] == '\0' || bench_spawn(&usage, argv, &err) == FLECK_OK)
        return 0;
    fprintf(stderr, "%s: %s\n", program, err.message);
    return 1;
}

fleck_status bench_spawn(bench_usage *out, const char *const *argv, fleck_error *err)
{
    posix_spawn_file_actions_t files;
    struct rusage usage;
    int status = 0, rc;
    pid_t child;
    double start = fk_clock_seconds();

    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", 1 /* O_WRONLY */, 0);
    rc = posix_spawn(&child, argv[0], &files, NULL, (char *const *)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&files);
    if (rc != 0)
        return fk_error_set(err, FLECK_E_IO, "%s: %s", argv[0], strerror(rc));
    if (wait4(child, &status, 0, &usage) != child || status != 0)
        return fk_error_set(err, FLECK_E_ENGINE, "%s %s: status %d", argv[0], argv[1], status);
    out->run.wall = (fk_clock_seconds() - start) * 1e3;
    out->run.cpu = 1e3 * (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                   1e-3 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    out->peak_mib = (double)usage.ru_maxrss / 1024.0;
    return FLECK_OK;
}
