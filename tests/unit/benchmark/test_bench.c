/* SPDX-License-Identifier: Apache-2.0 */
/* A benchmark's runs, what was published beside them, and results that go to JSON and back. */
#include "fk_test.h"

#include "fit/settings.h"
#include "base/mem.h"
#include "benchmark/report/report.h"
#include "benchmark/published.h"

#include <math.h>

static fleck_settings fit; /* that settings() has */

static fleck_bench_settings settings(void)
{
    fit = fk_fit_defaults();
    return (fleck_bench_settings){.fit = &fit};
}

static void a_run_is_a_method_a_network_and_options(void **state)
{
    static const char *const texts[] = {
        "spade@resnet18:k=7,taps=layer1,layer2,weights=/a/b,radius=0", "padim", NULL};
    fleck_bench_settings s = settings();
    fk_bench_runs r;
    const fk_bench_run *run;

    (void)state;
    s.runs = texts;
    assert_ok(fk_bench_runs_read(&r, &s, err));
    assert_int_equal(r.n, 2);
    run = &r.items[0];
    assert_string_equal(run->name, "spade@resnet18:k=7,taps=layer1,layer2,radius=0");
    assert_string_equal(run->fit.method, "spade");
    assert_string_equal(run->fit.backbone, "resnet18");
    assert_string_equal(run->fit.taps, "layer1,layer2");
    assert_string_equal(run->fit.weights, "/a/b");
    assert_string_equal(run->fit.options[0], "k-image=7");
    assert_string_equal(run->fit.options[1], "k-pixel=7");
    assert_string_equal(run->fit.options[2], "radius=0");
    assert_null(run->fit.options[3]);
    assert_string_equal(r.items[1].name, "padim@efficientnet_lite0");
    assert_null(r.items[1].fit.options[0]);
    assert_null(r.items[1].fit.taps);
    fk_bench_runs_free(&r);
}

static void a_runs_settings_of_the_fit_go_before_the_shared_ones(void **state)
{
    static const char *const texts[] = {
        "padim:size=128,pool=top:5,sigma=0.5,calibrate=3,engine=reference,dims=20",
        "padim:crop=96x80,size=128x112",
        "padim:crop=none",
        "padim",
        "padim:calibrate=all,false-alarms=5%,groups=day",
        NULL};
    fleck_bench_settings s = settings();
    fk_bench_runs r;
    const fleck_settings *f;

    (void)state;
    s.runs = texts;
    fit.sigma = 2.0;
    assert_ok(fk_bench_runs_read(&r, &s, err));
    f = &r.items[0].fit;
    assert_true(f->width == 128 && f->height == 128 && f->crop_width == 0 && f->crop_height == 0);
    assert_true(f->sigma == 0.5 && f->calibrate == 3);
    assert_string_equal(f->pool, "top:5");
    assert_string_equal(f->engine, "reference");
    assert_string_equal(f->options[0], "dims=20");
    assert_null(f->options[1]);
    f = &r.items[1].fit; /* whichever comes first */
    assert_true(f->width == 128 && f->height == 112 && f->crop_width == 96 && f->crop_height == 80);
    f = &r.items[2].fit;
    assert_true(f->width == 0 && f->crop_width == 0 && f->sigma == 2.0);
    f = &r.items[3].fit;
    assert_true(f->width == 0 && f->pixels == 256 * 256);
    assert_string_equal(f->pool, "method");
    f = &r.items[4].fit;
    assert_true(f->calibrate == INT64_MAX && f->false_alarms == 0.05);
    assert_string_equal(f->groups, "day");
    fk_bench_runs_free(&r);
}

