/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what the service reads of JSON: settings and areas of a fit, and thresholds. */
#include "fuzz.h"
#include "../../serve/api_models.c" /* NOLINT: its readers are static */

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    sv_server server = {.options = {.home = "/nonexistent"}};
    sv_request request = {.server = &server, .json = json};
    fleck_settings *settings = NULL;
    fleck_error err = {0};
    bool changed = false;

    if (!json_is_object(json)) {
        json_decref(json);
        return 0;
    }
    if (!sv_fit_settings(&server, &settings, json_object_get(json, "settings"),
                         json_object_get(json, "areas"), &err))
        fuzz_check(err.status != FLECK_OK && err.message[0] != '\0');
    fleck_settings_free(&settings);
    err = (fleck_error){0};
    if (!change(&request, NULL, &changed, &err)) /* without a model all is checked, nothing set */
        fuzz_check(err.status != FLECK_OK && err.message[0] != '\0');
    json_decref(json);
    return 0;
}
