/* SPDX-License-Identifier: Apache-2.0 */
/* The interface of methods: they learn embeddings, and turn an embedding into a map and a score.
 *
 * A method never sees pixels, files or networks.  add, merge and finish are enough for a fit, and
 * for adding good parts to a model later.  score has a const state and scratch of the caller, so
 * that threads share one state without locks. */
#ifndef FK_METHOD_METHOD_H
#define FK_METHOD_METHOD_H

#include "base/option.h"
#include "base/pool.h"
#include "features/embed.h"

typedef enum fk_score_kind {
    FK_SCORE_MAP_MAX, /* the image's score is the maximum of the final (smoothed) map */
    FK_SCORE_GLOBAL   /* the method gives the image's score itself */
} fk_score_kind;

typedef enum fk_method_flags {
    /* score can leave out learned images by `exclude`, so that held-out scores give a threshold. */
    FK_METHOD_EXCLUDES = 1,
    /* The result depends on the order of images.  A fit of files learns them in an order that does
     * not depend on their names, so that the model's bytes do not. */
    FK_METHOD_ORDERED = 2,
    /* score can also leave out a fold of sessions. */
    FK_METHOD_EXCLUDES_FOLDS = 4,
    /* A map takes far longer than a score. */
    FK_METHOD_DEAR_MAPS = 8
} fk_method_flags;

/* Learned embeddings that a score leaves out: `count` of them from `first` on, in order of add or,
 * if they are not contiguous in that order, in order of their ranks.  They are those of an image
 * and its duplicates (several for each image with tiles), or those of a fold. */
typedef struct fk_span {
    int64_t first, count;
    const int32_t *rank; /* NULL, or [learned] rank of each embedding, in order of add */
    int64_t at;          /* with rank: the image's own embedding, in order of add */
    int64_t copies;      /* of the image: 1 and the number of its duplicates; 0 means 1 */
    bool fold;    /* all embeddings of its fold of sessions are left out, see fk_method.fold */
    bool learned; /* with rank: the scored embedding is bit for bit the one learned as `at` */
} fk_span;
#define FK_NONE ((fk_span){0})

/* Two partitions of the learned embeddings into parts that scores leave out as a whole: an image
 * with its duplicates and tiles (FK_ALONE), and folds of sessions (FK_SESSION). */
enum { FK_ALONE, FK_SESSION, FK_PARTITIONS };
typedef struct fk_parts {
    int64_t images;                     /* learned embeddings */
    int64_t count[FK_PARTITIONS];       /* number of parts; 0: the partition is not wanted */
    const int32_t *part[FK_PARTITIONS]; /* [images] part of each, in order of add */
} fk_parts;

static inline bool fk_span_has(fk_span s, int64_t i)
{
    i = s.rank != NULL ? s.rank[i] : i;
    return i >= s.first && i - s.first < s.count;
}

/* Size of the map that score fills: the network's input size. */
typedef struct fk_map_size {
    int64_t height, width;
} fk_map_size;

/* Limits of learning. */
typedef struct fk_memory {
    int64_t bytes;      /* for the state and all scratch of add and finish; 0: no limit */
    const char *folder; /* of temporary files; NULL: none may be made */
    int64_t images;     /* number of images that will be added */
    int threads;        /* of the pools that add and finish will get */
} fk_memory;

/* Most folds of sessions, and number of folds that single images are dealt into; see
 * docs/decisions/folds-in-a-row.md. */
#define FK_FOLDS 8

