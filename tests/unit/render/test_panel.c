/* SPDX-License-Identifier: Apache-2.0 */
/* Panels: sizes, places, captions, and the bytes of one whole panel. */
#include "fk_test.h"

#include "base/mem.h"
#include "render/render.h"

static fk_image filled(int64_t width, int64_t height, int channels, uint8_t value)
{
    fk_image im;

    assert_ok(fk_image_init(&im, width, height, channels, err));
    memset(im.data, value, (size_t)(width * height * channels));
    return im;
}

static uint8_t red(const fk_image *im, int64_t x, int64_t y)
{
    return im->data[3 * (y * im->width + x)];
}

/* FNV-1a, 64 bit. */
static uint64_t checksum(const fk_image *im)
{
    uint64_t h = UINT64_C(14695981039346656037);

    for (int64_t i = 0; i < im->width * im->height * im->channels; i++)
        h = (h ^ im->data[i]) * UINT64_C(1099511628211);
    return h;
}

static void size_is_tiles_and_margins_and_one_line_of_text(void **state)
{
    fk_image im = filled(50, 50, 3, 9), panel;
    const fk_image *pictures[3] = {&im, &im, &im};
    const char *captions[3] = {"a", "b", "c"};

    (void)state;
    assert_ok(fk_render_panel(&panel, pictures, captions, 3, 100, err));
    assert_int_equal(panel.width, 6 + 3 * (100 + 6));
    assert_int_equal(panel.height, 6 + 100 + 3 + 10 + 3);
    fk_image_free(&panel);
    /* Margins are a twentieth of the tile, letters grow by one size every 112 pixels. */
    assert_ok(fk_render_panel(&panel, pictures, captions, 3, 224, err));
    assert_int_equal(panel.width, 11 + 3 * (224 + 11));
    assert_int_equal(panel.height, 11 + 224 + 5 + 20 + 5);
    fk_image_free(&panel);
    assert_ok(fk_render_panel(&panel, pictures, NULL, 2, 100, err));
    assert_int_equal(panel.width, 6 + 2 * 106);
    assert_int_equal(panel.height, 6 + 100 + 6);
    fk_image_free(&panel);
    fk_image_free(&im);
}

static void pictures_keep_their_aspect_in_the_middle_of_their_tiles(void **state)
{
    fk_image wide = filled(80, 40, 3, 10), tall = filled(20, 40, 1, 90), panel;
    const fk_image *pictures[2] = {&wide, &tall};

    (void)state;
    assert_ok(fk_render_panel(&panel, pictures, NULL, 2, 100, err));
    assert_int_equal(panel.height, 6 + 100 + 6); /* the tall one fills its tile */
    /* 80 x 40 becomes 100 x 50 in rows 31 to 80, between hairlines. */
    assert_int_equal(red(&panel, 6, 31), 10);
    assert_int_equal(red(&panel, 105, 80), 10);
    assert_int_equal(red(&panel, 6, 30), 208);
    assert_int_equal(red(&panel, 106, 80), 208);
    assert_int_equal(red(&panel, 6, 29), 255);
    /* 20 x 40 becomes 50 x 100 in columns 137 to 186. */
    assert_int_equal(red(&panel, 137, 6), 90);
    assert_int_equal(red(&panel, 186, 105), 90);
    assert_int_equal(red(&panel, 136, 6), 208);
    assert_int_equal(red(&panel, 187, 105), 208);
    assert_int_equal(red(&panel, 0, 0), 255);
    fk_image_free(&panel);
    pictures[1] = &wide; /* only wide ones: no empty space above and below */
    assert_ok(fk_render_panel(&panel, pictures, NULL, 2, 100, err));
    assert_int_equal(panel.height, 6 + 50 + 6);
    fk_image_free(&panel);
    fk_image_free(&wide);
    fk_image_free(&tall);
}

/* First and last column with ink below the tile that begins at x0. */
static void ink_extent(const fk_image *panel, int64_t x0, int64_t tile, int64_t from_row,
                       int64_t *first, int64_t *last)
{
    *first = *last = -1;
    for (int64_t x = x0; x < x0 + tile; x++) {
        for (int64_t y = from_row; y < panel->height; y++) {
            if (red(panel, x, y) < 128) {
                *first = *first < 0 ? x : *first;
                *last = x;
            }
        }
    }
}

static void captions_are_centred_under_their_pictures(void **state)
{
    fk_image im = filled(30, 30, 3, 200), panel;
    const fk_image *pictures[2] = {&im, &im};
    const char *captions[2] = {"HH", NULL};
    int64_t first, last;

    (void)state;
    assert_ok(fk_render_panel(&panel, pictures, captions, 2, 101, err));
    ink_extent(&panel, 6, 101, 6 + 101 + 1, &first, &last);
    assert_int_equal(last - first + 1, 11);          /* two letters of 5 and the gap */
    assert_int_equal(first - 6, 6 + 101 - 1 - last); /* as much on the left as on the right */
    ink_extent(&panel, 6 + 107, 101, 6 + 101 + 1, &first, &last);
    assert_int_equal(first, -1);
    fk_image_free(&panel);
    fk_image_free(&im);
}

