/* SPDX-License-Identifier: Apache-2.0 */
/* Transformers against timm's own code, engine by engine: tests/golden/net_timm.py made the
 * figures. */
#include "fk_test.h"

#include "golden/net_timm_golden.h"
#include "graph/arch_tables.h"
#include "net/position.h"
#include "unit/net/golden_check.h"
#include "unit/net/imported.h"
#include "unit/weights/weight_files.h"
#include "weights/import_names.h"
#include "weights/weights.h"

static void check_engines(const golden_net *g, const fk_arch *a, const fk_st_reader *weights,
                          bool large)
{
    if (!large)
        check_engine(g, a, weights, FK_ENGINE_REFERENCE);
    if (fk_engine_built(FK_ENGINE_OPENVINO))
        check_engine(g, a, weights, FK_ENGINE_OPENVINO);
    else if (large)
        check_engine(g, a, weights, FK_ENGINE_REFERENCE);
}

/* ---- Whole networks ---- */

/* Twelve blocks with the weights that people use, in f16 and with timm's names; at 320 x 256 the
 * positions are resampled. */
static void vit_ti_16_with_its_real_weights_agrees_with_timm(void **state)
{
    const fk_arch *a = fk_arch_find("vit_ti_16");
    const char *path = out_path();
    fk_st_reader *weights;
    bool complete;

    (void)state;
    shared_or_skip(file, "weights/vit_ti_16_augreg_timm_f16.safetensors");
    assert_ok(fk_weights_import(a, file, path, &complete, err));
    assert_true(complete);
    assert_ok(fk_st_open(&weights, path, err));
    for (size_t i = 0; i < sizeof golden_real_vits / sizeof golden_real_vits[0]; i++)
        check_engines(&golden_real_vits[i], a, weights, true);
    fk_st_close(&weights);
    drop(path);
}

static void networks_with_seeded_weights_agree_with_timm(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof golden_seeded_vits / sizeof golden_seeded_vits[0]; i++) {
        const golden_net *g = &golden_seeded_vits[i];
        seeded_file f;

        open_seeded(&f, g->arch, "", 0);
        check_engines(g, fk_arch_find(g->arch), f.reader, g->height > 100);
        close_seeded(&f);
    }
}

/* ---- Angles ---- */

static void angles_turn_pairs_by_the_places_of_patches(void **state)
{
    /* DIM 8: two periods, 1 and 10, for rows and for columns. */
    enum { SKIP = 2, HEIGHT = 2, WIDTH = 3, DIM = 8, TOKENS = SKIP + HEIGHT * WIDTH };
    const fk_rotary r = {SKIP, HEIGHT, WIDTH};
    float turn[2 * TOKENS * DIM];
    const double pi = acos(-1.0);

    (void)state;
    fk_position_rotate(turn, &r, DIM);
    for (int t = 0; t < TOKENS; t++)
        for (int j = 0; j < DIM; j++) {
            double c = (double)turn[t * DIM + j], s = (double)turn[(TOKENS + t) * DIM + j];
            int row = (t - SKIP) / WIDTH, column = (t - SKIP) % WIDTH, k = j % (DIM / 2);
            double u = k < DIM / 4 ? (row + 0.5) / HEIGHT : (column + 0.5) / WIDTH;
            double angle = t < SKIP ? 0 : 2 * pi * (2 * u - 1) / (k % 2 == 0 ? 1 : 10);

            assert_true(fabs(c - cos(angle)) < 1e-6);
            assert_true(fabs(s - (j < DIM / 2 ? -1 : 1) * sin(angle)) < 1e-6);
        }
}

/* ---- Published files ---- */

static fleck_status describe_tiny_dinov3(fk_graph *out, int64_t height, int64_t width,
                                         fleck_error *e)
{
    static const fk_vit v = {.width = 24,
                             .heads = 3,
                             .blocks = 2,
                             .eps = 1e-5,
                             .patch = 16,
                             .positions = {.registers = 4},
                             .rotary = true};

    return fk_describe_vit(&v, out, height, width, e);
}

static fk_arch tiny_dinov3(void)
{
    fk_arch a = *fk_arch_find("dinov3_vits16");

    a.describe = describe_tiny_dinov3;
    return a;
}

