/* SPDX-License-Identifier: Apache-2.0 */
/* fleck_tools.h: photos to show. */
#include "api/check.h"
#include "base/mem.h"
#include "image/image.h"

void fleck_photo_free(fleck_photo **photo)
{
    if (photo == NULL || *photo == NULL)
        return;
    fk_free((*photo)->data);
    fk_free(*photo);
    *photo = NULL;
}

/* Reduce im so that no side is longer than `most`. */
static fleck_status reduce(fk_image *im, int64_t most, fleck_error *err)
{
    const int64_t longer = im->width > im->height ? im->width : im->height;
    fk_image smaller = {0};
    int64_t width, height;
    fleck_status st;

    if (most == 0 || longer <= most)
        return FLECK_OK;
    width = (im->width * most + longer / 2) / longer;
    height = (im->height * most + longer / 2) / longer;
    FK_DO(fk_image_resize(&smaller, im, width > 0 ? width : 1, height > 0 ? height : 1,
                          FK_FILTER_AREA, err));
    fk_image_free(im);
    *im = smaller;
done:
    return st;
}

fleck_status fleck_photo_read(fleck_photo **out, const char *path, int64_t most, fleck_error *err)
{
    fk_image im = {0};
    fleck_photo *p = NULL;
    fleck_status st;

    FK_NEED(out);
    *out = NULL;
    FK_NEED(path);
    if (most < 0)
        FK_FAIL(err, FLECK_E_OPTION, "%s: expected a number of pixels, got %lld", __func__,
                (long long)most);
    FK_DO(fk_image_load(&im, path, FK_IMAGE_RGB, err));
    FK_DO(FK_CALLOC(&p, 1, err));
    p->full_width = im.width;
    p->full_height = im.height;
    FK_DO(reduce(&im, most, err));
    p->width = im.width;
    p->height = im.height;
    p->data = im.data;
    im = (fk_image){0};
    *out = p;
    p = NULL;
done:
    fleck_photo_free(&p);
    fk_image_free(&im);
    return st;
}

fleck_status fleck_pixels_jpeg(const fleck_pixels *pixels, unsigned char **bytes, size_t *size,
                               fleck_error *err)
{
    fk_image im = {0};
    bool borrowed = false;
    fleck_status st;

    FK_NEED(bytes);
    *bytes = NULL;
    FK_NEED(size);
    *size = 0;
    FK_NEED(pixels);
    FK_DO(fk_image_of_pixels(&im, &borrowed, pixels, NULL, NULL, err));
    st = fk_image_encode_jpeg(bytes, size, &im, err);
done:
    if (!borrowed)
        fk_image_free(&im);
    return st;
}
