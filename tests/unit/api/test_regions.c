/* SPDX-License-Identifier: Apache-2.0 */
/* Regions and pictures of results, through the public interface. */
#include "fk_test.h"

#include "image/image.h"
#include "network.h"

#include <math.h>

typedef struct fixture {
    char folder[4096], image[4300];
    fleck_model *model;
    fleck_result *result;
} fixture;

static fixture f;

static int set_up(void **state)
{
    static const char *const options[] = {"dims=3", NULL};
    fleck_synth_settings synth = test_synth_defaults();
    fleck_settings s = fk_fit_defaults();
    fleck_error err = {0};

    s.method = "padim";
    (void)state;
    snprintf(f.folder, sizeof f.folder, "%s", test_folder());
    snprintf(f.image, sizeof f.image, "%s/test/stain/000.png", f.folder);
    synth.width = 80;
    synth.height = 64;
    synth.train = 6;
    synth.good = synth.defective = 1;
    use_network(&s);
    s.width = s.crop_width = 64;
    s.height = s.crop_height = 48;
    s.options = options;
    s.threads = 1;
    if (fleck_synth(f.folder, &synth, &err) != FLECK_OK ||
        fleck_fit(&f.model, f.folder, &s, NULL, &err) != FLECK_OK ||
        fleck_score_file(f.model, f.image, true, &f.result, &err) != FLECK_OK) {
        printf("set up: %s\n", err.message);
        return 1;
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fleck_result_free(&f.result);
    fleck_model_close(&f.model);
    return 0;
}

static void regions_of_a_result_are_those_of_its_full_map(void **state)
{
    static float map[80 * 64];
    const double highest = fleck_model_describe(f.model)->pixel_threshold;
    fleck_region_settings s = test_region_defaults();
    fleck_regions *a = NULL, *b = NULL;

    (void)state;
    s.threshold = highest / 4;
    s.min_area = 2;
    assert_ok(fleck_result_full_map(f.model, f.result, map, err));
    for (int i = 0; i < 2; i++) {
        const fleck_region_settings all = test_region_defaults();

        assert_ok(fleck_result_regions(f.model, f.result, i == 0 ? &s : &all, &a, err));
        if (i == 1) {
            s = all;
            s.threshold = a->threshold;
        }
        assert_ok(fleck_regions_find(&b, map, 80, 64, &s, err));
        assert_true(a->threshold == s.threshold);
        assert_int_equal(a->width, 80);
        assert_int_equal(a->height, 64);
        assert_int_equal(a->count, b->count);
        assert_int_equal(a->smaller, b->smaller);
        assert_true(i == 1 || a->count > 0);
        for (int64_t k = 0; k < a->count; k++) {
            assert_true(a->list[k].peak == b->list[k].peak && a->list[k].mean == b->list[k].mean);
            assert_int_equal(a->list[k].area, b->list[k].area);
            assert_int_equal(a->list[k].outline_count, b->list[k].outline_count);
            assert_memory_equal(a->list[k].outline, b->list[k].outline,
                                (size_t)a->list[k].outline_count * sizeof(fleck_point));
        }
        fleck_regions_free(&a);
        fleck_regions_free(&b);
    }
}

static void levels_at_the_peak_and_below_zero_find_what_the_full_map_has(void **state)
{
    static float map[80 * 64];
    float peak = 0.0f;

    (void)state;
    for (int64_t i = 0; i < f.result->map_width * f.result->map_height; i++)
        peak = f.result->map[i] > peak ? f.result->map[i] : peak;
    assert_ok(fleck_result_full_map(f.model, f.result, map, err));
    for (int i = 0; i < 4; i++) {
        fleck_region_settings s = test_region_defaults();
        fleck_regions *a = NULL, *b = NULL;

        s.threshold = i == 0   ? (double)peak
                      : i == 1 ? (double)nextafterf(peak, 0.0f)
                      : i == 2 ? 0.0
                               : -1.0;
        assert_ok(fleck_result_regions(f.model, f.result, &s, &a, err));
        assert_ok(fleck_regions_find(&b, map, 80, 64, &s, err));
        assert_int_equal(a->count, b->count);
        assert_int_equal(a->smaller, b->smaller);
        assert_true(a->width == 80 && a->height == 64 && a->threshold == s.threshold);
        assert_true(i == 0 ? a->count == 0 : i == 3 ? a->list[0].area == 80 * 64 : true);
        fleck_regions_free(&a);
        fleck_regions_free(&b);
    }
}

/* The picture of f.result with these settings. */
static fk_image picture(const fleck_picture_settings *s)
{
    char path[4200];
    fk_image im;

    snprintf(path, sizeof path, "%s/p.png", f.folder);
    if (s != NULL)
        assert_ok(fleck_result_save_picture_with(f.model, f.result, s, path, err));
    else
        assert_ok(fleck_result_save_picture(f.model, f.result, path, err));
    assert_ok(fk_image_load(&im, path, FK_IMAGE_RGB, err));
    return im;
}

/* Pixels of the image at column x of the picture that are no longer what they were. */
static int64_t changed(const fk_image *im, int64_t left)
{
    int64_t n = 0;

    for (int64_t y = 0; y < 64; y++)
        for (int64_t x = 0; x < 80; x++)
            n += memcmp(im->data + 3 * (y * im->width + left + x),
                        f.result->image + 3 * (y * 80 + x), 3) != 0;
    return n;
}

static void each_kind_of_picture_shows_what_it_says(void **state)
{
    fleck_picture_settings s = test_picture_defaults();
    fleck_region_settings regions = test_region_defaults();
    fk_image im, other;

    (void)state;
    s.regions = &regions;
    regions.threshold = fleck_model_describe(f.model)->pixel_threshold / 4;
    s.kind = FLECK_PICTURE_SIDE_BY_SIDE;
    im = picture(&s);
    assert_int_equal(im.width, 80 + 2 + 80);
    assert_int_equal(changed(&im, 0), 0);
    assert_true(changed(&im, 82) > 0);
    fk_image_free(&im);
    s.kind = FLECK_PICTURE_OUTLINE;
    im = picture(&s);
    assert_true(im.height > 64);
    assert_true(changed(&im, 0) > 0);
    fk_image_free(&im);
    regions.min_percent = 100; /* nothing is as large: no outline */
    im = picture(&s);
    assert_int_equal(changed(&im, 0), 0);
    fk_image_free(&im);
    s = test_picture_defaults();
    im = picture(&s);
    other = picture(NULL);
    assert_int_equal(im.height, other.height);
    assert_memory_equal(im.data, other.data, (size_t)(im.width * im.height * 3));
    fk_image_free(&im);
    fk_image_free(&other);
}

static void a_picture_for_a_page_is_no_longer_than_asked(void **state)
{
    const int64_t sizes[][3] = {{0, 80, 64}, {1000, 80, 64}, {80, 80, 64}, {40, 40, 32}, {1, 1, 1}};
    fleck_picture_settings s = test_picture_defaults();
    unsigned char *bytes;
    size_t size;
    fk_image im;

    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_ok(
            fleck_result_picture_jpeg(f.model, f.result, NULL, sizes[i][0], &bytes, &size, err));
        assert_ok(fk_image_decode(&im, bytes, size, "page", FK_IMAGE_RGB, err));
        assert_int_equal(im.width, sizes[i][1]);
        assert_int_equal(im.height, sizes[i][2]);
        fk_image_free(&im);
        fleck_free(bytes);
    }
    s.kind = FLECK_PICTURE_SIDE_BY_SIDE;
    assert_ok(fleck_result_picture_jpeg(f.model, f.result, &s, 0, &bytes, &size, err));
    assert_ok(fk_image_decode(&im, bytes, size, "page", FK_IMAGE_RGB, err));
    assert_int_equal(im.width, 80 + 2 + 80);
    assert_int_equal(im.height, 64);
    fk_image_free(&im);
    fleck_free(bytes);
}

