/* SPDX-License-Identifier: Apache-2.0 */
/* NumPy's .npy files.
 *
 * 6 bytes "\x93NUMPY", major and minor version, the length of the header (2 bytes little endian in
 * version 1, 4 in versions 2 and 3), the header, the elements.  The header is the text of a Python
 * dict with exactly three keys, for example
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
 * padded with spaces and ended with a newline.  Only this much of Python is parsed here.
 *
 * The origin of a map is encoded in the padding: the bits of SIGN and of the origin, a tab for 1
 * and a space for 0.  All readers skip blanks.  NumPy refuses a fourth key, and other readers
 * refuse a comment after the dict or bytes after the elements. */
#include "map/map_file.h"
#include "base/file.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define MAGIC "\x93NUMPY"
#define MAGIC_SIZE 6
#define ALIGNMENT 64
#define SIGN "fleck"
#define SIGN_BYTES 5
#define ORIGIN_BYTES 32
#define BLANKS ((SIGN_BYTES + ORIGIN_BYTES) * 8)

/* The contents of the header. */
typedef struct npy_header {
    char descr[16];
    bool fortran;
    int ndim;
    int64_t shape[FK_MAX_DIMS];
} npy_header;

/* The rest of the header's text. */
typedef struct cursor {
    const char *at, *end;
    const char *name; /* of the file, for messages */
} cursor;

/* ---- Parsing ---- */

static void skip_space(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t' || *c->at == '\r'))
        c->at++;
}

/* Skip ch if it comes next. */
static bool skip(cursor *c, char ch)
{
    skip_space(c);
    if (c->at == c->end || *c->at != ch)
        return false;
    c->at++;
    return true;
}

static bool read_word(cursor *c, const char *word)
{
    size_t n = strlen(word);

    skip_space(c);
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0)
        return false;
    c->at += n;
    return true;
}

/* Read a string in either kind of quotes, without escapes, into out [size]. */
static bool read_string(cursor *c, char *out, size_t size)
{
    char quote = skip(c, '\'') ? '\'' : skip(c, '"') ? '"' : '\0';
    size_t n = 0;

    if (quote == '\0')
        return false;
    while (c->at < c->end && *c->at != quote && *c->at != '\\' && *c->at != '\n' && n + 1 < size)
        out[n++] = *c->at++;
    out[n] = '\0';
    return c->at < c->end && *c->at++ == quote;
}

/* Read a decimal number >= 0, perhaps followed by Python 2's L. */
static bool read_size(cursor *c, int64_t *out)
{
    const char *start;

    skip_space(c);
    start = c->at;
    *out = 0;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
        if (__builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, *c->at - '0', out))
            return false;
    if (c->at == start)
        return false;
    if (c->at < c->end && *c->at == 'L')
        c->at++;
    return true;
}

/* Read "()", "(3,)", "(2, 3)" or "(2, 3,)". */
static fleck_status read_shape(cursor *c, npy_header *h, fleck_error *err)
{
    bool comma = true;

    h->ndim = 0;
    if (!skip(c, '('))
        return fk_error_set(err, FLECK_E_FORMAT, "%s: .npy header: shape is not a tuple", c->name);
    while (!skip(c, ')')) {
        int64_t size;

        if (!comma || !read_size(c, &size))
            return fk_error_set(err, FLECK_E_FORMAT,
                                "%s: .npy header: size %d of shape is not valid", c->name, h->ndim);
        if (h->ndim == FK_MAX_DIMS)
            return fk_error_set(err, FLECK_E_UNSUPPORTED,
                                "%s: expected at most %d dimensions, found more", c->name,
                                FK_MAX_DIMS);
        h->shape[h->ndim++] = size;
        comma = skip(c, ',');
    }
    /* In Python "(3)" is a number, not a tuple. */
    if (h->ndim == 1 && !comma)
        return fk_error_set(err, FLECK_E_FORMAT, "%s: .npy header: shape is not a tuple", c->name);
    return FLECK_OK;
}

