/* SPDX-License-Identifier: Apache-2.0 */
/* The table of a fit's settings: defaults, setting by name, and checks. */
#include "fit/settings.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/number.h"
#include "base/str.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(f) offsetof(fleck_settings, f), sizeof((fleck_settings *)0)->f
#define PAIR(f) offsetof(fleck_settings, f), 2 * sizeof((fleck_settings *)0)->f
#define ALL (FK_IN_BENCH | FK_IN_RUN)
#define MOST_SIDE 16384

/* clang-format off */
const fk_setting fk_settings[] = {
    {{"method", FK_OPTION_TEXT, "patchcore",
      .help = "padim, spade, subspace, patchcore, mhpatchcore or posbank"},
     FIELD(method), "NAME", "", .where = 0, .letter = 'm', .filled = true},
    {{"backbone", FK_OPTION_TEXT, "efficientnet_lite0",
      .help = "built-in network, several whose taps are joined, A+B, or FILE.onnx"},
     FIELD(backbone), "NAME", "", .where = 0, .letter = 'b', .filled = true},
    {{"threads", FK_OPTION_INT, "0", 0, 4096, .help = "threads; 0: one for each processor"},
     FIELD(threads), "N", "", .where = FK_IN_BENCH, .letter = 't'},

    {{"pixels", FK_OPTION_INT, "65536", 32 * 32, MOST_SIDE * MOST_SIDE, "0",
      .help = "resize images to about this many pixels, in their own shape"},
     FIELD(pixels), "N", "size and shape", .where = ALL, .instead = "size,long-side"},
    {{"size", FK_OPTION_SIZE, NULL, 32, MOST_SIDE, .help = "instead of --pixels: resize to this"},
     PAIR(width), "WxH", "size and shape", .where = ALL},
    {{"crop", FK_OPTION_SIZE, NULL, 32, MOST_SIDE, "none",
      .help = "with --size: then crop the centre to this (default none)"},
     PAIR(crop_width), "WxH|none", "size and shape", .where = ALL},
    {{"long-side", FK_OPTION_INT, NULL, 32, MOST_SIDE, "0",
      .help = "instead of --size: length of the longer side; images keep their shape"},
     FIELD(long_side), "N", "size and shape", .where = ALL, .instead = "size,crop"},
    {{"tiles", FK_OPTION_INT, NULL, 32, MOST_SIDE, "0",
      .help = "cut images, at their own size unless resized, into tiles of NxN pixels"},
     FIELD(tile), "N", "size and shape", .where = ALL},
    {{"overlap", FK_OPTION_REAL, "0.25", 0, 0.75, .help = "least overlap of neighbouring tiles"},
     FIELD(overlap), "SHARE", "size and shape", .where = ALL, .with = "tiles"},
    {{"resize", FK_OPTION_CHOICE, NULL, 0, 0, "nearest|bilinear|bicubic|lanczos|area",
      .help = "resize filter (default: the method's)"},
     FIELD(resize), NULL, "size and shape", .where = ALL},

    {{"good", FK_OPTION_TEXT, NULL,
      .help = "folder of the good images (default: good, ok, normal, pass, ...)"},
     FIELD(good), "NAME", "images", .where = FK_IN_BENCH},
    {{"recursive", FK_OPTION_FLAG, NULL,
      .help = "search the sub-folders of the images' folders too"},
     FIELD(recursive), NULL, "images", .where = FK_IN_BENCH},
    {{"skip-bad", FK_OPTION_FLAG, NULL,
      .help = "skip good images that cannot be read, and name them"},
     FIELD(skip_bad), NULL, "images", .where = FK_IN_BENCH},
    {{"ignore", FK_OPTION_TEXT, NULL,
      .help = "area to ignore in fit, scores and figures: x,y,w,h or a polygon \"x,y x,y x,y "
              "...\" in pixels of the photos, or a mask file's white; may be repeated"},
     FIELD(ignore), "AREA", "images", .where = 0, .list = true},
    {{"only", FK_OPTION_TEXT, NULL, .help = "ignore all outside such areas; may be repeated"},
     FIELD(only), "AREA", "images", .where = 0, .list = true},
    {{"fit-mask", FK_OPTION_TEXT, NULL,
      .help = "mask file whose white is ignored in fit, scores and figures"},
     FIELD(mask), "FILE", "images", .where = ALL},
    {{"foreground", FK_OPTION_CHOICE, "none", 0, 0, "none|auto",
      .help = "auto: leave out what the part does not fill in each photo, if the good ones show "
              "that clearly"},
     FIELD(foreground), NULL, "images", .where = ALL},
    {{"rotate", FK_OPTION_INT, "1", 1, 360,
      .help = "learn each good photo at so many angles, spread over the full circle: for parts "
              "that lie at any angle"},
     FIELD(rotate), "N", "images", .where = ALL},
    {{"window", FK_OPTION_TEXT, "auto",
      .help = "16-bit samples that become 0 and 255; auto: by the range that the good "
              "images use"},
     FIELD(window), "auto|LO,HI", "images", .where = ALL},
    /* ImageNet's mean, which normalisation turns into 0. */
    {{"background", FK_OPTION_TEXT, "124,116,104", .help = "colour behind transparent pixels"},
     FIELD(background), "R,G,B", "images", .where = ALL},
    {{"max-pixels", FK_OPTION_INT, NULL, 1, 65535.0 * 65535.0,
      .help = "larger images are refused (default 268435456)"},
     FIELD(max_pixels), "N", "images", .where = FK_IN_BENCH},

    {{"weights", FK_OPTION_TEXT, NULL,
      .help = "weight file instead of the installed one (folded safetensors); F,G for two "
              "networks"},
     FIELD(weights), "FILE", "network", .where = FK_IN_RUN},
    {{"taps", FK_OPTION_TEXT, NULL,
      .help = "feature maps to use (default: the network's three); NETWORK/A for joined networks"},
     FIELD(taps), "A,B,C", "network", .where = FK_IN_RUN},
    {{"normalisation", FK_OPTION_CHOICE, "auto", 0, 0, "auto|own|imagenet",
      .help = "mean and scale of the network's input; auto: those of its training, but "
              "ImageNet's for EfficientNet-Lite"},
     FIELD(normalisation), NULL, "network", .where = ALL, .filled = true},
    {{"precision", FK_OPTION_CHOICE, "f32", 0, 0, "f32|bf16|f16|auto",
      .help = "precision of the network; stored in the model"},
     FIELD(precision), NULL, "network", .where = ALL, .filled = true},
    {{"engine", FK_OPTION_CHOICE, NULL, 0, 0, "native|openvino|reference",
      .help = "engine that runs the network (default: the fastest for it)"},
     FIELD(engine), NULL, "network", .where = ALL},

    {{"sigma", FK_OPTION_REAL, "4", 0, 1000, .help = "smoothing of the map in pixels, 0 for none"},
     FIELD(sigma), "S", "scores and memory", .where = ALL},
    {{"pool", FK_OPTION_TEXT, "method",
      .help = "image score: the method's own, the map's maximum, or the mean of its top P per "
              "cent of pixels"},
     FIELD(pool), "method|max|top:P", "scores and memory", .where = ALL},
    {{"calibrate", FK_OPTION_INT, "all", 0, (double)INT64_MAX, "all",
      .help = "number of good images held out for thresholds and colours"},
     FIELD(calibrate), "N|all", "scores and memory", .where = ALL},
    {{"false-alarms", FK_OPTION_SHARE, "3%",
      .help = "fraction of good parts that may be rejected, 0.02 or 2%"},
     FIELD(false_alarms), "R", "scores and memory", .where = ALL},
    {{"groups", FK_OPTION_CHOICE, "auto", 0, 0, "auto|folder|day|prefix|runs|none",
      .help = "how to find groups of photos taken together"},
     FIELD(groups), NULL, "scores and memory", .where = ALL},
    {{"max-memory", FK_OPTION_BYTES, NULL,
      .help = "limit of memory, as 600M or 2G; the model is the same"},
     FIELD(max_memory), "SIZE", "scores and memory", .where = FK_IN_BENCH},

    {{.name = "home", .kind = FK_OPTION_TEXT}, FIELD(home), .where = 0},
    {{.name = "shared-home", .kind = FK_OPTION_TEXT}, FIELD(shared_home), .where = 0},
    {{.name = "scratch", .kind = FK_OPTION_TEXT}, FIELD(scratch), .where = 0},
    {{.name = "output", .kind = FK_OPTION_TEXT}, FIELD(output), .where = 0},
    {{.name = "options", .kind = FK_OPTION_TEXT}, FIELD(options), .list = true},
    {{.name = "masks", .kind = FK_OPTION_TEXT}, FIELD(masks), .list = true, .gaps = true},
    {.where = 0}};
