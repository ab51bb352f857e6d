/* SPDX-License-Identifier: Apache-2.0 */
/* Inputs that no benchmark has to find: weights, images and embeddings made from seeds. */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include "features/embed.h"

/* Write seeded weights for every convolution of the architecture called name, as `fleck fit
 * --weights` takes them; the path is the caller's after the call (static storage, one a name). The
 * time of a network does not depend on its weights, as long as its activations stay ordinary
 * numbers: they are scaled so. */
const char *bench_weights(const char *name);

/* Draw a sample category of side x side images into a new folder; static storage. */
const char *bench_category(int64_t side, int64_t train, int64_t good, int64_t defective);

/* An embedding of this shape.  likeness 0: every number is drawn alone; towards 1: most of each
 * number is common to all images, and varies smoothly over the positions, as with parts that are
 * placed alike. */
void bench_embedding(fk_embedding *out, const fk_embed_shape *shape, uint64_t seed,
                     double likeness);

#endif
