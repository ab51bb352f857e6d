/* SPDX-License-Identifier: Apache-2.0 */
/* Zip files, by libzip: torch's container (torch 1.6 and later), and wheels that hold a weight
 * file.
 *
 *   NAME/data.pkl   the saved object; storages stand in it as persistent ids
 *   NAME/data/KEY   the bytes of one storage
 *   NAME/byteorder  "little" or "big"; missing in older files, which are little
 *
 * NAME is the name under which the file was saved, or "archive".  torch does not compress entries;
 * a file that was compressed later is read too. */
#include "weights/pth.h"
#include "base/mem.h"
#include "base/str.h"

#include <string.h>
#include <zip.h>

/* Most bytes of compressed entries in all after decompression; the largest network has 260 MB. */
#define UNPACKED_LIMIT (INT64_C(1) << 30)

typedef struct archive {
    zip_t *zip;
    const char *file;
    char *prefix;             /* "NAME/" */
    int64_t size;             /* of the archive */
    int64_t stored, unpacked; /* bytes read so far, of uncompressed and compressed entries */
} archive;

bool fk_pth_is_zip(const uint8_t *bytes, size_t size)
{
    return size >= 4 && memcmp(bytes, "PK\3\4", 4) == 0;
}

static fleck_status open_archive(archive *a, const uint8_t *bytes, fleck_error *err)
{
    zip_error_t why;
    zip_source_t *source;
    fleck_status st = FLECK_OK;

    zip_error_init(&why);
    source = zip_source_buffer_create(bytes, (zip_uint64_t)a->size, 0, &why);
    if (source != NULL)
        a->zip = zip_open_from_source(source, ZIP_RDONLY, &why);
    if (a->zip == NULL) {
        zip_source_free(source);
        st = fk_error_set(
            err, zip_error_code_zip(&why) == ZIP_ER_MEMORY ? FLECK_E_NOMEM : FLECK_E_FORMAT,
            "%s: not a whole zip file: %s", a->file, zip_error_strerror(&why));
    }
    zip_error_fini(&why);
    return st;
}

/* The length of "NAME/" in "NAME/data.pkl", 0 for any other name. */
static int torch_prefix(const char *name)
{
    const char *slash = name != NULL ? strchr(name, '/') : NULL;

    return slash != NULL && strcmp(slash, "/data.pkl") == 0 ? (int)(slash + 1 - name) : 0;
}

/* Find the folder of data.pkl. */
static fleck_status find_prefix(archive *a, fleck_error *err)
{
    zip_int64_t n = zip_get_num_entries(a->zip, 0);

    for (zip_int64_t i = 0; i < n; i++) {
        const char *name = zip_get_name(a->zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        int length = torch_prefix(name);

        if (length > 0)
            return fk_asprintf(&a->prefix, err, "%.*s", length, name);
    }
    return fk_error_set(err, FLECK_E_FORMAT,
                        "%s: a zip file without data.pkl, so not one that torch.save() wrote",
                        a->file);
}

/* Get an entry's size, and check that it is possible: uncompressed entries do not overlap (each
 * byte may be read twice, for one storage with two types), and deflate expands one byte to at most
 * 1032.  So a small file cannot ask for much memory. */
static fleck_status check_size(archive *a, const char *name, zip_uint64_t index, int64_t *size,
                               fleck_error *err)
{
    const zip_uint64_t wanted = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    zip_stat_t info;

    if (zip_stat_index(a->zip, index, 0, &info) != 0 || (info.valid & wanted) != wanted)
        return fk_error_set(err, FLECK_E_FORMAT, "%s: %s: %s", a->file, name, zip_strerror(a->zip));
    if (info.comp_method != ZIP_CM_STORE && info.comp_method != ZIP_CM_DEFLATE)
        return fk_error_set(err, FLECK_E_UNSUPPORTED,
                            "%s: %s: compression method %d, expected none or deflate", a->file,
                            name, info.comp_method);
    if (info.comp_size > (uint64_t)a->size || info.size / 1032 > info.comp_size ||
        (info.comp_method == ZIP_CM_STORE && info.size != info.comp_size))
        return fk_error_set(err, FLECK_E_FORMAT, "%s: %s: a size that cannot be", a->file, name);
    *size = (int64_t)info.size;
    *(info.comp_method == ZIP_CM_STORE ? &a->stored : &a->unpacked) += *size;
    if (a->stored > 2 * a->size)
        return fk_error_set(err, FLECK_E_FORMAT, "%s: its entries overlap", a->file);
    if (a->unpacked > UNPACKED_LIMIT)
        return fk_error_set(err, FLECK_E_LIMIT, "%s: unpacks to more than %lld bytes", a->file,
                            (long long)UNPACKED_LIMIT);
    return FLECK_OK;
}

/* Read the entry "NAME/part" into a block to be freed with fk_free(). */
static fleck_status read_entry(archive *a, const char *part, int part_length, void **out,
                               int64_t *size, fleck_error *err)
{
    char *name = NULL;
    zip_file_t *file = NULL;
    zip_int64_t index, got;
    fleck_status st;

    *out = NULL;
    FK_DO(fk_asprintf(&name, err, "%s%.*s", a->prefix, part_length, part));
    index = zip_name_locate(a->zip, name, ZIP_FL_ENC_RAW);
    if (index < 0)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: %s is missing in the zip file", a->file, name);
    FK_DO(check_size(a, name, (zip_uint64_t)index, size, err));
    FK_DO(fk_alloc(out, *size, 1, err));
    file = zip_fopen_index(a->zip, (zip_uint64_t)index, 0);
    if (file == NULL)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: %s: %s", a->file, name, zip_strerror(a->zip));
    got = zip_fread(file, *out, (zip_uint64_t)*size);
    /* libzip compares the checksum at the end of the entry, which one more read reaches. */
    if (got == *size)
        got += zip_fread(file, &(char){0}, 1);
    if (got != *size)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: %s: %s", a->file, name,
                got < *size && zip_error_code_zip(zip_file_get_error(file)) != ZIP_ER_OK
                    ? zip_file_strerror(file)
                    : "not as long as the zip file says");
done:
    if (st != FLECK_OK) {
        fk_free(*out);
        *out = NULL;
    }
    if (file != NULL)
        zip_fclose(file);
    fk_free(name);
    return st;
}

