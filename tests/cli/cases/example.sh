# SPDX-License-Identifier: Apache-2.0
# The example program: fits, saves, opens, scores, with nothing but fleck.h and the shared library.
score_one
echo "exit $?"
score_one "$S/train/good" part.fleck "$S/test/good/000.png" "$FLECK_HOME" |
    sed 's/score [0-9.]*, threshold [0-9.]*/score N, threshold N/'
score_one "$S/train/good" part.fleck nosuch.png "$FLECK_HOME"
echo "exit $?"
