/* SPDX-License-Identifier: Apache-2.0 */
/* Published figures, for comparison with those of a benchmark. */
#include "benchmark/published.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/number.h"
#include "dataset/csv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FIELDS 7
/* The values of SPADE's and PaDiM's papers, which option value 0 stands for. */
#define SPADE_K 50

fleck_status fk_published_read(fk_published *out, const char *csv, const char *name,
                               fleck_error *err)
{
    fk_csv reader;
    fk_names row = {0};
    int64_t line, lines = 0;
    fleck_status st;

    *out = (fk_published){0};
    for (const char *p = csv; *p != '\0'; p++)
        lines += *p == '\n';
    FK_DO(FK_CALLOC(&out->rows, lines + 1, err));
    fk_csv_begin(&reader, name, csv, strlen(csv));
    while (true) {
        fk_published_row *r = &out->rows[out->count];
        const char **fields[FIELDS - 1] = {&r->source,  &r->method, &r->backbone,
                                           &r->setting, &r->metric, &r->category};

        FK_DO(fk_csv_next(&reader, &row, &line, err));
        if (row.count == 0)
            break;
        if (line == 1) /* names of the columns */
            continue;
        if (row.count != FIELDS || !fk_number_parse(row.items[FIELDS - 1], &r->value))
            FK_FAIL(err, FLECK_E_FORMAT, "%s line %lld: expected six texts and a number", name,
                    (long long)line);
        for (int i = 0; i < FIELDS - 1; i++) {
            FK_DO(fk_names_add(&out->text, row.items[i], err));
            *fields[i] = out->text.items[out->text.count - 1];
        }
        out->count++;
    }
done:
    fk_names_free(&row);
    if (st != FLECK_OK)
        fk_published_free(out);
    return st;
}

void fk_published_free(fk_published *p)
{
    fk_names_free(&p->text);
    fk_free(p->rows);
    *p = (fk_published){0};
}

/* The setting of a run as the table writes it: "K=10", "d=550" or "10%"; empty if it has none. */
static void setting_of(char out[32], const fk_bench_result *run)
{
    fk_json *options = NULL;
    int64_t n = 0;
    double share;

    out[0] = '\0';
    if (fk_json_parse(&options, run->options, strlen(run->options), "options", NULL) != FLECK_OK)
        return;
    if (strcmp(run->method, "spade") == 0 && fk_json_get_int(options, "k-image", &n))
        snprintf(out, 32, "K=%lld", (long long)(n > 0 ? n : SPADE_K));
    if (strcmp(run->method, "padim") == 0 && fk_json_get_int(options, "dims", &n))
        snprintf(out, 32, "d=%lld",
                 (long long)(n > 0                                    ? n
                             : strcmp(run->backbone, "resnet18") == 0 ? 100
                                                                      : 550));
    if (strcmp(run->method, "patchcore") == 0 && fk_json_get_real(options, "coreset", &share))
        snprintf(out, 32, "%lld%%", (long long)floor(100.0 * share + 0.5));
    fk_json_free(&options);
}

/* Whether the backbones match; "vit" in the table is any vision transformer. */
static bool same_backbone(const char *published, const char *run)
{
    return strcmp(published, run) == 0 ||
           (strcmp(published, "vit") == 0 && strncmp(run, "vit_", 4) == 0);
}

/* The rank of a row beside a run: 0 the study, 1 the method's paper, 2 another source; -1: it has
 * another setting. */
static int rank_of(const fk_published_row *r, const char *setting)
{
    size_t n = strlen(setting);
    bool same = r->setting[0] == '\0' || (n > 0 && strncmp(r->setting, setting, n) == 0 &&
                                          (r->setting[n] == '\0' || r->setting[n] == ' '));
    bool paper = strstr(r->source, " paper") != NULL && strstr(r->source, "quoted") == NULL;

    if (strcmp(r->source, "the study") == 0)
        return same ? 0 : -1;
    return paper ? 1 : same ? 2 : -1;
}

int fk_published_beside(const fk_published *p, const fk_bench_result *run,
                        fk_published_column out[FK_PUBLISHED_COLUMNS])
{
    char setting[32];
    int n = 0;

    setting_of(setting, run);
    for (int rank = 0; rank < 3; rank++) {
        for (int64_t i = 0; i < p->count && n < FK_PUBLISHED_COLUMNS; i++) {
            const fk_published_row *r = &p->rows[i];
            int k = 0;

            if (strcmp(r->method, run->method) != 0 || !same_backbone(r->backbone, run->backbone) ||
                rank_of(r, setting) != rank)
                continue;
            while (k < n && (strcmp(out[k].source, r->source) != 0 ||
                             strcmp(out[k].setting, r->setting) != 0))
                k++;
            if (k == n)
                out[n++] = (fk_published_column){r->source, r->setting, r->method, r->backbone};
        }
    }
    return n;
}

double fk_published_value(const fk_published *p, const fk_published_column *c, const char *metric,
                          const char *category)
{
    for (int64_t i = 0; i < p->count; i++) {
        const fk_published_row *r = &p->rows[i];

        if (strcmp(r->source, c->source) == 0 && strcmp(r->setting, c->setting) == 0 &&
            strcmp(r->method, c->method) == 0 && strcmp(r->backbone, c->backbone) == 0 &&
            strcmp(r->metric, metric) == 0 && strcmp(r->category, category) == 0)
            return r->value;
    }
    return NAN;
}
