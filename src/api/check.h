/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of public functions are looked at before anything else. */
#ifndef FK_API_CHECK_H
#define FK_API_CHECK_H

#include "fleck_tools.h"
#include "base/error.h"

/* Leave the function with FLECK_E_OPTION where an argument that must be there is NULL. */
#define FK_NEED(argument)                                                                          \
    do {                                                                                           \
        if ((argument) == NULL)                                                                    \
            return fk_error_set(err, FLECK_E_OPTION, "%s: %s must not be NULL", __func__,          \
                                #argument);                                                        \
    } while (0)

/* Write defaults into a caller's struct, which may be of an older header or of a newer one. */
void fk_hand_defaults(void *theirs, size_t their_size, const void *mine, size_t size);
/* Take a caller's settings, NULL or a struct that may be of an older header or of a newer one, over
 * the defaults in *mine; where: the function.
 *   FLECK_E_OPTION       they do not begin with a size
 *   FLECK_E_UNSUPPORTED  a newer header's member is set */
fleck_status fk_take(void *mine, size_t size, const void *theirs, const char *where,
                     fleck_error *err) FLECK_MUST_CHECK;
#define FK_TAKE(mine, theirs) FK_DO(fk_take(mine, sizeof *(mine), theirs, __func__, err))

/* Each returns FLECK_E_OPTION and names the function `where` and what is wrong. */
fleck_status fk_check_files(const char *const *files, int64_t n, const char *where,
                            fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_check_threads(int threads, const char *where, fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_check_measure(fleck_protocol protocol, double pro_limit, const char *where,
                              fleck_error *err) FLECK_MUST_CHECK;
/* FLECK_E_SHAPE, too: what cannot be the result of any model. */
fleck_status fk_check_result(const fleck_result *result, const char *where,
                             fleck_error *err) FLECK_MUST_CHECK;
/* Likewise: what cannot be the result of model. */
fleck_status fk_check_own(const fleck_model *model, const fleck_result *result, const char *where,
                          fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_check_regions(const fleck_region_settings *settings, const char *where,
                              fleck_error *err) FLECK_MUST_CHECK;

#endif
