/* SPDX-License-Identifier: Apache-2.0 */
/* Every function of fleck.h on a small network, and what each refuses. */
#include "fk_test.h"

#include "base/mem.h"
#include "network.h"

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct fixture {
    char folder[4096], sample[4200], network[4200], model[4200];
} fixture;

static fixture f;

static const char *in_folder(const char *name)
{
    static char paths[8][8300];
    static int turn;
    char *out = paths[turn++ % 8];

    snprintf(out, sizeof paths[0], "%s/%s", f.folder, name);
    return out;
}

static fleck_settings settings(void)
{
    static const char *const options[] = {"dims=3", "covariance=paper", NULL};
    fleck_settings s = fk_fit_defaults();

    s.method = "padim";
    use_network(&s);
    s.width = s.crop_width = 64;
    s.height = s.crop_height = 48;
    s.options = options;
    s.threads = 2;
    return s;
}

/* A sample category, and a PaDiM model of it. */
static int set_up(void **state)
{
    fleck_synth_settings synth = test_synth_defaults();
    fleck_settings s;
    fleck_model *model = NULL;
    fleck_error err = {0};

    (void)state;
    snprintf(f.folder, sizeof f.folder, "%s", test_folder());
    snprintf(f.sample, sizeof f.sample, "%s/sample", f.folder);
    snprintf(f.network, sizeof f.network, "%s", network_file(false));
    snprintf(f.model, sizeof f.model, "%s/m.fleck", f.folder);
    synth.width = synth.height = 64;
    synth.train = 12;
    synth.good = 2;
    synth.defective = 1;
    s = settings();
    if (fleck_synth(f.sample, &synth, &err) != FLECK_OK ||
        fleck_fit(&model, f.sample, &s, NULL, &err) != FLECK_OK ||
        fleck_model_save(model, f.model, &err) != FLECK_OK) {
        printf("set up: %s\n", err.message);
        return 1;
    }
    fleck_model_close(&model);
    return 0;
}

static int tear_down(void **state)
{
    char command[4200];

    (void)state;
    snprintf(command, sizeof command, "rm -r '%s'", f.folder);
    return system(command); /* NOLINT: a folder that this program made */
}

/* ---- What can be chosen ---- */

static void methods_options_and_backbones_can_be_listed(void **state)
{
    const fleck_option *o;
    int options = 0;

    (void)state;
    assert_true(strlen(fleck_version()) >= 5);
    assert_string_equal(fleck_status_name(FLECK_OK), "ok");
    assert_string_equal(fleck_status_name((fleck_status)999), "unknown");
    assert_true(fleck_method_count() >= 2 && fleck_backbone_count() >= 4);
    for (int i = 0; i < fleck_method_count(); i++) {
        const fleck_method_info *m = fleck_method_at(i);

        assert_non_null(m->name);
        assert_non_null(m->title);
        for (int j = 0; (o = fleck_method_option(m->name, j)) != NULL; j++, options++) {
            assert_non_null(o->initial);
            assert_true(strlen(o->help) > 10);
        }
    }
    assert_true(options >= 8);
    assert_null(fleck_method_option("nosuch", 0));
    assert_null(fleck_method_option("padim", -1));
    assert_null(fleck_method_option("padim", 1000));
    for (int i = 0; i < fleck_backbone_count(); i++) {
        const fleck_backbone_info *b = fleck_backbone_at(i);

        assert_true(strlen(b->source) > 10);
        assert_true(strlen(b->licence) >= 3);
        assert_true(b->checksum == NULL || strlen(b->checksum) == 8 || strlen(b->checksum) == 64);
    }
    assert_true(fleck_is_image_name("A.JPG"));
    assert_false(fleck_is_image_name("a.txt"));
}

static void weights_that_are_not_there_are_reported(void **state)
{
    fleck_weights_info *w = NULL;

    (void)state;
    assert_ok(fleck_weights_find(&w, f.folder, "resnet18", err));
    assert_false(w->installed);
    assert_non_null(strstr(w->path, "resnet18.safetensors"));
    fleck_free(w);
    assert_refused(fleck_weights_find(&w, f.folder, "nosuch", err), FLECK_E_OPTION, "resnet50");
    assert_refused(fleck_weights_add(f.folder, "resnet18",
                                     test_path("FLECK_TEST_SOURCE", "tests/golden/net/open.onnx"),
                                     NULL, err),
                   FLECK_E_FORMAT, "open.onnx");
    assert_refused(fleck_weights_fetch(f.folder, "nosuch", NULL, NULL, NULL, err), FLECK_E_OPTION,
                   "nosuch");
}

