/* Data sets: finds images and masks in folders; table.c reads CSV files. */
#include "dataset/dataset.h"
#include "base/mem.h"
#include "dataset/samples.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* What is at path, or a message that says what could be. */
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
                            "%s: expected a folder of images or a .csv file, found another file",
                            path);
    *is_table = true;
    return FLECK_OK;
}

/* Names of the images directly in folder, in natural order. */
static fleck_status list_images(fk_names *out, const char *folder, fk_is_image *is_image,
                                fleck_error *err)
{
    fk_names all = {0};
    fleck_status st;

    FK_DO(fk_folder_list(&all, folder, 'f', err));
    for (int64_t i = 0; i < all.count; i++)
        if (is_image(all.items[i]))
            FK_DO(fk_names_add(out, all.items[i], err));
done:
    fk_names_free(&all);
    return st;
}

/* The mask of image `name` in folder; *out NULL where there is none. */
static fleck_status find_mask(char **out, const char *folder, const char *name, fleck_error *err)
{
    const char *dot = strrchr(name, '.');
    char *stem = NULL;
    fleck_status st;

    *out = NULL;
    FK_DO(fk_path_stem(&stem, name, err));
    for (int i = 0; i < 4; i++) {
        const char *mark = i % 2 == 0 ? "_mask" : "";
        const char *ending = i < 2 ? ".png" : dot != NULL ? dot : "";

        FK_DO(fk_asprintf(out, err, "%s/%s%s%s", folder, stem, mark, ending));
        if (fk_path_is_file(*out))
            break;
        fk_free(*out);
        *out = NULL;
    }
done:
    fk_free(stem);
    return st;
}

/* Add the images of one defect type.  truth: the folder of all masks, NULL where there are none. */
static fleck_status add_type(fk_samples *out, const char *test, const char *truth, const char *type,
                             fk_is_image *is_image, fleck_error *err)
{
    bool defective = strcmp(type, FK_GOOD) != 0;
    char *folder = NULL, *masks = NULL, *path = NULL, *mask = NULL, *stem = NULL;
    fk_names names = {0};
    fleck_status st;

    FK_DO(fk_path_join(&folder, test, type, err));
    if (truth != NULL)
        FK_DO(fk_path_join(&masks, truth, type, err));
    FK_DO(list_images(&names, folder, is_image, err));
    for (int64_t i = 0; i < names.count; i++) {
        FK_DO(fk_path_join(&path, folder, names.items[i], err));
        if (defective && masks != NULL) {
            FK_DO(find_mask(&mask, masks, names.items[i], err));
            if (mask == NULL) {
                FK_DO(fk_path_stem(&stem, names.items[i], err));
                FK_FAIL(err, FLECK_E_NOTFOUND,
                        "image %s has no mask: expected %s/%s_mask.png or %s.png", path, masks,
                        stem, stem);
            }
        }
        FK_DO(fk_samples_add(out, path, mask, NULL, type, err));
        fk_free(path);
        fk_free(mask);
        path = mask = NULL;
    }
done:
    fk_names_free(&names);
    fk_free(stem);
    fk_free(mask);
    fk_free(path);
    fk_free(masks);
    fk_free(folder);
    return st;
}

/* Say why the test folder of path holds nothing to test. */
static fleck_status explain_no_test(const char *path, const char *test, fk_is_image *is_image,
                                    fleck_error *err)
{
    fk_names names = {0};
    bool there = fk_path_is_folder(test);
    fleck_status st;

    if (there)
        FK_DO(list_images(&names, test, is_image, err));
    st = fk_error_set(
        err, FLECK_E_NOTFOUND,
        "%s: expected test images as test/good/NAME and test/<defect type>/NAME, with "
        "masks ground_truth/<defect type>/NAME_mask.png (the layout of MVTec AD), or a "
        ".csv file with columns path, label and mask; %s",
        path,
        !there            ? "there is no folder test"
        : names.count > 0 ? "the images of folder test lie directly in it"
                          : "no folder in test holds an image");
done:
    fk_names_free(&names);
    return st;
}

static fleck_status read_test_folder(fk_samples *out, const char *path, fk_is_image *is_image,
                                     fleck_error *err)
{
    char *test = NULL, *truth = NULL;
    fk_names types = {0};
    fleck_status st;

    FK_DO(fk_path_join(&test, path, "test", err));
    FK_DO(fk_path_join(&truth, path, "ground_truth", err));
    if (fk_path_is_folder(test))
        FK_DO(fk_folder_list(&types, test, 'd', err));
    for (int64_t i = 0; i < types.count; i++)
        FK_DO(add_type(out, test, fk_path_is_folder(truth) ? truth : NULL, types.items[i], is_image,
                       err));
    if (out->count == 0)
        st = explain_no_test(path, test, is_image, err);
done:
    fk_names_free(&types);
    fk_free(test);
    fk_free(truth);
    return st;
}

fleck_status fk_dataset_test(fk_samples *out, bool *has_masks, const char *path,
                             fk_is_image *is_image, fleck_error *err)
{
    int64_t defective = 0, masks = 0;
    bool is_table;
    fleck_status st;

    *out = (fk_samples){0};
    *has_masks = false;
    FK_DO(check_path(path, &is_table, err));
    if (is_table)
        FK_DO(fk_table_read(out, path, true, err));
    else
        FK_DO(read_test_folder(out, path, is_image, err));
    for (int64_t i = 0; i < out->count; i++) {
        defective += out->items[i].defective;
        masks += out->items[i].mask != NULL;
    }
    *has_masks = defective > 0 && masks == defective;
    fk_samples_sort(out);
done:
    if (st != FLECK_OK)
        fk_samples_free(out);
    return st;
}

static fleck_status read_train_folder(fk_samples *out, const char *path, fk_is_image *is_image,
                                      fleck_error *err)
{
    char *train = NULL, *good = NULL, *image = NULL;
    const char *folder = path;
    fk_names names = {0};
    fleck_status st;

    FK_DO(fk_path_join(&train, path, "train", err));
    FK_DO(fk_path_join(&good, train, FK_GOOD, err));
    if (fk_path_is_folder(train)) {
        folder = good;
        if (!fk_path_is_folder(good))
            FK_FAIL(err, FLECK_E_NOTFOUND, "%s: expected good images in %s, which is not there",
                    path, good);
    }
    FK_DO(list_images(&names, folder, is_image, err));
    if (names.count == 0)
        FK_FAIL(err, FLECK_E_NOTFOUND, "%s: expected good images, found none %s%s%s", path,
                folder == good ? "in " : "directly in it, and no folder ", good,
                folder == good ? "" : " either");
    for (int64_t i = 0; i < names.count; i++) {
        FK_DO(fk_path_join(&image, folder, names.items[i], err));
        FK_DO(fk_samples_add(out, image, NULL, NULL, FK_GOOD, err));
        fk_free(image);
        image = NULL;
    }
done:
    fk_names_free(&names);
    fk_free(image);
    fk_free(good);
    fk_free(train);
    return st;
}

fleck_status fk_dataset_train(fk_samples *out, const char *path, fk_is_image *is_image,
                              fleck_error *err)
{
    bool is_table;
    fleck_status st;

    *out = (fk_samples){0};
    FK_DO(check_path(path, &is_table, err));
    if (is_table)
        FK_DO(fk_table_read(out, path, false, err));
    else
        FK_DO(read_train_folder(out, path, is_image, err));
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
    /* "." names nothing; the folder behind it does. */
    if (realpath(path, full) != NULL) {
        fk_free(*out);
        *out = NULL;
        return fk_path_base(out, full, err);
    }
done:
    return st;
}
