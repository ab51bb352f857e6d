/* 16-bit floats to floats: by the processor's instruction where it has one, else one by one.
 *
 * A bf16 is the upper half of a float.  F16C turns eight f16 into floats at once, subnormals included
 * whatever the processor flushes; both ways are exact. */
#include "base/clones.h"
#include "linalg/linalg.h"

#include <assert.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

/* A function of its own, which needs no more than any processor has. */
static bool has_f16c(void)
{
#ifdef __clang__
    return __builtin_cpu_supports(
        "avx2"); /* clang 14 has no name for F16C, which came before AVX2 */
#else
    return __builtin_cpu_supports("f16c");
#endif
}

/* The first multiple of 8 numbers; returns how many. */
__attribute__((target("avx,f16c"))) static int64_t expand_eights(float *out, const uint16_t *in,
                                                                 int64_t n)
{
    int64_t i = 0;

    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(in + i))));
    return i;
}
#else
static bool has_f16c(void)
{
    return false;
}

static int64_t expand_eights(float *out, const uint16_t *in, int64_t n)
{
    (void)out;
    (void)in;
    (void)n;
    return 0;
}
#endif

FK_CLONES static void expand_bf16(float *restrict out, const uint16_t *restrict in, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)in[i] << 16;

        memcpy(out + i, &bits, sizeof bits);
    }
}

void fk_linalg_expand(float *out, fk_dtype type, const uint16_t *in, int64_t n)
{
    assert(type == FK_BF16 || type == FK_F16);
    if (type == FK_BF16) {
        expand_bf16(out, in, n);
        return;
    }
    for (int64_t i = has_f16c() ? expand_eights(out, in, n) : 0; i < n; i++)
        out[i] = fk_f32_from_f16(in[i]);
}
