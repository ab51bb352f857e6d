/* SPDX-License-Identifier: Apache-2.0 */
/* A benchmark in words: names of runs, the best run, and the outcome. */
#include "base/mem.h"
#include "base/number.h"
#include "benchmark/report/report.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* ---- Names of runs ---- */

/* The options in a run's name, "k=10,taps=a,b" of "spade@x:k=10,taps=a,b". */
static const char *options_of(const char *name)
{
    const char *colon = strchr(name, ':');

    return colon != NULL ? colon + 1 : "";
}

/* The options after the first pair. */
static const char *next_pair(const char *options)
{
    size_t n = fk_bench_pair_length(options);

    return options + n + (options[n] == ',');
}

static bool has_pair(const char *options, const char *pair, size_t length)
{
    for (; *options != '\0'; options = next_pair(options))
        if (fk_bench_pair_length(options) == length && strncmp(options, pair, length) == 0)
            return true;
    return false;
}

/* Whether there are at least two runs and all have the pair. */
static bool is_common(const fk_bench_category *c, const char *pair, size_t length)
{
    for (int i = 0; i < c->n; i++)
        if (!has_pair(options_of(c->runs[i].name), pair, length))
            return false;
    return c->n > 1;
}

/* Add "NAME VALUE". */
static fleck_status add_pair(fk_text *out, const char *pair, size_t length, fleck_error *err)
{
    const char *equals = memchr(pair, '=', length);
    size_t n = equals != NULL ? (size_t)(equals - pair) : length;
    fleck_status st;

    FK_DO(fk_text_add(out, pair, (int64_t)n, err));
    if (n < length) {
        FK_DO(fk_text_add(out, " ", 1, err));
        FK_DO(fk_text_add(out, pair + n + 1, (int64_t)(length - n - 1), err));
    }
done:
    return st;
}

static fleck_status add_label(fk_names *out, const fk_bench_category *c, const char *name,
                              fleck_error *err)
{
    size_t head = strcspn(name, ":"), method = strcspn(name, "@:");
    fk_text text = {0};
    fleck_status st;

    FK_DO(fk_text_add(&text, name, (int64_t)method, err));
    if (method < head)
        FK_DO(fk_text_printf(&text, err, ", %.*s", (int)(head - method - 1), name + method + 1));
    for (const char *p = options_of(name); *p != '\0'; p = next_pair(p)) {
        if (is_common(c, p, fk_bench_pair_length(p)))
            continue;
        FK_DO(fk_text_add(&text, ", ", 2, err));
        FK_DO(add_pair(&text, p, fk_bench_pair_length(p), err));
    }
    FK_DO(fk_names_add(out, text.data, err));
done:
    fk_text_free(&text);
    return st;
}

fleck_status fk_bench_labels(fk_names *out, const fk_bench_book *book, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    *out = (fk_names){0};
    for (int i = 0; book->n > 0 && i < book->categories[0].n; i++)
        FK_DO(add_label(out, &book->categories[0], book->categories[0].runs[i].name, err));
done:
    if (st != FLECK_OK)
        fk_names_free(out);
    return st;
}

fleck_status fk_bench_common(char **out, const fk_bench_book *book, fleck_error *err)
{
    const fk_bench_category *c = book->n > 0 ? &book->categories[0] : NULL;
    fk_text text = {0};
    fleck_status st;

    FK_DO(fk_text_add(&text, "", 0, err));
    for (const char *p = c != NULL ? options_of(c->runs[0].name) : ""; *p != '\0';
         p = next_pair(p)) {
        if (!is_common(c, p, fk_bench_pair_length(p)))
            continue;
        if (text.length > 0)
            FK_DO(fk_text_add(&text, ", ", 2, err));
        FK_DO(add_pair(&text, p, fk_bench_pair_length(p), err));
    }
    *out = text.data;
    return FLECK_OK;
done:
    fk_text_free(&text);
    return st;
}

static fleck_status add_option(void *ctx, const char *key, const fk_json *value, fleck_error *err)
{
    fk_text *out = ctx;
    const char *text = fk_json_as_string(value);
    char number[FK_NUMBER_TEXT];
    int64_t whole;
    double real;

    if (text == NULL && fk_json_as_int(value, &whole))
        fk_format(number, sizeof number, "%lld", (long long)whole);
    else if (text == NULL)
        fk_number_text(number, fk_json_as_real(value, &real) ? real : NAN);
    return fk_text_printf(out, err, "%s%s %s", out->length > 0 ? ", " : "", key,
                          text != NULL ? text : number);
}

fleck_status fk_bench_options(char **out, const char *json, fleck_error *err)
{
    fk_json *options = NULL;
    fk_text text = {0};
    fleck_status st;

    FK_DO(fk_text_add(&text, "", 0, err));
    FK_DO(fk_json_parse(&options, json, strlen(json), "options", err));
    FK_DO(fk_json_each(options, add_option, &text, err));
    *out = text.data;
    text = (fk_text){0};
done:
    fk_json_free(&options);
    fk_text_free(&text);
    return st;
}

/* ---- The best run, and verdicts ---- */

int fk_bench_best(const fk_bench_book *book)
{
    fk_bench_mean best = {0};
    int found = -1;

    for (int i = 0; book->n > 0 && i < book->categories[0].n; i++) {
        fk_bench_mean m = fk_bench_average(book, i, FK_BENCH_IMAGE_AUROC);

        if (m.n > best.n ||
            (m.n == best.n && m.n > 0 && fk_bench_mean_of(&m) > fk_bench_mean_of(&best))) {
            best = m;
            found = i;
        }
    }
    return found;
}

