/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the folder of good images, by its usual names or by the caller's. */
#include "dataset/good.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "dataset/samples.h"

#include <string.h>

#define KEY_SIZE 64
#define COUNT_DEPTH 3
#define TEXT_BYTES 400 /* of a list in a message */

/* Letters only.  docs/reference/formats.md has this list too. */
static const char *const good_names[] = {
    "good",        "ok",           "okay",       "pass",      "passed",     "accept",
    "accepted",    "normal",       "nominal",    "conform",   "conforming", "clean",
    "intact",      "healthy",      "flawless",   "undamaged", "defectfree", "faultfree",
    "anomalyfree", "nodefect",     "nodefects",  "noanomaly", "nofault",    "nondefective",
    "nonfaulty",   "nonanomalous", "nonedefect", "gut",       "gutteil",    "gutteile",
    "io",          "inordnung",    "fehlerfrei",
};

/* Words of longer names that mean good parts, and words that negate them. */
static const char *const good_words[] = {"good",    "ok",   "okay",   "normal",
                                         "nominal", "pass", "passed", "gut"};
static const char *const bad_words[] = {"not", "no", "non", "nicht", "kein", "keine", "never"};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool is_in(const char *word, const char *const *table, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(word, table[i]) == 0)
            return true;
    return false;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || ((unsigned char)c & 0x80) != 0;
}

bool fk_good_name(const char *name)
{
    char key[KEY_SIZE];
    size_t n = 0;

    for (; *name != '\0'; name++) {
        bool digit = *name >= '0' && *name <= '9';

        if (digit && n > 0)
            return false;
        if (is_letter(*name) && n < sizeof key - 1)
            key[n++] = fk_lower(*name);
    }
    key[n] = '\0';
    return is_in(key, good_names, COUNT(good_names));
}

/* Whether a word of name means good parts, as in good_new or OK2, but not in not_ok. */
static bool has_good_word(const char *name)
{
    bool good = false;

    while (*name != '\0') {
        char word[KEY_SIZE];
        size_t n = 0;

        for (; is_letter(*name); name++)
            if (n < sizeof word - 1)
                word[n++] = fk_lower(*name);
        word[n] = '\0';
        if (is_in(word, bad_words, COUNT(bad_words)))
            return false;
        good = good || is_in(word, good_words, COUNT(good_words));
        name += *name != '\0';
    }
    return good;
}

bool fk_good_asked(const char *asked, const char *name)
{
    size_t length = strlen(name);

    for (; asked != NULL; asked = strchr(asked, ',')) {
        asked += *asked == ',';
        if (fk_same_start(asked, name, length) && (asked[length] == ',' || asked[length] == '\0'))
            return true;
    }
    return false;
}

void fk_folders_free(fk_folders *f)
{
    fk_names_free(&f->names);
    fk_free(f->images);
    *f = (fk_folders){0};
}

fleck_status fk_folders_text(fk_text *out, const fk_folders *f, fleck_error *err)
{
    const char *between = "";
    int64_t from = out->length, left = 0;
    fleck_status st = FLECK_OK;

    for (int empty = 0; empty < 2; empty++)
        for (int64_t i = 0; i < f->names.count; i++) {
            const char *unit = f->images[i] == 1 ? " image" : " images";

            if ((f->images[i] == 0) != (empty == 1))
                continue;
            if (out->length - from > TEXT_BYTES) {
                left++;
                continue;
            }
            if (empty)
                FK_DO(fk_text_printf(out, err, "%s%s (no images)", between, f->names.items[i]));
            else
                FK_DO(fk_text_printf(out, err, "%s%s (%lld%s)", between, f->names.items[i],
                                     (long long)f->images[i], unit));
            between = ", ";
        }
    if (left > 0)
        FK_DO(fk_text_printf(out, err, " and %lld more", (long long)left));
    if (f->names.count == 0)
        FK_DO(fk_text_printf(out, err, "nothing"));
done:
    return st;
}

