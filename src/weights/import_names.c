/* SPDX-License-Identifier: Apache-2.0 */
/* Names in published files: each architecture's own, timm's for EfficientNet-Lite, ConvNeXt and
 * DINOv3, torchvision's for ViT-B/16 and ConvNeXt and its old ones for DenseNet, and Meta's for
 * DINOv3. */
#include "weights/import_names.h"
#include "graph/arch_tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LITE_STAGES 7

static const int lite0_repeats[LITE_STAGES] = {1, 2, 2, 3, 3, 4, 1};
static const int lite12_repeats[LITE_STAGES] = {1, 3, 3, 4, 4, 5, 1};

/* Stage and index of block number n, as timm numbers them: "blocks.STAGE.PLACE." */
static bool timm_block(const int *repeats, long n, int *stage, int *place)
{
    for (*stage = 0; *stage < LITE_STAGES; n -= repeats[(*stage)++])
        if (n < repeats[*stage]) {
            *place = (int)n;
            return n >= 0;
        }
    return false;
}

/* timm numbers the norms of a block 1, 2, 3 in the order in which they run.  Stage 0 has no
 * expansion: its block is depthwise conv_dw, then pointwise conv_pw. */
static void timm_lite(const int *repeats, const char *conv, fk_source_names *out)
{
    static const char blocks[] = "_blocks.";
    static const char *const first[][3] = {{"_depthwise_conv", "conv_dw", "bn1"},
                                           {"_project_conv", "conv_pw", "bn2"}};
    static const char *const others[][3] = {{"_expand_conv", "conv_pw", "bn1"},
                                            {"_depthwise_conv", "conv_dw", "bn2"},
                                            {"_project_conv", "conv_pwl", "bn3"}};
    const size_t front = strlen(blocks);
    char *rest;
    int stage, place;

    if (strcmp(conv, "_conv_stem") == 0) {
        snprintf(out->conv, sizeof out->conv, "conv_stem");
        snprintf(out->norm, sizeof out->norm, "bn1");
    } else if (strcmp(conv, "_conv_head") == 0) {
        snprintf(out->conv, sizeof out->conv, "conv_head");
        snprintf(out->norm, sizeof out->norm, "bn2");
    } else if (strncmp(conv, blocks, front) == 0 &&
               timm_block(repeats, strtol(conv + front, &rest, 10), &stage, &place) &&
               *rest == '.') {
        const char *const(*names)[3] = stage == 0 ? first : others;

        for (int i = 0; i < (stage == 0 ? 2 : 3); i++)
            if (strcmp(rest + 1, names[i][0]) == 0) {
                snprintf(out->conv, sizeof out->conv, "blocks.%d.%d.%s", stage, place, names[i][1]);
                snprintf(out->norm, sizeof out->norm, "blocks.%d.%d.%s", stage, place, names[i][2]);
            }
    }
}

static void timm_lite0(const char *conv, fk_source_names *out)
{
    timm_lite(lite0_repeats, conv, out);
}

static void timm_lite12(const char *conv, fk_source_names *out)
{
    timm_lite(lite12_repeats, conv, out);
}

/* torchvision's names of ViT-B/16, with the given names of the two layers of the MLP. */
static void torchvision_vit(const char *name, const char *first, const char *second,
                            fk_source_names *out)
{
    static const char *const whole[][2] = {{"cls_token", "class_token"},
                                           {"pos_embed", "encoder.pos_embedding"},
                                           {"patch_embed.proj", "conv_proj"},
                                           {"norm", "encoder.ln"}};
    const char *const parts[][2] = {{"norm1", "ln_1"},
                                    {"attn.qkv", "self_attention.in_proj"},
                                    {"attn.proj", "self_attention.out_proj"},
                                    {"norm2", "ln_2"},
                                    {"mlp.fc1", first},
                                    {"mlp.fc2", second}};
    char *rest;
    long block;

    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++)
        if (strcmp(name, whole[i][0]) == 0)
            snprintf(out->conv, sizeof out->conv, "%s", whole[i][1]);
    if (strncmp(name, "blocks.", 7) != 0)
        return;
    block = strtol(name + 7, &rest, 10);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && *rest == '.'; i++)
        if (strcmp(rest + 1, parts[i][0]) == 0)
            snprintf(out->conv, sizeof out->conv, "encoder.layers.encoder_layer_%ld.%s", block,
                     parts[i][1]);
    if (strcmp(rest, ".attn.qkv") == 0)
        out->joint = '_'; /* a parameter of MultiheadAttention itself, not of a layer in it */
}

