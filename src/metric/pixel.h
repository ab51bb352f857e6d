/* What fk_pixel_metric holds: the pixels of each image, sorted. */
#ifndef FK_METRIC_PIXEL_H
#define FK_METRIC_PIXEL_H

#include "metric/metric.h"
#include "metric/run.h"

#include <pthread.h>
#include <stdatomic.h>

/* One image. */
typedef struct fk_pixel_image {
    struct fk_pixel_image *next;
    fk_run good;
    int64_t n_defective, n_regions;
    uint64_t *defective; /* [n_defective] key << 32 | region, regions from 0, rising by key */
    int64_t *areas;      /* [n_regions] */
    bool in_file;        /* defective, and behind it good.bytes, are there at offset, not here */
    int64_t offset;
    /* Of a finish that runs: */
    int64_t first_region; /* number of region 0 among those of all images */
    int64_t left;         /* defective pixels that it has not come to */
} fk_pixel_image;

struct fk_pixel_metric {
    _Atomic(fk_pixel_image *) images; /* newest first; adds may run at the same time */
    _Atomic int64_t pixels;
    int64_t room; /* see fk_pixel_metric_set_room() */
    char *folder; /* of temporary files; NULL: all stays in memory */
    int64_t budget;
    _Atomic int64_t memory; /* bytes that count against it */
    pthread_mutex_t lock;   /* of the following */
    fk_scratch scratch;     /* closed before it is needed */
    int64_t file;           /* its size */
};

#endif
