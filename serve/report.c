/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/products/#/report.html: a file that says all by itself, without links or scripts. */
#include "api.h"
#include "maps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PICTURES = 50, PICTURE = 480, CHART_W = 900, CHART_H = 160, MOST_POINTS = 2000 };

/* ---- Texts ---- */

typedef enum text_key {
    TITLE,
    PERIOD,
    BEGIN,
    END,
    MADE,
    MODEL,
    VERSION,
    DIGEST,
    LEARNED,
    THRESHOLD,
    NO_THRESHOLD,
    PROMISE,
    NO_PROMISE,
    JUDGED_BY,
    NUMBER,
    COUNTS,
    GOOD,
    DEFECTIVE,
    NONE,
    FAILED,
    MARKS,
    VERDICT,
    WAS_GOOD,
    WAS_DEFECT,
    UNMARKED,
    FOUND,
    REJECTED,
    TREND,
    TREND_HOUR,
    TREND_DAY,
    PICTURES,
    PICTURES_OF,
    NO_PICTURE,
    SCORE,
    NOTHING,
    CSV_NOTE
} text_key;

/* English and German. */
static const char *const texts[][2] = {
    [TITLE] = {"Inspection report", "Prüfbericht"},
    [PERIOD] = {"Period", "Zeitraum"},
    [BEGIN] = {"the beginning", "Beginn"},
    [END] = {"now", "jetzt"},
    [MADE] = {"Made", "Erstellt"},
    [MODEL] = {"Model", "Modell"},
    [VERSION] = {"Version", "Version"},
    [DIGEST] = {"Checksum", "Prüfsumme"},
    [LEARNED] = {"Learned photos", "Gelernte Fotos"},
    [THRESHOLD] = {"Threshold", "Schwelle"},
    [NO_THRESHOLD] = {"none: parts are not judged", "keine: Teile werden nicht beurteilt"},
    [PROMISE] =
        {"%lld of %lld good photos, each scored by a model that had not learned it, lie above. "
         "At most %.3g % of parts like these are rejected.",
         "%lld von %lld guten Fotos liegen darüber, jedes bewertet von einem Modell, das es "
         "nicht gelernt hatte. Höchstens %.3g % solcher Teile werden aussortiert."},
    [NO_PROMISE] =
        {"It was learned from too few photos to say how many good parts are rejected.",
         "Es sind zu wenige gelernte Fotos, um zu sagen, wie viele gute Teile aussortiert "
         "werden."},
    [JUDGED_BY] = {"Judged by", "Beurteilt von"},
    [NUMBER] = {"Inspections", "Prüfungen"},
    [COUNTS] = {"Verdicts", "Urteile"},
    [GOOD] = {"good", "gut"},
    [DEFECTIVE] = {"defective", "fehlerhaft"},
    [NONE] = {"not judged", "nicht beurteilt"},
    [FAILED] = {"could not be read", "nicht lesbar"},
    [MARKS] = {"Verdicts and operators' marks", "Urteile und Markierungen der Bediener"},
    [VERDICT] = {"Verdict", "Urteil"},
    [WAS_GOOD] = {"was good", "war gut"},
    [WAS_DEFECT] = {"was defective", "war fehlerhaft"},
    [UNMARKED] = {"not marked", "nicht markiert"},
    [FOUND] = {"Of %lld parts marked as defective, %lld were found.",
               "Von %lld als fehlerhaft markierten Teilen wurden %lld gefunden."},
    [REJECTED] = {"Of %lld parts marked as good, %lld were rejected.",
                  "Von %lld als gut markierten Teilen wurden %lld aussortiert."},
    [TREND] = {"Trend", "Entwicklung"},
    [TREND_HOUR] = {"Inspections by hour, UTC; the defective ones are dark.",
                    "Prüfungen je Stunde, UTC; die fehlerhaften sind dunkel."},
    [TREND_DAY] = {"Inspections by day, UTC; the defective ones are dark.",
                   "Prüfungen je Tag, UTC; die fehlerhaften sind dunkel."},
    [PICTURES] = {"Defective parts", "Fehlerhafte Teile"},
    [PICTURES_OF] = {"The last %lld of %lld, newest first.",
                     "Die letzten %lld von %lld, die neuesten zuerst."},
    [NO_PICTURE] = {"The picture is no longer kept.", "Das Bild ist nicht mehr aufbewahrt."},
    [SCORE] = {"score", "Wert"},
    [NOTHING] = {"None in this period.", "Keine in diesem Zeitraum."},
    [CSV_NOTE] =
        {"Marks are what operators said of single parts. They are not a random sample.",
         "Markierungen sind Aussagen der Bediener zu einzelnen Teilen, keine Zufallsstichprobe."},
};

