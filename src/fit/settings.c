/* The table of a fit's settings, and what is derived from it. */
#include "fit/settings.h"
#include "base/nearest.h"
#include "base/number.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define FIELD(f)                                                                                   \
    .offset = offsetof(fleck_fit_settings, f), .size = sizeof((fleck_fit_settings *)0)->f
#define EVERYWHERE (FK_IN_BENCH | FK_IN_RUN)
#define MOST_INTEGER 9223372036854775807.0

const fk_setting fk_settings[] = {
    {.name = "tiles",
     .kind = FK_SETTING_INT,
     FIELD(tile),
     .value = "N",
     .min = 32,
     .max = 16384,
     .zero = true,
     .where = EVERYWHERE,
     .group = "size and shape",
     .help = "cut images, at their own size unless resized, into tiles of NxN pixels"},
    {.name = "overlap",
     .kind = FK_SETTING_REAL,
     FIELD(overlap),
     .value = "SHARE",
     .initial = "0.25",
     .max = 0.75,
     .with = "tiles",
     .where = EVERYWHERE,
     .group = "size and shape",
     .help = "what neighbouring tiles share at least"},
    {.name = NULL}};

const fk_setting *fk_setting_find(const char *name)
{
    for (const fk_setting *row = fk_settings; row->name != NULL; row++)
        if (strcmp(row->name, name) == 0)
            return row;
    return NULL;
}

/* ---- Values from texts ---- */

static bool in_range(const fk_setting *row, double v)
{
    return (v >= row->min && v <= row->max) || (row->zero && v == 0.0);
}

static bool has_word(const fk_setting *row, const char *text)
{
    return row->word != NULL && strcmp(text, row->word) == 0;
}

static void put_int(const fk_setting *row, void *member, int64_t v)
{
    if (row->size == sizeof(int))
        *(int *)member = (int)v;
    else
        *(int64_t *)member = v;
}

static int64_t get_int(const fk_setting *row, const void *member)
{
    return row->size == sizeof(int) ? *(const int *)member : *(const int64_t *)member;
}

static bool take_int(const fk_setting *row, void *member, const char *text)
{
    int64_t v = INT64_MAX; /* of the word */

    if (!has_word(row, text) && (!fk_integer_parse(text, &v) || !in_range(row, (double)v)))
        return false;
    put_int(row, member, v);
    return true;
}

/* The number in front of the last byte of text. */
static bool parse_head(const char *text, double *out)
{
    char head[FK_NUMBER_TEXT];
    size_t n = strlen(text);

    if (n == 0 || n > sizeof head)
        return false;
    fk_format(head, sizeof head, "%.*s", (int)(n - 1), text);
    return fk_number_parse(head, out);
}

static bool take_share(double *member, const char *text)
{
    bool percent = text[0] != '\0' && text[strlen(text) - 1] == '%';
    double v;

    if (!(percent ? parse_head(text, &v) : fk_number_parse(text, &v)))
        return false;
    v /= percent ? 100.0 : 1.0;
    if (!(v > 0.0 && v < 1.0))
        return false;
    *member = v;
    return true;
}

static bool take_bytes(int64_t *member, const char *text)
{
    static const char units[] = "KMGT";
    const char *unit = text[0] != '\0' ? strchr(units, text[strlen(text) - 1]) : NULL;
    double v;

    if (!(unit != NULL ? parse_head(text, &v) : fk_number_parse(text, &v)))
        return false;
    if (unit != NULL)
        v = ldexp(v, 10 * (int)(unit - units + 1));
    if (!(v >= 1.0 && v < 1e18))
        return false;
    *member = (int64_t)v;
    return true;
}

static bool take_size(const fk_setting *row, int64_t member[2], const char *text)
{
    size_t n = strcspn(text, "x");
    char first[FK_NUMBER_TEXT];
    int64_t side[2] = {0, 0};

    if (!has_word(row, text)) {
        if (n >= sizeof first)
            return false;
        fk_format(first, sizeof first, "%.*s", (int)n, text);
        if (!fk_integer_parse(first, &side[0]) ||
            !fk_integer_parse(text[n] == 'x' ? text + n + 1 : first, &side[1]) ||
            !in_range(row, (double)side[0]) || !in_range(row, (double)side[1]))
            return false;
    }
    memcpy(member, side, sizeof side);
    return true;
}

