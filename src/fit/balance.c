/* SPDX-License-Identifier: Apache-2.0 */
/* Gains of joined networks.
 *
 * Networks differ in the size of their values.  Distances of EfficientNet-Lite0's features are some
 * 20 times those of ResNet-18's, so joined as they are, ResNet-18 would decide nothing.  Network k
 * therefore has a gain
 *
 *     g_k = 2^round(log2(s_0 / s_k))
 *
 * where s_k is its spread (run/runner.h) for a picture that is the same in all fits.  So gains
 * depend on the networks, their taps and the size of the input, but on no photo.  A power of two
 * changes no bit of a mantissa, and the last bits of an engine hardly ever change it.
 *
 * The picture is noise of blocks of 1, 2, 4 .. 32 pixels.  All sizes are equally strong, which is
 * about so in photos.  Three quarters of the noise are the same in all channels. */
#include "base/mem.h"
#include "base/prng.h"
#include "fit/fitting.h"

#include <math.h>

#define SCALES 6
#define MEAN 116.0
#define STRENGTH 85.0 /* the picture deviates from its mean by about 50 */
#define MOST_EXPONENT 24.0

/* A number from -0.5 to 0.5 of the block that holds pixel (y, x). */
static double noise(int64_t y, int64_t x, int scale, int channel)
{
    uint64_t at = (uint64_t)(y >> scale) << 32 | (uint64_t)(x >> scale) << 8 |
                  (uint64_t)(scale * 4 + channel);

    return (double)(fk_prng_hash(at) >> 40) / (double)(1 << 24) - 0.5;
}

static uint8_t sample(int64_t y, int64_t x, int channel)
{
    double sum = 0.0;

    for (int s = 0; s < SCALES; s++)
        sum += 0.75 * noise(y, x, s, 3) + 0.25 * noise(y, x, s, channel);
    return (uint8_t)fmin(fmax(MEAN + STRENGTH * sum, 0.0), 255.0);
}

fleck_status fk_fit_balance(fk_fitting *f, fleck_error *err)
{
    fk_model *m = f->model;
    fk_map_size size = fk_preprocess_input(&m->pre);
    double spread[FK_MODEL_NETS];
    uint8_t *rgb = NULL;
    fleck_status st;

    if (m->n_nets == 1)
        return FLECK_OK;
    FK_DO(FK_ALLOC(&rgb, size.height * size.width * 3, err));
    for (int64_t i = 0; i < size.height * size.width * 3; i++)
        rgb[i] = sample(i / 3 / size.width, i / 3 % size.width, (int)(i % 3));
    FK_DO(fk_runner_spread(f->runner, rgb, spread, err));
    for (int k = 0; k < m->n_nets; k++) {
        double exponent = log2(spread[0] / spread[k]);

        m->nets[k].gain = isfinite(exponent) && fabs(exponent) < MOST_EXPONENT
                              ? (float)exp2(round(exponent))
                              : 1.0f;
    }
done:
    fk_free(rgb);
    return st;
}
