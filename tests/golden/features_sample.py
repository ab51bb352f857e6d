# SPDX-License-Identifier: Apache-2.0
"""Writes features_sample.h: what CPython's random.sample draws, for
tests/unit/features/test_sample.c."""
import platform
import random

CASES = [  # seed, n, k: both ways of sample(), seeds of one and two words
    (1024, 448, 100), (1024, 1792, 550), (1024, 176, 100), (0, 10, 10), (1, 1000000, 40),
    (2**32 - 1, 5000, 3), (2**40 + 7, 300, 30), (7, 1046, 100), (7, 1045, 100),
]

def checksum(values):
    """FNV-1a over the values as 8 little-endian bytes each."""
    h = 0xCBF29CE484222325
    for v in values:
        for b in v.to_bytes(8, "little"):
            h = (h ^ b) * 0x100000001B3 % 2**64
    return h

rows = []
for seed, n, k in CASES:
    random.seed(seed)
    draw = random.sample(range(n), k)
    rows.append(f"    {{{seed}ull, {n}, {k}, {draw[0]}, {draw[-1]}, 0x{checksum(draw):016x}ull}},")
with open("features_sample.h", "w") as f:
    f.write("/* SPDX-License-Identifier: Apache-2.0 */\n")
    f.write(f"/* Made by features_sample.py under {platform.python_implementation()} "
            f"{platform.python_version()}. */\n")
    f.write("static const struct {\n    uint64_t seed;\n    int64_t n, k, first, last;\n"
            "    uint64_t checksum;\n} draws[] = {\n" + "\n".join(rows) + "\n};\n")
