/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers over libmicrohttpd. */
#ifndef FLECK_SERVE_HTTP_H
#define FLECK_SERVE_HTTP_H

#include "db.h"

#include <microhttpd.h>

struct sv_server;
struct sv_request;

/* What a route expects as body. */
typedef enum sv_body {
    SV_BODY_NONE,
    SV_BODY_JSON,  /* an object, in request->json */
    SV_BODY_PARTS, /* multipart/form-data, or the raw bytes of one part */
    SV_BODY_FILE   /* raw bytes into a file, request->file, that is removed afterwards */
} sv_body;

/* A request's method and path.  In the path "#" stands for a number, in request->ids in order, and
 * "*" at the end for a name. */
typedef struct sv_route {
    const char *method, *path;
    sv_body body;
    void (*handle)(struct sv_request *r);
    unsigned flags; /* of sv_route_flag, or 0 */
} sv_route;
typedef enum sv_route_flag {
    SV_OPEN = 1, /* needs no token */
    /* Opens files, models or many rows: a thread of tasks.h handles it, so that the connections'
     * threads never block.  Such a handler does not call sv_suspend(). */
    SV_SLOW = 2,
    /* The same, for minutes: one at a time, on a thread of its own. */
    SV_LONG = 4
} sv_route_flag;

/* A part of a multipart body, or a raw body. */
typedef struct sv_part {
    char *name, *file, *type; /* field, file name, media type; file and type may be NULL */
    unsigned char *data;      /* [size], and a zero byte */
    size_t size, room;
} sv_part;

typedef struct sv_request {
    struct sv_server *server;
    struct MHD_Connection *connection;
    const sv_route *route;
    char *path;
    int64_t ids[2];
    json_t *json;
    sv_part *parts;
    int n_parts;
    char file[4096];
    int fd;
    size_t body;       /* bytes received */
    size_t held;       /* bytes of memory that the parts take */
    const char *wrong; /* a parameter of the query that was none of those expected, or NULL */
    char wanted[80];   /* and what was */
    char times[2][32]; /* "from" and "to" of the query */
    char who[400];
    struct MHD_PostProcessor *post;
    double begun; /* seconds of a monotonic clock, when the request's header was read */
    unsigned status;
    struct MHD_Response *response;
    bool suspended;          /* a worker answers */
    struct sv_request *next; /* in the queue of tasks.h */
} sv_request;

/* The routes of the whole service, in the order in which they are tried; ends with method NULL. */
extern const sv_route sv_routes[];

bool sv_http_start(struct sv_server *s, fleck_error *err);
/* Accept no further connections. */
void sv_http_quiesce(struct sv_server *s);
void sv_http_stop(struct sv_server *s);

/* Answers.  A handler makes one of them, now or, after sv_suspend(), on any thread before
 * sv_resume(). */
void sv_reply_json(sv_request *r, unsigned status, json_t *json); /* takes json over; NULL: 500 */
/* Bytes that fleck_free() or free() releases (owned), or static ones. */
typedef enum sv_memory { SV_STATIC, SV_FREE, SV_FLECK } sv_memory;
void sv_reply_bytes(sv_request *r, unsigned status, const char *type, void *bytes, size_t size,
                    sv_memory memory);
/* A file's bytes; download: the name that a browser saves it under, or NULL. */
void sv_reply_file(sv_request *r, const char *path, const char *type, const char *download);
/* Bytes that are made while they are sent. */
void sv_reply_stream(sv_request *r, const char *type, MHD_ContentReaderCallback read, void *ctx,
                     MHD_ContentReaderFreeCallback end);
void sv_reply_empty(sv_request *r, unsigned status);
void sv_header(sv_request *r, const char *name, const char *value);
/* The Content-Security-Policy of this answer, instead of that of all answers. */
void sv_content_policy(sv_request *r, const char *policy);
/* An error as application/problem+json (RFC 9457), with a message for a person. */
void sv_reply_problem(sv_request *r, unsigned status, const char *format, ...) FLECK_PRINTF(3, 4);
/* The same for an error of the library or the database, with the status that fits it. */
void sv_reply_error(sv_request *r, const fleck_error *err);

/* Run the route's handler. */
void sv_handle(sv_request *r);

/* A parameter of the query, or NULL. */
const char *sv_query(sv_request *r, const char *name);
/* The same, one of a list that ends with NULL.  Another value gives NULL, and makes the answer
 * 422. */
const char *sv_query_one(sv_request *r, const char *name, const char *const *values);
/* The same, a time in UTC: ISO 8601, or its beginning such as 2026-11-30 or 2026-11-30T12:00. */
const char *sv_query_time(sv_request *r, const char *name);
/* An integer of the query within a range; initial where it is missing.  Another value makes the
 * answer 422, and gives initial. */
int64_t sv_query_int(sv_request *r, const char *name, int64_t initial, int64_t low, int64_t high);
/* Whether the body has no part, or only one without bytes. */
bool sv_body_is_empty(const sv_request *r);
/* A text of the JSON body, or NULL. */
const char *sv_body_text(sv_request *r, const char *name);
/* Whether the JSON body has no other members than those listed, up to NULL.  Otherwise the request
 * is answered with 422. */
bool sv_body_only(sv_request *r, ...) __attribute__((sentinel));
/* The person's name in the header X-Fleck-Who, which is percent-encoded; "": none. */
const char *sv_who(sv_request *r);

void sv_suspend(sv_request *r);
void sv_resume(sv_request *r);

double sv_seconds(void);

/* The largest id: integers up to here are exact in JavaScript too. */
#define SV_MOST_ID ((INT64_C(1) << 53) - 1)

#endif
