/* The method interface: embeddings in, one image at a time; a map and a score out.
 *
 * A method sees embeddings, never pixels, files or networks.  add + merge + finish serve the serial
 * fit, the threaded fit and "learn from five more good parts" alike; score takes a const state and
 * the caller's scratch, so threads share one state without locks. */
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
    /* Scores of training images serve the threshold: score honours `exclude`. */
    FK_METHOD_EXCLUDES = 1,
    /* A fit of files learns in an order that the files' names have no part in, so that they have
     * none in the model's bytes. */
    FK_METHOD_ORDERED = 2,
    /* score also leaves out a fold of sessions. */
    FK_METHOD_EXCLUDES_FOLDS = 4,
    /* A map takes far longer than a score. */
    FK_METHOD_DEAR_MAPS = 8
} fk_method_flags;

/* Learned embeddings that a score leaves out: `count` from `first` on, in order of add or, where
 * that is not the order in which what belongs together lies together, by the rank that each was
 * given.  An image cut into tiles was learned as several embeddings, and its duplicates are left
 * out with it. */
typedef struct fk_span {
    int64_t first, count;
    const int32_t *rank; /* NULL, or [learned] rank of each embedding, in order of add */
    int64_t at;          /* with rank: the image's own embedding, in order of add */
    int64_t copies; /* embeddings among them that are like it, itself included; 0 counts as 1 */
    bool fold;      /* they are all of its fold of sessions, see fk_method.fold */
    bool learned;   /* with rank: what is scored is what was learned as `at`, to the last bit */
} fk_span;
#define FK_NONE ((fk_span){0})

/* How what was learned belongs together: in parts that scores leave out as a whole.  Of two
 * partitions: an image alone with its duplicates and tiles, and sessions. */
