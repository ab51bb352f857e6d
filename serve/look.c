/* SPDX-License-Identifier: Apache-2.0 */
/* The coarse look of photos, and the good photo that looks most like an inspection. */
#include "look.h"
#include "api.h"
#include "text.h"

#include <math.h>
#include <string.h>

enum { READ = 256 }; /* an inspection's picture is reduced to this size first */

/* Mean of channel c over field i, k of the photo. */
static int mean_of(const fleck_photo *p, int64_t i, int64_t k, int c)
{
    const int64_t x0 = p->width * i / SV_LOOK_SIDE, x1 = p->width * (i + 1) / SV_LOOK_SIDE;
    const int64_t y0 = p->height * k / SV_LOOK_SIDE, y1 = p->height * (k + 1) / SV_LOOK_SIDE;
    int64_t sum = 0, n = 0;

    for (int64_t y = y0; y < (y1 > y0 ? y1 : y0 + 1); y++)
        for (int64_t x = x0; x < (x1 > x0 ? x1 : x0 + 1); x++, n++)
            sum += p->data[(y * p->width + x) * 3 + c];
    return (int)((sum + n / 2) / n);
}

void sv_look(char out[SV_LOOK], const fleck_photo *photo)
{
    static const char digits[] = "0123456789abcdef";

    for (int64_t k = 0; k < SV_LOOK_SIDE; k++)
        for (int64_t i = 0; i < SV_LOOK_SIDE; i++)
            for (int c = 0; c < 3; c++) {
                const int mean = mean_of(photo, i, k, c);

                *out++ = digits[mean >> 4];
                *out++ = digits[mean & 15];
            }
    *out = '\0';
}

static int digit(char c)
{
    return c >= 'a' ? c - 'a' + 10 : c - '0';
}

double sv_look_distance(const char *a, const char *b)
{
    double sum = 0;

    if (a == NULL || b == NULL || strlen(a) != SV_LOOK - 1 || strlen(b) != SV_LOOK - 1)
        return INFINITY;
    for (int i = 0; i < SV_LOOK - 1; i += 2) {
        const int d = digit(a[i]) * 16 + digit(a[i + 1]) - digit(b[i]) * 16 - digit(b[i + 1]);

        sum += (double)d * d;
    }
    return sqrt(sum / ((SV_LOOK - 1) / 2.0));
}

/* The row of the most similar photo; NULL: there is none. */
static json_t *nearest(const json_t *rows, const char *look, double *distance)
{
    json_t *best = NULL, *row;
    size_t i;

    *distance = INFINITY;
    json_array_foreach(rows, i, row)
    {
        const double d = sv_look_distance(look, json_string_value(json_object_get(row, "look")));

        if (d < *distance) {
            *distance = d;
            best = row;
        }
    }
    return best;
}

void sv_inspection_nearest(sv_request *r)
{
    fleck_error err = {0};
    json_t *row = sv_db_row(&r->server->db, &err,
                            "SELECT product, picture FROM inspection WHERE id = ?", "i", r->ids[0]);
    const char *picture = json_string_value(json_object_get(row, "picture"));
    fleck_photo *photo = NULL;
    json_t *rows = NULL, *best;
    char path[4096] = "", look[SV_LOOK];
    double distance;

    if (row != NULL && picture == NULL)
        sv_error(&err, FLECK_E_NOTFOUND, "the picture is no longer kept");
    if (picture != NULL) {
        sv_path(r->server, path, "%s", picture);
        if (fleck_photo_read(&photo, path, READ, &err) == FLECK_OK)
            rows = sv_db_rows(&r->server->db, &err,
                              "SELECT id, name, look FROM photo WHERE product = ? AND state = 'in'",
                              "i", (int64_t)json_integer_value(json_object_get(row, "product")));
    }
    json_decref(row);
    if (rows == NULL) {
        fleck_photo_free(&photo);
        sv_text_rename(err.message, sizeof err.message, path, "the picture");
        sv_reply_error(r, &err);
        return;
    }
    sv_look(look, photo);
    fleck_photo_free(&photo);
    if ((best = nearest(rows, look, &distance)) != NULL)
        sv_reply_json(r, 200,
                      json_pack("{s:O, s:O, s:f, s:I}", "photo", json_object_get(best, "id"),
                                "name", json_object_get(best, "name"), "distance", distance, "of",
                                (json_int_t)json_array_size(rows)));
    else
        sv_reply_problem(r, 404, "this product has no photos");
    json_decref(rows);
}
