/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding every format and kind, and refusing what is damaged, hostile or of another kind. */
#include "fk_test.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/prng.h"
#include "image/png/png.h"
#include "checksum.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

typedef struct golden_image {
    const char *name;
    int64_t width, height;
    uint64_t rgb, grey;
} golden_image;

typedef struct golden_refusal {
    const char *name;
    fleck_status status;
    const char *part; /* of the message */
} golden_refusal;

typedef struct golden_blend {
    const char *name;
    uint64_t rgb;
} golden_blend;

#include "golden/image_files.h"

#define IMAGES (sizeof golden_images / sizeof golden_images[0])
#define BLENDS (sizeof golden_blends / sizeof golden_blends[0])
#define REFUSALS (sizeof golden_refusals / sizeof golden_refusals[0])

static const char *file_path(const char *name)
{
    char part[256];

    snprintf(part, sizeof part, "tests/unit/image/files/%s", name);
    return test_path("FLECK_TEST_SOURCE", part);
}

static void every_kind_decodes_to_its_pixels(void **state)
{
    (void)state;
    for (size_t i = 0; i < IMAGES; i++) {
        const golden_image *g = &golden_images[i];
        fk_image im;

        for (int want = FK_IMAGE_RGB; want <= FK_IMAGE_GREY; want++) {
            assert_ok(fk_image_load(&im, file_path(g->name), (fk_image_want)want, err));
            assert_int_equal(im.channels, want == FK_IMAGE_RGB ? 3 : 1);
            if (im.width != g->width || im.height != g->height)
                fail_msg("%s is %lldx%lld", g->name, (long long)im.width, (long long)im.height);
            if (image_checksum(&im) != (want == FK_IMAGE_RGB ? g->rgb : g->grey))
                fail_msg("%s has other pixels as %s", g->name,
                         want == FK_IMAGE_RGB ? "RGB" : "grey");
            fk_image_free(&im);
        }
    }
}

static void every_refusal_names_file_and_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < REFUSALS; i++) {
        const golden_refusal *g = &golden_refusals[i];
        fleck_error e = {0};
        fk_image im;
        fleck_status st = fk_image_load(&im, file_path(g->name), FK_IMAGE_RGB, &e);

        if (st != g->status || e.status != st)
            fail_msg("%s: expected status %d, got %d (%s)", g->name, (int)g->status, (int)st,
                     e.message);
        if (strstr(e.message, g->name) == NULL || strstr(e.message, g->part) == NULL)
            fail_msg("%s: \"%s\" is not in \"%s\"", g->name, g->part, e.message);
        assert_null(im.data);
        assert_int_equal(im.width, 0);
    }
}

static const fk_image_settings over_green = {.blend = true, .background = {10, 200, 90}};

static void what_is_transparent_shows_the_background(void **state)
{
    (void)state;
    for (size_t i = 0; i < BLENDS; i++) {
        const golden_blend *g = &golden_blends[i];
        fk_image_notes notes = {0};
        fk_image im;

        assert_ok(
            fk_image_load_with(&im, file_path(g->name), FK_IMAGE_RGB, &over_green, &notes, err));
        assert_true(notes.transparent);
        if (image_checksum(&im) != g->rgb)
            fail_msg("%s has other pixels", g->name);
        fk_image_free(&im);
        assert_ok(fk_image_load(&im, file_path(g->name), FK_IMAGE_ALPHA, err));
        assert_int_equal(im.channels, 1);
        fk_image_free(&im);
    }
}

static void an_opaque_file_is_not_blended(void **state)
{
    fk_image_notes notes = {0};
    fk_image a, b;

    (void)state;
    assert_ok(fk_image_load(&a, file_path("rgb8.png"), FK_IMAGE_RGB, err));
    assert_ok(
        fk_image_load_with(&b, file_path("rgb8.png"), FK_IMAGE_RGB, &over_green, &notes, err));
    assert_false(notes.transparent);
    assert_false(notes.wide);
    assert_int_equal(image_checksum(&a), image_checksum(&b));
    fk_image_free(&a);
    fk_image_free(&b);
    assert_ok(fk_image_load(&a, file_path("rgb8.png"), FK_IMAGE_ALPHA, err));
    for (int64_t i = 0; i < a.width * a.height; i++)
        assert_int_equal(a.data[i], 255);
    fk_image_free(&a);
}

/* All files know their end but these: numbers as text stay numbers when cut; one has bytes to
 * spare; one ends with the place of a next image, which it has not. */