static fleck_status read_value(cursor *c, const char *key, npy_header *h, bool seen[3],
                               fleck_error *err)
{
    static const char *const keys[3] = {"descr", "fortran_order", "shape"};
    int which = 0;

    while (which < 3 && strcmp(key, keys[which]) != 0)
        which++;
    if (which == 3 || seen[which])
        return fk_error_set(err, FLECK_E_FORMAT, "%s: .npy header: key %s is %s", c->name, key,
                            which == 3 ? "unknown" : "there twice");
    seen[which] = true;
    if (which == 2)
        return read_shape(c, h, err);
    if (which == 1) {
        h->fortran = read_word(c, "True");
        if (!h->fortran && !read_word(c, "False"))
            return fk_error_set(err, FLECK_E_FORMAT,
                                "%s: .npy header: fortran_order is neither True nor False",
                                c->name);
        return FLECK_OK;
    }
    skip_space(c);
    if (c->at < c->end && *c->at == '[')
        return fk_error_set(err, FLECK_E_UNSUPPORTED,
                            "%s: expected one number an element, found records", c->name);
    if (!read_string(c, h->descr, sizeof h->descr))
        return fk_error_set(err, FLECK_E_FORMAT, "%s: .npy header: descr is not a short text",
                            c->name);
    return FLECK_OK;
}

static fleck_status parse_header(cursor *c, npy_header *h, fleck_error *err)
{
    bool seen[3] = {false, false, false}, comma = true;
    char key[16];
    fleck_status st = FLECK_OK;

    if (!skip(c, '{'))
        FK_FAIL(err, FLECK_E_FORMAT, "%s: .npy header: expected a dict", c->name);
    while (!skip(c, '}')) {
        if (!comma || !read_string(c, key, sizeof key) || !skip(c, ':'))
            FK_FAIL(err, FLECK_E_FORMAT, "%s: .npy header: expected 'key': value, ...", c->name);
        FK_DO(read_value(c, key, h, seen, err));
        comma = skip(c, ',');
    }
    skip_space(c);
    if (c->at != c->end)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: .npy header: text after the dict", c->name);
    if (!seen[0] || !seen[1] || !seen[2])
        FK_FAIL(err, FLECK_E_FORMAT, "%s: .npy header: descr, fortran_order or shape is missing",
                c->name);
done:
    return st;
}

/* ---- Elements ---- */

/* How the file stores an element, and what it becomes. */
typedef struct element {
    const char *code; /* descr without its byte order */
    fk_dtype stored, becomes;
} element;

static const element elements[] = {
    {"f2", FK_F16, FK_F32},   {"f4", FK_F32, FK_F32}, {"f8", FK_F64, FK_F32}, {"u1", FK_U8, FK_U8},
    {"b1", FK_BOOL, FK_BOOL}, {"i4", FK_I32, FK_I32}, {"i8", FK_I64, FK_I64},
};

/* The element that descr names; NULL: fleck does not read it. */
static const element *find_element(const char *descr, bool *big_endian)
{
    if (descr[0] == '\0' || strchr("<>|=", descr[0]) == NULL)
        return NULL;
    *big_endian = descr[0] == '>';
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++)
        if (strcmp(descr + 1, elements[i].code) == 0)
            return &elements[i];
    return NULL;
}

/* Convert the element at from, of any alignment and byte order, to element i of out. */
static void convert(fk_tensor *out, int64_t i, const uint8_t *from, fk_dtype stored,
                    bool big_endian)
{
    size_t size = fk_dtype_size(stored);
    uint8_t native[8] = {0};
    uint16_t half;
    double wide;

    for (size_t b = 0; b < size; b++)
        native[b] = from[big_endian ? size - 1 - b : b];
    switch (stored) {
    case FK_F16:
        memcpy(&half, native, sizeof half);
        ((float *)out->data)[i] = fk_f32_from_f16(half);
        break;
    case FK_F64:
        memcpy(&wide, native, sizeof wide);
        ((float *)out->data)[i] = (float)wide;
        break;
    case FK_BOOL:
        ((uint8_t *)out->data)[i] = native[0] != 0;
        break;
    default:
        memcpy((uint8_t *)out->data + (size_t)i * size, native, size);
        break;
    }
}

static void fill(fk_tensor *out, const uint8_t *from, fk_dtype stored, bool big_endian,
                 bool fortran)
{
    size_t size = fk_dtype_size(stored);
    int64_t count = fk_tensor_count(out), index[FK_MAX_DIMS] = {0};

    if (stored == FK_F32 && !big_endian && !fortran) {
        if (count > 0)
            memcpy(out->data, from, (size_t)count * size);
        return;
    }
    if (!fortran) {
        for (int64_t i = 0; i < count; i++)
            convert(out, i, from + (size_t)i * size, stored, big_endian);
        return;
    }
    /* In Fortran order the first index changes fastest. */
    for (int64_t k = 0; k < count; k++) {
        int64_t i = 0;

        for (int d = 0; d < out->ndim; d++)
            i = i * out->shape[d] + index[d];
        convert(out, i, from + (size_t)k * size, stored, big_endian);
        for (int d = 0; d < out->ndim && ++index[d] == out->shape[d]; d++)
            index[d] = 0;
    }
}

