/* How many threads may be in the BLAS at once, by the memory that it finds. */
#ifndef FK_LINALG_BUFFERS_H
#define FK_LINALG_BUFFERS_H

/* Around every call of BLAS or LAPACK that computes.  enter waits while the calls that run have all
 * the buffers that fit in memory. */
void fk_linalg_enter(void);
void fk_linalg_leave(void);

#endif
