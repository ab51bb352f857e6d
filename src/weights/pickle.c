/* SPDX-License-Identifier: Apache-2.0 */
/* The unpickler's stack machine: one small function for each group of opcodes. */
#include "weights/pickle.h"
#include "base/mem.h"

#include <string.h>

/* ---- Reading the program ---- */

static fleck_status read_bytes(fk_pickle *p, uint64_t n, const uint8_t **out, fleck_error *err)
{
    *out = NULL;
    if (n > p->size - p->used)
        return fk_error_set(err, FLECK_E_FORMAT, "cut short: %llu bytes wanted, %zu left",
                            (unsigned long long)n, p->size - p->used);
    *out = p->bytes + p->used;
    p->used += (size_t)n;
    return FLECK_OK;
}

/* Read the next width bytes as an unsigned number, little endian. */
static fleck_status read_number(fk_pickle *p, int width, uint64_t *out, fleck_error *err)
{
    const uint8_t *b;
    fleck_status st = read_bytes(p, (uint64_t)width, &b, err);

    if (st != FLECK_OK)
        return st;
    *out = 0;
    for (int i = width - 1; i >= 0; i--)
        *out = *out << 8 | b[i];
    return FLECK_OK;
}

/* Read the next line, without its end. */
static fleck_status read_line(fk_pickle *p, const char **out, int64_t *length, fleck_error *err)
{
    const uint8_t *from = p->bytes + p->used;
    const uint8_t *end = p->used < p->size ? memchr(from, '\n', p->size - p->used) : NULL;

    *out = NULL;
    *length = 0;
    if (end == NULL)
        return fk_error_set(err, FLECK_E_FORMAT, "cut short inside a line");
    *out = (const char *)from;
    *length = end - from;
    p->used += (size_t)*length + 1;
    return FLECK_OK;
}

/* A decimal number of a text opcode.  Protocol 0 writes a long with an L at the end. */
static bool parse_decimal(const char *text, int64_t length, int64_t *out)
{
    bool negative = length > 0 && text[0] == '-';
    int64_t value = 0, i = negative ? 1 : 0;

    if (length > i && text[length - 1] == 'L')
        length--;
    if (i >= length)
        return false;
    for (; i < length; i++) {
        int digit = text[i] - '0';

        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, (int64_t)10, &value) ||
            __builtin_sub_overflow(value, (int64_t)digit, &value))
            return false;
    }
    if (!negative && value == INT64_MIN)
        return false;
    *out = negative ? value : -value; /* the least number has no positive counterpart */
    return true;
}

/* ---- The stack ---- */

static fleck_status push(fk_pickle *p, int32_t v, fleck_error *err)
{
    fleck_status st =
        fk_pickle_reserve((void **)&p->stack, p->height, &p->stack_room, sizeof *p->stack, err);

    if (st == FLECK_OK)
        p->stack[p->height++] = v;
    return st;
}

static fleck_status push_new(fk_pickle *p, fk_value v, fleck_error *err)
{
    int32_t place;
    fleck_status st = fk_pickle_new(p, v, &place, err);

    return st == FLECK_OK ? push(p, place, err) : st;
}

/* Number of values above the last MARK: an opcode may use only these. */
static int64_t above_mark(const fk_pickle *p)
{
    return p->height - (p->n_marks > 0 ? p->marks[p->n_marks - 1] : 0);
}

static fleck_status need(const fk_pickle *p, int64_t n, fleck_error *err)
{
    if (above_mark(p) < n)
        return fk_error_set(err, FLECK_E_FORMAT, "the stack has %lld values, %lld are needed",
                            (long long)above_mark(p), (long long)n);
    return FLECK_OK;
}

static fleck_status pop(fk_pickle *p, int32_t *out, fleck_error *err)
{
    fleck_status st = need(p, 1, err);

    if (st == FLECK_OK)
        *out = p->stack[--p->height];
    return st;
}

