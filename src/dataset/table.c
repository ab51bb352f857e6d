/* SPDX-License-Identifier: Apache-2.0 */
/* CSV data sets: the meaning of the columns, which dataset.h describes. */
#include "base/mem.h"
#include "base/nearest.h"
#include "dataset/csv.h"
#include "dataset/good.h"
#include "dataset/samples.h"

#include <string.h>

/* Far more rows than images that can be scored.  The limit ends the reading of a wrong file. */
#define SIZE_LIMIT ((size_t)1 << 28)
#define LIST_BYTES 500 /* of lists in a message */

enum { PATH, LABEL, MASK, IGNORE, SPLIT, DEFECT, N_COLUMNS };

static const char *const column_names[N_COLUMNS] = {"path",   "label", "mask",
                                                    "ignore", "split", "defect"};

/* A CSV file being read: the index of each column (-1: absent), and the width of rows. */
typedef struct table {
    const char *name;
    char *folder; /* that paths are relative to, with a slash, or "" */
    int64_t columns[N_COLUMNS], width;
    bool test;
    const fk_dataset_how *how;
    int64_t masks;    /* defective rows with a mask */
    fk_names bare;    /* "line 7: image" of those without */
    fk_names missing; /* "line 7: file" of missing files */
    fk_names unused;  /* "line 7: mask" of good rows */
} table;

static fleck_status refuse_header(const table *t, const fk_names *row, int64_t line,
                                  const char *column, fleck_error *err)
{
    fk_text found = {0};
    fleck_status st;

    FK_DO(fk_names_join(&found, row, LIST_BYTES, err));
    FK_FAIL(err, FLECK_E_FORMAT,
            "%s:%lld: expected a header row with columns path and label (and mask, ignore, split, "
            "defect, as needed), with commas, semicolons or tabs between, found no column %s: %s",
            t->name, (long long)line, column, found.data);
done:
    fk_text_free(&found);
    return st;
}

static fleck_status read_header(table *t, const fk_names *row, int64_t line, fleck_error *err)
{
    t->width = row->count;
    for (int k = 0; k < N_COLUMNS; k++) {
        t->columns[k] = -1;
        for (int64_t i = 0; i < row->count; i++) {
            if (!fk_same_word(row->items[i], column_names[k]))
                continue;
            if (t->columns[k] >= 0)
                return fk_error_set(err, FLECK_E_FORMAT, "%s:%lld: two columns are named %s",
                                    t->name, (long long)line, column_names[k]);
            t->columns[k] = i;
        }
        if (k <= LABEL && t->columns[k] < 0)
            return refuse_header(t, row, line, column_names[k], err);
    }
    return FLECK_OK;
}

/* A row's text in column k; "" if the column is absent. */
static const char *cell(const table *t, const fk_names *row, int k)
{
    return t->columns[k] >= 0 ? row->items[t->columns[k]] : "";
}

/* Add "line 7: text" to a list for a message. */
static fleck_status add_line(fk_names *list, int64_t line, const char *text, fleck_error *err)
{
    char *noted = NULL;
    fleck_status st = fk_asprintf(&noted, err, "line %lld: %s", (long long)line, text);

    if (st == FLECK_OK)
        st = fk_names_add(list, noted, err);
    fk_free(noted);
    return st;
}

/* text with slashes in place of backslashes, or (latin) with bytes above 127 as Latin-1. */
static fleck_status rewrite(fk_text *out, const char *text, bool latin, fleck_error *err)
{
    fleck_status st = fk_text_add(out, "", 0, err);

    for (; *text != '\0' && st == FLECK_OK; text++) {
        uint8_t c = (uint8_t)*text;
        char pair[2] = {(char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f))};

        if (latin && c >= 0x80)
            st = fk_text_add(out, pair, 2, err);
        else
            st = fk_text_add(out, c == '\\' ? "/" : text, 1, err);
    }
    return st;
}

/* Find the file that text names: as it is, with slashes, or as Latin-1.  If none exists *out is
 * NULL and the file is added to missing. */
static fleck_status resolve(table *t, char **out, const char *text, int64_t line, fleck_error *err)
{
    fleck_status st;

    FK_DO(fk_asprintf(out, err, "%s%s", text[0] == '/' ? "" : t->folder, text));
    for (int attempt = 0; attempt < 2 && !fk_path_is_file(*out); attempt++) {
        fk_text other = {0};

        fk_free(*out);
        *out = NULL;
        st = rewrite(&other, text, attempt == 1, err);
        if (st == FLECK_OK)
            st = fk_asprintf(out, err, "%s%s", other.data[0] == '/' ? "" : t->folder, other.data);
        fk_text_free(&other);
        if (st != FLECK_OK)
            goto done;
    }
    if (fk_path_is_file(*out))
        return FLECK_OK;
    st = add_line(&t->missing, line, text, err);
done:
    fk_free(*out);
    *out = NULL;
    return st;
}

