/* SPDX-License-Identifier: Apache-2.0 */
/* What can be read from an ONNX file without the runtime: its outputs' names, and whether its
 * numbers are finite. */
#ifndef FK_NET_ONNX_H
#define FK_NET_ONNX_H

#include "base/str.h"

/* Add the names of the outputs of the ONNX model in bytes to out, in the model's order.  The
 * runtime gives any of a tensor's names, not the one that the model's author chose.  This also
 * refuses files that are not ONNX before the runtime sees them.
 *
 * Cost: the top level of the file, no weights.  Errors, with *out empty; messages name the file:
 *   FLECK_E_FORMAT  not a protocol buffer, no graph, no outputs, an output without a proper name
 *   FLECK_E_LIMIT   more than FK_ONNX_MAX_OUTPUTS
 *   FLECK_E_NOMEM */
#define FK_ONNX_MAX_OUTPUTS 256
fleck_status fk_onnx_output_names(fk_names *out, const void *bytes, size_t size, const char *file,
                                  fleck_error *err) FLECK_MUST_CHECK;

/* Check all numbers of the graph's initialisers, used or not.  FLECK_E_FORMAT names file and tensor
 * if one is infinite or NaN.  Damage is found by fk_onnx_output_names() and the runtime. */
fleck_status fk_onnx_check_finite(const void *bytes, size_t size, const char *file,
                                  fleck_error *err) FLECK_MUST_CHECK;

#endif
