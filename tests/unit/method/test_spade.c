/* SPADE against NumPy, against plain sums on odd shapes, and its own options. */
#include "unit/method/fixture.h"

#include "features/map.h"
#include "linalg/linalg.h"
#include "golden/method_spade.h"

static const fk_embed_shape SHAPE = {
    .n_levels = 3,
    .levels = {{6, 8, 5, NULL, NULL}, {3, 4, 19, NULL, NULL}, {2, 2, 35, NULL, NULL}},
    .global_dim = SPADE_GLOBAL};
static const fk_map_size MAP = {SPADE_HEIGHT, SPADE_WIDTH};
static const char *const RADII[] = {"radius=0", "radius=1", "radius=-1"};

/* What images of a test are like. */
enum {
    ALIKE = 1, /* they differ little, so that features at the same position are the nearest */
    MASKED = 2 /* a mask leaves positions out */
};

/* All positions of an image count. */
static void unmask(fk_embedding *e)
{
    fk_embedding_unflag(e);
    for (int t = 0; t < e->n_levels; t++) {
        int64_t n = e->levels[t].height * e->levels[t].width;

        assert_ok(FK_ALLOC(&e->levels[t].valid, n, err));
        memset(e->levels[t].valid, 1, (size_t)n);
    }
}

/* Leave out what lies in the first `down` of an image's height and the first `across` of its width. */
static void mask_corner(fk_embedding *e, double down, double across)
{
    for (int t = 0; t < e->n_levels; t++) {
        const fk_level *l = &e->levels[t];

        for (int64_t p = 0; p < l->height * l->width; p++) {
            int64_t y = p / l->width, x = p % l->width;

            if ((double)y < down * (double)l->height && (double)x < across * (double)l->width)
                l->valid[p] = 0;
        }
    }
}

/* Image number `image`, hashed.  Its mask leaves out the top left, as in all images, and a third of
 * the other positions, each level's its own. */
static fk_embedding image_of(const fk_embed_shape *shape, uint64_t image, unsigned kind)
{
    fk_embedding e = make_image(shape, image);

    if ((kind & MASKED) != 0) {
        unmask(&e);
        mask_corner(&e, 0.3, 0.5);
    }
    for (int t = 0; t < shape->n_levels; t++) {
        const fk_level *l = &e.levels[t];

        for (int64_t k = 0; (kind & ALIKE) != 0 && k < l->height * l->width * l->dim; k++)
            l->data[k] = hashed(5 + (uint64_t)t, k) + 0.3f * l->data[k];
        for (int64_t p = 0; (kind & MASKED) != 0 && p < l->height * l->width; p++)
            if (hashed(1000 + image * 16 + (uint64_t)t, p) < 0.33f)
                l->valid[p] = 0;
    }
    return e;
}

/* Map and score of an image after learning n others. */
static float *run_images(const fk_embed_shape *shape, fk_map_size map, const char *const *pairs,
                         const fk_embedding *images, int n, const fk_embedding *e, int64_t exclude,
                         fk_pool *pool, double *score)
{
    const fk_method *m = fk_method_find("spade");
    fk_options o = options_of(m, pairs);
    void *state = learn(m, &o, shape, map, images, 0, n, 4, NULL);
    float *out;

    assert_ok(m->finish(state, NULL, err));
    out = score_of(m, state, map, e, exclude, pool, score);
    m->free(state);
    fk_options_free(&o);
    return out;
}

/* The same of image number `query`, after learning n images from 10 on. */
static float *run_kind(const fk_embed_shape *shape, fk_map_size map, const char *const *pairs,
                       int n, uint64_t query, int64_t exclude, unsigned kind, fk_pool *pool,
                       double *score)
{
    fk_embedding images[32], e = image_of(shape, query, kind);
    float *out;

    for (int i = 0; i < n; i++)
        images[i] = image_of(shape, 10 + (uint64_t)i, kind);
    out = run_images(shape, map, pairs, images, n, &e, exclude, pool, score);
    free_images(images, n);
    fk_embedding_free(&e);
    return out;
}

static float *run(const fk_embed_shape *shape, fk_map_size map, const char *const *pairs, int n,
                  uint64_t query, int64_t exclude, fk_pool *pool, double *score)
{
    return run_kind(shape, map, pairs, n, query, exclude, 0, pool, score);
}

