/* SPDX-License-Identifier: Apache-2.0 */
/* The reference engine's operations on tokens. */
#ifndef FK_NET_REFERENCE_TOKENS_H
#define FK_NET_REFERENCE_TOKENS_H

#include "graph/graph.h"

/* Run op, one of FK_OP_TOKENS to FK_OP_GRID, on its input's value in.  weight and bias are as in
 * fk_net_plan; scratch [T]. */
void fk_reference_tokens(float *out, const fk_op *op, const fk_op *from, const float *in,
                         const float *weight, const float *bias, double *scratch);

#endif
