/* SPDX-License-Identifier: Apache-2.0 */
/* safetensors: what Python writes, what we write, and headers that lie. */
#include "fk_test.h"

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "tensor/safetensors.h"

/* A file in memory: header text and data_size bytes 0, 1, 2, ... behind it; freed by the caller. */
static unsigned char *make_file(const char *header, size_t data_size, size_t *size)
{
    size_t length = strlen(header);
    unsigned char *bytes = malloc(8 + length + data_size);

    assert_non_null(bytes);
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)((uint64_t)length >> (8 * i));
    memcpy(bytes + 8, header, length);
    for (size_t i = 0; i < data_size; i++)
        bytes[8 + length + i] = (unsigned char)i;
    *size = 8 + length + data_size;
    return bytes;
}

static void assert_header_refused(const char *header, size_t data_size, fleck_status status,
                                  const char *part)
{
    size_t size;
    unsigned char *bytes = make_file(header, data_size, &size);
    fk_st_reader *r = NULL;

    assert_refused(fk_st_open_bytes(&r, bytes, size, "x.safetensors", err), status, part);
    assert_refused(fk_st_open_bytes(&r, bytes, size, "x.safetensors", err), status,
                   "x.safetensors");
    assert_null(r);
    free(bytes);
}

static void a_file_of_python_reads_with_every_dtype(void **state)
{
    const char *path =
        test_path("FLECK_TEST_SOURCE", "tests/golden/tensor/safetensors/all.safetensors");
    fk_st_reader *r;
    fk_tensor t;

    (void)state;
    assert_ok(fk_st_open(&r, path, err));
    assert_string_equal(fk_st_name(r), path);
    assert_int_equal(fk_st_count(r), 10);
    assert_string_equal(fk_st_metadata(r, "format"), "pt");
    assert_string_equal(fk_st_metadata(r, "note"), "gr\xc3\xbcn");
    assert_null(fk_st_metadata(r, "missing"));

    assert_ok(fk_st_get(r, "f32", &t, err));
    assert_int_equal(t.dtype, FK_F32);
    assert_true(fk_tensor_has_shape(&t, 2, (int64_t[]){2, 3}));
    assert_memory_equal(t.data, ((float[]){0.0f, -1.5f, 3.25f, 1e-3f, 1e30f, -0.0f}), 24);
    assert_false(t.owned);
    assert_ok(fk_st_get_checked(r, "f64", FK_F64, 1, (int64_t[]){2}, &t, err));
    assert_memory_equal(t.data, ((double[]){0.1, -2.0}), 16);
    assert_ok(fk_st_get_checked(r, "f16", FK_F16, 2, (int64_t[]){2, 1}, &t, err));
    assert_memory_equal(t.data, ((uint16_t[]){0x3c00, 0xfbff}), 4);
    assert_ok(fk_st_get_checked(r, "bf16", FK_BF16, 1, (int64_t[]){3}, &t, err));
    assert_memory_equal(t.data, ((uint16_t[]){0x3f80, 0xc020, 0x7f62}), 6); /* 3e38 is 0x7f61b1e6 */
    assert_ok(fk_st_get_checked(r, "u8", FK_U8, 1, (int64_t[]){3}, &t, err));
    assert_memory_equal(t.data, ((uint8_t[]){0, 255, 7}), 3);
    assert_ok(fk_st_get_checked(r, "i8", FK_I8, 1, (int64_t[]){2}, &t, err));
    assert_memory_equal(t.data, ((int8_t[]){-128, 127}), 2);
    assert_ok(fk_st_get_checked(r, "i32", FK_I32, 1, (int64_t[]){2}, &t, err));
    assert_memory_equal(t.data, ((int32_t[]){INT32_MIN, 5}), 8);
    assert_ok(fk_st_get_checked(r, "scalar", FK_I64, 0, NULL, &t, err));
    assert_int_equal(*(int64_t *)t.data, INT64_C(1234567890123));
    assert_ok(fk_st_get_checked(r, "bool", FK_BOOL, 1, (int64_t[]){3}, &t, err));
    assert_memory_equal(t.data, ((uint8_t[]){1, 0, 1}), 3);
    assert_ok(fk_st_get_checked(r, "empty", FK_F32, 2, (int64_t[]){0, 4}, &t, err));
    assert_int_equal(fk_tensor_count(&t), 0);
    fk_st_close(&r);
    assert_null(r);
    fk_st_close(&r);
}