static void maps_and_scores_equal_numpy(void **state)
{
    static const struct {
        const char *radius, *fusion, *kappa;
        const double *want;
    } cases[] = {{"radius=0", "fusion=concat", "kappa=1", spade_same_concat_1},
                 {"radius=0", "fusion=concat", "kappa=3", spade_same_concat_3},
                 {"radius=0", "fusion=mean", "kappa=1", spade_same_mean_1},
                 {"radius=0", "fusion=mean", "kappa=3", spade_same_mean_3},
                 {"radius=1", "fusion=concat", "kappa=1", spade_near_concat_1},
                 {"radius=1", "fusion=concat", "kappa=3", spade_near_concat_3},
                 {"radius=1", "fusion=mean", "kappa=1", spade_near_mean_1},
                 {"radius=1", "fusion=mean", "kappa=3", spade_near_mean_3},
                 {"radius=-1", "fusion=concat", "kappa=1", spade_all_concat_1},
                 {"radius=-1", "fusion=concat", "kappa=3", spade_all_concat_3},
                 {"radius=-1", "fusion=mean", "kappa=1", spade_all_mean_1},
                 {"radius=-1", "fusion=mean", "kappa=3", spade_all_mean_3}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const options[] = {"k-image=4",     "k-pixel=3",    cases[i].radius,
                                       cases[i].fusion, cases[i].kappa, NULL};
        double score;
        float *map = run(&SHAPE, MAP, options, SPADE_N, 40, -1, NULL, &score);

        assert_near(score, spade_score, 1e-6 * spade_score);
        for (int p = 0; p < SPADE_HEIGHT * SPADE_WIDTH; p++)
            /* Enlarged features, distances and the map: a float's rounding each. */
            assert_near(map[p], cases[i].want[p], 1e-6 * cases[i].want[p]);
        fk_free(map);
    }
}

/* ---- Plain sums ---- */

/* Joined features [H, W, D] of one image on the largest grid, in double. */
static double *join(const fk_embed_shape *shape, const fk_embedding *e, int64_t height,
                    int64_t width, int64_t dim)
{
    double *out = NULL;
    int64_t first = 0;

    assert_ok(FK_ALLOC(&out, height * width * dim, err));
    for (int t = 0; t < shape->n_levels; first += shape->levels[t].dim, t++) {
        const fk_level *l = &e->levels[t];

        for (int64_t p = 0; p < height * width; p++) {
            int64_t y0, y1, x0, x1;
            double fy, fx;

            fk_map_source(p / width, height, l->height, &y0, &y1, &fy);
            fk_map_source(p % width, width, l->width, &x0, &x1, &fx);
            for (int64_t c = 0; c < l->dim; c++) {
                const float *d = l->data + c;
                double top = (1 - fx) * (double)d[(y0 * l->width + x0) * l->dim] +
                             fx * (double)d[(y0 * l->width + x1) * l->dim];
                double bottom = (1 - fx) * (double)d[(y1 * l->width + x0) * l->dim] +
                                fx * (double)d[(y1 * l->width + x1) * l->dim];

                out[p * dim + first + c] = (1 - fy) * top + fy * bottom;
            }
        }
    }
    return out;
}

/* Weight of cell c of m in output i of n. */
static double weight_of(int64_t c, int64_t m, int64_t i, int64_t n)
{
    double at = ((double)i + 0.5) * (double)m / (double)n - 0.5;

    at = fmin(fmax(at, 0.0), (double)(m - 1));
    return fmax(0.0, 1.0 - fabs(at - (double)c));
}

/* Whether image k's joined feature at p may be found: at every level it has a part in a valid cell,
 * and in no other cell that is valid in some image of the n. */
static bool usable(const fk_embed_shape *shape, fk_map_size grid, const fk_embedding *images, int n,
                   int k, int64_t p)
{
    for (int t = 0; t < shape->n_levels; t++) {
        const fk_level *l = &images[k].levels[t];
        bool one = false;

        for (int64_t c = 0; c < l->height * l->width; c++) {
            if (weight_of(c / l->width, l->height, p / grid.width, grid.height) *
                    weight_of(c % l->width, l->width, p % grid.width, grid.width) ==
                0.0)
                continue;
            if (l->valid == NULL || l->valid[c] != 0) {
                one = true;
                continue;
            }
            for (int i = 0; i < n; i++)
                if (images[i].levels[t].valid == NULL || images[i].levels[t].valid[c] != 0)
                    return false;
        }
        if (!one)
            return false;
    }
    return true;
}

/* The concat map at grid size with all n images as gallery: every distance, one by one. */
static void plain_map(double *out, const fk_embed_shape *shape, fk_map_size grid,
                      const fk_embedding *images, int n, const fk_embedding *e, int radius,
                      int kappa)
{
    int64_t cells = grid.height * grid.width, dim = 0, ignored[8];
    double *q, nearest[400][8];

    assert_true(cells <= 400 && kappa <= 8);
    for (int t = 0; t < shape->n_levels; t++)
        dim += shape->levels[t].dim;
    q = join(shape, e, grid.height, grid.width, dim);
    for (int64_t p = 0; p < cells; p++)
        for (int k = 0; k < kappa; k++)
            nearest[p][k] = INFINITY;
    for (int i = 0; i < n; i++) {
        double *g = join(shape, &images[i], grid.height, grid.width, dim);

        for (int64_t j = 0; j < cells; j++) {
            if (!usable(shape, grid, images, n, i, j))
                continue;
            for (int64_t p = 0; p < cells; p++) {
                double sum = 0.0;

                if (radius >= 0 && (llabs(j / grid.width - p / grid.width) > radius ||
                                    llabs(j % grid.width - p % grid.width) > radius))
                    continue;
                for (int64_t c = 0; c < dim; c++)
                    sum += (q[p * dim + c] - g[j * dim + c]) * (q[p * dim + c] - g[j * dim + c]);
                fk_linalg_smallest(nearest[p], ignored, kappa, sum, j);
            }
        }
        fk_free(g);
    }
    for (int64_t p = 0; p < cells; p++) {
        int found = 0;

        out[p] = 0.0;
        for (; found < kappa && isfinite(nearest[p][found]); found++)
            out[p] += nearest[p][found];
        out[p] /= found > 0 ? found : 1;
    }
    fk_free(q);
}

