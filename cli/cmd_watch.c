/* SPDX-License-Identifier: Apache-2.0 */
/* fleck watch: judge the files of a folder as they land. */
#include "cli.h"
#include "../serve/serve.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const flag flags[] = {
    {"json", 0, NULL, "print a JSON object for each file, one a line"},
    {"subfolders", 0, NULL, "watch the folders below DIR as well"},
    {"once", 0, NULL, "judge what is there, then end"},
    {"poll", 0, "SECONDS", "look every SECONDS, for network drives that report no new files"},
    {"state", 0, "FOLDER", "where to note what was judged (default DIR/.fleck-watch)"},
    {"sinks", 0, "FILE", "configuration of sinks (default: sinks.json in the state's folder)"},
    GROUP("limits"),
    {"workers", 0, "N", "threads that score (default: one for each processor)"},
    {"max-file", 0, "MIB", "larger files are not read, and are errors (default 64)"},
    {"keep", 0, "MIB", "keep copies of photos up to this size in all (default 1024)"},
    {NULL, 0, NULL, NULL}};

static int run(const args *a)
{
    sv_watch_options watch = {.model = a->words[0],
                              .folder = a->words[1],
                              .subfolders = args_has(a, "subfolders"),
                              .once = args_has(a, "once"),
                              .json = args_has(a, "json")};
    const char *state = args_get(a, "state");
    const size_t size = strlen(watch.folder) + 16;
    char *own = need(malloc(size));
    fleck_error err = {0};
    int64_t workers = 0;
    sv_options o;
    bool ok;

    sv_defaults(&o);
    o.keep_bytes = INT64_C(1) << 30;
    snprintf(own, size, "%s/.fleck-watch", watch.folder);
    if (!args_int(a, "workers", 1, 1024, &workers) ||
        !args_real(a, "poll", 0.1, 3600, &watch.poll) ||
        !args_mebibytes(a, "max-file", &o.upload_bytes) ||
        !args_mebibytes(a, "keep", &o.keep_bytes)) {
        free(own);
        return EXIT_USAGE;
    }
    o.folder = state != NULL ? state : own;
    o.workers = (int)workers;
    o.watch = &watch;
    o.sinks = args_get(a, "sinks");
    o.scratch = temporary_folder();
    o.interrupted = interrupted;
    interrupt_begin();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGIO, SIG_IGN); /* sent if a file is opened for writing while watch_scan.c checks it */
    ok = sv_run(&o, &err);
    free(own);
    return ok ? EXIT_DONE : failed(&err);
}

const command watch_command = {
    .name = "watch",
    .usage = "MODEL DIR [options]",
    .summary = "Judge the files of a folder as they land, each once.",
    .example = "watch part.fleck line/in --json",
    .details =
        "Files that are there already are judged first.  A file is judged when its writer closes\n"
        "it or renames it into DIR; names that begin with a dot, or end in .tmp, .part, .partial,\n"
        ".filepart, .crdownload or ~, are left alone, and links are not followed.  A file that\n"
        "is no image has the verdict \"error\".  Prints name, score and verdict, separated by\n"
        "tabs.\n"
        "The state says which files were judged: after a restart, or a kill, each is judged once.\n"
        "A line may be printed again after a kill; it then has the same id (--json).\n"
        "Ctrl-C or SIGTERM finishes what was begun, then ends.",
    .flags = flags,
    .min_words = 2,
    .max_words = 2,
    .run = run};
