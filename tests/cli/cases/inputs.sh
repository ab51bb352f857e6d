# SPDX-License-Identifier: Apache-2.0
# What is looked for in folders, what is skipped, and that neither happens without a word.
cp -r "$S" D
mkdir D/train/good/day2 D/test/scratch/rgb
mv D/train/good/00[3-7].png D/train/good/day2
echo "-- sub-folders:"
fleck fit D -o sub.fleck --size 64 | sed 's/threshold.*//' | sed -n 1p
fleck fit D -o all.fleck --size 64 --recursive | sed 's/threshold.*//' | sed -n 1p
echo "-- any ending, none, and formats that are not read:"
mkdir odd
cp "$S/test/good/000.png" odd/a.PNG
cp "$S/test/good/000.png" odd/b
cp "$S/test/good/000.png" odd/c.jfif
printf 'GIF89a' >odd/d.gif
printf 'RIFF....WEBPVP8 ' >odd/e
echo notes >odd/notes.txt
fleck predict "$M" odd | cut -f 1,3
echo "-- links and folders that cannot be followed:"
mkdir loop
cp "$S/test/good/000.png" loop
ln -s . loop/again
ln -s nowhere.png loop/zz.png
fleck predict "$M" loop | cut -f 1,3
fleck predict "$M" loop >/dev/null 2>&1
echo "exit $?"
fleck fit loop -o loop.fleck
echo "exit $?"
echo "-- all bad files of a fit are named, and left out when asked:"
mkdir bad good
cp "$S"/train/good/*.png bad
cp "$S"/train/good/*.png good
head -c 500 "$S/train/good/000.png" >bad/m.png
echo '<html>' >bad/n.jpg
: >bad/zz.png
ln -s nowhere bad/q.png
printf 'GIF89a' >bad/o.gif
fleck fit bad -o bad.fleck --size 64
echo "exit $?"
ls bad.fleck 2>&1
fleck fit bad -o bad.fleck --size 64 --skip-bad | sed 's/threshold.*//' | sed -n 1p
fleck fit good -o good.fleck --size 64 >/dev/null
fleck predict bad.fleck "$S/test" 2>/dev/null >a
fleck predict good.fleck "$S/test" 2>/dev/null >b
cmp a b && echo "the same scores as without them"
mkdir none
echo x >none/1.png
fleck fit none -o none.fleck --skip-bad
echo "exit $?"
echo "-- lists with zero bytes:"
find odd -name '[ab]*' -print0 | sort -z | fleck predict "$M" - -0 | cut -f 1,3
find odd -name '[ab]*' -print0 | sort -z | fleck predict "$M" -
echo "exit $?"
find odd -name '[ab]*' -print0 | sort -z | fleck predict "$M" - odd/a.PNG
echo "exit $?"
echo "-- outputs are never inputs:"
mkdir in
cp "$S/test/good/000.png" in
fleck predict "$M" in -o in/out 2>/dev/null | wc -l
fleck predict "$M" in -o in/out | wc -l
fleck predict "$M" in | wc -l
cp in/out/in/000.png.png in/heat.png
fleck predict "$M" in -o elsewhere | wc -l
