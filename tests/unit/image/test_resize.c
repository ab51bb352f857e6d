/* SPDX-License-Identifier: Apache-2.0 */
/* Resizing against Pillow and OpenCV, bit by bit, and the centre crop. */
#include "fk_test.h"

#include "base/mem.h"
#include "base/prng.h"
#include "image/resize/pillow.h"
#include "checksum.h"

enum kind { NOISE, EDGES, SMOOTH };

typedef struct golden_resize {
    enum kind kind;
    int64_t width, height;
    int channels;
    int64_t to_width, to_height;
    fk_filter filter;
    uint64_t checksum;
} golden_resize;

/* Checksums of the decoded image, then of nearest, bilinear, bicubic, Lanczos and area at 256x256,
 * then at 224x112. */
typedef struct golden_file {
    const char *path;
    bool grey;
    uint64_t checksums[11];
} golden_file;

#include "golden/image_resize.h"

/* The formula of tests/golden/image_resize.py. */
static void make_synthetic(fk_image *im, enum kind kind, int64_t width, int64_t height,
                           int channels)
{
    assert_ok(fk_image_init(im, width, height, channels, err));
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            for (int c = 0; c < channels; c++) {
                int64_t i = (y * width + x) * channels + c;
                uint64_t noise = fk_prng_hash((uint64_t)i) >> 56;

                im->data[i] = (uint8_t)(kind == NOISE   ? noise
                                        : kind == EDGES ? (noise >> 7) * 255
                                                        : (uint64_t)(3 * x + 5 * y + 40 * c) / 2);
            }
}

static void every_filter_equals_its_original_on_synthetic_images(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof golden_synthetic / sizeof golden_synthetic[0]; i++) {
        const golden_resize *g = &golden_synthetic[i];
        fk_image in, out;

        make_synthetic(&in, g->kind, g->width, g->height, g->channels);
        assert_ok(fk_image_resize(&out, &in, g->to_width, g->to_height, g->filter, err));
        assert_int_equal(out.width, g->to_width);
        assert_int_equal(out.height, g->to_height);
        assert_int_equal(out.channels, g->channels);
        if (image_checksum(&out) != g->checksum)
            fail_msg("%s, kind %d, %lldx%lldx%d to %lldx%lld", fk_filter_name(g->filter),
                     (int)g->kind, (long long)g->width, (long long)g->height, g->channels,
                     (long long)g->to_width, (long long)g->to_height);
        fk_image_free(&in);
        fk_image_free(&out);
    }
}

static void check_file(const golden_file *g)
{
    static const int64_t sizes[2][2] = {{256, 256}, {224, 112}};
    const char *path = test_path("FLECK_TEST_SHARED", g->path);
    fk_image in, out;

    assert_ok(fk_image_load(&in, path, g->grey ? FK_IMAGE_GREY : FK_IMAGE_RGB, err));
    if (image_checksum(&in) != g->checksums[0])
        fail_msg("%s is decoded differently", g->path);
    for (int i = 0; i < 10; i++) {
        fk_filter filter = (fk_filter)(i % 5);

        assert_ok(fk_image_resize(&out, &in, sizes[i / 5][0], sizes[i / 5][1], filter, err));
        if (image_checksum(&out) != g->checksums[1 + i])
            fail_msg("%s is resized differently by %s", g->path, fk_filter_name(filter));
        fk_image_free(&out);
    }
    fk_image_free(&in);
}

static void every_filter_equals_its_original_on_real_images(void **state)
{
    (void)state;
    shared_or_skip(first, golden_files[0].path);
    (void)first;
    for (size_t i = 0; i < sizeof golden_files / sizeof golden_files[0]; i++)
        check_file(&golden_files[i]);
}

static void a_constant_image_stays_constant(void **state)
{
    static const uint8_t levels[] = {0, 1, 127, 128, 254, 255};
    fk_image in, out;

    (void)state;
    assert_ok(fk_image_init(&in, 53, 37, 3, err));
    for (size_t l = 0; l < sizeof levels; l++)
        for (int f = FK_FILTER_NEAREST; f <= FK_FILTER_AREA; f++)
            for (int64_t size = 1; size < 120; size += 17) {
                memset(in.data, levels[l], 53 * 37 * 3);
                assert_ok(fk_image_resize(&out, &in, size, 120 - size, (fk_filter)f, err));
                for (int64_t i = 0; i < size * (120 - size) * 3; i++)
                    assert_int_equal(out.data[i], levels[l]);
                fk_image_free(&out);
            }
    fk_image_free(&in);
}

