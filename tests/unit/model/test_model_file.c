/* SPDX-License-Identifier: Apache-2.0 */
/* Model files: what is written is read again, and what is damaged is refused by name. */
#define _GNU_SOURCE
#include "fk_test.h"

#include "base/mem.h"
#include "model/model.h"
#include "network.h"

#include <math.h>

enum { SIDE = 32, IMAGES = 6 };

typedef struct file {
    uint8_t *bytes;
    size_t size;
} file;

static file plain, shaped; /* shaped: tiles, a mask and a window */
static const char *folder;

static fleck_status next(void *ctx, int64_t i, fleck_pixels *out)
{
    static uint16_t room[SIDE * SIDE];

    (void)ctx;
    for (int k = 0; k < SIDE * SIDE; k++)
        room[k] = (uint16_t)(((unsigned)(k + 1) * 2654435761u + (unsigned)i * 40503u) >> 16);
    *out = (fleck_pixels){room, SIDE, SIDE, SIDE * 2, FLECK_GREY16};
    return FLECK_OK;
}

static int fit(file *out, const fleck_settings *s)
{
    fleck_model *m = NULL;
    fleck_error err = {0};
    void *bytes = NULL;

    if (fleck_fit_stream(&m, next, NULL, IMAGES, s, NULL, &err) != FLECK_OK ||
        fleck_model_save_memory(m, &bytes, &out->size, NULL, NULL, &err) != FLECK_OK)
        printf("set up: %s\n", err.message);
    out->bytes = bytes;
    fleck_model_close(&m);
    return bytes == NULL;
}

static int set_up(void **state)
{
    static const char *const dims[] = {"dims=3", NULL};
    static uint8_t mask[14 + SIDE * SIDE] = "P5 32 32 255\n"; /* its first rows are white */
    char path[4200];
    fleck_error err = {0};
    fleck_settings s = fk_fit_defaults();

    (void)state;
    folder = test_folder();
    snprintf(path, sizeof path, "%s/mask.pgm", folder);
    memset(mask + 13, 255, 8 * SIDE);
    if (fleck_file_write(path, mask, 13 + SIDE * SIDE, &err) != FLECK_OK)
        return 1;
    s.method = "padim";
    use_network(&s);
    s.width = s.height = s.crop_width = s.crop_height = SIDE;
    s.options = dims;
    s.threads = 1;
    if (fit(&plain, &s) != 0)
        return 1;
    s.width = s.height = s.crop_width = s.crop_height = 48;
    s.tile = SIDE;
    s.mask = path;
    s.window = "0,50000";
    return fit(&shaped, &s);
}

static int tear_down(void **state)
{
    (void)state;
    fleck_free(plain.bytes);
    fleck_free(shaped.bytes);
    return 0;
}

static fleck_status load(fk_model *m, const file *f, fleck_error *err)
{
    return fk_model_load_memory(m, f->bytes, f->size, "the file", 1, NULL, NULL, err);
}

static void assert_saved_as(const fk_model *m, const file *f)
{
    uint8_t *bytes = NULL;
    size_t size = 0;

    assert_ok(fk_model_save_memory(m, &bytes, &size, NULL, err));
    assert_int_equal(size, f->size);
    assert_memory_equal(bytes, f->bytes, size);
    fk_free(bytes);
}

static void a_model_is_written_as_it_was_read(void **state)
{
    const file *files[2] = {&plain, &shaped};
    char path[4200];

    (void)state;
    snprintf(path, sizeof path, "%s/m.fleck", folder);
    for (int i = 0; i < 2; i++) {
        fk_model m;

        assert_ok(load(&m, files[i], err));
        assert_saved_as(&m, files[i]);
        assert_ok(fk_model_save(&m, path, NULL, err));
        fk_model_free(&m);
        assert_ok(fk_model_load(&m, path, 2, NULL, NULL, err));
        assert_saved_as(&m, files[i]);
        fk_model_free(&m);
    }
}

