/* A batch: files that go through decoding, network and method together, phase by phase.
 *
 *   files -> canvases     a file a thread
 *         -> embeddings   as many as there are threads pass the network together
 *         -> maps         all at once, where the method reads its state once for several
 *
 * The phases wait for each other, which costs less than threads that each take an image all the
 * way:
 * those would drift apart, and fetch the network's weights and the method's state each for itself.
 * Tiled images take all phases one by one, a file a thread. */
#include "run/batch.h"
#include "base/mem.h"

#include <assert.h>
#include <stdatomic.h>

/* Files for each thread of a run, and the most that their embeddings may take. */
#define FILES_A_THREAD 8
#define EMBEDDING_BYTES (INT64_C(112) << 20)
/* What files leave until a run is over, beyond which it begins with no more of them at all. */
#define HUGE_BYTES (INT64_C(1) << 30)

static fleck_status make_embeddings(fk_batch *b, fleck_error *err)
{
    const fk_embed_shape *shape = &b->runner->model->shape;
    int64_t most = EMBEDDING_BYTES / (fk_embed_shape_floats(shape) * (int64_t)sizeof(float) + 1);
    fleck_status st;

    most = most < b->runner->threads ? b->runner->threads : most;
    b->room = b->room < most ? b->room : most;
    FK_DO(FK_CALLOC(&b->embeddings, b->room, err));
    for (int64_t i = 0; i < b->room; i++)
        FK_DO(fk_embedding_init(&b->embeddings[i], shape, err));
done:
    return st;
}

fleck_status fk_batch_open(fk_batch *b, fk_runner *r, bool keep, fleck_error *err)
{
    fleck_status st;

    *b = (fk_batch){.runner = r,
                    .keep = keep,
                    .room = FILES_A_THREAD * (int64_t)r->threads,
                    .budget = FK_BATCH_BYTES};
    fk_gate_init(&b->gate, FK_BATCH_GATE);
    if (r->model->pre.tile == 0)
        FK_DO(make_embeddings(b, err));
    FK_DO(FK_CALLOC(&b->canvases, b->room, err));
    FK_DO(FK_CALLOC(&b->results, b->room, err));
    FK_DO(FK_CALLOC(&b->errors, b->room, err));
done:
    if (st != FLECK_OK)
        fk_batch_close(b);
    return st;
}

/* Keep the first n files of what the last run left. */
static void shorten(fk_batch *b, int64_t n)
{
    for (int64_t i = n; i < b->n; i++) {
        fk_canvas_free(&b->canvases[i]);
        fk_result_free(&b->results[i]);
    }
    b->n = n;
}

void fk_batch_close(fk_batch *b)
{
    if (b->runner == NULL)
        return;
    shorten(b, 0);
    fk_gate_free(&b->gate);
    for (int64_t i = 0; b->embeddings != NULL && i < b->room; i++)
        fk_embedding_free(&b->embeddings[i]);
    fk_free(b->embeddings);
    fk_free(b->canvases);
    fk_free(b->results);
    fk_free(b->errors);
    *b = (fk_batch){0};
}

/* ---- Phases ---- */

typedef struct run {
    fk_batch *batch;
    const char *const *files, *const *masks;
    int64_t *ready; /* [n] indices of files that are still without an error */
    int64_t n_ready;
    fk_pool *pool; /* tiled: where a file has all threads, else NULL */
    bool *later;   /* [n] files for which there was no room */
} run;

/* File i has failed. */
static void give_up(const run *r, int64_t i)
{
    fk_result_free(&r->batch->results[i]);
    fk_error_context(&r->batch->errors[i], "%s", r->files[i]);
}

static int64_t image_bytes(const fk_image *im)
{
    return im->data != NULL ? im->width * im->height * im->channels : 0;
}

/* What file i leaves until the run is over. */
static int64_t taken_by(const fk_batch *b, int64_t i)
{
    const fk_canvas *c = &b->canvases[i];
    const fleck_result *r = &b->results[i];

    return image_bytes(&c->pixels) + image_bytes(&c->left_out) + image_bytes(&c->own) +
           image_bytes(&c->whole) +
           (r->map != NULL ? r->map_width * r->map_height * (int64_t)sizeof *r->map : 0) +
           (r->image != NULL ? r->image_width * r->image_height * 3 : 0);
}

/* Whether file i may come into this run.  A file for each thread may, so that all have work, unless
 * these are huge. */
static bool has_room(const fk_batch *b, int64_t i)
{
    int64_t taken = atomic_load(&b->taken);

    return i == 0 || taken < b->budget || (i < b->runner->threads && taken < HUGE_BYTES);
}

