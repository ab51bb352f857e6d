/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a request: header, checks, body, handler, answer. */
#define _GNU_SOURCE
#include "http.h"
#include "access.h"
#include "server.h"
#include "tasks.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    MOST_PARTS = 256,
    MOST_JSON = 4 << 20,
    IDLE_SECONDS = 30,
    UPLOAD_SECONDS = 600,
    MOST_CONNECTIONS = 2000,
    OTHER_FILES = 200, /* descriptors that are not connections */
    HEADER_BYTES = 32 << 10,
    UNREAD = 1 << 20 /* of a body that was refused: more ends the connection */
};

double sv_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- Routes ---- */

/* Whether path is the route's; numbers go to ids. */
static bool matches(const char *pattern, const char *path, int64_t ids[2])
{
    int n = 0;

    for (; *pattern != '\0'; pattern++) {
        if (*pattern == '*')
            return strchr(path, '/') == NULL;
        if (*pattern != '#') {
            if (*pattern != *path++)
                return false;
            continue;
        }
        if (!isdigit((unsigned char)*path))
            return false;
        for (ids[n] = 0; isdigit((unsigned char)*path); path++) {
            if (ids[n] > INT64_MAX / 10 - 1)
                return false;
            ids[n] = ids[n] * 10 + (*path - '0');
        }
        n++;
    }
    return *path == '\0';
}

static const sv_route *find_route(sv_request *r, const char *method, const char *path)
{
    char allow[128] = "";

    for (const sv_route *route = sv_routes; route->method != NULL; route++) {
        int64_t ids[2] = {0};

        if (!matches(route->path, path, ids))
            continue;
        snprintf(allow + strlen(allow), sizeof allow - strlen(allow), "%s%s%s",
                 allow[0] != '\0' ? ", " : "", route->method,
                 strcmp(route->method, "GET") == 0 ? ", HEAD" : "");
        if (strcmp(route->method, method) == 0 ||
            (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0)) {
            memcpy(r->ids, ids, sizeof ids);
            return route;
        }
    }
    if (allow[0] != '\0') {
        sv_reply_problem(r, 405, "%s is not possible here: expected %s", method, allow);
        sv_header(r, "Allow", allow);
    } else {
        sv_reply_problem(r, 404, "there is nothing at this address");
    }
    return NULL;
}

/* ---- Bodies ---- */

static char *copy_text(const char *text)
{
    return text != NULL ? strdup(text) : NULL;
}

/* All bodies that are in memory, those of slow clients too, share a limit. */
static bool hold(sv_request *r, size_t size)
{
    struct sv_server *s = r->server;

    if (atomic_fetch_add(&s->held, (int64_t)size) + (int64_t)size <= s->most_held) {
        r->held += size;
        return true;
    }
    atomic_fetch_sub(&s->held, (int64_t)size);
    sv_reply_problem(r, 503, "too many uploads at once; try again");
    return false;
}

/* False: the request was answered. */
static bool part_append(sv_request *r, sv_part *p, const char *data, size_t size)
{
    if (size > p->room - p->size || p->data == NULL) {
        const size_t room = (p->size + size) * 2 + 4096;
        unsigned char *data_new;

        if (!hold(r, room - p->room))
            return false;
        data_new = realloc(p->data, room + 1);
        if (data_new == NULL) {
            sv_reply_problem(r, 503, "out of memory");
            return false;
        }
        p->data = data_new;
        p->room = room;
    }
    memcpy(p->data + p->size, data, size);
    p->size += size;
    p->data[p->size] = '\0';
    return true;
}

static sv_part *part_new(sv_request *r, const char *name, const char *file, const char *type)
{
    sv_part *parts;

    if (r->n_parts == MOST_PARTS)
        return NULL;
    parts = realloc(r->parts, (size_t)(r->n_parts + 1) * sizeof *parts);
    if (parts == NULL)
        return NULL;
    r->parts = parts;
    parts[r->n_parts] =
        (sv_part){.name = copy_text(name), .file = copy_text(file), .type = copy_text(type)};
    return &parts[r->n_parts++];
}

