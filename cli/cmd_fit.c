/* SPDX-License-Identifier: Apache-2.0 */
/* fleck fit: learn from good images. */
#include "cli.h"

#include <math.h>

static const flag flags[] = {
    {"output", 'o', "MODEL", "file to write the model to (required)"},
    {"overwrite", 0, NULL, "replace a file at MODEL even if fleck did not write it"},
    {NULL, 0, NULL, NULL}};

/* Check the output before learning. */
static bool check_output(const args *a, const char *out)
{
    area_lists areas = args_areas(a);
    bool ok;
    const char *inputs[] = {a->words[0], args_get(a, "fit-mask"), args_get(a, "weights"),
                            args_get(a, "backbone")};

    ok = output_apart("-o", out, inputs, sizeof inputs / sizeof inputs[0]);
    for (int i = 0; ok && areas.ignore[i] != NULL; i++)
        ok = output_apart("-o", out, &areas.ignore[i], 1);
    for (int i = 0; ok && areas.only[i] != NULL; i++)
        ok = output_apart("-o", out, &areas.only[i], 1);
    area_lists_free(&areas);
    /* A file with the name of an image is never overwritten. */
    return ok && output_ready(out, FLECK_OUTPUT_MODEL, NULL,
                              args_has(a, "overwrite") && !fleck_is_image_name(out));
}

/* Print a summary of the new model. */
static void print_closing(const char *out, const fleck_model *model, const fleck_times *t)
{
    held_scores h = held_read(model);
    const fleck_model_info *i = &h.info;

    printf("%s: %s on %s, ", out, i->method, i->backbone);
    if (isnan(i->threshold))
        fputs("no threshold", stdout);
    else
        printf("threshold %.6g", i->threshold);
    if (i->window_low > 0 || i->window_high < 65535)
        printf(", window %d to %d", i->window_low, i->window_high);
    if (i->left_out > 0.0)
        printf("\n%.3g %% of the photo is ignored", 100.0 * i->left_out);
    if (i->foreground < 1.0)
        printf("\n%.3g %% of the photos is foreground, which alone counts", 100.0 * i->foreground);
    putchar('\n');
    print_outside("", i);
    printf("%lld photo%s learned", (long long)i->images, i->images == 1 ? "" : "s");
    if (i->skipped > 0)
        printf(", %lld skipped", (long long)i->skipped);
    putchar('\n');
    print_promise(stdout, i);
    putchar('\n');
    print_odd(stdout, &h);
    tell_groups(&h);
    printf("%.2f s on %d thread%s (decode %.2f, network %.2f, method %.2f), peak %.0f MiB\n",
           t->total, t->threads, plural(t->threads), t->decode, t->network, t->score,
           t->peak_rss_mib);
    held_free(&h);
}

/* Learn, write and report; the code to exit with. */
static int fit(const args *a, fleck_settings *s, const char *out)
{
    fleck_error err = {0};
    fleck_model *model = NULL;
    const fleck_model_info *info;
    fleck_times t = {0};
    progress p = progress_begin();
    int code = EXIT_DONE;

    fleck_settings_set_progress(s, progress_show, &p);
    fleck_settings_set_warning(s, show_warning, &p);
    if (fleck_fit(&model, a->words[0], s, &t, &err) != FLECK_OK) {
        progress_end(&p);
        return failed(&err);
    }
    if (interrupted())
        code = EXIT_FAILED;
    else if (fleck_model_save_with(model, out, progress_show, &p, &err) != FLECK_OK) {
        progress_end(&p);
        code = failed(&err);
    }
    progress_end(&p);
    info = fleck_model_describe(model);
    if (info->unseen > 0.0)
        fprintf(
            stderr,
            "fleck: %.3g %% of the picture is visible in fewer than 3 good images, because masks "
            "hide it in the others: defects there may be missed\n",
            100.0 * info->unseen);
    if (code == EXIT_DONE)
        print_closing(out, model, &t);
    fleck_model_close(&model);
    return code;
}

static int run(const args *a)
{
    const char *out = args_get(a, "output");
    fleck_settings *s;
    int code;

    if (out == NULL)
        return usage_error("fit: -o MODEL says where to write the model");
    s = args_fit(a);
    if (s == NULL)
        return EXIT_USAGE;
    code = check_output(a, out) ? fit(a, s, out) : EXIT_FAILED;
    fleck_settings_free(&s);
    return code;
}

const command fit_command = {
    .name = "fit",
    .usage = "DIR -o MODEL [options]",
    .summary = "Learn from the good images of DIR and write a model.",
    .example = "fit photos/good -o part.fleck",
    .details = "DIR is a category in MVTec AD layout (DIR/train/good), a flat folder of good "
               "images, or a CSV file with columns path,label,mask.\n"
               "\n"
               "Data that does not fit into memory goes to temporary files in $TMPDIR, or else "
               "in the folder of MODEL.",
    .flags = flags,
    .settings = 'f',
    .method_options = 'f',
    .min_words = 1,
    .max_words = 1,
    .run = run};
