/* SPDX-License-Identifier: Apache-2.0 */
/* fleck bench: several methods and networks over every category of a data set, with a report. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static const flag flags[] = {
    {"output", 'o', "DIR", "folder of the results and reports (required)"},
    {"run", 'r', "RUN", "METHOD[@BACKBONE][:NAME=VALUE,...]; several times"},
    {"preset", 0, "report|papers",
     "the runs of the study, or of the methods' papers, each at 256x256 cropped to 224x224"},
    {"backbone", 'b', "NAME",
     "network of runs that name none; several times (default efficientnet_lite0)"},
    {"category", 'c', "NAME", "only this category; several times"},
    GROUP("figures"),
    {"protocol", 0, "paper|original",
     "compare at the crop's size, or at each image's own (default paper)"},
    {"resamples", 0, "N", "of the bootstrap (default 2000)"},
    {"seed", 0, "N", "of the bootstrap (default 1)"},
    {"memory", 0, "SIZE",
     "images and features that are kept, as 600M; beyond it in a file (default 1G)"},
    {NULL, 0, NULL, NULL}};

typedef struct watch {
    progress progress;
    const char *name; /* of the data, for messages */
} watch;

static bool show(void *ctx, const char *stage, int64_t done, int64_t total)
{
    return progress_show(&((watch *)ctx)->progress, stage, done, total);
}

static void print_category(const char *category, const char *what)
{
    print_escaped(stderr, category);
    fprintf(stderr, ": %s\n", what);
}

static void on_category(void *ctx, const char *category, bool reused, const fleck_error *error)
{
    watch *w = ctx;

    progress_end(&w->progress);
    w->progress.prefix[0] = '\0';
    if (error != NULL)
        usage_error("%s: %s", category, error->message);
    else
        print_category(category, reused ? "was done before" : "done");
}

/* "bottle 2/15, run 1/4, about 12 min left: " */
static void on_run(void *ctx, const fleck_bench_place *p)
{
    watch *w = ctx;
    double left = p->seconds_left;
    char text[64] = "";

    if (left >= 90.0)
        snprintf(text, sizeof text, ", about %.0f min left", left / 60.0);
    else if (left >= 0.0)
        snprintf(text, sizeof text, ", about %.0f s left", left);
    snprintf(w->progress.prefix, sizeof w->progress.prefix,
             "%s %lld/%lld, run %d/%d%s: ", p->category, (long long)p->i_category + 1,
             (long long)p->n_categories, p->i_run + 1, p->n_runs, text);
}

/* The command line with quoted words where a shell needs that; the caller frees it. */
static char *command_line(const args *a)
{
    size_t size = 16;
    char *text, *to;

    for (int i = 0; i < a->argc; i++)
        size += 4 * strlen(a->argv[i]) + 4;
    text = to = need(malloc(size));
    to += snprintf(to, size, "fleck bench");
    for (int i = 0; i < a->argc; i++) {
        bool plain =
            a->argv[i][0] != '\0' &&
            strspn(a->argv[i],
                   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,@+%") ==
                strlen(a->argv[i]);

        *to++ = ' ';
        if (!plain)
            *to++ = '\'';
        for (const char *p = a->argv[i]; *p != '\0'; p++) {
            if (*p == '\'')
                to += snprintf(to, 5, "'\\''");
            else
                *to++ = *p;
        }
        if (!plain)
            *to++ = '\'';
    }
    *to = '\0';
    return text;
}

static bool read_settings(const args *a, fleck_bench_settings *s)
{
    const char *protocol = args_get(a, "protocol");
    int64_t seed = (int64_t)s->seed;

    if (protocol != NULL && strcmp(protocol, "original") == 0) {
        s->protocol = FLECK_PROTOCOL_ORIGINAL;
    } else if (protocol != NULL && strcmp(protocol, "paper") != 0) {
        word_error("protocol", "paper", "original", protocol);
        return false;
    }
    if (!args_int(a, "resamples", 1, 1000000, &s->resamples) ||
        !args_int(a, "seed", 0, INT64_MAX, &seed) || !args_bytes(a, "memory", &s->memory))
        return false;
    s->seed = (uint64_t)seed;
    s->preset = args_get(a, "preset");
    return true;
}

/* Run the benchmark; the lists are valid until this returns. */
static int bench(const args *a, fleck_bench_settings *s, fleck_settings *fit, const char *out)
{
    const char **runs = args_list(a, "run"), **backbones = args_list(a, "backbone");
    const char **categories = args_list(a, "category");
    char *line = command_line(a);
    watch w = {.progress = progress_begin()};
    fleck_bench_summary *summary;
    fleck_error err = {0};
    int code = EXIT_DONE;

    s->runs = runs;
    s->backbones = backbones[0] != NULL ? backbones : NULL;
    s->categories = categories[0] != NULL ? categories : NULL;
    s->command = line;
    s->on_category = on_category;
    s->fit = fit;
    fleck_settings_set_progress(fit, show, &w);
    fleck_settings_set_warning(fit, show_warning, &w.progress);
    s->on_run = on_run;
    s->on_run_ctx = s->on_category_ctx = &w;
    if (fleck_bench(a->words[0], out, s, &summary, &err) != FLECK_OK) {
        progress_end(&w.progress);
        code = failed(&err);
    } else {
        progress_end(&w.progress);
        fputs(summary->text, stdout);
        printf("%lld categor%s, %lld of them done before, %lld failed; runs: %lld computed, %lld "
               "done before, %lld failed; reports in %s\n",
               (long long)summary->categories, summary->categories == 1 ? "y" : "ies",
               (long long)summary->reused, (long long)summary->failed,
               (long long)summary->runs_computed, (long long)summary->runs_reused,
               (long long)summary->runs_failed, out);
        if (summary->unread > 0)
            fprintf(stderr, "fleck: %lld test image%s could not be scored and %s left out\n",
                    (long long)summary->unread, plural(summary->unread),
                    summary->unread == 1 ? "is" : "are");
        code = summary->failed > 0 || summary->runs_failed > 0 || summary->unread > 0 ? EXIT_FAILED
                                                                                      : EXIT_DONE;
    }
    fleck_free(summary);
    free(line);
    free(runs);
    free(backbones);
    free(categories);
    return code;
}

static int run(const args *a)
{
    fleck_bench_settings s;
    fleck_settings *fit;
    const char *out = args_get(a, "output");
    int code = EXIT_USAGE;

    if (out == NULL)
        return usage_error("bench: -o DIR says where to write the results");
    if (!args_has(a, "run") && !args_has(a, "preset"))
        return usage_error("bench: --run METHOD or --preset NAME says what to do");
    fleck_bench_defaults(&s, sizeof s);
    fit = args_fit(a);
    if (fit != NULL && read_settings(a, &s))
        code = bench(a, &s, fit, out);
    fleck_settings_free(&fit);
    return code;
}

const command bench_command = {
    .name = "bench",
    .usage = "ROOT -o DIR --run RUN... [options]",
    .summary = "Run methods and networks over every category of ROOT and write a report.",
    .example = "bench mvtec --run padim --run spade:k=20 -o out",
    .details = "ROOT holds categories in MVTec AD layout.  DIR gets CATEGORY.json for each "
               "category, and report.md, report.csv and report.html.  After an interruption the "
               "same command continues; finished runs are not repeated.\n"
               "NAME=VALUE of a run are options of its method (fleck fit --method NAME --help), "
               "k=N, which sets SPADE's k-image and k-pixel, and the options of fit that are "
               "listed below.\n",
    .flags = flags,
    .settings = 'b',
    .min_words = 1,
    .max_words = 1,
    .run = run};
