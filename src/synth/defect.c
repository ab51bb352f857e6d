/* SPDX-License-Identifier: Apache-2.0 */
/* The defects: their places on the part, and their effect on its surface. */
#include "synth/noise.h"
#include "synth/scene.h"

#include <math.h>

/* Less than this share of a pixel is no defect: it is neither drawn nor marked in the ground
 * truth. */
#define LEAST 0.125

static void box(fk_synth_defect *d, double reach)
{
    d->left = d->x - reach;
    d->right = d->x + reach;
    d->top = d->y - reach;
    d->bottom = d->y + reach;
}

/* Choose a place between two radii that is `room` away from holes. */
static void place(fk_synth_defect *d, fk_prng *g, double inner, double outer, double room)
{
    for (int attempt = 0; attempt < 200; attempt++) {
        double r = fk_synth_between(g, inner, outer);

        fk_synth_turn(fk_prng_uniform(g), &d->x, &d->y);
        d->x *= r;
        d->y *= r;
        if (fk_synth_clearance(d->x, d->y) >= room)
            return;
    }
}

static void add_stroke(fk_synth_defect *d, const fk_synth_part *p, fk_synth_stroke s)
{
    double pad = (s.half0 > s.half1 ? s.half0 : s.half1) + 1 / p->scale;

    if (d->strokes == FK_SYNTH_STROKES)
        return;
    d->left = fmin(d->left, fmin(s.x0, s.x1) - pad);
    d->right = fmax(d->right, fmax(s.x0, s.x1) + pad);
    d->top = fmin(d->top, fmin(s.y0, s.y1) - pad);
    d->bottom = fmax(d->bottom, fmax(s.y0, s.y1) + pad);
    d->stroke[d->strokes++] = s;
}

/* A length on the part, but at least so many pixels. */
static double at_least(const fk_synth_part *p, double length, double pixels)
{
    return length * p->scale < pixels ? pixels / p->scale : length;
}

/* A slightly bent line, B(t) = (1-t)^2 A + 2 t (1-t) B + t^2 C, thin at its ends. */
static void plan_scratch(fk_synth_defect *d, const fk_synth_part *p, fk_prng *g)
{
    enum { PIECES = 20 };
    double length = fk_synth_between(g, 0.15, 0.45), bend = fk_synth_between(g, -0.08, 0.08);
    double width = at_least(p, fk_synth_between(g, 0.006, 0.012), 0.6), dx, dy;
    fk_synth_stroke s = {0};

    place(d, g, 0.50, 0.80, 0);
    fk_synth_turn(fk_prng_uniform(g), &dx, &dy);
    for (int i = 0; i <= PIECES; i++) {
        double t = (double)i / PIECES, along = (t - 0.5) * length, across = 4 * bend * t * (1 - t);
        fk_synth_stroke next = {.x0 = d->x + along * dx - across * dy,
                                .y0 = d->y + along * dy + across * dx,
                                .half0 = width * (0.45 + 2.2 * t * (1 - t))};

        s.x1 = next.x0;
        s.y1 = next.y0;
        s.half1 = next.half0;
        if (i > 0)
            add_stroke(d, p, s);
        s = next;
    }
}

/* A random walk with a new heading at every step, which gets thinner.  Returns its stroke at step
 * `fork`, where a branch can begin. */
static fk_synth_stroke walk(fk_synth_defect *d, const fk_synth_part *p, fk_prng *g, double x,
                            double y, double heading, int steps, double width, int fork)
{
    fk_synth_stroke at_fork = {0};

    for (int i = 0; i < steps; i++) {
        double dx, dy, step = fk_synth_between(g, 0.016, 0.034);
        double turn = heading + fk_synth_between(g, -0.11, 0.11);
        double half0 = width * (1 - 0.7 * i / steps), half1 = width * (1 - 0.7 * (i + 1) / steps);

        fk_synth_turn(turn, &dx, &dy);
        dx = x + dx * step;
        dy = y + dy * step;
        add_stroke(d, p, (fk_synth_stroke){x, y, dx, dy, half0, half1});
        x = dx;
        y = dy;
        if (i == fork)
            at_fork = (fk_synth_stroke){.x0 = x, .y0 = y, .half0 = half1};
    }
    return at_fork;
}

