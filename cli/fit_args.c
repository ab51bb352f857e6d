/* The options of a fit that `fleck fit` and `fleck bench` have in common. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* --calibrate N|all, --false-alarms R, --groups KIND. */
static bool args_thresholds(const args *a, fleck_fit_settings *s)
{
    const char *calibrate = args_get(a, "calibrate");
    char *end;

    if (args_has(a, "groups"))
        s->groups = args_get(a, "groups");
    if (calibrate != NULL && strcmp(calibrate, "all") == 0) {
        s->calibrate = INT64_MAX;
    } else if (calibrate != NULL) {
        s->calibrate = strtoll(calibrate, &end, 10);
        if (end == calibrate || *end != '\0' || s->calibrate < 0)
            return usage_error("--calibrate: expected a number of photos or all, got \"%s\"",
                               calibrate) == EXIT_DONE;
    }
    return args_rate(a, "false-alarms", &s->false_alarms);
}

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
    int64_t threads = 0;
    fleck_error err = {0};
    fleck_setting o;

    for (int i = 0; fleck_fit_setting(i, &o); i++) {
        const char *text = args_get(a, o.name);

        if (text == NULL || o.list || (a->cmd->settings == 'b' && !o.bench))
            continue;
        if (fleck_fit_set(s, o.name, o.value == NULL ? "true" : text, &err) != FLECK_OK)
            return failed(&err) == EXIT_DONE;
    }
    if (args_has(a, "precision"))
        s->precision = args_get(a, "precision");
    if (args_has(a, "normalisation"))
        s->normalisation = args_get(a, "normalisation");
    s->recursive = args_has(a, "recursive");
    s->skip_bad = args_has(a, "skip-bad");
    s->window = args_get(a, "window");
    s->background = args_get(a, "background");
    s->home = home_folder();
    s->shared_home = shared_home_folder();
    s->resize = args_get(a, "resize");
    s->engine = args_get(a, "engine");
    s->pool = args_get(a, "pool");
    s->mask = args_get(a, "fit-mask");
    s->good = args_get(a, "good");
    if (args_has(a, "long-side") && (args_has(a, "size") || args_has(a, "crop"))) {
        usage_error("%s: --long-side takes the place of --size and --crop", a->cmd->name);
        return false;
    }
    if (args_has(a, "pixels") && (args_has(a, "size") || args_has(a, "long-side"))) {
        usage_error("%s: --pixels takes the place of --size and --long-side", a->cmd->name);
        return false;
    }
    if (!args_int(a, "long-side", 32, 16384, &s->long_side) ||
        !args_int(a, "pixels", 1024, 16384 * 16384, &s->pixels) ||
        !args_size(a, "size", false, &s->width, &s->height) ||
        !args_size(a, "crop", true, &s->crop_width, &s->crop_height) ||
        !args_real(a, "sigma", 0.0, 1000.0, &s->sigma) || !args_thresholds(a, s) ||
        !args_bytes(a, "max-memory", &s->max_memory) ||
        !args_int(a, "max-pixels", 1, INT64_C(65535) * 65535, &s->max_pixels) ||
        !args_int(a, "threads", 0, 4096, &threads))
        return false;
    s->threads = (int)threads;
    return true;
}