static void names_come_in_the_order_of_the_data(void **state)
{
    size_t size;
    unsigned char *bytes =
        make_file("{\"z\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[3,5]},"
                  "\"m\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[3,3]},"
                  "\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]}}",
                  5, &size);
    fk_st_reader *r;
    fk_tensor t;

    (void)state;
    assert_ok(fk_st_open_bytes(&r, bytes, size, "memory", err));
    assert_string_equal(fk_st_tensor_name(r, 0), "a");
    assert_string_equal(fk_st_tensor_name(r, 1), "m");
    assert_string_equal(fk_st_tensor_name(r, 2), "z");
    assert_ok(fk_st_get(r, "z", &t, err));
    assert_memory_equal(t.data, "\3\4", 2);
    assert_null(fk_st_metadata(r, "any"));
    fk_st_close(&r);
    free(bytes);
}

static void an_empty_object_is_a_file_of_no_tensors(void **state)
{
    fk_st_reader *r;

    (void)state;
    assert_ok(fk_st_open(
        &r, test_path("FLECK_TEST_SOURCE", "tests/golden/tensor/safetensors/none.safetensors"),
        err));
    assert_int_equal(fk_st_count(r), 0);
    assert_false(fk_st_has(r, "a"));
    fk_st_close(&r);
}

static void a_missing_tensor_is_named_with_its_file(void **state)
{
    size_t size;
    unsigned char *bytes =
        make_file("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, &size);
    fk_st_reader *r;
    fk_tensor t;

    (void)state;
    assert_ok(fk_st_open_bytes(&r, bytes, size, "w.safetensors", err));
    assert_true(fk_st_has(r, "a"));
    assert_false(fk_st_has(r, "b"));
    assert_refused(fk_st_get(r, "conv1.weight", &t, err), FLECK_E_NOTFOUND,
                   "w.safetensors: there is no tensor conv1.weight");
    assert_null(t.data);
    fk_st_close(&r);
    free(bytes);
}

static void a_wrong_dtype_or_shape_says_what_was_expected_and_found(void **state)
{
    size_t size;
    unsigned char *bytes =
        make_file("{\"a\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]}}", 8, &size);
    fk_st_reader *r;
    fk_tensor t;

    (void)state;
    assert_ok(fk_st_open_bytes(&r, bytes, size, "w", err));
    assert_ok(fk_st_get_checked(r, "a", FK_F32, 2, (int64_t[]){-1, 1}, &t, err));
    assert_refused(fk_st_get_checked(r, "a", FK_F32, 2, (int64_t[]){-1, 2}, &t, err), FLECK_E_SHAPE,
                   "w: tensor a: expected F32 [-1, 2], found F32 [2, 1]");
    assert_null(t.data);
    assert_refused(fk_st_get_checked(r, "a", FK_F16, 2, (int64_t[]){2, 1}, &t, err), FLECK_E_SHAPE,
                   "expected F16 [2, 1], found F32 [2, 1]");
    assert_refused(fk_st_get_checked(r, "a", FK_F32, 1, (int64_t[]){2}, &t, err), FLECK_E_SHAPE,
                   "expected F32 [2], found");
    fk_st_close(&r);
    free(bytes);
}

/* A header whose length is odd puts f32 data at an odd address; old writers did that. */
static void tensors_at_odd_addresses_are_readable(void **state)
{
    size_t size;
    unsigned char *bytes =
        make_file("{\"byte\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                  "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[1,5]}}",
                  5, &size);
    unsigned char *room = malloc(size + 8);

    (void)state;
    assert_non_null(room);
    for (size_t shift = 0; shift < 8; shift++) {
        fk_st_reader *r;
        fk_tensor t;

        memmove(room + shift, bytes, size);
        assert_ok(fk_st_open_bytes(&r, room + shift, size, "odd", err));
        assert_ok(fk_st_get(r, "a", &t, err));
        assert_int_equal((uintptr_t)t.data % 4, 0);
        assert_memory_equal(t.data, "\1\2\3\4", 4);
        fk_st_close(&r);
    }
    free(room);
    free(bytes);
}

