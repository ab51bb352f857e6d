/* SPDX-License-Identifier: Apache-2.0 */
/* The scene: one machined flange with its natural variation, and perhaps one defect. */
#ifndef FK_SYNTH_SCENE_H
#define FK_SYNTH_SCENE_H

#include "base/prng.h"
#include "synth/synth.h"

#define FK_SYNTH_MOST 100000 /* images of one kind */
#define FK_SYNTH_BOLTS 6

/* Lengths on the part are in units of its outer radius, with the centre at (0, 0), x to the right
 * and y down before the part is turned.  Levels of light are those of 8-bit pixels. */
typedef struct fk_synth_part {
    int64_t width, height;         /* of the image */
    double centre_x, centre_y;     /* in pixels */
    double scale;                  /* pixels a unit */
    double cosine, sine;           /* rotation of the part */
    double light_x, light_y;       /* towards the lamp, length 1, on the part */
    double gain, slope_x, slope_y; /* brightness, and its change across the image */
    double metal[3], bench[3];     /* colours */
    uint64_t texture;              /* seed of all noise */
} fk_synth_part;

typedef enum fk_synth_kind {
    FK_SYNTH_SCRATCH,
    FK_SYNTH_DENT,
    FK_SYNTH_STAIN,
    FK_SYNTH_CRACK,
    FK_SYNTH_MISSING_HOLE,
    FK_SYNTH_KINDS
} fk_synth_kind;

/* One straight piece of a scratch or crack.  The widths at its ends are half widths. */
typedef struct fk_synth_stroke {
    double x0, y0, x1, y1, half0, half1;
} fk_synth_stroke;

#define FK_SYNTH_STROKES 48

typedef struct fk_synth_defect {
    fk_synth_kind kind;
    double x, y, size; /* dent, stain, missing hole: centre and radius */
    double strength;   /* 0.35 to 1.1 */
    int hole;          /* of a missing hole */
    int strokes;
    fk_synth_stroke stroke[FK_SYNTH_STROKES];
    double left, top, right, bottom; /* the defect is inside this box */
    uint64_t texture;
} fk_synth_defect;

/* The surface at one point. */
typedef struct fk_synth_surface {
    double level; /* of light */
    double metal; /* 1 metal, 0 bench: the colour of the light */
    double solid; /* 1 on a metal surface, which can be damaged; 0 in holes and outside */
} fk_synth_surface;

/* FLECK_E_OPTION if a size or number is out of range. */
fleck_status fk_synth_check(const fk_synth_settings *s, fleck_error *err) FLECK_MUST_CHECK;
/* The generator of image `index` of a stream. */
void fk_synth_seed(fk_prng *g, uint64_t seed, int stream, int64_t index);

/* The part's position, light and texture in the image of g. */
void fk_synth_vary(fk_synth_part *p, int64_t width, int64_t height, fk_prng *g);
/* The surface at (u, v) of the part; `without` is a missing bolt hole, or -1. */
fk_synth_surface fk_synth_shade(const fk_synth_part *p, double u, double v, int without);
/* Centre of bolt hole i. */
void fk_synth_bolt(int i, double *x, double *y);
/* Distance of (x, y) from the rim of the nearest hole, negative inside one. */
double fk_synth_clearance(double x, double y);
/* Radius that contains all bolt holes with their countersinks. */
double fk_synth_bolt_reach(void);

/* A defect of this kind at a random possible place. */
void fk_synth_plan(fk_synth_defect *d, const fk_synth_part *p, fk_synth_kind kind, fk_prng *g);
/* Apply d to the surface at (u, v) and its colour (a factor for each channel).  Returns whether d
 * covers at least an eighth of the pixel there; if not, nothing changes. */
bool fk_synth_damage(const fk_synth_defect *d, const fk_synth_part *p, double u, double v,
                     fk_synth_surface *s, double colour[3]);

/* Draw the image [height, width, 3], and the ground truth mask [height, width] unless it is NULL; d
 * may be NULL.  A pixel of the mask is 255 where d changes the image, and 0 elsewhere. */
void fk_synth_paint(uint8_t *rgb, uint8_t *mask, const fk_synth_part *p, const fk_synth_defect *d);

#endif
