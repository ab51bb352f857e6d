/* The benchmark: categories one by one, each kept as soon as it is done, and the reports made from what is kept. */
#include "pipeline/bench.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/sha256.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Its presence says that the folder is a benchmark's. */
#define MARK "fleck-bench.txt"

static const char mark_text[] =
    "Results of fleck bench: one CATEGORY.json for each category, and report.md, report.csv and\n"
    "report.html made from them.  fleck bench adds to this folder and replaces these files.\n";

typedef struct bench {
    const char *root, *out;
    const fleck_bench_settings *settings;
    fk_bench_runs runs;
    fk_pool *pool;
    fk_bench_feeds feeds;
    fk_names names;                /* of categories */
    fk_bench_category *categories; /* [n_done] */
    int64_t n_done;
    fk_names failed; /* "category: why" */
} bench;

/* ---- What there is ---- */

static bool is_wanted(const fleck_bench_settings *s, const char *name)
{
    if (s->categories == NULL)
        return true;
    for (int i = 0; s->categories[i] != NULL; i++)
        if (strcmp(s->categories[i], name) == 0)
            return true;
    return false;
}

/* Folders below root that hold train/ or test/; a damaged one of them is worth a message, other folders are not. */
static fleck_status find_categories(bench *b, fleck_error *err)
{
    fk_names folders = {0};
    char *train = NULL, *test = NULL;
    fleck_status st;

    FK_DO(fk_folder_list(&folders, b->root, 'd', err));
    for (int64_t i = 0; i < folders.count; i++) {
        FK_DO(fk_asprintf(&train, err, "%s/%s/train", b->root, folders.items[i]));
        FK_DO(fk_asprintf(&test, err, "%s/%s/test", b->root, folders.items[i]));
        if ((fk_path_is_folder(train) || fk_path_is_folder(test)) &&
            is_wanted(b->settings, folders.items[i]))
            FK_DO(fk_names_add(&b->names, folders.items[i], err));
        fk_free(train);
        fk_free(test);
        train = test = NULL;
    }
    for (int i = 0; b->settings->categories != NULL && b->settings->categories[i] != NULL; i++) {
        int64_t k = 0;

        while (k < b->names.count && strcmp(b->names.items[k], b->settings->categories[i]) != 0)
            k++;
        if (k == b->names.count)
            FK_FAIL(err, FLECK_E_OPTION,
                    "%s: there is no category %s (a folder with train/good and test)", b->root,
                    b->settings->categories[i]);
    }
    if (b->names.count == 0)
        FK_FAIL(err, FLECK_E_NOTFOUND,
                "%s: expected folders of categories, each with train/good and test (the layout of "
                "MVTec AD), found "
                "none",
                b->root);
done:
    fk_names_free(&folders);
    fk_free(train);
    fk_free(test);
    return st;
}

/* Make the folder, or see that it is new, empty or an earlier benchmark's. */
static fleck_status take_folder(bench *b, fleck_error *err)
{
    fk_names seen = {0};
    char *mark = NULL;
    fleck_status st;

    FK_DO(fk_path_join(&mark, b->out, MARK, err));
    if (fk_path_is_folder(b->out) && !fk_path_is_file(mark)) {
        FK_DO(fk_folder_list(&seen, b->out, 'f', err));
        FK_DO(fk_folder_list(&seen, b->out, 'd', err));
        if (seen.count > 0)
            FK_FAIL(err, FLECK_E_STATE,
                    "%s: expected a new or empty folder or one that an earlier benchmark wrote, "
                    "found %s in it",
                    b->out, seen.items[0]);
    }
    FK_DO(fk_folder_make(b->out, err));
    FK_DO(fk_file_write(mark, mark_text, sizeof mark_text - 1, err));
done:
    fk_names_free(&seen);
    fk_free(mark);
    return st;
}

/* ---- What decides the figures ---- */

static long long file_size(const char *path)
{
    struct stat info;

    return path != NULL && stat(path, &info) == 0 ? (long long)info.st_size : -1;
}

static fleck_status hash_run(fk_text *t, const fk_bench_run *run, const fk_model *m,
                             fleck_error *err)
{
    fk_net_source source = fk_model_source(m);
    const fk_preprocess *p = &m->pre;
    fk_json *options = NULL;
    char *text = NULL, mask[FK_SHA256_TEXT] = "";
    fleck_status st;

    FK_DO(fk_options_to_json(&options, &m->options, err));
    FK_DO(fk_json_dump(&text, options, 0, err));
    if (m->mask != NULL)
        fk_sha256_text(m->mask, (size_t)(m->mask_width * m->mask_height), mask);
    FK_DO(fk_text_printf(t, err, "%s\n", mask));
    FK_DO(fk_text_printf(
        t, err, "%s %s %s %lld %s %s %s\n", run->name, m->method->name, m->backbone,
        file_size(source.weights != NULL ? source.name : run->fit.backbone),
        fk_precision_name(m->precision), m->engine, run->fit.pool != NULL ? run->fit.pool : ""));
    FK_DO(fk_text_printf(t, err, "%lldx%lld %lldx%lld %lld %lld %s %.9g %.9g %.17g %lld %lld %s\n",
                         (long long)p->width, (long long)p->height, (long long)p->crop_width,
                         (long long)p->crop_height, (long long)p->tile, (long long)p->overlap,
                         p->resize, (double)p->mean[0], (double)p->scale[0], m->sigma,
                         (long long)run->fit.calibrate, (long long)run->fit.max_memory, text));
    for (int i = 0; i < m->n_taps; i++)
        FK_DO(fk_text_printf(t, err, "%s\n", m->taps[i].name));
done:
    fk_json_free(&options);
    fk_free(text);
    return st;
}

