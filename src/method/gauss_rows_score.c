/* A Gaussian per position from few wide images: distances.  What is computed is in gauss_rows.c. */
#include "method/gauss_rows.h"
#include "base/clones.h"
#include "linalg/product.h"

#include <math.h>
#include <string.h>

/* Sums over numbers side by side have a part for each lane of the widest registers, whatever the processor's
 * hold, and sums over images are of floats over LANES of them and of doubles over those: so the bytes do not
 * depend on the processor, nor on how many vectors go through together.  Rows are whole vectors, so that no sum
 * has a rest, and begin at lines of the cache. */
#define LANES FK_LANES
typedef float vec __attribute__((vector_size(LANES * sizeof(float)), may_alias));
typedef float loose __attribute__((vector_size(LANES * sizeof(float)), may_alias, aligned(4)));
#define AT(p) (*(const loose *)(p))

/* Vectors, and rows with one vector, that go through together. */
#define TOGETHER 4
/* Sums of rows with vectors: as many as have registers. */
#define SUMS 8

/* One position's images, its inverse, and where vectors lie. */
typedef struct position {
    const float *y, *m;
    int64_t n, width; /* n rows of width numbers */
    double *v;
    float *x, *t, *b; /* v as floats, Y v, the regression's b */
    int64_t v_apart, x_apart, t_apart;
    const float *next; /* what memory is asked for meanwhile: the next position's images, */
    int64_t lines;     /* so many lines of the cache for each row that is subtracted */
} position;

/* out[r * vectors + k] = sum over j of a[r * apart + j] x[k * x_apart + j]. */
FK_INLINE void dots(float *out, const float *a, int64_t apart, const float *x, int64_t x_apart,
                    int64_t n, const int rows, const int vectors)
{
    vec sum[SUMS] = {{0}};

    for (int64_t j = 0; j < n; j += LANES) {
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
            for (int k = 0; k < vectors; k++)
                sum[r * vectors + k] += AT(a + r * apart + j) * AT(x + k * x_apart + j);
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows * vectors; r++) {
        float part[LANES];

        memcpy(part, &sum[r], sizeof part);
        for (int l = 0; l < 8; l++)
            part[l] += part[l + 8];
        for (int l = 0; l < 4; l++)
            part[l] += part[l + 4];
        out[r] = (part[0] + part[2]) + (part[1] + part[3]);
    }
}

/* t = Y x of rows i and on. */
FK_INLINE void multiply_rows(const position *s, int64_t i, const int rows, const int vectors)
{
    const float *y = s->y + i * s->width;
    float t[SUMS];

    /* The rows after these: memory's own foresight ends with each page. */
    for (int64_t l = rows * s->width; vectors == 1 && l < 2 * rows * s->width; l += LANES)
        __builtin_prefetch((const void *)((uintptr_t)y + (size_t)l * sizeof *y));
    dots(t, y, s->width, s->x, s->x_apart, s->width, rows, vectors);
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int k = 0; k < vectors; k++)
            s->t[k * s->t_apart + i + r] = t[r * vectors + k];
}

/* b += M' (M t) of rows i and on, all of one length. */
FK_INLINE void multiply_inverse(const position *s, int64_t i, const int rows, const int vectors)
{
    const float *m = s->m + fk_rows_inverse_row(i);
    int64_t length = (i / LANES + 1) * LANES;
    float z[SUMS];

    dots(z, m, length, s->t, s->t_apart, length, rows, vectors);
    for (int64_t j = 0; j < length; j += LANES)
#pragma GCC unroll 4
        for (int k = 0; k < vectors; k++) {
            loose *b = (loose *)(s->b + k * s->t_apart + j);
            vec sum = *b;

#pragma GCC unroll 4
            for (int r = 0; r < rows; r++)
                sum += z[r * vectors + k] * AT(m + r * length + j);
            *b = sum;
        }
}

/* Of the next position's images, a row's share. */
FK_INLINE void ask_next(position *s)
{
    for (int64_t line = 0; line < s->lines; line++, s->next += LANES)
        __builtin_prefetch(s->next, 0, 2);
}

