/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the safetensors reader: what it accepts lies inside the bytes and is found by name. */
#include "fuzz.h"

#include "tensor/safetensors.h"

#include <string.h>

static void check_tensor(const fk_st_reader *r, int64_t i)
{
    const char *name = fk_st_tensor_name(r, i);
    fk_tensor t;

    fuzz_check(fk_st_has(r, name));
    fuzz_check(fk_st_get(r, name, &t, NULL) == FLECK_OK);
    fuzz_check(t.data != NULL && (uintptr_t)t.data % fk_dtype_size(t.dtype) == 0);
    fuzz_touch(t.data, (size_t)fk_tensor_count(&t) * fk_dtype_size(t.dtype));
    fuzz_check(fk_st_get_checked(r, name, t.dtype, t.ndim, t.shape, &t, NULL) == FLECK_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* The reader must not count on an aligned start: the size chooses one. */
    size_t shift = size % 8;
    uint8_t *bytes = malloc(size + shift);
    fk_st_reader *r = NULL;
    fleck_error error = {0};

    if (bytes == NULL)
        return 0;
    if (size > 0)
        memcpy(bytes + shift, data, size);
    if (fk_st_open_bytes(&r, bytes + shift, size, "input", &error) == FLECK_OK) {
        for (int64_t i = 0; i < fk_st_count(r); i++)
            check_tensor(r, i);
        (void)fk_st_metadata(r, "format");
    } else {
        fuzz_check(r == NULL && error.message[0] != '\0');
    }
    fk_st_close(&r);
    free(bytes);
    return 0;
}