static void tiles_and_the_long_side_take_the_place_of_sizes(void **state)
{
    static const char *const texts[] = {"padim:tiles=128,overlap=0.5",
                                        "padim:tiles=64,size=200x100",
                                        "padim:long-side=300,fit-mask=m.png",
                                        "padim:size=96",
                                        "padim",
                                        NULL};
    fleck_bench_settings s = settings();
    fk_bench_runs r;
    const fleck_settings *f;

    (void)state;
    s.runs = texts;
    fit.long_side = 500;
    assert_ok(fk_bench_runs_read(&r, &s, err));
    f = &r.items[0].fit;
    assert_true(f->tile == 128 && f->overlap == 0.5 && f->width == 0 && f->height == 0 &&
                f->crop_width == 0 && f->long_side == 500);
    f = &r.items[1].fit;
    assert_true(f->tile == 64 && f->overlap == 0.25 && f->width == 200 && f->height == 100 &&
                f->crop_width == 0 && f->long_side == 0);
    f = &r.items[2].fit;
    assert_true(f->long_side == 300 && f->tile == 0);
    assert_string_equal(f->mask, "m.png");
    f = &r.items[3].fit;
    assert_true(f->width == 96 && f->long_side == 0);
    assert_true(r.items[4].fit.long_side == 500);
    fk_bench_runs_free(&r);
}