static void bytes_that_are_no_safetensors_file_are_refused(void **state)
{
    unsigned char length_of_all[12] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, '{', '}'};
    fk_st_reader *r = NULL;

    (void)state;
    assert_refused(fk_st_open_bytes(&r, NULL, 0, "none", err), FLECK_E_FORMAT,
                   "none: not a safetensors file: expected at least 8 bytes, found 0");
    assert_refused(fk_st_open_bytes(&r, "\2\0\0\0\0\0\0", 7, "seven", err), FLECK_E_FORMAT,
                   "found 7");
    assert_refused(fk_st_open_bytes(&r, "\2\0\0\0\0\0\0\0", 8, "eight", err), FLECK_E_FORMAT,
                   "does not begin with {");
    assert_refused(fk_st_open_bytes(&r, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16, "a.png", err),
                   FLECK_E_FORMAT, "a.png: not a safetensors file");
    assert_refused(fk_st_open_bytes(&r, length_of_all, sizeof length_of_all, "long", err),
                   FLECK_E_LIMIT, "18446744073709551615 bytes, the limit is 100000000");
    assert_refused(fk_st_open_bytes(&r, "\3\0\0\0\0\0\0\0{}", 10, "short", err), FLECK_E_FORMAT,
                   "cut short: its header says 3 bytes, the file has 2 left");
    assert_null(r);
}

static void a_header_that_is_no_json_object_is_refused(void **state)
{
    (void)state;
    assert_header_refused("{", 0, FLECK_E_FORMAT, "not valid JSON");
    assert_header_refused("{}x", 0, FLECK_E_FORMAT, "not valid JSON");
    assert_header_refused(" {}", 0, FLECK_E_FORMAT, "does not begin with {");
    assert_header_refused("{\"a\":\"\xff\"}", 0, FLECK_E_FORMAT, "not valid JSON");
    assert_header_refused("{\"a\":1}", 0, FLECK_E_FORMAT, "tensor a: its entry is not an object");
    assert_header_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                          "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
                          2, FLECK_E_FORMAT, "duplicate");
}

static void metadata_must_be_text(void **state)
{
    (void)state;
    assert_header_refused("{\"__metadata__\":[]}", 0, FLECK_E_FORMAT, "__metadata__");
    assert_header_refused("{\"__metadata__\":{\"k\":1}}", 0, FLECK_E_FORMAT, "k is not text");
    assert_header_refused("{\"__metadata__\":{\"k\":{}}}", 0, FLECK_E_FORMAT, "k is not text");
}

static void dtypes_that_fleck_has_not_are_named(void **state)
{
    (void)state;
    assert_header_refused("{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
                          FLECK_E_UNSUPPORTED, "tensor a: expected dtype F32, F64");
    assert_header_refused("{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
                          FLECK_E_UNSUPPORTED, "found F8_E4M3");
    assert_header_refused("{\"a\":{\"dtype\":4,\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
                          FLECK_E_FORMAT, "dtype is missing or no text");
    assert_header_refused("{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, FLECK_E_FORMAT,
                          "dtype is missing");
    assert_header_refused(
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}", 1,
        FLECK_E_UNSUPPORTED, "at most 6 dimensions, found 7");
}

