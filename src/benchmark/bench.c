/* SPDX-License-Identifier: Apache-2.0 */
/* The benchmark: computes one category after another, writes the results of each as soon as it is
 * done, and makes the reports from these results. */
#include "benchmark/report/report.h"
#include "run/output.h"
#include "fit/settings.h"
#include "run/source.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file that marks a folder as a benchmark's. */
#define MARK "fleck-bench.txt"

#define LIST_BYTES 400 /* of a list in a message */

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
    fk_bench_data *data;           /* [names.count] */
    fk_bench_category *categories; /* [n_done] */
    int64_t n_done;
    fk_names failed; /* "category: why", "category: run: why" */
    fk_bench_place place;
    int lock; /* file descriptor of MARK, or -1 */
} bench;

/* ---- Categories and the output folder ---- */

static bool is_wanted(const fleck_bench_settings *s, const char *name)
{
    if (s->categories == NULL)
        return true;
    for (int i = 0; s->categories[i] != NULL; i++)
        if (strcmp(s->categories[i], name) == 0)
            return true;
    return false;
}

/* Whether the folder holds a benchmark's results.  Such a folder below root is not a category. */
static fleck_status has_mark(bool *out, const char *root, const char *folder, fleck_error *err)
{
    char *mark = NULL;
    fleck_status st = fk_asprintf(&mark, err, "%s/%s/" MARK, root, folder);

    *out = st == FLECK_OK && fk_path_is_file(mark);
    fk_free(mark);
    return st;
}

static const char *nearest_name(char out[FK_MEANT], const fk_names *names, const char *word)
{
    fk_nearest near = {.word = word};

    for (int64_t i = 0; i < names->count; i++)
        fk_nearest_offer(&near, names->items[i]);
    return fk_nearest_text(&near, "", out);
}

/* Find the folders below root that hold train/ or test/.  Damage in one of them is reported; of
 * other folders a warning tells. */
static fleck_status find_categories(bench *b, fleck_error *err)
{
    fk_names folders = {0}, others = {0};
    fk_text text = {0};
    char *train = NULL, *test = NULL, meant[FK_MEANT];
    bool results;
    fleck_status st;

    FK_DO(fk_folder_list(&folders, b->root, 'd', err));
    for (int64_t i = 0; i < folders.count; i++) {
        FK_DO(fk_asprintf(&train, err, "%s/%s/train", b->root, folders.items[i]));
        FK_DO(fk_asprintf(&test, err, "%s/%s/test", b->root, folders.items[i]));
        FK_DO(has_mark(&results, b->root, folders.items[i], err));
        if (!results && is_wanted(b->settings, folders.items[i]))
            FK_DO(fk_names_add(fk_path_is_folder(train) || fk_path_is_folder(test) ? &b->names
                                                                                   : &others,
                               folders.items[i], err));
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
                    "%s: there is no category %s (a folder with train/good and test)%s", b->root,
                    b->settings->categories[i],
                    nearest_name(meant, &folders, b->settings->categories[i]));
    }
    FK_DO(fk_names_join(&text, &others, LIST_BYTES, err));
    if (b->names.count == 0)
        FK_FAIL(err, FLECK_E_NOTFOUND,
                "%s: expected folders of categories, each with train/good and test (the layout of "
                "MVTec AD), found %s%s",
                b->root, others.count > 0 ? "none, but " : "none",
                others.count > 0 ? text.data : "");
    if (others.count > 0)
        fk_warn_say((fk_warn){b->settings->fit->warning, b->settings->fit->warning_ctx},
                    "%s: folders without train and test are left out: %s", b->root, text.data);
done:
    fk_text_free(&text);
    fk_names_free(&others);
    fk_names_free(&folders);
    fk_free(train);
    fk_free(test);
    return st;
}

/* List the images of category i.  An error makes this category fail, not the benchmark. */
static fleck_status list_data(bench *b, int64_t i, fleck_error *err)
{
    const fleck_settings *f = b->settings->fit;
    fk_dataset_how how =
        fk_source_how(f->good, f->recursive, (fk_warn){f->warning, f->warning_ctx});
    fk_bench_data *d = &b->data[i];
    fleck_status st;

    FK_DO(fk_path_join(&d->path, b->root, b->names.items[i], err));
    st = fk_dataset_train(&d->train, d->path, &how, &d->error);
    (void)!fk_dataset_test(&d->test, d->path, &how, st == FLECK_OK ? &d->error : NULL);
    FK_DO(FK_ALLOC(&d->files, d->train.count, err));
    for (; d->n_files < d->train.count; d->n_files++)
        d->files[d->n_files] = d->train.items[d->n_files].path;
done:
    return st;
}

