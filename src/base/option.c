/* SPDX-License-Identifier: Apache-2.0 */
/* Option tables: defaults, validation, and conversion to and from JSON. */
#include "base/option.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/number.h"
#include "base/str.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The max of an INT without an upper limit. */
#define ENDLESS 9e18

static int count_rows(const fk_option *table)
{
    int n = 0;

    while (table[n].name != NULL)
        n++;
    return n;
}

int fk_option_find(const fk_option *table, const char *name)
{
    for (int i = 0; table[i].name != NULL; i++)
        if (strcmp(table[i].name, name) == 0)
            return i;
    return -1;
}

void fk_options_free(fk_options *o)
{
    if (o->values != NULL)
        for (int i = 0; o->table[i].name != NULL; i++)
            fk_free(o->values[i]);
    fk_free(o->values);
    *o = (fk_options){0};
}

static bool is_choice(const char *choices, const char *text)
{
    size_t n;

    for (const char *word = choices; *word != '\0'; word += n + (word[n] == '|')) {
        n = strcspn(word, "|");
        if (n > 0 && word[n - 1] == ':') {
            if (strncmp(text, word, n) == 0 && text[n] != '\0')
                return true;
        } else if (strlen(text) == n && memcmp(text, word, n) == 0) {
            return true;
        }
    }
    return false;
}

/* Parse text without its last byte. */
static bool parse_head(const char *text, double *out)
{
    char head[FK_NUMBER_TEXT];
    size_t n = strlen(text);

    if (n == 0 || n > sizeof head)
        return false;
    fk_format(head, sizeof head, "%.*s", (int)(n - 1), text);
    return fk_number_parse(head, out);
}

static bool parse_share(const char *text, double *out)
{
    size_t n = strlen(text);
    bool percent = n > 0 && text[n - 1] == '%';

    if (!(percent ? parse_head(text, out) : fk_number_parse(text, out)))
        return false;
    *out /= percent ? 100.0 : 1.0;
    return *out > 0.0 && *out < 1.0;
}

static bool parse_bytes(const char *text, double *out)
{
    static const char units[] = "KMGT";
    size_t n = strlen(text);
    const char *unit = n > 0 ? strchr(units, text[n - 1]) : NULL;

    if (!(unit != NULL ? parse_head(text, out) : fk_number_parse(text, out)))
        return false;
    if (unit != NULL)
        *out = ldexp(*out, 10 * (int)(unit - units + 1));
    return *out >= 1.0 && *out < 1e18;
}

static bool parse_size(const fk_option *row, const char *text, int64_t side[2])
{
    size_t n = strcspn(text, "x");
    char first[FK_NUMBER_TEXT];

    if (n >= sizeof first)
        return false;
    fk_format(first, sizeof first, "%.*s", (int)n, text);
    if (!fk_integer_parse(first, &side[0]) ||
        !fk_integer_parse(text[n] == 'x' ? text + n + 1 : first, &side[1]))
        return false;
    for (int i = 0; i < 2; i++)
        if ((double)side[i] < row->min || (double)side[i] > row->max)
            return false;
    return true;
}

/* Whether text is legal. buffer becomes its canonical spelling, or "" if that is text itself. */
static bool is_legal(const fk_option *row, const char *text, char buffer[FK_OPTION_BUFFER])
{
    int64_t whole[2];
    double real;

    buffer[0] = '\0';
    if (row->choices != NULL && is_choice(row->choices, text))
        return true;
    switch (row->kind) {
    case FK_OPTION_INT:
        if (!fk_integer_parse(text, whole) || (double)*whole < row->min ||
            (double)*whole > row->max)
            return false;
        fk_format(buffer, FK_OPTION_BUFFER, "%lld", (long long)*whole);
        return true;
    case FK_OPTION_REAL:
    case FK_OPTION_SHARE:
        if (row->kind == FK_OPTION_SHARE
                ? !parse_share(text, &real)
                : !fk_number_parse(text, &real) || real < row->min || real > row->max)
            return false;
        fk_number_text(buffer, real);
        return true;
    case FK_OPTION_BYTES:
        if (!parse_bytes(text, &real))
            return false;
        fk_format(buffer, FK_OPTION_BUFFER, "%.0f", floor(real));
        return true;
    case FK_OPTION_SIZE:
        if (!parse_size(row, text, whole))
            return false;
        fk_format(buffer, FK_OPTION_BUFFER, "%lldx%lld", (long long)whole[0], (long long)whole[1]);
        return true;
    case FK_OPTION_FLAG:
        return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
    default:
        return row->kind == FK_OPTION_TEXT;
    }
}

