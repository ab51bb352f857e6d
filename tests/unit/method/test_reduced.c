/* Merge and reduce, against choosing by plain loops. */
#include "unit/method/fixture.h"

#include "linalg/linalg.h"
#include "method/reduced.h"

#include <math.h>

enum { DIM = 12, WIDTH = 7, PATCHES = 300, ROOM = 90, IMAGES = 5 };

/* A whitening of 7 rows, and a mean. */
static fk_metric metric_of(float *room, uint64_t seed)
{
    fill(room, seed, WIDTH * DIM + DIM);
    return (fk_metric){WIDTH, room, room + DIM};
}

/* Patches as hashed ones, but that every hundredth lies apart. */
static fk_level patches_of(float *data, uint64_t image)
{
    fill(data, image, (int64_t)PATCHES * DIM);
    for (int p = 0; p < PATCHES; p += 100)
        data[p * DIM + p % DIM] += 3.0f;
    return (fk_level){.height = 1, .width = PATCHES, .dim = DIM, .data = data};
}

/* ---- The plain way ---- */

typedef struct plain {
    int64_t n;
    float x[ROOM + FK_REDUCED_BLOCK][DIM], z[ROOM + FK_REDUCED_BLOCK][WIDTH];
} plain;

static void whiten_plainly(float *z, const float *x, const fk_metric *m)
{
    for (int i = 0; i < WIDTH; i++) {
        double sum = 0.0;

        for (int j = 0; j < DIM; j++)
            sum += (double)m->whitening[i * DIM + j] * ((double)x[j] - (double)m->mean[j]);
        z[i] = (float)sum;
    }
}

/* Of n patches the one that is farthest from those chosen, or from their mean while none is. */
static int64_t farthest(const plain *p, const bool *chosen, bool first)
{
    float mean[WIDTH] = {0};
    double most = -1.0;
    int64_t best = 0;

    for (int64_t i = 0; i < p->n; i++)
        for (int j = 0; j < WIDTH; j++)
            mean[j] += p->z[i][j] / (float)p->n;
    for (int64_t i = 0; i < p->n; i++) {
        double least = first ? fk_linalg_distance2(p->z[i], mean, WIDTH) : INFINITY;

        for (int64_t k = 0; k < p->n && !first; k++)
            if (chosen[k])
                least = fmin(least, fk_linalg_distance2(p->z[i], p->z[k], WIDTH));
        if (!chosen[i] && least > most) {
            most = least;
            best = i;
        }
    }
    return best;
}

static void join_plainly(plain *p, const float *x, int64_t n, const fk_metric *m)
{
    bool chosen[ROOM + FK_REDUCED_BLOCK] = {false};
    int64_t kept = 0;

    for (int64_t i = 0; i < n; i++, p->n++) {
        memcpy(p->x[p->n], x + i * DIM, DIM * sizeof *x);
        whiten_plainly(p->z[p->n], x + i * DIM, m);
    }
    if (p->n <= ROOM)
        return;
    for (int k = 0; k < ROOM; k++)
        chosen[farthest(p, chosen, k == 0)] = true;
    for (int64_t i = 0; i < p->n; i++)
        if (chosen[i]) {
            memmove(p->x[kept], p->x[i], sizeof p->x[0]);
            memmove(p->z[kept++], p->z[i], sizeof p->z[0]);
        }
    p->n = kept;
}

static int by_numbers(const void *a, const void *b)
{
    const float *x = a, *y = b;

    for (int j = 0; j < DIM; j++)
        if (x[j] < y[j] || x[j] > y[j])
            return x[j] < y[j] ? -1 : 1;
    return 0;
}