/* A crack begins at the rim of a bolt hole, where stress is greatest, and has one branch. */
static void plan_crack(fk_synth_defect *d, const fk_synth_part *p, fk_prng *g)
{
    double width = at_least(p, fk_synth_between(g, 0.006, 0.011), 0.6), heading, x, y, dx, dy;
    int bolt = (int)fk_prng_below(g, FK_SYNTH_BOLTS);
    int steps = 6 + (int)fk_prng_below(g, 8);
    fk_synth_stroke fork;

    fk_synth_bolt(bolt, &x, &y);
    /* Along the circle to either side, or towards the hub.  Outwards the rim is too near. */
    heading = (bolt + 0.5) / FK_SYNTH_BOLTS + fk_synth_between(g, 0.22, 0.78);
    fk_synth_turn(heading, &dx, &dy);
    x += dx * (fk_synth_bolt_reach() - 0.01);
    y += dy * (fk_synth_bolt_reach() - 0.01);
    fork = walk(d, p, g, x, y, heading, steps, width, steps / 3);
    heading += fk_prng_below(g, 2) == 0 ? 0.12 : -0.12;
    walk(d, p, g, fork.x0, fork.y0, heading, steps / 2, 0.8 * fork.half0, -1);
}

void fk_synth_plan(fk_synth_defect *d, const fk_synth_part *p, fk_synth_kind kind, fk_prng *g)
{
    *d = (fk_synth_defect){.kind = kind, .left = 2, .top = 2, .right = -2, .bottom = -2};
    d->strength = fk_synth_between(g, 0.35, 1.1);
    d->texture = fk_prng_next(g);
    switch (kind) {
    case FK_SYNTH_SCRATCH:
        plan_scratch(d, p, g);
        break;
    case FK_SYNTH_DENT:
        d->size = at_least(p, fk_synth_between(g, 0.030, 0.070), 2);
        place(d, g, 0.50, 0.86, d->size);
        box(d, d->size + 1 / p->scale);
        break;
    case FK_SYNTH_STAIN:
        d->size = at_least(p, fk_synth_between(g, 0.07, 0.15), 4);
        place(d, g, 0.45, 0.80, -0.3 * d->size);
        box(d, 1.6 * d->size + 1 / p->scale);
        break;
    case FK_SYNTH_CRACK:
        plan_crack(d, p, g);
        break;
    default:
        d->hole = (int)fk_prng_below(g, FK_SYNTH_BOLTS);
        fk_synth_bolt(d->hole, &d->x, &d->y);
        d->size = fk_synth_bolt_reach();
        box(d, d->size + 1 / p->scale);
        break;
    }
}

/* Share of the pixel at (u, v) that the strokes cover.  *across is -1 to 1 over the width of the
 * stroke that covers most, and *facing is how much its positive side faces the lamp. */
static double stroked(const fk_synth_defect *d, const fk_synth_part *p, double u, double v,
                      double *across, double *facing)
{
    double most = 0;

    for (int i = 0; i < d->strokes; i++) {
        const fk_synth_stroke *s = &d->stroke[i];
        double dx = s->x1 - s->x0, dy = s->y1 - s->y0, length = sqrt(dx * dx + dy * dy);
        double t = fk_synth_unit(((u - s->x0) * dx + (v - s->y0) * dy) / (length * length));
        double x = u - s->x0 - t * dx, y = v - s->y0 - t * dy, off = sqrt(x * x + y * y);
        double half = s->half0 + t * (s->half1 - s->half0);
        double cover = fk_synth_unit((half - off) * p->scale + 0.5);

        if (cover <= most)
            continue;
        most = cover;
        *across = (dx * y - dy * x) / (length * half);
        *facing = (dx * p->light_y - dy * p->light_x) / length;
    }
    return most;
}

