/* SPDX-License-Identifier: Apache-2.0 */
/* A runner: networks, threads and scratch of one model. */
#include "run/runner.h"
#include "base/clock.h"
#include "base/clones.h"
#include "base/mem.h"
#include "base/str.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static int64_t floats_of(const fk_tap_info *t)
{
    return t->channels * t->height * t->width;
}

/* Find m's taps among the networks'. */
static fleck_status match_taps(fk_runner *r, fleck_error *err)
{
    const fk_model *m = r->model;

    for (int i = 0; i < m->n_taps; i++) {
        const fk_net *net = r->feeds[m->tap_net[i]]->net;
        const fk_tap_info *want = &m->taps[i], *have = NULL;
        int k = 0, n = fk_net_tap_count(net);

        while (k < n && strcmp(fk_net_tap(net, k)->name, fk_model_tap_name(m, i)) != 0)
            k++;
        r->tap_of[i] = k;
        if (k < n)
            have = fk_net_tap(net, k);
        if (have == NULL || have->channels != want->channels || have->height != want->height ||
            have->width != want->width)
            return fk_error_set(
                err, FLECK_E_SHAPE,
                "backbone %s: the model expects tap %s [%lld, %lld, %lld], which it has not",
                m->backbone, want->name, (long long)want->channels, (long long)want->height,
                (long long)want->width);
    }
    return FLECK_OK;
}

/* Check the networks' pools, where the model uses them; those of several are joined. */
static fleck_status match_pools(fk_runner *r, fleck_error *err)
{
    const fk_model *m = r->model;
    int64_t dim = 0;
    fleck_status st = FLECK_OK;

    if (strcmp(m->embed.global, "pool") != 0)
        return FLECK_OK;
    for (int k = 0; k < m->n_nets; k++) {
        if (fk_net_pool_dim(r->feeds[k]->net) == 0)
            FK_FAIL(err, FLECK_E_SHAPE, "the shared network %s was opened without its pool",
                    fk_model_net_name(m, k));
        dim += fk_net_pool_dim(r->feeds[k]->net);
    }
    if (dim != m->pool_dim)
        FK_FAIL(err, FLECK_E_SHAPE, "backbone %s: the model expects a pool of %lld, it has %lld",
                m->backbone, (long long)m->pool_dim, (long long)dim);
    r->scaled_room = dim;
done:
    return st;
}

/* Make room for what the networks' gains scale. */
static fleck_status alloc_scaled(fk_runner *r, fleck_error *err)
{
    if (r->model->n_nets == 1 || r->scaled != NULL)
        return FLECK_OK;
    return FK_ALLOC(&r->scaled, r->threads * r->scaled_room, err);
}

/* List in reads which channels of the taps of network k are read, tap by tap, of all [m's width];
 * returns their number. */
static int64_t reads_of(const fk_model *m, int k, const bool *all, bool *reads)
{
    int64_t n = 0;

    for (int i = 0; i < m->n_taps; all += m->taps[i].channels, i++) {
        if (m->tap_net[i] != k)
            continue;
        memcpy(reads + n, all, (size_t)m->taps[i].channels * sizeof *reads);
        n += m->taps[i].channels;
    }
    return n;
}

/* Open the runner's own networks, with only the taps and channels that the model reads. */
static fleck_status open_own(fk_runner *r, int threads, fleck_error *err)
{
    const fk_model *m = r->model;
    bool *reads, some;
    fleck_status st;

    FK_DO(FK_ALLOC(&r->reads, 2 * m->embed.width, err));
    some = fk_embed_reads(&m->embed, r->reads);
    reads = r->reads + m->embed.width;
    FK_DO(fk_pool_open(&r->pool, threads, err));
    FK_DO(fk_model_restore(m, err));
    for (int k = 0; k < m->n_nets; k++) {
        fk_net_source source = fk_model_source(m, k);
        fk_net_settings settings = fk_model_net_settings(m, k, threads);

        if (some) {
            settings.reads = reads;
            reads += reads_of(m, k, r->reads, reads);
        }
        r->feeds[k] = &r->own[k];
        FK_DO(fk_feed_open(&r->own[k], &source, &settings, "", r->pool, err));
    }
done:
    return st;
}

