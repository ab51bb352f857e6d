/* SPDX-License-Identifier: Apache-2.0 */
/* Advice for a fit that does not fit into memory: other settings are tried on models without
 * weights (fk_fit_outline()). */
#include "base/mem.h"
#include "fit/fit.h"

#include <stdio.h>
#include <string.h>

#define MIB ((double)(1 << 20))
#define BASE_BYTES (INT64_C(96) << 20) /* of the process, for images of any size */
#define TILE 256
#define LEAST_SIDE 64

typedef struct advice {
    const fk_model *model;
    const fleck_settings *settings;
    int64_t images;
    int threads;
    int64_t others, allowed;
    char text[512];
} advice;

static int64_t pixels_of(const fk_model *m)
{
    fk_map_size size = fk_preprocess_input(&m->pre);

    return size.height * size.width;
}

/* Embeddings that the method learns of one image: one for each tile. */
static int64_t pieces_of(const fk_model *m)
{
    fk_tiles t;

    if (m->pre.tile == 0 || m->pre.width == 0)
        return 1;
    t = fk_tiles_of(m->pre.crop_height, m->pre.crop_width, m->pre.tile, m->pre.overlap);
    return t.rows * t.columns;
}

/* Bytes that a fit with settings s needs; INT64_MAX: unknown. */
static int64_t need_of(const advice *a, const fleck_settings *s, int threads)
{
    fk_memory memory = {.bytes = 1, .folder = s->scratch, .threads = threads};
    int64_t need = INT64_MAX, least = 0, base = a->others < BASE_BYTES ? a->others : BASE_BYTES;
    double share;
    fk_model m = {0};

    if (fk_fit_outline(&m, a->model, s, NULL) != FLECK_OK)
        return INT64_MAX;
    memory.images = a->images / pieces_of(a->model) * pieces_of(&m);
    if (m.method->limit != NULL && m.method->begin(&m.state, &m.options, &m.shape,
                                                   fk_preprocess_input(&m.pre), NULL) == FLECK_OK) {
        (void)!m.method->limit(m.state, &memory, &least, NULL);
        share = (double)pixels_of(&m) / (double)pixels_of(a->model);
        need = base + (int64_t)((double)(a->others - base) * (share < 1.0 ? share : 1.0)) + least;
    }
    fk_model_free(&m);
    return need;
}

/* Add the settings s to the text under this name if they need little enough. */
static bool offer(advice *a, const fleck_settings *s, int threads, const char *name)
{
    int64_t need = need_of(a, s, threads);
    size_t used = strlen(a->text);

    if (need > a->allowed)
        return false;
    snprintf(a->text + used, sizeof a->text - used, "%s%s (about %.0f MiB)", used > 0 ? ", " : "",
             name, (double)need / MIB);
    return true;
}

/* Offer tiles, and the largest of the halved sizes that fits. */
static void offer_sizes(advice *a)
{
    fleck_settings s = *a->settings;
    char name[64];

    if (a->model->pre.width == 0)
        return;
    s.long_side = 0;
    s.width = a->model->pre.crop_width;
    s.height = a->model->pre.crop_height;
    s.crop_width = s.crop_height = 0;
    if (s.tile == 0 && s.width > TILE && s.height > TILE) {
        s.tile = TILE;
        snprintf(name, sizeof name, "--tiles %d", TILE);
        offer(a, &s, a->threads, name);
        s.tile = 0;
    }
    while (s.width / 2 >= LEAST_SIDE && s.height / 2 >= LEAST_SIDE) {
        s.width /= 2;
        s.height /= 2;
        s.tile = s.tile < s.width && s.tile < s.height ? s.tile : 0;
        snprintf(name, sizeof name, "--size %lldx%lld --crop none", (long long)s.width,
                 (long long)s.height);
        if (offer(a, &s, a->threads, name))
            break;
    }
}

/* Offer the largest of PaDiM's halved dims that fits. */
static void offer_dims(advice *a)
{
    fleck_settings s = *a->settings;
    int64_t dims = a->model->shape.levels[0].dim;
    char pair[32], name[48];
    const char *const options[] = {pair, NULL};

    if (strcmp(a->model->method->name, "padim") != 0)
        return;
    s.options = options;
    for (dims /= 2; dims >= 10; dims /= 2) {
        snprintf(pair, sizeof pair, "dims=%lld", (long long)dims);
        snprintf(name, sizeof name, "--dims %lld", (long long)dims);
        if (offer(a, &s, a->threads, name))
            break;
    }
}

static void offer_methods(advice *a)
{
    fleck_settings s = *a->settings;
    char name[64];

    s.options = NULL;
    s.taps = NULL;
    for (int i = 0; i < fk_method_count(); i++) {
        s.method = fk_method_at(i)->name;
        snprintf(name, sizeof name, "-m %s", s.method);
        if (strcmp(s.method, a->model->method->name) != 0)
            offer(a, &s, a->threads, name);
    }
}

void fk_fit_advise(fleck_error *err, const fk_model *m, const fleck_settings *s, int64_t images,
                   int threads, int64_t others, int64_t least, int64_t allowed)
{
    advice a = {.model = m,
                .settings = s,
                .images = images,
                .threads = threads,
                .others = others,
                .allowed = allowed};
    size_t used;

    if (err == NULL)
        return;
    snprintf(a.text, sizeof a.text, "--max-memory %.0fM", (double)(others + least) / MIB + 1.0);
    offer_sizes(&a);
    offer_dims(&a);
    if (threads > 1)
        offer(&a, s, 1, "--threads 1");
    offer_methods(&a);
    used = strlen(err->message);
    snprintf(err->message + used, sizeof err->message - used, "; what would do: %s", a.text);
}

void fk_fit_advise_short(fleck_error *err, const fk_model *m, const fleck_settings *s, int threads,
                         bool network)
{
    fk_map_size size = fk_preprocess_input(&m->pre);
    bool padim = !network && strcmp(m->method->name, "padim") == 0;
    size_t used;

    if (err == NULL)
        return;
    fk_error_context(err, "memory is short for a fit of %s on %s at %lldx%lld", m->method->name,
                     m->backbone, (long long)size.width, (long long)size.height);
    used = strlen(err->message);
    snprintf(err->message + used, sizeof err->message - used,
             "; less is needed with a smaller %s%s%s%s%s", m->pre.tile > 0 ? "--tiles" : "--size",
             m->pre.tile == 0 && size.width > TILE && size.height > TILE ? ", --tiles" : "",
             padim ? ", fewer --dims" : "", threads > 1 ? ", fewer --threads" : "",
             padim && s->max_memory == 0 ? ", --max-memory" : "");
}