/* ---- Fit, save, open ---- */

static void a_saved_model_scores_as_the_fitted_one(void **state)
{
    fleck_settings s = settings();
    fleck_model *fitted = NULL, *opened = NULL;
    fleck_result *a = NULL, *b = NULL;
    fleck_times t;
    char image[4300];

    (void)state;
    snprintf(image, sizeof image, "%s/test/stain/000.png", f.sample);
    assert_ok(fleck_fit(&fitted, f.sample, &s, &t, err));
    assert_true(t.total > 0.0 && t.threads == 2);
    assert_ok(fleck_model_open(&opened, f.model, NULL, err));
    assert_ok(fleck_score_file(fitted, image, false, &a, err));
    assert_ok(fleck_score_file(opened, image, true, &b, err));
    assert_true(a->score == b->score && a->threshold == b->threshold);
    assert_memory_equal(a->map, b->map, sizeof(float) * (size_t)(a->map_width * a->map_height));
    assert_null(a->image);
    assert_non_null(b->image);
    assert_int_equal(b->image_width, 64);
    fleck_result_free(&a);
    fleck_result_free(&b);
    fleck_model_close(&fitted);
    fleck_model_close(&opened);
    fleck_model_close(&opened);
    fleck_model_close(NULL);
}

static void a_model_describes_and_verifies_itself(void **state)
{
    fleck_model *m = NULL;
    const fleck_model_info *i;
    double difference;

    (void)state;
    assert_ok(fleck_model_open(&m, f.model, NULL, err));
    i = fleck_model_describe(m);
    assert_string_equal(i->method, "padim");
    assert_string_equal(i->backbone, network_is_onnx() ? "open.onnx" : "resnet18");
    assert_string_equal(i->taps, network_is_onnx() ? "fine,coarse" : "layer1,layer2");
    assert_string_equal(i->category, "sample");
    assert_non_null(strstr(i->options, "\"dims\":3"));
    assert_int_equal(i->images, 12);
    assert_int_equal(i->calibrated, 12);
    assert_int_equal(i->dim, 3);
    assert_true(i->threshold > 0.0 && i->scale_high > i->scale_low);
    assert_ok(fleck_model_verify(m, 0.0, &difference, err));
    assert_true(difference == 0.0);
    fleck_model_close(&m);
}

static const char *train_image(int i)
{
    char name[64];

    snprintf(name, sizeof name, "sample/train/good/%03d.png", i);
    return in_folder(name);
}

/* Whether scoring on m says that its file has changed. */
static void assert_changed(fleck_model *m)
{
    fleck_result *r = NULL;

    assert_refused(fleck_score_file(m, train_image(0), false, &r, err), FLECK_E_STATE,
                   "the model file has changed since it was opened; open it again");
    assert_null(r);
}

static void a_model_overwritten_under_its_reader_is_noticed_at_the_next_call(void **state)
{
    const char *path = in_folder("line.fleck");
    struct timespec later[2] = {{.tv_sec = 2000000000}, {.tv_sec = 2000000000}};
    fleck_model *m = NULL;
    fleck_result *r = NULL, *again = NULL;
    double difference;

    (void)state;
    assert_ok(fleck_model_install(f.model, path, NULL, NULL, err));
    assert_ok(fleck_model_open(&m, path, NULL, err));
    assert_ok(fleck_score_file(m, train_image(0), false, &r, err));
    /* In place, of the same size; then cut to nothing; then another one by renaming. */
    assert_int_equal(utimensat(AT_FDCWD, path, later, 0), 0);
    assert_changed(m);
    assert_int_equal(truncate(path, 0), 0);
    assert_changed(m);
    assert_refused(fleck_model_verify(m, 0.0, &difference, err), FLECK_E_STATE, path);
    assert_ok(fleck_model_install(f.model, path, NULL, NULL, err));
    assert_changed(m);
    /* Without a file all of the model is still in memory. */
    assert_int_equal(unlink(path), 0);
    assert_ok(fleck_score_file(m, train_image(0), false, &again, err));
    assert_true(again->score == r->score && again->threshold == r->threshold);
    fleck_result_free(&again);
    fleck_result_free(&r);
    fleck_model_close(&m);
}