/* A groove of bright metal. The wall that faces the lamp is brighter, the other one darker. */
static double scratch(const fk_synth_defect *d, const fk_synth_part *p, double u, double v,
                      fk_synth_surface *s)
{
    double across = 0, facing = 0, cover = stroked(d, p, u, v, &across, &facing) * s->solid;

    if (cover < LEAST)
        return 0;
    across = across < -1 ? -1 : across > 1 ? 1 : across;
    s->level += cover * d->strength * (30 - 75 * facing * across);
    return cover;
}

static double crack(const fk_synth_defect *d, const fk_synth_part *p, double u, double v,
                    fk_synth_surface *s)
{
    double across = 0, facing = 0, cover = stroked(d, p, u, v, &across, &facing) * s->solid;

    if (cover < LEAST)
        return 0;
    s->level += cover * (0.4 + 0.5 * d->strength) * (38 - s->level);
    return cover;
}

/* A bowl.  With q the squared distance from its middle it rises outwards with slope ~ (1 - q), so
 * the wall far from the lamp is bright and the near one dark.  The bottom has no tool marks. */
static double dent(const fk_synth_defect *d, const fk_synth_part *p, double u, double v,
                   fk_synth_surface *s)
{
    double x = (u - d->x) / d->size, y = (v - d->y) / d->size, q = x * x + y * y;
    double cover = fk_synth_unit((1 - sqrt(q)) * d->size * p->scale + 0.5) * s->solid;
    double wall = x * p->light_x + y * p->light_y;

    if (cover < LEAST)
        return 0;
    q = fk_synth_unit(1 - q);
    s->level += cover * (0.35 * q * (140 - s->level) - d->strength * wall * (18 + 120 * q));
    return cover;
}

/* A dried drop of oil with an irregular outline.  It absorbs light, most of all along its edge. */
static double stain(const fk_synth_defect *d, const fk_synth_part *p, double u, double v,
                    fk_synth_surface *s, double colour[3])
{
    double x = u - d->x, y = v - d->y, far = sqrt(x * x + y * y) / d->size;
    double waver = fk_synth_noise2(d->texture, 9 * u, 9 * v) +
                   0.4 * fk_synth_noise2(d->texture + 1, 24 * u, 24 * v);
    double inside = (1 + 0.38 * waver - far) * d->size; /* roughly the distance from the outline */
    double soft = at_least(p, 0.02, 1.2), cover = fk_synth_unit(inside / soft + 0.5) * s->solid;
    double edge = fk_synth_unit(1 - fabs(inside - 0.02) / 0.04), dark;

    if (cover < LEAST)
        return 0;
    dark = cover * d->strength * (0.20 + 0.12 * edge + 0.04 * waver);
    s->level *= 1 - dark;
    colour[0] = 1 + 0.06 * d->strength * cover;
    colour[2] = 1 - 0.16 * d->strength * cover;
    return cover;
}

bool fk_synth_damage(const fk_synth_defect *d, const fk_synth_part *p, double u, double v,
                     fk_synth_surface *s, double colour[3])
{
    if (u < d->left || u > d->right || v < d->top || v > d->bottom)
        return false;
    switch (d->kind) {
    case FK_SYNTH_SCRATCH:
        return scratch(d, p, u, v, s) > 0;
    case FK_SYNTH_DENT:
        return dent(d, p, u, v, s) > 0;
    case FK_SYNTH_STAIN:
        return stain(d, p, u, v, s, colour) > 0;
    case FK_SYNTH_CRACK:
        return crack(d, p, u, v, s) > 0;
    default:
        u -= d->x;
        v -= d->y;
        if (fk_synth_unit((d->size - sqrt(u * u + v * v)) * p->scale + 0.5) < LEAST)
            return false;
        *s = fk_synth_shade(p, u + d->x, v + d->y, d->hole);
        return true;
    }
}
