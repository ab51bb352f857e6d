/* SPDX-License-Identifier: Apache-2.0 */
/* Results of one category: memory, writing as JSON, and reading. */
#include "base/file.h"
#include "base/mem.h"
#include "benchmark/bench.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FORMAT 4
#define MAX_BYTES ((size_t)1 << 30)

void fk_bench_images_free(fk_bench_image *images, int64_t n)
{
    for (int64_t i = 0; images != NULL && i < n; i++) {
        fk_free(images[i].path);
        fk_free(images[i].type);
    }
    fk_free(images);
}

void fk_bench_result_free(fk_bench_result *r)
{
    fk_bench_images_free(r->images, r->n);
    for (int64_t i = 0; r->types != NULL && i < r->n_types; i++)
        fk_free(r->types[i].name);
    fk_free(r->settings);
    fk_free(r->error);
    fk_free(r->types);
    fk_free(r->curve);
    fk_free(r->name);
    fk_free(r->method);
    fk_free(r->backbone);
    fk_free(r->precision);
    fk_free(r->engine);
    fk_free(r->options);
    fk_free(r->taps);
    fk_free(r->resize);
    *r = (fk_bench_result){0};
}

fleck_status fk_bench_scores(double **scores, uint8_t **labels, int64_t *n,
                             const fk_bench_result *r, const char *type, fleck_error *err)
{
    fleck_status st;

    *n = 0;
    FK_DO(FK_ALLOC(scores, r->n, err));
    FK_DO(FK_ALLOC(labels, r->n, err));
    for (const fk_bench_image *im = r->images; im < r->images + r->n; im++) {
        if (type != NULL && im->defective && strcmp(im->type, type) != 0)
            continue;
        (*scores)[*n] = im->score;
        (*labels)[(*n)++] = im->defective;
    }
done:
    return st;
}

void fk_bench_no_figures(fk_bench_result *r)
{
    const fleck_ranking none = {NAN, NAN, NAN, NAN};

    r->report.image = r->report.pixel = none;
    r->report.pro = r->threshold = r->low = r->high = r->pixel_low = r->pixel_high = NAN;
}

void fk_bench_category_free(fk_bench_category *c)
{
    for (int i = 0; c->runs != NULL && i < c->n; i++)
        fk_bench_result_free(&c->runs[i]);
    fk_bench_files_free(&c->files);
    fk_free(c->runs);
    fk_free(c->name);
    *c = (fk_bench_category){0};
}

fleck_status fk_bench_panel_path(char **path, const char *out, const char *category,
                                 const fk_bench_result *r, int k, fleck_error *err)
{
    return fk_asprintf(path, err, "%s%spanels/%s-%.12s-%d.png", out != NULL ? out : "",
                       out != NULL ? "/" : "", category, r->settings, k + 1);
}

/* ---- Writing ---- */

/* Add a figure, unless it is NaN, which JSON does not have. */
static bool put_real(fk_json *o, const char *key, double v)
{
    return isnan(v) || fk_json_put_real(o, key, v);
}

static bool put_ranking(fk_json *to, const char *key, const fleck_ranking *r, double low,
                        double high, double pro)
{
    fk_json *o = fk_json_object();
    bool ok = o != NULL && put_real(o, "auroc", r->auroc) && put_real(o, "auroc_low", low) &&
              put_real(o, "auroc_high", high) && put_real(o, "ap", r->ap) &&
              put_real(o, "f1max", r->f1max) &&
              put_real(o, "f1max_threshold", r->f1max_threshold) && put_real(o, "pro", pro);

    return fk_json_put(to, key, o) && ok;
}

static bool put_images(fk_json *to, const fk_bench_result *r)
{
    fk_json *list = fk_json_array();
    bool ok = list != NULL;

    for (int64_t i = 0; ok && i < r->n; i++) {
        const fk_bench_image *im = &r->images[i];
        fk_json *o = fk_json_object();

        ok = o != NULL && fk_json_put_string(o, "path", im->path) &&
             fk_json_put_string(o, "type", im->type) &&
             fk_json_put_int(o, "label", im->defective) && fk_json_put_real(o, "score", im->score);
        ok = fk_json_push(list, o) && ok;
    }
    return fk_json_put(to, "scores", list) && ok;
}

/* Add the curve of the pixels as [threshold, found, alarms], without the first point, whose
 * threshold is infinity, which JSON does not have; and the types of defects. */
