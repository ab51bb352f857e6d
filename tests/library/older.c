/* SPDX-License-Identifier: Apache-2.0 */
/* A program as a compiler left it years ago: it has its own copy of what it uses of fleck.h, with
 * settings structs that have fewer members than today's.  It fits, opens, scores and evaluates.
 *
 *   older CATEGORY WEIGHTS MODEL.fleck IMAGE */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct fleck_settings fleck_settings;
typedef struct fleck_model fleck_model;
typedef struct fleck_error {
    int status;
    char message[1024];
} fleck_error;
typedef struct fleck_run_settings {
    size_t size;
    int threads;
} fleck_run_settings;
typedef struct fleck_eval_settings {
    size_t size;
    int protocol;
} fleck_eval_settings;
typedef struct fleck_result {
    double score;
} fleck_result;
typedef struct fleck_report {
    int64_t train, good, defective;
} fleck_report;
typedef struct fleck_model_info {
    const char *method;
} fleck_model_info;

int fleck_settings_create(fleck_settings **, fleck_error *);
int fleck_settings_set(fleck_settings *, const char *, const char *, fleck_error *);
int fleck_settings_set_list(fleck_settings *, const char *, const char *const *, int64_t,
                            fleck_error *);
void fleck_settings_free(fleck_settings **);
int fleck_fit(fleck_model **, const char *, const fleck_settings *, void *, fleck_error *);
int fleck_model_save(const fleck_model *, const char *, fleck_error *);
void fleck_run_defaults(fleck_run_settings *, size_t);
int fleck_model_open(fleck_model **, const char *, const fleck_run_settings *, fleck_error *);
const fleck_model_info *fleck_model_describe(const fleck_model *);
void fleck_model_close(fleck_model **);
int fleck_score_file(fleck_model *, const char *, bool, fleck_result **, fleck_error *);
void fleck_result_free(fleck_result **);
void fleck_eval_defaults(fleck_eval_settings *, size_t);
int fleck_evaluate(fleck_model *, const char *, const fleck_eval_settings *, fleck_report **,
                   fleck_error *);
void fleck_free(void *);

static fleck_error err;

static int fit(fleck_model **model, const char *category, const char *weights)
{
    static const char *const values[][2] = {{"method", "padim"}, {"backbone", "resnet18"},
                                            {"taps", "layer1"},  {"size", "64x64"},
                                            {"sigma", "2"},      {"calibrate", "0"}};
    static const char *const options[] = {"dims=8"}, *const ignore[] = {"0,0,8,8"};
    fleck_settings *s = NULL;
    int st = fleck_settings_create(&s, &err);

    for (size_t i = 0; st == 0 && i < sizeof values / sizeof values[0]; i++)
        st = fleck_settings_set(s, values[i][0], values[i][1], &err);
    if (st == 0)
        st = fleck_settings_set(s, "weights", weights, &err);
    if (st == 0)
        st = fleck_settings_set_list(s, "options", options, 1, &err);
    if (st == 0)
        st = fleck_settings_set_list(s, "ignore", ignore, 1, &err);
    if (st == 0)
        st = fleck_fit(model, category, s, NULL, &err);
    fleck_settings_free(&s);
    return st;
}

int main(int argc, char **argv)
{
    struct {
        fleck_run_settings run;
        uint64_t guard[8];
        fleck_eval_settings eval;
        uint64_t more[8];
    } s;
    fleck_model *model = NULL;
    fleck_result *result = NULL;
    fleck_report *report = NULL;
    int st = argc < 5;

    memset(&s, 0x5a, sizeof s);
    fleck_run_defaults(&s.run, sizeof s.run);
    fleck_eval_defaults(&s.eval, sizeof s.eval);
    for (int i = 0; i < 8; i++)
        st |= s.guard[i] != UINT64_C(0x5a5a5a5a5a5a5a5a) || s.more[i] != s.guard[i];
    s.run.threads = 2;
    if (st == 0)
        st = fit(&model, argv[1], argv[2]);
    if (st == 0)
        st = fleck_model_save(model, argv[3], &err);
    fleck_model_close(&model);
    if (st == 0)
        st = fleck_model_open(&model, argv[3], &s.run, &err);
    if (st == 0)
        st = fleck_score_file(model, argv[4], false, &result, &err);
    if (st == 0)
        st = fleck_evaluate(model, argv[1], &s.eval, &report, &err);
    if (st == 0)
        printf("%s %.9g %lld\n", fleck_model_describe(model)->method, result->score,
               (long long)report->good);
    else
        fprintf(stderr, "%d %s\n", st, err.message);
    fleck_result_free(&result);
    fleck_free(report);
    fleck_model_close(&model);
    return st;
}
