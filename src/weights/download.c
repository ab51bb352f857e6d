/* SPDX-License-Identifier: Apache-2.0 */
/* Downloads, by libcurl, which is loaded for them: it took a fifth of the time of fleck's start.
 *
 * An unfinished file of n bytes is continued by asking for the range from n on.  The answer
 * decides:
 *
 *   206  the range; the header Content-Range must say that it begins at n
 *   200  the whole file: what was downloaded is dropped
 *   416  there is nothing after n: done if the header says that the file has n bytes, otherwise
 *        what was downloaded is dropped and the whole file is requested
 *
 * libcurl has an option for this, but treats the answer 200 as an error then. */
#include "weights/download.h"
#include "base/library.h"
#include "base/number.h"
#include "base/str.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define FUNCTIONS(f) f(init) f(setopt) f(perform) f(getinfo) f(header) f(strerror) f(cleanup)
#define DECLARE(name) __typeof__(curl_easy_##name) *(name);
#define NAME(name) "curl_easy_" #name,
static const char *const names[] = {FUNCTIONS(NAME) NULL};

typedef struct transfer {
    struct {
        FUNCTIONS(DECLARE)
    } easy;
    CURL *curl;
    const char *url, *path;
    int fd;
    int64_t held;  /* bytes in the file when the request was made */
    int64_t begin; /* offset of the answer's first byte; -1 before it came */
    fk_fetch_progress *progress;
    void *ctx;
    fleck_status st; /* of a failure inside a callback, with its message */
    fleck_error *err;
    char why[CURL_ERROR_SIZE]; /* libcurl's message for its own failures */
} transfer;

bool fk_download_takes(const char *url)
{
    return fk_same_start(url, "http://", 7) || fk_same_start(url, "https://", 8);
}

static long response_code(const transfer *t)
{
    long code = 0;

    t->easy.getinfo(t->curl, CURLINFO_RESPONSE_CODE, &code);
    return code;
}

/* Read the header "Content-Range: bytes FIRST-LAST/TOTAL"; FIRST-LAST may be "*".  Missing numbers
 * become -1. */
static void read_range(const transfer *t, int64_t *first, int64_t *total)
{
    struct curl_header *header;
    const char *slash;
    char number[24] = "";

    *first = *total = -1;
    if (t->easy.header(t->curl, "Content-Range", 0, CURLH_HEADER, -1, &header) != CURLHE_OK ||
        !fk_same_start(header->value, "bytes ", 6))
        return;
    slash = strchr(header->value, '/');
    if (slash != NULL && !fk_integer_parse(slash + 1, total))
        *total = -1;
    fk_format(number, sizeof number, "%.*s", (int)strcspn(header->value + 6, "-"),
              header->value + 6);
    if (!fk_integer_parse(number, first))
        *first = -1;
}

static fleck_status drop_file(transfer *t)
{
    t->held = 0;
    if (ftruncate(t->fd, 0) != 0 || lseek(t->fd, 0, SEEK_SET) != 0)
        return fk_error_errno(t->err, "cannot write", t->path);
    return FLECK_OK;
}

/* At the answer's first byte: find its offset in the file. */
static fleck_status begin_answer(transfer *t)
{
    int64_t first, total;

    if (response_code(t) != 206) {
        t->begin = 0;
        return drop_file(t);
    }
    read_range(t, &first, &total);
    t->begin = first;
    if (first != t->held) {
        int64_t wanted = t->held;
        fleck_status st = drop_file(t); /* this server cannot continue a download */

        if (st != FLECK_OK)
            return st;
        return fk_error_set(t->err, FLECK_E_NETWORK,
                            "%s: asked for the part from byte %lld on, the server sends another; "
                            "what was there is removed",
                            t->url, (long long)wanted);
    }
    return FLECK_OK;
}

static size_t on_data(char *bytes, size_t size, size_t count, void *ctx)
{
    transfer *t = ctx;
    size_t wanted = size * count, done = 0;
    long code = response_code(t);

    if (code != 200 && code != 206)
        return wanted; /* an error page is ignored */
    if (t->begin < 0)
        t->st = begin_answer(t);
    while (t->st == FLECK_OK && done < wanted) {
        ssize_t n = write(t->fd, bytes + done, wanted - done);

        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            t->st = fk_error_errno(t->err, "cannot write", t->path);
    }
    return t->st == FLECK_OK ? wanted : CURL_WRITEFUNC_ERROR;
}