static void every_part_is_there(void **state)
{
    fk_model m;

    (void)state;
    assert_ok(load(&m, &plain, err));
    assert_string_equal(m.method->name, "padim");
    assert_string_equal(m.version, FLECK_VERSION);
    assert_true(m.checksum && m.mask == NULL && m.pre.tile == 0 && m.pre.high == 0);
    assert_int_equal(m.pre.crop_width, SIDE);
    assert_int_equal(fk_model_images(&m), IMAGES);
    assert_int_equal(m.embed.channels != NULL ? m.shape.levels[0].dim : 0, 3);
    assert_int_equal(m.n_checks, FK_MODEL_CHECKS);
    assert_true(isfinite(m.check_scores[0]) && isfinite(m.check_scores[1]));
    fk_model_free(&m);
    assert_ok(load(&m, &shaped, err));
    assert_int_equal(m.pre.tile, SIDE);
    assert_true(m.pre.low == 0 && m.pre.high == 50000);
    assert_int_equal(m.mask_width * m.mask_height, 48 * 48);
    assert_true(m.mask[0] == 255 && m.mask[48 * 48 - 1] == 0);
    assert_int_equal(fk_model_images(&m), IMAGES);
    fk_model_free(&m);
}

static void assert_empty(const fk_model *m)
{
    const fk_model empty = {0};

    assert_memory_equal(m, &empty, sizeof empty);
}

static void a_changed_bit_and_a_short_file_are_refused(void **state)
{
    file f = {NULL, plain.size};
    fk_model m;

    (void)state;
    assert_ok(fk_alloc((void **)&f.bytes, (int64_t)f.size, 1, err));
    for (size_t at = 0; at < f.size; at += f.size / 61 + 1) {
        fleck_error error = {0};
        fleck_status st;

        memcpy(f.bytes, plain.bytes, f.size);
        f.bytes[at] ^= 4;
        st = load(&m, &f, &error);
        if ((st != FLECK_E_CHECKSUM && st != FLECK_E_FORMAT && st != FLECK_E_UNSUPPORTED) ||
            strstr(error.message, "the file") == NULL)
            fail_msg("byte %zu: status %d, %s", at, (int)st, error.message);
        assert_empty(&m);
    }
    memcpy(f.bytes, plain.bytes, f.size);
    for (f.size = 0; f.size < plain.size; f.size += plain.size / 41 + 1) {
        assert_refused(load(&m, &f, err), FLECK_E_FORMAT, "the file");
        assert_empty(&m);
    }
    fk_free(f.bytes);
}

/* A copy of the file with a text of its header replaced by one as long. */
static file with(const file *from, const char *old, const char *new)
{
    file f = {NULL, from->size};
    uint8_t *at;

    assert_ok(fk_alloc((void **)&f.bytes, (int64_t)f.size, 1, err));
    memcpy(f.bytes, from->bytes, f.size);
    at = memmem(f.bytes, f.size, old, strlen(old));
    if (at != NULL && strlen(new) == strlen(old))
        memcpy(at, new, strlen(new));
    else
        fail_msg("%s is not in the file, or not as long as %s", old, new);
    return f;
}

static void assert_described_as(const file *from, const char *old, const char *new,
                                fleck_status status, const char *part)
{
    file f = with(from, old, new);
    fk_model m;

    assert_refused(fk_model_load_bytes(&m, f.bytes, f.size, "the file", err), status, part);
    assert_refused(fk_model_load_bytes(&m, f.bytes, f.size, "the file", err), status, "the file");
    assert_empty(&m);
    fk_free(f.bytes);
}

static void each_member_of_the_description_is_needed(void **state)
{
    static const char *const members[] = {
        "format", "fleck",       "category",  "backbone", "onnx",   "precision",
        "engine", "taps",        "pool_dim",  "width",    "height", "crop_width",
        "sigma",  "crop_height", "mean",      "scale",    "resize", "preprocess",
        "method", "options",     "embedding", "state"};

    (void)state;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        char old[64], new[64];
        file f;
        fk_model m;
        fleck_error error = {0};
        fleck_status st;

        snprintf(old, sizeof old, "\\\"%s\\\":", members[i]);
        memcpy(new, old, sizeof new);
        new[2] = '?';
        f = with(&plain, old, new);
        st = fk_model_load_bytes(&m, f.bytes, f.size, "the file", &error);
        if (st != FLECK_E_FORMAT && st != FLECK_E_UNSUPPORTED)
            fail_msg("without %s: status %d, %s", members[i], (int)st, error.message);
        assert_non_null(strstr(error.message, "the file"));
        assert_empty(&m);
        fk_free(f.bytes);
    }
}