/* One thread, three threads and plain sums, with five images. */
static void check_against_plain(const fk_embed_shape *shape, fk_map_size grid, unsigned kind,
                                int radius, int kappa, fk_pool *pool)
{
    fk_embedding images[5], e = image_of(shape, 70, kind);
    char kappa_option[32], radius_option[32];
    const char *const options[] = {radius_option, kappa_option, NULL};
    int64_t n = grid.height * grid.width;
    double want[400];
    float *one, *many;

    snprintf(kappa_option, sizeof kappa_option, "kappa=%d", kappa);
    snprintf(radius_option, sizeof radius_option, "radius=%d", radius);
    for (int i = 0; i < 5; i++)
        images[i] = image_of(shape, 10 + (uint64_t)i, kind);
    one = run_images(shape, grid, options, images, 5, &e, -1, NULL, NULL);
    many = run_images(shape, grid, options, images, 5, &e, -1, pool, NULL);
    plain_map(want, shape, grid, images, 5, &e, radius, kappa);
    for (int64_t p = 0; p < n; p++)
        /* The nearest by products is the nearest but for ties within rounding. */
        assert_near(one[p], want[p], 2e-6 * want[p]);
    assert_memory_equal(one, many, (size_t)n * sizeof(float));
    fk_free(one);
    fk_free(many);
    free_images(images, 5);
    fk_embedding_free(&e);
}

/* Grids that are no multiples, not square, alike, and with none of the levels on the largest. */
static void fast_maps_equal_plain_ones_on_odd_shapes(void **state)
{
    static const struct {
        fk_embed_shape shape;
        fk_map_size grid;
    } cases[] = {
        {{1, {{13, 17, 40, NULL, NULL}}, 3}, {13, 17}},
        {{2, {{19, 5, 8, NULL, NULL}, {7, 3, 33, NULL, NULL}}, 3}, {19, 5}},
        {{3, {{4, 12, 16, NULL, NULL}, {4, 12, 7, NULL, NULL}, {1, 1, 20, NULL, NULL}}, 3},
         {4, 12}},
        {{2, {{3, 20, 9, NULL, NULL}, {11, 6, 17, NULL, NULL}}, 3}, {11, 20}},
        {{2, {{17, 9, 9, NULL, NULL}, {17, 5, 10, NULL, NULL}}, 3}, {17, 9}},
        {{3, {{16, 24, 8, NULL, NULL}, {8, 12, 16, NULL, NULL}, {4, 6, 32, NULL, NULL}}, 3},
         {16, 24}},
    };
    fk_pool *pool = NULL;

    (void)state;
    assert_ok(fk_pool_open(&pool, 3, err));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (unsigned kind = 0; kind <= (ALIKE | MASKED); kind++) {
            check_against_plain(&cases[i].shape, cases[i].grid, kind, 0, 1, pool);
            check_against_plain(&cases[i].shape, cases[i].grid, kind, 0, 3, pool);
            check_against_plain(&cases[i].shape, cases[i].grid, kind, 1, 1, pool);
            check_against_plain(&cases[i].shape, cases[i].grid, kind, 3, 8, pool);
            /* Beyond the grid: all positions. */
            check_against_plain(&cases[i].shape, cases[i].grid, kind, 100, 4, pool);
            check_against_plain(&cases[i].shape, cases[i].grid, kind, -1, 1, pool);
            check_against_plain(&cases[i].shape, cases[i].grid, kind, -1, 4, pool);
            /* More than the images that the search starts with. */
            check_against_plain(&cases[i].shape, cases[i].grid, kind, -1, 8, pool);
        }
    }
    fk_pool_close(&pool);
}

static void a_training_image_is_at_distance_zero_unless_left_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof RADII / sizeof RADII[0]; i++) {
        const char *const options[] = {"k-image=1", RADII[i], NULL};
        double score;
        float *map = run(&SHAPE, MAP, options, SPADE_N, 12, -1, NULL, &score);

        assert_true(score == 0.0);
        for (int p = 0; p < SPADE_HEIGHT * SPADE_WIDTH; p++)
            assert_true(map[p] == 0.0f);
        fk_free(map);
        map = run(&SHAPE, MAP, options, SPADE_N, 12, 2, NULL, &score);
        assert_true(score > 0.0);
        for (int p = 0; p < SPADE_HEIGHT * SPADE_WIDTH; p++)
            assert_true(map[p] > 0.0f);
        fk_free(map);
    }
}

