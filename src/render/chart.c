/* Charts as SVG, to stand inside an HTML page: curves and histograms. */
#include "render/chart.h"
#include "base/number.h"
#include "render/table.h"

#include <math.h>

/* The plot's place in the picture, in pixels; below it the legend grows. */
#define LEFT 46.0
#define TOP 28.0
#define SIDE 240.0
#define HEIGHT 160.0
#define LINE 15.0

/* Eight colours that colour-blind readers can tell apart (Okabe and Ito 2008), and dashes for print in grey. */
static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                      "#e69f00", "#56b4e9", "#000000", "#8a7f00"};
static const char *const dashes[] = {"none", "6 2", "2 2", "8 2 2 2"};

static const char *colour(int i)
{
    return colours[(size_t)i % (sizeof colours / sizeof colours[0])];
}

static fleck_status text(fk_text *out, double x, double y, const char *anchor, const char *words,
                         fleck_error *err)
{
    fleck_status st;

    FK_DO(
        fk_text_printf(out, err, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor));
    FK_DO(fk_html_text(out, words, err));
    FK_DO(fk_text_printf(out, err, "</text>\n"));
done:
    return st;
}

static fleck_status begin(fk_text *out, const char *title, double plot_height, int legend,
                          fleck_error *err)
{
    fleck_status st;

    FK_DO(fk_text_printf(out, err,
                         "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
                         "font-family=\"sans-serif\" font-size=\"11\" role=\"img\">\n<title>",
                         LEFT + SIDE + 16.0, TOP + plot_height + 40.0 + LINE * legend));
    FK_DO(fk_html_text(out, title, err));
    FK_DO(fk_text_printf(out, err, "</title>\n"));
    FK_DO(text(out, LEFT + SIDE / 2.0, 16.0, "middle", title, err));
    FK_DO(fk_text_printf(out, err,
                         "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"none\" "
                         "stroke=\"#888\"/>\n",
                         LEFT, TOP, SIDE, plot_height));
done:
    return st;
}

/* Lines and numbers at quarters of the unit square. */
static fleck_status grid(fk_text *out, fleck_error *err)
{
    char number[16];
    fleck_status st = FLECK_OK;

    for (int i = 0; i <= 4; i++) {
        double x = LEFT + SIDE * i / 4.0, y = TOP + SIDE * i / 4.0;

        FK_DO(fk_text_printf(
            out, err,
            "<path d=\"M%.1f %.1fV%.1fM%.1f %.1fH%.1f\" stroke=\"#ddd\" fill=\"none\"/>\n", x, TOP,
            TOP + SIDE, LEFT, y, LEFT + SIDE));
        fk_format(number, sizeof number, "%.2f", i / 4.0);
        FK_DO(text(out, x, TOP + SIDE + 13.0, "middle", number, err));
        fk_format(number, sizeof number, "%.2f", 1.0 - i / 4.0);
        FK_DO(text(out, LEFT - 4.0, y + 4.0, "end", number, err));
    }
done:
    return st;
}

static bool inside(double x, double y)
{
    return x >= 0.0 && x <= 1.0 && y >= 0.0 && y <= 1.0; /* false for NaN */
}

static fleck_status curve(fk_text *out, const fk_chart_series *s, int i, fleck_error *err)
{
    const char *dash = dashes[(size_t)i % (sizeof dashes / sizeof dashes[0])];
    fleck_status st;

    FK_DO(fk_text_printf(out, err,
                         "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.6\" "
                         "stroke-dasharray=\"%s\" points=\"",
                         colour(i), dash));
    for (int64_t k = 0; k < s->n; k++)
        if (inside(s->x[k], s->y[k]))
            FK_DO(fk_text_printf(out, err, "%.2f,%.2f ", LEFT + SIDE * s->x[k],
                                 TOP + SIDE * (1.0 - s->y[k])));
    FK_DO(fk_text_printf(out, err, "\"/>\n"));
    FK_DO(fk_text_printf(
        out, err,
        "<path d=\"M%.1f %.1fh22\" stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\"/>\n",
        LEFT, TOP + SIDE + 42.0 + LINE * i, colour(i), dash));
    FK_DO(text(out, LEFT + 28.0, TOP + SIDE + 46.0 + LINE * i, "start", s->name, err));
done:
    return st;
}

