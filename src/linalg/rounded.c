/* Products of numbers rounded to bf16, with AVX512-BF16: two numbers of each row in 32 bits, multiplied and added
 * to a float at once.
 *
 * A panel of the packed matrix is [width / 2][FK_LANES][2]: the numbers k and k + 1 of sixteen rows. */
#include "linalg/linalg.h"
#include "linalg/product.h"

#include <assert.h>

/* Numbers of a row in one register. */
#define LINE 32

int64_t fk_linalg_rounded_width(int64_t d)
{
    return (d + LINE - 1) / LINE * LINE;
}

int64_t fk_linalg_rounded_size(int64_t m, int64_t d)
{
    return (m + FK_LANES - 1) / FK_LANES * FK_LANES * fk_linalg_rounded_width(d);
}

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512bf16")))
#define INLINE static inline __attribute__((always_inline, target("avx512f,avx512bw,avx512bf16")))

bool fk_linalg_rounds(void)
{
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512bf16");
}

/* The first n of 16, 0 to 16 or beyond either. */
INLINE __mmask16 first_of(int64_t n)
{
    return n >= 16 ? 0xffff : n <= 0 ? 0 : (__mmask16)((1u << n) - 1);
}

INLINE __m512 floats_of(__m256i half)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

TARGET void fk_linalg_round_rows(uint16_t *out, float *lost, const float *a, int64_t lda, int64_t n,
                                 int64_t d)
{
    int64_t width = fk_linalg_rounded_width(d);

    for (int64_t r = 0; r < n; r++) {
        __m512 sum = _mm512_setzero_ps();

        for (int64_t k = 0; k < width; k += LINE) {
            const float *x = a + r * lda + k;
            __m512 low = _mm512_maskz_loadu_ps(first_of(d - k), x);
            __m512 high = _mm512_maskz_loadu_ps(first_of(d - k - 16), x + 16);
            __m512i line = (__m512i)_mm512_cvtne2ps_pbh(high, low);

            _mm512_storeu_si512(out + r * width + k, line);
            low = _mm512_sub_ps(low, floats_of(_mm512_castsi512_si256(line)));
            high = _mm512_sub_ps(high, floats_of(_mm512_extracti64x4_epi64(line, 1)));
            sum = _mm512_fmadd_ps(low, low, _mm512_fmadd_ps(high, high, sum));
        }
        lost[r] = _mm512_reduce_add_ps(sum);
    }
}

