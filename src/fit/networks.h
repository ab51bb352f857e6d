/* SPDX-License-Identifier: Apache-2.0 */
/* The networks of a fit: from the settings' names to a model's networks and taps. */
#ifndef FK_FIT_NETWORKS_H
#define FK_FIT_NETWORKS_H

#include "fit/settings.h"
#include "model/model.h"

/* The sides of the input of the networks that `backbone` names (NULL: of an unknown network) should
 * be multiples of this: of the stride of each one's last stage, or of its patch size if all taps
 * have the same stride.  Where strides share so little that few sizes would be left, it is the
 * least multiple that all networks accept. */
int64_t fk_networks_multiple(const char *backbone);

/* The file that s names for the weights of network k of n; *out NULL: the installed one.  The files
 * of several networks are separated by commas; an empty one stands for the installed file.
 * fk_free(*out).  FLECK_E_OPTION: not n files. */
fleck_status fk_networks_weights(char **out, const fleck_settings *s, int k, int n,
                                 fleck_error *err) FLECK_MUST_CHECK;

/* Set net's mean and scale by its architecture (NULL: unknown, ImageNet's) and the setting
 * "normalisation", and its gain to 1. */
void fk_networks_normalise(fk_model_net *net, const char *name);
/* Set m's networks, their weights, engines and normalisation. */
fleck_status fk_networks_open(fk_model *m, const fleck_settings *s,
                              fleck_error *err) FLECK_MUST_CHECK;
/* Give m the networks of `like`, but no weights. */
fleck_status fk_networks_outline(fk_model *m, const fk_model *like,
                                 fleck_error *err) FLECK_MUST_CHECK;
/* Set m's taps, of the names in text or (NULL) those that the method uses of each network, and
 * their shapes.  A tap of joined networks is named NETWORK/TAP, or TAP if only one of them has it.
 * FLECK_E_OPTION: an unknown tap; one of several networks; a network of which no tap is used. */
fleck_status fk_networks_taps(fk_model *m, const char *text, fleck_error *err) FLECK_MUST_CHECK;

#endif
