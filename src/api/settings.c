/* SPDX-License-Identifier: Apache-2.0 */
/* fleck.h: settings of a fit by name, and settings structs of other versions. */
#include "api/check.h"
#include "base/mem.h"
#include "fit/fit.h"

#include <string.h>

/* No settings struct is this large; a larger size means that no defaults were written. */
#define LARGEST 4096

void fk_hand_defaults(void *theirs, size_t their_size, const void *mine, size_t size)
{
    if (theirs == NULL || their_size < sizeof their_size)
        return;
    memset(theirs, 0, their_size);
    memcpy(theirs, mine, their_size < size ? their_size : size);
    memcpy(theirs, &their_size, sizeof their_size);
}

fleck_status fk_take(void *mine, size_t size, const void *theirs, const char *where,
                     fleck_error *err)
{
    const unsigned char *bytes = theirs;
    size_t given;

    if (theirs == NULL)
        return FLECK_OK;
    memcpy(&given, theirs, sizeof given);
    if (given < sizeof given || given > LARGEST)
        return fk_error_set(err, FLECK_E_OPTION,
                            "%s: settings must begin with their defaults, but their size is %zu",
                            where, given);
    for (size_t i = size; i < given; i++)
        if (bytes[i] != 0)
            return fk_error_set(err, FLECK_E_UNSUPPORTED,
                                "%s: the settings have a member that fleck %s does not know", where,
                                FLECK_VERSION);
    memcpy(mine, theirs, given < size ? given : size);
    return FLECK_OK;
}

fleck_status fleck_settings_create(fleck_settings **out, fleck_error *err)
{
    fleck_status st;

    FK_NEED(out);
    *out = NULL;
    FK_DO(FK_ALLOC(out, 1, err));
    **out = fk_fit_defaults();
done:
    return st;
}

void fleck_settings_free(fleck_settings **settings)
{
    if (settings == NULL || *settings == NULL)
        return;
    fk_fit_settings_free(*settings);
    fk_free(*settings);
    *settings = NULL;
}

fleck_status fleck_settings_set(fleck_settings *settings, const char *name, const char *text,
                                fleck_error *err)
{
    FK_NEED(settings);
    FK_NEED(name);
    FK_NEED(text);
    return fk_fit_set_copy(settings, name, text, err);
}

fleck_status fleck_settings_check(const fleck_settings *settings, fleck_error *err)
{
    fk_model m = {0};
    fleck_status st;

    FK_NEED(settings);
    FK_DO(fk_fit_check(settings, err));
    st = fk_fit_describe(&m, settings, err);
    fk_model_free(&m);
done:
    return st;
}

fleck_status fleck_settings_set_list(fleck_settings *settings, const char *name,
                                     const char *const *texts, int64_t n, fleck_error *err)
{
    FK_NEED(settings);
    FK_NEED(name);
    if (n < 0)
        return fk_error_set(err, FLECK_E_OPTION, "%s: expected a number of texts, got %lld",
                            __func__, (long long)n);
    if (n > 0)
        FK_NEED(texts);
    return fk_fit_set_list(settings, name, texts, n, err);
}

fleck_status fleck_settings_get(const fleck_settings *settings, const char *name, char **text,
                                fleck_error *err)
{
    FK_NEED(text);
    *text = NULL;
    FK_NEED(settings);
    FK_NEED(name);
    return fk_fit_get(settings, name, text, err);
}

void fleck_settings_set_progress(fleck_settings *settings, fleck_progress *progress, void *ctx)
{
    if (settings == NULL)
        return;
    settings->progress = progress;
    settings->progress_ctx = ctx;
}

void fleck_settings_set_warning(fleck_settings *settings, fleck_warning *warning, void *ctx)
{
    if (settings == NULL)
        return;
    settings->warning = warning;
    settings->warning_ctx = ctx;
}
