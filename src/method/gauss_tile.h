/* Columns and their outer products, added to a triangle of moments, in vectors of whatever width: for inclusion by gauss_moments.c, once
 * for each, which defines
 *
 *   FK_TILE_WIDE      doubles of a vector: 8, 4 or 2
 *   FK_TILE_ROWS      rows of a tile, a divisor of FK_MOMENTS_WIDE: twice as many sums fill the registers
 *   FK_TILE(f)        names, so that they differ
 *
 * Columns [n, dim] lie line by line: number j of column k at (j / 8 * n + k) * 8 + j % 8, zeros behind dim.  So what a
 * tile of the triangle needs, some rows of two vectors, is contiguous.  Each element sees the same operations
 * whatever the width. */
#ifdef FK_TILE_WIDE

#define LINE FK_MOMENTS_WIDE

typedef double FK_TILE(vector)
    __attribute__((vector_size(FK_TILE_WIDE * sizeof(double)), may_alias));

/* Add the outer products of the rows' numbers left [n, LINE] and right [n, LINE], the second vector's `second`
 * behind, in the order of the n, to `rows` rows of a triangle, `line` numbers apart, in `vectors` vectors from row
 * on.  rows and vectors are constants in each call.  What lies `ahead` numbers behind, the next position's, is asked
 * for. */
FK_INLINE void FK_TILE(tile)(double *row, int64_t line, const double *left, const double *right,
                             int64_t second, int64_t n, const int rows, const int vectors,
                             int64_t ahead)
{
    FK_TILE(vector) s[FK_TILE_ROWS][2];

#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            double *at = row + r * line + v * FK_TILE_WIDE;

            s[r][v] = *(FK_TILE(vector) *)at;
            __builtin_prefetch(at + ahead, 1, 2);
        }
    }
    for (int64_t k = 0; k < n; k++, left += LINE, right += LINE) {
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
#pragma GCC unroll 2
            for (int v = 0; v < vectors; v++)
                s[r][v] += left[r] * *(const FK_TILE(vector) *)(right + v * second);
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            *(FK_TILE(vector) *)(row + r * line + v * FK_TILE_WIDE) = s[r][v];
    }
}

/* Rows i to i + rows - 1, which are equally long. */
FK_INLINE void FK_TILE(rows)(double *triangle, const double *y, int64_t i, int64_t n,
                             const int rows, int64_t ahead)
{
    const int64_t step = 2 * FK_TILE_WIDE, second = FK_TILE_WIDE == LINE ? n * LINE : FK_TILE_WIDE;
    const double *left = y + i / LINE * n * LINE + i % LINE;
    double *row = triangle + fk_moments_row(i);
    int64_t line = fk_moments_lines(i + 1), j = 0;

    for (; j + step <= line; j += step)
        FK_TILE(tile)
    (row + j, line, left, y + j / LINE * n * LINE + j % LINE, second, n, rows, 2, ahead);
    if (j < line)
        FK_TILE(tile)(row + j, line, left, y + j * n, second, n, rows, 1, ahead);
}

/* Add the outer products of n columns y to a triangle, in order. */
FK_CLONES static void FK_TILE(add)(double *triangle, const double *y, int64_t dim, int64_t n)
{
    int64_t ahead = fk_moments_room(dim), i = 0;

    for (; i + FK_TILE_ROWS <= dim; i += FK_TILE_ROWS)
        FK_TILE(rows)(triangle, y, i, n, FK_TILE_ROWS, ahead);
    for (; i < dim; i++)
        FK_TILE(rows)(triangle, y, i, n, 1, ahead);
}

/* Numbers as they lie in embeddings and sums. */
typedef float FK_TILE(floats)
    __attribute__((vector_size(FK_TILE_WIDE * sizeof(float)), may_alias, aligned(4)));
typedef double FK_TILE(loose)
    __attribute__((vector_size(FK_TILE_WIDE * sizeof(double)), may_alias, aligned(8)));

/* Column y, its lines n LINE apart, = x - shift, which goes into the sum.  The next position's numbers, which lie
 * behind these, are asked for. */
FK_CLONES static void FK_TILE(subtract)(double *restrict y, int64_t n, double *restrict sum,
                                        const float *restrict x, const float *restrict shift,
                                        int64_t dim)
{
    int64_t whole = dim / FK_TILE_WIDE * FK_TILE_WIDE;

    for (int64_t j = 0; j < whole; j += FK_TILE_WIDE) {
        FK_TILE(vector)
        difference =
            __builtin_convertvector(*(const FK_TILE(floats) *)(x + j), FK_TILE(vector)) -
            __builtin_convertvector(*(const FK_TILE(floats) *)(shift + j), FK_TILE(vector));

        __builtin_prefetch(x + dim + j);
        *(FK_TILE(vector) *)(y + j / LINE * n * LINE + j % LINE) = difference;
        *(FK_TILE(loose) *)(sum + j) += difference;
    }
    for (int64_t j = whole; j < fk_moments_lines(dim); j++) {
        double *to = y + j / LINE * n * LINE + j % LINE;

        *to = j < dim ? (double)x[j] - (double)shift[j] : 0;
        if (j < dim)
            sum[j] += *to;
    }
}

#undef LINE
#undef FK_TILE_WIDE
#undef FK_TILE_ROWS
#undef FK_TILE

#endif
