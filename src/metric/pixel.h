/* SPDX-License-Identifier: Apache-2.0 */
/* The data of fk_pixel_metric: the pixels of each image, in bins. */
#ifndef FK_METRIC_PIXEL_H
#define FK_METRIC_PIXEL_H

#include "base/scratch.h"
#include "metric/metric.h"

#include <pthread.h>
#include <stdatomic.h>

#define FK_PIXEL_BINS 65536 /* possible bins, and possible values within a bin */

/* The pixels of an image whose keys (keys.h) have this upper half.  good and defective are the
 * indices of its first pixels; the next bin's indices are the ends. */
typedef struct fk_pixel_bin {
    uint32_t upper, good, defective;
} fk_pixel_bin;

/* One image. */
typedef struct fk_pixel_image {
    struct fk_pixel_image *next;
    int64_t n_good, n_defective, n_regions, n_bins;
    fk_pixel_bin *bins;  /* [n_bins + 1] ascending, none empty; the last one only marks the end */
    uint16_t *good;      /* [n_good] lower halves of keys, bin by bin */
    uint64_t *defective; /* [n_defective] key << 32 | region, regions from 0, bin by bin */
    int64_t *areas;      /* [n_regions] */
    bool in_file;        /* defective, then good, are in the temporary file from offset on */
    int64_t offset;
    int64_t first_region; /* during a finish: index of region 0 among the regions of all images */
} fk_pixel_image;

struct fk_pixel_metric {
    _Atomic(fk_pixel_image *) images; /* newest first; concurrent adds push to it */
    _Atomic int64_t pixels;
    char *folder; /* for the temporary file; NULL: all pixels stay in memory */
    int64_t budget;
    _Atomic int64_t memory; /* bytes of pixels in memory */
    pthread_mutex_t lock;   /* protects the following */
    fk_scratch scratch;     /* the file; opened when it is first needed */
    int64_t file;           /* its size in bytes */
};

#endif
