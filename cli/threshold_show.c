/* SPDX-License-Identifier: Apache-2.0 */
/* Text output of fleck threshold: a histogram of the held-out scores, and a table of rates. */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BINS 40 /* at most */
#define WIDTH 20

static int ascending(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;

    return (a > b) - (a < b);
}

/* ---- Histogram ---- */

typedef struct histogram {
    double low, step;
    int64_t alone[BINS], group[BINS], most; /* most in a bin */
} histogram;

static int bin_of(const histogram *h, double score)
{
    double at = floor((score - h->low) / h->step);

    return at < 0.0 ? 0 : at > BINS - 1 ? BINS - 1 : (int)at;
}

/* Choose bins so that nine tenths of the scores fill ten of them, or wider ones if there would be
 * too many.  The lowest score and the ninth decile are in the middle of their bins, so that
 * rounding does not move them to another bin. */
static void choose_bins(histogram *h, const held_scores *s)
{
    double *sorted = need(calloc((size_t)s->n, sizeof *sorted)), low, high;

    memcpy(sorted, s->alone, (size_t)s->n * sizeof *sorted);
    qsort(sorted, (size_t)s->n, sizeof *sorted, ascending);
    low = sorted[0];
    high = sorted[s->n - 1];
    for (int64_t i = 0; s->has_group && i < s->n; i++) {
        low = fmin(low, s->photos[i].group);
        high = fmax(high, s->photos[i].group);
    }
    h->step = fmax((sorted[9 * (s->n - 1) / 10] - low) / 9.0, (high - low) / (BINS - 1));
    if (!(h->step > 0.0))
        h->step = 1.0;
    h->low = low - 0.5 * h->step;
    free(sorted);
}

static histogram count_scores(const held_scores *s)
{
    histogram h = {.most = 1};

    choose_bins(&h, s);
    for (int64_t i = 0; i < s->n; i++) {
        h.alone[bin_of(&h, s->alone[i])]++;
        if (s->has_group)
            h.group[bin_of(&h, s->photos[i].group)]++;
    }
    for (int k = 0; k < BINS; k++) {
        h.most = h.alone[k] > h.most ? h.alone[k] : h.most;
        h.most = h.group[k] > h.most ? h.group[k] : h.most;
    }
    return h;
}

/* Print a count and its bar, of at least one mark unless the count is 0; padded if more follows. */
static void print_bar(int64_t count, int64_t most, bool last)
{
    static const char marks[] = "####################";
    int length = (int)((count * WIDTH + most - 1) / most);

    printf(" %6lld", (long long)count);
    if (length > 0 || !last)
        printf(" %-*.*s", last ? 0 : WIDTH, length, marks);
}

static void print_histogram(const held_scores *s)
{
    histogram h = count_scores(s);
    double threshold = s->info.threshold;
    int mark = isnan(threshold) ? -1 : bin_of(&h, threshold), last = BINS - 1;
    bool skipped = false;

    printf("\nheld-out scores          alone");
    if (s->has_group)
        printf("%*sby %s", WIDTH + 5, "", groups_text(&s->info));
    putchar('\n');
    while (last > mark && h.alone[last] + h.group[last] == 0)
        last--;
    for (int k = 0; k <= last; k++) {
        double low = h.low + k * h.step;

        if (h.alone[k] + h.group[k] == 0 && k != mark) {
            if (!skipped)
                puts("           ...");
            skipped = true;
            continue;
        }
        skipped = false;
        printf("%10.4g to %-10.4g", low, low + h.step);
        print_bar(h.alone[k], h.most, !s->has_group && k != mark);
        if (s->has_group)
            print_bar(h.group[k], h.most, k != mark);
        puts(k == mark ? " < threshold" : "");
    }
}

/* ---- Table ---- */