static bool end_is_known(const char *name)
{
    return strncmp(name, "plain", 5) != 0 && strcmp(name, "bytes_behind.jpg") != 0 &&
           strcmp(name, "group4.tif") != 0;
}

/* The bytes go into a block of just their size, so that a sanitizer sees reads beyond it. */
static fleck_status decode_copy(const uint8_t *bytes, size_t size, fleck_error *err)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    fk_image_settings settings = {.max_pixels = 1 << 16, .blend = true};
    fk_image im;
    fleck_status st;

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    st = fk_image_decode_with(&im, copy, size, "copy", FK_IMAGE_RGB, &settings, NULL, err);
    assert_true((st == FLECK_OK) == (im.data != NULL));
    fk_image_free(&im);
    free(copy);
    return st;
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < IMAGES; i++) {
        const char *name = golden_images[i].name;
        fk_contents file;

        assert_ok(fk_contents_read(&file, file_path(name), 0, err));
        for (size_t size = 0; size < file.size; size++) {
            fleck_error e = {0};

            if (decode_copy(file.data, size, &e) == FLECK_OK && end_is_known(name))
                fail_msg("%s of %zu bytes decodes when cut to %zu", name, file.size, size);
        }
        fk_contents_free(&file);
    }
}

/* Whatever a wrong byte makes of a file, decoding ends with pixels or a message. */
static void a_wrong_byte_does_no_harm(void **state)
{
    static const uint8_t changes[] = {0x01, 0x80, 0xff};

    (void)state;
    for (size_t i = 0; i < IMAGES; i++) {
        uint8_t bytes[4096];
        fk_contents file;

        assert_ok(fk_contents_read(&file, file_path(golden_images[i].name), 0, err));
        for (size_t at = 0; at < file.size && file.size <= sizeof bytes; at++) {
            fleck_error e = {0};

            memcpy(bytes, file.data, file.size);
            bytes[at] ^= changes[at % sizeof changes];
            if (decode_copy(bytes, file.size, &e) != FLECK_OK)
                assert_string_not_equal(e.message, "");
        }
        fk_contents_free(&file);
    }
}

/* The quick decoder must give what the general one gives, or nothing. */
static void both_png_decoders_agree(void **state)
{
    int quick = 0;

    (void)state;
    for (size_t i = 0; i < IMAGES; i++) {
        const char *name = golden_images[i].name;
        fk_png_chunks chunks;
        fk_decoded first = {0}, second = {0};
        fk_image *a = &first.image, *b = &second.image;
        fk_contents file;
        bool done;

        if (!fk_ends_with(name, ".png"))
            continue;
        assert_ok(fk_contents_read(&file, file_path(name), 0, err));
        fk_image_bytes in = {.data = file.data, .size = file.size, .high = FK_IMAGE_WIDEST};
        assert_ok(fk_png_scan(&chunks, &in, err));
        assert_ok(fk_png_decode_fast(&first, &done, &chunks, &in, err));
        assert_ok(fk_png_decode_plain(&second, &in, err));
        quick += done;
        if (done && (a->width != b->width || a->height != b->height || a->channels != b->channels ||
                     image_checksum(a) != image_checksum(b)))
            fail_msg("%s", name);
        if (done && ((first.alpha.data == NULL) != (second.alpha.data == NULL) ||
                     (first.alpha.data != NULL &&
                      image_checksum(&first.alpha) != image_checksum(&second.alpha))))
            fail_msg("alpha of %s", name);
        fk_image_free(a);
        fk_image_free(b);
        fk_image_free(&first.alpha);
        fk_image_free(&second.alpha);
        fk_contents_free(&file);
    }
    printf("%d files take the quick way\n", quick);
#ifdef FLECK_WITH_LIBDEFLATE
    assert_true(quick >= 8);
#endif
}

static void when_memory_ends_decoding_leaves_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < IMAGES; i++) {
        fleck_status st = FLECK_E_NOMEM;
        fleck_error e;
        fk_image im;

        for (int n = 1; st != FLECK_OK; n++) {
            assert_true(n < 20);
            fk_mem_fail_at(n);
            st = fk_image_load(&im, file_path(golden_images[i].name), FK_IMAGE_GREY, &e);
            fk_mem_fail_at(0);
            assert_true(st == FLECK_OK || (st == FLECK_E_NOMEM && im.data == NULL));
        }
        fk_image_free(&im);
    }
}

