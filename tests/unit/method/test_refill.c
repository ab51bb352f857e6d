/* SPDX-License-Identifier: Apache-2.0 */
/* What comes into a bank without some of its images, against the definition by plain loops. */
#include "unit/method/fixture.h"

#include "linalg/linalg.h"
#include "method/patchcore/coreset.h"
#include "method/patchcore/refill.h"

enum { IMAGES = 40, EACH = 25, N = IMAGES * EACH, D = 20, KEEP = 90, SESSIONS = 6 };

typedef struct made {
    float x[N * D];
    int64_t images[N], near[N], chosen[KEEP], k;
    int32_t alone[IMAGES], session[IMAGES];
    double radius;
    fk_parts parts;
} made;

/* Images of a few kinds of points each, some of them of one image or one session alone. */
static made *make(void)
{
    made *m = NULL;

    assert_ok(FK_CALLOC(&m, 1, err));
    for (int i = 0; i < IMAGES; i++) {
        m->alone[i] = (int32_t)(i / 2 * 2 == i || i < 30 ? i : i - 1);
        m->session[i] = (int32_t)(i * SESSIONS / IMAGES);
    }
    for (int i = 0; i < IMAGES; i++) /* numbers without gaps */
        m->alone[i] = (int32_t)(m->alone[i] < 30 ? m->alone[i] : 30 + (m->alone[i] - 30) / 2);
    for (int64_t i = 0; i < N; i++) {
        int64_t image = i / EACH, kind = i % EACH;
        int64_t centre = kind < 20 ? kind % 9 : kind < 23 ? 100 + m->session[image] : 200 + image;

        m->images[i] = image;
        for (int64_t j = 0; j < D; j++)
            m->x[i * D + j] = 4.0f * hashed(700, centre * D + j) + 0.8f * hashed(701, i * D + j);
    }
    m->parts =
        (fk_parts){.images = IMAGES, .count = {35, SESSIONS}, .part = {m->alone, m->session}};
    assert_ok(
        fk_coreset_choose(m->chosen, &m->k, &m->radius, m->near, KEEP, m->x, N, D, 5, NULL, err));
    return m;
}

static double apart(const made *m, int64_t i, int64_t j)
{
    return sqrt(fk_linalg_distance2(m->x + i * D, m->x + j * D, D));
}

/* Distance of point i to the bank without a part (-1: none), and to the first `count` of what comes
 * in. */
static double far_from(const made *m, const fk_fill *f, int64_t i, int64_t part, int64_t count)
{
    double best = INFINITY;

    for (int64_t j = 0; j < m->k; j++)
        if (f->part[m->images[m->chosen[j]]] != part)
            best = fmin(best, (double)(float)apart(m, i, m->chosen[j]));
    for (int64_t c = 0; c < count; c++)
        best = fmin(best, apart(m, i, f->index[f->begin[part] + c]));
    return best;
}

static void the_greedy_choice_goes_on(void **state)
{
    made *m = make();
    fk_refill l;
    int64_t most = 0;

    (void)state;
    assert_ok(fk_refill_find(&l, &m->parts, m->x, N, D, m->images, m->near, m->chosen, m->k,
                             m->radius, true, NULL, err));
    for (int k = 0; k < FK_PARTITIONS; k++) {
        const fk_fill *f = &l.fills[k];

        for (int64_t part = 0; part < m->parts.count[k]; part++) {
            int64_t count = f->begin[part + 1] - f->begin[part];

            most = count > most ? count : most;
            for (int64_t c = 0; c <= count; c++) {
                double farthest = 0.0;
                int64_t next = c < count ? f->index[f->begin[part] + c] : -1;

                for (int64_t i = 0; i < N; i++) {
                    double far = far_from(m, f, i, part, c);

                    /* What the bank did not cover even with the part is not asked for. */
                    if (f->part[m->images[i]] != part && far_from(m, f, i, -1, 0) <= m->radius)
                        farthest = fmax(farthest, far);
                }
                if (c == count)
                    assert_true(farthest <= m->radius);
                else {
                    assert_true(farthest > m->radius);
                    assert_true(far_from(m, f, next, part, c) == farthest);
                    assert_int_not_equal(f->part[m->images[next]], part);
                }
            }
        }
    }
    assert_true(most > 2);
    fk_refill_free(&l);
    fk_free(m);
}