static void shapes_and_offsets_that_lie_are_refused(void **state)
{
    static const struct {
        const char *shape, *offsets, *part;
    } cases[] = {
        {"[2]", "[0,4]", "F32 [2] does not take the 4 bytes given to it"},
        {"[1]", "[0,8]", "F32 [1] does not take the 8 bytes"},
        {"[-1]", "[0,4]", "size 0 of the shape is not a whole number >= 0"},
        {"[1.0]", "[0,4]", "size 0 of the shape"},
        {"[1,true]", "[0,4]", "size 1 of the shape"},
        {"4", "[0,4]", "shape is not a list"},
        {"{}", "[0,4]", "shape is not a list"},
        /* 2^31 * 2^31 * 4 is 2^64, which a product without checks takes for 0 */
        {"[2147483648,2147483648]", "[0,0]", "does not take the 0 bytes"},
        {"[4294967296,4294967296,0]", "[0,0]", "does not take the 0 bytes"},
        {"[9223372036854775807]", "[0,8]", "does not take the 8 bytes"},
        {"[99999999999999999999]", "[0,8]", "not valid JSON"},
        {"[1]", "[0]", "data_offsets is not two whole numbers"},
        {"[1]", "[0,4,8]", "data_offsets is not two whole numbers"},
        {"[1]", "[\"0\",4]", "data_offsets is not two whole numbers"},
        {"[1]", "{}", "data_offsets is not two whole numbers"},
        {"[1]", "[-4,0]", "data_offsets [-4, 0] leave the 8 bytes"},
        {"[1]", "[4,0]", "data_offsets [4, 0] leave"},
        {"[1]", "[8,12]", "data_offsets [8, 12] leave the 8 bytes"},
        {"[1]", "[4,8]", "begins at byte 4 of the data, expected 0: there is a gap"},
        {"[1]", "[0,4]", "the tensors take 4 bytes, the file has 8 behind its header"},
    };
    char header[256];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(header, sizeof header,
                 "{\"a\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":%s}}", cases[i].shape,
                 cases[i].offsets);
        assert_header_refused(header, 8, FLECK_E_FORMAT, cases[i].part);
    }
}

static void overlapping_tensors_are_refused(void **state)
{
    (void)state;
    assert_header_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
                          "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]}}",
                          4, FLECK_E_FORMAT, "tensor b begins at byte 2");
    assert_header_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
                          "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}",
                          4, FLECK_E_FORMAT, "tensors overlap");
}

static void deep_nesting_is_refused_and_does_not_end_the_process(void **state)
{
    enum { DEPTH = 100000 };
    char *header = malloc(DEPTH + 16);

    (void)state;
    assert_non_null(header);
    memcpy(header, "{\"a\":", 5);
    memset(header + 5, '[', DEPTH);
    header[5 + DEPTH] = '\0';
    assert_header_refused(header, 0, FLECK_E_FORMAT, "not valid JSON");
    free(header);
}

static void every_cut_of_a_good_file_is_refused(void **state)
{
    fk_contents file;
    fk_st_reader *r = NULL;

    (void)state;
    assert_ok(fk_contents_read(
        &file, test_path("FLECK_TEST_SOURCE", "tests/golden/tensor/safetensors/all.safetensors"), 0,
        err));
    for (size_t n = 0; n < file.size; n++) {
        /* a block of its own size, so that a sanitizer sees a read behind its end */
        unsigned char *cut = malloc(n > 0 ? n : 1);

        assert_non_null(cut);
        memcpy(cut, file.data, n);
        assert_refused(fk_st_open_bytes(&r, cut, n, "cut", err), FLECK_E_FORMAT, "cut");
        free(cut);
    }
    fk_contents_free(&file);
}

static void files_that_cannot_be_read_are_named(void **state)
{
    fk_st_reader *r = NULL;

    (void)state;
    assert_refused(fk_st_open(&r, "/nowhere/w.safetensors", err), FLECK_E_NOTFOUND,
                   "/nowhere/w.safetensors");
    assert_refused(fk_st_open(&r, "/", err), FLECK_E_FORMAT, "a folder");
    assert_null(r);
}

/* ---- Writing ---- */

