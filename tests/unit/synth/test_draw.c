/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of the sample category: their bytes, their variation, and masks that are exact. */
#include "fk_test.h"

#include "base/mem.h"
#include "synth/scene.h"

static const fk_synth_settings small = {.width = 96, .height = 80, .seed = 7};

/* FNV-1a, 64 bit, over both pictures. */
static uint64_t checksum(const fk_image *a, const fk_image *b)
{
    const fk_image *both[2] = {a, b};
    uint64_t h = UINT64_C(14695981039346656037);

    for (int k = 0; k < 2; k++) {
        for (int64_t i = 0; i < both[k]->width * both[k]->height * both[k]->channels; i++)
            h = (h ^ both[k]->data[i]) * UINT64_C(1099511628211);
    }
    return h;
}

static int64_t marked(const fk_image *mask)
{
    int64_t n = 0;

    for (int64_t i = 0; i < mask->width * mask->height; i++) {
        assert_true(mask->data[i] == 0 || mask->data[i] == 255);
        n += mask->data[i] == 255;
    }
    return n;
}

/* Any change here changes everyone's sample data: it must be meant. */
static void pictures_and_masks_have_these_bytes_on_every_machine(void **state)
{
    static const struct {
        int64_t width, height;
        uint64_t seed;
        int stream;
        int64_t index;
        uint64_t expected;
    } rows[] = {
        {256, 256, 1, 0, 0, UINT64_C(0x40db4b65d40b2a8b)},
        {256, 256, 1, 1, 19, UINT64_C(0x1f9f7557fae81b29)},
        {256, 256, 1, 2, 0, UINT64_C(0x85a0fa58cd44cd79)},
        {256, 256, 1, 3, 1, UINT64_C(0xc530bbb1a69e6b3b)},
        {256, 256, 1, 4, 2, UINT64_C(0x99ee748a31ecb8a4)},
        {256, 256, 1, 5, 3, UINT64_C(0x0467224c3c821a2a)},
        {256, 256, 1, 6, 4, UINT64_C(0xac83ab8bd19fac84)},
        {64, 64, 0, 2, 0, UINT64_C(0xbc5fa13075c9d684)},
        {300, 200, 99, 5, 7, UINT64_C(0xed2aecded07b6d8c)},
        {128, 333, UINT64_MAX, 4, 1, UINT64_C(0x6f10c4a244fcc121)},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fk_synth_settings s = {
            .width = rows[i].width, .height = rows[i].height, .seed = rows[i].seed};
        fk_image im, mask;

        assert_ok(fk_synth_draw(&im, &mask, &s, rows[i].stream, rows[i].index, err));
        assert_int_equal(im.width, s.width);
        assert_int_equal(im.height, s.height);
        assert_int_equal(im.channels, 3);
        assert_int_equal(mask.channels, 1);
        if (checksum(&im, &mask) != rows[i].expected)
            fail_msg("row %zu: got 0x%016llx", i, (unsigned long long)checksum(&im, &mask));
        fk_image_free(&im);
        fk_image_free(&mask);
    }
}

static void a_mask_that_is_not_wanted_changes_nothing(void **state)
{
    fk_image a, b, mask;

    (void)state;
    assert_ok(fk_synth_draw(&a, &mask, &small, 3, 5, err));
    assert_ok(fk_synth_draw(&b, NULL, &small, 3, 5, err));
    assert_memory_equal(a.data, b.data, 96 * 80 * 3);
    fk_image_free(&a);
    fk_image_free(&b);
    fk_image_free(&mask);
}

static void masks_of_good_parts_are_empty(void **state)
{
    (void)state;
    for (int stream = 0; stream < 2; stream++) {
        fk_image im, mask;

        assert_ok(fk_synth_draw(&im, &mask, &small, stream, 3, err));
        assert_int_equal(marked(&mask), 0);
        fk_image_free(&im);
        fk_image_free(&mask);
    }
}

/* The same part without its defect differs in the mask and nowhere else. */
static void a_defect_changes_pixels_in_its_mask_and_only_there(void **state)
{
    enum { W = 160, H = 144 };
    static uint8_t with[W * H * 3], without[W * H * 3], mask[W * H];

    (void)state;
    for (int kind = 0; kind < FK_SYNTH_KINDS; kind++) {
        for (int index = 0; index < 12; index++) {
            fk_synth_part part;
            fk_synth_defect defect;
            fk_prng g;
            int in_mask = 0, changed = 0;

            fk_synth_seed(&g, 3, 2 + kind, index);
            fk_synth_vary(&part, W, H, &g);
            fk_synth_plan(&defect, &part, (fk_synth_kind)kind, &g);
            fk_synth_paint(with, mask, &part, &defect);
            fk_synth_paint(without, NULL, &part, NULL);
            for (int i = 0; i < W * H; i++) {
                bool differs = memcmp(with + 3 * i, without + 3 * i, 3) != 0;

                assert_true(mask[i] == 255 || !differs);
                in_mask += mask[i] == 255;
                changed += differs;
            }
            /* Where a defect's shade crosses zero, as in a dent's middle, bytes stay as they are.
             */
            assert_true(changed * 10 > in_mask * 7);
        }
    }
}

static void every_defect_can_be_seen_even_in_the_smallest_picture(void **state)
{
    const int64_t sides[2] = {64, 256};

    (void)state;
    for (int size = 0; size < 2; size++) {
        fk_synth_settings s = {.width = sides[size], .height = sides[size], .seed = 11};

        for (int kind = 0; kind < fk_synth_defects(); kind++) {
            for (int index = 0; index < (size == 0 ? 100 : 20); index++) {
                fk_image im, mask;
                int64_t n, pixels = s.width * s.height;

                assert_ok(fk_synth_draw(&im, &mask, &s, 2 + kind, index, err));
                n = marked(&mask);
                if (n < 6 || n > pixels / 20)
                    fail_msg("%s %d: %lld of %lld pixels", fk_synth_defect_name(kind), index,
                             (long long)n, (long long)pixels);
                fk_image_free(&im);
                fk_image_free(&mask);
            }
        }
    }
}

