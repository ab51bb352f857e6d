/* SPDX-License-Identifier: Apache-2.0 */
/* Limits the calls of the BLAS at the same time by the memory for its buffers. */
#ifndef FK_LINALG_BUFFERS_H
#define FK_LINALG_BUFFERS_H

/* For every call of BLAS or LAPACK that computes.  enter waits while running calls use all buffers
 * that fit into memory. */
void fk_linalg_enter(void);
void fk_linalg_leave(void);

#endif
