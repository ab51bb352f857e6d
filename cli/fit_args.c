/* SPDX-License-Identifier: Apache-2.0 */
/* Options that `fleck fit` and `fleck bench` share. */
#include "cli.h"

#include <stdlib.h>

area_lists args_areas(const args *a)
{
    return (area_lists){args_list(a, "ignore"), args_list(a, "only")};
}

void area_lists_free(area_lists *l)
{
    free(l->ignore);
    free(l->only);
    *l = (area_lists){0};
}

void print_outside(const char *before, const fleck_model_info *info)
{
    if (info->outside > 0.0)
        printf("%sthe outer %.3g %% of the photo is never examined (--crop)\n", before,
               100.0 * info->outside);
}

/* Set the one called name; text NULL: nothing to set. */
static bool set(fleck_settings *s, const char *name, const char *text)
{
    fleck_error err = {0};

    return text == NULL || fleck_settings_set(s, name, text, &err) == FLECK_OK ||
           failed(&err) == EXIT_DONE;
}

static bool set_list(fleck_settings *s, const char *name, const char *const *texts)
{
    fleck_error err = {0};
    int64_t n = 0;

    while (texts != NULL && texts[n] != NULL)
        n++;
    return fleck_settings_set_list(s, name, texts, n, &err) == FLECK_OK ||
           failed(&err) == EXIT_DONE;
}

fleck_settings *args_fit(const args *a)
{
    fleck_settings *s = NULL;
    const fleck_setting *o;
    bool ok;

    if (fleck_settings_create(&s, NULL) != FLECK_OK)
        (void)need(NULL);
    ok = set(s, "home", home_folder()) && set(s, "shared-home", shared_home_folder());
    for (int i = 0; ok && (o = fleck_setting_at(i)) != NULL; i++) {
        if (a->cmd->settings == 'b' && !o->bench)
            continue;
        if (o->list) {
            const char **texts = args_list(a, o->name);

            ok = set_list(s, o->name, texts);
            free(texts);
        } else {
            const char *text = args_get(a, o->name);

            ok = set(s, o->name, text != NULL && o->value == NULL ? "true" : text);
        }
    }
    if (ok && a->cmd->settings == 'f')
        ok = set(s, "scratch", scratch_folder(args_get(a, "output"))) &&
             set(s, "output", args_get(a, "output")) && set_list(s, "options", a->pairs);
    if (!ok)
        fleck_settings_free(&s);
    return s;
}