/* clang-format on */
#define ROWS (sizeof fk_settings / sizeof fk_settings[0] - 1)
static_assert(ROWS <= 64, "fleck_settings has a bit and a place for each row");

const fk_setting *fk_setting_find(const char *name)
{
    for (const fk_setting *row = fk_settings; row->option.name != NULL; row++)
        if (strcmp(row->option.name, name) == 0)
            return row;
    return NULL;
}

/* Set a member of s from a legal text, which is canonical unless it is TEXT or CHOICE.  A word sets
 * an INT to its largest value, and a SIZE to 0. */
static void put(fleck_settings *s, const fk_setting *row, const char *text)
{
    void *member = (char *)s + row->offset;
    int64_t whole[2] = {INT64_MAX, 0};
    const char *times;
    bool number = true;

    switch (row->option.kind) {
    case FK_OPTION_INT:
    case FK_OPTION_BYTES:
        number = fk_integer_parse(text, whole);
        if (row->size == sizeof(int))
            *(int *)member = (int)*whole;
        else
            *(int64_t *)member = *whole;
        break;
    case FK_OPTION_SIZE:
        times = strchr(text, 'x');
        whole[0] = times != NULL ? strtoll(text, NULL, 10) : 0;
        whole[1] = times != NULL ? strtoll(times + 1, NULL, 10) : 0;
        memcpy(member, whole, sizeof whole);
        break;
    case FK_OPTION_REAL:
    case FK_OPTION_SHARE:
        number = fk_number_parse(text, member);
        assert(number);
        break;
    case FK_OPTION_FLAG:
        *(bool *)member = text[0] == 't';
        break;
    default:
        *(const char **)member = text;
        break;
    }
    (void)number;
}