static fleck_status hash_samples(fk_text *t, const fk_samples *s, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    for (int64_t i = 0; i < s->count && st == FLECK_OK; i++)
        st = fk_text_printf(t, err, "%s %lld %lld %d\n", s->items[i].path,
                            file_size(s->items[i].path), file_size(s->items[i].mask),
                            s->items[i].defective);
    return st;
}

/* Name everything that decides the figures of the category at path. */
static fleck_status hash_category(char out[FK_SHA256_TEXT], const bench *b, const char *path,
                                  fleck_error *err)
{
    const fleck_bench_settings *s = b->settings;
    fk_dataset_how how = {
        .is_image = fk_image_has_extension, .look = fk_image_look, .good = s->fit.good};
    fk_samples train = {0}, test = {0};
    fk_text t = {0};
    bool has_masks;
    fleck_status st;

    FK_DO(fk_text_printf(&t, err, "fleck %s\n%d %.17g %lld %llu\n", FLECK_VERSION, (int)s->protocol,
                         s->pro_limit, (long long)s->resamples, (unsigned long long)s->seed));
    for (int i = 0; i < b->runs.n; i++)
        FK_DO(hash_run(&t, &b->runs.items[i], &b->feeds.owners[i], err));
    FK_DO(fk_dataset_train(&train, path, &how, err));
    FK_DO(fk_dataset_test(&test, &has_masks, path, &how, err));
    FK_DO(hash_samples(&t, &train, err));
    FK_DO(hash_samples(&t, &test, err));
    fk_sha256_text(t.data, (size_t)t.length, out);
done:
    fk_samples_free(&train);
    fk_samples_free(&test);
    fk_text_free(&t);
    return st;
}

/* ---- Networks ---- */

/* Have the networks for the category at path: others than before where a run keeps the shape of its images. */
static fleck_status ready_networks(bench *b, const char *path, fleck_error *err)
{
    fk_dataset_how how = {
        .is_image = fk_image_has_extension, .look = fk_image_look, .good = b->settings->fit.good};
    fk_samples train = {0};
    bool ready = b->feeds.n > 0;
    fleck_status st = FLECK_OK;

    for (int i = 0; i < b->runs.n; i++) {
        fleck_fit_settings *f = &b->runs.items[i].fit;
        int64_t width = f->width, height = f->height;

        if (f->long_side == 0)
            continue;
        if (train.count == 0)
            FK_DO(fk_dataset_train(&train, path, &how, err));
        FK_DO(fk_fit_long_side(f, train.items[0].path, err));
        ready &= f->width == width && f->height == height;
    }
    if (ready)
        goto done;
    fk_bench_feeds_close(&b->feeds);
    FK_DO(fk_bench_feeds_open(&b->feeds, &b->runs, b->pool, err));
done:
    if (st != FLECK_OK) /* they may not fit the runs any more */
        fk_bench_feeds_close(&b->feeds);
    fk_samples_free(&train);
    return st;
}

/* The networks of the first category that can have them, so that what all categories lack is said at once. */
static fleck_status first_networks(bench *b, fleck_error *err)
{
    fleck_error why = {0};
    char *path = NULL;
    fleck_status st = FLECK_OK;

    for (int64_t i = 0; i < b->names.count; i++) {
        FK_DO(fk_path_join(&path, b->root, b->names.items[i], err));
        st = ready_networks(b, path, &why);
        fk_free(path);
        path = NULL;
        if (st == FLECK_OK)
            return FLECK_OK;
    }
    st = fk_error_set(err, why.status, "%s", why.message);
done:
    fk_free(path);
    return st;
}

/* ---- One category ---- */

