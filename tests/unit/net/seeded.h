/* SPDX-License-Identifier: Apache-2.0 */
/* What tests/golden/net_seeded.py computes too: an image, weights from names, places to look at;
 * and a network opened on them. */
#ifndef NET_SEEDED_H
#define NET_SEEDED_H

#include <math.h>

#include "fk_test.h"

#include "base/mem.h"
#include "base/prng.h"
#include "base/str.h"
#include "net/net.h"

#define GOLDEN_SAMPLES 200
#define GOLDEN_OUTPUTS 6

typedef enum golden_weights { GOLDEN_SHARED, GOLDEN_WHEEL, GOLDEN_SEEDED } golden_weights;

typedef struct golden_output {
    const char *name;
    int64_t channels, height, width;
    double norm, mean;
    double samples[GOLDEN_SAMPLES];
} golden_output;

typedef struct golden_net {
    const char *name, *arch;
    golden_weights weights;
    int64_t height, width;
    int n_outputs; /* the taps in order of depth, then the pool where there is one */
    golden_output outputs[GOLDEN_OUTPUTS];
} golden_net;

/* FNV-1a, 64 bits. */
static inline uint64_t name_hash(const char *name)
{
    uint64_t h = UINT64_C(0xCBF29CE484222325);

    for (; *name != '\0'; name++)
        h = (h ^ (uint8_t)*name) * UINT64_C(0x100000001B3);
    return h;
}

/* [H, W, 3] */
static inline uint8_t *make_image(int64_t height, int64_t width)
{
    uint8_t *rgb = malloc((size_t)(height * width * 3));

    assert_non_null(rgb);
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            for (int64_t c = 0; c < 3; c++)
                rgb[(y * width + x) * 3 + c] =
                    (uint8_t)((x * 3 + y * 2 + c * 50 + 37 * (((x >> 4) + (y >> 4)) & 3) +
                               ((x * y) >> 4)) &
                              255);
    return rgb;
}

static inline bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);

    return n >= m && strcmp(name + n - m, end) == 0;
}

/* count floats at any address, by the rules of net_seeded.py; fan_in: inputs an output. */
static inline void fill_seeded(uint8_t *out, const char *name, int64_t count, int64_t fan_in)
{
    bool last = strstr(name, ".conv3.") != NULL ||
                (strstr(name, "layer") != NULL && strstr(name, ".conv2.") != NULL);
    bool norm = fan_in == 1 && ends_in(name, ".weight");
    float bound = (float)(sqrt(6.0 / (double)fan_in) * (last ? 0.5 : 1.0));
    uint64_t start = name_hash(name);

    if (ends_in(name, ".bias"))
        bound = 0.1f;
    else if (norm)
        bound = 0.25f;
    else if (ends_in(name, "_token") || ends_in(name, "_tokens") || ends_in(name, "_embed"))
        bound = 0.5f;
    for (int64_t i = 0; i < count; i++) {
        float value =
            ((float)(fk_prng_hash(start + (uint64_t)i) >> 40) * 0x1.0p-23f - 1.0f) * bound;

        if (norm)
            value += 1.0f;
        memcpy(out + 4 * i, &value, sizeof value);
    }
}

/* A safetensors file in memory with seeded weights for every convolution of arch; its reader. */
typedef struct seeded_file {
    uint8_t *bytes;
    int64_t size;
    fk_st_reader *reader;
} seeded_file;

static inline void add_entry(fk_text *header, const char *name, const fk_op_tensor *t,
                             int64_t begin, int64_t count)
{
    assert_ok(fk_text_printf(header, err, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[",
                             header->length > 8 ? "," : "{", name));
    for (int i = 0; i < t->ndim; i++)
        assert_ok(fk_text_printf(header, err, "%s%lld", i > 0 ? "," : "", (long long)t->shape[i]));
    assert_ok(fk_text_printf(header, err, "],\"data_offsets\":[%lld,%lld]}", (long long)begin * 4,
                             (long long)(begin + count) * 4));
}

/* The tensors of g: their entries in the header, or (out not NULL) their data; returns their
 * number of elements. */
static inline int64_t write_seeded(fk_text *header, uint8_t *out, const fk_graph *g,
                                   const char *prefix)
{
    int64_t begin = 0;

    for (int i = 0; i < g->n_ops; i++) {
        fk_op_tensor tensors[FK_OP_TENSORS];
        int n = fk_graph_repeats(g, i) ? 0 : fk_graph_tensors(tensors, g, i);

        for (int k = 0; k < n; k++) {
            char name[FK_TENSOR_NAME_SIZE];
            int64_t count = 1;

            for (int d = 0; d < tensors[k].ndim; d++)
                count *= tensors[k].shape[d];
            fk_op_tensor_name(name, prefix, &tensors[k]);
            if (out == NULL)
                add_entry(header, name, &tensors[k], begin, count);
            else
                fill_seeded(out + 4 * begin, name + strlen(prefix), count,
                            count / tensors[k].shape[0]);
            begin += count;
        }
    }
    return begin;
}

/* pad: bytes put into the header to shift the data's address. */
static inline void open_seeded_arch(seeded_file *f, const fk_arch *arch, const char *prefix,
                                    int pad)
{
    const int64_t side = 224; /* every architecture takes it, and weights are the same for all */
    fk_graph g;
    fk_text header = {0};
    int64_t count;

    assert_ok(arch->describe(&g, side, side, err));
    assert_ok(fk_text_printf(&header, err, "%8s", ""));
    count = write_seeded(&header, NULL, &g, prefix);
    assert_ok(fk_text_printf(&header, err, "}"));
    while (header.length % 64 != 0)
        assert_ok(fk_text_printf(&header, err, " "));
    for (int i = 0; i < pad; i++)
        assert_ok(fk_text_printf(&header, err, " "));
    f->size = header.length + count * 4;
    assert_ok(fk_alloc((void **)&f->bytes, f->size, 1, err));
    memcpy(f->bytes, header.data, (size_t)header.length);
    for (int i = 0; i < 8; i++)
        f->bytes[i] = (uint8_t)((uint64_t)(header.length - 8) >> (8 * i));
    write_seeded(NULL, f->bytes + header.length, &g, prefix);
    assert_ok(fk_st_open_bytes(&f->reader, f->bytes, (size_t)f->size, "seeded", err));
    fk_text_free(&header);
    fk_graph_free(&g);
}

static inline void open_seeded(seeded_file *f, const char *arch, const char *prefix, int pad)
{
    open_seeded_arch(f, fk_arch_find(arch), prefix, pad);
}

static inline void close_seeded(seeded_file *f)
{
    fk_st_close(&f->reader);
    fk_free(f->bytes);
    *f = (seeded_file){0};
}

/* Settings of arch for any engine, f32, one session. */
static inline fk_net_settings settings_of(const fk_arch *a, fk_engine engine, int64_t height,
                                          int64_t width)
{
    fk_net_settings s = {.engine = engine, .threads = 1, .height = height, .width = width};

    memcpy(s.mean, a->mean, sizeof s.mean);
    memcpy(s.scale, a->scale, sizeof s.scale);
    return s;
}

/* ||a - b|| / ||b|| */
static inline double relative_error(const float *a, const float *b, int64_t n)
{
    double difference = 0, norm = 0;

    for (int64_t i = 0; i < n; i++) {
        double d = (double)a[i] - (double)b[i];

        difference += d * d;
        norm += (double)b[i] * (double)b[i];
    }
    return sqrt(difference / norm);
}

#endif
