/* SPDX-License-Identifier: Apache-2.0 */
/* Files: reads, writes that appear whole or not at all, folders, paths. */
#include "fk_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/mem.h"

/* "FOLDER/name"; static storage of 8 paths, used in turn. */
static const char *in(const char *folder, const char *name)
{
    static char paths[8][4200];
    static int turn;
    char *out = paths[turn++ % 8];

    assert_true(snprintf(out, sizeof paths[0], "%s/%s", folder, name) < (int)sizeof paths[0]);
    return out;
}

static void make_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void assert_contents(const char *path, const char *text)
{
    fk_contents m;

    assert_ok(fk_contents_read(&m, path, 0, err));
    assert_int_equal(m.size, strlen(text));
    if (m.size > 0)
        assert_memory_equal(m.data, text, m.size);
    fk_contents_free(&m);
}

/* Hidden ones too: a temporary file's name begins with a dot. */
static int64_t count_entries(const char *folder)
{
    DIR *dir = opendir(folder);
    int64_t n = 0;

    assert_non_null(dir);
    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n - 2;
}

/* ---- Reading ---- */

static void a_file_that_was_read_has_its_bytes(void **state)
{
    const char *path = in(test_folder(), "a");

    (void)state;
    make_file(path, "some bytes");
    assert_contents(path, "some bytes");
}

static void an_empty_file_gives_nothing(void **state)
{
    const char *path = in(test_folder(), "empty");
    fk_contents m = {.size = 5};

    (void)state;
    make_file(path, "");
    assert_ok(fk_contents_read(&m, path, 1, err));
    assert_null(m.data);
    assert_int_equal(m.size, 0);
    fk_contents_free(&m);
    fk_contents_free(&m);
}

static void a_file_cut_short_after_opening_is_an_error_of_that_file(void **state)
{
    const char *path = in(test_folder(), "shrinks");
    char bytes[10];
    fk_file f;

    (void)state;
    make_file(path, "0123456789");
    assert_ok(fk_file_open(&f, path, 0, err));
    assert_int_equal(truncate(path, 4), 0);
    assert_refused(fk_file_read(&f, bytes, 0, sizeof bytes, err), FLECK_E_IO,
                   "became shorter while it was read: expected 10 bytes, found 4");
    assert_ok(fk_file_read(&f, bytes, 1, 3, err));
    assert_memory_equal(bytes, "123", 3);
    assert_refused(fk_file_unchanged(&f, err), FLECK_E_IO, "changed while it was read");
    fk_file_close(&f);
}

static void a_file_that_changed_after_opening_is_an_error_whatever_its_size(void **state)
{
    const char *path = in(test_folder(), "changes");
    struct timespec later[2] = {{.tv_sec = 2000000000}, {.tv_sec = 2000000000}};
    char bytes[10];
    fk_file f;

    (void)state;
    make_file(path, "0123456789");
    assert_ok(fk_file_open(&f, path, 0, err));
    assert_ok(fk_file_unchanged(&f, err));
    assert_int_equal(utimensat(AT_FDCWD, path, later, 0), 0);
    assert_ok(fk_file_read(&f, bytes, 0, sizeof bytes, err));
    assert_refused(fk_file_unchanged(&f, err), FLECK_E_IO, path);
    fk_file_close(&f);
}

static void a_file_replaced_by_renaming_is_still_the_one_that_was_opened(void **state)
{
    const char *path = in(test_folder(), "old"), *other = in(test_folder(), "new");
    fk_stamp stamp;
    char bytes[3];
    fk_file f;

    (void)state;
    make_file(path, "old");
    make_file(other, "new");
    assert_ok(fk_file_open(&f, path, 0, err));
    assert_true(fk_stamp_of(&stamp, path));
    assert_true(fk_stamp_same(&stamp, &f.stamp));
    assert_int_equal(rename(other, path), 0);
    assert_ok(fk_file_read(&f, bytes, 0, sizeof bytes, err));
    assert_ok(fk_file_unchanged(&f, err));
    assert_memory_equal(bytes, "old", 3);
    assert_true(fk_stamp_of(&stamp, path));
    assert_false(fk_stamp_same(&stamp, &f.stamp));
    assert_int_equal(unlink(path), 0);
    assert_false(fk_stamp_of(&stamp, path));
    fk_file_close(&f);
}

