/* fleck predict: scores, verdicts, heat maps. */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const flag flags[] = {
    {"output", 'o', "FOLDER", "write a heat-map picture for each image here"},
    {"maps", 0, "tiff|npy", "also write each map as float32 (needs -o)"},
    {"map-size", 0, "image|crop", "size of those maps (default image: the image's own)"},
    {"no-pictures", 0, NULL, "with -o: maps only"},
    {"threshold", 0, "T", "judge by this score instead of the model's threshold"},
    {"json", 0, NULL, "one JSON object a line and image"},
    {"pool", 0, "method|max|top:P",
     "image score as in fit (default: the model's; another has no threshold)"},
    {"precision", 0, "P", "f32, bf16, f16 or auto (default: the model's)"},
    {"engine", 0, "NAME", "native, openvino or reference (default: the fastest for the network)"},
    {"threads", 't', "N", "threads, 0 for one a processor (default 0)"},
    {NULL, 0, NULL, NULL}};

/* Files that were written of one image. */
typedef struct written {
    char *picture, *map; /* names; NULL where there is none */
    fleck_status status;
    fleck_error *error; /* NULL unless it failed and said why */
} written;

typedef struct job {
    fleck_model *model;
    path_list list;
    written *files; /* [list.count], with out */
    const char *out, *maps;
    bool pictures, full, json; /* pictures and maps: only with out */
    double threshold;          /* NaN: the model's */
    int64_t bad;
    progress progress;
} job;

/* folder/name.extension, to be freed. */
static char *file_name(const char *folder, const char *name, const char *extension)
{
    size_t size = strlen(folder) + strlen(name) + strlen(extension) + 3;
    char *path = need(malloc(size));

    snprintf(path, size, "%s/%s.%s", folder, name, extension);
    return path;
}

/* The result as it is judged here. */
static fleck_result judged(const job *j, const fleck_result *result)
{
    fleck_result r = *result; /* a view whose threshold may be the caller's */

    if (!isnan(j->threshold)) {
        r.threshold = j->threshold;
        r.defective = r.score > r.threshold;
    }
    return r;
}

static fleck_status write_files(const job *j, int64_t i, const fleck_result *r, written *w,
                                fleck_error *err)
{
    fleck_status st = FLECK_OK;

    if (j->pictures) {
        w->picture = file_name(j->out, j->list.names[i], "png");
        if (!make_parent(w->picture))
            return FLECK_E_IO;
        st = fleck_result_save_picture(j->model, r, w->picture, err);
    }
    if (st == FLECK_OK && j->maps != NULL) {
        w->map = file_name(j->out, j->list.names[i], j->maps);
        if (!make_parent(w->map))
            return FLECK_E_IO;
        st = fleck_result_save_map(j->model, r, w->map, j->full, err);
    }
    return st;
}

/* On any thread, several at once. */
static void on_scored(void *ctx, int64_t i, const fleck_result *result)
{
    job *j = ctx;
    written *w = &j->files[i];
    fleck_result r = judged(j, result);
    fleck_error err = {0};

    w->status = write_files(j, i, &r, w, &err);
    if (err.status != FLECK_OK) {
        w->error = need(malloc(sizeof *w->error));
        *w->error = err;
    }
}

/* Names and messages are needed once. */
static void forget(written *w)
{
    free(w->picture);
    free(w->map);
    free(w->error);
    *w = (written){0};
}

static void print_result(const job *j, const char *path, const fleck_result *r, const char *picture,
                         const char *map)
{
    if (j->json)
        (void)!result_json(path, r, NULL, picture, map);
    else if (isnan(r->threshold))
        printf("%s\t%.6g\n", path, r->score);
    else
        printf("%s\t%.6g\t%s\n", path, r->score, r->defective ? "defective" : "good");
}

