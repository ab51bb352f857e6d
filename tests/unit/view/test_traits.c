/* SPDX-License-Identifier: Apache-2.0 */
/* Traits of photos: brightness, contrast, sharpness and cells of small pictures, with and without
 * masks; and what is said of photos that are unlike the learned ones. */
#include "fk_test.h"

#include "view/traits.h"
#include "run/unlike.h"

#include <math.h>

enum { SIDE = 32 };

#define assert_near(a, b) assert_true(fabs((a) - (b)) < 1e-9)

/* Grey, columns of 0 and 2 v in turns, each `wide` pixels wide. */
static void stripes(fk_image *out, int wide, int v)
{
    assert_ok(fk_image_init(out, SIDE, SIDE, 3, err));
    for (int i = 0; i < SIDE * SIDE * 3; i++)
        out->data[i] = (uint8_t)(i / 3 % SIDE / wide % 2 * 2 * v);
}

static void stripes_have_their_mean_deviation_and_edges(void **state)
{
    const fk_image none = {0};
    fk_image im;
    fk_traits fine, coarse;

    (void)state;
    stripes(&im, 1, 50);
    assert_ok(fk_traits_find(&fine, &im, &none, 7, 9, err));
    assert_int_equal(fine.width, 7);
    assert_int_equal(fine.height, 9);
    assert_near(fine.numbers[FK_TRAIT_BRIGHTNESS], 50.0);
    assert_near(fine.numbers[FK_TRAIT_CONTRAST], log(51.0));
    /* The Laplacian is 200 and -200 in turns: 4 x 100 less 2 x 100 of its own column. */
    assert_near(fine.numbers[FK_TRAIT_SHARPNESS], log(40001.0) - log(2501.0));
    for (int i = 0; i < FK_CELLS_BYTES; i++)
        assert_int_equal(fine.cells[i], 50);
    fk_image_free(&im);
    stripes(&im, 4, 50);
    assert_ok(fk_traits_find(&coarse, &im, &none, 7, 9, err));
    assert_near(coarse.numbers[FK_TRAIT_CONTRAST], log(51.0));
    assert_true(coarse.numbers[FK_TRAIT_SHARPNESS] < fine.numbers[FK_TRAIT_SHARPNESS] - 1.0);
    fk_image_free(&im);
}

static void what_is_left_out_changes_no_number(void **state)
{
    fk_image im, mask;
    fk_traits a, b;

    (void)state;
    stripes(&im, 2, 40);
    assert_ok(fk_image_init(&mask, SIDE, SIDE, 1, err));
    for (int i = 8 * SIDE; i < 16 * SIDE; i++)
        mask.data[i] = 255;
    assert_ok(fk_traits_find(&a, &im, &mask, 1, 1, err));
    memset(im.data + 8 * SIDE * 3, 200, 8 * SIDE * 3);
    assert_ok(fk_traits_find(&b, &im, &mask, 1, 1, err));
    assert_memory_equal(a.numbers, b.numbers, sizeof a.numbers);
    memset(mask.data, 255, SIDE * SIDE);
    assert_ok(fk_traits_find(&a, &im, &mask, 1, 1, err));
    assert_true(isnan(a.numbers[FK_TRAIT_BRIGHTNESS]));
    fk_image_free(&im);
    fk_image_free(&mask);
}

/* ---- What is said ---- */

typedef struct said {
    int n;
    char last[512];
} said;

static void hear(void *ctx, const char *message)
{
    said *s = ctx;

    s->n++;
    snprintf(s->last, sizeof s->last, "%s", message);
}

static void a_kind_is_said_once_with_its_count_and_first_file(void **state)
{
    char one[] = "a.png", two[] = "b.png";
    fleck_result r = {.path = one};
    fk_model m = {0};
    fk_unlike u = {0};
    said s = {0};

    (void)state;
    fk_unlike_add(&u, &m, &r, true);
    fk_unlike_tell(&u, (fk_warn){hear, &s});
    assert_int_equal(s.n, 0);
    fk_unlike_add(&u, &m, &r, true);
    r = (fleck_result){.path = two, .unlike = FLECK_UNLIKE_SHAPE};
    fk_unlike_add(&u, &m, &r, true);
    r.path = one;
    fk_unlike_add(&u, &m, &r, true);
    fk_unlike_tell(&u, (fk_warn){hear, &s});
    assert_int_equal(s.n, 1);
    assert_non_null(strstr(s.last, "2 of 3 photos are of another shape"));
    assert_non_null(strstr(s.last, "b.png"));
    fk_unlike_add(&u, &m, &r, true);
    fk_unlike_tell(&u, (fk_warn){hear, &s});
    assert_int_equal(s.n, 1);
}

/* A model whose 20 held-out scores are 1 to 20; n photos score 100, others 0.5. */
static int told(int n, int others, bool good)
{
    double alone[20];
    fk_model m = {.kind = {.images = 20},
                  .calibration = {.images = 20, .alone = alone, .threshold = 20.0}};
    fk_unlike u = {0};
    said s = {0};

    for (int i = 0; i < 20; i++)
        alone[i] = i + 1;
    for (int i = 0; i < n + others; i++) {
        fleck_result r = {.score = i < n ? 100.0 : 0.5};

        fk_unlike_add(&u, &m, &r, good);
        if (i == 3)
            fk_unlike_tell(&u, (fk_warn){hear, &s}); /* too few to judge: they wait for more */
    }
    fk_unlike_tell(&u, (fk_warn){hear, &s});
    return s.n;
}

static void
photos_that_nearly_all_score_high_are_said_but_few_or_known_defects_are_not(void **state)
{
    (void)state;
    assert_int_equal(told(8, 0, true), 1);
    assert_int_equal(told(7, 0, true), 0);
    assert_int_equal(told(9, 1, true), 1);
    assert_int_equal(told(8, 1, true), 0);
    assert_int_equal(told(20, 0, false), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stripes_have_their_mean_deviation_and_edges),
        cmocka_unit_test(what_is_left_out_changes_no_number),
        cmocka_unit_test(a_kind_is_said_once_with_its_count_and_first_file),
        cmocka_unit_test(
            photos_that_nearly_all_score_high_are_said_but_few_or_known_defects_are_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
