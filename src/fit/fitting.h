/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a running fit; internal to this room. */
#ifndef FK_FIT_FITTING_H
#define FK_FIT_FITTING_H

#include "base/spool.h"
#include "fit/fit.h"
#include "fit/shown.h"
#include "run/score.h"
#include "view/mask.h"

/* Most embeddings of a block. */
#define FK_FIT_BLOCK 48

/* One good image. */
typedef struct fk_good {
    int64_t first, pieces; /* its embeddings: first .. first + pieces - 1 in order of add */
    int32_t twin;          /* the first of its duplicates, or itself */
    int32_t fold;          /* the fold of its session */
    int32_t deal_index;    /* its number when images are dealt into folds; twins have the same */
    fk_traits *traits;     /* for finding duplicates and for the kind of the photos */
} fk_good;

/* Held-out images and their scores.  Valid when zeroed; owned. */
typedef struct fk_held_out {
    int64_t n;                /* number of held-out images */
    int64_t *images;          /* [n] their indices, spread evenly over all images */
    int64_t all;              /* images of the fit */
    fk_good *good;            /* [all] */
    int64_t folds;            /* of sessions; 1: there is only one session */
    const char *sessions;     /* how sessions were found */
    bool by_fold;             /* images are scored without their fold too */
    bool together;            /* then all images of a fold are scored at once */
    int32_t *rank;            /* [embeddings] see fk_span; set when all have been learned */
    int32_t *alone, *session; /* [embeddings] parts that are left out, see fk_parts */
    fk_parts parts;
    fk_spool *store;     /* embeddings of held-out images; NULL with tiles */
    int64_t *stored;     /* [n] index of each in store */
    float *packed;       /* buffer for one stored embedding; NULL if embeddings are one array */
    fk_canvas *canvases; /* [n] without pixels, for their ignored regions */
    int64_t near, exact; /* near duplicates of earlier images, and copies of their files */
} fk_held_out;

typedef struct fk_fitting {
    fk_model *model;
    fk_runner *runner;
    fk_source *source;
    fk_watch *watch;
    bool tiled;
    int64_t n;
    fk_front front; /* embeds the images that are learned */
    int64_t *order; /* [n] order of learning; NULL: the source's */
    fk_shown shown;
    fk_mask_notes notes; /* of the images' own masks */
    int64_t odd;         /* images of another size than the file of the model's mask */
    int64_t odd_size[2]; /* size of the first of them */
    int64_t learned;     /* embeddings learned so far */
    fk_held_out held;
} fk_fitting;

/* ---- Images, images.c ---- */

/* Number of pixels of the network's input. */
int64_t fk_fit_input_pixels(const fk_model *m);
/* Set *order [n] to the images in order of their contents, which the source knows.  The caller
 * frees it. */
fleck_status fk_fit_sort_contents(const fk_fitting *f, int64_t **order,
                                  fleck_error *err) FLECK_MUST_CHECK;

/* ---- Joined networks, balance.c ---- */

/* Set the gains of the model's networks. */
fleck_status fk_fit_balance(fk_fitting *f, fleck_error *err) FLECK_MUST_CHECK;

/* ---- Foreground, foreground.c ---- */

/* Find the model's foreground if the settings ask for it; warn if there is none.  It is called
 * before anything is learned.  FLECK_E_UNSUPPORTED: a stream. */
fleck_status fk_fit_find_foreground(fk_fitting *f, const fleck_settings *s,
                                    fleck_error *err) FLECK_MUST_CHECK;
/* Count the group's canvases, whose blocks have passed, in the foreground's shares. */
void fk_fit_measure_foreground(fk_fitting *f);

/* ---- Scores of held-out images, held_out.c ---- */

/* Choose the held-out images, and find sessions and copies of files. */
fleck_status fk_held_out_init(fk_fitting *f, const fleck_settings *s,
                              fleck_error *err) FLECK_MUST_CHECK;
void fk_held_out_free(fk_held_out *h);
/* The index of image among the held-out ones, or -1. */
int64_t fk_held_out_index(const fk_fitting *f, int64_t image);
/* Tell the method the folds of image, which it learns next. */
void fk_held_out_fold(const fk_fitting *f, int64_t image);
/* Record that piece `tile` of image, on canvas c, was learned as number `embedding`; e is its
 * embedding, which is stored if the image is held out. */
fleck_status fk_held_out_add(fk_fitting *f, int64_t image, int64_t embedding, int64_t tile,
                             fk_canvas *c, fk_embedding *e, fleck_error *err) FLECK_MUST_CHECK;
/* Load the embedding of held-out image k, without flags; not with tiles. */
fleck_status fk_held_out_embedding(fk_fitting *f, int64_t k, fk_embedding *out,
                                   fleck_error *err) FLECK_MUST_CHECK;
/* Bytes that held-out images use while and after the method learns. */
int64_t fk_held_out_bytes(const fk_fitting *f);
/* Find near duplicates, and tell the method which parts will be left out.  It is called after all
 * images have been learned and before the method's finish. */
fleck_status fk_held_out_part(fk_fitting *f, fleck_error *err) FLECK_MUST_CHECK;
/* Score all held-out images with the finished method, and move the scores into the model's
 * calibration, which has no threshold yet. */
fleck_status fk_held_out_score(fk_fitting *f, fleck_error *err) FLECK_MUST_CHECK;
/* Scores of n held-out images as if none of them had been learned.  The method has score_fold. */
fleck_status fk_held_out_score_together(fk_fitting *f, const int64_t *images, int64_t n,
                                        double *scores, fleck_error *err) FLECK_MUST_CHECK;

/* ---- Duplicates, twins.c ---- */

/* Make images of equal files twins of the first one, and move them to its fold. */
fleck_status fk_twins_of_files(fk_fitting *f, fleck_error *err) FLECK_MUST_CHECK;
/* The same for images that differ far less than images of the set usually do.  So frames of a
 * video, which all differ little, do not become twins. */
fleck_status fk_twins_of_looks(fk_fitting *f, fleck_error *err) FLECK_MUST_CHECK;
/* Number the images in order of learning, to deal them into folds; twins get one number.  If twins
 * have joined all folds of sessions, one fold remains. */
void fk_twins_deal_out(fk_fitting *f);
/* Warn of duplicates. */
void fk_twins_say(const fk_fitting *f);
/* Whether all images are twins of the first. */
bool fk_twins_all(const fk_fitting *f);
/* Keep one held-out score of each group of twins; count_once.c. */
fleck_status fk_twins_count_once(fk_fitting *f, fleck_error *err) FLECK_MUST_CHECK;

#endif
