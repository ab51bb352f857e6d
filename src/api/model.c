/* SPDX-License-Identifier: Apache-2.0 */
/* fleck.h: fitting, saving, opening and describing models. */
#include "api/check.h"
#include "api/handle.h"
#include "base/mem.h"
#include "base/pool.h"
#include "dataset/dataset.h"
#include "image/image.h"
#include "net/onnx.h"
#include "view/area.h"
#include "fit/fit.h"
#include "fit/settings.h"
#include "run/output.h"
#include "run/score.h"
#include "view/place.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void fleck_model_close(fleck_model **handle)
{
    if (handle == NULL || *handle == NULL)
        return;
    fk_runner_close(&(*handle)->runner);
    fk_model_free(&(*handle)->model);
    fk_free((*handle)->options);
    fk_free((*handle)->path);
    fk_free(*handle);
    *handle = NULL;
}

/* Make the texts that fleck_model_describe() returns. */
static fleck_status describe(fleck_model *m, fleck_error *err)
{
    fk_json *options = NULL;
    size_t used = 0;
    fleck_status st;

    fk_pooling_text(m->pool, m->model.pooling);
    for (int i = 0; i < m->model.n_taps && used < sizeof m->taps; i++)
        used += (size_t)snprintf(m->taps + used, sizeof m->taps - used, "%s%s", i > 0 ? "," : "",
                                 m->model.taps[i].name);
    FK_DO(fk_options_to_json(&options, &m->model.options, err));
    FK_DO(fk_json_dump(&m->options, options, 0, err));
done:
    fk_json_free(&options);
    return st;
}

/* Set the model's mask from the settings' areas, given in pixels of the first image. */
static fleck_status plan_areas(fk_model *m, const fk_source *source, const fleck_settings *s,
                               fleck_error *err)
{
    fk_image_settings how = {.max_pixels = s->max_pixels};
    fk_areas areas = {.ignore = s->ignore, .only = s->only};
    fk_image first = {0};
    fleck_status st;

    if (s->ignore == NULL && s->only == NULL)
        return FLECK_OK;
    if (fk_areas_shape(&areas) != NULL && source->files != NULL)
        FK_DO(fk_image_load_with(&first, source->files[0], FK_IMAGE_RGB, &how, NULL, err));
    FK_DO(fk_fit_areas(m, s, first.width, first.height, err));
done:
    fk_image_free(&first);
    return st;
}

/* Fit a model; category becomes its name. */
static fleck_status fit(fleck_model **out, fk_source *source, const char *category,
                        const fleck_settings *settings, fk_wide_window window, fleck_times *times,
                        fleck_error *err)
{
    fleck_settings sized = settings != NULL ? *settings : fk_fit_defaults();
    const fleck_settings *s = &sized;
    fleck_model *m = NULL;
    fleck_times ignored;
    bool network;
    fleck_status st;

    if (fk_fit_shapes(&sized))
        FK_DO(fk_fit_shape(&sized, source->files, source->n, err));
    if (source->files != NULL)
        FK_DO(fk_fit_check_tiles(&sized, source->files, source->n, err));
    FK_DO(FK_CALLOC(&m, 1, err));
    FK_DO(fk_fit_plan(&m->model, s, err));
    FK_DO(plan_areas(&m->model, source, s, err));
    m->model.pre.low = window.low;
    m->model.pre.high = window.high;
    FK_DO(fk_strdup(&m->model.category, category, err));
    FK_DO(describe(m, err));
    FK_DO(fk_runner_open(&m->runner, &m->model, s->threads, err));
    m->runner.warn = (fk_warn){s->warning, s->warning_ctx};
    m->runner.max_pixels = s->max_pixels;
    FK_DO(fk_fit_run(&m->model, &m->runner, source, s, times != NULL ? times : &ignored, err));
    fk_runner_tell(&m->runner);
    fk_handle_describe(m);
    *out = m;
    return FLECK_OK;
done:
    network = st == FLECK_E_ENGINE && err != NULL && strstr(err->message, "allocate") != NULL;
    if ((st == FLECK_E_NOMEM || network) && m != NULL && m->model.method != NULL &&
        m->model.backbone != NULL)
        fk_fit_advise_short(err, &m->model, s, s->threads > 0 ? s->threads : fk_pool_processors(),
                            network);
    fleck_model_close(&m);
    return st;
}