static void parts_move_by_two_pixels_and_turn_by_a_degree_and_a_half_at_most(void **state)
{
    double least = 0, most = 0, left = 0, right = 0;

    (void)state;
    for (int i = 0; i < 500; i++) {
        fk_synth_part p;
        fk_prng g;
        double x;

        fk_synth_seed(&g, 1, 0, i);
        fk_synth_vary(&p, 400, 256, &g);
        x = p.centre_x - 200;
        assert_true(x >= -2 && x < 2);
        assert_true(p.centre_y >= 126 && p.centre_y < 130);
        assert_true(p.sine >= -0.02618 && p.sine <= 0.02618); /* sin of 1.5 degrees */
        assert_true(p.scale > 109 && p.scale < 111);
        least = p.sine < least ? p.sine : least;
        most = p.sine > most ? p.sine : most;
        left = x < left ? x : left;
        right = x > right ? x : right;
    }
    /* and they use that range */
    assert_true(least < -0.025 && most > 0.025);
    assert_true(left < -1.9 && right > 1.9);
}

static void seeds_streams_and_numbers_all_give_other_pictures(void **state)
{
    fk_synth_settings other = small;
    uint64_t sums[5];
    fk_image none = {0};

    (void)state;
    other.seed = 8;
    for (int i = 0; i < 5; i++) {
        fk_image im;

        assert_ok(fk_synth_draw(&im, NULL, i == 4 ? &other : &small, i % 2, i / 2 % 2, err));
        sums[i] = checksum(&im, &none);
        fk_image_free(&im);
        for (int j = 0; j < i; j++)
            assert_true(sums[i] != sums[j]);
    }
}

static void the_picture_goes_on_beside_the_part_where_it_is_not_square(void **state)
{
    fk_synth_settings s = {.width = 300, .height = 100, .seed = 1};
    fk_image im;
    int dark = 0, bright = 0;

    (void)state;
    assert_ok(fk_synth_draw(&im, NULL, &s, 0, 0, err));
    for (int y = 0; y < 100; y++) {
        dark += im.data[3 * (y * 300 + 20)] < 100;         /* the bench */
        bright += im.data[3 * (y * 300 + 150 + 26)] > 100; /* the plate, right of the hub */
    }
    assert_int_equal(dark, 100);
    assert_true(bright > 40); /* of a chord of 68, which crosses two bolt holes */
    fk_image_free(&im);
}

static void defects_have_names(void **state)
{
    const char *expected[5] = {"scratch", "dent", "stain", "crack", "missing_hole"};

    (void)state;
    assert_int_equal(fk_synth_defects(), 5);
    for (int i = 0; i < 5; i++)
        assert_string_equal(fk_synth_defect_name(i), expected[i]);
}

static void sizes_streams_and_numbers_out_of_range_are_refused(void **state)
{
    fk_synth_settings s = small;
    fk_image im = {.width = 5}, mask = {.width = 5};

    (void)state;
    s.width = 63;
    assert_refused(fk_synth_draw(&im, &mask, &s, 0, 0, err), FLECK_E_OPTION, "got 63x80");
    assert_null(im.data);
    assert_int_equal(im.width, 0);
    assert_int_equal(mask.width, 0);
    s.width = INT64_MAX;
    assert_refused(fk_synth_draw(&im, NULL, &s, 0, 0, err), FLECK_E_OPTION, "sides of 64");
    s.width = s.height = 65535;
    assert_refused(fk_synth_draw(&im, NULL, &s, 0, 0, err), FLECK_E_OPTION, "at most 268435456");
    assert_refused(fk_synth_draw(&im, NULL, &small, 7, 0, err), FLECK_E_OPTION, "stream of 0 to 6");
    assert_refused(fk_synth_draw(&im, NULL, &small, -1, 0, err), FLECK_E_OPTION, "stream");
    assert_refused(fk_synth_draw(&im, NULL, &small, 0, -1, err), FLECK_E_OPTION, "and -1");
}

static void running_out_of_memory_leaves_the_outputs_empty(void **state)
{
    (void)state;
    for (int n = 1; n <= 2; n++) {
        fk_image im = {.width = 5}, mask = {.width = 5};

        fk_mem_fail_at(n);
        assert_refused(fk_synth_draw(&im, &mask, &small, 2, 0, err), FLECK_E_NOMEM, "");
        fk_mem_fail_at(0);
        assert_null(im.data);
        assert_null(mask.data);
        assert_int_equal(im.width + mask.width, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_and_masks_have_these_bytes_on_every_machine),
        cmocka_unit_test(a_mask_that_is_not_wanted_changes_nothing),
        cmocka_unit_test(masks_of_good_parts_are_empty),
        cmocka_unit_test(a_defect_changes_pixels_in_its_mask_and_only_there),
        cmocka_unit_test(every_defect_can_be_seen_even_in_the_smallest_picture),
        cmocka_unit_test(parts_move_by_two_pixels_and_turn_by_a_degree_and_a_half_at_most),
        cmocka_unit_test(seeds_streams_and_numbers_all_give_other_pictures),
        cmocka_unit_test(the_picture_goes_on_beside_the_part_where_it_is_not_square),
        cmocka_unit_test(defects_have_names),
        cmocka_unit_test(sizes_streams_and_numbers_out_of_range_are_refused),
        cmocka_unit_test(running_out_of_memory_leaves_the_outputs_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
