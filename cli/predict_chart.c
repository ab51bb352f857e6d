/* SPDX-License-Identifier: Apache-2.0 */
/* fleck predict --html: the histogram of scores, as SVG with the width of the page. */
#include "page.h"

#include <math.h>

enum { BINS = 32, WIDTH = 1000, HEIGHT = 160 };

/* Number of parts in each of BINS equal bins from low to high. */
typedef struct histogram {
    double low, high;
    int64_t good[BINS], defective[BINS], most;
} histogram;

/* Choose the range of the bins.  If there is a limit, a bin begins there, so that no bin has scores
 * of both sides. */
static void span(histogram *h, const results_page *p)
{
    h->low = h->high = isfinite(p->limit) ? p->limit : p->scores[0];
    for (int64_t i = 0; i < p->n_scores; i++) {
        h->low = fmin(h->low, p->scores[i]);
        h->high = fmax(h->high, p->scores[i]);
    }
    if (!(h->high > h->low))
        h->high = h->low + 1.0;
    if (isfinite(p->limit)) {
        const double step = (h->high - h->low) / (BINS - 1);

        h->low = p->limit - step * ceil((p->limit - h->low) / step);
        h->high = h->low + step * BINS;
    }
}

static double share_of(const histogram *h, double score)
{
    double t = (score - h->low) / (h->high - h->low);

    return t > 0.0 ? t < 1.0 ? t : 1.0 : 0.0; /* NaN: 0 */
}

static void count(histogram *h, const results_page *p)
{
    for (int64_t i = 0; i < p->n_scores; i++) {
        int bin = (int)(share_of(h, p->scores[i]) * BINS);

        bin = bin < BINS ? bin : BINS - 1;
        (p->verdicts[i] ? h->defective : h->good)[bin]++;
    }
    for (int i = 0; i < BINS; i++)
        if (h->good[i] + h->defective[i] > h->most)
            h->most = h->good[i] + h->defective[i];
}

static void put_bar(FILE *to, const char *class, int i, double from, double height)
{
    if (height > 0.0)
        fprintf(to, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
                class, (double)WIDTH / BINS * i + 2.0, HEIGHT - from - height,
                (double)WIDTH / BINS - 4.0, height);
}

/* Draw good parts at the bottom and defective ones above them, with a title as tooltip. */
static void put_bin(FILE *to, const histogram *h, int i, bool judged)
{
    const double step = (h->high - h->low) / BINS, unit = (double)HEIGHT / (double)h->most;
    const double good = unit * (double)h->good[i], defective = unit * (double)h->defective[i];

    if (h->good[i] + h->defective[i] == 0)
        return;
    fprintf(to, "<g><title>%.4g to %.4g: ", h->low + step * i, h->low + step * (i + 1));
    if (judged)
        fprintf(to, "%lld good, %lld defective", (long long)h->good[i], (long long)h->defective[i]);
    else
        fprintf(to, "%lld", (long long)h->good[i]);
    fputs("</title>", to);
    put_bar(to, judged ? "good" : "plain", i, 0.0, good);
    put_bar(to, "bad", i, good, defective);
    fputs("</g>\n", to);
}

static void put_limit(FILE *to, const histogram *h, double limit)
{
    const double x = WIDTH * share_of(h, limit);

    fprintf(to,
            "<line class=\"limit\" x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" y2=\"%d\" "
            "vector-effect=\"non-scaling-stroke\"/>\n",
            x, x, HEIGHT);
}

void page_chart(FILE *to, const results_page *p)
{
    histogram h = {0};

    if (p->n_scores == 0)
        return;
    span(&h, p);
    count(&h, p);
    fputs("<figure class=\"chart\">\n", to);
    if (isfinite(p->limit))
        fprintf(
            to,
            "<p class=\"mark\"><span style=\"left:clamp(2.8em,%.1f%%,calc(100%% - 2.8em))\">limit "
            "%.4g</span></p>\n",
            100.0 * share_of(&h, p->limit), p->limit);
    fprintf(to,
            "<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" role=\"img\" "
            "aria-label=\"Histogram of %lld scores from %.4g to %.4g",
            WIDTH, HEIGHT, (long long)p->n_scores, h.low, h.high);
    if (isfinite(p->limit))
        fprintf(to, "; limit %.4g", p->limit);
    fputs("\">\n", to);
    for (int i = 0; i < BINS; i++)
        put_bin(to, &h, i, isfinite(p->limit));
    if (isfinite(p->limit))
        put_limit(to, &h, p->limit);
    fprintf(to, "</svg>\n<p class=\"ends\"><span>%.4g</span><span>%.4g</span></p>\n", h.low,
            h.high);
    fprintf(to, "<figcaption>Parts by score; the highest bar is %lld part%s.", (long long)h.most,
            h.most == 1 ? "" : "s");
    if (isfinite(p->limit))
        fputs(" <span class=\"words\"><span class=\"key good\"></span>good</span> "
              "<span class=\"words\"><span class=\"key bad\"></span>defective</span>",
              to);
    fputs("</figcaption>\n</figure>\n", to);
}
