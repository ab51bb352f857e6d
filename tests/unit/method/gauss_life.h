/* SPDX-License-Identifier: Apache-2.0 */
/* Lives of Gaussians in which any allocation may fail. */
#ifndef METHOD_GAUSS_LIFE_H
#define METHOD_GAUSS_LIFE_H

#include "unit/method/fixture.h"

#include "base/file.h"
#include "gauss/learn.h"

/* Gaussians that are finished and learn on in turn, as PaDiM's are. */
typedef struct gaussians {
    fk_learner learner;
    fk_gauss made; /* while there are any, the learner is empty */
} gaussians;

static inline fleck_status gauss_init(gaussians *g, int64_t n_pos, int64_t dim, double epsilon,
                                      fleck_error *e)
{
    g->made = (fk_gauss){0};
    return fk_learner_init(&g->learner, n_pos, dim, epsilon, e);
}

static inline void gauss_free(gaussians *g)
{
    fk_learner_free(&g->learner);
    fk_gauss_free(&g->made);
}

static inline int64_t gauss_count(const gaussians *g)
{
    return g->made.images.n + g->learner.images.n;
}

static inline fleck_status gauss_reopen(gaussians *g, fleck_error *e)
{
    return g->made.factor != NULL ? fk_learner_resume(&g->learner, &g->made, e) : FLECK_OK;
}

static inline fleck_status gauss_add(gaussians *g, const float *const *images,
                                     const uint8_t *const *flags, int64_t n, fk_pool *pool,
                                     fleck_error *e)
{
    fleck_status st = gauss_reopen(g, e);

    return st != FLECK_OK ? st : fk_learner_add(&g->learner, images, flags, n, pool, e);
}

static inline fleck_status gauss_merge(gaussians *g, gaussians *other, fleck_error *e)
{
    fleck_status st = gauss_reopen(g, e);

    st = st != FLECK_OK ? st : gauss_reopen(other, e);
    return st != FLECK_OK ? st : fk_learner_merge(&g->learner, &other->learner, e);
}

static inline fleck_status gauss_finish(gaussians *g, fk_pool *pool, fleck_error *e)
{
    return g->made.factor != NULL ? FLECK_OK : fk_learner_finish(&g->learner, &g->made, pool, e);
}

static inline void assert_nothing_left(const char *folder)
{
    fk_names seen = {0};

    assert_ok(fk_folder_list(&seen, folder, 'f', err));
    assert_int_equal(seen.count, 0);
    fk_names_free(&seen);
    assert_int_equal(rmdir(folder), 0);
}

/* life, which makes more than `least` allocations, ends in FLECK_E_NOMEM whichever of them fails,
 * and leaves nothing in its folder. */
static inline void assert_any_allocation_may_fail(fleck_status (*life)(const void *images,
                                                                       const char *folder),
                                                  const void *images, int64_t least)
{
    const char *folder = test_folder();

    for (int64_t n = 1;; n++) {
        fleck_status st;

        fk_mem_fail_at(n);
        st = life(images, folder);
        fk_mem_fail_at(0);
        if (st == FLECK_OK) {
            assert_true(n > least);
            break;
        }
        assert_int_equal(st, FLECK_E_NOMEM);
    }
    assert_nothing_left(folder);
}

/* Ten images learned by two Gaussians, one of which is finished, merged and finished. */
static inline fleck_status gauss_life(const float *const *images, int64_t n_pos, int64_t dim)
{
    gaussians a = {0}, b = {0};
    fleck_status st = gauss_init(&a, n_pos, dim, 0.01, NULL);

    if (st == FLECK_OK)
        st = gauss_init(&b, n_pos, dim, 0.01, NULL);
    if (st == FLECK_OK)
        st = gauss_add(&a, images, NULL, 5, NULL, NULL);
    if (st == FLECK_OK)
        st = gauss_add(&b, images + 5, NULL, 5, NULL, NULL);
    if (st == FLECK_OK)
        st = gauss_finish(&b, NULL, NULL);
    if (st == FLECK_OK)
        st = gauss_merge(&a, &b, NULL);
    if (st == FLECK_OK)
        st = gauss_finish(&a, NULL, NULL);
    gauss_free(&a);
    gauss_free(&b);
    return st;
}

#endif