/* Labels of defective rows other than 1. */
static bool is_bad(const char *label)
{
    static const char *const words[] = {
        "defective", "defect",   "bad",    "ng",     "nok",      "ko",         "anomaly",
        "anomalous", "abnormal", "fail",   "failed", "reject",   "rejected",   "faulty",
        "damaged",   "nio",      "n.i.O.", "defekt", "schlecht", "fehlerhaft", "Ausschuss"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (fk_same_word(label, words[i]))
            return true;
    return false;
}

/* Read the row's label, and the name of its type. */
static fleck_status read_label(const table *t, const fk_names *row, int64_t line,
                               const char **defect, fleck_error *err)
{
    const char *label = cell(t, row, LABEL), *type = cell(t, row, DEFECT);
    char meant[FK_MEANT];

    *defect = FK_GOOD;
    if (strcmp(label, "0") == 0 || fk_good_name(label) || fk_good_asked(t->how->good, label))
        return FLECK_OK;
    if (strcmp(label, "1") != 0 && !is_bad(label)) {
        const char *near = fk_nearest_choice(meant, "good|defective", label);

        return fk_error_set(
            err, FLECK_E_FORMAT, "%s:%lld: label: expected good, defective, 0 or 1, got \"%s\"%s",
            t->name, (long long)line, label,
            near[0] != '\0' ? near : "; the name of a type of defect belongs into a column defect");
    }
    if (strcmp(type, FK_GOOD) == 0)
        return fk_error_set(err, FLECK_E_FORMAT, "%s:%lld: label is %s, but defect is \"%s\"",
                            t->name, (long long)line, label, type);
    *defect = type[0] != '\0' ? type : "defective";
    return FLECK_OK;
}

/* Add the row if its split and label are those asked for. */
static fleck_status read_row(table *t, fk_samples *out, const fk_names *row, int64_t line,
                             fleck_error *err)
{
    const char *defect, *mask_text = cell(t, row, MASK);
    const char *ignore_text = cell(t, row, IGNORE);
    char *path = NULL, *mask = NULL, *ignore = NULL, *stem = NULL, *key = NULL;
    bool defective;
    fleck_status st;

    if (row->count != t->width)
        FK_FAIL(err, FLECK_E_FORMAT, "%s:%lld: expected %lld columns as in the header, found %lld",
                t->name, (long long)line, (long long)t->width, (long long)row->count);
    FK_DO(read_label(t, row, line, &defect, err));
    if (cell(t, row, PATH)[0] == '\0')
        FK_FAIL(err, FLECK_E_FORMAT, "%s:%lld: path is empty", t->name, (long long)line);
    if (t->columns[SPLIT] >= 0 && !fk_same_word(cell(t, row, SPLIT), t->test ? "test" : "train"))
        goto done;
    defective = strcmp(defect, FK_GOOD) != 0;
    if (!t->test && defective)
        goto done;
    FK_DO(resolve(t, &path, cell(t, row, PATH), line, err));
    if (defective && mask_text[0] != '\0') {
        FK_DO(resolve(t, &mask, mask_text, line, err));
        t->masks++;
    } else if (defective) {
        FK_DO(add_line(&t->bare, line, cell(t, row, PATH), err));
    } else if (mask_text[0] != '\0' && t->test) {
        FK_DO(add_line(&t->unused, line, mask_text, err));
    }
    if (ignore_text[0] != '\0')
        FK_DO(resolve(t, &ignore, ignore_text, line, err));
    if (path == NULL)
        goto done;
    FK_DO(fk_path_stem(&stem, path, err));
    FK_DO(fk_path_join(&key, defect, stem, err));
    FK_DO(fk_samples_add(out,
                         &(fk_sample_texts){.path = path,
                                            .mask = mask,
                                            .ignore = ignore,
                                            .defect = defect,
                                            .key = key,
                                            .defective = defective},
                         err));
done:
    fk_free(path);
    fk_free(mask);
    fk_free(ignore);
    fk_free(stem);
    fk_free(key);
    return st;
}

/* Whether row has a column of this name, which tells that the delimiter is right. */
static bool has_column(const fk_names *row, const char *name)
{
    for (int64_t i = 0; i < row->count; i++)
        if (fk_same_word(row->items[i], name))
            return true;
    return false;
}

/* Set the delimiter.  A first line sep=X sets it and is skipped; else it is the one with which the
 * first row has the required columns; else the comma. */
static fleck_status find_delimiter(fk_csv *csv, fleck_error *err)
{
    static const char delimiters[] = {',', ';', '\t'};
    fk_names row = {0};
    fleck_status st = FLECK_OK;

    for (size_t k = 0; k < sizeof delimiters; k++) {
        fk_csv probe = *csv;
        int64_t line;

        probe.delimiter = delimiters[k];
        if (probe.end - probe.at >= 5 && strncmp(probe.at, "sep=", 4) == 0) {
            csv->delimiter = probe.at[4];
            st = fk_csv_next(csv, &row, &line, err);
            break;
        }
        st = fk_csv_next(&probe, &row, &line, err);
        if (st == FLECK_E_NOMEM)
            break;
        if (st == FLECK_OK && has_column(&row, column_names[PATH]) &&
            has_column(&row, column_names[LABEL])) {
            csv->delimiter = delimiters[k];
            break;
        }
        st = FLECK_OK;
    }
    fk_names_free(&row);
    return st;
}

static fleck_status read_rows(table *t, fk_samples *out, fk_csv *csv, fleck_error *err)
{
    fk_names row = {0};
    int64_t line = 0;
    fleck_status st;

    FK_DO(find_delimiter(csv, err));
    FK_DO(fk_csv_next(csv, &row, &line, err));
    if (row.count == 0)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: expected a header row path,label,mask, found nothing",
                t->name);
    FK_DO(read_header(t, &row, line, err));
    for (;;) {
        FK_DO(fk_csv_next(csv, &row, &line, err));
        if (row.count == 0)
            break;
        FK_DO(read_row(t, out, &row, line, err));
    }
done:
    fk_names_free(&row);
    return st;
}