static fleck_status open_lanes(fk_runner *r, fleck_error *err)
{
    fleck_status st;

    r->pool = r->feeds[0]->pool;
    r->threads = r->feeds[0]->lanes;
    FK_DO(match_taps(r, err));
    FK_DO(match_pools(r, err));
    for (int i = 0; i < r->model->n_taps; i++)
        r->scaled_room += floats_of(&r->model->taps[i]);
    FK_DO(FK_CALLOC(&r->lanes, r->threads, err));
done:
    return st;
}

fleck_status fk_runner_open(fk_runner *out, const fk_model *m, int threads, fleck_error *err)
{
    fleck_status st;

    *out = (fk_runner){.model = m};
    FK_DO(open_own(out, threads == 0 ? fk_pool_processors() : threads, err));
    FK_DO(open_lanes(out, err));
done:
    if (st != FLECK_OK)
        fk_runner_close(out);
    return st;
}

fleck_status fk_runner_open_on(fk_runner *out, const fk_model *m, fk_feed *const *feeds,
                               fleck_error *err)
{
    fleck_status st;

    *out = (fk_runner){.model = m};
    for (int k = 0; k < m->n_nets; k++)
        out->feeds[k] = feeds[k];
    st = open_lanes(out, err);
    if (st != FLECK_OK)
        fk_runner_close(out);
    return st;
}

void fk_runner_rest(fk_runner *r)
{
    fk_runner_trim(r, 0);
    fk_free(r->scaled);
    r->scaled = NULL;
    for (int k = 0; k < FK_MODEL_NETS; k++)
        fk_feed_rest(&r->own[k]);
    fk_mem_trim();
}

void fk_runner_share(fk_runner *r, fk_pool *pool)
{
    assert(r->threads == 1 && r->feeds[0] == &r->own[0]);
    if (r->kept == NULL)
        r->kept = r->pool;
    r->pool = pool != NULL ? pool : r->kept;
    for (int k = 0; k < r->model->n_nets; k++)
        r->own[k].pool = r->pool;
}

void fk_runner_close(fk_runner *r)
{
    if (r->kept != NULL)
        r->pool = r->kept;
    for (int i = 0; r->lanes != NULL && i < r->threads; i++) {
        fk_free(r->lanes[i].method_scratch);
        fk_free(r->lanes[i].map_scratch);
        fk_free(r->lanes[i].top);
    }
    fk_free(r->lanes);
    fk_runner_trim(r, 0);
    fk_free(r->embeddings);
    for (int k = 0; k < FK_MODEL_NETS; k++)
        fk_feed_close(&r->own[k]);
    if (r->feeds[0] == NULL || r->feeds[0] == &r->own[0]) /* NULL: opening failed early */
        fk_pool_close(&r->pool);
    fk_free(r->reads);
    fk_free(r->scaled);
    *r = (fk_runner){0};
}

fk_image_settings fk_runner_decoding(const fk_runner *r)
{
    const fk_preprocess *p = &r->model->pre;

    return (fk_image_settings){
        .max_pixels = r->max_pixels,
        .low = p->low,
        .high = p->high,
        .blend = p->blend,
        .background = {p->background[0], p->background[1], p->background[2]}};
}

/* Share of an image's samples that may lie above the window, as specular highlights do. */
#define MAY_BE_ABOVE 0.01f

/* Share of samples between black and white in an image that is black and white only: the edges of
 * a mask that was resized or saved as JPEG. */
#define MAY_BE_GREY 0.02

/* Whether an RGB image is black and white only.  Of most photos a few rows tell. */
FK_CLONES static bool is_stark(const fk_image *im)
{
    int64_t row = 3 * im->width;
    double most = MAY_BE_GREY * (double)(row * im->height), grey = 0.0;

    for (int64_t y = 0; y < im->height && grey <= most; y++) {
        int32_t n = 0;

        for (int64_t i = y * row; i < (y + 1) * row; i++)
            n += (uint8_t)(im->data[i] - 2) < 252;
        grey += n;
    }
    return grey <= most;
}

/* Count an image and its odd pixels.  Dark: all samples but one in 10,000 lie in the lowest quarter
 * of the window, as samples of 12 bits do in a window of 16 bits. */
