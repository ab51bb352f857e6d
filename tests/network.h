/* SPDX-License-Identifier: Apache-2.0 */
/* A small network for tests that fit models, in every build: with OpenVINO a user's ONNX file,
 * whose outputs are two taps and a vector; without it, or where FLECK_TEST_SEEDED is set, ResNet-18
 * with seeded weights, which fleck's own engines run. */
#ifndef FK_TEST_NETWORK_H
#define FK_TEST_NETWORK_H

#include "fit/settings.h"
#include "unit/net/seeded.h"

/* Seeded weights of arch up to two taps or (whole) all of them, into a file. */
static inline void write_weights(const char *path, const char *arch, const char *const taps[2],
                                 bool whole)
{
    fk_text header = {0};
    fk_graph g = {0};
    uint8_t *data = NULL;
    uint64_t length;
    int64_t count;
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_ok(fk_arch_find(arch)->describe(&g, 64, 64, err));
    assert_ok(fk_graph_prune(&g, taps, 2, whole, err));
    assert_ok(fk_text_printf(&header, err, "%8s", ""));
    count = write_seeded(&header, NULL, &g, "");
    assert_ok(fk_text_printf(&header, err, "}"));
    while (header.length % 8 != 0)
        assert_ok(fk_text_printf(&header, err, " "));
    length = (uint64_t)header.length - 8;
    memcpy(header.data, &length, sizeof length); /* these tests run on little-endian machines */
    assert_ok(fk_alloc((void **)&data, count, 4, err));
    write_seeded(NULL, data, &g, "");
    assert_int_equal(fwrite(header.data, 1, (size_t)header.length, file), header.length);
    assert_int_equal(fwrite(data, 4, (size_t)count, file), count);
    assert_int_equal(fclose(file), 0);
    fk_free(data);
    fk_text_free(&header);
    fk_graph_free(&g);
}

static inline void write_network(const char *path, bool whole)
{
    const char *const taps[] = {"layer1", "layer2"};

    write_weights(path, "resnet18", taps, whole);
}

static inline bool network_is_onnx(void)
{
    return fk_engine_built(FK_ENGINE_OPENVINO) && getenv("FLECK_TEST_SEEDED") == NULL;
}

/* The engine that runs it. */
static inline fk_engine network_engine(void)
{
    return network_is_onnx() ? FK_ENGINE_OPENVINO : FK_ENGINE_NATIVE;
}

/* The file of a network that can give an image's vector (whole) or need not; static. */
static inline const char *network_file(bool whole)
{
    static char part[4200], all[4200];
    char *path = whole ? all : part;

    if (network_is_onnx())
        return test_path("FLECK_TEST_SOURCE", "tests/golden/net/open.onnx");
    if (path[0] == '\0') {
        snprintf(path, sizeof part, "%s/network.safetensors", test_folder());
        write_network(path, whole);
    }
    return path;
}

/* The settings' network, for their method. */
static inline void use_network(fleck_settings *s)
{
    const char *file = network_file(s->method != NULL && strcmp(s->method, "spade") == 0);

    if (network_is_onnx()) {
        s->backbone = file;
        return;
    }
    s->backbone = "resnet18";
    s->weights = file;
    s->taps = "layer1,layer2";
}

#endif
