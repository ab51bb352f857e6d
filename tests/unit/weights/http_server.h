/* SPDX-License-Identifier: Apache-2.0 */
/* A small HTTP server on 127.0.0.1 for tests: one file, and every way to serve it badly. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "fk_test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

typedef enum server_mode {
    SERVE,           /* ranges honoured */
    SERVE_NO_RANGE,  /* always the whole file with 200 */
    SERVE_OTHER,     /* a range that was not asked for */
    SERVE_TAMPERED,  /* one bit changed */
    SERVE_CUT,       /* the connection ends after cut bytes */
    SERVE_NO_LENGTH, /* no Content-Length, and the connection ends after cut bytes */
    NOT_FOUND,
    REDIRECT,        /* from /old/FILE to /FILE */
    REDIRECT_TO_FILE /* to file:///etc/hostname */
} server_mode;

typedef struct http_server {
    int socket;
    int port;
    pthread_t thread;
    const uint8_t *bytes;
    size_t size;
    /* Set by the test between requests; mode last. */
    _Atomic size_t cut;
    _Atomic int mode;
    /* Written by the server; requests last, so whoever has read that may read the others. */
    char path[256];  /* of the last request */
    char range[256]; /* its Range header, "" where it had none */
    _Atomic int requests;
} http_server;

static inline void send_all(int to, const void *bytes, size_t size)
{
    const char *from = bytes;

    while (size > 0) {
        ssize_t n = send(to, from, size, MSG_NOSIGNAL);

        if (n <= 0)
            return;
        from += n;
        size -= (size_t)n;
    }
}

/* The request's head into text; false where the connection closed before its end. */
static inline bool receive_head(int from, char *text, size_t size)
{
    size_t used = 0;

    while (used + 1 < size) {
        ssize_t n = recv(from, text + used, size - used - 1, 0);

        if (n <= 0)
            return false;
        used += (size_t)n;
        text[used] = '\0';
        if (strstr(text, "\r\n\r\n") != NULL)
            return true;
    }
    return false;
}

static inline void read_head(http_server *s, char *head)
{
    char *range = strstr(head, "\r\nRange: ");

    s->path[0] = s->range[0] = '\0';
    sscanf(head, "GET %255s", s->path);
    if (range != NULL)
        sscanf(range + 9, "%255[^\r]", s->range);
    s->requests++;
}

static inline void answer_file(const http_server *s, server_mode mode, int to)
{
    char head[256], flipped;
    bool partial = strncmp(s->range, "bytes=", 6) == 0 && mode != SERVE_NO_RANGE;
    size_t first = partial ? strtoul(s->range + 6, NULL, 10) : 0, end = s->size;

    if (partial && first >= s->size) {
        snprintf(head, sizeof head,
                 "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */%zu\r\n"
                 "Content-Length: 0\r\nConnection: close\r\n\r\n",
                 s->size);
        send_all(to, head, strlen(head));
        return;
    }
    if (partial)
        snprintf(head, sizeof head,
                 "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %zu-%zu/%zu\r\n",
                 mode == SERVE_OTHER ? first + 1 : first, s->size - 1, s->size);
    else
        snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n");
    send_all(to, head, strlen(head));
    snprintf(head, sizeof head, "Content-Length: %zu\r\n", s->size - first);
    if (mode != SERVE_NO_LENGTH)
        send_all(to, head, strlen(head));
    snprintf(head, sizeof head, "Connection: close\r\n\r\n");
    send_all(to, head, strlen(head));
    if ((mode == SERVE_CUT || mode == SERVE_NO_LENGTH) && first + s->cut < end)
        end = first + s->cut;
    if (mode == SERVE_TAMPERED) {
        flipped = (char)(s->bytes[first] ^ 1);
        send_all(to, &flipped, 1);
        first++;
    }
    send_all(to, s->bytes + first, end - first);
}

static inline void answer(const http_server *s, int to)
{
    server_mode mode = (server_mode)s->mode; /* before all else */
    static const char missing[] =
        "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnone";
    static const char elsewhere[] = "HTTP/1.1 302 Found\r\nLocation: file:///etc/hostname\r\n"
                                    "Content-Length: 0\r\nConnection: close\r\n\r\n";
    char head[600];

    if (mode == NOT_FOUND) {
        send_all(to, missing, sizeof missing - 1);
    } else if (mode == REDIRECT_TO_FILE) {
        send_all(to, elsewhere, sizeof elsewhere - 1);
    } else if (mode == REDIRECT && strncmp(s->path, "/old/", 5) == 0) {
        snprintf(head, sizeof head,
                 "HTTP/1.1 301 Moved Permanently\r\nLocation: %s\r\nContent-Length: 0\r\n"
                 "Connection: close\r\n\r\n",
                 s->path + 4);
        send_all(to, head, strlen(head));
    } else {
        answer_file(s, mode, to);
    }
}

/* One connection after another, until the socket is shut down. */
static inline void *serve(void *server)
{
    http_server *s = server;
    char head[4096];
    int to;

    while ((to = accept(s->socket, NULL, NULL)) >= 0) {
        if (receive_head(to, head, sizeof head)) {
            read_head(s, head);
            answer(s, to);
        }
        /* a graceful end: what was sent must arrive before the reset that close() may cause */
        shutdown(to, SHUT_WR);
        while (recv(to, head, sizeof head, 0) > 0)
            ;
        close(to);
    }
    return NULL;
}

static inline const char *server_path(const http_server *s)
{
    return s->requests > 0 ? s->path : "";
}

static inline const char *server_range(const http_server *s)
{
    return s->requests > 0 ? s->range : "";
}

static inline void server_begin(http_server *s, const void *bytes, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;

    memset(s, 0, sizeof *s);
    s->bytes = bytes;
    s->size = size;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->socket >= 0);
    assert_int_equal(bind(s->socket, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(s->socket, 8), 0);
    assert_int_equal(getsockname(s->socket, (struct sockaddr *)&address, &length), 0);
    s->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static inline void server_end(http_server *s)
{
    shutdown(s->socket, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->socket);
}

#endif
