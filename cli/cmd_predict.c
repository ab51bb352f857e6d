/* SPDX-License-Identifier: Apache-2.0 */
/* fleck predict: scores, verdicts, heat maps. */
#define _GNU_SOURCE
#include "page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const flag flags[] = {
    {"output", 'o', "FOLDER", "write a picture for each image here"},
    {"csv", 0, "FILE", "write tables of the images and of the regions: x.csv and x-regions.csv"},
    {"json", 0, NULL, "print one line for each image: a JSON object, with its regions"},
    {"threshold", 0, "T", "judge by this score instead of the model's threshold"},
    {"overwrite", 0, NULL,
     "replace files of outputs that fleck did not write, or not of the same image"},
    {"fail-on-defect", 0, NULL, "exit code 3 if a part is defective and nothing failed"},
    {"threads", 't', "N", "threads; 0: one for each processor (default 0)"},
    GROUP("pages, copies and selection"),
    {"html", 0, "FILE",
     "write a page for a browser: the worst parts first, with pictures, scores and regions"},
    {"html-pictures", 0, "N", "with --html: limit of pictures, of the worst parts (default 200)"},
    {"show", 0, "all|defective",
     "print, draw and list all parts, or only defective and failed ones (default all)"},
    {"copy-defective", 0, "FOLDER", "copy the image file of each defective part here"},
    GROUP("pictures and maps"),
    {"picture", 0, "KIND",
     "heat, outline (of regions, without heat) or side-by-side (default heat)"},
    {"no-pictures", 0, NULL, "with -o: maps only"},
    {"maps", 0, "tiff|npy", "also write each map as float32 (needs -o)"},
    {"map-size", 0, "image|crop",
     "with --maps: at the image's own size or the crop's (default image)"},
    GROUP("verdicts and regions"),
    {"min-area", 0, "N|N%",
     "ignore regions of fewer pixels, or less of the image; a part without regions is good"},
    {"mm-per-px", 0, "X", "side of a pixel in mm, for areas in mm2"},
    {"pool", 0, "method|max|top:P",
     "image score as in fit (default: the model's; another has no threshold)"},
    GROUP("input and network"),
    {"ignore", 0, "AREA",
     "area to ignore in addition to the model's: x,y,w,h or a polygon \"x,y x,y x,y ...\" in "
     "pixels of the good photos, or a mask file's white; may be repeated"},
    {"only", 0, "AREA", "ignore all outside such areas; may be repeated"},
    {"null", '0', NULL, "paths on standard input end with a zero byte, as from find -print0"},
    {"max-pixels", 0, "N", "larger images are refused (default 268435456)"},
    {"precision", 0, "P", "f32, bf16, f16 or auto (default: the model's)"},
    {"engine", 0, "NAME", "native, openvino or reference (default: the fastest for the network)"},
    {NULL, 0, NULL, NULL}};

/* Files that were written for one image. */
typedef struct written {
    char *picture, *map; /* names; NULL: none */
    fleck_status status;
    fleck_error *error;     /* NULL unless there is a message */
    fleck_regions *regions; /* with wants_regions */
    page_picture drawn;     /* with --html */
} written;

typedef struct job {
    fleck_model *model;
    path_list list;
    written *files;  /* [list.count], with out or wants_regions */
    file_set inputs; /* model and images so far, with out */
    const char *out, *maps;
    bool pictures, full, json; /* pictures and maps: only with out */
    bool overwrite;
    double threshold; /* NaN: the model's */
    fleck_picture_settings picture;
    fleck_region_settings region; /* the picture's */
    bool least;                   /* --min-area was given */
    bool wants_regions;           /* regions are written, and there is a pixel threshold */
    double mm_per_px;             /* NaN: unknown */
    const char *csv_path;
    results_csv csv; /* with csv_path */
    outcome outcome;
    path_rules rules;
    int64_t good, defective, scored, bad, broken; /* broken: folders that could not be listed */
    double start;
    progress progress;
} job;

/* The result, judged by the threshold in use and by w's regions. */
static fleck_result judged(const job *j, const fleck_result *result, const written *w)
{
    fleck_result r = *result; /* a view whose threshold may be the caller's */

    if (!isnan(j->threshold)) {
        r.threshold = j->threshold;
        r.defective = r.score > r.threshold;
        r.ratio = r.score / r.threshold;
    }
    if (j->least && w->regions != NULL && w->regions->count == 0)
        r.defective = false;
    return r;
}