/* Meta's names and timm's, layer scales, biases that a mask turns off or that are apart, bf16. */
static void both_kinds_of_dinov3_files_are_imported(void **state)
{
    const struct {
        const char *file, *licence;
    } files[] = {{"tiny_dinov3.pth", "DINOv3 License"},
                 {"tiny_dinov3_timm.safetensors", "dinov3-license"}};
    const fk_arch a = tiny_dinov3();

    (void)state;
    for (int i = 0; i < 2; i++) {
        const char *path = out_path(), *licence;
        char again[4310];
        fk_st_reader *weights;
        bool complete;

        assert_ok(fk_weights_import(&a, weight_file(files[i].file), path, &complete, err));
        assert_true(complete);
        assert_ok(fk_st_open(&weights, path, err));
        check_engines(&golden_tiny_dinov3[0], &a, weights, false);
        licence = fk_st_metadata(weights, FK_WEIGHTS_KEY_LICENCE);
        assert_non_null(licence);
        assert_int_equal(strncmp(licence, files[i].licence, strlen(files[i].licence)), 0);
        fk_st_close(&weights);
        /* what was imported keeps its licence when it is imported again */
        snprintf(again, sizeof again, "%s.again", path);
        assert_ok(fk_weights_import(&a, path, again, NULL, err));
        assert_ok(fk_st_open(&weights, again, err));
        licence = fk_st_metadata(weights, FK_WEIGHTS_KEY_LICENCE);
        assert_int_equal(strncmp(licence, files[i].licence, strlen(files[i].licence)), 0);
        check_engine(&golden_tiny_dinov3[0], &a, weights, FK_ENGINE_REFERENCE);
        fk_st_close(&weights);
        assert_int_equal(unlink(again), 0);
        drop(path);
    }
}

/* Write the file at `from` without tensors whose names end in `less`. */
static void write_without(const char *from, const char *less, const char *path)
{
    fk_state_dict *d;
    fk_st_writer *w;

    assert_ok(fk_state_dict_open(&d, from, err));
    assert_ok(fk_st_writer_open(&w, err));
    for (int64_t i = 0; i < fk_state_dict_count(d); i++)
        if (!ends_in(fk_state_dict_name(d, i), less))
            assert_ok(
                fk_st_writer_add(w, fk_state_dict_name(d, i), fk_state_dict_tensor(d, i), err));
    assert_ok(fk_st_writer_commit(&w, path, err));
    fk_state_dict_close(&d);
}

/* timm's files of DINOv3 have no biases of queries, keys and values where all are 0. */
static void biases_that_are_not_there_are_zero(void **state)
{
    const fk_arch a = tiny_dinov3();
    const char *path = out_path();
    char without[4310];
    fk_st_reader *weights;
    fk_tensor bias;

    (void)state;
    snprintf(without, sizeof without, "%s.without", path);
    write_without(weight_file("tiny_dinov3_timm.safetensors"), "_bias", without);
    assert_ok(fk_weights_import(&a, without, path, NULL, err));
    assert_ok(fk_st_open(&weights, path, err));
    assert_ok(fk_st_get_checked(weights, "blocks.1.attn.qkv.bias", FK_F32, 1, (int64_t[]){72},
                                &bias, err));
    for (int i = 0; i < 72; i++)
        assert_true(((const float *)bias.data)[i] == 0);
    fk_st_close(&weights);
    assert_int_equal(unlink(without), 0);
    drop(path);
}

