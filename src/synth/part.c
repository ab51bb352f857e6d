/* SPDX-License-Identifier: Apache-2.0 */
/* The good part: a turned steel flange on a dark bench, and its variation. */
#include "synth/noise.h"
#include "synth/scene.h"

#include <math.h>

/* The drawing, in units of the outer radius, from outside to inside. */
#define FACE 0.945        /* the rim between here and 1 is bevelled outwards */
#define BOLT_CIRCLE 0.715 /* radius of the circle of bolt holes */
#define BOLT_SINK 0.108   /* radius of a countersink */
#define BOLT_HOLE 0.078   /* radius of a hole */
#define DOWEL 0.034       /* radius of the two small holes between bolts */
#define GROOVE 0.515      /* middle of the turned groove */
#define GROOVE_HALF 0.016 /* half its width */
#define HUB 0.425         /* foot of the raised hub's bevel */
#define HUB_TOP 0.390     /* its upper edge */
#define KEY_HALF 0.052    /* half the width of the keyway */
#define KEY_END 0.300     /* its upper end */
#define BORE_SINK 0.238   /* bevel around the bore */
#define BORE 0.205        /* radius of the bore */

/* Light.  A bevel that is tilted towards direction n is brighter by n .  l, with l the lamp's
 * direction.  A turned surface reflects like a record: each groove is a tiny cylinder that reflects
 * the lamp where its axis is perpendicular to the light.  So the highlight is a bow tie along l, (n
 * .  l)^6 here.  `facing` is n .  l with n pointing away from the centre. */

/* Centres of the holes: bolts 30, 90, 150, ... degrees from the x axis, dowels at 0 and 240. */
#define HALF (BOLT_CIRCLE / 2)
#define HIGH (BOLT_CIRCLE * 0.8660254037844386)

static const double bolt[FK_SYNTH_BOLTS][2] = {{HIGH, HALF},   {0, BOLT_CIRCLE},  {-HIGH, HALF},
                                               {-HIGH, -HALF}, {0, -BOLT_CIRCLE}, {HIGH, -HALF}};
static const double dowel[2][2] = {{BOLT_CIRCLE, 0}, {-HALF, -HIGH}};

void fk_synth_bolt(int i, double *x, double *y)
{
    *x = bolt[i][0];
    *y = bolt[i][1];
}

double fk_synth_bolt_reach(void)
{
    return BOLT_SINK;
}

static double distance(double x, double y)
{
    return sqrt(x * x + y * y);
}

double fk_synth_clearance(double x, double y)
{
    double nearest = distance(x, y) - BORE_SINK;

    for (int i = 0; i < FK_SYNTH_BOLTS; i++) {
        double d = distance(x - bolt[i][0], y - bolt[i][1]) - BOLT_SINK;

        nearest = d < nearest ? d : nearest;
    }
    for (int i = 0; i < 2; i++) {
        double d = distance(x - dowel[i][0], y - dowel[i][1]) - DOWEL;

        nearest = d < nearest ? d : nearest;
    }
    return nearest;
}

void fk_synth_vary(fk_synth_part *p, int64_t width, int64_t height, fk_prng *g)
{
    double side = (double)(width < height ? width : height), cosine, sine, warm;

    p->width = width;
    p->height = height;
    p->scale = 0.43 * side * fk_synth_between(g, 0.995, 1.005);
    p->centre_x = 0.5 * (double)width + side / 256 * fk_synth_between(g, -2, 2);
    p->centre_y = 0.5 * (double)height + side / 256 * fk_synth_between(g, -2, 2);
    fk_synth_turn(fk_synth_between(g, -1.5, 1.5) / 360, &p->cosine, &p->sine);
    /* The lamp is at the upper left, within four degrees either way. */
    fk_synth_turn((235 + fk_synth_between(g, -4, 4)) / 360, &cosine, &sine);
    p->light_x = p->cosine * cosine + p->sine * sine;
    p->light_y = p->cosine * sine - p->sine * cosine;
    p->gain = fk_synth_between(g, 0.96, 1.04);
    p->slope_x = fk_synth_between(g, -0.05, 0.05);
    p->slope_y = fk_synth_between(g, -0.05, 0.05);
    warm = fk_synth_between(g, -0.012, 0.012);
    p->metal[0] = 0.985 + warm;
    p->metal[1] = 0.995;
    p->metal[2] = 1.005 - warm;
    p->bench[0] = 0.90 + warm;
    p->bench[1] = 1.0;
    p->bench[2] = 1.13 - warm;
    p->texture = fk_prng_next(g);
}

