/* SPDX-License-Identifier: Apache-2.0 */
/* Every function of fleck.h with arguments that no caller should give: a status, never a signal. */
#include "fk_test.h"

#include "base/mem.h"
#include "network.h"
#include "tensor/safetensors.h"

#include <limits.h>
#include <math.h>
#include <unistd.h>

typedef struct fixture {
    char folder[4096], image[4400], sample[4200], network[4200], file[4200];
    fleck_model *model, *other; /* other: of another size */
} fixture;

static fixture f;

static fleck_settings settings(int64_t side)
{
    static const char *const options[] = {"dims=3", NULL};
    fleck_settings s = fk_fit_defaults();

    s.method = "padim";
    use_network(&s);
    s.width = s.crop_width = side;
    s.height = s.crop_height = side;
    s.options = options;
    s.threads = 1;
    s.calibrate = 0;
    return s;
}

static int set_up(void **state)
{
    fleck_synth_settings synth = test_synth_defaults();
    fleck_settings s, t;
    fleck_error err = {0};

    (void)state;
    snprintf(f.folder, sizeof f.folder, "%s", test_folder());
    snprintf(f.sample, sizeof f.sample, "%s/sample", f.folder);
    snprintf(f.image, sizeof f.image, "%s/train/good/000.png", f.sample);
    snprintf(f.file, sizeof f.file, "%s/out.png", f.folder);
    snprintf(f.network, sizeof f.network, "%s", network_file(false));
    synth.width = synth.height = 64;
    synth.train = 4;
    synth.good = synth.defective = 1;
    s = settings(48);
    t = settings(64);
    if (fleck_synth(f.sample, &synth, &err) != FLECK_OK ||
        fleck_fit(&f.model, f.sample, &s, NULL, &err) != FLECK_OK ||
        fleck_fit(&f.other, f.sample, &t, NULL, &err) != FLECK_OK) {
        printf("set up: %s\n", err.message);
        return 1;
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fleck_model_close(&f.model);
    fleck_model_close(&f.other);
    return test_remove(f.folder);
}

static fleck_status ignore(void *ctx, int64_t i, const fleck_result *result,
                           const fleck_error *error)
{
    (void)ctx;
    (void)i;
    (void)result;
    (void)error;
    return FLECK_OK;
}

#define refused(call) assert_refused(call, FLECK_E_OPTION, "")

static void what_only_tells_survives_nothing_and_any_number(void **state)
{
    fleck_model *none = NULL;
    fleck_result *empty = NULL;
    fleck_settings *no_settings = NULL;

    (void)state;
    assert_true(fleck_version()[0] != '\0');
    for (int i = -2; i < 200; i++)
        assert_non_null(fleck_status_name((fleck_status)i));
    fleck_free(NULL);
    for (int i = -1; i < 2; i++) {
        int far = i == 0 ? INT_MAX : i;

        if (i != 1) {
            assert_null(fleck_method_at(far));
            assert_null(fleck_backbone_at(far));
        }
        assert_null(fleck_method_option(NULL, far));
    }
    assert_null(fleck_method_at(fleck_method_count()));
    assert_null(fleck_backbone_at(fleck_backbone_count()));
    assert_null(fleck_method_option("padim", INT_MAX));
    assert_null(fleck_setting_at(-1));
    assert_null(fleck_setting_at(INT_MAX));
    fleck_settings_free(NULL);
    fleck_settings_free(&no_settings);
    fleck_settings_set_progress(NULL, NULL, NULL);
    fleck_settings_set_warning(NULL, NULL, NULL);
    assert_false(fleck_is_image_name(NULL));
    assert_null(fleck_nearest(NULL, NULL));
    fleck_model_close(NULL);
    fleck_model_close(&none);
    fleck_result_free(NULL);
    fleck_result_free(&empty);
    fleck_result_free(&empty);
    assert_null(fleck_model_describe(NULL));
    assert_null(fleck_model_network(NULL, 0));
    assert_null(fleck_model_network(f.model, -1));
    assert_null(fleck_model_network(f.model, 1));
    assert_null(fleck_model_network(f.model, INT_MAX));
    assert_non_null(fleck_model_network(f.model, 0)->name);
}

static void lists_of_images_want_a_list_and_a_path(void **state)
{
    fleck_images *images = NULL;
    int64_t count;
    char *text;

    (void)state;
    refused(fleck_images_open(NULL, true, err));
    assert_ok(fleck_images_open(&images, true, err));
    refused(fleck_images_add(NULL, f.folder, err));
    refused(fleck_images_add(images, NULL, err));
    refused(fleck_images_leave_out(NULL, f.folder, err));
    refused(fleck_images_leave_out(images, NULL, err));
    refused(fleck_images_passed(NULL, &count, &text, err));
    refused(fleck_images_passed(images, NULL, &text, err));
    refused(fleck_images_passed(images, &count, NULL, err));
    assert_int_equal(fleck_images_count(NULL), 0);
    assert_int_equal(fleck_images_broken_count(NULL), 0);
    assert_null(fleck_images_path(images, 0));
    assert_null(fleck_images_path(images, -1));
    assert_null(fleck_images_path(NULL, 0));
    assert_null(fleck_images_broken(images, 0));
    fleck_images_set_progress(NULL, NULL, NULL);
    fleck_images_set_progress(images, NULL, NULL);
    fleck_images_close(&images);
    fleck_images_close(&images);
    fleck_images_close(NULL);
}

static void outputs_want_a_path(void **state)
{
    char *name = NULL;

    (void)state;
    refused(fleck_output_name(NULL, "a.png", ".png", err));
    refused(fleck_output_name(&name, NULL, ".png", err));
    refused(fleck_output_name(&name, "a.png", NULL, err));
    assert_null(name);
    refused(fleck_output_check(NULL, err));
    refused(fleck_output_replace(NULL, FLECK_OUTPUT_MAP, NULL, false, err));
    refused(fleck_file_write(NULL, "x", 1, err));
    refused(fleck_file_write("x", NULL, 1, err));
    refused(fleck_output_replace(f.file, FLECK_OUTPUT_COPY + 1, NULL, false, err));
    refused(fleck_file_copy(NULL, "x", err));
    refused(fleck_file_copy_with(NULL, "x", NULL, NULL, err));
    refused(fleck_file_copy_with(f.image, NULL, NULL, NULL, err));
    refused(fleck_file_copy(f.image, NULL, err));
    assert_refused(fleck_file_copy(f.image, f.image, err), FLECK_E_STATE, f.image);
    assert_refused(fleck_file_copy(f.folder, f.file, err), FLECK_E_FORMAT, f.folder);
    assert_null(fleck_utf8_name(NULL));
    refused(fleck_model_set_pixel_threshold(NULL, 1.0, err));
    refused(fleck_model_set_pixel_threshold(f.model, INFINITY, err));
    assert_int_equal(fleck_model_set_pixel_threshold(f.model, 1.0, NULL), FLECK_E_STATE);
    refused(fleck_model_install(NULL, f.folder, NULL, NULL, err));
    refused(fleck_model_install(f.image, NULL, NULL, NULL, err));
}

static void bytes_are_scored_as_their_file_is(void **state)
{
    static unsigned char bytes[1 << 20];
    fleck_result *file = NULL, *memory = NULL;
    fleck_scorer *scorer = NULL;
    FILE *in = fopen(f.image, "rb");
    size_t size;

    (void)state;
    assert_non_null(in);
    size = fread(bytes, 1, sizeof bytes, in);
    fclose(in);
    assert_ok(fleck_scorer_open(&scorer, f.model, err));
    refused(fleck_scorer_bytes(NULL, bytes, size, "a", false, &memory, err));
    refused(fleck_scorer_bytes(scorer, NULL, size, "a", false, &memory, err));
    refused(fleck_scorer_bytes(scorer, bytes, size, NULL, false, &memory, err));
    refused(fleck_scorer_bytes(scorer, bytes, size, "a", false, NULL, err));
    assert_refused(fleck_scorer_bytes(scorer, bytes, 0, "a", false, &memory, err), FLECK_E_FORMAT,
                   "a: ");
    assert_refused(fleck_scorer_bytes(scorer, bytes, size / 2, "b", false, &memory, err),
                   FLECK_E_FORMAT, "b: ");
    assert_null(memory);
    assert_ok(fleck_scorer_file(scorer, f.image, false, &file, err));
    assert_ok(fleck_scorer_bytes(scorer, bytes, size, "c", false, &memory, err));
    assert_true(memory->score == file->score);
    assert_null(memory->path);
    fleck_result_free(&file);
    fleck_result_free(&memory);
    fleck_scorer_close(&scorer);
}

static void photos_want_a_file_and_pixels_their_samples(void **state)
{
    const uint8_t grey[6] = {0, 50, 100, 150, 200, 250};
    fleck_pixels p = {grey, 3, 2, 3, FLECK_GREY8}, none = {NULL, 3, 2, 3, FLECK_GREY8};
    unsigned char *bytes = NULL;
    fleck_photo *photo = NULL;
    size_t size;

    (void)state;
    refused(fleck_photo_read(NULL, f.image, 0, err));
    refused(fleck_photo_read(&photo, NULL, 0, err));
    refused(fleck_photo_read(&photo, f.image, -1, err));
    assert_refused(fleck_photo_read(&photo, f.network, 0, err), FLECK_E_FORMAT, f.network);
    assert_null(photo);
    assert_ok(fleck_photo_read(&photo, f.image, 20, err));
    assert_int_equal(photo->width, 20);
    assert_int_equal(photo->full_height, 64);
    fleck_photo_free(&photo);
    fleck_photo_free(&photo);
    refused(fleck_pixels_jpeg(NULL, &bytes, &size, err));
    refused(fleck_pixels_jpeg(&p, NULL, &size, err));
    refused(fleck_pixels_jpeg(&p, &bytes, NULL, err));
    refused(fleck_pixels_jpeg(&none, &bytes, &size, err));
    p.row_bytes = 2;
    assert_int_equal(fleck_pixels_jpeg(&p, &bytes, &size, NULL), FLECK_E_SHAPE);
    assert_null(bytes);
    p.row_bytes = 3;
    assert_ok(fleck_pixels_jpeg(&p, &bytes, &size, err));
    assert_true(size > 2 && bytes[0] == 0xff && bytes[1] == 0xd8);
    fleck_free(bytes);
}

static void weights_want_a_folder_a_name_and_a_file(void **state)
{
    fleck_weights_info *info = NULL;
    bool complete = true;

    (void)state;
    refused(fleck_weights_add(NULL, "resnet18", f.image, &complete, err));
    refused(fleck_weights_add_with(NULL, "resnet18", f.image, NULL, NULL, NULL, err));
    refused(fleck_weights_add_with(f.folder, NULL, f.image, NULL, NULL, NULL, err));
    refused(fleck_weights_add_with(f.folder, "resnet18", NULL, NULL, NULL, NULL, err));
    assert_false(complete);
    refused(fleck_weights_add(f.folder, NULL, f.image, NULL, err));
    refused(fleck_weights_add(f.folder, "resnet18", NULL, NULL, err));
    assert_refused(fleck_weights_add(f.folder, "resnet81", f.image, NULL, err), FLECK_E_OPTION,
                   "did you mean resnet18?");
    assert_true(fleck_weights_add(f.folder, "resnet18", f.folder, NULL, NULL) != FLECK_OK);
    refused(fleck_weights_fetch(NULL, "resnet18", NULL, NULL, NULL, err));
    refused(fleck_weights_fetch(f.folder, NULL, NULL, NULL, NULL, err));
    refused(fleck_weights_find(NULL, f.folder, "resnet18", err));
    refused(fleck_weights_find(&info, NULL, "resnet18", err));
    refused(fleck_weights_find(&info, f.folder, NULL, err));
}

static fleck_status bad_pixels(void *ctx, int64_t i, fleck_pixels *out)
{
    (void)i;
    *out = *(const fleck_pixels *)ctx;
    return FLECK_OK;
}

static void a_fit_refuses_settings_that_mean_nothing(void **state)
{
    fleck_settings good = settings(48), s, zero = {0};
    fleck_model *m = f.model; /* not to be touched */
    const char *const holes[2] = {f.image, NULL};
    const uint8_t byte = 0;
    fleck_pixels pixels[] = {{NULL, 64, 64, 192, FLECK_RGB8},
                             {&byte, -1, 64, 192, FLECK_RGB8},
                             {&byte, INT64_MAX, INT64_MAX, SIZE_MAX, FLECK_RGBA16},
                             {&byte, 64, 64, 1, FLECK_GREY8},
                             {&byte, 64, 64, SIZE_MAX / 2, FLECK_BGR16},
                             {&byte, 64, 64, SIZE_MAX / 64, (fleck_pixel_format)10},
                             {&byte, 64, 64, SIZE_MAX / 64, (fleck_pixel_format)-1}};

    (void)state;
    refused(fleck_fit(NULL, f.sample, &good, NULL, err));
    refused(fleck_fit(&m, NULL, &good, NULL, err));
    assert_null(m);
    assert_refused(fleck_fit(&m, f.sample, &zero, NULL, err), FLECK_E_OPTION, "method");
    assert_true(fleck_fit(&m, f.sample, NULL, NULL, NULL) != FLECK_OK);
    refused(fleck_fit_files(NULL, holes, 1, &good, NULL, err));
    refused(fleck_fit_files(&m, NULL, 2, &good, NULL, err));
    refused(fleck_fit_files(&m, holes, -1, &good, NULL, err));
    refused(fleck_fit_files(&m, holes, 2, &good, NULL, err));
    refused(fleck_fit_stream(NULL, bad_pixels, pixels, 2, &good, NULL, err));
    refused(fleck_fit_stream(&m, NULL, NULL, 2, &good, NULL, err));
    for (size_t i = 0; i < sizeof pixels / sizeof pixels[0]; i++)
        assert_true(fleck_fit_stream(&m, bad_pixels, &pixels[i], 2, &good, NULL, NULL) != FLECK_OK);
#define with(field, value, part)                                                                   \
    s = good;                                                                                      \
    s.field = value;                                                                               \
    assert_refused(fleck_fit(&m, f.sample, &s, NULL, err), FLECK_E_OPTION, part);                  \
    assert_null(m)
    with(method, NULL, "method");
    with(method, "padmi", "did you mean padim?");
    with(method, "", "method");
    with(backbone, NULL, "backbone");
    with(backbone, "resnet81", "did you mean resnet18?");
    with(precision, NULL, "precision");
    with(precision, "", "precision");
    with(normalisation, NULL, "normalisation");
    with(engine, "", "engine");
    with(resize, "", "resize");
    with(pool, "", "pool");
    with(sigma, NAN, "sigma");
    with(sigma, (double)INFINITY, "sigma");
    with(sigma, -1.0, "sigma");
    with(width, INT64_MAX, "size");
    with(width, -5, "size");
    with(crop_width, 49, "crop");
    with(long_side, INT64_MIN, "long-side");
    with(tile, -1, "tiles");
    with(calibrate, -1, "calibrate");
    with(max_memory, -1, "");
    with(threads, -1, "threads");
    with(threads, INT_MAX, "threads");
    with(options, ((const char *const[]){"k-image=3", NULL}), "it belongs to spade");
    with(options, ((const char *const[]){"dim=3", NULL}), "did you mean --dims?");
    with(options, ((const char *const[]){"", NULL}), "name=value");
    s = good;
    s.tile = 48;
    s.overlap = NAN;
    refused(fleck_fit(&m, f.sample, &s, NULL, err));
#undef with
}

static void a_setting_that_is_not_there_and_a_value_that_it_does_not_take_are_refused(void **state)
{
    static const char *const texts[2] = {"1,1,2,2", NULL};
    fleck_settings *s = NULL;
    fleck_model *m = NULL;
    char *text = NULL;

    (void)state;
    refused(fleck_settings_create(NULL, err));
    assert_ok(fleck_settings_create(&s, err));
    refused(fleck_settings_set(NULL, "tiles", "64", err));
    refused(fleck_settings_set(s, NULL, "64", err));
    refused(fleck_settings_set(s, "tiles", NULL, err));
    refused(fleck_settings_set(s, "", "", err));
    assert_refused(fleck_settings_set(s, "overlp", "0.5", err), FLECK_E_OPTION,
                   "did you mean overlap?");
    assert_refused(fleck_settings_set(s, "overlap", "0.8", err), FLECK_E_OPTION,
                   "--overlap: expected a number from 0 to 0.75, got \"0.8\"");
    assert_refused(fleck_settings_set(s, "only", "1,2,3,4", err), FLECK_E_UNSUPPORTED, "a list");
    refused(fleck_settings_set_list(NULL, "ignore", texts, 1, err));
    refused(fleck_settings_set_list(s, NULL, texts, 1, err));
    refused(fleck_settings_set_list(s, "ignore", NULL, 1, err));
    refused(fleck_settings_set_list(s, "ignore", texts, -1, err));
    refused(fleck_settings_set_list(s, "ignore", texts, 2, err)); /* the second is NULL */
    assert_refused(fleck_settings_set_list(s, "tiles", texts, 1, err), FLECK_E_UNSUPPORTED,
                   "no list");
    refused(fleck_settings_get(NULL, "tiles", &text, err));
    refused(fleck_settings_get(s, NULL, &text, err));
    refused(fleck_settings_get(s, "tiles", NULL, err));
    refused(fleck_settings_get(s, "tils", &text, err));
    assert_null(text);
    assert_ok(fleck_settings_set(s, "overlap", "0.5", err));
    assert_refused(fleck_fit(&m, f.sample, s, NULL, err), FLECK_E_OPTION, "belongs to --tiles");
    assert_null(m);
    assert_refused(fleck_settings_check(s, err), FLECK_E_OPTION, "belongs to --tiles");
    assert_ok(fleck_settings_set(s, "tiles", "64", err));
    assert_ok(fleck_settings_set(s, "method", "padm", err));
    assert_refused(fleck_settings_check(s, err), FLECK_E_OPTION, "there is no method \"padm\"");
    assert_ok(fleck_settings_set_list(s, "masks", texts, 1, err));
    assert_refused(fleck_fit_files(&m, (const char *const[]){f.image, f.image}, 2, s, NULL, err),
                   FLECK_E_OPTION, "masks");
    fleck_settings_free(&s);
    fleck_settings_free(&s);
}

static void a_model_is_saved_opened_and_verified_with_arguments_only(void **state)
{
    fleck_run_settings run = test_run_defaults();
    fleck_model *m = f.model;
    double difference;
    void *bytes = NULL;
    size_t size;

    (void)state;
    refused(fleck_model_save(NULL, f.file, err));
    refused(fleck_model_save(f.model, NULL, err));
    assert_true(fleck_model_save(f.model, f.folder, NULL) != FLECK_OK);
    assert_true(fleck_model_save(f.model, "", NULL) != FLECK_OK);
    refused(fleck_model_save_with(NULL, f.file, NULL, NULL, err));
    refused(fleck_model_save_with(f.model, NULL, NULL, NULL, err));
    refused(fleck_model_open(NULL, f.file, &run, err));
    refused(fleck_model_open(&m, NULL, &run, err));
    assert_null(m);
    assert_true(fleck_model_open(&m, f.folder, NULL, NULL) != FLECK_OK);
    refused(fleck_model_open_memory(NULL, f.file, 1, &run, err));
    refused(fleck_model_open_memory(&m, NULL, 1, &run, err));
    refused(fleck_model_open_memory(&m, f.file, SIZE_MAX, &run, err));
    assert_true(fleck_model_open_memory(&m, f.file, 0, NULL, NULL) != FLECK_OK);
    refused(fleck_model_save_memory(NULL, &bytes, &size, NULL, NULL, err));
    refused(fleck_model_save_memory(f.model, NULL, &size, NULL, NULL, err));
    refused(fleck_model_save_memory(f.model, &bytes, NULL, NULL, NULL, err));
    run.threads = -1;
    refused(fleck_model_open(&m, f.file, &run, err));
    refused(fleck_model_open_memory(&m, f.file, 1, &run, err));
    assert_false(fleck_model_held_out(NULL, 0, &(fleck_held_out){0}));
    assert_false(fleck_model_held_out(f.model, 0, NULL));
    assert_false(fleck_model_held_out(f.model, -1, &(fleck_held_out){0}));
    assert_false(fleck_model_held_out(f.model, INT64_MAX, &(fleck_held_out){0}));
    refused(fleck_model_threshold_at(NULL, 0.1, &difference, NULL, err));
    refused(fleck_model_threshold_at(f.model, 0.1, NULL, NULL, err));
    refused(fleck_model_threshold_at(f.model, NAN, &difference, NULL, err));
    assert_refused(fleck_model_threshold_at(f.model, 0.1, &difference, NULL, err), FLECK_E_STATE,
                   "held-out");
    refused(fleck_threshold_of(NULL, 1, 0.1, &difference, NULL, err));
    refused(fleck_threshold_of(&difference, 1, 0.1, NULL, NULL, err));
    refused(fleck_threshold_of((double[]){1.0}, 0, 0.1, &difference, NULL, err));
    refused(fleck_threshold_of((double[]){1.0}, 1, 0.0, &difference, NULL, err));
    refused(fleck_model_set_false_alarms(NULL, 0.1, err));
    refused(fleck_model_set_false_alarms(f.model, 1.0, err));
    refused(fleck_model_set_threshold(NULL, 1.0, "set", err));
    refused(fleck_model_set_threshold(f.model, 1.0, NULL, err));
    refused(fleck_model_set_threshold(f.model, 1.0, "none", err));
    refused(fleck_model_set_threshold(f.model, (double)INFINITY, "set", err));
    refused(fleck_model_verify(NULL, 0.0, &difference, err));
    refused(fleck_model_verify(f.model, 0.0, NULL, err));
    assert_true(isnan(difference));
    (void)!fleck_model_verify(f.model, NAN, &difference, NULL);
}

static void scoring_wants_a_model_pixels_and_someone_to_tell(void **state)
{
    const char *const holes[2] = {f.image, NULL};
    const uint8_t byte = 0;
    fleck_pixels p = {&byte, 1, 1, 3, FLECK_RGB8}, none = {NULL, 1, 1, 3, FLECK_RGB8};
    fleck_result *r = NULL;
    fleck_scorer *scorer = NULL;

    (void)state;
    refused(fleck_score_file(NULL, f.image, false, &r, err));
    refused(fleck_score_file(f.model, NULL, false, &r, err));
    refused(fleck_score_file(f.model, f.image, false, NULL, err));
    refused(fleck_score_pixels(NULL, &p, NULL, false, &r, err));
    refused(fleck_score_pixels(f.model, NULL, NULL, false, &r, err));
    refused(fleck_score_pixels(f.model, &p, NULL, false, NULL, err));
    refused(fleck_score_pixels(f.model, &none, NULL, false, &r, err));
    assert_true(fleck_score_pixels(f.model, &p, &none, false, &r, NULL) != FLECK_OK);
    for (int i = 0; i < 6; i++) {
        const int64_t sizes[6][2] = {{0, 1},         {-1, 1},  {INT64_MAX, 2},
                                     {2, INT64_MAX}, {64, 64}, {64, 64}};
        const size_t rows[6] = {3, 3, SIZE_MAX, 6, SIZE_MAX, SIZE_MAX / 64 + 1};

        p = (fleck_pixels){&byte, sizes[i][0], sizes[i][1], rows[i], FLECK_RGB8};
        assert_true(fleck_score_pixels(f.model, &p, NULL, false, &r, NULL) != FLECK_OK);
        assert_null(r);
    }
    refused(fleck_scorer_open(NULL, f.model, err));
    refused(fleck_scorer_open(&scorer, NULL, err));
    assert_null(scorer);
    assert_int_equal(fleck_scorer_open(&scorer, f.model, NULL), FLECK_OK);
    refused(fleck_scorer_file(NULL, f.image, false, &r, err));
    refused(fleck_scorer_file(scorer, NULL, false, &r, err));
    refused(fleck_scorer_file(scorer, f.image, false, NULL, err));
    refused(fleck_scorer_pixels(NULL, &p, NULL, false, &r, err));
    refused(fleck_scorer_pixels(scorer, NULL, NULL, false, &r, err));
    refused(fleck_scorer_pixels(scorer, &p, NULL, false, NULL, err));
    refused(fleck_scorer_pixels(scorer, &none, NULL, false, &r, err));
    p.width = -1;
    assert_int_equal(fleck_scorer_pixels(scorer, &p, NULL, false, &r, NULL), FLECK_E_FORMAT);
    refused(fleck_settings_check(NULL, err));
    refused(fleck_scorer_set_threads(NULL, 1, err));
    refused(fleck_scorer_set_threads(scorer, 0, err));
    fleck_scorer_set_progress(NULL, NULL, NULL);
    fleck_scorer_set_progress(scorer, NULL, NULL);
    fleck_scorer_close(&scorer);
    fleck_scorer_close(NULL);
    refused(fleck_score_files(NULL, holes, 1, false, ignore, NULL, err));
    refused(fleck_score_files(f.model, NULL, 1, false, ignore, NULL, err));
    refused(fleck_score_files(f.model, holes, -1, false, ignore, NULL, err));
    refused(fleck_score_files(f.model, holes, 2, false, ignore, NULL, err));
    refused(fleck_score_files(f.model, holes, 1, false, NULL, NULL, err));
    refused(fleck_score_files_with(NULL, holes, 1, false, NULL, ignore, NULL, err));
    assert_int_equal(fleck_score_files(f.model, NULL, 0, false, ignore, NULL, NULL), FLECK_OK);
    refused(fleck_score_batch(NULL, &p, NULL, 1, false, NULL, ignore, NULL, err));
    refused(fleck_score_batch(f.model, NULL, NULL, 1, false, NULL, ignore, NULL, err));
    refused(fleck_score_batch(f.model, &p, NULL, -1, false, NULL, ignore, NULL, err));
    refused(fleck_score_batch(f.model, &p, NULL, 1, false, NULL, NULL, NULL, err));
    assert_ok(fleck_score_batch(f.model, &none, NULL, 1, false, NULL, ignore, NULL, err));
    assert_ok(fleck_score_batch(f.model, NULL, NULL, 0, false, NULL, ignore, NULL, err));
}

static void results_of_nothing_and_of_other_models_are_refused(void **state)
{
    const fleck_result empty = {0};
    fleck_result *r = NULL;
    float map[64 * 64];
    unsigned char *bytes = NULL;
    size_t size;

    (void)state;
    assert_ok(fleck_score_file(f.model, f.image, true, &r, err));
    for (int i = 0; i < 4; i++) {
        fleck_result bad = i < 2 ? empty : *r;
        const fleck_model *m = i == 2 ? f.other : f.model;
        fleck_status expected = FLECK_E_SHAPE;

        if (i == 1)
            bad.map = r->map;
        if (i == 3)
            bad.image_width = INT64_MAX;
        assert_refused(fleck_result_full_map(m, &bad, map, err), expected, "result");
        assert_refused(fleck_result_save_map(m, &bad, f.file, true, err), expected, "result");
        assert_refused(fleck_result_save_map(m, &bad, f.file, false, err), expected, "result");
        assert_refused(fleck_result_save_picture(m, &bad, f.file, err), expected, "result");
        assert_refused(fleck_result_picture_jpeg(m, &bad, NULL, 0, &bytes, &size, err), expected,
                       "result");
        assert_null(bytes);
    }
    refused(fleck_result_full_map(NULL, r, map, err));
    refused(fleck_result_full_map(f.model, NULL, map, err));
    refused(fleck_result_full_map(f.model, r, NULL, err));
    refused(fleck_result_save_map(NULL, r, f.file, true, err));
    refused(fleck_result_save_map(f.model, NULL, f.file, true, err));
    refused(fleck_result_save_map(f.model, r, NULL, true, err));
    refused(fleck_result_save_map(f.model, r, f.file, true, err)); /* .png */
    refused(fleck_result_save_picture(NULL, r, f.file, err));
    refused(fleck_result_save_picture(f.model, NULL, f.file, err));
    refused(fleck_result_save_picture(f.model, r, NULL, err));
    refused(fleck_result_picture_jpeg(NULL, r, NULL, 0, &bytes, &size, err));
    refused(fleck_result_picture_jpeg(f.model, NULL, NULL, 0, &bytes, &size, err));
    refused(fleck_result_picture_jpeg(f.model, r, NULL, -1, &bytes, &size, err));
    refused(fleck_result_picture_jpeg(f.model, r, NULL, 0, NULL, &size, err));
    refused(fleck_result_picture_jpeg(f.model, r, NULL, 0, &bytes, NULL, err));
    refused(fleck_result_save_picture_with(NULL, r, NULL, f.file, err));
    refused(fleck_result_save_picture_with(f.model, NULL, NULL, f.file, err));
    refused(fleck_result_save_picture_with(f.model, r, NULL, NULL, err));
    for (int i = 0; i < 4; i++) {
        fleck_picture_settings s = test_picture_defaults();
        fleck_region_settings regions = test_region_defaults();

        s.regions = &regions;
        s.kind = i == 0 ? (fleck_picture_kind)-1 : i == 1 ? (fleck_picture_kind)3 : s.kind;
        regions.min_area = i == 2 ? -1 : 0;
        regions.min_percent = i == 3 ? NAN : 0.0;
        refused(fleck_result_save_picture_with(f.model, r, &s, f.file, err));
        refused(fleck_result_picture_jpeg(f.model, r, &s, 0, &bytes, &size, err));
    }
    fleck_result_free(&r);
}

static void regions_want_a_map_a_threshold_and_a_least_area(void **state)
{
    const float map[4] = {0, 1, 2, 3};
    fleck_region_settings s = test_region_defaults(), number = s;
    const int64_t sizes[][2] = {{0, 1}, {1, 0}, {-1, 4}, {4, -1}, {INT64_MIN, INT64_MIN}};
    const double percents[] = {-1.0, 101.0, NAN, (double)INFINITY};
    fleck_regions *r = NULL;
    fleck_result *result = NULL;

    (void)state;
    fleck_regions_free(NULL);
    fleck_regions_free(&r);
    assert_true(isnan(s.threshold));
    number.threshold = 0.5;
    refused(fleck_regions_find(NULL, map, 2, 2, &number, err));
    refused(fleck_regions_find(&r, NULL, 2, 2, &number, err));
    refused(fleck_regions_find(&r, map, 2, 2, NULL, err));
    assert_refused(fleck_regions_find(&r, map, 2, 2, &s, err), FLECK_E_OPTION, "threshold");
    for (int i = 0; i < 5; i++)
        refused(fleck_regions_find(&r, map, sizes[i][0], sizes[i][1], &number, err));
    assert_refused(fleck_regions_find(&r, map, INT64_MAX, 2, &number, err), FLECK_E_LIMIT, "limit");
    assert_ok(fleck_score_file(f.model, f.image, false, &result, err));
    refused(fleck_result_regions(NULL, result, NULL, &r, err));
    refused(fleck_result_regions(f.model, NULL, NULL, &r, err));
    refused(fleck_result_regions(f.model, result, NULL, NULL, err));
    assert_refused(fleck_result_regions(f.other, result, &number, &r, err), FLECK_E_SHAPE,
                   "result");
    assert_refused(fleck_result_regions(f.model, result, NULL, &r, err), FLECK_E_STATE,
                   "not calibrated");
    for (int i = 0; i < 5; i++) {
        s = number;
        s.min_area = i == 4 ? -1 : 0;
        s.min_percent = i < 4 ? percents[i] : 0.0;
        refused(fleck_regions_find(&r, map, 2, 2, &s, err));
        refused(fleck_result_regions(f.model, result, &s, &r, err));
        assert_null(r);
    }
    assert_ok(fleck_result_regions(f.model, result, &number, &r, err));
    assert_int_equal(r->width, 64);
    fleck_regions_free(&r);
    fleck_result_free(&result);
}

static void measuring_refuses_what_is_no_protocol_or_limit(void **state)
{
    fleck_eval_settings e = test_eval_defaults();
    fleck_metrics_settings m = test_metrics_defaults();
    const double limits[] = {0.0, -1.0, 1.5, NAN, (double)INFINITY};
    fleck_report *r = NULL;

    (void)state;
    refused(fleck_evaluate(NULL, f.sample, &e, &r, err));
    refused(fleck_evaluate(f.model, NULL, &e, &r, err));
    refused(fleck_evaluate(f.model, f.sample, &e, NULL, err));
    refused(fleck_metrics(NULL, f.sample, &m, &r, err));
    refused(fleck_metrics(f.folder, NULL, &m, &r, err));
    refused(fleck_metrics(f.folder, f.sample, &m, NULL, err));
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        e.pro_limit = m.pro_limit = limits[i];
        refused(fleck_evaluate(f.model, f.sample, &e, &r, err));
        refused(fleck_metrics(f.folder, f.sample, &m, &r, err));
    }
    e = test_eval_defaults();
    m = test_metrics_defaults();
    e.protocol = m.protocol = (fleck_protocol)77;
    refused(fleck_evaluate(f.model, f.sample, &e, &r, err));
    refused(fleck_metrics(f.folder, f.sample, &m, &r, err));
    m = test_metrics_defaults();
    m.protocol = FLECK_PROTOCOL_PAPER;
    m.width = INT64_MAX;
    assert_true(fleck_metrics(f.folder, f.sample, &m, &r, NULL) != FLECK_OK);
    m.threads = -1;
    refused(fleck_metrics(f.folder, f.sample, &m, &r, err));
}

