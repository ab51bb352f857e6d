/* SPDX-License-Identifier: Apache-2.0 */
/* What every benchmark shares: timing, the machine's limits, rows of the table and of the CSV. */
#ifndef BENCH_H
#define BENCH_H

#include "base/error.h"

/* What one run does.  A failure ends the program. */
typedef fleck_status bench_fn(void *ctx, fleck_error *err);

/* What is measured, and the least that the machine could take for it. */
typedef struct bench_row {
    const char *name;
    int threads;
    int64_t items;        /* of one run; figures are for one item.  0: 1 */
    double bound;         /* milliseconds for one item; 0: none is known */
    const char *bound_of; /* what the bound rests on, e.g. "factors / copy bandwidth" */
} bench_row;

/* Begin a program: name is the first column of its rows.  Rows go to standard output and are added
 * to the file that FLECK_BENCH_CSV names. */
void bench_begin(const char *name);

/* One run: milliseconds for one item, of wall time and of all threads' processor time.  The second
 * depends less on what else the machine does. */
typedef struct bench_run {
    double wall, cpu;
} bench_run;

#define BENCH_MAX_RUNS 50

bench_run bench_once(bench_fn *fn, void *ctx, double items);

/* Time fn: at least 10 runs after 2 warm-ups, or 3 runs without any where one takes over 2 s.
 * Prints and stores the median, the 95th percentile and the median processor time.  Returns the
 * median in milliseconds for one item. */
double bench_time(const bench_row *row, bench_fn *fn, void *ctx);

/* The same for n <= BENCH_MAX_RUNS runs that the caller made. */
double bench_times(const bench_row *row, bench_run *runs, int n);

/* A row for a figure that is not a time. */
void bench_figure(const char *name, int threads, const char *unit, double value);

/* Say what is left out and why. */
void bench_skipped(const char *what, const char *needs);

/* End the program with the message of a call that failed. */
void bench_must(fleck_status st, const fleck_error *err);

/* Threads of the measured code: one for each processor. */
int bench_threads(void);

/* Copying between blocks far larger than the caches: bytes read and bytes written, a second.  The
 * best of several runs. */
double bench_copy_bandwidth(int threads);

/* Float operations (a multiply-add is two) a second of a product of 1024 x 1024 matrices in each
 * thread.  The best of several runs. */
double bench_sgemm_peak(int threads);

/* Largest resident set so far in MiB, and the memory that inputs take now. */
double bench_peak_mib(void);
double bench_resident_mib(void);

/* "ROOT/part" with ROOT from the environment variable; static storage of 8 paths, used in turn. */
const char *bench_path(const char *variable, const char *part);
/* The same under ../shared; NULL, and a line that says so, where it is not there. */
const char *bench_shared(const char *what, const char *part);

/* A folder for this program's files, removed by bench_end(). */
const char *bench_folder(void);
int bench_end(void);

/* Resources of a program that was run to its end. */
typedef struct bench_usage {
    bench_run run;
    double peak_mib;
} bench_usage;
/* Run argv (NULL at its end) without its output; a status other than 0 is FLECK_E_ENGINE. */
fleck_status bench_spawn(bench_usage *out, const char *const *argv, fleck_error *err);

#endif
