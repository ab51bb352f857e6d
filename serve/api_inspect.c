/* SPDX-License-Identifier: Apache-2.0 */
/* POST /api/v1/products/#/inspect: one image, a raw frame, or several images. */
#include "api.h"
#include "maps.h"
#include "pictures.h"
#include "text.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* The images of one request. */
typedef struct batch {
    sv_request *request;
    sv_image *images;
    unsigned char *made; /* the bytes of a raw frame's file */
    int n;
    bool many; /* answer with a list */
    atomic_int left;
} batch;

static void batch_free(batch *b)
{
    for (int i = 0; i < b->n; i++)
        sv_image_free(&b->images[i]);
    free(b->images);
    free(b->made);
    free(b);
}

/* The value of a parameter "name=value" of a media type, and its length; NULL: missing. */
static const char *parameter(const char *type, const char *name, size_t *length)
{
    const size_t n = strlen(name);

    for (const char *p = strchr(type, ';'); p != NULL; p = strchr(p, ';')) {
        for (p++; *p == ' '; p++)
            ;
        if (strncasecmp(p, name, n) == 0 && p[n] == '=') {
            p += n + 1;
            *length = strcspn(p, ";");
            while (*length > 0 && p[*length - 1] == ' ')
                --*length;
            if (*length < 2 || p[0] != '"' || p[*length - 1] != '"')
                return p;
            *length -= 2;
            return p + 1;
        }
    }
    return NULL;
}

/* A side in pixels, 1 to 65535; 0: missing or none. */
static int64_t side(const char *type, const char *name)
{
    size_t n = 0;
    const char *text = parameter(type, name, &n);
    int64_t value = 0;

    if (text == NULL || n == 0 || n > 5)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        value = value * 10 + (text[i] - '0');
    }
    return value <= 65535 ? value : 0;
}

static bool is_raw(const char *type)
{
    static const char raw[] = "image/x-fleck-raw";

    return type != NULL && strncasecmp(type, raw, sizeof raw - 1) == 0 &&
           strchr("; ", type[sizeof raw - 1]) != NULL; /* or its end */
}

/* The pixels of a raw frame, image/x-fleck-raw;w=640;h=480;format=rgb8. */
static bool raw_pixels(fleck_pixels *out, const sv_part *p, fleck_error *err)
{
    static const struct {
        const char *name;
        fleck_pixel_format format;
        int64_t bytes;
    } formats[] = {{"grey8", FLECK_GREY8, 1},
                   {"rgb8", FLECK_RGB8, 3},
                   {"bgr8", FLECK_BGR8, 3},
                   {"grey16", FLECK_GREY16, 2},
                   {"rgb16", FLECK_RGB16, 6}};
    const int64_t w = side(p->type, "w"), h = side(p->type, "h");
    size_t i = 0, n = 0;
    const char *format = parameter(p->type, "format", &n);

    while (format != NULL && i < 5 &&
           (strlen(formats[i].name) != n || strncmp(format, formats[i].name, n) != 0))
        i++;
    if (format == NULL || i == 5 || w == 0 || h == 0)
        return sv_error(err, FLECK_E_OPTION,
                        "expected image/x-fleck-raw;w=WIDTH;h=HEIGHT;format=grey8, rgb8, bgr8, "
                        "grey16 or rgb16, got %.200s",
                        p->type);
    *out = (fleck_pixels){p->data, w, h, (size_t)(w * formats[i].bytes), formats[i].format};
    if ((int64_t)p->size != w * h * formats[i].bytes)
        return sv_error(err, FLECK_E_SHAPE, "a frame of %lld x %lld pixels has %lld bytes, got %zu",
                        (long long)w, (long long)h, (long long)w * h * formats[i].bytes, p->size);
    return true;
}

static json_t *problem_json(const sv_image *image)
{
    return json_pack("{s:s, s:s, s:o}", "name", image->name, "verdict", "error", "error",
                     sv_text_json(image->err.message));
}

static void answer(batch *b)
{
    sv_request *r = b->request;

    for (int i = 0; i < b->n; i++)
        if (b->images[i].answer != NULL && b->images[i].map != NULL)
            json_object_set(b->images[i].answer, "map", b->images[i].map);
    if (!b->many && b->images[0].dropped) {
        sv_reply_problem(r, 503, "%s", b->images[0].err.message);
    } else if (!b->many && b->images[0].err.status != FLECK_OK) {
        sv_reply_error(r, &b->images[0].err);
    } else if (!b->many) {
        sv_reply_json(r, 200, json_incref(b->images[0].answer));
    } else {
        json_t *list = json_array();

        for (int i = 0; i < b->n; i++)
            json_array_append_new(list, b->images[i].err.status != FLECK_OK
                                            ? problem_json(&b->images[i])
                                            : json_incref(b->images[i].answer));
        sv_reply_json(r, 200, list);
    }
}