/* Check before any work that the settings are legal, and that the output path is none of the files
 * that are read and no other file of the data set (data NULL: none). */
static fleck_status check_call(const fleck_settings *s, const char *data, const char *const *files,
                               const char *const *masks, int64_t n, fleck_error *err)
{
    fk_dataset_how how = fk_source_how(s->good, s->recursive, (fk_warn){0});
    fk_outputs out = {0};
    fk_samples test = {0};
    fleck_status st = fk_fit_check(s, err);

    if (st != FLECK_OK || s->output == NULL)
        return st;
    FK_DO(fk_outputs_add(&out, s->output, err));
    if (out.paths.count == 0) /* the output does not exist yet */
        goto done;
    FK_DO(fk_fit_apart(&out, s, err));
    for (int64_t i = 0; i < n; i++) {
        FK_DO(fk_outputs_apart(&out, files[i], err));
        FK_DO(fk_outputs_apart(&out, masks != NULL ? masks[i] : NULL, err));
    }
    FK_DO(fk_outputs_apart(&out, data, err));
    if (data != NULL && fk_dataset_test(&test, data, &how, NULL) == FLECK_OK)
        FK_DO(fk_outputs_apart_samples(&out, &test, err)); /* errors of the data set are reported
                                                              elsewhere */
done:
    fk_samples_free(&test);
    fk_outputs_free(&out);
    return st;
}

/* Check that all files are images, then fit them.  Entries of files and masks (NULL: none) may be
 * removed. */
static fleck_status fit_files(fleck_model **out, const char **files, const char **masks, int64_t n,
                              const char *category, const fleck_settings *settings,
                              fleck_times *times, fleck_error *err)
{
    fleck_settings s = *settings;
    fk_digest *contents = NULL;
    fk_wide_window window;
    fk_source source;
    fleck_error why = {0};
    fleck_status st;

    FK_DO(FK_CALLOC(&contents, n, err));
    FK_DO(fk_fit_check_files(files, masks, contents, &n, s.skip_bad, &s, &window, err));
    s.masks = masks;
    fk_source_init_files(&source, files, n);
    source.contents = contents;
    st = fit(out, &source, category, &s, window, times, &why);
    fk_source_free(&source);
    if (st == FLECK_OK)
        goto done;
    /* Damage after a header: check all files, so that the message names all damaged ones. */
    if (!s.skip_bad && (st == FLECK_E_FORMAT || st == FLECK_E_IO || st == FLECK_E_NOTFOUND))
        FK_DO(fk_fit_check_files(files, masks, NULL, &n, true, &s, &window, err));
    st = fk_error_set(err, why.status, "%s", why.message);
done:
    fk_free(contents);
    return st;
}

/* Warn of images in the folder that were not learned. */
static void tell_left_out(const fk_samples *samples, int64_t learned, const fleck_settings *s,
                          const char *path)
{
    int64_t all = samples->count + samples->passed, bad = samples->count - learned;
    const char *passed = samples->passed_text != NULL ? samples->passed_text : "";
    char text[32] = "";

    if (bad > 0)
        snprintf(text, sizeof text, "%s%lld unreadable", passed[0] != '\0' ? ", " : "",
                 (long long)bad);
    if (learned < all)
        fk_warn_say((fk_warn){s->warning, s->warning_ctx}, "%s: learned %lld of %lld image%s: %s%s",
                    path, (long long)learned, (long long)all, all == 1 ? "" : "s", passed, text);
}

fleck_status fleck_fit(fleck_model **out, const char *path, const fleck_settings *settings,
                       fleck_times *times, fleck_error *err)
{
    fleck_settings s = settings != NULL ? *settings : fk_fit_defaults();
    fk_dataset_how how = fk_source_how(s.good, s.recursive, (fk_warn){s.warning, s.warning_ctx});
    fk_samples samples = {0};
    const char **files = NULL, **masks = NULL;
    char *name = NULL;
    fleck_status st;

    FK_NEED(out);
    *out = NULL;
    FK_NEED(path);
    FK_DO(fk_dataset_train(&samples, path, &how, err));
    FK_DO(fk_dataset_name(&name, path, err));
    FK_DO(FK_ALLOC(&files, samples.count, err));
    FK_DO(FK_ALLOC(&masks, samples.count, err));
    for (int64_t i = 0; i < samples.count; i++) {
        files[i] = samples.items[i].path;
        masks[i] = samples.items[i].ignore;
    }
    FK_DO(check_call(&s, path, files, masks, samples.count, err));
    FK_DO(fit_files(out, files, masks, samples.count, name, &s, times, err));
    (*out)->info.skipped = samples.count + samples.passed - fk_model_images(&(*out)->model);
    tell_left_out(&samples, fk_model_images(&(*out)->model), &s, path);
done:
    fk_free(files);
    fk_free(masks);
    fk_free(name);
    fk_samples_free(&samples);
    return st;
}