static void a_broken_model_is_not_installed(void **state)
{
    const char *path = in_folder("kept.fleck"), *broken = in_folder("broken.fleck");
    fleck_model *m = NULL;

    (void)state;
    assert_ok(fleck_model_install(f.model, path, NULL, NULL, err));
    assert_ok(fleck_model_install(f.model, broken, NULL, NULL, err));
    assert_int_equal(truncate(broken, 5000), 0);
    assert_refused(fleck_model_install(broken, path, NULL, NULL, err), FLECK_E_FORMAT,
                   "broken.fleck");
    assert_refused(fleck_model_install(path, path, NULL, NULL, err), FLECK_E_OPTION, "one file");
    assert_refused(fleck_model_install(NULL, path, NULL, NULL, err), FLECK_E_OPTION, "two paths");
    assert_ok(fleck_model_open(&m, path, NULL, err));
    assert_int_equal(strlen(fleck_model_describe(m)->checksum), 32);
    fleck_model_close(&m);
}

static bool stop_at_once(void *ctx, const char *stage, int64_t done, int64_t total)
{
    if (strcmp(stage, "check images") == 0)
        return true;
    assert_string_equal(stage, "fit");
    assert_true(done >= 0 && done <= total);
    ++*(int *)ctx;
    return false;
}

static void a_fit_can_be_stopped(void **state)
{
    fleck_settings s = settings();
    fleck_model *m = NULL;
    int calls = 0;

    (void)state;
    s.progress = stop_at_once;
    s.progress_ctx = &calls;
    assert_refused(fleck_fit(&m, f.sample, &s, NULL, err), FLECK_E_CANCELLED, "stopped after");
    assert_null(m);
    assert_int_equal(calls, 1);
}

static void what_a_fit_cannot_use_is_refused(void **state)
{
    fleck_settings s = settings();
    fleck_model *m = NULL;
    const char *unknown[] = {"nosuch=1", NULL}, *odd[] = {"dims", NULL};
    const char *one[1];
    char image[4300];

    (void)state;
    snprintf(image, sizeof image, "%s/train/good/000.png", f.sample);
    one[0] = image;
    assert_refused(fleck_fit_files(&m, one, 0, &s, NULL, err), FLECK_E_NOTFOUND, "at least one");
    assert_refused(fleck_fit_files(&m, one, 1, &s, NULL, err), FLECK_E_STATE, "2");
    s.options = unknown;
    assert_refused(fleck_fit(&m, f.sample, &s, NULL, err), FLECK_E_OPTION, "nosuch");
    s.options = odd;
    assert_refused(fleck_fit(&m, f.sample, &s, NULL, err), FLECK_E_OPTION, "name=value");
    s = settings();
    s.calibrate = -1;
    assert_refused(fleck_fit(&m, f.sample, &s, NULL, err), FLECK_E_OPTION, "calibrate");
    s = settings();
    s.sigma = NAN;
    assert_refused(fleck_fit(&m, f.sample, &s, NULL, err), FLECK_E_OPTION, "sigma");
    s = settings();
    s.backbone = "resnet18";
    s.weights = s.taps = NULL;
    assert_refused(fleck_fit(&m, f.sample, &s, NULL, err), FLECK_E_OPTION, "neither a weight file");
    s.home = f.folder;
    assert_refused(fleck_fit(&m, f.sample, &s, NULL, err), FLECK_E_NOTFOUND,
                   "fleck weights add resnet18");
    assert_null(m);
}

/* ---- Masks of single images ---- */

/* A 64 x 48 picture of some noise; its left half is flat, in the colour that masks are painted in,
 * where asked for. */
static void write_picture(const char *name, uint32_t seed, bool flat)
{
    static const uint8_t mean[3] = {124, 116, 104};
    FILE *file = fopen(in_folder(name), "wb");

    assert_non_null(file);
    fprintf(file, "P6 64 48 255\n");
    for (uint32_t i = 0; i < 64 * 48 * 3; i++) {
        uint32_t noise = (i * 2654435761u) ^ (seed * 40503u + (i >> 4) * seed);

        fputc(flat && i / 3 % 64 < 32 ? mean[i % 3] : (int)(noise >> 9 & 255), file);
    }
    fclose(file);
}

/* A method, and the share of the distance that is left where what a mask hides was learned. */
typedef struct mask_case {
    const char *method, *options[3];
    float left;
} mask_case;

