/* SPDX-License-Identifier: Apache-2.0 */
/* Sources: images from files, from memory and from a function; who is called when, and what
 * ends. */
#include "fk_test.h"

#include "base/pool.h"
#include "run/source.h"

#include <pthread.h>

enum { W = 5, H = 3, N = 40, THREADS = 4 };

static fk_model model;
static fk_feed feed;
static fk_lane lanes[THREADS];
static fk_runner runner = {.model = &model, .feeds = {&feed}, .threads = THREADS, .lanes = lanes};
static uint8_t bytes[N][W * H * 3];
static fleck_pixels images[N];

static int set_up(void **state)
{
    (void)state;
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < W * H * 3; k++)
            bytes[i][k] = (uint8_t)(37 * i + k);
        images[i] = (fleck_pixels){bytes[i], W, H, W * 3, FLECK_RGB8};
    }
    return 0;
}

static void assert_image(const fk_image *image, int64_t i)
{
    assert_int_equal(image->width, W);
    assert_int_equal(image->height, H);
    assert_memory_equal(image->data, bytes[i], sizeof bytes[i]);
}

static void files_are_read_in_any_order(void **state)
{
    const char *folder = test_folder();
    char paths[2][4200];
    const char *const files[2] = {paths[0], paths[1]};
    fk_source s;
    fk_image image;
    bool borrowed = true;

    (void)state;
    snprintf(paths[0], sizeof paths[0], "%s/missing.pnm", folder);
    snprintf(paths[1], sizeof paths[1], "%s/b.pnm", folder);
    assert_ok(fleck_file_write(paths[1], "P6 1 1 255\nabc", 14, err));
    fk_source_init_files(&s, files, 2);
    assert_ok(fk_source_read(&s, &runner, 0, 1, &image, &borrowed, err));
    assert_memory_equal(image.data, "abc", 3);
    assert_false(borrowed);
    fk_image_free(&image);
    assert_refused(fk_source_read(&s, &runner, 0, 0, &image, &borrowed, err), FLECK_E_NOTFOUND,
                   "missing.pnm");
    assert_null(image.data);
    fk_source_stop(&s); /* has no meaning for files */
    assert_ok(fk_source_read(&s, &runner, 0, 1, &image, &borrowed, err));
    fk_image_free(&image);
    fk_source_free(&s);
}

static void pixels_are_copied_or_viewed(void **state)
{
    fleck_pixels bad[2] = {images[0], images[1]};
    fk_source s;
    fk_image image;

    (void)state;
    fk_source_init_pixels(&s, images, NULL, N);
    for (int view = 0; view < 2; view++) {
        bool borrowed;

        s.borrow = view == 1;
        assert_ok(fk_source_read(&s, &runner, 0, 7, &image, &borrowed, err));
        assert_image(&image, 7);
        assert_true(borrowed == s.borrow && (image.data == bytes[7]) == borrowed);
        if (!borrowed)
            fk_image_free(&image);
    }
    fk_source_free(&s);
    bad[1].row_bytes--;
    fk_source_init_pixels(&s, bad, NULL, 2);
    assert_refused(fk_source_read(&s, &runner, 0, 1, &image, &(bool){false}, err), FLECK_E_SHAPE,
                   "image 1: ");
    assert_null(image.data);
    assert_ok(fk_source_read(&s, &runner, 0, 0, &image, &(bool){false}, err)); /* not stopped */
    fk_image_free(&image);
    fk_source_free(&s);
}

static void each_image_has_its_own_mask(void **state)
{
    static const uint8_t grey[W * H] = {127, 128, 255};
    const fleck_pixels mask = {grey, W, H, W, FLECK_GREY8};
    const fleck_pixels *const masks[2] = {NULL, &mask};
    fk_source s;
    fk_image out;

    (void)state;
    fk_source_init_pixels(&s, images, masks, 2);
    assert_ok(fk_source_mask(&s, 0, W, H, &out, err));
    assert_null(out.data);
    assert_ok(fk_source_mask(&s, 1, W, H, &out, err));
    for (int i = 0; i < W * H; i++)
        assert_int_equal(out.data[i], i == 1 || i == 2 ? 255 : 0);
    fk_image_free(&out);
    assert_refused(fk_source_mask(&s, 1, W, H + 1, &out, err), FLECK_E_SHAPE, "mask");
    assert_null(out.data);
    s.pixel_masks = NULL;
    assert_ok(fk_source_mask(&s, 1, W, H, &out, err));
    assert_null(out.data);
    fk_source_free(&s);
}

