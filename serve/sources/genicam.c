/* SPDX-License-Identifier: Apache-2.0 */
/* GenICam cameras, GigE Vision and USB3 Vision, by Aravis.
 *
 * The library is loaded when the first camera starts, so that the tool needs it for nothing else:
 * docs/decisions/sources-and-sinks.md. */
#define _GNU_SOURCE
#include "../server.h"

#ifdef FLECK_WITH_ARAVIS
#include "../loaded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wundef"
#include <arv.h>
#pragma GCC diagnostic pop

enum { BUFFERS = 8 };
#define REOPEN_SECONDS 2.0
#define QUIET_SECONDS 2.0 /* without a frame: ask whether the camera is still there */

#define FUNCTIONS(f)                                                                               \
    f(arv_enable_interface) f(arv_camera_new) f(arv_camera_set_string) f(arv_camera_set_integer)   \
        f(arv_camera_set_float) f(arv_camera_set_boolean)                                          \
            f(arv_camera_set_pixel_format_from_string) f(arv_camera_get_pixel_format_as_string)    \
                f(arv_camera_get_payload) f(arv_camera_create_stream)                              \
                    f(arv_camera_start_acquisition) f(arv_camera_stop_acquisition)                 \
                        f(arv_stream_push_buffer) f(arv_stream_timeout_pop_buffer)                 \
                            f(arv_buffer_new_allocate) f(arv_buffer_get_status)                    \
                                f(arv_buffer_get_data) f(arv_buffer_get_image_pixel_format)        \
                                    f(arv_buffer_get_image_width) f(arv_buffer_get_image_height)   \
                                        f(arv_buffer_get_frame_id) f(g_object_unref)               \
                                            f(g_clear_error)
#define DECLARE(name) __typeof__(name) *(name);
#define NAME(name) #name,

static struct {
    FUNCTIONS(DECLARE)
} av;
static const char *const names[] = {FUNCTIONS(NAME) NULL};
static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

static const sv_member members[] = {{"camera", 's', 0, 0},
                                    {"pixel_format", 's', 0, 0},
                                    {"features", 'o', 0, 0},
                                    {"interval", 'd', 0, 3600},
                                    {NULL, 0, 0, 0}};

static const struct {
    ArvPixelFormat camera;
    fleck_pixel_format format;
    size_t bytes;
} formats[] = {{ARV_PIXEL_FORMAT_MONO_8, FLECK_GREY8, 1},
               {ARV_PIXEL_FORMAT_MONO_16, FLECK_GREY16, 2},
               {ARV_PIXEL_FORMAT_RGB_8_PACKED, FLECK_RGB8, 3},
               {ARV_PIXEL_FORMAT_BGR_8_PACKED, FLECK_BGR8, 3}};
enum { N_FORMATS = sizeof formats / sizeof formats[0] };

typedef struct camera {
    sv_source *src;
    ArvCamera *camera;
    ArvStream *stream;
    double interval, taken;
} camera;

static bool load(fleck_error *err)
{
    static bool loaded;
    bool ok;

    pthread_mutex_lock(&loading);
    loaded = loaded || sv_library_load("libaravis-0.8.so.0", names, (void **)&av, err);
    ok = loaded;
    pthread_mutex_unlock(&loading);
    return ok;
}

static bool check(struct sv_server *s, const json_t *given, json_t **out, fleck_error *err)
{
    json_t *value;
    const char *name;

    (void)s;
    if (!sv_members_check(given, members, err) || !load(err))
        return false;
    json_object_foreach(json_object_get(given, "features"), name, value)
    {
        if (!json_is_string(value) && !json_is_number(value) && !json_is_boolean(value))
            return sv_error(err, FLECK_E_OPTION,
                            "features: expected texts, numbers, true or false, found another value "
                            "of %.100s",
                            name);
    }
    *out = json_deep_copy(given);
    return *out != NULL || sv_error(err, FLECK_E_NOMEM, "out of memory");
}

static const char *name_of(const json_t *config)
{
    return json_string_value(json_object_get(config, "camera"));
}

static char *label(const json_t *config)
{
    char *out = NULL;

    return asprintf(&out, "genicam:%s", name_of(config) != NULL ? name_of(config) : "") < 0 ? NULL
                                                                                            : out;
}

/* Say what failed; false. */
static bool failed(camera *c, const char *what, GError **error)
{
    sv_source_set_state(c->src, "waiting", "%s: %s", what,
                        *error != NULL ? (*error)->message : "it failed");
    av.g_clear_error(error);
    return false;
}

static bool set_features(camera *c)
{
    const json_t *config = c->src->config;
    const char *format = json_string_value(json_object_get(config, "pixel_format")), *name;
    GError *error = NULL;
    json_t *value;

    if (format != NULL)
        av.arv_camera_set_pixel_format_from_string(c->camera, format, &error);
    if (error != NULL)
        return failed(c, "pixel_format", &error);
    json_object_foreach(json_object_get(config, "features"), name, value)
    {
        if (json_is_string(value))
            av.arv_camera_set_string(c->camera, name, json_string_value(value), &error);
        else if (json_is_integer(value))
            av.arv_camera_set_integer(c->camera, name, json_integer_value(value), &error);
        else if (json_is_real(value))
            av.arv_camera_set_float(c->camera, name, json_real_value(value), &error);
        else
            av.arv_camera_set_boolean(c->camera, name, json_is_true(value), &error);
        if (error != NULL)
            return failed(c, name, &error);
    }
    return true;
}

