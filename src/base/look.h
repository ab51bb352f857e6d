/* SPDX-License-Identifier: Apache-2.0 */
/* What a file is, for searches for images in folders. */
#ifndef FK_BASE_LOOK_H
#define FK_BASE_LOOK_H

#include <stddef.h>
#include <stdint.h>

typedef enum fk_look {
    FK_LOOK_BYTES, /* the name alone does not tell; the first bytes are needed */
    FK_LOOK_IMAGE, /* an image, though perhaps a damaged one */
    FK_LOOK_KNOWN, /* an image of a format that is known by name, but not read */
    FK_LOOK_OWN,   /* a picture that fleck drew of another */
    FK_LOOK_OTHER  /* no image */
} fk_look;

/* Number of first bytes that are needed. */
#define FK_LOOK_SIZE 512

/* Tell what the file of this name is, from the name alone (head NULL), or also from its first size
 * bytes.  *format becomes the format's name (static text) for FK_LOOK_KNOWN. */
typedef fk_look fk_look_fn(const char *name, const uint8_t *head, size_t size, const char **format);

#endif
