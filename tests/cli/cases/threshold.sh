# SPDX-License-Identifier: Apache-2.0
# What fit says of its threshold, and fleck threshold, which shows what it rests on and sets it.
# Scores differ in their last digits between machines: N; the promised rates do not.
blank() {
    sed -E -e 's/^ *[0-9.]+ to [0-9.]+ */LOW to HIGH /' -e 's/\.([0-9]+) %/,\1 %/g' \
        -e 's/(score":)[0-9.]+/\1N/' -e 's/(scores|\.png|next) [0-9.]+/\1 N/g' \
        -e 's/ +[0-9]+\.[0-9]+/ N/g' -e 's/[0-9]+\.[0-9]+/N/g' -e 's/,([0-9]+) %/.\1 %/g'
}
fit() { fleck fit --method subspace --size 64 "$@" 2>&1 | grep -v ' s on ' | blank; }
threshold() { fleck threshold "$@" 2>&1 | blank; }
names() { # FOLDER DATE: photos that say when they were taken
    for f in "$1"/*.png; do mv "$f" "$1/$2_${f##*/}"; done
}
fleck synth parts --size 64 --train 20 --good 6 --defective 3 >/dev/null
fleck synth other --size 64 --train 12 --good 1 --defective 1 --seed 5 >/dev/null
names parts/train/good 2026-03-02
names other/train/good 2026-03-03
mkdir photos
cp parts/train/good/* other/train/good/* photos
echo "# enough, too few for the rate, too few for a verdict"
fit photos -o part.fleck --false-alarms 5% --groups day
fit photos -o few.fleck --calibrate 15
mkdir eight
cp photos/2026-03-02_00[0-7].png eight
fit eight -o eight.fleck
fit photos -o none.fleck --calibrate 0
fleck predict eight.fleck eight/2026-03-02_000.png | cut -f 3
fleck predict eight.fleck eight/2026-03-02_000.png --json | blank
fleck predict eight.fleck eight --csv r.csv >/dev/null
cut -d , -f 3-7 r.csv | head -n 2
echo "# one photo is of something else, and two are the same"
cp photos/2026-03-02_000.png photos/twin.png
cp parts/test/scratch/../../ground_truth/scratch/000_mask.png photos/odd.png
echo "no image" >photos/broken.png
fit photos -o odd.fleck --skip-bad | grep -v '^fleck: photos/broken'
rm photos/odd.png photos/broken.png photos/twin.png
echo "# days that differ"
mkdir days
cp photos/2026-03-02* days
for f in parts/ground_truth/*/*; do cp "$f" "days/2026-03-04_$(echo "$f" | tr / _)"; done
fit days -o days.fleck
fit days -o days.fleck --groups none
echo "# what it rests on"
threshold part.fleck
fleck threshold part.fleck --json >t.json
grep -c '"alone":.*' t.json
grep -o '"[a-z_]*":' t.json | sort -u | tr -d '\n'
echo
fleck info part.fleck | sed -n '/threshold/,$p' | blank
fleck info part.fleck --json | grep '"false_alarms"\|_rule\|groups'
echo "# the same threshold again writes the same bytes"
cp part.fleck copy.fleck
threshold copy.fleck --false-alarms 0.05
cmp part.fleck copy.fleck && echo same
echo "# others"
threshold copy.fleck --false-alarms 10%
threshold copy.fleck --set 12.5
fleck info copy.fleck | sed -n '/threshold/,$p' | blank
fleck verify copy.fleck | cut -d , -f 1
fleck predict copy.fleck photos/2026-03-02_000.png --json | sed 's/"regions".*//' | blank
echo "# labelled images"
for goal in "" "--miss-cost 20" --zero-misses --zero-false-alarms; do
    # shellcheck disable=SC2086
    threshold copy.fleck --with parts $goal
done
fleck threshold copy.fleck --with parts --json | sed -n '/"labels": {/,/}/p' | blank
fleck eval copy.fleck parts | grep verdicts | blank
fleck eval copy.fleck parts --threshold 1 | grep verdicts | blank
fleck eval copy.fleck parts --threshold 1 --json | grep -A 3 '"hindsight"\|"above_threshold"' |
    blank
echo "# good photos that were not learned"
threshold copy.fleck --holdout parts/test/good
threshold copy.fleck --holdout parts/test/good --false-alarms 10% | sed -n 1,4p
mkdir more
cp parts/test/good/*.png more
for f in other/train/good/*; do cp "$f" "more/n_${f##*/}"; done
threshold copy.fleck --holdout more --false-alarms 10%
threshold copy.fleck --holdout more --false-alarms 1% | sed -n 1,4p
cp copy.fleck before.fleck
echo "no image" >more/broken.png
fleck threshold copy.fleck --holdout more --false-alarms 10%
echo "exit $?"
cmp copy.fleck before.fleck && echo unchanged
echo "# a process that has the model open"
mkfifo in
fleck predict copy.fleck - <in >lines 2>errors &
exec 3>in
echo photos/2026-03-02_000.png >&3
until [ -s lines ]; do sleep 0.05; done
fleck threshold copy.fleck --set 3 >/dev/null
echo photos/2026-03-02_001.png >&3
exec 3>&-
wait
wc -l <lines
head -n 1 errors
echo "# what is refused"
for options in "--false-alarms 0" "--false-alarms 2" "--set x" "--set 0" "--set 1 --with parts" \
    "--zero-misses" \
    "--with parts --zero-misses --miss-cost 2" "--with parts/train/good" "--holdout nowhere"; do
    # shellcheck disable=SC2086
    fleck threshold copy.fleck $options
    echo "exit $?"
done
threshold none.fleck
fleck threshold none.fleck --set 3
echo "exit $?"
fleck fit eight -o x.fleck --groups week
fleck fit eight -o x.fleck --calibrate some
rm more/broken.png
fleck fit more -o x.fleck --groups day
echo "# a link stays one, and the file keeps its mode"
ln -s part.fleck link.fleck
chmod 640 part.fleck
fleck threshold link.fleck --set 3 >/dev/null
[ -L link.fleck ] && stat -c %a part.fleck
fleck info part.fleck | grep 'set by'
