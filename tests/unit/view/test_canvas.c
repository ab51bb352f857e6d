/* SPDX-License-Identifier: Apache-2.0 */
/* Flags of positions: what a mask of all images and an image's own leave out of learning and of
 * scores. */
#include "fk_test.h"

#include "view/canvas.h"

enum { SIDE = 8, GRID = 4 };

/* A grid of 4 x 4 positions over 8 x 8 pixels: position x stands at pixel 2 x + 0.5, and reaches
 * pixels 2 x - 1 to 2 x + 2. */
static const fk_embed_shape SHAPE = {.n_levels = 1, .levels = {{GRID, GRID, 1, NULL, NULL}}};

/* Mask columns from .. to - 1. */
static void mask(fk_image *out, int from, int to)
{
    if (out->data == NULL)
        assert_ok(fk_image_init(out, SIDE, SIDE, 1, err));
    for (int y = 0; y < SIDE; y++)
        for (int x = from; x < to; x++)
            out->data[y * SIDE + x] = 255;
}

static void check(const fk_canvas *c, bool to_learn, const char *want)
{
    fk_embedding e;

    assert_ok(fk_embedding_init(&e, &SHAPE, err));
    assert_ok(fk_canvas_flag(&e, c, 0, to_learn, err));
    for (int p = 0; p < GRID * GRID; p++)
        assert_int_equal(e.levels[0].valid[p], want[p % GRID] - '0');
    fk_embedding_free(&e);
}

static void without_masks_there_are_no_flags(void **state)
{
    fk_canvas c = {0};
    fk_embedding e;

    (void)state;
    assert_ok(fk_embedding_init(&e, &SHAPE, err));
    assert_ok(fk_canvas_flag(&e, &c, 0, true, err));
    assert_null(e.levels[0].valid);
    fk_embedding_free(&e);
}

static void a_mask_of_all_images_leaves_out_what_reaches_no_free_pixel(void **state)
{
    fk_canvas c = {0};

    (void)state;
    assert_ok(fk_image_init(&c.left_out, SIDE, SIDE, 1, err));
    mask(&c.left_out, 0, 4);
    check(&c, true, "0111");
    check(&c, false, "0111");
    fk_canvas_free(&c);
}

/* Beside its own mask an image counts, but is not learned; what all images leave out stays left
 * out. */
static void beside_its_own_mask_an_image_is_only_scored(void **state)
{
    fk_canvas c = {0};

    (void)state;
    assert_ok(fk_image_init(&c.left_out, SIDE, SIDE, 1, err));
    assert_ok(fk_image_init(&c.own, SIDE, SIDE, 1, err));
    mask(&c.left_out, 0, 4);
    mask(&c.own, 0, 4);
    check(&c, true, "0001");
    check(&c, false, "0221");
    mask(&c.left_out, 7, SIDE);
    check(&c, true, "0001"); /* a free pixel is still reached from the last position */
    fk_canvas_free(&c);
}

/* A part in columns 1 and 2 of the grid, which shows on the axis; its neighbours are kept too. */
static void background_is_left_out_of_its_photo(void **state)
{
    float axis[1] = {1.0f};
    const fk_foreground g = {.dim = 1, .axis = axis, .threshold = 0.5, .share = 0.5, .least = 0.5};
    fk_canvas c = {.tiles = {SIDE, SIDE, 0, 1, 1}};
    fk_embedding e;

    (void)state;
    assert_ok(fk_image_init(&c.pixels, SIDE, SIDE, 3, err));
    assert_ok(fk_embedding_init(&e, &SHAPE, err));
    for (int p = 0; p < GRID * GRID; p++)
        e.levels[0].data[p] = p % GRID == 0 && p / GRID < 2 ? 1.0f : 0.0f;
    assert_ok(fk_canvas_find_background(&c, &g, &e, err)); /* too little of a part: all counts */
    assert_true(c.above == 0.125);
    assert_null(c.background.data);
    assert_null(c.left_out.data);
    for (int p = 0; p < GRID * GRID; p++)
        e.levels[0].data[p] = p % GRID == 0 ? 1.0f : 0.0f;
    assert_ok(fk_image_init(&c.left_out, SIDE, SIDE, 1, err));
    mask(&c.left_out, 7, SIDE);
    assert_ok(fk_canvas_find_background(&c, &g, &e, err));
    for (int x = 0; x < SIDE; x++) {
        assert_int_equal(c.background.data[x], x >= 4 && x < 7 ? 255 : 0);
        assert_int_equal(c.left_out.data[x], x >= 4 ? 255 : 0);
    }
    check(&c, true, "1110");
    check(&c, false, "1110");
    fk_embedding_free(&e);
    fk_canvas_free(&c);
}

/* Copies beside the first have the flags of the rotated mask; what came from outside, and its
 * neighbours, are not learned. */
static void rotated_copies_are_pieces(void **state)
{
    fk_canvas c = {.tiles = {SIDE, SIDE, 0, 1, 1}, .turns = 4};
    uint8_t room[SIDE * SIDE * 3];
    fk_embedding e;

    (void)state;
    assert_ok(fk_image_init(&c.pixels, SIDE, SIDE, 3, err));
    assert_ok(fk_embedding_init(&e, &SHAPE, err));
    assert_int_equal(fk_canvas_pieces(&c), 4);
    c.pixels.data[0] = 9;
    assert_ptr_equal(fk_canvas_piece(&c, 0, room), c.pixels.data);
    assert_ptr_equal(fk_canvas_piece(&c, 2, room), room);
    assert_int_equal(room[(SIDE * SIDE - 1) * 3], 9);
    assert_ok(fk_canvas_flag(&e, &c, 2, true, err)); /* half a turn comes from nowhere outside */
    for (int p = 0; p < GRID * GRID; p++)
        assert_int_equal(e.levels[0].valid[p], 1);
    assert_ok(fk_image_init(&c.left_out, SIDE, SIDE, 1, err));
    mask(&c.left_out, 0, 4);
    assert_ok(fk_canvas_flag(&e, &c, 2, true, err));
    for (int p = 0; p < GRID * GRID; p++) /* half a turn of "0111" */
        assert_int_equal(e.levels[0].valid[p], p % GRID < 3);
    c.turns = 8;
    assert_ok(fk_canvas_flag(&e, &c, 1, true, err));
    for (int k = 0; k < 4; k++) /* corners */
        assert_int_equal(e.levels[0].valid[k / 2 * (GRID - 1) * GRID + k % 2 * (GRID - 1)], 0);
    fk_embedding_free(&e);
    fk_canvas_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(background_is_left_out_of_its_photo),
        cmocka_unit_test(rotated_copies_are_pieces),
        cmocka_unit_test(without_masks_there_are_no_flags),
        cmocka_unit_test(a_mask_of_all_images_leaves_out_what_reaches_no_free_pixel),
        cmocka_unit_test(beside_its_own_mask_an_image_is_only_scored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
