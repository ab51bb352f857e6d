/* Names in published files: each architecture's own, and timm's for EfficientNet-Lite0. */
#include "net/import_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The block that the flat number n counts to, as timm numbers it: "blocks.STAGE.PLACE." */
static bool timm_block(long n, int *stage, int *place)
{
    static const int repeats[] = {1, 2, 2, 3, 3, 4, 1};

    for (*stage = 0; *stage < 7; n -= repeats[(*stage)++])
        if (n < repeats[*stage]) {
            *place = (int)n;
            return n >= 0;
        }
    return false;
}

/* timm numbers the norms of a block 1, 2, 3 in the order in which they run.  Stage 0 has no
 * expansion: its block is depthwise conv_dw, then pointwise conv_pw. */
static void timm_efficientnet_lite0(const char *conv, fk_source_names *out)
{
    static const char blocks[] = "_blocks.";
    static const char *const first[][3] = {{"_depthwise_conv", "conv_dw", "bn1"},
                                           {"_project_conv", "conv_pw", "bn2"}};
    static const char *const others[][3] = {{"_expand_conv", "conv_pw", "bn1"},
                                            {"_depthwise_conv", "conv_dw", "bn2"},
                                            {"_project_conv", "conv_pwl", "bn3"}};
    const size_t front = strlen(blocks);
    char *rest;
    int stage, place;

    if (strcmp(conv, "_conv_stem") == 0) {
        snprintf(out->conv, sizeof out->conv, "conv_stem");
        snprintf(out->norm, sizeof out->norm, "bn1");
    } else if (strcmp(conv, "_conv_head") == 0) {
        snprintf(out->conv, sizeof out->conv, "conv_head");
        snprintf(out->norm, sizeof out->norm, "bn2");
    } else if (strncmp(conv, blocks, front) == 0 &&
               timm_block(strtol(conv + front, &rest, 10), &stage, &place) && *rest == '.') {
        const char *const(*names)[3] = stage == 0 ? first : others;

        for (int i = 0; i < (stage == 0 ? 2 : 3); i++)
            if (strcmp(rest + 1, names[i][0]) == 0) {
                snprintf(out->conv, sizeof out->conv, "blocks.%d.%d.%s", stage, place, names[i][1]);
                snprintf(out->norm, sizeof out->norm, "blocks.%d.%d.%s", stage, place, names[i][2]);
            }
    }
}

static const struct {
    const char *arch;
    void (*names)(const char *conv, fk_source_names *out);
} aliases[] = {
    {"efficientnet_lite0", timm_efficientnet_lite0}, /* timm's tf_efficientnet_lite0 */
};

int fk_import_schemes(const fk_arch *arch)
{
    int n = 1;

    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        n += strcmp(aliases[i].arch, arch->name) == 0;
    return n;
}

void fk_import_names(const fk_arch *arch, int scheme, const char *conv, fk_source_names *out)
{
    *out = (fk_source_names){0};
    if (scheme == 0) {
        snprintf(out->conv, sizeof out->conv, "%s", conv);
        arch->norm_of(conv, out->norm);
        return;
    }
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (strcmp(aliases[i].arch, arch->name) == 0 && --scheme == 0)
            aliases[i].names(conv, out);
}
