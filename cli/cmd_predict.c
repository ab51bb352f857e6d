/* fleck predict: scores, verdicts, heat maps. */
#define _GNU_SOURCE
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const flag flags[] = {
    {"output", 'o', "FOLDER", "write a heat-map picture for each image here"},
    {"overwrite", 0, NULL,
     "with -o: replace files there that fleck did not write of the same image"},
    {"maps", 0, "tiff|npy", "also write each map as float32 (needs -o)"},
    {"map-size", 0, "image|crop", "size of those maps (default image: the image's own)"},
    {"no-pictures", 0, NULL, "with -o: maps only"},
    {"threshold", 0, "T", "judge by this score instead of the model's threshold"},
    {"json", 0, NULL, "one JSON object a line and image"},
    {"pool", 0, "method|max|top:P",
     "image score as in fit (default: the model's; another has no threshold)"},
    {"precision", 0, "P", "f32, bf16, f16 or auto (default: the model's)"},
    {"engine", 0, "NAME", "native, openvino or reference (default: the fastest for the network)"},
    {"null", '0', NULL, "paths on standard input end in a zero byte, as find -print0 writes them"},
    {"max-pixels", 0, "N", "larger images are refused (default 268435456)"},
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
    written *files;  /* [list.count], with out */
    file_set inputs; /* model and images so far, with out */
    const char *out, *maps;
    bool pictures, full, json; /* pictures and maps: only with out */
    bool overwrite;
    double threshold; /* NaN: the model's */
    path_rules rules;
    int64_t good, defective, scored, bad, broken; /* broken: folders that could not be listed */
    double start;
    progress progress;
} job;

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

static const char *map_ending(const job *j)
{
    return strcmp(j->maps, "npy") == 0 ? ".npy" : ".tiff";
}

static fleck_status write_files(const job *j, int64_t i, const fleck_result *r, written *w,
                                fleck_error *err)
{
    fleck_status st = FLECK_OK;

    if (j->pictures) {
        w->picture = output_path(j->out, j->list.paths[i], ".png");
        if (w->picture == NULL || !make_parent(w->picture))
            return FLECK_E_IO;
        st = fleck_result_save_picture(j->model, r, w->picture, err);
    }
    if (st == FLECK_OK && j->maps != NULL) {
        w->map = output_path(j->out, j->list.paths[i], map_ending(j));
        if (w->map == NULL || !make_parent(w->map))
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
    if (j->json) {
        (void)!result_json(path, r, NULL, picture, map);
        return;
    }
    print_escaped(stdout, path);
    if (isnan(r->threshold))
        printf("\t%.6g\n", r->score);
    else
        printf("\t%.6g\t%s\n", r->score, r->defective ? "defective" : "good");
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
        print_message(error->message);
        if (j->json)
            (void)!result_json(path, NULL, error, NULL, NULL);
    } else if (st == FLECK_OK) {
        fleck_result r = judged(j, result);

        print_result(j, path, &r, w->picture, w->map);
        j->scored++;
        j->good += !isnan(r.threshold) && !r.defective;
        j->defective += !isnan(r.threshold) && r.defective;
    } else if (w->error != NULL) {
        print_message(w->error->message);
    }
    if (fflush(stdout) != 0) /* who reads has each answer at once */
        st = FLECK_E_IO;
    if (!progress_show(&j->progress, "predict", i + 1, j->list.count))
        st = FLECK_E_CANCELLED;
    forget(w);
    return st; /* a result that cannot be written stops the batch: the next would fare no better */
}

/* Whether the images lie where outputs would go: their folder is for reading. */
static bool folder_apart(const job *j, const char *const *words, int n)
{
    char *folder = NULL;
    size_t last = 0;
    bool apart = output_apart("-o", j->out, words, n);

    for (int64_t i = 0; apart && i < j->list.count; i++) {
        const char *path = j->list.paths[i], *slash = strrchr(path, '/');
        size_t bytes = slash != NULL ? (size_t)(slash - path) + 1 : 0;

        if (folder != NULL && bytes == last && strncmp(folder, path, bytes) == 0)
            continue;
        free(folder);
        folder = need(strndup(bytes > 0 ? path : ".", bytes > 0 ? bytes : 1));
        last = bytes;
        if (same_file(j->out, folder))
            apart = usage_error("-o %s: this folder holds the images", j->out) == EXIT_DONE;
    }
    free(folder);
    return apart;
}

