/* SPDX-License-Identifier: Apache-2.0 */
/* Drift: are the scores of recent inspections still those of the photos that were held out?
 *
 * The two samples are compared by Kolmogorov and Smirnov's statistic, the largest difference of
 * their distribution functions, D = max |F(x) - G(x)|.  If both come from one distribution, D
 * exceeds d with a probability of about Q((e + 0.12 + 0.11 / e) d), where e = sqrt(n m / (n + m))
 * and Q(x) = 2 sum_j (-1)^(j-1) exp(-2 j^2 x^2) (Stephens 1970).  Inspections that an operator
 * marked as defects are left out; other defects count, so that many defects look like drift too. */
#include "api.h"

#include <math.h>
#include <stdlib.h>

enum { FEW_LEARNED = 10, FEW_RECENT = 30 };

typedef struct sample {
    double *x; /* [n], ascending */
    size_t n;
} sample;

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double quantile(const sample *s, double q)
{
    return s->n > 0 ? s->x[(size_t)(q * (double)(s->n - 1) + 0.5)] : NAN;
}

static double share_above(const sample *s, double limit)
{
    size_t above = 0;

    for (size_t i = 0; i < s->n; i++)
        above += s->x[i] > limit;
    return s->n > 0 ? (double)above / (double)s->n : NAN;
}

static double statistic(const sample *a, const sample *b)
{
    double most = 0;

    for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
        const double x = fmin(a->x[i], b->x[k]);

        while (i < a->n && a->x[i] <= x)
            i++;
        while (k < b->n && b->x[k] <= x)
            k++;
        most = fmax(most, fabs((double)i / (double)a->n - (double)k / (double)b->n));
    }
    return most;
}

static double probability(double d, size_t n, size_t m)
{
    const double e = sqrt((double)n * (double)m / (double)(n + m));
    const double x = (e + 0.12 + 0.11 / e) * d;
    double sum = 0;

    if (x < 0.2) /* where the sum is 1 to twelve digits */
        return 1;
    for (int j = 1; j <= 100; j++)
        sum += (j % 2 == 1 ? 2 : -2) * exp(-2.0 * j * j * x * x);
    return fmin(fmax(sum, 0), 1);
}

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

/* What the figures mean: "few", "like", "higher" (more good parts will be rejected) or "lower". */
static const char *verdict_of(const sample *learned, const sample *recent, double p)
{
    if (learned->n < FEW_LEARNED || recent->n < FEW_RECENT)
        return "few";
    if (p >= 0.01)
        return "like";
    return share_above(recent, quantile(learned, 0.5)) > 0.5 ||
                   share_above(recent, quantile(learned, 0.95)) > 0.1
               ? "higher"
               : "lower";
}

static bool learned_of(sample *out, const fleck_model *model)
{
    const int64_t n = fleck_model_describe(model)->calibrated;
    fleck_held_out h;

    out->x = calloc((size_t)(n > 0 ? n : 1), sizeof *out->x);
    if (out->x == NULL)
        return false;
    for (int64_t i = 0; i < n && fleck_model_held_out(model, i, &h); i++)
        if (isfinite(h.alone))
            out->x[out->n++] = h.alone;
    qsort(out->x, out->n, sizeof *out->x, by_value);
    return true;
}

static bool recent_of(sample *out, const json_t *rows, size_t most)
{
    const json_t *row;
    size_t i;

    out->x = calloc(most + 1, sizeof *out->x);
    if (out->x == NULL)
        return false;
    json_array_foreach(rows, i,
                       row) if (i < most && json_integer_value(json_object_get(row, "marked")) == 0)
        out->x[out->n++] = json_real_value(json_object_get(row, "score"));
    qsort(out->x, out->n, sizeof *out->x, by_value);
    return true;
}

