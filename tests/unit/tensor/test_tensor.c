/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors: shapes, and every value of the half-width floating formats. */
#include "fk_test.h"

#include <math.h>

#include "base/mem.h"
#include "tensor/tensor.h"

static uint32_t bits_of(float f)
{
    uint32_t u;

    memcpy(&u, &f, sizeof u);
    return u;
}

static float float_of(uint32_t u)
{
    float f;

    memcpy(&f, &u, sizeof f);
    return f;
}

static void dtype_names_and_sizes_match_safetensors(void **state)
{
    static const struct {
        fk_dtype dtype;
        const char *name;
        size_t size;
    } expected[] = {{FK_F32, "F32", 4},   {FK_F64, "F64", 8}, {FK_F16, "F16", 2},
                    {FK_BF16, "BF16", 2}, {FK_U8, "U8", 1},   {FK_I8, "I8", 1},
                    {FK_I32, "I32", 4},   {FK_I64, "I64", 8}, {FK_BOOL, "BOOL", 1}};

    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        fk_dtype parsed = FK_F32;

        assert_string_equal(fk_dtype_name(expected[i].dtype), expected[i].name);
        assert_int_equal(fk_dtype_size(expected[i].dtype), expected[i].size);
        assert_true(fk_dtype_parse(expected[i].name, &parsed));
        assert_int_equal(parsed, expected[i].dtype);
    }
}

static void other_words_are_no_dtype(void **state)
{
    static const char *const words[] = {"", "f32", "F3", "F321", "F8_E4M3", "U16", "int"};
    fk_dtype dtype = FK_I64;

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        assert_false(fk_dtype_parse(words[i], &dtype));
    assert_int_equal(dtype, FK_I64);
}

static void count_is_the_product_of_the_sizes(void **state)
{
    int64_t n = -1;

    (void)state;
    assert_true(fk_shape_count(0, NULL, &n));
    assert_int_equal(n, 1);
    assert_true(fk_shape_count(4, (int64_t[]){64, 3, 7, 7}, &n));
    assert_int_equal(n, 9408);
    assert_true(fk_shape_count(2, (int64_t[]){5, 0}, &n));
    assert_int_equal(n, 0);
    assert_true(fk_shape_count(2, (int64_t[]){INT64_C(1) << 31, INT64_C(1) << 31}, &n));
    assert_true(n == INT64_C(1) << 62);
}

static void a_shape_beyond_int64_or_below_zero_has_no_count(void **state)
{
    int64_t n = 7, huge = INT64_C(1) << 32;

    (void)state;
    assert_false(fk_shape_count(2, (int64_t[]){huge, huge}, &n));
    assert_false(fk_shape_count(3, (int64_t[]){0, huge, huge}, &n));
    assert_false(fk_shape_count(3, (int64_t[]){huge, huge, 0}, &n));
    assert_false(fk_shape_count(1, (int64_t[]){-1}, &n));
    assert_false(fk_shape_count(2, (int64_t[]){-2, -2}, &n));
    assert_int_equal(n, 7);
}

static void shape_text_is_a_list_in_brackets(void **state)
{
    char text[FK_SHAPE_TEXT], small[8];
    int64_t least = INT64_MIN;

    (void)state;
    assert_string_equal(fk_shape_text(text, sizeof text, 4, (int64_t[]){64, 3, 7, 7}),
                        "[64, 3, 7, 7]");
    assert_string_equal(fk_shape_text(text, sizeof text, 1, (int64_t[]){5}), "[5]");
    assert_string_equal(fk_shape_text(text, sizeof text, 0, NULL), "[]");
    fk_shape_text(text, sizeof text, 6, (int64_t[]){least, least, least, least, least, least});
    assert_int_equal(text[strlen(text) - 1], ']');
    assert_string_equal(fk_shape_text(small, sizeof small, 3, (int64_t[]){100, 200, 300}),
                        "[100, 2");
}

static void a_new_tensor_is_zeroed_owned_and_freed_twice(void **state)
{
    fk_tensor t;

    (void)state;
    assert_ok(fk_tensor_init(&t, FK_F32, 3, (int64_t[]){2, 3, 4}, err));
    assert_int_equal(fk_tensor_count(&t), 24);
    assert_true(t.owned);
    for (int i = 0; i < 24; i++)
        assert_true(((float *)t.data)[i] == 0.0f);
    fk_tensor_free(&t);
    assert_null(t.data);
    fk_tensor_free(&t);
}

static void a_tensor_of_no_dimension_has_one_element(void **state)
{
    fk_tensor t;

    (void)state;
    assert_ok(fk_tensor_init(&t, FK_I64, 0, NULL, err));
    assert_int_equal(fk_tensor_count(&t), 1);
    assert_int_equal(*(int64_t *)t.data, 0);
    fk_tensor_free(&t);
}

static void impossible_sizes_are_refused_and_leave_nothing(void **state)
{
    fk_tensor t = {.ndim = 3};
    int64_t huge = INT64_C(1) << 40;

    (void)state;
    assert_refused(fk_tensor_init(&t, FK_F32, 2, (int64_t[]){3, -1}, err), FLECK_E_SHAPE,
                   "[3, -1]");
    assert_refused(fk_tensor_init(&t, FK_F32, 2, (int64_t[]){huge, huge}, err), FLECK_E_SHAPE,
                   "[1099511627776, 1099511627776]");
    assert_refused(fk_tensor_init(&t, FK_F64, 1, (int64_t[]){INT64_MAX / 2}, err), FLECK_E_NOMEM,
                   "do not fit");
    assert_null(t.data);
    assert_int_equal(t.ndim, 0);
}

