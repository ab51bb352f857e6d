/* SPDX-License-Identifier: Apache-2.0 */
/* Mask files: which pixels are marked, and warnings about odd files. */
#include "view/mask.h"
#include "base/file.h"
#include "base/mem.h"
#include "image/decode.h"

#include <string.h>

#define MAX_BYTES ((size_t)1 << 31)
#define CUT 128
#define NAMED 8 /* files of a kind that are named */
#define LIST_BYTES 600

/* ---- Levels ---- */

/* Whether all values are 0 or 255; *white is the number of values of 128 and above. */
static bool is_plain(const fk_image *im, int64_t *white)
{
    int64_t n = im->width * im->height, count = 0;
    uint8_t other = 0;

    for (int64_t i = 0; i < n; i++) {
        other |= (uint8_t)(im->data[i] + 1) & 0xfe;
        count += im->data[i] >> 7;
    }
    *white = count;
    return other == 0;
}

/* Find the lowest two values and the highest; returns the number of different values. */
static int find_levels(int levels[3], const fk_image *im)
{
    bool there[256] = {false};
    int n = 0;

    for (int64_t i = 0; i < im->width * im->height; i++)
        there[im->data[i]] = true;
    for (int v = 0; v < 256; v++) {
        if (!there[v])
            continue;
        if (n < 2)
            levels[n] = v;
        levels[2] = v;
        n++;
    }
    return n;
}

/* Turn values into 0 and 255. */
static fleck_status binarise(fk_image *im, unsigned *kinds, fleck_error *err)
{
    int64_t white, n = im->width * im->height;
    int levels[3], count, from = CUT;

    if (!is_plain(im, &white)) {
        count = find_levels(levels, im);
        if (count == 2 && levels[0] == 0)
            from = levels[1];
        else if (levels[2] < CUT)
            return fk_error_set(err, FLECK_E_FORMAT,
                                "expected black and white (0 and 255), found %d values up to %d: "
                                "noise and labels cannot be told apart",
                                count, levels[2]);
        if (from < CUT)
            *kinds |= 1u << FK_MASK_LABELS;
        else if (count > 2 || levels[0] != 0)
            *kinds |= 1u << FK_MASK_GREY;
        white = 0;
        for (int64_t i = 0; i < n; i++) {
            im->data[i] = im->data[i] >= from ? 255 : 0;
            white += im->data[i] >> 7;
        }
    }
    if (white == 0)
        *kinds |= 1u << FK_MASK_BLACK;
    else if (2 * white > n)
        *kinds |= 1u << FK_MASK_LARGE;
    return FLECK_OK;
}

/* ---- Orientation ---- */

/* Rotate mask by its image's EXIF orientation if it fits the image only so; check its size. */
static fleck_status fit(fk_image *mask, unsigned *kinds, const char *image, bool was_oriented,
                        int64_t width, int64_t height, fleck_error *err)
{
    int orientation = image != NULL && !was_oriented ? fk_image_orientation(image) : 1;
    bool crosswise = mask->width == height && mask->height == width && width != height;

    if (crosswise && orientation >= 5) {
        *kinds |= 1u << FK_MASK_TURNED;
        return fk_image_orient(mask, orientation, err);
    }
    if (mask->width != width || mask->height != height)
        return fk_error_set(
            err, FLECK_E_SHAPE, "expected %lldx%lld like %s, found %lldx%lld%s", (long long)width,
            (long long)height, image != NULL ? image : "its image", (long long)mask->width,
            (long long)mask->height,
            crosswise ? ": width and height are swapped, but the image has no EXIF rotation" : "");
    if (orientation > 1)
        *kinds |= 1u << FK_MASK_UPRIGHT;
    return FLECK_OK;
}

/* ---- Loading ---- */

/* Whether the file is a PNG with an alpha channel. */
static bool has_alpha(const fk_contents *file)
{
    return file->size > 25 && memcmp(file->data, "\x89PNG\r\n\x1a\n", 8) == 0 &&
           (file->data[25] == 4 || file->data[25] == 6);
}

static bool is_flat(const fk_image *im)
{
    return memcmp(im->data, im->data + 1, (size_t)(im->width * im->height - 1)) == 0;
}

/* Decode the file's grey values, or its opacity if grey is the same everywhere and opacity is
 * not. */
