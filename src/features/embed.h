/* SPDX-License-Identifier: Apache-2.0 */
/* Embeddings: the features of an image that a method gets, made from taps of the network. */
#ifndef FK_FEATURES_EMBED_H
#define FK_FEATURES_EMBED_H

#include "base/json.h"
#include "base/pool.h"
#include "graph/graph.h"
#include "tensor/safetensors.h"

/* Flag of a position that counts in scores but is not learned. */
#define FK_SCORED_ONLY 2

/* One grid of patches: data [height * width, dim] f32, position-major (channels last). */
typedef struct fk_level {
    int64_t height, width, dim;
    float *data;
    uint8_t *valid; /* NULL, or [height * width] flags: 0 in an ignored region, 1 elsewhere, or
                       FK_SCORED_ONLY */
} fk_level;

/* One image's embedding.  Valid when zeroed; data owned (fk_embedding_init allocates). */
typedef struct fk_embedding {
    int n_levels;
    fk_level levels[FK_MAX_TAPS];
    int64_t global_dim; /* 0: no global feature */
    float *global;      /* [global_dim] f32 */
} fk_embedding;

typedef enum fk_embed_mode {
    FK_EMBED_JOINED,   /* one level: taps repeated (nearest) to the largest grid, joined, reduced */
    FK_EMBED_SEPARATE, /* one level for each tap, with its own grid, not reduced */
    FK_EMBED_PATCHES   /* one level: pooled neighbourhoods; see fk_embed_patches() */
} fk_embed_mode;

typedef enum fk_reduce {
    FK_REDUCE_NONE,      /* all channels */
    FK_REDUCE_CHANNELS,  /* the listed channels, in that order */
    FK_REDUCE_ORTHOGONAL /* x W, W [D, dims] with orthonormal columns */
} fk_reduce;

/* How taps become an embedding; saved in the model.  Valid when zeroed; owned. */
typedef struct fk_embed_spec {
    fk_embed_mode mode;
    fk_reduce reduce;
    int64_t dims;              /* width after the reduction (0 for NONE), or for PATCHES */
    int64_t *channels;         /* [dims] for CHANNELS: indices into the joined taps */
    float *projection;         /* [width, dims] for ORTHOGONAL */
    int64_t width;             /* D, the total width of the taps that were reduced */
    int64_t patch, pretrain;   /* for PATCHES: side of a patch, odd, and each tap's pooled width */
    char global[FK_NAME_SIZE]; /* "none", "pool" (the network's), or a tap's name (its mean) */
} fk_embed_spec;

/* The shape of all embeddings of one network and spec. */
typedef struct fk_embed_shape {
    int n_levels;
    fk_level levels[FK_MAX_TAPS]; /* data NULL */
    int64_t global_dim;
} fk_embed_shape;

void fk_embed_spec_free(fk_embed_spec *spec);

/* Set reduce, dims, and channels or projection of a spec for taps of total width D (> 0): text is
 * the --reduce option ("random", "list:FILE", "orthogonal", "none"), dims the --dims option.  dims
 * 0: 550 if D > 1000, else 100 (as in the paper for WRN50-2 and ResNet-18), but at most D.
 *   random      the draw of Python's random.sample(range(D), dims) after random.seed(seed), sorted:
 *               with seed 1024 the channels of the usual PyTorch code (features/sample.h)
 *   list:FILE   indices of [0, D), one in each line, in any order, none twice; empty lines are
 *               ignored.  dims must be 0 or the number of indices
 *   orthogonal  fk_linalg_orthonormal(D, dims, seed): Kim et al. 2021's semi-orthogonal embedding
 *   none        all channels; dims must be 0 or D
 * On failure the spec's reduction is NONE.
 *   FLECK_E_OPTION              dims is more than D, or not the length of the list
 *   FLECK_E_FORMAT              a line of the list is not such an index; names the line
 *   FLECK_E_NOTFOUND, FLECK_E_IO, FLECK_E_LIMIT   the list cannot be read or is beyond 1 MiB */
fleck_status fk_embed_reduce(fk_embed_spec *spec, const char *text, int64_t dims, uint64_t seed,
                             int64_t width, fleck_error *err) FLECK_MUST_CHECK;

/* Set reduction CHANNELS, channels, width and dims from the text of a list:FILE; name is for
 * messages.  On failure the spec's reduction is NONE. */
fleck_status fk_embed_parse_channels(fk_embed_spec *spec, const char *text, size_t size,
                                     const char *name, int64_t width,
                                     fleck_error *err) FLECK_MUST_CHECK;

