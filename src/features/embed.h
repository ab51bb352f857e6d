/* Embeddings: what a method sees of an image.  Taps of the network become levels of patches. */
#ifndef FK_FEATURES_EMBED_H
#define FK_FEATURES_EMBED_H

#include "base/json.h"
#include "base/pool.h"
#include "graph/graph.h"
#include "tensor/safetensors.h"

/* A flag of a position that counts in scores, but is not learned and was not. */
#define FK_SCORED_ONLY 2

/* One grid of patches: data [height * width, dim] f32, position-major (channels last). */
typedef struct fk_level {
    int64_t height, width, dim;
    float *data;
    uint8_t *valid; /* NULL, or [height * width]: 0 where a mask leaves the position out, 1 where it
                       counts, or FK_SCORED_ONLY */
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
    FK_EMBED_SEPARATE, /* one level a tap, each at its own grid, not reduced */
    FK_EMBED_PATCHES   /* one level: places with their neighbours, pooled; see fk_embed_patches() */
} fk_embed_mode;

typedef enum fk_reduce {
    FK_REDUCE_NONE,      /* all channels */
    FK_REDUCE_CHANNELS,  /* the channels listed, in that order */
    FK_REDUCE_ORTHOGONAL /* x W, W [D, dims] with orthonormal columns */
} fk_reduce;

/* How taps become an embedding; saved in the model.  Valid when zeroed; owned. */
typedef struct fk_embed_spec {
    fk_embed_mode mode;
    fk_reduce reduce;
    int64_t dims;              /* width after the reduction (0 for NONE), or of PATCHES */
    int64_t *channels;         /* [dims] for CHANNELS: indices into the joined taps */
    float *projection;         /* [width, dims] for ORTHOGONAL */
    int64_t width;             /* D, the taps' total width, that channels or projection are for */
    int64_t patch, pretrain;   /* for PATCHES: side of a patch, odd, and each tap's pooled width */
    char global[FK_NAME_SIZE]; /* "none", "pool" (the network's), or a tap's name (its mean) */
} fk_embed_spec;

/* What embeddings of a net under a spec look like. */
typedef struct fk_embed_shape {
    int n_levels;
    fk_level levels[FK_MAX_TAPS]; /* data NULL */
    int64_t global_dim;
} fk_embed_shape;

void fk_embed_spec_free(fk_embed_spec *spec);

/* Fill in reduce, dims, channels or projection of a spec for the taps' total width D (> 0): text is
 * the --reduce option ("random", "list:FILE", "orthogonal", "none"), dims the --dims option, 0 for
 * the usual number: 550 where D > 1000, else 100 (the paper's for WRN50-2 and ResNet-18), and D
 * where D is less than that.
 *   random      the draw of Python's random.sample(range(D), dims) after random.seed(seed), sorted:
 *               with seed 1024 the channels of the usual PyTorch code (features/sample.h)
 *   list:FILE   one index of [0, D) a line, in the order wanted, no index twice; empty lines do not
 *               count.  dims must be 0 or the number of indices
 *   orthogonal  fk_linalg_orthonormal(D, dims, seed): Kim et al. 2021's semi-orthogonal embedding
 *   none        all channels; dims must be 0 or D
 * On failure the spec's reduction is NONE.
 *   FLECK_E_OPTION              dims is more than D, or does not fit the list
 *   FLECK_E_FORMAT              a line of the list, named with its number, is not such an index
 *   FLECK_E_NOTFOUND, FLECK_E_IO, FLECK_E_LIMIT   the list cannot be read or is beyond 1 MiB */
fleck_status fk_embed_reduce(fk_embed_spec *spec, const char *text, int64_t dims, uint64_t seed,
                             int64_t width, fleck_error *err) FLECK_MUST_CHECK;

/* The list of list:FILE from its text: reduction CHANNELS, width and dims set too.  name stands in
 * messages.  On failure the spec's reduction is NONE. */
fleck_status fk_embed_parse_channels(fk_embed_spec *spec, const char *text, size_t size,
                                     const char *name, int64_t width,
                                     fleck_error *err) FLECK_MUST_CHECK;