/* Counts of what was unlike in rows from `from` to `to`. */
static json_t *unlike_json(const json_t *rows, size_t from, size_t to)
{
    static const char *const names[] = {"shape", "light", "sharpness", "part"};
    json_int_t counts[4] = {0}, n = 0, defective = 0;
    json_t *out;

    for (size_t i = from; i < to && i < json_array_size(rows); i++, n++) {
        const json_t *row = json_array_get(rows, i);
        const json_int_t bits = json_integer_value(json_object_get(row, "unlike"));

        for (int k = 0; k < 4; k++)
            counts[k] += bits >> k & 1;
        defective += json_integer_value(json_object_get(row, "defective"));
    }
    out = json_pack("{s:I, s:I}", "n", n, "defective", defective);
    for (int k = 0; k < 4; k++)
        json_object_set_new(out, names[k], json_integer(counts[k]));
    return out;
}

/* Scores of the last inspections, oldest first, for a picture of their course. */
static json_t *course_json(const json_t *rows, size_t most)
{
    json_t *list = json_array();
    size_t n = json_array_size(rows);

    for (size_t i = n < most ? n : most; i-- > 0;)
        json_array_append(list, json_object_get(json_array_get(rows, i), "score"));
    return list;
}

static json_t *answer_of(const sample *learned, const sample *recent, const json_t *rows,
                         size_t most, const fleck_model_info *info)
{
    const json_t *newest = json_array_get(rows, 0);
    const size_t n = json_array_size(rows) < most ? json_array_size(rows) : most;
    const bool both = learned->n > 0 && recent->n > 0;
    const double d = both ? statistic(learned, recent) : NAN;
    const double p = both ? probability(d, learned->n, recent->n) : NAN;

    return json_pack(
        "{s:s, s:o, s:{s:o, s:o}, s:{s:I, s:o, s:o}, s:{s:I, s:I, s:O?, s:O?, s:o, s:o, s:o, s:o},"
        " s:{s:o, s:o}, s:o}",
        "verdict", verdict_of(learned, recent, p), "threshold", number(info->threshold), "ks",
        "statistic", number(d), "p", number(p), "learned", "n", (json_int_t)learned->n, "median",
        number(quantile(learned, 0.5)), "q95", number(quantile(learned, 0.95)), "recent", "n",
        (json_int_t)recent->n, "marked_defect", (json_int_t)(n - recent->n), "to",
        json_object_get(newest, "time"), "from",
        json_object_get(n > 0 ? json_array_get(rows, n - 1) : NULL, "time"), "median",
        number(quantile(recent, 0.5)), "q95", number(quantile(recent, 0.95)), "above_median",
        number(share_above(recent, quantile(learned, 0.5))), "above_q95",
        number(share_above(recent, quantile(learned, 0.95))), "unlike", "recent",
        unlike_json(rows, 0, most), "before", unlike_json(rows, most, 2 * most), "course",
        course_json(rows, most));
}

void sv_drift_get(sv_request *r)
{
    const size_t most = (size_t)sv_query_int(r, "n", 200, 1, 10000);
    sample learned = {0}, recent = {0};
    fleck_error err = {0};
    json_t *rows = NULL;
    sv_model *m;

    if (!sv_need_product(r, r->ids[0]))
        return;
    if ((m = sv_model_acquire(r->server->inspector, r->ids[0], 0, &err)) != NULL)
        rows = sv_db_rows(&r->server->db, &err,
                          SV_SAME_SCORES
                          "SELECT time, score, unlike, verdict = 'defective' AS defective,"
                          " COALESCE(mark, '') = 'defect' AS marked FROM inspection WHERE"
                          " product = ?2 AND score IS NOT NULL AND model IN (SELECT id FROM line)"
                          " ORDER BY id DESC LIMIT ?3",
                          "iii", m->id, r->ids[0], (int64_t)(2 * most));
    if (rows != NULL && learned_of(&learned, m->model) && recent_of(&recent, rows, most))
        sv_reply_json(r, 200,
                      answer_of(&learned, &recent, rows, most, fleck_model_describe(m->model)));
    else if (rows != NULL)
        sv_reply_problem(r, 503, "out of memory");
    else
        sv_reply_error(r, &err);
    sv_model_release(r->server->inspector, m);
    json_decref(rows);
    free(learned.x);
    free(recent.x);
}
