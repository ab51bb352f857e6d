/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing two runs on the same test images. */
#include "benchmark/compare.h"
#include "base/mem.h"
#include "base/number.h"
#include "metric/interval.h"
#include "benchmark/scores_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES ((size_t)1 << 30)

void fk_run_scores_free(fk_run_scores *s)
{
    fk_bench_images_free(s->images, s->n);
    fk_free(s->name);
    *s = (fk_run_scores){0};
}

static int by_path(const void *x, const void *y)
{
    const fk_bench_image *a = x, *b = y;

    return strcmp(a->path, b->path);
}

static fleck_status unknown_run(const fk_json *runs, const char *run, fleck_error *err)
{
    fk_text names = {0};
    fleck_status st = FLECK_OK;

    for (int64_t i = 0; i < fk_json_count(runs) && st == FLECK_OK; i++) {
        const char *name = fk_json_get_string(fk_json_at(runs, i), "name");

        st = fk_text_printf(&names, err, "%s%s", i > 0 ? " and " : "", name != NULL ? name : "?");
    }
    if (st == FLECK_OK)
        st = fk_error_set(err, FLECK_E_OPTION, "%s%s: it has the runs %s",
                          run != NULL ? "there is no run " : "which run", run != NULL ? run : "",
                          names.data != NULL ? names.data : "(none)");
    fk_text_free(&names);
    return st;
}

/* Find the wanted run among those of a benchmark. */
static fleck_status pick_run(const fk_json **out, const fk_json *runs, const char *run,
                             fleck_error *err)
{
    int64_t n = fk_json_is_array(runs) ? fk_json_count(runs) : 0, number = 0;

    for (int64_t i = 0; run != NULL && i < n; i++) {
        const char *name = fk_json_get_string(fk_json_at(runs, i), "name");

        if (name != NULL && strcmp(name, run) == 0)
            number = i + 1;
    }
    if (run == NULL && n == 1)
        number = 1;
    if (number == 0 && (run == NULL || !fk_integer_parse(run, &number) || number < 1 || number > n))
        return unknown_run(runs, run, err);
    *out = fk_json_at(runs, number - 1);
    return FLECK_OK;
}

/* Read the scores of a run or an evaluation; its list was cut out of the text before
 * (scores_text.h). */
static fleck_status read_scores(fk_run_scores *out, const fk_json *one, const fk_scores_text *text,
                                const char *file, fleck_error *err)
{
    int64_t list = -1;

    if (fk_json_get_int(one, "scores", &list) && list >= 0 && list < text->n)
        return fk_scores_text_read(text, list, file, &out->images, &out->n, err);
    return fk_bench_images_read(&out->images, &out->n, fk_json_get(one, "scores"), err);
}

static fleck_status read_file_scores(fk_run_scores *out, const fk_json *root,
                                     const fk_scores_text *text, const char *file, const char *run,
                                     fleck_error *err)
{
    const fk_json *runs = fk_json_get(root, "runs"), *one = root;
    const char *name;
    fleck_status st;

    if (runs != NULL)
        FK_DO(pick_run(&one, runs, run, err));
    else if (run != NULL)
        FK_FAIL(err, FLECK_E_OPTION, "there is no run %s: it is not of a benchmark", run);
    FK_DO(read_scores(out, one, text, file, err));
    if (out->n == 0) /* `images` may be NULL then, which qsort() does not take */
        FK_FAIL(err, FLECK_E_FORMAT, "\"scores\" is an empty list: expected a score of each image");
    name = runs != NULL ? fk_json_get_string(one, "name") : NULL;
    FK_DO(fk_asprintf(&out->name, err, "%s%s%s", file, name != NULL ? ", run " : "",
                      name != NULL ? name : ""));
    qsort(out->images, (size_t)out->n, sizeof *out->images, by_path);
    for (int64_t i = 1; i < out->n; i++)
        if (strcmp(out->images[i].path, out->images[i - 1].path) == 0)
            FK_FAIL(err, FLECK_E_FORMAT, "image %s is there twice", out->images[i].path);
done:
    return st;
}

