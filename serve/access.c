/* SPDX-License-Identifier: Apache-2.0 */
/* Who may connect.
 *
 * The page is served by an address that a browser also lets other pages send requests to.  So a
 * request that changes something must come from the page itself: its Origin, where a browser sends
 * one, must be the host that it was sent to.  Without a token the host itself must be a loopback
 * name, so that a foreign name that resolves to this machine does not serve. */
#define _GNU_SOURCE
#include "access.h"
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TOKEN_BYTES = 32, MOST_PEM = 1 << 20 };

static bool is_loopback(const char *address)
{
    struct in_addr v4;

    if (inet_pton(AF_INET, address, &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    return strcmp(address, "::1") == 0 || strcmp(address, "localhost") == 0;
}

/* The text of a small file; NULL: failed. */
static char *read_text(const char *path, fleck_error *err)
{
    FILE *f = fopen(path, "re");
    char *text = NULL;
    size_t n = 0;

    if (f != NULL && (text = calloc(1, MOST_PEM + 1)) != NULL)
        n = fread(text, 1, MOST_PEM, f);
    if (f == NULL || text == NULL || ferror(f) || n == 0) {
        sv_error(err, FLECK_E_IO, "%s: cannot be read: %s", path,
                 errno != 0 ? strerror(errno) : "it is empty");
        free(text);
        text = NULL;
    }
    if (f != NULL)
        fclose(f);
    return text;
}

static bool new_token(struct sv_server *s, const char *path, fleck_error *err)
{
    unsigned char bytes[TOKEN_BYTES];
    size_t n = 0;

    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return sv_error(err, FLECK_E_IO, "no random bytes for a token: %s", strerror(errno));
    for (size_t i = 0; i < sizeof bytes; i++)
        n += (size_t)snprintf(s->token + n, sizeof s->token - n, "%02x", bytes[i]);
    if (unlink(path) != 0 && errno != ENOENT)
        return sv_error(err, FLECK_E_IO, "%s: %s", path, strerror(errno));
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, s->token, n) != (ssize_t)n || fsync(fd) != 0 || close(fd) != 0)
        return sv_error(err, FLECK_E_IO, "%s: %s", path, strerror(errno));
    printf("token: %s\n", s->token);
    return true;
}

bool sv_access_open(struct sv_server *s, fleck_error *err)
{
    char path[4096];
    char *text;

    snprintf(path, sizeof path, "%s/token", s->options.folder);
    if (s->options.new_token) {
        if (!new_token(s, path, err))
            return false;
    } else if (access(path, F_OK) == 0) {
        if ((text = read_text(path, err)) == NULL)
            return false;
        snprintf(s->token, sizeof s->token, "%.*s", (int)strcspn(text, "\r\n"), text);
        free(text);
        if (strlen(s->token) < 32)
            return sv_error(err, FLECK_E_FORMAT, "%s: expected a token of 32 characters or more",
                            path);
    }
    if (!is_loopback(s->options.address) && s->token[0] == '\0')
        return sv_error(err, FLECK_E_OPTION,
                        "%s can be reached from other machines, so a token is needed: start once "
                        "with --new-token, which prints it",
                        s->options.address);
    if ((s->options.cert == NULL) != (s->options.key == NULL))
        return sv_error(err, FLECK_E_OPTION, "expected both --cert and --key, or neither");
    if (s->options.cert != NULL && ((s->cert = read_text(s->options.cert, err)) == NULL ||
                                    (s->key = read_text(s->options.key, err)) == NULL))
        return false;
    return true;
}

int sv_access_listen(struct sv_server *s, fleck_error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } bound = {.v6 = {0}};
    socklen_t size = sizeof bound;
    char port[16];
    int fd, code;
    const int on = 1;

    snprintf(port, sizeof port, "%d", s->options.port);
    code = getaddrinfo(s->options.address, port, &hints, &found);
    if (code != 0) {
        sv_error(err, FLECK_E_OPTION, "--address %s: %s", s->options.address, gai_strerror(code));
        return -1;
    }
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, &bound.any, &size) != 0) {
        sv_error(err, FLECK_E_IO, "%s port %d: %s", s->options.address, s->options.port,
                 strerror(errno));
        if (fd >= 0)
            close(fd);
        fd = -1;
    } else {
        s->port = ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
    }
    freeaddrinfo(found);
    return fd;
}

/* Whether both texts are equal, in constant time. */
static bool same_secret(const char *given, const char *secret)
{
    const size_t n = strlen(secret), m = strlen(given);
    unsigned difference = n != m;

    for (size_t i = 0; i < n; i++)
        difference |= (unsigned)(unsigned char)secret[i] ^ (unsigned char)given[m > 0 ? i % m : 0];
    return difference == 0;
}

static const char *header(const sv_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

static bool has_token(const sv_request *r)
{
    const char *bearer = header(r, "Authorization");
    const char *cookie = MHD_lookup_connection_value(r->connection, MHD_COOKIE_KIND, "fleck_token");

    if (r->server->token[0] == '\0')
        return true;
    if (bearer != NULL && strncmp(bearer, "Bearer ", 7) == 0 &&
        same_secret(bearer + 7, r->server->token))
        return true;
    return cookie != NULL && same_secret(cookie, r->server->token);
}

/* Whether the Host header names this machine itself. */
static bool is_own_host(const char *host)
{
    char name[256];
    size_t n;

    if (host == NULL)
        return false;
    n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    snprintf(name, sizeof name, "%.*s", (int)n, host);
    return strcmp(name, "[::1]") == 0 || is_loopback(name);
}

bool sv_access_check(sv_request *r, const char *method)
{
    const char *host = header(r, "Host"), *origin = header(r, "Origin");
    const char *site = header(r, "Sec-Fetch-Site");
    const bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    char own[512];

    if (r->server->token[0] == '\0' && !is_own_host(host)) {
        sv_reply_problem(r, 403, "expected a request to localhost, got one to %s",
                         host != NULL ? host : "no host");
        return false;
    }
    snprintf(own, sizeof own, "%s://%s", r->server->options.cert != NULL ? "https" : "http",
             host != NULL ? host : "");
    if ((origin != NULL && strcmp(origin, own) != 0) ||
        (!reads && site != NULL && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)) {
        sv_reply_problem(
            r, 403,
            "expected a request from this service's own page, found one from another origin");
        return false;
    }
    if ((r->route->flags & SV_OPEN) == 0 && !has_token(r)) {
        sv_reply_problem(r, 401, "expected the token: header \"Authorization: Bearer TOKEN\"");
        return false;
    }
    return true;
}

void sv_access_login(sv_request *r)
{
    const char *token = sv_body_text(r, "token");
    char cookie[256];

    if (!sv_body_only(r, "token", NULL))
        return;
    if (token == NULL) {
        sv_reply_problem(r, 422, "token: expected a text");
        return;
    }
    if (r->server->token[0] == '\0') {
        sv_reply_empty(r, 204);
        return;
    }
    if (!same_secret(token, r->server->token)) {
        sv_reply_problem(r, 401, "token: it is not this service's token");
        return;
    }
    snprintf(cookie, sizeof cookie, "fleck_token=%s; Path=/; HttpOnly; SameSite=Strict%s", token,
             r->server->options.cert != NULL ? "; Secure" : "");
    sv_reply_empty(r, 204);
    sv_header(r, "Set-Cookie", cookie);
}