static fleck_status check_masks(const fleck_settings *s, int64_t n, fleck_error *err)
{
    if (s->n_masks == 0 || s->n_masks == n)
        return FLECK_OK;
    return fk_error_set(err, FLECK_E_OPTION,
                        "--masks: expected one for each of %lld images, got %lld", (long long)n,
                        (long long)s->n_masks);
}

fleck_status fleck_fit_files(fleck_model **out, const char *const *files, int64_t n,
                             const fleck_settings *settings, fleck_times *times, fleck_error *err)
{
    fleck_settings s = settings != NULL ? *settings : fk_fit_defaults();
    const char **own = NULL, **masks = NULL;
    fleck_status st;

    FK_NEED(out);
    *out = NULL;
    FK_DO(fk_check_files(files, n, __func__, err));
    if (n < 1)
        FK_FAIL(err, FLECK_E_NOTFOUND, "fit: expected at least one image, got none");
    FK_DO(check_masks(&s, n, err));
    FK_DO(FK_ALLOC(&own, n, err));
    memcpy(own, files, (size_t)n * sizeof *own);
    if (s.masks != NULL) {
        FK_DO(FK_ALLOC(&masks, n, err));
        memcpy(masks, s.masks, (size_t)n * sizeof *masks);
    }
    FK_DO(check_call(&s, NULL, own, masks, n, err));
    FK_DO(fit_files(out, own, masks, n, "", &s, times, err));
    if (*out != NULL)
        (*out)->info.skipped = n - fk_model_images(&(*out)->model);
done:
    fk_free(own);
    fk_free(masks);
    return st;
}

fleck_status fleck_fit_stream(fleck_model **out, fleck_next_image *next, void *ctx, int64_t n,
                              const fleck_settings *settings, fleck_times *times, fleck_error *err)
{
    fleck_settings s = settings != NULL ? *settings : fk_fit_defaults();
    fk_wide_window window;
    fk_source source;
    fleck_status st;

    FK_NEED(out);
    *out = NULL;
    FK_NEED(next);
    if (n < 1)
        FK_FAIL(err, FLECK_E_NOTFOUND, "fit: expected at least one image, got none");
    FK_DO(check_masks(&s, n, err));
    FK_DO(check_call(&s, NULL, NULL, NULL, 0, err));
    FK_DO(fk_fit_window(&window, s.window, (fk_wide_window){0, 0}, err));
    fk_source_init_stream(&source, next, ctx, n);
    st = fit(out, &source, "", &s, window, times, err);
    fk_source_free(&source);
done:
    return st;
}

fleck_status fleck_model_save(const fleck_model *model, const char *path, fleck_error *err)
{
    return fleck_model_save_with(model, path, NULL, NULL, err);
}

fleck_status fleck_model_save_with(const fleck_model *model, const char *path,
                                   fleck_progress *progress, void *progress_ctx, fleck_error *err)
{
    fk_watch watch = {.call = progress, .ctx = progress_ctx};

    FK_NEED(model);
    FK_NEED(path);
    return fk_model_save(&model->model, path, &watch, err);
}

fleck_status fleck_model_save_memory(const fleck_model *model, void **bytes, size_t *size,
                                     fleck_progress *progress, void *progress_ctx, fleck_error *err)
{
    fk_watch watch = {.call = progress, .ctx = progress_ctx};
    uint8_t *copy = NULL;
    fleck_status st;

    FK_NEED(bytes);
    *bytes = NULL;
    FK_NEED(size);
    *size = 0;
    FK_NEED(model);
    st = fk_model_save_memory(&model->model, &copy, size, &watch, err);
    *bytes = copy;
    return st;
}

/* The absolute path, which stays valid if the process changes its working folder.  Symbolic links
 * are not resolved, so that a link redirected to another model is noticed. */
