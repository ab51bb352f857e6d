/* Clock and memory use of the process. */
#ifndef FK_BASE_CLOCK_H
#define FK_BASE_CLOCK_H

#include <stdint.h>

/* Monotonic seconds since an arbitrary start. */
double fk_clock_seconds(void);

/* Largest resident set of this process so far, in MiB. */
double fk_clock_peak_rss_mib(void);
/* Let that begin anew from what is resident now, where the system can (Linux); else it stays. */
void fk_clock_reset_peak(void);
/* Bytes that are resident now; 0 where the system does not tell. */
int64_t fk_clock_rss_bytes(void);

#endif