static bool put_pixels(fk_json *to, const fk_bench_result *r)
{
    fk_json *curve = fk_json_array(), *types = fk_json_array();
    bool ok = curve != NULL && types != NULL;

    for (int64_t i = 1; ok && i < r->n_curve; i++) {
        fk_json *p = fk_json_array();

        ok = p != NULL && fk_json_push_real(p, r->curve[i].threshold) &&
             fk_json_push_int(p, r->curve[i].found) && fk_json_push_int(p, r->curve[i].alarms);
        ok = fk_json_push(curve, p) && ok;
    }
    for (int64_t i = 0; ok && i < r->n_types; i++) {
        fk_json *o = fk_json_object();

        ok = o != NULL && fk_json_put_string(o, "type", r->types[i].name) &&
             put_real(o, "auroc", r->types[i].auroc);
        ok = fk_json_push(types, o) && ok;
    }
    ok = fk_json_put(to, "pixel_curve", curve) && ok;
    return fk_json_put(to, "pixel_types", types) && ok;
}

static bool put_counts(fk_json *to, const fleck_report *r)
{
    fk_json *images = fk_json_object(), *above = fk_json_object(), *seconds = fk_json_object();
    bool ok = images != NULL && fk_json_put_int(images, "train", r->train) &&
              fk_json_put_int(images, "good", r->good) &&
              fk_json_put_int(images, "defective", r->defective) &&
              fk_json_put_int(images, "failed", r->failed);

    ok = ok && above != NULL && fk_json_put_int(above, "good", r->above_threshold_good) &&
         fk_json_put_int(above, "defective", r->above_threshold_defective);
    ok = ok && seconds != NULL && fk_json_put_real(seconds, "decode", r->seconds.decode) &&
         fk_json_put_real(seconds, "network", r->seconds.network) &&
         fk_json_put_real(seconds, "score", r->seconds.score) &&
         fk_json_put_real(seconds, "metrics", r->seconds.metrics) &&
         fk_json_put_real(seconds, "total", r->seconds.total);
    ok = fk_json_put(to, "images", images) && ok;
    ok = fk_json_put(to, "above_threshold", above) && ok;
    ok = fk_json_put(to, "seconds", seconds) && ok;
    return ok && fk_json_put_int(to, "threads", r->seconds.threads) &&
           fk_json_put_real(to, "peak_rss_mib", r->seconds.peak_rss_mib);
}

static const char *const rank_names[FK_BENCH_RANKS] = {"highest", "median", "lowest",
                                                       "highest good"};

static bool put_panels(fk_json *to, const fk_bench_result *r)
{
    fk_json *list = fk_json_array();
    bool ok = list != NULL;

    for (int i = 0; ok && i < r->n_panels; i++) {
        fk_json *o = fk_json_object();

        ok = o != NULL && fk_json_put_int(o, "image", r->panels[i].image) &&
             fk_json_put_string(o, "rank", rank_names[r->panels[i].rank]);
        ok = fk_json_push(list, o) && ok;
    }
    return fk_json_put(to, "panels", list) && ok;
}

/* Add the files, each as [path, size, seconds, nanoseconds, device, inode, changed, digest]. */
static bool put_files(fk_json *to, const fk_bench_files *f)
{
    fk_json *list = fk_json_array();
    bool ok = list != NULL;

    for (int64_t i = 0; ok && i < f->count; i++) {
        const fk_stamp *s = &f->items[i].stamp;
        fk_json *o = fk_json_array();

        ok = o != NULL && fk_json_push_string(o, f->items[i].path) &&
             fk_json_push_int(o, s->size) && fk_json_push_int(o, s->seconds) &&
             fk_json_push_int(o, s->nanoseconds) && fk_json_push_int(o, (int64_t)s->device) &&
             fk_json_push_int(o, (int64_t)s->inode) && fk_json_push_int(o, f->items[i].changed) &&
             fk_json_push_string(o, f->items[i].digest);
        ok = fk_json_push(list, o) && ok;
    }
    return fk_json_put(to, "files", list) && ok;
}

