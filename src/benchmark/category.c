/* SPDX-License-Identifier: Apache-2.0 */
/* One category of a benchmark: every run is fitted and evaluated; the runs share decoded images and
 * taps. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "metric/interval.h"
#include "benchmark/bench.h"
#include "evaluate/evaluate.h"
#include "run/picture.h"
#include "run/predict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PANEL_TILE 240

/* Shared by the runs of a category. */
typedef struct job {
    const char *out, *file;
    const fleck_bench_settings *settings;
    fk_bench_data *data;
    fk_digest *contents;   /* [data->n_files] */
    fk_wide_window window; /* for 16-bit images, unless a run sets its own */
    fk_bench_category *category;
} job;

/* Collects the scored images of a run's evaluation. */
typedef struct collector {
    const job *job;
    fk_bench_result *result;
    int64_t *samples; /* [test.count] index of the test image of each */
} collector;

/* The path relative to the category's folder. */
static const char *below(const char *path, const char *folder)
{
    size_t n = strlen(folder);

    if (strncmp(path, folder, n) != 0)
        return path;
    path += n;
    return path + strspn(path, "/");
}

static fleck_status on_result(void *ctx, int64_t i, const fleck_sample *sample,
                              const fleck_result *r, const fleck_error *error)
{
    collector *g = ctx;
    fk_bench_image *im = &g->result->images[g->result->n];
    fleck_status st = FLECK_OK;

    (void)error; /* the report counts failures */
    if (r == NULL)
        return FLECK_OK;
    *im = (fk_bench_image){.defective = sample->defective, .score = r->score};
    g->samples[g->result->n++] = i;
    FK_DO(fk_utf8_escape(&im->path, below(sample->path, g->job->data->path), NULL));
    FK_DO(fk_utf8_escape(&im->type, sample->type, NULL));
done:
    return st;
}

/* Copy the model's texts to the result. */
static fleck_status describe(fk_bench_result *r, const fk_model *m, const char *name,
                             fleck_error *err)
{
    fk_text taps = {0};
    fk_json *options = NULL;
    fleck_status st;

    FK_DO(fk_strdup(&r->name, name, err));
    FK_DO(fk_strdup(&r->method, m->method->name, err));
    FK_DO(fk_strdup(&r->backbone, m->backbone, err));
    FK_DO(fk_strdup(&r->precision, fk_precision_name(m->precision), err));
    FK_DO(fk_strdup(&r->engine, m->engine, err));
    FK_DO(fk_strdup(&r->resize, m->pre.resize, err));
    for (int i = 0; i < m->n_taps; i++)
        FK_DO(fk_text_printf(&taps, err, "%s%s", i > 0 ? "," : "", m->taps[i].name));
    FK_DO(fk_strdup(&r->taps, taps.data != NULL ? taps.data : "", err));
    FK_DO(fk_options_to_json(&options, &m->options, err));
    FK_DO(fk_json_dump(&r->options, options, 0, err));
    r->width = m->pre.width;
    r->height = m->pre.height;
    r->crop_width = m->pre.crop_width;
    r->crop_height = m->pre.crop_height;
    r->tile = m->pre.tile;
    r->overlap = m->pre.overlap;
done:
    fk_text_free(&taps);
    fk_json_free(&options);
    return st;
}

static fk_bootstrap bootstrap(const fleck_bench_settings *s, fk_watch *watch)
{
    return (fk_bootstrap){
        .resamples = s->resamples, .seed = s->seed, .level = 0.95, .watch = watch};
}

/* Compute the interval of the image ROC-AUC; NaN if a class is empty. */
static fleck_status interval(fk_bench_result *r, const fleck_bench_settings *s, fleck_error *err)
{
    fk_watch watch = {.call = s->fit->progress, .ctx = s->fit->progress_ctx};
    fk_bootstrap how = bootstrap(s, &watch);
    fk_interval found = {NAN, NAN, NAN, NAN};
    double *scores = NULL;
    uint8_t *labels = NULL;
    int64_t n;
    fleck_status st;

    FK_DO(fk_bench_scores(&scores, &labels, &n, r, NULL, err));
    if (!isnan(r->report.image.auroc))
        FK_DO(fk_bootstrap_auroc(&found, &(fk_scored){.a = scores, .labels = labels, .n = n}, &how,
                                 err));
    r->low = found.low;
    r->high = found.high;
done:
    fk_free(scores);
    fk_free(labels);
    return st;
}

