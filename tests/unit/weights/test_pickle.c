/* SPDX-License-Identifier: Apache-2.0 */
/* The unpickler's machine: what it understands, what it refuses and how it says so. */
#include "fk_test.h"

#include "base/mem.h"
#include "weights/pickle.h"

/* A pickle from a string literal, without its terminator. */
#define READ(p, literal)                                                                           \
    fk_pickle_read((p), (const uint8_t *)(literal), sizeof(literal) - 1, "f", err)

#define assert_pickle_refused(literal, code, part)                                                 \
    do {                                                                                           \
        fk_pickle refused_pickle;                                                                  \
        assert_refused(READ(&refused_pickle, literal), code, part);                                \
        assert_null(refused_pickle.values);                                                        \
    } while (0)

static const fk_value *root(const fk_pickle *p)
{
    return &p->values[p->root];
}

#define assert_reads_int(literal, value)                                                           \
    do {                                                                                           \
        fk_pickle int_pickle;                                                                      \
        assert_ok(READ(&int_pickle, literal));                                                     \
        assert_int_equal(root(&int_pickle)->kind, FK_VALUE_INT);                                   \
        assert_true(root(&int_pickle)->integer == (value));                                        \
        fk_pickle_free(&int_pickle);                                                               \
    } while (0)

static void integers_of_every_opcode_read(void **state)
{
    (void)state;
    assert_reads_int("K\xff.", 255);
    assert_reads_int("M\x01\x02.", 513);
    assert_reads_int("J\xff\xff\xff\xff.", -1);
    assert_reads_int("J\xff\xff\xff\x7f.", INT32_MAX);
    assert_reads_int("I-12\n.", -12);
    assert_reads_int("L12L\n.", 12);
    assert_reads_int("L-9223372036854775808L\n.", INT64_MIN);
    assert_reads_int("\x8a\x00.", 0);
    assert_reads_int("\x8a\x01\x80.", -128);
    assert_reads_int("\x8a\x02\xff\x00.", 255);
    assert_reads_int("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f.", INT64_MAX);
    assert_reads_int("\x8b\x01\x00\x00\x00\x05.", 5);
    assert_pickle_refused("I12x\n.", FLECK_E_FORMAT, "f: byte 0 of its pickle: a decimal number");
    assert_pickle_refused("I\n.", FLECK_E_FORMAT, "a decimal number");
    assert_pickle_refused("L9223372036854775808L\n.", FLECK_E_FORMAT, "too large");
}