/* Columns j and on, parts * LANES of them, of v less those of Y' b. */
FK_INLINE void subtract_columns(position *s, int64_t j, const int parts, const int vectors)
{
    for (int64_t first = 0; first < s->n; first += LANES) {
        int64_t last = first + LANES < s->n ? first + LANES : s->n;
        vec sum[SUMS] = {{0}};

        for (int64_t i = first; i < last; i++) {
            const float *y = s->y + i * s->width + j;

            if (vectors > 1)
                ask_next(s);
#pragma GCC unroll 4
            for (int k = 0; k < vectors; k++)
#pragma GCC unroll 4
                for (int l = 0; l < parts; l++)
                    sum[k * parts + l] += s->b[k * s->t_apart + i] * AT(y + l * LANES);
        }
#pragma GCC unroll 4
        for (int k = 0; k < vectors; k++) {
            float all[TOGETHER * LANES];

            memcpy(all, sum + k * parts, (size_t)parts * sizeof *sum);
            for (int l = 0; l < parts * LANES; l++)
                s->v[k * s->v_apart + j + l] -= (double)all[l];
        }
    }
}

int64_t fk_rows_room(const fk_gauss *g, int n)
{
    return n * (fk_rows_width(g->dim) + 2 * fk_rows_width(g->n));
}

FK_INLINE void solve_together(position s, const int vectors)
{
    const int rows = vectors == 1 ? TOGETHER : 2, parts = vectors == 1 ? TOGETHER : 2;
    int64_t passes = s.width / (parts * LANES) + 1, i = 0, j = 0;

    s.lines = (s.width / LANES + passes - 1) / passes;
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
    for (; j + parts * LANES <= s.width; j += parts * LANES)
        subtract_columns(&s, j, parts, vectors);
    for (; j < s.width; j += LANES)
        subtract_columns(&s, j, 1, vectors);
}

FK_INLINE void advance(position *s, int vectors)
{
    s->v += vectors * s->v_apart;
    s->x += vectors * s->x_apart;
    s->t += vectors * s->t_apart;
    s->b += vectors * s->t_apart;
}

FK_CLONES static void solve_all(position s, int n)
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

/* z from v - Y' b and b; returns |z|^2. */
FK_CLONES static double join(double *restrict z, const float *restrict b, int64_t width, int64_t n,
                             double of_rest, double of_b)
{
    double part[LANES] = {0}, sum = 0.0;

    for (int64_t j = 0; j < width; j++)
        z[j] *= of_rest;
    for (int64_t j = 0; j < n; j++)
        z[width + j] = of_b * (double)b[j];
    for (int64_t i = 0; i < width + n; i += LANES)
        for (int l = 0; l < LANES; l++)
            part[l] += z[i + l] * z[i + l];
    for (int l = 0; l < LANES; l++)
        sum += part[l];
    return sum;
}

void fk_rows_solve_many(const fk_gauss *g, int64_t p, int n, double *v, int64_t apart, double *d2,
                        float *room)
{
    position s = {.y = g->rows + p * g->stride,
                  .m = g->inverse + p * fk_rows_inverse_size(g->n),
                  .n = g->n,
                  .width = fk_rows_width(g->dim),
                  .v = v,
                  .x = room,
                  .next = g->rows + (p + 1 < g->n_pos ? p + 1 : p) * g->stride,
                  .v_apart = apart,
                  .x_apart = fk_rows_width(g->dim),
                  .t_apart = fk_rows_width(g->n)};

    s.t = s.x + n * s.x_apart;
    s.b = s.t + n * s.t_apart;
    for (int k = 0; k < n; k++)
        memset(v + k * apart + g->dim, 0, (size_t)(s.width - g->dim) * sizeof *v);
    solve_all(s, n);
    for (int k = 0; k < n; k++)
        d2[k] = join(v + k * apart, s.b + k * s.t_apart, s.width, s.t_apart, 1.0 / sqrt(g->epsilon),
                     sqrt((double)g->n - 1.0));
}

double fk_rows_solve(const fk_gauss *g, int64_t p, double *v, float *room)
{
    double d2;

    fk_rows_solve_many(g, p, 1, v, fk_rows_z(g), &d2, room);
    return d2;
}
