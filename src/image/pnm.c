/* SPDX-License-Identifier: Apache-2.0 */
/* PNM, without a library: bitmap, grey and colour, plain (P1 to P3) and raw (P4 to P6).
 *
 * The header is text: the kind, width, height and, except for bitmaps, the largest value, separated
 * by white space; '#' begins a comment that ends with its line.  A single white-space byte ends the
 * header of the raw kinds.  Raw samples have 1 bit (rows are padded to whole bytes), 1 byte, or 2
 * big-endian bytes if the largest value is above 255.  In a bitmap, 1 is black. */
#include "image/decode.h"

typedef struct reader {
    const uint8_t *at, *end;
} reader;

typedef struct header {
    bool bitmap, plain;
    int64_t width, height;
    int channels;
    uint32_t max;
} header;

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_space(reader *r)
{
    while (r->at < r->end && (is_space(*r->at) || *r->at == '#')) {
        if (*r->at == '#')
            while (r->at < r->end && *r->at != '\n' && *r->at != '\r')
                r->at++;
        else
            r->at++;
    }
}

static fleck_status expected(const reader *r, const char *what, fleck_error *err)
{
    if (r->at == r->end)
        return fk_error_set(err, FLECK_E_FORMAT, "the file ends early, before the %s", what);
    return fk_error_set(err, FLECK_E_FORMAT, "expected the %s, found byte %02x", what, *r->at);
}

/* Read a number and the white space before it. */
static fleck_status read_number(uint32_t *out, reader *r, const char *what, fleck_error *err)
{
    uint32_t value = 0;

    skip_space(r);
    if (r->at == r->end || *r->at < '0' || *r->at > '9')
        return expected(r, what, err);
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
        value = value * 10 + (uint32_t)(*r->at - '0');
        if (value > 100000000)
            return fk_error_set(err, FLECK_E_LIMIT, "%s is above 100000000", what);
    }
    *out = value;
    return FLECK_OK;
}

static fleck_status read_header(header *h, reader *r, fleck_error *err)
{
    char kind = (char)r->at[1];
    uint32_t width, height;
    fleck_status st = FLECK_OK;

    r->at += 2;
    if (r->at < r->end && !is_space(*r->at) && *r->at != '#')
        return expected(r, "width", err);
    h->bitmap = kind == '1' || kind == '4';
    h->plain = kind <= '3';
    h->channels = kind == '3' || kind == '6' ? 3 : 1;
    h->max = 1;
    FK_DO(read_number(&width, r, "width", err));
    FK_DO(read_number(&height, r, "height", err));
    h->width = width;
    h->height = height;
    if (!h->bitmap)
        FK_DO(read_number(&h->max, r, "largest value", err));
    if (h->max < 1 || h->max > 65535)
        FK_FAIL(err, FLECK_E_FORMAT, "expected a largest value of 1 to 65535, found %u", h->max);
    if (!h->plain) {
        if (r->at == r->end || !is_space(*r->at))
            return expected(r, "white space before the pixels", err);
        r->at++;
    }
done:
    return st;
}

/* Bytes of the raw pixels. */
static int64_t raw_bytes(const header *h)
{
    if (h->bitmap)
        return (h->width + 7) / 8 * h->height;
    return h->width * h->channels * (h->max > 255 ? 2 : 1) * h->height;
}

/* Check that the remaining bytes can hold the pixels, before memory is allocated for them. */
static fleck_status check_bytes(const header *h, const reader *r, fleck_error *err)
{
    int64_t left = r->end - r->at, needed = raw_bytes(h);

    if (h->plain) /* at least one digit each; numbers have white space between them */
        needed = h->width * h->height * h->channels * (h->bitmap ? 1 : 2) - 1;
    if (left < needed)
        return fk_error_set(
            err, FLECK_E_FORMAT,
            "the file ends early: %lldx%lld pixels take at least %lld bytes, found %lld",
            (long long)h->width, (long long)h->height, (long long)needed, (long long)left);
    return FLECK_OK;
}

static fleck_status put_sample(uint8_t *out, uint32_t value, const header *h, fleck_error *err)
{
    if (value > h->max)
        return fk_error_set(err, FLECK_E_FORMAT, "a sample is %u, the largest value is %u", value,
                            h->max);
    *out = fk_sample_scale(value, h->max);
    return FLECK_OK;
}

