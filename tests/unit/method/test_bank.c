/* SPDX-License-Identifier: Apache-2.0 */
/* Nearest features of a bank against the definition. */
#include "unit/method/fixture.h"

#include "linalg/linalg.h"
#include "method/patchcore/bank.h"

typedef struct made {
    fk_bank bank;
    float *x;
    int64_t n;
    char *scratch;
} made;

/* A bank of n_bank hashed features, four to an image, and n to look for. All lie far from the
 * origin (offset), where products lose digits. */
static made make(int64_t n_bank, int64_t dim, int64_t n, float offset)
{
    made m = {.bank = {.n = n_bank, .dim = dim}, .n = n};

    assert_ok(FK_ALLOC(&m.bank.own_rows, n_bank * dim, err));
    assert_ok(FK_ALLOC(&m.bank.own_images, n_bank, err));
    assert_ok(FK_ALLOC(&m.x, n * dim, err));
    fill(m.bank.own_rows, 920, n_bank * dim);
    fill(m.x, 921, n * dim);
    for (int64_t i = 0; i < n_bank * dim; i++)
        m.bank.own_rows[i] += offset;
    for (int64_t i = 0; i < n * dim; i++)
        m.x[i] += offset;
    for (int64_t i = 0; i < n_bank; i++)
        m.bank.own_images[i] = i / 4;
    m.bank.rows = m.bank.own_rows;
    m.bank.images = m.bank.own_images;
    assert_ok(fk_bank_measure(&m.bank, err));
    assert_ok(FK_ALLOC(&m.scratch, (int64_t)fk_bank_scratch_size(&m.bank, n), err));
    return m;
}

static void free_made(made *m)
{
    fk_bank_free(&m->bank);
    fk_free(m->x);
    fk_free(m->scratch);
}

static void check(const made *m, fk_span exclude, const float *distance, const int64_t *index)
{
    for (int64_t i = 0; i < m->n; i++) {
        double best = INFINITY;
        int64_t at = -1;

        for (int64_t j = 0; j < m->bank.n; j++) {
            double d = fk_linalg_distance2(m->x + i * m->bank.dim, m->bank.rows + j * m->bank.dim,
                                           m->bank.dim);

            if (!fk_span_has(exclude, m->bank.images[j]) && d < best) {
                best = d;
                at = j;
            }
        }
        assert_int_equal(index[i], at);
        assert_true(distance[i] == (float)sqrt(best));
    }
}

static void the_nearest_are_the_definitions(void **state)
{
    static const struct {
        int64_t n_bank, dim, n;
        float offset;
        fk_span exclude;
    } cases[] = {{1, 1, 1, 0, FK_NONE},
                 {600, 33, 130, 0, FK_NONE},
                 {600, 33, 130, 0, {.first = 7, .count = 3}},
                 {512, 100, 112, 30, {.count = 100}}};
    fk_pool *pool = NULL;

    (void)state;
    assert_ok(fk_pool_open(&pool, 3, err));
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        made m = make(cases[c].n_bank, cases[c].dim, cases[c].n, cases[c].offset);
        float distance[130], again[130];
        int64_t index[130];

        assert_ok(fk_bank_nearest(&m.bank, m.x, m.n, cases[c].exclude, m.scratch, NULL, distance,
                                  index, err));
        check(&m, cases[c].exclude, distance, index);
        assert_ok(fk_bank_nearest(&m.bank, m.x, m.n, cases[c].exclude, m.scratch, pool, again, NULL,
                                  err));
        assert_memory_equal(again, distance, (size_t)m.n * sizeof *distance);
        free_made(&m);
    }
    fk_pool_close(&pool);
}

static void two_banks_are_searched_one_after_the_other(void **state)
{
    enum { BANK = 400, FIRST = 270, D = 40, N = 130 };
    made m = make(BANK, D, N, 0.0f);
    fk_bank a = {.n = FIRST, .dim = D, .rows = m.bank.rows, .images = m.bank.images};
    fk_bank b = {.n = BANK - FIRST,
                 .dim = D,
                 .rows = m.bank.rows + (ptrdiff_t)FIRST * D,
                 .images = m.bank.images + FIRST};
    float distance[N];
    int64_t index[N];

    (void)state;
    assert_ok(fk_bank_measure(&a, err));
    assert_ok(fk_bank_measure(&b, err));
    assert_ok(fk_bank_nearest(&a, m.x, N, FK_NONE, m.scratch, NULL, distance, index, err));
    assert_ok(fk_bank_nearer(&b, m.x, N, FIRST, m.scratch, NULL, distance, index, err));
    check(&m, FK_NONE, distance, index);
    fk_bank_free(&a);
    fk_bank_free(&b);
    free_made(&m);
}