/* The top value, which must be of this kind and is not removed. */
static fleck_status top_of_kind(const fk_pickle *p, fk_value_kind kind, int32_t *out,
                                fleck_error *err)
{
    fleck_status st = need(p, 1, err);

    if (st != FLECK_OK)
        return st;
    *out = p->stack[p->height - 1];
    if (p->values[*out].kind != kind)
        return fk_error_set(err, FLECK_E_FORMAT, "expected %s, found %s", fk_value_kind_name(kind),
                            fk_value_kind_name(p->values[*out].kind));
    return FLECK_OK;
}

/* Remove the last MARK.  *start is the index of the first of the *count values above it. */
static fleck_status pop_mark(fk_pickle *p, int64_t *start, int64_t *count, fleck_error *err)
{
    *start = *count = 0;
    if (p->n_marks == 0)
        return fk_error_set(err, FLECK_E_FORMAT, "a MARK is missing");
    *start = p->marks[--p->n_marks];
    *count = p->height - *start;
    return FLECK_OK;
}

/* Replace the top count values by one value that holds them. */
static fleck_status collect(fk_pickle *p, fk_value_kind kind, int64_t count, fleck_error *err)
{
    fk_value v = {.kind = kind, .length = count, .room = count};
    int32_t place;
    fleck_status st;

    FK_DO(FK_ALLOC(&v.items, count, err));
    if (count > 0)
        memcpy(v.items, p->stack + p->height - count, (size_t)count * sizeof *v.items);
    FK_DO(fk_pickle_new(p, v, &place, err));
    v.items = NULL; /* now owned by the value */
    p->height -= count;
    FK_DO(push(p, place, err));
done:
    fk_free(v.items);
    return st;
}

/* ---- The opcodes: op is the opcode's byte, so that a group can share a function ---- */

static fleck_status op_mark(fk_pickle *p, uint8_t op, fleck_error *err)
{
    fleck_status st =
        fk_pickle_reserve((void **)&p->marks, p->n_marks, &p->marks_room, sizeof *p->marks, err);

    (void)op;
    if (st == FLECK_OK)
        p->marks[p->n_marks++] = (int32_t)p->height;
    return st;
}

/* POP removes a MARK if one is on top, as in Python. */
static fleck_status op_pop(fk_pickle *p, uint8_t op, fleck_error *err)
{
    int64_t start, count;
    fleck_status st = FLECK_OK;

    if (op == '1') {
        FK_DO(pop_mark(p, &start, &count, err));
        p->height = start;
    } else if (p->n_marks > 0 && above_mark(p) == 0) {
        p->n_marks--;
    } else {
        FK_DO(need(p, 1, err));
        p->height--;
    }
done:
    return st;
}

static fleck_status op_dup(fk_pickle *p, uint8_t op, fleck_error *err)
{
    fleck_status st = need(p, 1, err);

    (void)op;
    return st == FLECK_OK ? push(p, p->stack[p->height - 1], err) : st;
}

static fleck_status op_constant(fk_pickle *p, uint8_t op, fleck_error *err)
{
    fk_value v = {.kind = op == 'N' ? FK_VALUE_NONE : FK_VALUE_BOOL, .integer = op == 0x88};

    return push_new(p, v, err);
}

static fleck_status op_binint(fk_pickle *p, uint8_t op, fleck_error *err)
{
    uint64_t n;
    fleck_status st = read_number(p, op == 'J' ? 4 : op == 'M' ? 2 : 1, &n, err);
    fk_value v = {.kind = FK_VALUE_INT};

    if (st != FLECK_OK)
        return st;
    v.integer = op == 'J' ? (int64_t)(int32_t)(uint32_t)n : (int64_t)n;
    return push_new(p, v, err);
}