typedef struct page {
    FILE *to;
    sv_server *server;
    int64_t product;
    const char *from, *until; /* NULL: open */
    int language;
} page;

static const char *say(const page *p, text_key key)
{
    return texts[key][p->language];
}

static void put(const page *p, const char *text)
{
    for (; text != NULL && *text != '\0'; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", p->to);
            break;
        case '<':
            fputs("&lt;", p->to);
            break;
        case '>':
            fputs("&gt;", p->to);
            break;
        case '"':
            fputs("&quot;", p->to);
            break;
        case '\'':
            fputs("&#39;", p->to);
            break;
        default:
            fputc(*text, p->to);
        }
    }
}

/* A text with two or three numbers: "%lld" takes the next of a and b, "%.3g" takes c. */
static void put_with(const page *p, text_key key, int64_t a, int64_t b, double c)
{
    int taken = 0;

    for (const char *t = say(p, key); *t != '\0';) {
        if (strncmp(t, "%lld", 4) == 0) {
            fprintf(p->to, "%lld", (long long)(taken++ == 0 ? a : b));
            t += 4;
        } else if (strncmp(t, "%.3g", 4) == 0) {
            fprintf(p->to, "%.3g", c);
            t += 4;
        } else {
            fputc(*t++, p->to);
        }
    }
}

static void put_pair(const page *p, text_key key, const char *value)
{
    fputs("<dt>", p->to);
    put(p, say(p, key));
    fputs("</dt><dd>", p->to);
    put(p, value);
    fputs("</dd>\n", p->to);
}

static void put_heading(const page *p, text_key key)
{
    fputs("<h2>", p->to);
    put(p, say(p, key));
    fputs("</h2>\n", p->to);
}