static void torchvision_vit_now(const char *name, fk_source_names *out)
{
    torchvision_vit(name, "mlp.0", "mlp.3", out);
}

static void torchvision_vit_then(const char *name, fk_source_names *out)
{
    torchvision_vit(name, "mlp.linear_1", "mlp.linear_2", out);
}

/* Torch once allowed a dot in the name of a module: "denselayer1.norm.1" for "denselayer1.norm1",
 * as in the published files. */
static void old_densenet(const char *name, fk_source_names *out)
{
    const size_t length = strlen(name);
    const bool in_layer = strstr(name, ".denselayer") != NULL;

    fk_norm_of_densenet(name, out->norm);
    if (!in_layer) {
        snprintf(out->conv, sizeof out->conv, "%s", name);
        return;
    }
    snprintf(out->conv, sizeof out->conv, "%.*s.%c", (int)(length - 1), name, name[length - 1]);
    if (out->norm[0] != '\0')
        snprintf(out->norm, sizeof out->norm, "%.*snorm.2", (int)(strrchr(name, '.') + 1 - name),
                 name);
}

/* What is behind front, a number, a dot and another number; NULL if name is another. */
static const char *two_numbers(const char *name, const char *front, int *first, int *second)
{
    const size_t length = strlen(front);
    char *rest;

    if (strncmp(name, front, length) != 0)
        return NULL;
    *first = (int)strtol(name + length, &rest, 10);
    if (*rest != '.')
        return NULL;
    *second = (int)strtol(rest + 1, &rest, 10);
    return rest;
}

/* "stages.S.B.PART" of a ConvNeXt; returns PART, or NULL. */
static const char *convnext_block(const char *name, int *stage, int *block)
{
    const char *rest = two_numbers(name, "stages.", stage, block);

    return rest != NULL && *rest == '.' ? rest + 1 : NULL;
}

/* The convolution and the norm in front of a stage, "downsample_layers.S.PLACE". */
static bool convnext_entry(const char *name, int *stage, int *place)
{
    return two_numbers(name, "downsample_layers.", stage, place) != NULL;
}

/* The name of part in pairs of ours and theirs, or NULL. */
static const char *theirs(const char *const pairs[][2], size_t n, const char *part)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(part, pairs[i][0]) == 0)
            return pairs[i][1];
    return NULL;
}

/* features.0 is the stem; then stages have odd numbers, and what is in front of them even ones. */
static void torchvision_convnext(const char *name, fk_source_names *out)
{
    static const char *const parts[][2] = {
        {"dwconv", "block.0"}, {"norm", "block.2"}, {"pwconv1", "block.3"}, {"pwconv2", "block.5"}};
    int stage = 0, block = 0;
    const char *part = convnext_block(name, &stage, &block);
    const char *found = part != NULL ? theirs(parts, 4, part) : NULL;

    if (convnext_entry(name, &stage, &block))
        snprintf(out->conv, sizeof out->conv, "features.%d.%d", 2 * stage, block);
    else if (strcmp(name, "norm") == 0)
        snprintf(out->conv, sizeof out->conv, "classifier.0");
    else if (found != NULL)
        snprintf(out->conv, sizeof out->conv, "features.%d.%d.%s", 2 * stage + 1, block, found);
    if (found != NULL && strcmp(part, "pwconv2") == 0)
        snprintf(out->scale, sizeof out->scale, "features.%d.%d.layer_scale", 2 * stage + 1, block);
}