static const char *map_ending(const job *j)
{
    return strcmp(j->maps, "npy") == 0 ? ".npy" : ".tiff";
}

static fleck_status write_files(job *j, int64_t i, const fleck_result *r, written *w,
                                fleck_error *err)
{
    fleck_status st = FLECK_OK;

    if (j->pictures) {
        w->picture = output_path(j->out, j->list.paths[i], ".png");
        if (w->picture == NULL || !make_parent(w->picture))
            return FLECK_E_IO;
        st = fleck_result_save_picture_with(j->model, r, &j->picture, w->picture, err);
    }
    if (st == FLECK_OK && j->maps != NULL) {
        w->map = output_path(j->out, j->list.paths[i], map_ending(j));
        if (w->map == NULL || !make_parent(w->map))
            return FLECK_E_IO;
        st = fleck_result_save_map(j->model, r, w->map, j->full, err);
    }
    if (st == FLECK_OK)
        st = outcome_of_part(&j->outcome, j->model, j->list.paths[i], r, &w->drawn, err);
    return st;
}

/* Write the files of one image; called on several threads at once. */
static void on_scored(void *ctx, int64_t i, const fleck_result *result)
{
    job *j = ctx;
    written *w = &j->files[i];
    fleck_result r;
    fleck_error err = {0};

    if (j->wants_regions)
        w->status = fleck_result_regions(j->model, result, &j->region, &w->regions, &err);
    r = judged(j, result, w);
    if (w->status == FLECK_OK && outcome_shows(&j->outcome, &r))
        w->status = write_files(j, i, &r, w, &err);
    if (err.status != FLECK_OK) {
        w->error = need(malloc(sizeof *w->error));
        *w->error = err;
    }
}

/* Free names and messages after they were printed. */
static void forget(written *w)
{
    free(w->picture);
    free(w->map);
    free(w->error);
    fleck_regions_free(&w->regions);
    fleck_free(w->drawn.jpeg);
    *w = (written){0};
}

static void print_result(job *j, const char *path, const fleck_result *r, written *w)
{
    const fleck_regions *regions = w->regions;
    const result_more more = {w->picture, w->map, {regions, j->mm_per_px}};

    const bool shown = outcome_shows(&j->outcome, r);

    if (j->outcome.page.path != NULL)
        results_page_add(&j->outcome.page, path, r, regions, &w->drawn, shown);
    if (!shown)
        return;
    if (j->csv_path != NULL)
        results_csv_add(&j->csv, path, r, regions, j->mm_per_px);
    if (j->json) {
        (void)!result_json(path, r, NULL, &more);
        return;
    }
    print_escaped(stdout, path);
    if (isnan(r->threshold))
        printf("\t%.6g\tnot judged\n", r->score);
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
            (void)!result_json(path, NULL, error, NULL);
        if (j->csv_path != NULL)
            results_csv_add(&j->csv, path, NULL, NULL, NAN);
        if (j->outcome.page.path != NULL)
            results_page_fail(&j->outcome.page, path, error->message);
    } else if (st == FLECK_OK) {
        fleck_result r = judged(j, result, w);

        print_result(j, path, &r, w);
        j->scored++;
        j->good += !isnan(r.threshold) && !r.defective;
        j->defective += !isnan(r.threshold) && r.defective;
    } else if (w->error != NULL) {
        print_message(w->error->message);
    }
    if (fflush(stdout) != 0) /* a reading process gets each result at once */
        st = FLECK_E_IO;
    if (!progress_show(&j->progress, "predict", i + 1, j->list.count))
        st = FLECK_E_CANCELLED;
    forget(w);
    return st; /* stops the batch if a result cannot be written, since the next could not either */
}

/* Whether the images are in the output folder of an option, which is not allowed. */
static bool folder_apart(const job *j, const char *option, const char *out,
                         const char *const *words, int n)
{
    char *folder = NULL;
    size_t last = 0;
    bool apart = output_apart(option, out, words, n);

    for (int64_t i = 0; apart && i < j->list.count; i++) {
        const char *path = j->list.paths[i], *slash = strrchr(path, '/');
        size_t bytes = slash != NULL ? (size_t)(slash - path) + 1 : 0;

        if (folder != NULL && bytes == last && strncmp(folder, path, bytes) == 0)
            continue;
        free(folder);
        folder = need(strndup(bytes > 0 ? path : ".", bytes > 0 ? bytes : 1));
        last = bytes;
        if (same_file(out, folder))
            apart = usage_error("%s %s: this folder holds the images", option, out) == EXIT_DONE;
    }
    free(folder);
    return apart;
}

