/* SPDX-License-Identifier: Apache-2.0 */
/* fleck predict --html: one page that needs no other file and no network. */
#define _GNU_SOURCE
#include "page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char page_head[] = FLECK_PAGE_HEAD
    "<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
    "style-src 'unsafe-inline'\">\n";

static const char page_style[] =
    "<style>\n"
    ":root{color-scheme:light dark;--ground:#fff;--card:#f6f6f7;--ink:#1b1b1f;--faint:#5c5c66;"
    "--line:#d6d6dc;--good:#1f6fb2;--bad:#b3261e}\n"
    "@media(prefers-color-scheme:dark){:root{--ground:#131316;--card:#1e1e23;--ink:#ececf0;"
    "--faint:#a3a3ae;--line:#3a3a42;--good:#6cb4f0;--bad:#ff8a80}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;padding:1em;max-width:76em;font:16px/1.45 system-ui,sans-serif;"
    "background:var(--ground);color:var(--ink);overflow-wrap:anywhere}\n"
    "h1{font-size:1.6em;line-height:1.2;margin:.3em 0 .6em}h2{font-size:1.15em;margin:1.8em 0 .6em}"
    "h3{font-size:1em;margin:0 0 .3em}\n"
    "p{margin:.4em 0}.faint,figcaption{color:var(--faint);font-size:.9em}\n"
    ".counts{display:grid;grid-template-columns:repeat(auto-fit,minmax(9em,1fr));gap:.6em;"
    "padding:0;margin:0 0 1em;list-style:none}\n"
    ".counts li{padding:.5em .8em;border-radius:.5em;background:var(--card);"
    "color:var(--faint)}\n"
    ".counts b{display:block;font-size:1.7em;line-height:1.2;color:var(--ink)}\n"
    ".counts .bad b{color:var(--bad)}.counts .good b{color:var(--good)}\n"
    ".chart{margin:1.2em 0}.chart svg{display:block;width:100%;height:9em;"
    "border-bottom:1px solid var(--line)}\n"
    "rect.good,.key.good{fill:var(--good);background:var(--good)}"
    "rect.plain{fill:var(--faint)}rect.bad,.key.bad{fill:var(--bad);background:var(--bad)}\n"
    ".limit{stroke:var(--ink);stroke-width:2;stroke-dasharray:5 3}\n"
    ".key{display:inline-block;width:.8em;height:.8em;border-radius:.15em;margin:0 .3em 0 .8em}"
    ".words{white-space:nowrap}\n"
    ".mark{position:relative;height:1.4em;margin:0}.mark span{position:absolute;"
    "transform:translateX(-50%);white-space:nowrap;font-size:.9em}\n"
    ".ends{display:flex;justify-content:space-between;margin:.1em 0;font-size:.9em}\n"
    ".part{display:grid;grid-template-columns:minmax(0,22em) minmax(0,1fr);gap:1em;padding:1em;"
    "margin:0 0 1em;border-radius:.5em;background:var(--card);border-left:.35em solid var(--line);"
    "break-inside:avoid}\n"
    "@media(max-width:44em){.part{grid-template-columns:minmax(0,1fr)}}\n"
    ".part.bad{border-color:var(--bad)}.part.good{border-color:var(--good)}\n"
    ".part:has(details[open]){grid-template-columns:minmax(0,1fr)}\n"
    "summary{display:block;cursor:zoom-in;list-style:none;border-radius:.3em}"
    "summary::-webkit-details-marker{display:none}\n"
    "details[open] summary{cursor:zoom-out;overflow:auto}\n"
    "summary img{display:block;width:100%;max-height:22em;object-fit:contain;object-position:left "
    "top}\n"
    "details[open] img{width:auto;min-width:100%;max-width:none;max-height:none}\n"
    "summary small{color:var(--faint)}.shrink,details[open] .enlarge{display:none}"
    "details[open] .shrink{display:inline}\n"
    ".verdict{font-weight:600}.bad .verdict,td.bad{color:var(--bad)}"
    ".good .verdict,td.good{color:var(--good)}\n"
    "dl{display:flex;flex-wrap:wrap;gap:.2em 1.4em;margin:.4em 0 .8em}dl div{min-width:4em}"
    "dt{color:var(--faint);font-size:.85em}dd{margin:0;font-variant-numeric:tabular-nums}\n"
    ".wide{overflow-x:auto}\n"
    "table{border-collapse:collapse;font-size:.9em;font-variant-numeric:tabular-nums;"
    "white-space:nowrap}\n"
    "th,td{padding:.2em .5em .2em 0;border-bottom:1px solid var(--line);text-align:left;"
    "vertical-align:top}th{color:var(--faint);font-weight:400}\n"
    "td.name{white-space:normal;min-width:9em}.folder{color:var(--faint);font-weight:400}\n"
    "</style>\n";

/* Print a name in an element of its own direction of writing. */
static void put_name(FILE *to, const char *name)
{
    fputs("<bdi>", to);
    html_text(to, name);
    fputs("</bdi>", to);
}