static void a_large_file_is_read_whole_and_its_memory_given_back(void **state)
{
    const char *path = in(test_folder(), "large");
    const int64_t sizes[] = {FK_LARGE - 1, FK_LARGE, FK_LARGE + 4097};
    fk_contents c;

    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        FILE *f = fopen(path, "wb");

        assert_non_null(f);
        for (int64_t i = 0; i < sizes[k]; i++)
            putc((int)(i % 251), f);
        assert_int_equal(fclose(f), 0);
        assert_ok(fk_contents_read(&c, path, 0, err));
        assert_int_equal(c.size, sizes[k]);
        for (int64_t i = 0; i < sizes[k]; i++)
            if (c.data[i] != i % 251)
                fail_msg("byte %lld", (long long)i);
        fk_contents_free(&c);
        fk_mem_fail_at(1);
        assert_refused(fk_contents_read(&c, path, 0, err), FLECK_E_NOMEM, "out of memory");
        fk_mem_fail_at(0);
        assert_null(c.data);
    }
}

static void what_is_no_regular_file_is_refused_without_waiting(void **state)
{
    const char *folder = test_folder(), *pipe_path = in(folder, "pipe");
    fk_contents m;

    (void)state;
    assert_int_equal(mkfifo(pipe_path, 0666), 0);
    assert_refused(fk_contents_read(&m, folder, 0, err), FLECK_E_FORMAT,
                   "expected a regular file, found a folder");
    assert_refused(fk_contents_read(&m, "/dev/zero", 0, err), FLECK_E_FORMAT, "a device or pipe");
    assert_refused(fk_contents_read(&m, pipe_path, 0, err), FLECK_E_FORMAT, "a device or pipe");
    assert_null(m.data);
}

static void a_missing_file_is_named(void **state)
{
    fk_contents m;

    (void)state;
    assert_refused(fk_contents_read(&m, "/nowhere/x.png", 0, err), FLECK_E_NOTFOUND,
                   "cannot open /nowhere/x.png: No such file");
    assert_refused(fk_contents_read(&m, "/dev/null/x", 0, err), FLECK_E_NOTFOUND, "/dev/null/x");
    assert_refused(fk_contents_read(&m, "", 0, err), FLECK_E_NOTFOUND, "cannot open");
}

static void a_file_beyond_the_limit_is_refused_and_one_at_it_is_not(void **state)
{
    const char *path = in(test_folder(), "ten");
    fk_contents m;

    (void)state;
    make_file(path, "0123456789");
    assert_ok(fk_contents_read(&m, path, 10, err));
    fk_contents_free(&m);
    assert_refused(fk_contents_read(&m, path, 9, err), FLECK_E_LIMIT, "10 bytes, the limit is 9");
}

/* ---- Writing ---- */

static void nothing_is_at_the_path_before_commit(void **state)
{
    const char *folder = test_folder(), *path = in(folder, "out");
    fk_writer *w;

    (void)state;
    assert_ok(fk_writer_open(&w, path, err));
    assert_ok(fk_writer_write(w, "half", 4, err));
    assert_false(fk_path_is_file(path));
    assert_ok(fk_writer_write(w, NULL, 0, err));
    assert_ok(fk_writer_write(w, " whole", 6, err));
    assert_ok(fk_writer_commit(&w, err));
    assert_null(w);
    assert_contents(path, "half whole");
    assert_int_equal(count_entries(folder), 1);
}

/* What is written in several pieces is whole. */
static void a_long_write_has_all_its_bytes(void **state)
{
    enum { SIZE = 1234567, FIRST = 3 };
    const char *path = in(test_folder(), "out");
    unsigned char *bytes = NULL;
    fk_contents m;
    fk_writer *w;

    (void)state;
    assert_ok(FK_ALLOC(&bytes, SIZE, err));
    for (int i = 0; i < SIZE; i++)
        bytes[i] = (unsigned char)((unsigned)i * 2654435761u >> 24);
    assert_ok(fk_writer_open(&w, path, err));
    assert_ok(fk_writer_write(w, bytes, FIRST, err));
    assert_ok(fk_writer_write(w, bytes + FIRST, SIZE - FIRST, err));
    assert_ok(fk_writer_commit(&w, err));
    assert_ok(fk_contents_read(&m, path, 0, err));
    assert_int_equal(m.size, SIZE);
    assert_memory_equal(m.data, bytes, SIZE);
    fk_contents_free(&m);
    fk_free(bytes);
}

