/* SPDX-License-Identifier: Apache-2.0 */
/* The common kinds of PNG, with libdeflate.  It inflates a whole image at once, in a third of the
 * general decoder's time, and deflates one in half of the time, into fewer bytes. */
#include "base/mem.h"
#include "image/png/png.h"
#include "image/png/unfilter.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#ifdef FLECK_WITH_LIBDEFLATE

#include <libdeflate.h>

/* Bytes of a chunk's contents. */
static size_t chunk_length(const uint8_t *chunk)
{
    return (size_t)chunk[0] << 24 | (size_t)chunk[1] << 16 | (size_t)chunk[2] << 8 | chunk[3];
}

/* Check the CRC of every chunk, which covers its type and contents. */
static bool crcs_match(const fk_image_bytes *in)
{
    for (const uint8_t *p = in->data + 8;;) {
        size_t length = chunk_length(p);
        const uint8_t *crc = p + 8 + length;
        uint32_t stored =
            (uint32_t)crc[0] << 24 | (uint32_t)crc[1] << 16 | (uint32_t)crc[2] << 8 | crc[3];

        if (libdeflate_crc32(0, p + 4, length + 4) != stored)
            return false;
        if (memcmp(p + 4, "IEND", 4) == 0)
            return true;
        p = crc + 4;
    }
}

/* Join the contents of the IDAT chunks. */
static void join_data(uint8_t *out, const fk_png_chunks *chunks)
{
    const uint8_t *p = chunks->data;

    for (size_t joined = 0; joined < chunks->data_bytes;) {
        size_t length = chunk_length(p);

        memcpy(out + joined, p + 8, length);
        joined += length;
        p += 12 + length;
    }
}

/* Undo the filters of raw's rows, each of which begins with the byte of its filter, into out.  raw
 * may lie in out's own memory, FK_PNG_ROWS rows of n bytes after its beginning: rows y to y +
 * FK_PNG_ROWS - 1, which are written together, end at (y + FK_PNG_ROWS) n, before the first byte of
 * row y that is read, at FK_PNG_ROWS n + y (n + 1) + 1. */
static bool unfilter(fk_image *out, const uint8_t *raw, const uint8_t *zeros)
{
    int bpp = out->channels;
    int64_t n = out->width * bpp, y = 0;
    const uint8_t *above = zeros;

    while (y < out->height) {
        const uint8_t *row = raw + y * (n + 1) + 1;
        uint8_t *to = out->data + y * n;
        int64_t rows = 1;

        if (fk_png_unfilter_rows(to, row, above, out->width, out->height - y, bpp)) {
            rows = FK_PNG_ROWS;
        } else {
            memcpy(to, row, (size_t)n);
            if (!fk_png_unfilter_row(row[-1], to, above, n, bpp))
                return false;
        }
        above = to + (rows - 1) * n;
        y += rows;
    }
    return true;
}

/* Split RGBA: out's image becomes RGB in place, and out gets alpha unless all of it is 255. */
static fleck_status split_alpha(fk_decoded *out, fleck_error *err)
{
    uint8_t *data = out->image.data, all = 255;
    int64_t width = out->image.width, height = out->image.height;
    fleck_status st = FLECK_OK;

    for (int64_t i = 0; i < width * height; i++)
        all &= data[4 * i + 3];
    if (all != 255)
        FK_DO(fk_image_alloc(&out->alpha, width, height, 1, err));
    for (int64_t i = 0; i < width * height; i++) {
        if (all != 255)
            out->alpha.data[i] = data[4 * i + 3];
        for (int64_t c = 0; c < 3; c++)
            data[3 * i + c] = data[4 * i + c];
    }
    out->image.channels = 3;
done:
    return st;
}

static bool inflate_all(uint8_t *raw, int64_t raw_bytes, const uint8_t *data, size_t data_bytes)
{
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    bool good;

    if (d == NULL)
        return false;
    good = libdeflate_zlib_decompress(d, data, data_bytes, raw, (size_t)raw_bytes, NULL) ==
           LIBDEFLATE_SUCCESS;
    libdeflate_free_decompressor(d);
    return good;
}

/* Allocate an image whose block also holds the filtered rows, after its first FK_PNG_ROWS rows: one
 * block instead of two halves the memory that is touched. */
