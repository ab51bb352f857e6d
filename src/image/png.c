/* PNG, by libspng; the common kinds take a quicker way first (png_fast.c). */
#include "base/mem.h"
#include "image/png.h"

#include <assert.h>
#include <spng.h>
#include <string.h>

/* Text, profiles and the like are read over; a chunk of them larger than this is refused. */
#define MAX_CHUNK ((size_t)64 << 20)

/* deflate makes at most 258 bytes of 2 bits. */
#define DEFLATE_RATIO 1032

static fleck_status failed(fleck_error *err, int code)
{
    fleck_status status = FLECK_E_FORMAT;

    if (code == SPNG_EMEM)
        status = FLECK_E_NOMEM;
    if (code == SPNG_IO_EOF)
        return fk_error_set(err, status, "the file ends early");
    return fk_error_set(err, status, "%s", spng_strerror(code));
}

/* Grey, with or without alpha, and RGB with 16 bits are read as they are and scaled here, because
 * libspng's own way to 8 bits is to cut. */
static fleck_status decode_wide(fk_image *out, spng_ctx *ctx, const struct spng_ihdr *head,
                                fleck_error *err)
{
    static const uint8_t stored_channels[] = {[0] = 1, [2] = 3, [4] = 2, [6] = 4};
    int64_t n = out->width * out->height, stored = stored_channels[head->color_type];
    int64_t bytes = head->bit_depth / 8;
    uint8_t *raw = NULL;
    fleck_status st;
    int code;

    FK_DO(FK_ALLOC(&raw, n * stored * bytes, err));
    code = spng_decode_image(ctx, raw, (size_t)(n * stored * bytes), SPNG_FMT_PNG, 0);
    if (code != 0) {
        st = failed(err, code);
        goto done;
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < out->channels; c++) {
            int64_t at = i * stored + c;

            out->data[i * out->channels + c] =
                bytes == 2 ? fk_sample_scale(((const uint16_t *)(const void *)raw)[at], 65535)
                           : raw[at];
        }
done:
    fk_free(raw);
    return st;
}

static fleck_status decode_pixels(fk_image *out, spng_ctx *ctx, const struct spng_ihdr *head,
                                  fleck_error *err)
{
    int format = out->channels == 1 ? SPNG_FMT_G8 : SPNG_FMT_RGB8;
    int code;

    if (head->bit_depth == 16 || head->color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA)
        return decode_wide(out, ctx, head, err);
    code = spng_decode_image(ctx, out->data, (size_t)(out->width * out->height * out->channels),
                             format, 0);
    return code == 0 ? FLECK_OK : failed(err, code);
}

fleck_status fk_png_decode_plain(fk_image *out, const fk_image_bytes *in, fleck_error *err)
{
    spng_ctx *ctx = spng_ctx_new(0);
    struct spng_ihdr head;
    fleck_status st = FLECK_OK;
    bool grey;
    int code;

    if (ctx == NULL)
        FK_FAIL(err, FLECK_E_NOMEM, "out of memory");
    code = spng_set_png_buffer(ctx, in->data, in->size);
    if (code == 0)
        code = spng_set_chunk_limits(ctx, MAX_CHUNK, MAX_CHUNK);
    if (code == 0)
        code = spng_get_ihdr(ctx, &head);
    if (code != 0) {
        st = failed(err, code);
        goto done;
    }
    grey = head.color_type == SPNG_COLOR_TYPE_GRAYSCALE ||
           head.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA;
    FK_DO(fk_image_alloc(out, head.width, head.height, grey ? 1 : 3, err));
    FK_DO(decode_pixels(out, ctx, &head, err));
    /* What follows the pixels up to the end mark: damage there counts too. */
    code = spng_decode_chunks(ctx);
    if (code != 0)
        st = failed(err, code);
done:
    if (st != FLECK_OK)
        fk_image_free(out);
    spng_ctx_free(ctx);
    return st;
}

/* Whether so few bytes can hold the image at all, asked before memory is taken for it: an eighth of
 * a byte a pixel at least. */
static fleck_status check_bytes(const fk_png_chunks *chunks, fleck_error *err)
{
    int64_t pixels = (int64_t)chunks->width * chunks->height;

    if (pixels / 8 * chunks->depth / DEFLATE_RATIO > (int64_t)chunks->data_bytes)
        return fk_error_set(err, FLECK_E_FORMAT,
                            "the file ends early: %zu bytes cannot hold %ux%u pixels",
                            chunks->data_bytes, chunks->width, chunks->height);
    return FLECK_OK;
}

fleck_status fk_png_decode(fk_decoded *out, const fk_image_bytes *in, fleck_error *err)
{
    fk_png_chunks chunks;
    bool done = false;
    fleck_status st;

    FK_DO(fk_png_scan(&chunks, in, err));
    FK_DO(fk_image_check_size(chunks.width, chunks.height, in->max_pixels, err));
    FK_DO(check_bytes(&chunks, err));
    FK_DO(fk_png_decode_fast(&out->image, &done, &chunks, in, err));
    if (!done)
        FK_DO(fk_png_decode_plain(&out->image, in, err));
    if (chunks.exif != NULL)
        out->orientation = fk_exif_orientation(chunks.exif, chunks.exif_bytes);
done:
    return st;
}

/* Pictures are written by the hundred: this level and filter take an eighth of the time of zlib's usual level
 * with the best of all filters for each row, and a fifth more bytes. */
#define LEVEL 2

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

/* The note's texts as libspng wants them. */
static int set_note(spng_ctx *ctx, const fk_png_note *note)
{
    struct spng_text texts[2] = {{.type = SPNG_TEXT, .keyword = FK_PNG_SOFTWARE},
                                 {.type = SPNG_TEXT, .keyword = FK_PNG_ORIGIN}};

    if (note->software == NULL)
        return 0;
    texts[0].text = (char *)(uintptr_t)note->software; /* libspng does not write to it */
    texts[0].length = strlen(note->software);
    if (note->origin != NULL) {
        texts[1].text = (char *)(uintptr_t)note->origin;
        texts[1].length = strlen(note->origin);
    }
    return spng_set_text(ctx, texts, note->origin != NULL ? 2 : 1);
}

static fleck_status write_plain(fk_writer *file, const fk_image *im, const fk_png_note *note,
                                fleck_error *err)
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
        code = set_note(ctx, note);
    if (code == 0)
        code = spng_set_option(ctx, SPNG_IMG_COMPRESSION_LEVEL, LEVEL);
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

static fleck_status save(const fk_image *im, const fk_png_note *note, const char *path,
                         fleck_error *err)
{
    fk_writer *file = NULL;
    bool done;
    fleck_status st;

    assert(im->data != NULL && (im->channels == 1 || im->channels == 3));
    FK_DO(fk_writer_open(&file, path, err));
    st = fk_png_write_fast(file, &done, im, note, err);
    if (st == FLECK_OK && !done)
        st = write_plain(file, im, note, err);
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

fleck_status fk_image_save_png(const fk_image *im, const char *path, fleck_error *err)
{
    return save(im, &(fk_png_note){0}, path, err);
}

fleck_status fk_image_save_picture(const fk_image *im, const char *origin, const char *path,
                                   fleck_error *err)
{
    fk_png_note note = {.software = "fleck " FLECK_VERSION, .origin = origin};

    if (origin != NULL && strlen(origin) >= FK_PNG_ORIGIN_SIZE)
        return fk_error_set(err, FLECK_E_LIMIT, "%s: the note of its origin is too long", path);
    return save(im, &note, path, err);
}
