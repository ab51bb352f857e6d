/* SPDX-License-Identifier: Apache-2.0 */
/* MH-PatchCore in double on hashed data, written by method_mhpatchcore.py.
 * Python 3.11.7, NumPy 2.4.6. */
#ifndef GOLDEN_METHOD_MHPATCHCORE_H
#define GOLDEN_METHOD_MHPATCHCORE_H

enum { MH_N = 6, MH_HEIGHT = 4, MH_WIDTH = 5, MH_DIM = 9 };
/* Distances of the image with seed 200 to all patches; its largest, and that weighted by 4 */
static const double mh_new[20] = {
    1.594290254324244,  0.9435156632354287, 1.5184490798492343, 1.4966899541425334,
    1.8591274493716876, 1.6355470827868461, 1.0974768700507878, 1.283007789029788,
    1.0762478030616636, 0.6371472487539386, 1.2563717967842911, 1.3133859780810597,
    1.1172009734835116, 1.3413282116104572, 1.4509995836030736, 1.4937043374977623,
    1.9589196696320144, 1.2863117630300285, 0.6555232744460896, 1.2477228096745698};
static const double mh_largest[1] = {1.9589196696320144};
static const double mh_weighted[1] = {1.702149525291936};

#endif
