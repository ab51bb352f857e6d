/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs: shapes of every architecture, pruning, and the names that weights go by. */
#include "fk_test.h"

#include "base/mem.h"
#include "graph/arch.h"

static void check_tap(const fk_graph *g, const char *name, int64_t c, int64_t h, int64_t w)
{
    for (int i = 0; i < g->n_taps; i++) {
        const fk_op *op = &g->ops[g->taps[i].node];

        if (strcmp(g->taps[i].name, name) != 0)
            continue;
        assert_int_equal(op->out_channels, c);
        assert_int_equal(op->out_height, h);
        assert_int_equal(op->out_width, w);
        assert_int_equal(g->taps[i].stride, (g->height + h - 1) / h);
        return;
    }
    fail_msg("no tap %s", name);
}

static void describe(fk_graph *g, const char *name, int64_t height, int64_t width)
{
    const fk_arch *a = fk_arch_find(name);

    assert_non_null(a);
    assert_ok(a->describe(g, height, width, err));
}

/* Number of weights and biases: what torchvision's classifiers have, less the last layer and the
 * batch norms' second half. */
static int64_t parameters(const fk_graph *g)
{
    int64_t n = 0;

    for (int i = 0; i < g->n_ops; i++) {
        fk_op_tensor tensors[FK_OP_TENSORS];
        int tensors_of = fk_graph_repeats(g, i) ? 0 : fk_graph_tensors(tensors, g, i);

        for (int k = 0; k < tensors_of; k++) {
            int64_t count = 1;

            for (int d = 0; d < tensors[k].ndim; d++)
                count *= tensors[k].shape[d];
            n += count;
        }
    }
    return n;
}

static int convolutions(const fk_graph *g)
{
    int n = 0;

    for (int i = 0; i < g->n_ops; i++)
        n += g->ops[i].kind == FK_OP_CONV;
    return n;
}

static void resnet18_has_the_shapes_of_torchvision(void **state)
{
    fk_graph g;

    (void)state;
    describe(&g, "resnet18", 224, 224);
    assert_int_equal(convolutions(&g), 20);
    /* torchvision: 11689512 parameters, 513000 of them fc, 9600 the norms' (two a channel). */
    assert_int_equal(parameters(&g), 11689512 - 513000 - 9600 / 2);
    check_tap(&g, "layer1", 64, 56, 56);
    check_tap(&g, "layer2", 128, 28, 28);
    check_tap(&g, "layer3", 256, 14, 14);
    check_tap(&g, "layer4", 512, 7, 7);
    assert_int_equal(g.ops[g.pool_node].out_channels, 512);
    fk_graph_free(&g);
}

static void resnet50_has_the_shapes_of_torchvision(void **state)
{
    fk_graph g;

    (void)state;
    describe(&g, "resnet50", 256, 192);
    assert_int_equal(convolutions(&g), 53);
    assert_int_equal(parameters(&g), 25557032 - 2049000 - 53120 / 2);
    check_tap(&g, "layer1", 256, 64, 48);
    check_tap(&g, "layer3", 1024, 16, 12);
    assert_int_equal(g.ops[g.pool_node].out_channels, 2048);
    fk_graph_free(&g);
}

static void wide_resnet50_2_has_the_shapes_of_torchvision(void **state)
{
    fk_graph g;

    (void)state;
    describe(&g, "wide_resnet50_2", 224, 224);
    assert_int_equal(convolutions(&g), 53);
    assert_int_equal(parameters(&g), 68883240 - 2049000 - 68224 / 2);
    check_tap(&g, "layer1", 256, 56, 56);
    check_tap(&g, "layer2", 512, 28, 28);
    check_tap(&g, "layer3", 1024, 14, 14);
    check_tap(&g, "layer4", 2048, 7, 7);
    fk_graph_free(&g);
}

static int64_t stride_of(const fk_graph *g, const char *conv)
{
    for (int i = 0; i < g->n_ops; i++)
        if (strcmp(g->ops[i].weight, conv) == 0)
            return g->ops[i].stride;
    fail_msg("no convolution %s", conv);
    return 0;
}