static void data_free(fk_bench_data *d)
{
    fk_free(d->path);
    fk_free(d->files);
    fk_samples_free(&d->train);
    fk_samples_free(&d->test);
}

/* Lock the folder: one benchmark at a time writes into it.  The system releases the lock when the
 * process ends, even by a crash. */
static fleck_status lock_folder(bench *b, const char *mark, fleck_error *err)
{
    struct stat info;

    b->lock = open(mark, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (b->lock < 0)
        return fk_error_errno(err, "cannot write", mark);
    if (flock(b->lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return fk_error_errno(err, "cannot lock", mark);
        return fk_error_set(err, FLECK_E_STATE, "%s: another benchmark is writing into this folder",
                            b->out);
    }
    if (fstat(b->lock, &info) != 0 || info.st_size == (off_t)sizeof mark_text - 1)
        return FLECK_OK;
    if (ftruncate(b->lock, 0) != 0 ||
        pwrite(b->lock, mark_text, sizeof mark_text - 1, 0) != (ssize_t)sizeof mark_text - 1)
        return fk_error_errno(err, "cannot write", mark);
    return FLECK_OK;
}

/* Create the folder, or check that it is empty or an earlier benchmark's. */
static fleck_status claim_folder(bench *b, fleck_error *err)
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
    FK_DO(lock_folder(b, mark, err));
done:
    fk_names_free(&seen);
    fk_free(mark);
    return st;
}

static fleck_status add_output(const bench *b, fk_outputs *o, const char *name, const char *ending,
                               fleck_error *err)
{
    char *path = NULL, *valid = NULL;
    fleck_status st;

    FK_DO(fk_utf8_escape(&valid, name, err));
    FK_DO(fk_asprintf(&path, err, "%s/%s%s", b->out, valid, ending));
    FK_DO(fk_outputs_add(o, path, err));
done:
    fk_free(path);
    fk_free(valid);
    return st;
}

/* Add the pictures of earlier calls to the outputs, since they may be overwritten. */
static fleck_status add_panels(const bench *b, fk_outputs *o, fleck_error *err)
{
    fk_names names = {0};
    char *folder = NULL, *path = NULL;
    fleck_status st;

    FK_DO(fk_path_join(&folder, b->out, "panels", err));
    if (fk_path_is_folder(folder))
        FK_DO(fk_folder_list(&names, folder, 'f', err));
    for (int64_t i = 0; i < names.count; i++) {
        FK_DO(fk_path_join(&path, folder, names.items[i], err));
        FK_DO(fk_outputs_add(o, path, err));
        fk_free(path);
        path = NULL;
    }
done:
    fk_names_free(&names);
    fk_free(folder);
    fk_free(path);
    return st;
}

/* Check that no output is one of the files that are read: the folder of results may hold links. */
static fleck_status check_outputs(const bench *b, fleck_error *err)
{
    static const char *const fixed[] = {MARK, "report.md", "report.csv", "report.html"};
    fk_outputs o = {0};
    fleck_status st = FLECK_OK;

    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        FK_DO(add_output(b, &o, fixed[i], "", err));
    for (int64_t i = 0; i < b->names.count; i++)
        FK_DO(add_output(b, &o, b->names.items[i], ".json", err));
    FK_DO(add_panels(b, &o, err));
    for (int i = 0; i < b->runs.n; i++)
        FK_DO(fk_fit_apart(&o, &b->runs.items[i].fit, err));
    for (int64_t i = 0; i < b->names.count; i++) {
        FK_DO(fk_outputs_apart(&o, b->data[i].path, err));
        FK_DO(fk_outputs_apart_samples(&o, &b->data[i].train, err));
        FK_DO(fk_outputs_apart_samples(&o, &b->data[i].test, err));
    }
done:
    fk_outputs_free(&o);
    return st;
}

/* ---- Networks ---- */

/* Open the networks for a category.  Those of the category before are kept if they fit; a run that
 * keeps the shape of its images may need another input size. */
static fleck_status ready_networks(bench *b, const fk_bench_data *d, fleck_error *err)
{
    bool ready = b->feeds.n > 0;
    fleck_status st = FLECK_OK;

    for (int i = 0; i < b->runs.n; i++) {
        fleck_settings *f = &b->runs.items[i].fit;
        int64_t width = f->width, height = f->height;

        if (!b->runs.items[i].shaped)
            continue;
        if (d->train.count == 0)
            FK_FAIL(err, d->error.status, "%s", d->error.message);
        if (f->long_side == 0)
            f->width = f->height = 0;
        FK_DO(fk_fit_shape(f, d->files, d->train.count, err));
        ready &= f->width == width && f->height == height;
    }
    if (ready)
        goto done;
    fk_bench_feeds_close(&b->feeds);
    FK_DO(fk_bench_feeds_open(&b->feeds, &b->runs, b->pool, err));
done:
    if (st != FLECK_OK) /* the networks may no longer fit the runs */
        fk_bench_feeds_close(&b->feeds);
    return st;
}

/* Open the networks for the first category for which that succeeds, so that a fault of all
 * categories, such as missing weights, is reported before any work. */
static fleck_status first_networks(bench *b, fleck_error *err)
{
    fleck_error why = {0};

    for (int64_t i = 0; i < b->names.count; i++)
        if (ready_networks(b, &b->data[i], &why) == FLECK_OK)
            return FLECK_OK;
    return fk_error_set(err, why.status, "%s", why.message);
}

/* Refuse two runs that are the same, though they may be written differently. */
static fleck_status check_same(bench *b, fleck_error *err)
{
    char(*sums)[FK_SHA256_TEXT] = NULL;
    fleck_status st;

    FK_DO(fk_calloc((void **)&sums, b->runs.n, sizeof *sums, err));
    for (int i = 0; i < b->runs.n; i++) {
        FK_DO(fk_bench_run_sum(sums[i], "", b->settings, &b->runs.items[i], &b->feeds.owners[i],
                               err));
        for (int k = 0; k < i; k++)
            if (strcmp(sums[k], sums[i]) == 0)
                FK_FAIL(err, FLECK_E_OPTION, "runs %s and %s are the same", b->runs.items[k].name,
                        b->runs.items[i].name);
    }
done:
    fk_free(sums);
    return st;
}

/* ---- One category ---- */

/* Read the category's results of an earlier call; empty if there are none that can be used. */
static void read_known(const bench *b, fk_bench_category *known, const char *file, const char *name)
{
    const fleck_settings *f = b->settings->fit;
    fleck_error why = {0};

    *known = (fk_bench_category){0};
    if (!fk_path_is_file(file))
        return;
    if (fk_bench_category_read(known, file, &why) != FLECK_OK)
        fk_warn_say((fk_warn){f->warning, f->warning_ctx},
                    "%s: its results are computed again, since those there cannot be used: %s",
                    name, why.message);
    else if (strcmp(known->name, name) != 0)
        fk_bench_category_free(known);
}

/* Compute category i, except the runs whose results an earlier call left, and write its results. */
static fleck_status do_category(bench *b, int64_t i, fleck_error *err)
{
    const char *name = b->names.items[i];
    fk_bench_category *c = &b->categories[b->n_done], known = {0};
    char *file = NULL;
    fleck_status st;

    *c = (fk_bench_category){0};
    FK_DO(fk_utf8_escape(&c->name, name, err));
    FK_DO(fk_asprintf(&file, err, "%s/%s.json", b->out, c->name));
    FK_DO(ready_networks(b, &b->data[i], err));
    read_known(b, &known, file, c->name);
    FK_DO(fk_bench_category_run(c, &known, &b->data[i], b->out, file, &b->runs, &b->feeds,
                                b->settings, &b->place, err));
done:
    fk_bench_category_free(&known);
    if (st != FLECK_OK)
        fk_bench_category_free(c);
    fk_free(file);
    return st;
}

/* Add "category: why" or "category: run: why" to the list of failures. */
static fleck_status add_failed(bench *b, const char *category, const char *run, const char *why,
                               fleck_error *err)
{
    char *line = NULL, *valid = NULL;
    fleck_status st;

    FK_DO(fk_asprintf(&line, err, "%s: %s%s%s", category, run != NULL ? run : "",
                      run != NULL ? ": " : "", why));
    FK_DO(fk_utf8_escape(&valid, line, err));
    FK_DO(fk_names_add(&b->failed, valid, err));
done:
    fk_free(valid);
    fk_free(line);
    return st;
}

/* Add a finished category to the summary. */
static fleck_status count_category(bench *b, fleck_bench_summary *summary, fleck_error *err)
{
    const fk_bench_category *c = &b->categories[b->n_done++];
    const fk_bench_book book = {.n = 1, .categories = c};
    fk_names labels = {0};
    fleck_status st;

    FK_DO(fk_bench_labels(&labels, &book, err));

    for (int k = 0; k < c->n; k++) {
        summary->unread += c->runs[k].report.failed;
        if (c->runs[k].error != NULL)
            FK_DO(add_failed(b, c->name, labels.items[k], c->runs[k].error, err));
    }
    summary->reused += c->n_reused == c->n;
    summary->runs_reused += c->n_reused;
    summary->runs_failed += c->n_failed;
    summary->runs_computed += c->n - c->n_reused - c->n_failed;
done:
    fk_names_free(&labels);
    return st;
}

static fleck_status do_categories(bench *b, fleck_bench_summary *summary, fleck_error *err)
{
    const fleck_bench_settings *s = b->settings;
    fleck_status st;

    FK_DO(FK_CALLOC(&b->categories, b->names.count, err));
    summary->categories = b->names.count;
    b->place.start = fk_clock_seconds();
    b->place.categories = b->names.count;
    b->place.cells = b->names.count * b->runs.n;
    for (int64_t i = 0; i < b->names.count; i++) {
        const fk_bench_category *c = &b->categories[b->n_done];
        const char *name = b->names.items[i];
        fleck_error why = {0};

        b->place.category = i;
        st = do_category(b, i, &why);
        if (st == FLECK_E_CANCELLED)
            FK_FAIL(err, st, "%s: %s", name, why.message);
        if (s->on_category != NULL)
            s->on_category(s->on_category_ctx, name, st == FLECK_OK && c->n_reused == c->n,
                           st == FLECK_OK ? NULL : &why);
        b->place.passed = (i + 1) * b->runs.n;
        if (st == FLECK_OK) {
            FK_DO(count_category(b, summary, err));
            continue;
        }
        summary->failed++;
        FK_DO(add_failed(b, name, NULL, why.message, err));
    }
    st = FLECK_OK;
done:
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
    bench b = {.root = root, .out = out, .settings = s, .lock = -1};
    int threads = s->fit->threads > 0 ? s->fit->threads : fk_pool_processors();
    double start = fk_clock_seconds();
    fleck_status st;

    *summary = (fleck_bench_summary){0};
    if (s->fit->ignore != NULL || s->fit->only != NULL)
        FK_FAIL(err, FLECK_E_OPTION, "bench: categories share no areas but the mask");
    if (s->resamples < 1 || s->resamples > 1000000)
        FK_FAIL(err, FLECK_E_OPTION, "resamples: expected 1 to 1000000, got %lld",
                (long long)s->resamples);
    FK_DO(fk_fit_check_given(s->fit, err));
    FK_DO(fk_bench_runs_read(&b.runs, s, err));
    FK_DO(find_categories(&b, err));
    FK_DO(FK_CALLOC(&b.data, b.names.count, err));
    for (int64_t i = 0; i < b.names.count; i++)
        FK_DO(list_data(&b, i, err));
    FK_DO(check_outputs(&b, err));
    FK_DO(fk_pool_open(&b.pool, threads, err));
    FK_DO(first_networks(&b, err));
    FK_DO(check_same(&b, err));
    FK_DO(claim_folder(&b, err));
    FK_DO(do_categories(&b, summary, err));
    FK_DO(write_reports(&b, fk_clock_seconds() - start, summary, err));
done:
    for (int64_t i = 0; i < b.n_done; i++)
        fk_bench_category_free(&b.categories[i]);
    fk_free(b.categories);
    if (b.lock >= 0)
        close(b.lock);
    for (int64_t i = 0; b.data != NULL && i < b.names.count; i++)
        data_free(&b.data[i]);
    fk_free(b.data);
    fk_names_free(&b.failed);
    fk_names_free(&b.names);
    fk_bench_feeds_close(&b.feeds);
    fk_pool_close(&b.pool);
    fk_bench_runs_free(&b.runs);
    return st;
}