static void count_odd(fk_lane *l, const char *path, const fk_image *im, const fk_image_notes *n,
                      uint32_t high)
{
    bool odd[FK_ODD_KINDS] = {[FK_ODD_TRANSPARENT] = n->transparent,
                              [FK_ODD_DARK] =
                                  n->wide && ((UINT32_C(1) << n->bits) - 1) < (high + 1) / 4,
                              [FK_ODD_CLIPPED] = n->wide && n->above > MAY_BE_ABOVE,
                              [FK_ODD_STARK] = is_stark(im)};

    l->images++;
    for (int k = 0; k < FK_ODD_KINDS; k++) {
        if (odd[k] && l->odd[k]++ == 0)
            snprintf(l->first[k], sizeof l->first[k], "%s", path);
    }
}

int64_t fk_runner_transparent(const fk_runner *r)
{
    int64_t n = 0;

    for (int i = 0; i < r->threads; i++)
        n += r->lanes[i].odd[FK_ODD_TRANSPARENT];
    return n;
}

/* Warn of one kind. */
static void tell_kind(const fk_runner *r, int kind, int64_t n, int64_t images, const char *first)
{
    const fk_preprocess *p = &r->model->pre;
    unsigned high = p->high > 0 ? p->high : FK_IMAGE_WIDEST;
    const char *are = images == 1 ? " is" : n == 1 ? "s is" : "s are";
    const char *use = images == 1 ? " uses" : n == 1 ? "s uses" : "s use";
    const char *have = images == 1 ? " has" : n == 1 ? "s has" : "s have";

    if (kind == FK_ODD_TRANSPARENT && p->blend)
        fk_warn_say(r->warn,
                    "%lld of %lld image%s partly transparent; the background becomes "
                    "%u,%u,%u: %s",
                    (long long)n, (long long)images, are, p->background[0], p->background[1],
                    p->background[2], first);
    else if (kind == FK_ODD_TRANSPARENT)
        fk_warn_say(r->warn,
                    "%lld of %lld image%s partly transparent; what is hidden there decides in "
                    "this model, which an earlier version made: %s",
                    (long long)n, (long long)images, are, first);
    else if (kind == FK_ODD_STARK)
        fk_warn_say(r->warn,
                    "%lld of %lld image%s black and white only, as masks are; a mask among photos "
                    "is taken for a photo: %s",
                    (long long)n, (long long)images, are, first);
    else if (kind == FK_ODD_DARK)
        fk_warn_say(r->warn,
                    "%lld of %lld image%s less than a quarter of the model's window %u to %u "
                    "(16-bit samples): of fewer bits?  The first: %s",
                    (long long)n, (long long)images, use, p->low, high, first);
    else
        fk_warn_say(r->warn,
                    "%lld of %lld image%s over 1 %% of the 16-bit samples above the model's "
                    "window %u to %u: %s",
                    (long long)n, (long long)images, have, p->low, high, first);
}

void fk_runner_scored(fk_runner *r, const fleck_result *result, bool score_counts)
{
    fk_unlike_add(&r->unlike, r->model, result, score_counts);
}

void fk_runner_tell(fk_runner *r)
{
    for (int k = 0; k < FK_ODD_KINDS; k++) {
        int64_t n = 0, images = 0;
        const char *first = "";

        for (int i = 0; i < r->threads; i++) {
            fk_lane *l = &r->lanes[i];

            images += l->images;
            n += l->odd[k];
            if (l->odd[k] > 0 && (first[0] == '\0' || fk_natural_compare(l->first[k], first) < 0))
                first = l->first[k];
            l->odd[k] = 0;
        }
        if (k == FK_ODD_STARK && n == images) /* so are the photos, as silhouettes are */
            continue;
        if (n > 0 && (r->told & 1u << k) == 0) {
            tell_kind(r, k, n, images, first);
            r->told |= 1u << k;
        }
    }
    for (int i = 0; i < r->threads; i++)
        r->lanes[i].images = 0;
    fk_unlike_tell(&r->unlike, r->warn);
}

fleck_status fk_runner_decode(fk_runner *r, int lane, const char *path, fk_image *original,
                              fleck_error *err)
{
    fk_image_settings settings = fk_runner_decoding(r);
    fk_image_notes notes;
    double spent;
    fleck_status st = fk_feed_decode(r->feeds[0], path, &settings, original, &notes, &spent, err);

    r->lanes[lane].decode += spent;
    if (st == FLECK_OK)
        count_odd(&r->lanes[lane], path, original, &notes,
                  settings.high > 0 ? settings.high : FK_IMAGE_WIDEST);
    return st;
}