/* PatchCore's embedding (Roth et al. 2022, section 3.1, as the authors' code has it) on the finest
 * tap's grid: of each tap the patch x patch neighbourhood of every place (zeros around the grid),
 * channel by channel, pooled by adaptive average to pretrain values; coarser taps enlarged
 * bilinearly (align_corners=False); the taps' values joined and pooled again to dims.
 *   FLECK_E_OPTION  patch is not odd, or out of 1 to 15; pretrain or dims out of 1 to 65536 */
fleck_status fk_embed_patches(fk_embed_spec *out, int64_t patch, int64_t pretrain, int64_t dims,
                              fleck_error *err) FLECK_MUST_CHECK;

/* The width of patches that is asked for, or for 0 the authors' 1024, and no more than the taps
 * have channels. */
int64_t fk_embed_patch_width(int64_t asked, int n_taps, const fk_tap_info *taps);

/* What fk_embed() will make of taps of these shapes; pool_dim is the width of the network's pool, 0
 * where there is none.
 *   FLECK_E_OPTION  spec->global names no tap, or the pool where there is none
 *   FLECK_E_SHAPE   the spec's channels or projection are not for taps of this total width */
fleck_status fk_embed_shape_of(fk_embed_shape *out, const fk_embed_spec *spec, int n_taps,
                               const fk_tap_info *taps, int64_t pool_dim,
                               fleck_error *err) FLECK_MUST_CHECK;

/* Mark in reads [spec->width] the channels of the joined taps that fk_embed() reads.  False, and
 * all are true, where it reads every one. */
bool fk_embed_reads(const fk_embed_spec *spec, bool *reads);

/* Numbers of an embedding, the global feature's included. */
int64_t fk_embed_shape_floats(const fk_embed_shape *shape);
/* Check that embeddings are one level and no global feature, as most methods want them:
 * FLECK_E_SHAPE, the message begins with the method's name. */
fleck_status fk_embed_shape_single(const fk_embed_shape *shape, const char *method,
                                   fleck_error *err) FLECK_MUST_CHECK;

/* Whether all of x [n] are finite. */
bool fk_embed_finite(const float *x, int64_t n);

/* Check that e has this shape (FLECK_E_SHAPE) and holds finite numbers only (FLECK_E_ENGINE: a
 * network that overflowed). */
fleck_status fk_embedding_check(const fk_embedding *e, const fk_embed_shape *shape,
                                fleck_error *err) FLECK_MUST_CHECK;
/* Check n of them, by all threads; of several that fail the first one is reported. */
fleck_status fk_embeddings_check(const fk_embedding *const *e, int64_t n,
                                 const fk_embed_shape *shape, fk_pool *pool,
                                 fleck_error *err) FLECK_MUST_CHECK;

/* One without flags (every valid NULL). */
fleck_status fk_embedding_init(fk_embedding *out, const fk_embed_shape *shape,
                               fleck_error *err) FLECK_MUST_CHECK;
void fk_embedding_free(fk_embedding *e);
/* Free its flags: every position counts again. */
void fk_embedding_unflag(fk_embedding *e);

/* Fill out (made for this spec and these taps) from the taps' views [C, h, w] and the pool view
 * (NULL where the spec does not use it).  Nearest repetition: source row floor(y * h / H), as
 * torch's 'nearest'.  Values are copied, except: ORTHOGONAL multiplies and PATCHES averages in
 * float; a tap's mean as global feature is summed in double and rounded once.  No allocation. */
void fk_embed(fk_embedding *out, const fk_embed_spec *spec, int n_taps, const fk_tap_info *info,
              const float *const *taps, const float *pool);

/* Save tensors under "embed." names and the rest into meta; the spec's data is borrowed until the
 * writer's commit. */
fleck_status fk_embed_spec_save(const fk_embed_spec *spec, fk_st_writer *w, fk_json *meta,
                                fleck_error *err) FLECK_MUST_CHECK;
/* The same spec again, owned.  meta may be NULL or anything: FLECK_E_FORMAT, FLECK_E_NOTFOUND and
 * FLECK_E_SHAPE name the file and what is wrong. */
fleck_status fk_embed_spec_load(fk_embed_spec *out, const fk_st_reader *r, const fk_json *meta,
                                fleck_error *err) FLECK_MUST_CHECK;

#endif