/* Three equal channels must come out as the one channel does: the two have code of their own. */
static void grey_and_rgb_are_filtered_alike(void **state)
{
    fk_image grey, rgb, out1, out3;

    (void)state;
    make_synthetic(&grey, NOISE, 83, 61, 1);
    assert_ok(fk_image_init(&rgb, 83, 61, 3, err));
    for (int64_t i = 0; i < 83 * 61 * 3; i++)
        rgb.data[i] = grey.data[i / 3];
    for (int f = FK_FILTER_NEAREST; f <= FK_FILTER_AREA; f++)
        for (int64_t size = 1; size < 200; size += 22) {
            assert_ok(fk_image_resize(&out1, &grey, size, 201 - size, (fk_filter)f, err));
            assert_ok(fk_image_resize(&out3, &rgb, size, 201 - size, (fk_filter)f, err));
            for (int64_t i = 0; i < size * (201 - size) * 3; i++)
                assert_int_equal(out3.data[i], out1.data[i / 3]);
            fk_image_free(&out1);
            fk_image_free(&out3);
        }
    fk_image_free(&grey);
    fk_image_free(&rgb);
}

/* The vector kernels against the plain ones, on sizes around their blocks of 32 bytes. */
static void vectors_give_the_bytes_of_plain_loops(void **state)
{
    const fk_resize_kernels *kernels = fk_resize_avx2();
    fk_prng g;

    (void)state;
    if (kernels == NULL) {
        printf("skipped: %s needs AVX2\n", __func__);
        skip();
    }
    fk_prng_seed(&g, 4);
    for (int trial = 0; trial < 400; trial++) {
        int64_t limit = trial < 200 ? 24 : 150;
        int64_t width = 1 + fk_prng_below(&g, limit), height = 1 + fk_prng_below(&g, limit);
        int64_t to_width = 1 + fk_prng_below(&g, limit), to_height = 1 + fk_prng_below(&g, limit);
        fk_image in, plain, fast;
        fk_part whole;

        to_width +=
            to_width == width && to_height == height; /* the same size is never asked of them */

        whole = (fk_part){.width = to_width, .height = to_height};
        make_synthetic(&in, trial % 2 == 0 ? NOISE : EDGES, width, height, trial % 3 == 0 ? 1 : 3);
        assert_ok(fk_image_init(&plain, to_width, to_height, in.channels, err));
        assert_ok(fk_image_init(&fast, to_width, to_height, in.channels, err));
        for (int f = FK_FILTER_BILINEAR; f <= FK_FILTER_LANCZOS; f++) {
            assert_ok(
                fk_resize_pillow_by(&fk_resize_plain, &plain, &in, &whole, (fk_filter)f, err));
            assert_ok(fk_resize_pillow_by(kernels, &fast, &in, &whole, (fk_filter)f, err));
            assert_int_equal(image_checksum(&plain), image_checksum(&fast));
        }
        fk_image_free(&in);
        fk_image_free(&plain);
        fk_image_free(&fast);
    }
}

static void a_size_of_nothing_or_beyond_the_limit_is_refused(void **state)
{
    fk_image in, out;

    (void)state;
    assert_ok(fk_image_init(&in, 4, 4, 3, err));
    assert_refused(fk_image_resize(&out, &in, 0, 5, FK_FILTER_AREA, err), FLECK_E_SHAPE, "0x5");
    assert_refused(fk_image_resize(&out, &in, 5, -1, FK_FILTER_NEAREST, err), FLECK_E_SHAPE,
                   "5x-1");
    assert_refused(fk_image_resize(&out, &in, 65536, 1, FK_FILTER_AREA, err), FLECK_E_LIMIT,
                   "65536x1");
    assert_refused(fk_image_resize(&out, &in, 65535, 65535, FK_FILTER_AREA, err), FLECK_E_LIMIT,
                   "65535x65535");
    assert_null(out.data);
    fk_image_free(&in);
}

static void when_memory_ends_resizing_leaves_nothing(void **state)
{
    static const int64_t sizes[][2] = {{5, 5}, {3, 9}, {20, 20}, {7, 30}, {30, 7}, {10, 15}};
    fleck_error e;
    fk_image in, out;

    (void)state;
    make_synthetic(&in, NOISE, 20, 30, 3);
    for (int f = FK_FILTER_NEAREST; f <= FK_FILTER_AREA; f++)
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            fleck_status st = FLECK_E_NOMEM;
            int n = 0;

            while (st != FLECK_OK) {
                assert_true(n < 40);
                fk_mem_fail_at(++n);
                st = fk_image_resize(&out, &in, sizes[s][0], sizes[s][1], (fk_filter)f, &e);
                fk_mem_fail_at(0);
                assert_true(st == FLECK_OK || (st == FLECK_E_NOMEM && out.data == NULL));
            }
            assert_true(n > 1);
            fk_image_free(&out);
        }
    fk_image_free(&in);
}

