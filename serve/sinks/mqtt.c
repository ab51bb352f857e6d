/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT, for PLCs and other programs of a line: a small JSON text for each inspection, with QoS 1.
 *
 * libmosquitto is loaded when the first such sink starts, so that the tool needs it for nothing
 * else: docs/decisions/sources-and-sinks.md. */
#define _GNU_SOURCE
#include "sink.h"

#ifdef FLECK_WITH_MOSQUITTO
#include "../loaded.h"

#include <errno.h>
#include <math.h>
#include <mosquitto.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { KEEP_ALIVE = 30, ACKS = 16, MOST_BOXES = 16 };
#define ACK_SECONDS 10.0
#define MOST_PAUSE 10.0

#define FUNCTIONS(f)                                                                               \
    f(lib_init) f(new) f(destroy) f(username_pw_set) f(tls_set) f(will_set) f(threaded_set)        \
        f(int_option) f(connect) f(loop) f(publish) f(disconnect) f(strerror) f(connack_string)    \
            f(user_data_set) f(connect_callback_set) f(disconnect_callback_set)                    \
                f(publish_callback_set)
#define DECLARE(name) __typeof__(mosquitto_##name) *(name);
#define NAME(name) "mosquitto_" #name,

static struct {
    FUNCTIONS(DECLARE)
} mq;
static const char *const names[] = {FUNCTIONS(NAME) NULL};
static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

typedef struct broker {
    struct mosquitto *client;
    const char *host, *prefix;
    int port;
    char *status; /* the topic prefix/status */
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool connected, stop;
    char why[256]; /* there is no connection */
    int acks[ACKS], n_acks;
} broker;

static const sv_member members[] = {
    {"host", 's', 0, 0},   {"port", 'i', 1, 65535}, {"topic", 's', 0, 0},
    {"client", 's', 0, 0}, {"user", 's', 0, 0},     {"password", 's', 0, 0},
    {"ca", 's', 0, 0},     {"boxes", 'i', 0, 1000}, {NULL, 0, 0, 0}};
static const char *const wanted[] = {"host", NULL};

/* ---- The connection ---- */

static void on_connect(struct mosquitto *client, void *ctx, int code)
{
    broker *b = ctx;

    pthread_mutex_lock(&b->lock);
    b->connected = code == 0;
    b->n_acks = 0;
    if (code != 0)
        snprintf(b->why, sizeof b->why, "%s", mq.connack_string(code));
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
    if (code == 0)
        (void)mq.publish(client, NULL, b->status, 6, "online", 1, true);
}

