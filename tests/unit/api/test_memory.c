/* SPDX-License-Identifier: Apache-2.0 */
/* Images, masks and models in memory: they are what their files are. */
#include "fk_test.h"

#include "network.h"

#include <math.h>

enum { W = 64, H = 48, IMAGES = 4, STRIDE = W * 8 + 5 };

/* Of each format: samples, bytes of one, where red (or grey) stands and how far on green does. */
static const struct {
    int samples, bytes, first, step;
} layouts[] = {
    [FLECK_RGB8] = {3, 1, 0, 1},   [FLECK_BGR8] = {3, 1, 2, -1},  [FLECK_RGBA8] = {4, 1, 0, 1},
    [FLECK_BGRA8] = {4, 1, 2, -1}, [FLECK_GREY8] = {1, 1, 0, 1},  [FLECK_RGB16] = {3, 2, 0, 1},
    [FLECK_BGR16] = {3, 2, 2, -1}, [FLECK_RGBA16] = {4, 2, 0, 1}, [FLECK_BGRA16] = {4, 2, 2, -1},
    [FLECK_GREY16] = {1, 2, 0, 1},
};
static const char *folder;
static fleck_model *model;

/* Sample c of pixel i of image number k: of 12 bits where it is wide. */
static unsigned sample(int k, int i, int c, bool wide)
{
    unsigned v = ((unsigned)(i * 3 + c + 1) * 2654435761u + (unsigned)k * 40503u) >> 20;

    return wide ? v : v >> 4;
}

/* The image in a format, with opacity a (of 255) where it has any, into room [H * STRIDE + 1]. */
static fleck_pixels pixels_of(uint8_t *room, int k, fleck_pixel_format format, unsigned a)
{
    int n = layouts[format].samples, bytes = layouts[format].bytes;
    uint8_t *data = room + 1; /* an odd address */

    memset(room, 0x5a, H * STRIDE + 1);
    for (int i = 0; i < W * H; i++)
        for (int c = 0; c < n; c++) {
            int at = n == 4 && c == 3 ? 3 : layouts[format].first + c * layouts[format].step;
            uint8_t *to = data + i / W * STRIDE + (i % W * n + at) * bytes;
            unsigned v = c == 3 ? (bytes == 2 ? a * 257 : a) : sample(k, i, c, bytes == 2);

            if (bytes == 2)
                memcpy(to, &(uint16_t){(uint16_t)v}, 2);
            else
                *to = (uint8_t)v;
        }
    return (fleck_pixels){data, W, H, STRIDE, format};
}

/* The same as a PNM file. */
static const char *file_of(int k, fleck_pixel_format format)
{
    static char paths[2 * IMAGES][4200];
    int wide = layouts[format].bytes == 2, n = layouts[format].samples == 1 ? 1 : 3;
    char *path = paths[2 * k + wide];
    FILE *file;

    snprintf(path, sizeof paths[0], "%s/%d-%d-%d.pnm", folder, k, wide, n);
    file = fopen(path, "wb");
    assert_non_null(file);
    fprintf(file, "P%d %d %d %d\n", n == 3 ? 6 : 5, W, H, wide ? 65535 : 255);
    for (int i = 0; i < W * H; i++)
        for (int c = 0; c < n; c++) {
            unsigned v = sample(k, i, c, wide);

            if (wide)
                fputc((int)(v >> 8), file);
            fputc((int)(v & 255), file);
        }
    fclose(file);
    return path;
}

static fleck_settings settings(void)
{
    fleck_settings s = fk_fit_defaults();

    use_network(&s);
    s.width = s.crop_width = W;
    s.height = s.crop_height = H;
    s.threads = 2;
    s.window = "0,4095";
    return s;
}

