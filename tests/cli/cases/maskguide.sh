# SPDX-License-Identifier: Apache-2.0
# Every command of docs/guide/masks-and-tiles.md, on few sample images in the places that it names.
fleck synth sample --train 10 --good 1 --defective 1 >/dev/null
mkdir photos
mv sample/train/good photos/good
mv sample/test/scratch photos/new
mv sample/ground_truth/scratch/000_mask.png mask.png
sed -n 's/^    \(fleck .*\)/\1/p' "$SOURCE/docs/guide/masks-and-tiles.md" >commands
while read -r line; do
    echo "\$ $line"
    sh -c "$line" >said 2>errors </dev/null
    echo "exit $?"
    grep -o -e '.* of the photo is ignored' -e 'foreground, which alone counts' \
        -e '^ *foreground' -e '^ *left out .*' -e '^ *input .*' said
    grep 'warning' errors
done <commands
find out out-tiles -name '*.png' | sort
for model in larger longer tiles; do
    fleck info $model.fleck | grep '^  input'
done