fleck_status fk_run_scores_parse(fk_run_scores *out, const char *bytes, size_t size,
                                 const char *file, const char *run, fleck_error *err)
{
    fk_scores_text text = {0};
    fk_json *root = NULL;
    fleck_status st;

    *out = (fk_run_scores){0};
    FK_DO(fk_scores_text_make(&text, bytes, size, err));
    FK_DO(fk_json_parse(&root, text.rest.data, (size_t)text.rest.length, file, err));
    st = read_file_scores(out, root, &text, file, run, err);
    if (st != FLECK_OK)
        fk_error_context(err, "%s", file);
done:
    fk_json_free(&root);
    fk_scores_text_free(&text);
    if (st != FLECK_OK)
        fk_run_scores_free(out);
    return st;
}

fleck_status fk_run_scores_read(fk_run_scores *out, const char *file, const char *run,
                                fleck_error *err)
{
    fk_contents bytes;
    fleck_status st = fk_contents_read(&bytes, file, MAX_BYTES, err);

    *out = (fk_run_scores){0};
    if (st == FLECK_OK)
        st = fk_run_scores_parse(out, (const char *)bytes.data, bytes.size, file, run, err);
    fk_contents_free(&bytes);
    return st;
}

/* Check that both have the same images and labels.  The lists are sorted, so the first difference
 * names an image. */
static fleck_status check_same(const fk_run_scores *a, const fk_run_scores *b, fleck_error *err)
{
    int64_t n = a->n < b->n ? a->n : b->n, i = 0;

    while (i < n && strcmp(a->images[i].path, b->images[i].path) == 0) {
        if (a->images[i].defective != b->images[i].defective)
            return fk_error_set(err, FLECK_E_SHAPE, "%s is %s in %s and %s in %s",
                                a->images[i].path, a->images[i].defective ? "defective" : "good",
                                a->name, b->images[i].defective ? "defective" : "good", b->name);
        i++;
    }
    if (i == a->n && i == b->n)
        return FLECK_OK;
    if (i == a->n || (i < b->n && strcmp(a->images[i].path, b->images[i].path) > 0)) {
        const fk_run_scores *first = a;

        a = b;
        b = first;
    }
    return fk_error_set(
        err, FLECK_E_SHAPE,
        "expected the same test images: %s is in %s (%lld images), not in %s (%lld)",
        a->images[i].path, a->name, (long long)a->n, b->name, (long long)b->n);
}

fleck_status fk_compare(fleck_comparison *out, const fk_run_scores *a, const fk_run_scores *b,
                        const fleck_compare_settings *s, fleck_error *err)
{
    fk_watch watch = {.call = s->progress, .ctx = s->progress_ctx};
    fk_bootstrap how = {
        .resamples = s->resamples, .seed = s->seed, .level = s->level, .watch = &watch};
    double *scores = NULL;
    uint8_t *labels = NULL;
    fk_scored both;
    fk_interval difference;
    fk_delong delong;
    fleck_status st;

    *out = (fleck_comparison){0};
    if (s->resamples < 1 || s->resamples > 10000000 || !(s->level > 0.0 && s->level < 1.0))
        FK_FAIL(err, FLECK_E_OPTION,
                "compare: expected 1 to 10000000 resamples and a level within 0 and 1");
    FK_DO(check_same(a, b, err));
    FK_DO(FK_ALLOC(&scores, 2 * a->n, err));
    FK_DO(FK_ALLOC(&labels, a->n, err));
    for (int64_t i = 0; i < a->n; i++) {
        scores[i] = a->images[i].score;
        scores[a->n + i] = b->images[i].score;
        labels[i] = a->images[i].defective;
        out->defective += labels[i];
    }
    both = (fk_scored){.a = scores, .b = scores + a->n, .labels = labels, .n = a->n};
    st = fk_delong_test(&delong, &both, err);
    if (st != FLECK_OK) {
        fk_error_context(err, "%s, %s", a->name, b->name);
        goto done;
    }
    FK_DO(fk_bootstrap_difference(&difference, &both, &how, err));
    *out = (fleck_comparison){.good = a->n - out->defective,
                              .defective = out->defective,
                              .a = delong.a,
                              .b = delong.b,
                              .difference = delong.difference,
                              .low = difference.low,
                              .high = difference.high,
                              .bootstrap_p = difference.p,
                              .se = delong.se,
                              .z = delong.z,
                              .p = delong.p};
done:
    if (st != FLECK_OK)
        *out = (fleck_comparison){0};
    fk_free(scores);
    fk_free(labels);
    return st;
}