/* INT and LONG of protocol 0; "00" and "01" are how it writes False and True. */
static fleck_status op_decimal(fk_pickle *p, uint8_t op, fleck_error *err)
{
    const char *text;
    int64_t length;
    fk_value v = {.kind = FK_VALUE_INT};
    fleck_status st;

    FK_DO(read_line(p, &text, &length, err));
    if (!parse_decimal(text, length, &v.integer))
        FK_FAIL(err, FLECK_E_FORMAT, "a decimal number that is none, or too large");
    if (op == 'I' && length == 2 && text[0] == '0' && (text[1] == '0' || text[1] == '1'))
        v.kind = FK_VALUE_BOOL;
    FK_DO(push_new(p, v, err));
done:
    return st;
}

/* LONG1 and LONG4: a byte count, then two's complement, little endian. */
static fleck_status op_long(fk_pickle *p, uint8_t op, fleck_error *err)
{
    uint64_t n, bits = 0;
    const uint8_t *b;
    fk_value v = {.kind = FK_VALUE_INT};
    fleck_status st;

    FK_DO(read_number(p, op == 0x8a ? 1 : 4, &n, err));
    FK_DO(read_bytes(p, n, &b, err));
    if (n > 8) {
        v = (fk_value){.kind = FK_VALUE_BIG, .bytes = (const char *)b, .length = (int64_t)n};
    } else if (n > 0) {
        bits = b[n - 1] >= 128 ? UINT64_MAX : 0;
        for (int i = (int)n - 1; i >= 0; i--)
            bits = bits << 8 | b[i];
        memcpy(&v.integer, &bits, sizeof bits);
    }
    FK_DO(push_new(p, v, err));
done:
    return st;
}

static fleck_status op_float(fk_pickle *p, uint8_t op, fleck_error *err)
{
    const uint8_t *b;
    const char *text;
    int64_t length;
    fleck_status st = op == 'G' ? read_bytes(p, 8, &b, err) : read_line(p, &text, &length, err);

    return st == FLECK_OK ? push_new(p, (fk_value){.kind = FK_VALUE_REAL}, err) : st;
}

/* Text and bytes after a byte count.  STRING is a str of Python 2, in which files of that age have
 * their names. */
static fleck_status op_counted(fk_pickle *p, uint8_t op, fleck_error *err)
{
    bool bytes = op == 'B' || op == 'C' || op == 0x8e;
    int width = op == 'U' || op == 'C' || op == 0x8c ? 1 : op == 0x8d || op == 0x8e ? 8 : 4;
    fk_value v = {.kind = bytes ? FK_VALUE_BYTES : FK_VALUE_TEXT};
    const uint8_t *b;
    uint64_t n;
    fleck_status st;

    FK_DO(read_number(p, width, &n, err));
    FK_DO(read_bytes(p, n, &b, err));
    v.bytes = (const char *)b;
    v.length = (int64_t)n;
    FK_DO(push_new(p, v, err));
done:
    return st;
}

/* STRING 'text' and UNICODE text of protocol 0.  Escapes are not read, since no tensor's name
 * needs them. */
static fleck_status op_text_line(fk_pickle *p, uint8_t op, fleck_error *err)
{
    fk_value v = {.kind = FK_VALUE_TEXT};
    fleck_status st;

    FK_DO(read_line(p, &v.bytes, &v.length, err));
    if (op == 'S') {
        if (v.length < 2 || (v.bytes[0] != '\'' && v.bytes[0] != '"') ||
            v.bytes[v.length - 1] != v.bytes[0])
            FK_FAIL(err, FLECK_E_FORMAT, "a text without its quotes");
        v.bytes++;
        v.length -= 2;
    }
    if (v.length > 0 && memchr(v.bytes, '\\', (size_t)v.length) != NULL)
        FK_FAIL(err, FLECK_E_UNSUPPORTED, "a text with escapes");
    FK_DO(push_new(p, v, err));
done:
    return st;
}

static fleck_status op_empty(fk_pickle *p, uint8_t op, fleck_error *err)
{
    fk_value v = {.kind = op == ')' ? FK_VALUE_TUPLE : op == ']' ? FK_VALUE_LIST : FK_VALUE_DICT};

    return push_new(p, v, err);
}

