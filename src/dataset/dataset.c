/* SPDX-License-Identifier: Apache-2.0 */
/* Data sets: good training images in folders.  test_folder.c has the test images, table.c reads CSV
 * files. */
#include "dataset/dataset.h"
#include "base/mem.h"
#include "dataset/good.h"
#include "dataset/listing.h"
#include "dataset/samples.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Whether path is a table or a folder, or a message that says what it may be. */
static fleck_status check_path(const char *path, bool *is_table, fleck_error *err)
{
    *is_table = false;
    if (fk_path_is_folder(path))
        return FLECK_OK;
    if (!fk_path_is_file(path))
        return fk_error_set(err, FLECK_E_NOTFOUND,
                            "%s: expected a folder of images or a .csv file, found nothing there",
                            path);
    if (!fk_ends_with(path, ".csv"))
        return fk_error_set(err, FLECK_E_FORMAT,
                            "%s: expected a folder of images or a .csv file with columns path, "
                            "label, mask and split, found another file",
                            path);
    *is_table = true;
    return FLECK_OK;
}

fleck_status fk_dataset_test(fk_samples *out, const char *path, const fk_dataset_how *how,
                             fleck_error *err)
{
    int64_t defective = 0, masks = 0;
    bool is_table;
    fleck_status st;

    *out = (fk_samples){0};
    FK_DO(check_path(path, &is_table, err));
    if (is_table)
        FK_DO(fk_table_read(out, path, true, how, err));
    else
        FK_DO(fk_test_folder_read(out, path, how, err));
    for (int64_t i = 0; i < out->count; i++) {
        defective += out->items[i].defective;
        masks += out->items[i].mask != NULL;
    }
    out->has_masks = defective > 0 && masks == defective;
    fk_samples_sort(out);
done:
    if (st != FLECK_OK)
        fk_samples_free(out);
    return st;
}

/* Add the folders of good images in `train`: the one with a usual name, or those that how names. */
static fleck_status find_good(fk_names *out, const char *train, const fk_dataset_how *how,
                              fleck_error *err)
{
    bool none = how->good != NULL && strcmp(how->good, "none") == 0; /* of the test images */
    fk_folders found = {0};
    fk_names names = {0};
    bool *good = NULL;
    char *folder = NULL;
    fleck_status st;

    FK_DO(fk_folders_count(&found, train, how->is_image, err));
    FK_DO(fk_images_in(&names, train, how->is_image, err));
    if (found.names.count == 0 && names.count > 0)
        FK_FAIL(err, FLECK_E_NOTFOUND,
                "%s: expected good images in a folder good, found %lld image%s directly in it; if "
                "all are good, learn from %s itself, else list the images in a .csv file with "
                "columns path, label, mask and split",
                train, (long long)names.count, names.count == 1 ? "" : "s", train);
    FK_DO(FK_CALLOC(&good, found.names.count, err));
    FK_DO(fk_good_choose(good, &found, train, none ? NULL : how->good, err));
    for (int64_t i = 0; i < found.names.count; i++) {
        if (!good[i])
            continue;
        FK_DO(fk_path_join(&folder, train, found.names.items[i], err));
        FK_DO(fk_names_add(out, folder, err));
        fk_free(folder);
        folder = NULL;
    }
done:
    fk_folders_free(&found);
    fk_names_free(&names);
    fk_free(good);
    fk_free(folder);
    return st;
}

/* Fail with a message that says what path holds instead of good images: folders, or if there are
 * none, passed: the files skipped there. */
