# SPDX-License-Identifier: Apache-2.0
# What a benchmark computes again and what it takes from an earlier one, and who may write into its
# folder.
fleck synth root/one --size 96 --train 6 --good 3 --defective 1 >/dev/null
fleck synth root/two --size 96 --train 8 --good 3 --defective 1 --seed 2 >/dev/null
bench() {
    fleck bench root -o out --size 64 --resamples 50 "$@" >text
    code=$?
    tail -n 1 text
    echo "exit $code"
}
echo "two runs:"
bench --run padim:dims=20 --run spade:k=2,radius=0
echo "a run less, one more, in another order:"
bench --run spade:k=2,radius=0
bench --run spade:radius=0,k=2 --run subspace --run padim:dims=20
ls out/panels | wc -l
echo "other thresholds:"
bench --run spade:k=2,radius=0 --false-alarms 5%
bench --run spade:k=2,radius=0 --false-alarms 0.05
bench --run spade:k=2,radius=0 --groups runs
bench --run spade:k=2,radius=0 --run subspace --run padim:dims=20
echo "the same bytes with another time:"
touch root/*/train/good/*.png root/*/ground_truth/*/*.png
bench --run spade:k=2,radius=0 --run padim:dims=20
echo "another mask of the same size, with the time of the old one:"
cp -p root/one/ground_truth/dent/000_mask.png old.png
cp root/one/ground_truth/scratch/000_mask.png new.png
size() { wc -c <"$1"; }
while [ "$(size new.png)" -lt "$(size old.png)" ]; do printf '\0' >>new.png; done
while [ "$(size new.png)" -gt "$(size old.png)" ]; do printf '\0' >>old.png; done
mask=root/one/ground_truth/dent/000_mask.png
cat old.png >$mask
touch -r old.png $mask
bench --run spade:k=2,radius=0
cat new.png >$mask
touch -r old.png $mask
bench --run spade:k=2,radius=0
echo "a copy of the weights, then a damaged one:"
cp "$FLECK_HOME/weights/efficientnet_lite0.safetensors" w.safetensors
bench --run spade:k=2,radius=0,weights=w.safetensors
size=$(size w.safetensors)
# The last byte but one of a number: a little less or more.
printf '\001' | dd of=w.safetensors bs=1 seek=$((size - 4)) conv=notrunc 2>/dev/null
bench --run spade:k=2,radius=0,weights=w.safetensors
echo "a run that fails on one category costs that cell:"
bench --run spade:k=7,radius=0 --run spade:k=2,radius=0
grep '^one' text | head -n 2
grep '^\* ' text
grep -c '1 failed and has no figures' out/report.html
echo "and that cell alone is tried again:"
bench --run spade:k=7,radius=0 --run spade:k=2,radius=0 2>/dev/null
echo "two ways to write one run:"
bench --run spade:k=2,radius=0 --run spade:radius=0,k-image=2,k-pixel=2
echo "another benchmark holds the folder:"
exec 9<>out/fleck-bench.txt
flock -n 9
bench --run spade:k=2,radius=0
exec 9>&-
echo "killed in the middle, again:"
fleck bench root -o killed --size 64 --resamples 50 --run padim:dims=20 \
    --run spade:k=2 >/dev/null 2>&1 &
until [ -e killed/one.json ]; do sleep 0.01; done
kill -KILL $!
wait $! 2>/dev/null
fleck bench root -o killed --size 64 --resamples 50 --run padim:dims=20 \
    --run spade:k=2 2>/dev/null |
    tail -n 1 | sed 's/[0-9]* of them done before//; s/[0-9]* computed, [0-9]* done before/done/'
echo "results below the root are no category:"
mkdir root/results
fleck bench root -o root/results --size 64 --resamples 50 --run spade:k=2 -c one >/dev/null 2>&1
mkdir root/results/train root/results/test
fleck bench root -o root/results --size 64 --resamples 50 --run spade:k=2 2>/dev/null | tail -n 1
rm -r root/results
ls -A killed | grep -v -e json -e report -e panels
echo "names that are no UTF-8:"
mv root/one "$(printf 'root/\377')"
mv "$(printf 'root/\377/test/dent/000.png')" "$(printf 'root/\377/test/dent/\376.png')"
mv "$(printf 'root/\377/ground_truth/dent/000_mask.png')" \
    "$(printf 'root/\377/ground_truth/dent/\376_mask.png')"
fleck bench root -o odd --size 64 --resamples 50 --run spade:k=2 2>/dev/null | tail -n 1
ls odd
grep -h '"path": "test/dent' odd/*.json
fleck compare odd/two.json odd/two.json | sed -n 1p
for f in odd/*.json odd/report.*; do
    iconv -f UTF-8 -t UTF-8 "$f" >/dev/null 2>&1 || echo "$f is no UTF-8"
done
fleck predict "$M" "$(printf 'root/\377/test/dent')" --json 2>/dev/null | cut -d , -f 1