static void benchmarks_panels_and_samples_refuse_too(void **state)
{
    fleck_bench_settings b = test_bench_defaults();
    fleck_bench_summary *summary = NULL;
    fleck_compare_settings c = test_compare_defaults();
    fleck_comparison *comparison = NULL;
    fleck_panel_column columns[2] = {{f.model, NULL}, {NULL, "x"}};
    fleck_synth_settings synth = test_synth_defaults();
    const char *const none[] = {NULL}, *const run[] = {"padim", NULL};

    (void)state;
    refused(fleck_bench(NULL, f.folder, &b, &summary, err));
    refused(fleck_bench(f.folder, NULL, &b, &summary, err));
    refused(fleck_bench(f.folder, f.folder, &b, NULL, err));
    refused(fleck_bench(f.folder, f.folder, NULL, &summary, err)); /* no run */
    b.runs = none;
    refused(fleck_bench(f.folder, f.folder, &b, &summary, err));
    b.runs = run;
    b.backbones = none;
    refused(fleck_bench(f.folder, f.folder, &b, &summary, err));
    b.backbones = NULL;
    b.categories = none;
    refused(fleck_bench(f.folder, f.folder, &b, &summary, err));
    b.categories = NULL;
    b = test_bench_defaults();
    b.preset = "reprot";
    refused(fleck_bench(f.folder, f.folder, &b, &summary, err));
    b = test_bench_defaults();
    b.pro_limit = NAN;
    refused(fleck_bench(f.folder, f.folder, &b, &summary, err));
    refused(fleck_compare(NULL, NULL, f.image, NULL, &c, &comparison, err));
    refused(fleck_compare(f.image, NULL, NULL, NULL, &c, &comparison, err));
    refused(fleck_compare(f.image, NULL, f.image, NULL, &c, NULL, err));
    refused(fleck_panel(NULL, f.image, NULL, columns, 1, 64, err));
    refused(fleck_panel(f.file, NULL, NULL, columns, 1, 64, err));
    refused(fleck_panel(f.file, f.image, NULL, NULL, 1, 64, err));
    refused(fleck_panel(f.file, f.image, NULL, columns, INT_MAX, 64, err));
    refused(fleck_panel(f.file, f.image, NULL, columns, -1, 64, err));
    refused(fleck_panel(f.file, f.image, NULL, columns, 1, 64, err));
    refused(fleck_panel(f.file, f.image, NULL, columns + 1, 1, 64, err));
    columns[0].caption = "a";
    refused(fleck_panel(f.file, f.image, NULL, columns, 1, INT64_MIN, err));
    refused(fleck_synth(NULL, &synth, err));
    synth.train = -1;
    refused(fleck_synth(f.file, &synth, err));
    synth = test_synth_defaults();
    synth.width = INT64_MAX;
    refused(fleck_synth(f.file, &synth, err));
}