static int on_progress(void *ctx, curl_off_t total, curl_off_t done, curl_off_t up_total,
                       curl_off_t up_done)
{
    transfer *t = ctx;
    int64_t begin = t->begin > 0 ? t->begin : 0;

    (void)up_total;
    (void)up_done;
    if (begin + done > FK_DOWNLOAD_LIMIT || total > FK_DOWNLOAD_LIMIT) {
        t->st = fk_error_set(t->err, FLECK_E_NETWORK,
                             "%s: larger than %lld bytes, so not a weight file; what arrived is "
                             "removed",
                             t->url, (long long)FK_DOWNLOAD_LIMIT);
        (void)!ftruncate(t->fd, 0);
        return 1;
    }
    if (t->begin >= 0 && t->progress != NULL &&
        !t->progress(t->ctx, begin + done, total > 0 ? begin + total : 0)) {
        t->st = fk_error_set(t->err, FLECK_E_CANCELLED, "%s: stopped; what arrived is kept in %s",
                             t->url, t->path);
        return 1;
    }
    return 0;
}

/* Fails at the first option that this build of libcurl lacks. */
static CURLcode set_up(transfer *t)
{
    bool secure = fk_same_start(t->url, "https://", 8);
    char range[32];
    CURLcode code = CURLE_OK;

#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (code == CURLE_OK)                                                                      \
            code = t->easy.setopt(t->curl, (option), (value));                                     \
    } while (0)
    SET(CURLOPT_ERRORBUFFER, t->why);
    SET(CURLOPT_URL, t->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 1L);
    SET(CURLOPT_MAXREDIRS, 10L);
    SET(CURLOPT_USERAGENT, "fleck/" FLECK_VERSION);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT, 30L);
    SET(CURLOPT_LOW_SPEED_LIMIT, 1000L); /* a slower download would take days */
    SET(CURLOPT_LOW_SPEED_TIME, 30L);
    SET(CURLOPT_WRITEFUNCTION, on_data);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, t);
    SET(CURLOPT_NOPROGRESS, 0L);
    if (t->held > 0) {
        fk_format(range, sizeof range, "%lld-", (long long)t->held);
        SET(CURLOPT_RANGE, range);
    }
#undef SET
    return code;
}

/* libcurl's message for a failure.  Its message for a failed connection has the milliseconds in it,
 * but the same failure should give the same message. */
static const char *reason(const transfer *t, CURLcode code)
{
    return t->why[0] != '\0' && code != CURLE_COULDNT_CONNECT ? t->why : t->easy.strerror(code);
}

/* One request.  *again: what was downloaded is dropped, and the whole file must be requested. */
static fleck_status request(transfer *t, bool *again)
{
    CURLcode code;
    int64_t first, total;
    long answer;

    *again = false;
    t->begin = -1;
    t->held = lseek(t->fd, 0, SEEK_END);
    if (t->held < 0)
        return fk_error_errno(t->err, "cannot write", t->path);
    code = set_up(t);
    if (code == CURLE_OK)
        code = t->easy.perform(t->curl);
    if (t->st != FLECK_OK)
        return t->st;
    if (code == CURLE_OUT_OF_MEMORY)
        return fk_error_set(t->err, FLECK_E_NOMEM, "%s: out of memory", t->url);
    if (code != CURLE_OK)
        return fk_error_set(t->err, FLECK_E_NETWORK, "%s: %s%s", t->url, reason(t, code),
                            t->begin >= 0 ? "; the next attempt continues from here" : "");
    answer = response_code(t);
    if (answer == 416 && t->held > 0) {
        read_range(t, &first, &total);
        *again = total != t->held;
        return *again ? drop_file(t) : FLECK_OK;
    }
    if (answer != 200 && answer != 206)
        return fk_error_set(t->err, FLECK_E_NETWORK, "%s: HTTP status %ld%s", t->url, answer,
                            answer == 401 || answer == 403
                                ? ": its publisher gives it on request; install the file that you "
                                  "get with: fleck weights add"
                                : "");
    return FLECK_OK;
}

fleck_status fk_download(const char *url, int fd, const char *path, fk_fetch_progress *progress,
                         void *ctx, fleck_error *err)
{
    transfer t = {.url = url, .path = path, .fd = fd, .progress = progress, .ctx = ctx, .err = err};
    bool again = true;
    fleck_status st = fk_library_load("libcurl.so.4", names, &t.easy, err);

    for (int attempt = 0; attempt < 2 && again && st == FLECK_OK; attempt++) {
        t.curl = t.easy.init();
        if (t.curl == NULL)
            return fk_error_set(err, FLECK_E_NOMEM, "%s: libcurl does not start", url);
        st = request(&t, &again);
        t.easy.cleanup(t.curl);
    }
    return st;
}