static fleck_status alloc_with_rows(fk_image *out, uint8_t **raw, const fk_png_chunks *chunks,
                                    int bpp, fleck_error *err)
{
    int64_t n = (int64_t)chunks->width * bpp;
    fleck_status st;

    FK_DO(FK_ALLOC(&out->data, FK_PNG_ROWS * n + (n + 1) * chunks->height, err));
    out->width = chunks->width;
    out->height = chunks->height;
    out->channels = bpp;
    *raw = out->data + FK_PNG_ROWS * n;
done:
    return st;
}

fleck_status fk_png_decode_fast(fk_decoded *out, bool *done, const fk_png_chunks *chunks,
                                const fk_image_bytes *in, fleck_error *err)
{
    static const uint8_t pixel_bytes[] = {[0] = 1, [2] = 3, [6] = 4};
    int bpp = chunks->colour <= 6 ? pixel_bytes[chunks->colour] : 0;
    int64_t row_bytes = (int64_t)chunks->width * bpp;
    uint8_t *raw = NULL, *joined = NULL, *zeros = NULL;
    const uint8_t *data;
    fleck_status st = FLECK_OK;

    *done = false;
    if (bpp == 0 || chunks->depth != 8 || chunks->interlace != 0 || !chunks->plain_order ||
        chunks->colour_key || chunks->data == NULL || !crcs_match(in))
        return FLECK_OK;
    data = chunks->data + 8;
    if (chunk_length(chunks->data) < chunks->data_bytes) {
        FK_DO(FK_ALLOC(&joined, (int64_t)chunks->data_bytes, err));
        join_data(joined, chunks);
        data = joined;
    }
    FK_DO(FK_CALLOC(&zeros, row_bytes, err));
    FK_DO(alloc_with_rows(&out->image, &raw, chunks, bpp, err));
    *done = inflate_all(raw, (row_bytes + 1) * chunks->height, data, chunks->data_bytes) &&
            unfilter(&out->image, raw, zeros);
    if (*done && bpp == 4)
        FK_DO(split_alpha(out, err));
done:
    *done &= st == FLECK_OK;
    if (!*done)
        fk_image_free(&out->image);
    fk_free(joined);
    fk_free(zeros);
    return st;
}

/* ---- Writing ---- */

#define LEVEL 1
/* Larger images, in bytes, are not held in memory filtered and compressed as well. */
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

/* Filter the rows into out [height, 1 + row_bytes], each with the byte of its filter before it. */
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

/* A text chunk: keyword, a zero, text. */
static fleck_status write_text(fk_writer *file, const char *key, const char *text, fleck_error *err)
{
    uint8_t data[FK_PNG_ORIGIN_SIZE + 32];
    int n = snprintf((char *)data, sizeof data, "%s%c%s", key, 0, text);

    assert(n > 0 && (size_t)n < sizeof data);
    return write_chunk(file, "tEXt", data, (size_t)n, err);
}

fleck_status fk_png_write_fast(fk_writer *file, bool *done, const fk_image *im,
                               const fk_png_note *note, fleck_error *err)
{
    static const uint8_t signature[8] = {137, 80, 78, 71, 13, 10, 26, 10};
    uint8_t head[13] = {[8] = 8, [9] = im->channels == 1 ? 0 : 2}; /* 8 bits, and grey or RGB */
    int64_t raw_bytes = im->height * (1 + im->width * im->channels);
    struct libdeflate_compressor *c = NULL;
    uint8_t *raw = NULL, *packed = NULL;
    size_t room, size;
    fleck_status st;

    *done = raw_bytes <= MOST_BYTES;
    if (!*done)
        return FLECK_OK;
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
    if (note->software != NULL)
        FK_DO(write_text(file, FK_PNG_SOFTWARE, note->software, err));
    if (note->software != NULL && note->origin != NULL)
        FK_DO(write_text(file, FK_PNG_ORIGIN, note->origin, err));
    FK_DO(write_chunk(file, "IDAT", packed, size, err));
    FK_DO(write_chunk(file, "IEND", packed, 0, err));
done:
    libdeflate_free_compressor(c);
    fk_free(raw);
    fk_free(packed);
    return st;
}

#else

fleck_status fk_png_decode_fast(fk_decoded *out, bool *done, const fk_png_chunks *chunks,
                                const fk_image_bytes *in, fleck_error *err)
{
    (void)out;
    (void)chunks;
    (void)in;
    (void)err;
    *done = false;
    return FLECK_OK;
}

fleck_status fk_png_write_fast(fk_writer *file, bool *done, const fk_image *im,
                               const fk_png_note *note, fleck_error *err)
{
    (void)file;
    (void)im;
    (void)note;
    (void)err;
    *done = false;
    return FLECK_OK;
}

#endif