static fleck_status absolute(char **out, const char *path, fleck_error *err)
{
    char folder[4096];

    if (path[0] == '/' || getcwd(folder, sizeof folder) == NULL)
        return fk_strdup(out, path, err);
    return fk_path_join(out, folder, path, err);
}

fleck_status fk_handle_unchanged(const fleck_model *m, fleck_error *err)
{
    fk_stamp now, opened;

    if (m->path != NULL) {
        opened = fk_st_stamp(m->model.file);
        if (fk_stamp_of(&now, m->path) && !fk_stamp_same(&now, &opened))
            return fk_error_set(err, FLECK_E_STATE,
                                "%s: the model file has changed since it was opened; open it again",
                                m->path);
    }
    return FLECK_OK;
}

/* Ignore the settings' areas in addition to the model's. */
static fleck_status open_areas(fk_model *m, const fleck_run_settings *s, fleck_error *err)
{
    fk_warn warn = {s->warning, s->warning_ctx};
    fk_areas areas = {NULL, s->ignore, s->only, m->photo[0], m->photo[1]};
    fk_area_note *notes = NULL;
    fleck_status st;

    FK_DO(FK_CALLOC(&notes, fk_areas_count(&areas), err));
    FK_DO(fk_areas_place(m, &areas, true, notes, NULL, err));
    FK_DO(fk_areas_say(&areas, notes, warn, err));
    if (m->more != NULL && !fk_model_scores_maps(m) && m->shape.global_dim > 0)
        fk_warn_say(
            warn,
            "the areas change maps and regions only: %s's image score looks at the whole photo "
            "(--pool max scores what counts)",
            m->method->name);
done:
    fk_free(notes);
    return st;
}

static fleck_status open_runner(fleck_model *m, fleck_error *err)
{
    fleck_status st = fk_runner_open(&m->runner, &m->model, m->run.threads, err);

    if (st != FLECK_OK)
        return st;
    m->runner.warn = (fk_warn){m->run.warning, m->run.warning_ctx};
    m->runner.max_pixels = m->run.max_pixels;
    fk_pool_set_watch(m->runner.pool, &m->watch);
    return FLECK_OK;
}

fleck_status fk_handle_ready(fleck_model *m, fleck_error *err)
{
    fleck_status st = fk_handle_unchanged(m, err);

    return st == FLECK_OK && m->runner.model == NULL ? open_runner(m, err) : st;
}

/* Check the network without compiling it, so that damage is reported at once. */
static fleck_status check_network(const fleck_model *m, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    for (int k = 0; st == FLECK_OK && k < m->model.n_nets; k++) {
        fk_net_source source = fk_model_source(&m->model, k);
        fk_net_settings settings = fk_model_net_settings(&m->model, k, 1);

        st = fk_net_check(&source, &settings, err);
    }
    return st;
}

/* Open the model in the file at path, or in bytes [size] if path is NULL, for function `where`. */
static fleck_status open_model(fleck_model **out, const char *path, const void *bytes, size_t size,
                               const fleck_run_settings *settings, const char *where,
                               fleck_error *err)
{
    fleck_run_settings run = {0}, *s = &run;
    int threads;
    fleck_model *m = NULL;
    fleck_status st;

    FK_DO(fk_take(s, sizeof *s, settings, where, err));
    FK_DO(fk_check_threads(s->threads, where, err));
    threads = s->threads > 0 ? s->threads : fk_pool_processors();
    FK_DO(FK_CALLOC(&m, 1, err));
    m->watch = (fk_watch){.call = s->progress, .ctx = s->progress_ctx};
    if (path != NULL) {
        FK_DO(absolute(&m->path, path, err));
        FK_DO(fk_model_load(&m->model, path, threads, &m->watch, s->options, err));
    } else {
        FK_DO(fk_model_load_memory(&m->model, bytes, size, "model in memory", threads, &m->watch,
                                   s->options, err));
    }
    if (s->precision != NULL)
        FK_DO(fk_precision_named(&m->model.precision, s->precision, err));
    if (s->pool != NULL)
        FK_DO(fk_pooling_parse(&m->model.pooling, s->pool, err));
    FK_DO(open_areas(&m->model, s, err));
    FK_DO(fk_pick_engine(&m->model, s->engine, err));
    FK_DO(describe(m, err));
    m->run = *s;
    FK_DO(s->rest ? check_network(m, err) : open_runner(m, err));
    m->opened = true;
    fk_handle_describe(m);
    *out = m;
    return FLECK_OK;
done:
    fleck_model_close(&m);
    return st;
}

