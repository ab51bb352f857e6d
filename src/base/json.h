/* SPDX-License-Identifier: Apache-2.0 */
/* JSON values, over jansson.  Parsing is strict: duplicate keys and trailing bytes are errors. */
#ifndef FK_BASE_JSON_H
#define FK_BASE_JSON_H

#include "base/error.h"

/* A value, owned by whoever made it.  What the get functions return is borrowed from it. */
typedef struct fk_json fk_json;

/* Parse size bytes. `what` names the source in messages. Depth is limited. */
fleck_status fk_json_parse(fk_json **out, const char *bytes, size_t size, const char *what,
                           fleck_error *err) FLECK_MUST_CHECK;
void fk_json_free(fk_json **value);

/* New empty object; NULL when out of memory. */
fk_json *fk_json_object(void);
fk_json *fk_json_array(void);

/* Setters on objects and arrays.  They return false if memory is short; fk_json_put and
 * fk_json_push own child from then on and free it on failure too.  Text that is not UTF-8 is
 * escaped; names of files are better escaped before, see fk_utf8_escape(). */
bool fk_json_put(fk_json *object, const char *key, fk_json *child);
bool fk_json_put_string(fk_json *object, const char *key, const char *text);
bool fk_json_put_int(fk_json *object, const char *key, int64_t value);
bool fk_json_put_real(fk_json *object, const char *key, double value);
bool fk_json_put_bool(fk_json *object, const char *key, bool value);
bool fk_json_push(fk_json *array, fk_json *child);
bool fk_json_push_string(fk_json *array, const char *text);
bool fk_json_push_int(fk_json *array, int64_t value);
bool fk_json_push_real(fk_json *array, double value);

/* Getters: false or NULL if the key is missing or of another kind (real accepts integers). */
const fk_json *fk_json_get(const fk_json *object, const char *key);
bool fk_json_get_int(const fk_json *object, const char *key, int64_t *out);
bool fk_json_get_real(const fk_json *object, const char *key, double *out);
bool fk_json_get_bool(const fk_json *object, const char *key, bool *out);
const char *fk_json_get_string(const fk_json *object, const char *key);

/* Arrays. */
int64_t fk_json_count(const fk_json *array_or_object);
const fk_json *fk_json_at(const fk_json *array, int64_t i);
bool fk_json_as_int(const fk_json *value, int64_t *out);
bool fk_json_as_real(const fk_json *value, double *out);
const char *fk_json_as_string(const fk_json *value);
bool fk_json_is_object(const fk_json *value);
bool fk_json_is_array(const fk_json *value);

/* Call fn for each member of an object in the file's order until it fails. */
fleck_status fk_json_each(const fk_json *object,
                          fleck_status (*fn)(void *ctx, const char *key, const fk_json *value,
                                             fleck_error *err),
                          void *ctx, fleck_error *err) FLECK_MUST_CHECK;

/* Text of value, heap string to be freed with fk_free(); indent 0 is compact. Reals keep all 17
 * digits, keys their order of insertion. */
fleck_status fk_json_dump(char **out, const fk_json *value, int indent,
                          fleck_error *err) FLECK_MUST_CHECK;

#endif
