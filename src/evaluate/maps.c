/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of map files of any tool with a category's ground truth. */
#include "base/clock.h"
#include "base/mem.h"
#include "map/map.h"
#include "view/place.h"
#include "evaluate/evaluate.h"
#include "run/output.h"
#include "evaluate/testset.h"
#include "run/source.h"
#include "map/map_file.h"

#include <stdio.h>
#include <string.h>

/* Find folder/name with one of the endings of maps; *out stays NULL if there is none.  own: name is
 * the path of an image, and its map has the name that predict gives it. */
static fleck_status try_names(char **out, const char *folder, const char *name, bool own,
                              fleck_error *err)
{
    static const char *const endings[] = {".tiff", ".tif", ".npy"};
    char *made = NULL;
    fleck_status st = FLECK_OK;

    for (size_t i = 0; *out == NULL && i < sizeof endings / sizeof endings[0]; i++) {
        if (own)
            FK_DO(fk_output_name(&made, name, endings[i], err));
        else
            FK_DO(fk_asprintf(&made, err, "%s%s", name, endings[i]));
        FK_DO(fk_path_join(out, folder, made, err));
        fk_free(made);
        made = NULL;
        if (!fk_path_is_file(*out)) {
            fk_free(*out);
            *out = NULL;
        }
    }
done:
    fk_free(made);
    return st;
}

/* Path of sample's map: where predict writes it, or maps_dir[/test]/TYPE/NAME{.tiff,.tif,.npy},
 * NAME without or with its own ending, TYPE the name of the images' folder.  FLECK_E_NOTFOUND names
 * the paths that were tried. */
static fleck_status find_map(char **out, const char *maps_dir, const fk_sample *sample,
                             fleck_error *err)
{
    const char *dot = strrchr(sample->path, '.');
    char *test = NULL, *whole = NULL;
    fleck_status st;

    *out = NULL;
    FK_DO(fk_path_join(&test, maps_dir, "test", err));
    FK_DO(fk_asprintf(&whole, err, "%s%s", sample->key, dot != NULL ? dot : ""));
    FK_DO(try_names(out, maps_dir, sample->path, true, err));
    FK_DO(try_names(out, maps_dir, sample->key, false, err));
    FK_DO(try_names(out, test, sample->key, false, err));
    FK_DO(try_names(out, maps_dir, whole, false, err));
    FK_DO(try_names(out, test, whole, false, err));
    if (*out == NULL)
        FK_FAIL(err, FLECK_E_NOTFOUND, "no map for %s: expected %s/%s.tiff (or .tif, .npy)",
                sample->path, maps_dir, sample->key);
done:
    fk_free(test);
    fk_free(whole);
    return st;
}

static fleck_status read_map(fk_tensor *out, const char *path, fleck_error *err)
{
    fleck_status st =
        fk_ends_with(path, ".npy") ? fk_npy_read(out, path, err) : fk_tiff_read(out, path, err);

    if (st != FLECK_OK)
        return st;
    if (out->dtype == FK_F32 && out->ndim == 2)
        return FLECK_OK;
    st =
        fk_error_set(err, FLECK_E_SHAPE, "%s: expected a floating-point map [height, width]", path);
    fk_tensor_free(out);
    return st;
}

/* Highest value outside the ignored region, or the map's lowest if all is ignored. */
static double highest_of(const float *map, int64_t n, const uint8_t *left_out)
{
    float lowest, highest;

    fk_map_range(map, n, &lowest, &highest);
    if (left_out == NULL)
        return (double)highest;
    highest = lowest;
    for (int64_t i = 0; i < n; i++)
        highest = left_out[i] == 0 && map[i] > highest ? map[i] : highest;
    return (double)highest;
}

/* Load the mask at path, or nothing if it is NULL, at the crop of p or (p NULL) at its own size,
 * which must be that of its image. */
static fleck_status load_mask(fk_image *out, unsigned *kinds, const char *path,
                              const fk_preprocess *p, const char *image, const fk_image *like,
                              fleck_error *err)
{
    fk_image mask = {0};
    fleck_status st;

    *kinds = 0;
    if (path == NULL)
        return FLECK_OK;
    FK_DO(fk_mask_load(&mask, kinds, path, image, like->width, like->height, err));
    FK_DO(fk_place_mask(out, &mask, p != NULL ? p : &(fk_preprocess){0}, err));
done:
    fk_image_free(&mask);
    return st;
}

