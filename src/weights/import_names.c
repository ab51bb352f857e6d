/* SPDX-License-Identifier: Apache-2.0 */
/* Names in published files: each architecture's own, timm's for EfficientNet-Lite and DINOv3,
 * torchvision's for ViT-B/16, and Meta's for DINOv3. */
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
