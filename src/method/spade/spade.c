/* SPDX-License-Identifier: Apache-2.0 */
/* SPADE: nearest good images, then nearest features among theirs (Cohen and Hoshen 2020).
 *
 * Defaults are those of the paper: K = 50 for both, kappa = 1, search of all positions, taps
 * joined, the network's average pool as global feature. */
#include "method/methods.h"
#include "method/spade/spade.h"
#include "base/mem.h"
#include "linalg/linalg.h"

#include <stdio.h>
#include <string.h>

static const fk_option OPTIONS[] = {
    {.name = "k-image",
     .kind = FK_OPTION_INT,
     .initial = "0",
     .min = 0,
     .max = 1000000,
     .after_fit = true,
     .help = "number of nearest good images; their mean squared distance is the image's score; 0: "
             "50, as in the paper, or all if there are fewer"},
    {.name = "k-pixel",
     .kind = FK_OPTION_INT,
     .initial = "0",
     .min = 0,
     .max = 1000000,
     .after_fit = true,
     .help = "number of nearest good images whose features are the map's gallery; 0: 50, as in the "
             "paper, or all if there are fewer"},
    {.name = "kappa",
     .kind = FK_OPTION_INT,
     .initial = "1",
     .min = 1,
     .max = 1000,
     .after_fit = true,
     .help = "number of nearest features of the gallery; their mean squared distance is a "
             "position's score; 1 in the paper"},
    {.name = "radius",
     .kind = FK_OPTION_INT,
     .initial = "-1",
     .min = FK_SPADE_EVERYWHERE,
     .max = 10000,
     .after_fit = true,
     .help =
         "search the gallery at most this many positions away; 0: at the same position only "
         "(much faster, for parts that always lie alike); -1: at all positions, as in the paper"},
    {.name = "fusion",
     .kind = FK_OPTION_CHOICE,
     .initial = "concat",
     .choices = "concat|mean",
     .after_fit = true,
     .help =
         "one distance of the joined taps (the paper's), or the mean of the maps of single taps"},
    {.name = "global",
     .kind = FK_OPTION_TEXT,
     .initial = "pool",
     .help = "global feature: the network's average pool (the paper's), or a tap's name for the "
             "average of that tap"},
    {0}};

static fleck_status spade_embed(fk_embed_spec *out, const fk_options *o, int n_taps,
                                const fk_tap_info *taps, fleck_error *err)
{
    const char *global = fk_options_text(o, "global");
    char names[256] = "";
    size_t used = 0;

    *out = (fk_embed_spec){.mode = FK_EMBED_SEPARATE};
    snprintf(out->global, sizeof out->global, "%s", global);
    if (strcmp(global, "pool") == 0)
        return FLECK_OK;
    for (int t = 0; t < n_taps; t++) {
        if (strcmp(global, taps[t].name) == 0)
            return FLECK_OK;
        if (used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, " or %s", taps[t].name);
    }
    *out = (fk_embed_spec){0};
    return fk_error_set(err, FLECK_E_OPTION, "--global: expected pool%s, got \"%s\"", names,
                        global);
}

/* Number of values of one image's level; begin and load have checked it. */
static int64_t level_values(const fk_spade *s, int i)
{
    const fk_level *level = &s->shape.levels[i];

    return level->height * level->width * level->dim;
}

/* Free all images. */
static void make_empty(fk_spade *s)
{
    for (int i = 0; i < FK_MAX_TAPS; i++) {
        fk_free(s->own_levels[i]);
        s->own_levels[i] = NULL;
        s->levels[i] = NULL;
    }
    fk_free(s->own_global);
    fk_free(s->own_flags);
    s->own_global = NULL;
    s->own_flags = NULL;
    s->global = NULL;
    s->flags = NULL;
    s->n = s->room = 0;
    s->finished = false;
}

static void spade_free(void *state)
{
    if (state != NULL)
        make_empty(state);
    fk_free(state);
}

static fleck_status spade_begin(void **state, const fk_options *o, const fk_embed_shape *shape,
                                fk_map_size map, fleck_error *err)
{
    fk_spade *s = NULL;
    fleck_status st;

    *state = NULL;
    if (shape->n_levels < 1 || shape->global_dim < 1)
        FK_FAIL(err, FLECK_E_SHAPE,
                "spade: expected an embedding of one or more levels and a global feature, got %d "
                "and one of %lld",
                shape->n_levels, (long long)shape->global_dim);
    FK_DO(fk_linalg_begin(err));
    FK_DO(FK_CALLOC(&s, 1, err));
    s->shape = *shape;
    s->map = map;
    s->asked_image = fk_options_int(o, "k-image");
    s->asked_pixel = fk_options_int(o, "k-pixel");
    s->kappa = fk_options_int(o, "kappa");
    s->radius = fk_options_int(o, "radius");
    s->concat = strcmp(fk_options_text(o, "fusion"), "concat") == 0;
    *state = s;
done:
    return st;
}