static void a_runs_setting_that_is_no_number_is_named(void **state)
{
    static const char *const cases[][2] = {
        {"padim:size=a",
         "padim:size=a: --size: expected WxH with sides from 32 to 16384, got \"a\""},
        {"padim:size=64x", "got \"64x\""},
        {"padim:size=0", "got \"0\""},
        {"padim:size=-64", "got \"-64\""},
        {"padim:crop=many", "--crop: expected WxH with sides from 32 to 16384 or none"},
        {"padim:sigma=x", "--sigma: expected a number"},
        {"padim:long-side=64,crop=32", "--long-side takes the place of --size and --crop"},
        {"padim:tiles=big", "--tiles: expected an integer from 32 to 16384 or 0, got \"big\""},
        {"padim:calibrate=-1", "--calibrate: expected an integer of 0 or more or all"},
        {"padim:false-alarms=2", "--false-alarms: expected a share between 0 and 1, as 0.02 or 2%"},
        {"padim:groups=week", "--groups: expected one of auto|folder|day|prefix|runs|none"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const texts[] = {cases[i][0], NULL};
        fleck_bench_settings s = settings();
        fk_bench_runs r;

        s.runs = texts;
        assert_refused(fk_bench_runs_read(&r, &s, err), FLECK_E_OPTION, cases[i][1]);
        assert_null(r.items);
    }
}

static void runs_that_name_no_network_take_each_of_the_list(void **state)
{
    static const char *const texts[] = {"padim", "spade@x.onnx", NULL};
    static const char *const backbones[] = {"resnet18", "resnet50", NULL};
    fleck_bench_settings s = settings();
    fk_bench_runs r;

    (void)state;
    s.runs = texts;
    s.backbones = backbones;
    assert_ok(fk_bench_runs_read(&r, &s, err));
    assert_int_equal(r.n, 3);
    assert_string_equal(r.items[0].name, "padim@resnet18");
    assert_string_equal(r.items[1].name, "padim@resnet50");
    assert_string_equal(r.items[2].name, "spade@x.onnx");
    fk_bench_runs_free(&r);
}

static void the_preset_report_is_the_studys_set(void **state)
{
    fleck_bench_settings s = settings();
    fk_bench_runs r;

    (void)state;
    s.preset = "report";
    assert_ok(fk_bench_runs_read(&r, &s, err));
    assert_int_equal(r.n, 4);
    assert_string_equal(r.items[0].fit.options[0], "k-image=10");
    assert_string_equal(r.items[1].fit.options[0], "k-image=20");
    assert_string_equal(r.items[2].fit.backbone, "vit_b_16");
    assert_string_equal(r.items[3].fit.method, "padim");
    assert_string_equal(r.items[3].fit.backbone, "wide_resnet50_2");
    fk_bench_runs_free(&r);
}

static void the_preset_papers_has_each_methods_published_setting(void **state)
{
    fleck_bench_settings s = settings();
    fk_bench_runs r;

    (void)state;
    s.preset = "papers";
    fit.width = fit.height = fit.crop_width = fit.crop_height = 0;
    fit.long_side = 512;
    assert_ok(fk_bench_runs_read(&r, &s, err));
    assert_int_equal(r.n, 5);
    for (int i = 0; i < r.n; i++) {
        const fleck_settings *f = &r.items[i].fit;

        assert_string_equal(f->backbone, "wide_resnet50_2");
        assert_true(f->width == 256 && f->height == 256 && f->crop_width == 224 &&
                    f->crop_height == 224 && f->long_side == 0);
    }
    assert_string_equal(r.items[2].fit.method, "patchcore");
    assert_string_equal(r.items[2].fit.options[0], "coreset=0.1");
    assert_string_equal(r.items[3].fit.options[0], "coreset=0.01");
    assert_string_equal(r.items[4].fit.method, "mhpatchcore");
    fk_bench_runs_free(&r);
}

static void any_allocation_of_reading_runs_may_fail(void **state)
{
    fleck_bench_settings s = settings();
    fk_bench_runs r;
    int64_t n = 1;

    (void)state;
    s.preset = "report";
    for (fleck_status st = FLECK_E_NOMEM; st != FLECK_OK; n++) {
        (void)fk_mem_fail_at(n);
        st = fk_bench_runs_read(&r, &s, NULL);
        assert_true(st == FLECK_OK || (st == FLECK_E_NOMEM && r.items == NULL));
    }
    (void)fk_mem_fail_at(0);
    assert_true(n > 20);
    fk_bench_runs_free(&r);
}

/* ---- Published figures ---- */

static double published(const fk_published *p, const char *method, const char *backbone,
                        const char *options, int column, const char *metric, const char *category,
                        const char *source)
{
    fk_bench_result run = {.method = (char *)(uintptr_t)method,
                           .backbone = (char *)(uintptr_t)backbone,
                           .options = (char *)(uintptr_t)options};
    fk_published_column columns[FK_PUBLISHED_COLUMNS];
    int n = fk_published_beside(p, &run, columns);

    assert_true(n > column);
    assert_string_equal(columns[column].source, source);
    return fk_published_value(p, &columns[column], metric, category);
}

/* The study's tables as it prints them. */
static void a_run_stands_beside_the_study_and_the_paper(void **state)
{
    fk_published p;
    fk_published_column columns[FK_PUBLISHED_COLUMNS];
    fk_bench_result unknown = {.method = (char *)(uintptr_t) "padim",
                               .backbone = (char *)(uintptr_t) "efficientnet_lite0",
                               .options = (char *)(uintptr_t) "{}"};

    (void)state;
    assert_ok(fk_published_read(&p, fk_published_csv, "published", err));
    assert_int_equal(p.count, 570);
    assert_true(published(&p, "spade", "wide_resnet50_2", "{\"k-image\":10}", 0, "pixel_auroc",
                          "transistor", "the study") == 87.9);
    assert_true(published(&p, "spade", "wide_resnet50_2", "{\"k-image\":20}", 0, "image_auroc",
                          "screw", "the study") == 57.9);
    assert_true(published(&p, "spade", "vit_b_16", "{\"k-image\":10}", 0, "image_auroc", "leather",
                          "the study") == 99.6);
    assert_true(published(&p, "padim", "wide_resnet50_2", "{\"dims\":0}", 0, "image_auroc",
                          "zipper", "the study") == 91.6);
    assert_true(published(&p, "spade", "wide_resnet50_2", "{\"k-image\":10}", 1, "pixel_auroc",
                          "grid", "SPADE paper") == 93.7);
    /* Of K = 0, which is the paper's 50, the study has nothing. */
    assert_true(published(&p, "spade", "wide_resnet50_2", "{\"k-image\":0}", 0, "pixel_auroc",
                          "grid", "SPADE paper") == 93.7);
    assert_true(isnan(
        published(&p, "padim", "wide_resnet50_2", "{\"dims\":0}", 0, "pro", "grid", "the study")));
    assert_int_equal(fk_published_beside(&p, &unknown, columns), 0);
    fk_published_free(&p);
}

static void the_studys_rows_average_as_its_readers_noted(void **state)
{
    static const char *const categories[] = {
        "carpet",   "grid",      "leather", "tile",  "wood",       "bottle",     "cable", "capsule",
        "hazelnut", "metal_nut", "pill",    "screw", "toothbrush", "transistor", "zipper"};
    fk_published p;
    double sum = 0.0;

    (void)state;
    assert_ok(fk_published_read(&p, fk_published_csv, "published", err));
    for (int i = 0; i < 15; i++)
        sum += published(&p, "spade", "wide_resnet50_2", "{\"k-image\":10}", 0, "image_auroc",
                         categories[i], "the study");
    assert_true(fabs(sum / 15.0 - 83.59) < 0.005);
    fk_published_free(&p);
    assert_refused(fk_published_read(&p, "a,b\nc,d\n", "table", err), FLECK_E_FORMAT,
                   "table line 2");
    assert_null(p.rows);
}

/* ---- Results ---- */

static char *text_of(const char *text)
{
    char *copy = NULL;

    assert_ok(fk_strdup(&copy, text, err));
    return copy;
}

#define SETTINGS "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static fk_bench_category sample(void)
{
    fk_bench_category c = {.name = text_of("bottle"),
                           .images = 10,
                           .decoded = 9,
                           .masks = 7,
                           .passed = 8,
                           .n_networks = 1,
                           .n = 1};
    fk_bench_result *r;

    assert_ok(FK_CALLOC(&c.files.items, 1, err));
    c.files.count = 1;
    c.files.items[0] = (fk_bench_file){.path = text_of("train/good/1.png"),
                                       .stamp = {UINT64_MAX, 2, 3, INT64_C(1) << 40, 999999999},
                                       .changed = 1234567890,
                                       .digest = "0123456789abcdef0123456789abcdef"};
    assert_ok(FK_CALLOC(&c.runs, 1, err));
    r = &c.runs[0];
    *r = (fk_bench_result){.name = text_of("padim@x"),
                           .settings = text_of(SETTINGS),
                           .n_panels = 1,
                           .panels = {{0, FK_BENCH_LOWEST}},
                           .method = text_of("padim"),
                           .backbone = text_of("x"),
                           .precision = text_of("f32"),
                           .engine = text_of("e"),
                           .options = text_of("{\"dims\":3}"),
                           .taps = text_of("a,b"),
                           .resize = text_of("area"),
                           .width = 4,
                           .height = 3,
                           .crop_width = 2,
                           .crop_height = 1,
                           .tile = 32,
                           .overlap = 8,
                           .report = {.train = 1,
                                      .good = 2,
                                      .defective = 3,
                                      .failed = 4,
                                      .image = {0.1, 0.2, 0.3, -7.0},
                                      .has_pixel = true,
                                      .pixel = {1.0 / 3.0, 0.5, NAN, NAN},
                                      .pro = 0.25,
                                      .regions = 5,
                                      .above_threshold_good = 6,
                                      .above_threshold_defective = 7,
                                      .seconds = {1, 2, 3, 4, 5, 6.5, 2}},
                           .threshold = 1.0 / 9.0,
                           .low = 0.05,
                           .high = NAN,
                           .pixel_low = 0.25,
                           .pixel_high = 1.0 / 7.0,
                           .n_curve = 3,
                           .n_types = 2,
                           .n = 1};
    assert_ok(FK_CALLOC(&r->curve, 3, err));
    r->curve[0].threshold = INFINITY;
    r->curve[1] = (fk_curve_point){1.0 / 3.0, 2, 0};
    r->curve[2] = (fk_curve_point){-2.0, 2, INT64_C(1) << 32};
    assert_ok(FK_CALLOC(&r->types, 2, err));
    r->types[0] = (fk_bench_type){text_of("\xc3\xa4"), 2.0 / 3.0};
    r->types[1] = (fk_bench_type){text_of("b"), NAN};
    assert_ok(FK_CALLOC(&r->images, 1, err));
    r->images[0] =
        (fk_bench_image){text_of("test/\xc3\xa4/1.png"), text_of("\xc3\xa4"), true, 1e-17};
    return c;
}

static void results_come_back_from_json_to_the_last_bit(void **state)
{
    fk_bench_category a = sample(), b;
    const fk_bench_result *x = &a.runs[0], *y;
    char path[4200];

    (void)state;
    snprintf(path, sizeof path, "%s/bottle.json", test_folder());
    assert_ok(fk_bench_category_write(&a, path, err));
    assert_ok(fk_bench_category_read(&b, path, err));
    y = &b.runs[0];
    assert_string_equal(b.name, "bottle");
    assert_string_equal(y->settings, SETTINGS);
    assert_null(y->error);
    assert_true(y->panels[0].image == 0 && y->panels[0].rank == FK_BENCH_LOWEST);
    assert_true(y->threshold == 1.0 / 9.0);
    assert_true(b.images == 10 && b.decoded == 9 && b.masks == 7 && b.passed == 8 &&
                b.n_networks == 1 && y->n_panels == 1);
    assert_int_equal(b.files.count, 1);
    assert_string_equal(b.files.items[0].path, "train/good/1.png");
    assert_true(fk_stamp_same(&b.files.items[0].stamp, &a.files.items[0].stamp));
    assert_true(b.files.items[0].changed == 1234567890);
    assert_string_equal(b.files.items[0].digest, a.files.items[0].digest);
    assert_string_equal(y->name, x->name);
    assert_string_equal(y->options, x->options);
    assert_string_equal(y->taps, x->taps);
    assert_true(y->width == 4 && y->height == 3 && y->crop_width == 2 && y->crop_height == 1 &&
                y->tile == 32 && y->overlap == 8);
    assert_true(y->report.train == 1 && y->report.good == 2 && y->report.defective == 3 &&
                y->report.failed == 4);
    assert_memory_equal(&y->report.image, &x->report.image, sizeof x->report.image);
    assert_true(y->report.pixel.auroc == 1.0 / 3.0 && isnan(y->report.pixel.f1max) &&
                y->report.pro == 0.25);
    assert_memory_equal(&y->report.seconds, &x->report.seconds, sizeof x->report.seconds);
    assert_true(y->report.regions == 5 && y->report.above_threshold_defective == 7);
    assert_true(y->low == 0.05 && isnan(y->high) && y->n == 1);
    assert_true(y->pixel_low == 0.25 && y->pixel_high == 1.0 / 7.0);
    assert_int_equal(y->n_curve, 3);
    assert_memory_equal(y->curve, x->curve, 3 * sizeof *x->curve);
    assert_int_equal(y->n_types, 2);
    assert_string_equal(y->types[0].name, "\xc3\xa4");
    assert_true(y->types[0].auroc == 2.0 / 3.0 && isnan(y->types[1].auroc));
    assert_string_equal(y->images[0].path, x->images[0].path);
    assert_true(y->images[0].defective && y->images[0].score == 1e-17);
    fk_bench_category_free(&a);
    fk_bench_category_free(&b);
}

static void results_of_another_kind_are_refused(void **state)
{
    static const char *const cases[][2] = {{"{}", "not results"},
                                           {"[1]", "not results"},
                                           {"{\"bench\": 99}", "format 99"},
                                           {"{\"bench\": 1}", "format 1"},
                                           {"{\"bench\": 2}", "format 2"},
                                           {"{\"bench\": 3}", "format 3"},
                                           {"{\"bench\": 4}", "\"category\""}};
    fk_bench_category c;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fleck_error e = {0};

        assert_int_not_equal(
            fk_bench_category_parse(&c, cases[i][0], strlen(cases[i][0]), "x.json", &e), FLECK_OK);
        assert_non_null(strstr(e.message, cases[i][1]));
        assert_non_null(strstr(e.message, "x.json"));
        assert_null(c.name);
    }
}