static void filters_have_names_both_ways(void **state)
{
    fk_filter filter;

    (void)state;
    for (int f = FK_FILTER_NEAREST; f <= FK_FILTER_AREA; f++) {
        assert_true(fk_filter_parse(fk_filter_name((fk_filter)f), &filter));
        assert_int_equal(filter, f);
    }
    assert_false(fk_filter_parse("cubic", &filter));
    assert_false(fk_filter_parse("", &filter));
}

/* int(round(d / 2.0)) of Python for d = 0 to 9. */
static void crop_offsets_round_halves_to_even(void **state)
{
    static const int64_t expected[] = {0, 0, 1, 2, 2, 2, 3, 4, 4, 4};

    (void)state;
    for (int64_t d = 0; d < 10; d++)
        assert_int_equal(fk_crop_offset(224 + d, 224), expected[d]);
}

static void the_centre_crop_copies_the_centre(void **state)
{
    fk_image in, out;

    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        make_synthetic(&in, NOISE, 13, 10, channels);
        assert_ok(fk_image_crop_centre(&out, &in, 6, 7, err));
        assert_int_equal(out.width, 6);
        assert_int_equal(out.height, 7);
        for (int64_t y = 0; y < 7; y++) /* offsets: 7 / 2 to even is 4, 3 / 2 is 2 */
            assert_memory_equal(out.data + y * 6 * channels,
                                in.data + ((y + 2) * 13 + 4) * channels, (size_t)(6 * channels));
        fk_image_free(&out);
        assert_ok(fk_image_crop_centre(&out, &in, 13, 10, err));
        assert_int_equal(image_checksum(&out), image_checksum(&in));
        fk_image_free(&out);
        assert_refused(fk_image_crop_centre(&out, &in, 14, 10, err), FLECK_E_SHAPE,
                       "14x10 from an image of 13x10");
        assert_refused(fk_image_crop_centre(&out, &in, 0, 10, err), FLECK_E_SHAPE, "0x10");
        assert_null(out.data);
        fk_image_free(&in);
    }
}

/* Resizing to a size and cropping is the same as what computes the crop alone; where neither does,
 * both say so. */
static void resizing_to_the_centre_is_resizing_and_cropping(void **state)
{
    fk_prng g;

    (void)state;
    fk_prng_seed(&g, 5);
    for (int trial = 0; trial < 300; trial++) {
        int64_t width = 1 + fk_prng_below(&g, 90), height = 1 + fk_prng_below(&g, 90);
        int64_t to_width = trial % 7 == 0 ? width : 1 + fk_prng_below(&g, 90);
        int64_t to_height = trial % 5 == 0 ? height : 1 + fk_prng_below(&g, 90);
        int64_t crop_width = 1 + fk_prng_below(&g, to_width);
        int64_t crop_height = trial % 3 == 0 ? to_height : 1 + fk_prng_below(&g, to_height);
        fk_image in, resized, wanted, got;

        make_synthetic(&in, trial % 2 == 0 ? NOISE : EDGES, width, height, trial % 4 < 2 ? 1 : 3);
        for (int f = FK_FILTER_NEAREST; f <= FK_FILTER_AREA; f++) {
            assert_ok(fk_image_resize(&resized, &in, to_width, to_height, (fk_filter)f, err));
            assert_ok(fk_image_crop_centre(&wanted, &resized, crop_width, crop_height, err));
            assert_ok(fk_image_resize_centre(&got, &in, to_width, to_height, crop_width,
                                             crop_height, (fk_filter)f, err));
            assert_int_equal(got.width, crop_width);
            assert_int_equal(got.height, crop_height);
            assert_int_equal(image_checksum(&got), image_checksum(&wanted));
            fk_image_free(&resized);
            fk_image_free(&wanted);
            fk_image_free(&got);
        }
        assert_refused(fk_image_resize_centre(&got, &in, to_width, to_height, to_width + 1, 1,
                                              FK_FILTER_BILINEAR, err),
                       FLECK_E_SHAPE, "cannot crop");
        assert_null(got.data);
        fk_image_free(&in);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_filter_equals_its_original_on_synthetic_images),
        cmocka_unit_test(every_filter_equals_its_original_on_real_images),
        cmocka_unit_test(a_constant_image_stays_constant),
        cmocka_unit_test(grey_and_rgb_are_filtered_alike),
        cmocka_unit_test(vectors_give_the_bytes_of_plain_loops),
        cmocka_unit_test(a_size_of_nothing_or_beyond_the_limit_is_refused),
        cmocka_unit_test(when_memory_ends_resizing_leaves_nothing),
        cmocka_unit_test(filters_have_names_both_ways),
        cmocka_unit_test(crop_offsets_round_halves_to_even),
        cmocka_unit_test(the_centre_crop_copies_the_centre),
        cmocka_unit_test(resizing_to_the_centre_is_resizing_and_cropping),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
