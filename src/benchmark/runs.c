/* SPDX-License-Identifier: Apache-2.0 */
/* The runs of a benchmark: texts and presets become settings of fits. */
#include "benchmark/bench.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "fit/settings.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Limit of the options in one run's text. */
#define MAX_PARTS 64

/* Preprocessing of the study and of the papers, whatever fleck's defaults are. */
#define HABIT "size=256,crop=224"

/* The runs of the study that fleck reproduces: K of 10 and 20, gallery of the same position.  It
 * does not state the K of its run on a vision transformer, of which it has detection figures
 * only. */
static const char *const report_preset[] = {
    "spade@wide_resnet50_2:k=10,radius=0," HABIT, "spade@wide_resnet50_2:k=20,radius=0," HABIT,
    "spade@vit_b_16:k=10,radius=0," HABIT, "padim@wide_resnet50_2:covariance=paper," HABIT, NULL};
/* The runs of the methods' papers, with their settings and networks.  PatchCore's coresets of 10 %
 * and 1 % are two of its three columns; MH-PatchCore's paper has averages only. */
static const char *const papers_preset[] = {
    "spade@wide_resnet50_2:k=50,radius=-1," HABIT,
    "padim@wide_resnet50_2:dims=550,covariance=paper," HABIT,
    "patchcore@wide_resnet50_2:coreset=0.1,min-bank=0," HABIT,
    "patchcore@wide_resnet50_2:coreset=0.01,min-bank=0," HABIT,
    "mhpatchcore@wide_resnet50_2:" HABIT,
    NULL};

void fk_bench_runs_free(fk_bench_runs *r)
{
    for (int i = 0; i < r->n; i++)
        fk_free(r->items[i].name);
    fk_free(r->items);
    fk_free(r->options);
    fk_names_free(&r->text);
    *r = (fk_bench_runs){0};
}

size_t fk_bench_pair_length(const char *options)
{
    size_t n = strcspn(options, ",");

    while (options[n] == ',' && options[n + 1] != '\0' &&
           memchr(options + n + 1, '=', strcspn(options + n + 1, ",")) == NULL)
        n += 1 + strcspn(options + n + 1, ",");
    return n;
}

/* Copy a text; the copy lives as long as the runs. */
static fleck_status copy_text(fk_bench_runs *r, const char **out, const char *text, int64_t length,
                              fleck_error *err)
{
    char *copy = NULL;
    fleck_status st;

    FK_DO(fk_asprintf(&copy, err, "%.*s", (int)length, text));
    FK_DO(fk_names_add(&r->text, copy, err));
    *out = r->text.items[r->text.count - 1];
done:
    fk_free(copy);
    return st;
}

/* The state of parsing a run's text. */
typedef struct reading {
    fk_bench_runs *runs;
    fleck_settings *fit;
    const char *options[MAX_PARTS]; /* options of the method, ended by NULL */
    int n;
} reading;

/* Set NAME=VALUE as a setting of the fit or as an option of the method. */
static fleck_status set_pair(reading *r, const char *pair, fleck_error *err)
{
    const char *value = strchr(pair, '=') + 1, *name;
    const fk_setting *setting;
    char text[64];
    fleck_status st;

    FK_DO(copy_text(r->runs, &name, pair, value - 1 - pair, err));
    setting = fk_setting_find(name);
    if (setting != NULL && (setting->where & FK_IN_RUN) != 0) {
        st = fk_fit_set(r->fit, name, value, err);
        goto done;
    }
    if (r->n + 2 >= MAX_PARTS)
        FK_FAIL(err, FLECK_E_LIMIT, "run: more than %d options", MAX_PARTS - 2);
    if (strcmp(r->fit->method, "spade") != 0 || strcmp(name, "k") != 0) {
        r->options[r->n++] = pair;
        goto done;
    }
    snprintf(text, sizeof text, "k-image=%s", value);
    FK_DO(copy_text(r->runs, &r->options[r->n++], text, (int64_t)strlen(text), err));
    snprintf(text, sizeof text, "k-pixel=%s", value);
    FK_DO(copy_text(r->runs, &r->options[r->n++], text, (int64_t)strlen(text), err));
done:
    return st;
}

/* A run's own sizes replace the shared ones, by the rules of `fleck fit`. */
static void settle_shape(fleck_settings *f)
{
    bool size = fk_fit_given(f, "size"), crop = fk_fit_given(f, "crop");
    bool tiles = fk_fit_given(f, "tiles");

    if ((size || tiles) && !crop) /* the shared crop belongs to the shared size */
        f->crop_width = f->crop_height = 0;
    if (tiles && !size)
        f->width = f->height = 0;
    if (size || crop)
        f->long_side = 0;
}

