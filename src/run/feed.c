/* SPDX-License-Identifier: Apache-2.0 */
/* A feed decodes images and runs one network.  With a store (blobs) it keeps images and taps, so
 * that each image or mask is decoded once, and each image passes the network once, for all runners
 * of the feed.
 *
 * Taps are stored by the SHA-256 of the network's input, images and masks by that of their path.
 * Fit, calibration, evaluation and pictures are the same code with a store as without. */
#include "run/feed.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/sha256.h"

#include <assert.h>
#include <string.h>

/* Header of a record. */
typedef struct head {
    double seconds; /* time of decoding, or of the network */
    int64_t width, height, channels;
    unsigned kinds;  /* of a mask */
    uint8_t pad[28]; /* so that the taps that follow are aligned */
} head;

static int64_t tap_floats(const fk_tap_info *t)
{
    return t->channels * t->height * t->width;
}

fleck_status fk_feed_open(fk_feed *out, const fk_net_source *source,
                          const fk_net_settings *settings, const char *key, fk_pool *pool,
                          fleck_error *err)
{
    fleck_status st;

    *out = (fk_feed){
        .pool = pool, .lanes = fk_pool_threads(pool), .source = *source, .settings = *settings};
    fk_sha256_text(key, strlen(key), out->key);
    FK_DO(FK_CALLOC(&out->sessions, out->lanes, err));
    FK_DO(FK_CALLOC(&out->records, out->lanes, err));
    FK_DO(fk_feed_wake(out, err));
done:
    if (st != FLECK_OK)
        fk_feed_close(out);
    return st;
}

void fk_feed_close(fk_feed *f)
{
    fk_feed_rest(f);
    for (int i = 0; f->records != NULL && i < f->lanes; i++)
        fk_free(f->records[i]);
    fk_free(f->sessions);
    fk_free(f->records);
    *f = (fk_feed){0};
}

fleck_status fk_feed_wake(fk_feed *f, fleck_error *err)
{
    int64_t floats = 0;
    fleck_status st;

    if (f->net != NULL)
        return FLECK_OK;
    FK_DO(fk_net_open(&f->net, &f->source, &f->settings, err));
    for (int i = 0; i < f->lanes; i++)
        FK_DO(fk_net_session_open(&f->sessions[i], f->net, err));
    for (int i = 0; i < fk_net_tap_count(f->net); i++)
        floats += tap_floats(fk_net_tap(f->net, i));
    floats += fk_net_pool_dim(f->net);
    f->record_bytes = (int64_t)sizeof(head) + floats * (int64_t)sizeof(float);
done:
    if (st != FLECK_OK)
        fk_feed_rest(f);
    return st;
}

void fk_feed_rest(fk_feed *f)
{
    for (int i = 0; f->sessions != NULL && i < f->lanes; i++)
        fk_net_session_close(&f->sessions[i]);
    fk_net_close(&f->net);
}

/* Name of the record that is made from `bytes`. */
static void name_of(char name[FK_BLOBS_NAME], const char *kind, const void *bytes, size_t size)
{
    fk_sha256 sum;

    fk_sha256_begin(&sum);
    fk_sha256_add(&sum, kind, strlen(kind) + 1);
    fk_sha256_add(&sum, bytes, size);
    fk_sha256_finish(&sum, name);
}

/* Read the image or mask that is stored by this name; out stays empty if there is none. */
static fleck_status read_image(fk_feed *f, const char *name, fk_image *out, unsigned *kinds,
                               double *seconds, fleck_error *err)
{
    int64_t size = f->blobs != NULL ? fk_blobs_size(f->blobs, name) : -1;
    uint8_t *record = NULL;
    head h;
    fleck_status st;

    if (size < 0)
        return FLECK_OK;
    FK_DO(FK_ALLOC(&record, size, err));
    FK_DO(fk_blobs_get(f->blobs, name, record, err));
    memcpy(&h, record, sizeof h);
    FK_DO(fk_image_init(out, h.width, h.height, (int)h.channels, err));
    memcpy(out->data, record + sizeof h, (size_t)(size - (int64_t)sizeof h));
    *kinds = h.kinds;
    *seconds = h.seconds;
done:
    fk_free(record);
    return st;
}

static fleck_status store_image(fk_feed *f, const char *name, const fk_image *image, unsigned kinds,
                                double seconds, fleck_error *err)
{
    int64_t bytes = image->width * image->height * image->channels;
    head h = {.seconds = seconds,
              .width = image->width,
              .height = image->height,
              .channels = image->channels,
              .kinds = kinds};
    uint8_t *record = NULL;
    fleck_status st = FLECK_OK;

    if (f->blobs == NULL)
        return FLECK_OK;
    FK_DO(FK_ALLOC(&record, (int64_t)sizeof h + bytes, err));
    memcpy(record, &h, sizeof h);
    memcpy(record + sizeof h, image->data, (size_t)bytes);
    FK_DO(fk_blobs_put(f->blobs, name, record, (int64_t)sizeof h + bytes, err));
done:
    fk_free(record);
    return st;
}

