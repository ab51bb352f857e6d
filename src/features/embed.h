/* Embeddings: what a method sees of an image.  Taps of the network become levels of patches. */
#ifndef FK_FEATURES_EMBED_H
#define FK_FEATURES_EMBED_H

#include "base/json.h"
#include "net/net.h"
#include "tensor/safetensors.h"

/* One grid of patches: data [height * width, dim] f32, position-major (channels last). */
typedef struct fk_level {
    int64_t height, width, dim;
    float *data;
} fk_level;

/* One image's embedding.  Valid when zeroed; data owned (fk_embedding_init allocates). */
typedef struct fk_embedding {
    int n_levels;
    fk_level levels[FK_MAX_TAPS];
    int64_t global_dim; /* 0: no global feature */
    float *global;      /* [global_dim] f32 */
} fk_embedding;

typedef enum fk_embed_mode {
    FK_EMBED_JOINED,  /* one level: taps repeated (nearest) to the largest grid, joined, reduced */
    FK_EMBED_SEPARATE /* one level a tap, each at its own grid, not reduced */
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
    int64_t dims;              /* width after the reduction (0 for NONE) */
    int64_t *channels;         /* [dims] for CHANNELS: indices into the joined taps */
    float *projection;         /* [D, dims] for ORTHOGONAL */
    char global[FK_NAME_SIZE]; /* "none", "pool" (the network's), or a tap's name (its mean) */
} fk_embed_spec;

/* What embeddings of a net under a spec look like. */
typedef struct fk_embed_shape {
    int n_levels;
    fk_level levels[FK_MAX_TAPS]; /* data NULL */
    int64_t global_dim;
} fk_embed_shape;

void fk_embed_spec_free(fk_embed_spec *spec);

/* Fill in channels or projection for the taps' total width D: text is the --reduce option
 * ("random", "list:FILE", "orthogonal", "none"), dims the --dims option.
 *   random      Floyd-free draw of dims of D without repetition by fk_prng(seed), sorted
 *   list:FILE   one index a line; dims is the number of lines
 *   orthogonal  QR of a D x dims matrix of fk_prng normals, signs so that R's diagonal is positive
 * dims > D is FLECK_E_OPTION. */
fleck_status fk_embed_reduce(fk_embed_spec *spec, const char *text, int64_t dims, uint64_t seed,
                             int64_t width, fleck_error *err) FLECK_MUST_CHECK;

fleck_status fk_embed_shape_of(fk_embed_shape *out, const fk_embed_spec *spec, int n_taps,
                               const fk_tap_info *taps, int64_t pool_dim,
                               fleck_error *err) FLECK_MUST_CHECK;

fleck_status fk_embedding_init(fk_embedding *out, const fk_embed_shape *shape,
                               fleck_error *err) FLECK_MUST_CHECK;
void fk_embedding_free(fk_embedding *e);

/* Fill out (made for this spec and these taps) from the taps' views [C, h, w] and the pool view.
 * Nearest repetition: source row floor(y * h / H), as torch's 'nearest'.  No allocation. */
void fk_embed(fk_embedding *out, const fk_embed_spec *spec, int n_taps, const fk_tap_info *info,
              const float *const *taps, const float *pool);

/* Save under "embed." names; load checks everything. */
fleck_status fk_embed_spec_save(const fk_embed_spec *spec, fk_st_writer *w, fk_json *meta,
                                fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_embed_spec_load(fk_embed_spec *out, const fk_st_reader *r, const fk_json *meta,
                                fleck_error *err) FLECK_MUST_CHECK;

#endif
