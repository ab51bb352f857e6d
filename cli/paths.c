/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of image files. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A missing file is reported when it would be scored. */
static bool add_word(path_list *l, const char *word)
{
    fleck_error err = {0};

    if (fleck_images_add(l->found, word, &err) == FLECK_OK)
        return true;
    usage_error("%s", err.message);
    return false;
}

int path_zero_error(void)
{
    return usage_error("standard input: a line holds a zero byte; with -0 paths end in one, as "
                       "find -print0 writes them");
}

/* Add the lines of a file, which end with `end`; false: an error was printed. */
static bool add_lines(path_list *l, FILE *from, char end)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    bool ok = true;

    while (ok && (n = getdelim(&line, &room, end, from)) >= 0) {
        if (n > 0 && line[n - 1] == end)
            line[--n] = '\0';
        if (end == '\n' && n > 0 && line[n - 1] == '\r')
            line[--n] = '\0';
        if (strlen(line) != (size_t)n) {
            ok = path_zero_error() == EXIT_DONE;
        } else if (n > 0) {
            ok = add_word(l, line);
        }
    }
    free(line);
    return ok;
}

bool path_list_read(path_list *l, const char *const *words, int n, const path_rules *rules)
{
    fleck_error err = {0};
    bool ok = fleck_images_open(&l->found, true, &err) == FLECK_OK;

    for (int i = 0; ok && i < 2; i++)
        ok = rules->leave_out[i] == NULL ||
             fleck_images_leave_out(l->found, rules->leave_out[i], &err) == FLECK_OK;
    if (!ok)
        failed(&err);
    for (int i = 0; ok && i < n; i++)
        ok = strcmp(words[i], "-") == 0 ? add_lines(l, stdin, rules->zeros ? '\0' : '\n')
                                        : add_word(l, words[i]);
    l->count = fleck_images_count(l->found);
    l->broken = fleck_images_broken_count(l->found);
    if (ok && l->count + l->broken == 0) {
        usage_error("no images were given");
        ok = false;
    }
    l->paths = need(calloc((size_t)l->count + 1, sizeof *l->paths));
    for (int64_t i = 0; i < l->count; i++)
        l->paths[i] = fleck_images_path(l->found, i);
    return ok;
}

void path_list_tell(const path_list *l, const char *what, int64_t done)
{
    fleck_error err = {0};
    int64_t passed = 0;
    char *text = NULL;

    for (int64_t i = 0; i < l->broken; i++)
        print_message(fleck_images_broken(l->found, i));
    if (fleck_images_passed(l->found, &passed, &text, &err) != FLECK_OK)
        failed(&err);
    else if (text[0] != '\0')
        usage_error("%s %lld of %lld image%s: skipped %s", what, (long long)done,
                    (long long)l->count + passed, plural(l->count + passed), text);
    fleck_free(text);
}

void path_list_free(path_list *l)
{
    free(l->paths);
    fleck_images_close(&l->found);
    *l = (path_list){0};
}

bool make_parent(const char *path)
{
    char *copy = need(strdup(path));
    bool ok = true;

    for (char *p = copy + 1; ok && *p != '\0'; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        ok = mkdir(copy, 0777) == 0 || errno == EEXIST;
        if (!ok)
            usage_error("cannot make folder %s: %s", copy, strerror(errno));
        *p = '/';
    }
    free(copy);
    return ok;
}
