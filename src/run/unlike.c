/* SPDX-License-Identifier: Apache-2.0 */
/* Counts scored photos that are unlike the learned ones, and warns of them once. */
#include "run/unlike.h"

#include <math.h>
#include <stdio.h>

/* A changed camera or light is suspected from FEWEST_SCORES photos on, if at most one in
 * MAY_BE_LOWER scores lower than the highest SHARE of the learned ones. */
#define FEWEST_SCORES 8
#define SHARE 0.05
#define MAY_BE_LOWER 10

/* Whether the score is above those of all but SHARE of the learned photos. */
static bool is_high(const fk_model *m, double score)
{
    const fk_calibration *c = &m->calibration;

    return score > fk_conformal(c->alone, c->images, SHARE, NULL);
}

void fk_unlike_add(fk_unlike *u, const fk_model *m, const fleck_result *r, bool score_counts)
{
    const fk_calibration *c = &m->calibration;

    u->photos++;
    for (int k = 0; k < FK_UNLIKE_KINDS; k++)
        if ((r->unlike >> k & 1) != 0 && u->count[k]++ == 0)
            snprintf(u->first[k], sizeof u->first[k], "%s",
                     r->path != NULL ? r->path : "in memory");
    if (score_counts && m->kind.images > 0 && c->alone != NULL && c->images >= FK_LEAST_HELD_OUT &&
        fk_pooling_same(m->pooling, m->fitted_pooling)) {
        u->scored++;
        u->high += is_high(m, r->score);
    }
}

void fk_unlike_tell(fk_unlike *u, fk_warn warn)
{
    static const char *const texts[FK_UNLIKE_KINDS] = {
        "of another shape than all learned ones (the first: %s): stretched to theirs, parts look "
        "distorted",
        "brighter, darker or of another contrast than all learned ones (the first: %s): scores may "
        "tell of the light",
        "sharper or more blurred than all learned ones (the first: %s): is the camera in focus?",
        "unlike all learned ones (the first: %s): another part, or another place?"};

    for (int k = 0; k < FK_UNLIKE_KINDS; k++) {
        char text[512];

        if (u->count[k] > 0 && (u->told & 1u << k) == 0) {
            snprintf(text, sizeof text, texts[k], u->first[k]);
            fk_warn_say(warn, "%lld of %lld photo%s %s %s", (long long)u->count[k],
                        (long long)u->photos, u->photos == 1 ? "" : "s",
                        u->count[k] == 1 ? "is" : "are", text);
            u->told |= 1u << k;
        }
        u->count[k] = 0;
    }
    u->photos = 0;
    if (u->scored < FEWEST_SCORES)
        return;
    if (!u->told_high && (u->scored - u->high) * MAY_BE_LOWER <= u->scored) {
        fk_warn_say(
            warn,
            "%lld of %lld photos score higher than 95 %% of the learned ones did while held "
            "out: are all defective, or has the camera or the light changed?",
            (long long)u->high, (long long)u->scored);
        u->told_high = true;
    }
    u->scored = u->high = 0;
}
