/* SPDX-License-Identifier: Apache-2.0 */
/* Photos of good parts: what a product learns from. */
#define _GNU_SOURCE
#include "api.h"
#include "look.h"
#include "pictures.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { THUMB = 320, MEAN = 1024, MOST_MEAN = 64 };
static const int64_t LAST_TIME = INT64_C(253402300799000); /* the end of the year 9999 */

#define PHOTO                                                                                      \
    "SELECT id, product, name, replace(path, rtrim(path, replace(path, '/', '')), '') AS file,"    \
    " hash, bytes, width, height, light, contrast, sharpness, state, problem, origin, added"       \
    " FROM photo"

/* ---- Statistics ---- */

/* Of grey values in [0, 255]: light is their mean, contrast their standard deviation, and sharpness
 * the mean absolute difference of neighbours over the contrast. */
static void measure(const fleck_photo *p, double *light, double *contrast, double *sharpness)
{
    const int64_t n = p->width * p->height;
    double sum = 0, squares = 0, steps = 0;

    for (int64_t i = 0; i < n; i++) {
        const unsigned char *c = p->data + 3 * i;
        const double grey = 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2];

        sum += grey;
        squares += grey * grey;
        if (i % p->width > 0)
            steps += fabs(grey - (0.299 * c[-3] + 0.587 * c[-2] + 0.114 * c[-1]));
    }
    *light = sum / (double)n;
    *contrast = sqrt(fmax(squares / (double)n - *light * *light, 0));
    *sharpness = *contrast > 0 ? steps / (double)n / *contrast : 0;
}

/* ---- Adding ---- */

/* The last part of a path, without characters that a file name should not have. */
static void clean_name(char out[201], const char *name)
{
    const char *slash = strrchr(name, '/'), *back = strrchr(name, '\\');
    char *utf8;
    size_t n = 0;

    if (back > slash)
        slash = back;
    utf8 = sv_text_clean(slash != NULL ? slash + 1 : name, 180);
    for (const char *p = utf8; p != NULL && *p != '\0'; p++)
        out[n++] = (unsigned char)*p < 32 || *p == 127 || *p == ':' ? '_' : *p;
    out[n] = '\0';
    free(utf8);
    if (n == 0 || out[0] == '.')
        snprintf(out, 201, "photo");
}

static json_t *not_taken(const char *name, const char *problem)
{
    return json_pack("{s:o, s:o}", "name", sv_text_json(name), "problem", sv_text_json(problem));
}

/* Write the row and the thumbnail of a photo whose file is there: both or none. */
static int64_t insert(sv_server *s, int64_t product, const char *name, const char *path,
                      const char *hash, size_t size, const char *origin, const fleck_photo *p,
                      fleck_error *err)
{
    const fleck_pixels pixels = {p->data, p->width, p->height, (size_t)p->width * 3, FLECK_RGB8};
    double light, contrast, sharpness;
    unsigned char *jpeg = NULL;
    char now[SV_TIME], thumb[4096], look[SV_LOOK];
    size_t jpeg_size;
    int64_t id;
    bool ok;

    measure(p, &light, &contrast, &sharpness);
    sv_look(look, p);
    if (fleck_pixels_jpeg(&pixels, &jpeg, &jpeg_size, err) != FLECK_OK)
        return -1;
    sv_now(now);
    if (!sv_db_begin(&s->db, err)) {
        fleck_free(jpeg);
        return -1;
    }
    id =
        sv_db_int(&s->db, err,
                  "INSERT INTO photo(product, name, path, hash, bytes, width, height, light,"
                  " contrast, sharpness, state, origin, added, look) VALUES(?, ?, ?, ?, ?, ?, ?, ?,"
                  " ?, ?, 'in', ?, ?, ?) RETURNING id",
                  "isssiiidddsss", product, name, path, hash, (int64_t)size, p->full_width,
                  p->full_height, light, contrast, sharpness, origin, now, look);
    sv_path(s, thumb, "products/%lld/thumbs/%lld.jpg", (long long)product, (long long)id);
    ok = sv_db_end(&s->db, id > 0 && sv_file_write(thumb, jpeg, jpeg_size, err), err);
    fleck_free(jpeg);
    return ok ? id : -1;
}

/* Where a photo is stored.  It keeps its name, since groups of photos are found by their names; the
 * hash goes into the name of a second one. */
