/* SPDX-License-Identifier: Apache-2.0 */
/* Charts as SVG for an HTML page: curves, histograms and dots.
 *
 * Text, frames and grids have the page's text colour, so they are visible on light and dark
 * pages. */
#include "render/chart.h"
#include "base/number.h"
#include "render/table.h"

#include <math.h>

/* The plot's position in the picture, in pixels. */
#define LEFT 46.0
#define TOP 18.0
#define SIDE 240.0
#define HEIGHT 160.0
#define LINE 15.0

/* Eight colours that colour-blind readers can distinguish (Okabe and Ito 2008), with the page's
 * text colour in place of black; and dashes for grey print. */
static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73",      "#cc79a7",
                                      "#e69f00", "#56b4e9", "currentColor", "#8a7f00"};
static const char *const dashes[] = {"none", "6 2", "2 2", "8 2 2 2"};
/* Shapes of dots, around (0, 0). */
static const char *const marks[] = {"M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0", "M-4.5-4.5h9v9h-9z",
                                    "M0-6L5.5 4.5h-11z", "M0-6.5L6.5 0L0 6.5L-6.5 0z"};

static const char *colour(int i)
{
    return colours[(size_t)i % (sizeof colours / sizeof colours[0])];
}

static const char *dash(int i)
{
    return dashes[(size_t)(i + i / 8) % (sizeof dashes / sizeof dashes[0])];
}

static const char *mark(int i)
{
    return marks[(size_t)(i + i / 8) % (sizeof marks / sizeof marks[0])];
}

static fleck_status text(fk_text *out, double x, double y, const char *anchor, const char *words,
                         fleck_error *err)
{
    fleck_status st;

    FK_DO(
        fk_text_printf(out, err, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor));
    FK_DO(fk_html_add(out, err, "", words, "</text>\n", NULL));
done:
    return st;
}

/* Begin a figure with its title above a picture of this size.  The picture's alternative text is
 * title and description. */
static fleck_status begin(fk_text *out, const char *title, const char *description, double width,
                          double height, fleck_error *err)
{
    fleck_status st;

    FK_DO(fk_html_add(out, err, "<figure class=\"chart\">\n<figcaption>", title, NULL));
    FK_DO(fk_text_printf(out, err,
                         "</figcaption>\n<svg width=\"%.0f\" "
                         "height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" font-family=\"sans-serif\" "
                         "font-size=\"11\" fill=\"currentColor\" role=\"img\" aria-label=\"",
                         width, height, width, height));
    FK_DO(fk_html_add(out, err, "", title, ": ", description, "\">\n", NULL));
done:
    return st;
}

static fleck_status finish(fk_text *out, fleck_error *err)
{
    return fk_text_printf(out, err, "</svg>\n</figure>\n");
}

static fleck_status frame(fk_text *out, double height, fleck_error *err)
{
    return fk_text_printf(out, err,
                          "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
                          "fill=\"none\" stroke=\"currentColor\" stroke-opacity=\"0.5\"/>\n",
                          LEFT, TOP, SIDE, height);
}

fleck_status fk_chart_legend(fk_text *out, const char *const *names, int n, fleck_error *err)
{
    fleck_status st;

    FK_DO(fk_text_printf(out, err, "<ul class=\"legend\">\n"));
    for (int i = 0; i < n; i++) {
        FK_DO(fk_text_printf(
            out, err,
            "<li><svg width=\"34\" height=\"14\" viewBox=\"0 0 34 14\" aria-hidden=\"true\">"
            "<path d=\"M0 7h34\" stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\"/>"
            "<path transform=\"translate(17 7)\" d=\"%s\" fill=\"%s\"/></svg> ",
            colour(i), dash(i), mark(i), colour(i)));
        FK_DO(fk_html_add(out, err, "", names[i], "</li>\n", NULL));
    }
    FK_DO(fk_text_printf(out, err, "</ul>\n"));
done:
    return st;
}

/* ---- Curves ---- */