/* What the row expects, in words. */
static void expectation(const fk_option *row, char out[256])
{
    switch (row->kind) {
    case FK_OPTION_INT:
        fk_format(out, 256,
                  row->max < ENDLESS ? "an integer from %.0f to %.0f"
                                     : "an integer of %.0f or more",
                  row->min, row->max);
        break;
    case FK_OPTION_REAL:
        fk_format(out, 256, "a number from %g to %g", row->min, row->max);
        break;
    case FK_OPTION_SIZE:
        fk_format(out, 256, "WxH with sides from %.0f to %.0f", row->min, row->max);
        break;
    case FK_OPTION_CHOICE:
        fk_format(out, 256, "one of %s", row->choices);
        return;
    default:
        fk_format(out, 256, "%s",
                  row->kind == FK_OPTION_SHARE   ? "a share between 0 and 1, as 0.02 or 2%"
                  : row->kind == FK_OPTION_BYTES ? "a size as 600M or 2G"
                                                 : "true or false");
        break;
    }
    if (row->choices != NULL)
        fk_format(out + strlen(out), 256 - strlen(out), " or %s", row->choices);
}

fleck_status fk_option_check(const fk_option *row, const char *text, char buffer[FK_OPTION_BUFFER],
                             const char **canonical, fleck_error *err)
{
    char meant[FK_MEANT] = "", expected[256];

    if (is_legal(row, text, buffer)) {
        *canonical = buffer[0] != '\0' ? buffer : text;
        return FLECK_OK;
    }
    expectation(row, expected);
    if (row->kind == FK_OPTION_CHOICE)
        (void)fk_nearest_choice(meant, row->choices, text);
    return fk_error_set(err, FLECK_E_OPTION, "--%s: expected %s, got \"%s\"%s", row->name, expected,
                        text, meant);
}

/* Check text and keep it as the value of row i. */
static fleck_status store(fk_options *o, int i, const char *text, fleck_error *err)
{
    char buffer[FK_OPTION_BUFFER], *copy;
    const char *canonical;
    fleck_status st;

    FK_DO(fk_option_check(&o->table[i], text, buffer, &canonical, err));
    FK_DO(fk_strdup(&copy, canonical, err));
    fk_free(o->values[i]);
    o->values[i] = copy;
done:
    return st;
}

fleck_status fk_options_init(fk_options *out, const fk_option *table, fleck_error *err)
{
    int n = count_rows(table);
    fleck_status st;

    *out = (fk_options){.table = table};
    FK_DO(FK_CALLOC(&out->values, n + 1, err));
    for (int i = 0; i < n; i++) {
        st = store(out, i, table[i].initial, err);
        assert(st != FLECK_E_OPTION); /* a table's own defaults must be legal */
        if (st != FLECK_OK)
            goto done;
    }
    return FLECK_OK;
done:
    fk_options_free(out);
    return st;
}

fleck_status fk_options_set(fk_options *o, const char *name, const char *text, fleck_error *err)
{
    int i = fk_option_find(o->table, name);
    fk_nearest near = {.word = name};
    char meant[FK_MEANT];

    for (int j = 0; i < 0 && o->table[j].name != NULL; j++)
        fk_nearest_offer(&near, o->table[j].name);
    if (i < 0)
        return fk_error_set(err, FLECK_E_OPTION, "there is no option --%s here%s", name,
                            fk_nearest_text(&near, "--", meant));
    return store(o, i, text, err);
}

