/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of weight files share: paths, and the numbers that tests/golden/weights_files.py
 * puts into its files. */
#ifndef WEIGHT_FILES_H
#define WEIGHT_FILES_H

#include "fk_test.h"

#include "tensor/tensor.h"

static inline const char *weight_file(const char *name)
{
    char part[256];

    snprintf(part, sizeof part, "tests/unit/net/files/%s", name);
    return test_path("FLECK_TEST_SOURCE", part);
}

/* Element i of the tensor name; rule is the name the script filled it by. */
static inline double filled(const char *rule, int64_t i)
{
    const char *variance = strstr(rule, "running_var");
    double v = (double)((37 * i + 11 * (int64_t)strlen(rule)) % 64 - 32) / 16;

    return variance != NULL ? v + 2.5 : v;
}

/* Element i of a floating tensor. */
static inline double element(const fk_tensor *t, int64_t i)
{
    switch (t->dtype) {
    case FK_F32:
        return ((const float *)t->data)[i];
    case FK_F64:
        return ((const double *)t->data)[i];
    case FK_F16:
        return fk_f32_from_f16(((const uint16_t *)t->data)[i]);
    case FK_BF16:
        return fk_f32_from_bf16(((const uint16_t *)t->data)[i]);
    default:
        fail_msg("not a floating tensor");
        return 0;
    }
}

/* The tensor has this shape, and in each place what rule says, exactly. */
static inline void assert_filled(const fk_tensor *t, const char *rule, int ndim,
                                 const int64_t *shape)
{
    assert_non_null(t);
    assert_true(fk_tensor_has_shape(t, ndim, shape));
    for (int64_t i = 0; i < fk_tensor_count(t); i++)
        if (element(t, i) != filled(rule, i))
            fail_msg("%s: element %d is %g, expected %g", rule, (int)i, element(t, i),
                     filled(rule, i));
}

#endif