typedef struct fk_method {
    const char *name;      /* "padim" */
    const char *title;     /* "PaDiM: a Gaussian per position" */
    const char *reference; /* paper */
    const fk_option *options;
    fk_score_kind score_kind;
    unsigned flags;
    const char *resize; /* default filter of preprocessing, e.g. "bicubic" */
    int skip_taps;      /* number of a backbone's usual taps, from the first, that are not used */

    /* The embedding that this method needs with options o for taps of these shapes. */
    fleck_status (*embed)(fk_embed_spec *out, const fk_options *o, int n_taps,
                          const fk_tap_info *taps, fleck_error *err);
    /* Make an empty state.  Options are copied if needed. */
    fleck_status (*begin)(void **state, const fk_options *o, const fk_embed_shape *shape,
                          fk_map_size map, fleck_error *err);
    /* Limit learning to m's bytes; the result is the same.  It is called before the first add.
     * *least is set to the bytes that are needed.  FLECK_E_LIMIT: m allows less.  NULL: the method
     * cannot be limited. */
    fleck_status (*limit)(void *state, const fk_memory *m, int64_t *least, fleck_error *err);
    /* Set the folds, 0 to FK_FOLDS - 1, of the images that add learns next.  A method that cannot
     * leave out a single image leaves out its fold `alone`; `session` is the fold of its session.
     * All tiles of an image are in the same folds.  If this is never called, both folds of
     * embedding i are i % FK_FOLDS.  It influences only scores that exclude.  NULL: the method can
     * leave out any embeddings. */
    void (*fold)(void *state, int alone, int session);
    /* Learn n images in order.  The result depends on the order of images, but not on how they are
     * divided into calls, nor on pool.  With tiles each tile is an image to the method.  Positions
     * where a level's `valid` is 0 are not learned. */
    fleck_status (*add)(void *state, const fk_embedding *const *images, int64_t n, fk_pool *pool,
                        fleck_error *err);
    /* Append what other has learned; other becomes empty.  Both are finished, or both are not. */
    fleck_status (*merge)(void *state, void *other, fleck_error *err);
    /* Announce, before finish, which parts scores will leave out.  parts is borrowed until finish
     * returns.  NULL: the method does not need it.  In others, scores that exclude are too high
     * without it, since patches chosen from an image stand for patches of other images too. */
    void (*part)(void *state, const fk_parts *parts);
    /* Prepare for score.  More images may be added afterwards, followed by finish again. */
    fleck_status (*finish)(void *state, fk_pool *pool, fleck_error *err);
    /* Prepare a finished state for scores that exclude, until more is added; NULL: finish is
     * enough.  The same bytes on any pool.  FLECK_E_STATE: nothing would be left without one of the
     * folds. */
    fleck_status (*prepare_exclude)(void *state, fk_pool *pool, fleck_error *err);

    /* Bytes of scratch of one call of score; prepare_exclude may change it. */
    size_t (*scratch_size)(const void *state);
    /* Score one image.
     *   exclude  FK_NONE for a new image.  For a learned image, the span that e belongs to: a
     *            nearest-neighbour method ignores it, PaDiM removes `copies` of e from its
     *            Gaussians.  FLECK_E_STATE: the method has prepare_exclude, and the state was not
     *            prepared or was loaded
     *   scratch  scratch_size() bytes, 64-byte aligned, one for each thread
     *   map      [map.height * map.width], at the network's input size, before smoothing; >= 0.
     *            Where `valid` is 0 it may be any finite number >= 0, since no pixel that counts
     *            depends on it; the score does not either
     *   score    the image's own score for FK_SCORE_GLOBAL (else unchanged)
     *   map and score may each be NULL: not wanted
     *   pool     NULL, or threads for a single image; the same bytes */
    fleck_status (*score)(const void *state, const fk_embedding *e, fk_span exclude, void *scratch,
                          fk_pool *pool, float *map, double *score, fleck_error *err);
    /* Score n >= 0 images at once, faster than one by one; NULL: it would not be faster, or scores
     * are not computed from maps.
     *   exclude  [n] as in score; may differ among images
     *   pool     may be NULL; must not be the pool that the caller runs on
     *   maps     [n], none NULL: the same bytes as those of score
     * Scratch is allocated, a bounded amount for any n.  If score fails for an image, this fails in
     * the same way without naming the image; maps may be partly filled then. */
    fleck_status (*score_many)(const void *state, int64_t n, const fk_embedding *const *e,
                               const fk_span *exclude, fk_pool *pool, float *const *maps,
                               fleck_error *err);

    /* Maps of all n learned images of a fold of sessions, as if none of them had been learned; n is
     * at most fold_most(), which is 0 if the state cannot do this.  NULL: score leaves out folds
     * (FK_METHOD_EXCLUDES_FOLDS), or folds cannot be left out.  pool and maps as in score_many. */
    int64_t (*fold_most)(const void *state);
    fleck_status (*score_fold)(const void *state, int64_t n, const fk_embedding *const *e,
                               fk_pool *pool, float *const *maps, fleck_error *err);

    /* Number of learned images. */
    int64_t (*count)(const void *state);
    /* Save tensors under names "method.*", and small values in meta.  Data is borrowed until
     * commit. */
    fleck_status (*save)(const void *state, fk_st_writer *w, fk_json *meta, fleck_error *err);
    /* Load a finished state; tensors may be views of r, which outlives the state.  Everything is
     * checked against shape. */
    fleck_status (*load)(void **state, const fk_options *o, const fk_embed_shape *shape,
                         fk_map_size map, const fk_st_reader *r, const fk_json *meta,
                         fleck_error *err);
    void (*free)(void *state);
} fk_method;

int fk_method_count(void);
const fk_method *fk_method_at(int i);
const fk_method *fk_method_find(const char *name);

/* The same; FLECK_E_OPTION lists the methods and suggests one. */
fleck_status fk_method_named(const fk_method **out, const char *name,
                             fleck_error *err) FLECK_MUST_CHECK;

/* fk_options_set_pair() for method m's options; the error says if the option is another method's.
 */
fleck_status fk_method_set(const fk_method *m, fk_options *o, const char *pair, bool opened,
                           fleck_error *err) FLECK_MUST_CHECK;

#endif
