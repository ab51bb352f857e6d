/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs: no input is overwritten, and no file that fleck did not write. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

/* Escape a byte that would break a line or a field. */
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

static void print_line(const char *prefix, const char *message)
{
    fputs(prefix, stderr);
    for (; *message != '\0'; message++)
        put_escaped(stderr, (unsigned char)*message);
    putc('\n', stderr);
}

void print_message(const char *message)
{
    print_line("fleck: ", message);
}

void print_warning(const char *message)
{
    print_line("fleck: warning: ", message);
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

/* The slot of the file in s, or the empty slot for it. */
static size_t slot_of(const file_set *s, const file_id *id)
{
    size_t i = (size_t)(id->inode * UINT64_C(0x9e3779b97f4a7c15) + id->device) & (s->room - 1);

    while (s->items[i].used && (s->items[i].inode != id->inode || s->items[i].device != id->device))
        i = (i + 1) & (s->room - 1);
    return i;
}

static void put(file_set *s, file_id id)
{
    size_t i = slot_of(s, &id);

    s->count += s->items[i].used ? 0 : 1;
    s->items[i] = id;
}

static bool id_of(file_id *out, const char *path)
{
    struct stat info;

    if (stat(path, &info) != 0)
        return false;
    *out = (file_id){(uint64_t)info.st_dev, (uint64_t)info.st_ino, true};
    return true;
}

void file_set_add(file_set *s, const char *path)
{
    file_id id;

    if (!id_of(&id, path))
        return;
    if (2 * (s->count + 1) > s->room) {
        file_set larger = {.room = s->room > 0 ? 2 * s->room : 64};

        larger.items = need(calloc(larger.room, sizeof *larger.items));
        for (size_t i = 0; i < s->room; i++)
            if (s->items[i].used)
                put(&larger, s->items[i]);
        free(s->items);
        *s = larger;
    }
    put(s, id);
}

bool file_set_apart(const file_set *s, const char *output)
{
    file_id id;

    if (s->count == 0 || !id_of(&id, output) || !s->items[slot_of(s, &id)].used)
        return true;
    usage_error("%s is not written: it is a file that is read", output);
    return false;
}

void file_set_free(file_set *s)
{
    free(s->items);
    *s = (file_set){0};
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