static void distances_without_the_own_part_are_kept(void **state)
{
    made *m = make();
    fk_refill l;

    (void)state;
    assert_ok(fk_refill_find(&l, &m->parts, m->x, N, D, m->images, m->near, m->chosen, m->k,
                             m->radius, true, NULL, err));
    for (int k = 0; k < FK_PARTITIONS; k++)
        for (int64_t i = 0; i < N; i++) {
            const fk_fill *f = &l.fills[k];

            assert_true((double)f->near[i] == far_from(m, f, i, f->part[m->images[i]], 0));
        }
    for (int64_t image = 0; image < IMAGES; image++) {
        assert_int_equal(l.first[image], image * EACH);
        assert_int_equal(l.count[image], EACH);
    }
    fk_refill_free(&l);
    fk_free(m);
}

static void the_same_on_any_pool(void **state)
{
    made *m = make();
    fk_refill a, b;
    fk_pool *pool = NULL;

    (void)state;
    assert_ok(fk_pool_open(&pool, 3, err));
    m->parts.count[FK_SESSION] = 0;
    assert_ok(fk_refill_find(&a, &m->parts, m->x, N, D, m->images, m->near, m->chosen, m->k,
                             m->radius, true, NULL, err));
    assert_ok(fk_refill_find(&b, &m->parts, m->x, N, D, m->images, m->near, m->chosen, m->k,
                             m->radius, true, pool, err));
    assert_int_equal(a.fills[FK_ALONE].n, b.fills[FK_ALONE].n);
    assert_memory_equal(a.fills[FK_ALONE].index, b.fills[FK_ALONE].index,
                        (size_t)a.fills[FK_ALONE].n * sizeof(int64_t));
    assert_null(a.fills[FK_SESSION].index);
    fk_refill_free(&a);
    fk_refill_free(&b);
    fk_pool_close(&pool);
    fk_free(m);
}

/* Guesses tell where a search begins, not what it finds. */
static void the_same_by_any_guess(void **state)
{
    made *m = make();
    fk_refill a, b;

    (void)state;
    assert_ok(fk_refill_find(&a, &m->parts, m->x, N, D, m->images, m->near, m->chosen, m->k,
                             m->radius, true, NULL, err));
    for (int64_t i = 0; i < N; i++) {
        assert_true(apart(m, i, m->near[i]) <= m->radius);
        m->near[i] = m->chosen[i * i % 7 % m->k];
    }
    assert_ok(fk_refill_find(&b, &m->parts, m->x, N, D, m->images, m->near, m->chosen, m->k,
                             m->radius, true, NULL, err));
    for (int k = 0; k < FK_PARTITIONS; k++) {
        assert_int_equal(a.fills[k].n, b.fills[k].n);
        assert_memory_equal(a.fills[k].index, b.fills[k].index,
                            (size_t)a.fills[k].n * sizeof(int64_t));
        assert_memory_equal(a.fills[k].near, b.fills[k].near, N * sizeof(float));
    }
    fk_refill_free(&a);
    fk_refill_free(&b);
    fk_free(m);
}

static void failures_leave_nothing(void **state)
{
    made *m = make();

    (void)state;
    for (int at = 1;; at++) {
        fk_refill l;
        fleck_error failed;
        fleck_status st;

        fk_mem_fail_at(at);
        st = fk_refill_find(&l, &m->parts, m->x, N, D, m->images, m->near, m->chosen, m->k,
                            m->radius, true, NULL, &failed);
        fk_mem_fail_at(0);
        fk_refill_free(&l);
        if (st == FLECK_OK)
            break;
        assert_int_equal(st, FLECK_E_NOMEM);
    }
    fk_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_greedy_choice_goes_on),
        cmocka_unit_test(distances_without_the_own_part_are_kept),
        cmocka_unit_test(the_same_on_any_pool),
        cmocka_unit_test(the_same_by_any_guess),
        cmocka_unit_test(failures_leave_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
