/* SPDX-License-Identifier: Apache-2.0 */
/* Connected components of a mask (8-connectivity) by union-find within the label image.
 *
 * While the image is scanned in raster order, labels[i] is 0 for background and 1 + parent(i) for a
 * marked pixel i.  parent(i) <= i is a pixel of the same component; i is a root if parent(i) == i.
 * A union makes the earlier root the parent of the later one, so the root is the component's first
 * pixel and every parent comes before its children.  A second scan numbers the roots and copies to
 * every other pixel its parent's number; during this scan numbers are negative, to tell them from
 * parents.
 *
 * Of the four neighbours already scanned (W, NW, N, NE), N touches all others, so it is already
 * joined with them; W and NW touch each other.  So a pixel joins N alone, or else NE and one of W
 * and NW. */
#include "base/mem.h"
#include "metric/metric.h"

#include <assert.h>

/* The root of pixel i; halves the path on the way. */
static int32_t find(int32_t *labels, int32_t i)
{
    while (labels[i] - 1 != i) {
        int32_t parent = labels[i] - 1;

        labels[i] = labels[parent];
        i = labels[i] - 1;
    }
    return i;
}

/* Join the components of pixels a and b, and return the root. */
static int32_t join(int32_t *labels, int32_t a, int32_t b)
{
    int32_t x = find(labels, a), y = find(labels, b);
    int32_t first = x < y ? x : y, later = x < y ? y : x;

    labels[later] = first + 1;
    return first;
}

/* The parent of marked pixel i in column x; the row above begins at `up` (NULL in the first
 * row). */
static int32_t parent_of(int32_t *labels, const int32_t *up, int32_t i, int64_t x, int64_t width)
{
    int32_t w = (int32_t)width;
    int32_t west = -1;

    if (up != NULL && up[x] != 0)
        return i - w;
    if (x > 0 && labels[i - 1] != 0)
        west = i - 1;
    else if (x > 0 && up != NULL && up[x - 1] != 0)
        west = i - w - 1;
    if (up != NULL && x + 1 < width && up[x + 1] != 0)
        return west >= 0 ? join(labels, west, i - w + 1) : i - w + 1;
    return west >= 0 ? west : i;
}

fleck_status fk_components(int32_t *labels, int64_t *n, const uint8_t *mask, int64_t height,
                           int64_t width, fleck_error *err)
{
    int64_t count;
    int32_t regions = 0;

    *n = 0;
    assert(height >= 0 && width >= 0);
    if (!fk_mul_fits(height, width, &count) || count >= INT32_MAX)
        return fk_error_set(err, FLECK_E_LIMIT, "mask of %lld x %lld pixels: the limit is %d",
                            (long long)width, (long long)height, INT32_MAX - 1);
    for (int64_t y = 0; y < height; y++) {
        const int32_t *up = y > 0 ? labels + (y - 1) * width : NULL;

        for (int64_t x = 0; x < width; x++) {
            int32_t i = (int32_t)(y * width + x);

            labels[i] = mask[i] != 0 ? parent_of(labels, up, i, x, width) + 1 : 0;
        }
    }
    for (int64_t i = 0; i < count; i++) {
        if (labels[i] == i + 1)
            labels[i] = -++regions;
        else if (labels[i] != 0)
            labels[i] = labels[labels[i] - 1];
    }
    for (int64_t i = 0; i < count; i++)
        labels[i] = -labels[i];
    *n = regions;
    return FLECK_OK;
}