static void the_pixel_limit_is_the_callers(void **state)
{
    fk_image_settings enough = {.max_pixels = 13 * 9}, less = {.max_pixels = 13 * 9 - 1};
    fk_image im;

    (void)state;
    assert_ok(fk_image_load_with(&im, file_path("rgb8.png"), FK_IMAGE_RGB, &enough, NULL, err));
    fk_image_free(&im);
    assert_refused(fk_image_load_with(&im, file_path("rgb8.png"), FK_IMAGE_RGB, &less, NULL, err),
                   FLECK_E_LIMIT,
                   "PNG: 13x9 pixels, the limit is 116 in all (--max-pixels sets it)");
}

static void what_is_no_file_is_refused(void **state)
{
    fk_image im;

    (void)state;
    assert_refused(fk_image_load(&im, file_path("absent.png"), FK_IMAGE_RGB, err), FLECK_E_NOTFOUND,
                   "absent.png");
    assert_refused(fk_image_load(&im, file_path(""), FK_IMAGE_RGB, err), FLECK_E_FORMAT, "folder");
    assert_null(im.data);
}

static void extensions_are_known_in_any_case(void **state)
{
    static const char *const yes[] = {"a.png", "b/c.JPG", "x.jpeg",  "x.Tif", "x.tiff", "x.jfif",
                                      "x.JPE", "x.bmp",   "x.y.pgm", "x.ppm", "x.pbm",  "x.PNM"};
    static const char *const no[] = {"png", "a.gif", "a.png.txt", "", "a.pn", "a.pngx"};

    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        assert_true(fk_image_has_extension(yes[i]));
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        assert_false(fk_image_has_extension(no[i]));
}

static void sixteen_bits_become_eight_by_rounding(void **state)
{
    (void)state;
    for (uint32_t v = 0; v <= 65535; v++)
        assert_int_equal(fk_sample_scale(v, 65535), (v * 255 + 32767) / 65535);
    for (uint32_t v = 0; v <= 255; v++) {
        assert_int_equal(fk_sample_scale(v * 257, 65535), v);
        assert_int_equal(fk_sample_scale(v, 255), v);
    }
}

static void exif_that_is_damaged_means_as_stored(void **state)
{
    static const uint8_t sound[26] = {'M',  'M', 0, 42, 0, 0, 0, 8, 0, 1, 0x01,
                                      0x12, 0,   3, 0,  0, 0, 1, 0, 6, 0, 0};
    uint8_t bytes[sizeof sound];

    (void)state;
    assert_int_equal(fk_exif_orientation(sound, sizeof sound), 6);
    for (size_t size = 0; size < 20; size++)
        assert_int_equal(fk_exif_orientation(sound, size), 1);
    for (size_t at = 0; at < 20; at++) {
        if (at == 8 || at == 9) /* more entries: the first is still the wanted one */
            continue;
        memcpy(bytes, sound, sizeof bytes);
        bytes[at] ^= 0x90;
        assert_int_equal(fk_exif_orientation(bytes, sizeof bytes), 1);
    }
}

static void a_saved_png_comes_back_as_it_was(void **state)
{
    static const int64_t sizes[][2] = {{1, 1}, {7, 5}, {300, 2}, {64, 64}};
    const char *folder = test_folder();
    char path[4200];

    (void)state;
    snprintf(path, sizeof path, "%s/out.png", folder);
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (int channels = 1; channels <= 3; channels += 2) {
            fk_image im, back;

            assert_ok(fk_image_init(&im, sizes[s][0], sizes[s][1], channels, err));
            for (int64_t i = 0; i < im.width * im.height * channels; i++)
                im.data[i] = (uint8_t)(i * i / 7);
            assert_ok(fk_image_save_png(&im, path, err));
            assert_ok(
                fk_image_load(&back, path, channels == 1 ? FK_IMAGE_GREY : FK_IMAGE_RGB, err));
            assert_int_equal(back.width, im.width);
            assert_int_equal(back.height, im.height);
            assert_memory_equal(back.data, im.data, (size_t)(im.width * im.height * channels));
            fk_image_free(&im);
            fk_image_free(&back);
        }
    unlink(path);
    rmdir(folder);
}

