/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds: what range and looks are learned from good photos, and which others are unlike them. */
#include "fk_test.h"

#include "model/kind.h"

#include <math.h>

enum { MOST = 200 };

static fk_traits traits[MOST];
static const fk_traits *list[MOST];

/* Photo i of n: light, contrast and sharpness vary a little, and so do its cells. */
static fk_traits make(int i, int brightness, int shift)
{
    fk_traits t = {.width = 640, .height = 480};

    t.numbers[FK_TRAIT_BRIGHTNESS] = brightness;
    t.numbers[FK_TRAIT_CONTRAST] = 3.0;
    t.numbers[FK_TRAIT_SHARPNESS] = -2.0;
    for (int k = 0; k < FK_CELLS_BYTES; k++) {
        int x = k / 3 % FK_CELLS;

        t.cells[k] = (uint8_t)(brightness / 2 + (x >= 4 + shift && x < 10 + shift ? 60 : 0) +
                               (i * 31 + k * 7) % 5);
    }
    return t;
}

static void learn(fk_kind *k, int n)
{
    for (int i = 0; i < n; i++) {
        traits[i] = make(i, 100 + i % 2, 0);
        list[i] = &traits[i];
    }
    assert_ok(fk_kind_learn(k, list, n, err));
}

static unsigned compare(const fk_kind *k, fk_traits t)
{
    return fk_kind_compare(k, &t);
}

static void what_was_learned_and_what_is_near_is_alike(void **state)
{
    fk_kind k;

    (void)state;
    learn(&k, 20);
    for (int i = 0; i < 20; i++)
        assert_int_equal(fk_kind_compare(&k, &traits[i]), 0);
    assert_int_equal(compare(&k, make(77, 103, 0)), 0);
    fk_kind_free(&k);
}

static void each_trait_has_its_own_bit(void **state)
{
    fk_kind k;
    fk_traits t = make(3, 100, 0);

    (void)state;
    learn(&k, 20);
    assert_int_equal(compare(&k, make(3, 110, 0)), FLECK_UNLIKE_LIGHT);
    assert_int_equal(compare(&k, make(3, 90, 0)), FLECK_UNLIKE_LIGHT);
    assert_int_equal(compare(&k, make(3, 100, 3)), FLECK_UNLIKE_PART);
    t.numbers[FK_TRAIT_CONTRAST] += 0.2;
    assert_int_equal(compare(&k, t), FLECK_UNLIKE_LIGHT);
    t = make(3, 100, 0);
    t.numbers[FK_TRAIT_SHARPNESS] -= 0.2;
    assert_int_equal(compare(&k, t), FLECK_UNLIKE_SHARPNESS);
    t.width = 600;
    assert_int_equal(compare(&k, t), FLECK_UNLIKE_SHAPE); /* which explains the rest */
    t.width = 625;                                        /* 2.3 % */
    assert_int_equal(compare(&k, t), FLECK_UNLIKE_SHARPNESS);
    fk_kind_free(&k);
}

static void sizes_and_shapes_are_what_the_photos_span(void **state)
{
    fk_kind k;
    fk_traits a = make(0, 100, 0), b = make(1, 100, 0);
    const fk_traits *two[] = {&a, &b};

    (void)state;
    b.width = 320;
    b.height = 480;
    assert_ok(fk_kind_learn(&k, two, 2, err));
    assert_int_equal(k.width[0], 320);
    assert_int_equal(k.width[1], 640);
    assert_int_equal(k.height[0], 480);
    a.width = 480;
    assert_int_equal(compare(&k, a), 0);
    a.width = 700;
    assert_int_equal(compare(&k, a), FLECK_UNLIKE_SHAPE);
    fk_kind_free(&k);
}

static void few_photos_have_a_shape_only(void **state)
{
    fk_kind k;

    (void)state;
    learn(&k, 4);
    assert_int_equal(compare(&k, make(3, 10, 3)), 0);
    fk_kind_free(&k);
    learn(&k, 7);
    assert_int_equal(compare(&k, make(3, 10, 3)), FLECK_UNLIKE_LIGHT);
    assert_int_equal(k.n_looks, 0);
    fk_kind_free(&k);
}

static void no_more_looks_are_kept_than_there_are_pictures_or_room(void **state)
{
    fk_kind k;

    (void)state;
    learn(&k, MOST);
    assert_true(k.n_looks > 1 && k.n_looks <= FK_LOOKS);
    fk_kind_free(&k);
    for (int i = 0; i < 20; i++)
        traits[i] = make(0, 100, 0);
    assert_ok(fk_kind_learn(&k, list, 20, err));
    assert_int_equal(k.n_looks, 1); /* the others are copies */
    assert_int_equal(compare(&k, traits[0]), 0);
    fk_kind_free(&k);
}

static void nothing_known_is_nothing_said(void **state)
{
    fk_kind k = {0};

    (void)state;
    assert_int_equal(compare(&k, make(0, 1, 5)), 0);
}

static void numbers_of_a_wholly_masked_photo_do_not_count(void **state)
{
    fk_kind k;
    fk_traits t = make(0, 100, 0);

    (void)state;
    learn(&k, 20);
    fk_kind_free(&k);
    traits[5].numbers[FK_TRAIT_BRIGHTNESS] = NAN;
    assert_ok(fk_kind_learn(&k, list, 20, err));
    assert_true(k.numbers[FK_TRAIT_BRIGHTNESS][0] > 90.0);
    t.numbers[FK_TRAIT_BRIGHTNESS] = NAN;
    assert_int_equal(compare(&k, t), 0);
    fk_kind_free(&k);
}

static void a_kind_that_was_saved_compares_alike(void **state)
{
    fk_kind k, loaded;
    fk_json *object = fk_json_object();
    fk_st_writer *w = NULL;
    fk_st_reader *r = NULL;
    char path[8192];

    (void)state;
    snprintf(path, sizeof path, "%s/kind.safetensors", test_folder());
    learn(&k, 30);
    assert_ok(fk_st_writer_open(&w, err));
    assert_ok(fk_kind_save(&k, w, object, err));
    assert_ok(fk_st_writer_commit(&w, path, err));
    assert_ok(fk_st_open(&r, path, err));
    assert_ok(fk_kind_load(&loaded, r, object, err));
    assert_int_equal(loaded.n_looks, k.n_looks);
    assert_memory_equal(loaded.numbers, k.numbers, sizeof k.numbers);
    assert_memory_equal(loaded.width, k.width, sizeof k.width);
    for (int shift = 0; shift < 4; shift++)
        for (int light = 80; light < 120; light += 3) {
            fk_traits t = make(shift, light, shift);

            assert_true(fk_kind_distance(&loaded, &t) == fk_kind_distance(&k, &t));
            assert_int_equal(fk_kind_compare(&loaded, &t), fk_kind_compare(&k, &t));
        }
    fk_kind_free(&loaded);
    fk_kind_free(&k);
    fk_st_close(&r);
    fk_json_free(&object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_learned_and_what_is_near_is_alike),
        cmocka_unit_test(each_trait_has_its_own_bit),
        cmocka_unit_test(sizes_and_shapes_are_what_the_photos_span),
        cmocka_unit_test(few_photos_have_a_shape_only),
        cmocka_unit_test(no_more_looks_are_kept_than_there_are_pictures_or_room),
        cmocka_unit_test(nothing_known_is_nothing_said),
        cmocka_unit_test(numbers_of_a_wholly_masked_photo_do_not_count),
        cmocka_unit_test(a_kind_that_was_saved_compares_alike),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
