# SPDX-License-Identifier: Apache-2.0
"""Writes metric_delong.h: DeLong's test by its definition, every pair of a defective and a good
item compared.

The data come from a hash that the C test computes too, so only figures are stored.
Run it in this folder: python3 metric_delong.py > metric_delong.h && clang-format -i metric_delong.h
"""

import sys

import numpy as np
import scipy
import sklearn
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from hashed import hashed


# seed, items, values that a score can have (few: many ties), how much b adds for a defective item
CASES = [(1, 12, 5, 1), (2, 83, 1000, 250), (3, 83, 12, 0), (4, 500, 1000000, 400000),
         (5, 40, 3, 2)]


def data(seed, n, values, lift):
    labels = np.array([hashed(seed, 3 * i) % 3 != 0 for i in range(n)])
    a = np.array([hashed(seed, 3 * i + 1) % values for i in range(n)], float)
    a = a + labels * (values // 3)
    b = np.array([hashed(seed, 3 * i + 2) % values for i in range(n)], float)
    b = b + labels * lift + a / 2
    return labels, a, b


def placements(labels, scores):
    """Shares of pairs that each defective and each good item wins."""
    x, y = scores[labels], scores[~labels]
    won = (x[:, None] > y[None, :]) + 0.5 * (x[:, None] == y[None, :])
    return won.mean(axis=1), won.mean(axis=0)


print("/* Made by metric_delong.py; NumPy %s, SciPy %s, scikit-learn %s, Python %s. */"
      % (np.__version__, scipy.__version__, sklearn.__version__, sys.version.split()[0]))
print("static const struct golden_delong { int seed, n, values, lift; "
      "double a, b, var_a, var_b, cov, z, p; }")
print("golden_delongs[] = {")
for seed, n, values, lift in CASES:
    labels, a, b = data(seed, n, values, lift)
    (va, wa), (vb, wb) = placements(labels, a), placements(labels, b)
    assert abs(va.mean() - roc_auc_score(labels, a)) < 1e-12
    assert abs(vb.mean() - roc_auc_score(labels, b)) < 1e-12
    s = np.cov([va, vb]) / len(va) + np.cov([wa, wb]) / len(wa)
    z = (vb.mean() - va.mean()) / np.sqrt(s[0, 0] + s[1, 1] - 2 * s[0, 1])
    print("{%d, %d, %d, %d, %r, %r, %r, %r, %r, %r, %r}," % ((seed, n, values, lift) + tuple(
        float(v) for v in (va.mean(), vb.mean(), s[0, 0], s[1, 1], s[0, 1], z,
                           2 * norm.sf(abs(z))))))
print("};")