static void an_old_file_stays_until_commit_and_after_abort(void **state)
{
    const char *folder = test_folder(), *path = in(folder, "out");
    fk_writer *w;

    (void)state;
    make_file(path, "old");
    assert_ok(fk_writer_open(&w, path, err));
    assert_ok(fk_writer_write(w, "new", 3, err));
    assert_contents(path, "old");
    fk_writer_abort(&w);
    assert_null(w);
    fk_writer_abort(&w);
    fk_writer_abort(NULL);
    assert_contents(path, "old");
    assert_int_equal(count_entries(folder), 1);
    assert_ok(fk_file_write(path, "new", 3, err));
    assert_contents(path, "new");
    assert_int_equal(count_entries(folder), 1);
}

static void two_writers_of_one_path_do_not_meet(void **state)
{
    const char *folder = test_folder(), *path = in(folder, "out");
    fk_writer *a, *b;

    (void)state;
    assert_ok(fk_writer_open(&a, path, err));
    assert_ok(fk_writer_open(&b, path, err));
    assert_ok(fk_writer_write(a, "first", 5, err));
    assert_ok(fk_writer_write(b, "second", 6, err));
    assert_ok(fk_writer_commit(&a, err));
    assert_contents(path, "first");
    assert_ok(fk_writer_commit(&b, err));
    assert_contents(path, "second");
    assert_int_equal(count_entries(folder), 1);
}

/* A process of the same number may have died in the middle. */
static void a_stale_temporary_file_is_no_obstacle(void **state)
{
    const char *folder = test_folder(), *path = in(folder, "out");
    char stale[4300];

    (void)state;
    for (int i = 0; i < 64; i++) { /* more than this process has used so far */
        snprintf(stale, sizeof stale, "%s/.fleck-%ld-%d.part", folder, (long)getpid(), i);
        make_file(stale, "stale");
    }
    for (int named = 0; named < 2; named++) {
        fk_writer_use_names(named == 1);
        assert_ok(fk_file_write(path, named ? "new" : "good", named ? 3 : 4, err));
        assert_contents(path, named ? "new" : "good");
    }
    fk_writer_use_names(false);
    assert_int_equal(count_entries(folder), 65);
}

static void a_killed_writer_leaves_nothing(void **state)
{
    const char *folder = test_folder(), *path = in(folder, "out");
    int how;

    (void)state;
    make_file(in(folder, "probe"), "");
    unlink(in(folder, "probe"));
    for (int old = 0; old < 2; old++) {
        pid_t child = fork();

        if (child == 0) {
            fk_writer *w = NULL;
            static char block[1 << 20];

            if (fk_writer_open(&w, path, NULL) == FLECK_OK &&
                fk_writer_write(w, block, sizeof block, NULL) == FLECK_OK)
                raise(SIGKILL);
            _exit(1);
        }
        assert_int_equal(waitpid(child, &how, 0), child);
        assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
        assert_int_equal(count_entries(folder), old);
        if (old == 0)
            make_file(path, "old");
    }
    assert_contents(path, "old");
}

static void a_link_is_followed_even_into_nothing(void **state)
{
    const char *folder = test_folder(), *link = in(folder, "link"), *path = in(folder, "deep/out");
    struct stat info;

    (void)state;
    assert_int_equal(mkdir(in(folder, "deep"), 0777), 0);
    assert_int_equal(symlink("deep/second", link), 0);
    assert_int_equal(symlink("out", in(folder, "deep/second")), 0);
    for (int turn = 0; turn < 2; turn++) {
        fk_writer_use_names(turn == 1);
        assert_ok(fk_file_write(link, turn ? "b" : "a", 1, err));
        assert_contents(path, turn ? "b" : "a");
        assert_int_equal(lstat(link, &info), 0);
        assert_true(S_ISLNK(info.st_mode));
        assert_int_equal(lstat(path, &info), 0);
        assert_true(S_ISREG(info.st_mode));
    }
    fk_writer_use_names(false);
    assert_int_equal(symlink("loop", in(folder, "loop")), 0);
    assert_refused(fk_file_write(in(folder, "loop"), "x", 1, err), FLECK_E_IO, "loop");
}

