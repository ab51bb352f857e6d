/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what methods load from a model: an accepted state scores an image with finite numbers, or
 * says why not. */
#include "fuzz.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "method/method.h"

static const fk_tap_info TAPS[2] = {{"layer1", 2, 2, 3}, {"layer2", 3, 1, 1}};
static const fk_embed_shape SHAPES[2] = {
    {.n_levels = 1, .levels = {{2, 3, 2, NULL, NULL}}},
    {.n_levels = 2, .levels = {{2, 3, 2, NULL, NULL}, {1, 1, 3, NULL, NULL}}, .global_dim = 3}};

/* The JSON text under a key of the metadata; NULL where there is none. */
static fk_json *description(const fk_st_reader *r, const char *key)
{
    const char *text = fk_st_metadata(r, key);
    fk_json *out = NULL;

    if (text == NULL || fk_json_parse(&out, text, strlen(text), key, NULL) != FLECK_OK)
        return NULL;
    return out;
}

static void load_embedding(const fk_st_reader *r)
{
    fk_json *meta = description(r, "embedding");
    fk_embed_spec spec;
    fk_embed_shape shape;
    fleck_error error = {0};

    if (fk_embed_spec_load(&spec, r, meta, &error) != FLECK_OK)
        fuzz_check(spec.channels == NULL && spec.projection == NULL && error.message[0] != '\0');
    else if (fk_embed_shape_of(&shape, &spec, 2, TAPS, 3, &error) == FLECK_OK) {
        const float zeros[12] = {0.0f}, *taps[2] = {zeros, zeros};
        fk_embedding e;

        if (fk_embedding_init(&e, &shape, &error) == FLECK_OK) {
            fk_embed(&e, &spec, 2, TAPS, taps, zeros);
            for (int i = 0; i < e.n_levels; i++)
                fuzz_touch(e.levels[i].data,
                           (size_t)(e.levels[i].height * e.levels[i].width * e.levels[i].dim) *
                               sizeof(float));
        }
        fk_embedding_free(&e);
    }
    fk_embed_spec_free(&spec);
    fk_json_free(&meta);
}

static void score(const fk_method *m, const void *state, const fk_embed_shape *shape)
{
    float map[16];
    double value = 0.0;
    char *scratch = NULL;
    fk_embedding e = {0};
    fleck_error error = {0};

    if (FK_ALLOC(&scratch, (int64_t)m->scratch_size(state), &error) == FLECK_OK &&
        fk_embedding_init(&e, shape, &error) == FLECK_OK) {
        for (int i = 0; i < e.n_levels; i++)
            for (int64_t k = 0; k < e.levels[i].height * e.levels[i].width * e.levels[i].dim; k++)
                e.levels[i].data[k] = (float)(k % 3);
        for (int64_t k = 0; k < e.global_dim; k++)
            e.global[k] = 1.0f;
        if (m->score(state, &e, FK_NONE, scratch, NULL, map, &value, &error) == FLECK_OK)
            for (int i = 0; i < 16; i++)
                fuzz_check(isfinite(map[i]) && map[i] >= 0.0f);
        else
            fuzz_check(error.message[0] != '\0');
    }
    fk_free(scratch);
    fk_embedding_free(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const fk_map_size map = {4, 4};
    fk_st_reader *r = NULL;
    fk_json *meta;

    if (fk_st_open_bytes(&r, data, size, "input", NULL) != FLECK_OK)
        return 0;
    load_embedding(r);
    meta = description(r, "state");
    for (int i = 0; i < fk_method_count(); i++) {
        const fk_method *m = fk_method_at(i);
        const fk_embed_shape *shape = &SHAPES[strcmp(m->name, "spade") == 0];
        fk_options o;
        void *state = NULL;
        fleck_error error = {0};

        if (fk_options_init(&o, m->options, &error) != FLECK_OK)
            continue;
        if (m->load(&state, &o, shape, map, r, meta, &error) == FLECK_OK)
            score(m, state, shape);
        else
            fuzz_check(state == NULL && error.message[0] != '\0');
        m->free(state);
        fk_options_free(&o);
    }
    fk_json_free(&meta);
    fk_st_close(&r);
    return 0;
}