static void write_sample(const char *path)
{
    static const float f[6] = {0, 1, 2, 3, 4, 5};
    static const double d[1] = {0.5};
    static const uint8_t u[3] = {7, 8, 9};
    static const int64_t whole = -3;
    fk_tensor t = {.dtype = FK_F32, .ndim = 2, .shape = {2, 3}, .data = (void *)(uintptr_t)f};
    fk_st_writer *w;

    assert_ok(fk_st_writer_open(&w, err));
    assert_ok(fk_st_writer_add_data(w, "bytes", FK_U8, 1, (int64_t[]){3}, u, err));
    assert_ok(fk_st_writer_add(w, "floats", &t, err));
    assert_ok(fk_st_writer_metadata(w, "name", "first", err));
    assert_ok(fk_st_writer_metadata(w, "name", "\"quoted\" gr\xc3\xbcn\n", err));
    assert_ok(fk_st_writer_add_data(w, "double", FK_F64, 1, (int64_t[]){1}, d, err));
    assert_ok(fk_st_writer_add_data(w, "nothing", FK_F16, 2, (int64_t[]){3, 0}, NULL, err));
    assert_ok(fk_st_writer_add_data(w, "number", FK_I64, 0, NULL, &whole, err));
    assert_ok(fk_st_writer_commit(&w, path, err));
    assert_null(w);
}

static void what_is_written_reads_back_unchanged(void **state)
{
    char path[4200];
    fk_st_reader *r;
    fk_tensor t;

    (void)state;
    snprintf(path, sizeof path, "%s/a.safetensors", test_folder());
    write_sample(path);
    assert_ok(fk_st_open(&r, path, err));
    assert_int_equal(fk_st_count(r), 5);
    assert_string_equal(fk_st_metadata(r, "name"), "\"quoted\" gr\xc3\xbcn\n");
    assert_ok(fk_st_get_checked(r, "floats", FK_F32, 2, (int64_t[]){2, 3}, &t, err));
    assert_memory_equal(t.data, ((float[]){0, 1, 2, 3, 4, 5}), 24);
    assert_ok(fk_st_get_checked(r, "double", FK_F64, 1, (int64_t[]){1}, &t, err));
    assert_true(*(double *)t.data == 0.5);
    assert_ok(fk_st_get_checked(r, "bytes", FK_U8, 1, (int64_t[]){3}, &t, err));
    assert_memory_equal(t.data, "\7\10\11", 3);
    assert_ok(fk_st_get_checked(r, "nothing", FK_F16, 2, (int64_t[]){3, 0}, &t, err));
    assert_ok(fk_st_get_checked(r, "number", FK_I64, 0, NULL, &t, err));
    assert_int_equal(*(int64_t *)t.data, -3);
    fk_st_close(&r);
}

static void the_data_begins_at_a_multiple_of_64_and_wide_elements_come_first(void **state)
{
    static const char *const order[] = {"double", "number", "floats", "nothing", "bytes"};
    char path[4200];
    fk_st_reader *r;
    fk_tensor t;

    (void)state;
    snprintf(path, sizeof path, "%s/a.safetensors", test_folder());
    write_sample(path);
    assert_ok(fk_st_open(&r, path, err));
    for (int i = 0; i < 5; i++)
        assert_string_equal(fk_st_tensor_name(r, i), order[i]);
    assert_ok(fk_st_get(r, "double", &t, err));
    assert_int_equal((uintptr_t)t.data % 64, 0); /* a mapping begins at a page */
    fk_st_close(&r);
}

static void the_same_calls_write_the_same_bytes(void **state)
{
    char a[4200], b[4200];
    const char *folder = test_folder();
    fk_contents x, y;

    (void)state;
    snprintf(a, sizeof a, "%s/a", folder);
    snprintf(b, sizeof b, "%s/b", folder);
    write_sample(a);
    write_sample(b);
    assert_ok(fk_contents_read(&x, a, 0, err));
    assert_ok(fk_contents_read(&y, b, 0, err));
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.data, y.data, x.size);
    fk_contents_free(&x);
    fk_contents_free(&y);
}

static void a_file_of_nothing_can_be_written(void **state)
{
    char path[4200];
    fk_st_writer *w;
    fk_st_reader *r;

    (void)state;
    snprintf(path, sizeof path, "%s/empty", test_folder());
    assert_ok(fk_st_writer_open(&w, err));
    assert_ok(fk_st_writer_commit(&w, path, err));
    assert_ok(fk_st_open(&r, path, err));
    assert_int_equal(fk_st_count(r), 0);
    fk_st_close(&r);
}

