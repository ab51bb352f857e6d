/* Whether a file can be read as an image, by its header or wholly. */
#include "base/file.h"
#include "image/decode.h"

/* No stored image within the limit of pixels is larger, see decode.c. */
#define MAX_FILE ((size_t)FK_IMAGE_MAX_PIXELS * 8 + (1u << 20))

fleck_status fk_image_check(const char *path, bool whole, fleck_error *err)
{
    fk_image image = {0};
    fk_contents file = {0};
    fleck_error why = {0};
    fleck_status st;

    if (whole) {
        st = fk_image_load(&image, path, FK_IMAGE_RGB, err);
        fk_image_free(&image);
        return st;
    }
    FK_DO(fk_contents_read(&file, path, MAX_FILE, err));
    st = fk_image_decode_limited(&image, file.data, file.size, -FK_IMAGE_MAX_PIXELS, path,
                                 FK_IMAGE_RGB, &why);
    if (st == FK_IMAGE_HEADER_READ)
        st = FLECK_OK;
    else
        st = fk_error_set(err, st, "%s", why.message);
done:
    fk_image_free(&image);
    fk_contents_free(&file);
    return st;
}
