/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG, by libjpeg-turbo.  Decoding uses its defaults, as Pillow and OpenCV do: the accurate
 * integer transform and smooth chroma up-sampling. */
#include "image/decode.h"

#include "base/mem.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

/* Each scan of a progressive file costs a pass over the whole image, which a hostile file can
 * exploit.  Usual encoders write about ten scans. */
#define MAX_SCANS 200

#define EXIF_MARKER (JPEG_APP0 + 1)

/* libjpeg's error manager, extended.  `base` comes first, so that the pointer that libjpeg passes
 * around also points to the whole struct. */
typedef struct handler {
    struct jpeg_error_mgr base;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    fleck_status status;
    fleck_error *err;
} handler;

static fleck_status status_of(int code)
{
    switch (code) {
    case JERR_OUT_OF_MEMORY:
        return FLECK_E_NOMEM;
    case JERR_IMAGE_TOO_BIG:
    case JERR_WIDTH_OVERFLOW:
        return FLECK_E_LIMIT;
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_ARITH_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
        return FLECK_E_UNSUPPORTED;
    default:
        return FLECK_E_FORMAT;
    }
}

/* Leave libjpeg by longjmp(), with its message as the error. */
static void leave(j_common_ptr c)
{
    handler *h = (handler *)c->err;
    char text[JMSG_LENGTH_MAX];

    h->base.format_message(c, text);
    h->status = fk_error_set(h->err, status_of(h->base.msg_code), "%s", text);
    longjmp(h->escape, 1);
}

/* After damage, libjpeg only warns and fills the rest of the image with grey.  A part with a grey
 * half would be a false alarm, so warnings end the decoding here, except three that do not affect
 * any pixel. */
static void on_message(j_common_ptr c, int level)
{
    int code = c->err->msg_code;

    if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_JFIF_MAJOR &&
        code != JWRN_ADOBE_XFORM)
        leave(c);
}

static void on_output(j_common_ptr c)
{
    (void)c;
}

static void on_progress(j_common_ptr c)
{
    handler *h = (handler *)c->err;

    if (((j_decompress_ptr)c)->input_scan_number <= MAX_SCANS)
        return;
    h->status = fk_error_set(h->err, FLECK_E_LIMIT, "more than %d scans", MAX_SCANS);
    longjmp(h->escape, 1);
}

static int orientation_of(const struct jpeg_decompress_struct *d)
{
    static const char mark[6] = "Exif\0";

    for (const struct jpeg_marker_struct *m = d->marker_list; m != NULL; m = m->next)
        if (m->marker == EXIF_MARKER && m->data_length > sizeof mark &&
            memcmp(m->data, mark, sizeof mark) == 0)
            return fk_exif_orientation(m->data + sizeof mark, m->data_length - sizeof mark);
    return 1;
}

static fleck_status check_header(const struct jpeg_decompress_struct *d, int64_t max_pixels,
                                 fleck_error *err)
{
    bool cmyk = d->jpeg_color_space == JCS_CMYK || d->jpeg_color_space == JCS_YCCK;

    if (d->num_components != 1 && d->num_components != 3 && !cmyk)
        return fk_error_set(err, FLECK_E_UNSUPPORTED,
                            "expected grey, YCbCr or CMYK, found %d components", d->num_components);
    return fk_image_check_size(d->image_width, d->image_height, max_pixels, err);
}

/* Read all rows of a CMYK image.  All writers store inverted samples, as Photoshop does. */
static void read_cmyk(struct jpeg_decompress_struct *d, uint8_t *rgb)
{
    int64_t n = d->output_width;
    JSAMPARRAY row = d->mem->alloc_sarray((j_common_ptr)d, JPOOL_IMAGE, d->output_width * 4, 1);

    while (d->output_scanline < d->output_height) {
        uint8_t *to = rgb + (int64_t)d->output_scanline * n * 3;

        jpeg_read_scanlines(d, row, 1);
        for (int64_t i = 0; i < 4 * n; i++)
            row[0][i] = 255 - row[0][i];
        fk_rgb_from_cmyk(to, row[0], n);
    }
}

/* Everything that may longjmp(); no local variable of this function is read after a jump. */
static void decode(struct jpeg_decompress_struct *d, fk_decoded *out, const fk_image_bytes *in)
{
    handler *h = (handler *)d->err;
    bool cmyk;

    jpeg_mem_src(d, in->data, (unsigned long)in->size);
    jpeg_save_markers(d, EXIF_MARKER, 0xffff);
    jpeg_read_header(d, TRUE);
    h->status = check_header(d, in->max_pixels, h->err);
    if (h->status != FLECK_OK)
        return;
    fk_decoded_size(out, d->image_width, d->image_height, orientation_of(d));
    if (in->only_header)
        return;
    cmyk = d->num_components == 4;
    d->out_color_space = cmyk ? JCS_CMYK : d->num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    h->status = fk_image_alloc(&out->image, d->image_width, d->image_height,
                               d->num_components == 1 ? 1 : 3, h->err);
    if (h->status != FLECK_OK)
        return;
    jpeg_start_decompress(d);
    if (cmyk)
        read_cmyk(d, out->image.data);
    while (d->output_scanline < d->output_height) {
        JSAMPROW row =
            out->image.data + (int64_t)d->output_scanline * out->image.width * out->image.channels;

        jpeg_read_scanlines(d, &row, 1);
    }
    jpeg_finish_decompress(d);
}