/* The number of other runs that are as good as the best. */
static int count_equal(const fk_bench_book *book, int best)
{
    fk_bench_mean m = fk_bench_average(book, best, FK_BENCH_IMAGE_AUROC);
    int equal = 0;

    for (int i = 0; i < book->categories[0].n; i++) {
        fk_bench_mean other = fk_bench_average(book, i, FK_BENCH_IMAGE_AUROC);

        equal += i != best && other.n == m.n &&
                 fk_bench_as_good(fk_bench_mean_of(&other), fk_bench_mean_of(&m));
    }
    return equal;
}

void fk_bench_verdicts_add(fk_bench_verdicts *v, const fk_bench_result *r)
{
    if (r->error != NULL || isnan(r->threshold))
        return;
    v->categories++;
    for (int64_t i = 0; i < r->n; i++) {
        bool above = r->images[i].score > r->threshold;

        v->defective += r->images[i].defective;
        v->good += !r->images[i].defective;
        v->found += r->images[i].defective && above;
        v->rejected += !r->images[i].defective && above;
    }
}

fk_bench_verdicts fk_bench_verdicts_of(const fk_bench_book *book, int run)
{
    fk_bench_verdicts v = {0};

    for (int64_t c = 0; c < book->n; c++)
        fk_bench_verdicts_add(&v, &book->categories[c].runs[run]);
    return v;
}

/* "At its thresholds it found 25 of 32 defective parts and rejected 3 of 16 good ones." */
static fleck_status add_verdicts(fk_text *out, const fk_bench_book *book, int run, fleck_error *err)
{
    fk_bench_verdicts v = fk_bench_verdicts_of(book, run);
    int64_t without = 0;
    fleck_status st = FLECK_OK;

    for (int64_t c = 0; c < book->n; c++)
        without += book->categories[c].runs[run].error == NULL &&
                   isnan(book->categories[c].runs[run].threshold);
    if (v.categories > 0)
        FK_DO(fk_text_printf(out, err,
                             " At %s it found %lld of %lld defective parts and rejected %lld of "
                             "%lld good ones.",
                             v.categories > 1 ? "its models' thresholds" : "its model's threshold",
                             (long long)v.found, (long long)v.defective, (long long)v.rejected,
                             (long long)v.good));
    if (without > 0 && v.categories == 0)
        FK_DO(fk_text_printf(out, err, " Too few good images were held out for a threshold."));
    else if (without > 0)
        FK_DO(fk_text_printf(out, err,
                             " In %lld of %lld categories too few good images were held out for a "
                             "threshold.",
                             (long long)without, (long long)book->n));
done:
    return st;
}

static fleck_status add_best(fk_text *out, const fk_bench_book *book, const char *label, int best,
                             fleck_error *err)
{
    fk_bench_mean m = fk_bench_average(book, best, FK_BENCH_IMAGE_AUROC);
    int runs = book->categories[0].n, equal = count_equal(book, best);
    fleck_status st;

    if (runs > 1)
        FK_DO(fk_text_printf(out, err, "Best of %d runs on ", runs));
    else
        FK_DO(fk_text_printf(out, err, "One run on "));
    if (book->n > 1)
        FK_DO(fk_text_printf(out, err, "%lld categories", (long long)book->n));
    else
        FK_DO(fk_text_printf(out, err, "%s", book->categories[0].name));
    if (equal > 0)
        FK_DO(fk_text_printf(out, err, ", with %d more as good", equal));
    FK_DO(fk_text_printf(out, err, ": %s. Its image ROC-AUC is %.1f %%%s.", label,
                         fk_bench_mean_of(&m), m.n > 1 ? " on average" : ""));
    FK_DO(add_verdicts(out, book, best, err));
done:
    return st;
}

fleck_status fk_bench_sentence(char **out, const fk_bench_book *book, fleck_error *err)
{
    int best = fk_bench_best(book);
    fk_names labels = {0};
    fk_text text = {0};
    fleck_status st;

    FK_DO(fk_bench_labels(&labels, book, err));
    assert(best < 0 || labels.items != NULL); /* there is one for each run */
    if (best >= 0)
        FK_DO(add_best(&text, book, labels.items[best], best, err));
    else if (book->n > 0)
        FK_DO(fk_text_printf(&text, err,
                             "No run has an image ROC-AUC: it takes good and defective test "
                             "images."));
    else
        FK_DO(fk_text_printf(&text, err, "No category has results."));
    *out = text.data;
    text = (fk_text){0};
done:
    fk_names_free(&labels);
    fk_text_free(&text);
    return st;
}

/* ---- Pictures ---- */

const char *fk_bench_verdict(const fk_bench_result *r, int64_t image)
{
    const fk_bench_image *im = &r->images[image];
    bool above = im->score > r->threshold;

    if (isnan(r->threshold))
        return im->defective ? "defective" : "good";
    if (im->defective)
        return above ? "defective, found" : "defective, missed";
    return above ? "good, rejected" : "good, passed";
}

fleck_status fk_bench_caption(char **out, const fk_bench_result *r, int k, fleck_error *err)
{
    static const char *const ranks[FK_BENCH_RANKS] = {
        [FK_BENCH_HIGHEST] = "the highest of the defective images",
        [FK_BENCH_MEDIAN] = "the median of the defective images",
        [FK_BENCH_LOWEST] = "the lowest of the defective images",
        [FK_BENCH_HIGHEST_GOOD] = "among the highest of the good images"};
    const fk_bench_panel *p = &r->panels[k];
    const fk_bench_image *im = &r->images[p->image];
    char threshold[64] = "";

    if (!isnan(r->threshold))
        fk_format(threshold, sizeof threshold, ", threshold %.4g", r->threshold);
    return fk_asprintf(out, err, "%s: %s. Score %.4g, %s%s.", im->path,
                       fk_bench_verdict(r, p->image), im->score, ranks[p->rank], threshold);
}
