/* SPDX-License-Identifier: Apache-2.0 */
/* POST of each inspection to an address.  Redirects are not followed.  libcurl is loaded when a
 * hook opens. */
#include "sink.h"
#include "../loaded.h"

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#define FUNCTIONS(f)                                                                               \
    f(easy_init) f(easy_setopt) f(easy_perform) f(easy_getinfo) f(easy_strerror) f(easy_cleanup)   \
        f(slist_append) f(slist_free_all)
#define DECLARE(name) __typeof__(curl_##name) *(name);
#define NAME(name) "curl_" #name,
static const char *const names[] = {FUNCTIONS(NAME) NULL};

typedef struct hook {
    struct {
        FUNCTIONS(DECLARE)
    } lib;
    CURL *curl;
    struct curl_slist *headers;
    const char *url;
    double timeout;
    char error[CURL_ERROR_SIZE];
} hook;

static const sv_member members[] = {{"url", 's', 0, 0},
                                    {"headers", 'o', 0, 0},
                                    {"timeout", 'd', 0.1, 600},
                                    {"ca", 's', 0, 0},
                                    {NULL, 0, 0, 0}};
static const char *const wanted[] = {"url", NULL};

static size_t ignore(char *data, size_t size, size_t n, void *ctx)
{
    (void)data;
    (void)ctx;
    return size * n;
}

static bool add_header(hook *h, const char *line)
{
    struct curl_slist *more = h->lib.slist_append(h->headers, line);

    if (more != NULL)
        h->headers = more;
    return more != NULL;
}

static bool add_headers(sv_sink *k, hook *h, fleck_error *err)
{
    json_t *value;
    const char *name;

    json_object_foreach(json_object_get(k->config, "headers"), name, value)
    {
        char line[4096];

        if (!json_is_string(value) || strpbrk(json_string_value(value), "\r\n") != NULL ||
            strpbrk(name, "\r\n: ") != NULL || name[0] == '\0')
            return sv_error(err, FLECK_E_OPTION,
                            "headers: expected names with texts of one line, found \"%.100s\"",
                            name);
        if (snprintf(line, sizeof line, "%s: %s", name, json_string_value(value)) >=
            (int)sizeof line)
            return sv_error(err, FLECK_E_LIMIT, "headers: expected at most %zu bytes in %.100s",
                            sizeof line, name);
        if (!add_header(h, line))
            return sv_error(err, FLECK_E_NOMEM, "out of memory");
    }
    return add_header(h, "Content-Type: application/json") ||
           sv_error(err, FLECK_E_NOMEM, "out of memory");
}

static bool open_hook(sv_sink *k, fleck_error *err)
{
    hook *h = calloc(1, sizeof *h);

    k->state = h;
    if (h == NULL)
        return sv_error(err, FLECK_E_NOMEM, "out of memory");
    if (!sv_library_load("libcurl.so.4", names, (void **)&h->lib, err))
        return false;
    h->curl = h->lib.easy_init();
    if (h->curl == NULL)
        return sv_error(err, FLECK_E_NOMEM, "out of memory");
    h->url = sv_sink_text(k, "url", "");
    h->timeout = sv_sink_number(k, "timeout", 10);
    if (strncmp(h->url, "http://", 7) != 0 && strncmp(h->url, "https://", 8) != 0)
        return sv_error(err, FLECK_E_OPTION,
                        "url: expected http://... or https://..., found \"%.200s\"", h->url);
    if (!add_headers(k, h, err))
        return false;
    h->lib.easy_setopt(h->curl, CURLOPT_URL, h->url);
    h->lib.easy_setopt(h->curl, CURLOPT_HTTPHEADER, h->headers);
    h->lib.easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, ignore);
    h->lib.easy_setopt(h->curl, CURLOPT_FOLLOWLOCATION, 0L);
    h->lib.easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
    h->lib.easy_setopt(h->curl, CURLOPT_ERRORBUFFER, h->error);
    h->lib.easy_setopt(h->curl, CURLOPT_USERAGENT, "fleck/" FLECK_VERSION);
    if (sv_sink_text(k, "ca", NULL) != NULL)
        h->lib.easy_setopt(h->curl, CURLOPT_CAINFO, sv_sink_text(k, "ca", NULL));
    return true;
}

static sv_sent post(sv_sink *k, const json_t *row, const char *text, fleck_error *err)
{
    hook *h = k->state;
    /* At the end of the service nobody waits for long. */
    const double timeout = atomic_load(&k->stop) && h->timeout > 2 ? 2 : h->timeout;
    CURLcode code;
    long answer = 0;

    (void)row;
    h->error[0] = '\0';
    h->lib.easy_setopt(h->curl, CURLOPT_TIMEOUT_MS, (long)(timeout * 1000));
    h->lib.easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(text));
    h->lib.easy_setopt(h->curl, CURLOPT_POSTFIELDS, text);
    code = h->lib.easy_perform(h->curl);
    if (code != CURLE_OK) {
        sv_error(err, FLECK_E_NETWORK, "%.300s: %s", h->url,
                 h->error[0] != '\0' ? h->error : h->lib.easy_strerror(code));
        return SV_RETRY;
    }
    h->lib.easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &answer);
    if (answer >= 200 && answer < 300)
        return SV_SENT;
    sv_error(err, FLECK_E_NETWORK, "%.300s: expected an answer of 200 to 299, found %ld%s", h->url,
             answer, answer >= 300 && answer < 400 ? "; redirects are not followed" : "");
    return answer >= 500 || answer == 408 || answer == 429 ? SV_RETRY : SV_REFUSED;
}

static void close_hook(sv_sink *k)
{
    hook *h = k->state;

    if (h == NULL)
        return;
    if (h->curl != NULL) {
        h->lib.easy_cleanup(h->curl);
        h->lib.slist_free_all(h->headers);
    }
    free(h);
    k->state = NULL;
}

const sv_sink_kind sv_webhook_sink = {.name = "webhook",
                                      .built = true,
                                      .members = members,
                                      .wanted = wanted,
                                      .open = open_hook,
                                      .send = post,
                                      .close = close_hook};
