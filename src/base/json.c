/* SPDX-License-Identifier: Apache-2.0 */
/* JSON values: the only file that includes jansson. */
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"

#include <jansson.h>
#include <stdlib.h>

/* fk_json is jansson's json_t under another name; these two casts are the whole wrapper. */
static json_t *in(const fk_json *value)
{
    return (json_t *)(uintptr_t)value;
}

static fk_json *out_of(json_t *value)
{
    return (fk_json *)value;
}

fleck_status fk_json_parse(fk_json **out, const char *bytes, size_t size, const char *what,
                           fleck_error *err)
{
    json_error_t e;
    json_t *v = json_loadb(size > 0 ? bytes : "", size, JSON_REJECT_DUPLICATES, &e);

    *out = out_of(v);
    if (v == NULL && json_error_code(&e) == json_error_out_of_memory)
        return fk_error_set(err, FLECK_E_NOMEM, "%s: out of memory for its JSON", what);
    if (v == NULL)
        return fk_error_set(err, FLECK_E_FORMAT, "%s: not valid JSON at line %d column %d: %s",
                            what, e.line, e.column, e.text);
    return FLECK_OK;
}

void fk_json_free(fk_json **value)
{
    if (value != NULL && *value != NULL) {
        json_decref(in(*value));
        *value = NULL;
    }
}

fk_json *fk_json_object(void)
{
    return out_of(json_object());
}

fk_json *fk_json_array(void)
{
    return out_of(json_array());
}

bool fk_json_put(fk_json *object, const char *key, fk_json *child)
{
    return json_object_set_new(in(object), key, in(child)) == 0;
}

/* NULL when out of memory. */
static json_t *string_of(const char *text)
{
    json_t *v = json_string(text);
    char *valid;

    if (v != NULL || fk_utf8_escape(&valid, text, NULL) != FLECK_OK)
        return v;
    v = json_string_nocheck(valid);
    fk_free(valid);
    return v;
}

bool fk_json_put_string(fk_json *object, const char *key, const char *text)
{
    return json_object_set_new(in(object), key, string_of(text)) == 0;
}

bool fk_json_put_int(fk_json *object, const char *key, int64_t value)
{
    return json_object_set_new(in(object), key, json_integer(value)) == 0;
}

bool fk_json_put_real(fk_json *object, const char *key, double value)
{
    return json_object_set_new(in(object), key, json_real(value)) == 0;
}

bool fk_json_put_bool(fk_json *object, const char *key, bool value)
{
    return json_object_set_new(in(object), key, json_boolean(value)) == 0;
}

bool fk_json_push(fk_json *array, fk_json *child)
{
    return json_array_append_new(in(array), in(child)) == 0;
}

bool fk_json_push_string(fk_json *array, const char *text)
{
    return json_array_append_new(in(array), string_of(text)) == 0;
}

bool fk_json_push_int(fk_json *array, int64_t value)
{
    return json_array_append_new(in(array), json_integer(value)) == 0;
}

bool fk_json_push_real(fk_json *array, double value)
{
    return json_array_append_new(in(array), json_real(value)) == 0;
}

const fk_json *fk_json_get(const fk_json *object, const char *key)
{
    return out_of(json_object_get(in(object), key));
}

bool fk_json_get_int(const fk_json *object, const char *key, int64_t *out)
{
    return fk_json_as_int(fk_json_get(object, key), out);
}

bool fk_json_get_real(const fk_json *object, const char *key, double *out)
{
    return fk_json_as_real(fk_json_get(object, key), out);
}

bool fk_json_get_bool(const fk_json *object, const char *key, bool *out)
{
    const json_t *v = json_object_get(in(object), key);

    if (!json_is_boolean(v))
        return false;
    *out = json_is_true(v);
    return true;
}

const char *fk_json_get_string(const fk_json *object, const char *key)
{
    return fk_json_as_string(fk_json_get(object, key));
}

int64_t fk_json_count(const fk_json *value)
{
    return (int64_t)(json_is_array(in(value)) ? json_array_size(in(value))
                                              : json_object_size(in(value)));
}

const fk_json *fk_json_at(const fk_json *array, int64_t i)
{
    return out_of(json_array_get(in(array), (size_t)i));
}

bool fk_json_as_int(const fk_json *value, int64_t *out)
{
    if (!json_is_integer(in(value)))
        return false;
    *out = json_integer_value(in(value));
    return true;
}

bool fk_json_as_real(const fk_json *value, double *out)
{
    if (!json_is_number(in(value)))
        return false;
    *out = json_number_value(in(value));
    return true;
}

const char *fk_json_as_string(const fk_json *value)
{
    return json_string_value(in(value));
}

bool fk_json_is_object(const fk_json *value)
{
    return json_is_object(in(value));
}

bool fk_json_is_array(const fk_json *value)
{
    return json_is_array(in(value));
}

fleck_status fk_json_each(const fk_json *object,
                          fleck_status (*fn)(void *ctx, const char *key, const fk_json *value,
                                             fleck_error *err),
                          void *ctx, fleck_error *err)
{
    fleck_status st = FLECK_OK;
    const char *key;
    json_t *value;

    json_object_foreach(in(object), key, value)
    {
        st = fn(ctx, key, out_of(value), err);
        if (st != FLECK_OK)
            break;
    }
    return st;
}

fleck_status fk_json_dump(char **out, const fk_json *value, int indent, fleck_error *err)
{
    char *text = json_dumps(in(value), JSON_INDENT((size_t)indent) | JSON_REAL_PRECISION(17) |
                                           (indent == 0 ? JSON_COMPACT : 0));
    fleck_status st;

    *out = NULL;
    if (text == NULL)
        return fk_error_set(err, FLECK_E_NOMEM, "JSON text could not be made");
    st = fk_strdup(out, text, err);
    free(text);
    return st;
}