static void a_long_caption_makes_all_smaller_and_is_cut_when_that_is_not_enough(void **state)
{
    fk_image im = filled(30, 30, 3, 200), panel, expected;
    const fk_image *pictures[1] = {&im};
    const char *twenty[1] = {"twenty letters here."};
    const char *endless[1] = {"a caption far too long for this tile"};
    const char *cut[1] = {"a caption far to.."};
    char huge[1000];
    const char *monster[1] = {huge};

    (void)state;
    memset(huge, 'x', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    /* 20 letters of size 2 need 240 pixels and get size 1. */
    assert_ok(fk_render_panel(&panel, pictures, twenty, 1, 230, err));
    assert_int_equal(panel.height, 11 + 230 + 5 + 10 + 5);
    fk_image_free(&panel);
    assert_ok(fk_render_panel(&panel, pictures, endless, 1, 110, err));
    assert_ok(fk_render_panel(&expected, pictures, cut, 1, 110, err));
    assert_int_equal(panel.height, expected.height);
    assert_memory_equal(panel.data, expected.data, (size_t)(panel.width * panel.height * 3));
    fk_image_free(&panel);
    fk_image_free(&expected);
    assert_ok(fk_render_panel(&panel, pictures, monster, 1, 2000, err));
    fk_image_free(&panel);
    assert_ok(fk_render_panel(&panel, pictures, monster, 1, 8, err));
    fk_image_free(&panel);
    fk_image_free(&im);
}

static void pictures_of_one_pixel_and_extreme_aspect_are_drawn(void **state)
{
    fk_image dot = filled(1, 1, 1, 0), thread = filled(3000, 1, 3, 0), panel;
    const fk_image *pictures[2] = {&dot, &thread};

    (void)state;
    assert_ok(fk_render_panel(&panel, pictures, NULL, 2, 8, err));
    assert_int_equal(red(&panel, 6, 6), 0);
    assert_int_equal(panel.width, 6 + 2 * 14);
    fk_image_free(&panel);
    fk_image_free(&dot);
    fk_image_free(&thread);
}

static void no_pictures_and_absurd_tiles_are_refused(void **state)
{
    fk_image im = filled(4, 4, 3, 0), panel = {.width = 7};
    const fk_image *pictures[2] = {&im, &im};

    (void)state;
    assert_refused(fk_render_panel(&panel, pictures, NULL, 0, 100, err), FLECK_E_OPTION,
                   "at least one picture");
    assert_null(panel.data);
    assert_int_equal(panel.width, 0);
    assert_refused(fk_render_panel(&panel, pictures, NULL, 1, 7, err), FLECK_E_OPTION,
                   "tiles of 7");
    assert_refused(fk_render_panel(&panel, pictures, NULL, 2, 60000, err), FLECK_E_LIMIT, "limit");
    assert_null(panel.data);
    fk_image_free(&im);
}

static void running_out_of_memory_leaves_the_output_empty(void **state)
{
    fk_image im = filled(40, 30, 3, 0), panel = {0};
    const fk_image *pictures[2] = {&im, &im};
    int64_t n = 1;

    (void)state;
    for (;; n++) {
        fleck_status st;

        fk_mem_fail_at(n);
        st = fk_render_panel(&panel, pictures, NULL, 2, 50, NULL);
        fk_mem_fail_at(0);
        if (st == FLECK_OK)
            break;
        assert_int_equal(st, FLECK_E_NOMEM);
        assert_null(panel.data);
    }
    assert_true(n > 3); /* the panel and each resized picture */
    fk_image_free(&panel);
    fk_image_free(&im);
}

/* A four-way panel of a drawn scene, byte for byte: colour map, overlay, outline, font, layout and
 * resize (which equals Pillow's) together.  A change here must be meant. */
static void one_whole_panel_has_these_bytes(void **state)
{
    enum { W = 64, H = 48 };
    fk_image im = filled(W, H, 3, 0), mask = filled(W, H, 1, 0), heat = filled(W, H, 3, 0);
    fk_image over, panel;
    const fk_image *pictures[4] = {&im, &mask, &heat, &over};
    const char *captions[4] = {"image", "ground truth", "heat map", "PaDiM 0.97"};
    float map[W * H];

    (void)state;
    for (int y = 0; y < H; y++) {
        for (int x = 0; x < W; x++) {
            int i = y * W + x, d = (x - 40) * (x - 40) + 2 * (y - 20) * (y - 20);

            im.data[3 * i] = (uint8_t)(3 * x);
            im.data[3 * i + 1] = (uint8_t)(4 * y);
            im.data[3 * i + 2] = (uint8_t)(255 - x - y);
            mask.data[i] = d < 100 ? 255 : 0;
            map[i] = d < 256 ? (float)(256 - d) / 256 : 0;
            fk_colour(heat.data + (ptrdiff_t)3 * i, (double)map[i]);
        }
    }
    assert_ok(fk_render_overlay(&over, &im, map, (fk_scale){0, 1}, 0.5, err));
    assert_ok(fk_render_panel(&panel, pictures, captions, 4, 112, err));
    assert_int_equal(checksum(&heat), UINT64_C(0x2c00eae42bbf80b2));
    assert_int_equal(checksum(&over), UINT64_C(0x84efda2c9a771bf0));
    assert_int_equal(checksum(&panel), UINT64_C(0x64ce2e6e165d4c22));
    fk_image_free(&panel);
    fk_image_free(&over);
    fk_image_free(&heat);
    fk_image_free(&mask);
    fk_image_free(&im);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(size_is_tiles_and_margins_and_one_line_of_text),
        cmocka_unit_test(pictures_keep_their_aspect_in_the_middle_of_their_tiles),
        cmocka_unit_test(captions_are_centred_under_their_pictures),
        cmocka_unit_test(a_long_caption_makes_all_smaller_and_is_cut_when_that_is_not_enough),
        cmocka_unit_test(pictures_of_one_pixel_and_extreme_aspect_are_drawn),
        cmocka_unit_test(no_pictures_and_absurd_tiles_are_refused),
        cmocka_unit_test(running_out_of_memory_leaves_the_output_empty),
        cmocka_unit_test(one_whole_panel_has_these_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
