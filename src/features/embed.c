/* SPDX-License-Identifier: Apache-2.0 */
/* Embeddings: taps of the network become levels of patches, and one global feature. */
#include "features/embed.h"
#include "base/mem.h"
#include "features/patches.h"
#include "linalg/linalg.h"

#include <assert.h>
#include <string.h>

#define COLUMNS 64
#define CHUNK 32

void fk_embedding_unflag(fk_embedding *e)
{
    for (int i = 0; i < e->n_levels; i++) {
        fk_free(e->levels[i].valid);
        e->levels[i].valid = NULL;
    }
}

void fk_embedding_free(fk_embedding *e)
{
    fk_embedding_unflag(e);
    for (int i = 0; i < e->n_levels; i++)
        fk_free(e->levels[i].data);
    fk_free(e->global);
    *e = (fk_embedding){0};
}

/* Number of values of a level, checked. */
static fleck_status level_count(int64_t *out, const fk_level *level, fleck_error *err)
{
    if (!fk_mul_fits(level->height, level->width, out) || !fk_mul_fits(*out, level->dim, out))
        return fk_error_set(err, FLECK_E_NOMEM, "an embedding of %lld x %lld x %lld does not fit",
                            (long long)level->height, (long long)level->width,
                            (long long)level->dim);
    return FLECK_OK;
}

int64_t fk_embed_shape_floats(const fk_embed_shape *shape)
{
    int64_t n = shape->global_dim;

    for (int i = 0; i < shape->n_levels; i++)
        n += shape->levels[i].height * shape->levels[i].width * shape->levels[i].dim;
    return n;
}

fleck_status fk_embedding_init(fk_embedding *out, const fk_embed_shape *shape, fleck_error *err)
{
    int64_t count;
    fleck_status st = FLECK_OK;

    *out = (fk_embedding){.n_levels = shape->n_levels, .global_dim = shape->global_dim};
    for (int i = 0; i < shape->n_levels; i++) {
        out->levels[i] = shape->levels[i];
        out->levels[i].data = NULL;
        out->levels[i].valid = NULL;
    }
    for (int i = 0; i < shape->n_levels; i++) {
        FK_DO(level_count(&count, &shape->levels[i], err));
        FK_DO(FK_ALLOC(&out->levels[i].data, count, err));
    }
    if (shape->global_dim > 0)
        FK_DO(FK_ALLOC(&out->global, shape->global_dim, err));
done:
    if (st != FLECK_OK)
        fk_embedding_free(out);
    return st;
}

fleck_status fk_embed_shape_single(const fk_embed_shape *shape, const char *method,
                                   fleck_error *err)
{
    if (shape->n_levels == 1 && shape->global_dim == 0)
        return FLECK_OK;
    return fk_error_set(
        err, FLECK_E_SHAPE,
        "%s: expected an embedding of one level and no global feature, got %d levels "
        "and a global feature of %lld",
        method, shape->n_levels, (long long)shape->global_dim);
}

bool fk_embed_reads(const fk_embed_spec *spec, bool *reads)
{
    bool some = spec->mode == FK_EMBED_JOINED && spec->reduce == FK_REDUCE_CHANNELS &&
                (strcmp(spec->global, "none") == 0 || strcmp(spec->global, "pool") == 0);

    for (int64_t c = 0; c < spec->width; c++)
        reads[c] = !some;
    for (int64_t k = 0; some && k < spec->dims; k++)
        reads[spec->channels[k]] = true;
    return some;
}

bool fk_embed_finite(const float *x, int64_t n)
{
    uint32_t bad = 0; /* an exponent of ones is an infinity or NaN */

    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;

        memcpy(&bits, &x[i], sizeof bits);
        bad |= (uint32_t)((bits & 0x7f800000u) == 0x7f800000u);
    }
    return bad == 0;
}