static void check(const fk_reduced *r, const plain *p)
{
    float got[ROOM][DIM], want[ROOM][DIM];
    int64_t images[ROOM];

    assert_int_equal(r->n, p->n);
    fk_reduced_copy(r, got[0], images);
    memcpy(want, p->x, (size_t)p->n * sizeof want[0]);
    qsort(got, (size_t)p->n, sizeof got[0], by_numbers);
    qsort(want, (size_t)p->n, sizeof want[0], by_numbers);
    assert_memory_equal(got, want, (size_t)p->n * sizeof got[0]);
}

/* ---- Tests ---- */

/* A block of 150 patches at a time, since 300 are more than 256. */
static void it_keeps_what_plain_loops_keep(void **state)
{
    static float data[PATCHES * DIM], numbers[WIDTH * DIM + DIM];
    static plain p;
    fk_metric m = metric_of(numbers, 77);
    fk_reduced r;

    (void)state;
    fk_reduced_init(&r, DIM, ROOM);
    assert_ok(fk_reduced_measure(&r, &m, NULL, err));
    p.n = 0;
    for (uint64_t i = 0; i < IMAGES; i++) {
        fk_level level = patches_of(data, i);

        assert_ok(fk_reduced_add(&r, &m, &level, (int64_t)i, NULL, err));
        join_plainly(&p, data, PATCHES / 2, &m);
        join_plainly(&p, data + PATCHES / 2 * DIM, PATCHES / 2, &m);
        check(&r, &p);
    }
    fk_reduced_free(&r);
}

/* With another metric the same patches are kept until the next block; then by the new distances. */
static void the_metric_may_change(void **state)
{
    static float data[PATCHES * DIM], one[WIDTH * DIM + DIM], two[WIDTH * DIM + DIM];
    static plain p;
    fk_metric a = metric_of(one, 5), b = metric_of(two, 6);
    fk_level level = patches_of(data, 9);
    fk_reduced r;

    (void)state;
    fk_reduced_init(&r, DIM, ROOM);
    assert_ok(fk_reduced_measure(&r, &a, NULL, err));
    assert_ok(fk_reduced_add(&r, &a, &level, 0, NULL, err));
    p.n = 0;
    join_plainly(&p, data, PATCHES / 2, &a);
    join_plainly(&p, data + PATCHES / 2 * DIM, PATCHES / 2, &a);
    assert_ok(fk_reduced_measure(&r, &b, NULL, err));
    for (int64_t i = 0; i < p.n; i++)
        whiten_plainly(p.z[i], p.x[i], &b);
    level = patches_of(data, 10);
    assert_ok(fk_reduced_add(&r, &b, &level, 1, NULL, err));
    join_plainly(&p, data, PATCHES / 2, &b);
    join_plainly(&p, data + PATCHES / 2 * DIM, PATCHES / 2, &b);
    check(&r, &p);
    fk_reduced_free(&r);
}

static void a_narrower_metric_measures_as_a_fresh_one(void **state)
{
    static float data[PATCHES * DIM], numbers[WIDTH * DIM + DIM];
    fk_metric wide = metric_of(numbers, 5), narrow = {3, wide.mean, wide.whitening};
    fk_level level = patches_of(data, 9);
    fk_reduced a, b;

    (void)state;
    level.width = ROOM + 1; /* so that one is dropped, and distances are there */
    fk_reduced_init(&a, DIM, ROOM);
    fk_reduced_init(&b, DIM, ROOM);
    assert_ok(fk_reduced_measure(&a, &wide, NULL, err));
    assert_ok(fk_reduced_add(&a, &wide, &level, 0, NULL, err));
    assert_ok(fk_reduced_measure(&a, &narrow, NULL, err));
    assert_ok(fk_reduced_measure(&b, &narrow, NULL, err));
    assert_ok(fk_reduced_add(&b, &narrow, &level, 0, NULL, err));
    for (int64_t s = 0; s <= ROOM; s++)
        for (int64_t t = 0; t <= ROOM; t++)
            if (a.image[s] >= 0 && a.image[t] >= 0)
                assert_int_equal(a.between[s * a.slots + t], b.between[s * b.slots + t]);
    fk_reduced_free(&a);
    fk_reduced_free(&b);
}

