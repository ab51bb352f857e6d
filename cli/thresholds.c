/* SPDX-License-Identifier: Apache-2.0 */
/* Texts about a threshold and the held-out scores, and the best threshold for labelled images. */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Most photos that are called odd, and at most one in ODD_OF. */
#define MOST_ODD 3
#define ODD_OF 20
/* Groups differ if GROUP_TIMES as many photos as promised exceed the threshold, and more than
 * GROUP_PHOTOS. */
#define GROUP_TIMES 3.0
#define GROUP_PHOTOS 3
/* Least number of held-out scores for a threshold (fleck.h). */
#define LEAST_PHOTOS 10

/* ---- Held-out scores ---- */

held_scores held_read(const fleck_model *model)
{
    held_scores h = {.info = *fleck_model_describe(model)};
    fleck_held_out one;

    if (!fleck_model_held_out(model, 0, &one))
        return h;
    h.n = h.info.calibrated;
    h.photos = need(calloc((size_t)h.n, sizeof *h.photos));
    h.alone = need(calloc((size_t)h.n, sizeof *h.alone));
    h.has_group = !isnan(one.group);
    for (int64_t i = 0; i < h.n; i++) {
        (void)fleck_model_held_out(model, i, &h.photos[i]);
        h.alone[i] = h.photos[i].alone;
    }
    return h;
}

void held_free(held_scores *h)
{
    free(h->photos);
    free(h->alone);
    *h = (held_scores){0};
}

int64_t held_above(const held_scores *h, bool group, double threshold)
{
    int64_t above = 0;

    for (int64_t i = 0; i < h->n; i++)
        above += (group ? h->photos[i].group : h->photos[i].alone) > threshold;
    return above;
}

/* ---- The promise ---- */

int64_t photos_for(double rate)
{
    return (int64_t)ceil(1.0 / rate - 1.0 - 1e-9);
}

static void print_no_verdict(FILE *to, const fleck_model_info *i)
{
    int64_t photos = i->calibrated > 0 ? i->calibrated : i->images;

    if (photos < LEAST_PHOTOS)
        fprintf(to, "no verdict: %lld photo%s too few, %d are needed", (long long)photos,
                photos == 1 ? " is" : "s are", LEAST_PHOTOS);
    else
        fputs("no verdict: no photo was held out", to);
    fputs("; predict says \"not judged\"", to);
}

void print_promise(FILE *to, const fleck_model_info *i)
{
    const char *rule = i->threshold_rule;
    double percent = 100.0 * i->false_alarms;
    long long n = (long long)i->calibrated;

    if (strcmp(rule, "rate") == 0)
        fprintf(to,
                "at most %.3g %% of parts like these are rejected (n = %lld); the smallest rate "
                "that %lld photos support is 1/%lld = %.3g %%",
                percent, n, n, n + 1, 100.0 / (double)(n + 1));
    else if (strcmp(rule, "maximum") == 0 && !isnan(percent))
        fprintf(to,
                "%lld photos are too few for %.3g %%, which takes %lld: the threshold is the "
                "highest held-out score, and at most 1/%lld = %.3g %% of parts like these are "
                "rejected",
                n, percent, (long long)photos_for(i->false_alarms), n + 1, 100.0 / (double)(n + 1));
    else if (strcmp(rule, "maximum") == 0)
        fprintf(to, "the highest of %lld held-out scores, as earlier versions had it", n);
    else if (strcmp(rule, "set") == 0)
        fputs("set by hand", to);
    else if (strcmp(rule, "labels") == 0)
        fputs("chosen on labelled images", to);
    else if (strcmp(rule, "holdout") == 0)
        fputs("chosen by good photos that were not learned", to);
    else
        print_no_verdict(to, i);
}

/* ---- Odd photos ---- */

static int highest_first(const void *x, const void *y)
{
    const fleck_held_out *a = x, *b = y;

    return (a->alone < b->alone) - (a->alone > b->alone);
}

/* Number of the highest scores that are far above the rest: the gap below them is wider than the
 * distance of the next score from the median. */
static int count_odd(const fleck_held_out *sorted, int64_t n)
{
    double median = sorted[n / 2].alone;
    int most = n < MOST_ODD * ODD_OF ? (int)(n / ODD_OF) : MOST_ODD;

    for (int k = most > 0 ? most : 1; k > 0; k--)
        if (sorted[k - 1].alone - sorted[k].alone > sorted[k].alone - median)
            return k;
    return 0;
}

static void print_name(FILE *to, const fleck_held_out *photo)
{
    print_escaped(to, photo->name != NULL ? photo->name : "a photo without a name");
}

