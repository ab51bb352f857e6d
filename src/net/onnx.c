/* SPDX-License-Identifier: Apache-2.0 */
/* Names and numbers of an ONNX file, read from its protocol buffer.
 *
 * A message is a sequence of fields: a varint key, number << 3 | kind, then a varint (kind 0), 8
 * bytes (1), a varint length and that many bytes (2), or 4 bytes (5).  Four of ONNX's messages
 * matter: ModelProto has the graph in field 7, GraphProto its initialisers in field 5 and its
 * outputs in field 12, ValueInfoProto its name in field 1; TensorProto is below.  All other fields
 * are skipped. */
#include "net/onnx.h"
#include "tensor/tensor.h"

#include <string.h>

enum { MODEL_GRAPH = 7, GRAPH_INITIALISER = 5, GRAPH_OUTPUT = 12, VALUE_NAME = 1 };
/* TensorProto: the data type decides which of the last four fields has the numbers. */
enum {
    TENSOR_TYPE = 2,
    TENSOR_FLOATS = 4,
    TENSOR_INTS = 5,
    TENSOR_NAME = 8,
    TENSOR_RAW = 9,
    TENSOR_DOUBLES = 10
};
enum { TYPE_FLOAT = 1, TYPE_FLOAT16 = 10, TYPE_DOUBLE = 11, TYPE_BFLOAT16 = 16 };

typedef struct span {
    const uint8_t *at, *end;
} span;

typedef struct field {
    uint64_t number;
    span body;      /* empty except for kind 2 */
    span number_at; /* empty except for kinds 1 and 5 */
    uint64_t value; /* of kind 0 */
} field;

static bool read_varint(span *s, uint64_t *out)
{
    uint64_t value = 0;

    for (int shift = 0; shift < 64 && s->at < s->end; shift += 7) {
        uint8_t byte = *s->at++;

        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) {
            *out = value;
            return true;
        }
    }
    return false;
}

/* Read the next field; false if the bytes are not a field. */
static bool read_field(span *s, field *out)
{
    uint64_t key, length;

    if (!read_varint(s, &key))
        return false;
    *out = (field){.number = key >> 3, .body = {s->at, s->at}, .number_at = {s->at, s->at}};
    switch (key & 7) {
    case 0:
        return read_varint(s, &out->value);
    case 1:
        length = 8;
        break;
    case 2:
        if (!read_varint(s, &length))
            return false;
        break;
    case 5:
        length = 4;
        break;
    default:
        return false;
    }
    if (length > (uint64_t)(s->end - s->at))
        return false;
    if ((key & 7) == 2)
        out->body = (span){s->at, s->at + length};
    else
        out->number_at = (span){s->at, s->at + length};
    s->at += length;
    return true;
}

/* Find field `number` of kind 2 from *s on; *found is false at the end of the message. */
static bool find_field(span *s, uint64_t number, span *out, bool *found)
{
    field f;

    *found = false;
    while (s->at < s->end) {
        if (!read_field(s, &f))
            return false;
        if (f.number == number && f.body.at != f.body.end) {
            *out = f.body;
            *found = true;
            return true;
        }
    }
    return true;
}

static fleck_status add_name(fk_names *out, span value, const char *file, fleck_error *err)
{
    fk_text text = {0};
    span name;
    bool found;
    fleck_status st;

    if (!find_field(&value, VALUE_NAME, &name, &found) || !found ||
        memchr(name.at, '\0', (size_t)(name.end - name.at)) != NULL)
        return fk_error_set(err, FLECK_E_FORMAT,
                            "%s: not an ONNX model: output %lld has no proper name", file,
                            (long long)out->count);
    if (out->count == FK_ONNX_MAX_OUTPUTS)
        return fk_error_set(err, FLECK_E_LIMIT, "%s: more than %d outputs", file,
                            FK_ONNX_MAX_OUTPUTS);
    FK_DO(fk_text_add(&text, (const char *)name.at, name.end - name.at, err));
    FK_DO(fk_names_add(out, text.data, err));
done:
    fk_text_free(&text);
    return st;
}

