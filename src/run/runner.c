/* A runner: one model's network, threads and scratch; takes images to embeddings and maps. */
#include "run/runner.h"
#include "base/clock.h"
#include "base/mem.h"
#include "map/map.h"
#include "metric/metric.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Of decoded images at a time, beyond which they wait for each other; a single one may be
 * larger. */
#define DECODING_BYTES (INT64_C(768) << 20)

/* What may be odd about an image's pixels. */
enum { ODD_TRANSPARENT, ODD_DARK, ODD_CLIPPED, ODD_KINDS };

struct fk_lane {
    fk_net_session *session;
    fk_embedding embedding;
    void *method_scratch;
    float *map_scratch;
    int64_t map_room; /* floats */
    float *top;       /* a copy of the map that may be reordered, where the model pools its top */
    int64_t top_room;
    double decode, network, score;  /* seconds */
    int64_t images, odd[ODD_KINDS]; /* decoded; of these, odd ones of each kind */
    char first[ODD_KINDS][256];     /* path of the first */
};

/* The compiled network must give the taps that the embedding was planned for. */
static fleck_status check_taps(const fk_runner *r, fleck_error *err)
{
    const fk_model *m = r->model;

    if (fk_net_tap_count(r->net) != m->n_taps)
        return fk_error_set(err, FLECK_E_SHAPE, "backbone %s gives %d taps, the model expects %d",
                            m->backbone, fk_net_tap_count(r->net), m->n_taps);
    for (int i = 0; i < m->n_taps; i++) {
        const fk_tap_info *a = fk_net_tap(r->net, i), *b = &m->taps[i];

        if (a->channels != b->channels || a->height != b->height || a->width != b->width)
            return fk_error_set(err, FLECK_E_SHAPE,
                                "backbone %s: tap %s is [%lld, %lld, %lld], the model expects "
                                "[%lld, %lld, %lld]",
                                m->backbone, a->name, (long long)a->channels, (long long)a->height,
                                (long long)a->width, (long long)b->channels, (long long)b->height,
                                (long long)b->width);
    }
    return FLECK_OK;
}

void fk_runner_rest(fk_runner *r)
{
    if (r->feed != NULL)
        return;
    for (int i = 0; r->lanes != NULL && i < r->threads; i++)
        fk_net_session_close(&r->lanes[i].session);
    fk_net_close(&r->net);
    fk_mem_trim();
}

fleck_status fk_runner_wake(fk_runner *r, fleck_error *err)
{
    fk_net_source source;
    fk_net_settings settings;
    bool *reads = NULL;
    fleck_status st = FLECK_OK;

    if (r->net != NULL)
        return FLECK_OK;
    if (r->model->weights != NULL)
        FK_DO(fk_st_restore(r->model->weights, err));
    source = fk_model_source(r->model);
    settings = fk_model_net_settings(r->model, r->threads);
    FK_DO(FK_ALLOC(&reads, r->model->embed.width, err));
    if (fk_embed_reads(&r->model->embed, reads))
        settings.reads = reads;
    FK_DO(fk_net_open(&r->net, &source, &settings, err));
    FK_DO(check_taps(r, err));
    for (int i = 0; i < r->threads; i++)
        FK_DO(fk_net_session_open(&r->lanes[i].session, r->net, err));
done:
    fk_free(reads);
    if (st != FLECK_OK)
        fk_runner_rest(r);
    return st;
}

fleck_status fk_runner_open_resting(fk_runner *out, const fk_model *m, int threads,
                                    fleck_error *err)
{
    fleck_status st;

    if (threads == 0)
        threads = fk_pool_processors();
    *out = (fk_runner){.model = m, .threads = threads};
    fk_gate_init(&out->decoding, DECODING_BYTES);
    FK_DO(fk_pool_open(&out->pool, threads, err));
    FK_DO(FK_CALLOC(&out->lanes, threads, err));
    for (int i = 0; i < threads; i++)
        FK_DO(fk_embedding_init(&out->lanes[i].embedding, &m->shape, err));
done:
    if (st != FLECK_OK)
        fk_runner_close(out);
    return st;
}

fleck_status fk_runner_open(fk_runner *out, const fk_model *m, int threads, fleck_error *err)
{
    fleck_status st = fk_runner_open_resting(out, m, threads, err);

    if (st == FLECK_OK)
        st = fk_runner_wake(out, err);
    if (st != FLECK_OK)
        fk_runner_close(out);
    return st;
}

