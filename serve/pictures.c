/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of inspections, as files. */
#define _GNU_SOURCE
#include "pictures.h"
#include "server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <xxhash.h>

enum { KEEP_SECONDS = 3600 };

void sv_hash(char out[33], const void *bytes, size_t size)
{
    const XXH128_hash_t h = XXH3_128bits(bytes, size);

    snprintf(out, 33, "%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
}

static const struct {
    const char *head;
    size_t size;
    const char *ending, *type;
} kinds[] = {{"\x89PNG", 4, "png", "image/png"},
             {"\xff\xd8\xff", 3, "jpg", "image/jpeg"},
             {"II*\0", 4, "tiff", "image/tiff"},
             {"MM\0*", 4, "tiff", "image/tiff"},
             {"BM", 2, "bmp", "image/bmp"},
             {"P5", 2, "pgm", "image/x-portable-anymap"},
             {"P6", 2, "ppm", "image/x-portable-anymap"}};

const char *sv_image_ending(const void *bytes, size_t size)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (size >= kinds[i].size && memcmp(bytes, kinds[i].head, kinds[i].size) == 0)
            return kinds[i].ending;
    return "bin";
}

const char *sv_image_type(const char *path)
{
    const char *dot = strrchr(path, '.');

    for (size_t i = 0; dot != NULL && i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(dot + 1, kinds[i].ending) == 0)
            return kinds[i].type;
    return "application/octet-stream";
}

bool sv_file_write(const char *path, const void *bytes, size_t size, fleck_error *err)
{
    return fleck_file_write(path, bytes, size, err) == FLECK_OK;
}

bool sv_file_read(const char *path, unsigned char **bytes, size_t *size, fleck_error *err)
{
    FILE *f = fopen(path, "re");
    long n = -1;

    *bytes = NULL;
    if (f != NULL && fseek(f, 0, SEEK_END) == 0 && (n = ftell(f)) > 0 &&
        (*bytes = malloc((size_t)n)) != NULL) {
        rewind(f);
        *size = fread(*bytes, 1, (size_t)n, f);
    }
    if (f != NULL)
        fclose(f);
    if (*bytes != NULL && *size == (size_t)n)
        return true;
    free(*bytes);
    *bytes = NULL;
    return sv_error(err, FLECK_E_IO, "the map's temporary file cannot be read");
}

/* The samples of a frame, without gaps between rows. */
static size_t sample_bytes(fleck_pixel_format f)
{
    static const size_t sizes[] = {3, 3, 4, 4, 1, 6, 6, 8, 8, 2};

    return sizes[f];
}

enum { PNM_HEAD = 64 };

unsigned char *sv_pnm_encode(const fleck_pixels *p, size_t *size)
{
    const size_t n = sample_bytes(p->format), wide = p->format >= FLECK_RGB16 ? 2 : 1;
    const size_t samples = n / wide, kept = samples == 1 ? 1 : 3;
    const bool turned = p->format == FLECK_BGR8 || p->format == FLECK_BGRA8 ||
                        p->format == FLECK_BGR16 || p->format == FLECK_BGRA16;
    unsigned char *out = malloc((size_t)(p->width * p->height) * kept * wide + PNM_HEAD), *to;

    if (out == NULL)
        return NULL;
    to = out + snprintf((char *)out, PNM_HEAD, "P%d\n%lld %lld\n%d\n", kept == 1 ? 5 : 6,
                        (long long)p->width, (long long)p->height, wide == 2 ? 65535 : 255);
    for (int64_t y = 0; y < p->height; y++) {
        const unsigned char *from = (const unsigned char *)p->data + (size_t)y * p->row_bytes;

        for (int64_t x = 0; x < p->width; x++, from += n)
            for (size_t k = 0; k < kept; k++) {
                const unsigned char *sample = from + (turned ? 2 - k : k) * wide;

                if (wide == 2)
                    *to++ = sample[1]; /* PNM's wide samples begin with the high byte */
                *to++ = sample[0];
            }
    }
    *size = (size_t)(to - out);
    return out;
}

/* Keep a picture that is seen again longer; false: it is not there.  Its time changes at most once
 * in KEEP_SECONDS, since whoever reads a file meanwhile would take it for one that changes. */
