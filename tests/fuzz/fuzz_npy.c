/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the .npy reader: an accepted file is a whole tensor, a refused one leaves nothing. */
#include "fuzz.h"

#include "map/map_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fk_tensor t;
    fleck_error error = {0};

    if (fk_npy_read_bytes(&t, data, size, "input", &error) == FLECK_OK) {
        fuzz_check(t.owned && t.data != NULL);
        /* the narrowest file element is half of what it becomes */
        fuzz_check((size_t)fk_tensor_count(&t) * fk_dtype_size(t.dtype) <= 2 * size);
        fuzz_touch(t.data, (size_t)fk_tensor_count(&t) * fk_dtype_size(t.dtype));
    } else {
        fuzz_check(t.data == NULL && error.message[0] != '\0');
    }
    fk_tensor_free(&t);
    return 0;
}
