/* SPDX-License-Identifier: Apache-2.0 */
/* What MH-PatchCore learns, from the same images in another order. */
#include "fk_test.h"

#include "network.h"
#include "tensor/safetensors.h"

/* The last is the fourth again: another file of the same bytes. */
enum { IMAGES = 19 };

static char files[IMAGES][4200], models[2][4200];

static void write_picture(int i)
{
    uint32_t image = i == IMAGES - 1 ? 3 : (uint32_t)i;
    FILE *file;

    snprintf(files[i], sizeof files[i], "%s/%d.ppm", test_folder(), i);
    file = fopen(files[i], "wb");
    assert_non_null(file);
    fprintf(file, "P6 64 48 255\n");
    for (uint32_t k = 0; k < 64 * 48 * 3; k++) {
        uint32_t noise = ((k + 1) * 2654435761u) ^ (image * 40503u + (k >> 4) * 7919u);

        fputc((int)(60 + 8 * image + (noise >> 9) % (40 + 6 * image)) & 255, file);
    }
    fclose(file);
}

static int set_up(void **state)
{
    (void)state;
    for (int i = 0; i < IMAGES; i++)
        write_picture(i);
    for (int k = 0; k < 2; k++)
        snprintf(models[k], sizeof models[k], "%s/order%d.fleck", test_folder(), k);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < IMAGES; i++)
        remove(files[i]);
    for (int k = 0; k < 2; k++)
        remove(models[k]);
    return 0;
}

/* Fit every step-th of the images, over and over, and save the model. */
static void fit(const char *path, int step, int64_t tile)
{
    static const char *const options[] = {"pretrain-dim=6", "target-dim=6", "bank=50", NULL};
    fleck_settings s = fk_fit_defaults();
    const char *list[IMAGES];
    fleck_model *m = NULL;

    use_network(&s);
    s.method = "mhpatchcore";
    s.options = options;
    s.width = s.crop_width = tile > 0 ? 0 : 64;
    s.height = s.crop_height = tile > 0 ? 0 : 48;
    s.tile = tile;
    s.calibrate = 5; /* other ones in another order */
    s.threads = 2;
    for (int i = 0; i < IMAGES; i++)
        list[i] = files[i * step % IMAGES];
    assert_ok(fleck_fit_files(&m, list, IMAGES, &s, NULL, err));
    assert_int_equal(fleck_model_describe(m)->calibrated, 5);
    assert_ok(fleck_model_save(m, path, err));
    fleck_model_close(&m);
}

static size_t bytes(const fk_tensor *t)
{
    return (size_t)fk_tensor_count(t) * fk_dtype_size(t->dtype);
}

/* Compare the method's tensors; returns how many there are. */
static int compare(const fk_st_reader *a, const fk_st_reader *b)
{
    int n = 0;

    for (int64_t i = 0; i < fk_st_count(a); i++) {
        const char *name = fk_st_tensor_name(a, i);
        fk_tensor x, y;

        if (strncmp(name, "method.", 7) != 0)
            continue;
        assert_ok(fk_st_get(a, name, &x, err));
        assert_ok(fk_st_get(b, name, &y, err));
        assert_int_equal(bytes(&x), bytes(&y));
        assert_memory_equal(x.data, y.data, bytes(&x));
        n++;
    }
    return n;
}

static void check(int64_t tile)
{
    fk_st_reader *a = NULL, *b = NULL;

    fit(models[0], 1, tile);
    for (int step = 7; step < IMAGES; step += 11) { /* 18: backwards */
        fit(models[1], step, tile);
        assert_ok(fk_st_open(&a, models[0], err));
        assert_ok(fk_st_open(&b, models[1], err));
        assert_true(compare(a, b) >= 5); /* mean, covariance, whitening, bank and its sources */
        fk_st_close(&a);
        fk_st_close(&b);
    }
}

static void mhpatchcore_learns_the_same_from_images_in_another_order(void **state)
{
    (void)state;
    check(0);
}

static void so_it_does_from_tiles(void **state)
{
    (void)state;
    check(32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mhpatchcore_learns_the_same_from_images_in_another_order),
        cmocka_unit_test(so_it_does_from_tiles),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
