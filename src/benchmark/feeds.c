/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the runs of a benchmark that can share a network, and opening the networks. */
#include "base/mem.h"
#include "benchmark/bench.h"

#include <string.h>

/* The network of one feed, before it is opened. */
typedef struct want {
    char *key;
    fk_net_settings net; /* taps point into the owners' models */
    fk_net_source source;
} want;

/* A text of everything that decides the values of the taps of network `net` of m. */
static fleck_status key_of(char **out, const fk_model *m, int net, const fk_net_settings *n,
                           fleck_error *err)
{
    return fk_asprintf(out, err, "%s|%s|%d|%d|%lldx%lld|%.9g %.9g %.9g|%.9g %.9g %.9g",
                       fk_model_net_name(m, net), fk_model_source(m, net).name, (int)n->engine,
                       (int)n->precision, (long long)n->width, (long long)n->height,
                       (double)n->mean[0], (double)n->mean[1], (double)n->mean[2],
                       (double)n->scale[0], (double)n->scale[1], (double)n->scale[2]);
}

/* Add more's taps to w's; false, with nothing done, if they would be too many. */
static bool join_taps(fk_net_settings *w, const fk_net_settings *more)
{
    fk_net_settings joined = *w;

    joined.pool |= more->pool;
    for (int i = 0; i < FK_MAX_TAPS && more->taps[i] != NULL; i++) {
        int k = 0;

        while (k < FK_MAX_TAPS && joined.taps[k] != NULL &&
               strcmp(joined.taps[k], more->taps[i]) != 0)
            k++;
        if (k == FK_MAX_TAPS)
            return false;
        joined.taps[k] = more->taps[i];
    }
    *w = joined;
    return true;
}

/* Find or add the feed of network `net` of m, the planned model of a run, which must not move
 * afterwards.  *feed is its index. */
static fleck_status place_net(fk_bench_feeds *f, want *wants, const fk_model *m, int net,
                              int threads, int *feed, fleck_error *err)
{
    fk_net_settings settings = fk_model_net_settings(m, net, threads);
    char *key = NULL;
    int k = 0;
    fleck_status st;

    FK_DO(key_of(&key, m, net, &settings, err));
    while (k < f->n && (strcmp(wants[k].key, key) != 0 || !join_taps(&wants[k].net, &settings)))
        k++;
    if (k == f->n) {
        wants[f->n++] = (want){.key = key, .net = settings, .source = fk_model_source(m, net)};
        key = NULL;
    }
    *feed = k;
done:
    fk_free(key);
    return st;
}

/* Find or make the feeds of run i. */
static fleck_status place_run(fk_bench_feeds *f, want *wants, const fk_bench_runs *runs, int i,
                              int threads, fleck_error *err)
{
    const fk_model *m = &f->owners[i];
    fleck_status st;

    st = fk_fit_describe(&f->owners[i], &runs->items[i].fit, err);
    if (st != FLECK_OK)
        fk_error_context(err, "run %s", runs->items[i].name);
    for (int k = 0; st == FLECK_OK && k < m->n_nets; k++)
        st = place_net(f, wants, m, k, threads, &f->of_run[i][k], err);
    return st;
}

fleck_status fk_bench_feeds_open(fk_bench_feeds *out, const fk_bench_runs *runs, fk_pool *pool,
                                 fleck_error *err)
{
    const int most = runs->n * FK_MODEL_NETS;
    want *wants = NULL;
    fleck_status st;

    *out = (fk_bench_feeds){.n_runs = runs->n};
    FK_DO(FK_CALLOC(&wants, most, err));
    FK_DO(FK_CALLOC(&out->feeds, most, err));
    FK_DO(FK_CALLOC(&out->owners, runs->n, err));
    FK_DO(FK_CALLOC(&out->of_run, runs->n, err));
    for (int i = 0; i < runs->n; i++)
        FK_DO(place_run(out, wants, runs, i, fk_pool_threads(pool), err));
    for (int k = 0; k < out->n; k++)
        FK_DO(
            fk_feed_open(&out->feeds[k], &wants[k].source, &wants[k].net, wants[k].key, pool, err));
done:
    for (int k = 0; wants != NULL && k < most; k++)
        fk_free(wants[k].key);
    fk_free(wants);
    if (st != FLECK_OK)
        fk_bench_feeds_close(out);
    return st;
}

void fk_bench_feeds_close(fk_bench_feeds *f)
{
    for (int k = 0; f->feeds != NULL && k < f->n; k++)
        fk_feed_close(&f->feeds[k]);
    for (int i = 0; f->owners != NULL && i < f->n_runs; i++)
        fk_model_free(&f->owners[i]);
    fk_free(f->feeds);
    fk_free(f->owners);
    fk_free(f->of_run);
    *f = (fk_bench_feeds){0};
}