static bool start_stream(camera *c)
{
    GError *error = NULL;
    const guint payload = av.arv_camera_get_payload(c->camera, &error);

    if (error != NULL)
        return failed(c, "PayloadSize", &error);
    c->stream = av.arv_camera_create_stream(c->camera, NULL, NULL, &error);
    if (c->stream == NULL)
        return failed(c, "the stream", &error);
    for (int i = 0; i < BUFFERS; i++)
        av.arv_stream_push_buffer(c->stream, av.arv_buffer_new_allocate(payload));
    av.arv_camera_start_acquisition(c->camera, &error);
    return error == NULL || failed(c, "AcquisitionStart", &error);
}

static bool open_camera(camera *c)
{
    const char *name = name_of(c->src->config);
    GError *error = NULL;

    if (name != NULL && strncmp(name, "Fake", 4) == 0)
        av.arv_enable_interface("Fake");
    c->camera = av.arv_camera_new(name, &error);
    if (c->camera == NULL)
        return failed(c, name != NULL ? name : "any camera", &error);
    if (!set_features(c) || !start_stream(c))
        return false;
    sv_source_set_state(c->src, "running", "%s", "");
    return true;
}

static void close_camera(camera *c)
{
    GError *error = NULL;

    if (c->stream != NULL) {
        av.arv_camera_stop_acquisition(c->camera, &error);
        av.g_clear_error(&error);
        av.g_object_unref(c->stream);
    }
    if (c->camera != NULL)
        av.g_object_unref(c->camera);
    c->stream = NULL;
    c->camera = NULL;
}

/* Judge a complete frame.  False: the format is not one of ours. */
static bool take(camera *c, ArvBuffer *buffer)
{
    const ArvPixelFormat format = av.arv_buffer_get_image_pixel_format(buffer);
    const int width = av.arv_buffer_get_image_width(buffer);
    const int height = av.arv_buffer_get_image_height(buffer);
    size_t size = 0;
    const void *data = av.arv_buffer_get_data(buffer, &size);
    GError *error = NULL;
    char name[64];
    int i = 0;

    while (i < N_FORMATS && formats[i].camera != format)
        i++;
    if (i == N_FORMATS) {
        const char *got = av.arv_camera_get_pixel_format_as_string(c->camera, &error);

        sv_source_set_state(
            c->src, "waiting",
            "pixel_format: expected Mono8, Mono16, RGB8 or BGR8, the camera sends %s "
            "(0x%08x)",
            got != NULL ? got : "another one", (unsigned)format);
        av.g_clear_error(&error);
        return false;
    }
    if (width < 1 || height < 1 || size / formats[i].bytes / (size_t)width < (size_t)height) {
        sv_source_count(c->src, &c->src->incomplete);
        return true;
    }
    snprintf(name, sizeof name, "frame %llu",
             (unsigned long long)av.arv_buffer_get_frame_id(buffer));
    sv_source_frame(
        c->src,
        &(fleck_pixels){data, width, height, (size_t)width * formats[i].bytes, formats[i].format},
        name);
    return true;
}

/* Take frames until the camera is lost or the source has to stop. */
static void stream(camera *c)
{
    double last = sv_seconds();
    bool ok = true;

    while (ok && !atomic_load(&c->src->stop)) {
        ArvBuffer *buffer = av.arv_stream_timeout_pop_buffer(c->stream, 200000);
        const double now = sv_seconds();

        if (buffer == NULL) {
            GError *error = NULL;

            if (now - last < QUIET_SECONDS)
                continue;
            last = now;
            (void)av.arv_camera_get_payload(c->camera, &error);
            ok = error == NULL || failed(c, "the camera does not answer", &error);
            continue;
        }
        last = now;
        if (av.arv_buffer_get_status(buffer) != ARV_BUFFER_STATUS_SUCCESS) {
            sv_source_count(c->src, &c->src->incomplete);
        } else if (now - c->taken >= c->interval) {
            c->taken = now;
            ok = take(c, buffer);
        }
        av.arv_stream_push_buffer(c->stream, buffer);
    }
}

static void run(sv_source *src)
{
    camera c = {.src = src,
                .interval = json_number_value(json_object_get(src->config, "interval"))};
    fleck_error err = {0};

    if (!load(&err)) {
        sv_source_set_state(src, "waiting", "%s", err.message);
        while (sv_source_sleep(src, 60))
            ;
        return;
    }
    sv_source_set_state(src, "waiting", "%s", "looking for the camera");
    while (!atomic_load(&src->stop)) {
        if (sv_source_has_model(src) && open_camera(&c))
            stream(&c);
        close_camera(&c);
        sv_source_sleep(src, REOPEN_SECONDS);
    }
}

const sv_source_kind sv_genicam_source = {.name = "genicam",
                                          .built = true,
                                          .needs = "libaravis",
                                          .check = check,
                                          .label = label,
                                          .run = run};
#else
const sv_source_kind sv_genicam_source = {.name = "genicam", .built = false, .needs = "libaravis"};
#endif