/* What a written file becomes when one text in it is another. */
static void refused_with(const char *from, const char *to, const char *message)
{
    fk_bench_category a = sample(), b;
    char path[4200], bytes[8192], *at;
    size_t size;
    FILE *f;

    snprintf(path, sizeof path, "%s/changed.json", test_folder());
    assert_ok(fk_bench_category_write(&a, path, err));
    f = fopen(path, "rb");
    assert_non_null(f);
    size = fread(bytes, 1, sizeof bytes / 2, f);
    fclose(f);
    bytes[size] = '\0';
    at = strstr(bytes, from);
    assert_non_null(at);
    memmove(at + strlen(to), at + strlen(from), strlen(at + strlen(from)) + 1);
    memcpy(at, to, strlen(to));
    assert_refused(fk_bench_category_parse(&b, bytes, strlen(bytes), path, err), FLECK_E_FORMAT,
                   message);
    assert_null(b.name);
    fk_bench_category_free(&a);
}

static void a_failed_run_comes_back_with_its_reason(void **state)
{
    fk_bench_category a = sample(), b;
    char path[4200];

    (void)state;
    snprintf(path, sizeof path, "%s/failed.json", test_folder());
    a.runs[0].error = text_of("too few images");
    fk_bench_no_figures(&a.runs[0]);
    assert_ok(fk_bench_category_write(&a, path, err));
    assert_ok(fk_bench_category_read(&b, path, err));
    assert_string_equal(b.runs[0].error, "too few images");
    assert_true(isnan(b.runs[0].report.image.auroc) && isnan(b.runs[0].report.pro));
    fk_bench_category_free(&a);
    fk_bench_category_free(&b);
}