/* Print a path with its last part emphasised. */
static void put_path(FILE *to, const char *path)
{
    const char *slash = strrchr(path, '/');

    fputs("<bdi>", to);
    if (slash != NULL && slash[1] != '\0') {
        char *folder = need(strndup(path, (size_t)(slash - path) + 1));

        fputs("<span class=\"folder\">", to);
        html_text(to, folder);
        fputs("</span>", to);
        free(folder);
        path = slash + 1;
    }
    html_text(to, path);
    fputs("</bdi>", to);
}

/* The class of the part's verdict: "bad", "good" or "". */
static const char *class_of(const page_part *part)
{
    return isnan(part->limit) ? "" : part->defective ? "bad" : "good";
}

static const char *verdict_of(const page_part *part)
{
    return isnan(part->limit) ? "no verdict" : part->defective ? "defective" : "good";
}

static int64_t count_defective(const results_page *p)
{
    int64_t n = 0;

    for (int64_t i = 0; i < p->n_scores; i++)
        n += p->verdicts[i];
    return n;
}

/* ---- Counts and conditions ---- */

/* Print the title and the heading. */
static void put_title(FILE *to, const char *tag, const results_page *p)
{
    const int64_t n = p->n_scores, defective = count_defective(p);

    fprintf(to, "<%s>", tag);
    if (n == 0)
        fputs("No part could be scored", to);
    else if (isnan(p->limit))
        fprintf(to, "%lld part%s scored", (long long)n, plural(n));
    else
        fprintf(to, "%lld of %lld part%s defective", (long long)defective, (long long)n, plural(n));
    fprintf(to, "</%s>\n", tag);
}

static void put_count(FILE *to, const char *class, int64_t n, const char *words)
{
    fprintf(to, "<li class=\"%s\"><b>%lld</b>%s</li>\n", n > 0 ? class : "", (long long)n, words);
}

static void put_counts(FILE *to, const results_page *p)
{
    const int64_t defective = count_defective(p);

    fputs("<ul class=\"counts\">\n", to);
    put_count(to, "", p->n_scores + p->n_failures,
              p->n_scores + p->n_failures == 1 ? "image" : "images");
    if (!isnan(p->limit)) {
        put_count(to, "bad", defective, "defective");
        put_count(to, "good", p->n_scores - defective, "good");
    }
    put_count(to, "bad", p->n_failures, "failed");
    fputs("</ul>\n", to);
}

static void put_conditions(FILE *to, const results_page *p, const fleck_model_info *info,
                           const char *model_path)
{
    const fleck_region_settings *least = p->picture->regions;

    fputs("<p class=\"faint\">Model ", to);
    put_name(to, model_path);
    fputs(": ", to);
    html_text(to, info->method);
    fputs(", ", to);
    html_text(to, info->backbone);
    fprintf(to, ", %lld good image%s learned; fleck %s.", (long long)info->images,
            plural(info->images), fleck_version());
    if (p->n_shown > 0 && !isnan(info->pixel_threshold))
        fputs(" What stands out from a photo's own background is outlined; a colour means the "
              "same in every picture.",
              to);
    if (isnan(p->limit))
        fputs(" There is no limit, so that parts have scores but no verdicts.", to);
    else
        fprintf(to,
                " A part is defective where its score is above the limit, %.4g; the ratio is "
                "score divided by limit.",
                p->limit);
    if (least->min_area > 0)
        fprintf(to, " Regions of fewer than %lld pixels do not count.", (long long)least->min_area);
    if (least->min_percent > 0.0)
        fprintf(to, " Regions of less than %g %% of the image do not count.", least->min_percent);
    fputs("</p>\n", to);
}

/* ---- Parts ---- */

static void put_region(FILE *to, const page_part *part, int64_t k, double mm_per_px)
{
    const fleck_region *r = &part->list[k];
    const fleck_regions all = {.width = part->width, .height = part->height};
    const region_scale scale = {&all, mm_per_px};
    const double mm2 = region_mm2(r, &scale);

    fprintf(
        to,
        "<tr><td>%lld</td><td>%lld, %lld</td><td>%lld&#8239;&times;&#8239;%lld</td><td>%lld px, "
        "%.2g&nbsp;%%",
        (long long)k + 1, (long long)r->x, (long long)r->y, (long long)r->width,
        (long long)r->height, (long long)r->area, region_percent(r, &scale));
    if (!isnan(mm2))
        fprintf(to, ", %.3g&nbsp;mm&sup2;", mm2);
    fprintf(to, "</td><td>%.4g</td></tr>\n", r->peak);
}

