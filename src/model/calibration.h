/* SPDX-License-Identifier: Apache-2.0 */
/* What good images score while held out, and the thresholds that follow from it. */
#ifndef FK_MODEL_CALIBRATION_H
#define FK_MODEL_CALIBRATION_H

#include "base/error.h"
#include "base/json.h"
#include "tensor/safetensors.h"

/* Default share of good parts that a threshold may reject. */
/* With fewer held-out scores there is no verdict: one good part in n + 1 exceeds the largest of n
 * scores. */
#define FK_LEAST_HELD_OUT 10

/* Where the image threshold comes from. */
typedef enum fk_threshold_rule {
    FK_THRESHOLD_RATE,    /* the conformal quantile of the scores held out alone */
    FK_THRESHOLD_MAXIMUM, /* their maximum; there are too few for the rate */
    FK_THRESHOLD_SET,     /* given by the user */
    FK_THRESHOLD_LABELS,  /* chosen on labelled images */
    FK_THRESHOLD_HOLDOUT, /* from the scores of good images that were not learned */
    FK_THRESHOLD_NONE     /* no verdict; there are too few scores */
} fk_threshold_rule;

/* Number of stored quantiles of held-out pixels: those at 1 - 2^-(k / 4), k = 0, 1, .. */
#define FK_PIXEL_POINTS 81

/* Valid when zeroed; owned. */
typedef struct fk_calibration {
    int64_t images; /* number of held-out scores; 0: not calibrated, and all numbers are NaN */
    double *alone;  /* [images] score of each image without itself and its duplicates */
    double *group;  /* [images] score without the fold of its session; NULL: not known */
    int32_t *fold;  /* [images] */
    int64_t folds;  /* 0 if group is NULL */
    char *sessions; /* how sessions were found, e.g. "day"; NULL if group is NULL */
    char **names;   /* [images] file names; NULL: not known */
    double
        *pixels; /* [FK_PIXEL_POINTS] quantiles of the pixels of held-out maps; NULL: older model */
    double rate; /* of false alarms that was asked for; NaN: none */
    fk_threshold_rule rule;
    double threshold;       /* of image scores: above it a part is defective; NaN for no verdict */
    double pixel_threshold; /* of map values: above it a pixel is part of a defect */
    bool pixels_set;        /* that number is the level of all photos, not each photo's own */
    double low, high; /* colour scale: median of the maps, and as far above the pixel threshold
                               as that is above low */
} fk_calibration;

/* Set all numbers to NaN: not calibrated. */
void fk_calibration_init(fk_calibration *c);
void fk_calibration_free(fk_calibration *c);

/* The smallest score that a new good part exceeds with a probability of at most `rate`, if its
 * score is exchangeable with scores [n], n >= 1.  It is the ceil((n + 1) (1 - rate))-th smallest
 * (Vovk, Gammerman and Shafer 2005, inductive conformal prediction).  If n < 1 / rate - 1 there
 * is no such score: the largest is returned, and *supported (may be NULL) is false. */
double fk_conformal(const double *scores, int64_t n, double rate, bool *supported);
const char *fk_threshold_rule_name(fk_threshold_rule rule);
/* Set threshold and rule; the rate becomes NaN. */
void fk_calibration_set(fk_calibration *c, double threshold, fk_threshold_rule rule);
/* Share of scores [n] that are below `score`. */
double fk_share_below(const double *scores, int64_t n, double score);

/* Set threshold and rule from the scores in `alone`: FK_THRESHOLD_NONE if there are fewer than
 * FK_LEAST_HELD_OUT, else FK_THRESHOLD_RATE if they support the rate, else FK_THRESHOLD_MAXIMUM. */
void fk_calibration_set_rate(fk_calibration *c, double rate);
/* Set pixel threshold and colours from the points; the level is each photo's own again. */
void fk_calibration_set_pixels(fk_calibration *c);
/* Set the level of all photos; colours stay. */
void fk_calibration_set_level(fk_calibration *c, double level);

/* Set the points of values [n], n >= 1, in ascending order, and pixel threshold and colours from
 * them. */
fleck_status fk_calibration_measure(fk_calibration *c, const float *values, int64_t n,
                                    fleck_error *err) FLECK_MUST_CHECK;

/* Save numbers and names into object["calibration"], and scores as tensors "calibration.*", which
 * are borrowed until the writer's commit. */
fleck_status fk_calibration_save(const fk_calibration *c, fk_st_writer *w, fk_json *object,
                                 fleck_error *err) FLECK_MUST_CHECK;
/* Load what fk_calibration_save() wrote, or what earlier versions wrote: a threshold without
 * scores. */
fleck_status fk_calibration_load(fk_calibration *c, const fk_st_reader *r, const fk_json *object,
                                 fleck_error *err) FLECK_MUST_CHECK;

#endif