static void copies_are_known_by_their_bytes_and_pages_by_their_head(void **state)
{
    char copy[4300], page[4300];

    (void)state;
    snprintf(copy, sizeof copy, "%s/copy.png", f.folder);
    snprintf(page, sizeof page, "%s/page.html", f.folder);
    assert_ok(fleck_output_replace(copy, FLECK_OUTPUT_COPY, f.image, false, err));
    assert_ok(fleck_file_copy(f.image, copy, err));
    assert_ok(fleck_output_replace(copy, FLECK_OUTPUT_COPY, f.image, false, err));
    assert_refused(fleck_output_replace(copy, FLECK_OUTPUT_COPY, NULL, false, err), FLECK_E_STATE,
                   "copy");
    assert_refused(fleck_output_replace(f.image, FLECK_OUTPUT_COPY, f.image, true, err),
                   FLECK_E_STATE, f.image);
    assert_ok(fleck_file_write(copy, "other", 5, err));
    assert_refused(fleck_output_replace(copy, FLECK_OUTPUT_COPY, f.image, false, err),
                   FLECK_E_STATE, "is not known as fleck's copy of");
    assert_refused(fleck_output_replace(copy, FLECK_OUTPUT_PAGE, NULL, false, err), FLECK_E_STATE,
                   "page");
    assert_ok(fleck_file_write(page, FLECK_PAGE_HEAD, sizeof FLECK_PAGE_HEAD - 1, err));
    assert_ok(fleck_output_replace(page, FLECK_OUTPUT_PAGE, NULL, false, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions_of_a_result_are_those_of_its_full_map),
        cmocka_unit_test(levels_at_the_peak_and_below_zero_find_what_the_full_map_has),
        cmocka_unit_test(each_kind_of_picture_shows_what_it_says),
        cmocka_unit_test(a_picture_for_a_page_is_no_longer_than_asked),
        cmocka_unit_test(copies_are_known_by_their_bytes_and_pages_by_their_head),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
