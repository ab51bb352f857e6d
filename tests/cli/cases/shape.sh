# SPDX-License-Identifier: Apache-2.0
# Size and shape: tiles of images that keep their size, the long side, masks of all images and of
# one.
fleck synth odd --size 500x333 --train 6 --good 2 --defective 1 >log || cat log
fleck fit odd -o tiles.fleck --tiles 128 --threads 1
fleck fit odd -o again.fleck --tiles 128 --threads 2 >log
cmp tiles.fleck again.fleck && echo "the same model on any number of threads"
fleck info tiles.fleck | grep -E 'learned|input|tiles'
fleck verify tiles.fleck | grep -c 'scores as when'
fleck predict tiles.fleck odd/test/good -o out --maps npy --no-pictures --threads 1 >one
fleck predict tiles.fleck odd/test/good -o out2 --maps npy --no-pictures --threads 2 >two
cmp one two && diff -r out out2 && echo "the same maps"
find out -name '*.npy' | sort | head -1 | xargs head -c 100 | tr -d '\0' |
    grep -ao 'shape.: ([0-9, ]*)'

echo "# one tile is no tile"
fleck fit odd -o a.fleck --size 128x128 >log
fleck fit odd -o b.fleck --size 128x128 --tiles 128 >log
fleck predict a.fleck odd/test/good >a
fleck predict b.fleck odd/test/good >b
cmp a b && echo "the same scores"

echo "# the long side"
fleck fit odd -o long.fleck --long-side 200 >log
fleck info long.fleck | grep input

echo "# a mask of all images: what it hides changes nothing"
picture() { # seed of the left half, of the right half
    awk -v a="$1" -v b="$2" 'BEGIN { print "P2 200 150 255"
        for (y = 0; y < 150; y++) for (x = 0; x < 200; x++)
            print ((x < 80 ? a : b) * (x * 7 + y * 13)) % 251 }'
}
mkdir good new
for i in 1 2 3 4; do picture "$i" $((i + 10)) >good/$i.pgm; done
picture 77 12 >new/a.pgm
picture 5 12 >new/b.pgm
awk 'BEGIN { print "P2 200 150 255"
    for (y = 0; y < 150; y++) for (x = 0; x < 200; x++) print x < 80 ? 255 : 0 }' >mask.pgm
for method in padim spade; do
    fleck fit good -o masked.fleck --method $method --tiles 96 --fit-mask mask.pgm >log || cat log
    fleck info masked.fleck | grep '^  left out'
    fleck info masked.fleck --json | grep -E '"(tile|overlap|left_out|pool)"'
    fleck predict masked.fleck new/a.pgm | cut -f 2- >a
    fleck predict masked.fleck new/b.pgm | cut -f 2- >b
    cmp a b && echo "$method: the same score"
done

echo "# masks of single images, in a CSV"
{ echo path,label,ignore,split
  for i in 1 2 3 4; do echo "good/$i.pgm,good,mask.pgm,train"; done
  echo new/a.pgm,good,mask.pgm,test
  echo new/b.pgm,defective,mask.pgm,test; } >table.csv
fleck fit table.csv -o own.fleck --tiles 96 >log || cat log
fleck eval own.fleck table.csv | grep -i 'image'
fleck info own.fleck | grep '^  unseen'
sed '2s/mask.pgm//; 3s/mask.pgm//; 4s/mask.pgm//' table.csv >shown.csv
fleck fit shown.csv -o own.fleck --tiles 96 >log || cat log
fleck info own.fleck | grep -c '^  unseen'

echo "# what is refused"
fleck fit odd -o x.fleck --overlap 0.5
fleck fit odd -o x.fleck --long-side 200 --size 64x64
fleck fit odd -o x.fleck --tiles 128 --crop 64x64
fleck fit odd -o x.fleck --fit-mask missing.png
sed -e 's/ 0$/ 255/' -e 's/^0$/255/' mask.pgm >white.pgm
fleck fit good -o x.fleck --fit-mask white.pgm
sed 's/^P2 200 150/P2 150 200/' mask.pgm >turned.pgm
sed 's/mask.pgm/turned.pgm/' table.csv >bad.csv
fleck fit bad.csv -o x.fleck
