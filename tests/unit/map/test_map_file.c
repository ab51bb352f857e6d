/* SPDX-License-Identifier: Apache-2.0 */
/* Map files: what NumPy, tifffile and Pillow write, what we write, and damaged files. */
#include "fk_test.h"

#include <fcntl.h>
#include <math.h>

#include "base/file.h"
#include "base/mem.h"
#include "map/map_file.h"

static const char *golden(const char *name)
{
    char part[256];

    snprintf(part, sizeof part, "tests/golden/tensor/%s", name);
    return test_path("FLECK_TEST_SOURCE", part);
}

/* A file of the working set in a fresh folder. */
static void write_bytes(char path[4200], const void *bytes, size_t size)
{
    snprintf(path, 4200, "%s/file", test_folder());
    assert_ok(fk_file_write(path, bytes, size, err));
}

/* ---- .npy ---- */

static void npy_floats_of_numpy_become_f32(void **state)
{
    static const char *const names[] = {"f2",     "f4",      "f8",       "f2_big",  "f4_big",
                                        "f8_big", "fortran", "version2", "version3"};
    char part[64];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        fk_tensor t;

        snprintf(part, sizeof part, "npy/%s.npy", names[i]);
        assert_ok(fk_npy_read(&t, golden(part), err));
        assert_int_equal(t.dtype, FK_F32);
        assert_true(fk_tensor_has_shape(&t, 2, (int64_t[]){2, 3}));
        assert_memory_equal(t.data, ((float[]){0, 1, 2, 3, 4, 5}), 24);
        fk_tensor_free(&t);
    }
}

static void npy_integers_of_numpy_keep_their_dtype(void **state)
{
    fk_tensor t;

    (void)state;
    assert_ok(fk_npy_read(&t, golden("npy/u1.npy"), err));
    assert_int_equal(t.dtype, FK_U8);
    assert_memory_equal(t.data, ((uint8_t[]){0, 1, 2, 3, 4, 5}), 6);
    fk_tensor_free(&t);
    assert_ok(fk_npy_read(&t, golden("npy/bool.npy"), err));
    assert_int_equal(t.dtype, FK_BOOL);
    assert_memory_equal(t.data, ((uint8_t[]){0, 1, 0, 1, 0, 1}), 6);
    fk_tensor_free(&t);
    for (int big = 0; big < 2; big++) {
        assert_ok(fk_npy_read(&t, golden(big ? "npy/i4_big.npy" : "npy/i4.npy"), err));
        assert_int_equal(t.dtype, FK_I32);
        assert_memory_equal(t.data, ((int32_t[]){0, 1, 2, 3, 4, 5}), 24);
        fk_tensor_free(&t);
        assert_ok(fk_npy_read(&t, golden(big ? "npy/i8_big.npy" : "npy/i8.npy"), err));
        assert_int_equal(t.dtype, FK_I64);
        assert_memory_equal(t.data, ((int64_t[]){0, 1, 2, 3, 4, 5}), 48);
        fk_tensor_free(&t);
    }
}

static void npy_shapes_of_numpy_from_none_to_four_dimensions(void **state)
{
    fk_tensor t;

    (void)state;
    assert_ok(fk_npy_read(&t, golden("npy/scalar.npy"), err));
    assert_int_equal(t.ndim, 0);
    assert_true(*(float *)t.data == 2.5f);
    fk_tensor_free(&t);
    assert_ok(fk_npy_read(&t, golden("npy/one_dim.npy"), err));
    assert_true(fk_tensor_has_shape(&t, 1, (int64_t[]){3}));
    fk_tensor_free(&t);
    assert_ok(fk_npy_read(&t, golden("npy/empty.npy"), err));
    assert_true(fk_tensor_has_shape(&t, 2, (int64_t[]){0, 3}));
    fk_tensor_free(&t);
    assert_ok(fk_npy_read(&t, golden("npy/four_dim.npy"), err));
    assert_true(fk_tensor_has_shape(&t, 4, (int64_t[]){2, 3, 2, 2}));
    for (int i = 0; i < 24; i++)
        assert_true(((float *)t.data)[i] == (float)i);
    fk_tensor_free(&t);
}

