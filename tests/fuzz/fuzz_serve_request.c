/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the whole way of a request: the bytes of a connection go to a running service with one
 * product, through libmicrohttpd's parsers and the service's own of addresses, queries, multipart
 * and JSON.  Whatever comes, each answer is HTTP and none is a failure of the service. */
#define _GNU_SOURCE
#include "fuzz.h"
#include "../../serve/server.c"

#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

enum { PATIENCE = 2000, FORGET_AFTER = 500 };

static sv_server *service;
static char folder[] = "/tmp/fleck-fuzz-XXXXXX";

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

static void end(void)
{
    close_all(service);
    free(service);
    service = NULL;
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void begin(void)
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
    atexit(end);
}

/* So that no input depends on many before it. */
static void forget(void)
{
    fleck_error err = {0};

    fuzz_check(sv_db_run(&service->db, &err, "DELETE FROM note", "") &&
               sv_db_run(&service->db, &err, "DELETE FROM job", "") &&
               sv_db_run(&service->db, &err, "DELETE FROM photo", "") &&
               sv_db_run(&service->db, &err, "DELETE FROM product WHERE id > 1", ""));
}

/* Read the answers until the end, or until a stream of events has begun. */
static void read_answers(int fd)
{
    char text[65536];
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    bool first = true;

    while (poll(&wait, 1, PATIENCE) > 0) {
        const ssize_t n = recv(fd, text, sizeof text - 1, 0);

        if (n <= 0)
            return;
        text[n] = '\0';
        if (first) {
            fuzz_check(strncmp(text, "HTTP/1.", 7) == 0);
            fuzz_check(n < 12 || strncmp(text + 9, "500", 3) != 0);
        }
        first = false;
        if (strstr(text, "text/event-stream") != NULL)
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
        begin();
    if (++count % FORGET_AFTER == 0)
        forget();
    fuzz_check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    if (MHD_add_connection(service->daemon, pair[1], (const struct sockaddr *)&local,
                           sizeof local) == MHD_YES) {
        while (size > 0) {
            const ssize_t n = send(pair[0], data, size, MSG_NOSIGNAL);

            if (n <= 0)
                break;
            data += n;
            size -= (size_t)n;
        }
        shutdown(pair[0], SHUT_WR);
        read_answers(pair[0]);
    }
    close(pair[0]);
    return 0;
}
