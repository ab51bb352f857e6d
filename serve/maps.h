/* SPDX-License-Identifier: Apache-2.0 */
/* Anomaly maps for answers. */
#ifndef FLECK_SERVE_MAPS_H
#define FLECK_SERVE_MAPS_H

#include "db.h"

struct sv_server;

/* Kinds of maps:
 *   f32   the map's values, float32 in little-endian order, row by row
 *   png   16-bit grey: 0 is the model's scale_low, 65535 its scale_high
 *   tiff  float32
 *
 * The map at the image's own size as a file's bytes; free() *bytes. */
bool sv_map_bytes(struct sv_server *s, const fleck_model *model, const fleck_result *result,
                  const char *kind, unsigned char **bytes, size_t *size, fleck_error *err);
/* Make a map of f32 smaller in its place, to at most `most` columns and rows: each value becomes
 * the maximum over its cell, so that what is above a level stays. */
void sv_map_reduce(unsigned char **bytes, size_t *size, int64_t *width, int64_t *height,
                   int64_t most);
/* {kind, width, height, low, high, data: in base64} */
json_t *sv_map_json(struct sv_server *s, const fleck_model *model, const fleck_result *result,
                    const char *kind, fleck_error *err);
/* Text of bytes; free() it.  NULL: out of memory. */
char *sv_base64(const unsigned char *bytes, size_t size);
const char *sv_map_type(const char *kind);

#endif