/* Lines and numbers at quarters of the unit square. */
static fleck_status grid(fk_text *out, fleck_error *err)
{
    char number[16];
    fleck_status st = FLECK_OK;

    for (int i = 0; i <= 4; i++) {
        double x = LEFT + SIDE * i / 4.0, y = TOP + SIDE * i / 4.0;

        FK_DO(fk_text_printf(out, err,
                             "<path d=\"M%.1f %.1fV%.1fM%.1f %.1fH%.1f\" stroke=\"currentColor\" "
                             "stroke-opacity=\"0.15\" fill=\"none\"/>\n",
                             x, TOP, TOP + SIDE, LEFT, y, LEFT + SIDE));
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

static fleck_status curve(fk_text *out, const fk_chart_series *s, fleck_error *err)
{
    fleck_status st;

    FK_DO(fk_text_printf(out, err,
                         "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.6\" "
                         "stroke-dasharray=\"%s\" points=\"",
                         colour(s->style), dash(s->style)));
    for (int64_t k = 0; k < s->n; k++)
        if (inside(s->x[k], s->y[k]))
            FK_DO(fk_text_printf(out, err, "%.2f,%.2f ", LEFT + SIDE * s->x[k],
                                 TOP + SIDE * (1.0 - s->y[k])));
    FK_DO(fk_html_add(out, err, "\"><title>", s->name, "</title></polyline>\n", NULL));
done:
    return st;
}

fleck_status fk_chart_curves(fk_text *out, const char *title, const char *x_name,
                             const char *y_name, const fk_chart_series *series, int n,
                             fleck_error *err)
{
    char description[128];
    fleck_status st;

    fk_format(description, sizeof description, "%s over %s, a curve for each run", y_name, x_name);
    FK_DO(begin(out, title, description, LEFT + SIDE + 16.0, TOP + SIDE + 34.0, err));
    FK_DO(frame(out, SIDE, err));
    FK_DO(grid(out, err));
    FK_DO(text(out, LEFT + SIDE / 2.0, TOP + SIDE + 28.0, "middle", x_name, err));
    FK_DO(fk_text_printf(out, err, "<g transform=\"rotate(-90 12 %.1f)\">", TOP + SIDE / 2.0));
    FK_DO(text(out, 12.0, TOP + SIDE / 2.0, "middle", y_name, err));
    FK_DO(fk_text_printf(out, err, "</g>\n"));
    for (int i = 0; i < n; i++)
        FK_DO(curve(out, &series[i], err));
    FK_DO(finish(out, err));
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
                   double *high, const double *a, int64_t n_a, const double *b, int64_t n_b,
                   double also)
{
    *low = INFINITY;
    *high = -INFINITY;
    widen(low, high, &also, 1);
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

/* The x of v in the plot. */
static double place(double v, double low, double high)
{
    return LEFT + SIDE * (v - low) / (high - low);
}

/* "threshold 1.25" above a line through the plot; nothing without a threshold. */
static fleck_status threshold_line(fk_text *out, double threshold, double low, double high,
                                   fleck_error *err)
{
    double x = place(threshold, low, high);
    char words[48];
    fleck_status st;

    if (!isfinite(threshold))
        return FLECK_OK;
    FK_DO(fk_text_printf(out, err,
                         "<path class=\"threshold\" d=\"M%.2f %.1fV%.1f\" stroke=\"currentColor\" "
                         "stroke-width=\"2\" stroke-dasharray=\"5 3\"/>\n",
                         x, TOP - 4.0, TOP + HEIGHT));
    fk_format(words, sizeof words, "threshold %.4g", threshold);
    FK_DO(
        text(out, fmin(fmax(x, LEFT + 45.0), LEFT + SIDE - 45.0), TOP - 7.0, "middle", words, err));
done:
    return st;
}

/* "defective: 12 of 16 above", or "defective: 16" without a threshold. */
static void count_above(char words[64], const char *name, const double *v, int64_t n,
                        double threshold)
{
    long long above = 0;

    for (int64_t i = 0; i < n; i++)
        above += v[i] > threshold;
    if (isnan(threshold))
        fk_format(words, 64, "%s: %lld", name, (long long)n);
    else
        fk_format(words, 64, "%s: %lld of %lld above", name, above, (long long)n);
}

/* Numbers at the axes: the range of the scores, and the height of the highest bar. */
static fleck_status axes(fk_text *out, double low, double high, int64_t most, fleck_error *err)
{
    char number[32];
    fleck_status st;

    fk_format(number, sizeof number, "%.4g", low);
    FK_DO(text(out, LEFT, TOP + HEIGHT + 14.0, "start", number, err));
    FK_DO(text(out, LEFT + SIDE / 2.0, TOP + HEIGHT + 14.0, "middle", "score", err));
    fk_format(number, sizeof number, "%.4g", high);
    FK_DO(text(out, LEFT + SIDE, TOP + HEIGHT + 14.0, "end", number, err));
    fk_format(number, sizeof number, "%lld", (long long)most);
    FK_DO(text(out, LEFT - 4.0, TOP + 8.0, "end", number, err));
    FK_DO(fk_text_printf(out, err, "<g transform=\"rotate(-90 12 %.1f)\">", TOP + HEIGHT / 2.0));
    FK_DO(text(out, 12.0, TOP + HEIGHT / 2.0, "middle", "images", err));
    FK_DO(fk_text_printf(out, err, "</g>\n"));
done:
    return st;
}

fleck_status fk_chart_histogram(fk_text *out, const char *title, const double *good, int64_t n_good,
                                const double *defective, int64_t n_defective, double threshold,
                                fleck_error *err)
{
    int64_t counts[2][FK_CHART_BINS], most = 1;
    double low, high;
    char words[2][64], description[192];
    fleck_status st;

    fk_chart_bins(counts[0], counts[1], &low, &high, good, n_good, defective, n_defective,
                  threshold);
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < FK_CHART_BINS; k++)
            most = counts[i][k] > most ? counts[i][k] : most;
    count_above(words[0], "good", good, n_good, threshold);
    count_above(words[1], "defective", defective, n_defective, threshold);
    fk_format(description, sizeof description, "scores from %.4g to %.4g; %s; %s", low, high,
              words[0], words[1]);
    FK_DO(
        begin(out, title, description, LEFT + SIDE + 16.0, TOP + HEIGHT + 24.0 + 2.0 * LINE, err));
    FK_DO(frame(out, HEIGHT, err));
    for (int i = 0; i < 2; i++) {
        double y = TOP + HEIGHT + 32.0 + LINE * i;

        FK_DO(bars(out, counts[i], most, i, err));
        FK_DO(fk_text_printf(out, err,
                             "<rect x=\"%.1f\" y=\"%.1f\" width=\"10\" height=\"10\" fill=\"%s\" "
                             "fill-opacity=\"0.55\" stroke=\"%s\"/>\n",
                             LEFT, y - 9.0, colour(i), colour(i)));
        FK_DO(text(out, LEFT + 15.0, y, "start", words[i], err));
    }
    FK_DO(threshold_line(out, threshold, low, high, err));
    FK_DO(axes(out, low, high, most, err));
    FK_DO(finish(out, err));
done:
    return st;
}

/* ---- Dots ---- */

#define DOTS_WIDTH 360.0
#define DOTS_LEFT 14.0
#define DOTS_ROW 40.0

/* The start of the axis, a round number, and the distance of its ticks; the axis ends at 100. */
static double axis_from(const fk_chart_row *rows, int64_t n_rows, int n, double *step)
{
    double low = 100.0;

    for (int64_t r = 0; r < n_rows; r++)
        for (int i = 0; i < n; i++)
            if (isfinite(rows[r].values[i]))
                low = fmin(low, fmax(rows[r].values[i], 0.0));
    *step = low >= 99.0 ? 0.25 : low >= 96.0 ? 1.0 : low >= 90.0 ? 2.0 : low >= 80.0 ? 5.0 : 10.0;
    if (low < 50.0)
        *step = 25.0;
    return fmax(0.0, floor((low - *step / 4.0) / *step) * *step);
}

/* Skip n characters of UTF-8 text. */
static const char *skip(const char *words, int n)
{
    for (; *words != '\0' && n > 0; n--)
        do
            words++;
        while (((unsigned char)*words & 0xc0) == 0x80);
    return words;
}

/* The text above a row's line: its name, without the middle if it is long, and the note. */
static fleck_status row_words(fk_text *out, const fk_chart_row *row, double y, fleck_error *err)
{
    char name[128];
    int length = 0;
    fleck_status st;

    for (const char *p = row->name; *p != '\0'; p = skip(p, 1))
        length++;
    if (length > 20)
        fk_format(name, sizeof name, "%.*s..%s", (int)(skip(row->name, 10) - row->name), row->name,
                  skip(row->name, length - 8));
    else
        fk_format(name, sizeof name, "%s", row->name);
    FK_DO(fk_text_printf(out, err, "<g font-weight=\"bold\">"));
    FK_DO(text(out, DOTS_LEFT - 6.0, y, "start", name, err));
    FK_DO(fk_text_printf(out, err, "</g>"));
    FK_DO(text(out, DOTS_WIDTH - 8.0, y, "end", row->note, err));
done:
    return st;
}

/* A row's dots.  The best one has a ring and is drawn last, on top. */
static fleck_status row_dots(fk_text *out, const fk_chart_row *row, const char *const *names, int n,
                             double y, double from, fleck_error *err)
{
    char value[32];
    fleck_status st = FLECK_OK;

    for (int k = 0; k < n + 1; k++) {
        int i = k < n ? k : row->best;
        double x;

        if (i < 0 || (k < n && i == row->best) || !isfinite(row->values[i]))
            continue;
        x = DOTS_LEFT +
            (DOTS_WIDTH - 2.0 * DOTS_LEFT) * (fmax(row->values[i], from) - from) / (100.0 - from);
        if (i == row->best)
            FK_DO(fk_text_printf(out, err,
                                 "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"10\" fill=\"none\" "
                                 "stroke=\"currentColor\" stroke-width=\"1.5\"/>\n",
                                 x, y));
        FK_DO(fk_text_printf(out, err,
                             "<path transform=\"translate(%.1f %.1f)\" d=\"%s\" fill=\"%s\">", x, y,
                             mark(i), colour(i)));
        fk_format(value, sizeof value, ": %.2f", row->values[i]);
        FK_DO(fk_html_add(out, err, "<title>", names[i], value, "", "</title></path>\n", NULL));
    }
done:
    return st;
}

fleck_status fk_chart_dots(fk_text *out, const char *title, const fk_chart_row *rows,
                           int64_t n_rows, const char *const *names, int n, fleck_error *err)
{
    double step, from = axis_from(rows, n_rows, n, &step);
    double bottom = DOTS_ROW * (double)n_rows + 4.0;
    fleck_status st;

    FK_DO(begin(out, title, "a row for each category, a dot for each run, the best in a ring",
                DOTS_WIDTH, bottom + 18.0, err));
    for (int i = 0; from + step * i <= 100.0; i++) {
        double x = DOTS_LEFT + (DOTS_WIDTH - 2.0 * DOTS_LEFT) * step * i / (100.0 - from);
        char number[32];

        FK_DO(fk_text_printf(out, err,
                             "<path d=\"M%.1f 2V%.1f\" stroke=\"currentColor\" "
                             "stroke-opacity=\"0.15\"/>\n",
                             x, bottom));
        fk_format(number, sizeof number, "%g", from + step * i);
        FK_DO(text(out, x, bottom + 13.0, "middle", number, err));
    }
    for (int64_t r = 0; r < n_rows; r++) {
        double y = DOTS_ROW * (double)r + 14.0;

        FK_DO(row_words(out, &rows[r], y, err));
        FK_DO(fk_text_printf(out, err,
                             "<path d=\"M%.1f %.1fH%.1f\" stroke=\"currentColor\" "
                             "stroke-opacity=\"0.4\"/>\n",
                             DOTS_LEFT, y + 15.0, DOTS_WIDTH - DOTS_LEFT));
        FK_DO(row_dots(out, &rows[r], names, n, y + 15.0, from, err));
    }
    FK_DO(finish(out, err));
done:
    return st;
}