/* Measure the pixels of each type of defect, in the order of the test images. */
static fleck_status measure_types(fk_bench_result *r, const fk_bin_table *t, const fk_samples *test,
                                  fleck_error *err)
{
    uint8_t *chosen = NULL;
    fleck_status st;

    FK_DO(FK_ALLOC(&chosen, test->count, err));
    FK_DO(FK_CALLOC(&r->types, test->count, err));
    for (int64_t i = 0; i < test->count; i++) {
        int64_t k = 0;

        while (k < i && (!test->items[k].defective ||
                         strcmp(test->items[k].defect, test->items[i].defect) != 0))
            k++;
        if (k < i || !test->items[i].defective)
            continue; /* good, or its type was measured with an earlier image */
        k = r->n_types;
        FK_DO(fk_utf8_escape(&r->types[k].name, test->items[i].defect, err));
        r->n_types++;
        for (int64_t j = 0; j < test->count; j++)
            chosen[j] = test->items[j].defective &&
                        strcmp(test->items[j].defect, test->items[i].defect) == 0;
        r->types[k].auroc = fk_bin_table_auroc(t, chosen);
    }
done:
    fk_free(chosen);
    return st;
}

/* Compute curve, interval and types of the pixels from the histograms of the images. */
static fleck_status measure_pixels(fk_bench_result *r, const fk_bins *bins, const job *w,
                                   fleck_error *err)
{
    const fleck_settings *fit = w->settings->fit;
    fk_watch watch = {.call = fit->progress, .ctx = fit->progress_ctx};
    fk_bootstrap how = bootstrap(w->settings, &watch);
    fk_interval found;
    fk_bin_table t = {0};
    uint8_t *labels = NULL;
    fleck_status st;

    FK_DO(fk_bin_table_make(&t, bins, w->data->test.count, err));
    FK_DO(FK_ALLOC(&labels, w->data->test.count, err));
    for (int64_t i = 0; i < w->data->test.count; i++)
        labels[i] = w->data->test.items[i].defective;
    FK_DO(fk_bin_table_interval(&found, &t, labels, &how, err));
    r->pixel_low = found.low;
    r->pixel_high = found.high;
    FK_DO(FK_CALLOC(&r->curve, FK_BIN_CURVE, err));
    r->n_curve = fk_bin_table_curve(r->curve, &t);
    FK_DO(measure_types(r, &t, &w->data->test, err));
done:
    fk_bin_table_free(&t);
    fk_free(labels);
    return st;
}

typedef struct ranked {
    double score;
    int64_t image;
} ranked;

static int by_score(const void *x, const void *y)
{
    const ranked *a = x, *b = y;

    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->image < b->image ? -1 : 1;
}

/* Draw panel k of a run: image, ground truth if there are masks, and heat map. */
static fleck_status draw_panel(const job *w, fk_bench_result *out, fk_runner *r, int64_t sample,
                               int k, fleck_error *err)
{
    const fk_sample *s = &w->data->test.items[sample];
    const char *caption = "heat map";
    fleck_result result = {0};
    fk_image heat = {0}, truth = {0};
    unsigned kinds;
    char *path = NULL;
    fleck_status st;

    FK_DO(fk_bench_panel_path(&path, w->out, w->category->name, out, k, err));
    FK_DO(fk_predict_file(r, s->path, true, &result, err));
    FK_DO(fk_picture_overlay(&heat, r->model, &result, err));
    if (out->report.has_pixel && s->mask != NULL)
        FK_DO(fk_runner_mask(r, 0, s->mask, s->path, result.image_width, result.image_height,
                             &truth, &kinds, err));
    FK_DO(fk_picture_row(path,
                         &(fk_image){.width = result.image_width,
                                     .height = result.image_height,
                                     .channels = 3,
                                     .data = result.image},
                         s->path, out->report.has_pixel ? &truth : NULL, &heat, &caption, 1,
                         PANEL_TILE, err));
done:
    fk_result_free(&result);
    fk_image_free(&truth);
    fk_image_free(&heat);
    fk_free(path);
    return st;
}

/* Add a panel of image i of the results, and draw it. */
static fleck_status add_panel(const job *w, fk_bench_result *r, const collector *g,
                              fk_runner *runner, int64_t i, fk_bench_rank rank, fleck_error *err)
{
    r->panels[r->n_panels++] = (fk_bench_panel){i, rank};
    return draw_panel(w, r, runner, g->samples[i], r->n_panels - 1, err);
}

