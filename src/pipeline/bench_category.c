/* One category of a benchmark: every run fitted and evaluated, on images and taps that they share. */
#include "base/clock.h"
#include "base/mem.h"
#include "metric/interval.h"
#include "pipeline/bench.h"
#include "pipeline/evaluate.h"
#include "pipeline/picture.h"
#include "pipeline/predict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PANEL_TILE 240
#define MAX_COLUMNS 2

/* What a category's runs share. */
typedef struct work {
    const char *path, *out;
    const fleck_bench_settings *settings;
    const char **train; /* paths */
    int64_t n_train;
    fk_samples test;
    fk_pool *pool;
    fk_bench_category *category;
    int columns[MAX_COLUMNS], n_columns; /* runs that the panels show */
    int64_t cases
        [FK_BENCH_PANELS]; /* test images that they show, once the first of these runs is done */
    const char *words[FK_BENCH_PANELS]; /* why */
    int n_cases;
    fk_image originals[FK_BENCH_PANELS], heats[FK_BENCH_PANELS][MAX_COLUMNS];
} work;

/* The images of a run's evaluation as they come. */
typedef struct gather {
    const work *work;
    fk_bench_result *result;
    fleck_status status; /* of memory */
} gather;

/* path below the category's folder. */
static const char *below(const char *path, const char *folder)
{
    size_t n = strlen(folder);

    if (strncmp(path, folder, n) != 0)
        return path;
    path += n;
    return path + strspn(path, "/");
}

static fleck_status on_result(void *ctx, int64_t i, const fleck_result *r, const fleck_error *error)
{
    gather *g = ctx;
    const fk_sample *sample = &g->work->test.items[i];
    fk_bench_image *im = &g->result->images[g->result->n];
    fleck_status st = FLECK_OK;

    (void)error; /* counted in the report */
    if (r == NULL)
        return FLECK_OK;
    *im = (fk_bench_image){.defective = sample->defective, .score = r->score};
    g->result->n++;
    FK_DO(fk_strdup(&im->path, below(sample->path, g->work->path), NULL));
    FK_DO(fk_strdup(&im->type, sample->defect, NULL));
done:
    return st;
}

/* Texts of the model that the results carry. */
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

static fk_bootstrap bootstrap(const fleck_bench_settings *s)
{
    return (fk_bootstrap){.resamples = s->resamples, .seed = s->seed, .level = 0.95};
}

/* The interval of the image ROC-AUC; NaN where a class is empty. */
static fleck_status interval(fk_bench_result *r, const fleck_bench_settings *s, fleck_error *err)
{
    fk_bootstrap how = bootstrap(s);
    fk_interval found = {NAN, NAN, NAN, NAN};
    double *scores = NULL;
    uint8_t *labels = NULL;
    fleck_status st;

    FK_DO(FK_ALLOC(&scores, r->n, err));
    FK_DO(FK_ALLOC(&labels, r->n, err));
    for (int64_t i = 0; i < r->n; i++) {
        scores[i] = r->images[i].score;
        labels[i] = r->images[i].defective;
    }
    if (!isnan(r->report.image.auroc))
        FK_DO(fk_bootstrap_auroc(&found, &(fk_scored){.a = scores, .labels = labels, .n = r->n},
                                 &how, err));
    r->low = found.low;
    r->high = found.high;
done:
    fk_free(scores);
    fk_free(labels);
    return st;
}

/* The pixels of each type of defect, in order of the test images. */
static fleck_status measure_types(fk_bench_result *r, const fk_bin_table *t, const fk_samples *test,
                                  fleck_error *err)
{
    uint8_t *chosen = NULL;
    fleck_status st;

    FK_DO(FK_ALLOC(&chosen, test->count, err));
    FK_DO(FK_CALLOC(&r->types, test->count, err));
    for (int64_t i = 0; i < test->count; i++) {
        int64_t k = 0;

        while (k < r->n_types && strcmp(r->types[k].name, test->items[i].defect) != 0)
            k++;
        if (k < r->n_types || !test->items[i].defective)
            continue;
        FK_DO(fk_strdup(&r->types[k].name, test->items[i].defect, err));
        r->n_types++;
        for (int64_t j = 0; j < test->count; j++)
            chosen[j] =
                test->items[j].defective && strcmp(test->items[j].defect, r->types[k].name) == 0;
        r->types[k].auroc = fk_bin_table_auroc(t, chosen);
    }
done:
    fk_free(chosen);
    return st;
}