static void a_mode_is_kept_and_a_new_one_is_the_masks(void **state)
{
    const char *path = in(test_folder(), "out");
    static const mode_t modes[] = {0600, 0640, 0755, 0666};
    mode_t mask = umask(027);
    struct stat info;

    (void)state;
    for (int named = 0; named < 2; named++) {
        fk_writer_use_names(named == 1);
        assert_ok(fk_file_write(path, "x", 1, err));
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 07777, 0640);
        for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
            assert_int_equal(chmod(path, modes[i]), 0);
            assert_ok(fk_file_write(path, "y", 1, err));
            assert_int_equal(stat(path, &info), 0);
            assert_int_equal(info.st_mode & 07777, modes[i]);
        }
        unlink(path);
    }
    fk_writer_use_names(false);
    umask(mask);
}

static void the_longest_names_can_be_written(void **state)
{
    const char *folder = test_folder();
    char name[300];

    (void)state;
    for (size_t n = 245; n <= 256; n++)
        for (int turn = 0; turn < 3; turn++) { /* new; replaced; replaced by one with a name */
            memset(name, 'n', n);
            name[n] = '\0';
            fk_writer_use_names(turn == 2);
            if (n <= 255)
                assert_ok(fk_file_write(in(folder, name), "x", 1, err));
            else
                assert_refused(fk_writer_check(in(folder, name), err), FLECK_E_IO, "too long");
        }
    fk_writer_use_names(false);
    assert_int_equal(count_entries(folder), 11);
}

static void asking_whether_a_path_can_be_written_leaves_nothing(void **state)
{
    const char *folder = test_folder();

    (void)state;
    for (int named = 0; named < 2; named++) {
        fk_writer_use_names(named == 1);
        assert_ok(fk_writer_check(in(folder, "new"), err));
        assert_refused(fk_writer_check(in(folder, "absent/new"), err), FLECK_E_NOTFOUND, "absent");
        assert_refused(fk_writer_check(in(folder, "new/"), err), FLECK_E_NOTFOUND, "new/");
        assert_refused(fk_writer_check(folder, err), FLECK_E_IO, "a folder");
        assert_int_equal(count_entries(folder), 0);
    }
    fk_writer_use_names(false);
}

static void a_path_that_cannot_be_written_is_named(void **state)
{
    const char *folder = test_folder();
    fk_writer *w = NULL;

    (void)state;
    assert_refused(fk_writer_open(&w, folder, err), FLECK_E_IO, "it is a folder");
    assert_refused(fk_writer_open(&w, "/nowhere/x", err), FLECK_E_NOTFOUND,
                   "cannot write /nowhere/x: No such file");
    assert_refused(fk_writer_open(&w, "", err), FLECK_E_NOTFOUND, "cannot write");
    assert_null(w);
    assert_int_equal(count_entries(folder), 0);
}

/* As root a rename would replace /dev/null for the whole system. */
static void devices_and_pipes_are_not_replaced(void **state)
{
    const char *path = in(test_folder(), "pipe");
    fk_writer *w = NULL;
    struct stat info;

    (void)state;
    assert_int_equal(mkfifo(path, 0666), 0);
    assert_refused(fk_writer_open(&w, path, err), FLECK_E_IO, "it is a device or pipe");
    assert_refused(fk_writer_open(&w, "/dev/null", err), FLECK_E_IO, "it is a device or pipe");
    assert_int_equal(stat("/dev/null", &info), 0);
    assert_true(S_ISCHR(info.st_mode));
}

/* Permissions do not bind root, who is another user for the length of this test. */
static void a_folder_without_permission_is_named(void **state)
{
    const char *folder = test_folder(), *path = in(folder, "out");
    bool root = geteuid() == 0;
    fleck_error e = {0};

    (void)state;
    assert_int_equal(chmod(folder, 0555), 0);
    if (root && (seteuid(65534) != 0 || !fk_path_is_folder(folder))) {
        (void)!seteuid(0);
        printf("skipped: %s needs a user whom permissions bind\n", __func__);
        skip();
    }
    (void)!fk_file_write(path, "x", 1, &e);
    if (root)
        assert_int_equal(seteuid(0), 0);
    chmod(folder, 0755);
    assert_int_equal(e.status, FLECK_E_IO);
    assert_non_null(strstr(e.message, "Permission denied"));
    assert_non_null(strstr(e.message, path));
}

