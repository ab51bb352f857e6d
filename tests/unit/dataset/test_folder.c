/* SPDX-License-Identifier: Apache-2.0 */
/* Folders as data sets: MVTec AD's layout, flat folders, and what is missing in them. */
#include "base/mem.h"
#include "dataset/good.h"
#include "root.h"

static bool is_image(const char *name)
{
    return fk_ends_with(name, ".png") || fk_ends_with(name, ".jpg");
}

static fk_look look(const char *name, const uint8_t *head, size_t size, const char **format)
{
    (void)head;
    (void)size;
    *format = NULL;
    return is_image(name) ? FK_LOOK_IMAGE : FK_LOOK_OTHER;
}

static const fk_dataset_how how = {.is_image = is_image, .look = look};

/* Make empty files, and the folders they lie in, below a fresh root. */
static void make_files(const char *const *names)
{
    snprintf(root, sizeof root, "%s", test_folder());
    for (; *names != NULL; names++) {
        char folder[8192];

        snprintf(folder, sizeof folder, "%s", in_root(*names));
        *strrchr(folder, '/') = '\0';
        assert_ok(fk_folder_make(folder, err));
        if ((*names)[strlen(*names) - 1] != '/')
            assert_ok(fk_file_write(in_root(*names), "", 0, err));
    }
}

#define MAKE(...) make_files((const char *const[]){__VA_ARGS__, NULL})

/* The list must be these samples: path and mask below root, "-" for no mask. */
static void check(const fk_samples *s, const char *const (*want)[3])
{
    int64_t n = 0;

    for (; want[n][0] != NULL; n++) {
        const fk_sample *got = &s->items[n];

        assert_true(n < s->count);
        assert_string_equal(got->path, in_root(want[n][0]));
        if (strcmp(want[n][1], "-") == 0)
            assert_null(got->mask);
        else
            assert_string_equal(got->mask, in_root(want[n][1]));
        assert_string_equal(got->defect, want[n][2]);
        assert_int_equal(got->defective, strcmp(want[n][2], "good") != 0);
    }
    assert_int_equal(s->count, n);
}

#define CHECK(s, ...) check((s), (const char *const[][3]){__VA_ARGS__, {NULL, NULL, NULL}})

/* ---- Training images ------------------------------------------------------------------------- */

static void a_category_gives_its_good_training_images_in_natural_order(void **state)
{
    fk_samples s;

    (void)state;
    MAKE("train/good/10.png", "train/good/9.png", "train/good/100.PNG", "train/good/readme.txt",
         "train/good/.hidden.png", "train/good/deep/1.png", "train/bad/1.png", "other.png");
    assert_ok(fk_dataset_train(&s, root, &how, err));
    CHECK(&s, {"train/good/9.png", "-", "good"}, {"train/good/10.png", "-", "good"},
          {"train/good/100.PNG", "-", "good"});
    fk_samples_free(&s);
    fk_samples_free(&s);
}

static void a_flat_folder_gives_the_images_directly_in_it(void **state)
{
    fk_samples s;

    (void)state;
    MAKE("b2.jpg", "b10.jpg", "a.png", "notes.txt", "test/good/1.png");
    assert_ok(fk_dataset_train(&s, root, &how, err));
    CHECK(&s, {"a.png", "-", "good"}, {"b2.jpg", "-", "good"}, {"b10.jpg", "-", "good"});
    fk_samples_free(&s);
}

static void a_folder_without_good_images_says_where_it_looked(void **state)
{
    fk_samples s;

    (void)state;
    MAKE("notes.txt");
    assert_refused(fk_dataset_train(&s, root, &how, err), FLECK_E_NOTFOUND,
                   "found none directly in it");
    assert_refused(fk_dataset_train(&s, root, &how, err), FLECK_E_NOTFOUND, "no folder train/good");
    assert_int_equal(s.count, 0);
    MAKE("train/good/notes.txt", "1.png");
    assert_refused(fk_dataset_train(&s, root, &how, err), FLECK_E_NOTFOUND, in_root("train"));
    MAKE("train/1.png");
    assert_refused(fk_dataset_train(&s, root, &how, err), FLECK_E_NOTFOUND,
                   "train: expected good images in a folder good, found 1 image directly in it; "
                   "if all are good, learn from ");
    MAKE("OK/1.png", "NG/2.png");
    assert_refused(fk_dataset_train(&s, root, &how, err), FLECK_E_NOTFOUND, "/OK; name the folder");
    /* Without folders, what was skipped is what it holds. */
    MAKE("1.webp", "2.webp");
    assert_refused(fk_dataset_train(&s, root, &how, err), FLECK_E_NOTFOUND,
                   "found 2 other files; name");
}