/* Curve, interval and types of the pixels that the evaluation counted, image by image. */
static fleck_status measure_pixels(fk_bench_result *r, const fk_bins *bins, const work *w,
                                   fleck_error *err)
{
    fk_bootstrap how = bootstrap(w->settings);
    fk_interval found;
    fk_bin_table t = {0};
    uint8_t *labels = NULL;
    fleck_status st;

    FK_DO(fk_bin_table_make(&t, bins, w->test.count, err));
    FK_DO(FK_ALLOC(&labels, w->test.count, err));
    for (int64_t i = 0; i < w->test.count; i++)
        labels[i] = w->test.items[i].defective;
    FK_DO(fk_bin_table_interval(&found, &t, labels, &how, err));
    r->pixel_low = found.low;
    r->pixel_high = found.high;
    FK_DO(FK_CALLOC(&r->curve, FK_BIN_CURVE, err));
    r->n_curve = fk_bin_table_curve(r->curve, &t);
    FK_DO(measure_types(r, &t, &w->test, err));
done:
    fk_bin_table_free(&t);
    fk_free(labels);
    return st;
}

typedef struct ranked {
    double score;
    int64_t sample;
} ranked;

static int by_score(const void *x, const void *y)
{
    const ranked *a = x, *b = y;

    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->sample < b->sample ? -1 : 1;
}

/* The defective images with the highest, the median and the lowest score. */
static fleck_status choose_cases(work *w, const fk_bench_result *r, fleck_error *err)
{
    static const char *const words[FK_BENCH_PANELS] = {"highest", "median", "lowest"};
    ranked *list = NULL;
    int64_t n = 0;
    fleck_status st;

    FK_DO(FK_ALLOC(&list, r->n, err));
    for (int64_t i = 0, sample = 0; i < r->n; i++, sample++) {
        /* Images that could not be read are in the one list only. */
        while (strcmp(below(w->test.items[sample].path, w->path), r->images[i].path) != 0)
            sample++;
        if (r->images[i].defective)
            list[n++] = (ranked){r->images[i].score, sample};
    }
    qsort(list, (size_t)n, sizeof *list, by_score);
    for (int64_t k = 0; k < FK_BENCH_PANELS && n > 0; k++) {
        if (k > 0 && k * (n - 1) / 2 == (k - 1) * (n - 1) / 2)
            continue; /* of few images, the median is one of the others */
        w->words[w->n_cases] = words[k];
        w->cases[w->n_cases++] = list[k * (n - 1) / 2].sample;
    }
done:
    fk_free(list);
    return st;
}

/* The heat maps of the chosen images, while the model is there; nothing is decoded or passed through a network
 * again. */
static fleck_status draw_heats(work *w, fk_runner *r, int column, fleck_error *err)
{
    fleck_result result = {0};
    fleck_status st = FLECK_OK;

    for (int k = 0; k < w->n_cases; k++) {
        FK_DO(fk_predict_file(r, w->test.items[w->cases[k]].path, true, &result, err));
        FK_DO(fk_picture_overlay(&w->heats[k][column], r->model, &result, err));
        if (column == 0) {
            w->originals[k] = (fk_image){.width = result.image_width,
                                         .height = result.image_height,
                                         .channels = 3,
                                         .data = result.image};
            result.image = NULL;
        }
        fk_result_free(&result);
    }
done:
    fk_result_free(&result);
    return st;
}

static fleck_status fit_and_evaluate(work *w, fk_bench_result *out, const fk_bench_run *run,
                                     fk_feed *feed, int column, fleck_error *err)
{
    fleck_eval_settings e = fleck_eval_defaults();
    gather g = {.work = w, .result = out};
    fleck_fit_settings settings = run->fit;
    fk_model m = {0};
    fk_runner r = {0};
    fk_bins *bins = NULL;
    fk_source source;
    fleck_times fit;
    double start = fk_clock_seconds();
    fleck_status st;

    e.protocol = w->settings->protocol;
    e.pro_limit = w->settings->pro_limit;
    e.on_result = on_result;
    e.on_result_ctx = &g;
    e.good = w->settings->fit.good;
    e.progress = run->fit.progress;
    e.progress_ctx = run->fit.progress_ctx;
    settings.scratch = e.scratch = w->out;
    fk_clock_reset_peak();
    out->pixel_low = out->pixel_high = NAN;
    FK_DO(FK_CALLOC(&bins, w->test.count, err));
    FK_DO(FK_CALLOC(&out->images, w->test.count, err));
    FK_DO(fk_fit_plan(&m, &settings, err));
    FK_DO(fk_runner_open_on(&r, &m, feed, err));
    fk_source_init_files(&source, w->train, w->n_train);
    st = fk_fit_run(&m, &r, &source, &settings, &fit, err);
    fk_source_free(&source);
    FK_DO(st);
    FK_DO(fk_evaluate(&r, w->path, &e, bins, &out->report, err));
    FK_DO(describe(out, &m, run->name, err));
    out->report.seconds.decode += fit.decode;
    out->report.seconds.network += fit.network;
    out->report.seconds.score += fit.score;
    out->report.seconds.total = fk_clock_seconds() - start;
    FK_DO(interval(out, w->settings, err));
    if (out->report.has_pixel)
        FK_DO(measure_pixels(out, bins, w, err));
    if (column == 0)
        FK_DO(choose_cases(w, out, err));
    if (column >= 0)
        FK_DO(draw_heats(w, &r, column, err));
done:
    for (int64_t i = 0; bins != NULL && i < w->test.count; i++)
        fk_bins_free(&bins[i]);
    fk_free(bins);
    fk_runner_close(&r);
    fk_model_free(&m);
    return st;
}