fleck_status fk_chart_curves(fk_text *out, const char *title, const char *x_name,
                             const char *y_name, const fk_chart_series *series, int n,
                             fleck_error *err)
{
    fleck_status st;

    FK_DO(begin(out, title, SIDE, n + 1, err));
    FK_DO(grid(out, err));
    FK_DO(text(out, LEFT + SIDE / 2.0, TOP + SIDE + 27.0, "middle", x_name, err));
    FK_DO(fk_text_printf(out, err, "<g transform=\"rotate(-90 12 %.1f)\">", TOP + SIDE / 2.0));
    FK_DO(text(out, 12.0, TOP + SIDE / 2.0, "middle", y_name, err));
    FK_DO(fk_text_printf(out, err, "</g>\n"));
    for (int i = 0; i < n; i++)
        FK_DO(curve(out, &series[i], i, err));
    FK_DO(fk_text_printf(out, err, "</svg>\n"));
done:
    return st;
}

/* ---- Histograms ---- */

static void widen(double *low, double *high, const double *v, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(v[i]))
            continue;
        *low = fmin(*low, v[i]);
        *high = fmax(*high, v[i]);
    }
}

static void count(int64_t counts[FK_CHART_BINS], double low, double high, const double *v,
                  int64_t n)
{
    for (int i = 0; i < FK_CHART_BINS; i++)
        counts[i] = 0;
    for (int64_t i = 0; i < n; i++) {
        double at = (v[i] - low) / (high - low) * FK_CHART_BINS;

        if (isfinite(v[i]) && isfinite(at))
            counts[at >= FK_CHART_BINS ? FK_CHART_BINS - 1 : (int)at]++;
    }
}

void fk_chart_bins(int64_t counts_a[FK_CHART_BINS], int64_t counts_b[FK_CHART_BINS], double *low,
                   double *high, const double *a, int64_t n_a, const double *b, int64_t n_b)
{
    *low = INFINITY;
    *high = -INFINITY;
    widen(low, high, a, n_a);
    widen(low, high, b, n_b);
    if (*low > *high)
        *low = *high = 0.0;
    if (*low == *high)
        *high = *low + 1.0;
    count(counts_a, *low, *high, a, n_a);
    count(counts_b, *low, *high, b, n_b);
}

static fleck_status bars(fk_text *out, const int64_t counts[FK_CHART_BINS], int64_t most, int i,
                         fleck_error *err)
{
    double width = SIDE / FK_CHART_BINS;
    fleck_status st = FLECK_OK;

    for (int k = 0; k < FK_CHART_BINS; k++) {
        double height = HEIGHT * (double)counts[k] / (double)most;

        if (counts[k] == 0)
            continue;
        FK_DO(fk_text_printf(
            out, err,
            "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\" "
            "fill-opacity=\"0.55\" stroke=\"%s\"/>\n",
            LEFT + width * k, TOP + HEIGHT - height, width, height, colour(i), colour(i)));
    }
done:
    return st;
}

fleck_status fk_chart_histogram(fk_text *out, const char *title, const double *good, int64_t n_good,
                                const double *defective, int64_t n_defective, fleck_error *err)
{
    static const char *const names[] = {"good", "defective"};
    int64_t counts[2][FK_CHART_BINS], most = 1;
    double low, high;
    char number[32];
    fleck_status st;

    fk_chart_bins(counts[0], counts[1], &low, &high, good, n_good, defective, n_defective);
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < FK_CHART_BINS; k++)
            most = counts[i][k] > most ? counts[i][k] : most;
    FK_DO(begin(out, title, HEIGHT, 2, err));
    for (int i = 0; i < 2; i++) {
        double x = LEFT + 90.0 * i, y = TOP + HEIGHT + 34.0;

        FK_DO(bars(out, counts[i], most, i, err));
        FK_DO(fk_text_printf(out, err,
                             "<rect x=\"%.1f\" y=\"%.1f\" width=\"10\" height=\"10\" fill=\"%s\" "
                             "fill-opacity=\"0.55\" "
                             "stroke=\"%s\"/>\n",
                             x, y - 9.0, colour(i), colour(i)));
        FK_DO(text(out, x + 15.0, y, "start", names[i], err));
    }
    fk_format(number, sizeof number, "%.4g", low);
    FK_DO(text(out, LEFT, TOP + HEIGHT + 14.0, "start", number, err));
    fk_format(number, sizeof number, "%.4g", high);
    FK_DO(text(out, LEFT + SIDE, TOP + HEIGHT + 14.0, "end", number, err));
    fk_format(number, sizeof number, "%lld", (long long)most);
    FK_DO(text(out, LEFT - 4.0, TOP + 8.0, "end", number, err));
    FK_DO(fk_text_printf(out, err, "</svg>\n"));
done:
    return st;
}
