/* SPDX-License-Identifier: Apache-2.0 */
/* Vision transformers against PyTorch, engine by engine: tests/golden/net_vit.py made the
 * figures. */
#include "fk_test.h"

#include "golden/net_vit_golden.h"
#include "graph/arch_tables.h"
#include "weights/import_names.h"
#include "net/position.h"
#include "weights/weights.h"
#include "unit/net/golden_check.h"
#include "unit/net/imported.h"
#include "unit/weights/weight_files.h"

static const golden_net *golden_of(const char *name)
{
    for (size_t i = 0; i < sizeof golden_vits / sizeof golden_vits[0]; i++)
        if (strcmp(golden_vits[i].name, name) == 0)
            return &golden_vits[i];
    fail_msg("no golden net %s", name);
    return NULL;
}

/* ---- Positions ---- */

/* torch computed in double on float entries; what is left is the rounding to float of values
 * within 1. */
static void positions_are_resampled_as_torch_does(void **state)
{
    float table[25 * 2], out[50];
    uint8_t bytes[26 * 2 * 4];

    (void)state;
    fill_seeded(bytes, "pos_embed", 26 * 2, 26 * 2);
    memcpy(table, bytes + 2 * 4, sizeof table); /* behind the class token's */
    for (size_t i = 0; i < sizeof golden_positions / sizeof golden_positions[0]; i++) {
        const golden_position *g = &golden_positions[i];

        assert_ok(fk_position_resample(out, g->height, g->width, table, 5, 2, g->how, err));
        for (int64_t k = 0; k < g->height * g->width * 2; k++)
            assert_true(fabs((double)out[k] - g->values[k]) < 1e-7);
    }
}

static void a_constant_table_stays_constant_on_any_grid(void **state)
{
    float table[36], out[17 * 3];

    (void)state;
    for (int i = 0; i < 36; i++)
        table[i] = 0.75f;
    for (int how = FK_CUBIC_CORNERS; how <= FK_CUBIC_SMOOTH; how++) {
        assert_ok(fk_position_resample(out, 17, 3, table, 6, 1, (fk_resample)how, err));
        for (int i = 0; i < 17 * 3; i++)
            assert_true(fabsf(out[i] - 0.75f) < 1e-6f);
    }
}

/* ---- Whole networks ---- */

static void check_net(const char *arch, const char *small, const char *large)
{
    const fk_arch *a = fk_arch_find(arch);
    seeded_file f;

    open_seeded(&f, arch, "", 0);
    check_engine(golden_of(small), a, f.reader, FK_ENGINE_REFERENCE);
    if (fk_engine_built(FK_ENGINE_OPENVINO)) {
        check_engine(golden_of(small), a, f.reader, FK_ENGINE_OPENVINO);
        if (large != NULL)
            check_engine(golden_of(large), a, f.reader, FK_ENGINE_OPENVINO);
    }
    close_seeded(&f);
}

static void vit_b_16_with_seeded_weights_agrees_with_torchvision(void **state)
{
    (void)state;
    check_net("vit_b_16", "vit_b_16 32x48", "vit_b_16 224x224");
}

static void dinov2_with_seeded_weights_agrees_with_pytorch(void **state)
{
    (void)state;
    check_net("dinov2_vits14", "dinov2_vits14 70x42", "dinov2_vits14 224x224");
}

static void dinov2_with_registers_and_seeded_weights_agrees_with_pytorch(void **state)
{
    (void)state;
    check_net("dinov2_vits14_reg", "dinov2_vits14_reg 42x56", NULL);
}

/* ---- Published files ---- */

static fleck_status describe_tiny_vit(fk_graph *out, int64_t height, int64_t width, fleck_error *e)
{
    static const fk_vit v = {.width = 12,
                             .heads = 2,
                             .blocks = 2,
                             .eps = 1e-6,
                             .patch = 16,
                             .positions = {0, 4, FK_CUBIC_CORNERS}};

    return fk_describe_vit(&v, out, height, width, e);
}