static void a_path_that_is_no_data_set_says_what_was_expected(void **state)
{
    fk_samples s;

    (void)state;
    MAKE("one.png");
    assert_refused(fk_dataset_train(&s, in_root("none"), &how, err), FLECK_E_NOTFOUND,
                   "found nothing there");
    assert_refused(fk_dataset_train(&s, in_root("one.png"), &how, err), FLECK_E_FORMAT,
                   "found another file");
    assert_refused(fk_dataset_test(&s, in_root("none"), &how, err), FLECK_E_NOTFOUND,
                   in_root("none"));
    assert_false(s.has_masks);
    assert_int_equal(s.count, 0);
}

/* ---- Test images ----------------------------------------------------------------------------- */

static void a_category_gives_its_test_images_good_first_with_their_masks(void **state)
{
    fk_samples s;

    (void)state;
    MAKE("test/good/2.png", "test/good/10.png", "test/cut/000.png", "test/cut/001.jpg",
         "test/cut/002.png", "test/bent/3.JPG", "test/readme.txt", "test/empty/",
         "ground_truth/cut/000_mask.png", "ground_truth/cut/001.png",
         "ground_truth/cut/002_mask.png", "ground_truth/bent/3_mask.JPG",
         "ground_truth/good/2_mask.png");
    assert_ok(fk_dataset_test(&s, root, &how, err));
    assert_true(s.has_masks);
    CHECK(&s, {"test/good/2.png", "-", "good"}, {"test/good/10.png", "-", "good"},
          {"test/bent/3.JPG", "ground_truth/bent/3_mask.JPG", "bent"},
          {"test/cut/000.png", "ground_truth/cut/000_mask.png", "cut"},
          {"test/cut/001.jpg", "ground_truth/cut/001.png", "cut"},
          {"test/cut/002.png", "ground_truth/cut/002_mask.png", "cut"});
    fk_samples_free(&s);
}

static void types_come_in_natural_order_behind_good(void **state)
{
    fk_samples s;

    (void)state;
    MAKE("test/type10/1.png", "test/type9/1.png", "test/a/1.png", "test/good/1.png");
    assert_ok(fk_dataset_test(&s, root, &how, err));
    CHECK(&s, {"test/good/1.png", "-", "good"}, {"test/a/1.png", "-", "a"},
          {"test/type9/1.png", "-", "type9"}, {"test/type10/1.png", "-", "type10"});
    assert_false(s.has_masks);
    fk_samples_free(&s);
}

static void a_test_set_of_good_images_alone_has_no_masks(void **state)
{
    fk_samples s;

    (void)state;
    MAKE("test/good/1.png", "ground_truth/cut/1_mask.png");
    assert_ok(fk_dataset_test(&s, root, &how, err));
    assert_int_equal(s.count, 1);
    assert_false(s.has_masks);
    fk_samples_free(&s);
}

static void every_missing_mask_is_named(void **state)
{
    fk_samples s;

    (void)state;
    MAKE("test/good/1.png", "test/cut/1.png", "test/cut/2.png", "test/cut/3.png", "test/bent/4.png",
         "ground_truth/cut/1_mask.png");
    assert_refused(fk_dataset_test(&s, root, &how, err), FLECK_E_NOTFOUND,
                   "3 of 4 defective images have no mask");
    assert_refused(fk_dataset_test(&s, root, &how, err), FLECK_E_NOTFOUND,
                   ": bent/4.png, cut/2.png, cut/3.png");
    assert_refused(fk_dataset_test(&s, root, &how, err), FLECK_E_NOTFOUND, in_root("ground_truth"));
    assert_int_equal(s.count, 0);
    assert_null(s.items);
    assert_false(s.has_masks);
}

