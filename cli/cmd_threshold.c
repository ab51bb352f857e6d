/* SPDX-License-Identifier: Apache-2.0 */
/* fleck threshold: show how a threshold was chosen, and set it. */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Least number of photos for --holdout. */
#define LEAST_HOLDOUT 10

static const flag flags[] = {
    {"false-alarms", 0, "R",
     "set the threshold that this fraction of good parts exceeds, as 0.02 or 2%"},
    {"set", 0, "T", "set the threshold to this score"},
    {"with", 0, "DIR",
     "set it by labelled images (MVTec layout or CSV): for the highest F1, or by one of these:"},
    {"miss-cost", 0, "C", "for the least sum of C times the misses and the false alarms"},
    {"zero-misses", 0, NULL, "the highest threshold that finds all defective images"},
    {"zero-false-alarms", 0, NULL, "the lowest threshold that rejects no good image"},
    {"holdout", 0, "DIR",
     "good photos of another day: how many would be rejected; with --false-alarms, R of these"},
    {"json", 0, NULL, "print one JSON object"},
    {"good", 0, "NAME", "with --with: folder of the good images (default: good, ok, normal, ...)"},
    {"recursive", 0, NULL, "with --with: search the sub-folders of the types' folders too"},
    {"max-pixels", 0, "N", "larger images are refused (default 268435456)"},
    {"threads", 't', "N", "threads; 0: one for each processor (default 0)"},
    {NULL, 0, NULL, NULL}};

/* Scores of images that were not learned. */
typedef struct scoring {
    labelled_score *scores;
    int64_t count, room, failed;
    progress *progress;
} scoring;

typedef struct job {
    const char *path;
    fleck_model *model;
    fleck_run_settings run;
    progress progress;
    held_scores before, after;
    scoring labelled, holdout;
    double *holdout_scores;
    cut chosen, old; /* on the labelled images */
    bool changed;
    char how[256]; /* how the threshold was chosen, or "" */
} job;

/* ---- Scoring ---- */

static void grow(scoring *s, int64_t count)
{
    if (count > s->room) {
        s->room = count > 2 * s->room ? count + 64 : 2 * s->room;
        s->scores = need(realloc(s->scores, (size_t)s->room * sizeof *s->scores));
    }
    s->count = count;
}

static fleck_status on_result(void *ctx, int64_t i, const fleck_result *r, const fleck_error *error)
{
    scoring *s = ctx;

    if (interrupted())
        return FLECK_E_CANCELLED;
    grow(s, i + 1);
    s->scores[i] = (labelled_score){.score = NAN};
    if (r == NULL) {
        progress_end(s->progress);
        print_message(error->message);
        s->failed++;
        return FLECK_OK;
    }
    s->scores[i].score = r->score;
    return FLECK_OK;
}

static fleck_status on_sample(void *ctx, int64_t i, const fleck_sample *sample,
                              const fleck_result *r, const fleck_error *error)
{
    scoring *s = ctx;
    fleck_status st = on_result(s, i, r, error);

    if (st == FLECK_OK)
        s->scores[i].defective = sample->defective;
    return st;
}

static int unread(const char *option, const scoring *s)
{
    usage_error("--%s: %lld image%s could not be read: nothing is written", option,
                (long long)s->failed, s->failed == 1 ? "" : "s");
    return EXIT_FAILED;
}

static int score_labelled(job *j, const args *a)
{
    fleck_eval_settings s;
    fleck_report *report = NULL;
    fleck_error err = {0};
    fleck_status st;

    j->labelled.progress = &j->progress;
    fleck_eval_defaults(&s, sizeof s);
    s.scratch = temporary_folder();
    s.on_result = on_sample;
    s.on_result_ctx = &j->labelled;
    s.progress = progress_show;
    s.warning = show_warning;
    s.progress_ctx = s.warning_ctx = &j->progress;
    s.good = args_get(a, "good");
    s.recursive = args_has(a, "recursive");
    st = fleck_evaluate(j->model, args_get(a, "with"), &s, &report, &err);
    fleck_free(report);
    progress_end(&j->progress);
    if (st != FLECK_OK)
        return failed(&err);
    return j->labelled.failed > 0 ? unread("with", &j->labelled) : EXIT_DONE;
}

static int score_holdout(job *j, const char *folder)
{
    path_list list = {0};
    path_rules rules = {0};
    fleck_error err = {0};
    scoring *s = &j->holdout;
    int code = EXIT_DONE;

    if (!path_list_read(&list, &folder, 1, &rules)) {
        path_list_free(&list);
        return EXIT_USAGE;
    }
    s->progress = &j->progress;
    if (fleck_score_files(j->model, list.paths, list.count, false, on_result, s, &err) != FLECK_OK)
        code = failed(&err);
    progress_end(&j->progress);
    path_list_tell(&list, "scored", s->count - s->failed);
    if (code == EXIT_DONE && (s->failed > 0 || list.broken > 0))
        code = unread("holdout", s);
    path_list_free(&list);
    j->holdout_scores = need(calloc((size_t)s->count + 1, sizeof *j->holdout_scores));
    for (int64_t i = 0; i < s->count; i++)
        j->holdout_scores[i] = s->scores[i].score;
    return code;
}