enum { FK_ALONE, FK_SESSION, FK_PARTITIONS };
typedef struct fk_parts {
    int64_t images;                     /* that were learned, as embeddings */
    int64_t count[FK_PARTITIONS];       /* parts; 0: the partition is not wanted */
    const int32_t *part[FK_PARTITIONS]; /* [images] of each, in order of add */
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

/* What learning may take. */
typedef struct fk_memory {
    int64_t bytes;      /* the state and all scratch of add and finish; 0: no limit was asked for */
    const char *folder; /* where temporary files may go; NULL: nowhere */
    int64_t images;     /* that will be added */
    int threads;        /* of the pools that add and finish will get */
} fk_memory;

/* Folds of whole sessions, at most, and as many of images that are dealt out in turn; see
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
    int skip_taps; /* of a backbone's usual taps, how many of the first this method leaves out */

    /* The embedding this method wants under options o for taps of these shapes. */
    fleck_status (*embed)(fk_embed_spec *out, const fk_options *o, int n_taps,
                          const fk_tap_info *taps, fleck_error *err);
    /* An empty state.  Options are copied where needed. */
    fleck_status (*begin)(void **state, const fk_options *o, const fk_embed_shape *shape,
                          fk_map_size map, fleck_error *err);
    /* Before the first add, or NULL where the method knows no limit: learn within m's bytes, with
     * the same result.  FLECK_E_LIMIT where that is less than *least, which is what is needed. */
    fleck_status (*limit)(void *state, const fk_memory *m, int64_t *least, fleck_error *err);
    /* What add learns from now on is of these folds, 0 to FK_FOLDS - 1 each: one of images dealt
     * out in turn, which is left out where a method cannot leave out an image alone, and one of
     * sessions.  All tiles of an image are of one.  Where this was never called embedding i is of
     * fold i % FK_FOLDS of both.  NULL in a method that leaves out what it is asked to.  It changes
     * nothing but scores that exclude. */
    void (*fold)(void *state, int alone, int session);
    /* Learn n images in order.  The result depends on the order of images only, not on how they are
     * cut into calls, nor on pool.  With tiles each tile is an image to the method.  Positions that
     * a level's `valid` leaves out are not learned. */
    fleck_status (*add)(void *state, const fk_embedding *const *images, int64_t n, fk_pool *pool,
                        fleck_error *err);
    /* Take what other learned, behind what state did; other becomes empty. Both unfinished or both
     * finished. */
    fleck_status (*merge)(void *state, void *other, fleck_error *err);
    /* Before finish: which parts scores will leave out.  parts is borrowed until finish returns.
     * NULL in a method whose scores need not know; elsewhere, without it, scores that exclude are
     * too high, since what was chosen of an image covers others as well. */
    void (*part)(void *state, const fk_parts *parts);
    /* Make ready for score.  More images may be added after it, then finish again. */
    fleck_status (*finish)(void *state, fk_pool *pool, fleck_error *err);
    /* Make a finished state ready for scores that exclude, until more is added; NULL where finish
     * does all that takes.  The same bytes on any pool.  FLECK_E_STATE where a fold has all there
     * is to learn from. */
    fleck_status (*prepare_exclude)(void *state, fk_pool *pool, fleck_error *err);

    /* Scratch bytes that one call of score needs; prepare_exclude may change it. */
    size_t (*scratch_size)(const void *state);
    /* Score one image.
     *   exclude  FK_NONE for a new image; for one that was learned, what it was learned as: e is
     *            one of the span, and a nearest-neighbour method finds nothing in all of it; PaDiM
     *            takes `copies` of e out of its Gaussians.
     *            FLECK_E_STATE where the method has prepare_exclude and the state was not prepared,
     *            or was loaded
     *   scratch  scratch_size() bytes, 64-byte aligned, one a thread
     *   map      [map.height * map.width], at the network's input size, before smoothing; >= 0.
     *            At positions that `valid` leaves out it may be any finite number >= 0, since no
     *            pixel that counts draws on them; they have no part in the score
     *   score    the image's own score for FK_SCORE_GLOBAL (untouched otherwise)
     *   map and score may each be NULL when not wanted
     *   pool     may be used when not NULL (a single image on several threads); same bytes */
    fleck_status (*score)(const void *state, const fk_embedding *e, fk_span exclude, void *scratch,
                          fk_pool *pool, float *map, double *score, fleck_error *err);
    /* Score n images (any n >= 0) at once, faster than one by one; NULL in a method that gains
     * nothing by it, or whose scores are not those of maps.
     *   exclude  [n] as in score; may differ among images
     *   pool     may be NULL; not to be called from inside a piece of it
     *   maps     [n], none NULL: each the very bytes that score gives
     * Takes its scratch from the heap, bounded whatever n is.  Fails where score fails for one of
     * the images, as score does, without saying for which; maps may be half filled then. */
    fleck_status (*score_many)(const void *state, int64_t n, const fk_embedding *const *e,
                               const fk_span *exclude, fk_pool *pool, float *const *maps,
                               fleck_error *err);

    /* Maps of n images, which are all that was learned of a fold of sessions, as if none of them
     * had been; n is at most fold_most(), which is 0 where the state cannot.  NULL where score
     * leaves out folds (FK_METHOD_EXCLUDES_FOLDS), or nothing does.  pool and maps as in
     * score_many. */
    int64_t (*fold_most)(const void *state);
    fleck_status (*score_fold)(const void *state, int64_t n, const fk_embedding *const *e,
                               fk_pool *pool, float *const *maps, fleck_error *err);

    /* Number of images learned. */
    int64_t (*count)(const void *state);
    /* Tensors under "method." names; small values into meta. Data is borrowed until commit. */
    fleck_status (*save)(const void *state, fk_st_writer *w, fk_json *meta, fleck_error *err);
    /* A finished state; tensors may stay views into r, which outlives the state. Everything is
     * checked against shape. */
    fleck_status (*load)(void **state, const fk_options *o, const fk_embed_shape *shape,
                         fk_map_size map, const fk_st_reader *r, const fk_json *meta,
                         fleck_error *err);
    void (*free)(void *state);
} fk_method;

int fk_method_count(void);
const fk_method *fk_method_at(int i);
const fk_method *fk_method_find(const char *name);

/* The same; FLECK_E_OPTION says which there are and which may have been meant. */
fleck_status fk_method_named(const fk_method **out, const char *name,
                             fleck_error *err) FLECK_MUST_CHECK;

/* fk_options_set_pair() of method m's options; says where an option is another method's. */
fleck_status fk_method_set(const fk_method *m, fk_options *o, const char *pair, bool opened,
                           fleck_error *err) FLECK_MUST_CHECK;

#endif
