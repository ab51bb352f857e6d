/* SPDX-License-Identifier: Apache-2.0 */
/* Reports: a table for people, one JSON object for programs. */
#include "cli.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void print_percent(double v)
{
    if (isnan(v))
        printf("%9s", "-");
    else
        printf("%9.4f", v);
}

static void print_verdicts(const fleck_report *r, const report_labels *l)
{
    const char *defective = " defective", *good = " good";

    if (isnan(l->threshold)) {
        printf("no verdicts: the model has no threshold");
    } else {
        printf("verdicts at %s %.6g: %lld of %lld defective found, %lld of %lld good rejected",
               l->set ? "the threshold" : "the model's threshold", l->threshold,
               (long long)r->above_threshold_defective, (long long)r->defective,
               (long long)r->above_threshold_good, (long long)r->good);
        defective = good = "";
    }
    if (!isnan(l->hindsight.threshold))
        printf("; in hindsight %.6g finds %lld of %lld%s and rejects %lld of %lld%s",
               l->hindsight.threshold, (long long)l->hindsight.found,
               (long long)l->hindsight.defective, defective, (long long)l->hindsight.rejected,
               (long long)l->hindsight.good, good);
    putchar('\n');
}

void report_print(const fleck_report *r, const report_labels *l)
{
    printf("%s: %s", r->category, l->method != NULL ? l->method : "maps");
    if (l->backbone != NULL)
        printf(", %s, %s", l->backbone, l->precision);
    printf(", protocol %s\n", l->protocol);
    printf("%lld good and %lld defective test images", (long long)r->good, (long long)r->defective);
    if (r->train > 0)
        printf(", fitted on %lld", (long long)r->train);
    if (r->failed > 0)
        printf("; %lld COULD NOT BE READ and are left out", (long long)r->failed);
    printf("\n\n%-8s%9s%9s%9s%9s\n", "", "ROC-AUC", "AP", "F1-max", "PRO");
    printf("%-8s", "image");
    print_percent(r->image.auroc);
    print_percent(r->image.ap);
    print_percent(r->image.f1max);
    printf("%9s\n", "");
    printf("%-8s", "pixel");
    print_percent(r->pixel.auroc);
    print_percent(r->pixel.ap);
    print_percent(r->pixel.f1max);
    print_percent(r->pro);
    printf("\n\n");
    if (isfinite(r->outline_f1 / r->pixel.f1max))
        printf("outlines: F1 %.4f, %.2f of the pixels' F1-max\n", r->outline_f1,
               r->outline_f1 / r->pixel.f1max);
    if (r->passed > 0)
        printf("scored %lld of %lld: %s\n", (long long)r->good + (long long)r->defective,
               (long long)r->good + r->defective + r->failed + r->passed, r->passed_text);
    if (r->image_undefined[0] != '\0')
        printf("image figures: %s\n", r->image_undefined);
    if (r->pixel_undefined[0] != '\0')
        printf("pixel figures: %s\n", r->pixel_undefined);
    if (l->method != NULL)
        print_verdicts(r, l);
    printf("%.2f s on %d thread%s (decode %.2f, network %.2f, score %.2f, metrics %.2f), peak %.0f "
           "MiB\n",
           r->seconds.total, r->seconds.threads, plural(r->seconds.threads), r->seconds.decode,
           r->seconds.network, r->seconds.score, r->seconds.metrics, r->seconds.peak_rss_mib);
}

/* JSON has no NaN: a figure that does not exist is null. */
static json_t *number(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *text(const char *s)
{
    char *valid = fleck_utf8_name(s);
    json_t *j = s != NULL ? json_string(valid) : json_null(); /* NULL text: out of memory */

    fleck_free(valid);
    return j;
}

static bool print_json(json_t *object, size_t flags)
{
    char *s = object != NULL ? json_dumps(object, flags | JSON_REAL_PRECISION(17)) : NULL;
    bool ok = s != NULL;

    if (ok)
        puts(s);
    else
        fputs("fleck: out of memory\n", stderr);
    free(s);
    json_decref(object);
    return ok;
}

static json_t *ranking(const fleck_ranking *r)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "auroc", number(r->auroc), "ap", number(r->ap),
                     "f1max", number(r->f1max), "f1max_threshold", number(r->f1max_threshold));
}

/* The reason why a figure does not exist; null: it exists. */
static json_t *reason(const char *s)
{
    return s[0] != '\0' ? text(s) : json_null();
}