static fleck_status add_sample(fk_testset *t, int64_t i, const char *maps_dir,
                               const fk_preprocess *p, int64_t max_pixels, fleck_error *err)
{
    const fk_sample *sample = &t->samples->items[i];
    fk_image_settings settings = {.max_pixels = max_pixels};
    fk_image image = {0}, mask = {0}, left_out = {0};
    fk_tensor map = {0};
    char *path = NULL;
    unsigned kinds, ignored;
    int64_t want_height, want_width;
    fleck_status st;

    FK_DO(find_map(&path, maps_dir, sample, err));
    FK_DO(read_map(&map, path, err));
    FK_DO(fk_image_load_with(&image, sample->path, FK_IMAGE_RGB, &settings, NULL, err));
    want_height = p != NULL ? p->crop_height : image.height;
    want_width = p != NULL ? p->crop_width : image.width;
    if (map.shape[0] != want_height || map.shape[1] != want_width)
        FK_FAIL(err, FLECK_E_SHAPE, "%s: expected a map of %lldx%lld, found %lldx%lld", path,
                (long long)want_width, (long long)want_height, (long long)map.shape[1],
                (long long)map.shape[0]);
    FK_DO(load_mask(&mask, &kinds, fk_testset_truth(t, i), p, sample->path, &image, err));
    FK_DO(load_mask(&left_out, &ignored, sample->ignore, p, sample->path, &image, err));
    FK_DO(fk_testset_add_map(t, i, map.data, want_height, want_width, &mask, &left_out, err));
    FK_DO(fk_testset_note(t, i, kinds, ignored, err));
    fk_testset_add_score(t, i, highest_of(map.data, fk_tensor_count(&map), left_out.data));
done:
    fk_image_free(&left_out);
    fk_image_free(&image);
    fk_image_free(&mask);
    fk_tensor_free(&map);
    fk_free(path);
    return st;
}

static fleck_status plan(fk_preprocess *p, const fleck_metrics_settings *s, fleck_error *err)
{
    *p = (fk_preprocess){.width = s->width,
                         .height = s->height,
                         .crop_width = s->crop_width > 0 ? s->crop_width : s->width,
                         .crop_height = s->crop_height > 0 ? s->crop_height : s->height};
    if (p->width < 1 || p->height < 1 || p->crop_width > p->width || p->crop_height > p->height)
        return fk_error_set(err, FLECK_E_OPTION,
                            "size and crop: expected a crop within the size, got %lldx%lld in "
                            "%lldx%lld",
                            (long long)p->crop_width, (long long)p->crop_height,
                            (long long)p->width, (long long)p->height);
    return FLECK_OK;
}

fleck_status fk_evaluate_maps(const char *maps_dir, const char *path,
                              const fleck_metrics_settings *s, fleck_report *out, fleck_error *err)
{
    fk_watch watch = {.call = s->progress, .ctx = s->progress_ctx};
    fk_warn warn = {s->warning, s->warning_ctx};
    fk_dataset_how how = fk_source_how(s->good, s->recursive, warn);
    fk_samples samples = {0};
    fk_testset t = {0};
    fk_pool *pool = NULL;
    fk_preprocess p;
    char *name = NULL;
    double start = fk_clock_seconds(), begin;
    fleck_status st;

    *out = (fleck_report){0};
    FK_DO(plan(&p, s, err));
    FK_DO(fk_pool_open(&pool, s->threads > 0 ? s->threads : fk_pool_processors(), err));
    FK_DO(fk_dataset_name(&name, path, err));
    snprintf(out->category, sizeof out->category, "%s", name);
    FK_DO(fk_dataset_test(&samples, path, &how, err));
    FK_DO(fk_testset_open(&t, &samples, s->scratch, warn, err));
    if (!fk_path_is_folder(maps_dir))
        FK_FAIL(err, FLECK_E_NOTFOUND, "%s: expected a folder of maps, found none", maps_dir);
    fk_pool_set_watch(pool, &watch);
    fk_watch_stage(&watch, "metrics", samples.count);
    for (int64_t i = 0; i < samples.count; i++) {
        FK_DO(add_sample(&t, i, maps_dir, s->protocol == FLECK_PROTOCOL_PAPER ? &p : NULL,
                         s->max_pixels, err));
        FK_DO(fk_watch_tell(&watch, i + 1, err));
    }
    out->seconds.decode = fk_clock_seconds() - start;
    begin = fk_clock_seconds();
    FK_DO(fk_testset_finish(&t, s->pro_limit, pool, out, err));
    out->seconds.metrics = fk_clock_seconds() - begin;
    out->seconds.total = fk_clock_seconds() - start;
    out->seconds.peak_rss_mib = fk_clock_peak_rss_mib();
    out->seconds.threads = fk_pool_threads(pool);
done:
    fk_free(name);
    fk_pool_close(&pool);
    fk_testset_free(&t);
    fk_samples_free(&samples);
    return st;
}
