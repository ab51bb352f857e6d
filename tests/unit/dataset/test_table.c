/* SPDX-License-Identifier: Apache-2.0 */
/* CSV files as data sets: the parser, the columns, and what is wrong in them. */
#include "base/mem.h"
#include "dataset/csv.h"
#include "dataset/dataset.h"
#include "root.h"

static char csv_path[4200];

static bool is_image(const char *name)
{
    (void)name;
    return false; /* a CSV's rows are not asked */
}

static fk_look look(const char *name, const uint8_t *head, size_t size, const char **format)
{
    (void)head;
    (void)size;
    *format = NULL;
    return is_image(name) ? FK_LOOK_IMAGE : FK_LOOK_OTHER;
}

static const fk_dataset_how how = {.is_image = is_image, .look = look};

/* A folder with images 1.png to 4.png and masks m3.png, m4.png in img/. */
static int make_root(void **state)
{
    static const char *const files[] = {"img/1.png", "img/2.png",  "img/3.png",
                                        "img/4.png", "img/m3.png", "img/m4.png"};

    (void)state;
    snprintf(root, sizeof root, "%s", test_folder());
    snprintf(csv_path, sizeof csv_path, "%s/set.csv", root);
    assert_ok(fk_folder_make(in_root("img"), err));
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        assert_ok(fk_file_write(in_root(files[i]), "", 0, err));
    return 0;
}

static void write_csv(const char *text)
{
    assert_ok(fk_file_write(csv_path, text, strlen(text), err));
}

/* ---- The parser -------------------------------------------------------------------------------
 */

/* Rows as "line:[field][field]" one after the other. */
static void check_rows(const char *bytes, size_t size, const char *want)
{
    char got[1024] = "";
    fk_names row = {0};
    fk_csv csv;
    int64_t line = 0;

    fk_csv_begin(&csv, "x", bytes, size);
    for (;;) {
        assert_ok(fk_csv_next(&csv, &row, &line, err));
        if (row.count == 0)
            break;
        snprintf(got + strlen(got), sizeof got - strlen(got), "%lld:", (long long)line);
        for (int64_t i = 0; i < row.count; i++)
            snprintf(got + strlen(got), sizeof got - strlen(got), "[%s]", row.items[i]);
    }
    assert_string_equal(got, want);
    fk_names_free(&row);
}

#define CHECK_ROWS(text, want) check_rows((text), sizeof(text) - 1, (want))

static void rows_end_at_any_line_end_and_at_the_end_of_the_file(void **state)
{
    (void)state;
    CHECK_ROWS("a,b\nc,d", "1:[a][b]2:[c][d]");
    CHECK_ROWS("a,b\r\nc,d\r\n", "1:[a][b]2:[c][d]");
    CHECK_ROWS("a,b\rc,d\r", "1:[a][b]2:[c][d]");
    CHECK_ROWS("\n\r\n  \na\n\n", "4:[a]");
    CHECK_ROWS("", "");
    CHECK_ROWS("a,\n,b\n,\n", "1:[a][]2:[][b]3:[][]");
}

static void quotes_keep_commas_line_ends_blanks_and_quotes(void **state)
{
    (void)state;
    CHECK_ROWS("\"a,b\",c\n", "1:[a,b][c]");
    CHECK_ROWS("\"a\"\"b\"\"\"\n", "1:[a\"b\"]");
    CHECK_ROWS("\"a\r\nb\n\",c\nd", "1:[a\r\nb\n][c]4:[d]");
    CHECK_ROWS(" \" a \" ,\t b\tc \n", "1:[ a ][b\tc]");
    CHECK_ROWS("\"\"\nx", "1:[]2:[x]");
    CHECK_ROWS("a\"b,5\"\n", "1:[a\"b][5\"]");
}

static void a_byte_order_mark_is_no_part_of_the_first_field(void **state)
{
    (void)state;
    CHECK_ROWS("\xef\xbb\xbfpath,label\n", "1:[path][label]");
    CHECK_ROWS("\xef\xbb\xbf", "");
}

static void malformed_rows_are_refused_with_their_line(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *part;
    } cases[] = {
        {"a\n\"b\nc", 6, "x:2: the quote that opens here never closes"},
        {"\"", 1, "never closes"},
        {"\"a\"\"", 4, "never closes"},
        {"a\n\"b\nc\"d,e\n", 11, "x:3: text after a closing quote"},
        {"a,b\0c", 5, "x:1: a zero byte"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fk_names row = {0};
        fk_csv csv;
        int64_t line;
        fleck_status st;
        fleck_error error = {0};

        fk_csv_begin(&csv, "x", cases[i].bytes, cases[i].size);
        do
            st = fk_csv_next(&csv, &row, &line, &error);
        while (st == FLECK_OK && row.count > 0);
        assert_int_equal(st, FLECK_E_FORMAT);
        assert_non_null(strstr(error.message, cases[i].part));
        assert_int_equal(row.count, 0);
    }
}

