/* SPDX-License-Identifier: Apache-2.0 */
/* The checksum that the golden files are written in. */
#ifndef CHECKSUM_H
#define CHECKSUM_H

#include "image/image.h"

/* 64-bit FNV-1a of an image's pixels. */
static inline uint64_t image_checksum(const fk_image *im)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (int64_t i = 0; i < im->width * im->height * im->channels; i++)
        h = (h ^ im->data[i]) * 0x100000001b3u;
    return h;
}

#endif
