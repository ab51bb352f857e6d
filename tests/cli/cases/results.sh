# SPDX-License-Identifier: Apache-2.0
# Figures of every method on samples that the tool draws: a change of results is a change of this
# table.  Three digits are the same on all processors.
fleck synth parts --train 40 --good 10 --defective 5 >/dev/null
echo "method image-ROC-AUC pixel-ROC-AUC PRO found rejected"
for method in patchcore mhpatchcore padim subspace spade; do
    fleck fit parts -o m.fleck --overwrite -m $method --pixels 16384 >/dev/null 2>&1
    fleck eval m.fleck parts | awk -v method=$method '
        $1 == "image" { image = $2 }
        $1 == "pixel" { pixel = $2; pro = $5 }
        $1 == "verdicts" { sub(/.*threshold [^:]*: /, ""); found = $1 "/" $3
                           sub(/.*found, /, ""); rejected = $1 "/" $3 }
        END { printf "%s %.3f %.3f %.3f %s %s\n", method, image, pixel, pro, found, rejected }'
done