/* The text of a member of s, which may be in buffer; NULL: it has none. */
static const char *get(const fleck_settings *s, const fk_setting *row,
                       char buffer[FK_OPTION_BUFFER])
{
    const void *member = (const char *)s + row->offset;
    const int64_t *whole = member;

    switch (row->option.kind) {
    case FK_OPTION_INT:
    case FK_OPTION_BYTES:
        if (row->size == sizeof(int64_t) && *whole == INT64_MAX && row->option.choices != NULL)
            return row->option.choices;
        fk_format(buffer, FK_OPTION_BUFFER, "%lld",
                  row->size == sizeof(int) ? *(const int *)member : (long long)*whole);
        break;
    case FK_OPTION_SIZE:
        fk_format(buffer, FK_OPTION_BUFFER, "%lldx%lld", (long long)whole[0], (long long)whole[1]);
        break;
    case FK_OPTION_REAL:
    case FK_OPTION_SHARE:
        fk_number_text(buffer, *(const double *)member);
        break;
    case FK_OPTION_FLAG:
        return *(const bool *)member ? "true" : "false";
    default:
        return *(const char *const *)member;
    }
    return buffer;
}

static fleck_status set(fleck_settings *s, const fk_setting *row, const char *text,
                        fleck_error *err)
{
    char buffer[FK_OPTION_BUFFER];
    const char *canonical;
    fleck_status st = fk_option_check(&row->option, text, buffer, &canonical, err);

    if (st == FLECK_OK)
        put(s, row, canonical);
    return st;
}

fleck_settings fk_fit_defaults(void)
{
    fleck_settings s = {0};

    for (const fk_setting *row = fk_settings; row->option.name != NULL; row++)
        if (row->option.initial != NULL) {
            fleck_status st = set(&s, row, row->option.initial, NULL);

            assert(st == FLECK_OK); /* a table's own defaults must be legal */
            (void)st;
        }
    return s;
}

static uint64_t bit_of(const fk_setting *row)
{
    return UINT64_C(1) << (row - fk_settings);
}

bool fk_fit_given(const fleck_settings *s, const char *name)
{
    const fk_setting *row = fk_setting_find(name);

    assert(row != NULL);
    return (s->given & bit_of(row)) != 0;
}

/* The row called name, of a list or not. */
static fleck_status find(const fk_setting **out, const char *name, bool list, fleck_error *err)
{
    fk_nearest near = {.word = name};
    char meant[FK_MEANT];

    *out = fk_setting_find(name);
    for (const fk_setting *r = fk_settings; *out == NULL && r->option.name != NULL; r++)
        fk_nearest_offer(&near, r->option.name);
    if (*out == NULL)
        return fk_error_set(err, FLECK_E_OPTION, "a fit has no setting \"%s\"%s", name,
                            fk_nearest_text(&near, "", meant));
    if ((*out)->list != list)
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "--%s is %s list", name, list ? "no" : "a");
    return FLECK_OK;
}

fleck_status fk_fit_set(fleck_settings *s, const char *name, const char *text, fleck_error *err)
{
    const fk_setting *row;
    fleck_status st;

    FK_DO(find(&row, name, false, err));
    FK_DO(set(s, row, text, err));
    s->given |= bit_of(row);
done:
    return st;
}

/* The row's member points into block from now on. */
static void own(fleck_settings *s, const fk_setting *row, void *block)
{
    fk_free(s->owned[row - fk_settings]);
    s->owned[row - fk_settings] = block;
}

