/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of images in folders: nothing is dropped without a trace. */
#include "base/mem.h"
#include "dataset/listing.h"
#include "root.h"

#include <sys/stat.h>

/* Names that end in .png are images; others are what their first byte says. */
static fk_look look(const char *name, const uint8_t *head, size_t size, const char **format)
{
    *format = NULL;
    if (fk_ends_with(name, ".png"))
        return FK_LOOK_IMAGE;
    if (head == NULL)
        return FK_LOOK_BYTES;
    *format = "WebP";
    return size == 0        ? FK_LOOK_OTHER
           : head[0] == 'i' ? FK_LOOK_IMAGE
           : head[0] == 'w' ? FK_LOOK_KNOWN
           : head[0] == 'f' ? FK_LOOK_OWN
                            : FK_LOOK_OTHER;
}

static void begin(void)
{
    snprintf(root, sizeof root, "%s", test_folder());
}

static void put(const char *name, const char *bytes)
{
    char folder[8192];

    snprintf(folder, sizeof folder, "%s", in_root(name));
    *strrchr(folder, '/') = '\0';
    assert_ok(fk_folder_make(folder, err));
    assert_ok(fk_file_write(in_root(name), bytes, strlen(bytes), err));
}

static void check_paths(const fk_listing *l, const char *const *want)
{
    int64_t n = 0;

    for (; want[n] != NULL; n++) {
        assert_true(n < l->paths.count);
        assert_string_equal(l->paths.items[n], in_root(want[n]));
    }
    assert_int_equal(l->paths.count, n);
}

#define CHECK(l, ...) check_paths((l), (const char *const[]){__VA_ARGS__, NULL})

static void check_text(const fk_listing *l, int64_t passed, const char *want)
{
    char *text = NULL;

    assert_ok(fk_listing_text(&text, l, err));
    assert_string_equal(text, want);
    assert_int_equal(fk_listing_passed(l), passed);
    fk_free(text);
}

static void what_is_passed_over_is_counted_by_reason(void **state)
{
    fk_listing l = {0};

    (void)state;
    begin();
    put("10.png", "");
    put("9.png", "");
    put("noending", "image");
    put("a.webp", "webp");
    put("own", "fleck");
    put("notes.txt", "");
    put("Thumbs.db", "x");
    put(".hidden.png", "");
    put(".DS_Store", "x");
    put("sub/1.png", "");
    put("sub/deep/2.png", "");
    put("sub/notes.txt", "");
    put("none/notes.txt", "");
    assert_ok(fk_listing_add(&l, root, false, look, err));
    CHECK(&l, "9.png", "10.png", "noending");
    check_text(
        &l, 4,
        "2 in sub/ (--recursive), 1 WebP, 1 hidden, 1 picture that fleck drew, 2 other files");
    fk_listing_free(&l);
    fk_listing_free(&l);
}

static void a_recursive_search_goes_through_all_in_natural_order(void **state)
{
    fk_listing l = {0};

    (void)state;
    begin();
    put("b/10.png", "");
    put("b/2.png", "");
    put("a.png", "");
    put("b/c/d/1.png", "");
    put(".cache/1.png", "");
    put("b/@eaDir/2.png", "");
    assert_ok(fk_listing_add(&l, root, true, look, err));
    CHECK(&l, "a.png", "b/2.png", "b/10.png", "b/c/d/1.png");
    check_text(&l, 0, "hidden folder .cache/, hidden folder @eaDir/");
    fk_listing_free(&l);
}

static void many_sub_folders_are_counted_not_named(void **state)
{
    fk_listing l = {0};

    (void)state;
    begin();
    put("a/1.png", "");
    put("b/1.png", "");
    put("c/1.png", "");
    put("d/1.png", "");
    put("d/2.png", "");
    assert_ok(fk_listing_add(&l, root, false, look, err));
    check_text(&l, 5, "5 in 4 sub-folders (--recursive)");
    fk_listing_free(&l);
}

static void what_cannot_be_looked_at_stays_in_the_list(void **state)
{
    fk_listing l = {0};

    (void)state;
    begin();
    put("a.png", "");
    assert_int_equal(symlink("nowhere", in_root("dangling")), 0);
    assert_int_equal(symlink("nowhere.png", in_root("dangling.png")), 0);
    assert_int_equal(symlink("self", in_root("self")), 0);
    assert_int_equal(symlink("nowhere", in_root(".hidden")), 0);
    assert_ok(fk_listing_add(&l, root, false, look, err));
    CHECK(&l, "a.png", "dangling", "dangling.png", "self");
    check_text(&l, 0, "");
    fk_listing_free(&l);
}

static void links_that_lead_back_end(void **state)
{
    fk_listing l = {0};

    (void)state;
    begin();
    put("sub/1.png", "");
    assert_int_equal(symlink(".", in_root("sub/self")), 0);
    assert_int_equal(symlink("..", in_root("sub/up")), 0);
    assert_int_equal(symlink("../..", in_root("above")), 0);
    assert_int_equal(symlink("sub", in_root("twin")), 0);
    assert_ok(fk_listing_add(&l, root, true, look, err));
    CHECK(&l, "sub/1.png");
    check_text(&l, 0,
               "above/, a link that leads back, self/, which was searched before, up/, which was "
               "searched before, twin/, which was searched before");
    fk_listing_free(&l);
}