static void an_encoded_jpeg_comes_back_nearly_as_it_was(void **state)
{
    static const int64_t sizes[][2] = {{1, 1}, {7, 5}, {400, 300}};

    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (int channels = 1; channels <= 3; channels += 2) {
            fk_image im, back;
            uint8_t *bytes;
            size_t size;
            int64_t failures = 0, n = sizes[s][0] * sizes[s][1] * channels;
            fleck_status st;

            assert_ok(fk_image_init(&im, sizes[s][0], sizes[s][1], channels, err));
            for (int64_t i = 0; i < n; i++) /* ramps: nothing that JPEG would lose */
                im.data[i] = (uint8_t)(i / channels % im.width / 2 + 20 * (i % channels));
            do {
                fk_mem_fail_at(failures + 1);
                st = fk_image_encode_jpeg(&bytes, &size, &im, NULL);
                fk_mem_fail_at(0);
                if (st != FLECK_OK) {
                    assert_int_equal(st, FLECK_E_NOMEM);
                    assert_null(bytes);
                    failures++;
                }
            } while (st != FLECK_OK);
            assert_true(failures >= 2);
            assert_ok(fk_image_decode(&back, bytes, size, "jpeg",
                                      channels == 1 ? FK_IMAGE_GREY : FK_IMAGE_RGB, err));
            assert_int_equal(back.width, im.width);
            assert_int_equal(back.height, im.height);
            for (int64_t i = 0; i < n; i++)
                assert_true(abs(back.data[i] - im.data[i]) <= 8);
            fk_free(bytes);
            fk_image_free(&im);
            fk_image_free(&back);
        }
}

static void a_picture_says_that_fleck_made_it_and_of_what(void **state)
{
    const char *folder = test_folder();
    char path[4200], origin[FK_PNG_ORIGIN_SIZE];
    fk_contents file;
    fk_image im, back;

    (void)state;
    snprintf(path, sizeof path, "%s/out.png", folder);
    assert_ok(fk_image_init(&im, 40, 30, 3, err));
    assert_ok(fk_image_save_png(&im, path, err));
    assert_ok(fk_contents_read(&file, path, 0, err));
    assert_false(fk_png_made_by_fleck(file.data, file.size));
    fk_contents_free(&file);
    for (int named = 0; named < 2; named++) {
        assert_ok(fk_image_save_picture(&im, named ? "0123abc" : NULL, path, err));
        assert_ok(fk_contents_read(&file, path, 0, err));
        assert_true(file.size < FK_PNG_NOTE_BYTES);
        assert_true(fk_png_made_by_fleck(file.data, file.size));
        assert_int_equal(fk_png_origin(origin, file.data, file.size), named);
        assert_string_equal(origin, named ? "0123abc" : "");
        /* The note stands before the pixels: a beginning is enough, and less of it is no crash. */
        assert_true(fk_png_made_by_fleck(file.data, 100));
        for (size_t n = 0; n < 60; n++)
            assert_false(fk_png_made_by_fleck(file.data, n));
        fk_contents_free(&file);
        assert_ok(fk_image_load(&back, path, FK_IMAGE_RGB, err));
        assert_memory_equal(back.data, im.data, 40 * 30 * 3);
        fk_image_free(&back);
    }
    fk_image_free(&im);
    unlink(path);
    rmdir(folder);
}

static void assert_folder_is_empty(const char *folder)
{
    fk_names names = {0};

    assert_ok(fk_folder_list(&names, folder, 'f', err));
    assert_int_equal(names.count, 0);
    fk_names_free(&names);
}

static void a_png_that_cannot_be_written_leaves_no_file(void **state)
{
    const char *folder = test_folder();
    char path[4200];
    fk_image im;

    (void)state;
    assert_ok(fk_image_init(&im, 64, 64, 3, err));
    snprintf(path, sizeof path, "%s/absent/out.png", folder);
    assert_refused(fk_image_save_png(&im, path, err), FLECK_E_NOTFOUND, "absent/out.png");
    assert_refused(fk_image_save_png(&im, folder, err), FLECK_E_IO, "folder");
    snprintf(path, sizeof path, "%s/out.png", folder);
    for (int n = 1; n <= 2; n++) {
        fk_mem_fail_at(n);
        assert_refused(fk_image_save_png(&im, path, err), FLECK_E_NOMEM, "memory");
        fk_mem_fail_at(0);
    }
    assert_folder_is_empty(folder);
    fk_image_free(&im);
    rmdir(folder);
}

