/* SPDX-License-Identifier: Apache-2.0 */
/* ResNet-18, ResNet-50, ResNet-152 and Wide ResNet-50-2 as torchvision builds them, and the paper's
 * own ResNet-50 and ResNet-152.
 *
 * He et al. 2016 (arXiv:1512.03385); Zagoruyko and Komodakis 2016 (arXiv:1605.07146).  In
 * torchvision the stride of a stage sits on the 3x3 convolution ("v1.5").  In the paper's networks
 * ("v1"), of the authors' Caffe files and of Keras, it sits on the first 1x1.  The tensors are the
 * same.  Batch norms are folded into the convolutions, so each convolution here has a bias. */
#include "graph/arch_tables.h"

#include <stdio.h>
#include <string.h>

typedef struct resnet {
    int blocks[4];     /* of each stage */
    bool bottleneck;   /* 1x1, 3x3, 1x1 instead of 3x3, 3x3 */
    int64_t widths[4]; /* channels of the 3x3 convolutions of each stage */
    bool first;        /* a bottleneck's stride is that of its first convolution */
} resnet;

static const resnet resnet18 = {{2, 2, 2, 2}, false, {64, 128, 256, 512}, false};
static const resnet resnet50 = {{3, 4, 6, 3}, true, {64, 128, 256, 512}, false};
static const resnet resnet50_v1 = {{3, 4, 6, 3}, true, {64, 128, 256, 512}, true};
static const resnet resnet152 = {{3, 8, 36, 3}, true, {64, 128, 256, 512}, false};
static const resnet resnet152_v1 = {{3, 8, 36, 3}, true, {64, 128, 256, 512}, true};
static const resnet wide_resnet50_2 = {{3, 4, 6, 3}, true, {128, 256, 512, 1024}, false};

/* The convolution "layerS.B.part". */
static int add_conv(fk_builder *b, int x, const int place[2], const char *part, fk_window w,
                    int64_t channels)
{
    char name[FK_NAME_SIZE];

    snprintf(name, sizeof name, "layer%d.%d.%s", place[0], place[1], part);
    return fk_build_conv(b, x, name, w, channels, 1);
}

/* [C, H, W] -> [out, H / stride, W / stride]; project: the shortcut is a convolution too. */
static int add_block(fk_builder *b, int x, const int place[2], const resnet *r, int64_t out,
                     int64_t stride, bool project)
{
    int64_t width = r->widths[place[0] - 1];
    int64_t first = !r->bottleneck || r->first ? stride : 1;
    fk_window one = fk_window_even(1, 1, 0);
    int y = x, shortcut = x;

    if (r->bottleneck) {
        y = fk_build_relu(b, add_conv(b, y, place, "conv1", fk_window_even(1, first, 0), width));
        y = fk_build_relu(
            b, add_conv(b, y, place, "conv2", fk_window_even(3, stride / first, 1), width));
        y = add_conv(b, y, place, "conv3", one, out);
    } else {
        y = fk_build_relu(b, add_conv(b, y, place, "conv1", fk_window_even(3, first, 1), width));
        y = add_conv(b, y, place, "conv2", fk_window_even(3, 1, 1), out);
    }
    if (project)
        shortcut = add_conv(b, x, place, "downsample.0", fk_window_even(1, stride, 0), out);
    return fk_build_relu(b, fk_build_add(b, y, shortcut));
}

static fleck_status describe(const resnet *r, fk_graph *out, int64_t height, int64_t width,
                             fleck_error *err)
{
    fk_builder b = fk_build_begin(out, height, width, err);
    int x = fk_build_relu(&b, fk_build_conv(&b, 0, "conv1", fk_window_even(7, 2, 3), 64, 1));
    int64_t channels = 64, stride = 4;

    x = fk_build_maxpool(&b, x, fk_window_even(3, 2, 1));
    for (int stage = 0; stage < 4; stage++) {
        int64_t outputs = r->bottleneck ? 256 * (INT64_C(1) << stage) : r->widths[stage];
        char name[FK_NAME_SIZE];

        for (int block = 0; block < r->blocks[stage]; block++) {
            int64_t step = block == 0 && stage > 0 ? 2 : 1;

            x = add_block(&b, x, (const int[]){stage + 1, block}, r, outputs, step,
                          step > 1 || channels != outputs);
            channels = outputs;
        }
        snprintf(name, sizeof name, "layer%d", stage + 1);
        fk_build_tap(&b, x, name, stride << stage);
    }
    fk_build_pool(&b, x);
    return fk_build_finish(&b);
}

fleck_status fk_describe_resnet18(fk_graph *out, int64_t height, int64_t width, fleck_error *err)
{
    return describe(&resnet18, out, height, width, err);
}

fleck_status fk_describe_resnet50(fk_graph *out, int64_t height, int64_t width, fleck_error *err)
{
    return describe(&resnet50, out, height, width, err);
}

fleck_status fk_describe_resnet50_v1(fk_graph *out, int64_t height, int64_t width, fleck_error *err)
{
    return describe(&resnet50_v1, out, height, width, err);
}

fleck_status fk_describe_resnet152(fk_graph *out, int64_t height, int64_t width, fleck_error *err)
{
    return describe(&resnet152, out, height, width, err);
}

fleck_status fk_describe_resnet152_v1(fk_graph *out, int64_t height, int64_t width,
                                      fleck_error *err)
{
    return describe(&resnet152_v1, out, height, width, err);
}

fleck_status fk_describe_wide_resnet50_2(fk_graph *out, int64_t height, int64_t width,
                                         fleck_error *err)
{
    return describe(&wide_resnet50_2, out, height, width, err);
}

void fk_norm_of_resnet(const char *conv, char out[FK_NAME_SIZE])
{
    const char *last = strrchr(conv, '.');
    size_t front = last != NULL ? (size_t)(last + 1 - conv) : 0;

    /* "conv2" -> "bn2"; in a projection the convolution is called 0 and the norm 1. */
    if (strncmp(conv + front, "conv", 4) == 0)
        snprintf(out, FK_NAME_SIZE, "%.*sbn%s", (int)front, conv, conv + front + 4);
    else
        snprintf(out, FK_NAME_SIZE, "%.*s1", (int)front, conv);
}
