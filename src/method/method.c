/* SPDX-License-Identifier: Apache-2.0 */
/* The table of methods: a new one is one file and one line here. */
#include "method/methods.h"
#include "base/nearest.h"
#include "base/str.h"

#include <assert.h>
#include <string.h>

static const fk_method *const METHODS[] = {&fk_method_padim,       &fk_method_spade,
                                           &fk_method_subspace,    &fk_method_patchcore,
                                           &fk_method_mhpatchcore, &fk_method_posbank};

int fk_method_count(void)
{
    return (int)(sizeof METHODS / sizeof METHODS[0]);
}

const fk_method *fk_method_at(int i)
{
    assert(i >= 0 && i < fk_method_count());
    return METHODS[i];
}

const fk_method *fk_method_find(const char *name)
{
    for (int i = 0; name != NULL && i < fk_method_count(); i++)
        if (strcmp(METHODS[i]->name, name) == 0)
            return METHODS[i];
    return NULL;
}

fleck_status fk_method_named(const fk_method **out, const char *name, fleck_error *err)
{
    fk_nearest near = {.word = name};
    fk_text names = {0};
    char meant[FK_MEANT];
    fleck_status st = FLECK_OK;

    *out = fk_method_find(name);
    if (*out != NULL)
        return FLECK_OK;
    for (int i = 0; i < fk_method_count(); i++) {
        fk_nearest_offer(&near, METHODS[i]->name);
        FK_DO(fk_text_printf(&names, err, "%s%s", i > 0 ? ", " : "", METHODS[i]->name));
    }
    st = fk_error_set(err, FLECK_E_OPTION, "there is no method \"%s\": fleck has %s%s", name,
                      names.data, fk_nearest_text(&near, "", meant));
done:
    fk_text_free(&names);
    return st;
}

/* The method that has an option of this name, NULL: none. */
static const fk_method *owner_of(const char *option)
{
    for (int i = 0; i < fk_method_count(); i++)
        if (fk_option_find(METHODS[i]->options, option) >= 0)
            return METHODS[i];
    return NULL;
}

fleck_status fk_method_set(const fk_method *m, fk_options *o, const char *pair, bool opened,
                           fleck_error *err)
{
    char name[64];
    size_t n = strcspn(pair, "=");
    const fk_method *owner;

    if (n < sizeof name && pair[n] == '=') {
        memcpy(name, pair, n);
        name[n] = '\0';
        owner = owner_of(name);
        if (owner != NULL && fk_option_find(m->options, name) < 0)
            return fk_error_set(err, FLECK_E_OPTION,
                                "there is no option --%s here: it belongs to %s, the method is %s",
                                name, owner->name, m->name);
    }
    return fk_options_set_pair(o, pair, opened, err);
}