static fleck_status check_byte_order(archive *a, fleck_error *err)
{
    void *text = NULL;
    int64_t size;
    char *name = NULL;
    fleck_status st;

    FK_DO(fk_asprintf(&name, err, "%sbyteorder", a->prefix));
    if (zip_name_locate(a->zip, name, ZIP_FL_ENC_RAW) < 0)
        goto done;
    FK_DO(read_entry(a, "byteorder", 9, &text, &size, err));
    if (size != 6 || memcmp(text, "little", 6) != 0)
        FK_FAIL(err, FLECK_E_UNSUPPORTED, "%s: %s data, expected little-endian", a->file,
                size == 3 && memcmp(text, "big", 3) == 0 ? "big-endian" : "unknown-endian");
done:
    fk_free(text);
    fk_free(name);
    return st;
}

static fleck_status read_object(archive *a, fk_pickle *out, fleck_error *err)
{
    void *bytes = NULL;
    int64_t size;
    fleck_status st;

    FK_DO(read_entry(a, "data.pkl", 8, &bytes, &size, err));
    FK_DO(fk_pickle_read(out, bytes, (size_t)size, a->file, err));
    out->owned = bytes;
    bytes = NULL;
done:
    fk_free(bytes);
    return st;
}

static fleck_status read_storage(archive *a, fk_storage *s, fleck_error *err)
{
    char *part = NULL;
    int64_t size, expected;
    fleck_status st;

    if (s->key_length > 255 || memchr(s->key, '\0', (size_t)s->key_length) != NULL)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: a storage's key is not a file name", a->file);
    FK_DO(fk_asprintf(&part, err, "data/%.*s", (int)s->key_length, s->key));
    FK_DO(read_entry(a, part, (int)strlen(part), &s->owned, &size, err));
    if (!fk_storage_bytes(s, &expected) || size != expected)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: %s%s: expected %lld elements %s, found %lld bytes",
                a->file, a->prefix, part, (long long)s->count, fk_dtype_name(s->dtype),
                (long long)size);
    s->data = s->owned;
done:
    fk_free(part);
    return st;
}

/* Find the entry that ends in ".pth"; *found is NULL if there is none, or if torch wrote the zip
 * file. */
static fleck_status find_pth(archive *a, const char **found, fleck_error *err)
{
    zip_int64_t n = zip_get_num_entries(a->zip, 0);
    const char *second = NULL;

    *found = NULL;
    for (zip_int64_t i = 0; i < n; i++) {
        const char *name = zip_get_name(a->zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        size_t length = name != NULL ? strlen(name) : 0;

        if (length >= 4 && strcmp(name + length - 4, ".pth") == 0) {
            second = *found;
            *found = name;
        } else if (torch_prefix(name) > 0) {
            *found = NULL;
            return FLECK_OK;
        }
    }
    if (second != NULL)
        return fk_error_set(err, FLECK_E_FORMAT,
                            "%s: a zip file with more than one .pth file: %s and %s", a->file,
                            second, *found);
    return FLECK_OK;
}

fleck_status fk_pth_wheel_read(void **out, int64_t *size, char **name, const uint8_t *bytes,
                               size_t n_bytes, const char *file, fleck_error *err)
{
    archive a = {.file = file, .size = (int64_t)n_bytes};
    const char *found;
    fleck_status st;

    *out = NULL;
    *name = NULL;
    FK_DO(open_archive(&a, bytes, err));
    FK_DO(find_pth(&a, &found, err));
    if (found == NULL)
        goto done;
    FK_DO(fk_strdup(name, found, err));
    FK_DO(fk_strdup(&a.prefix, "", err));
    FK_DO(read_entry(&a, found, (int)strlen(found), out, size, err));
done:
    if (st != FLECK_OK) {
        fk_free(*name);
        *name = NULL;
    }
    if (a.zip != NULL)
        zip_discard(a.zip);
    fk_free(a.prefix);
    return st;
}

fleck_status fk_pth_zip_read(fk_pickle *out, const uint8_t *bytes, size_t size, const char *file,
                             fleck_error *err)
{
    archive a = {.file = file, .size = (int64_t)size};
    fleck_status st;

    *out = (fk_pickle){0};
    FK_DO(open_archive(&a, bytes, err));
    FK_DO(find_prefix(&a, err));
    FK_DO(check_byte_order(&a, err));
    FK_DO(read_object(&a, out, err));
    for (int32_t i = 0; i < out->n_storages; i++)
        if (out->storages[i].same_as == i)
            FK_DO(read_storage(&a, &out->storages[i], err));
done:
    if (st != FLECK_OK)
        fk_pickle_free(out);
    if (a.zip != NULL)
        zip_discard(a.zip);
    fk_free(a.prefix);
    return st;
}
