/* A runner: one model's network, threads and scratch; takes images to embeddings and maps. */
#include "pipeline/runner.h"
#include "base/clock.h"
#include "base/mem.h"
#include "features/map.h"
#include "metric/metric.h"

#include <string.h>

struct fk_lane {
    fk_net_session *session;
    fk_embedding embedding;
    void *method_scratch;
    float *map_scratch;
    float *top; /* a copy of the map that may be reordered, where the model pools its top */
    double decode, network, score; /* seconds */
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

fleck_status fk_runner_open(fk_runner *out, const fk_model *m, fk_engine engine, int threads,
                            fleck_error *err)
{
    fk_net_source source = fk_model_source(m);
    fk_net_settings settings;
    fleck_status st;

    if (threads == 0)
        threads = fk_pool_processors();
    *out = (fk_runner){.model = m, .threads = threads};
    FK_DO(fk_pool_open(&out->pool, threads, err));
    settings = fk_model_net_settings(m, engine, threads);
    FK_DO(fk_net_open(&out->net, &source, &settings, err));
    FK_DO(check_taps(out, err));
    FK_DO(FK_CALLOC(&out->lanes, threads, err));
    for (int i = 0; i < threads; i++) {
        FK_DO(fk_net_session_open(&out->lanes[i].session, out->net, err));
        FK_DO(fk_embedding_init(&out->lanes[i].embedding, &m->shape, err));
    }
done:
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
    if (r->feed == NULL) {
        fk_net_close(&r->net);
        fk_pool_close(&r->pool);
    }
    *r = (fk_runner){0};
}

fleck_status fk_runner_ready(fk_runner *r, fleck_error *err)
{
    const fk_model *m = r->model;
    int64_t room = fk_map_gaussian_scratch(m->pre.crop_height, m->pre.crop_width);
    fleck_status st = FLECK_OK;

    for (int i = 0; i < r->threads && st == FLECK_OK; i++) {
        fk_lane *lane = &r->lanes[i];

        st = fk_alloc(&lane->method_scratch, (int64_t)m->method->scratch_size(m->state), 1, err);
        if (st == FLECK_OK)
            st = FK_ALLOC(&lane->map_scratch, room, err);
        if (st == FLECK_OK && m->pooling.kind == FK_POOLING_TOP)
            st = FK_ALLOC(&lane->top, m->pre.crop_height * m->pre.crop_width, err);
    }
    return st;
}

fleck_status fk_runner_decode(fk_runner *r, int lane, const char *path, fk_image *original,
                              fleck_error *err)
{
    double start = fk_clock_seconds(), spent;
    fleck_status st;

    if (r->feed != NULL) {
        st = fk_feed_decode(r->feed, path, original, &spent, err);
    } else {
        st = fk_image_load(original, path, FK_IMAGE_RGB, err);
        spent = fk_clock_seconds() - start;
    }
    r->lanes[lane].decode += spent;
    return st;
}

fleck_status fk_runner_prepare(fk_runner *r, int lane, const fk_image *original, fk_image *input,
                               fleck_error *err)
{
    const fk_preprocess *p = &r->model->pre;
    double start = fk_clock_seconds();
    fk_image resized = {0};
    fk_filter filter;
    fleck_status st;

    *input = (fk_image){0};
    if (!fk_filter_parse(p->resize, &filter))
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "resize filter \"%s\" is not known",
                            p->resize);
    FK_DO(fk_image_resize(&resized, original, p->width, p->height, filter, err));
    FK_DO(fk_image_crop_centre(input, &resized, p->crop_width, p->crop_height, err));
done:
    fk_image_free(&resized);
    r->lanes[lane].decode += fk_clock_seconds() - start;
    return st;
}

/* The model's taps and pool of an input; *seconds is what the network took. */
static fleck_status run_net(fk_runner *r, int lane, const uint8_t *input, bool alone,
                            const float **taps, const float **pool, double *seconds,
                            fleck_error *err)
{
    const fk_model *m = r->model;
    const float *all[FK_MAX_TAPS] = {NULL};
    double start = fk_clock_seconds();
    fleck_status st;

    if (r->feed == NULL) {
        st = fk_net_run_alone(r->lanes[lane].session, input, alone ? r->pool : NULL, taps, pool,
                              err);
        *seconds = fk_clock_seconds() - start;
        return st;
    }
    st = fk_feed_run(r->feed, lane, input, m->pre.crop_height * m->pre.crop_width, alone, all, pool,
                     seconds, err);
    for (int i = 0; i < m->n_taps; i++)
        taps[i] = all[r->tap_of[i]];
    return st;
}

fleck_status fk_runner_embed(fk_runner *r, int lane, const uint8_t *input, bool alone,
                             fk_embedding *out, fleck_error *err)
{
    const fk_model *m = r->model;
    const float *taps[FK_MAX_TAPS], *pool = NULL;
    double start, spent = 0.0;
    fleck_status st;

    FK_DO(run_net(r, lane, input, alone, taps, &pool, &spent, err));
    start = fk_clock_seconds();
    fk_embed(out != NULL ? out : &r->lanes[lane].embedding, &m->embed, m->n_taps, m->taps, taps,
             pool);
    spent += fk_clock_seconds() - start;
done:
    r->lanes[lane].network += spent;
    return st;
}

/* The image's score from its final map [n]. */
static double pool_map(const fk_model *m, const fk_lane *l, const float *map, int64_t n)
{
    float lowest, highest;

    if (m->pooling.kind == FK_POOLING_TOP) {
        memcpy(l->top, map, (size_t)n * sizeof(float));
        return fk_top_mean(l->top, n, fk_pooling_count(m->pooling, n));
    }
    fk_map_range(map, n, &lowest, &highest);
    return (double)highest;
}

fleck_status fk_runner_score(fk_runner *r, int lane, const fk_embedding *e, fk_span exclude,
                             bool alone, float *map, double *score, fleck_error *err)
{
    const fk_model *m = r->model;
    fk_lane *l = &r->lanes[lane];
    int64_t height = m->pre.crop_height, width = m->pre.crop_width;
    double start = fk_clock_seconds();
    fleck_status st;

    FK_DO(m->method->score(m->state, e != NULL ? e : &l->embedding, exclude, l->method_scratch,
                           alone ? r->pool : NULL, map, score, err));
    if (map == NULL)
        goto done;
    fk_map_gaussian(map, height, width, m->sigma, l->map_scratch);
    if (fk_model_scores_maps(m))
        *score = pool_map(m, l, map, height * width);
done:
    l->score += fk_clock_seconds() - start;
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