/* Draw the defective images with the highest, the median and the lowest score, and the good image
 * with the highest score, or two if both are rejected.  This happens while the model exists, so no
 * image is decoded or passed through the network again. */
static fleck_status draw_panels(const job *w, fk_bench_result *r, const collector *g,
                                fk_runner *runner, fleck_error *err)
{
    ranked *list = NULL, *good;
    char *folder = NULL;
    int64_t n = 0, n_good = 0;
    fleck_status st;

    FK_DO(FK_ALLOC(&list, r->n, err));
    good = list + r->n; /* good images, filled from the end */
    FK_DO(fk_path_join(&folder, w->out, "panels", err));
    FK_DO(fk_folder_make(folder, err));
    for (int64_t i = 0; i < r->n; i++) {
        if (r->images[i].defective)
            list[n++] = (ranked){r->images[i].score, i};
        else
            *(--good) = (ranked){r->images[i].score, i};
    }
    n_good = r->n - n;
    qsort(list, (size_t)n, sizeof *list, by_score);
    qsort(good, (size_t)n_good, sizeof *good, by_score);
    for (int64_t k = 0; k < 3 && n > 0; k++) {
        int64_t at = k * (n - 1) / 2;

        if (k == 0 || at != (k - 1) * (n - 1) / 2) /* with few images the median may be the highest
                                                      or lowest */
            FK_DO(add_panel(w, r, g, runner, list[at].image, (fk_bench_rank)k, err));
    }
    for (int64_t k = 0; k < 2 && k < n_good; k++)
        if (k == 0 || good[k].score > r->threshold)
            FK_DO(add_panel(w, r, g, runner, good[k].image, FK_BENCH_HIGHEST_GOOD, err));
done:
    fk_free(list);
    fk_free(folder);
    return st;
}

static fleck_status fit_and_evaluate(job *w, fk_bench_result *out, const fk_bench_run *run,
                                     fk_feed *const *feeds, fleck_error *err)
{
    fleck_eval_settings e = fk_evaluate_defaults();
    collector g = {.job = w, .result = out};
    fleck_settings settings = run->fit;
    fk_model m = {0};
    fk_runner r = {0};
    fk_bins *bins = NULL;
    fk_source source;
    fk_wide_window window;
    fleck_times fit;
    double start = fk_clock_seconds();
    fleck_status st;

    e.protocol = w->settings->protocol;
    e.pro_limit = w->settings->pro_limit;
    e.on_result = on_result;
    e.on_result_ctx = &g;
    e.progress = run->fit.progress;
    e.progress_ctx = run->fit.progress_ctx;
    settings.scratch = e.scratch = w->out;
    fk_clock_reset_peak();
    FK_DO(FK_ALLOC(&g.samples, w->data->test.count, err));
    FK_DO(FK_CALLOC(&bins, w->data->test.count, err));
    FK_DO(FK_CALLOC(&out->images, w->data->test.count, err));
    FK_DO(fk_fit_plan(&m, &settings, err));
    FK_DO(fk_fit_window(&window, settings.window, w->window, err));
    m.pre.low = window.low;
    m.pre.high = window.high;
    FK_DO(fk_runner_open_on(&r, &m, feeds, err));
    r.max_pixels = settings.max_pixels;
    fk_source_init_files(&source, w->data->files, w->data->n_files);
    source.contents = w->contents;
    st = fk_fit_run(&m, &r, &source, &settings, &fit, err);
    fk_source_free(&source);
    FK_DO(st);
    out->threshold = fk_model_threshold(&m);
    FK_DO(fk_evaluate(&r, w->data->path, &w->data->test, &e, bins, &out->report, err));
    out->report.seconds.decode += fit.decode;
    out->report.seconds.network += fit.network;
    out->report.seconds.score += fit.score;
    out->report.seconds.total = fk_clock_seconds() - start;
    FK_DO(interval(out, w->settings, err));
    if (out->report.has_pixel)
        FK_DO(measure_pixels(out, bins, w, err));
    FK_DO(draw_panels(w, out, &g, &r, err));
done:
    fk_free(g.samples);
    for (int64_t i = 0; bins != NULL && i < w->data->test.count; i++)
        fk_bins_free(&bins[i]);
    fk_free(bins);
    fk_runner_close(&r);
    fk_model_free(&m);
    return st;
}

/* ---- Runs ---- */

