/* SPDX-License-Identifier: Apache-2.0 */
/* Start, wait, stop. */
#define _GNU_SOURCE
#include "access.h"
#include "alone.h"
#include "pictures.h"
#include "server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TRIM_SECONDS = 60, BEAT_SECONDS = 10, MOST_HELD = 512 << 20, SLOW_THREADS = 4 };

void sv_defaults(sv_options *o)
{
    *o = (sv_options){.address = "127.0.0.1",
                      .port = 8080,
                      .queue = 256,
                      .upload_bytes = INT64_C(64) << 20,
                      .keep_bytes = INT64_C(4) << 30,
                      .keep_days = 90,
                      .model_bytes = INT64_C(2) << 30};
}

void sv_path(const sv_server *s, char out[4096], const char *format, ...)
{
    const int n = snprintf(out, 4096, "%s/", s->options.folder);
    va_list list;

    va_start(list, format);
    vsnprintf(out + n, 4096 - (size_t)n, format, list);
    va_end(list);
}

void sv_note(sv_server *s, int64_t product, const char *who, const char *what, json_t *detail)
{
    char now[SV_TIME];

    sv_now(now);
    (void)sv_db_run(&s->db, NULL,
                    "INSERT INTO note(time, product, who, what, detail) VALUES(?, ?, ?, ?, ?)",
                    "sissj", now, product, who, what, detail);
}

static bool make_folder(const char *path, fleck_error *err)
{
    return mkdir(path, 0777) == 0 || errno == EEXIST ||
           sv_error(err, FLECK_E_IO, "%s: %s", path, strerror(errno));
}

/* Remove what a former process left behind. */
static void clear_tmp(sv_server *s)
{
    char path[4096];
    struct dirent *entry;
    DIR *d;

    sv_path(s, path, "tmp");
    if ((d = opendir(path)) == NULL)
        return;
    while ((entry = readdir(d)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            (void)unlinkat(dirfd(d), entry->d_name, 0);
    closedir(d);
}

/* Make the project's folders, and make sure that no other process serves them.  Returns a locked
 * descriptor, or -1. */
static int open_folder(sv_server *s, fleck_error *err)
{
    static const char *const folders[] = {"tmp", "products", "pictures"};
    char path[4096];
    int fd;

    if (strlen(s->options.folder) > 3000) {
        sv_error(err, FLECK_E_OPTION, "%s: the path is too long", s->options.folder);
        return -1;
    }
    if (!make_folder(s->options.folder, err))
        return -1;
    sv_path(s, path, "lock");
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0) {
        sv_error(err, FLECK_E_IO, "%s: %s", path, strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        sv_error(err, FLECK_E_STATE, "%s: another fleck serves this project", s->options.folder);
        close(fd);
        return -1;
    }
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        sv_path(s, path, "%s", folders[i]);
        if (!make_folder(path, err)) {
            close(fd);
            return -1;
        }
    }
    clear_tmp(s);
    return fd;
}

static bool open_all(sv_server *s, fleck_error *err)
{
    char path[4096];

    sv_path(s, path, "fleck.db");
    return sv_access_open(s, err) && sv_db_open(&s->db, path, err) &&
           sv_db_open(&s->inspect_db, path, err) &&
           ((s->events = sv_events_open()) != NULL ||
            sv_error(err, FLECK_E_NOMEM, "out of memory")) &&
           (s->journal = sv_journal_open(path, err)) != NULL &&
           (s->inspector = sv_inspector_open(s, err)) != NULL &&
           (s->options.watch == NULL || sv_watch_setup(s, err)) &&
           (s->sinks = sv_sinks_open(s, err)) != NULL &&
           (s->sources = sv_sources_open(s, err)) != NULL &&
           (s->options.watch != NULL ||
            ((s->fits = sv_fits_open(s, err)) != NULL &&
             (s->tasks = sv_tasks_open(SLOW_THREADS, err)) != NULL &&
             (s->imports = sv_tasks_open(1, err)) != NULL && sv_http_start(s, err)));
}

/* In the order that loses nothing: no new connections and files, then what was accepted, then where
 * it goes, then its answers.  Connections that are there still send requests until the last is
 * closed, so what these use ends first and is freed last. */
static void close_all(sv_server *s)
{
    sv_http_quiesce(s);
    if (s->events != NULL)
        sv_events_end(s->events);
    sv_fits_stop(s->fits);
    sv_tasks_stop(s->imports);
    sv_tasks_stop(s->tasks);
    sv_sources_stop(s->sources);
    sv_inspector_stop(s->inspector);
    sv_http_stop(s);
    sv_tasks_close(s->imports);
    sv_tasks_close(s->tasks);
    sv_sources_close(s->sources);
    sv_fits_close(s->fits);
    sv_journal_close(s->journal); /* before the inspector, which it tells of each image */
    sv_inspector_close(s->inspector);
    sv_sinks_close(s->sinks);
    sv_events_close(s->events);
    sv_db_close(&s->inspect_db);
    sv_db_close(&s->db);
    free(s->cert);
    free(s->key);
}

static void wait_until_interrupted(sv_server *s)
{
    const struct timespec tick = {0, 100000000};
    double trimmed = sv_seconds(), beat_sent = trimmed;

    while ((s->options.interrupted == NULL || !s->options.interrupted()) &&
           !atomic_load(&s->broken) &&
           (s->options.watch == NULL || !sv_sources_ended(s->sources))) {
        nanosleep(&tick, NULL);
        if (sv_seconds() - beat_sent >= BEAT_SECONDS) {
            sv_events_heartbeat(s->events);
            beat_sent = sv_seconds();
        }
        if (sv_seconds() - trimmed < TRIM_SECONDS)
            continue;
        sv_pictures_trim(s);
        trimmed = sv_seconds();
    }
}

bool sv_run(const sv_options *o, fleck_error *err)
{
    sv_server *s = calloc(1, sizeof *s);
    bool ok;
    int lock;

    if (s == NULL)
        return sv_error(err, FLECK_E_NOMEM, "out of memory");
    s->options = *o;
    s->listening = -1;
    s->most_held = 4 * o->upload_bytes > MOST_HELD ? 4 * o->upload_bytes : MOST_HELD;
    sv_stats_init(&s->stats);
    pthread_mutex_init(&s->storing, NULL);
    pthread_mutex_init(&s->adding, NULL);
    pthread_mutex_init(&s->keeping, NULL);
    sv_now(s->started);
    if ((lock = open_folder(s, err)) < 0) {
        free(s);
        return false;
    }
    ok = open_all(s, err);
    if (ok) {
        if (!o->quiet && o->watch == NULL) {
            printf("fleck serves %s at %s://%s:%d\n", o->folder, o->cert != NULL ? "https" : "http",
                   o->address, s->port);
            fflush(stdout);
        }
        wait_until_interrupted(s);
    }
    close_all(s);
    if (ok && atomic_load(&s->broken))
        ok = sv_error(err, FLECK_E_IO, "standard output could not be written");
    close(lock);
    free(s);
    return ok;
}