/* Whether every output may be written, asked before the first image is scored. */
static bool outputs_free(job *j)
{
    bool ok = true;

    for (int64_t i = 0; i < j->list.count; i++)
        file_set_add(&j->inputs, j->list.paths[i]);
    for (int64_t i = 0; ok && i < j->list.count; i++) {
        const char *image = j->list.paths[i];
        char *picture = j->pictures ? output_path(j->out, image, ".png") : NULL;
        char *map = j->maps != NULL ? output_path(j->out, image, map_ending(j)) : NULL;

        ok = (picture == NULL || output_free(picture, FLECK_OUTPUT_PICTURE, image, j->overwrite)) &&
             (map == NULL || output_free(map, FLECK_OUTPUT_MAP, image, j->overwrite)) &&
             (picture == NULL || file_set_apart(&j->inputs, picture)) &&
             (map == NULL || file_set_apart(&j->inputs, map));
        free(picture);
        free(map);
    }
    return ok;
}

/* The folder is made, and can be written into. */
static bool make_output(const job *j)
{
    size_t size = strlen(j->out) + 16;
    char *probe = need(malloc(size));
    fleck_error err = {0};
    bool ok;

    snprintf(probe, size, "%s/.fleck", j->out);
    ok = make_parent(probe);
    if (ok && fleck_output_check(probe, &err) != FLECK_OK) {
        failed(&err);
        ok = false;
    }
    free(probe);
    return ok;
}

static fleck_status score_one(job *j, fleck_error *err)
{
    fleck_result r = {0};
    fleck_status st = fleck_score_file(j->model, j->list.paths[0], j->pictures, &r, err);

    if (st == FLECK_OK && j->files != NULL)
        on_scored(j, 0, &r);
    st = on_result(j, 0, st == FLECK_OK ? &r : NULL, err);
    fleck_result_free(&r);
    return st;
}

/* All of j->list. */
static int score_list(job *j)
{
    fleck_error err = {0};
    fleck_status st;

    if (j->out != NULL) {
        if (!outputs_free(j))
            return EXIT_FAILED;
        j->files = need(calloc((size_t)j->list.count + 1, sizeof *j->files));
    }
    if (j->list.count == 1)
        st = score_one(j, &err);
    else
        st = fleck_score_files_with(j->model, j->list.paths, j->list.count, j->pictures,
                                    j->files != NULL ? on_scored : NULL, on_result, j, &err);
    progress_end(&j->progress);
    for (int64_t i = 0; j->files != NULL && i < j->list.count; i++)
        forget(&j->files[i]);
    free(j->files);
    j->files = NULL;
    if (ferror(stdout) != 0)
        return EXIT_FAILED; /* said at the end */
    return st == FLECK_OK ? EXIT_DONE : failed(&err);
}

/* Read the words and score them, then say what was passed over. */
static int score_words(job *j, const char *const *words, int n)
{
    int64_t before = j->scored;
    int code = EXIT_USAGE;

    if (path_list_read(&j->list, words, n, &j->rules)) {
        code = score_list(j);
        path_list_tell(&j->list, "scored", j->scored - before);
        j->broken += j->list.broken;
    }
    path_list_free(&j->list);
    return code;
}

/* Paths of standard input as they come: what lies ready is scored together, and nothing is waited for
 * while there is something to answer. */
static int score_lines(job *j)
{
    enum { MOST = 1024 };
    static char bytes[1 << 16];
    const int end_byte = j->rules.zeros ? '\0' : '\n';
    size_t have = 0;
    ssize_t n = 1;
    int code = EXIT_DONE;

    while (code == EXIT_DONE && n > 0 && !interrupted()) {
        const char *words[MOST];
        char *at = bytes, *end;
        int count = 0;

        n = read(STDIN_FILENO, bytes + have, sizeof bytes - 1 - have);
        have += n > 0 ? (size_t)n : 0;
        if (!j->rules.zeros && memchr(bytes, '\0', have) != NULL)
            return path_zero_error();
        if (n <= 0 && have > 0) /* a last line without an end */
            bytes[have++] = (char)end_byte;
        while (count < MOST && (end = memchr(at, end_byte, have - (size_t)(at - bytes))) != NULL) {
            *end = '\0';
            if (!j->rules.zeros && end > at && end[-1] == '\r')
                end[-1] = '\0';
            if (*at != '\0')
                words[count++] = strcmp(at, "-") == 0 ? "./-" : at;
            at = end + 1;
        }
        if (count > 0)
            code = score_words(j, words, count);
        have -= (size_t)(at - bytes);
        memmove(bytes, at, have);
        if (have == sizeof bytes - 1)
            return usage_error("standard input: a line of more than %zu bytes", have);
    }
    return code;
}