/* Check before the first image is scored that all outputs may be written. */
static bool outputs_free(job *j)
{
    bool ok;

    for (int64_t i = 0; i < j->list.count; i++)
        file_set_add(&j->inputs, j->list.paths[i]);
    ok = j->outcome.page.path == NULL || file_set_apart(&j->inputs, j->outcome.page.path);
    for (int64_t i = 0; ok && i < j->list.count; i++) {
        const char *image = j->list.paths[i];
        char *picture = j->pictures ? output_path(j->out, image, ".png") : NULL;
        char *map = j->maps != NULL ? output_path(j->out, image, map_ending(j)) : NULL;

        ok = (picture == NULL || output_free(picture, FLECK_OUTPUT_PICTURE, image, j->overwrite)) &&
             (map == NULL || output_free(map, FLECK_OUTPUT_MAP, image, j->overwrite)) &&
             (picture == NULL || file_set_apart(&j->inputs, picture)) &&
             (map == NULL || file_set_apart(&j->inputs, map)) &&
             outcome_copy_free(&j->outcome, &j->inputs, image, j->overwrite);
        free(picture);
        free(map);
    }
    return ok;
}

/* Make the folder, and check that files can be written to it. */
static bool make_output(const char *out)
{
    size_t size = strlen(out) + 16;
    char *probe = need(malloc(size));
    fleck_error err = {0};
    bool ok;

    snprintf(probe, size, "%s/.fleck", out);
    ok = make_parent(probe);
    if (ok && fleck_output_check(probe, &err) != FLECK_OK) {
        failed(&err);
        ok = false;
    }
    free(probe);
    return ok;
}

/* Check all folders and files of outputs before anything is scored.  False: an error was
 * printed. */
static bool prepare_outputs(job *j, const args *a)
{
    const char *const folders[] = {j->out, j->outcome.copies};
    const char *const options[] = {"-o", "--copy-defective"};
    results_page *page = &j->outcome.page;

    for (int i = 0; i < 2; i++)
        if (folders[i] != NULL && (!folder_apart(j, options[i], folders[i], a->words, a->n_words) ||
                                   !make_output(folders[i])))
            return false;
    if (same_file(folders[0], folders[1])) {
        usage_error("--copy-defective %s: this is the folder of -o", folders[1]);
        return false;
    }
    if (j->csv_path != NULL && (!results_csv_begin(&j->csv, j->csv_path, j->overwrite) ||
                                !results_csv_apart(&j->csv, a->words, a->n_words)))
        return false;
    if (page->path != NULL && (!results_page_begin(page, j->overwrite) ||
                               !output_apart("--html", page->path, a->words, a->n_words)))
        return false;
    file_set_add(&j->inputs, a->words[0]);
    return true;
}

/* Whether files are written for single images. */
static bool has_files(const job *j)
{
    return j->out != NULL || outcome_writes(&j->outcome);
}

static bool keeps_image(const job *j)
{
    return j->pictures || j->outcome.page.path != NULL;
}

static fleck_status score_one(job *j, fleck_error *err)
{
    fleck_result *r;
    fleck_status st = fleck_score_file(j->model, j->list.paths[0], keeps_image(j), &r, err);

    if (st == FLECK_OK && j->files != NULL)
        on_scored(j, 0, r);
    st = on_result(j, 0, r, err);
    fleck_result_free(&r);
    return st;
}

/* Score j->list. */
static int score_list(job *j)
{
    fleck_error err = {0};
    fleck_status st;

    if (j->csv_path != NULL && !results_csv_apart(&j->csv, j->list.paths, j->list.count))
        return EXIT_FAILED;
    if (has_files(j) && !outputs_free(j))
        return EXIT_FAILED;
    if (has_files(j) || j->wants_regions) {
        j->files = need(calloc((size_t)j->list.count + 1, sizeof *j->files));
    }
    if (j->list.count == 1)
        st = score_one(j, &err);
    else
        st = fleck_score_files_with(j->model, j->list.paths, j->list.count, keeps_image(j),
                                    j->files != NULL ? on_scored : NULL, on_result, j, &err);
    progress_end(&j->progress);
    for (int64_t i = 0; j->files != NULL && i < j->list.count; i++)
        forget(&j->files[i]);
    free(j->files);
    j->files = NULL;
    if (ferror(stdout) != 0)
        return EXIT_FAILED; /* printed at the end */
    return st == FLECK_OK ? EXIT_DONE : failed(&err);
}

