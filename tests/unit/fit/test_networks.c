/* SPDX-License-Identifier: Apache-2.0 */
/* Which mean and scale a fit gives each network's input. */
#include "fk_test.h"

#include "fit/networks.h"

static const float IMAGENET[2][3] = {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
static const float HALF[2][3] = {{0.5f, 0.5f, 0.5f}, {0.5f, 0.5f, 0.5f}};
static const float LITE[2][3] = {{127 / 255.0f, 127 / 255.0f, 127 / 255.0f},
                                 {128 / 255.0f, 128 / 255.0f, 128 / 255.0f}};

static void assert_fed(const char *network, const char *setting, const float wanted[2][3])
{
    fk_model_net net = {.arch = fk_arch_find(network)};

    fk_networks_normalise(&net, setting);
    for (int i = 0; i < 3; i++)
        if (net.mean[i] != wanted[0][i] || net.scale[i] != wanted[1][i])
            fail_msg("%s, %s: channel %d has mean %g and scale %g", network, setting, i,
                     (double)net.mean[i], (double)net.scale[i]);
}

static void each_network_is_fed_as_it_was_trained_but_efficientnet_lite(void **state)
{
    (void)state;
    assert_string_equal(fk_fit_defaults().normalisation, "auto");
    for (int i = 0; i < fk_arch_count(); i++) {
        const char *name = fk_arch_at(i)->name;
        bool augreg = strcmp(name, "vit_ti_16") == 0 || strcmp(name, "vit_s_16") == 0;
        bool lite = strncmp(name, "efficientnet_lite", 17) == 0;

        assert_fed(name, "auto", augreg ? HALF : IMAGENET);
        assert_fed(name, "own", augreg ? HALF : lite ? LITE : IMAGENET);
        assert_fed(name, "imagenet", IMAGENET);
    }
}

static void a_network_of_a_file_is_fed_as_imagenet(void **state)
{
    (void)state;
    assert_fed(NULL, "auto", IMAGENET);
    assert_fed(NULL, "own", IMAGENET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_network_is_fed_as_it_was_trained_but_efficientnet_lite),
        cmocka_unit_test(a_network_of_a_file_is_fed_as_imagenet)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
