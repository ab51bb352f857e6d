/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes whole requests.  The input is what a client sends on a connection to a running service
 * with one product: it passes libmicrohttpd's parsers, then those of the service for addresses,
 * queries, multipart bodies and JSON.  This thread serves the connection, by a second daemon.
 * Every answer must be HTTP, and none may have the status 500. */
#define _GNU_SOURCE
#include "fuzz.h"
#include "../../serve/http.c"   /* NOLINT: its readers are static */
#include "../../serve/server.c" /* NOLINT: its readers are static */

#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

enum { PATIENCE = 2000, TICK = 10, FORGET_AFTER = 500 };

static sv_server *service;
static struct MHD_Daemon *daemon_here;
static char folder[] = "/tmp/fleck-fuzz-XXXXXX";

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

static void end_service(void)
{
    sv_events_end(service->events);
    for (int i = 0; i < 10; i++)
        MHD_run_wait(daemon_here, TICK); /* streams end */
    MHD_stop_daemon(daemon_here);
    close_all(service);
    free(service);
    service = NULL;
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void begin_service(void)
{
    fleck_error err = {0};
    sv_server *s = calloc(1, sizeof *s);

    fuzz_check(s != NULL && mkdtemp(folder) != NULL);
    signal(SIGPIPE, SIG_IGN);
    sv_defaults(&s->options);
    s->options.folder = folder;
    s->options.home = "/nonexistent";
    s->options.port = 0;
    s->options.quiet = true;
    s->options.workers = 1;
    s->options.upload_bytes = 1 << 20;
    s->most_held = 8 << 20;
    s->listening = -1;
    sv_stats_init(&s->stats);
    pthread_mutex_init(&s->storing, NULL);
    pthread_mutex_init(&s->adding, NULL);
    pthread_mutex_init(&s->keeping, NULL);
    if (open_folder(s, &err) < 0 || !open_all(s, &err))
        fuzz_check(false);
    service = s;
    fuzz_check(sv_db_run(&s->db, &err, "PRAGMA synchronous = OFF", ""));
    fuzz_check(sv_db_run(&s->db, &err,
                         "INSERT INTO product(id, name, created) VALUES(1, 'one', '2026')", ""));
    daemon_here = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL,
        on_request, s, MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_BYTES, MHD_OPTION_UNESCAPE_CALLBACK,
        unescape, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    fuzz_check(daemon_here != NULL);
    atexit(end_service);
}

/* Empty the tables, so that an input depends on few inputs before it. */
static void forget(void)
{
    fleck_error err = {0};

    fuzz_check(sv_db_run(&service->db, &err, "DELETE FROM note", "") &&
               sv_db_run(&service->db, &err, "DELETE FROM job", "") &&
               sv_db_run(&service->db, &err, "DELETE FROM photo", "") &&
               sv_db_run(&service->db, &err, "DELETE FROM product WHERE id > 1", ""));
}

/* Check what has been answered so far; false: the connection ended, or a stream of events
 * begins. */
static bool look(int fd, bool *first)
{
    char text[65536];
    ssize_t n;

    while ((n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT)) > 0) {
        text[n] = '\0';
        if (*first) {
            fuzz_check(strncmp(text, "HTTP/1.", strnlen(text, 7)) == 0);
            fuzz_check(n < 12 || strncmp(text + 9, "500", 3) != 0);
        }
        *first = false;
        if (strstr(text, "text/event-stream") != NULL)
            return false;
    }
    return n < 0 && errno == EAGAIN;
}

/* Send bytes to the service, and let it answer. */
static void serve(int fd, const uint8_t *data, size_t size)
{
    bool first = true;

    for (int waited = 0; waited < PATIENCE; waited += TICK) {
        const ssize_t n = size > 0 ? send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

        if (n > 0) {
            data += n;
            size -= (size_t)n;
        }
        if (size == 0 || (n < 0 && errno != EAGAIN)) {
            shutdown(fd, SHUT_WR);
            size = 0;
        }
        MHD_run_wait(daemon_here, TICK);
        if (!look(fd, &first))
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int count;
    const struct sockaddr_in local = {.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int pair[2];

    if (service == NULL)
        begin_service();
    if (++count % FORGET_AFTER == 0)
        forget();
    fuzz_check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    if (MHD_add_connection(daemon_here, pair[1], (const struct sockaddr *)&local, sizeof local) ==
        MHD_YES)
        serve(pair[0], data, size);
    close(pair[0]);
    sv_events_heartbeat(service->events); /* closes streams whose client has gone */
    for (int i = 0; i < 3; i++)
        MHD_run_wait(daemon_here, 0);
    return 0;
}
