/* SPDX-License-Identifier: Apache-2.0 */
/* EfficientNet-Lite0 to Lite2, with the tensor names and the padding of the PyTorch port on PyPI.
 *
 * Tan and Le 2019 (arXiv:1905.11946); TensorFlow's "lite" variant has no squeeze-and-excitation and
 * has ReLU6 in place of swish.  Padding is TensorFlow's "SAME" for the actual input size of each
 * convolution, so it is asymmetric for a stride of 2 and an even size.  Batch norms are folded into
 * the convolutions, so each convolution here has a bias. */
#include "graph/arch_tables.h"

#include <stdio.h>
#include <string.h>

/* A run of inverted residual blocks.  The first one has the stride, the others have stride 1. */
typedef struct stage {
    int repeats;
    int64_t kernel, stride, expand, channels;
    const char *tap; /* the output of the last block, or NULL */
} stage;

#define STAGES 7

/* Lite1 and Lite2 multiply repeats by 1.1 and 1.2, rounded up, except in the first and last stage.
 * Lite2 also multiplies channels by 1.1, rounded to multiples of 8.  Stem and head are the same in
 * all three. */
static const stage lite0[STAGES] = {
    {1, 3, 1, 1, 16, NULL},        /* block 0 */
    {2, 3, 2, 6, 24, "stride4"},   /* blocks 1 and 2 */
    {2, 5, 2, 6, 40, "stride8"},   /* blocks 3 and 4 */
    {3, 3, 2, 6, 80, NULL},        /* blocks 5 to 7 */
    {3, 5, 1, 6, 112, "stride16"}, /* blocks 8 to 10 */
    {4, 5, 2, 6, 192, NULL},       /* blocks 11 to 14 */
    {1, 3, 1, 6, 320, NULL},       /* block 15 */
};

static const stage lite1[STAGES] = {
    {1, 3, 1, 1, 16, NULL},  {3, 3, 2, 6, 24, "stride4"},   {3, 5, 2, 6, 40, "stride8"},
    {4, 3, 2, 6, 80, NULL},  {4, 5, 1, 6, 112, "stride16"}, {5, 5, 2, 6, 192, NULL},
    {1, 3, 1, 6, 320, NULL},
};
static const stage lite2[STAGES] = {
    {1, 3, 1, 1, 16, NULL},  {3, 3, 2, 6, 24, "stride4"},   {3, 5, 2, 6, 48, "stride8"},
    {4, 3, 2, 6, 88, NULL},  {4, 5, 1, 6, 120, "stride16"}, {5, 5, 2, 6, 208, NULL},
    {1, 3, 1, 6, 352, NULL},
};

/* Expand 1x1, depthwise, project 1x1 without activation; the input is added if the shapes agree. */
static int add_block(fk_builder *b, int x, int number, const stage *s, int64_t in, int64_t stride)
{
    char name[FK_NAME_SIZE];
    int64_t hidden = in * s->expand;
    int y = x;

    if (s->expand != 1) {
        snprintf(name, sizeof name, "_blocks.%d._expand_conv", number);
        y = fk_build_relu6(b, fk_build_conv(b, y, name, fk_window_even(1, 1, 0), hidden, 1));
    }
    snprintf(name, sizeof name, "_blocks.%d._depthwise_conv", number);
    y = fk_build_relu6(
        b, fk_build_conv(b, y, name, fk_window_same(b, y, s->kernel, stride), hidden, hidden));
    snprintf(name, sizeof name, "_blocks.%d._project_conv", number);
    y = fk_build_conv(b, y, name, fk_window_even(1, 1, 0), s->channels, 1);
    return stride == 1 && in == s->channels ? fk_build_add(b, y, x) : y;
}

static fleck_status describe(const stage *stages, fk_graph *out, int64_t height, int64_t width,
                             fleck_error *err)
{
    fk_builder b = fk_build_begin(out, height, width, err);
    int x = fk_build_conv(&b, 0, "_conv_stem", fk_window_same(&b, 0, 3, 2), 32, 1);
    int64_t channels = 32, pixels = 2;
    int number = 0;

    x = fk_build_relu6(&b, x);
    for (int i = 0; i < STAGES; i++) {
        const stage *s = &stages[i];

        for (int k = 0; k < s->repeats; k++) {
            x = add_block(&b, x, number++, s, channels, k == 0 ? s->stride : 1);
            channels = s->channels;
        }
        pixels *= s->stride;
        if (s->tap != NULL)
            fk_build_tap(&b, x, s->tap, pixels);
    }
    x = fk_build_conv(&b, x, "_conv_head", fk_window_even(1, 1, 0), 1280, 1);
    fk_build_pool(&b, fk_build_relu6(&b, x));
    return fk_build_finish(&b);
}

fleck_status fk_describe_efficientnet_lite0(fk_graph *out, int64_t height, int64_t width,
                                            fleck_error *err)
{
    return describe(lite0, out, height, width, err);
}

fleck_status fk_describe_efficientnet_lite1(fk_graph *out, int64_t height, int64_t width,
                                            fleck_error *err)
{
    return describe(lite1, out, height, width, err);
}

fleck_status fk_describe_efficientnet_lite2(fk_graph *out, int64_t height, int64_t width,
                                            fleck_error *err)
{
    return describe(lite2, out, height, width, err);
}

void fk_norm_of_efficientnet(const char *conv, char out[FK_NAME_SIZE])
{
    static const char *const pairs[][2] = {{"_conv_stem", "_bn0"},
                                           {"_conv_head", "_bn1"},
                                           {"_expand_conv", "_bn0"},
                                           {"_depthwise_conv", "_bn1"},
                                           {"_project_conv", "_bn2"}};
    const char *last = strrchr(conv, '.');
    size_t front = last != NULL ? (size_t)(last + 1 - conv) : 0;

    out[0] = '\0';
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (strcmp(conv + front, pairs[i][0]) == 0)
            snprintf(out, FK_NAME_SIZE, "%.*s%s", (int)front, conv, pairs[i][1]);
}
