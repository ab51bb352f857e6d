/* SPDX-License-Identifier: Apache-2.0 */
/* The store: one safetensors file for each architecture in home/weights. */
#include "base/file.h"
#include "base/mem.h"
#include "weights/weights.h"

#include <string.h>

fleck_status fk_weights_path(char **out, const char *home, const char *arch_name, fleck_error *err)
{
    char *folder = NULL, *file = NULL;
    fleck_status st;

    *out = NULL;
    FK_DO(fk_path_join(&folder, home, "weights", err));
    FK_DO(fk_asprintf(&file, err, "%s.safetensors", arch_name));
    FK_DO(fk_path_join(out, folder, file, err));
done:
    fk_free(folder);
    fk_free(file);
    return st;
}

fleck_status fk_weights_home(const char **out, const char *home, const char *shared,
                             const char *arch_name, fleck_error *err)
{
    char *own = NULL, *other = NULL;
    fleck_status st = FLECK_OK;

    *out = home != NULL ? home : shared;
    if (home == NULL || shared == NULL)
        return FLECK_OK;
    FK_DO(fk_weights_path(&own, home, arch_name, err));
    FK_DO(fk_weights_path(&other, shared, arch_name, err));
    if (!fk_path_is_file(own) && fk_path_is_file(other))
        *out = shared;
done:
    fk_free(own);
    fk_free(other);
    return st;
}

static fleck_status refuse_name(const char *arch_name, fleck_error *err)
{
    fk_text names = {0};
    fleck_status st;

    for (int i = 0; i < fk_arch_count(); i++)
        FK_DO(fk_text_printf(&names, err, "%s%s", i > 0 ? ", " : "", fk_arch_at(i)->name));
    st = fk_error_set(err, FLECK_E_OPTION, "there is no backbone %s; there are %s", arch_name,
                      names.data);
done:
    fk_text_free(&names);
    return st;
}

fleck_status fk_weights_add(const char *home, const char *arch_name, const char *path,
                            bool *complete, fk_watch *watch, fleck_error *err)
{
    const fk_arch *arch = fk_arch_find(arch_name);
    char *folder = NULL, *file = NULL;
    fleck_status st;

    if (complete != NULL)
        *complete = false;
    if (arch == NULL)
        return refuse_name(arch_name, err);
    FK_DO(fk_weights_path(&file, home, arch_name, err));
    if (fk_path_same(path, file))
        FK_FAIL(err, FLECK_E_STATE, "%s is not written: it is %s itself", file, path);
    FK_DO(fk_path_join(&folder, home, "weights", err));
    FK_DO(fk_folder_make(folder, err));
    FK_DO(fk_weights_import_with(arch, path, file, complete, watch, err));
done:
    fk_free(folder);
    fk_free(file);
    return st;
}

/* Say how to install what is missing. */
static fleck_status refuse_missing(const fk_arch *arch, const char *file, fleck_error *err)
{
    if (arch->url != NULL && arch->file != NULL)
        return fk_error_set(
            err, FLECK_E_NOTFOUND,
            "the weights of %s are not installed: there is no %s.  They are %s, file %s; get "
            "them with: fleck weights fetch %s, or with: fleck weights add %s FILE",
            arch->name, file, arch->source, arch->file, arch->name, arch->name);
    return fk_error_set(
        err, FLECK_E_NOTFOUND,
        "the weights of %s are not installed: there is no %s.  They are %s, file %s; install "
        "them with: fleck weights add %s FILE",
        arch->name, file, arch->source, arch->file != NULL ? arch->file : "unknown", arch->name);
}

static fleck_status check_stored(const fk_st_reader *r, const fk_arch *arch, fleck_error *err)
{
    const char *version = fk_st_metadata(r, FK_WEIGHTS_KEY_VERSION);
    const char *name = fk_st_metadata(r, FK_WEIGHTS_KEY_ARCH);

    if (version == NULL || name == NULL)
        return fk_error_set(
            err, FLECK_E_FORMAT,
            "%s: not written by `fleck weights`; install it with: fleck weights add "
            "%s FILE",
            fk_st_name(r), arch->name);
    if (strcmp(version, FK_WEIGHTS_VERSION) != 0)
        return fk_error_set(err, FLECK_E_UNSUPPORTED,
                            "%s: weights of version %s, expected %s; add or fetch them again",
                            fk_st_name(r), version, FK_WEIGHTS_VERSION);
    if (strcmp(name, arch->name) != 0)
        return fk_error_set(err, FLECK_E_FORMAT, "%s: weights of %s, expected those of %s",
                            fk_st_name(r), name, arch->name);
    return FLECK_OK;
}

fleck_status fk_weights_open(fk_st_reader **out, const char *home, const fk_arch *arch, int threads,
                             fleck_error *err)
{
    char *file = NULL;
    fleck_status st;

    *out = NULL;
    FK_DO(fk_weights_path(&file, home, arch->name, err));
    st = fk_st_open_with(out, file, threads, NULL, err);
    if (st == FLECK_E_NOTFOUND)
        st = refuse_missing(arch, file, err);
    FK_DO(st);
    FK_DO(check_stored(*out, arch, err));
done:
    if (st != FLECK_OK)
        fk_st_close(out);
    fk_free(file);
    return st;
}