/* Add the images in path, and in some levels of folders below it, to *count. */
static fleck_status count_images(int64_t *count, const char *path, int depth, fk_is_image *is_image,
                                 fleck_error *err)
{
    fk_names names = {0};
    char *below = NULL;
    fleck_status st;

    FK_DO(fk_images_in(&names, path, is_image, err));
    *count += names.count;
    fk_names_free(&names);
    if (depth == 0)
        goto done;
    FK_DO(fk_folder_list(&names, path, 'd', err));
    for (int64_t i = 0; i < names.count; i++) {
        FK_DO(fk_path_join(&below, path, names.items[i], err));
        FK_DO(count_images(count, below, depth - 1, is_image, err));
        fk_free(below);
        below = NULL;
    }
done:
    fk_free(below);
    fk_names_free(&names);
    return st;
}

fleck_status fk_folders_count(fk_folders *out, const char *path, fk_is_image *is_image,
                              fleck_error *err)
{
    char *folder = NULL;
    fleck_status st;

    *out = (fk_folders){0};
    FK_DO(fk_folder_list(&out->names, path, 'd', err));
    FK_DO(FK_CALLOC(&out->images, out->names.count, err));
    for (int64_t i = 0; i < out->names.count; i++) {
        FK_DO(fk_path_join(&folder, path, out->names.items[i], err));
        FK_DO(count_images(&out->images[i], folder, COUNT_DEPTH, is_image, err));
        fk_free(folder);
        folder = NULL;
    }
done:
    fk_free(folder);
    if (st != FLECK_OK)
        fk_folders_free(out);
    return st;
}

/* The names of the folders with good[i], separated by commas. */
static fleck_status chosen(fk_text *out, const fk_folders *f, const bool *good, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    for (int64_t i = 0; i < f->names.count && st == FLECK_OK; i++)
        if (good[i])
            st = fk_text_printf(out, err, "%s%s", out->length > 0 ? "," : "", f->names.items[i]);
    return st;
}

/* Fail because no folder, or several, may be good: maybe marks these n folders. */
static fleck_status refuse(const fk_folders *f, const char *path, const bool *maybe, int64_t n,
                           const char *asked, fleck_error *err)
{
    fk_text found = {0}, names = {0};
    fk_nearest near = {.word = asked};
    char meant[FK_MEANT];
    fleck_status st;

    for (int64_t i = 0; asked != NULL && i < f->names.count; i++)
        fk_nearest_offer(&near, f->names.items[i]);
    FK_DO(fk_folders_text(&found, f, err));
    FK_DO(chosen(&names, f, maybe, err));
    if (asked != NULL)
        FK_FAIL(err, FLECK_E_NOTFOUND,
                "%s: expected good images in a folder named %s, as was asked for; found %s%s", path,
                asked, found.data, fk_nearest_text(&near, "", meant));
    if (n > 0)
        FK_FAIL(err, FLECK_E_FORMAT,
                "%s: expected one folder of good images; by their names %s may hold some: "
                "--good %s counts %s good, another --good NAME the others as defects; found %s",
                path, names.data, names.data, n > 1 ? "them all as" : "it as", found.data);
    FK_FAIL(err, FLECK_E_NOTFOUND,
            "%s: expected a folder of good images (good, ok, normal, pass, ...), found %s; --good "
            "NAME says which one it is, --good none that there is none; or list the images in a "
            ".csv file with columns path, label and mask",
            path, found.data);
done:
    fk_text_free(&found);
    fk_text_free(&names);
    return st;
}

fleck_status fk_good_choose(bool *good, const fk_folders *f, const char *path, const char *asked,
                            fleck_error *err)
{
    bool none = asked != NULL && strcmp(asked, "none") == 0;
    int64_t known = 0, maybe = 0;

    for (int64_t i = 0; i < f->names.count; i++) {
        const char *name = f->names.items[i];
        bool counts = f->images[i] > 0 && !none;

        good[i] = counts && (asked != NULL ? fk_good_asked(asked, name) : fk_good_name(name));
        known += good[i];
        good[i] = good[i] || (counts && asked == NULL && has_good_word(name));
        maybe += good[i];
    }
    if (none || (asked != NULL && known > 0) || (known == 1 && maybe == 1))
        return FLECK_OK;
    return refuse(f, path, good, maybe, asked, err);
}