static void npy_of_other_dtypes_is_refused_by_name(void **state)
{
    fk_tensor t;

    (void)state;
    assert_refused(fk_npy_read(&t, golden("npy/c8.npy"), err), FLECK_E_UNSUPPORTED, "found '<c8'");
    assert_refused(fk_npy_read(&t, golden("npy/u2.npy"), err), FLECK_E_UNSUPPORTED, "found '<u2'");
    assert_refused(fk_npy_read(&t, golden("npy/record.npy"), err), FLECK_E_UNSUPPORTED,
                   "found records");
    assert_refused(fk_npy_read(&t, golden("npy/object.npy"), err), FLECK_E_UNSUPPORTED,
                   "found '|O', pickled objects");
    assert_null(t.data);
}

/* A version 1 file of this header and n zero bytes. */
static size_t make_npy(unsigned char *out, const char *header, size_t n)
{
    size_t length = strlen(header);

    memcpy(out, "\x93NUMPY\1\0", 8);
    out[8] = (unsigned char)(length & 255);
    out[9] = (unsigned char)(length >> 8);
    memcpy(out + 10, header, length);
    memset(out + 10 + length, 0, n);
    return 10 + length + n;
}

static void npy_headers_that_lie_are_refused(void **state)
{
    static const struct {
        const char *header;
        size_t data;
        fleck_status status;
        const char *part;
    } cases[] = {
        {"", 4, FLECK_E_FORMAT, "expected a dict"},
        {"{", 4, FLECK_E_FORMAT, "expected 'key': value"},
        {"{}", 4, FLECK_E_FORMAT, "is missing"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } x", 4, FLECK_E_FORMAT,
         "text after the dict"},
        {"{'descr': '<f4', 'fortran_order': False}", 4, FLECK_E_FORMAT, "is missing"},
        {"{'descr': '<f4', 'descr': '<f4', 'shape': (1,)}", 4, FLECK_E_FORMAT, "there twice"},
        {"{'descr': '<f4', 'order': False, 'shape': (1,)}", 4, FLECK_E_FORMAT, "is unknown"},
        {"{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}", 4, FLECK_E_FORMAT,
         "expected 'key': value"},
        {"{'descr': <f4, 'fortran_order': False, 'shape': (1,)}", 4, FLECK_E_FORMAT,
         "descr is not a short text"},
        {"{'descr': '<f4, 'fortran_order': False, 'shape': (1,)}", 4, FLECK_E_FORMAT,
         "expected 'key': value"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more", 4, FLECK_E_FORMAT,
         "expected 'key': value"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", 4, FLECK_E_FORMAT,
         "neither True nor False"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': 1}", 4, FLECK_E_FORMAT,
         "shape is not a tuple"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1)}", 4, FLECK_E_FORMAT,
         "shape is not a tuple"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1 1)}", 4, FLECK_E_FORMAT,
         "size 1 of shape is not valid"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", 4, FLECK_E_FORMAT,
         "size 0 of shape is not valid"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1", 4, FLECK_E_FORMAT,
         "size 1 of shape is not valid"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", 4,
         FLECK_E_FORMAT, "size 0 of shape is not valid"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", 4,
         FLECK_E_LIMIT, "the limit is 268435456 elements"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (268435457,)}", 4, FLECK_E_LIMIT,
         "shape [268435457]"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (268435456,)}", 4, FLECK_E_FORMAT,
         "takes 1073741824 bytes, found 4"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1)}", 4,
         FLECK_E_UNSUPPORTED, "at most 6 dimensions"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 7, FLECK_E_FORMAT,
         "shape [2] of '<f4' takes 8 bytes, found 7"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 9, FLECK_E_FORMAT, "found 9"},
        {"{'descr': 'f4', 'fortran_order': False, 'shape': (1,)}", 4, FLECK_E_UNSUPPORTED,
         "found 'f4'"},
        {"{'descr': '', 'fortran_order': False, 'shape': (1,)}", 4, FLECK_E_UNSUPPORTED,
         "found ''"},
    };
    unsigned char bytes[512];
    fk_tensor t;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size = make_npy(bytes, cases[i].header, cases[i].data);

        assert_refused(fk_npy_read_bytes(&t, bytes, size, "map.npy", err), cases[i].status,
                       cases[i].part);
        assert_null(t.data);
    }
}