/* Defaults of a struct that begins with its size, whatever a caller says this is. */
#define TRY_DEFAULTS(function, type)                                                               \
    do {                                                                                           \
        unsigned char bytes[sizeof(type) + 64];                                                    \
                                                                                                   \
        function(NULL, sizeof(type));                                                              \
        for (size_t size = 0; size <= sizeof bytes; size++) {                                      \
            memset(bytes, 0xa5, sizeof bytes);                                                     \
            function((type *)(void *)bytes, size);                                                 \
            for (size_t i = size < sizeof size ? 0 : size; i < sizeof bytes; i++)                  \
                assert_int_equal(bytes[i], 0xa5);                                                  \
            for (size_t i = sizeof(type); i < size; i++)                                           \
                assert_int_equal(bytes[i], 0);                                                     \
        }                                                                                          \
    } while (0)

static void defaults_are_written_into_what_is_there(void **state)
{
    fleck_region_settings small[3];
    fleck_regions *r = NULL;
    const float map[4] = {0, 1, 2, 3};

    (void)state;
    TRY_DEFAULTS(fleck_run_defaults, fleck_run_settings);
    TRY_DEFAULTS(fleck_region_defaults, fleck_region_settings);
    TRY_DEFAULTS(fleck_picture_defaults, fleck_picture_settings);
    TRY_DEFAULTS(fleck_eval_defaults, fleck_eval_settings);
    TRY_DEFAULTS(fleck_metrics_defaults, fleck_metrics_settings);
    TRY_DEFAULTS(fleck_bench_defaults, fleck_bench_settings);
    TRY_DEFAULTS(fleck_compare_defaults, fleck_compare_settings);
    TRY_DEFAULTS(fleck_synth_defaults, fleck_synth_settings);
    for (int i = 0; i < 5; i++) { /* never written; of an older header; of newer ones */
        const size_t sizes[] = {0, SIZE_MAX, offsetof(fleck_region_settings, min_area),
                                sizeof small, sizeof small};
        const fleck_status expected[] = {FLECK_E_OPTION, FLECK_E_OPTION, FLECK_OK, FLECK_OK,
                                         FLECK_E_UNSUPPORTED};
        fleck_error err = {0};

        memset(small, 0, sizeof small);
        fleck_region_defaults(small, sizes[i] < sizeof small ? sizes[i] : sizeof small);
        small[0].size = sizes[i];
        small[0].threshold = 1.5;
        small[0].min_area = i == 2 ? INT64_MIN : 0; /* behind its end: not looked at */
        small[2].min_percent = i == 4 ? 1.0 : 0.0;
        assert_int_equal(fleck_regions_find(&r, map, 2, 2, small, &err), expected[i]);
        assert_true((r != NULL) == (expected[i] == FLECK_OK));
        fleck_regions_free(&r);
    }
}

