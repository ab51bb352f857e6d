/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to requests. */
#define _GNU_SOURCE
#include "http.h"
#include "server.h"
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define POLICY                                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "        \
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

/* Make it the answer, with the headers of all answers.  Takes the response over. */
static void set(sv_request *r, unsigned status, const char *type, struct MHD_Response *response)
{
    if (r->response != NULL)
        MHD_destroy_response(r->response);
    r->response = response;
    r->status = status;
    if (response == NULL)
        return;
    if (type != NULL)
        sv_header(r, "Content-Type", type);
    sv_header(r, "X-Content-Type-Options", "nosniff");
    sv_header(r, "Cross-Origin-Resource-Policy", "same-origin");
    sv_header(r, "Referrer-Policy", "no-referrer");
    sv_header(r, "Content-Security-Policy", POLICY);
    if (MHD_get_response_header(response, "Cache-Control") == NULL)
        sv_header(r, "Cache-Control", "no-store");
}

void sv_header(sv_request *r, const char *name, const char *value)
{
    if (r->response != NULL)
        (void)MHD_add_response_header(r->response, name, value);
}

void sv_content_policy(sv_request *r, const char *policy)
{
    if (r->response == NULL)
        return;
    (void)MHD_del_response_header(r->response, "Content-Security-Policy", POLICY);
    sv_header(r, "Content-Security-Policy", policy);
}

static void free_fleck(void *block)
{
    fleck_free(block);
}

void sv_reply_bytes(sv_request *r, unsigned status, const char *type, void *bytes, size_t size,
                    sv_memory memory)
{
    struct MHD_Response *response;

    if (memory == SV_FLECK)
        response = MHD_create_response_from_buffer_with_free_callback(size, bytes, free_fleck);
    else
        response = MHD_create_response_from_buffer(
            size, bytes, memory == SV_FREE ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    set(r, status, type, response);
}

void sv_reply_stream(sv_request *r, const char *type, MHD_ContentReaderCallback read_more,
                     void *ctx, MHD_ContentReaderFreeCallback end)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 64 << 10, read_more, ctx, end);

    if (response == NULL)
        end(ctx);
    set(r, 200, type, response);
}

void sv_reply_empty(sv_request *r, unsigned status)
{
    set(r, status, NULL, MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
}

static void reply_json(sv_request *r, unsigned status, const char *type, json_t *json)
{
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    static char none[] = "{\"title\":\"out of memory\",\"status\":500}";

    json_decref(json);
    if (text != NULL)
        sv_reply_bytes(r, status, type, text, strlen(text), SV_FREE);
    else
        sv_reply_bytes(r, 500, "application/problem+json", none, sizeof none - 1, SV_STATIC);
}

void sv_reply_json(sv_request *r, unsigned status, json_t *json)
{
    reply_json(r, status, "application/json", json);
}

static const char *title_of(unsigned status)
{
    const char *phrase = MHD_get_reason_phrase_for(status);

    return phrase != NULL ? phrase : "Problem";
}

void sv_reply_problem(sv_request *r, unsigned status, const char *format, ...)
{
    char detail[FLECK_ERROR_SIZE];
    va_list list;

    va_start(list, format);
    vsnprintf(detail, sizeof detail, format, list);
    va_end(list);
    reply_json(r, status, "application/problem+json",
               json_pack("{s:s, s:s, s:i, s:o}", "type", "about:blank", "title", title_of(status),
                         "status", (int)status, "detail", sv_text_json(detail)));
    if (status == 503)
        sv_header(r, "Retry-After", "1");
    if (status == 401)
        sv_header(r, "WWW-Authenticate", "Bearer");
}

/* Whether a message tells of a disk, a quota or a file that is full. */
static bool is_full(const char *message)
{
    static const int codes[] = {ENOSPC, EDQUOT, EFBIG};

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (strstr(message, strerror(codes[i])) != NULL)
            return true;
    return strstr(message, "database or disk is full") != NULL;
}

void sv_reply_error(sv_request *r, const fleck_error *err)
{
    static const unsigned statuses[] = {
        [FLECK_OK] = 500,        [FLECK_E_NOMEM] = 503,       [FLECK_E_IO] = 500,
        [FLECK_E_FORMAT] = 422,  [FLECK_E_UNSUPPORTED] = 415, [FLECK_E_SHAPE] = 422,
        [FLECK_E_OPTION] = 422,  [FLECK_E_STATE] = 409,       [FLECK_E_NOTFOUND] = 404,
        [FLECK_E_LIMIT] = 413,   [FLECK_E_ENGINE] = 500,      [FLECK_E_CANCELLED] = 409,
        [FLECK_E_NETWORK] = 502, [FLECK_E_CHECKSUM] = 422};
    const size_t i = (size_t)err->status;

    if (err->status == FLECK_E_IO && is_full(err->message))
        sv_reply_problem(r, 507, "%s", err->message);
    else if ((int)err->status == SV_DENIED)
        sv_reply_problem(r, 403, "%s", err->message);
    else
        sv_reply_problem(r, i < sizeof statuses / sizeof statuses[0] ? statuses[i] : 500, "%s",
                         err->message);
}

void sv_reply_file(sv_request *r, const char *path, const char *type, const char *download)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct MHD_Response *response = NULL;
    char text[512];
    struct stat status;

    if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        if (fd < 0 && errno != ENOENT && errno != ELOOP)
            sv_reply_problem(r, 500, "the file cannot be read: %s", strerror(errno));
        else
            sv_reply_problem(r, 404, "the file is no longer kept");
        if (fd >= 0)
            close(fd);
        return;
    }
    response = MHD_create_response_from_fd64((uint64_t)status.st_size, fd);
    if (response == NULL)
        close(fd);
    set(r, 200, type, response);
    if (download == NULL)
        return;
    snprintf(text, sizeof text, "attachment; filename=\"%s\"", download);
    sv_header(r, "Content-Disposition", text);
}