/* Fit a method on 3 plain pictures and then, `flat` of them, on some with a flat half that a mask
 * leaves out if `ignore`; score a plain picture and one with a flat half. */
static void score_after(fleck_result *out[2], const mask_case *c, int flat, bool ignore)
{
    fleck_settings s = settings();
    fleck_model *m = NULL;
    FILE *file = fopen(in_folder("masks.csv"), "wb");

    assert_non_null(file);
    fprintf(file, "path,label,ignore,split\n");
    for (int i = 0; i < 3 + flat; i++) {
        char name[32];

        snprintf(name, sizeof name, "masked%d.ppm", i);
        write_picture(name, 7 + (uint32_t)i, i >= 3);
        fprintf(file, "%s,good,%s,train\n", name, ignore && i >= 3 ? "half.pgm" : "");
    }
    fclose(file);
    s.method = c->method;
    use_network(&s);
    s.options = c->options;
    s.sigma = 0.0;
    assert_ok(fleck_fit(&m, in_folder("masks.csv"), &s, NULL, err));
    for (int i = 0; i < 2; i++) {
        write_picture("query.ppm", 70, i == 1);
        assert_ok(fleck_score_file(m, in_folder("query.ppm"), false, &out[i], err));
    }
    fleck_model_close(&m);
}

/* The second query's flat half is in two training images: known where they are learned whole, not
 * where a mask of their own hides it, though the mask is painted in its very colour. */
static void check_masked(const mask_case *c)
{
    fleck_result *masked[2], *learned[2], *without[2];
    int nearer = 0;

    score_after(masked, c, 2, true);
    score_after(learned, c, 2, false);
    score_after(without, c, 0, false);
    for (int i = 0; i < 2; i++) {
        for (int p = 0; p < 64 * 48; p++) {
            if (p % 64 >= 16) /* beyond, smaller taps' cells reach across the edge */
                continue;
            assert_true(masked[i]->map[p] == without[i]->map[p]);
            assert_true(without[i]->map[p] > 0.0f);
            nearer += i == 1 && learned[i]->map[p] < c->left * without[i]->map[p];
        }
        fleck_result_free(&masked[i]);
        fleck_result_free(&learned[i]);
        fleck_result_free(&without[i]);
    }
    assert_true(nearer > 16 * 48 / 2);
}

static void what_images_of_a_table_ignore_is_not_learned_from_them(void **state)
{
    static const mask_case cases[] = {{"spade", {"radius=0", NULL}, 0.01f},
                                      {"padim", {"dims=3", "covariance=paper", NULL}, 0.5f}};
    FILE *file = fopen(in_folder("half.pgm"), "wb");

    (void)state;
    assert_non_null(file);
    fprintf(file, "P5 64 48 255\n");
    for (int i = 0; i < 64 * 48; i++)
        fputc(i % 64 < 32 ? 255 : 0, file);
    fclose(file);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_masked(&cases[i]);
}

/* ---- A stream ---- */

enum { DRAWN = 6, STREAMED = 40 };

/* The sample's training images over and over, rows with 8 bytes of something else behind each. */
typedef struct stream {
    uint8_t *pixels[DRAWN];
    int64_t calls, out_of_order, again, fail_at;
    size_t row_bytes;
} stream;

static fleck_status give(void *ctx, int64_t i, fleck_pixels *out)
{
    stream *s = ctx;

    if (s->calls < STREAMED) /* one call at a time: no lock */
        s->out_of_order += i != s->calls++;
    else
        s->again++;
    if (i == s->fail_at)
        return FLECK_E_IO;
    *out = (fleck_pixels){s->pixels[i % DRAWN], 64, 64, s->row_bytes, FLECK_RGB8};
    return FLECK_OK;
}

static stream open_stream(void)
{
    stream s = {.fail_at = -1, .row_bytes = 200};
    fleck_model *m = NULL;

    assert_ok(fleck_model_open(&m, f.model, NULL, err));
    for (int i = 0; i < DRAWN; i++) {
        fleck_result *r = NULL;

        assert_ok(fleck_score_file(m, train_image(i), true, &r, err));
        assert_true(r->image_width == 64 && r->image_height == 64);
        s.pixels[i] = calloc(64, 200);
        assert_non_null(s.pixels[i]);
        for (int y = 0; y < 64; y++)
            memcpy(s.pixels[i] + y * 200, r->image + y * 192, 192);
        fleck_result_free(&r);
    }
    fleck_model_close(&m);
    return s;
}