static int64_t whole(const json_t *object, const char *name)
{
    return (int64_t)json_integer_value(json_object_get(object, name));
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* ---- Parts of the page ---- */

static void put_head(const page *p, const char *name)
{
    char now[SV_TIME];

    sv_now(now);
    fprintf(p->to,
            "<!doctype html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
            "style-src 'unsafe-inline'; img-src data:\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
            p->language == 1 ? "de" : "en");
    put(p, name);
    fputs(
        "</title>\n<style>\n"
        ":root{color-scheme:light "
        "dark;--back:#fff;--fore:#1c2321;--line:#c9d2ce;--dim:#56615d;--good:#8fb8a6;--bad:#8f1d13}"
        "\n"
        "@media(prefers-color-scheme:dark){:root{--back:#151a18;--fore:#e6ecea;--line:#3b4642;--"
        "dim:#a3b0ab;--good:#4c7a67;"
        "--bad:#ff8a80}}\n"
        "body{background:var(--back);color:var(--fore);font:16px/1.45 "
        "system-ui,sans-serif;max-width:60rem;margin:auto;padding:1rem}\n"
        "table{border-collapse:collapse}th,td{text-align:left;overflow-wrap:anywhere;padding:.3rem "
        ".8rem .3rem 0;"
        "border-bottom:1px solid var(--line)}td{font-variant-numeric:tabular-nums}\n"
        "dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dd{margin:0;"
        "overflow-wrap:anywhere}dt,.dim,figcaption{color:var(--dim)}\n"
        ".scroll{overflow-x:auto}.pictures{display:grid;grid-template-columns:repeat(auto-fill,"
        "minmax(15rem,1fr));gap:1rem}"
        "\n"
        "h1,figure{overflow-wrap:anywhere}figure{margin:0;break-inside:avoid;overflow-wrap:"
        "anywhere}svg{width:100%;height:auto;"
        "display:block}.all{fill:var(--good)}.bad{fill:var(--bad)}\n"
        "polygon{fill:none;stroke:#fff;stroke-width:2;paint-order:stroke;"
        "vector-effect:non-scaling-stroke}polygon.under{stroke:#000;stroke-width:4}\n"
        "</style></head><body><main>\n<h1>",
        p->to);
    put(p, name);
    fputs("</h1>\n<p>", p->to);
    put(p, say(p, TITLE));
    fputs("</p>\n<dl>", p->to);
    fputs("<dt>", p->to);
    put(p, say(p, PERIOD));
    fputs("</dt><dd>", p->to);
    put(p, p->from != NULL ? p->from : say(p, BEGIN));
    fputs(" – ", p->to);
    put(p, p->until != NULL ? p->until : say(p, END));
    fputs("</dd>\n", p->to);
    put_pair(p, MADE, now);
    fputs("</dl>\n", p->to);
}

/* How many held-out scores lie above the threshold, and what follows for new parts: of n + 1 parts
 * alike, the new one is as likely as any to have each rank. */
static void put_promise(const page *p, const fleck_model *model)
{
    const fleck_model_info *info = fleck_model_describe(model);
    int64_t n = 0, above = 0;
    fleck_held_out h;
    double percent;

    while (fleck_model_held_out(model, n, &h)) {
        above += h.alone > info->threshold;
        n++;
    }
    percent = 100.0 * (double)(above + 1) / (double)(n + 1);
    fputs("<p>", p->to);
    if (n >= 10 && above < n)
        put_with(p, PROMISE, above, n, ceil(percent * 10.0 - 1e-9) / 10.0);
    else
        put(p, say(p, NO_PROMISE));
    fputs("</p>\n", p->to);
}

static void put_model(const page *p, sv_model *m, int64_t version)
{
    const fleck_model_info *info = fleck_model_describe(m->model);
    char text[64];

    put_heading(p, MODEL);
    fputs("<dl>", p->to);
    snprintf(text, sizeof text, "%lld", (long long)version);
    put_pair(p, VERSION, text);
    put_pair(p, DIGEST, m->digest);
    snprintf(text, sizeof text, "%lld", (long long)info->images);
    put_pair(p, LEARNED, text);
    snprintf(text, sizeof text, "%.6g", info->threshold);
    put_pair(p, THRESHOLD, isnan(info->threshold) ? say(p, NO_THRESHOLD) : text);
    fputs("</dl>\n", p->to);
    if (!isnan(info->threshold))
        put_promise(p, m->model);
}

static bool put_judges(const page *p, fleck_error *err)
{
    json_t *rows = sv_db_rows(&p->server->db, err,
                              "SELECT m.version, m.threshold, COUNT(*) AS n FROM inspection i JOIN"
                              " model m ON m.id = i.model WHERE i.product = ?1 AND (?2 IS NULL OR"
                              " i.time >= ?2) AND (?3 IS NULL OR i.time < ?3) GROUP BY m.id ORDER"
                              " BY m.version",
                              "iss", p->product, p->from, p->until);
    const text_key heads[] = {VERSION, THRESHOLD, NUMBER};
    json_t *row;
    size_t i;

    if (rows == NULL)
        return false;
    put_heading(p, JUDGED_BY);
    fputs("<div class=\"scroll\"><table><tr>", p->to);
    for (size_t k = 0; k < 3; k++)
        fprintf(p->to, "<th scope=\"col\">%s</th>", say(p, heads[k]));
    fputs("</tr>\n", p->to);
    json_array_foreach(rows, i, row)
        fprintf(p->to, "<tr><td>%lld</td><td>%.6g</td><td>%lld</td></tr>\n",
                (long long)whole(row, "version"),
                json_real_value(json_object_get(row, "threshold")), (long long)whole(row, "n"));
    fputs("</table></div>\n", p->to);
    json_decref(rows);
    return true;
}

static const struct verdict {
    const char *name;
    text_key text;
} verdicts[] = {{"good", GOOD}, {"defective", DEFECTIVE}, {"none", NONE}, {"error", FAILED}};

static void put_counts(const page *p, const json_t *counts)
{
    put_heading(p, COUNTS);
    fputs("<div class=\"scroll\"><table>", p->to);
    for (int v = 0; v < 4; v++)
        fprintf(p->to, "<tr><th scope=\"row\">%s</th><td>%lld</td></tr>\n",
                say(p, verdicts[v].text), (long long)whole(counts, verdicts[v].name));
    fputs("</table></div>\n", p->to);
}

static void put_confusion(const page *p, const json_t *confusion)
{
    const json_t *good = json_object_get(confusion, "good");
    const json_t *defective = json_object_get(confusion, "defective");

    put_heading(p, MARKS);
    fprintf(p->to,
            "<div class=\"scroll\"><table><tr><th scope=\"col\">%s</th><th "
            "scope=\"col\">%s</th><th scope=\"col\">%s</th>"
            "<th scope=\"col\">%s</th></tr>\n",
            say(p, VERDICT), say(p, WAS_GOOD), say(p, WAS_DEFECT), say(p, UNMARKED));
    for (int v = 0; v < 4; v++) {
        const json_t *row = json_object_get(confusion, verdicts[v].name);

        fprintf(p->to,
                "<tr><th scope=\"row\">%s</th><td>%lld</td><td>%lld</td><td>%lld</td></tr>\n",
                say(p, verdicts[v].text), (long long)whole(row, "good"),
                (long long)whole(row, "defect"), (long long)whole(row, "none"));
    }
    fputs("</table></div>\n<p>", p->to);
    put_with(p, FOUND, whole(defective, "defect") + whole(good, "defect"),
             whole(defective, "defect"), 0);
    fputc(' ', p->to);
    put_with(p, REJECTED, whole(defective, "good") + whole(good, "good"), whole(defective, "good"),
             0);
    fputs("</p>\n<p class=\"dim\">", p->to);
    put(p, say(p, CSV_NOTE));
    fputs("</p>\n", p->to);
}

static void put_trend(const page *p, const json_t *summary)
{
    const json_t *trend = json_object_get(summary, "trend"), *row;
    const size_t n = json_array_size(trend);
    const bool by_day = strcmp(text_of(summary, "bucket"), "day") == 0;
    const double step = n > 0 ? (double)CHART_W / (double)n : 0;
    const double width = fmin(step - 2.0, 60);
    int64_t most = 1;
    size_t i;

    put_heading(p, TREND);
    json_array_foreach(trend, i, row) most =
        whole(row, "inspected") > most ? whole(row, "inspected") : most;
    fprintf(p->to,
            "<p class=\"dim\">%s</p>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" "
            "aria-label=\"%s\">\n",
            say(p, by_day ? TREND_DAY : TREND_HOUR), CHART_W, CHART_H, say(p, TREND));
    json_array_foreach(trend, i, row)
    {
        const double x = step * (double)(n - 1 - i); /* rows come newest first */
        const double all = (double)CHART_H * (double)whole(row, "inspected") / (double)most;
        const double bad = (double)CHART_H * (double)whole(row, "defective") / (double)most;

        fputs("<g><title>", p->to);
        put(p, text_of(row, "at"));
        fprintf(p->to,
                ": %lld, %s %lld</title><rect class=\"all\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                "height=\"%.1f\"/><rect class=\"bad\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                "height=\"%.1f\"/></g>\n",
                (long long)whole(row, "inspected"), say(p, DEFECTIVE),
                (long long)whole(row, "defective"), x, CHART_H - all, width, all, x, CHART_H - bad,
                width, bad);
    }
    fputs("</svg>\n", p->to);
}

/* ---- Pictures ---- */

static void put_outline(const page *p, const json_t *points, const char *class)
{
    const size_t n = json_array_size(points);
    const size_t step = n > MOST_POINTS ? n / MOST_POINTS + 1 : 1;

    fprintf(p->to, "<polygon%s points=\"", class);
    for (size_t i = 0; i < n; i += step) {
        const json_t *point = json_array_get(points, i);

        fprintf(p->to, "%lld,%lld ", (long long)json_integer_value(json_array_get(point, 0)),
                (long long)json_integer_value(json_array_get(point, 1)));
    }
    fputs("\"/>", p->to);
}

/* The kept picture, reduced, in base64; NULL: there is none. */
static char *picture_text(const page *p, const json_t *row)
{
    const char *picture = text_of(row, "picture");
    fleck_photo *photo = NULL;
    fleck_error err = {0};
    unsigned char *jpeg = NULL;
    char path[4096], *text = NULL;
    size_t size;

    if (picture == NULL)
        return NULL;
    sv_path(p->server, path, "%s", picture);
    if (fleck_photo_read(&photo, path, PICTURE, &err) == FLECK_OK &&
        fleck_pixels_jpeg(&(fleck_pixels){photo->data, photo->width, photo->height,
                                          (size_t)photo->width * 3, FLECK_RGB8},
                          &jpeg, &size, &err) == FLECK_OK)
        text = sv_base64(jpeg, size);
    fleck_free(jpeg);
    fleck_photo_free(&photo);
    return text;
}

static void put_picture(const page *p, const json_t *row)
{
    char *text = picture_text(p, row);
    const json_t *regions = json_object_get(row, "regions"), *region;
    const long long w = whole(row, "width"), h = whole(row, "height");
    size_t i;

    fputs("<figure>", p->to);
    if (text != NULL) {
        fprintf(p->to, "<svg viewBox=\"0 0 %lld %lld\" role=\"img\" aria-label=\"", w, h);
        put(p, text_of(row, "name"));
        fprintf(p->to,
                "\"><image width=\"%lld\" height=\"%lld\" href=\"data:image/jpeg;base64,%s\"/>", w,
                h, text);
        json_array_foreach(regions, i, region)
        {
            put_outline(p, json_object_get(region, "outline"), " class=\"under\"");
            put_outline(p, json_object_get(region, "outline"), "");
        }
        fputs("</svg>", p->to);
    } else {
        fprintf(p->to, "<p>%s</p>", say(p, NO_PICTURE));
    }
    free(text);
    fputs("<figcaption>", p->to);
    put(p, text_of(row, "name"));
    fputs("<br>", p->to);
    put(p, text_of(row, "time"));
    fprintf(p->to, "<br>%s %.4g (%s %.4g)", say(p, SCORE),
            json_real_value(json_object_get(row, "score")), say(p, THRESHOLD),
            json_real_value(json_object_get(row, "threshold")));
    if (text_of(row, "mark") != NULL)
        fprintf(p->to, "<br>%s",
                say(p, strcmp(text_of(row, "mark"), "good") == 0 ? WAS_GOOD : WAS_DEFECT));
    fputs("</figcaption></figure>\n", p->to);
}

static bool put_pictures(const page *p, int64_t defective, fleck_error *err)
{
    json_t *rows = sv_db_rows(&p->server->db, err,
                              "SELECT name, time, score, threshold, width, height, picture, mark,"
                              " regions AS regions_json FROM inspection WHERE product = ?1 AND"
                              " verdict = 'defective' AND (?2 IS NULL OR time >= ?2) AND (?3 IS"
                              " NULL OR time < ?3) ORDER BY id DESC LIMIT ?4",
                              "issi", p->product, p->from, p->until, (int64_t)MOST_PICTURES);
    json_t *row;
    size_t i;

    if (rows == NULL)
        return false;
    put_heading(p, PICTURES);
    fputs("<p class=\"dim\">", p->to);
    if (json_array_size(rows) > 0)
        put_with(p, PICTURES_OF, (int64_t)json_array_size(rows), defective, 0);
    else
        put(p, say(p, NOTHING));
    fputs("</p>\n<div class=\"pictures\">\n", p->to);
    json_array_foreach(rows, i, row) put_picture(p, row);
    fputs("</div>\n", p->to);
    json_decref(rows);
    return true;
}

/* ---- The whole ---- */

static bool put_page(const page *p, fleck_error *err)
{
    json_t *product = sv_db_row(&p->server->db, err,
                                "SELECT p.name, m.version FROM product p LEFT JOIN model m ON m.id"
                                " = p.current_model WHERE p.id = ?",
                                "i", p->product);
    json_t *summary = sv_summary(p->server, p->product, p->from, p->until, err);
    const json_t *counts = json_object_get(summary, "counts");
    bool ok = product != NULL && summary != NULL;
    sv_model *m = NULL;

    if (ok && whole(product, "version") > 0)
        ok = (m = sv_model_acquire(p->server->inspector, p->product, 0, err)) != NULL;
    if (ok) {
        put_head(p, text_of(product, "name"));
        if (m != NULL)
            put_model(p, m, whole(product, "version"));
        ok = put_judges(p, err);
        put_counts(p, counts);
        put_confusion(p, json_object_get(summary, "confusion"));
        put_trend(p, summary);
        ok = ok && put_pictures(p, whole(counts, "defective"), err);
        fprintf(p->to, "<p class=\"dim\">fleck %s</p>\n</main></body></html>\n", fleck_version());
    }
    sv_model_release(p->server->inspector, m);
    json_decref(product);
    json_decref(summary);
    return ok;
}

void sv_report(sv_request *r)
{
    static const char *const languages[] = {"en", "de", NULL};
    const char *language = sv_query_one(r, "lang", languages);
    page p = {.server = r->server,
              .product = r->ids[0],
              .from = sv_query_time(r, "from"),
              .until = sv_query_time(r, "to"),
              .language = language != NULL && strcmp(language, "de") == 0};
    fleck_error err = {0};
    char *text = NULL;
    size_t size = 0;
    bool ok;

    if (!sv_need_product(r, r->ids[0]))
        return;
    if ((p.to = open_memstream(&text, &size)) == NULL) {
        sv_reply_problem(r, 503, "out of memory");
        return;
    }
    ok = put_page(&p, &err);
    if (fclose(p.to) != 0 && ok)
        ok = sv_error(&err, FLECK_E_NOMEM, "out of memory");
    if (!ok) {
        free(text);
        sv_reply_error(r, &err);
        return;
    }
    sv_reply_bytes(r, 200, "text/html; charset=utf-8", text, size, SV_FREE);
    sv_content_policy(
        r, "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
           "form-action 'none'; frame-ancestors 'none'; sandbox");
    sv_header(r, "Content-Disposition", "inline; filename=\"report.html\"");
}