double *threshold_rates(const held_scores *h)
{
    static const double usual[] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2};
    const size_t count = sizeof usual / sizeof usual[0];
    double *rates = need(calloc(count + 3, sizeof *rates)), own = h->info.false_alarms;
    size_t n = 0, kept = 0;

    if (h->n == 0)
        return rates;
    rates[n++] = 1.0 / (double)(h->n + 1);
    for (size_t i = 0; i < count; i++)
        if (usual[i] > rates[0])
            rates[n++] = usual[i];
    if (own > rates[0])
        rates[n++] = own;
    qsort(rates, n, sizeof *rates, ascending);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || rates[i] != rates[kept - 1])
            rates[kept++] = rates[i];
    rates[kept] = 0.0;
    return rates;
}

static void print_row(const held_scores *h, const char *name, double threshold, bool present)
{
    printf("%12s %10.6g %8lld", name, threshold, (long long)held_above(h, false, threshold));
    if (h->has_group)
        printf(" %8lld", (long long)held_above(h, true, threshold));
    puts(present ? "  < present" : "");
}

static void print_table(const held_scores *h)
{
    const fleck_model_info *i = &h->info;
    const bool by_rate = strcmp(i->threshold_rule, "rate") == 0;
    const bool maximum = strcmp(i->threshold_rule, "maximum") == 0;
    double *rates = threshold_rates(h);

    printf("\n%12s %10s  rejected of %lld\n%12s %10s %8s%s%s\n", "false alarms", "threshold",
           (long long)h->n, "", "", "alone", h->has_group ? "  by " : "",
           h->has_group ? groups_text(i) : "");
    for (const double *r = rates; *r > 0.0; r++) {
        double threshold = NAN;
        char name[32];

        if (fleck_threshold_of(h->alone, h->n, *r, &threshold, NULL, NULL) != FLECK_OK)
            break;
        snprintf(name, sizeof name, "%.3g %%", 100.0 * *r);
        print_row(h, name, threshold,
                  (by_rate && *r == i->false_alarms) || (maximum && r == rates));
    }
    if (!by_rate && !maximum && !isnan(i->threshold))
        print_row(h, i->threshold_rule, i->threshold, true);
    free(rates);
}

/* ---- Other photos ---- */

static void print_holdout(const threshold_more *m, double threshold)
{
    double low = INFINITY, high = -INFINITY;
    int64_t above = 0;

    for (int64_t i = 0; i < m->n_holdout; i++) {
        above += m->holdout[i] > threshold;
        low = fmin(low, m->holdout[i]);
        high = fmax(high, m->holdout[i]);
    }
    printf("of %lld other good photo%s, scores %.4g to %.4g, ", (long long)m->n_holdout,
           m->n_holdout == 1 ? "" : "s", low, high);
    if (isnan(threshold))
        puts("none is judged");
    else
        printf("%lld would be rejected\n", (long long)above);
}

static void print_cut(const char *which, const cut *c)
{
    printf("%s%.6g finds %lld of %lld defective and rejects %lld of %lld good\n", which,
           c->threshold, (long long)c->found, (long long)c->defective, (long long)c->rejected,
           (long long)c->good);
}

/* Print the threshold, where it comes from, and the rate that it promises. */
static void print_threshold(const threshold_more *m, const fleck_model_info *i)
{
    print_escaped(stdout, m->path);
    if (isnan(i->threshold))
        fputs(": no threshold\n", stdout);
    else
        printf(": threshold %.6g\n", i->threshold);
    print_promise(stdout, i);
    if (m->how[0] != '\0')
        printf("; %s", m->how);
    putchar('\n');
}

void threshold_print(const threshold_more *m)
{
    const held_scores *now = m->after != NULL ? m->after : m->before;

    print_threshold(m, &now->info);
    if (m->after == NULL && now->n > 0) {
        print_odd(stdout, now);
        print_histogram(now);
        print_table(now);
    } else if (m->after == NULL) {
        puts("no held-out scores are known: fit it again for histogram and rates");
    }
    if (m->labels != NULL)
        print_cut("", m->labels);
    if (m->labels_old != NULL)
        print_cut("before: ", m->labels_old);
    else if (m->after != NULL && !isnan(m->before->info.threshold))
        printf("before: %.6g\n", m->before->info.threshold);
    if (m->n_holdout > 0)
        print_holdout(m, now->info.threshold);
}