static void missing_masks_are_told_beside_what_is_there(void **state)
{
    const fk_dataset_how deep = {.is_image = is_image, .look = look, .recursive = true};
    fk_samples s;

    (void)state;
    MAKE("test/good/1.png", "test/cut/1.png", "ground_truth/cut/1_GT.png", "ground_truth/ko/2.png");
    assert_refused(fk_dataset_test(&s, root, &how, err), FLECK_E_NOTFOUND,
                   "; found of other names: cut/1_GT.png, all 1 of ko; without the folder ");
    /* The layout of MVTec LOCO. */
    MAKE("test/good/1.png", "test/cut/1.png", "ground_truth/cut/1/000.png");
    assert_refused(fk_dataset_test(&s, root, &how, err), FLECK_E_NOTFOUND,
                   ": cut/1.png; skipped: 1 in 1/ (--recursive); without the folder ");
    assert_refused(fk_dataset_test(&s, root, &deep, err), FLECK_E_NOTFOUND,
                   "; found of other names: cut/1/000.png; without the folder ");
}

static void two_masks_for_one_image_are_refused(void **state)
{
    fk_samples s;

    (void)state;
    MAKE("test/good/1.png", "test/cut/1.png", "test/cut/2.png", "ground_truth/cut/1_mask.png",
         "ground_truth/cut/1.png", "ground_truth/cut/2.png");
    assert_refused(fk_dataset_test(&s, root, &how, err), FLECK_E_FORMAT,
                   "1 of 2 defective images has two masks or more");
    MAKE("test/good/1.png", "test/cut/1.png", "ground_truth/cut/1_mask.png",
         "ground_truth/cut/1_mask.jpg");
    assert_refused(fk_dataset_test(&s, root, &how, err), FLECK_E_FORMAT, ": cut/1.png");
    /* A mask of an image whose name goes on is another's. */
    MAKE("test/good/1.png", "test/cut/1.png", "test/cut/1.b.png", "ground_truth/cut/1.png",
         "ground_truth/cut/1.b.png");
    assert_ok(fk_dataset_test(&s, root, &how, err));
    assert_true(s.has_masks);
    fk_samples_free(&s);
}

/* Warnings, one a line. */
static void collect(void *ctx, const char *message)
{
    strncat(ctx, message, 4000);
    strncat(ctx, "\n", 4000);
}

static void masks_that_no_test_image_has_are_warned_of(void **state)
{
    char text[16384] = "";
    fk_dataset_how loud = {.is_image = is_image, .look = look, .warn = {collect, text}};
    fk_samples s;

    (void)state;
    MAKE("test/good/1.png", "test/cut/1.png", "test/cut/1.jpg", "ground_truth/cut/1_mask.png",
         "ground_truth/cut/77_mask.png", "ground_truth/rust/1_mask.png",
         "ground_truth/rust/2_mask.png", "ground_truth/good/1_mask.png");
    assert_ok(fk_dataset_test(&s, root, &loud, err));
    assert_non_null(
        strstr(text, "without a test image are not used: cut/77_mask.png, all 2 of rust"));
    assert_non_null(strstr(text, "several images: cut/1_mask.png"));
    assert_non_null(strstr(text, "of good images are not used: good/1_mask.png"));
    fk_samples_free(&s);
    text[0] = '\0';
    MAKE("test/good/1.png", "test/cut/1.png", "ground_truth/cut/1_mask.png");
    assert_ok(fk_dataset_test(&s, root, &loud, err));
    assert_string_equal(text, "");
    fk_samples_free(&s);
}

static void sub_folders_are_counted_or_searched_with_their_masks(void **state)
{
    fk_dataset_how deep = how;
    fk_samples s;

    (void)state;
    MAKE("test/good/1.png", "test/good/day2/2.png", "test/cut/1.png", "test/cut/rgb/1.png",
         "ground_truth/cut/1.png", "ground_truth/cut/rgb/1_mask.png");
    assert_ok(fk_dataset_test(&s, root, &how, err));
    assert_int_equal(s.count, 2);
    assert_int_equal(s.passed, 2);
    assert_string_equal(s.passed_text, "1 in rgb/ (--recursive), 1 in day2/ (--recursive)");
    fk_samples_free(&s);
    deep.recursive = true;
    assert_ok(fk_dataset_test(&s, root, &deep, err));
    CHECK(&s, {"test/good/1.png", "-", "good"}, {"test/good/day2/2.png", "-", "good"},
          {"test/cut/1.png", "ground_truth/cut/1.png", "cut"},
          {"test/cut/rgb/1.png", "ground_truth/cut/rgb/1_mask.png", "cut"});
    assert_string_equal(s.items[3].key, "cut/rgb/1");
    assert_int_equal(s.passed, 0);
    assert_null(s.passed_text);
    fk_samples_free(&s);
}