/* A folder put in the way after the writer was opened: rename fails. */
static void a_failed_rename_leaves_no_temporary_file(void **state)
{
    const char *folder = test_folder(), *path = in(folder, "out");
    fk_writer *w;

    (void)state;
    assert_ok(fk_writer_open(&w, path, err));
    assert_ok(fk_writer_write(w, "x", 1, err));
    assert_int_equal(mkdir(path, 0777), 0);
    assert_refused(fk_writer_commit(&w, err), FLECK_E_IO, path);
    assert_null(w);
    assert_int_equal(count_entries(folder), 1);
}

/* A full disk as a file size limit: writes end with EFBIG where a full disk gives ENOSPC. */
static void a_full_disk_is_an_error_and_leaves_the_old_file(void **state)
{
    enum { LIMIT = 65536, BLOCK = 40000 };
    const char *folder = test_folder(), *path = in(folder, "out");
    struct rlimit old, small;
    void (*handler)(int);
    char *block = calloc(1, 2 * LIMIT);
    fk_writer *w = NULL;
    fleck_error large = {0}, writing = {0}, commit = {0};
    fleck_status st = FLECK_OK;

    (void)state;
    assert_non_null(block);
    make_file(path, "old");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = LIMIT;
    handler = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    /* in one go; then piece by piece, with a caller that goes on to commit after the failure */
    (void)!fk_file_write(path, block, 2 * LIMIT, &large);
    (void)!fk_writer_open(&w, path, NULL);
    for (int i = 0; i < 3 && st == FLECK_OK; i++)
        st = fk_writer_write(w, block, BLOCK, &writing);
    (void)!fk_writer_commit(&w, &commit);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, handler);
    assert_int_equal(large.status, FLECK_E_IO);
    assert_non_null(strstr(large.message, path));
    assert_non_null(strstr(large.message, "File too large"));
    assert_int_equal(writing.status, FLECK_E_IO);
    assert_int_equal(commit.status, FLECK_E_IO);
    assert_non_null(strstr(commit.message, "an earlier write failed"));
    assert_contents(path, "old");
    assert_int_equal(count_entries(folder), 1);
    free(block);
}

/* A small write stays in the buffer, so that the refusal comes when commit flushes it. */
static void a_disk_that_is_full_at_commit_is_an_error_too(void **state)
{
    const char *folder = test_folder(), *path = in(folder, "out");
    struct rlimit old, none;
    void (*handler)(int);
    fk_writer *w;
    fleck_error e = {0};

    (void)state;
    assert_ok(fk_writer_open(&w, path, err));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    none = old;
    none.rlim_cur = 0;
    handler = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    (void)!fk_writer_write(w, "x", 1, NULL);
    (void)!fk_writer_commit(&w, &e);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, handler);
    assert_int_equal(e.status, FLECK_E_IO);
    assert_int_equal(count_entries(folder), 0);
}

static void writing_survives_every_failing_allocation(void **state)
{
    const char *folder = test_folder(), *path = in(folder, "out");
    int64_t failures = 0;
    fleck_status st;

    (void)state;
    do {
        fk_mem_fail_at(failures + 1);
        st = fk_file_write(path, "x", 1, NULL);
        fk_mem_fail_at(0);
        if (st != FLECK_OK) {
            assert_int_equal(st, FLECK_E_NOMEM);
            assert_int_equal(count_entries(folder), 0);
            failures++;
        }
    } while (st != FLECK_OK);
    assert_int_equal(failures, 4); /* the writer and three names */
    assert_contents(path, "x");
}

static void a_copy_has_the_bytes_and_a_failed_one_leaves_nothing(void **state)
{
    const char *folder = test_folder(), *from = in(folder, "from"), *to = in(folder, "to");
    const size_t sizes[] = {0, 1, (size_t)1 << 20, ((size_t)1 << 20) + 7};
    static char bytes[((size_t)1 << 20) + 7];
    int64_t failures = 0;
    fleck_status st;

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * i / 11);
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        fk_contents m;

        assert_ok(fk_file_write(from, bytes, sizes[s], err));
        assert_ok(fk_file_copy(from, to, NULL, NULL, err));
        assert_ok(fk_contents_read(&m, to, 0, err));
        assert_int_equal(m.size, sizes[s]);
        if (m.size > 0)
            assert_memory_equal(m.data, bytes, m.size);
        fk_contents_free(&m);
    }
    assert_refused(fk_file_copy(in(folder, "absent"), to, NULL, NULL, err), FLECK_E_NOTFOUND,
                   "absent");
    assert_refused(fk_file_copy(folder, to, NULL, NULL, err), FLECK_E_FORMAT, folder);
    assert_refused(fk_file_copy(from, in(folder, "absent/to"), NULL, NULL, err), FLECK_E_NOTFOUND,
                   "absent/to");
    unlink(to);
    do {
        fk_mem_fail_at(failures + 1);
        st = fk_file_copy(from, to, NULL, NULL, NULL);
        fk_mem_fail_at(0);
        if (st != FLECK_OK) {
            assert_int_equal(st, FLECK_E_NOMEM);
            assert_int_equal(count_entries(folder), 1);
            failures++;
        }
    } while (st != FLECK_OK);
    assert_true(failures >= 2);
}

