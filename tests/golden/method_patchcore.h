/* SPDX-License-Identifier: Apache-2.0 */
/* PatchCore on hashed embeddings in NumPy, written by method_patchcore.py.
 * Python 3.11.7, NumPy 2.4.6. */
#ifndef GOLDEN_METHOD_PATCHCORE_H
#define GOLDEN_METHOD_PATCHCORE_H

#include <stdint.h>

enum {
    CORE_N = 6,
    CORE_HEIGHT = 3,
    CORE_WIDTH = 4,
    CORE_DIM = 7,
    CORE_KEEP = 14,
    CORE_NEIGHBOURS = 5
};

/* Images 100 .. 100 + CORE_N - 1 are learned; the choice begins with seed 3. */
static const int64_t core_chosen[14] = {14, 24, 68, 13, 55, 39, 63, 51, 41, 50, 33, 43, 7, 61};
/* Distances, score and score by equation 7 of image 200, and of image 101 left out. */
static const double core_new[12] = {0.86852117457599021, 0.67595050004129431, 0.72011608738964861,
                                    0.57742471242435944, 0.65606410200924925, 0.58565806507499607,
                                    0.54433502416919721, 0.70227186897838834, 0.65402411571437902,
                                    0.57542212533021253, 0.77428972125552664, 0.84432906870312663};
static const double core_new_scores[2] = {0.86852117457599021, 0.72894179457972019};
static const double core_left_out[12] = {
    0.63517200474016311, 0.92457236618271865, 1.0750402058486224,  0.53650649589048349,
    0.45631468134412817, 0.72076381161280545, 0.78072785423770208, 0.70063551522566325,
    0.74407718308498305, 0.75580114575140056, 0.69926749849582448, 0.60932407385544918};
static const double core_left_out_scores[2] = {1.0750402058486224, 0.89531009993343336};

#endif
