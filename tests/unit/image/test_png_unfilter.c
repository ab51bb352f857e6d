/* SPDX-License-Identifier: Apache-2.0 */
/* Filters undone in eight rows at a time, against row by row. */
#include "fk_test.h"

#include "base/prng.h"
#include "image/png/unfilter.h"

#define MOST_WIDTH 70
#define BYTES (FK_PNG_ROWS * (4 * MOST_WIDTH + 1))

/* Filtered rows: noise, or the extremes that guesses can meet. */
static void fill(uint8_t *p, int64_t n, fk_prng *g, bool extremes)
{
    for (int64_t i = 0; i < n; i++)
        p[i] = (uint8_t)(extremes ? 255 * fk_prng_below(g, 2) + fk_prng_below(g, 2)
                                  : fk_prng_below(g, 256));
}

/* Row by row into out, without the filter bytes; in begins with one. */
static void row_by_row(uint8_t *out, const uint8_t *in, const uint8_t *above, int64_t rows,
                       int64_t n, int bpp)
{
    for (int64_t y = 0; y < rows; y++, out += n) {
        memcpy(out, in + y * (n + 1) + 1, (size_t)n);
        assert_true(fk_png_unfilter_row(in[y * (n + 1)], out, above, n, bpp));
        above = out;
    }
}

/* Whether rows go side by side on this machine: eight of Paeth's filter always gain by it. */
static bool goes_side_by_side(void)
{
    uint8_t in[FK_PNG_ROWS * (FK_PNG_ROWS + 1)], above[FK_PNG_ROWS] = {0}, out[sizeof in];

    memset(in, 4, sizeof in);
    return fk_png_unfilter_rows(out, in + 1, above, FK_PNG_ROWS, FK_PNG_ROWS, 1);
}

static void rows_together_give_the_bytes_of_row_by_row(void **state)
{
    uint8_t ins[BYTES], aboves[4 * MOST_WIDTH], one[BYTES], alls[BYTES];
    fk_prng g;
    int taken[2] = {0};

    (void)state;
    if (!goes_side_by_side()) {
        printf("skipped: %s needs AVX2\n", __func__);
        skip();
    }
    fk_prng_seed(&g, 11);
    for (int round = 0; round < 4000; round++) {
        int bpp = (const int[]){1, 3, 4}[round % 3];
        int64_t width = 1 + fk_prng_below(&g, MOST_WIDTH), n = width * bpp;
        /* Nothing behind them. */
        uint8_t *in = ins + BYTES - FK_PNG_ROWS * (n + 1), *above = aboves + sizeof aboves - n;
        uint8_t *all = alls + BYTES - FK_PNG_ROWS * n;
        bool together;

        fill(ins, BYTES, &g, round % 7 < 2);
        fill(aboves, sizeof aboves, &g, round % 7 < 2);
        for (int64_t y = 0; y < FK_PNG_ROWS; y++) /* Paeth's only, or any */
            in[y * (n + 1)] = (uint8_t)(round % 4 < 2 ? 4 : fk_prng_below(&g, 5));
        memset(alls, 77, sizeof alls);
        together = fk_png_unfilter_rows(all, in + 1, above, width,
                                        round % 5 == 0 ? FK_PNG_ROWS - 1 : FK_PNG_ROWS, bpp);
        taken[together]++;
        assert_true(!together || round % 5 > 0);
        if (together) {
            row_by_row(one, in, above, FK_PNG_ROWS, n, bpp);
            assert_memory_equal(all, one, (size_t)(FK_PNG_ROWS * n));
        }
        assert_int_equal(all[together ? -1 : 0], 77);
    }
    assert_true(taken[0] > 800 && taken[1] > 2400);
}

static void a_filter_that_does_not_exist_is_left_alone(void **state)
{
    uint8_t in[BYTES], above[MOST_WIDTH] = {0}, out[BYTES];

    (void)state;
    memset(in, 4, sizeof in);
    in[3 * (MOST_WIDTH + 1)] = 5;
    assert_false(fk_png_unfilter_rows(out, in + 1, above, MOST_WIDTH, FK_PNG_ROWS, 1));
    assert_false(fk_png_unfilter_row(5, out, above, 9, 3));
}

/* Rows are unfiltered in place, as in png/fast.c. */
static void rows_may_be_undone_ahead_of_themselves(void **state)
{
    enum { WIDTH = 43, N = 3 * WIDTH };
    uint8_t memory[FK_PNG_ROWS * N + BYTES], above[N] = {0}, wanted[BYTES];
    uint8_t *in = memory + FK_PNG_ROWS * N;
    fk_prng g;

    (void)state;
    fk_prng_seed(&g, 12);
    fill(in, BYTES, &g, false);
    for (int64_t y = 0; y < FK_PNG_ROWS; y++)
        in[y * (N + 1)] = (uint8_t)(y < 5 ? y : 4);
    row_by_row(wanted, in, above, FK_PNG_ROWS, N, 3);
    if (fk_png_unfilter_rows(memory, in + 1, above, WIDTH, FK_PNG_ROWS, 3))
        assert_memory_equal(memory, wanted, FK_PNG_ROWS * N);
}

/* The definition in the PNG specification, section 9.4. */
static int by_distances(int a, int b, int c)
{
    int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);

    if (pa <= pb && pa <= pc)
        return a;
    return pb <= pc ? b : c;
}

static void the_guess_without_distances_is_paeths(void **state)
{
    (void)state;
    for (int a = 0; a < 256; a++)
        for (int b = 0; b < 256; b++)
            for (int c = 0; c < 256; c++)
                if (fk_png_paeth_guess(a, b, c) != by_distances(a, b, c))
                    fail_msg("left %d, up %d, corner %d", a, b, c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_together_give_the_bytes_of_row_by_row),
        cmocka_unit_test(a_filter_that_does_not_exist_is_left_alone),
        cmocka_unit_test(rows_may_be_undone_ahead_of_themselves),
        cmocka_unit_test(the_guess_without_distances_is_paeths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