static fleck_status on_result(void *ctx, int64_t i, const fleck_result *result,
                              const fleck_error *error)
{
    job *j = ctx;
    const char *path = j->list.paths[i];
    written none = {0}, *w = j->files != NULL ? &j->files[i] : &none;
    fleck_status st = w->status;

    progress_end(&j->progress);
    if (result == NULL) {
        j->bad++;
        fprintf(stderr, "fleck: %s\n", error->message);
        if (j->json)
            (void)!result_json(path, NULL, error, NULL, NULL);
    } else if (st == FLECK_OK) {
        fleck_result r = judged(j, result);

        print_result(j, path, &r, w->picture, w->map);
    } else if (w->error != NULL) {
        fprintf(stderr, "fleck: %s\n", w->error->message);
    }
    progress_show(&j->progress, "predict", i + 1, j->list.count);
    forget(w);
    return st; /* a result that cannot be written stops the batch: the next would fare no better */
}

static int predict(job *j, const char *model, const fleck_run_settings *s)
{
    fleck_error err = {0};
    fleck_status st;
    bool stopped;

    if (fleck_model_open(&j->model, model, s, &err) != FLECK_OK)
        return failed(&err);
    j->progress = progress_begin();
    if (j->out != NULL && (j->pictures || j->maps != NULL))
        j->files = need(calloc((size_t)j->list.count + 1, sizeof *j->files));
    st = fleck_score_files_with(j->model, (const char *const *)j->list.paths, j->list.count,
                                j->pictures, j->files != NULL ? on_scored : NULL, on_result, j,
                                &err);
    progress_end(&j->progress);
    for (int64_t i = 0; j->files != NULL && i < j->list.count; i++)
        forget(&j->files[i]);
    free(j->files);
    stopped = st != FLECK_OK;
    fleck_model_close(&j->model);
    if (stopped)
        return failed(&err);
    if (j->bad > 0)
        fprintf(stderr, "fleck: %lld of %lld images could not be scored\n", (long long)j->bad,
                (long long)j->list.count);
    return j->bad > 0 ? EXIT_FAILED : EXIT_DONE;
}

static int run(const args *a)
{
    fleck_run_settings s = fleck_run_defaults();
    job j = {.out = args_get(a, "output"),
             .maps = args_get(a, "maps"),
             .pictures = args_has(a, "output") && !args_has(a, "no-pictures"),
             .json = args_has(a, "json"),
             .full = true,
             .threshold = NAN};
    const char *size = args_get(a, "map-size");
    int64_t threads = 0;
    int code;

    if (j.maps != NULL && strcmp(j.maps, "tiff") != 0 && strcmp(j.maps, "npy") != 0)
        return usage_error("--maps: expected tiff or npy, got \"%s\"", j.maps);
    if (j.maps != NULL && j.out == NULL)
        return usage_error("--maps needs -o FOLDER");
    if (size != NULL && strcmp(size, "image") != 0 && strcmp(size, "crop") != 0)
        return usage_error("--map-size: expected image or crop, got \"%s\"", size);
    j.full = size == NULL || strcmp(size, "image") == 0;
    if (!args_int(a, "threads", 0, 4096, &threads) ||
        !args_real(a, "threshold", -1e300, 1e300, &j.threshold) ||
        !path_list_read(&j.list, a->words + 1, a->n_words - 1)) {
        path_list_free(&j.list);
        return EXIT_USAGE;
    }
    s.threads = (int)threads;
    s.engine = args_get(a, "engine");
    s.precision = args_get(a, "precision");
    s.pool = args_get(a, "pool");
    s.options = a->pairs;
    s.warning = show_warning;
    s.warning_ctx = &j.progress;
    code = predict(&j, a->words[0], &s);
    path_list_free(&j.list);
    return code;
}

const command predict_command = {
    .name = "predict",
    .usage = "MODEL PATHS... [-o FOLDER] [options]",
    .summary = "Score images, print a verdict for each, and draw heat maps.",
    .details =
        "PATHS are image files, folders (searched with all below them), or - for paths on "
        "standard\ninput, one a line.  Output files keep the paths below the folder that all "
        "inputs share.\nPrints path, score and verdict, separated by tabs.  A bad image is named "
        "on "
        "stderr and the\nothers go on; the exit code is then 1.",
    .flags = flags,
    .method_options = 'r',
    .min_words = 2,
    .max_words = -1,
    .run = run};