static void npy_headers_in_other_spellings_of_python_are_read(void **state)
{
    static const char *const headers[] = {
        "{\"shape\": (2L,), \"descr\": \"=f4\", \"fortran_order\": True}",
        "{'shape':(2,),'fortran_order':False,'descr':'<f4'}\n",
        "{ 'descr' : '<f4' , 'fortran_order' : False , 'shape' : ( 2 , ) , }   \n",
    };
    unsigned char bytes[512];

    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        size_t size = make_npy(bytes, headers[i], 8);
        fk_tensor t;

        assert_ok(fk_npy_read_bytes(&t, bytes, size, "x", err));
        assert_true(fk_tensor_has_shape(&t, 1, (int64_t[]){2}));
        fk_tensor_free(&t);
    }
}

static void npy_of_another_version_or_no_npy_is_refused(void **state)
{
    fk_tensor t;

    (void)state;
    assert_refused(fk_npy_read_bytes(&t, NULL, 0, "none", err), FLECK_E_FORMAT,
                   "none: not a .npy file");
    assert_refused(fk_npy_read_bytes(&t, "\x93NUMPX\1\0\0\0", 10, "x", err), FLECK_E_FORMAT,
                   "not a .npy file");
    assert_refused(fk_npy_read_bytes(&t, "\x93NUMPY\4\0\0\0", 10, "x", err), FLECK_E_UNSUPPORTED,
                   "found 4.0");
    assert_refused(fk_npy_read_bytes(&t, "\x93NUMPY\2\0\0\0", 10, "x", err), FLECK_E_FORMAT,
                   "cut short inside the .npy header");
    assert_refused(fk_npy_read_bytes(&t, "\x93NUMPY\2\0\xff\xff\xff\xff", 12, "x", err),
                   FLECK_E_FORMAT, "cut short inside the .npy header");
}

static void npy_written_here_has_numpys_own_bytes(void **state)
{
    static const struct {
        const char *file;
        int ndim;
        int64_t shape[2];
        float first;
    } cases[] = {{"npy/f4.npy", 2, {2, 3}, 0.0f},
                 {"npy/one_dim.npy", 1, {3}, 0.0f},
                 {"npy/scalar.npy", 0, {0}, 2.5f},
                 {"npy/empty.npy", 2, {0, 3}, 0.0f}};
    char path[4200];

    (void)state;
    snprintf(path, sizeof path, "%s/a.npy", test_folder());
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        float data[6] = {cases[i].first, 1, 2, 3, 4, 5};
        fk_contents ours, numpys;

        assert_ok(fk_npy_write(path, data, cases[i].ndim, cases[i].shape, NULL, err));
        assert_ok(fk_contents_read(&ours, path, 0, err));
        assert_ok(fk_contents_read(&numpys, golden(cases[i].file), 0, err));
        assert_int_equal(ours.size, numpys.size);
        assert_memory_equal(ours.data, numpys.data, ours.size);
        fk_contents_free(&ours);
        fk_contents_free(&numpys);
    }
}

static void npy_keeps_every_bit_of_a_float(void **state)
{
    float data[5] = {-0.0f, INFINITY, NAN, 1e-45f, -3.4028235e38f};
    char path[4200];
    fk_tensor t;

    (void)state;
    snprintf(path, sizeof path, "%s/a.npy", test_folder());
    assert_ok(fk_npy_write(path, data, 3, (int64_t[]){1, 5, 1}, NULL, err));
    assert_ok(fk_npy_read(&t, path, err));
    assert_true(fk_tensor_has_shape(&t, 3, (int64_t[]){1, 5, 1}));
    assert_memory_equal(t.data, data, sizeof data);
    fk_tensor_free(&t);
}

