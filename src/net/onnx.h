/* What an ONNX model says without the runtime: its outputs' names, and whether its numbers are
 * some. */
#ifndef FK_NET_ONNX_H
#define FK_NET_ONNX_H

#include "base/str.h"

/* Add the outputs' names of the ONNX model in bytes to out, in the model's order.  Only the file's
 * outline is read: what the runtime is given has to look like ONNX first, and the runtime itself
 * tells any of a tensor's names, not the one that the model's author gave it.
 *
 * Cost: the top level of the file, no weights.  Errors, with *out empty; messages name the file:
 *   FLECK_E_FORMAT  not a protocol buffer, no graph, no outputs, an output without a proper name
 *   FLECK_E_LIMIT   more than FK_ONNX_MAX_OUTPUTS
 *   FLECK_E_NOMEM */
#define FK_ONNX_MAX_OUTPUTS 256
fleck_status fk_onnx_output_names(fk_names *out, const void *bytes, size_t size, const char *file,
                                  fleck_error *err) FLECK_MUST_CHECK;

/* Look at all numbers of the graph's initialisers, used or not: FLECK_E_FORMAT names file and
 * tensor where one is infinite or NaN.  What is damaged is left to fk_onnx_output_names() and the
 * runtime. */
fleck_status fk_onnx_check_finite(const void *bytes, size_t size, const char *file,
                                  fleck_error *err) FLECK_MUST_CHECK;

#endif
