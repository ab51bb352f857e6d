/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test includes: cmocka, and the paths of data that may be missing. */
#ifndef FK_TEST_H
#define FK_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fleck_tools.h"
#include "defaults.h"

/* Fail with the library's message. */
#define assert_ok(call)                                                                            \
    do {                                                                                           \
        fleck_error ok_error = {0};                                                                \
        fleck_error *err = &ok_error;                                                              \
        if ((call) != FLECK_OK)                                                                    \
            fail_msg("%s: %s", #call, ok_error.message);                                           \
    } while (0)

/* Expect this status, and a part of the message. */
#define assert_refused(call, code, part)                                                           \
    do {                                                                                           \
        fleck_error refused_error = {0};                                                           \
        fleck_error *err = &refused_error;                                                         \
        fleck_status refused_status = (call);                                                      \
        if (refused_status != (code))                                                              \
            fail_msg("%s: expected status %d, got %d (%s)", #call, (int)(code),                    \
                     (int)refused_status, refused_error.message);                                  \
        if (strstr(refused_error.message, (part)) == NULL)                                         \
            fail_msg("%s: \"%s\" is not in \"%s\"", #call, (part), refused_error.message);         \
    } while (0)

/* "ROOT/part" for a root named in the environment (FLECK_TEST_SHARED, _SOURCE, _BUILD, _DEPS);
 * static storage of 8 paths, used in turn. */
static inline const char *test_path(const char *root, const char *part)
{
    static char paths[8][4096];
    static int turn;
    const char *folder = getenv(root);
    char *out = paths[turn++ % 8];

    snprintf(out, sizeof paths[0], "%s/%s", folder != NULL ? folder : ".", part);
    return out;
}

/* A path under shared data; the test that calls this is skipped, by name, where it is missing. */
#define shared_or_skip(var, part)                                                                  \
    const char *var = test_path("FLECK_TEST_SHARED", part);                                        \
    if (access(var, R_OK) != 0) {                                                                  \
        printf("skipped: %s needs %s\n", __func__, part);                                          \
        skip();                                                                                    \
    }

#define TEST_FOLDERS 256

typedef struct test_folders {
    char paths[TEST_FOLDERS][512];
    int count;
    pid_t owner;
} test_folders;

static inline test_folders *test_made_folders(void)
{
    static test_folders all;

    return &all;
}

/* Remove a folder and all below it; 0 where it is gone. */
static inline int test_remove(const char *folder)
{
    char command[4200];

    snprintf(command, sizeof command, "chmod -R u+rwX '%s' && rm -rf '%s'", folder, folder);
    return access(folder, F_OK) == 0 ? system(command) : 0; /* NOLINT: made by this program */
}

/* At the end, also after a failed or skipped case; not in a child. */
static inline void test_remove_folders(void)
{
    test_folders *all = test_made_folders();

    for (int i = 0; i < all->count && getpid() == all->owner; i++)
        if (test_remove(all->paths[i]) != 0)
            abort();
}

/* A fresh folder under the build's, which goes when the program ends; its path is static storage
 * that the next call writes anew. */
static inline const char *test_folder(void)
{
    static char path[4096];
    test_folders *all = test_made_folders();
    const char *build = getenv("FLECK_TEST_BUILD");

    snprintf(path, sizeof path, "%s/tmp-XXXXXX", build != NULL ? build : "/tmp");
    if (all->count == TEST_FOLDERS || mkdtemp(path) == NULL || strlen(path) >= sizeof all->paths[0])
        abort();
    if (all->count == 0) {
        all->owner = getpid();
        (void)atexit(test_remove_folders);
    }
    memcpy(all->paths[all->count++], path, strlen(path) + 1);
    return path;
}

#endif
