/* SPDX-License-Identifier: Apache-2.0 */
/* Hashed embeddings for the tests of methods, and a method's state with what belongs to it. */
#ifndef METHOD_FIXTURE_H
#define METHOD_FIXTURE_H

#include "unit/linalg/near.h"

#include "base/mem.h"
#include "base/prng.h"
#include "method/method.h"

/* float in [0, 1) with 24 bits; the golden scripts make the same. */
static inline float hashed(uint64_t seed, int64_t k)
{
    return (float)((double)(fk_prng_hash((seed << 32) + (uint64_t)k) >> 40) * 0x1.0p-24);
}

static inline void fill(float *out, uint64_t seed, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        out[k] = hashed(seed, k);
}

/* Level i hashed with seed 16 * image + i, the global feature with 16 * image + 15; a single level
 * without global feature with the image's number itself. */
static inline fk_embedding make_image(const fk_embed_shape *shape, uint64_t image)
{
    fk_embedding e;

    assert_ok(fk_embedding_init(&e, shape, err));
    for (int i = 0; i < shape->n_levels; i++)
        fill(e.levels[i].data, shape->global_dim > 0 ? image * 16 + (uint64_t)i : image,
             e.levels[i].height * e.levels[i].width * e.levels[i].dim);
    if (shape->global_dim > 0)
        fill(e.global, image * 16 + 15, shape->global_dim);
    return e;
}

/* n images in a row, the first of which has number `first`. */
static inline void make_images(fk_embedding *out, const fk_embed_shape *shape, uint64_t first,
                               int n)
{
    for (int i = 0; i < n; i++)
        out[i] = make_image(shape, first + (uint64_t)i);
}

static inline void free_images(fk_embedding *e, int n)
{
    for (int i = 0; i < n; i++)
        fk_embedding_free(&e[i]);
}

/* Options "name=value", up to NULL. */
static inline fk_options options_of(const fk_method *m, const char *const *pairs)
{
    fk_options o;

    assert_ok(fk_options_init(&o, m->options, err));
    for (; pairs != NULL && *pairs != NULL; pairs++) {
        char name[64];
        const char *equals = strchr(*pairs, '=');

        snprintf(name, sizeof name, "%.*s", (int)(equals - *pairs), *pairs);
        assert_ok(fk_options_set(&o, name, equals + 1, err));
    }
    return o;
}

/* A state that has learned images[begin .. end - 1], `block` at a time. */
static inline void *learn(const fk_method *m, const fk_options *o, const fk_embed_shape *shape,
                          fk_map_size map, const fk_embedding *images, int begin, int end,
                          int block, fk_pool *pool)
{
    void *state = NULL;

    assert_ok(m->begin(&state, o, shape, map, err));
    while (begin < end) {
        const fk_embedding *some[64];
        int n = 0;

        for (; n < block && n < 64 && begin < end; n++, begin++)
            some[n] = &images[begin];
        assert_ok(m->add(state, some, n, pool, err));
    }
    return state;
}

/* Finish, and make ready for scores that exclude. */
static inline fleck_status finish_and_prepare(const fk_method *m, void *state, fk_pool *pool,
                                              fleck_error *e)
{
    fleck_status st = m->finish(state, pool, e);

    return st == FLECK_OK && m->prepare_exclude != NULL ? m->prepare_exclude(state, pool, e) : st;
}

/* Map [map.height * map.width] and score of one image; score 0 where the method gives none.
 * exclude is the image left out, -1 for none. */
static inline float *score_of(const fk_method *m, const void *state, fk_map_size map,
                              const fk_embedding *e, int64_t exclude, fk_pool *pool, double *score)
{
    char *scratch = NULL;
    float *out = NULL;
    double ignored = 0.0;
    fk_span span = exclude >= 0 ? (fk_span){.first = exclude, .count = 1} : FK_NONE;

    assert_ok(FK_ALLOC(&scratch, (int64_t)m->scratch_size(state), err));
    memset(scratch, 0xff, m->scratch_size(state)); /* NaN, should it be read before it is written */
    assert_ok(FK_ALLOC(&out, map.height * map.width, err));
    assert_ok(m->score(state, e, span, scratch, pool, out, score != NULL ? score : &ignored, err));
    fk_free(scratch);
    return out;
}

/* Save state; the path is static storage. *meta is a new object. */
static inline const char *save_state(const fk_method *m, const void *state, fk_json **meta)
{
    static char path[4200];
    fk_st_writer *w = NULL;

    snprintf(path, sizeof path, "%s/state.safetensors", test_folder());
    *meta = fk_json_object();
    assert_ok(fk_st_writer_open(&w, err));
    assert_ok(m->save(state, w, *meta, err));
    assert_ok(fk_st_writer_commit(&w, path, err));
    return path;
}

#endif
