/* SPDX-License-Identifier: Apache-2.0 */
/* fleck info, fleck verify and fleck install. */
#include "cli.h"

#include <math.h>
#include <string.h>

static const flag info_flags[] = {{"json", 0, NULL, "print one JSON object"},
                                  {NULL, 0, NULL, NULL}};

static const flag verify_flags[] = {
    {"tolerance", 0, "T", "largest relative difference of a score (default 0.001)"},
    {"precision", 0, "P", "f32, bf16, f16 or auto (default: the model's)"},
    {"engine", 0, "NAME", "native, openvino or reference (default: the fastest for the network)"},
    {NULL, 0, NULL, NULL}};

static void print_thresholds(const held_scores *h)
{
    const fleck_model_info *i = &h->info;

    if (isnan(i->threshold))
        fputs("  threshold    none", stdout);
    else
        printf("  threshold    %.6g", i->threshold);
    if (!isnan(i->pixel_threshold))
        printf(", %.6g of pixels", i->pixel_threshold);
    fputs("\n               ", stdout);
    print_promise(stdout, i);
    putchar('\n');
    if (h->has_group && !isnan(i->threshold))
        printf("  groups       by %s, %lld held out in turn: %lld of %lld photos would be "
               "rejected\n",
               groups_text(i), (long long)i->n_groups, (long long)held_above(h, true, i->threshold),
               (long long)h->n);
}

/* A line for each network; models of early versions do not know where their weights come from. */
static void print_weights(const fleck_model *model)
{
    const fleck_network_info *n;

    for (int i = 0; (n = fleck_model_network(model, i)) != NULL; i++)
        if (n->weights[0] != '\0')
            printf("  %-12s %s, %s\n", i == 0 ? "weights" : "", n->weights, n->weights_digest);
}

/* Of joined networks. */
static void print_gains(const fleck_model *model)
{
    const fleck_network_info *n;

    if (fleck_model_network(model, 1) == NULL)
        return;
    for (int i = 0; (n = fleck_model_network(model, i)) != NULL; i++)
        printf("%s%s times %g", i == 0 ? "  gains        " : ", ", n->name, (double)n->gain);
    putchar('\n');
}

static void print_info(const char *path, const fleck_model *model, const held_scores *h)
{
    const fleck_model_info *i = &h->info;

    printf("%s\n", path);
    printf("  method       %s %s\n", i->method, i->options);
    print_weights(model);
    printf("  checksum     %s\n",
           i->checksum[0] != '\0' ? i->checksum : "none: an earlier version's");
    printf("  learned      %lld good image%s of \"%s\"\n", (long long)i->images, plural(i->images),
           i->category);
    printf("  backbone     %s, taps %s, %s\n", i->backbone, i->taps, i->precision);
    print_gains(model);
    printf("  fitted with  fleck %s, %s\n", i->fleck_version, i->engine);
    if (i->width > 0)
        printf("  input        resize %lldx%lld (%s), crop %lldx%lld, sigma %g\n",
               (long long)i->width, (long long)i->height, i->resize, (long long)i->crop_width,
               (long long)i->crop_height, i->sigma);
    else
        printf("  input        each image's own size, sigma %g\n", i->sigma);
    if (i->tile > 0)
        printf("  tiles        %lldx%lld, sharing at least %lld pixels\n", (long long)i->tile,
               (long long)i->tile, (long long)i->overlap);
    if (i->window_low > 0 || i->window_high < 65535)
        printf("  window       %d to %d of 16-bit samples\n", i->window_low, i->window_high);
    if (i->blend)
        printf("  background   %d,%d,%d under transparent pixels\n", i->background[0],
               i->background[1], i->background[2]);
    if (i->left_out > 0.0)
        printf("  left out     %.3g %% of every image\n", 100.0 * i->left_out);
    print_outside("  outside      ", i);
    if (i->rotations > 1)
        printf("  rotations    each good photo at %lld angles\n", (long long)i->rotations);
    if (i->foreground < 1.0)
        printf("  foreground   %.3g %% of the good photos, found in each\n", 100.0 * i->foreground);
    if (i->unseen > 0.0)
        printf("  unseen       %.3g %%, hidden by the images' own masks\n", 100.0 * i->unseen);
    printf("  embedding    %lld patches of %lld\n", (long long)i->patches, (long long)i->dim);
    if (strcmp(i->pool, "method") != 0)
        printf("  scores       %s\n", i->pool);
    print_thresholds(h);
}

static int run_info(const args *a)
{
    fleck_run_settings s;
    fleck_model *model = NULL;
    held_scores h;
    fleck_error err = {0};
    int code = EXIT_DONE;

    fleck_run_defaults(&s, sizeof s);
    s.threads = 1;
    s.rest = true;
    if (fleck_model_open(&model, a->words[0], &s, &err) != FLECK_OK)
        return failed(&err);
    h = held_read(model);
    if (!args_has(a, "json"))
        print_info(a->words[0], model, &h);
    else if (!info_json(&h.info, model))
        code = EXIT_FAILED;
    held_free(&h);
    fleck_model_close(&model);
    return code;
}

static int run_verify(const args *a)
{
    fleck_run_settings s;
    fleck_model *model = NULL;
    fleck_error err = {0};
    double tolerance = 1e-3, difference;
    int code = EXIT_DONE;

    if (!args_real(a, "tolerance", 0.0, 1.0, &tolerance))
        return EXIT_USAGE;
    fleck_run_defaults(&s, sizeof s);
    s.threads = 1;
    s.engine = args_get(a, "engine");
    s.precision = args_get(a, "precision");
    if (fleck_model_open(&model, a->words[0], &s, &err) != FLECK_OK)
        return failed(&err);
    if (fleck_model_verify(model, tolerance, &difference, &err) != FLECK_OK)
        code = failed_at(a->words[0], &err);
    else
        printf("%s: scores as when it was fitted, largest relative difference %.3g; %s\n",
               a->words[0], difference,
               fleck_model_describe(model)->checksum[0] != '\0'
                   ? "its checksum is right"
                   : "it carries no checksum: fit it again for one");
    fleck_model_close(&model);
    return code;
}

static int run_install(const args *a)
{
    progress p = progress_begin();
    fleck_error err = {0};
    fleck_status st;

    st = fleck_model_install(a->words[0], a->words[1], progress_show, &p, &err);
    progress_end(&p);
    if (st != FLECK_OK)
        return failed(&err);
    printf("%s: installed as %s\n", a->words[0], a->words[1]);
    return EXIT_DONE;
}

static const flag install_flags[] = {{NULL, 0, NULL, NULL}};

const command install_command = {
    .name = "install",
    .usage = "MODEL DEST",
    .summary = "Check a model file and replace another with it, by renaming.",
    .example = "install part.fleck /line/",
    .details = "DEST is a file or a folder.  A damaged model is refused, and DEST is unchanged.  "
               "A process that has DEST open gets an error at its next call, and must open it "
               "again.",
    .flags = install_flags,
    .min_words = 2,
    .max_words = 2,
    .run = run_install};

const command info_command = {.name = "info",
                              .usage = "MODEL [--json]",
                              .summary =
                                  "Describe a model: method, network, preprocessing, threshold.",
                              .example = "info part.fleck",
                              .flags = info_flags,
                              .min_words = 1,
                              .max_words = 1,
                              .run = run_info};

const command verify_command = {
    .name = "verify",
    .usage = "MODEL [options]",
    .summary =
        "Score the check images stored in a model and compare with the scores stored beside them.",
    .example = "verify part.fleck",
    .flags = verify_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_verify};
