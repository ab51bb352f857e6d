/* SPDX-License-Identifier: Apache-2.0 */
/* fleck eval and fleck metrics: figures of merit on labelled test images. */
#define _GNU_SOURCE
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const flag eval_flags[] = {
    {"threshold", 0, "T", "judge by this score instead of the model's threshold"},
    {"json", 0, NULL, "print one JSON object"},
    {"scores", 0, "FILE", "write path, label, score and warnings of every image as CSV"},
    {"overwrite", 0, NULL, "replace FILE even if fleck did not write it"},
    {"threads", 't', "N", "threads; 0: one for each processor (default 0)"},
    GROUP("figures"),
    {"protocol", 0, "paper|original",
     "compare at the crop's size, or at each image's own (default paper)"},
    {"pool", 0, "method|max|top:P",
     "image score as in fit (default: the model's; another has no threshold)"},
    GROUP("images"),
    {"ignore", 0, "AREA",
     "area to ignore in addition to the model's: x,y,w,h or a polygon \"x,y x,y x,y ...\" in "
     "pixels of the good photos, or a mask file's white; may be repeated"},
    {"only", 0, "AREA", "ignore all outside such areas; may be repeated"},
    {"good", 0, "NAME",
     "folder of the good images, or none (default: good, ok, normal, pass, ...)"},
    {"recursive", 0, NULL, "search the sub-folders of the types' folders too"},
    {"max-pixels", 0, "N", "larger images are refused (default 268435456)"},
    GROUP("network"),
    {"precision", 0, "P", "f32, bf16, f16 or auto (default: the model's)"},
    {"engine", 0, "NAME", "native, openvino or reference (default: the fastest for the network)"},
    {NULL, 0, NULL, NULL}};

static const flag metrics_flags[] = {
    {"json", 0, NULL, "print one JSON object"},
    {"threads", 't', "N", "threads; 0: one for each processor (default 0)"},
    GROUP("figures"),
    {"protocol", 0, "paper|original",
     "compare at the crop's size, or at each image's own (default original)"},
    {"size", 0, "WxH", "with paper: resize ground truths to this (default 256x256)"},
    {"crop", 0, "WxH|none", "with paper: then crop them to this (default 224x224)"},
    GROUP("images"),
    {"good", 0, "NAME",
     "folder of the good images, or none (default: good, ok, normal, pass, ...)"},
    {"recursive", 0, NULL, "search the sub-folders of the types' folders too"},
    {"max-pixels", 0, "N", "larger images are refused (default 268435456)"},
    {NULL, 0, NULL, NULL}};

static bool read_protocol(const args *a, fleck_protocol *out)
{
    const char *text = args_get(a, "protocol");

    if (text == NULL)
        return true;
    if (strcmp(text, "paper") == 0)
        *out = FLECK_PROTOCOL_PAPER;
    else if (strcmp(text, "original") == 0)
        *out = FLECK_PROTOCOL_ORIGINAL;
    else {
        word_error("protocol", "paper", "original", text);
        return false;
    }
    return true;
}

static const char *protocol_name(fleck_protocol p)
{
    return p == FLECK_PROTOCOL_PAPER ? "paper" : "original";
}

/* State of an evaluation; rows of --scores are added as results come. */
typedef struct watch {
    const char *data;   /* folder or CSV of the test images */
    const char *output; /* of --scores, or NULL */
    FILE *scores;       /* its text, in memory */
    char *text;
    size_t text_bytes;
    score_row *rows;
    int64_t count, room;
    progress progress;
} watch;

/* The path relative to the data's folder, so that scores of two copies of the data can be
 * compared. */
static const char *below(const char *path, const char *data)
{
    const char *slash = strrchr(data, '/'), *dot = strrchr(data, '.');
    bool table = dot != NULL && (strcmp(dot, ".csv") == 0 || strcmp(dot, ".CSV") == 0);
    size_t n = table ? (slash != NULL ? (size_t)(slash - data) : 0) : strlen(data);

    if (strncmp(path, data, n) != 0)
        return path;
    return path + n + strspn(path + n, "/");
}

static char *copy(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(need(malloc(size)), text, size);
}

