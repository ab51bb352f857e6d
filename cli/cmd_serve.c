/* SPDX-License-Identifier: Apache-2.0 */
/* fleck serve: the page and the service. */
#include "cli.h"
#include "../serve/serve.h"

#include <signal.h>

static const flag flags[] = {
    {"port", 0, "N", "TCP port (default 8080; 0: any free one)"},
    {"address", 0, "ADDR", "address to listen on (default 127.0.0.1: this machine alone)"},
    {"new-token", 0, NULL, "make a new token, print it once, and keep it in DIR/token"},
    {"cert", 0, "FILE", "certificate for TLS, PEM; with --key"},
    {"key", 0, "FILE", "its private key, PEM"},
    {"import", 0, "FOLDER", "allow the page to import photos from folders below FOLDER"},
    {"watch-root", 0, "FOLDER", "allow the page to watch folders below FOLDER (default: --import)"},
    {"sinks", 0, "FILE", "configuration of sinks (default DIR/sinks.json, if it exists)"},
    GROUP("limits"),
    {"workers", 0, "N", "threads that score (default: one for each processor)"},
    {"queue", 0, "N", "images that may wait; more are answered with 503 (default 256)"},
    {"max-upload", 0, "MIB", "largest request, except for a model (default 64)"},
    {"keep", 0, "MIB", "keep pictures up to this size in all (default 4096)"},
    {"keep-days", 0, "N", "remove pictures older than this (default 90; 0: never)"},
    {"models", 0, "MIB", "memory for models, and largest model accepted (default 2048)"},
    {NULL, 0, NULL, NULL}};

static int run(const args *a)
{
    fleck_error err = {0};
    int64_t port, workers = 0, days;
    sv_options o;

    sv_defaults(&o);
    port = o.port;
    days = o.keep_days;
    if (!args_int(a, "port", 0, 65535, &port) || !args_int(a, "workers", 1, 1024, &workers) ||
        !args_int(a, "queue", 1, 1000000, &o.queue) ||
        !args_mebibytes(a, "max-upload", &o.upload_bytes) ||
        !args_mebibytes(a, "keep", &o.keep_bytes) || !args_int(a, "keep-days", 0, 36500, &days) ||
        !args_mebibytes(a, "models", &o.model_bytes))
        return EXIT_USAGE;
    o.folder = a->words[0];
    o.port = (int)port;
    o.workers = (int)workers;
    o.keep_days = (int)days;
    if (args_get(a, "address") != NULL)
        o.address = args_get(a, "address");
    o.cert = args_get(a, "cert");
    o.key = args_get(a, "key");
    o.import_root = args_get(a, "import");
    o.watch_root = args_get(a, "watch-root");
    o.sinks = args_get(a, "sinks");
    o.new_token = args_has(a, "new-token");
    o.home = home_folder();
    o.shared_home = shared_home_folder();
    o.scratch = temporary_folder();
    o.interrupted = interrupted;
    interrupt_begin();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGIO, SIG_IGN); /* sent if a file is opened for writing while watch_scan.c checks it */
    if (!sv_run(&o, &err))
        return failed(&err);
    interrupt_forget();
    return EXIT_DONE;
}

const command serve_command = {
    .name = "serve",
    .usage = "DIR [options]",
    .summary = "Serve a web page and an HTTP interface for fitting and inspecting.",
    .example = "serve line --port 8080",
    .details = "DIR holds the project: photos, models, the history of inspections.  It is made if\n"
               "it does not exist.  Ctrl-C or SIGTERM finishes what was accepted, then ends with\n"
               "exit code 0.",
    .flags = flags,
    .min_words = 1,
    .max_words = 1,
    .run = run};