static void the_papers_resnets_have_their_stride_in_the_first_convolution(void **state)
{
    fk_graph g;

    (void)state;
    describe(&g, "resnet50_v1", 256, 192);
    assert_int_equal(convolutions(&g), 53);
    assert_int_equal(parameters(&g), 25557032 - 2049000 - 53120 / 2);
    check_tap(&g, "layer1", 256, 64, 48);
    check_tap(&g, "layer3", 1024, 16, 12);
    assert_int_equal(stride_of(&g, "layer1.0.conv1"), 1);
    assert_int_equal(stride_of(&g, "layer2.0.conv1"), 2);
    assert_int_equal(stride_of(&g, "layer2.0.conv2"), 1);
    assert_int_equal(stride_of(&g, "layer2.1.conv1"), 1);
    fk_graph_free(&g);
    describe(&g, "resnet152_v1", 224, 224);
    assert_int_equal(convolutions(&g), 155);
    assert_int_equal(parameters(&g), 60192808 - 2049000 - 151424 / 2);
    assert_int_equal(stride_of(&g, "layer3.0.conv1"), 2);
    assert_int_equal(stride_of(&g, "layer3.0.conv2"), 1);
    check_tap(&g, "layer4", 2048, 7, 7);
    fk_graph_free(&g);
    describe(&g, "resnet50", 64, 64);
    assert_int_equal(stride_of(&g, "layer2.0.conv1"), 1);
    assert_int_equal(stride_of(&g, "layer2.0.conv2"), 2);
    fk_graph_free(&g);
}

/* torchvision: parameters, of them the classifier's; two of each channel are the norms', of which
 * folding leaves one where a convolution is in front; and each layer's second convolution (32
 * channels) and each transition's has a bias here. */
static void densenets_have_the_shapes_of_torchvision(void **state)
{
    fk_graph g;

    (void)state;
    describe(&g, "densenet169", 224, 224);
    assert_int_equal(convolutions(&g), 1 + 2 * 82 + 3);
    assert_int_equal(parameters(&g),
                     14149480 - 1665000 - (64 + 82 * 128) + 82 * 32 + (128 + 256 + 640));
    check_tap(&g, "denseblock3", 1280, 14, 14);
    assert_int_equal(g.ops[g.pool_node].out_channels, 1664);
    fk_graph_free(&g);
    describe(&g, "densenet201", 224, 160);
    assert_int_equal(convolutions(&g), 1 + 2 * 98 + 3);
    assert_int_equal(parameters(&g),
                     20013928 - 1921000 - (64 + 98 * 128) + 98 * 32 + (128 + 256 + 896));
    check_tap(&g, "denseblock1", 256, 56, 40);
    check_tap(&g, "denseblock2", 512, 28, 20);
    check_tap(&g, "denseblock3", 1792, 14, 10);
    check_tap(&g, "denseblock4", 1920, 7, 5);
    assert_int_equal(g.ops[g.pool_node].out_channels, 1920);
    fk_graph_free(&g);
}

static void convnexts_have_the_shapes_of_torchvision(void **state)
{
    const char *names[] = {"convnext_tiny", "dinov3_convnext_tiny"};
    fk_graph g;

    (void)state;
    for (int i = 0; i < 2; i++) {
        describe(&g, names[i], 224, 160);
        /* torchvision: 28589128 parameters, 769000 of them the classifier's, and layer scales. */
        assert_int_equal(parameters(&g),
                         28589128 - 769000 - (3 * 96 + 3 * 192 + 9 * 384 + 3 * 768));
        check_tap(&g, "stage1", 96, 56, 40);
        check_tap(&g, "stage2", 192, 28, 20);
        check_tap(&g, "stage3", 384, 14, 10);
        check_tap(&g, "stage4", 768, 7, 5);
        check_tap(&g, "norm", 768, 7, 5);
        assert_int_equal(g.ops[g.pool_node].out_channels, 768);
        fk_graph_free(&g);
    }
    /* What is left over at the bottom and on the right is not read. */
    describe(&g, "convnext_tiny", 75, 46);
    assert_int_equal(g.ops[g.taps[0].node].out_height, 18);
    assert_int_equal(g.ops[g.taps[3].node].out_height, 2);
    assert_int_equal(g.ops[g.taps[3].node].out_width, 1);
    fk_graph_free(&g);
}

