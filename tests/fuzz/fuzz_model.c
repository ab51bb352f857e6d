/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the reader of .fleck files: any bytes give a model that can be described, or an error. */
#include "fuzz.h"

#include "model/model.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fk_model m;
    fleck_error err = {0};

    if (fk_model_load_bytes(&m, data, size, "fuzz", &err) == FLECK_OK) {
        fuzz_check(m.method != NULL && m.state != NULL && m.n_taps > 0);
        fuzz_check(m.n_nets > 0 && m.n_nets <= FK_MODEL_NETS);
        for (int i = 0; i < m.n_taps; i++)
            fuzz_check(m.tap_net[i] >= 0 && m.tap_net[i] < m.n_nets);
        fuzz_check(m.pre.crop_width <= m.pre.width && m.pre.crop_height <= m.pre.height);
        fuzz_check(m.method->count(m.state) >= 0 && m.method->scratch_size(m.state) < SIZE_MAX);
        fk_model_free(&m);
    } else {
        fuzz_check(m.method == NULL && m.file == NULL); /* empty, never half filled */
        fuzz_check(err.status != FLECK_OK && strlen(err.message) > 0);
    }
    return 0;
}
