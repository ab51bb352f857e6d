/* Forward substitution of two positions side by side with AVX-512; see gauss_score.c. */
#include "method/gauss_two.h"
#include "method/gauss_moments.h"

#include <stddef.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline, target("avx512f")))

/* Doubles in a register. */
#define WIDE 8
/* Floats in a line of the cache. */
#define LINE 16
/* Memory is asked for what lies a factor and so many floats ahead.  Less than a factor would come too late
 * for the beginning of the next pair's second one. */
#define AHEAD 2048

/* A position on its way. */
typedef struct side {
    const float *column; /* j, dim - j floats; the next one behind it */
    size_t ahead;        /* bytes to what is asked for */
    double *v;
    double d2;
} side;

/* v -= z c of a register's numbers, not fused: the bytes of the other ways. */
INLINE __m512d leave(__m512d v, __m512d z, const float *c)
{
    return _mm512_sub_pd(v, _mm512_mul_pd(z, _mm512_cvtps_pd(_mm256_loadu_ps(c))));
}

/* Columns j to j + 3: first what they make of each other, then what they leave of the rest, in whole
 * registers of v, always the same ones, so that each is loaded as it was stored.  Numbers before the rest
 * in its first register, which are done with, lose what they hold, and so do those from v[dim] on; floats
 * before and behind a column are read, none of them before the first column. */
INLINE void take_four(side *s, int64_t j, int64_t dim)
{
    const float *c0 = s->column, *c1 = c0 + (dim - j), *c2 = c1 + (dim - j - 1),
                *c3 = c2 + (dim - j - 2);
    double *v = s->v;
    double z0 = v[j] / (double)c0[0];
    double z1 = (v[j + 1] - z0 * (double)c0[1]) / (double)c1[0];
    double z2 = (v[j + 2] - z0 * (double)c0[2] - z1 * (double)c1[1]) / (double)c2[0];
    double z3 =
        (v[j + 3] - z0 * (double)c0[3] - z1 * (double)c1[2] - z2 * (double)c2[1]) / (double)c3[0];
    const __m512d all0 = _mm512_set1_pd(z0), all1 = _mm512_set1_pd(z1), all2 = _mm512_set1_pd(z2),
                  all3 = _mm512_set1_pd(z3);

    for (int64_t i = (j + 4) / WIDE * WIDE; i < dim; i += WIDE) {
        __m512d x = _mm512_load_pd(v + i);

        x = leave(x, all0, c0 + (i - j));
        x = leave(x, all1, c1 + (i - j - 1));
        x = leave(x, all2, c2 + (i - j - 2));
        x = leave(x, all3, c3 + (i - j - 3));
        _mm512_store_pd(v + i, x);
    }
    for (int64_t i = 0; i < 4 * (dim - j); i += LINE)
        _mm_prefetch((const char *)((uintptr_t)(c0 + i) + s->ahead), _MM_HINT_T0);
    s->d2 += z0 * z0;
    s->d2 += z1 * z1;
    s->d2 += z2 * z2;
    s->d2 += z3 * z3;
    s->column = c3 + (dim - j - 3);
}

/* The last columns, one by one. */
INLINE void take_one(side *s, int64_t j, int64_t dim)
{
    double z = s->v[j] / (double)s->column[0];

    for (int64_t i = j + 1; i < dim; i++)
        s->v[i] -= z * (double)s->column[i - j];
    s->d2 += z * z;
    s->column += dim - j;
}

__attribute__((target("avx512f"))) static void solve_two(const float *factor, double *v,
                                                         int64_t dim, double d2[2])
{
    int64_t size = fk_moments_size(dim);
    size_t ahead = (size_t)(size + AHEAD) * sizeof *factor;
    side a = {.column = factor, .ahead = ahead, .v = v};
    side b = {.column = factor + size, .ahead = ahead, .v = v + fk_moments_lines(dim)};
    int64_t j = 0;

    for (; j + 4 <= dim; j += 4) {
        take_four(&a, j, dim);
        take_four(&b, j, dim);
    }
    for (; j < dim; j++) {
        take_one(&a, j, dim);
        take_one(&b, j, dim);
    }
    d2[0] = a.d2;
    d2[1] = b.d2;
}
#endif

fk_solve_two_fn *fk_solve_two_avx512(void)
{
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    if (__builtin_cpu_supports("avx512f"))
        return solve_two;
#endif
    return NULL;
}
