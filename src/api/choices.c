/* SPDX-License-Identifier: Apache-2.0 */
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

#include <pthread.h>
#include <string.h>

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

/* The tables of the rooms below as fleck.h shows them, filled once. */
#define MOST 64
static struct {
    pthread_once_t once;
    fleck_method_info methods[MOST];
    fleck_option options[MOST][MOST]; /* by method; a row without a name ends each */
    fleck_backbone_info backbones[MOST];
    char sums[MOST][FK_SHA256_TEXT]; /* of the backbones' files, "" where unknown */
    fleck_setting settings[MOST];    /* likewise */
} tables = {.once = PTHREAD_ONCE_INIT};

static void fill_options(fleck_option *out, const fk_option *o)
{
    for (int n = 0; n < MOST - 1 && o->name != NULL; n++, o++)
        out[n] = (fleck_option){.name = o->name,
                                .kind = public_kind(o->kind),
                                .initial = o->initial,
                                .min = o->min,
                                .max = o->max,
                                .choices = o->choices,
                                .after_fit = o->after_fit,
                                .help = o->help};
}

static void fill_settings(fleck_setting *out)
{
    const fk_setting *row = fk_settings;

    for (int n = 0; n < MOST - 1 && row->option.name != NULL; row++) {
        const fk_option *o = &row->option;

        if (row->group != NULL)
            out[n++] = (fleck_setting){.name = o->name,
                                       .letter = row->letter,
                                       .value = row->value != NULL ? row->value : o->choices,
                                       .initial = o->initial,
                                       .group = row->group,
                                       .help = o->help,
                                       .list = row->list,
                                       .bench = (row->where & FK_IN_BENCH) != 0,
                                       .run = (row->where & FK_IN_RUN) != 0};
    }
}

static void fill_tables(void)
{
    for (int i = 0; i < MOST && i < fk_method_count(); i++) {
        const fk_method *m = fk_method_at(i);

        tables.methods[i] = (fleck_method_info){m->name, m->title, m->reference, m->resize};
        fill_options(tables.options[i], m->options);
    }
    for (int i = 0; i < MOST && i < fk_arch_count(); i++) {
        const fk_arch *a = fk_arch_at(i);

        fk_weights_sum(a, tables.sums[i]);
        tables.backbones[i] =
            (fleck_backbone_info){a->name,
                                  a->title,
                                  a->source,
                                  a->file,
                                  fk_weights_fetchable(a),
                                  a->licence != NULL ? a->licence : "unknown",
                                  tables.sums[i][0] != '\0' ? tables.sums[i] : NULL};
    }
    fill_settings(tables.settings);
}

const fleck_method_info *fleck_method_at(int i)
{
    pthread_once(&tables.once, fill_tables);
    return i >= 0 && i < fk_method_count() && i < MOST ? &tables.methods[i] : NULL;
}

const fleck_option *fleck_method_option(const char *name, int j)
{
    const fleck_method_info *m;

    for (int i = 0; name != NULL && j >= 0 && j < MOST && (m = fleck_method_at(i)) != NULL; i++)
        if (strcmp(m->name, name) == 0)
            return tables.options[i][j].name != NULL ? &tables.options[i][j] : NULL;
    return NULL;
}

int fleck_backbone_count(void)
{
    return fk_arch_count();
}

const fleck_backbone_info *fleck_backbone_at(int i)
{
    pthread_once(&tables.once, fill_tables);
    return i >= 0 && i < fk_arch_count() && i < MOST ? &tables.backbones[i] : NULL;
}

const fleck_setting *fleck_setting_at(int i)
{
    pthread_once(&tables.once, fill_tables);
    return i >= 0 && i < MOST && tables.settings[i].name != NULL ? &tables.settings[i] : NULL;
}

void fleck_run_defaults(fleck_run_settings *settings, size_t size)
{
    fk_hand_defaults(settings, size, &(fleck_run_settings){0}, sizeof *settings);
}

void fleck_eval_defaults(fleck_eval_settings *settings, size_t size)
{
    fleck_eval_settings s = fk_evaluate_defaults();

    fk_hand_defaults(settings, size, &s, sizeof s);
}

static const fleck_metrics_settings metrics_defaults = {.protocol = FLECK_PROTOCOL_ORIGINAL,
                                                        .width = 256,
                                                        .height = 256,
                                                        .crop_width = 224,
                                                        .crop_height = 224,
                                                        .pro_limit = 0.3};
static const fleck_synth_settings synth_defaults = {
    .width = 256, .height = 256, .train = 60, .good = 20, .defective = 10, .seed = 1};

void fleck_metrics_defaults(fleck_metrics_settings *settings, size_t size)
{
    fk_hand_defaults(settings, size, &metrics_defaults, sizeof metrics_defaults);
}

void fleck_synth_defaults(fleck_synth_settings *settings, size_t size)
{
    fk_hand_defaults(settings, size, &synth_defaults, sizeof synth_defaults);
}

fleck_status fleck_synth(const char *folder, const fleck_synth_settings *settings, fleck_error *err)
{
    fleck_synth_settings s = synth_defaults;
    fk_synth_settings in;
    fk_watch watch;
    fleck_status st;

    FK_NEED(folder);
    FK_TAKE(&s, settings);
    watch = (fk_watch){.call = s.progress, .ctx = s.progress_ctx};
    in = (fk_synth_settings){s.width, s.height, s.train, s.good, s.defective, s.seed, &watch};
    st = fk_synth_write(folder, &in, err);
done:
    return st;
}

bool fleck_is_image_name(const char *path)
{
    return path != NULL && fk_image_has_extension(path);
}