static void npy_says_who_wrote_it_where_readers_pass_over(void **state)
{
    static const char sum[] = "00ff0123456789abcdef0123456789abcdeffedcba98765432100123456789ab";
    float data[6] = {0, 1, 2, 3, 4, 5};
    char path[4200], origin[FK_NPY_ORIGIN_SIZE];
    fk_contents file;
    fk_tensor t;

    (void)state;
    snprintf(path, sizeof path, "%s/a.npy", test_folder());
    assert_ok(fk_npy_write(path, data, 2, (int64_t[]){2, 3}, sum, err));
    assert_ok(fk_npy_read(&t, path, err));
    assert_true(fk_tensor_has_shape(&t, 2, (int64_t[]){2, 3}));
    assert_memory_equal(t.data, data, sizeof data);
    fk_tensor_free(&t);
    assert_ok(fk_contents_read(&file, path, 0, err));
    assert_int_equal((file.size - sizeof data) % 64, 0);
    assert_true(file.size - sizeof data <= FK_NPY_NOTE_BYTES);
    assert_true(fk_npy_origin(origin, file.data, file.size));
    assert_string_equal(origin, sum);
    for (size_t n = 0; n < 128; n++)
        assert_false(fk_npy_origin(origin, file.data, n));
    fk_contents_free(&file);
    assert_ok(fk_npy_write(path, data, 2, (int64_t[]){2, 3}, NULL, err));
    assert_ok(fk_contents_read(&file, path, 0, err));
    assert_false(fk_npy_origin(origin, file.data, file.size));
    fk_contents_free(&file);
}

/* ---- TIFF ---- */

static void assert_ramp(const fk_tensor *t, float first, float step, int64_t height, int64_t width)
{
    assert_int_equal(t->dtype, FK_F32);
    assert_true(fk_tensor_has_shape(t, 2, (int64_t[]){height, width}));
    for (int64_t i = 0; i < height * width; i++)
        assert_true(((const float *)t->data)[i] == first + step * (float)i);
}

static void tiffs_of_other_programs_read_with_every_kind_of_sample(void **state)
{
    static const struct {
        const char *file;
        float first, step;
        int64_t height, width;
    } cases[] = {{"tiff/f4.tif", 0, 1, 5, 7},         {"tiff/f8.tif", 0, 1, 5, 7},
                 {"tiff/u1.tif", 17, 7, 5, 7},        {"tiff/u2.tif", 935, 1900, 5, 7},
                 {"tiff/f4_big.tif", 0, 1, 5, 7},     {"tiff/u2_big.tif", 935, 1900, 5, 7},
                 {"tiff/f4_bigtiff.tif", 0, 1, 5, 7}, {"tiff/f4_zlib.tif", 0, 1, 5, 7},
                 {"tiff/f4_lzw.tif", 0, 1, 5, 7},     {"tiff/f4_tiles.tif", 0, 1, 35, 20}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fk_tensor t;

        assert_ok(fk_tiff_read(&t, golden(cases[i].file), err));
        assert_ramp(&t, cases[i].first, cases[i].step, cases[i].height, cases[i].width);
        fk_tensor_free(&t);
    }
}

static void tiffs_that_are_no_map_are_refused_with_what_was_found(void **state)
{
    fk_tensor t;

    (void)state;
    assert_refused(fk_tiff_read(&t, golden("tiff/rgb.tif"), err), FLECK_E_UNSUPPORTED,
                   "expected a map of 1 channel, found 3");
    assert_refused(fk_tiff_read(&t, golden("tiff/i2.tif"), err), FLECK_E_UNSUPPORTED,
                   "found 16 bits signed");
    assert_refused(fk_tiff_read(&t, golden("tiff/f2.tif"), err), FLECK_E_UNSUPPORTED,
                   "found 16 bits floating");
    assert_refused(fk_tiff_read(&t, golden("tiff/white.tif"), err), FLECK_E_UNSUPPORTED,
                   "found 0 for white");
    assert_refused(fk_tiff_read(&t, golden("tiff/palette.tif"), err), FLECK_E_UNSUPPORTED,
                   "found a palette");
    assert_null(t.data);
}

