/* Lives of Gaussians in which any allocation may fail. */
#ifndef METHOD_GAUSS_LIFE_H
#define METHOD_GAUSS_LIFE_H

#include "unit/method/fixture.h"

#include "base/file.h"
#include "gauss/gauss.h"

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
    fk_gauss a = {0}, b = {0};
    fleck_status st = fk_gauss_init(&a, n_pos, dim, 0.01, NULL);

    if (st == FLECK_OK)
        st = fk_gauss_init(&b, n_pos, dim, 0.01, NULL);
    if (st == FLECK_OK)
        st = fk_gauss_add(&a, images, NULL, 5, NULL, NULL);
    if (st == FLECK_OK)
        st = fk_gauss_add(&b, images + 5, NULL, 5, NULL, NULL);
    if (st == FLECK_OK)
        st = fk_gauss_finish(&b, NULL, NULL);
    if (st == FLECK_OK)
        st = fk_gauss_merge(&a, &b, NULL);
    if (st == FLECK_OK)
        st = fk_gauss_finish(&a, NULL, NULL);
    fk_gauss_free(&a);
    fk_gauss_free(&b);
    return st;
}

#endif