/* Set the surface to `level` where the distance `inside` is positive, with an edge one pixel
 * wide. */
static double lay(const fk_synth_part *p, fk_synth_surface *s, double inside, double level)
{
    double cover = fk_synth_unit(inside * p->scale + 0.5);

    s->level += (level - s->level) * cover;
    return cover;
}

static double bench(const fk_synth_part *p, double u, double v)
{
    double x = u + 0.05 * p->light_x, y = v + 0.07 * p->light_y; /* of the shadow */
    double shadow = fk_synth_unit((1.16 - distance(x, y)) / 0.20);

    return (62 + 4 * fk_synth_noise2(p->texture + 1, 2.5 * u, 2.5 * v) +
            4 * fk_synth_noise2(p->texture + 2, 45 * u, 45 * v)) *
           (1 - 0.55 * shadow * shadow * (3 - 2 * shadow));
}

/* The tool's marks: fine rings that change slowly along the circle.  n is the direction. */
static double rings(const fk_synth_part *p, double r, double nx, double ny)
{
    return 0.6 * fk_synth_noise3(p->texture + 3, 3 * nx, 3 * ny, 58 * r) +
           0.4 * fk_synth_noise2(p->texture + 4, 17 * r, 0);
}

static void bolt_hole(const fk_synth_part *p, fk_synth_surface *s, double x, double y)
{
    double d = distance(x, y), facing, hole;

    if (d > BOLT_SINK + 1 / p->scale)
        return;
    facing = d > 0 ? (x * p->light_x + y * p->light_y) / d : 0;
    lay(p, s, BOLT_SINK - d, 128 - 78 * facing);
    hole = lay(p, s, BOLT_HOLE - d, 30 - 16 * facing * d / BOLT_HOLE);
    s->solid *= 1 - hole;
}

/* The plate between rim and hub, with its groove. */
static void face(const fk_synth_part *p, fk_synth_surface *s, double r, double facing, double marks)
{
    /* In small images the groove is wider and fainter, since it would break into dots. */
    double half = GROOVE_HALF * p->scale < 1.4 ? 1.4 / p->scale : GROOVE_HALF;
    double t = (r - GROOVE) / half, shine = facing * facing * facing;
    double level = 146 + 52 * shine * shine + 9 * marks;

    if (t > -1 && t < 1) /* the inner wall faces outwards, the outer one inwards */
        level -= GROOVE_HALF / half * (1 - t * t) * (30 + 130 * facing * t);
    lay(p, s, FACE - r, level);
}

/* Hub, keyway and bore. */
static void hub(const fk_synth_part *p, fk_synth_surface *s, double u, double v, double r,
                double facing, double marks)
{
    double shine = facing * facing * facing;
    double key_side = KEY_HALF - fabs(u), key_end = v + KEY_END;

    lay(p, s, HUB - r, 140 + 76 * facing);
    lay(p, s, HUB_TOP - r, 164 + 46 * shine * shine + 8 * marks);
    lay(p, s, BORE_SINK - r, 134 - 76 * facing);
    if (v < 0)
        s->solid *= 1 - lay(p, s, key_side < key_end ? key_side : key_end, 34);
    s->solid *= 1 - lay(p, s, BORE - r, 30 - 18 * facing * r * r / (BORE * BORE));
}

fk_synth_surface fk_synth_shade(const fk_synth_part *p, double u, double v, int without)
{
    double r = distance(u, v), nx = r > 0 ? u / r : 1, ny = r > 0 ? v / r : 0;
    double facing = nx * p->light_x + ny * p->light_y, marks;
    fk_synth_surface s = {0};

    if (r > 1 - 1 / p->scale)
        s.level = bench(p, u, v);
    if (r > 1 + 1 / p->scale)
        return s;
    marks = rings(p, r, nx, ny);
    s.metal = s.solid = lay(p, &s, 1 - r, 132 + 74 * facing);
    face(p, &s, r, facing, marks);
    for (int i = 0; i < FK_SYNTH_BOLTS && r > HUB; i++) {
        if (i != without)
            bolt_hole(p, &s, u - bolt[i][0], v - bolt[i][1]);
    }
    for (int i = 0; i < 2; i++)
        s.solid *= 1 - lay(p, &s, DOWEL - distance(u - dowel[i][0], v - dowel[i][1]), 36);
    if (r < HUB + 1 / p->scale)
        hub(p, &s, u, v, r, facing, marks);
    return s;
}
