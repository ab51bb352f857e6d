/* SPDX-License-Identifier: Apache-2.0 */
/* fleck compare: whether two runs differ on the same test images. */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const flag flags[] = {{"resamples", 0, "N", "of the bootstrap (default 10000)"},
                             {"seed", 0, "N", "of the bootstrap (default 1)"},
                             {"level", 0, "L", "of the interval (default 0.95)"},
                             {"json", 0, NULL, "print one JSON object"},
                             {NULL, 0, NULL, NULL}};

/* Split "FILE#RUN", unless a file has this name; *run is NULL if there is no run.  The caller frees
 * the result. */
static char *split(const char *word, const char **run)
{
    size_t size = strlen(word) + 1;
    char *file = need(malloc(size)), *mark;

    memcpy(file, word, size);
    mark = strrchr(file, '#');
    *run = NULL;
    if (mark != NULL && access(word, F_OK) != 0) {
        *mark = '\0';
        *run = mark + 1;
    }
    return file;
}

static void print(const fleck_comparison *c, const fleck_compare_settings *s, const char *a,
                  const char *b)
{
    double alpha = 1.0 - s->level;
    bool differ = c->p<alpha, excluded = c->low> 0.0 || c->high < 0.0;

    printf("A: %s\nB: %s\n", a, b);
    printf("%lld good and %lld defective test images\n\n", (long long)c->good,
           (long long)c->defective);
    printf("image ROC-AUC        A %.4f   B %.4f   B - A %+.4f\n", c->a, c->b, c->difference);
    printf("paired bootstrap     %g %% interval of B - A: %+.4f to %+.4f, p = %.2g (%lld "
           "resample%s)\n",
           100.0 * s->level, c->low, c->high, c->bootstrap_p, (long long)s->resamples,
           plural(s->resamples));
    printf("DeLong's test        standard error %.4f, z = %.3f, p = %.2g\n\n", c->se, c->z, c->p);
    if (differ && excluded)
        printf("B is %s than A: a difference this large would be rare among runs that do not "
               "differ.\n",
               c->difference > 0.0 ? "better" : "worse");
    else if (!differ && !excluded)
        printf("No difference is shown: these images do not tell A and B apart.\n");
    else
        printf("Undecided: the two tests disagree at the level %g.\n", s->level);
}

static int run(const args *a)
{
    fleck_compare_settings s;
    int64_t seed = 1;
    fleck_comparison *c = NULL;
    fleck_error err = {0};
    fleck_status st;
    progress p = progress_begin();
    const char *run_a, *run_b;
    char *file_a, *file_b;
    int code = EXIT_DONE;

    fleck_compare_defaults(&s, sizeof s);
    if (!args_int(a, "resamples", 1, 10000000, &s.resamples) ||
        !args_int(a, "seed", 0, INT64_MAX, &seed) || !args_real(a, "level", 0.5, 0.9999, &s.level))
        return EXIT_USAGE;
    s.seed = (uint64_t)seed;
    s.progress = progress_show;
    s.progress_ctx = &p;
    file_a = split(a->words[0], &run_a);
    file_b = split(a->words[1], &run_b);
    st = fleck_compare(file_a, run_a, file_b, run_b, &s, &c, &err);
    progress_end(&p);
    if (st != FLECK_OK)
        code = failed(&err);
    else if (args_has(a, "json"))
        code = comparison_json(c) ? EXIT_DONE : EXIT_FAILED;
    else
        print(c, &s, a->words[0], a->words[1]);
    fleck_free(c);
    free(file_a);
    free(file_b);
    return code;
}

const command compare_command = {
    .name = "compare",
    .usage = "A.json[#RUN] B.json[#RUN] [options]",
    .summary = "Test whether two runs differ on the same test images.",
    .example = "compare out/bottle.json#1 out/bottle.json#2",
    .details = "The files are what fleck eval --json printed or fleck bench wrote; RUN is the "
               "name or the number of a run of the latter.  Both tests are of the image ROC-AUC.",
    .flags = flags,
    .min_words = 2,
    .max_words = 2,
    .run = run};