static void names_that_cannot_be_written_are_refused_and_the_writer_goes_on(void **state)
{
    char path[4200];
    uint8_t byte = 1;
    fk_st_writer *w;
    fk_st_reader *r;

    (void)state;
    snprintf(path, sizeof path, "%s/names", test_folder());
    assert_ok(fk_st_writer_open(&w, err));
    assert_ok(fk_st_writer_add_data(w, "a", FK_U8, 0, NULL, &byte, err));
    assert_refused(fk_st_writer_add_data(w, "a", FK_U8, 0, NULL, &byte, err), FLECK_E_FORMAT,
                   "there is a tensor a already");
    assert_refused(fk_st_writer_add_data(w, "__metadata__", FK_U8, 0, NULL, &byte, err),
                   FLECK_E_FORMAT, "__metadata__");
    assert_refused(fk_st_writer_add_data(w, "\xff", FK_U8, 0, NULL, &byte, err), FLECK_E_FORMAT,
                   "not UTF-8");
    assert_refused(fk_st_writer_metadata(w, "k", "\xc3", err), FLECK_E_FORMAT,
                   "metadata k: its text is not UTF-8");
    assert_refused(
        fk_st_writer_add_data(w, "big", FK_F32, 1, (int64_t[]){INT64_MAX / 2}, &byte, err),
        FLECK_E_SHAPE, "tensor big");
    assert_ok(fk_st_writer_commit(&w, path, err));
    assert_ok(fk_st_open(&r, path, err));
    assert_int_equal(fk_st_count(r), 1);
    fk_st_close(&r);
}

static void an_unwritable_path_leaves_nothing_behind(void **state)
{
    char path[4200];
    uint8_t byte = 1;
    fk_st_writer *w;
    fk_names left = {0};
    const char *folder = test_folder();

    (void)state;
    snprintf(path, sizeof path, "%s/no/such/w", folder);
    assert_ok(fk_st_writer_open(&w, err));
    assert_ok(fk_st_writer_add_data(w, "a", FK_U8, 0, NULL, &byte, err));
    assert_refused(fk_st_writer_commit(&w, path, err), FLECK_E_NOTFOUND, path);
    assert_null(w);
    assert_ok(fk_folder_list(&left, folder, 'd', err));
    assert_ok(fk_folder_list(&left, folder, 'f', err));
    assert_int_equal(left.count, 0);
    fk_names_free(&left);
}

static void abort_frees_a_writer_and_accepts_null(void **state)
{
    uint8_t byte = 1;
    fk_st_writer *w;

    (void)state;
    assert_ok(fk_st_writer_open(&w, err));
    assert_ok(fk_st_writer_add_data(w, "a", FK_U8, 0, NULL, &byte, err));
    assert_ok(fk_st_writer_metadata(w, "k", "v", err));
    fk_st_writer_abort(&w);
    assert_null(w);
    fk_st_writer_abort(&w);
    fk_st_writer_abort(NULL);
    fk_st_close(NULL);
}

/* ---- Memory ---- */

static fleck_status write_two(const char *path, fleck_error *err)
{
    static const float f[2] = {1, 2};
    fk_st_writer *w = NULL;
    fleck_status st;

    st = fk_st_writer_open(&w, err);
    if (st == FLECK_OK)
        st = fk_st_writer_add_data(w, "a", FK_F32, 1, (int64_t[]){2}, f, err);
    if (st == FLECK_OK)
        st = fk_st_writer_metadata(w, "k", "v", err);
    if (st == FLECK_OK)
        st = fk_st_writer_commit(&w, path, err);
    fk_st_writer_abort(&w);
    return st;
}

