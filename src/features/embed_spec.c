/* SPDX-License-Identifier: Apache-2.0 */
/* Specs of embeddings: reductions, shapes, saving and loading. */
#include "features/embed.h"
#include "base/file.h"
#include "base/mem.h"
#include "features/sample.h"
#include "linalg/linalg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_LIMIT ((size_t)1 << 20)
#define DIMS_SMALL 100 /* Defard et al. 2020, section IV: ResNet-18 */
#define DIMS_LARGE 550 /* the same: WRN50-2 */
#define MAX_WIDTH (INT64_C(1) << 24)
#define MAX_PATCH 15
#define PATCH_WIDTH 1024 /* of the authors' code */
#define MAX_POOLED 65536

static void drop_reduction(fk_embed_spec *spec)
{
    fk_free(spec->channels);
    fk_free(spec->projection);
    spec->channels = NULL;
    spec->projection = NULL;
    spec->reduce = FK_REDUCE_NONE;
    spec->dims = 0;
    spec->width = 0;
}

void fk_embed_spec_free(fk_embed_spec *spec)
{
    drop_reduction(spec);
    *spec = (fk_embed_spec){0};
}

/* ---- Reductions ---- */

static int compare_indices(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Draw channels as Python does, and sort them: their order changes no distance, and sorted ones are
 * read faster. */
static fleck_status draw(fk_embed_spec *spec, uint64_t seed, fleck_error *err)
{
    fleck_status st;

    FK_DO(FK_ALLOC(&spec->channels, spec->dims, err));
    FK_DO(fk_sample_python(spec->channels, spec->dims, spec->width, seed, err));
    qsort(spec->channels, (size_t)spec->dims, sizeof *spec->channels, compare_indices);
    spec->reduce = FK_REDUCE_CHANNELS;
done:
    return st;
}

/* A list file that is being read. */
typedef struct list_reader {
    const char *path;
    const char *at, *end;
    int64_t line, width;
} list_reader;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next line's text without blanks around it, [*text, *text + *length); false at the end. */
static bool next_line(list_reader *r, const char **text, int64_t *length)
{
    const char *stop;

    if (r->at == r->end)
        return false;
    stop = memchr(r->at, '\n', (size_t)(r->end - r->at));
    *text = r->at;
    r->at = stop != NULL ? stop + 1 : r->end;
    if (stop == NULL)
        stop = r->end;
    while (*text < stop && is_blank(**text))
        (*text)++;
    while (stop > *text && is_blank(stop[-1]))
        stop--;
    *length = stop - *text;
    r->line++;
    return true;
}

static fleck_status parse_index(int64_t *out, const list_reader *r, const char *text,
                                int64_t length, fleck_error *err)
{
    int64_t value = 0;
    bool digits = true;

    for (int64_t i = 0; i < length; i++) {
        digits = digits && text[i] >= '0' && text[i] <= '9';
        if (digits && value < r->width)
            value = value * 10 + (text[i] - '0');
    }
    if (!digits)
        return fk_error_set(err, FLECK_E_FORMAT,
                            "%s, line %lld: expected one channel number, found \"%.*s\"", r->path,
                            (long long)r->line, (int)(length < 40 ? length : 40), text);
    if (value >= r->width)
        return fk_error_set(err, FLECK_E_FORMAT,
                            "%s, line %lld: expected a channel from 0 to %lld (the taps have %lld "
                            "in all), found %.*s",
                            r->path, (long long)r->line, (long long)r->width - 1,
                            (long long)r->width, (int)(length < 40 ? length : 40), text);
    *out = value;
    return FLECK_OK;
}

fleck_status fk_embed_parse_channels(fk_embed_spec *spec, const char *text, size_t size,
                                     const char *name, int64_t width, fleck_error *err)
{
    list_reader r = {.path = name, .at = text, .end = text + size, .width = width};
    int64_t *seen_on = NULL; /* [width] line of each index, 0: not seen yet */
    int64_t index = 0, length;
    const char *line;
    fleck_status st;

    drop_reduction(spec);
    FK_DO(FK_CALLOC(&seen_on, width, err));
    FK_DO(FK_ALLOC(&spec->channels, width, err));
    while (next_line(&r, &line, &length)) {
        if (length == 0)
            continue;
        FK_DO(parse_index(&index, &r, line, length, err));
        if (seen_on[index] != 0)
            FK_FAIL(err, FLECK_E_FORMAT, "%s, line %lld: channel %lld was on line %lld already",
                    name, (long long)r.line, (long long)index, (long long)seen_on[index]);
        seen_on[index] = r.line;
        spec->channels[spec->dims++] = index;
    }
    if (spec->dims == 0)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: expected one channel number a line, found none", name);
    spec->reduce = FK_REDUCE_CHANNELS;
    spec->width = width;
done:
    if (st != FLECK_OK)
        drop_reduction(spec);
    fk_free(seen_on);
    return st;
}

static fleck_status read_list(fk_embed_spec *spec, const char *path, int64_t width,
                              fleck_error *err)
{
    fk_contents file = {0};
    fleck_status st;

    FK_DO(fk_contents_read(&file, path, LIST_LIMIT, err));
    /* An empty file maps to NULL. */
    FK_DO(fk_embed_parse_channels(spec, file.size > 0 ? (const char *)file.data : "", file.size,
                                  path, width, err));
done:
    fk_contents_free(&file);
    return st;
}

static int64_t usual_dims(int64_t width)
{
    int64_t dims = width > 1000 ? DIMS_LARGE : DIMS_SMALL;

    return dims < width ? dims : width;
}

fleck_status fk_embed_reduce(fk_embed_spec *spec, const char *text, int64_t dims, uint64_t seed,
                             int64_t width, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    drop_reduction(spec);
    if (width < 1 || width > MAX_WIDTH)
        FK_FAIL(err, FLECK_E_SHAPE, "the taps have %lld channels in all; expected 1 to %lld",
                (long long)width, (long long)MAX_WIDTH);
    if (dims < 0 || dims > width)
        FK_FAIL(err, FLECK_E_OPTION,
                "--dims: expected 0 to %lld, the number of channels of the taps, got %lld",
                (long long)width, (long long)dims);
    spec->width = width;
    spec->dims = dims > 0 ? dims : usual_dims(width);
    if (strcmp(text, "none") == 0) {
        if (dims != 0 && dims != width)
            FK_FAIL(err, FLECK_E_OPTION,
                    "--dims %lld does not go with --reduce none, which keeps all %lld channels",
                    (long long)dims, (long long)width);
        spec->dims = 0;
    } else if (strncmp(text, "list:", 5) == 0) {
        FK_DO(read_list(spec, text + 5, width, err));
        if (dims != 0 && dims != spec->dims)
            FK_FAIL(err, FLECK_E_OPTION, "--dims %lld does not go with the %lld channels of %s",
                    (long long)dims, (long long)spec->dims, text + 5);
    } else if (strcmp(text, "random") == 0) {
        FK_DO(draw(spec, seed, err));
    } else if (strcmp(text, "orthogonal") == 0) {
        FK_DO(FK_ALLOC(&spec->projection, width * spec->dims, err));
        FK_DO(fk_linalg_orthonormal(spec->projection, width, spec->dims, seed, err));
        spec->reduce = FK_REDUCE_ORTHOGONAL;
    } else {
        FK_FAIL(err, FLECK_E_OPTION,
                "--reduce: expected random, list:FILE, orthogonal or none, got \"%s\"", text);
    }
done:
    if (st != FLECK_OK)
        drop_reduction(spec);
    return st;
}

fleck_status fk_embed_patches(fk_embed_spec *out, int64_t patch, int64_t pretrain, int64_t dims,
                              fleck_error *err)
{
    *out = (fk_embed_spec){0};
    if (patch < 1 || patch > MAX_PATCH || patch % 2 == 0)
        return fk_error_set(err, FLECK_E_OPTION, "--patch: expected an odd number to %d, got %lld",
                            MAX_PATCH, (long long)patch);
    if (pretrain < 1 || pretrain > MAX_POOLED || dims < 1 || dims > MAX_POOLED)
        return fk_error_set(err, FLECK_E_OPTION,
                            "--pretrain-dim and --target-dim: expected 1 to %d, got %lld and %lld",
                            MAX_POOLED, (long long)pretrain, (long long)dims);
    out->mode = FK_EMBED_PATCHES;
    out->patch = patch;
    out->pretrain = pretrain;
    out->dims = dims;
    snprintf(out->global, sizeof out->global, "none");
    return FLECK_OK;
}

int64_t fk_embed_patch_width(int64_t asked, int n_taps, const fk_tap_info *taps)
{
    int64_t channels = 0;

    for (int t = 0; taps != NULL && t < n_taps; t++)
        channels += taps[t].channels;
    return asked > 0 ? asked : channels < PATCH_WIDTH ? channels : PATCH_WIDTH;
}

/* ---- Shapes ---- */

static fleck_status find_global(int64_t *dim, const char *name, int n_taps, const fk_tap_info *taps,
                                int64_t pool_dim, fleck_error *err)
{
    char names[256] = "";
    size_t used = 0;

    *dim = 0;
    if (strcmp(name, "none") == 0)
        return FLECK_OK;
    if (strcmp(name, "pool") == 0) {
        if (pool_dim <= 0)
            return fk_error_set(err, FLECK_E_OPTION,
                                "this network has no pool to take a global feature from; name a "
                                "tap instead");
        *dim = pool_dim;
        return FLECK_OK;
    }
    for (int t = 0; t < n_taps; t++) {
        if (strcmp(name, taps[t].name) == 0) {
            *dim = taps[t].channels;
            return FLECK_OK;
        }
        if (used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", t > 0 ? ", " : "",
                                     taps[t].name);
    }
    return fk_error_set(err, FLECK_E_OPTION,
                        "the global feature is pool or the mean of a tap (%s), not \"%s\"", names,
                        name);
}

static void shape_joined(fk_level *out, int n_taps, const fk_tap_info *taps)
{
    *out = (fk_level){0};
    for (int t = 0; t < n_taps; t++) {
        out->height = taps[t].height > out->height ? taps[t].height : out->height;
        out->width = taps[t].width > out->width ? taps[t].width : out->width;
        out->dim += taps[t].channels;
    }
}

fleck_status fk_embed_shape_of(fk_embed_shape *out, const fk_embed_spec *spec, int n_taps,
                               const fk_tap_info *taps, int64_t pool_dim, fleck_error *err)
{
    fleck_status st;

    *out = (fk_embed_shape){0};
    if (n_taps < 1 || n_taps > FK_MAX_TAPS)
        FK_FAIL(err, FLECK_E_SHAPE, "expected 1 to %d taps, got %d", FK_MAX_TAPS, n_taps);
    for (int t = 0; t < n_taps; t++)
        if (taps[t].channels < 1 || taps[t].height < 1 || taps[t].width < 1)
            FK_FAIL(err, FLECK_E_SHAPE, "tap %s is empty: [%lld, %lld, %lld]", taps[t].name,
                    (long long)taps[t].channels, (long long)taps[t].height,
                    (long long)taps[t].width);
    FK_DO(find_global(&out->global_dim, spec->global, n_taps, taps, pool_dim, err));
    if (spec->mode == FK_EMBED_SEPARATE) {
        out->n_levels = n_taps;
        for (int t = 0; t < n_taps; t++)
            out->levels[t] = (fk_level){
                .height = taps[t].height, .width = taps[t].width, .dim = taps[t].channels};
        return FLECK_OK;
    }
    out->n_levels = 1;
    shape_joined(&out->levels[0], n_taps, taps);
    if (spec->mode == FK_EMBED_PATCHES) {
        for (int t = 0; t < n_taps; t++)
            if (taps[t].channels > MAX_WIDTH)
                FK_FAIL(err, FLECK_E_SHAPE, "tap %s has %lld channels; expected at most %lld",
                        taps[t].name, (long long)taps[t].channels, (long long)MAX_WIDTH);
        out->levels[0].dim = spec->dims;
    } else if (spec->reduce != FK_REDUCE_NONE) {
        if (spec->width != out->levels[0].dim)
            FK_FAIL(err, FLECK_E_SHAPE,
                    "the embedding's reduction is for taps of %lld channels in all, these have "
                    "%lld",
                    (long long)spec->width, (long long)out->levels[0].dim);
        out->levels[0].dim = spec->dims;
    }
done:
    if (st != FLECK_OK)
        *out = (fk_embed_shape){0};
    return st;
}

/* ---- Saving and loading ---- */

static const char *const MODES[] = {"joined", "separate", "patches"};
static const char *const REDUCTIONS[] = {"none", "channels", "orthogonal"};

fleck_status fk_embed_spec_save(const fk_embed_spec *spec, fk_st_writer *w, fk_json *meta,
                                fleck_error *err)
{
    if (!fk_json_put_string(meta, "mode", MODES[spec->mode]) ||
        !fk_json_put_string(meta, "reduce", REDUCTIONS[spec->reduce]) ||
        !fk_json_put_int(meta, "width", spec->width) ||
        !fk_json_put_string(meta, "global", spec->global))
        return fk_error_set(err, FLECK_E_NOMEM, "the embedding could not be written as JSON");
    if (spec->mode == FK_EMBED_PATCHES && (!fk_json_put_int(meta, "patch", spec->patch) ||
                                           !fk_json_put_int(meta, "pretrain", spec->pretrain) ||
                                           !fk_json_put_int(meta, "dims", spec->dims)))
        return fk_error_set(err, FLECK_E_NOMEM, "the embedding could not be written as JSON");
    if (spec->reduce == FK_REDUCE_CHANNELS)
        return fk_st_writer_add_data(w, "embed.channels", FK_I64, 1, (int64_t[]){spec->dims},
                                     spec->channels, err);
    if (spec->reduce == FK_REDUCE_ORTHOGONAL)
        return fk_st_writer_add_data(w, "embed.projection", FK_F32, 2,
                                     (int64_t[]){spec->width, spec->dims}, spec->projection, err);
    return FLECK_OK;
}

/* The index of meta's word among n words; -1, with a message, if it is none of them. */
static int find_word(const fk_json *meta, const char *key, const char *const *words, int n,
                     const fk_st_reader *r, fleck_error *err)
{
    const char *word = fk_json_get_string(meta, key);

    for (int i = 0; word != NULL && i < n; i++)
        if (strcmp(word, words[i]) == 0)
            return i;
    (void)fk_error_set(err, FLECK_E_FORMAT, "%s: embedding: %s \"%s\" is not known", fk_st_name(r),
                       key, word != NULL ? word : "(missing)");
    return -1;
}

static fleck_status load_channels(fk_embed_spec *out, const fk_st_reader *r, fleck_error *err)
{
    fk_tensor t;
    fleck_status st;

    FK_DO(fk_st_get_checked(r, "embed.channels", FK_I64, 1, (int64_t[]){-1}, &t, err));
    if (t.shape[0] < 1 || t.shape[0] > out->width)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: embed.channels: expected 1 to %lld, found %lld",
                fk_st_name(r), (long long)out->width, (long long)t.shape[0]);
    FK_DO(FK_ALLOC(&out->channels, t.shape[0], err));
    out->dims = t.shape[0];
    memcpy(out->channels, t.data, (size_t)out->dims * sizeof *out->channels);
    for (int64_t i = 0; i < out->dims; i++)
        if (out->channels[i] < 0 || out->channels[i] >= out->width)
            FK_FAIL(err, FLECK_E_FORMAT, "%s: embed.channels: expected 0 to %lld, found %lld",
                    fk_st_name(r), (long long)out->width - 1, (long long)out->channels[i]);
done:
    return st;
}