/* ---- Folders ---- */

static void folders_are_made_with_their_parents_and_twice(void **state)
{
    const char *folder = test_folder(), *deep = in(folder, "a/b//c/");

    (void)state;
    assert_ok(fk_folder_make(deep, err));
    assert_ok(fk_folder_make(deep, err));
    assert_true(fk_path_is_folder(in(folder, "a/b/c")));
    assert_ok(fk_folder_make("/", err));
    assert_ok(fk_folder_make(".", err));
}

static void a_file_in_the_way_of_a_folder_is_an_error(void **state)
{
    const char *folder = test_folder(), *file = in(folder, "file");
    fleck_error e = {0};

    (void)state;
    make_file(file, "x");
    assert_refused(fk_folder_make(file, err), FLECK_E_IO, "a file is in the way");
    assert_int_not_equal(fk_folder_make(in(folder, "file/sub"), &e), FLECK_OK);
    assert_non_null(strstr(e.message, "file/sub"));
    assert_refused(fk_folder_make("", err), FLECK_E_NOTFOUND, "without a name");
}

static void paths_know_whether_they_are_files_or_folders(void **state)
{
    const char *folder = test_folder(), *file = in(folder, "file"), *link = in(folder, "link"),
               *broken = in(folder, "broken");

    (void)state;
    make_file(file, "x");
    assert_int_equal(symlink(file, link), 0);
    assert_int_equal(symlink("/nowhere", broken), 0);
    assert_true(fk_path_is_file(file));
    assert_true(fk_path_is_file(link));
    assert_false(fk_path_is_file(folder));
    assert_false(fk_path_is_file(broken));
    assert_true(fk_path_is_folder(folder));
    assert_false(fk_path_is_folder(file));
    assert_false(fk_path_is_folder("/nowhere"));
}

static void listing_is_in_natural_order_by_kind_without_hidden_names(void **state)
{
    const char *folder = test_folder();
    fk_names l = {0};

    (void)state;
    make_file(in(folder, "10.png"), "");
    make_file(in(folder, "9.png"), "");
    make_file(in(folder, ".hidden"), "");
    assert_int_equal(mkdir(in(folder, "good"), 0777), 0);
    assert_int_equal(mkdir(in(folder, ".git"), 0777), 0);
    assert_int_equal(symlink("9.png", in(folder, "11.png")), 0);
    assert_int_equal(symlink("good", in(folder, "also")), 0);
    assert_int_equal(symlink("/nowhere", in(folder, "broken")), 0);
    assert_ok(fk_folder_list(&l, folder, 'f', err));
    assert_int_equal(l.count, 3);
    assert_string_equal(l.items[0], "9.png");
    assert_string_equal(l.items[1], "10.png");
    assert_string_equal(l.items[2], "11.png");
    fk_names_free(&l);
    assert_ok(fk_folder_list(&l, folder, 'd', err));
    assert_int_equal(l.count, 2);
    assert_string_equal(l.items[0], "also");
    assert_string_equal(l.items[1], "good");
    fk_names_free(&l);
}

static void a_folder_that_cannot_be_listed_is_named_and_the_list_stays(void **state)
{
    const char *folder = test_folder();
    fk_names l = {0};

    (void)state;
    assert_ok(fk_names_add(&l, "before", err));
    assert_refused(fk_folder_list(&l, "/nowhere", 'f', err), FLECK_E_NOTFOUND,
                   "cannot list /nowhere");
    make_file(in(folder, "a"), "");
    make_file(in(folder, "b"), "");
    fk_mem_fail_at(4); /* join, add, join, add: the second name */
    assert_refused(fk_folder_list(&l, folder, 'f', err), FLECK_E_NOMEM, "memory");
    fk_mem_fail_at(0);
    assert_int_equal(l.count, 1);
    assert_string_equal(l.items[0], "before");
    fk_names_free(&l);
}

