/* Outputs: nothing that is read is written over, and nothing that fleck did not write. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A byte that would break a line or a field, as text. */
static void put_escaped(FILE *to, unsigned char byte)
{
    const char *named = byte == '\t' ? "\\t" : byte == '\n' ? "\\n" : byte == '\r' ? "\\r" : NULL;

    if (named != NULL)
        fputs(named, to);
    else if (byte < 32 || byte == 127)
        fprintf(to, "\\x%02x", byte);
    else
        putc(byte, to);
}

void print_escaped(FILE *to, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            putc('\\', to);
        put_escaped(to, (unsigned char)*text);
    }
}

void print_message(const char *message)
{
    fputs("fleck: ", stderr);
    for (; *message != '\0'; message++)
        put_escaped(stderr, (unsigned char)*message);
    putc('\n', stderr);
}

bool same_file(const char *a, const char *b)
{
    struct stat x, y;

    return a != NULL && b != NULL && stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

bool output_apart(const char *option, const char *output, const char *const *inputs, int n)
{
    for (int i = 0; i < n; i++)
        if (same_file(output, inputs[i])) {
            usage_error("%s %s: this is %s, which is read", option, output, inputs[i]);
            return false;
        }
    return true;
}

bool output_free(const char *path, fleck_output_kind kind, const char *image, bool overwrite)
{
    fleck_error err = {0};

    if (fleck_output_replace(path, kind, image, overwrite, &err) == FLECK_OK)
        return true;
    if (overwrite || same_file(path, image))
        failed(&err);
    else
        usage_error("%s (--overwrite replaces it)", err.message);
    return false;
}

bool output_ready(const char *path, fleck_output_kind kind, const char *image, bool overwrite)
{
    fleck_error err = {0};

    if (!output_free(path, kind, image, overwrite))
        return false;
    if (fleck_output_check(path, &err) == FLECK_OK)
        return true;
    failed(&err);
    return false;
}

char *output_path(const char *folder, const char *image, const char *ending)
{
    fleck_error err = {0};
    char *name = NULL, *path;
    size_t size;

    if (fleck_output_name(&name, image, ending, &err) != FLECK_OK) {
        failed(&err);
        return NULL;
    }
    size = strlen(folder) + strlen(name) + 2;
    path = need(malloc(size));
    snprintf(path, size, "%s/%s", folder, name);
    fleck_free(name);
    return path;
}
