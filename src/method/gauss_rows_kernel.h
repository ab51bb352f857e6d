/* Distances from Gaussians that keep images, in vectors of whatever width: for inclusion, once each, by the files
 * of a kind of processor, which define
 *
 *   FK_ROWS_WIDTH    floats of a register
 *   FK_ROWS_SUMS     sums of FK_LANES floats that the registers hold beside what goes into them, 4 or 8
 *   TARGET, INLINE   for functions, and for such that are compiled along with their callers
 *
 * Sums over numbers side by side have a part for each of FK_LANES lanes, and sums over images are of floats over
 * as many of them and of doubles over those: so the bytes depend neither on the width nor on how many vectors go
 * through together.  Rows are whole lines of the cache, so that no sum has a rest. */
#include "method/gauss_rows.h"

#ifdef FK_ROWS_WIDTH

#include <string.h>

#define PIECES (FK_LANES / FK_ROWS_WIDTH)
typedef float piece __attribute__((vector_size(FK_ROWS_WIDTH * sizeof(float)), may_alias));
typedef float loose
    __attribute__((vector_size(FK_ROWS_WIDTH * sizeof(float)), may_alias, aligned(4)));
#define AT(p, q) (*(const loose *)((p) + (q)*FK_ROWS_WIDTH))

/* Vectors, and rows with one vector, that go through together. */
#define TOGETHER 4

/* out[r * vectors + k] = sum over j of a[r * apart + j] x[k * x_apart + j]. */
INLINE void dots(float *out, const float *a, int64_t apart, const float *x, int64_t x_apart,
                 int64_t n, const int rows, const int vectors)
{
    piece sum[FK_ROWS_SUMS][PIECES] = {{{0}}};

    for (int64_t j = 0; j < n; j += FK_LANES) {
#pragma GCC unroll 4
        for (int q = 0; q < PIECES; q++)
#pragma GCC unroll 4
            for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
                for (int k = 0; k < vectors; k++)
                    sum[r * vectors + k][q] +=
                        AT(a + r * apart + j, q) * AT(x + k * x_apart + j, q);
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows * vectors; r++) {
        float part[FK_LANES];

        memcpy(part, sum[r], sizeof part);
        for (int l = 0; l < 8; l++)
            part[l] += part[l + 8];
        for (int l = 0; l < 4; l++)
            part[l] += part[l + 4];
        out[r] = (part[0] + part[2]) + (part[1] + part[3]);
    }
}

/* t = Y x of rows i and on. */
INLINE void multiply_rows(const fk_rows_position *s, int64_t i, const int rows, const int vectors)
{
    const float *y = s->y + i * s->width;
    float t[FK_ROWS_SUMS];

    /* The rows after these: memory's own foresight ends with each page. */
    for (int64_t l = rows * s->width; vectors == 1 && l < 2 * rows * s->width; l += FK_LANES)
        __builtin_prefetch((const void *)((uintptr_t)y + (size_t)l * sizeof *y));
    dots(t, y, s->width, s->x, s->x_apart, s->width, rows, vectors);
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int k = 0; k < vectors; k++)
            s->t[k * s->t_apart + i + r] = t[r * vectors + k];
}

/* b += M' (M t) of rows i and on, all of one length. */
INLINE void multiply_inverse(const fk_rows_position *s, int64_t i, const int rows,
                             const int vectors)
{
    const float *m = s->m + fk_rows_inverse_row(i);
    int64_t length = (i / FK_LANES + 1) * FK_LANES;
    float z[FK_ROWS_SUMS];

    dots(z, m, length, s->t, s->t_apart, length, rows, vectors);
    for (int64_t j = 0; j < length; j += FK_LANES)
#pragma GCC unroll 4
        for (int k = 0; k < vectors; k++) {
            float *b = s->b + k * s->t_apart + j;

#pragma GCC unroll 4
            for (int q = 0; q < PIECES; q++) {
                piece sum = AT(b, q);

#pragma GCC unroll 4
                for (int r = 0; r < rows; r++)
                    sum += z[r * vectors + k] * AT(m + r * length + j, q);
                *(loose *)(b + q * FK_ROWS_WIDTH) = sum;
            }
        }
}

/* Of the next position's images, a row's share. */
INLINE void ask_next(fk_rows_position *s)
{
    for (int64_t line = 0; line < s->lines; line++, s->next += FK_LANES)
        __builtin_prefetch(s->next, 0, 2);
}

/* Columns j and on, parts * FK_LANES of them, of v less those of Y' b. */
INLINE void subtract_columns(fk_rows_position *s, int64_t j, const int parts, const int vectors)
{
    for (int64_t first = 0; first < s->n; first += FK_LANES) {
        int64_t last = first + FK_LANES < s->n ? first + FK_LANES : s->n;
        piece sum[FK_ROWS_SUMS][PIECES] = {{{0}}};

        for (int64_t i = first; i < last; i++) {
            const float *y = s->y + i * s->width + j;

            if (vectors > 1)
                ask_next(s);
#pragma GCC unroll 4
            for (int k = 0; k < vectors; k++)
#pragma GCC unroll 4
                for (int l = 0; l < parts; l++)
#pragma GCC unroll 4
                    for (int q = 0; q < PIECES; q++)
                        sum[k * parts + l][q] += s->b[k * s->t_apart + i] * AT(y + l * FK_LANES, q);
        }
#pragma GCC unroll 4
        for (int k = 0; k < vectors; k++) {
            float all[TOGETHER * FK_LANES];

            memcpy(all, sum + k * parts, (size_t)parts * sizeof *sum);
            for (int l = 0; l < parts * FK_LANES; l++)
                s->v[k * s->v_apart + j + l] -= (double)all[l];
        }
    }
}

INLINE void solve_together(fk_rows_position s, const int vectors)
{
    const int rows = vectors == 1 ? TOGETHER : FK_ROWS_SUMS / TOGETHER, parts = rows;
    int64_t passes = s.width / (parts * FK_LANES) + 1, i = 0, j = 0;

    s.lines = (s.width / FK_LANES + passes - 1) / passes;
    for (int k = 0; k < vectors; k++)
        for (int64_t l = 0; l < s.width; l++)
            s.x[k * s.x_apart + l] = (float)s.v[k * s.v_apart + l];
    memset(s.t, 0, (size_t)(vectors * s.t_apart) * sizeof *s.t);
    memset(s.b, 0, (size_t)(vectors * s.t_apart) * sizeof *s.b);
    for (; i + rows <= s.n; i += rows)
        multiply_rows(&s, i, rows, vectors);
    for (; i < s.n; i++)
        multiply_rows(&s, i, 1, vectors);
    for (i = 0; i + rows <= s.n; i += rows)
        multiply_inverse(&s, i, rows, vectors);
    for (; i < s.n; i++)
        multiply_inverse(&s, i, 1, vectors);
    for (; j + parts * FK_LANES <= s.width; j += parts * FK_LANES)
        subtract_columns(&s, j, parts, vectors);
    for (; j < s.width; j += FK_LANES)
        subtract_columns(&s, j, 1, vectors);
}

INLINE void advance(fk_rows_position *s, int vectors)
{
    s->v += vectors * s->v_apart;
    s->x += vectors * s->x_apart;
    s->t += vectors * s->t_apart;
    s->b += vectors * s->t_apart;
}

TARGET static void solve(fk_rows_position s, int n)
{
    for (; n >= TOGETHER; n -= TOGETHER) {
        solve_together(s, TOGETHER);
        advance(&s, TOGETHER);
    }
    for (; n > 0; n--) {
        solve_together(s, 1);
        advance(&s, 1);
    }
}

#endif
