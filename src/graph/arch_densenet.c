/* SPDX-License-Identifier: Apache-2.0 */
/* DenseNet-169 and DenseNet-201, as torchvision builds them.
 *
 * Huang et al. 2017 (arXiv:1608.06993), DenseNet-BC with k = 32.  A layer of a block reads the
 * outputs of all layers before it, side by side:
 *
 *   x = concat(x, conv3x3(relu(norm2(conv1x1(relu(norm1(x)))))))    k channels more
 *
 * and between blocks there is conv1x1(relu(norm(x))), to half the channels, then an average pool
 * of 2 x 2.  norm2 and the stem's norm follow a convolution and are folded into it.  The others
 * come before a ReLU and a convolution, so they remain operations of their own. */
#include "graph/arch_tables.h"

#include <stdio.h>
#include <string.h>

static const fk_densenet densenet169 = {{6, 12, 32, 32}, 64, 32};
static const fk_densenet densenet201 = {{6, 12, 48, 32}, 64, 32};

static const char *name_of(char out[FK_NAME_SIZE], const int place[2], const char *part)
{
    snprintf(out, FK_NAME_SIZE, "features.denseblock%d.denselayer%d.%s", place[0], place[1], part);
    return out;
}

static int add_layer(fk_builder *b, int x, const fk_densenet *d, const int place[2])
{
    const fk_window one = fk_window_even(1, 1, 0), three = fk_window_even(3, 1, 1);
    char name[FK_NAME_SIZE];
    int y = fk_build_relu(b, fk_build_affine(b, x, name_of(name, place, "norm1")));

    y = fk_build_conv(b, y, name_of(name, place, "conv1"), one, 4 * d->growth, 1);
    y = fk_build_relu(b, y);
    y = fk_build_conv(b, y, name_of(name, place, "conv2"), three, d->growth, 1);
    return fk_build_concat(b, x, y);
}

static int add_transition(fk_builder *b, int x, int number, int64_t channels)
{
    char name[FK_NAME_SIZE];

    snprintf(name, sizeof name, "features.transition%d.norm", number);
    x = fk_build_relu(b, fk_build_affine(b, x, name));
    snprintf(name, sizeof name, "features.transition%d.conv", number);
    x = fk_build_conv(b, x, name, fk_window_even(1, 1, 0), channels, 1);
    return fk_build_avgpool(b, x, 2, 2);
}

fleck_status fk_describe_densenet(const fk_densenet *d, fk_graph *out, int64_t height,
                                  int64_t width, fleck_error *err)
{
    fk_builder b = fk_build_begin(out, height, width, err);
    int64_t channels = d->stem;
    int x = fk_build_conv(&b, 0, "features.conv0", fk_window_even(7, 2, 3), channels, 1);

    x = fk_build_maxpool(&b, fk_build_relu(&b, x), fk_window_even(3, 2, 1));
    for (int block = 1; block <= 4; block++) {
        char name[FK_NAME_SIZE];

        if (block > 1)
            x = add_transition(&b, x, block - 1, channels /= 2);
        for (int layer = 1; layer <= d->layers[block - 1]; layer++)
            x = add_layer(&b, x, d, (const int[]){block, layer});
        channels += d->layers[block - 1] * d->growth;
        snprintf(name, sizeof name, "denseblock%d", block);
        fk_build_tap(&b, x, name, INT64_C(2) << block);
    }
    fk_build_pool(&b, fk_build_relu(&b, fk_build_affine(&b, x, "features.norm5")));
    return fk_build_finish(&b);
}

fleck_status fk_describe_densenet169(fk_graph *out, int64_t height, int64_t width, fleck_error *err)
{
    return fk_describe_densenet(&densenet169, out, height, width, err);
}

fleck_status fk_describe_densenet201(fk_graph *out, int64_t height, int64_t width, fleck_error *err)
{
    return fk_describe_densenet(&densenet201, out, height, width, err);
}

/* "features.conv0" -> "features.norm0", "....conv1" -> "....norm2"; no norm follows the others. */
void fk_norm_of_densenet(const char *conv, char out[FK_NAME_SIZE])
{
    const size_t length = strlen(conv);

    out[0] = '\0';
    if (strcmp(conv, "features.conv0") == 0)
        snprintf(out, FK_NAME_SIZE, "features.norm0");
    else if (length > 6 && strcmp(conv + length - 6, ".conv1") == 0)
        snprintf(out, FK_NAME_SIZE, "%.*snorm2", (int)(length - 5), conv);
}
