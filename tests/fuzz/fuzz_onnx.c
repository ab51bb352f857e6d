/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the reader of an ONNX model's outline: names are proper text, refusals have a message. */
#include "net/onnx.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fleck_error error = {0};
    fk_names names;
    fleck_status st = fk_onnx_output_names(&names, data, size, "input", &error);

    if (st == FLECK_OK) {
        fuzz_check(names.count > 0 && names.count <= FK_ONNX_MAX_OUTPUTS);
        for (int64_t i = 0; i < names.count; i++)
            fuzz_check(names.items[i][0] != '\0');
    } else {
        fuzz_check(st == FLECK_E_FORMAT || st == FLECK_E_LIMIT);
        fuzz_check(error.message[0] != '\0' && names.items == NULL);
    }
    fk_names_free(&names);
    return 0;
}
