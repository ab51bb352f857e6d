/* The runs of a benchmark: texts and presets become settings of fits. */
#include "pipeline/bench.h"
#include "base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Most parts of one run's text. */
#define MAX_PARTS 64

/* The study that fleck reproduces: K of 10 and 20, the gallery of the same position; it does not say the K of its
 * run on a vision transformer, for which its detection figures alone are given. */
static const char *const report_preset[] = {
    "spade@wide_resnet50_2:k=10,radius=0", "spade@wide_resnet50_2:k=20,radius=0",
    "spade@vit_b_16:k=10,radius=0", "padim@wide_resnet50_2", NULL};
static const char *const papers_preset[] = {"spade@wide_resnet50_2:k=50,radius=-1",
                                            "padim@wide_resnet50_2:dims=550", NULL};

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

/* Put NAME=VALUE into the fit's own settings where it is one of these, else into options. */
static fleck_status take_pair(fk_bench_runs *r, fleck_fit_settings *f, const char *pair,
                              const char **options, int *n, fleck_error *err)
{
    const char *value = strchr(pair, '=') + 1;
    struct {
        const char *name, **field;
    } own[] = {{"taps=", &f->taps},
               {"resize=", &f->resize},
               {"weights=", &f->weights},
               {"precision=", &f->precision},
               {"normalisation=", &f->normalisation},
               {"pool=", &f->pool}};
    char text[64];
    fleck_status st = FLECK_OK;

    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        if (strncmp(pair, own[i].name, strlen(own[i].name)) == 0) {
            *own[i].field = value;
            return FLECK_OK;
        }
    }
    if (*n + 2 >= MAX_PARTS)
        return fk_error_set(err, FLECK_E_LIMIT, "run: more than %d options", MAX_PARTS - 2);
    if (strcmp(f->method, "spade") != 0 || strncmp(pair, "k=", 2) != 0) {
        options[(*n)++] = pair;
        return FLECK_OK;
    }
    snprintf(text, sizeof text, "k-image=%s", value);
    FK_DO(keep(r, &options[(*n)++], text, (int64_t)strlen(text), err));
    snprintf(text, sizeof text, "k-pixel=%s", value);
    FK_DO(keep(r, &options[(*n)++], text, (int64_t)strlen(text), err));
done:
    return st;
}

/* The options behind the colon.  A part without '=' belongs to the value before it: "taps=a,b". */
static fleck_status take_options(fk_bench_runs *r, fleck_fit_settings *f, const char *text,
                                 const char **options, fleck_error *err)
{
    int n = 0;
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
        FK_DO(keep(r, &pair, text, end - text, err));
        if (strchr(pair, '=') == NULL || pair[0] == '=')
            FK_FAIL(err, FLECK_E_OPTION, "run: expected NAME=VALUE, got \"%s\"", pair);
        FK_DO(take_pair(r, f, pair, options, &n, err));
        text = next;
    }
    options[n] = NULL;
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
    const char *list[MAX_PARTS] = {NULL};
    fk_bench_run run = {.fit = s->fit};
    const char **block = NULL;
    fleck_status st;

    FK_DO(keep(r, &run.fit.method, text, (int64_t)method, err));
    if (method < head)
        FK_DO(keep(r, &run.fit.backbone, text + method + 1, (int64_t)(head - method - 1), err));
    else if (backbone != NULL)
        run.fit.backbone = backbone;
    if (text[head] == ':')
        FK_DO(take_options(r, &run.fit, text + head + 1, list, err));
    FK_DO(name_run(&run.name, &run, text + head + (text[head] == ':'), err));
    assert(run.name != NULL);
    for (int i = 0; i < r->n; i++)
        if (strcmp(r->items[i].name, run.name) == 0)
            FK_FAIL(err, FLECK_E_OPTION, "run %s is given twice", run.name);
    FK_DO(fk_grow((void **)&r->options, (int64_t)r->n * MAX_PARTS, (int64_t)(r->n + 1) * MAX_PARTS,
                  sizeof *r->options, err));
    block = r->options + (size_t)r->n * MAX_PARTS;
    memcpy(block, list, sizeof list);
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
    fleck_status st = FLECK_OK;

    *out = (fk_bench_runs){0};
    if (s->runs != NULL)
        FK_DO(add_all(out, s->runs, s, err));
    if (s->preset != NULL && strcmp(s->preset, "report") == 0)
        FK_DO(add_all(out, report_preset, s, err));
    else if (s->preset != NULL && strcmp(s->preset, "papers") == 0)
        FK_DO(add_all(out, papers_preset, s, err));
    else if (s->preset != NULL)
        FK_FAIL(err, FLECK_E_OPTION, "preset: expected report or papers, got \"%s\"", s->preset);
    if (out->n == 0)
        FK_FAIL(err, FLECK_E_OPTION, "bench: no run was given");
    for (int i = 0; i < out->n; i++) /* the block of lists does not move any more */
        out->items[i].fit.options = out->options + (size_t)i * MAX_PARTS;
done:
    if (st != FLECK_OK)
        fk_bench_runs_free(out);
    return st;
}