void print_odd(FILE *to, const held_scores *h)
{
    fleck_held_out *sorted;
    double *others, threshold;
    int odd;

    if (h->n < LEAST_PHOTOS)
        return;
    sorted = need(malloc((size_t)h->n * sizeof *sorted));
    memcpy(sorted, h->photos, (size_t)h->n * sizeof *sorted);
    qsort(sorted, (size_t)h->n, sizeof *sorted, highest_first);
    odd = count_odd(sorted, h->n);
    for (int k = 0; k < odd; k++) {
        fputs(k > 0 ? ", " : "far above the rest: ", to);
        print_name(to, &sorted[k]);
        fprintf(to, " %.4g", sorted[k].alone);
    }
    if (odd > 0) {
        fprintf(to, ", next %.4g: look at %s", sorted[odd].alone, odd == 1 ? "it" : "them");
        others = need(calloc((size_t)h->n, sizeof *others));
        for (int64_t i = odd; i < h->n; i++)
            others[i - odd] = sorted[i].alone;
        if (h->n - odd >= LEAST_PHOTOS && !isnan(h->info.false_alarms) &&
            fleck_threshold_of(others, h->n - odd, h->info.false_alarms, &threshold, NULL, NULL) ==
                FLECK_OK)
            fprintf(to, "; without %s the threshold would be %.4g", odd == 1 ? "it" : "them",
                    threshold);
        free(others);
        putc('\n', to);
    }
    free(sorted);
}

/* ---- Groups ---- */

const char *groups_text(const fleck_model_info *i)
{
    return strcmp(i->groups, "runs") == 0 ? "runs of neighbours" : i->groups;
}

void tell_groups(const held_scores *h)
{
    const fleck_model_info *i = &h->info;
    double promise = fmax(isnan(i->false_alarms) ? 0.0 : i->false_alarms, 1.0 / ((double)h->n + 1));
    const char *more = strcmp(i->groups, "folder") == 0 ? "folders" : "days";
    int64_t above;
    char text[256];

    if (!h->has_group || isnan(i->threshold))
        return;
    above = held_above(h, true, i->threshold);
    if (above <= GROUP_PHOTOS || (double)above <= GROUP_TIMES * promise * (double)h->n)
        return;
    snprintf(text, sizeof text,
             "held out by %s, %lld of %lld would be rejected: learn photos of more %s, or use "
             "fleck threshold --holdout",
             groups_text(i), (long long)above, (long long)h->n, more);
    print_warning(text);
}

/* ---- Labelled scores ---- */

static int ascending(const void *x, const void *y)
{
    const labelled_score *a = x, *b = y;

    return (a->score > b->score) - (a->score < b->score);
}

/* The threshold in the middle between the k lowest scores and the others, so that rounding changes
 * no verdict. */
static double between(const labelled_score *s, int64_t n, int64_t k)
{
    double low, middle;

    if (k == 0)
        return s[0].score - fmax(1e-3 * fabs(s[0].score), 1e-6);
    low = s[k - 1].score;
    if (k == n)
        return low + fmax(1e-3 * fabs(low), 1e-6);
    middle = low + 0.5 * (s[k].score - low);
    return middle < s[k].score ? middle : low;
}

/* How good a threshold is for a goal; -INFINITY: it does not reach the goal. */
static double worth(const cut *c, cut_goal goal, double miss_cost)
{
    double found = (double)c->found, rejected = (double)c->rejected;
    double missed = (double)(c->defective - c->found);

    switch (goal) {
    case CUT_YOUDEN:
        return found / (double)c->defective - rejected / (double)c->good;
    case CUT_F1:
        return 2.0 * found / (2.0 * found + rejected + missed);
    case CUT_COST:
        return -miss_cost * missed - rejected;
    case CUT_NO_MISS:
        return missed > 0.0 ? -INFINITY : -rejected;
    case CUT_NO_FALSE_ALARM:
        return rejected > 0.0 ? -INFINITY : found;
    }
    return -INFINITY;
}

bool choose_cut(cut *out, labelled_score *s, int64_t n, cut_goal goal, double miss_cost)
{
    cut at = {0};
    double best = -INFINITY;

    for (int64_t i = 0; i < n; i++) {
        at.defective += s[i].defective;
        at.good += !s[i].defective;
    }
    *out = at;
    out->threshold = NAN;
    if (at.good == 0 || at.defective == 0)
        return false;
    qsort(s, (size_t)n, sizeof *s, ascending);
    at.found = at.defective;
    at.rejected = at.good;
    for (int64_t k = 0; k <= n; k++) {
        double v = worth(&at, goal, miss_cost);

        if ((k == 0 || k == n || s[k - 1].score < s[k].score) && v >= best && !isinf(v)) {
            best = v;
            *out = at;
            out->threshold = between(s, n, k);
        }
        if (k < n) {
            at.found -= s[k].defective;
            at.rejected -= !s[k].defective;
        }
    }
    return true;
}

cut judge_cut(const labelled_score *s, int64_t n, double threshold)
{
    cut c = {.threshold = threshold};

    for (int64_t i = 0; i < n; i++) {
        c.good += !s[i].defective;
        c.defective += s[i].defective;
        c.rejected += !s[i].defective && s[i].score > threshold;
        c.found += s[i].defective && s[i].score > threshold;
    }
    return c;
}
