/* SPDX-License-Identifier: Apache-2.0 */
/* The quick PNG decoder, whose rows are undone in the buffer they are inflated into: every filter,
 * shape and number of chunks. */
#include "fk_test.h"

#include "base/mem.h"
#include "base/prng.h"
#include "image/png/png.h"

#include <spng.h>

#define MOST 40 /* pixels a side */

/* Noise under a slope, so that an encoder with a choice of filters takes several. */
static void fill(uint8_t *p, int64_t n, fk_prng *g)
{
    for (int64_t i = 0; i < n; i++)
        p[i] = (uint8_t)(i / 3 + fk_prng_below(g, i / 64 % 2 == 0 ? 256 : 5));
}

/* A PNG of the pixels, with this choice of filters; free it with free(). */
static uint8_t *encode(size_t *size, const uint8_t *pixels, int64_t width, int64_t height,
                       int channels, int filters)
{
    static const uint8_t colours[] = {[1] = SPNG_COLOR_TYPE_GRAYSCALE,
                                      [3] = SPNG_COLOR_TYPE_TRUECOLOR,
                                      [4] = SPNG_COLOR_TYPE_TRUECOLOR_ALPHA};
    struct spng_ihdr head = {.width = (uint32_t)width,
                             .height = (uint32_t)height,
                             .bit_depth = 8,
                             .color_type = colours[channels]};
    spng_ctx *ctx = spng_ctx_new(SPNG_CTX_ENCODER);
    uint8_t *png;
    int code;

    assert_non_null(ctx);
    assert_int_equal(spng_set_option(ctx, SPNG_ENCODE_TO_BUFFER, 1), 0);
    assert_int_equal(spng_set_ihdr(ctx, &head), 0);
    assert_int_equal(spng_set_option(ctx, SPNG_FILTER_CHOICE, filters), 0);
    assert_int_equal(spng_encode_image(ctx, pixels, (size_t)(width * height * channels),
                                       SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE),
                     0);
    png = spng_get_png_buffer(ctx, size, &code);
    assert_int_equal(code, 0);
    spng_ctx_free(ctx);
    return png;
}

/* Decode, and compare with what was encoded. */
static void check(const uint8_t *png, size_t size, const uint8_t *pixels, int64_t width,
                  int64_t height, int channels)
{
    fk_image_bytes in = {.data = png, .size = size, .max_pixels = 1 << 20};
    int kept = channels == 1 ? 1 : 3;
    fk_png_chunks chunks;
    fk_decoded decoded = {0};
    fk_image im;
    bool done;

    assert_ok(fk_png_scan(&chunks, &in, err));
    assert_ok(fk_png_decode_fast(&decoded, &done, &chunks, &in, err));
    if (!done)
        skip(); /* built without libdeflate */
    im = decoded.image;
    assert_int_equal(im.width, width);
    assert_int_equal(im.height, height);
    assert_int_equal(im.channels, kept);
    for (int64_t i = 0; i < width * height; i++)
        if (memcmp(im.data + i * kept, pixels + i * channels, (size_t)kept) != 0)
            fail_msg("%lldx%lld with %d channels: pixel %lld", (long long)width, (long long)height,
                     channels, (long long)i);
    for (int64_t i = 0; decoded.alpha.data != NULL && i < width * height; i++)
        if (decoded.alpha.data[i] != pixels[i * 4 + 3])
            fail_msg("alpha of pixel %lld", (long long)i);
    fk_image_free(&decoded.image);
    fk_image_free(&decoded.alpha);
}

static void every_filter_and_shape_comes_back(void **state)
{
    static const int filters[] = {SPNG_FILTER_CHOICE_NONE,  SPNG_FILTER_CHOICE_SUB,
                                  SPNG_FILTER_CHOICE_UP,    SPNG_FILTER_CHOICE_AVG,
                                  SPNG_FILTER_CHOICE_PAETH, SPNG_FILTER_CHOICE_ALL};
    static const int channels[] = {1, 3, 4};
    uint8_t pixels[MOST * MOST * 4];
    fk_prng g;

    (void)state;
    fk_prng_seed(&g, 5);
    for (int round = 0; round < 600; round++) {
        int64_t width = 1 + fk_prng_below(&g, round % 2 == 0 ? 6 : MOST);
        int64_t height = 1 + fk_prng_below(&g, round % 3 == 0 ? 6 : MOST);
        int c = channels[fk_prng_below(&g, 3)];
        uint8_t *png;
        size_t size;

        fill(pixels, (int64_t)sizeof pixels, &g);
        png = encode(&size, pixels, width, height, c, filters[round % 6]);
        check(png, size, pixels, width, height, c);
        free(png);
    }
}

static uint32_t length_at(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* A single chunk is inflated from where it lies; this image takes several. */
static void one_chunk_and_several_come_back(void **state)
{
    int64_t sides[] = {10, 200};
    uint8_t *pixels;
    fk_prng g;

    (void)state;
    fk_prng_seed(&g, 6);
    assert_ok(FK_ALLOC(&pixels, 200 * 200 * 3, err));
    for (int i = 0; i < 2; i++) {
        fk_png_chunks chunks;
        size_t size;
        uint8_t *png;

        for (int64_t k = 0; k < 200 * 200 * 3; k++)
            pixels[k] = (uint8_t)fk_prng_below(&g, 256);
        png = encode(&size, pixels, sides[i], sides[i], 3, SPNG_FILTER_CHOICE_ALL);
        fk_image_bytes in = {.data = png, .size = size};
        assert_ok(fk_png_scan(&chunks, &in, err));
        if (i == 0)
            assert_int_equal(chunks.data_bytes, length_at(chunks.data));
        else
            assert_true(chunks.data_bytes > length_at(chunks.data));
        check(png, size, pixels, sides[i], sides[i], 3);
        free(png);
    }
    fk_free(pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_filter_and_shape_comes_back),
        cmocka_unit_test(one_chunk_and_several_come_back),
    };

    return cmocka_run_group_tests_name("PNG, the quick way", tests, NULL, NULL);
}