/* ---- Reading ---- */

/* Find the header's text; *data is set to the elements after it. */
static fleck_status find_header(cursor *c, const uint8_t **data, const uint8_t *bytes, size_t size,
                                fleck_error *err)
{
    size_t prefix, length = 0;

    if (size < MAGIC_SIZE + 4 || memcmp(bytes, MAGIC, MAGIC_SIZE) != 0)
        return fk_error_set(err, FLECK_E_FORMAT, "%s: not a .npy file", c->name);
    if (bytes[6] < 1 || bytes[6] > 3 || bytes[7] != 0)
        return fk_error_set(err, FLECK_E_UNSUPPORTED,
                            "%s: expected .npy version 1.0, 2.0 or 3.0, found %d.%d", c->name,
                            bytes[6], bytes[7]);
    prefix = bytes[6] == 1 ? MAGIC_SIZE + 4 : MAGIC_SIZE + 6;
    for (size_t i = prefix; size >= prefix && i-- > MAGIC_SIZE + 2;)
        length = length << 8 | bytes[i];
    if (size < prefix || length > size - prefix)
        return fk_error_set(err, FLECK_E_FORMAT, "%s: cut short inside the .npy header", c->name);
    c->at = (const char *)bytes + prefix;
    c->end = c->at + length;
    *data = bytes + prefix + length;
    return FLECK_OK;
}

fleck_status fk_npy_read_bytes(fk_tensor *out, const void *bytes, size_t size, const char *name,
                               fleck_error *err)
{
    cursor c = {.name = name};
    npy_header h = {.ndim = 0};
    const element *e;
    const uint8_t *data = NULL;
    bool big_endian;
    char text[FK_SHAPE_TEXT];
    int64_t count, wanted;
    size_t found;
    fleck_status st;

    *out = (fk_tensor){0};
    FK_DO(find_header(&c, &data, bytes, size, err));
    FK_DO(parse_header(&c, &h, err));
    e = find_element(h.descr, &big_endian);
    if (e == NULL)
        FK_FAIL(err, FLECK_E_UNSUPPORTED,
                "%s: expected dtype f2, f4, f8, u1, bool, i4 or i8, found '%s'%s", name, h.descr,
                strcmp(h.descr, "|O") == 0 ? ", pickled objects" : "");
    if (!fk_shape_count(h.ndim, h.shape, &count) || count > FK_MAP_MAX_COUNT)
        FK_FAIL(err, FLECK_E_LIMIT, "%s: shape %s, the limit is %lld elements", name,
                fk_shape_text(text, sizeof text, h.ndim, h.shape), (long long)FK_MAP_MAX_COUNT);
    wanted = count * (int64_t)fk_dtype_size(e->stored);
    found = size - (size_t)(data - (const uint8_t *)bytes);
    if (found != (size_t)wanted)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: shape %s of '%s' takes %lld bytes, found %zu", name,
                fk_shape_text(text, sizeof text, h.ndim, h.shape), h.descr, (long long)wanted,
                found);
    FK_DO(fk_tensor_init(out, e->becomes, h.ndim, h.shape, err));
    fill(out, data, e->stored, big_endian, h.fortran);
done:
    return st;
}

fleck_status fk_npy_read(fk_tensor *out, const char *path, fleck_error *err)
{
    fk_contents file;
    fleck_status st;

    *out = (fk_tensor){0};
    st = fk_contents_read(&file, path, 0, err);
    if (st == FLECK_OK)
        st = fk_npy_read_bytes(out, file.data, file.size, path, err);
    fk_contents_free(&file);
    return st;
}

/* ---- Origin ---- */

/* The value of a hexadecimal digit, or -1. */
static int digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c != '\0' ? strchr(digits, c) : NULL;

    return at != NULL ? (int)(at - digits) : -1;
}

