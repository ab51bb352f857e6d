/* SPDX-License-Identifier: Apache-2.0 */
/* Clock and memory use of the process. */
#ifndef FK_BASE_CLOCK_H
#define FK_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Monotonic seconds since an arbitrary start. */
double fk_clock_seconds(void);
/* The monotonic time so many seconds (below 1) from now, for waits with a timeout. */
struct timespec fk_clock_after(double seconds);

/* Largest resident set of this process so far, in MiB. */
double fk_clock_peak_rss_mib(void);
/* Reset that peak to what is resident now, if the system can (Linux). */
void fk_clock_reset_peak(void);
/* Bytes that are resident now; 0 if the system does not say. */
int64_t fk_clock_rss_bytes(void);

#endif
