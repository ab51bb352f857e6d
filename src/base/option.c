/* Option tables: defaults, validation, and conversion to and from JSON. */
#include "base/option.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/number.h"
#include "base/str.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

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

/* Check text against its row.  *canonical becomes the text to store: text itself, or buffer with
 * the number's one spelling. */
static fleck_status check(const fk_option *row, const char *text, char buffer[FK_NUMBER_TEXT],
                          const char **canonical, fleck_error *err)
{
    char meant[FK_MEANT];
    int64_t whole;
    double real;

    *canonical = text;
    switch (row->kind) {
    case FK_OPTION_TEXT:
        return FLECK_OK;
    case FK_OPTION_CHOICE:
        if (is_choice(row->choices, text))
            return FLECK_OK;
        return fk_error_set(err, FLECK_E_OPTION, "--%s: expected one of %s, got \"%s\"%s",
                            row->name, row->choices, text,
                            fk_nearest_choice(meant, row->choices, text));
    case FK_OPTION_INT:
        if (!fk_integer_parse(text, &whole) || (double)whole < row->min || (double)whole > row->max)
            return fk_error_set(err, FLECK_E_OPTION,
                                "--%s: expected an integer from %.0f to %.0f, got \"%s\"",
                                row->name, row->min, row->max, text);
        fk_format(buffer, FK_NUMBER_TEXT, "%lld", (long long)whole);
        break;
    case FK_OPTION_REAL:
        if (!fk_number_parse(text, &real) || real < row->min || real > row->max)
            return fk_error_set(err, FLECK_E_OPTION,
                                "--%s: expected a number from %g to %g, got \"%s\"", row->name,
                                row->min, row->max, text);
        fk_number_text(buffer, real);
        break;
    }
    *canonical = buffer;
    return FLECK_OK;
}

/* Check text and keep it as the value of row i. */
static fleck_status store(fk_options *o, int i, const char *text, fleck_error *err)
{
    char buffer[FK_NUMBER_TEXT], *copy;
    const char *canonical;
    fleck_status st;

    FK_DO(check(&o->table[i], text, buffer, &canonical, err));
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
    /* Into a copy first: o is as it was where one member is bad. */
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