static fleck_status op_tuple(fk_pickle *p, uint8_t op, fleck_error *err)
{
    int64_t count = op - 0x84; /* TUPLE1 is 0x85 */
    fleck_status st = need(p, count, err);

    return st == FLECK_OK ? collect(p, FK_VALUE_TUPLE, count, err) : st;
}

/* TUPLE, LIST and DICT of the values above the MARK. */
static fleck_status op_collect(fk_pickle *p, uint8_t op, fleck_error *err)
{
    int64_t start, count;
    fleck_status st;

    FK_DO(pop_mark(p, &start, &count, err));
    if (op == 'd' && count % 2 != 0)
        FK_FAIL(err, FLECK_E_FORMAT, "a dict has a key without a value");
    FK_DO(collect(p,
                  op == 't'   ? FK_VALUE_TUPLE
                  : op == 'l' ? FK_VALUE_LIST
                              : FK_VALUE_DICT,
                  count, err));
done:
    return st;
}

/* Move the values from index start of the stack on to the end of the container below them. */
static fleck_status move_into(fk_pickle *p, fk_value_kind kind, int64_t start, fleck_error *err)
{
    int64_t end = p->height;
    int32_t to;
    fleck_status st;

    p->height = start;
    FK_DO(top_of_kind(p, kind, &to, err));
    if (kind == FK_VALUE_DICT && (end - start) % 2 != 0)
        FK_FAIL(err, FLECK_E_FORMAT, "a dict has a key without a value");
    for (int64_t i = start; i < end; i++)
        FK_DO(fk_pickle_append(p, to, p->stack[i], err));
done:
    return st;
}

/* APPEND, SETITEM: one item or pair; APPENDS, SETITEMS: all above the MARK. */
static fleck_status op_add(fk_pickle *p, uint8_t op, fleck_error *err)
{
    fk_value_kind kind = op == 'a' || op == 'e' ? FK_VALUE_LIST : FK_VALUE_DICT;
    int64_t start, count;
    fleck_status st;

    if (op == 'a' || op == 's') {
        count = op == 'a' ? 1 : 2;
        FK_DO(need(p, count + 1, err));
        start = p->height - count;
    } else {
        FK_DO(pop_mark(p, &start, &count, err));
    }
    FK_DO(move_into(p, kind, start, err));
done:
    return st;
}

/* Read the number of a memo entry, in the form of op. */
static fleck_status read_memo_index(fk_pickle *p, uint8_t op, int64_t *out, fleck_error *err)
{
    const char *text;
    int64_t length;
    uint64_t n;
    fleck_status st;

    if (op == 'g' || op == 'p') {
        FK_DO(read_line(p, &text, &length, err));
        if (!parse_decimal(text, length, out) || *out < 0)
            FK_FAIL(err, FLECK_E_FORMAT, "a memo number that is none");
    } else {
        FK_DO(read_number(p, op == 'h' || op == 'q' ? 1 : 4, &n, err));
        *out = (int64_t)n;
    }
    if (*out >= FK_PICKLE_LIMIT)
        FK_FAIL(err, FLECK_E_LIMIT, "memo entry %lld, the limit is %d", (long long)*out,
                FK_PICKLE_LIMIT);
done:
    return st;
}

static fleck_status op_get(fk_pickle *p, uint8_t op, fleck_error *err)
{
    int64_t i;
    fleck_status st;

    FK_DO(read_memo_index(p, op, &i, err));
    if (i >= p->memo_room || p->memo[i] < 0)
        FK_FAIL(err, FLECK_E_FORMAT, "memo entry %lld was never made", (long long)i);
    FK_DO(push(p, p->memo[i], err));
done:
    return st;
}

/* PUT, BINPUT and LONG_BINPUT store the top value in the memo; MEMOIZE numbers its entries
 * itself. */