static void put_regions(FILE *to, const page_part *part, double mm_per_px)
{
    if (part->regions < 0)
        return;
    if (part->n_list == 0) {
        fputs("<p class=\"faint\">No region is above the pixel limit.</p>\n", to);
        return;
    }
    fputs("<div class=\"wide\"><table>\n<tr><th>No.</th><th>At x, y</th><th>Size</th>"
          "<th>Area</th><th>Peak</th></tr>\n",
          to);
    for (int64_t k = 0; k < part->n_list; k++)
        put_region(to, part, k, mm_per_px);
    fputs("</table></div>\n", to);
    if (part->regions > part->n_list)
        fprintf(to, "<p class=\"faint\">and %lld more region%s</p>\n",
                (long long)(part->regions - part->n_list), plural(part->regions - part->n_list));
}

static void put_picture(FILE *to, const page_part *part, bool heat)
{
    fprintf(to, "<details><summary><img alt=\"%s of ", heat ? "Heat map" : "Picture");
    html_text(to, part->path);
    fprintf(to, ": %s, score %.4g", verdict_of(part), part->score);
    if (part->regions >= 0)
        fprintf(to, ", %lld region%s", (long long)part->regions, plural(part->regions));
    fputs("\" src=\"data:image/jpeg;base64,", to);
    html_base64(to, part->jpeg, part->jpeg_size);
    fprintf(to,
            "\"><small><span class=\"enlarge\">Enlarge</span><span class=\"shrink\">Shrink</span> "
            "&middot; image of %lld&#8239;&times;&#8239;%lld pixels</small></summary></details>\n",
            (long long)part->width, (long long)part->height);
}

static void put_figures(FILE *to, const page_part *part)
{
    fprintf(to, "<dl><div><dt>score</dt><dd>%.4g</dd></div>", part->score);
    if (isfinite(part->limit))
        fprintf(to, "<div><dt>limit</dt><dd>%.4g</dd></div><div><dt>ratio</dt><dd>%.2f</dd></div>",
                part->limit, part->score / part->limit);
    fputs("</dl>\n", to);
}

static void put_part(FILE *to, const results_page *p, const page_part *part)
{
    fprintf(to, "<article class=\"part %s\">\n", class_of(part));
    put_picture(to, part, p->picture->kind != FLECK_PICTURE_OUTLINE);
    fputs("<div>\n<h3>", to);
    put_path(to, part->path);
    fprintf(to, "</h3>\n<p class=\"verdict\">%s</p>\n", verdict_of(part));
    put_figures(to, part);
    put_regions(to, part, p->mm_per_px);
    fputs("</div>\n</article>\n", to);
}

static void put_row(FILE *to, const page_part *part)
{
    fputs("<tr><td class=\"name\">", to);
    put_path(to, part->path);
    fprintf(to, "</td><td>%.4g</td><td>", part->score);
    if (isfinite(part->score / part->limit))
        fprintf(to, "%.2f", part->score / part->limit);
    fprintf(to, "</td><td class=\"%s\">%s</td><td>", class_of(part), verdict_of(part));
    if (part->regions >= 0)
        fprintf(to, "%lld", (long long)part->regions);
    fputs("</td></tr>\n", to);
}

static void put_failures(FILE *to, const results_page *p)
{
    if (p->n_failures == 0)
        return;
    fputs("<h2>Failed</h2>\n<p>These images could not be scored; nothing is known of their "
          "parts.</p>\n"
          "<ul>\n",
          to);
    for (int64_t i = 0; i < p->n_failures; i++) {
        fputs("<li>", to);
        html_text(to, p->failures[i].message); /* it names the file */
        fputs("</li>\n", to);
    }
    fputs("</ul>\n", to);
}

static void put_parts(FILE *to, const results_page *p)
{
    const int64_t rest = p->count - p->n_shown;

    if (p->count > 0)
        fprintf(to, "<h2>%s, the worst first</h2>\n",
                p->only_defective ? "Defective parts" : "Parts");
    if (p->only_defective)
        fputs("<p class=\"faint\">Good parts are counted, but not listed.</p>\n", to);
    for (int64_t i = 0; i < p->n_shown; i++)
        put_part(to, p, &p->parts[i]);
    if (rest == 0)
        return;
    fprintf(to,
            "<h2>%lld more part%s</h2>\n"
            "<p class=\"faint\">The %lld worst parts are pictured above; these are not.</p>\n"
            "<div class=\"wide\"><table>\n"
            "<tr><th>Part</th><th>Score</th><th>Ratio</th><th>Verdict</th><th>Regions</th></tr>\n",
            (long long)rest, plural(rest), (long long)p->n_shown);
    for (int64_t i = p->n_shown; i < p->count; i++)
        put_row(to, &p->parts[i]);
    fputs("</table></div>\n", to);
}

void page_html(FILE *to, const results_page *p, const fleck_model_info *info,
               const char *model_path)
{
    fputs(page_head, to);
    put_title(to, "title", p);
    fputs(page_style, to);
    fputs("</head>\n<body>\n<main>\n", to);
    put_title(to, "h1", p);
    put_counts(to, p);
    put_conditions(to, p, info, model_path);
    page_chart(to, p);
    put_failures(to, p);
    put_parts(to, p);
    fputs("</main>\n</body>\n</html>\n", to);
}
