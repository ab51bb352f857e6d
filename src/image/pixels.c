/* SPDX-License-Identifier: Apache-2.0 */
/* Pixels in a caller's memory, in any format of fleck.h, converted as a file with the same samples
 * would be. */
#include "base/mem.h"
#include "image/decode.h"

#include <string.h>

/* How a pixel lies in memory. */
typedef struct layout {
    const char *name;
    int samples, bytes; /* samples per pixel; bytes per sample */
    int first, step;    /* index of red or grey; distance to the next colour */
    bool alpha;         /* the last sample */
} layout;

static const layout layouts[] = {
    [FLECK_RGB8] = {"RGB8", 3, 1, 0, 1, false},     [FLECK_BGR8] = {"BGR8", 3, 1, 2, -1, false},
    [FLECK_RGBA8] = {"RGBA8", 4, 1, 0, 1, true},    [FLECK_BGRA8] = {"BGRA8", 4, 1, 2, -1, true},
    [FLECK_GREY8] = {"GREY8", 1, 1, 0, 1, false},   [FLECK_RGB16] = {"RGB16", 3, 2, 0, 1, false},
    [FLECK_BGR16] = {"BGR16", 3, 2, 2, -1, false},  [FLECK_RGBA16] = {"RGBA16", 4, 2, 0, 1, true},
    [FLECK_BGRA16] = {"BGRA16", 4, 2, 2, -1, true}, [FLECK_GREY16] = {"GREY16", 1, 2, 0, 1, false}};

/* Check p and find its layout. */
static fleck_status check(const layout **out, const fleck_pixels *p, fleck_error *err)
{
    const layout *l = &layouts[(unsigned)p->format % (sizeof layouts / sizeof layouts[0])];
    fleck_status st = FLECK_OK;

    if ((unsigned)p->format >= sizeof layouts / sizeof layouts[0])
        FK_FAIL(err, FLECK_E_OPTION, "there is no pixel format %d", (int)p->format);
    if (p->data == NULL)
        FK_FAIL(err, FLECK_E_OPTION, "expected an image with pixels, got none");
    FK_DO(fk_image_check_size(p->width, p->height, INT64_MAX, err));
    if (p->row_bytes > PTRDIFF_MAX / (size_t)p->height)
        FK_FAIL(err, FLECK_E_SHAPE, "%lld rows of %zu bytes do not fit in memory",
                (long long)p->height, p->row_bytes);
    if (p->row_bytes < (size_t)(p->width * l->samples * l->bytes))
        FK_FAIL(err, FLECK_E_SHAPE, "rows of %lld %s pixels take %lld bytes, got %zu",
                (long long)p->width, l->name, (long long)p->width * l->samples * l->bytes,
                p->row_bytes);
    *out = l;
done:
    return st;
}

/* Copy the colours of a row of n pixels with 8-bit samples. */
static void narrow_row(uint8_t *out, const uint8_t *in, const layout *l, int channels, int64_t n)
{
    if (l->step == 1 && l->samples == channels) {
        memcpy(out, in, (size_t)(n * channels));
        return;
    }
    for (int64_t x = 0; x < n; x++)
        for (int c = 0; c < channels; c++)
            out[x * channels + c] = in[x * l->samples + l->first + c * l->step];
}

/* Copy the alpha of a row of n pixels, in 8 bits; true if all of them are opaque. */
static bool alpha_row(uint8_t *out, const void *in, const layout *l, int64_t n)
{
    const uint16_t *wide = in;
    const uint8_t *narrow = in;
    uint16_t least = UINT16_MAX;

    for (int64_t x = 0; x < n; x++) {
        int64_t i = (x + 1) * l->samples - 1;

        least &= l->bytes == 1 ? (uint16_t)(narrow[i] * 257u) : wide[i];
        out[x] = l->bytes == 1 ? narrow[i] : fk_sample_scale(wide[i], FK_IMAGE_WIDEST);
    }
    return least == UINT16_MAX;
}

