/* SPDX-License-Identifier: Apache-2.0 */
/* Anomaly maps as bytes: numbers, PNG, TIFF. */
#define _GNU_SOURCE
#include "maps.h"
#include "pictures.h"
#include "server.h"

#include <math.h>
#include <spng.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *sv_map_type(const char *kind)
{
    return strcmp(kind, "png") == 0    ? "image/png"
           : strcmp(kind, "tiff") == 0 ? "image/tiff"
                                       : "application/octet-stream";
}

/* The range of colours: the model's, or the map's own without one. */
static void scale_of(const fleck_model *model, const fleck_result *r, double *low, double *high)
{
    const fleck_model_info *i = fleck_model_describe(model);

    *low = i->scale_low;
    *high = i->scale_high;
    if (*high > *low)
        return;
    *low = INFINITY;
    *high = -INFINITY;
    for (int64_t k = 0; k < r->map_width * r->map_height; k++) {
        *low = fmin(*low, (double)r->map[k]);
        *high = fmax(*high, (double)r->map[k]);
    }
}

static bool encode_png(const float *map, const fleck_result *r, double low, double high,
                       unsigned char **bytes, size_t *size, fleck_error *err)
{
    const size_t n = (size_t)(r->image_width * r->image_height);
    struct spng_ihdr head = {.width = (uint32_t)r->image_width,
                             .height = (uint32_t)r->image_height,
                             .bit_depth = 16,
                             .color_type = SPNG_COLOR_TYPE_GRAYSCALE};
    uint16_t *grey = malloc(n * sizeof *grey);
    spng_ctx *png = spng_ctx_new(SPNG_CTX_ENCODER);
    int code = SPNG_EMEM;

    *bytes = NULL;
    for (size_t i = 0; grey != NULL && i < n; i++) {
        const double x = ((double)map[i] - low) / (high > low ? high - low : 1.0);

        grey[i] = (uint16_t)(fmin(fmax(x, 0.0), 1.0) * 65535.0 + 0.5);
    }
    if (grey != NULL && png != NULL) {
        spng_set_option(png, SPNG_ENCODE_TO_BUFFER, 1);
        spng_set_option(png, SPNG_IMG_COMPRESSION_LEVEL, 1);
        spng_set_ihdr(png, &head);
        code = spng_encode_image(png, grey, n * sizeof *grey, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
        if (code == 0)
            *bytes = spng_get_png_buffer(png, size, &code);
    }
    spng_ctx_free(png);
    free(grey);
    return *bytes != NULL || sv_error(err, FLECK_E_NOMEM, "map: %s", spng_strerror(code));
}

static bool encode_tiff(sv_server *s, const fleck_model *model, const fleck_result *r,
                        unsigned char **bytes, size_t *size, fleck_error *err)
{
    static atomic_int number;
    char path[4096];
    bool ok;

    sv_path(s, path, "tmp/map-%d.tiff", atomic_fetch_add(&number, 1));
    ok = fleck_result_save_map(model, r, path, true, err) == FLECK_OK &&
         sv_file_read(path, bytes, size, err);
    unlink(path);
    return ok;
}

bool sv_map_bytes(struct sv_server *s, const fleck_model *model, const fleck_result *r,
                  const char *kind, unsigned char **bytes, size_t *size, fleck_error *err)
{
    const size_t n = (size_t)(r->image_width * r->image_height) * sizeof(float);
    double low, high;
    float *map;
    bool ok;

    if (strcmp(kind, "tiff") == 0)
        return encode_tiff(s, model, r, bytes, size, err);
    if ((map = malloc(n)) == NULL)
        return sv_error(err, FLECK_E_NOMEM, "out of memory");
    ok = fleck_result_full_map(model, r, map, err) == FLECK_OK;
    if (ok && strcmp(kind, "f32") == 0) {
        *bytes = (unsigned char *)map;
        *size = n;
        return true;
    }
    scale_of(model, r, &low, &high);
    ok = ok && encode_png(map, r, low, high, bytes, size, err);
    free(map);
    return ok;
}

/* The highest value of columns x0 to x1 and rows y0 to y1, ends excluded. */
static float cell_maximum(const float *map, int64_t width, int64_t x0, int64_t x1, int64_t y0,
                          int64_t y1)
{
    float most = map[y0 * width + x0];

    for (int64_t y = y0; y < y1; y++)
        for (int64_t x = x0; x < x1; x++)
            most = fmaxf(most, map[y * width + x]);
    return most;
}

void sv_map_reduce(unsigned char **bytes, size_t *size, int64_t *width, int64_t *height,
                   int64_t most)
{
    const int64_t w = *width, h = *height, side = w > h ? w : h;
    const int64_t nw = w * most / side > 0 ? w * most / side : 1;
    const int64_t nh = h * most / side > 0 ? h * most / side : 1;
    float *map = (float *)(void *)*bytes;
    void *less;

    if (side <= most)
        return;
    /* No value is written behind those that are still to be read. */
    for (int64_t k = 0; k < nh; k++)
        for (int64_t i = 0; i < nw; i++)
            map[k * nw + i] =
                cell_maximum(map, w, i * w / nw, (i + 1) * w / nw, k * h / nh, (k + 1) * h / nh);
    *width = nw;
    *height = nh;
    *size = (size_t)(nw * nh) * sizeof *map;
    if ((less = realloc(map, *size)) != NULL)
        *bytes = less;
}

char *sv_base64(const unsigned char *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = malloc((size + 2) / 3 * 4 + 1), *to = text;

    for (size_t i = 0; text != NULL && i < size; i += 3) {
        const unsigned v = (unsigned)bytes[i] << 16 |
                           (i + 1 < size ? (unsigned)bytes[i + 1] << 8 : 0u) |
                           (i + 2 < size ? bytes[i + 2] : 0u);

        *to++ = digits[v >> 18];
        *to++ = digits[v >> 12 & 63];
        *to++ = i + 1 < size ? digits[v >> 6 & 63] : '=';
        *to++ = i + 2 < size ? digits[v & 63] : '=';
    }
    if (text != NULL)
        *to = '\0';
    return text;
}

json_t *sv_map_json(struct sv_server *s, const fleck_model *model, const fleck_result *r,
                    const char *kind, fleck_error *err)
{
    unsigned char *bytes = NULL;
    char *text = NULL;
    double low, high;
    size_t size = 0;
    json_t *out = NULL;

    if (!sv_map_bytes(s, model, r, kind, &bytes, &size, err) || bytes == NULL)
        return NULL;
    scale_of(model, r, &low, &high);
    if ((text = sv_base64(bytes, size)) != NULL)
        out = json_pack("{s:s, s:I, s:I, s:f, s:f, s:s}", "kind", kind, "width",
                        (json_int_t)r->image_width, "height", (json_int_t)r->image_height, "low",
                        low, "high", high, "data", text);
    if (out == NULL)
        sv_error(err, FLECK_E_NOMEM, "out of memory");
    free(text);
    free(bytes);
    return out;
}
