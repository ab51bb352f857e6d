/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of results: heat over the image, and panels. */
#ifndef FK_RUN_PICTURE_H
#define FK_RUN_PICTURE_H

#include "run/runner.h"

/* Heat map over the kept image at its own size, on the model's scale; ignored regions and what lies
 * outside the crop are hatched. */
fleck_status fk_picture_overlay(fk_image *out, const fk_model *m, const fleck_result *r,
                                fleck_error *err) FLECK_MUST_CHECK;

/* A picture as fleck.h has it: kept image, regions of r, and a legend with its score and
 * verdict. */
fleck_status fk_picture_sheet(fk_image *out, const fk_model *m, const fleck_result *r,
                              const fleck_picture_settings *settings, bool with_legend,
                              fleck_error *err) FLECK_MUST_CHECK;
/* As fleck_result_picture_jpeg() in fleck.h. */
fleck_status fk_picture_jpeg(uint8_t **bytes, size_t *size, const fk_model *m,
                             const fleck_result *r, const fleck_picture_settings *settings,
                             int64_t most, fleck_error *err) FLECK_MUST_CHECK;

/* Most columns of a panel. */
#define FK_PICTURE_COLUMNS 8

/* A column of a panel. */
typedef struct fk_picture_column {
    fk_runner *runner;
    const char *caption;
} fk_picture_column;

/* Write image | ground truth | n pictures, with captions, as PNG to out_path.  truth: empty for a
 * good image; NULL: there is no ground truth, and no column for it. */
fleck_status fk_picture_row(const char *out_path, const fk_image *image, const char *image_path,
                            const fk_image *truth, const fk_image *pictures,
                            const char *const *captions, int n, int64_t tile,
                            fleck_error *err) FLECK_MUST_CHECK;

/* The same with the heat map of each column's model. */
fleck_status fk_picture_panel(const char *out_path, const char *image, const char *mask,
                              const fk_picture_column *columns, int n, int64_t tile,
                              fleck_error *err) FLECK_MUST_CHECK;

#endif