static void add_row(watch *w, int64_t i, const fleck_sample *s)
{
    if (i >= w->room) {
        w->room = w->room > 0 ? 2 * w->room : 256;
        w->rows = need(realloc(w->rows, (size_t)w->room * sizeof *w->rows));
    }
    w->rows[i] =
        (score_row){.path = copy(s->path), .type = copy(s->type), .defective = s->defective};
    w->rows[i].name = below(w->rows[i].path, w->data);
    w->count = i + 1;
}

static void write_row(FILE *to, const score_row *row)
{
    putc('"', to);
    for (const char *p = row->path; *p != '\0'; p++) {
        if (*p == '"')
            putc('"', to);
        putc(*p, to);
    }
    fprintf(to, "\",%d,%.17g,", row->defective ? 1 : 0, row->score);
    print_unlike(to, row->unlike);
    putc('\n', to);
}

static fleck_status on_result(void *ctx, int64_t i, const fleck_sample *sample,
                              const fleck_result *r, const fleck_error *error)
{
    watch *w = ctx;

    if (interrupted())
        return FLECK_E_CANCELLED;
    add_row(w, i, sample);
    if (r == NULL) {
        progress_end(&w->progress);
        print_message(error->message);
        return FLECK_OK;
    }
    w->rows[i].scored = true;
    w->rows[i].score = r->score;
    w->rows[i].unlike = r->unlike;
    if (w->scores != NULL)
        write_row(w->scores, &w->rows[i]);
    return FLECK_OK;
}

static bool show(void *ctx, const char *stage, int64_t done, int64_t total)
{
    return progress_show(&((watch *)ctx)->progress, stage, done, total);
}

/* Write all rows at once, so that the file is whole or not there. */
static bool write_scores(watch *w)
{
    fleck_error err = {0};

    if (fflush(w->scores) == 0 &&
        fleck_file_write(w->output, w->text, w->text_bytes, &err) == FLECK_OK)
        return true;
    failed(&err);
    return false;
}

/* Verdicts at the labels' threshold, and the best threshold for these images. */
static void judge(const watch *w, fleck_report *r, report_labels *l)
{
    labelled_score *s = need(calloc((size_t)w->count + 1, sizeof *s));
    int64_t n = 0;

    for (int64_t i = 0; i < w->count; i++)
        if (w->rows[i].scored)
            s[n++] = (labelled_score){w->rows[i].score, w->rows[i].defective};
    if (l->set) {
        cut c = judge_cut(s, n, l->threshold);

        r->above_threshold_good = c.rejected;
        r->above_threshold_defective = c.found;
    }
    (void)choose_cut(&l->hindsight, s, n, CUT_YOUDEN, 1.0);
    free(s);
}

static int evaluate(const args *a, fleck_model *model, fleck_eval_settings *s)
{
    const fleck_model_info *info = fleck_model_describe(model);
    report_labels labels = {.method = info->method,
                            .backbone = info->backbone,
                            .precision = info->precision,
                            .protocol = protocol_name(s->protocol),
                            .options = info->options,
                            .threshold = info->threshold,
                            .set = args_has(a, "threshold")};
    const char *scores = args_get(a, "scores");
    watch w = {.data = a->words[1], .progress = progress_begin()};
    fleck_report *report = NULL;
    fleck_error err = {0};
    int code = EXIT_DONE;

    (void)args_real(a, "threshold", -1e300, 1e300, &labels.threshold);
    if (scores != NULL) {
        w.output = scores;
        w.scores = need(open_memstream(&w.text, &w.text_bytes));
        fputs("path,label,score,warnings\n", w.scores);
    }
    s->scratch = temporary_folder();
    s->on_result = on_result;
    s->progress = show;
    s->warning = show_warning;
    s->warning_ctx = &w.progress;
    s->good = args_get(a, "good");
    s->recursive = args_has(a, "recursive");
    s->output = scores;
    s->on_result_ctx = s->progress_ctx = &w;
    if (fleck_evaluate(model, a->words[1], s, &report, &err) != FLECK_OK) {
        progress_end(&w.progress);
        code = failed(&err);
    } else {
        progress_end(&w.progress);
        judge(&w, report, &labels);
        if (!args_has(a, "json"))
            report_print(report, &labels);
        else if (!report_json(report, &labels, w.rows, w.count))
            code = EXIT_FAILED;
        code = report->failed > 0 ? EXIT_FAILED : code;
        if (w.scores != NULL && !write_scores(&w))
            code = EXIT_FAILED;
    }
    fleck_free(report);
    if (w.scores != NULL)
        fclose(w.scores);
    free(w.text);
    for (int64_t i = 0; i < w.count; i++) {
        free(w.rows[i].path);
        free(w.rows[i].type);
    }
    free(w.rows);
    return code;
}

