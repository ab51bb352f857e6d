# SPDX-License-Identifier: Apache-2.0
# Which parts are shown, copied, and what the exit code says of them.
cp -r "$S" s
fleck predict "$M" s/test 2>/dev/null >all.txt
# Two parts are above T.
T=$(cut -f 2 all.txt | sort -gr | awk 'NR == 2 { a = $1 } NR == 3 { print (a + $1) / 2 }')
N=$(wc -l <all.txt)
sort -t "$(printf '\t')" -k 2gr all.txt | head -n 2 | cut -f 1 | sort >worst.txt
try() {
    fleck predict "$M" "$@" >out.txt 2>err.txt
    code=$?
    sed 's/, [0-9.]* images.*//' err.txt |
        sed "s/ $N images/ ALL images/; s/ $((N - 2)) good/ REST good/"
    echo "exit $code"
}
echo "- shown"
try s/test --threshold "$T" --show all
wc -l <out.txt | sed "s/^$N$/ALL/"
try s/test --threshold "$T" --show defective
cut -f 1,3 out.txt | sed 's/\t/ /' | sort | sed 's/ defective//' | cmp - worst.txt && echo "the two"
try s/test --threshold "$T" --show defective --json --csv d.csv -o o --maps npy
grep -c '"defective":true' out.txt
grep -c . d.csv
find o -type f | sed 's#^o/##; s/\.png$//; s/\.png\.npy$/.png/' | sort | uniq | cmp - worst.txt &&
    echo "two parts' files"
find o -type f | wc -l
echo "no image" >bad.png
try bad.png s/test --threshold "$T" --show defective --json
grep -c '"error"' out.txt
try s/test --show good
try s/test --pool top:1 --show defective
echo "- copies"
find s -type f -exec cksum {} + | sort >before
try s/test --threshold "$T" --copy-defective c
(cd c && find . -type f | sed 's#^\./##' | sort) | cmp - worst.txt && echo "the two"
while read -r path; do cmp "$path" "c/$path"; done <worst.txt
mkdir -p deep/in
(cd deep/in && fleck predict "$M" ../../s/test --threshold "$T" --copy-defective ../../up) \
    >/dev/null 2>&1
find up -type f | sed 's#up/%up/%up/##' | sort | cmp - worst.txt && echo "from below, too"
try s/test --threshold "$T" --copy-defective c # the same again
try s --threshold 1e9 --copy-defective s/kept  # a folder that is searched, but for the copies
first=$(head -n 1 worst.txt)
cp s/test/good/000.png "c/$first"
printf other >>"c/$first"
try s/test --threshold "$T" --copy-defective c | sed "s#$first#FIRST#g"
grep -q other "c/$first" && echo "unchanged"
try s/test --threshold "$T" --copy-defective c --overwrite
cmp "$first" "c/$first" && echo "replaced"
try s/test/good --threshold "$T" --copy-defective s/test/good
try s/test --threshold "$T" --copy-defective same -o same
try s/test --threshold "$T" --copy-defective "$M"
rm -r c
mkdir -p "c/$(dirname "$first")"
ln -s "$PWD/s/train/good/000.png" "c/$first"
try s/test --threshold "$T" --copy-defective c | sed "s#$first#FIRST#g"
ln -sf "$PWD/$first" "c/$first"
try s/test --threshold "$T" --copy-defective c --overwrite | sed "s#$first#FIRST#g"
rm -r c
mkdir c
ln -s "$PWD/s" c/s
try s/test --threshold "$T" --copy-defective c --overwrite | sed 's#s/test/.*is not#IMAGE is not#'
try s/test --pool top:1 --copy-defective c
find s -type f -exec cksum {} + | sort | cmp before - && echo "nothing lost"
echo "- exit codes"
try s/test --threshold "$T" --fail-on-defect
try s/test --threshold 1e9 --fail-on-defect
try bad.png s/test --threshold "$T" --fail-on-defect
find s/test -name '*.png' | fleck predict "$M" - --threshold "$T" --fail-on-defect >/dev/null 2>&1
echo "exit $?"
try s/test --pool top:1 --fail-on-defect
fleck --help | grep 'Exit codes' -A 1