/* Convert all rows of p. */
static fleck_status convert_rows(fk_decoded *out, const fleck_pixels *p, const layout *l,
                                 fk_wide *wide, fleck_error *err)
{
    int channels = l->samples < 3 ? 1 : 3;
    int64_t n = p->width, samples = n * l->samples;
    uint16_t *row = NULL; /* an aligned copy: p's rows may have odd addresses */
    bool opaque = true;
    fleck_status st;

    FK_DO(fk_image_alloc(&out->image, n, p->height, channels, err));
    if (l->alpha)
        FK_DO(fk_image_alloc(&out->alpha, n, p->height, 1, err));
    if (l->bytes == 2)
        FK_DO(FK_ALLOC(&row, samples, err));
    for (int64_t y = 0; y < p->height; y++) {
        const uint8_t *in = (const uint8_t *)p->data + (size_t)y * p->row_bytes;
        uint8_t *to = out->image.data + y * n * channels;

        if (row != NULL)
            memcpy(row, in, (size_t)samples * sizeof *row);
        else
            narrow_row(to, in, l, channels, n);
        for (int c = 0; l->bytes == 2 && c < channels; c++)
            fk_wide_samples(wide, to + c, channels, row + l->first + c * l->step, l->samples, n,
                            false);
        if (l->alpha)
            opaque &= alpha_row(out->alpha.data + y * n, row != NULL ? (void *)row : in, l, n);
    }
    if (opaque)
        fk_image_free(&out->alpha);
done:
    fk_free(row);
    return st;
}

fleck_status fk_image_of_pixels(fk_image *out, bool *borrowed, const fleck_pixels *p,
                                const fk_image_settings *settings, fk_image_notes *notes,
                                fleck_error *err)
{
    fk_image_settings s = settings != NULL ? *settings : (fk_image_settings){0};
    fk_wide wide = {.low = s.low, .high = s.high > 0 ? s.high : FK_IMAGE_WIDEST};
    fk_decoded decoded = {.orientation = 1};
    const layout *l;
    fleck_status st;

    *out = (fk_image){0};
    FK_DO(check(&l, p, err));
    if (borrowed != NULL)
        *borrowed = p->format == FLECK_RGB8 && p->row_bytes == (size_t)p->width * 3;
    if (borrowed != NULL && *borrowed) {
        *out = (fk_image){p->width, p->height, 3, (uint8_t *)(uintptr_t)p->data};
        goto done;
    }
    FK_DO(convert_rows(&decoded, p, l, &wide, err));
    decoded.notes = (fk_image_notes){.width = p->width, .height = p->height};
    decoded.notes.transparent = decoded.alpha.data != NULL;
    if (l->bytes == 2)
        fk_wide_note(&wide, &decoded.notes);
    if (notes != NULL)
        *notes = decoded.notes;
    st = fk_decoded_finish(out, &decoded, FK_IMAGE_RGB, &s, err);
done:
    fk_image_free(&decoded.image);
    fk_image_free(&decoded.alpha);
    return st;
}

fleck_status fk_image_mask_of_pixels(fk_image *out, const fleck_pixels *p, int64_t width,
                                     int64_t height, fleck_error *err)
{
    const layout *l;
    fleck_status st;

    *out = (fk_image){0};
    FK_DO(check(&l, p, err));
    if (p->format != FLECK_GREY8)
        FK_FAIL(err, FLECK_E_OPTION, "mask: expected GREY8 pixels, got %s", l->name);
    if (p->width != width || p->height != height)
        FK_FAIL(err, FLECK_E_SHAPE, "mask: expected %lldx%lld like its image, got %lldx%lld",
                (long long)width, (long long)height, (long long)p->width, (long long)p->height);
    FK_DO(fk_image_alloc(out, width, height, 1, err));
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            out->data[y * width + x] =
                ((const uint8_t *)p->data)[(size_t)y * p->row_bytes + (size_t)x] >= 128 ? 255 : 0;
done:
    return st;
}
