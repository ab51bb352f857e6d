/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that stores pictures. */
#include "keeper.h"
#include "http.h"
#include "pictures.h"

static void *run(void *ctx)
{
    sv_keeper *k = ctx;

    pthread_mutex_lock(&k->lock);
    for (;;) {
        sv_image *image;
        fleck_error err = {0};
        bool ok;

        while (k->image == NULL && !k->closing)
            pthread_cond_wait(&k->changed, &k->lock);
        if ((image = k->image) == NULL)
            break;
        pthread_mutex_unlock(&k->lock);
        ok = sv_picture_store(k->server, image, &err);
        image->stored = sv_seconds();
        pthread_mutex_lock(&k->lock);
        k->ok = ok;
        k->err = err;
        k->image = NULL;
        pthread_cond_signal(&k->changed);
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

bool sv_keeper_start(sv_keeper *k, struct sv_server *s)
{
    *k = (sv_keeper){.server = s};
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->changed, NULL);
    k->started = pthread_create(&k->thread, NULL, run, k) == 0;
    return k->started;
}

void sv_keeper_stop(sv_keeper *k)
{
    if (!k->started)
        return;
    pthread_mutex_lock(&k->lock);
    k->closing = true;
    pthread_cond_signal(&k->changed);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
    pthread_cond_destroy(&k->changed);
    pthread_mutex_destroy(&k->lock);
    k->started = false;
}

void sv_keeper_begin(sv_keeper *k, sv_image *image)
{
    pthread_mutex_lock(&k->lock);
    k->image = image;
    pthread_cond_signal(&k->changed);
    pthread_mutex_unlock(&k->lock);
}

bool sv_keeper_wait(sv_keeper *k, fleck_error *err)
{
    bool ok;

    pthread_mutex_lock(&k->lock);
    while (k->image != NULL)
        pthread_cond_wait(&k->changed, &k->lock);
    ok = k->ok;
    if (!ok)
        *err = k->err;
    pthread_mutex_unlock(&k->lock);
    return ok;
}