fleck_status fk_runner_decode_bytes(fk_runner *r, int lane, const void *bytes, size_t size,
                                    const char *name, fk_image *original, fleck_error *err)
{
    fk_image_settings settings = fk_runner_decoding(r);
    fk_image_notes notes;
    double start = fk_clock_seconds();
    fleck_status st =
        fk_image_decode_with(original, bytes, size, name, FK_IMAGE_RGB, &settings, &notes, err);

    r->lanes[lane].decode += fk_clock_seconds() - start;
    if (st == FLECK_OK)
        count_odd(&r->lanes[lane], name, original, &notes,
                  settings.high > 0 ? settings.high : FK_IMAGE_WIDEST);
    return st;
}

fleck_status fk_runner_mask(fk_runner *r, int lane, const char *path, const char *image,
                            int64_t width, int64_t height, fk_image *mask, unsigned *kinds,
                            fleck_error *err)
{
    double spent;
    fleck_status st =
        fk_feed_mask(r->feeds[0], path, image, width, height, mask, kinds, &spent, err);

    r->lanes[lane].decode += spent;
    return st;
}

fleck_status fk_runner_pixels(fk_runner *r, int lane, const fleck_pixels *pixels, bool *borrowed,
                              fk_image *original, fleck_error *err)
{
    fk_image_settings settings = fk_runner_decoding(r);
    fk_image_notes notes = {0};
    double start = fk_clock_seconds();
    fleck_status st = fk_image_of_pixels(original, borrowed, pixels, &settings, &notes, err);

    r->lanes[lane].decode += fk_clock_seconds() - start;
    if (st == FLECK_OK)
        count_odd(&r->lanes[lane], "pixels in memory", original, &notes,
                  settings.high > 0 ? settings.high : FK_IMAGE_WIDEST);
    return st;
}

fleck_status fk_runner_embeddings(fk_runner *r, int64_t n, fleck_error *err)
{
    fk_embedding *more = NULL;
    fleck_status st = FLECK_OK;

    if (n > r->room) {
        FK_DO(FK_CALLOC(&more, n, err));
        if (r->n_embeddings > 0)
            memcpy(more, r->embeddings, (size_t)r->n_embeddings * sizeof *more);
        fk_free(r->embeddings);
        r->embeddings = more;
        r->room = n;
    }
    for (; r->n_embeddings < n; r->n_embeddings++)
        FK_DO(fk_embedding_init(&r->embeddings[r->n_embeddings], &r->model->shape, err));
done:
    return st;
}

void fk_runner_trim(fk_runner *r, int64_t n)
{
    while (r->n_embeddings > n)
        fk_embedding_free(&r->embeddings[--r->n_embeddings]);
}

typedef struct embedding_job {
    fk_runner *runner;
    fk_embedding *out;
} embedding_job;

/* Write n values of x times gain to *next, and advance it; returns where they begin. */
static const float *scale(float **next, const float *x, int64_t n, float gain)
{
    float *out = *next;

    for (int64_t i = 0; i < n; i++)
        out[i] = x[i] * gain;
    *next += n;
    return out;
}

/* Set the views of all taps of input `item`, in the model's order, and *pooled. */
static void view_taps(const fk_runner *r, int64_t item, const float *taps[FK_MAX_TAPS],
                      const float **pooled)
{
    const fk_model *m = r->model;
    const bool joined = m->n_nets > 1;
    float *next = joined ? r->scaled + item * r->scaled_room : NULL;
    const float *pools[FK_MODEL_NETS] = {NULL};

    for (int k = 0; k < m->n_nets; k++) {
        const float *all[FK_MAX_TAPS] = {NULL};

        fk_feed_view(r->feeds[k], (int)item, all, &pools[k]);
        for (int i = 0; i < m->n_taps; i++) {
            const float *tap = all[r->tap_of[i]];

            if (m->tap_net[i] == k)
                taps[i] = joined ? scale(&next, tap, floats_of(&m->taps[i]), m->nets[k].gain) : tap;
        }
    }
    *pooled = joined ? next : pools[0];
    for (int k = 0; joined && strcmp(m->embed.global, "pool") == 0 && k < m->n_nets; k++)
        (void)scale(&next, pools[k], fk_net_pool_dim(r->feeds[k]->net), m->nets[k].gain);
}

