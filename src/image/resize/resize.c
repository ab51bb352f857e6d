/* SPDX-License-Identifier: Apache-2.0 */
/* Resizing: the names of the filters, and the choice of the resampler. */
#include "image/resize/resize.h"

#include "base/mem.h"
#include "image/decode.h"

#include <string.h>

static const char *const names[] = {[FK_FILTER_NEAREST] = "nearest",
                                    [FK_FILTER_BILINEAR] = "bilinear",
                                    [FK_FILTER_BICUBIC] = "bicubic",
                                    [FK_FILTER_LANCZOS] = "lanczos",
                                    [FK_FILTER_AREA] = "area"};

const char *fk_filter_name(fk_filter filter)
{
    return names[filter];
}

bool fk_filter_parse(const char *name, fk_filter *out)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (fk_filter)i;
            return true;
        }
    return false;
}

/* The limit of pixels is the default limit of files, or the size of src if that is larger. */
static fleck_status check_size(const fk_image *src, int64_t width, int64_t height, fleck_error *err)
{
    int64_t most = src->width * src->height;

    most = most > FK_IMAGE_MAX_PIXELS ? most : FK_IMAGE_MAX_PIXELS;
    if (width < 1 || height < 1)
        return fk_error_set(err, FLECK_E_SHAPE, "cannot resize to %lldx%lld", (long long)width,
                            (long long)height);
    return fk_image_check_size(width, height, most, err);
}

fleck_status fk_image_resize(fk_image *out, const fk_image *src, int64_t width, int64_t height,
                             fk_filter filter, fleck_error *err)
{
    fk_part whole = {.width = width, .height = height};
    fleck_status st;

    *out = (fk_image){0};
    FK_DO(check_size(src, width, height, err));
    FK_DO(fk_image_alloc(out, width, height, src->channels, err));
    /* Pillow and OpenCV copy in this case, whatever the filter. */
    if (width == src->width && height == src->height)
        memcpy(out->data, src->data, (size_t)(width * height * src->channels));
    else if (filter == FK_FILTER_NEAREST)
        FK_DO(fk_resize_nearest(out, src, err));
    else if (filter == FK_FILTER_AREA)
        FK_DO(fk_resize_area(out, src, err));
    else
        FK_DO(fk_resize_pillow(out, src, &whole, filter, err));
done:
    if (st != FLECK_OK)
        fk_image_free(out);
    return st;
}

/* Whether the filter can compute a part without the rest. */
static bool in_parts(const fk_image *src, int64_t width, int64_t height, fk_filter filter)
{
    return filter != FK_FILTER_NEAREST && filter != FK_FILTER_AREA && width != src->width &&
           height != src->height;
}

fleck_status fk_image_resize_centre(fk_image *out, const fk_image *src, int64_t width,
                                    int64_t height, int64_t crop_width, int64_t crop_height,
                                    fk_filter filter, fleck_error *err)
{
    fk_part part = {width, height, fk_crop_offset(width, crop_width),
                    fk_crop_offset(height, crop_height)};
    fk_image resized = {0};
    fleck_status st;

    *out = (fk_image){0};
    FK_DO(check_size(src, width, height, err));
    if (in_parts(src, width, height, filter) && crop_width >= 1 && crop_height >= 1 &&
        crop_width <= width && crop_height <= height) {
        FK_DO(fk_image_alloc(out, crop_width, crop_height, src->channels, err));
        FK_DO(fk_resize_pillow(out, src, &part, filter, err));
    } else {
        FK_DO(fk_image_resize(&resized, src, width, height, filter, err));
        FK_DO(fk_image_crop_centre(out, &resized, crop_width, crop_height, err));
    }
done:
    fk_image_free(&resized);
    if (st != FLECK_OK)
        fk_image_free(out);
    return st;
}