/* ---- Choosing ---- */

static int set(job *j, double threshold, const char *rule)
{
    fleck_error err = {0};

    if (j->before.info.calibrated == 0) {
        usage_error("%s: the model was fitted without held-out images: fit it again", j->path);
        return EXIT_FAILED;
    }
    if (fleck_model_set_threshold(j->model, threshold, rule, &err) != FLECK_OK)
        return failed(&err);
    j->changed = true;
    return EXIT_DONE;
}

/* Choose a rate among the photos of --holdout, or among those held out in the fit. */
static int set_rate(job *j, double rate, bool has_holdout)
{
    const int64_t n = j->holdout.count;
    fleck_error err = {0};
    double threshold;
    bool supported;

    if (has_holdout && n >= LEAST_HOLDOUT) {
        if (fleck_threshold_of(j->holdout_scores, n, rate, &threshold, &supported, &err) !=
            FLECK_OK)
            return failed(&err);
        if (supported)
            snprintf(j->how, sizeof j->how,
                     "at most %.3g %% of parts like those of --holdout are rejected (n = %lld)",
                     100.0 * rate, (long long)n);
        else
            snprintf(
                j->how, sizeof j->how,
                "the %lld photo%s of --holdout %s too few for %.3g %%, which takes %lld: it is "
                "the highest of their scores",
                (long long)n, plural(n), n == 1 ? "is" : "are", 100.0 * rate,
                (long long)photos_for(rate));
        return set(j, threshold, "holdout");
    }
    if (has_holdout)
        snprintf(j->how, sizeof j->how,
                 "the %lld photo%s of --holdout %s too few, %d are needed: the photos that were "
                 "learned decide",
                 (long long)n, plural(n), n == 1 ? "is" : "are", LEAST_HOLDOUT);
    if (j->before.n == 0) {
        usage_error("%s: the model has no held-out scores: fit it again, or use --set", j->path);
        return EXIT_FAILED;
    }
    if (fleck_model_set_false_alarms(j->model, rate, &err) != FLECK_OK)
        return failed(&err);
    j->changed = true;
    return EXIT_DONE;
}

static int set_by_labels(job *j, const args *a, double miss_cost)
{
    scoring *s = &j->labelled;
    cut_goal goal = args_has(a, "miss-cost")           ? CUT_COST
                    : args_has(a, "zero-misses")       ? CUT_NO_MISS
                    : args_has(a, "zero-false-alarms") ? CUT_NO_FALSE_ALARM
                                                       : CUT_F1;

    if (!choose_cut(&j->chosen, s->scores, s->count, goal, miss_cost)) {
        usage_error("--with: good and defective images are needed, found %lld and %lld",
                    (long long)j->chosen.good, (long long)j->chosen.defective);
        return EXIT_FAILED;
    }
    j->old = judge_cut(s->scores, s->count, j->before.info.threshold);
    snprintf(j->how, sizeof j->how, "%s, on %lld good and %lld defective images",
             goal == CUT_COST      ? "misses and false alarms cost the least"
             : goal == CUT_NO_MISS ? "the highest without a miss"
             : goal == CUT_F1      ? "the highest F1"
                                   : "the lowest without a false alarm",
             (long long)j->chosen.good, (long long)j->chosen.defective);
    return set(j, j->chosen.threshold, "labels");
}

/* ---- Writing ---- */