static void every_function_of_the_headers_is_misused_here(void **state)
{
    static char header[1 << 18], own[1 << 18];
    const char *const paths[3] = {"include/fleck.h", "include/fleck_tools.h",
                                  "tests/unit/api/test_misuse.c"};
    size_t length = 0;
    int functions = 0;

    (void)state;
    for (int i = 0; i < 3; i++) {
        FILE *in = fopen(test_path("FLECK_TEST_SOURCE", paths[i]), "r");

        assert_non_null(in);
        if (i < 2)
            length += fread(header + length, 1, sizeof header - 1 - length, in);
        else
            (void)!fread(own, 1, sizeof own - 1, in);
        fclose(in);
    }
    for (const char *p = header; (p = strstr(p, "\nFLECK_API ")) != NULL; functions++) {
        const char *end = strchr(++p, '('), *begin = end;
        char name[80];

        while (begin[-1] == '_' || (begin[-1] >= 'a' && begin[-1] <= 'z') ||
               (begin[-1] >= '0' && begin[-1] <= '9'))
            begin--;
        snprintf(name, sizeof name, "%.*s", (int)(end - begin), begin);
        if (strstr(own, name) == NULL)
            fail_msg("%s is not tried here", name);
    }
    assert_true(functions > 60);
}

/* The model again, with a number that is none in the last F32 tensor of its state, whose name is
 * returned. */