static void bytes_that_are_no_tiff_are_refused(void **state)
{
    char path[4200];
    fk_tensor t;

    (void)state;
    assert_refused(fk_tiff_read_bytes(&t, NULL, 0, "none.tif", err), FLECK_E_FORMAT,
                   "none.tif: not a readable TIFF");
    assert_refused(fk_tiff_read_bytes(&t, "hello, world", 12, "x", err), FLECK_E_FORMAT,
                   "not a readable TIFF");
    assert_refused(fk_tiff_read_bytes(&t, "II*\0\xff\xff\xff\x7f", 8, "x", err), FLECK_E_FORMAT,
                   "not a readable TIFF");
    write_bytes(path, "", 0);
    assert_refused(fk_tiff_read(&t, path, err), FLECK_E_FORMAT, path);
    assert_refused(fk_tiff_read(&t, "/nowhere/x.tif", err), FLECK_E_NOTFOUND, "/nowhere/x.tif");
}

/* A little-endian float TIFF with entries tag, type (3 SHORT, 4 LONG), value in its only directory.
 */
static size_t make_tiff(unsigned char *out, const uint32_t (*entries)[3], size_t n, size_t data)
{
    size_t at = 10;

    memcpy(out, "II*\0\10\0\0\0", 8);
    out[8] = (unsigned char)n;
    out[9] = 0;
    for (size_t i = 0; i < n; i++, at += 12) {
        uint32_t words[3] = {entries[i][0] | entries[i][1] << 16, 1, entries[i][2]};

        memcpy(out + at, words, 12);
    }
    memset(out + at, 0, 4 + data);
    return at + 4 + data;
}

static void tiffs_that_claim_too_much_are_refused(void **state)
{
    /* width, height, bits, compression, photometric, offset, samples, rows a strip, bytes, format
     */
    uint32_t good[][3] = {{256, 4, 2}, {257, 4, 2}, {258, 3, 32}, {259, 3, 1},  {262, 3, 1},
                          {273, 4, 8}, {277, 3, 1}, {278, 4, 2},  {279, 4, 16}, {339, 3, 3}};
    enum { WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, OFFSET, SAMPLES, ROWS, BYTES, FORMAT, N };
    static const struct {
        int entry;
        uint32_t value;
        fleck_status status;
        const char *part;
    } cases[] = {
        {WIDTH, 65536, FLECK_E_LIMIT, "65536 x 2, the limit is 65535 a side"},
        {WIDTH, 0xffffffffu, FLECK_E_LIMIT, "4294967295 x 2"},
        {WIDTH, 0, FLECK_E_FORMAT, "x.tif"},
        {HEIGHT, 0, FLECK_E_FORMAT, "x.tif"},
        {HEIGHT, 65535, FLECK_E_FORMAT, "x.tif"}, /* one strip is there, 32768 are not */
        {WIDTH, 4000, FLECK_E_FORMAT, "damaged or cut short in row 0"},
        {BITS, 16, FLECK_E_UNSUPPORTED, "found 16 bits floating"},
        {BITS, 7, FLECK_E_UNSUPPORTED, "found 7 bits"},
        {COMPRESSION, 12345, FLECK_E_UNSUPPORTED, "cannot undo compression 12345"},
        {PHOTOMETRIC, 2, FLECK_E_UNSUPPORTED, "found another kind of colour"},
        {SAMPLES, 4, FLECK_E_UNSUPPORTED, "found 4"},
        {ROWS, 0, FLECK_E_FORMAT, "x.tif"},
        {OFFSET, 0x7ffffff0u, FLECK_E_FORMAT, "x.tif"},
        {FORMAT, 4, FLECK_E_UNSUPPORTED, "32 bits other"},
    };
    unsigned char bytes[512];
    size_t size;
    fk_tensor t;

    (void)state;
    good[OFFSET][2] = 10 + N * 12 + 4;
    size = make_tiff(bytes, good, N, 16);
    assert_ok(fk_tiff_read_bytes(&t, bytes, size, "x.tif", err));
    fk_tensor_free(&t);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t changed[N][3];

        memcpy(changed, good, sizeof good);
        changed[cases[i].entry][2] = cases[i].value;
        size = make_tiff(bytes, changed, N, 16);
        assert_refused(fk_tiff_read_bytes(&t, bytes, size, "x.tif", err), cases[i].status,
                       cases[i].part);
        assert_null(t.data);
    }
}