/* ---- The columns ------------------------------------------------------------------------------
 */

static void rows_become_samples_good_first(void **state)
{
    fk_samples s;

    (void)state;
    write_csv("path,label,mask\n"
              "img/4.png,defective,img/m4.png\n"
              "img/2.png,good,\n"
              "img/3.png,1,img/m3.png\n"
              "img/1.png,0,ignored.png\n");
    assert_ok(fk_dataset_test(&s, csv_path, &how, err));
    assert_true(s.has_masks);
    assert_int_equal(s.count, 4);
    assert_string_equal(s.items[0].path, in_root("img/1.png"));
    assert_null(s.items[0].mask);
    assert_string_equal(s.items[0].defect, "good");
    assert_false(s.items[0].defective);
    assert_string_equal(s.items[1].path, in_root("img/2.png"));
    assert_string_equal(s.items[2].path, in_root("img/3.png"));
    assert_string_equal(s.items[2].mask, in_root("img/m3.png"));
    assert_string_equal(s.items[2].defect, "defective");
    assert_true(s.items[2].defective);
    assert_string_equal(s.items[3].mask, in_root("img/m4.png"));
    fk_samples_free(&s);
    assert_ok(fk_dataset_train(&s, csv_path, &how, err));
    assert_int_equal(s.count, 2);
    assert_string_equal(s.items[1].path, in_root("img/2.png"));
    fk_samples_free(&s);
}

static void a_split_column_separates_training_from_test(void **state)
{
    fk_samples s;

    (void)state;
    write_csv("Label, Split, Path, camera\r\n"
              "good, train, img/1.png, left\r\n"
              "defective, train, img/3.png, left\r\n"
              "good, test, img/2.png, right\r\n"
              "defective, test, img/4.png, right\r\n"
              "defective, unused, img/nowhere.png, right\r\n");
    assert_ok(fk_dataset_train(&s, csv_path, &how, err));
    assert_int_equal(s.count, 1);
    assert_string_equal(s.items[0].path, in_root("img/1.png"));
    fk_samples_free(&s);
    assert_ok(fk_dataset_test(&s, csv_path, &how, err));
    assert_false(s.has_masks);
    assert_int_equal(s.count, 2);
    assert_string_equal(s.items[1].path, in_root("img/4.png"));
    fk_samples_free(&s);
}

static void a_defect_column_names_the_types(void **state)
{
    fk_samples s;

    (void)state;
    write_csv("path,label,defect\nimg/1.png,1,scratch\nimg/2.png,1,cut\nimg/3.png,1,\n"
              "img/4.png,0,scratch\n");
    assert_ok(fk_dataset_test(&s, csv_path, &how, err));
    assert_int_equal(s.count, 4);
    assert_string_equal(s.items[0].defect, "good");
    assert_string_equal(s.items[1].defect, "cut");
    assert_string_equal(s.items[2].defect, "defective");
    assert_string_equal(s.items[3].defect, "scratch");
    fk_samples_free(&s);
}

static void absolute_paths_stay_as_they_are(void **state)
{
    char text[9000];
    fk_samples s;

    (void)state;
    snprintf(text, sizeof text, "path,label\n\"%s\",good\n", in_root("img/1.png"));
    write_csv(text);
    assert_ok(fk_dataset_train(&s, csv_path, &how, err));
    assert_string_equal(s.items[0].path, in_root("img/1.png"));
    fk_samples_free(&s);
}

static void a_csv_in_the_working_folder_needs_no_slash(void **state)
{
    char here[4096];
    fk_samples s;

    (void)state;
    write_csv("path,label\nimg/1.png,good\n");
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(root), 0);
    assert_ok(fk_dataset_train(&s, "set.csv", &how, err));
    assert_string_equal(s.items[0].path, "img/1.png");
    fk_samples_free(&s);
    assert_int_equal(chdir(here), 0);
}

/* The file must give two images, img/1.png good and img/4.png defective. */
static void check_two(const char *bytes, size_t size)
{
    fk_samples s;

    assert_ok(fk_file_write(csv_path, bytes, size, err));
    assert_ok(fk_dataset_test(&s, csv_path, &how, err));
    assert_int_equal(s.count, 2);
    assert_string_equal(s.items[0].path, in_root("img/1.png"));
    assert_false(s.items[0].defective);
    assert_string_equal(s.items[1].path, in_root("img/4.png"));
    assert_string_equal(s.items[1].mask, in_root("img/m4.png"));
    fk_samples_free(&s);
}

