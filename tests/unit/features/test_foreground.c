/* SPDX-License-Identifier: Apache-2.0 */
/* Foreground: photos with a part on a plain ground, textures, and what a rule leaves out. */
#include "unit/linalg/near.h"

#include "base/mem.h"
#include "base/prng.h"
#include "features/foreground.h"
#include "linalg/linalg.h"

enum { SIDE = 12, PLACES = SIDE * SIDE, DIM = 5, PHOTOS = 6, ALL = PHOTOS * PLACES };

static const double PART[DIM] = {0.0, 3.0, -2.0, 0.0, 1.0};

static double noise(uint64_t seed, int64_t k)
{
    return (double)(fk_prng_hash((seed << 32) + (uint64_t)k) >> 11) * 0x1.0p-53;
}

/* Whether (y, x) of a photo shows the part, which moves a little from photo to photo. */
static bool on_part(int photo, int y, int x)
{
    int at = 3 + photo % 2;

    return y >= at && y < at + 6 && x >= at && x < at + 6;
}

/* Photos of a part that differs from its ground by `strength` times PART. */
static void make_photos(float *x, uint8_t *places, double strength)
{
    for (int i = 0; i < ALL; i++) {
        int photo = i / PLACES, at = i % PLACES;
        bool part = on_part(photo, at / SIDE, at % SIDE);

        places[i] = (uint8_t)fk_foreground_place(at / SIDE, at % SIDE, SIDE, SIDE);
        for (int j = 0; j < DIM; j++)
            x[i * DIM + j] = (float)(noise(7, i * DIM + j) + j + (part ? strength * PART[j] : 0.0));
    }
}

static fk_foreground learn(const float *x, const uint8_t *places, fk_foreground_signs *signs)
{
    fk_foreground f;

    assert_ok(fk_foreground_learn(&f, x, places, ALL, DIM, signs, err));
    return f;
}

static void a_part_on_a_plain_ground_is_found(void **state)
{
    static float x[ALL * DIM];
    static uint8_t places[ALL];
    fk_foreground_signs signs;

    (void)state;
    for (int sign = -1; sign <= 1; sign += 2) {
        fk_foreground f;
        uint8_t shown[PLACES];
        double above;

        make_photos(x, places, sign);
        f = learn(x, places, &signs);
        assert_int_equal(f.dim, DIM);
        assert_true(signs.separation > 0.9 && signs.contrast > 0.7);
        for (int photo = 0; photo < PHOTOS; photo++) {
            const fk_level level = {SIDE, SIDE, DIM, x + photo * PLACES * DIM, NULL};

            assert_ok(fk_foreground_find(shown, &above, &f, &level, err));
            assert_near(above, 36.0 / PLACES, 1e-12);
            for (int y = 1; y + 1 < SIDE; y++)
                for (int i = 1; i + 1 < SIDE; i++) /* dilated by one position */
                    assert_int_equal(shown[y * SIDE + i],
                                     on_part(photo, y - 1, i) || on_part(photo, y + 1, i) ||
                                         on_part(photo, y - 1, i - 1) ||
                                         on_part(photo, y - 1, i + 1) ||
                                         on_part(photo, y + 1, i - 1) ||
                                         on_part(photo, y + 1, i + 1) || on_part(photo, y, i - 1) ||
                                         on_part(photo, y, i + 1) || on_part(photo, y, i));
        }
        fk_foreground_free(&f);
    }
}

/* The axis is the first eigenvector of the covariance, which LAPACK finds in another way. */
static void the_axis_is_the_first_principal_component(void **state)
{
    static float x[ALL * DIM];
    static uint8_t places[ALL];
    double mean[DIM] = {0.0}, covariance[DIM * DIM] = {0.0}, values[DIM], product = 0.0;
    fk_foreground f;

    (void)state;
    make_photos(x, places, 1.0);
    for (int i = 0; i < ALL * DIM; i++)
        mean[i % DIM] += (double)x[i] / ALL;
    for (int i = 0; i < ALL; i++)
        for (int j = 0; j < DIM; j++)
            for (int k = 0; k < DIM; k++)
                covariance[j * DIM + k] +=
                    ((double)x[i * DIM + j] - mean[j]) * ((double)x[i * DIM + k] - mean[k]);
    assert_ok(fk_linalg_eigen(covariance, DIM, values, err));
    f = learn(x, places, NULL);
    for (int j = 0; j < DIM; j++)
        product += (double)f.axis[j] * covariance[(DIM - 1) * DIM + j];
    assert_near(fabs(product), 1.0, 1e-6);
    fk_foreground_free(&f);
}

static void a_texture_has_no_foreground(void **state)
{
    static float x[ALL * DIM];
    static uint8_t places[ALL];
    fk_foreground_signs signs;
    fk_foreground f;

    (void)state;
    make_photos(x, places, 0.0);
    f = learn(x, places, &signs);
    assert_int_equal(f.dim, 0);
    assert_null(f.axis);
    assert_true(signs.contrast < FK_FOREGROUND_CONTRAST);
    for (int i = 0; i < ALL; i++) /* two colours, but not by place */
        for (int j = 0; j < DIM; j++)
            x[i * DIM + j] += (float)(noise(9, i) > 0.5 ? PART[j] : 0.0);
    f = learn(x, places, &signs);
    assert_int_equal(f.dim, 0);
    assert_true(signs.separation > FK_FOREGROUND_SEPARATION);
    for (int i = 0; i < ALL * DIM; i++)
        x[i] = 1.0f;
    f = learn(x, places, &signs);
    assert_int_equal(f.dim, 0);
}

