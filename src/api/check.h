/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the arguments of public functions, made before anything else. */
#ifndef FK_API_CHECK_H
#define FK_API_CHECK_H

#include "fleck_tools.h"
#include "base/error.h"

/* Return FLECK_E_OPTION from the calling function if the argument is NULL. */
#define FK_NEED(argument)                                                                          \
    do {                                                                                           \
        if ((argument) == NULL)                                                                    \
            return fk_error_set(err, FLECK_E_OPTION, "%s: %s must not be NULL", __func__,          \
                                #argument);                                                        \
    } while (0)

/* Write defaults into a caller's struct, which may be that of an older or a newer header. */
void fk_hand_defaults(void *theirs, size_t their_size, const void *mine, size_t size);
/* Copy a caller's settings over the defaults in *mine.  They are NULL, or a struct of this, an
 * older or a newer header; where: name of the public function, for messages.
 *   FLECK_E_OPTION       the struct does not begin with a valid size
 *   FLECK_E_UNSUPPORTED  a member that only a newer header has is set */
fleck_status fk_take(void *mine, size_t size, const void *theirs, const char *where,
                     fleck_error *err) FLECK_MUST_CHECK;
#define FK_TAKE(mine, theirs) FK_DO(fk_take(mine, sizeof *(mine), theirs, __func__, err))

/* Each returns FLECK_E_OPTION, with a message that names the function `where` and the fault. */
fleck_status fk_check_files(const char *const *files, int64_t n, const char *where,
                            fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_check_threads(int threads, const char *where, fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_check_measure(fleck_protocol protocol, double pro_limit, const char *where,
                              fleck_error *err) FLECK_MUST_CHECK;
/* Also FLECK_E_SHAPE, if it cannot be a result of this model. */
fleck_status fk_check_own(const fleck_model *model, const fleck_result *result, const char *where,
                          fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_check_regions(const fleck_region_settings *settings, const char *where,
                              fleck_error *err) FLECK_MUST_CHECK;

#endif