static fk_json *run_json(const fk_bench_result *r, fleck_error *err)
{
    fk_json *o = fk_json_object(), *options = NULL, *size = fk_json_array();
    bool ok =
        o != NULL && size != NULL && fk_json_put_string(o, "name", r->name) &&
        fk_json_put_string(o, "method", r->method) &&
        fk_json_put_string(o, "backbone", r->backbone) && fk_json_put_string(o, "taps", r->taps) &&
        fk_json_put_string(o, "precision", r->precision) &&
        fk_json_put_string(o, "engine", r->engine) && fk_json_put_string(o, "resize", r->resize);

    ok = ok && fk_json_push_int(size, r->width) && fk_json_push_int(size, r->height) &&
         fk_json_push_int(size, r->crop_width) && fk_json_push_int(size, r->crop_height);
    ok = o != NULL && fk_json_put(o, "size", size) && ok;
    if (r->tile > 0)
        ok = ok && fk_json_put_int(o, "tile", r->tile) && fk_json_put_int(o, "overlap", r->overlap);
    ok = ok &&
         fk_json_parse(&options, r->options, strlen(r->options), "options", err) == FLECK_OK &&
         fk_json_put(o, "options", options);
    ok = ok && fk_json_put_string(o, "settings", r->settings);
    if (r->error != NULL)
        ok = ok && fk_json_put_string(o, "error", r->error);
    ok = o != NULL && put_panels(o, r) && ok;
    ok = ok && put_counts(o, &r->report) && put_real(o, "threshold", r->threshold) &&
         put_ranking(o, "image", &r->report.image, r->low, r->high, NAN);
    if (r->report.has_pixel)
        ok =
            ok &&
            put_ranking(o, "pixel", &r->report.pixel, r->pixel_low, r->pixel_high, r->report.pro) &&
            fk_json_put_int(o, "regions", r->report.regions) && put_pixels(o, r);
    ok = ok && put_images(o, r);
    if (!ok)
        fk_json_free(&o);
    return o;
}

fleck_status fk_bench_category_write(const fk_bench_category *c, const char *path, fleck_error *err)
{
    fk_json *o = fk_json_object(), *runs = fk_json_array();
    char *text = NULL;
    bool ok = o != NULL && fk_json_put_string(o, "fleck", FLECK_VERSION) &&
              fk_json_put_int(o, "bench", FORMAT) && fk_json_put_string(o, "category", c->name) &&
              fk_json_put_int(o, "images", c->images) &&
              fk_json_put_int(o, "decoded", c->decoded) && fk_json_put_int(o, "masks", c->masks) &&
              fk_json_put_int(o, "networks", c->n_networks) &&
              fk_json_put_int(o, "passes", c->passed);
    fleck_status st = FLECK_OK;

    for (int i = 0; ok && runs != NULL && i < c->n; i++)
        if (c->runs[i].name != NULL)
            ok = fk_json_push(runs, run_json(&c->runs[i], err));
    ok = o != NULL && fk_json_put(o, "runs", runs) && ok;
    ok = o != NULL && put_files(o, &c->files) && ok;
    if (!ok)
        FK_FAIL(err, FLECK_E_NOMEM, "%s: the results could not be put into JSON", path);
    FK_DO(fk_json_dump(&text, o, 1, err));
    FK_DO(fk_file_write(path, text, strlen(text), err));
done:
    fk_json_free(&o);
    fk_free(text);
    return st;
}

/* ---- Reading ---- */

static fleck_status get_text(char **out, const fk_json *o, const char *key, fleck_error *err)
{
    const char *text = fk_json_get_string(o, key);

    if (text == NULL)
        return fk_error_set(err, FLECK_E_FORMAT, "expected a text \"%s\"", key);
    return fk_strdup(out, text, err);
}

static fleck_status get_count(int64_t *out, const fk_json *o, const char *key, fleck_error *err)
{
    if (o == NULL || !fk_json_get_int(o, key, out) || *out < 0)
        return fk_error_set(err, FLECK_E_FORMAT, "expected a count \"%s\"", key);
    return FLECK_OK;
}

static double get_real(const fk_json *o, const char *key)
{
    double v = NAN;

    return o != NULL && fk_json_get_real(o, key, &v) ? v : NAN;
}

static fleck_ranking get_ranking(const fk_json *o)
{
    return (fleck_ranking){get_real(o, "auroc"), get_real(o, "ap"), get_real(o, "f1max"),
                           get_real(o, "f1max_threshold")};
}

