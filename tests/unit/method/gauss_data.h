/* Images, Gaussians and folders of the tests of learning within a limit of memory, masked or not. */
#ifndef METHOD_GAUSS_DATA_H
#define METHOD_GAUSS_DATA_H

#include "unit/method/fixture.h"

#include "base/file.h"
#include "method/gauss.h"

enum { P = 37, D = 21, N = 150, T = D * (D + 1) / 2 }; /* images are folded at every 64 */

/* Image number i; the caller frees it. */
static float *gauss_image(int i)
{
    float *image;

    assert_ok(FK_ALLOC(&image, P * D, err));
    for (int64_t k = 0; k < P * D; k++)
        image[k] = 3.0f + hashed(50 + (uint64_t)i, k) + 0.5f * hashed(900 + (uint64_t)i, k / D);
    return image;
}

static fk_gauss empty(fk_dtype type)
{
    fk_gauss g;

    assert_ok(fk_gauss_init(&g, P, D, 0.01, err));
    g.type = type;
    return g;
}

/* One that has `more` bytes than it needs at least, or (folder NULL) no limit. */
static fk_gauss limited(const char *folder, int64_t more, fk_dtype type)
{
    fk_gauss g = empty(type);
    int64_t least;

    if (folder == NULL)
        return g;
    assert_refused(fk_gauss_limit(&g, 1, folder, 4, &least, err), FLECK_E_LIMIT, "are allowed");
    assert_null(g.spill);
    assert_ok(fk_gauss_limit(&g, least + more, folder, 4, &least, err));
    assert_non_null(g.spill);
    return g;
}

static void assert_nothing_left(const char *folder)
{
    fk_names seen = {0};

    assert_ok(fk_folder_list(&seen, folder, 'f', err));
    assert_int_equal(seen.count, 0);
    fk_names_free(&seen);
    assert_int_equal(rmdir(folder), 0);
}

/* life, which makes more than `least` allocations, ends in FLECK_E_NOMEM whichever of them fails, and
 * leaves nothing in its folder. */
static void assert_any_allocation_may_fail(fleck_status (*life)(const void *images,
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

#endif
