/* fleck.h: versions, tables of what can be chosen, and defaults. */
#include "api/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "base/nearest.h"
#include "image/image.h"
#include "method/method.h"
#include "weights/weights.h"
#include "evaluate/evaluate.h"
#include "fit/settings.h"
#include "synth/synth.h"

const char *fleck_version(void)
{
    return FLECK_VERSION;
}

const char *fleck_status_name(fleck_status status)
{
    return fk_status_name(status);
}

char *fleck_utf8_name(const char *name)
{
    char *out = NULL;

    return name != NULL && fk_utf8_escape(&out, name, NULL) == FLECK_OK ? out : NULL;
}

void fleck_free(void *block)
{
    fk_free(block);
}

const char *fleck_nearest(const char *word, const char *const *names)
{
    fk_nearest near = {.word = word};

    if (word == NULL || names == NULL)
        return NULL;
    for (int i = 0; names[i] != NULL; i++)
        fk_nearest_offer(&near, names[i]);
    return near.best;
}

int fleck_method_count(void)
{
    return fk_method_count();
}

fleck_method_info fleck_method_at(int i)
{
    const fk_method *m;

    if (i < 0 || i >= fk_method_count())
        return (fleck_method_info){0};
    m = fk_method_at(i);
    return (fleck_method_info){m->name, m->title, m->reference, m->resize};
}

static fleck_option_kind public_kind(fk_option_kind kind)
{
    switch (kind) {
    case FK_OPTION_INT:
        return FLECK_OPTION_INT;
    case FK_OPTION_REAL:
        return FLECK_OPTION_REAL;
    case FK_OPTION_CHOICE:
        return FLECK_OPTION_CHOICE;
    default:
        return FLECK_OPTION_TEXT;
    }
}

bool fleck_method_option(const char *name, int j, fleck_option *out)
{
    const fk_method *m = name != NULL ? fk_method_find(name) : NULL;
    const fk_option *o;

    if (m == NULL || j < 0 || out == NULL)
        return false;
    for (int i = 0; i < j; i++)
        if (m->options[i].name == NULL)
            return false;
    o = &m->options[j];
    if (o->name == NULL)
        return false;
    *out = (fleck_option){.name = o->name,
                          .kind = public_kind(o->kind),
                          .initial = o->initial,
                          .min = o->min,
                          .max = o->max,
                          .choices = o->choices,
                          .after_fit = o->after_fit,
                          .help = o->help};
    return true;
}

int fleck_backbone_count(void)
{
    return fk_arch_count();
}

fleck_backbone_info fleck_backbone_at(int i)
{
    const fk_arch *a;

    if (i < 0 || i >= fk_arch_count())
        return (fleck_backbone_info){0};
    a = fk_arch_at(i);
    return (fleck_backbone_info){a->name, a->title, a->source, a->file, fk_weights_fetchable(a)};
}

fleck_fit_settings fleck_fit_defaults(void)
{
    return fk_fit_defaults();
}

bool fleck_fit_setting(int i, fleck_setting *out)
{
    const fk_setting *row = fk_settings;
    const fk_option *o = &row->option;

    if (i < 0 || out == NULL)
        return false;
    for (; o->name != NULL && i > 0; i--)
        o = &(++row)->option;
    if (o->name == NULL)
        return false;
    *out = (fleck_setting){.name = o->name,
                           .letter = row->letter,
                           .value = row->value != NULL ? row->value : o->choices,
                           .initial = o->initial,
                           .group = row->group,
                           .help = o->help,
                           .list = row->list,
                           .bench = (row->where & FK_IN_BENCH) != 0,
                           .run = (row->where & FK_IN_RUN) != 0};
    return true;
}

fleck_status fleck_fit_set(fleck_fit_settings *s, const char *name, const char *text,
                           fleck_error *err)
{
    FK_NEED(s);
    FK_NEED(name);
    FK_NEED(text);
    return fk_fit_set(s, name, text, err);
}

fleck_run_settings fleck_run_defaults(void)
{
    return (fleck_run_settings){0};
}

fleck_eval_settings fleck_eval_defaults(void)
{
    return fk_evaluate_defaults();
}

fleck_metrics_settings fleck_metrics_defaults(void)
{
    return (fleck_metrics_settings){.protocol = FLECK_PROTOCOL_ORIGINAL,
                                    .width = 256,
                                    .height = 256,
                                    .crop_width = 224,
                                    .crop_height = 224,
                                    .pro_limit = 0.3};
}

fleck_synth_settings fleck_synth_defaults(void)
{
    return (fleck_synth_settings){
        .width = 256, .height = 256, .train = 60, .good = 20, .defective = 10, .seed = 1};
}

fleck_status fleck_synth(const char *folder, const fleck_synth_settings *settings, fleck_error *err)
{
    fleck_synth_settings s = settings != NULL ? *settings : fleck_synth_defaults();
    fk_synth_settings in = {s.width, s.height, s.train, s.good, s.defective, s.seed};

    FK_NEED(folder);
    return fk_synth_write(folder, &in, err);
}

bool fleck_is_image_name(const char *path)
{
    return path != NULL && fk_image_has_extension(path);
}