/* Encode origin as BLANKS characters of padding.  False: it is not a SHA-256. */
static bool encode_origin(char out[BLANKS], const char *origin)
{
    uint8_t bytes[SIGN_BYTES + ORIGIN_BYTES] = SIGN;

    if (strlen(origin) != (size_t)2 * ORIGIN_BYTES)
        return false;
    for (int i = 0; i < 2 * ORIGIN_BYTES; i++) {
        int value = digit(origin[i]);

        if (value < 0)
            return false;
        bytes[SIGN_BYTES + i / 2] = (uint8_t)(bytes[SIGN_BYTES + i / 2] << 4 | value);
    }
    for (int i = 0; i < BLANKS; i++)
        out[i] = (bytes[i / 8] >> (7 - i % 8) & 1) != 0 ? '\t' : ' ';
    return true;
}

bool fk_npy_origin(char out[FK_NPY_ORIGIN_SIZE], const void *bytes, size_t size)
{
    const char *text = bytes, *dict;
    uint8_t found[SIGN_BYTES + ORIGIN_BYTES] = {0};

    out[0] = '\0';
    if (size < MAGIC_SIZE + 4 || memcmp(text, MAGIC "\1", MAGIC_SIZE + 1) != 0)
        return false;
    dict = memchr(text, '}', size);
    if (dict == NULL || size - (size_t)(dict + 1 - text) < BLANKS)
        return false;
    for (int i = 0; i < BLANKS; i++) {
        if (dict[1 + i] != ' ' && dict[1 + i] != '\t')
            return false;
        found[i / 8] = (uint8_t)(found[i / 8] << 1 | (dict[1 + i] == '\t'));
    }
    if (memcmp(found, SIGN, SIGN_BYTES) != 0)
        return false;
    for (int i = 0; i < ORIGIN_BYTES; i++)
        snprintf(out + (ptrdiff_t)2 * i, 3, "%02x", found[SIGN_BYTES + i]);
    return true;
}

/* ---- Writing ---- */

/* Compose the file up to its elements; origin NULL: as NumPy writes it. */
static fleck_status header_text(fk_text *out, int ndim, const int64_t *shape, const char *origin,
                                fleck_error *err)
{
    char padding[ALIGNMENT + 1], blanks[BLANKS];
    int64_t length;
    fleck_status st;

    /* The header's length, two bytes, is set below. */
    FK_DO(fk_text_add(out, MAGIC "\1\0\0\0", MAGIC_SIZE + 4, err));
    FK_DO(fk_text_printf(out, err, "{'descr': '<f4', 'fortran_order': False, 'shape': ("));
    for (int i = 0; i < ndim; i++)
        FK_DO(fk_text_printf(out, err,
                             i + 1 < ndim ? "%lld, "
                             : ndim == 1  ? "%lld,"
                                          : "%lld",
                             (long long)shape[i]));
    FK_DO(fk_text_printf(out, err, "), }"));
    if (origin != NULL && encode_origin(blanks, origin))
        FK_DO(fk_text_add(out, blanks, BLANKS, err));
    /* Pad with spaces and a newline to a multiple of the alignment. */
    memset(padding, ' ', sizeof padding);
    length = ALIGNMENT - 1 - out->length % ALIGNMENT;
    padding[length] = '\n';
    FK_DO(fk_text_add(out, padding, length + 1, err));
    length = out->length - MAGIC_SIZE - 4;
    out->data[MAGIC_SIZE + 2] = (char)(length & 0xff);
    out->data[MAGIC_SIZE + 3] = (char)(length >> 8);
done:
    return st;
}

fleck_status fk_npy_write(const char *path, const float *data, int ndim, const int64_t *shape,
                          const char *origin, fleck_error *err)
{
    char text[FK_SHAPE_TEXT];
    fk_text header = {0};
    fk_writer *w = NULL;
    int64_t bytes;
    fleck_status st;

    if (!fk_shape_count(ndim, shape, &bytes) || !fk_mul_fits(bytes, (int64_t)sizeof *data, &bytes))
        FK_FAIL(err, FLECK_E_SHAPE, "cannot write %s: a shape %s cannot exist", path,
                fk_shape_text(text, sizeof text, ndim, shape));
    FK_DO(header_text(&header, ndim, shape, origin, err));
    FK_DO(fk_writer_open(&w, path, err));
    FK_DO(fk_writer_write(w, header.data, (size_t)header.length, err));
    FK_DO(fk_writer_write(w, data, (size_t)bytes, err));
    FK_DO(fk_writer_commit(&w, err));
done:
    fk_writer_abort(&w);
    fk_text_free(&header);
    return st;
}
