/* SPDX-License-Identifier: Apache-2.0 */
/* fleck.h: scoring, measuring, pictures. */
#include "api/check.h"
#include "api/handle.h"
#include "base/mem.h"
#include "evaluate/evaluate.h"
#include "run/output.h"
#include "run/picture.h"
#include "run/predict.h"
#include "map/map_file.h"

#include <math.h>
#include <string.h>

void fleck_result_free(fleck_result **result)
{
    if (result == NULL || *result == NULL)
        return;
    fk_result_free(*result);
    fk_free(*result);
    *result = NULL;
}

fleck_status fk_score_new(const fleck_model *model, fk_runner *r, fk_source *source,
                          bool keep_image, fleck_result **out, fleck_error *err)
{
    fleck_status st;

    FK_DO(fk_handle_unchanged(model, err));
    FK_DO(FK_CALLOC(out, 1, err));
    FK_DO(fk_predict(r, source, keep_image, *out, err));
    fk_runner_scored(r, *out, true);
    fk_runner_tell(r);
done:
    fk_source_free(source);
    if (st != FLECK_OK)
        fleck_result_free(out);
    return st;
}

fleck_status fleck_score_file(fleck_model *model, const char *path, bool keep_image,
                              fleck_result **out, fleck_error *err)
{
    fk_source source;
    fleck_status st;

    FK_NEED(out);
    *out = NULL;
    FK_NEED(model);
    FK_NEED(path);
    fk_watch_begin(&model->watch, "predict", 1);
    FK_DO(fk_handle_ready(model, err));
    fk_source_init_files(&source, &path, 1);
    st = fk_score_new(model, &model->runner, &source, keep_image, out, err);
done:
    return st;
}

fleck_status fleck_score_pixels(fleck_model *model, const fleck_pixels *pixels,
                                const fleck_pixels *mask, bool keep_image, fleck_result **out,
                                fleck_error *err)
{
    fk_source source;
    fleck_status st;

    FK_NEED(out);
    *out = NULL;
    FK_NEED(model);
    FK_NEED(pixels);
    fk_watch_begin(&model->watch, "predict", 1);
    FK_DO(fk_handle_ready(model, err));
    fk_source_init_pixels(&source, pixels, &mask, 1);
    st = fk_score_new(model, &model->runner, &source, keep_image, out, err);
done:
    return st;
}

/* Score all images of the source, and free it. */
static fleck_status score_all(fleck_model *model, fk_source *source, bool keep_image,
                              fleck_on_scored *on_scored, fleck_on_result *on_result, void *ctx,
                              fleck_error *err)
{
    fleck_status st;

    fk_watch_begin(&model->watch, "predict", source->n);
    FK_DO(fk_handle_ready(model, err));
    st = fk_predict_all(&model->runner, source, keep_image, on_scored, on_result, ctx, err);
done:
    fk_source_free(source);
    return st;
}

fleck_status fleck_score_files_with(fleck_model *model, const char *const *files, int64_t n,
                                    bool keep_image, fleck_on_scored *on_scored,
                                    fleck_on_result *on_result, void *ctx, fleck_error *err)
{
    fk_source source;
    fleck_status st;

    FK_NEED(model);
    FK_NEED(on_result);
    FK_DO(fk_check_files(files, n, __func__, err));
    fk_source_init_files(&source, files, n);
    st = score_all(model, &source, keep_image, on_scored, on_result, ctx, err);
done:
    return st;
}

fleck_status fleck_score_files(fleck_model *model, const char *const *files, int64_t n,
                               bool keep_image, fleck_on_result *on_result, void *ctx,
                               fleck_error *err)
{
    return fleck_score_files_with(model, files, n, keep_image, NULL, on_result, ctx, err);
}

fleck_status fleck_score_batch(fleck_model *model, const fleck_pixels *pixels,
                               const fleck_pixels *const *masks, int64_t n, bool keep_image,
                               fleck_on_scored *on_scored, fleck_on_result *on_result, void *ctx,
                               fleck_error *err)
{
    fk_source source;

    FK_NEED(model);
    FK_NEED(on_result);
    if (n < 0)
        return fk_error_set(err, FLECK_E_OPTION, "%s: expected a number of images, got %lld",
                            __func__, (long long)n);
    if (n > 0)
        FK_NEED(pixels);
    fk_source_init_pixels(&source, pixels, masks, n);
    return score_all(model, &source, keep_image, on_scored, on_result, ctx, err);
}