static fleck_status load_projection(fk_embed_spec *out, const fk_st_reader *r, fleck_error *err)
{
    fk_tensor t;
    fleck_status st;

    FK_DO(
        fk_st_get_checked(r, "embed.projection", FK_F32, 2, (int64_t[]){out->width, -1}, &t, err));
    if (t.shape[1] < 1 || t.shape[1] > out->width)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: embed.projection: expected 1 to %lld columns, found %lld",
                fk_st_name(r), (long long)out->width, (long long)t.shape[1]);
    FK_DO(FK_ALLOC(&out->projection, fk_tensor_count(&t), err));
    out->dims = t.shape[1];
    memcpy(out->projection, t.data, (size_t)fk_tensor_count(&t) * sizeof(float));
done:
    return st;
}

static fleck_status load_patches(fk_embed_spec *out, const fk_st_reader *r, const fk_json *meta,
                                 fleck_error *err)
{
    fk_embed_spec spec;
    int64_t patch, pretrain, dims;

    if (!fk_json_get_int(meta, "patch", &patch) || !fk_json_get_int(meta, "pretrain", &pretrain) ||
        !fk_json_get_int(meta, "dims", &dims) || out->reduce != FK_REDUCE_NONE ||
        fk_embed_patches(&spec, patch, pretrain, dims, NULL) != FLECK_OK)
        return fk_error_set(err, FLECK_E_FORMAT,
                            "%s: embedding: patch, pretrain or dims is missing or out of range",
                            fk_st_name(r));
    out->patch = patch;
    out->pretrain = pretrain;
    out->dims = dims;
    return FLECK_OK;
}

