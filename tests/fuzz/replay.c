/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds files to a fuzz target once, without libFuzzer: replay FILE-OR-FOLDER...
 *
 * Folders are walked, links followed; one that is missing counts as empty.  Each input prints one
 * line "ok N - name" before the next begins, so that a crash shows behind the last good name. */
#include "fuzz.h"

#include "base/file.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int64_t fed;

static fleck_status feed(const char *path, fleck_error *err)
{
    fk_contents file;
    uint8_t *copy = NULL;
    fleck_status st;

    FK_DO(fk_contents_read(&file, path, 0, err));
    /* malloc and not fk_alloc, which rounds up: a sanitizer then sees the first byte behind. */
    copy = malloc(file.size > 0 ? file.size : 1);
    if (copy == NULL)
        FK_FAIL(err, FLECK_E_NOMEM, "%s: out of memory", path);
    if (file.size > 0)
        memcpy(copy, file.data, file.size);
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(copy, file.size);
    printf("ok %lld - %s\n", (long long)++fed, path);
    fflush(stdout);
done:
    free(copy);
    fk_contents_free(&file);
    return st;
}

static fleck_status walk(const char *path, fleck_error *err)
{
    fk_names files = {0}, folders = {0};
    char *inner = NULL;
    fleck_status st = FLECK_OK;

    if (access(path, F_OK) != 0)
        return FLECK_OK;
    if (!fk_path_is_folder(path))
        return feed(path, err);
    FK_DO(fk_folder_list(&files, path, 'f', err));
    FK_DO(fk_folder_list(&folders, path, 'd', err));
    for (int64_t i = 0; i < files.count + folders.count; i++) {
        bool file = i < files.count;

        FK_DO(fk_path_join(&inner, path, file ? files.items[i] : folders.items[i - files.count],
                           err));
        FK_DO(file ? feed(inner, err) : walk(inner, err));
        fk_free(inner);
        inner = NULL;
    }
done:
    fk_free(inner);
    fk_names_free(&files);
    fk_names_free(&folders);
    return st;
}

int main(int argc, char **argv)
{
    fleck_error error = {0};

    for (int i = 1; i < argc; i++)
        if (walk(argv[i], &error) != FLECK_OK) {
            fprintf(stderr, "replay: %s\n", error.message);
            return 1;
        }
    if (fed == 0) {
        fprintf(stderr, "replay: no input found\n");
        return 1;
    }
    return 0;
}