static void file_path(sv_server *s, char path[512], char full[4096], int64_t product,
                      const char *name, const char *hash)
{
    const char *dot = strrchr(name, '.');
    const size_t stem = dot != NULL ? (size_t)(dot - name) : strlen(name);

    snprintf(path, 512, "products/%lld/photos/%s", (long long)product, name);
    sv_path(s, full, "%s", path);
    if (access(full, F_OK) != 0)
        return;
    snprintf(path, 512, "products/%lld/photos/%.*s-%.8s%s", (long long)product, (int)stem, name,
             hash, name + stem);
    sv_path(s, full, "%s", path);
}

/* Give the file at path the time that the photo's file had where it came from. */
static void set_time(const char *path, int64_t modified)
{
    const struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = modified / 1000, .tv_nsec = (long)(modified % 1000) * 1000000}};

    if (modified > 0)
        (void)utimensat(AT_FDCWD, path, times, 0);
}

static json_t *add(sv_server *s, int64_t product, const char *name, const void *bytes, size_t size,
                   int64_t modified, const char *origin)
{
    char own[201], hash[33], path[512], full[4096];
    fleck_photo *photo = NULL;
    fleck_error err = {0};
    int64_t twin, id = -1;

    clean_name(own, name);
    sv_hash(hash, bytes, size);
    twin = sv_db_int(&s->db, NULL, "SELECT id FROM photo WHERE product = ? AND hash = ?", "is",
                     product, hash);
    if (twin > 0)
        return json_pack("{s:s, s:s, s:I}", "name", own, "problem",
                         "the same photo is there already", "duplicate_of", (json_int_t)twin);
    file_path(s, path, full, product, own, hash);
    if (!sv_file_write(full, bytes, size, &err))
        return not_taken(own, err.message);
    set_time(full, modified);
    if (fleck_photo_read(&photo, full, THUMB, &err) == FLECK_OK)
        id = insert(s, product, own, path, hash, size, origin, photo, &err);
    fleck_photo_free(&photo);
    if (id > 0)
        return sv_db_row(&s->db, &err, PHOTO " WHERE id = ?", "i", id);
    unlink(full);
    sv_text_rename(err.message, sizeof err.message, full, own);
    return not_taken(own, err.message);
}

json_t *sv_photo_add(sv_server *s, int64_t product, const char *name, const void *bytes,
                     size_t size, int64_t modified, const char *origin)
{
    json_t *answer;

    /* One at a time, so that two photos of one name, or one photo twice, do not pass each other. */
    pthread_mutex_lock(&s->adding);
    answer = add(s, product, name != NULL ? name : "photo", bytes, size, modified, origin);
    pthread_mutex_unlock(&s->adding);
    return answer;
}

void sv_photos_list(sv_request *r)
{
    fleck_error err = {0};
    json_t *rows;

    if (!sv_need_product(r, r->ids[0]))
        return;
    rows = sv_db_rows(&r->server->db, &err, PHOTO " WHERE product = ? ORDER BY id", "i", r->ids[0]);
    if (rows != NULL)
        sv_reply_json(r, 200, rows);
    else
        sv_reply_error(r, &err);
}

static void reply_added(sv_request *r, json_t *added)
{
    json_t *event = json_pack("{s:I}", "id", (json_int_t)r->ids[0]);

    sv_events_send(r->server->events, "product", event);
    json_decref(event);
    sv_reply_json(r, 200, added);
}

void sv_photos_add(sv_request *r)
{
    const int64_t modified = sv_query_int(r, "modified", 0, 0, LAST_TIME);
    json_t *added;

    if (!sv_need_product(r, r->ids[0]))
        return;
    if (sv_body_is_empty(r)) {
        sv_reply_problem(r, 422,
                         "the body is empty: expected the bytes of one photo, or "
                         "multipart/form-data with photos");
        return;
    }
    added = json_array();
    for (int i = 0; i < r->n_parts; i++) {
        const sv_part *p = &r->parts[i];
        const char *name = p->file != NULL ? p->file : "photo";

        json_array_append_new(added, p->size > 0 ? sv_photo_add(r->server, r->ids[0], name, p->data,
                                                                p->size, modified, "upload")
                                                 : not_taken(name, "the file is empty"));
    }
    reply_added(r, added);
}

/* ---- Import ---- */

