/* fleck fit: learn from good images. */
#include "cli.h"

static const flag flags[] = {
    {"output", 'o', "MODEL", "file to write the model to (required)"},
    {"overwrite", 0, NULL, "replace a file at MODEL that is no model of fleck's"},
    {"method", 'm', "NAME", "padim, spade, subspace, patchcore or mhpatchcore (default padim)"},
    {"backbone", 'b', "NAME", "built-in network, or FILE.onnx (default efficientnet_lite0)"},
    {"weights", 0, "FILE", "weight file instead of the installed one (folded safetensors)"},
    {"taps", 0, "A,B,C", "feature maps to use (default: the network's three)"},
    {"normalisation", 0, "own|imagenet", "mean and deviation of the input (default imagenet)"},
    {"resize", 0, "FILTER", "nearest, bilinear, bicubic, lanczos or area (default: the method's)"},
    {"size", 0, "WxH", "images are resized to this (default 256x256)"},
    {"crop", 0, "WxH|none", "then cropped to this (default 224x224; none with --size alone)"},
    {"long-side", 0, "N", "instead of --size: the longer side, keeping the first image's shape"},
    {"tiles", 0, "N", "cut images, at their own size unless resized, into tiles of NxN pixels"},
    {"overlap", 0, "SHARE", "what neighbouring tiles share at least (default 0.25)"},
    {"good", 0, "NAME", "folder of the good images (default: good, ok, normal, pass, ...)"},
    {"recursive", 0, NULL, "search the sub-folders of the images' folders as well"},
    {"window", 0, "auto|LO,HI",
     "16-bit samples that become 0 and 255 (default auto: by the bits that the good images use)"},
    {"background", 0, "R,G,B", "under transparent pixels (default 124,116,104)"},
    {"max-pixels", 0, "N", "larger images are refused (default 268435456)"},
    {"skip-bad", 0, NULL, "leave out good images that cannot be read, and say which"},
    {"ignore", 0, "AREA",
     "leave out an area of fit, scores and figures: x,y,w,h or a polygon \"x,y x,y x,y ...\" in "
     "pixels of the "
     "photos, or a mask file's white; may be given again"},
    {"only", 0, "AREA", "leave out all but such areas; may be given again"},
    {"fit-mask", 0, "FILE", "the same as --ignore of a mask file"},
    {"sigma", 0, "S", "smoothing of the map in pixels, 0 for none (default 4)"},
    {"pool", 0, "method|max|top:P",
     "image score: the method's own, the map's maximum, or the mean of its top P per cent of "
     "pixels (default method)"},
    {"calibrate", 0, "N", "good images scored for threshold and colour scale (default 64)"},
    {"precision", 0, "P", "f32, bf16, f16 or auto; kept in the model (default f32)"},
    {"engine", 0, "NAME", "native, openvino or reference (default: the fastest for the network)"},
    {"max-memory", 0, "SIZE", "memory to keep to, as 600M or 2G; the model is the same"},
    {"threads", 't', "N", "threads, 0 for one a processor (default 0)"},
    {NULL, 0, NULL, NULL}};

static bool read_settings(const args *a, fleck_fit_settings *s)
{
    if (!args_fit(a, s))
        return false;
    if (args_has(a, "method"))
        s->method = args_get(a, "method");
    if (args_has(a, "backbone"))
        s->backbone = args_get(a, "backbone");
    s->weights = args_get(a, "weights");
    s->taps = args_get(a, "taps");
    s->scratch = scratch_folder(args_get(a, "output"));
    s->options = a->pairs;
    s->output = args_get(a, "output");
    return true;
}

/* What would be found after the learning is found before it. */
static bool check_output(const args *a, const fleck_fit_settings *s, const char *out)
{
    const char *inputs[] = {a->words[0], args_get(a, "fit-mask"), args_get(a, "weights"),
                            args_get(a, "backbone")};

    if (!output_apart("-o", out, inputs, sizeof inputs / sizeof inputs[0]))
        return false;
    for (int i = 0; s->ignore[i] != NULL; i++)
        if (!output_apart("-o", out, &s->ignore[i], 1))
            return false;
    for (int i = 0; s->only[i] != NULL; i++)
        if (!output_apart("-o", out, &s->only[i], 1))
            return false;
    /* Images are never taken for anything else. */
    return output_ready(out, FLECK_OUTPUT_MODEL, NULL,
                        args_has(a, "overwrite") && !fleck_is_image_name(out));
}

static int fit(const args *a, fleck_fit_settings s)
{
    fleck_error err = {0};
    fleck_model *model = NULL;
    fleck_model_info info;
    fleck_times t = {0};
    progress p = progress_begin();
    const char *out = args_get(a, "output");
    int code = EXIT_DONE;

    if (out == NULL)
        return usage_error("fit: -o MODEL says where to write the model");
    if (!read_settings(a, &s))
        return EXIT_USAGE;
    if (!check_output(a, &s, out))
        return EXIT_FAILED;
    s.progress = progress_show;
    s.warning = show_warning;
    s.progress_ctx = s.warning_ctx = &p;
    if (fleck_fit(&model, a->words[0], &s, &t, &err) != FLECK_OK) {
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
    if (info.unseen > 0.0)
        fprintf(stderr,
                "fleck: %.3g %% of the picture is hidden by the masks of all images but 2 at most: "
                "defects there may pass\n",
                100.0 * info.unseen);
    if (code == EXIT_DONE) {
        printf("%s: %s on %s, %lld images, threshold %.6g from %lld of them", out, info.method,
               info.backbone, (long long)info.images, info.threshold, (long long)info.calibrated);
        if (info.window_low > 0 || info.window_high < 65535)
            printf(", window %d to %d", info.window_low, info.window_high);
        putchar('\n');
        if (info.left_out > 0.0)
            printf("%.3g %% of the photo are left out\n", 100.0 * info.left_out);
        print_outside("", &info);
        printf("%.2f s on %d threads (decode %.2f, network %.2f, method %.2f), peak %.0f MiB\n",
               t.total, t.threads, t.decode, t.network, t.score, t.peak_rss_mib);
    }
    fleck_model_close(&model);
    return code;
}

static int run(const args *a)
{
    fleck_fit_settings s = fleck_fit_defaults();
    area_lists areas = args_areas(a);
    int code;

    s.ignore = areas.ignore;
    s.only = areas.only;
    code = fit(a, s);
    area_lists_free(&areas);
    return code;
}

const command fit_command = {
    .name = "fit",
    .usage = "DIR -o MODEL [options]",
    .summary = "Learn from the good images of DIR and write a model.",
    .details =
        "DIR is a category in MVTec AD layout (DIR/train/good), a flat folder of good images, or "
        "a\nCSV file with columns path,label,mask.\n\nWhat does not fit memory goes to temporary "
        "files in $TMPDIR, or else in the folder of MODEL.",
    .flags = flags,
    .method_options = 'f',
    .min_words = 1,
    .max_words = 1,
    .run = run};