/* List the images that the words name, score them, and print what was skipped. */
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

/* Score paths from standard input as they arrive: all that have arrived are scored together,
 * without waiting for more. */
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
        if (n <= 0 && have > 0) /* the last line may lack its end */
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
        fprintf(stderr, "%lld not judged, ", (long long)j->scored);
    fprintf(stderr, "%lld failed, %.1f images/s, %.2f s\n", (long long)j->bad,
            seconds > 0.0 ? (double)images / seconds : 0.0, seconds);
}

/* Set wants_regions if an output needs regions; the model must have a threshold for that. */
static int choose_regions(job *j)
{
    const bool can = !isnan(fleck_model_describe(j->model)->pixel_threshold);

    if (j->least && !can)
        return usage_error("--min-area: the model has no pixel threshold");
    j->wants_regions =
        can && (j->least || j->json || j->csv_path != NULL || j->outcome.page.path != NULL);
    return EXIT_DONE;
}

static int predict(job *j, const args *a, const fleck_run_settings *s)
{
    fleck_error err = {0};
    bool lines = a->n_words == 2 && strcmp(a->words[1], "-") == 0;
    int code;

    if (!lines && !path_list_read(&j->list, a->words + 1, a->n_words - 1, &j->rules))
        return EXIT_USAGE;
    if (!prepare_outputs(j, a))
        return EXIT_FAILED;
    j->progress = progress_begin();
    j->start = progress_seconds();
    if (fleck_model_open(&j->model, a->words[0], s, &err) != FLECK_OK)
        return failed(&err);
    code = choose_regions(j);
    if (code == EXIT_DONE)
        code = outcome_check(&j->outcome, isnan(j->threshold)
                                              ? fleck_model_describe(j->model)->threshold
                                              : j->threshold);
    if (code == EXIT_DONE)
        code = lines ? score_lines(j) : score_list(j);
    if (code == EXIT_DONE && j->csv_path != NULL)
        code = results_csv_write(&j->csv);
    if (code == EXIT_DONE && j->outcome.page.path != NULL)
        code = results_page_write(&j->outcome.page, j->model, a->words[0]);
    fleck_model_close(&j->model);
    if (code == EXIT_DONE && !lines) {
        path_list_tell(&j->list, "scored", j->scored);
        j->broken = j->list.broken;
    }
    if (ferror(stdout) == 0 && (code == EXIT_DONE || j->scored + j->bad > 0))
        print_counts(j);
    if (code == EXIT_DONE && j->bad + j->broken > 0)
        return EXIT_FAILED;
    return code == EXIT_DONE && j->outcome.fail_on_defect && j->defective > 0 ? EXIT_DEFECTIVE
                                                                              : code;
}

/* Read --min-area: pixels, or per cent of the image. */
static bool read_least(const args *a, job *j)
{
    const char *text = args_get(a, "min-area");
    fleck_region_settings *s = &j->region;
    char *end;
    double v;

    if (text == NULL)
        return true;
    v = strtod(text, &end);
    j->least = true;
    if (end != text && strcmp(end, "%") == 0 && v >= 0.0 && v <= 100.0)
        s->min_percent = v;
    else if (end != text && *end == '\0' && v >= 0.0 && v <= 1e15 && v == floor(v))
        s->min_area = (int64_t)v;
    else
        return usage_error("--min-area: expected pixels as 50 or a share as 0.5%%, got \"%s\"",
                           text) == EXIT_DONE;
    return true;
}

/* Read --picture, --min-area and --csv.  False: an error was printed. */
static bool read_regions(const args *a, job *j)
{
    static const char *const kinds[] = {"heat", "outline", "side-by-side"};
    const char *kind = args_get(a, "picture");
    int i = 0;

    fleck_picture_defaults(&j->picture, sizeof j->picture);
    fleck_region_defaults(&j->region, sizeof j->region);
    j->picture.regions = &j->region;
    j->csv_path = args_get(a, "csv");
    if (kind != NULL && !keeps_image(j))
        return usage_error("--picture needs --html, or -o FOLDER without --no-pictures") ==
               EXIT_DONE;
    while (kind != NULL && i < 3 && strcmp(kind, kinds[i]) != 0)
        i++;
    if (i == 3)
        return usage_error("--picture: expected heat, outline or side-by-side, got \"%s\"", kind) ==
               EXIT_DONE;
    j->picture.kind = (fleck_picture_kind)i;
    return read_least(a, j);
}