fleck_status fk_feed_decode(fk_feed *f, const char *path, const fk_image_settings *settings,
                            fk_image *out, fk_image_notes *notes, double *seconds, fleck_error *err)
{
    const fk_image_settings *s = settings;
    char text[128], name[FK_BLOBS_NAME];
    unsigned none;
    double start;
    fleck_status st;

    *out = (fk_image){0};
    *seconds = 0.0;
    *notes = (fk_image_notes){0};
    fk_format(text, sizeof text, "image %u %u %d %u,%u,%u", s->low, s->high, s->blend,
              s->background[0], s->background[1], s->background[2]);
    name_of(name, text, path, strlen(path));
    FK_DO(read_image(f, name, out, &none, seconds, err));
    if (out->data != NULL)
        goto done;
    start = fk_clock_seconds();
    FK_DO(fk_image_load_with(out, path, FK_IMAGE_RGB, settings, notes, err));
    *seconds = fk_clock_seconds() - start;
    f->decoded++;
    FK_DO(store_image(f, name, out, 0, *seconds, err));
done:
    if (st != FLECK_OK)
        fk_image_free(out);
    return st;
}

fleck_status fk_feed_mask(fk_feed *f, const char *path, const char *image, int64_t width,
                          int64_t height, fk_image *out, unsigned *kinds, double *seconds,
                          fleck_error *err)
{
    char name[FK_BLOBS_NAME], *text = NULL;
    double start;
    fleck_status st;

    *out = (fk_image){0};
    *kinds = 0;
    *seconds = 0.0;
    FK_DO(fk_asprintf(&text, err, "mask %lldx%lld %s", (long long)width, (long long)height,
                      image != NULL ? image : ""));
    name_of(name, text, path, strlen(path));
    FK_DO(read_image(f, name, out, kinds, seconds, err));
    if (out->data != NULL)
        goto done;
    start = fk_clock_seconds();
    FK_DO(fk_mask_load(out, kinds, path, image, width, height, err));
    *seconds = fk_clock_seconds() - start;
    f->masks++;
    (void)!store_image(f, name, out, *kinds, *seconds, NULL); /* without, it is loaded again */
done:
    fk_free(text);
    if (st != FLECK_OK)
        fk_image_free(out);
    return st;
}

/* Copy the network's outputs into the lane's record. */
static void fill_record(const fk_feed *f, int64_t lane, double seconds)
{
    const float *taps[FK_MAX_TAPS], *pooled = NULL;
    head h = {.seconds = seconds};
    float *at = (float *)(void *)(f->records[lane] + sizeof h);

    fk_net_view(f->sessions[lane], taps, &pooled);
    memcpy(f->records[lane], &h, sizeof h);
    for (int i = 0; i < fk_net_tap_count(f->net); i++) {
        int64_t n = tap_floats(fk_net_tap(f->net, i));

        memcpy(at, taps[i], (size_t)n * sizeof *at);
        at += n;
    }
    if (pooled != NULL)
        memcpy(at, pooled, (size_t)fk_net_pool_dim(f->net) * sizeof *at);
}

/* Inputs whose taps are stored. */
typedef struct stored_job {
    fk_feed *feed;
    const uint8_t *const *rgb;
    fk_pool *pool; /* for a single input, else NULL */
} stored_job;

/* Load or compute the taps of input `lane` into the lane's record. */
static fleck_status run_stored(void *ctx, int64_t lane, int worker, fleck_error *err)
{
    const stored_job *j = ctx;
    fk_feed *f = j->feed;
    size_t bytes = (size_t)(f->settings.height * f->settings.width * 3);
    char name[FK_BLOBS_NAME];
    double start;
    fleck_status st = FLECK_OK;

    (void)worker;
    if (f->records[lane] == NULL)
        FK_DO(FK_ALLOC(&f->records[lane], f->record_bytes, err));
    name_of(name, f->key, j->rgb[lane], bytes);
    if (fk_blobs_size(f->blobs, name) == f->record_bytes)
        return fk_blobs_get(f->blobs, name, f->records[lane], err);
    start = fk_clock_seconds();
    FK_DO(fk_net_run_together(&f->sessions[lane], &j->rgb[lane], 1, j->pool, err));
    f->passed++;
    fill_record(f, lane, fk_clock_seconds() - start);
    FK_DO(fk_blobs_put(f->blobs, name, f->records[lane], f->record_bytes, err));
done:
    return st;
}

fleck_status fk_feed_run(fk_feed *f, int64_t n, const uint8_t *const *rgb, double *seconds,
                         fleck_error *err)
{
    stored_job j = {f, rgb, n == 1 ? f->pool : NULL};
    double start = fk_clock_seconds();
    head h;
    fleck_status st;

    assert(n <= f->lanes);
    *seconds = 0.0;
    if (f->blobs != NULL) {
        FK_DO(fk_pool_run(f->pool, n, run_stored, &j, err));
        for (int64_t i = 0; i < n; i++) {
            memcpy(&h, f->records[i], sizeof h);
            *seconds += h.seconds;
        }
    } else {
        FK_DO(fk_net_run_together(f->sessions, rgb, n, f->pool, err));
        f->passed += n;
        *seconds = (fk_clock_seconds() - start) * f->lanes;
    }
done:
    return st;
}

void fk_feed_view(const fk_feed *f, int i, const float **taps, const float **pooled)
{
    const float *at;

    if (f->blobs == NULL) {
        fk_net_view(f->sessions[i], taps, pooled);
        return;
    }
    at = (const float *)(const void *)(f->records[i] + sizeof(head));
    for (int k = 0; k < fk_net_tap_count(f->net); k++) {
        taps[k] = at;
        at += tap_floats(fk_net_tap(f->net, k));
    }
    *pooled = fk_net_pool_dim(f->net) > 0 ? at : NULL;
}
