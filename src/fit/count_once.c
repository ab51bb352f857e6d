/* The scores of duplicates count once: a rank among scores that say the same thing twice is no rank
 * among parts. */
#include "base/mem.h"
#include "fit/fitting.h"

/* Duplicates that are scored together; all images are held out, so that their numbers are those of
 * scores. */
typedef struct alike {
    int64_t n;
    int64_t *images;           /* [n] */
    fk_embedding *embeddings;  /* [n] */
    const fk_embedding **view; /* [n] */
    const uint8_t **left_out;  /* [n] */
    float **maps;              /* [n] */
    double *scores;            /* [n] */
} alike;

static void alike_free(alike *a)
{
    for (int64_t i = 0; i < a->n; i++) {
        if (a->embeddings != NULL)
            fk_embedding_free(&a->embeddings[i]);
        if (a->maps != NULL)
            fk_free(a->maps[i]);
    }
    fk_free(a->images);
    fk_free(a->embeddings);
    fk_free(a->view);
    fk_free(a->left_out);
    fk_free(a->maps);
    fk_free(a->scores);
}

/* The n duplicates of image `first`. */
static fleck_status alike_init(alike *a, fk_fitting *f, int32_t first, int64_t n, fleck_error *err)
{
    fk_held_out *h = &f->held;
    int64_t k = 0;
    fleck_status st;

    *a = (alike){.n = n};
    FK_DO(FK_ALLOC(&a->images, n, err));
    FK_DO(FK_CALLOC(&a->embeddings, n, err));
    FK_DO(FK_ALLOC(&a->view, n, err));
    FK_DO(FK_ALLOC(&a->left_out, n, err));
    FK_DO(FK_CALLOC(&a->maps, n, err));
    FK_DO(FK_ALLOC(&a->scores, n, err));
    for (int64_t i = 0; i < f->n; i++) {
        if (h->good[i].twin != first)
            continue;
        FK_DO(fk_embedding_init(&a->embeddings[k], &f->model->shape, err));
        FK_DO(FK_ALLOC(&a->maps[k], fk_fit_input_pixels(f->model), err));
        FK_DO(fk_held_out_embedding(f, i, &a->embeddings[k], err));
        FK_DO(fk_canvas_flag(&a->embeddings[k], &h->canvases[i], 0, false, err));
        a->view[k] = &a->embeddings[k];
        a->left_out[k] = h->canvases[i].left_out.data;
        a->images[k++] = i;
    }
done:
    return st;
}

/* A method that takes an image out once for each of its duplicates takes out too much where they
 * are not equal to the last number, and scores are far too high where images are few.  If it can
 * leave out several it does. */
static fleck_status score_near(fk_fitting *f, fleck_error *err)
{
    const fk_held_out *h = &f->held;
    const fk_method *m = f->model->method;
    int64_t most = m->score_fold != NULL ? m->fold_most(f->model->state) : 0;
    fleck_status st = FLECK_OK;

    if (h->near == 0 || f->tiled || h->n < f->n || !fk_model_scores_maps(f->model))
        return FLECK_OK;
    for (int64_t first = 0; first < f->n && st == FLECK_OK; first++) {
        int64_t n = 0;
        alike a;

        for (int64_t i = first; i < f->n; i++)
            n += h->good[i].twin == first;
        if (n < 2 || n > most || f->n - n < 2)
            continue;
        st = alike_init(&a, f, (int32_t)first, n, err);
        if (st == FLECK_OK)
            st = fk_runner_score_fold(f->runner, n, a.view, a.left_out, a.maps, a.scores, err);
        for (int64_t i = 0; i < n && st == FLECK_OK; i++)
            f->model->calibration.alone[a.images[i]] = a.scores[i];
        alike_free(&a);
    }
    return st;
}

fleck_status fk_twins_count_once(fk_fitting *f, double rate, fleck_error *err)
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
    fk_calibration_set_rate(c, rate);
done:
    fk_free(counted);
    return st;
}