/* Image 15, the last of six, left out equals a gallery of the first five: with no masks, with one of
 * its own, with masks of all. */
static void leaving_out_equals_not_having_learned(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3 * sizeof RADII / sizeof RADII[0]; i++) {
        const char *const options[] = {"kappa=2", RADII[i / 3], NULL};
        fk_embedding images[6];
        double a, b;
        float *left_out, *never;

        for (int k = 0; k < 6; k++)
            images[k] = image_of(&SHAPE, 10 + (uint64_t)k,
                                 i % 3 == 2 || (i % 3 == 1 && k == 5) ? MASKED : 0);
        left_out = run_images(&SHAPE, MAP, options, images, 6, &images[5], 5, NULL, &a);
        never = run_images(&SHAPE, MAP, options, images, 5, &images[5], -1, NULL, &b);
        assert_true(a == b);
        assert_memory_equal(left_out, never, SPADE_HEIGHT * SPADE_WIDTH * sizeof(float));
        fk_free(left_out);
        fk_free(never);
        free_images(images, 6);
    }
}

/* A part one row and one column further: its features are found again, but for those cut off. */
static void a_shifted_part_is_found_within_the_radius(void **state)
{
    static const fk_embed_shape shape = {
        .n_levels = 1, .levels = {{9, 10, 12, NULL, NULL}}, .global_dim = 3};
    static const fk_map_size grid = {9, 10};
    static const char *const near[] = {"radius=1", NULL}, *const same[] = {"radius=0", NULL};
    const fk_method *m = fk_method_find("spade");
    fk_options a = options_of(m, near), b = options_of(m, same);
    fk_embedding part = make_image(&shape, 10), shifted = make_image(&shape, 11);
    void *s, *t;
    float *found, *missed;

    (void)state;
    for (int64_t y = 1; y < 9; y++)
        memcpy(shifted.levels[0].data + (y * 10 + 1) * 12, part.levels[0].data + (y - 1) * 10 * 12,
               9 * 12 * sizeof(float));
    s = learn(m, &a, &shape, grid, &part, 0, 1, 1, NULL);
    t = learn(m, &b, &shape, grid, &part, 0, 1, 1, NULL);
    assert_ok(m->finish(s, NULL, err));
    assert_ok(m->finish(t, NULL, err));
    found = score_of(m, s, grid, &shifted, -1, NULL, NULL);
    missed = score_of(m, t, grid, &shifted, -1, NULL, NULL);
    for (int64_t y = 1; y < 9; y++)
        for (int64_t x = 1; x < 10; x++) {
            assert_true(found[y * 10 + x] == 0.0f);
            assert_true(missed[y * 10 + x] > 0.0f);
        }
    fk_free(found);
    fk_free(missed);
    m->free(s);
    m->free(t);
    fk_embedding_free(&part);
    fk_embedding_free(&shifted);
    fk_options_free(&a);
    fk_options_free(&b);
}

/* More than one block of images, and K left open. */
static void the_usual_neighbourhood_is_fifty_images_or_all(void **state)
{
    const char *const open[] = {"radius=0", NULL};
    const char *const given[] = {"radius=0", "k-image=23", "k-pixel=23", NULL};
    double a, b;
    float *x = run(&SHAPE, MAP, open, 23, 70, -1, NULL, &a);
    float *y = run(&SHAPE, MAP, given, 23, 70, -1, NULL, &b);

    (void)state;
    assert_true(a == b);
    assert_memory_equal(x, y, SPADE_HEIGHT * SPADE_WIDTH * sizeof(float));
    fk_free(x);
    fk_free(y);
}

static void asking_for_more_neighbours_than_there_are_is_refused(void **state)
{
    static const struct {
        const char *options[4], *message;
    } cases[] = {{{"k-image=7", NULL}, "--k-image 7 asks for more than the 6 good images"},
                 {{"k-pixel=9", NULL}, "--k-pixel 9 asks for more than the 6 good images"},
                 {{"radius=0", "k-pixel=3", "kappa=4"}, "--kappa 4 asks for more than the 3"},
                 {{"radius=1", "k-pixel=2", "kappa=9"}, "--kappa 9 asks for more than the 8"},
                 {{"fusion=mean", "k-pixel=2", "kappa=9"}, "--kappa 9 asks for more than the 8"}};
    const fk_method *m = fk_method_find("spade");
    fk_embedding images[SPADE_N];

    (void)state;
    make_images(images, &SHAPE, 10, SPADE_N);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fk_options o = options_of(m, cases[i].options);
        void *s = learn(m, &o, &SHAPE, MAP, images, 0, SPADE_N, 9, NULL);

        assert_refused(m->finish(s, NULL, err), FLECK_E_OPTION, cases[i].message);
        m->free(s);
        fk_options_free(&o);
    }
    free_images(images, SPADE_N);
}