/* Check all rows together. */
static fleck_status check_rows(const table *t, int64_t rows, fleck_error *err)
{
    fk_text text = {0};
    fleck_status st = FLECK_OK;

    if (t->missing.count > 0) {
        FK_DO(fk_names_join(&text, &t->missing, LIST_BYTES, err));
        FK_FAIL(err, FLECK_E_NOTFOUND, "%s: %lld of the files that it names %s not there: %s",
                t->name, (long long)t->missing.count, t->missing.count == 1 ? "is" : "are",
                text.data);
    }
    if (t->masks > 0 && t->bare.count > 0) {
        FK_DO(fk_names_join(&text, &t->bare, LIST_BYTES, err));
        FK_FAIL(err, FLECK_E_NOTFOUND, "%s: %lld defective row%s no mask, though %lld other%s: %s",
                t->name, (long long)t->bare.count, t->bare.count == 1 ? " names" : "s name",
                (long long)t->masks, t->masks == 1 ? " does" : "s do", text.data);
    }
    if (t->unused.count > 0) {
        FK_DO(fk_names_join(&text, &t->unused, LIST_BYTES, err));
        fk_warn_say(t->how->warn, "%s: masks of good images are not used: %s", t->name, text.data);
    }
    if (rows == 0)
        FK_FAIL(err, FLECK_E_NOTFOUND, "%s: no %s among its rows: looked for %s%s", t->name,
                t->test ? "test image" : "good training image",
                t->test ? "any label" : "label good",
                t->columns[SPLIT] < 0 ? ""
                : t->test             ? " and split test"
                                      : " and split train");
done:
    fk_text_free(&text);
    return st;
}

fleck_status fk_table_read(fk_samples *out, const char *path, bool test, const fk_dataset_how *how,
                           fleck_error *err)
{
    const char *slash = strrchr(path, '/');
    table t = {.name = path, .how = how, .test = test};
    fk_contents file = {0};
    fk_text text = {0};
    fk_csv csv;
    fleck_status st;

    FK_DO(fk_contents_read(&file, path, SIZE_LIMIT, err));
    FK_DO(fk_csv_recode(&text, path, file.data, file.size, err));
    FK_DO(fk_asprintf(&t.folder, err, "%.*s", slash != NULL ? (int)(slash + 1 - path) : 0, path));
    if (text.data != NULL)
        fk_csv_begin(&csv, path, text.data, (size_t)text.length);
    else
        fk_csv_begin(&csv, path, file.data, file.size);
    FK_DO(read_rows(&t, out, &csv, err));
    FK_DO(check_rows(&t, out->count, err));
done:
    fk_contents_free(&file);
    fk_text_free(&text);
    fk_free(t.folder);
    fk_names_free(&t.bare);
    fk_names_free(&t.missing);
    fk_names_free(&t.unused);
    return st;
}