/* The first run, and the next of another method, or else the second. */
static void choose_columns(work *w, const fk_bench_runs *runs)
{
    int other = runs->n > 1 ? 1 : 0;

    for (int i = runs->n - 1; i > 0; i--)
        if (strcmp(runs->items[i].fit.method, runs->items[0].fit.method) != 0)
            other = i;
    w->columns[w->n_columns++] = 0;
    if (other > 0)
        w->columns[w->n_columns++] = other;
}

static fleck_status write_panels(work *w, fleck_error *err)
{
    const fk_bench_category *c = w->category;
    const char *captions[MAX_COLUMNS];
    char *folder = NULL, *path = NULL;
    fleck_status st;

    FK_DO(fk_path_join(&folder, w->out, "panels", err));
    FK_DO(fk_folder_make(folder, err));
    for (int i = 0; i < w->n_columns; i++)
        captions[i] = c->runs[w->columns[i]].name;
    for (int k = 0; k < w->n_cases; k++) {
        const fk_sample *s = &w->test.items[w->cases[k]];

        fk_free(path);
        path = NULL;
        FK_DO(fk_asprintf(&path, err, "%s/%s-%d.png", folder, c->name, k + 1));
        FK_DO(fk_picture_row(path, &w->originals[k], s->path, s->mask, w->heats[k], captions,
                             w->n_columns, PANEL_TILE, err));
        FK_DO(fk_asprintf(&w->category->panels[k], err, "%s: %s score of %s",
                          below(s->path, w->path), w->words[k], captions[0]));
        w->category->n_panels = k + 1;
    }
done:
    fk_free(folder);
    fk_free(path);
    return st;
}

static fleck_status list_files(work *w, fk_samples *train, fleck_error *err)
{
    const fleck_fit_settings *f = &w->settings->fit;
    fk_dataset_how how = {.is_image = fk_image_has_extension,
                          .look = fk_image_look,
                          .good = f->good,
                          .warn = {f->warning, f->warning_ctx}};
    bool has_masks;
    fleck_status st;

    FK_DO(fk_dataset_train(train, w->path, &how, err));
    FK_DO(fk_dataset_test(&w->test, &has_masks, w->path, &how, err));
    if (w->test.passed > 0)
        fk_warn_say(how.warn, "%s: %lld of %lld test images are scored: %s", w->path,
                    (long long)w->test.count, (long long)(w->test.count + w->test.passed),
                    w->test.passed_text);
    FK_DO(FK_ALLOC(&w->train, train->count, err));
    w->n_train = train->count;
    for (int64_t i = 0; i < train->count; i++)
        w->train[i] = train->items[i].path;
done:
    return st;
}

fleck_status fk_bench_category_run(fk_bench_category *c, const char *path, const char *out,
                                   const fk_bench_runs *runs, fk_bench_feeds *feeds,
                                   const fleck_bench_settings *s, fleck_error *err)
{
    work w = {.path = path, .out = out, .settings = s, .category = c};
    fk_samples train = {0};
    fk_blobs *blobs = NULL;
    fleck_status st;

    choose_columns(&w, runs);
    FK_DO(list_files(&w, &train, err));
    FK_DO(fk_blobs_open(&blobs, out, s->memory, err));
    FK_DO(FK_CALLOC(&c->runs, runs->n, err));
    c->n = runs->n;
    c->n_networks = feeds->n;
    c->images = train.count + w.test.count;
    for (int k = 0; k < feeds->n; k++) {
        feeds->feeds[k].blobs = blobs;
        feeds->feeds[k].decoded = feeds->feeds[k].passed = 0;
    }
    for (int i = 0; i < runs->n; i++) {
        int column = i == w.columns[0] ? 0 : w.n_columns > 1 && i == w.columns[1] ? 1 : -1;

        st = fit_and_evaluate(&w, &c->runs[i], &runs->items[i], &feeds->feeds[feeds->of_run[i]],
                              column, err);
        if (st != FLECK_OK) {
            fk_error_context(err, "run %s", runs->items[i].name);
            goto done;
        }
    }
    for (int k = 0; k < feeds->n; k++) {
        c->decoded += feeds->feeds[k].decoded;
        c->passed += feeds->feeds[k].passed;
    }
    FK_DO(write_panels(&w, err));
done:
    for (int k = 0; k < feeds->n; k++)
        feeds->feeds[k].blobs = NULL;
    for (int k = 0; k < FK_BENCH_PANELS; k++) {
        fk_image_free(&w.originals[k]);
        for (int i = 0; i < MAX_COLUMNS; i++)
            fk_image_free(&w.heats[k][i]);
    }
    fk_blobs_close(&blobs);
    fk_free(w.train);
    fk_samples_free(&w.test);
    fk_samples_free(&train);
    return st;
}