fleck_status fk_bench_images_read(fk_bench_image **out, int64_t *n, const fk_json *list,
                                  fleck_error *err)
{
    int64_t count = list != NULL && fk_json_is_array(list) ? fk_json_count(list) : -1;
    fk_bench_image *images = NULL;
    fleck_status st;

    *out = NULL;
    *n = 0;
    if (count < 0)
        return fk_error_set(err, FLECK_E_FORMAT, "expected a list \"scores\"");
    FK_DO(FK_CALLOC(&images, count, err));
    for (int64_t i = 0; i < count; i++) {
        const fk_json *o = fk_json_at(list, i);
        int64_t label;

        if (!fk_json_is_object(o) || !fk_json_get_int(o, "label", &label) ||
            (label != 0 && label != 1) || !fk_json_get_real(o, "score", &images[i].score))
            FK_FAIL(err, FLECK_E_FORMAT, "scores: entry %lld lacks a label of 0 or 1, or a score",
                    (long long)i + 1);
        images[i].defective = label == 1;
        FK_DO(get_text(&images[i].path, o, "path", err));
        FK_DO(get_text(&images[i].type, o, "type", err));
    }
    *out = images;
    *n = count;
    return FLECK_OK;
done:
    fk_bench_images_free(images, count);
    return st;
}

static fleck_status get_counts(fk_bench_result *r, const fk_json *o, fleck_error *err)
{
    const fk_json *images = fk_json_get(o, "images"), *above = fk_json_get(o, "above_threshold");
    const fk_json *seconds = fk_json_get(o, "seconds"), *size = fk_json_get(o, "size");
    fleck_report *p = &r->report;
    int64_t threads;
    fleck_status st;

    FK_DO(get_count(&p->train, images, "train", err));
    FK_DO(get_count(&p->good, images, "good", err));
    FK_DO(get_count(&p->defective, images, "defective", err));
    FK_DO(get_count(&p->failed, images, "failed", err));
    FK_DO(get_count(&p->above_threshold_good, above, "good", err));
    FK_DO(get_count(&p->above_threshold_defective, above, "defective", err));
    FK_DO(get_count(&threads, o, "threads", err));
    p->seconds = (fleck_times){get_real(seconds, "decode"),       get_real(seconds, "network"),
                               get_real(seconds, "score"),        get_real(seconds, "metrics"),
                               get_real(seconds, "total"),        get_real(o, "peak_rss_mib"),
                               threads < 65536 ? (int)threads : 0};
    if (size == NULL || !fk_json_is_array(size) || fk_json_count(size) != 4 ||
        !fk_json_as_int(fk_json_at(size, 0), &r->width) ||
        !fk_json_as_int(fk_json_at(size, 1), &r->height) ||
        !fk_json_as_int(fk_json_at(size, 2), &r->crop_width) ||
        !fk_json_as_int(fk_json_at(size, 3), &r->crop_height))
        FK_FAIL(err, FLECK_E_FORMAT, "expected a list of four numbers \"size\"");
    if (fk_json_get(o, "tile") != NULL) {
        FK_DO(get_count(&r->tile, o, "tile", err));
        FK_DO(get_count(&r->overlap, o, "overlap", err));
    }
done:
    return st;
}

/* Read the points after the first, whose counts must not decrease. */
static fleck_status get_curve(fk_bench_result *r, const fk_json *list, fleck_error *err)
{
    int64_t n = list != NULL && fk_json_is_array(list) ? fk_json_count(list) : -1;
    fleck_status st;

    if (n < 0 || n >= FK_BIN_CURVE)
        return fk_error_set(err, FLECK_E_FORMAT,
                            "expected a list \"pixel_curve\" of up to %d points", FK_BIN_CURVE - 1);
    FK_DO(FK_CALLOC(&r->curve, n + 1, err));
    r->curve[0].threshold = INFINITY;
    r->n_curve = n + 1;
    for (int64_t i = 1; i <= n; i++) {
        const fk_json *p = fk_json_at(list, i - 1);
        fk_curve_point *to = &r->curve[i];

        if (!fk_json_is_array(p) || fk_json_count(p) != 3 ||
            !fk_json_as_real(fk_json_at(p, 0), &to->threshold) ||
            !fk_json_as_int(fk_json_at(p, 1), &to->found) ||
            !fk_json_as_int(fk_json_at(p, 2), &to->alarms) || to->found < to[-1].found ||
            to->alarms < to[-1].alarms)
            FK_FAIL(err, FLECK_E_FORMAT,
                    "pixel_curve: point %lld: expected a threshold and two counts that do not fall",
                    (long long)i);
    }
done:
    return st;
}