/* ---- Paths ---- */

static void paths_join_with_one_slash(void **state)
{
    static const char *const cases[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"a", "/b", "a/b"},    {"a/", "/b", "a/b"},
        {"", "b", "b"},    {"/", "b", "/b"},   {"a", "b/c", "a/b/c"}, {"", "/b", "/b"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *out;

        assert_ok(fk_path_join(&out, cases[i][0], cases[i][1], err));
        assert_string_equal(out, cases[i][2]);
        fk_free(out);
    }
}

static void base_and_stem_take_a_path_apart(void **state)
{
    static const char *const cases[][3] = {{"a/b/c.png", "c.png", "c"},
                                           {"c.png", "c.png", "c"},
                                           {"a/b/", "b", "b"},
                                           {"a//", "a", "a"},
                                           {"/", "", ""},
                                           {"", "", ""},
                                           {"/x", "x", "x"},
                                           {"a/.png", ".png", ".png"},
                                           {"a.tar.gz", "a.tar.gz", "a.tar"},
                                           {"a.b/c", "c", "c"},
                                           {"x.", "x.", "x"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *out;

        assert_ok(fk_path_base(&out, cases[i][0], err));
        assert_string_equal(out, cases[i][1]);
        fk_free(out);
        assert_ok(fk_path_stem(&out, cases[i][0], err));
        assert_string_equal(out, cases[i][2]);
        fk_free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_was_read_has_its_bytes),
        cmocka_unit_test(an_empty_file_gives_nothing),
        cmocka_unit_test(a_file_cut_short_after_opening_is_an_error_of_that_file),
        cmocka_unit_test(a_file_that_changed_after_opening_is_an_error_whatever_its_size),
        cmocka_unit_test(a_file_replaced_by_renaming_is_still_the_one_that_was_opened),
        cmocka_unit_test(a_large_file_is_read_whole_and_its_memory_given_back),
        cmocka_unit_test(what_is_no_regular_file_is_refused_without_waiting),
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(a_file_beyond_the_limit_is_refused_and_one_at_it_is_not),
        cmocka_unit_test(nothing_is_at_the_path_before_commit),
        cmocka_unit_test(a_long_write_has_all_its_bytes),
        cmocka_unit_test(an_old_file_stays_until_commit_and_after_abort),
        cmocka_unit_test(two_writers_of_one_path_do_not_meet),
        cmocka_unit_test(a_stale_temporary_file_is_no_obstacle),
        cmocka_unit_test(a_killed_writer_leaves_nothing),
        cmocka_unit_test(a_link_is_followed_even_into_nothing),
        cmocka_unit_test(a_mode_is_kept_and_a_new_one_is_the_masks),
        cmocka_unit_test(the_longest_names_can_be_written),
        cmocka_unit_test(asking_whether_a_path_can_be_written_leaves_nothing),
        cmocka_unit_test(a_path_that_cannot_be_written_is_named),
        cmocka_unit_test(devices_and_pipes_are_not_replaced),
        cmocka_unit_test(a_folder_without_permission_is_named),
        cmocka_unit_test(a_failed_rename_leaves_no_temporary_file),
        cmocka_unit_test(a_full_disk_is_an_error_and_leaves_the_old_file),
        cmocka_unit_test(a_disk_that_is_full_at_commit_is_an_error_too),
        cmocka_unit_test(writing_survives_every_failing_allocation),
        cmocka_unit_test(a_copy_has_the_bytes_and_a_failed_one_leaves_nothing),
        cmocka_unit_test(folders_are_made_with_their_parents_and_twice),
        cmocka_unit_test(a_file_in_the_way_of_a_folder_is_an_error),
        cmocka_unit_test(paths_know_whether_they_are_files_or_folders),
        cmocka_unit_test(listing_is_in_natural_order_by_kind_without_hidden_names),
        cmocka_unit_test(a_folder_that_cannot_be_listed_is_named_and_the_list_stays),
        cmocka_unit_test(paths_join_with_one_slash),
        cmocka_unit_test(base_and_stem_take_a_path_apart),
    };

    return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
