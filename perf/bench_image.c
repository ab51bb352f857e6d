/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding and resizing: each fast way beside its plain one. */
#include "bench.h"
#include "samples.h"

#include "base/file.h"
#include "image/png/png.h"
#include "image/resize/resize.h"
#include "image/resize/pillow.h"

#include <stdio.h>
#include <unistd.h>

#define SIDE 900
#define SMALL 256

typedef struct job {
    fk_image_bytes bytes;
    fk_image image;
    const fk_resize_kernels *kernels;
    fk_filter filter;
} job;

static fleck_status decode_fast(void *ctx, fleck_error *err)
{
    const job *j = ctx;
    fk_png_chunks chunks;
    fk_decoded out = {0};
    bool done = false;
    fleck_status st;

    FK_DO(fk_png_scan(&chunks, &j->bytes, err));
    FK_DO(fk_png_decode_fast(&out, &done, &chunks, &j->bytes, err));
    if (!done)
        FK_FAIL(err, FLECK_E_UNSUPPORTED, "the quick decoder did not take this PNG");
done:
    fk_image_free(&out.image);
    return st;
}

static fleck_status decode_plain(void *ctx, fleck_error *err)
{
    const job *j = ctx;
    fk_decoded out = {0};
    fleck_status st = fk_png_decode_plain(&out, &j->bytes, err);

    fk_image_free(&out.image);
    return st;
}

static fleck_status decode_any(void *ctx, fleck_error *err)
{
    const job *j = ctx;
    fk_image out = {0};
    fleck_status st =
        fk_image_decode(&out, j->bytes.data, j->bytes.size, "bench", FK_IMAGE_RGB, err);

    fk_image_free(&out);
    return st;
}

/* A picture into a file that is replaced each time. */
static fleck_status save(void *ctx, fleck_error *err)
{
    const job *j = ctx;
    char path[4300];

    snprintf(path, sizeof path, "%s/picture.png", bench_folder());
    return fk_image_save_png(&j->image, path, err);
}

static fleck_status resize_by(void *ctx, fleck_error *err)
{
    const job *j = ctx;
    fk_part whole = {.width = SMALL, .height = SMALL};
    fk_image out = {0};
    fleck_status st = fk_image_init(&out, SMALL, SMALL, 3, err);

    if (st == FLECK_OK)
        st = fk_resize_pillow_by(j->kernels, &out, &j->image, &whole, j->filter, err);
    fk_image_free(&out);
    return st;
}

static fleck_status resize(void *ctx, fleck_error *err)
{
    const job *j = ctx;
    fk_image out = {0};
    fleck_status st = fk_image_resize(&out, &j->image, SMALL, SMALL, j->filter, err);

    fk_image_free(&out);
    return st;
}

static void time_row(const char *what, const char *how, double bound, bench_fn *fn, job *j)
{
    char name[96];
    bench_row row = {.name = name,
                     .threads = 1,
                     .bound = bound,
                     .bound_of = "pixels in and out / copy bandwidth"};

    snprintf(name, sizeof name, "%s, %s", what, how);
    bench_time(&row, fn, j);
}

static void time_png(const char *what, const char *path)
{
    fk_contents file;
    fleck_error err = {0};
    job j = {0};

    bench_must(fk_contents_read(&file, path, 0, &err), &err);
    j.bytes = (fk_image_bytes){.data = file.data,
                               .size = file.size,
                               .max_pixels = FK_IMAGE_MAX_PIXELS,
                               .high = FK_IMAGE_WIDEST};
    if (decode_fast(&j, NULL) == FLECK_OK)
        time_row(what, "libdeflate and own unfilter", 0, decode_fast, &j);
    else
        bench_skipped(what, "libdeflate at build time");
    time_row(what, "libspng", 0, decode_plain, &j);
    fk_contents_free(&file);
}

static void time_resizing(const char *path)
{
    double bandwidth = bench_copy_bandwidth(1);
    fleck_error err = {0};
    job j = {0};

    bench_must(fk_image_load(&j.image, path, FK_IMAGE_RGB, &err), &err);
    time_row("write PNG", "file and all", 0, save, &j);
    for (int f = FK_FILTER_BILINEAR; f <= FK_FILTER_AREA; f++) {
        double bytes = 3.0 * (double)(j.image.width * j.image.height + SMALL * SMALL);
        double bound = bytes / bandwidth * 1e3;
        char what[64];

        j.filter = (fk_filter)f;
        snprintf(what, sizeof what, "resize %lldx%lld to 256x256 %s", (long long)j.image.width,
                 (long long)j.image.height, fk_filter_name(j.filter));
        if (f == FK_FILTER_AREA) {
            time_row(what, "only kernel", bound, resize, &j);
            continue;
        }
        if (fk_resize_avx2() != NULL) {
            j.kernels = fk_resize_avx2();
            time_row(what, "AVX2", bound, resize_by, &j);
        }
        j.kernels = &fk_resize_plain;
        time_row(what, "plain", bound, resize_by, &j);
    }
    fk_image_free(&j.image);
}

int main(void)
{
    char path[4300];
    const char *photo;

    bench_begin("image");
    snprintf(path, sizeof path, "%s/train/good/000.png", bench_category(SIDE, 1, 0, 0));
    time_png("PNG 900x900 RGB sample part", path);
    photo = bench_shared("decoding a photo", "data/bottle/train/good/000.png");
    if (photo != NULL)
        time_png("PNG 900x900 RGB bottle", photo);
    photo = bench_shared("decoding a JPEG", "data/dobot_cubes/train/good");
    if (photo != NULL) {
        fk_names names = {0};
        fleck_error err = {0};
        fk_contents file;
        job j = {0};

        bench_must(fk_folder_list(&names, photo, 'f', &err), &err);
        snprintf(path, sizeof path, "%s/%s", photo, names.items[0]);
        bench_must(fk_contents_read(&file, path, 0, &err), &err);
        j.bytes = (fk_image_bytes){.data = file.data,
                                   .size = file.size,
                                   .max_pixels = FK_IMAGE_MAX_PIXELS,
                                   .high = FK_IMAGE_WIDEST};
        time_row("JPEG 640x480 RGB dobot_cubes", "libjpeg-turbo", 0, decode_any, &j);
        fk_contents_free(&file);
        fk_names_free(&names);
    }
    snprintf(path, sizeof path, "%s/parts%d/train/good/000.png", bench_folder(), SIDE);
    time_resizing(path);
    return bench_end();
}
