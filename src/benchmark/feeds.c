/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the runs of a benchmark that can share a network, and opening the networks. */
#include "base/mem.h"
#include "benchmark/bench.h"

#include <string.h>

/* The network of one feed, before it is opened. */
typedef struct want {
    char *key;
    fk_net_settings net; /* taps point into the owners */
} want;

/* A text of everything that decides the values of a network's taps. */
static fleck_status key_of(char **out, const fk_model *m, const fk_net_settings *n,
                           fleck_error *err)
{
    return fk_asprintf(out, err, "%s|%s|%d|%d|%lldx%lld|%.9g %.9g %.9g|%.9g %.9g %.9g", m->backbone,
                       fk_model_source(m).name, (int)n->engine, (int)n->precision,
                       (long long)n->width, (long long)n->height, (double)n->mean[0],
                       (double)n->mean[1], (double)n->mean[2], (double)n->scale[0],
                       (double)n->scale[1], (double)n->scale[2]);
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

/* Find or add the feed of run i, whose planned model is m; m must not move afterwards. */
static fleck_status place_run(fk_bench_feeds *f, want *wants, int i, const fk_model *m, int threads,
                              fleck_error *err)
{
    fk_net_settings net = fk_model_net_settings(m, threads);
    char *key = NULL;
    int k = 0;
    fleck_status st;

    FK_DO(key_of(&key, m, &net, err));
    while (k < f->n && (strcmp(wants[k].key, key) != 0 || !join_taps(&wants[k].net, &net)))
        k++;
    if (k == f->n) {
        wants[f->n++] = (want){.key = key, .net = net};
        key = NULL;
    }
    f->of_run[i] = k;
done:
    fk_free(key);
    return st;
}

static fleck_status open_feeds(fk_bench_feeds *f, const want *wants, fk_pool *pool,
                               fleck_error *err)
{
    fleck_status st = FLECK_OK;

    for (int k = 0; k < f->n; k++) {
        int first = 0;
        fk_net_source source;

        while (f->of_run[first] != k)
            first++;
        source = fk_model_source(&f->owners[first]);
        FK_DO(fk_feed_open(&f->feeds[k], &source, &wants[k].net, wants[k].key, pool, err));
    }
done:
    return st;
}

fleck_status fk_bench_feeds_open(fk_bench_feeds *out, const fk_bench_runs *runs, fk_pool *pool,
                                 fleck_error *err)
{
    want *wants = NULL;
    fleck_status st;

    *out = (fk_bench_feeds){.n_runs = runs->n};
    FK_DO(FK_CALLOC(&wants, runs->n, err));
    FK_DO(FK_CALLOC(&out->feeds, runs->n, err));
    FK_DO(FK_CALLOC(&out->owners, runs->n, err));
    FK_DO(FK_CALLOC(&out->of_run, runs->n, err));
    for (int i = 0; i < runs->n; i++) {
        st = fk_fit_describe(&out->owners[i], &runs->items[i].fit, err);
        if (st != FLECK_OK)
            fk_error_context(err, "run %s", runs->items[i].name);
        if (st == FLECK_OK)
            st = place_run(out, wants, i, &out->owners[i], fk_pool_threads(pool), err);
        if (st != FLECK_OK)
            goto done;
    }
    FK_DO(open_feeds(out, wants, pool, err));
done:
    for (int k = 0; wants != NULL && k < runs->n; k++)
        fk_free(wants[k].key);
    fk_free(wants);
    if (st != FLECK_OK)
        fk_bench_feeds_close(out);
    return st;
}

void fk_bench_feeds_close(fk_bench_feeds *f)
{
    for (int k = 0; f->feeds != NULL && k < f->n_runs; k++)
        fk_feed_close(&f->feeds[k]);
    for (int i = 0; f->owners != NULL && i < f->n_runs; i++)
        fk_model_free(&f->owners[i]);
    fk_free(f->feeds);
    fk_free(f->owners);
    fk_free(f->of_run);
    *f = (fk_bench_feeds){0};
}
