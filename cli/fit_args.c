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
        printf("%sthe outer %.3g %% of the photo are never looked at (--crop)\n", before,
               100.0 * info->outside);
}

bool args_fit(const args *a, fleck_fit_settings *s)
{
    fleck_error err = {0};
    fleck_setting o;

    s->home = home_folder();
    s->shared_home = shared_home_folder();
    for (int i = 0; fleck_fit_setting(i, &o); i++) {
        const char *text = args_get(a, o.name);

        if (text == NULL || o.list || (a->cmd->settings == 'b' && !o.bench))
            continue;
        if (fleck_fit_set(s, o.name, o.value == NULL ? "true" : text, &err) != FLECK_OK)
            return failed(&err) == EXIT_DONE;
    }
    return true;
}