/* Whether two states of a file are the same. */
static bool same_state(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Replace the model's file, unless it changed since it was opened. */
static int write_model(job *j, const struct stat *opened)
{
    fleck_error err = {0};
    struct stat now;
    fleck_status st;

    if (stat(j->path, &now) != 0 || !same_state(&now, opened)) {
        usage_error("%s: the file has changed since it was read: nothing is written", j->path);
        return EXIT_FAILED;
    }
    st = fleck_model_save_with(j->model, j->path, progress_show, &j->progress, &err);
    progress_end(&j->progress);
    return st == FLECK_OK ? EXIT_DONE : failed(&err);
}

static int choose(job *j, const args *a, double rate, double threshold, double miss_cost)
{
    if (args_has(a, "false-alarms"))
        return set_rate(j, rate, args_has(a, "holdout"));
    if (args_has(a, "set"))
        return set(j, threshold, "set");
    if (args_has(a, "with"))
        return set_by_labels(j, a, miss_cost);
    return EXIT_DONE;
}

static int tell(job *j, bool json)
{
    threshold_more m = {.path = j->path,
                        .before = &j->before,
                        .after = j->changed ? &j->after : NULL,
                        .how = j->how,
                        .holdout = j->holdout_scores,
                        .n_holdout = j->holdout.count,
                        .labels = j->chosen.defective > 0 ? &j->chosen : NULL,
                        .labels_old =
                            !isnan(j->old.threshold) && j->old.defective > 0 ? &j->old : NULL};

    if (json)
        return threshold_json(&m) ? EXIT_DONE : EXIT_FAILED;
    threshold_print(&m);
    return EXIT_DONE;
}

/* Open the model, and do what the options say. */
static int work(job *j, const args *a, double rate, double threshold, double miss_cost)
{
    struct stat opened;
    fleck_error err = {0};
    int code = EXIT_DONE;

    if (stat(j->path, &opened) != 0)
        memset(&opened, 0, sizeof opened); /* opening the model will report the error */
    if (fleck_model_open(&j->model, j->path, &j->run, &err) != FLECK_OK)
        return failed(&err);
    j->before = held_read(j->model);
    if (args_has(a, "holdout"))
        code = score_holdout(j, args_get(a, "holdout"));
    if (code == EXIT_DONE && args_has(a, "with"))
        code = score_labelled(j, a);
    if (code == EXIT_DONE)
        code = choose(j, a, rate, threshold, miss_cost);
    if (code == EXIT_DONE && j->changed) {
        j->after = held_read(j->model);
        code = write_model(j, &opened);
    }
    if (code == EXIT_DONE)
        code = tell(j, args_has(a, "json"));
    held_free(&j->before);
    held_free(&j->after);
    fleck_model_close(&j->model);
    return code;
}

/* Check options that exclude or need each other.  False: an error was printed. */
static bool check_options(const args *a)
{
    const int ways = args_has(a, "false-alarms") + args_has(a, "set") + args_has(a, "with");
    const int goals =
        args_has(a, "miss-cost") + args_has(a, "zero-misses") + args_has(a, "zero-false-alarms");
    const bool of_labels = goals > 0 || args_has(a, "good") || args_has(a, "recursive");

    if (ways > 1)
        return usage_error("threshold: --false-alarms, --set and --with exclude each other") ==
               EXIT_DONE;
    if (goals > 1)
        return usage_error("threshold: --miss-cost, --zero-misses and --zero-false-alarms exclude "
                           "each other") == EXIT_DONE;
    if (of_labels && !args_has(a, "with"))
        return usage_error("threshold: --miss-cost, --zero-misses, --zero-false-alarms, --good and "
                           "--recursive belong to --with") == EXIT_DONE;
    return true;
}

static int run(const args *a)
{
    job j = {.path = a->words[0]};
    const bool writes = args_has(a, "false-alarms") || args_has(a, "set") || args_has(a, "with");
    double rate = NAN, threshold = NAN, miss_cost = 1.0;
    int64_t threads = 0;
    fleck_error err = {0};
    int code;

    fleck_run_defaults(&j.run, sizeof j.run);
    if (!check_options(a) || !args_rate(a, "false-alarms", &rate) ||
        !args_real(a, "set", 1e-9, 1e9, &threshold) ||
        !args_real(a, "miss-cost", 1e-9, 1e9, &miss_cost) ||
        !args_int(a, "max-pixels", 1, INT64_C(65535) * 65535, &j.run.max_pixels) ||
        !args_int(a, "threads", 0, 4096, &threads))
        return EXIT_USAGE;
    if (writes && fleck_output_check(j.path, &err) != FLECK_OK)
        return failed(&err);
    j.run.threads = (int)threads;
    j.run.rest = true; /* until photos are scored */
    j.run.warning = show_warning;
    j.run.progress = progress_show;
    j.run.warning_ctx = j.run.progress_ctx = &j.progress;
    j.progress = progress_begin();
    code = work(&j, a, rate, threshold, miss_cost);
    free(j.labelled.scores);
    free(j.holdout.scores);
    free(j.holdout_scores);
    return code;
}

const command threshold_command = {
    .name = "threshold",
    .usage = "MODEL [options]",
    .example = "threshold part.fleck --false-alarms 5%",
    .summary = "Show the scores on which a model's threshold is based, and set it.",
    .details = "Without --false-alarms, --set or --with nothing is changed.  With one of these, "
               "the model file is replaced atomically; a process that has it open gets an error "
               "at its next call.\n"
               "\n"
               "Held-out scores say how many good parts a threshold rejects: each photo is "
               "scored without itself, and without all photos of its group (a day, a folder).  "
               "Do not use photos that the model has learned for --holdout or --with.",
    .flags = flags,
    .min_words = 1,
    .max_words = 1,
    .run = run};