static const struct {
    unsigned bit;
    const char *word;
} unlike_words[] = {{FLECK_UNLIKE_SHAPE, "shape"},
                    {FLECK_UNLIKE_LIGHT, "light"},
                    {FLECK_UNLIKE_SHARPNESS, "sharpness"},
                    {FLECK_UNLIKE_PART, "part"}};

/* A list of what is unlike the learned photos. */
static json_t *unlike_json(unsigned unlike)
{
    json_t *list = json_array();

    for (size_t i = 0; i < sizeof unlike_words / sizeof unlike_words[0]; i++)
        if ((unlike & unlike_words[i].bit) != 0)
            json_array_append_new(list, json_string(unlike_words[i].word));
    return list;
}

void print_unlike(FILE *to, unsigned unlike)
{
    const char *space = "";

    for (size_t i = 0; i < sizeof unlike_words / sizeof unlike_words[0]; i++)
        if ((unlike & unlike_words[i].bit) != 0) {
            fprintf(to, "%s%s", space, unlike_words[i].word);
            space = " ";
        }
}

static json_t *scores(const score_row *rows, int64_t n)
{
    json_t *list = json_array();

    for (int64_t i = 0; i < n; i++)
        if (rows[i].scored)
            json_array_append_new(
                list, json_pack("{s:o, s:o, s:i, s:o, s:o}", "path", text(rows[i].name), "type",
                                text(rows[i].type), "label", rows[i].defective ? 1 : 0, "score",
                                number(rows[i].score), "warnings", unlike_json(rows[i].unlike)));
    return list;
}

/* null if there are no good or no defective images. */
static json_t *cut_json(const cut *c)
{
    if (isnan(c->threshold))
        return json_null();
    return json_pack("{s:f, s:I, s:I, s:I, s:I}", "threshold", c->threshold, "found",
                     (json_int_t)c->found, "defective", (json_int_t)c->defective, "rejected",
                     (json_int_t)c->rejected, "good", (json_int_t)c->good);
}

bool report_json(const fleck_report *r, const report_labels *l, const score_row *rows, int64_t n)
{
    json_t *o;
    json_t *pixel = json_null(), *options = NULL;

    if (r->has_pixel) {
        pixel = ranking(&r->pixel);
        json_object_set_new(pixel, "pro", number(r->pro));
        json_object_set_new(pixel, "outline_f1", number(r->outline_f1));
        json_object_set_new(pixel, "outline_f1_of_f1max", number(r->outline_f1 / r->pixel.f1max));
    }
    if (l->options != NULL)
        options = json_loads(l->options, 0, NULL);
    o = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:{s:I, s:I, s:I, s:I}, s:o, s:o, s:{s:I, s:I}, "
        "s:{s:f, s:f, s:f, s:f, s:f}, s:i, s:f, s:s}",
        "category", text(r->category), "method", text(l->method), "backbone", text(l->backbone),
        "precision", text(l->precision), "protocol", text(l->protocol), "options",
        options != NULL ? options : json_null(), "images", "train", (json_int_t)r->train, "good",
        (json_int_t)r->good, "defective", (json_int_t)r->defective, "failed", (json_int_t)r->failed,
        "image", ranking(&r->image), "pixel", pixel, "above_threshold", "good",
        (json_int_t)r->above_threshold_good, "defective", (json_int_t)r->above_threshold_defective,
        "seconds", "decode", r->seconds.decode, "network", r->seconds.network, "score",
        r->seconds.score, "metrics", r->seconds.metrics, "total", r->seconds.total, "threads",
        r->seconds.threads, "peak_rss_mib", r->seconds.peak_rss_mib, "fleck", fleck_version());
    json_object_set_new(
        o, "passed",
        json_pack("{s:I, s:o}", "images", (json_int_t)r->passed, "which", reason(r->passed_text)));
    json_object_set_new(o, "undefined",
                        json_pack("{s:o, s:o}", "image", reason(r->image_undefined), "pixel",
                                  reason(r->pixel_undefined)));
    if (l->method != NULL) {
        json_object_set_new(o, "threshold", number(l->threshold));
        json_object_set_new(o, "hindsight", cut_json(&l->hindsight));
    }
    if (rows != NULL)
        json_object_set_new(o, "scores", scores(rows, n));
    return print_json(o, JSON_INDENT(2));
}

double region_percent(const fleck_region *r, const region_scale *s)
{
    return 100.0 * (double)r->area / ((double)s->regions->width * (double)s->regions->height);
}

double region_mm2(const fleck_region *r, const region_scale *s)
{
    return (double)r->area * s->mm_per_px * s->mm_per_px;
}

