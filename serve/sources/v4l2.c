/* SPDX-License-Identifier: Apache-2.0 */
/* Cameras that Linux has a driver for: Video4Linux, by mapped buffers. */
#define _GNU_SOURCE
#include "../server.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BUFFERS = 4 };
#define REOPEN_SECONDS 2.0

static const sv_member members[] = {{"device", 's', 0, 0},      {"format", 's', 0, 0},
                                    {"width", 'i', 1, 65535},   {"height", 'i', 1, 65535},
                                    {"interval", 'd', 0, 3600}, {NULL, 0, 0, 0}};

static const struct {
    const char *name;
    uint32_t code;
    size_t bytes; /* of a pixel; 0: compressed */
} formats[] = {{"GREY", V4L2_PIX_FMT_GREY, 1},
               {"YUYV", V4L2_PIX_FMT_YUYV, 2},
               {"RGB24", V4L2_PIX_FMT_RGB24, 3},
               {"MJPEG", V4L2_PIX_FMT_MJPEG, 0}};
enum { N_FORMATS = sizeof formats / sizeof formats[0] };

typedef struct video {
    sv_source *src;
    const char *device;
    int fd, format;
    struct v4l2_pix_format pixels;
    void *maps[BUFFERS];
    size_t sizes[BUFFERS];
    unsigned char *rgb; /* [height, width, 3] of YUYV */
    double interval, taken;
    int64_t count;
} video;

static int format_of(const char *name)
{
    for (int i = 0; i < N_FORMATS; i++)
        if (strcmp(formats[i].name, name) == 0)
            return i;
    return -1;
}

static bool check(struct sv_server *s, const json_t *given, json_t **out, fleck_error *err)
{
    const char *device = json_string_value(json_object_get(given, "device"));
    const char *format = json_string_value(json_object_get(given, "format"));
    size_t n = 0;

    (void)s;
    if (!sv_members_check(given, members, err))
        return false;
    if (device != NULL && strncmp(device, "/dev/video", 10) == 0)
        while (isdigit((unsigned char)device[10 + n]))
            n++;
    if (n == 0 || device[10 + n] != '\0')
        return sv_error(err, FLECK_E_OPTION,
                        "device: expected /dev/video0 or another number, found "
                        "\"%.100s\"",
                        device != NULL ? device : "");
    if (format != NULL && format_of(format) < 0)
        return sv_error(err, FLECK_E_OPTION,
                        "format: expected GREY, YUYV, RGB24 or MJPEG, found \"%.40s\"", format);
    *out = json_deep_copy(given);
    return *out != NULL || sv_error(err, FLECK_E_NOMEM, "out of memory");
}

static char *label(const json_t *config)
{
    char *out = NULL;

    return asprintf(&out, "v4l2:%s", json_string_value(json_object_get(config, "device"))) < 0
               ? NULL
               : out;
}

static int call(int fd, unsigned long request, void *argument)
{
    int code;

    do
        code = ioctl(fd, request, argument);
    while (code < 0 && errno == EINTR);
    return code;
}

static bool failed(video *v, const char *what)
{
    sv_source_set_state(v->src, "waiting", "%s: %s: %s", v->device, what, strerror(errno));
    return false;
}

static bool set_format(video *v)
{
    const char *name = json_string_value(json_object_get(v->src->config, "format"));
    struct v4l2_format f = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
    const json_int_t w = json_integer_value(json_object_get(v->src->config, "width"));
    const json_int_t h = json_integer_value(json_object_get(v->src->config, "height"));

    if (call(v->fd, VIDIOC_G_FMT, &f) != 0)
        return failed(v, "it is no camera");
    if (name != NULL)
        f.fmt.pix.pixelformat = formats[format_of(name)].code;
    if (w > 0 && h > 0) {
        f.fmt.pix.width = (uint32_t)w;
        f.fmt.pix.height = (uint32_t)h;
    }
    f.fmt.pix.bytesperline = f.fmt.pix.sizeimage = 0;
    if (call(v->fd, VIDIOC_S_FMT, &f) != 0)
        return failed(v, "the format was refused");
    v->pixels = f.fmt.pix;
    for (v->format = 0; v->format < N_FORMATS; v->format++)
        if (formats[v->format].code == v->pixels.pixelformat)
            break;
    if (v->format == N_FORMATS || (name != NULL && v->format != format_of(name)) ||
        (w > 0 && h > 0 && (v->pixels.width != (uint32_t)w || v->pixels.height != (uint32_t)h))) {
        sv_source_set_state(
            v->src, "waiting", "%s: expected %s, the camera gives %.4s of %u x %u pixels",
            v->device, name != NULL ? name : "GREY, YUYV, RGB24 or MJPEG",
            (const char *)&v->pixels.pixelformat, v->pixels.width, v->pixels.height);
        return false;
    }
    if (v->pixels.pixelformat == V4L2_PIX_FMT_YUYV &&
        (v->rgb = malloc((size_t)v->pixels.width * v->pixels.height * 3)) == NULL)
        return failed(v, "no memory for frames");
    return true;
}

