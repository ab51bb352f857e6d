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
static const int64_t core_chosen[14] = {67, 51, 33, 39, 24, 50, 14, 6, 43, 65, 45, 64, 32, 17};
/* Distances, score and score by equation 7 of image 200, and of image 101 left out. */
static const double core_new[12] = {0.58879129755200355, 0.64645106626369131, 0.72011608738964861,
                                    0.56023800918537314, 0.68848609725199428, 0.58565806507499607,
                                    0.58084877320010986, 0.70227186897838834, 0.71312183850712862,
                                    0.57542212533021253, 0.70058354544115642, 0.84432906870312663};
static const double core_new_scores[2] = {0.84432906870312663, 0.70623526017215288};
static const double core_left_out[12] = {
    0.43978183062828935, 0.73431181980656468, 1.0393238255073853,  0.65919302443630123,
    0.76710682052734802, 0.85547376588944446, 0.61396278109727576, 0.70063551522566325,
    0.74407718308498305, 0.75580114575140056, 0.69299388155008657, 0.60932407385544918};
static const double core_left_out_scores[2] = {1.0393238255073853, 0.87371869942142322};

#endif
