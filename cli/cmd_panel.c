/* SPDX-License-Identifier: Apache-2.0 */
/* fleck panel: image, ground truth and heat maps side by side. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_MODELS 8

static const flag flags[] = {
    {"output", 'o', "FILE.png", "picture to write (required)"},
    {"overwrite", 0, NULL, "replace a file even if fleck did not draw it of this image"},
    {"mask", 0, "FILE", "ground truth (default: its place in MVTec AD layout, where there)"},
    {"tile", 0, "N", "side of each picture in pixels (default 320)"},
    {"max-pixels", 0, "N", "larger images are refused (default 268435456)"},
    {"threads", 't', "N", "threads; 0: one for each processor (default 0)"},
    {NULL, 0, NULL, NULL}};

/* ROOT/test/TYPE/STEM.ext -> ROOT/ground_truth/TYPE/STEM_mask.png if it exists; the caller frees
 * it. */
static char *find_mask(const char *image)
{
    const char *name = strrchr(image, '/'), *type, *test, *dot = strrchr(image, '.');
    size_t size = strlen(image) + 32;
    char *path;

    if (name == NULL || dot == NULL || dot < name)
        return NULL;
    for (type = name; type > image && type[-1] != '/';)
        type--;
    if (type - image < 6 || strncmp(type - 5, "test/", 5) != 0)
        return NULL;
    test = type - 5;
    path = need(malloc(size));
    snprintf(path, size, "%.*sground_truth/%.*s_mask.png", (int)(test - image), image,
             (int)(dot - type), type);
    if (access(path, R_OK) == 0)
        return path;
    free(path);
    return NULL;
}

/* "PaDiM" of "PaDiM: a Gaussian per position". */
static void caption_of(char *out, size_t size, const fleck_model_info *info)
{
    snprintf(out, size, "%s", info->method);
    for (int i = 0; i < fleck_method_count(); i++) {
        const fleck_method_info *m = fleck_method_at(i);

        if (strcmp(m->name, info->method) == 0)
            snprintf(out, size, "%.*s", (int)strcspn(m->title, ":"), m->title);
    }
}

static int draw(const args *a, const char *mask, int64_t tile, int threads, int64_t max_pixels)
{
    fleck_run_settings s;
    fleck_panel_column columns[MAX_MODELS] = {{0}};
    char captions[MAX_MODELS][64];
    fleck_error err = {0};
    int n = a->n_words - 1, code = EXIT_DONE;

    fleck_run_defaults(&s, sizeof s);
    s.threads = threads;
    s.max_pixels = max_pixels;
    s.warning = show_warning;
    s.options = a->pairs;
    for (int i = 0; i < n && code == EXIT_DONE; i++) {
        if (fleck_model_open(&columns[i].model, a->words[i + 1], &s, &err) != FLECK_OK) {
            code = failed(&err);
            break;
        }
        caption_of(captions[i], sizeof captions[i], fleck_model_describe(columns[i].model));
        columns[i].caption = captions[i];
    }
    if (code == EXIT_DONE &&
        fleck_panel(args_get(a, "output"), a->words[0], mask, columns, n, tile, &err) != FLECK_OK)
        code = failed(&err);
    for (int i = 0; i < n; i++)
        fleck_model_close(&columns[i].model);
    return code;
}

static int run(const args *a)
{
    int64_t tile = 320, threads = 0, max_pixels = 0;
    char *found = NULL;
    const char *mask = args_get(a, "mask");
    int code;

    if (!args_has(a, "output"))
        return usage_error("panel: -o FILE.png says where to write the picture");
    if (a->n_words - 1 > MAX_MODELS)
        return usage_error("panel: expected at most %d models", MAX_MODELS);
    if (!args_int(a, "tile", 32, 4096, &tile) || !args_int(a, "threads", 0, 4096, &threads) ||
        !args_int(a, "max-pixels", 1, INT64_C(65535) * 65535, &max_pixels))
        return EXIT_USAGE;
    if (mask == NULL)
        mask = found = find_mask(a->words[0]);
    code = EXIT_FAILED;
    if (output_apart("-o", args_get(a, "output"), a->words, a->n_words) &&
        output_apart("-o", args_get(a, "output"), &mask, 1) &&
        output_ready(args_get(a, "output"), FLECK_OUTPUT_PICTURE, a->words[0],
                     args_has(a, "overwrite")))
        code = draw(a, mask, tile, (int)threads, max_pixels);
    free(found);
    return code;
}

const command panel_command = {
    .name = "panel",
    .usage = "IMAGE MODEL... -o FILE.png [options]",
    .summary = "Draw image, ground truth and each model's heat map side by side, with captions.",
    .example = "panel bottle/test/hole/000.png part.fleck -o panel.png",
    .flags = flags,
    .min_words = 2,
    .max_words = 1 + MAX_MODELS,
    .run = run};