/* A face of the ground's look amid the part is filled; ground that touches the border is not. */
static void holes_are_foreground(void **state)
{
    float axis[1] = {1.0f}, data[PLACES];
    const fk_foreground f = {.dim = 1, .axis = axis, .threshold = 0.5};
    const fk_level level = {SIDE, SIDE, 1, data, NULL};
    uint8_t shown[PLACES];
    double above;

    (void)state;
    for (int p = 0; p < PLACES; p++) {
        int y = p / SIDE, x = p % SIDE;
        bool ring =
            y >= 1 && y <= 10 && x >= 1 && x <= 10 && (y == 1 || y == 10 || x == 1 || x == 10);

        data[p] = ring ? 1.0f : 0.0f;
    }
    assert_ok(fk_foreground_find(shown, &above, &f, &level, err));
    assert_near(above, 36.0 / PLACES, 1e-12);
    for (int p = 0; p < PLACES; p++)
        assert_int_equal(shown[p], 1);
    for (int x = 3; x < 9; x++) /* wider than what dilating and closing bridge */
        data[1 * SIDE + x] = 0.0f;
    assert_ok(fk_foreground_find(shown, &above, &f, &level, err));
    assert_int_equal(shown[5 * SIDE + 5], 0);
    assert_int_equal(shown[0 * SIDE + 5], 0);
    assert_int_equal(shown[5 * SIDE + 0], 1);
}

/* Save f and load it with width dim, with the value under `key` changed. */
static fleck_status reload(fk_foreground *out, const fk_foreground *f, int64_t dim, const char *key,
                           double value, fleck_error *why)
{
    fk_st_writer *w = NULL;
    fk_st_reader *r = NULL;
    fk_json *meta = fk_json_object();
    uint8_t *bytes = NULL;
    size_t size;
    fleck_status st;

    assert_ok(fk_st_writer_open(&w, err));
    assert_ok(fk_foreground_save(f, w, meta, err));
    assert_ok(fk_st_writer_commit_memory(&w, &bytes, &size, err));
    assert_ok(fk_st_open_bytes(&r, bytes, size, "rule", err));
    if (key != NULL)
        assert_true(fk_json_put_real((fk_json *)fk_json_get(meta, "foreground"), key, value));
    st = fk_foreground_load(out, dim, r, fk_json_get(meta, "foreground"), why);
    fk_st_close(&r);
    fk_free(bytes);
    fk_json_free(&meta);
    return st;
}

static void a_rule_is_saved_and_loaded(void **state)
{
    float axis[3] = {0.5f, -0.25f, 0.75f};
    const fk_foreground f = {3, axis, -1.25, 0.5, 0.25};
    const fk_foreground none = {0};
    fk_foreground got;

    (void)state;
    assert_ok(reload(&got, &f, 3, NULL, 0.0, err));
    assert_int_equal(got.dim, 3);
    assert_memory_equal(got.axis, axis, sizeof axis);
    assert_true(got.threshold == -1.25 && got.share == 0.5 && got.least == 0.25);
    fk_foreground_free(&got);
    assert_ok(reload(&got, &none, 3, NULL, 0.0, err));
    assert_int_equal(got.dim, 0);
    assert_refused(reload(&got, &f, 4, NULL, 0.0, err), FLECK_E_SHAPE, "foreground.axis");
    assert_null(got.axis);
    assert_refused(reload(&got, &f, 3, "share", 1.5, err), FLECK_E_FORMAT, "share");
    assert_refused(reload(&got, &f, 3, "least", -0.5, err), FLECK_E_FORMAT, "least");
    assert_refused(reload(&got, &f, 3, "threshold", 1e31, err), FLECK_E_FORMAT, "threshold");
}

static void any_allocation_may_fail(void **state)
{
    static float x[ALL * DIM];
    static uint8_t places[ALL];
    uint8_t shown[PLACES];
    double above;

    (void)state;
    make_photos(x, places, 1.0);
    for (int64_t n = 1;; n++) {
        const fk_level level = {SIDE, SIDE, DIM, x, NULL};
        fk_foreground f;
        fleck_status st;

        fk_mem_fail_at(n);
        st = fk_foreground_learn(&f, x, places, ALL, DIM, NULL, NULL);
        if (st == FLECK_OK)
            st = fk_foreground_find(shown, &above, &f, &level, NULL);
        fk_mem_fail_at(0);
        fk_foreground_free(&f);
        if (st == FLECK_OK) {
            assert_true(n > 6);
            break;
        }
        assert_int_equal(st, FLECK_E_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_on_a_plain_ground_is_found),
        cmocka_unit_test(the_axis_is_the_first_principal_component),
        cmocka_unit_test(a_texture_has_no_foreground),
        cmocka_unit_test(holes_are_foreground),
        cmocka_unit_test(a_rule_is_saved_and_loaded),
        cmocka_unit_test(any_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