static fleck_status read_plain(fk_decoded *decoded, const header *h, reader *r,
                               const fk_image_bytes *in, fleck_error *err)
{
    int64_t n = h->width * h->height * h->channels;
    fk_wide wide = {.low = in->low, .high = in->high};
    uint8_t *out = decoded->image.data;
    fleck_status st = FLECK_OK;

    for (int64_t i = 0; i < n; i++) {
        uint32_t value;

        if (h->bitmap) { /* the digits of a bitmap need no white space between them */
            skip_space(r);
            if (r->at == r->end || (*r->at != '0' && *r->at != '1'))
                return expected(r, "next 0 or 1", err);
            out[i] = *r->at++ == '1' ? 0 : 255;
            continue;
        }
        FK_DO(read_number(&value, r, "next sample", err));
        FK_DO(put_sample(&out[i], value, h, err));
        if (h->max == FK_IMAGE_WIDEST)
            fk_wide_samples(&wide, &out[i], 1, &(uint16_t){(uint16_t)value}, 1, 1, false);
    }
    if (h->max == FK_IMAGE_WIDEST)
        fk_wide_note(&wide, &decoded->notes);
done:
    return st;
}

static void read_bits(uint8_t *out, const header *h, const reader *r)
{
    int64_t row_bytes = (h->width + 7) / 8;

    for (int64_t y = 0; y < h->height; y++)
        for (int64_t x = 0; x < h->width; x++) {
            int byte = r->at[y * row_bytes + x / 8];

            out[y * h->width + x] = byte >> (7 - x % 8) & 1 ? 0 : 255;
        }
}

/* 2-byte samples with a largest value of 65535: wide samples. */
static void read_wide(fk_decoded *out, const header *h, const reader *r, const fk_image_bytes *in)
{
    int64_t n = h->width * h->height * h->channels, count;
    fk_wide wide = {.low = in->low, .high = in->high};
    uint16_t some[256];

    for (int64_t i = 0; i < n; i += count) {
        const uint8_t *p = r->at + 2 * i;

        count = n - i < 256 ? n - i : 256;
        for (int64_t k = 0; k < count; k++)
            some[k] = (uint16_t)(p[2 * k] << 8 | p[2 * k + 1]);
        fk_wide_samples(&wide, out->image.data + i, 1, some, 1, count, false);
    }
    fk_wide_note(&wide, &out->notes);
}

static fleck_status read_raw(fk_decoded *out, const header *h, const reader *r,
                             const fk_image_bytes *in, fleck_error *err)
{
    int64_t n = h->width * h->height * h->channels;
    uint8_t *to = out->image.data;
    const uint8_t *p = r->at;
    fleck_status st = FLECK_OK;

    if (h->max == FK_IMAGE_WIDEST) {
        read_wide(out, h, r, in);
        return FLECK_OK;
    }
    for (int64_t i = 0; i < n && h->max <= 255; i++)
        FK_DO(put_sample(&to[i], p[i], h, err));
    for (int64_t i = 0; i < n && h->max > 255; i++)
        FK_DO(put_sample(&to[i], (uint32_t)p[2 * i] << 8 | p[2 * i + 1], h, err));
done:
    return st;
}

/* Refuse a second image after the pixels, which end at r: PNM allows several in one file. */
static fleck_status check_end(reader *r, fleck_error *err)
{
    skip_space(r);
    if (r->end - r->at > 2 && r->at[0] == 'P' && r->at[1] >= '1' && r->at[1] <= '7' &&
        (is_space(r->at[2]) || r->at[2] == '#'))
        return fk_error_set(err, FLECK_E_UNSUPPORTED,
                            "expected one image, found another (P%c) behind it", r->at[1]);
    return FLECK_OK;
}

fleck_status fk_pnm_decode(fk_decoded *out, const fk_image_bytes *in, fleck_error *err)
{
    reader r = {in->data, in->data + in->size};
    header h = {0};
    fleck_status st;

    FK_DO(read_header(&h, &r, err));
    FK_DO(fk_image_check_size(h.width, h.height, in->max_pixels, err));
    out->notes.wide = h.max == FK_IMAGE_WIDEST;
    fk_decoded_size(out, h.width, h.height, 1);
    if (in->only_header)
        return FLECK_OK;
    FK_DO(check_bytes(&h, &r, err));
    FK_DO(fk_image_alloc(&out->image, h.width, h.height, h.channels, err));
    if (h.plain)
        FK_DO(read_plain(out, &h, &r, in, err));
    else if (h.bitmap)
        read_bits(out->image.data, &h, &r);
    else
        FK_DO(read_raw(out, &h, &r, in, err));
    if (!h.plain)
        r.at += raw_bytes(&h);
    FK_DO(check_end(&r, err));
done:
    if (st != FLECK_OK)
        fk_image_free(&out->image);
    return st;
}
