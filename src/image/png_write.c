/* Writing PNG: a row less the one above it (filter 2), compressed for speed (docs/SPEED.md), since pictures are
 * written by the hundred.  libdeflate takes half of the time that zlib takes, for fewer bytes, but all of the
 * image at once; without it, and for images too large to be held twice more, libspng goes row by row. */
#include "base/file.h"
#include "base/mem.h"
#include "image/image.h"

#include <assert.h>
#include <spng.h>
#include <string.h>

/* ---- With libspng and zlib ---- */

#define ZLIB_LEVEL 2

/* Where the encoder's bytes go, and what became of them. */
typedef struct sink {
    fk_writer *file;
    fleck_status status;
    fleck_error *err;
} sink;

static int write_bytes(spng_ctx *ctx, void *user, void *bytes, size_t size)
{
    sink *s = user;

    (void)ctx;
    s->status = fk_writer_write(s->file, bytes, size, s->err);
    return s->status == FLECK_OK ? 0 : SPNG_IO_ERROR;
}

static fleck_status write_plain(fk_writer *file, const fk_image *im, fleck_error *err)
{
    struct spng_ihdr head = {.width = (uint32_t)im->width,
                             .height = (uint32_t)im->height,
                             .bit_depth = 8,
                             .color_type = im->channels == 1 ? SPNG_COLOR_TYPE_GRAYSCALE
                                                             : SPNG_COLOR_TYPE_TRUECOLOR};
    sink s = {.file = file, .err = err};
    spng_ctx *ctx = spng_ctx_new(SPNG_CTX_ENCODER);
    int code;

    if (ctx == NULL)
        return fk_error_set(err, FLECK_E_NOMEM, "out of memory for a PNG");
    code = spng_set_ihdr(ctx, &head);
    if (code == 0)
        code = spng_set_option(ctx, SPNG_IMG_COMPRESSION_LEVEL, ZLIB_LEVEL);
    if (code == 0)
        code = spng_set_option(ctx, SPNG_FILTER_CHOICE, SPNG_FILTER_CHOICE_UP);
    if (code == 0)
        code = spng_set_png_stream(ctx, write_bytes, &s);
    if (code == 0)
        code = spng_encode_image(ctx, im->data, (size_t)(im->width * im->height * im->channels),
                                 SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
    spng_ctx_free(ctx);
    if (s.status == FLECK_OK && code != 0)
        return fk_error_set(err, code == SPNG_EMEM ? FLECK_E_NOMEM : FLECK_E_FORMAT, "%s",
                            spng_strerror(code));
    return s.status;
}

/* ---- With libdeflate ---- */

#ifdef FLECK_WITH_LIBDEFLATE

#include <libdeflate.h>

#define LEVEL 1
/* Most bytes of pixels that are held filtered and compressed as well. */
#define MOST_BYTES (INT64_C(128) << 20)

static void put32(uint8_t *out, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Length, type, contents, and the CRC of type and contents. */
static fleck_status write_chunk(fk_writer *file, const char *type, const uint8_t *data, size_t size,
                                fleck_error *err)
{
    uint8_t head[8], tail[4];
    fleck_status st;

    put32(head, (uint32_t)size);
    memcpy(head + 4, type, 4);
    put32(tail, libdeflate_crc32(libdeflate_crc32(0, head + 4, 4), data, size));
    FK_DO(fk_writer_write(file, head, sizeof head, err));
    FK_DO(fk_writer_write(file, data, size, err));
    FK_DO(fk_writer_write(file, tail, sizeof tail, err));
done:
    return st;
}

/* Rows with the byte of their filter in front, into out [height, 1 + row_bytes]. */
static void filter_rows(uint8_t *restrict out, const fk_image *im)
{
    int64_t n = im->width * im->channels;

    out[0] = 0;
    memcpy(out + 1, im->data, (size_t)n);
    for (int64_t y = 1; y < im->height; y++) {
        const uint8_t *row = im->data + y * n, *above = row - n;
        uint8_t *to = out + y * (n + 1);

        *to++ = 2;
        for (int64_t i = 0; i < n; i++)
            to[i] = (uint8_t)(row[i] - above[i]);
    }
}

static fleck_status write_fast(fk_writer *file, const fk_image *im, fleck_error *err)
{
    static const uint8_t signature[8] = {137, 80, 78, 71, 13, 10, 26, 10};
    uint8_t head[13] = {[8] = 8, [9] = im->channels == 1 ? 0 : 2}; /* bits, and grey or RGB */
    int64_t raw_bytes = im->height * (1 + im->width * im->channels);
    struct libdeflate_compressor *c = NULL;
    uint8_t *raw = NULL, *packed = NULL;
    size_t room, size;
    fleck_status st;

    put32(head, (uint32_t)im->width);
    put32(head + 4, (uint32_t)im->height);
    FK_DO(FK_ALLOC(&raw, raw_bytes, err));
    c = libdeflate_alloc_compressor(LEVEL);
    if (c == NULL)
        FK_FAIL(err, FLECK_E_NOMEM, "out of memory for a PNG");
    room = libdeflate_zlib_compress_bound(c, (size_t)raw_bytes);
    FK_DO(FK_ALLOC(&packed, (int64_t)room, err));
    filter_rows(raw, im);
    size = libdeflate_zlib_compress(c, raw, (size_t)raw_bytes, packed, room);
    assert(size > 0); /* room was enough */
    FK_DO(fk_writer_write(file, signature, sizeof signature, err));
    FK_DO(write_chunk(file, "IHDR", head, sizeof head, err));
    FK_DO(write_chunk(file, "IDAT", packed, size, err));
    FK_DO(write_chunk(file, "IEND", packed, 0, err));
done:
    libdeflate_free_compressor(c);
    fk_free(raw);
    fk_free(packed);
    return st;
}

static bool is_small(const fk_image *im)
{
    return im->width * im->height * im->channels <= MOST_BYTES;
}

#else

static fleck_status write_fast(fk_writer *file, const fk_image *im, fleck_error *err)
{
    return write_plain(file, im, err);
}

static bool is_small(const fk_image *im)
{
    (void)im;
    return false;
}

#endif

fleck_status fk_image_save_png(const fk_image *im, const char *path, fleck_error *err)
{
    fk_writer *file = NULL;
    fleck_status st;

    assert(im->data != NULL && (im->channels == 1 || im->channels == 3));
    FK_DO(fk_writer_open(&file, path, err));
    st = is_small(im) ? write_fast(file, im, err) : write_plain(file, im, err);
    if (st != FLECK_OK) {
        if (st == FLECK_E_NOMEM || st == FLECK_E_FORMAT) /* others name the file */
            fk_error_context(err, "cannot write %s", path);
        goto done;
    }
    FK_DO(fk_writer_commit(&file, err));
done:
    fk_writer_abort(&file);
    return st;
}