/* Find m's taps among the feed's. */
static fleck_status match_taps(fk_runner *r, fleck_error *err)
{
    const fk_model *m = r->model;
    int n = fk_net_tap_count(r->net);

    for (int i = 0; i < m->n_taps; i++) {
        const fk_tap_info *want = &m->taps[i], *have = NULL;
        int k = 0;

        while (k < n && strcmp(fk_net_tap(r->net, k)->name, want->name) != 0)
            k++;
        r->tap_of[i] = k;
        if (k < n)
            have = fk_net_tap(r->net, k);
        if (have == NULL || have->channels != want->channels || have->height != want->height ||
            have->width != want->width)
            return fk_error_set(err, FLECK_E_SHAPE,
                                "the shared network %s has no tap %s [%lld, %lld, %lld]",
                                m->backbone, want->name, (long long)want->channels,
                                (long long)want->height, (long long)want->width);
    }
    if (strcmp(m->embed.global, "pool") == 0 && fk_net_pool_dim(r->net) == 0)
        return fk_error_set(err, FLECK_E_SHAPE, "the shared network %s was opened without its pool",
                            m->backbone);
    return FLECK_OK;
}

fleck_status fk_runner_open_on(fk_runner *out, const fk_model *m, fk_feed *feed, fleck_error *err)
{
    fleck_status st;

    *out = (fk_runner){
        .model = m, .threads = feed->lanes, .pool = feed->pool, .net = feed->net, .feed = feed};
    fk_gate_init(&out->decoding, DECODING_BYTES);
    FK_DO(match_taps(out, err));
    FK_DO(FK_CALLOC(&out->lanes, out->threads, err));
    for (int i = 0; i < out->threads; i++)
        FK_DO(fk_embedding_init(&out->lanes[i].embedding, &m->shape, err));
done:
    if (st != FLECK_OK)
        fk_runner_close(out);
    return st;
}

void fk_runner_close(fk_runner *r)
{
    for (int i = 0; r->lanes != NULL && i < r->threads; i++) {
        fk_net_session_close(&r->lanes[i].session);
        fk_embedding_free(&r->lanes[i].embedding);
        fk_free(r->lanes[i].method_scratch);
        fk_free(r->lanes[i].map_scratch);
        fk_free(r->lanes[i].top);
    }
    fk_free(r->lanes);
    if (r->model != NULL)
        fk_gate_free(&r->decoding);
    if (r->feed == NULL) {
        fk_net_close(&r->net);
        fk_pool_close(&r->pool);
    }
    *r = (fk_runner){0};
}

/* Scratch to smooth and pool a map of this size. */
static fleck_status make_room(const fk_model *m, fk_lane *lane, int64_t height, int64_t width,
                              fleck_error *err)
{
    int64_t room = fk_map_gaussian_scratch(height, width);
    int64_t top_room = m->pooling.kind == FK_POOLING_TOP ? height * width : 0;
    fleck_status st = FLECK_OK;

    if (room > lane->map_room) {
        fk_free(lane->map_scratch);
        lane->map_room = 0;
        FK_DO(FK_ALLOC(&lane->map_scratch, room, err));
        lane->map_room = room;
    }
    if (top_room > lane->top_room) {
        fk_free(lane->top);
        lane->top_room = 0;
        FK_DO(FK_ALLOC(&lane->top, top_room, err));
        lane->top_room = top_room;
    }
done:
    return st;
}

fleck_status fk_runner_ready(fk_runner *r, fleck_error *err)
{
    const fk_model *m = r->model;
    fk_map_size size = fk_preprocess_input(&m->pre);
    fleck_status st = FLECK_OK;

    for (int i = 0; i < r->threads && st == FLECK_OK; i++) {
        fk_lane *lane = &r->lanes[i];

        fk_free(lane->method_scratch);
        st = fk_alloc(&lane->method_scratch, (int64_t)m->method->scratch_size(m->state), 1, err);
        if (st == FLECK_OK)
            st = make_room(m, lane, size.height, size.width, err);
    }
    return st;
}

int64_t fk_runner_enter(fk_runner *r, int lane, const char *path)
{
    int64_t bytes = r->threads > 1 ? fk_image_peek_bytes(path) : 0;

    fk_gate_enter(&r->decoding, bytes, lane == 0 ? fk_pool_watch(r->pool) : NULL);
    return bytes;
}