static bool is_below(const char *path, const char *root)
{
    const size_t n = strlen(root);

    return strncmp(path, root, n) == 0 &&
           (path[n] == '\0' || path[n] == '/' || (n > 0 && root[n - 1] == '/'));
}

bool sv_path_below(const char *root, const char *folder, const char *option, char out[4096],
                   fleck_error *err)
{
    char real_root[4096], joined[8300];

    if (root == NULL)
        return sv_error(err, (fleck_status)SV_DENIED,
                        "no folder is open to this: start fleck serve with %s", option);
    if (folder == NULL || realpath(root, real_root) == NULL)
        return sv_error(err, FLECK_E_OPTION, "expected {\"folder\": a path below %s}", root);
    snprintf(joined, sizeof joined, "%s%s%s", folder[0] == '/' ? "" : real_root,
             folder[0] == '/' ? "" : "/", folder);
    if (strlen(joined) >= 4096 || realpath(joined, out) == NULL)
        return sv_error(err, FLECK_E_NOTFOUND, "%s: %s", folder,
                        strerror(strlen(joined) >= 4096 ? ENAMETOOLONG : errno));
    if (!is_below(out, real_root))
        return sv_error(err, (fleck_status)SV_DENIED, "%s: it is not below %s", folder, root);
    return true;
}

static json_t *import_file(sv_server *s, int64_t product, const char *path, const char *root)
{
    char real[4096];
    const bool below = realpath(path, real) != NULL && is_below(real, root);
    const int fd = below ? open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW) : -1;
    unsigned char *bytes = NULL;
    struct stat status;
    json_t *answer;
    ssize_t n = -1;

    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
        status.st_size <= s->options.upload_bytes &&
        (bytes = malloc((size_t)status.st_size + 1)) != NULL)
        n = read(fd, bytes, (size_t)status.st_size);
    if (fd >= 0)
        close(fd);
    if (n >= 0 && n == status.st_size)
        answer = sv_photo_add(s, product, path, bytes, (size_t)n,
                              (int64_t)status.st_mtim.tv_sec * 1000, "import");
    else
        answer = not_taken(path, "the file cannot be read, or is too large");
    free(bytes);
    return answer;
}

void sv_photos_import(sv_request *r)
{
    fleck_images *images = NULL;
    fleck_error err = {0};
    char root[4096], folder[4096] = "", *passed = NULL;
    int64_t n_passed = 0;
    json_t *added = json_array();

    if (sv_body_only(r, "folder", NULL) && sv_need_product(r, r->ids[0])) {
        if (!sv_path_below(r->server->options.import_root, sv_body_text(r, "folder"),
                           "--import FOLDER", folder, &err) ||
            (realpath(r->server->options.import_root, root) == NULL &&
             !sv_error(&err, FLECK_E_IO, "%s: %s", r->server->options.import_root,
                       strerror(errno))) ||
            fleck_images_open(&images, false, &err) != FLECK_OK ||
            fleck_images_add(images, folder, &err) != FLECK_OK ||
            fleck_images_passed(images, &n_passed, &passed, &err) != FLECK_OK) {
            sv_reply_error(r, &err);
        } else {
            for (int64_t i = 0;
                 i < fleck_images_count(images) && !atomic_load(&r->server->stopping); i++)
                json_array_append_new(
                    added, import_file(r->server, r->ids[0], fleck_images_path(images, i), root));
            if (passed[0] != '\0')
                json_array_append_new(added, not_taken("", passed));
            reply_added(r, json_incref(added));
        }
    }
    json_decref(added);
    fleck_free(passed);
    fleck_images_close(&images);
}

/* ---- One photo ---- */

void sv_photo_change(sv_request *r)
{
    const char *state = sv_body_text(r, "state");
    fleck_error err = {0};
    json_t *row;

    if (!sv_body_only(r, "state", NULL))
        return;
    if (state == NULL || (strcmp(state, "in") != 0 && strcmp(state, "out") != 0)) {
        sv_reply_problem(r, 422, "state: expected \"in\" or \"out\"");
        return;
    }
    if (sv_db_run(&r->server->db, &err, "UPDATE photo SET state = ? WHERE id = ?", "si", state,
                  r->ids[0]) &&
        (row = sv_db_row(&r->server->db, &err, PHOTO " WHERE id = ?", "i", r->ids[0])) != NULL)
        sv_reply_json(r, 200, row);
    else
        sv_reply_error(r, &err);
}

