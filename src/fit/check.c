/* SPDX-License-Identifier: Apache-2.0 */
/* Before a fit: find all images that cannot be read, and name them or leave them out. */
#include "base/mem.h"
#include "base/number.h"
#include "base/pool.h"
#include "fit/fit.h"
#include "fit/networks.h"

#include <string.h>

typedef struct checking {
    const char *const *files;
    fk_image_settings settings;
    bool whole, window;  /* decode all files; decode 16-bit files to count their bits */
    fleck_error *errors; /* [n] */
    int *bits;           /* [n] bits in use of 16-bit samples; 0: the file has none */
    fk_digest *contents; /* [n], or NULL */
} checking;

static fleck_status check_one(void *ctx, int64_t i, int worker, fleck_error *err)
{
    const checking *c = ctx;
    fk_image_notes notes = {0};
    fk_image image = {0};
    fleck_status st;

    (void)worker;
    (void)err; /* errors are recorded for each file */
    st = fk_image_check(c->files[i], &c->settings, &notes,
                        c->contents != NULL ? &c->contents[i] : NULL, &c->errors[i]);
    if (st == FLECK_OK && (c->whole || (c->window && notes.wide)))
        st = fk_image_load_with(&image, c->files[i], FK_IMAGE_GREY, &c->settings, &notes,
                                &c->errors[i]);
    if (st == FLECK_OK && notes.wide)
        c->bits[i] = notes.bits;
    fk_image_free(&image);
    return FLECK_OK;
}

fleck_status fk_fit_window(fk_wide_window *out, const char *text, fk_wide_window found,
                           fleck_error *err)
{
    const char *comma = text != NULL ? strchr(text, ',') : NULL;
    char low[16];
    int64_t a, b;

    *out = found;
    if (text == NULL || strcmp(text, "auto") == 0)
        return FLECK_OK;
    if (comma != NULL && comma - text < (ptrdiff_t)sizeof low) {
        fk_format(low, sizeof low, "%.*s", (int)(comma - text), text);
        if (fk_integer_parse(low, &a) && fk_integer_parse(comma + 1, &b) && a >= 0 && a < b &&
            b <= FK_IMAGE_WIDEST) {
            *out = (fk_wide_window){(uint32_t)a, (uint32_t)b};
            return FLECK_OK;
        }
    }
    return fk_error_set(err, FLECK_E_OPTION,
                        "window: expected auto or LO,HI with 0 <= LO < HI <= %d, got \"%s\"",
                        FK_IMAGE_WIDEST, text);
}

/* Warn of the bad files if there are several, and fail with the first. */
static fleck_status refuse(const checking *c, int64_t n, int64_t bad, fk_warn warn,
                           fleck_error *err)
{
    const fleck_error *first = NULL;

    for (int64_t i = 0; i < n; i++) {
        if (c->errors[i].status == FLECK_OK)
            continue;
        first = first == NULL ? &c->errors[i] : first;
        if (bad > 1)
            fk_warn_say(warn, "%s", c->errors[i].message);
    }
    if (bad == 1)
        return fk_error_set(err, first->status, "%s (--skip-bad leaves it out)", first->message);
    return fk_error_set(err, first->status,
                        "%lld of %lld images cannot be read, the first: %s (--skip-bad leaves them "
                        "out)",
                        (long long)bad, (long long)n, first->message);
}

/* Remove the bad files from the arrays. */
static void remove_bad(const checking *c, const char **files, const char **masks, int64_t *n,
                       fk_warn warn)
{
    int64_t kept = 0;

    for (int64_t i = 0; i < *n; i++) {
        if (c->errors[i].status != FLECK_OK) {
            fk_warn_say(warn, "left out: %s", c->errors[i].message);
            continue;
        }
        files[kept] = files[i];
        if (masks != NULL)
            masks[kept] = masks[i];
        if (c->contents != NULL)
            c->contents[kept] = c->contents[i];
        kept++;
    }
    *n = kept;
}