static void every_cut_of_a_good_tiff_is_refused_or_whole(void **state)
{
    static const char *const names[] = {"tiff/f4.tif", "tiff/f4_tiles.tif", "tiff/f4_lzw.tif"};

    (void)state;
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        fk_contents file;

        assert_ok(fk_contents_read(&file, golden(names[k]), 0, err));
        for (size_t n = 0; n < file.size; n++) {
            unsigned char *cut = malloc(n > 0 ? n : 1);
            fk_tensor t;
            fleck_error e = {0};

            assert_non_null(cut);
            memcpy(cut, file.data, n);
            /* what was cut may be a tag of no importance, or padding; then nothing is missing */
            if (fk_tiff_read_bytes(&t, cut, n, "cut", &e) != FLECK_OK) {
                assert_null(t.data);
                assert_non_null(strstr(e.message, "cut"));
            }
            fk_tensor_free(&t);
            free(cut);
        }
        fk_contents_free(&file);
    }
}

/* libtiff's own words must reach the caller and not the terminal. */
static void libtiff_prints_nothing(void **state)
{
    char path[4200];
    int saved = dup(2), file;
    fk_contents captured;
    fk_tensor t;
    fleck_error e = {0};

    (void)state;
    snprintf(path, sizeof path, "%s/stderr", test_folder());
    file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    assert_true(file >= 0 && saved >= 0);
    fflush(stderr);
    dup2(file, 2);
    (void)!fk_tiff_read_bytes(&t, "II*\0\10\0\0\0\1\0\1\1\4\0\1\0\0\0\2\0\0\0\0\0\0\0", 26, "bad",
                              &e);
    (void)!fk_tiff_read(&t, golden("tiff/i2.tif"), NULL);
    fflush(stderr);
    dup2(saved, 2);
    close(saved);
    close(file);
    assert_int_equal(e.status, FLECK_E_FORMAT);
    assert_ok(fk_contents_read(&captured, path, 0, err));
    assert_int_equal(captured.size, 0);
    fk_contents_free(&captured);
}

static void tiff_written_here_reads_back_to_the_bit(void **state)
{
    static const int64_t sizes[][2] = {{1, 1}, {1, 5000}, {5000, 1}, {3, 4}, {224, 224}, {97, 301}};
    char path[4200];

    (void)state;
    snprintf(path, sizeof path, "%s/a.tiff", test_folder());
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        int64_t n = sizes[k][0] * sizes[k][1];
        float *data = malloc((size_t)n * sizeof *data);
        fk_tensor t;

        assert_non_null(data);
        for (int64_t i = 0; i < n; i++)
            data[i] = (float)i * 0.37f - 5.0f;
        data[0] = NAN;
        data[n - 1] = -INFINITY;
        assert_ok(fk_tiff_write(path, data, sizes[k][0], sizes[k][1], NULL, err));
        assert_ok(fk_tiff_read(&t, path, err));
        assert_true(fk_tensor_has_shape(&t, 2, sizes[k]));
        assert_memory_equal(t.data, data, (size_t)n * sizeof *data);
        fk_tensor_free(&t);
        free(data);
    }
}

static void tiff_sizes_beyond_the_limits_are_refused_before_any_file(void **state)
{
    float one = 1;
    char path[4200];

    (void)state;
    snprintf(path, sizeof path, "%s/a.tiff", test_folder());
    assert_refused(fk_tiff_write(path, &one, 0, 1, NULL, err), FLECK_E_LIMIT, path);
    assert_refused(fk_tiff_write(path, &one, 1, -1, NULL, err), FLECK_E_LIMIT, path);
    assert_refused(fk_tiff_write(path, &one, 65536, 1, NULL, err), FLECK_E_LIMIT, "1 x 65536");
    assert_refused(fk_tiff_write(path, &one, 65535, 65535, NULL, err), FLECK_E_LIMIT, path);
    assert_false(fk_path_is_file(path));
}

