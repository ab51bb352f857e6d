# SPDX-License-Identifier: Apache-2.0
# Layouts of other public sets: masks beside photos are told, and what is refused says what helps.
fit() {
    fleck fit "$@" -o m.fleck --overwrite --size 64 | sed 's/,* threshold.*//' | sed -n 1,2p
}
# The photos of a folder of $S, and the masks of good ones, which are black.
black=$(printf 'P5 256 256 255\n' && head -c 65536 /dev/zero | tr '\0' 'z')
masks() { # folder, ending
    for f in "$1"/*.png; do
        printf '%s' "$black" | tr 'z' '\0' >"${f%.png}$2"
    done
}
echo "-- a mask beside each photo"
cp -r "$S/train/good" beside
masks beside _GT.pgm
fit beside 2>&1 | grep -v 'like others'
echo "-- a photo of a defect, and its mask in a folder"
cp -r "$S/train/good" label
cp "$S/test/crack/000.png" label/1.png
mkdir label/Label
cp "$S/ground_truth/crack/000_mask.png" label/Label/1_label.png
fit label 2>&1
fit label --recursive 2>&1 | grep 'black and white'
fleck predict "$M" label 2>&1 >/dev/null | grep 'black and white'
echo "-- silhouettes only: no mask among photos"
mkdir dark
cp beside/*.pgm dark
fit dark 2>&1 | grep -c 'black and white'
echo "-- photos of train and test without folders"
mkdir -p flat
cp -r beside flat/train
cp -r beside flat/test
fit flat
fleck eval "$M" flat
echo "-- several masks an image, each image in a folder"
cp -r "$S" loco
rm -r loco/ground_truth/[!c]* loco/test/[!cg]*
mkdir loco/ground_truth/crack/000
mv loco/ground_truth/crack/000_mask.png loco/ground_truth/crack/000/000.png
fleck eval "$M" loco
echo "-- photos, depth and masks in folders of each type"
mkdir -p deep/train/good deep/test/good deep/test/crack
for kind in rgb gt; do
    cp -r "$S/train/good" deep/train/good/$kind
    cp -r "$S/test/good" deep/test/good/$kind
    cp -r "$S/test/crack" deep/test/crack/$kind
done
fit deep
fleck eval "$M" deep
fleck eval "$M" deep --recursive
echo "-- good ones in folders of their own"
mkdir -p serial/OK/1 serial/OK/2 serial/NG/3
cp "$S/train/good/000.png" serial/OK/1
cp "$S/train/good/001.png" serial/OK/2
cp "$S/test/crack/000.png" serial/NG/3
fit serial
fit serial/OK
echo "-- files of formats that are not read"
mkdir gif
printf 'GIF89a' >gif/a.gif
fit gif
echo '{"train": []}' >list.json
fit list.json
echo "-- lists"
printf 'image,label\n1.png,normal\n' >visa.csv
fit visa.csv
printf 'path;label\nlabel/1.png;Riss\n' >words.csv
fleck eval "$M" words.csv
printf 'path;label\nlabel/1.png;Ausschuss\nlabel/000.png;gut\n' >words.csv
fleck eval "$M" words.csv | sed -n 2p
echo "-- a benchmark says which folders are no categories"
mkdir root
ln -s "$S" root/sample
ln -s ../serial root/serial
fleck bench root -o out --run padim --resamples 10 2>&1 | sed -n 1p
fleck bench root -o out --run padim --resamples 10 --category sample 2>&1 | grep -c serial
mkdir root2
ln -s ../serial root2/serial
fleck bench root2 -o out2 --run padim
echo "-- a list without split: what was learned is no test"
{
    echo path,label
    for f in "$S"/train/good/*.png; do echo "$f,good"; done
    for f in "$S"/test/[!g]*/*.png; do echo "$f,defective"; done
} >all.csv
fleck fit all.csv -o all.fleck --size 64 >/dev/null
fleck eval all.fleck all.csv | sed -n 2p
fleck eval all.fleck "$S" | sed -n 2p
echo "-- the guide's list of a set in another layout"
mkdir visa
cp -r "$S/train/good" visa/Normal
cp -r "$S/test/crack" visa/Anomaly
cp -r "$S/ground_truth/crack" visa/Masks
mv visa/Masks/000_mask.png visa/Masks/000.png
sed -n '/^```$/,/^```$/p' "$SOURCE/docs/guide/benchmarks.md" | grep -v '^```' >list.sh
(cd visa && sh ../list.sh)
fit visa/set.csv
fleck eval m.fleck visa/set.csv | sed -n '2p;6p' | sed 's/[0-9]\.[0-9]*/N/g'
