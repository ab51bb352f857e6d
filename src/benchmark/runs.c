/* The runs of a benchmark: texts and presets become settings of fits. */
#include "benchmark/bench.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/number.h"
#include "dataset/session.h"
#include "fit/settings.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Most parts of one run's text. */
#define MAX_PARTS 64

/* What the study and the papers do with the photos, whatever fleck's defaults are. */
#define HABIT "size=256,crop=224"

/* The study that fleck reproduces: K of 10 and 20, the gallery of the same position; it does not say the K of its
 * run on a vision transformer, for which its detection figures alone are given. */
static const char *const report_preset[] = {
    "spade@wide_resnet50_2:k=10,radius=0," HABIT, "spade@wide_resnet50_2:k=20,radius=0," HABIT,
    "spade@vit_b_16:k=10,radius=0," HABIT, "padim@wide_resnet50_2:covariance=paper," HABIT, NULL};
/* The methods' papers: their settings on their network.  PatchCore's 10 % and 1 % coresets are two of its three
 * columns; MH-PatchCore's paper has averages only. */
static const char *const papers_preset[] = {
    "spade@wide_resnet50_2:k=50,radius=-1," HABIT,
    "padim@wide_resnet50_2:dims=550,covariance=paper," HABIT,
    "patchcore@wide_resnet50_2:coreset=0.1," HABIT,
    "patchcore@wide_resnet50_2:coreset=0.01," HABIT,
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

/* Keep a text as long as the runs live. */
static fleck_status keep(fk_bench_runs *r, const char **out, const char *text, int64_t length,
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

/* One run's text as it is read. */
typedef struct reading {
    fk_bench_runs *runs;
    fleck_fit_settings *fit;
    const char *options[MAX_PARTS]; /* of the method, ended by NULL */
    int n;
    bool size, crop, long_side; /* were given */
} reading;

/* "WxH", or one number for both. */
static bool parse_size(const char *text, int64_t *width, int64_t *height)
{
    size_t n = strcspn(text, "x");
    char first[16];
    int64_t w, h;

    if (n >= sizeof first)
        return false;
    snprintf(first, sizeof first, "%.*s", (int)n, text);
    if (!fk_integer_parse(first, &w) || w < 1)
        return false;
    h = w;
    if (text[n] == 'x' && (!fk_integer_parse(text + n + 1, &h) || h < 1))
        return false;
    *width = w;
    *height = h;
    return true;
}

/* A share between 0 and 1, as 0.02 or 2%. */
static bool parse_rate(const char *text, double *out)
{
    size_t n = strlen(text);
    bool percent = n > 0 && text[n - 1] == '%';
    char number[32];

    if (n >= sizeof number)
        return false;
    snprintf(number, sizeof number, "%.*s", (int)(n - (percent ? 1 : 0)), text);
    if (!fk_number_parse(number, out))
        return false;
    *out /= percent ? 100.0 : 1.0;
    return *out > 0.0 && *out < 1.0;
}

static fleck_status refuse(const char *name, const char *value, fleck_error *err)
{
    const char *wanted = strcmp(name, "size") == 0           ? "WxH or a number"
                         : strcmp(name, "crop") == 0         ? "WxH, a number or none"
                         : strcmp(name, "calibrate") == 0    ? "a number of 0 or more, or all"
                         : strcmp(name, "false-alarms") == 0 ? "a share as 0.02 or 2%"
                         : strcmp(name, "groups") == 0 ? "auto, folder, day, prefix, runs or none"
                                                       : "a number of 0 or more";

    return fk_error_set(err, FLECK_E_OPTION, "%s: expected %s, got \"%s\"", name, wanted, value);
}

/* Put NAME=VALUE into the fit's own settings where it is one of these; *taken says so. */
static fleck_status take_own(reading *r, const char *name, const char *value, bool *taken,
                             fleck_error *err)
{
    fleck_fit_settings *f = r->fit;
    const struct {
        const char *name, **text;
        int64_t *count;
        double *real;
    } own[] = {
        {"taps", &f->taps, NULL, NULL},           {"resize", &f->resize, NULL, NULL},
        {"weights", &f->weights, NULL, NULL},     {"engine", &f->engine, NULL, NULL},
        {"precision", &f->precision, NULL, NULL}, {"normalisation", &f->normalisation, NULL, NULL},
        {"pool", &f->pool, NULL, NULL},           {"fit-mask", &f->mask, NULL, NULL},
        {"window", &f->window, NULL, NULL},       {"background", &f->background, NULL, NULL},
        {"long-side", NULL, &f->long_side, NULL}, {"pixels", NULL, &f->pixels, NULL},
        {"calibrate", NULL, &f->calibrate, NULL}, {"sigma", NULL, NULL, &f->sigma}};
    fk_session_kind groups;
    const fk_setting *row = fk_setting_find(name);
    size_t i = 0, n = sizeof own / sizeof own[0];
    bool good = true;

    *taken = true;
    if (row != NULL && (row->where & FK_IN_RUN) != 0)
        return fk_fit_set(f, name, value, err);
    if (strcmp(name, "size") == 0) {
        good = r->size = parse_size(value, &f->width, &f->height);
    } else if (strcmp(name, "crop") == 0) {
        r->crop = true;
        if (strcmp(value, "none") == 0)
            f->crop_width = f->crop_height = 0;
        else
            good = parse_size(value, &f->crop_width, &f->crop_height);
    } else if (strcmp(name, "calibrate") == 0 && strcmp(value, "all") == 0) {
        f->calibrate = INT64_MAX;
    } else if (strcmp(name, "false-alarms") == 0) {
        good = parse_rate(value, &f->false_alarms);
    } else if (strcmp(name, "groups") == 0) {
        good = fk_session_parse(value, &groups);
        f->groups = value;
    } else {
        r->long_side |= strcmp(name, "long-side") == 0;
        while (i < n && strcmp(name, own[i].name) != 0)
            i++;
        *taken = i < n;
        if (i < n && own[i].text != NULL)
            *own[i].text = value;
        else if (i < n && own[i].count != NULL)
            good = fk_integer_parse(value, own[i].count) && *own[i].count >= 0;
        else if (i < n)
            good = fk_number_parse(value, own[i].real);
    }
    return good ? FLECK_OK : refuse(name, value, err);
}

/* Put NAME=VALUE into the fit's own settings or the method's options. */
static fleck_status take_pair(reading *r, const char *pair, fleck_error *err)
{
    const char *value = strchr(pair, '=') + 1, *name;
    bool taken;
    char text[64];
    fleck_status st;

    FK_DO(keep(r->runs, &name, pair, value - 1 - pair, err));
    FK_DO(take_own(r, name, value, &taken, err));
    if (taken)
        goto done;
    if (r->n + 2 >= MAX_PARTS)
        FK_FAIL(err, FLECK_E_LIMIT, "run: more than %d options", MAX_PARTS - 2);
    if (strcmp(r->fit->method, "spade") != 0 || strcmp(name, "k") != 0) {
        r->options[r->n++] = pair;
        goto done;
    }
    snprintf(text, sizeof text, "k-image=%s", value);
    FK_DO(keep(r->runs, &r->options[r->n++], text, (int64_t)strlen(text), err));
    snprintf(text, sizeof text, "k-pixel=%s", value);
    FK_DO(keep(r->runs, &r->options[r->n++], text, (int64_t)strlen(text), err));
done:
    return st;
}

/* What a run says of sizes takes the place of what all share, by the rules of `fleck fit`. */
static fleck_status settle_shape(const reading *r, fleck_error *err)
{
    fleck_fit_settings *f = r->fit;
    bool tiles = fk_fit_given(f, "tiles");

    if (r->long_side && (r->size || r->crop))
        return fk_error_set(err, FLECK_E_OPTION, "long-side takes the place of size and crop");
    if ((r->size || tiles) && !r->crop) /* the default crop belongs to the default size */
        f->crop_width = f->crop_height = 0;
    if (tiles && !r->size)
        f->width = f->height = 0;
    if (r->size || r->crop)
        f->long_side = 0;
    return FLECK_OK;
}

/* The options behind the colon.  A part without '=' belongs to the value before it: "taps=a,b". */
static fleck_status take_options(reading *r, const char *text, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    while (*text != '\0') {
        const char *pair, *end = text, *next;

        do {
            end += strcspn(end, ",");
            next = *end == ',' ? end + 1 : end;
            if (*next == '\0' || memchr(next, '=', strcspn(next, ",")) != NULL)
                break;
            end = next;
        } while (true);
        FK_DO(keep(r->runs, &pair, text, end - text, err));
        if (strchr(pair, '=') == NULL || pair[0] == '=')
            FK_FAIL(err, FLECK_E_OPTION, "run: expected NAME=VALUE, got \"%s\"", pair);
        FK_DO(take_pair(r, pair, err));
        text = next;
    }
    st = settle_shape(r, err);
done:
    return st;
}

/* What a run is called: what was asked for, but for the place of its weights. */
static fleck_status name_run(char **out, const fk_bench_run *run, const char *options,
                             fleck_error *err)
{
    fk_text name = {0};
    bool first = true;
    fleck_status st;

    FK_DO(fk_text_printf(&name, err, "%s@%s", run->fit.method, run->fit.backbone));
    while (*options != '\0') {
        size_t n = strcspn(options, ",");

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

/* Another run, with this backbone (NULL: the text's own). */
static fleck_status add(fk_bench_runs *r, const char *text, const char *backbone,
                        const fleck_bench_settings *s, fleck_error *err)
{
    size_t head = strcspn(text, ":"), method = strcspn(text, "@:");
    fk_bench_run run = {.fit = s->fit};
    reading text_of_run = {.runs = r, .fit = &run.fit};
    const char **block = NULL;
    fleck_status st;

    run.fit.given = 0;
    FK_DO(keep(r, &run.fit.method, text, (int64_t)method, err));
    if (method < head)
        FK_DO(keep(r, &run.fit.backbone, text + method + 1, (int64_t)(head - method - 1), err));
    else if (backbone != NULL)
        run.fit.backbone = backbone;
    if (text[head] == ':')
        FK_DO(take_options(&text_of_run, text + head + 1, err));
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
    for (int i = 0; i < out->n; i++) /* the block of lists does not move any more */
        out->items[i].fit.options = out->options + (size_t)i * MAX_PARTS;
done:
    if (st != FLECK_OK)
        fk_bench_runs_free(out);
    return st;
}
