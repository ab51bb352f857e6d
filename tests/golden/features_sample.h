/* SPDX-License-Identifier: Apache-2.0 */
/* Made by features_sample.py under CPython 3.11.7. */
static const struct {
    uint64_t seed;
    int64_t n, k, first, last;
    uint64_t checksum;
} draws[] = {
    {1024ull, 448, 100, 408, 48, 0x9f51cae440eb3c8bull},
    {1024ull, 1792, 550, 1632, 1284, 0x3b075a43066d0d9bull},
    {1024ull, 176, 100, 4, 80, 0x233347a3b182b3d3ull},
    {0ull, 10, 10, 6, 7, 0xa121feb4c006b1e4ull},
    {1ull, 1000000, 40, 140891, 23406, 0x072ac4278341447bull},
    {4294967295ull, 5000, 3, 1664, 4975, 0x30bed7f2778971d3ull},
    {1099511627783ull, 300, 30, 292, 178, 0x9be09ecfd2af59d9ull},
    {7ull, 1046, 100, 663, 570, 0x54333551725c163eull},
    {7ull, 1045, 100, 663, 1042, 0xe62bcfd2551605ffull},
};