/* Gives the images, all in one place, and fails at number `bad`. */
typedef struct camera {
    uint8_t place[W * H * 3];
    int64_t calls, bad, last;
    bool in_order;
} camera;

static fleck_status next(void *ctx, int64_t i, fleck_pixels *out)
{
    camera *c = ctx;

    c->in_order = c->in_order && (i == c->last + 1 || c->last == N - 1);
    c->last = c->last == N - 1 ? c->last : i;
    c->calls++;
    if (i == c->bad)
        return FLECK_E_IO;
    memcpy(c->place, bytes[i], sizeof c->place);
    *out = images[i];
    out->data = c->place;
    return FLECK_OK;
}

typedef struct job {
    fk_source *source;
    _Atomic int64_t good;
} job;

static fleck_status read_one(void *ctx, int64_t i, int worker, fleck_error *err)
{
    job *j = ctx;
    fk_image image;
    bool borrowed;
    fleck_status st = fk_source_read(j->source, &runner, worker, i, &image, &borrowed, err);

    if (st != FLECK_OK)
        return st;
    if (borrowed || image.width != W || memcmp(image.data, bytes[i], sizeof bytes[i]) != 0)
        abort();
    fk_image_free(&image);
    j->good++;
    return FLECK_OK;
}

static void a_function_is_called_in_order_by_all_threads(void **state)
{
    camera c = {.bad = -1, .last = -1, .in_order = true};
    job j = {0};
    fk_pool *pool;
    fk_source s;

    (void)state;
    fk_source_init_stream(&s, next, &c, N);
    j.source = &s;
    assert_ok(fk_pool_open(&pool, THREADS, err));
    assert_ok(fk_pool_run(pool, N, read_one, &j, err));
    assert_true(c.in_order);
    assert_int_equal(c.calls, N);
    /* After the last one any may be read again. */
    assert_ok(read_one(&j, 3, 0, err));
    assert_ok(read_one(&j, 1, 0, err));
    assert_int_equal(c.calls, N + 2);
    assert_int_equal(j.good, N + 2);
    fk_pool_close(&pool);
    fk_source_free(&s);
}

static void a_function_that_failed_is_not_called_again(void **state)
{
    camera c = {.bad = 11, .last = -1, .in_order = true};
    job j = {0};
    fk_pool *pool;
    fk_source s;

    (void)state;
    fk_source_init_stream(&s, next, &c, N);
    j.source = &s;
    assert_ok(fk_pool_open(&pool, THREADS, err));
    assert_refused(fk_pool_run(pool, N, read_one, &j, err), FLECK_E_IO, "image 11: ");
    assert_int_equal(c.calls, 12);
    assert_int_equal(j.good, 11);
    assert_refused(read_one(&j, 12, 0, err), FLECK_E_CANCELLED, "image 12: ");
    assert_int_equal(c.calls, 12);
    fk_pool_close(&pool);
    fk_source_free(&s);
}

static void *wait_for_image_5(void *ctx)
{
    fleck_error error = {0};

    return (void *)(intptr_t)read_one(ctx, 5, 1, &error);
}

static void stopping_ends_a_wait(void **state)
{
    camera c = {.bad = -1, .last = -1, .in_order = true};
    job j = {0};
    pthread_t thread;
    void *status = NULL;
    fk_source s;

    (void)state;
    fk_source_init_stream(&s, next, &c, N);
    j.source = &s;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_image_5, &j), 0);
    assert_ok(read_one(&j, 0, 0, err));
    fk_source_stop(&s);
    assert_int_equal(pthread_join(thread, &status), 0);
    assert_int_equal((intptr_t)status, FLECK_E_CANCELLED);
    assert_int_equal(c.calls, 1);
    fk_source_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_read_in_any_order),
        cmocka_unit_test(pixels_are_copied_or_viewed),
        cmocka_unit_test(each_image_has_its_own_mask),
        cmocka_unit_test(a_function_is_called_in_order_by_all_threads),
        cmocka_unit_test(a_function_that_failed_is_not_called_again),
        cmocka_unit_test(stopping_ends_a_wait),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