static fleck_status explain_no_good(const char *path, const char *folder, const fk_listing *passed,
                                    const fk_dataset_how *how, fleck_error *err)
{
    fk_folders found = {0};
    fk_text text = {0};
    char *skipped = NULL;
    const char *example = NULL;
    bool whole = strcmp(folder, path) == 0;
    fleck_status st;

    FK_DO(fk_folders_count(&found, folder, how->is_image, err));
    FK_DO(fk_folders_text(&text, &found, err));
    FK_DO(fk_listing_text(&skipped, passed, err));
    for (int64_t i = 0; i < found.names.count; i++)
        if (found.images[i] > 0 && fk_good_name(found.names.items[i]))
            example = found.names.items[i];
    FK_FAIL(err, FLECK_E_NOTFOUND,
            "%s: expected good images, found none directly in %s%s; found %s%s%s%s%s; name "
            "the folder of the good images itself (--recursive learns from all folders in it), or "
            "a .csv file with columns path, label, mask and split",
            path, whole ? "it" : folder, whole ? " and no folder train/good" : "",
            found.names.count == 0 && skipped[0] != '\0' ? skipped : text.data,
            example != NULL ? ": learn from " : "", example != NULL ? path : "",
            example != NULL ? "/" : "", example != NULL ? example : "");
done:
    fk_folders_free(&found);
    fk_text_free(&text);
    fk_free(skipped);
    return st;
}

/* Add the images of folder, and count what is skipped. */
static fleck_status add_folder(fk_samples *out, fk_listing *passed, const char *folder,
                               const fk_dataset_how *how, fleck_error *err)
{
    fk_listing found = {0};
    fleck_status st;

    FK_DO(fk_listing_add(&found, folder, how->recursive, how->look, err));
    for (int64_t i = 0; i < found.broken.count; i++)
        if (found.broken.count > 1)
            fk_warn_say(how->warn, "%s", found.broken.items[i]);
    if (found.broken.count > 0) /* a model of half of the images would look like any other */
        FK_FAIL(err, FLECK_E_IO, "%s", found.broken.items[0]);
    for (int64_t i = 0; i < found.paths.count; i++)
        FK_DO(fk_samples_add(
            out, &(fk_sample_texts){.path = found.paths.items[i], .defect = FK_GOOD}, err));
    FK_DO(fk_listing_merge(passed, &found, err));
done:
    fk_listing_free(&found);
    return st;
}

static fleck_status read_train_folder(fk_samples *out, const char *path, const fk_dataset_how *how,
                                      fleck_error *err)
{
    fk_names folders = {0};
    fk_listing passed = {0};
    char *train = NULL;
    fleck_status st;

    FK_DO(fk_path_join(&train, path, "train", err));
    if (fk_path_is_folder(train))
        FK_DO(find_good(&folders, train, how, err));
    else
        FK_DO(fk_names_add(&folders, path, err));
    for (int64_t i = 0; i < folders.count; i++)
        FK_DO(add_folder(out, &passed, folders.items[i], how, err));
    if (out->count == 0)
        FK_DO(
            explain_no_good(path, folders.count > 0 ? folders.items[0] : path, &passed, how, err));
    out->passed = fk_listing_passed(&passed);
    FK_DO(fk_listing_text(&out->passed_text, &passed, err));
done:
    fk_names_free(&folders);
    fk_listing_free(&passed);
    fk_free(train);
    return st;
}

fleck_status fk_dataset_train(fk_samples *out, const char *path, const fk_dataset_how *how,
                              fleck_error *err)
{
    bool is_table;
    fleck_status st;

    *out = (fk_samples){0};
    FK_DO(check_path(path, &is_table, err));
    if (is_table)
        FK_DO(fk_table_read(out, path, false, how, err));
    else
        FK_DO(read_train_folder(out, path, how, err));
    fk_samples_sort(out);
done:
    if (st != FLECK_OK)
        fk_samples_free(out);
    return st;
}

fleck_status fk_dataset_name(char **out, const char *path, fleck_error *err)
{
    char full[PATH_MAX];
    fleck_status st;

    *out = NULL;
    if (fk_path_is_file(path) && fk_ends_with(path, ".csv"))
        return fk_path_stem(out, path, err);
    FK_DO(fk_path_base(out, path, err));
    if (strcmp(*out, ".") != 0 && strcmp(*out, "..") != 0)
        return FLECK_OK;
    /* "." has no name of its own; the folder that it stands for has. */
    if (realpath(path, full) != NULL) {
        fk_free(*out);
        *out = NULL;
        return fk_path_base(out, full, err);
    }
done:
    return st;
}