static void has_shape_compares_every_size_and_minus_one_is_any(void **state)
{
    fk_tensor t = {.ndim = 2, .shape = {3, 4}};

    (void)state;
    assert_true(fk_tensor_has_shape(&t, 2, (int64_t[]){3, 4}));
    assert_true(fk_tensor_has_shape(&t, 2, (int64_t[]){-1, 4}));
    assert_false(fk_tensor_has_shape(&t, 2, (int64_t[]){4, 3}));
    assert_false(fk_tensor_has_shape(&t, 1, (int64_t[]){12}));
    assert_false(fk_tensor_has_shape(&t, 3, (int64_t[]){3, 4, 1}));
}

/* The definition: (-1)^sign 2^(e-15) (1 + fraction/1024), subnormal fraction 2^-24. */
static double value_of_f16(uint16_t h)
{
    int exponent = (h >> 10) & 31, fraction = h & 1023;
    double size = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);

    return (h & 0x8000) != 0 ? -size : size;
}

static void every_f16_widens_to_its_defined_value(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        float f = fk_f32_from_f16((uint16_t)h);

        if ((h & 0x7c00) == 0x7c00 && (h & 0x3ff) != 0) {
            assert_true(isnan(f));
        } else if ((h & 0x7c00) == 0x7c00) {
            assert_true(isinf(f));
        } else {
            assert_true((double)f == value_of_f16((uint16_t)h));
        }
        assert_int_equal(bits_of(f) >> 31, h >> 15);
    }
}

static void every_bf16_survives_and_is_the_upper_half_of_f32(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        float f = fk_f32_from_bf16((uint16_t)h);
        bool nan = (h & 0x7f80) == 0x7f80 && (h & 0x7f) != 0;

        assert_int_equal(bits_of(f), h << 16);
        assert_int_equal(fk_bf16_from_f32(f), nan ? h | 0x40 : h);
    }
}

static void bf16_rounds_to_the_nearer_neighbour_and_ties_to_even(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x7f80; h++) { /* the last step is from the largest to infinity */
        uint32_t middle = h << 16 | 0x8000u, even = h + (h & 1);

        assert_int_equal(fk_bf16_from_f32(float_of(middle)), even);
        assert_int_equal(fk_bf16_from_f32(float_of(middle | 0x80000000u)), even | 0x8000);
        assert_int_equal(fk_bf16_from_f32(float_of(middle - 1)), h);
        assert_int_equal(fk_bf16_from_f32(float_of(middle + 1)), h + 1);
    }
    assert_int_equal(fk_bf16_from_f32(float_of(0x7f800001u)), 0x7fc0); /* NaN, not infinity */
    assert_int_equal(fk_bf16_from_f32(float_of(0xffffffffu)), 0xffff);
}

static void out_of_memory_leaves_an_empty_tensor(void **state)
{
    fk_tensor out;

    (void)state;
    fk_mem_fail_at(1);
    assert_refused(fk_tensor_init(&out, FK_F32, 0, NULL, err), FLECK_E_NOMEM, "memory");
    assert_null(out.data);
    fk_mem_fail_at(0);
    assert_null(out.data);
}

static void one_number_that_is_none_is_found_anywhere(void **state)
{
    static const fk_dtype dtypes[] = {FK_F32, FK_F64, FK_F16, FK_BF16, FK_I32, FK_U8};

    (void)state;
    for (size_t d = 0; d < sizeof dtypes / sizeof dtypes[0]; d++) {
        bool real = d < 4;
        size_t size = fk_dtype_size(dtypes[d]);
        fk_tensor t = {0};

        assert_ok(fk_tensor_init(&t, dtypes[d], 1, (int64_t[]){37}, err));
        assert_true(fk_tensor_finite(&t));
        for (size_t i = 0; i < 37; i++) {
            uint8_t *at = (uint8_t *)t.data + i * size;

            memset(at, 0xff, size); /* of a float: not a number */
            assert_true(fk_tensor_finite(&t) == !real);
            memset(at, 0, size);
        }
        fk_tensor_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dtype_names_and_sizes_match_safetensors),
        cmocka_unit_test(other_words_are_no_dtype),
        cmocka_unit_test(count_is_the_product_of_the_sizes),
        cmocka_unit_test(a_shape_beyond_int64_or_below_zero_has_no_count),
        cmocka_unit_test(shape_text_is_a_list_in_brackets),
        cmocka_unit_test(a_new_tensor_is_zeroed_owned_and_freed_twice),
        cmocka_unit_test(a_tensor_of_no_dimension_has_one_element),
        cmocka_unit_test(impossible_sizes_are_refused_and_leave_nothing),
        cmocka_unit_test(has_shape_compares_every_size_and_minus_one_is_any),
        cmocka_unit_test(every_f16_widens_to_its_defined_value),
        cmocka_unit_test(every_bf16_survives_and_is_the_upper_half_of_f32),
        cmocka_unit_test(bf16_rounds_to_the_nearer_neighbour_and_ties_to_even),
        cmocka_unit_test(out_of_memory_leaves_an_empty_tensor),
        cmocka_unit_test(one_number_that_is_none_is_found_anywhere),
    };

    return cmocka_run_group_tests_name("tensor", tests, NULL, NULL);
}