void sv_photo_file(sv_request *r)
{
    fleck_error err = {0};
    json_t *row =
        sv_db_row(&r->server->db, &err, "SELECT path FROM photo WHERE id = ?", "i", r->ids[0]);
    const char *name = json_string_value(json_object_get(row, "path"));
    char path[4096];

    if (name == NULL) {
        sv_reply_error(r, &err);
        json_decref(row);
        return;
    }
    sv_path(r->server, path, "%s", name);
    sv_reply_file(r, path, "application/octet-stream", NULL);
    json_decref(row);
}

void sv_photo_thumb(sv_request *r)
{
    fleck_error err = {0};
    const int64_t product =
        sv_db_int(&r->server->db, &err, "SELECT product FROM photo WHERE id = ?", "i", r->ids[0]);
    char path[4096];

    if (product <= 0) {
        sv_reply_error(r, &err);
        return;
    }
    sv_path(r->server, path, "products/%lld/thumbs/%lld.jpg", (long long)product,
            (long long)r->ids[0]);
    sv_reply_file(r, path, "image/jpeg", NULL);
}

/* Sums over photos of one size, and how many there are. */
typedef struct mean {
    fleck_photo *first;
    uint32_t *sums; /* [height, width, 3] of the first */
    uint32_t count;
} mean;

/* Add the photo of a file.  One that cannot be read, or of another size, is left out.  False: out
 * of memory. */
static bool mean_add(mean *m, const char *path)
{
    fleck_photo *p = NULL;

    if (fleck_photo_read(&p, path, MEAN, NULL) != FLECK_OK)
        return true;
    if (m->first == NULL) {
        m->first = p;
        m->sums = calloc((size_t)(p->width * p->height * 3), sizeof *m->sums);
    }
    if (m->sums != NULL && p->width == m->first->width && p->height == m->first->height) {
        for (int64_t k = 0; k < p->width * p->height * 3; k++)
            m->sums[k] += p->data[k];
        m->count++;
    }
    if (p != m->first)
        fleck_photo_free(&p);
    return m->sums != NULL;
}

/* Answer with the mean as a JPEG.  The photos' own size is in a header. */
static void reply_mean(sv_request *r, const mean *m)
{
    fleck_photo *p = m->first;
    unsigned char *jpeg = NULL;
    fleck_error err = {0};
    char text[32];
    size_t size;

    for (int64_t k = 0; k < p->width * p->height * 3; k++)
        p->data[k] = (unsigned char)((m->sums[k] + m->count / 2) / m->count);
    if (fleck_pixels_jpeg(
            &(fleck_pixels){p->data, p->width, p->height, (size_t)p->width * 3, FLECK_RGB8}, &jpeg,
            &size, &err) != FLECK_OK) {
        sv_reply_error(r, &err);
        return;
    }
    sv_reply_bytes(r, 200, "image/jpeg", jpeg, size, SV_FLECK);
    snprintf(text, sizeof text, "%lldx%lld", (long long)p->full_width, (long long)p->full_height);
    sv_header(r, "X-Fleck-Photo-Size", text);
}

/* Mean of up to MOST_MEAN photos of the first one's size, spread over all. */
void sv_mean_image(sv_request *r)
{
    fleck_error err = {0};
    json_t *rows;
    mean m = {0};
    char path[4096];
    bool ok = true;
    size_t n;

    if (!sv_need_product(r, r->ids[0]))
        return;
    rows = sv_db_rows(&r->server->db, &err,
                      "SELECT path FROM photo WHERE product = ? AND state = 'in' ORDER BY id", "i",
                      r->ids[0]);
    if (rows == NULL) {
        sv_reply_error(r, &err);
        return;
    }
    n = json_array_size(rows);
    for (size_t i = 0; ok && i < n; i += n / MOST_MEAN + 1) {
        sv_path(r->server, path, "%s",
                json_string_value(json_object_get(json_array_get(rows, i), "path")));
        ok = mean_add(&m, path);
    }
    json_decref(rows);
    if (!ok)
        sv_reply_problem(r, 503, "out of memory");
    else if (m.count == 0)
        sv_reply_problem(r, 404, "this product has no photos");
    else
        reply_mean(r, &m);
    free(m.sums);
    fleck_photo_free(&m.first);
}
