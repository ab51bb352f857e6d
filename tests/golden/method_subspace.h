/* SPDX-License-Identifier: Apache-2.0 */
/* Subspace in double on hashed data, written by method_subspace.py.
 * Python 3.11.7, NumPy 2.4.6. */
#ifndef GOLDEN_METHOD_SUBSPACE_H
#define GOLDEN_METHOD_SUBSPACE_H

enum {
    SUBSPACE_N = 6,
    SUBSPACE_HEIGHT = 4,
    SUBSPACE_WIDTH = 5,
    SUBSPACE_DIM = 9,
    SUBSPACE_COUNT = 6
};
/* Variances of the components that hold 0.7 of the variance; images 100, 101, .. */
static const double subspace_values[6] = {0.1102979758745021,  0.09954820647362987,
                                          0.09566287272862146, 0.08534502688331769,
                                          0.08266806973105582, 0.0704423798321102};
/* Squared errors of the image with seed 200, and the mean of its highest 3 of 20 */
static const double subspace_new[20] = {
    0.28315968159108895,  0.15351742179513986, 0.03177554085303445,  0.132484030588042,
    0.33181950525234116,  0.38663943139015794, 0.058854498289146344, 0.3675815869511029,
    0.5048769451452143,   0.12733931986927804, 0.18444890922284132,  0.1764859889831492,
    0.1183015084087913,   0.25525019335157845, 0.05802636421804873,  0.35214556638750427,
    0.040089384014033384, 0.4213592916983403,  0.2562893893908434,   0.6061775933894493};
static const double subspace_top15[1] = {0.510804610077668};

#endif
