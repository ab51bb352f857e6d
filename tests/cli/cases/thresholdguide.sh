# SPDX-License-Identifier: Apache-2.0
# Every command of docs/guide/thresholds.md, on sample images in the places that it names.
fleck synth sample --size 64 --train 60 --good 6 --defective 3 >/dev/null
fleck synth tuesday --size 64 --train 12 --good 1 --defective 1 --seed 5 >/dev/null
mkdir photos photos/good photos/new labelled
for f in sample/train/good/*; do mv "$f" "photos/good/2026-03-02_${f##*/}"; done
mv tuesday/train/good photos/tuesday
cp sample/test/good/* photos/new
mv sample/test sample/ground_truth labelled
sed -n 's/^    \(fleck .*\)/\1/p' "$SOURCE/docs/guide/thresholds.md" >commands
while read -r line; do
    echo "\$ $line"
    sh -c "$line" >out 2>err </dev/null
    echo "exit $?"
    # What tells that it did what the guide says: rules and promises, without scores.
    grep -o -e 'at most [0-9.]* % of parts like [a-z -]*are rejected' -e 'set by hand' \
        -e 'chosen [a-z ]*' -e 'of [0-9]* other good' out
    grep -o 'verdicts at [a-z'\'' ]*threshold\|in hindsight' out
    grep -v ' images: .* images/s' err
done <commands
