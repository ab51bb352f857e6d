/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic with the same bits on every machine: sine and cosine of turns, smooth noise. */
#ifndef FK_SYNTH_NOISE_H
#define FK_SYNTH_NOISE_H

#include "base/prng.h"

/* Cosine and sine of an angle in turns (1 is the full circle), to 1e-11. */
void fk_synth_turn(double turns, double *cosine, double *sine);

/* Smooth noise in [-1, 1] with features about 1 apart.  Each seed gives another field. */
double fk_synth_noise2(uint64_t seed, double x, double y);
double fk_synth_noise3(uint64_t seed, double x, double y, double z);

/* Four independent values for each pixel, uniform in [-1, 1]. */
void fk_synth_grain(double grain[4], uint64_t seed, int64_t x, int64_t y);

/* Uniform in [low, high). */
double fk_synth_between(fk_prng *g, double low, double high);

/* v clamped to [0, 1]. */
double fk_synth_unit(double v);

#endif
