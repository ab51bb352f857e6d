/* A feed: images decoded, and passed through one network, once for all runners that need them.
 *
 * What is found again is found by content: a pass by the SHA-256 of the network's input, an image
 * by that of its path.  Whoever asks for a pass need not know who else did, so that fit,
 * calibration, evaluation and pictures are the same code with a feed as without. */
#include "run/feed.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/sha256.h"

#include <string.h>

/* In front of what is kept. */
typedef struct head {
    double seconds; /* that it took */
    int64_t width, height, channels;
    uint8_t pad[32]; /* taps behind it are aligned as blocks of memory are */
} head;

static int64_t tap_floats(const fk_tap_info *t)
{
    return t->channels * t->height * t->width;
}

fleck_status fk_feed_open(fk_feed *out, const fk_net_source *source,
                          const fk_net_settings *settings, const char *key, fk_pool *pool,
                          fleck_error *err)
{
    int64_t floats = 0;
    fleck_status st;

    *out = (fk_feed){.pool = pool, .lanes = fk_pool_threads(pool)};
    fk_sha256_text(key, strlen(key), out->key);
    FK_DO(fk_net_open(&out->net, source, settings, err));
    for (int i = 0; i < fk_net_tap_count(out->net); i++)
        floats += tap_floats(fk_net_tap(out->net, i));
    floats += fk_net_pool_dim(out->net);
    out->record_bytes = (int64_t)sizeof(head) + floats * (int64_t)sizeof(float);
    FK_DO(FK_CALLOC(&out->sessions, out->lanes, err));
    FK_DO(FK_CALLOC(&out->records, out->lanes, err));
    for (int i = 0; i < out->lanes; i++) {
        FK_DO(fk_net_session_open(&out->sessions[i], out->net, err));
        FK_DO(FK_ALLOC(&out->records[i], out->record_bytes, err));
    }
done:
    if (st != FLECK_OK)
        fk_feed_close(out);
    return st;
}

void fk_feed_close(fk_feed *f)
{
    for (int i = 0; f->sessions != NULL && i < f->lanes; i++)
        fk_net_session_close(&f->sessions[i]);
    for (int i = 0; f->records != NULL && i < f->lanes; i++)
        fk_free(f->records[i]);
    fk_free(f->sessions);
    fk_free(f->records);
    fk_net_close(&f->net);
    *f = (fk_feed){0};
}

/* Name of what `bytes` lead to. */
static void name_of(char name[FK_BLOBS_NAME], const char *kind, const void *bytes, size_t size)
{
    fk_sha256 sum;

    fk_sha256_begin(&sum);
    fk_sha256_add(&sum, kind, strlen(kind) + 1);
    fk_sha256_add(&sum, bytes, size);
    fk_sha256_finish(&sum, name);
}

/* Read an image that was kept. */
static fleck_status read_image(fk_feed *f, const char *name, int64_t size, fk_image *out,
                               double *seconds, fleck_error *err)
{
    uint8_t *record = NULL;
    head h;
    fleck_status st;

    FK_DO(FK_ALLOC(&record, size, err));
    FK_DO(fk_blobs_get(f->blobs, name, record, err));
    memcpy(&h, record, sizeof h);
    FK_DO(fk_image_init(out, h.width, h.height, (int)h.channels, err));
    memcpy(out->data, record + sizeof h, (size_t)(size - (int64_t)sizeof h));
    *seconds = h.seconds;
done:
    fk_free(record);
    return st;
}

static fleck_status keep_image(fk_feed *f, const char *name, const fk_image *image, double seconds,
                               fleck_error *err)
{
    int64_t bytes = image->width * image->height * image->channels;
    head h = {.seconds = seconds,
              .width = image->width,
              .height = image->height,
              .channels = image->channels};
    uint8_t *record = NULL;
    fleck_status st;

    FK_DO(FK_ALLOC(&record, (int64_t)sizeof h + bytes, err));
    memcpy(record, &h, sizeof h);
    memcpy(record + sizeof h, image->data, (size_t)bytes);
    FK_DO(fk_blobs_put(f->blobs, name, record, (int64_t)sizeof h + bytes, err));
done:
    fk_free(record);
    return st;
}

