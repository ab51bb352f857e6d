/* SPDX-License-Identifier: Apache-2.0 */
/* OpenVINO's own format for networks, written from a graph. */
#ifndef FK_NET_OPENVINO_IR_H
#define FK_NET_OPENVINO_IR_H

#include "base/str.h"
#include "net/engine.h"

/* Names of the network's outputs. */
#define FK_IR_TAP "tap%d" /* the i-th tap of the graph */
#define FK_IR_POOL "pool"

/* Add the IR (version 11) of plan->graph to out: an input [1, 3, H, W] f32, the taps [1, C, h, w]
 * and the pool [1, C, 1, 1] as results.  Weights are not copied: constants are offsets from
 * plan->blob.  FLECK_E_NOMEM. */
fleck_status fk_openvino_ir(fk_text *out, const fk_net_plan *plan, fleck_error *err);

#endif
