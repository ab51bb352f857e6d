# SPDX-License-Identifier: Apache-2.0
# Every command of docs/guide/own-parts.md, on sample images in the places that it names.
fleck synth sample --train 36 --good 4 --defective 2 >/dev/null
mkdir photos labelled line
mv sample/train/good photos/good
cp -r sample/test/good photos/new
mv sample/test sample/ground_truth labelled
# As on a line that a model has been on for long.
fleck fit photos/good -o line/part.fleck -m padim >/dev/null
sed -n 's/^    \(fleck .*\)/\1/p' "$SOURCE/docs/guide/own-parts.md" >commands
while read -r line; do
    echo "\$ $line"
    sh -c "$line" >said 2>errors </dev/null
    echo "exit $?"
    # What tells that it did what the guide says: rules, promises and counts, without scores.
    grep -o -e '[0-9]* photos learned' \
        -e 'at most [0-9.]* % of parts like [a-z -]*are rejected' \
        -e '.* of the photo is ignored' said
    grep -o -e 'verdicts at [a-z'\'' ]*threshold' -e 'chosen [a-z ]*' -e '^image ROC-AUC' \
        -e '[0-9]* good and [0-9]* defective test images' said
    grep 'warning' errors
done <commands
find out missed -name '*.png' | sort | head -n 1
head -n 1 scores.csv
grep -c '<img' page.html
