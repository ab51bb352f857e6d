/* SPDX-License-Identifier: Apache-2.0 */
/* The files of serve/web, embedded by serve/embed at build time. */
#ifndef FLECK_SERVE_WEB_H
#define FLECK_SERVE_WEB_H

#include <stddef.h>

typedef struct sv_web_file {
    const char *name, *type;
    const unsigned char *data; /* [size] */
    size_t size;
} sv_web_file;
/* Ends with name NULL. */
extern const sv_web_file sv_web_files[];

#endif
