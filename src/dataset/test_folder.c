/* SPDX-License-Identifier: Apache-2.0 */
/* Test images in MVTec AD's layout: their folders, the good one under any usual name, and masks. */
#include "base/mem.h"
#include "dataset/good.h"
#include "dataset/listing.h"
#include "dataset/samples.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of a list in a message. */
#define LIST_BYTES 500

/* The masks of one defect type, in the order of their names' bytes. */
typedef struct truth {
    char *folder;
    fk_names names;
    int64_t *uses; /* [names.count] number of images of each mask */
} truth;

/* A test folder being read. */
typedef struct reader {
    fk_samples *out;
    const fk_dataset_how *how;
    const char *path;
    char *test, *truth; /* truth NULL: there are no masks */
    fk_folders types;
    fk_names *images;             /* [types] their paths */
    fk_listing passed, not_masks; /* what is skipped beside test images, beside masks */
    bool *good;                   /* [types] */
    int64_t defective;
    /* Names for messages about masks. */
    fk_names missing, twice, shared, surplus, of_good;
} reader;

/* ---- Masks of a type ---- */

static void truth_free(truth *t)
{
    fk_free(t->folder);
    fk_names_free(&t->names);
    fk_free(t->uses);
    *t = (truth){0};
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static fleck_status truth_open(truth *t, reader *r, const char *type, fleck_error *err)
{
    fk_listing all = {0};
    fleck_status st;

    FK_DO(fk_path_join(&t->folder, r->truth, type, err));
    if (fk_path_is_folder(t->folder))
        FK_DO(fk_listing_add(&all, t->folder, r->how->recursive, r->how->look, err));
    for (int64_t i = 0; i < all.paths.count; i++)
        FK_DO(fk_names_add(&t->names, all.paths.items[i] + strlen(t->folder) + 1, err));
    FK_DO(fk_listing_merge(&r->not_masks, &all, err));
    if (t->names.count > 1) /* by bytes, so that names with the same beginning are adjacent */
        qsort(t->names.items, (size_t)t->names.count, sizeof *t->names.items, by_bytes);
    FK_DO(FK_CALLOC(&t->uses, t->names.count, err));
done:
    fk_listing_free(&all);
    return st;
}

/* Index of the first name that does not come before text. */
static int64_t first_from(const fk_names *names, const char *text)
{
    int64_t low = 0, high = names->count;

    while (low < high) {
        int64_t middle = low + (high - low) / 2;

        if (strcmp(names->items[middle], text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Find the masks of an image, STEM_mask.* and STEM.*: their number, and the first of them. */
static fleck_status truth_find(truth *t, const char *stem, int64_t *first, int64_t *count,
                               fleck_error *err)
{
    static const char *const marks[] = {"_mask.", "."};
    char *begin = NULL;
    fleck_status st = FLECK_OK;

    *first = *count = 0;
    for (int k = 0; k < 2; k++) {
        FK_DO(fk_asprintf(&begin, err, "%s%s", stem, marks[k]));
        for (int64_t i = first_from(&t->names, begin); i < t->names.count; i++) {
            size_t n = strlen(begin);

            if (strncmp(t->names.items[i], begin, n) != 0)
                break;
            if (strchr(t->names.items[i] + n, '.') != NULL)
                continue; /* the mask of another image, STEM.x or STEM_mask.x */
            if ((*count)++ == 0)
                *first = i;
            t->uses[i]++;
        }
        fk_free(begin);
        begin = NULL;
    }
done:
    fk_free(begin);
    return st;
}

/* ---- Images of a type ---- */

/* "type/name" for a message. */
static fleck_status add_name(fk_names *list, const char *type, const char *name, fleck_error *err)
{
    char *text = NULL;
    fleck_status st = fk_path_join(&text, type, name, err);

    if (st == FLECK_OK)
        st = fk_names_add(list, text, err);
    fk_free(text);
    return st;
}

/* Find the mask of the image with this stem; NULL if it has or needs none. */
static fleck_status find_mask(char **mask, reader *r, truth *t, const char *type, bool good,
                              const char *name, const char *stem, fleck_error *err)
{
    int64_t first, count;
    fleck_status st;

    *mask = NULL;
    FK_DO(truth_find(t, stem, &first, &count, err));
    if (good) {
        if (count > 0)
            FK_DO(add_name(&r->of_good, type, t->names.items[first], err));
    } else if (count == 0) {
        FK_DO(add_name(&r->missing, type, name, err));
    } else if (count > 1) {
        FK_DO(add_name(&r->twice, type, name, err));
    } else {
        if (t->uses[first] > 1)
            FK_DO(add_name(&r->shared, type, t->names.items[first], err));
        FK_DO(fk_path_join(mask, t->folder, t->names.items[first], err));
    }
done:
    return st;
}

/* Add an image of the type, whose path is in the type's folder or below it. */
static fleck_status add_image(reader *r, truth *t, int64_t type, const char *path, fleck_error *err)
{
    const char *folder = r->types.names.items[type];
    const char *name = path + strlen(r->test) + strlen(folder) + 2, *dot = strrchr(name, '.');
    bool good = r->good[type], ends = dot != NULL && strchr(dot, '/') == NULL;
    char *mask = NULL, *stem = NULL, *key = NULL;
    fleck_status st;

    FK_DO(fk_asprintf(&stem, err, "%.*s", ends ? (int)(dot - name) : (int)strlen(name), name));
    FK_DO(fk_path_join(&key, folder, stem, err));
    if (r->truth != NULL)
        FK_DO(find_mask(&mask, r, t, folder, good, name, stem, err));
    FK_DO(fk_samples_add(r->out,
                         &(fk_sample_texts){.path = path,
                                            .mask = mask,
                                            .defect = good ? FK_GOOD : folder,
                                            .key = key,
                                            .defective = !good},
                         err));
    r->defective += !good;
done:
    fk_free(mask);
    fk_free(stem);
    fk_free(key);
    return st;
}

static fleck_status add_type(reader *r, int64_t type, fleck_error *err)
{
    const char *folder = r->types.names.items[type];
    truth t = {0};
    fleck_status st = FLECK_OK;

    if (r->truth != NULL)
        FK_DO(truth_open(&t, r, folder, err));
    for (int64_t i = 0; i < r->images[type].count; i++)
        FK_DO(add_image(r, &t, type, r->images[type].items[i], err));
    for (int64_t i = 0; i < t.names.count; i++)
        if (t.uses[i] == 0)
            FK_DO(add_name(&r->surplus, folder, t.names.items[i], err));
done:
    truth_free(&t);
    return st;
}

/* ---- The folder ---- */

/* Find folders of masks without a folder of images. */
static fleck_status find_surplus_types(reader *r, fleck_error *err)
{
    fk_names folders = {0};
    truth t = {0};
    char *text = NULL;
    fleck_status st;

    FK_DO(fk_folder_list(&folders, r->truth, 'd', err));
    for (int64_t i = 0; i < folders.count; i++) {
        int64_t k = 0;

        while (k < r->types.names.count && strcmp(r->types.names.items[k], folders.items[i]) != 0)
            k++;
        if (k < r->types.names.count)
            continue;
        FK_DO(truth_open(&t, r, folders.items[i], err));
        if (t.names.count > 0) {
            FK_DO(fk_asprintf(&text, err, "all %lld of %s", (long long)t.names.count,
                              folders.items[i]));
            FK_DO(fk_names_add(&r->surplus, text, err));
        }
        fk_free(text);
        text = NULL;
        truth_free(&t);
    }
done:
    fk_free(text);
    truth_free(&t);
    fk_names_free(&folders);
    return st;
}

static fleck_status warn_of(const reader *r, const fk_names *names, const char *what,
                            fleck_error *err)
{
    fk_text text = {0};
    fleck_status st = FLECK_OK;

    if (names->count == 0)
        return FLECK_OK;
    FK_DO(fk_names_join(&text, names, LIST_BYTES, err));
    fk_warn_say(r->how->warn, "%s: %s: %s", r->truth, what, text.data);
done:
    fk_text_free(&text);
    return st;
}

/* Fail because images have no mask, and say which files there are taken for no mask. */
static fleck_status refuse_missing(const reader *r, fleck_error *err)
{
    fk_text missing = {0}, surplus = {0};
    char *passed = NULL;
    fleck_status st;

    FK_DO(fk_names_join(&missing, &r->missing, LIST_BYTES, err));
    FK_DO(fk_names_join(&surplus, &r->surplus, LIST_BYTES / 2, err));
    FK_DO(fk_listing_text(&passed, &r->not_masks, err));
    FK_FAIL(err, FLECK_E_NOTFOUND,
            "%s: %lld of %lld defective images %s no mask, expected as "
            "%s/<defect type>/<name>_mask.png or <name>.png: %s%s%s%s%s; without the folder %s "
            "there are image figures only",
            r->test, (long long)r->missing.count, (long long)r->defective,
            r->missing.count == 1 ? "has" : "have", r->truth, missing.data,
            r->surplus.count > 0 ? "; found of other names: " : "",
            r->surplus.count > 0 ? surplus.data : "", passed[0] != '\0' ? "; skipped: " : "",
            passed, r->truth);
done:
    fk_text_free(&missing);
    fk_text_free(&surplus);
    fk_free(passed);
    return st;
}

/* Missing and ambiguous masks are errors.  Surplus masks give warnings. */
static fleck_status check_masks(const reader *r, fleck_error *err)
{
    fk_text text = {0};
    fleck_status st;

    if (r->missing.count > 0)
        FK_DO(refuse_missing(r, err));
    if (r->twice.count > 0) {
        FK_DO(fk_names_join(&text, &r->twice, LIST_BYTES, err));
        FK_FAIL(err, FLECK_E_FORMAT,
                "%s: %lld of %lld defective images %s two masks or more in %s, expected one, "
                "<name>_mask.png or <name>.png: %s",
                r->test, (long long)r->twice.count, (long long)r->defective,
                r->twice.count == 1 ? "has" : "have", r->truth, text.data);
    }
    FK_DO(warn_of(r, &r->surplus, "masks without a test image are not used", err));
    FK_DO(warn_of(r, &r->shared, "masks that belong to several images", err));
    FK_DO(warn_of(r, &r->of_good, "masks of good images are not used", err));
done:
    fk_text_free(&text);
    return st;
}

/* Whether a folder's name, which ends at a slash or the string's end, is one that masks have. */
static bool names_masks(const char *folder)
{
    static const char *const names[] = {"mask", "masks", "ground_truth", "groundtruth", "gt"};
    size_t n = strcspn(folder, "/");

    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
        if (strlen(names[k]) == n && fk_same_start(folder, names[k], n))
            return true;
    return false;
}

/* Refuse a folder of masks in test or in a type's folder: they would count as test images. */
static fleck_status refuse_masks_in_test(const reader *r, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    for (int64_t i = 0; i < r->types.names.count; i++)
        for (int64_t k = 0; k < r->images[i].count; k++) {
            const char *path = r->images[i].items[k], *at = path + strlen(r->test) + 1;

            for (const char *slash; (slash = strchr(at, '/')) != NULL; at = slash + 1)
                if (names_masks(at))
                    FK_FAIL(err, FLECK_E_FORMAT,
                            "%.*s: expected images of a type of defect, found a folder of images "
                            "that is named as masks are; masks belong into ground_truth/<defect "
                            "type> beside test",
                            (int)(slash - path), path);
        }
done:
    return st;
}

/* Fail with a message that says why there are no test images. */
static fleck_status explain_no_test(const reader *r, fleck_error *err)
{
    fk_names names = {0};
    fk_folders found = {0};
    fk_text text = {0};
    bool there = fk_path_is_folder(r->test);
    fleck_status st;

    if (there)
        FK_DO(fk_images_in(&names, r->test, r->how->is_image, err));
    FK_DO(fk_folders_count(&found, r->path, r->how->is_image, err));
    FK_DO(fk_folders_text(&text, &found, err));
    FK_FAIL(err, FLECK_E_NOTFOUND,
            "%s: expected test images as test/good/NAME and test/<defect type>/NAME, with masks "
            "ground_truth/<defect type>/NAME_mask.png (the layout of MVTec AD), or a .csv file "
            "with columns path, label, mask and split; %s; found %s",
            r->path,
            !there            ? "there is no folder test"
            : names.count > 0 ? "the images of folder test lie directly in it"
                              : "no folder in test holds an image directly (--recursive "
                                "searches the folders in them too)",
            text.data);
done:
    fk_names_free(&names);
    fk_folders_free(&found);
    fk_text_free(&text);
    return st;
}

/* List the images of type i, and count the skipped entries. */
static fleck_status list_type(reader *r, int64_t i, const char *folder, fleck_error *err)
{
    fk_listing found = {0};
    fleck_status st;

    FK_DO(fk_listing_add(&found, folder, r->how->recursive, r->how->look, err));
    if (found.broken.count > 0)
        FK_FAIL(err, FLECK_E_IO, "%s", found.broken.items[0]);
    FK_DO(fk_listing_merge(&r->passed, &found, err));
    r->images[i] = found.paths;
    found.paths = (fk_names){0};
    r->types.images[i] = r->images[i].count;
done:
    fk_listing_free(&found);
    return st;
}

/* Store the skipped entries, and warn of images beside the folders of types. */
static fleck_status store_passed(const reader *r, fleck_error *err)
{
    fk_names beside = {0};
    fleck_status st;

    FK_DO(fk_images_in(&beside, r->test, r->how->is_image, err));
    if (beside.count > 0)
        fk_warn_say(r->how->warn,
                    "%s: %lld image%s directly in it %s to no type and %s left out: %s%s", r->test,
                    (long long)beside.count, beside.count == 1 ? "" : "s",
                    beside.count == 1 ? "belongs" : "belong", beside.count == 1 ? "is" : "are",
                    beside.items[0], beside.count == 1 ? "" : ", ...");
    r->out->passed = fk_listing_passed(&r->passed);
    if (r->out->passed > 0)
        FK_DO(fk_listing_text(&r->out->passed_text, &r->passed, err));
done:
    fk_names_free(&beside);
    return st;
}

static fleck_status list_types(reader *r, fleck_error *err)
{
    int64_t total = 0;
    fleck_status st = FLECK_OK;

    if (fk_path_is_folder(r->test))
        FK_DO(fk_folder_list(&r->types.names, r->test, 'd', err));
    FK_DO(FK_CALLOC(&r->types.images, r->types.names.count, err));
    FK_DO(FK_CALLOC(&r->images, r->types.names.count, err));
    FK_DO(FK_CALLOC(&r->good, r->types.names.count, err));
    for (int64_t i = 0; i < r->types.names.count; i++) {
        char *folder = NULL;

        FK_DO(fk_path_join(&folder, r->test, r->types.names.items[i], err));
        st = list_type(r, i, folder, err);
        fk_free(folder);
        if (st != FLECK_OK)
            goto done;
        total += r->types.images[i];
    }
    if (total == 0)
        st = explain_no_test(r, err);
done:
    return st;
}

static void reader_free(reader *r)
{
    for (int64_t i = 0; r->images != NULL && i < r->types.names.count; i++)
        fk_names_free(&r->images[i]);
    fk_free(r->images);
    fk_free(r->good);
    fk_folders_free(&r->types);
    fk_listing_free(&r->passed);
    fk_listing_free(&r->not_masks);
    fk_free(r->test);
    fk_free(r->truth);
    fk_names_free(&r->missing);
    fk_names_free(&r->twice);
    fk_names_free(&r->shared);
    fk_names_free(&r->surplus);
    fk_names_free(&r->of_good);
}

fleck_status fk_test_folder_read(fk_samples *out, const char *path, const fk_dataset_how *how,
                                 fleck_error *err)
{
    reader r = {.out = out, .how = how, .path = path};
    fleck_status st;

    FK_DO(fk_path_join(&r.test, path, "test", err));
    FK_DO(list_types(&r, err));
    FK_DO(store_passed(&r, err));
    FK_DO(refuse_masks_in_test(&r, err));
    FK_DO(fk_good_choose(r.good, &r.types, r.test, how->good, err));
    FK_DO(fk_path_join(&r.truth, path, "ground_truth", err));
    if (!fk_path_is_folder(r.truth)) {
        fk_free(r.truth);
        r.truth = NULL;
    }
    for (int64_t i = 0; i < r.types.names.count; i++)
        FK_DO(add_type(&r, i, err));
    if (r.truth != NULL) {
        FK_DO(find_surplus_types(&r, err));
        FK_DO(check_masks(&r, err));
    }
done:
    reader_free(&r);
    return st;
}
