/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions of good images, by their names. */
#include "dataset/session.h"
#include "base/mem.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

/* Groups with fewer images than this on average are not sessions. */
#define LEAST_IMAGES 4

static const char *const names[] = {"auto", "folder", "day", "prefix", "runs", "none"};

bool fk_session_parse(const char *name, fk_session_kind *out)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (fk_session_kind)i;
            return true;
        }
    return false;
}

const char *fk_session_name(fk_session_kind kind)
{
    return names[kind];
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/* The number of `digits` digits at text, -1 if there are fewer. */
static int32_t digits_at(const char *text, int digits)
{
    int32_t v = 0;

    for (int i = 0; i < digits; i++) {
        if (!isdigit((unsigned char)text[i]))
            return -1;
        v = 10 * v + (text[i] - '0');
    }
    return v;
}

static bool is_day(int32_t month, int32_t day)
{
    return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* YYYY, MM and DD at text, without separators or with the same one twice. */
static int32_t long_day(const char *text)
{
    int32_t year = digits_at(text, 4), month, day;
    int gap = year >= 0 && (text[4] == '-' || text[4] == '_') ? 1 : 0;

    if (year < 1990 || year > 2099)
        return 0;
    month = digits_at(text + 4 + gap, 2);
    if (month < 0 || (gap == 1 && text[7] != text[4]))
        return 0;
    day = digits_at(text + 6 + 2 * gap, 2);
    return is_day(month, day) ? 10000 * year + 100 * month + day : 0;
}

/* YYMMDDhhmm or YYMMDDhhmmss at text, which has `length` digits. */
static int32_t short_day(const char *text, int64_t length)
{
    int32_t year, month, day;

    if (length != 10 && length != 12)
        return 0;
    year = digits_at(text, 2);
    month = digits_at(text + 2, 2);
    day = digits_at(text + 4, 2);
    if (!is_day(month, day) || digits_at(text + 6, 2) > 23 || digits_at(text + 8, 2) > 59)
        return 0;
    return 10000 * (2000 + year) + 100 * month + day;
}

int32_t fk_session_day(const char *path)
{
    for (const char *at = base_name(path); *at != '\0';) {
        int64_t length = 0;
        int32_t day;

        while (isdigit((unsigned char)at[length]))
            length++;
        if (length == 0) {
            at++;
            continue;
        }
        /* 4: a separator follows; 8: the day alone; 12 and 14: day and time. */
        day = length == 4 || length == 8 || length >= 12 ? long_day(at) : 0;
        if (day == 0)
            day = short_day(at, length);
        if (day != 0)
            return day;
        at += length;
    }
    return 0;
}

/* The key of a session: a text of `length` bytes, or a number. */
typedef struct key {
    const char *text;
    size_t length;
    int32_t number;
} key;

static key key_of(const char *path, fk_session_kind kind)
{
    const char *base = base_name(path), *end = base + strlen(base);

    if (kind == FK_SESSION_DAY)
        return (key){.text = "", .number = fk_session_day(path)};
    if (kind == FK_SESSION_FOLDER)
        return (key){.text = path, .length = (size_t)(base - path)};
    while (end > base && !isdigit((unsigned char)end[-1]))
        end--;
    while (end > base && isdigit((unsigned char)end[-1]))
        end--;
    return (key){.text = base, .length = (size_t)(end - base)};
}

static bool same_key(key a, key b)
{
    return a.number == b.number && a.length == b.length && memcmp(a.text, b.text, a.length) == 0;
}

/* Number the different keys.  There are few sessions, so the latest one is compared first, then
 * all. */
static fleck_status number_keys(int32_t *of, int64_t *count, key *keys, const char *const *files,
                                int64_t n, fk_session_kind kind, fleck_error *err)
{
    int64_t found = 0;

    for (int64_t i = 0; i < n; i++) {
        key k = key_of(files[i], kind);
        int64_t s = i > 0 && same_key(keys[of[i - 1]], k) ? of[i - 1] : 0;

        if (kind == FK_SESSION_DAY && k.number == 0)
            return fk_error_set(
                err, FLECK_E_OPTION,
                "%s: groups by day need a date in every name, as 20240131 or 2024-01-31", files[i]);
        while (s < found && !same_key(keys[s], k))
            s++;
        if (s == found)
            keys[found++] = k;
        of[i] = (int32_t)s;
    }
    *count = found;
    return FLECK_OK;
}

static void number_runs(int32_t *of, int64_t *count, int64_t n, int64_t most)
{
    int64_t runs = n / 2 < most ? n / 2 : most;

    runs = runs < 1 ? 1 : runs;
    for (int64_t i = 0; i < n; i++)
        of[i] = (int32_t)(i * runs / n);
    *count = n > 0 ? runs : 0;
}

/* Use the first kind that gives several sessions of sufficient size. */
static bool number_auto(int32_t *of, int64_t *count, fk_session_kind *used, key *keys,
                        const char *const *files, int64_t n)
{
    static const fk_session_kind tried[] = {FK_SESSION_FOLDER, FK_SESSION_DAY, FK_SESSION_PREFIX};

    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++) {
        if (number_keys(of, count, keys, files, n, tried[i], NULL) != FLECK_OK)
            continue;
        *used = tried[i];
        if (*count > 1 && *count * LEAST_IMAGES <= n)
            return true;
    }
    return false;
}

fleck_status fk_sessions_find(int32_t *of, int64_t *count, fk_session_kind *used,
                              const char *const *files, int64_t n, fk_session_kind kind,
                              int64_t most, fleck_error *err)
{
    key *keys = NULL;
    fleck_status st = FLECK_OK;

    assert(most >= 1);
    *used = kind;
    if (kind == FK_SESSION_NONE) {
        memset(of, 0, (size_t)n * sizeof *of);
        *count = n > 0;
        return FLECK_OK;
    }
    if (files != NULL && kind != FK_SESSION_RUN) {
        FK_DO(FK_ALLOC(&keys, n > 0 ? n : 1, err));
        if (kind != FK_SESSION_AUTO) {
            FK_DO(number_keys(of, count, keys, files, n, kind, err));
            goto done;
        }
        if (number_auto(of, count, used, keys, files, n))
            goto done;
    }
    *used = FK_SESSION_RUN;
    number_runs(of, count, n, most);
done:
    fk_free(keys);
    return st;
}

int64_t fk_sessions_fold(int32_t *fold, const int32_t *of, int64_t n, int64_t sessions,
                         int64_t most)
{
    int64_t folds = sessions < most ? sessions : most, before = 0, used = 0;

    /* A session goes into the fold of its middle image. */
    for (int64_t s = 0; s < sessions; s++) {
        int64_t size = 0, to;

        for (int64_t i = 0; i < n; i++)
            size += of[i] == s;
        to = (2 * before + size) * folds / (2 * n);
        if (to > used || s == 0)
            used = s == 0 ? 0 : used + 1;
        for (int64_t i = 0; i < n; i++)
            if (of[i] == s)
                fold[i] = (int32_t)used;
        before += size;
    }
    return sessions > 0 ? used + 1 : 0;
}