/* setjmp() has a function of its own: variables that change after it belong to the caller, so they
 * keep their values after a jump. */
static void guarded(struct jpeg_decompress_struct *d, handler *h, fk_decoded *out,
                    const fk_image_bytes *in)
{
    if (setjmp(h->escape) != 0)
        return;
    jpeg_create_decompress(d);
    d->progress = &h->progress;
    decode(d, out, in);
}

fleck_status fk_jpeg_decode(fk_decoded *out, const fk_image_bytes *in, fleck_error *err)
{
    struct jpeg_decompress_struct d;
    handler h;

    memset(&d, 0, sizeof d);
    memset(&h, 0, sizeof h);
    d.err = jpeg_std_error(&h.base);
    h.err = err;
    h.base.error_exit = leave;
    h.base.emit_message = on_message;
    h.base.output_message = on_output;
    h.progress.progress_monitor = on_progress;
    guarded(&d, &h, out, in);
    jpeg_destroy_decompress(&d);
    if (h.status != FLECK_OK)
        fk_image_free(&out->image);
    return h.status;
}

/* ---- Encoding ---- */

#define QUALITY 85
#define PIECE 16384

/* libjpeg's destination manager, extended; `base` comes first, as above. */
typedef struct sink {
    struct jpeg_destination_mgr base;
    fk_text text;
    JOCTET piece[PIECE];
} sink;

static void begin_piece(j_compress_ptr c)
{
    sink *to = (sink *)c->dest;

    to->base.next_output_byte = to->piece;
    to->base.free_in_buffer = PIECE;
}

/* Append the first n bytes of the piece to the text. */
static void append_piece(j_compress_ptr c, size_t n)
{
    handler *h = (handler *)c->err;
    sink *to = (sink *)c->dest;

    h->status = fk_text_add(&to->text, (const char *)to->piece, (int64_t)n, h->err);
    if (h->status != FLECK_OK)
        longjmp(h->escape, 1);
}

static boolean full_piece(j_compress_ptr c)
{
    append_piece(c, PIECE);
    begin_piece(c);
    return TRUE;
}

static void last_piece(j_compress_ptr c)
{
    append_piece(c, PIECE - c->dest->free_in_buffer);
}

static void encode(struct jpeg_compress_struct *c, sink *to, const fk_image *im)
{
    handler *h = (handler *)c->err;

    if (setjmp(h->escape) != 0)
        return;
    jpeg_create_compress(c);
    c->dest = &to->base;
    c->image_width = (JDIMENSION)im->width;
    c->image_height = (JDIMENSION)im->height;
    c->input_components = im->channels;
    c->in_color_space = im->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(c);
    jpeg_set_quality(c, QUALITY, TRUE);
    jpeg_start_compress(c, TRUE);
    while (c->next_scanline < c->image_height) {
        JSAMPROW row = im->data + (int64_t)c->next_scanline * im->width * im->channels;

        jpeg_write_scanlines(c, &row, 1);
    }
    jpeg_finish_compress(c);
}

fleck_status fk_image_encode_jpeg(uint8_t **bytes, size_t *size, const fk_image *im,
                                  fleck_error *err)
{
    struct jpeg_compress_struct c;
    handler h;
    sink *to = NULL;
    fleck_status st;

    *bytes = NULL;
    *size = 0;
    FK_DO(FK_CALLOC(&to, 1, err));
    memset(&c, 0, sizeof c);
    memset(&h, 0, sizeof h);
    c.err = jpeg_std_error(&h.base);
    h.err = err;
    h.base.error_exit = leave;
    h.base.emit_message = on_message;
    h.base.output_message = on_output;
    to->base.init_destination = begin_piece;
    to->base.empty_output_buffer = full_piece;
    to->base.term_destination = last_piece;
    encode(&c, to, im);
    jpeg_destroy_compress(&c);
    FK_DO(h.status);
    *bytes = (uint8_t *)to->text.data; /* moved */
    *size = (size_t)to->text.length;
    to->text = (fk_text){0};
done:
    if (to != NULL)
        fk_text_free(&to->text);
    fk_free(to);
    return st;
}