#define CHECK_TWO(text) check_two((text), sizeof(text) - 1)

static void semicolons_tabs_and_a_line_that_names_the_delimiter_are_read(void **state)
{
    (void)state;
    CHECK_TWO("path;label;mask\nimg/1.png;good;\nimg/4.png;defective;img/m4.png\n");
    CHECK_TWO("path\tlabel\tmask\r\nimg/1.png\tgood\t\r\nimg/4.png\t1\timg/m4.png\r\n");
    CHECK_TWO("sep=;\r\npath;label;mask\r\nimg/1.png;0;\r\nimg/4.png;1;img/m4.png");
    CHECK_TWO("sep=|\npath|label|mask\nimg/1.png|0|\nimg/4.png|1|img/m4.png");
    CHECK_TWO("\xef\xbb\xbfnote;path;label;mask\n\"a,b;c\";img/1.png;OK;\n;img/4.png;Ausschuss;img/"
              "m4.png\n");
}

static void back_slashes_are_slashes_where_no_file_has_them(void **state)
{
    (void)state;
    CHECK_TWO("path,label,mask\nimg\\1.png,good,\nimg\\4.png,1,img\\m4.png\n");
}

static void a_path_in_latin_1_finds_its_file(void **state)
{
    static const char text[] = "path;label;Pr\xfc"
                               "fer\nimg/gr\xfcn.png;good;M\xfcller\n";
    fk_samples s;

    (void)state;
    assert_ok(fk_file_write(in_root("img/gr\xc3\xbcn.png"), "", 0, err));
    assert_ok(fk_file_write(csv_path, text, sizeof text - 1, err));
    assert_ok(fk_dataset_train(&s, csv_path, &how, err));
    assert_string_equal(s.items[0].path, in_root("img/gr\xc3\xbcn.png"));
    fk_samples_free(&s);
}

/* text as UTF-16; mark: with a byte order mark in front. */
static size_t utf16(char *out, const char *text, bool big, bool mark)
{
    size_t n = 0;

    if (mark) {
        out[n++] = big ? '\xfe' : '\xff';
        out[n++] = big ? '\xff' : '\xfe';
    }
    for (; *text != '\0'; text++) {
        out[n++] = big ? '\0' : *text;
        out[n++] = big ? *text : '\0';
    }
    return n;
}

static void utf_16_is_read_in_both_orders_with_and_without_a_mark(void **state)
{
    static const char text[] = "path\tlabel\tmask\r\nimg/1.png\tgood\t\r\n"
                               "img\\4.png\t1\timg/m4.png\r\n";
    char bytes[1024];
    fk_samples s;
    fk_text out = {0};

    (void)state;
    for (int way = 0; way < 4; way++)
        check_two(bytes, utf16(bytes, text, way % 2 == 1, way < 2));
    assert_ok(fk_file_write(csv_path, bytes, utf16(bytes, text, false, true) - 1, err));
    assert_refused(fk_dataset_train(&s, csv_path, &how, err), FLECK_E_FORMAT, "half a character");
    assert_ok(
        fk_csv_recode(&out, "x", (const uint8_t *)"\xff\xfe\x3d\xd8\x00\xde\xfc\x00", 8, err));
    assert_string_equal(out.data, "\xf0\x9f\x98\x80\xc3\xbc");
    fk_text_free(&out);
    assert_refused(fk_csv_recode(&out, "x", (const uint8_t *)"\xff\xfe\x3d\xd8", 4, err),
                   FLECK_E_FORMAT, "an unpaired surrogate");
    fk_text_free(&out);
}

/* ---- What is wrong in a file ------------------------------------------------------------------
 */

