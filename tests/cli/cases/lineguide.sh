# SPDX-License-Identifier: Apache-2.0
# Every command of docs/guide/at-the-line.md, on few sample images in the places that it names;
# those of the service are in serveguide.sh.
mkdir photos line
fleck synth today --seed 5 --train 12 --good 1 --defective 1 >/dev/null
mv today/train/good photos/today
cp -r "$S/test/scratch" photos/new
cp "$M" part.fleck
sed -n 's/^    \(fleck .*\)/\1/p' "$SOURCE/docs/guide/at-the-line.md" |
    grep -v '^fleck serve ' >commands
while read -r line; do
    echo "\$ $line"
    # Paths for the command that reads them.
    find photos/new -name '*.png' | sh -c "$line" >said 2>errors
    echo "exit $?"
    grep -o 'its checksum is right\|^{"path":"[^"]*"\|defective$\|of [0-9]* other good' said
    grep 'warning' errors
done <commands
head -n 1 results.csv
head -n 1 results-regions.csv
find again -type f
grep -c '<img' page.html