/* The smallest of 8, 10, 12, 14 and 16 bits that holds the samples of all good images. */
static fk_wide_window window_of(const checking *c, int64_t n)
{
    int bits = 0;

    for (int64_t i = 0; i < n; i++)
        bits = c->bits[i] > bits ? c->bits[i] : bits;
    return bits == 0 || bits == 16 ? (fk_wide_window){0, 0}
                                   : (fk_wide_window){0, (UINT32_C(1) << bits) - 1};
}

fleck_status fk_fit_check_files(const char **files, const char **masks, fk_digest *contents,
                                int64_t *n, bool whole, const fleck_settings *s,
                                fk_wide_window *window, fleck_error *err)
{
    checking c = {.files = files,
                  .settings = {.max_pixels = s->max_pixels},
                  .whole = whole,
                  .contents = contents,
                  .window = s->window == NULL || strcmp(s->window, "auto") == 0};
    fk_warn warn = {s->warning, s->warning_ctx};
    fk_watch watch = {.call = s->progress, .ctx = s->progress_ctx};
    fk_pool *pool = NULL;
    int64_t bad = 0;
    fleck_status st;

    FK_DO(fk_fit_window(window, s->window, (fk_wide_window){0, 0}, err));
    FK_DO(fk_pool_open(&pool, s->threads > 0 ? s->threads : fk_pool_processors(), err));
    (void)fk_pool_set_watch(pool, &watch);
    FK_DO(FK_CALLOC(&c.errors, *n, err));
    FK_DO(FK_CALLOC(&c.bits, *n, err));
    FK_DO(fk_pool_run_stage(pool, "check images", *n, check_one, &c, err));
    for (int64_t i = 0; i < *n; i++) {
        if (c.errors[i].status == FLECK_E_NOMEM)
            FK_FAIL(err, FLECK_E_NOMEM, "%s", c.errors[i].message);
        bad += c.errors[i].status != FLECK_OK;
    }
    if (bad > 0 && !s->skip_bad)
        FK_DO(refuse(&c, *n, bad, warn, err));
    if (bad > 0 && bad == *n)
        FK_FAIL(err, FLECK_E_FORMAT, "no image of %lld can be read, the first: %s", (long long)*n,
                c.errors[0].message);
    if (c.window)
        *window = window_of(&c, *n);
    if (bad > 0)
        remove_bad(&c, files, masks, n, warn);
done:
    fk_pool_close(&pool);
    fk_free(c.errors);
    fk_free(c.bits);
    return st;
}

/* The same of the weights of network k of n, called `name`. */
static fleck_status apart_weights(const fk_outputs *o, const fleck_settings *s, const char *name,
                                  int k, int n, fleck_error *err)
{
    char *file = NULL, *stored = NULL;
    const char *home;
    fleck_status st;

    FK_DO(fk_networks_weights(&file, s, k, n, err));
    FK_DO(fk_outputs_apart(o, file, err));
    FK_DO(fk_weights_home(&home, s->home, s->shared_home, name, err));
    if (home != NULL && file == NULL) {
        FK_DO(fk_weights_path(&stored, home, name, err));
        FK_DO(fk_outputs_apart(o, stored, err));
    }
done:
    fk_free(file);
    fk_free(stored);
    return st;
}

fleck_status fk_fit_apart(const fk_outputs *o, const fleck_settings *s, fleck_error *err)
{
    const fk_arch *archs[FK_MODEL_NETS];
    int n = 0;
    fleck_status st;

    FK_DO(fk_outputs_apart(o, s->mask, err));
    for (int i = 0; s->ignore != NULL && s->ignore[i] != NULL; i++)
        FK_DO(fk_outputs_apart(o, s->ignore[i], err)); /* a file, where it is no shape */
    for (int i = 0; s->only != NULL && s->only[i] != NULL; i++)
        FK_DO(fk_outputs_apart(o, s->only[i], err));
    if (s->backbone == NULL)
        return fk_outputs_apart(o, s->weights, err);
    FK_DO(fk_outputs_apart(o, s->backbone, err)); /* a file, where it is no name */
    if (fk_model_archs(archs, &n, s->backbone, NULL) != FLECK_OK)
        return fk_outputs_apart(o, s->weights, err);
    for (int k = 0; k < n; k++)
        FK_DO(apart_weights(o, s, archs[k]->name, k, n, err));
done:
    return st;
}