static void members_out_of_range_are_refused(void **state)
{
    (void)state;
    assert_described_as(&plain, "\\\"sigma\\\":4.0", "\\\"sigma\\\":-40", FLECK_E_FORMAT, "sigma");
    assert_described_as(&plain, "\\\"format\\\":1", "\\\"format\\\":9", FLECK_E_UNSUPPORTED,
                        "model format 9");
    assert_described_as(&plain, "\\\"format\\\":1", "\\\"format\\\":0", FLECK_E_UNSUPPORTED,
                        "model format 0");
    assert_described_as(&plain, "\\\"crop_width\\\":32", "\\\"crop_width\\\":33", FLECK_E_FORMAT,
                        "crop 33x32 is larger than the size 32x32");
    assert_described_as(&plain, "\\\"width\\\":32", "\\\"width\\\":-1", FLECK_E_FORMAT, "width");
    assert_described_as(&plain, "\\\"method\\\":\\\"padim", "\\\"method\\\":\\\"madip",
                        FLECK_E_UNSUPPORTED, "madip");
    assert_described_as(&shaped, "\\\"tile\\\":32", "\\\"tile\\\":-1", FLECK_E_FORMAT, "tile");
    assert_described_as(&shaped, "\\\"window\\\":[0,5", "\\\"window\\\":[9,7", FLECK_E_FORMAT,
                        "window");
    assert_described_as(&plain, "xxh3-128", "xxh3-129", FLECK_E_UNSUPPORTED, "xxh3-129");
}

static void a_checksum_that_is_gone_is_missed(void **state)
{
    file f = with(&plain, "fleck.checksum", "fleck.checksux");
    fk_model m;

    (void)state;
    assert_refused(load(&m, &f, err), FLECK_E_CHECKSUM, "its checksum is gone");
    assert_empty(&m);
    fk_free(f.bytes);
}

static void allocations_that_fail_are_reported(void **state)
{
    uint8_t *bytes;
    size_t size;
    fleck_status st = FLECK_E_NOMEM;
    fk_model m;
    int failures = 0;

    (void)state;
    for (; st != FLECK_OK; failures++) {
        fk_mem_fail_at(failures + 1);
        st = load(&m, &shaped, NULL);
        fk_mem_fail_at(0);
        if (st != FLECK_OK) {
            assert_int_equal(st, FLECK_E_NOMEM);
            assert_empty(&m);
        }
    }
    assert_true(failures > 10);
    st = FLECK_E_NOMEM;
    for (failures = 0; st != FLECK_OK; failures++) {
        fk_mem_fail_at(failures + 1);
        bytes = plain.bytes; /* anything: a failure clears it */
        size = 1;
        st = fk_model_save_memory(&m, &bytes, &size, NULL, NULL);
        fk_mem_fail_at(0);
        if (st != FLECK_OK) {
            assert_int_equal(st, FLECK_E_NOMEM);
            assert_true(bytes == NULL && size == 0);
        }
    }
    assert_true(failures > 10);
    assert_int_equal(size, shaped.size);
    assert_memory_equal(bytes, shaped.bytes, size);
    fk_free(bytes);
    fk_model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_is_written_as_it_was_read),
        cmocka_unit_test(every_part_is_there),
        cmocka_unit_test(a_changed_bit_and_a_short_file_are_refused),
        cmocka_unit_test(each_member_of_the_description_is_needed),
        cmocka_unit_test(members_out_of_range_are_refused),
        cmocka_unit_test(a_checksum_that_is_gone_is_missed),
        cmocka_unit_test(allocations_that_fail_are_reported),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