fleck_status fk_embedding_check(const fk_embedding *e, const fk_embed_shape *shape,
                                fleck_error *err)
{
    if (e->n_levels != shape->n_levels || e->global_dim != shape->global_dim)
        return fk_error_set(err, FLECK_E_SHAPE,
                            "an embedding must have %d levels and a global feature of %lld, got %d "
                            "and %lld",
                            shape->n_levels, (long long)shape->global_dim, e->n_levels,
                            (long long)e->global_dim);
    for (int i = 0; i < e->n_levels; i++) {
        const fk_level *a = &e->levels[i], *b = &shape->levels[i];

        if (a->height != b->height || a->width != b->width || a->dim != b->dim)
            return fk_error_set(err, FLECK_E_SHAPE,
                                "level %d of an embedding must be [%lld, %lld, %lld], got "
                                "[%lld, %lld, %lld]",
                                i, (long long)b->height, (long long)b->width, (long long)b->dim,
                                (long long)a->height, (long long)a->width, (long long)a->dim);
        if (!fk_embed_finite(a->data, a->height * a->width * a->dim))
            return fk_error_set(err, FLECK_E_ENGINE,
                                "the network gave values that are not finite, in level %d", i);
    }
    if (e->global_dim > 0 && !fk_embed_finite(e->global, e->global_dim))
        return fk_error_set(err, FLECK_E_ENGINE,
                            "the network gave values that are not finite, in the global feature");
    return FLECK_OK;
}

typedef struct check_job {
    const fk_embedding *const *embeddings;
    const fk_embed_shape *shape;
} check_job;

static fleck_status check_one(void *ctx, int64_t item, int worker, fleck_error *err)
{
    const check_job *job = ctx;

    (void)worker;
    return fk_embedding_check(job->embeddings[item], job->shape, err);
}

fleck_status fk_embeddings_check(const fk_embedding *const *e, int64_t n,
                                 const fk_embed_shape *shape, fk_pool *pool, fleck_error *err)
{
    check_job job = {e, shape};

    return fk_pool_run(pool, n, check_one, &job, err);
}

/* ---- Filling ---- */

/* Transpose src [c, p] to dst [p, c], in squares that fit the cache. */
static void transpose(float *dst, const float *src, int64_t c, int64_t p)
{
    for (int64_t i0 = 0; i0 < p; i0 += 16) {
        int64_t i1 = i0 + 16 < p ? i0 + 16 : p;

        for (int64_t k0 = 0; k0 < c; k0 += 16) {
            int64_t k1 = k0 + 16 < c ? k0 + 16 : c;

            for (int64_t i = i0; i < i1; i++)
                for (int64_t k = k0; k < k1; k++)
                    dst[i * c + k] = src[k * p + i];
        }
    }
}

/* A range of output columns, and the source column of each in each tap. */
typedef struct stretch {
    int64_t begin, n;
    int32_t source[FK_MAX_TAPS][COLUMNS];
} stretch;

static void find_sources(stretch *s, int64_t width, int n_taps, const fk_tap_info *info)
{
    s->n = width - s->begin < COLUMNS ? width - s->begin : COLUMNS;
    for (int t = 0; t < n_taps; t++)
        for (int64_t x = 0; x < s->n; x++)
            s->source[t][x] = (int32_t)((s->begin + x) * info[t].width / width);
}

/* The source row of output row y in a tap. */
static int64_t source_row(int64_t y, const fk_level *out, const fk_tap_info *info)
{
    return y * info->height / out->height;
}

/* Copy one stretch of output row y: channels[k], or all channels for NULL.  Values of taps with the
 * same source row as the output row above are copied from that row. */
static void copy_row(fk_level *out, int64_t y, const stretch *s, const int64_t *channels,
                     int n_taps, const fk_tap_info *info, const float *const *taps)
{
    float *row = out->data + (y * out->width + s->begin) * out->dim;
    bool changes[FK_MAX_TAPS];

    for (int t = 0; t < n_taps; t++)
        changes[t] = y == 0 || source_row(y, out, &info[t]) != source_row(y - 1, out, &info[t]);
    if (y > 0)
        memcpy(row, row - out->width * out->dim, (size_t)(s->n * out->dim) * sizeof *row);
    for (int64_t k = 0; k < out->dim; k++) {
        int64_t c = channels != NULL ? channels[k] : k;
        const float *from;
        int t = 0;

        for (; t < n_taps && c >= info[t].channels; t++)
            c -= info[t].channels;
        assert(t < n_taps);
        if (!changes[t])
            continue;
        from = taps[t] + (c * info[t].height + source_row(y, out, &info[t])) * info[t].width;
        for (int64_t x = 0; x < s->n; x++)
            row[x * out->dim + k] = from[s->source[t][x]];
    }
}

