/* SPDX-License-Identifier: Apache-2.0 */
/* Fitting: from settings and images to a model. */
#ifndef FK_FIT_FIT_H
#define FK_FIT_FIT_H

#include "dataset/dataset.h"
#include "run/output.h"
#include "run/source.h"
#include "fit/settings.h"

/* Set everything in m, which is zeroed, that the settings decide: backbone, weights, preprocessing,
 * taps, embedding, method and an empty state. */
fleck_status fk_fit_plan(fk_model *m, const fleck_settings *s, fleck_error *err) FLECK_MUST_CHECK;

/* The same without the state, which may be large: to see what a fit would need.  It allocates only
 * small tables and the weights. */
fleck_status fk_fit_describe(fk_model *m, const fleck_settings *s,
                             fleck_error *err) FLECK_MUST_CHECK;

/* Set m's mask from the settings' mask and areas; width x height is the first image's size, 0: not
 * known.  fk_fit_plan() and fk_fit_describe() do so if there is neither ignore nor only. */
fleck_status fk_fit_areas(fk_model *m, const fleck_settings *s, int64_t width, int64_t height,
                          fleck_error *err) FLECK_MUST_CHECK;

/* Set the memory limit of m's method for learning `images` images with `threads` threads: the
 * setting max_memory without the memory in use now and without `later` bytes that the fit itself
 * will use.
 *   FLECK_E_LIMIT        the method needs more; says how much the whole fit needs
 *   FLECK_E_UNSUPPORTED  max_memory is set, and the method keeps to no limit */
fleck_status fk_fit_limit(fk_model *m, const fleck_settings *s, int64_t images, int threads,
                          int64_t later, fleck_error *err) FLECK_MUST_CHECK;

/* Make a model of like's networks with settings s that has shapes and method but no weights: to ask
 * the method what it would need.  The caller frees it.  FLECK_E_UNSUPPORTED: the backbone is an
 * ONNX file. */
fleck_status fk_fit_outline(fk_model *out, const fk_model *like, const fleck_settings *s,
                            fleck_error *err) FLECK_MUST_CHECK;
/* Add to err's message which other settings would bring the fit of m down to `allowed` bytes, and
 * about how much it would then need.  The method needs `least` bytes, the rest `others`. */
void fk_fit_advise(fleck_error *err, const fk_model *m, const fleck_settings *s, int64_t images,
                   int threads, int64_t others, int64_t least, int64_t allowed);

/* The same after an allocation failed, when the needed bytes are not known: which fit it was, and
 * which settings need less memory.  network: it failed while the network was opened. */
void fk_fit_advise_short(fleck_error *err, const fk_model *m, const fleck_settings *s, int threads,
                         bool network);

/* Whether width and height follow from the shape of the images. */
bool fk_fit_shapes(const fleck_settings *s);
/* Set width and height from long_side or pixels, and the shape that most of the n files have.
 * files NULL: a stream, whose images become square.  Nothing is cropped. */
fleck_status fk_fit_shape(fleck_settings *s, const char *const *files, int64_t n,
                          fleck_error *err) FLECK_MUST_CHECK;

/* Refuse m's tiles if they are larger than images of width x height.  FLECK_E_OPTION names the
 * largest useful tile. */
fleck_status fk_fit_check_tile(const fk_model *m, int64_t width, int64_t height,
                               fleck_error *err) FLECK_MUST_CHECK;
/* Refuse tiles that are larger than all n files, if images keep their own size.  It is called
 * before the network is compiled. */
fleck_status fk_fit_check_tiles(const fleck_settings *s, const char *const *files, int64_t n,
                                fleck_error *err) FLECK_MUST_CHECK;

/* The window of 16-bit samples, see fk_image_settings; high 0: all values. */
typedef struct fk_wide_window {
    uint32_t low, high;
} fk_wide_window;

/* Parse text, "LO,HI"; NULL and "auto" give `found`. */
fleck_status fk_fit_window(fk_wide_window *out, const char *text, fk_wide_window found,
                           fleck_error *err) FLECK_MUST_CHECK;

/* Check on all threads that the n files can be read, by their headers, or (whole) by decoding them.
 * masks: NULL, or [n].  contents: NULL, or [n] that get the digests of the files' bytes.
 * With skip_bad, bad files give warnings and are removed from all three arrays, and *n is reduced.
 * Else they are an error that says how many there are and names the first; if there are several,
 * each gives a warning.
 * *window is that of s->window, or for "auto" the smallest of 8, 10, 12, 14 and 16 bits that holds
 * all 16-bit samples; such files are decoded for it. */
fleck_status fk_fit_check_files(const char **files, const char **masks, fk_digest *contents,
                                int64_t *n, bool whole, const fleck_settings *s,
                                fk_wide_window *window, fleck_error *err) FLECK_MUST_CHECK;

/* FLECK_E_STATE where an output is a file that a fit reads beside its images. */
fleck_status fk_fit_apart(const fk_outputs *o, const fleck_settings *s,
                          fleck_error *err) FLECK_MUST_CHECK;

/* Learn the source's images, finish, and calibrate.  Images are learned in the source's order, but
 * in the order of their contents if the method is FK_METHOD_ORDERED and the source knows them.
 * Folds, held-out images and check images follow the source's order.  r runs m; unless the images
 * are tiled it rests afterwards (fk_runner_rest()).  The model does not depend on the number of
 * threads. */
fleck_status fk_fit_run(fk_model *m, fk_runner *r, fk_source *source, const fleck_settings *s,
                        fleck_times *times, fleck_error *err) FLECK_MUST_CHECK;

/* Select the engine of m's networks by name; NULL: the fastest for each and the precision. */
fleck_status fk_pick_engine(fk_model *m, const char *name, fleck_error *err) FLECK_MUST_CHECK;

#endif
