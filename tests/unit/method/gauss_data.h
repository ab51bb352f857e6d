/* SPDX-License-Identifier: Apache-2.0 */
/* Images, Gaussians and folders of the tests of learning within a limit of memory, masked or
 * not. */
#ifndef METHOD_GAUSS_DATA_H
#define METHOD_GAUSS_DATA_H

#include "unit/method/gauss_life.h"

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

static gaussians empty(fk_dtype type)
{
    gaussians g;

    assert_ok(gauss_init(&g, P, D, 0.01, err));
    g.learner.type = type;
    return g;
}

/* One that has `more` bytes than it needs at least, or (folder NULL) no limit. */
static gaussians limited(const char *folder, int64_t more, fk_dtype type)
{
    gaussians g = empty(type);
    int64_t least;

    if (folder == NULL)
        return g;
    assert_refused(fk_learner_limit(&g.learner, 1, folder, 4, &least, err), FLECK_E_LIMIT,
                   "are allowed");
    assert_false(g.learner.spills);
    assert_ok(fk_learner_limit(&g.learner, least + more, folder, 4, &least, err));
    assert_true(g.learner.spills);
    return g;
}

#endif