/* Read what an earlier call left, or do it now and leave it. */
static fleck_status do_category(bench *b, const char *name, bool *reused, fleck_error *err)
{
    fk_bench_category *c = &b->categories[b->n_done];
    char settings[FK_SHA256_TEXT], *path = NULL, *file = NULL;
    fleck_status st;

    *reused = false;
    *c = (fk_bench_category){0};
    FK_DO(fk_path_join(&path, b->root, name, err));
    FK_DO(fk_asprintf(&file, err, "%s/%s.json", b->out, name));
    FK_DO(ready_networks(b, path, err));
    FK_DO(hash_category(settings, b, path, err));
    if (fk_path_is_file(file) && fk_bench_category_read(c, file, NULL) == FLECK_OK) {
        *reused = strcmp(c->settings, settings) == 0 && strcmp(c->name, name) == 0;
        if (*reused)
            goto done;
        fk_bench_category_free(c);
    }
    FK_DO(fk_strdup(&c->name, name, err));
    FK_DO(fk_strdup(&c->settings, settings, err));
    FK_DO(fk_bench_category_run(c, path, b->out, &b->runs, &b->feeds, b->settings, err));
    FK_DO(fk_bench_category_write(c, file, err));
done:
    if (st != FLECK_OK)
        fk_bench_category_free(c);
    fk_free(path);
    fk_free(file);
    return st;
}

static fleck_status do_categories(bench *b, fleck_bench_summary *summary, fleck_error *err)
{
    const fleck_bench_settings *s = b->settings;
    char *line = NULL;
    fleck_status st;

    FK_DO(FK_CALLOC(&b->categories, b->names.count, err));
    summary->categories = b->names.count;
    for (int64_t i = 0; i < b->names.count; i++) {
        fleck_error why = {0};
        bool reused;

        st = do_category(b, b->names.items[i], &reused, &why);
        if (st == FLECK_E_CANCELLED)
            FK_FAIL(err, st, "%s: %s", b->names.items[i], why.message);
        if (s->on_category != NULL)
            s->on_category(s->on_category_ctx, b->names.items[i], reused,
                           st == FLECK_OK ? NULL : &why);
        if (st == FLECK_OK) {
            const fk_bench_category *c = &b->categories[b->n_done++];

            for (int k = 0; k < c->n; k++)
                summary->unread += c->runs[k].report.failed;
            summary->reused += reused;
            continue;
        }
        summary->failed++;
        FK_DO(fk_asprintf(&line, err, "%s: %s", b->names.items[i], why.message));
        FK_DO(fk_names_add(&b->failed, line, err));
        fk_free(line);
        line = NULL;
    }
    st = FLECK_OK;
done:
    fk_free(line);
    return st;
}

/* ---- Reports ---- */

static fleck_status write_report(const bench *b, const fk_bench_book *book, const char *name,
                                 fleck_status (*make)(fk_text *, const fk_bench_book *,
                                                      fleck_error *),
                                 fleck_error *err)
{
    fk_text text = {0};
    char *path = NULL;
    fleck_status st;

    FK_DO(fk_path_join(&path, b->out, name, err));
    FK_DO(make(&text, book, err));
    FK_DO(fk_file_write(path, text.data, (size_t)text.length, err));
done:
    fk_text_free(&text);
    fk_free(path);
    return st;
}

static fleck_status write_reports(const bench *b, double seconds, fleck_bench_summary *summary,
                                  fleck_error *err)
{
    fk_bench_book book = {.root = b->root,
                          .out = b->out,
                          .command = b->settings->command,
                          .n = b->n_done,
                          .categories = b->categories,
                          .n_failed = (int)b->failed.count,
                          .failed = b->failed.items,
                          .settings = b->settings,
                          .seconds = seconds};
    fk_text text = {0};
    fleck_status st;

    FK_DO(write_report(b, &book, "report.md", fk_bench_markdown, err));
    FK_DO(write_report(b, &book, "report.csv", fk_bench_csv, err));
    FK_DO(write_report(b, &book, "report.html", fk_bench_html, err));
    FK_DO(fk_bench_text(&text, &book, err));
    summary->text = text.data;
    text = (fk_text){0};
done:
    fk_text_free(&text);
    return st;
}

fleck_status fk_bench(const char *root, const char *out, const fleck_bench_settings *s,
                      fleck_bench_summary *summary, fleck_error *err)
{
    bench b = {.root = root, .out = out, .settings = s};
    int threads = s->fit.threads > 0 ? s->fit.threads : fk_pool_processors();
    double start = fk_clock_seconds();
    fleck_status st;

    *summary = (fleck_bench_summary){0};
    if (s->resamples < 1 || s->resamples > 1000000)
        FK_FAIL(err, FLECK_E_OPTION, "resamples: expected 1 to 1000000, got %lld",
                (long long)s->resamples);
    FK_DO(fk_bench_runs_read(&b.runs, s, err));
    FK_DO(find_categories(&b, err));
    FK_DO(fk_pool_open(&b.pool, threads, err));
    FK_DO(first_networks(&b, err));
    FK_DO(take_folder(&b, err));
    FK_DO(do_categories(&b, summary, err));
    FK_DO(write_reports(&b, fk_clock_seconds() - start, summary, err));
done:
    for (int64_t i = 0; i < b.n_done; i++)
        fk_bench_category_free(&b.categories[i]);
    fk_free(b.categories);
    fk_names_free(&b.failed);
    fk_names_free(&b.names);
    fk_bench_feeds_close(&b.feeds);
    fk_pool_close(&b.pool);
    fk_bench_runs_free(&b.runs);
    return st;
}