static void long_integers_keep_their_bytes(void **state)
{
    fk_pickle p;

    (void)state;
    assert_ok(READ(&p, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."));
    assert_int_equal(root(&p)->kind, FK_VALUE_BIG);
    assert_int_equal(root(&p)->length, 10);
    assert_memory_equal(root(&p)->bytes, "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
    fk_pickle_free(&p);
}

static void texts_of_every_opcode_read(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {
        {"X\x03\0\0\0abc.", 9},
        {"\x8c\x03\x61\x62\x63.", 6},
        {"\x8d\x03\0\0\0\0\0\0\0abc.", 13},
        {"U\x03\x61\x62\x63.", 6},
        {"T\x03\0\0\0abc.", 9},
        {"S'abc'\n.", 8},
        {"S\"abc\"\n.", 8},
        {"Vabc\n.", 6},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fk_pickle p;

        assert_ok(fk_pickle_read(&p, (const uint8_t *)cases[i].bytes, cases[i].size, "f", err));
        assert_true(fk_value_is_text(root(&p), "abc"));
        assert_int_equal(p.used, cases[i].size);
        fk_pickle_free(&p);
    }
    assert_pickle_refused("S'abc\n.", FLECK_E_FORMAT, "a text without its quotes");
    assert_pickle_refused("Va\\u00e9\n.", FLECK_E_UNSUPPORTED, "escapes");
}

static void constants_and_reals_read(void **state)
{
    fk_pickle p;

    (void)state;
    assert_ok(READ(&p, "(N\x88\x89I01\nI00\nF1.5e3\nG\x3f\xf0\0\0\0\0\0\0t."));
    assert_int_equal(root(&p)->length, 7);
    assert_int_equal(fk_pickle_item(&p, root(&p), 0)->kind, FK_VALUE_NONE);
    assert_int_equal(fk_pickle_item(&p, root(&p), 1)->kind, FK_VALUE_BOOL);
    assert_int_equal(fk_pickle_item(&p, root(&p), 1)->integer, 1);
    assert_int_equal(fk_pickle_item(&p, root(&p), 2)->integer, 0);
    assert_int_equal(fk_pickle_item(&p, root(&p), 3)->kind, FK_VALUE_BOOL);
    assert_int_equal(fk_pickle_item(&p, root(&p), 3)->integer, 1);
    assert_int_equal(fk_pickle_item(&p, root(&p), 4)->integer, 0);
    assert_int_equal(fk_pickle_item(&p, root(&p), 5)->kind, FK_VALUE_REAL);
    assert_int_equal(fk_pickle_item(&p, root(&p), 6)->kind, FK_VALUE_REAL);
    fk_pickle_free(&p);
}

static void tuples_lists_and_dicts_read(void **state)
{
    fk_pickle p;
    const fk_value *list, *dict;

    (void)state;
    /* ([1, 2, 3], {"a": 4, "b": (), "a": 5}, (6,), (7, 8), (9, 10, 11)) */
    assert_ok(READ(&p, "(]K\x01"
                       "a(K\x02K\x03"
                       "e}U\x01"
                       "aK\x04s(U\x01"
                       "b)U\x01"
                       "aK\x05u"
                       "K\x06\x85K\x07K\x08\x86K\x09K\x0aK\x0b\x87t."));
    assert_int_equal(root(&p)->kind, FK_VALUE_TUPLE);
    assert_int_equal(root(&p)->length, 5);
    list = fk_pickle_item(&p, root(&p), 0);
    assert_int_equal(list->kind, FK_VALUE_LIST);
    assert_int_equal(list->length, 3);
    assert_int_equal(fk_pickle_item(&p, list, 2)->integer, 3);
    dict = fk_pickle_item(&p, root(&p), 1);
    assert_int_equal(dict->kind, FK_VALUE_DICT);
    assert_int_equal(fk_pickle_lookup(&p, dict, "a")->integer, 5);
    assert_int_equal(fk_pickle_lookup(&p, dict, "b")->length, 0);
    assert_null(fk_pickle_lookup(&p, dict, "c"));
    assert_int_equal(fk_pickle_item(&p, root(&p), 4)->length, 3);
    assert_int_equal(fk_pickle_item(&p, fk_pickle_item(&p, root(&p), 4), 2)->integer, 11);
    fk_pickle_free(&p);
    assert_ok(READ(&p, "(K\x01K\x02l."));
    assert_int_equal(root(&p)->kind, FK_VALUE_LIST);
    fk_pickle_free(&p);
    assert_ok(READ(&p, "(U\x01"
                       "aK\x02"
                       "d."));
    assert_int_equal(fk_pickle_lookup(&p, root(&p), "a")->integer, 2);
    fk_pickle_free(&p);
    assert_pickle_refused("(K\x01"
                          "d.",
                          FLECK_E_FORMAT, "a key without a value");
    assert_pickle_refused("}(K\x01u.", FLECK_E_FORMAT, "a key without a value");
    assert_pickle_refused("]K\x01K\x02s.", FLECK_E_FORMAT, "expected a dict, found a list");
    assert_pickle_refused("}K\x01"
                          "a.",
                          FLECK_E_FORMAT, "expected a list, found a dict");
}

static void the_memo_gives_back_what_was_put_in(void **state)
{
    (void)state;
    assert_reads_int("K\x01q\x00K\x02q\x01h\x00.", 1);
    assert_reads_int("K\x01r\x00\x00\x01\x00K\x02j\x00\x00\x01\x00.", 1);
    assert_reads_int("K\x01p300\nK\x02g300\n.", 1);
    assert_reads_int("\x80\x04K\x01\x94K\x02\x94h\x01.", 2);
    assert_pickle_refused("h\x00.", FLECK_E_FORMAT, "memo entry 0 was never made");
    assert_pickle_refused("K\x01q\x05h\x04.", FLECK_E_FORMAT, "memo entry 4 was never made");
    assert_pickle_refused("K\x01r\xff\xff\xff\xff.", FLECK_E_LIMIT, "memo entry 4294967295");
    assert_pickle_refused("g-1\n.", FLECK_E_FORMAT, "memo number");
    assert_pickle_refused("q\x00.", FLECK_E_FORMAT, "the stack has 0 values, 1 are needed");
}

static void values_are_dropped_and_doubled(void **state)
{
    (void)state;
    assert_reads_int("K\x01K\x02"
                     "0.",
                     1);
    assert_reads_int("K\x01(K\x02K\x03"
                     "1.",
                     1);
    assert_reads_int("K\x01(0.", 1);
    assert_reads_int("K\x01"
                     "2K\x02"
                     "00.",
                     1);
    assert_pickle_refused("0.", FLECK_E_FORMAT, "the stack has 0 values");
    assert_pickle_refused("1.", FLECK_E_FORMAT, "a MARK is missing");
    assert_pickle_refused("2.", FLECK_E_FORMAT, "the stack has 0 values");
}

/* What is below a MARK is out of reach until the MARK is gone. */
static void no_opcode_reaches_below_a_mark(void **state)
{
    (void)state;
    assert_pickle_refused("K\x01(\x85.", FLECK_E_FORMAT, "the stack has 0 values, 1 are needed");
    assert_pickle_refused("](K\x01"
                          "a.",
                          FLECK_E_FORMAT, "the stack has 1 values, 2 are needed");
    assert_pickle_refused("K\x01(.", FLECK_E_FORMAT, "the stack has 0 values");
    assert_pickle_refused("t.", FLECK_E_FORMAT, "a MARK is missing");
    assert_pickle_refused("(e.", FLECK_E_FORMAT, "the stack has 0 values");
}

static void other_names_are_refused_by_name(void **state)
{
    (void)state;
    assert_pickle_refused("cos\nsystem\n(S'false'\ntR.", FLECK_E_UNSUPPORTED,
                          "f: byte 0 of its pickle: refused, for it asks for os.system; a weight "
                          "file may hold only tensors");
    assert_pickle_refused("\x80\x04\x8c\x08"
                          "builtins\x8c\x04"
                          "eval\x93.",
                          FLECK_E_UNSUPPORTED,
                          "f: byte 18 of its pickle: refused, for it asks for builtins.eval");
    assert_pickle_refused("ctorch._utils\n_rebuild_tensor_v3\n.", FLECK_E_UNSUPPORTED,
                          "torch._utils._rebuild_tensor_v3");
    assert_pickle_refused("ccollections\nOrderedDict2\n.", FLECK_E_UNSUPPORTED,
                          "collections.OrderedDict2");
    assert_pickle_refused("(ios\nsystem\n.", FLECK_E_UNSUPPORTED, "asks for os.system");
    assert_pickle_refused("(icollections\nOrderedDict\n.", FLECK_E_UNSUPPORTED, "makes an object");
    /* no escape sequence reaches a terminal */
    assert_pickle_refused("ca\x1b[2J\nb\xff\n.", FLECK_E_UNSUPPORTED, "asks for a?[2J.b?;");
    assert_pickle_refused("cos\nsystem", FLECK_E_FORMAT, "cut short inside a line");
    assert_pickle_refused("K\x01K\x02\x93.", FLECK_E_FORMAT, "a name is not a text");
}

static void opcodes_that_tensors_do_not_need_are_refused(void **state)
{
    (void)state;
    assert_pickle_refused(")\x81.", FLECK_E_UNSUPPORTED,
                          "byte 1 of its pickle: it makes an object");
    assert_pickle_refused("(o.", FLECK_E_UNSUPPORTED, "OBJ");
    assert_pickle_refused("\x92.", FLECK_E_UNSUPPORTED, "NEWOBJ_EX");
    assert_pickle_refused("\x82\x01.", FLECK_E_UNSUPPORTED, "a registered extension");
    assert_pickle_refused("Pid\n.", FLECK_E_UNSUPPORTED, "a persistent id in text");
    assert_pickle_refused("\x8f.", FLECK_E_UNSUPPORTED, "a set");
    assert_pickle_refused("\x96.", FLECK_E_UNSUPPORTED, "a byte array");
    assert_pickle_refused("\x97.", FLECK_E_UNSUPPORTED, "a buffer outside the file");
    assert_pickle_refused("\x80\x06N.", FLECK_E_UNSUPPORTED, "protocol 6, expected at most 5");
    assert_pickle_refused("\xff.", FLECK_E_FORMAT, "0xff is no opcode");
}

static void only_known_names_can_be_called(void **state)
{
    (void)state;
    assert_pickle_refused("K\x01)R.", FLECK_E_FORMAT, "it calls an integer");
    assert_pickle_refused("ccollections\nOrderedDict\nK\x01R.", FLECK_E_FORMAT,
                          "arguments that are an integer");
    assert_pickle_refused("ctorch\nFloatStorage\n)R.", FLECK_E_UNSUPPORTED,
                          "it calls torch.FloatStorage");
    assert_pickle_refused("ctorch\nSize\n)R.", FLECK_E_FORMAT, "torch.Size of something");
    assert_pickle_refused("ctorch._utils\n_rebuild_parameter\nN\x85R.", FLECK_E_FORMAT,
                          "a parameter of something");
    assert_pickle_refused("}}b.", FLECK_E_UNSUPPORTED, "it sets attributes of a dict");
}

static void an_ordered_dict_may_have_attributes_and_pairs(void **state)
{
    fk_pickle p;

    (void)state;
    assert_ok(READ(&p, "ccollections\nOrderedDict\n)R(U\x01"
                       "aK\x01u}U\x09_metadata}sb."));
    assert_int_equal(root(&p)->kind, FK_VALUE_DICT);
    assert_int_equal(root(&p)->length, 2);
    assert_int_equal(fk_pickle_lookup(&p, root(&p), "a")->integer, 1);
    fk_pickle_free(&p);
    /* Python 2 gave the items as a list of lists */
    assert_ok(READ(&p, "ccollections\nOrderedDict\n](]U\x01"
                       "aaK\x01"
                       "a]U\x01"
                       "baK\x02"
                       "ae\x85R."));
    assert_int_equal(fk_pickle_lookup(&p, root(&p), "b")->integer, 2);
    fk_pickle_free(&p);
    assert_pickle_refused("ccollections\nOrderedDict\n]K\x01"
                          "a\x85R.",
                          FLECK_E_FORMAT, "something but pairs");
    assert_pickle_refused("ccollections\nOrderedDict\nK\x01\x85R.", FLECK_E_FORMAT,
                          "something but a list of pairs");
    assert_pickle_refused("ccollections\nOrderedDict\nq\x00]q\x01\x85R0h\x00h\x01\x85R.",
                          FLECK_E_UNSUPPORTED, "two ordered dicts made of one list");
}

/* ("storage", FloatStorage, KEY, "cpu", 6) as a persistent id. */
#define STORAGE(key)                                                                               \
    "(U\x07storagectorch\nFloatStorage\nU\x01" key "U\x03"                                         \
    "cpuK\x06tQ"
#define REBUILD "ctorch._utils\n_rebuild_tensor_v2\n("

static void a_tensor_is_a_window_of_a_storage(void **state)
{
    fk_pickle p;

    (void)state;
    /* offset 1, shape (2, 2), strides (3, 1) */
    assert_ok(READ(&p, REBUILD STORAGE("a") "K\x01K\x02K\x02\x86K\x03K\x01\x86\x89}tR."));
    assert_int_equal(root(&p)->kind, FK_VALUE_TENSOR);
    assert_int_equal(p.n_tensors, 1);
    assert_int_equal(p.tensors[0].offset, 1);
    assert_int_equal(p.tensors[0].ndim, 2);
    assert_int_equal(p.tensors[0].shape[1], 2);
    assert_int_equal(p.tensors[0].stride[0], 3);
    assert_int_equal(p.storages[0].dtype, FK_F32);
    assert_int_equal(p.storages[0].count, 6);
    fk_pickle_free(&p);
}

/* torch before 0.4 called _rebuild_tensor; a storage could be a part of another, (KEY, 2, 4). */
static void tensors_of_old_files_are_slices_too(void **state)
{
    fk_pickle p;

    (void)state;
    assert_ok(READ(&p, "ctorch._utils\n_rebuild_tensor\n((U\x07storagectorch\nFloatStorage\nU\x01"
                       "aU\x03"
                       "cpuK\x06(U\x01vK\x02K\x04ttQK\x01K\x03\x85K\x01\x85tR."));
    assert_int_equal(root(&p)->kind, FK_VALUE_TENSOR);
    assert_int_equal(p.storages[0].offset, 2);
    assert_int_equal(p.storages[0].width, 4);
    assert_int_equal(p.tensors[0].offset, 3);
    assert_int_equal(p.tensors[0].shape[0], 3);
    fk_pickle_free(&p);
    /* the part ends the storage: offset 2 of it has no third element */
    assert_pickle_refused(
        "ctorch._utils\n_rebuild_tensor\n((U\x07storagectorch\nFloatStorage\nU\x01"
        "aU\x03"
        "cpuK\x06(U\x01vK\x01K\x04ttQK\x02K\x03\x85K\x01\x85tR.",
        FLECK_E_FORMAT, "a tensor [3] at offset 2 leaves its storage of 4 elements");
}

static void tensors_that_leave_their_storage_are_refused(void **state)
{
    (void)state;
    assert_pickle_refused(REBUILD STORAGE("a") "K\x02K\x02K\x02\x86K\x03K\x01\x86\x89}tR.",
                          FLECK_E_FORMAT,
                          "a tensor [2, 2] at offset 2 leaves its storage of 6 elements");
    assert_pickle_refused(REBUILD STORAGE("a") "K\x06))\x89}tR.", FLECK_E_FORMAT, "offset 6");
    assert_pickle_refused(REBUILD STORAGE("a") "J\xff\xff\xff\xff))\x89}tR.", FLECK_E_FORMAT,
                          "the offset of a tensor");
    /* stride 0 would let six numbers ask for a gigabyte */
    assert_pickle_refused(REBUILD STORAGE("a") "K\x00J\0\0\0\x40\x85K\x00\x85\x89}tR.",
                          FLECK_E_FORMAT, "a tensor [1073741824] at offset 0 leaves");
    /* products beyond int64 */
    assert_pickle_refused(REBUILD STORAGE("a") "K\x00\x8a\x07\0\0\0\0\0\0\x40\x8a\x07\0\0\0\0\0\0"
                                               "\x40\x86K\x01K\x01\x86\x89}tR.",
                          FLECK_E_FORMAT, "leaves its storage");
    assert_pickle_refused(REBUILD STORAGE("a") "K\x00K\x02\x85\x8a\x07\0\0\0\0\0\0\x40\x85\x89}tR.",
                          FLECK_E_FORMAT, "leaves its storage");
    assert_pickle_refused(REBUILD STORAGE("a") "K\x00K\x02\x85)\x89}tR.", FLECK_E_FORMAT,
                          "1 sizes and 0 strides");
    assert_pickle_refused(
        REBUILD STORAGE("a") "K\x00(K\x01K\x01K\x01K\x01K\x01K\x01K\x01t)\x89}tR.",
        FLECK_E_UNSUPPORTED, "a tensor of 7 dimensions, expected at most 6");
    assert_pickle_refused(REBUILD STORAGE("a") "K\x00]]\x89}tR.", FLECK_E_FORMAT,
                          "the shape of a tensor is a list");
    assert_pickle_refused(REBUILD "K\x01K\x00))\x89}tR.", FLECK_E_FORMAT, "made of an integer");
    assert_pickle_refused(REBUILD STORAGE("a") "tR.", FLECK_E_FORMAT, "made of 1 parts");
}

static void storages_that_are_none_are_refused(void **state)
{
    (void)state;
    assert_pickle_refused("K\x01Q.", FLECK_E_UNSUPPORTED, "not that of a storage");
    assert_pickle_refused("(U\x06modulectorch\nFloatStorage\nU\x01"
                          "aU\x03"
                          "cpuK\x06tQ.",
                          FLECK_E_UNSUPPORTED, "not that of a storage");
    assert_pickle_refused("(U\x07storageK\x01U\x01"
                          "aU\x03"
                          "cpuK\x06tQ.",
                          FLECK_E_FORMAT, "a storage whose type is an integer");
    assert_pickle_refused("(U\x07storagectorch\nFloatStorage\nU\x01"
                          "aU\x03"
                          "cpuJ\xff\xff\xff\xfftQ.",
                          FLECK_E_FORMAT, "a storage without key or count");
    assert_pickle_refused("(U\x07storagectorch\nFloatStorage\nU\x01"
                          "aU\x03"
                          "cpuK\x06(U\x01vK\x04K\x03ttQ.",
                          FLECK_E_FORMAT, "a view of a storage that leaves it");
}

static void storages_are_sorted_and_equal_ones_share(void **state)
{
    fk_pickle p;

    (void)state;
    assert_ok(READ(&p, "(" STORAGE("b") STORAGE("a") STORAGE("b") "t."));
    assert_int_equal(p.n_storages, 3);
    assert_int_equal(p.order[0], 1);
    assert_int_equal(p.storages[0].same_as, 0);
    assert_int_equal(p.storages[1].same_as, 1);
    assert_int_equal(p.storages[2].same_as, 0);
    fk_pickle_free(&p);
}

static void every_cut_of_a_pickle_is_refused(void **state)
{
    static const char whole[] =
        "\x80\x02" REBUILD STORAGE("a") "K\x01K\x02K\x02\x86K\x03K\x01\x86\x89}tR.";

    (void)state;
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        /* a block of its own size, so that a sanitizer sees a read behind its end */
        uint8_t *cut = malloc(n > 0 ? n : 1);
        fk_pickle p;

        assert_non_null(cut);
        memcpy(cut, whole, n);
        assert_refused(fk_pickle_read(&p, cut, n, "cut", err), FLECK_E_FORMAT, "cut short");
        free(cut);
    }
}

/* Nesting costs no stack here: a list in a list, a million deep but for the limit. */
static void deep_nesting_meets_a_limit_and_no_stack_overflow(void **state)
{
    const size_t n = 1 << 21;
    uint8_t *bytes = malloc(n);
    fk_pickle p;

    (void)state;
    assert_non_null(bytes);
    memset(bytes, ']', n);
    assert_refused(fk_pickle_read(&p, bytes, n, "deep", err), FLECK_E_LIMIT,
                   "more than 1048576 values");
    memset(bytes, '(', n);
    assert_refused(fk_pickle_read(&p, bytes, n, "deep", err), FLECK_E_LIMIT,
                   "more than 1048576 values");
    memset(bytes, ']', n / 4);
    memset(bytes + n / 4, 'a', n / 4 - 1);
    bytes[n / 2 - 1] = '.';
    assert_ok(fk_pickle_read(&p, bytes, n, "deep", err));
    assert_int_equal(p.used, n / 2);
    fk_pickle_free(&p);
    free(bytes);
}

/* A list that holds itself is a value like others; nothing walks into it. */
static void a_list_may_hold_itself(void **state)
{
    fk_pickle p;

    (void)state;
    assert_ok(READ(&p, "]q\x00h\x00"
                       "a."));
    assert_ptr_equal(fk_pickle_item(&p, root(&p), 0), root(&p));
    fk_pickle_free(&p);
}

static void every_failed_allocation_is_reported_and_frees_all(void **state)
{
    static const char whole[] =
        "\x80\x02"
        "ccollections\nOrderedDict\n)R(U\x01w" REBUILD STORAGE(
            "a") "K\x01K\x02K\x02\x86K\x03K\x01\x86\x89}tRu(K\x01q\x00l0]K\x01"
                 "a0.";
    fk_pickle p;
    int64_t asked;

    (void)state;
    fk_mem_fail_at(0);
    assert_ok(READ(&p, whole));
    asked = fk_mem_fail_at(0);
    fk_pickle_free(&p);
    assert_true(asked > 10);
    for (int64_t n = 1; n <= asked; n++) {
        fk_mem_fail_at(n);
        assert_refused(READ(&p, whole), FLECK_E_NOMEM, "out of memory");
        assert_null(p.values);
    }
    fk_mem_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_of_every_opcode_read),
        cmocka_unit_test(long_integers_keep_their_bytes),
        cmocka_unit_test(texts_of_every_opcode_read),
        cmocka_unit_test(constants_and_reals_read),
        cmocka_unit_test(tuples_lists_and_dicts_read),
        cmocka_unit_test(the_memo_gives_back_what_was_put_in),
        cmocka_unit_test(values_are_dropped_and_doubled),
        cmocka_unit_test(no_opcode_reaches_below_a_mark),
        cmocka_unit_test(other_names_are_refused_by_name),
        cmocka_unit_test(opcodes_that_tensors_do_not_need_are_refused),
        cmocka_unit_test(only_known_names_can_be_called),
        cmocka_unit_test(an_ordered_dict_may_have_attributes_and_pairs),
        cmocka_unit_test(a_tensor_is_a_window_of_a_storage),
        cmocka_unit_test(tensors_of_old_files_are_slices_too),
        cmocka_unit_test(tensors_that_leave_their_storage_are_refused),
        cmocka_unit_test(storages_that_are_none_are_refused),
        cmocka_unit_test(storages_are_sorted_and_equal_ones_share),
        cmocka_unit_test(every_cut_of_a_pickle_is_refused),
        cmocka_unit_test(deep_nesting_meets_a_limit_and_no_stack_overflow),
        cmocka_unit_test(a_list_may_hold_itself),
        cmocka_unit_test(every_failed_allocation_is_reported_and_frees_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
