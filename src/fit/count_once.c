/* SPDX-License-Identifier: Apache-2.0 */
/* The held-out scores of duplicates count once, so that ranks among the scores are ranks among
 * different parts. */
#include "base/mem.h"
#include "fit/fitting.h"

/* Score near duplicates again, each group left out as a whole, if the method can.  Scores that
 * leave out one image once for each duplicate are too high if duplicates are not exactly equal,
 * above all if images are few. */
static fleck_status score_near(fk_fitting *f, fleck_error *err)
{
    const fk_held_out *h = &f->held;
    const fk_method *m = f->model->method;
    int64_t most = m->score_fold != NULL ? m->fold_most(f->model->state) : 0;
    int64_t *images = NULL;
    double *found = NULL;
    fleck_status st;

    if (h->near == 0 || f->tiled || h->n < f->n || !fk_model_scores_maps(f->model))
        return FLECK_OK;
    FK_DO(FK_ALLOC(&images, f->n, err));
    FK_DO(FK_ALLOC(&found, f->n, err));
    for (int64_t first = 0; first < f->n; first++) {
        int64_t n = 0;

        for (int64_t i = first; i < f->n; i++)
            if (h->good[i].twin == first)
                images[n++] = i;
        if (n < 2 || n > most || f->n - n < 2)
            continue;
        FK_DO(fk_held_out_score_together(f, images, n, found, err));
        for (int64_t i = 0; i < n; i++)
            f->model->calibration.alone[images[i]] = found[i];
    }
done:
    fk_free(images);
    fk_free(found);
    return st;
}

fleck_status fk_twins_count_once(fk_fitting *f, fleck_error *err)
{
    const fk_held_out *h = &f->held;
    fk_calibration *c = &f->model->calibration;
    uint8_t *counted = NULL;
    int64_t n = 0;
    fleck_status st = FLECK_OK;

    if (c->images == 0 || h->exact + h->near == 0)
        return FLECK_OK;
    FK_DO(score_near(f, err));
    FK_DO(FK_CALLOC(&counted, f->n, err));
    for (int64_t k = 0; k < c->images; k++) {
        uint8_t *seen = &counted[h->good[h->images[k]].twin];

        if (*seen != 0) {
            if (c->names != NULL)
                fk_free(c->names[k]);
            continue;
        }
        *seen = 1;
        c->alone[n] = c->alone[k];
        if (c->group != NULL) {
            c->group[n] = c->group[k];
            c->fold[n] = c->fold[k];
        }
        if (c->names != NULL)
            c->names[n] = c->names[k];
        n++;
    }
    c->images = n;
done:
    fk_free(counted);
    return st;
}
