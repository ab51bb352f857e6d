/* SPDX-License-Identifier: Apache-2.0 */
/* Quantiles in linear time, by radix selection on the order-preserving keys.
 *
 * The q-quantile of the sorted values v[0..n-1] lies at h = q * (n - 1) and is v[k] + (h - k) *
 * (v[k+1] - v[k]) with k = floor(h): NumPy's default, "linear".  v[k] is found by partitioning the
 * range that holds rank k by one bit of the keys at a time, from the highest: zeros to the left,
 * ones to the right.  Values to the right of that range are larger, so v[k+1] is the smallest value
 * to the right of rank k.  This takes at most 32 passes over shrinking ranges, whatever the values
 * are.  If there are many values, their highest bits are counted first to find the class that holds
 * rank k, which needs no unpredictable branches. */
#include "base/mem.h"
#include "metric/keys.h"
#include "metric/metric.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Reorder values[lo..hi-1] so that keys with a zero at `bit` come first; return where ones
 * begin. */
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

/* Move the value of rank k to index k, with no larger value before it and no smaller one after
 * it. */
static void select_rank(float *values, int64_t n, int64_t k)
{
    int64_t lo = 0, hi = n;
    uint32_t first = fk_key_from_f32(values[0]), differing = 0;

    /* Skip bits that are the same in all keys; in similar values these are the first eight or
     * so. */
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
    uint32_t *keys = NULL, *scratch = NULL;
    const uint32_t *sorted;
    fleck_status st;

    FK_DO(FK_ALLOC(&keys, n, err));
    FK_DO(FK_ALLOC(&scratch, n, err));
    for (int64_t i = 0; i < n; i++)
        keys[i] = fk_key_from_f32(values[i]);
    sorted = fk_keys_sort32(keys, scratch, n);
    for (int64_t i = 0; i < n; i++)
        values[i] = fk_f32_from_key(sorted[i]);
done:
    fk_free(keys);
    fk_free(scratch);
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

/* Classes of values by their highest bits, and the number of values from which counting pays. */
#define CLASS_BITS 13
#define CLASSES ((int64_t)1 << CLASS_BITS)
#define MANY (8 * CLASSES)

static uint32_t class_of(float value)
{
    return fk_key_from_f32(value) >> (32 - CLASS_BITS);
}

/* Move the class that holds rank *k to the front and return its size.  *k becomes the rank within
 * the class, and *next the smallest value of the classes above, if any. */
static int64_t partition_class(float *values, int64_t n, int64_t *k, float *next)
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
        n = partition_class(values, n, &k, &next);
    select_rank(values, n, k);
    a = (double)values[k];
    if (part == 0.0)
        return a;
    b = (double)next;
    for (int64_t i = k + 1; i < n; i++)
        b = (double)values[i] < b ? (double)values[i] : b;
    /* Interpolated from the nearer end, as NumPy does, so that the result never leaves [a, b]. */
    return part < 0.5 ? a + (b - a) * part : b - (b - a) * (1.0 - part);
}