static void a_device_is_no_image(void **state)
{
    fk_listing l = {0};

    (void)state;
    begin();
    assert_int_equal(mkfifo(in_root("pipe.png"), 0600), 0);
    assert_ok(fk_listing_add(&l, root, false, look, err));
    assert_int_equal(l.paths.count, 0);
    check_text(&l, 0, "1 other file");
    fk_listing_free(&l);
}

static void the_folder_that_is_written_into_is_left_out(void **state)
{
    fk_listing l = {0};

    (void)state;
    begin();
    put("a.png", "");
    put("out/a.png", "");
    assert_ok(fk_listing_leave_out(&l, in_root("out"), err));
    assert_ok(fk_listing_leave_out(&l, in_root("absent"), err));
    assert_ok(fk_listing_add(&l, root, true, look, err));
    CHECK(&l, "a.png");
    check_text(&l, 0, "the output folder out/");
    fk_listing_free(&l);
}

static void a_folder_that_cannot_be_listed_is_an_error(void **state)
{
    char name[301];
    fk_listing l = {0};

    (void)state;
    begin();
    memset(name, 'x', 300);
    name[300] = '\0';
    assert_refused(fk_listing_add(&l, in_root("absent"), true, look, err), FLECK_E_NOTFOUND,
                   "cannot list");
    assert_refused(fk_listing_add(&l, in_root(name), true, look, err), FLECK_E_IO, "cannot list");
    put("file", "");
    assert_refused(fk_listing_add(&l, in_root("file"), true, look, err), FLECK_E_NOTFOUND,
                   "cannot list");
    fk_listing_free(&l);
}

/* Permissions do not bind root, who may set others' aside for a child of his. */
static void a_sub_folder_without_permission_is_told(void **state)
{
    fk_listing l = {0}, flat = {0};
    uid_t me = geteuid();

    (void)state;
    begin();
    put("a.png", "");
    put("shut/b.png", "");
    assert_int_equal(chmod(root, 0755), 0);
    assert_int_equal(chmod(in_root("shut"), 0), 0);
    if (me == 0 && seteuid(65534) != 0)
        skip();
    if (access(root, R_OK | X_OK) != 0 && me == 0) {
        assert_int_equal(seteuid(me), 0);
        skip();
    }
    if (fk_listing_add(&l, root, true, look, NULL) == FLECK_OK) {
        assert_int_equal(l.broken.count, 1);
        assert_non_null(strstr(l.broken.items[0], "shut: Permission denied"));
        CHECK(&l, "a.png");
        assert_ok(fk_listing_add(&flat, root, false, look, err));
        check_text(&flat, 0, "shut/, which cannot be listed");
    }
    if (me == 0)
        assert_int_equal(seteuid(me), 0);
    assert_int_equal(chmod(in_root("shut"), 0700), 0);
    fk_listing_free(&l);
    fk_listing_free(&flat);
}

static void lists_merge(void **state)
{
    fk_listing a = {0}, b = {0};

    (void)state;
    begin();
    put("a/x.webp", "w");
    put("b/y.webp", "w");
    put("b/.z.png", "");
    assert_ok(fk_listing_add(&a, in_root("a"), false, look, err));
    assert_ok(fk_listing_add(&b, in_root("b"), false, look, err));
    assert_ok(fk_listing_merge(&a, &b, err));
    check_text(&a, 3, "2 WebP, 1 hidden");
    fk_listing_free(&a);
    fk_listing_free(&b);
}

static void memory_that_runs_out_leaves_nothing_behind(void **state)
{
    fk_listing l = {0};

    (void)state;
    begin();
    put("a.png", "");
    put("b.webp", "w");
    put("sub/c.png", "");
    for (int n = 1;; n++) {
        fleck_error e = {0};
        fleck_status st;

        fk_mem_fail_at(n);
        st = fk_listing_add(&l, root, false, look, &e);
        fk_mem_fail_at(0);
        fk_listing_free(&l);
        if (st == FLECK_OK)
            break;
        assert_int_equal(st, FLECK_E_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_passed_over_is_counted_by_reason),
        cmocka_unit_test(a_recursive_search_goes_through_all_in_natural_order),
        cmocka_unit_test(many_sub_folders_are_counted_not_named),
        cmocka_unit_test(what_cannot_be_looked_at_stays_in_the_list),
        cmocka_unit_test(links_that_lead_back_end),
        cmocka_unit_test(a_device_is_no_image),
        cmocka_unit_test(the_folder_that_is_written_into_is_left_out),
        cmocka_unit_test(a_folder_that_cannot_be_listed_is_an_error),
        cmocka_unit_test(a_sub_folder_without_permission_is_told),
        cmocka_unit_test(lists_merge),
        cmocka_unit_test(memory_that_runs_out_leaves_nothing_behind)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
