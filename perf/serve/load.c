/* SPDX-License-Identifier: Apache-2.0 */
/* Sends images to a running `fleck serve` from many clients at once, and checks each answer.
 *
 *   serve_load PORT PRODUCT CLIENTS REQUESTS FILE...     JPEGs, sent in turn
 *   serve_load --jpeg FOLDER FILE...                     makes FOLDER/000000.jpg, ... of images
 *
 * Each client has one connection and waits for each answer before it sends the next request.  A
 * comment in the JPEG holds the numbers of the request and of the process, so no two requests have
 * the same bytes, and the service stores each.
 * An answer must carry the request's name, the XXH3-128 of its bytes, and the score of all other
 * answers to the same file.
 *
 * Standard output: "NAME ID HASH" of each answer with FLECK_LOAD_LOG=1, "score FILE SCORE VERDICT"
 * of each file, then a line of JSON.  If the service ends, so does the run, and the requests
 * without an answer are "unanswered". */
#define _GNU_SOURCE
#include "fleck_tools.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

enum { COMMENT = 32, HEADER = 512 };

typedef struct file {
    const char *path;
    unsigned char *bytes; /* [size] */
    size_t size;
    double score; /* of the first answer; NaN: none yet */
    char verdict[16];
} file;

typedef struct client {
    int fd;
    bool busy;
    long number; /* of its request */
    double begun;
    char *out, *in; /* [out_size], [in_room] */
    size_t out_size, sent, in_size, in_room;
    char hash[33];
} client;

typedef struct load {
    int port, n_clients, n_files;
    long product, requests, begun;
    long answered, refused, failed, wrong, unanswered;
    bool gone, log;
    file *files;
    client *clients;
    double *latency; /* [requests] milliseconds */
} load;