fleck_status fk_onnx_output_names(fk_names *out, const void *bytes, size_t size, const char *file,
                                  fleck_error *err)
{
    static const char refusal[] = "%s: not an ONNX model: %s";
    span model = {bytes, NULL}, graph, value;
    bool found;
    fleck_status st = FLECK_OK;

    *out = (fk_names){0};
    if (size == 0)
        FK_FAIL(err, FLECK_E_FORMAT, refusal, file, "it is empty");
    model.end = model.at + size;
    for (span rest = model; rest.at < rest.end;) {
        field f;

        if (!read_field(&rest, &f))
            FK_FAIL(err, FLECK_E_FORMAT, refusal, file, "no protocol buffer, or cut short");
    }
    if (!find_field(&model, MODEL_GRAPH, &graph, &found) || !found)
        FK_FAIL(err, FLECK_E_FORMAT, refusal, file, "it has no graph");
    for (;;) {
        if (!find_field(&graph, GRAPH_OUTPUT, &value, &found))
            FK_FAIL(err, FLECK_E_FORMAT, refusal, file, "its graph is damaged");
        if (!found)
            break;
        FK_DO(add_name(out, value, file, err));
    }
    if (out->count == 0)
        FK_FAIL(err, FLECK_E_FORMAT, refusal, file, "its graph has no outputs");
    return FLECK_OK;
done:
    fk_names_free(out);
    return st;
}

/* ---- Numbers ---- */

static bool span_finite(span s, fk_dtype dtype)
{
    return s.at == s.end || fk_bytes_finite(s.at, (size_t)(s.end - s.at), dtype);
}

/* Numbers of 16 bits, each a varint. */
static bool varints_finite(span s, uint64_t ones)
{
    uint64_t value;

    while (read_varint(&s, &value))
        if ((value & ones) == ones)
            return false;
    return true;
}

/* Whether the numbers of a tensor's field are finite; true if it holds none. */
static bool field_finite(const field *f, uint64_t type)
{
    const fk_dtype half = type == TYPE_FLOAT16 ? FK_F16 : FK_BF16;
    const uint64_t ones = type == TYPE_FLOAT16 ? 0x7c00 : 0x7f80;

    switch (f->number) {
    case TENSOR_FLOATS:
        return type != TYPE_FLOAT ||
               (span_finite(f->body, FK_F32) && span_finite(f->number_at, FK_F32));
    case TENSOR_DOUBLES:
        return type != TYPE_DOUBLE ||
               (span_finite(f->body, FK_F64) && span_finite(f->number_at, FK_F64));
    case TENSOR_INTS:
        return (type != TYPE_FLOAT16 && type != TYPE_BFLOAT16) ||
               (varints_finite(f->body, ones) && (f->value & ones) != ones);
    case TENSOR_RAW:
        if (type == TYPE_FLOAT)
            return span_finite(f->body, FK_F32);
        if (type == TYPE_DOUBLE)
            return span_finite(f->body, FK_F64);
        return (type != TYPE_FLOAT16 && type != TYPE_BFLOAT16) || span_finite(f->body, half);
    default:
        return true;
    }
}

/* The name of an initialiser, empty if it has none, and whether its numbers are finite. */
static bool tensor_finite(span tensor, span *name)
{
    uint64_t type = 0;
    bool finite = true;
    field f;

    *name = (span){tensor.at, tensor.at};
    for (span rest = tensor; rest.at < rest.end && read_field(&rest, &f);) {
        type = f.number == TENSOR_TYPE ? f.value : type;
        *name = f.number == TENSOR_NAME ? f.body : *name;
    }
    for (span rest = tensor; finite && rest.at < rest.end && read_field(&rest, &f);)
        finite = field_finite(&f, type);
    return finite;
}

fleck_status fk_onnx_check_finite(const void *bytes, size_t size, const char *file,
                                  fleck_error *err)
{
    span model = {bytes, NULL}, graph, tensor, name;
    bool found;

    model.end = model.at + size;
    if (!find_field(&model, MODEL_GRAPH, &graph, &found) || !found)
        return FLECK_OK;
    while (find_field(&graph, GRAPH_INITIALISER, &tensor, &found) && found)
        if (!tensor_finite(tensor, &name))
            return fk_error_set(err, FLECK_E_FORMAT,
                                "%s: tensor %.*s: a number that is infinite or none", file,
                                (int)(name.end - name.at), (const char *)name.at);
    return FLECK_OK;
}