static void writing_survives_every_failing_allocation(void **state)
{
    char path[4200];
    int64_t failures = 0;
    fleck_status st;

    (void)state;
    snprintf(path, sizeof path, "%s/w", test_folder());
    do {
        fk_mem_fail_at(failures + 1);
        st = write_two(path, NULL);
        fk_mem_fail_at(0);
        if (st != FLECK_OK) {
            assert_int_equal(st, FLECK_E_NOMEM);
            assert_false(fk_path_is_file(path));
            failures++;
        }
    } while (st != FLECK_OK);
    assert_true(failures >= 4);
    assert_true(fk_path_is_file(path));
}

static void reading_survives_every_failing_allocation(void **state)
{
    const char *path =
        test_path("FLECK_TEST_SOURCE", "tests/golden/tensor/safetensors/all.safetensors");
    fk_contents file;
    unsigned char *odd;
    int64_t failures = 0;
    fleck_status st;

    (void)state;
    assert_ok(fk_contents_read(&file, path, 0, err));
    odd = malloc(file.size + 1); /* at an odd address tensors are copied: more allocations */
    assert_non_null(odd);
    memcpy(odd + 1, file.data, file.size);
    do {
        fk_st_reader *r = NULL;

        fk_mem_fail_at(failures + 1);
        st = fk_st_open_bytes(&r, odd + 1, file.size, "odd", NULL);
        fk_mem_fail_at(0);
        if (st != FLECK_OK) {
            assert_int_equal(st, FLECK_E_NOMEM);
            assert_null(r);
            failures++;
        }
        fk_st_close(&r);
    } while (st != FLECK_OK);
    assert_true(failures >= 6);
    free(odd);
    fk_contents_free(&file);
}

/* ---- Real weights ---- */

static void real_weights_open_and_have_their_first_layer(void **state)
{
    shared_or_skip(path, "weights/resnet18_imagenet_bnfolded.safetensors");
    fk_st_reader *r;
    fk_tensor t;
    double sum = 0;

    (void)state;
    assert_ok(fk_st_open(&r, path, err));
    assert_ok(fk_st_get_checked(r, "conv1.weight", FK_F32, 4, (int64_t[]){64, 3, 7, 7}, &t, err));
    for (int64_t i = 0; i < fk_tensor_count(&t); i++)
        sum += (double)((const float *)t.data)[i];
    /* NumPy's sum in double; 9408 additions in another order differ by less than 1e-12 */
    assert_true(fabs(sum - -0.608706822990095) < 1e-11);
    assert_int_equal(fk_st_count(r), 30);
    assert_string_equal(fk_st_metadata(r, "architecture"), "resnet18");
    fk_st_close(&r);
}

/* A file of `floats` numbers with a checksum. */
static void write_checked(const char *path, int64_t floats)
{
    fk_st_writer *w = NULL;
    float *x = NULL;

    assert_ok(FK_ALLOC(&x, floats, err));
    for (int64_t i = 0; i < floats; i++)
        x[i] = (float)i;
    assert_ok(fk_st_writer_open(&w, err));
    assert_ok(fk_st_writer_checksum(w, err));
    assert_ok(fk_st_writer_add_data(w, "x", FK_F32, 2, (int64_t[]){floats / 5, 5}, x, err));
    assert_ok(fk_st_writer_commit(&w, path, err));
    fk_free(x);
}

static void every_flipped_bit_of_a_file_with_a_checksum_is_found(void **state)
{
    char path[4200];
    fk_contents c;
    fk_st_reader *r = NULL;
    int fd;

    (void)state;
    snprintf(path, sizeof path, "%s/checked", test_folder());
    write_checked(path, 40);
    assert_ok(fk_st_open(&r, path, err));
    assert_true(fk_st_has_checksum(r));
    fk_st_close(&r);
    assert_ok(fk_contents_read(&c, path, 0, err));
    fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    for (size_t bit = 0; bit < 8 * c.size; bit++) {
        uint8_t *byte = (uint8_t *)(uintptr_t)c.data + bit / 8;
        fleck_status st;

        *byte ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(pwrite(fd, c.data, c.size, 0), c.size);
        st = fk_st_open(&r, path, NULL);
        /* Where its name is hit there is none any more: whoever expects one has to ask. */
        if (st == FLECK_OK && fk_st_has_checksum(r))
            fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
        fk_st_close(&r);
        *byte ^= (uint8_t)(1 << bit % 8);
    }
    close(fd);
    fk_contents_free(&c);
}

