/* SPDX-License-Identifier: Apache-2.0 */
/* The result of one image. */
#ifndef FK_RUN_RESULT_H
#define FK_RUN_RESULT_H

#include "image/image.h"
#include "model/model.h"

void fk_result_free(fleck_result *r);

/* Set sizes and threshold, before the image is scored. */
void fk_result_start(fleck_result *out, const fk_model *m, const fk_image *original);
/* Set verdict, ratio and rank among the good images from the score. */
void fk_result_judge(fleck_result *r, const fk_model *m);
/* Move the original's pixels into the result. */
void fk_result_keep(fleck_result *out, fk_image *original);

/* A result's map at its image's own size, out [image_height, image_width]; 0 in m's mask. */
fleck_status fk_result_full_map(float *out, const fk_model *m, const fleck_result *r,
                                fleck_error *err) FLECK_MUST_CHECK;

#endif
