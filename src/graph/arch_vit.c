/* SPDX-License-Identifier: Apache-2.0 */
/* Vision transformers: torchvision's ViT-B/16, and DINOv2's ViT-S/14 and ViT-B/14.
 *
 * Dosovitskiy et al. 2021 (arXiv:2010.11929); Oquab et al. 2023 (arXiv:2304.07193); registers:
 * Darcet et al. 2023 (arXiv:2309.16588).  The data path, for h x w patches, width D and T tokens:
 *
 *   x = tokens(conv(image))                       class token, registers, h w patches: [T, D]
 *   each block:  x = x + proj(attention(qkv(norm1(x))))
 *                x = x + fc2(gelu(fc1(norm2(x))))
 *   z = norm(x);  global feature: z's class token
 *
 * A tap is the patches' tokens as a map [D, h, w]: x after a block, or z ("norm").  DINOv2
 * multiplies both branches of a block by a learned vector.  Import folds it into proj and fc2, so
 * that one description serves all five networks.  Tensors have DINOv2's names, which are also
 * timm's. */
#include "graph/arch_tables.h"

#include <stdio.h>
#include <string.h>

#define VIT_S .width = 384, .heads = 6, .blocks = 12
#define VIT_B .width = 768, .heads = 12, .blocks = 12
#define DINOV2 .patch = 14, .positions = {0, 37, FK_CUBIC_OFFSET}
#define DINOV2_REG .patch = 14, .positions = {4, 37, FK_CUBIC_SMOOTH}

static const fk_vit vit_b_16 = {VIT_B, .patch = 16, .positions = {0, 14, FK_CUBIC_CORNERS}};
static const fk_vit dinov2_vits14 = {VIT_S, DINOV2};
static const fk_vit dinov2_vitb14 = {VIT_B, DINOV2};
static const fk_vit dinov2_vits14_reg = {VIT_S, DINOV2_REG};
static const fk_vit dinov2_vitb14_reg = {VIT_B, DINOV2_REG};

static int add_linear(fk_builder *b, int x, int block, const char *part, int64_t channels)
{
    char name[FK_NAME_SIZE];

    snprintf(name, sizeof name, "blocks.%d.%s", block, part);
    return fk_build_linear(b, x, name, channels);
}

static int add_norm(fk_builder *b, int x, int block, const char *part)
{
    char name[FK_NAME_SIZE];

    snprintf(name, sizeof name, "blocks.%d.%s", block, part);
    return fk_build_layernorm(b, x, name);
}

static int add_block(fk_builder *b, int x, int block, const fk_vit *v)
{
    int y = add_linear(b, add_norm(b, x, block, "norm1"), block, "attn.qkv", 3 * v->width);

    y = add_linear(b, fk_build_attention(b, y, v->heads), block, "attn.proj", v->width);
    x = fk_build_add(b, x, y);
    y = add_linear(b, add_norm(b, x, block, "norm2"), block, "mlp.fc1", 4 * v->width);
    y = add_linear(b, fk_build_gelu(b, y), block, "mlp.fc2", v->width);
    return fk_build_add(b, x, y);
}

fleck_status fk_describe_vit(const fk_vit *v, fk_graph *out, int64_t height, int64_t width,
                             fleck_error *err)
{
    fk_builder b = fk_build_begin(out, height, width, err);
    const int64_t h = height / v->patch, w = width / v->patch, skip = 1 + v->positions.registers;
    int x;

    fk_build_need_multiple(&b, v->patch);
    x = fk_build_conv(&b, 0, "patch_embed.proj", fk_window_even(v->patch, v->patch, 0), v->width,
                      1);
    x = fk_build_tokens(&b, x, &v->positions);
    for (int i = 0; i < v->blocks; i++) {
        char name[FK_NAME_SIZE];

        x = add_block(&b, x, i, v);
        snprintf(name, sizeof name, "block%d", i + 1);
        fk_build_tap(&b, fk_build_grid(&b, x, skip, h, w), name, v->patch);
    }
    x = fk_build_layernorm(&b, x, "norm");
    fk_build_tap(&b, fk_build_grid(&b, x, skip, h, w), "norm", v->patch);
    fk_build_global(&b, fk_build_grid(&b, x, 0, 1, 1));
    return fk_build_finish(&b);
}

fleck_status fk_describe_vit_b_16(fk_graph *out, int64_t height, int64_t width, fleck_error *err)
{
    return fk_describe_vit(&vit_b_16, out, height, width, err);
}

fleck_status fk_describe_dinov2_vits14(fk_graph *out, int64_t height, int64_t width,
                                       fleck_error *err)
{
    return fk_describe_vit(&dinov2_vits14, out, height, width, err);
}

fleck_status fk_describe_dinov2_vitb14(fk_graph *out, int64_t height, int64_t width,
                                       fleck_error *err)
{
    return fk_describe_vit(&dinov2_vitb14, out, height, width, err);
}

fleck_status fk_describe_dinov2_vits14_reg(fk_graph *out, int64_t height, int64_t width,
                                           fleck_error *err)
{
    return fk_describe_vit(&dinov2_vits14_reg, out, height, width, err);
}

fleck_status fk_describe_dinov2_vitb14_reg(fk_graph *out, int64_t height, int64_t width,
                                           fleck_error *err)
{
    return fk_describe_vit(&dinov2_vitb14_reg, out, height, width, err);
}

/* "blocks.3.attn.proj" -> "blocks.3.ls1", "blocks.3.mlp.fc2" -> "blocks.3.ls2". */
void fk_scale_of_dinov2(const char *linear, char out[FK_NAME_SIZE])
{
    static const char *const pairs[][2] = {{".attn.proj", ".ls1"}, {".mlp.fc2", ".ls2"}};
    size_t length = strlen(linear);

    out[0] = '\0';
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        size_t end = strlen(pairs[i][0]);

        if (length > end && strcmp(linear + length - end, pairs[i][0]) == 0)
            snprintf(out, FK_NAME_SIZE, "%.*s%s", (int)(length - end), linear, pairs[i][1]);
    }
}