static void numbers_may_be_changed_when_a_model_is_opened(void **state)
{
    static const char *const fitted[] = {"radius=-1", NULL};
    static const char *const opened[] = {"radius=0", "kappa=3", "k-pixel=3", "k-image=4", NULL};
    static const char *const wrong[] = {"k-pixel=7", NULL};
    const fk_method *m = fk_method_find("spade");
    fk_options a = options_of(m, fitted), b = options_of(m, opened), c = options_of(m, wrong);
    fk_embedding images[SPADE_N], query = make_image(&SHAPE, 40);
    fk_st_reader *r = NULL;
    fk_json *meta = NULL;
    void *s, *loaded = NULL;
    double score;
    float *map;

    (void)state;
    make_images(images, &SHAPE, 10, SPADE_N);
    s = learn(m, &a, &SHAPE, MAP, images, 0, SPADE_N, 9, NULL);
    assert_ok(m->finish(s, NULL, err));
    assert_ok(fk_st_open(&r, save_state(m, s, &meta), err));
    assert_refused(m->load(&loaded, &c, &SHAPE, MAP, r, meta, err), FLECK_E_OPTION,
                   "state.safetensors: --k-pixel 7 asks for more than the 6");
    assert_ok(m->load(&loaded, &b, &SHAPE, MAP, r, meta, err));
    map = score_of(m, loaded, MAP, &query, -1, NULL, &score);
    assert_near(score, spade_score, 1e-6 * spade_score);
    for (int p = 0; p < SPADE_HEIGHT * SPADE_WIDTH; p++)
        assert_near(map[p], spade_same_concat_3[p], 1e-6 * spade_same_concat_3[p]);
    fk_free(map);
    m->free(s);
    m->free(loaded);
    fk_st_close(&r);
    fk_json_free(&meta);
    fk_embedding_free(&query);
    free_images(images, SPADE_N);
    fk_options_free(&a);
    fk_options_free(&b);
    fk_options_free(&c);
}

static void the_global_feature_is_the_pool_or_a_tap(void **state)
{
    static const fk_tap_info taps[2] = {{"layer1", 64, 56, 56}, {"layer2", 128, 28, 28}};
    static const char *const tap[] = {"global=layer2", NULL}, *const none[] = {"global=none", NULL};
    const fk_method *m = fk_method_find("spade");
    fk_options a = options_of(m, NULL), b = options_of(m, tap), c = options_of(m, none);
    fk_embed_spec spec;

    (void)state;
    assert_ok(m->embed(&spec, &a, 2, taps, err));
    assert_string_equal(spec.global, "pool");
    assert_int_equal(spec.mode, FK_EMBED_SEPARATE);
    assert_ok(m->embed(&spec, &b, 2, taps, err));
    assert_string_equal(spec.global, "layer2");
    assert_refused(m->embed(&spec, &c, 2, taps, err), FLECK_E_OPTION,
                   "--global: expected pool or layer1 or layer2, got \"none\"");
    fk_options_free(&a);
    fk_options_free(&b);
    fk_options_free(&c);
}

/* ---- Masks ---- */

/* Each tap's map is of its own grid and its own flags. */
static void the_mean_of_the_taps_maps_honours_each_taps_flags(void **state)
{
    fk_embedding images[5], e = image_of(&SHAPE, 70, MASKED);

    (void)state;
    for (int k = 0; k < 5; k++)
        images[k] = image_of(&SHAPE, 10 + (uint64_t)k, MASKED);
    for (size_t i = 0; i < sizeof RADII / sizeof RADII[0]; i++) {
        const char *const options[] = {"fusion=mean", "kappa=3", RADII[i], NULL};
        float *map = run_images(&SHAPE, MAP, options, images, 5, &e, -1, NULL, NULL);
        double want[SPADE_HEIGHT * SPADE_WIDTH] = {0.0};

        for (int t = 0; t < SHAPE.n_levels; t++) {
            const fk_level *l = &SHAPE.levels[t];
            const fk_embed_shape one = {.n_levels = 1, .levels = {*l}};
            fk_embedding gallery[5], query = {.n_levels = 1, .levels = {e.levels[t]}};
            float grid[48], large[SPADE_HEIGHT * SPADE_WIDTH];
            double plain[48];

            for (int k = 0; k < 5; k++)
                gallery[k] = (fk_embedding){.n_levels = 1, .levels = {images[k].levels[t]}};
            plain_map(plain, &one, (fk_map_size){l->height, l->width}, gallery, 5, &query,
                      (int)strtol(RADII[i] + strlen("radius="), NULL, 10), 3);
            for (int64_t p = 0; p < l->height * l->width; p++)
                grid[p] = (float)plain[p];
            fk_map_resize_bilinear(large, SPADE_HEIGHT, SPADE_WIDTH, grid, l->height, l->width);
            for (int p = 0; p < SPADE_HEIGHT * SPADE_WIDTH; p++)
                want[p] += (double)large[p] / SHAPE.n_levels;
        }
        for (int p = 0; p < SPADE_HEIGHT * SPADE_WIDTH; p++)
            assert_near(map[p], want[p], 1e-6 * want[p]);
        fk_free(map);
    }
    free_images(images, 5);
    fk_embedding_free(&e);
}

