/* SPDX-License-Identifier: Apache-2.0 */
/* A program for each inspection: JSON on its standard input, the essentials in its environment.  No
 * shell is involved. */
#define _GNU_SOURCE
#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct program {
    char *path;
    double timeout;
} program;

static const sv_member members[] = {
    {"program", 's', 0, 0}, {"arguments", 'l', 0, 0}, {"timeout", 'd', 0.1, 3600}, {NULL, 0, 0, 0}};
static const char *const wanted[] = {"program", NULL};

static bool open_program(sv_sink *k, fleck_error *err)
{
    program *p = calloc(1, sizeof *p);

    k->state = p;
    if (p == NULL || (p->path = sv_sink_path(k, sv_sink_text(k, "program", ""))) == NULL)
        return sv_error(err, FLECK_E_NOMEM, "out of memory");
    p->timeout = sv_sink_number(k, "timeout", 10);
    if (access(p->path, X_OK) == 0)
        return true;
    return sv_error(err, FLECK_E_NOTFOUND, "program: expected a program, found %s: %s", p->path,
                    strerror(errno));
}

/* ---- Environment and arguments ---- */

static char *variable(const char *name, const json_t *value)
{
    char *out = NULL, *text;

    if (json_is_string(value))
        return asprintf(&out, "FLECK_%s=%s", name, json_string_value(value)) < 0 ? NULL : out;
    text = value != NULL && !json_is_null(value) ? json_dumps(value, JSON_ENCODE_ANY) : strdup("");
    if (asprintf(&out, "FLECK_%s=%s", name, text != NULL ? text : "") < 0)
        out = NULL;
    free(text);
    return out;
}

/* This process's environment, with the variables of the inspection; NULL: out of memory. */
static char **make_environment(const json_t *row)
{
    static const char *const names[][2] = {{"ID", "id"},           {"PRODUCT", "product_name"},
                                           {"NAME", "name"},       {"SCORE", "score"},
                                           {"VERDICT", "verdict"}, {"RATIO", "ratio"}};
    enum { OWN = sizeof names / sizeof names[0] };
    size_t n = 0;
    char **all;

    while (environ[n] != NULL)
        n++;
    if ((all = calloc(n + OWN + 1, sizeof *all)) == NULL)
        return NULL;
    for (size_t i = 0; i < OWN; i++)
        if ((all[i] = variable(names[i][0], json_object_get(row, names[i][1]))) == NULL) {
            while (i > 0)
                free(all[--i]);
            free(all);
            return NULL;
        }
    memcpy(all + OWN, environ, n * sizeof *all);
    return all;
}

static void free_environment(char **all)
{
    for (int i = 0; i < 6; i++)
        free(all[i]);
    free(all);
}

static char **make_arguments(const sv_sink *k, const program *p)
{
    const json_t *list = json_object_get(k->config, "arguments");
    const size_t n = json_array_size(list);
    char **all = calloc(n + 2, sizeof *all);

    if (all == NULL)
        return NULL;
    all[0] = p->path;
    for (size_t i = 0; i < n; i++)
        all[i + 1] = (char *)(uintptr_t)json_string_value(json_array_get(list, i));
    return all;
}

/* ---- Running ---- */

/* Start it with its standard input from the pipe.  Returns an errno. */
static int spawn(const sv_sink *k, const json_t *row, int input, pid_t *pid)
{
    const program *p = k->state;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char **arguments = make_arguments(k, p), **environment = make_environment(row);
    sigset_t none, usual;
    int code = ENOMEM;

    if (arguments != NULL && environment != NULL) {
        sigemptyset(&none);
        sigfillset(&usual);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, input, 0);
        posix_spawn_file_actions_adddup2(&actions, 2, 1);
#if __GLIBC_PREREQ(2, 34)
        posix_spawn_file_actions_addclosefrom_np(&actions, 3);
#endif
        posix_spawnattr_init(&attributes);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &usual);
        posix_spawnattr_setpgroup(&attributes, 0);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                  POSIX_SPAWN_SETPGROUP);
        code = posix_spawn(pid, p->path, &actions, &attributes, arguments, environment);
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
    }
    if (environment != NULL)
        free_environment(environment);
    free(arguments);
    return code;
}

/* Write the text to the program and wait for its end.  After the timeout it is killed with all that
 * it started.  True: it ended by itself. */
static bool attend(pid_t pid, int *output, const char *text, double timeout, int *status)
{
    const double end = sv_seconds() + timeout;
    size_t left = strlen(text);
    useconds_t nap = 1000;

    while (waitpid(pid, status, WNOHANG) == 0) {
        if (sv_seconds() > end) {
            kill(-pid, SIGKILL);
            (void)waitpid(pid, status, 0);
            return false;
        }
        if (*output >= 0) {
            const ssize_t n = left > 0 ? write(*output, text, left) : 0;

            if (n > 0) {
                text += n;
                left -= (size_t)n;
            }
            if (left == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
                close(*output); /* all was written, or it does not read */
                *output = -1;
            }
        }
        usleep(nap);
        nap = nap < 20000 ? nap * 2 : nap;
    }
    return true;
}

static sv_sent run_program(sv_sink *k, const json_t *row, const char *text, fleck_error *err)
{
    const program *p = k->state;
    int ends[2], status = 0, code;
    bool ended;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0) {
        sv_error(err, FLECK_E_IO, "%s: %s", p->path, strerror(errno));
        return SV_RETRY;
    }
    (void)fcntl(ends[1], F_SETFL, O_NONBLOCK);
    code = spawn(k, row, ends[0], &pid);
    close(ends[0]);
    if (code != 0) {
        close(ends[1]);
        sv_error(err, FLECK_E_IO, "%s: %s", p->path, strerror(code));
        return SV_RETRY;
    }
    ended = attend(pid, &ends[1], text, p->timeout, &status);
    if (ends[1] >= 0)
        close(ends[1]);
    if (ended && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return SV_SENT;
    if (!ended)
        sv_error(err, FLECK_E_IO, "%s: it did not end within %g s and was ended", p->path,
                 p->timeout);
    else
        sv_error(err, FLECK_E_IO, "%s: it ended with %s %d", p->path,
                 WIFEXITED(status) ? "exit code" : "signal",
                 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    return SV_REFUSED;
}

static void close_program(sv_sink *k)
{
    program *p = k->state;

    if (p == NULL)
        return;
    free(p->path);
    free(p);
    k->state = NULL;
}

const sv_sink_kind sv_exec_sink = {.name = "exec",
                                   .built = true,
                                   .members = members,
                                   .wanted = wanted,
                                   .open = open_program,
                                   .send = run_program,
                                   .close = close_program};