static json_t *outline_json(const fleck_region *r)
{
    json_t *list = json_array();

    for (int64_t i = 0; i < r->outline_count; i++)
        json_array_append_new(list, json_pack("[i, i]", r->outline[i].x, r->outline[i].y));
    return list;
}

static json_t *region_json(const region_scale *s, int64_t k)
{
    const fleck_region *r = &s->regions->list[k];
    json_t *o =
        json_pack("{s:I, s:[I, I, I, I], s:I, s:f}", "number", (json_int_t)k + 1, "box",
                  (json_int_t)r->x, (json_int_t)r->y, (json_int_t)r->width, (json_int_t)r->height,
                  "area", (json_int_t)r->area, "percent", region_percent(r, s));

    if (!isnan(s->mm_per_px))
        json_object_set_new(o, "area_mm2", number(region_mm2(r, s)));
    json_object_set_new(o, "centroid", json_pack("[f, f]", r->centroid_x, r->centroid_y));
    json_object_set_new(o, "peak", number(r->peak));
    json_object_set_new(o, "at", json_pack("[I, I]", (json_int_t)r->peak_x, (json_int_t)r->peak_y));
    json_object_set_new(o, "mean", number(r->mean));
    json_object_set_new(o, "polygon", outline_json(r));
    return o;
}

/* null where there is no pixel threshold. */
static json_t *regions_json(const region_scale *s)
{
    json_t *list;

    if (s->regions == NULL)
        return json_null();
    list = json_array();
    for (int64_t k = 0; k < s->regions->count; k++)
        json_array_append_new(list, region_json(s, k));
    return list;
}

bool result_json(const char *path, const fleck_result *r, const fleck_error *error,
                 const result_more *more)
{
    json_t *o = json_pack("{s:o}", "path", text(path));

    if (o == NULL)
        return print_json(NULL, 0);
    if (error != NULL) {
        json_object_set_new(o, "error", text(error->message));
        return print_json(o, JSON_COMPACT);
    }
    json_object_set_new(o, "score", number(r->score));
    json_object_set_new(o, "threshold", number(r->threshold));
    json_object_set_new(o, "ratio", number(r->ratio));
    json_object_set_new(o, "above", number(r->above));
    json_object_set_new(o, "defective",
                        isnan(r->threshold) ? json_null() : json_boolean(r->defective));
    json_object_set_new(o, "regions", regions_json(&more->scale));
    json_object_set_new(o, "warnings", unlike_json(r->unlike));
    if (more->picture != NULL)
        json_object_set_new(o, "picture", text(more->picture));
    if (more->map != NULL)
        json_object_set_new(o, "map", text(more->map));
    return print_json(o, JSON_COMPACT);
}

bool comparison_json(const fleck_comparison *c)
{
    return print_json(
        json_pack("{s:{s:I, s:I}, s:f, s:f, s:f, s:{s:f, s:f, s:f}, s:{s:f, s:o, s:f}, s:s}",
                  "images", "good", (json_int_t)c->good, "defective", (json_int_t)c->defective, "a",
                  c->a, "b", c->b, "difference", c->difference, "bootstrap", "low", c->low, "high",
                  c->high, "p", c->bootstrap_p, "delong", "se", c->se, "z", number(c->z), "p", c->p,
                  "fleck", fleck_version()),
        JSON_INDENT(2));
}

/* null if transparent pixels are used as they are, without a background. */
static json_t *background_json(const fleck_model_info *i)
{
    return i->blend ? json_pack("[i, i, i]", i->background[0], i->background[1], i->background[2])
                    : json_null();
}

/* The networks of a model, and where their weights come from. */
static json_t *networks_json(const fleck_model *model)
{
    json_t *list = json_array();
    const fleck_network_info *n;

    for (int i = 0; (n = fleck_model_network(model, i)) != NULL; i++)
        json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:f}", "name", text(n->name),
                                              "source", text(n->weights), "digest",
                                              text(n->weights_digest), "gain", (double)n->gain));
    return list;
}