static void close_stream(stream *s)
{
    for (int i = 0; i < DRAWN; i++)
        free(s->pixels[i]);
}

/* Bytes of a model's file; free(). */
static uint8_t *saved(const fleck_model *m, size_t *size)
{
    const char *path = in_folder("streamed.fleck");
    uint8_t *bytes = malloc((size_t)1 << 22);
    FILE *file;

    assert_non_null(bytes);
    assert_ok(fleck_model_save(m, path, err));
    file = fopen(path, "rb");
    assert_non_null(file);
    *size = fread(bytes, 1, (size_t)1 << 22, file);
    assert_true(*size > 0 && feof(file));
    fclose(file);
    return bytes;
}

/* The same tensors; descriptions differ in the names of files, which a stream has none of. */
static void check_tensors(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
    uint64_t a_header, b_header;

    memcpy(&a_header, a, sizeof a_header);
    memcpy(&b_header, b, sizeof b_header);
    assert_int_equal(a_size - a_header, b_size - b_header);
    assert_memory_equal(a + 8 + a_header, b + 8 + b_header, a_size - a_header - 8);
}

static void compare_with_files(fleck_settings s)
{
    fleck_model *m = NULL;
    stream from = open_stream();
    char paths[DRAWN][8300];
    const char *files[STREAMED];
    uint8_t *wanted;
    size_t size, found_size;

    for (int i = 0; i < DRAWN; i++)
        snprintf(paths[i], sizeof paths[i], "%s", train_image(i));
    for (int i = 0; i < STREAMED; i++)
        files[i] = paths[i % DRAWN];
    assert_ok(fleck_fit_files(&m, files, STREAMED, &s, NULL, err));
    wanted = saved(m, &size);
    fleck_model_close(&m);
    for (s.threads = 1; s.threads <= 5; s.threads += 2) {
        uint8_t *found;

        from.calls = from.again = 0;
        assert_ok(fleck_fit_stream(&m, give, &from, STREAMED, &s, NULL, err));
        assert_int_equal(from.calls, STREAMED);
        assert_int_equal(from.out_of_order, 0);
        assert_int_equal(from.again, s.tile > 0 ? s.calibrate : 0);
        assert_true(fleck_model_describe(m)->calibrated <= DRAWN); /* duplicates count once */
        assert_int_equal(fleck_model_describe(m)->images, STREAMED);
        found = saved(m, &found_size);
        check_tensors(found, found_size, wanted, size);
        free(found);
        fleck_model_close(&m);
    }
    free(wanted);
    close_stream(&from);
}

static void a_stream_gives_the_bytes_that_its_files_give(void **state)
{
    (void)state;
    compare_with_files(settings());
}

static void with_tiles_a_stream_is_asked_again_for_what_calibrates(void **state)
{
    fleck_settings s = settings();

    (void)state;
    s.tile = 32;
    s.calibrate = 5;
    compare_with_files(s);
}

static void a_stream_ends_where_its_function_stops(void **state)
{
    fleck_settings s = settings();
    fleck_model *m = NULL;
    stream from = open_stream();

    (void)state;
    for (s.threads = 1; s.threads <= 5; s.threads += 2) {
        from.calls = 0;
        from.fail_at = 21;
        assert_refused(fleck_fit_stream(&m, give, &from, STREAMED, &s, NULL, err), FLECK_E_IO,
                       "image 21: the caller's function");
        assert_null(m);
        assert_int_equal(from.calls, 22); /* not called again */
    }
    close_stream(&from);
}

static void what_a_stream_cannot_be_is_refused(void **state)
{
    fleck_settings s = settings();
    fleck_model *m = NULL;
    stream from = open_stream(), none = {.fail_at = -1, .row_bytes = 192};

    (void)state;
    assert_refused(fleck_fit_stream(&m, give, &from, 0, &s, NULL, err), FLECK_E_NOTFOUND,
                   "at least one");
    from.row_bytes = 100;
    assert_refused(fleck_fit_stream(&m, give, &from, 3, &s, NULL, err), FLECK_E_SHAPE,
                   "image 0: rows of 64 RGB8 pixels take 192 bytes, got 100");
    assert_refused(fleck_fit_stream(&m, give, &none, 3, &s, NULL, err), FLECK_E_OPTION,
                   "image 0: expected an image with pixels");
    s.long_side = 64;
    assert_refused(fleck_fit_stream(&m, give, &from, 3, &s, NULL, err), FLECK_E_OPTION,
                   "long side");
    assert_null(m);
    close_stream(&from);
}