/* The spec of PatchCore's embedding (Roth et al. 2022, section 3.1, and the authors' code) on the
 * finest tap's grid.  The patch x patch neighbourhood of every position of a tap (zeros around the
 * grid), channel by channel, is pooled by adaptive average to pretrain values; coarser taps are
 * enlarged bilinearly (align_corners=False); the values of all taps are joined and pooled to dims.
 *   FLECK_E_OPTION  patch is not odd, or out of 1 to 15; pretrain or dims out of 1 to 65536 */
fleck_status fk_embed_patches(fk_embed_spec *out, int64_t patch, int64_t pretrain, int64_t dims,
                              fleck_error *err) FLECK_MUST_CHECK;

/* The width of patches that an option asks for.  0 means the authors' 1024, but at most the number
 * of the taps' channels. */
int64_t fk_embed_patch_width(int64_t asked, int n_taps, const fk_tap_info *taps);

/* The shape of fk_embed()'s result for taps of these shapes; pool_dim is the width of the network's
 * pooled output, 0: there is none.
 *   FLECK_E_OPTION  spec->global names no tap, or a pooled output that does not exist
 *   FLECK_E_SHAPE   the spec's channels or projection are for another total width */
fleck_status fk_embed_shape_of(fk_embed_shape *out, const fk_embed_spec *spec, int n_taps,
                               const fk_tap_info *taps, int64_t pool_dim,
                               fleck_error *err) FLECK_MUST_CHECK;

/* Mark in reads [spec->width] the channels of the joined taps that fk_embed() reads.  False: it
 * reads all of them. */
bool fk_embed_reads(const fk_embed_spec *spec, bool *reads);

/* Number of floats of an embedding, including the global feature. */
int64_t fk_embed_shape_floats(const fk_embed_shape *shape);
/* Check that embeddings have one level and no global feature, as most methods need.  FLECK_E_SHAPE;
 * the message begins with the method's name. */
fleck_status fk_embed_shape_single(const fk_embed_shape *shape, const char *method,
                                   fleck_error *err) FLECK_MUST_CHECK;

/* Whether all of x [n] are finite. */
bool fk_embed_finite(const float *x, int64_t n);

/* Check that e has this shape (FLECK_E_SHAPE) and only finite numbers (FLECK_E_ENGINE: the network
 * overflowed). */
fleck_status fk_embedding_check(const fk_embedding *e, const fk_embed_shape *shape,
                                fleck_error *err) FLECK_MUST_CHECK;
/* Check n embeddings on all threads; the first bad one is reported. */
fleck_status fk_embeddings_check(const fk_embedding *const *e, int64_t n,
                                 const fk_embed_shape *shape, fk_pool *pool,
                                 fleck_error *err) FLECK_MUST_CHECK;

/* Allocate an embedding without flags (every valid is NULL). */
fleck_status fk_embedding_init(fk_embedding *out, const fk_embed_shape *shape,
                               fleck_error *err) FLECK_MUST_CHECK;
void fk_embedding_free(fk_embedding *e);
/* Free its flags, so that all positions count. */
void fk_embedding_unflag(fk_embedding *e);

/* Fill out, which has the shape of this spec and these taps, from the taps [C, h, w] and the pooled
 * output (NULL if the spec does not use it).  Nearest repetition: source row floor(y * h / H), as
 * torch's 'nearest'.  Values are copied, but ORTHOGONAL multiplies and PATCHES averages in float; a
 * tap's mean as global feature is summed in double and rounded once.  No allocation. */
void fk_embed(fk_embedding *out, const fk_embed_spec *spec, int n_taps, const fk_tap_info *info,
              const float *const *taps, const float *pool);

/* Save tensors under names "embed.*", and the rest in meta; the spec's data is borrowed until the
 * writer's commit. */
fleck_status fk_embed_spec_save(const fk_embed_spec *spec, fk_st_writer *w, fk_json *meta,
                                fleck_error *err) FLECK_MUST_CHECK;
/* Load a saved spec; *out owns it.  meta may be NULL or have any contents: FLECK_E_FORMAT,
 * FLECK_E_NOTFOUND and FLECK_E_SHAPE name the file and the error. */
fleck_status fk_embed_spec_load(fk_embed_spec *out, const fk_st_reader *r, const fk_json *meta,
                                fleck_error *err) FLECK_MUST_CHECK;

#endif
