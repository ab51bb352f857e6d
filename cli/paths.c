/* Lists of image files, and the names of what is made from them. */
#include "cli.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void add_path(path_list *l, const char *path)
{
    if (l->count == l->room) {
        l->room = l->room > 0 ? 2 * l->room : 64;
        l->paths = need(realloc(l->paths, (size_t)l->room * sizeof *l->paths));
    }
    l->paths[l->count++] = need(strdup(path));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Add the images of folder and what is below it, in order of name. */
static bool add_folder(path_list *l, const char *folder)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, by_name);
    bool ok = n >= 0;

    if (!ok)
        usage_error("cannot list %s: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        size_t size = strlen(folder) + strlen(name) + 2;
        char *path = need(malloc(size));
        struct stat info;

        snprintf(path, size, "%s/%s", folder, name);
        if (ok && name[0] != '.' && stat(path, &info) == 0) {
            if (S_ISDIR(info.st_mode))
                ok = add_folder(l, path);
            else if (fleck_is_image_name(path))
                add_path(l, path);
        }
        free(path);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    return ok;
}

static bool add_word(path_list *l, const char *word)
{
    struct stat info;
    size_t n = strlen(word);
    char *trimmed;
    int64_t before = l->count;
    bool ok;

    if (stat(word, &info) != 0 || !S_ISDIR(info.st_mode)) {
        add_path(l, word); /* a missing file is named when its turn comes */
        return true;
    }
    trimmed = need(strdup(word));
    while (n > 1 && trimmed[n - 1] == '/')
        trimmed[--n] = '\0';
    ok = add_folder(l, trimmed);
    if (ok && l->count == before) {
        usage_error("%s: no image files in this folder", word);
        ok = false;
    }
    free(trimmed);
    return ok;
}

static bool add_lines(path_list *l, FILE *from)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    bool ok = true;

    while (ok && (n = getline(&line, &room, from)) >= 0) {
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
            line[--n] = '\0';
        if (n > 0)
            ok = add_word(l, line);
    }
    free(line);
    return ok;
}

/* Length of the folder part that all paths share, its slash included. */
static size_t shared_folder(const path_list *l)
{
    const char *first = l->paths[0], *slash = strrchr(first, '/');
    size_t n = slash != NULL ? (size_t)(slash - first) + 1 : 0;

    for (int64_t i = 1; i < l->count; i++) {
        while (n > 0 && strncmp(l->paths[i], first, n) != 0)
            for (n--; n > 0 && first[n - 1] != '/';)
                n--;
    }
    return n;
}

/* The path's rest as a name: no leading slashes, "..", or extension. */
static char *name_of(const char *rest, bool keep_extension)
{
    char *name = need(strdup(rest)), *dot, *slash;

    for (char *up = strstr(name, "../"); up != NULL; up = strstr(up, "../"))
        memcpy(up, "__", 2);
    slash = strrchr(name, '/');
    dot = strrchr(name, '.');
    if (!keep_extension && dot != NULL && dot != name && (slash == NULL || dot > slash + 1))
        *dot = '\0';
    return name;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void name_all(path_list *l)
{
    size_t skip = l->count > 0 ? shared_folder(l) : 0;
    char **sorted = need(calloc((size_t)l->count + 1, sizeof *sorted));
    bool collide = false;

    l->names = need(calloc((size_t)l->count + 1, sizeof *l->names));
    for (int64_t i = 0; i < l->count; i++)
        sorted[i] = l->names[i] = name_of(l->paths[i] + skip, false);
    qsort(sorted, (size_t)l->count, sizeof *sorted, by_text);
    for (int64_t i = 1; i < l->count; i++)
        collide = collide || strcmp(sorted[i - 1], sorted[i]) == 0;
    free(sorted);
    for (int64_t i = 0; collide && i < l->count; i++) {
        free(l->names[i]);
        l->names[i] = name_of(l->paths[i] + skip, true);
    }
}

bool path_list_read(path_list *l, const char *const *words, int n)
{
    bool ok = true;

    *l = (path_list){0};
    for (int i = 0; ok && i < n; i++)
        ok = strcmp(words[i], "-") == 0 ? add_lines(l, stdin) : add_word(l, words[i]);
    if (ok && l->count == 0) {
        usage_error("no images were given");
        ok = false;
    }
    if (ok)
        name_all(l);
    return ok;
}

void path_list_free(path_list *l)
{
    for (int64_t i = 0; i < l->count; i++) {
        free(l->paths[i]);
        if (l->names != NULL)
            free(l->names[i]);
    }
    free(l->paths);
    free(l->names);
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
            fprintf(stderr, "fleck: cannot make folder %s: %s\n", copy, strerror(errno));
        *p = '/';
    }
    free(copy);
    return ok;
}