static void what_cannot_be_changed_after_a_fit_is_refused(void **state)
{
    fleck_run_settings run = test_run_defaults();
    const char *fixed[] = {"dims=2", NULL};
    fleck_model *m = NULL;

    (void)state;
    run.options = fixed;
    assert_refused(fleck_model_open(&m, f.model, &run, err), FLECK_E_OPTION, "fixed when");
    run.options = NULL;
    run.precision = "f8";
    assert_refused(fleck_model_open(&m, f.model, &run, err), FLECK_E_OPTION, "precision");
    run.precision = NULL;
    run.engine = "nosuch";
    assert_refused(fleck_model_open(&m, f.model, &run, err), FLECK_E_OPTION, "engine");
    assert_null(m);
}

/* ---- Scoring ---- */

typedef struct seen {
    int64_t next, bad;
    double scores[16];
} seen;

static fleck_status see(void *ctx, int64_t i, const fleck_result *r, const fleck_error *error)
{
    seen *s = ctx;

    assert_int_equal(i, s->next++);
    assert_true((r == NULL) != (error == NULL));
    s->scores[i] = r != NULL ? r->score : NAN;
    s->bad += r == NULL;
    return FLECK_OK;
}

static fleck_status stop(void *ctx, int64_t i, const fleck_result *r, const fleck_error *error)
{
    (void)ctx;
    (void)r;
    (void)error;
    return i == 1 ? FLECK_E_CANCELLED : FLECK_OK;
}

static void a_batch_comes_in_order_and_survives_a_bad_file(void **state)
{
    fleck_model *m = NULL;
    seen s = {0};
    char names[12][4300];
    const char *files[12];
    fleck_result *r = NULL;

    (void)state;
    for (int i = 0; i < 12; i++) {
        snprintf(names[i], sizeof names[i], "%s/train/good/%03d.png", f.sample, i % 6);
        files[i] = names[i];
    }
    files[4] = f.network; /* no image */
    assert_ok(fleck_model_open(&m, f.model, NULL, err));
    assert_ok(fleck_score_files(m, files, 12, false, see, &s, err));
    assert_int_equal(s.next, 12);
    assert_int_equal(s.bad, 1);
    assert_true(isnan(s.scores[4]));
    assert_true(s.scores[1] == s.scores[7]);
    assert_ok(fleck_score_file(m, files[3], false, &r, err));
    assert_true(r->score == s.scores[3]);
    fleck_result_free(&r);
    assert_refused(fleck_score_files(m, files, 12, false, stop, NULL, err), FLECK_E_CANCELLED,
                   "image 2 of 12");
    fleck_model_close(&m);
}

/* Scores by file, and how often each came. */
typedef struct handed {
    double scores[12];
    _Atomic int times[12];
    seen in_order;
} handed;

static void take(void *ctx, int64_t i, const fleck_result *r)
{
    handed *h = ctx;

    h->scores[i] = r->score;
    h->times[i]++;
}

/* By then the file's own has been handed over. */
static fleck_status compare(void *ctx, int64_t i, const fleck_result *r, const fleck_error *error)
{
    handed *h = ctx;

    assert_int_equal(h->times[i], r != NULL);
    if (r != NULL)
        assert_true(h->scores[i] == r->score);
    return see(&h->in_order, i, r, error);
}

static void results_are_handed_over_before_they_come_in_order(void **state)
{
    fleck_model *m = NULL;
    handed h = {0};
    char names[12][4300];
    const char *files[12];

    (void)state;
    for (int i = 0; i < 12; i++) {
        snprintf(names[i], sizeof names[i], "%s/train/good/%03d.png", f.sample, i % 6);
        files[i] = names[i];
    }
    files[7] = f.network; /* no image */
    assert_ok(fleck_model_open(&m, f.model, NULL, err));
    assert_ok(fleck_score_files_with(m, files, 12, false, take, compare, &h, err));
    assert_int_equal(h.in_order.next, 12);
    assert_int_equal(h.in_order.bad, 1);
    fleck_model_close(&m);
}