/* ---- Learning ---- */

/* Make an array owned, with a capacity of `room` images of n values. */
static fleck_status make_room(float **own, const float **view, int64_t held, int64_t room,
                              int64_t n, fleck_error *err)
{
    float *larger = NULL;
    int64_t count;
    fleck_status st;

    if (!fk_mul_fits(room, n, &count))
        return fk_error_set(err, FLECK_E_NOMEM, "%lld images of %lld values do not fit",
                            (long long)room, (long long)n);
    FK_DO(FK_ALLOC(&larger, count, err));
    if (held > 0)
        memcpy(larger, *view, (size_t)(held * n) * sizeof(float));
    fk_free(*own);
    *own = larger;
    *view = larger;
done:
    return st;
}

/* The same for the flags; if there were none, those of earlier images become 1.  Their number does
 * not overflow if that of the features does not. */
static fleck_status make_flags(fk_spade *s, int64_t room, fleck_error *err)
{
    int64_t n = fk_spade_positions(s, s->shape.n_levels);
    uint8_t *larger = NULL;
    fleck_status st;

    FK_DO(FK_ALLOC(&larger, room * n, err));
    if (s->flags != NULL)
        memcpy(larger, s->flags, (size_t)(s->n * n));
    else
        memset(larger, 1, (size_t)(s->n * n));
    fk_free(s->own_flags);
    s->own_flags = larger;
    s->flags = larger;
done:
    return st;
}

/* Make the arrays large enough for `more` images.  They grow by half, so that the total cost of
 * copying is linear.  Capacity that is not used takes no memory on most systems. */
static fleck_status reserve(fk_spade *s, int64_t more, fleck_error *err)
{
    int64_t room = s->n + s->n / 2;
    fleck_status st = FLECK_OK;

    if (s->n + more <= s->room)
        return FLECK_OK;
    if (room < s->n + more)
        room = s->n + more;
    for (int i = 0; i < s->shape.n_levels; i++)
        FK_DO(make_room(&s->own_levels[i], &s->levels[i], s->n, room, level_values(s, i), err));
    FK_DO(make_room(&s->own_global, &s->global, s->n, room, s->shape.global_dim, err));
    if (s->flags != NULL)
        FK_DO(make_flags(s, room, err));
    s->room = room;
done:
    return st;
}

/* The model is the embeddings of all images, so learning cannot use less memory.  Since the number
 * of images is known, the arrays are allocated once, without copies.  It is not known whether there
 * will be flags, so one byte for each position is included. */
static fleck_status spade_limit(void *state, const fk_memory *m, int64_t *least, fleck_error *err)
{
    fk_spade *s = state;
    int64_t floats = s->shape.global_dim, flags = fk_spade_positions(s, s->shape.n_levels);
    fleck_status st;

    for (int i = 0; i < s->shape.n_levels; i++)
        floats += level_values(s, i);
    if (!fk_mul_fits(m->images, floats * (int64_t)sizeof(float) + flags, least))
        return fk_error_set(err, FLECK_E_NOMEM, "spade: %lld images of %lld values do not fit",
                            (long long)m->images, (long long)floats);
    if (m->bytes > 0 && m->bytes < *least)
        return fk_error_set(err, FLECK_E_LIMIT,
                            "spade: the features of %lld images are the model and take %lld bytes, "
                            "%lld are allowed",
                            (long long)m->images, (long long)*least, (long long)m->bytes);
    st = reserve(s, m->images, err);
    if (st != FLECK_OK)
        fk_error_context(err, "spade");
    return st;
}

/* Whether e has a position that does not count. */
static bool is_masked(const fk_embedding *e)
{
    for (int i = 0; i < e->n_levels; i++) {
        const fk_level *level = &e->levels[i];

        if (level->valid != NULL &&
            memchr(level->valid, 0, (size_t)(level->height * level->width)) != NULL)
            return true;
    }
    return false;
}

/* Store e's flags, level after level, as 0 and 1. */
static void put_flags(uint8_t *out, const fk_embedding *e)
{
    for (int i = 0; i < e->n_levels; i++) {
        const fk_level *level = &e->levels[i];

        for (int64_t p = 0; p < level->height * level->width; p++)
            *out++ = level->valid == NULL || level->valid[p] != 0;
    }
}