static void copy_taps(fk_level *out, const int64_t *channels, int n_taps, const fk_tap_info *info,
                      const float *const *taps)
{
    for (int64_t begin = 0; begin < out->width; begin += COLUMNS) {
        stretch s = {.begin = begin};

        find_sources(&s, out->width, n_taps, info);
        for (int64_t y = 0; y < out->height; y++)
            copy_row(out, y, &s, channels, n_taps, info, taps);
    }
}

/* The first of `size` outputs whose source is input i of n. */
static int64_t first_of(int64_t i, int64_t n, int64_t size)
{
    return (i * size + n - 1) / n;
}

/* Add a part of a projected tap, n positions of source row sy from column sx on, to all outputs
 * that repeat them, in dimensions k0 .. k0 + m - 1 of the embedding. */
static void add_repeated(fk_level *out, const float *part, int64_t n, int64_t k0, int64_t m,
                         int64_t sy, int64_t sx, const fk_tap_info *info)
{
    for (int64_t y = first_of(sy, info->height, out->height);
         y < first_of(sy + 1, info->height, out->height); y++) {
        for (int64_t i = 0; i < n; i++) {
            for (int64_t x = first_of(sx + i, info->width, out->width);
                 x < first_of(sx + i + 1, info->width, out->width); x++) {
                float *to = out->data + (y * out->width + x) * out->dim + k0;

                for (int64_t k = 0; k < m; k++)
                    to[k] += part[i * CHUNK + k];
            }
        }
    }
}

/* Project each tap on its own grid, then repeat and add it: repeating and projecting commute. */
static void project(fk_level *out, const float *projection, int n_taps, const fk_tap_info *info,
                    const float *const *taps)
{
    int64_t first = 0;

    memset(out->data, 0, (size_t)(out->height * out->width * out->dim) * sizeof(float));
    for (int t = 0; t < n_taps; first += info[t].channels, t++) {
        int64_t plane = info[t].height * info[t].width;
        const float *w = projection + first * out->dim;

        for (int64_t sy = 0; sy < info[t].height; sy++) {
            for (int64_t sx = 0; sx < info[t].width; sx += CHUNK) {
                int64_t n = info[t].width - sx < CHUNK ? info[t].width - sx : CHUNK;

                for (int64_t k0 = 0; k0 < out->dim; k0 += CHUNK) {
                    int64_t m = out->dim - k0 < CHUNK ? out->dim - k0 : CHUNK;
                    float part[CHUNK * CHUNK];

                    fk_linalg_multiply_tn(part, CHUNK, taps[t] + sy * info[t].width + sx, plane,
                                          w + k0, out->dim, n, m, info[t].channels, 0.0f);
                    add_repeated(out, part, n, k0, m, sy, sx, &info[t]);
                }
            }
        }
    }
}

static void average(float *out, const float *tap, const fk_tap_info *info)
{
    int64_t plane = info->height * info->width;

    for (int64_t c = 0; c < info->channels; c++) {
        double sum = 0.0;

        for (int64_t i = 0; i < plane; i++)
            sum += (double)tap[c * plane + i];
        out[c] = (float)(sum / (double)plane);
    }
}

void fk_embed(fk_embedding *out, const fk_embed_spec *spec, int n_taps, const fk_tap_info *info,
              const float *const *taps, const float *pool)
{
    if (spec->mode == FK_EMBED_SEPARATE) {
        assert(out->n_levels == n_taps);
        for (int t = 0; t < n_taps; t++)
            transpose(out->levels[t].data, taps[t], info[t].channels,
                      info[t].height * info[t].width);
    } else if (spec->mode == FK_EMBED_PATCHES) {
        assert(out->n_levels == 1 && out->levels[0].dim == spec->dims);
        fk_patches_fill(&out->levels[0], spec, n_taps, info, taps);
    } else {
        assert(out->n_levels == 1);
        if (spec->reduce == FK_REDUCE_ORTHOGONAL)
            project(&out->levels[0], spec->projection, n_taps, info, taps);
        else
            copy_taps(&out->levels[0], spec->reduce == FK_REDUCE_CHANNELS ? spec->channels : NULL,
                      n_taps, info, taps);
    }
    if (out->global_dim == 0)
        return;
    if (strcmp(spec->global, "pool") == 0) {
        assert(pool != NULL);
        memcpy(out->global, pool, (size_t)out->global_dim * sizeof(float));
        return;
    }
    for (int t = 0; t < n_taps; t++)
        if (strcmp(spec->global, info[t].name) == 0)
            average(out->global, taps[t], &info[t]);
}