static bool keep_longer(sv_server *s, const char *path)
{
    struct stat status;
    bool there;

    pthread_mutex_lock(&s->keeping);
    there = stat(path, &status) == 0;
    if (there && time(NULL) - status.st_mtime > KEEP_SECONDS)
        there = utimensat(AT_FDCWD, path, NULL, 0) == 0;
    pthread_mutex_unlock(&s->keeping);
    return there;
}

bool sv_picture_store(struct sv_server *s, sv_image *image, fleck_error *err)
{
    char path[4096];
    bool ok;

    sv_hash(image->hash, image->bytes, image->size);
    snprintf(image->picture, sizeof image->picture, "pictures/%.2s/%s.%s", image->hash, image->hash,
             sv_image_ending(image->bytes, image->size));
    sv_path(s, path, "pictures/%.2s", image->hash);
    ok = mkdir(path, 0777) == 0 || errno == EEXIST;
    sv_path(s, path, "%s", image->picture);
    if (!ok)
        return sv_error(err, FLECK_E_IO, "%s: %s", path, strerror(errno));
    return keep_longer(s, path) || sv_file_write(path, image->bytes, image->size, err);
}

/* ---- Limits of size and age ---- */

enum { YOUNG_SECONDS = 60 }; /* such a picture may still wait for its scores */

typedef struct kept {
    char path[64];
    int64_t bytes;
    time_t time;
} kept;

typedef struct kept_list {
    kept *items;
    size_t n, room;
    int64_t bytes;
} kept_list;

static void list_folder(sv_server *s, kept_list *l, const char *folder)
{
    char path[4096];
    struct dirent *entry;
    DIR *d;

    sv_path(s, path, "pictures/%s", folder);
    if ((d = opendir(path)) == NULL)
        return;
    while ((entry = readdir(d)) != NULL) {
        struct stat status;
        kept *items;

        if (entry->d_name[0] == '.' || strlen(entry->d_name) > 40 ||
            fstatat(dirfd(d), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (l->n == l->room) {
            items = realloc(l->items, (l->room * 2 + 256) * sizeof *items);
            if (items == NULL)
                break;
            l->items = items;
            l->room = l->room * 2 + 256;
        }
        l->items[l->n] = (kept){.bytes = status.st_size, .time = status.st_mtime};
        snprintf(l->items[l->n].path, sizeof l->items[l->n].path, "pictures/%.2s/%.40s", folder,
                 entry->d_name);
        l->bytes += status.st_size;
        l->n++;
    }
    closedir(d);
}

static int by_time(const void *a, const void *b)
{
    const kept *x = a, *y = b;

    return (x->time > y->time) - (x->time < y->time);
}

/* Remove a picture, unless it was seen again since it was listed. */
static bool remove_picture(sv_server *s, const kept *k)
{
    struct stat status;
    char path[4096];
    bool gone;

    sv_path(s, path, "%s", k->path);
    pthread_mutex_lock(&s->keeping);
    gone = lstat(path, &status) == 0 && status.st_mtime == k->time && unlink(path) == 0;
    pthread_mutex_unlock(&s->keeping);
    if (gone)
        (void)sv_db_run(&s->db, NULL, "UPDATE inspection SET picture = NULL WHERE picture = ?", "s",
                        k->path);
    return gone;
}

void sv_pictures_trim(struct sv_server *s)
{
    const time_t now = time(NULL);
    kept_list l = {0};
    char folder[3];

    for (int i = 0; i < 256; i++) {
        snprintf(folder, sizeof folder, "%02x", i);
        list_folder(s, &l, folder);
    }
    if (l.n > 0)
        qsort(l.items, l.n, sizeof *l.items, by_time);
    for (size_t i = 0; i < l.n; i++) {
        const kept *k = &l.items[i];
        const bool old =
            s->options.keep_days > 0 && now - k->time > (time_t)s->options.keep_days * 86400;

        if ((!old && l.bytes <= s->options.keep_bytes) || now - k->time < YOUNG_SECONDS)
            break;
        if (remove_picture(s, k))
            l.bytes -= k->bytes;
    }
    free(l.items);
}