fleck_status fleck_model_open(fleck_model **out, const char *path,
                              const fleck_run_settings *settings, fleck_error *err)
{
    FK_NEED(out);
    *out = NULL;
    FK_NEED(path);
    return open_model(out, path, NULL, 0, settings, __func__, err);
}

fleck_status fleck_model_open_memory(fleck_model **out, const void *bytes, size_t size,
                                     const fleck_run_settings *settings, fleck_error *err)
{
    FK_NEED(out);
    *out = NULL;
    FK_NEED(bytes);
    if (size > PTRDIFF_MAX)
        return fk_error_set(err, FLECK_E_OPTION, "%s: there is no memory of %zu bytes", __func__,
                            size);
    return open_model(out, NULL, bytes, size, settings, __func__, err);
}

fleck_status fleck_model_install(const char *from, const char *to, fleck_progress *progress,
                                 void *progress_ctx, fleck_error *err)
{
    fk_watch watch = {.call = progress, .ctx = progress_ctx};
    fk_stamp a, b;
    fk_model m = {0};
    char *name = NULL, *into = NULL;
    fleck_status st;

    if (from == NULL || to == NULL)
        return fk_error_set(err, FLECK_E_OPTION, "install: expected two paths");
    FK_DO(fk_path_base(&name, from, err));
    if (fk_path_is_folder(to))
        FK_DO(fk_path_join(&into, to, name, err));
    else
        FK_DO(fk_strdup(&into, to, err));
    if (fk_stamp_of(&a, from) && fk_stamp_of(&b, into) && fk_stamp_same(&a, &b))
        FK_FAIL(err, FLECK_E_OPTION, "%s and %s are one file", from, into);
    FK_DO(fk_model_load(&m, from, fk_pool_processors(), &watch, NULL, err));
    a = fk_st_stamp(m.file);
    fk_model_free(&m);
    FK_DO(fk_file_copy(from, into, &a, &watch, err));
done:
    fk_model_free(&m);
    fk_free(name);
    fk_free(into);
    return st;
}

static double share_left_out(const fk_model *m)
{
    const uint8_t *mask = m->more != NULL ? m->more : m->mask;
    int64_t n = m->more != NULL ? m->more_width * m->more_height : m->mask_width * m->mask_height;
    int64_t count = 0;

    for (int64_t i = 0; i < n; i++)
        count += mask[i] != 0;
    return n > 0 ? (double)count / (double)n : 0.0;
}

static void describe_networks(fleck_model *model)
{
    const fk_model *m = &model->model;

    for (int k = 0; k < m->n_nets; k++) {
        const fk_model_net *net = &m->nets[k];
        fleck_network_info *n = &model->networks[k];

        n->name = fk_model_net_name(m, k);
        n->weights = net->source != NULL ? net->source : "";
        n->weights_digest = net->digest != NULL ? net->digest : "";
        memcpy(n->mean, net->mean, sizeof n->mean);
        memcpy(n->scale, net->scale, sizeof n->scale);
        n->gain = net->gain;
    }
}