static fleck_status describe_tiny_dinov2(fk_graph *out, int64_t height, int64_t width,
                                         fleck_error *e)
{
    static const fk_vit v = {.width = 12,
                             .heads = 3,
                             .blocks = 2,
                             .eps = 1e-6,
                             .patch = 14,
                             .positions = {2, 5, FK_CUBIC_SMOOTH}};

    return fk_describe_vit(&v, out, height, width, e);
}

/* The published network of that name, but tiny. */
static fk_arch tiny(const char *name)
{
    fk_arch a = *fk_arch_find(name);

    a.describe = a.multiple == 16 ? describe_tiny_vit : describe_tiny_dinov2;
    return a;
}

/* Names, layer scales and position embeddings of files as torch wrote them. */
static void imported_files_agree_with_the_networks_that_wrote_them(void **state)
{
    const char *files[] = {"tiny_vit.pth", "tiny_dinov2.pth"};

    (void)state;
    for (int i = 0; i < 2; i++) {
        const golden_net *g = &golden_tiny_vits[i];
        const fk_arch a = tiny(g->arch);
        const char *path = out_path();
        fk_st_reader *weights;
        bool complete;

        assert_ok(fk_weights_import(&a, weight_file(files[i]), path, &complete, err));
        assert_true(complete);
        assert_ok(fk_st_open(&weights, path, err));
        check_engine(g, &a, weights, FK_ENGINE_REFERENCE);
        if (fk_engine_built(FK_ENGINE_OPENVINO))
            check_engine(g, &a, weights, FK_ENGINE_OPENVINO);
        fk_st_close(&weights);
        drop(path);
    }
}

static void an_imported_file_imports_again_without_a_changed_bit(void **state)
{
    const fk_arch a = tiny("dinov2_vits14_reg");

    (void)state;
    check_imported_again(&a, "tiny_dinov2.pth");
}

static void both_of_torchvisions_names_are_known(void **state)
{
    const struct {
        int scheme;
        const char *ours, *theirs;
        char joint;
    } names[] = {
        {0, "blocks.3.attn.qkv", "blocks.3.attn.qkv", '.'},
        {1, "cls_token", "class_token", '.'},
        {1, "pos_embed", "encoder.pos_embedding", '.'},
        {1, "patch_embed.proj", "conv_proj", '.'},
        {1, "blocks.11.attn.qkv", "encoder.layers.encoder_layer_11.self_attention.in_proj", '_'},
        {1, "blocks.11.attn.proj", "encoder.layers.encoder_layer_11.self_attention.out_proj", '.'},
        {1, "blocks.0.norm2", "encoder.layers.encoder_layer_0.ln_2", '.'},
        {1, "blocks.0.mlp.fc2", "encoder.layers.encoder_layer_0.mlp.3", '.'},
        {2, "blocks.0.mlp.fc2", "encoder.layers.encoder_layer_0.mlp.linear_2", '.'},
        {2, "norm", "encoder.ln", '.'},
        {1, "blocks.0.ls1", "", '.'},
    };
    const fk_arch *a = fk_arch_find("vit_b_16");
    fk_source_names found;

    (void)state;
    assert_int_equal(fk_import_schemes(a), 3);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        fk_import_names(a, names[i].scheme, names[i].ours, &found);
        assert_string_equal(found.conv, names[i].theirs);
        assert_int_equal(found.joint, names[i].joint);
    }
    fk_import_names(fk_arch_find("dinov2_vits14"), 0, "blocks.7.mlp.fc2", &found);
    assert_string_equal(found.scale, "blocks.7.ls2.gamma");
    fk_import_names(fk_arch_find("dinov2_vits14"), 0, "blocks.7.mlp.fc1", &found);
    assert_string_equal(found.scale, "");
}

static fleck_status describe_without_registers(fk_graph *out, int64_t height, int64_t width,
                                               fleck_error *e)
{
    static const fk_vit v = {.width = 12,
                             .heads = 3,
                             .blocks = 2,
                             .eps = 1e-6,
                             .patch = 14,
                             .positions = {0, 5, FK_CUBIC_OFFSET}};

    return fk_describe_vit(&v, out, height, width, e);
}

