/* SPDX-License-Identifier: Apache-2.0 */
/* The store of weights: where files lie, and what is said of those that do not fit. */
#include "weight_files.h"

#include "base/file.h"
#include "base/mem.h"
#include "weights/weights.h"

/* The weights of real networks are large; tests leave none behind. */
static void remove_stored(const char *home, const char *arch)
{
    char *path;

    assert_ok(fk_weights_path(&path, home, arch, err));
    assert_int_equal(unlink(path), 0);
    fk_free(path);
}

static void the_path_is_one_file_for_each_backbone(void **state)
{
    char *path;

    (void)state;
    assert_ok(fk_weights_path(&path, "/data/fleck", "resnet18", err));
    assert_string_equal(path, "/data/fleck/weights/resnet18.safetensors");
    fk_free(path);
}

static void weights_that_are_added_can_be_opened(void **state)
{
    char home[4200];
    fk_st_reader *r;
    bool complete = true;

    (void)state;
    shared_or_skip(file, "weights/resnet18_imagenet_bnfolded.safetensors");
    snprintf(home, sizeof home, "%s/not/there/yet", test_folder());
    assert_ok(fk_weights_add(home, "resnet18", file, &complete, NULL, err));
    assert_false(complete);
    assert_ok(fk_weights_open(&r, home, fk_arch_find("resnet18"), 1, err));
    assert_true(fk_st_has(r, "layer3.1.conv2.bias"));
    assert_string_equal(fk_st_metadata(r, FK_WEIGHTS_KEY_SOURCE),
                        "resnet18_imagenet_bnfolded.safetensors");
    fk_st_close(&r);
    remove_stored(home, "resnet18");
}

static void a_name_that_no_backbone_has_lists_those_there_are(void **state)
{
    bool complete = true;
    char list[1024] = "there is no backbone resnet19; there are ";

    (void)state;
    for (int i = 0; i < fk_arch_count(); i++) {
        size_t n = strlen(list);

        snprintf(list + n, sizeof list - n, "%s%s", i > 0 ? ", " : "", fk_arch_at(i)->name);
    }
    assert_refused(fk_weights_add(test_folder(), "resnet19", "x.pth", &complete, NULL, err),
                   FLECK_E_OPTION, list);
    assert_false(complete);
}

static void missing_weights_say_how_to_install_them(void **state)
{
    const char *home = test_folder();
    fk_st_reader *r;

    (void)state;
    assert_refused(fk_weights_open(&r, home, fk_arch_find("resnet18"), 1, err), FLECK_E_NOTFOUND,
                   "the weights of resnet18 are not installed: there is no ");
    assert_refused(fk_weights_open(&r, home, fk_arch_find("resnet18"), 1, err), FLECK_E_NOTFOUND,
                   "fleck weights fetch resnet18");
    assert_refused(fk_weights_open(&r, home, fk_arch_find("resnet18"), 1, err), FLECK_E_NOTFOUND,
                   "/weights/resnet18.safetensors");
    assert_refused(
        fk_weights_open(&r, home, fk_arch_find("efficientnet_lite0"), 1, err), FLECK_E_NOTFOUND,
        "get them with: fleck weights fetch efficientnet_lite0, or with: fleck weights add "
        "efficientnet_lite0 FILE");
    assert_null(r);
}

/* A file in the store with this metadata, opened as resnet18. */
static void assert_stored_refused(const char *version, const char *arch, fleck_status code,
                                  const char *part)
{
    const char *home = test_folder();
    fk_st_writer *w;
    fk_st_reader *r;
    char *path;
    float one = 1;

    assert_ok(fk_weights_path(&path, home, "resnet18", err));
    *strrchr(path, '/') = '\0';
    assert_ok(fk_folder_make(path, err));
    fk_free(path);
    assert_ok(fk_weights_path(&path, home, "resnet18", err));
    assert_ok(fk_st_writer_open(&w, err));
    assert_ok(fk_st_writer_add_data(w, "a", FK_F32, 0, NULL, &one, err));
    if (version != NULL)
        assert_ok(fk_st_writer_metadata(w, FK_WEIGHTS_KEY_VERSION, version, err));
    if (arch != NULL)
        assert_ok(fk_st_writer_metadata(w, FK_WEIGHTS_KEY_ARCH, arch, err));
    assert_ok(fk_st_writer_commit(&w, path, err));
    assert_refused(fk_weights_open(&r, home, fk_arch_find("resnet18"), 1, err), code, part);
    assert_refused(fk_weights_open(&r, home, fk_arch_find("resnet18"), 1, err), code, path);
    assert_null(r);
    fk_free(path);
}

