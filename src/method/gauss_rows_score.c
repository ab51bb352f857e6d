/* A Gaussian per position from few wide images: distances.  What is computed is in gauss_rows.c, the loops in
 * gauss_rows_kernel.h. */
#include "base/clones.h"

#define TARGET
#define INLINE FK_INLINE
#define FK_ROWS_WIDTH 4
#define FK_ROWS_SUMS 4
#include "method/gauss_rows_kernel.h"

#include <math.h>
#include <string.h>

int64_t fk_rows_room(const fk_gauss *g, int n)
{
    return n * (fk_rows_width(g->dim) + 2 * fk_rows_width(g->n));
}

static fk_rows_solve_fn *pick(void)
{
    fk_rows_solve_fn *fastest = fk_rows_solve_avx512();

    if (fastest == NULL)
        fastest = fk_rows_solve_avx2();
    return fastest != NULL ? fastest : solve;
}

/* z from v - Y' b and b; returns |z|^2. */
FK_CLONES static double join(double *restrict z, const float *restrict b, int64_t width, int64_t n,
                             double of_rest, double of_b)
{
    double part[FK_LANES] = {0}, sum = 0.0;

    for (int64_t j = 0; j < width; j++)
        z[j] *= of_rest;
    for (int64_t j = 0; j < n; j++)
        z[width + j] = of_b * (double)b[j];
    for (int64_t i = 0; i < width + n; i += FK_LANES)
        for (int l = 0; l < FK_LANES; l++)
            part[l] += z[i + l] * z[i + l];
    for (int l = 0; l < FK_LANES; l++)
        sum += part[l];
    return sum;
}

void fk_rows_solve_many(const fk_gauss *g, int64_t p, int n, double *v, int64_t apart, double *d2,
                        float *room)
{
    fk_rows_position s = {.y = g->rows + p * g->stride,
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
    pick()(s, n);
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
