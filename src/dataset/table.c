/* CSV data sets: the columns' meaning.  dataset.h describes them. */
#include "base/mem.h"
#include "dataset/csv.h"
#include "dataset/samples.h"

#include <string.h>
#include <strings.h>

/* Far more rows than images that could be scored; keeps a wrong file from being read for long. */
#define SIZE_LIMIT ((size_t)1 << 28)

enum { PATH, LABEL, MASK, IGNORE, SPLIT, DEFECT, N_COLUMNS };

static const char *const column_names[N_COLUMNS] = {"path",   "label", "mask",
                                                    "ignore", "split", "defect"};

/* A CSV being read: where each column stands (-1: absent), and how wide rows are. */
typedef struct table {
    const char *name;
    char *folder; /* that its paths are relative to, with a slash, or "" */
    int64_t columns[N_COLUMNS], width;
    bool test;
    /* Defective rows with a mask, and the first without: its line and image. */
    int64_t masks, bare_line;
    char *bare_path;
} table;

static fleck_status read_header(table *t, const fk_names *row, int64_t line, fleck_error *err)
{
    t->width = row->count;
    for (int k = 0; k < N_COLUMNS; k++) {
        t->columns[k] = -1;
        for (int64_t i = 0; i < row->count; i++) {
            if (strcasecmp(row->items[i], column_names[k]) != 0)
                continue;
            if (t->columns[k] >= 0)
                return fk_error_set(err, FLECK_E_FORMAT, "%s:%lld: two columns are named %s",
                                    t->name, (long long)line, column_names[k]);
            t->columns[k] = i;
        }
        if (k <= LABEL && t->columns[k] < 0)
            return fk_error_set(err, FLECK_E_FORMAT,
                                "%s: expected a header row with columns path and label (and mask, "
                                "ignore, split, defect, as needed), found no column %s",
                                t->name, column_names[k]);
    }
    return FLECK_OK;
}

/* A row's text in column k; "" where that is absent. */
static const char *cell(const table *t, const fk_names *row, int k)
{
    return t->columns[k] >= 0 ? row->items[t->columns[k]] : "";
}

/* Resolve a path of the CSV; the file must be there. */
static fleck_status resolve(const table *t, char **out, const char *what, const char *text,
                            int64_t line, fleck_error *err)
{
    fleck_status st;

    FK_DO(fk_asprintf(out, err, "%s%s", text[0] == '/' ? "" : t->folder, text));
    if (!fk_path_is_file(*out))
        FK_FAIL(err, FLECK_E_NOTFOUND, "%s:%lld: %s %s is not there", t->name, (long long)line,
                what, *out);
    return FLECK_OK;
done:
    fk_free(*out);
    *out = NULL;
    return st;
}

/* The row's label, and the name of its type. */
static fleck_status read_label(const table *t, const fk_names *row, int64_t line,
                               const char **defect, fleck_error *err)
{
    const char *label = cell(t, row, LABEL), *type = cell(t, row, DEFECT);

    *defect = FK_GOOD;
    if (strcasecmp(label, "good") == 0 || strcmp(label, "0") == 0)
        return FLECK_OK;
    if (strcasecmp(label, "defective") != 0 && strcmp(label, "1") != 0)
        return fk_error_set(err, FLECK_E_FORMAT,
                            "%s:%lld: label: expected good, defective, 0 or 1, got \"%s\"", t->name,
                            (long long)line, label);
    if (strcmp(type, FK_GOOD) == 0)
        return fk_error_set(err, FLECK_E_FORMAT, "%s:%lld: label is %s, but defect is \"%s\"",
                            t->name, (long long)line, label, type);
    *defect = type[0] != '\0' ? type : "defective";
    return FLECK_OK;
}

/* Note a defective row that names no mask. */
static fleck_status note_bare(table *t, const char *path, int64_t line, fleck_error *err)
{
    if (t->bare_path != NULL)
        return FLECK_OK;
    t->bare_line = line;
    return fk_strdup(&t->bare_path, path, err);
}

/* Add the row where its split and label ask for that. */
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
    if (t->columns[SPLIT] >= 0 && strcasecmp(cell(t, row, SPLIT), t->test ? "test" : "train") != 0)
        goto done;
    defective = strcmp(defect, FK_GOOD) != 0;
    if (!t->test && defective)
        goto done;
    FK_DO(resolve(t, &path, "image", cell(t, row, PATH), line, err));
    if (defective && mask_text[0] != '\0') {
        FK_DO(resolve(t, &mask, "mask", mask_text, line, err));
        t->masks++;
    } else if (defective) {
        FK_DO(note_bare(t, path, line, err));
    }
    if (ignore_text[0] != '\0')
        FK_DO(resolve(t, &ignore, "mask", ignore_text, line, err));
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

static fleck_status read_rows(table *t, fk_samples *out, fk_csv *csv, fleck_error *err)
{
    fk_names row = {0};
    int64_t line = 0;
    fleck_status st;

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

fleck_status fk_table_read(fk_samples *out, const char *path, bool test, const fk_dataset_how *how,
                           fleck_error *err)
{
    const char *slash = strrchr(path, '/');
    table t = {.name = path, .test = test};
    fk_contents file = {0};
    fk_csv csv;
    fleck_status st;

    (void)how;
    FK_DO(fk_contents_read(&file, path, SIZE_LIMIT, err));
    FK_DO(fk_asprintf(&t.folder, err, "%.*s", slash != NULL ? (int)(slash + 1 - path) : 0, path));
    fk_csv_begin(&csv, path, file.data, file.size);
    FK_DO(read_rows(&t, out, &csv, err));
    if (t.masks > 0 && t.bare_path != NULL)
        FK_FAIL(err, FLECK_E_NOTFOUND,
                "%s:%lld: defective image %s has no mask, though %lld other rows have one", path,
                (long long)t.bare_line, t.bare_path, (long long)t.masks);
    if (out->count == 0)
        FK_FAIL(err, FLECK_E_NOTFOUND, "%s: no %s among its rows: looked for %s%s", path,
                test ? "test image" : "good training image", test ? "any label" : "label good",
                t.columns[SPLIT] < 0 ? ""
                : test               ? " and split test"
                                     : " and split train");
done:
    fk_contents_free(&file);
    fk_free(t.folder);
    fk_free(t.bare_path);
    return st;
}