/* Warn of images in the folders that are not part of the data. */
static void tell_passed(const job *w)
{
    const fleck_settings *f = w->settings->fit;
    const fk_samples *lists[] = {&w->data->test, &w->data->train};
    static const char *const what[] = {"test images scored", "good images learned"};

    for (int i = 0; i < 2; i++)
        if (lists[i]->passed > 0)
            fk_warn_say((fk_warn){f->warning, f->warning_ctx}, "%s: %lld of %lld %s: %s",
                        w->data->path, (long long)lists[i]->count,
                        (long long)lists[i]->count + (long long)lists[i]->passed, what[i],
                        lists[i]->passed_text);
}

/* Move the result with the same settings from `known`, if there is one.  A run that failed is tried
 * again. */
static fleck_status reuse(fk_bench_result *r, fk_bench_category *known, const char *name,
                          fleck_error *err)
{
    for (int k = 0; k < known->n; k++) {
        fk_bench_result *old = &known->runs[k];

        if (old->name == NULL || old->error != NULL || strcmp(old->settings, r->settings) != 0)
            continue;
        fk_free(r->settings);
        *r = *old;
        *old = (fk_bench_result){0};
        fk_free(r->name);
        r->name = NULL;
        return fk_strdup(&r->name, name, err);
    }
    return FLECK_OK;
}

/* Set the checksum of every run's settings, and reuse the results that exist already. */
static fleck_status settle_runs(const job *w, fk_bench_category *known, fk_bench_runs *runs,
                                const fk_bench_feeds *feeds, fleck_error *err)
{
    fk_bench_category *c = w->category;
    char files[FK_SHA256_TEXT], sum[FK_SHA256_TEXT];
    fleck_status st;

    FK_DO(fk_bench_files_sum(files, &c->files, &w->data->train, &w->data->test, err));
    for (int i = 0; i < runs->n; i++) {
        FK_DO(fk_bench_run_sum(sum, files, w->settings, &runs->items[i], &feeds->owners[i], err));
        FK_DO(fk_strdup(&c->runs[i].settings, sum, err));
        FK_DO(reuse(&c->runs[i], known, runs->items[i].name, err));
        c->n_reused += c->runs[i].name != NULL;
    }
done:
    return st;
}

/* Remove the pictures of runs that the category no longer has. */
static void remove_panels(const job *w, const fk_bench_category *known)
{
    for (int k = 0; k < known->n; k++) {
        for (int i = 0; known->runs[k].name != NULL && i < known->runs[k].n_panels; i++) {
            char *path;

            if (fk_bench_panel_path(&path, w->out, w->category->name, &known->runs[k], i, NULL) !=
                FLECK_OK)
                return;
            (void)!unlink(path);
            fk_free(path);
        }
    }
}

/* Make r the result of a run that failed, and why. */
static fleck_status fail(fk_bench_result *r, const fk_model *m, const char *name,
                         const fleck_error *why, fleck_error *err)
{
    fk_bench_result failed = {.settings = r->settings};
    fleck_status st;

    r->settings = NULL;
    fk_bench_result_free(r);
    fk_bench_no_figures(&failed);
    *r = failed;
    FK_DO(describe(r, m, name, err));
    FK_DO(fk_strdup(&r->error, why->message, err));
done:
    return st;
}

static fleck_status compute(job *w, int i, const fk_bench_run *run, fk_bench_feeds *feeds,
                            fleck_error *err)
{
    fk_bench_result *r = &w->category->runs[i];
    fk_feed *of_run[FK_MODEL_NETS];
    fleck_error why = {0};
    fleck_status st;

    for (int k = 0; k < FK_MODEL_NETS; k++)
        of_run[k] = &feeds->feeds[feeds->of_run[i][k]];
    fk_bench_no_figures(r);
    FK_DO(describe(r, &feeds->owners[i], run->name, err));
    st = fit_and_evaluate(w, r, run, of_run, &why);
    if (st == FLECK_E_CANCELLED)
        FK_FAIL(err, st, "run %s: %s", run->name, why.message);
    if (st == FLECK_OK)
        return fk_bench_category_write(w->category, w->file, err);
    w->category->n_failed++;
    st = fail(r, &feeds->owners[i], run->name, &why, err);
done:
    return st;
}

