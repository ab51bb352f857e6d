/* The column pass of Pillow's resampling in vectors of whatever width: for inclusion, once each, by
 * the files of a kind of processor, which define
 *
 *   FK_BYTES          the type of a vector of FK_BYTES_WIDTH bytes
 *   FK_BYTES_OP(f)    the compiler's function f for it: add_epi32, madd_epi16, ...
 *   FK_BYTES_ZERO, FK_BYTES_LOAD(p), FK_BYTES_STORE(p, v)
 *   FK_BYTES_FEWER    what a row of fewer bytes is given to
 *   TARGET, INLINE    for functions, and for such that are compiled along with their callers
 *
 * Interleaving and packing stay inside each 16 bytes of a vector, so that what one takes apart the
 * other puts together in the same order.  How weights are halved is in resize_sse2.c. */
#ifdef FK_BYTES

#include "image/resize/pillow.h"

#include <string.h>

#define V FK_BYTES_OP

/* Two neighbouring 16-bit weights in every lane. */
INLINE FK_BYTES pair(const int16_t *w)
{
    int32_t both;

    memcpy(&both, w, sizeof both);
    return V(set1_epi32)(both);
}

/* Sums, rounded and shifted to the scale of a sample; not yet clipped. */
INLINE FK_BYTES join(FK_BYTES high, FK_BYTES low)
{
    FK_BYTES sum = V(add_epi32)(V(slli_epi32)(high, FK_WEIGHT_LOW), low);

    sum = V(add_epi32)(sum, V(set1_epi32)(1 << (FK_WEIGHT_BITS - 1)));
    return V(srai_epi32)(sum, FK_WEIGHT_BITS);
}

/* A vector's columns of two rows, interleaved to pairs, in four groups. */
INLINE void add_rows(FK_BYTES high[4], FK_BYTES low[4], const uint8_t *a, const uint8_t *b,
                     FK_BYTES wh, FK_BYTES wl)
{
    const FK_BYTES zero = FK_BYTES_ZERO, above = FK_BYTES_LOAD(a), below = FK_BYTES_LOAD(b);
    FK_BYTES first = V(unpacklo_epi8)(above, below), second = V(unpackhi_epi8)(above, below);
    FK_BYTES s[4] = {V(unpacklo_epi8)(first, zero), V(unpackhi_epi8)(first, zero),
                     V(unpacklo_epi8)(second, zero), V(unpackhi_epi8)(second, zero)};

    for (int k = 0; k < 4; k++) {
        high[k] = V(add_epi32)(high[k], V(madd_epi16)(s[k], wh));
        low[k] = V(add_epi32)(low[k], V(madd_epi16)(s[k], wl));
    }
}

TARGET static void some_columns(uint8_t *out, const fk_ring *ring, const fk_taps *taps, int64_t i,
                                int64_t x)
{
    const int16_t *h = taps->high + i * taps->room, *l = taps->low + i * taps->room;
    int64_t count = taps->count[i];
    const uint8_t *row = ring->data + taps->first[i] % ring->rows * ring->bytes + x;
    const uint8_t *end = ring->data + ring->rows * ring->bytes;
    FK_BYTES high[4], low[4], v;

    for (int k = 0; k < 4; k++)
        high[k] = low[k] = FK_BYTES_ZERO;
    for (int64_t j = 0; j < count; j += 2) {
        const uint8_t *a = row, *b;

        row = row + ring->bytes < end ? row + ring->bytes : ring->data + x;
        b = j + 1 < count ? row : a; /* the second of a last odd row counts 0 times */
        row = row + ring->bytes < end ? row + ring->bytes : ring->data + x;
        add_rows(high, low, a, b, pair(h + j), pair(l + j));
    }
    v = V(packus_epi16)(V(packs_epi32)(join(high[0], low[0]), join(high[1], low[1])),
                        V(packs_epi32)(join(high[2], low[2]), join(high[3], low[3])));
    FK_BYTES_STORE(out + x, v);
}

static void columns(uint8_t *out, const fk_ring *ring, const fk_taps *taps, int64_t i)
{
    int64_t x = 0;

    if (ring->bytes < FK_BYTES_WIDTH) {
        FK_BYTES_FEWER(out, ring, taps, i);
        return;
    }
    for (; x + FK_BYTES_WIDTH <= ring->bytes; x += FK_BYTES_WIDTH)
        some_columns(out, ring, taps, i, x);
    if (x < ring->bytes) /* the last of them, some again */
        some_columns(out, ring, taps, i, ring->bytes - FK_BYTES_WIDTH);
}

#endif