/* Name of the image at path as these settings show it. */
static void name_image(char name[FK_BLOBS_NAME], const char *path, const fk_image_settings *s)
{
    char text[128];
    fk_sha256 sum;

    fk_format(text, sizeof text, "image %u %u %d %u,%u,%u ", s->low, s->high, s->blend,
              s->background[0], s->background[1], s->background[2]);
    fk_sha256_begin(&sum);
    fk_sha256_add(&sum, text, strlen(text));
    fk_sha256_add(&sum, path, strlen(path));
    fk_sha256_finish(&sum, name);
}

fleck_status fk_feed_decode(fk_feed *f, const char *path, const fk_image_settings *settings,
                            fk_image *out, fk_image_notes *notes, double *seconds, fleck_error *err)
{
    char name[FK_BLOBS_NAME];
    bool keep = f->blobs != NULL;
    int64_t size = -1;
    double start;
    fleck_status st;

    *out = (fk_image){0};
    *seconds = 0.0;
    *notes = (fk_image_notes){0};
    name_image(name, path, settings);
    if (keep)
        size = fk_blobs_size(f->blobs, name);
    if (size >= 0)
        return read_image(f, name, size, out, seconds, err);
    start = fk_clock_seconds();
    FK_DO(fk_image_load_with(out, path, FK_IMAGE_RGB, settings, notes, err));
    *seconds = fk_clock_seconds() - start;
    f->decoded++;
    if (keep)
        st = keep_image(f, name, out, *seconds, err);
    if (st != FLECK_OK)
        fk_image_free(out);
done:
    return st;
}

/* Where the lane's record has each tap, and the pool. */
static void view_record(const fk_feed *f, int lane, const float **taps, const float **pool)
{
    const float *at = (const float *)(const void *)(f->records[lane] + sizeof(head));

    for (int i = 0; i < fk_net_tap_count(f->net); i++) {
        taps[i] = at;
        at += tap_floats(fk_net_tap(f->net, i));
    }
    *pool = fk_net_pool_dim(f->net) > 0 ? at : NULL;
}

/* Copy what the network gave into the lane's record. */
static void fill_record(const fk_feed *f, int lane, const float *const *taps, const float *pool,
                        double seconds)
{
    head h = {.seconds = seconds};
    float *at = (float *)(void *)(f->records[lane] + sizeof h);

    memcpy(f->records[lane], &h, sizeof h);
    for (int i = 0; i < fk_net_tap_count(f->net); i++) {
        int64_t n = tap_floats(fk_net_tap(f->net, i));

        memcpy(at, taps[i], (size_t)n * sizeof *at);
        at += n;
    }
    if (pool != NULL)
        memcpy(at, pool, (size_t)fk_net_pool_dim(f->net) * sizeof *at);
}

fleck_status fk_feed_run(fk_feed *f, int lane, const uint8_t *rgb, int64_t pixels, fk_pool *pool,
                         const float **taps, const float **pooled, double *seconds,
                         fleck_error *err)
{
    char name[FK_BLOBS_NAME];
    bool keep = f->blobs != NULL;
    double start;
    fleck_status st = FLECK_OK;

    *seconds = 0.0;
    if (keep) {
        name_of(name, f->key, rgb, (size_t)pixels * 3);
        if (fk_blobs_size(f->blobs, name) == f->record_bytes) {
            FK_DO(fk_blobs_get(f->blobs, name, f->records[lane], err));
            memcpy(seconds, f->records[lane], sizeof *seconds);
            view_record(f, lane, taps, pooled);
            goto done;
        }
    }
    start = fk_clock_seconds();
    FK_DO(fk_net_run_together(&f->sessions[lane], &rgb, 1, pool, err));
    fk_net_view(f->sessions[lane], taps, pooled);
    *seconds = fk_clock_seconds() - start;
    f->passed++;
    if (keep) {
        fill_record(f, lane, taps, *pooled, *seconds);
        FK_DO(fk_blobs_put(f->blobs, name, f->records[lane], f->record_bytes, err));
    }
done:
    return st;
}
