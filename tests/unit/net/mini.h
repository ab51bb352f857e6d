/* SPDX-License-Identifier: Apache-2.0 */
/* The small network whose weights tests/golden/weights_files.py makes. */
#ifndef MINI_H
#define MINI_H

#include "graph/arch_tables.h"

/* A stem and two stages, named as ResNets are. */
static inline fleck_status describe_mini(fk_graph *out, int64_t height, int64_t width,
                                         fleck_error *err)
{
    fk_builder b = fk_build_begin(out, height, width, err);
    int x = fk_build_conv(&b, 0, "conv1", fk_window_even(3, 2, 1), 4, 1), y;

    x = fk_build_relu(&b, x);
    x = fk_build_relu(&b, fk_build_conv(&b, x, "layer1.0.conv1", fk_window_even(3, 1, 1), 4, 1));
    fk_build_tap(&b, x, "layer1", 2);
    y = fk_build_conv(&b, x, "layer2.0.conv1", fk_window_even(3, 2, 1), 6, 1);
    x = fk_build_conv(&b, x, "layer2.0.downsample.0", fk_window_even(1, 2, 0), 6, 1);
    x = fk_build_relu(&b, fk_build_add(&b, y, x));
    fk_build_tap(&b, x, "layer2", 4);
    fk_build_pool(&b, x);
    return fk_build_finish(&b);
}

static const fk_arch mini = {.name = "mini",
                             .title = "of the tests",
                             .default_taps = {"layer1", "layer2"},
                             .strides = {2, 4},
                             .scale = {1, 1, 1},
                             .source = "made by a script",
                             .describe = describe_mini,
                             .norm_of = fk_norm_of_resnet,
                             .norm_eps = 1e-5};

#endif
