/* SPDX-License-Identifier: Apache-2.0 */
/* A deterministic, licence-free sample category in MVTec AD layout. */
#ifndef FK_SYNTH_SYNTH_H
#define FK_SYNTH_SYNTH_H

#include "base/watch.h"
#include "image/image.h"

/* The part is a turned steel flange on a bench: six bolt holes, two dowel holes, a hub with a keyed
 * bore.  Images differ in its position by 2 pixels (for a side of 256, otherwise in proportion), in
 * its rotation by 1.5 degrees either way, and in lamp, brightness, hue and tool marks. */
typedef struct fk_synth_settings {
    int64_t width, height; /* of each image, at least 64; the part fills the shorter side */
    int64_t train, good, defective; /* images: train/good, test/good, each defect type */
    uint64_t seed;
    fk_watch *watch; /* NULL, or told of each image in stage "synth" */
} fk_synth_settings;

/* Number of defect types, and their folder names: scratch, dent, stain, crack, missing_hole. */
int fk_synth_defects(void);
const char *fk_synth_defect_name(int i);

/* Draw one image.
 *
 *   out     RGB, width x height
 *   mask    ground truth, grey, 0 and 255; may be NULL; all 0 for good parts.  255 where the
 *           defect touches the pixel: elsewhere the picture is what it would be without defect, to
 *           the last byte
 *   stream  0 train, 1 test good, 2 + i: with defect i
 *   index   the picture's number, from 0; pictures do not depend on how many are drawn
 *
 * The same bytes on every machine: integers, + - * /, square roots and floor only.  About 8 ms for
 * 256 x 256.  Errors: FLECK_E_OPTION for a size, stream or index out of range. */
fleck_status fk_synth_draw(fk_image *out, fk_image *mask, const fk_synth_settings *s, int stream,
                           int64_t index, fleck_error *err) FLECK_MUST_CHECK;

/* Write the category into folder, which is made if needed: train/good/000.png, test/good/000.png,
 * test/scratch/000.png, ground_truth/scratch/000_mask.png, ..., LICENSE.txt.  A folder that is not
 * empty is refused (FLECK_E_OPTION).  Each file appears complete or not at all; after a failure the
 * earlier ones stay. */
fleck_status fk_synth_write(const char *folder, const fk_synth_settings *s,
                            fleck_error *err) FLECK_MUST_CHECK;

#endif
