/* SPDX-License-Identifier: Apache-2.0 */
/* What fk_pixel_metric holds: the pixels of each image, in bins. */
#ifndef FK_METRIC_PIXEL_H
#define FK_METRIC_PIXEL_H

#include "base/scratch.h"
#include "metric/metric.h"

#include <pthread.h>
#include <stdatomic.h>

#define FK_PIXEL_BINS 65536 /* there can be, and values of a bin */

/* The pixels of an image whose keys (keys.h) have this upper half: from good and defective on, up
 * to where those of the next bin begin. */
typedef struct fk_pixel_bin {
    uint32_t upper, good, defective;
} fk_pixel_bin;

/* One image. */
typedef struct fk_pixel_image {
    struct fk_pixel_image *next;
    int64_t n_good, n_defective, n_regions, n_bins;
    fk_pixel_bin *bins;  /* [n_bins + 1] rising, none empty; the last is their end */
    uint16_t *good;      /* [n_good] lower halves of keys, bin by bin */
    uint64_t *defective; /* [n_defective] key << 32 | region, regions from 0, bin by bin */
    int64_t *areas;      /* [n_regions] */
    bool in_file;        /* defective, and behind it good, are there at offset, not here */
    int64_t offset;
    int64_t first_region; /* of a finish that runs: region 0 among those of all images */
} fk_pixel_image;

struct fk_pixel_metric {
    _Atomic(fk_pixel_image *) images; /* newest first; adds may run at the same time */
    _Atomic int64_t pixels;
    char *folder; /* of temporary files; NULL: all stays in memory */
    int64_t budget;
    _Atomic int64_t memory; /* bytes that count against it */
    pthread_mutex_t lock;   /* of the following */
    fk_scratch scratch;     /* closed before it is needed */
    int64_t file;           /* its size */
};

#endif
