/* A deterministic, licence-free sample category in MVTec AD layout. */
#ifndef FK_SYNTH_SYNTH_H
#define FK_SYNTH_SYNTH_H

#include "image/image.h"

typedef struct fk_synth_settings {
    int64_t width, height;          /* of each image, at least 64 */
    int64_t train, good, defective; /* images: train/good, test/good, and for each defect type */
    uint64_t seed;
} fk_synth_settings;

/* Number of defect types and their folder names ("scratch", ...). */
int fk_synth_defects(void);
const char *fk_synth_defect_name(int i);

/* Draw image number `index` of stream `stream` (0 train, 1 test good, 2 + defect): RGB, and for a
 * defect its mask (grey 0/255; mask may be NULL).  The same bytes on every machine: integer and + -
 * * / sqrt arithmetic only. */
fleck_status fk_synth_draw(fk_image *out, fk_image *mask, const fk_synth_settings *s, int stream,
                           int64_t index, fleck_error *err) FLECK_MUST_CHECK;

/* Write the whole category under folder (made if needed; a non-empty folder is refused). */
fleck_status fk_synth_write(const char *folder, const fk_synth_settings *s,
                            fleck_error *err) FLECK_MUST_CHECK;

#endif
