/* SPDX-License-Identifier: Apache-2.0 */
/* PatchCore's embedding against torch, and what must hold for any taps. */
#include "unit/linalg/near.h"

#include "base/mem.h"
#include "base/prng.h"
#include "features/embed.h"
#include "golden/features_patches.h"

#define MANY 3

/* Hashed taps, as the golden script's. */
static void fill_tap(float *out, int t, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        out[k] = (float)((double)(fk_prng_hash(((uint64_t)(20 + t) << 32) + (uint64_t)k) >> 40) *
                         0x1.0p-24);
}

static fk_embedding embed(const fk_embed_spec *spec, int n_taps, const fk_tap_info *info,
                          const float *const *taps)
{
    fk_embed_shape shape;
    fk_embedding e = {0};

    assert_ok(fk_embed_shape_of(&shape, spec, n_taps, info, 0, err));
    assert_ok(fk_embedding_init(&e, &shape, err));
    memset(e.levels[0].data, 0xff,
           (size_t)(shape.levels[0].height * shape.levels[0].width * spec->dims) * sizeof(float));
    fk_embed(&e, spec, n_taps, info, taps, NULL);
    assert_ok(fk_embedding_check(&e, &shape, err));
    return e;
}

static fk_embedding embed_hashed(const fk_embed_spec *spec, int n_taps, const fk_tap_info *info)
{
    float *data[MANY] = {NULL};
    const float *taps[MANY] = {NULL};
    fk_embedding e;

    for (int t = 0; t < n_taps; t++) {
        int64_t n = info[t].channels * info[t].height * info[t].width;

        assert_ok(FK_ALLOC(&data[t], n, err));
        fill_tap(data[t], t, n);
        taps[t] = data[t];
    }
    e = embed(spec, n_taps, info, taps);
    for (int t = 0; t < n_taps; t++)
        fk_free(data[t]);
    return e;
}

/* Floats of about 1/2, each a mean of at most 60 products: 1e-6.  The sums run over all columns. */
static void check(int n_taps, const fk_tap_info *info, const int64_t sizes[3], int n_columns,
                  const int *columns, const double *values, const double *sums)
{
    fk_embed_spec spec;
    fk_embedding e;
    int64_t dims = sizes[2];

    assert_ok(fk_embed_patches(&spec, sizes[0], sizes[1], dims, err));
    e = embed_hashed(&spec, n_taps, info);
    assert_int_equal(e.levels[0].height, info[0].height);
    assert_int_equal(e.levels[0].width, info[0].width);
    assert_int_equal(e.levels[0].dim, dims);
    for (int64_t p = 0; p < info[0].height * info[0].width; p++) {
        const float *row = e.levels[0].data + p * dims;
        double sum = 0.0;

        for (int i = 0; i < n_columns; i++)
            assert_near(row[columns[i]], values[p * n_columns + i], 1e-6);
        for (int64_t k = 0; k < dims; k++)
            sum += (double)row[k];
        assert_near(sum, sums[p], 1e-6 * (double)dims);
    }
    fk_embedding_free(&e);
}

static void patches_equal_torch(void **state)
{
    static const fk_tap_info resnet[] = {{"a", 128, 4, 5}, {"b", 256, 2, 3}};
    static const fk_tap_info narrow[] = {{"a", 5, 9, 7}, {"b", 3, 5, 4}, {"c", 2, 2, 2}};
    static const fk_tap_info wide[] = {{"a", 2, 3, 70}, {"b", 3, 2, 35}};
    static const fk_tap_info points[] = {{"a", 4, 3, 3}};
    static const int all[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

    (void)state;
    check(2, resnet, (int64_t[]){3, 1024, 1024}, 6, (int[]){0, 1, 511, 512, 700, 1023},
          resnet_columns, resnet_sums);
    check(3, narrow, (int64_t[]){3, 20, 16}, 16, all, narrow_columns, narrow_sums);
    check(2, wide, (int64_t[]){5, 64, 40}, 5, (int[]){0, 7, 19, 20, 39}, wide_columns, wide_sums);
    check(1, points, (int64_t[]){1, 4, 4}, 4, all, points_columns, points_sums);
}

/* Every bin is a mean, so away from the border's zeros all values are the constant. */
static void constant_taps_give_constant_inner_places(void **state)
{
    static const fk_tap_info info[] = {{"a", 6, 8, 8}, {"b", 10, 4, 4}};
    float a[6 * 64], b[10 * 16];
    fk_embed_spec spec;
    fk_embedding e;

    (void)state;
    for (int i = 0; i < 6 * 64; i++)
        a[i] = 3.0f;
    for (int i = 0; i < 10 * 16; i++)
        b[i] = 3.0f;
    assert_ok(fk_embed_patches(&spec, 3, 33, 21, err));
    e = embed(&spec, 2, info, (const float *const[]){a, b});
    for (int64_t y = 3; y < 5; y++)
        for (int64_t x = 3; x < 5; x++)
            for (int64_t k = 0; k < 21; k++)
                assert_near(e.levels[0].data[(y * 8 + x) * 21 + k], 3.0, 2e-6);
    assert_true(e.levels[0].data[0] < 2.0f);
    fk_embedding_free(&e);
}

static void sizes_out_of_range_are_refused(void **state)
{
    fk_embed_spec spec;

    (void)state;
    assert_refused(fk_embed_patches(&spec, 2, 8, 8, err), FLECK_E_OPTION,
                   "--patch: expected an odd number to 15, got 2");
    assert_refused(fk_embed_patches(&spec, 17, 8, 8, err), FLECK_E_OPTION, "--patch");
    assert_refused(fk_embed_patches(&spec, 3, 0, 8, err), FLECK_E_OPTION, "--pretrain-dim");
    assert_refused(fk_embed_patches(&spec, 3, 8, 65537, err), FLECK_E_OPTION,
                   "--pretrain-dim and --target-dim: expected 1 to 65536, got 8 and 65537");
}

static void a_saved_description_gives_the_same_embedding(void **state)
{
    char path[4200];
    fk_embed_spec spec, back;
    fk_json *meta = fk_json_object();
    fk_st_writer *w = NULL;
    fk_st_reader *r = NULL;

    (void)state;
    snprintf(path, sizeof path, "%s/patches.safetensors", test_folder());
    assert_ok(fk_embed_patches(&spec, 5, 30, 20, err));
    assert_ok(fk_st_writer_open(&w, err));
    assert_ok(fk_embed_spec_save(&spec, w, meta, err));
    assert_ok(fk_st_writer_commit(&w, path, err));
    assert_ok(fk_st_open(&r, path, err));
    assert_ok(fk_embed_spec_load(&back, r, meta, err));
    assert_int_equal(back.mode, FK_EMBED_PATCHES);
    assert_int_equal(back.patch, 5);
    assert_int_equal(back.pretrain, 30);
    assert_int_equal(back.dims, 20);
    assert_string_equal(back.global, "none");
    assert_true(fk_json_put_int(meta, "patch", 4));
    assert_refused(fk_embed_spec_load(&back, r, meta, err), FLECK_E_FORMAT,
                   "patch, pretrain or dims is missing or out of range");
    fk_st_close(&r);
    fk_json_free(&meta);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patches_equal_torch),
        cmocka_unit_test(constant_taps_give_constant_inner_places),
        cmocka_unit_test(sizes_out_of_range_are_refused),
        cmocka_unit_test(a_saved_description_gives_the_same_embedding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
