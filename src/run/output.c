/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs: names of the files made from an image, and whether a file may be replaced. */
#define _GNU_SOURCE
#include "run/output.h"
#include "base/file.h"
#include "base/mem.h"
#include "image/image.h"
#include "weights/weights.h"
#include "map/map_file.h"
#include "tensor/safetensors.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Names ---- */

/* Most bytes of a file's name, and bytes of the digest in a shortened one. */
#define NAME_BYTES 255
#define SUM_BYTES 32

/* Add the last part of a path that is too long with its ending: shortened, with a digest of the
 * whole part. */
static fleck_status add_long(fk_text *out, const char *part, size_t n, size_t ending,
                             fleck_error *err)
{
    size_t keep = NAME_BYTES - ending - SUM_BYTES - 1;
    char sum[FK_SHA256_TEXT];

    fk_sha256_text(part, n, sum);
    while (keep > 0 && ((unsigned char)part[keep] & 0xc0) == 0x80) /* not inside a character */
        keep--;
    return fk_text_printf(out, err, "%.*s%%%.*s", (int)keep, part, SUM_BYTES, sum);
}

/* Add a part of a path, n bytes.  A leading "%" marks parts that are not names of folders, so a "%"
 * that leads a name is escaped. */
static fleck_status add_part(fk_text *out, const char *part, size_t n, size_t ending,
                             fleck_error *err)
{
    fleck_status st = FLECK_OK;

    if (out->length > 0)
        FK_DO(fk_text_add(out, "/", 1, err));
    if (n == 2 && memcmp(part, "..", 2) == 0)
        return fk_text_add(out, "%up", 3, err);
    if (n + ending > NAME_BYTES - 2)
        return add_long(out, part, n, ending, err);
    if (part[0] == '%')
        FK_DO(fk_text_add(out, "%25", 3, err));
    st = part[0] == '%' ? fk_text_add(out, part + 1, (int64_t)n - 1, err)
                        : fk_text_add(out, part, (int64_t)n, err);
done:
    return st;
}

fleck_status fk_output_name(char **out, const char *image, const char *ending, fleck_error *err)
{
    fk_text text = {0};
    fleck_status st = FLECK_OK;

    *out = NULL;
    if (image[0] == '/')
        FK_DO(fk_text_add(&text, "%root", 5, err));
    for (const char *p = image + strspn(image, "/"); *p != '\0';) {
        size_t n = strcspn(p, "/"), gap = strspn(p + n, "/");
        bool last = p[n + gap] == '\0';

        if (n != 1 || p[0] != '.')
            FK_DO(add_part(&text, p, n, last ? strlen(ending) : 0, err));
        p += n + gap;
    }
    FK_DO(fk_text_add(&text, ending, (int64_t)strlen(ending), err));
    *out = text.data; /* moved */
    text = (fk_text){0};
done:
    fk_text_free(&text);
    return st;
}

/* ---- Existing files ---- */

void fk_output_origin(char out[FK_SHA256_TEXT], const char *image)
{
    char whole[PATH_MAX];
    const char *path = realpath(image, whole) != NULL ? whole : image;

    fk_sha256_text(path, strlen(path), out);
}

fleck_status fk_output_apart(const char *path, const char *input, fleck_error *err)
{
    if (!fk_path_same(path, input))
        return FLECK_OK;
    return fk_error_set(err, FLECK_E_STATE, "%s is not written: it is %s itself", path, input);
}

void fk_outputs_free(fk_outputs *o)
{
    fk_names_free(&o->paths);
    fk_free(o->stamps);
    *o = (fk_outputs){0};
}

fleck_status fk_outputs_add(fk_outputs *o, const char *path, fleck_error *err)
{
    int64_t n = o->paths.count;
    fk_stamp stamp;
    fleck_status st;

    if (!fk_stamp_of(&stamp, path))
        return FLECK_OK;
    FK_DO(fk_grow((void **)&o->stamps, n, n + 1, sizeof *o->stamps, err));
    FK_DO(fk_names_add(&o->paths, path, err));
    o->stamps[n] = stamp;
done:
    return st;
}

fleck_status fk_outputs_apart(const fk_outputs *o, const char *input, fleck_error *err)
{
    fk_stamp stamp;

    if (input == NULL || o->paths.count == 0 || !fk_stamp_of(&stamp, input))
        return FLECK_OK;
    for (int64_t i = 0; i < o->paths.count; i++)
        if (o->stamps[i].device == stamp.device && o->stamps[i].inode == stamp.inode)
            return fk_error_set(err, FLECK_E_STATE, "%s is not written: it is %s itself",
                                o->paths.items[i], input);
    return FLECK_OK;
}