const char *sv_query(sv_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *sv_query_one(sv_request *r, const char *name, const char *const *values)
{
    const char *text = sv_query(r, name);

    if (text == NULL)
        return NULL;
    snprintf(r->wanted, sizeof r->wanted, "%s", values[0]);
    for (int i = 0; values[i] != NULL; i++) {
        if (strcmp(values[i], text) == 0)
            return values[i];
        if (i > 0)
            snprintf(r->wanted + strlen(r->wanted), sizeof r->wanted - strlen(r->wanted), "%s%s",
                     values[i + 1] != NULL ? ", " : " or ", values[i]);
    }
    r->wrong = name;
    return NULL;
}

/* Whether the first n characters, a time or its beginning, are of a real day and hour: timegm()
 * changes the others. */
static bool is_real(const char *text, size_t n)
{
    struct tm given = {.tm_mday = 1}, real;
    char format[20];

    snprintf(format, sizeof format, "%.*s", (int)n - 2, "%Y-%m-%dT%H:%M:%S");
    if (strptime(text, format, &given) != text + n)
        return false;
    real = given;
    (void)timegm(&real);
    return real.tm_mon == given.tm_mon && real.tm_mday == given.tm_mday &&
           real.tm_hour == given.tm_hour && real.tm_min == given.tm_min &&
           real.tm_sec == given.tm_sec;
}

/* A time in UTC, or its beginning from the year to a part of a second, as the database compares
 * it: without the Z, and to milliseconds. */
static bool read_time(const char *text, char out[32])
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd";
    size_t n = 0, more;

    while (n < sizeof form - 1 && text[n] != '\0' &&
           (form[n] == 'd' ? text[n] >= '0' && text[n] <= '9' : text[n] == form[n]))
        n++;
    if (n < 4 || (n - 4) % 3 != 0)
        return false;
    snprintf(out, 32, "%.*s", (int)n, text);
    text += n;
    if (n == sizeof form - 1 && text[0] == '.') {
        more = strspn(text + 1, "0123456789");
        if (more < 1 || more > 9)
            return false;
        snprintf(out + n, 32 - n, "%.*s", more > 3 ? 4 : (int)more + 1, text);
        text += 1 + more;
    }
    if (n == sizeof form - 1 && text[0] == 'Z')
        text++;
    return text[0] == '\0' && is_real(out, n);
}

const char *sv_query_time(sv_request *r, const char *name)
{
    const char *text = sv_query(r, name);
    char *out = r->times[strcmp(name, "to") == 0];

    if (text == NULL)
        return NULL;
    if (read_time(text, out))
        return out;
    r->wrong = name;
    snprintf(r->wanted, sizeof r->wanted, "a time in UTC such as 2026-11-30T12:00:00Z");
    return NULL;
}

int64_t sv_query_int(sv_request *r, const char *name, int64_t initial, int64_t low, int64_t high)
{
    const char *text = sv_query(r, name);
    char *end;
    long long value;

    if (text == NULL)
        return initial;
    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno == 0 && isdigit((unsigned char)*text) && *end == '\0' && value >= low &&
        value <= high)
        return value;
    r->wrong = name;
    snprintf(r->wanted, sizeof r->wanted, "an integer from %lld to %lld", (long long)low,
             (long long)high);
    return initial;
}

const char *sv_body_text(sv_request *r, const char *name)
{
    return json_string_value(json_object_get(r->json, name));
}

bool sv_body_is_empty(const sv_request *r)
{
    return r->n_parts == 0 || (r->n_parts == 1 && r->parts[0].size == 0);
}

bool sv_body_only(sv_request *r, ...)
{
    const char *name, *known;
    json_t *value;

    json_object_foreach(r->json, name, value)
    {
        va_list list;

        va_start(list, r);
        while ((known = va_arg(list, const char *)) != NULL && strcmp(known, name) != 0)
            ;
        va_end(list);
        if (known == NULL) {
            sv_reply_problem(r, 422, "there is no member \"%.80s\" here", name);
            return false;
        }
    }
    return true;
}

const char *sv_who(sv_request *r)
{
    const char *who = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "X-Fleck-Who");

    char *clean;

    if (who == NULL || strlen(who) >= sizeof r->who)
        return "";
    snprintf(r->who, sizeof r->who, "%s", who);
    MHD_http_unescape(r->who);
    clean = sv_text_clean(r->who, sizeof r->who - 1);
    snprintf(r->who, sizeof r->who, "%s", clean != NULL ? clean : "");
    free(clean);
    return r->who;
}