static fleck_status prepare(void *ctx, int64_t i, int worker, fleck_error *err)
{
    const run *r = ctx;
    fk_batch *b = r->batch;
    fleck_result *result = &b->results[i];
    fk_image original = {0};
    int64_t room;
    fleck_status st = FLECK_OK;

    (void)err; /* a bad file is its own result */
    err = &b->errors[i];
    *err = (fleck_error){0};
    room = fk_runner_enter(b->runner, worker, r->files[i]);
    r->later[i] = !has_room(b, i);
    if (r->later[i])
        goto done;
    if (fk_runner_decode(b->runner, worker, r->files[i], &original, err) != FLECK_OK)
        goto done; /* the message has the name */
    fk_result_start(result, b->runner->model, &original);
    FK_DO(fk_strdup(&result->path, r->files[i], err));
    FK_DO(fk_runner_prepare(b->runner, worker, &original, r->masks != NULL ? r->masks[i] : NULL,
                            &b->canvases[i], err));
    result->unlike = fk_kind_compare(&b->runner->model->kind, b->canvases[i].traits);
    FK_DO(FK_ALLOC(&result->map, result->map_width * result->map_height, err));
    if (b->keep)
        fk_result_keep(result, &original);
    atomic_fetch_add(&b->taken, taken_by(b, i));
done:
    fk_image_free(&original);
    fk_runner_leave(b->runner, room);
    if (st != FLECK_OK)
        give_up(r, i);
    return FLECK_OK;
}

static fleck_status score_tiled(void *ctx, int64_t item, int worker, fleck_error *err)
{
    const run *r = ctx;
    fk_batch *b = r->batch;
    int64_t i = r->ready[item];

    (void)err;
    if (fk_runner_score_canvas(b->runner, worker, &b->canvases[i], FK_NONE, r->pool,
                               b->results[i].map, &b->results[i].score, &b->errors[i]) != FLECK_OK)
        give_up(r, i);
    return FLECK_OK;
}

/* The ready files from `first` on, n of them, through the network. */
static void embed(const run *r, int64_t first, int64_t n, const uint8_t **inputs,
                  fk_embedding **out)
{
    fk_batch *b = r->batch;
    fleck_error error = {0};

    for (int64_t k = 0; k < n; k++) {
        inputs[k] = b->canvases[r->ready[first + k]].pixels.data;
        out[k] = &b->embeddings[r->ready[first + k]];
    }
    (void)!fk_runner_embed_many(b->runner, n, inputs, out, &error);
    for (int64_t k = 0; k < n; k++) {
        int64_t i = r->ready[first + k];

        b->errors[i] = error;
        if (error.status != FLECK_OK ||
            fk_canvas_flag(out[k], &b->canvases[i], 0, false, &b->errors[i]) != FLECK_OK)
            give_up(r, i);
    }
}

static fleck_status embed_all(const run *r, fleck_error *err)
{
    int64_t group = r->batch->runner->threads;
    const uint8_t **inputs = NULL;
    fk_embedding **out = NULL;
    fleck_status st;

    FK_DO(FK_ALLOC(&inputs, group, err));
    FK_DO(FK_ALLOC(&out, group, err));
    for (int64_t i = 0; i < r->n_ready; i += group) {
        embed(r, i, r->n_ready - i < group ? r->n_ready - i : group, inputs, out);
        FK_DO(fk_watch_look(fk_pool_watch(r->batch->runner->pool), err));
    }
done:
    fk_free(inputs);
    fk_free(out);
    return st;
}

/* What scoring takes of each file. */
typedef struct scored {
    const fk_embedding **embeddings;
    const uint8_t **left_out;
    fk_span *exclude;
    float **maps;
    double *scores;
} scored;

static void scored_free(scored *s)
{
    fk_free(s->embeddings);
    fk_free(s->left_out);
    fk_free(s->exclude);
    fk_free(s->maps);
    fk_free(s->scores);
}

static fleck_status scored_make(scored *s, const run *r, fleck_error *err)
{
    const fk_batch *b = r->batch;
    fleck_status st;

    FK_DO(FK_ALLOC(&s->embeddings, r->n_ready, err));
    FK_DO(FK_ALLOC(&s->left_out, r->n_ready, err));
    FK_DO(FK_CALLOC(&s->exclude, r->n_ready, err));
    FK_DO(FK_ALLOC(&s->maps, r->n_ready, err));
    FK_DO(FK_CALLOC(&s->scores, r->n_ready, err));
    for (int64_t k = 0; k < r->n_ready; k++) {
        int64_t i = r->ready[k];

        s->embeddings[k] = &b->embeddings[i];
        s->left_out[k] = b->canvases[i].left_out.data;
        s->exclude[k] = FK_NONE;
        s->maps[k] = b->results[i].map;
    }
done:
    return st;
}