static const char *write_spoilt(const char *path)
{
    static char name[128];
    fk_st_reader *r = NULL;
    fk_st_writer *w = NULL;
    float *copy = NULL;

    assert_ok(fleck_model_save(f.model, path, err));
    assert_ok(fk_st_open(&r, path, err));
    assert_ok(fk_st_writer_open(&w, err));
    assert_ok(fk_st_writer_checksum(w, err));
    assert_ok(fk_st_writer_metadata(w, "format", "fleck", err));
    assert_ok(fk_st_writer_metadata(w, "fleck", fk_st_metadata(r, "fleck"), err));
    for (int64_t i = fk_st_count(r) - 1; i >= 0; i--) {
        fk_tensor t;

        assert_ok(fk_st_get(r, fk_st_tensor_name(r, i), &t, err));
        if (copy == NULL && t.dtype == FK_F32) {
            snprintf(name, sizeof name, "%s", fk_st_tensor_name(r, i));
            assert_ok(FK_ALLOC(&copy, fk_tensor_count(&t), err));
            memcpy(copy, t.data, (size_t)fk_tensor_count(&t) * sizeof *copy);
            copy[fk_tensor_count(&t) - 1] = NAN;
            t.data = copy;
        }
        assert_ok(fk_st_writer_add(w, fk_st_tensor_name(r, i), &t, err));
    }
    assert_non_null(copy);
    assert_ok(fk_st_writer_commit(&w, path, err));
    fk_free(copy);
    fk_st_close(&r);
    return name;
}

