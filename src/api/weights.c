/* SPDX-License-Identifier: Apache-2.0 */
/* fleck.h: installed weights. */
#include "api/check.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/pool.h"
#include "weights/weights.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static fleck_status find_arch(const fk_arch **out, const char *name, fleck_error *err)
{
    fk_text names = {0};
    char meant[FK_MEANT];
    fleck_status st = FLECK_OK;

    *out = fk_arch_find(name);
    if (*out != NULL)
        return FLECK_OK;
    for (int i = 0; i < fk_arch_count() && st == FLECK_OK; i++)
        st = fk_text_printf(&names, err, "%s%s", i > 0 ? ", " : "", fk_arch_at(i)->name);
    if (st == FLECK_OK)
        st = fk_error_set(err, FLECK_E_OPTION, "there is no backbone \"%s\": fleck has %s%s", name,
                          names.data, fk_arch_meant(meant, name));
    fk_text_free(&names);
    return st;
}

fleck_status fleck_weights_add(const char *home, const char *name, const char *file, bool *complete,
                               fleck_error *err)
{
    const fk_arch *arch;
    bool whole = false;
    fleck_status st;

    if (complete != NULL)
        *complete = false;
    FK_NEED(home);
    FK_NEED(name);
    FK_NEED(file);
    st = find_arch(&arch, name, err);
    if (st == FLECK_OK)
        st = fk_weights_add(home, arch->name, file, &whole, err);
    if (complete != NULL)
        *complete = whole;
    return st;
}

typedef struct relay {
    fleck_progress *progress;
    void *ctx;
} relay;

static bool on_bytes(void *ctx, int64_t done, int64_t total)
{
    relay *r = ctx;

    return r->progress == NULL || r->progress(r->ctx, "fetch", done, total);
}

fleck_status fleck_weights_fetch(const char *home, const char *name, const char *mirror,
                                 fleck_progress *progress, void *ctx, fleck_error *err)
{
    const fk_arch *arch;
    relay r = {progress, ctx};
    fleck_status st;

    FK_NEED(home);
    FK_NEED(name);
    st = find_arch(&arch, name, err);
    if (st != FLECK_OK)
        return st;
    return fk_weights_fetch(home, arch, mirror, on_bytes, &r, err);
}

static fleck_status find_weights(fleck_weights_info *out, const char *home, const char *name,
                                 fleck_error *err)
{
    const fk_arch *arch;
    fk_st_reader *reader = NULL;
    struct stat info;
    char *path = NULL;
    const char *text;
    fleck_status st;

    FK_DO(find_arch(&arch, name, err));
    FK_DO(fk_weights_path(&path, home, name, err));
    snprintf(out->path, sizeof out->path, "%s", path);
    if (stat(path, &info) != 0)
        goto done;
    FK_DO(fk_weights_open(&reader, home, arch, fk_pool_processors(), err));
    out->installed = true;
    out->bytes = (int64_t)info.st_size;
    text = fk_st_metadata(reader, FK_WEIGHTS_KEY_SOURCE);
    snprintf(out->source, sizeof out->source, "%s", text != NULL ? text : "");
    text = fk_st_metadata(reader, FK_WEIGHTS_KEY_SHA256);
    snprintf(out->sha256, sizeof out->sha256, "%s", text != NULL ? text : "");
    text = fk_st_metadata(reader, FK_WEIGHTS_KEY_LICENCE);
    if (text == NULL) /* imported by an older version */
        text = arch->licence;
    snprintf(out->licence, sizeof out->licence, "%s", text != NULL ? text : "");
    text = fk_st_metadata(reader, FK_WEIGHTS_KEY_COMPLETE);
    out->complete = text != NULL && strcmp(text, "yes") == 0;
done:
    fk_st_close(&reader);
    fk_free(path);
    return st;
}

fleck_status fleck_weights_find(fleck_weights_info **out, const char *home, const char *name,
                                fleck_error *err)
{
    fleck_status st;

    FK_NEED(out);
    *out = NULL;
    FK_NEED(home);
    FK_NEED(name);
    FK_DO(FK_CALLOC(out, 1, err));
    st = find_weights(*out, home, name, err);
    if (st != FLECK_OK) {
        fk_free(*out);
        *out = NULL;
    }
done:
    return st;
}