fleck_status fleck_result_full_map(const fleck_model *model, const fleck_result *result, float *map,
                                   fleck_error *err)
{
    fleck_status st;

    FK_NEED(model);
    FK_DO(fk_check_own(model, result, __func__, err));
    FK_NEED(map);
    st = fk_result_full_map(map, &model->model, result, err);
done:
    return st;
}

/* The origin noted in pictures and maps of the result; NULL if pixels in memory were scored. */
static const char *origin_of(const fleck_result *result, char text[FK_SHA256_TEXT])
{
    if (result->path == NULL)
        return NULL;
    fk_output_origin(text, result->path);
    return text;
}

fleck_status fleck_result_save_map(const fleck_model *model, const fleck_result *result,
                                   const char *path, bool full, fleck_error *err)
{
    int64_t shape[2];
    char origin[FK_SHA256_TEXT];
    float *map = NULL;
    fleck_status st;

    FK_NEED(model);
    FK_NEED(path);
    FK_DO(fk_check_own(model, result, __func__, err));
    shape[0] = full ? result->image_height : result->map_height;
    shape[1] = full ? result->image_width : result->map_width;
    FK_DO(fk_output_apart(path, result->path, err));
    FK_DO(FK_ALLOC(&map, shape[0] * shape[1], err));
    if (full)
        FK_DO(fleck_result_full_map(model, result, map, err));
    else
        memcpy(map, result->map, (size_t)(shape[0] * shape[1]) * sizeof *map);
    if (fk_ends_with(path, ".npy"))
        FK_DO(fk_npy_write(path, map, 2, shape, origin_of(result, origin), err));
    else if (fk_ends_with(path, ".tiff") || fk_ends_with(path, ".tif"))
        FK_DO(fk_tiff_write(path, map, shape[0], shape[1], origin_of(result, origin), err));
    else
        FK_FAIL(err, FLECK_E_OPTION, "%s: expected a name ending in .tiff, .tif or .npy", path);
done:
    fk_free(map);
    return st;
}

void fleck_picture_defaults(fleck_picture_settings *settings, size_t size)
{
    fk_hand_defaults(settings, size, &(fleck_picture_settings){.kind = FLECK_PICTURE_HEAT},
                     sizeof *settings);
}

/* Copy and check the settings of a picture; its region settings go into *regions. */
static fleck_status take_picture(fleck_picture_settings *s, fleck_region_settings *regions,
                                 const fleck_picture_settings *settings, const fleck_model *model,
                                 const fleck_result *result, const char *where, fleck_error *err)
{
    fleck_status st;

    *s = (fleck_picture_settings){.kind = FLECK_PICTURE_HEAT};
    FK_DO(fk_take(s, sizeof *s, settings, where, err));
    *regions = (fleck_region_settings){.threshold = NAN};
    FK_DO(fk_take(regions, sizeof *regions, s->regions, where, err));
    s->regions = regions;
    if ((unsigned)s->kind > FLECK_PICTURE_SIDE_BY_SIDE)
        FK_FAIL(err, FLECK_E_OPTION, "%s: there is no picture %d", where, (int)s->kind);
    FK_DO(fk_check_own(model, result, where, err));
    st = fk_check_regions(regions, where, err);
done:
    return st;
}

fleck_status fleck_result_save_picture_with(const fleck_model *model, const fleck_result *result,
                                            const fleck_picture_settings *settings,
                                            const char *path, fleck_error *err)
{
    fleck_region_settings regions;
    fleck_picture_settings s;
    char origin[FK_SHA256_TEXT];
    fk_image picture = {0};
    fleck_status st;

    FK_NEED(model);
    FK_NEED(path);
    FK_DO(take_picture(&s, &regions, settings, model, result, __func__, err));
    FK_DO(fk_output_apart(path, result->path, err));
    FK_DO(fk_picture_sheet(&picture, &model->model, result, &s, true, err));
    FK_DO(fk_image_save_picture(&picture, origin_of(result, origin), path, err));
done:
    fk_image_free(&picture);
    return st;
}

fleck_status fleck_result_save_picture(const fleck_model *model, const fleck_result *result,
                                       const char *path, fleck_error *err)
{
    return fleck_result_save_picture_with(model, result, NULL, path, err);
}