static void on_disconnect(struct mosquitto *client, void *ctx, int code)
{
    broker *b = ctx;

    (void)client;
    (void)code;
    pthread_mutex_lock(&b->lock);
    if (b->connected)
        snprintf(b->why, sizeof b->why, "the connection was lost");
    b->connected = false;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

static void on_publish(struct mosquitto *client, void *ctx, int id)
{
    broker *b = ctx;

    (void)client;
    pthread_mutex_lock(&b->lock);
    b->acks[b->n_acks++ % ACKS] = id;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

/* Wait under the lock until something changed; false: timeout. */
static bool wait_until(broker *b, double end)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    const double left = end - ((double)until.tv_sec + 1e-9 * (double)until.tv_nsec);

    if (left <= 0)
        return false;
    until.tv_sec += (time_t)left;
    until.tv_nsec += (long)((left - floor(left)) * 1e9);
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    return pthread_cond_timedwait(&b->changed, &b->lock, &until) == 0;
}

static bool stopped(broker *b)
{
    pthread_mutex_lock(&b->lock);
    const bool stop = b->stop;
    pthread_mutex_unlock(&b->lock);
    return stop;
}

/* Connect, and connect again whenever the connection is lost. */
static void *run(void *ctx)
{
    broker *b = ctx;
    double pause = 0.25;

    while (!stopped(b)) {
        int code = mq.connect(b->client, b->host, b->port, KEEP_ALIVE);
        const int saved = errno;

        if (code != MOSQ_ERR_SUCCESS) {
            pthread_mutex_lock(&b->lock);
            snprintf(b->why, sizeof b->why, "%s",
                     code == MOSQ_ERR_ERRNO ? strerror(saved) : mq.strerror(code));
            pthread_mutex_unlock(&b->lock);
        }
        while (code == MOSQ_ERR_SUCCESS && !stopped(b)) {
            code = mq.loop(b->client, 200, 1);
            pause = code == MOSQ_ERR_SUCCESS ? 0.25 : pause;
        }
        pthread_mutex_lock(&b->lock);
        b->connected = false;
        const double end = sv_seconds() + pause;

        while (!b->stop && wait_until(b, end))
            ;
        pthread_mutex_unlock(&b->lock);
        pause = pause * 2 < MOST_PAUSE ? pause * 2 : MOST_PAUSE;
    }
    return NULL;
}

static bool set_up(sv_sink *k, broker *b, fleck_error *err)
{
    const char *user = sv_sink_text(k, "user", NULL), *ca = sv_sink_text(k, "ca", NULL);
    int code = MOSQ_ERR_SUCCESS;

    b->client = mq.new(sv_sink_text(k, "client", NULL), true, b);
    if (b->client == NULL || asprintf(&b->status, "%s/status", b->prefix) < 0)
        return sv_error(err, FLECK_E_NOMEM, "out of memory");
    mq.connect_callback_set(b->client, on_connect);
    mq.disconnect_callback_set(b->client, on_disconnect);
    mq.publish_callback_set(b->client, on_publish);
    mq.int_option(b->client, MOSQ_OPT_TCP_NODELAY, 1);
    mq.threaded_set(b->client, true);
    if (user != NULL)
        code = mq.username_pw_set(b->client, user, sv_sink_text(k, "password", NULL));
    if (code == MOSQ_ERR_SUCCESS && ca != NULL &&
        mq.tls_set(b->client, ca, NULL, NULL, NULL, NULL) != MOSQ_ERR_SUCCESS)
        return sv_error(err, FLECK_E_NOTFOUND, "ca: expected a file of certificates, found %.300s",
                        ca);
    if (code == MOSQ_ERR_SUCCESS)
        code = mq.will_set(b->client, b->status, 7, "offline", 1, true);
    return code == MOSQ_ERR_SUCCESS ||
           sv_error(err, FLECK_E_OPTION,
                    "topic: expected a topic without + and #, found \"%.200s\"", b->prefix);
}

static bool load(fleck_error *err)
{
    static bool loaded;
    bool ok;

    pthread_mutex_lock(&loading);
    if (!loaded && sv_library_load("libmosquitto.so.1", names, (void **)&mq, err)) {
        mq.lib_init();
        loaded = true;
    }
    ok = loaded;
    pthread_mutex_unlock(&loading);
    return ok;
}

static bool open_broker(sv_sink *k, fleck_error *err)
{
    broker *b = calloc(1, sizeof *b);
    pthread_condattr_t clock;

    k->state = b;
    if (b == NULL)
        return sv_error(err, FLECK_E_NOMEM, "out of memory");
    pthread_mutex_init(&b->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&b->changed, &clock);
    pthread_condattr_destroy(&clock);
    b->host = sv_sink_text(k, "host", "");
    b->port = (int)sv_sink_number(k, "port", sv_sink_text(k, "ca", NULL) != NULL ? 8883 : 1883);
    b->prefix = sv_sink_text(k, "topic", "fleck");
    snprintf(b->why, sizeof b->why, "not yet connected");
    if (!load(err) || !set_up(k, b, err))
        return false;
    b->started = pthread_create(&b->thread, NULL, run, b) == 0;
    return b->started || sv_error(err, FLECK_E_NOMEM, "a sink could not be started");
}

/* ---- Messages ---- */

/* prefix/PRODUCT/result, with _ for what a topic must not contain. */
static char *topic_of(const broker *b, const json_t *row)
{
    const char *product = json_string_value(json_object_get(row, "product_name"));
    char *topic = NULL;

    if (asprintf(&topic, "%s/%s/result", b->prefix, product) < 0)
        return NULL;
    for (char *p = topic + strlen(b->prefix) + 1, *end = p + strlen(product); p < end; p++)
        if (*p == '/' || *p == '+' || *p == '#')
            *p = '_';
    return topic;
}

static int code_of(const char *verdict)
{
    static const char *const verdicts[] = {"good", "defective", "none"};

    for (int i = 0; i < 3; i++)
        if (strcmp(verdict, verdicts[i]) == 0)
            return i;
    return 3;
}

/* What a PLC needs: docs/guide/sources-and-sinks.md tells it field by field. */
static json_t *message_of(const json_t *row, size_t most)
{
    const json_t *regions = json_object_get(row, "regions");
    static const char *const copied[] = {"time",  "name",   "verdict", "score", "ratio",
                                         "width", "height", "model",   "error"};
    json_t *out = json_pack("{s:O, s:O}", "id", json_object_get(row, "id"), "product",
                            json_object_get(row, "product_name"));
    const char *verdict = json_string_value(json_object_get(row, "verdict"));
    json_t *boxes = json_array();

    for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++)
        json_object_set(out, copied[i], json_object_get(row, copied[i]));
    json_object_set_new(out, "code", json_integer(code_of(verdict)));
    json_object_set_new(out, "ok", json_boolean(strcmp(verdict, "good") == 0));
    json_object_set_new(out, "regions", json_integer((json_int_t)json_array_size(regions)));
    for (size_t i = 0; i < json_array_size(regions) && i < most; i++) {
        const json_t *r = json_array_get(regions, i);

        json_array_append_new(
            boxes,
            json_pack("{s:O, s:O, s:O, s:O, s:O}", "x", json_object_get(r, "x"), "y",
                      json_object_get(r, "y"), "width", json_object_get(r, "width"), "height",
                      json_object_get(r, "height"), "area", json_object_get(r, "area")));
    }
    json_object_set_new(out, "boxes", boxes);
    return out;
}

