/* What is drawn: one machined flange with its natural variation, and perhaps one defect on it. */
#ifndef FK_SYNTH_SCENE_H
#define FK_SYNTH_SCENE_H

#include "base/prng.h"
#include "synth/synth.h"

#define FK_SYNTH_MOST 100000 /* images of one kind; names keep their order to 999 and beyond */
#define FK_SYNTH_BOLTS 6

/* Lengths on the part are in units of its outer radius, with the centre at (0, 0), x to the right
 * and y down before the part is turned.  Levels of light are those of 8-bit pixels. */
typedef struct fk_synth_part {
    int64_t width, height;         /* of the picture */
    double centre_x, centre_y;     /* in pixels */
    double scale;                  /* pixels a unit */
    double cosine, sine;           /* how far the part is turned */
    double light_x, light_y;       /* towards the lamp, length 1, on the part */
    double gain, slope_x, slope_y; /* brightness, and its change across the picture */
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

/* One straight piece of a scratch or crack, half as wide as its widths say at either end. */
typedef struct fk_synth_stroke {
    double x0, y0, x1, y1, half0, half1;
} fk_synth_stroke;

#define FK_SYNTH_STROKES 48

typedef struct fk_synth_defect {
    fk_synth_kind kind;
    double x, y, size; /* dent, stain, missing hole: centre and radius */
    double strength;   /* 0.35 to 1.1 */
    int hole;          /* the missing one */
    int strokes;
    fk_synth_stroke stroke[FK_SYNTH_STROKES];
    double left, top, right, bottom; /* nothing outside this box is touched */
    uint64_t texture;
} fk_synth_defect;

/* What the part shows at one point. */
typedef struct fk_synth_surface {
    double level; /* of light */
    double metal; /* 1 metal, 0 bench: which colour the light takes */
    double solid; /* 1 where there is a metal surface that can be damaged, 0 in holes and outside */
} fk_synth_surface;

/* FLECK_E_OPTION where a size or number is out of range. */
fleck_status fk_synth_check(const fk_synth_settings *s, fleck_error *err) FLECK_MUST_CHECK;
/* The generator of picture `index` of a stream. */
void fk_synth_seed(fk_prng *g, uint64_t seed, int stream, int64_t index);

/* The part's position, light and texture in the picture that g stands for. */
void fk_synth_vary(fk_synth_part *p, int64_t width, int64_t height, fk_prng *g);
/* The surface at (u, v) of the part; `without` is a bolt hole that was forgotten, or -1. */
fk_synth_surface fk_synth_shade(const fk_synth_part *p, double u, double v, int without);
/* Centre of bolt hole i. */
void fk_synth_bolt(int i, double *x, double *y);
/* Distance of (x, y) from the rim of the nearest hole, negative inside one. */
double fk_synth_clearance(double x, double y);
/* Radius to which a bolt hole with its countersink reaches. */
double fk_synth_bolt_reach(void);

/* A defect of this kind, somewhere on the part where it can be. */
void fk_synth_plan(fk_synth_defect *d, const fk_synth_part *p, fk_synth_kind kind, fk_prng *g);
/* Change the surface at (u, v) and its colour (factors a channel) as d demands; whether d is there
 * at all: what is below an eighth of a pixel's area does not count and changes nothing. */
bool fk_synth_damage(const fk_synth_defect *d, const fk_synth_part *p, double u, double v,
                     fk_synth_surface *s, double colour[3]);

/* Paint the picture [height, width, 3], and the mask [height, width] where it is not NULL; d may be
 * NULL.  A pixel is 255 in the mask where d touches it, and only there do pictures with and without
 * d differ. */
void fk_synth_paint(uint8_t *rgb, uint8_t *mask, const fk_synth_part *p, const fk_synth_defect *d);

#endif