static void a_state_that_is_no_number_is_neither_verified_nor_saved(void **state)
{
    char path[4300], kept[4300];
    const char *name;
    fleck_model *m = NULL;
    double difference;

    (void)state;
    snprintf(path, sizeof path, "%s/spoilt.fleck", f.folder);
    snprintf(kept, sizeof kept, "%s/kept.fleck", f.folder);
    name = write_spoilt(path);
    assert_ok(fleck_model_open(&m, path, NULL, err)); /* which must be quick */
    assert_refused(fleck_model_verify(m, 0.0, &difference, err), FLECK_E_FORMAT, path);
    assert_refused(fleck_model_verify(m, 0.0, &difference, err), FLECK_E_FORMAT, name);
    assert_refused(fleck_model_save(m, kept, err), FLECK_E_FORMAT, name);
    assert_refused(fleck_model_save(m, kept, err), FLECK_E_FORMAT, "kept.fleck is not written");
    assert_int_not_equal(access(kept, F_OK), 0);
    fleck_model_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_only_tells_survives_nothing_and_any_number),
        cmocka_unit_test(lists_of_images_want_a_list_and_a_path),
        cmocka_unit_test(outputs_want_a_path),
        cmocka_unit_test(bytes_are_scored_as_their_file_is),
        cmocka_unit_test(photos_want_a_file_and_pixels_their_samples),
        cmocka_unit_test(weights_want_a_folder_a_name_and_a_file),
        cmocka_unit_test(a_fit_refuses_settings_that_mean_nothing),
        cmocka_unit_test(a_setting_that_is_not_there_and_a_value_that_it_does_not_take_are_refused),
        cmocka_unit_test(a_model_is_saved_opened_and_verified_with_arguments_only),
        cmocka_unit_test(scoring_wants_a_model_pixels_and_someone_to_tell),
        cmocka_unit_test(results_of_nothing_and_of_other_models_are_refused),
        cmocka_unit_test(regions_want_a_map_a_threshold_and_a_least_area),
        cmocka_unit_test(measuring_refuses_what_is_no_protocol_or_limit),
        cmocka_unit_test(a_state_that_is_no_number_is_neither_verified_nor_saved),
        cmocka_unit_test(benchmarks_panels_and_samples_refuse_too),
        cmocka_unit_test(defaults_are_written_into_what_is_there),
        cmocka_unit_test(every_function_of_the_headers_is_misused_here),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