/* On the grid of a single tap: in the corner the map is that of the other images, elsewhere that of
 * all, to the last bit. */
static void a_masked_corner_is_as_if_the_image_were_not_there(void **state)
{
    static const fk_embed_shape shape = {
        .n_levels = 1, .levels = {{10, 12, 20, NULL, NULL}}, .global_dim = 3};
    static const fk_map_size grid = {10, 12};
    const char *const options[] = {"radius=0", NULL};
    fk_embedding images[5], e = make_image(&shape, 70);
    float *masked, *all, *others;
    int differ = 0;

    (void)state;
    make_images(images, &shape, 10, 5);
    /* The query is nearest to what the corner hides. */
    memcpy(e.levels[0].data, images[4].levels[0].data, 10 * 12 * 20 * sizeof(float));
    others = run_images(&shape, grid, options, images, 4, &e, -1, NULL, NULL);
    all = run_images(&shape, grid, options, images, 5, &e, -1, NULL, NULL);
    unmask(&images[4]);
    mask_corner(&images[4], 0.5, 0.5);
    masked = run_images(&shape, grid, options, images, 5, &e, -1, NULL, NULL);
    for (int p = 0; p < 10 * 12; p++) {
        assert_true(masked[p] == (p / 12 < 5 && p % 12 < 6 ? others : all)[p]);
        differ += others[p] != all[p];
    }
    assert_int_equal(differ, 10 * 12);
    fk_free(masked);
    fk_free(all);
    fk_free(others);
    free_images(images, 5);
    fk_embedding_free(&e);
}

static void an_image_that_is_masked_everywhere_adds_nothing_to_a_map(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * sizeof RADII / sizeof RADII[0]; i++) {
        const char *const options[] = {RADII[i / 2], i % 2 == 0 ? "fusion=concat" : "fusion=mean",
                                       "kappa=2", NULL};
        fk_embedding images[5], e = image_of(&SHAPE, 10, 0);
        float *with, *without;

        for (int k = 0; k < 5; k++)
            images[k] = image_of(&SHAPE, 14 - (uint64_t)k, k == 3 ? MASKED : 0);
        unmask(&images[4]); /* what the query shows, hidden */
        mask_corner(&images[4], 1.0, 1.0);
        with = run_images(&SHAPE, MAP, options, images, 5, &e, -1, NULL, NULL);
        without = run_images(&SHAPE, MAP, options, images, 4, &e, -1, NULL, NULL);
        assert_memory_equal(with, without, SPADE_HEIGHT * SPADE_WIDTH * sizeof(float));
        fk_free(with);
        fk_free(without);
        free_images(images, 5);
        fk_embedding_free(&e);
    }
}

/* Nothing is known of a place that every image hides, so it is not called a defect. */
static void what_every_image_hides_has_the_value_zero(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * sizeof RADII / sizeof RADII[0]; i++) {
        const char *const options[] = {RADII[i / 2], i % 2 == 0 ? "fusion=concat" : "fusion=mean",
                                       "kappa=2", NULL};
        fk_embedding images[3], e = image_of(&SHAPE, 70, 0);
        double score;
        float *map;

        make_images(images, &SHAPE, 10, 3);
        for (int k = 0; k < 3; k++) {
            unmask(&images[k]);
            mask_corner(&images[k], 1.0, 0.5);
        }
        map = run_images(&SHAPE, MAP, options, images, 3, &e, -1, NULL, NULL);
        for (int p = 0; p < SPADE_HEIGHT * SPADE_WIDTH; p++) {
            bool hidden = i < 2 && p % SPADE_WIDTH < SPADE_WIDTH / 4; /* radius 0, far inside */

            assert_true(isfinite(map[p]) && map[p] >= 0.0f && (!hidden || map[p] == 0.0f));
            assert_true(map[p] > 0.0f || p % SPADE_WIDTH < SPADE_WIDTH / 2);
        }
        fk_free(map);
        for (int k = 0; k < 3; k++)
            mask_corner(&images[k], 1.0, 1.0);
        map = run_images(&SHAPE, MAP, options, images, 3, &e, -1, NULL, &score);
        for (int p = 0; p < SPADE_HEIGHT * SPADE_WIDTH; p++)
            assert_true(map[p] == 0.0f);
        assert_true(score > 0.0 && isfinite(score));
        fk_free(map);
        free_images(images, 3);
        fk_embedding_free(&e);
    }
}

/* Learn images[0 .. n - 1] in two states that are merged, the second in a model that was saved and
 * loaded, or (merged false) a loaded model that learns on.  Returns the map of e. */
