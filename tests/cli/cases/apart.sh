# SPDX-License-Identifier: Apache-2.0
# No output is an input, by device and inode, whatever it is called and whatever --overwrite says.
cp -r "$S" s
cp "$M" m.fleck
cp -r "$FLECK_HOME" home
FLECK_HOME=$PWD/home
export FLECK_HOME
stored=home/weights/efficientnet_lite0.safetensors
awk 'BEGIN { print "P2 96 96 255"; for (i = 0; i < 9216; i++) print i % 96 < 24 ? 255 : 0 }' \
    >mask.pgm
# A list whose files do not look like images.
for k in 0 1 2 3; do cp s/train/good/00$k.png good$k.dat; done
cp s/test/crack/000.png crack.dat
cp s/ground_truth/crack/000_mask.png truth.dat
{
    echo path,label,mask,ignore
    for k in 0 1 2 3; do echo good$k.dat,good,,; done
    echo crack.dat,defective,truth.dat,ignored.dat
} >list.csv
cp truth.dat ignored.dat
sum() { find s m.fleck home mask.pgm ./*.dat list.csv -type f -exec cksum {} + | sort; }
sum >before
try() {
    echo "+ $*"
    fleck "$@" >out.txt 2>err.txt
    code=$?
    sed 's/, [0-9.]* images.*//' err.txt
    echo "exit $code"
    sum | cmp before - || echo "CHANGED"
}
echo "- fit"
ln good1.dat other.name
for out in good0.dat other.name crack.dat truth.dat ignored.dat list.csv; do
    try fit list.csv -o $out --overwrite
done
try fit s -o mask.pgm --fit-mask mask.pgm --overwrite
try fit s -o $stored --overwrite
echo "- predict"
cp s/test/good/000.png a.png
cp s/test/good/001.png b.png
mkdir o
try predict m.fleck a.png b.png -o o --overwrite
rm o/a.png.png
ln -s ../b.png o/a.png.png
try predict m.fleck a.png b.png -o o --overwrite
try predict m.fleck b.png a.png -o o --overwrite --maps tiff
ln -s ../b.png o/a.png.npy
try predict m.fleck a.png b.png -o o --overwrite --no-pictures --maps npy
rm o/b.png.png
ln -s ../m.fleck o/b.png.png
try predict m.fleck b.png -o o --overwrite
cmp b.png s/test/good/001.png && echo "b.png as it was"
rm o/b.png.png
mkfifo q
: >answers
fleck predict m.fleck - -o o --overwrite <q >answers 2>err.txt &
exec 9>q
echo b.png >&9
i=0
while [ ! -s answers ] && [ $i -lt 400 ]; do
    sleep 0.05
    i=$((i + 1))
done
echo a.png >&9
exec 9>&-
wait $!
echo "lines: exit $?"
cat answers
head -n 1 err.txt
cmp b.png s/test/good/001.png && echo "b.png as it was"
sum | cmp before - || echo "CHANGED"
echo "- bench"
mkdir root
cp -r s root/one
bench() { try bench root -o out --run padim:dims=20 --size 64 --resamples 10; }
fleck bench root -o out --run padim:dims=20 --size 64 --resamples 10 >/dev/null 2>&1
echo "exit $?"
for pair in one.json=train/good/000.png report.md=test/good/000.png \
    report.html=ground_truth/crack/000_mask.png \
    fleck-bench.txt=test/crack/000.png; do
    name=${pair%%=*} input=root/one/${pair#*=}
    mv "out/$name" kept
    ln -s "../$input" "out/$name"
    cksum "$input" >sum
    bench
    cksum "$input" | cmp sum - || echo "CHANGED"
    mv kept "out/$name"
done
mv out/report.csv kept
ln -s ../$stored out/report.csv
bench
mv kept out/report.csv
fleck bench root -o out --run padim:dims=20 --size 64 --resamples 10 >/dev/null 2>&1
echo "as it was: exit $?"
echo "- weights"
try weights add efficientnet_lite0 $stored
ln -s $PWD/home/weights/efficientnet_lite0.safetensors stored
try weights add efficientnet_lite0 stored
try weights fetch resnet18 --mirror http://127.0.0.1:9
rm -f home/downloads/*.part
ln -s ../../a.png home/downloads/resnet18-f37072fd.pth.part
try weights fetch resnet18 --mirror http://127.0.0.1:9
