/* SPDX-License-Identifier: Apache-2.0 */
/* Files that weights are imported to, for the tests of networks. */
#ifndef NET_IMPORTED_H
#define NET_IMPORTED_H

#include "fk_test.h"

#include "unit/weights/weight_files.h"
#include "weights/weights.h"

static inline const char *out_path(void)
{
    static char path[4300];

    snprintf(path, sizeof path, "%s/weights.safetensors", test_folder());
    return path;
}

/* Remove the file at out_path(), and its folder. */
static inline void drop(const char *path)
{
    char folder[4300];

    assert_int_equal(unlink(path), 0);
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    assert_int_equal(rmdir(folder), 0);
}

/* Import the published file, then what that wrote: the tensors have the same bits. */
static inline void check_imported_again(const fk_arch *a, const char *file)
{
    const char *path = out_path();
    char again[4310];
    fk_st_reader *x, *y;

    snprintf(again, sizeof again, "%s.again", path);
    assert_ok(fk_weights_import(a, weight_file(file), path, NULL, err));
    assert_ok(fk_weights_import(a, path, again, NULL, err));
    assert_ok(fk_st_open(&x, path, err));
    assert_ok(fk_st_open(&y, again, err));
    assert_int_equal(fk_st_count(x), fk_st_count(y));
    for (int64_t i = 0; i < fk_st_count(x); i++) {
        fk_tensor s, t;

        assert_ok(fk_st_get(x, fk_st_tensor_name(x, i), &s, err));
        assert_ok(fk_st_get(y, fk_st_tensor_name(x, i), &t, err));
        assert_memory_equal(s.data, t.data, (size_t)fk_tensor_count(&s) * sizeof(float));
    }
    fk_st_close(&x);
    fk_st_close(&y);
    assert_int_equal(unlink(again), 0);
    drop(path);
}

#endif
