/* SPDX-License-Identifier: Apache-2.0 */
/* Places that the images' own masks hide in nearly all of them. */
#include "fk_test.h"

#include "fit/shown.h"

#include <math.h>

enum { SIDE = 4 };

/* An image whose own mask hides columns from .. to - 1; none where they are equal. */
static void show(fk_shown *s, int width, int from, int to)
{
    fk_canvas c = {0};

    if (from < to) {
        assert_ok(fk_image_init(&c.own, width, SIDE, 1, err));
        for (int i = 0; i < width * SIDE; i++)
            c.own.data[i] = i % width >= from && i % width < to ? 255 : 0;
    }
    assert_ok(fk_shown_add(s, &c, err));
    fk_canvas_free(&c);
}

static void check(const fk_shown *s, const uint8_t *mask, double want)
{
    assert_true(fabs(fk_shown_unseen(s, mask) - want) < 1e-12);
}

static void a_place_needs_three_images_that_show_it(void **state)
{
    fk_shown s = {0};

    (void)state;
    check(&s, NULL, 0.0);
    for (int i = 0; i < 5; i++)
        show(&s, SIDE, 0, 2);
    show(&s, SIDE, 1, 2);
    show(&s, SIDE, 1, 2); /* column 0 is shown twice, column 1 never */
    check(&s, NULL, 0.5);
    show(&s, SIDE, 1, 2);
    check(&s, NULL, 0.25);
    show(&s, SIDE, 0, 0);
    show(&s, SIDE, 0, 0);
    check(&s, NULL, 0.25);
    show(&s, SIDE, 0, 0);
    check(&s, NULL, 0.0);
    fk_shown_free(&s);
}

static void of_two_images_both_must_show_it(void **state)
{
    fk_shown s = {0};

    (void)state;
    show(&s, SIDE, 0, 1);
    show(&s, SIDE, 0, 0);
    check(&s, NULL, 0.25);
    for (int i = 0; i < 300; i++) /* counts do not run over */
        show(&s, SIDE, 3, 4);
    check(&s, NULL, 0.25);
    fk_shown_free(&s);
}

static void what_the_mask_of_all_images_hides_does_not_count(void **state)
{
    uint8_t mask[SIDE * SIDE] = {0};
    fk_shown s = {0};

    (void)state;
    for (int y = 0; y < SIDE; y++)
        mask[y * SIDE] = 255;
    for (int i = 0; i < 4; i++)
        show(&s, SIDE, 0, 2);
    check(&s, mask, 0.25);
    fk_shown_free(&s);
}

static void of_canvases_of_several_sizes_nothing_is_said(void **state)
{
    fk_shown s = {0};

    (void)state;
    show(&s, SIDE, 0, 2);
    show(&s, SIDE + 1, 0, 2);
    show(&s, SIDE, 0, 2);
    check(&s, NULL, 0.0);
    fk_shown_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_needs_three_images_that_show_it),
        cmocka_unit_test(of_two_images_both_must_show_it),
        cmocka_unit_test(what_the_mask_of_all_images_hides_does_not_count),
        cmocka_unit_test(of_canvases_of_several_sizes_nothing_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