/* The limit on a file's size stands for a disk that fills up. */
static void a_png_on_a_full_disk_leaves_no_file(void **state)
{
    const char *folder = test_folder();
    struct rlimit before, small;
    char path[4200];
    fk_image im;
    fleck_error e = {0};
    fleck_status st;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);

    (void)state;
    assert_ok(fk_image_init(&im, 200, 200, 3, err));
    for (int64_t i = 0; i < 200 * 200 * 3; i++)
        im.data[i] = (uint8_t)(fk_prng_hash((uint64_t)i) >> 56);
    snprintf(path, sizeof path, "%s/out.png", folder);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 20000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    st = fk_image_save_png(&im, path, &e);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(st, FLECK_E_IO);
    assert_non_null(strstr(e.message, "out.png"));
    assert_folder_is_empty(folder);
    fk_image_free(&im);
    rmdir(folder);
}

static void a_new_image_is_black(void **state)
{
    fk_image im;

    (void)state;
    assert_ok(fk_image_init(&im, 5, 4, 3, err));
    for (int i = 0; i < 60; i++)
        assert_int_equal(im.data[i], 0);
    fk_image_free(&im);
    fk_image_free(&im);
    assert_refused(fk_image_init(&im, 65536, 4, 3, err), FLECK_E_LIMIT, "65536x4");
    assert_refused(fk_image_init(&im, 0, 4, 3, err), FLECK_E_FORMAT, "0x4");
}

/* Writes a file anew, in place, again and again. */
typedef struct rewriter {
    const char *path;
    fk_contents bytes;
    atomic_bool stop;
} rewriter;

static void *rewrite(void *ctx)
{
    rewriter *r = ctx;
    int fd = open(r->path, O_WRONLY);

    while (!atomic_load(&r->stop)) {
        (void)!ftruncate(fd, 0);
        (void)!pwrite(fd, r->bytes.data, r->bytes.size, 0);
        (void)!ftruncate(fd, (off_t)r->bytes.size / 2);
        (void)!pwrite(fd, r->bytes.data, r->bytes.size, 0);
    }
    close(fd);
    return NULL;
}

static void a_file_that_is_rewritten_while_it_is_decoded_is_whole_or_an_error(void **state)
{
    const int64_t side = 400;
    char path[4200];
    rewriter r = {.path = path};
    pthread_t thread;
    fk_image image, found;
    int whole = 0;

    (void)state;
    snprintf(path, sizeof path, "%s/rewritten.png", test_folder());
    assert_ok(fk_image_init(&image, side, side, 3, err));
    for (int64_t i = 0; i < side * side * 3; i++)
        image.data[i] = (uint8_t)(i * 2654435761u >> 13); /* takes some pages */
    assert_ok(fk_image_save_png(&image, path, err));
    assert_ok(fk_contents_read(&r.bytes, path, 0, err));
    assert_int_equal(pthread_create(&thread, NULL, rewrite, &r), 0);
    for (int i = 0; i < 400; i++) {
        if (fk_image_load(&found, path, FK_IMAGE_RGB, NULL) == FLECK_OK) {
            assert_memory_equal(found.data, image.data, side * side * 3);
            whole++;
        }
        fk_image_free(&found);
    }
    atomic_store(&r.stop, true);
    pthread_join(thread, NULL);
    assert_ok(fk_image_load(&found, path, FK_IMAGE_RGB, err));
    assert_true(whole < 400);
    fk_image_free(&found);
    fk_image_free(&image);
    fk_contents_free(&r.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_decodes_to_its_pixels),
        cmocka_unit_test(every_refusal_names_file_and_reason),
        cmocka_unit_test(what_is_transparent_shows_the_background),
        cmocka_unit_test(an_opaque_file_is_not_blended),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(a_wrong_byte_does_no_harm),
        cmocka_unit_test(both_png_decoders_agree),
        cmocka_unit_test(when_memory_ends_decoding_leaves_nothing),
        cmocka_unit_test(the_pixel_limit_is_the_callers),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(extensions_are_known_in_any_case),
        cmocka_unit_test(sixteen_bits_become_eight_by_rounding),
        cmocka_unit_test(exif_that_is_damaged_means_as_stored),
        cmocka_unit_test(a_saved_png_comes_back_as_it_was),
        cmocka_unit_test(an_encoded_jpeg_comes_back_nearly_as_it_was),
        cmocka_unit_test(a_picture_says_that_fleck_made_it_and_of_what),
        cmocka_unit_test(a_png_that_cannot_be_written_leaves_no_file),
        cmocka_unit_test(a_png_on_a_full_disk_leaves_no_file),
        cmocka_unit_test(a_new_image_is_black),
        cmocka_unit_test(a_file_that_is_rewritten_while_it_is_decoded_is_whole_or_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
