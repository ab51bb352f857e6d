/* SPDX-License-Identifier: Apache-2.0 */
/* Quantile of a list in linear time: selection by the bits of the order-preserving keys.
 *
 * The q-quantile of the sorted values v[0..n-1] lies at h = q * (n - 1) and is v[k] + (h - k) *
 * (v[k+1] - v[k]) with k = floor(h): NumPy's default, "linear".  v[k] is found by splitting the
 * part that holds rank k at one bit of the keys, from the highest: zeros to the left, ones to the
 * right.  What lies right of that part is larger, so v[k+1] is the smallest value right of place
 * k.  At most 32 passes over parts that shrink, whatever the values are.  Of many values the class
 * of rank k by their highest bits is found by counting first, which no processor has to guess
 * at. */
#include "base/mem.h"
#include "metric/keys.h"
#include "metric/metric.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Reorder values[lo..hi-1] so that keys with a zero at `bit` come first; returns where ones begin.
 */
static int64_t split(float *values, int64_t lo, int64_t hi, int bit)
{
    while (lo < hi) {
        float value = values[lo];

        if ((fk_key_from_f32(value) >> bit & 1) == 0) {
            lo++;
        } else {
            values[lo] = values[--hi];
            values[hi] = value;
        }
    }
    return lo;
}

/* Bring the value of rank k to place k, none larger to its left and none smaller to its right. */
static void select_rank(float *values, int64_t n, int64_t k)
{
    int64_t lo = 0, hi = n;
    uint32_t first = fk_key_from_f32(values[0]), differing = 0;

    /* Bits that all have in common split nothing: of like values the first eight or so. */
    for (int64_t i = 1; i < n; i++)
        differing |= fk_key_from_f32(values[i]) ^ first;
    for (int bit = 31; bit >= 0 && hi - lo > 1; bit--) {
        int64_t middle;

        if ((differing >> bit & 1) == 0)
            continue;
        middle = split(values, lo, hi, bit);

        if (k < middle)
            hi = middle;
        else
            lo = middle;
    }
}

fleck_status fk_sort(float *values, int64_t n, fleck_error *err)
{
    uint32_t *keys = NULL, *spare = NULL;
    const uint32_t *sorted;
    fleck_status st;

    FK_DO(FK_ALLOC(&keys, n, err));
    FK_DO(FK_ALLOC(&spare, n, err));
    for (int64_t i = 0; i < n; i++)
        keys[i] = fk_key_from_f32(values[i]);
    sorted = fk_keys_sort32(keys, spare, n);
    for (int64_t i = 0; i < n; i++)
        values[i] = fk_f32_from_key(sorted[i]);
done:
    fk_free(keys);
    fk_free(spare);
    return st;
}

double fk_top_mean(float *values, int64_t n, int64_t count)
{
    double sum = 0.0;

    assert(count >= 1 && count <= n);
    select_rank(values, n, n - count);
    for (int64_t i = n - count; i < n; i++)
        sum += (double)values[i];
    return sum / (double)count;
}

/* Classes of values by their highest bits, and how many make it worth while to count them. */
#define CLASS_BITS 13
#define CLASSES ((int64_t)1 << CLASS_BITS)
#define MANY (8 * CLASSES)

static uint32_t class_of(float value)
{
    return fk_key_from_f32(value) >> (32 - CLASS_BITS);
}

/* Bring the class that holds rank *k to the front; *k becomes its rank there, *next the least value
 * of the classes above, if there are any.  Returns how many it has. */
static int64_t gather_class(float *values, int64_t n, int64_t *k, float *next)
{
    uint32_t counts[CLASSES], chosen = 0;
    int64_t before = 0, m = 0;

    memset(counts, 0, sizeof counts);
    for (int64_t i = 0; i < n; i++)
        counts[class_of(values[i])]++;
    while (before + counts[chosen] <= *k)
        before += counts[chosen++];
    for (int64_t i = 0; i < n; i++) {
        float value = values[i];
        uint32_t class = class_of(value);

        if (class == chosen) {
            values[i] = values[m];
            values[m++] = value;
        } else if (class > chosen && value < *next) {
            *next = value;
        }
    }
    *k -= before;
    return m;
}

double fk_quantile(float *values, int64_t n, double q)
{
    float next = INFINITY;
    int64_t k;
    double h, part, a, b;

    assert(n >= 0 && q >= 0.0 && q <= 1.0);
    if (n == 0)
        return NAN;
    h = q * (double)(n - 1);
    k = (int64_t)h;
    part = h - (double)k;
    if (n >= MANY && n <= UINT32_MAX)
        n = gather_class(values, n, &k, &next);
    select_rank(values, n, k);
    a = (double)values[k];
    if (part == 0.0)
        return a;
    b = (double)next;
    for (int64_t i = k + 1; i < n; i++)
        b = (double)values[i] < b ? (double)values[i] : b;
    /* From the nearer end, as NumPy does: the result then never leaves [a, b]. */
    return part < 0.5 ? a + (b - a) * part : b - (b - a) * (1.0 - part);
}