static void results_are_written_as_pictures_and_maps(void **state)
{
    fleck_model *m = NULL;
    fleck_result *r = NULL;
    float *map;
    char image[4300];

    (void)state;
    snprintf(image, sizeof image, "%s/test/dent/000.png", f.sample);
    assert_ok(fleck_model_open(&m, f.model, NULL, err));
    assert_ok(fleck_score_file(m, image, true, &r, err));
    map = calloc(64 * 64, sizeof *map);
    assert_non_null(map);
    assert_ok(fleck_result_full_map(m, r, map, err));
    assert_true(map[64 * 32 + 32] >= 0.0f);
    assert_ok(fleck_result_save_picture(m, r, in_folder("p.png"), err));
    assert_ok(fleck_result_save_map(m, r, in_folder("p.tiff"), true, err));
    assert_ok(fleck_result_save_map(m, r, in_folder("p.npy"), false, err));
    assert_refused(fleck_result_save_map(m, r, in_folder("p.bmp"), true, err), FLECK_E_OPTION,
                   ".npy");
    fleck_free(NULL);
    r->map_width++;
    assert_refused(fleck_result_full_map(m, r, map, err), FLECK_E_SHAPE, "not one of this model");
    free(map);
    fleck_result_free(&r);
    assert_ok(fleck_score_file(m, image, false, &r, err));
    assert_refused(fleck_result_save_picture(m, r, in_folder("q.png"), err), FLECK_E_STATE, "kept");
    assert_int_not_equal(access(in_folder("q.png"), F_OK), 0);
    fleck_result_free(&r);
    fleck_model_close(&m);
}

/* ---- Evaluation and pictures ---- */

static void maps_measured_from_files_equal_the_evaluation(void **state)
{
    fleck_metrics_settings s = test_metrics_defaults();
    fleck_eval_settings e = test_eval_defaults();
    static const char *const kinds[] = {"good",         "good",    "crack", "dent",
                                        "missing_hole", "scratch", "stain"};
    fleck_model *m = NULL;
    fleck_report *a = NULL, *b = NULL;

    (void)state;
    assert_ok(fleck_model_open(&m, f.model, NULL, err));
    e.protocol = FLECK_PROTOCOL_ORIGINAL;
    assert_ok(fleck_evaluate(m, f.sample, &e, &a, err));
    assert_int_equal(a->good, 2);
    assert_int_equal(a->defective, 5);
    assert_true(a->has_pixel && a->regions >= 5);
    assert_refused(fleck_metrics(in_folder("nomaps"), f.sample, &s, &b, err), FLECK_E_NOTFOUND,
                   "nomaps");
    for (int i = 0; i < 7; i++) {
        char image[4400], map[4400];
        fleck_result *r = NULL;

        snprintf(image, sizeof image, "%s/test/%s/%03d.png", f.sample, kinds[i], i == 1 ? 1 : 0);
        snprintf(map, sizeof map, "mkdir -p '%s/maps/%s'", f.folder, kinds[i]);
        assert_int_equal(system(map), 0); /* NOLINT */
        snprintf(map, sizeof map, "%s/maps/%s/%03d.npy", f.folder, kinds[i], i == 1 ? 1 : 0);
        assert_ok(fleck_score_file(m, image, false, &r, err));
        assert_ok(fleck_result_save_map(m, r, map, true, err));
        fleck_result_free(&r);
    }
    assert_ok(fleck_metrics(in_folder("maps"), f.sample, &s, &b, err));
    assert_true(a->pixel.auroc == b->pixel.auroc && a->pixel.ap == b->pixel.ap && a->pro == b->pro);
    fleck_free(a);
    fleck_free(b);
    s.pro_limit = 0.0;
    assert_refused(fleck_metrics(in_folder("maps"), f.sample, &s, &b, err), FLECK_E_OPTION,
                   "limit");
    fleck_model_close(&m);
}

static void a_panel_shows_up_to_eight_models(void **state)
{
    fleck_panel_column columns[2] = {{NULL, "PaDiM"}, {NULL, "again"}};
    char image[4300];

    (void)state;
    snprintf(image, sizeof image, "%s/test/stain/000.png", f.sample);
    for (int i = 0; i < 2; i++)
        assert_ok(fleck_model_open(&columns[i].model, f.model, NULL, err));
    assert_ok(fleck_panel(in_folder("panel.png"), image, NULL, columns, 2, 64, err));
    assert_int_equal(access(in_folder("panel.png"), R_OK), 0);
    assert_refused(fleck_panel(in_folder("panel.png"), image, NULL, columns, 0, 64, err),
                   FLECK_E_OPTION, "1 to 8");
    for (int i = 0; i < 2; i++)
        fleck_model_close(&columns[i].model);
}

