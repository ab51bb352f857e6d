/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the reader of channel lists: an accepted list holds distinct channels of the 10 there are.
 */
#include "fuzz.h"

#include "features/embed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fk_embed_spec spec = {0};
    fleck_error error = {0};
    bool seen[10] = {false};

    if (fk_embed_parse_channels(&spec, size > 0 ? (const char *)data : "", size, "input", 10,
                                &error) == FLECK_OK) {
        fuzz_check(spec.dims >= 1 && spec.dims <= 10);
        for (int64_t i = 0; i < spec.dims; i++) {
            fuzz_check(spec.channels[i] >= 0 && spec.channels[i] < 10 && !seen[spec.channels[i]]);
            seen[spec.channels[i]] = true;
        }
    } else {
        fuzz_check(spec.channels == NULL && error.message[0] != '\0');
    }
    fk_embed_spec_free(&spec);
    return 0;
}
