/* SPDX-License-Identifier: Apache-2.0 */
/* Fit on a folder of good images, keep the model, score one image: the whole library in one screen.
 *
 *   score_one GOOD_FOLDER MODEL.fleck IMAGE [HOME]
 *
 * HOME is the folder with installed weights (as `fleck weights add` makes it). */
#include <fleck.h>

#include <math.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    fleck_settings *settings = NULL;
    fleck_model *model = NULL;
    fleck_result *result = NULL;
    fleck_error err = {0};
    fleck_status st;

    if (argc < 4) {
        fprintf(stderr, "usage: %s GOOD_FOLDER MODEL.fleck IMAGE [HOME]\n", argv[0]);
        return 2;
    }
    st = fleck_settings_create(&settings, &err);
    if (st == FLECK_OK && argc > 4)
        st = fleck_settings_set(settings, "home", argv[4], &err);
    if (st == FLECK_OK)
        st = fleck_fit(&model, argv[1], settings, NULL, &err);
    if (st == FLECK_OK)
        st = fleck_model_save(model, argv[2], &err);
    fleck_model_close(&model);
    fleck_settings_free(&settings);

    /* A line would start here, with the file alone. */
    if (st == FLECK_OK)
        st = fleck_model_open(&model, argv[2], NULL, &err);
    if (st == FLECK_OK)
        st = fleck_score_file(model, argv[3], false, &result, &err);
    if (st == FLECK_OK)
        printf("%s: score %.4f, threshold %.4f: %s\n", argv[3], result->score, result->threshold,
               isnan(result->threshold) ? "not judged" /* fewer than 10 good images were learned */
               : result->defective      ? "defective"
                                        : "good");
    else
        fprintf(stderr, "%s\n", err.message);
    fleck_result_free(&result);
    fleck_model_close(&model);
    return st == FLECK_OK ? 0 : 1;
}