/* ---- Memory ---- */

/* Whichever allocation fails, the call says so, leaves nothing behind and does not crash; sooner or
 * later none does. */
static void any_allocation_that_fails_is_an_error(void **state)
{
    char image[4300];
    bool through = false;

    (void)state;
    snprintf(image, sizeof image, "%s/test/stain/000.png", f.sample);
    for (int64_t n = 1; n < 100000 && !through; n += 1 + n / 16) {
        fleck_model *m = NULL;
        fleck_result *r = NULL;
        fleck_regions *regions = NULL;
        fleck_error err = {0};
        fleck_status st;

        fk_mem_fail_at(n);
        st = fleck_model_open(&m, f.model, NULL, &err);
        if (st == FLECK_OK)
            st = fleck_score_file(m, image, true, &r, &err);
        if (st == FLECK_OK)
            st = fleck_result_save_picture(m, r, in_folder("x.png"), &err);
        if (st == FLECK_OK)
            st = fleck_result_regions(m, r, NULL, &regions, &err);
        if (st == FLECK_OK)
            st = fleck_model_save(m, in_folder("x.fleck"), &err);
        through = fk_mem_fail_at(0) < n;
        if (!through && st != FLECK_E_NOMEM)
            fail_msg("allocation %lld: status %d, %s", (long long)n, (int)st, err.message);
        assert_true(!through || st == FLECK_OK);
        fleck_regions_free(&regions);
        fleck_result_free(&r);
        fleck_model_close(&m);
    }
    assert_true(through);
}

static void any_allocation_of_a_fit_that_fails_is_an_error(void **state)
{
    fleck_settings s = settings();
    bool through = false;

    (void)state;
    s.threads = 1;
    for (int64_t n = 1; n < 100000 && !through; n += 1 + n / 16) {
        fleck_model *m = NULL;
        fleck_report *report = NULL;
        fleck_error err = {0};
        fleck_status st;

        fk_mem_fail_at(n);
        st = fleck_fit(&m, f.sample, &s, NULL, &err);
        if (st == FLECK_OK)
            st = fleck_evaluate(m, f.sample, NULL, &report, &err);
        through = fk_mem_fail_at(0) < n;
        /* An evaluation tries a test image that met the failure again. */
        if (!through && st != FLECK_E_NOMEM && !(st == FLECK_OK && report->failed == 0))
            fail_msg("allocation %lld: status %d, %s", (long long)n, (int)st, err.message);
        assert_true(!through || st == FLECK_OK);
        fleck_free(report);
        fleck_model_close(&m);
    }
    assert_true(through);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods_options_and_backbones_can_be_listed),
        cmocka_unit_test(weights_that_are_not_there_are_reported),
        cmocka_unit_test(a_saved_model_scores_as_the_fitted_one),
        cmocka_unit_test(a_model_describes_and_verifies_itself),
        cmocka_unit_test(a_model_overwritten_under_its_reader_is_noticed_at_the_next_call),
        cmocka_unit_test(a_broken_model_is_not_installed),
        cmocka_unit_test(a_fit_can_be_stopped),
        cmocka_unit_test(what_a_fit_cannot_use_is_refused),
        cmocka_unit_test(what_images_of_a_table_ignore_is_not_learned_from_them),
        cmocka_unit_test(a_stream_gives_the_bytes_that_its_files_give),
        cmocka_unit_test(with_tiles_a_stream_is_asked_again_for_what_calibrates),
        cmocka_unit_test(a_stream_ends_where_its_function_stops),
        cmocka_unit_test(what_a_stream_cannot_be_is_refused),
        cmocka_unit_test(what_cannot_be_changed_after_a_fit_is_refused),
        cmocka_unit_test(a_batch_comes_in_order_and_survives_a_bad_file),
        cmocka_unit_test(results_are_handed_over_before_they_come_in_order),
        cmocka_unit_test(results_are_written_as_pictures_and_maps),
        cmocka_unit_test(maps_measured_from_files_equal_the_evaluation),
        cmocka_unit_test(a_panel_shows_up_to_eight_models),
        cmocka_unit_test(any_allocation_that_fails_is_an_error),
        cmocka_unit_test(any_allocation_of_a_fit_that_fails_is_an_error),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