static void one_done(batch *b)
{
    sv_request *r = b->request;

    if (atomic_fetch_sub(&b->left, 1) > 1)
        return;
    answer(b);
    batch_free(b);
    sv_resume(r);
}

static void on_done(sv_image *image)
{
    one_done(image->ctx);
}

/* Fill in the image of one part. */
static bool fill_image(batch *b, sv_image *image, const sv_part *p, fleck_error *err)
{
    sv_request *r = b->request;
    const char *source = sv_query(r, "source");
    fleck_pixels pixels;

    *image = (sv_image){.product = r->ids[0],
                        .bytes = p->data,
                        .size = p->size,
                        .map_kind = sv_query(r, "map"),
                        .received = r->begun,
                        .done = on_done,
                        .ctx = b};
    image->name = sv_text_clean(p->file != NULL ? p->file : "image", 240);
    image->source = sv_text_clean(source != NULL ? source : "api", 80);
    if (image->name == NULL || image->source == NULL)
        return sv_error(err, FLECK_E_NOMEM, "out of memory");
    if (p->size == 0) { /* its answer has a place in the list all the same */
        image->bytes = NULL;
        sv_error(&image->err, FLECK_E_FORMAT, "%s: expected the bytes of an image, found none",
                 image->name);
        return true;
    }
    if (!is_raw(p->type))
        return true;
    if (b->made != NULL)
        return sv_error(err, FLECK_E_OPTION, "expected one raw frame in a request, found several");
    if (!raw_pixels(&pixels, p, err))
        return false;
    image->bytes = b->made = sv_pnm_encode(&pixels, &image->size);
    return b->made != NULL || sv_error(err, FLECK_E_NOMEM, "out of memory");
}

static batch *make_batch(sv_request *r, fleck_error *err)
{
    batch *b = calloc(1, sizeof *b);

    if (b == NULL || (b->images = calloc((size_t)r->n_parts + 1, sizeof *b->images)) == NULL) {
        free(b);
        sv_error(err, FLECK_E_NOMEM, "out of memory");
        return NULL;
    }
    b->request = r;
    b->many = r->n_parts > 1;
    if (sv_body_is_empty(r))
        sv_error(err, FLECK_E_OPTION, "expected the bytes of an image, found none");
    for (int i = 0; err->status == FLECK_OK && i < r->n_parts; i++)
        if (!fill_image(b, &b->images[b->n++], &r->parts[i], err))
            break;
    if (err->status == FLECK_OK)
        return b;
    batch_free(b);
    return NULL;
}

/* Whether the product exists and has a model; else the request is answered. */
static bool has_model(sv_request *r)
{
    fleck_error err = {0};
    const int64_t model =
        sv_db_int(&r->server->inspect_db, &err,
                  "SELECT COALESCE(current_model, 0) FROM product WHERE id = ?", "i", r->ids[0]);

    if (model > 0)
        return true;
    if (model == 0)
        sv_reply_problem(r, 409, "this product has no model yet: fit one first");
    else if (err.status == FLECK_E_NOTFOUND)
        sv_reply_problem(r, 404, "there is no product %lld", (long long)r->ids[0]);
    else
        sv_reply_error(r, &err);
    return false;
}

void sv_inspect_post(sv_request *r)
{
    static const char *const kinds[] = {"f32", "png", "tiff", NULL};
    fleck_error err = {0};
    batch *b;

    (void)sv_query_one(r, "map", kinds);
    if (r->wrong != NULL || !has_model(r))
        return;
    if ((b = make_batch(r, &err)) == NULL) {
        sv_reply_error(r, &err);
        return;
    }
    /* One more, so that the answer waits until all are queued. */
    atomic_store(&b->left, b->n + 1);
    sv_suspend(r);
    for (int i = 0; i < b->n; i++) {
        if (sv_inspect(r->server->inspector, &b->images[i], &err))
            continue;
        b->images[i].err = err;
        atomic_fetch_sub(&b->left, 1);
    }
    one_done(b);
}
