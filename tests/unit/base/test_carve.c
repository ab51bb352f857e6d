/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays laid out in one block. */
#include "fk_test.h"

#include "base/carve.h"

typedef struct layout {
    char *text;
    double *numbers, *none;
    int64_t *last;
} layout;

static size_t lay_out(layout *l, char *block)
{
    fk_carver c = {.base = block};

    FK_CARVE(&c, l->text, 3);
    FK_CARVE(&c, l->numbers, 9);
    FK_CARVE(&c, l->none, 0);
    FK_CARVE(&c, l->last, 8);
    return c.used;
}

static void arrays_lie_one_behind_the_other_on_lines_of_the_cache(void **state)
{
    _Alignas(64) char block[64 + 128 + 64];
    layout l;

    (void)state;
    assert_int_equal(lay_out(&l, block), sizeof block);
    assert_ptr_equal(l.text, block);
    assert_ptr_equal(l.numbers, block + 64);
    assert_ptr_equal(l.none, block + 192);
    assert_ptr_equal(l.last, block + 192);
}

static void without_a_block_the_size_is_the_same(void **state)
{
    layout l;

    (void)state;
    assert_int_equal(lay_out(&l, NULL), 256);
    assert_null(l.text);
    assert_null(l.last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_lie_one_behind_the_other_on_lines_of_the_cache),
        cmocka_unit_test(without_a_block_the_size_is_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