static void timm_convnext(const char *name, fk_source_names *out)
{
    static const char *const parts[][2] = {
        {"dwconv", "conv_dw"}, {"norm", "norm"}, {"pwconv1", "mlp.fc1"}, {"pwconv2", "mlp.fc2"}};
    int stage = 0, block = 0;
    const char *part = convnext_block(name, &stage, &block);
    const char *found = part != NULL ? theirs(parts, 4, part) : NULL;

    if (convnext_entry(name, &stage, &block) && stage == 0)
        snprintf(out->conv, sizeof out->conv, "stem.%d", block);
    else if (convnext_entry(name, &stage, &block))
        snprintf(out->conv, sizeof out->conv, "stages.%d.downsample.%d", stage, block);
    else if (strcmp(name, "norm") == 0)
        snprintf(out->conv, sizeof out->conv, "head.norm");
    else if (found != NULL)
        snprintf(out->conv, sizeof out->conv, "stages.%d.blocks.%d.%s", stage, block, found);
    if (found != NULL && strcmp(part, "pwconv2") == 0)
        snprintf(out->scale, sizeof out->scale, "stages.%d.blocks.%d.gamma", stage, block);
}

/* The names of DINOv2 but for the registers, and for timm also layer scales and biases. */
static void dinov3(const char *name, bool timm, fk_source_names *out)
{
    static const char *const parts[][2] = {{".attn.proj", ".gamma_1"}, {".mlp.fc2", ".gamma_2"}};
    const char *part = strchr(name, '.');
    char scale[FK_NAME_SIZE];

    if (strcmp(name, "register_tokens") == 0)
        name = timm ? "reg_token" : "storage_tokens";
    snprintf(out->conv, sizeof out->conv, "%s", name);
    part = part != NULL ? strchr(part + 1, '.') : NULL;
    for (size_t i = 0; timm && part != NULL && i < sizeof parts / sizeof parts[0]; i++)
        if (strcmp(part, parts[i][0]) == 0)
            snprintf(out->scale, sizeof out->scale, "%.*s%s", (int)(part - name), name,
                     parts[i][1]);
    if (timm && part != NULL && strcmp(part, ".attn.qkv") == 0) {
        snprintf(out->query, sizeof out->query, "%.*s.attn.q_bias", (int)(part - name), name);
        snprintf(out->value, sizeof out->value, "%.*s.attn.v_bias", (int)(part - name), name);
    }
    fk_scale_of_dinov2(name, scale);
    if (!timm && scale[0] != '\0')
        snprintf(out->scale, sizeof out->scale, "%s.gamma", scale);
}

static void meta_dinov3(const char *name, fk_source_names *out)
{
    dinov3(name, false, out);
}

static void timm_dinov3(const char *name, fk_source_names *out)
{
    dinov3(name, true, out);
}

static const struct {
    const char *arch;
    void (*names)(const char *conv, fk_source_names *out);
} aliases[] = {
    {"efficientnet_lite0", timm_lite0}, /* timm's tf_efficientnet_lite0 */
    {"efficientnet_lite1", timm_lite12},
    {"efficientnet_lite2", timm_lite12},
    {"vit_b_16", torchvision_vit_now},
    {"vit_b_16", torchvision_vit_then}, /* as in the published file */
    {"densenet169", old_densenet},
    {"densenet201", old_densenet},
    {"convnext_tiny", torchvision_convnext},
    {"convnext_tiny", timm_convnext},
    {"dinov3_convnext_tiny", timm_convnext},
    {"dinov3_vits16", meta_dinov3},
    {"dinov3_vits16", timm_dinov3},
    {"dinov3_vitb16", meta_dinov3},
    {"dinov3_vitb16", timm_dinov3},
};

int fk_import_schemes(const fk_arch *arch)
{
    int n = 1;

    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        n += strcmp(aliases[i].arch, arch->name) == 0;
    return n;
}

void fk_import_names(const fk_arch *arch, int scheme, const char *conv, fk_source_names *out)
{
    char name[FK_NAME_SIZE] = "";

    *out = (fk_source_names){.joint = '.'};
    if (scheme == 0) {
        snprintf(out->conv, sizeof out->conv, "%s", conv);
        if (arch->norm_of != NULL) {
            arch->norm_of(conv, name);
            snprintf(out->norm, sizeof out->norm, "%s", name);
        }
        if (arch->scale_of != NULL) {
            arch->scale_of(conv, name);
            if (name[0] != '\0')
                snprintf(out->scale, sizeof out->scale, "%s.gamma", name);
        }
        return;
    }
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (strcmp(aliases[i].arch, arch->name) == 0 && --scheme == 0)
            aliases[i].names(conv, out);
}