/* Of v[i] 32 bits j become those i of v[j]. */
INLINE void turn(__m512i v[16])
{
    __m512i t[16];

#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
        v[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        v[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        v[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        v[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    /* v[4 g + c] holds, in quarter q, column 4 q + c of rows 4 g .. 4 g + 3. */
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) {
        t[c] = _mm512_shuffle_i32x4(v[c], v[4 + c], 0x88);
        t[4 + c] = _mm512_shuffle_i32x4(v[c], v[4 + c], 0xdd);
        t[8 + c] = _mm512_shuffle_i32x4(v[8 + c], v[12 + c], 0x88);
        t[12 + c] = _mm512_shuffle_i32x4(v[8 + c], v[12 + c], 0xdd);
    }
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) {
        v[c] = _mm512_shuffle_i32x4(t[c], t[8 + c], 0x88);
        v[8 + c] = _mm512_shuffle_i32x4(t[c], t[8 + c], 0xdd);
        v[4 + c] = _mm512_shuffle_i32x4(t[4 + c], t[12 + c], 0x88);
        v[12 + c] = _mm512_shuffle_i32x4(t[4 + c], t[12 + c], 0xdd);
    }
}

TARGET void fk_linalg_pack_rounded(uint16_t *packed, const uint16_t *rows, int64_t first,
                                   int64_t last, int64_t d)
{
    int64_t width = fk_linalg_rounded_width(d);

    assert(first % FK_LANES == 0);
    for (int64_t r = first; r < last; r += FK_LANES, rows += FK_LANES * width)
        for (int64_t k = 0; k < width; k += LINE) {
            uint16_t *to = packed + r * width + k * FK_LANES;
            __m512i v[FK_LANES];

            for (int i = 0; i < FK_LANES; i++)
                v[i] = r + i < last ? _mm512_loadu_si512(rows + i * width + k)
                                    : _mm512_setzero_si512();
            turn(v);
            for (int i = 0; i < FK_LANES; i++)
                _mm512_store_si512(to + i * LINE, v[i]);
        }
}

/* As many rows of a and panels as sixteen sums. */
#define ROWS 8
#define PANELS 2

/* What a product needs beside its place. */
typedef struct factors {
    const uint16_t *a; /* of its first row */
    const uint16_t *panel;
    int64_t width;
    float *c;
    int64_t ldc, columns; /* from the first panel's on */
    float alpha;
    bool add;
} factors;

/* rows and panels are constants in each call. */
INLINE void multiply(const factors *f, const int rows, const int panels)
{
    const __m512i *w = (const __m512i *)(const void *)f->panel;
    int64_t pairs = f->width / 2;
    __m512 sum[ROWS][PANELS];

#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
        sum[r][0] = sum[r][1] = _mm512_setzero_ps();
    for (int64_t k = 0; k < pairs; k++) {
        __m512i first = w[k], second = panels > 1 ? w[pairs + k] : first;

#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            const int32_t *pair = (const int32_t *)(const void *)(f->a + r * f->width) + k;
            __m512i x = _mm512_set1_epi32(*pair);

            sum[r][0] = _mm512_dpbf16_ps(sum[r][0], (__m512bh)x, (__m512bh)first);
            if (panels > 1)
                sum[r][1] = _mm512_dpbf16_ps(sum[r][1], (__m512bh)x, (__m512bh)second);
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
        for (int p = 0; p < panels; p++) {
            float *c = f->c + r * f->ldc + p * FK_LANES;
            __mmask16 mask = first_of(f->columns - p * FK_LANES);
            __m512 before = f->add ? _mm512_maskz_loadu_ps(mask, c) : _mm512_setzero_ps();

            _mm512_mask_storeu_ps(c, mask,
                                  _mm512_fmadd_ps(_mm512_set1_ps(f->alpha), sum[r][p], before));
        }
}

INLINE void multiply_rows(const factors *f, int64_t rows, const int panels)
{
    factors one = *f;

    if (rows >= ROWS) {
        multiply(f, ROWS, panels);
        return;
    }
    for (int64_t r = 0; r < rows; r++, one.a += one.width, one.c += one.ldc)
        multiply(&one, 1, panels);
}

TARGET void fk_linalg_multiply_rounded(float *c, int64_t ldc, const uint16_t *a,
                                       const uint16_t *packed, int64_t n, int64_t m, int64_t d,
                                       float alpha, float beta)
{
    int64_t width = fk_linalg_rounded_width(d);

    assert(beta == 0.0f || beta == 1.0f);
    for (int64_t j = 0; j < m; j += PANELS * FK_LANES)
        for (int64_t i = 0; i < n; i += ROWS) {
            factors f = {.a = a + i * width,
                         .panel = packed + j * width,
                         .width = width,
                         .c = c + i * ldc + j,
                         .ldc = ldc,
                         .columns = m - j,
                         .alpha = alpha,
                         .add = beta > 0};

            if (m - j > FK_LANES)
                multiply_rows(&f, n - i, PANELS);
            else
                multiply_rows(&f, n - i, 1);
        }
}

#else

bool fk_linalg_rounds(void)
{
    return false;
}

void fk_linalg_round_rows(uint16_t *out, float *lost, const float *a, int64_t lda, int64_t n,
                          int64_t d)
{
    assert(false);
    (void)out, (void)lost, (void)a, (void)lda, (void)n, (void)d;
}

void fk_linalg_pack_rounded(uint16_t *packed, const uint16_t *rows, int64_t first, int64_t last,
                            int64_t d)
{
    assert(false);
    (void)packed, (void)rows, (void)first, (void)last, (void)d;
}

void fk_linalg_multiply_rounded(float *c, int64_t ldc, const uint16_t *a, const uint16_t *packed,
                                int64_t n, int64_t m, int64_t d, float alpha, float beta)
{
    assert(false);
    (void)c, (void)ldc, (void)a, (void)packed, (void)n, (void)m, (void)d, (void)alpha, (void)beta;
}

#endif
