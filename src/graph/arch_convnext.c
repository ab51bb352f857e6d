/* SPDX-License-Identifier: Apache-2.0 */
/* ConvNeXt-Tiny: torchvision's, and DINOv3's.
 *
 * Liu et al. 2022 (arXiv:2201.03545); Simeoni et al. 2025 (arXiv:2508.10104).  The data path, with
 * each norm over the channels of a position:
 *
 *   x = norm(conv4x4(image)), stride 4
 *   each block:          x = x + gamma pwconv2(gelu(pwconv1(norm(dwconv7x7(x)))))
 *   between two stages:  x = conv2x2(norm(x)), stride 2
 *   global feature:      norm(mean of x)
 *
 * A tap "stageN" is x after a stage; "norm" is the norm of the last one.  Import folds gamma into
 * pwconv2.  Tensors have the names of the authors' files, which are DINOv3's too. */
#include "graph/arch_tables.h"

#include <stdio.h>
#include <string.h>

/* Of every layer normalisation. */
#define EPS 1e-6

static const fk_convnext tiny = {{3, 3, 9, 3}, {96, 192, 384, 768}};

static const char *name_of(char out[FK_NAME_SIZE], const int place[2], const char *part)
{
    snprintf(out, FK_NAME_SIZE, "stages.%d.%d.%s", place[0], place[1], part);
    return out;
}

/* The norm of a map, as a map. */
static int add_norm(fk_builder *b, int x, int stage, int place, int64_t height, int64_t width)
{
    char name[FK_NAME_SIZE];

    snprintf(name, sizeof name, "downsample_layers.%d.%d", stage, place);
    return fk_build_grid(b, fk_build_layernorm(b, fk_build_rows(b, x), name, EPS), 0, height,
                         width);
}

static int add_block(fk_builder *b, int x, const int place[2], int64_t channels, int64_t height,
                     int64_t width)
{
    char name[FK_NAME_SIZE];
    int y = fk_build_conv(b, x, name_of(name, place, "dwconv"), fk_window_even(7, 1, 3), channels,
                          channels);

    y = fk_build_layernorm(b, fk_build_rows(b, y), name_of(name, place, "norm"), EPS);
    y = fk_build_linear(b, y, name_of(name, place, "pwconv1"), 4 * channels);
    y = fk_build_linear(b, fk_build_gelu(b, y), name_of(name, place, "pwconv2"), channels);
    return fk_build_add(b, x, fk_build_grid(b, y, 0, height, width));
}

/* The convolution in front of a stage, with its norm before or (stage 0) behind it. */
static int add_entry(fk_builder *b, int x, int stage, int64_t channels, int64_t height,
                     int64_t width)
{
    char name[FK_NAME_SIZE];
    int64_t side = stage == 0 ? 4 : 2;

    snprintf(name, sizeof name, "downsample_layers.%d.%d", stage, stage == 0 ? 0 : 1);
    if (stage > 0)
        x = add_norm(b, x, stage, 0, height, width);
    x = fk_build_conv(b, x, name, fk_window_even(side, side, 0), channels, 1);
    return stage > 0 ? x : add_norm(b, x, stage, 1, height / side, width / side);
}

fleck_status fk_describe_convnext(const fk_convnext *c, fk_graph *out, int64_t height,
                                  int64_t width, fleck_error *err)
{
    fk_builder b = fk_build_begin(out, height, width, err);
    int64_t h = height, w = width;
    int x = 0;

    for (int stage = 0; stage < 4; stage++) {
        char name[FK_NAME_SIZE];

        x = add_entry(&b, x, stage, c->channels[stage], h, w);
        h /= stage == 0 ? 4 : 2;
        w /= stage == 0 ? 4 : 2;
        for (int block = 0; block < c->blocks[stage]; block++)
            x = add_block(&b, x, (const int[]){stage, block}, c->channels[stage], h, w);
        snprintf(name, sizeof name, "stage%d", stage + 1);
        fk_build_tap(&b, x, name, INT64_C(4) << stage);
    }
    /* The mean is a row in front of the positions', for one norm serves both. */
    x = fk_build_concat(&b, fk_build_rows(&b, fk_build_pool(&b, x)), fk_build_rows(&b, x));
    x = fk_build_layernorm(&b, x, "norm", EPS);
    fk_build_tap(&b, fk_build_grid(&b, x, 1, h, w), "norm", 32);
    fk_build_global(&b, fk_build_grid(&b, x, 0, 1, 1));
    return fk_build_finish(&b);
}

fleck_status fk_describe_convnext_tiny(fk_graph *out, int64_t height, int64_t width,
                                       fleck_error *err)
{
    return fk_describe_convnext(&tiny, out, height, width, err);
}

/* "stages.1.2.pwconv2" -> "stages.1.2", which has a gamma. */
void fk_scale_of_convnext(const char *linear, char out[FK_NAME_SIZE])
{
    const size_t length = strlen(linear);

    out[0] = '\0';
    if (length > 8 && strcmp(linear + length - 8, ".pwconv2") == 0)
        snprintf(out, FK_NAME_SIZE, "%.*s", (int)(length - 8), linear);
}