static const char *value_of(const fk_options *o, const char *name)
{
    int i = fk_option_find(o->table, name);

    assert(i >= 0);
    return o->values[i];
}

int64_t fk_options_int(const fk_options *o, const char *name)
{
    int64_t value = 0;
    bool good = fk_integer_parse(value_of(o, name), &value);

    assert(good);
    (void)good;
    return value;
}

double fk_options_real(const fk_options *o, const char *name)
{
    double value = 0.0;
    bool good = fk_number_parse(value_of(o, name), &value);

    assert(good);
    (void)good;
    return value;
}

const char *fk_options_text(const fk_options *o, const char *name)
{
    return value_of(o, name);
}

fleck_status fk_options_to_json(fk_json **out, const fk_options *o, fleck_error *err)
{
    fk_json *object = fk_json_object();
    bool ok = object != NULL;

    *out = NULL;
    for (int i = 0; ok && o->table[i].name != NULL; i++) {
        const char *name = o->table[i].name;

        switch (o->table[i].kind) {
        case FK_OPTION_INT:
            ok = fk_json_put_int(object, name, fk_options_int(o, name));
            break;
        case FK_OPTION_REAL:
            ok = fk_json_put_real(object, name, fk_options_real(o, name));
            break;
        default:
            ok = fk_json_put_string(object, name, o->values[i]);
            break;
        }
    }
    if (!ok) {
        fk_json_free(&object);
        return fk_error_set(err, FLECK_E_NOMEM, "options could not be written as JSON");
    }
    *out = object;
    return FLECK_OK;
}

static fleck_status set_from_json(void *ctx, const char *key, const fk_json *value,
                                  fleck_error *err)
{
    char number[FK_NUMBER_TEXT];
    int64_t whole;
    double real;
    const char *text = fk_json_as_string(value);

    if (text != NULL)
        return fk_options_set(ctx, key, text, err);
    if (fk_json_as_int(value, &whole))
        fk_format(number, sizeof number, "%lld", (long long)whole);
    else if (fk_json_as_real(value, &real))
        fk_number_text(number, real);
    else
        return fk_error_set(err, FLECK_E_FORMAT, "option %s: expected text or a number", key);
    return fk_options_set(ctx, key, number, err);
}

fleck_status fk_options_from_json(fk_options *o, const fk_json *object, fleck_error *err)
{
    fk_options fresh;
    fleck_status st;

    if (!fk_json_is_object(object))
        return fk_error_set(err, FLECK_E_FORMAT, "options: expected a JSON object");
    /* Into a copy first, so that a bad member leaves o as it was. */
    FK_DO(fk_options_init(&fresh, o->table, err));
    for (int i = 0; o->table[i].name != NULL; i++)
        FK_DO(
            store(&fresh, i, o->table[i].absent != NULL ? o->table[i].absent : o->values[i], err));
    FK_DO(fk_json_each(object, set_from_json, &fresh, err));
    fk_options_free(o);
    *o = fresh;
    return FLECK_OK;
done:
    fk_options_free(&fresh);
    return st;
}

fleck_status fk_options_set_pair(fk_options *o, const char *pair, bool opened, fleck_error *err)
{
    char name[64];
    const char *equals = strchr(pair, '=');
    int row;

    if (equals == NULL || equals == pair || (size_t)(equals - pair) >= sizeof name)
        return fk_error_set(err, FLECK_E_OPTION, "expected name=value, got \"%s\"", pair);
    snprintf(name, sizeof name, "%.*s", (int)(equals - pair), pair);
    row = fk_option_find(o->table, name);
    if (opened && row >= 0 && !o->table[row].after_fit)
        return fk_error_set(err, FLECK_E_OPTION,
                            "--%s is fixed when a model is fitted: fit again to change it", name);
    return fk_options_set(o, name, equals + 1, err);
}
