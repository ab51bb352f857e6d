/* SPDX-License-Identifier: Apache-2.0 */
/* The paper's ResNets, DenseNets and ConvNeXts against PyTorch, engine by engine:
 * tests/golden/net_cnn.py made the figures. */
#include "fk_test.h"

#include "golden/net_cnn_golden.h"
#include "graph/arch_tables.h"
#include "net/openvino/ir.h"
#include "unit/net/golden_check.h"
#include "unit/net/imported.h"
#include "unit/weights/weight_files.h"
#include "weights/import_names.h"
#include "weights/weights.h"

/* ---- Whole networks ---- */

static void check_fast(const golden_net *g, const fk_arch *a, const fk_st_reader *weights)
{
    if (a->dense)
        check_engine(g, a, weights, FK_ENGINE_NATIVE);
    if (fk_engine_built(FK_ENGINE_OPENVINO))
        check_engine(g, a, weights, FK_ENGINE_OPENVINO);
}

/* slowly: on the reference too. */
static void check_seeded(const char *arch, bool slowly)
{
    const fk_arch *a = fk_arch_find(arch);
    seeded_file f;

    for (size_t i = 0; i < sizeof golden_cnns / sizeof golden_cnns[0]; i++) {
        if (strcmp(golden_cnns[i].arch, arch) != 0)
            continue;
        open_seeded(&f, arch, "", 0);
        check_fast(&golden_cnns[i], a, f.reader);
        if (slowly || (!a->dense && !fk_engine_built(FK_ENGINE_OPENVINO)))
            check_engine(&golden_cnns[i], a, f.reader, FK_ENGINE_REFERENCE);
        close_seeded(&f);
        return;
    }
    fail_msg("no golden net %s", arch);
}

/* ResNet-152 has the operations of ResNet-50, and DenseNet-169 those of DenseNet-201, with which
 * the reference, by far the slowest, is checked. */
static void the_papers_resnets_with_seeded_weights_agree_with_pytorch(void **state)
{
    (void)state;
    check_seeded("resnet50_v1", true);
    check_seeded("resnet152_v1", false);
}

static void densenets_with_seeded_weights_agree_with_torchvision(void **state)
{
    (void)state;
    check_seeded("densenet201", true);
    check_seeded("densenet169", false);
}

static void convnexts_with_seeded_weights_agree_with_torchvision_and_timm(void **state)
{
    (void)state;
    check_seeded("convnext_tiny", true);
    check_seeded("dinov3_convnext_tiny", false);
}

/* ---- Published files ---- */

static fleck_status describe_tiny_densenet(fk_graph *out, int64_t height, int64_t width,
                                           fleck_error *e)
{
    static const fk_densenet d = {{2, 1, 2, 1}, 6, 4};

    return fk_describe_densenet(&d, out, height, width, e);
}

static fleck_status describe_tiny_convnext(fk_graph *out, int64_t height, int64_t width,
                                           fleck_error *e)
{
    static const fk_convnext c = {{1, 1, 2, 1}, {4, 6, 8, 10}};

    return fk_describe_convnext(&c, out, height, width, e);
}

/* The published network of that name, but tiny. */
static fk_arch tiny(const char *name)
{
    fk_arch a = *fk_arch_find(name);

    a.describe = a.norm_of != NULL ? describe_tiny_densenet : describe_tiny_convnext;
    return a;
}

static const golden_net *tiny_golden(const char *arch)
{
    for (size_t i = 0; i < sizeof golden_tiny_cnns / sizeof golden_tiny_cnns[0]; i++)
        if (strcmp(golden_tiny_cnns[i].arch, arch) == 0)
            return &golden_tiny_cnns[i];
    fail_msg("no golden net %s", arch);
    return NULL;
}

static const struct {
    const char *arch, *file;
} published[] = {{"densenet201", "tiny_densenet.pth"},
                 {"convnext_tiny", "tiny_convnext.pth"},
                 {"dinov3_convnext_tiny", "tiny_dinov3_convnext.pth"},
                 {"dinov3_convnext_tiny", "tiny_dinov3_convnext.safetensors"}};

/* Names, batch norms before and behind convolutions, and layer scales of files as torch wrote
 * them. */
static void imported_files_agree_with_the_networks_that_wrote_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++) {
        const golden_net *g = tiny_golden(published[i].arch);
        const fk_arch a = tiny(g->arch);
        const char *path = out_path();
        fk_st_reader *weights;
        bool complete;

        assert_ok(fk_weights_import(&a, weight_file(published[i].file), path, &complete, err));
        assert_true(complete);
        assert_ok(fk_st_open(&weights, path, err));
        check_engine(g, &a, weights, FK_ENGINE_REFERENCE);
        check_fast(g, &a, weights);
        fk_st_close(&weights);
        drop(path);
    }
}

static void an_imported_file_imports_again_without_a_changed_bit(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof published / sizeof published[0]; k++) {
        const fk_arch a = tiny(published[k].arch);

        check_imported_again(&a, published[k].file);
    }
}