static int run(const args *a)
{
    fleck_run_settings s;
    job j = {.out = args_get(a, "output"),
             .maps = args_get(a, "maps"),
             .pictures = args_has(a, "output") && !args_has(a, "no-pictures"),
             .json = args_has(a, "json"),
             .full = true,
             .threshold = NAN,
             .mm_per_px = NAN};
    const char *size = args_get(a, "map-size");
    area_lists areas;
    int64_t threads = 0;
    int code;

    fleck_run_defaults(&s, sizeof s);
    if (j.maps != NULL && strcmp(j.maps, "tiff") != 0 && strcmp(j.maps, "npy") != 0)
        return word_error("maps", "tiff", "npy", j.maps);
    if (j.maps != NULL && j.out == NULL)
        return usage_error("--maps needs -o FOLDER");
    if (size != NULL && strcmp(size, "image") != 0 && strcmp(size, "crop") != 0)
        return word_error("map-size", "image", "crop", size);
    j.full = size == NULL || strcmp(size, "image") == 0;
    if (!args_int(a, "threads", 0, 4096, &threads) ||
        !args_int(a, "max-pixels", 1, INT64_C(65535) * 65535, &s.max_pixels) ||
        !args_real(a, "threshold", -1e300, 1e300, &j.threshold) ||
        !args_real(a, "mm-per-px", 1e-9, 1e9, &j.mm_per_px) ||
        !outcome_read(&j.outcome, a, &j.picture, j.mm_per_px) || !read_regions(a, &j))
        return EXIT_USAGE;
    j.overwrite = args_has(a, "overwrite");
    if (!j.pictures && j.maps == NULL)
        j.out = NULL;
    j.rules = (path_rules){.zeros = args_has(a, "null"), .leave_out = {j.out, j.outcome.copies}};
    s.threads = (int)threads;
    s.engine = args_get(a, "engine");
    s.precision = args_get(a, "precision");
    s.pool = args_get(a, "pool");
    s.options = a->pairs;
    s.warning = show_warning;
    s.warning_ctx = &j.progress;
    areas = args_areas(a);
    s.ignore = areas.ignore;
    s.only = areas.only;
    code = predict(&j, a, &s);
    area_lists_free(&areas);
    results_csv_free(&j.csv);
    results_page_free(&j.outcome.page);
    file_set_free(&j.inputs);
    path_list_free(&j.list);
    return code;
}

const command predict_command = {
    .name = "predict",
    .usage = "MODEL PATHS... [-o FOLDER] [options]",
    .summary = "Score images, print a verdict for each, and draw heat maps.",
    .example = "predict part.fleck photos/new -o out",
    .details =
        "PATHS are image files, folders (searched with all folders below them), or - for "
        "paths on standard input, one a line, each answered as it comes.  In folders, "
        "files are images by their extension or their first bytes; skipped entries are "
        "listed at the end.  An output file has the path of its image below FOLDER, "
        "whatever other PATHS there are.\n"
        "Prints path, score and verdict, separated by tabs; tabs, line ends and backslashes "
        "in a path are printed as \\t, \\n and \\\\.  A bad image is named on stderr, and the "
        "others are scored; the exit code is then 1.\n"
        "\n"
        "A part is defective if its score is above the limit: the model's threshold, or "
        "T.\n"
        "Regions are connected pixels, at sides or corners, that stand out from the "
        "photo's own background, at the image's own size.  With --min-area, smaller "
        "regions are ignored, and a part whose score is above the limit is good if no "
        "region is left.\n"
        "\n"
        "--html writes one self-contained page: counts, histogram, and the parts, the "
        "worst first.\n"
        "--copy-defective names copies like the pictures of -o, without another "
        "extension.\n"
        "--show defective omits good parts everywhere but in the counts.\n"
        "Exit codes: 0 all were scored, 1 something failed, 2 wrong usage, 3 with "
        "--fail-on-defect: all were scored, and at least one part is defective.",
    .flags = flags,
    .method_options = 'r',
    .min_words = 2,
    .max_words = -1,
    .run = run};