static void efficientnet_lite0_rounds_odd_sizes_up(void **state)
{
    fk_graph g;

    (void)state;
    describe(&g, "efficientnet_lite0", 224, 224);
    /* The package: 4652008 parameters, 1281000 of them _fc, 42016 the norms'. */
    assert_int_equal(parameters(&g), 4652008 - 1281000 - 42016 / 2);
    check_tap(&g, "stride4", 24, 56, 56);
    check_tap(&g, "stride8", 40, 28, 28);
    check_tap(&g, "stride16", 112, 14, 14);
    assert_int_equal(g.ops[g.pool_node].out_channels, 1280);
    fk_graph_free(&g);
    describe(&g, "efficientnet_lite0", 200, 152);
    check_tap(&g, "stride4", 24, 50, 38);
    check_tap(&g, "stride8", 40, 25, 19);
    check_tap(&g, "stride16", 112, 13, 10);
    fk_graph_free(&g);
}

static void efficientnet_lite1_and_2_are_deeper_and_wider(void **state)
{
    fk_graph g;

    (void)state;
    describe(&g, "efficientnet_lite1", 224, 224);
    /* The package: 5416680 parameters, 1281000 of them _fc, 53664 the norms'. */
    assert_int_equal(parameters(&g), 5416680 - 1281000 - 53664 / 2);
    check_tap(&g, "stride16", 112, 14, 14);
    fk_graph_free(&g);
    describe(&g, "efficientnet_lite2", 260, 260);
    /* 6092072 parameters, 1281000 of them _fc, 58096 the norms'. */
    assert_int_equal(parameters(&g), 6092072 - 1281000 - 58096 / 2);
    check_tap(&g, "stride4", 24, 65, 65);
    check_tap(&g, "stride8", 48, 33, 33);
    check_tap(&g, "stride16", 120, 17, 17);
    fk_graph_free(&g);
}

static void vit_b_16_has_the_shapes_of_torchvision(void **state)
{
    fk_graph g;

    (void)state;
    describe(&g, "vit_b_16", 224, 192);
    /* torchvision: 86567656 parameters, 769000 of them heads. */
    assert_int_equal(parameters(&g), 86567656 - 769000);
    assert_int_equal(g.n_taps, 24);
    check_tap(&g, "block1", 768, 14, 12);
    check_tap(&g, "block12", 768, 14, 12);
    check_tap(&g, "norm", 768, 14, 12);
    check_tap(&g, "norm1", 768, 14, 12);
    check_tap(&g, "norm11", 768, 14, 12);
    assert_int_equal(g.ops[g.pool_node].out_channels, 768);
    fk_graph_free(&g);
}

static void small_transformers_have_the_shapes_of_timm(void **state)
{
    /* timm: 5717416 and 22050664 parameters, 193000 and 385000 of them heads. */
    const struct {
        const char *name;
        int64_t width, parameters;
    } nets[] = {{"vit_ti_16", 192, 5717416 - 193000},
                {"vit_s_16", 384, 22050664 - 385000},
                {"deit_s_16", 384, 22050664 - 385000}};

    (void)state;
    for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++) {
        fk_graph g;

        describe(&g, nets[i].name, 224, 96);
        assert_int_equal(parameters(&g), nets[i].parameters);
        check_tap(&g, "block12", nets[i].width, 14, 6);
        check_tap(&g, "norm6", nets[i].width, 14, 6);
        assert_int_equal(g.ops[g.pool_node].out_channels, nets[i].width);
        fk_graph_free(&g);
    }
}

static void dinov3_has_registers_and_no_table_of_positions(void **state)
{
    const struct {
        const char *name;
        int64_t width;
    } nets[] = {{"dinov3_vits16", 384}, {"dinov3_vitb16", 768}};

    (void)state;
    for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++) {
        const int64_t d = nets[i].width;
        fk_op_tensor tensors[FK_OP_TENSORS];
        fk_graph g;

        describe(&g, nets[i].name, 224, 96);
        assert_int_equal(parameters(&g),
                         12 * (12 * d * d + 13 * d) + 3 * 16 * 16 * d + d /* patches */
                             + 5 * d /* class token, registers */ + 2 * d /* norm */);
        check_tap(&g, "block4", d, 14, 6);
        check_tap(&g, "norm", d, 14, 6);
        assert_int_equal(g.ops[2].kind, FK_OP_TOKENS);
        assert_int_equal(fk_graph_tensors(tensors, &g, 2), 2);
        assert_string_equal(tensors[1].owner, "register_tokens");
        assert_int_equal(tensors[1].shape[1], 4);
        fk_graph_free(&g);
    }
}