static int set_up(void **state)
{
    const char *files[IMAGES];
    fleck_settings s = settings();

    (void)state;
    folder = test_folder();
    for (int k = 0; k < IMAGES; k++)
        files[k] = file_of(k, FLECK_RGB8);
    assert_ok(fleck_fit_files(&model, files, IMAGES, &s, NULL, err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fleck_model_close(&model);
    return test_remove(folder);
}

static void assert_same(const fleck_result *a, const fleck_result *b)
{
    assert_true(a->score == b->score);
    assert_memory_equal(a->map, b->map, sizeof *a->map * W * H);
    assert_memory_equal(a->image, b->image, W * H * 3);
    assert_int_equal(a->unlike, b->unlike);
}

static void every_format_scores_as_its_file(void **state)
{
    uint8_t *room = malloc(H * STRIDE + 1);
    fleck_scorer *scorer = NULL;

    (void)state;
    assert_ok(fleck_scorer_open(&scorer, model, err));
    for (int f = FLECK_RGB8; f <= FLECK_GREY16; f++) {
        fleck_pixels p = pixels_of(room, 1, (fleck_pixel_format)f, 255);
        fleck_result *file = NULL, *memory = NULL, *thread = NULL;

        assert_ok(fleck_score_file(model, file_of(1, p.format), true, &file, err));
        assert_ok(fleck_score_pixels(model, &p, NULL, true, &memory, err));
        assert_ok(fleck_scorer_pixels(scorer, &p, NULL, true, &thread, err));
        assert_same(file, memory);
        assert_same(file, thread);
        assert_null(memory->path);
        fleck_result_free(&file);
        fleck_result_free(&memory);
        fleck_result_free(&thread);
    }
    fleck_scorer_close(&scorer);
    free(room);
}

/* Rows without gaps are scored where they lie. */
static void borrowed_pixels_score_as_copied_ones(void **state)
{
    uint8_t *room = malloc(H * STRIDE + 1), *close = malloc(W * H * 3);
    fleck_pixels p = pixels_of(room, 2, FLECK_RGB8, 255), q = {close, W, H, W * 3, FLECK_RGB8};
    fleck_result *a = NULL, *b = NULL;

    (void)state;
    for (int y = 0; y < H; y++)
        memcpy(close + y * W * 3, room + 1 + y * STRIDE, W * 3);
    assert_ok(fleck_score_pixels(model, &p, NULL, false, &a, err));
    assert_ok(fleck_score_pixels(model, &q, NULL, false, &b, err));
    assert_true(a->score == b->score);
    assert_null(b->image);
    fleck_result_free(&b);
    assert_ok(fleck_score_pixels(model, &q, NULL, true, &b, err));
    assert_memory_equal(b->image, close, W * H * 3);
    fleck_result_free(&b);
    q.row_bytes--;
    assert_refused(fleck_score_pixels(model, &q, NULL, true, &b, err), FLECK_E_SHAPE, "192 bytes");
    assert_null(b);
    fleck_result_free(&a);
    free(room);
    free(close);
}

static void the_background_shows_through_what_is_transparent(void **state)
{
    static const unsigned background[3] = {124, 116, 104};
    uint8_t *room = malloc(H * STRIDE + 1), *blended = malloc(W * H * 3);

    (void)state;
    for (int f = FLECK_RGBA8; f <= FLECK_BGRA16; f++) {
        bool wide = layouts[f].bytes == 2;
        fleck_pixels p, q = {blended, W, H, W * 3, FLECK_RGB8};
        fleck_result *a = NULL, *b = NULL;

        if (layouts[f].samples != 4)
            continue;
        p = pixels_of(room, 3, (fleck_pixel_format)f, 100);
        for (int i = 0; i < W * H; i++)
            for (int c = 0; c < 3; c++) {
                unsigned v = sample(3, i, c, wide);

                v = wide ? (v * 255 + 4095 / 2) / 4095 : v;
                blended[3 * i + c] = (uint8_t)((100 * v + 155 * background[c] + 127) / 255);
            }
        assert_ok(fleck_score_pixels(model, &p, NULL, true, &a, err));
        assert_ok(fleck_score_pixels(model, &q, NULL, true, &b, err));
        assert_same(a, b);
        fleck_result_free(&a);
        fleck_result_free(&b);
    }
    free(room);
    free(blended);
}

static void what_a_mask_hides_has_no_say(void **state)
{
    uint8_t *room = malloc(H * STRIDE + 1), *white = calloc(H, W + 3);
    fleck_pixels p = pixels_of(room, 1, FLECK_RGB8, 255), mask = {white, W, H, W + 3, FLECK_GREY8};
    fleck_result *a = NULL, *b = NULL, *none = NULL;
    int differ = 0;

    (void)state;
    for (int y = 0; y < H; y++)
        for (int x = 0; x < 24; x++)
            white[y * (W + 3) + x] = (uint8_t)(128 + x);
    assert_ok(fleck_score_pixels(model, &p, &mask, false, &a, err));
    assert_ok(fleck_score_pixels(model, &p, NULL, false, &none, err));
    for (int y = 0; y < H; y++)
        memset(room + 1 + y * STRIDE, 7 * y, 24 * 3);
    assert_ok(fleck_score_pixels(model, &p, &mask, false, &b, err));
    assert_true(a->score == b->score);
    assert_memory_equal(a->map, b->map, sizeof *a->map * W * H);
    for (int i = 0; i < W * H; i++)
        assert_true(i % W >= 24 || a->map[i] == 0.0f);
    for (int i = 0; i < W * H; i++)
        differ += a->map[i] != none->map[i];
    assert_true(differ > 0);
    fleck_result_free(&b);
    mask.width--;
    assert_refused(fleck_score_pixels(model, &p, &mask, false, &b, err), FLECK_E_SHAPE,
                   "expected 64x48 like its image, got 63x48");
    assert_refused(fleck_score_pixels(model, &p, &p, false, &b, err), FLECK_E_OPTION, "GREY8");
    assert_null(b);
    fleck_result_free(&a);
    fleck_result_free(&none);
    free(room);
    free(white);
}

enum { BATCH = 24, BAD = 7 };

typedef struct collected {
    fleck_pixels images[BATCH];
    const fleck_pixels *masks[BATCH];
    fleck_scorer *scorer;
    _Atomic int scored;
    int64_t n;
} collected;

static void count(void *ctx, int64_t i, const fleck_result *result)
{
    collected *c = ctx;

    assert_true(i != BAD && i != BAD + 1 && result->path == NULL);
    c->scored++;
}

static fleck_status compare(void *ctx, int64_t i, const fleck_result *result,
                            const fleck_error *error)
{
    collected *c = ctx;
    fleck_result *alone = NULL;
    fleck_error why = {0};
    fleck_status st;

    assert_int_equal(i, c->n++);
    st = fleck_scorer_pixels(c->scorer, &c->images[i], c->masks[i], true, &alone, &why);
    if (error == NULL) {
        assert_int_equal(st, FLECK_OK);
        assert_same(result, alone);
    } else {
        assert_true(i == BAD || i == BAD + 1);
        assert_null(result);
        assert_int_equal(error->status, st);
        assert_non_null(strstr(error->message, why.message));
        assert_non_null(strstr(error->message, i == BAD ? "image 7" : "image 8"));
    }
    fleck_result_free(&alone);
    return FLECK_OK;
}

static void a_batch_scores_as_its_images(void **state)
{
    uint8_t *room = malloc(BATCH * (H * STRIDE + 1)), *white = calloc(H, W);
    fleck_pixels mask = {white, W, H, W, FLECK_GREY8}, narrow = {white, W - 1, H, W, FLECK_GREY8};
    collected c = {.n = 0};

    (void)state;
    assert_ok(fleck_scorer_open(&c.scorer, model, err));
    memset(white, 255, W * 20);
    for (int i = 0; i < BATCH; i++) {
        c.images[i] = pixels_of(room + i * (H * STRIDE + 1), i % IMAGES,
                                (fleck_pixel_format)(i % (FLECK_GREY16 + 1)), 255);
        c.masks[i] = i % 3 == 0 ? &mask : NULL;
    }
    c.images[BAD].row_bytes = 1;
    c.masks[BAD + 1] = &narrow;
    assert_ok(fleck_score_batch(model, c.images, c.masks, BATCH, true, count, compare, &c, err));
    assert_int_equal(c.n, BATCH);
    assert_int_equal(c.scored, BATCH - 2);
    fleck_scorer_close(&c.scorer);
    free(room);
    free(white);
}

typedef struct stream {
    uint8_t room[H * STRIDE + 1];
    fleck_pixel_format format;
} stream;

static fleck_status give(void *ctx, int64_t i, fleck_pixels *out)
{
    stream *s = ctx;

    *out = pixels_of(s->room, (int)i, s->format, 255);
    return FLECK_OK;
}

static void a_stream_of_any_format_is_learned_as_its_files(void **state)
{
    fleck_pixel_format formats[] = {FLECK_RGB8, FLECK_BGRA8, FLECK_RGB16, FLECK_BGR16};
    stream *s = calloc(1, sizeof *s);
    void *bytes[4];
    size_t sizes[4];

    (void)state;
    for (int k = 0; k < 4; k++) {
        fleck_settings f = settings();
        fleck_model *m = NULL;

        s->format = formats[k];
        assert_ok(fleck_fit_stream(&m, give, s, IMAGES, &f, NULL, err));
        assert_ok(fleck_model_save_memory(m, &bytes[k], &sizes[k], NULL, NULL, err));
        assert_int_equal(fleck_model_describe(m)->window_high, 4095);
        fleck_model_close(&m);
    }
    for (int k = 0; k < 4; k += 2) {
        assert_int_equal(sizes[k], sizes[k + 1]);
        assert_memory_equal(bytes[k], bytes[k + 1], sizes[k]);
        fleck_free(bytes[k]);
        fleck_free(bytes[k + 1]);
    }
    free(s);
}

static bool stop(void *ctx, const char *stage, int64_t done, int64_t total)
{
    (void)ctx;
    assert_string_equal(stage, "write");
    assert_true(done <= total);
    return false;
}

static void a_model_in_memory_is_its_file(void **state)
{
    char path[4200];
    fleck_model *m = NULL;
    fleck_result *a = NULL, *b = NULL;
    fleck_run_settings run = test_run_defaults();
    void *bytes = NULL, *again = NULL;
    size_t size = 0, more = 0;
    double difference;
    FILE *file;

    (void)state;
    snprintf(path, sizeof path, "%s/m.fleck", folder);
    assert_ok(fleck_model_save(model, path, err));
    assert_ok(fleck_model_save_memory(model, &bytes, &size, NULL, NULL, err));
    again = malloc(size + 1);
    file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(again, 1, size + 1, file), size);
    fclose(file);
    assert_memory_equal(bytes, again, size);
    run.rest = true;
    assert_ok(fleck_model_open_memory(&m, bytes, size, &run, err));
    memset(bytes, 0xff, size); /* the model has a copy */
    assert_int_equal(strlen(fleck_model_describe(m)->checksum), 32);
    assert_ok(fleck_score_file(model, file_of(1, FLECK_RGB8), false, &a, err));
    assert_ok(fleck_score_file(m, file_of(1, FLECK_RGB8), false, &b, err));
    assert_true(a->score == b->score);
    assert_ok(fleck_model_verify(m, 0.0, &difference, err));
    assert_true(difference == 0.0);
    fleck_free(bytes);
    assert_ok(fleck_model_save_memory(m, &bytes, &more, NULL, NULL, err));
    assert_int_equal(more, size);
    assert_memory_equal(bytes, again, size);
    fleck_free(bytes);
    assert_refused(fleck_model_save_memory(m, &bytes, &more, stop, NULL, err), FLECK_E_CANCELLED,
                   "write");
    assert_true(bytes == NULL && more == 0);
    fleck_model_close(&m);
    ((uint8_t *)again)[size / 2] ^= 1;
    assert_refused(fleck_model_open_memory(&m, again, size, NULL, err), FLECK_E_CHECKSUM,
                   "model in memory");
    assert_refused(fleck_model_open_memory(&m, again, size / 2, NULL, err), FLECK_E_FORMAT,
                   "model in memory");
    assert_refused(fleck_model_open_memory(&m, again, 0, NULL, err), FLECK_E_FORMAT, "model");
    assert_null(m);
    free(again);
    fleck_result_free(&a);
    fleck_result_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_scores_as_its_file),
        cmocka_unit_test(borrowed_pixels_score_as_copied_ones),
        cmocka_unit_test(the_background_shows_through_what_is_transparent),
        cmocka_unit_test(what_a_mask_hides_has_no_say),
        cmocka_unit_test(a_batch_scores_as_its_images),
        cmocka_unit_test(a_stream_of_any_format_is_learned_as_its_files),
        cmocka_unit_test(a_model_in_memory_is_its_file),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