static void features_of_the_bank_are_at_distance_zero(void **state)
{
    made m = make(300, 64, 50, 100.0f);
    float distance[50];
    int64_t index[50];

    (void)state;
    memcpy(m.x, m.bank.rows + (ptrdiff_t)200 * 64, (size_t)50 * 64 * sizeof(float));
    assert_ok(fk_bank_nearest(&m.bank, m.x, 50, FK_NONE, m.scratch, NULL, distance, index, err));
    for (int64_t i = 0; i < 50; i++) {
        assert_true(distance[i] == 0.0f);
        assert_int_equal(index[i], 200 + i);
    }
    free_made(&m);
}

/* Features near a few planes of a wide space, so that coarse coordinates tell much, but not all. */
static void plane(float *out, int64_t n, int64_t dim, uint64_t seed)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < dim; k++)
            out[i * dim + k] = 20.0f + 4.0f * hashed(seed, 2 * i) * hashed(931, k) +
                               4.0f * hashed(seed, 2 * i + 1) * hashed(932, k) +
                               0.3f * hashed(seed + 1, i * dim + k);
}

static void coarse_coordinates_change_no_result(void **state)
{
    enum { BANK = 1100, D = 261, N = 130 };
    made m = make(BANK, D, N, 0.0f);
    float distance[N];
    int64_t index[N];
    fk_pool *pool = NULL;

    (void)state;
    plane(m.bank.own_rows, BANK, D, 940);
    plane(m.x, N, D, 950);
    memcpy(m.bank.own_rows + 900 * D, m.bank.own_rows + 30 * D, D * sizeof(float)); /* a tie */
    memcpy(m.x, m.bank.own_rows + 30 * D, D * sizeof(float));
    assert_ok(fk_pool_open(&pool, 2, err));
    assert_ok(fk_bank_turn(&m.bank, pool, err));
    assert_true(m.bank.width > 0);
    for (int spoilt = 0; spoilt < 2; spoilt++) {
        assert_ok(fk_bank_measure(&m.bank, err));
        fk_free(m.scratch);
        assert_ok(FK_ALLOC(&m.scratch, (int64_t)fk_bank_scratch_size(&m.bank, N), err));
        for (int64_t left_out = 0; left_out < 40; left_out += 20) {
            fk_span exclude = {.first = 7, .count = left_out};

            assert_ok(
                fk_bank_nearest(&m.bank, m.x, N, exclude, m.scratch, pool, distance, index, err));
            check(&m, exclude, distance, index);
        }
        for (int64_t k = 0; k < 3 * D; k++) /* as a file could have them */
            m.bank.own_turn[k] *= 5.0f;
    }
    fk_pool_close(&pool);
    free_made(&m);
}

static void banks_without_directions_have_no_coarse_coordinates(void **state)
{
    made m = make(1100, 260, 1, 0.0f);

    (void)state;
    for (int64_t i = 0; i < m.bank.n * m.bank.dim; i++)
        m.bank.own_rows[i] = 1.0f;
    assert_ok(fk_bank_turn(&m.bank, NULL, err));
    assert_int_equal(m.bank.width, 0);
    for (int64_t i = 0; i < m.bank.n; i++) /* one direction */
        m.bank.own_rows[i * m.bank.dim + 5] = (float)i;
    assert_ok(fk_bank_turn(&m.bank, NULL, err));
    assert_int_equal(m.bank.width, 0);
    free_made(&m);
}

static void where_all_is_left_out_nothing_is_found(void **state)
{
    made m = make(8, 3, 2, 0.0f);
    float distance[2];
    int64_t index[2];

    (void)state;
    assert_ok(fk_bank_nearest(&m.bank, m.x, 2, ((fk_span){.first = 0, .count = 2}), m.scratch, NULL,
                              distance, index, err));
    assert_true(isinf(distance[0]) && isinf(distance[1]));
    assert_int_equal(index[0], -1);
    free_made(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_are_the_definitions),
        cmocka_unit_test(two_banks_are_searched_one_after_the_other),
        cmocka_unit_test(features_of_the_bank_are_at_distance_zero),
        cmocka_unit_test(coarse_coordinates_change_no_result),
        cmocka_unit_test(banks_without_directions_have_no_coarse_coordinates),
        cmocka_unit_test(where_all_is_left_out_nothing_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