fleck_status fk_outputs_apart_samples(const fk_outputs *o, const fk_samples *samples,
                                      fleck_error *err)
{
    fleck_status st = FLECK_OK;

    for (int64_t i = 0; i < samples->count; i++) {
        FK_DO(fk_outputs_apart(o, samples->items[i].path, err));
        FK_DO(fk_outputs_apart(o, samples->items[i].mask, err));
        FK_DO(fk_outputs_apart(o, samples->items[i].ignore, err));
    }
done:
    return st;
}

/* The first bytes of path, as many as there are. */
static size_t read_head(uint8_t *head, size_t size, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd >= 0 ? read(fd, head, size) : 0;

    if (fd >= 0)
        close(fd);
    return n > 0 ? (size_t)n : 0;
}

static bool same_origin(const char *found, const char *image)
{
    char wanted[FK_SHA256_TEXT];

    if (image == NULL)
        return true;
    fk_output_origin(wanted, image);
    return strcmp(found, wanted) == 0;
}

static bool is_own_model(const char *path)
{
    fk_st_reader *reader = NULL;
    bool own =
        fk_st_open(&reader, path, NULL) == FLECK_OK && fk_st_metadata(reader, "fleck") != NULL;

    fk_st_close(&reader);
    return own;
}

/* Whether the n bytes of a file's head begin with text. */
static bool begins(const uint8_t *head, size_t n, const char *text)
{
    return n >= strlen(text) && memcmp(head, text, strlen(text)) == 0;
}
static_assert(FK_NPY_NOTE_BYTES <= FK_PNG_NOTE_BYTES && FK_NPY_ORIGIN_SIZE <= FK_PNG_ORIGIN_SIZE,
              "one buffer serves pictures and maps");

/* Whether both files have the same bytes. */
static bool same_bytes(const char *path, const char *image)
{
    fk_file a = {.fd = -1}, b = {.fd = -1};
    char pieces[2][8192];
    bool same = image != NULL && fk_file_open(&a, path, 0, NULL) == FLECK_OK &&
                fk_file_open(&b, image, 0, NULL) == FLECK_OK && a.stamp.size == b.stamp.size;

    for (int64_t at = 0; same && at < a.stamp.size; at += (int64_t)sizeof pieces[0]) {
        const int64_t left = a.stamp.size - at;
        const size_t n = left < (int64_t)sizeof pieces[0] ? (size_t)left : sizeof pieces[0];

        same = fk_file_read(&a, pieces[0], at, n, NULL) == FLECK_OK &&
               fk_file_read(&b, pieces[1], at, n, NULL) == FLECK_OK &&
               memcmp(pieces[0], pieces[1], n) == 0;
    }
    fk_file_close(&a);
    fk_file_close(&b);
    return same;
}

static bool is_own(const char *path, fleck_output_kind kind, const char *image)
{
    uint8_t head[FK_PNG_NOTE_BYTES];
    char origin[FK_PNG_ORIGIN_SIZE];
    size_t n = read_head(head, sizeof head, path);

    switch (kind) {
    case FLECK_OUTPUT_MODEL:
        return is_own_model(path);
    case FLECK_OUTPUT_PICTURE:
        return fk_png_origin(origin, head, n) && same_origin(origin, image);
    case FLECK_OUTPUT_MAP:
        return (fk_npy_origin(origin, head, n) || fk_tiff_origin(origin, sizeof origin, path)) &&
               same_origin(origin, image);
    case FLECK_OUTPUT_SCORES:
        return begins(head, n, "path,label,score");
    case FLECK_OUTPUT_RESULTS:
        return begins(head, n, "path,score,limit,ratio,");
    case FLECK_OUTPUT_REGIONS:
        return begins(head, n, "path,region,x,y,width,height,area");
    case FLECK_OUTPUT_PAGE:
        return begins(head, n, FLECK_PAGE_HEAD);
    case FLECK_OUTPUT_COPY:
        return same_bytes(path, image);
    }
    return false;
}

fleck_status fk_output_replace(const char *path, fleck_output_kind kind, const char *image,
                               bool any, fleck_error *err)
{
    static const char *const names[] = {
        "model", "picture", "map", "table of scores", "table of results", "table of regions",
        "page",  "copy"};
    struct stat info;
    fleck_status st;

    if ((unsigned)kind >= sizeof names / sizeof names[0])
        FK_FAIL(err, FLECK_E_OPTION, "there is no kind %d of outputs", (int)kind);
    FK_DO(fk_output_apart(path, image, err));
    if (any || stat(path, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size == 0 ||
        is_own(path, kind, image))
        return FLECK_OK;
    if (image != NULL)
        FK_FAIL(err, FLECK_E_STATE, "%s is there, and is not known as fleck's %s of %s", path,
                names[kind], image);
    FK_FAIL(err, FLECK_E_STATE, "%s is there, and is no %s of fleck's", path, names[kind]);
done:
    return st;
}
