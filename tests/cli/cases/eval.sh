# SPDX-License-Identifier: Apache-2.0
# What eval prints and how it takes damaged, missing and odd test sets.
fleck eval "$M" "$S" --json | grep -o '"[a-z_0-9]*":' | tr -d '\n'
echo
fleck eval "$M" "$S" --scores scores.csv >/dev/null
head -n 1 scores.csv
wc -l <scores.csv
cp -r "$S" odd
rm odd/ground_truth/crack/000_mask.png
fleck eval "$M" odd
echo "exit $?"
cp "$S/train/good/000.png" odd/ground_truth/crack/000_mask.png
fleck synth small --size 64 --train 1 --good 1 --defective 1 >/dev/null
cp small/ground_truth/crack/000_mask.png odd/ground_truth/crack/000_mask.png
fleck eval "$M" odd --json | grep '"failed"'
rm -r odd/ground_truth
fleck eval "$M" odd | grep -v ' s on '
head -c 500 "$S/test/good/001.png" >odd/test/good/001.png
fleck eval "$M" odd --json | grep '"failed"\|"good"'
# Only good images: no ranking exists, and JSON says null.
rm -r odd/test/[!g]*
fleck eval "$M" odd --json 2>/dev/null | grep auroc