static bool take_flag(bool *member, const char *text)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return false;
    *member = text[0] == 't';
    return true;
}

static bool is_choice(const char *choices, const char *text)
{
    size_t n;

    for (const char *word = choices; *word != '\0'; word += n + (word[n] == '|')) {
        n = strcspn(word, "|");
        if (strlen(text) == n && memcmp(text, word, n) == 0)
            return true;
    }
    return false;
}

/* Put text into the row's member; false, and the member as it was, where it is not legal. */
static bool take(const fk_setting *row, void *member, const char *text)
{
    double v;

    switch (row->kind) {
    case FK_SETTING_INT:
        return take_int(row, member, text);
    case FK_SETTING_REAL:
        if (!fk_number_parse(text, &v) || !in_range(row, v))
            return false;
        *(double *)member = v;
        return true;
    case FK_SETTING_SHARE:
        return take_share(member, text);
    case FK_SETTING_BYTES:
        return take_bytes(member, text);
    case FK_SETTING_SIZE:
        return take_size(row, member, text);
    case FK_SETTING_FLAG:
        return take_flag(member, text);
    case FK_SETTING_CHOICE:
        if (!is_choice(row->value, text))
            return false;
        break;
    default:
        break;
    }
    *(const char **)member = text;
    return true;
}

/* What the row takes, in words. */
static void expectation(const fk_setting *row, char *out, size_t size)
{
    const char *const or_word[] = {row->word != NULL ? " or " : "",
                                   row->word != NULL ? row->word : ""};

    switch (row->kind) {
    case FK_SETTING_INT:
        if (row->max >= MOST_INTEGER)
            fk_format(out, size, "an integer of %.0f or more", row->min);
        else
            fk_format(out, size, "an integer from %.0f to %.0f", row->min, row->max);
        break;
    case FK_SETTING_REAL:
        fk_format(out, size, "a number from %g to %g", row->min, row->max);
        break;
    case FK_SETTING_SHARE:
        fk_format(out, size, "a share between 0 and 1, as 0.02 or 2%%");
        break;
    case FK_SETTING_BYTES:
        fk_format(out, size, "a size as 600M or 2G");
        break;
    case FK_SETTING_SIZE:
        fk_format(out, size, "WIDTHxHEIGHT, %.0f to %.0f each,", row->min, row->max);
        break;
    case FK_SETTING_FLAG:
        fk_format(out, size, "true or false");
        break;
    case FK_SETTING_CHOICE:
        fk_format(out, size, "one of %s", row->value);
        break;
    default:
        fk_format(out, size, "a text");
        break;
    }
    fk_format(out + strlen(out), size - strlen(out), "%s%s%s", or_word[0], or_word[1],
              row->zero && row->min > 0.0 ? " or 0" : "");
}

static fleck_status refuse(const fk_setting *row, const char *got, fleck_error *err)
{
    char expected[160], meant[FK_MEANT] = "";

    expectation(row, expected, sizeof expected);
    if (row->kind == FK_SETTING_CHOICE && got != NULL)
        (void)fk_nearest_choice(meant, row->value, got);
    if (got == NULL)
        return fk_error_set(
            err, FLECK_E_OPTION,
            "--%s: expected %s, got none (settings begin with fleck_fit_defaults())", row->name,
            expected);
    return fk_error_set(err, FLECK_E_OPTION, "--%s: expected %s, got \"%s\"%s", row->name, expected,
                        got, meant);
}

/* ---- What the table says of all ---- */

fleck_fit_settings fk_fit_defaults(void)
{
    fleck_fit_settings s = {0};

    for (const fk_setting *row = fk_settings; row->name != NULL; row++)
        if (row->initial != NULL) {
            bool legal = take(row, (char *)&s + row->offset, row->initial);

            assert(legal);
            (void)legal;
        }
    return s;
}

static uint64_t bit_of(const fk_setting *row)
{
    return UINT64_C(1) << (row - fk_settings);
}

bool fk_fit_given(const fleck_fit_settings *s, const char *name)
{
    const fk_setting *row = fk_setting_find(name);

    assert(row != NULL);
    return (s->given & bit_of(row)) != 0;
}