static fleck_status op_put(fk_pickle *p, uint8_t op, fleck_error *err)
{
    int64_t i = p->n_memo, room;
    fleck_status st;

    if (op != 0x94)
        FK_DO(read_memo_index(p, op, &i, err));
    FK_DO(need(p, 1, err));
    if (i >= FK_PICKLE_LIMIT)
        FK_FAIL(err, FLECK_E_LIMIT, "more than %d memo entries", FK_PICKLE_LIMIT);
    if (i >= p->memo_room) {
        room = 2 * i + 64;
        FK_DO(fk_grow((void **)&p->memo, p->memo_room, room, sizeof *p->memo, err));
        for (int64_t j = p->memo_room; j < room; j++)
            p->memo[j] = -1;
        p->memo_room = room;
    }
    if (p->memo[i] < 0)
        p->n_memo++;
    p->memo[i] = p->stack[p->height - 1];
done:
    return st;
}

/* GLOBAL: two lines; STACK_GLOBAL: two texts of the stack. */
static fleck_status op_global(fk_pickle *p, uint8_t op, fleck_error *err)
{
    const char *text[2];
    int64_t length[2];
    int32_t part[2], name;
    fleck_status st = FLECK_OK;

    if (op == 0x93) {
        FK_DO(pop(p, &part[1], err));
        FK_DO(pop(p, &part[0], err));
    }
    for (int i = 0; i < 2; i++) {
        if (op != 0x93) {
            FK_DO(read_line(p, &text[i], &length[i], err));
            continue;
        }
        if (p->values[part[i]].kind != FK_VALUE_TEXT)
            FK_FAIL(err, FLECK_E_FORMAT, "a name is not a text");
        text[i] = p->values[part[i]].bytes;
        length[i] = p->values[part[i]].length;
    }
    FK_DO(fk_torch_name(p, text[0], length[0], text[1], length[1], &name, err));
    FK_DO(push(p, name, err));
done:
    return st;
}

static fleck_status op_reduce(fk_pickle *p, uint8_t op, fleck_error *err)
{
    int32_t args, callable, result;
    fleck_status st;

    (void)op;
    FK_DO(pop(p, &args, err));
    FK_DO(pop(p, &callable, err));
    FK_DO(fk_torch_call(p, callable, args, &result, err));
    FK_DO(push(p, result, err));
done:
    return st;
}

/* BUILD sets attributes of an object.  torch sets `_metadata` (versions of layers) of the ordered
 * dict, which is ignored.  No other object has attributes. */
static fleck_status op_build(fk_pickle *p, uint8_t op, fleck_error *err)
{
    int32_t state, of;
    fleck_status st;

    (void)op;
    FK_DO(pop(p, &state, err));
    FK_DO(need(p, 1, err));
    of = p->stack[p->height - 1];
    if (p->values[of].kind != FK_VALUE_DICT || p->values[of].integer != 1)
        FK_FAIL(err, FLECK_E_UNSUPPORTED, "it sets attributes of %s",
                fk_value_kind_name(p->values[of].kind));
done:
    return st;
}

static fleck_status op_persistent(fk_pickle *p, uint8_t op, fleck_error *err)
{
    int32_t id, storage;
    fleck_status st;

    (void)op;
    FK_DO(pop(p, &id, err));
    FK_DO(fk_torch_storage(p, id, &storage, err));
    FK_DO(push(p, storage, err));
done:
    return st;
}

static fleck_status op_proto(fk_pickle *p, uint8_t op, fleck_error *err)
{
    uint64_t version;
    fleck_status st;

    (void)op;
    FK_DO(read_number(p, 1, &version, err));
    if (version > 5)
        FK_FAIL(err, FLECK_E_UNSUPPORTED, "pickle protocol %d, expected at most 5", (int)version);
done:
    return st;
}

/* FRAME says how much to read at once, which is not needed here. */
static fleck_status op_frame(fk_pickle *p, uint8_t op, fleck_error *err)
{
    const uint8_t *b;

    (void)op;
    return read_bytes(p, 8, &b, err);
}

/* INST makes an object of the class in the next two lines.  It is refused with the class's name. */
static fleck_status op_inst(fk_pickle *p, uint8_t op, fleck_error *err)
{
    fleck_status st = op_global(p, op, err);

    return st != FLECK_OK ? st : fk_error_set(err, FLECK_E_UNSUPPORTED, "it makes an object");
}