/* ---- The good folder ------------------------------------------------------------------------- */

static void the_good_folder_is_known_under_its_usual_names(void **state)
{
    static const char *const known[] = {"good",        "GOOD", "ok",     "Okay",      "i.O.",
                                        "defect-free", "PASS", "Normal", "no_defect", "0_good",
                                        "nominal",     "gut",  "OK"};
    static const char *const others[] = {"bad",       "nok", "not_ok", "n.i.O.", "NG",   "abnormal",
                                         "defective", "no",  "goods",  "",       "okra", "good1"};

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        assert_true(fk_good_name(known[i]));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(fk_good_name(others[i]));
    assert_true(fk_good_asked("ok,Teile", "teile"));
    assert_true(fk_good_asked("ok,Teile", "OK"));
    assert_false(fk_good_asked("ok,Teile", "Teil"));
    assert_false(fk_good_asked("ok,Teile", ""));
}

static void a_good_folder_of_another_name_gives_good_images(void **state)
{
    fk_samples s;

    (void)state;
    MAKE("train/OK/5.png", "train/NG/6.png", "test/OK/1.png", "test/NG/2.png",
         "ground_truth/NG/2.png");
    assert_ok(fk_dataset_test(&s, root, &how, err));
    assert_true(s.has_masks);
    CHECK(&s, {"test/OK/1.png", "-", "good"}, {"test/NG/2.png", "ground_truth/NG/2.png", "NG"});
    assert_string_equal(s.items[0].key, "OK/1");
    fk_samples_free(&s);
    assert_ok(fk_dataset_train(&s, root, &how, err));
    CHECK(&s, {"train/OK/5.png", "-", "good"});
    fk_samples_free(&s);
}

static void folders_that_are_not_known_as_good_end_the_reading_and_are_named(void **state)
{
    fk_samples s;

    (void)state;
    MAKE("test/Teile/1.png", "test/Teile/2.png", "test/crack/3.png", "test/empty/");
    assert_refused(fk_dataset_test(&s, root, &how, err), FLECK_E_NOTFOUND,
                   "found Teile (2 images), crack (1 image), empty (no images)");
    assert_refused(fk_dataset_test(&s, root, &how, err), FLECK_E_NOTFOUND, "--good NAME");
    assert_null(s.items);
    MAKE("train/Teile/1.png", "train/crack/3.png");
    assert_refused(fk_dataset_train(&s, root, &how, err), FLECK_E_NOTFOUND, "Teile (1 image)");
}

static void a_good_folder_that_is_asked_for_is_taken(void **state)
{
    fk_dataset_how asked = {.is_image = is_image, .look = look, .good = "teile,ok"};
    fk_samples s;

    (void)state;
    MAKE("test/Teile/1.png", "test/ok/2.png", "test/nominal/3.png", "train/Teile/1.png",
         "train/ok/9.png");
    assert_ok(fk_dataset_test(&s, root, &asked, err));
    CHECK(&s, {"test/Teile/1.png", "-", "good"}, {"test/ok/2.png", "-", "good"},
          {"test/nominal/3.png", "-", "nominal"});
    fk_samples_free(&s);
    assert_ok(fk_dataset_train(&s, root, &asked, err));
    assert_int_equal(s.count, 2);
    fk_samples_free(&s);
    asked.good = "fine";
    assert_refused(fk_dataset_test(&s, root, &asked, err), FLECK_E_NOTFOUND,
                   "named fine, as was asked for; found Teile (1 image)");
    asked.good = "none";
    assert_ok(fk_dataset_test(&s, root, &asked, err));
    assert_true(s.items[0].defective && s.items[1].defective && s.items[2].defective);
    fk_samples_free(&s);
}

