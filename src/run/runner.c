/* SPDX-License-Identifier: Apache-2.0 */
/* A runner: network, threads and scratch of one model. */
#include "run/runner.h"
#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

/* Find m's taps among the network's. */
static fleck_status match_taps(fk_runner *r, fleck_error *err)
{
    const fk_model *m = r->model;
    const fk_net *net = r->feed->net;
    int n = fk_net_tap_count(net);

    for (int i = 0; i < m->n_taps; i++) {
        const fk_tap_info *want = &m->taps[i], *have = NULL;
        int k = 0;

        while (k < n && strcmp(fk_net_tap(net, k)->name, want->name) != 0)
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
    if (strcmp(m->embed.global, "pool") == 0 && fk_net_pool_dim(net) == 0)
        return fk_error_set(err, FLECK_E_SHAPE, "the shared network %s was opened without its pool",
                            m->backbone);
    return FLECK_OK;
}

/* Read the weights again if their memory was freed. */
static fleck_status restore(const fk_model *m, fleck_error *err)
{
    return m->weights != NULL ? fk_st_restore(m->weights, err) : FLECK_OK;
}

/* Open the runner's own network, with only the taps and channels that the model reads. */
static fleck_status open_own(fk_runner *r, int threads, fleck_error *err)
{
    const fk_model *m = r->model;
    fk_net_source source = fk_model_source(m);
    fk_net_settings settings = fk_model_net_settings(m, threads);
    fleck_status st;

    FK_DO(FK_ALLOC(&r->reads, m->embed.width, err));
    if (fk_embed_reads(&m->embed, r->reads))
        settings.reads = r->reads;
    FK_DO(fk_pool_open(&r->pool, threads, err));
    FK_DO(restore(m, err));
    FK_DO(fk_feed_open(&r->own, &source, &settings, "", r->pool, err));
done:
    return st;
}

static fleck_status open_lanes(fk_runner *r, fleck_error *err)
{
    fleck_status st;

    r->pool = r->feed->pool;
    r->threads = r->feed->lanes;
    FK_DO(match_taps(r, err));
    FK_DO(FK_CALLOC(&r->lanes, r->threads, err));
done:
    return st;
}

fleck_status fk_runner_open(fk_runner *out, const fk_model *m, int threads, fleck_error *err)
{
    fleck_status st;

    *out = (fk_runner){.model = m};
    out->feed = &out->own;
    FK_DO(open_own(out, threads == 0 ? fk_pool_processors() : threads, err));
    FK_DO(open_lanes(out, err));
done:
    if (st != FLECK_OK)
        fk_runner_close(out);
    return st;
}

fleck_status fk_runner_open_on(fk_runner *out, const fk_model *m, fk_feed *feed, fleck_error *err)
{
    fleck_status st;

    *out = (fk_runner){.model = m, .feed = feed};
    st = open_lanes(out, err);
    if (st != FLECK_OK)
        fk_runner_close(out);
    return st;
}

void fk_runner_rest(fk_runner *r)
{
    fk_runner_trim(r, 0);
    fk_feed_rest(&r->own);
    fk_mem_trim();
}

void fk_runner_close(fk_runner *r)
{
    for (int i = 0; r->lanes != NULL && i < r->threads; i++) {
        fk_free(r->lanes[i].method_scratch);
        fk_free(r->lanes[i].map_scratch);
        fk_free(r->lanes[i].top);
    }
    fk_free(r->lanes);
    fk_runner_trim(r, 0);
    fk_free(r->embeddings);
    fk_feed_close(&r->own);
    if (r->feed == &r->own)
        fk_pool_close(&r->pool);
    fk_free(r->reads);
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

/* Count an image and its odd pixels.  Dark: all samples but one in 10,000 lie in the lowest quarter
 * of the window, as samples of 12 bits do in a window of 16 bits. */
static void count_odd(fk_lane *l, const char *path, const fk_image_notes *n, uint32_t high)
{
    bool odd[FK_ODD_KINDS] = {[FK_ODD_TRANSPARENT] = n->transparent,
                              [FK_ODD_DARK] =
                                  n->wide && ((UINT32_C(1) << n->bits) - 1) < (high + 1) / 4,
                              [FK_ODD_CLIPPED] = n->wide && n->above > MAY_BE_ABOVE};

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
            if (l->odd[k] > 0 && first[0] == '\0')
                first = l->first[k];
            l->odd[k] = 0;
        }
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
    fleck_status st = fk_feed_decode(r->feed, path, &settings, original, &notes, &spent, err);

    r->lanes[lane].decode += spent;
    if (st == FLECK_OK)
        count_odd(&r->lanes[lane], path, &notes,
                  settings.high > 0 ? settings.high : FK_IMAGE_WIDEST);
    return st;
}

fleck_status fk_runner_mask(fk_runner *r, int lane, const char *path, const char *image,
                            int64_t width, int64_t height, fk_image *mask, unsigned *kinds,
                            fleck_error *err)
{
    double spent;
    fleck_status st = fk_feed_mask(r->feed, path, image, width, height, mask, kinds, &spent, err);

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
        count_odd(&r->lanes[lane], "pixels in memory", &notes,
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

/* Embed the taps of input `item`. */
static fleck_status embed_one(void *ctx, int64_t item, int worker, fleck_error *err)
{
    const embedding_job *j = ctx;
    fk_runner *r = j->runner;
    const fk_model *m = r->model;
    const float *all[FK_MAX_TAPS] = {NULL}, *taps[FK_MAX_TAPS], *pooled = NULL;
    double start = fk_clock_seconds();

    (void)err;
    fk_feed_view(r->feed, (int)item, all, &pooled);
    for (int i = 0; i < m->n_taps; i++)
        taps[i] = all[r->tap_of[i]];
    fk_embed(&j->out[item], &m->embed, m->n_taps, m->taps, taps, pooled);
    fk_embedding_unflag(&j->out[item]);
    r->lanes[worker].network += fk_clock_seconds() - start;
    return FLECK_OK;
}

fleck_status fk_runner_embed(fk_runner *r, int64_t n, const uint8_t *const *inputs,
                             fk_embedding *out, fleck_error *err)
{
    embedding_job j = {r, out};
    double spent;
    fleck_status st;

    if (r->feed->net == NULL) { /* it rests */
        FK_DO(restore(r->model, err));
        FK_DO(fk_feed_wake(r->feed, err));
    }
    FK_DO(fk_feed_run(r->feed, n, inputs, &spent, err));
    r->lanes[0].network += spent;
    FK_DO(fk_pool_run(r->pool, n, embed_one, &j, err));
done:
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