typedef fleck_status opcode_fn(fk_pickle *p, uint8_t op, fleck_error *err);

/* The opcodes that are read.  The loop handles STOP. */
static opcode_fn *const opcodes[256] = {
    ['('] = op_mark,      ['0'] = op_pop,       ['1'] = op_pop,        ['2'] = op_dup,
    ['N'] = op_constant,  [0x88] = op_constant, [0x89] = op_constant,  ['J'] = op_binint,
    ['K'] = op_binint,    ['M'] = op_binint,    ['I'] = op_decimal,    ['L'] = op_decimal,
    [0x8a] = op_long,     [0x8b] = op_long,     ['F'] = op_float,      ['G'] = op_float,
    ['X'] = op_counted,   [0x8c] = op_counted,  [0x8d] = op_counted,   ['T'] = op_counted,
    ['U'] = op_counted,   ['B'] = op_counted,   ['C'] = op_counted,    [0x8e] = op_counted,
    ['S'] = op_text_line, ['V'] = op_text_line, [')'] = op_empty,      [']'] = op_empty,
    ['}'] = op_empty,     [0x85] = op_tuple,    [0x86] = op_tuple,     [0x87] = op_tuple,
    ['t'] = op_collect,   ['l'] = op_collect,   ['d'] = op_collect,    ['a'] = op_add,
    ['e'] = op_add,       ['s'] = op_add,       ['u'] = op_add,        ['g'] = op_get,
    ['h'] = op_get,       ['j'] = op_get,       ['p'] = op_put,        ['q'] = op_put,
    ['r'] = op_put,       [0x94] = op_put,      ['c'] = op_global,     [0x93] = op_global,
    ['R'] = op_reduce,    ['b'] = op_build,     ['Q'] = op_persistent, [0x80] = op_proto,
    [0x95] = op_frame,    ['i'] = op_inst,
};

/* Opcodes of Python that no state dict needs. */
static const char *const refused[256] = {
    ['o'] = "it makes an object (OBJ)",
    [0x81] = "it makes an object (NEWOBJ)",
    [0x92] = "it makes an object (NEWOBJ_EX)",
    [0x82] = "it asks for a registered extension",
    [0x83] = "it asks for a registered extension",
    [0x84] = "it asks for a registered extension",
    ['P'] = "it has a persistent id in text",
    [0x8f] = "it makes a set",
    [0x90] = "it makes a set",
    [0x91] = "it makes a set",
    [0x96] = "it makes a byte array",
    [0x97] = "it asks for a buffer outside the file",
    [0x98] = "it asks for a buffer outside the file",
};

static fleck_status run(fk_pickle *p, size_t *op_at, fleck_error *err)
{
    const uint8_t *op;
    fleck_status st;

    for (;;) {
        *op_at = p->used;
        FK_DO(read_bytes(p, 1, &op, err));
        if (*op == '.') {
            FK_DO(pop(p, &p->root, err));
            break;
        }
        if (refused[*op] != NULL)
            FK_FAIL(err, FLECK_E_UNSUPPORTED, "%s", refused[*op]);
        if (opcodes[*op] == NULL)
            FK_FAIL(err, FLECK_E_FORMAT, "0x%02x is no opcode", *op);
        FK_DO(opcodes[*op](p, *op, err));
    }
    FK_DO(fk_torch_sort_storages(p, err));
done:
    return st;
}

fleck_status fk_pickle_read(fk_pickle *out, const uint8_t *bytes, size_t size, const char *file,
                            fleck_error *err)
{
    size_t op_at = 0;
    fleck_status st;

    *out = (fk_pickle){.file = file, .bytes = bytes, .size = size};
    st = run(out, &op_at, err);
    if (st != FLECK_OK) {
        fk_error_context(err, "%s: byte %zu of its pickle", file, op_at);
        fk_pickle_free(out);
    }
    return st;
}