static fleck_status get_types(fk_bench_result *r, const fk_json *list, fleck_error *err)
{
    int64_t n = list != NULL && fk_json_is_array(list) ? fk_json_count(list) : -1;
    fleck_status st;

    if (n < 0)
        return fk_error_set(err, FLECK_E_FORMAT, "expected a list \"pixel_types\"");
    FK_DO(FK_CALLOC(&r->types, n, err));
    r->n_types = n;
    for (int64_t i = 0; i < n; i++) {
        const fk_json *o = fk_json_at(list, i);

        if (!fk_json_is_object(o))
            FK_FAIL(err, FLECK_E_FORMAT, "pixel_types: expected objects");
        FK_DO(get_text(&r->types[i].name, o, "type", err));
        r->types[i].auroc = get_real(o, "auroc");
    }
done:
    return st;
}

static fleck_status get_panels(fk_bench_result *r, const fk_json *list, fleck_error *err)
{
    int64_t n = list != NULL && fk_json_is_array(list) ? fk_json_count(list) : -1;

    if (n < 0 || n > FK_BENCH_PANELS)
        return fk_error_set(err, FLECK_E_FORMAT, "expected a list of up to %d \"panels\"",
                            FK_BENCH_PANELS);
    for (int i = 0; i < (int)n; i++) {
        const fk_json *o = fk_json_at(list, i);
        const char *rank = fk_json_is_object(o) ? fk_json_get_string(o, "rank") : NULL;
        int k = 0;

        while (rank != NULL && k < FK_BENCH_RANKS && strcmp(rank, rank_names[k]) != 0)
            k++;
        if (rank == NULL || k == FK_BENCH_RANKS ||
            !fk_json_get_int(o, "image", &r->panels[i].image) || r->panels[i].image < 0 ||
            r->panels[i].image >= r->n)
            return fk_error_set(err, FLECK_E_FORMAT,
                                "panels: entry %d lacks an image of the scores or a rank", i + 1);
        r->panels[i].rank = (fk_bench_rank)k;
        r->n_panels = i + 1;
    }
    return FLECK_OK;
}

static fleck_status get_file(fk_bench_file *f, const fk_json *o, fleck_error *err)
{
    const char *path = NULL, *digest = NULL;
    int64_t n[6] = {0};
    bool ok = fk_json_is_array(o) && fk_json_count(o) == 8;

    for (int i = 0; ok && i < 6; i++)
        ok = fk_json_as_int(fk_json_at(o, i + 1), &n[i]);
    if (ok) {
        path = fk_json_as_string(fk_json_at(o, 0));
        digest = fk_json_as_string(fk_json_at(o, 7));
    }
    if (path == NULL || digest == NULL || strlen(digest) >= sizeof f->digest)
        return fk_error_set(err, FLECK_E_FORMAT,
                            "files: expected a path, six numbers and a digest each");
    f->stamp = (fk_stamp){.size = n[0],
                          .seconds = n[1],
                          .nanoseconds = n[2],
                          .device = (uint64_t)n[3],
                          .inode = (uint64_t)n[4]};
    f->changed = n[5];
    memcpy(f->digest, digest, strlen(digest) + 1);
    return fk_strdup(&f->path, path, err);
}

static fleck_status get_files(fk_bench_files *f, const fk_json *list, fleck_error *err)
{
    int64_t n = list != NULL && fk_json_is_array(list) ? fk_json_count(list) : -1;
    fleck_status st;

    if (n < 0)
        return fk_error_set(err, FLECK_E_FORMAT, "expected a list \"files\"");
    FK_DO(FK_CALLOC(&f->items, n, err));
    f->count = n;
    for (int64_t i = 0; i < n; i++)
        FK_DO(get_file(&f->items[i], fk_json_at(list, i), err));
done:
    return st;
}