void fk_runner_leave(fk_runner *r, int64_t bytes)
{
    fk_gate_leave(&r->decoding, bytes);
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

/* Samples above the window that an image may have: specular highlights are no sign of another
 * depth. */
#define MAY_BE_ABOVE 0.01f

/* Count what is odd.  Dark: all samples but one in 10,000 lie in the lowest quarter of the window,
 * as those of 12 bits do in 16. */
static void note(fk_lane *l, const char *path, const fk_image_notes *n, uint32_t high)
{
    bool odd[ODD_KINDS] = {[ODD_TRANSPARENT] = n->transparent,
                           [ODD_DARK] = n->wide && ((UINT32_C(1) << n->bits) - 1) < (high + 1) / 4,
                           [ODD_CLIPPED] = n->wide && n->above > MAY_BE_ABOVE};

    l->images++;
    for (int k = 0; k < ODD_KINDS; k++) {
        if (odd[k] && l->odd[k]++ == 0)
            snprintf(l->first[k], sizeof l->first[k], "%s", path);
    }
}

int64_t fk_runner_transparent(const fk_runner *r)
{
    int64_t n = 0;

    for (int i = 0; i < r->threads; i++)
        n += r->lanes[i].odd[ODD_TRANSPARENT];
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

    if (kind == ODD_TRANSPARENT && p->blend)
        fk_warn_say(r->warn,
                    "%lld of %lld image%s partly transparent; the background becomes "
                    "%u,%u,%u: %s",
                    (long long)n, (long long)images, are, p->background[0], p->background[1],
                    p->background[2], first);
    else if (kind == ODD_TRANSPARENT)
        fk_warn_say(r->warn,
                    "%lld of %lld image%s partly transparent; what is hidden there decides in "
                    "this model, which an earlier version made: %s",
                    (long long)n, (long long)images, are, first);
    else if (kind == ODD_DARK)
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

/* A benchmark knows its categories: there it would only be noise. */
void fk_runner_scored(fk_runner *r, const fleck_result *result, bool score_counts)
{
    if (r->feed == NULL)
        fk_unlike_add(&r->unlike, r->model, result, score_counts);
}

void fk_runner_tell(fk_runner *r)
{
    for (int k = 0; k < ODD_KINDS; k++) {
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
    fk_image_notes notes = {0};
    double start = fk_clock_seconds(), spent;
    fleck_status st;

    if (r->feed != NULL) {
        st = fk_feed_decode(r->feed, path, &settings, original, &notes, &spent, err);
    } else {
        st = fk_image_load_with(original, path, FK_IMAGE_RGB, &settings, &notes, err);
        spent = fk_clock_seconds() - start;
    }
    r->lanes[lane].decode += spent;
    if (st == FLECK_OK)
        note(&r->lanes[lane], path, &notes, settings.high > 0 ? settings.high : FK_IMAGE_WIDEST);
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
        note(&r->lanes[lane], "pixels in memory", &notes,
             settings.high > 0 ? settings.high : FK_IMAGE_WIDEST);
    return st;
}

static fleck_status prepare(fk_runner *r, int lane, const fk_image *original, const char *mask,
                            const fk_image *drawn, fk_canvas *out, fleck_error *err)
{
    double start = fk_clock_seconds();
    fleck_status st = fk_canvas_make(out, r->model, original, mask, drawn, err);

    r->lanes[lane].decode += fk_clock_seconds() - start;
    return st;
}

fleck_status fk_runner_prepare(fk_runner *r, int lane, const fk_image *original, const char *mask,
                               fk_canvas *out, fleck_error *err)
{
    return prepare(r, lane, original, mask, NULL, out, err);
}

fleck_status fk_runner_prepare_masked(fk_runner *r, int lane, const fk_image *original,
                                      const fk_image *mask, fk_canvas *out, fleck_error *err)
{
    return prepare(r, lane, original, NULL, mask, out, err);
}

/* The model's taps and pooled output of an input; *seconds is what the network took. */
static fleck_status run_net(fk_runner *r, int lane, const uint8_t *input, fk_pool *pool,
                            const float **taps, const float **pooled, double *seconds,
                            fleck_error *err)
{
    const fk_model *m = r->model;
    fk_map_size size = fk_preprocess_input(&m->pre);
    const float *all[FK_MAX_TAPS] = {NULL};
    double start = fk_clock_seconds();
    fleck_status st;

    if (r->feed == NULL) {
        FK_DO(fk_net_run_together(&r->lanes[lane].session, &input, 1, pool, err));
        fk_net_view(r->lanes[lane].session, taps, pooled);
        *seconds = fk_clock_seconds() - start;
    } else {
        FK_DO(fk_feed_run(r->feed, lane, input, size.height * size.width, pool, all, pooled,
                          seconds, err));
        for (int i = 0; i < m->n_taps; i++)
            taps[i] = all[r->tap_of[i]];
    }
done:
    return st;
}

fleck_status fk_runner_embed(fk_runner *r, int lane, const uint8_t *input, fk_pool *pool,
                             fk_embedding *out, fleck_error *err)
{
    const fk_model *m = r->model;
    fk_embedding *e = out != NULL ? out : &r->lanes[lane].embedding;
    const float *taps[FK_MAX_TAPS], *pooled = NULL;
    double start, spent = 0.0;
    fleck_status st;

    FK_DO(run_net(r, lane, input, pool, taps, &pooled, &spent, err));
    start = fk_clock_seconds();
    fk_embed(e, &m->embed, m->n_taps, m->taps, taps, pooled);
    fk_embedding_unflag(e);
    spent += fk_clock_seconds() - start;
done:
    r->lanes[lane].network += spent;
    return st;
}

typedef struct embedding_job {
    fk_runner *runner;
    const uint8_t *const *inputs;
    fk_embedding *const *out;
} embedding_job;

/* With a feed: each image may be known already. */
static fleck_status embed_apart(void *ctx, int64_t item, int worker, fleck_error *err)
{
    const embedding_job *j = ctx;

    return fk_runner_embed(j->runner, worker, j->inputs[item], NULL, j->out[item], err);
}

/* What the network gave in lane `item`. */
static fleck_status embed_view(void *ctx, int64_t item, int worker, fleck_error *err)
{
    const embedding_job *j = ctx;
    const fk_model *m = j->runner->model;
    const float *taps[FK_MAX_TAPS], *pooled = NULL;
    double start = fk_clock_seconds();

    (void)err;
    fk_net_view(j->runner->lanes[item].session, taps, &pooled);
    fk_embed(j->out[item], &m->embed, m->n_taps, m->taps, taps, pooled);
    fk_embedding_unflag(j->out[item]);
    j->runner->lanes[worker].network += fk_clock_seconds() - start;
    return FLECK_OK;
}

fleck_status fk_runner_embed_many(fk_runner *r, int64_t n, const uint8_t *const *inputs,
                                  fk_embedding *const *out, fleck_error *err)
{
    embedding_job j = {.runner = r, .inputs = inputs, .out = out};
    fk_net_session **sessions = NULL;
    double start;
    fleck_status st;

    assert(n <= r->threads);
    if (r->feed != NULL)
        return fk_pool_run(r->pool, n, embed_apart, &j, err);
    FK_DO(FK_ALLOC(&sessions, n, err));
    for (int64_t i = 0; i < n; i++)
        sessions[i] = r->lanes[i].session;
    start = fk_clock_seconds();
    FK_DO(fk_net_run_together(sessions, inputs, n, r->pool, err));
    r->lanes[0].network += (fk_clock_seconds() - start) * r->threads;
    FK_DO(fk_pool_run(r->pool, n, embed_view, &j, err));
done:
    fk_free(sessions);
    return st;
}

fleck_status fk_runner_embed_piece(fk_runner *r, int lane, const fk_canvas *c, int64_t i,
                                   bool to_learn, fk_pool *pool, fk_embedding *out,
                                   fleck_error *err)
{
    int64_t side = c->tiled ? c->tiles.tile : 0;
    uint8_t *room = NULL;
    fleck_status st = FLECK_OK;

    if (c->tiled)
        FK_DO(FK_ALLOC(&room, side * side * 3, err));
    FK_DO(fk_runner_embed(r, lane, fk_canvas_piece(c, i, room), pool, out, err));
    FK_DO(fk_canvas_flag(out != NULL ? out : &r->lanes[lane].embedding, c, i, to_learn, err));
done:
    fk_free(room);
    return st;
}

/* ---- Scoring ---- */

/* Smooth the map over the pixels that count, and blank the others:
 *
 *     map = G(w map) / G(w)      G: the Gaussian, w: 1 where a pixel counts, else 0
 *
 * so that nothing masked is mixed in, and no value sinks for having a mask beside it. */
static fleck_status smooth_around(fk_runner *r, int lane, float *map, int64_t height, int64_t width,
                                  const uint8_t *left_out, fleck_error *err)
{
    float *scratch = r->lanes[lane].map_scratch, *weight = NULL;
    int64_t n = height * width;
    fleck_status st;

    FK_DO(FK_ALLOC(&weight, n, err));
    for (int64_t i = 0; i < n; i++) {
        weight[i] = left_out[i] != 0 ? 0.0f : 1.0f;
        map[i] = left_out[i] != 0 ? 0.0f : map[i];
    }
    fk_map_gaussian(map, height, width, r->model->sigma, scratch);
    fk_map_gaussian(weight, height, width, r->model->sigma, scratch);
    for (int64_t i = 0; i < n; i++)
        map[i] = left_out[i] != 0 ? 0.0f : map[i] / weight[i];
done:
    fk_free(weight);
    return st;
}

/* The image's score from its final map [n], of the pixels that count. */
static double pool_map(const fk_model *m, const fk_lane *l, const float *map, int64_t n,
                       const uint8_t *left_out)
{
    float lowest, highest;
    int64_t count = 0;

    if (m->pooling.kind == FK_POOLING_TOP) {
        for (int64_t i = 0; i < n; i++)
            if (left_out == NULL || left_out[i] == 0)
                l->top[count++] = map[i];
        return count > 0 ? fk_top_mean(l->top, count, fk_pooling_count(m->pooling, count)) : 0.0;
    }
    fk_map_range(map, n, &lowest, &highest);
    return (double)highest;
}

/* Smooth a map, and take the image's score from it where that is the method's way. */
static fleck_status finish_map(fk_runner *r, int lane, float *map, int64_t height, int64_t width,
                               const uint8_t *left_out, double *score, fleck_error *err)
{
    const fk_model *m = r->model;
    fleck_status st;

    FK_DO(make_room(m, &r->lanes[lane], height, width, err));
    if (left_out != NULL)
        FK_DO(smooth_around(r, lane, map, height, width, left_out, err));
    else
        fk_map_gaussian(map, height, width, m->sigma, r->lanes[lane].map_scratch);
    if (fk_model_scores_maps(m))
        *score = pool_map(m, &r->lanes[lane], map, height * width, left_out);
done:
    return st;
}

fleck_status fk_runner_score(fk_runner *r, int lane, const fk_embedding *e, fk_span exclude,
                             fk_pool *pool, const uint8_t *left_out, float *map, double *score,
                             fleck_error *err)
{
    const fk_model *m = r->model;
    fk_lane *l = &r->lanes[lane];
    fk_map_size size = fk_preprocess_input(&m->pre);
    double start = fk_clock_seconds();
    fleck_status st;

    FK_DO(m->method->score(m->state, e != NULL ? e : &l->embedding, exclude, l->method_scratch,
                           pool, map, score, err));
    if (map != NULL)
        FK_DO(finish_map(r, lane, map, size.height, size.width, left_out, score, err));
done:
    l->score += fk_clock_seconds() - start;
    return st;
}

typedef struct scoring_job {
    fk_runner *runner;
    const fk_embedding *const *embeddings;
    const fk_span *exclude;
    const uint8_t *const *left_out;
    float *const *maps;
    double *scores;
    fk_pool *pool; /* where there is one image only, else NULL */
} scoring_job;

static fleck_status score_one(void *ctx, int64_t item, int worker, fleck_error *err)
{
    const scoring_job *j = ctx;

    return fk_runner_score(j->runner, worker, j->embeddings[item], j->exclude[item], j->pool,
                           j->left_out[item], j->maps[item], &j->scores[item], err);
}

static fleck_status finish_one(void *ctx, int64_t item, int worker, fleck_error *err)
{
    const scoring_job *j = ctx;
    fk_map_size size = fk_preprocess_input(&j->runner->model->pre);
    double start = fk_clock_seconds();
    fleck_status st = finish_map(j->runner, worker, j->maps[item], size.height, size.width,
                                 j->left_out[item], &j->scores[item], err);

    j->runner->lanes[worker].score += fk_clock_seconds() - start;
    return st;
}

static bool all_wanted(int64_t n, float *const *maps)
{
    for (int64_t i = 0; i < n; i++)
        if (maps[i] == NULL)
            return false;
    return true;
}

fleck_status fk_runner_score_many(fk_runner *r, int64_t n, const fk_embedding *const *e,
                                  const fk_span *exclude, const uint8_t *const *left_out,
                                  float *const *maps, double *scores, fleck_error *err)
{
    const fk_method *method = r->model->method;
    scoring_job j = {r, e, exclude, left_out, maps, scores, n == 1 ? r->pool : NULL};
    double start = fk_clock_seconds();
    fleck_status st;

    if (method->score_many == NULL || n == 1 || !all_wanted(n, maps))
        return fk_pool_run(r->pool, n, score_one, &j, err);
    FK_DO(method->score_many(r->model->state, n, e, exclude, r->pool, maps, err));
    r->lanes[0].score += (fk_clock_seconds() - start) * r->threads;
    FK_DO(fk_pool_run(r->pool, n, finish_one, &j, err));
done:
    return st;
}

fleck_status fk_runner_score_fold(fk_runner *r, int64_t n, const fk_embedding *const *e,
                                  const uint8_t *const *left_out, float *const *maps,
                                  double *scores, fleck_error *err)
{
    scoring_job j = {.runner = r, .left_out = left_out, .maps = maps, .scores = scores};
    double start = fk_clock_seconds();
    fleck_status st;

    FK_DO(r->model->method->score_fold(r->model->state, n, e, r->pool, maps, err));
    r->lanes[0].score += (fk_clock_seconds() - start) * r->threads;
    FK_DO(fk_pool_run(r->pool, n, finish_one, &j, err));
done:
    return st;
}

/* Tiles of one canvas being scored, a few at a time. */
typedef struct tiling {
    fk_runner *runner;
    const fk_canvas *canvas;
    fk_span exclude;
    int lane;       /* -1: each worker has its own */
    int64_t first;  /* tile of the round's first */
    float *maps;    /* [tiles of a round, tile, tile] */
    double *scores; /* [tiles of a round] */
} tiling;

static fleck_status score_tile(void *ctx, int64_t item, int worker, fleck_error *err)
{
    tiling *t = ctx;
    const fk_model *m = t->runner->model;
    int lane = t->lane >= 0 ? t->lane : worker;
    fk_lane *l = &t->runner->lanes[lane];
    int64_t side = t->canvas->tiles.tile;
    double start;
    fleck_status st;

    FK_DO(
        fk_runner_embed_piece(t->runner, lane, t->canvas, t->first + item, false, NULL, NULL, err));
    start = fk_clock_seconds();
    st = m->method->score(m->state, &l->embedding, t->exclude, l->method_scratch, NULL,
                          t->maps + item * side * side, &t->scores[item], err);
    l->score += fk_clock_seconds() - start;
done:
    return st;
}

/* A round of as many tiles as run at a time; then they are blended in order, whoever made them. */
static fleck_status score_tiles(fk_runner *r, int lane, const fk_canvas *c, fk_span exclude,
                                fk_pool *pool, float *map, double *score, fleck_error *err)
{
    int64_t n = fk_canvas_pieces(c), side = c->tiles.tile, round = fk_pool_threads(pool);
    tiling t = {.runner = r, .canvas = c, .exclude = exclude, .lane = pool != NULL ? -1 : lane};
    double *shares = NULL;
    fleck_status st;

    round = round < n ? round : n;
    FK_DO(FK_ALLOC(&t.maps, round * side * side, err));
    FK_DO(FK_CALLOC(&t.scores, round, err));
    FK_DO(FK_ALLOC(&shares, 2 * side, err));
    memset(map, 0, (size_t)(c->tiles.height * c->tiles.width) * sizeof *map);
    for (; t.first < n; t.first += round) {
        int64_t count = n - t.first < round ? n - t.first : round;

        FK_DO(fk_pool_run(pool, count, score_tile, &t, err));
        for (int64_t i = 0; i < count; i++) {
            fk_tile_blend(map, &c->tiles, t.first + i, t.maps + i * side * side, shares);
            *score = t.first + i == 0 ? t.scores[i] : fmax(*score, t.scores[i]);
        }
    }
done:
    fk_free(t.maps);
    fk_free(t.scores);
    fk_free(shares);
    return st;
}

fleck_status fk_runner_score_canvas(fk_runner *r, int lane, const fk_canvas *c, fk_span exclude,
                                    fk_pool *pool, float *map, double *score, fleck_error *err)
{
    double start;
    fleck_status st;

    if (!c->tiled) {
        FK_DO(fk_runner_embed_piece(r, lane, c, 0, false, pool, NULL, err));
        return fk_runner_score(r, lane, NULL, exclude, pool, c->left_out.data, map, score, err);
    }
    FK_DO(score_tiles(r, lane, c, exclude, pool, map, score, err));
    start = fk_clock_seconds();
    st = finish_map(r, lane, map, c->tiles.height, c->tiles.width, c->left_out.data, score, err);
    r->lanes[lane].score += fk_clock_seconds() - start;
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