static void settings_that_could_lead_out_of_the_folder_are_refused(void **state)
{
    (void)state;
    refused_with(SETTINGS, "../../../../abcdef0123456789abcdef0123456789abcdef01234567890123",
                 "settings: expected 64 hexadecimal digits");
    refused_with(SETTINGS, "abc", "settings: expected 64 hexadecimal digits");
    refused_with("1234567890", "\"x\"", "files: expected a path, six numbers and a digest");
}

static void panels_of_images_that_are_not_there_are_refused(void **state)
{
    (void)state;
    refused_with("\"image\": 0", "\"image\": 1", "panels: entry 1");
    refused_with("\"image\": 0", "\"image\": -1", "panels: entry 1");
    refused_with("\"lowest\"", "\"nosuch\"", "panels: entry 1");
}

static void runs_are_named_by_what_differs(void **state)
{
    fk_bench_result runs[] = {
        {.name = text_of("spade@resnet18:k=10,size=256,taps=a,b")},
        {.name = text_of("padim@resnet18:size=256,dims=0.5")},
    };
    const fk_bench_category category = {.n = 2, .runs = runs};
    const fk_bench_category single = {.n = 1, .runs = &runs[1]};
    fk_bench_book book = {.n = 1, .categories = &category};
    fk_names labels;
    char *common, *options;

    (void)state;
    assert_ok(fk_bench_labels(&labels, &book, err));
    assert_int_equal(labels.count, 2);
    assert_string_equal(labels.items[0], "spade, resnet18, k 10, taps a,b");
    assert_string_equal(labels.items[1], "padim, resnet18, dims 0.5");
    fk_names_free(&labels);
    assert_ok(fk_bench_common(&common, &book, err));
    assert_string_equal(common, "size 256");
    fk_free(common);
    book.categories = &single;
    assert_ok(fk_bench_labels(&labels, &book, err));
    assert_string_equal(labels.items[0], "padim, resnet18, size 256, dims 0.5");
    fk_names_free(&labels);
    assert_ok(
        fk_bench_options(&options, "{\"k\":10,\"reg\":0.98999999999999999,\"c\":\"x\"}", err));
    assert_string_equal(options, "k 10, reg 0.99, c x");
    fk_free(options);
    fk_free(runs[0].name);
    fk_free(runs[1].name);
}