static fleck_status get_run(fk_bench_result *r, const fk_json *o, fleck_error *err)
{
    const fk_json *image = fk_json_get(o, "image"), *pixel = fk_json_get(o, "pixel");
    const fk_json *options = fk_json_get(o, "options");
    fleck_status st;

    FK_DO(get_text(&r->name, o, "name", err));
    FK_DO(get_text(&r->settings, o, "settings", err));
    if (strlen(r->settings) != FK_SHA256_TEXT - 1 ||
        strspn(r->settings, "0123456789abcdef") != FK_SHA256_TEXT - 1)
        FK_FAIL(err, FLECK_E_FORMAT, "settings: expected 64 hexadecimal digits");
    if (fk_json_get(o, "error") != NULL)
        FK_DO(get_text(&r->error, o, "error", err));
    FK_DO(get_text(&r->method, o, "method", err));
    FK_DO(get_text(&r->backbone, o, "backbone", err));
    FK_DO(get_text(&r->taps, o, "taps", err));
    FK_DO(get_text(&r->precision, o, "precision", err));
    FK_DO(get_text(&r->engine, o, "engine", err));
    FK_DO(get_text(&r->resize, o, "resize", err));
    if (options == NULL || !fk_json_is_object(options))
        FK_FAIL(err, FLECK_E_FORMAT, "expected an object \"options\"");
    FK_DO(fk_json_dump(&r->options, options, 0, err));
    FK_DO(get_counts(r, o, err));
    r->threshold = get_real(o, "threshold");
    r->report.image = get_ranking(image);
    r->low = get_real(image, "auroc_low");
    r->high = get_real(image, "auroc_high");
    r->report.has_pixel = pixel != NULL;
    r->report.pixel = get_ranking(pixel);
    r->report.pro = get_real(pixel, "pro");
    r->pixel_low = get_real(pixel, "auroc_low");
    r->pixel_high = get_real(pixel, "auroc_high");
    if (pixel != NULL) {
        FK_DO(get_count(&r->report.regions, o, "regions", err));
        FK_DO(get_curve(r, fk_json_get(o, "pixel_curve"), err));
        FK_DO(get_types(r, fk_json_get(o, "pixel_types"), err));
    }
    FK_DO(fk_bench_images_read(&r->images, &r->n, fk_json_get(o, "scores"), err));
    FK_DO(get_panels(r, fk_json_get(o, "panels"), err));
done:
    return st;
}

static fleck_status get_category(fk_bench_category *c, const fk_json *o, fleck_error *err)
{
    const fk_json *runs = fk_json_get(o, "runs");
    int64_t format, networks, n;
    fleck_status st;

    if (!fk_json_is_object(o) || !fk_json_get_int(o, "bench", &format))
        return fk_error_set(err, FLECK_E_FORMAT, "not results of fleck bench");
    if (format != FORMAT)
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "results of format %lld, this fleck reads %d",
                            (long long)format, FORMAT);
    FK_DO(get_text(&c->name, o, "category", err));
    FK_DO(get_count(&c->images, o, "images", err));
    FK_DO(get_count(&c->decoded, o, "decoded", err));
    if (fk_json_get(o, "masks") != NULL) /* older results lack it */
        FK_DO(get_count(&c->masks, o, "masks", err));
    FK_DO(get_count(&c->passed, o, "passes", err));
    FK_DO(get_count(&networks, o, "networks", err));
    n = runs != NULL && fk_json_is_array(runs) ? fk_json_count(runs) : 0;
    if (n < 1 || n > 1000 || networks > 1000)
        FK_FAIL(err, FLECK_E_FORMAT, "expected a list of up to 1000 \"runs\"");
    c->n_networks = (int)networks;
    FK_DO(FK_CALLOC(&c->runs, n, err));
    c->n = (int)n;
    for (int i = 0; i < c->n; i++) {
        st = get_run(&c->runs[i], fk_json_at(runs, i), err);
        if (st != FLECK_OK) {
            fk_error_context(err, "run %d", i + 1);
            goto done;
        }
    }
    FK_DO(get_files(&c->files, fk_json_get(o, "files"), err));
done:
    return st;
}

fleck_status fk_bench_category_parse(fk_bench_category *out, const char *bytes, size_t size,
                                     const char *name, fleck_error *err)
{
    fk_json *o = NULL;
    fleck_status st;

    *out = (fk_bench_category){0};
    FK_DO(fk_json_parse(&o, bytes, size, name, err));
    st = get_category(out, o, err);
    if (st != FLECK_OK)
        fk_error_context(err, "%s", name);
done:
    fk_json_free(&o);
    if (st != FLECK_OK)
        fk_bench_category_free(out);
    return st;
}

fleck_status fk_bench_category_read(fk_bench_category *out, const char *path, fleck_error *err)
{
    fk_contents file;
    fleck_status st = fk_contents_read(&file, path, MAX_BYTES, err);

    *out = (fk_bench_category){0};
    if (st == FLECK_OK)
        st = fk_bench_category_parse(out, (const char *)file.data, file.size, path, err);
    fk_contents_free(&file);
    return st;
}