static void two_folders_that_may_be_good_are_refused(void **state)
{
    const fk_dataset_how deep = {.is_image = is_image, .look = look, .recursive = true};
    fk_samples s;

    (void)state;
    MAKE("test/good/1.png", "test/OK/2.png", "test/crack/3.png");
    assert_refused(fk_dataset_test(&s, root, &how, err), FLECK_E_FORMAT, "--good OK,good");
    MAKE("test/good/1.png", "test/good_new/2.png", "test/not_good/3.png");
    assert_refused(fk_dataset_test(&s, root, &how, err), FLECK_E_FORMAT, "--good good,good_new");
    MAKE("test/good_1/1.png", "test/crack/2.png");
    assert_refused(fk_dataset_test(&s, root, &how, err), FLECK_E_FORMAT, "--good good_1");
    /* An empty one is no rival, and a folder of masks no type of defect. */
    MAKE("test/good/1.png", "test/ok/", "test/crack/3.png");
    assert_ok(fk_dataset_test(&s, root, &how, err));
    assert_int_equal(s.count, 2);
    fk_samples_free(&s);
    MAKE("test/good/1.png", "test/Mask/1.png");
    assert_refused(fk_dataset_test(&s, root, &how, err), FLECK_E_FORMAT, "named as masks are");
    /* The layout of MVTec 3D: masks in a folder of each type. */
    MAKE("test/good/rgb/1.png", "test/good/gt/1.png", "test/cut/rgb/2.png", "test/cut/gt/2.png");
    assert_refused(fk_dataset_test(&s, root, &how, err), FLECK_E_NOTFOUND, "--recursive");
    assert_refused(fk_dataset_test(&s, root, &deep, err), FLECK_E_FORMAT,
                   "test/cut/gt: expected images of a type of defect, found a folder of images");
    /* Names that only begin or end as those of masks. */
    MAKE("test/good/a.gt/1.png", "test/mask_torn/a/2.png");
    assert_ok(fk_dataset_test(&s, root, &deep, err));
    assert_int_equal(s.count, 2);
    fk_samples_free(&s);
}

static void a_category_without_train_and_test_says_what_it_holds(void **state)
{
    fk_samples s;

    (void)state;
    MAKE("good/1.png", "good/2.png", "crack/3.png", "mask/crack/3.png");
    assert_refused(fk_dataset_train(&s, root, &how, err), FLECK_E_NOTFOUND,
                   "found crack (1 image), good (2 images), mask (1 image)");
    assert_refused(fk_dataset_train(&s, root, &how, err), FLECK_E_NOTFOUND, in_root("good"));
    assert_refused(fk_dataset_train(&s, root, &how, err), FLECK_E_NOTFOUND, ".csv file");
    assert_refused(fk_dataset_test(&s, root, &how, err), FLECK_E_NOTFOUND,
                   "found crack (1 image), good (2 images), mask (1 image)");
}

static void a_test_folder_without_images_says_which_layout_is_expected(void **state)
{
    fk_samples s;

    (void)state;
    MAKE("1.png", "2.png");
    assert_refused(fk_dataset_test(&s, root, &how, err), FLECK_E_NOTFOUND,
                   "test/<defect type>/NAME");
    assert_refused(fk_dataset_test(&s, root, &how, err), FLECK_E_NOTFOUND,
                   "there is no folder test");
    MAKE("test/1.png");
    assert_refused(fk_dataset_test(&s, root, &how, err), FLECK_E_NOTFOUND, "lie directly in it");
    MAKE("test/good/notes.txt", "test/cut/");
    assert_refused(fk_dataset_test(&s, root, &how, err), FLECK_E_NOTFOUND,
                   "no folder in test holds an image");
}

/* ---- Names, real data, memory -----------------------------------------------------------------
 */

static void the_name_is_that_of_the_folder_or_of_the_csv(void **state)
{
    char *name = NULL, here[4096];

    (void)state;
    MAKE("bottle/train/good/1.png", "parts v1.csv", "folder.csv/1.png");
    assert_ok(fk_dataset_name(&name, in_root("bottle"), err));
    assert_string_equal(name, "bottle");
    fk_free(name);
    assert_ok(fk_dataset_name(&name, in_root("bottle//"), err));
    assert_string_equal(name, "bottle");
    fk_free(name);
    assert_ok(fk_dataset_name(&name, in_root("parts v1.csv"), err));
    assert_string_equal(name, "parts v1");
    fk_free(name);
    assert_ok(fk_dataset_name(&name, in_root("folder.csv"), err));
    assert_string_equal(name, "folder.csv");
    fk_free(name);
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(in_root("bottle/train")), 0);
    assert_ok(fk_dataset_name(&name, "..", err));
    assert_string_equal(name, "bottle");
    fk_free(name);
    assert_ok(fk_dataset_name(&name, "./", err));
    assert_string_equal(name, "train");
    fk_free(name);
    assert_int_equal(chdir(here), 0);
}

