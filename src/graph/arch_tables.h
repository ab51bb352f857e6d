/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of the architectures' files, for the table in arch.c. */
#ifndef FK_GRAPH_ARCH_TABLES_H
#define FK_GRAPH_ARCH_TABLES_H

#include "graph/arch.h"

fk_describe_fn fk_describe_resnet18, fk_describe_resnet50, fk_describe_wide_resnet50_2,
    fk_describe_resnet152, fk_describe_resnet50_v1, fk_describe_resnet152_v1;
void fk_norm_of_resnet(const char *conv, char out[FK_NAME_SIZE]);

fk_describe_fn fk_describe_efficientnet_lite0, fk_describe_efficientnet_lite1,
    fk_describe_efficientnet_lite2;
void fk_norm_of_efficientnet(const char *conv, char out[FK_NAME_SIZE]);

/* A densely connected network: layers of the four blocks, channels of the stem and of a layer. */
typedef struct fk_densenet {
    int layers[4];
    int64_t stem, growth;
} fk_densenet;

fleck_status fk_describe_densenet(const fk_densenet *d, fk_graph *out, int64_t height,
                                  int64_t width, fleck_error *err);
fk_describe_fn fk_describe_densenet169, fk_describe_densenet201;
void fk_norm_of_densenet(const char *conv, char out[FK_NAME_SIZE]);

/* A ConvNeXt: blocks and channels of the four stages. */
typedef struct fk_convnext {
    int blocks[4];
    int64_t channels[4];
} fk_convnext;

fleck_status fk_describe_convnext(const fk_convnext *c, fk_graph *out, int64_t height,
                                  int64_t width, fleck_error *err);
fk_describe_fn fk_describe_convnext_tiny;
void fk_scale_of_convnext(const char *linear, char out[FK_NAME_SIZE]);

/* A vision transformer. */
typedef struct fk_vit {
    int64_t width, heads, patch; /* D, heads, pixels of a patch side */
    int blocks;                  /* FK_VIT_BLOCKS at most */
    double eps;                  /* of every layer normalisation */
    fk_positions positions;
    bool rotary; /* places of patches rotate queries and keys */
} fk_vit;
#define FK_VIT_BLOCKS 12

fleck_status fk_describe_vit(const fk_vit *v, fk_graph *out, int64_t height, int64_t width,
                             fleck_error *err);
fk_describe_fn fk_describe_vit_ti_16, fk_describe_vit_s_16, fk_describe_vit_b_16,
    fk_describe_dinov2_vits14, fk_describe_dinov2_vitb14, fk_describe_dinov2_vits14_reg,
    fk_describe_dinov2_vitb14_reg, fk_describe_dinov3_vits16, fk_describe_dinov3_vitb16;
void fk_scale_of_dinov2(const char *linear, char out[FK_NAME_SIZE]);

#endif
