/* SPDX-License-Identifier: Apache-2.0 */
/* A user of the library in C++11: opens a model, scores one image, says so as examples/score_one.c
 * does.
 *
 *   consumer MODEL.fleck IMAGE */
#include <fleck.h>

#include <cmath>
#include <cstdio>

int main(int argc, char **argv)
{
    fleck_model *model = nullptr;
    fleck_run_settings settings;
    fleck_result *result = nullptr;
    fleck_error err = {};

    if (argc < 3) {
        std::printf("usage: %s MODEL.fleck IMAGE\n", argv[0]);
        return 2;
    }
    fleck_run_defaults(&settings, sizeof settings);
    fleck_status st = fleck_model_open(&model, argv[1], &settings, &err);
    if (st == FLECK_OK)
        st = fleck_score_file(model, argv[2], false, &result, &err);
    if (st == FLECK_OK)
        std::printf("%s: score %.4f, threshold %.4f: %s\n", argv[2], result->score,
                    result->threshold,
                    std::isnan(result->threshold) ? "not judged"
                    : result->defective           ? "defective"
                                                  : "good");
    else
        std::fprintf(stderr, "%s\n", err.message);
    fleck_result_free(&result);
    fleck_model_close(&model);
    return st == FLECK_OK ? 0 : 1;
}