fleck_status fk_fit_set_copy(fleck_settings *s, const char *name, const char *text,
                             fleck_error *err)
{
    char *copy = NULL;
    fleck_status st;

    FK_DO(fk_strdup(&copy, text, err));
    FK_DO(fk_fit_set(s, name, copy, err));
    own(s, fk_setting_find(name), copy);
    return FLECK_OK;
done:
    fk_free(copy);
    return st;
}

fleck_status fk_fit_set_list(fleck_settings *s, const char *name, const char *const *texts,
                             int64_t n, fleck_error *err)
{
    const fk_setting *row;
    int64_t bytes = 0;
    const char **list = NULL;
    char *to;
    fleck_status st;

    FK_DO(find(&row, name, true, err));
    for (int64_t i = 0; i < n; i++) {
        if (texts[i] == NULL && !row->gaps)
            FK_FAIL(err, FLECK_E_OPTION, "--%s: text %lld must not be NULL", name, (long long)i);
        bytes += texts[i] != NULL ? (int64_t)strlen(texts[i]) + 1 : 0;
    }
    FK_DO(fk_calloc((void **)&list, (n + 1) * (int64_t)sizeof *list + bytes, 1, err));
    to = (char *)(list + n + 1);
    for (int64_t i = 0; i < n; i++) {
        size_t size = texts[i] != NULL ? strlen(texts[i]) + 1 : 0;

        list[i] = size > 0 ? memcpy(to, texts[i], size) : NULL;
        to += size;
    }
    *(const char *const **)((char *)s + row->offset) = n > 0 ? list : NULL;
    if (row->gaps)
        s->n_masks = n;
    own(s, row, list);
done:
    return st;
}

fleck_status fk_fit_get(const fleck_settings *s, const char *name, char **out, fleck_error *err)
{
    char buffer[FK_OPTION_BUFFER], legal[FK_OPTION_BUFFER];
    const char *text, *canonical, *word;
    const fk_setting *row;
    fleck_status st;

    *out = NULL;
    FK_DO(find(&row, name, false, err));
    text = get(s, row, buffer);
    word = row->option.kind == FK_OPTION_CHOICE ? NULL : row->option.choices;
    if (text == NULL || fk_option_check(&row->option, text, legal, &canonical, NULL) != FLECK_OK)
        text = word; /* numbers that stand for none */
    if (text != NULL)
        st = fk_strdup(out, text, err);
done:
    return st;
}

void fk_fit_settings_free(fleck_settings *s)
{
    for (size_t i = 0; i < ROWS; i++)
        fk_free(s->owned[i]);
    *s = (fleck_settings){0};
}

fleck_status fk_fit_check_given(const fleck_settings *s, fleck_error *err)
{
    const fleck_settings none = {0};

    for (const fk_setting *row = fk_settings; row->option.name != NULL; row++) {
        const char *name = row->option.name, *other = row->instead;
        const fk_setting *with = row->with != NULL ? fk_setting_find(row->with) : NULL;
        char first[32];

        if ((s->given & bit_of(row)) == 0)
            continue;
        if (other != NULL) {
            fk_format(first, sizeof first, "%.*s", (int)strcspn(other, ","), other);
            other += strlen(first) + 1;
            if (fk_fit_given(s, first) || fk_fit_given(s, other))
                return fk_error_set(err, FLECK_E_OPTION, "--%s takes the place of --%s and --%s",
                                    name, first, other);
        }
        if (with != NULL && memcmp((const char *)s + with->offset,
                                   (const char *)&none + with->offset, with->size) == 0)
            return fk_error_set(err, FLECK_E_OPTION, "--%s belongs to --%s", name, row->with);
    }
    return FLECK_OK;
}

fleck_status fk_fit_check(const fleck_settings *s, fleck_error *err)
{
    const fleck_settings none = {0};
    fleck_status st;

    for (const fk_setting *row = fk_settings; row->option.name != NULL; row++) {
        char text[FK_OPTION_BUFFER], buffer[FK_OPTION_BUFFER];
        const char *value = get(s, row, text), *canonical;
        bool zero = memcmp((const char *)s + row->offset, (const char *)&none + row->offset,
                           row->size) == 0;

        if (value == NULL && row->filled)
            FK_FAIL(err, FLECK_E_OPTION,
                    "--%s: expected a text, got none (settings begin with their defaults)",
                    row->option.name);
        if (row->list || (zero && row->option.kind != FK_OPTION_SHARE)) /* no tiles, no limit .. */
            continue;
        FK_DO(fk_option_check(&row->option, value, buffer, &canonical, err));
    }
    st = fk_fit_check_given(s, err);
done:
    return st;
}