static void the_best_run_is_the_one_with_figures_in_most_categories(void **state)
{
    char name[2][12] = {"padim@x", "spade@x"}, path[] = "p";
    fk_bench_image images[] = {
        {path, path, true, 3.0}, {path, path, true, 1.0}, {path, path, false, 2.5}};
    fk_bench_result a[2] = {{.name = name[0], .threshold = 2.0, .n = 3, .images = images},
                            {.name = name[1], .threshold = NAN, .n = 3, .images = images}};
    fk_bench_result b[2] = {{.name = name[0], .threshold = 2.0, .n = 3, .images = images},
                            {.name = name[1], .threshold = NAN}};
    const fk_bench_category categories[] = {{.n = 2, .runs = a}, {.n = 2, .runs = b}};
    const fk_bench_book book = {.n = 2, .categories = categories};
    fk_bench_verdicts v;
    char *sentence;

    (void)state;
    a[0].report.image.auroc = b[0].report.image.auroc = 0.5;
    a[1].report.image.auroc = 0.9;
    b[1].report.image.auroc = NAN;
    assert_int_equal(fk_bench_best(&book), 0);
    v = fk_bench_verdicts_of(&book, 0);
    assert_true(v.categories == 2 && v.found == 2 && v.defective == 4 && v.rejected == 2 &&
                v.good == 2);
    assert_int_equal(fk_bench_verdicts_of(&book, 1).categories, 0);
    assert_string_equal(fk_bench_verdict(&a[0], 0), "defective, found");
    assert_string_equal(fk_bench_verdict(&a[0], 1), "defective, missed");
    assert_string_equal(fk_bench_verdict(&a[0], 2), "good, rejected");
    assert_string_equal(fk_bench_verdict(&a[1], 2), "good");
    assert_ok(fk_bench_sentence(&sentence, &book, err));
    assert_string_equal(sentence, "Best of 2 runs on 2 categories: padim, x. Its image ROC-AUC is "
                                  "50.0 % on average. At its models' thresholds it found 2 of 4 "
                                  "defective parts and rejected 2 of 2 good ones.");
    fk_free(sentence);
}

