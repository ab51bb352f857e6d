/* SPDX-License-Identifier: Apache-2.0 */
/* fleck predict: which parts are shown, the page, copies of files, and the exit code. */
#include "page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool outcome_read(outcome *o, const args *a, const fleck_picture_settings *picture,
                  double mm_per_px)
{
    const char *show = args_get(a, "show"), *csv = args_get(a, "csv");

    *o = (outcome){.copies = args_get(a, "copy-defective"),
                   .fail_on_defect = args_has(a, "fail-on-defect"),
                   .only_defective = show != NULL && strcmp(show, "defective") == 0,
                   .page = {.path = args_get(a, "html"),
                            .most = 200,
                            .picture = picture,
                            .mm_per_px = mm_per_px,
                            .limit = NAN,
                            .lock = PTHREAD_MUTEX_INITIALIZER}};
    o->page.only_defective = o->only_defective;
    if (show != NULL && strcmp(show, "all") != 0 && strcmp(show, "defective") != 0)
        return word_error("show", "all", "defective", show) == EXIT_DONE;
    if (args_has(a, "html-pictures") && o->page.path == NULL)
        return usage_error("--html-pictures needs --html FILE") == EXIT_DONE;
    if (o->page.path != NULL && csv != NULL && strcmp(o->page.path, csv) == 0)
        return usage_error("--html and --csv name the same file") == EXIT_DONE;
    return args_int(a, "html-pictures", 0, 10000, &o->page.most);
}

bool outcome_writes(const outcome *o)
{
    return o->page.path != NULL || o->copies != NULL;
}

bool outcome_shows(const outcome *o, const fleck_result *r)
{
    return !o->only_defective || r->defective;
}

int outcome_check(const outcome *o, double threshold)
{
    const char *option = o->only_defective   ? "--show defective"
                         : o->copies != NULL ? "--copy-defective"
                         : o->fail_on_defect ? "--fail-on-defect"
                                             : NULL;

    if (option == NULL || !isnan(threshold))
        return EXIT_DONE;
    return usage_error("%s: the model has no threshold to judge by; --threshold T gives one",
                       option);
}

bool outcome_copy_free(const outcome *o, const file_set *inputs, const char *image, bool overwrite)
{
    char *path;
    bool ok;

    if (o->copies == NULL)
        return true;
    path = output_path(o->copies, image, "");
    ok = path != NULL && output_free(path, FLECK_OUTPUT_COPY, image, overwrite) &&
         file_set_apart(inputs, path);
    free(path);
    return ok;
}

static fleck_status copy_part(const char *folder, const char *image, fleck_error *err)
{
    char *path = output_path(folder, image, "");
    fleck_status st = FLECK_E_IO; /* the error was printed */

    if (path != NULL && make_parent(path))
        st = fleck_file_copy(image, path, err);
    free(path);
    return st;
}

fleck_status outcome_of_part(outcome *o, const fleck_model *model, const char *image,
                             const fleck_result *r, page_picture *picture, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    if (o->page.path != NULL)
        st = results_page_draw(&o->page, model, r, picture, err);
    if (st == FLECK_OK && o->copies != NULL && r->defective)
        st = copy_part(o->copies, image, err);
    return st;
}