/* Called by libmicrohttpd with pieces of the parts, in order; off 0 begins a part. */
static enum MHD_Result on_piece(void *ctx, enum MHD_ValueKind kind, const char *key,
                                const char *file, const char *type, const char *encoding,
                                const char *data, uint64_t off, size_t size)
{
    sv_request *r = ctx;
    sv_part *p;

    (void)kind;
    (void)encoding;
    if (off > 0 && r->n_parts == 0)
        return MHD_NO;
    p = off == 0 ? part_new(r, key, file, type) : &r->parts[r->n_parts - 1];
    if (p == NULL) {
        sv_reply_problem(r, 413, "expected at most %d parts in a request", MOST_PARTS);
        return MHD_NO;
    }
    return part_append(r, p, data, size) ? MHD_YES : MHD_NO;
}

static const char *header(sv_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

static bool is_multipart(sv_request *r)
{
    const char *type = header(r, "Content-Type");

    return type != NULL && strncasecmp(type, "multipart/form-data", 19) == 0;
}

/* Whether the body is of a form that no route reads; the request is answered then. */
static bool is_foreign(sv_request *r)
{
    const char *type = header(r, "Content-Type"), *coding = header(r, "Content-Encoding");
    const char *edge = type != NULL ? strcasestr(type, "boundary=") : NULL;

    if (coding != NULL && strcasecmp(coding, "identity") != 0) {
        sv_reply_problem(r, 415, "expected a body that is not compressed, got Content-Encoding: %s",
                         coding);
        sv_header(r, "Accept-Encoding", "identity");
    } else if (r->route->body == SV_BODY_PARTS && type != NULL && !is_multipart(r) &&
               strncasecmp(type, "multipart/", 10) == 0) {
        sv_reply_problem(r, 415, "expected multipart/form-data, got %.200s", type);
    } else if (r->route->body == SV_BODY_PARTS && is_multipart(r) && edge != NULL &&
               strchr(edge, ';') != NULL) { /* libmicrohttpd takes all of it for the boundary */
        sv_reply_problem(r, 400, "expected boundary= at the end of the Content-Type, got %.200s",
                         type);
    }
    return r->response != NULL;
}

/* Prepare the file or the memory that the body is written to. */
static void begin_body(sv_request *r)
{
    if (r->route->body == SV_BODY_FILE) {
        snprintf(r->file, sizeof r->file, "%s/tmp/upload-XXXXXX", r->server->options.folder);
        r->fd = mkostemp(r->file, O_CLOEXEC);
        if (r->fd < 0)
            sv_reply_problem(r, 507, "the upload cannot be stored: %s", strerror(errno));
    } else if (r->route->body == SV_BODY_PARTS && is_multipart(r)) {
        r->post = MHD_create_post_processor(r->connection, 64 << 10, on_piece, r);
        if (r->post == NULL)
            sv_reply_problem(r, 400,
                             "expected a Content-Type with boundary= and two or more characters");
    } else if (r->route->body != SV_BODY_NONE) {
        if (part_new(r, "", sv_query(r, "name"), header(r, "Content-Type")) == NULL)
            sv_reply_problem(r, 503, "out of memory");
    }
}

static size_t most_of(const sv_request *r)
{
    if (r->route->body == SV_BODY_JSON)
        return MOST_JSON;
    if (r->route->body == SV_BODY_FILE) /* a model */
        return (size_t)r->server->options.model_bytes;
    return r->route->body == SV_BODY_NONE ? 4096 : (size_t)r->server->options.upload_bytes;
}

static void add_body(sv_request *r, const char *data, size_t size)
{
    r->body += size;
    if (r->response != NULL)
        return; /* refused already: read and discard */
    if (r->body > most_of(r))
        sv_reply_problem(r, 413, "the request is larger than %zu bytes", most_of(r));
    else if (r->fd >= 0) {
        while (size > 0) {
            const ssize_t n = write(r->fd, data, size);

            if (n < 0 && errno != EINTR) {
                sv_reply_problem(r, 507, "the upload cannot be stored: %s", strerror(errno));
                return;
            }
            data += n > 0 ? n : 0;
            size -= n > 0 ? (size_t)n : 0;
        }
    } else if (r->route->body == SV_BODY_NONE) {
        return; /* discard */
    } else if (r->post != NULL) {
        if (MHD_post_process(r->post, data, size) != MHD_YES && r->response == NULL)
            sv_reply_problem(r, 400, "the body is not valid multipart/form-data");
    } else {
        (void)part_append(r, &r->parts[0], data, size);
    }
}

static void end_body(sv_request *r)
{
    if (r->post != NULL) {
        if (MHD_destroy_post_processor(r->post) != MHD_YES && r->response == NULL)
            sv_reply_problem(r, 400, "the body is not valid multipart/form-data, or is cut short");
        r->post = NULL;
    }
    if (r->response == NULL && r->route->body == SV_BODY_JSON) {
        json_error_t error = {0};

        if (r->parts[0].size > 0)
            r->json = json_loadb((const char *)r->parts[0].data, r->parts[0].size,
                                 JSON_REJECT_DUPLICATES, &error);
        else
            r->json = json_object();
        if (r->json == NULL)
            sv_reply_problem(r, 400, "the body is not valid JSON: %s (line %d)", error.text,
                             error.line);
        else if (!json_is_object(r->json))
            sv_reply_problem(r, 400, "expected a JSON object");
    }
}

/* ---- The life of a request ---- */

static bool too_large(sv_request *r)
{
    const char *length = header(r, "Content-Length");

    if (length == NULL || strtoull(length, NULL, 10) <= most_of(r))
        return false;
    sv_reply_problem(r, 413, "expected at most %zu bytes, the request has %s", most_of(r), length);
    return true;
}

static enum MHD_Result send_answer(sv_request *r)
{
    if (r->response == NULL)
        sv_reply_problem(r, 500, "the request has no answer: this is a fault of the service");
    if (atomic_load(&r->server->stopping))
        sv_header(r, "Connection", "close");
    return MHD_queue_response(r->connection, r->status, r->response);
}

static enum MHD_Result begin(struct sv_server *s, struct MHD_Connection *c, const char *url,
                             const char *method, void **context)
{
    sv_request *r = calloc(1, sizeof *r);

    if (r == NULL)
        return MHD_NO;
    *context = r;
    if (strncasecmp(url, "http://", 7) == 0) /* as clients ask a proxy */
        url += 7 + strcspn(url + 7, "/");
    atomic_fetch_add(&s->requests, 1);
    r->server = s;
    r->connection = c;
    r->fd = -1;
    r->begun = sv_seconds();
    r->path = strdup(url);
    r->route = find_route(r, method, url);
    if (r->route != NULL && atomic_load(&s->stopping))
        sv_reply_problem(r, 503, "the service is stopping");
    else if (r->route != NULL && sv_access_check(r, method) && !too_large(r) && !is_foreign(r))
        begin_body(r);
    /* An answer before the body makes libmicrohttpd close the connection after it, so a body of
     * any size is not read. */
    return r->response != NULL ? send_answer(r) : MHD_YES;
}

void sv_handle(sv_request *r)
{
    r->route->handle(r);
    if (r->wrong != NULL)
        sv_reply_problem(r, 422, "%s: expected %s", r->wrong, r->wanted);
}

/* The whole request is there: handle it, now or by another thread. */
static enum MHD_Result handle(sv_request *r)
{
    sv_server *s = r->server;

    if ((r->route->flags & (SV_SLOW | SV_LONG)) == 0) {
        sv_handle(r);
        return r->suspended ? MHD_YES : send_answer(r);
    }
    sv_suspend(r);
    if (!sv_tasks_add((r->route->flags & SV_LONG) != 0 ? s->imports : s->tasks, r)) {
        sv_reply_problem(r, 503, "too many requests are waiting; try again");
        sv_resume(r);
    }
    return MHD_YES;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **context)
{
    sv_request *r = *context;

    (void)version;
    if (r == NULL)
        return begin(ctx, c, url, method, context);
    if (*size > 0) {
        add_body(r, data, *size);
        *size = 0;
        /* An answer is possible only once the body was read, which a client could go on with for
         * ever. */
        return r->body <= most_of(r) + UNREAD && sv_seconds() - r->begun < UPLOAD_SECONDS ? MHD_YES
                                                                                          : MHD_NO;
    }
    if (r->suspended) { /* and resumed: the answer is there */
        r->suspended = false;
        return send_answer(r);
    }
    if (r->response == NULL)
        end_body(r);
    return r->response == NULL ? handle(r) : send_answer(r);
}

static void on_end(void *ctx, struct MHD_Connection *c, void **context,
                   enum MHD_RequestTerminationCode code)
{
    sv_request *r = *context;

    (void)ctx;
    (void)c;
    (void)code;
    if (r == NULL)
        return;
    atomic_fetch_sub(&r->server->requests, 1);
    if (r->post != NULL)
        MHD_destroy_post_processor(r->post);
    for (int i = 0; i < r->n_parts; i++) {
        free(r->parts[i].name);
        free(r->parts[i].file);
        free(r->parts[i].type);
        free(r->parts[i].data);
    }
    free(r->parts);
    atomic_fetch_sub(&r->server->held, (int64_t)r->held);
    if (r->fd >= 0)
        close(r->fd);
    if (r->file[0] != '\0')
        unlink(r->file);
    json_decref(r->json);
    free(r->path);
    if (r->response != NULL)
        MHD_destroy_response(r->response);
    free(r);
    *context = NULL;
}

void sv_suspend(sv_request *r)
{
    r->suspended = true;
    MHD_suspend_connection(r->connection);
}

void sv_resume(sv_request *r)
{
    MHD_resume_connection(r->connection);
}

/* As libmicrohttpd does it, but "%00" stays as it is: no name goes on behind a zero byte. */
static size_t unescape(void *ctx, struct MHD_Connection *c, char *text)
{
    (void)ctx;
    (void)c;
    return strstr(text, "%00") != NULL ? strlen(text) : MHD_http_unescape(text);
}

/* As many connections as there may be descriptors for, up to MOST_CONNECTIONS. */
static unsigned most_connections(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return MOST_CONNECTIONS / 4;
    if (files.rlim_cur < MOST_CONNECTIONS + OTHER_FILES) {
        files.rlim_cur = MOST_CONNECTIONS + OTHER_FILES;
        if (files.rlim_cur > files.rlim_max)
            files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    return files.rlim_cur >= MOST_CONNECTIONS + OTHER_FILES ? (unsigned)MOST_CONNECTIONS
           : files.rlim_cur > 2 * OTHER_FILES               ? (unsigned)files.rlim_cur - OTHER_FILES
                                                            : (unsigned)files.rlim_cur / 2;
}

bool sv_http_start(struct sv_server *s, fleck_error *err)
{
    const bool tls = s->options.cert != NULL;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    struct MHD_OptionItem items[4] = {{MHD_OPTION_END, 0, NULL}};
    int fd;

    if (tls) {
        flags |= MHD_USE_TLS;
        items[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, s->cert};
        items[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, s->key};
        items[2] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    }
    fd = sv_access_listen(s, err);
    if (fd < 0)
        return false;
    s->daemon = MHD_start_daemon(
        flags, (uint16_t)s->port, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_SECONDS, MHD_OPTION_CONNECTION_LIMIT, most_connections(),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_BYTES, MHD_OPTION_UNESCAPE_CALLBACK,
        unescape, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)2,
        MHD_OPTION_ARRAY, items, MHD_OPTION_END);
    if (s->daemon == NULL) {
        close(fd);
        return sv_error(err, FLECK_E_IO, "the server cannot be started: %s",
                        tls ? "are --cert and --key a matching pair in PEM?" : strerror(errno));
    }
    return true;
}

void sv_http_quiesce(struct sv_server *s)
{
    atomic_store(&s->stopping, true);
    if (s->daemon == NULL)
        return;
    s->listening = MHD_quiesce_daemon(s->daemon);
    if (s->listening != MHD_INVALID_SOCKET)
        (void)shutdown(s->listening, SHUT_RDWR); /* refuse what would wait in its queue for ever */
}

void sv_http_stop(struct sv_server *s)
{
    if (s->daemon == NULL)
        return;
    /* Answers that are on their way get there; a client that does not read them does not hold up
     * the end for long. */
    for (int i = 0; i < 50 && atomic_load(&s->requests) > 0; i++)
        usleep(100000);
    MHD_stop_daemon(s->daemon);
    s->daemon = NULL;
    if (s->listening != MHD_INVALID_SOCKET)
        close(s->listening);
}
