/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting the lists called "scores" out of JSON text before it is parsed.
 *
 * These lists are nearly all of the text, and a parsed list takes ten times its memory.  The end of
 * a list is found without a parser, by skipping strings and counting brackets. */
#include "benchmark/scores_text.h"
#include "base/json.h"
#include "base/mem.h"

#include <string.h>

#define KEY "\"scores\""
#define PART_BYTES ((size_t)1 << 18) /* text that is parsed at a time */

void fk_scores_text_free(fk_scores_text *t)
{
    fk_text_free(&t->rest);
    fk_free(t->lists);
    *t = (fk_scores_text){0};
}

/* The index after the string that begins at i. */
static size_t skip_string(const char *p, size_t i, size_t size)
{
    for (i++; i < size && p[i] != '"'; i++)
        i += p[i] == '\\';
    return i < size ? i + 1 : size;
}

static size_t skip_space(const char *p, size_t i, size_t size)
{
    while (i < size && (p[i] == ' ' || p[i] == '\t' || p[i] == '\n' || p[i] == '\r'))
        i++;
    return i;
}

/* From i on, which is within brackets: the index of the closing bracket, or of the first comma of
 * these brackets at or after `least`; size if there is neither. */
static size_t find_end(const char *p, size_t i, size_t least, size_t size)
{
    int64_t depth = 0;

    while (i < size) {
        if (p[i] == '"') {
            i = skip_string(p, i, size);
            continue;
        }
        if (depth == 0 && (p[i] == ']' || p[i] == '}' || (p[i] == ',' && i >= least)))
            return i;
        depth += p[i] == '[' || p[i] == '{';
        depth -= p[i] == ']' || p[i] == '}';
        i++;
    }
    return size;
}

/* The index where the entries of the list begin whose key is at i; 0 if there is no such key. */
static size_t list_at(const char *p, size_t i, size_t size)
{
    if (size - i < strlen(KEY) || memcmp(p + i, KEY, strlen(KEY)) != 0)
        return 0;
    i = skip_space(p, i + strlen(KEY), size);
    if (i == size || p[i] != ':')
        return 0;
    i = skip_space(p, i + 1, size);
    return i < size && p[i] == '[' ? i + 1 : 0;
}

static fleck_status cut_list(fk_scores_text *t, size_t begin, size_t end, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    if (t->n == t->room) {
        int64_t room = t->room > 0 ? 2 * t->room : 8;

        FK_DO(fk_grow((void **)&t->lists, t->n, room, sizeof *t->lists, err));
        t->room = room;
    }
    t->lists[t->n] = (fk_scores_span){begin, end};
    FK_DO(fk_text_printf(&t->rest, err, KEY ": %lld", (long long)t->n++));
    for (const char *p = t->bytes + begin, *last = t->bytes + end;
         (p = memchr(p, '\n', (size_t)(last - p))) != NULL; p++)
        FK_DO(fk_text_add(&t->rest, "\n", 1, err));
done:
    return st;
}

fleck_status fk_scores_text_make(fk_scores_text *out, const char *bytes, size_t size,
                                 fleck_error *err)
{
    size_t i = 0, copied = 0;
    fleck_status st = FLECK_OK;

    *out = (fk_scores_text){.bytes = bytes};
    while (i < size) {
        size_t begin = bytes[i] == '"' ? list_at(bytes, i, size) : 0, end;

        if (begin == 0) {
            i = bytes[i] == '"' ? skip_string(bytes, i, size) : i + 1;
            continue;
        }
        end = find_end(bytes, begin, SIZE_MAX, size);
        if (end == size || bytes[end] != ']')
            break;
        FK_DO(fk_text_add(&out->rest, bytes + copied, (int64_t)(i - copied), err));
        FK_DO(cut_list(out, begin, end, err));
        i = copied = end + 1;
    }
    FK_DO(fk_text_add(&out->rest, bytes + copied, (int64_t)(size - copied), err));
done:
    if (st != FLECK_OK)
        fk_scores_text_free(out);
    return st;
}

/* Append n images to *images [*count], which then owns them. */
static fleck_status append(fk_bench_image **images, int64_t *count, int64_t *room,
                           fk_bench_image *more, int64_t n, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    if (*count + n > *room) {
        int64_t larger = *room + *room / 2 > *count + n ? *room + *room / 2 : *count + n;

        FK_DO(fk_grow((void **)images, *count, larger, sizeof **images, err));
        *room = larger;
    }
    for (int64_t i = 0; i < n; i++) {
        fk_free(more[i].type);
        more[i].type = NULL;
        (*images)[(*count)++] = more[i];
    }
    fk_free(more);
done:
    return st;
}

/* Parse text [begin, end) as the entries of a list. */
static fleck_status read_part(const char *text, size_t size, const char *name, fk_bench_image **out,
                              int64_t *n, fleck_error *err)
{
    fk_text list = {0};
    fk_json *parsed = NULL;
    fleck_status st;

    FK_DO(fk_text_add(&list, "[", 1, err));
    FK_DO(fk_text_add(&list, text, (int64_t)size, err));
    FK_DO(fk_text_add(&list, "]", 1, err));
    FK_DO(fk_json_parse(&parsed, list.data, (size_t)list.length, name, err));
    FK_DO(fk_bench_images_read(out, n, parsed, err));
done:
    fk_json_free(&parsed);
    fk_text_free(&list);
    return st;
}

fleck_status fk_scores_text_read(const fk_scores_text *t, int64_t list, const char *name,
                                 fk_bench_image **out, int64_t *n, fleck_error *err)
{
    const fk_scores_span *span = &t->lists[list];
    fk_bench_image *images = NULL, *more = NULL;
    int64_t count = 0, room = 0, n_more = 0;
    fleck_status st = FLECK_OK;

    *out = NULL;
    *n = 0;
    for (size_t at = span->begin, end; at <= span->end; at = end + 1) {
        end = find_end(t->bytes, at, at + PART_BYTES, span->end);
        if (end < span->end && t->bytes[end] != ',') /* there is one bracket too many */
            end = span->end;
        more = NULL;
        st = read_part(t->bytes + at, end - at, name, &more, &n_more, err);
        if (st != FLECK_OK)
            fk_error_context(err, "behind entry %lld of the scores", (long long)count);
        FK_DO(st);
        st = append(&images, &count, &room, more, n_more, err);
        if (st != FLECK_OK)
            fk_bench_images_free(more, n_more);
        FK_DO(st);
    }
    *out = images;
    *n = count;
    return FLECK_OK;
done:
    fk_bench_images_free(images, count);
    return st;
}
