/* SPDX-License-Identifier: Apache-2.0 */
/* A source: the images of a fit or a prediction, from files, from memory or from a function of the
 * caller. */
#include "run/source.h"

fk_dataset_how fk_source_how(const char *good, bool recursive, fk_warn warn)
{
    return (fk_dataset_how){.is_image = fk_image_has_extension,
                            .good = good,
                            .warn = warn,
                            .look = fk_image_look,
                            .recursive = recursive};
}

void fk_source_init_files(fk_source *out, const char *const *files, int64_t n)
{
    *out = (fk_source){.n = n, .files = files};
    pthread_mutex_init(&out->lock, NULL);
    pthread_cond_init(&out->advanced, NULL);
}

void fk_source_init_pixels(fk_source *out, const fleck_pixels *pixels,
                           const fleck_pixels *const *masks, int64_t n)
{
    fk_source_init_files(out, NULL, n);
    out->pixels = pixels;
    out->pixel_masks = masks;
}

void fk_source_init_bytes(fk_source *out, const void *bytes, size_t size, const char *name)
{
    fk_source_init_files(out, NULL, 1);
    out->bytes = bytes;
    out->size = size;
    out->name = name;
}

void fk_source_init_stream(fk_source *out, fleck_next_image *next, void *ctx, int64_t n)
{
    fk_source_init_files(out, NULL, n);
    out->next = next;
    out->ctx = ctx;
}

void fk_source_free(fk_source *s)
{
    pthread_cond_destroy(&s->advanced);
    pthread_mutex_destroy(&s->lock);
    *s = (fk_source){0};
}

/* Call the function; its pixels are valid until its next call.  The lock is held. */
static fleck_status ask(fk_source *s, fk_runner *r, int lane, int64_t i, fk_image *out,
                        fleck_error *err)
{
    fleck_pixels p = {0};
    fleck_status st = s->next(s->ctx, i, &p);

    if (st != FLECK_OK)
        return fk_error_set(err, st, "the caller's function gave no image (%s)",
                            fk_status_name(st));
    return fk_runner_pixels(r, lane, &p, NULL, out, err);
}

static fleck_status read_stream(fk_source *s, fk_runner *r, int lane, int64_t i, fk_image *out,
                                fleck_error *err)
{
    fleck_status st;

    pthread_mutex_lock(&s->lock);
    while (s->expected < i && !s->stopped)
        pthread_cond_wait(&s->advanced, &s->lock);
    if (!s->stopped)
        st = ask(s, r, lane, i, out, err);
    else
        st = fk_error_set(err, FLECK_E_CANCELLED, "the fit has failed before");
    s->stopped = st != FLECK_OK;
    if (i == s->expected)
        s->expected++;
    pthread_cond_broadcast(&s->advanced);
    pthread_mutex_unlock(&s->lock);
    return st;
}

fleck_status fk_source_read(fk_source *s, fk_runner *r, int lane, int64_t i, fk_image *out,
                            bool *borrowed, fleck_error *err)
{
    fleck_status st;

    *out = (fk_image){0};
    *borrowed = false;
    if (s->files != NULL)
        return fk_runner_decode(r, lane, s->files[i], out, err);
    if (s->bytes != NULL)
        return fk_runner_decode_bytes(r, lane, s->bytes, s->size, s->name, out, err);
    if (s->pixels != NULL)
        st = fk_runner_pixels(r, lane, &s->pixels[i], s->borrow ? borrowed : NULL, out, err);
    else
        st = read_stream(s, r, lane, i, out, err);
    if (st != FLECK_OK)
        fk_source_context(s, i, err);
    return st;
}

fleck_status fk_source_mask(const fk_source *s, int64_t i, int64_t width, int64_t height,
                            fk_image *out, fleck_error *err)
{
    *out = (fk_image){0};
    if (s->pixel_masks == NULL || s->pixel_masks[i] == NULL)
        return FLECK_OK;
    return fk_image_mask_of_pixels(out, s->pixel_masks[i], width, height, err);
}

void fk_source_stop(fk_source *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopped = true;
    pthread_cond_broadcast(&s->advanced);
    pthread_mutex_unlock(&s->lock);
}

void fk_source_context(const fk_source *s, int64_t i, fleck_error *err)
{
    if (s->files != NULL)
        fk_error_context(err, "%s", s->files[i]);
    else if (s->bytes != NULL)
        fk_error_context(err, "%s", s->name);
    else if (s->n > 1)
        fk_error_context(err, "image %lld", (long long)i);
}
