/* SPDX-License-Identifier: Apache-2.0 */
/* Vision transformers: ViT of timm and torchvision, DeiT, DINOv2 and DINOv3.
 *
 * Dosovitskiy et al. 2021 (arXiv:2010.11929); Touvron et al. 2021 (DeiT, arXiv:2012.12877); Steiner
 * et al. 2022 (AugReg, arXiv:2106.10270); Oquab et al. 2023 (DINOv2, arXiv:2304.07193); registers:
 * Darcet et al. 2023 (arXiv:2309.16588); Simeoni et al. 2025 (DINOv3, arXiv:2508.10104).  The data
 * path, for h x w patches, width D and T tokens:
 *
 *   x = tokens(conv(image))                       class token, registers, h w patches: [T, D]
 *   each block:  x = x + proj(attention(qkv(norm1(x))))
 *                x = x + fc2(gelu(fc1(norm2(x))))
 *   z = norm(x);  global feature: z's class token
 *
 * A tap is the patches' tokens as a map [D, h, w]: x after a block ("block4"), the same after the
 * final normalisation ("norm4"), or z ("norm").  DINOv2 and DINOv3 multiply both branches of a
 * block by a learned vector.  Import folds it into proj and fc2, so that one description serves all
 * networks.  DINOv3 has no table of positions: its attention rotates queries and keys by the place
 * of their patch.  Tensors have DINOv2's names, which are also timm's. */
#include "graph/arch_tables.h"

#include <stdio.h>
#include <string.h>

#define VIT_TI .width = 192, .heads = 3, .blocks = 12, .eps = 1e-6
#define VIT_S .width = 384, .heads = 6, .blocks = 12, .eps = 1e-6
#define VIT_B .width = 768, .heads = 12, .blocks = 12, .eps = 1e-6
/* timm resamples positions with antialiasing, torchvision aligns the corners. */
#define TIMM .patch = 16, .positions = {0, 14, FK_CUBIC_SMOOTH}
#define DINOV2 .patch = 14, .positions = {0, 37, FK_CUBIC_OFFSET}
#define DINOV2_REG .patch = 14, .positions = {4, 37, FK_CUBIC_SMOOTH}
#define DINOV3 .blocks = 12, .eps = 1e-5, .patch = 16, .positions = {.registers = 4}, .rotary = true

static const fk_vit vit_ti_16 = {VIT_TI, TIMM};
static const fk_vit vit_s_16 = {VIT_S, TIMM}; /* deit_s_16 too */
static const fk_vit vit_b_16 = {VIT_B, .patch = 16, .positions = {0, 14, FK_CUBIC_CORNERS}};
static const fk_vit dinov2_vits14 = {VIT_S, DINOV2};
static const fk_vit dinov2_vitb14 = {VIT_B, DINOV2};
static const fk_vit dinov2_vits14_reg = {VIT_S, DINOV2_REG};
static const fk_vit dinov2_vitb14_reg = {VIT_B, DINOV2_REG};
static const fk_vit dinov3_vits16 = {.width = 384, .heads = 6, DINOV3};
static const fk_vit dinov3_vitb16 = {.width = 768, .heads = 12, DINOV3};

static int add_linear(fk_builder *b, int x, int block, const char *part, int64_t channels)
{
    char name[FK_NAME_SIZE];

    snprintf(name, sizeof name, "blocks.%d.%s", block, part);
    return fk_build_linear(b, x, name, channels);
}

static int add_norm(fk_builder *b, int x, int block, const char *part, double eps)
{
    char name[FK_NAME_SIZE];

    snprintf(name, sizeof name, "blocks.%d.%s", block, part);
    return fk_build_layernorm(b, x, name, eps);
}

static int add_block(fk_builder *b, int x, int block, const fk_vit *v, fk_rotary rotary)
{
    int y = add_linear(b, add_norm(b, x, block, "norm1", v->eps), block, "attn.qkv", 3 * v->width);

    y = add_linear(b, fk_build_attention(b, y, v->heads, rotary), block, "attn.proj", v->width);
    x = fk_build_add(b, x, y);
    y = add_linear(b, add_norm(b, x, block, "norm2", v->eps), block, "mlp.fc1", 4 * v->width);
    y = add_linear(b, fk_build_gelu(b, y), block, "mlp.fc2", v->width);
    return fk_build_add(b, x, y);
}

fleck_status fk_describe_vit(const fk_vit *v, fk_graph *out, int64_t height, int64_t width,
                             fleck_error *err)
{
    fk_builder b = fk_build_begin(out, height, width, err);
    const int64_t h = height / v->patch, w = width / v->patch, skip = 1 + v->positions.registers;
    const fk_rotary rotary = v->rotary ? (fk_rotary){skip, h, w} : (fk_rotary){0};
    int x, after[FK_VIT_BLOCKS];
    char name[FK_NAME_SIZE];

    fk_build_need_multiple(&b, v->patch);
    x = fk_build_conv(&b, 0, "patch_embed.proj", fk_window_even(v->patch, v->patch, 0), v->width,
                      1);
    x = fk_build_tokens(&b, x, &v->positions);
    for (int i = 0; i < v->blocks; i++) {
        after[i] = x = add_block(&b, x, i, v, rotary);
        snprintf(name, sizeof name, "block%d", i + 1);
        fk_build_tap(&b, fk_build_grid(&b, x, skip, h, w), name, v->patch);
    }
    x = fk_build_layernorm(&b, x, "norm", v->eps);
    fk_build_tap(&b, fk_build_grid(&b, x, skip, h, w), "norm", v->patch);
    fk_build_global(&b, fk_build_grid(&b, x, 0, 1, 1));
    for (int i = 0; i + 1 < v->blocks; i++) {
        snprintf(name, sizeof name, "norm%d", i + 1);
        x = fk_build_layernorm(&b, after[i], "norm", v->eps);
        fk_build_tap(&b, fk_build_grid(&b, x, skip, h, w), name, v->patch);
    }
    return fk_build_finish(&b);
}

#define DESCRIBE(name, vit)                                                                        \
    fleck_status fk_describe_##name(fk_graph *out, int64_t height, int64_t width,                  \
                                    fleck_error *err)                                              \
    {                                                                                              \
        return fk_describe_vit(&(vit), out, height, width, err);                                   \
    }

DESCRIBE(vit_ti_16, vit_ti_16)
DESCRIBE(vit_s_16, vit_s_16)
DESCRIBE(vit_b_16, vit_b_16)
DESCRIBE(dinov2_vits14, dinov2_vits14)
DESCRIBE(dinov2_vitb14, dinov2_vitb14)
DESCRIBE(dinov2_vits14_reg, dinov2_vits14_reg)
DESCRIBE(dinov2_vitb14_reg, dinov2_vitb14_reg)
DESCRIBE(dinov3_vits16, dinov3_vits16)
DESCRIBE(dinov3_vitb16, dinov3_vitb16)

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