static void the_real_bottle_has_its_209_and_83_images(void **state)
{
    fk_samples s;
    int64_t defective = 0;

    (void)state;
    shared_or_skip(bottle, "data/bottle");
    assert_ok(fk_dataset_train(&s, bottle, &how, err));
    assert_int_equal(s.count, 209);
    fk_samples_free(&s);
    assert_ok(fk_dataset_test(&s, bottle, &how, err));
    assert_true(s.has_masks);
    assert_int_equal(s.count, 83);
    for (int64_t i = 0; i < s.count; i++)
        defective += s.items[i].defective;
    assert_int_equal(defective, 63);
    assert_false(s.items[19].defective);
    fk_samples_free(&s);
}

static void real_images_without_masks_are_listed_too(void **state)
{
    fk_samples s;

    (void)state;
    shared_or_skip(cubes, "data/dobot_cubes");
    assert_ok(fk_dataset_test(&s, cubes, &how, err));
    assert_false(s.has_masks);
    assert_int_equal(s.count, 35 + 72);
    fk_samples_free(&s);
}

static void a_failed_allocation_is_reported_wherever_it_happens(void **state)
{
    fk_samples s;
    char *name = NULL;
    int64_t asked;

    (void)state;
    MAKE("train/good/1.png", "test/good/1.png", "test/cut/2.png", "ground_truth/cut/2.png");
    for (int round = 0; round < 2; round++) {
        fk_mem_fail_at(0);
        if (round == 0)
            assert_ok(fk_dataset_train(&s, root, &how, err));
        else
            assert_ok(fk_dataset_test(&s, root, &how, err));
        fk_samples_free(&s);
        asked = fk_mem_fail_at(0);
        for (int64_t n = 1; n <= asked; n++) {
            fk_mem_fail_at(n);
            if (round == 0)
                assert_refused(fk_dataset_train(&s, root, &how, err), FLECK_E_NOMEM, "memory");
            else
                assert_refused(fk_dataset_test(&s, root, &how, err), FLECK_E_NOMEM, "memory");
            assert_null(s.items);
        }
    }
    fk_mem_fail_at(1);
    assert_refused(fk_dataset_name(&name, root, err), FLECK_E_NOMEM, "memory");
    assert_null(name);
    fk_mem_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_category_gives_its_good_training_images_in_natural_order),
        cmocka_unit_test(a_flat_folder_gives_the_images_directly_in_it),
        cmocka_unit_test(a_folder_without_good_images_says_where_it_looked),
        cmocka_unit_test(a_path_that_is_no_data_set_says_what_was_expected),
        cmocka_unit_test(a_category_gives_its_test_images_good_first_with_their_masks),
        cmocka_unit_test(types_come_in_natural_order_behind_good),
        cmocka_unit_test(a_test_set_of_good_images_alone_has_no_masks),
        cmocka_unit_test(every_missing_mask_is_named),
        cmocka_unit_test(missing_masks_are_told_beside_what_is_there),
        cmocka_unit_test(two_masks_for_one_image_are_refused),
        cmocka_unit_test(masks_that_no_test_image_has_are_warned_of),
        cmocka_unit_test(sub_folders_are_counted_or_searched_with_their_masks),
        cmocka_unit_test(the_good_folder_is_known_under_its_usual_names),
        cmocka_unit_test(a_good_folder_of_another_name_gives_good_images),
        cmocka_unit_test(folders_that_are_not_known_as_good_end_the_reading_and_are_named),
        cmocka_unit_test(a_good_folder_that_is_asked_for_is_taken),
        cmocka_unit_test(two_folders_that_may_be_good_are_refused),
        cmocka_unit_test(a_category_without_train_and_test_says_what_it_holds),
        cmocka_unit_test(a_test_folder_without_images_says_which_layout_is_expected),
        cmocka_unit_test(the_name_is_that_of_the_folder_or_of_the_csv),
        cmocka_unit_test(the_real_bottle_has_its_209_and_83_images),
        cmocka_unit_test(real_images_without_masks_are_listed_too),
        cmocka_unit_test(a_failed_allocation_is_reported_wherever_it_happens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
