/* SPDX-License-Identifier: Apache-2.0 */
/* Enlarging and smoothing of maps, against torch, SciPy and plain sums. */
#include "unit/linalg/near.h"

#include "base/mem.h"
#include "base/prng.h"
#include "map/map.h"
#include "golden/features_golden.h"

static float *values(uint64_t seed, int64_t n)
{
    float *out = NULL;

    assert_ok(FK_ALLOC(&out, n, err));
    for (int64_t k = 0; k < n; k++)
        out[k] = (float)((double)(fk_prng_hash((seed << 32) + (uint64_t)k) >> 40) * 0x1.0p-24);
    return out;
}

static float *scratch_for(int64_t height, int64_t width)
{
    float *scratch = NULL;

    assert_ok(FK_ALLOC(&scratch, fk_map_gaussian_scratch(height, width, FK_MAP_MAX_SIGMA), err));
    return scratch;
}

static void check_bilinear(int64_t h, int64_t w, int64_t height, int64_t width, const float *want)
{
    float *src = values(1, h * w), *out = values(0, height * width);

    fk_map_resize_bilinear(out, height, width, src, h, w);
    for (int64_t i = 0; i < height * width; i++)
        assert_near(out[i], want[i], 5e-7); /* torch computes the weights in float */
    fk_free(src);
    fk_free(out);
}

static void bilinear_maps_equal_torch(void **state)
{
    (void)state;
    check_bilinear(4, 6, 9, 13, bilinear_4x6_9x13);
    check_bilinear(7, 5, 3, 11, bilinear_7x5_3x11);
    check_bilinear(1, 3, 4, 4, bilinear_1x3_4x4);
    check_bilinear(14, 14, 17, 20, bilinear_14x14_17x20);
}

static void resizing_to_the_same_size_changes_no_bit(void **state)
{
    float *src = values(3, 300 * 5), *out = values(0, 300 * 5);

    (void)state;
    fk_map_resize_bilinear(out, 5, 300, src, 5, 300);
    assert_memory_equal(src, out, 300 * 5 * sizeof(float));
    fk_free(src);
    fk_free(out);
}

static void grids_are_sampled_channel_by_channel(void **state)
{
    enum { H = 3, W = 4, C = 19, HEIGHT = 7, WIDTH = 5 };
    float *src = values(4, H * W * C), *out = values(0, HEIGHT * WIDTH * C);
    float plane[H * W], want[HEIGHT * WIDTH];

    (void)state;
    for (int64_t i = 0; i < HEIGHT * WIDTH; i++) {
        int64_t y0, y1, x0, x1;
        double down, right;

        fk_map_source(i / WIDTH, HEIGHT, H, &y0, &y1, &down);
        fk_map_source(i % WIDTH, WIDTH, W, &x0, &x1, &right);
        fk_grid_sample(out + i * C, src, W, C, y0, y1, down, x0, x1, right);
    }
    for (int64_t c = 0; c < C; c++) {
        for (int64_t i = 0; i < H * W; i++)
            plane[i] = src[i * C + c];
        fk_map_resize_bilinear(want, HEIGHT, WIDTH, plane, H, W);
        for (int64_t i = 0; i < HEIGHT * WIDTH; i++)
            assert_true(out[i * C + c] == want[i]);
    }
    fk_free(src);
    fk_free(out);
}

static void check_gaussian(int64_t height, int64_t width, double sigma, const float *want)
{
    float *map = values(2, height * width), *scratch = scratch_for(height, width);

    fk_map_gaussian(map, height, width, sigma, scratch);
    for (int64_t i = 0; i < height * width; i++)
        /* The same sums in the same order; a kernel that differs in its last bit may turn a float's
         * last bit in either pass. */
        assert_true(fabsf(map[i] - want[i]) <= 2.4e-7f * want[i]);
    fk_free(map);
    fk_free(scratch);
}

static void gaussians_equal_scipy(void **state)
{
    (void)state;
    check_gaussian(9, 14, 0.8, gaussian_9x14_8);
    check_gaussian(20, 11, 4.0, gaussian_20x11_40);
    check_gaussian(1, 7, 2.0, gaussian_1x7_20);
    check_gaussian(3, 3, 4.0, gaussian_3x3_40);
    check_gaussian(40, 33, 4.0, gaussian_40x33_40);
}

static void a_gaussian_keeps_constants_and_the_sum(void **state)
{
    enum { H = 31, W = 45 };
    float *map = values(5, H * W), *scratch = scratch_for(H, W);
    double before = 0.0, after = 0.0;

    (void)state;
    for (int64_t i = 0; i < H * W; i++)
        before += (double)map[i];
    fk_map_gaussian(map, H, W, 4.0, scratch);
    for (int64_t i = 0; i < H * W; i++)
        after += (double)map[i];
    assert_near(after / before, 1.0, 1e-6); /* reflection loses nothing over an edge */
    for (int64_t i = 0; i < H * W; i++)
        map[i] = 3.0f;
    fk_map_gaussian(map, H, W, 7.5, scratch);
    for (int64_t i = 0; i < H * W; i++)
        assert_near(map[i], 3.0, 5e-7);
    fk_free(map);
    fk_free(scratch);
}

static void sigma_0_does_nothing_and_the_largest_sigma_averages(void **state)
{
    enum { H = 6, W = 5 };
    float *map = values(6, H * W), *before = values(6, H * W), *scratch = scratch_for(H, W);
    double mean = 0.0;

    (void)state;
    fk_map_gaussian(map, H, W, 0.0, scratch);
    assert_memory_equal(map, before, H * W * sizeof(float));
    for (int64_t i = 0; i < H * W; i++)
        mean += (double)map[i] / (H * W);
    fk_map_gaussian(map, H, W, FK_MAP_MAX_SIGMA, scratch);
    for (int64_t i = 0; i < H * W; i++)
        assert_near(map[i], mean, 1e-5); /* the kernel ends at 4 sigma */
    fk_free(map);
    fk_free(before);
    fk_free(scratch);
}

static void the_range_is_the_lowest_and_the_highest_value(void **state)
{
    const float map[5] = {2.0f, -1.5f, 7.0f, 7.0f, 0.0f};
    float low, high;

    (void)state;
    fk_map_range(map, 5, &low, &high);
    assert_true(low == -1.5f && high == 7.0f);
    fk_map_range(map, 1, &low, &high);
    assert_true(low == 2.0f && high == 2.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_range_is_the_lowest_and_the_highest_value),
        cmocka_unit_test(bilinear_maps_equal_torch),
        cmocka_unit_test(resizing_to_the_same_size_changes_no_bit),
        cmocka_unit_test(grids_are_sampled_channel_by_channel),
        cmocka_unit_test(gaussians_equal_scipy),
        cmocka_unit_test(a_gaussian_keeps_constants_and_the_sum),
        cmocka_unit_test(sigma_0_does_nothing_and_the_largest_sigma_averages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
