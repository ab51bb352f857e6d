/* SPDX-License-Identifier: Apache-2.0 */
/* A keeper stores the picture of an image while a worker scores it, so that the answer waits for
 * the disk only once, for the commit. */
#ifndef FLECK_SERVE_KEEPER_H
#define FLECK_SERVE_KEEPER_H

#include "inspector.h"

/* One for each worker, which must not move. */
typedef struct sv_keeper {
    struct sv_server *server;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    sv_image *image; /* to be stored; NULL: none */
    bool started, closing, ok;
    fleck_error err;
} sv_keeper;

bool sv_keeper_start(sv_keeper *k, struct sv_server *s);
void sv_keeper_stop(sv_keeper *k);
/* Begin to store the image's picture, as sv_picture_store(), and set image->stored. */
void sv_keeper_begin(sv_keeper *k, sv_image *image);
/* Wait until it is stored, or could not be. */
bool sv_keeper_wait(sv_keeper *k, fleck_error *err);

#endif
