# SPDX-License-Identifier: Apache-2.0
# Masks that are missing, doubled, or belong to nothing.
cp -r "$S" C
rm C/ground_truth/dent/000_mask.png C/ground_truth/stain/000_mask.png
fleck eval "$M" C
echo "exit $?"
cp -r "$S" D
cp D/ground_truth/dent/000_mask.png D/ground_truth/dent/000.png
fleck eval "$M" D
echo "exit $?"
rm D/ground_truth/dent/000.png
cp D/ground_truth/dent/000_mask.png D/ground_truth/dent/077_mask.png
cp -r D/ground_truth/dent D/ground_truth/rust
fleck eval "$M" D >/dev/null
echo "exit $?"
echo "-- what masks hold"
# A grey picture of 256 x 256: black, but for a bar of $1 rows of the octal value $2 below one row
# of $3.
bar() {
    printf 'P5 256 256 255\n'
    head -c 256 /dev/zero | tr '\0' "\\$3"
    head -c $(($1 * 256)) /dev/zero | tr '\0' "\\$2"
    head -c $(((255 - $1) * 256)) /dev/zero
}
cp -r "$S" V
for type in crack dent missing_hole scratch stain; do
    rm V/ground_truth/$type/000_mask.png
done
bar 40 377 003 >V/ground_truth/crack/000_mask.pgm
bar 40 001 000 >V/ground_truth/dent/000_mask.pgm
bar 0 000 000 >V/ground_truth/missing_hole/000_mask.pgm
bar 200 377 377 >V/ground_truth/scratch/000_mask.pgm
bar 40 002 001 >V/ground_truth/stain/000_mask.pgm
fleck eval "$M" V >/dev/null
echo "exit $?"
for type in crack dent missing_hole scratch stain; do
    bar 0 000 000 >V/ground_truth/$type/000_mask.pgm
done
fleck eval "$M" V | sed -n 5,9p
fleck eval "$M" V --json 2>/dev/null | grep -A 3 undefined
rm -r V/test/[!g]*
fleck eval "$M" V 2>/dev/null | sed -n 7,9p
echo "-- test images in sub-folders, and of formats that are not read"
cp -r "$S" W
mkdir W/test/crack/rgb
mv W/test/crack/000.png W/test/crack/rgb
printf 'GIF89a' >W/test/good/a.gif
fleck eval "$M" W | sed -n '2p;9p'
fleck eval "$M" W --json | grep -A 3 '"passed"'
mkdir W/ground_truth/crack/rgb
mv W/ground_truth/crack/000_mask.png W/ground_truth/crack/rgb
fleck eval "$M" W --recursive | sed -n '2p;6,9p'