static fleck_status spade_add(void *state, const fk_embedding *const *images, int64_t n,
                              fk_pool *pool, fleck_error *err)
{
    fk_spade *s = state;
    bool masked = false;
    fleck_status st = FLECK_OK;

    FK_DO(fk_embeddings_check(images, n, &s->shape, pool, err));
    for (int64_t k = 0; k < n; k++)
        masked = masked || is_masked(images[k]);
    FK_DO(reserve(s, n, err));
    if (masked && s->flags == NULL)
        FK_DO(make_flags(s, s->room, err));
    for (int64_t k = 0; k < n; k++, s->n++) {
        for (int i = 0; i < s->shape.n_levels; i++)
            memcpy(s->own_levels[i] + s->n * level_values(s, i), images[k]->levels[i].data,
                   (size_t)level_values(s, i) * sizeof(float));
        memcpy(s->own_global + s->n * s->shape.global_dim, images[k]->global,
               (size_t)s->shape.global_dim * sizeof(float));
        if (s->flags != NULL)
            put_flags(s->own_flags + s->n * fk_spade_positions(s, s->shape.n_levels), images[k]);
    }
    if (n > 0)
        s->finished = false;
done:
    if (st != FLECK_OK)
        fk_error_context(err, "spade");
    return st;
}

static bool same_shape(const fk_embed_shape *a, const fk_embed_shape *b)
{
    if (a->n_levels != b->n_levels || a->global_dim != b->global_dim)
        return false;
    for (int i = 0; i < a->n_levels; i++)
        if (a->levels[i].height != b->levels[i].height ||
            a->levels[i].width != b->levels[i].width || a->levels[i].dim != b->levels[i].dim)
            return false;
    return true;
}

static fleck_status spade_merge(void *state, void *other, fleck_error *err)
{
    fk_spade *a = state, *b = other;
    int64_t flags = fk_spade_positions(a, a->shape.n_levels);
    fleck_status st = FLECK_OK;

    if (!same_shape(&a->shape, &b->shape))
        FK_FAIL(err, FLECK_E_SHAPE, "spade: states to merge must be of embeddings of one shape");
    if (b->n == 0)
        return FLECK_OK;
    FK_DO(reserve(a, b->n, err));
    if (b->flags != NULL && a->flags == NULL)
        FK_DO(make_flags(a, a->room, err));
    if (b->flags != NULL)
        memcpy(a->own_flags + a->n * flags, b->flags, (size_t)(b->n * flags));
    else if (a->flags != NULL)
        memset(a->own_flags + a->n * flags, 1, (size_t)(b->n * flags));
    for (int i = 0; i < a->shape.n_levels; i++) {
        int64_t n = level_values(a, i);

        memcpy(a->own_levels[i] + a->n * n, b->levels[i], (size_t)(b->n * n) * sizeof(float));
    }
    memcpy(a->own_global + a->n * a->shape.global_dim, b->global,
           (size_t)(b->n * a->shape.global_dim) * sizeof(float));
    a->n += b->n;
    a->finished = false;
    make_empty(b);
done:
    return st;
}

/* Check that the options do not ask for more images or features than there are. */
static fleck_status check_numbers(const fk_spade *s, const char *where, fleck_error *err)
{
    int64_t k_pixel = s->asked_pixel > 0 ? s->asked_pixel : FK_SPADE_USUAL_K, features;

    if (s->n < 1)
        return fk_error_set(err, FLECK_E_STATE, "%sspade needs at least 1 good image, got 0",
                            where);
    if (s->asked_image > s->n || s->asked_pixel > s->n)
        return fk_error_set(
            err, FLECK_E_OPTION, "%s--k-%s %lld asks for more than the %lld good images there are",
            where, s->asked_image > s->n ? "image" : "pixel",
            (long long)(s->asked_image > s->n ? s->asked_image : s->asked_pixel), (long long)s->n);
    k_pixel = k_pixel < s->n ? k_pixel : s->n;
    features = k_pixel;
    for (int i = 0; i < s->shape.n_levels; i++) {
        const fk_level *level = &s->shape.levels[i];
        int64_t cells = fk_spade_reach(s, level->height, level->width) * k_pixel;

        features = i == 0 || (s->concat ? cells > features : cells < features) ? cells : features;
    }
    if (s->kappa > features)
        return fk_error_set(err, FLECK_E_OPTION,
                            "%s--kappa %lld asks for more than the %lld features of the gallery",
                            where, (long long)s->kappa, (long long)features);
    return FLECK_OK;
}

static fleck_status spade_finish(void *state, fk_pool *pool, fleck_error *err)
{
    fk_spade *s = state;
    fleck_status st = check_numbers(s, "", err);

    (void)pool;
    s->finished = st == FLECK_OK;
    return st;
}

static int64_t spade_count(const void *state)
{
    return ((const fk_spade *)state)->n;
}

/* ---- Saving and loading ---- */