static float *in_two_parts(const fk_embedding *images, int n, int first, bool merged,
                           const fk_embedding *e)
{
    const fk_method *m = fk_method_find("spade");
    const char *const pairs[] = {"radius=0", "kappa=2", NULL};
    fk_options o = options_of(m, pairs);
    void *a = learn(m, &o, &SHAPE, MAP, images, 0, first, 9, NULL), *loaded = NULL, *b = NULL;
    fk_st_reader *r = NULL;
    fk_json *meta = NULL;
    float *map;

    assert_ok(m->finish(a, NULL, err));
    assert_ok(fk_st_open(&r, save_state(m, a, &meta), err));
    assert_ok(m->load(&loaded, &o, &SHAPE, MAP, r, meta, err));
    if (merged) {
        b = learn(m, &o, &SHAPE, MAP, images, first, n, 9, NULL);
        assert_ok(m->merge(loaded, b, err));
        assert_int_equal(m->count(b), 0);
    }
    for (int k = first; !merged && k < n; k++)
        assert_ok(m->add(loaded, (const fk_embedding *[]){&images[k]}, 1, NULL, err));
    assert_ok(m->finish(loaded, NULL, err));
    map = score_of(m, loaded, MAP, e, -1, NULL, NULL);
    m->free(a);
    m->free(b);
    m->free(loaded);
    fk_st_close(&r);
    fk_json_free(&meta);
    fk_options_free(&o);
    return map;
}

/* Bit k of `masked` masks image k: none, some of the first or of the second part, or both. */
static void flags_survive_merging_saving_and_learning_on(void **state)
{
    static const unsigned masked[] = {0x00, 0x02, 0x08, 0x0a, 0x1f};
    const char *const options[] = {"radius=0", "kappa=2", NULL};
    fk_embedding e = image_of(&SHAPE, 70, 0);

    (void)state;
    for (size_t i = 0; i < 2 * sizeof masked / sizeof masked[0]; i++) {
        fk_embedding images[5];
        float *whole, *parts;

        for (int k = 0; k < 5; k++)
            images[k] = image_of(&SHAPE, 10 + (uint64_t)k, (masked[i / 2] >> k) & 1 ? MASKED : 0);
        whole = run_images(&SHAPE, MAP, options, images, 5, &e, -1, NULL, NULL);
        parts = in_two_parts(images, 5, 3, i % 2 == 0, &e);
        assert_memory_equal(whole, parts, SPADE_HEIGHT * SPADE_WIDTH * sizeof(float));
        fk_free(whole);
        fk_free(parts);
        free_images(images, 5);
    }
    fk_embedding_free(&e);
}

enum { POSITIONS = 6 * 8 + 3 * 4 + 2 * 2 }; /* of SHAPE */

/* Save a model of three images, the second masked as `down` says (0: nowhere), and open it. */
static void save_masked(double down, fk_st_reader **r, fk_json **meta)
{
    const fk_method *m = fk_method_find("spade");
    fk_options o = options_of(m, NULL);
    fk_embedding images[3];
    void *s;

    make_images(images, &SHAPE, 10, 3);
    unmask(&images[1]);
    mask_corner(&images[1], down, 1.0);
    s = learn(m, &o, &SHAPE, MAP, images, 0, 3, 1, NULL);
    assert_ok(m->finish(s, NULL, err));
    assert_ok(fk_st_open(r, save_state(m, s, meta), err));
    m->free(s);
    free_images(images, 3);
    fk_options_free(&o);
}

static void only_models_of_masked_images_hold_flags(void **state)
{
    fk_st_reader *r = NULL;
    fk_json *meta = NULL;
    fk_tensor t;

    (void)state;
    save_masked(0.0, &r, &meta);
    assert_false(fk_st_has(r, "method.valid"));
    assert_int_equal(fk_st_count(r), 4);
    fk_st_close(&r);
    fk_json_free(&meta);
    save_masked(0.5, &r, &meta);
    assert_ok(fk_st_get_checked(r, "method.valid", FK_U8, 2, (int64_t[]){3, POSITIONS}, &t, err));
    for (int i = 0; i < 3 * POSITIONS; i++) {
        int p = i - POSITIONS;
        /* Three rows of six, two of three, one of two. */
        bool hidden = (p >= 0 && p < 24) || (p >= 48 && p < 56) || (p >= 60 && p < 62);

        assert_int_equal(((const uint8_t *)t.data)[i], !hidden);
    }
    fk_st_close(&r);
    fk_json_free(&meta);
}

