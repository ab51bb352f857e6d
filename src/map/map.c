/* SPDX-License-Identifier: Apache-2.0 */
/* Maps: bilinear resizing and Gaussian smoothing.
 *
 * Gaussian: the kernel w[-r..r], r = floor(4 sigma + 1/2), w[k] proportional to exp(-k^2 / (2
 * sigma^2)), is separable and symmetric, so each pass computes
 *
 *     out[i] = w[0] x[i] + sum over k = r, r-1, .. 1 of (x[i-k] + x[i+k]) w[k]
 *
 * with indices outside [0, n) reflected about the edges.  This is SciPy's order of additions too,
 * which makes the results equal to the last bit but for the kernel's own rounding.  A pass works on
 * LANES columns (or rows) at a time, widened to double in scratch, side by side in vectors. */
#include "map/map.h"
#include "base/clones.h"

#include <assert.h>
#include <math.h>

#define COLUMNS 128
#define LANES 8

void fk_map_source(int64_t i, int64_t n, int64_t m, int64_t *first, int64_t *second, double *weight)
{
    double s = fmax(0.0, ((double)i + 0.5) * (double)m / (double)n - 0.5);
    int64_t at = (int64_t)s;

    *first = at < m - 1 ? at : m - 1;
    *second = *first + 1 < m ? *first + 1 : *first;
    *weight = s - (double)*first;
}

void fk_map_resize_bilinear(float *dst, int64_t height, int64_t width, const float *src, int64_t h,
                            int64_t w)
{
    int64_t left[COLUMNS], right[COLUMNS];
    float across[COLUMNS];

    for (int64_t begin = 0; begin < width; begin += COLUMNS) {
        int64_t n = width - begin < COLUMNS ? width - begin : COLUMNS;

        for (int64_t x = 0; x < n; x++) {
            double weight;

            fk_map_source(begin + x, width, w, &left[x], &right[x], &weight);
            across[x] = (float)weight;
        }
        for (int64_t y = 0; y < height; y++) {
            int64_t y0, y1;
            double weight;
            const float *top, *bottom;
            float down;

            fk_map_source(y, height, h, &y0, &y1, &weight);
            top = src + y0 * w;
            bottom = src + y1 * w;
            down = (float)weight;
            for (int64_t x = 0; x < n; x++) {
                float a = (1.0f - across[x]) * top[left[x]] + across[x] * top[right[x]];
                float b = (1.0f - across[x]) * bottom[left[x]] + across[x] * bottom[right[x]];

                dst[y * width + begin + x] = (1.0f - down) * a + down * b;
            }
        }
    }
}

FK_CLONES static void mix4(float *restrict out, const float *a, const float *b, const float *c,
                           const float *d, float right, float down, int64_t n)
{
    for (int64_t k = 0; k < n; k++) {
        float top = (1.0f - right) * a[k] + right * b[k];
        float bottom = (1.0f - right) * c[k] + right * d[k];

        out[k] = (1.0f - down) * top + down * bottom;
    }
}

void fk_grid_sample(float *out, const float *src, int64_t w, int64_t channels, int64_t y0,
                    int64_t y1, double down, int64_t x0, int64_t x1, double right)
{
    mix4(out, src + (y0 * w + x0) * channels, src + (y0 * w + x1) * channels,
         src + (y1 * w + x0) * channels, src + (y1 * w + x1) * channels, (float)right, (float)down,
         channels);
}

int64_t fk_map_reflect(int64_t i, int64_t n)
{
    int64_t period = 2 * n;

    if (i >= 0 && i < n)
        return i;
    i %= period;
    if (i < 0)
        i += period;
    return i < n ? i : period - 1 - i;
}

static int64_t reach_of(double sigma)
{
    return (int64_t)(4.0 * sigma + 0.5);
}

/* kernel[0..r] for sigma; returns r. */
static int64_t make_kernel(double *kernel, double sigma)
{
    int64_t r = reach_of(sigma);
    double sum = 0.0;

    for (int64_t k = r; k >= 0; k--) {
        kernel[k] = exp(-0.5 / (sigma * sigma) * (double)(k * k));
        sum += k > 0 ? 2.0 * kernel[k] : kernel[k];
    }
    for (int64_t k = 0; k <= r; k++)
        kernel[k] /= sum;
    return r;
}

/* Smooth `count` lines of n values; value i of line l is map[i * step + l * apart].  lines is
 * scratch for n values and the r that are reflected at each end. */
FK_CLONES static void smooth_lines(float *map, int64_t n, int64_t step, int64_t count,
                                   int64_t apart, const double *kernel, int64_t r, double *lines)
{
    double *first = lines + r * LANES;

    for (int64_t begin = 0; begin < count; begin += LANES) {
        float *at = map + begin * apart;
        int64_t lanes = count - begin < LANES ? count - begin : LANES;

        for (int64_t i = 0; i < n; i++)
            for (int64_t l = 0; l < LANES; l++)
                first[i * LANES + l] = l < lanes ? (double)at[i * step + l * apart] : 0.0;
        for (int64_t k = 1; k <= r; k++)
            for (int64_t l = 0; l < LANES; l++) {
                first[-k * LANES + l] = first[fk_map_reflect(-k, n) * LANES + l];
                first[(n - 1 + k) * LANES + l] = first[fk_map_reflect(n - 1 + k, n) * LANES + l];
            }
        for (int64_t i = 0; i < n; i++) {
            const double *before = lines + i * LANES, *after = before + 2 * r * LANES;
            double sum[LANES];

            for (int l = 0; l < LANES; l++)
                sum[l] = first[i * LANES + l] * kernel[0];
            for (int64_t k = r; k > 0; k--, before += LANES, after -= LANES)
                for (int l = 0; l < LANES; l++)
                    sum[l] += (before[l] + after[l]) * kernel[k];
            for (int64_t l = 0; l < lanes; l++)
                at[i * step + l * apart] = (float)sum[l];
        }
    }
}

int64_t fk_map_gaussian_scratch(int64_t height, int64_t width, double sigma)
{
    int64_t longest = height > width ? height : width;

    return (longest + 2 * reach_of(sigma) + 1) * LANES * (int64_t)(sizeof(double) / sizeof(float));
}

void fk_map_gaussian(float *map, int64_t height, int64_t width, double sigma, float *scratch)
{
    double kernel[4 * FK_MAP_MAX_SIGMA + 2];
    double *lines = (double *)(((uintptr_t)scratch + 63) / 64 * 64);
    int64_t r;

    assert(sigma >= 0.0 && sigma <= FK_MAP_MAX_SIGMA);
    if (sigma == 0.0)
        return;
    r = make_kernel(kernel, sigma);
    smooth_lines(map, height, width, width, 1, kernel, r, lines);
    smooth_lines(map, width, 1, height, width, kernel, r, lines);
}

void fk_map_range(const float *map, int64_t n, float *low, float *high)
{
    float least = map[0], most = map[0];

    for (int64_t i = 1; i < n; i++) {
        least = map[i] < least ? map[i] : least;
        most = map[i] > most ? map[i] : most;
    }
    *low = least;
    *high = most;
}