static void what_was_released_comes_back_if_the_file_is_what_it_was(void **state)
{
    const int64_t floats =
        3000000; /* beyond what one thread reads, and no whole number of blocks */
    char path[4200], other[4200];
    struct timespec later[2] = {{.tv_sec = 2000000000}, {.tv_sec = 2000000000}};
    fk_st_reader *r = NULL, *alone = NULL;
    fk_tensor t;

    (void)state;
    snprintf(path, sizeof path, "%s/released", test_folder());
    snprintf(other, sizeof other, "%s/other", test_folder());
    write_checked(path, floats);
    assert_ok(fk_st_open_with(&r, path, 3, NULL, err));
    assert_ok(fk_st_open(&alone, path, err));
    assert_string_equal(fk_st_digest(r), fk_st_digest(alone));
    fk_st_close(&alone);
    fk_st_release(r);
    write_checked(other, 40);
    assert_int_equal(rename(other, path), 0); /* the first file is still open */
    assert_ok(fk_st_restore(r, err));
    assert_ok(fk_st_restore(r, err));
    assert_ok(fk_st_get(r, "x", &t, err));
    for (int64_t i = 0; i < floats; i++)
        if (((float *)t.data)[i] != (float)i)
            fail_msg("number %lld", (long long)i);
    fk_st_close(&r);
    write_checked(path, floats);
    assert_ok(fk_st_open_with(&r, path, 2, NULL, err));
    fk_st_release(r);
    assert_int_equal(utimensat(AT_FDCWD, path, later, 0), 0);
    assert_refused(fk_st_restore(r, err), FLECK_E_STATE, "has changed since it was read first");
    fk_st_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flipped_bit_of_a_file_with_a_checksum_is_found),
        cmocka_unit_test(what_was_released_comes_back_if_the_file_is_what_it_was),
        cmocka_unit_test(a_file_of_python_reads_with_every_dtype),
        cmocka_unit_test(names_come_in_the_order_of_the_data),
        cmocka_unit_test(an_empty_object_is_a_file_of_no_tensors),
        cmocka_unit_test(a_missing_tensor_is_named_with_its_file),
        cmocka_unit_test(a_wrong_dtype_or_shape_says_what_was_expected_and_found),
        cmocka_unit_test(tensors_at_odd_addresses_are_readable),
        cmocka_unit_test(bytes_that_are_no_safetensors_file_are_refused),
        cmocka_unit_test(a_header_that_is_no_json_object_is_refused),
        cmocka_unit_test(metadata_must_be_text),
        cmocka_unit_test(dtypes_that_fleck_has_not_are_named),
        cmocka_unit_test(shapes_and_offsets_that_lie_are_refused),
        cmocka_unit_test(overlapping_tensors_are_refused),
        cmocka_unit_test(deep_nesting_is_refused_and_does_not_end_the_process),
        cmocka_unit_test(every_cut_of_a_good_file_is_refused),
        cmocka_unit_test(files_that_cannot_be_read_are_named),
        cmocka_unit_test(what_is_written_reads_back_unchanged),
        cmocka_unit_test(the_data_begins_at_a_multiple_of_64_and_wide_elements_come_first),
        cmocka_unit_test(the_same_calls_write_the_same_bytes),
        cmocka_unit_test(a_file_of_nothing_can_be_written),
        cmocka_unit_test(names_that_cannot_be_written_are_refused_and_the_writer_goes_on),
        cmocka_unit_test(an_unwritable_path_leaves_nothing_behind),
        cmocka_unit_test(abort_frees_a_writer_and_accepts_null),
        cmocka_unit_test(writing_survives_every_failing_allocation),
        cmocka_unit_test(reading_survives_every_failing_allocation),
        cmocka_unit_test(real_weights_open_and_have_their_first_layer),
    };

    return cmocka_run_group_tests_name("safetensors", tests, NULL, NULL);
}
