/* Fitting: from settings and images to a model. */
#ifndef FK_FIT_FIT_H
#define FK_FIT_FIT_H

#include "dataset/dataset.h"
#include "run/output.h"
#include "run/source.h"
#include "fit/settings.h"

/* Everything of m that the settings decide: backbone, weights, preprocessing, taps, embedding,
 * method and an empty state.  m is zeroed before. */
fleck_status fk_fit_plan(fk_model *m, const fleck_fit_settings *s,
                         fleck_error *err) FLECK_MUST_CHECK;

/* The same but for the state, which may be large: to see what a fit would need.  No memory but
 * small tables and the weights is taken. */
fleck_status fk_fit_describe(fk_model *m, const fleck_fit_settings *s,
                             fleck_error *err) FLECK_MUST_CHECK;

/* Set m's mask from the settings' mask and areas; width x height is the first image's size, 0 where
 * that is not known.  fk_fit_plan() and fk_fit_describe() do so where there are neither ignore nor
 * only. */
fleck_status fk_fit_areas(fk_model *m, const fleck_fit_settings *s, int64_t width, int64_t height,
                          fleck_error *err) FLECK_MUST_CHECK;

/* Tell m's method how much memory it may take while it learns `images` images with `threads`
 * threads, from settings->max_memory and what the process takes by now; `later` bytes will be taken
 * beside it.
 *   FLECK_E_LIMIT        less than the method needs; says how much the whole fit does
 *   FLECK_E_UNSUPPORTED  there is a limit, and the method knows none */
fleck_status fk_fit_limit(fk_model *m, const fleck_fit_settings *s, int64_t images, int threads,
                          int64_t later, fleck_error *err) FLECK_MUST_CHECK;

/* Shapes and method of a model of like's backbone with settings s, without weights: to ask the
 * method what it would need.  To be freed.  FLECK_E_UNSUPPORTED for a backbone of the user's. */
fleck_status fk_fit_outline(fk_model *out, const fk_model *like, const fleck_fit_settings *s,
                            fleck_error *err) FLECK_MUST_CHECK;
/* Add to err's message which other settings would bring the fit of m, which takes `others` bytes
 * beside its method's `least`, down to `allowed` bytes, and about what it would then take. */
void fk_fit_advise(fleck_error *err, const fk_model *m, const fleck_fit_settings *s, int64_t images,
                   int threads, int64_t others, int64_t least, int64_t allowed);

/* The same where memory was short and what is needed is not known: what was at work, and what needs
 * less; of the network alone where it was that which found none. */
void fk_fit_advise_short(fleck_error *err, const fk_model *m, const fleck_fit_settings *s,
                         int threads, bool network);

/* Whether width and height are to follow from the shape of the images. */
bool fk_fit_shapes(const fleck_fit_settings *s);
/* Let them: from long_side, or pixels, and the median shape of the n files, NULL for a stream's
 * images, which become square; nothing is cropped. */
fleck_status fk_fit_shape(fleck_fit_settings *s, const char *const *files, int64_t n,
                          fleck_error *err) FLECK_MUST_CHECK;

/* Refuse tiles that reach beyond every picture: of m's, which are width x height; of images that
 * keep their own size, before anything is compiled for them.  FLECK_E_OPTION names the largest that
 * makes sense. */
fleck_status fk_fit_check_tile(const fk_model *m, int64_t width, int64_t height,
                               fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_fit_check_tiles(const fleck_fit_settings *s, const char *const *files, int64_t n,
                                fleck_error *err) FLECK_MUST_CHECK;

/* The window of wide samples, see fk_image_settings; high 0: all of 16 bits. */
typedef struct fk_wide_window {
    uint32_t low, high;
} fk_wide_window;

/* What text says, "LO,HI"; `found` for NULL and "auto". */
fleck_status fk_fit_window(fk_wide_window *out, const char *text, fk_wide_window found,
                           fleck_error *err) FLECK_MUST_CHECK;

/* Check that all n files can be read, by their headers or wholly, on all threads.  masks: NULL, or
 * [n]. contents: NULL, or [n] that get the digests of the files' bytes.
 * With skip_bad those that cannot are told as warnings and taken out of all three, and *n shrinks.
 * Else they are the error, which gives their number and the first; several are told as warnings.
 * *window is what s->window says, or for "auto" the smallest of 8, 10, 12, 14 and 16 bits that
 * holds the wide samples of all files, for which those are decoded. */
fleck_status fk_fit_check_files(const char **files, const char **masks, fk_digest *contents,
                                int64_t *n, bool whole, const fleck_fit_settings *s,
                                fk_wide_window *window, fleck_error *err) FLECK_MUST_CHECK;

/* FLECK_E_STATE where an output is a file that a fit reads beside its images. */
fleck_status fk_fit_apart(const fk_outputs *o, const fleck_fit_settings *s,
                          fleck_error *err) FLECK_MUST_CHECK;

/* Learn the source's images, finish, and calibrate.  They are learned in order; where the method is
 * FK_METHOD_ORDERED and the source knows their contents, in the order of these.  Folds, and which
 * of them calibrate and check, follow the source's own order. r runs m; unless the images are tiled
 * it rests afterwards (fk_runner_rest()).  The model does not depend on
 * r's threads. */
fleck_status fk_fit_run(fk_model *m, fk_runner *r, fk_source *source, const fleck_fit_settings *s,
                        fleck_times *times, fleck_error *err) FLECK_MUST_CHECK;

/* Let m run on the engine called name, or for NULL the fastest for its network and precision. */
fleck_status fk_pick_engine(fk_model *m, const char *name, fleck_error *err) FLECK_MUST_CHECK;

#endif