static fleck_status decode(fk_image *out, unsigned *kinds, const fk_contents *file,
                           const char *path, fleck_error *err)
{
    fk_image_notes notes = {0};
    fleck_status st;

    FK_DO(
        fk_image_decode_with(out, file->data, file->size, path, FK_IMAGE_GREY, NULL, &notes, err));
    if (notes.transparent && is_flat(out)) {
        fk_image_free(out);
        FK_DO(fk_image_decode(out, file->data, file->size, path, FK_IMAGE_ALPHA, err));
        *kinds |= 1u << FK_MASK_OPACITY;
    } else if (notes.transparent || has_alpha(file)) {
        *kinds |= 1u << FK_MASK_ALPHA;
    }
done:
    return st;
}

fleck_status fk_mask_load(fk_image *out, unsigned *kinds, const char *path, const char *image,
                          int64_t width, int64_t height, fleck_error *err)
{
    fk_contents file = {0};
    const char *format;
    bool read;
    fleck_status st;

    *out = (fk_image){0};
    *kinds = 0;
    FK_DO(fk_contents_read(&file, path, MAX_BYTES, err));
    FK_DO(decode(out, kinds, &file, path, err));
    format = fk_image_format(file.data, file.size, &read);
    st = binarise(out, kinds, err);
    if (st == FLECK_OK && width > 0)
        st = fit(out, kinds, image, fk_image_bytes_orientation(file.data, file.size) > 1, width,
                 height, err);
    if (st != FLECK_OK)
        fk_error_context(err, "mask %s", path);
    if (format != NULL && strcmp(format, "JPEG") == 0)
        *kinds = (*kinds & ~(1u << FK_MASK_GREY)) | 1u << FK_MASK_LOSSY;
done:
    fk_contents_free(&file);
    if (st != FLECK_OK)
        fk_image_free(out);
    return st;
}

/* ---- Warnings ---- */

void fk_mask_notes_free(fk_mask_notes *n)
{
    for (int k = 0; k < FK_MASK_KINDS; k++)
        fk_names_free(&n->first[k]);
    *n = (fk_mask_notes){0};
}

fleck_status fk_mask_note(fk_mask_notes *n, unsigned kinds, const char *path, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    for (int k = 0; k < FK_MASK_KINDS && st == FLECK_OK; k++)
        if ((kinds >> k & 1) != 0 && n->count[k]++ < NAMED)
            st = fk_names_add(&n->first[k], path, err);
    return st;
}

fleck_status fk_mask_say(const fk_mask_notes *n, fk_warn warn, fleck_error *err)
{
    static const char *const texts[FK_MASK_KINDS] = {
        [FK_MASK_GREY] = "with values other than 0 and 255: 128 and above counts as marked",
        [FK_MASK_LABELS] = "with 0 and one small value only: that value counts as marked",
        [FK_MASK_LOSSY] = "stored as JPEG, which blurs edges: 128 and above counts as marked",
        [FK_MASK_ALPHA] = "with an alpha channel, which is ignored: the colour counts",
        [FK_MASK_OPACITY] =
            "of one colour, with the shape in the alpha channel: opaque counts as marked",
        [FK_MASK_TURNED] =
            "of the size of the image before its EXIF rotation: rotated like the image",
        [FK_MASK_UPRIGHT] =
            "of an image with an EXIF rotation: taken as drawn on the rotated image",
        [FK_MASK_BLACK] = "without a marked pixel",
        [FK_MASK_LARGE] = "with more than half of the image marked; white counts as marked",
    };
    fleck_status st = FLECK_OK;

    for (int k = 0; k < FK_MASK_KINDS && st == FLECK_OK; k++) {
        fk_text names = {0};
        int64_t left = n->count[k] - n->first[k].count;

        if (n->count[k] == 0)
            continue;
        st = fk_names_join(&names, &n->first[k], LIST_BYTES, err);
        if (st == FLECK_OK && left > 0)
            st = fk_text_printf(&names, err, ", ... (%lld in all)", (long long)n->count[k]);
        if (st == FLECK_OK)
            fk_warn_say(warn, "%lld mask%s %s: %s", (long long)n->count[k],
                        n->count[k] == 1 ? "" : "s", texts[k], names.data);
        fk_text_free(&names);
    }
    return st;
}