static void few_patches_are_all_kept_with_their_images(void **state)
{
    static float data[PATCHES * DIM], numbers[WIDTH * DIM + DIM];
    float x[ROOM][DIM];
    uint8_t valid[PATCHES] = {0};
    int64_t images[ROOM];
    fk_metric m = metric_of(numbers, 1);
    fk_level level = patches_of(data, 2);
    fk_reduced r;

    (void)state;
    level.valid = valid;
    fk_reduced_init(&r, DIM, ROOM);
    assert_ok(fk_reduced_measure(&r, &m, NULL, err));
    assert_ok(fk_reduced_add(&r, &m, &level, 3, NULL, err)); /* a mask hides all of it */
    assert_int_equal(r.n, 0);
    for (int i = 0; i < 40; i++)
        valid[7 * i] = 1;
    assert_ok(fk_reduced_add(&r, &m, &level, 4, NULL, err));
    assert_ok(fk_reduced_join(&r, &m, data, (int64_t[]){0, 2}, 10, 2, NULL, err));
    assert_int_equal(r.n, 42);
    fk_reduced_copy(&r, x[0], images);
    for (int i = 0; i < 40; i++) {
        assert_memory_equal(x[i], data + 7 * i * DIM, sizeof x[0]);
        assert_int_equal(images[i], 4);
    }
    assert_int_equal(images[40], 10);
    assert_int_equal(images[41], 12);
    fk_reduced_free(&r);
}

static void any_pool_gives_the_same_bytes(void **state)
{
    static float data[PATCHES * DIM], numbers[WIDTH * DIM + DIM];
    fk_metric m = metric_of(numbers, 3);
    float x[2][ROOM * DIM];
    int64_t images[2][ROOM];

    (void)state;
    for (int t = 0; t < 2; t++) {
        fk_pool *pool = NULL;
        fk_reduced r;

        if (t > 0)
            assert_ok(fk_pool_open(&pool, 3, err));
        fk_reduced_init(&r, DIM, ROOM);
        assert_ok(fk_reduced_measure(&r, &m, pool, err));
        for (uint64_t i = 0; i < IMAGES; i++) {
            fk_level level = patches_of(data, i);

            assert_ok(fk_reduced_add(&r, &m, &level, (int64_t)i, pool, err));
        }
        assert_int_equal(r.n, ROOM);
        fk_reduced_copy(&r, x[t], images[t]);
        fk_reduced_free(&r);
        fk_pool_close(&pool);
    }
    assert_memory_equal(x[0], x[1], sizeof x[0]);
    assert_memory_equal(images[0], images[1], sizeof images[0]);
}

static void equal_patches_are_no_trouble(void **state)
{
    static float data[PATCHES * DIM], numbers[WIDTH * DIM + DIM];
    fk_metric m = metric_of(numbers, 3);
    fk_level level = {.height = 1, .width = PATCHES, .dim = DIM, .data = data};
    fk_reduced r;

    (void)state;
    memset(data, 0, sizeof data);
    fk_reduced_init(&r, DIM, ROOM);
    assert_ok(fk_reduced_measure(&r, &m, NULL, err));
    assert_ok(fk_reduced_add(&r, &m, &level, 0, NULL, err));
    assert_ok(fk_reduced_add(&r, &m, &level, 1, NULL, err));
    assert_int_equal(r.n, ROOM);
    fk_reduced_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_keeps_what_plain_loops_keep),
        cmocka_unit_test(the_metric_may_change),
        cmocka_unit_test(a_narrower_metric_measures_as_a_fresh_one),
        cmocka_unit_test(few_patches_are_all_kept_with_their_images),
        cmocka_unit_test(any_pool_gives_the_same_bytes),
        cmocka_unit_test(equal_patches_are_no_trouble),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
