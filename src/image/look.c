/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a file found in a folder is an image that fleck reads, by its name and first bytes. */
#include "image/decode.h"

#include "base/str.h"

#include <string.h>

static bool ends_in(const char *name, const char *const *endings)
{
    for (; *endings != NULL; endings++)
        if (fk_ends_with(name, *endings))
            return true;
    return false;
}

bool fk_image_has_extension(const char *path)
{
    static const char *const endings[] = {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff",
                                          ".bmp", ".dib", ".pnm",  ".pgm", ".ppm",  ".pbm", NULL};

    return ends_in(path, endings);
}

/* Camera raw files that begin like TIFF, but whose first image is a small preview. */
static bool is_raw(const char *name)
{
    static const char *const endings[] = {".dng", ".cr2", ".nef", ".nrw", ".arw",
                                          ".sr2", ".pef", ".srw", ".3fr", NULL};

    return ends_in(name, endings);
}

/* Names of text files, which may lie beside images by the thousand: they need not be opened. */
static bool is_text(const char *name)
{
    static const char *const endings[] = {".txt", ".csv",  ".json", ".xml", ".yaml",
                                          ".yml", ".html", ".md",   ".log", NULL};

    return ends_in(name, endings);
}

fk_look fk_image_look(const char *name, const uint8_t *head, size_t size, const char **format)
{
    static const uint8_t apple_double[4] = {0, 5, 22, 7}; /* "._NAME" beside NAME */
    const char *found;
    bool read;

    *format = NULL;
    if (is_text(name))
        return FK_LOOK_OTHER;
    if (head == NULL) /* a PNG may be a picture that fleck drew */
        return fk_image_has_extension(name) && !fk_ends_with(name, ".png") ? FK_LOOK_IMAGE
                                                                           : FK_LOOK_BYTES;
    if (fk_png_made_by_fleck(head, size))
        return FK_LOOK_OWN;
    if (fk_image_has_extension(name))
        return size >= sizeof apple_double && memcmp(head, apple_double, sizeof apple_double) == 0
                   ? FK_LOOK_OTHER
                   : FK_LOOK_IMAGE;
    found = fk_image_format(head, size, &read);
    if (found == NULL)
        return FK_LOOK_OTHER;
    if (read && !is_raw(name))
        return FK_LOOK_IMAGE;
    *format = read ? "camera raw" : found;
    return FK_LOOK_KNOWN;
}