static fleck_status score_all(const run *r, fleck_error *err)
{
    fk_batch *b = r->batch;
    scored s = {0};
    fleck_status st;

    FK_DO(scored_make(&s, r, err));
    st = fk_runner_score_many(b->runner, r->n_ready, s.embeddings, s.exclude, s.left_out, s.maps,
                              s.scores, err);
    if (st == FLECK_E_CANCELLED)
        goto done;
    for (int64_t k = 0; k < r->n_ready; k++) {
        int64_t i = r->ready[k];

        /* Whose failure it was comes out one by one. */
        if (st != FLECK_OK &&
            fk_runner_score(b->runner, 0, s.embeddings[k], FK_NONE, b->runner->pool, s.left_out[k],
                            s.maps[k], &s.scores[k], &b->errors[i]) != FLECK_OK)
            give_up(r, i);
        else
            b->results[i].score = s.scores[k];
    }
    st = FLECK_OK;
done:
    scored_free(&s);
    return st;
}

static void find_ready(run *r)
{
    r->n_ready = 0;
    for (int64_t i = 0; i < r->batch->n; i++)
        if (r->batch->errors[i].status == FLECK_OK)
            r->ready[r->n_ready++] = i;
}

/* Tiled files: side by side while there are enough of them, else one by one, each on all
 * threads. */
static fleck_status score_all_tiled(run *r, fleck_error *err)
{
    fk_batch *b = r->batch;
    fleck_status st = FLECK_OK;

    if (r->n_ready >= b->runner->threads)
        return fk_pool_run(b->runner->pool, r->n_ready, score_tiled, r, err);
    r->pool = b->runner->pool;
    for (int64_t item = 0; item < r->n_ready; item++) {
        FK_DO(score_tiled(r, item, 0, err));
        FK_DO(fk_watch_look(fk_pool_watch(b->runner->pool), err));
    }
done:
    return st;
}

/* All phases of n files; fewer where the budget ends. */
static fleck_status run_once(run *r, int64_t n, fleck_error *err)
{
    fk_batch *b = r->batch;
    fleck_status st;

    b->n = n;
    atomic_store(&b->taken, 0);
    FK_DO(fk_pool_run(b->runner->pool, n, prepare, r, err));
    for (n = 0; n < b->n && !r->later[n]; n++)
        ;
    shorten(b, n);
    find_ready(r);
    if (b->embeddings == NULL) {
        FK_DO(score_all_tiled(r, err));
    } else {
        FK_DO(embed_all(r, err));
        find_ready(r);
        if (r->n_ready > 0)
            FK_DO(score_all(r, err));
    }
    for (int64_t i = 0; i < b->n; i++)
        fk_result_judge(&b->results[i], b->runner->model);
done:
    return st;
}

/* The first file that memory was short for, or n. */
static int64_t first_short(const fk_batch *b)
{
    int64_t i = 0;

    while (i < b->n && b->errors[i].status != FLECK_E_NOMEM)
        i++;
    return i;
}

fleck_status fk_batch_run(fk_batch *b, int64_t n, const char *const *files,
                          const char *const *masks, fleck_error *err)
{
    run r = {.batch = b, .files = files, .masks = masks};
    int64_t good;
    fleck_status st;

    assert(n >= 1 && n <= b->room);
    shorten(b, 0);
    FK_DO(FK_ALLOC(&r.ready, n, err));
    FK_DO(FK_ALLOC(&r.later, n, err));
    FK_DO(run_once(&r, n, err));
    good = first_short(b);
    if (good == b->n)
        goto done;
    /* Memory is short, which is no fault of the image: from now on fewer at a time. */
    b->budget /= 2;
    if (good == 0 && b->n > 1) {
        shorten(b, 0);
        fk_mem_trim();
        FK_DO(run_once(&r, 1, err));
        good = first_short(b);
    }
    if (good == 0 && b->n > 0 && b->errors[0].status == FLECK_E_NOMEM)
        FK_FAIL(err, FLECK_E_NOMEM, "%s", b->errors[0].message);
    shorten(b, good);
done:
    fk_free(r.ready);
    fk_free(r.later);
    return st;
}
