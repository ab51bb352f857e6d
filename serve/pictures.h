/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of inspections: the images as they came, as files named by their content. */
#ifndef FLECK_SERVE_PICTURES_H
#define FLECK_SERVE_PICTURES_H

#include "inspector.h"

/* A raw frame as the bytes of a PNM file, grey or RGB of 8 or 16 bits; free() it. */
unsigned char *sv_pnm_encode(const fleck_pixels *p, size_t *size);
/* Store the image's bytes; sets its hash (XXH3-128) and picture, a path in the project's folder. */
bool sv_picture_store(struct sv_server *s, sv_image *image, fleck_error *err);
/* Write bytes to a new file in the project's folder, complete or not at all. */
bool sv_file_write(const char *path, const void *bytes, size_t size, fleck_error *err);
/* All bytes of a stored file; free() them. */
bool sv_file_read(const char *path, unsigned char **bytes, size_t *size, fleck_error *err);
/* XXH3-128 as 32 digits. */
void sv_hash(char out[33], const void *bytes, size_t size);
/* The file extension by an image's first bytes, "" if unknown; and the media type by the extension,
 * NULL if unknown. */
const char *sv_image_ending(const void *bytes, size_t size);
const char *sv_image_type(const char *path);
/* Remove pictures beyond the limits of size and age, oldest first. */
void sv_pictures_trim(struct sv_server *s);

#endif