static void one_norm_serves_the_taps_of_all_blocks(void **state)
{
    const char *taps[] = {"norm4", "norm", "block4"};
    fk_graph g;
    int norms = 0, repeats = 0;

    (void)state;
    describe(&g, "vit_ti_16", 32, 32);
    assert_ok(fk_graph_prune(&g, taps, 3, false, err));
    for (int i = 0; i < g.n_ops; i++) {
        norms += strcmp(g.ops[i].weight, "norm") == 0;
        repeats += fk_graph_repeats(&g, i);
    }
    assert_int_equal(norms, 2);
    assert_int_equal(repeats, 1);
    fk_graph_free(&g);
}

static void dinov2_has_the_shapes_of_its_checkpoints(void **state)
{
    const struct {
        const char *name;
        int64_t width, registers;
    } nets[] = {{"dinov2_vits14", 384, 0},
                {"dinov2_vitb14", 768, 0},
                {"dinov2_vits14_reg", 384, 4},
                {"dinov2_vitb14_reg", 768, 4}};

    (void)state;
    for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++) {
        const int64_t d = nets[i].width;
        fk_graph g;

        describe(&g, nets[i].name, 224, 98);
        /* A block: 12 d^2 in its four matrices, 9 d of their biases, 4 d of its norms. */
        assert_int_equal(parameters(&g),
                         12 * (12 * d * d + 13 * d) + 3 * 14 * 14 * d + d    /* patches */
                             + d + (1 + 37 * 37) * d + nets[i].registers * d /* tokens */
                             + 2 * d /* norm */);
        check_tap(&g, "block4", d, 16, 7);
        check_tap(&g, "norm", d, 16, 7);
        assert_int_equal(g.ops[g.pool_node].out_channels, d);
        fk_graph_free(&g);
    }
}

static void a_transformer_refuses_parts_of_patches_and_names_sizes_that_work(void **state)
{
    fk_graph g;

    (void)state;
    assert_refused(fk_arch_find("vit_b_16")->describe(&g, 224, 230, err), FLECK_E_SHAPE,
                   "multiple of 16 pixels high and wide, got 230x224 (width x height); the nearest "
                   "that are: 224x224 and 240x224");
    assert_null(g.ops);
    assert_refused(fk_arch_find("dinov2_vits14")->describe(&g, 256, 256, err), FLECK_E_SHAPE,
                   "got 256x256 (width x height); the nearest that are: 252x252 and 266x266");
    assert_refused(fk_arch_find("dinov2_vits14")->describe(&g, 32, 42, err), FLECK_E_SHAPE,
                   "got 42x32 (width x height); the nearest that are: 42x42 and 42x42");
    assert_ok(fk_arch_find("dinov2_vits14")->describe(&g, 42, 14 * 40, err));
    fk_graph_free(&g);
}

static void same_padding_is_larger_at_the_end(void **state)
{
    fk_graph g;
    const fk_op *stem;

    (void)state;
    describe(&g, "efficientnet_lite0", 224, 33);
    stem = &g.ops[1];
    assert_string_equal(stem->weight, "_conv_stem");
    assert_int_equal(stem->pad_top, 0);
    assert_int_equal(stem->pad_bottom, 1);
    assert_int_equal(stem->pad_left, 1);
    assert_int_equal(stem->pad_right, 1);
    assert_int_equal(stem->out_height, 112);
    assert_int_equal(stem->out_width, 17);
    fk_graph_free(&g);
}

static void pruning_leaves_what_the_taps_need(void **state)
{
    const char *early[] = {"layer1"}, *mixed[] = {"layer3", "layer1"};
    fk_graph g;

    (void)state;
    describe(&g, "resnet18", 224, 224);
    assert_ok(fk_graph_prune(&g, early, 1, false, err));
    assert_int_equal(convolutions(&g), 5);
    assert_int_equal(g.pool_node, -1);
    assert_int_equal(g.taps[0].node, g.n_ops - 1);
    check_tap(&g, "layer1", 64, 56, 56);
    for (int i = 0; i < g.n_ops; i++)
        for (int k = 0; k < 2; k++)
            assert_true(g.ops[i].input[k] < i);
    fk_graph_free(&g);

    describe(&g, "resnet18", 224, 224);
    assert_ok(fk_graph_prune(&g, mixed, 2, false, err));
    assert_int_equal(convolutions(&g), 15);
    assert_string_equal(g.taps[0].name, "layer3");
    assert_string_equal(g.taps[1].name, "layer1");
    check_tap(&g, "layer3", 256, 14, 14);
    fk_graph_free(&g);

    describe(&g, "resnet18", 224, 224);
    assert_ok(fk_graph_prune(&g, early, 1, true, err));
    assert_int_equal(convolutions(&g), 20);
    assert_int_equal(g.pool_node, g.n_ops - 1);
    fk_graph_free(&g);
}

