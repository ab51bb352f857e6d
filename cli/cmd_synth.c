/* SPDX-License-Identifier: Apache-2.0 */
/* fleck synth: a sample category to try things on. */
#include "cli.h"

static const flag flags[] = {
    {"size", 0, "WxH", "size of the images (default 256x256)"},
    {"train", 0, "N", "good images to learn from (default 60)"},
    {"good", 0, "N", "good test images (default 20)"},
    {"defective", 0, "N", "test images of each type of defect (default 10)"},
    {"seed", 0, "N", "another seed, other parts (default 1)"},
    {NULL, 0, NULL, NULL}};

static int run(const args *a)
{
    fleck_synth_settings s;
    fleck_error err = {0};
    int64_t seed = 1;

    fleck_synth_defaults(&s, sizeof s);
    if (!args_size(a, "size", false, &s.width, &s.height) ||
        !args_int(a, "train", 1, 1000000, &s.train) || !args_int(a, "good", 0, 1000000, &s.good) ||
        !args_int(a, "defective", 0, 1000000, &s.defective) ||
        !args_int(a, "seed", 0, INT64_MAX, &seed))
        return EXIT_USAGE;
    s.seed = (uint64_t)seed;
    if (fleck_synth(a->words[0], &s, &err) != FLECK_OK)
        return failed(&err);
    printf("%s: %lld good image%s to learn from, %lld good and %lld of each defect to test\n",
           a->words[0], (long long)s.train, plural(s.train), (long long)s.good,
           (long long)s.defective);
    return EXIT_DONE;
}

const command synth_command = {
    .name = "synth",
    .usage = "DIR [options]",
    .summary = "Draw a sample category in MVTec AD layout: good parts, defects and their masks.",
    .example = "synth sample",
    .details = "The same bytes on every machine; free to use (CC0).",
    .flags = flags,
    .min_words = 1,
    .max_words = 1,
    .run = run};
