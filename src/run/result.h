/* What one image got, before and after it is scored. */
#ifndef FK_RUN_RESULT_H
#define FK_RUN_RESULT_H

#include "image/image.h"
#include "model/model.h"

void fk_result_free(fleck_result *r);

/* What is known before it is scored. */
void fk_result_start(fleck_result *out, const fk_model *m, const fk_image *original);
/* Set verdict, ratio and place among the good images from the score. */
void fk_result_judge(fleck_result *r, const fk_model *m);
/* Move the original's pixels into it. */
void fk_result_keep(fleck_result *out, fk_image *original);

/* A result's map at its image's own size, out [image_height, image_width]; 0 where m's mask is. */
fleck_status fk_result_full_map(float *out, const fk_model *m, const fleck_result *r,
                                fleck_error *err) FLECK_MUST_CHECK;

#endif