fleck_status fk_fit_set(fleck_fit_settings *s, const char *name, const char *text, fleck_error *err)
{
    const fk_setting *row = fk_setting_find(name);
    fk_nearest near = {.word = name};
    char meant[FK_MEANT];

    for (const fk_setting *r = fk_settings; row == NULL && r->name != NULL; r++)
        fk_nearest_offer(&near, r->name);
    if (row == NULL)
        return fk_error_set(err, FLECK_E_OPTION, "a fit has no setting \"%s\"%s", name,
                            fk_nearest_text(&near, "", meant));
    if (row->kind == FK_SETTING_LIST)
        return fk_error_set(err, FLECK_E_UNSUPPORTED,
                            "--%s: a list is set in fleck_fit_settings itself", name);
    if (!take(row, (char *)s + row->offset, text))
        return refuse(row, text, err);
    s->given |= bit_of(row);
    return FLECK_OK;
}

/* ---- Checks ---- */

/* Whether the member's value is legal; else *got says what it is, NULL: nothing. */
static bool is_legal(const fk_setting *row, const void *member, char buffer[2 * FK_NUMBER_TEXT],
                     const char **got)
{
    const int64_t *whole = member;
    double v = NAN;

    *got = buffer;
    switch (row->kind) {
    case FK_SETTING_INT:
        fk_format(buffer, FK_NUMBER_TEXT, "%lld", (long long)get_int(row, member));
        return in_range(row, (double)get_int(row, member));
    case FK_SETTING_REAL:
    case FK_SETTING_SHARE:
        v = *(const double *)member;
        fk_number_text(buffer, v);
        return row->kind == FK_SETTING_REAL ? in_range(row, v) : v > 0.0 && v < 1.0;
    case FK_SETTING_BYTES:
        fk_format(buffer, FK_NUMBER_TEXT, "%lld", (long long)*whole);
        return *whole >= 0;
    case FK_SETTING_SIZE:
        fk_format(buffer, 2 * FK_NUMBER_TEXT, "%lldx%lld", (long long)whole[0],
                  (long long)whole[1]);
        return (whole[0] == 0 && whole[1] == 0) ||
               (in_range(row, (double)whole[0]) && in_range(row, (double)whole[1]));
    case FK_SETTING_CHOICE:
    case FK_SETTING_TEXT:
        *got = *(const char *const *)member;
        if (*got == NULL)
            return !row->filled;
        return row->kind == FK_SETTING_TEXT || is_choice(row->value, *got);
    default:
        return true;
    }
}

/* Whether the number of the setting called name is 0. */
static bool is_zero(const fleck_fit_settings *s, const char *name)
{
    const fk_setting *row = fk_setting_find(name);

    assert(row != NULL && row->kind == FK_SETTING_INT);
    return get_int(row, (const char *)s + row->offset) == 0;
}

/* Whether one of the settings in list, which commas separate, was given. */
static bool any_given(const fleck_fit_settings *s, const char *list)
{
    char name[32];
    size_t n;

    for (; *list != '\0'; list += n + (list[n] == ',')) {
        n = strcspn(list, ",");
        fk_format(name, sizeof name, "%.*s", (int)n, list);
        if (fk_fit_given(s, name))
            return true;
    }
    return false;
}

fleck_status fk_fit_check_given(const fleck_fit_settings *s, fleck_error *err)
{
    for (const fk_setting *row = fk_settings; row->name != NULL; row++) {
        if ((s->given & bit_of(row)) == 0)
            continue;
        if (row->instead != NULL && any_given(s, row->instead)) {
            const char *comma = strchr(row->instead, ',');

            assert(comma != NULL);
            return fk_error_set(err, FLECK_E_OPTION, "--%s takes the place of --%.*s and --%s",
                                row->name, (int)(comma - row->instead), row->instead, comma + 1);
        }
        if (row->with != NULL && is_zero(s, row->with))
            return fk_error_set(err, FLECK_E_OPTION, "--%s belongs to --%s", row->name, row->with);
    }
    return FLECK_OK;
}

fleck_status fk_fit_check(const fleck_fit_settings *s, fleck_error *err)
{
    char buffer[2 * FK_NUMBER_TEXT];
    const char *got;

    for (const fk_setting *row = fk_settings; row->name != NULL; row++)
        if (!is_legal(row, (const char *)s + row->offset, buffer, &got))
            return refuse(row, got, err);
    return fk_fit_check_given(s, err);
}
