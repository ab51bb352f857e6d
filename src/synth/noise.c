/* SPDX-License-Identifier: Apache-2.0 */
/* Sine, cosine and noise from + - * / alone, so that samples are the same on every machine. */
#include "synth/noise.h"

#include <math.h>

/* IEEE 754 fixes every bit of + - * / sqrt and floor, but not the last bit of sin and cos, so C
 * libraries differ.  Hence Taylor series around the nearest quarter turn, where |x| <= pi/4:
 *
 *   sin x = x - x^3/3! + x^5/5! - ...      cos x = 1 - x^2/2! + x^4/4! - ...
 *
 * The first omitted term is below (pi/4)^13/13!  = 7e-12 and (pi/4)^14/14!  = 4e-13. */
void fk_synth_turn(double turns, double *cosine, double *sine)
{
    double quarters = floor(turns * 4 + 0.5);
    double x = (turns - quarters / 4) * 6.283185307179586, q = x * x;
    double s = x * (1 - q / 6 * (1 - q / 20 * (1 - q / 42 * (1 - q / 72 * (1 - q / 110)))));
    double c =
        1 - q / 2 * (1 - q / 12 * (1 - q / 30 * (1 - q / 56 * (1 - q / 90 * (1 - q / 132)))));

    switch ((int)(quarters - 4 * floor(quarters / 4))) {
    case 0:
        *cosine = c;
        *sine = s;
        break;
    case 1:
        *cosine = -s;
        *sine = c;
        break;
    case 2:
        *cosine = -c;
        *sine = -s;
        break;
    default:
        *cosine = s;
        *sine = -c;
        break;
    }
}

/* Value in [-1, 1) of the lattice point (x, y, z). */
static double lattice(uint64_t seed, int64_t x, int64_t y, int64_t z)
{
    uint64_t h = seed ^ (uint64_t)x * UINT64_C(0x9e3779b97f4a7c15) ^
                 (uint64_t)y * UINT64_C(0xc2b2ae3d27d4eb4f) ^
                 (uint64_t)z * UINT64_C(0x165667b19e3779f9);

    return (double)(fk_prng_hash(h) >> 40) * 0x1.0p-23 - 1;
}

/* From a to b as t goes from 0 to 1, with slope 0 at both ends. */
static double ease(double a, double b, double t)
{
    return a + (b - a) * t * t * (3 - 2 * t);
}

static double layer(uint64_t seed, int64_t i, int64_t j, int64_t k, double x, double y)
{
    double top = ease(lattice(seed, i, j, k), lattice(seed, i + 1, j, k), x);
    double bottom = ease(lattice(seed, i, j + 1, k), lattice(seed, i + 1, j + 1, k), x);

    return ease(top, bottom, y);
}

double fk_synth_noise2(uint64_t seed, double x, double y)
{
    double i = floor(x), j = floor(y);

    return layer(seed, (int64_t)i, (int64_t)j, 0, x - i, y - j);
}

double fk_synth_noise3(uint64_t seed, double x, double y, double z)
{
    double i = floor(x), j = floor(y), k = floor(z);
    double below = layer(seed, (int64_t)i, (int64_t)j, (int64_t)k, x - i, y - j);
    double above = layer(seed, (int64_t)i, (int64_t)j, (int64_t)k + 1, x - i, y - j);

    return ease(below, above, z - k);
}

void fk_synth_grain(double grain[4], uint64_t seed, int64_t x, int64_t y)
{
    uint64_t h = fk_prng_hash(seed ^ (uint64_t)x * UINT64_C(0x9e3779b97f4a7c15) ^
                              (uint64_t)y * UINT64_C(0xc2b2ae3d27d4eb4f));

    for (int i = 0; i < 4; i++)
        grain[i] = (double)(h >> 16 * i & 0xffff) / 32767.5 - 1;
}

double fk_synth_between(fk_prng *g, double low, double high)
{
    return low + (high - low) * fk_prng_uniform(g);
}

double fk_synth_unit(double v)
{
    return v < 0 ? 0 : v > 1 ? 1 : v;
}
