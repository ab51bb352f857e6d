/* Before a fit: every image that cannot be read is found at once, and named or left out. */
#include "base/mem.h"
#include "base/pool.h"
#include "pipeline/fit.h"

#include <string.h>

typedef struct checking {
    const char *const *files;
    bool whole;
    fleck_error *errors; /* [n] */
} checking;

static fleck_status check_one(void *ctx, int64_t i, int worker, fleck_error *err)
{
    const checking *c = ctx;

    (void)worker;
    (void)err; /* a bad file is its own result */
    (void)!fk_image_check(c->files[i], c->whole, &c->errors[i]);
    return FLECK_OK;
}

/* Say which of the n files are bad, and what is wrong with all: the error of a fit. */
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

/* Close the gaps that the bad ones leave. */
static void leave_out(const checking *c, const char **files, const char **masks, int64_t *n,
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
        kept++;
    }
    *n = kept;
}

fleck_status fk_fit_check_files(const char **files, const char **masks, int64_t *n, bool whole,
                                const fleck_fit_settings *s, fleck_error *err)
{
    checking c = {.files = files, .whole = whole};
    fk_warn warn = {s->warning, s->warning_ctx};
    fk_watch watch = {.call = s->progress, .ctx = s->progress_ctx};
    fk_pool *pool = NULL;
    int64_t bad = 0;
    fleck_status st;

    FK_DO(fk_pool_open(&pool, s->threads > 0 ? s->threads : fk_pool_processors(), err));
    (void)fk_pool_set_watch(pool, &watch);
    FK_DO(FK_CALLOC(&c.errors, *n, err));
    FK_DO(fk_pool_run_stage(pool, "check images", *n, check_one, &c, err));
    for (int64_t i = 0; i < *n; i++) {
        if (c.errors[i].status == FLECK_E_NOMEM)
            FK_FAIL(err, FLECK_E_NOMEM, "%s", c.errors[i].message);
        bad += c.errors[i].status != FLECK_OK;
    }
    if (bad > 0 && !s->skip_bad)
        FK_DO(refuse(&c, *n, bad, warn, err));
    if (bad > 0 && bad == *n)
        FK_FAIL(err, FLECK_E_FORMAT, "none of the %lld images can be read, the first: %s",
                (long long)*n, c.errors[0].message);
    if (bad > 0)
        leave_out(&c, files, masks, n, warn);
done:
    fk_pool_close(&pool);
    fk_free(c.errors);
    return st;
}