static bool acknowledged(const broker *b, int id)
{
    for (int i = 0; i < ACKS && i < b->n_acks; i++)
        if (b->acks[i] == id)
            return true;
    return false;
}

static sv_sent no_connection(const broker *b, fleck_error *err)
{
    sv_error(err, FLECK_E_NETWORK, "%s:%d: %s", b->host, b->port, b->why);
    return SV_RETRY;
}

/* Publish, and wait for the broker's confirmation. */
static sv_sent publish(broker *b, const char *topic, const char *text, fleck_error *err)
{
    const double end = sv_seconds() + ACK_SECONDS;
    sv_sent sent = SV_SENT;
    int id, code;

    pthread_mutex_lock(&b->lock);
    while (!b->connected && !b->stop && sv_seconds() < end - 8 && wait_until(b, end - 8))
        ;
    if (!b->connected)
        sent = no_connection(b, err);
    b->n_acks = 0;
    pthread_mutex_unlock(&b->lock);
    if (sent != SV_SENT)
        return sent;
    code = mq.publish(b->client, &id, topic, (int)strlen(text), text, 1, false);
    if (code != MOSQ_ERR_SUCCESS) {
        sv_error(err, FLECK_E_NETWORK, "%s:%d: %s", b->host, b->port, mq.strerror(code));
        return code == MOSQ_ERR_NO_CONN || code == MOSQ_ERR_NOMEM ? SV_RETRY : SV_REFUSED;
    }
    pthread_mutex_lock(&b->lock);
    while (!acknowledged(b, id) && b->connected && wait_until(b, end))
        ;
    if (!acknowledged(b, id)) {
        if (b->connected)
            snprintf(b->why, sizeof b->why, "the broker did not confirm a message");
        sent = no_connection(b, err);
    }
    pthread_mutex_unlock(&b->lock);
    return sent;
}

static sv_sent send_message(sv_sink *k, const json_t *row, const char *text, fleck_error *err)
{
    broker *b = k->state;
    json_t *message = message_of(row, (size_t)sv_sink_number(k, "boxes", MOST_BOXES));
    char *topic = topic_of(b, row), *small = json_dumps(message, JSON_COMPACT);
    sv_sent sent = SV_RETRY;

    (void)text;
    if (topic != NULL && small != NULL)
        sent = publish(b, topic, small, err);
    else
        sv_error(err, FLECK_E_NOMEM, "out of memory");
    json_decref(message);
    free(topic);
    free(small);
    return sent;
}

static void close_broker(sv_sink *k)
{
    broker *b = k->state;

    if (b == NULL)
        return;
    if (b->started) {
        /* The broker sends no last will after a regular disconnect. */
        if (b->connected)
            (void)mq.publish(b->client, NULL, b->status, 7, "offline", 1, true);
        usleep(100000);
        pthread_mutex_lock(&b->lock);
        b->stop = true;
        pthread_cond_broadcast(&b->changed);
        pthread_mutex_unlock(&b->lock);
        pthread_join(b->thread, NULL);
        (void)mq.disconnect(b->client);
        (void)mq.loop(b->client, 100, 1);
    }
    if (b->client != NULL)
        mq.destroy(b->client);
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
    free(b->status);
    free(b);
    k->state = NULL;
}

const sv_sink_kind sv_mqtt_sink = {.name = "mqtt",
                                   .built = true,
                                   .needs = "libmosquitto",
                                   .members = members,
                                   .wanted = wanted,
                                   .open = open_broker,
                                   .send = send_message,
                                   .close = close_broker};
#else
const sv_sink_kind sv_mqtt_sink = {.name = "mqtt", .built = false, .needs = "libmosquitto"};
#endif