fleck_status fk_embed_spec_load(fk_embed_spec *out, const fk_st_reader *r, const fk_json *meta,
                                fleck_error *err)
{
    const char *global;
    int mode, reduce;
    fleck_status st;

    *out = (fk_embed_spec){0};
    if (!fk_json_is_object(meta))
        return fk_error_set(err, FLECK_E_FORMAT, "%s: the embedding's description is missing",
                            fk_st_name(r));
    st = FLECK_E_FORMAT;
    mode = find_word(meta, "mode", MODES, 3, r, err);
    if (mode < 0)
        goto done;
    reduce = find_word(meta, "reduce", REDUCTIONS, 3, r, err);
    if (reduce < 0)
        goto done;
    out->mode = (fk_embed_mode)mode;
    out->reduce = (fk_reduce)reduce;
    global = fk_json_get_string(meta, "global");
    if (global == NULL || strlen(global) >= sizeof out->global)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: embedding: global is missing or too long", fk_st_name(r));
    snprintf(out->global, sizeof out->global, "%s", global);
    if (!fk_json_get_int(meta, "width", &out->width) || out->width < 0 || out->width > MAX_WIDTH)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: embedding: width is missing or not from 0 to %lld",
                fk_st_name(r), (long long)MAX_WIDTH);
    st = FLECK_OK;
    if (out->mode == FK_EMBED_PATCHES)
        FK_DO(load_patches(out, r, meta, err));
    if (out->reduce == FK_REDUCE_CHANNELS)
        FK_DO(load_channels(out, r, err));
    if (out->reduce == FK_REDUCE_ORTHOGONAL)
        FK_DO(load_projection(out, r, err));
done:
    if (st != FLECK_OK)
        fk_embed_spec_free(out);
    return st;
}