static void unwritable_maps_name_their_path(void **state)
{
    float one = 1;

    (void)state;
    assert_refused(fk_tiff_write("/nowhere/a.tiff", &one, 1, 1, NULL, err), FLECK_E_NOTFOUND,
                   "/nowhere/a.tiff");
    assert_refused(fk_npy_write("/nowhere/a.npy", &one, 0, NULL, NULL, err), FLECK_E_NOTFOUND,
                   "/nowhere/a.npy");
}

/* ---- Memory ---- */

static fleck_status write_and_read(const char *tiff, const char *npy)
{
    float data[4] = {1, 2, 3, 4};
    fk_tensor a = {0}, b = {0};
    fleck_status st;

    st = fk_tiff_write(tiff, data, 2, 2, NULL, NULL);
    if (st == FLECK_OK)
        st = fk_tiff_read(&a, tiff, NULL);
    if (st == FLECK_OK)
        st = fk_npy_write(npy, data, 2, (int64_t[]){2, 2}, NULL, NULL);
    if (st == FLECK_OK)
        st = fk_npy_read(&b, npy, NULL);
    if (st != FLECK_OK)
        assert_null(b.data);
    fk_tensor_free(&a);
    fk_tensor_free(&b);
    return st;
}

static void map_files_survive_every_failing_allocation(void **state)
{
    char tiff[4200], npy[4200];
    const char *folder = test_folder();
    int64_t failures = 0;
    fleck_status st;

    (void)state;
    snprintf(tiff, sizeof tiff, "%s/a.tiff", folder);
    snprintf(npy, sizeof npy, "%s/a.npy", folder);
    do {
        fk_mem_fail_at(failures + 1);
        st = write_and_read(tiff, npy);
        fk_mem_fail_at(0);
        if (st != FLECK_OK) {
            assert_int_equal(st, FLECK_E_NOMEM);
            failures++;
        }
    } while (st != FLECK_OK);
    assert_true(failures >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(npy_floats_of_numpy_become_f32),
        cmocka_unit_test(npy_integers_of_numpy_keep_their_dtype),
        cmocka_unit_test(npy_shapes_of_numpy_from_none_to_four_dimensions),
        cmocka_unit_test(npy_of_other_dtypes_is_refused_by_name),
        cmocka_unit_test(npy_headers_that_lie_are_refused),
        cmocka_unit_test(npy_headers_in_other_spellings_of_python_are_read),
        cmocka_unit_test(npy_of_another_version_or_no_npy_is_refused),
        cmocka_unit_test(npy_written_here_has_numpys_own_bytes),
        cmocka_unit_test(npy_keeps_every_bit_of_a_float),
        cmocka_unit_test(npy_says_who_wrote_it_where_readers_pass_over),
        cmocka_unit_test(tiffs_of_other_programs_read_with_every_kind_of_sample),
        cmocka_unit_test(tiffs_that_are_no_map_are_refused_with_what_was_found),
        cmocka_unit_test(bytes_that_are_no_tiff_are_refused),
        cmocka_unit_test(tiffs_that_claim_too_much_are_refused),
        cmocka_unit_test(every_cut_of_a_good_tiff_is_refused_or_whole),
        cmocka_unit_test(libtiff_prints_nothing),
        cmocka_unit_test(tiff_written_here_reads_back_to_the_bit),
        cmocka_unit_test(tiff_sizes_beyond_the_limits_are_refused_before_any_file),
        cmocka_unit_test(unwritable_maps_name_their_path),
        cmocka_unit_test(map_files_survive_every_failing_allocation),
    };

    return cmocka_run_group_tests_name("map_file", tests, NULL, NULL);
}