fleck_status fleck_result_picture_jpeg(const fleck_model *model, const fleck_result *result,
                                       const fleck_picture_settings *settings, int64_t most,
                                       unsigned char **bytes, size_t *size, fleck_error *err)
{
    fleck_region_settings regions;
    fleck_picture_settings s;
    fleck_status st;

    FK_NEED(bytes);
    *bytes = NULL;
    FK_NEED(size);
    *size = 0;
    FK_NEED(model);
    if (most < 0)
        FK_FAIL(err, FLECK_E_OPTION, "%s: most: expected 0 or more pixels, got %lld", __func__,
                (long long)most);
    FK_DO(take_picture(&s, &regions, settings, model, result, __func__, err));
    st = fk_picture_jpeg(bytes, size, &model->model, result, &s, most, err);
done:
    return st;
}

static void forget(fleck_report **report)
{
    fk_free(*report);
    *report = NULL;
}

fleck_status fleck_evaluate(fleck_model *model, const char *path,
                            const fleck_eval_settings *settings, fleck_report **out,
                            fleck_error *err)
{
    fleck_eval_settings s = fk_evaluate_defaults();
    fk_dataset_how how;
    fk_samples samples = {0};
    fk_outputs outputs = {0};
    fleck_status st;

    FK_NEED(out);
    *out = NULL;
    FK_NEED(model);
    FK_NEED(path);
    FK_TAKE(&s, settings);
    FK_DO(fk_check_measure(s.protocol, s.pro_limit, __func__, err));
    fk_watch_begin(&model->watch, "eval", 0);
    FK_DO(fk_handle_ready(model, err));
    how = fk_source_how(s.good, s.recursive, (fk_warn){s.warning, s.warning_ctx});
    FK_DO(fk_dataset_test(&samples, path, &how, err));
    if (s.output != NULL)
        FK_DO(fk_outputs_add(&outputs, s.output, err));
    FK_DO(fk_outputs_apart_samples(&outputs, &samples, err));
    FK_DO(FK_CALLOC(out, 1, err));
    st = fk_evaluate(&model->runner, path, &samples, &s, NULL, *out, err);
    if (st != FLECK_OK)
        forget(out);
done:
    fk_outputs_free(&outputs);
    fk_samples_free(&samples);
    return st;
}

fleck_status fleck_metrics(const char *maps_dir, const char *path,
                           const fleck_metrics_settings *settings, fleck_report **out,
                           fleck_error *err)
{
    fleck_metrics_settings s;
    fleck_status st;

    FK_NEED(out);
    *out = NULL;
    FK_NEED(maps_dir);
    FK_NEED(path);
    fleck_metrics_defaults(&s, sizeof s);
    FK_TAKE(&s, settings);
    FK_DO(fk_check_threads(s.threads, __func__, err));
    FK_DO(fk_check_measure(s.protocol, s.pro_limit, __func__, err));
    FK_DO(FK_CALLOC(out, 1, err));
    st = fk_evaluate_maps(maps_dir, path, &s, *out, err);
    if (st != FLECK_OK)
        forget(out);
done:
    return st;
}

fleck_status fleck_panel(const char *out_path, const char *image, const char *mask,
                         const fleck_panel_column *columns, int n, int64_t tile, fleck_error *err)
{
    fk_picture_column inner[FK_PICTURE_COLUMNS];
    fleck_status st;

    FK_NEED(out_path);
    FK_NEED(image);
    FK_NEED(columns);
    if (n < 1 || n > FK_PICTURE_COLUMNS)
        return fk_error_set(err, FLECK_E_OPTION, "panel: expected 1 to %d models, got %d",
                            FK_PICTURE_COLUMNS, n);
    FK_DO(fk_output_apart(out_path, image, err));
    FK_DO(fk_output_apart(out_path, mask, err));
    FK_DO(fk_writer_check(out_path, err));
    for (int i = 0; i < n; i++) {
        FK_NEED(columns[i].model);
        FK_NEED(columns[i].caption);
        fk_watch_begin(&columns[i].model->watch, "panel", 0);
        FK_DO(fk_handle_ready(columns[i].model, err));
        inner[i] = (fk_picture_column){&columns[i].model->runner, columns[i].caption};
    }
    st = fk_picture_panel(out_path, image, mask, inner, n, tile, err);
done:
    return st;
}