static bool start_stream(video *v)
{
    struct v4l2_requestbuffers wanted = {
        .count = BUFFERS, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
    int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;

    if (call(v->fd, VIDIOC_REQBUFS, &wanted) != 0)
        return failed(v, "the driver gives no buffers");
    for (uint32_t i = 0; i < wanted.count && i < BUFFERS; i++) {
        struct v4l2_buffer b = {.index = i, .type = wanted.type, .memory = wanted.memory};
        void *map;

        if (call(v->fd, VIDIOC_QUERYBUF, &b) != 0)
            return failed(v, "the driver gives no buffers");
        map = mmap(NULL, b.length, PROT_READ, MAP_SHARED, v->fd, (off_t)b.m.offset);
        if (map == MAP_FAILED)
            return failed(v, "the driver gives no buffers");
        v->maps[i] = map;
        v->sizes[i] = b.length;
        if (call(v->fd, VIDIOC_QBUF, &b) != 0)
            return failed(v, "the driver gives no buffers");
    }
    return call(v->fd, VIDIOC_STREAMON, &type) == 0 || failed(v, "the stream does not start");
}

static bool open_video(video *v)
{
    v->fd = open(v->device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (v->fd < 0)
        return failed(v, "it cannot be opened");
    if (!set_format(v) || !start_stream(v))
        return false;
    sv_source_set_state(v->src, "running", "%s", "");
    return true;
}

static void close_video(video *v)
{
    int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;

    if (v->fd >= 0)
        (void)call(v->fd, VIDIOC_STREAMOFF, &type);
    for (int i = 0; i < BUFFERS; i++)
        if (v->maps[i] != NULL)
            munmap(v->maps[i], v->sizes[i]);
    if (v->fd >= 0)
        close(v->fd);
    free(v->rgb);
    *v = (video){.src = v->src,
                 .device = v->device,
                 .interval = v->interval,
                 .taken = v->taken,
                 .count = v->count,
                 .fd = -1};
}

static unsigned char clamp(int x)
{
    return (unsigned char)(x < 0 ? 0 : x > 255 ? 255 : x);
}

/* BT.601 with a range of 16 to 235, as the drivers' default says, in 8 bits of fraction. */
static void to_rgb(video *v, const unsigned char *data)
{
    unsigned char *to = v->rgb;

    for (uint32_t y = 0; y < v->pixels.height; y++) {
        const unsigned char *row = data + (size_t)y * v->pixels.bytesperline;

        for (uint32_t x = 0; x < v->pixels.width; x++, to += 3) {
            const unsigned char *pair = row + 4 * (size_t)(x / 2);
            const int l = 298 * (pair[x % 2 * 2] - 16) + 128, u = pair[1] - 128, w = pair[3] - 128;

            to[0] = clamp((l + 409 * w) >> 8);
            to[1] = clamp((l - 100 * u - 208 * w) >> 8);
            to[2] = clamp((l + 516 * u) >> 8);
        }
    }
}

static void take(video *v, const void *data, size_t size)
{
    const size_t row = v->pixels.bytesperline;
    fleck_pixels p = {data, v->pixels.width, v->pixels.height, row, FLECK_GREY8};
    char name[64];

    snprintf(name, sizeof name, "frame %lld", (long long)++v->count);
    if (formats[v->format].bytes == 0) {
        sv_source_image(v->src, data, size, name);
        return;
    }
    if (row < v->pixels.width * formats[v->format].bytes || size / row < v->pixels.height) {
        sv_source_count(v->src, &v->src->incomplete);
        return;
    }
    if (v->rgb != NULL) {
        to_rgb(v, data);
        p = (fleck_pixels){v->rgb, p.width, p.height, (size_t)p.width * 3, FLECK_RGB8};
    } else if (v->pixels.pixelformat == V4L2_PIX_FMT_RGB24) {
        p.format = FLECK_RGB8;
    }
    sv_source_frame(v->src, &p, name);
}

/* Take frames until the camera is lost or the source has to stop. */
static void stream(video *v)
{
    while (!atomic_load(&v->src->stop)) {
        struct v4l2_buffer b = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
        struct pollfd on = {v->fd, POLLIN, 0};
        const int ready = poll(&on, 1, 200);

        if (ready == 0 || (ready < 0 && errno == EINTR))
            continue;
        if (call(v->fd, VIDIOC_DQBUF, &b) != 0) {
            if (errno == EAGAIN && (on.revents & POLLERR) == 0)
                continue;
            failed(v, "no frame could be read");
            return;
        }
        if ((b.flags & V4L2_BUF_FLAG_ERROR) != 0) {
            sv_source_count(v->src, &v->src->incomplete);
        } else if (sv_seconds() - v->taken >= v->interval && b.index < BUFFERS) {
            v->taken = sv_seconds();
            take(v, v->maps[b.index], b.bytesused);
        }
        if (call(v->fd, VIDIOC_QBUF, &b) != 0) {
            failed(v, "the driver gives no buffers");
            return;
        }
    }
}

static void run(sv_source *src)
{
    video v = {.src = src,
               .device = json_string_value(json_object_get(src->config, "device")),
               .interval = json_number_value(json_object_get(src->config, "interval")),
               .fd = -1};

    sv_source_set_state(src, "waiting", "%s", "looking for the camera");
    while (!atomic_load(&src->stop)) {
        if (sv_source_has_model(src) && open_video(&v))
            stream(&v);
        close_video(&v);
        sv_source_sleep(src, REOPEN_SECONDS);
    }
}

const sv_source_kind sv_v4l2_source = {
    .name = "v4l2", .built = true, .check = check, .label = label, .run = run};