/* Parse the options after the colon. */
static fleck_status parse_options(reading *r, const char *text, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    while (*text != '\0') {
        const size_t length = fk_bench_pair_length(text);
        const char *pair;

        FK_DO(copy_text(r->runs, &pair, text, (int64_t)length, err));
        if (strchr(pair, '=') == NULL || pair[0] == '=')
            FK_FAIL(err, FLECK_E_OPTION, "run: expected NAME=VALUE, got \"%s\"", pair);
        FK_DO(set_pair(r, pair, err));
        text += length + (text[length] == ',');
    }
    settle_shape(r->fit);
done:
    return st;
}

/* Make a run's name: its text in full, without the path of its weights. */
static fleck_status name_run(char **out, const fk_bench_run *run, const char *options,
                             fleck_error *err)
{
    fk_text name = {0};
    bool first = true;
    fleck_status st;

    FK_DO(fk_text_printf(&name, err, "%s@%s", run->fit.method, run->fit.backbone));
    while (*options != '\0') {
        size_t n = fk_bench_pair_length(options);

        if (strncmp(options, "weights=", 8) != 0)
            FK_DO(fk_text_printf(&name, err, "%s%.*s", first ? ":" : ",", (int)n, options));
        first &= strncmp(options, "weights=", 8) == 0;
        options += n + (options[n] == ',');
    }
    *out = name.data;
    return FLECK_OK;
done:
    fk_text_free(&name);
    return st;
}

/* Add a run, with this backbone (NULL: that of the text). */
static fleck_status add(fk_bench_runs *r, const char *text, const char *backbone,
                        const fleck_bench_settings *s, fleck_error *err)
{
    size_t head = strcspn(text, ":"), method = strcspn(text, "@:");
    fk_bench_run run = {.fit = *s->fit};
    reading text_of_run = {.runs = r, .fit = &run.fit};
    const char **block = NULL;
    fleck_status st;

    run.fit.given = 0;
    FK_DO(copy_text(r, &run.fit.method, text, (int64_t)method, err));
    if (method < head)
        FK_DO(
            copy_text(r, &run.fit.backbone, text + method + 1, (int64_t)(head - method - 1), err));
    else if (backbone != NULL)
        run.fit.backbone = backbone;
    if (text[head] == ':')
        FK_DO(parse_options(&text_of_run, text + head + 1, err));
    FK_DO(fk_fit_check(&run.fit, err));
    run.shaped = fk_fit_shapes(&run.fit);
    FK_DO(name_run(&run.name, &run, text + head + (text[head] == ':'), err));
    assert(run.name != NULL);
    for (int i = 0; i < r->n; i++)
        if (strcmp(r->items[i].name, run.name) == 0)
            FK_FAIL(err, FLECK_E_OPTION, "run %s is given twice", run.name);
    FK_DO(fk_grow((void **)&r->options, (int64_t)r->n * MAX_PARTS, (int64_t)(r->n + 1) * MAX_PARTS,
                  sizeof *r->options, err));
    block = r->options + (size_t)r->n * MAX_PARTS;
    memcpy(block, text_of_run.options, sizeof text_of_run.options);
    FK_DO(fk_grow((void **)&r->items, r->n, r->n + 1, sizeof *r->items, err));
    r->items[r->n++] = run;
    return FLECK_OK;
done:
    if (st == FLECK_E_OPTION)
        fk_error_context(err, "%s", text);
    fk_free(run.name);
    return st;
}

static fleck_status add_all(fk_bench_runs *r, const char *const *texts,
                            const fleck_bench_settings *s, fleck_error *err)
{
    static const char *const one[] = {NULL};
    fleck_status st = FLECK_OK;

    for (int i = 0; texts[i] != NULL; i++) {
        bool own = texts[i][strcspn(texts[i], "@:")] == '@';
        const char *const *b = own || s->backbones == NULL ? one : s->backbones;

        do
            FK_DO(add(r, texts[i], *b, s, err));
        while (*b != NULL && *++b != NULL);
    }
done:
    return st;
}

fleck_status fk_bench_runs_read(fk_bench_runs *out, const fleck_bench_settings *s, fleck_error *err)
{
    char meant[FK_MEANT];
    fleck_status st = FLECK_OK;

    *out = (fk_bench_runs){0};
    if (s->runs != NULL)
        FK_DO(add_all(out, s->runs, s, err));
    if (s->preset != NULL && strcmp(s->preset, "report") == 0)
        FK_DO(add_all(out, report_preset, s, err));
    else if (s->preset != NULL && strcmp(s->preset, "papers") == 0)
        FK_DO(add_all(out, papers_preset, s, err));
    else if (s->preset != NULL)
        FK_FAIL(err, FLECK_E_OPTION, "preset: expected report or papers, got \"%s\"%s", s->preset,
                fk_nearest_choice(meant, "report|papers", s->preset));
    if (out->n == 0)
        FK_FAIL(err, FLECK_E_OPTION, "bench: no run was given");
    for (int i = 0; i < out->n; i++) /* the block of lists no longer moves */
        out->items[i].fit.options = out->options + (size_t)i * MAX_PARTS;
done:
    if (st != FLECK_OK)
        fk_bench_runs_free(out);
    return st;
}