/* Write the file at `from` without the tensor `less`. */
static void write_without(const char *from, const char *less, const char *path)
{
    fk_state_dict *d;
    fk_st_writer *w;

    assert_ok(fk_state_dict_open(&d, from, err));
    assert_ok(fk_st_writer_open(&w, err));
    for (int64_t i = 0; i < fk_state_dict_count(d); i++)
        if (strcmp(fk_state_dict_name(d, i), less) != 0)
            assert_ok(
                fk_st_writer_add(w, fk_state_dict_name(d, i), fk_state_dict_tensor(d, i), err));
    assert_ok(fk_st_writer_commit(&w, path, err));
    fk_state_dict_close(&d);
}

static void files_that_are_not_the_network_are_refused(void **state)
{
    const struct {
        const char *less, *message;
    } parts[] = {
        {"register_tokens", "tensor register_tokens of dinov2_vits14_reg is missing"},
        {"blocks.1.ls2.gamma", "tensor blocks.1.ls2.gamma of dinov2_vits14_reg is missing"},
        {"blocks.0.norm1.bias", "tensor blocks.0.norm1.bias of dinov2_vits14_reg is missing"},
        {"blocks.1.attn.qkv.weight",
         "tensor blocks.1.attn.qkv.weight of dinov2_vits14_reg is "
         "missing, though blocks.1.attn.proj.weight behind it is there"},
    };
    const fk_arch a = tiny("dinov2_vits14_reg");
    fk_arch plain = a;
    const char *path = out_path();
    char out[4310];

    (void)state;
    snprintf(out, sizeof out, "%s.out", path);
    plain.describe = describe_without_registers;
    assert_refused(fk_weights_import(&plain, weight_file("tiny_dinov2.pth"), out, NULL, err),
                   FLECK_E_SHAPE, "tensor register_tokens: dinov2_vits14_reg has no such tensor");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        write_without(weight_file("tiny_dinov2.pth"), parts[i].less, path);
        assert_refused(fk_weights_import(&a, path, out, NULL, err), FLECK_E_NOTFOUND,
                       parts[i].message);
    }
    assert_refused(
        fk_weights_import(fk_arch_find("vit_b_16"), weight_file("tiny_vit.pth"), out, NULL, err),
        FLECK_E_SHAPE,
        "tensor conv_proj.weight: expected [768, 3, 16, 16] for vit_b_16, found [12, 3, "
        "16, 16]");
    drop(path);
}

static void every_failed_allocation_of_opening_is_reported(void **state)
{
    const fk_arch a = tiny("dinov2_vits14_reg");
    fk_net_settings s = settings_of(&a, FK_ENGINE_REFERENCE, 42, 56);
    const char *path = out_path();
    fk_net_source source = {.arch = &a, .prefix = "", .name = "tiny"};
    fk_st_reader *weights;

    (void)state;
    s.taps[0] = "norm";
    assert_ok(fk_weights_import(&a, weight_file("tiny_dinov2.pth"), path, NULL, err));
    assert_ok(fk_st_open(&weights, path, err));
    source.weights = weights;
    assert_opening_may_fail(&source, &s, 9);
    fk_st_close(&weights);
    drop(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions_are_resampled_as_torch_does),
        cmocka_unit_test(a_constant_table_stays_constant_on_any_grid),
        cmocka_unit_test(vit_b_16_with_seeded_weights_agrees_with_torchvision),
        cmocka_unit_test(dinov2_with_seeded_weights_agrees_with_pytorch),
        cmocka_unit_test(dinov2_with_registers_and_seeded_weights_agrees_with_pytorch),
        cmocka_unit_test(imported_files_agree_with_the_networks_that_wrote_them),
        cmocka_unit_test(an_imported_file_imports_again_without_a_changed_bit),
        cmocka_unit_test(both_of_torchvisions_names_are_known),
        cmocka_unit_test(files_that_are_not_the_network_are_refused),
        cmocka_unit_test(every_failed_allocation_of_opening_is_reported),
    };

    return cmocka_run_group_tests_name("vit", tests, NULL, NULL);
}