static fleck_status spade_save(const void *state, fk_st_writer *w, fk_json *meta, fleck_error *err)
{
    const fk_spade *s = state;
    fleck_status st;

    if (!s->finished)
        FK_FAIL(err, FLECK_E_STATE, "spade: finish the fit before saving");
    if (!fk_json_put_int(meta, "images", s->n))
        FK_FAIL(err, FLECK_E_NOMEM, "spade: the state could not be written as JSON");
    for (int i = 0; i < s->shape.n_levels; i++) {
        const fk_level *level = &s->shape.levels[i];
        char name[32];

        snprintf(name, sizeof name, "method.level%d", i);
        FK_DO(fk_st_writer_add_data(w, name, FK_F32, 4,
                                    (int64_t[]){s->n, level->height, level->width, level->dim},
                                    s->levels[i], err));
    }
    FK_DO(fk_st_writer_add_data(w, "method.global", FK_F32, 2,
                                (int64_t[]){s->n, s->shape.global_dim}, s->global, err));
    if (s->flags != NULL)
        FK_DO(fk_st_writer_add_data(w, "method.valid", FK_U8, 2,
                                    (int64_t[]){s->n, fk_spade_positions(s, s->shape.n_levels)},
                                    s->flags, err));
done:
    return st;
}

/* Load the flags, if the model has any. */
static fleck_status load_flags(fk_spade *s, const fk_st_reader *r, fleck_error *err)
{
    int64_t n = fk_spade_positions(s, s->shape.n_levels);
    fk_tensor t;
    fleck_status st = FLECK_OK;

    if (!fk_st_has(r, "method.valid"))
        return FLECK_OK;
    FK_DO(fk_st_get_checked(r, "method.valid", FK_U8, 2, (int64_t[]){s->n, n}, &t, err));
    s->flags = t.data;
    for (int64_t i = 0; i < s->n * n; i++)
        if (s->flags[i] > 1)
            FK_FAIL(
                err, FLECK_E_FORMAT,
                "%s: spade: expected 0 or 1 in method.valid, got %d at image %lld, position %lld",
                fk_st_name(r), s->flags[i], (long long)(i / n), (long long)(i % n));
done:
    return st;
}

static fleck_status spade_load(void **state, const fk_options *o, const fk_embed_shape *shape,
                               fk_map_size map, const fk_st_reader *r, const fk_json *meta,
                               fleck_error *err)
{
    void *made = NULL;
    char where[256];
    fk_spade *s;
    fk_tensor t;
    fleck_status st;

    *state = NULL;
    snprintf(where, sizeof where, "%s: ", fk_st_name(r));
    FK_DO(spade_begin(&made, o, shape, map, err));
    s = made;
    if (!fk_json_get_int(meta, "images", &s->n) || s->n < 1)
        FK_FAIL(err, FLECK_E_FORMAT, "%sspade: images is missing or not at least 1", where);
    for (int i = 0; i < shape->n_levels; i++) {
        const fk_level *level = &shape->levels[i];
        char name[32];

        snprintf(name, sizeof name, "method.level%d", i);
        FK_DO(fk_st_get_checked(r, name, FK_F32, 4,
                                (int64_t[]){s->n, level->height, level->width, level->dim}, &t,
                                err));
        s->levels[i] = t.data;
    }
    FK_DO(fk_st_get_checked(r, "method.global", FK_F32, 2, (int64_t[]){s->n, shape->global_dim}, &t,
                            err));
    s->global = t.data;
    FK_DO(load_flags(s, r, err));
    FK_DO(check_numbers(s, where, err));
    s->finished = true;
    *state = s;
    made = NULL;
done:
    spade_free(made);
    return st;
}

const fk_method fk_method_spade = {.name = "spade",
                                   .title = "SPADE: nearest features of the nearest good images",
                                   .reference = "Cohen and Hoshen: Sub-Image Anomaly Detection "
                                                "with Deep Pyramid Correspondences, arXiv "
                                                "2005.02357, 2020",
                                   .options = OPTIONS,
                                   .score_kind = FK_SCORE_GLOBAL,
                                   .flags = FK_METHOD_EXCLUDES | FK_METHOD_EXCLUDES_FOLDS |
                                            FK_METHOD_DEAR_MAPS,
                                   .resize = "area",
                                   .embed = spade_embed,
                                   .begin = spade_begin,
                                   .limit = spade_limit,
                                   .add = spade_add,
                                   .merge = spade_merge,
                                   .finish = spade_finish,
                                   .scratch_size = fk_spade_scratch_size,
                                   .score = fk_spade_score,
                                   .count = spade_count,
                                   .save = spade_save,
                                   .load = spade_load,
                                   .free = spade_free};