static void tell(const fleck_bench_settings *s, const fk_bench_place *p, const char *category,
                 const char *run, int i, int n)
{
    double spent = fk_clock_seconds() - p->start;
    fleck_bench_place place = {.category = category,
                               .run = run,
                               .i_category = p->category,
                               .n_categories = p->categories,
                               .i_run = i,
                               .n_runs = n,
                               .seconds_left = p->computed > 0 ? spent / (double)p->computed *
                                                                     (double)(p->cells - p->passed)
                                                               : NAN};

    if (s->on_run != NULL)
        s->on_run(s->on_run_ctx, &place);
}

/* Compute the missing runs, which share decoded images and taps. */
static fleck_status compute_missing(job *w, const fk_bench_runs *runs, fk_bench_feeds *feeds,
                                    fk_bench_place *place, fleck_error *err)
{
    const fleck_settings *fit = w->settings->fit;
    fleck_settings automatic = *fit;
    fk_warn warn = {fit->warning, fit->warning_ctx};
    fk_bench_category *c = w->category;
    fk_blobs *blobs = NULL;
    fleck_status st;

    automatic.window = NULL; /* for runs that do not set their own */
    FK_DO(fk_fit_check_files(w->data->files, NULL, w->contents, &w->data->n_files, fit->skip_bad,
                             &automatic, &w->window, err));
    FK_DO(fk_blobs_open(&blobs, w->out, w->settings->memory, err));
    c->decoded = c->masks = c->passed = 0;
    c->n_networks = feeds->n;
    for (int k = 0; k < feeds->n; k++) {
        feeds->feeds[k].blobs = blobs;
        feeds->feeds[k].decoded = feeds->feeds[k].masks = feeds->feeds[k].passed = 0;
    }
    place->passed += c->n_reused;
    for (int i = 0; i < runs->n; i++) {
        if (c->runs[i].name != NULL)
            continue;
        tell(w->settings, place, c->name, runs->items[i].name, i, runs->n);
        FK_DO(compute(w, i, &runs->items[i], feeds, err));
        place->computed++;
        place->passed++;
    }
    for (int k = 0; k < feeds->n; k++) {
        c->decoded += feeds->feeds[k].decoded;
        c->masks += feeds->feeds[k].masks;
        c->passed += feeds->feeds[k].passed;
    }
    if (c->n_failed == c->n)
        FK_FAIL(err, FLECK_E_STATE, "every run failed: %s: %s", c->runs[0].name, c->runs[0].error);
    for (int i = 0; i < c->n; i++)
        if (c->runs[i].error != NULL)
            fk_warn_say(warn, "%s: run %s failed: %s", c->name, c->runs[i].name, c->runs[i].error);
done:
    for (int k = 0; k < feeds->n; k++)
        feeds->feeds[k].blobs = NULL;
    fk_blobs_close(&blobs);
    return st;
}

fleck_status fk_bench_category_run(fk_bench_category *c, fk_bench_category *known,
                                   fk_bench_data *data, const char *out, const char *file,
                                   fk_bench_runs *runs, fk_bench_feeds *feeds,
                                   const fleck_bench_settings *s, fk_bench_place *place,
                                   fleck_error *err)
{
    job w = {.data = data, .out = out, .file = file, .settings = s, .category = c};
    fk_watch watch = {.call = s->fit->progress, .ctx = s->fit->progress_ctx}, *before;
    fk_pool *pool = feeds->feeds[0].pool;
    fleck_status st;

    if (data->error.status != FLECK_OK)
        FK_FAIL(err, data->error.status, "%s", data->error.message);
    tell_passed(&w);
    FK_DO(FK_CALLOC(&w.contents, data->n_files, err));
    FK_DO(FK_CALLOC(&c->runs, runs->n, err));
    c->n = runs->n;
    c->images = data->train.count + data->test.count;
    c->decoded = known->decoded;
    c->masks = known->masks;
    c->passed = known->passed;
    c->n_networks = known->n_networks;
    before = fk_pool_set_watch(pool, &watch);
    st = fk_bench_files_look(&c->files, &data->train, &data->test, data->path, &known->files, pool,
                             err);
    (void)fk_pool_set_watch(pool, before);
    FK_DO(st);
    FK_DO(settle_runs(&w, known, runs, feeds, err));
    if (c->n_reused < c->n)
        FK_DO(compute_missing(&w, runs, feeds, place, err));
    else
        place->passed += c->n;
    remove_panels(&w, known);
    FK_DO(fk_bench_category_write(c, file, err)); /* counts, names and stamps may have changed */
done:
    fk_free(w.contents);
    return st;
}