static void pruning_refuses_unknown_taps_and_leaves_the_graph(void **state)
{
    const char *wrong[] = {"layer1", "layer5"}, *twice[] = {"layer2", "layer2"};
    fk_graph g;
    int n;

    (void)state;
    describe(&g, "resnet50", 64, 64);
    n = g.n_ops;
    assert_refused(fk_graph_prune(&g, wrong, 2, false, err), FLECK_E_OPTION,
                   "one of layer1, layer2, layer3, layer4, got \"layer5\"");
    assert_refused(fk_graph_prune(&g, twice, 2, false, err), FLECK_E_OPTION, "twice");
    assert_int_equal(g.n_ops, n);
    assert_int_equal(g.n_taps, 4);
    assert_ok(fk_graph_prune(&g, twice, 1, false, err));
    assert_refused(fk_graph_prune(&g, twice, 1, true, err), FLECK_E_NOTFOUND, "no global pool");
    fk_graph_free(&g);
}

static void sizes_beyond_the_limits_are_refused(void **state)
{
    const int64_t wrong[][2] = {{31, 224}, {224, 31},   {0, 0},
                                {-5, 64},  {16385, 64}, {64, INT64_MAX}};
    fk_graph g;

    (void)state;
    for (int i = 0; i < fk_arch_count(); i++) {
        for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
            assert_refused(fk_arch_at(i)->describe(&g, wrong[k][0], wrong[k][1], err),
                           FLECK_E_SHAPE, "32 to 16384");
            assert_null(g.ops);
        }
        assert_ok(fk_arch_at(i)->describe(&g, fk_arch_at(i)->multiple == 14 ? 42 : 32,
                                          fk_arch_at(i)->multiple == 14 ? 14 * 1170 : 16384, err));
        fk_graph_free(&g);
        fk_graph_free(&g);
    }
}

static void every_convolution_names_its_batch_norm(void **state)
{
    const char *pairs[][3] = {
        {"resnet18", "conv1", "bn1"},
        {"resnet18", "layer1.0.conv2", "layer1.0.bn2"},
        {"wide_resnet50_2", "layer4.2.conv3", "layer4.2.bn3"},
        {"resnet50", "layer1.0.downsample.0", "layer1.0.downsample.1"},
        {"densenet201", "features.conv0", "features.norm0"},
        {"densenet201", "features.denseblock1.denselayer2.conv1",
         "features.denseblock1.denselayer2.norm2"},
        {"densenet201", "features.denseblock1.denselayer2.conv2", ""}, /* it has none */
        {"densenet201", "features.transition1.conv", ""},
        {"efficientnet_lite0", "_conv_stem", "_bn0"},
        {"efficientnet_lite0", "_conv_head", "_bn1"},
        {"efficientnet_lite0", "_blocks.11._expand_conv", "_blocks.11._bn0"},
        {"efficientnet_lite0", "_blocks.3._depthwise_conv", "_blocks.3._bn1"},
        {"efficientnet_lite0", "_blocks.3._project_conv", "_blocks.3._bn2"},
    };
    char norm[FK_NAME_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        fk_arch_find(pairs[i][0])->norm_of(pairs[i][1], norm);
        assert_string_equal(norm, pairs[i][2]);
    }
    for (int i = 0; i < fk_arch_count(); i++) {
        fk_graph g;

        if (fk_arch_at(i)->norm_of == NULL)
            continue; /* they have none */
        assert_ok(fk_arch_at(i)->describe(&g, 64, 64, err));
        for (int k = 0; k < g.n_ops; k++)
            if (g.ops[k].kind == FK_OP_CONV) {
                fk_arch_at(i)->norm_of(g.ops[k].weight, norm);
                assert_true(norm[0] != '\0' || strncmp(fk_arch_at(i)->name, "dense", 5) == 0);
                assert_string_not_equal(norm, g.ops[k].weight);
            }
        fk_graph_free(&g);
    }
}

