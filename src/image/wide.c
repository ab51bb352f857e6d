/* SPDX-License-Identifier: Apache-2.0 */
/* Converting 16-bit samples to 8 bits by a window, and counting the range that they use.
 *
 * 10-, 12- and 14-bit samples of cameras are stored in 16 bits.  One file does not tell which range
 * its samples use, and the range must not be chosen for each file: a dark part would become bright.
 * So the model has one window.  This file only applies it, and counts the samples beyond each
 * range, on which the choice of a window is based. */
#include "image/decode.h"

/* A range fits if at most one in this many samples lies above it. */
#define ODD_SAMPLES 10000

/* The counters are local, so that the bytes written cannot alias them. */
void fk_wide_samples(fk_wide *w, uint8_t *out, int64_t out_step, const uint16_t *in,
                     int64_t in_step, int64_t n, bool inverted)
{
    uint32_t low = w->low, high = w->high, range = high - low, largest = w->largest;
    int64_t above_high = 0, above[4] = {0};
    bool whole = low == 0 && high == FK_IMAGE_WIDEST;

    for (int64_t i = 0; i < n; i++) {
        uint32_t v = in[i * in_step], inside = v < low ? low : v > high ? high : v;
        uint8_t sample =
            whole ? fk_sample_scale(v, FK_IMAGE_WIDEST) : fk_sample_scale(inside - low, range);

        out[i * out_step] = inverted ? 255 - sample : sample;
        largest = v > largest ? v : largest;
        above_high += v > high;
        for (int k = 0; k < 4; k++)
            above[k] += v >> (8 + 2 * k) != 0;
    }
    w->largest = largest;
    w->count += n;
    w->above_high += above_high;
    for (int k = 0; k < 4; k++)
        w->above[k] += above[k];
}

void fk_wide_note(const fk_wide *w, fk_image_notes *notes)
{
    int k = 0;

    while (k < 4 && w->above[k] > w->count / ODD_SAMPLES)
        k++;
    notes->wide = true;
    notes->bits = 8 + 2 * k;
    notes->largest = w->largest >> notes->bits == 0 ? w->largest : (1u << notes->bits) - 1;
    notes->above = w->count > 0 ? (float)((double)w->above_high / (double)w->count) : 0.0f;
}