static void a_curve_that_falls_is_refused(void **state)
{
    (void)state;
    refused_with("4294967296", "-1", "pixel_curve: point 2");
    refused_with("4294967296", "\"x\"", "pixel_curve: point 2");
    refused_with("\"pixel_curve\"", "\"other\"", "\"pixel_curve\" of up to 257 points");
    refused_with("\"pixel_types\"", "\"other\"", "\"pixel_types\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(panels_of_images_that_are_not_there_are_refused),
        cmocka_unit_test(runs_are_named_by_what_differs),
        cmocka_unit_test(the_best_run_is_the_one_with_figures_in_most_categories),
        cmocka_unit_test(a_run_is_a_method_a_network_and_options),
        cmocka_unit_test(a_runs_settings_of_the_fit_go_before_the_shared_ones),
        cmocka_unit_test(tiles_and_the_long_side_take_the_place_of_sizes),
        cmocka_unit_test(a_runs_setting_that_is_no_number_is_named),
        cmocka_unit_test(runs_that_name_no_network_take_each_of_the_list),
        cmocka_unit_test(the_preset_report_is_the_studys_set),
        cmocka_unit_test(the_preset_papers_has_each_methods_published_setting),
        cmocka_unit_test(any_allocation_of_reading_runs_may_fail),
        cmocka_unit_test(a_run_stands_beside_the_study_and_the_paper),
        cmocka_unit_test(the_studys_rows_average_as_its_readers_noted),
        cmocka_unit_test(results_come_back_from_json_to_the_last_bit),
        cmocka_unit_test(a_failed_run_comes_back_with_its_reason),
        cmocka_unit_test(settings_that_could_lead_out_of_the_folder_are_refused),
        cmocka_unit_test(a_curve_that_falls_is_refused),
        cmocka_unit_test(results_of_another_kind_are_refused)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