static void files_that_the_store_did_not_write_are_refused(void **state)
{
    (void)state;
    assert_stored_refused(NULL, NULL, FLECK_E_FORMAT, "not written by `fleck weights`");
    assert_stored_refused("2", "resnet18", FLECK_E_UNSUPPORTED,
                          "weights of version 2, expected 1; add or fetch them again");
    assert_stored_refused("1", "resnet50", FLECK_E_FORMAT,
                          "weights of resnet50, expected those of resnet18");
}

static void a_file_in_the_place_of_the_folder_is_an_error(void **state)
{
    char path[4200];
    const char *home = test_folder();

    (void)state;
    snprintf(path, sizeof path, "%s/weights", home);
    assert_ok(fk_file_write(path, "x", 1, err));
    assert_refused(fk_weights_add(home, "resnet18", weight_file("mini_zip.pth"), NULL, NULL, err),
                   FLECK_E_IO, path);
}

static void a_file_that_is_refused_leaves_what_was_stored(void **state)
{
    const char *home = test_folder();
    fk_st_reader *r;

    (void)state;
    shared_or_skip(file, "weights/resnet18_imagenet_bnfolded.safetensors");
    assert_ok(fk_weights_add(home, "resnet18", file, NULL, NULL, err));
    assert_refused(fk_weights_add(home, "resnet18", weight_file("mini_zip.pth"), NULL, NULL, err),
                   FLECK_E_SHAPE, "conv1.weight");
    assert_ok(fk_weights_open(&r, home, fk_arch_find("resnet18"), 1, err));
    fk_st_close(&r);
    remove_stored(home, "resnet18");
}

/* Make an empty file where the weights of resnet18 would be. */
static void put_stored(const char *home)
{
    char *path;

    assert_ok(fk_weights_path(&path, home, "resnet18", err));
    *strrchr(path, '/') = '\0';
    assert_ok(fk_folder_make(path, err));
    fk_free(path);
    assert_ok(fk_weights_path(&path, home, "resnet18", err));
    assert_ok(fk_file_write(path, "x", 1, err));
    fk_free(path);
}

static void ones_own_weights_come_before_the_shared_ones(void **state)
{
    char own[4200], shared[4200];
    const char *home;

    (void)state;
    snprintf(own, sizeof own, "%s/own", test_folder());
    snprintf(shared, sizeof shared, "%s/shared", test_folder());
    assert_ok(fk_weights_home(&home, own, shared, "resnet18", err));
    assert_ptr_equal(home, own);
    put_stored(shared);
    assert_ok(fk_weights_home(&home, own, shared, "resnet18", err));
    assert_ptr_equal(home, shared);
    assert_ok(fk_weights_home(&home, own, shared, "resnet50", err));
    assert_ptr_equal(home, own);
    put_stored(own);
    assert_ok(fk_weights_home(&home, own, shared, "resnet18", err));
    assert_ptr_equal(home, own);
    assert_ok(fk_weights_home(&home, NULL, shared, "resnet50", err));
    assert_ptr_equal(home, shared);
    assert_ok(fk_weights_home(&home, own, NULL, "resnet50", err));
    assert_ptr_equal(home, own);
    assert_ok(fk_weights_home(&home, NULL, NULL, "resnet50", err));
    assert_null(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_path_is_one_file_for_each_backbone),
        cmocka_unit_test(weights_that_are_added_can_be_opened),
        cmocka_unit_test(a_name_that_no_backbone_has_lists_those_there_are),
        cmocka_unit_test(missing_weights_say_how_to_install_them),
        cmocka_unit_test(files_that_the_store_did_not_write_are_refused),
        cmocka_unit_test(a_file_in_the_place_of_the_folder_is_an_error),
        cmocka_unit_test(ones_own_weights_come_before_the_shared_ones),
        cmocka_unit_test(a_file_that_is_refused_leaves_what_was_stored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
