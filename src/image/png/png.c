/* SPDX-License-Identifier: Apache-2.0 */
/* PNG, by libspng; the common kinds have a faster decoder and encoder (fast.c). */
#include "base/mem.h"
#include "image/png/png.h"

#include <assert.h>
#include <spng.h>
#include <string.h>

/* Text, profiles and other metadata are skipped; a chunk of them larger than this is refused. */
#define MAX_CHUNK ((size_t)64 << 20)

/* deflate encodes at most 258 bytes in 2 bits. */
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

/* Whether samples are read as stored: 16-bit samples, which libspng's 8-bit formats would truncate,
 * and grey with alpha. */
static bool reads_raw(const struct spng_ihdr *head)
{
    return head->bit_depth == 16 || head->color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA;
}

/* Samples per pixel, as libspng delivers them. */
static int64_t stored_channels(const struct spng_ihdr *head, bool transparent)
{
    static const uint8_t raw[] = {[0] = 1, [2] = 3, [4] = 2, [6] = 4};

    if (reads_raw(head))
        return raw[head->color_type];
    if (transparent || head->color_type == SPNG_COLOR_TYPE_TRUECOLOR_ALPHA)
        return 4;
    return head->color_type == SPNG_COLOR_TYPE_GRAYSCALE ? 1 : 3;
}

/* Make alpha from a transparent 16-bit colour, which is compared unscaled. */
static fleck_status apply_key(fk_decoded *out, const uint16_t *raw, const struct spng_trns *key,
                              fleck_error *err)
{
    const uint16_t want[3] = {out->image.channels == 1 ? key->gray : key->red, key->green,
                              key->blue};
    int64_t n = out->image.width * out->image.height, channels = out->image.channels == 1 ? 1 : 3;
    uint8_t *opacity = NULL;
    fleck_status st;

    FK_DO(FK_ALLOC(&opacity, n, err));
    for (int64_t i = 0; i < n; i++) {
        bool same = true;

        for (int64_t c = 0; c < channels; c++)
            same &= raw[i * channels + c] == want[c];
        opacity[i] = same ? 0 : 255;
    }
    FK_DO(fk_decoded_alpha(out, opacity, 1, 1, err));
done:
    fk_free(opacity);
    return st;
}

/* Convert 16-bit samples [height, width, stored]. */
static fleck_status convert_wide(fk_decoded *out, const uint16_t *raw, int64_t stored,
                                 const fk_image_bytes *in, const struct spng_trns *key,
                                 fleck_error *err)
{
    int64_t channels = out->image.channels, width = out->image.width;
    fk_wide wide = {.low = in->low, .high = in->high};
    fleck_status st = FLECK_OK;

    for (int64_t y = 0; y < out->image.height; y++)
        for (int64_t c = 0; c < channels; c++)
            fk_wide_samples(&wide, out->image.data + y * width * channels + c, channels,
                            raw + y * width * stored + c, stored, width, false);
    fk_wide_note(&wide, &out->notes);
    if (stored > channels)
        FK_DO(fk_decoded_alpha(out, raw + channels, stored, 2, err));
    else if (key != NULL)
        FK_DO(apply_key(out, raw, key, err));
done:
    return st;
}

/* Convert 8-bit samples likewise. */
static fleck_status convert_narrow(fk_decoded *out, const uint8_t *raw, int64_t stored,
                                   fleck_error *err)
{
    int64_t channels = out->image.channels, n = out->image.width * out->image.height;

    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < channels; c++)
            out->image.data[i * channels + c] = raw[i * stored + c];
    return fk_decoded_alpha(out, raw + channels, stored, 1, err);
}

static fleck_status decode_pixels(fk_decoded *out, spng_ctx *ctx, const struct spng_ihdr *head,
                                  const fk_image_bytes *in, fleck_error *err)
{
    struct spng_trns key;
    int code = spng_get_trns(ctx, &key);
    bool transparent = code == 0;
    int64_t stored = stored_channels(head, transparent), bytes = head->bit_depth == 16 ? 2 : 1;
    int format = reads_raw(head) ? SPNG_FMT_PNG
                 : stored == 4   ? SPNG_FMT_RGBA8
                 : stored == 3   ? SPNG_FMT_RGB8
                                 : SPNG_FMT_G8;
    int64_t size = (int64_t)head->width * head->height * stored * bytes;
    uint8_t *raw = NULL;
    fleck_status st;

    if (code != 0 && code != SPNG_ECHUNKAVAIL)
        return failed(err, code);
    FK_DO(fk_image_alloc(&out->image, head->width, head->height, stored < 3 ? 1 : 3, err));
    if (stored != out->image.channels || bytes == 2)
        FK_DO(FK_ALLOC(&raw, size, err));
    code = spng_decode_image(ctx, raw != NULL ? raw : out->image.data, (size_t)size, format,
                             transparent && stored == 4 ? SPNG_DECODE_TRNS : 0);
    if (code != 0) {
        st = failed(err, code);
        goto done;
    }
    if (bytes == 2)
        FK_DO(convert_wide(out, (const uint16_t *)(const void *)raw, stored, in,
                           transparent ? &key : NULL, err));
    else if (raw != NULL)
        FK_DO(convert_narrow(out, raw, stored, err));
done:
    fk_free(raw);
    return st;
}

fleck_status fk_png_decode_plain(fk_decoded *out, const fk_image_bytes *in, fleck_error *err)
{
    spng_ctx *ctx = spng_ctx_new(0);
    struct spng_ihdr head;
    fleck_status st = FLECK_OK;
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
    FK_DO(decode_pixels(out, ctx, &head, in, err));
    /* Read the chunks after the pixels too: damage there also counts. */
    code = spng_decode_chunks(ctx);
    if (code != 0)
        st = failed(err, code);
done:
    if (st != FLECK_OK) {
        fk_image_free(&out->image);
        fk_image_free(&out->alpha);
    }
    spng_ctx_free(ctx);
    return st;
}

/* Check that so few bytes can hold the image, before memory is allocated for it: a pixel takes at
 * least an eighth of a byte before compression. */
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
    if (chunks.frames > 1)
        FK_FAIL(err, FLECK_E_UNSUPPORTED, "expected one image, found an animation of %u frames",
                chunks.frames);
    out->notes.wide = chunks.depth == 16;
    FK_DO(check_bytes(&chunks, err));
    fk_decoded_size(out, chunks.width, chunks.height,
                    chunks.exif != NULL ? fk_exif_orientation(chunks.exif, chunks.exif_bytes) : 1);
    if (in->only_header)
        return FLECK_OK;
    FK_DO(fk_png_decode_fast(out, &done, &chunks, in, err));
    if (!done)
        FK_DO(fk_png_decode_plain(out, in, err));
done:
    return st;
}

/* Pictures are written by the hundred.  This level and filter take an eighth of the time of zlib's
 * default level with the best filter for each row, and make files a fifth larger. */
#define LEVEL 2

/* Where the encoder's bytes go, and the status of writing them. */
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

/* Set the note's texts as text chunks. */
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
        if (st == FLECK_E_NOMEM || st == FLECK_E_FORMAT) /* messages of other statuses name the
                                                            file */
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