static void dinov3_files_that_lack_a_tensor_are_refused(void **state)
{
    const struct {
        const char *file, *less, *message;
    } parts[] = {
        /* nothing else tells Meta's names from fleck's */
        {"tiny_dinov3.pth", "storage_tokens", "tensor register_tokens of dinov3_vits16 is missing"},
        {"tiny_dinov3.pth", "1.ls2.gamma", "tensor blocks.1.ls2.gamma of dinov3_vits16 is missing"},
        {"tiny_dinov3_timm.safetensors", "reg_token",
         "tensor reg_token of dinov3_vits16 is missing"},
        {"tiny_dinov3_timm.safetensors", "0.attn.v_bias",
         "tensor blocks.0.attn.v_bias of dinov3_vits16 is missing"},
        {"tiny_dinov3_timm.safetensors", "1.gamma_1",
         "tensor blocks.1.gamma_1 of dinov3_vits16 is missing"},
        {"tiny_dinov3_timm.safetensors", "0.attn.proj.bias",
         "tensor blocks.0.attn.proj.bias of dinov3_vits16 is missing"},
    };
    const fk_arch a = tiny_dinov3();
    const char *path = out_path();
    char out[4310];

    (void)state;
    snprintf(out, sizeof out, "%s.out", path);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        write_without(weight_file(parts[i].file), parts[i].less, path);
        assert_refused(fk_weights_import(&a, path, out, NULL, err), FLECK_E_NOTFOUND,
                       parts[i].message);
    }
    drop(path);
}

static void names_of_dinov3_are_known(void **state)
{
    const struct {
        int scheme;
        const char *ours, *theirs, *scale, *query;
    } names[] = {
        {0, "register_tokens", "register_tokens", "", ""},
        {1, "register_tokens", "storage_tokens", "", ""},
        {2, "register_tokens", "reg_token", "", ""},
        {1, "blocks.11.attn.proj", "blocks.11.attn.proj", "blocks.11.ls1.gamma", ""},
        {2, "blocks.11.attn.proj", "blocks.11.attn.proj", "blocks.11.gamma_1", ""},
        {2, "blocks.0.mlp.fc2", "blocks.0.mlp.fc2", "blocks.0.gamma_2", ""},
        {1, "blocks.0.attn.qkv", "blocks.0.attn.qkv", "", ""},
        {2, "blocks.0.attn.qkv", "blocks.0.attn.qkv", "", "blocks.0.attn.q_bias"},
        {2, "norm", "norm", "", ""},
        {2, "patch_embed.proj", "patch_embed.proj", "", ""},
    };
    const fk_arch *a = fk_arch_find("dinov3_vitb16");
    fk_source_names found;

    (void)state;
    assert_int_equal(fk_import_schemes(a), 3);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        fk_import_names(a, names[i].scheme, names[i].ours, &found);
        assert_string_equal(found.conv, names[i].theirs);
        assert_string_equal(found.scale, names[i].scale);
        assert_string_equal(found.query, names[i].query);
    }
}

static void every_failed_allocation_of_opening_is_reported(void **state)
{
    const fk_arch a = tiny_dinov3();
    fk_net_settings s = settings_of(&a, FK_ENGINE_REFERENCE, 48, 80);
    const char *path = out_path();
    fk_net_source source = {.arch = &a, .prefix = "", .name = "tiny"};
    fk_st_reader *weights;
    fk_net *net;
    int failures = 0;

    (void)state;
    s.taps[0] = "norm1";
    s.taps[1] = "norm";
    assert_ok(fk_weights_import(&a, weight_file("tiny_dinov3.pth"), path, NULL, err));
    assert_ok(fk_st_open(&weights, path, err));
    source.weights = weights;
    for (int64_t n = 1;; n++, failures++) {
        fleck_status st;

        fk_mem_fail_at(n);
        st = fk_net_open(&net, &source, &s, NULL);
        fk_mem_fail_at(0);
        fk_net_close(&net);
        if (st == FLECK_OK)
            break;
        assert_int_equal(st, FLECK_E_NOMEM);
    }
    assert_true(failures >= 10);
    fk_st_close(&weights);
    drop(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vit_ti_16_with_its_real_weights_agrees_with_timm),
        cmocka_unit_test(networks_with_seeded_weights_agree_with_timm),
        cmocka_unit_test(angles_turn_pairs_by_the_places_of_patches),
        cmocka_unit_test(both_kinds_of_dinov3_files_are_imported),
        cmocka_unit_test(biases_that_are_not_there_are_zero),
        cmocka_unit_test(dinov3_files_that_lack_a_tensor_are_refused),
        cmocka_unit_test(names_of_dinov3_are_known),
        cmocka_unit_test(every_failed_allocation_of_opening_is_reported),
    };

    return cmocka_run_group_tests_name("timm", tests, NULL, NULL);
}