void fk_handle_describe(fleck_model *model)
{
    const fk_model *m = &model->model;
    const fk_calibration *c = &m->calibration;
    const fk_level *first = &m->shape.levels[0];

    describe_networks(model);
    model->info = (fleck_model_info){
        .method = m->method->name,
        .backbone = m->backbone,
        .precision = fk_precision_name(m->precision),
        .engine = m->engine,
        .resize = m->pre.resize,
        .category = m->category,
        .fleck_version = m->version,
        .checksum = m->checksum ? fk_st_digest(m->file) : "",
        .weights = model->networks[0].weights,
        .weights_digest = model->networks[0].weights_digest,
        .taps = model->taps,
        .options = model->options,
        .pool = model->pool,
        .images = fk_model_images(m),
        .skipped = model->info.skipped,
        .width = m->pre.width,
        .height = m->pre.height,
        .crop_width = m->pre.crop_width,
        .crop_height = m->pre.crop_height,
        .tile = m->pre.tile,
        .overlap = m->pre.overlap,
        .left_out = share_left_out(m),
        .outside = fk_place_outside_share(&m->pre),
        .photo_width = m->photo[0],
        .photo_height = m->photo[1],
        .unseen = m->unseen,
        .rotations = m->pre.turns > 1 ? m->pre.turns : 1,
        .foreground = m->foreground.dim > 0 ? m->foreground.share : 1.0,
        .mean = {m->nets[0].mean[0], m->nets[0].mean[1], m->nets[0].mean[2]},
        .scale = {m->nets[0].scale[0], m->nets[0].scale[1], m->nets[0].scale[2]},
        .sigma = m->sigma,
        .window_low = (int)m->pre.low,
        .window_high = m->pre.high > 0 ? (int)m->pre.high : 65535,
        .blend = m->pre.blend,
        .background = {m->pre.background[0], m->pre.background[1], m->pre.background[2]},
        .threshold = fk_model_threshold(m),
        .pixel_threshold = c->pixel_threshold,
        .pixels_set = c->pixels_set,
        .scale_low = c->low,
        .scale_high = c->high,
        .calibrated = c->images,
        .false_alarms = c->rate,
        .threshold_rule = fk_threshold_rule_name(c->rule),
        .groups = c->sessions != NULL ? c->sessions : "",
        .n_groups = c->folds,
        .patches = first->height * first->width,
        .dim = first->dim};
}

const fleck_model_info *fleck_model_describe(const fleck_model *model)
{
    return model != NULL ? &model->info : NULL;
}

const fleck_network_info *fleck_model_network(const fleck_model *model, int i)
{
    return model != NULL && i >= 0 && i < model->model.n_nets ? &model->networks[i] : NULL;
}

/* Look for NaN and infinity.  This is not part of opening a model, which must be quick. */
static fleck_status check_finite(const fleck_model *model, fleck_error *err)
{
    const fk_model *m = &model->model;
    fleck_status st = FLECK_OK;

    if (model->opened) {
        FK_DO(fk_st_restore(m->file, err));
        FK_DO(fk_st_check_finite(m->file, err));
    }
    if (m->nets[0].onnx != NULL)
        FK_DO(fk_onnx_check_finite(m->nets[0].onnx, m->nets[0].onnx_size, m->backbone, err));
done:
    return st;
}

static fleck_status verify(fleck_model *model, double tolerance, double *difference,
                           fleck_error *err)
{
    fk_model *m = &model->model;
    fk_map_size input = fk_preprocess_input(&m->pre);
    double limit = tolerance > 0.0 ? tolerance : 1e-3, worst = 0.0;
    fk_runner *r = &model->runner;
    fleck_status st;

    fk_watch_begin(&model->watch, "verify", m->n_checks);
    FK_DO(fk_handle_ready(model, err));
    FK_DO(check_finite(model, err));
    if (m->n_checks == 0)
        FK_FAIL(err, FLECK_E_STATE, "the model holds no check images");
    if (!fk_pooling_same(m->pooling, m->fitted_pooling))
        FK_FAIL(err, FLECK_E_STATE,
                "the model was opened with another pool than it was fitted with");
    FK_DO(fk_runner_embeddings(r, 1, err));
    for (int i = 0; i < m->n_checks; i++) {
        const uint8_t *pixels = m->checks + i * input.height * input.width * 3;
        double score, wanted = m->check_scores[i], d;

        FK_DO(fk_runner_embed(r, 1, &pixels, r->embeddings, err));
        FK_DO(fk_score_check(r, r->embeddings, &score, err));
        d = fabs(score - wanted) / fmax(fabs(wanted), 1e-30);
        worst = fmax(worst, d);
        *difference = worst;
        if (!(d <= limit))
            FK_FAIL(
                err, FLECK_E_STATE,
                "check image %d: expected score %.9g, found %.9g, which differs by more than %g",
                i + 1, wanted, score, limit);
        FK_DO(fk_watch_tell(&model->watch, i + 1, err));
    }
done:
    return st;
}

fleck_status fleck_model_verify(fleck_model *model, double tolerance, double *difference,
                                fleck_error *err)
{
    const char *name;
    fleck_status st;

    FK_NEED(difference);
    *difference = NAN;
    FK_NEED(model);
    st = verify(model, tolerance, difference, err);
    name = model->opened ? fk_st_name(model->model.file) : NULL;
    if (st != FLECK_OK && err != NULL && name != NULL && strstr(err->message, name) == NULL)
        fk_error_context(err, "%s", name);
    return st;
}
