/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the TIFF map reader: an accepted file is a whole map, a refused one leaves nothing. */
#include "fuzz.h"

#include "map/map_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fk_tensor t;
    fleck_error error = {0};

    if (fk_tiff_read_bytes(&t, data, size, "input", &error) == FLECK_OK) {
        fuzz_check(t.owned && t.data != NULL && t.dtype == FK_F32 && t.ndim == 2);
        fuzz_check(t.shape[0] > 0 && t.shape[1] > 0);
        fuzz_touch(t.data, (size_t)fk_tensor_count(&t) * sizeof(float));
    } else {
        fuzz_check(t.data == NULL && error.message[0] != '\0');
    }
    fk_tensor_free(&t);
    return 0;
}