static void die(const char *what)
{
    fprintf(stderr, "serve_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void *need(void *block)
{
    if (block == NULL)
        die("memory");
    return block;
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- Files ---- */

static void read_file(file *f, const char *path)
{
    FILE *from = fopen(path, "rb");
    long n;

    if (from == NULL || fseek(from, 0, SEEK_END) != 0 || (n = ftell(from)) < 4)
        die(path);
    *f = (file){.path = path, .size = (size_t)n, .score = NAN, .bytes = need(malloc((size_t)n))};
    rewind(from);
    if (fread(f->bytes, 1, f->size, from) != f->size)
        die(path);
    fclose(from);
}

static int make_jpegs(const char *folder, char **paths, int n)
{
    for (int i = 0; i < n; i++) {
        fleck_error err = {0};
        fleck_photo *photo = NULL;
        fleck_pixels pixels = {0};
        unsigned char *bytes = NULL;
        size_t size = 0;
        char path[4096];

        snprintf(path, sizeof path, "%s/%06d.jpg", folder, i);
        if (fleck_photo_read(&photo, paths[i], 0, &err) == FLECK_OK)
            pixels = (fleck_pixels){photo->data, photo->width, photo->height,
                                    (size_t)photo->width * 3, FLECK_RGB8};
        if (photo == NULL || fleck_pixels_jpeg(&pixels, &bytes, &size, &err) != FLECK_OK ||
            fleck_file_write(path, bytes, size, &err) != FLECK_OK) {
            fprintf(stderr, "serve_load: %s\n", err.message);
            return 1;
        }
        fleck_free(bytes);
        fleck_photo_free(&photo);
    }
    return 0;
}

/* ---- Requests ---- */

static void connect_client(load *l, client *c)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)l->port),
                                   .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const int on = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        l->gone = true;
        return;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

static void close_client(client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->busy = false;
}

/* The bytes of the next request: its file with a comment behind the first marker. */
static void begin_request(load *l, client *c)
{
    const file *f = &l->files[l->begun % l->n_files];
    const size_t size = f->size + 4 + COMMENT;
    unsigned char *body;
    XXH128_hash_t h;
    int n;

    if (c->fd < 0)
        connect_client(l, c);
    if (l->gone)
        return;
    c->number = l->begun++;
    c->out = need(realloc(c->out, HEADER + size));
    n = snprintf(c->out, HEADER,
                 "POST /api/v1/products/%ld/inspect?name=n%ld HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                 "Content-Type: image/jpeg\r\nContent-Length: %zu\r\n\r\n",
                 l->product, c->number, l->port, size);
    body = (unsigned char *)c->out + n;
    memcpy(body, f->bytes, 2);
    memcpy(body + 2, (unsigned char[]){0xff, 0xfe, 0, COMMENT + 2}, 4);
    memset(body + 6, ' ', COMMENT);
    snprintf((char *)body + 6, COMMENT, "%ld of %d", c->number, (int)getpid());
    memcpy(body + 6 + COMMENT, f->bytes + 2, f->size - 2);
    h = XXH3_128bits(body, size);
    snprintf(c->hash, sizeof c->hash, "%016llx%016llx", (unsigned long long)h.high64,
             (unsigned long long)h.low64);
    c->out_size = (size_t)n + size;
    c->sent = c->in_size = 0;
    c->busy = true;
    c->begun = seconds();
}

/* The service closed the connection or never answers. */
static void lose(load *l, client *c)
{
    l->unanswered++;
    l->gone = true;
    if (l->log)
        printf("unanswered n%ld\n", c->number);
    close_client(c);
}

static void send_some(load *l, client *c)
{
    const ssize_t n = send(c->fd, c->out + c->sent, c->out_size - c->sent, MSG_NOSIGNAL);

    if (n > 0)
        c->sent += (size_t)n;
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        lose(l, c);
}

/* ---- Answers ---- */

static void check_answer(load *l, client *c, const char *body, size_t size)
{
    json_t *answer = json_loadb(body, size, 0, NULL);
    file *f = &l->files[c->number % l->n_files];
    const char *name = json_string_value(json_object_get(answer, "name"));
    const char *hash = json_string_value(json_object_get(answer, "hash"));
    const char *verdict = json_string_value(json_object_get(answer, "verdict"));
    const double score = json_number_value(json_object_get(answer, "score"));
    char expected[32];

    snprintf(expected, sizeof expected, "n%ld", c->number);
    if (name == NULL || strcmp(name, expected) != 0 || hash == NULL || strcmp(hash, c->hash) != 0 ||
        verdict == NULL || (!isnan(f->score) && score != f->score)) {
        fprintf(stderr, "serve_load: not the answer of n%ld (%s, hash %s, score %.17g): %.*s\n",
                c->number, f->path, c->hash, f->score, (int)(size < 2000 ? size : 2000), body);
        l->wrong++;
    } else {
        f->score = score;
        snprintf(f->verdict, sizeof f->verdict, "%s", verdict);
        if (l->log)
            printf("%s %lld %s\n", name,
                   (long long)json_integer_value(json_object_get(answer, "id")), hash);
    }
    json_decref(answer);
}

static void finish_request(load *l, client *c, const char *body, size_t size, int status)
{
    const bool closes = strcasestr(c->in, "\r\nConnection: close") != NULL;

    if (status == 200) {
        l->latency[l->answered++] = 1e3 * (seconds() - c->begun);
        check_answer(l, c, body, size);
    } else if (status == 503) {
        l->refused++;
    } else {
        fprintf(stderr, "serve_load: status %d: %.*s\n", status, (int)(size < 500 ? size : 500),
                body);
        l->failed++;
    }
    c->busy = false;
    if (closes)
        close_client(c);
}

static void receive_some(load *l, client *c)
{
    const char *end, *length;
    size_t head, size;
    ssize_t n;

    if (c->in_room - c->in_size < 4096) {
        c->in_room = c->in_room * 2 + 65536;
        c->in = need(realloc(c->in, c->in_room));
    }
    n = recv(c->fd, c->in + c->in_size, c->in_room - c->in_size - 1, 0);
    if (n <= 0) {
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            lose(l, c);
        return;
    }
    c->in_size += (size_t)n;
    c->in[c->in_size] = '\0';
    if ((end = strstr(c->in, "\r\n\r\n")) == NULL ||
        (length = strcasestr(c->in, "\r\nContent-Length:")) == NULL || length > end)
        return;
    head = (size_t)(end - c->in) + 4;
    size = strtoul(length + 17, NULL, 10);
    if (c->in_size >= head + size)
        finish_request(l, c, c->in + head, size, (int)strtol(c->in + 9, NULL, 10));
}

/* ---- The run ---- */

static void run(load *l)
{
    struct pollfd *polls = need(calloc((size_t)l->n_clients, sizeof *polls));

    for (;;) {
        int busy = 0;

        for (int i = 0; i < l->n_clients; i++) {
            client *c = &l->clients[i];

            if (!c->busy && !l->gone && l->begun < l->requests)
                begin_request(l, c);
            busy += c->busy;
            polls[i] = (struct pollfd){
                .fd = c->busy ? c->fd : -1,
                .events = (short)(c->sent < c->out_size ? POLLIN | POLLOUT : POLLIN)};
        }
        if (busy == 0)
            break;
        if (poll(polls, (nfds_t)l->n_clients, 60000) <= 0)
            die("no answer in 60 s");
        for (int i = 0; i < l->n_clients; i++) {
            client *c = &l->clients[i];

            if (c->busy && (polls[i].revents & POLLOUT) != 0)
                send_some(l, c);
            if (c->busy && (polls[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
                receive_some(l, c);
        }
    }
    free(polls);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double quantile(const load *l, double q)
{
    return l->answered > 0 ? l->latency[(long)(q * (double)(l->answered - 1))] : NAN;
}

static void report(load *l, double took)
{
    qsort(l->latency, (size_t)l->answered, sizeof *l->latency, by_value);
    for (int i = 0; i < l->n_files; i++)
        if (!isnan(l->files[i].score))
            printf("score %s %.17g %s\n", l->files[i].path, l->files[i].score, l->files[i].verdict);
    printf("{\"clients\": %d, \"begun\": %ld, \"answered\": %ld, \"refused\": %ld, "
           "\"failed\": %ld, \"wrong\": %ld, \"unanswered\": %ld, \"seconds\": %.4f",
           l->n_clients, l->begun, l->answered, l->refused, l->failed, l->wrong, l->unanswered,
           took);
    if (l->answered > 0)
        printf(", \"p50\": %.3f, \"p95\": %.3f, \"p99\": %.3f", quantile(l, 0.5), quantile(l, 0.95),
               quantile(l, 0.99));
    printf("}\n");
}

static long number_of(const char *text, long most)
{
    char *end;
    const long n = strtol(text, &end, 10);

    if (*end != '\0' || n < 1 || n > most) {
        fprintf(stderr, "serve_load: expected a number from 1 to %ld, got %s\n", most, text);
        exit(2);
    }
    return n;
}

int main(int argc, char **argv)
{
    load l = {.log = getenv("FLECK_LOAD_LOG") != NULL};
    double begun;

    if (argc > 3 && strcmp(argv[1], "--jpeg") == 0)
        return make_jpegs(argv[2], argv + 3, argc - 3);
    if (argc < 6) {
        fprintf(stderr, "usage: serve_load PORT PRODUCT CLIENTS REQUESTS FILE...\n");
        return 2;
    }
    l.port = (int)number_of(argv[1], 65535);
    l.product = number_of(argv[2], 1000000);
    l.n_clients = (int)number_of(argv[3], 10000);
    l.requests = number_of(argv[4], 100000000);
    l.n_files = argc - 5;
    l.files = need(calloc((size_t)l.n_files, sizeof *l.files));
    for (int i = 0; i < l.n_files; i++)
        read_file(&l.files[i], argv[i + 5]);
    l.latency = need(calloc((size_t)l.requests, sizeof *l.latency));
    l.clients = need(calloc((size_t)l.n_clients, sizeof *l.clients));
    for (int i = 0; i < l.n_clients; i++)
        l.clients[i].fd = -1;
    begun = seconds();
    run(&l);
    report(&l, seconds() - begun);
    for (int i = 0; i < l.n_files; i++)
        free(l.files[i].bytes);
    for (int i = 0; i < l.n_clients; i++) {
        close_client(&l.clients[i]);
        free(l.clients[i].in);
        free(l.clients[i].out);
    }
    free(l.files);
    free(l.clients);
    free(l.latency);
    return l.wrong > 0 || l.failed > 0;
}