static void print_counts(const job *j)
{
    double seconds = progress_seconds() - j->start;
    int64_t images = j->scored + j->bad;

    fprintf(stderr, "fleck: %lld image%s: ", (long long)images, images == 1 ? "" : "s");
    if (j->good + j->defective == j->scored)
        fprintf(stderr, "%lld good, %lld defective, ", (long long)j->good, (long long)j->defective);
    else
        fprintf(stderr, "%lld scored without a threshold, ", (long long)j->scored);
    fprintf(stderr, "%lld failed, %.1f images/s, %.2f s\n", (long long)j->bad,
            seconds > 0.0 ? (double)images / seconds : 0.0, seconds);
}

static int predict(job *j, const args *a, const fleck_run_settings *s)
{
    fleck_error err = {0};
    bool lines = a->n_words == 2 && strcmp(a->words[1], "-") == 0;
    int code;

    if (!lines && !path_list_read(&j->list, a->words + 1, a->n_words - 1, &j->rules))
        return EXIT_USAGE;
    if (j->out != NULL && (!folder_apart(j, a->words, a->n_words) || !make_output(j)))
        return EXIT_FAILED;
    if (j->out != NULL)
        file_set_add(&j->inputs, a->words[0]);
    j->progress = progress_begin();
    j->start = progress_seconds();
    if (fleck_model_open(&j->model, a->words[0], s, &err) != FLECK_OK)
        return failed(&err);
    code = lines ? score_lines(j) : score_list(j);
    fleck_model_close(&j->model);
    if (code == EXIT_DONE && !lines) {
        path_list_tell(&j->list, "scored", j->scored);
        j->broken = j->list.broken;
    }
    if (ferror(stdout) == 0 && (code == EXIT_DONE || j->scored + j->bad > 0))
        print_counts(j);
    return j->bad + j->broken > 0 && code == EXIT_DONE ? EXIT_FAILED : code;
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
        return word_error("maps", "tiff", "npy", j.maps);
    if (j.maps != NULL && j.out == NULL)
        return usage_error("--maps needs -o FOLDER");
    if (size != NULL && strcmp(size, "image") != 0 && strcmp(size, "crop") != 0)
        return word_error("map-size", "image", "crop", size);
    j.full = size == NULL || strcmp(size, "image") == 0;
    if (!args_int(a, "threads", 0, 4096, &threads) ||
        !args_int(a, "max-pixels", 1, INT64_C(65535) * 65535, &s.max_pixels) ||
        !args_real(a, "threshold", -1e300, 1e300, &j.threshold))
        return EXIT_USAGE;
    j.overwrite = args_has(a, "overwrite");
    if (!j.pictures && j.maps == NULL)
        j.out = NULL;
    j.rules = (path_rules){.zeros = args_has(a, "null"), .leave_out = j.out};
    s.threads = (int)threads;
    s.engine = args_get(a, "engine");
    s.precision = args_get(a, "precision");
    s.pool = args_get(a, "pool");
    s.options = a->pairs;
    s.warning = show_warning;
    s.warning_ctx = &j.progress;
    code = predict(&j, a, &s);
    file_set_free(&j.inputs);
    path_list_free(&j.list);
    return code;
}

const command predict_command = {
    .name = "predict",
    .usage = "MODEL PATHS... [-o FOLDER] [options]",
    .summary = "Score images, print a verdict for each, and draw heat maps.",
    .details =
        "PATHS are image files, folders (searched with all below them), or - for paths on "
        "standard\ninput, one a line, each answered as it comes.  Of a folder, files are images by "
        "their\nending or their first bytes; what is passed over is said at the end.  Output files "
        "have\ntheir image's path below FOLDER, whatever else is given.\nPrints path, score and "
        "verdict, separated by tabs; tabs, line ends and back-slashes of a path\nas \\t, \\n and "
        "\\\\.  A bad image is named on stderr and the others go on; the exit code is then 1.",
    .flags = flags,
    .method_options = 'r',
    .min_words = 2,
    .max_words = -1,
    .run = run};