/* Embed the taps of input `item`. */
static fleck_status embed_one(void *ctx, int64_t item, int worker, fleck_error *err)
{
    const embedding_job *j = ctx;
    fk_runner *r = j->runner;
    const fk_model *m = r->model;
    const float *taps[FK_MAX_TAPS], *pooled = NULL;
    double start = fk_clock_seconds();

    (void)err;
    view_taps(r, item, taps, &pooled);
    fk_embed(&j->out[item], &m->embed, m->n_taps, m->taps, taps, pooled);
    fk_embedding_unflag(&j->out[item]);
    r->lanes[worker].network += fk_clock_seconds() - start;
    return FLECK_OK;
}

/* Compile the networks that rest, and have room for their taps. */
static fleck_status wake(fk_runner *r, fleck_error *err)
{
    bool rest = false;
    fleck_status st = FLECK_OK;

    for (int k = 0; k < r->model->n_nets; k++)
        rest |= r->feeds[k]->net == NULL;
    if (rest)
        FK_DO(fk_model_restore(r->model, err));
    for (int k = 0; k < r->model->n_nets; k++)
        FK_DO(fk_feed_wake(r->feeds[k], err));
    FK_DO(alloc_scaled(r, err));
done:
    return st;
}

fleck_status fk_runner_embed(fk_runner *r, int64_t n, const uint8_t *const *inputs,
                             fk_embedding *out, fleck_error *err)
{
    embedding_job j = {r, out};
    fleck_status st;

    FK_DO(wake(r, err));
    for (int k = 0; k < r->model->n_nets; k++) {
        double spent;

        FK_DO(fk_feed_run(r->feeds[k], n, inputs, &spent, err));
        r->lanes[0].network += spent;
    }
    FK_DO(fk_pool_run(r->pool, n, embed_one, &j, err));
done:
    return st;
}

/* The mean variance over the positions of a tap's channels; read: NULL, or whether each channel
 * counts. */
static double variance_of(const fk_tap_info *t, const float *x, const bool *read)
{
    const int64_t n = t->height * t->width;
    int64_t channels = 0;
    double total = 0.0;

    for (int64_t c = 0; c < t->channels; c++, x += n) {
        double sum = 0.0, squares = 0.0, mean;

        if (read != NULL && !read[c])
            continue;
        for (int64_t i = 0; i < n; i++)
            sum += (double)x[i];
        mean = sum / (double)n;
        for (int64_t i = 0; i < n; i++)
            squares += ((double)x[i] - mean) * ((double)x[i] - mean);
        total += squares / (double)n;
        channels++;
    }
    return channels > 0 ? total / (double)channels : 0.0;
}

fleck_status fk_runner_spread(fk_runner *r, const uint8_t *rgb, double *spread, fleck_error *err)
{
    const fk_model *m = r->model;
    bool *reads = NULL, some;
    fleck_status st;

    FK_DO(FK_ALLOC(&reads, m->embed.width, err));
    some = fk_embed_reads(&m->embed, reads);
    for (int k = 0; k < m->n_nets; k++) {
        fk_feed *f = r->feeds[k];
        const float *all[FK_MAX_TAPS] = {NULL};
        int64_t first = 0;
        double sum = 0.0;
        int n = 0;

        FK_DO(fk_net_run_together(f->sessions, &rgb, 1, r->pool, err));
        fk_net_view(f->sessions[0], all, NULL);
        for (int i = 0; i < m->n_taps; first += m->taps[i].channels, i++) {
            if (m->tap_net[i] != k)
                continue;
            sum += variance_of(&m->taps[i], all[r->tap_of[i]], some ? reads + first : NULL);
            n++;
        }
        spread[k] = sqrt(sum / n);
    }
done:
    fk_free(reads);
    return st;
}

void fk_runner_times(fk_runner *r, fleck_times *t)
{
    for (int i = 0; r->lanes != NULL && i < r->threads; i++) {
        t->decode += r->lanes[i].decode;
        t->network += r->lanes[i].network;
        t->score += r->lanes[i].score;
        r->lanes[i].decode = r->lanes[i].network = r->lanes[i].score = 0.0;
    }
    t->threads = r->threads;
    t->peak_rss_mib = fk_clock_peak_rss_mib();
}