static int run_eval(const args *a)
{
    fleck_run_settings run;
    fleck_eval_settings s;
    fleck_model *model = NULL;
    fleck_error err = {0};
    int64_t threads = 0;
    const char *scores = args_get(a, "scores");
    progress p = progress_begin();
    area_lists areas;
    fleck_status st;
    int code;

    fleck_run_defaults(&run, sizeof run);
    fleck_eval_defaults(&s, sizeof s);
    if (!read_protocol(a, &s.protocol) || !args_int(a, "threads", 0, 4096, &threads) ||
        !args_real(a, "threshold", -1e300, 1e300, &(double){0.0}) ||
        !args_int(a, "max-pixels", 1, INT64_C(65535) * 65535, &run.max_pixels))
        return EXIT_USAGE;
    if (scores != NULL &&
        (!output_apart("--scores", scores, a->words, 2) ||
         !output_ready(scores, FLECK_OUTPUT_SCORES, NULL, args_has(a, "overwrite"))))
        return EXIT_FAILED;
    run.threads = (int)threads;
    run.engine = args_get(a, "engine");
    run.precision = args_get(a, "precision");
    run.pool = args_get(a, "pool");
    run.options = a->pairs;
    run.warning = show_warning;
    run.warning_ctx = &p;
    areas = args_areas(a);
    run.ignore = areas.ignore;
    run.only = areas.only;
    st = fleck_model_open(&model, a->words[0], &run, &err);
    area_lists_free(&areas);
    if (st != FLECK_OK)
        return failed(&err);
    code = evaluate(a, model, &s);
    fleck_model_close(&model);
    return code;
}

static int run_metrics(const args *a)
{
    fleck_metrics_settings s;
    report_labels labels = {0};
    fleck_report *report = NULL;
    fleck_error err = {0};
    int64_t threads = 0;
    progress p = progress_begin();
    int code = EXIT_DONE;

    fleck_metrics_defaults(&s, sizeof s);
    if (!read_protocol(a, &s.protocol) || !args_size(a, "size", false, &s.width, &s.height) ||
        !args_size(a, "crop", true, &s.crop_width, &s.crop_height) ||
        !args_int(a, "threads", 0, 4096, &threads) ||
        !args_int(a, "max-pixels", 1, INT64_C(65535) * 65535, &s.max_pixels))
        return EXIT_USAGE;
    s.threads = (int)threads;
    s.scratch = temporary_folder();
    s.progress = progress_show;
    s.warning = show_warning;
    s.progress_ctx = s.warning_ctx = &p;
    s.good = args_get(a, "good");
    s.recursive = args_has(a, "recursive");
    if (fleck_metrics(a->words[0], a->words[1], &s, &report, &err) != FLECK_OK) {
        progress_end(&p);
        return failed(&err);
    }
    progress_end(&p);
    labels.protocol = protocol_name(s.protocol);
    if (!args_has(a, "json"))
        report_print(report, &labels);
    else if (!report_json(report, &labels, NULL, 0))
        code = EXIT_FAILED;
    fleck_free(report);
    return code;
}

const command eval_command = {
    .name = "eval",
    .usage = "MODEL DIR [options]",
    .summary = "Score the test images of DIR and print ROC-AUC, AP, F1-max and PRO.",
    .example = "eval part.fleck bottle",
    .details = "DIR is a category in MVTec AD layout (DIR/test/TYPE, DIR/ground_truth/TYPE) or a "
               "CSV file.\n"
               "Without masks only the image figures are computed.  Seconds of stages are summed "
               "over threads.",
    .flags = eval_flags,
    .method_options = 'r',
    .min_words = 2,
    .max_words = 2,
    .run = run_eval};

const command metrics_command = {
    .name = "metrics",
    .usage = "MAPS_DIR DIR [options]",
    .summary = "Compute the same figures from maps that another tool wrote.",
    .example = "metrics maps bottle",
    .details = "Maps are MAPS_DIR/TYPE/STEM.tiff, .tif or .npy (or MAPS_DIR/test/TYPE/...), one "
               "for every test image of DIR; an image's score is the maximum of its map.",
    .flags = metrics_flags,
    .min_words = 2,
    .max_words = 2,
    .run = run_metrics};
