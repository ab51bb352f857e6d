/* SPDX-License-Identifier: Apache-2.0 */
/* fleck.h: lists of images in folders. */
#include "api/check.h"
#include "base/mem.h"
#include "dataset/listing.h"
#include "image/image.h"

#include <string.h>

struct fleck_images {
    fk_listing list;
    bool recursive;
    fk_watch watch; /* of the list */
};

fleck_status fleck_images_open(fleck_images **out, bool recursive, fleck_error *err)
{
    fleck_status st;

    FK_NEED(out);
    *out = NULL;
    FK_DO(FK_CALLOC(out, 1, err));
    (*out)->recursive = recursive;
    (*out)->list.watch = &(*out)->watch;
done:
    return st;
}

void fleck_images_close(fleck_images **handle)
{
    if (handle == NULL || *handle == NULL)
        return;
    fk_listing_free(&(*handle)->list);
    fk_free(*handle);
    *handle = NULL;
}

void fleck_images_set_progress(fleck_images *images, fleck_progress *progress, void *ctx)
{
    if (images != NULL)
        images->watch = (fk_watch){.call = progress, .ctx = ctx};
}

fleck_status fleck_images_leave_out(fleck_images *images, const char *folder, fleck_error *err)
{
    FK_NEED(images);
    FK_NEED(folder);
    return fk_listing_leave_out(&images->list, folder, err);
}

/* Fail with a message that says what a folder without images holds. */
static fleck_status refuse_empty(const fk_listing *l, const char *path, fleck_error *err)
{
    char *text = NULL;
    fleck_status st;

    FK_DO(fk_listing_text(&text, l, err));
    st = fk_error_set(err, FLECK_E_NOTFOUND, "%s: no image files in this folder%s%s", path,
                      text[0] != '\0' ? "; skipped " : "", text);
done:
    fk_free(text);
    return st;
}

fleck_status fleck_images_add(fleck_images *images, const char *path, fleck_error *err)
{
    fk_listing *l;
    char *trimmed = NULL;
    int64_t before;
    size_t n;
    fleck_status st;

    FK_NEED(images);
    FK_NEED(path);
    l = &images->list;
    before = l->paths.count + l->broken.count;
    if (!fk_path_is_folder(path))
        return fk_names_add(&l->paths, path, err);
    fk_watch_begin(&images->watch, "list", 0);
    FK_DO(fk_strdup(&trimmed, path, err));
    for (n = strlen(trimmed); n > 1 && trimmed[n - 1] == '/'; n--)
        trimmed[n - 1] = '\0';
    FK_DO(fk_listing_add(l, trimmed, images->recursive, fk_image_look, err));
    if (l->paths.count + l->broken.count == before)
        st = refuse_empty(l, path, err);
done:
    fk_free(trimmed);
    return st;
}

int64_t fleck_images_count(const fleck_images *images)
{
    return images != NULL ? images->list.paths.count : 0;
}

const char *fleck_images_path(const fleck_images *images, int64_t i)
{
    return i >= 0 && i < fleck_images_count(images) ? images->list.paths.items[i] : NULL;
}

int64_t fleck_images_broken_count(const fleck_images *images)
{
    return images != NULL ? images->list.broken.count : 0;
}

const char *fleck_images_broken(const fleck_images *images, int64_t i)
{
    return i >= 0 && i < fleck_images_broken_count(images) ? images->list.broken.items[i] : NULL;
}

fleck_status fleck_images_passed(const fleck_images *images, int64_t *count, char **text,
                                 fleck_error *err)
{
    FK_NEED(images);
    FK_NEED(count);
    FK_NEED(text);
    *count = fk_listing_passed(&images->list);
    return fk_listing_text(text, &images->list, err);
}
