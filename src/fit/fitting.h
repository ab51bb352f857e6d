/* A fit while it runs, shared by the files that it is made of. */
#ifndef FK_FIT_FITTING_H
#define FK_FIT_FITTING_H

#include "base/spool.h"
#include "fit/fit.h"
#include "fit/shown.h"
#include "run/score.h"
#include "view/mask.h"

/* Most embeddings of a block. */
#define FK_FIT_BLOCK 48

/* What is known of one good image. */
typedef struct fk_good {
    int64_t first, pieces; /* what it was learned as: embeddings in order of add */
    int32_t twin;          /* the first of its duplicates, itself where there is none */
    int32_t fold;          /* of sessions */
    int32_t turn;          /* in which it is dealt out; twins have one */
    fk_traits *traits; /* its picture at a few pixels, to find duplicates by, and what kind it is */
} fk_good;

/* Images whose scores are found while they are held out.  Valid when zeroed; owned. */
typedef struct fk_held_out {
    int64_t n;                /* held out */
    int64_t *images;          /* [n] their numbers, spread evenly over all */
    int64_t all;              /* images of the fit */
    fk_good *good;            /* [all] */
    int64_t folds;            /* of sessions; 1: they are not told apart */
    const char *sessions;     /* how they were told apart */
    bool by_fold;             /* scores are found without each fold, too ... */
    bool together;            /* ... of all its images at once */
    int32_t *rank;            /* [embeddings] see fk_span; made when all have been learned */
    int32_t *alone, *session; /* [embeddings] parts that are left out */
    fk_parts parts;
    fk_spool *store;     /* embeddings of those held out, in order of `stored`; NULL with tiles */
    int64_t *stored;     /* [n] where each lies */
    float *packed;       /* an embedding of several parts, on its way there and back */
    fk_canvas *canvases; /* [n] without pixels: what masks leave out */
    int64_t near, exact; /* images that are like an earlier one, and that are the same file */
} fk_held_out;

typedef struct fk_fitting {
    fk_model *model;
    fk_runner *runner;
    fk_source *source;
    fk_watch *watch;
    bool tiled;
    int64_t n;
    fk_front front; /* of what is learned: a block of it at a time */
    int64_t *order; /* [n] images as they are learned; NULL: in their own order */
    fk_shown shown;
    fk_mask_notes notes; /* of the images' own masks */
    int64_t odd;         /* images of another size than the file of the model's mask ... */
    int64_t odd_size[2]; /* ... and the first one's */
    int64_t learned;     /* embeddings so far */
    fk_held_out held;
} fk_fitting;

/* ---- Images, images.c ---- */

/* Pixels of the network's input. */
int64_t fk_fit_input_pixels(const fk_model *m);
/* *order [n]: the images in the order of their contents, which the source knows; the caller frees
 * it. */
fleck_status fk_fit_sort_contents(const fk_fitting *f, int64_t **order,
                                  fleck_error *err) FLECK_MUST_CHECK;

/* ---- Scores of held-out images, held_out.c ---- */

/* Choose which are held out, and tell sessions apart. */
fleck_status fk_held_out_init(fk_fitting *f, const fleck_fit_settings *s,
                              fleck_error *err) FLECK_MUST_CHECK;
void fk_held_out_free(fk_held_out *h);
/* Which of those held out image is, -1 where it is none. */
int64_t fk_held_out_index(const fk_fitting *f, int64_t image);
/* Tell the method the folds of what it learns next, of image. */
void fk_held_out_fold(const fk_fitting *f, int64_t image);
/* Take down that piece `tile` of image, on canvas c, is embedding number `embedding`, which is
 * e. */
fleck_status fk_held_out_add(fk_fitting *f, int64_t image, int64_t embedding, int64_t tile,
                             fk_canvas *c, fk_embedding *e, fleck_error *err) FLECK_MUST_CHECK;
/* The embedding of held-out image k, without flags; not with tiles. */
fleck_status fk_held_out_embedding(fk_fitting *f, int64_t k, fk_embedding *out,
                                   fleck_error *err) FLECK_MUST_CHECK;
/* Memory that is taken while and after the method learns. */
int64_t fk_held_out_bytes(const fk_fitting *f);
/* When all have been learned and before the method's finish: find duplicates and tell the method
 * which parts scores will leave out. */
fleck_status fk_held_out_part(fk_fitting *f, fleck_error *err) FLECK_MUST_CHECK;
/* Score all that are held out by the finished method, and set the model's calibration. */
fleck_status fk_held_out_score(fk_fitting *f, const fleck_fit_settings *s,
                               fleck_error *err) FLECK_MUST_CHECK;
/* Scores of n images, which are all held out, without any of them at once; the method can. */
fleck_status fk_held_out_score_together(fk_fitting *f, const int64_t *images, int64_t n,
                                        double *scores, fleck_error *err) FLECK_MUST_CHECK;

/* ---- Duplicates, twins.c ---- */

/* Images of equal files are twins of the first, and of its fold. */
fleck_status fk_twins_of_files(fk_fitting *f, fleck_error *err) FLECK_MUST_CHECK;
/* So are those that differ far less than images of the set do.  Where these differ little, as those
 * of a video do, none is a twin for that. */
fleck_status fk_twins_of_looks(fk_fitting *f, fleck_error *err) FLECK_MUST_CHECK;
/* Deal images out in the order in which they are learned; twins have one turn.  One fold is left
 * where twins have joined all. */
void fk_twins_deal_out(fk_fitting *f);
/* Warn of them. */
void fk_twins_say(const fk_fitting *f);
/* Whether all images are twins of the first. */
bool fk_twins_all(const fk_fitting *f);
/* Leave one held-out score of each image and its duplicates, and set the threshold anew;
 * count_once.c. */
fleck_status fk_twins_count_once(fk_fitting *f, double rate, fleck_error *err) FLECK_MUST_CHECK;

#endif