/* The model in r with other flags. */
static fleck_status load_with_flags(const fk_st_reader *r, const fk_json *meta,
                                    const uint8_t *flags, int64_t positions, fleck_error *error)
{
    const fk_method *m = fk_method_find("spade");
    fk_options o = options_of(m, NULL);
    fk_st_writer *w = NULL;
    fk_st_reader *changed = NULL;
    char path[4200];
    void *loaded = NULL;
    fleck_status st;

    snprintf(path, sizeof path, "%s/changed.safetensors", test_folder());
    assert_ok(fk_st_writer_open(&w, err));
    for (int64_t i = 0; i < fk_st_count(r); i++) {
        fk_tensor t;

        if (strcmp(fk_st_tensor_name(r, i), "method.valid") == 0)
            continue;
        assert_ok(fk_st_get(r, fk_st_tensor_name(r, i), &t, err));
        assert_ok(fk_st_writer_add(w, fk_st_tensor_name(r, i), &t, err));
    }
    assert_ok(
        fk_st_writer_add_data(w, "method.valid", FK_U8, 2, (int64_t[]){3, positions}, flags, err));
    assert_ok(fk_st_writer_commit(&w, path, err));
    assert_ok(fk_st_open(&changed, path, err));
    st = m->load(&loaded, &o, &SHAPE, MAP, changed, meta, error);
    assert_true((loaded != NULL) == (st == FLECK_OK));
    m->free(loaded);
    fk_st_close(&changed);
    fk_options_free(&o);
    return st;
}

static void flags_of_another_shape_or_value_are_refused(void **state)
{
    uint8_t flags[3 * POSITIONS] = {0};
    fk_st_reader *r = NULL;
    fk_json *meta = NULL;

    (void)state;
    save_masked(0.5, &r, &meta);
    assert_ok(load_with_flags(r, meta, flags, POSITIONS, err));
    assert_refused(load_with_flags(r, meta, flags, POSITIONS - 1, err), FLECK_E_SHAPE,
                   "method.valid");
    flags[2 * POSITIONS + 7] = 2;
    assert_refused(load_with_flags(r, meta, flags, POSITIONS, err), FLECK_E_FORMAT,
                   "changed.safetensors: spade: expected 0 or 1 in method.valid, got 2 at image 2, "
                   "position 7");
    fk_st_close(&r);
    fk_json_free(&meta);
}

/* A state that meets its first mask while it learns, and one that meets it in a merge. */
static fleck_status learn_masked(const fk_options *o, const fk_embedding *images,
                                 fleck_error *error)
{
    const fk_method *m = fk_method_find("spade");
    void *a = NULL, *b = NULL;
    fleck_status st;

    FK_DO(m->begin(&a, o, &SHAPE, MAP, error));
    FK_DO(m->begin(&b, o, &SHAPE, MAP, error));
    FK_DO(m->add(a, (const fk_embedding *[]){&images[0]}, 1, NULL, error));
    FK_DO(m->add(b, (const fk_embedding *[]){&images[1]}, 1, NULL, error));
    FK_DO(m->add(b, (const fk_embedding *[]){&images[2]}, 1, NULL, error));
    FK_DO(m->merge(a, b, error));
    FK_DO(m->finish(a, NULL, error));
done:
    m->free(a);
    m->free(b);
    return st;
}

static void any_allocation_for_flags_may_fail(void **state)
{
    fk_options o = options_of(fk_method_find("spade"), NULL);
    fk_embedding images[3];
    fleck_status st = FLECK_E_NOMEM;

    (void)state;
    for (int k = 0; k < 3; k++)
        images[k] = image_of(&SHAPE, 10 + (uint64_t)k, k == 2 ? MASKED : 0);
    for (int64_t n = 1; st != FLECK_OK; n++) {
        fk_mem_fail_at(n);
        st = learn_masked(&o, images, NULL);
        /* Two states, three times four arrays and once two flags, then four and one. */
        assert_true(st == FLECK_E_NOMEM || (st == FLECK_OK && n > 18));
        fk_mem_fail_at(0);
    }
    free_images(images, 3);
    fk_options_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_and_scores_equal_numpy),
        cmocka_unit_test(fast_maps_equal_plain_ones_on_odd_shapes),
        cmocka_unit_test(a_training_image_is_at_distance_zero_unless_left_out),
        cmocka_unit_test(leaving_out_equals_not_having_learned),
        cmocka_unit_test(a_shifted_part_is_found_within_the_radius),
        cmocka_unit_test(the_usual_neighbourhood_is_fifty_images_or_all),
        cmocka_unit_test(asking_for_more_neighbours_than_there_are_is_refused),
        cmocka_unit_test(numbers_may_be_changed_when_a_model_is_opened),
        cmocka_unit_test(the_global_feature_is_the_pool_or_a_tap),
        cmocka_unit_test(the_mean_of_the_taps_maps_honours_each_taps_flags),
        cmocka_unit_test(a_masked_corner_is_as_if_the_image_were_not_there),
        cmocka_unit_test(an_image_that_is_masked_everywhere_adds_nothing_to_a_map),
        cmocka_unit_test(what_every_image_hides_has_the_value_zero),
        cmocka_unit_test(flags_survive_merging_saving_and_learning_on),
        cmocka_unit_test(only_models_of_masked_images_hold_flags),
        cmocka_unit_test(flags_of_another_shape_or_value_are_refused),
        cmocka_unit_test(any_allocation_for_flags_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
