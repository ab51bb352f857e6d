# SPDX-License-Identifier: Apache-2.0
# A benchmark of two runs over three categories of which one is damaged: what is done, kept, reused
# and refused.
mkdir root
fleck synth root/one --size 96 --train 4 --good 2 --defective 1 >/dev/null
fleck synth root/two --size 96 --train 4 --good 2 --defective 1 --seed 2 >/dev/null
cp -r root/one root/broken
head -c 300 root/one/train/good/000.png >root/broken/train/good/001.png
mkdir root/notes
bench() {
    fleck bench root -o out --run spade:k=2,radius=0 --run padim:dims=20 --size 64 \
        --resamples 100 "$@" >text
    code=$?
    sed -e '/^Cost of/,$d' -e 's/[0-9][0-9]*\.[0-9]*/N/g' -e 's/  */ /g' text
    tail -n 1 text
    echo "exit $code"
}
bench
ls -R out | sed 's/-[0-9a-f]\{12\}-/-SETTINGS-/'
# Both runs resize differently by default, so that each image is decoded once and passed twice; each
# ground truth is decoded once, for the figures and pictures of both runs.
grep -h '"images": [0-9]\|"decoded"\|"masks"\|"passes"\|"networks"' out/one.json out/two.json
grep -c '"path"' out/one.json
echo "with one filter:"
bench --resize area --category one | tail -n 2
grep -h '"decoded"\|"masks"\|"passes"\|"networks"' out/one.json
echo "again, mended:"
cp root/one/train/good/001.png root/broken/train/good/001.png
bench --resize area --category one --category broken
echo "another seed decides other figures:"
bench --resize area --category one --seed 7 | tail -n 2
grep -c '<svg' out/report.html
grep -c 'src="data:image/png;base64,iVBOR' out/report.html
grep -c 'http\|<script\|<link' out/report.html
# Every picture says what it shows, every histogram its threshold, and every link leads somewhere.
grep -o '<img alt="[^"]*"' out/report.html | sort | uniq -c | sed 's/  *//' | head -n 3
grep -o 'href="#[^"]*"' out/report.html | sed 's/href="#\(.*\)"/id="\1"/' | sort -u |
    while read -r id; do grep -q "$id" out/report.html || echo "$id is nowhere"; done
grep -o '<p class="lead">.*</p>' out/report.html
grep '^## ' out/report.md
head -n 1 out/report.csv
grep -c . out/report.csv
mkdir foreign
echo mine >foreign/notes.txt
fleck bench root -o foreign --run padim
echo "exit $?"
fleck bench root -o new --run padim --category nosuch
fleck bench root -o new --run nosuch
fleck bench root -o new --run padim:nosuch=1
fleck bench root -o new --run padim:dims
fleck bench root -o new --run padim --run padim
fleck bench root -o new --preset nosuch
fleck bench root -o new
fleck bench root --run padim
fleck bench root/notes -o new --run padim
fleck bench root -o new --run padim@wide_resnet50_2
ls new 2>&1
echo "sizes and tiles beside each other, each network pass once:"
awk 'BEGIN { print "P2 96 96 255"; for (i = 0; i < 9216; i++) print i % 96 < 24 ? 255 : 0 }' \
    >mask.pgm
fleck synth root/wide --size 128x64 --train 4 --good 2 --defective 1 --seed 3 >/dev/null
fleck bench root -o shapes --category one --category wide --run padim:dims=20,tiles=64 \
    --run padim:dims=20,long-side=128 --run padim:dims=20,size=64,pool=top:5 \
    --run padim:dims=20,size=64,fit-mask=mask.pgm \
    --memory 100M --resamples 10 >/dev/null
grep -h '"decoded"\|"masks"\|"passes"\|"networks"\|"tile"' shapes/one.json shapes/wide.json
sed -n '/^## Runs/,/^## Table/s/^| padim/&/p' shapes/report.md | cut -d '|' -f 2,6
tr -d ' \n' <shapes/wide.json | grep -o '"size":[^]]*.'
# The same as one fit and one evaluation.
fleck fit root/wide -o tiles.fleck --tiles 64 --dims 20 -m padim >/dev/null
fleck eval tiles.fleck root/wide --json >tiles.json
scores() { tr -d ' \n' <"$1" | grep -o '"label":[01],"score":[-0-9.e]*' | head -n 7; }
scores shapes/wide.json >a
scores tiles.json >b
grep -c . a
cmp a b && echo "the same scores"
fleck bench root -o shapes --category one --run padim:size=64 --overlap 0.5
fleck bench root -o shapes --category one --run padim --long-side 64 --size 64