static void names_of_published_files_are_known(void **state)
{
    const struct {
        const char *arch;
        int scheme;
        const char *ours, *theirs, *norm, *scale;
    } names[] = {
        {"densenet201", 0, "features.conv0", "features.conv0", "features.norm0", ""},
        {"densenet201", 0, "features.denseblock3.denselayer48.conv1",
         "features.denseblock3.denselayer48.conv1", "features.denseblock3.denselayer48.norm2", ""},
        {"densenet201", 1, "features.denseblock3.denselayer48.conv1",
         "features.denseblock3.denselayer48.conv.1", "features.denseblock3.denselayer48.norm.2",
         ""},
        {"densenet169", 1, "features.denseblock1.denselayer1.conv2",
         "features.denseblock1.denselayer1.conv.2", "", ""},
        {"densenet169", 1, "features.denseblock1.denselayer1.norm1",
         "features.denseblock1.denselayer1.norm.1", "", ""},
        {"densenet169", 1, "features.transition2.norm", "features.transition2.norm", "", ""},
        {"densenet169", 1, "features.norm5", "features.norm5", "", ""},
        {"convnext_tiny", 0, "stages.2.8.pwconv2", "stages.2.8.pwconv2", "", "stages.2.8.gamma"},
        {"convnext_tiny", 0, "stages.2.8.pwconv1", "stages.2.8.pwconv1", "", ""},
        {"convnext_tiny", 1, "downsample_layers.0.1", "features.0.1", "", ""},
        {"convnext_tiny", 1, "downsample_layers.3.0", "features.6.0", "", ""},
        {"convnext_tiny", 1, "stages.2.8.dwconv", "features.5.8.block.0", "", ""},
        {"convnext_tiny", 1, "stages.2.8.pwconv2", "features.5.8.block.5", "",
         "features.5.8.layer_scale"},
        {"convnext_tiny", 1, "norm", "classifier.0", "", ""},
        {"convnext_tiny", 1, "stages.2.8.other", "", "", ""},
        {"convnext_tiny", 2, "downsample_layers.0.1", "stem.1", "", ""},
        {"dinov3_convnext_tiny", 1, "downsample_layers.3.0", "stages.3.downsample.0", "", ""},
        {"dinov3_convnext_tiny", 1, "stages.2.8.pwconv2", "stages.2.blocks.8.mlp.fc2", "",
         "stages.2.blocks.8.gamma"},
        {"dinov3_convnext_tiny", 1, "norm", "head.norm", "", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        fk_source_names found;

        fk_import_names(fk_arch_find(names[i].arch), names[i].scheme, names[i].ours, &found);
        assert_string_equal(found.conv, names[i].theirs);
        assert_string_equal(found.norm, names[i].norm);
        assert_string_equal(found.scale, names[i].scale);
    }
    assert_int_equal(fk_import_schemes(fk_arch_find("convnext_tiny")), 3);
    assert_int_equal(fk_import_schemes(fk_arch_find("dinov3_convnext_tiny")), 2);
}

/* ---- Memory ---- */

static void every_failed_allocation_of_an_import_is_reported(void **state)
{
    const fk_arch a = tiny("densenet201");
    const char *file = weight_file("tiny_densenet.pth"), *path = out_path();
    int64_t asked;

    (void)state;
    fk_mem_fail_at(0);
    assert_ok(fk_weights_import(&a, file, path, NULL, err));
    asked = fk_mem_fail_at(0);
    assert_int_equal(unlink(path), 0);
    for (int64_t n = 1; n <= asked; n++) {
        fk_mem_fail_at(n);
        assert_refused(fk_weights_import(&a, file, path, NULL, err), FLECK_E_NOMEM, "");
        assert_int_not_equal(access(path, F_OK), 0);
    }
    fk_mem_fail_at(0);
}

/* The text, or the n-th allocation fails. */
static fleck_status write_ir(const fk_arch *a, int64_t n)
{
    static const float somewhere[256];
    static const float *weights[256];
    static int64_t constants[FK_NET_CONSTANTS];
    fk_net_plan plan = {.weights = weights,
                        .biases = weights,
                        .blob = (const uint8_t *)somewhere,
                        .constants = constants,
                        .name = "seeded"};
    fk_text ir = {0};
    fk_graph g;
    fleck_status st;

    assert_ok(a->describe(&g, 48, 80, err));
    assert_true(g.n_ops <= 256);
    for (int i = 0; i < 256; i++)
        weights[i] = somewhere;
    plan.graph = &g;
    fk_mem_fail_at(n);
    st = fk_openvino_ir(&ir, &plan, NULL);
    fk_mem_fail_at(0);
    if (st == FLECK_OK)
        assert_string_equal(ir.data + ir.length - 7, "</net>\n");
    fk_text_free(&ir);
    fk_graph_free(&g);
    return st;
}

static void writing_ir_survives_lack_of_memory(void **state)
{
    const char *names[] = {"densenet201", "convnext_tiny"};

    (void)state;
    for (int i = 0; i < 2; i++) {
        const fk_arch a = tiny(names[i]);
        int64_t n = 1;
        fleck_status st;

        while ((st = write_ir(&a, n)) == FLECK_E_NOMEM)
            n++;
        assert_int_equal(st, FLECK_OK);
        assert_true(n > 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_papers_resnets_with_seeded_weights_agree_with_pytorch),
        cmocka_unit_test(densenets_with_seeded_weights_agree_with_torchvision),
        cmocka_unit_test(convnexts_with_seeded_weights_agree_with_torchvision_and_timm),
        cmocka_unit_test(imported_files_agree_with_the_networks_that_wrote_them),
        cmocka_unit_test(an_imported_file_imports_again_without_a_changed_bit),
        cmocka_unit_test(names_of_published_files_are_known),
        cmocka_unit_test(every_failed_allocation_of_an_import_is_reported),
        cmocka_unit_test(writing_ir_survives_lack_of_memory),
    };

    return cmocka_run_group_tests_name("cnn", tests, NULL, NULL);
}
