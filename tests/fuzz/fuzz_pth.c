/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the reader of weight files: torch's two containers, the unpickler, safetensors.  What is
 * accepted is found by name, and every number of it can be read. */
#include "fuzz.h"

#include "weights/pickle.h"
#include "weights/weights.h"

#include <string.h>

static void fuzz_state_dict(const uint8_t *data, size_t size)
{
    fk_state_dict *d = NULL;
    fleck_error error = {0};

    if (fk_state_dict_open_bytes(&d, data, size, "input", &error) != FLECK_OK) {
        fuzz_check(d == NULL && error.message[0] != '\0');
        return;
    }
    fuzz_check(fk_state_dict_count(d) > 0);
    for (int64_t i = 0; i < fk_state_dict_count(d); i++) {
        const fk_tensor *t = fk_state_dict_tensor(d, i);

        fuzz_check(fk_state_dict_find(d, fk_state_dict_name(d, i)) == t);
        fuzz_check(t->data != NULL && (uintptr_t)t->data % fk_dtype_size(t->dtype) == 0);
        fuzz_touch(t->data, (size_t)fk_tensor_count(t) * fk_dtype_size(t->dtype));
    }
    fk_state_dict_close(&d);
}

/* The unpickler alone too: a zip's checksum keeps the search from its insides. */
static void fuzz_pickle(const uint8_t *data, size_t size)
{
    fk_pickle p;
    fleck_error error = {0};

    if (fk_pickle_read(&p, data, size, "input", &error) != FLECK_OK) {
        fuzz_check(p.values == NULL && error.message[0] != '\0');
        return;
    }
    fuzz_check(p.root >= 0 && p.root < p.n_values && p.used <= size);
    for (int64_t i = 0; i < p.n_values; i++)
        for (int64_t j = 0; p.values[i].items != NULL && j < p.values[i].length; j++)
            fuzz_check(p.values[i].items[j] >= 0 && p.values[i].items[j] < p.n_values);
    fk_pickle_free(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_state_dict(data, size);
    fuzz_pickle(data, size);
    return 0;
}