static void mistakes_are_refused_with_file_and_line(void **state)
{
    static const struct {
        const char *text, *part;
        fleck_status status;
    } cases[] = {
        {"", "expected a header row", FLECK_E_FORMAT},
        {"\n\n", "expected a header row", FLECK_E_FORMAT},
        {"file,label\n", "found no column path", FLECK_E_FORMAT},
        {"img/1.png,good\n", "found no column path", FLECK_E_FORMAT},
        {"path,class\n", "found no column label", FLECK_E_FORMAT},
        {"path,label,Path\n", "set.csv:1: two columns are named path", FLECK_E_FORMAT},
        {"path,label\n\nimg/1.png\n", "set.csv:3: expected 2 columns as in the header, found 1",
         FLECK_E_FORMAT},
        {"path,label\nimg/1.png,good,x\n", "found 3", FLECK_E_FORMAT},
        {"path,label\nimg/1.png,fine\n",
         "set.csv:2: label: expected good, defective, 0 or 1, got "
         "\"fine\"; the name of a type of defect belongs into a column defect",
         FLECK_E_FORMAT},
        {"path,label\n,good\n", "set.csv:2: path is empty", FLECK_E_FORMAT},
        {"path,label,defect\nimg/1.png,1,good\n", "defect is \"good\"", FLECK_E_FORMAT},
        {"path,label\nimg/1.png,good\nimg/9.png,good\n",
         "1 of the files that it names is not there: line 3: img/9.png", FLECK_E_NOTFOUND},
        {"path,label,mask\nimg/1.png,1,img/m9.png\nimg/8.png,0,\n",
         "2 of the files that it names are not there: line 2: img/m9.png, line 3: img/8.png",
         FLECK_E_NOTFOUND},
        {"path,label,mask\nimg/3.png,1,img/m3.png\nimg/4.png,1,\nimg/2.png,1,\n",
         "2 defective rows name no mask, though 1 other does: line 3: img/4.png, line 4: img/2.png",
         FLECK_E_NOTFOUND},
        {"path|label\nimg/1.png|good\n", "set.csv:1: expected a header row", FLECK_E_FORMAT},
        {"path,label\n", "no test image among its rows", FLECK_E_NOTFOUND},
        {"path,label,split\nimg/1.png,good,train\n", "split test", FLECK_E_NOTFOUND},
        {"path,label\n\"img/1.png,good\n", "never closes", FLECK_E_FORMAT},
    };
    fk_samples s;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_csv(cases[i].text);
        assert_refused(fk_dataset_test(&s, csv_path, &how, err), cases[i].status, cases[i].part);
        assert_refused(fk_dataset_test(&s, csv_path, &how, err), cases[i].status, csv_path);
        assert_null(s.items);
        assert_false(s.has_masks);
    }
}

static void a_csv_without_good_rows_has_no_training_images(void **state)
{
    fk_samples s;

    (void)state;
    write_csv("path,label\nimg/1.png,defective\n");
    assert_refused(fk_dataset_train(&s, csv_path, &how, err), FLECK_E_NOTFOUND,
                   "no good training image among its rows: looked for label good");
    write_csv("path,label,split\nimg/1.png,good,test\n");
    assert_refused(fk_dataset_train(&s, csv_path, &how, err), FLECK_E_NOTFOUND,
                   "label good and split train");
}

static void a_failed_allocation_is_reported_wherever_it_happens(void **state)
{
    fk_samples s;
    int64_t asked;

    (void)state;
    write_csv("path,label,mask\nimg/1.png,good,\nimg/3.png,1,img/m3.png\n");
    fk_mem_fail_at(0);
    assert_ok(fk_dataset_test(&s, csv_path, &how, err));
    fk_samples_free(&s);
    asked = fk_mem_fail_at(0);
    for (int64_t n = 1; n <= asked; n++) {
        fk_mem_fail_at(n);
        assert_refused(fk_dataset_test(&s, csv_path, &how, err), FLECK_E_NOMEM, "memory");
        assert_null(s.items);
    }
    fk_mem_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_end_at_any_line_end_and_at_the_end_of_the_file),
        cmocka_unit_test(quotes_keep_commas_line_ends_blanks_and_quotes),
        cmocka_unit_test(a_byte_order_mark_is_no_part_of_the_first_field),
        cmocka_unit_test(malformed_rows_are_refused_with_their_line),
        cmocka_unit_test(rows_become_samples_good_first),
        cmocka_unit_test(a_split_column_separates_training_from_test),
        cmocka_unit_test(a_defect_column_names_the_types),
        cmocka_unit_test(absolute_paths_stay_as_they_are),
        cmocka_unit_test(a_csv_in_the_working_folder_needs_no_slash),
        cmocka_unit_test(semicolons_tabs_and_a_line_that_names_the_delimiter_are_read),
        cmocka_unit_test(back_slashes_are_slashes_where_no_file_has_them),
        cmocka_unit_test(a_path_in_latin_1_finds_its_file),
        cmocka_unit_test(utf_16_is_read_in_both_orders_with_and_without_a_mark),
        cmocka_unit_test(mistakes_are_refused_with_file_and_line),
        cmocka_unit_test(a_csv_without_good_rows_has_no_training_images),
        cmocka_unit_test(a_failed_allocation_is_reported_wherever_it_happens),
    };

    return cmocka_run_group_tests(tests, make_root, NULL);
}