bool info_json(const fleck_model_info *i, const fleck_model *model)
{
    json_t *options = json_loads(i->options, 0, NULL);

    return print_json(
        json_pack(
            "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:{s:I, s:I, s:I, s:I, s:o, s:I, "
            "s:I, s:[i, i], s:o, s:[I, I], s:I}, s:f, s:f, s:f, s:f, s:f, s:o, s:I, s:I, s:{s:I, "
            "s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I}, s:o, s:{s:o, s:o}, s:o}",
            "method", text(i->method), "backbone", text(i->backbone), "taps", text(i->taps),
            "precision", text(i->precision), "engine", text(i->engine), "fleck",
            text(i->fleck_version), "category", text(i->category), "images", (json_int_t)i->images,
            "options", options != NULL ? options : json_null(), "preprocess", "width",
            (json_int_t)i->width, "height", (json_int_t)i->height, "crop_width",
            (json_int_t)i->crop_width, "crop_height", (json_int_t)i->crop_height, "resize",
            text(i->resize), "tile", (json_int_t)i->tile, "overlap", (json_int_t)i->overlap,
            "window", i->window_low, i->window_high, "background", background_json(i), "photo",
            (json_int_t)i->photo_width, (json_int_t)i->photo_height, "rotations",
            (json_int_t)i->rotations, "left_out", i->left_out, "outside", i->outside, "unseen",
            i->unseen, "foreground", i->foreground, "sigma", i->sigma, "pool", text(i->pool),
            "patches", (json_int_t)i->patches, "dim", (json_int_t)i->dim, "calibration", "images",
            (json_int_t)i->calibrated, "threshold", number(i->threshold), "pixel_threshold",
            number(i->pixel_threshold), "low", number(i->scale_low), "high", number(i->scale_high),
            "false_alarms", number(i->false_alarms), "threshold_rule", text(i->threshold_rule),
            "groups", i->groups[0] != '\0' ? text(i->groups) : json_null(), "n_groups",
            (json_int_t)i->n_groups, "checksum", text(i->checksum), "weights", "source",
            text(i->weights), "digest", text(i->weights_digest), "networks", networks_json(model)),
        JSON_INDENT(2));
}

/* ---- Thresholds ---- */

static json_t *threshold_state(const fleck_model_info *i)
{
    return json_pack("{s:o, s:o, s:o}", "threshold", number(i->threshold), "rule",
                     text(i->threshold_rule), "false_alarms", number(i->false_alarms));
}

static json_t *held_json(const held_scores *h)
{
    json_t *list = json_array();

    for (int64_t i = 0; i < h->n; i++) {
        const fleck_held_out *p = &h->photos[i];

        json_array_append_new(list, json_pack("{s:o, s:f, s:o, s:i}", "name", text(p->name),
                                              "alone", p->alone, "group", number(p->group),
                                              "group_number", p->group_number));
    }
    return json_pack("{s:o, s:I, s:o}", "groups", h->has_group ? text(h->info.groups) : json_null(),
                     "n_groups", (json_int_t)h->info.n_groups, "scores", list);
}

static json_t *rates_json(const held_scores *h)
{
    double *rates = threshold_rates(h);
    json_t *list = json_array();

    for (const double *r = rates; *r > 0.0; r++) {
        double threshold = 0.0;
        json_t *row;

        if (fleck_threshold_of(h->alone, h->n, *r, &threshold, NULL, NULL) != FLECK_OK)
            break;
        row = json_pack("{s:f, s:f, s:I}", "false_alarms", *r, "threshold", threshold, "alone",
                        (json_int_t)held_above(h, false, threshold));
        json_object_set_new(row, "group",
                            h->has_group ? json_integer((json_int_t)held_above(h, true, threshold))
                                         : json_null());
        json_array_append_new(list, row);
    }
    free(rates);
    return list;
}

static json_t *holdout_json(const threshold_more *m, double threshold)
{
    json_t *list = json_array();
    int64_t above = 0;

    for (int64_t i = 0; i < m->n_holdout; i++) {
        above += m->holdout[i] > threshold;
        json_array_append_new(list, json_real(m->holdout[i]));
    }
    return json_pack("{s:I, s:o}", "rejected", (json_int_t)above, "scores", list);
}

bool threshold_json(const threshold_more *m)
{
    const held_scores *now = m->after != NULL ? m->after : m->before;
    json_t *o = json_pack("{s:o, s:b, s:o, s:o, s:o, s:o}", "model", text(m->path), "written",
                          m->after != NULL, "now", threshold_state(&now->info), "before",
                          threshold_state(&m->before->info), "held_out", held_json(m->before),
                          "rates", rates_json(m->before));

    json_object_set_new(o, "labels", m->labels != NULL ? cut_json(m->labels) : json_null());
    json_object_set_new(o, "labels_before",
                        m->labels_old != NULL ? cut_json(m->labels_old) : json_null());
    json_object_set_new(o, "holdout",
                        m->n_holdout > 0 ? holdout_json(m, now->info.threshold) : json_null());
    json_object_set_new(o, "how", m->how[0] != '\0' ? text(m->how) : json_null());
    return print_json(o, JSON_INDENT(2));
}