static void default_taps_exist_at_their_strides(void **state)
{
    (void)state;
    for (int i = 0; i < fk_arch_count(); i++) {
        const fk_arch *a = fk_arch_at(i);
        fk_graph g;
        int n = 0;

        while (a->default_taps[n] != NULL)
            n++;
        assert_int_equal(n, 3);
        assert_ok(a->describe(&g, 224, 224, err));
        assert_ok(fk_graph_prune(&g, a->default_taps, n, false, err));
        for (int k = 0; k < n; k++) {
            assert_int_equal(g.taps[k].stride, a->strides[k]);
            assert_int_equal(g.ops[g.taps[k].node].out_height * a->strides[k], 224);
        }
        fk_graph_free(&g);
    }
    assert_string_equal(fk_arch_at(0)->name, "efficientnet_lite0");
    assert_null(fk_arch_find("resnet19"));
}

static void a_late_node_does_not_feed_an_early_one(void **state)
{
    fk_graph g;
    bool feeds;

    (void)state;
    describe(&g, "resnet18", 64, 64);
    assert_ok(fk_graph_feeds(&g, 1, g.taps[0].node, &feeds, err));
    assert_true(feeds);
    assert_ok(fk_graph_feeds(&g, g.taps[3].node, g.taps[0].node, &feeds, err));
    assert_false(feeds);
    assert_ok(fk_graph_feeds(&g, g.taps[3].node, g.pool_node, &feeds, err));
    assert_true(feeds);
    fk_graph_free(&g);
}

static void running_out_of_memory_leaves_nothing(void **state)
{
    const char *taps[] = {"layer2"};
    int failures = 0;

    (void)state;
    for (int64_t n = 1;; n++) {
        fk_graph g;
        fleck_status st;

        fk_mem_fail_at(n);
        st = fk_arch_find("resnet18")->describe(&g, 64, 64, NULL);
        if (st == FLECK_OK)
            st = fk_graph_prune(&g, taps, 1, false, NULL);
        fk_mem_fail_at(0);
        fk_graph_free(&g);
        if (st == FLECK_OK)
            break;
        assert_int_equal(st, FLECK_E_NOMEM);
        failures++;
    }
    assert_true(failures >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resnet18_has_the_shapes_of_torchvision),
        cmocka_unit_test(resnet50_has_the_shapes_of_torchvision),
        cmocka_unit_test(wide_resnet50_2_has_the_shapes_of_torchvision),
        cmocka_unit_test(the_papers_resnets_have_their_stride_in_the_first_convolution),
        cmocka_unit_test(densenets_have_the_shapes_of_torchvision),
        cmocka_unit_test(convnexts_have_the_shapes_of_torchvision),
        cmocka_unit_test(efficientnet_lite0_rounds_odd_sizes_up),
        cmocka_unit_test(efficientnet_lite1_and_2_are_deeper_and_wider),
        cmocka_unit_test(vit_b_16_has_the_shapes_of_torchvision),
        cmocka_unit_test(small_transformers_have_the_shapes_of_timm),
        cmocka_unit_test(dinov2_has_the_shapes_of_its_checkpoints),
        cmocka_unit_test(dinov3_has_registers_and_no_table_of_positions),
        cmocka_unit_test(one_norm_serves_the_taps_of_all_blocks),
        cmocka_unit_test(a_transformer_refuses_parts_of_patches_and_names_sizes_that_work),
        cmocka_unit_test(same_padding_is_larger_at_the_end),
        cmocka_unit_test(pruning_leaves_what_the_taps_need),
        cmocka_unit_test(pruning_refuses_unknown_taps_and_leaves_the_graph),
        cmocka_unit_test(sizes_beyond_the_limits_are_refused),
        cmocka_unit_test(every_convolution_names_its_batch_norm),
        cmocka_unit_test(default_taps_exist_at_their_strides),
        cmocka_unit_test(a_late_node_does_not_feed_an_early_one),
        cmocka_unit_test(running_out_of_memory_leaves_nothing),
    };

    return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}
